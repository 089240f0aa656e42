//! What queries put aside: the answers are those of a database in memory, whose queries keep everything, and what cannot be put
//! aside is refused by name.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::fixture::{self as f, DraftBuilder, draft, field, int};
use super::*;
use crate::expr::AggregateFunction::{
    ArrayAgg, Avg, Count, CountDistinct, Max, Median, Min, StringAgg, Sum, Variance,
};
use crate::expr::op::Link;
use crate::expr::{
    AggregateFunction, AggregateItem, BinaryOp, Clause, Frame, JoinKind, Postfix, Quantifier, SetKind,
    Subquery, WindowFunction, WindowItem,
};
use crate::storage::pager::PagerOptions;
use crate::storage::vfs::MemoryVfs;
use crate::value::Type;

const TRACKS: i128 = 3000;

/// The records in a file, where queries keep so many bytes without being asked to.
fn filed(memory: usize) -> Store {
    let options = PagerOptions { cache_bytes: 2 * memory, ..PagerOptions::default() };
    let store = Store::open(Arc::new(MemoryVfs::new()), "music", options, (None, None), &f::DATABASE);
    let store = store.expect("a new file");
    insert(&store, &with_tracks(TRACKS));
    store
}

fn sorted(mut rows: Vec<Vec<Scalar>>) -> Vec<Vec<Scalar>> {
    let compare = |a: &Vec<Scalar>, b: &Vec<Scalar>| {
        let pairs = a.iter().zip(b).map(|(a, b)| a.compare(b));
        pairs.fold(core::cmp::Ordering::Equal, core::cmp::Ordering::then)
    };
    rows.sort_by(compare);
    rows
}

/// What `draft` gives, in one operation and in several, and the bytes that it put aside.
fn given(store: &Store, draft: &Draft) -> ([Vec<Vec<Scalar>>; 2], u64) {
    let snapshot = store.snapshot();
    let at_once = run(snapshot.operation().view(), draft).and_then(scalars).expect("rows");
    let streamed = streamed(&snapshot, draft).expect("rows");
    let plan = analyze(&snapshot, draft, &Control::default()).expect("a plan");
    let spilled =
        plan.operators().into_iter().filter_map(|operator| operator.actual).map(|actual| actual.spilled);
    ([at_once, streamed], spilled.sum())
}

/// Checks that `draft` gives the same whatever memory there is, and puts something aside where there is little.
fn check(drafts: &[DraftBuilder]) {
    let ample = store(&with_tracks(TRACKS));
    let stores = [12 << 10, 48 << 10].map(filed);
    for draft in drafts {
        let draft = draft.clone().build();
        let ([expected, _], none) = given(&ample, &draft);
        assert_eq!(none, 0);
        let expected = sorted(expected);
        for (at, store) in stores.iter().enumerate() {
            let (got, spilled) = given(store, &draft);
            for got in got {
                let got = sorted(got);
                let differ = got.iter().zip(&expected).find(|(a, b)| format!("{a:?}") != format!("{b:?}"));
                assert!(got.len() == expected.len() && differ.is_none(), "{at}: {differ:?} of {draft:?}");
            }
            assert!(spilled > 0 || at > 0, "nothing was put aside of {draft:?}");
        }
    }
}

fn item(function: AggregateFunction, argument: Postfix) -> Postfix {
    f::aggregate(function, Some(argument))
}

fn name() -> Postfix {
    field(f::track::NAME)
}

fn length() -> Postfix {
    field(f::track::MILLISECONDS)
}

#[test]
fn groups_are_put_aside_by_keys_of_every_kind() {
    let grouped = |keys: Vec<Postfix>| {
        let count = keys.len();
        let keys_of = (0..count).map(|number| Postfix::key(number as u16));
        let items = [f::aggregate(Count, None), item(Sum, length()), item(Max, name())];
        draft(f::Track).group_by(keys).select(keys_of.chain(items))
    };
    check(&[
        grouped(Vec::from([name()])),
        grouped(Vec::from([length()])),
        // A word that is absent now and then; several in a word, and in none; a float.
        grouped(Vec::from([field(f::track::ACTIVE).choose(length(), f::null(Type::I64))])),
        grouped(Vec::from([field(f::track::EDITOR), length()])),
        grouped(Vec::from([
            field(f::track::ACTIVE),
            length().call(crate::expr::Function::TryCast(Type::I32), []),
        ])),
        grouped(Vec::from([name(), field(f::track::PRICE)])),
        grouped(Vec::from([f::through(&[f::track::ALBUM], f::album::RELEASED), length()])),
        draft(f::Track).select([name(), field(f::track::EDITOR)]).clause(Clause::Distinct),
    ]);
}

