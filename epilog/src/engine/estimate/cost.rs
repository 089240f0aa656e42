//! [`Costs`]: what work on one row costs, in nanoseconds.

use super::{Amount, Scatter};
use crate::engine::logical::{Expr, SlotDef};

/// What work costs, in nanoseconds on the machine that this was measured on: ratios count, not values.
///
/// The consequence that matters: reading a record through an index costs as much as scanning some sixty, so that an index
/// range loses to a scan when it holds more than one or two in a hundred of the records.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// A record of a full scan, its fixed fields only.
    pub scan_record: Amount,
    /// A test on a fixed field.
    pub test_fixed: Amount,
    /// A test on a string, or on anything else that lies outside of the fixed row.
    pub test_variable: Amount,
    /// Finding the place of a key in a tree.
    pub seek: Amount,
    /// Reading an index entry that follows another.
    pub entry: Amount,
    /// Reading an index entry and the values in it. That is measured as half as much again: there is no line for reading values of
    /// a record, which is spared.
    pub entry_decoded: Amount,
    /// Fetching one of many records by rank.
    pub fetch: Amount,
    /// Fetching one of many records by ascending rank, when they lie close together.
    pub fetch_near: Amount,
    /// Fetching one of many records in the order of an index, when the one before lies on the same page. That is measured as two
    /// thirds of it; but so is scanning, which it is weighed against, of narrow records as half of what is said.
    pub fetch_next: Amount,
    /// Sorting a row, of a thousand or two: of more it is [dearer](Costs::sort_of).
    pub sort: Amount,
    /// Putting a rank among others into its order. That is several times as much for thousands, and makes fetching them that much
    /// cheaper.
    pub sort_rank: Amount,
    /// Offering a row to a top-N heap.
    pub top: Amount,
    /// Putting a row into a hash table.
    pub build: Amount,
    /// Looking for a row in a hash table.
    pub probe: Amount,
    /// Passing over a row of either side, where both come in the order of what they are joined by.
    pub merge: Amount,
    /// Marking a record that rows may point at.
    pub mark: Amount,
    /// Looking whether what a row points at is marked.
    pub marked: Amount,
    /// Making a pair of rows, and testing it.
    pub pair: Amount,
    /// Reading a page that is not in memory and lies anywhere.
    pub page: Amount,
    /// Reading a page that is not in memory and follows another: several are read at a time.
    pub page_next: Amount,
    /// Plans are made as if a collection had at least so many records: a choice that only a nearly empty collection
    /// justifies would have to be made again soon.
    pub rows_min: Amount,
}

impl Costs {
    /// Sorting each of so many rows. Each doubling is one more comparison, and what is compared lies farther away.
    pub fn sort_of(&self, rows: Amount) -> Amount {
        let doublings = (rows as u64 / 2048).max(1).ilog2();
        self.sort * (1.0 + doublings as Amount / 3.0)
    }

    /// Sorting so many rows of which those that compare equal by what they come by, so many each, follow each other.
    #[cfg(not(feature = "small"))]
    pub fn sort_of_runs(&self, rows: Amount, each: Amount) -> Amount {
        // A row has a key made, waits and comes out, however few it is compared with. A few runs are sorted at a time, and what is joined
        // to their rows lies anywhere: of 20,000 pairs, ten each, that takes a twentieth more instructions than to sort all, and half as
        // much again to join and sort them; of 200,000 as long as to sort all, or less.
        let comparisons = (each.max(1.0) as u64).ilog2().min(11);
        rows * (self.sort_of(each) * (11.0 + comparisons as Amount) / 22.0 + 5.0 * self.pair)
    }

    /// Fetching so many records in the order of an index, where each that lies anywhere costs so much.
    pub fn fetch_by(&self, fetch: Amount, records: Amount, scatter: Scatter) -> Amount {
        if cfg!(feature = "small") {
            return records * fetch;
        }
        let (anywhere, next) = scatter.leaves(records);
        let others = anywhere + next;
        others * fetch + (records - others) * self.fetch_next.min(fetch)
    }

    /// Asking a predicate of a row of these sources.
    pub fn test(&self, predicate: &Expr, slots: &[SlotDef]) -> Amount {
        let mut cost = 0.0;
        predicate.visit(&mut |part| {
            let is_outside = part.ty.width().is_none();
            #[cfg(not(feature = "small"))]
            let is_outside = is_outside
                || part
                    .as_field()
                    .is_some_and(|(slot, position)| slots[usize::from(slot.0)].collection.is_cold(position));
            #[cfg(feature = "small")]
            let _ = slots;
            cost += match (part.is_literal(), is_outside) {
                (true, _) => 0.0,
                (false, true) => self.test_variable,
                (false, false) => self.test_fixed,
            };
        });
        cost
    }

    /// How many kinds of work there are.
    pub const COUNT: usize = 20;

    /// What each kind of work costs, by its name, to be changed.
    pub fn lines_mut(&mut self) -> [(&'static str, &mut Amount); Costs::COUNT] {
        let Costs {
            scan_record,
            test_fixed,
            test_variable,
            seek,
            entry,
            entry_decoded,
            fetch,
            fetch_near,
            fetch_next,
            sort,
            sort_rank,
            top,
            build,
            probe,
            merge,
            mark,
            marked,
            pair,
            page,
            page_next,
            // No work.
            rows_min: _,
        } = self;
        [
            ("scan_record", scan_record),
            ("test_fixed", test_fixed),
            ("test_variable", test_variable),
            ("seek", seek),
            ("entry", entry),
            ("entry_decoded", entry_decoded),
            ("fetch", fetch),
            ("fetch_near", fetch_near),
            ("fetch_next", fetch_next),
            ("sort", sort),
            ("sort_rank", sort_rank),
            ("top", top),
            ("build", build),
            ("probe", probe),
            ("merge", merge),
            ("mark", mark),
            ("marked", marked),
            ("pair", pair),
            ("page", page),
            ("page_next", page_next),
        ]
    }
}

impl Default for Costs {
    fn default() -> Costs {
        Costs {
            scan_record: 3.0,
            test_fixed: 1.0,
            test_variable: 10.0,
            seek: 400.0,
            entry: 8.0,
            entry_decoded: 24.0,
            fetch: 180.0,
            fetch_near: 60.0,
            fetch_next: 60.0,
            sort: 60.0,
            sort_rank: 12.0,
            top: 3.0,
            build: 30.0,
            probe: 12.0,
            merge: 20.0,
            mark: 4.0,
            marked: 2.0,
            pair: 15.0,
            page: 80_000.0,
            page_next: 10_000.0,
            rows_min: 1000.0,
        }
    }
}
