//! [`Batch`]: rows on their way through the operators.
//!
//! A batch comes from one leaf page, or holds up to some thousand gathered rows. Its rows are not moved when a filter
//! drops some: a selection names those that are left, by ascending position unless the scan runs backwards. Records are
//! carried as references; no value is read before an operator needs it.

use alloc::vec::Vec;
use core::ops::Range;

use super::Vector;
#[cfg(not(feature = "small"))]
use super::shelf::{NOTHING, Picked};
use crate::engine::error::{ExecError, RowFault};
use crate::engine::logical::{Computed, Slot};
use crate::parts;
use crate::storage::facade::LeafBatch;
use crate::storage::records::RecordRef;

/// The most rows that operators gather into one batch; a selection's positions are `u16`.
pub(super) const GATHERED_MAX: usize = if cfg!(feature = "small") { 32 } else { 1024 };

/// Rows on their way through the operators.
#[derive(Default)]
pub(super) struct Batch<'s> {
    /// How many rows there are, those dropped included.
    len: usize,
    selection: Selection,
    /// The rows left, when the selection is sparse. Kept from batch to batch, so that it is allocated once.
    sparse: Vec<u16>,
    slots: Vec<Source<'s>>,
    computed: Vec<Option<Vector<'s>>>,
    /// In pairs: the outer row of each. Empty otherwise.
    origins: Vec<u16>,
    /// Rows whose predicates had no result, ascending: an error if they come out.
    faults: Vec<(u32, RowFault)>,
}

#[derive(Clone)]
enum Selection {
    Range(Range<usize>),
    Sparse,
}

impl Default for Selection {
    fn default() -> Self {
        Selection::Range(0..0)
    }
}

/// The rows left of a batch.
#[derive(Clone)]
pub(super) enum Selected<'b> {
    /// All of a range.
    Range(Range<usize>),
    /// These.
    Sparse(&'b [u16]),
}

impl Selected<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Selected::Range(range) => range.len(),
            Selected::Sparse(rows) => rows.len(),
        }
    }

    /// Calls `each` for every row.
    #[inline(always)]
    pub(super) fn for_each(&self, mut each: impl FnMut(usize)) {
        match self {
            _ if !parts::LOOPS => (0..self.len()).for_each(|at| each(self.row(at))),
            Selected::Range(range) => range.clone().for_each(each),
            Selected::Sparse(rows) => rows.iter().for_each(|row| each(usize::from(*row))),
        }
    }

    /// The row at place `at` among those left.
    pub(super) fn row(&self, at: usize) -> usize {
        match self {
            Selected::Range(range) => range.start + at,
            Selected::Sparse(rows) => usize::from(rows[at]),
        }
    }
}

