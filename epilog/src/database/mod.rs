//! [`Database`]: an open database, typed by its schema, and its transactions.
//!
//! ```
#![doc = include_str!("../example.txt")]
//! let renamed = db.write(|tx| {
//!     let mut artist: Artist = tx.get(Id::new(1))?.expect("the first artist");
//!     artist.name = "Maiden".into();
//!     tx.update(&artist)?;
//!     Ok(artist)
//! })?; // durable from here on
//!
//! let tx = db.read()?; // a snapshot
//! assert_eq!(tx.get::<Artist>(renamed.id)?, Some(renamed));
//! assert_eq!(Artist::query().count(&tx)?, 3);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Reading
//!
//! - A [`ReadTransaction`] is a snapshot: it shows the last commit at the moment it was begun, however long it is kept.
//!   Beginning one never waits, nothing makes it wait, and it makes nobody wait. Page versions that it sees stay in
//!   memory while it lives.
//! - `&Database` can be read from directly: each call then sees a snapshot of its own, so that two calls may see two
//!   different commits.
//!
//! # Writing
//!
//! - There is one [`WriteTransaction`] at a time, across all clones of a [`Database`]; others wait for their turn (but
//!   see [below](#writing-beside-others)). Beginning a second one on a thread that still holds the first waits forever.
//! - It sees its own changes; nobody else does before it commits. Dropped without a commit, it leaves nothing behind.
//! - A statement (`insert`, `insert_all`, `update`, `delete`, and the set-based ones of [queries](crate::query)) that a
//!   constraint refuses changes nothing, and the transaction can go on.
//! - Relations are checked by each statement, not at the end: insert what is pointed at first, or both in one
//!   [`insert_all`](WriteTransaction::insert_all).
//! - An [`Id`](crate::Id) that was given out is not given out again once its transaction has committed, though its
//!   record be deleted. A transaction that aborts gives its numbers back, unless others were given later ones meanwhile.
//!
//! # Writing beside others
//!
//! [`write_concurrent`](Database::write_concurrent) runs the same kind of transaction without waiting for a turn, on
//! private copies of the pages it changes. Its turn comes when it commits: if what it read is as it was, its changes are
//! made again, in no more time than they take; if not, it is run again. What is committed, by either kind, is what the
//! transactions would do one after the other, in the order of their commits (*serializable*).
//!
//! What counts as read is what an answer may depend on, whether it was there or not:
//!
//! - a record got by its key, or looked at by a query; where a query goes through records in the order of their key, all
//!   keys from the first one to the last one looked at, rounded up to a page;
//! - in an index, the values from the first one to the last one looked at: all of a range, or up to where
//!   [`first`](crate::Query::first), a limit or an abandoned [`stream`](crate::Query::stream) stopped;
//! - the number of a collection's records, where it is counted whole;
//! - what constraints look at: the values of unique indexes, the records that relations point at, the relations that point
//!   at a record to be deleted, the record to be updated or deleted.
//!
//! Given ids, estimates of the planner and what was read through `&db` in the middle do not count. Reads of a transaction
//! that has read very much are noted in fewer, wider ranges.
//!
//! ```
#![doc = include_str!("../example.txt")]
//! let mut attempts = 0;
//! db.write_concurrent(|tx| {
//!     attempts += 1;
//!     let albums = Album::query().filter(|al| al.artist.eq(Id::new(3))).count(tx)?;
//!     if attempts == 1 {
//!         // Someone else commits meanwhile: the same artist's first album.
//!         db.write(|tx| {
//!             tx.insert(&Album { id: Id::auto(), title: "Hot Rats".into(), artist: Id::new(3), year: Some(1969) })
//!         })?;
//!     }
//!     tx.insert(&Artist { id: Id::auto(), name: format!("Zappa has {albums}") })
//! })?;
//! assert_eq!(attempts, 2);
//! assert!(Artist::query().filter(|a| a.name.eq("Zappa has 1")).exists(&db)?);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Long values
//!
//! A `String` or a `Vec<u8>` is in memory as a whole whenever its record is, up to 1 GiB of it. A [`Blob`](crate::Blob) is a
//! name of 16 bytes; its bytes, of any length, are written by a [`BlobWriter`] and read by a [`BlobReader`], a piece at a
//! time. They belong to one record and go with it.
//!
//! # Durability
//!
//! A commit is one append to the journal, a file beside the database called after it with `-journal` at its end, and
//! one sync; [`commit`](WriteTransaction::commit) returns after the sync, so that what was acknowledged survives a
//! crash of the machine. The next transaction begins while this one's sync is under way, and transactions that wait for a
//! sync at the same time share one. [`Durability`] has the other choices. The database file itself changes at
//! [checkpoints](Database::checkpoint) only, which a thread makes in the background, and [`close`](Database::close) makes the file whole by itself and removes
//! the journal. A file that was not closed needs its journal: copy or move the two together.
//!
//! One process at a time has a database open; the file is locked, for reading too.

