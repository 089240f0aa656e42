//! [`WriteTransaction`]: changes that become durable together, or not at all.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::marker::PhantomData;

use super::read::{get, rank_of};
use super::{BlobReader, BlobWriter, Commit, Durability, Shared};
use crate::Error;
use crate::collection::{Collection, Key, RecordWriter, Schema, Within};
use crate::engine::{self, Assigner, Control, Giver, Run};
use crate::expr::{Assignment, Draft};
use crate::query::{Given, Reads, SlowHook, Snapshot, Writes, sealed};
use crate::schema::{CollectionDef, Place};
use crate::storage::StorageError;
use crate::storage::collected::Collected;
use crate::storage::facade::{Reading, View};
use crate::storage::records::{ConstraintError, RecordDraft, RecordRef};
use crate::storage::writer::Writer;
use crate::value::{Blob, Cell};

/// A write transaction: sees its own changes; nobody else does before it commits. Dropping it aborts.
///
/// Begun by [`Database::write`](super::Database::write), which also ends it, or by
/// [`Database::begin`](super::Database::begin). [Queries](crate::query) run against `&tx`, set-based updates and
/// deletions against `&mut tx`. Its changed pages are in memory until the next checkpoint after the commit.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// db.write(|tx| {
///     let artist = tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() })?;
///     tx.insert(&Album { id: Id::auto(), title: "Bomber".into(), artist, year: Some(1979) })?;
///     let early = Album::query().filter(|al| al.year.lt(1980)).count(tx)?;
///     assert_eq!(early, 1);
///     Ok(())
/// })?;
/// # Ok::<(), Error>(())
/// ```
pub struct WriteTransaction<'d, D> {
    database: &'d Arc<Shared>,
    writer: Writer<'d>,
    draft: RecordDraft,
    schema: PhantomData<fn() -> D>,
}

impl<D> fmt::Debug for WriteTransaction<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteTransaction").finish_non_exhaustive()
    }
}

impl<'d, D: Schema> WriteTransaction<'d, D> {
    pub(super) fn new(database: &'d Arc<Shared>, writer: Writer<'d>) -> Self {
        WriteTransaction { database, writer, draft: RecordDraft::default(), schema: PhantomData }
    }

