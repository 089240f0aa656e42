//! A filter on the rows of two queries put together is asked of the rows of each, before they are.
//!
//! ```text
//! before                          after
//! filter [code] = 77              union all [code]
//!   union all [code]                filter code = 77
//!     scan Order                      scan Order
//!     scan Return                   filter code = 77
//!                                     scan Return
//! ```
//!
//! A value of such rows is one of each side's, which an index may find; it is asked with the same literals, that a plan which is
//! kept gets from the next query on both sides. What is asked goes on within a side: into a set there, below its groups and
//! windows where these let it, and as far down as [`push_filters`](super::push_filters) takes it, which is not past a limit.
//!
//! Of `union all` every row comes out as it is, whatever is asked of it. The others take rows with equal values for one, so the predicate
//! must hold for all of these or for none: it must not fire on a value made of a float or a decimal by more than comparing it.
//! Nor, of these, where the predicate, a value or something below may have no result: each row of theirs has to be known, and
//! which are left must not decide whether that is an error.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::push_filters::push;
use super::push_window_filters::{is_sure_below, reads_only};
use super::{Apply, Kinds, Rule, push_group_filters, push_window_filters};
use crate::engine::logical::{Expr, ExprKind, Filter, Inner, LogicalPlan, Node, Set, SetColumn, replace};
use crate::engine::planted::{self, Bug};
use crate::expr::SetKind;

pub(super) const RULE: Rule = Rule { name: "push_set_filters", of: Kinds::QUERY, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = within(plan.root);
    plan
}

/// `node` with the filters above sets in it asked of their sides.
pub(super) fn within(mut node: Node) -> Node {
    loop {
        let mut moved = false;
        node = node.map(&mut |node| match node {
            Node::Filter(Filter { input, predicates }) => match *input {
                Node::Set(set) => take_over(predicates, set, &mut moved),
                input => Node::Filter(Filter { input: Box::new(input), predicates }),
            },
            other => other,
        });
        if !moved {
            return node;
        }
        node = push_group_filters::within(push_window_filters::within(node));
        node = push(node, Vec::new());
    }
}

/// A set with `predicates` to get through, those that may be asked of its sides there.
fn take_over(predicates: Vec<Expr>, mut set: Set, moved: &mut bool) -> Node {
    let (below, above): (Vec<_>, Vec<_>) = match set.kind {
        SetKind::UnionAll => predicates.into_iter().partition(|expr| reads_values(expr, &set)),
        _ if !is_sure(&set) => (Vec::new(), predicates),
        _ => {
            let values: Vec<Expr> = set.columns.iter().map(value).collect();
            predicates
                .into_iter()
                .partition(|expr| !expr.may_fault() && reads_values(expr, &set) && reads_only(expr, &values))
        }
    };
    if !below.is_empty() {
        *moved = true;
        let over = |side: fn(&SetColumn) -> &Expr| -> Vec<Expr> {
            below.iter().map(|expr| over_side(expr.clone(), &set.columns, side)).collect()
        };
        let (of_left, of_right) = (over(|column| &column.left), over(|column| &column.right));
        replace(&mut set.input, |input| input.filtered(of_left));
        if !planted::is(Bug::SetFilteredOnOneSide) {
            replace(&mut set.right, |right| right.filtered(of_right));
        }
    }
    Node::Set(set).filtered(above)
}

/// A value of the rows of a set.
fn value(column: &SetColumn) -> Expr {
    Expr::computed(column.output, column.left.ty, column.left.nullable || column.right.nullable)
}

/// Whether an expression reads values of a set's rows, and nothing else.
fn reads_values(expr: &Expr, set: &Set) -> bool {
    let values = expr.computed_values();
    !values.is_empty()
        && expr.slots().is_empty()
        && values.iter().all(|value| set.columns.iter().any(|column| column.output == *value))
}

/// What is about the rows of a set, as it is about those of a side.
fn over_side(expr: Expr, columns: &[SetColumn], side: fn(&SetColumn) -> &Expr) -> Expr {
    expr.map(&mut |part| match part.kind {
        ExprKind::Computed(computed) => {
            let column = columns.iter().find(|column| column.output == computed);
            column.map_or(part, |column| side(column).clone())
        }
        _ => part,
    })
}

