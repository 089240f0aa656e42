//! [`Gathered`]: few rows of many batches put together, before what costs something for each batch.
//!
//! A filter leaves a row or two of most leaves. What comes next would look for the records that belong to those, sort their ranks
//! and make its vectors for them alone; of a thousand together it costs a fraction of that for each, and the ranks
//! of neighbours lie on one page. Batches that have enough rows go through as they are.
//!
//! Rows keep their order, and are only held back where all of them are wanted: until [`expect`](Operator::expect) has said so, every
//! batch goes through.

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(feature = "std")]
use super::Sharing;
use super::{Kept, Operator, Reach};
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
use crate::engine::exec::meter::Footprint;
use crate::engine::exec::store::RowStore;
use crate::engine::physical::{Answer, Operator as P, PhysicalNode};

/// A batch with so many rows goes through by itself. A leaf of long records has some seventy: where most are left, it must.
const ENOUGH: usize = if cfg!(test) { 4 } else { GATHERED_MAX / 32 };

/// Gives what `input` does, few rows put together.
pub(super) fn over<'s>(env: &Env<'s>, input: Box<dyn Operator<'s> + 's>) -> Box<dyn Operator<'s> + 's> {
    Box::new(Gathered {
        input,
        rows: RowStore::default(),
        held: Batch::new(env.collections.len(), env.computed.len()),
        is_held: false,
        is_ended: false,
        rows_max: GATHERED_MAX,
        wants_all: false,
    })
}

/// Whether a node gives batches of which most rows may be missing.
pub(super) fn drops_rows(node: &PhysicalNode) -> bool {
    match &node.operator {
        P::Filter { .. } | P::Among(_) | P::Sieve(_) | P::Join(_) => true,
        P::Subquery(subquery) => {
            matches!(subquery.answer, Answer::Semi | Answer::Anti) || drops_rows(&subquery.input)
        }
        P::Metered(metered) => drops_rows(&metered.input),
        _ => false,
    }
}

/// Puts few rows of many batches together.
struct Gathered<'s> {
    input: Box<dyn Operator<'s> + 's>,
    /// What has been put together so far.
    rows: RowStore<'s>,
    /// A batch that comes after those rows.
    held: Batch<'s>,
    is_held: bool,
    /// Whether the input has no more rows, now or for this operation.
    is_ended: bool,
    /// How many rows a batch has at most that was put together.
    rows_max: usize,
    /// Whether all rows are wanted, so that none is read in vain.
    wants_all: bool,
}

impl<'s> Gathered<'s> {
    /// Makes `batch` the rows put together.
    fn give(&mut self, batch: &mut Batch<'s>) {
        let rows = core::mem::take(&mut self.rows);
        batch.reset(rows.len());
        let numbers: Vec<u32> = (0..rows.len() as u32).collect();
        rows.fill(&numbers, batch);
    }
}

impl<'s> Operator<'s> for Gathered<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        if self.is_held {
            self.is_held = false;
            core::mem::swap(batch, &mut self.held);
            return Ok(true);
        }
        while !self.is_ended {
            if !self.input.next(env, batch)? {
                self.is_ended = true;
                break;
            }
            let count = batch.count();
            if count == 0 {
                continue;
            }
            let is_enough = !self.wants_all || count >= ENOUGH.min(self.rows_max);
            if self.rows.len() == 0 && is_enough {
                return Ok(true);
            }
            if is_enough || self.rows.len() + count > self.rows_max {
                core::mem::swap(batch, &mut self.held);
                self.is_held = true;
                self.give(batch);
                return Ok(true);
            }
            self.rows.push(batch);
        }
        if self.rows.len() == 0 {
            return Ok(false);
        }
        self.give(batch);
        Ok(true)
    }

    fn expect(&mut self, rows: usize) {
        self.wants_all = rows == usize::MAX;
        self.input.expect(rows);
    }

    fn resume(&mut self, reach: Reach, kept: &mut Vec<Kept>) {
        self.rows_max = reach.rows.clamp(1, GATHERED_MAX);
        self.input.resume(reach, kept);
    }

    fn is_paused(&self) -> bool {
        self.input.is_paused()
    }

    fn remaining(&mut self, node: &mut PhysicalNode, kept: &mut Vec<Kept>) -> Result<bool, ExecError> {
        self.input.remaining(node, kept)
    }

    fn footprint(&self) -> Footprint {
        self.input.footprint()
    }

    #[cfg(feature = "std")]
    fn share(&mut self, env: &Env<'s>, sharing: &mut Sharing<'s>) -> Result<(), ExecError> {
        self.input.share(env, sharing)
    }
}
