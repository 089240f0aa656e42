//! Groups whose rows follow each other: those that a table makes, in the order of the rows, and no more rows are read than it takes to
//! see the first few end.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::early::{self, order, read};
use super::fixture::{self as f, DraftBuilder, aggregate, draft, field, join};
use super::*;
use crate::engine::estimate::Costs;
use crate::engine::measured::priced::Priced;
use crate::engine::physical::{Access, IndexOrder, Operator, PhysicalNode};
use crate::expr::{AggregateFunction, BinaryOp, Clause, JoinKind, Postfix};

const TRACKS: i128 = 3000;

/// Makes the groups of a plan in tables; how many were not.
fn in_tables(node: &mut PhysicalNode) -> usize {
    let mut count = 0;
    if let Operator::Aggregate { runs, .. } = &mut node.operator {
        count += usize::from(core::mem::take(runs));
    }
    count + node.children_mut().into_iter().map(in_tables).sum::<usize>()
}

/// Checks what no table is made of; the plan as it was carried out. In several operations the rows are the same as well.
fn check(store: &Store, draft: &Draft) -> Plan {
    let plan = early::check(store, draft, in_tables);
    let snapshot = store.snapshot();
    let whole = controlled(&snapshot, draft, &Control::default()).expect("rows");
    assert_eq!(streamed(&snapshot, draft).expect("rows"), whole);
    plan
}

fn count() -> Postfix {
    aggregate(AggregateFunction::Count, None)
}

/// Texts in the order of rows, different values, a median, and what a filter lets through.
fn all_kinds() -> Vec<Postfix> {
    use AggregateFunction as F;
    let separator = "|".to_string();
    Vec::from([
        count(),
        aggregate(F::StringAgg { separator }, Some(field(f::track::NAME))),
        aggregate(F::CountDistinct, Some(field(f::track::EDITOR))),
        aggregate(F::Median, Some(field(f::track::MILLISECONDS))),
        aggregate(F::StdDev, Some(field(f::track::PRICE))),
        aggregate(F::Min, Some(field(f::track::NAME))),
        aggregate(F::Max, Some(field(f::track::EDITOR))),
        aggregate(F::Avg, Some(field(f::track::PRICE))),
        aggregate(F::ArrayAgg, Some(field(f::track::ID))),
    ])
}

#[test]
fn the_first_groups_of_an_index_end_early() {
    let store = store(&with_tracks(TRACKS));
    let by_length = || draft(f::Track).group_by([field(f::track::MILLISECONDS)]);
    let key = || Postfix::key(0);
    for descending in [false, true] {
        let ordered = || order(by_length(), &[(key(), descending)]);
        let plan = check(&store, &ordered().offset(2).limit(5).select([key(), count()]).build());
        assert!(read(&plan, "index scan Track by milliseconds") <= 100, "{plan}");
        assert!(plan.to_string().contains("one after the other"), "{plan}");
        // What is read beside the entries, whatever is made of it.
        let plan = check(&store, &ordered().limit(5).select([key()].into_iter().chain(all_kinds())).build());
        assert!(plan.to_string().contains("index scan Track by milliseconds"), "{plan}");
        // Of some groups.
        let most = Postfix::literal(Scalar::Int(1), crate::value::Type::U64);
        let having = by_length().filter(count().binary(BinaryOp::Gt, most));
        let plan = check(&store, &order(having, &[(key(), descending)]).limit(5).select([key()]).build());
        assert!(read(&plan, "index scan Track by milliseconds") <= 400, "{plan}");
    }
    // In any order.
    let plan = check(&store, &by_length().limit(5).select([key(), count()]).build());
    assert!(read(&plan, "index scan Track by milliseconds") <= 100, "{plan}");
    let values = draft(f::Track).select([field(f::track::MILLISECONDS)]).clause(Clause::Distinct).limit(5);
    let plan = check(&store, &values.build());
    assert!(read(&plan, "index scan Track by milliseconds") <= 100, "{plan}");
    // All of them are many rows that lie anywhere: a table is made.
    let all = order(by_length(), &[(key(), false)])
        .select([key(), aggregate(AggregateFunction::Sum, Some(field(f::track::PRICE)))]);
    let told = explain(store.snapshot().operation().view(), &all.build()).expect("a plan").to_string();
    assert!(!told.contains("one after the other"), "{told}");
}

