//! Selectivities of predicates about which nothing is measured.

use super::Amount;
use crate::engine::logical::{Expr, ExprKind};
use crate::expr::{BinaryOp, UnaryOp};
use crate::value::{Scalar, Type};

/// The part of rows, 0..=1, for which a predicate is expected to hold when nothing is known of what it reads.
pub(super) fn guess(predicate: &Expr) -> Amount {
    match &predicate.kind {
        ExprKind::Literal(literal) => match literal.peek() {
            Scalar::Bool(true) => 1.0,
            _ => 0.0,
        },
        ExprKind::Binary(BinaryOp::And, left, right) => guess(left) * guess(right),
        ExprKind::Binary(BinaryOp::Or, left, right) => {
            let (left, right) = (guess(left), guess(right));
            left + right - left * right
        }
        ExprKind::Binary(op, left, _) => match op {
            BinaryOp::Eq if left.ty == Type::Bool => 0.5,
            BinaryOp::Eq => 0.05,
            BinaryOp::Ne => 0.95,
            BinaryOp::StartsWith => 0.05,
            BinaryOp::Has | BinaryOp::HasAny | BinaryOp::HasAll => 0.05,
            BinaryOp::EndsWith | BinaryOp::Contains | BinaryOp::Like | BinaryOp::Matches => 0.1,
            _ => 1.0 / 3.0,
        },
        ExprKind::Between(_) => 0.2,
        ExprKind::In(_, candidates) => (0.05 * candidates.len() as Amount).min(0.5),
        ExprKind::Unary(UnaryOp::Not, operand) => 1.0 - guess(operand),
        ExprKind::Unary(UnaryOp::IsNone, _) => 0.1,
        ExprKind::Unary(UnaryOp::IsSome, _) => 0.9,
        _ => 0.5,
    }
}
