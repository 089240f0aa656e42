//! Rows that point at a record of some: those are marked first, and then no row costs more than a look at a bit.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

#[cfg(feature = "std")]
use super::Sharing;
use super::{Kept, Operator, Reach};
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::batch::Batch;
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::marks::Marks;
use crate::engine::exec::meter::Footprint;
use crate::engine::logical::{Expr, Slot};
use crate::engine::physical::{self, PhysicalNode};
use crate::engine::planted::{self, Bug};
use crate::value::{is_signed_cell, key};

pub(super) fn build<'s>(env: &Env<'s>, among: physical::Among) -> Box<dyn Operator<'s> + 's> {
    let physical::Among { input, from, position, by, source, slot, .. } = among;
    Box::new(Among {
        input: super::build(env, *input),
        pointer: by.map_or_else(|| env.pointer(from, position), |value| env.value(value)),
        source: super::build_whole(env, *source),
        slot,
        marks: None,
    })
}

/// Keeps the rows that point at a record of another source.
struct Among<'s> {
    input: Box<dyn Operator<'s> + 's>,
    pointer: Expr,
    source: Box<dyn Operator<'s> + 's>,
    slot: Slot,
    /// Which records those are, when the source has been read.
    marks: Option<Arc<Marks>>,
}

impl<'s> Among<'s> {
    /// Reads the source.
    fn mark(&mut self, env: &Env<'s>) -> Result<Marks, ExecError> {
        let mut ranks = Vec::new();
        self.source.expect(usize::MAX);
        let mut batch = Batch::new(env.collections.len(), env.computed.len());
        while self.source.next(env, &mut batch)? {
            batch.selected().for_each(|row| ranks.extend(batch.rank(self.slot, row)));
        }
        if planted::is(Bug::MarkForgotten) {
            ranks.pop();
        }
        Ok(Marks::of(&ranks))
    }
}

impl<'s> Operator<'s> for Among<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        while self.input.next(env, batch)? {
            if batch.count() == 0 {
                continue;
            }
            if self.marks.is_none() {
                self.marks = Some(Arc::new(self.mark(env)?));
            }
            let marks = self.marks.as_ref().expect("marked above");
            let pointers = evaluate(env, &self.pointer, batch)?;
            let ty = pointers.ty();
            match marks.bits() {
                Some((low, bits)) if ty.width() == Some(8) && !is_signed_cell(ty) => {
                    let cells = pointers.strided();
                    batch.retain(|at, _| {
                        let place = cells.word(at, true).wrapping_sub(low);
                        let word = usize::try_from(place / 64).ok().and_then(|at| bits.get(at));
                        word.is_some_and(|word| word & (1 << (place % 64)) != 0) && !pointers.is_null(at)
                    });
                }
                _ => batch.retain(|at, _| {
                    pointers.cell(at).is_some_and(|cell| marks.contains(key::rank(ty, cell)))
                }),
            }
            if batch.count() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How many rows it takes to find one is not known.
    fn expect(&mut self, rows: usize) {
        self.input.expect(rows);
    }

    fn resume(&mut self, reach: Reach, kept: &mut Vec<Kept>) {
        if let Some(Kept::Marks(marks)) = kept.pop() {
            self.marks = marks;
        }
        self.input.resume(reach, kept);
    }

    fn is_paused(&self) -> bool {
        self.input.is_paused()
    }

    fn remaining(&mut self, node: &mut PhysicalNode, kept: &mut Vec<Kept>) -> Result<bool, ExecError> {
        let physical::Operator::Among(among) = &mut node.operator else { return Ok(false) };
        if !self.input.remaining(&mut among.input, kept)? {
            return Ok(false);
        }
        kept.push(Kept::Marks(self.marks.take()));
        Ok(true)
    }

    fn footprint(&self) -> Footprint {
        self.marks.as_ref().map_or_else(Footprint::default, |marks| Footprint::in_memory(marks.size()))
    }

    #[cfg(feature = "std")]
    fn share(&mut self, env: &Env<'s>, sharing: &mut Sharing<'s>) -> Result<(), ExecError> {
        self.input.share(env, sharing)?;
        self.marks = Some(sharing.marks(|| self.mark(env))?);
        Ok(())
    }
}
