//! Optional values: `is_none`, `is_some`, `or`, `unwrap_or`.

use super::{Operand, methods};
use crate::collection::Expr;
use crate::expr::{BinaryOp, UnaryOp};
use crate::value::Value;

/// A type whose values may be absent: an `Option`.
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` is never absent",
    label = "`{Self}` is not an `Option`",
    note = "`is_none`, `is_some`, `or` and `unwrap_or` are for fields of type `Option<{Self}>`"
)]
pub trait Absent: Value {}

#[diagnostic::do_not_recommend]
impl<T: Value<Required = T, Optional = Option<T>>> Absent for Option<T> {}

methods! {
    /// Whether the value is absent.
    pub fn is_none(self) -> Expr<S, bool>
    where
        T: Absent,
    {
        Expr::new(self.erase().unary(UnaryOp::IsNone))
    }

    /// Whether the value is present.
    pub fn is_some(self) -> Expr<S, bool>
    where
        T: Absent,
    {
        Expr::new(self.erase().unary(UnaryOp::IsSome))
    }

    /// The value, or the other one where it is absent; both may be.
    pub fn or(self, other: impl Operand<T, S>) -> Expr<S, T>
    where
        T: Absent,
    {
        Expr::new(self.erase().binary(BinaryOp::OrElse, other.into_expression()))
    }

    /// The value, or the given one where it is absent.
    pub fn unwrap_or(self, default: impl Operand<T::Required, S>) -> Expr<S, T::Required>
    where
        T: Absent,
    {
        Expr::new(self.erase().binary(BinaryOp::OrElse, default.into_expression()))
    }
}
