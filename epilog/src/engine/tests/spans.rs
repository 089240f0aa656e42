//! Ranges of an index, or of keys, for each row: of values of every kind, the least and the greatest of their types among them, with
//! bounds that are in the range and that are not, that are absent, and that leave nothing.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::fixture::{DraftBuilder, draft, field, id, inner};
use super::*;
use crate::engine::physical::{self, Join, Method, Operator, PhysicalNode};
use crate::expr::op::Link;
use crate::expr::{
    AggregateFunction, AggregateItem, BinaryOp, Clause, JoinKind, Postfix, Quantifier, Subquery,
};
use crate::schema::{DatabaseSchema, FieldSchema, IndexSchema, KeySchema};
use crate::value::Type;
use crate::value::decimal::DecimalParts;

/// The fields behind the key: of each there is an index, of the first also one behind the numbers of groups.
const TYPES: [(&str, Type, bool); 7] = [
    ("float", Type::F64, true),
    ("decimal", Type::Decimal, false),
    ("text", Type::String, false),
    ("bytes", Type::Bytes, true),
    ("small", Type::I8, false),
    ("great", Type::U128, false),
    ("group", Type::I64, true),
];
const GROUP: u16 = 7;

#[allow(non_snake_case)]
fn Thing() -> &'static CollectionSchema {
    const fn of(at: usize) -> FieldSchema {
        let (name, ty, optional) = TYPES[at];
        FieldSchema { name, ty, optional, reference: None, default: None }
    }
    static FIELDS: [FieldSchema; 8] = [
        FieldSchema { name: "id", ty: Type::Id, optional: false, reference: None, default: None },
        of(0),
        of(1),
        of(2),
        of(3),
        of(4),
        of(5),
        of(6),
    ];
    static INDEXES: [IndexSchema; 8] = [
        // Behind equal floats come other fields, so that the first of them by key is not the first entry.
        IndexSchema::new("float_small", &[1, 5], false),
        IndexSchema::new("decimal", &[2], false),
        IndexSchema::new("text", &[3], false),
        IndexSchema::new("bytes", &[4], false),
        IndexSchema::new("small", &[5], false),
        IndexSchema::new("great", &[6], false),
        IndexSchema::new("group_float", &[7, 1], false),
        IndexSchema::new("group_text", &[7, 3], false),
    ];
    static SCHEMA: CollectionSchema = CollectionSchema {
        name: "Thing",
        fields: &FIELDS,
        key: KeySchema::Assigned(0),
        indexes: &INDEXES,
        page_size: None,
    };
    &SCHEMA
}

static DATABASE: DatabaseSchema = DatabaseSchema { name: "Things", collections: &[Thing] };

fn values(ty: Type) -> Vec<Scalar> {
    let decimals =
        [(-15, 1), (0, 0), (0, 3), (150, 2), (15, 1), (1_500, 3), (2, 0), (i128::from(i64::MAX), 0)];
    match ty {
        Type::F64 => {
            let all = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 0.5, f64::INFINITY, f64::NAN];
            all.into_iter().map(Scalar::Float).chain([Scalar::Null]).collect()
        }
        Type::Decimal => decimals
            .iter()
            .map(|(mantissa, scale)| Scalar::Decimal(DecimalParts { mantissa: *mantissa, scale: *scale }))
            .collect(),
        Type::String => {
            ["", "\0", "\0a", "a", "a\0", "a\0b", "ab", "b"].map(|s| Scalar::String(s.to_string())).into()
        }
        Type::Bytes => {
            let all: [&[u8]; 7] = [b"", b"\0", b"\0\xFF", b"a", b"\xFF", b"\xFF\0", b"\xFF\xFF"];
            all.iter().map(|bytes| Scalar::Bytes(bytes.to_vec())).chain([Scalar::Null]).collect()
        }
        Type::I8 => [-128, -1, 0, 1, 127].map(Scalar::Int).into(),
        Type::U128 => [0, 1, u128::MAX - 1, u128::MAX].map(Scalar::Uint).into(),
        _ => [Scalar::Int(1), Scalar::Int(2), Scalar::Null].into(),
    }
}

