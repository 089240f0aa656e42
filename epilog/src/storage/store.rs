//! [`Store`]: one open database, beneath its types.

#[cfg(all(feature = "std", not(feature = "small")))]
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::Waker;

use super::catalog::{self, PageLens, Stored};
use super::concurrent::{Concurrency, Deeds, Draws};
#[cfg(all(feature = "std", not(feature = "small")))]
use super::facade::ReadingTogether;
use super::facade::{Operation, Reading, View};
use super::journal::{Entry, Retention};
#[cfg(all(feature = "std", not(feature = "small")))]
use super::latest::Waited;
use super::page::RECORD_LEAF_LEN;
#[cfg(all(feature = "std", not(feature = "small")))]
use super::pager::PagesTogether;
use super::pager::{
    CommitNumber, Compaction, Compression, Durability, Feed, FileInfo, Inspection, PageReader, PageSnapshot,
    Pager, PagerOptions, PagerStats,
};
use super::vfs::Vfs;
use super::writer::Writer;
use super::{StorageError, StorageFault, reread};
use crate::parts::Whole;
use crate::schema::shape::{CollectionShape, SchemaError};
use crate::schema::{Catalog, CollectionId, DatabaseSchema};
#[cfg(feature = "std")]
use crate::sync::Thread;

/// One open database.
pub struct Store {
    pager: Pager,
    stored: Arc<Stored>,
    concurrency: Concurrency,
    #[cfg(feature = "std")]
    background: Option<Thread>,
}

#[cfg(feature = "std")]
impl Drop for Store {
    fn drop(&mut self) {
        // The thread shares the pager, which holds the file's lock: it must be gone when this returns.
        if let Some(thread) = self.background.take() {
            self.pager.upkeep().stop();
            thread.join();
        }
    }
}

/// Syncs and checkpoints for a pager until it is told to stop.
#[cfg(feature = "std")]
fn work_in_background(pager: &Pager, vfs: &dyn Vfs) {
    while !pager.upkeep().is_stopped() {
        // A failure is met again by the next commit; until then there is nothing to be done about it.
        if !pager.maintain().unwrap_or(false) {
            pager.upkeep().wait(vfs.now_ns());
        }
    }
}

/// A transaction without the lease has no more bytes of changes than this where nothing is journaled.
const CONCURRENT_BYTES_MAX: usize = 16 << 20;

/// What became of a transaction without the lease.
pub(crate) enum Outcome<'p> {
    /// It is committed.
    Committed(CommitNumber),
    /// Something that it read has changed. Another attempt begins with its numbers.
    Conflict(Draws<'p>),
    /// It changed too much to be done again.
    TooLarge,
}

/// What is stored, as of one commit, for as long as this lives.
pub struct Snapshot<'p> {
    pages: PageSnapshot<'p>,
    stored: Arc<Stored>,
}

impl Snapshot<'_> {
    /// The number of the commit.
    pub fn commit(&self) -> u64 {
        self.pages.commit().0
    }
}

impl Reading for Snapshot<'_> {
    #[inline]
    fn operation(&self) -> Operation<'_> {
        Operation::of_snapshot(self.pages.operation(), &self.stored)
    }

    #[cfg(all(feature = "std", not(feature = "small")))]
    fn together(&self) -> Option<Box<dyn ReadingTogether + '_>> {
        Some(Box::new(Together { pages: self.pages.together(), stored: &self.stored }))
    }
}

/// A snapshot for a call that may take several operations.
pub struct Session<'p> {
    pages: PageSnapshot<'p>,
    stored: &'p Stored,
}

impl Reading for Session<'_> {
    fn operation(&self) -> Operation<'_> {
        Operation::of_snapshot(self.pages.operation(), self.stored)
    }

    #[cfg(all(feature = "std", not(feature = "small")))]
    fn together(&self) -> Option<Box<dyn ReadingTogether + '_>> {
        Some(Box::new(Together { pages: self.pages.together(), stored: self.stored }))
    }
}

