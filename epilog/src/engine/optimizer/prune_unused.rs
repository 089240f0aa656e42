//! Lookups and subqueries whose results nobody reads are removed.
//!
//! ```text
//! before                          after
//! aggregate count                 aggregate count
//!   lookup Album by album           scan Track
//!     scan Track
//! ```
//!
//! Both keep every row, so nothing is lost. Must not fire on a lookup that another one begins at.

use alloc::vec::Vec;

use super::Rule;
use crate::engine::logical::{Column, Computed, LogicalPlan, Node, Slot};

pub(super) const RULE: Rule = Rule { name: "prune_unused", apply };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    loop {
        let (slots, computed) = reads(&plan.root);
        let mut removed = false;
        plan.root = plan.root.map(&mut |node| match node {
            Node::Lookup(lookup) if !slots.contains(&lookup.into) => {
                removed = true;
                *lookup.input
            }
            Node::Subquery(subquery) if !computed.contains(&subquery.output) => {
                removed = true;
                *subquery.input
            }
            other => other,
        });
        // What was removed may have been all that read something else.
        if !removed {
            return plan;
        }
    }
}

fn reads(root: &Node) -> (Vec<Slot>, Vec<Computed>) {
    let (mut slots, mut computed) = (Vec::new(), Vec::new());
    root.visit(&mut |node| {
        for expr in node.expressions() {
            slots.extend(expr.slots());
            computed.extend(expr.computed_values());
        }
        match node {
            Node::Lookup(lookup) => slots.push(lookup.from),
            Node::Project(project) => {
                slots.extend(project.columns.iter().filter_map(|column| match column {
                    Column::Record(slot) | Column::Rank(slot) => Some(*slot),
                    Column::Value(_) => None,
                }))
            }
            _ => {}
        }
    });
    (slots, computed)
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, field, id, through};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::Eq;

    #[test]
    fn a_lookup_for_nobody_goes() {
        let predicate = through(&[f::track::ALBUM], f::album::ID).binary(Eq, id(7));
        let draft = draft(f::Track).filter(predicate).build();
        let (before, after) = before_and_after(&draft, "prune_unused", &["key_through_relation"]);
        assert_eq!(before, "project Track\n  filter album = 7\n    lookup Album by album\n      scan Track");
        assert_eq!(after, "project Track\n  filter album = 7\n    scan Track");
    }

    #[test]
    fn a_lookup_on_the_way_stays() {
        let name = through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME);
        let draft = draft(f::Track).select([field(f::track::NAME), name]).build();
        let (before, after) = before_and_after(&draft, "prune_unused", &[]);
        assert_eq!(before, after);
    }
}
