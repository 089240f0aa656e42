//! Feedback: what carrying out a plan teaches about what was expected when it was made.
//!
//! ```text
//! physical   numbers the filters and joins of a plan that is kept      -> Watch, with what is expected of each
//! exec       counts their rows as it goes                              -> Counts
//! the end    compares                                                  -> a plan that is off, and why: Lesson
//! plans      lets a plan go that was off twice; it is made anew with the lessons of its shape
//! ```
//!
//! - What a query reads to its end is known for certain; of what ended earlier no more than that there are so many rows.
//! - A lesson is a factor of one filter, or of one join's pairs, the errors of what is beneath it taken out. It is drawn from a run
//!   with the values that the plan was made for, and no other: of other values something else may have been expected.
//! - A run changes nothing that others see unless it was off: counts are its own.
//!
//! That predicates are taken to be independent is the error that this is for: see M. Stillger et al., "LEO: DB2's learning optimizer"
//! (VLDB 2001), which keeps such factors for all queries, and here each shape of a query has its own.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

use super::Amount;
use crate::engine::logical::{Expr, Link, Slot};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, Ordering};

/// So many operators of a plan are watched, from its root on.
const WATCHED_MAX: usize = 8;

/// So many times as many rows as expected, or so many times fewer, are off.
const TIMES_OFF: Amount = 8.0;

/// So many rows more or fewer are not, whatever was expected: any way to them costs little.
const ROWS_FEW: Amount = 500.0;

/// A plan that was off so often is made anew.
const RUNS_OFF: u32 = 2;

/// A factor less than this is no lesson.
const TIMES_TAUGHT: Amount = 2.0;

/// What a lesson is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// A bit for each slot.
    slots: u64,
    /// The pairs of a join, and not a filter.
    pairs: bool,
}

impl About {
    /// A filter by these predicates; `None` where it asks for calculated values.
    pub fn filter<'e>(predicates: impl IntoIterator<Item = &'e Expr>) -> Option<About> {
        let mut slots = 0;
        for predicate in predicates {
            if !predicate.computed_values().is_empty() {
                return None;
            }
            for slot in predicate.slots() {
                slots |= bit(slot)?;
            }
        }
        (slots != 0).then_some(About { slots, pairs: false })
    }

    /// A filter of the records in a slot.
    pub fn records(slot: Slot) -> Option<About> {
        Some(About { slots: bit(slot)?, pairs: false })
    }

    /// The pairs that these links make.
    pub fn pairs(links: &[Link]) -> Option<About> {
        let About { slots, .. } = About::filter(links.iter().flat_map(|link| [&link.inner, &link.outer]))?;
        (slots.count_ones() > 1).then_some(About { slots, pairs: true })
    }
}

fn bit(slot: Slot) -> Option<u64> {
    1_u64.checked_shl(u32::from(slot.0))
}

/// What was learnt of a filter, or of a join's pairs.
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    about: About,
    /// How many predicates the filter had that taught it.
    asked: usize,
    /// So many times as many rows come out as each predicate alone makes expect.
    times: Amount,
}

impl Lesson {
    /// What it is about.
    pub fn about(&self) -> About {
        self.about
    }

    /// The slots that it is about.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        let slots = self.about.slots;
        (0..64).filter(move |slot| slots >> slot & 1 == 1).map(Slot)
    }

    /// Whether it is about the pairs of a join.
    pub fn is_of_pairs(&self) -> bool {
        self.about.pairs
    }

    /// So many times as many rows as would be expected without it.
    pub fn times(&self) -> Amount {
        self.times
    }
}

/// What was learnt of the queries of one shape.
#[derive(Clone, Copy, Default)]
pub struct Lessons<'l>(pub &'l [Lesson]);