#[test]
fn what_is_distinct_after_an_order_keeps_it() {
    let (ample, scarce) = (store(&with_tracks(TRACKS)), filed(12 << 10));
    let names = draft(f::Track).order_by(length(), false).select([name()]).clause(Clause::Distinct);
    let drafts = [names.clone(), names.offset(500).limit(1000)];
    for draft in drafts {
        let draft = draft.build();
        let ([expected, _], _) = given(&ample, &draft);
        let (got, _) = given(&scarce, &draft);
        for got in got {
            assert_eq!(got, expected);
        }
    }
}

#[test]
fn aggregates_of_every_kind_are_made_of_what_was_put_aside() {
    let filtered = |function: AggregateFunction, argument: Option<Postfix>| {
        let filter = Some(length().binary(BinaryOp::Gt, int(300)));
        Postfix::aggregate(AggregateItem { function, argument, filter })
    };
    let items = [
        Postfix::key(0),
        item(Avg, field(f::track::PRICE)),
        item(Sum, field(f::track::PRICE)),
        item(Min, name()),
        item(Max, length()),
        item(CountDistinct, field(f::track::EDITOR)),
        item(Median, length()),
        item(Variance, field(f::track::PRICE)),
        item(StringAgg { separator: ", ".to_string() }, name()),
        item(ArrayAgg, length()),
        item(Sum, length().binary(BinaryOp::Multiply, int(3))),
        filtered(Count, None),
        filtered(Sum, Some(length())),
        f::aggregate(Count, None),
    ];
    let groups = |key: Postfix| draft(f::Track).group_by([key]).select(items.clone());
    check(&[groups(name()), groups(length())]);
}

#[test]
fn what_values_run_into_comes_back_with_them() {
    // An inverse that does not exist, of rows that the filter leaves out, and of those that it does not.
    let inverse = |of: Postfix| int(1000).binary(BinaryOp::Divide, of);
    let sum = |filter: Option<Postfix>| {
        Postfix::aggregate(AggregateItem { function: Sum, argument: Some(inverse(length())), filter })
    };
    let groups = |of: Postfix| draft(f::Track).group_by([name()]).select([Postfix::key(0), of]);
    check(&[groups(sum(Some(length().binary(BinaryOp::Ne, int(0)))))]);
    let store = filed(4 << 10);
    let snapshot = store.snapshot();
    let failed = streamed(&snapshot, &groups(sum(None)).build()).expect_err("a division by zero");
    assert!(matches!(failed, EngineError::Exec(ExecError::Arithmetic(_))), "{failed}");
    // The group that has no value does not come out.
    let of_some = draft(f::Track)
        .group_by([length()])
        .filter(Postfix::key(0).binary(BinaryOp::Ne, int(0)))
        .select([Postfix::key(0), sum(None)]);
    check(&[of_some]);
}

#[test]
fn what_a_value_of_a_sorted_row_ran_into_is_an_error_only_where_it_comes_out() {
    // One group has an inverse that does not exist: in one operation, in several, and put aside, its row counts as any other.
    let inverse = int(1000).binary(BinaryOp::Divide, length());
    let by = Postfix::key(0);
    let groups = draft(f::Track).group_by([length()]).select([by.clone(), item(Sum, inverse)]);
    let place = -i64::from(-50);
    let groups = |skip: i64| groups.clone().order_by(by.clone(), false).offset(skip as u64).limit(1700);
    for memory in [4 << 10, 1 << 20] {
        let store = filed(memory);
        let snapshot = store.snapshot();
        let draft = groups(place + 1).build();
        let ([at_once, streamed_rows], _) = given(&store, &draft);
        assert_eq!(at_once, streamed_rows);
        assert_eq!(at_once[0][0], Scalar::Int(1));
        let draft = groups(place).build();
        for failed in
            [run(snapshot.operation().view(), &draft).and_then(scalars), streamed(&snapshot, &draft)]
        {
            let failed = failed.expect_err("a division by zero");
            assert!(matches!(failed, EngineError::Exec(ExecError::Arithmetic(_))), "{failed}");
        }
    }
}

