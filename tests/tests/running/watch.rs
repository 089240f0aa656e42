//! Watching queries: each change that changes an answer gives another one, whatever the query reads and however it is changed;
//! what is read nowhere gives none; nobody waits for what has happened.
//!
//! A wait of no time tells whether there is another answer, so that most of these need no second thread. Those with writers beside them
//! wait for a minute where less than a millisecond will do: a wake-up that is lost fails, and takes that long.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use epilog::CancelHandle;
use epilog::database::CommitNumber;
use epilog::prelude::*;
use epilog::query::{Watch, WatchCloser};
use epilog::vfs::MemoryVfs;
use pretty_assertions::assert_eq;

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(albums: Album::artist)]
pub struct Artist {
    id: Id<Artist>,
    #[unique]
    name: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(tracks: Track::album)]
#[has_many(sequels: Album::sequel_of)]
pub struct Album {
    id: Id<Album>,
    title: String,
    #[on_delete(cascade)]
    artist: Id<Artist>,
    #[on_delete(set_null)]
    sequel_of: Option<Id<Album>>,
    year: Option<i64>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Track {
    id: Id<Track>,
    name: String,
    #[on_delete(cascade)]
    album: Id<Album>,
    seconds: i64,
}

/// The key is a text, which clusters nothing.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Word {
    #[key]
    text: String,
    language: Option<String>,
}

epilog::schema!(pub Shelf { Artist, Album, Track, Word });

/// No lost wake-up takes longer to be told of.
const LONG: Duration = Duration::from_secs(60);

fn fill(db: &Database<Shelf>) {
    let album = |title: &str, artist: u64, sequel_of: Option<u64>, year| Album {
        id: Id::auto(),
        title: title.into(),
        artist: Id::new(artist),
        sequel_of: sequel_of.map(Id::new),
        year,
    };
    let track = |name: &str, album: u64, seconds| Track {
        id: Id::auto(),
        name: name.into(),
        album: Id::new(album),
        seconds,
    };
    db.write(|tx| {
        for name in ["Iron Maiden", "Saxon", "Zappa"] {
            tx.insert(&Artist { id: Id::auto(), name: name.into() })?;
        }
        tx.insert(&album("Killers", 1, None, Some(1981)))?;
        tx.insert(&album("Powerslave", 1, Some(1), Some(1984)))?;
        tx.insert(&album("Crusader", 2, None, Some(1984)))?;
        tx.insert(&track("Wrathchild", 1, 174))?;
        tx.insert(&track("Aces High", 2, 271))?;
        tx.insert(&track("Crusader", 3, 395))?;
        tx.insert(&Word { text: "crusade".into(), language: None })
    })
    .unwrap();
}

fn shelf() -> Database<Shelf> {
    let db = Shelf::in_memory().unwrap();
    fill(&db);
    db
}

/// A shelf in a file.
fn shelf_with(options: &Options) -> Database<Shelf> {
    let db = Database::open_in(Arc::new(MemoryVfs::new()), "shelf", options).unwrap();
    fill(&db);
    db
}

/// The answer there is without waiting.
fn now<D: epilog::Schema, O>(watch: &mut Watch<D, O>) -> Option<Vec<O>> {
    watch.next_within(Duration::ZERO).unwrap()
}

/// A query under watch, whatever comes out of it: as text.
type Watched = Box<dyn FnMut() -> Option<String>>;

