//! Transactions over records, without queries: keys, constraints, long values, savepoints, snapshots.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::collection::sample::{Album, Artist, Customer, Invoice, Music, Taste, Track};
use crate::query::Snapshot;
use crate::{Database, Error, ErrorKind, Id};

fn music() -> Database<Music> {
    Music::in_memory().unwrap()
}

fn artist(name: &str) -> Artist {
    Artist { id: Id::auto(), name: name.into() }
}

fn album(title: &str, artist: Id<Artist>) -> Album {
    Album { id: Id::auto(), title: title.into(), artist, producer: None, released: Some(1984), live: false }
}

fn kind<T: core::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn records_come_back_as_they_went_in() {
    let db = music();
    let maiden = db.write(|tx| tx.insert(&artist("Iron Maiden"))).unwrap();
    assert_eq!(maiden, Id::new(1));
    let found = db.get::<Artist>(maiden).unwrap();
    assert_eq!(found, Some(Artist { id: maiden, name: "Iron Maiden".into() }));
    assert_eq!(db.get::<Artist>(Id::new(2)).unwrap(), None);
}

#[test]
fn long_values_lie_out_of_line_and_are_freed() {
    let db = music();
    let artist = db.write(|tx| tx.insert(&artist("a"))).unwrap();
    let album = db.write(|tx| tx.insert(&album("b", artist))).unwrap();
    let track = |len: usize| Track {
        id: Id::new(9),
        name: "n".repeat(len / 2),
        album,
        milliseconds: -1,
        unit_price: 0.5,
        bytes: None,
        composer: Some("c".repeat(3000)),
        active: true,
        cover: (0..len).map(|n| n as u8).collect(),
        plays: 7,
        hidden: Some(false),
    };
    db.write(|tx| tx.insert(&track(100_000))).unwrap();
    assert_eq!(db.get::<Track>(Id::new(9)).unwrap(), Some(track(100_000)));
    for len in [0, 3000, 3500, 5000, 70_000, 10] {
        db.write(|tx| tx.update(&track(len))).unwrap();
        assert_eq!(db.get::<Track>(Id::new(9)).unwrap(), Some(track(len)), "length {len}");
    }
    assert!(db.write(|tx| tx.delete(&track(10))).unwrap());
    assert_eq!(db.get::<Track>(Id::new(9)).unwrap(), None);
}

