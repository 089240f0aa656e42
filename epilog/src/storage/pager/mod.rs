//! The pager: pages by number, in versions; one writer, any number of readers that never wait.
//!
//! Above: trees and records, which see [`PageRead`] and [`PageWrite`](super::page::PageWrite).
//! Below: the journal and the VFS.
//!
//! * Readers take no lock: a [`PageSnapshot`] announces the commit it reads, and finds each page's version through the
//!   frame table.
//! * One [`PageWriter`] at a time holds the lease, until its commit is staged. Any number of [`PrivatePages`] are changed
//!   without it; nothing of them is ever committed.
//! * What was committed since the last checkpoint is in memory and in the journal. A checkpoint writes the changed pages'
//!   images to free space, then the map pages that name them, then a header that names those.
//! * A page is loaded when it is asked for, and verified then. What the file has goes from memory again when more than
//!   [`PagerOptions::cache_bytes`] are taken.
//! * The pager never looks into a payload: recovery gives it back to whoever made it.

mod archiving;
mod build;
mod check;
mod checkpoint;
mod compact;
mod compression;
mod feed;
mod frames;
mod free;
mod header;
mod heads;
mod image;
mod images;
mod info;
mod map;
mod numbers;
mod open;
mod pace;
mod pins;
mod private;
mod salvage;
mod space;
mod stats;
mod store;
#[cfg(test)]
mod tests;
mod upkeep;
mod watch;
mod writer;

pub(in crate::storage) use archiving::need_archives;
pub use archiving::{BeginReading, ReadAgain};
pub use build::FileBuilder;
pub use check::Inspection;
pub use compact::Compaction;
pub use compression::Compression;
pub use feed::Feed;
pub(crate) use images::AHEAD_LEN;
pub use info::FileInfo;
pub use private::{PrivatePages, PrivateSavepoint};
pub use salvage::Salvage;
pub use stats::PagerStats;
pub use upkeep::Upkeep;
pub use writer::{PageWriter, Savepoint};

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::task::Waker;
use core::time::Duration;

use self::feed::Recent;
use self::frames::{FrameTable, Operation, Pin, SnapshotPin};
use self::images::Images;
use self::numbers::Numbers;
use self::pace::Pressure;
use self::store::{Journaling, Store};
use self::watch::Watch;
use super::journal::{JournalOptions, Retention};
use super::page::{BLOCK_LEN, PageNumber, PageRead};
use super::scratch::Scratch;
#[cfg(feature = "std")]
use super::vfs::file::monotonic_ns;
use super::{StorageError, StorageFault};
use crate::sync::Mutex;

/// A commit's number: the first is 1, and there are no gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct CommitNumber(pub u64);

impl fmt::Display for CommitNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When a commit returns, and when others see it.
///
/// Whichever it is, a crash leaves a whole number of commits: it never keeps part of one, nor one without those before it.
///
/// # Examples
///
/// ```
#[doc = include_str!("../../example.txt")]
/// let mut tx = db.begin()?;
/// tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() })?;
/// tx.commit_with(Durability::None)?;
/// assert_eq!(Artist::query().count(&db)?, 4);
/// assert_eq!(Durability::default(), Durability::Immediate);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The commit returns when the journal has it and is synced, and others see it from then on: it survives a crash of
    /// the machine. Commits that wait at the same time share a sync.
    #[default]
    Immediate,
    /// The commit returns at once, with a handle to wait for the sync or to await it; others see it when it is durable.
    /// For many commits in flight from one thread, and for async code.
    Group,
    /// The commit returns at once and others see it at once; it is made durable within this time by the background, or
    /// by [`maintain`](crate::Database::maintain). A crash loses what was committed in the last while.
    Eventual(Duration),
    /// The commit returns at once and others see it at once. It becomes durable with a later commit or checkpoint, or is
    /// lost as a whole.
    None,
}

impl Durability {
    /// Whether a commit is seen by others only when it is durable.
    fn promises(self) -> bool {
        matches!(self, Durability::Immediate | Durability::Group)
    }
}