/// Queries that read collections in every way there is, by name.
fn watched(db: &Database<Shelf>) -> Vec<(&'static str, Watched)> {
    fn of<S, O: std::fmt::Debug + 'static>(query: &Query<S, O>, db: &Database<Shelf>) -> Watched
    where
        Database<Shelf>: epilog::query::Answers<S>,
    {
        let mut watch = query.watch(db).unwrap();
        Box::new(move || now(&mut watch).map(|rows| format!("{rows:?}")))
    }
    let sums = Track::query().group_by(|t| t.album).select(|g| (g.key(), g.sum(|t| t.seconds))).common();
    let longest = Track::query().aggregate(|g| g.max(|t| t.seconds));
    let titles = || Album::query().select(|al| al.title);
    vec![
        ("scan", of(&Album::query(), db)),
        ("record", of(&Artist::query().filter(|a| a.id.eq(Id::new(2))), db)),
        ("no record", of(&Artist::query().filter(|a| a.id.eq(Id::new(9))), db)),
        ("word", of(&Word::query().filter(|w| w.text.eq("crusade")), db)),
        ("index", of(&Artist::query().filter(|a| a.name.eq("Saxon")), db)),
        ("nothing", of(&Artist::query().filter(|a| a.name.lt("A") & a.name.gt("Z")), db)),
        ("path", of(&Track::query().filter(|t| t.album().artist().name.eq("Saxon")), db)),
        ("optional path", of(&Album::query().select(|al| (al.id, al.sequel_of().title)), db)),
        ("path of an id", of(&Track::query().select(|t| (t.id, t.album)), db)),
        ("order", of(&Album::query().order_by(|al| al.artist().name.desc()).select(|al| al.id), db)),
        ("reverse", of(&Artist::query().select(|a| (a.id, a.albums().count())), db)),
        ("any", of(&Artist::query().filter(|a| a.albums().any(|al| al.year.eq(1984))).select(|a| a.id), db)),
        (
            "two steps",
            of(
                &Artist::query()
                    .filter(|a| a.albums().any(|al| al.tracks().any(|t| t.seconds.gt(300))))
                    .select(|a| a.id),
                db,
            ),
        ),
        ("all of it", of(&Track::query().aggregate(|g| g.count()), db)),
        ("exists", of(&Artist::query().filter(|a| a.from::<Word>().exists()).select(|a| a.id), db)),
        (
            "in query",
            of(
                &Artist::query()
                    .filter(|a| a.id.in_query(a.from::<Album>().select(|(_, al)| al.artist)))
                    .select(|a| a.id),
                db,
            ),
        ),
        ("other query", of(&Word::query().filter(|w| w.text.in_query(titles())).select(|w| w.text), db)),
        ("scalar", of(&Artist::query().select(|a| (a.id, longest.scalar())), db)),
        (
            "join",
            of(
                &Artist::query()
                    .join::<Album>(|(a, al)| al.artist.eq(a.id))
                    .select(|(a, al)| (a.id, al.title)),
                db,
            ),
        ),
        (
            "left join",
            of(
                &Artist::query()
                    .left_join::<Album>(|(a, al)| al.artist.eq(a.id))
                    .select(|(a, al)| (a.id, al.title)),
                db,
            ),
        ),
        ("union", of(&titles().union(Word::query().select(|w| w.text)), db)),
        ("except", of(&Artist::query().select(|a| a.id).except(Album::query().select(|al| al.artist)), db)),
        ("groups", of(&Track::query().group_by(|t| t.album().title).select(|g| (g.key(), g.count())), db)),
        ("common", of(&sums, db)),
        ("recursive", of(&Album::query().filter(|al| al.id.eq(Id::new(1))).recursive(|al| al.sequels()), db)),
        ("first", of(&Track::query().order_by(|t| t.seconds.desc()).limit(1), db)),
    ]
}

/// Makes a shelf.
type Make = fn(&Options) -> Database<Shelf>;

/// A change.
type Step = fn(&Database<Shelf>) -> Result<(), Error>;

