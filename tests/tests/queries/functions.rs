//! Functions and casts through the public surface: beside what SQLite makes of the same values, and where they stand.
//!
//! Each file in `sqlite` holds a query that makes its own values, and what SQLite 3.40.1 answered: first the values, then what
//! functions made of them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use epilog::prelude::*;
use pretty_assertions::assert_eq;
use rust_decimal::Decimal;

/// The answers of a file, in which absent values are empty.
fn answers(file: &'static str) -> Vec<Vec<&'static str>> {
    file.lines().map(|line| line.split('|').collect()).collect()
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error:?}"))
}

#[derive(Collection)]
struct Phrase {
    id: Id<Phrase>,
    text: String,
    part: String,
    other: String,
    start: u64,
    count: u64,
}

#[derive(Collection)]
struct Measure {
    id: Id<Measure>,
    x: f64,
    n: i64,
    digits: u32,
}

#[derive(Collection)]
struct Change {
    id: Id<Change>,
    at: NaiveDateTime,
    days: i64,
    months: i64,
    seconds: i64,
}

#[derive(Collection)]
struct Sample {
    id: Id<Sample>,
    day: Option<NaiveDate>,
    time: Option<NaiveTime>,
    at: Option<DateTime<Utc>>,
    price: Decimal,
    share: f32,
    little: i8,
    large: u64,
    huge: Option<u128>,
    letter: char,
    flag: bool,
    note: Option<String>,
}

epilog::schema!(World { Phrase, Measure, Change, Sample });

#[test]
fn texts_are_what_sqlite_makes_of_them() {
    let answers = answers(include_str!("sqlite/texts.txt"));
    let db = World::in_memory().expect("a database");
    db.write(|tx| {
        answers.iter().try_for_each(|answer| {
            let [text, part, other] = [answer[0], answer[1], answer[2]].map(String::from);
            let (start, count) = (number(answer[3]), number(answer[4]));
            tx.insert(&Phrase { id: Id::auto(), text, part, other, start, count }).map(drop)
        })
    })
    .expect("records");
    let got = Phrase::query()
        .select(|p| {
            let edited = (
                p.text.substring(p.start, p.count),
                p.text.trim(),
                p.text.trim_start(),
                p.text.trim_end(),
                p.text.replace(p.part, p.other),
                p.text.concat(p.part),
            );
            let length = p.text.len().try_cast::<i64>().unwrap_or(0);
            let written = (length * 1000 - p.start.cast_or_fail::<i64>()).to_text();
            // SQLite counts from 1, and has 0 for what is nowhere.
            let place = p.text.position_of(p.part).unwrap_or(u64::MAX);
            (edited.0, edited.1, edited.2, edited.3, edited.4, edited.5, place, p.text.len(), written)
        })
        .all(&db)
        .expect("answers");
    assert_eq!(got.len(), answers.len());
    for (got, answer) in got.into_iter().zip(&answers) {
        let got = [
            got.0,
            got.1,
            got.2,
            got.3,
            got.4,
            got.5,
            got.6.wrapping_add(1).to_string(),
            got.7.to_string(),
            got.8,
        ];
        assert_eq!(got.as_slice(), &answer[5..], "{answer:?}");
    }
}

#[test]
fn numbers_are_what_sqlite_makes_of_them() {
    let answers = answers(include_str!("sqlite/numbers.txt"));
    let db = World::in_memory().expect("a database");
    db.write(|tx| {
        answers.iter().try_for_each(|answer| {
            let (x, n, digits) = (number(answer[0]), number(answer[1]), number(answer[2]));
            tx.insert(&Measure { id: Id::auto(), x, n, digits }).map(drop)
        })
    })
    .expect("records");
    let of_floats = Measure::query()
        .select(|m| (m.x.round(m.digits), m.x.abs(), m.x.floor(), m.x.ceil(), m.x.trunc()))
        .all(&db)
        .expect("answers");
    let of_integers = Measure::query()
        .select(|m| {
            let whole = m.x.trunc().cast_or_fail::<i64>();
            let float = m.n.cast_or_fail::<f64>();
            (whole, m.n.abs(), m.n.min_of(100), m.n.max_of(-100), m.n.to_text(), float)
        })
        .all(&db)
        .expect("answers");
    assert_eq!(of_floats.len(), answers.len());
    for ((floats, integers), answer) in of_floats.into_iter().zip(of_integers).zip(&answers) {
        let floats = [floats.0, floats.1, floats.2, floats.3, floats.4, integers.5];
        let expected = [3, 4, 5, 6, 7, 13].map(|column| number::<f64>(answer[column]));
        assert_eq!(floats, expected, "{answer:?}");
        assert_eq!(integers.4, answer[12]);
        let integers = [integers.0, integers.1, integers.2, integers.3];
        assert_eq!(integers, [8, 9, 10, 11].map(|column| number::<i64>(answer[column])), "{answer:?}");
    }
}

