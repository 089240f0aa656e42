//! Sieves: the rows of a join are those without them, wherever its table is asked, and fewer come to what is between.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::fixture::{self as f, DraftBuilder, draft, field, join};
use super::*;
use crate::engine::physical::{Ahead, Operator, PhysicalNode, Sieve};
use crate::expr::{BinaryOp, JoinKind, Postfix, UnaryOp};
use crate::storage::pager::PagerOptions;
use crate::storage::vfs::MemoryVfs;

const TRACKS: i128 = 3000;

fn inner(position: u8, ordinal: u16) -> Postfix {
    f::inner(position, ordinal)
}

fn same(a: Postfix, b: Postfix) -> Postfix {
    a.binary(BinaryOp::Eq, b)
}

/// The records in a file: what memory has no room for is put aside.
fn filed() -> Store {
    let store =
        Store::open(Arc::new(MemoryVfs::new()), "music", PagerOptions::default(), (None, None), &f::DATABASE);
    let store = store.expect("a new file");
    insert(&store, &with_tracks(TRACKS));
    store
}

/// Makes the joins of a plan ask nothing of their rows beforehand.
fn without_sieves(node: &mut PhysicalNode) {
    if let Operator::Join(join) = &mut node.operator {
        join.sieves.clear();
    }
    while let Operator::Sieve(Sieve { input, .. }) | Operator::Ahead(Ahead { input, .. }) = &mut node.operator
    {
        *node = core::mem::replace(&mut **input, PhysicalNode { operator: Operator::Pairs, rows: 0.0 });
    }
    node.children_mut().into_iter().for_each(without_sieves);
}

/// The rows of a draft with sieves, in a thread of its own or in four, and with little memory, are those without.
fn check(store: &Store, draft: &Draft) -> Plan {
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let view = operation.view();
    let sorted = |mut rows: Vec<Vec<Scalar>>| {
        rows.sort_by_key(|row| format!("{row:?}"));
        rows
    };
    let mut plain = plan(view, draft, Purpose::Rows, RuleSet::ALL).expect("a plan");
    without_sieves(&mut plain.root);
    let expected = sorted(scalars(Rows::planned(view, plain, Run::default())).expect("rows"));
    let mut controls = Vec::from([Control::default(), Control::default()]);
    controls[1].set_memory(24 << 10);
    #[cfg(feature = "std")]
    {
        controls.push(Control::default());
        controls[2].set_threads(4);
    }
    for control in controls {
        let rows = sorted(controlled(&snapshot, draft, &control).expect("rows"));
        assert!(rows == expected, "{} rows, {} without sieves: {draft:?}", rows.len(), expected.len());
    }
    analyze(&snapshot, draft, &Control::default()).expect("a plan")
}

/// The rows that a sieve by `by` was given, and gave.
fn sieved(plan: &Plan, by: &str) -> Option<(u64, u64)> {
    let operators = plan.operators();
    let sieve =
        operators.iter().find(|node| node.operator == "sieve" && node.detail == format!("by {by}"))?;
    Some((sieve.children[0].actual?.rows, sieve.actual?.rows))
}

#[test]
fn rows_without_a_partner_go_on_their_page_before_other_joins() {
    let store = filed();
    let told = || [field(f::track::ID), inner(1, f::album::ID), inner(2, f::track::ID)];
    let of_album = || {
        let on = same(inner(1, f::album::ID), field(f::track::ALBUM));
        let on = on.binary(BinaryOp::And, same(inner(1, f::album::TITLE), f::text("3")));
        join(draft(f::Track), f::Album, on, JoinKind::Inner)
    };
    let namesake = || same(inner(2, f::track::NAME), field(f::track::NAME));
    // Six albums are called so, each with 75 tracks, whose names no entry has.
    let plan = check(&store, &of_album().select([field(f::track::NAME), inner(1, f::album::ID)]).build());
    assert_eq!(sieved(&plan, "album"), Some((3000, 450)), "{plan}");
    // Beneath a join of whichever kind.
    for kind in [JoinKind::Inner, JoinKind::Left] {
        let plan = check(&store, &join(of_album(), f::Track, namesake(), kind).select(told()).build());
        assert_eq!(sieved(&plan, "album"), Some((3000, 450)), "{plan}");
    }
    // With tests, the cheapest of which goes first.
    let long = field(f::track::MILLISECONDS)
        .binary(BinaryOp::Gt, Postfix::literal(Scalar::Int(900), crate::value::Type::I64));
    let plan = check(&store, &of_album().filter(long).select(told().into_iter().take(2)).build());
    assert!(plan.to_string().contains("sieve by album"), "{plan}");
    assert!(
        plan.operators().iter().all(|node| node.operator != "filter"
            || node.detail.contains("title")
            || node.children[0].operator == "scan"),
        "{plan}"
    );
}

