//! [`PageWriter`]: the one write transaction at a time, with its savepoints.
//!
//! The lease is a lock; who asks while someone else has it waits. It is given back as soon as the commit is *staged*, so
//! that the next writer can build on it while this one waits for the disk: one sync then serves all who wait.
//!
//! * The first change of a page since the innermost open savepoint copies it; later ones change the copy in place.
//! * The undo list holds one entry per copy, with what the copy replaced. A savepoint is its length, so taking one costs
//!   nothing, and rolling back costs what was changed since.
//! * Nobody else sees anything before the commit; dropping the writer rolls everything back.
//! * Changed pages that take more than a part of the cache's budget are written out to free blocks, those changed longest
//!   ago first, and loaded again when they are asked for: nothing durable names their blocks, so an abort or a crash has
//!   nothing to undo. Such a transaction commits in bulk.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::checkpoint::{Batch, Work};
use super::compression::Compressor;
use super::frames::{Change, Pin, Staged, Staging, Stored};
use super::free::Runs;
use super::map::MapEntry;
use super::store::{Bulk, Store};
use super::{CommitNumber, Durability, Shared};
use crate::ordered::BTreeMap;
use crate::storage::StorageError;
use crate::storage::page::{PageKind, PageNumber, PageRead, PageWrite, TreeId, write_header};
#[cfg(not(feature = "small"))]
use crate::storage::scratch::Scratch;
use crate::sync::MutexGuard;

/// Staged pages take no more than this part of the cache's budget.
const STAGED_PART: usize = 4;

/// What a change replaced.
struct Undo {
    number: PageNumber,
    /// `None`: the transaction had not touched the page.
    previous: Option<Staged>,
    /// The change was the page's allocation.
    allocated: bool,
}

/// An open savepoint's place in the undo list.
#[derive(Clone, Copy)]
struct Level {
    undo: usize,
    /// Buffers with a lower sequence number are older than the savepoint.
    sequence: u64,
}

/// A point within a write transaction to which it can return.
#[derive(Debug)]
#[must_use = "a savepoint is either released or rolled back to"]
pub struct Savepoint {
    depth: usize,
    sequence: u64,
}

/// A write transaction on pages. Dropping it aborts it.
pub struct PageWriter<'p> {
    shared: &'p Shared,
    staging: Staging<'p>,
    pin: Pin<'p>,
    undo: Vec<Undo>,
    levels: Vec<Level>,
    /// Of the innermost open savepoint; 1 outside of all.
    floor: u64,
    sequence: u64,
    /// Pages staged in memory, the first changed first; some have been written out or given up since.
    in_memory: VecDeque<PageNumber>,
    /// The bytes of pages staged in memory, those of older versions that savepoints keep included.
    staged_bytes: usize,
    /// Blocks given out for images that were written out.
    written: Runs,
    /// Its changes are in the journal already: it writes nothing, neither early nor at its end.
    is_replay: bool,
    /// Given back last, when nothing is staged any more.
    _lease: MutexGuard<'p, ()>,
}

