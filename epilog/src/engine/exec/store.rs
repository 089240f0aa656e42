//! [`RowStore`]: rows kept after their batch, by an operator that needs all of them.

#[cfg(not(feature = "small"))]
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Vector;
#[cfg(not(feature = "small"))]
use super::batch::Selected;
use super::batch::{Batch, Source};
#[cfg(not(feature = "small"))]
use super::shelf::{NOTHING, Picked, Shelf};
use crate::engine::error::RowFault;
use crate::engine::logical::{Computed, Slot};
use crate::parts;
#[cfg(not(feature = "small"))]
use crate::storage::facade::LeafBatch;
use crate::storage::records::RecordRef;
use crate::value::Cell;

/// Rows kept: references to their records and the values computed for them.
#[derive(Default)]
pub(super) struct RowStore<'s> {
    len: usize,
    slots: Vec<(Slot, Records<'s>)>,
    /// The vectors of each batch, and the first row of each.
    computed: Vec<(Computed, Vec<Vector<'s>>)>,
    starts: Vec<usize>,
    /// The rows whose predicates had no result, ascending.
    faults: Vec<(u32, RowFault)>,
}

enum Records<'s> {
    Gathered(Vec<Option<RecordRef<'s>>>),
    Ranks(Vec<u128>),
    /// Rows of leaves: the number of a row's leaf, and its row there in [`ROW_BITS`].
    #[cfg(not(feature = "small"))]
    Leaves(Vec<LeafBatch<'s>>, Vec<u32>),
    /// By their numbers on a shelf; without numbers, each has that of its row.
    #[cfg(not(feature = "small"))]
    Picked {
        shelf: Arc<Shelf<'s>>,
        numbers: Option<Vec<u32>>,
        is_own: bool,
    },
}

/// Bits of a number that are the row in its leaf. Of a leaf with more rows, or of more leaves than the other bits can tell apart,
/// references are kept instead.
#[cfg(not(feature = "small"))]
const ROW_BITS: u32 = 12;

impl<'s> RowStore<'s> {
    /// How many rows are kept.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Keeps the rows left of a batch.
    pub(super) fn push(&mut self, batch: &Batch<'s>) {
        let selected = batch.selected();
        if self.starts.is_empty() {
            self.slots = batch
                .present()
                .map(|(slot, source)| {
                    (
                        slot,
                        match source {
                            Source::Ranks(_) => Records::Ranks(Vec::new()),
                            #[cfg(not(feature = "small"))]
                            Source::Picked(picked) => {
                                let (shelf, numbers) = (Arc::clone(&picked.shelf), Some(Vec::new()));
                                Records::Picked { shelf, numbers, is_own: false }
                            }
                            #[cfg(not(feature = "small"))]
                            Source::Leaf(_) | Source::Rows(..) => Records::Leaves(Vec::new(), Vec::new()),
                            _ => Records::Gathered(Vec::new()),
                        },
                    )
                })
                .collect();
            self.computed = batch.computed_values().map(|(computed, _)| (computed, Vec::new())).collect();
        }
        for (slot, records) in &mut self.slots {
            #[cfg(not(feature = "small"))]
            if records.is_by_number() {
                if records.push_numbers(batch.source(*slot), &selected) {
                    continue;
                }
                // From now on they come from elsewhere.
                *records = Records::Gathered((0..self.len as u32).map(|row| records.record(row)).collect());
            }
            match records {
                #[cfg(not(feature = "small"))]
                Records::Leaves(..) | Records::Picked { .. } => unreachable!("made references above"),
                Records::Gathered(records) => selected.for_each(|row| records.push(batch.record(*slot, row))),
                Records::Ranks(ranks) => {
                    selected.for_each(|row| {
                        ranks.push(batch.rank(*slot, row).expect("every batch of a scan has its ranks"))
                    });
                }
            }
        }
        for (computed, vectors) in &mut self.computed {
            vectors.push(super::batch::gather(batch.computed(*computed), &selected));
        }
        if batch.has_faults() {
            let faults = (0..selected.len())
                .filter_map(|at| Some(((self.len + at) as u32, batch.fault(selected.row(at))?.clone())));
            self.faults.extend(faults);
        }
        self.starts.push(self.len);
        self.len += selected.len();
    }

    /// About the bytes that this takes in memory.
    pub(super) fn size(&self) -> usize {
        let slots = self.slots.iter().map(|(_, records)| match records {
            Records::Gathered(records) => records.capacity() * size_of::<Option<RecordRef<'_>>>(),
            Records::Ranks(ranks) => ranks.capacity() * size_of::<u128>(),
            #[cfg(not(feature = "small"))]
            Records::Leaves(leaves, numbers) => {
                leaves.capacity() * size_of::<LeafBatch<'_>>() + numbers.capacity() * size_of::<u32>()
            }
            #[cfg(not(feature = "small"))]
            Records::Picked { shelf, numbers, is_own } => {
                let numbers = numbers.as_ref().map_or(0, |numbers| numbers.capacity() * size_of::<u32>());
                numbers + if *is_own { shelf.size() } else { 0 }
            }
        });
        // What is computed has a width of a few bytes, or is a text that is on its page.
        slots.sum::<usize>() + self.len * self.computed.len() * size_of::<&[u8]>()
    }

    /// The rank of a row's record in a slot.
    pub(super) fn rank(&self, slot: Slot, row: u32) -> Option<u128> {
        let (_, records) = self.slots.iter().find(|(of, _)| *of == slot)?;
        match records {
            Records::Gathered(records) => records[row as usize].map(|record| record.rank()),
            Records::Ranks(ranks) => Some(ranks[row as usize]),
            #[cfg(not(feature = "small"))]
            Records::Leaves(..) | Records::Picked { .. } => {
                self.record(slot, row).map(|record| record.rank())
            }
        }
    }

    /// A row's record in a slot.
    pub(super) fn record(&self, slot: Slot, row: u32) -> Option<RecordRef<'s>> {
        self.slots.iter().find(|(of, _)| *of == slot)?.1.record(row)
    }

    /// A value computed for a row.
    pub(super) fn cell(&self, computed: Computed, row: u32) -> Cell<'_> {
        let vectors = self.computed.iter().find(|(of, _)| *of == computed);
        let (vector, row) = self.part(&vectors.expect("the rows have it").1, row);
        vector.cell(row)
    }

    /// What the calculation of a value computed for a row ran into.
    pub(super) fn value_fault(&self, computed: Computed, row: u32) -> Option<&RowFault> {
        let vectors = self.computed.iter().find(|(of, _)| *of == computed);
        let (vector, row) = self.part(&vectors.expect("the rows have it").1, row);
        vector.fault(row)
    }

    /// The vector that has the value of a row, and where in it.
    fn part<'v>(&self, vectors: &'v [Vector<'s>], row: u32) -> (&'v Vector<'s>, usize) {
        let part = self.starts.partition_point(|start| *start <= row as usize) - 1;
        (&vectors[part], row as usize - self.starts[part])
    }

    /// What the predicates of a row ran into.
    pub(super) fn fault(&self, row: u32) -> Option<&RowFault> {
        if !parts::CALCULATION {
            return None;
        }
        let at = self.faults.binary_search_by_key(&row, |(row, _)| *row).ok()?;
        Some(&self.faults[at].1)
    }

    /// Puts the rows kept under these numbers into `batch`, in this order, beside what it has.
    pub(super) fn fill(&self, rows: &[u32], batch: &mut Batch<'s>) {
        for (slot, records) in &self.slots {
            let rows = rows.iter().map(|row| *row as usize);
            batch.set_source(
                *slot,
                match records {
                    Records::Gathered(records) => Source::Records(rows.map(|row| records[row]).collect()),
                    Records::Ranks(ranks) => Source::Ranks(rows.map(|row| ranks[row]).collect()),
                    #[cfg(not(feature = "small"))]
                    Records::Leaves(..) => {
                        Source::Records(rows.map(|row| records.record(row as u32)).collect())
                    }
                    #[cfg(not(feature = "small"))]
                    Records::Picked { .. } => records.at(rows.map(|row| row as u32).collect()),
                },
            );
        }
        for (computed, vectors) in &self.computed {
            let parts = rows.iter().map(|row| self.part(vectors, *row));
            batch.set_computed(*computed, Vector::collect(parts));
        }
        for (at, row) in rows.iter().enumerate() {
            if let Some(fault) = self.fault(*row) {
                batch.add_fault(at, fault);
            }
        }
    }
}

