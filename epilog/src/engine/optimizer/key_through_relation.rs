//! The key of the record that a relation leads to is the relation field itself.
//!
//! ```text
//! before                          after
//! filter album.id = 7             filter album = 7
//!   lookup Album by album           lookup Album by album
//!     scan Track                      scan Track
//! ```
//!
//! Sound because relations are enforced: a field that is not absent names a record that exists. The lookup is then often
//! read by nobody and [pruned](super::prune_unused). Must not fire on other fields, nor on a collection's own key.

use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Expr, ExprKind, LogicalPlan, Node, Slot};
use crate::engine::planted::{self, Bug};

pub(super) const RULE: Rule =
    Rule { name: "key_through_relation", of: Kinds::LOOKUP, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    // (slot looked up, its key's position) is what (slot, position) says.
    let mut known: Vec<((Slot, u16), (Slot, u16))> = Vec::new();
    plan.root.visit(&mut |node| {
        if let Node::Lookup(lookup) = node
            && let Some(key) = plan.slots[usize::from(lookup.into.0)].collection.clustered
        {
            known.push(((lookup.into, key), (lookup.from, lookup.position)));
        }
    });
    let mut replace = |expr: Expr| {
        let mut expr = expr;
        while let ExprKind::Field(slot, position) = expr.kind
            && let Some((_, (from, field))) = known.iter().find(|(key, _)| *key == (slot, position))
        {
            let origin = &plan.slots[usize::from(from.0)];
            let optional = origin.optional || origin.collection.fields[usize::from(*field)].optional;
            let optional = optional && !planted::is(Bug::KeyTakenForThere);
            expr = Expr::field(*from, *field, expr.ty, optional);
        }
        expr
    };
    plan.root = plan.root.map(&mut |mut node| {
        node.map_expressions(&mut |expr| expr.map(&mut replace));
        node
    });
    plan
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, field, id, text, through};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::Eq;

    #[test]
    fn the_key_of_a_related_record_is_the_field_that_points() {
        let predicate = through(&[f::track::ALBUM, f::album::ARTIST], f::artist::ID).binary(Eq, id(7));
        let draft = draft(f::Track).filter(predicate).build();
        let (_, after) = before_and_after(&draft, "key_through_relation", &[]);
        assert!(after.contains("filter album.artist = 7"), "{after}");
    }

    #[test]
    fn other_fields_are_read_where_they_are() {
        let name = through(&[f::track::ALBUM], f::album::TITLE).binary(Eq, text("x"));
        let draft = draft(f::Track).filter(name).filter(field(f::track::ID).binary(Eq, id(1))).build();
        let (before, after) = before_and_after(&draft, "key_through_relation", &[]);
        assert_eq!(before, after);
    }
}
