//! Set-based updates and deletions: what they find, what they change, what they undo.

use epilog::prelude::*;
use pretty_assertions::assert_eq;

use crate::music::{Album, Artist, Music, Sale, Track, album, music};

fn kind<T: core::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.expect_err("an error").kind()
}

fn seconds(db: &Database<Music>) -> Vec<u32> {
    Track::query().order_by(|t| t.id).select(|t| t.seconds).all(db).expect("rows")
}

/// That every index agrees with the records: each track is found by each of its indexed fields.
fn check_indexes(db: &Database<Music>) {
    let tracks = Track::query().all(db).expect("rows");
    for track in &tracks {
        let by_length = Track::query().filter(|t| t.seconds.eq(track.seconds)).all(db).expect("rows");
        assert!(by_length.contains(track), "{track:?} is not found by its length");
        let by_place = Track::query().filter(|t| t.album.eq(track.album) & t.position.eq(track.position));
        assert_eq!(by_place.one(db).as_ref().ok(), Some(track));
    }
    let ordered = Track::query().order_by(|t| t.seconds).limit(3000).all(db).expect("rows");
    assert_eq!(ordered.len(), tracks.len(), "the index on the length has entries of its own");
}

#[test]
fn an_update_changes_what_its_query_finds() {
    let db = music();
    let changed = db.write(|tx| {
        Track::query()
            .filter(|t| t.album().artist().name.eq("Iron Maiden"))
            .update(|t| (t.price.set(t.price * 2.0), t.name.set(t.name.upper()), t.bytes.set(None)))
            .run(tx)
    });
    assert_eq!(changed.expect("an update"), 5);
    let changed: Vec<(String, f64)> = Track::query()
        .filter(|t| t.bytes.is_none() & t.id.lt(Id::new(4)))
        .order_by(|t| t.id)
        .select(|t| (t.name, t.price))
        .all(&db)
        .expect("rows");
    assert_eq!(
        changed,
        [("THE IDES OF MARCH".to_string(), 1.5), ("WRATHCHILD".into(), 1.5), ("ACES HIGH".into(), 1.5)]
    );
    assert_eq!(Track::query().filter(|t| t.name.eq("Speed King")).one(&db).expect("a track").price, 1.25);
}

#[test]
fn assignments_see_the_values_from_before() {
    let db = music();
    db.write(|tx| {
        // Exchanged, not copied.
        Album::query()
            .filter(|a| a.producer.is_some())
            .update(|a| (a.artist.set(a.producer.unwrap_or(a.artist)), a.producer.set(a.artist)))
            .run(tx)
    })
    .expect("an update");
    let pairs: Vec<(Id<Artist>, Option<Id<Artist>>)> =
        Album::query().order_by(|a| a.id).select(|a| (a.artist, a.producer)).all(&db).expect("rows");
    let id = Id::new;
    assert_eq!(
        pairs,
        [(id(2), Some(id(1))), (id(2), Some(id(1))), (id(3), None), (id(4), Some(id(4))), (id(4), None)]
    );
    // The relations' indexes know.
    let artists = Artist::query().filter(|a| a.produced().count().eq(2)).all(&db).expect("rows");
    assert_eq!(artists.len(), 1);
    assert_eq!(artists[0].name, "Iron Maiden");
    let by_path = db.write(|tx| Album::query().update(|a| a.title.set(a.artist().name)).run(tx));
    assert_eq!(by_path.expect("an update"), 5);
    assert_eq!(Album::query().filter(|a| a.title.eq("Martin Birch")).count(&db).expect("a count"), 2);
}

/// The Halloween problem: a record moves forward in the index that the update walks, and is met again.
#[test]
fn an_update_of_the_field_it_searches_by_meets_each_record_once() {
    let db = music();
    let before = seconds(&db);
    let update = Track::query().filter(|t| t.seconds.ge(200)).update(|t| t.seconds.set(t.seconds + 50));
    assert_eq!(db.write(|tx| update.run(tx)).expect("an update"), 7);
    let expected: Vec<u32> = before.iter().map(|s| if *s >= 200 { s + 50 } else { *s }).collect();
    assert_eq!(seconds(&db), expected);
    check_indexes(&db);

    // Backwards, and through an order and a limit.
    let update =
        Track::query().order_by(|t| t.seconds.desc()).limit(3).update(|t| t.seconds.set(t.seconds - 400));
    assert_eq!(db.write(|tx| update.run(tx)).expect("an update"), 3);
    let mut by_length: Vec<usize> = (0..expected.len()).collect();
    by_length.sort_by_key(|at| std::cmp::Reverse(expected[*at]));
    let mut expected = expected;
    for at in &by_length[..3] {
        expected[*at] -= 400;
    }
    assert_eq!(seconds(&db), expected);
    check_indexes(&db);
}

