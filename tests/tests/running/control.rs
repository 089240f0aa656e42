//! Ending queries: by a handle that another thread cancels, by a timeout.
//!
//! The clock of most of these databases is the test's: it goes on by a millisecond each time that somebody looks at it. A
//! timeout then ends a query at the look of that number, and the number of looks says how often it would notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use epilog::CancelHandle;
use epilog::prelude::*;
use epilog::vfs::{MemoryVfs, OpenMode, Vfs, VfsError, VfsFile};
use pretty_assertions::assert_eq;

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(parts: Part::of)]
pub struct Thing {
    id: Id<Thing>,
    /// In an order of its own; no two are the same.
    #[unique]
    number: i64,
    /// The same of many.
    #[index]
    group: i64,
    name: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Part {
    id: Id<Part>,
    #[on_delete(cascade)]
    of: Id<Thing>,
    weight: i64,
}

epilog::schema!(pub Things { Thing, Part });

const THINGS: u64 = 6_000;

/// Files in memory, with a clock that goes on at each look.
#[derive(Clone, Default)]
struct Ticking {
    files: MemoryVfs,
    now_ms: Arc<AtomicU64>,
}

impl Ticking {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }
}

impl Vfs for Ticking {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError> {
        self.files.open(path, mode)
    }
    fn exists(&self, path: &str) -> Result<bool, VfsError> {
        self.files.exists(path)
    }
    fn remove(&self, path: &str) -> Result<(), VfsError> {
        self.files.remove(path)
    }
    fn sync_directory(&self, path: &str) -> Result<(), VfsError> {
        self.files.sync_directory(path)
    }
    fn temporary(&self, path: &str) -> Result<Option<Box<dyn VfsFile>>, VfsError> {
        self.files.temporary(path)
    }
    fn now_ns(&self) -> u64 {
        self.now_ms.fetch_add(1, Ordering::Relaxed) * 1_000_000
    }
    fn entropy(&self, buffer: &mut [u8]) {
        self.files.entropy(buffer);
    }
}

fn fill(db: &Database<Things>) {
    let thing = |n: u64| Thing {
        id: Id::new(n),
        number: (n * 7919 % 100_003) as i64,
        group: (n % 5) as i64,
        name: format!("thing {n} {}", "x".repeat(200)),
    };
    let part = |n: u64| Part { id: Id::new(n), of: Id::new(n * 11 % THINGS + 1), weight: n as i64 };
    db.write(|tx| {
        tx.insert_all((1..=THINGS).map(thing))?;
        tx.insert_all((1..=THINGS).map(part))
    })
    .expect("records");
}

/// A database of more than its cache, and its clock.
fn things() -> (Database<Things>, Ticking) {
    let files = Ticking::default();
    let open = || {
        let options = Options::default().cache(512 << 10).background(false);
        Database::<Things>::open_in(Arc::new(files.clone()), "things", &options).expect("a database")
    };
    fill(&open());
    (open(), files)
}

const LONG: Duration = Duration::from_secs(1 << 30);

/// A query looks at the clock at least so often, and a shorter timeout ends it wherever that falls.
#[track_caller]
fn check(clock: &Ticking, looks_min: u64, run: impl Fn(Duration) -> Result<u64, Error>) {
    let before = clock.now_ms();
    let rows = run(LONG).expect("time enough");
    assert!(rows > 0, "it finds something");
    let looks = clock.now_ms() - before;
    assert!(looks >= looks_min, "{looks} looks, not {looks_min}");
    // What is in the cache by now may take fewer.
    for timeout in [0, 1, looks / 4, looks / 2] {
        let error = run(Duration::from_millis(timeout)).expect_err("too little time");
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    }
}

