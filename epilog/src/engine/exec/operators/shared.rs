//! Rows that are values, calculated by whichever of those that share them is asked first.
//!
//! Where a budget was asked for, and they are more than may be kept, they are not: each of those that share them then calculates
//! them for itself. So it is in any case where nobody has said that they are common.

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

/// What nobody has called common is kept up to so many bytes where there is no budget.
const UNBOUNDED_MAX: usize = if cfg!(test) { 64 << 10 } else { 64 << 20 };

/// Gives the values of its input's rows.
pub(super) struct Shared<'s> {
    input: Box<dyn Operator<'s> + 's>,
    /// Under which they are kept for others.
    number: Option<u16>,
    /// Whether they are kept only as long as they are few.
    found: bool,
    columns: Vec<KeyTerm>,
    /// The rows that are kept, and how many batches of them were given.
    table: Option<Table<'s>>,
    given: usize,
    /// Those it has read before they were too many, the last first.
    begun: Vec<Values<'s>>,
    /// The bytes of these.
    left: usize,
    /// How many rows are expected of it, as far as it was told.
    wanted: Option<usize>,
    /// What is kept by it, and how much that was at most.
    charge: Charge,
    size: usize,
}

impl<'s> Shared<'s> {
    pub(super) fn new(
        input: Box<dyn Operator<'s> + 's>,
        number: Option<u16>,
        found: bool,
        columns: Vec<KeyTerm>,
    ) -> Shared<'s> {
        Shared {
            input,
            number,
            found,
            columns,
            table: None,
            given: 0,
            begun: Vec::new(),
            left: 0,
            wanted: None,
            charge: Charge::default(),
            size: 0,
        }
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

    /// Reads all rows, and keeps them for others under `number`; `false` if they are too many.
    fn keep(&mut self, env: &Env<'s>, batch: &mut Batch<'s>, number: u16) -> Result<bool, ExecError> {
        // What others read as well is read to its end.
        self.input.expect(usize::MAX);
        let mut all = Vec::new();
        let mut size = 0;
        while let Some(values) = self.read(env, batch)? {
            size += values.size();
            all.push(values);
            self.size = size;
            let is_much = env.budget.charge(&mut self.charge, size);
            let is_beyond = env.budget.bytes().is_none() && size > UNBOUNDED_MAX;
            let may_end = self.found || env.budget.is_given();
            if (is_much && may_end) || (self.found && is_beyond) || env.budget.is_none() {
                env.tables.give_up(number);
                all.reverse();
                (self.begun, self.left) = (all, size);
                return Ok(false);
            }
        }
        let table = Arc::new(all);
        env.tables.put(number, Arc::clone(&table));
        self.table = Some(table);
        Ok(true)
    }

    /// The next rows, calculated for this asker alone.
    fn own(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let values = match self.begun.pop() {
            Some(values) => {
                env.check()?;
                self.left -= values.size();
                env.budget.charge(&mut self.charge, self.left);
                values
            }
            None => match self.read(env, batch)? {
                Some(values) => values,
                None => return Ok(false),
            },
        };
        values.fill(batch, self.columns.iter().map(|column| column.output));
        Ok(true)
    }
}

impl<'s> Operator<'s> for Shared<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let Some(number) = self.number else { return self.own(env, batch) };
        env.check()?;
        if self.table.is_none() {
            self.table = env.tables.get(number);
        }
        if self.table.is_none() && (env.tables.is_given_up(number) || !self.keep(env, batch, number)?) {
            // The others do so as well.
            self.number = None;
            if let Some(rows) = self.wanted {
                self.input.expect(rows);
            }
            return self.own(env, batch);
        }
        let Some(values) = self.table.as_ref().and_then(|table| table.get(self.given)) else {
            return Ok(false);
        };
        self.given += 1;
        values.fill(batch, self.columns.iter().map(|column| column.output));
        Ok(true)
    }

    fn expect(&mut self, rows: usize) {
        self.wanted = Some(rows);
        if self.number.is_none() {
            self.input.expect(rows);
        }
    }

    fn footprint(&self) -> Footprint {
        Footprint::in_memory(self.size)
    }
}
