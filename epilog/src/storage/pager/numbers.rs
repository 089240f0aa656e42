//! [`Numbers`]: which page numbers are in use, which can be given out, and which must wait.
//!
//! A freed number waits until no snapshot can name its page any more. When the page has an image that a header on disk
//! names, it also waits for the checkpoint that takes it out of the map, and for the one after that: until then, recovery
//! may still begin from a header under which the number means the old page.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::frames::FrameTable;
use super::free::Runs;
use crate::storage::page::PageNumber;
use crate::storage::{StorageError, StorageFault};

/// Which page numbers are in use.
pub(super) struct Numbers {
    /// Can be given out.
    pub(super) free: Runs,
    /// No number from here on was ever given out.
    pub(super) next: u32,
    /// Freed by a commit, and never part of a map on disk.
    retired: VecDeque<(u64, PageNumber)>,
    /// Freed by a commit; the map on disk has an image.
    pub(super) mapped: VecDeque<(u64, PageNumber)>,
    /// Taken out of the map by the last checkpoint, which pinned this commit.
    pub(super) pending: (u64, Vec<PageNumber>),
    /// As `pending`, and the checkpoint after is durable as well.
    waiting: VecDeque<(u64, PageNumber)>,
}

impl Numbers {
    /// A new database's.
    pub(super) fn new() -> Numbers {
        Numbers::restored(Runs::new(), Vec::new(), 1, 0)
    }

    /// A database's as the free map has them: `free` now, `pending` after the next checkpoint.
    pub(super) fn restored(free: Runs, pending: Vec<PageNumber>, next: u32, commit: u64) -> Numbers {
        Numbers {
            free,
            next,
            retired: VecDeque::new(),
            mapped: VecDeque::new(),
            pending: (commit, pending),
            waiting: VecDeque::new(),
        }
    }

    /// Gives out the lowest number there is.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(super) fn take(&mut self, frames: &FrameTable) -> Result<PageNumber, StorageError> {
        if self.free.count() == 0 {
            self.release(frames);
        }
        if let Some(number) = self.free.take(1) {
            return Ok(PageNumber(number as u32));
        }
        let number = self.next;
        self.next = number.checked_add(1).ok_or(StorageFault::NoPagesLeft)?;
        Ok(PageNumber(number))
    }

    /// Takes back a number that was given out, and that nobody has seen.
    pub(super) fn give_back(&mut self, number: PageNumber) {
        let new = self.free.insert(u64::from(number.0), 1);
        debug_assert!(new, "page {number} was given back twice");
    }

    /// Notes that `commit` freed a page, which has an image in the map on disk or has none.
    pub(super) fn freed(&mut self, commit: u64, number: PageNumber, has_image: bool) {
        match has_image {
            true => self.mapped.push_back((commit, number)),
            false => self.retired.push_back((commit, number)),
        }
    }

    /// Makes numbers free that no snapshot can name any more.
    pub(super) fn release(&mut self, frames: &FrameTable) {
        let oldest = frames.oldest();
        for queue in [&mut self.retired, &mut self.waiting] {
            while let Some(&(commit, number)) = queue.front() {
                if commit > oldest || !frames.forget(number) {
                    break;
                }
                queue.pop_front();
                let new = self.free.insert(u64::from(number.0), 1);
                debug_assert!(new, "page {number} was freed twice");
            }
        }
    }

    /// A checkpoint that pinned `commit` is durable, and took the pages freed until then out of the map.
    pub(super) fn checkpointed(&mut self, commit: u64) {
        let (when, numbers) = core::mem::take(&mut self.pending);
        self.waiting.extend(numbers.into_iter().map(|number| (when, number)));
        let count = self.mapped.partition_point(|&(when, _)| when <= commit);
        self.pending = (commit, self.mapped.drain(..count).map(|(_, number)| number).collect());
    }

    /// The numbers as a free map that describes `commit` has them. `in_flight` were given out to a transaction that is
    /// not part of it; `freed` are those of the transaction that is, and whether the map has an image of each.
    pub(super) fn image(
        &self,
        commit: u64,
        in_flight: &[PageNumber],
        freed: &[(PageNumber, bool)],
    ) -> NumbersImage {
        let mut free = self.free.clone();
        let mut pending = Runs::new();
        let retired = self.retired.iter().filter(|(when, _)| *when <= commit).map(|(_, number)| number);
        let waiting = self.waiting.iter().map(|(_, number)| number);
        let unmapped = freed.iter().filter(|(_, has_image)| !has_image).map(|(number, _)| number);
        for number in retired.chain(waiting).chain(&self.pending.1).chain(in_flight).chain(unmapped) {
            free.insert(u64::from(number.0), 1);
        }
        let mapped = self.mapped.iter().filter(|(when, _)| *when <= commit).map(|(_, number)| number);
        let newly = freed.iter().filter(|(_, has_image)| *has_image).map(|(number, _)| number);
        for number in mapped.chain(newly) {
            pending.insert(u64::from(number.0), 1);
        }
        NumbersImage { free, pending, next: self.next }
    }
}

/// Page numbers as of one commit.
pub(super) struct NumbersImage {
    /// Free when the free map is read again.
    pub(super) free: Runs,
    /// Free after the checkpoint that follows.
    pub(super) pending: Runs,
    /// No number from here on was ever given out.
    pub(super) next: u32,
}
