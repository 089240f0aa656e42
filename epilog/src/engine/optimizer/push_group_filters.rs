//! A filter on what groups are made by is asked of the rows, before there are groups: it keeps or drops whole groups.
//!
//! ```text
//! before                              after
//! filter [artist] = 7 & [count] > 2   filter [count] > 2
//!   aggregate count by artist           aggregate count by artist
//!     scan Album                          filter artist = 7
//!                                           scan Album
//! ```
//!
//! [`push_filters`](super::push_filters) then moves it on, to where an access path may imply it. Must not fire on a predicate
//! that reads an aggregate, nor without keys, where one group is there whatever rows there are; nor when the predicate, a key, or
//! something below may have no result: which rows are left must not decide whether that is an error. Nor on a value
//! made of a float or a decimal by more than comparing it: equal ones are one group, and may differ.

use alloc::vec::Vec;

use super::push_window_filters::{is_sure_below, reads_only};
use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Aggregate, Expr, ExprKind, Filter, LogicalPlan, Node, replace};
use crate::engine::planted::{self, Bug};
use crate::parts;

pub(super) const RULE: Rule =
    Rule { name: "push_group_filters", of: Kinds::AGGREGATE, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = within(plan.root);
    plan
}

/// `node` with the filters above groups in it asked of the rows, where they may be.
pub(super) fn within(node: Node) -> Node {
    node.map(&mut |node| match node {
        Node::Filter(Filter { input, predicates }) => take_over(predicates, *input),
        other => other,
    })
}

/// `node` with `predicates` to get through, those about keys of groups asked before these are made.
fn take_over(predicates: Vec<Expr>, node: Node) -> Node {
    match node {
        Node::Aggregate(mut aggregate) if parts::GROUPS && is_sure(&aggregate) => {
            let keys = aggregate.keys().iter();
            let keys: Vec<Expr> =
                keys.map(|key| Expr::computed(key.output, key.expr.ty, key.expr.nullable)).collect();
            let (below, above): (Vec<_>, Vec<_>) = predicates.into_iter().partition(|expr| {
                !expr.may_fault() && !expr.computed_values().is_empty() && reads_only(expr, &keys)
            });
            let mut below: Vec<Expr> = below.into_iter().map(|expr| over_rows(expr, &aggregate)).collect();
            if planted::is(Bug::GroupFilterLost) {
                below.pop();
            }
            replace(&mut aggregate.input, |input| input.filtered(below));
            Node::Aggregate(aggregate).filtered(above)
        }
        other => other.filtered(predicates),
    }
}

/// What is about keys of groups, as it is about rows.
fn over_rows(expr: Expr, aggregate: &Aggregate) -> Expr {
    expr.map(&mut |part| match part.kind {
        ExprKind::Computed(computed) => {
            let key = aggregate.keys().iter().find(|key| key.output == computed);
            key.map_or(part, |key| key.expr.clone())
        }
        _ => part,
    })
}

/// Whether groups are made by something, and neither that nor the rows may run into something without a result.
pub(super) fn is_sure(aggregate: &Aggregate) -> bool {
    !aggregate.keys().is_empty()
        && aggregate.keys().iter().all(|key| key.expr.is_sure())
        && is_sure_below(&aggregate.input)
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, aggregate, draft, field, id, int};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Divide, Eq, Gt};
    use crate::expr::{AggregateFunction, Postfix};
    use crate::value::{Scalar, Type};

    fn many() -> Postfix {
        let few = Postfix::literal(Scalar::Int(2), Type::U64);
        aggregate(AggregateFunction::Count, None).binary(Gt, few)
    }

    #[test]
    fn a_filter_on_a_key_is_asked_of_the_rows() {
        let both = Postfix::key(0).binary(Eq, id(7)).binary(And, many());
        let draft = draft(f::Album).group_by([field(f::album::ARTIST)]).filter(both);
        let draft = draft.select([Postfix::key(0)]).build();
        let (before, after) = before_and_after(&draft, "push_group_filters", &["split_conjuncts"]);
        assert_eq!(
            before,
            "project [artist]\n  filter [artist] = 7 & [count] > 2\n    aggregate count by artist\n      scan Album"
        );
        assert_eq!(
            after,
            "project [artist]\n  filter [count] > 2\n    aggregate count by artist\n      filter artist = 7\n        scan Album"
        );
    }

    #[test]
    fn nothing_moves_past_what_may_have_no_result() {
        let inverse = int(1).binary(Divide, field(f::track::MILLISECONDS)).binary(Gt, int(0));
        let draft = draft(f::Track).filter(inverse).group_by([field(f::track::ALBUM)]);
        let draft = draft.filter(Postfix::key(0).binary(Eq, id(7))).select([Postfix::key(0)]).build();
        let (before, after) = before_and_after(&draft, "push_group_filters", &["split_conjuncts"]);
        assert_eq!(before, after);
    }
}
