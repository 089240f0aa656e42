//! Operators and stages that measure another: see [`Meters`](crate::engine::exec::meter::Meters).

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(feature = "std")]
use super::Sharing;
use super::{Kept, Operator, Reach, Stage};
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::batch::Batch;
use crate::engine::exec::meter::Footprint;
use crate::engine::physical::{self, PhysicalNode};

/// Gives what its input gives, and measures it.
pub(super) struct Metered<'s> {
    pub(super) input: Box<dyn Operator<'s> + 's>,
    pub(super) meter: usize,
}

impl<'s> Operator<'s> for Metered<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let begun = env.view.now_ns();
        let any = self.input.next(env, batch)?;
        let elapsed = env.view.now_ns().saturating_sub(begun);
        let rows = if any { batch.count() } else { 0 };
        env.run.measure(self.meter, rows, elapsed, self.input.footprint());
        #[cfg(feature = "std")]
        if self.input.threads() > 1 {
            env.run.measure_threads(self.meter, self.input.threads());
        }
        Ok(any)
    }

    fn expect(&mut self, rows: usize) {
        self.input.expect(rows);
    }

    fn skip(&mut self, env: &Env<'s>, rows: usize) -> Result<usize, ExecError> {
        self.input.skip(env, rows)
    }

    fn resume(&mut self, reach: Reach, kept: &mut Vec<Kept>) {
        self.input.resume(reach, kept);
    }

    fn is_paused(&self) -> bool {
        self.input.is_paused()
    }

    fn remaining(&mut self, node: &mut PhysicalNode, kept: &mut Vec<Kept>) -> Result<bool, ExecError> {
        match &mut node.operator {
            physical::Operator::Metered(metered) => self.input.remaining(&mut metered.input, kept),
            _ => Ok(false),
        }
    }

    fn footprint(&self) -> Footprint {
        self.input.footprint()
    }

    #[cfg(feature = "std")]
    fn share(&mut self, env: &Env<'s>, sharing: &mut Sharing<'s>) -> Result<(), ExecError> {
        self.input.share(env, sharing)
    }

    #[cfg(feature = "std")]
    fn threads(&self) -> usize {
        self.input.threads()
    }
}

/// Does what a stage over pairs does, and measures it.
pub(super) struct MeteredStage<'s> {
    pub(super) stage: Box<dyn Stage<'s> + 's>,
    pub(super) meter: usize,
}

impl<'s> Stage<'s> for MeteredStage<'s> {
    fn apply(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError> {
        let begun = env.view.now_ns();
        self.stage.apply(env, batch)?;
        let elapsed = env.view.now_ns().saturating_sub(begun);
        env.run.measure(self.meter, batch.count(), elapsed, self.stage.footprint());
        Ok(())
    }

    fn footprint(&self) -> Footprint {
        self.stage.footprint()
    }

    #[cfg(feature = "std")]
    fn share(&mut self, env: &Env<'s>, sharing: &mut Sharing<'s>) -> Result<(), ExecError> {
        self.stage.share(env, sharing)
    }
}