/// Changes of all kinds, by name.
const STEPS: &[(&str, Step)] = &[
    ("insert", |db| db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() })).map(drop)),
    ("insert all", |db| {
        db.write(|tx| tx.insert_all((0..3).map(|n| Word { text: format!("word {n}"), language: None })))
            .map(drop)
    }),
    ("update", |db| {
        db.write(|tx| {
            let mut album: Album = tx.get(Id::new(2))?.expect("an album");
            album.title = "Live After Death".into();
            tx.update(&album)
        })
    }),
    ("update by query", |db| {
        db.write(|tx| {
            Track::query().filter(|t| t.seconds.gt(300)).update(|t| t.seconds.set(t.seconds - 200)).run(tx)
        })
        .map(drop)
    }),
    ("update by another field", |db| {
        db.write(|tx| Word::query().update(|w| w.language.set(w.text)).run(tx)).map(drop)
    }),
    ("a word that is a title", |db| {
        db.write(|tx| tx.insert(&Word { text: "Killers".into(), language: None })).map(drop)
    }),
    ("set to none", |db| db.write(|tx| Album::query().update(|al| al.sequel_of.set(None)).run(tx)).map(drop)),
    ("delete", |db| db.write(|tx| tx.delete_key::<Track>(Id::new(1))).map(drop)),
    ("delete by query", |db| db.write(|tx| Word::query().delete().run(tx)).map(drop)),
    ("delete with what points at it", |db| db.write(|tx| tx.delete_key::<Artist>(Id::new(2))).map(drop)),
    ("delete what others point at", |db| db.write(|tx| tx.delete_key::<Album>(Id::new(1))).map(drop)),
    ("insert and delete", |db| {
        db.write(|tx| {
            let id = tx.insert(&Artist { id: Id::auto(), name: "Budgie".into() })?;
            tx.delete_key::<Artist>(id)?;
            tx.delete_key::<Artist>(Id::new(3))
        })
        .map(drop)
    }),
    ("half of it taken back", |db| {
        db.write(|tx| {
            let refused = tx.savepoint(|tx| {
                tx.insert(&Word { text: "w".into(), language: None })?;
                tx.insert(&Artist { id: Id::auto(), name: "Iron Maiden".into() })
            });
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::UniqueViolation);
            tx.insert(&Artist { id: Id::auto(), name: "Budgie".into() })
        })
        .map(drop)
    }),
    ("beside others", |db| {
        db.write_concurrent(|tx| {
            let count = Album::query().count(tx)? as i64;
            Track::query().update(|t| t.seconds.set(t.seconds + count)).run(tx)
        })
        .map(drop)
    }),
    ("many", |db| {
        db.write(|tx| {
            tx.insert_all((0..2000).map(|n| Artist { id: Id::auto(), name: format!("artist {n}") }))
        })
        .map(drop)
    }),
];

#[test]
fn what_changes_an_answer_gives_another_one() {
    // Goal: no change is missed, by no way of reading. Method: every query beside every change, in memory and in files of
    // all kinds; where the query run anew answers otherwise, the watch must have the same.
    let bulk = Options::default().bulk_after(20_000);
    let places: [(&str, Make, Options); 5] = [
        (
            "memory",
            |options| {
                let db = options.in_memory().unwrap();
                fill(&db);
                db
            },
            Options::default(),
        ),
        ("file", shelf_with, Options::default()),
        ("bulk", shelf_with, bulk),
        (
            "eventual",
            shelf_with,
            Options::default().durability(Durability::Eventual(Duration::from_millis(5))),
        ),
        ("none", shelf_with, Options::default().durability(Durability::None)),
    ];
    for (place, make, options) in &places {
        let mut changed = 0;
        for (step, change) in STEPS {
            let db = make(options);
            let mut all = watched(&db);
            let before: Vec<String> =
                all.iter_mut().map(|(_, next)| next().expect("a first answer")).collect();
            assert!(all.iter_mut().all(|(_, next)| next().is_none()), "nothing was committed");
            change(&db).unwrap();
            let fresh = watched(&db).into_iter().map(|(_, mut next)| next().unwrap());
            for (((query, next), before), after) in all.iter_mut().zip(before).zip(fresh) {
                match next() {
                    Some(given) => assert_eq!(given, after, "{query} after {step} in {place}"),
                    None => assert_eq!(before, after, "{query} missed {step} in {place}"),
                }
                assert_eq!(next(), None, "{query} after {step} in {place}: one answer will do");
                changed += usize::from(before != after);
            }
        }
        assert!(changed > 60, "{changed} answers changed");
    }
}