/// A snapshot for one of several threads.
#[cfg(all(feature = "std", not(feature = "small")))]
struct Together<'p> {
    pages: PagesTogether<'p>,
    stored: &'p Stored,
}

#[cfg(all(feature = "std", not(feature = "small")))]
impl Reading for Together<'_> {
    fn operation(&self) -> Operation<'_> {
        Operation::of_snapshot(self.pages.operation(), self.stored)
    }
}

#[cfg(all(feature = "std", not(feature = "small")))]
impl ReadingTogether for Together<'_> {
    fn is_overfull(&self) -> bool {
        self.pages.is_overfull()
    }
}

/// A snapshot for one operation.
pub struct Reader<'p> {
    pages: PageReader<'p>,
    stored: &'p Stored,
}

impl Reader<'_> {
    /// What is stored.
    #[inline]
    pub fn view(&self) -> View<'_> {
        View::new(&self.pages, self.stored)
    }
}

impl Store {
    /// Makes an empty database in memory.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Schema`] when the schema cannot be stored.
    pub fn in_memory(schema: &DatabaseSchema) -> Result<Store, StorageError> {
        Store::in_memory_retaining(schema, None)
    }

    /// As [`in_memory`](Store::in_memory), and the newest changes are kept for a feed.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn in_memory_retaining(
        schema: &DatabaseSchema,
        retention: Option<Retention>,
    ) -> Result<Store, StorageError> {
        Store::with(Pager::in_memory_retaining(retention), (None, None), None, schema)
    }

    /// Opens the database at `path`, or makes it: with leaves of records and pages of index entries of these lengths,
    /// where a collection does not say otherwise. Recovers what the journal holds after a crash.
    ///
    /// Opening a database that was closed and whose schema is the declared one writes nothing. Collections that the
    /// file lacks are made, unless the file holds others that are not declared: that may be a renaming.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Schema`] when the schemas differ; what is wrong with the file otherwise.
    pub fn open(
        vfs: Arc<dyn Vfs>,
        path: &str,
        options: PagerOptions,
        lens: (Option<u32>, Option<u32>),
        schema: &DatabaseSchema,
    ) -> Result<Store, StorageError> {
        Store::open_archiving(vfs, path, options, lens, None, schema)
    }

    /// As [`open`](Store::open), with an archive of this name.
    ///
    /// # Errors
    ///
    /// As there, and [`Pager::attach_archive`].
    pub fn open_archiving(
        vfs: Arc<dyn Vfs>,
        path: &str,
        options: PagerOptions,
        lens: (Option<u32>, Option<u32>),
        archive: Option<(&str, Retention)>,
        schema: &DatabaseSchema,
    ) -> Result<Store, StorageError> {
        Store::with(Pager::open(vfs, path, options)?, lens, archive, schema)
    }

    /// Lets a thread do what is due besides commits, where there are threads; `vfs` is the one it was opened in.
    #[cfg(feature = "std")]
    pub fn attend(&mut self, vfs: Arc<dyn Vfs>) {
        let pager = self.pager.clone();
        self.background = Thread::spawn("epilog", move || work_in_background(&pager, &*vfs));
        if self.background.is_some() {
            self.pager.upkeep().attend();
        }
    }

    /// Opens the database in file `path` by what its own catalog says, without a declared schema; otherwise as
    /// [`open`](Store::open).
    ///
    /// # Errors
    ///
    /// As [`open`](Store::open), but for the schemas.
    pub fn open_untyped(vfs: Arc<dyn Vfs>, path: &str, options: PagerOptions) -> Result<Store, StorageError> {
        Store::over(Pager::open(vfs, path, options)?)
    }

    /// The database that `pager`, just opened, has the pages of.
    pub(crate) fn over(pager: Pager) -> Result<Store, StorageError> {
        let stored = recover(&pager, RECORD_LEAF_LEN as u32)?;
        Ok(Store::new(pager, stored))
    }

    /// The bytes of a block of the file.
    pub(crate) fn block_len(&self) -> usize {
        self.pager.block_len()
    }

    /// What images are written with.
    pub(crate) fn compression(&self) -> Compression {
        self.pager.compression()
    }

    fn new(pager: Pager, stored: Stored) -> Store {
        #[cfg(all(feature = "std", not(feature = "small")))]
        let stored = stored.noting_latest();
        Store {
            pager,
            stored: Arc::new(stored),
            concurrency: Concurrency::new(),
            #[cfg(feature = "std")]
            background: None,
        }
    }

    /// Makes the collections of `schema` in a new database, as [`open`](Store::open) would.
    pub(super) fn found(pager: &Pager, schema: &DatabaseSchema) -> Result<Stored, StorageError> {
        let lens = PageLens { leaf: None, entries: None, least: pager.block_len() as u32 };
        let shapes = shapes_of(schema)?;
        let stored = Arc::new(Stored::empty(lens.catalog_leaf()));
        let mut writer = Writer::new(pager.begin_write()?, stored, pager.journaled_bytes_max());
        writer.found_catalog(lens.catalog_leaf())?;
        catalog::create_collections(&mut writer, &shapes, lens)?;
        writer.commit(Durability::Immediate)?;
        catalog::load(&pager.reader())
    }

    fn with(
        pager: Pager,
        (leaf, entries): (Option<u32>, Option<u32>),
        archive: Option<(&str, Retention)>,
        schema: &DatabaseSchema,
    ) -> Result<Store, StorageError> {
        let lens = PageLens { leaf, entries, least: pager.block_len() as u32 };
        let declared = shapes_of(schema)?;
        let mut stored = recover(&pager, lens.catalog_leaf())?;
        if let Some((path, retention)) = archive {
            pager.attach_archive(path, retention, reread::begin)?;
        }
        let founded = !pager.is_new();
        let missing = compare(schema.name, &declared, &stored.catalog)?;
        if pager.is_read_only() && !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|shape| shape.name.as_str()).collect();
            let difference = format!(
                "`{}` is declared but not in the file, which was opened for reading only",
                names.join("`, `")
            );
            return Err(SchemaError::Differs {
                schema: schema.name.to_string(),
                differences: vec![difference],
            }
            .into());
        }
        if !founded || !missing.is_empty() {
            let mut writer = Writer::new(pager.begin_write()?, Arc::new(stored), pager.journaled_bytes_max());
            if !founded {
                writer.found_catalog(lens.catalog_leaf())?;
            }
            catalog::create_collections(&mut writer, &missing, lens)?;
            writer.commit(Durability::Immediate)?;
            stored = catalog::load(&pager.reader())?;
        }
        for schema in schema.collections {
            let schema = schema();
            let bound = stored.catalog.collections.iter_mut().find(|def| def.name == schema.name);
            let bound = bound.expect("compared or created above");
            *bound = Arc::new((**bound).clone().bind(schema));
        }
        Ok(Store::new(pager, stored))
    }

    /// The collections.
    pub fn catalog(&self) -> &Catalog {
        &self.stored.catalog
    }

    pub(super) fn stored(&self) -> &Stored {
        &self.stored
    }

    /// What the newest header says of the file; `None` in memory, and before the first commit.
    ///
    /// # Errors
    ///
    /// When the file system fails.
    pub fn file_info(&self) -> Result<Option<FileInfo>, StorageError> {
        self.pager.file_info()
    }

    /// The database's id; zeros in memory.
    pub(super) fn database_id(&self) -> [u8; 16] {
        self.pager.database_id()
    }

    /// Begins to verify the file; see [`Pager::inspect`].
    pub(super) fn inspect(&self) -> Result<Inspection<'_>, StorageError> {
        self.pager.inspect()
    }

    /// A snapshot of the last commit. Never waits.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { pages: self.pager.snapshot(), stored: self.stored.clone() }
    }

    /// A snapshot of the last commit, for one operation. Never waits.
    #[inline]
    pub fn reader(&self) -> Reader<'_> {
        Reader { pages: self.pager.reader(), stored: &self.stored }
    }

    /// A snapshot of the last commit, for a call that may take several operations. Never waits.
    pub fn session(&self) -> Session<'_> {
        Session { pages: self.pager.snapshot(), stored: &self.stored }
    }

    /// The bytes that pages take in memory.
    pub fn resident_bytes(&self) -> usize {
        self.pager.resident_bytes()
    }

    /// A snapshot of commit `commit`.
    ///
    /// # Errors
    ///
    /// [`StorageFault::VersionsGone`], [`StorageFault::NotCommitted`].
    pub fn snapshot_at(&self, commit: CommitNumber) -> Result<Snapshot<'static>, StorageError> {
        // The catalog does not change while a database is open.
        Ok(Snapshot { pages: self.pager.look_back_at(commit)?, stored: self.stored.clone() })
    }

    /// Keeps, from now on, the versions of the last so many commits.
    pub fn retain_versions(&self, commits: u64) {
        self.pager.retain_versions(commits);
    }

    /// A feed of the commits after `since`.
    ///
    /// # Errors
    ///
    /// As [`Pager::feed`].
    pub fn feed(&self, since: CommitNumber) -> Result<Feed, StorageError> {
        self.pager.feed(since)
    }

    /// The next commits of a feed.
    ///
    /// # Errors
    ///
    /// As [`Pager::read_feed`].
    pub fn read_feed(
        &self,
        feed: &mut Feed,
        budget: usize,
        durable: bool,
    ) -> Result<Vec<Entry>, StorageError> {
        self.pager.read_feed(feed, budget, durable)
    }

    /// Waits for a commit after `commit`.
    ///
    /// # Errors
    ///
    /// As [`Pager::wait_for_published`].
    #[cfg(feature = "std")]
    pub fn wait_published(
        &self,
        commit: CommitNumber,
        duration: core::time::Duration,
    ) -> Result<Option<CommitNumber>, StorageError> {
        self.pager.wait_for_published(commit, duration)
    }

    /// Waits for a commit after `commit` that may have changed one of these collections; until `is_ended`, which is looked at
    /// again when [`wake_waiting`](Store::wake_waiting) says so.
    ///
    /// # Errors
    ///
    /// As [`Pager::wait_for_published`].
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(crate) fn wait_changed(
        &self,
        collections: &[CollectionId],
        commit: CommitNumber,
        duration: core::time::Duration,
        is_ended: impl Fn() -> bool,
    ) -> Result<Waited, StorageError> {
        let waited = self.pager.wait_for_more(duration, |published| {
            if is_ended() {
                return Some(Waited::Ended);
            }
            let is_changed = published > commit && self.stored.latest.is_after(commit, collections);
            is_changed.then_some(Waited::Changed)
        })?;
        Ok(waited.unwrap_or(Waited::TimedOut))
    }

    /// Lets those who wait look again.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(crate) fn wake_waiting(&self) {
        self.pager.wake_waiting();
    }

    /// The last commit, if it is after `commit`; else `waker` is woken when that changes.
    ///
    /// # Errors
    ///
    /// As [`Pager::wait_for_published`].
    pub fn poll_published(
        &self,
        commit: CommitNumber,
        waker: &Waker,
    ) -> Result<Option<CommitNumber>, StorageError> {
        self.pager.poll_published(commit, waker)
    }

    /// Begins a write transaction; waits for a running one.
    ///
    /// # Errors
    ///
    /// When the database was opened for reading only, or an earlier sync failed.
    pub fn begin_write(&self) -> Result<Writer<'_>, StorageError> {
        let (pages, journaled) = (self.pager.begin_write()?, self.pager.journaled_bytes_max());
        Ok(Writer::leased(pages, self.stored.clone(), journaled, &self.concurrency))
    }

    /// Begins a transaction without the lease; never waits. It gives out numbers of `draws`.
    ///
    /// # Errors
    ///
    /// As [`begin_write`](Store::begin_write); [`StorageFault::LeftOut`] with the feature `small`.
    pub(crate) fn begin_concurrent<'p>(&'p self, draws: Draws<'p>) -> Result<Writer<'p>, StorageError> {
        let left_out = StorageFault::LeftOut { what: "write transactions beside each other" };
        let whole = Whole::build().ok_or(left_out)?;
        let (pages, running) = self.concurrency.begin(&self.pager)?;
        let bytes = self.pager.journaled_bytes_max().unwrap_or(CONCURRENT_BYTES_MAX);
        Ok(Writer::concurrent(pages, self.stored.clone(), bytes, running, draws, whole))
    }

    /// Numbers for one transaction without the lease and its further attempts.
    pub(crate) fn draws(&self) -> Draws<'_> {
        self.concurrency.draws()
    }

    /// Commits what a transaction without the lease did, if all that it read is as it was; waits for the lease first.
    ///
    /// # Errors
    ///
    /// As [`Writer::commit`].
    pub(crate) fn commit_concurrent<'p>(
        &'p self,
        writer: Writer<'p>,
        durability: Durability,
    ) -> Result<Outcome<'p>, StorageError> {
        let Deeds { mut validation, mut draws, changes } = writer.into_deeds()?;
        if changes.is_empty() {
            // It has read one commit, and happened right after it.
            let base = validation.base();
            self.pager.wait_published(base)?;
            return Ok(Outcome::Committed(base));
        }
        if changes.are_too_many() {
            return Ok(Outcome::TooLarge);
        }
        if !validation.look() {
            return Ok(Outcome::Conflict(draws));
        }
        let pages = self.pager.begin_write()?;
        if !validation.holds_at(pages.base()) {
            return Ok(Outcome::Conflict(draws));
        }
        let journaled = self.pager.journaled_bytes_max();
        let mut writer = Writer::leased(pages, self.stored.clone(), journaled, &self.concurrency);
        writer.redo(&changes)?;
        changes.keep_numbers(&mut draws);
        drop(draws);
        writer.commit(durability).map(Outcome::Committed)
    }

    /// Gives up a transaction without the lease. What it read is there to stay when this returns.
    ///
    /// # Errors
    ///
    /// As [`wait_durable`](Store::wait_durable): what was read may not survive.
    pub(crate) fn abandon(&self, writer: Writer<'_>) -> Result<(), StorageError> {
        let base = writer.base();
        drop(writer);
        self.pager.wait_published(base)
    }

    /// Gives up a transaction without the lease whose statement was refused. Whether the refusal stands, as all that was
    /// read is as it was; if not, it may be tried again with the numbers it had.
    ///
    /// # Errors
    ///
    /// As [`wait_durable`](Store::wait_durable): what was read may not survive.
    pub(crate) fn refusal_stands<'p>(
        &'p self,
        writer: Writer<'p>,
    ) -> Result<Option<Draws<'p>>, StorageError> {
        let base = writer.base();
        // A transaction that failed half-way cannot say what it read.
        if let Ok(deeds) = writer.into_deeds()
            && !deeds.validation.holds_now()
        {
            return Ok(Some(deeds.draws));
        }
        self.pager.wait_published(base)?;
        Ok(None)
    }

    /// Writes what the journal holds into the database file.
    ///
    /// # Errors
    ///
    /// What writing fails with; nothing is lost then.
    pub fn checkpoint(&self) -> Result<(), StorageError> {
        self.pager.checkpoint()
    }

    /// What has been done and is held.
    pub fn stats(&self) -> PagerStats {
        self.pager.stats()
    }

    /// Makes the file as short as it gets; `progress` ends that by returning `false`.
    ///
    /// # Errors
    ///
    /// What writing fails with; what was moved stays moved.
    pub fn compact(&self, progress: &mut dyn FnMut(Compaction) -> bool) -> Result<Compaction, StorageError> {
        self.pager.compact(progress)
    }

    /// Does a part of what is due besides commits; returns whether there is more.
    ///
    /// # Errors
    ///
    /// What writing fails with; nothing is lost then.
    pub fn maintain(&self) -> Result<bool, StorageError> {
        self.pager.maintain()
    }

    /// Whether `commit` is known to be durable.
    pub fn is_durable(&self, commit: CommitNumber) -> bool {
        self.pager.is_durable(commit)
    }

    /// Waits until `commit` is durable.
    ///
    /// # Errors
    ///
    /// When a sync fails: the outcome is unknown then.
    pub fn wait_durable(&self, commit: CommitNumber) -> Result<(), StorageError> {
        self.pager.wait_durable(commit)
    }

    /// Whether `commit` is durable; if it is not, `waker` is woken when that changes.
    ///
    /// # Errors
    ///
    /// As [`wait_durable`](Store::wait_durable).
    pub fn poll_durable(&self, commit: CommitNumber, waker: &Waker) -> Result<bool, StorageError> {
        self.pager.poll_durable(commit, waker)
    }

    /// Closes the database: the file then needs no journal. Commits nothing: statistics of values that no commit took along are
    /// dropped.
    ///
    /// # Errors
    ///
    /// What writing fails with; the journal then stays, and the next open reads it.
    pub fn close(&self) -> Result<(), StorageError> {
        self.pager.close()
    }
}

