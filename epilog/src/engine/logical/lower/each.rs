//! Tests of the elements of lists.

use alloc::boxed::Box;

use super::Lowering;
use crate::engine::error::PlanError;
use crate::engine::logical::{Expr, ExprKind, typing};
use crate::expr::op::Each;
use crate::expr::{BinaryOp, Postfix};

impl Lowering<'_> {
    /// A test of each element of a list. One that compares it with a value is a question that an index of the list answers.
    pub(super) fn each(&mut self, each: Each, list: Expr, test: &Postfix) -> Result<Expr, PlanError> {
        let operation = if each == Each::Any { "any" } else { "all" };
        let element = list.ty.element().ok_or(PlanError::NotDefined { operation, ty: list.ty })?;
        let around = self.element.replace(element);
        let test = self.predicate(test);
        self.element = around;
        let test = test?;
        // Of the element alone: what is of the row is not there where elements are tested.
        if !test.slots().is_empty() || !test.computed_values().is_empty() {
            return Err(PlanError::Malformed { values: 0 });
        }
        Ok(match test.kind {
            ExprKind::Binary(BinaryOp::Eq, left, right)
                if each == Each::Any && matches!(left.kind, ExprKind::Element) && is_value(&right) =>
            {
                typing::binary(BinaryOp::Has, list, *right)?
            }
            _ => Expr::test(ExprKind::Each(each, Box::new([list, test]))),
        })
    }

    /// The element that is tested.
    pub(super) fn element(&self) -> Result<Expr, PlanError> {
        let ty = self.element.ok_or(PlanError::Malformed { values: 0 })?;
        Ok(Expr { kind: ExprKind::Element, ty, nullable: false })
    }
}

/// Whether this is a value that is there; none of that kind looks at which.
fn is_value(expr: &Expr) -> bool {
    expr.is_literal() && !expr.is_null()
}
