//! Joins, tables and what else is carried out within one operation.

use super::*;
use crate::engine::fixture::join;
use crate::engine::planted::{Bug, Planted};
use crate::expr::{Clause, JoinKind, SetKind, UnaryOp};

fn inner(position: u8, ordinal: u16) -> Postfix {
    f::inner(position, ordinal)
}

fn same(a: Postfix, b: Postfix) -> Postfix {
    a.binary(BinaryOp::Eq, b)
}

/// Tracks with others of the same name, and with those of whom they have the editor's number: no index leads to either.
fn namesakes(kind: JoinKind) -> DraftBuilder {
    join(
        draft(f::Track).filter(long()),
        f::Track,
        same(inner(1, f::track::NAME), field(f::track::NAME)),
        kind,
    )
}

fn counted() -> [Postfix; 2] {
    [f::aggregate(Count, None), f::aggregate(Sum, Some(field(f::track::MILLISECONDS)))]
}

/// Whether another track of the same name satisfies something.
fn with_namesake(test: Option<Postfix>) -> Postfix {
    let alike = same(inner(1, f::track::NAME), field(f::track::NAME));
    f::exists(f::Track, 1, test.into_iter().fold(alike, |all, test| all.binary(BinaryOp::And, test)))
}

/// Whatever is joined, by tables, several of them, of rows with one partner or with many, and what is asked of the pairs.
fn drafts() -> Vec<DraftBuilder> {
    let later = |position| inner(position, f::track::MILLISECONDS).binary(BinaryOp::Gt, int(900));
    let mut drafts = Vec::new();
    for kind in [JoinKind::Inner, JoinKind::Left] {
        let by_album = || [field(f::track::ALBUM)];
        let told = || [Postfix::key(0)].into_iter().chain(counted());
        drafts.push(namesakes(kind).group_by([]).select(counted()));
        drafts.push(namesakes(kind).group_by(by_album()).select(told()));
        drafts.push(namesakes(kind).group_by([inner(1, f::track::NAME)]).select(told()));
        let on = same(inner(1, f::track::NAME), field(f::track::NAME)).binary(BinaryOp::And, later(1));
        let tested = join(draft(f::Track), f::Track, on, kind);
        drafts.push(tested.group_by(by_album()).select(told()));
        // Two tables, the second by what was found in the first.
        let on = same(inner(2, f::track::MILLISECONDS), inner(1, f::track::MILLISECONDS));
        let twice = join(namesakes(kind), f::Track, on, kind);
        drafts.push(twice.group_by([inner(1, f::track::ALBUM)]).select(told()));
        // Many partners, in their order.
        let on = same(inner(1, f::track::EDITOR), field(f::track::EDITOR));
        let few = draft(f::Track).filter(field(f::track::ID).binary(BinaryOp::Lt, f::id(200)));
        let listed = f::aggregate(ArrayAgg, Some(inner(1, f::track::MILLISECONDS)));
        drafts.push(join(few, f::Track, on, kind).group_by(by_album()).select([Postfix::key(0), listed]));
    }
    drafts
}

/// What is asked of another collection for each row, by tables: whether there are such, whether none, and of pairs; and what leads
/// there by relations.
fn asked() -> Vec<DraftBuilder> {
    let longer = || inner(1, f::track::MILLISECONDS).binary(BinaryOp::Gt, field(f::track::MILLISECONDS));
    let mut drafts = Vec::new();
    for keys in [Vec::new(), Vec::from([field(f::track::ALBUM)])] {
        let all = |test: Postfix| {
            let told = (0..keys.len() as u16).map(Postfix::key).chain(counted());
            draft(f::Track).filter(test).group_by(keys.clone()).select(told)
        };
        for test in [None, Some(long_one()), Some(longer())] {
            drafts.push(all(with_namesake(test.clone())));
            drafts.push(all(with_namesake(test).unary(UnaryOp::Not)));
        }
        // Pairs by an inequality alone.
        drafts.push(all(f::exists(f::Track, 1, longer())));
        let title = f::through(&[f::track::ALBUM], f::album::TITLE);
        drafts.push(all(
            with_namesake(Some(longer())).binary(BinaryOp::And, title.binary(BinaryOp::Gt, f::text("2")))
        ));
    }
    drafts
}

