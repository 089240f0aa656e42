//! [`Assigning`]: the new values of records in a set-based update.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::batch::{Batch, Source};
use super::evaluate::evaluate;
use super::operators::{self, Stage};
use super::{Env, Vector};
use crate::engine::control::Run;
use crate::engine::error::ExecError;
use crate::engine::logical::{Column, Slot};
use crate::engine::physical::PhysicalPlan;
use crate::schema::CollectionDef;
use crate::storage::facade::View;
use crate::storage::records::{RecordDraft, RecordRef};

/// Calculates the new values of records, one after the other, over what is stored at one moment: what is read of other records
/// to that end, a hash table of them say, is read once.
pub struct Assigning<'s> {
    env: Env<'s>,
    stages: Vec<Box<dyn Stage<'s> + 's>>,
    batch: Batch<'s>,
    columns: Vec<Column>,
}

impl<'s> Assigning<'s> {
    /// Gets ready to calculate the values of `plan`'s columns.
    pub(in crate::engine) fn new(view: View<'s>, plan: &PhysicalPlan, run: Run) -> Assigning<'s> {
        let env = Env::new(view, plan, run);
        let batch = Batch::new(env.collections.len(), env.computed.len());
        let stages = operators::stages(&env, plan.root.clone());
        Assigning { env, stages, batch, columns: plan.columns.clone() }
    }

    /// Makes `out` a copy of `record` and puts the new values, over the record's old ones, into the fields at `positions`.
    ///
    /// # Errors
    ///
    /// [`ExecError::Storage`] when a page cannot be read; [`ExecError::Arithmetic`] when a value has no result.
    pub(in crate::engine) fn assign(
        &mut self,
        record: RecordRef<'s>,
        positions: &[u16],
        out: &mut RecordDraft,
    ) -> Result<(), ExecError> {
        let Assigning { env, stages, batch, columns } = self;
        batch.reset(1);
        batch.set_source(Slot(0), Source::Records(Vec::from([Some(record)])));
        for stage in stages {
            stage.apply(env, batch)?;
        }
        let mut values: Vec<Vector<'s>> = Vec::with_capacity(positions.len());
        for column in &*columns {
            let Column::Value(expr) = column else { unreachable!("assignments are values") };
            let value = evaluate(env, expr, batch)?;
            if let Some((_, fault)) = value.faults().first() {
                return Err(ExecError::Arithmetic(fault.itself()));
            }
            values.push(value);
        }
        out.load(&record)?;
        let collection: &CollectionDef = env.collection(Slot(0));
        for (position, value) in positions.iter().zip(&values) {
            out.put(&collection.layout.places[usize::from(*position)], value.cell(0));
        }
        Ok(())
    }
}

impl core::fmt::Debug for Assigning<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Assigning").field("columns", &self.columns).finish_non_exhaustive()
    }
}
