//! Windows whose values are written out.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::fixture::{self as f, draft, field, int, window};
use super::*;
use crate::engine::fixture::DraftBuilder;
use crate::expr::BinaryOp::{Divide, Eq, Le, Ne};
use crate::expr::{
    AggregateFunction, Clause, Frame, FrameUnit, OrderTerm, Postfix, WindowFunction, WindowItem,
};
use crate::value::Type;

/// Readings at these times, with these codes and values.
fn readings(of: &[(i128, Option<i128>, Option<i128>)]) -> Store {
    let scalar = |value: Option<i128>| value.map_or(Scalar::Null, Scalar::Int);
    let record = |(at, code, value): &(i128, Option<i128>, Option<i128>)| {
        Vec::from([Scalar::Int(*at), scalar(*code), scalar(*value)])
    };
    store(&[(f::Reading, of.iter().map(record).collect())])
}

fn by(ordinal: u16, descending: bool) -> Vec<OrderTerm> {
    Vec::from([OrderTerm { expression: field(ordinal), descending, nulls_first: None }])
}

/// A window over all rows by code.
fn item(function: WindowFunction, argument: Option<Postfix>) -> WindowItem {
    let order = by(f::reading::CODE, false);
    WindowItem { function, argument, partition: Vec::new(), order, frame: Frame::DEFAULT }
}

fn aggregate(
    function: AggregateFunction,
    unit: FrameUnit,
    start: Option<i64>,
    end: Option<i64>,
) -> WindowItem {
    let argument = Some(field(f::reading::VALUE));
    let frame = Frame { unit, start, end };
    WindowItem { frame, ..item(WindowFunction::Aggregate(function), argument) }
}

/// What a window calculates of readings, in the order of their times.
#[track_caller]
fn values(store: &Store, item: WindowItem) -> Vec<Scalar> {
    let query = draft(f::Reading).window([item]).select([window(0)]).build();
    let snapshot = store.snapshot();
    let all = rows(snapshot.operation().view(), &query, RuleSet::ALL).expect("values");
    assert_eq!(rows(snapshot.operation().view(), &query, RuleSet::NONE).expect("values"), all);
    all.into_iter().flatten().collect()
}

fn ints(values: impl IntoIterator<Item = i128>) -> Vec<Scalar> {
    values.into_iter().map(Scalar::Int).collect()
}

fn floats(values: impl IntoIterator<Item = f64>) -> Vec<Scalar> {
    values.into_iter().map(Scalar::Float).collect()
}

/// With peers, and one that has no code.
fn some() -> Store {
    readings(&[
        (1, Some(2), Some(10)),
        (2, Some(1), Some(20)),
        (3, None, Some(30)),
        (4, Some(2), None),
        (5, Some(3), Some(-5)),
        (6, Some(1), Some(7)),
    ])
}

#[test]
fn places_are_counted_with_peers_and_without() {
    use WindowFunction as W;
    let db = some();
    // In order: 3; 2, 6; 1, 4; 5.
    assert_eq!(values(&db, item(W::RowNumber, None)), ints([4, 2, 1, 5, 6, 3]));
    assert_eq!(values(&db, item(W::Rank, None)), ints([4, 2, 1, 4, 6, 2]));
    assert_eq!(values(&db, item(W::DenseRank, None)), ints([3, 2, 1, 3, 4, 2]));
    assert_eq!(values(&db, item(W::PercentRank, None)), floats([0.6, 0.2, 0.0, 0.6, 1.0, 0.2]));
    assert_eq!(
        values(&db, item(W::CumeDist, None)),
        floats([5.0 / 6.0, 0.5, 1.0 / 6.0, 5.0 / 6.0, 1.0, 0.5])
    );
    assert_eq!(values(&db, item(W::Ntile(4), None)), ints([2, 1, 1, 3, 4, 2]));
    assert_eq!(values(&db, item(W::Ntile(9), None)), ints([4, 2, 1, 5, 6, 3]));
    assert_eq!(values(&db, item(W::Ntile(0), None)), ints([1, 1, 1, 1, 1, 1]));
    // None comes last where it is told to.
    let mut last = item(W::Rank, None);
    last.order[0].nulls_first = Some(false);
    assert_eq!(values(&db, last), ints([3, 1, 6, 3, 5, 1]));
    // Without an order all are peers, numbered as they come.
    let unordered = |function| WindowItem { order: Vec::new(), ..item(function, None) };
    assert_eq!(values(&db, unordered(W::RowNumber)), ints(1..=6));
    assert_eq!(values(&db, unordered(W::Rank)), ints([1; 6]));
    assert_eq!(values(&db, unordered(W::CumeDist)), floats([1.0; 6]));
}