#[test]
fn sets_of_every_kind_are_made_of_what_was_put_aside() {
    // Names and who edits them: of some tracks twice, of others on one side only.
    let side = |least: i64, most: i64| {
        let between = length()
            .binary(BinaryOp::Ge, int(least))
            .binary(BinaryOp::And, length().binary(BinaryOp::Lt, int(most)));
        draft(f::Track).filter(between).select([name(), field(f::track::EDITOR)])
    };
    let sets = [
        (SetKind::Union, (-50, 1200), (700, 2000)),
        (SetKind::Intersect, (-50, 1500), (300, 2000)),
        (SetKind::IntersectAll, (-50, 1500), (300, 2000)),
        (SetKind::Except, (-50, 1500), (900, 2000)),
        (SetKind::ExceptAll, (-50, 1500), (900, 2000)),
        // What is on the left alone is too much.
        (SetKind::Except, (-50, 1700), (1699, 1700)),
        (SetKind::Union, (0, 1), (-50, 1700)),
    ];
    check(&sets.map(|(kind, left, right)| {
        side(left.0, left.1).clause(Clause::set(side(right.0, right.1).build(), kind))
    }));
}

#[test]
fn what_cannot_be_put_aside_is_refused_by_name_once_there_is_a_budget() {
    let store = filed(1 << 20);
    let snapshot = store.snapshot();
    let with = |bytes: usize, draft: DraftBuilder| {
        let mut control = Control::default();
        control.set_memory(bytes);
        let (mut rows, draft) = (0, draft.build());
        let mut each = |batch: &OutputBatch<'_>| -> Result<(), EngineError> {
            rows += batch.rows;
            Ok(())
        };
        crate::engine::for_each(&snapshot, &draft, &control, &mut each).map(|()| rows)
    };
    let check = |draft: DraftBuilder, operator: &str, why: &str| {
        let error = with(16 << 10, draft.clone()).expect_err("more than it may");
        let text = error.to_string();
        assert!(matches!(error, EngineError::Exec(ExecError::Memory { .. })), "{text}");
        assert!(text.starts_with(&format!("`{operator}` keeps rows of ")), "{text}");
        assert!(text.contains(why) && text.contains("beyond the query's 16384 bytes"), "{text}");
        assert!(with(1 << 20, draft).is_ok_and(|rows| rows > 0));
    };
    let all = item(ArrayAgg, length());
    check(draft(f::Track).group_by([]).select([all.clone()]), "aggregate", "all rows are one group");
    let few = draft(f::Track).group_by([field(f::track::ACTIVE)]);
    check(few.select([all]), "aggregate", "a single group is not put aside");
    // Half of all rows, which are linked by the same.
    let on = field(f::track::ACTIVE).binary(BinaryOp::Eq, f::inner(1, f::track::ACTIVE));
    let join = Clause::Join { collection: f::Track, on, kind: JoinKind::Left };
    let few = field(f::track::ID).binary(BinaryOp::Lt, f::id(9));
    check(draft(f::Track).filter(few).clause(join).select([name()]), "hash table", "linked by the same");
    // And so of the table of a subquery; a partition of windows.
    let other = f::inner(1, f::track::MILLISECONDS).binary(BinaryOp::Lt, length());
    let on = f::inner(1, f::track::ACTIVE).binary(BinaryOp::Eq, field(f::track::ACTIVE));
    let on = on.binary(BinaryOp::And, other);
    let alike = f::exists(f::Track, 1, on).unary(crate::expr::UnaryOp::Not);
    check(draft(f::Track).filter(alike).select([name()]), "hash table", "linked by the same");
    // A range of an index that is read in the order of keys.
    let argument = Some(f::inner(1, f::track::PRICE));
    let sum = Quantifier::aggregate(AggregateItem { function: Sum, argument, filter: None });
    let below = f::inner(1, f::track::MILLISECONDS).binary(BinaryOp::Ge, length());
    let sum = Postfix::subquery(Subquery {
        collection: f::Track,
        link: Link::Correlated { position: 1 },
        quantifier: sum.expect("tests have all parts"),
        predicate: Some(below),
        equal: None,
    });
    let one = draft(f::Track).filter(field(f::track::ID).binary(BinaryOp::Eq, f::id(1)));
    check(one.select([sum]), "subquery", "a range is put in order");
    let total = WindowItem {
        function: WindowFunction::Aggregate(Sum),
        argument: Some(length()),
        partition: Vec::from([field(f::track::ACTIVE)]),
        order: Vec::new(),
        frame: Frame::DEFAULT,
    };
    check(
        draft(f::Track).window([total]).select([f::window(0)]),
        "window",
        "a single partition is not put aside",
    );
    // What can be is.
    let names = draft(f::Track).group_by([name()]).select([Postfix::key(0), f::aggregate(Count, None)]);
    assert!(with(16 << 10, names.clone()).is_ok_and(|rows| rows > 2000));
    // In memory there is nowhere to put it.
    let store = super::store(&with_tracks(TRACKS));
    let mut control = Control::default();
    control.set_memory(16 << 10);
    let failed = crate::engine::for_each(&store.snapshot(), &names.build(), &control, &mut |_| {
        Ok::<(), EngineError>(())
    });
    let text = failed.expect_err("more than it may").to_string();
    assert!(text.contains("there is no room to put groups aside"), "{text}");
}