#[cfg(all(feature = "std", not(feature = "small")))]
impl<'s> RowStore<'s> {
    /// Keeps the rows of another behind its own. False, and nothing is changed, where that keeps its rows otherwise.
    pub(super) fn append(&mut self, other: RowStore<'s>) -> bool {
        if self.starts.is_empty() || other.starts.is_empty() {
            if !other.starts.is_empty() {
                *self = other;
            }
            return true;
        }
        let slots = self.slots.iter().zip(&other.slots);
        let computed = self.computed.iter().zip(&other.computed);
        let is_alike = self.slots.len() == other.slots.len()
            && self.computed.len() == other.computed.len()
            && slots.into_iter().all(|((slot, records), (of, others))| {
                // A record that is not at hand does not become one.
                slot == of && matches!(records, Records::Ranks(_)) == matches!(others, Records::Ranks(_))
            })
            && computed.into_iter().all(|((of, _), (other, _))| of == other);
        if !is_alike {
            return false;
        }
        let rows = self.len;
        for ((_, records), (_, others)) in self.slots.iter_mut().zip(other.slots) {
            records.append(rows, others, other.len);
        }
        for ((_, vectors), (_, others)) in self.computed.iter_mut().zip(other.computed) {
            vectors.extend(others);
        }
        self.starts.extend(other.starts.into_iter().map(|start| rows + start));
        self.faults.extend(other.faults.into_iter().map(|(row, fault)| (rows as u32 + row, fault)));
        self.len += other.len;
        true
    }
}