#[test]
fn rows_of_other_places_are_found_or_absent() {
    use WindowFunction as W;
    let db = some();
    let at = || Some(field(f::reading::AT));
    let (null, int) = (Scalar::Null, Scalar::Int);
    // In order: 3, 2, 6, 1, 4, 5.
    let lag = values(&db, item(W::Lag(1), at()));
    assert_eq!(lag, [int(6), int(3), null.clone(), int(1), int(4), int(2)]);
    let lead = values(&db, item(W::Lead(4), at()));
    assert_eq!(lead, [null.clone(), int(5), int(4), null.clone(), null.clone(), null.clone()]);
    assert_eq!(values(&db, item(W::Lag(0), at())), ints(1..=6));
    assert_eq!(values(&db, item(W::Lead(u64::MAX), at())), [const { Scalar::Null }; 6]);
    assert_eq!(values(&db, item(W::First, at())), ints([3; 6]));
    // Up to the last peer.
    assert_eq!(values(&db, item(W::Last, at())), ints([4, 6, 3, 4, 5, 6]));
    let second = values(&db, item(W::Nth(2), at()));
    assert_eq!(second, [int(2), int(2), null.clone(), int(2), int(2), int(2)]);
    assert_eq!(values(&db, item(W::Nth(0), at())), [const { Scalar::Null }; 6]);
    let rows = |start, end| Frame { unit: FrameUnit::Rows, start: Some(start), end: Some(end) };
    let next = WindowItem { frame: rows(1, 2), ..item(W::First, at()) };
    assert_eq!(values(&db, next), [int(4), int(6), int(2), int(5), null, int(1)]);
}

#[test]
fn partitions_are_apart_and_none_is_one() {
    let db = some();
    let of_code = |function, argument| WindowItem {
        partition: Vec::from([field(f::reading::CODE)]),
        order: by(f::reading::AT, true),
        ..item(function, argument)
    };
    assert_eq!(values(&db, of_code(WindowFunction::RowNumber, None)), ints([2, 2, 1, 1, 1, 1]));
    let sums = of_code(WindowFunction::Aggregate(AggregateFunction::Sum), Some(field(f::reading::VALUE)));
    assert_eq!(values(&db, sums), ints([10, 27, 30, 0, -5, 7]));
    assert_eq!(values(&readings(&[]), of_code(WindowFunction::PercentRank, None)), []);
}

