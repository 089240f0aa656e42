//! Aggregates over a whole query: what they make of `None`, of nothing, of too much.

use epilog::prelude::*;
use pretty_assertions::assert_eq;
use rust_decimal::Decimal;

use crate::music::{Album, Music, Track, music};

/// Numbers of every kind.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Sample {
    id: Id<Sample>,
    small: i8,
    long: i64,
    unsigned: u64,
    wide: i128,
    widest: u128,
    single: f32,
    double: f64,
    decimal: Decimal,
    optional: Option<i32>,
    #[index]
    indexed: Option<f64>,
}

epilog::schema!(pub Numbers { Sample });

fn sample(id: u64) -> Sample {
    Sample {
        id: Id::new(id),
        small: (id % 3) as i8 * 50,
        long: -(id as i64),
        unsigned: id,
        wide: id as i128 * 3,
        widest: id.into(),
        single: id as f32 / 2.0,
        double: id as f64 / 4.0,
        decimal: Decimal::new(id as i64, id as u32),
        optional: (id > 1).then_some(id as i32),
        indexed: None,
    }
}

fn numbers(samples: impl IntoIterator<Item = Sample>) -> Database<Numbers> {
    let db = Numbers::in_memory().expect("a database");
    db.write(|tx| tx.insert_all(samples)).expect("records");
    db
}

#[test]
fn sums_are_of_their_own_width_and_means_are_floats() {
    // 50, 100 and 127: their sum is no `i8`.
    let db = numbers((1..=2).map(sample).chain([Sample { small: 127, ..sample(3) }]));
    let query = Sample::query();
    let sums = query.clone().aggregate(|g| {
        (
            g.sum(|s| s.small),
            g.sum(|s| s.long),
            g.sum(|s| s.unsigned),
            g.sum(|s| s.wide),
            g.sum(|s| s.widest),
            g.sum(|s| s.single),
            g.sum(|s| s.double),
            g.sum(|s| s.decimal),
            g.sum(|s| s.optional),
        )
    });
    assert_eq!(sums.one(&db).expect("sums"), (277, -6, 6, 18, 6, 3.0, 1.5, Decimal::new(123, 3), 5));
    let means = query.aggregate(|g| {
        (
            g.avg(|s| s.long),
            g.avg(|s| s.widest),
            g.avg(|s| s.single),
            g.avg(|s| s.decimal),
            g.avg(|s| s.optional),
        )
    });
    let expected = (Some(-2.0), Some(2.0), Some(1.0), Some(Decimal::new(41, 3)), Some(2.5));
    assert_eq!(means.one(&db).expect("means"), expected);
}

#[test]
fn over_nothing_sums_are_zero_and_the_rest_is_none() {
    let db = numbers([]);
    let query = Sample::query().aggregate(|g| {
        (
            g.count(),
            g.sum(|s| s.small),
            g.sum(|s| s.widest),
            g.sum(|s| s.double),
            g.sum(|s| s.decimal),
            g.avg(|s| s.long),
            g.avg(|s| s.decimal),
            g.min(|s| s.long),
            g.max(|s| s.optional),
        )
    });
    let expected = (0, 0, 0, 0.0, Decimal::ZERO, None, None, None, None);
    assert_eq!(query.one(&db).expect("a row"), expected);
    assert_eq!(query.all(&db).expect("a row"), [expected]);
}

#[test]
fn none_is_skipped() {
    let db = music();
    let query = Track::query().aggregate(|g| {
        (g.count(), g.sum(|t| t.bytes), g.avg(|t| t.bytes), g.min(|t| t.bytes), g.max(|t| t.bytes))
    });
    assert_eq!(query.one(&db).expect("a row"), (9, 27_000, Some(4500.0), Some(1000), Some(8000)));
    let nothing = Track::query().filter(|t| t.bytes.is_none());
    let query =
        nothing.aggregate(|g| (g.count(), g.sum(|t| t.bytes), g.avg(|t| t.bytes), g.min(|t| t.bytes)));
    assert_eq!(query.one(&db).expect("a row"), (3, 0, None, None));
}

#[test]
fn aggregates_see_what_the_clauses_before_left() {
    let db = music();
    let longest = Track::query().order_by(|t| t.seconds.desc()).limit(3);
    let query = longest.clone().aggregate(|g| (g.count(), g.min(|t| t.seconds), g.sum(|t| t.seconds)));
    assert_eq!(query.one(&db).expect("a row"), (3, Some(364), 364 + 618 + 825));
    let query = longest.offset(1).filter(|t| t.seconds.lt(600)).aggregate(|g| g.max(|t| t.name));
    assert_eq!(query.one(&db).expect("a row").as_deref(), Some("2 Minutes to Midnight"));
    let query = Track::query().filter(|t| t.seconds.gt(100_000)).aggregate(|g| g.count());
    assert_eq!(query.one(&db).expect("a row"), 0);
}

