//! Queries as sources of others: what is shared, what goes on from its own rows, and how that is carried out.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::fixture::{self as f, DraftBuilder, draft, field, int};
use super::*;
use crate::expr::{AggregateFunction, BinaryOp, Clause, FieldPath, JoinKind, Postfix, Recursion, RowPath};
use crate::value::Type;

fn ints<const N: usize>(numbers: [i128; N]) -> Vec<Vec<Scalar>> {
    numbers.into_iter().map(|number| Vec::from([Scalar::Int(number)])).collect()
}

/// Readings that lead from `at` to `value`: 1 -> 2 -> 3 -> 1, 4 -> 4, 5 -> nothing.
fn chain() -> Store {
    let reading = |at: i128, value: Option<i128>| {
        Vec::from([Scalar::Int(at), Scalar::Null, value.map_or(Scalar::Null, Scalar::Int)])
    };
    let readings = [(1, Some(2)), (2, Some(3)), (3, Some(1)), (4, Some(4)), (5, None)];
    store(&[(f::Reading, readings.map(|(at, value)| reading(at, value)).into())])
}

/// The readings that values lead to, from `begin` on.
fn closure(begin: Postfix, identity: Option<u16>, rounds: Option<u64>) -> DraftBuilder {
    let cast = |at| Postfix::field(FieldPath { row: RowPath::source(0), ordinal: at });
    let at = || cast(f::reading::AT).call(crate::expr::Function::Cast(Type::I64), []);
    let previous = Draft::new(f::Reading, Vec::from([Clause::previous()]));
    let on = at().binary(BinaryOp::Eq, f::window(0));
    let further = f::window(1).binary(BinaryOp::Add, int(1));
    let step = draft(f::Reading)
        .clause(Clause::join_query(previous, on, JoinKind::Inner))
        .select([field(f::reading::VALUE), further])
        .build();
    draft(f::Reading)
        .filter(at().binary(BinaryOp::Eq, begin))
        .select([at(), int(0)])
        .clause(Clause::recursive(Recursion { step, identity, rounds }))
}

#[test]
fn a_cycle_ends_where_it_closes_and_steps_are_the_least() {
    let store = chain();
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let found = |begin, rounds| {
        let draft = closure(int(begin), Some(1), rounds).build();
        rows(operation.view(), &draft, RuleSet::ALL).expect("rows")
    };
    let pairs = |of: &[(i128, i128)]| -> Vec<Vec<Scalar>> {
        of.iter().map(|(value, steps)| Vec::from([Scalar::Int(*value), Scalar::Int(*steps)])).collect()
    };
    assert_eq!(found(1, None), pairs(&[(1, 0), (2, 1), (3, 2)]));
    assert_eq!(found(1, Some(1)), pairs(&[(1, 0), (2, 1)]));
    assert_eq!(found(1, Some(0)), pairs(&[(1, 0)]));
    assert_eq!(found(4, None), pairs(&[(4, 0)]));
    // What leads to nothing is a row all the same.
    assert_eq!(
        found(5, None),
        [Vec::from([Scalar::Int(5), Scalar::Int(0)]), Vec::from([Scalar::Null, Scalar::Int(1)])]
    );
    assert_eq!(found(9, None), pairs(&[]));
}

#[test]
fn what_counts_its_steps_goes_on_until_it_is_told_to_end() {
    let store = chain();
    let snapshot = store.snapshot();
    let draft = closure(int(4), None, Some(100)).build();
    let got = streamed(&snapshot, &draft).expect("rows");
    assert_eq!(got.len(), 101);
    // One that never ends is ended by its handle.
    let mut control = Control::default();
    let handle = CancelHandle::new();
    control.add_handle(&handle);
    let mut batches = 0;
    let result =
        crate::engine::for_each(&snapshot, &closure(int(4), None, None).build(), &control, &mut |_| {
            batches += 1;
            if batches == 1000 {
                handle.cancel();
            }
            Ok::<(), EngineError>(())
        });
    assert!(matches!(result, Err(EngineError::Exec(ExecError::Cancelled(_)))), "{result:?}");
}

#[test]
fn rows_of_the_round_before_are_nothing_outside_of_a_step() {
    let store = chain();
    let snapshot = store.snapshot();
    let stray = draft(f::Reading).clause(Clause::previous()).build();
    let result = rows(snapshot.operation().view(), &stray, RuleSet::ALL);
    assert!(matches!(result, Err(EngineError::Plan(PlanError::NoRecursion))), "{result:?}");
}

/// The values of readings but for the last, in common: no index tells which these are, so that all are scanned.
fn common() -> DraftBuilder {
    let last = Postfix::literal(Scalar::Int(5), Type::I32);
    let before = field(f::reading::AT).binary(BinaryOp::Ne, last);
    draft(f::Reading).filter(before).select([field(f::reading::VALUE)]).clause(Clause::common())
}

