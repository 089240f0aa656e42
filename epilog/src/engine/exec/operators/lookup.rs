//! Lookups along to-one relations, a batch at a time.

use alloc::vec::Vec;

use super::Stage;
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::batch::{Batch, Source};
use crate::engine::exec::evaluate::evaluate;
use crate::engine::logical::{Expr, Slot};
use crate::storage::records::RecordRef;
use crate::value::key;

/// Adds the records that a relation field points at.
///
/// The ranks of a batch are sorted and each is fetched once, by ascending rank: rows share the records they point at, and
/// neighbours lie on one page.
pub(super) struct Lookup<'s> {
    field: Expr,
    into: Slot,
    wanted: Vec<(u128, u32)>,
    ranks: Vec<u128>,
    found: Vec<Option<RecordRef<'s>>>,
}

impl<'s> Lookup<'s> {
    pub(super) fn new(env: &Env<'s>, from: Slot, position: u16, into: Slot) -> Lookup<'s> {
        let ty = env.collection(from).fields[usize::from(position)].ty;
        let field = Expr::field(from, position, ty, true);
        Lookup { field, into, wanted: Vec::new(), ranks: Vec::new(), found: Vec::new() }
    }
}

impl<'s> Stage<'s> for Lookup<'s> {
    fn apply(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError> {
        batch.compact();
        let pointers = evaluate(env, &self.field, batch)?;
        self.wanted.clear();
        let present = (0..pointers.len())
            .filter_map(|row| Some((key::rank(pointers.ty(), pointers.cell(row)?), row as u32)));
        self.wanted.extend(present);
        if !self.wanted.is_sorted() {
            self.wanted.sort_unstable();
        }
        self.ranks.clear();
        self.ranks.extend(self.wanted.iter().map(|(rank, _)| *rank));
        self.ranks.dedup();
        self.found.clear();
        env.view.get_many(env.collection(self.into), &self.ranks, &mut self.found)?;
        let mut records = vec![None; pointers.len()];
        let mut at = 0;
        for (rank, row) in &self.wanted {
            at += usize::from(self.ranks[at] != *rank);
            records[*row as usize] = self.found[at];
        }
        batch.set_source(self.into, Source::Records(records));
        Ok(())
    }
}
