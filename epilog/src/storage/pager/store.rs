//! [`Store`]: the file and its journal, as writers and whoever checkpoints share them.
//!
//! A clean file has no journal. The first write makes one and then, so that a lost journal is noticed, writes a header
//! that is not clean; commits flow only when that is durable. After a crash the first write begins a new journal segment
//! and checkpoints what was replayed. Until the first write nothing is written at all.
//!
//! Locks, in the order in which they may be taken together: the write lease, the checkpoint being made, the archive, the
//! queue of [`Heads`], the state, page numbers, free space, the page map. Only the first three are held over reads and
//! writes of files, and the lease only for what must not overlap with a commit.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::archiving::{Archiving, NO_ARCHIVE};
use super::checkpoint::{Checkpoint, Failure, Finished, Work};
use super::compression::Compression;
use super::frames::{FrameTable, Pin};
use super::free::Runs;
use super::header::Header;
use super::heads::Heads;
use super::images::Images;
use super::numbers::Numbers;
use super::pace::{Pace, Pressure};
use super::space::Space;
use super::stats::Setbacks;
use super::{Durability, PagerOptions};
use crate::ordered::BTreeMap;
use crate::storage::error::described;
use crate::storage::journal::{Journal, Recovery};
use crate::storage::page::PageNumber;
use crate::storage::planted::{self, Bug};
use crate::storage::vfs::{Vfs, VfsError};
use crate::storage::{StorageError, StorageFault};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The journal's state.
pub(super) enum Journaling {
    /// There is none, or one that nobody needs: the header is clean.
    Idle,
    /// Its commits are not applied yet.
    Unreplayed(Recovery),
    /// Its commits are being applied: until they are, nothing may be written.
    Replaying,
    /// Its commits are applied; nothing was written since.
    Replayed(Recovery),
    /// It takes commits, once what is due has been done.
    Active(Arc<Journal>, Due),
}

/// What has to be written before the next commit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// A header that is not clean.
    Header,
    /// What was replayed.
    Checkpoint,
}

/// A changed page: the last commit that changed it, and its bytes; 0 when it is gone.
#[derive(Clone, Copy)]
struct Dirty {
    commit: u64,
    len: usize,
}

/// What changes at commits and checkpoints.
pub(super) struct State {
    /// The newest.
    pub(super) header: Header,
    /// Whether this handle has written and synced it.
    header_is_durable: bool,
    /// No header was ever written.
    pub(super) is_new: bool,
    pub(super) journaling: Journaling,
    /// Pages changed since the last checkpoint.
    dirty: BTreeMap<PageNumber, Dirty>,
    dirty_bytes: u64,
    poison: Option<VfsError>,
}

impl State {
    /// Whether this handle has written the newest header, both its copies.
    pub(super) fn has_written_header(&self) -> bool {
        self.header_is_durable
    }
}

/// What a bulk transaction's commit brings along: its pages' images are written already.
pub(super) struct Bulk {
    pub(super) commit: u64,
    /// Its pages, in place of what is dirty of them.
    pub(super) work: Vec<(PageNumber, Work)>,
    /// The blocks of their images, which were given out to the transaction.
    pub(super) written: Runs,
    /// Page numbers it gives up, and whether the map has an image of each.
    pub(super) freed: Vec<(PageNumber, bool)>,
    /// What the journal keeps of it.
    pub(super) mark: Vec<u8>,
}

/// What a checkpoint does besides writing what has changed.
enum Extra {
    Nothing,
    /// These pages' images move to the front.
    Move(Vec<PageNumber>),
    /// It is the commit of a bulk transaction.
    Bulk(Bulk),
}

