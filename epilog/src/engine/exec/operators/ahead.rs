//! [`Ahead`]: the rows of one side are read before the table of the other is made, which then has what they are linked by alone.
//!
//! Rows are references to records on pages, and kept as they come, up to so many; beyond, and where a few are wanted, they pass, and
//! nothing is known of them. Of a budget that was asked for they take an eighth.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Operator;
#[cfg(feature = "std")]
use super::Sharing;
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::batch::Batch;
use crate::engine::exec::budget::Charge;
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::meter::Footprint;
use crate::engine::exec::sieve::{Gathering, Known};
use crate::engine::logical::Expr;
use crate::engine::physical;

/// No more rows are read ahead.
const ROWS_MAX: usize = if cfg!(test) { 2000 } else { 1 << 17 };

pub(super) fn build<'s>(env: &Env<'s>, ahead: physical::Ahead) -> Box<dyn Operator<'s> + 's> {
    let known = env.sieves.get(ahead.number);
    let input = super::build_gathered(env, *ahead.input);
    let (read, charge) = (Vec::new().into_iter(), Charge::default());
    Box::new(Ahead { input, by: ahead.by, known, read, has_begun: false, wants_all: true, size: 0, charge })
}

/// Gives its rows when they have all been read.
struct Ahead<'s> {
    input: Box<dyn Operator<'s> + 's>,
    by: Vec<Expr>,
    known: Known,
    /// Those read that are next.
    read: alloc::vec::IntoIter<Batch<'s>>,
    has_begun: bool,
    wants_all: bool,
    /// The bytes that they took.
    size: usize,
    charge: Charge,
}

impl<'s> Ahead<'s> {
    /// Reads rows, and tells what they are linked by if they are all.
    fn begin(&mut self, env: &Env<'s>) -> Result<(), ExecError> {
        let (mut read, mut keys, mut rows) = (Vec::new(), Gathering::default(), 0);
        let is_all = loop {
            let mut batch = Batch::new(env.collections.len(), env.computed.len());
            if !self.input.next(env, &mut batch)? {
                break true;
            }
            batch.loosen();
            let mut values = Vec::with_capacity(self.by.len());
            for by in &self.by {
                values.push(evaluate(env, by, &batch)?);
            }
            keys.take(&values.iter().collect::<Vec<_>>());
            rows += batch.count();
            self.size += batch.size();
            read.push(batch);
            let size = self.size + keys.size();
            env.budget.charge(&mut self.charge, size);
            // Most of what was asked for is left to tables.
            let is_much = env.budget.is_given() && env.budget.bytes().is_some_and(|bytes| size > bytes / 8);
            if rows > ROWS_MAX || is_much {
                break false;
            }
        };
        self.read = read.into_iter();
        if is_all && let Some(keys) = keys.finish() {
            self.known.set(keys);
        }
        Ok(())
    }
}

impl<'s> Operator<'s> for Ahead<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        if self.wants_all && !self.has_begun {
            self.begin(env)?;
        }
        self.has_begun = true;
        match self.read.next() {
            Some(next) => *batch = next,
            None => {
                env.budget.charge(&mut self.charge, 0);
                return self.input.next(env, batch);
            }
        }
        Ok(true)
    }

    fn expect(&mut self, rows: usize) {
        self.wants_all = rows == usize::MAX;
        self.input.expect(rows);
    }

    fn footprint(&self) -> Footprint {
        Footprint::in_memory(self.size)
    }

    #[cfg(feature = "std")]
    fn share(&mut self, env: &Env<'s>, sharing: &mut Sharing<'s>) -> Result<(), ExecError> {
        self.input.share(env, sharing)
    }
}
