//! A sort whose order nobody sees goes, and so do terms of an ordering after those that tell all records apart.
//!
//! ```text
//! before                              after
//! aggregate count                     aggregate count
//!   aggregate by title                  aggregate by title
//!     sort released                       scan Album
//!       scan Album
//!
//! sort title, id, released            sort title, id
//!   scan Album                          scan Album
//! ```
//!
//! Sets and what subqueries look at come in any order, and so do groups that nobody sees the order of; otherwise each comes where
//! the first of its rows stood, which `distinct` promises. A sort orders rows whatever order they had: rows that compare
//! equal in it come in the order of their keys. Must not fire on a sort that keeps the first rows only, nor where rows are
//! numbered, limited or joined into a text in the order that they have.

use alloc::boxed::Box;

use super::drop_distinct::only_source;
use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Asked, LogicalPlan, Node, SlotDef, Sort, replace};
use crate::engine::planted::{self, Bug};

pub(super) const RULE: Rule = Rule { name: "drop_sorts", of: Kinds::ORDER, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    let slots = core::mem::take(&mut plan.slots);
    plan.root = drop_in(plan.root, true, &slots);
    plan.slots = slots;
    plan
}

/// `node` without sorts for nobody; `seen` is whether somebody sees the order of its rows.
fn drop_in(mut node: Node, seen: bool, slots: &[SlotDef]) -> Node {
    if !seen {
        while let Node::Sort(Sort { input, window: None, .. }) = node {
            node = *input;
        }
    }
    let hidden = |side: &mut Box<Node>| replace(side, |side| drop_in(side, false, slots));
    let mut below = seen;
    match &mut node {
        Node::Aggregate(aggregate) => {
            below = (seen && !aggregate.keys().is_empty())
                || aggregate.items.iter().any(|item| item.function.depends_on_order());
        }
        Node::Set(set) => {
            hidden(&mut set.right);
            below = false;
        }
        Node::Subquery(subquery) => {
            let joins_texts = match &subquery.asked {
                Asked::Aggregate(term, _) => term.function.depends_on_order(),
                Asked::Any | Asked::Count => false,
            };
            if !joins_texts {
                hidden(&mut subquery.inner);
            }
        }
        Node::Join(join) => {
            hidden(&mut join.inner);
            below = false;
        }
        Node::Sort(sort) => {
            weaken(sort, slots);
            below = false;
        }
        Node::Limit(_) if planted::is(Bug::OrderBelowLimitDropped) => {}
        Node::Limit(_) | Node::Window(_) => below = true,
        _ => {}
    }
    if let Some(input) = node.input_mut() {
        replace(input, |input| drop_in(input, below, slots));
    }
    node
}

/// Drops the terms after the key of the only record that rows have of their own.
fn weaken(sort: &mut Sort, slots: &[SlotDef]) {
    let Some(slot) = only_source(&sort.input) else { return };
    let Some(key) = slots[usize::from(slot.0)].collection.clustered else { return };
    if let Some(at) = sort.terms.iter().position(|term| term.expr.as_field() == Some((slot, key))) {
        sort.terms.truncate(at + 1);
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use crate::engine::fixture::{self as f, aggregate, draft, field};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::{AggregateFunction, Clause};

    #[test]
    fn an_order_that_nobody_sees_goes() {
        let ordered = || draft(f::Album).order_by(field(f::album::RELEASED), false);
        let distinct = ordered().select([field(f::album::TITLE)]).clause(Clause::Distinct);
        let counted = distinct.aggregate([(AggregateFunction::Count, None)]).build();
        let (before, after) = before_and_after(&counted, "drop_sorts", &[]);
        assert!(before.contains("sort released"), "{before}");
        assert_eq!(after, "project [count]\n  aggregate count\n    aggregate by title\n      scan Album");
    }

    #[test]
    fn an_order_that_decides_something_stays() {
        let ordered = || draft(f::Album).order_by(field(f::album::RELEASED), false);
        let (before, after) = before_and_after(&ordered().build(), "drop_sorts", &[]);
        assert_eq!(before, after);
        // Of each kind the first row decides where it comes.
        let distinct = || ordered().select([field(f::album::TITLE)]).clause(Clause::Distinct);
        let (before, after) = before_and_after(&distinct().build(), "drop_sorts", &[]);
        assert!(before.contains("sort released"), "{before}");
        assert_eq!(before, after);
        let (before, after) = before_and_after(&distinct().limit(3).build(), "drop_sorts", &[]);
        assert!(before.contains("sort released"), "{before}");
        assert_eq!(before, after);
        let limited = ordered().limit(3).select([field(f::album::TITLE)]).clause(Clause::Distinct).build();
        let (before, after) = before_and_after(&limited, "drop_sorts", &[]);
        assert_eq!(before, after);
        let separator = ", ".to_string();
        let texts = aggregate(AggregateFunction::StringAgg { separator }, Some(field(f::album::TITLE)));
        let (before, after) =
            before_and_after(&ordered().group_by([]).select([texts]).build(), "drop_sorts", &[]);
        assert!(before.contains("sort released"), "{before}");
        assert_eq!(before, after);
    }

    #[test]
    fn terms_after_the_key_order_nothing() {
        let term = |ordinal| crate::expr::OrderTerm {
            expression: field(ordinal),
            descending: false,
            nulls_first: None,
        };
        let terms = [f::album::TITLE, f::album::ID, f::album::RELEASED].map(term).to_vec();
        let (_, after) =
            before_and_after(&draft(f::Album).clause(Clause::Order(terms)).build(), "drop_sorts", &[]);
        assert_eq!(after, "project Album\n  sort title, id\n    scan Album");
    }
}