/// The file and its journal.
pub(super) struct Store {
    pub(super) vfs: Arc<dyn Vfs>,
    pub(super) path: String,
    pub(super) journal_path: String,
    pub(super) options: PagerOptions,
    /// What images are written with.
    pub(super) compression: Compression,
    pub(super) images: Arc<Images>,
    pub(super) frames: Arc<FrameTable>,
    numbers: Arc<Mutex<Numbers>>,
    pub(super) space: Mutex<Space>,
    pub(super) state: Mutex<State>,
    checkpoint: Mutex<Option<Checkpoint>>,
    /// Held while a commit's versions are hung into the frame table with what the map says of pages that are not in
    /// memory, and while the map changes.
    pub(super) naming: Mutex<()>,
    pub(super) heads: Heads,
    pub(super) pace: Pace,
    pub(super) archiving: Mutex<Archiving>,
    /// The last commit that the archive has for good; [`NO_ARCHIVE`] when there is none.
    pub(super) archived: AtomicU64,
    pub(super) archive_due: AtomicBool,
    pub(super) setbacks: Mutex<Setbacks>,
}

impl State {
    /// The pages changed since the last checkpoint.
    pub(super) fn changed_pages(&self) -> impl Iterator<Item = PageNumber> {
        self.dirty.keys().copied()
    }
}

impl Store {
    pub(super) fn new(
        (vfs, path, journal_path): (Arc<dyn Vfs>, String, String),
        options: PagerOptions,
        images: Arc<Images>,
        (frames, numbers): (Arc<FrameTable>, Arc<Mutex<Numbers>>),
        (header, is_new): (Header, bool),
        space: Space,
        journaling: Journaling,
    ) -> Store {
        let compression = options.compression.unwrap_or_else(|| header.compression());
        let state = State {
            header,
            header_is_durable: false,
            is_new,
            journaling,
            dirty: BTreeMap::new(),
            dirty_bytes: 0,
            poison: None,
        };
        Store {
            vfs,
            path,
            journal_path,
            pace: Pace::new(&options),
            options,
            compression,
            images,
            frames,
            numbers,
            space: Mutex::new(space),
            state: Mutex::new(state),
            checkpoint: Mutex::new(None),
            naming: Mutex::new(()),
            heads: Heads::default(),
            archiving: Mutex::new(Archiving::No),
            archived: AtomicU64::new(NO_ARCHIVE),
            archive_due: AtomicBool::new(false),
            setbacks: Mutex::default(),
        }
    }

    /// Fails when nothing can be written.
    ///
    /// # Errors
    ///
    /// [`StorageFault::ReadOnly`], [`StorageFault::Poisoned`]; [`StorageFault::Corruption`] when replay has failed, as
    /// what would be written would build on a part of the database.
    pub(super) fn check_writable(&self) -> Result<(), StorageError> {
        self.check_state(&self.state.lock())
    }

    fn check_state(&self, state: &State) -> Result<(), StorageError> {
        if self.options.read_only {
            return Err(StorageFault::ReadOnly.into());
        }
        if let Some(cause) = &state.poison {
            return Err(StorageFault::Poisoned { path: self.path.clone(), cause: cause.clone() }.into());
        }
        if let Journaling::Unreplayed(_) | Journaling::Replaying = state.journaling {
            return Err(StorageError::damage("journal", "its commits have not been applied"));
        }
        Ok(())
    }

    // ---- commits

    /// Notes that `commit` changed pages, each with its new length; 0 when it is gone.
    pub(super) fn changed(&self, commit: u64, pages: impl Iterator<Item = (PageNumber, usize)>) {
        let mut state = self.state.lock();
        for (number, len) in pages {
            let before = state.dirty.insert(number, Dirty { commit, len }).map_or(0, |before| before.len);
            state.dirty_bytes = state.dirty_bytes - before as u64 + len as u64;
        }
    }

    /// Stages `commit` in the journal. `allocated` are the page numbers given out to its transaction.
    ///
    /// # Errors
    ///
    /// When the journal cannot be made ready or written; the commit is not in it then.
    pub(super) fn append(
        &self,
        allocated: &[PageNumber],
        commit: u64,
        payload: &[u8],
    ) -> Result<(), StorageError> {
        let journal = self.ready(allocated)?;
        let appended = journal.append(commit, payload);
        if let Err(error) = &appended
            && journal.is_poisoned()
        {
            // A write of frames failed: no later transaction is to begin in vain.
            self.poison(error);
        }
        appended.map(drop)
    }