fn long_one() -> Postfix {
    inner(1, f::track::MILLISECONDS).binary(BinaryOp::Gt, int(900))
}

#[test]
fn groups_of_rows_that_subqueries_are_asked_for_are_those_of_one_thread() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    for draft in asked() {
        check(&snapshot, &draft);
    }
}

/// The first few of an order: by few values that many have, where the order of keys decides; of pairs, of which many have one root record;
/// of none and of more than there are; and what comes after them.
#[test]
fn the_first_of_an_order_are_those_of_one_thread() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let mut divided = 0;
    // An index may have the order.
    let mut ask = |of: &DraftBuilder| {
        let draft = of.clone().build();
        let plan = super::super::super::explain(snapshot.operation().view(), &draft, &by_threads(4));
        if plan.expect("a plan").to_string().contains("by 4 threads") {
            divided += 1;
            check(&snapshot, of);
        }
        assert!(given(&snapshot, &draft, 4) == given(&snapshot, &draft, 1), "{draft:?}");
    };
    let orders = [
        (field(f::track::ACTIVE), false),
        (field(f::track::ALBUM), true),
        (field(f::track::EDITOR), false),
        (field(f::track::MILLISECONDS), true),
        (f::through(&[f::track::ALBUM], f::album::TITLE), false),
    ];
    let told = || [field(f::track::ID), field(f::track::NAME)];
    for (order, descending) in orders {
        let ordered = |of: DraftBuilder| of.order_by(order.clone(), descending);
        for (offset, limit) in [(0, 1), (0, 70), (30, 50), (1200, 900), (5, 3000)] {
            ask(&ordered(draft(f::Track).filter(long())).offset(offset).limit(limit));
            ask(&ordered(draft(f::Track)).offset(offset).limit(limit).select(told()));
        }
        for kind in [JoinKind::Inner, JoinKind::Left] {
            let pairs = ordered(namesakes(kind)).limit(90);
            ask(&pairs.clone().select([field(f::track::ID), inner(1, f::track::ID)]));
            // What is asked of the first few alone.
            ask(&pairs.filter(long_one()).select([field(f::track::ID), inner(1, f::track::ID)]));
        }
        let few = ordered(draft(f::Track)).limit(100).group_by([field(f::track::ALBUM)]);
        ask(&few.select([Postfix::key(0), f::aggregate(Count, None)]));
    }
    assert!(divided > 50, "{divided} by threads");
    // Rows without a result are errors among the first, and not behind them.
    let divided = || int(1000).binary(BinaryOp::Divide, field(f::track::MILLISECONDS));
    let passing = || draft(f::Track).filter(divided().binary(BinaryOp::Lt, int(2000)));
    let mut errors = 0;
    for (descending, limit) in [(false, 20), (true, 20), (false, 400)] {
        let length = field(f::track::MILLISECONDS).binary(BinaryOp::Subtract, int(7));
        let first = passing().order_by(length, descending).limit(limit);
        errors += usize::from(given(&snapshot, &first.clone().build(), 1).is_err());
        check(&snapshot, &first);
        check(&snapshot, &draft(f::Track).order_by(divided(), descending).limit(limit));
    }
    assert_eq!(errors, 1);
}

