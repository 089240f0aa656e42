//! [`assign`]: the new values of a record in a set-based update.

use alloc::vec::Vec;

use super::batch::{Batch, Source};
use super::evaluate::evaluate;
use super::{Env, Vector, operators};
use crate::engine::error::ExecError;
use crate::engine::logical::{Column, Slot};
use crate::engine::physical::PhysicalPlan;
use crate::schema::CollectionDef;
use crate::storage::facade::View;
use crate::storage::records::{RecordDraft, RecordRef};

/// Makes `out` a copy of `record` and puts the values of `plan`'s columns, over the record's old values, into the fields
/// at `positions`.
///
/// # Errors
///
/// [`ExecError::Storage`] when a page cannot be read; [`ExecError::Arithmetic`] when a value has no result.
pub fn assign<'s>(
    view: View<'s>,
    plan: &PhysicalPlan,
    record: RecordRef<'s>,
    positions: &[u16],
    out: &mut RecordDraft,
) -> Result<(), ExecError> {
    let env = Env::new(view, plan);
    let mut batch = Batch::new(env.collections.len(), env.computed.len());
    batch.reset(1);
    batch.set_source(Slot(0), Source::Records(Vec::from([Some(record)])));
    for stage in &mut operators::stages(&env, plan.root.clone()) {
        stage.apply(&env, &mut batch)?;
    }
    let mut values: Vec<Vector<'s>> = Vec::with_capacity(positions.len());
    for column in &plan.columns {
        let Column::Value(expr) = column else { unreachable!("assignments are values") };
        let value = evaluate(&env, expr, &batch)?;
        if let Some((_, fault)) = value.faults().first() {
            return Err(ExecError::Arithmetic(fault.0.clone()));
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
