//! [`Giving`]: what a set-based change gives of the records that it changes.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::batch::{Batch, Source};
use super::chain::rows_of_batch;
use super::operators::{self, Stage};
use super::rows::output_column;
use super::{Env, OutputBatch};
use crate::engine::control::Run;
use crate::engine::error::ExecError;
use crate::engine::logical::{Column, Slot};
use crate::engine::physical::PhysicalPlan;
use crate::storage::facade::View;
use crate::storage::records::RecordRef;

/// Calculates a selection of records, some at a time, over what is stored at one moment: what is read of other records to that
/// end is read once.
pub(in crate::engine) struct Giving<'s> {
    env: Env<'s>,
    stages: Vec<Box<dyn Stage<'s> + 's>>,
    batch: Batch<'s>,
    columns: Vec<Column>,
    rows_max: usize,
}

impl<'s> Giving<'s> {
    /// Gets ready to calculate `plan`'s columns.
    pub(in crate::engine) fn new(view: View<'s>, plan: &PhysicalPlan, run: Run) -> Giving<'s> {
        let env = Env::new(view, plan, run);
        let batch = Batch::new(env.collections.len(), env.computed.len());
        let stages = operators::stages(&env, plan.root.clone());
        Giving { env, stages, batch, columns: plan.columns.clone(), rows_max: rows_of_batch(view, plan) }
    }

    /// How many records may be given at once, so that what is looked up for them takes no more than a part of the page cache.
    pub(in crate::engine) fn rows_max(&self) -> usize {
        self.rows_max
    }

    /// What is selected of these records, in their order.
    ///
    /// # Errors
    ///
    /// [`ExecError::Storage`] when a page cannot be read; [`ExecError::Arithmetic`] when a value has no result; when the
    /// statement is to end.
    pub(in crate::engine) fn give(
        &mut self,
        records: Vec<Option<RecordRef<'s>>>,
    ) -> Result<OutputBatch<'s>, ExecError> {
        let Giving { env, stages, batch, columns, .. } = self;
        env.check()?;
        let rows = records.len();
        batch.reset(rows);
        batch.set_source(Slot(0), Source::Records(records));
        for stage in stages {
            stage.apply(env, batch)?;
        }
        batch.raise(usize::MAX)?;
        debug_assert_eq!(batch.count(), rows, "a selection drops no row");
        let columns =
            columns.iter().map(|column| output_column(env, batch, column)).collect::<Result<_, _>>()?;
        Ok(OutputBatch { rows, columns })
    }
}
