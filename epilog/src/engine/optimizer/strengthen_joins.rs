//! A left join whose rows without a pair are dropped above it is an inner join.
//!
//! ```text
//! before                              after
//! filter Album.title = "Crusader"     join Album
//!   left join Album                     pairs: filter artist.id = Album.artist & Album.title = "Crusader"
//!     pairs: …                            pairs
//!     scan Artist                       scan Artist
//! ```
//!
//! (The filter goes into the join by [`join_filters`](super::join_filters), which runs after this.) An inner join can be turned
//! round, and searched from the side that has fewer records. Must not fire unless a predicate is false
//! for every row whose record is absent: `is_none` is not, nor a comparison with a value that may be absent, nor what may
//! have no result.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Expr, ExprKind, LogicalPlan, Node, Slot, replace};
use crate::engine::planted::{self, Bug};
use crate::expr::{BinaryOp, JoinKind, UnaryOp};

pub(super) const RULE: Rule = Rule { name: "strengthen_joins", of: Kinds::JOIN, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = plan.root.map(&mut |mut node| {
        if let Node::Filter(filter) = &mut node {
            let rejected: Vec<Slot> = rejected(&filter.predicates);
            replace(&mut filter.input, |input| strengthen(input, &rejected));
        }
        node
    });
    plan
}

/// The slots whose records no row that gets through these predicates lacks.
fn rejected(predicates: &[Expr]) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for predicate in predicates {
        slots.extend(predicate.slots().into_iter().filter(|slot| rejects_absent(predicate, *slot)));
    }
    slots
}

/// `node`, above which no row lacks a record in one of these slots.
fn strengthen(node: Node, rejected: &[Slot]) -> Node {
    let below = |input: &mut Box<Node>| replace(input, |input| strengthen(input, rejected));
    match node {
        // These drop no row, or drop those that are without pair as well.
        Node::Filter(mut filter) => {
            below(&mut filter.input);
            Node::Filter(filter)
        }
        Node::Lookup(mut lookup) => {
            below(&mut lookup.input);
            Node::Lookup(lookup)
        }
        Node::Subquery(mut subquery) => {
            below(&mut subquery.input);
            Node::Subquery(subquery)
        }
        Node::Join(mut join) => {
            let mut inner = Vec::new();
            join.inner.slots(&mut inner);
            if inner.iter().any(|slot| rejected.contains(slot)) {
                join.kind = JoinKind::Inner;
            }
            below(&mut join.input);
            Node::Join(join)
        }
        other => other,
    }
}

/// Whether a predicate is false for every row whose record in `slot` is absent.
pub(super) fn rejects_absent(predicate: &Expr, slot: Slot) -> bool {
    let is_of = |expr: &Expr| expr.as_field().is_some_and(|(of, _)| of == slot);
    match &predicate.kind {
        ExprKind::Field(of, _) => *of == slot,
        ExprKind::Binary(BinaryOp::And, left, right) => {
            rejects_absent(left, slot) || rejects_absent(right, slot)
        }
        ExprKind::Binary(BinaryOp::Or, left, right) => {
            rejects_absent(left, slot) && rejects_absent(right, slot)
        }
        // What has no result is a fault of the row, which an inner join would not have.
        _ if !predicate.is_sure() => false,
        ExprKind::Binary(BinaryOp::Eq, left, right) => {
            (is_of(left) && (!right.nullable || planted::is(Bug::LeftJoinMadeInner)))
                || (is_of(right) && !left.nullable)
        }
        ExprKind::Binary(op, left, right) => {
            use BinaryOp::{Contains, EndsWith, Ge, Gt, Le, Like, Lt, Matches, StartsWith};
            let ordered = matches!(op, Lt | Le | Gt | Ge);
            let of_text = matches!(op, StartsWith | EndsWith | Contains | Like | Matches);
            (ordered && (is_of(left) || is_of(right))) || (of_text && is_of(left))
        }
        ExprKind::Between(parts) => is_of(&parts[0]),
        ExprKind::In(value, candidates) => {
            is_of(value) && !candidates.iter().any(|candidate| candidate.nullable)
        }
        ExprKind::Unary(UnaryOp::IsSome, operand) => is_of(operand),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, field, inner, null, text};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{Eq, Gt, Or};
    use crate::expr::{Clause, JoinKind, Postfix, UnaryOp};
    use crate::value::Type;

    fn filtered(predicate: Postfix) -> (alloc::string::String, alloc::string::String) {
        let on = field(f::artist::ID).binary(Eq, inner(1, f::album::ARTIST));
        let join = Clause::Join { collection: f::Album, on, kind: JoinKind::Left };
        let draft = draft(f::Artist).clause(join).filter(predicate).build();
        before_and_after(&draft, "strengthen_joins", &["split_conjuncts"])
    }

    fn titled(title: &str) -> Postfix {
        inner(1, f::album::TITLE).binary(Eq, text(title))
    }

    #[test]
    fn a_predicate_that_needs_the_record_makes_the_join_an_inner_one() {
        for predicate in [
            titled("x"),
            titled("x").binary(Or, titled("y")),
            inner(1, f::album::TITLE).binary(Gt, field(f::artist::NAME)),
            inner(1, f::album::TITLE).unary(UnaryOp::IsSome),
            inner(1, f::album::TITLE).is_in([text("x"), text("y")]),
        ] {
            let (before, after) = filtered(predicate);
            assert!(before.contains("left join Album"), "{before}");
            assert!(after.contains("    join Album"), "{after}");
        }
    }

    #[test]
    fn a_predicate_that_an_absent_record_may_satisfy_does_not() {
        for predicate in [
            inner(1, f::album::RELEASED).unary(UnaryOp::IsNone),
            inner(1, f::album::RELEASED).binary(Eq, null(Type::Date)),
            titled("x").unary(UnaryOp::Not),
            titled("x").binary(Or, field(f::artist::NAME).binary(Eq, text("y"))),
            field(f::artist::NAME).binary(Eq, text("y")),
        ] {
            let (before, after) = filtered(predicate);
            assert_eq!(before, after);
        }
    }
}