/// What has many rows to read looks at the clock for each of its batches, however few come out.
#[test]
fn every_kind_of_operator_notices_the_timeout() {
    let (db, clock) = things();
    let (db, clock) = (&db, &clock);
    // A batch has a thousand rows at most.
    let batches = THINGS / 1024;
    let rows = |found: usize| found as u64;

    // A scan of which nothing much is left.
    let scan = |t| Thing::query().filter(|f| f.name.ends_with("6000 x")).timeout(t).count(db).map(|n| n + 1);
    check(clock, batches, scan);
    // Ranks of an index, gathered and put in order before the first record is read; and in the order of the index.
    let gathered =
        |t| Thing::query().filter(|f| f.group.in_([1, 2])).timeout(t).all(db).map(|all| rows(all.len()));
    check(clock, batches / 3, gathered);
    let walk =
        |t| Thing::query().order_by(|f| f.number).limit(4000).timeout(t).all(db).map(|all| rows(all.len()));
    check(clock, batches / 2, walk);
    // A sort: all of it, which is put aside, and the first few.
    let sort = |t| Thing::query().order_by(|f| f.name.desc()).timeout(t).all(db).map(|all| rows(all.len()));
    check(clock, 3 * batches, sort);
    let top = |t| Thing::query().order_by(|f| f.name).limit(3).timeout(t).all(db).map(|all| rows(all.len()));
    check(clock, batches, top);
    // Groups, and an aggregate.
    let groups = |t| {
        let query = Thing::query().group_by(|f| f.name).having(|g| g.count().gt(1)).timeout(t);
        query.select(|g| g.key()).all(db).map(|all| rows(all.len()) + 1)
    };
    check(clock, batches, groups);
    let sum = |t| Thing::query().timeout(t).aggregate(|g| g.sum(|f| f.number)).one(db).map(|sum| sum as u64);
    check(clock, batches, sum);
    // Rows told from each other.
    let set = |t| {
        Thing::query().select(|f| f.number).except(Part::query().select(|p| p.weight)).timeout(t).count(db)
    };
    check(clock, 2 * batches, set);
    // Joins: through a table, through an index, of every pair.
    let hash = |t| {
        let query = Thing::query().join::<Part>(|(f, p)| f.number.eq(p.weight)).timeout(t);
        query.count(db)
    };
    check(clock, 2 * batches, hash);
    let probe = |t| {
        let query = Part::query().filter(|p| p.weight.lt(50)).join::<Thing>(|(p, f)| f.group.eq(p.weight));
        query.timeout(t).count(db)
    };
    check(clock, batches / 2, probe);
    let pairs = |t| {
        let query = Thing::query().filter(|f| f.id.le(Id::new(100)));
        let query = query.join::<Part>(|(f, p)| (f.number + p.weight).eq(7)).timeout(t);
        query.count(db).map(|n| n + 1)
    };
    check(clock, 100 * THINGS / 1024, pairs);
    // Subqueries, of which pairs are made, and an index asked for each row.
    let any = |t| {
        let query = Thing::query()
            .filter(|f| f.exists::<Part>(|(f, p)| (f.number + p.weight).eq(-1)) & f.id.le(Id::new(100)));
        query.timeout(t).count(db).map(|n| n + 1)
    };
    check(clock, 100 * THINGS / 1024, any);
}

/// A cross join would take hours; it ends within a moment of being cancelled, and of its timeout.
#[test]
fn a_cross_join_ends_soon_after_it_is_cancelled() {
    let db = Things::in_memory().expect("a database");
    fill(&db);
    let pairs = || {
        let all = Thing::query().join::<Part>(|(f, p)| (f.number + p.weight).eq(-1));
        all.join::<Part>(|(f, p, q)| (f.number + p.weight + q.weight).eq(-1))
    };
    // What a batch takes in a build without optimization, many times over.
    let soon = Duration::from_secs(20);

    let handle = CancelHandle::new();
    let begun = Instant::now();
    let canceller = thread::spawn({
        let handle = handle.clone();
        move || {
            thread::sleep(Duration::from_millis(50));
            handle.cancel();
        }
    });
    let error = pairs().cancel_with(&handle).count(&db).expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(begun.elapsed() < soon, "{:?}", begun.elapsed());
    canceller.join().expect("no panic");

    let begun = Instant::now();
    let error = pairs().timeout(Duration::from_millis(30)).all(&db).expect_err("timed out");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let message = "the query took longer than its timeout of 30ms: allow it more, or ask `explain_analyze` what takes so long";
    assert_eq!(error.to_string(), message);
    assert!((Duration::from_millis(30)..soon).contains(&begun.elapsed()), "{:?}", begun.elapsed());

    // Nothing is left of it: the next query has all of its time.
    assert_eq!(Thing::query().timeout(LONG).count(&db).expect("a count"), THINGS);
}