impl Lessons<'_> {
    /// So many times as many rows as `asked` predicates alone make expect, where so many others are `implied` by how records are
    /// reached. Of two that one index is searched for together it knows how they go together.
    pub fn of_filter(self, about: Option<About>, asked: usize, implied: usize) -> Amount {
        let known = self.0.iter().find(|lesson| Some(lesson.about) == about);
        known.map_or(1.0, |lesson| match asked > 0 && (implied <= 1 || asked >= lesson.asked) {
            true => lesson.times,
            false => 1.0,
        })
    }

    /// So many times as many pairs as these links make expect.
    pub fn of_pairs(self, links: &[Link]) -> Amount {
        if self.0.is_empty() {
            return 1.0;
        }
        let about = About::pairs(links);
        self.0.iter().find(|lesson| Some(lesson.about) == about).map_or(1.0, |lesson| lesson.times)
    }

    /// So many times as many pairs as expected of what is in some slots with what is in others.
    pub fn between(self, left: &[Slot], right: &[Slot]) -> Amount {
        let set = |slots: &[Slot]| slots.iter().filter_map(|slot| bit(*slot)).fold(0, |set, bit| set | bit);
        let (left, right) = (set(left), set(right));
        let of_both = |lesson: &&Lesson| {
            let About { slots, pairs } = lesson.about;
            pairs && slots & left != 0 && slots & right != 0 && slots & !(left | right) == 0
        };
        self.0.iter().filter(of_both).map(|lesson| lesson.times).product()
    }
}

/// The number of a watched operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter(u8);

impl Counter {
    /// That of an operator that nobody watches.
    pub const NONE: Counter = Counter(u8::MAX);
}

/// What was expected of an operator.
#[derive(Clone, Debug)]
struct Point {
    about: About,
    asked: usize,
    /// The rows that it was expected to take, and to give.
    taken: Amount,
    given: Amount,
    /// What it pairs rows with, where that is watched as well.
    inner: Option<Counter>,
}

/// A plan that is kept, for all who carry it out.
#[derive(Debug, Default)]
pub struct Watch {
    points: Vec<Point>,
    /// What the plan was made with.
    made_with: Vec<Lesson>,
    /// How many runs were off.
    off: AtomicU32,
    taught: Mutex<Vec<Lesson>>,
}

impl Watch {
    /// A plan that was made with these lessons, of which nothing is watched yet.
    pub fn made_with(lessons: Lessons<'_>) -> Watch {
        Watch { made_with: lessons.0.to_vec(), ..Watch::default() }
    }

    /// Watches an operator that was expected to take so many rows, and to give so many.
    pub fn add(
        &mut self,
        about: Option<About>,
        asked: usize,
        (taken, given): (Amount, Amount),
        inner: Option<Counter>,
    ) -> Counter {
        match about {
            Some(about) if self.points.len() < WATCHED_MAX => {
                self.points.push(Point { about, asked, taken, given, inner });
                Counter(self.points.len() as u8 - 1)
            }
            _ => Counter::NONE,
        }
    }

    /// Whether there is nothing to watch.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Whether the plan was off as often as a plan may be.
    #[inline]
    pub fn is_refuted(&self) -> bool {
        self.off.load(Ordering::Relaxed) >= RUNS_OFF
    }

    /// What its runs have taught.
    pub fn taught(&self) -> Vec<Lesson> {
        self.taught.lock().clone()
    }

    /// Compares what a run has counted with what was expected; of the values that the plan was made for if `exact`.
    fn compare(&self, counts: &Counts, exact: bool) {
        let is_off = |(number, point): (usize, &Point)| {
            let (_, given) = counts.of(number);
            let fewer = counts.has_ended(number) && is_beyond(point.given, given);
            fewer || is_beyond(given, point.given)
        };
        if self.is_refuted() || !self.points.iter().enumerate().any(is_off) {
            return;
        }
        self.off.fetch_add(1, Ordering::Relaxed);
        if exact {
            let lessons = (0..self.points.len()).filter_map(|number| self.lesson(number, counts));
            let lessons: Vec<Lesson> = lessons.collect();
            *self.taught.lock() = lessons;
        }
    }