const COUNT: usize = 48;

fn things() -> Vec<Vec<Scalar>> {
    let thing = |n: usize| {
        let of = |(at, (_, ty, _)): (usize, &(&str, Type, bool))| {
            let values = values(*ty);
            values[(n * 5 + n / 8 * at + at) % values.len()].clone()
        };
        core::iter::once(Scalar::Int(n as i128 + 1)).chain(TYPES.iter().enumerate().map(of)).collect()
    };
    (0..COUNT).map(thing).collect()
}

fn filled() -> (Store, Vec<Vec<Scalar>>) {
    let store = Store::in_memory(&DATABASE).expect("a sound schema");
    let records = things();
    insert(&store, &[(Thing, records.clone())]);
    (store, records)
}

/// What a record is asked in comparison with the row's.
#[derive(Clone, Copy, Debug)]
enum Test {
    Compared(BinaryOp),
    /// From the row's value to that of the record with the next key.
    Between,
    /// Above and below the row's value.
    Nothing,
    StartsWith,
}

const TESTS: [Test; 7] = [
    Test::Compared(BinaryOp::Lt),
    Test::Compared(BinaryOp::Le),
    Test::Compared(BinaryOp::Gt),
    Test::Compared(BinaryOp::Ge),
    Test::Between,
    Test::Nothing,
    Test::StartsWith,
];

impl Test {
    /// As a predicate of the record at `position` and the row.
    fn of(self, of: u16) -> Postfix {
        let (own, row) = (|| inner(1, of), || field(of));
        match self {
            Test::Compared(op) => own().binary(op, row()),
            Test::Between => own().between(row(), row()),
            Test::Nothing => {
                let above = own().binary(BinaryOp::Gt, row());
                above.binary(BinaryOp::And, own().binary(BinaryOp::Lt, row()))
            }
            Test::StartsWith => own().binary(BinaryOp::StartsWith, row()),
        }
    }

    fn holds(self, own: &Scalar, row: &Scalar) -> bool {
        if own.is_null() || row.is_null() {
            return false;
        }
        let order = own.compare(row);
        match (self, own, row) {
            (Test::Compared(BinaryOp::Lt), ..) => order.is_lt(),
            (Test::Compared(BinaryOp::Le), ..) => order.is_le(),
            (Test::Compared(BinaryOp::Gt), ..) => order.is_gt(),
            (Test::Compared(_), ..) => order.is_ge(),
            (Test::Between, ..) => order.is_eq(),
            (Test::Nothing, ..) => false,
            (Test::StartsWith, Scalar::String(own), Scalar::String(row)) => own.starts_with(row.as_str()),
            (Test::StartsWith, Scalar::Bytes(own), Scalar::Bytes(row)) => own.starts_with(row),
            (Test::StartsWith, ..) => unreachable!("numbers do not start with others"),
        }
    }

    fn suits(self, ty: Type) -> bool {
        !matches!(self, Test::StartsWith) || matches!(ty, Type::String | Type::Bytes)
    }
}

fn one_row(key: usize) -> DraftBuilder {
    draft(Thing).filter(field(0).binary(BinaryOp::Eq, id(key as u64)))
}

fn asked(on: Postfix, quantifier: Quantifier) -> Postfix {
    let link = Link::Correlated { position: 1 };
    Postfix::subquery(Subquery { collection: Thing, link, quantifier, predicate: Some(on), equal: None })
}

/// Whether an operator searches for a range for each row.
fn has_range(node: &PhysicalNode) -> bool {
    let of = match &node.operator {
        Operator::Join(Join { method, .. }) | Operator::Subquery(physical::Subquery { method, .. }) => {
            matches!(method, Method::Probe { span: Some(_), .. })
        }
        _ => false,
    };
    of || node.children().into_iter().any(has_range)
}

