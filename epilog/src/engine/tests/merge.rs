//! Joins of sides that come in the order of what they are linked by: the pairs of a hash table, and none is made.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::fixture::{self as f, draft, field, join};
use super::*;
use crate::engine::physical::{Operator, PhysicalNode};
use crate::expr::{BinaryOp, JoinKind, Postfix};

const TRACKS: i128 = 3000;

fn inner(ordinal: u16) -> Postfix {
    f::inner(1, ordinal)
}

/// Makes the joins of a plan merge their sides, or makes tables; how many there are.
fn set_merges(node: &mut PhysicalNode, merges: bool) -> usize {
    let mut count = 0;
    if let Operator::Join(join) = &mut node.operator {
        join.merges = merges;
        count += 1;
    }
    count + node.children_mut().into_iter().map(|child| set_merges(child, merges)).sum::<usize>()
}

/// The rows of a draft whose sides come in order, by merging, and by a table.
fn rows_of(store: &Store, draft: &Draft) -> [Vec<Vec<Scalar>>; 2] {
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let view = operation.view();
    [true, false].map(|merges| {
        let mut plan = plan(view, draft, Purpose::Rows, RuleSet::ALL).expect("a plan");
        assert_eq!(set_merges(&mut plan.root, merges), 1);
        let mut rows = scalars(Rows::planned(view, plan, Run::default())).expect("rows");
        rows.sort_by_key(|row| format!("{row:?}"));
        rows
    })
}

#[test]
fn sides_that_come_in_order_are_merged_where_that_costs_less() {
    let store = store(&with_tracks(TRACKS));
    let on = || inner(f::track::ID).binary(BinaryOp::Eq, field(f::track::ID));
    let both = || [field(f::track::NAME), inner(f::track::ID), inner(f::track::MILLISECONDS)];
    let plan =
        |draft: &Draft| explain(store.snapshot().operation().view(), draft).expect("a plan").to_string();
    for (kind, expected) in [
        (
            JoinKind::Inner,
            "project name, Track 2.id, Track 2.milliseconds\n  merge join Track 2.id = id\n    scan Track\n    scan Track",
        ),
        (
            JoinKind::Left,
            "project name, Track 2.id, Track 2.milliseconds\n  left merge join Track 2.id = id\n    scan Track\n    scan Track",
        ),
    ] {
        let query = join(draft(f::Track), f::Track, on(), kind).select(both()).build();
        assert_eq!(plan(&query), expected);
        let [merged, by_table] = rows_of(&store, &query);
        assert!(merged == by_table && merged.len() == TRACKS as usize);
    }
    // Of very many and few, the few are put into a table.
    let few = draft(f::Track).filter(field(f::track::ID).binary(BinaryOp::Lt, f::id(20)));
    let draft = join(few, f::Track, on(), JoinKind::Left).select(both()).build();
    assert!(!plan(&draft).contains("merge"), "{}", plan(&draft));
    // Values that no index of the other side begins with come in no order.
    let on = inner(f::track::NAME).binary(BinaryOp::Eq, field(f::track::NAME));
    let draft = join(super::fixture::draft(f::Track), f::Track, on, JoinKind::Inner).select(both()).build();
    assert!(!plan(&draft).contains("merge"), "{}", plan(&draft));
}

#[test]
fn rows_with_one_key_meet_their_partners_in_whatever_batches_they_come() {
    // Many rows have one album, or editor, or none, in many batches; the first few hundred tracks are partners of the others.
    let store = store(&with_tracks(TRACKS));
    for kind in [JoinKind::Inner, JoinKind::Left] {
        let ordered = |by: u16| draft(f::Track).order_by(field(by), false).limit(2900);
        let on = inner(f::album::ID).binary(BinaryOp::Eq, field(f::track::ALBUM));
        let of_album = join(ordered(f::track::ALBUM), f::Album, on, kind)
            .select([field(f::track::ID), inner(f::album::TITLE)]);
        let on = inner(f::artist::ID).binary(BinaryOp::Eq, field(f::track::EDITOR));
        let of_editor = join(ordered(f::track::EDITOR), f::Artist, on, kind)
            .select([field(f::track::ID), inner(f::artist::NAME)]);
        // Of the pairs some are tested, and rows of a left join stay without any.
        let later = inner(f::album::RELEASED)
            .binary(BinaryOp::Gt, Postfix::literal(Scalar::Int(20), crate::value::Type::Date));
        let on =
            inner(f::album::ID).binary(BinaryOp::Eq, field(f::track::ALBUM)).binary(BinaryOp::And, later);
        let tested = join(ordered(f::track::ALBUM), f::Album, on, kind)
            .select([field(f::track::ID), inner(f::album::TITLE)]);
        for draft in [of_album, of_editor, tested] {
            let [merged, by_table] = rows_of(&store, &draft.build());
            assert!(merged == by_table, "{} rows, {} by a table", merged.len(), by_table.len());
            assert!(merged.len() > 500);
        }
    }
}

/// A join keeps the order of the rows that it begins at: so it may be a side itself.
#[test]
fn a_side_may_be_a_join_whose_rows_come_in_order() {
    let store = store(&with_tracks(TRACKS));
    // Of half of the tracks there is no album, so that rows without a pair are between the others.
    let early = inner(f::album::ID).binary(BinaryOp::Lt, f::id(20));
    let on = inner(f::album::ID).binary(BinaryOp::Eq, field(f::track::ALBUM)).binary(BinaryOp::And, early);
    let of_album = join(draft(f::Track), f::Album, on, JoinKind::Left);
    for kind in [JoinKind::Inner, JoinKind::Left] {
        let same = f::inner(2, f::track::ID).binary(BinaryOp::Eq, field(f::track::ID));
        let values = [field(f::track::ID), inner(f::album::TITLE), f::inner(2, f::track::NAME)];
        let draft = join(of_album.clone(), f::Track, same, kind).select(values).build();
        let snapshot = store.snapshot();
        let operation = snapshot.operation();
        let text = explain(operation.view(), &draft).expect("a plan").to_string();
        assert!(
            text.contains("merge join Track 2.id = id\n    left join through hash table, Album.id"),
            "{text}"
        );
        let rows = |merges: bool, memory: Option<usize>| {
            let mut control = Control::default();
            memory.into_iter().for_each(|bytes| control.set_memory(bytes));
            let run = control.begin(operation.view());
            let mut plan = plan(operation.view(), &draft, Purpose::Rows, RuleSet::ALL).expect("a plan");
            if !merges {
                set_merges(&mut plan.root, false);
            }
            let mut rows = scalars(Rows::planned(operation.view(), plan, run)).expect("rows");
            rows.sort_by_key(|row| format!("{row:?}"));
            rows
        };
        let expected = rows(false, None);
        assert_eq!(expected.len(), TRACKS as usize);
        assert!(rows(true, None) == expected && rows(true, Some(1 << 20)) == expected);
    }
}