#[test]
fn moments_are_what_sqlite_makes_of_them() {
    let answers = answers(include_str!("sqlite/moments.txt"));
    let db = World::in_memory().expect("a database");
    db.write(|tx| {
        answers.iter().try_for_each(|answer| {
            let [days, months, seconds] = [answer[1], answer[2], answer[3]].map(number);
            tx.insert(&Change { id: Id::auto(), at: number(answer[0]), days, months, seconds }).map(drop)
        })
    })
    .expect("records");
    let parts = Change::query()
        .select(|c| {
            let clock = (c.at.hour(), c.at.minute(), c.at.second());
            let date = (c.at.year(), c.at.month(), c.at.day());
            let of = (c.at.weekday(), c.at.day_of_year());
            (date.0, date.1, date.2, clock.0, clock.1, clock.2, of.0, of.1)
        })
        .all(&db)
        .expect("answers");
    let moved = Change::query()
        .select(|c| {
            let starts = (c.at.start_of_day(), c.at.start_of_month(), c.at.start_of_year());
            let later = (
                c.at.add_days(c.days),
                c.at.start_of_month().start_of_day().add_months(c.months),
                c.at.add_seconds(c.seconds),
            );
            (starts.0, starts.1, starts.2, later.0, later.1, later.2)
        })
        .all(&db)
        .expect("answers");
    let day = NaiveDate::from_ymd_opt(1985, 1, 31).expect("a date");
    let moment = day.and_hms_opt(19, 0, 0).expect("a moment");
    let since = Change::query()
        .select(|c| (c.at.date().days_since(day), c.at.seconds_since(moment)))
        .all(&db)
        .expect("answers");
    assert_eq!((parts.len(), moved.len(), since.len()), (answers.len(), answers.len(), answers.len()));
    for (row, answer) in answers.iter().enumerate() {
        let part = &parts[row];
        let numbers = [part.1, part.2, part.3, part.4, part.5, part.6, part.7];
        assert_eq!(part.0, number::<i32>(answer[4]), "{answer:?}");
        assert_eq!(numbers.as_slice(), answer[5..12].iter().map(|text| number(text)).collect::<Vec<u32>>());
        let moments = [moved[row].0, moved[row].1, moved[row].2, moved[row].3, moved[row].4, moved[row].5];
        let expected = answer[12..18].iter().map(|text| number(text)).collect::<Vec<NaiveDateTime>>();
        assert_eq!(moments.as_slice(), expected, "{answer:?}");
        assert_eq!([since[row].0, since[row].1], [answer[18], answer[19]].map(number::<i64>), "{answer:?}");
    }
}

fn samples() -> Database<World> {
    let db = World::in_memory().expect("a database");
    let sample = |number: i8| Sample {
        id: Id::auto(),
        day: (number != 1).then(|| NaiveDate::from_ymd_opt(2024, 1, 31 - number as u32).expect("a date")),
        time: (number != 2).then_some(NaiveTime::MIN),
        at: (number != 0)
            .then(|| DateTime::from_timestamp(i64::from(number) * 100_000, 5).expect("a moment")),
        price: Decimal::new(i64::from(number) * 1255 - 1255, 2),
        share: f32::from(number) * 0.1,
        little: [i8::MIN, 0, 7, i8::MAX][number as usize],
        large: [0, 1, u64::MAX, 1 << 53 | 1][number as usize],
        huge: [None, Some(0), Some(1 << 64), Some(u128::MAX)][number as usize],
        letter: ['a', 'é', '9', '😀'][number as usize],
        flag: number % 2 == 1,
        note: [None, Some(" 12 "), Some("12.50"), Some("")][number as usize].map(String::from),
    };
    db.write(|tx| (0..4).try_for_each(|number| tx.insert(&sample(number)).map(drop))).expect("records");
    db
}

#[test]
fn values_go_from_type_to_type_unchanged_or_not_at_all() {
    let db = samples();
    let wide =
        Sample::query().select(|s| (s.little.cast::<i128>(), s.large.cast::<Decimal>(), s.flag.cast::<u8>()));
    assert_eq!(
        wide.all(&db).expect("answers"),
        [
            (-128, Decimal::from(0), 0),
            (0, Decimal::from(1), 1),
            (7, Decimal::from(u64::MAX), 0),
            (127, Decimal::from((1u64 << 53) | 1), 1)
        ]
    );
    let narrow = Sample::query()
        .select(|s| (s.large.try_cast::<i64>(), s.huge.try_cast::<u64>(), s.price.try_cast::<i32>()));
    assert_eq!(
        narrow.all(&db).expect("answers"),
        [
            (Some(0), None, None),
            (Some(1), Some(0), Some(0)),
            (None, None, None),
            (Some((1 << 53) | 1), None, None)
        ]
    );
    let floats = Sample::query()
        .select(|s| (s.share.cast::<f64>(), s.share.try_cast::<Decimal>(), s.large.cast_or_fail::<f64>()));
    let floats = floats.all(&db).expect("answers");
    assert_eq!(floats[1], (f64::from(0.1f32), Some(Decimal::new(1, 1)), 1.0));
    assert_eq!(floats[3].2, 9_007_199_254_740_992.0); // the nearest float
    let texts = Sample::query()
        .select(|s| (s.price.to_text(), s.letter.to_text(), s.flag.to_text(), s.huge.to_text()));
    assert_eq!(
        texts.all(&db).expect("answers")[3],
        ("25.10".into(), "😀".into(), "true".into(), Some(u128::MAX.to_string()))
    );
    let read = Sample::query().select(|s| {
        (s.note.parse::<Decimal>(), s.note.trim().parse::<u8>(), s.letter.to_text().parse::<u32>())
    });
    assert_eq!(
        read.all(&db).expect("answers"),
        [
            (None, None, None),
            (None, Some(12), None),
            (Some(Decimal::new(1250, 2)), None, Some(9)),
            (None, None, None)
        ]
    );
}