#[test]
fn many_records_move_through_an_index() {
    let db = music();
    db.write(|tx| {
        tx.insert_all((0..2000).map(|n| Track {
            id: Id::auto(),
            album: Id::new(5),
            position: n,
            name: format!("track {n}"),
            seconds: u32::from(n) % 97,
            price: 0.0,
            bytes: None,
        }))
    })
    .expect("tracks");
    let update = Track::query().filter(|t| t.seconds.lt(97)).update(|t| t.seconds.set(t.seconds * 2 + 1));
    assert_eq!(db.write(|tx| update.run(tx)).expect("an update"), 2000);
    let rows = Track::query().filter(|t| t.album.eq(Id::new(5))).select(|t| (t.position, t.seconds)).all(&db);
    for (position, seconds) in rows.expect("rows") {
        assert_eq!(seconds, u32::from(position) % 97 * 2 + 1);
    }
    // Places shift by one, each onto the next one's: a unique index is asked when all have moved.
    let shift = |by: u16| {
        Track::query().filter(|t| t.album.eq(Id::new(5))).update(move |t| t.position.set(t.position + by))
    };
    assert_eq!(db.write(|tx| shift(1).run(tx)).expect("an update"), 2000);
    check_indexes(&db);
    let all_first = Track::query().filter(|t| t.album.eq(Id::new(5))).update(|t| t.position.set(1u16));
    assert_eq!(kind(db.write(|tx| all_first.run(tx))), ErrorKind::UniqueViolation);
    check_indexes(&db);
    assert_eq!(db.write(|tx| shift(3000).run(tx)).expect("an update"), 2000);
    check_indexes(&db);
    assert_eq!(
        db.write(|tx| Track::query().filter(|t| t.seconds.gt(100)).delete().run(tx))
            .map_err(|error| error.kind()),
        Err(ErrorKind::ReferenceViolation)
    );
    let deleted =
        db.write(|tx| Track::query().filter(|t| t.album.eq(Id::new(5)) & t.seconds.gt(100)).delete().run(tx));
    let expected = (0..2000).filter(|n| n % 97 * 2 + 1 > 100).count() as u64;
    assert_eq!(deleted.expect("a deletion"), expected);
    check_indexes(&db);
}

#[test]
fn a_violation_half_way_undoes_the_whole_statement() {
    let db = music();
    let all = |tx: &WriteTransaction<'_, Music>| Artist::query().order_by(|a| a.id).all(tx).expect("rows");
    db.write(|tx| {
        let before = all(tx);
        // The second artist clashes with the first.
        assert_eq!(
            kind(Artist::query().update(|a| a.name.set("The Same")).run(tx)),
            ErrorKind::UniqueViolation
        );
        assert_eq!(all(tx), before);
        // The last of these leads nowhere.
        let nowhere = Album::query().update(|a| a.producer.set(Id::new(99)));
        let error = nowhere.run(tx).expect_err("a record that is not there");
        assert_eq!(error.kind(), ErrorKind::ReferenceViolation);
        assert!(error.to_string().ends_with("`Artist`, which does not exist: insert that first"), "{error}");
        let nobody = Album::query().update(|a| a.producer.set(Id::auto()));
        let error = nobody.run(tx).expect_err("no record");
        assert_eq!(error.kind(), ErrorKind::ReferenceViolation);
        assert!(
            error.to_string().contains("is `Id::auto()`, which points at no record of `Artist`"),
            "{error}"
        );
        // The one at fault is met after others.
        let fault = Track::query().update(|t| t.seconds.set(t.seconds - 150));
        assert_eq!(kind(fault.run(tx)), ErrorKind::Arithmetic);
        // Neither the sale nor the tracks before it go.
        assert_eq!(kind(Track::query().delete().run(tx)), ErrorKind::ReferenceViolation);
        assert_eq!(Track::query().count(tx)?, 9);
        assert_eq!(
            kind(Artist::query().filter(|a| a.name.eq("Iron Maiden")).delete().run(tx)),
            ErrorKind::ReferenceViolation
        );
        // The transaction goes on.
        Artist::query().filter(|a| a.id.eq(Id::new(3))).update(|a| a.name.set("Motörhead")).run(tx)
    })
    .expect("a commit");
    assert_eq!(seconds(&db)[0], 106);
    assert_eq!(Artist::query().count(&db).expect("a count"), 4);
    assert!(Artist::query().filter(|a| a.name.eq("Motörhead")).exists(&db).expect("an answer"));
    assert!(!Artist::query().filter(|a| a.name.eq("Saxon")).exists(&db).expect("an answer"));
    check_indexes(&db);
}

