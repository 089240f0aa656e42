//! [`Pins`]: where readers announce which commit they read, and while they do it.
//!
//! A reader has a slot of two words on a cache line that is seldom anyone else's:
//!
//! | word | meaning |
//! |---|---|
//! | commit | 0: the slot is free; else the commit that is pinned, plus one |
//! | operation | the epoch at which the first of the operations running began, and in the low [`COUNT_BITS`] bits how many run |
//!
//! A pinned commit keeps page versions. A running operation keeps page buffers that were evicted after its beginning: a
//! snapshot that is open for long does so only while something is read through it.
//!
//! # Why no pin is missed
//!
//! Opening: load the published commit *p*, write *p* + 1 into a free slot, fence, load the published commit again; when it
//! has moved on, pin the newer one instead and look again. Publishing: store the new commit, fence, read all slots. Both
//! fences are sequentially consistent, so one of them is first: either the publisher sees the slot, or the reader sees
//! the new commit and moves on before it reads anything. Hence a scan that follows the publication of commit *c*
//! contains every pin below *c* that is in use, now or later.
//!
//! # Why no operation is missed
//!
//! Beginning: load the epoch, announce it, load slots of the frame table. Evicting: take the buffer out of its slot, add
//! one to the epoch (the buffer's tag is what it was), read what is announced. All of these are sequentially consistent,
//! so they have one order. If the evictor does not see the announcement, that comes later, and the slot is found empty.
//! If it sees an epoch beyond the tag, that was loaded after the adding, and the slot is found empty as well.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::storage::planted::{self, Bug};
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use crate::sync::{OnceCell, thread_slot};

/// Slots of one block; a further block is added when all are taken.
const SLOTS: usize = if cfg!(shuttle) {
    2
} else if cfg!(feature = "small") {
    4
} else {
    64
};

/// Operations that can run through one pin at a time, as a power of two.
const COUNT_BITS: u32 = 24;

/// The operations in a word.
fn count(word: u64) -> u64 {
    word & ((1 << COUNT_BITS) - 1)
}

/// The epoch in a word.
fn epoch_of(word: u64) -> u64 {
    word >> COUNT_BITS
}

/// A slot on a cache line of its own (two, for processors that fetch them in pairs).
#[cfg_attr(not(feature = "small"), repr(align(128)))]
struct Slot {
    commit: AtomicU64,
    operation: AtomicU64,
}

impl Slot {
    const fn new() -> Slot {
        Slot { commit: AtomicU64::new(0), operation: AtomicU64::new(0) }
    }
}

/// Where readers announce which commit they read.
pub(super) struct Pins {
    slots: [Slot; SLOTS],
    /// Slots from here on have never been claimed: scans, which every commit makes, need not look there. Raised before a
    /// slot is claimed, so that whoever would have to see the slot sees this.
    used: AtomicUsize,
    more: OnceCell<Box<Pins>>,
}

/// A claimed slot: given back through [`Pins::leave`].
#[derive(Debug)]
pub(super) struct Claim(usize);

impl Pins {
    pub(super) fn new() -> Pins {
        Pins { slots: [const { Slot::new() }; SLOTS], used: AtomicUsize::new(0), more: OnceCell::new() }
    }

    /// Announces a reader of the newest commit in `published` (or another head), and returns which one that is. The
    /// reader begins with an operation, of the epoch in `epoch`: with the same fence.
    pub(super) fn enter(&self, published: &AtomicU64, epoch: &AtomicU64) -> (Claim, u64) {
        let mut commit = published.load(Ordering::Acquire);
        let (claim, slot) = self.claim(commit + 1);
        slot.operation.store(epoch.load(Ordering::SeqCst) << COUNT_BITS | 1, Ordering::SeqCst);
        loop {
            fence(Ordering::SeqCst);
            let now = published.load(Ordering::Acquire);
            if now == commit || planted::is(Bug::PinNotLookedAtAgain) {
                return (claim, commit);
            }
            commit = now;
            slot.commit.store(commit + 1, Ordering::SeqCst);
        }
    }