#[test]
fn joins_put_both_sides_aside() {
    // Within a budget, and with none: the same pairs. Links are texts, words, both, and values that may be absent; sides are
    // records and values; of some rows there are no partners, or a test drops all.
    let ample = store(&with_tracks(TRACKS));
    let store = filed(1 << 20);
    let inner = |of: u16| f::inner(1, of);
    let joined = |on: Postfix, kind| {
        let join = Clause::Join { collection: f::Track, on, kind };
        let of_both = [field(f::track::ID), name(), inner(f::track::ID), inner(f::track::NAME)];
        draft(f::Track).clause(join).select(of_both)
    };
    let by_name = || inner(f::track::NAME).binary(BinaryOp::Eq, name());
    let twice = || inner(f::track::MILLISECONDS).binary(BinaryOp::Eq, length());
    let longer = || inner(f::track::EDITOR).binary(BinaryOp::Gt, field(f::track::EDITOR));
    let counted = {
        let groups = draft(f::Track).group_by([name()]);
        let groups = groups.select([Postfix::key(0), f::aggregate(Count, None), item(Max, length())]);
        let on = f::window(0).binary(BinaryOp::Eq, name());
        let join = Clause::join_query(groups.build(), on, JoinKind::Left);
        draft(f::Track).clause(join).select([field(f::track::ID), f::window(1), f::window(2)])
    };
    let edited = {
        let on = inner(f::track::EDITOR).binary(BinaryOp::Eq, field(f::artist::ID));
        let join = Clause::Join { collection: f::Track, on, kind: JoinKind::Left };
        draft(f::Artist).clause(join).select([field(f::artist::ID), inner(f::track::NAME)])
    };
    let drafts = [
        (joined(by_name(), JoinKind::Inner), 12 << 10),
        (joined(by_name().binary(BinaryOp::And, twice()), JoinKind::Left), 12 << 10),
        (joined(twice(), JoinKind::Left), 12 << 10),
        (joined(twice().binary(BinaryOp::And, longer()), JoinKind::Left), 16 << 10),
        (joined(twice().binary(BinaryOp::And, longer()), JoinKind::Inner), 48 << 10),
        (counted, 12 << 10),
        (edited, 48 << 10),
    ];
    for (at, (draft, bytes)) in drafts.into_iter().enumerate() {
        let draft = draft.build();
        let ([expected, _], _) = given(&ample, &draft);
        let snapshot = store.snapshot();
        let mut control = Control::default();
        control.set_memory(bytes);
        let mut got = Vec::new();
        crate::engine::for_each(&snapshot, &draft, &control, &mut |batch| {
            append_scalars(batch, &mut got);
            Ok::<(), EngineError>(())
        })
        .unwrap_or_else(|error| panic!("{at}: {error}"));
        assert!(!got.is_empty());
        assert_eq!(format!("{:?}", sorted(got)), format!("{:?}", sorted(expected)), "{at}");
        let plan = analyze(&snapshot, &draft, &control).expect("a plan");
        let join = plan.operators().into_iter().find(|node| node.operator.contains("join"));
        let spilled = join.and_then(|join| join.actual).map_or(0, |actual| actual.spilled);
        assert!(spilled > 10_000, "{at}: {spilled} bytes were put aside: {plan:#}");
    }
}
