//! A join that neither adds nor drops a row, and of whose records nothing is read, goes.
//!
//! ```text
//! before                                  after
//! project name, Album.id                  project name, album
//!   join Album on Album.id = album          scan Track
//!     inner: scan Album
//!     scan Track
//! ```
//!
//! A relation is checked: where the field is not absent there is the record that it points at, and one only. So an inner join by
//! a relation keeps the rows whose field is not absent, each once, and a left join all. The key of that record is the field
//! itself, read there. A left join by any unique key keeps each row once as well, whatever is asked of its records.
//!
//! Must not fire where anything else of the record is read, be it that the record comes out; where something that is
//! asked, or that rows are linked by, may have no result; nor by an index that is unique but for absent values, where
//! these are taken for equal.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Column, Expr, ExprKind, Filter, Inner, Join, LogicalPlan, Node, Slot, SlotDef};
use crate::engine::planted::{self, Bug};
use crate::expr::{JoinKind, UnaryOp};

pub(super) const RULE: Rule = Rule { name: "drop_joins", of: Kinds::JOIN, apply: Apply::Alone(apply) };

/// What a join comes to that is dropped.
struct Dropped {
    /// The slot of its records.
    slot: Slot,
    /// The key of these, and what it is of a row.
    key: Option<(u16, Expr)>,
    /// What becomes of rows: those that get through.
    filter: Vec<Expr>,
}

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    while let Some(dropped) = find(&plan) {
        let Dropped { slot, key, filter } = dropped;
        let mut filter = Some(filter);
        let mut as_of_row = |part: Expr| match (&key, part.as_field()) {
            (Some((position, of_row)), Some(field)) if field == (slot, *position) => of_row.clone(),
            _ => part,
        };
        plan.root = plan.root.map(&mut |node| match node {
            Node::Join(join) if join.slot == slot => {
                (*join.input).filtered(filter.take().unwrap_or_default())
            }
            mut other => {
                other.map_expressions(&mut |expr| expr.map(&mut as_of_row));
                other
            }
        });
    }
    plan
}

/// A join that can be dropped.
fn find(plan: &LogicalPlan) -> Option<Dropped> {
    let mut found = None;
    plan.root.visit(&mut |node| {
        if let (Node::Join(join), None) = (node, &found) {
            found = dropped(join, plan);
        }
    });
    found
}

fn dropped(join: &Join, plan: &LogicalPlan) -> Option<Dropped> {
    let outer = Inner::of(&join.input);
    if *join.pairs != Node::Pairs || !join.links.iter().all(|link| outer.is_sure(&link.outer)) {
        return None;
    }
    // All that is asked of its records.
    let mut asked: Vec<&Expr> = Vec::new();
    let mut node = &*join.inner;
    while let Node::Filter(Filter { input, predicates }) = node {
        asked.extend(predicates);
        node = input;
    }
    if !matches!(node, Node::Scan(scan) if scan.slot == join.slot)
        || !asked.iter().all(|predicate| predicate.is_sure())
    {
        return None;
    }
    let by_relation = by_relation(join, &plan.slots);
    let key = by_relation.as_ref().map(|(key, _)| *key);
    let read = Read::of(&plan.root, join, key);
    match (join.kind, by_relation) {
        _ if read == Read::Record => None,
        (JoinKind::Inner, Some((key, of_row))) => {
            let is_of_key = |predicate: &&Expr| {
                let mut is_key = true;
                predicate
                    .visit(&mut |part| is_key &= part.as_field().is_none_or(|(_, position)| position == key));
                is_key
            };
            if !asked.iter().all(is_of_key) {
                return None;
            }
            let mut filter: Vec<Expr> = Vec::new();
            if of_row.nullable && !planted::is(Bug::AbsentKeptByDroppedJoin) {
                filter.push(Expr::test(ExprKind::Unary(UnaryOp::IsSome, Box::new(of_row.clone()))));
            }
            let put = |predicate: &Expr| {
                predicate
                    .clone()
                    .map(&mut |part| if part.as_field().is_some() { of_row.clone() } else { part })
            };
            filter.extend(asked.into_iter().map(put));
            Some(Dropped { slot: join.slot, key: Some((key, of_row)), filter })
        }
        (JoinKind::Left, Some((key, of_row))) if asked.is_empty() => {
            Some(Dropped { slot: join.slot, key: Some((key, of_row)), filter: Vec::new() })
        }
        (JoinKind::Left, _) if read == Read::Nothing && finds_one(join, &plan.slots) => {
            Some(Dropped { slot: join.slot, key: None, filter: Vec::new() })
        }
        _ => None,
    }
}

/// The key of the records of a join by a relation of the rows, and the field that points at them.
fn by_relation(join: &Join, slots: &[SlotDef]) -> Option<(u16, Expr)> {
    let [link] = join.links.as_slice() else { return None };
    let target = &slots[usize::from(join.slot.0)].collection;
    let (slot, position) = link.outer.as_field()?;
    let field = &slots[usize::from(slot.0)].collection.fields[usize::from(position)];
    let points = field.reference.as_ref().is_some_and(|reference| reference.target == target.id);
    let key = target.clustered?;
    (points && link.inner.as_field() == Some((join.slot, key))).then(|| (key, link.outer.clone()))
}

/// Whether the links of a join find one record at most.
pub(super) fn finds_one(join: &Join, slots: &[SlotDef]) -> bool {
    let collection = &slots[usize::from(join.slot.0)].collection;
    let is_linked = |position: &u16, may_be_absent: bool| {
        join.links.iter().any(|link| {
            link.inner.as_field() == Some((join.slot, *position))
                && (!may_be_absent || !link.absent_matches || !link.outer.nullable)
        })
    };
    let mut unique =
        collection.indexes.iter().filter(|index| index.tells_apart() && collection.listed(index).is_none());
    collection.clustered.is_some_and(|key| is_linked(&key, false))
        || unique.any(|index| {
            let optional = |position: &u16| collection.fields[usize::from(*position)].optional;
            index.fields.iter().all(|position| is_linked(position, optional(position)))
        })
}

