//! `Options::on_slow_query`: which queries are told of, what of them, and that nothing comes of what is done with it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use epilog::prelude::*;
use pretty_assertions::assert_eq;

use super::music::{Album, Artist, Music, Track, fill};

/// What was told: the line of this file, the collection, and the first line of the plan.
type Log = Arc<Mutex<Vec<(u32, String)>>>;

/// A database that tells of all queries that take so long.
fn telling(threshold: Duration) -> (Database<Music>, Log) {
    let log = Log::default();
    let lines = Arc::clone(&log);
    let options = Options::default().on_slow_query(threshold, move |slow| {
        assert!(slow.location().file().ends_with("slow.rs"), "{slow:?}");
        assert!(slow.elapsed() >= threshold);
        let plan = slow.plan().expect("a plan").to_string();
        let line = plan.lines().next().unwrap_or_default();
        lines
            .lock()
            .expect("no panic")
            .push((slow.location().line(), format!("{}: {line}", slow.collection())));
    });
    let db = options.in_memory().expect("a database");
    fill(&db);
    (db, log)
}

/// What was told since the last time, which is one query.
#[track_caller]
fn take(log: &Log) -> (u32, String) {
    let mut log = log.lock().expect("no panic");
    assert_eq!(log.len(), 1, "{log:?}");
    log.remove(0)
}

#[test]
fn every_terminal_is_told_of_with_its_place() {
    let (db, log) = &telling(Duration::ZERO);
    assert_eq!(log.lock().expect("no panic").len(), 0, "inserting is no query");
    let told = |line: u32, text: &str| assert_eq!(take(log), (line, text.into()));
    let tracks = || Track::query().filter(|t| t.seconds.gt(300));
    let tx = &db.read().expect("a snapshot");

    let _ = tracks().all(db).expect("rows");
    told(line!() - 1, "Track: filter seconds > 300");
    let _ = tracks().first(tx).expect("a row");
    told(line!() - 1, "Track: filter seconds > 300");
    let _ = tracks().count(tx).expect("a count");
    told(line!() - 1, "Track: filter seconds > 300");
    let _ = Album::query().exists(&tx).expect("an answer");
    told(line!() - 1, "Album: scan Album");
    // With what belongs to it, which are several queries and one terminal.
    let _ = Album::query().with(|al| al.tracks()).all(db).expect("rows");
    told(line!() - 1, "Album: scan Album");
    let _ = Album::query().with(|al| al.tracks()).first(db).expect("a row");
    told(line!() - 1, "Album: scan Album");
    let _ = Album::query().filter(|al| al.id.eq(Id::new(1))).with(|al| al.tracks()).one(db).expect("a row");
    told(line!() - 1, "Album: key lookup Album by id = 1");
    let first = tracks().page(tx, 1, None).expect("a page");
    told(line!() - 1, "Track: filter seconds > 300");
    let _ = tracks().page_before(tx, 1, first.next.as_ref()).expect("a page");
    told(line!() - 1, "Track: filter seconds > 300");
    // One record, without a plan; and a query that fails.
    let _ = Artist::query().filter(|a| a.name.eq("Saxon")).one(db).expect("a row");
    told(line!() - 1, "Artist: index lookup Artist by name = \"Saxon\"");
    let _ = tracks().timeout(Duration::ZERO).all(db).expect_err("no time");
    told(line!() - 1, "Track: filter seconds > 300");
    let _ = tracks().require_index().all(db).expect_err("no index");
    told(line!() - 1, "Track: filter seconds > 300");
    // Nothing is carried out, or that is what one asks about.
    let _ = tracks().explain(db).expect("a plan");
    let _ = tracks().explain_analyze(db).expect("a plan");
    assert_eq!(log.lock().expect("no panic").len(), 0);

    db.write(|tx| {
        let _ = tracks().all(tx)?;
        told(line!() - 1, "Track: filter seconds > 300");
        let _ = tracks().update(|t| t.price.set(2.0)).run(tx)?;
        told(line!() - 1, "Track: filter seconds > 300");
        let _ = tracks().delete().run(tx)?;
        told(line!() - 1, "Track: filter seconds > 300");
        Ok(())
    })
    .expect("a commit");
    db.write_concurrent(|tx| {
        let _ = Artist::query().count(tx)?;
        told(line!() - 1, "Artist: scan Artist");
        Ok(())
    })
    .expect("a commit");
}

#[test]
fn a_stream_is_told_of_once_when_it_is_over() {
    let (db, log) = &telling(Duration::ZERO);
    let tx = &db.read().expect("a snapshot");
    let count = || log.lock().expect("no panic").len();

    let mut stream = Track::query().stream(tx).expect("a stream");
    let line = line!() - 1;
    assert!(stream.next().is_some());
    assert_eq!(count(), 0, "it is not over");
    assert_eq!(stream.by_ref().count(), 8);
    assert_eq!(take(log), (line, "Track: scan Track".into()));
    assert!(stream.next().is_none());
    drop(stream);
    assert_eq!(count(), 0, "it was told of");

    drop(Track::query().stream(tx).expect("a stream"));
    assert_eq!(take(log), (line!() - 1, "Track: scan Track".into()));
}

#[test]
fn what_is_quick_is_not_told_of() {
    let (db, log) = &telling(Duration::from_secs(3600));
    assert_eq!(Track::query().all(db).expect("rows").len(), 9);
    assert_eq!(Track::query().stream(&db.read().expect("a snapshot")).expect("a stream").count(), 9);
    assert_eq!(log.lock().expect("no panic").len(), 0);
}

/// The hook can ask and change things itself, and its panic is nobody else's.
#[test]
fn nothing_is_locked_while_it_is_told() {
    let own: Arc<Mutex<Option<Database<Music>>>> = Arc::default();
    let told = Arc::new(Mutex::new(0));
    let (handle, counter) = (Arc::clone(&own), Arc::clone(&told));
    let options = Options::default().on_slow_query(Duration::ZERO, move |slow| {
        // It is told of its own queries, too.
        if slow.collection() == "Artist" {
            return;
        }
        let db = handle.lock().expect("no panic").clone().expect("the database");
        db.write(|tx| {
            tx.insert(&Artist { id: Id::auto(), name: format!("told {}", Artist::query().count(tx)?) })
        })
        .expect("a commit");
        *counter.lock().expect("no panic") += 1;
        panic!("a mistake of the hook");
    });
    let db: Database<Music> = options.in_memory().expect("a database");
    fill(&db);
    *own.lock().expect("no panic") = Some(db.clone());

    // The panic's message is of no interest.
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let all = Track::query().all(&db);
    let streamed: Result<Vec<Track>, Error> =
        db.read().and_then(|tx| Track::query().stream(&tx).and_then(|stream| stream.collect()));
    std::panic::set_hook(previous);

    assert_eq!(all.expect("what it asked for").len(), 9);
    assert_eq!(streamed.expect("what it asked for").len(), 9);
    assert_eq!(*told.lock().expect("no panic"), 2);
    assert_eq!(Artist::query().count(&db).expect("a count"), 6);
    // A write transaction begins, and commits, as ever.
    db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() })).expect("a commit");
    *own.lock().expect("no panic") = None;
}