mod blob;
mod changes;
#[cfg(test)]
mod codec_tests;
mod commit;
mod concurrent;
pub mod integrity;
mod options;
mod read;
mod stats;
#[cfg(test)]
mod tests;
mod tuning;
mod write;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use crate::Error;
use crate::collection::{Collection, Schema, Within};
use crate::parts::InWhole;
use crate::query::{Reads, SlowHook, sealed};
use crate::storage::facade::{Reading, View};
use crate::storage::store::Store;
use crate::storage::streamed::chunk_len;
use crate::storage::vfs::Vfs;

pub use crate::storage::journal::Retention;
#[cfg(all(feature = "std", not(feature = "small")))]
pub(crate) use crate::storage::latest::Waited;
pub use crate::storage::pager::{CommitNumber, Compaction, Compression, Durability};
pub use blob::{BlobReader, BlobWriter};
#[cfg(all(feature = "std", not(feature = "small")))]
pub(crate) use changes::Ending;
pub use changes::{Change, ChangeSet, Changes, NextCommit};
pub use commit::Commit;
pub use options::Options;
pub use read::ReadTransaction;
pub use stats::Stats;
pub use tuning::Choice;
pub use write::{Lent, Owned, Records, WriteTransaction};

/// An open database that holds the collections of schema `D`.
///
/// Cheap to clone (clones are one database), and shared between threads. When the last clone goes, the database is
/// closed: what the journal holds is written to the file, and the journal removed. [`close`](Database::close) does the
/// same and reports errors; without either, as after a crash, the next open recovers.
///
/// # Examples
///
/// Clones and threads see one database:
///
/// ```
#[doc = include_str!("../example.txt")]
/// let handle = db.clone();
/// let writer = std::thread::spawn(move || {
///     handle.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() }))
/// });
/// let id = writer.join().expect("no panic")?;
/// assert_eq!(db.get::<Artist>(id)?.map(|artist| artist.name), Some("Motörhead".into()));
/// # Ok::<(), Error>(())
/// ```
pub struct Database<D> {
    shared: Arc<Shared>,
    schema: PhantomData<fn() -> D>,
}

struct Shared {
    store: Store,
    durability: Durability,
    /// The bytes of a blob's chunks.
    chunk_len: usize,
    /// What it was opened with, and why, but for the pages of what is stored.
    choices: Vec<Choice>,
    /// The lengths of pages asked for: of records, of index entries.
    page_lens: (Option<u32>, Option<u32>),
    /// What is to be told of slow queries.
    slow: Option<InWhole<SlowHook>>,
}

impl Shared {
    #[inline]
    fn slow_hook(&self) -> Option<&SlowHook> {
        self.slow.as_deref()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // There is nobody to tell. What could not be written is still in the journal.
        let _ = self.store.close();
    }
}

impl<D> Clone for Database<D> {
    fn clone(&self) -> Self {
        Database { shared: self.shared.clone(), schema: PhantomData }
    }
}

impl<D> fmt::Debug for Database<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("schema", &core::any::type_name::<D>()).finish_non_exhaustive()
    }
}

impl<D: Schema> sealed::Reads for Database<D> {}

#[diagnostic::do_not_recommend]
impl<D: Schema> Reads for Database<D> {
    type Schema = D;