#[test]
fn what_a_query_does_not_read_gives_no_answer() {
    let db = shelf();
    let mut tracks = Track::query().filter(|t| t.seconds.gt(200)).watch(&db).unwrap();
    let mut ids = Album::query().select(|al| (al.artist, al.sequel_of)).watch(&db).unwrap();
    let mut paths = Track::query().select(|t| t.album().title).watch(&db).unwrap();
    assert!(now(&mut tracks).is_some() && now(&mut ids).is_some() && now(&mut paths).is_some());

    // Artists are led to by none of them; a record that an id points at is not read.
    db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Budgie".into() })).unwrap();
    db.write(|tx| Word::query().delete().run(tx)).unwrap();
    assert!(now(&mut tracks).is_none() && now(&mut ids).is_none() && now(&mut paths).is_none());
    db.write(|tx| tx.update(&Album { year: None, ..tx.get(Id::new(1))?.expect("an album") })).unwrap();
    assert_eq!((now(&mut tracks), now(&mut ids).is_some(), now(&mut paths).is_some()), (None, true, true));

    // What was given up, refused or empty is no change.
    let aborted: Result<(), Error> = db.write(|tx| {
        Track::query().delete().run(tx)?;
        Err(Error::custom("no"))
    });
    aborted.unwrap_err();
    db.write(|tx| {
        tx.savepoint(|tx| {
            Track::query().delete().run(tx)?;
            Err::<(), _>(Error::custom("no"))
        })
        .unwrap_err();
        tx.insert(&Word { text: "x".into(), language: None })
    })
    .unwrap();
    db.write(|tx| Track::query().filter(|t| t.seconds.lt(0)).delete().run(tx)).unwrap();
    db.checkpoint().unwrap();
    assert!(now(&mut tracks).is_none() && now(&mut ids).is_none() && now(&mut paths).is_none());
}

#[test]
fn upkeep_is_no_change() {
    let db = shelf_with(&Options::default());
    let mut watch = Track::query().watch(&db).unwrap();
    assert!(now(&mut watch).is_some());
    // Statistics of values are made, and written by the next commit.
    for seconds in 0..50 {
        Track::query().filter(|t| t.seconds.gt(seconds)).order_by(|t| t.name).all(&db).unwrap();
    }
    db.write(|tx| Word::query().delete().run(tx)).unwrap();
    db.checkpoint().unwrap();
    db.compact().unwrap();
    db.check().unwrap();
    let going_on = &mut |_| ControlFlow::Continue(());
    db.backup_to(Arc::new(MemoryVfs::new()), "copy", going_on).unwrap();
    assert!(now(&mut watch).is_none());
    // A clone that is closed leaves the others as they are.
    db.clone().close().unwrap();
    assert!(now(&mut watch).is_none());
    db.write(|tx| Track::query().delete().run(tx)).unwrap();
    assert_eq!(now(&mut watch), Some(Vec::new()));
}

#[test]
fn a_slow_reader_gets_the_newest() {
    let db = shelf();
    let mut watch = Word::query().aggregate(|g| g.count()).watch(&db).unwrap();
    assert_eq!(watch.commit(), None);
    for n in 0..100 {
        if n == 50 {
            assert_eq!(now(&mut watch), Some(vec![51]));
        }
        db.write(|tx| tx.insert(&Word { text: format!("{n}"), language: None })).unwrap();
    }
    assert_eq!(now(&mut watch), Some(vec![101]));
    assert_eq!(watch.commit(), Some(db.read().unwrap().commit()));
    assert_eq!(now(&mut watch), None);
}

