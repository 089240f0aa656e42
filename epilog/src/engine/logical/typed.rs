//! [`Typed`]: what operations make of values that belong to no plan yet, for queries that are put together at run time.
//!
//! The rules are those of `typing`, `aggregate` and `window` beside it: a query that
//! passes here is lowered with the same types.

use alloc::vec::Vec;

use super::super::error::PlanError;
use super::aggregate::result_type;
use super::lower::function_name;
pub(crate) use super::typing::{binary_name, unary_name};
use super::window::{has_distances, window_name, window_type};
use super::{Computed, Expr, typing};
use crate::expr::{AggregateFunction, BinaryOp, Function, UnaryOp, WindowFunction};
use crate::value::Type;

/// What is known of a value before there is a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typed {
    /// Its type.
    pub ty: Type,
    /// Whether it may be absent.
    pub nullable: bool,
}

impl Typed {
    /// A value that is always there.
    pub fn required(ty: Type) -> Typed {
        Typed { ty, nullable: false }
    }

    fn expr(self) -> Expr {
        Expr::computed(Computed(0), self.ty, self.nullable)
    }

    fn of(expr: &Expr) -> Typed {
        Typed { ty: expr.ty, nullable: expr.nullable }
    }

    /// An operation on one value.
    ///
    /// # Errors
    ///
    /// When it is not defined for it.
    pub fn unary(self, op: UnaryOp) -> Result<Typed, PlanError> {
        typing::unary(op, self.expr()).map(|expr| Typed::of(&expr))
    }

    /// An operation on two values.
    ///
    /// # Errors
    ///
    /// When it is not defined for them.
    pub fn binary(self, op: BinaryOp, right: Typed) -> Result<Typed, PlanError> {
        typing::binary(op, self.expr(), right.expr()).map(|expr| Typed::of(&expr))
    }

    /// A test for lying between two values.
    ///
    /// # Errors
    ///
    /// When they are of other types.
    pub fn between(self, low: Typed, high: Typed) -> Result<Typed, PlanError> {
        typing::between(self.expr(), low.expr(), high.expr()).map(|expr| Typed::of(&expr))
    }

    /// A test for being one of several values.
    ///
    /// # Errors
    ///
    /// When one is of another type.
    pub fn is_in(self, candidates: &[Typed]) -> Result<Typed, PlanError> {
        typing::is_in(self.expr(), exprs(candidates)).map(|expr| Typed::of(&expr))
    }

    /// A choice between two values, by this one.
    ///
    /// # Errors
    ///
    /// When this is no boolean, or they are of two types.
    pub fn choose(self, then: Typed, otherwise: Typed) -> Result<Typed, PlanError> {
        typing::choose(self.expr(), then.expr(), otherwise.expr()).map(|expr| Typed::of(&expr))
    }

    /// A call of a function.
    ///
    /// # Errors
    ///
    /// When it takes no such arguments.
    pub fn call(function: Function, arguments: &[Typed]) -> Result<Typed, PlanError> {
        typing::call(function, exprs(arguments)).map(|expr| Typed::of(&expr))
    }

    /// An aggregate of a value, or of rows.
    ///
    /// # Errors
    ///
    /// When it is not defined for it.
    pub fn aggregate(function: &AggregateFunction, of: Option<Typed>) -> Result<Typed, PlanError> {
        let of = of.map(|of| of.ty);
        let (ty, nullable) = result_type(function, of).ok_or(PlanError::NotDefined {
            operation: function_name(function),
            ty: of.unwrap_or(Type::U64),
        })?;
        Ok(Typed { ty, nullable })
    }

    /// A window's value.
    ///
    /// # Errors
    ///
    /// When it is not defined for what it is of.
    pub fn window(function: &WindowFunction, of: Option<Typed>) -> Result<Typed, PlanError> {
        let of = of.map(|of| of.ty);
        let (ty, nullable) = window_type(function, of)
            .ok_or(PlanError::NotDefined { operation: window_name(function), ty: of.unwrap_or(Type::U64) })?;
        Ok(Typed { ty, nullable })
    }

    /// Whether there are distances between such values, for frames.
    pub fn has_distances(self) -> bool {
        has_distances(self.ty)
    }
}

fn exprs(values: &[Typed]) -> Vec<Expr> {
    values.iter().map(|value| value.expr()).collect()
}

/// The name of an aggregate.
pub fn aggregate_name(function: &AggregateFunction) -> &'static str {
    function_name(function)
}
