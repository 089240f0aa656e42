//! [`ReadTransaction`]: a snapshot to read from.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::BlobReader;
use crate::Error;
use crate::collection::{Collection, Key, RecordReader, Schema, Within};
use crate::parts::{InWhole, Whole};
use crate::query::{self, Reads, SlowHook, sealed};
use crate::schema::CollectionDef;
use crate::storage::StorageError;
use crate::storage::facade::{Reading, View};
use crate::storage::pager::CommitNumber;
use crate::storage::records::RecordRef;
use crate::storage::store::Snapshot;
use crate::value::{Blob, key};

/// A snapshot: the database as of the moment it was taken, however long it is kept.
///
/// Taking and using one never waits, and makes nobody wait. While it lives, the page versions that it sees stay in
/// memory: keep one for an answer, not for the program's life. It can be shared between threads.
/// [Queries](crate::query) run against `&tx`.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let tx = db.read()?;
/// let saxon = Artist::query().filter(|a| a.name.eq("Saxon")).one(&tx)?;
/// db.write(|tx| tx.delete(&saxon))?;
/// assert_eq!(tx.get::<Artist>(saxon.id)?, Some(saxon));
/// # Ok::<(), Error>(())
/// ```
pub struct ReadTransaction<'d, D> {
    snapshot: Snapshot<'d>,
    slow: Option<InWhole<&'d SlowHook>>,
    schema: PhantomData<fn() -> D>,
}

impl<D> fmt::Debug for ReadTransaction<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadTransaction").finish_non_exhaustive()
    }
}

impl<'d, D: Schema> ReadTransaction<'d, D> {
    pub(super) fn new(snapshot: Snapshot<'d>, slow: Option<&'d SlowHook>) -> Self {
        let slow = slow.zip(Whole::build()).map(|(hook, whole)| InWhole::new(hook, whole));
        ReadTransaction { snapshot, slow, schema: PhantomData }
    }

    /// The record with this key, as of the snapshot; `None` when there is none.
    ///
    /// One descent of a tree: the work grows with the logarithm of the number of records. A text or compound key takes
    /// a second descent, of its index.
    ///
    /// # Errors
    ///
    /// [`Corruption`](crate::ErrorKind::Corruption) when a page on the way is damaged, [`Io`](crate::ErrorKind::Io)
    /// when it cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let tx = db.read()?;
    /// assert_eq!(tx.get::<Album>(Id::new(1))?.and_then(|album| album.year), Some(1981));
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn get<C: Collection + Within<D>>(&self, key: impl Into<C::Key>) -> Result<Option<C>, Error> {
        get(self.snapshot.operation().view(), &key.into())
    }

    /// The commit that the snapshot shows.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let tx = db.read()?;
    /// db.write(|tx| tx.delete_key::<Artist>(Id::new(3)))?;
    /// assert_eq!(db.read()?.commit().0, tx.commit().0 + 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn commit(&self) -> CommitNumber {
        CommitNumber(self.snapshot.commit())
    }

    /// Reads the bytes of a blob, as of the snapshot. A piece at a time is in memory, however long the blob is.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when the blob is not in the snapshot: its record was deleted or updated
    /// before, or is not committed yet. [`Corruption`](crate::ErrorKind::Corruption) when it is damaged,
    /// [`Io`](crate::ErrorKind::Io) when it cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::prelude::*;
    ///
    /// #[derive(Collection)]
    /// struct Song {
    ///     id: Id<Song>,
    ///     sound: Blob,
    /// }
    ///
    /// epilog::schema!(Songs { Song });
    ///
    /// let db = Songs::in_memory()?;
    /// db.write(|tx| {
    ///     let mut writer = tx.blob_writer();
    ///     writer.write_all(b"la la la")?;
    ///     let sound = writer.finish()?;
    ///     tx.insert(&Song { id: Id::auto(), sound })
    /// })?;
    ///
    /// let tx = db.read()?;
    /// let sound = Song::query().select(|s| s.sound).one(&tx)?;
    /// let mut bytes = [0; 5];
    /// assert_eq!(tx.blob_reader(sound)?.read_at(6, &mut bytes)?, 2);
    /// assert_eq!(&bytes[..2], b"la");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn blob_reader(&self, blob: Blob) -> Result<BlobReader<'_>, Error> {
        BlobReader::new(&self.snapshot, blob)
    }
}

impl<D: Schema> sealed::Reads for ReadTransaction<'_, D> {}

#[diagnostic::do_not_recommend]
impl<D: Schema> Reads for ReadTransaction<'_, D> {
    type Schema = D;

    fn with_view<R>(&self, then: impl FnOnce(View<'_>) -> Result<R, Error>) -> Result<R, Error> {
        then(self.snapshot.operation().view())
    }

    fn with_reading<R>(&self, then: impl FnOnce(&dyn Reading) -> Result<R, Error>) -> Result<R, Error> {
        then(&self.snapshot)
    }

    fn slow_hook(&self) -> Option<&SlowHook> {
        self.slow.as_deref().copied()
    }
}

#[diagnostic::do_not_recommend]
impl<D: Schema> query::Snapshot for ReadTransaction<'_, D> {
    fn reading(&self) -> &dyn Reading {
        &self.snapshot
    }
}

/// The definition that a declared collection is bound to.
#[inline]
pub(super) fn bound<'s, C: Collection>(view: View<'s>) -> &'s CollectionDef {
    // A name would do; the address of the schema finds it without comparing text in all but the first place.
    view.catalog().bound(C::schema()).expect("the schema binds every collection that is within it")
}

/// The record with this key.
#[inline]
pub(super) fn get<C: Collection>(view: View<'_>, key: &C::Key) -> Result<Option<C>, Error> {
    let collection = bound::<C>(view);
    let record = find(view, collection, key)?;
    match record {
        Some(record) => Ok(Some(C::decode(&RecordReader::new(record, collection))?)),
        None => Ok(None),
    }
}

/// The rank of the record with this key, whether there is one or not; `None` when the key must be looked up and is not
/// there.
pub(super) fn rank_of<K: Key>(
    view: View<'_>,
    collection: &CollectionDef,
    key: &K,
) -> Result<Option<u128>, StorageError> {
    key.with_cells(|cells| match (collection.clustered, cells) {
        (Some(position), [Some(cell)]) => {
            Ok(Some(key::rank(collection.fields[usize::from(position)].ty, cell)))
        }
        _ => {
            let index = collection.key_index().expect("a key that does not cluster has an index");
            let mut bytes = Vec::new();
            for (position, cell) in collection.key.iter().zip(cells) {
                let field = &collection.fields[usize::from(*position)];
                key::append(&mut bytes, field.ty, field.optional, *cell);
            }
            view.rank_by_key(collection, index, &bytes)
        }
    })
}

#[inline]
fn find<'s, K: Key>(
    view: View<'s>,
    collection: &'s CollectionDef,
    key: &K,
) -> Result<Option<RecordRef<'s>>, StorageError> {
    match rank_of(view, collection, key)? {
        Some(rank) => view.get(collection, rank),
        None => Ok(None),
    }
}
