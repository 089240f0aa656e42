//! Records where they are stored: the same as those that are made, in the same order, and nothing of a query that has failed.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use epilog::Json;
use epilog::collection::Borrowed;
use epilog::prelude::*;
use epilog_tests::disk::SimVfs;
use pretty_assertions::assert_eq;

use crate::music::{Album, Artist, Music, Sale, Track, music};

/// A field of each kind: in the fixed row, behind it, of any length, and none.
#[derive(Collection, Clone, Debug, PartialEq)]
struct Wide {
    id: Id<Wide>,
    text: String,
    maybe: Option<String>,
    bytes: Vec<u8>,
    maybe_bytes: Option<Vec<u8>>,
    list: Vec<i32>,
    words: Option<Vec<String>>,
    json: Json,
    whole: i128,
    letter: char,
    is_set: Option<bool>,
    part: f32,
    date: chrono::NaiveDate,
    price: rust_decimal::Decimal,
    next: Option<Id<Wide>>,
    sound: Blob,
    r#type: u8,
}

/// A key that is a text, and records in the order of their insertion.
#[derive(Collection, Clone, Debug, PartialEq)]
struct Named {
    #[key]
    name: String,
    count: u32,
}

epilog::schema!(Widely { Wide, Named });

fn wide(n: u64) -> Wide {
    // Every seventh text and every fifth string of bytes lies out of line.
    let long = |every: u64| if n.is_multiple_of(every) { 30_000 + n as usize } else { n as usize % 40 };
    Wide {
        id: Id::new(n),
        text: "naïve ".repeat(long(7) / 6),
        maybe: (!n.is_multiple_of(3)).then(|| format!("maybe {n}")),
        bytes: vec![n as u8; long(5)],
        maybe_bytes: n.is_multiple_of(2).then(|| vec![0; n as usize % 9]),
        list: (0..n as i32 % 5).collect(),
        words: n.is_multiple_of(4).then(|| vec![format!("{n}"), String::new()]),
        json: Json::from(format!("{n}").as_str()),
        whole: -(n as i128) << 64,
        letter: char::from(b'a' + (n % 26) as u8),
        is_set: n.is_multiple_of(2).then_some(n.is_multiple_of(4)),
        part: n as f32 / 4.0,
        date: chrono::NaiveDate::from_ymd_opt(1970 + n as i32 % 50, 1, 1).expect("a date"),
        price: rust_decimal::Decimal::new(n as i64, 2),
        next: (n > 1).then(|| Id::new(n - 1)),
        sound: Blob::empty(),
        r#type: n as u8,
    }
}

/// Every value that the borrowed record gives, as a record of its own.
fn made_of(lent: Borrowed<'_, Wide>) -> Wide {
    Wide {
        id: lent.id(),
        text: lent.text().to_string(),
        maybe: lent.maybe().map(String::from),
        bytes: lent.bytes().to_vec(),
        maybe_bytes: lent.maybe_bytes().map(Vec::from),
        list: lent.list(),
        words: lent.words(),
        json: lent.json(),
        whole: lent.whole(),
        letter: lent.letter(),
        is_set: lent.is_set(),
        part: lent.part(),
        date: lent.date(),
        price: lent.price(),
        next: lent.next(),
        sound: lent.sound(),
        r#type: lent.r#type(),
    }
}

fn lent(query: &Query<Wide, Wide>, from: &Database<Widely>) -> Vec<Wide> {
    let mut found = Vec::new();
    query.for_each(from, |wide| found.push(made_of(wide))).expect("records");
    found
}

fn kind<T: core::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.expect_err("an error").kind()
}