/// Where the records of a slot are.
pub(super) enum Source<'s> {
    /// The slot has none.
    Absent,
    /// One leaf page, row for row.
    Leaf(LeafBatch<'s>),
    /// Rows of one leaf page, in any order.
    #[cfg(not(feature = "small"))]
    Rows(LeafBatch<'s>, Vec<u16>),
    /// Those of a shelf.
    #[cfg(not(feature = "small"))]
    Picked(Picked<'s>),
    /// Gathered.
    Records(Vec<Option<RecordRef<'s>>>),
    /// Only their ranks are known.
    Ranks(Vec<u128>),
}

impl<'s> Batch<'s> {
    pub(super) fn new(slots: usize, computed: usize) -> Batch<'s> {
        let mut batch = Batch::default();
        batch.slots.resize_with(slots, || Source::Absent);
        batch.computed.resize_with(computed, || None);
        batch
    }

    /// Makes this a batch of `len` rows without anything in them.
    pub(super) fn reset(&mut self, len: usize) {
        debug_assert!(len <= usize::from(u16::MAX) + 1);
        self.len = len;
        self.selection = Selection::Range(0..len);
        self.slots.iter_mut().for_each(|source| *source = Source::Absent);
        self.computed.iter_mut().for_each(|vector| *vector = None);
        self.origins.clear();
        self.faults.clear();
    }

    /// How many rows it has with those that were dropped.
    #[cfg(not(feature = "small"))]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many rows are left.
    pub(super) fn count(&self) -> usize {
        self.selected().len()
    }

    pub(super) fn selected(&self) -> Selected<'_> {
        match &self.selection {
            Selection::Range(range) => Selected::Range(range.clone()),
            Selection::Sparse => Selected::Sparse(&self.sparse),
        }
    }

    /// Keeps the rows of a range; only for a batch that nothing was dropped from.
    pub(super) fn select_range(&mut self, range: Range<usize>) {
        debug_assert!(range.end <= self.len);
        self.selection = Selection::Range(range);
    }

    /// Keeps the rows that `with` leaves in the list; it gets an empty list and the range when none was dropped yet.
    pub(super) fn narrow(&mut self, with: impl FnOnce(&[Source<'s>], Option<Range<usize>>, &mut Vec<u16>)) {
        match self.selection.clone() {
            Selection::Range(range) => {
                self.sparse.clear();
                with(&self.slots, Some(range.clone()), &mut self.sparse);
                // When nothing was dropped, kernels can go on over the whole range.
                if self.sparse.len() < range.len() {
                    self.selection = Selection::Sparse;
                }
            }
            Selection::Sparse => with(&self.slots, None, &mut self.sparse),
        }
    }

    /// Keeps the rows, of those left, for which `keep` holds; it gets the place among those left, and the row.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(usize, usize) -> bool) {
        self.narrow(|_, range, sparse| match range {
            Some(range) => {
                if parts::LOOPS {
                    // Written whether it stays or not: which rows do is nothing that a processor could foresee.
                    sparse.resize(range.len(), 0);
                    let mut kept = 0;
                    for (at, row) in range.enumerate() {
                        sparse[kept] = row as u16;
                        kept += usize::from(keep(at, row));
                    }
                    return sparse.truncate(kept);
                }
                let rows = range.enumerate().filter(|(at, row)| keep(*at, *row));
                sparse.extend(rows.map(|(_, row)| row as u16));
            }
            None if parts::LOOPS => {
                let mut kept = 0;
                for at in 0..sparse.len() {
                    let row = sparse[at];
                    sparse[kept] = row;
                    kept += usize::from(keep(at, usize::from(row)));
                }
                sparse.truncate(kept);
            }
            None => {
                let mut at = 0;
                sparse.retain(|row| {
                    at += 1;
                    keep(at - 1, usize::from(*row))
                });
            }
        });
    }

    /// Reverses the order of the rows left.
    pub(super) fn reverse(&mut self) {
        if let Selection::Range(range) = self.selection.clone() {
            self.sparse.clear();
            self.sparse.extend(range.map(|row| row as u16));
            self.selection = Selection::Sparse;
        }
        self.sparse.reverse();
    }

    /// Drops the first `skip` of the rows left, and those after the next `take`.
    pub(super) fn window(&mut self, skip: usize, take: usize) {
        match &mut self.selection {
            Selection::Range(range) => {
                let start = (range.start + skip).min(range.end);
                *range = start..start.saturating_add(take).min(range.end);
            }
            Selection::Sparse => {
                self.sparse.truncate(skip.saturating_add(take));
                self.sparse.drain(..skip.min(self.sparse.len()));
            }
        }
    }

    pub(super) fn source(&self, slot: Slot) -> &Source<'s> {
        &self.slots[usize::from(slot.0)]
    }

    pub(super) fn set_source(&mut self, slot: Slot, source: Source<'s>) {
        self.slots[usize::from(slot.0)] = source;
    }

    /// The slots that have records, or ranks.
    pub(super) fn present(&self) -> impl Iterator<Item = (Slot, &Source<'s>)> {
        let sources = self.slots.iter().enumerate().filter(|(_, source)| !matches!(source, Source::Absent));
        sources.map(|(slot, source)| (Slot(slot as u16), source))
    }

    /// The record of a slot; `None` where there is none.
    #[inline]
    pub(super) fn record(&self, slot: Slot, row: usize) -> Option<RecordRef<'s>> {
        self.source(slot).record(row)
    }

    /// The rank of the record in a slot.
    pub(super) fn rank(&self, slot: Slot, row: usize) -> Option<u128> {
        match self.source(slot) {
            Source::Ranks(ranks) => Some(ranks[row]),
            _ => self.record(slot, row).map(|record| record.rank()),
        }
    }

    /// The values computed so far, over all rows of the batch.
    pub(super) fn computed(&self, computed: Computed) -> &Vector<'s> {
        self.computed[usize::from(computed.0)].as_ref().expect("a checked plan reads what was computed below")
    }

    pub(super) fn set_computed(&mut self, computed: Computed, vector: Vector<'s>) {
        debug_assert_eq!(vector.len(), self.len);
        self.computed[usize::from(computed.0)] = Some(vector);
    }

    /// Takes a value out.
    #[cfg(not(feature = "small"))]
    pub(super) fn take_computed(&mut self, computed: Computed) -> Option<Vector<'s>> {
        self.computed.get_mut(usize::from(computed.0))?.take()
    }

    /// Adds a value that plans do not have, of a number beyond theirs.
    #[cfg(not(feature = "small"))]
    pub(super) fn set_hidden(&mut self, computed: Computed, vector: Vector<'s>) {
        let count = usize::from(computed.0) + 1;
        if self.computed.len() < count {
            self.computed.resize_with(count, || None);
        }
        self.set_computed(computed, vector);
    }

    pub(super) fn computed_values(&self) -> impl Iterator<Item = (Computed, &Vector<'s>)> {
        let values = self.computed.iter().enumerate();
        values.filter_map(|(number, vector)| Some((Computed(number as u16), vector.as_ref()?)))
    }

    /// Says which outer row each row is paired with.
    pub(super) fn set_origins(&mut self, origins: &[u16]) {
        debug_assert_eq!(origins.len(), self.len);
        self.origins.extend_from_slice(origins);
    }

    /// The outer row that `row` is paired with.
    pub(super) fn origin(&self, row: usize) -> usize {
        usize::from(self.origins[row])
    }

    /// Notes that the predicates of `row` have no result.
    pub(super) fn add_fault(&mut self, row: usize, fault: &RowFault) {
        if let Err(at) = self.faults.binary_search_by_key(&(row as u32), |(row, _)| *row) {
            self.faults.insert(at, (row as u32, fault.clone()));
        }
    }

    pub(super) fn has_faults(&self) -> bool {
        parts::CALCULATION && !self.faults.is_empty()
    }

    /// What the predicates of `row` ran into.
    pub(super) fn fault(&self, row: usize) -> Option<&RowFault> {
        if !parts::CALCULATION {
            return None;
        }
        let at = self.faults.binary_search_by_key(&(row as u32), |(row, _)| *row).ok()?;
        Some(&self.faults[at].1)
    }

    /// Fails if one of the first `count` rows left has a fault: it is part of the answer.
    pub(super) fn raise(&self, count: usize) -> Result<(), ExecError> {
        if !parts::CALCULATION || self.faults.is_empty() {
            return Ok(());
        }
        let selected = self.selected();
        match (0..selected.len().min(count)).find_map(|at| self.fault(selected.row(at))) {
            Some(fault) => Err(ExecError::Arithmetic(fault.itself())),
            None => Ok(()),
        }
    }

    /// About the bytes that it takes in memory.
    #[cfg(not(feature = "small"))]
    pub(super) fn size(&self) -> usize {
        let of = |source: &Source<'_>| match source {
            Source::Absent => 0,
            Source::Leaf(_) => 0,
            Source::Rows(_, rows) => size_of_val(rows.as_slice()),
            Source::Picked(picked) => size_of_val(picked.numbers.as_slice()),
            Source::Records(records) => size_of_val(records.as_slice()),
            Source::Ranks(ranks) => size_of_val(ranks.as_slice()),
        };
        let computed = self.computed.iter().flatten();
        size_of::<Self>()
            + size_of_val(self.sparse.as_slice())
            + size_of_val(self.slots.as_slice())
            + size_of_val(self.computed.as_slice())
            + self.slots.iter().map(of).sum::<usize>()
            + computed.map(Vector::size).sum::<usize>()
    }

    /// As [`compact`](Batch::compact), if so few rows are left that values for all of them would be in vain.
    #[cfg(not(feature = "small"))]
    pub(super) fn loosen(&mut self) {
        if self.count() * 4 < self.len {
            self.compact();
        }
    }

    /// Numbers of the rows left, each at its row: [`NOTHING`] elsewhere.
    #[cfg(not(feature = "small"))]
    pub(super) fn spread(&self, numbers: Vec<u32>) -> Vec<u32> {
        debug_assert_eq!(numbers.len(), self.count());
        match &self.selection {
            Selection::Range(range) if range.len() == self.len => numbers,
            _ => {
                let mut all = vec![NOTHING; self.len];
                let mut left = numbers.into_iter();
                self.selected().for_each(|row| all[row] = left.next().unwrap_or(NOTHING));
                all
            }
        }
    }

    /// Moves the rows left together, so that what is added next has no gaps.
    pub(super) fn compact(&mut self) {
        if matches!(&self.selection, Selection::Range(range) if range.len() == self.len) {
            return;
        }
        let selected = self.selected();
        let count = selected.len();
        let slots: Vec<Source<'s>> = self.slots.iter().map(|source| source.gather(&selected)).collect();
        let computed =
            self.computed.iter().map(|vector| vector.as_ref().map(|vector| gather(vector, &selected)));
        let computed = computed.collect();
        let faults = if !self.has_faults() {
            Vec::new()
        } else {
            (0..count).filter_map(|at| Some((at as u32, self.fault(selected.row(at))?.clone()))).collect()
        };
        let mut origins = Vec::new();
        if !self.origins.is_empty() {
            selected.for_each(|row| origins.push(self.origins[row]));
        }
        (self.slots, self.computed, self.origins, self.faults) = (slots, computed, origins, faults);
        self.len = count;
        self.selection = Selection::Range(0..count);
    }
}

