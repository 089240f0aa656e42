//! Optional values: `is_none`, `is_some`, `or`, `unwrap_or`.

use super::{Operand, methods};
use crate::collection::Expr;
use crate::expr::{BinaryOp, UnaryOp};
use crate::value::Value;

methods! {
    [Option<T>] where T: Value<Required = T, Optional = Option<T>>;

    /// Whether the value is absent.
    pub fn is_none(self) -> Expr<S, bool> {
        Expr::new(self.erase().unary(UnaryOp::IsNone))
    }

    /// Whether the value is present.
    pub fn is_some(self) -> Expr<S, bool> {
        Expr::new(self.erase().unary(UnaryOp::IsSome))
    }

    /// The value, or the other one where it is absent; both may be.
    pub fn or(self, other: impl Operand<Option<T>, S>) -> Expr<S, Option<T>> {
        Expr::new(self.erase().binary(BinaryOp::OrElse, other.into_expression()))
    }

    /// The value, or the given one where it is absent.
    pub fn unwrap_or(self, default: impl Operand<T, S>) -> Expr<S, T> {
        Expr::new(self.erase().binary(BinaryOp::OrElse, default.into_expression()))
    }
}
