//! Eviction: which buffers go when there are too many, and when what is unlinked is freed.
//!
//! A clock's hand goes round the page numbers. A bare buffer that it finds warm it makes cooling; one that it finds cooling
//! goes, unless somebody touched it meanwhile and so made it warm again. A page that is loaded comes in cooling, and one
//! read ahead needs a touch to become that: a scan, which touches each page once, pushes out what it loaded itself, and
//! not what is used again and again. (The second chance of F. J. Corbató, "A paging experiment with the Multics system",
//! 1968; the bit is taken back by the first touch instead of being set by all of them, so that a hit writes nothing.)
//!
//! * Only a buffer whose bytes the page map names goes: it is bare, and was loaded, or made by a commit that has been
//!   checkpointed. Whoever finds the slot empty then finds the same bytes.
//! * Bytes that somebody borrows stay valid: what is unlinked lies in limbo until no operation is left that ran then.
//! * When nothing can be evicted, as all is newer than the checkpoint, it is not tried again before more has come.

use alloc::boxed::Box;
use core::ptr::{NonNull, null_mut};

use super::buffer::{Buffer, Head, Memory};
use super::{FIRST_BITS, FrameTable, Heat, Node, Reclaim, Word};
use crate::storage::page::PageNumber;
use crate::storage::planted::{self, Bug};
use crate::sync::atomic::Ordering;

/// Something unlinked, to be freed when nobody can stand on it.
pub(super) enum Garbage {
    /// An evicted buffer.
    Buffer(NonNull<Head>),
    /// A node whose buffer has moved into its slot, or is gone.
    Node(NonNull<Node>),
    /// A node, with the buffer that a reader may have loaded or may yet load.
    NodeAndBuffer(NonNull<Node>),
}

impl Garbage {
    /// Frees it, as one of the table that counts in `memory`. Returns how many versions readers could reach through it.
    ///
    /// # Safety
    ///
    /// It is unlinked, nobody reads it any more, and nobody else frees it.
    pub(super) unsafe fn free(self, memory: &Memory) -> usize {
        let node = match self {
            Garbage::Buffer(head) => {
                // SAFETY: as the caller promises.
                drop(unsafe { Buffer::from_raw(head) });
                return 0;
            }
            Garbage::Node(node) | Garbage::NodeAndBuffer(node) => {
                // SAFETY: as the caller promises; nodes come from boxes.
                unsafe { Box::from_raw(node.as_ptr()) }
            }
        };
        let versions = match (self, node.buffer()) {
            (Garbage::NodeAndBuffer(_), Some(head)) => {
                // SAFETY: the node was the only way to it.
                drop(unsafe { Buffer::from_raw(head) });
                1
            }
            _ => 0,
        };
        memory.bury_node(node);
        versions
    }

    /// The bytes of the buffer that was evicted.
    fn bytes(&self) -> usize {
        match self {
            // SAFETY: an evicted buffer is not freed before it leaves limbo.
            Garbage::Buffer(head) => unsafe { Buffer::size_of(*head) },
            Garbage::Node(_) | Garbage::NodeAndBuffer(_) => 0,
        }
    }
}

impl FrameTable {
    /// The bytes of all buffers there are, evicted ones that are still read included.
    pub(in crate::storage::pager) fn resident_bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// The bytes of buffers that eviction could still do something about.
    fn held_bytes(&self) -> usize {
        self.memory.bytes().saturating_sub(self.limbo_bytes.load(Ordering::Relaxed))
    }

    /// The page map names the images of all versions up to `commit` from now on: they can be evicted.
    pub(in crate::storage::pager) fn checkpointed(&self, commit: u64) {
        self.checkpointed.fetch_max(commit, Ordering::SeqCst);
        self.evict_above.store(self.cache_bytes, Ordering::Relaxed);
        let mut reclaim = self.reclaim.lock();
        let sight = self.look(&mut reclaim);
        while let Some(&(when, number)) = reclaim.unnamed.first().filter(|(when, _)| *when <= commit) {
            reclaim.unnamed.remove(&(when, number));
            self.settle(number, &sight, &mut reclaim);
        }
        reclaim.pins = sight.pins;
        self.sweep(&mut reclaim);
        drop(reclaim);
        self.sweep_for_those_who_left();
        self.make_room();
    }

    /// Evicts what can be when there are too many buffers.
    #[inline]
    pub(super) fn make_room(&self) {
        if self.held_bytes() > self.evict_above.load(Ordering::Relaxed) {
            self.evict();
        }
    }

    #[cold]
    fn evict(&self) {
        if self.images.is_none() {
            return;
        }
        let mut reclaim = self.reclaim.lock();
        if self.held_bytes() > self.evict_above.load(Ordering::Relaxed) {
            // Some more than need be, so that the next few pages come in without looking.
            let wanted = self.cache_bytes - self.cache_bytes / 32;
            let reached = self.turn_hand(&mut reclaim, wanted);
            let above = if reached {
                self.cache_bytes
            } else {
                self.held_bytes().saturating_add(self.cache_bytes / 32)
            };
            self.evict_above.store(above, Ordering::Relaxed);
            self.sweep(&mut reclaim);
        }
        drop(reclaim);
        self.sweep_for_those_who_left();
    }