    pub(super) fn into_writer(self) -> Writer<'d> {
        self.writer
    }

    /// The record with this key, this transaction's changes included; `None` when there is none.
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
    /// db.write(|tx| {
    ///     let id = tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() })?;
    ///     assert!(tx.get::<Artist>(id)?.is_some());
    ///     assert!(db.get::<Artist>(id)?.is_none()); // not committed
    ///     Ok(())
    /// })?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn get<C: Collection + Within<D>>(&self, key: impl Into<C::Key>) -> Result<Option<C>, Error> {
        get(self.view(), &key.into())
    }

    /// Inserts a record; returns its key.
    ///
    /// An [`Id::auto()`](crate::Id::auto) is replaced by the next number of the collection, one more than the largest
    /// ever given out or inserted. `record` itself is not changed: keep the key that comes back. An id with a number is
    /// kept, if no record has it.
    ///
    /// # Errors
    ///
    /// [`UniqueViolation`](crate::ErrorKind::UniqueViolation) when its key, or its values in a unique index, are taken
    /// (a `None` among these exempts it); [`ReferenceViolation`](crate::ErrorKind::ReferenceViolation) when a relation
    /// points at no record; [`Constraint`](crate::ErrorKind::Constraint) when its values in an index take more than 960
    /// bytes together, or one value more than 2<sup>30</sup>, or a [`Blob`] in it was not written in this transaction or is
    /// another record's. Nothing has changed then, and the transaction can go on.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// db.write(|tx| {
    ///     let artist = tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() })?;
    ///     assert_eq!(artist, Id::new(4));
    ///
    ///     let again = tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() });
    ///     assert_eq!(again.unwrap_err().kind(), ErrorKind::UniqueViolation);
    ///
    ///     let nobodys = Album { id: Id::auto(), title: "?".into(), artist: Id::new(99), year: None };
    ///     assert_eq!(tx.insert(&nobodys).unwrap_err().kind(), ErrorKind::ReferenceViolation);
    ///     Ok(())
    /// })?;
    /// assert_eq!(Artist::query().count(&db)?, 4);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn insert<C: Collection + Within<D>>(&mut self, record: &C) -> Result<C::Key, Error> {
        let collection = self.definition::<C>();
        fill(&mut self.draft, &collection, record);
        let rank = self.writer.insert(&collection, &mut self.draft)?;
        Ok(record.key().with_number(rank as u64))
    }

    /// Inserts records, all or none; returns their keys in the same order. Relations may point at records later in the
    /// list.
    ///
    /// Takes what can be iterated over, records or references to them. Much faster than one by one for many records:
    /// index entries are applied in the order of the index.
    ///
    /// # Errors
    ///
    /// As [`insert`](WriteTransaction::insert), for the first record that is refused. None is inserted then, and the
    /// transaction can go on.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let names = ["Motörhead", "Venom"];
    /// let artists = names.map(|name| Artist { id: Id::auto(), name: name.into() });
    /// let keys = db.write(|tx| tx.insert_all(&artists))?;
    /// assert_eq!(keys, [Id::new(4), Id::new(5)]);
    ///
    /// // The second name is taken: neither is inserted.
    /// let artists = ["Judas Priest", "Venom"].into_iter().map(|name| Artist { id: Id::auto(), name: name.into() });
    /// let refused = db.write(|tx| tx.insert_all(artists));
    /// assert_eq!(refused.unwrap_err().kind(), ErrorKind::UniqueViolation);
    /// assert_eq!(Artist::query().count(&db)?, 5);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn insert_all<C: Collection + Within<D>, By>(
        &mut self,
        records: impl Records<C, By>,
    ) -> Result<Vec<C::Key>, Error> {
        let collection = self.definition::<C>();
        let mut records = records.records();
        let mut keys = Vec::with_capacity(records.size_hint().0);
        let ranks = self.writer.insert_all(&collection, &mut |draft| match records.next() {
            Some(record) => {
                let record = record.borrow();
                fill(draft, &collection, record);
                keys.push(record.key());
                Ok::<bool, StorageError>(true)
            }
            None => Ok(false),
        })?;
        for (key, rank) in keys.iter_mut().zip(ranks) {
            *key = key.with_number(rank as u64);
        }
        Ok(keys)
    }

    /// Replaces the record that has this one's key, every field of it.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is none; otherwise as [`insert`](WriteTransaction::insert).
    /// Nothing has changed then, and the transaction can go on.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let mut demos: Album = db.get(Id::new(4))?.expect("an album");
    /// demos.year = Some(1978);
    /// db.write(|tx| tx.update(&demos))?;
    /// assert_eq!(db.get::<Album>(Id::new(4))?, Some(demos));
    ///
    /// let nobody = Artist { id: Id::new(99), name: "?".into() };
    /// assert_eq!(db.write(|tx| tx.update(&nobody)).unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn update<C: Collection + Within<D>>(&mut self, record: &C) -> Result<(), Error> {
        let collection = self.definition::<C>();
        fill(&mut self.draft, &collection, record);
        if let Some(rank) = rank_of(self.writer.view(), &collection, &record.key())?
            && self.writer.update(&collection, rank, &mut self.draft)?
        {
            return Ok(());
        }
        let key = self.draft.describe_key(&collection);
        Err(ConstraintError::NotFound { collection: collection.name.clone(), key }.into())
    }

    /// Deletes the record that has this one's key, whatever its other fields; returns whether there was one.
    ///
    /// Records that point at it go with it where their relation says `#[on_delete(cascade)]`, and theirs in turn; those
    /// that say `#[on_delete(set_null)]` stay and point at nothing.
    ///
    /// # Errors
    ///
    /// [`ReferenceViolation`](crate::ErrorKind::ReferenceViolation) when a record that would stay points at one that
    /// would go, and its relation says neither. Nothing has changed then, and the transaction can go on.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let saxon = Artist::query().filter(|a| a.name.eq("Saxon")).one(&db)?;
    /// assert!(db.write(|tx| tx.delete(&saxon))?);
    /// assert!(!db.write(|tx| tx.delete(&saxon))?);
    /// // Its albums went with it, and their tracks.
    /// assert_eq!((Album::query().count(&db)?, Track::query().count(&db)?), (2, 3));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn delete<C: Collection + Within<D>>(&mut self, record: &C) -> Result<bool, Error> {
        self.delete_key::<C>(record.key())
    }

    /// Deletes the record with this key, as [`delete`](WriteTransaction::delete) does; returns whether there was one.
    ///
    /// # Errors
    ///
    /// As [`delete`](WriteTransaction::delete).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// assert!(db.write(|tx| tx.delete_key::<Artist>(Id::new(3)))?);
    /// assert!(!db.write(|tx| tx.delete_key::<Artist>(Id::new(3)))?);
    ///
    /// // The number is not given out again.
    /// let id = db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() }))?;
    /// assert_eq!(id, Id::new(4));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn delete_key<C: Collection + Within<D>>(&mut self, key: impl Into<C::Key>) -> Result<bool, Error> {
        let collection = self.definition::<C>();
        match rank_of(self.writer.view(), &collection, &key.into())? {
            Some(rank) => Ok(self.writer.delete(&collection, rank)?),
            None => Ok(false),
        }
    }

    /// Begins a blob: bytes of any length for a field of type [`Blob`], written a piece at a time.
    ///
    /// The transaction can do nothing else before the blob is finished or dropped. A transaction that writes much goes
    /// past the journal (see [`Options::bulk_after`](super::Options::bulk_after)), so that every byte is written once.
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::prelude::*;
    ///
    /// #[derive(Collection, Clone, Debug, PartialEq)]
    /// struct Song {
    ///     id: Id<Song>,
    ///     sound: Option<Blob>,
    /// }
    ///
    /// epilog::schema!(Songs { Song });
    ///
    /// let db = Songs::in_memory()?;
    /// let id = db.write(|tx| tx.insert(&Song { id: Id::auto(), sound: None }))?;
    /// db.write(|tx| {
    ///     let mut writer = tx.blob_writer();
    ///     writer.write_all(b"la la ")?;
    ///     writer.write_all(b"la")?;
    ///     assert_eq!(writer.len(), 8);
    ///     let sound = Some(writer.finish()?);
    ///     tx.update(&Song { id, sound }) // an earlier blob of the record would go now
    /// })?;
    /// assert_eq!(db.get::<Song>(id)?.and_then(|song| song.sound).map(|sound| sound.len()), Some(8));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn blob_writer(&mut self) -> BlobWriter<'_> {
        BlobWriter::new(&mut self.writer, self.database.chunk_len)
    }

    /// Reads the bytes of a blob, this transaction's own included. What was read stays in memory until the transaction's next
    /// change: a long blob is better read from a snapshot.
    ///
    /// # Errors
    ///
    /// As [`ReadTransaction::blob_reader`](super::ReadTransaction::blob_reader).
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
    /// Songs::in_memory()?.write(|tx| {
    ///     let mut writer = tx.blob_writer();
    ///     writer.write_all(b"la la la")?;
    ///     let sound = writer.finish()?;
    ///     let mut bytes = [0; 8];
    ///     tx.blob_reader(sound)?.read_at(0, &mut bytes)?;
    ///     assert_eq!(&bytes, b"la la la");
    ///     Ok(())
    /// })?; // no record has it: it is gone
    /// # Ok::<(), Error>(())
    /// ```
    pub fn blob_reader(&self, blob: Blob) -> Result<BlobReader<'_>, Error> {
        BlobReader::new(&self.writer, blob)
    }

    /// Runs `work`; when it returns `Err`, everything it changed is undone and the transaction goes on as before. Nests
    /// to any depth.
    ///
    /// What `work` did is durable with the transaction's commit, not before. Undoing costs as much as `work` changed.
    ///
    /// # Errors
    ///
    /// What `work` returns.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// db.write(|tx| {
    ///     tx.insert(&Artist { id: Id::auto(), name: "kept".into() })?;
    ///     let undone = tx.savepoint(|tx| {
    ///         tx.insert(&Artist { id: Id::auto(), name: "undone".into() })?;
    ///         Err::<(), _>(Error::custom("on second thought"))
    ///     });
    ///     assert!(undone.is_err());
    ///     Ok(())
    /// })?;
    /// assert!(Artist::query().filter(|a| a.name.eq("kept")).exists(&db)?);
    /// assert!(!Artist::query().filter(|a| a.name.eq("undone")).exists(&db)?);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn savepoint<R>(&mut self, work: impl FnOnce(&mut Self) -> Result<R, Error>) -> Result<R, Error> {
        let mark = self.writer.mark();
        match work(self) {
            Ok(result) => {
                self.writer.release(mark);
                Ok(result)
            }
            Err(error) => {
                self.writer.rollback_to(mark);
                Err(error)
            }
        }
    }

    /// Commits: what the transaction changed is seen by every snapshot taken from here on.
    ///
    /// Returns after the journal is synced, unless [`Options::durability`](super::Options::durability) says otherwise. What
    /// is returned tells the commit's number; with [`Durability::Group`] it is also what to wait for. A transaction that
    /// changed nothing writes nothing.
    ///
    /// # Errors
    ///
    /// [`Failed`](crate::ErrorKind::Failed) when a statement of the transaction failed half-way (by damage or for want
    /// of memory, not by a constraint); [`Full`](crate::ErrorKind::Full) or [`Io`](crate::ErrorKind::Io) when writing
    /// the journal fails. Nothing of it is kept then. When the sync fails, the outcome is unknown: the database takes
    /// no more writes, and opening it again finds out.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let mut tx = db.begin()?;
    /// let id = tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() })?;
    /// tx.commit()?;
    /// assert!(db.get::<Artist>(id)?.is_some());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn commit(self) -> Result<Commit, Error> {
        let durability = self.database.durability;
        self.commit_with(durability)
    }

    /// Commits with a durability of its own, whatever [`Options::durability`](super::Options::durability) says.
    ///
    /// A commit that is durable makes those before it durable too.
    ///
    /// # Errors
    ///
    /// As [`commit`](WriteTransaction::commit).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// for (name, durability) in [("Motörhead", Durability::None), ("Venom", Durability::Immediate)] {
    ///     let mut tx = db.begin()?;
    ///     tx.insert(&Artist { id: Id::auto(), name: name.into() })?;
    ///     tx.commit_with(durability)?;
    /// }
    /// assert_eq!(Artist::query().count(&db)?, 5); // both durable
    /// # Ok::<(), Error>(())
    /// ```
    pub fn commit_with(self, durability: Durability) -> Result<Commit, Error> {
        let number = self.writer.commit(durability)?;
        Ok(Commit::new(self.database, number, durability))
    }

    /// Aborts: nothing of the transaction is kept, and the ids it was given are given out again. The same as dropping it.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let mut tx = db.begin()?;
    /// let id = tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() })?;
    /// tx.abort();
    /// assert_eq!(db.get::<Artist>(id)?, None);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn abort(self) {}

    #[inline]
    pub(crate) fn view(&self) -> View<'_> {
        self.writer.view()
    }

    /// The definition of a draft's root.
    fn bound(&self, draft: &Draft) -> Result<Arc<CollectionDef>, Error> {
        let bound = self.view().catalog().bound((draft.root)());
        Ok(bound.expect("the root was checked to be within the schema").clone())
    }

    /// Gives what is selected of the records with these ranks, as they are now.
    fn give(
        &self,
        collection: &CollectionDef,
        draft: &Draft,
        ranks: &Collected,
        run: &Run,
        given: Given<'_>,
    ) -> Result<(), Error> {
        let view = self.view();
        let giver = Giver::new(view, draft.root, given.items)?;
        giver.give(view, ranks, run, &|rank| record_of(view, collection, rank), given.each)
    }

    /// The keys of the records that a statement is about, all of them.
    fn keys(
        &mut self,
        draft: &Draft,
        control: &Control,
        run: &Run,
        in_order: bool,
    ) -> Result<Collected, Error> {
        let mut keys = self.collected(run);
        engine::keys(self.view(), draft, control, run, in_order, &mut |rank| {
            self.push(&mut keys, &rank.to_le_bytes())
        })?;
        // What was read to find so many need not stay.
        #[cfg(not(feature = "small"))]
        if keys.is_aside() {
            self.writer.rest();
        }
        Ok(keys)
    }

    /// Room for what a statement finds out before its first change: a quarter of what it may keep in memory is for keys, and as much for
    /// what records become.
    #[cfg_attr(feature = "small", expect(unused_variables, reason = "all is in memory"))]
    fn collected(&self, run: &Run) -> Collected {
        #[cfg(feature = "small")]
        return Collected::default();
        #[cfg(not(feature = "small"))]
        Collected::new(self.collected_max(run))
    }

    /// The bytes of that.
    #[cfg(not(feature = "small"))]
    fn collected_max(&self, run: &Run) -> Option<usize> {
        run.memory().or_else(|| self.writer.statement_bytes()).map(|bytes| bytes / 4)
    }

    fn push(&self, collected: &mut Collected, piece: &[u8]) -> Result<(), StorageError> {
        #[cfg(feature = "small")]
        return collected.push(piece);
        #[cfg(not(feature = "small"))]
        collected.push(piece, &|block_len| self.writer.scratch(block_len))
    }

    fn definition<C: Collection>(&self) -> Arc<CollectionDef> {
        let catalog = self.writer.view().catalog();
        catalog.bound(C::schema()).expect("the schema binds every collection that is within it").clone()
    }
}

