//! [`Shelf`]: records that many rows refer to by number, and the columns of them that were asked for.
//!
//! A reference to a record takes seven words, and what it leads to is a line of memory that no cache has. Rows of joins and of
//! lookups have the numbers of such records instead, four bytes each ([`Picked`]). A field of a fixed width that has been read
//! for as many rows as there are records is then read of all of them, in the order in which they lie, into a column; from there a
//! row takes it by its number.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::batch::Selected;
use super::budget::Charge;
use super::evaluate::{field_of_leaf, from_records};
use super::{Env, Vector};
use crate::engine::error::ExecError;
use crate::schema::Place;
use crate::storage::facade::LeafBatch;
use crate::storage::records::RecordRef;
use crate::sync::Mutex;

/// The number of no record.
pub(super) const NOTHING: u32 = u32::MAX;

/// Records, by number. Several threads may pick some.
pub(super) struct Shelf<'s> {
    records: Records<'s>,
    columns: Mutex<Columns<'s>>,
}

/// The fields that were asked for.
#[derive(Default)]
struct Columns<'s> {
    all: Vec<Column<'s>>,
    /// What they take of the budget.
    charge: Charge,
}

enum Records<'s> {
    /// References to them.
    Gathered(Vec<Option<RecordRef<'s>>>),
    /// Whole leaves: so many of the lower bits of a number are the row in its leaf.
    /// In columns those of a leaf begin at its place among `starts`.
    Leaves { leaves: Vec<LeafBatch<'s>>, starts: Vec<u32>, row_bits: u32 },
}

/// A field of the records.
struct Column<'s> {
    position: u16,
    /// For how many rows it was read.
    asked: usize,
    values: Option<Arc<Vector<'s>>>,
}

impl<'s> Shelf<'s> {
    /// Those of these references, by their places.
    pub(super) fn gathered(records: Vec<Option<RecordRef<'s>>>) -> Arc<Shelf<'s>> {
        Arc::new(Shelf::over(Records::Gathered(records)))
    }

    /// Those of these leaves: row `r` of leaf `n` has number `n << row_bits | r`.
    pub(super) fn of_leaves(leaves: Vec<LeafBatch<'s>>, row_bits: u32) -> Arc<Shelf<'s>> {
        let mut starts = Vec::with_capacity(leaves.len() + 1);
        starts.push(0);
        let mut rows = 0;
        starts.extend(leaves.iter().map(|leaf| {
            rows += leaf.len() as u32;
            rows
        }));
        let records = Records::Leaves { leaves, starts, row_bits };
        Arc::new(Shelf::over(records))
    }

    fn over(records: Records<'s>) -> Shelf<'s> {
        Shelf { records, columns: Mutex::default() }
    }

    /// The bytes that the budget has been charged with for columns: whoever has the shelf gives them back in the end.
    pub(super) fn charged(&self) -> usize {
        self.columns.lock().charge.bytes()
    }

    /// The record with a number.
    #[inline]
    pub(super) fn record(&self, number: u32) -> Option<RecordRef<'s>> {
        if number == NOTHING {
            return None;
        }
        match &self.records {
            Records::Gathered(records) => records[number as usize],
            Records::Leaves { leaves, row_bits, .. } => {
                let row = number & ((1 << row_bits) - 1);
                Some(leaves[(number >> row_bits) as usize].record(row as usize))
            }
        }
    }

    /// How many records there are.
    fn len(&self) -> usize {
        match &self.records {
            Records::Gathered(records) => records.len(),
            Records::Leaves { starts, .. } => starts.last().map_or(0, |rows| *rows as usize),
        }
    }

    /// The bytes that it takes in memory beside the leaves.
    pub(super) fn size(&self) -> usize {
        let records = match &self.records {
            Records::Gathered(records) => size_of_val(records.as_slice()),
            Records::Leaves { leaves, starts, .. } => {
                size_of_val(leaves.as_slice()) + size_of_val(starts.as_slice())
            }
        };
        records + self.charged()
    }

    /// A field of all records, if it was read for many rows; it is to be read for so many more.
    fn column(
        &self,
        env: &Env<'s>,
        position: u16,
        place: &Place,
        rows: usize,
    ) -> Result<Option<Arc<Vector<'s>>>, ExecError> {
        let Some(width) = place.ty.width() else { return Ok(None) };
        let mut columns = self.columns.lock();
        let Columns { all, charge } = &mut *columns;
        let known = all.iter().position(|column| column.position == position);
        let at = known.unwrap_or_else(|| {
            all.push(Column { position, asked: 0, values: None });
            all.len() - 1
        });
        let column = &mut all[at];
        if column.values.is_none() {
            column.asked = column.asked.saturating_add(rows);
            // In tests there are few records.
            let is_enough = column.asked >= self.len() / if cfg!(test) { 16 } else { 1 };
            if !is_enough || !env.budget.has_room(self.len() * (width + 1)) {
                return Ok(None);
            }
            let bytes = charge.bytes() + self.len() * (width + 1);
            env.budget.charge(charge, bytes);
            column.values = Some(Arc::new(self.read(place)?));
        }
        Ok(column.values.clone())
    }

    /// A field of all records.
    fn read(&self, place: &Place) -> Result<Vector<'s>, ExecError> {
        match &self.records {
            Records::Gathered(records) => {
                from_records(place, &Selected::Range(0..records.len()), |row| records[row])
            }
            Records::Leaves { leaves, .. } => {
                Vector::joined(place.ty, leaves.iter().map(|leaf| field_of_leaf(leaf, place)))
            }
        }
    }

    /// Makes numbers of records their places in columns.
    fn place_all(&self, numbers: &mut [u32]) {
        let Records::Leaves { starts, row_bits, .. } = &self.records else { return };
        let mask = (1 << row_bits) - 1;
        for number in numbers.iter_mut().filter(|number| **number != NOTHING) {
            *number = starts[(*number >> row_bits) as usize] + (*number & mask);
        }
    }
}

/// Some records of a shelf, row by row.
pub(super) struct Picked<'s> {
    pub(super) shelf: Arc<Shelf<'s>>,
    /// The number of each row's record.
    pub(super) numbers: Vec<u32>,
}

impl<'s> Picked<'s> {
    /// The record of a row.
    #[inline]
    pub(super) fn record(&self, row: usize) -> Option<RecordRef<'s>> {
        self.shelf.record(self.numbers[row])
    }

    /// Those of some rows.
    pub(super) fn gather(&self, selected: &Selected<'_>) -> Picked<'s> {
        Picked { shelf: Arc::clone(&self.shelf), numbers: self.numbers_of(selected) }
    }

    fn numbers_of(&self, selected: &Selected<'_>) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(selected.len());
        selected.for_each(|row| numbers.push(self.numbers[row]));
        numbers
    }

    /// A field of the records of some rows.
    pub(super) fn field(
        &self,
        env: &Env<'s>,
        position: u16,
        place: &Place,
        selected: &Selected<'_>,
    ) -> Result<Vector<'s>, ExecError> {
        if let Some(column) = self.shelf.column(env, position, place, selected.len())? {
            let mut places = self.numbers_of(selected);
            self.shelf.place_all(&mut places);
            return Ok(column.pick(&places));
        }
        from_records(place, selected, |row| self.record(row))
    }
}
