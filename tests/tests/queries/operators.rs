//! Every operator over every storable type, at the edges of its values: each answer is compared with that of plain Rust.
//!
//! Two collections have a field of each type and an optional one; in one of them each field has an index. Values are dealt out so
//! that neighbours meet at different distances.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use epilog::collection::{Expr, Field, Req, Within};
use epilog::prelude::*;
use epilog::query::{Numeric, Query, Signed};
use epilog_tests::random::Random;
use pretty_assertions::assert_eq;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::meaning::{Ordered, Test, is_glob, is_like, tested};

const RECORDS: usize = 61;

/// What relations point at.
#[derive(Collection, Clone, Debug)]
pub struct Target {
    id: Id<Target>,
}

macro_rules! everything {
    ($name:ident, $fields:ident, $schema:ident, $(#[$index:meta])? { $($field:ident $optional:ident: $ty:ty,)* }) => {
        everything!(@ $name, $fields, $schema, [$(#[$index])?] $([$field $optional: $ty])*);
    };
    (@ $name:ident, $fields:ident, $schema:ident, $index:tt $([$field:ident $optional:ident: $ty:ty])*) => {
        everything!(# $name, $fields, $schema, $([$index $field $optional: $ty])*);
    };
    (# $name:ident, $fields:ident, $schema:ident,
        $([[$(#[$index:meta])?] $field:ident $optional:ident: $ty:ty])*) => {
        #[derive(Collection, Clone, Debug)]
        pub struct $name {
            id: Id<$name>,
            $($(#[$index])? $field: $ty,)*
            $($(#[$index])? $optional: Option<$ty>,)*
        }

        epilog::schema!(pub $schema { $name, Target });

        impl Everything for $name {
            type World = $schema;

            fn id(&self) -> u64 {
                self.id.get()
            }

            fn id_of(fields: $fields<$name>) -> Field<$name, Id<$name>> {
                fields.id
            }
        }

        impl $name {
            /// The record with this number.
            fn numbered(number: usize) -> $name {
                $name {
                    id: Id::new(number as u64 + 1),
                    $($field: dealt(&edges::$field(), number, 1),)*
                    $($optional: perhaps(&edges::$field(), number),)*
                }
            }

            /// Asks of every field what every type can be asked.
            fn check_every_field(sample: &Sample<$name>) {
                $(
                    sample.check_field(stringify!($field), |t| t.$field, |r| r.$field.clone(), &edges::$field());
                    let edges: Vec<Option<$ty>> = edges::$field().into_iter().map(Some).chain([None]).collect();
                    sample.check_field(
                        stringify!($optional), |t| t.$optional, |r| r.$optional.clone(), &edges);
                    sample.check_pair(stringify!($field), |t| t.$optional, |t| t.$field,
                        |r| (r.$optional.clone(), r.$field.clone()));
                    sample.check_absence(stringify!($optional), |t| t.$optional, |r| r.$optional.clone(),
                        &edges::$field()[0]);
                )*
            }
        }
    };
}

/// The names of the fields are those of the functions of [`edges`].
macro_rules! with_every_type {
    ($($start:tt)*) => {
        everything! {
            $($start)* {
                byte optional_byte: u8,
                short optional_short: u16,
                word optional_word: u32,
                long optional_long: u64,
                wide optional_wide: u128,
                signed_byte optional_signed_byte: i8,
                signed_short optional_signed_short: i16,
                signed_word optional_signed_word: i32,
                signed_long optional_signed_long: i64,
                signed_wide optional_signed_wide: i128,
                single optional_single: f32,
                double optional_double: f64,
                truth optional_truth: bool,
                letter optional_letter: char,
                text optional_text: String,
                bytes optional_bytes: Vec<u8>,
                uuid optional_uuid: Uuid,
                decimal optional_decimal: Decimal,
                date optional_date: NaiveDate,
                time optional_time: NaiveTime,
                moment optional_moment: NaiveDateTime,
                instant optional_instant: DateTime<Utc>,
                target optional_target: Id<Target>,
            }
        }
    };
}

with_every_type!(Plain, PlainFields, PlainWorld,);
with_every_type!(Indexed, IndexedFields, IndexedWorld, #[index]);

/// Values at the edges of each type.
mod edges {
    use super::*;

    macro_rules! integers {
        ($($name:ident: $ty:ty;)*) => {$(
            pub fn $name() -> Vec<$ty> {
                let (min, max) = (<$ty>::MIN, <$ty>::MAX);
                vec![min, min + 1, max / 2, 0, 1, 2, 7, 100, max - 1, max]
            }
        )*};
    }

    integers! {
        byte: u8; short: u16; word: u32; long: u64; wide: u128;
        signed_byte: i8; signed_short: i16; signed_word: i32; signed_long: i64; signed_wide: i128;
    }

    macro_rules! floats {
        ($($name:ident: $ty:ident;)*) => {$(
            pub fn $name() -> Vec<$ty> {
                vec![
                    0.0, -0.0, 1.0, -1.5, $ty::NAN, -$ty::NAN, $ty::INFINITY, $ty::NEG_INFINITY, $ty::MIN, $ty::MAX,
                    $ty::MIN_POSITIVE, $ty::MIN_POSITIVE / 2.0,
                ]
            }
        )*};
    }

    floats! { single: f32; double: f64; }

    pub fn truth() -> Vec<bool> {
        vec![false, true]
    }

    pub fn letter() -> Vec<char> {
        vec!['\0', 'A', 'a', 'ß', 'é', '\u{D7FF}', '\u{E000}', '日', char::MAX]
    }

    pub fn text() -> Vec<String> {
        let long = "long ".repeat(40);
        ["", "\0", "a", "a\0", "a\0b", "A", "ab", "é", "éa", "日本語", "\u{10FFFF}", "50%_\\", long.as_str()]
            .map(String::from)
            .to_vec()
    }

    pub fn bytes() -> Vec<Vec<u8>> {
        let some: [&[u8]; 8] = [&[], &[0], &[0, 0], &[0, 255], &[1], &[255], &[255, 255], &[7; 150]];
        some.map(<[u8]>::to_vec).to_vec()
    }

    pub fn uuid() -> Vec<Uuid> {
        [0, 1, 1 << 64, u128::MAX >> 1, u128::MAX].map(Uuid::from_u128).to_vec()
    }

    pub fn decimal() -> Vec<Decimal> {
        vec![
            Decimal::MIN,
            Decimal::new(-15, 1),
            Decimal::new(-150, 2),
            Decimal::new(-1, 28),
            Decimal::ZERO,
            Decimal::new(0, 9),
            Decimal::new(1, 28),
            Decimal::new(1, 0),
            Decimal::new(100, 2),
            Decimal::new(1_000_001, 6),
            Decimal::MAX,
        ]
    }

    pub fn date() -> Vec<NaiveDate> {
        let days = [(-1, 12, 31), (0, 1, 1), (1, 1, 1), (1969, 12, 31), (1970, 1, 1), (2000, 2, 29)];
        let days = days.map(|(year, month, day)| NaiveDate::from_ymd_opt(year, month, day).expect("a date"));
        [NaiveDate::MIN, NaiveDate::MAX].into_iter().chain(days).collect()
    }

    pub fn time() -> Vec<NaiveTime> {
        let times = [(0, 0, 0, 0), (0, 0, 0, 1), (12, 0, 0, 999_999_999), (23, 59, 59, 1_999_999_999)];
        times.map(|(h, m, s, n)| NaiveTime::from_hms_nano_opt(h, m, s, n).expect("a time")).to_vec()
    }

    pub fn moment() -> Vec<NaiveDateTime> {
        let of = |time: &NaiveTime| date().into_iter().map(|date| date.and_time(*time)).collect::<Vec<_>>();
        time().iter().flat_map(of).step_by(3).chain([NaiveDateTime::MIN, NaiveDateTime::MAX]).collect()
    }

    pub fn instant() -> Vec<DateTime<Utc>> {
        moment().into_iter().map(|moment| moment.and_utc()).collect()
    }

    pub fn target() -> Vec<Id<Target>> {
        [1, 2, 3, 255, 256, 1 << 40, u64::MAX >> 1].map(Id::new).to_vec()
    }
}

fn dealt<T: Clone>(edges: &[T], number: usize, step: usize) -> T {
    edges[number * step % edges.len()].clone()
}

fn perhaps<T: Clone>(edges: &[T], number: usize) -> Option<T> {
    let at = (number * 7 + 3) % (edges.len() + 1);
    edges.get(at).cloned()
}

/// A collection with a field of every type.
trait Everything: Collection<Key = Id<Self>> + Within<Self::World> + Clone {
    type World: epilog::Schema;
    fn id(&self) -> u64;
    fn id_of(fields: Self::Fields<Self, Req>) -> Field<Self, Id<Self>>;
}

/// The fields of the one source of a query.
type Row<C> = <C as Collection>::Fields<C, Req>;

/// The records, stored and as they are.
struct Sample<C: Everything> {
    db: Database<C::World>,
    records: Vec<C>,
}

impl<C: Everything> Sample<C> {
    fn of(records: Vec<C>) -> Sample<C>
    where
        Target: Within<C::World>,
    {
        let db = Database::in_memory().expect("a database");
        db.write(|tx| {
            tx.insert_all(edges::target().into_iter().map(|id| Target { id }))?;
            tx.insert_all(&records)
        })
        .expect("records");
        Sample { db, records }
    }

    /// The ids of what a query finds, which must be those of the records that `holds` is true of, in their order.
    #[track_caller]
    fn check(
        &self,
        what: impl FnOnce() -> String,
        filter: impl FnOnce(Row<C>) -> Expr<C, bool>,
        holds: impl Fn(&C) -> bool,
    ) {
        let query = C::query().filter(filter);
        let mut found = self.ids(&query);
        found.sort_unstable();
        let expected: Vec<u64> =
            self.records.iter().filter(|record| holds(record)).map(Everything::id).collect();
        if found != expected {
            let plan =
                query.explain(&self.db).map_or_else(|error| error.to_string(), |plan| plan.to_string());
            panic!("{}: found {found:?}\nexpected {expected:?}\n{plan}", what());
        }
    }

    #[track_caller]
    fn ids(&self, query: &Query<C, C>) -> Vec<u64> {
        let found = query.all(&self.db);
        let found = found.unwrap_or_else(|error| panic!("{query:?} fails: {error}"));
        found.iter().map(Everything::id).collect()
    }

    fn check_field<T: Ordered + core::fmt::Debug>(
        &self,
        name: &str,
        field: impl Fn(Row<C>) -> Field<C, T>,
        get: impl Fn(&C) -> T,
        edges: &[T],
    ) {
        self.check_comparisons(name, &field, &get, edges);
        self.check_order(name, &field, &get);
        self.check_values(name, &field, &get);
        self.check_extremes(name, &field, &get);
    }

    fn check_comparisons<T: Ordered + core::fmt::Debug>(
        &self,
        name: &str,
        field: &impl Fn(Row<C>) -> Field<C, T>,
        get: &impl Fn(&C) -> T,
        edges: &[T],
    ) {
        let mut random = Random::new(name.len() as u64);
        let mut any = || edges[random.below(edges.len() as u64) as usize].clone();
        let mut tests = vec![Test::In(Vec::new()), Test::In(edges.to_vec())];
        for edge in edges {
            let other = any();
            tests.extend([
                Test::Eq(edge.clone()),
                Test::Ne(edge.clone()),
                Test::Lt(edge.clone()),
                Test::Le(edge.clone()),
                Test::Gt(edge.clone()),
                Test::Ge(edge.clone()),
                Test::Between(edge.clone(), other.clone()),
                Test::Between(other.clone(), edge.clone()),
                Test::Between(edge.clone(), edge.clone()),
                Test::In(vec![edge.clone(), other, any(), edge.clone()]),
            ]);
        }
        for (number, test) in tests.iter().enumerate() {
            let what = || format!("{name} {test:?}");
            self.check(what, |t| tested(field(t), test), |record| test.holds(&get(record)));
            // Every third is negated too; ten tests an edge, so that each operator has its turn.
            if number % 3 > 0 {
                continue;
            }
            let what = || format!("not {name} {test:?}");
            self.check(what, |t| !tested(field(t), test), |record| !test.holds(&get(record)));
        }
    }

    fn check_order<T: Ordered>(
        &self,
        name: &str,
        field: &impl Fn(Row<C>) -> Field<C, T>,
        get: &impl Fn(&C) -> T,
    ) {
        for (descending, nulls_first) in
            [(false, None), (true, None), (false, Some(false)), (true, Some(true)), (true, Some(false))]
        {
            let query = C::query().order_by(|t| {
                let order = if descending { field(t).desc() } else { field(t).asc() };
                match nulls_first {
                    None => order,
                    Some(true) => order.nulls_first(),
                    Some(false) => order.nulls_last(),
                }
            });
            let nulls_first = nulls_first.unwrap_or(!descending);
            let mut expected: Vec<&C> = self.records.iter().collect();
            // Stable, so that equal ones stay in the order of their keys.
            expected.sort_by(|a, b| {
                let (a, b) = (get(a), get(b));
                match (a.is_absent(), b.is_absent()) {
                    (false, false) if descending => b.order(&a),
                    (false, false) => a.order(&b),
                    (a, b) if nulls_first => b.cmp(&a),
                    (a, b) => a.cmp(&b),
                }
            });
            let expected: Vec<u64> = expected.into_iter().map(Everything::id).collect();
            let what = format!("order by {name}, descending {descending}, none first {nulls_first}");
            assert_eq!(self.ids(&query), expected, "{what}");
            assert_eq!(self.ids(&query.limit(9)), expected[..9], "{what}, limited");
        }
    }

    /// Values come out as they went in, to the bit.
    fn check_values<T: Ordered + core::fmt::Debug>(
        &self,
        name: &str,
        field: &impl Fn(Row<C>) -> Field<C, T>,
        get: &impl Fn(&C) -> T,
    ) {
        let query = C::query().order_by(|t| C::id_of(t)).select(|t| (C::id_of(t), field(t)));
        let found = query.all(&self.db).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found: Vec<String> = found.iter().map(|(id, value)| format!("{id}: {value:?}")).collect();
        let expected: Vec<String> =
            self.records.iter().map(|record| format!("{}: {:?}", record.id(), get(record))).collect();
        assert_eq!(found, expected, "{name}");
    }

    fn check_extremes<T: Ordered + core::fmt::Debug>(
        &self,
        name: &str,
        field: &impl Fn(Row<C>) -> Field<C, T>,
        get: &impl Fn(&C) -> T,
    ) {
        let query = C::query().aggregate(|g| (g.min(field), g.max(field)));
        let (min, max) = query.one(&self.db).unwrap_or_else(|error| panic!("{name}: {error}"));
        // An option of the type comes out whether the field is one or not: compared as cells.
        let present = || self.records.iter().map(get).filter(|value| !value.is_absent());
        let expected = [present().min_by(Ordered::order), present().max_by(Ordered::order)];
        for (found, expected) in [min, max].into_iter().zip(expected) {
            let expected = expected.expect("some value is present");
            let found =
                epilog::value::Value::with_cell(&found, T::read).expect("a value of the field's type");
            assert!(found.order(&expected).is_eq(), "{name}: {found:?} is not {expected:?}");
        }
    }

    /// An optional field compared with a required one.
    fn check_pair<T: Ordered + epilog::value::Value<Required = T, Optional = Option<T>>>(
        &self,
        name: &str,
        left: impl Fn(Row<C>) -> Field<C, Option<T>>,
        right: impl Fn(Row<C>) -> Field<C, T>,
        get: impl Fn(&C) -> (Option<T>, T),
    ) {
        let order = |record: &C| {
            let (left, right) = get(record);
            left.map(|left| left.order(&right))
        };
        let what = |op: &'static str| move || format!("optional {name} {op} {name}");
        self.check(what("="), |t| left(t).eq(right(t)), |r| order(r).is_some_and(|o| o.is_eq()));
        self.check(what("!="), |t| left(t).ne(right(t)), |r| !order(r).is_some_and(|o| o.is_eq()));
        self.check(what("<"), |t| left(t).lt(right(t)), |r| order(r).is_some_and(|o| o.is_lt()));
        self.check(what("<="), |t| left(t).le(right(t)), |r| order(r).is_some_and(|o| o.is_le()));
        self.check(what(">"), |t| left(t).gt(right(t)), |r| order(r).is_some_and(|o| o.is_gt()));
        self.check(what(">="), |t| left(t).ge(right(t)), |r| order(r).is_some_and(|o| o.is_ge()));
        self.check(what("not <"), |t| !left(t).lt(right(t)), |r| !order(r).is_some_and(|o| o.is_lt()));
        self.check(
            what("between"),
            |t| left(t).between(right(t), right(t)),
            |r| order(r).is_some_and(|o| o.is_eq()),
        );
        self.check(what("in"), |t| left(t).in_([right(t)]), |r| order(r).is_some_and(|o| o.is_eq()));
        self.check(what("itself"), |t| left(t).eq(left(t)), |_| true);
    }

    fn check_absence<T: Ordered + epilog::value::Value<Required = T, Optional = Option<T>>>(
        &self,
        name: &str,
        field: impl Fn(Row<C>) -> Field<C, Option<T>>,
        get: impl Fn(&C) -> Option<T>,
        default: &T,
    ) {
        let what = |op: &'static str| move || format!("{name} {op}");
        self.check(what("is none"), |t| field(t).is_none(), |r| get(r).is_none());
        self.check(what("is some"), |t| field(t).is_some(), |r| get(r).is_some());
        self.check(what("is not none"), |t| !field(t).is_none(), |r| get(r).is_some());
        self.check(
            what("unwrap_or"),
            |t| field(t).unwrap_or(default).eq(default),
            |r| get(r).is_none_or(|value| value.order(default).is_eq()),
        );
        self.check(what("or none"), |t| field(t).or(None::<T>).is_none(), |r| get(r).is_none());
        self.check(what("or some"), |t| field(t).or(default).is_some(), |_| true);
    }
}

fn plain() -> Sample<Plain> {
    Sample::of((0..RECORDS).map(Plain::numbered).collect())
}

#[test]
fn every_type_is_compared_ordered_and_read() {
    Plain::check_every_field(&plain());
}

#[test]
fn every_type_is_compared_ordered_and_read_through_an_index() {
    Indexed::check_every_field(&Sample::of((0..RECORDS).map(Indexed::numbered).collect()));
}

/// A number with Rust's own checked arithmetic.
trait Checked: Numeric + Ordered + core::fmt::Debug {
    fn checked(&self, op: char, other: &Self) -> Option<Self>;
}

macro_rules! checked {
    ($($ty:ty),*) => {$(
        impl Checked for $ty {
            fn checked(&self, op: char, other: &Self) -> Option<Self> {
                let (left, right) = (*self, *other);
                match op {
                    '+' => left.checked_add(right),
                    '-' => left.checked_sub(right),
                    '*' => left.checked_mul(right),
                    '/' => left.checked_div(right),
                    _ => left.checked_rem(right),
                }
            }
        }
    )*};
}

checked!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, Decimal);

/// Floats always have a result.
macro_rules! unchecked {
    ($($ty:ty),*) => {$(
        impl Checked for $ty {
            fn checked(&self, op: char, other: &Self) -> Option<Self> {
                let (left, right) = (*self, *other);
                Some(match op {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    '/' => left / right,
                    _ => left % right,
                })
            }
        }
    )*};
}

unchecked!(f32, f64);

fn calculated<S, T: Numeric>(left: Field<S, T>, op: char, right: T) -> Expr<S, T> {
    match op {
        '+' => left + right,
        '-' => left - right,
        '*' => left * right,
        '/' => left / right,
        _ => left % right,
    }
}

/// Checks `field op literal` for every operation and every literal: the values, and that a fault is one only of a record that is
/// part of the answer.
fn check_arithmetic<T: Checked>(
    sample: &Sample<Plain>,
    name: &str,
    field: impl Fn(PlainFields<Plain>) -> Field<Plain, T>,
    get: impl Fn(&Plain) -> T,
    edges: &[T],
) {
    for op in ['+', '-', '*', '/', '%'] {
        for literal in edges {
            let results = sample.records.iter().map(|record| (record.id, get(record).checked(op, literal)));
            let (good, bad): (Vec<_>, Vec<_>) = results.partition(|(_, result)| result.is_some());
            let what = format!("{name} {op} {literal:?}");
            let value = |t| calculated(field(t), op, literal.clone());
            let good_ids: Vec<Id<Plain>> = good.iter().map(|(id, _)| *id).collect();

            // Filters around the arithmetic, in either order, keep the faults out.
            let query = Plain::query().filter(|t| t.id.in_(&good_ids)).order_by(|t| t.id);
            let found = query.clone().select(|t| (t.id, value(t))).all(&sample.db);
            let found = found.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(found.len(), good.len(), "{what}");
            for ((id, found), (expected_id, expected)) in found.iter().zip(&good) {
                let expected = expected.as_ref().expect("a result");
                assert!(
                    id == expected_id && found.order(expected).is_eq(),
                    "{what} of record {id}: {found:?}, expected {expected:?}"
                );
            }
            for literal_first in [false, true] {
                let found = Plain::query().filter(|t| {
                    let compared = value(t).ge(literal) | value(t).lt(literal);
                    if literal_first {
                        t.id.in_(&good_ids) & compared
                    } else {
                        compared & t.id.in_(&good_ids)
                    }
                });
                let found = found.count(&sample.db).unwrap_or_else(|error| panic!("filter {what}: {error}"));
                assert_eq!(found, good.len() as u64, "{what}");
            }

            // A record of the answer is at fault.
            if !bad.is_empty() {
                let selected = Plain::query().select(value).all(&sample.db);
                assert_eq!(
                    selected.map(drop).map_err(|error| error.kind()),
                    Err(ErrorKind::Arithmetic),
                    "{what}"
                );
                let filtered = Plain::query().filter(|t| value(t).ge(literal) | value(t).lt(literal));
                let filtered = filtered.all(&sample.db).map(drop).map_err(|error| error.kind());
                assert_eq!(filtered, Err(ErrorKind::Arithmetic), "filter {what}");
            }
        }
    }
}

#[test]
fn arithmetic_is_that_of_rust_and_faults_where_it_has_no_result() {
    let sample = &plain();
    macro_rules! check {
        ($($field:ident),*) => {$(
            check_arithmetic(sample, stringify!($field), |t| t.$field, |r| r.$field, &edges::$field());
        )*};
    }
    check!(byte, short, word, long, wide, signed_byte, signed_short, signed_word, signed_long, signed_wide);
    check!(single, double);
}

#[test]
fn decimals_are_calculated_exactly() {
    check_arithmetic(&plain(), "decimal", |t| t.decimal, |r| r.decimal, &edges::decimal());
}

#[test]
fn arithmetic_with_none_is_none() {
    let sample = plain();
    let query = Plain::query().filter(|t| t.optional_word.is_none());
    let values = query.select(|t| (t.optional_word + 1, t.optional_word / 0, t.optional_word * t.word));
    let found = values.all(&sample.db).expect("no fault, for there is nothing to calculate with");
    assert!(!found.is_empty() && found.iter().all(|row| *row == (None, None, None)), "{found:?}");
    let none = Plain::query().filter(|t| t.id.eq(Id::new(1))).select(|t| t.optional_word + None::<u32>);
    assert_eq!(none.one(&sample.db).expect("no fault"), None);
}

fn check_negation<T: Signed + Ordered + core::fmt::Debug>(
    sample: &Sample<Plain>,
    field: impl Fn(PlainFields<Plain>) -> Field<Plain, T>,
    expected: impl Fn(&Plain) -> Option<T>,
) {
    for record in &sample.records {
        let found = Plain::query().filter(|t| t.id.eq(record.id)).select(|t| -field(t)).one(&sample.db);
        match expected(record) {
            Some(expected) => {
                let found = found.expect("a result");
                assert!(found.order(&expected).is_eq(), "{found:?}, expected {expected:?}");
            }
            None => assert_eq!(found.expect_err("no result").kind(), ErrorKind::Arithmetic),
        }
    }
}

#[test]
fn negation_faults_at_the_lowest_value_only() {
    let sample = &plain();
    check_negation(sample, |t| t.signed_byte, |r| r.signed_byte.checked_neg());
    check_negation(sample, |t| t.signed_long, |r| r.signed_long.checked_neg());
    check_negation(sample, |t| t.signed_wide, |r| r.signed_wide.checked_neg());
    check_negation(sample, |t| t.double, |r| Some(-r.double));
    check_negation(sample, |t| t.decimal, |r| Some(-r.decimal));
    check_negation(sample, |t| t.optional_single, |r| Some(r.optional_single.map(|value| -value)));
}

#[test]
fn a_fault_matters_only_if_its_value_does() {
    let sample = plain();
    // Division by zero in a record that another predicate drops, wherever that one stands.
    let nobody = |query: Query<Plain, Plain>| assert_eq!(query.count(&sample.db).expect("no fault"), 0);
    nobody(Plain::query().filter(|t| (t.word / 0).eq(1) & t.id.gt(Id::new(1000))));
    nobody(Plain::query().filter(|t| (t.word / 0).eq(1)).filter(|t| t.id.gt(Id::new(1000))));
    nobody(Plain::query().filter(|t| t.id.gt(Id::new(1000)) & (t.word / 0).eq(1)));
    nobody(Plain::query().filter(|t| (t.word / 0).eq(1) & false));
    // Beyond the limit nobody looks: the smallest word is zero.
    let query = Plain::query().order_by(|t| t.word.desc()).limit(3).select(|t| t.word / t.word);
    assert_eq!(query.all(&sample.db).expect("no fault"), [1, 1, 1]);
    // Nor does a record whose fault is sorted by come out.
    let query = Plain::query().filter(|t| t.word.ne(0)).order_by(|t| (t.word / t.word, t.id)).limit(1);
    assert_eq!(query.count(&sample.db).expect("no fault"), 1);
}

/// All strings that the tests of text are tried with.
fn parts() -> Vec<String> {
    edges::text().into_iter().chain(["b", "0%", "語", "ong l", "%", "_"].map(String::from)).collect()
}

#[test]
fn texts_are_tested_as_in_rust() {
    let sample = &plain();
    for part in &parts() {
        macro_rules! check {
            ($method:ident, $std:ident) => {
                let what = || format!("text {} {part:?}", stringify!($method));
                sample.check(what, |t| t.text.$method(part), |r| r.text.$std(part.as_str()));
                let optional =
                    |r: &Plain| r.optional_text.as_ref().is_some_and(|text| text.$std(part.as_str()));
                let what = || format!("optional text {} {part:?}", stringify!($method));
                sample.check(what, |t| t.optional_text.$method(part), optional);
                let what = || format!("not optional text {} {part:?}", stringify!($method));
                sample.check(what, |t| !t.optional_text.$method(part), |r| !optional(r));
            };
        }
        check!(starts_with, starts_with);
        check!(ends_with, ends_with);
        check!(contains, contains);
    }
}

#[test]
fn prefixes_are_found_through_an_index() {
    let sample: Sample<Indexed> = Sample::of((0..RECORDS).map(Indexed::numbered).collect());
    for part in &parts() {
        let what = || format!("text starts with {part:?}");
        sample.check(what, |t| t.text.starts_with(part), |r| r.text.starts_with(part.as_str()));
        let optional =
            |r: &Indexed| r.optional_text.as_ref().is_some_and(|text| text.starts_with(part.as_str()));
        sample.check(what, |t| t.optional_text.starts_with(part), optional);
        let pattern = format!("{}%", part.replace(['%', '_', '\\'], "_"));
        let what = || format!("text like {pattern:?}");
        sample.check(what, |t| t.text.like(&pattern), |r| is_like(&r.text, &pattern));
        let glob = format!("{part}*");
        let what = || format!("text matches {glob:?}");
        sample.check(what, |t| t.text.matches(&glob), |r| is_glob(&r.text, &glob));
    }
}

#[test]
fn patterns_match_the_whole_text() {
    let sample = &plain();
    for pattern in [
        "",
        "%",
        "_",
        "__",
        "a%",
        "%b",
        "é_",
        "%本%",
        "50\\%\\_\\\\",
        "50%",
        "%\0%",
        "long%long ",
        "\\a",
        "_\0",
    ] {
        let what = || format!("text like {pattern:?}");
        sample.check(what, |t| t.text.like(pattern), |r| is_like(&r.text, pattern));
        let optional = |r: &Plain| r.optional_text.as_ref().is_some_and(|text| is_like(text, pattern));
        sample.check(what, |t| t.optional_text.like(pattern), optional);
    }
    for glob in [
        "", "*", "?", "??", "a*", "*b", "[a-z]", "[!a-z]*", "[é日]*", "?本*", "A", "*long*", "[", "a[",
        "50%*",
    ] {
        let what = || format!("text matches {glob:?}");
        sample.check(what, |t| t.text.matches(glob), |r| is_glob(&r.text, glob));
    }
}

#[test]
fn texts_change_case_and_have_a_length() {
    let words = ["Straße", "ΟΔΥΣΣΕΥΣ", "İ", "ŉ", "ﬃ", "naïve", "日本", ""];
    let records: Vec<Plain> = words
        .iter()
        .enumerate()
        .map(|(n, word)| Plain { text: (*word).into(), ..Plain::numbered(n) })
        .collect();
    let sample = Sample::of(records);
    let query = Plain::query().order_by(|t| t.id).select(|t| (t.text.lower(), t.text.upper(), t.text.len()));
    let expected: Vec<_> =
        words.map(|word| (word.to_lowercase(), word.to_uppercase(), word.chars().count() as u64)).to_vec();
    assert_eq!(query.all(&sample.db).expect("rows"), expected);

    let sample = plain();
    let query = Plain::query().order_by(|t| t.id);
    let query = query
        .select(|t| (t.optional_text.len(), t.optional_text.upper(), t.bytes.len(), t.optional_bytes.len()));
    let row = |r: &Plain| {
        (
            r.optional_text.as_ref().map(|text| text.chars().count() as u64),
            r.optional_text.as_ref().map(|text| text.to_uppercase()),
            r.bytes.len() as u64,
            r.optional_bytes.as_ref().map(|bytes| bytes.len() as u64),
        )
    };
    assert_eq!(query.all(&sample.db).expect("rows"), sample.records.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn dates_have_parts() {
    let sample = plain();
    let query = Plain::query().order_by(|t| t.id).select(|t| {
        (
            (t.date.year(), t.date.month(), t.date.day()),
            (t.moment.year(), t.moment.month(), t.moment.day()),
            (t.instant.year(), t.instant.month(), t.instant.day()),
            (t.optional_date.year(), t.optional_moment.month(), t.optional_instant.day()),
        )
    });
    fn parts(date: &impl Datelike) -> (i32, u32, u32) {
        (date.year(), date.month(), date.day())
    }
    let row = |r: &Plain| {
        let optional = (
            r.optional_date.map(|date| date.year()),
            r.optional_moment.map(|date| date.month()),
            r.optional_instant.map(|date| date.day()),
        );
        (parts(&r.date), parts(&r.moment), parts(&r.instant), optional)
    };
    assert_eq!(query.all(&sample.db).expect("rows"), sample.records.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn booleans_are_predicates() {
    let sample = &plain();
    let what = || String::from("truth");
    sample.check(what, |t| t.truth & true, |r| r.truth);
    sample.check(what, |t| !t.truth, |r| !r.truth);
    sample.check(
        what,
        |t| t.truth | t.optional_truth.eq(true),
        |r| r.truth || r.optional_truth == Some(true),
    );
    sample.check(
        what,
        |t| t.truth & !t.optional_truth.eq(true),
        |r| r.truth && r.optional_truth != Some(true),
    );
    sample.check(what, |t| t.optional_truth.eq(t.truth), |r| r.optional_truth == Some(r.truth));
    sample.check(what, |t| t.optional_truth.unwrap_or(false), |r| r.optional_truth.unwrap_or(false));
    sample.check(what, |t| (t.truth & false) | !(t.truth | true), |_| false);
    sample.check(what, |t| t.truth.eq(t.word.gt(5)), |r| r.truth == (r.word > 5));
    assert_eq!(Plain::query().filter(|t| t.truth).count(&sample.db).expect("a count"), 30);
    assert_eq!(Plain::query().filter(|_| false).count(&sample.db).expect("a count"), 0);
}

/// Keys of every kind find their record.
#[test]
fn keys_of_records_are_found() {
    let sample = plain();
    let ids: Vec<u64> = sample.records.iter().map(Everything::id).collect();
    for id in ids {
        let found = sample.db.get::<Plain>(Id::<Plain>::new(id)).expect("a record").expect("is there");
        assert_eq!(format!("{found:?}"), format!("{:?}", sample.records[id as usize - 1]));
    }
}