#[test]
fn each_commit_wakes_who_waits() {
    // Goal: no wake-up is lost, whenever the commit comes. Method: a writer that commits again as soon as the answer
    // of its last commit is there, so that commits meet a watch that begins to wait.
    for durability in [
        None,
        Some(Durability::Immediate),
        Some(Durability::Eventual(Duration::from_millis(5))),
        Some(Durability::None),
    ] {
        let db = match durability {
            None => shelf(),
            Some(durability) => shelf_with(&Options::default().durability(durability)),
        };
        let rounds = 1_000;
        let (send, given) = mpsc::channel();
        let mut watch = Word::query().aggregate(|g| g.count()).watch(&db).unwrap();
        let follower = thread::spawn(move || {
            while let Some(counts) = watch.next_within(LONG).unwrap() {
                send.send(counts[0]).unwrap();
                if counts[0] == 1 + rounds {
                    return true;
                }
            }
            false
        });
        let mut seen = given.recv_timeout(LONG).unwrap();
        for n in 0..rounds {
            // Commits of others wake it as well, and it goes back to sleep.
            if n % 3 == 0 {
                db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: format!("{n}") })).unwrap();
            }
            db.write(|tx| tx.insert(&Word { text: format!("{n}"), language: None })).unwrap();
            while seen < 2 + n {
                seen = given.recv_timeout(LONG).expect("a lost wake-up");
            }
        }
        assert!(follower.join().unwrap(), "{durability:?}: nothing came for a minute");
    }
}

#[test]
fn the_last_state_is_seen_beside_many_writers() {
    // Goal: whatever commits come together, of both kinds, the last answer is of the last one; answers go forward; each
    // is of one snapshot, in which two collections that are changed together agree.
    for durability in [None, Some(Durability::Group), Some(Durability::None)] {
        let db = match durability {
            None => shelf(),
            Some(durability) => shelf_with(&Options::default().durability(durability)),
        };
        let (writers, each) = (3, 150);
        let total = writers * each;
        let followers: Vec<_> = (0..2)
            .map(|_| {
                let query = Artist::query()
                    .filter(|a| a.id.eq(Id::new(3)))
                    .select(|a| (a.from::<Word>().count(), a.from::<Track>().count()));
                let mut watch = query.watch(&db).unwrap();
                thread::spawn(move || {
                    let (mut last, mut answers) = ((0, CommitNumber(0)), 0);
                    while let Some(rows) = watch.next_within(LONG).unwrap() {
                        let (words, tracks) = rows[0];
                        assert_eq!(words + 2, tracks, "they are of one commit");
                        let next = (words, watch.commit().unwrap());
                        assert!(next.0 >= last.0 && next.1 > last.1, "{next:?} after {last:?}");
                        (last, answers) = (next, answers + 1);
                        if words == 1 + total {
                            break;
                        }
                    }
                    (last.0, answers)
                })
            })
            .collect();
        thread::scope(|scope| {
            for writer in 0..writers {
                let db = &db;
                scope.spawn(move || {
                    for n in 0..each {
                        let word = Word { text: format!("{writer} {n}"), language: None };
                        let track = Track { id: Id::auto(), name: "t".into(), album: Id::new(1), seconds: 1 };
                        let both = |tx: &mut WriteTransaction<'_, Shelf>| {
                            tx.insert(&word)?;
                            tx.insert(&track).map(drop)
                        };
                        match writer {
                            0 => db.write_concurrent(both).unwrap(),
                            _ => db.write(both).unwrap(),
                        };
                    }
                });
            }
        });
        for follower in followers {
            let (last, answers) = follower.join().unwrap();
            assert_eq!(last, 1 + total, "{durability:?}: the last state was not seen");
            assert!(answers >= 2);
        }
    }
}