impl<'p> PageWriter<'p> {
    pub(super) fn new(shared: &'p Shared, lease: MutexGuard<'p, ()>) -> PageWriter<'p> {
        PageWriter {
            shared,
            staging: Staging::new(&shared.frames),
            pin: Pin::staged(&shared.frames),
            undo: Vec::new(),
            levels: Vec::new(),
            floor: 1,
            sequence: 1,
            in_memory: VecDeque::new(),
            staged_bytes: 0,
            written: Runs::new(),
            is_replay: false,
            _lease: lease,
        }
    }

    /// A transaction that applies a commit that is in the journal. Its pages stay in memory until the first checkpoint:
    /// what a journal holds is bounded by when that would have been due.
    pub(super) fn replaying(shared: &'p Shared, lease: MutexGuard<'p, ()>) -> PageWriter<'p> {
        let mut writer = PageWriter::new(shared, lease);
        writer.is_replay = true;
        writer
    }

    /// The commit the transaction builds on.
    pub fn base(&self) -> CommitNumber {
        CommitNumber(self.pin.commit())
    }

    /// Whether nothing has been changed.
    pub fn is_unchanged(&self) -> bool {
        self.undo.is_empty()
    }

    /// Entries of the undo list.
    #[cfg(test)]
    pub(super) fn undo_len(&self) -> usize {
        self.undo.len()
    }

    /// Lets go of what was read: a page that is read again may have to be loaded again.
    pub fn rest(&mut self) {
        self.pin.rest();
    }

    /// Remembers this point. O(1).
    pub fn savepoint(&mut self) -> Savepoint {
        self.sequence += 1;
        self.floor = self.sequence;
        self.levels.push(Level { undo: self.undo.len(), sequence: self.sequence });
        Savepoint { depth: self.levels.len() - 1, sequence: self.sequence }
    }

    /// Undoes everything since `savepoint`, and ends it and those within it.
    ///
    /// # Panics
    ///
    /// When the savepoint, or one around it, has ended already.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        let level = self.end(&savepoint);
        self.undo_until(level.undo);
    }

    /// Ends `savepoint` and those within it, keeping what was changed since.
    ///
    /// # Panics
    ///
    /// When the savepoint, or one around it, has ended already.
    pub fn release(&mut self, savepoint: Savepoint) {
        let level = self.end(&savepoint);
        // What was made after the savepoint around this one is of no use any more; what is older is still its.
        let floor = self.floor;
        let mut kept = level.undo;
        for at in level.undo..self.undo.len() {
            let undo = &self.undo[at];
            let needed = match &undo.previous {
                None | Some(Staged::Freed) => true,
                Some(Staged::Page(buffer)) => buffer.sequence() < floor,
                Some(Staged::Stored(stored)) => stored.sequence < floor,
            };
            if needed {
                self.undo.swap(kept, at);
                kept += 1;
            }
        }
        for undo in self.undo.split_off(kept) {
            self.drop_version(undo.previous);
        }
    }

    fn end(&mut self, savepoint: &Savepoint) -> Level {
        let level = self.levels.get(savepoint.depth).copied();
        let Some(level) = level.filter(|level| level.sequence == savepoint.sequence) else {
            panic!("the savepoint has ended, or is another transaction's");
        };
        self.levels.truncate(savepoint.depth);
        self.floor = self.levels.last().map_or(1, |level| level.sequence);
        level
    }

    fn undo_until(&mut self, len: usize) {
        while self.undo.len() > len {
            let Some(undo) = self.undo.pop() else { break };
            let undone = match undo.previous {
                Some(previous) => self.staging.put(undo.number, previous),
                None => self.staging.take(undo.number),
            };
            self.drop_version(undone);
            if undo.allocated {
                self.shared.numbers.lock().give_back(undo.number);
            }
        }
    }

    /// Gives up a version of a page that neither the transaction nor a savepoint of it has any use for.
    fn drop_version(&mut self, version: Option<Staged>) {
        match version {
            Some(Staged::Page(page)) => self.staged_bytes -= page.len(),
            Some(Staged::Stored(stored)) => give_back(self.shared, &mut self.written, stored.entry),
            Some(Staged::Freed) | None => {}
        }
    }

    /// Stages `new`, remembering what it replaces.
    fn stage(&mut self, number: PageNumber, new: Staged, allocated: bool) {
        if let Staged::Page(buffer) = &new {
            self.staged_bytes += buffer.len();
            self.in_memory.push_back(number);
        }
        let previous = self.staging.put(number, new);
        self.undo.push(Undo { number, previous, allocated });
    }

    /// Commits, and returns when that is as durable as `durability` says. `payload` is what the journal keeps of the
    /// changes.
    ///
    /// Returns the commit's number; when neither a page nor the payload says anything, the number of the commit before.
    /// A database in memory ignores payload and durability.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written: nothing has been changed then, unless the error says that the outcome is
    /// unknown. A failure of the checkpoint that may follow a commit is not reported here; the next one meets it again.
    pub fn commit(self, payload: &[u8], durability: Durability) -> Result<CommitNumber, StorageError> {
        self.commit_then(payload, durability, |_| ())
    }

    /// As [`commit`](PageWriter::commit). Calls `then` with the commit's number when it is staged, and before anyone else
    /// can have the lease; not when there is nothing to commit.
    ///
    /// # Errors
    ///
    /// As [`commit`](PageWriter::commit). `then` was not called, unless the outcome is unknown.
    pub fn commit_then(
        self,
        payload: &[u8],
        durability: Durability,
        then: impl FnOnce(CommitNumber),
    ) -> Result<CommitNumber, StorageError> {
        if self.undo.is_empty() && payload.is_empty() {
            return self.end_unchanged(durability);
        }
        if self.is_written_out() {
            // What the journal would make of the payload is in the file already.
            return self.commit_bulk_then(&[], then);
        }
        let shared = self.shared;
        let commit = self.stage_commit(payload, durability, then)?;
        shared.settle(commit, durability)?;
        Ok(CommitNumber(commit))
    }

    /// Ends a transaction that is to change nothing. It may have read what others staged, which a crash could still take
    /// back: with [`Durability::Immediate`] this waits until everyone sees that.
    ///
    /// # Errors
    ///
    /// When the journal cannot be synced.
    pub fn end_unchanged(self, durability: Durability) -> Result<CommitNumber, StorageError> {
        let (shared, base) = (self.shared, self.base());
        drop(self);
        if durability == Durability::Immediate {
            shared.wait_published(base.0)?;
        }
        Ok(base)
    }

    /// The part of a commit that is made under the lease.
    fn stage_commit(
        mut self,
        payload: &[u8],
        durability: Durability,
        then: impl FnOnce(CommitNumber),
    ) -> Result<u64, StorageError> {
        self.resolve_freed()?;
        let commit = self.pin.commit() + 1;
        let Some(store) = &self.shared.store else {
            self.stage_versions(commit, false);
            if let Some(recent) = &self.shared.recent {
                recent.push(commit, payload);
            }
            self.shared.frames.publish(commit);
            self.shared.watch.published(&self.shared.frames);
            then(CommitNumber(commit));
            return Ok(commit);
        };
        // The store may have to checkpoint what is published first. Numbers given out to this transaction are free as
        // far as that checkpoint is concerned.
        let allocated: Vec<PageNumber> = self.allocated().collect();
        store.append(&allocated, commit, payload)?;
        let changed = self.stage_versions(commit, store.is_checkpointing());
        store.changed(commit, changed.into_iter());
        store.staged(commit, durability);
        then(CommitNumber(commit));
        self.shared.begin_checkpoint_if_due();
        Ok(commit)
    }

    /// What pages may take in memory, in bytes; `None` when there is no limit.
    pub fn cache_bytes(&self) -> Option<usize> {
        self.shared.store.as_ref().map(|store| store.options.cache_bytes)
    }

    /// Whether changed pages were written out, so that only [`commit_bulk`](PageWriter::commit_bulk) can commit them.
    pub fn is_written_out(&self) -> bool {
        self.written.count() > 0
    }

    /// Makes room for a page of `len` bytes among those staged in memory.
    ///
    /// # Errors
    ///
    /// When an image cannot be written. Nothing has changed then.
    #[inline]
    fn make_room(&mut self, len: usize) -> Result<(), StorageError> {
        match &self.shared.store {
            Some(store)
                if !self.is_replay && self.staged_bytes + len > store.options.cache_bytes / STAGED_PART =>
            {
                self.write_out(store)
            }
            _ => Ok(()),
        }
    }

    /// Writes out half of the pages staged in memory, those changed longest ago.
    #[cold]
    fn write_out(&mut self, store: &Store) -> Result<(), StorageError> {
        // A file gets its first header, and what was replayed its checkpoint, before anything else is written to it: without
        // one, what is left by a crash would be no database.
        let allocated: Vec<PageNumber> = self.allocated().collect();
        store.ready(&allocated)?;
        self.staging.unload();
        let enough = store.options.cache_bytes / STAGED_PART / 2;
        let generation = store.state.lock().header.checkpoint + 1;
        let mut batch = Batch::new(store.images.block_len());
        let mut compressor = Compressor::new(store.compression, store.images.block_len());
        // A page that was changed again after a savepoint is in the queue twice.
        let mut written: BTreeMap<PageNumber, MapEntry> = BTreeMap::new();
        let mut runs = Runs::new();
        let mut left = self.staged_bytes;
        let mut outcome = Ok(());
        let mut candidates = core::mem::take(&mut self.in_memory);
        while left > enough
            && outcome.is_ok()
            && let Some(number) = candidates.pop_front()
        {
            let Some(page) = self.staging.in_memory(number).filter(|_| !written.contains_key(&number)) else {
                continue;
            };
            left -= page.len();
            outcome =
                write_image(store, (&mut batch, &mut compressor), page, generation, &mut runs).map(|entry| {
                    written.insert(number, entry);
                });
        }
        self.in_memory = candidates;
        if let Err(error) = outcome.and_then(|()| batch.flush(store.images.file())) {
            store.space.lock().give_back(&runs);
            self.in_memory.extend(written.into_keys());
            return Err(error);
        }
        for (number, entry) in written {
            self.staging.store(number, entry);
        }
        let new = self.written.extend(&runs);
        debug_assert!(new, "blocks were given out twice");
        self.staged_bytes = left;
        Ok(())
    }

    /// Commits without the journal: the changed pages go into the database file, which is checkpointed with them. For
    /// changes that would fill the journal. Durable and visible when this returns. `mark` is what the journal keeps.
    ///
    /// # Errors
    ///
    /// When the file cannot be written: nothing has been changed then, unless the error says that the outcome is unknown.
    ///
    /// # Panics
    ///
    /// When the pager has no file.
    pub fn commit_bulk(self, mark: &[u8]) -> Result<CommitNumber, StorageError> {
        self.commit_bulk_then(mark, |_| ())
    }

    /// As [`commit_bulk`](PageWriter::commit_bulk). Calls `then` as [`commit_then`](PageWriter::commit_then) does.
    ///
    /// # Errors
    ///
    /// As [`commit_bulk`](PageWriter::commit_bulk).
    ///
    /// # Panics
    ///
    /// When the pager has no file.
    pub fn commit_bulk_then(
        mut self,
        mark: &[u8],
        then: impl FnOnce(CommitNumber),
    ) -> Result<CommitNumber, StorageError> {
        let store = self.shared.store.as_ref().expect("a bulk commit is for databases with a file");
        let commit = self.pin.commit() + 1;
        let bulk = self.write_bulk(store, commit, mark)?;
        store.commit_bulk(bulk, || drop(self.stage_versions(commit, false)))?;
        store.staged(commit, Durability::None);
        then(CommitNumber(commit));
        if store.archive_is_due() && self.shared.upkeep.is_attended() {
            // The sooner what it changed is read again, the less has been committed since.
            self.shared.upkeep.kick();
        }
        Ok(CommitNumber(commit))
    }

    /// Commits as commit `commit`, which may be any after the last: what all the commits up to it would have done. The file
    /// is clean afterwards, and has no journal; until then it is as it was. Durable and visible when this returns.
    ///
    /// # Errors
    ///
    /// As [`commit_bulk`](PageWriter::commit_bulk); also when the journal cannot be removed, which does no harm.
    ///
    /// # Panics
    ///
    /// When the pager has no file, or `commit` is not after the last one.
    pub fn commit_closing(mut self, commit: CommitNumber) -> Result<(), StorageError> {
        let store = self.shared.store.as_ref().expect("a bulk commit is for databases with a file");
        assert!(commit > self.base(), "commit {commit} has been made");
        let bulk = self.write_bulk(store, commit.0, &[])?;
        let closed = store.commit_closing(bulk, || drop(self.stage_versions(commit.0, false)));
        if store.durable() == commit.0 {
            store.staged(commit.0, Durability::None);
        }
        closed
    }

    /// Writes all that is changed to free blocks, for a commit that is a checkpoint.
    fn write_bulk(&mut self, store: &Store, commit: u64, mark: &[u8]) -> Result<Bulk, StorageError> {
        self.resolve_freed()?;
        let allocated: Vec<PageNumber> = self.allocated().collect();
        store.ready(&allocated)?;
        let mut bulk =
            Bulk { commit, work: Vec::new(), written: Runs::new(), freed: Vec::new(), mark: mark.to_vec() };
        let outcome = self.write_images(store, &mut bulk);
        // Of what was written out before, only what is still the page's last version is used.
        let mut unused = core::mem::take(&mut self.written);
        bulk.written.iter().for_each(|(start, len)| unused.remove(start, len));
        store.space.lock().give_back(&unused);
        if let Err(error) = outcome {
            store.space.lock().give_back(&bulk.written);
            return Err(error);
        }
        Ok(bulk)
    }

    /// Writes the images of all changed pages that are in memory to free blocks.
    fn write_images(&self, store: &Store, bulk: &mut Bulk) -> Result<(), StorageError> {
        let generation = store.state.lock().header.checkpoint + 1;
        let mut batch = Batch::new(store.images.block_len());
        let mut compressor = Compressor::new(store.compression, store.images.block_len());
        for undo in self.undo.iter().filter(|undo| undo.previous.is_none()) {
            let number = undo.number;
            match self.staging.state(number) {
                Some(Staged::Stored(Stored { entry, .. })) => {
                    bulk.written.insert(entry.block(), u64::from(entry.run));
                    bulk.work.push((number, Work::Stored(entry)));
                }
                Some(Staged::Page(_)) => {
                    let Some(Staged::Page(page)) = self.staging.get(number)? else { continue };
                    let to = (&mut batch, &mut compressor);
                    let entry = write_image(store, to, page, generation, &mut bulk.written)?;
                    bulk.work.push((number, Work::Stored(entry)));
                }
                Some(Staged::Freed) if !undo.allocated => {
                    let has_image = !store.images.entry(number)?.is_none();
                    bulk.work.push((number, Work::Free));
                    bulk.freed.push((number, has_image));
                }
                Some(Staged::Freed) | None => {}
            }
        }
        batch.flush(store.images.file())
    }

    /// Publishes what recovery applied as `commit`, which the journal has already.
    pub(super) fn publish_replayed(mut self, commit: u64) -> Result<(), StorageError> {
        self.resolve_freed()?;
        let changed = self.stage_versions(commit, false);
        if let Some(store) = &self.shared.store {
            store.changed(commit, changed.into_iter());
        }
        self.shared.frames.publish(commit);
        Ok(())
    }

    fn allocated(&self) -> impl Iterator<Item = PageNumber> {
        self.undo.iter().filter(|undo| undo.allocated).map(|undo| undo.number)
    }

    /// Loads the map pages that say where the freed pages lie, so that nothing can fail once the journal has the commit.
    fn resolve_freed(&self) -> Result<(), StorageError> {
        let Some(images) = &self.shared.images else { return Ok(()) };
        for undo in self.undo.iter().filter(|undo| undo.previous.is_none() && !undo.allocated) {
            if matches!(self.staging.state(undo.number), Some(Staged::Freed)) {
                images.entry(undo.number)?;
            }
        }
        Ok(())
    }

    /// Hangs the changed pages' versions into the frame table as `commit`, where the next writer finds them. Returns the
    /// pages, each with its length; 0 when it is gone.
    ///
    /// `checkpointing` says whether a checkpoint is being made, which may be about to give a page an image that the map
    /// does not have yet.
    fn stage_versions(&mut self, commit: u64, checkpointing: bool) -> Vec<(PageNumber, usize)> {
        let undo = core::mem::take(&mut self.undo);
        // What the map says of pages that are not in memory stays so until the versions that repeat it are in place.
        let _naming = self.shared.store.as_ref().map(|store| store.naming.lock());
        let mut changes = Vec::with_capacity(undo.len());
        let mut changed = Vec::with_capacity(undo.len());
        // The first change of each page stands for it.
        for Undo { number, previous, allocated } in undo {
            if previous.is_some() {
                continue;
            }
            let mut image = None;
            let len = match self.staging.state(number) {
                Some(Staged::Freed) if allocated => {
                    self.staging.take(number);
                    self.shared.numbers.lock().give_back(number);
                    continue;
                }
                Some(Staged::Freed) => {
                    let entry = self.shared.images.as_ref().map(|images| images.entry(number));
                    image = entry.and_then(Result::ok).filter(|entry| !entry.is_none());
                    let has_image = image.is_some() || checkpointing;
                    self.shared.numbers.lock().freed(commit, number, has_image);
                    0
                }
                Some(Staged::Page(len)) => len,
                Some(Staged::Stored(stored)) => stored.len,
                None => continue,
            };
            changed.push((number, len));
            changes.push(Change { number, image });
        }
        self.shared.frames.stage(&mut self.staging, &mut self.pin, commit, &changes);
        changed
    }
}