/// All rows in order: by values that many have, or that are absent, by texts, by several, either way, of pairs of which many have one
/// root record, behind an offset, and what is made of them.
#[test]
fn all_rows_in_order_are_those_of_one_thread() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let mut sorted = 0;
    let mut ask = |of: &DraftBuilder| {
        let draft = of.clone().build();
        let plan = super::super::super::explain(snapshot.operation().view(), &draft, &by_threads(4));
        let plan = plan.expect("a plan").to_string();
        // An index may have the order.
        if plan.lines().any(|line| line.trim().starts_with("sort ") && line.contains("by 4 threads")) {
            sorted += 1;
            check(&snapshot, of);
        }
        assert!(given(&snapshot, &draft, 4) == given(&snapshot, &draft, 1), "{draft:?}");
    };
    let orders: [&[(Postfix, bool)]; 7] = [
        &[(field(f::track::ACTIVE), false)],
        &[(field(f::track::EDITOR), true)],
        &[(field(f::track::PRICE), false), (field(f::track::NAME), true)],
        &[(field(f::track::MILLISECONDS), true)],
        &[(field(f::track::NAME), false)],
        &[(field(f::track::EDITOR), false), (field(f::track::ACTIVE), true), (field(f::track::NAME), false)],
        &[(f::through(&[f::track::ALBUM], f::album::TITLE), true)],
    ];
    for terms in orders {
        let ordered = |of: DraftBuilder| {
            terms.iter().fold(of, |of, (term, descending)| of.order_by(term.clone(), *descending))
        };
        let told = || [field(f::track::ID), field(f::track::NAME)];
        ask(&ordered(draft(f::Track)));
        ask(&ordered(draft(f::Track).filter(long())).select(told()));
        ask(&ordered(draft(f::Track)).offset(700).select(told()));
        ask(&ordered(draft(f::Track)).limit(80_000).select(told()));
        for kind in [JoinKind::Inner, JoinKind::Left] {
            let pairs = ordered(namesakes(kind)).select([field(f::track::ID), inner(1, f::track::ID)]);
            ask(&pairs);
            ask(&pairs.offset(5));
        }
        ask(&ordered(draft(f::Track).filter(with_namesake(Some(long_one())))));
        let listed = f::aggregate(ArrayAgg, Some(field(f::track::MILLISECONDS)));
        let groups = ordered(draft(f::Track)).offset(3).group_by([field(f::track::ALBUM)]);
        ask(&groups.select([Postfix::key(0), listed]));
    }
    assert!(sorted > 30, "{sorted} by threads");
    // Of rows without a result only those in the window are errors, or those of whose key it is not known where they are.
    let divided = || int(1000).binary(BinaryOp::Divide, field(f::track::MILLISECONDS));
    check(&snapshot, &draft(f::Track).order_by(divided(), true));
    let passing = draft(f::Track).filter(divided().binary(BinaryOp::Lt, int(2000)));
    let errs = passing.order_by(field(f::track::NAME), true);
    assert!(given(&snapshot, &errs.clone().build(), 4).is_err());
    check(&snapshot, &errs);
}

/// Pairs by something that many have: where they are found from the other side, equal ones of one root record are in many parts.
fn of_few() -> Vec<DraftBuilder> {
    let of_album = same(inner(1, f::track::ALBUM), field(f::album::ID));
    let by_price = || same(inner(1, f::track::PRICE), field(f::track::PRICE));
    let few = |most: u64| draft(f::Track).filter(field(f::track::ID).binary(BinaryOp::Lt, f::id(most)));
    let all = [
        join(draft(f::Album), f::Track, of_album, JoinKind::Inner).filter(long_one()),
        join(few(60), f::Track, by_price(), JoinKind::Inner),
        join(few(9), f::Track, by_price(), JoinKind::Inner).filter(long_one()),
        join(few(9), f::Track, same(inner(1, f::track::ACTIVE), field(f::track::ACTIVE)), JoinKind::Inner),
    ];
    let ordered = |pairs: DraftBuilder| pairs.order_by(inner(1, f::track::ACTIVE), true);
    all.map(|pairs| ordered(pairs).select([field(0), inner(1, f::track::ID)])).into()
}

