//! Comparisons, `in_`, `between`, and the terms of an ordering.

use super::{Operand, methods};
use crate::collection::Expr;
use crate::expr::BinaryOp;
use crate::query::Order;

methods! {
    [T]

    /// Whether this equals the other; `None` equals `None`.
    pub fn eq(self, other: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Eq, other.into_expression()))
    }

    /// Whether this differs from the other.
    pub fn ne(self, other: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Ne, other.into_expression()))
    }

    /// Whether this is less than the other; false when either is `None`.
    pub fn lt(self, other: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Lt, other.into_expression()))
    }

    /// Whether this is less than the other or equals it; false when either is `None`.
    pub fn le(self, other: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Le, other.into_expression()))
    }

    /// Whether this is greater than the other; false when either is `None`.
    pub fn gt(self, other: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Gt, other.into_expression()))
    }

    /// Whether this is greater than the other or equals it; false when either is `None`.
    pub fn ge(self, other: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Ge, other.into_expression()))
    }

    /// Whether this lies from `low` to `high`, both included; false when any of the three is `None`.
    pub fn between(self, low: impl Operand<T, S>, high: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().between(low.into_expression(), high.into_expression()))
    }

    /// Whether this equals one of the candidates.
    pub fn in_(self, candidates: impl IntoIterator<Item: Operand<T, S>>) -> Expr<S, bool> {
        Expr::new(self.erase().is_in(candidates.into_iter().map(Operand::into_expression)))
    }

    /// This as a term of an ordering, the smallest first.
    pub fn asc(self) -> Order<S> {
        Order::new(self.erase(), false)
    }

    /// This as a term of an ordering, the largest first.
    pub fn desc(self) -> Order<S> {
        Order::new(self.erase(), true)
    }
}