/// Applies what the journal has, and reads the catalog.
pub(super) fn recover(pager: &Pager, catalog_leaf: u32) -> Result<Stored, StorageError> {
    let load = || {
        if pager.is_new() { Ok(Stored::empty(catalog_leaf)) } else { catalog::load(&pager.reader()) }
    };
    let mut stored = Arc::new(load()?);
    pager.replay(&mut |pages, payloads| {
        // Without journal: what is applied is in the journal already.
        let mut writer = Writer::new(pages, stored.clone(), None);
        let catalog_changed = writer.apply(payloads.iter().map(Vec::as_slice))?;
        let pages = writer.into_pages()?;
        if catalog_changed {
            stored = Arc::new(catalog::load(&pages)?);
        }
        Ok(pages)
    })?;
    load()
}

/// The shapes of a declared schema, checked in themselves.
fn shapes_of(schema: &DatabaseSchema) -> Result<Vec<CollectionShape>, SchemaError> {
    let shapes: Vec<CollectionShape> =
        schema.collections.iter().map(|of| CollectionShape::of(of())).collect();
    for (position, shape) in shapes.iter().enumerate() {
        if shapes[..position].iter().any(|other| other.name == shape.name) {
            return Err(SchemaError::DuplicateCollection { name: shape.name.clone() });
        }
        for field in &shape.fields {
            let Some((target, _)) = &field.reference else { continue };
            if !shapes.iter().any(|other| other.name == *target) {
                return Err(SchemaError::TargetNotInSchema {
                    schema: schema.name.to_string(),
                    collection: shape.name.clone(),
                    field: field.name.clone(),
                    target: target.clone(),
                });
            }
        }
    }
    Ok(shapes)
}