    fn with_view<R>(&self, then: impl FnOnce(View<'_>) -> Result<R, Error>) -> Result<R, Error> {
        then(self.shared.store.reader().view())
    }

    fn with_reading<R>(&self, then: impl FnOnce(&dyn Reading) -> Result<R, Error>) -> Result<R, Error> {
        then(&self.shared.store.session())
    }

    fn slow_hook(&self) -> Option<&SlowHook> {
        self.shared.slow_hook()
    }
}

impl<D: Schema> Database<D> {
    /// Makes an empty database in memory. It has no file and no journal, and is gone with its last clone.
    ///
    /// The same as the function `in_memory` of the schema: `Music::in_memory()`.
    ///
    /// # Errors
    ///
    /// [`Schema`](crate::ErrorKind::Schema) when the schema cannot be stored: two collections share a name, or the
    /// fixed-width fields of one take more than a quarter of a page.
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::prelude::*;
    ///
    /// #[derive(Collection)]
    /// struct Note {
    ///     id: Id<Note>,
    ///     text: String,
    /// }
    ///
    /// epilog::schema!(Notes { Note });
    ///
    /// let db: Database<Notes> = Database::in_memory()?;
    /// let id = db.write(|tx| tx.insert(&Note { id: Id::auto(), text: "buy milk".into() }))?;
    /// assert_eq!(id.get(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn in_memory() -> Result<Database<D>, Error> {
        let store = Store::in_memory(D::database())?;
        Ok(Database::over(store, Durability::default(), tuning::tune_in_memory(None), (None, None), None))
    }