    /// What a run teaches about one operator.
    fn lesson(&self, number: usize, counts: &Counts) -> Option<Lesson> {
        let point = &self.points[number];
        let (taken, given) = counts.of(number);
        let is_whole = counts.has_ended(number);
        // What comes in more often than expected comes out more often.
        let mut below = ratio(taken, point.taken);
        if let Some(inner) = point.inner {
            let inner = usize::from(inner.0);
            if !counts.has_ended(inner) {
                return None;
            }
            below *= ratio(counts.of(inner).1, self.points[inner].given);
        }
        // It is no more than this that a part of the rows says for certain.
        let below = if is_whole { below } else { below.max(1.0) };
        let times = ratio(given, point.given) / below;
        if !(is_whole && times * TIMES_TAUGHT < 1.0) && times < TIMES_TAUGHT {
            return None;
        }
        let known = self.made_with.iter().find(|lesson| lesson.about == point.about);
        let times = times * known.map_or(1.0, |lesson| lesson.times);
        Some(Lesson { about: point.about, asked: point.asked, times })
    }
}

/// How many times as many as expected. Of less than a row there is no telling.
fn ratio(actual: Amount, expected: Amount) -> Amount {
    actual.max(1.0) / expected.max(1.0)
}

/// Whether there are so many more than others that these were a mistake.
fn is_beyond(more: Amount, less: Amount) -> bool {
    more > (less * TIMES_OFF).max(less + ROWS_FEW)
}

/// The plan of a query as it is watched.
#[derive(Clone, Debug)]
pub struct Watched {
    /// What is expected of it.
    pub watch: Arc<Watch>,
    /// Whether it has the values that it was made for.
    pub exact: bool,
}

/// The rows that the watched operators of one run have taken and given; compared with what was expected when it is dropped.
#[derive(Default)]
pub struct Counts {
    watched: Option<Watched>,
    rows: [Cell<(u64, u64)>; WATCHED_MAX],
    /// A bit for each that has given its last row.
    ended: Cell<u8>,
}

impl Counts {
    /// Those of a plan that is watched.
    #[inline]
    pub fn new(watched: Option<Watched>) -> Counts {
        Counts { watched, rows: Default::default(), ended: Cell::default() }
    }

    /// Compares nothing where a write transaction asks: what it has changed may never be.
    pub fn of_what_is_committed(&mut self, is_committed: bool) {
        if !is_committed {
            self.watched = None;
        }
    }

    /// Counts what an operator has taken, and given.
    #[inline]
    pub fn add(&self, counter: Counter, taken: usize, given: usize) {
        if let Some(cell) = self.rows.get(usize::from(counter.0)) {
            let (all_taken, all_given) = cell.get();
            cell.set((all_taken + taken as u64, all_given + given as u64));
        }
    }

    /// Notes that an operator has given its last row.
    #[inline]
    pub fn end(&self, counter: Counter) {
        if usize::from(counter.0) < WATCHED_MAX {
            self.ended.set(self.ended.get() | 1 << counter.0);
        }
    }

    fn of(&self, number: usize) -> (Amount, Amount) {
        let (taken, given) = self.rows[number].get();
        (taken as Amount, given as Amount)
    }

    fn has_ended(&self, number: usize) -> bool {
        self.ended.get() >> number & 1 == 1
    }
}