#[test]
fn frames_of_aggregates_move_and_skip_none() {
    use AggregateFunction as F;
    use FrameUnit::{Groups, Rows};
    let db = some();
    let (null, int) = (Scalar::Null, Scalar::Int);
    // Values in order: 30; 20, 7; 10, None; -5.
    assert_eq!(values(&db, aggregate(F::Sum, Rows, Some(-1), Some(0))), ints([17, 50, 30, 10, -5, 27]));
    assert_eq!(values(&db, aggregate(F::Sum, Rows, Some(1), None)), ints([-5, 12, 32, -5, 0, 5]));
    assert_eq!(values(&db, aggregate(F::Sum, Groups, None, Some(0))), ints([67, 57, 30, 67, 62, 57]));
    assert_eq!(values(&db, aggregate(F::Sum, Groups, Some(-1), Some(-1))), ints([27, 30, 0, 27, 10, 30]));
    assert_eq!(values(&db, aggregate(F::Count, Rows, Some(-1), Some(1))), ints([2, 3, 2, 2, 1, 3]));
    let min = values(&db, aggregate(F::Min, Rows, Some(-1), Some(1)));
    assert_eq!(min, ints([7, 7, 20, -5, -5, 7]));
    let max = values(&db, aggregate(F::Max, Rows, Some(0), Some(0)));
    assert_eq!(max, [int(10), int(20), int(30), null.clone(), int(-5), int(7)]);
    let mean = values(&db, aggregate(F::Avg, Groups, Some(0), Some(0)));
    assert_eq!(mean, floats([10.0, 13.5, 30.0, 10.0, -5.0, 13.5]));
    let far = values(&db, aggregate(F::Avg, Rows, Some(9), None));
    assert_eq!(far, [const { Scalar::Null }; 6]);
    // What ends before it starts has no rows.
    assert_eq!(values(&db, aggregate(F::Sum, Rows, Some(1), Some(-1))), ints([0; 6]));
}

#[test]
fn filters_see_the_values_and_windows_the_rows_before() {
    let db = some();
    let first = draft(f::Reading)
        .window([WindowItem {
            partition: Vec::from([field(f::reading::CODE)]),
            order: by(f::reading::VALUE, true),
            ..item(WindowFunction::RowNumber, None)
        }])
        .filter(window(0).binary(Eq, Postfix::literal(Scalar::Int(1), Type::U64)))
        .build();
    let snapshot = db.snapshot();
    let found = |draft: &Draft| -> Vec<Scalar> {
        let rows = rows(snapshot.operation().view(), draft, RuleSet::ALL).expect("rows");
        rows.into_iter().map(|row| row[0].clone()).collect()
    };
    // One of each code, in the order of the keys.
    assert_eq!(found(&first), ints([1, 2, 3, 5]));
    let per = |clauses: &[Clause]| {
        found(&clauses.iter().fold(draft(f::Reading), |draft, clause| draft.clause(clause.clone())).build())
    };
    let one_per_code = Clause::limit_per(Vec::from([field(f::reading::CODE)]), 1);
    assert_eq!(per(&[Clause::Order(by(f::reading::AT, true)), one_per_code.clone()]), ints([6, 5, 4, 3]));
    assert_eq!(per(&[Clause::limit_per(Vec::from([field(f::reading::CODE)]), 0)]), []);
    assert_eq!(per(&[Clause::limit_per(Vec::new(), 2)]), ints([1, 2]));
    // After a limit there are the limited rows only.
    assert_eq!(per(&[Clause::Limit(3), one_per_code.clone()]), ints([1, 2, 3]));
    assert_eq!(per(&[one_per_code, Clause::Offset(2)]), ints([3, 5]));
}

#[test]
fn a_value_without_a_result_is_an_error_where_it_comes_out() {
    let most = i64::MAX.into();
    let db = readings(&[
        (1, Some(1), Some(most)),
        (2, Some(1), Some(1)),
        (3, Some(2), Some(-2)),
        (4, Some(3), Some(0)),
    ]);
    let snapshot = db.snapshot();
    let run = |draft: DraftBuilder| rows(snapshot.operation().view(), &draft.build(), RuleSet::ALL);
    let fails = |draft: DraftBuilder| matches!(run(draft), Err(EngineError::Exec(ExecError::Arithmetic(_))));
    let sums = |end| {
        let frame = aggregate(AggregateFunction::Sum, FrameUnit::Rows, None, Some(end));
        draft(f::Reading).window([frame])
    };
    let behind = |draft: DraftBuilder, code: i128| {
        let code = Postfix::literal(Scalar::Int(code), Type::U8);
        draft.filter(field(f::reading::CODE).binary(Ne, code)).select([window(0)])
    };
    // The sum of two overflows; one more and it fits again.
    assert!(fails(sums(0).select([window(0)])));
    let rest = run(behind(sums(0), 1)).expect("the row that overflows is not part of it");
    assert_eq!(rest.concat(), ints([most - 1, most - 1]));
    let inverse = || int(1).binary(Divide, field(f::reading::VALUE));
    let before = draft(f::Reading).window([item(WindowFunction::Lead(1), Some(inverse()))]);
    assert!(fails(before.clone().select([window(0)])), "the third row has the inverse of the fourth");
    assert_eq!(run(behind(before, 2)).expect("without it").len(), 3);
    // Every row is one of a partition, and has a place.
    let mut unordered = item(WindowFunction::RowNumber, None);
    unordered.partition.push(inverse());
    assert!(fails(
        draft(f::Reading)
            .window([unordered.clone()])
            .filter(Postfix::literal(Scalar::Bool(false), Type::Bool))
    ));
    unordered.order.clear();
    assert!(fails(draft(f::Reading).window([unordered])));
    let filtered = draft(f::Reading).filter(inverse().binary(Le, int(5)));
    assert!(fails(filtered.window([item(WindowFunction::Rank, None)]).limit(1)));
}