/// How a pager treats its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PagerOptions {
    /// Nothing is written, and the file must exist.
    pub read_only: bool,
    /// How a new journal is laid out.
    pub journal: JournalOptions,
    /// The bytes of changed pages that there may be before they are written: a checkpoint begins at half of it.
    pub checkpoint_dirty_bytes: u64,
    /// As `checkpoint_dirty_bytes`, for the bytes a recovery would have to read.
    pub checkpoint_journal_bytes: u64,
    /// What a recovery may take, as estimated, in nanoseconds: as `checkpoint_journal_bytes`, in time.
    pub recovery_ns: u64,
    /// A transaction with more bytes of changes goes into the file directly, without the journal.
    pub bulk_bytes: usize,
    /// What pages may take in memory, in bytes. Changes that no checkpoint has written yet, and what is being read, may
    /// take more.
    pub cache_bytes: usize,
    /// What a query may keep of rows in memory, in bytes; `None`: half as much as pages, where it can be put aside.
    #[cfg(not(feature = "small"))]
    pub query_bytes: Option<usize>,
    /// What the journal, or memory, keeps of changes for those who read them.
    pub retain_changes: Option<Retention>,
    /// The bytes of a block in a file that is made: a power of two from 512 to 4,096.
    pub block_len: usize,
    /// What images are written with; `None`: as those that the file has.
    pub compression: Option<Compression>,
}

impl Default for PagerOptions {
    /// Writable; at most 64 MiB of changed pages, 128 MiB of journal and 250 ms of recovery between checkpoints; 16 MiB in
    /// one transaction before it goes past the journal.
    fn default() -> PagerOptions {
        PagerOptions {
            read_only: false,
            journal: JournalOptions::default(),
            checkpoint_dirty_bytes: 64 << 20,
            checkpoint_journal_bytes: 128 << 20,
            recovery_ns: 250_000_000,
            bulk_bytes: 16 << 20,
            cache_bytes: 256 << 20,
            #[cfg(not(feature = "small"))]
            query_bytes: None,
            retain_changes: None,
            block_len: BLOCK_LEN,
            compression: None,
        }
    }
}

struct Shared {
    frames: Arc<FrameTable>,
    images: Option<Arc<Images>>,
    numbers: Arc<Mutex<Numbers>>,
    /// `None` in memory.
    store: Option<Store>,
    /// Whoever holds it changes pages.
    lease: Mutex<()>,
    upkeep: Upkeep,
    watch: Arc<Watch>,
    /// In memory, when changes are retained.
    recent: Option<Recent>,
}

