//! [`Pins`]: where readers announce which commit they read.
//!
//! A slot holds 0, or the commit a reader pins plus one. Readers share no slot while they are open, so announcing and
//! leaving write to a cache line that is seldom anyone else's.
//!
//! # Why no pin is missed
//!
//! Opening: load the published commit *p*, write *p* + 1 into a free slot, fence, load the published commit again; when it
//! has moved on, pin the newer one instead and look again. Publishing: store the new commit, fence, read all slots. Both
//! fences are sequentially consistent, so one of them is first: either the publisher sees the slot, or the reader sees
//! the new commit and moves on before it reads anything. Hence a scan that follows the publication of commit *c*
//! contains every pin below *c* that is in use, now or later.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::sync::atomic::{AtomicU64, Ordering, fence};
use crate::sync::{OnceCell, thread_slot};

/// Slots of one block; a further block is added when all are taken.
const SLOTS: usize = 64;

/// A slot on a cache line of its own (two, for processors that fetch them in pairs).
#[repr(align(128))]
struct Slot(AtomicU64);

/// Where readers announce which commit they read.
pub(super) struct Pins {
    slots: [Slot; SLOTS],
    more: OnceCell<Box<Pins>>,
}

/// A claimed slot: given back through [`Pins::leave`].
#[derive(Debug)]
pub(super) struct Claim(usize);

impl Pins {
    pub(super) fn new() -> Pins {
        Pins { slots: [const { Slot(AtomicU64::new(0)) }; SLOTS], more: OnceCell::new() }
    }

    /// Announces a reader of the newest commit in `published` (or another head), and returns which one that is.
    pub(super) fn enter(&self, published: &AtomicU64) -> (Claim, u64) {
        let mut commit = published.load(Ordering::Acquire);
        let (claim, slot) = self.claim(commit + 1);
        loop {
            fence(Ordering::SeqCst);
            let now = published.load(Ordering::Acquire);
            if now == commit {
                return (claim, commit);
            }
            commit = now;
            slot.store(commit + 1, Ordering::SeqCst);
        }
    }

    /// Announces a reader of `commit`. Whether it may read is for the caller to find out afterwards.
    pub(super) fn enter_at(&self, commit: u64) -> Claim {
        let (claim, _) = self.claim(commit + 1);
        fence(Ordering::SeqCst);
        claim
    }

    fn claim(&self, value: u64) -> (Claim, &AtomicU64) {
        // Four apart, so that a thread with a few snapshots open at once stays out of its neighbours' slots.
        let first = thread_slot().wrapping_mul(4);
        let mut block = self;
        let mut base = 0;
        loop {
            for step in 0..SLOTS {
                let at = first.wrapping_add(step) % SLOTS;
                let slot = &block.slots[at].0;
                if slot.load(Ordering::Relaxed) == 0
                    && slot.compare_exchange(0, value, Ordering::SeqCst, Ordering::Relaxed).is_ok()
                {
                    return (Claim(base + at), slot);
                }
            }
            block = block.more.get_or_init(|| Box::new(Pins::new()));
            base += SLOTS;
        }
    }

    /// Gives the slot back. What the reader read happens before the slot is seen empty.
    pub(super) fn leave(&self, claim: &Claim) {
        self.store(claim, 0);
    }

    /// Moves the pin on to `commit`, the head it was entered at.
    pub(super) fn repin(&self, claim: &Claim, commit: u64) {
        self.store(claim, commit + 1);
    }

    fn store(&self, claim: &Claim, value: u64) {
        let mut block = self;
        let mut at = claim.0;
        while at >= SLOTS {
            match block.more.get() {
                Some(more) => block = more,
                None => return,
            }
            at -= SLOTS;
        }
        block.slots[at].0.store(value, Ordering::Release);
    }

    /// The commits that are pinned, ascending, without repetition.
    pub(super) fn scan(&self, into: &mut Vec<u64>) {
        fence(Ordering::SeqCst);
        into.clear();
        let mut block = Some(self);
        while let Some(pins) = block {
            for slot in &pins.slots {
                let value = slot.0.load(Ordering::Acquire);
                if value != 0 {
                    into.push(value - 1);
                }
            }
            block = pins.more.get().map(|more| &**more);
        }
        into.sort_unstable();
        into.dedup();
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
        let published = AtomicU64::new(7);
        let (first, commit) = pins.enter(&published);
        assert_eq!(commit, 7);
        published.store(9, Ordering::SeqCst);
        let (second, commit) = pins.enter(&published);
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

    #[test]
    fn more_readers_than_slots_get_a_further_block() {
        let pins = Pins::new();
        let published = AtomicU64::new(0);
        let claims: Vec<Claim> = (0..3 * SLOTS as u64)
            .map(|commit| {
                published.store(commit, Ordering::SeqCst);
                pins.enter(&published).0
            })
            .collect();
        let mut seen = Vec::new();
        pins.scan(&mut seen);
        assert_eq!(seen.len(), 3 * SLOTS);
        claims.iter().for_each(|claim| pins.leave(claim));
        pins.scan(&mut seen);
        assert!(seen.is_empty());
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