#[diagnostic::do_not_recommend]
impl<D: Schema> sealed::Reads for WriteTransaction<'_, D> {}

#[diagnostic::do_not_recommend]
impl<D: Schema> Reads for WriteTransaction<'_, D> {
    type Schema = D;

    fn with_view<R>(&self, then: impl FnOnce(View<'_>) -> Result<R, Error>) -> Result<R, Error> {
        then(self.view())
    }

    fn with_reading<R>(&self, then: impl FnOnce(&dyn Reading) -> Result<R, Error>) -> Result<R, Error> {
        then(&self.writer)
    }

    fn slow_hook(&self) -> Option<&SlowHook> {
        self.database.slow_hook()
    }
}

#[diagnostic::do_not_recommend]
impl<D: Schema> Snapshot for WriteTransaction<'_, D> {
    fn reading(&self) -> &dyn Reading {
        &self.writer
    }
}

#[diagnostic::do_not_recommend]
impl<D: Schema> Writes for WriteTransaction<'_, D> {
    fn update_records(
        &mut self,
        draft: &Draft,
        assignments: &[Assignment],
        control: &Control,
        given: Option<Given<'_>>,
    ) -> Result<u64, Error> {
        let collection = self.bound(draft)?;
        let run = control.begin(self.view());
        // The keys are all found before the first change: an update cannot meet its own work.
        let ranks = self.keys(draft, control, &run, given.is_some())?;
        // Nor can its expressions: those that look at other records are evaluated before the first change, too.
        let assigner = Assigner::new(self.view(), draft.root, assignments)?;
        let looks_around = assignments.iter().any(|assignment| assignment.expression.reads_other_records());
        let mut draft_of_one = RecordDraft::default();
        let mut images = self.collected(&run);
        if looks_around {
            let mut assigning = assigner.begin(self.view(), &run);
            let mut left = ranks.read();
            let (mut at, mut image) = (0, Vec::new());
            while let Some(rank) = left.next_rank()? {
                check_at(at, &run, self.view())?;
                at += 1;
                let record = record_of(self.view(), &collection, rank)?;
                assigner.apply(&mut assigning, record, &mut draft_of_one)?;
                // Its length comes before it.
                image.clear();
                image.extend_from_slice(&[0; LEN_LEN]);
                draft_of_one.append_image(&mut image);
                let len = (image.len() - LEN_LEN) as u64;
                image[..LEN_LEN].copy_from_slice(&len.to_le_bytes());
                self.push(&mut images, &image)?;
            }
        }
        #[cfg(not(feature = "small"))]
        if images.is_aside() {
            self.writer.rest();
        }
        let mut evaluated = images.read();
        let mut left = ranks.read();
        let mut at = 0;
        let mut next = |writer: &Writer<'_>, new: &mut RecordDraft| {
            let Some(rank) = left.next_rank()? else { return Ok(None) };
            check_at(at, &run, writer.view())?;
            at += 1;
            match evaluated.next(LEN_LEN)? {
                Some(len) => {
                    let len = u64::from_le_bytes(len.try_into().expect("eight bytes"));
                    let image = evaluated.next(len as usize)?.expect("an image of its length");
                    assert!(new.load_image(&collection.layout, image), "its own image");
                }
                None => {
                    let record = record_of(writer.view(), &collection, rank)?;
                    assigner.apply(&mut assigner.begin(writer.view(), &run), record, new)?;
                }
            }
            Ok::<_, Error>(Some(rank))
        };
        let Some(given) = given else { return self.writer.update_all(&collection, &mut next) };
        // What is given may have no result, and then nothing is changed.
        let mark = self.writer.mark();
        let changed = self.writer.update_all(&collection, &mut next);
        // No update sets a field of the key: records are where they were.
        match changed.and_then(|count| self.give(&collection, draft, &ranks, &run, given).map(|()| count)) {
            Ok(count) => {
                self.writer.release(mark);
                Ok(count)
            }
            Err(error) => {
                self.writer.rollback_to(mark);
                Err(error)
            }
        }
    }

    fn delete_records(
        &mut self,
        draft: &Draft,
        control: &Control,
        given: Option<Given<'_>>,
    ) -> Result<u64, Error> {
        let collection = self.bound(draft)?;
        let run = control.begin(self.view());
        let keys = self.keys(draft, control, &run, given.is_some())?;
        if let Some(given) = given {
            self.give(&collection, draft, &keys, &run, given)?;
        }
        let mut left = keys.read();
        #[cfg(not(feature = "small"))]
        if keys.is_aside() && self.writer.deletes_in_parts(&collection) {
            // A record that goes is noted in some 64 bytes, and so is what it takes along.
            let part = self.collected_max(&run).map_or(usize::MAX, |bytes| bytes / 64).max(CHECKED_EVERY);
            let mut at = 0;
            return self.writer.delete_parts(&collection, part, &mut |writer| {
                check_at(at, &run, writer.view())?;
                at += 1;
                Ok::<_, Error>(left.next_rank()?)
            });
        }
        let mut ranks = Vec::new();
        while let Some(rank) = left.next_rank()? {
            ranks.push(rank);
        }
        Ok(self.writer.delete_all(&collection, &ranks)?)
    }
}

