//! Limits.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Kept, Reach};
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::batch::Batch;
use crate::engine::logical::Window;
use crate::engine::physical::{Operator, PhysicalNode};

/// A window of the rows of its input, which is read no further.
pub(super) struct Limit<'s> {
    input: Box<dyn super::Operator<'s> + 's>,
    skip: usize,
    take: usize,
}

impl<'s> Limit<'s> {
    pub(super) fn new(mut input: Box<dyn super::Operator<'s> + 's>, window: Window) -> Limit<'s> {
        let bounded = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let (skip, take) = (bounded(window.skip), window.take.map_or(usize::MAX, bounded));
        if take != usize::MAX {
            input.expect(skip.saturating_add(take));
        }
        Limit { input, skip, take }
    }
}

impl<'s> super::Operator<'s> for Limit<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        #[cfg(not(feature = "small"))]
        if self.take > 0 && self.skip > 0 {
            let passed = self.input.skip(env, self.skip)?;
            self.skip -= passed;
            if passed > 0 {
                self.expect(usize::MAX);
            }
        }
        while self.take > 0 && self.input.next(env, batch)? {
            // Whether a row with a fault counts cannot be told, nor then where the window is: an error even among those
            // skipped. Behind an offset alone it stays what it is.
            let counted = if self.take == usize::MAX { 0 } else { self.take };
            batch.raise(self.skip.saturating_add(counted))?;
            let before = batch.count();
            batch.window(self.skip, self.take);
            self.skip -= self.skip.min(before);
            if batch.count() > 0 {
                if self.take != usize::MAX {
                    self.take -= batch.count();
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn expect(&mut self, rows: usize) {
        self.input.expect(self.skip.saturating_add(rows.min(self.take)));
    }

    fn resume(&mut self, reach: Reach, kept: &mut Vec<Kept>) {
        self.input.resume(reach, kept);
    }

    fn is_paused(&self) -> bool {
        self.take > 0 && self.input.is_paused()
    }

    fn remaining(&mut self, node: &mut PhysicalNode, kept: &mut Vec<Kept>) -> Result<bool, ExecError> {
        let Operator::Limit { input, window } = &mut node.operator else { return Ok(false) };
        window.skip = self.skip as u64;
        window.take = window.take.map(|_| self.take as u64);
        if self.take == 0 {
            return Ok(false);
        }
        self.input.remaining(input, kept)
    }
}