/// Whether neither the values of a set nor the rows of its sides may run into something without a result.
fn is_sure(set: &Set) -> bool {
    let (left, right) = (Inner::of(&set.input), Inner::of(&set.right));
    set.columns.iter().all(|column| left.is_sure(&column.left) && right.is_sure(&column.right))
        && is_sure_below(&set.input)
        && is_sure_below(&set.right)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use crate::engine::fixture::{self as f, DraftBuilder, aggregate, draft, field, int};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{Divide, Eq, Gt, Multiply};
    use crate::expr::{AggregateFunction, Clause, Postfix, SetKind};

    const BEFORE: [&str; 4] =
        ["split_conjuncts", "push_group_filters", "push_window_filters", "push_filters"];
    const KINDS: [SetKind; 6] = [
        SetKind::Union,
        SetKind::UnionAll,
        SetKind::Intersect,
        SetKind::IntersectAll,
        SetKind::Except,
        SetKind::ExceptAll,
    ];

    fn put_together(
        left: DraftBuilder,
        right: DraftBuilder,
        kind: SetKind,
        asked: Postfix,
    ) -> (String, String) {
        let draft = left.clause(Clause::set(right.build(), kind)).filter(asked).build();
        before_and_after(&draft, "push_set_filters", &BEFORE)
    }

    fn lengths() -> DraftBuilder {
        draft(f::Track).select([field(f::track::MILLISECONDS)])
    }

    fn is_7() -> Postfix {
        Postfix::key(0).binary(Eq, int(7))
    }

    #[test]
    fn each_side_is_asked() {
        for kind in KINDS {
            let later = draft(f::Track).limit(3).select([field(f::track::MILLISECONDS)]);
            let (before, after) = put_together(lengths(), later, kind, is_7());
            let name = crate::engine::logical::set_name(kind);
            assert_eq!(
                before,
                alloc::format!(
                    "project [milliseconds]\n  filter [milliseconds] = 7\n    {name} milliseconds\n      \
                     right: limit 3\n        scan Track\n      scan Track"
                )
            );
            // Which rows a limit lets through is not for what comes later to say.
            assert_eq!(
                after,
                alloc::format!(
                    "project [milliseconds]\n  {name} milliseconds\n    \
                     right: filter Track 2.milliseconds = 7\n      limit 3\n        scan Track\n    \
                     filter milliseconds = 7\n      scan Track"
                )
            );
        }
    }

    #[test]
    fn it_goes_on_into_sets_and_below_groups() {
        let grouped = |function| {
            let found = aggregate(function, Some(field(f::track::ID)));
            draft(f::Track).group_by([field(f::track::MILLISECONDS)]).select([Postfix::key(0), found])
        };
        let (least, greatest) = (grouped(AggregateFunction::Min), grouped(AggregateFunction::Max));
        let both = least.clause(Clause::set(greatest.build(), SetKind::UnionAll));
        let known = draft(f::Track).select([field(f::track::MILLISECONDS), field(f::track::ID)]);
        let (_, after) = put_together(both, known, SetKind::Except, is_7());
        assert_eq!(after.matches("filter").count(), 3, "{after}");
        for lines in after.lines().collect::<alloc::vec::Vec<_>>().windows(2) {
            assert!(!lines[0].contains("filter") || lines[1].ends_with(" scan Track"), "{after}");
        }
        // Common rows are the same for all who ask for them.
        let counted = || grouped(AggregateFunction::Count);
        let (before, after) =
            put_together(counted(), counted().clause(Clause::common()), SetKind::UnionAll, is_7());
        assert_ne!(before, after);
        assert!(after.contains("right: filter [[Track 2.milliseconds]] = 7\n      shared"), "{after}");
    }

    #[test]
    fn what_equal_values_may_differ_in_stays() {
        // -0 equals 0, and 1 divided by them does not.
        let prices = || draft(f::Track).select([field(f::track::PRICE)]);
        let one = || Postfix::literal(crate::value::Scalar::Float(1.0), crate::value::Type::F64);
        let inverse = || one().binary(Divide, Postfix::key(0)).binary(Gt, one());
        for kind in KINDS {
            let (before, after) = put_together(prices(), prices(), kind, inverse());
            assert_eq!(before == after, kind != SetKind::UnionAll, "{after}");
            let (before, after) = put_together(prices(), prices(), kind, Postfix::key(0).binary(Gt, one()));
            assert_ne!(before, after);
        }
    }

    #[test]
    fn rows_that_may_have_no_result_stay_to_be_known() {
        let divided = |by: i64| {
            draft(f::Track).select([
                field(f::track::MILLISECONDS),
                int(by).binary(Divide, field(f::track::MILLISECONDS)),
            ])
        };
        let doubtful = || {
            let product = field(f::track::MILLISECONDS).binary(Multiply, int(2)).binary(Gt, int(1));
            draft(f::Track).filter(product).select([field(f::track::MILLISECONDS)])
        };
        for kind in KINDS {
            for (left, right) in [(divided(1), divided(2)), (lengths(), doubtful()), (doubtful(), lengths())]
            {
                let (before, after) = put_together(left, right, kind, is_7());
                assert_eq!(before == after, kind != SetKind::UnionAll, "{after}");
            }
        }
    }
}