    /// Opens the database in file `path`, or makes it, with the default [`Options`].
    ///
    /// The same as the function `open` of the schema: `Music::open("music.epilog")`.
    ///
    /// After a crash, recovers every commit that was acknowledged. Opening a file that was closed, with the schema it
    /// has, writes nothing. Collections that the file lacks are made, unless the file holds others that `D` does not
    /// declare (one may have been renamed); other differences between the file's schema and `D` are an error.
    /// Collections that `D` does not declare stay in the file, their constraints in force.
    ///
    /// # Errors
    ///
    /// By [`kind`](Error::kind):
    ///
    /// - [`NotADatabase`](crate::ErrorKind::NotADatabase): the file is something else; it is not touched.
    /// - [`Truncated`](crate::ErrorKind::Truncated), [`Corruption`](crate::ErrorKind::Corruption): the file is damaged,
    ///   or was not closed and its journal is missing or another's.
    /// - [`NewerFormat`](crate::ErrorKind::NewerFormat): it needs a later version of this library, or one with the feature `lz4`.
    /// - [`SchemaDiffers`](crate::ErrorKind::SchemaDiffers): the message has every difference;
    ///   [`Schema`](crate::ErrorKind::Schema) as for [`in_memory`](Database::in_memory).
    /// - [`Locked`](crate::ErrorKind::Locked): it is open already, in this process or another.
    /// - [`Io`](crate::ErrorKind::Io), [`Full`](crate::ErrorKind::Full), [`NotFound`](crate::ErrorKind::NotFound): the
    ///   file system fails, or the directory does not exist.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let db: Database<Music> = Database::open(&path)?;
    /// let id = db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// assert_eq!(Music::open(&path).unwrap_err().kind(), ErrorKind::Locked);
    /// db.close()?;
    ///
    /// let db = Music::open(&path)?;
    /// assert_eq!(db.get::<Artist>(id)?.map(|artist| artist.name), Some("Saxon".into()));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Database<D>, Error> {
        Options::default().open(path)
    }

    /// Opens the database called `path` in a file system of your own; otherwise as [`open`](Database::open).
    ///
    /// The journal is the file `path` with `-journal` at its end, in the same file system.
    ///
    /// # Errors
    ///
    /// As [`open`](Database::open).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::MemoryVfs;
    #[doc = include_str!("../example.txt")]
    ///
    /// let files = MemoryVfs::new();
    /// let open = || Database::<Music>::open_in(Arc::new(files.clone()), "music", &Options::default());
    /// let db = open()?;
    /// let id = db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// db.close()?;
    /// assert!(open()?.get::<Artist>(id)?.is_some());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn open_in(vfs: Arc<dyn Vfs>, path: &str, options: &Options) -> Result<Database<D>, Error> {
        let archive = options.archive.as_ref().map(|(path, retention)| (path.as_str(), *retention));
        let (pager, chunk, mut choices) = tuning::tune(options, &*vfs);
        let page_lens = options.page_lens();
        let slow = options.slow_hook(Some(&vfs));
        let store = Store::open_archiving(Arc::clone(&vfs), path, pager, page_lens, archive, D::database())?;
        tuning::of_blocks(options.block_len(), store.block_len(), &mut choices);
        if let Some(commits) = options.retain_versions {
            store.retain_versions(commits);
        }
        options.make_room_for_plans(&store);
        #[cfg(feature = "std")]
        let store = {
            let mut store = store;
            if options.background && !pager.read_only {
                store.attend(vfs);
            }
            store
        };
        Ok(Database::over(store, options.durability, (chunk, choices), page_lens, slow))
    }

    pub(super) fn over(
        store: Store,
        durability: Durability,
        (chunk, choices): (usize, Vec<Choice>),
        page_lens: (Option<u32>, Option<u32>),
        slow: Option<InWhole<SlowHook>>,
    ) -> Database<D> {
        let shared = Shared { store, durability, chunk_len: chunk_len(chunk), choices, page_lens, slow };
        Database { shared: Arc::new(shared), schema: PhantomData }
    }

    /// A snapshot of the last commit, to read from.
    ///
    /// Never waits; costs no more than a few atomic operations.
    ///
    /// # Errors
    ///
    /// None today; a limit on open snapshots may come.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let tx = db.read()?;
    /// db.write(|tx| tx.delete_key::<Artist>(Id::new(3)))?;
    /// // The snapshot does not move.
    /// assert_eq!(Artist::query().count(&tx)?, 3);
    /// assert_eq!(Artist::query().count(&db)?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn read(&self) -> Result<ReadTransaction<'_, D>, Error> {
        Ok(ReadTransaction::new(self.shared.store.snapshot(), self.shared.slow_hook()))
    }

    /// A snapshot as of an older commit, while its page versions are kept: see [`Options::retain_versions`].
    ///
    /// The last commit can always be asked for.
    ///
    /// # Errors
    ///
    /// [`NotRetained`](crate::ErrorKind::NotRetained) when they are not kept any more (the message has the oldest commit
    /// that can be asked for), or the commit has not been made.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let db: Database<Music> = Options::default().retain_versions(1).in_memory()?;
    /// let empty = db.read()?.commit();
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// assert_eq!(Artist::query().count(&db.snapshot_at(empty)?)?, 0);
    ///
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Zappa".into() }))?;
    /// assert_eq!(db.snapshot_at(empty).unwrap_err().kind(), ErrorKind::NotRetained);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn snapshot_at(&self, commit: CommitNumber) -> Result<ReadTransaction<'_, D>, Error> {
        Ok(ReadTransaction::new(self.shared.store.snapshot_at(commit)?, self.shared.slow_hook()))
    }

    /// Runs `work` in a write transaction: commits when it returns `Ok`, aborts when it returns `Err` or panics.
    ///
    /// Waits for a running write transaction first; called from within `work`, it would wait forever. Returns after the
    /// journal is synced, so that the commit survives a crash of the machine (unless [`Options::durability`] is
    /// [`Eventual`](Durability::Eventual) or [`None`](Durability::None)). Threads that write at the same time share syncs.
    ///
    /// # Errors
    ///
    /// What `work` returns; what [`begin`](Database::begin) and [`commit`](WriteTransaction::commit) fail with.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let id = db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() }))?;
    /// assert_eq!(id, Id::new(4));
    ///
    /// let refused = db.write(|tx| {
    ///     tx.delete_key::<Artist>(Id::new(4))?;
    ///     Err::<(), _>(Error::custom("on second thought"))
    /// });
    /// assert_eq!(refused.unwrap_err().kind(), ErrorKind::Custom);
    /// assert!(db.get::<Artist>(id)?.is_some());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn write<R>(
        &self,
        work: impl FnOnce(&mut WriteTransaction<'_, D>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut transaction = self.begin()?;
        let result = work(&mut transaction)?;
        transaction.commit()?.wait_if_promised()?;
        Ok(result)
    }

    /// Begins a write transaction; waits for a running one. Dropping it aborts.
    ///
    /// [`write`](Database::write) does the rest by itself; `begin` is for what does not fit a closure, and for
    /// [`commit_with`](WriteTransaction::commit_with).
    ///
    /// # Errors
    ///
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly) when the database was opened for reading only;
    /// [`Failed`](crate::ErrorKind::Failed) when an earlier sync failed: what is durable is then unknown, and opening
    /// the file again finds out.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let mut tx = db.begin()?;
    /// tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() })?;
    /// drop(tx);
    /// assert_eq!(Artist::query().count(&db)?, 3);
    ///
    /// let mut tx = db.begin()?;
    /// tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() })?;
    /// tx.commit()?;
    /// assert_eq!(Artist::query().count(&db)?, 4);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn begin(&self) -> Result<WriteTransaction<'_, D>, Error> {
        Ok(WriteTransaction::new(&self.shared, self.shared.store.begin_write()?))
    }

    /// The record with this key, in a snapshot of its own; `None` when there is none.
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
    /// assert_eq!(db.get::<Artist>(Id::new(2))?.map(|artist| artist.name), Some("Saxon".into()));
    /// assert_eq!(db.get::<Artist>(Id::new(99))?, None);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn get<C: Collection + Within<D>>(&self, key: impl Into<C::Key>) -> Result<Option<C>, Error> {
        self.with_view(|view| read::get(view, &key.into()))
    }

    /// Writes the pages changed since the last checkpoint into the database file, and makes them durable there. The
    /// journal's space is used again afterwards.
    ///
    /// Happens by itself when much has changed: see [`Options::checkpoint_after`]. Waits for a running write
    /// transaction; readers go on. In memory it does nothing.
    ///
    /// # Errors
    ///
    /// [`Full`](crate::ErrorKind::Full) or [`Io`](crate::ErrorKind::Io) when writing fails. Nothing is lost: the
    /// journal still has everything, and it may be tried again. After a failed sync the database takes no more writes
    /// ([`Failed`](crate::ErrorKind::Failed)).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::{MemoryVfs, OpenMode, Vfs};
    #[doc = include_str!("../example.txt")]
    ///
    /// let files = MemoryVfs::new();
    /// let len = || files.open("music", OpenMode::Read)?.len();
    /// let db: Database<Music> = Database::open_in(Arc::new(files.clone()), "music", &Options::default())?;
    /// let artists = (0..1000).map(|n| Artist { id: Id::auto(), name: format!("artist {n}") });
    /// let before = len()?;
    /// db.write(|tx| tx.insert_all(artists))?;
    /// assert_eq!(len()?, before, "the commit went into the journal");
    /// db.checkpoint()?;
    /// assert!(len()? > before);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn checkpoint(&self) -> Result<(), Error> {
        Ok(self.shared.store.checkpoint()?)
    }

    /// What the database has done and holds, and what it was tuned to. Takes a few short locks.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let db = Music::open(&path)?;
    /// let before = db.stats();
    /// let commit = db.begin()?.commit()?; // changes nothing
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// let stats = db.stats();
    /// assert_eq!(stats.published, commit.number().0 + 1);
    /// assert_eq!(stats.durable, stats.published);
    /// assert!(stats.journal_bytes > before.journal_bytes);
    /// for choice in &stats.choices {
    ///     println!("{} = {} {}: {}", choice.setting, choice.value, choice.unit, choice.reason);
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    pub fn stats(&self) -> Stats {
        let Shared { store, choices, page_lens, .. } = &*self.shared;
        let mut choices = choices.clone();
        tuning::of_pages(*page_lens, store, &mut choices);
        #[cfg_attr(feature = "small", expect(unused_mut, reason = "no plans are kept there"))]
        let mut stats = Stats::new(store.stats(), choices);
        #[cfg(not(feature = "small"))]
        {
            let plans = crate::engine::plans::counts(store.reader().view());
            (stats.plans_found, stats.plans_made, stats.plans_kept) = (plans.found, plans.made, plans.kept);
        }
        stats
    }

    /// What is known of a collection's records: their number, and of the values of each field how many there are, how they are
    /// spread, and which are most frequent. The planner goes by it.
    ///
    /// It is made of a sample of at most 64 leaves of the collection and 32 pages of each index: when a query is planned that depends
    /// on it, or here, if there is none, or a fifth of the records has been inserted, changed or deleted since. The next commit
    /// takes it along into the file, unless that is a [bulk one](Options::bulk_after); what none took along is dropped when the
    /// database is closed, so that reading changes no file. There is nothing to be called for it. Takes up to a few milliseconds
    /// when it is made.
    ///
    /// How many pages there are and how long records are is told by the trees, each time: at most 64 branches of the records and of each
    /// index are read for it, of each level, and 16 leaves.
    ///
    /// # Errors
    ///
    /// [`Corruption`](crate::ErrorKind::Corruption) when a page that is looked at is damaged, [`Io`](crate::ErrorKind::Io) when it
    /// cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let known = db.statistics::<Album>()?;
    /// assert_eq!((known.count, known.sampled), (4, 4));
    /// let year = known.field("year").expect("a field of albums");
    /// assert_eq!((year.distinct, year.nulls), (2, 1));
    /// assert_eq!(year.min, Some(epilog::value::Scalar::Int(1981)));
    /// assert_eq!(known.field("artist").expect("a field").distinct, 2);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(not(feature = "small"))]
    pub fn statistics<C: Collection + Within<D>>(
        &self,
    ) -> Result<crate::statistics::CollectionStatistics, Error> {
        let snapshot = self.shared.store.snapshot();
        let operation = snapshot.operation();
        let view = operation.view();
        Ok(view.statistics_of(read::bound::<C>(view))?)
    }

    /// Makes the file as short as it gets: images move to free space before them, and the file is cut.
    ///
    /// Readers and writers go on, and a crash at any point loses nothing: it is a number of
    /// [checkpoints](Database::checkpoint). Needs a read of the page map, and a read and a write of what moves. What an
    /// open snapshot may still read is not given back. In memory it does nothing.
    ///
    /// # Errors
    ///
    /// As [`checkpoint`](Database::checkpoint); what was moved stays moved. With the cargo feature `small`,
    /// [`LeftOut`](crate::ErrorKind::LeftOut).
    ///
    /// # Examples
    ///
    /// See [`Compaction`].
    pub fn compact(&self) -> Result<Compaction, Error> {
        self.compact_with(|_| true)
    }

    /// As [`compact`](Database::compact); `progress` is told after each checkpoint how far it is, and ends it by returning
    /// `false`.
    ///
    /// # Errors
    ///
    /// As [`compact`](Database::compact).
    pub fn compact_with(&self, mut progress: impl FnMut(Compaction) -> bool) -> Result<Compaction, Error> {
        Ok(self.shared.store.compact(&mut progress)?)
    }

    /// Does a part of what is due besides commits: a sync that was promised
    /// ([`Durability::Group`], [`Durability::Eventual`]), or one write or sync of a checkpoint. Returns whether there is
    /// more to do now.
    ///
    /// For programs without the thread that does this otherwise: see [`Options::background`]. Never waits for a running
    /// write transaction.
    ///
    /// # Errors
    ///
    /// As [`checkpoint`](Database::checkpoint).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::MemoryVfs;
    #[doc = include_str!("../example.txt")]
    ///
    /// let options = Options::default().background(false).durability(Durability::Group);
    /// let db: Database<Music> = Database::open_in(Arc::new(MemoryVfs::new()), "music", &options)?;
    /// let mut tx = db.begin()?;
    /// tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() })?;
    /// let commit = tx.commit()?;
    /// while db.maintain()? {}
    /// assert!(commit.is_durable());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn maintain(&self) -> Result<bool, Error> {
        Ok(self.shared.store.maintain()?)
    }

    /// Closes the database: writes what the journal holds into the file, which is then whole by itself, and removes the
    /// journal.
    ///
    /// With [`Options::retain_changes`] and without an archive the journal stays, and the file goes on to need it. With an
    /// [archive](Options::archive), what it lacks is archived first.
    ///
    /// Waits for a running write transaction. Other clones of it stay usable, and keep the file locked; a write through
    /// one begins a new journal. A file to which nothing was written is left as it is.
    ///
    /// # Errors
    ///
    /// [`Full`](crate::ErrorKind::Full), [`Io`](crate::ErrorKind::Io) or [`Failed`](crate::ErrorKind::Failed) when
    /// writing fails. Nothing is lost: the journal stays, and the next open reads it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::{MemoryVfs, Vfs};
    #[doc = include_str!("../example.txt")]
    ///
    /// let files = MemoryVfs::new();
    /// let db: Database<Music> = Database::open_in(Arc::new(files.clone()), "music", &Options::default())?;
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// assert!(files.exists("music-journal")?);
    /// db.close()?;
    /// assert!(!files.exists("music-journal")?);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn close(self) -> Result<(), Error> {
        Ok(self.shared.store.close()?)
    }
}
