//! What set-based changes return: of which state, in which order, and nothing where nothing is changed.

use std::time::Duration;

use epilog::prelude::*;
use pretty_assertions::assert_eq;

use crate::music::{Album, Artist, Sale, Track, music};

/// A natural key that clusters.
#[derive(Collection, Clone, Debug, PartialEq)]
struct Shelf {
    #[key]
    place: i32,
    name: String,
}

/// A natural key that does not.
#[derive(Collection, Clone, Debug, PartialEq)]
struct Country {
    #[key]
    code: String,
    people: i64,
}

epilog::schema!(Keyed { Shelf, Country });

fn keyed() -> Database<Keyed> {
    let db = Keyed::in_memory().expect("a database");
    db.write(|tx| {
        tx.insert_all((1..=3).map(|place| Shelf { place: place * 10, name: format!("shelf {place}") }))?;
        let countries = ["ch", "at", "li"].into_iter().zip([9, 9, 0]);
        tx.insert_all(countries.map(|(code, people)| Country { code: code.into(), people }))
    })
    .expect("records");
    db
}

fn kind<T: core::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.expect_err("an error").kind()
}

#[test]
fn an_update_returns_what_records_became() {
    let db = music();
    let before = Track::query().order_by(|t| (t.seconds, t.id)).all(&db).expect("rows");
    let update = Track::query().order_by(|t| (t.seconds, t.id)).update(|t| t.seconds.set(t.seconds + 1));
    let returned =
        db.write(|tx| update.returning(|t| (t, t.album().title, t.seconds * 2)).run(tx)).expect("an update");
    assert_eq!(returned.len(), before.len());
    for ((after, title, twice), before) in returned.into_iter().zip(before) {
        assert_eq!(after, Track { seconds: before.seconds + 1, ..before });
        assert_eq!(db.get::<Album>(after.album).expect("an album").map(|album| album.title), Some(title));
        assert_eq!(twice, after.seconds * 2);
        assert_eq!(db.get::<Track>(after.id).expect("a track"), Some(after));
    }
}

/// The index gives its records by length, and a walk of all gives them by key: the caller sees no difference.
#[test]
fn without_an_order_values_come_by_key() {
    let db = music();
    let ids = |query: Query<Track, Track>| query.select(|t| t.id).all(&db).expect("rows");
    for query in [
        Track::query().filter(|t| t.seconds.ge(250)),
        Track::query().filter(|t| t.seconds.in_([269, 174, 349])),
    ] {
        let expected = ids(query.clone());
        let update = query.clone().update(|t| t.price.set(2.0)).returning(|t| t.id);
        assert_eq!(db.write(|tx| update.run(tx)).expect("an update"), expected);
        let delete = query.order_by(|t| t.id.desc()).delete().returning(|t| t.id);
        let refused = db.write(|tx| {
            let returned = delete.run(tx)?;
            assert_eq!(returned, expected.iter().rev().copied().collect::<Vec<_>>());
            Err::<(), _>(Error::custom("undone"))
        });
        // Sales keep some of the tracks.
        assert!(refused.is_err());
    }
}

/// What the closure asks of other records is of after all changes, and of before any deletion.
#[test]
fn other_records_are_seen_as_they_are_then() {
    let db = music();
    // All of an album have changed when the first of its tracks is given.
    let expected =
        [("Killers".to_string(), 106 + 174 + 2 * 2), ("Powerslave".to_string(), 269 + 364 + 825 + 3 * 2)];
    let update = Track::query()
        .filter(|t| t.album().artist().name.eq("Iron Maiden"))
        .update(|t| t.seconds.set(t.seconds + 2));
    let mut returned = db
        .write(|tx| update.returning(|t| (t.album().title, t.album().tracks().sum(|s| s.seconds))).run(tx))
        .expect("an update");
    returned.dedup();
    assert_eq!(returned, expected);

    let delete = Artist::query().filter(|a| a.name.eq("Iron Maiden")).delete();
    let counts = delete
        .returning(|a| (a.albums().count(), a.albums().count(), a.albums().any(|al| al.title.eq("Killers"))));
    let returned = db.write(|tx| {
        Sale::query().delete().run(tx)?;
        Artist::query().update(|a| a.teacher.set(None)).run(tx)?;
        counts.run(tx)
    });
    assert_eq!(returned.expect("a deletion"), [(2, 2, true)]);
    assert_eq!(Album::query().filter(|a| a.title.eq("Killers")).count(&db).expect("a count"), 0);
}

#[test]
fn records_of_natural_keys_are_returned() {
    let db = keyed();
    let shelf = |place: i32, name: &str| Shelf { place, name: name.into() };
    let update = Shelf::query().order_by(|s| s.place.desc()).limit(2).update(|s| s.name.set(s.name.upper()));
    let named = db.write(|tx| update.returning(|s| s).run(tx)).expect("an update");
    assert_eq!(named, [shelf(30, "SHELF 3"), shelf(20, "SHELF 2")]);
    let update = Country::query().filter(|c| c.people.eq(9)).update(|c| c.people.set(c.people * 2));
    let doubled = db.write(|tx| update.returning(|c| (c.code, c.people)).run(tx)).expect("an update");
    // In the order of insertion, as any query of them.
    assert_eq!(doubled, [("ch".to_string(), 18), ("at".to_string(), 18)]);
    let gone = db.write(|tx| Shelf::query().delete().returning(|s| s.name).run(tx)).expect("a deletion");
    assert_eq!(gone, ["shelf 1", "SHELF 2", "SHELF 3"]);
    assert_eq!(Shelf::query().count(&db).expect("a count"), 0);
}