#[test]
fn long_partitions_are_calculated_in_time_and_come_in_order() {
    // Quadratic, this would be ten thousand million steps.
    let many: Vec<(i128, Option<i128>, Option<i128>)> =
        (0..100_000).map(|at| (at, Some(at % 2), Some((at * 7919) % 1013))).collect();
    let db = readings(&many);
    let frame = |function| WindowItem {
        order: by(f::reading::AT, false),
        ..aggregate(function, FrameUnit::Rows, Some(-20_000), Some(20_000))
    };
    let at = many.len() / 2;
    let around = || many[at - 20_000..=at + 20_000].iter().filter_map(|(_, _, value)| *value);
    assert_eq!(values(&db, frame(AggregateFunction::Sum))[at], Scalar::Int(around().sum()));
    assert_eq!(values(&db, frame(AggregateFunction::Min))[at], Scalar::Int(around().min().unwrap()));
    assert_eq!(values(&db, frame(AggregateFunction::Max))[at], Scalar::Int(around().max().unwrap()));
    let mean = around().sum::<i128>() as f64 / 40_001.0;
    assert_eq!(values(&db, frame(AggregateFunction::Avg))[at], Scalar::Float(mean));
    let numbers = WindowItem {
        partition: Vec::from([field(f::reading::CODE)]),
        order: Vec::new(),
        ..item(WindowFunction::RowNumber, None)
    };
    let expected = ints((0..100_000).map(|at| at / 2 + 1));
    assert_eq!(values(&db, numbers.clone()), expected);
    // Also where it is carried out in several operations.
    let query = draft(f::Reading).window([numbers]).select([window(0)]).build();
    assert_eq!(streamed(&db.snapshot(), &query).expect("numbers").concat(), expected);
}