    /// The journal, ready for commits. The caller holds the write lease.
    ///
    /// # Errors
    ///
    /// When it cannot be made ready.
    pub(super) fn ready(&self, allocated: &[PageNumber]) -> Result<Arc<Journal>, StorageError> {
        loop {
            let mut state = self.state.lock();
            self.check_state(&state)?;
            match &state.journaling {
                Journaling::Active(journal, Due::Nothing) => return Ok(Arc::clone(journal)),
                Journaling::Active(_, Due::Checkpoint) => {
                    drop(state);
                    self.begin_checkpoint(false, allocated)?;
                    self.finish_checkpoint()?;
                }
                _ => self.make_ready(&mut state)?,
            }
        }
    }

    /// Notes that `commit` is staged, and publishes what may be. The caller holds the write lease.
    pub(super) fn staged(&self, commit: u64, durability: Durability) {
        self.heads.staged(&self.frames, commit, durability.promises(), || self.durable());
    }

    pub(super) fn journal(&self) -> Option<Arc<Journal>> {
        match &self.state.lock().journaling {
            Journaling::Active(journal, _) => Some(Arc::clone(journal)),
            _ => None,
        }
    }

    /// The last commit known to be durable.
    pub(super) fn durable(&self) -> u64 {
        let state = self.state.lock();
        match &state.journaling {
            Journaling::Active(journal, _) => journal.durable().max(state.header.commit),
            _ => state.header.commit,
        }
    }

    /// Makes everything up to `commit` durable, with what was staged since, and publishes it. One thread syncs for all who
    /// wait.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written or synced: the outcome of what was not durable is unknown, and nothing is
    /// written any more.
    pub(super) fn sync(&self, commit: u64) -> Result<(), StorageError> {
        // Closed meanwhile: a clean file has everything.
        let Some(journal) = self.journal() else { return Ok(()) };
        match journal.sync(commit) {
            Ok(()) => {
                self.heads.durable(&self.frames, journal.durable());
                Ok(())
            }
            Err(error) => {
                self.poison(&error);
                Err(error)
            }
        }
    }

    /// Why nothing is written any more, if so.
    pub(super) fn poisoned(&self) -> Option<StorageError> {
        let state = self.state.lock();
        let cause = state.poison.clone()?;
        Some(StorageFault::Poisoned { path: self.path.clone(), cause }.into())
    }

    fn poison(&self, error: &StorageError) {
        if planted::is(Bug::SyncErrorsForgotten) {
            return;
        }
        let cause = match &**error {
            StorageFault::Vfs(cause) | StorageFault::Poisoned { cause, .. } => cause.clone(),
            other => VfsError::Io { path: self.path.clone(), operation: "sync", reason: described(other) },
        };
        self.state.lock().poison.get_or_insert(cause);
        self.heads.failed();
    }

    // ---- towards a journal that takes commits

    /// Takes the next step towards a journal that takes commits, short of a checkpoint.
    fn make_ready(&self, state: &mut State) -> Result<(), StorageError> {
        let State { header, journaling, .. } = state;
        match journaling {
            Journaling::Idle if state.is_new => self.create(state)?,
            Journaling::Idle | Journaling::Replayed(_) if !state.header_is_durable => self.settle(state)?,
            Journaling::Idle => {
                let journal = Journal::create(
                    &self.vfs,
                    &self.journal_path,
                    header.database,
                    header.checkpoint,
                    header.commit,
                    self.options.journal,
                )?;
                journal.keep(self.keep());
                let due = if planted::is(Bug::CleanWhileWriting) { Due::Nothing } else { Due::Header };
                *journaling = Journaling::Active(Arc::new(journal), due);
            }
            Journaling::Replayed(recovery) => {
                let journal = recovery.start_keeping(header.checkpoint, self.keep())?;
                *journaling = Journaling::Active(Arc::new(journal), Due::Checkpoint);
            }
            Journaling::Active(journal, due @ Due::Header) => {
                let position = journal.position();
                let checkpoint = header.checkpoint + 1;
                let next = Header { checkpoint, clean: false, position, ..header.clone() };
                // A write that fails is repeated by the next attempt, with the same bytes for the same slot.
                next.write(self.images.file())?;
                if let Err(cause) = self.images.file().sync_data() {
                    state.poison = Some(cause.clone());
                    return Err(cause.into());
                }
                journal.checkpointed(checkpoint, position);
                *due = Due::Nothing;
                *header = next;
            }
            Journaling::Active(..) | Journaling::Unreplayed(_) | Journaling::Replaying => {}
        }
        Ok(())
    }