#[cfg(not(feature = "small"))]
impl PageWriter<'_> {
    /// What a statement may keep in memory of what it finds out before its first change, in bytes: what queries may, if the options
    /// say so, or half of what pages may; `None` when there is no limit.
    pub fn statement_bytes(&self) -> Option<usize> {
        self.pin.query_bytes().or_else(|| self.pin.cache_bytes().map(|bytes| bytes / 2))
    }

    /// Room outside of memory, in blocks of `block_len` bytes; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When the file system refuses it.
    pub fn scratch(&self, block_len: usize) -> Result<Option<Scratch>, StorageError> {
        self.pin.scratch(block_len)
    }
}

impl PageRead for PageWriter<'_> {
    #[inline]
    fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        match self.staging.get(number)? {
            None => self.pin.page(number),
            Some(Staged::Page(page)) => Ok(page),
            Some(Staged::Stored(_) | Staged::Freed) => Err(freed(number)),
        }
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

impl PageWrite for PageWriter<'_> {
    fn page_mut(&mut self, number: PageNumber) -> Result<&mut [u8], StorageError> {
        self.pin.renew();
        let page = match self.staging.get(number)? {
            None => self.pin.page(number)?,
            Some(Staged::Page(page)) => page,
            Some(Staged::Stored(_) | Staged::Freed) => return Err(freed(number)),
        };
        let own = matches!(self.staging.sequence(number), Some(sequence) if sequence >= self.floor);
        if !own {
            let mut copy = self.staging.copy_of(page)?;
            self.make_room(copy.len())?;
            copy.set_sequence(self.floor);
            self.stage(number, Staged::Page(copy), false);
        } else if let Some(Staged::Stored(stored)) = self.staging.state(number) {
            self.make_room(stored.len)?;
        }
        match self.staging.get_mut(number)? {
            Some((page, None)) => Ok(page),
            Some((page, Some(image))) => {
                // The image that was written out is out of date, and no savepoint wants it: a version of its own would
                // have been made.
                self.staged_bytes += page.len();
                self.in_memory.push_back(number);
                give_back(self.shared, &mut self.written, image);
                Ok(page)
            }
            None => unreachable!("staged above"),
        }
    }

    fn block_len(&self) -> usize {
        self.shared.block_len()
    }

    fn allocate(&mut self, kind: PageKind, tree: TreeId, len: usize) -> Result<PageNumber, StorageError> {
        self.pin.renew();
        self.make_room(len)?;
        let mut buffer = self.staging.zeroed(len)?;
        buffer.set_sequence(self.floor);
        let number = self.shared.numbers.lock().take(&self.shared.frames)?;
        self.shared.frames.reserve(number)?;
        write_header(&mut buffer, number, kind, tree);
        self.stage(number, Staged::Page(buffer), true);
        Ok(number)
    }

    fn free(&mut self, number: PageNumber) {
        self.stage(number, Staged::Freed, false);
    }
}