/// What of a join's records is read outside of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Read {
    Nothing,
    Key,
    Record,
}

impl Read {
    fn of(root: &Node, join: &Join, key: Option<u16>) -> Read {
        let mut read = Read::Nothing;
        let slot = join.slot;
        let mut note = |expr: &Expr| {
            expr.visit(&mut |part| match part.as_field() {
                Some((of, position)) if of == slot && Some(position) == key => read = read.max(Read::Key),
                Some((of, _)) if of == slot => read = Read::Record,
                _ => {}
            });
        };
        let own: Vec<&Node> = {
            let mut own = Vec::new();
            join.inner.visit(&mut |node| own.push(node));
            own
        };
        root.visit(&mut |node| match node {
            Node::Join(of) if of.slot == slot => of.links.iter().for_each(|link| note(&link.outer)),
            node if own.iter().any(|of| core::ptr::eq(*of, node)) => {}
            node => node.expressions().into_iter().for_each(&mut note),
        });
        root.visit(&mut |node| match node {
            Node::Lookup(lookup) if lookup.from == slot => read = Read::Record,
            Node::Native(native) if native.slot == slot => read = Read::Record,
            Node::Project(project) => {
                let comes_out =
                    |column: &Column| matches!(column, Column::Record(of) | Column::Rank(of) if *of == slot);
                if project.columns.iter().any(comes_out) {
                    read = Read::Record;
                }
            }
            _ => {}
        });
        read
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use crate::engine::fixture::{self as f, DraftBuilder, draft, field, id, inner, text};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Eq, Gt};
    use crate::expr::{Clause, JoinKind, Postfix};
    use crate::schema::CollectionSchema;

    fn check(draft: DraftBuilder) -> (String, String) {
        let before = ["split_conjuncts", "join_filters", "decorrelate", "push_filters"];
        before_and_after(&draft.build(), "drop_joins", &before)
    }

    fn tracks_joined(by: u16, to: fn() -> &'static CollectionSchema, kind: JoinKind) -> DraftBuilder {
        let on = field(by).binary(Eq, inner(1, 0));
        draft(f::Track).clause(Clause::Join { collection: to, on, kind })
    }

    #[test]
    fn a_join_by_a_relation_goes() {
        for kind in [JoinKind::Inner, JoinKind::Left] {
            let both = [field(f::track::NAME), inner(1, f::album::ID)];
            let (_, after) = check(tracks_joined(f::track::ALBUM, f::Album, kind).select(both));
            assert_eq!(after, "project name, album\n  scan Track");
        }
    }

    #[test]
    fn rows_that_point_at_nothing_go_with_an_inner_join_only() {
        let names =
            |kind| check(tracks_joined(f::track::EDITOR, f::Artist, kind).select([field(f::track::NAME)])).1;
        assert_eq!(names(JoinKind::Inner), "project name\n  filter is_some(editor)\n    scan Track");
        assert_eq!(names(JoinKind::Left), "project name\n  scan Track");
    }

    #[test]
    fn what_is_asked_of_the_key_is_asked_of_the_field() {
        let predicate = inner(1, f::artist::ID).binary(Gt, id(3));
        let draft = tracks_joined(f::track::EDITOR, f::Artist, JoinKind::Inner).filter(predicate);
        let (_, after) = check(draft.select([inner(1, f::artist::ID)]));
        assert_eq!(after, "project editor\n  filter is_some(editor) & editor > 3\n    scan Track");
    }

    #[test]
    fn a_left_join_by_a_unique_key_goes() {
        let joined = |on: Postfix| {
            let join = Clause::Join { collection: f::Artist, on, kind: JoinKind::Left };
            check(draft(f::Track).clause(join).select([field(f::track::NAME)]))
        };
        let named = || field(f::track::NAME).binary(Eq, inner(1, f::artist::NAME));
        assert_eq!(joined(named()).1, "project name\n  scan Track");
        assert_eq!(
            joined(named().binary(And, inner(1, f::artist::ID).binary(Gt, id(3)))).1,
            "project name\n  scan Track"
        );
        // Several may have a greater key.
        let (before, after) = joined(field(f::track::ALBUM).binary(Gt, inner(1, f::artist::ID)));
        assert_eq!(before, after);
    }

    #[test]
    fn a_record_that_is_read_stays() {
        for kind in [JoinKind::Inner, JoinKind::Left] {
            let (before, after) = check(tracks_joined(f::track::ALBUM, f::Album, kind));
            assert_eq!(before, after);
            let title = [inner(1, f::album::TITLE)];
            let (before, after) = check(tracks_joined(f::track::ALBUM, f::Album, kind).select(title));
            assert_eq!(before, after);
        }
        let titled = inner(1, f::album::TITLE).binary(Eq, text("x"));
        let draft = tracks_joined(f::track::ALBUM, f::Album, JoinKind::Inner).filter(titled);
        let (before, after) = check(draft.select([field(f::track::NAME)]));
        assert_eq!(before, after);
    }

    #[test]
    fn a_key_that_is_no_relation_may_point_at_nothing() {
        let on = field(f::track::ID).binary(Eq, inner(1, f::album::ID));
        let join = Clause::Join { collection: f::Album, on, kind: JoinKind::Inner };
        let (before, after) = check(draft(f::Track).clause(join).select([field(f::track::NAME)]));
        assert_eq!(before, after);
    }
}