/// Makes the changes of journaled commits again: gets a write transaction and their payloads, gives the transaction back.
pub type Redo<'p, 'a> = dyn FnMut(PageWriter<'p>, &[Vec<u8>]) -> Result<PageWriter<'p>, StorageError> + 'a;

/// Commits of so many bytes together are made again as one.
const REDONE_TOGETHER: usize = if cfg!(feature = "small") { 1 << 10 } else { 1 << 20 };

/// Pages by number, in versions. Cheap to clone.
#[derive(Clone)]
pub struct Pager {
    shared: Arc<Shared>,
}

impl Pager {
    /// A pager without a file: what is committed lives as long as the pager.
    pub fn in_memory() -> Pager {
        Pager::in_memory_retaining(None)
    }

    /// As [`in_memory`](Pager::in_memory), and the payloads of the newest commits are kept for a [`Feed`].
    pub fn in_memory_retaining(retention: Option<Retention>) -> Pager {
        let shared = Shared {
            frames: Arc::new(FrameTable::new(0, None, usize::MAX)),
            images: None,
            numbers: Arc::new(Mutex::new(Numbers::new())),
            store: None,
            lease: Mutex::new(()),
            upkeep: Upkeep::default(),
            watch: Arc::default(),
            recent: retention.map(Recent::new),
        };
        Pager { shared: Arc::new(shared) }
    }

    /// The bytes of a block: pages have a multiple of it.
    pub fn block_len(&self) -> usize {
        self.shared.block_len()
    }

    /// What images are written with.
    pub fn compression(&self) -> Compression {
        self.shared.store.as_ref().map_or(Compression::None, |store| store.compression)
    }

    /// Whether nothing was ever committed.
    pub fn is_new(&self) -> bool {
        self.shared.frames.published() == 0
    }

    /// Whether nothing may be written.
    pub fn is_read_only(&self) -> bool {
        self.shared.store.as_ref().is_some_and(|store| store.options.read_only)
    }

    /// The longest payload of a commit that is journaled; a longer one is made with
    /// [`commit_bulk`](PageWriter::commit_bulk). `None` when nothing is journaled: payloads may be empty then.
    pub fn journaled_bytes_max(&self) -> Option<usize> {
        let kept = self.shared.recent.as_ref().map(|_| usize::MAX);
        self.shared.store.as_ref().map(|store| store.options.bulk_bytes).or(kept)
    }

    /// The state as of the last published commit. A load, a store and a re-check.
    pub fn snapshot(&self) -> PageSnapshot<'_> {
        PageSnapshot { pin: Pin::new(&self.shared.frames).into_snapshot() }
    }

    /// As [`snapshot`](Pager::snapshot), for as long as one likes.
    pub fn snapshot_owned(&self) -> PageSnapshot<'static> {
        PageSnapshot { pin: Pin::shared(&self.shared.frames).into_snapshot() }
    }

    /// The state as of `commit`; `None` when that is not published yet, or too old: without
    /// [`retain`](Pager::retain) all but the last one are.
    pub fn snapshot_at(&self, commit: CommitNumber) -> Option<PageSnapshot<'static>> {
        let pin = Pin::at(&self.shared.frames, commit.0)?;
        Some(PageSnapshot { pin: pin.into_snapshot() })
    }

    /// Keeps what is needed for [`snapshot_at`](Pager::snapshot_at) of all commits from `first` on, of which the first call
    /// has only the last. `first` never goes back. `None` ends it.
    pub fn retain(&self, first: Option<CommitNumber>) {
        self.shared.frames.retain(first.map_or(u64::MAX, |first| first.0));
    }

    /// A snapshot and an operation in one, for something short: a little quicker than the two.
    #[inline]
    pub fn reader(&self) -> PageReader<'_> {
        PageReader { pin: Pin::new(&self.shared.frames) }
    }

    /// As [`snapshot_at`](Pager::snapshot_at), with the reason when it cannot be had.
    ///
    /// # Errors
    ///
    /// [`StorageFault::VersionsGone`] when the commit's versions are not kept any more, see
    /// [`retain_versions`](Pager::retain_versions); [`StorageFault::NotCommitted`] when it has not been made.
    pub fn look_back_at(&self, commit: CommitNumber) -> Result<PageSnapshot<'static>, StorageError> {
        self.snapshot_at(commit).ok_or_else(|| {
            let (commit, last) = (commit.0, self.shared.frames.published());
            match commit > last {
                true => StorageFault::NotCommitted { commit, last }.into(),
                false => StorageFault::VersionsGone { commit, oldest: self.shared.frames.floor() }.into(),
            }
        })
    }

    /// Keeps, from now on, the versions of the last `commits` commits before the published one, as far as they are made
    /// from now on.
    pub fn retain_versions(&self, commits: u64) {
        self.shared.watch.look_back(&self.shared.frames, commits);
    }

    /// Waits until a commit after `commit` is seen by everybody, for no longer than `duration`; the last one there is, if
    /// it is one.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Poisoned`] when there will be none, as nothing is written any more.
    #[cfg(feature = "std")]
    pub fn wait_for_published(
        &self,
        commit: CommitNumber,
        duration: Duration,
    ) -> Result<Option<CommitNumber>, StorageError> {
        self.wait_for_more(duration, |published| (published > commit).then_some(published))
    }

    /// Waits until `happened` gives something for the last commit that is seen by everybody, for no longer than `duration`. It
    /// is asked at once, and again when there is another commit or [`wake_waiting`](Pager::wake_waiting) says so.
    ///
    /// # Errors
    ///
    /// As [`wait_for_published`](Pager::wait_for_published), if it gives nothing.
    #[cfg(feature = "std")]
    pub(in crate::storage) fn wait_for_more<T>(
        &self,
        duration: Duration,
        happened: impl Fn(CommitNumber) -> Option<T>,
    ) -> Result<Option<T>, StorageError> {
        let now = || self.shared.store.as_ref().map_or_else(monotonic_ns, |store| store.vfs.now_ns());
        let happened = || match happened(self.published()) {
            Some(found) => Some(Ok(found)),
            None => self.poisoned().map(Err),
        };
        self.shared.watch.wait(duration, now, happened).transpose()
    }

    /// Lets those who wait look again at what they wait for.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(in crate::storage) fn wake_waiting(&self) {
        self.shared.watch.notify();
    }

    /// The last commit, if it is after `commit`; if it is not, `waker` is woken when that changes.
    ///
    /// # Errors
    ///
    /// As [`wait_for_published`](Pager::wait_for_published).
    pub fn poll_published(
        &self,
        commit: CommitNumber,
        waker: &Waker,
    ) -> Result<Option<CommitNumber>, StorageError> {
        self.shared.watch.wake(waker);
        self.published_after(commit)
    }

    fn published_after(&self, commit: CommitNumber) -> Result<Option<CommitNumber>, StorageError> {
        let published = self.published();
        if published > commit {
            return Ok(Some(published));
        }
        self.poisoned().map_or(Ok(None), Err)
    }

    /// Why there will be no more commits, if there will be none.
    fn poisoned(&self) -> Option<StorageError> {
        self.shared.store.as_ref().and_then(Store::poisoned)
    }

    /// Begins the one write transaction there is at a time; waits for the one before to end.
    ///
    /// # Errors
    ///
    /// [`StorageFault::ReadOnly`] and [`StorageFault::Poisoned`], when nothing can be written.
    pub fn begin_write(&self) -> Result<PageWriter<'_>, StorageError> {
        let lease = self.shared.lease.lock();
        if let Some(store) = &self.shared.store {
            store.check_writable()?;
        }
        Ok(PageWriter::new(&self.shared, lease))
    }

    /// Begins a transaction that changes pages for itself only, of which there can be any number. Never waits.
    ///
    /// # Errors
    ///
    /// As [`begin_write`](Pager::begin_write).
    pub fn begin_private(&self) -> Result<PrivatePages<'_>, StorageError> {
        if let Some(store) = &self.shared.store {
            store.check_writable()?;
        }
        Ok(PrivatePages::new(&self.shared))
    }

    /// Waits until readers that begin now see `commit`, which is staged: makes it durable, if that is what it waits for.
    ///
    /// # Errors
    ///
    /// When that fails: whether the commit survives is unknown.
    pub fn wait_published(&self, commit: CommitNumber) -> Result<(), StorageError> {
        self.shared.wait_published(commit.0)
    }

    /// Applies the commits that the journal has and the file has not: a megabyte of them at a time in one transaction, which is
    /// then published as the last of them. `apply` gives back the writer it was given. Returns how many there were. To be called once, after
    /// [`open`](Pager::open); it writes nothing.
    ///
    /// # Errors
    ///
    /// What `apply` fails with; [`StorageFault::Corruption`] when the journal is damaged, or not the one that belongs to
    /// the newest header. Nothing can be written then.
    pub fn replay<'p>(&'p self, apply: &mut Redo<'p, '_>) -> Result<u64, StorageError> {
        let Some(store) = &self.shared.store else { return Ok(0) };
        let mut state = store.state.lock();
        let (checkpoint, position) = (state.header.checkpoint, state.header.position);
        let mut recovery = match core::mem::replace(&mut state.journaling, Journaling::Replaying) {
            Journaling::Unreplayed(recovery) => recovery,
            other => {
                state.journaling = other;
                return Ok(0);
            }
        };
        drop(state);
        let started = store.vfs.now_ns();
        let mut bytes = 0;
        let (mut payloads, mut together, mut last) = (Vec::new(), 0, 0);
        let mut redo = |payloads: &mut Vec<Vec<u8>>, commit| {
            let writer = PageWriter::replaying(&self.shared, self.shared.lease.lock());
            apply(writer, payloads)?.publish_replayed(commit)?;
            payloads.clear();
            Ok(())
        };
        let outcome = recovery.replay(checkpoint, position, &mut |commit, payload| {
            bytes += payload.len() as u64;
            (together, last) = (together + payload.len(), commit);
            payloads.push(payload.to_vec());
            if together < REDONE_TOGETHER {
                return Ok(());
            }
            together = 0;
            redo(&mut payloads, commit)
        });
        let outcome = outcome.and_then(|count| {
            if !payloads.is_empty() {
                redo(&mut payloads, last)?;
            }
            Ok(count)
        });
        store.pace.measured(bytes, store.vfs.now_ns().saturating_sub(started));
        store.state.lock().journaling = match outcome {
            Ok(_) => Journaling::Replayed(recovery),
            Err(_) => Journaling::Unreplayed(recovery),
        };
        outcome
    }

    /// Brings the file up to the last commit, so that recovery would have nothing to do. Waits for a running write
    /// transaction; others may begin while the file is being written.
    ///
    /// # Errors
    ///
    /// When the disk is full or cannot be written: nothing has changed then, and it may be tried again. After a failed
    /// sync nothing is written any more.
    pub fn checkpoint(&self) -> Result<(), StorageError> {
        let Some(store) = &self.shared.store else { return Ok(()) };
        let lease = self.shared.lease.lock();
        store.check_writable()?;
        store.finish_checkpoint()?;
        store.begin_checkpoint(false, &[])?;
        drop(lease);
        store.finish_checkpoint()?;
        store.archive()
    }

    /// Checkpoints, marks the file as clean and removes the journal: the file alone is the database then. A file to which
    /// nothing was written is left as it is. Writing again is possible, and begins a new journal.
    ///
    /// # Errors
    ///
    /// As [`checkpoint`](Pager::checkpoint): the journal stays, and the next open recovers from it.
    pub fn close(&self) -> Result<(), StorageError> {
        let Some(store) = &self.shared.store else { return Ok(()) };
        let _lease = self.shared.lease.lock();
        store.close()
    }

    /// Does a part of what is due besides commits: a sync that was promised, or a step of a checkpoint. Returns whether
    /// there is more to do now. Never waits for a running write transaction.
    ///
    /// # Errors
    ///
    /// What writing fails with, as [`checkpoint`](Pager::checkpoint).
    pub fn maintain(&self) -> Result<bool, StorageError> {
        self.shared.maintain()
    }

    /// Whether `commit` is known to be durable. In memory every commit is as durable as it gets.
    pub fn is_durable(&self, commit: CommitNumber) -> bool {
        self.shared.store.as_ref().is_none_or(|store| store.durable() >= commit.0)
    }

    /// Waits until `commit` is durable, syncing if nobody else does. Readers that begin then see it.
    ///
    /// # Errors
    ///
    /// When that fails: the outcome is unknown.
    pub fn wait_durable(&self, commit: CommitNumber) -> Result<(), StorageError> {
        match &self.shared.store {
            // Whoever has synced it may not have published it yet.
            Some(store) if self.shared.frames.published() < commit.0 || store.durable() < commit.0 => {
                store.sync(commit.0)
            }
            _ => Ok(()),
        }
    }

    /// Whether `commit` is durable; if it is not, `waker` is woken when that changes, or a sync fails.
    ///
    /// # Errors
    ///
    /// As [`wait_durable`](Pager::wait_durable).
    pub fn poll_durable(&self, commit: CommitNumber, waker: &Waker) -> Result<bool, StorageError> {
        let Some(store) = &self.shared.store else { return Ok(true) };
        if self.shared.upkeep.is_attended() {
            store.heads.wait_for(commit.0, waker);
            // Looked at after the waker is known: what happens from here on wakes it.
            if store.durable() >= commit.0 {
                return self.wait_durable(commit).map(|()| true);
            }
            if let Some(error) = store.poisoned() {
                return Err(error);
            }
            self.shared.upkeep.kick();
            return Ok(false);
        }
        self.wait_durable(commit).map(|()| true)
    }

    /// Who is told that there is something to [`maintain`](Pager::maintain). While nobody listens, the commit that makes a
    /// checkpoint due makes it, and who asks whether a commit is durable syncs it.
    pub fn upkeep(&self) -> &Upkeep {
        &self.shared.upkeep
    }

    /// Page buffers that snapshots can reach, old versions included.
    pub fn resident_versions(&self) -> usize {
        self.shared.frames.versions()
    }

    /// The bytes that page buffers take: versions, what a write transaction has changed, and what has been evicted and is
    /// still being read.
    pub fn resident_bytes(&self) -> usize {
        self.shared.frames.resident_bytes()
    }
}

