//! A filter on what all windows are partitioned by is asked before them: it keeps or drops whole partitions.
//!
//! ```text
//! before                                             after
//! filter album = 7 & [row_number()] <= 3             filter [row_number()] <= 3
//!   window row_number() by album order price           window row_number() by album order price
//!     scan Track                                         filter album = 7
//!                                                          scan Track
//! ```
//!
//! [`push_filters`](super::push_filters) then moves it on, to where an access path may imply it. Must not fire on a predicate
//! that reads anything but keys of the partitions of every window of the node, as that would take rows out of partitions
//! that others of are asked about; nor when something in or below the windows, or the predicate, may have no result: which rows
//! are counted must not decide whether that is an error.

use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Asked, Expr, ExprKind, Filter, LogicalPlan, Node, Windowing, replace};
use crate::engine::planted::{self, Bug};
use crate::expr::{AggregateFunction, BinaryOp, UnaryOp, WindowFunction};
use crate::parts;
use crate::value::Type;

pub(super) const RULE: Rule =
    Rule { name: "push_window_filters", of: Kinds::WINDOW.or(Kinds::LOOKUP), apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = within(plan.root);
    plan
}

/// `node` with filters pushed, from the top downwards: what gets through a window may get through one below it.
pub(super) fn within(mut node: Node) -> Node {
    node = match node {
        Node::Filter(filter) => take_over(filter.predicates, *filter.input),
        other => other,
    };
    match &mut node {
        Node::Set(set) => replace(&mut set.right, within),
        Node::Join(join) => replace(&mut join.inner, within),
        _ => {}
    }
    if let Some(input) = node.input_mut() {
        replace(input, within);
    }
    node
}

/// `node` with `predicates` to get through, those that a window below lets down asked below it.
fn take_over(predicates: Vec<Expr>, node: Node) -> Node {
    match node {
        // These keep every row: what does not read theirs may be asked below them.
        Node::Lookup(mut lookup) => {
            let (above, below): (Vec<_>, Vec<_>) =
                predicates.into_iter().partition(|expr| expr.slots().contains(&lookup.into));
            replace(&mut lookup.input, |input| take_over(below, input));
            Node::Lookup(lookup).filtered(above)
        }
        Node::Filter(Filter { input, predicates: mut all }) => {
            all.extend(predicates);
            take_over(all, *input)
        }
        Node::Window(mut window) if parts::WINDOWS && is_sure(&window) => {
            let (below, above): (Vec<_>, Vec<_>) =
                predicates.into_iter().partition(|predicate| keeps_partitions(&window, predicate));
            replace(&mut window.input, |input| input.filtered(below));
            Node::Window(window).filtered(above)
        }
        other => other.filtered(predicates),
    }
}

/// Whether a predicate is true of all rows of a partition or of none, in each of the windows.
fn keeps_partitions(window: &Windowing, predicate: &Expr) -> bool {
    let mut keeps = window.items.iter().map(|item| reads_only(predicate, &item.partition));
    !predicate.may_fault()
        && if planted::is(Bug::WindowFilterPushed) {
            keeps.any(|keeps| keeps)
        } else {
            keeps.all(|keeps| keeps)
        }
}

/// Whether an expression has one value for all rows that have equal values of `keys`: it is made of these and of literals.
/// Equal floats and decimals may differ in their sign or scale, and are compared only.
pub(super) fn reads_only(expr: &Expr, keys: &[Expr]) -> bool {
    use BinaryOp::{Eq, Ge, Gt, Le, Lt, Ne};
    if keys.contains(expr) {
        return !matches!(expr.ty, Type::F32 | Type::F64 | Type::Decimal);
    }
    let compares = match &expr.kind {
        ExprKind::Field(..) | ExprKind::Computed(_) => return false,
        ExprKind::Literal(_) => return true,
        ExprKind::Binary(op, ..) => matches!(op, Eq | Ne | Lt | Le | Gt | Ge),
        ExprKind::Unary(op, _) => matches!(op, UnaryOp::IsNone | UnaryOp::IsSome),
        ExprKind::Between(_) | ExprKind::In(..) => true,
        _ => false,
    };
    expr.children().into_iter().all(|part| (compares && keys.contains(part)) || reads_only(part, keys))
}