#[cfg(all(feature = "std", not(feature = "small")))]
impl<'s> Records<'s> {
    /// Keeps those of so many other rows behind its own, of which there are so many.
    fn append(&mut self, rows: usize, others: Records<'s>, other_rows: usize) {
        match (&mut *self, others) {
            (Records::Ranks(ranks), Records::Ranks(others)) => ranks.extend(others),
            (Records::Leaves(leaves, numbers), Records::Leaves(other_leaves, others))
                if leaves.len() + other_leaves.len() < 1 << (u32::BITS - ROW_BITS - 1) =>
            {
                let first = (leaves.len() as u32) << ROW_BITS;
                numbers.extend(others.into_iter().map(|number| first + number));
                leaves.extend(other_leaves);
            }
            (
                Records::Picked { shelf, numbers: Some(numbers), .. },
                Records::Picked { shelf: other, numbers: Some(others), .. },
            ) if Arc::ptr_eq(shelf, &other) => numbers.extend(others),
            (_, others) => {
                let mut all: Vec<_> = match core::mem::replace(self, Records::Ranks(Vec::new())) {
                    Records::Gathered(records) => records,
                    records => (0..rows as u32).map(|row| records.record(row)).collect(),
                };
                all.extend((0..other_rows as u32).map(|row| others.record(row)));
                *self = Records::Gathered(all);
            }
        }
    }
}

#[cfg(not(feature = "small"))]
impl<'s> RowStore<'s> {
    /// Makes it one that many rows refer to: no more are pushed.
    pub(super) fn shelve(&mut self) {
        for (_, records) in &mut self.slots {
            let (shelf, numbers) = match records {
                Records::Gathered(all) => (Shelf::gathered(core::mem::take(all)), None),
                Records::Leaves(leaves, numbers) => {
                    (Shelf::of_leaves(core::mem::take(leaves), ROW_BITS), Some(core::mem::take(numbers)))
                }
                Records::Ranks(_) | Records::Picked { .. } => continue,
            };
            *records = Records::Picked { shelf, numbers, is_own: true };
        }
        for (_, vectors) in self.computed.iter_mut().filter(|(_, vectors)| vectors.len() > 1) {
            *vectors = Vec::from([Vector::one_of(vectors)]);
        }
        if self.len > 0 {
            self.starts = Vec::from([0]);
        }
    }