/// That rows which compare equal stay in the order of the parts is seen where they do not.
#[test]
fn equal_rows_of_parts_stay_in_their_order() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let (mut backwards, mut lost, mut plans) = (0, 0, String::new());
    for draft in of_few() {
        let draft = draft.build();
        let expected = given(&snapshot, &draft, 1);
        assert!(given(&snapshot, &draft, 4) == expected);
        let planted = Planted::new(Bug::EqualPartsBackwards);
        backwards += usize::from(given(&snapshot, &draft, 4) != expected);
        drop(planted);
        let planted = Planted::new(Bug::SortedPartLost);
        let plan = super::super::super::explain(snapshot.operation().view(), &draft, &by_threads(4));
        let plan = plan.expect("a plan").to_string();
        lost += usize::from(given(&snapshot, &draft, 4) != expected);
        drop(planted);
        plans += &plan;
    }
    assert!(backwards > 0 && lost > 0, "{backwards}, {lost}\n{plans}");
}

/// Sorted rows that take more than they may are put aside by one thread, which goes on behind what others have sorted.
#[test]
fn sorted_rows_that_memory_has_no_room_for_are_left_to_one() {
    let options = PagerOptions { cache_bytes: 8 << 20, ..PagerOptions::default() };
    let store = Store::open(Arc::new(MemoryVfs::new()), "music", options, (None, None), &f::DATABASE);
    let store = store.expect("a new file");
    insert(&store, &with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let all = draft(f::Track).order_by(field(f::track::PRICE), false).order_by(field(f::track::NAME), true);
    let all = all.select([field(f::track::ID), field(f::track::NAME)]).build();
    let control = |threads, memory| {
        let mut control = by_threads(threads);
        control.set_memory(memory);
        control
    };
    let expected = given(&snapshot, &all, 1);
    let (mut spilled, mut went_on) = (0, 0);
    for memory in [4 << 10, 60 << 10, 120 << 10, 200 << 10, 300 << 10, 2 << 20] {
        let rows = controlled(&snapshot, &all, &control(4, memory)).expect("rows");
        assert!(Ok(format!("{rows:?}")) == expected, "with {memory} bytes");
        let plan = analyze(&snapshot, &all, &control(4, memory)).expect("a plan");
        let sort = plan.operators().into_iter().find(|node| node.operator == "sort").expect("a sort");
        let actual = sort.actual.expect("measured");
        assert_eq!(actual.rows, TRACKS as u64, "{plan:#}");
        spilled += usize::from(actual.spilled > 0);
        went_on += usize::from(actual.spilled > 0 && actual.threads > 1);
    }
    assert!(
        spilled > 1 && spilled < 6,
        "{spilled} of 6 put rows aside, {went_on} behind what threads had sorted"
    );
}

/// A database that is larger than its page cache is read in several operations, by one thread where nothing is added up.
#[test]
fn the_first_of_what_memory_has_no_room_for_are_found_by_one() {
    let options = PagerOptions { cache_bytes: 1 << 20, ..PagerOptions::default() };
    let store = Store::open(Arc::new(MemoryVfs::new()), "music", options, (None, None), &f::DATABASE);
    let store = store.expect("a new file");
    insert(&store, &with_tracks(TRACKS * 3));
    let snapshot = store.snapshot();
    let first = draft(f::Track).filter(long()).order_by(field(f::track::NAME), true).limit(30).build();
    let plan = super::super::super::explain(snapshot.operation().view(), &first, &by_threads(4));
    let plan = plan.expect("a plan").to_string();
    assert!(plan.contains("top 30") && !plan.contains("threads"), "{plan}");
    assert_eq!(given(&snapshot, &first, 4), given(&snapshot, &first, 1));
}

/// Where nothing is made of rows but the table of a join, threads make that.
#[test]
fn tables_are_made_of_rows_in_their_order() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let few = || draft(f::Track).filter(field(f::track::ID).binary(BinaryOp::Lt, f::id(60)));
    for kind in [JoinKind::Inner, JoinKind::Left] {
        // Partners of one row come in the order in which they were put into the table.
        let on = same(inner(1, f::track::PRICE), field(f::track::PRICE)).binary(BinaryOp::And, long_one());
        let pairs = join(few(), f::Track, on, kind).select([field(f::track::ID), inner(1, f::track::ID)]);
        check(&snapshot, &pairs);
        check(&snapshot, &pairs.order_by(inner(1, f::track::NAME), false).limit(40));
    }
    check(&snapshot, &few().filter(with_namesake(Some(long_one()))));
}

