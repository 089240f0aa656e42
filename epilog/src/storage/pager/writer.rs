//! [`PageWriter`]: the one write transaction at a time, with its savepoints.
//!
//! The lease is the lock of the writer's state; who asks while someone else has it waits.
//!
//! * The first change of a page since the innermost open savepoint copies it; later ones change the copy in place.
//! * The undo list holds one entry per copy, with what the copy replaced. A savepoint is its length, so taking one costs
//!   nothing, and rolling back costs what was changed since.
//! * Nobody else sees anything before the commit; dropping the writer rolls everything back.

use alloc::vec::Vec;

use super::frames::{Buffer, Change, Pin, Staged, Staging};
use super::{CommitNumber, Durability, Shared, WriterState};
use crate::storage::StorageError;
use crate::storage::page::{PageKind, PageNumber, PageRead, PageWrite, TreeId, write_header};
use crate::sync::MutexGuard;

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
    state: MutexGuard<'p, WriterState>,
}

impl<'p> PageWriter<'p> {
    pub(super) fn new(shared: &'p Shared, state: MutexGuard<'p, WriterState>) -> PageWriter<'p> {
        PageWriter {
            shared,
            staging: Staging::new(&shared.frames),
            pin: Pin::staged(&shared.frames),
            undo: Vec::new(),
            levels: Vec::new(),
            floor: 1,
            sequence: 1,
            state,
        }
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
            };
            if needed {
                self.undo.swap(kept, at);
                kept += 1;
            }
        }
        self.undo.truncate(kept);
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
            match undo.previous {
                Some(previous) => drop(self.staging.put(undo.number, previous)),
                None => drop(self.staging.take(undo.number)),
            }
            if undo.allocated {
                self.state.numbers.give_back(undo.number);
            }
        }
    }

    /// Stages `new`, remembering what it replaces.
    fn stage(&mut self, number: PageNumber, new: Staged, allocated: bool) {
        let previous = self.staging.put(number, new);
        self.undo.push(Undo { number, previous, allocated });
    }

    /// Makes the changes durable as `durability` says, and then visible. `payload` is what the journal keeps of them.
    ///
    /// Returns the commit's number; when neither a page nor the payload says anything, the number of the commit before.
    /// A database in memory ignores payload and durability.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written: nothing has been changed then, unless the error says that the outcome is
    /// unknown. A failure of the checkpoint that may follow a commit is not reported here; the next one meets it again.
    pub fn commit(mut self, payload: &[u8], durability: Durability) -> Result<CommitNumber, StorageError> {
        if self.undo.is_empty() && payload.is_empty() {
            return Ok(self.base());
        }
        self.resolve_freed()?;
        let commit = self.pin.commit() + 1;
        if self.state.store.is_some() {
            // The store may have to checkpoint what is published first. Numbers given out to this transaction are free
            // as far as that checkpoint is concerned.
            let allocated: Vec<PageNumber> = self.allocated().collect();
            let state = &mut *self.state;
            if let Some(store) = &mut state.store {
                store.append(
                    &self.shared.frames,
                    &mut state.numbers,
                    &allocated,
                    commit,
                    payload,
                    durability,
                )?;
            }
        }
        self.publish(commit);
        let state = &mut *self.state;
        if let Some(store) = &mut state.store {
            store.checkpoint_when_due(&self.shared.frames, &mut state.numbers);
        }
        Ok(CommitNumber(commit))
    }

    /// Publishes what recovery applied as `commit`, which the journal has already.
    pub(super) fn publish_replayed(mut self, commit: u64) -> Result<(), StorageError> {
        self.resolve_freed()?;
        self.publish(commit);
        Ok(())
    }

    fn allocated(&self) -> impl Iterator<Item = PageNumber> {
        self.undo.iter().filter(|undo| undo.allocated).map(|undo| undo.number)
    }

    /// Loads the map pages that say where the freed pages lie, so that nothing can fail once the journal has the commit.
    fn resolve_freed(&self) -> Result<(), StorageError> {
        let Some(images) = &self.shared.images else { return Ok(()) };
        for undo in self.undo.iter().filter(|undo| undo.previous.is_none() && !undo.allocated) {
            if matches!(self.staging.get(undo.number), Some(Staged::Freed)) {
                images.entry(undo.number)?;
            }
        }
        Ok(())
    }

    fn publish(&mut self, commit: u64) {
        let undo = core::mem::take(&mut self.undo);
        let mut changes = Vec::with_capacity(undo.len());
        // The first change of each page stands for it.
        for Undo { number, previous, allocated } in undo {
            if previous.is_some() {
                continue;
            }
            let mut image = None;
            let len = match self.staging.get(number) {
                Some(Staged::Freed) if allocated => {
                    self.staging.take(number);
                    self.state.numbers.give_back(number);
                    continue;
                }
                Some(Staged::Freed) => {
                    let entry = self.shared.images.as_ref().map(|images| images.entry(number));
                    image = entry.and_then(Result::ok).filter(|entry| !entry.is_none());
                    self.state.numbers.freed(commit, number, image.is_some());
                    0
                }
                Some(Staged::Page(page)) => page.len(),
                None => continue,
            };
            if let Some(store) = &mut self.state.store {
                store.changed(commit, number, len);
            }
            changes.push(Change { number, image });
        }
        self.shared.frames.stage(&mut self.staging, &mut self.pin, commit, &changes);
        self.shared.frames.publish(commit);
    }
}

impl PageRead for PageWriter<'_> {
    #[inline]
    fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        match self.staging.get(number) {
            None => self.pin.page(number),
            Some(Staged::Page(page)) => Ok(page),
            Some(Staged::Freed) => Err(freed(number)),
        }
    }
}

impl PageWrite for PageWriter<'_> {
    fn page_mut(&mut self, number: PageNumber) -> Result<&mut [u8], StorageError> {
        let page = match self.staging.get(number) {
            None => self.pin.page(number)?,
            Some(Staged::Page(page)) => page,
            Some(Staged::Freed) => return Err(freed(number)),
        };
        let own = matches!(self.staging.sequence(number), Some(sequence) if sequence >= self.floor);
        if !own {
            let mut copy = Buffer::copy_of(page)?;
            copy.set_sequence(self.floor);
            self.stage(number, Staged::Page(copy), false);
        }
        match self.staging.get_mut(number) {
            Some(page) => Ok(page),
            None => unreachable!("staged above"),
        }
    }

    fn allocate(&mut self, kind: PageKind, tree: TreeId, len: usize) -> Result<PageNumber, StorageError> {
        let mut buffer = Buffer::zeroed(len)?;
        buffer.set_sequence(self.floor);
        let number = self.state.numbers.take(&self.shared.frames)?;
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
    }
}

fn freed(number: PageNumber) -> StorageError {
    StorageError::page_damage(number, "something names it after it was given up")
}