    /// The bytes that the budget has been charged with for columns of its records.
    pub(super) fn charged(&self) -> usize {
        let of = |records: &Records<'s>| match records {
            Records::Picked { shelf, is_own: true, .. } => shelf.charged(),
            _ => 0,
        };
        self.slots.iter().map(|(_, records)| of(records)).sum()
    }

    /// Whether the predicates of some rows had no result.
    pub(super) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Whether each row has its records at hand, or none.
    pub(super) fn has_records(&self) -> bool {
        self.slots.iter().all(|(_, records)| !matches!(records, Records::Ranks(_)))
    }

    /// As [`fill`](RowStore::fill), of rows that [`NOTHING`] may be among: such have no record, and no value. Only when rows have been
    /// kept.
    pub(super) fn place(&self, rows: Vec<u32>, batch: &mut Batch<'s>) {
        for (computed, vectors) in &self.computed {
            batch.set_computed(*computed, vectors[0].pick(&rows));
        }
        if let Some((last, others)) = self.slots.split_last() {
            for (slot, records) in others {
                batch.set_source(*slot, records.at(rows.clone()));
            }
            batch.set_source(last.0, last.1.at(rows));
        }
    }
}

impl<'s> Records<'s> {
    /// The record of a row, if it is at hand.
    #[inline]
    fn record(&self, row: u32) -> Option<RecordRef<'s>> {
        match self {
            Records::Gathered(records) => records[row as usize],
            Records::Ranks(_) => None,
            #[cfg(not(feature = "small"))]
            Records::Leaves(leaves, numbers) => {
                let number = numbers[row as usize];
                let (leaf, row) = (number >> ROW_BITS, number & ((1 << ROW_BITS) - 1));
                Some(leaves[leaf as usize].record(row as usize))
            }
            #[cfg(not(feature = "small"))]
            Records::Picked { shelf, numbers, .. } => {
                shelf.record(numbers.as_ref().map_or(row, |numbers| numbers[row as usize]))
            }
        }
    }
}

#[cfg(not(feature = "small"))]
impl<'s> Records<'s> {
    fn is_by_number(&self) -> bool {
        matches!(self, Records::Leaves(..) | Records::Picked { .. })
    }

    /// Keeps rows of `source` by number, if they can be kept so.
    fn push_numbers(&mut self, source: &Source<'s>, selected: &Selected<'_>) -> bool {
        match (self, source) {
            (Records::Picked { shelf, numbers: Some(numbers), .. }, Source::Picked(picked))
                if Arc::ptr_eq(&picked.shelf, shelf) =>
            {
                selected.for_each(|row| numbers.push(picked.numbers[row]));
                true
            }
            (Records::Leaves(leaves, numbers), Source::Leaf(leaf) | Source::Rows(leaf, _))
                if leaf.len() <= 1 << ROW_BITS && leaves.len() < 1 << (u32::BITS - ROW_BITS - 1) =>
            {
                let first = (leaves.len() as u32) << ROW_BITS;
                match source {
                    Source::Rows(_, rows) => {
                        selected.for_each(|row| numbers.push(first | u32::from(rows[row])))
                    }
                    _ => selected.for_each(|row| numbers.push(first | row as u32)),
                }
                leaves.push(leaf.clone());
                true
            }
            _ => false,
        }
    }

    /// Those of rows, of which [`NOTHING`] has none, or any rank.
    fn at(&self, mut rows: Vec<u32>) -> Source<'s> {
        match self {
            Records::Ranks(ranks) => {
                let rank = |row: u32| ranks.get(row as usize).copied().unwrap_or_default();
                Source::Ranks(rows.into_iter().map(rank).collect())
            }
            Records::Picked { shelf, numbers, .. } => {
                if let Some(numbers) = numbers {
                    for row in rows.iter_mut().filter(|row| **row != NOTHING) {
                        *row = numbers[*row as usize];
                    }
                }
                Source::Picked(Picked { shelf: Arc::clone(shelf), numbers: rows })
            }
            Records::Gathered(_) | Records::Leaves(..) => unreachable!("such a store is shelved"),
        }
    }
}