fn greatest(of: DraftBuilder) -> Draft {
    of.group_by([]).select([f::aggregate(AggregateFunction::Max, Some(Postfix::key(0)))]).build()
}

#[test]
fn what_is_common_is_carried_out_once() {
    let store = chain();
    let snapshot = store.snapshot();
    let is_greatest = Postfix::key(0).binary(BinaryOp::Eq, Postfix::scalar(greatest(common())));
    let draft = common().filter(is_greatest).build();
    assert_eq!(rows(snapshot.operation().view(), &draft, RuleSet::ALL).expect("rows"), ints([4]));
    let plan = analyze(&snapshot, &draft, &Control::default()).expect("a plan");
    let of = |operator: &str| -> Vec<u64> {
        let nodes = plan.operators().into_iter().filter(|node| node.operator == operator);
        nodes.map(|node| node.actual.expect("measured").rows).collect()
    };
    // Both give four rows, and one of them has read five.
    assert_eq!(of("shared"), [4, 4], "{plan:#}");
    let mut scanned = of("scan");
    scanned.sort_unstable();
    assert_eq!(scanned, [0, 5], "{plan:#}");
}

#[test]
fn what_is_common_and_more_than_a_budget_is_calculated_by_each() {
    let reading = |at: i128| Vec::from([Scalar::Int(at), Scalar::Null, Scalar::Int(at % 1000)]);
    let store = store(&[(f::Reading, (0..20_000).map(reading).collect())]);
    let snapshot = store.snapshot();
    let is_greatest = Postfix::key(0).binary(BinaryOp::Eq, Postfix::scalar(greatest(common())));
    let draft = common().filter(is_greatest).aggregate([(AggregateFunction::Count, None)]).build();
    let scanned = |memory: usize| -> Vec<u64> {
        let mut control = Control::default();
        control.set_memory(memory);
        let mut found = Vec::new();
        crate::engine::for_each(&snapshot, &draft, &control, &mut |batch| {
            found.push(batch.rows);
            Ok::<(), EngineError>(())
        })
        .expect("rows");
        assert_eq!(found, [1]);
        let plan = analyze(&snapshot, &draft, &control).expect("a plan");
        let nodes = plan.operators().into_iter().filter(|node| node.operator == "scan");
        let mut scanned: Vec<u64> = nodes.map(|node| node.actual.expect("measured").rows).collect();
        scanned.sort_unstable();
        scanned
    };
    // Their values take 160,000 bytes.
    assert_eq!(scanned(1 << 20), [0, 20_000]);
    assert_eq!(scanned(64 << 10), [20_000, 20_000]);
    assert_eq!(rows(snapshot.operation().view(), &draft, RuleSet::ALL).expect("rows"), ints([20]));
}

#[test]
fn what_one_part_asks_for_alone_is_only_passed_on() {
    let store = chain();
    let snapshot = store.snapshot();
    let plan = explain(snapshot.operation().view(), &common().build()).expect("a plan").to_string();
    assert_eq!(plan, "project [value]\n  values value\n    filter at != 5\n      scan Reading");
    // Queries that begin alike and are no longer alike are two.
    let other = common().clause(Clause::Limit(1)).clause(Clause::common());
    let is_greatest = Postfix::key(0).binary(BinaryOp::Eq, Postfix::scalar(greatest(other)));
    let plan = explain(snapshot.operation().view(), &common().filter(is_greatest).build()).expect("a plan");
    let shared: Vec<String> = plan
        .operators()
        .into_iter()
        .filter(|node| node.operator == "shared")
        .map(|node| node.detail.to_string())
        .collect();
    assert_eq!(shared.len(), 2, "{plan}");
    assert!(shared.iter().all(|detail| detail.starts_with("0: ")), "{plan}");
}

#[test]
fn absent_rows_of_a_joined_query_have_no_values_whatever_these_are() {
    let store = chain();
    let snapshot = store.snapshot();
    // Of a row without a pair even a literal, and a test for being absent, is `None`.
    let values = [field(f::reading::VALUE), int(7)];
    let other = draft(f::Reading)
        .filter(field(f::reading::VALUE).binary(BinaryOp::Gt, int(2)))
        .select(values)
        .build();
    let at = field(f::reading::AT).call(crate::expr::Function::Cast(Type::I64), []);
    let on = at.binary(BinaryOp::Eq, f::window(0));
    let draft = draft(f::Reading)
        .clause(Clause::join_query(other, on, JoinKind::Left))
        .order_by(field(f::reading::AT), false)
        .select([f::window(1)])
        .build();
    let (seven, none) = (Scalar::Int(7), Scalar::Null);
    let expected = [&none, &none, &seven, &seven, &none].map(|value| Vec::from([value.clone()]));
    for rules in [RuleSet::ALL, RuleSet::NONE] {
        assert_eq!(rows(snapshot.operation().view(), &draft, rules).expect("rows"), expected);
    }
}