    /// Makes the header that was read durable. It may have been read from the system's cache, where a process that was
    /// killed left it, or whose sync failed; the next header goes to the other slot, so this one must be there if that is
    /// torn. The file's length may have been the cache's as well; images of the next checkpoint that lie within it would
    /// not make it durable.
    ///
    /// After a failed sync a second one proves nothing, so the copies are written again, one after the other, a damaged one
    /// first: one is whole at any time, as the power may have gone at this very place before. Without a journal they are
    /// only synced: it was removed when the header's sync had succeeded. So no copy is torn by this in a file that would
    /// otherwise pass for sound.
    fn settle(&self, state: &mut State) -> Result<(), StorageError> {
        let file = self.images.file();
        file.set_len(file.len()?)?;
        let header = &state.header;
        let whole = [header.has_copy(file, 0)?, header.has_copy(file, 1)?];
        let was_synced = header.checkpoint > 1 && !self.vfs.exists(&self.journal_path)?;
        let copies: &[u64] = match whole {
            [true, true] if was_synced => &[],
            [_, true] => &[0, 1],
            [_, false] => &[1, 0],
        };
        let sync =
            |state: &mut State| file.sync_data().inspect_err(|cause| state.poison = Some(cause.clone()));
        for &copy in copies {
            state.header.write_copy(file, copy)?;
            sync(state)?;
        }
        if copies.is_empty() {
            sync(state)?;
        }
        state.header_is_durable = true;
        Ok(())
    }

    /// Writes a new database's first header.
    fn create(&self, state: &mut State) -> Result<(), StorageError> {
        let mut database = [0; 16];
        self.vfs.entropy(&mut database);
        let header = Header::first(database, self.images.block_len());
        let file = self.images.file();
        header.write(file)?;
        if let Err(cause) = file.sync_data() {
            state.poison = Some(cause.clone());
            return Err(cause.into());
        }
        self.vfs.sync_directory(&self.path)?;
        state.header = header;
        state.is_new = false;
        state.header_is_durable = true;
        Ok(())
    }

    // ---- checkpoints

    /// How much a checkpoint is wanted.
    pub(super) fn pressure(&self) -> Pressure {
        let (dirty, journaled) = self.backlog();
        self.pace.pressure(dirty, journaled)
    }

    /// The bytes of changed pages and of journal since the last checkpoint; zeros while there is no journal.
    pub(super) fn backlog(&self) -> (u64, u64) {
        let state = self.state.lock();
        match &state.journaling {
            Journaling::Active(journal, _) => (state.dirty_bytes, journal.bytes_since_checkpoint()),
            _ => (0, 0),
        }
    }

    /// Whether a checkpoint is being made.
    pub(super) fn is_checkpointing(&self) -> bool {
        // Whoever has the lock is about it.
        self.checkpoint.try_lock().is_none_or(|running| running.is_some())
    }

