//! Tests of the elements of lists.

use alloc::boxed::Box;

use super::{Lowering, NESTING_MAX};
use crate::engine::error::PlanError;
use crate::engine::logical::{Expr, ExprKind, typing};
use crate::expr::op::Each;
use crate::expr::{BinaryOp, Postfix};
use crate::value::Type;

impl Lowering<'_> {
    /// A test of the elements of a list of this type, and its depth.
    pub(super) fn test_of_element(
        &mut self,
        list: Type,
        each: Each,
        test: &Postfix,
    ) -> Result<(Expr, usize), PlanError> {
        let operation = if each == Each::Any { "any" } else { "all" };
        let element = list.element().ok_or(PlanError::NotDefined { operation, ty: list })?;
        if self.tests >= NESTING_MAX {
            return Err(PlanError::NestsTooDeep { what: "tests of elements", limit: NESTING_MAX });
        }
        self.tests += 1;
        let around = self.element.replace(element);
        let test = self.measured(test);
        self.element = around;
        self.tests -= 1;
        let (test, depth) = test?;
        if test.ty != Type::Bool {
            return Err(PlanError::NotAPredicate { ty: test.ty });
        }
        // Of the element alone: what is of the row is not there where elements are tested.
        if !test.slots().is_empty() || !test.computed_values().is_empty() {
            return Err(PlanError::Malformed { values: 0 });
        }
        Ok((test, depth))
    }

    /// The element that is tested.
    pub(super) fn element(&self) -> Result<Expr, PlanError> {
        let ty = self.element.ok_or(PlanError::Malformed { values: 0 })?;
        Ok(Expr { kind: ExprKind::Element, ty, nullable: false })
    }
}

/// What is asked of each element of a list. A test that compares it with a value is a question that an index of the list answers.
pub(super) fn each(each: Each, list: Expr, test: Expr) -> Result<Expr, PlanError> {
    Ok(match test.kind {
        ExprKind::Binary(BinaryOp::Eq, left, right)
            if each == Each::Any && matches!(left.kind, ExprKind::Element) && is_value(&right) =>
        {
            typing::binary(BinaryOp::Has, list, *right)?
        }
        _ => Expr::test(ExprKind::Each(each, Box::new([list, test]))),
    })
}

/// Whether this is a value that is there; none of that kind looks at which.
fn is_value(expr: &Expr) -> bool {
    expr.is_literal() && !expr.is_null()
}
