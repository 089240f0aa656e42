//! [`RowStore`]: rows kept after their batch, by an operator that needs all of them.

use alloc::vec::Vec;

use super::Vector;
use super::batch::{Batch, Source};
use crate::engine::error::RowFault;
use crate::engine::logical::{Computed, Slot};
use crate::parts;
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
    Records(Vec<Option<RecordRef<'s>>>),
    Ranks(Vec<u128>),
}

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
                            _ => Records::Records(Vec::new()),
                        },
                    )
                })
                .collect();
            self.computed = batch.computed_values().map(|(computed, _)| (computed, Vec::new())).collect();
        }
        for (slot, records) in &mut self.slots {
            match records {
                Records::Records(records) => selected.for_each(|row| records.push(batch.record(*slot, row))),
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
            Records::Records(records) => records.capacity() * size_of::<Option<RecordRef<'_>>>(),
            Records::Ranks(ranks) => ranks.capacity() * size_of::<u128>(),
        });
        // What is computed has a width of a few bytes, or is a text that is on its page.
        slots.sum::<usize>() + self.len * self.computed.len() * size_of::<&[u8]>()
    }

    /// The rank of a row's record in a slot.
    pub(super) fn rank(&self, slot: Slot, row: u32) -> Option<u128> {
        let (_, records) = self.slots.iter().find(|(of, _)| *of == slot)?;
        match records {
            Records::Records(records) => records[row as usize].map(|record| record.rank()),
            Records::Ranks(ranks) => Some(ranks[row as usize]),
        }
    }

    /// A row's record in a slot.
    pub(super) fn record(&self, slot: Slot, row: u32) -> Option<RecordRef<'s>> {
        match self.slots.iter().find(|(of, _)| *of == slot)? {
            (_, Records::Records(records)) => records[row as usize],
            (_, Records::Ranks(_)) => None,
        }
    }

    /// A value computed for a row.
    pub(super) fn cell(&self, computed: Computed, row: u32) -> Cell<'_> {
        let vectors = self.computed.iter().find(|(of, _)| *of == computed);
        let (vector, row) = self.part(&vectors.expect("the rows have it").1, row);
        vector.cell(row)
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
                    Records::Records(records) => Source::Records(rows.map(|row| records[row]).collect()),
                    Records::Ranks(ranks) => Source::Ranks(rows.map(|row| ranks[row]).collect()),
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