/// The bytes of the length that comes before an image.
const LEN_LEN: usize = 8;

/// At every so many records of a set-based change: whether it is to end.
const CHECKED_EVERY: usize = 256;

/// Fails when the statement is to end, which is asked now and then.
fn check_at(record: usize, run: &Run, view: View<'_>) -> Result<(), Error> {
    if record.is_multiple_of(CHECKED_EVERY) {
        run.check(view)?;
    }
    Ok(())
}

/// The record with a rank that an update has found.
fn record_of<'v>(view: View<'v>, collection: &CollectionDef, rank: u128) -> Result<RecordRef<'v>, Error> {
    let known = view.catalog().collection(collection.id).expect("a collection of this catalog");
    let record = view.get(known, rank)?.ok_or_else(|| {
        let problem = format!("an index of `{}` names rank {rank}, where no record is", known.name);
        StorageError::damage("index", problem)
    })?;
    Ok(record)
}

/// What [`insert_all`](WriteTransaction::insert_all) takes: anything that gives records or references to them, such as
/// `&albums` and `numbers.map(|n| Album { .. })`. `By` tells the two apart and is never written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` gives no records of one collection",
    label = "expected records, or references to them",
    note = "pass what can be iterated over: `&albums`, `albums`, an iterator"
)]
pub trait Records<C, By> {
    /// The records, one after the other.
    fn records(self) -> impl Iterator<Item: Borrow<C>>;
}