/// Absent values are one group, in either direction, and so they are as the second of two keys.
#[test]
fn absent_keys_are_a_group_of_their_own() {
    let store = store(&with_tracks(TRACKS));
    for descending in [false, true] {
        let keys = [f::album::RELEASED, f::album::ARTIST].map(field);
        let terms = [(Postfix::key(1), descending), (Postfix::key(0), descending)];
        let albums = order(draft(f::Album).group_by(keys), &terms).limit(9);
        let plan = check(&store, &albums.select([Postfix::key(0), Postfix::key(1), count()]).build());
        assert!(plan.to_string().contains("index scan Album by artist, released"), "{plan}");
    }
}

#[test]
fn groups_of_records_by_key_and_of_sorted_rows_need_no_table() {
    let store = store(&with_tracks(TRACKS));
    let keys = [f::track::ID, f::track::ALBUM].map(field);
    let sums = draft(f::Track).filter(field(f::track::ACTIVE)).group_by(keys);
    check(&store, &sums.select([Postfix::key(0), Postfix::key(1), count()]).build());
    // Where the first of its kind stood, which no index has in order.
    for descending in [false, true] {
        let terms = [(field(f::track::PRICE), descending), (field(f::track::ACTIVE), !descending)];
        let sorted = order(draft(f::Track), &terms);
        let values = sorted.select([field(f::track::ACTIVE), field(f::track::PRICE)]);
        check(&store, &values.clause(Clause::Distinct).build());
    }
}

/// What is looked up for the rows, and paired with them, keeps their order.
#[test]
fn groups_of_pairs_end_early() {
    let store = store(&with_tracks(TRACKS));
    let on = || f::inner(1, f::album::ID).binary(BinaryOp::Eq, field(f::track::ALBUM));
    for kind in [JoinKind::Inner, JoinKind::Left] {
        let pairs = join(draft(f::Track), f::Album, on(), kind);
        let groups = pairs.group_by([field(f::track::MILLISECONDS)]).limit(4);
        let plan = check(&store, &groups.select([Postfix::key(0), count()]).build());
        assert!(read(&plan, "index scan Track by milliseconds") <= 100, "{plan}");
    }
}

/// What sorts groups of pairs by their keys reads no more of them than are wanted, and leaves them as they come where all are.
#[test]
fn groups_of_pairs_come_in_the_order_of_what_rows_begin_at() {
    let on = || f::inner(1, f::track::ALBUM).binary(BinaryOp::Eq, field(f::album::ID));
    let key = || Postfix::key(0);
    for kind in [JoinKind::Inner, JoinKind::Left] {
        // A little memory has no room for a table of 3,000, which a left join needs, and an inner one does not.
        let store = store(&with_tracks(if kind == JoinKind::Inner { 3000 } else { 1000 }));
        let snapshot = store.snapshot();
        // As where there are many.
        let _priced = Priced::new(Costs { probe: 200.0, build: 250.0, ..Costs::default() }, &[&snapshot]);
        for descending in [false, true] {
            // What asks pairs something is made of pairs. By a key that is equal to that of what rows begin at as well.
            let others = f::inner(1, f::track::NAME).binary(BinaryOp::Ne, field(f::album::TITLE));
            let on = || on().binary(BinaryOp::And, others.clone());
            let by = |by: Postfix| {
                let groups = join(draft(f::Album), f::Track, on(), kind).group_by([by]);
                order(groups, &[(key(), descending)])
            };
            let by_id = || by(field(f::album::ID));
            let plan = check(&store, &by_id().limit(4).select([key(), count()]).build());
            assert!(plan.to_string().contains("they come by [id]"), "{plan}");
            assert!(read(&plan, "scan Album") <= 12, "{plan}");
            let plan = check(&store, &by_id().select([key(), count()]).build());
            assert!(plan.to_string().contains("they come so"), "{plan}");
            let most = Postfix::literal(Scalar::Int(1), crate::value::Type::U64);
            let many = by_id().filter(count().binary(BinaryOp::Gt, most));
            check(&store, &many.limit(4).select([key(), count()]).build());
            if kind == JoinKind::Inner {
                check(&store, &by(f::inner(1, f::track::ALBUM)).limit(4).select([key(), count()]).build());
            }
            // What else a record has is in order behind its key.
            let groups = join(draft(f::Album), f::Track, on(), kind);
            let groups = groups.group_by([field(f::album::ID), field(f::album::TITLE)]);
            let groups = order(groups, &[(key(), descending), (Postfix::key(1), !descending)]);
            let plan = check(&store, &groups.limit(4).select([key(), Postfix::key(1), count()]).build());
            assert!(plan.to_string().contains("they come by [id]"), "{plan}");
            assert!(read(&plan, "scan Album") <= 12, "{plan}");
        }
    }
}