impl Shared {
    /// The bytes of a block, in memory those of the usual one.
    fn block_len(&self) -> usize {
        self.images.as_ref().map_or(BLOCK_LEN, |images| images.block_len())
    }

    /// Waits for what a commit promised, and helps with the checkpoint that is due. No lease is held.
    fn settle(&self, commit: u64, durability: Durability) -> Result<(), StorageError> {
        let Some(store) = &self.store else { return Ok(()) };
        match durability {
            Durability::Immediate => store.sync(commit)?,
            Durability::Group => self.upkeep.kick(),
            Durability::Eventual(within) => {
                let within = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
                self.upkeep.sync_by(store.vfs.now_ns().saturating_add(within));
            }
            Durability::None => {}
        }
        if !store.is_checkpointing() {
            return Ok(());
        }
        let attended = self.upkeep.is_attended();
        let share = match (attended, store.pressure()) {
            (false, _) | (true, Pressure::Finish) => usize::MAX,
            (true, Pressure::Help) => 1,
            (true, _) => 0,
        };
        for _ in 0..share {
            // What fails here fails again when the next checkpoint is made, or has poisoned the store.
            if !store.step_checkpoint().unwrap_or(false) {
                break;
            }
        }
        if attended {
            self.upkeep.kick();
        } else if store.archive_is_due() {
            // As above: the journal keeps what could not be archived.
            let _ = store.archive();
        }
        Ok(())
    }