    /// Announces a reader of `commit`, with an operation. Whether it may read is for the caller to find out afterwards.
    pub(super) fn enter_at(&self, commit: u64, epoch: &AtomicU64) -> Claim {
        let (claim, slot) = self.claim(commit + 1);
        slot.operation.store(epoch.load(Ordering::SeqCst) << COUNT_BITS | 1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        claim
    }

    fn claim(&self, value: u64) -> (Claim, &Slot) {
        // Four apart, so that a thread with a few snapshots open at once stays out of its neighbours' slots.
        let first = thread_slot().wrapping_mul(4);
        let mut block = self;
        let mut base = 0;
        loop {
            for step in 0..SLOTS {
                let at = first.wrapping_add(step) % SLOTS;
                let slot = &block.slots[at];
                let commit = &slot.commit;
                if commit.load(Ordering::Relaxed) != 0 {
                    continue;
                }
                // Once in the life of each slot. Who sees that somebody did it does all that follows after it.
                if block.used.load(Ordering::SeqCst) <= at {
                    block.used.fetch_max(at + 1, Ordering::SeqCst);
                }
                if commit.compare_exchange(0, value, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                    return (Claim(base + at), slot);
                }
            }
            block = block.more.get_or_init(|| Box::new(Pins::new()));
            base += SLOTS;
        }
    }

    /// Gives the slot back, with what operation is left in it; returns the epoch of that, 0 if there is none. What the
    /// reader read happens before the slot is seen empty. The caller fences before it looks at what waits for the pin.
    pub(super) fn leave(&self, claim: &Claim) -> u64 {
        let slot = self.slot(claim);
        let operation = slot.operation.load(Ordering::Relaxed);
        slot.operation.store(0, Ordering::Release);
        slot.commit.store(0, Ordering::Release);
        if count(operation) == 0 { 0 } else { epoch_of(operation) }
    }

    /// Moves the pin on to `commit`, the head it was entered at.
    pub(super) fn repin(&self, claim: &Claim, commit: u64) {
        self.slot(claim).commit.store(commit + 1, Ordering::Release);
    }

    /// Begins an operation.
    ///
    /// # Panics
    ///
    /// When more run than the word can count: they were forgotten rather than ended.
    pub(super) fn begin_operation(&self, claim: &Claim, epoch: &AtomicU64) {
        let operation = &self.slot(claim).operation;
        let mut word = operation.load(Ordering::Relaxed);
        loop {
            let new = if count(word) == 0 {
                epoch.load(Ordering::SeqCst) << COUNT_BITS | 1
            } else {
                assert!(count(word) + 1 < 1 << COUNT_BITS, "too many operations through one snapshot");
                word + 1
            };
            match operation.compare_exchange(word, new, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Ends an operation. Returns the epoch that is announced no more; 0 when others go on.
    pub(super) fn end_operation(&self, claim: &Claim) -> u64 {
        let word = self.slot(claim).operation.fetch_sub(1, Ordering::SeqCst);
        if count(word) == 1 { epoch_of(word) } else { 0 }
    }

    /// The epoch announced for a pin, if an operation runs.
    pub(super) fn operation(&self, claim: &Claim) -> Option<u64> {
        let word = self.slot(claim).operation.load(Ordering::Relaxed);
        (count(word) > 0).then(|| epoch_of(word))
    }

    #[inline]
    fn slot(&self, claim: &Claim) -> &Slot {
        match self.slots.get(claim.0) {
            Some(slot) => slot,
            None => self.slot_beyond(claim.0),
        }
    }

    #[cold]
    fn slot_beyond(&self, mut at: usize) -> &Slot {
        let mut block = self;
        while at >= SLOTS {
            block = block.more.get().expect("a claim names a block that was made for it");
            at -= SLOTS;
        }
        &block.slots[at]
    }

    /// The slots that may have been claimed before the caller's fence.
    fn slots_in_use(&self) -> impl Iterator<Item = &Slot> {
        let blocks = core::iter::successors(Some(self), |pins| pins.more.get().map(|more| &**more));
        blocks.flat_map(|pins| &pins.slots[..pins.used.load(Ordering::SeqCst)])
    }

    /// The commits that are pinned, ascending, without repetition.
    pub(super) fn scan(&self, into: &mut Vec<u64>) {
        fence(Ordering::SeqCst);
        into.clear();
        for slot in self.slots_in_use() {
            let value = slot.commit.load(Ordering::Acquire);
            if value != 0 {
                into.push(value - 1);
            }
        }
        into.sort_unstable();
        into.dedup();
    }

    /// The oldest epoch of an operation that runs; `u64::MAX` when none does.
    pub(super) fn oldest_operation(&self) -> u64 {
        fence(Ordering::SeqCst);
        let words = self.slots_in_use().map(|slot| slot.operation.load(Ordering::SeqCst));
        words.filter(|word| count(*word) > 0).map(epoch_of).min().unwrap_or(u64::MAX)
    }
}

/// The newest of `pins` (ascending) in `from..below`.
pub(super) fn newest_within(pins: &[u64], from: u64, below: u64) -> Option<u64> {
    let end = pins.partition_point(|&pin| pin < below);
    pins[..end].last().copied().filter(|&pin| pin >= from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_scanned_until_they_leave() {
        let pins = Pins::new();
        let (published, epoch) = (AtomicU64::new(7), AtomicU64::new(1));
        let (first, commit) = pins.enter(&published, &epoch);
        assert_eq!(commit, 7);
        published.store(9, Ordering::SeqCst);
        let (second, commit) = pins.enter(&published, &epoch);
        assert_eq!(commit, 9);
        let mut seen = Vec::new();
        pins.scan(&mut seen);
        assert_eq!(seen, [7, 9]);
        pins.leave(&first);
        pins.scan(&mut seen);
        assert_eq!(seen, [9]);
        pins.leave(&second);
        pins.scan(&mut seen);
        assert!(seen.is_empty());
    }

    /// Threads begin to look for a slot at different places: a scan sees whichever they found.
    #[cfg(feature = "std")]
    #[test]
    fn slots_are_scanned_whichever_thread_claims_them() {
        let pins = Pins::new();
        let (published, epoch) = (AtomicU64::new(3), AtomicU64::new(1));
        let seen = || {
            let mut seen = Vec::new();
            pins.scan(&mut seen);
            seen
        };
        assert!(seen().is_empty());
        for _ in 0..2 * SLOTS {
            std::thread::scope(|scope| {
                let thread = scope.spawn(|| {
                    let (claim, commit) = pins.enter(&published, &epoch);
                    assert_eq!((seen(), pins.oldest_operation()), (Vec::from([commit]), 1));
                    pins.leave(&claim);
                });
                thread.join().unwrap();
            });
            assert_eq!((seen(), pins.oldest_operation()), (Vec::new(), u64::MAX));
        }
    }

    #[test]
    fn more_readers_than_slots_get_a_further_block() {
        let pins = Pins::new();
        let (published, epoch) = (AtomicU64::new(0), AtomicU64::new(1));
        let claims: Vec<Claim> = (0..3 * SLOTS as u64)
            .map(|commit| {
                published.store(commit, Ordering::SeqCst);
                pins.enter(&published, &epoch).0
            })
            .collect();
        let mut seen = Vec::new();
        pins.scan(&mut seen);
        assert_eq!(seen.len(), 3 * SLOTS);
        assert_eq!(pins.oldest_operation(), 1);
        for claim in &claims {
            assert_eq!(pins.leave(claim), 1);
        }
        pins.scan(&mut seen);
        assert!(seen.is_empty());
        assert_eq!(pins.oldest_operation(), u64::MAX);
    }

    #[test]
    fn operations_nest_and_the_oldest_epoch_counts() {
        let pins = Pins::new();
        let (published, epoch) = (AtomicU64::new(0), AtomicU64::new(5));
        let (claim, _) = pins.enter(&published, &epoch);
        epoch.store(6, Ordering::SeqCst);
        pins.begin_operation(&claim, &epoch);
        assert_eq!(pins.oldest_operation(), 5);
        assert_eq!(pins.end_operation(&claim), 0);
        assert_eq!(pins.end_operation(&claim), 5);
        assert_eq!((pins.operation(&claim), pins.oldest_operation()), (None, u64::MAX));
        pins.begin_operation(&claim, &epoch);
        assert_eq!(pins.operation(&claim), Some(6));
        let (other, _) = pins.enter(&published, &epoch);
        assert_eq!(pins.leave(&claim), 6);
        assert_eq!(pins.oldest_operation(), 6);
        assert_eq!(pins.leave(&other), 6);
        assert_eq!(pins.oldest_operation(), u64::MAX);
    }

    #[test]
    fn newest_within_looks_at_the_interval_only() {
        let pins = [2, 5, 9];
        assert_eq!(newest_within(&pins, 0, 2), None);
        assert_eq!(newest_within(&pins, 0, 3), Some(2));
        assert_eq!(newest_within(&pins, 3, 5), None);
        assert_eq!(newest_within(&pins, 3, 100), Some(9));
        assert_eq!(newest_within(&[], 0, 100), None);
    }
}