#[test]
fn aggregates_are_of_expressions_and_of_what_paths_lead_to() {
    let db = music();
    let query = Track::query().aggregate(|g| {
        (
            g.sum(|t| t.seconds * 2),
            g.max(|t| t.name.len()),
            g.min(|t| t.album().year),
            g.max(|t| t.album().artist().name),
            g.avg(|t| t.album().producer().albums().count()),
        )
    });
    let seconds = 106 + 174 + 269 + 364 + 825 + 237 + 293 + 349 + 618;
    // Birch has no album, two tracks of Deep Purple are by their own producer with two.
    let expected = (2 * seconds, Some(28), Some(1970), Some("Saxon".to_string()), Some(4.0 / 9.0));
    assert_eq!(query.one(&db).expect("a row"), expected);
    let query = Album::query().aggregate(|g| {
        (g.sum(|a| a.tracks().count()), g.max(|a| a.tracks().count()), g.min(|a| a.producer().name))
    });
    assert_eq!(query.one(&db).expect("a row"), (9, Some(3), Some("Deep Purple".to_string())));
}

#[test]
fn a_sum_that_overflows_is_a_fault() {
    let db = numbers([
        Sample { long: i64::MAX, ..sample(1) },
        Sample { long: 1, unsigned: u64::MAX, ..sample(2) },
    ]);
    let kind = |result: Result<i64, Error>| result.map_err(|error| error.kind());
    let long = Sample::query().aggregate(|g| g.sum(|s| s.long)).one(&db);
    assert_eq!(kind(long), Err(ErrorKind::Arithmetic));
    let unsigned = Sample::query().aggregate(|g| g.sum(|s| s.unsigned)).one(&db);
    assert_eq!(unsigned.map_err(|error| error.kind()), Err(ErrorKind::Arithmetic));
    // The sum of each is none of the other's business, nor is the mean's.
    assert_eq!(Sample::query().aggregate(|g| g.sum(|s| s.wide)).one(&db).expect("a sum"), 9);
    let mean = Sample::query().aggregate(|g| g.avg(|s| s.long)).one(&db).expect("a mean").expect("of two");
    assert_eq!(mean, (i64::MAX as f64 + 1.0) / 2.0);
    // Neither is what a record says that is not summed up.
    let fault =
        Sample::query().filter(|s| s.id.eq(Id::new(2))).aggregate(|g| g.sum(|s| s.long / (s.long - 1)));
    assert_eq!(kind(fault.one(&db)), Err(ErrorKind::Arithmetic));
    let fine =
        Sample::query().filter(|s| s.id.eq(Id::new(1))).aggregate(|g| g.sum(|s| s.long / (s.long - 1)));
    assert_eq!(kind(fine.one(&db)), Ok(1));
}

#[test]
fn nan_is_the_largest_and_sums_to_itself() {
    let with = |id, indexed| Sample { indexed, ..sample(id) };
    let db = numbers([
        with(1, Some(f64::NAN)),
        with(2, Some(1.0)),
        with(3, None),
        with(4, Some(f64::NEG_INFINITY)),
    ]);
    let query = Sample::query();
    let (min, max, sum) = query
        .clone()
        .aggregate(|g| (g.min(|s| s.indexed), g.max(|s| s.indexed), g.sum(|s| s.indexed)))
        .one(&db)
        .expect("a row");
    assert_eq!(min, Some(f64::NEG_INFINITY));
    assert!(max.is_some_and(f64::is_nan) && sum.is_nan());
    let max = query.filter(|s| s.indexed.lt(f64::NAN)).aggregate(|g| g.max(|s| s.indexed)).one(&db);
    assert_eq!(max.expect("a row"), Some(1.0));
}

#[test]
fn the_terminals_count_look_and_take_one() {
    let db: Database<Music> = music();
    let query = Track::query().filter(|t| t.seconds.gt(300));
    assert_eq!(query.count(&db).expect("a count"), 4);
    assert!(query.exists(&db).expect("an answer"));
    assert_eq!(query.clone().offset(3).count(&db).expect("a count"), 1);
    assert_eq!(query.clone().limit(2).count(&db).expect("a count"), 2);
    assert_eq!(query.clone().limit(0).count(&db).expect("a count"), 0);
    assert!(!query.clone().offset(4).exists(&db).expect("an answer"));
    assert_eq!(query.one(&db).expect_err("four").kind(), ErrorKind::NotUnique);
    let nobody = Track::query().filter(|t| t.seconds.gt(300_000));
    assert_eq!(nobody.one(&db).expect_err("none").kind(), ErrorKind::NotFound);
    assert_eq!(nobody.first(&db).expect("an answer"), None);
    let first = query.order_by(|t| t.seconds).select(|t| t.name).first(&db).expect("an answer");
    assert_eq!(first.as_deref(), Some("Speed King"));
    // After a limit, `one` and `first` see the limited records.
    assert_eq!(Track::query().limit(1).one(&db).expect("one").position, 1);
    assert_eq!(Track::query().limit(0).first(&db).expect("an answer"), None);
}
