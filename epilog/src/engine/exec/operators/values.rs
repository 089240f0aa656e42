//! Rows that are values, kept for operators that read them more than once.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::RefCell;

use crate::engine::error::{ExecError, RowFault};
use crate::engine::exec::batch::{Batch, gather};
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{Computed, Expr};

/// The rows of one batch.
#[derive(Clone, Default)]
pub(super) struct Values<'s> {
    len: usize,
    columns: Vec<Vector<'s>>,
    /// The rows whose predicates had no result.
    faults: Vec<(usize, RowFault)>,
}

impl<'s> Values<'s> {
    /// The values of the rows left of a batch. A value without a result is kept with its row.
    pub(super) fn of<'e>(
        env: &Env<'s>,
        batch: &mut Batch<'s>,
        columns: impl Iterator<Item = &'e Expr>,
    ) -> Result<Values<'s>, ExecError> {
        batch.compact();
        let len = batch.count();
        let columns = columns.map(|column| evaluate(env, column, batch)).collect::<Result<_, _>>()?;
        let faults = match batch.has_faults() {
            true => (0..len).filter_map(|row| Some((row, batch.fault(row)?.clone()))).collect(),
            false => Vec::new(),
        };
        Ok(Values { len, columns, faults })
    }

    /// The values that were computed for the rows left of a batch, which have no faults.
    pub(super) fn computed(batch: &Batch<'s>, outputs: impl Iterator<Item = Computed>) -> Values<'s> {
        let selected = batch.selected();
        let columns = outputs.map(|output| gather(batch.computed(output), &selected)).collect();
        Values { len: selected.len(), columns, faults: Vec::new() }
    }

    /// How many rows they are of.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// One value of each row.
    pub(super) fn column(&self, number: usize) -> &Vector<'s> {
        &self.columns[number]
    }

    /// Fails if a row, or a value of one, has a fault.
    pub(super) fn raise(&self) -> Result<(), ExecError> {
        let of_rows = self.faults.iter().map(|(_, fault)| fault);
        let of_values = self.columns.iter().flat_map(|values| values.faults().iter().map(|(_, fault)| fault));
        match of_rows.chain(of_values).next() {
            Some(fault) => Err(ExecError::Arithmetic(fault.itself())),
            None => Ok(()),
        }
    }

    /// Makes `batch` these rows, their values under the numbers given.
    pub(super) fn fill(&self, batch: &mut Batch<'s>, outputs: impl Iterator<Item = Computed>) {
        batch.reset(self.len);
        for (row, fault) in &self.faults {
            batch.add_fault(*row, fault);
        }
        for (output, values) in outputs.zip(&self.columns) {
            batch.set_computed(output, values.clone());
        }
    }

    /// About the bytes that they take in memory.
    pub(super) fn size(&self) -> usize {
        let width = |values: &Vector<'_>| values.ty().width().unwrap_or(size_of::<&[u8]>());
        self.columns.iter().map(|values| width(values) * self.len).sum()
    }
}

/// Rows, batch by batch.
pub(super) type Table<'s> = Arc<Vec<Values<'s>>>;

/// The tables of a plan, by number, and the numbers of those that are too much to be kept.
#[derive(Default)]
pub(in crate::engine::exec) struct Tables<'s>(RefCell<Vec<(u16, Table<'s>)>>, RefCell<Vec<u16>>);

impl<'s> Tables<'s> {
    /// The rows under a number, if they are there yet.
    pub(super) fn get(&self, number: u16) -> Option<Table<'s>> {
        let tables = self.0.borrow();
        tables.iter().find(|(of, _)| *of == number).map(|(_, table)| Arc::clone(table))
    }

    /// Notes that the rows under a number are too many to be kept.
    pub(super) fn give_up(&self, number: u16) {
        self.1.borrow_mut().push(number);
    }

    /// Whether the rows under a number are too many to be kept.
    pub(super) fn is_given_up(&self, number: u16) -> bool {
        self.1.borrow().contains(&number)
    }

    /// How many there are.
    #[cfg(not(feature = "small"))]
    pub(in crate::engine::exec) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Puts rows under a number, in place of others.
    pub(super) fn put(&self, number: u16, table: Table<'s>) {
        let mut tables = self.0.borrow_mut();
        match tables.iter_mut().find(|(of, _)| *of == number) {
            Some((_, known)) => *known = table,
            None => tables.push((number, table)),
        }
    }
}