    /// Turns the clock's hand until no more than `wanted` bytes are held; false when two rounds were not enough.
    fn turn_hand(&self, reclaim: &mut Reclaim, wanted: usize) -> bool {
        let checkpointed = self.checkpointed.load(Ordering::Acquire);
        // The chunks up to the last that there is hold the numbers below this. Not all are there: a file that has been
        // opened may have been read at its end only.
        let last = self.directory.iter().rposition(|chunk| !chunk.load(Ordering::Acquire).is_null());
        let first_of = |chunk: usize| ((1u64 << FIRST_BITS) << chunk) - (1 << FIRST_BITS);
        let numbers = first_of(last.map_or(0, |last| last + 1));
        let mut left = 2 * numbers;
        while left > 0 {
            if self.held_bytes() <= wanted {
                return true;
            }
            let number = PageNumber(reclaim.hand);
            let slot = self.slot(number);
            let next = match slot {
                Some(_) => u64::from(number.0) + 1,
                None => first_of(FrameTable::place(number).0 + 1),
            };
            left = left.saturating_sub(next - u64::from(number.0));
            reclaim.hand = if next < numbers { next as u32 } else { 0 };
            let Some(slot) = slot else { continue };
            let word = slot.published.load(Ordering::Acquire);
            let Word::Bare(head, heat) = Word::of(word) else { continue };
            // SAFETY: a bare buffer is freed only under the lock of `reclaim`, which the caller holds.
            if unsafe { head.as_ref() }.commit > checkpointed {
                continue;
            }
            let next = match heat {
                Heat::Warm => Word::of_buffer(head, Heat::Cooling),
                Heat::Cooling | Heat::Fresh => null_mut(),
            };
            let mut swap = slot.published.compare_exchange(word, next, Ordering::SeqCst, Ordering::Relaxed);
            if planted::is(Bug::EvictedBlindly) && swap.is_err() {
                swap = Ok(slot.published.swap(next, Ordering::SeqCst));
            }
            if swap.is_ok() && heat != Heat::Warm {
                self.versions.fetch_sub(1, Ordering::Relaxed);
                let garbage = Garbage::Buffer(head);
                self.limbo_bytes.fetch_add(garbage.bytes(), Ordering::Relaxed);
                reclaim.unlinked.push(garbage);
            }
        }
        self.held_bytes() <= wanted
    }

    /// Whether there is much in limbo, and no operation has been keeping it for longer than those of `epoch`.
    pub(super) fn is_crowded_by(&self, epoch: Option<u64>) -> bool {
        let much = self.limbo_bytes.load(Ordering::Relaxed) > self.cache_bytes / 16;
        much && epoch.is_some_and(|epoch| epoch <= self.blocked.load(Ordering::Relaxed))
    }

    /// Whether even more is in limbo, for operations that all began in epoch `since` or later.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(super) fn is_overfull_since(&self, since: u64) -> bool {
        let much = self.limbo_bytes.load(Ordering::Relaxed) > self.cache_bytes / 8;
        much && (since..u64::MAX).contains(&self.pins.oldest_operation())
    }

    /// Frees what was unlinked and nobody can stand on any more.
    pub(super) fn empty_limbo(&self, reclaim: &mut Reclaim) {
        if !reclaim.unlinked.is_empty() {
            let epoch = self.epoch.fetch_add(1, Ordering::SeqCst);
            let Reclaim { unlinked, limbo, .. } = reclaim;
            limbo.extend(unlinked.drain(..).map(|garbage| (epoch, garbage)));
        }
        loop {
            let oldest = self.pins.oldest_operation();
            let oldest = if planted::is(Bug::LimboForgotten) { u64::MAX } else { oldest };
            while reclaim.limbo.front().is_some_and(|(epoch, _)| *epoch < oldest) {
                let Some((_, garbage)) = reclaim.limbo.pop_front() else { break };
                self.limbo_bytes.fetch_sub(garbage.bytes(), Ordering::Relaxed);
                // SAFETY: it is unlinked and in no other list, and every operation that runs began when it was.
                let versions = unsafe { garbage.free(&self.memory) };
                self.versions.fetch_sub(versions, Ordering::Relaxed);
            }
            let blocked = if reclaim.limbo.is_empty() { 0 } else { oldest };
            // An operation that ended between the scan and this did not know that anything waits for it: scan again.
            if self.blocked.swap(blocked, Ordering::SeqCst) == blocked {
                break;
            }
        }
    }

    /// Looks for what waited for an operation of `epoch` (0: none) or for a pin, which has just gone.
    #[inline]
    pub(super) fn after_leaving(&self, epoch: u64, pin_left: bool) {
        let waited = epoch != 0 && epoch <= self.blocked.load(Ordering::SeqCst);
        if waited || (pin_left && self.keeps.load(Ordering::SeqCst)) {
            self.left.store(true, Ordering::SeqCst);
            self.sweep_for_those_who_left();
        }
    }
}