    /// Begins a checkpoint of everything that is staged, unless one is being made. The caller holds the write lease, and
    /// has been given `allocated` for a transaction that is not part of it.
    ///
    /// # Errors
    ///
    /// When nothing can be written.
    pub(super) fn begin_checkpoint(&self, clean: bool, allocated: &[PageNumber]) -> Result<(), StorageError> {
        let mut running = self.checkpoint.lock();
        if running.is_none() {
            *running = self.plan_checkpoint(clean, allocated, Extra::Nothing)?;
        }
        Ok(())
    }

    /// As [`begin_checkpoint`](Store::begin_checkpoint), and the images of `moved` pages move to the front where there is
    /// room. False when one was being made already.
    ///
    /// # Errors
    ///
    /// As there.
    pub(super) fn begin_moving(&self, moved: Vec<PageNumber>) -> Result<bool, StorageError> {
        let mut running = self.checkpoint.lock();
        if running.is_some() {
            return Ok(false);
        }
        *running = self.plan_checkpoint(false, &[], Extra::Move(moved))?;
        Ok(running.is_some())
    }

    fn plan_checkpoint(
        &self,
        clean: bool,
        allocated: &[PageNumber],
        extra: Extra,
    ) -> Result<Option<Checkpoint>, StorageError> {
        let state = self.state.lock();
        self.check_state(&state)?;
        let Journaling::Active(journal, _) = &state.journaling else { return Ok(None) };
        let pin = Pin::staged_shared(&self.frames);
        let base = pin.commit();
        let mut work: BTreeMap<PageNumber, Work> = state
            .dirty
            .iter()
            .map(|(number, dirty)| (*number, if dirty.len == 0 { Work::Free } else { Work::Write }))
            .collect();
        let (mut commit, mut freed, mut written) = (base, Vec::new(), Runs::new());
        match extra {
            Extra::Nothing => {}
            Extra::Move(pages) => {
                pages.into_iter().for_each(|page| {
                    work.entry(page).or_insert(Work::Move);
                });
            }
            Extra::Bulk(bulk) => {
                work.extend(bulk.work);
                (commit, freed, written) = (bulk.commit, bulk.freed, bulk.written);
            }
        }
        self.space.lock().release(self.frames.oldest());
        let numbers = self.numbers.lock().image(commit, allocated, &freed);
        // The journal's end is that of the last commit staged: its transaction is over, and none else has the lease.
        let mut position = journal.position();
        position.commit = commit;
        let checkpoint = state.header.checkpoint + 1;
        let header = Header { checkpoint, commit, clean, position, ..state.header.clone() };
        let work = work.into_iter().collect();
        Ok(Some(Checkpoint::new(pin, work, written, header, numbers, self.compression)))
    }

    /// Makes a bulk transaction durable by a checkpoint that holds its pages: everything before it is durable first, and
    /// then a header says what the file has. `stage` hangs its versions into the frame table, before the page map names
    /// them: readers of older commits would find the new images otherwise. The caller holds the write lease.
    ///
    /// # Errors
    ///
    /// As [`step_checkpoint`](Store::step_checkpoint): nothing was committed, unless the error says that the outcome is
    /// unknown.
    pub(super) fn commit_bulk(&self, mut bulk: Bulk, stage: impl FnOnce()) -> Result<(), StorageError> {
        let commit = bulk.commit;
        let mark = core::mem::take(&mut bulk.mark);
        // A mark begins with the number of the checkpoint, which is not known yet.
        let numbered = |number: u64| [&number.to_le_bytes(), mark.as_slice()].concat();
        let reserve =
            || self.journal().map_or(Ok(()), |journal: Arc<Journal>| journal.reserve_mark(&numbered(0)));
        let marked = self.checkpoint_bulk(bulk, false, reserve, |finished| {
            let mark = numbered(finished.map_or(0, |finished| finished.header.checkpoint));
            // The commit is durable. Without its mark, damage to the header could make an older one count.
            let journal = self.journal();
            if let Some(journal) = &journal {
                journal.committed(commit);
            }
            stage();
            journal.map_or(Ok(()), |journal| journal.mark(commit, &mark))
        })?;
        marked.inspect_err(|error| self.poison(error))
    }

