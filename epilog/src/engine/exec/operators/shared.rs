//! Rows that are values, calculated by whichever of those that share them is asked first.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Operator;
use super::values::{Table, Values};
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::batch::Batch;
use crate::engine::exec::budget::Charge;
use crate::engine::exec::meter::Footprint;
use crate::engine::logical::KeyTerm;

/// Gives the values of its input's rows.
pub(super) struct Shared<'s> {
    input: Box<dyn Operator<'s> + 's>,
    /// Under which they are kept for others.
    number: Option<u16>,
    columns: Vec<KeyTerm>,
    /// The rows that are kept, and how many batches of them were given.
    table: Option<Table<'s>>,
    given: usize,
    /// Whether it was the one that calculated them.
    size: usize,
}

impl<'s> Shared<'s> {
    pub(super) fn new(
        input: Box<dyn Operator<'s> + 's>,
        number: Option<u16>,
        columns: Vec<KeyTerm>,
    ) -> Shared<'s> {
        Shared { input, number, columns, table: None, given: 0, size: 0 }
    }

    /// The values of the next rows of the input.
    fn read(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<Option<Values<'s>>, ExecError> {
        while self.input.next(env, batch)? {
            if batch.count() > 0 {
                let columns = self.columns.iter().map(|column| &column.expr);
                return Values::of(env, batch, columns).map(Some);
            }
        }
        Ok(None)
    }
}

impl<'s> Operator<'s> for Shared<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let Some(number) = self.number else {
            let Some(values) = self.read(env, batch)? else { return Ok(false) };
            values.fill(batch, self.columns.iter().map(|column| column.output));
            return Ok(true);
        };
        env.check()?;
        let table = match &self.table {
            Some(table) => table,
            None => {
                let table = match env.tables.get(number) {
                    Some(table) => table,
                    None => {
                        let mut all = Vec::new();
                        let mut charge = Charge::default();
                        while let Some(values) = self.read(env, batch)? {
                            self.size += values.size();
                            env.budget.keep(&mut charge, self.size, "common")?;
                            all.push(values);
                        }
                        let table = Arc::new(all);
                        env.tables.put(number, Arc::clone(&table));
                        table
                    }
                };
                self.table.insert(table)
            }
        };
        let Some(values) = table.get(self.given) else { return Ok(false) };
        self.given += 1;
        values.fill(batch, self.columns.iter().map(|column| column.output));
        Ok(true)
    }

    fn expect(&mut self, rows: usize) {
        // What others read as well is read to its end.
        if self.number.is_none() {
            self.input.expect(rows);
        }
    }

    fn footprint(&self) -> Footprint {
        Footprint::in_memory(self.size)
    }
}
