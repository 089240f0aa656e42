//! [`Paging`]: what it costs to read what is not in memory.
//!
//! Of each tree that a plan may read it is looked how many of its leaves are in memory, by a few of them; in quarters, so that a plan is
//! not another one for each page that comes or goes. What is not is read page by page where records or entries follow each other, which
//! reading ahead makes cheap, and costs a way to the disk for each page where they lie anywhere. Of `n` pages so many records that lie
//! anywhere touch `n (1 - (1 - 1/n)^records)`: A. Cardenas, "Analysis and Performance of Inverted Data Base Structures" (CACM 18, 1975).
//!
//! A tree of few leaves is taken for one that is in memory: it soon is.

use alloc::vec::Vec;
use core::cell::RefCell;

use super::{Amount, Costs, Scatter, Statistics};
use crate::schema::{CollectionDef, CollectionId, IndexDef, IndexId};

/// A tree of fewer leaves counts as being in memory.
const LEAVES_MIN: Amount = 64.0;

/// How much of a tree is in memory.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Residency {
    /// About how many leaves it has.
    pub leaves: Amount,
    /// How many quarters of them are in memory.
    pub quarters: u8,
}

impl Residency {
    /// All of it.
    pub const ALL: Residency = Residency { leaves: 1.0, quarters: 4 };

    /// That of a tree of which so many leaves of so many that were asked for are in memory.
    pub fn of(leaves: u64, cached: u32, asked: u32) -> Residency {
        let leaves = leaves as Amount;
        if leaves < LEAVES_MIN {
            return Residency { leaves, ..Residency::ALL };
        }
        let quarters = (cached as Amount / asked.max(1) as Amount * 4.0 + 0.5) as u8;
        Residency { leaves, quarters }
    }

    /// Whether a plan that was made for this suits `other`.
    pub fn is_near(self, other: Residency) -> bool {
        self.quarters.abs_diff(other.quarters) < 2
    }

    /// The part that is not in memory.
    fn missing(self) -> Amount {
        1.0 - Amount::from(self.quarters) / 4.0
    }
}

/// A tree, and how much of it was in memory.
pub type Resident = (CollectionId, Option<IndexId>, Residency);

/// What reading from the file costs one plan.
pub struct Paging<'p> {
    statistics: &'p dyn Statistics,
    page: Amount,
    page_next: Amount,
    /// What was looked up.
    known: RefCell<Vec<Resident>>,
}

impl<'p> Paging<'p> {
    /// For a plan by these costs.
    pub fn new(statistics: &'p dyn Statistics, costs: &Costs) -> Paging<'p> {
        Paging { statistics, page: costs.page, page_next: costs.page_next, known: RefCell::default() }
    }

    /// What the plan was chosen by.
    pub fn into_known(self) -> Vec<Resident> {
        self.known.into_inner()
    }

    /// How much of a collection, or of an index of it, is in memory.
    fn of(&self, collection: &CollectionDef, index: Option<&IndexDef>) -> Residency {
        let tree = (collection.id, index.map(|index| index.id));
        let mut known = self.known.borrow_mut();
        if let Some(found) = known.iter().find(|known| (known.0, known.1) == tree) {
            return found.2;
        }
        let residency = self.statistics.residency(collection, index);
        known.push((tree.0, tree.1, residency));
        residency
    }

    /// `cost`, and reading a part of a collection from one record to the next.
    pub fn and_scanned(&self, cost: Amount, collection: &CollectionDef, share: Amount) -> Amount {
        let of = self.of(collection, None);
        cost + of.missing() * (of.leaves * share.min(1.0)).max(1.0) * self.page_next
    }

    /// `cost`, and reading so many records of a collection that lie anywhere.
    pub fn and_fetched(&self, cost: Amount, collection: &CollectionDef, records: Amount) -> Amount {
        let of = self.of(collection, None);
        cost + of.missing() * touched(of.leaves, records) * self.page
    }

    /// As [`and_fetched`](Paging::and_fetched), of records in the order of an index: those that lie on the leaf of the one before
    /// are on no other page, and pages that follow each other are read as those of a scan are.
    pub fn and_fetched_by(
        &self,
        cost: Amount,
        collection: &CollectionDef,
        records: Amount,
        scatter: Scatter,
    ) -> Amount {
        let of = self.of(collection, None);
        let (anywhere, next) = scatter.leaves(records);
        let pages = touched(of.leaves, anywhere);
        cost + of.missing() * (pages * self.page + next.min(of.leaves - pages) * self.page_next)
    }

    /// `cost`, and reading a part of an index from one entry to the next, in so many places.
    pub fn and_walked(
        &self,
        cost: Amount,
        (collection, index): (&CollectionDef, &IndexDef),
        share: Amount,
        places: Amount,
    ) -> Amount {
        let of = self.of(collection, Some(index));
        let found = touched(of.leaves, places) * self.page;
        cost + of.missing() * (found + of.leaves * share.min(1.0) * self.page_next)
    }
}

/// How many of so many pages so many records lie on, which may be any.
fn touched(pages: Amount, records: Amount) -> Amount {
    let (mut missed, mut factor, mut exponent) = (1.0, 1.0 - 1.0 / pages.max(1.0), records as u64);
    while exponent > 0 {
        missed *= if exponent & 1 == 1 { factor } else { 1.0 };
        factor *= factor;
        exponent >>= 1;
    }
    pages * (1.0 - missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_records_touch_a_page_each_and_many_touch_all() {
        assert!((touched(1000.0, 1.0) - 1.0).abs() < 0.001);
        assert!((touched(1000.0, 1000.0) - 632.3).abs() < 0.1);
        assert!((touched(1000.0, 20_000.0) - 1000.0).abs() < 0.001);
    }

    #[test]
    fn what_is_in_memory_is_told_in_quarters() {
        assert_eq!(Residency::of(63, 0, 32).quarters, 4, "a small tree soon is");
        assert_eq!(Residency::of(1000, 0, 32).quarters, 0);
        assert_eq!(Residency::of(1000, 9, 32).quarters, 1);
        assert_eq!(Residency::of(1000, 32, 32), Residency { leaves: 1000.0, quarters: 4 });
        let (cold, half) = (Residency::of(1000, 3, 32), Residency::of(1000, 17, 32));
        assert!(!cold.is_near(half) && cold.is_near(Residency::of(1000, 8, 32)));
    }
}