#[test]
fn unique_values_are_kept_apart_and_the_error_names_both_records() {
    let db = music();
    db.write(|tx| tx.insert(&artist("Iron Maiden"))).unwrap();
    let error = db.write(|tx| tx.insert(&artist("Iron Maiden"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    let text = error.to_string();
    for part in ["`name`", "`Artist`", "\"Iron Maiden\"", "record 2", "record 1"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    // The refused insert left nothing behind, not even its number.
    assert_eq!(db.write(|tx| tx.insert(&artist("Saxon"))).unwrap(), Id::new(2));
    let renamed = Artist { id: Id::new(2), name: "Iron Maiden".into() };
    assert_eq!(kind(db.write(|tx| tx.update(&renamed))), ErrorKind::UniqueViolation);
    let same = Artist { id: Id::new(2), name: "Saxon".into() };
    db.write(|tx| tx.update(&same)).unwrap();
    assert_eq!(kind(db.write(|tx| tx.insert(&same))), ErrorKind::UniqueViolation);
    assert_eq!(
        kind(db.write(|tx| tx.update(&Artist { id: Id::new(7), name: "x".into() }))),
        ErrorKind::NotFound
    );
}

#[test]
fn a_bulk_insert_is_all_or_nothing() {
    let db = music();
    let names =
        |range: core::ops::Range<u32>| range.map(|n| artist(&format!("artist {n}"))).collect::<Vec<_>>();
    let keys = db.write(|tx| tx.insert_all(names(0..500))).unwrap();
    assert_eq!((keys[0], keys[499]), (Id::new(1), Id::new(500)));
    // One clashes with a record, two with each other.
    assert_eq!(kind(db.write(|tx| tx.insert_all(names(450..600)))), ErrorKind::UniqueViolation);
    let mut twice = names(600..700);
    twice.extend(names(650..651));
    assert_eq!(kind(db.write(|tx| tx.insert_all(twice.clone()))), ErrorKind::UniqueViolation);
    assert_eq!(db.get::<Artist>(Id::new(501)).unwrap(), None);
    let keys = db.write(|tx| tx.insert_all(names(500..510))).unwrap();
    assert_eq!(keys[0], Id::new(501));
}

#[test]
fn relations_must_lead_somewhere() {
    let db = music();
    let error = db.write(|tx| tx.insert(&album("Powerslave", Id::new(5)))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReferenceViolation);
    assert!(error.to_string().contains("`Album.artist`"), "{error}");
    // Within a bulk insert they may point forwards.
    let customers = [
        Customer { id: Id::new(1), name: "a".into(), referrer: Some(Id::new(2)) },
        Customer { id: Id::new(2), name: "b".into(), referrer: Some(Id::new(2)) },
    ];
    db.write(|tx| tx.insert_all(&customers)).unwrap();
    let dangling = [Customer { id: Id::new(3), name: "c".into(), referrer: Some(Id::new(4)) }];
    assert_eq!(kind(db.write(|tx| tx.insert_all(&dangling))), ErrorKind::ReferenceViolation);
    // A deletion that would leave one dangling is refused, a record that only points at itself goes.
    assert_eq!(kind(db.write(|tx| tx.delete_key::<Customer>(Id::new(2)))), ErrorKind::ReferenceViolation);
    assert!(db.write(|tx| tx.delete_key::<Customer>(Id::new(1))).unwrap());
    assert!(db.write(|tx| tx.delete_key::<Customer>(Id::new(2))).unwrap());
}

#[test]
fn deletions_cascade_or_are_refused_as_a_whole() {
    let db = music();
    let (artist, album) = db
        .write(|tx| {
            let artist = tx.insert(&artist("Iron Maiden"))?;
            let album = tx.insert(&album("Powerslave", artist))?;
            let customer = tx.insert(&Customer { id: Id::auto(), name: "c".into(), referrer: None })?;
            tx.insert(&Taste { customer, artist, stars: 5 })?;
            tx.insert(&Invoice { id: Id::auto(), customer, date: 0, paid: true })?;
            Ok((artist, album))
        })
        .unwrap();
    // The album would go with its artist, but the taste keeps both.
    assert_eq!(kind(db.write(|tx| tx.delete_key::<Artist>(artist))), ErrorKind::ReferenceViolation);
    assert!(db.get::<Album>(album).unwrap().is_some());
    let taste = (Id::<Customer>::new(1), artist);
    assert_eq!(db.get::<Taste>(taste).unwrap().unwrap().stars, 5);
    assert!(db.write(|tx| tx.delete_key::<Taste>(taste)).unwrap());
    assert!(db.write(|tx| tx.delete_key::<Artist>(artist)).unwrap());
    assert_eq!(db.get::<Album>(album).unwrap(), None);
}

#[test]
fn a_savepoint_undoes_its_own_and_nothing_else() {
    let db = music();
    db.write(|tx| {
        tx.insert(&artist("kept"))?;
        let undone = tx.savepoint(|sp| {
            sp.insert(&artist("undone"))?;
            sp.savepoint(|inner| inner.insert(&artist("undone too")))?;
            Err::<(), _>(Error::custom("on second thought"))
        });
        assert_eq!(undone.unwrap_err().to_string(), "on second thought");
        assert_eq!(tx.get::<Artist>(Id::new(2))?, None);
        tx.savepoint(|sp| sp.insert(&artist("kept too")))
    })
    .unwrap();
    assert_eq!(db.get::<Artist>(Id::new(2)).unwrap().unwrap().name, "kept too");
}

/// Counts are kept beside their page until the commit: everybody must see their own all the same.
#[test]
fn counts_follow_changes_savepoints_and_aborts() {
    let db = music();
    let seen = |view: crate::storage::facade::View<'_>| {
        view.count(view.catalog().by_name("Artist").unwrap().id).unwrap()
    };
    db.write(|tx| {
        assert_eq!(seen(tx.view()), 0);
        let first = tx.insert(&artist("first"))?;
        tx.insert_all([artist("second"), artist("third")])?;
        assert_eq!(seen(tx.view()), 3);
        let undone = tx.savepoint(|sp| {
            sp.insert(&artist("undone"))?;
            sp.delete_key::<Artist>(first)?;
            sp.delete_key::<Artist>(Id::new(2))?;
            assert_eq!(seen(sp.view()), 2);
            Err::<(), _>(Error::custom("on second thought"))
        });
        assert!(undone.is_err());
        assert_eq!(seen(tx.view()), 3);
        assert!(tx.delete_key::<Artist>(first)?);
        assert_eq!(seen(db.read()?.reading().operation().view()), 0, "not committed yet");
        Ok(())
    })
    .unwrap();
    assert_eq!(seen(db.read().unwrap().reading().operation().view()), 2);
    let mut aborted = db.begin().unwrap();
    aborted.insert(&artist("aborted")).unwrap();
    assert_eq!(seen(aborted.view()), 3);
    aborted.abort();
    assert_eq!(seen(db.read().unwrap().reading().operation().view()), 2);
    assert_eq!(db.write(|tx| tx.insert(&artist("fourth"))).unwrap(), Id::new(4), "a number not given out");
}

#[test]
fn a_snapshot_does_not_move() {
    let db = music();
    let id = db.write(|tx| tx.insert(&artist("before"))).unwrap();
    let before = db.read().unwrap();
    let mut tx = db.begin().unwrap();
    tx.update(&Artist { id, name: "after".into() }).unwrap();
    assert_eq!(tx.get::<Artist>(id).unwrap().unwrap().name, "after");
    assert_eq!(db.get::<Artist>(id).unwrap().unwrap().name, "before");
    tx.commit().unwrap();
    assert_eq!(before.get::<Artist>(id).unwrap().unwrap().name, "before");
    assert_eq!(db.get::<Artist>(id).unwrap().unwrap().name, "after");
}

#[test]
fn an_index_key_that_is_too_long_is_refused_by_name() {
    let db = music();
    let error = db.write(|tx| tx.insert(&artist(&"x".repeat(2000)))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Constraint);
    let text: String = error.to_string();
    assert!(text.contains("`name`") && text.contains("960"), "{text}");
}

#[cfg(feature = "std")]
#[test]
fn a_panic_in_a_statement_keeps_the_transaction_from_committing() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let db = music();
    let mut tx = db.begin().unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let artists = (0..10).map(|n| if n < 5 { artist(&format!("{n}")) } else { panic!("the iterator") });
        let _ = tx.insert_all(artists);
    }));
    assert!(panicked.is_err());
    assert_eq!(kind(tx.commit()), ErrorKind::Failed);

    let mut tx = db.begin().unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _ = tx.savepoint(|sp| -> Result<(), Error> {
            sp.insert(&artist("half"))?;
            panic!("the closure")
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(kind(tx.commit()), ErrorKind::Failed);
    assert_eq!(db.write(|tx| tx.insert(&artist("whole"))).unwrap(), Id::new(1));
}
