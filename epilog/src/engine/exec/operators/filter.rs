//! Filters.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Stage;
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::batch::Batch;
use crate::engine::exec::predicate::Predicate;
use crate::engine::logical::Expr;

/// Drops the rows for which a predicate does not hold.
pub(super) struct Filter {
    predicates: Box<[Predicate]>,
}

impl Filter {
    pub(super) fn new(env: &Env<'_>, predicates: Vec<Expr>) -> Filter {
        let prepare = |expr| Predicate::new(expr, |slot| env.collection(slot));
        Filter { predicates: predicates.into_iter().map(prepare).collect() }
    }
}

impl<'s> Stage<'s> for Filter {
    fn apply(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError> {
        for predicate in &self.predicates {
            predicate.apply(env, batch)?;
            if batch.count() == 0 {
                break;
            }
        }
        Ok(())
    }
}
