//! Limits move towards the records: into sorts, and with them below lookups and subqueries, which keep every row.
//!
//! ```text
//! before                          after
//! limit 10                        lookup Album by album
//!   lookup Album by album           top 10 by name
//!     sort name                       scan Track
//!       scan Track
//! ```
//!
//! With the feature `small` they go into sorts only, which then keep no more rows than are wanted.
//!
//! Must not fire across a filter, which drops rows, nor a sort that orders by what the lookup finds.

use alloc::boxed::Box;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Limit, LogicalPlan, Node, Sort, replace};
use crate::engine::planted::{self, Bug};
use crate::parts;

pub(super) const RULE: Rule = Rule { name: "push_limits", of: Kinds::ORDER, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = plan.root.map(&mut push);
    plan
}

/// Pushes `node`, if it limits, into an input that is pushed already.
fn push(node: Node) -> Node {
    match node {
        Node::Limit(Limit { input, window }) => match *input {
            Node::Limit(inner) => {
                let mut both = inner.window.then(window);
                if planted::is(Bug::LimitForgotten) {
                    both.take = window.take.or(both.take);
                }
                push(Node::Limit(Limit { window: both, ..inner }))
            }
            Node::Sort(mut sort) => {
                sort.window = Some(sort.window.map_or(window, |inner| inner.then(window)));
                push(Node::Sort(sort))
            }
            input @ Node::Filter(_) if planted::is(Bug::LimitThroughFilter) => {
                beneath(input, |below| push(Node::Limit(Limit { input: below, window })))
            }
            input @ (Node::Lookup(_) | Node::Subquery(_)) if parts::REWRITES => {
                beneath(input, |below| push(Node::Limit(Limit { input: below, window })))
            }
            input => Node::Limit(Limit { input: Box::new(input), window }),
        },
        Node::Sort(sort) if parts::REWRITES && sort.window.is_some() => {
            let Sort { input, terms, window } = sort;
            let reads = match &*input {
                Node::Lookup(lookup) => terms.iter().any(|term| term.expr.slots().contains(&lookup.into)),
                Node::Subquery(subquery) => {
                    terms.iter().any(|term| term.expr.computed_values().contains(&subquery.output))
                }
                _ => true,
            };
            if reads {
                Node::Sort(Sort { input, terms, window })
            } else {
                beneath(*input, |below| push(Node::Sort(Sort { input: below, terms, window })))
            }
        }
        other => other,
    }
}

/// Puts what `make` makes beneath `node`, which has an input.
fn beneath(mut node: Node, make: impl FnOnce(Box<Node>) -> Node) -> Node {
    let input = node.input_mut().expect("a lookup or a subquery");
    replace(input, |below| make(Box::new(below)));
    node
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, field, through};
    use crate::engine::optimizer::tests::before_and_after;

    #[test]
    fn a_limit_joins_the_sort_and_both_sink_below_the_lookup() {
        let draft = draft(f::Track)
            .order_by(field(f::track::NAME), false)
            .select([through(&[f::track::ALBUM], f::album::TITLE)])
            .limit(10)
            .build();
        let (before, after) = before_and_after(&draft, "push_limits", &[]);
        assert_eq!(
            before,
            "project album.title\n  limit 10\n    lookup Album by album\n      sort name\n        scan Track"
        );
        assert_eq!(
            after,
            "project album.title\n  lookup Album by album\n    top 10 by name\n      scan Track"
        );
    }

    #[test]
    fn a_filter_and_a_sort_by_the_related_are_not_crossed() {
        let title = || through(&[f::track::ALBUM], f::album::TITLE);
        let draft = draft(f::Track).order_by(title(), true).filter(field(f::track::ACTIVE)).limit(5).build();
        let (before, after) = before_and_after(&draft, "push_limits", &[]);
        assert_eq!(before, after);
    }
}