/// Whether neither the windows nor what they look at may run into something without a result.
pub(super) fn is_sure(window: &Windowing) -> bool {
    window.items.iter().flat_map(|item| item.expressions()).all(|expr| !expr.may_fault())
        && is_sure_below(&window.input)
}

/// Whether nothing in or below `node` may run into something without a result.
pub fn is_sure_below(node: &Node) -> bool {
    let mut sure = true;
    node.visit(&mut |node| {
        sure &= node.expressions().into_iter().all(|expr| !expr.may_fault());
        sure &= match node {
            Node::Aggregate(aggregate) => !aggregate.items.iter().any(|item| may_overflow(&item.function)),
            Node::Window(window) => !window.items.iter().any(|item| match &item.function {
                WindowFunction::Aggregate(function) => may_overflow(function),
                _ => false,
            }),
            Node::Subquery(subquery) => match &subquery.asked {
                Asked::Aggregate(term, _) => !may_overflow(&term.function),
                Asked::Any | Asked::Count => true,
            },
            _ => true,
        };
    });
    sure
}

fn may_overflow(function: &AggregateFunction) -> bool {
    matches!(function, AggregateFunction::Sum | AggregateFunction::Avg)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use crate::engine::fixture::{self as f, draft, field, id, int, window};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Divide, Eq, Gt, Le};
    use crate::expr::{Frame, Postfix, WindowFunction, WindowItem};
    use crate::value::{Scalar, Type};

    fn numbered(partition: Postfix) -> WindowItem {
        WindowItem {
            function: WindowFunction::RowNumber,
            argument: None,
            partition: Vec::from([partition]),
            order: Vec::new(),
            frame: Frame::DEFAULT,
        }
    }

    fn few() -> Postfix {
        window(0).binary(Le, Postfix::literal(Scalar::Int(3), Type::U64))
    }

    #[test]
    fn what_keeps_or_drops_partitions_goes_below() {
        let both = field(f::track::ALBUM).binary(Eq, id(7)).binary(And, few());
        let draft = draft(f::Track).window([numbered(field(f::track::ALBUM))]).filter(both).build();
        let (before, after) = before_and_after(&draft, "push_window_filters", &["split_conjuncts"]);
        assert_eq!(
            before,
            "project Track\n  filter album = 7 & [row_number()] <= 3\n    window row_number() by album\n      scan Track"
        );
        assert_eq!(
            after,
            "project Track\n  filter [row_number()] <= 3\n    window row_number() by album\n      filter album = 7\n        scan Track"
        );
    }

    #[test]
    fn windows_one_over_the_other_are_all_asked() {
        let draft = draft(f::Track)
            .window([numbered(field(f::track::ALBUM))])
            .window([numbered(field(f::track::ALBUM)), numbered(field(f::track::ACTIVE))])
            .filter(field(f::track::ALBUM).binary(Eq, id(7)))
            .build();
        let (before, after) = before_and_after(&draft, "push_window_filters", &["split_conjuncts"]);
        assert_eq!(before, after, "the second window has other partitions as well");
    }

    #[test]
    fn what_takes_rows_out_of_a_partition_stays() {
        let draft = draft(f::Track)
            .window([numbered(field(f::track::ALBUM))])
            .filter(field(f::track::ACTIVE))
            .build();
        let (before, after) = before_and_after(&draft, "push_window_filters", &["split_conjuncts"]);
        assert_eq!(before, after);
    }

    #[test]
    fn nothing_moves_past_what_may_have_no_result() {
        let inverse = int(1).binary(Divide, field(f::track::MILLISECONDS)).binary(Gt, int(0));
        let draft = draft(f::Track)
            .filter(inverse)
            .window([numbered(field(f::track::ALBUM))])
            .filter(field(f::track::ALBUM).binary(Eq, id(7)))
            .build();
        let (before, after) = before_and_after(&draft, "push_window_filters", &["split_conjuncts"]);
        assert_eq!(before, after);
    }
}