/// Wherever an update is ended, it has changed nothing, and its transaction goes on.
#[test]
fn an_update_that_is_ended_changes_nothing() {
    let (db, clock) = things();
    let sum = |tx: &WriteTransaction<'_, Things>| Part::query().aggregate(|g| g.sum(|p| p.weight)).one(tx);
    db.write(|tx| {
        let before = sum(tx)?;
        // With values that are assigned from the record alone, and from others.
        for of_others in [false, true] {
            let update = |timeout| {
                let query = Part::query().filter(|p| p.weight.gt(100)).timeout(timeout);
                match of_others {
                    false => query.update(|p| p.weight.set(p.weight + 1)),
                    true => query.update(|p| p.weight.set(p.of().number)),
                }
            };
            let (mark, mut changed) = (clock.now_ms(), 0);
            let refused = tx.savepoint(|tx| {
                changed = update(LONG).run(tx)?;
                assert_ne!(sum(tx)?, before);
                Err::<(), _>(Error::custom("back again"))
            });
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Custom);
            assert_eq!(changed, THINGS - 100);
            // One look as it begins, one for every few hundred records found, and another for those changed.
            let looks = clock.now_ms() - mark;
            assert!(looks > THINGS / 256, "{looks} looks");
            for timeout in (0..looks - 2).step_by(7).chain([looks - 2]) {
                let error = update(Duration::from_millis(timeout)).run(tx).expect_err("too little time");
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                assert_eq!(sum(tx)?, before, "after a timeout of {timeout} looks");
            }
        }
        let error =
            Part::query().timeout(Duration::from_millis(4)).delete().run(tx).expect_err("too little time");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(Part::query().count(tx)?, THINGS);

        let handle = CancelHandle::new();
        let delete = Part::query().filter(|p| p.weight.le(10)).cancel_with(&handle).delete();
        assert_eq!(delete.run(tx)?, 10);
        handle.cancel();
        assert_eq!(delete.run(tx).unwrap_err().kind(), ErrorKind::Cancelled);
        Ok(())
    })
    .expect("the transaction goes on and commits");
    assert_eq!(Part::query().count(&db).expect("a count"), THINGS - 10);
}

/// In a transaction beside others, too.
#[test]
fn queries_of_every_transaction_are_ended() {
    let (db, _) = things();
    let slow = || Thing::query().filter(|f| f.name.contains("y")).timeout(Duration::from_millis(3));
    let ended = |error: Error| assert_eq!(error.kind(), ErrorKind::TimedOut);
    ended(slow().all(&db).unwrap_err());
    ended(slow().first(&db).unwrap_err());
    ended(slow().exists(&db).unwrap_err());
    ended(slow().count(&db.read().expect("a snapshot")).unwrap_err());
    db.write(|tx| {
        ended(slow().one(tx).unwrap_err());
        Ok(())
    })
    .expect("nothing to commit");
    db.write_concurrent(|tx| {
        ended(slow().all(tx).unwrap_err());
        Ok(())
    })
    .expect("nothing to commit");
}

/// A stream's time begins with it, and goes on while nobody asks it.
#[test]
fn a_stream_ends_by_its_deadline() {
    let (db, clock) = things();
    let tx = db.read().expect("a snapshot");
    let by_scan = || Thing::query();
    let by_table = || Thing::query().join::<Part>(|(f, p)| f.number.eq(p.weight)).select(|(f, _)| f);
    for query in [by_scan(), by_scan().order_by(|f| f.name)] {
        check_stream(&clock, query.timeout(Duration::from_secs(1000)), &tx);
    }
    check_stream(&clock, by_table().timeout(Duration::from_secs(1000)), &tx);
}