#[test]
fn closing_ends_a_wait() {
    let db = shelf();
    for round in 0..200u64 {
        let mut watch = Artist::query().watch(&db).unwrap();
        let closer = watch.closer();
        let (begun, begins) = mpsc::channel();
        let follower = thread::spawn(move || {
            begun.send(()).unwrap();
            let answers = watch.by_ref().filter(|answer| answer.is_ok()).count();
            // It stays ended.
            (answers, watch.is_closed(), watch.next().is_none(), watch.next_within(LONG).unwrap().is_none())
        });
        begins.recv().unwrap();
        if round % 2 == 0 {
            // Give it time to wait, as often as not.
            thread::sleep(Duration::from_micros(round));
        }
        closer.clone().close();
        let (answers, ended, no_more, none) = follower.join().unwrap();
        assert!(answers <= 1 && ended && no_more && none);
    }
    // Closed before it was asked.
    let mut watch = Artist::query().watch(&db).unwrap();
    watch.closer().close();
    assert!(watch.next().is_none());
}

#[test]
fn a_watch_keeps_the_database_open_and_its_closer_does_not() {
    let files = MemoryVfs::new();
    let open = || Database::<Shelf>::open_in(Arc::new(files.clone()), "shelf", &Options::default());
    let db = open().unwrap();
    fill(&db);
    let mut watch = Word::query().watch(&db).unwrap();
    let closer = watch.closer();
    drop(db);
    assert_eq!(open().unwrap_err().kind(), ErrorKind::Locked);
    assert_eq!(now(&mut watch).map(|words| words.len()), Some(1));
    drop(watch);
    let db = open().unwrap();
    closer.close();
    assert_eq!(Word::query().count(&db).unwrap(), 1);
}

#[test]
fn after_an_error_it_goes_on() {
    let db = shelf();
    let mut watch = Track::query().select(|t| t.seconds / (t.seconds - 174)).watch(&db).unwrap();
    assert_eq!(watch.next_within(LONG).unwrap_err().kind(), ErrorKind::Arithmetic);
    // What has no result has none until something is changed.
    assert_eq!(now(&mut watch), None);
    db.write(|tx| tx.delete_key::<Track>(Id::new(1))).unwrap();
    assert_eq!(now(&mut watch), Some(vec![2, 1]));
    assert!(!watch.is_closed());
}

#[test]
fn it_ends_when_it_is_cancelled() {
    let db = shelf();
    let handle = CancelHandle::new();
    let mut watch = Track::query().cancel_with(&handle).watch(&db).unwrap();
    assert!(now(&mut watch).is_some());
    handle.cancel();
    assert_eq!(now(&mut watch), None);
    db.write(|tx| Track::query().delete().run(tx)).unwrap();
    assert_eq!(watch.next().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(watch.is_closed() && watch.next().is_none());
}

#[test]
fn a_query_that_cannot_be_planned_is_not_watched() {
    #[derive(Collection)]
    struct Stranger {
        id: Id<Stranger>,
    }
    let db = shelf();
    let query = Artist::query().filter(|a| a.from::<Stranger>().exists());
    assert_eq!(query.watch(&db).unwrap_err().kind(), ErrorKind::Plan);
    let _ = |stranger: Stranger| stranger.id;
}

#[test]
fn slow_runs_are_told_of_where_the_watch_was_made() {
    let line = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&line);
    let options = Options::default().on_slow_query(Duration::ZERO, move |slow| {
        told.store(slow.location().line().into(), Ordering::Relaxed)
    });
    let db = shelf_with(&options);
    let (mut watch, made) = (Track::query().watch(&db).unwrap(), line!());
    assert!(watch.next().is_some());
    assert_eq!(line.load(Ordering::Relaxed), u64::from(made));
}

#[test]
fn watches_can_be_sent() {
    fn is_send<T: Send>() {}
    fn is_shared<T: Send + Sync + Clone>() {}
    is_send::<Watch<Shelf, Album>>();
    is_shared::<WatchCloser>();
}