impl<'s> Source<'s> {
    /// The record of a row, if it is at hand.
    #[inline]
    pub(super) fn record(&self, row: usize) -> Option<RecordRef<'s>> {
        match self {
            Source::Leaf(leaf) => Some(leaf.record(row)),
            #[cfg(not(feature = "small"))]
            Source::Rows(leaf, rows) => Some(leaf.record(usize::from(rows[row]))),
            #[cfg(not(feature = "small"))]
            Source::Picked(picked) => picked.record(row),
            Source::Records(records) => records[row],
            Source::Absent | Source::Ranks(_) => None,
        }
    }

    /// The records of some rows.
    pub(super) fn gather(&self, selected: &Selected<'_>) -> Source<'s> {
        match self {
            Source::Absent => Source::Absent,
            Source::Ranks(ranks) => {
                let mut out = Vec::with_capacity(selected.len());
                selected.for_each(|row| out.push(ranks[row]));
                Source::Ranks(out)
            }
            #[cfg(not(feature = "small"))]
            Source::Leaf(leaf) => {
                let mut out = Vec::with_capacity(selected.len());
                selected.for_each(|row| out.push(row as u16));
                Source::Rows(leaf.clone(), out)
            }
            #[cfg(not(feature = "small"))]
            Source::Rows(leaf, rows) => {
                let mut out = Vec::with_capacity(selected.len());
                selected.for_each(|row| out.push(rows[row]));
                Source::Rows(leaf.clone(), out)
            }
            #[cfg(not(feature = "small"))]
            Source::Picked(picked) => Source::Picked(picked.gather(selected)),
            #[cfg(feature = "small")]
            Source::Leaf(leaf) => {
                let mut out = Vec::with_capacity(selected.len());
                selected.for_each(|row| out.push(Some(leaf.record(row))));
                Source::Records(out)
            }
            Source::Records(records) => {
                let mut out = Vec::with_capacity(selected.len());
                selected.for_each(|row| out.push(records[row]));
                Source::Records(out)
            }
        }
    }
}

/// The values of some rows.
pub(super) fn gather<'s>(vector: &Vector<'s>, selected: &Selected<'_>) -> Vector<'s> {
    match selected {
        _ if !parts::LOOPS => vector.gather((0..selected.len()).map(|at| selected.row(at))),
        Selected::Range(range) => vector.gather(range.clone()),
        Selected::Sparse(rows) => vector.gather(rows.iter().map(|row| usize::from(*row))),
    }
}