    /// Makes the pages of a bulk transaction, and all that is staged, those of a clean file as of its commit, which may be
    /// any after the last; the journal is removed. Until the header is there that says so, the file and its journal have
    /// the commit before. `stage` as for [`commit_bulk`](Store::commit_bulk). The caller holds the write lease.
    ///
    /// # Errors
    ///
    /// As there; also when the journal cannot be removed, which does no harm.
    pub(super) fn commit_closing(&self, bulk: Bulk, stage: impl FnOnce()) -> Result<(), StorageError> {
        let journaling = self.checkpoint_bulk(
            bulk,
            true,
            || Ok(()),
            |_| {
                // It has nothing of the commits between, and takes none that come now.
                let journaling = core::mem::replace(&mut self.state.lock().journaling, Journaling::Idle);
                stage();
                journaling
            },
        )?;
        match journaling {
            Journaling::Active(journal, _) => journal.remove(),
            _ => Ok(()),
        }
    }

    /// Writes the checkpoint that is the commit of a bulk transaction, after `prepare`; gives what `durable` makes of it
    /// before anybody takes notice.
    fn checkpoint_bulk<R>(
        &self,
        bulk: Bulk,
        clean: bool,
        prepare: impl FnOnce() -> Result<(), StorageError>,
        durable: impl FnOnce(Option<&Finished>) -> R,
    ) -> Result<R, StorageError> {
        let written = bulk.written.clone();
        let planned = self.finish_checkpoint().and_then(|()| {
            prepare()?;
            // Held to the end: what is being made is nobody else's to go on with.
            let running = self.checkpoint.lock();
            Ok((running, self.plan_checkpoint(clean, &[], Extra::Bulk(bulk))?))
        });
        let (running, checkpoint) = match planned {
            Ok(planned) => planned,
            Err(error) => {
                self.space.lock().give_back(&written);
                return Err(error);
            }
        };
        let Some(mut checkpoint) = checkpoint else {
            unreachable!("a bulk transaction has made the journal ready")
        };
        let finished = loop {
            match self.step(&mut checkpoint) {
                Ok(true) => {}
                Ok(false) => break checkpoint.into_finished(),
                Err(error) => {
                    self.give_up(checkpoint, &error);
                    return Err(error);
                }
            }
        };
        let outcome = durable(finished.as_ref());
        if let Some(finished) = finished {
            self.checkpointed(finished);
        }
        drop(running);
        Ok(outcome)
    }

    fn step(&self, checkpoint: &mut Checkpoint) -> Result<bool, StorageError> {
        let base = checkpoint.pinned();
        if self.durable() < base && !planted::is(Bug::HeaderBeforeJournal) {
            // A header may only name what the journal has for good.
            return self.sync(base).map(|()| true);
        }
        self.check_writable()?;
        checkpoint.step(&self.images, &self.space)
    }

    /// Does a part of the checkpoint being made: at most one large write, or one sync. False when there is none.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::step`]; also when the journal cannot be synced. The checkpoint is given up then. What it has
    /// written is forgotten; after a failed sync nothing is written any more.
    pub(super) fn step_checkpoint(&self) -> Result<bool, StorageError> {
        let mut running = self.checkpoint.lock();
        let Some(checkpoint) = running.as_mut() else { return Ok(false) };
        match self.step(checkpoint) {
            Ok(true) => Ok(true),
            Ok(false) => {
                if let Some(finished) = running.take().and_then(Checkpoint::into_finished) {
                    self.checkpointed(finished);
                }
                Ok(true)
            }
            Err(error) => {
                if let Some(checkpoint) = running.take() {
                    self.give_up(checkpoint, &error);
                }
                Err(error)
            }
        }
    }

