//! Alternatives about one value become a list of candidates.
//!
//! ```text
//! before                                   after
//! filter album = 1 | album = 2             filter album in (1, 2)
//! filter album in (1, 2) | album = 3       filter album in (1, 2, 3)
//! ```
//!
//! Must not fire on alternatives about different values, nor on candidates that are not literals.

use alloc::boxed::Box;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Expr, ExprKind, Literal, LogicalPlan};
use crate::engine::planted::{self, Bug};
use crate::expr::BinaryOp;

pub(super) const RULE: Rule = Rule { name: "merge_alternatives", of: Kinds::ALL, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = plan.root.map(&mut |mut node| {
        node.map_expressions(&mut |expr| expr.map(&mut merge));
        node
    });
    plan
}

/// An alternative of two, as a list of candidates if it is one.
pub(super) fn merge(expr: Expr) -> Expr {
    let Expr { kind: ExprKind::Binary(BinaryOp::Or, left, right), ty, nullable } = expr else { return expr };
    match (candidates(&left), candidates(&right)) {
        (Some((a, first)), Some((b, second))) if a == b => {
            let mut list = first.to_vec();
            // A candidate twice does no harm: in long lists it is not looked for, nor among what may be others the next time.
            let is_parameter = |expr: &Expr| expr.literal_itself().is_some_and(Literal::is_parameter);
            let looked_for = first.len() * second.len() <= 4096 && !second.iter().any(is_parameter);
            list.extend(second.iter().filter(|candidate| !looked_for || !first.contains(candidate)).cloned());
            if planted::is(Bug::LastAlternativeLost) {
                list.truncate(2);
            }
            Expr::test(ExprKind::In(Box::new(a.clone()), list))
        }
        _ => Expr { kind: ExprKind::Binary(BinaryOp::Or, left, right), ty, nullable },
    }
}

/// The value that a predicate compares with literals, and those.
fn candidates(expr: &Expr) -> Option<(&Expr, &[Expr])> {
    let (value, list) = match &expr.kind {
        ExprKind::Binary(BinaryOp::Eq, value, literal) => (&**value, core::slice::from_ref(&**literal)),
        ExprKind::In(value, list) => (&**value, list.as_slice()),
        _ => return None,
    };
    list.iter().all(Expr::is_literal).then_some((value, list))
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, field, id, int};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{Eq, Or};

    #[test]
    fn one_value_with_several_candidates_is_a_list() {
        let album = |number| field(f::track::ALBUM).binary(Eq, id(number));
        let any = album(1).binary(Or, album(2)).binary(Or, album(1)).binary(Or, album(3));
        let (_, after) = before_and_after(&draft(f::Track).filter(any).build(), "merge_alternatives", &[]);
        assert_eq!(after, "project Track\n  filter album in (1, 2, 3)\n    scan Track");
    }

    #[test]
    fn two_values_are_not() {
        let either = field(f::track::ALBUM).binary(Eq, id(1));
        let either = either.binary(Or, field(f::track::MILLISECONDS).binary(Eq, int(1)));
        let draft = draft(f::Track).filter(either).build();
        let (before, after) = before_and_after(&draft, "merge_alternatives", &[]);
        assert_eq!(before, after);
    }
}
