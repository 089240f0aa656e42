//! Two bounds of one value are one test.
//!
//! ```text
//! before                                  after
//! filter price >= 5 & price <= 7          filter price between 5 and 7
//! ```
//!
//! One kernel then goes over the values once. That nothing lies between two bounds is seen where an access path is made of them,
//! with the values of each query: see `physical::contradiction`. Must not fire on bounds that are not included, on the absent
//! value, which no bound admits, nor on bounds that are calculated for each row.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Expr, ExprKind, LogicalPlan, Node};
use crate::engine::planted::{self, Bug};
use crate::expr::BinaryOp;

pub(super) const RULE: Rule = Rule { name: "merge_ranges", of: Kinds::FILTER, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = plan.root.map(&mut |node| match node {
        Node::Filter(mut filter) => {
            merge(&mut filter.predicates);
            Node::Filter(filter)
        }
        other => other,
    });
    plan
}

fn merge(predicates: &mut Vec<Expr>) {
    let mut at = 0;
    while at < predicates.len() {
        let (done, left) = predicates.split_at(at + 1);
        let other = bound(&done[at]).and_then(|(value, op, limit)| {
            let is_other =
                |of: &Expr| bound(of).is_some_and(|(of, other, _)| other != op && of.kind == value.kind);
            let place = left.iter().position(is_other)?;
            let (_, _, other) = bound(&left[place])?;
            let (low, high) = if op == BinaryOp::Ge { (limit, other) } else { (other, limit) };
            let parts = [value.clone(), low.clone(), high.clone()];
            Some((at + 1 + place, Expr::test(ExprKind::Between(Box::new(parts)))))
        });
        if let Some((place, between)) = other {
            predicates.remove(place);
            predicates[at] = between;
        }
        at += 1;
    }
}

/// The value of which a predicate says that it is not less, or not greater, than a literal.
fn bound(predicate: &Expr) -> Option<(&Expr, BinaryOp, &Expr)> {
    let ExprKind::Binary(op, value, limit) = &predicate.kind else { return None };
    let op = match op {
        BinaryOp::Gt if planted::is(Bug::ExcludedBoundMerged) => &BinaryOp::Ge,
        BinaryOp::Ge | BinaryOp::Le => op,
        _ => return None,
    };
    let is_stored = matches!(value.kind, ExprKind::Field(..) | ExprKind::Computed(_));
    (is_stored && limit.is_literal() && !limit.is_null()).then_some((&**value, *op, &**limit))
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, field, int, null};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Ge, Gt, Le};
    use crate::expr::Postfix;
    use crate::value::Type;

    fn check(predicate: Postfix, expected: &str) {
        let draft = draft(f::Track).filter(predicate).build();
        let (_, after) = before_and_after(&draft, "merge_ranges", &["split_conjuncts"]);
        assert_eq!(after.lines().nth(1).map_or("", str::trim), expected);
    }

    fn length(op: crate::expr::BinaryOp, than: Postfix) -> Postfix {
        field(f::track::MILLISECONDS).binary(op, than)
    }

    #[test]
    fn two_bounds_are_one_test() {
        let between = "filter milliseconds between 5 and 7";
        check(length(Ge, int(5)).binary(And, length(Le, int(7))), between);
        check(length(Le, int(7)).binary(And, length(Ge, int(5))), between);
        let among = length(Le, int(7)).binary(And, field(f::track::ACTIVE)).binary(And, length(Ge, int(5)));
        check(among, &alloc::format!("{between} & active"));
    }

    #[test]
    fn bounds_that_are_excluded_absent_or_of_other_values_are_not() {
        check(
            length(Gt, int(5)).binary(And, length(Le, int(7))),
            "filter milliseconds > 5 & milliseconds <= 7",
        );
        check(
            length(Ge, int(5)).binary(And, length(Ge, int(7))),
            "filter milliseconds >= 5 & milliseconds >= 7",
        );
        let of_none = length(Ge, int(5)).binary(And, length(Le, null(Type::I64)));
        check(of_none, "filter milliseconds >= 5 & milliseconds <= None");
        let two =
            field(f::track::PRICE).binary(Ge, Postfix::literal(crate::value::Scalar::Float(1.0), Type::F64));
        check(two.binary(And, length(Le, int(7))), "filter price >= 1.0 & milliseconds <= 7");
    }
}