/// Numbers the rows of all of a collection; how many walks from value to value there were.
fn of_all(node: &mut PhysicalNode) -> usize {
    let mut count = 0;
    if let Operator::Scan(scan) = &mut node.operator
        && let Access::Index { entries, order, .. } = &mut scan.access
        && entries.as_ref().is_some_and(|entries| entries.loose > 0)
    {
        count = 1;
        // Records in the order of the index.
        assert!(
            entries.as_ref().is_some_and(|entries| !entries.alone)
                || *order != IndexOrder::BackwardTiesForward
        );
        match entries {
            Some(entries) if entries.alone => entries.loose = 0,
            _ => *entries = None,
        }
    }
    count + node.children_mut().into_iter().map(of_all).sum::<usize>()
}

/// The first few of each value of an index are read by a way down the tree for each, in whatever order they are wanted then.
#[test]
fn the_first_few_of_each_value_are_gone_to_one_by_one() {
    let store = store(&with_tracks(TRACKS));
    let per =
        |of: DraftBuilder, count| of.clause(Clause::limit_per(Vec::from([field(f::track::EDITOR)]), count));
    let plan = early::check(&store, &per(draft(f::Track), 1).build(), of_all);
    assert!(plan.to_string().contains("index scan Track by editor, one of each editor"), "{plan}");
    assert_eq!(read(&plan, "index scan Track by editor"), 6, "{plan}");
    // The last of each, and in the order of the index.
    for descending in [false, true] {
        let terms = [(field(f::track::EDITOR), descending), (field(f::track::ID), descending)];
        let plan = early::check(&store, &per(order(draft(f::Track), &terms), 3).build(), of_all);
        assert!(plan.to_string().contains(", first 3 of each editor"), "{plan}");
        assert!(!plan.to_string().contains("sort"), "{plan}");
        assert_eq!(read(&plan, "index scan Track by editor"), 18, "{plan}");
        let terms = [(field(f::track::ID), descending)];
        let plan = early::check(&store, &per(order(draft(f::Track), &terms), 2).build(), of_all);
        assert!(plan.to_string().contains("sort id"), "{plan}");
        assert_eq!(read(&plan, "index scan Track by editor"), 12, "{plan}");
        let ids =
            per(order(draft(f::Track), &terms), 2).select([field(f::track::ID), field(f::track::EDITOR)]);
        let plan = early::check(&store, &ids.build(), of_all);
        assert!(plan.to_string().contains(", first 2 of each editor, entries only"), "{plan}");
    }
    // In the order of what they are the first of the last value may come first, and the records of each as they lie: where sorting
    // a few rows is dearer than another way down the tree for each value.
    let editor = (field(f::track::EDITOR), true);
    let by_id = (field(f::track::ID), false);
    for terms in [Vec::from([editor.clone()]), Vec::from([editor.clone(), by_id.clone()])] {
        let of = per(order(draft(f::Track), &terms), 2).build();
        let plan = early::check(&store, &of, of_all);
        assert!(plan.to_string().contains("sort editor desc"), "{plan}");
        let snapshot = store.snapshot();
        let _priced = Priced::new(Costs { sort: 200_000.0, ..Costs::default() }, &[&snapshot]);
        let plan = early::check(&store, &of, of_all);
        let walk = "index scan Track by editor backwards, first 2 of each editor";
        assert!(plan.to_string().contains(walk) && !plan.to_string().contains("sort"), "{plan}");
        assert_eq!(read(&plan, "index scan Track by editor"), 12, "{plan}");
    }
    // What comes in another order than that of the walk is sorted.
    let plan = early::check(&store, &per(order(draft(f::Track), &[by_id, editor]), 2).build(), of_all);
    assert!(plan.to_string().contains("sort id"), "{plan}");
    // Not where it may be that the record does not get through, in another order, behind a limit, or by something else as well.
    let by_price = order(draft(f::Track), &[(field(f::track::PRICE), false)]);
    let both = Vec::from([field(f::track::EDITOR), field(f::track::PRICE)]);
    let others = [
        per(draft(f::Track).filter(field(f::track::ACTIVE)), 1),
        per(by_price, 1),
        per(draft(f::Track).limit(2000), 1),
        per(draft(f::Track), 100),
        per(draft(f::Track), 0),
        draft(f::Track).clause(Clause::limit_per(both, 1)),
    ];
    let snapshot = store.snapshot();
    for other in others {
        let told = explain(snapshot.operation().view(), &other.build()).expect("a plan").to_string();
        assert!(!told.contains("of each"), "{told}");
    }
}

