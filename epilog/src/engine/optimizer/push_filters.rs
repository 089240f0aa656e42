//! Filters move towards the records: below lookups, subqueries and joins whose results they do not read, and below sorts.
//!
//! ```text
//! before                                       after
//! filter album.title = "x" & active            filter album.title = "x"
//!   lookup Album by album                        lookup Album by album
//!     sort name                                    sort name
//!       scan Track                                   filter active
//!                                                      scan Track
//! ```
//!
//! Must not fire across a limit, or a sort with one: fewer rows before it would let other rows through.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Expr, Join, LogicalPlan, Lookup, Node, Recursive, Set, Sort, Subquery};
use crate::engine::planted::{self, Bug};

pub(super) const RULE: Rule = Rule { name: "push_filters", of: Kinds::FILTER, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = push(plan.root, Vec::new());
    plan
}

/// `node` with `predicates` to get through, as deep as they can be.
pub(super) fn push(node: Node, predicates: Vec<Expr>) -> Node {
    let sink = |input: Box<Node>, predicates| Box::new(push(*input, predicates));
    match node {
        Node::Filter(filter) => {
            let mut all = filter.predicates;
            all.extend(predicates);
            push(*filter.input, all)
        }
        Node::Lookup(lookup) => {
            let (above, mut below) = split(predicates, |expr| expr.slots().contains(&lookup.into));
            if planted::is(Bug::PredicateDropped) {
                below.pop();
            }
            let input = sink(lookup.input, below);
            Node::Lookup(Lookup { input, ..lookup }).filtered(above)
        }
        Node::Subquery(subquery) => {
            let (above, below) = split(predicates, |expr| expr.computed_values().contains(&subquery.output));
            let input = sink(subquery.input, below);
            let (inner, pairs) = (sink(subquery.inner, Vec::new()), sink(subquery.pairs, Vec::new()));
            Node::Subquery(Subquery { input, inner, pairs, ..subquery }).filtered(above)
        }
        Node::Join(join) => {
            let (above, below) = split(predicates, |expr| join.reads_inner(expr));
            let input = sink(join.input, below);
            let (inner, pairs) = (sink(join.inner, Vec::new()), sink(join.pairs, Vec::new()));
            Node::Join(Join { input, inner, pairs, ..join }).filtered(above)
        }
        Node::Sort(sort) if sort.window.is_none() => {
            let input = sink(sort.input, predicates);
            Node::Sort(Sort { input, ..sort })
        }
        mut other => {
            if let Node::Set(Set { right, .. }) | Node::Recursive(Recursive { step: right, .. }) = &mut other
            {
                crate::engine::logical::replace(right, |node| push(node, Vec::new()));
            }
            if let Some(input) = other.input_mut() {
                crate::engine::logical::replace(input, |node| push(node, Vec::new()));
            }
            other.filtered(predicates)
        }
    }
}

fn split(predicates: Vec<Expr>, stays: impl Fn(&Expr) -> bool) -> (Vec<Expr>, Vec<Expr>) {
    predicates.into_iter().partition(stays)
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, field, text, through};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Eq};

    #[test]
    fn a_predicate_sinks_below_what_it_does_not_read() {
        let both = through(&[f::track::ALBUM], f::album::TITLE).binary(Eq, text("x"));
        let both = both.binary(And, field(f::track::ACTIVE));
        let draft = draft(f::Track).order_by(field(f::track::NAME), false).filter(both).build();
        let (before, after) = before_and_after(&draft, "push_filters", &["split_conjuncts"]);
        assert_eq!(
            before,
            "project Track\n  filter album.title = \"x\" & active\n    lookup Album by album\n      sort name\n        scan Track"
        );
        assert_eq!(
            after,
            "project Track\n  filter album.title = \"x\"\n    lookup Album by album\n      sort name\n        filter active\n          scan Track"
        );
    }

    #[test]
    fn a_limit_is_not_crossed() {
        let draft = draft(f::Track).limit(3).filter(field(f::track::ACTIVE)).build();
        let (before, after) = before_and_after(&draft, "push_filters", &[]);
        assert_eq!(before, after);
    }
}