#[test]
fn what_is_no_window_is_refused() {
    let db = some();
    let view = db.snapshot();
    let plan = |draft: DraftBuilder| match explain(view.operation().view(), &draft.build()) {
        Err(EngineError::Plan(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        plan(draft(f::Reading).select([window(0)])),
        "an expression names value 0 of windows that have calculated 0"
    );
    let grouped = draft(f::Reading).window([item(WindowFunction::Rank, None)]).group_by([]);
    assert!(
        plan(grouped.select([window(0)])).contains("calculated 0"),
        "groups have no windows of their rows"
    );
    let joined = AggregateFunction::StringAgg { separator: ", ".to_string() };
    let joined = item(WindowFunction::Aggregate(joined), Some(field(f::reading::VALUE)));
    assert_eq!(plan(draft(f::Reading).window([joined])), "`string_agg` is not defined for i64");
    let ranged = |order| {
        let item = aggregate(AggregateFunction::Sum, FrameUnit::Range, Some(-1), Some(1));
        draft(f::Reading).window([WindowItem { order, ..item }])
    };
    let two = [by(f::reading::CODE, false), by(f::reading::AT, false)].concat();
    assert_eq!(
        plan(ranged(two)),
        "a frame told by distances is of rows ordered by one value, and there are 2"
    );
    assert!(plan(ranged(Vec::new())).ends_with("there are 0"));
    let nan = Frame { unit: FrameUnit::Range, start: Some(f64::NAN.to_bits() as i64), end: None };
    let by_price = by(f::track::PRICE, false);
    let count = WindowItem {
        frame: nan,
        order: by_price,
        ..item(WindowFunction::Aggregate(AggregateFunction::Count), None)
    };
    assert!(plan(draft(f::Track).window([count])).contains("no number"));
    assert_eq!(
        plan(draft(f::Reading).window([item(WindowFunction::Lag(1), None)])),
        "`lag` is not defined for u64"
    );
}

#[test]
fn frames_are_told_by_how_far_values_are_apart() {
    let db = some();
    let sums = |descending, start, end| {
        let item = aggregate(AggregateFunction::Sum, FrameUnit::Range, start, end);
        values(&db, WindowItem { order: by(f::reading::CODE, descending), ..item })
    };
    // Codes 2, 1, none, 2, 3, 1 have 10, 20, 30, none, -5, 7.
    assert_eq!(sums(false, Some(-1), Some(0)), ints([37, 27, 30, 37, 5, 27]));
    assert_eq!(sums(false, Some(1), Some(1)), ints([-5, 10, 30, -5, 0, 10]));
    assert_eq!(sums(false, Some(2), Some(1)), ints([0, 0, 30, 0, 0, 0]));
    // What has no code comes first in the ascending order, and last in the descending one.
    assert_eq!(sums(false, None, Some(0)), ints([67, 57, 30, 67, 62, 57]));
    assert_eq!(sums(true, None, Some(-1)), ints([-5, 5, 62, -5, 0, 5]));
    assert_eq!(sums(true, Some(0), Some(1)), ints([37, 27, 30, 37, 5, 27]));
    assert_eq!(sums(true, Some(1), None), ints([57, 30, 30, 57, 67, 30]));
}

#[test]
fn plans_say_what_windows_calculate() {
    let db = some();
    let framed = WindowItem {
        partition: Vec::from([field(f::reading::CODE)]),
        order: by(f::reading::VALUE, true),
        ..aggregate(AggregateFunction::Sum, FrameUnit::Rows, Some(-2), None)
    };
    let query = draft(f::Reading)
        .window([item(WindowFunction::Ntile(4), None), framed])
        .filter(window(0).binary(Le, Postfix::literal(Scalar::Int(1), Type::U64)))
        .select([window(1)])
        .build();
    let plan = explain(db.snapshot().operation().view(), &query).expect("a plan").to_string();
    let expected = "project [sum(value)]\n  filter [ntile(4)] <= 1\n    window ntile(4) order code; \
                    sum(value) by code order value desc rows -2..=\n      scan Reading";
    assert_eq!(plan, expected);
}

#[test]
fn groups_in_order_come_in_several_operations() {
    let many: Vec<(i128, Option<i128>, Option<i128>)> = (0..600).map(|at| (at, None, Some(-at))).collect();
    let db = readings(&many);
    let key = || OrderTerm { expression: Postfix::key(0), descending: false, nulls_first: None };
    let grouped = |query: DraftBuilder| {
        let query = query.group_by([field(f::reading::VALUE)]).clause(Clause::Order(Vec::from([key()])));
        streamed(&db.snapshot(), &query.build()).expect("groups").concat()
    };
    assert_eq!(grouped(draft(f::Reading)), ints(-599..=0));
    // All of them are read in the first.
    let at = |at: i128| Postfix::literal(Scalar::Int(at), Type::I32);
    assert_eq!(
        grouped(draft(f::Reading).filter(field(f::reading::AT).is_in((0..90).map(at)))),
        ints(-89..=0)
    );
    assert_eq!(grouped(draft(f::Reading).limit(90)), ints(-89..=0));
}