fn check_stream<S: epilog::query::Scope>(
    clock: &Ticking,
    query: Query<S, Thing>,
    tx: &ReadTransaction<'_, Things>,
) where
    for<'d> ReadTransaction<'d, Things>: epilog::query::Answers<S>,
{
    let all = query.stream(tx).expect("a stream").count() as u64;
    assert!(all > 300, "{all} rows");
    let mut stream = query.stream(tx).expect("a stream");
    assert!(stream.next().is_some_and(|row| row.is_ok()));
    // Nobody asks it for a long time.
    clock.now_ms.fetch_add(1_000_001, Ordering::Relaxed);
    let mut given = 1;
    let error = loop {
        match stream.next().expect("it fails before it ends") {
            Ok(_) => given += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(given < all, "{given} of {all}");
    assert!(stream.next().is_none(), "that was its end");
}

/// Queries for one record go past the planner, and notice as well; any of several handles ends a query.
#[test]
fn what_was_cancelled_before_does_not_begin() {
    let (db, _) = things();
    let (one, other) = (CancelHandle::new(), CancelHandle::new());
    let query = Thing::query().filter(|f| f.id.eq(Id::new(7))).cancel_with(&one).cancel_with(&other);
    assert_eq!(query.all(&db).expect("a record").len(), 1);
    assert_eq!(query.count(&db).expect("a record"), 1);
    other.clone().cancel();
    assert!(other.is_cancelled() && !one.is_cancelled());
    let tx = db.read().expect("a snapshot");
    let errors = [
        query.all(&db).err(),
        query.one(&db).err(),
        query.first(&db).err(),
        query.count(&db).err(),
        query.exists(&db).err(),
        query.stream(&tx).err(),
        Thing::query().cancel_with(&other).count(&db).err(),
    ];
    for error in errors {
        let error = error.expect("cancelled");
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_eq!(
            error.to_string(),
            "the query was cancelled: a `CancelHandle` that was given to `cancel_with` says so"
        );
    }
    // How it would be done is nobody's to cancel.
    assert!(query.explain(&db).is_ok());
}

/// A plan that reads everything is refused with what to do about it; one that need not is found.
#[test]
fn a_query_that_requires_an_index_reads_by_one() {
    use super::music::{Album, Artist, Track, music};
    let db = &music();
    let refused = |result: Result<u64, Error>, message: &str| {
        let error = result.expect_err("it would read everything");
        assert_eq!(error.kind(), ErrorKind::Plan);
        assert_eq!(error.to_string(), message);
    };
    refused(
        Track::query().require_index().filter(|t| t.seconds.gt(300)).count(db),
        "`require_index` forbids to read all of `Track`, and no index serves `seconds > 300`: \
         put `#[index]` on its field `seconds`, or leave `require_index` out",
    );
    refused(
        Track::query().filter(|t| t.seconds.gt(300) & t.price.eq(1.25)).require_index().count(db),
        "`require_index` forbids to read all of `Track`, and no index serves `price = 1.25 & seconds > 300`: \
         put `#[index(price, seconds)]` on `Track`, or leave `require_index` out",
    );
    refused(
        Track::query().filter(|t| t.name.contains("the")).require_index().count(db),
        "`require_index` forbids to read all of `Track`, and no index serves `name contains \"the\"`: \
         compare a field that has an index with a value, or leave `require_index` out",
    );
    refused(
        Track::query().order_by(|t| t.seconds).require_index().all(db).map(|all| all.len() as u64),
        "`require_index` forbids to read all of `Track`, and nothing is asked of its records: \
         compare a field that has an index with a value, or leave `require_index` out",
    );
    // Of alternatives those that no index finds.
    refused(
        Track::query().filter(|t| t.name.eq("Crusader") | t.seconds.gt(300)).require_index().count(db),
        "`require_index` forbids to read all of `Track`, and no index serves `name = \"Crusader\" | seconds > 300`: \
         put `#[index]` on its field `seconds`, or leave `require_index` out",
    );
    refused(
        Track::query()
            .filter(|t| t.seconds.gt(300) | t.price.lt(1.0) & t.id.ne(Id::new(1)))
            .require_index()
            .count(db),
        "`require_index` forbids to read all of `Track`, and no index serves `seconds > 300 | (price < 1.0 & id != 1)`: \
         put `#[index]` on each of its fields `seconds`, `price`, or leave `require_index` out",
    );
    refused(
        Track::query().filter(|t| t.seconds.gt(300) | t.name.contains("the")).require_index().count(db),
        "`require_index` forbids to read all of `Track`, and no index serves `seconds > 300 | name contains \"the\"`: \
         compare a field that has an index with a value, or leave `require_index` out",
    );
    // The inner side of a join, and of a subquery.
    refused(
        Artist::query()
            .filter(|a| a.name.eq("Saxon"))
            .join::<Album>(|(a, al)| al.title.eq(a.name))
            .require_index()
            .count(db),
        "`require_index` forbids to read all of `Album`, and no index serves `Album.title = \"Saxon\"`: \
         put `#[index]` on its field `title`, or leave `require_index` out",
    );
    refused(
        Artist::query()
            .filter(|a| a.name.eq("Saxon") & a.exists::<Album>(|(a, al)| al.title.ne(a.name)))
            .require_index()
            .count(db),
        "`require_index` forbids to read all of `Album`, and nothing is asked of its records: \
         compare a field that has an index with a value, or leave `require_index` out",
    );
    // An update is one of its records.
    let update = Track::query().filter(|t| t.seconds.gt(300)).require_index().update(|t| t.price.set(1.0));
    refused(
        db.write(|tx| update.run(tx)),
        "`require_index` forbids to read all of `Track`, and no index serves `seconds > 300`: \
         put `#[index]` on its field `seconds`, or leave `require_index` out",
    );
    let delete = Track::query().require_index().delete();
    assert_eq!(db.write(|tx| delete.run(tx)).unwrap_err().kind(), ErrorKind::Plan);
    let tx = db.read().expect("a snapshot");
    assert_eq!(Track::query().require_index().stream(&tx).err().map(|e| e.kind()), Some(ErrorKind::Plan));
    assert_eq!(Track::query().require_index().explain(db).err().map(|e| e.kind()), Some(ErrorKind::Plan));

    // Indexes, keys and relations serve; and a few records are no scan.
    let found = |query: Query<Track, Track>| {
        let query = query.require_index();
        let plan = query.explain(db).unwrap_or_else(|error| panic!("{query:?}: {error}"));
        let all = query.all(db).expect("rows");
        assert!(!all.is_empty(), "{plan}");
        (all.len(), plan.to_string())
    };
    assert_eq!(found(Track::query().filter(|t| t.id.gt(Id::new(7)))).0, 2);
    assert_eq!(found(Track::query().filter(|t| t.album.eq(Id::new(2)) & t.seconds.gt(300))).0, 2);
    assert_eq!(found(Track::query().filter(|t| t.album().artist().name.eq("Saxon"))).0, 2);
    assert_eq!(found(Track::query().limit(3)).0, 3);
    let by_name = Artist::query().order_by(|a| a.name).limit(2).require_index();
    assert_eq!(by_name.explain(db).expect("a plan").to_string(), "limit 2\n  index scan Artist by name");
    assert!(Track::query().require_index().first(db).expect("a record").is_some());
    assert!(Track::query().require_index().exists(db).expect("an answer"));
    assert_eq!(Track::query().require_index().count(db).expect("a count"), 9);
    // Most of the records are read more quickly all together, which is what happens without being told.
    let things = Things::in_memory().expect("a database");
    fill(&things);
    let most = || Thing::query().filter(|f| f.group.ge(1));
    let plan = |query: Query<Thing, Thing>| query.explain(&things).expect("a plan").to_string();
    assert_eq!(plan(most()), "filter group >= 1\n  scan Thing");
    assert_eq!(plan(most().require_index()), "index range Thing by group >= 1");
    assert_eq!(
        most().require_index().count(&things).expect("a count"),
        most().count(&things).expect("a count")
    );
}

/// An explanation tells of every index why it is not used.
#[test]
fn a_plan_says_why_not_another() {
    use super::music::{Track, music};
    let db = &music();
    let why = |query: Query<Track, Track>| query.explain(db).expect("a plan").why();
    let told = why(Track::query().filter(|t| t.name.gt("A") & t.price.gt(1.0)));
    let expected = "\
index range Track by name > \"A\"
  taken: index range Track by name > \"A\", 2 µs: costs least
  not scan Track, 17 µs: 9.5 times as dear
  not index of Track by album: nothing is asked of `album`, its first field
";
    assert_eq!(told, expected);
    let told = why(Track::query().filter(|t| t.name.lower().eq("wrathchild") & t.album.ne(Id::new(3))));
    let expected = "\
scan Track
  taken: scan Track, 27 µs: costs least
  not index of Track by name, price: `lower(name) = \"wrathchild\"` is no comparison of `name` with a value that an index finds
  not index of Track by album: `album != 3` is no comparison of `album` with a value that an index finds
";
    assert_eq!(told, expected);
}

#[derive(Collection, Clone, Debug)]
struct Item {
    id: Id<Item>,
    #[index]
    code: u32,
    #[index]
    owner: u32,
}

#[derive(Collection, Clone, Debug)]
struct Owner {
    id: Id<Owner>,
    #[index]
    rank: u32,
}

epilog::schema!(Shop { Item, Owner });

/// What joins, subqueries and orders ask of a field is told as well.
#[test]
fn a_plan_says_why_not_what_is_asked_from_above() {
    let db = Shop::in_memory().expect("a database");
    db.write(|tx| {
        tx.insert_all((0..5_000).map(|n| Item { id: Id::auto(), code: n, owner: n % 500 }))?;
        tx.insert_all((0..500).map(|n| Owner { id: Id::auto(), rank: n }))
    })
    .expect("fresh records");
    #[track_caller]
    fn says(why: &str, reasons: &[&str]) {
        for reason in reasons {
            assert!(why.contains(reason), "{reason}: {why}");
        }
        assert!(!why.contains("nothing is asked of `rank`"), "{why}");
    }
    let joined = || Item::query().join::<Owner>(|(i, o)| i.owner.eq(o.rank));
    let why = joined().explain(&db).expect("a plan").why();
    let by_table = "is found by a table, which costs less than a search for each";
    says(&why, &["not index of Owner by rank: ", "not index of Item by owner: ", by_table]);
    let why = joined().order_by(|(i, _)| i.code).explain(&db).expect("a plan").why();
    says(
        &why,
        &[
            "not index of Item by code: the order by `code` is made above: what lies between does not keep one",
        ],
    );
    let pairs = Item::query().join::<Owner>(|(i, o)| i.code.lt(o.rank) & i.owner.ne(o.rank));
    let sorted = "not index of Owner by rank: ranges of `Owner.rank` are those of rows sorted once";
    says(&pairs.explain(&db).expect("a plan").why(), &[sorted, "is asked of pairs"]);
    // Of one row a range of the index is searched for.
    let one = pairs.filter(|(i, _)| i.id.eq(Id::new(7)));
    let plan = one.explain(&db).expect("a plan");
    assert!(plan.to_string().contains("join Owner through index, Owner.rank > code"), "{plan}");
    let asked = Owner::query().filter(|o| o.exists::<Item>(|(o, i)| i.owner.eq(o.rank)));
    says(&asked.explain(&db).expect("a plan").why(), &["not index of Item by owner: `Item.owner = rank` "]);
}