/// Rows of pairs without a result are errors of the query where they count, and not where they are dropped, as with one thread;
/// so are links without one, whose rows are partners of all.
#[test]
fn faults_of_pairs_and_links_are_those_of_one_thread() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let divided = |by: Postfix| int(1000).binary(BinaryOp::Divide, by);
    let mut errors = 0;
    for kind in [JoinKind::Inner, JoinKind::Left] {
        let of_inner = || divided(inner(1, f::track::MILLISECONDS));
        let of_outer = || divided(field(f::track::MILLISECONDS));
        for on in [
            same(of_inner(), of_outer()),
            same(inner(1, f::track::NAME), field(f::track::NAME))
                .binary(BinaryOp::And, of_inner().binary(BinaryOp::Lt, int(3))),
            same(inner(1, f::track::NAME), field(f::track::NAME))
                .binary(BinaryOp::And, same(of_inner(), int(2))),
        ] {
            let all = join(draft(f::Track), f::Track, on, kind).filter(long());
            let all = all.group_by([field(f::track::ALBUM)]).select([Postfix::key(0), counted()[0].clone()]);
            errors += usize::from(given(&snapshot, &all.clone().build(), 1).is_err());
            check(&snapshot, &all);
        }
    }
    assert!((1..6).contains(&errors), "{errors} errors");
}

/// What threads share and make has its share of the memory; beyond it one of them does all, and puts tables aside.
#[test]
fn tables_that_memory_has_no_room_for_are_left_to_one() {
    let options = PagerOptions { cache_bytes: 2 << 20, ..PagerOptions::default() };
    let store = Store::open(Arc::new(MemoryVfs::new()), "music", options, (None, None), &f::DATABASE);
    let store = store.expect("a new file");
    insert(&store, &with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let all = namesakes(JoinKind::Inner).group_by([inner(1, f::track::NAME)]);
    let all = all.select([Postfix::key(0)].into_iter().chain(counted())).build();
    let control = |threads, memory| {
        let mut control = by_threads(threads);
        control.set_memory(memory);
        control
    };
    let sorted = |threads, memory| {
        let mut rows = controlled(&snapshot, &all, &control(threads, memory)).expect("rows");
        rows.sort_by_key(|row| format!("{row:?}"));
        rows
    };
    let one = sorted(1, 1 << 20);
    let long_ones = controlled(&snapshot, &draft(f::Track).filter(long()).build(), &by_threads(1));
    let long_ones = long_ones.expect("rows").len() as u64;
    for memory in [60 << 10, 200 << 10, 2 << 20, 100 << 20] {
        assert!(sorted(4, memory) == one, "with {memory} bytes");
        let plan = analyze(&snapshot, &all, &control(4, memory)).expect("a plan");
        let actual = plan.operators().into_iter().filter_map(|operator| operator.actual);
        let spilled: u64 = actual.map(|actual| actual.spilled).sum();
        assert!(spilled > 0 || memory > 60 << 10, "{plan:#}");
        assert!(spilled == 0 || memory < 100 << 20, "{plan:#}");
        // What threads have given up is not told.
        let filter = plan.operators().into_iter().find(|node| node.operator == "filter");
        assert_eq!(filter.and_then(|filter| filter.actual).expect("a filter").rows, long_ones, "{plan:#}");
    }
}

#[test]
fn joins_that_are_cancelled_or_late_end() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let all = namesakes(JoinKind::Inner).group_by([]).select(counted()).build();
    let mut control = by_threads(4);
    control.set_timeout(Duration::ZERO);
    let late = controlled(&snapshot, &all, &control);
    assert!(matches!(late, Err(EngineError::Exec(ExecError::TimedOut { .. }))), "{late:?}");
    let handle = CancelHandle::new();
    handle.cancel();
    let mut control = by_threads(4);
    control.add_handle(&handle);
    let cancelled = controlled(&snapshot, &all, &control);
    assert!(matches!(cancelled, Err(EngineError::Exec(ExecError::Cancelled(_)))), "{cancelled:?}");
}