    /// Waits until a staged commit is published, syncing if nobody else does. The caller does not hold the lease.
    fn wait_published(&self, commit: u64) -> Result<(), StorageError> {
        let Some(store) = &self.store else { return Ok(()) };
        if self.frames.published() >= commit {
            return Ok(());
        }
        store.sync(commit)?;
        if self.frames.published() < commit {
            // Whoever made it has staged it and not published it yet, and has the lease until then.
            drop(self.lease.lock());
        }
        Ok(())
    }

    /// Begins a checkpoint when one is due. The caller holds the lease, and its commit is staged.
    fn begin_checkpoint_if_due(&self) {
        let Some(store) = &self.store else { return };
        if !store.is_checkpointing() && store.pressure() > Pressure::None {
            // The next commit meets the same failure.
            let _ = store.begin_checkpoint(false, &[]);
        }
    }

    fn maintain(&self) -> Result<bool, StorageError> {
        let Some(store) = &self.store else { return Ok(false) };
        let staged = self.frames.staged();
        let overdue = self.upkeep.take_overdue(store.vfs.now_ns());
        if (overdue || store.heads.owe_durability()) && store.durable() < staged {
            store.sync(staged)?;
            return Ok(true);
        }
        if store.step_checkpoint()? {
            return Ok(true);
        }
        if store.archive_is_due() {
            store.step_archive(false)?;
            return Ok(true);
        }
        if store.pressure() > Pressure::None
            && let Some(_lease) = self.lease.try_lock()
        {
            store.begin_checkpoint(false, &[])?;
            return Ok(store.is_checkpointing());
        }
        Ok(false)
    }
}