/// Compares what is declared with what is stored; returns the collections to be made.
fn compare(
    schema: &str,
    declared: &[CollectionShape],
    stored: &Catalog,
) -> Result<Vec<CollectionShape>, SchemaError> {
    let name_of = |id: CollectionId| -> String {
        stored.collection(id).map_or_else(|| format!("collection {id}"), |def| def.name.clone())
    };
    let mut missing = Vec::new();
    let mut differences = Vec::new();
    for shape in declared {
        match stored.by_name(&shape.name) {
            Some(def) => differences.extend(shape.differences_from(&def.shape(name_of))),
            None => missing.push(shape.clone()),
        }
    }
    let undeclared: Vec<&str> = stored
        .collections
        .iter()
        .filter(|def| !declared.iter().any(|shape| shape.name == def.name))
        .map(|def| def.name.as_str())
        .collect();
    if !undeclared.is_empty() {
        for shape in &missing {
            differences.push(format!(
                "collection `{}` is declared but not in the file, which holds `{}` instead: if one was renamed, say so with `#[collection(name = \"…\")]`",
                shape.name,
                undeclared.join("`, `")
            ));
        }
    }
    if differences.is_empty() {
        Ok(missing)
    } else {
        Err(SchemaError::Differs { schema: schema.to_string(), differences })
    }
}
