//! Parts made by threads, of nothing that is stored.

use super::*;
use crate::sync::pause;

/// Makes of a part the rank that it begins with; those in a list wait for a while before, and some have an end of their own.
#[derive(Default)]
struct Starts {
    slow: Vec<u128>,
    is_not_made: Option<u128>,
    is_not_merged: Option<u128>,
    is_enough: Option<u128>,
    panics: Option<u128>,
    /// The most parts that a part was made ahead of the one that was merged next.
    ahead: AtomicUsize,
    merged: AtomicUsize,
}

impl Work<()> for Starts {
    fn part(&self, (): &(), (start, _): Ranks, _: &Run) -> Result<Option<u128>, ExecError> {
        let ahead = (start as usize).saturating_sub(self.merged.load(Ordering::SeqCst));
        self.ahead.fetch_max(ahead, Ordering::SeqCst);
        if self.slow.contains(&start) {
            pause(Duration::from_millis(30));
        }
        assert!(self.panics != Some(start), "on purpose");
        Ok(Some(start).filter(|start| self.is_not_made != Some(*start)))
    }
}

impl Merging for Starts {
    type OfPart = u128;
    type OfAll = Vec<u128>;

    fn merge(&self, all: &mut Vec<u128>, part: u128) -> bool {
        if self.is_not_merged == Some(part) {
            return false;
        }
        all.push(part);
        self.merged.fetch_add(1, Ordering::SeqCst);
        true
    }

    fn is_enough(&self, all: &Vec<u128>) -> bool {
        self.is_enough.is_some() && all.last().copied() == self.is_enough
    }
}

const PARTS: u128 = 40;

/// Works in three threads.
fn carry_out(work: &Starts) -> Made<Starts> {
    let parts = (0..PARTS).map(|start| (start, start)).collect();
    Shared::carry_out(work, parts, Vec::new(), Run::default().of_all(1), vec![(); 3])
}

#[test]
fn parts_are_merged_in_their_order_however_long_each_takes() {
    let work = Starts { slow: Vec::from([0, 3, 4, 17, 39]), ..Starts::default() };
    let made = carry_out(&work);
    assert_eq!(made.merged, PARTS as usize);
    assert!(made.all.into_iter().eq(0..PARTS));
    // The first takes long enough for the others to get as far ahead as they may.
    assert!(work.ahead.into_inner() < 3 * AHEAD);
    assert!((1..=3).contains(&made.threads));
}

#[test]
fn nothing_is_merged_from_the_first_part_on_that_is_not_made() {
    for slow in [Vec::new(), Vec::from([9]), Vec::from([10])] {
        let made = carry_out(&Starts { is_not_made: Some(10), slow, ..Starts::default() });
        // All before it are, whichever takes longer.
        assert_eq!(made.merged, 10);
        assert!(made.all.into_iter().eq(0..10));
    }
}

#[test]
fn a_part_that_is_not_merged_is_the_end() {
    for slow in [Vec::new(), Vec::from([10]), Vec::from([11])] {
        let made = carry_out(&Starts { is_not_merged: Some(10), slow, ..Starts::default() });
        assert_eq!(made.merged, 10);
        assert!(made.all.into_iter().eq(0..10));
    }
}

#[test]
fn the_part_that_is_enough_counts() {
    for slow in [Vec::new(), Vec::from([10]), Vec::from([11])] {
        let made = carry_out(&Starts { is_enough: Some(10), slow, ..Starts::default() });
        assert_eq!(made.merged, 11);
        assert!(made.all.into_iter().eq(0..11));
    }
}

#[test]
fn a_panic_leaves_nobody_waiting() {
    for slow in [Vec::from([0]), Vec::from([5])] {
        let work = Starts { panics: slow.first().copied(), slow, ..Starts::default() };
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| carry_out(&work).merged));
        assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"));
    }
}

/// Orders of rows numbered one after the other, with few keys or with many, some of them empty, have one order that is that of a stable
/// sort of all.
#[test]
fn orders_of_parts_have_one_order() {
    let mut random = 7u64;
    let mut next = || {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        random >> 33
    };
    for keys in [1, 3, 50, 1 << 30] {
        for parts in [1, 2, 9] {
            let (mut orders, mut all) = (Vec::new(), Vec::new());
            for _ in 0..parts {
                let mut order: Vec<(u64, u32)> =
                    (0..next() % 90).map(|at| (next() % keys, (all.len() as u64 + at) as u32)).collect();
                all.extend(order.iter().copied());
                order.sort_unstable();
                orders.push(order);
            }
            all.sort_unstable();
            let all: Vec<u32> = all.into_iter().map(|(_, row)| row).collect();
            for threads in [1, 2, 7] {
                let run = Run::default().of_all(1);
                let merged = within::merged_by(threads, run, &orders, &|a, b| a.0.cmp(&b.0));
                assert_eq!(merged, all, "{keys} keys, {parts} parts, {threads} threads");
            }
        }
    }
}