#[test]
fn what_has_no_result_as_a_whole_is_an_error_on_either_side_of_a_join() {
    let readings = (1..=20).map(|at| Vec::from([Scalar::Int(at), Scalar::Null, Scalar::Int(0)])).collect();
    let store = store(&[(f::Reading, readings)]);
    let snapshot = store.snapshot();
    let value = || field(f::reading::VALUE);
    // Whether any of these rows is there is not known, nor then which an offset leaves.
    let faulty = || value().binary(BinaryOp::Divide, value()).binary(BinaryOp::Ge, int(1));
    let unknown = || draft(f::Reading).filter(faulty()).clause(Clause::Offset(1));
    let nothing = || draft(f::Reading).filter(value().binary(BinaryOp::Gt, int(5)));
    let joined = |rows: DraftBuilder, other: DraftBuilder| {
        let on = value().binary(BinaryOp::Eq, f::window(0));
        let other = other.select([value()]).build();
        let rows = rows.clause(Clause::join_query(other, on, JoinKind::Inner));
        rows.group_by([]).select([f::aggregate(AggregateFunction::Count, None)]).build()
    };
    for rules in [RuleSet::ALL, RuleSet::NONE] {
        let result = |draft: &Draft| rows(snapshot.operation().view(), draft, rules);
        for draft in [joined(unknown(), nothing()), joined(nothing(), unknown())] {
            let plan = explain(snapshot.operation().view(), &draft).expect("a plan");
            let result = result(&draft);
            assert!(matches!(result, Err(EngineError::Exec(ExecError::Arithmetic(_)))), "{result:?}\n{plan}");
        }
        // Row by row, none is part of an answer.
        let unknown = || draft(f::Reading).filter(faulty());
        for draft in [joined(unknown(), nothing()), joined(nothing(), unknown())] {
            assert_eq!(result(&draft).expect("a count"), ints([0]));
        }
    }
}

/// Three artists, of whom one has six albums.
fn albums() -> Store {
    let text = |text: &str| Scalar::String(text.to_string());
    let artists = (1..=3i128).map(|id| Vec::from([Scalar::Int(id), text(&format!("artist {id}"))]));
    let albums = (1..=6i128)
        .map(|id| Vec::from([Scalar::Int(id), text(&format!("album {id}")), Scalar::Int(1), Scalar::Null]));
    store(&[(f::Artist, artists.collect()), (f::Album, albums.collect())])
}

#[test]
fn pairs_of_one_record_are_drawn_independently_of_each_other() {
    let store = albums();
    let snapshot = store.snapshot();
    let of_artist = |values: Vec<Postfix>| {
        let other = draft(f::Album).select(values).build();
        let on = field(f::artist::ID).binary(BinaryOp::Eq, f::window(0));
        draft(f::Artist).clause(Clause::join_query(other, on, JoinKind::Inner))
    };
    let joined = of_artist(Vec::from([field(f::album::ARTIST), field(f::album::ID)]));
    let on = Postfix::key(0).binary(BinaryOp::Eq, f::inner(0, f::album::ARTIST));
    let grouped = draft(f::Album)
        .select([field(f::album::ARTIST)])
        .clause(Clause::Distinct)
        .clause(Clause::Join { collection: f::Album, on, kind: JoinKind::Inner });
    for (pairs, id) in [(joined, f::window(1)), (grouped, field(f::album::ID))] {
        let mut drawn = alloc::collections::BTreeMap::new();
        for seed in 0..300 {
            let draft = pairs.clone().clause(Clause::sample(2, seed)).select([id.clone()]).build();
            let got = rows(snapshot.operation().view(), &draft, RuleSet::ALL).expect("rows");
            assert_eq!(got, rows(snapshot.operation().view(), &draft, RuleSet::NONE).expect("rows"));
            *drawn.entry(format!("{got:?}")).or_insert(0) += 1;
        }
        // Every pair of the six in both orders: ten times each, as a rule.
        assert_eq!(drawn.len(), 30);
        assert!(drawn.values().all(|times| *times <= 30), "{drawn:?}");
    }
    // What may be there twice is told apart by its number.
    let alike = of_artist(Vec::from([field(f::album::ARTIST)])).clause(Clause::sample(4, 1)).build();
    for rules in [RuleSet::ALL, RuleSet::NONE] {
        assert_eq!(rows(snapshot.operation().view(), &alike, rules).expect("rows").len(), 4);
    }
}