#[test]
fn a_refused_change_returns_nothing_and_changes_nothing() {
    let db = music();
    let (tracks, artists) = (Track::query().all(&db).expect("rows"), Artist::query().all(&db).expect("rows"));
    let alike = Artist::query().update(|a| a.name.set("Saxon")).returning(|a| a.name);
    let zero =
        Track::query().update(|t| t.position.set(t.position + 7)).returning(|t| 1u16 / (t.position - 9));
    let overflow =
        Track::query().filter(|t| t.album.eq(Id::new(1))).delete().returning(|t| t.seconds * u32::MAX);
    let sold = Track::query().delete().returning(|t| t.id);
    let ended = Track::query().timeout(Duration::ZERO).update(|t| t.seconds.set(1u32)).returning(|t| t.id);
    db.write(|tx| {
        assert_eq!(kind(alike.run(tx)), ErrorKind::UniqueViolation);
        assert_eq!(kind(zero.run(tx)), ErrorKind::Arithmetic);
        assert_eq!(kind(overflow.run(tx)), ErrorKind::Arithmetic);
        assert_eq!(kind(sold.run(tx)), ErrorKind::ReferenceViolation);
        assert_eq!(kind(ended.run(tx)), ErrorKind::TimedOut);
        // The transaction goes on, also within a savepoint.
        let refused = tx.savepoint(|tx| zero.run(tx));
        assert_eq!(kind(refused), ErrorKind::Arithmetic);
        assert_eq!(Track::query().all(tx)?, tracks);
        tx.insert(&Artist { id: Id::auto(), name: "Budgie".into(), teacher: None })
    })
    .expect("the transaction commits");
    assert_eq!(Track::query().all(&db).expect("rows"), tracks);
    assert_eq!(Artist::query().filter(|a| a.name.ne("Budgie")).all(&db).expect("rows"), artists);
    // By the index that the update had changed already.
    assert_eq!(
        Track::query().filter(|t| t.album.eq(Id::new(1)) & t.position.eq(2)).count(&db).expect("a count"),
        1
    );
}

/// More than are given at once, with lookups and subqueries in between, in a transaction beside others too.
#[test]
fn many_records_are_returned_in_order() {
    let db = music();
    let many = (0..3000u16).map(|n| Track {
        id: Id::auto(),
        album: Id::new(5),
        position: n,
        name: format!("track {n}"),
        seconds: u32::from(n) * 7 % 1000,
        price: 0.0,
        bytes: None,
    });
    db.write(|tx| tx.insert_all(many)).expect("tracks");
    let query =
        Track::query().filter(|t| t.album.eq(Id::new(5))).order_by(|t| (t.seconds.desc(), t.position));
    let expected: Vec<(u16, String, u64)> = {
        let rows = query.clone().select(|t| (t.position, t.name)).all(&db).expect("rows");
        rows.into_iter().map(|(position, name)| (position + 5000, name, 3000)).collect()
    };
    let update = query
        .clone()
        .update(|t| t.position.set(t.position + 5000u16))
        .returning(|t| (t.position, t.name, t.album().tracks().count()));
    assert_eq!(db.write_concurrent(|tx| update.run(tx)).expect("an update"), expected);
    let delete = query.delete().returning(|t| (t.position, t.name, t.album().tracks().count()));
    assert_eq!(db.write(|tx| delete.run(tx)).expect("a deletion"), expected);
    assert_eq!(db.write(|tx| delete.run(tx)).expect("a deletion"), []);
}

/// Records that point at each other go together, and each is given with what it pointed at.
#[test]
fn what_is_deleted_is_returned_with_what_it_pointed_at() {
    let db = music();
    let delete = Artist::query().filter(|a| a.teacher().name.eq("Deep Purple")).delete();
    let gone = db.write(|tx| {
        Sale::query().delete().run(tx)?;
        delete.returning(|a| (a.name, a.teacher().name)).run(tx)
    });
    let purple = || Some("Deep Purple".to_string());
    assert_eq!(
        gone.expect("a deletion"),
        [("Martin Birch".to_string(), purple()), ("Deep Purple".to_string(), purple())]
    );
}

/// What is assigned looks at other records, so that all of it is calculated before; what is returned is of after.
#[test]
fn assignments_that_look_around_are_returned_too() {
    let db = music();
    let update = Album::query().filter(|a| a.year.is_some()).update(|a| a.title.set(a.artist().name));
    let titles = update.returning(|a| (a.id, a.title));
    let returned = db.write(|tx| titles.run(tx)).expect("an update");
    assert_eq!(
        returned,
        Album::query().filter(|a| a.year.is_some()).select(|a| (a.id, a.title)).all(&db).expect("rows")
    );
    assert_eq!(returned[0].1, "Iron Maiden");
}