/// What one entry of each value tells is read by a way down the tree for each: absent ones are one of them.
#[test]
fn few_different_values_are_gone_to_one_by_one() {
    let store = store(&with_tracks(TRACKS));
    let values = |of: DraftBuilder| of.select([field(f::track::EDITOR)]).clause(Clause::Distinct);
    let path = "index scan Track by editor";
    for descending in [false, true] {
        let editors = order(values(draft(f::Track)), &[(Postfix::key(0), descending)]);
        let plan = check(&store, &editors.build());
        assert!(plan.to_string().contains(", one of each editor, entries only"), "{plan}");
        assert_eq!(read(&plan, path), 6, "{plan}");
    }
    // The last record of each, which has the greatest key.
    let last = [Postfix::key(0), aggregate(AggregateFunction::Max, Some(field(f::track::ID)))];
    let plan = check(&store, &draft(f::Track).group_by([field(f::track::EDITOR)]).select(last).build());
    assert_eq!(read(&plan, path), 6, "{plan}");
    let snapshot = store.snapshot();
    let counted = [aggregate(AggregateFunction::CountDistinct, Some(field(f::track::EDITOR)))];
    let counted = draft(f::Track).group_by([]).select(counted).build();
    let plan = analyze(&snapshot, &counted, &Control::default()).expect("a plan");
    assert_eq!(read(&plan, path), 6, "{plan}");
    let rows = controlled(&snapshot, &counted, &Control::default()).expect("rows");
    assert_eq!(rows, [[Scalar::Int(5)]]);
    // Not where it may be that the entry does not get through, nor where rows are counted.
    let others = [
        values(draft(f::Track).filter(field(f::track::ACTIVE))),
        draft(f::Track).group_by([field(f::track::EDITOR)]).select([Postfix::key(0), count()]),
    ];
    for other in others {
        let told = explain(snapshot.operation().view(), &other.build()).expect("a plan").to_string();
        assert!(!told.contains("one of each"), "{told}");
    }
}