#[test]
fn what_has_no_result_is_an_error_only_where_the_row_comes_out() {
    let db = samples();
    let refused = |error: Error| (error.kind(), error.to_string());
    let signless =
        |more: i8| Sample::query().filter(move |s| s.little.gt(more)).select(|s| s.little.abs()).all(&db);
    assert_eq!(signless(-1).expect("answers"), [0, 7, 127]);
    let filtered = Sample::query().filter(|s| s.little.abs().gt(5) & s.little.gt(0)).count(&db);
    assert_eq!(filtered.expect("a count"), 2);
    assert_eq!(
        Sample::query().filter(|s| s.little.abs().gt(5)).count(&db).unwrap_err().kind(),
        ErrorKind::Arithmetic
    );
    let all = Sample::query().select(|s| s.little.abs()).all(&db).unwrap_err();
    assert_eq!(refused(all), (ErrorKind::Arithmetic, "abs of -128 (i8) overflows".into()));
    let cast = Sample::query().select(|s| s.price.cast_or_fail::<u16>()).all(&db).unwrap_err();
    assert_eq!(refused(cast), (ErrorKind::Arithmetic, "cast_or_fail of -12.55 (Decimal) is no u16".into()));
    let late = Sample::query().select(|s| s.day.add_days(i64::from(i32::MAX))).all(&db).unwrap_err();
    assert_eq!(
        refused(late),
        (
            ErrorKind::Arithmetic,
            "add_days of 2024-01-31 and 2147483647 (NaiveDate) is a date out of range".into()
        )
    );
    let long = Sample::query()
        .filter(|s| s.note.is_some())
        .select(|s| s.note.repeat(u64::MAX))
        .all(&db)
        .unwrap_err();
    assert_eq!(long.kind(), ErrorKind::Arithmetic);
    assert_eq!(
        Sample::query().select(|s| s.note.left(0).repeat(u64::MAX)).all(&db).expect("answers")[1],
        Some("".into())
    );
}

#[test]
fn functions_stand_in_every_clause() {
    let db = samples();
    let months = Sample::query()
        .filter(|s| s.day.start_of_month().eq(NaiveDate::from_ymd_opt(2024, 1, 1)))
        .group_by(|s| s.day.add_months(1))
        .order_by(|g| g.key().desc())
        .select(|g| (g.key(), g.max(|s| s.price.floor()), g.count()))
        .all(&db)
        .expect("groups");
    // Of the 28th, 29th and 31st.
    let day = |day| NaiveDate::from_ymd_opt(2024, 2, day);
    assert_eq!(months, [(day(29), Some(Decimal::from(12)), 2), (day(28), Some(Decimal::from(25)), 1),]);
    let update = Sample::query().filter(|s| s.note.trim().parse::<i64>().is_some()).update(|s| {
        let little = (s.little.cast::<i64>() - 1).cast_or_fail::<i8>();
        (s.note.set(s.note.trim().pad_start(4, '0')), s.little.set(little))
    });
    db.write(|tx| update.run(tx)).expect("an update");
    let changed = Sample::query().filter(|s| s.note.eq("0012")).select(|s| s.little).all(&db);
    assert_eq!(changed.expect("answers"), [-1]);
    let joined = Sample::query()
        .join::<Change>(|(s, c)| s.little.cast::<i64>().eq(c.days.abs()))
        .count(&db)
        .expect("a count");
    assert_eq!(joined, 0);
    let plan =
        Sample::query().filter(|s| s.note.substring(0, 2).eq("00")).explain(&db).expect("a plan").to_string();
    assert!(plan.contains("substring(note, 0, 2) = \"00\""), "{plan}");
    let constant = Sample::query().filter(|s| s.little.gt(s.little.min_of(0)) & s.note.eq(s.note.left(1)));
    assert_eq!(constant.count(&db).expect("a count"), 1);
}