/// Meters of all threads are read together; and there were several.
#[test]
fn several_threads_have_done_what_is_told() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let all = namesakes(JoinKind::Inner).group_by([]).select(counted()).build();
    let one = analyze(&snapshot, &all, &by_threads(1)).expect("a plan");
    let rows = |plan: &Plan| {
        let actual = plan.operators().into_iter().filter_map(|node| Some((node.operator, node.actual?.rows)));
        actual.collect::<Vec<_>>()
    };
    // How many come to a part before another has made all is up to the system.
    let several = (0..200).any(|_| {
        let many = analyze(&snapshot, &all, &by_threads(4)).expect("a plan");
        assert_eq!(rows(&many), rows(&one), "{many:#}");
        let told = |node: &&PlanNode| node.threads == 4;
        let made: Vec<_> = many.operators().into_iter().filter(told).collect();
        // Groups, and the rows of the table.
        assert!(made.len() == 2 && made[0].operator == "aggregate", "{many}");
        made.iter().all(|node| node.actual.expect("measured").threads > 1)
    });
    assert!(several, "one thread has made all, each time");
}

/// A write transaction, which notes what it reads and sees what it has changed, is read by one thread.
#[test]
fn write_transactions_are_read_by_one() {
    let store = store(&with_tracks(TRACKS));
    let writer = store.begin_write().expect("a database of our own");
    let all = namesakes(JoinKind::Inner).group_by([]).select(counted()).build();
    let plan = super::super::super::explain(writer.view(), &all, &by_threads(4)).expect("a plan");
    assert!(!plan.to_string().contains("threads"), "{plan}");
}

#[test]
fn groups_of_joined_rows_are_those_of_one_thread() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let mut tables = 0;
    for draft in drafts() {
        let plan =
            super::super::explain(snapshot.operation().view(), &draft.clone().build()).expect("a plan");
        tables += usize::from(plan.to_string().contains("hash"));
        check(&snapshot, &draft);
    }
    assert!(tables > 8, "{tables} with tables");
}

/// Rows that are kept for several who ask are made by threads, in parts, whichever asks first.
#[test]
fn rows_that_are_kept_are_those_of_one_thread_in_the_same_order() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let common = || {
        let rows = draft(f::Track).filter(long()).select([field(f::track::ALBUM), field(f::track::NAME)]);
        rows.clause(Clause::common())
    };
    let several = common().clause(Clause::set(common().build(), SetKind::UnionAll));
    let groups = |of: DraftBuilder| {
        let all = of.clone().aggregate([(AggregateFunction::Max, Some(field(f::track::NAME)))]).build();
        let own = f::aggregate(Max, Some(field(f::track::NAME)));
        let of = of.group_by([field(f::track::ALBUM)]);
        of.filter(same(own, Postfix::scalar(all))).select([Postfix::key(0), f::aggregate(Count, None)])
    };
    let has = |word: &str| field(f::track::NAME).binary(BinaryOp::Contains, f::text(word));
    let some = ["1", "2"].iter().fold(draft(f::Track).filter(long()), |all, word| all.filter(has(word)));
    for draft in [several, groups(some)] {
        let plan =
            super::super::super::explain(snapshot.operation().view(), &draft.clone().build(), &by_threads(2));
        let shared = plan.expect("a plan").to_string();
        let first = shared.lines().skip_while(|line| !line.contains("shared 0")).nth(1).unwrap_or_default();
        assert!(first.contains("by 2 threads"), "{shared}");
        check(&snapshot, &draft);
    }
}
