//! Sieves: the rows of a join are those without them, wherever its table is asked, and fewer come to what is between.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::fixture::{self as f, DraftBuilder, draft, field, join};
use super::*;
use crate::engine::physical::{Ahead, Operator, PhysicalNode, Sieve};
use crate::engine::planted::{Bug, Planted};
use crate::expr::{AggregateFunction, BinaryOp, Clause, FieldPath, JoinKind, Postfix, RowPath, UnaryOp};
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
pub(super) fn without_sieves(node: &mut PhysicalNode) {
    if let Operator::Join(join) = &mut node.operator {
        join.sieves.clear();
    }
    if let Operator::Subquery(subquery) = &mut node.operator {
        subquery.sieves.clear();
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
    for control in super::early::controls(24 << 10) {
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
fn texts_floats_and_several_values_are_asked_for() {
    let store = filed();
    let of = |on: Postfix| {
        let on = on.binary(BinaryOp::And, inner(1, f::track::ID).binary(BinaryOp::Lt, f::id(20)));
        join(draft(f::Track), f::Track, on, JoinKind::Inner)
            .select([field(f::track::ID), inner(1, f::track::ID)])
            .build()
    };
    let by = |ordinal| same(inner(1, ordinal), field(ordinal));
    for (ordinal, name) in
        [(f::track::NAME, "name"), (f::track::PRICE, "price"), (f::track::ACTIVE, "active")]
    {
        let plan = check(&store, &of(by(ordinal)));
        let Some((given, gave)) = sieved(&plan, name) else {
            // Both flags are there.
            assert_eq!(name, "active", "{plan}");
            continue;
        };
        assert!(given == 3000 && gave < 800, "{gave} rows by {name}");
    }
    // An album and a price are those of many, both together of fewer.
    let both = by(f::track::ALBUM).binary(BinaryOp::And, by(f::track::PRICE));
    let plan = check(&store, &of(both));
    let (_, gave) = sieved(&plan, "album, price").unwrap_or_else(|| panic!("{plan}"));
    assert!((285..500).contains(&gave), "{plan}");
}

#[test]
fn zeros_of_both_signs_and_what_is_no_number_are_partners() {
    let mut records = with_tracks(TRACKS);
    let prices = [-0.0, f64::NAN, 0.0, -f64::NAN, 1.5, 2.5, -1.5, 3.5, 4.5, 5.5];
    for (at, track) in records[2].1.iter_mut().enumerate() {
        track[usize::from(f::track::PRICE)] = Scalar::Float(prices[at % prices.len()]);
    }
    let store = store(&records);
    for id in 1..=5 {
        let on = same(inner(1, f::track::PRICE), field(f::track::PRICE));
        let on = on.binary(BinaryOp::And, same(inner(1, f::track::ID), f::id(id)));
        let query = join(draft(f::Track), f::Track, on, JoinKind::Inner);
        let query = query.select([field(f::track::ID), inner(1, f::track::ID)]).build();
        let plan = check(&store, &query);
        let expected = if id < 5 { 600 } else { 300 };
        assert_eq!(sieved(&plan, "price"), Some((3000, expected)), "{plan}");
        let _planted = Planted::new(Bug::ZerosSieved);
        let plan = analyze(&store.snapshot(), &query, &Control::default()).expect("a plan");
        assert_eq!(sieved(&plan, "price"), Some((3000, 300)), "{plan}");
    }
}

#[test]
fn rows_without_an_answer_go_on_their_page() {
    let store = filed();
    let has = || {
        let on = same(inner(1, f::album::ID), field(f::track::ALBUM));
        let titled = same(inner(1, f::album::TITLE), f::text("3"));
        let longer = inner(1, f::album::TITLE).binary(BinaryOp::Lt, field(f::track::NAME));
        f::exists(f::Album, 1, on.binary(BinaryOp::And, titled).binary(BinaryOp::And, longer))
    };
    let told = || [field(f::track::ID)];
    let plan = check(&store, &draft(f::Track).filter(has()).select(told()).build());
    let many = plan.to_string();
    assert!(many.contains("semi join") && many.contains("sieve by album"), "{plan}");
    assert_eq!(sieved(&plan, "album"), Some((3000, 450)), "{plan}");
    // Those that have none stay, and so do those with a value that stands for it.
    let not = draft(f::Track).filter(has().unary(UnaryOp::Not)).select(told());
    let value = draft(f::Track).select([field(f::track::ID), has()]);
    for draft in [not, value] {
        let plan = check(&store, &draft.build());
        assert_eq!(sieved(&plan, "album"), None, "{plan}");
    }
}

#[test]
fn groups_without_a_partner_are_not_made() {
    let store = filed();
    let count = || f::aggregate(AggregateFunction::Count, None);
    let least = || f::aggregate(AggregateFunction::Min, Some(field(f::track::NAME)));
    let groups =
        |of: DraftBuilder| of.group_by([field(f::track::ALBUM)]).select([Postfix::key(0), count(), least()]);
    let of_groups = |groups: DraftBuilder, number, of, kind| {
        let on = same(f::window(number), field(of));
        let named = draft(f::Album).filter(same(field(f::album::TITLE), f::text("3")));
        let joined = named.clause(Clause::join_query(groups.build(), on, kind));
        joined.select([field(f::album::ID), f::window(1), f::window(2)]).build()
    };
    for kind in [JoinKind::Inner, JoinKind::Left] {
        let plan = check(&store, &of_groups(groups(draft(f::Track)), 0, f::album::ID, kind));
        assert_eq!(sieved(&plan, "Track.album"), Some((3000, 450)), "{plan}");
    }
    // What the groups have is not what their rows have.
    let plan = check(&store, &of_groups(groups(draft(f::Track)), 2, f::album::TITLE, JoinKind::Inner));
    assert!(!plan.to_string().contains("sieve by Track.name"), "{plan}");
    // Whether a row has no result is not to depend on which are left.
    let longer = field(f::track::MILLISECONDS).binary(BinaryOp::Add, f::int(1));
    let unsure = draft(f::Track).filter(longer.binary(BinaryOp::Ge, f::int(-100)));
    let plan = check(&store, &of_groups(groups(unsure), 0, f::album::ID, JoinKind::Inner));
    assert!(!plan.to_string().contains("sieve by Track.album"), "{plan}");
    // Nor what a limit lets through.
    let some = draft(f::Track).order_by(field(f::track::MILLISECONDS), false).limit(700);
    let plan = check(&store, &of_groups(groups(some), 0, f::album::ID, JoinKind::Inner));
    assert!(sieved(&plan, "Track.album").is_none_or(|(given, _)| given <= 700), "{plan}");
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

#[test]
fn nothing_is_sieved_between_pairs() {
    let mut records = with_tracks(3000);
    for (track, album) in records[2].1.iter_mut().zip([1, 2, 3].into_iter().cycle()) {
        track[usize::from(f::track::ALBUM)] = Scalar::Int(album);
    }
    let countries = (0..40).map(|n: i128| {
        let (code, name) = (format!("c{n}"), format!("artist {}", n % 3));
        Vec::from([Scalar::String(code), Scalar::String(name), Scalar::Int(n)])
    });
    records.push((f::Country as fn() -> _, countries.collect()));
    let store = store(&records);
    // The tracks of an album are found through an index, and what their editors are asked is asked of the pairs: for ranges of
    // countries, and then for one that has a table.
    let editor = || Postfix::field(FieldPath { row: RowPath::source(1).hop(f::track::EDITOR), ordinal: 1 });
    let and = |a: Postfix, b: Postfix| a.binary(BinaryOp::And, b);
    let beyond = |of: u16, than: Postfix| {
        let beyond = |of, than| inner(2, of).binary(BinaryOp::Gt, than);
        f::exists(f::Country, 2, and(beyond(of, than), beyond(1 - of, editor())))
    };
    let one = f::exists(f::Country, 2, and(same(inner(2, 1), editor()), same(inner(2, 0), f::text("c3"))));
    let on = [beyond(1, inner(1, f::track::NAME)), beyond(0, editor()), beyond(1, editor()), one];
    let on = on.into_iter().fold(same(inner(1, f::track::ALBUM), field(f::album::ID)), and);
    let album = || draft(f::Album).filter(same(field(f::album::ID), f::id(3)));
    let has = || f::exists(f::Track, 1, on.clone());
    let drafts = [
        album().filter(has()).select([field(f::album::ID)]),
        album().filter(has().unary(UnaryOp::Not)).select([field(f::album::ID)]),
        album().select([field(f::album::ID), has()]),
        join(album(), f::Track, on.clone(), JoinKind::Left).select([inner(1, f::track::ID)]),
    ];
    for draft in drafts {
        let plan = check(&store, &draft.build());
        assert!(plan.to_string().contains("semi join Country through hash table"), "{plan}");
    }
}