/// Whether nothing but the entries is read of what an operator finds for each row.
fn reads_entries(node: &PhysicalNode) -> bool {
    let of = match &node.operator {
        Operator::Join(Join { method, .. }) | Operator::Subquery(physical::Subquery { method, .. }) => {
            matches!(method, Method::Probe { entries: Some(entries), .. } if entries.alone)
        }
        _ => false,
    };
    of || node.children().into_iter().any(reads_entries)
}

/// The plan's text, and its rows in the order told, which have a range for each row.
fn ranged(store: &Store, draft: &Draft) -> (Plan, Vec<Vec<Scalar>>) {
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let view = operation.view();
    let planned = plan(view, draft, Purpose::Rows, RuleSet::ALL).expect("a plan");
    assert!(has_range(&planned.root), "{}", Plan::of(&planned));
    let text = Plan::of(&planned);
    (text, scalars(Rows::planned(view, planned, Run::default())).expect("rows"))
}

#[test]
fn values_of_every_kind_are_between_their_bounds() {
    let (store, records) = filled();
    for (of, (name, ty, _)) in (1..).zip(TYPES) {
        for test in TESTS.into_iter().filter(|test| test.suits(ty)) {
            // A group is all that is equal in front of a text, and of a float.
            for grouped in [false, true] {
                let on = match grouped {
                    true if matches!(ty, Type::F64 | Type::String) => {
                        inner(1, GROUP).binary(BinaryOp::Eq, field(GROUP)).binary(BinaryOp::And, test.of(of))
                    }
                    true => continue,
                    false => test.of(of),
                };
                for key in 1..=COUNT.min(17) {
                    let row = &records[key - 1];
                    let belongs = |record: &&Vec<Scalar>| {
                        let of_group = !grouped || record[usize::from(GROUP)] == row[usize::from(GROUP)];
                        of_group && test.holds(&record[usize::from(of)], &row[usize::from(of)])
                    };
                    let expected: Vec<&Vec<Scalar>> = records.iter().filter(belongs).collect();
                    let what = format!("{name} {test:?}, grouped: {grouped}, {:?}", row[usize::from(of)]);
                    for kind in [JoinKind::Left, JoinKind::Inner] {
                        let join = Clause::Join { collection: Thing, on: on.clone(), kind };
                        let select = [inner(1, 0)];
                        let (_, mut rows) = ranged(&store, &one_row(key).clause(join).select(select).build());
                        rows.sort_by_key(|row| if let Scalar::Int(key) = row[0] { key } else { 0 });
                        let mut keys: Vec<Scalar> = expected.iter().map(|record| record[0].clone()).collect();
                        if keys.is_empty() && kind == JoinKind::Left {
                            keys.push(Scalar::Null);
                        }
                        let found: Vec<Scalar> = rows.into_iter().flatten().collect();
                        assert_eq!(found, keys, "{what}");
                    }
                    let count = asked(on.clone(), Quantifier::Count);
                    let (_, rows) = ranged(&store, &one_row(key).select([count]).build());
                    assert_eq!(rows, [[Scalar::Int(expected.len() as i128)]], "{what}");
                    let any = asked(on.clone(), Quantifier::Any);
                    let (_, rows) = ranged(&store, &one_row(key).select([any]).build());
                    assert_eq!(rows, [[Scalar::Bool(!expected.is_empty())]], "{what}");
                }
            }
        }
    }
}

