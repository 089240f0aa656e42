//! [`Space`]: which blocks of the file are free, and which will be.
//!
//! A block that checkpoint *n* stopped using is still part of the checkpoint before it, which recovery may need until
//! *n* + 1 is durable; and a snapshot older than *n* may still read it. Until both are past, it is not given out.

use crate::storage::planted::{self, Bug};
use alloc::collections::VecDeque;

use super::free::{FreeMap, Runs};

/// Which blocks of the file are free.
#[derive(Clone, Debug)]
pub(super) struct Space {
    /// Can be given out.
    free: Runs,
    /// The file's blocks; all behind are free.
    end: u64,
    /// Used by the durable checkpoint's predecessor only; and the last commit whose versions may name them.
    pending: (u64, Runs),
    /// Used by no checkpoint, but perhaps by snapshots older than the commit.
    held: VecDeque<(u64, Runs)>,
    /// Written by checkpoints whose header may or may not have reached the disk.
    suspended: Runs,
    /// Given out for images that no header names yet: those of a write transaction, of a checkpoint being made. A crash
    /// makes them free, so that every free map on disk calls them so.
    reserved: Runs,
}

impl Space {
    /// As a free map has it.
    pub(super) fn restored(map: &FreeMap, end: u64, commit: u64) -> Space {
        Space {
            free: map.blocks.clone(),
            end,
            pending: (commit, map.pending_blocks.clone()),
            held: VecDeque::new(),
            suspended: Runs::new(),
            reserved: Runs::new(),
        }
    }

    /// The file's length in blocks.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Gives out `len` blocks in a row, the lowest there are. They are reserved until [`used`](Space::used) or
    /// [`give_back`](Space::give_back) says what became of them.
    pub(super) fn allocate(&mut self, len: u64) -> u64 {
        let start = self.free.take(len).unwrap_or_else(|| {
            // A free run at the end is the beginning of what is needed.
            let start = self.free.cut_tail(self.end);
            self.end = start + len;
            start
        });
        let new = self.reserved.insert(start, len);
        debug_assert!(new, "blocks were given out twice");
        start
    }

    /// As [`allocate`](Space::allocate), if there is room below `limit`.
    pub(super) fn allocate_below(&mut self, len: u64, limit: u64) -> Option<u64> {
        let start = self.free.take_below(len, limit)?;
        let new = self.reserved.insert(start, len);
        debug_assert!(new, "blocks were given out twice");
        Some(start)
    }

    /// The free blocks, and those that will be free when snapshots and checkpoints let go of them.
    pub(super) fn free_blocks(&self) -> (u64, u64) {
        let held: u64 = self.held.iter().map(|(_, runs)| runs.len()).sum();
        (self.free.len(), self.pending.1.len() + held + self.suspended.len())
    }

    /// A durable header names these blocks, which were given out.
    pub(super) fn used(&mut self, runs: &Runs) {
        runs.iter().for_each(|(start, len)| self.reserved.remove(start, len));
    }

    /// Takes back blocks that were given out and that no header names.
    pub(super) fn give_back(&mut self, runs: &Runs) {
        self.used(runs);
        let new = self.free.extend(runs);
        debug_assert!(new, "blocks were given back twice");
    }

    /// Makes blocks free that only snapshots older than `oldest` could have needed.
    pub(super) fn release(&mut self, oldest: u64) {
        while self.held.front().is_some_and(|(commit, _)| *commit <= oldest) {
            if let Some((_, runs)) = self.held.pop_front() {
                let new = self.free.extend(&runs);
                debug_assert!(new, "blocks were freed twice");
            }
        }
    }

    /// Gives the free blocks at the end back to the file system.
    pub(super) fn cut_tail(&mut self) {
        self.end = self.free.cut_tail(self.end);
    }

    /// Whether the file ends with free blocks.
    pub(super) fn has_tail(&self) -> bool {
        self.free.iter().next_back().is_some_and(|(start, len)| start + len == self.end)
    }

    /// An upper bound of the runs in [`image`](Space::image).
    pub(super) fn count(&self) -> usize {
        let held: usize = self.held.iter().map(|(_, runs)| runs.count()).sum();
        self.free.count() + self.pending.1.count() + held + self.suspended.count() + self.reserved.count()
    }

    /// The blocks that are free once the checkpoint that is about to be written is, which uses `taken`.
    pub(super) fn image(&self, taken: &Runs) -> Runs {
        let mut free = self.free.clone();
        let mut reserved = self.reserved.clone();
        taken.iter().for_each(|(start, len)| reserved.remove(start, len));
        let held = self.held.iter().map(|(_, runs)| runs);
        for runs in held.chain([&self.pending.1, &self.suspended, &reserved]) {
            let new = free.extend(runs);
            debug_assert!(new, "blocks were freed twice");
        }
        free
    }

    /// A checkpoint that stopped using `freed` is durable; no version made after `commit` names them.
    pub(super) fn checkpointed(&mut self, commit: u64, freed: Runs) {
        let mut before = core::mem::replace(&mut self.pending, (commit, freed));
        if planted::is(Bug::BlocksReusedEarly) {
            before = core::mem::replace(&mut self.pending, before);
        }
        self.held.push_back(before);
        let suspended = core::mem::take(&mut self.suspended);
        let new = self.free.extend(&suspended);
        debug_assert!(new, "blocks were freed twice");
    }

    /// Nobody knows whether the header that names `taken` reached the disk: its blocks stay as they are until the
    /// slot has been written again.
    pub(super) fn suspend(&mut self, taken: &Runs) {
        self.used(taken);
        let new = self.suspended.extend(taken);
        debug_assert!(new, "blocks were given out twice");
    }
}