/// The pages as of one commit, to be read in operations. While it is open the commit's versions stay; what is only loaded
/// from the file stays no longer than an operation.
pub struct PageSnapshot<'p> {
    pin: SnapshotPin<'p>,
}

impl PageSnapshot<'_> {
    /// The commit it shows.
    pub fn commit(&self) -> CommitNumber {
        CommitNumber(self.pin.commit())
    }

    /// The same pages for one of several threads that read together, whose operations keep nothing for longer because of those of
    /// this one.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(in crate::storage) fn together(&self) -> PagesTogether<'_> {
        let (pin, since) = self.pin.again();
        PagesTogether { pin, since }
    }

    /// Begins an operation. Any number can run at a time.
    #[inline]
    pub fn operation(&self) -> PageOperation<'_> {
        PageOperation {
            operation: self.pin.operation(),
            #[cfg(all(feature = "std", not(feature = "small")))]
            together: None,
        }
    }
}

/// As [`PageSnapshot`], for one of several threads that read together. An operation of one keeps all in memory that is evicted
/// meanwhile, by whichever thread: so each is to look whether there is too much of that, and to wait for the others.
#[cfg(all(feature = "std", not(feature = "small")))]
pub(in crate::storage) struct PagesTogether<'p> {
    pin: SnapshotPin<'p>,
    /// The epoch in which they began.
    since: u64,
}