impl Drop for PageWriter<'_> {
    fn drop(&mut self) {
        self.undo_until(0);
        if let Some(store) = &self.shared.store
            && self.written.count() > 0
        {
            store.space.lock().give_back(&self.written);
        }
    }
}

/// Makes the blocks of an image that was written out free again. After a bulk commit that failed they are nobody's any
/// more: the commit took them over.
fn give_back(shared: &Shared, written: &mut Runs, image: MapEntry) {
    if !written.contains(image.block(), u64::from(image.run)) {
        return;
    }
    written.remove(image.block(), u64::from(image.run));
    if let Some(store) = &shared.store {
        let mut run = Runs::new();
        run.insert(image.block(), u64::from(image.run));
        store.space.lock().give_back(&run);
    }
}

/// Adds a page's image to `batch`, at blocks given out for it and noted in `runs`.
fn write_image(
    store: &Store,
    (batch, compressor): (&mut Batch, &mut Compressor),
    page: &[u8],
    generation: u64,
    runs: &mut Runs,
) -> Result<MapEntry, StorageError> {
    let mut take = |run| {
        let block = store.space.lock().allocate(run);
        runs.insert(block, run);
        block
    };
    let (entry, _) = batch.add_page(&store.images, page, generation, compressor, &mut take)?;
    Ok(entry)
}

fn freed(number: PageNumber) -> StorageError {
    StorageError::page_damage(number, "something names it after it was given up")
}
