//! Rows that differ anyhow are not compared: those with the key of the only record that they are about.
//!
//! ```text
//! before                              after
//! project [id], [title]               project id, title
//!   aggregate by id, title              scan Album
//!     scan Album
//! ```
//!
//! Must not fire on rows of several records, as a join's, nor on what may have no result, which is an error of all groups; nor
//! when something is asked of the groups, be it how many rows each has.

use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Computed, Expr, ExprKind, LogicalPlan, Node, Slot, SlotDef};
use crate::engine::planted::{self, Bug};
use crate::schema::IndexDef;

pub(super) const RULE: Rule =
    Rule { name: "drop_distinct", of: Kinds::AGGREGATE, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    let slots = core::mem::take(&mut plan.slots);
    // What was the value of a group, as it is of the row.
    let mut values: Vec<(Computed, Expr)> = Vec::new();
    plan.root = plan.root.map(&mut |mut node| {
        node.map_expressions(&mut |expr| expr.map(&mut |part| as_of_row(part, &values)));
        match node {
            Node::Aggregate(aggregate)
                if aggregate.items.is_empty()
                    && aggregate.keys().iter().all(|key| key.expr.is_sure())
                    && only_source(&aggregate.input).is_some_and(|slot| {
                        aggregate.keys().iter().any(|key| is_key(&key.expr, slot, &slots))
                    }) =>
            {
                values.extend(aggregate.keys.into_iter().map(|key| (key.output, key.expr)));
                *aggregate.input
            }
            other => other,
        }
    });
    plan.slots = slots;
    plan
}

fn as_of_row(part: Expr, values: &[(Computed, Expr)]) -> Expr {
    let ExprKind::Computed(computed) = part.kind else { return part };
    values.iter().find(|(of, _)| *of == computed).map_or(part, |(_, expr)| expr.clone())
}

/// Whether no two records in the slot have the same value.
pub(super) fn is_key(expr: &Expr, slot: Slot, slots: &[SlotDef]) -> bool {
    let collection = &slots[usize::from(slot.0)].collection;
    expr.as_field().filter(|(of, _)| *of == slot).is_some_and(|(_, position)| {
        let required = !collection.fields[usize::from(position)].optional;
        let tells_apart = |index: &&IndexDef| index.tells_apart() || planted::is(Bug::DistinctLost);
        let mut unique = collection.indexes.iter().filter(tells_apart);
        collection.clustered == Some(position) || (required && unique.any(|index| index.fields == [position]))
    })
}

/// The slot whose records the rows are, each once.
pub(super) fn only_source(node: &Node) -> Option<Slot> {
    match node {
        Node::Scan(scan) => Some(scan.slot),
        Node::Filter(_)
        | Node::Lookup(_)
        | Node::Subquery(_)
        | Node::Sort(_)
        | Node::Limit(_)
        | Node::Window(_) => only_source(node.input()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fixture::{self as f, draft, field, inner};
    use crate::engine::logical::{Purpose, lower};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::Eq;
    use crate::expr::{Clause, JoinKind};
    use crate::value::Type;

    #[test]
    fn rows_with_the_key_of_their_record_are_distinct() {
        let both = [field(f::album::TITLE), field(f::album::ID)];
        let draft = draft(f::Album).select(both).clause(Clause::Distinct).build();
        let (before, after) = before_and_after(&draft, "drop_distinct", &[]);
        assert_eq!(before, "project [title], [id]\n  aggregate by title, id\n    scan Album");
        assert_eq!(after, "project title, id\n  scan Album");
        let names = f::draft(f::Artist).select([field(f::artist::NAME)]).clause(Clause::Distinct).build();
        let (_, after) = before_and_after(&names, "drop_distinct", &[]);
        assert_eq!(after, "project name\n  scan Artist");
    }

    #[test]
    fn a_field_of_another_record_may_lie_behind_all_of_this_one() {
        let plan = lower(&f::catalog(), &draft(f::Artist).build(), Purpose::Rows).expect("a sound draft");
        let of_track = Expr::field(Slot(1), f::track::EDITOR, Type::Id, true);
        assert!(!is_key(&of_track, Slot(0), &plan.slots));
        assert!(is_key(&Expr::field(Slot(0), f::artist::ID, Type::Id, false), Slot(0), &plan.slots));
    }

    #[test]
    fn others_are_compared() {
        let titles = draft(f::Album).select([field(f::album::TITLE)]).clause(Clause::Distinct).build();
        let (before, after) = before_and_after(&titles, "drop_distinct", &[]);
        assert_eq!(before, after);
        // An artist with two albums is there twice.
        let on = field(f::artist::ID).binary(Eq, inner(1, f::album::ARTIST));
        let join = Clause::Join { collection: f::Album, on, kind: JoinKind::Inner };
        let joined = draft(f::Artist).clause(join).select([field(f::artist::ID)]).clause(Clause::Distinct);
        let (before, after) = before_and_after(&joined.build(), "drop_distinct", &[]);
        assert_eq!(before, after);
    }
}