#[test]
fn deletions_take_along_what_belongs_and_clear_what_points() {
    let db = music();
    // Sales forbid two of the tracks: without them all goes.
    let deleted = db.write(|tx| {
        assert_eq!(
            Sale::query().filter(|s| s.track().album().artist().name.eq("Iron Maiden")).delete().run(tx)?,
            1
        );
        Artist::query().filter(|a| a.albums().any(|al| al.year.eq(1984))).delete().run(tx)
    });
    // Saxon's teacher is not to be forgotten.
    assert_eq!(kind(deleted), ErrorKind::ReferenceViolation);
    let deleted = db.write(|tx| {
        Sale::query().delete().run(tx)?;
        Artist::query().filter(|a| a.name.eq("Saxon")).update(|a| a.teacher.set(None)).run(tx)?;
        Artist::query().filter(|a| a.albums().any(|al| al.year.eq(1984))).delete().run(tx)
    });
    assert_eq!(deleted.expect("a deletion"), 1);
    assert_eq!(Album::query().count(&db).expect("a count"), 3);
    assert_eq!(Track::query().count(&db).expect("a count"), 4);
    check_indexes(&db);
    // A producer who goes leaves the album.
    let deleted = db.write(|tx| {
        Album::query().filter(|a| a.artist.eq(Id::new(3))).update(|a| a.producer.set(Id::new(2))).run(tx)?;
        Artist::query().filter(|a| a.id.eq(Id::new(2))).delete().run(tx)
    });
    assert_eq!(deleted.expect("a deletion"), 1);
    let steel = Album::query().filter(|a| a.title.eq("Wheels of Steel")).one(&db).expect("an album");
    assert_eq!(steel, album(3, "Wheels of Steel", 3, None, Some(1980)));
    assert!(!Album::query().filter(|a| a.producer.eq(Id::new(2))).exists(&db).expect("an answer"));
}

#[test]
fn records_that_point_at_each_other_go_together() {
    let db = music();
    // Deep Purple teaches itself and Birch; Maiden teaches Saxon.
    let deleted = db.write(|tx| {
        Sale::query().delete().run(tx)?;
        Artist::query().delete().run(tx)
    });
    match deleted {
        Ok(deleted) => assert_eq!(deleted, 4),
        Err(error) => panic!("nothing is left that points at what is deleted: {error}"),
    }
    assert_eq!(Track::query().count(&db).expect("a count"), 0);
    assert_eq!(Album::query().count(&db).expect("a count"), 0);
}

#[test]
fn updates_and_deletions_of_nothing_change_nothing() {
    let db = music();
    db.write(|tx| {
        assert_eq!(Track::query().filter(|_| false).update(|t| t.seconds.set(0)).run(tx)?, 0);
        assert_eq!(Track::query().limit(0).delete().run(tx)?, 0);
        assert_eq!(Track::query().filter(|t| t.seconds.gt(100_000)).delete().run(tx)?, 0);
        // The same values again.
        assert_eq!(Track::query().update(|t| t.seconds.set(t.seconds)).run(tx)?, 9);
        Ok(())
    })
    .expect("a commit");
    check_indexes(&db);
}

#[test]
fn an_order_and_a_window_choose_what_goes() {
    let db = music();
    let deleted = db.write(|tx| {
        Sale::query().delete().run(tx)?;
        Track::query().order_by(|t| t.seconds.desc()).offset(1).limit(2).delete().run(tx)
    });
    assert_eq!(deleted.expect("a deletion"), 2);
    assert_eq!(seconds(&db), [106, 174, 269, 825, 237, 293, 349]);
    check_indexes(&db);
}

#[test]
fn an_update_finds_what_the_transaction_has_just_written() {
    let db = music();
    db.write(|tx| {
        let new = tx.insert(&album(9, "New", 3, None, None))?;
        assert_eq!(Album::query().filter(|a| a.year.is_none()).update(|a| a.year.set(2000)).run(tx)?, 2);
        assert_eq!(tx.get::<Album>(new)?.and_then(|album| album.year), Some(2000));
        assert_eq!(Album::query().filter(|a| a.artist.eq(Id::new(3)) & a.year.gt(1990)).count(tx)?, 1);
        let undone = tx.savepoint(|sp| {
            Album::query()
                .delete()
                .run(sp)
                .map(drop)
                .or_else(|_| Album::query().update(|a| a.title.set("x")).run(sp).map(drop))?;
            Err::<(), Error>(Error::custom("not so"))
        });
        assert_eq!(kind(undone), ErrorKind::Custom);
        assert_eq!(Album::query().filter(|a| a.title.eq("x")).count(tx)?, 0);
        Ok(())
    })
    .expect("a commit");
    assert_eq!(Album::query().count(&db).expect("a count"), 6);
}

#[test]
fn an_aggregate_over_another_query_is_a_value_to_set() {
    let db = music();
    let before = Track::query().aggregate(|g| g.sum(|t| t.price));
    let total = before.one(&db).expect("a sum");
    let changed = db.write(|tx| {
        Track::query().filter(|t| t.id.le(Id::new(3))).update(|t| t.price.set(before.scalar())).run(tx)
    });
    assert_eq!(changed.expect("an update"), 3);
    let prices = Track::query().filter(|t| t.id.le(Id::new(3))).select(|t| t.price).all(&db);
    assert_eq!(prices.expect("prices"), [total; 3]);
}