    fn give_up(&self, checkpoint: Checkpoint, error: &StorageError) {
        let (dirty, journaled) = self.backlog();
        self.pace.failed(dirty, journaled);
        self.setbacks.lock().checkpoint = Some(described(error));
        let failure = checkpoint.failure();
        if failure == Failure::Unsynced || (failure == Failure::HeaderUnknown && checkpoint.is_bulk()) {
            // The header of a bulk transaction that may have reached the disk speaks of a commit that was not made.
            self.poison(error);
            return;
        }
        let mut space = self.space.lock();
        let taken = checkpoint.into_taken();
        match failure {
            Failure::HeaderUnknown => space.suspend(&taken),
            _ => space.give_back(&taken),
        }
    }

    /// Takes notice of a durable header.
    fn checkpointed(&self, finished: Finished) {
        let Finished { header, freed, taken, update } = finished;
        let commit = header.commit;
        let naming = self.naming.lock();
        self.images.with_map(|map, _| map.install(update));
        // Versions that are kept may name the old images until here, and commits after this one only new ones.
        let last_named = self.frames.staged();
        drop(naming);
        let mut state = self.state.lock();
        self.numbers.lock().checkpointed(commit);
        let mut space = self.space.lock();
        space.used(&taken);
        space.checkpointed(last_named, freed);
        state.dirty.retain(|_, dirty| dirty.commit > commit);
        state.dirty_bytes = state.dirty.values().map(|dirty| dirty.len as u64).sum();
        let before = core::mem::replace(&mut state.header, header);
        let now = &state.header;
        if let Journaling::Active(journal, _) = &state.journaling {
            journal.checkpointed(now.checkpoint, now.position);
            self.archive_due.store(true, Ordering::Release);
        }
        // The tail goes when neither header claims it; a failure only leaves the file longer than it need be.
        let len = now.file_len.max(before.file_len).max(space.end() * now.block_len as u64);
        if self.images.file().len().is_ok_and(|now| now > len) {
            let _ = self.images.file().set_len(len);
        }
        if let Journaling::Active(_, due) = &mut state.journaling {
            *due = Due::Nothing;
        }
        drop(space);
        drop(state);
        self.frames.checkpointed(commit);
        self.pace.succeeded();
        self.setbacks.lock().checkpoint = None;
    }

    /// Goes on with the checkpoint being made to its end.
    ///
    /// # Errors
    ///
    /// As [`step_checkpoint`](Store::step_checkpoint).
    pub(super) fn finish_checkpoint(&self) -> Result<(), StorageError> {
        while self.step_checkpoint()? {}
        Ok(())
    }

    /// Makes the file the whole database, and removes the journal, unless changes are to be retained that are archived
    /// nowhere. The caller holds the write lease.
    ///
    /// # Errors
    ///
    /// As [`step_checkpoint`](Store::step_checkpoint); when what is to be archived could not be: then the journal stays;
    /// also when the journal cannot be removed, which does no harm.
    pub(super) fn close(&self) -> Result<(), StorageError> {
        if self.options.read_only {
            return Ok(());
        }
        let keeps_journal = self.options.retain_changes.is_some() && !self.has_archive();
        loop {
            let mut state = self.state.lock();
            match state.journaling {
                Journaling::Idle | Journaling::Unreplayed(_) | Journaling::Replaying => return Ok(()),
                Journaling::Active(..) => break,
                // Nothing was written since.
                Journaling::Replayed(_) if keeps_journal => return Ok(()),
                Journaling::Replayed(_) => {
                    self.check_state(&state)?;
                    self.make_ready(&mut state)?;
                }
            }
        }
        self.finish_checkpoint()?;
        if self.has_archive() {
            // Before the header says that the journal is not needed.
            self.sync(self.frames.staged())?;
            self.archive()?;
        }
        self.begin_checkpoint(!keeps_journal, &[])?;
        self.finish_checkpoint()?;
        if keeps_journal {
            return Ok(());
        }
        let journaling = core::mem::replace(&mut self.state.lock().journaling, Journaling::Idle);
        match journaling {
            Journaling::Active(journal, _) => journal.remove(),
            _ => Ok(()),
        }
    }
}
