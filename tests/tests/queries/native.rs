//! Predicates that are a program's own code: the rows are those that a predicate of the library leaves, wherever the clause stands.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use epilog::prelude::*;
use pretty_assertions::assert_eq;

use crate::music::{Album, Artist, Track, music};

fn odd(query: Query<Track, Track>) -> Query<Track, Track> {
    query.filter_fn(|t| t.seconds() % 2 == 1)
}

fn odd_by_operators(query: Query<Track, Track>) -> Query<Track, Track> {
    query.filter(|t| (t.seconds % 2).eq(1))
}

/// The same rows as by operators, for every clause in front of it and behind it.
#[test]
fn a_closure_leaves_what_operators_leave() {
    let db = music();
    type Clause = fn(Query<Track, Track>) -> Query<Track, Track>;
    let clauses: [Clause; 8] = [
        |q| q,
        |q| q.filter(|t| t.seconds.gt(200)),
        |q| q.filter(|t| t.album().artist().name.eq("Iron Maiden")),
        |q| q.order_by(|t| t.seconds.desc()).limit(5),
        |q| q.order_by(|t| (t.name, t.id)),
        |q| q.offset(2),
        |q| q.order_by(|t| t.seconds).offset(1).limit(6).order_by(|t| t.id.desc()),
        |q| q.filter(|t| t.bytes.is_some()).filter(|t| t.album().tracks().count().gt(1)),
    ];
    for before in clauses {
        for after in clauses {
            let (native, usual) =
                (after(odd(before(Track::query()))), after(odd_by_operators(before(Track::query()))));
            let expected = usual.all(&db).expect("tracks");
            assert_eq!(native.all(&db).expect("tracks"), expected);
            assert_eq!(native.clone().threads(4).all(&db).expect("tracks"), expected);
            assert_eq!(native.count(&db).expect("a count"), expected.len() as u64);
            assert_eq!(native.exists(&db).expect("an answer"), !expected.is_empty());
            assert_eq!(native.first(&db).expect("a track").as_ref(), expected.first());
            let tx = db.read().expect("a snapshot");
            let streamed: Result<Vec<Track>, Error> = native.stream(&tx).expect("a stream").collect();
            assert_eq!(streamed.expect("tracks"), expected);
        }
    }
}

/// Groups, joins, sets, subqueries, pages, what belongs to records, updates and deletions over what it leaves.
#[test]
fn what_is_made_of_the_rows_is_made_of_those_it_leaves() {
    let db = music();
    let both = [odd(Track::query()), odd_by_operators(Track::query())];
    let [native, usual] = both.clone().map(|query| {
        let by_album = query
            .clone()
            .group_by(|t| t.album().title)
            .select(|g| (g.key(), g.count(), g.max(|t| t.seconds)));
        let joined =
            query.clone().join::<Album>(|(t, al)| t.album.eq(al.id)).select(|(t, al)| (t.name, al.title));
        let names = query.clone().select(|t| t.name).union(Artist::query().select(|a| a.name));
        let distinct = query.clone().select(|t| t.album).distinct();
        let ids = query.clone().select(|t| t.album);
        let albums = Album::query().filter(move |al| al.id.in_query(ids.clone())).select(|al| al.title);
        let mut names = names.all(&db).expect("names");
        let mut joined = joined.all(&db).expect("pairs");
        names.sort();
        joined.sort();
        (
            by_album.all(&db).expect("groups"),
            joined,
            names,
            distinct.all(&db).expect("ids"),
            albums.all(&db).expect("titles"),
            query.clone().aggregate(|g| (g.count(), g.sum(|t| t.seconds))).one(&db).expect("a row"),
        )
    });
    assert_eq!(native, usual);
    assert!(native.1.len() > 2 && native.1.len() < 9, "some, and not all: {native:?}");

    // A page goes on where the last one ended, though its closure is another one.
    let page = |after| odd(Track::query()).order_by(|t| t.name).page(&db, 2, after).expect("a page");
    let first = page(None);
    let second = page(first.next.as_ref());
    let found: Vec<Track> = first.items.into_iter().chain(second.items).collect();
    assert_eq!(
        found,
        odd_by_operators(Track::query()).order_by(|t| t.name).limit(4).all(&db).expect("tracks")
    );

    let count = native.5.0;
    let changed =
        db.write(|tx| odd(Track::query()).update(|t| t.price.set(9.0)).returning(|t| t.seconds).run(tx));
    let changed = changed.expect("an update");
    assert_eq!((changed.len() as u64, changed.iter().all(|seconds| seconds % 2 == 1)), (count, true));
    assert_eq!(Track::query().filter(|t| t.price.eq(9.0)).count(&db).expect("a count"), count);
}

/// What typed predicates drop is not shown to it, on whichever side of it they stand; and a limit ends its calls.
#[test]
fn it_sees_what_predicates_leave_and_no_more_than_is_wanted() {
    let db = music();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = |query: Query<Track, Track>| {
        let calls = Arc::clone(&calls);
        query.filter_fn(move |t| {
            calls.fetch_add(1, Ordering::Relaxed);
            assert!(t.seconds() < 300, "only short ones are left");
            true
        })
    };
    let short = |query: Query<Track, Track>| query.filter(|t| t.seconds.lt(300));
    assert_eq!(short(counted(Track::query())).count(&db).expect("a count"), 5);
    assert_eq!(counted(short(Track::query())).all(&db).expect("tracks").len(), 5);
    assert_eq!(calls.load(Ordering::Relaxed), 10);
    let panics = catch_unwind(AssertUnwindSafe(|| counted(Track::query().order_by(|t| t.seconds)).all(&db)));
    assert!(panics.is_err());
    // Nothing is left of it.
    assert_eq!(short(counted(Track::query())).count(&db).expect("a count"), 5);
    db.write(|tx| Track::query().filter_fn(|t| t.name().starts_with("Wr")).delete().run(tx))
        .expect("a deletion");
    assert_eq!(Track::query().count(&db).expect("a count"), 8);
}

/// Two closures are two tests, also where all else is alike; clones share one.
#[test]
fn each_closure_is_a_test_of_its_own() {
    let db = music();
    let longer = |than: u32| Track::query().filter_fn(move |t| t.seconds() > than);
    let counts = [100, 300, 900].map(|than| longer(than).count(&db).expect("a count"));
    assert_eq!(counts, [9, 4, 0]);
    let either = longer(600).select(|t| t.id).union(longer(800).clone().select(|t| t.id));
    assert_eq!(either.count(&db).expect("a count"), 2);
    let but = longer(600).select(|t| t.id).except(longer(800).select(|t| t.id));
    assert_eq!(but.all(&db).expect("ids"), [Id::new(9)]);
}