/// Records that are given away.
#[derive(Debug)]
pub enum Owned {}

/// Records that are lent.
#[derive(Debug)]
pub enum Lent {}

#[diagnostic::do_not_recommend]
impl<C: Collection, I: IntoIterator<Item = C>> Records<C, Owned> for I {
    fn records(self) -> impl Iterator<Item: Borrow<C>> {
        self.into_iter()
    }
}

#[diagnostic::do_not_recommend]
impl<'a, C: Collection, I: IntoIterator<Item = &'a C>> Records<C, Lent> for I {
    fn records(self) -> impl Iterator<Item: Borrow<C>> {
        self.into_iter()
    }
}

/// Makes `draft` the record.
#[inline]
fn fill<C: Collection>(draft: &mut RecordDraft, collection: &CollectionDef, record: &C) {
    draft.reset(&collection.layout);
    record.encode(&mut DraftWriter { draft, places: &collection.places });
}

/// Takes a struct's cells into a draft.
struct DraftWriter<'a> {
    draft: &'a mut RecordDraft,
    places: &'a [Place],
}

impl RecordWriter for DraftWriter<'_> {
    #[inline]
    fn put(&mut self, ordinal: u16, cell: Cell<'_>) {
        self.draft.put(&self.places[usize::from(ordinal)], cell);
    }
}