#[test]
fn the_ends_of_a_range_are_those_of_the_first_of_equal_values() {
    let (store, records) = filled();
    let aggregate = |function, of: u16| {
        let item = AggregateItem { function, argument: Some(inner(1, of)), filter: None };
        Quantifier::aggregate(item).expect("tests have all parts")
    };
    // As they are stored: zeros of either sign, and numbers of several digits, are told apart.
    let shown = |value: Option<&Scalar>| format!("{:?}", value.unwrap_or(&Scalar::Null));
    for (of, (name, _, _)) in (1..7).zip(TYPES) {
        for (op, function) in [
            (BinaryOp::Ge, AggregateFunction::Min),
            (BinaryOp::Gt, AggregateFunction::Min),
            (BinaryOp::Le, AggregateFunction::Max),
            (BinaryOp::Lt, AggregateFunction::Max),
        ] {
            let is_min = function == AggregateFunction::Min;
            for key in 1..=COUNT.min(17) {
                let test = Test::Compared(op);
                let row = &records[key - 1][usize::from(of)];
                let mut values: Vec<&Scalar> =
                    records.iter().map(|record| &record[usize::from(of)]).collect();
                values.retain(|value| test.holds(value, row));
                // Of several that are equal `min_by` gives the first, and so does this for the greatest.
                let end = match is_min {
                    true => values.iter().copied().min_by(|a, b| a.compare(b)),
                    false => values.iter().copied().rev().max_by(|a, b| a.compare(b)),
                };
                let of_row = asked(test.of(of), aggregate(function.clone(), of));
                let (plan, rows) = ranged(&store, &one_row(key).select([of_row]).build());
                let least = if is_min { "the least of" } else { "the greatest of" };
                assert!(plan.to_string().contains(least), "{plan}");
                assert_eq!(shown(Some(&rows[0][0])), shown(end), "{name} {op:?} {row:?}");
            }
        }
    }
}

#[test]
fn lists_of_a_range_come_in_the_order_of_keys() {
    let (store, records) = filled();
    let item =
        AggregateItem { function: AggregateFunction::ArrayAgg, argument: Some(inner(1, 3)), filter: None };
    let list = Quantifier::aggregate(item).expect("tests have all parts");
    for key in 1..=8 {
        let of_row = |on| asked(on, list.clone());
        let test = Test::Compared(BinaryOp::Ge);
        let (_, rows) = ranged(&store, &one_row(key).select([of_row(test.of(3))]).build());
        let held = records.iter().filter(|record| test.holds(&record[3], &records[key - 1][3]));
        let texts: Vec<Vec<u8>> = held
            .map(|record| match &record[3] {
                Scalar::String(text) => text.as_bytes().to_vec(),
                other => panic!("{other:?} is no text"),
            })
            .collect();
        let Scalar::Bytes(found) = &rows[0][0] else { panic!("{rows:?} is no list") };
        let mut cells = Vec::new();
        for element in crate::value::list::elements(Type::String, found) {
            let mut cell = Vec::new();
            crate::value::list::append_cell(&mut cell, Type::String, element);
            cells.push(cell);
        }
        assert_eq!(cells, texts);
    }
}

#[test]
fn keys_are_ranges_of_records() {
    let (store, records) = filled();
    let greater = |key: usize| records.len() - key;
    for key in [1, 2, COUNT - 1, COUNT] {
        for (op, count) in [
            (BinaryOp::Gt, greater(key)),
            (BinaryOp::Ge, greater(key) + 1),
            (BinaryOp::Lt, key - 1),
            (BinaryOp::Le, key),
        ] {
            let on = || inner(1, 0).binary(op, field(0));
            let join = Clause::Join { collection: Thing, on: on(), kind: JoinKind::Inner };
            let (plan, rows) = ranged(&store, &one_row(key).clause(join).select([inner(1, 0)]).build());
            assert_eq!(rows.len(), count, "{plan}");
            let (_, rows) = ranged(&store, &one_row(key).select([asked(on(), Quantifier::Count)]).build());
            assert_eq!(rows, [[Scalar::Int(count as i128)]], "{op:?}");
            let item =
                AggregateItem { function: AggregateFunction::Max, argument: Some(inner(1, 0)), filter: None };
            let max = Quantifier::aggregate(item).expect("tests have all parts");
            let (_, rows) = ranged(&store, &one_row(key).select([asked(on(), max)]).build());
            let greatest = match op {
                BinaryOp::Lt if key == 1 => Scalar::Null,
                BinaryOp::Lt => Scalar::Int(key as i128 - 1),
                BinaryOp::Le => Scalar::Int(key as i128),
                BinaryOp::Gt if key == COUNT => Scalar::Null,
                _ => Scalar::Int(COUNT as i128),
            };
            assert_eq!(rows, [[greatest]], "{op:?} {key}");
        }
    }
}

