//! Negations move inwards, where they become the opposite comparison.
//!
//! ```text
//! before                                       after
//! filter !(name = "x" | milliseconds < 10)     filter name != "x" & milliseconds >= 10
//! ```
//!
//! Logic has two values: an ordering comparison with an absent value is false and its negation true. So `!(a < b)` becomes
//! `a >= b` only where neither side can be absent; it must not fire on a relation's or an optional field's value. `=` and
//! `!=` are each other's negation whatever is absent.

use alloc::boxed::Box;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Expr, ExprKind, LogicalPlan};
use crate::engine::planted::{self, Bug};
use crate::expr::{BinaryOp, UnaryOp};

pub(super) const RULE: Rule = Rule { name: "push_negations", of: Kinds::ALL, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = plan.root.map(&mut |mut node| {
        node.map_expressions(&mut |expr| expr.map(&mut push));
        node
    });
    plan
}

fn push(expr: Expr) -> Expr {
    match expr.kind {
        ExprKind::Unary(UnaryOp::Not, operand) => negate(*operand),
        _ => expr,
    }
}

/// The negation of an expression that has no pushable negation inside.
fn negate(expr: Expr) -> Expr {
    let required =
        |left: &Expr, right: &Expr| (!left.nullable && !right.nullable) || planted::is(Bug::NegationOfAbsent);
    match expr.kind {
        ExprKind::Unary(UnaryOp::Not, operand) => *operand,
        ExprKind::Unary(UnaryOp::IsNone, operand) => Expr::test(ExprKind::Unary(UnaryOp::IsSome, operand)),
        ExprKind::Unary(UnaryOp::IsSome, operand) => Expr::test(ExprKind::Unary(UnaryOp::IsNone, operand)),
        // An absent operand counts as false here, but its negation would be absent and count as false too.
        ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) if required(&left, &right) => {
            let opposite = if op == BinaryOp::And { BinaryOp::Or } else { BinaryOp::And };
            let parts = (Box::new(negate(*left)), Box::new(negate(*right)));
            Expr::test(ExprKind::Binary(opposite, parts.0, parts.1))
        }
        ExprKind::Binary(op, left, right) => match opposite(op) {
            Some(opposite) if matches!(op, BinaryOp::Eq | BinaryOp::Ne) || required(&left, &right) => {
                Expr::test(ExprKind::Binary(opposite, left, right))
            }
            _ => Expr::test(ExprKind::Binary(op, left, right)).negated(),
        },
        kind => Expr { kind, ..expr }.negated(),
    }
}

fn opposite(op: BinaryOp) -> Option<BinaryOp> {
    Some(match op {
        BinaryOp::Eq => BinaryOp::Ne,
        BinaryOp::Ne => BinaryOp::Eq,
        BinaryOp::Lt => BinaryOp::Ge,
        BinaryOp::Ge => BinaryOp::Lt,
        BinaryOp::Le => BinaryOp::Gt,
        BinaryOp::Gt => BinaryOp::Le,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, field, int, text, through};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{Eq, Lt, Or};
    use crate::expr::{Postfix, UnaryOp};

    fn check(predicate: Postfix, expected: &str) {
        let (_, after) = before_and_after(&draft(f::Track).filter(predicate).build(), "push_negations", &[]);
        let line = after.lines().nth(1).expect("a filter");
        assert_eq!(line.trim(), expected);
    }

    #[test]
    fn comparisons_turn_round() {
        let either = field(f::track::NAME).binary(Eq, text("x"));
        let either = either.binary(Or, field(f::track::MILLISECONDS).binary(Lt, int(10)));
        check(either.unary(UnaryOp::Not), "filter name != \"x\" & milliseconds >= 10");
        check(field(f::track::ACTIVE).unary(UnaryOp::Not).unary(UnaryOp::Not), "filter active");
    }

    #[test]
    fn an_ordering_of_optional_values_keeps_its_negation() {
        let editor = through(&[f::track::EDITOR], f::artist::NAME);
        check(editor.clone().binary(Lt, text("m")).unary(UnaryOp::Not), "filter !(editor.name < \"m\")");
        check(editor.binary(Eq, text("m")).unary(UnaryOp::Not), "filter editor.name != \"m\"");
    }
}
