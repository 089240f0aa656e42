//! [`Rows`]: what a query gives, as it is asked for.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::batch::Batch;
use super::evaluate::evaluate;
use super::operators::{self, Operator};
use super::predicate::records_of;
use super::{Env, OutputBatch, OutputColumn, Vector};
use crate::engine::control::Run;
use crate::engine::error::ExecError;
#[cfg(not(feature = "small"))]
use crate::engine::estimate::Counts;
use crate::engine::logical::{Column, Slot};
use crate::engine::physical::PhysicalPlan;
use crate::engine::point::Point;
use crate::parts;
use crate::storage::StorageError;
use crate::storage::facade::View;
use crate::value::Type;

/// The rows of a query, batch by batch, read as they are asked for.
#[derive(Debug)]
pub struct Rows<'s>(Source<'s>);

#[allow(clippy::large_enum_variant, reason = "there is one for a query, which is moved once")]
enum Source<'s> {
    /// A plan being carried out.
    Planned(Planned<'s>),
    /// One record at most; `None` after it.
    Point(Option<Point<'s>>),
}

impl<'s> Rows<'s> {
    /// Gets ready to carry out `plan`. Nothing is read yet.
    pub(in crate::engine) fn planned(view: View<'s>, plan: PhysicalPlan, run: Run) -> Rows<'s> {
        Rows(Source::Planned(Planned::new(view, plan, run)))
    }

    /// As [`planned`](Rows::planned), and so many threads may do what is done of it.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(in crate::engine) fn by_threads(
        view: View<'s>,
        plan: PhysicalPlan,
        run: Run,
        threads: usize,
    ) -> Rows<'s> {
        Rows(Source::Planned(Planned::by_threads(view, plan, run, threads)))
    }

    /// Gets ready to look for one record.
    pub(in crate::engine) fn point(point: Point<'s>) -> Rows<'s> {
        Rows(Source::Point(Some(point)))
    }

    /// Says that only so many rows are wanted, so that no more are read. More can still be had.
    pub fn expect(&mut self, rows: usize) {
        if let Source::Planned(planned) = &mut self.0 {
            planned.root.expect(rows);
        }
    }

    /// The next rows; `None` after the last. A batch that is given out has at least one row.
    ///
    /// # Errors
    ///
    /// [`ExecError::Storage`] when a page cannot be read or is damaged; [`ExecError::Arithmetic`] when an operation has
    /// no result on a row that is part of the answer.
    pub fn next_batch(&mut self) -> Result<Option<OutputBatch<'s>>, ExecError> {
        match &mut self.0 {
            Source::Planned(planned) => planned.next_batch(),
            Source::Point(_) if !parts::SHORTCUTS => unreachable!("every query is planned"),
            Source::Point(point) => {
                let Some(point) = point.take() else { return Ok(None) };
                Ok(point.record()?.map(|record| OutputBatch::of_record(point.collection(), record)))
            }
        }
    }
}

/// A plan being carried out.
pub(in crate::engine) struct Planned<'s> {
    pub(super) env: Env<'s>,
    pub(super) root: Box<dyn Operator<'s> + 's>,
    columns: Vec<Column>,
    pub(super) batch: Batch<'s>,
}

impl<'s> Planned<'s> {
    /// Gets ready to carry out `plan`. Nothing is read yet.
    pub(in crate::engine) fn new(
        view: View<'s>,
        #[cfg_attr(feature = "small", expect(unused_mut, reason = "no plan is watched there"))]
        mut plan: PhysicalPlan,
        run: Run,
    ) -> Planned<'s> {
        #[cfg_attr(feature = "small", expect(unused_mut, reason = "no plan is watched there"))]
        let mut env = Env::new(view, &plan, run);
        #[cfg(not(feature = "small"))]
        {
            env.counts = Counts::new(plan.watched.take());
            env.counts.of_what_is_committed(view.commit().is_some());
        }
        Planned::within(env, plan)
    }

    /// As [`new`](Planned::new), and so many threads may do what is done of it.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(in crate::engine) fn by_threads(
        view: View<'s>,
        plan: PhysicalPlan,
        run: Run,
        threads: usize,
    ) -> Planned<'s> {
        if threads <= 1 {
            return Planned::new(view, plan, run);
        }
        let mut env = Env::new(view, &plan, run);
        env.threads = threads;
        Planned::within(env, plan)
    }

    fn within(env: Env<'s>, plan: PhysicalPlan) -> Planned<'s> {
        let batch = Batch::new(env.collections.len(), env.computed.len());
        let root = operators::build(&env, plan.root);
        Planned { env, root, columns: plan.columns, batch }
    }

    /// As [`Rows::next_batch`].
    pub(in crate::engine) fn next_batch(&mut self) -> Result<Option<OutputBatch<'s>>, ExecError> {
        if !self.advance()? {
            return Ok(None);
        }
        self.output().map(Some)
    }

    /// What comes out of the batch.
    pub(super) fn output(&self) -> Result<OutputBatch<'s>, ExecError> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            columns.push(output_column(&self.env, &self.batch, column)?);
        }
        Ok(OutputBatch { rows: self.batch.count(), columns })
    }

    /// Whether there is another row.
    pub(in crate::engine) fn any(&mut self) -> Result<bool, ExecError> {
        self.root.expect(1);
        self.advance()
    }

    /// Gives `each` the ranks of a slot's records, of all rows.
    pub(in crate::engine) fn ranks(
        &mut self,
        slot: Slot,
        each: &mut dyn FnMut(u128) -> Result<(), StorageError>,
    ) -> Result<(), ExecError> {
        while self.advance()? {
            let rows = self.batch.selected();
            for at in 0..rows.len() {
                if let Some(rank) = self.batch.rank(slot, rows.row(at)) {
                    each(rank)?;
                }
            }
        }
        Ok(())
    }

    /// Goes to the next batch that has a row.
    fn advance(&mut self) -> Result<bool, ExecError> {
        loop {
            self.env.check()?;
            if !self.root.next(&self.env, &mut self.batch)? {
                return Ok(false);
            }
            self.batch.raise(usize::MAX)?;
            if self.batch.count() > 0 {
                return Ok(true);
            }
        }
    }
}

/// What comes out of the rows left of a batch in one column.
pub(super) fn output_column<'s>(
    env: &Env<'s>,
    batch: &Batch<'s>,
    column: &Column,
) -> Result<OutputColumn<'s>, ExecError> {
    Ok(match column {
        Column::Record(slot) => {
            let rows = records_of(batch, *slot, &batch.selected());
            OutputColumn::Records { collection: env.collection(*slot), rows }
        }
        Column::Value(expr) => {
            let values = evaluate(env, expr, batch)?;
            if let Some((_, fault)) = values.faults().first() {
                return Err(ExecError::Arithmetic(fault.itself()));
            }
            OutputColumn::Values(values)
        }
        Column::Rank(slot) => {
            let mut bytes = Vec::new();
            let selected = batch.selected();
            selected.for_each(|row| {
                bytes.extend_from_slice(&batch.rank(*slot, row).unwrap_or_default().to_le_bytes());
            });
            OutputColumn::Values(Vector::fixed(Type::U128, selected.len(), bytes))
        }
    })
}

impl core::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Source::Planned(planned) => {
                f.debug_struct("Planned").field("columns", &planned.columns).finish_non_exhaustive()
            }
            Source::Point(_) => f.debug_struct("Point").finish_non_exhaustive(),
        }
    }
}