#[test]
fn what_else_is_asked_is_asked_of_pairs() {
    let (store, records) = filled();
    // Another bound on the same side, and a test of something else: the end of the range may be dropped.
    let on = || {
        let first = inner(1, 5).binary(BinaryOp::Ge, field(5));
        let second = inner(1, 5).binary(BinaryOp::Gt, field(5));
        let not_one = inner(1, 5).binary(BinaryOp::Ne, Postfix::literal(Scalar::Int(1), Type::I8));
        first.binary(BinaryOp::And, second).binary(BinaryOp::And, not_one)
    };
    let item = AggregateItem { function: AggregateFunction::Min, argument: Some(inner(1, 5)), filter: None };
    let min = || Quantifier::aggregate(item.clone()).expect("tests have all parts");
    for key in 1..=COUNT {
        let row = &records[key - 1][5];
        let belongs = |record: &&Vec<Scalar>| record[5].compare(row).is_gt() && record[5] != Scalar::Int(1);
        let expected = records.iter().filter(belongs).map(|record| &record[5]).min_by(|a, b| a.compare(b));
        let (plan, rows) = ranged(&store, &one_row(key).select([asked(on(), min())]).build());
        assert!(!plan.to_string().contains("the least of"), "{plan}");
        assert_eq!(rows[0][0], expected.cloned().unwrap_or(Scalar::Null), "{plan}");
    }
}

#[test]
fn entries_are_all_that_is_read_of_what_has_all_in_them() {
    let (store, records) = filled();
    let greater = |of: u16| inner(1, of).binary(BinaryOp::Gt, field(of));
    let check = |draft: DraftBuilder, alone: bool| {
        let draft = draft.build();
        let snapshot = store.snapshot();
        let operation = snapshot.operation();
        let view = operation.view();
        let planned = plan(view, &draft, Purpose::Rows, RuleSet::ALL).expect("a plan");
        let text = Plan::of(&planned).to_string();
        assert_eq!(reads_entries(&planned.root), alone, "{text}");
        assert_eq!(text.contains(", entries only"), alone, "{text}");
        ranged(&store, &draft).1
    };
    let joined = |of: u16, kind| one_row(9).clause(Clause::Join { collection: Thing, on: greater(of), kind });
    let held = |of: u16| {
        let row = &records[8][usize::from(of)];
        records.iter().filter(move |record| record[usize::from(of)].compare(row).is_gt())
    };
    let sorted = |mut rows: Vec<Vec<Scalar>>| {
        rows.sort_by_key(|row| if let Scalar::Int(key) = row[0] { key } else { 0 });
        rows
    };
    // The key and the value of an entry, also where something is made of them.
    let rows = check(joined(6, JoinKind::Inner).select([inner(1, 0), inner(1, 6), field(6)]), true);
    let expected: Vec<Vec<Scalar>> = held(6)
        .map(|record| Vec::from([record[0].clone(), record[6].clone(), records[8][6].clone()]))
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(sorted(rows), expected);
    let item = AggregateItem { function: AggregateFunction::Sum, argument: Some(inner(1, 5)), filter: None };
    let sum = |of| asked(greater(of), Quantifier::aggregate(item.clone()).expect("tests have all parts"));
    let number = |record: &Vec<Scalar>| if let Scalar::Int(small) = record[5] { small } else { 0 };
    let rows = check(one_row(9).select([sum(5)]), true);
    assert_eq!(rows, [[Scalar::Int(held(5).map(number).sum())]]);
    // Floats that are equal have one key, so that the value is the record's; and so is what no index has beside it.
    check(joined(1, JoinKind::Inner).select([inner(1, 0), inner(1, 1)]), false);
    check(joined(6, JoinKind::Inner).select([inner(1, 0), inner(1, 5)]), false);
    check(one_row(9).select([sum(6)]), false);
    // A row without a pair has no entry, and a record is more than its entry.
    check(joined(6, JoinKind::Left).select([inner(1, 0), inner(1, 6)]), false);
    check(joined(6, JoinKind::Inner), false);
}
