//! Rows, and those that they lead to: in rounds, each of which begins with what the one before found.
//!
//! Rows come out as they are found, in the order of the rounds. Those that are known are in a hash table of what tells them
//! apart, so that a cycle ends where it closes. The step's operators are made anew for each round, and what they keep is
//! made again: tables of hash joins are, but for rows that are shared.

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
use crate::engine::exec::table::KeyTable;
use crate::engine::logical::{Computed, SetColumn};
use crate::engine::physical::PhysicalNode;
use crate::engine::planted::{self, Bug};
use crate::parts::InWhole;

/// Gives the rows of its input, and those that the step makes of them and of these.
pub(super) struct Recursive<'s> {
    /// What gives rows in this round: the input, then the step.
    source: Box<dyn Operator<'s> + 's>,
    step: PhysicalNode,
    number: u16,
    columns: InWhole<Vec<SetColumn>>,
    identity: usize,
    /// How many rounds there may yet be.
    rounds: u64,
    /// Whether the source is the input.
    is_first: bool,
    known: KeyTable,
    /// The rows that this round has found.
    found: Vec<Values<'s>>,
    charge: Charge,
    /// What the operators of a round keep, beside that.
    of_round: usize,
    ended: bool,
}

impl<'s> Recursive<'s> {
    pub(super) fn new(
        input: Box<dyn Operator<'s> + 's>,
        step: PhysicalNode,
        number: u16,
        columns: InWhole<Vec<SetColumn>>,
        identity: usize,
        rounds: u64,
    ) -> Recursive<'s> {
        Recursive {
            source: input,
            step,
            number,
            columns,
            identity,
            rounds,
            is_first: true,
            known: KeyTable::default(),
            found: Vec::new(),
            charge: Charge::default(),
            of_round: 0,
            ended: false,
        }
    }

    /// Makes `batch` those of its rows that are new; whether there are any.
    fn take_new(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        // Whether a row is new, it must be known what it is.
        let side =
            |column: &'_ SetColumn| if self.is_first { column.left.clone() } else { column.right.clone() };
        let sides: Vec<_> = self.columns.iter().map(side).collect();
        let values = Values::of(env, batch, sides.iter())?;
        values.raise()?;
        let outputs = || self.columns.iter().map(|column| column.output);
        values.fill(batch, outputs());
        let mut is_new = Vec::with_capacity(values.len());
        let mut key = Vec::new();
        for row in 0..values.len() {
            key.clear();
            (0..self.identity).for_each(|column| values.column(column).append_key(row, &mut key));
            let before = self.known.len();
            is_new.push(self.known.intern(&key) == before);
        }
        batch.retain(|at, _| is_new[at]);
        if batch.count() == 0 {
            return Ok(false);
        }
        self.found.push(Values::computed(batch, outputs()));
        // What a round has found is little beside all that is known.
        env.budget.keep(&mut self.charge, self.known.size(), "recursion")?;
        Ok(true)
    }
}

impl<'s> Operator<'s> for Recursive<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        while !self.ended {
            env.check()?;
            let before = env.budget.used();
            let has_more = self.source.next(env, batch)?;
            self.of_round = (self.of_round + env.budget.used()).saturating_sub(before);
            if has_more {
                if batch.count() > 0 && self.take_new(env, batch)? {
                    return Ok(true);
                }
                continue;
            }
            if self.found.is_empty() || self.rounds == 0 {
                self.ended = true;
                continue;
            }
            self.rounds -= 1;
            self.is_first = false;
            let mut found = core::mem::take(&mut self.found);
            if planted::is(Bug::RoundForgetsRows) {
                found.pop();
            }
            env.tables.put(self.number, Arc::new(found));
            env.budget.forget(core::mem::take(&mut self.of_round));
            self.source = super::build(env, self.step.clone());
        }
        Ok(false)
    }

    fn expect(&mut self, _rows: usize) {}

    fn footprint(&self) -> Footprint {
        let found = self.found.iter().map(Values::size).sum::<usize>();
        Footprint::in_memory(self.known.size() + found)
    }
}

/// Gives the rows that the last round found.
pub(super) struct Previous<'s> {
    number: u16,
    columns: InWhole<Vec<Computed>>,
    table: Option<Table<'s>>,
    given: usize,
}

impl Previous<'_> {
    pub(super) fn new(number: u16, columns: InWhole<Vec<Computed>>) -> Self {
        Previous { number, columns, table: None, given: 0 }
    }
}

impl<'s> Operator<'s> for Previous<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        if self.table.is_none() {
            self.table = env.tables.get(self.number);
        }
        let table = self.table.as_ref().expect("a round begins with rows");
        let Some(values) = table.get(self.given) else { return Ok(false) };
        self.given += 1;
        values.fill(batch, self.columns.iter().copied());
        Ok(true)
    }

    fn expect(&mut self, _rows: usize) {}
}