/// From memory, and from a file with a page cache that holds a part of it.
#[test]
fn borrowed_records_are_those_that_are_made() {
    let records: Vec<Wide> = (1..=300).map(wide).collect();
    let options = Options::default().cache(1 << 20);
    let databases: [Database<Widely>; 2] = [
        Widely::in_memory().expect("a database"),
        Database::open_in(Arc::new(SimVfs::new(0)), "wide.epilog", &options).expect("a database"),
    ];
    for db in databases {
        db.write(|tx| tx.insert_all(&records)).expect("records");
        db.checkpoint().ok();
        assert_eq!(lent(&Wide::query(), &db), records);
        for query in [
            Wide::query().filter(|w| w.text.len().gt(1000)),
            Wide::query().filter(|w| w.id.eq(Id::new(35))),
            Wide::query().order_by(|w| (w.letter, w.part.desc())).offset(5).limit(90),
            Wide::query().filter(|w| w.maybe.is_none()).order_by(|w| w.whole),
            Wide::query().threads(4).filter(|w| w.r#type.gt(7u8)),
            Wide::query().filter(|w| w.id.eq(Id::new(999))),
        ] {
            assert_eq!(lent(&query, &db), query.all(&db).expect("records"));
        }
    }
}

#[test]
fn texts_may_be_keys() {
    let db = Widely::in_memory().expect("a database");
    let names = ["b", "", "a"];
    db.write(|tx| tx.insert_all(names.map(|name| Named { name: name.into(), count: name.len() as u32 })))
        .expect("records");
    let mut found = Vec::new();
    Named::query().for_each(&db, |n| found.push((n.name().to_string(), n.count()))).expect("records");
    assert_eq!(found, [("b".to_string(), 1), (String::new(), 0), ("a".to_string(), 1)]);
}

/// The record of another collection, and what a transaction has changed and not committed.
#[test]
fn selected_records_and_uncommitted_ones_are_lent() {
    let db = music();
    db.write(|tx| {
        Album::query().filter(|a| a.title.eq("Killers")).update(|a| a.title.set("Killed")).run(tx)?;
        let mut titles = Vec::new();
        Track::query()
            .order_by(|t| t.seconds)
            .select(|t| t.album())
            .limit(3)
            .for_each(tx, |al| titles.push(al.title().to_string()))?;
        assert_eq!(titles, ["Killed", "Killed", "Wheels of Steel"]);
        let mut names = Vec::new();
        Sale::query()
            .join::<Track>(|(s, t)| s.track.eq(t.id))
            .select(|(_, t)| t)
            .for_each(tx, |t| names.push(t.name().to_string()))?;
        names.sort();
        assert_eq!(names, ["Child in Time", "Rime of the Ancient Mariner"]);
        Ok(())
    })
    .expect("an update");
}

#[test]
fn the_closure_says_where_it_ends() {
    let db = music();
    let mut calls = 0;
    let found = Track::query().order_by(|t| t.id).for_each(&db, |t| {
        calls += 1;
        if t.name().starts_with('A') { ControlFlow::Break(t.seconds()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((found.expect("an outcome"), calls), (ControlFlow::Break(269), 3));
    let found = Track::query().for_each(&db, |_| ControlFlow::<()>::Continue(()));
    assert_eq!(found.expect("an outcome"), ControlFlow::Continue(()));
    let refused = Track::query().for_each(&db, |t| match t.position() {
        8 => Err(Error::custom("enough")),
        _ => Ok(()),
    });
    assert_eq!(refused.expect_err("an error").to_string(), "enough");
    // Of one record by its key, too.
    let one = Track::query().filter(|t| t.id.eq(Id::new(3)));
    assert_eq!(
        one.for_each(&db, |t| ControlFlow::Break(t.position())).expect("an outcome"),
        ControlFlow::Break(1)
    );
    let ended = Track::query().timeout(std::time::Duration::ZERO).for_each(&db, |_| ());
    assert_eq!(kind(ended), ErrorKind::TimedOut);
}

/// A closure that reads and writes the database, or panics, leaves it as it is.
#[test]
fn the_closure_may_do_anything() {
    let db = music();
    let mut seen = 0;
    Artist::query()
        .for_each(&db, |a| {
            seen += 1;
            let name = a.name().to_string();
            db.write(|tx| {
                tx.insert(&Artist { id: Id::auto(), name: format!("{name} again"), teacher: None })
            })?;
            assert_eq!(Artist::query().count(&db)?, 4 + seen);
            Ok(())
        })
        .expect("records");
    assert_eq!(seen, 4);
    let panics = catch_unwind(AssertUnwindSafe(|| {
        Track::query().order_by(|t| t.seconds).for_each(&db, |t| assert!(t.seconds() < 300, "a long one"))
    }));
    assert!(panics.is_err());
    assert_eq!(Track::query().count(&db).expect("a count"), 9);
    db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Budgie".into(), teacher: None }))
        .expect("an artist");
}

/// A query of values that a program makes of records by a selection of its own is no query of records.
#[test]
fn a_selection_that_reads_more_is_refused() {
    use epilog::expr::SelectItem;
    use epilog::query::{RowReader, Selection};

    struct Pair<A>(A);

    impl<A: Selection<Track, Value = Album>> Selection<Track> for Pair<A> {
        type Value = Album;

        fn describe(self, columns: &mut Vec<SelectItem>) {
            let first = columns.len();
            self.0.describe(columns);
            columns.push(columns[first].clone());
        }

        fn read(row: &mut RowReader<'_>) -> Result<Album, Error> {
            A::read(row)?;
            A::read(row)
        }
    }

    let db: Database<Music> = music();
    let query = Track::query().select(|t| Pair(t.album()));
    assert_eq!(query.count(&db).expect("a count"), 9);
    assert!(query.for_each(&db, |_| ()).is_err());
}

/// A value that cannot be read ends the query, whatever the closure makes of it.
#[test]
fn what_cannot_be_read_is_an_error() {
    let disk = SimVfs::new(0);
    let open = || -> Database<Widely> {
        Database::open_in(Arc::new(disk.clone()), "wide.epilog", &Options::default()).expect("a database")
    };
    let db = open();
    db.write(|tx| tx.insert_all((1..=3).map(|n| Wide { text: "x".repeat(100_000), ..wide(n) })))
        .expect("records");
    db.checkpoint().expect("a checkpoint");
    drop(db);
    let db = open();
    // Everything but the texts is in memory then.
    Wide::query().for_each(&db, |w| assert!(w.maybe().is_none_or(|text| text.len() < 20))).expect("records");
    let reads = disk.counters().reads;
    disk.fail_read_at(reads + 1);
    let mut lengths = Vec::new();
    let failed = Wide::query().for_each(&db, |w| {
        lengths.push(w.text().len());
        ControlFlow::<()>::Continue(())
    });
    assert_eq!(kind(failed), ErrorKind::Io);
    assert_eq!(lengths, [100_000, 0]);
    // It is there when it can be read.
    lengths.clear();
    Wide::query().for_each(&db, |w| lengths.push(w.text().len())).expect("records");
    assert_eq!(lengths, [100_000; 3]);
}