#[cfg(all(feature = "std", not(feature = "small")))]
impl PagesTogether<'_> {
    /// Begins an operation.
    pub(in crate::storage) fn operation(&self) -> PageOperation<'_> {
        PageOperation { operation: self.pin.operation(), together: Some(self) }
    }

    /// Whether there is too much in memory for operations that began after this, as those of the other threads did.
    pub(in crate::storage) fn is_overfull(&self) -> bool {
        self.pin.is_overfull_since(self.since)
    }
}

/// A time of reading in a [`PageSnapshot`]: the bytes of the pages read stay in memory until it ends.
pub struct PageOperation<'p> {
    operation: Operation<'p>,
    /// Those that read together with it, if it is of several threads.
    #[cfg(all(feature = "std", not(feature = "small")))]
    together: Option<&'p PagesTogether<'p>>,
}

impl PageRead for PageOperation<'_> {
    #[inline]
    fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        self.operation.page(number)
    }

    #[cfg(not(feature = "small"))]
    #[inline]
    fn bring_near(&self, number: PageNumber) {
        self.operation.bring_near(number);
    }

    #[cfg(not(feature = "small"))]
    fn is_cached(&self, number: PageNumber) -> bool {
        self.operation.is_cached(number)
    }

    #[cfg(not(feature = "small"))]
    fn pages_loaded(&self) -> Option<u64> {
        Some(self.operation.pages_loaded())
    }

    fn is_crowded(&self) -> bool {
        #[cfg(all(feature = "std", not(feature = "small")))]
        if self.together.is_some_and(PagesTogether::is_overfull) {
            return true;
        }
        self.operation.is_crowded()
    }

    fn cache_bytes(&self) -> Option<usize> {
        self.operation.cache_bytes()
    }

    #[cfg(not(feature = "small"))]
    fn query_bytes(&self) -> Option<usize> {
        self.operation.query_bytes()
    }

    fn scratch(&self, block_len: usize) -> Result<Option<Scratch>, StorageError> {
        self.operation.scratch(block_len)
    }

    #[cfg(not(feature = "small"))]
    fn commit(&self) -> Option<u64> {
        Some(self.operation.commit())
    }

    #[cfg(not(feature = "small"))]
    fn now_ns(&self) -> u64 {
        self.operation.now_ns()
    }
}

/// The pages as of one commit, in one operation.
pub struct PageReader<'p> {
    pin: Pin<'p>,
}

impl PageRead for PageReader<'_> {
    #[inline]
    fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        self.pin.page(number)
    }

    #[cfg(not(feature = "small"))]
    #[inline]
    fn bring_near(&self, number: PageNumber) {
        self.pin.bring_near(number);
    }

    #[cfg(not(feature = "small"))]
    fn commit(&self) -> Option<u64> {
        Some(self.pin.commit())
    }

    #[cfg(not(feature = "small"))]
    fn now_ns(&self) -> u64 {
        self.pin.now_ns()
    }
}