impl Drop for Counts {
    #[inline]
    fn drop(&mut self) {
        if let Some(Watched { watch, exact }) = self.watched.take() {
            watch.compare(self, exact);
        }
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").field("rows", &self.rows).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF: Option<About> = Some(About { slots: 1, pairs: false });
    const PAIRS: Option<About> = Some(About { slots: 3, pairs: true });

    /// A filter of 1,000 of 100,000, and a join of those with 500, of which 2,000 pairs are expected.
    fn watch(lessons: &[Lesson]) -> Arc<Watch> {
        let mut watch = Watch::made_with(Lessons(lessons));
        let filter = watch.add(OF, 2, (100_000.0, 1000.0), None);
        watch.add(PAIRS, 1, (500.0, 2000.0), Some(filter));
        Arc::new(watch)
    }

    fn run(watch: &Arc<Watch>, exact: bool, rows: [(usize, usize); 2], ended: &[u8]) {
        let counts = Counts::new(Some(Watched { watch: Arc::clone(watch), exact }));
        for (number, (taken, given)) in rows.into_iter().enumerate() {
            // A batch or two.
            counts.add(Counter(number as u8), taken / 2, given / 2);
            counts.add(Counter(number as u8), taken - taken / 2, given - given / 2);
        }
        ended.iter().for_each(|number| counts.end(Counter(*number)));
        counts.add(Counter::NONE, 1, 1);
        counts.end(Counter::NONE);
    }

    fn times(lessons: &[Lesson]) -> Vec<(bool, Amount)> {
        lessons.iter().map(|lesson| (lesson.about.pairs, lesson.times)).collect()
    }

    #[test]
    fn a_plan_is_off_at_eight_times_and_refuted_by_two_runs() {
        let watch = watch(&[]);
        // 7 times as many, or as few, and less than 500 more.
        run(&watch, true, [(100_000, 7000), (500, 2400)], &[0, 1]);
        run(&watch, true, [(100_000, 501), (500, 300)], &[0, 1]);
        // What has not ended may give more yet.
        run(&watch, true, [(100, 1), (0, 0)], &[]);
        assert!(watch.off.load(Ordering::Relaxed) == 0 && watch.taught().is_empty());
        run(&watch, true, [(100_000, 9000), (500, 18_000)], &[0, 1]);
        assert!(!watch.is_refuted());
        run(&watch, false, [(100_000, 100), (500, 200)], &[0, 1]);
        assert!(watch.is_refuted());
        // The pairs are as many as so many rows have; other values than it was made for teach nothing.
        assert_eq!(times(&watch.taught()), [(false, 9.0)]);
    }

    #[test]
    fn what_ended_early_teaches_no_more_than_it_has_seen() {
        let watch = self::watch(&[]);
        run(&watch, true, [(50_000, 10_000), (0, 0)], &[]);
        // Half of the records had ten times as many; the others may have none.
        assert_eq!(times(&watch.taught()), [(false, 10.0)]);
        let watch = self::watch(&[]);
        run(&watch, true, [(100_000, 1000), (100, 30_000)], &[0]);
        assert_eq!(times(&watch.taught()), [(true, 15.0)]);
    }

    #[test]
    fn what_was_learnt_before_is_part_of_what_is_learnt() {
        let known = Lesson { about: PAIRS.expect("pairs"), asked: 1, times: 20.0 };
        let watch = watch(&[known]);
        run(&watch, true, [(100_000, 1000), (500, 200)], &[0, 1]);
        assert_eq!(times(&watch.taught()), [(true, 2.0)]);
    }

    #[test]
    fn lessons_are_for_what_taught_them() {
        let of = |about: Option<About>, times| Lesson { about: about.expect("something"), asked: 2, times };
        let lessons = [of(OF, 50.0), of(PAIRS, 3.0)];
        let lessons = Lessons(&lessons);
        assert_eq!(lessons.of_filter(OF, 2, 0), 50.0);
        assert_eq!(lessons.of_filter(OF, 1, 1), 50.0, "the other is searched for alone");
        assert_eq!(lessons.of_filter(OF, 1, 2), 1.0, "an index knows how the others go together");
        assert_eq!(lessons.of_filter(OF, 0, 2), 1.0);
        assert_eq!(lessons.of_filter(About::records(Slot(1)), 2, 0), 1.0);
        assert_eq!(lessons.between(&[Slot(0)], &[Slot(2), Slot(1)]), 3.0);
        assert_eq!(lessons.between(&[Slot(0), Slot(1)], &[Slot(2)]), 1.0);
    }
}