#[test]
fn absent_values_pass_where_they_have_a_partner() {
    let store = filed();
    // Tracks without an editor are partners of each other where absent values are equal.
    for (test, kept, end) in [(UnaryOp::IsNone, true, 8), (UnaryOp::IsSome, false, 3)] {
        let on = same(inner(1, f::track::EDITOR), field(f::track::EDITOR));
        let few = inner(1, f::track::ID).binary(BinaryOp::Lt, f::id(end));
        let on = on.binary(BinaryOp::And, few).binary(BinaryOp::And, inner(1, f::track::EDITOR).unary(test));
        let query = join(draft(f::Track), f::Track, on, JoinKind::Inner);
        let plan = check(&store, &query.select([field(f::track::ID), inner(1, f::track::ID)]).build());
        let (given, gave) = sieved(&plan, "editor").unwrap_or_else(|| panic!("{plan}"));
        assert_eq!(given, 3000);
        assert!(gave < 3000 && (gave == 500) == kept, "{gave} rows");
    }
}

#[test]
fn what_is_asked_of_rows_is_made_anew_for_each_part_of_a_plan() {
    let store = filed();
    // Of the table of one join, by that of another.
    let on = same(inner(1, f::track::NAME), field(f::track::NAME));
    let twice = join(draft(f::Track), f::Track, on, JoinKind::Inner);
    let on = same(inner(2, f::album::ID), inner(1, f::track::ALBUM));
    let on = on.binary(BinaryOp::And, same(inner(2, f::album::TITLE), f::text("5")));
    let query = join(twice, f::Album, on, JoinKind::Inner);
    let plan = check(&store, &query.select([field(f::track::ID), inner(1, f::track::ID)]).build());
    assert!(plan.to_string().contains("sieve by"), "{plan}");
    // A limit sees the rows that have no partner, and so does a left join.
    for kind in [JoinKind::Inner, JoinKind::Left] {
        let on = same(inner(1, f::album::ID), field(f::track::ALBUM));
        let on = on.binary(BinaryOp::And, same(inner(1, f::album::TITLE), f::text("3")));
        let first = draft(f::Track).order_by(field(f::track::MILLISECONDS), false);
        let first = if kind == JoinKind::Inner { first.limit(700) } else { first };
        let query = join(first, f::Album, on, kind).select([field(f::track::ID), inner(1, f::album::ID)]);
        let plan = check(&store, &query.build());
        assert!(sieved(&plan, "album").is_none_or(|(given, _)| given == 700), "{plan}");
    }
}

#[test]
fn few_rows_are_read_before_a_table_of_many_is_made() {
    let store = filed();
    let named = |of: DraftBuilder| of.filter(same(field(f::album::TITLE), f::text("3")));
    let of_album = || same(inner(1, f::track::ALBUM), field(f::album::ID));
    let long = inner(1, f::track::NAME).binary(BinaryOp::Gt, field(f::album::TITLE));
    let of = |condition: Postfix| f::exists(f::Track, 1, condition);
    let told = || [field(f::album::ID)];
    let asked = of_album().binary(BinaryOp::And, long);
    // A few of the albums, and tracks of the others that nobody asks for; with and without a test of the pairs.
    let drafts = [
        named(draft(f::Album)).filter(of(asked.clone())).select(told()),
        named(draft(f::Album)).filter(of(asked.clone()).unary(UnaryOp::Not)).select(told()),
        named(draft(f::Album)).select([field(f::album::ID), of(asked)]),
    ];
    for draft in drafts {
        let plan = check(&store, &draft.build());
        assert!(plan.to_string().contains("ahead by id"), "{plan}");
        assert_eq!(sieved(&plan, "Track.album"), Some((3000, 450)), "{plan}");
    }
    // Where not all are wanted, no more are read than it takes.
    let snapshot = store.snapshot();
    let view = snapshot.operation();
    let first = draft(f::Album).filter(of(of_album())).select(told()).limit(1).build();
    assert_eq!(run(view.view(), &first).and_then(scalars).expect("rows").len(), 1);
}
