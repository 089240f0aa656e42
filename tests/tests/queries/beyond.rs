//! Queries over many times what the page cache holds: what comes out, what is in memory meanwhile, and what happens when
//! the disk has no room, or changes what a sort has put aside.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use epilog::CancelHandle;
use epilog::prelude::*;
use epilog::vfs::{MemoryVfs, OpenMode, Vfs, VfsError, VfsFile};
use epilog_tests::disk::{Cut, SimVfs};
use pretty_assertions::assert_eq;

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Wide {
    id: Id<Wide>,
    /// In an order of its own; no two are the same.
    number: i64,
    /// In another.
    #[index]
    mark: i64,
    /// The same of many.
    group: u8,
    name: Option<String>,
    filler: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Link {
    id: Id<Link>,
    #[on_delete(cascade)]
    to: Id<Wide>,
    weight: i64,
}

/// What set-based changes are about beside.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Step {
    id: Id<Step>,
    #[unique]
    place: i64,
    #[on_delete(cascade)]
    before: Option<Id<Step>>,
    #[on_delete(set_null)]
    wide: Option<Id<Wide>>,
}

epilog::schema!(pub Large { Wide, Link, Step });

const CACHE: usize = 1 << 20;
const ROWS: i64 = 12_000;
const LINKS: i64 = 3_000;
const STEPS: i64 = 2_000;

/// The record that a link leads to, which is anywhere.
fn target_of(link: i64) -> i64 {
    1 + link * 6421 % ROWS
}

/// Files in memory. Temporary ones are counted, and can be made to fail.
#[derive(Clone, Default)]
struct Files {
    files: MemoryVfs,
    made: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    full: Arc<AtomicBool>,
    damaged: Arc<AtomicBool>,
    /// What is cancelled when something is read that far, or written.
    cancelled: Arc<Mutex<Option<(CancelHandle, Reach)>>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reach {
    Read,
    Written,
}

impl Files {
    fn reach(&self, offset: u64, how: Reach) {
        let cancelled = self.cancelled.lock().expect("nobody panics");
        if let Some((handle, of)) = cancelled.as_ref()
            && *of == how
            && offset > 100_000
        {
            handle.cancel();
        }
    }
}

struct Temporary(Box<dyn VfsFile>, Files);

impl Vfs for Files {
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
        self.made.fetch_add(1, Ordering::Relaxed);
        let file = self.files.temporary(path)?;
        self.open.fetch_add(usize::from(file.is_some()), Ordering::Relaxed);
        Ok(file.map(|file| Box::new(Temporary(file, self.clone())) as Box<dyn VfsFile>))
    }
    fn now_ns(&self) -> u64 {
        self.files.now_ns()
    }
    fn entropy(&self, buffer: &mut [u8]) {
        self.files.entropy(buffer);
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.1.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl VfsFile for Temporary {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError> {
        self.1.reach(offset, Reach::Read);
        self.0.read_at(buffer, offset)?;
        if offset > 100_000 && self.1.damaged.load(Ordering::Relaxed) {
            buffer[100] ^= 4;
        }
        Ok(())
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        if offset > 100_000 && self.1.full.load(Ordering::Relaxed) {
            return Err(VfsError::Full { path: "temporary".into() });
        }
        self.1.reach(offset, Reach::Written);
        self.0.write_at(bytes, offset)
    }
    fn sync_data(&self) -> Result<(), VfsError> {
        panic!("nobody relies on a temporary file")
    }
    fn len(&self) -> Result<u64, VfsError> {
        self.0.len()
    }
    fn set_len(&self, len: u64) -> Result<(), VfsError> {
        self.0.set_len(len)
    }
    fn lock(&self) -> Result<(), VfsError> {
        self.0.lock()
    }
}

fn records() -> Vec<Wide> {
    let name = |n: i64| match n % 11 {
        0 => None,
        1 => Some(String::new()),
        rest => Some(format!("{}{}", "ab".repeat(rest as usize), n % 500)),
    };
    let record = |n: i64| Wide {
        id: Id::new(n as u64),
        number: n * 7919 % (ROWS + 7),
        mark: n * 4001 % ROWS - 100,
        group: (n % 7) as u8,
        name: name(n * 31 % 1009),
        filler: "x".repeat(500 + n as usize % 100),
    };
    (1..=ROWS).map(record).collect()
}

/// A database of many times its page cache, which has nothing in it, and its records.
fn large() -> (Database<Large>, Files, Vec<Wide>) {
    let (files, records) = (Files::default(), records());
    let open = || {
        let options = Options::default().cache(CACHE).background(false);
        Database::<Large>::open_in(Arc::new(files.clone()), "large", &options).expect("a database")
    };
    let link =
        |n: i64| Link { id: Id::new(n as u64), to: Id::new(target_of(n) as u64), weight: n * 1009 % LINKS };
    open().write(|tx| tx.insert_all(records.iter().cloned())).expect("records");
    open().write(|tx| tx.insert_all((1..=LINKS).map(link))).expect("links");
    open().close().expect("a checkpoint");
    assert!(files.open("large", OpenMode::Read).expect("a file").len().expect("a length") > 5 * CACHE as u64);
    (open(), files, records)
}

fn check_memory(db: &Database<Large>) {
    let resident = db.stats().cache_resident_bytes as usize;
    assert!(resident <= CACHE + CACHE / 4, "{resident} bytes, the cache has {CACHE}");
}

/// A query gives these records: all at once, and as a stream, during which memory is looked at.
fn check(db: &Database<Large>, query: &Query<Wide, Wide>, expected: &[Wide]) {
    assert!(query.all(db).expect("rows") == expected, "{query:?}");
    check_memory(db);
    let tx = db.read().expect("a snapshot");
    let mut streamed = Vec::new();
    for record in query.stream(&tx).expect("a stream") {
        streamed.push(record.expect("a row"));
        if streamed.len() % 50 == 0 {
            check_memory(db);
        }
    }
    assert!(streamed == expected, "{query:?} as a stream");
}

fn sorted<K: Ord>(records: &[Wide], by: impl Fn(&Wide) -> K) -> Vec<Wide> {
    let mut records = records.to_vec();
    records.sort_by_key(by);
    records
}

#[test]
fn sorts_put_aside_what_is_too_much_and_give_what_plain_sorts_give() {
    use std::cmp::Reverse;
    let (db, files, records) = large();
    let sort = |query: Query<Wide, Wide>, expected: Vec<Wide>| {
        let before = files.made.load(Ordering::Relaxed);
        check(&db, &query, &expected);
        let made = files.made.load(Ordering::Relaxed) - before;
        assert_eq!(made, 2, "one file for each sort of {query:?}");
    };
    sort(Wide::query().order_by(|w| w.number), sorted(&records, |w| w.number));
    sort(Wide::query().order_by(|w| w.number.desc()), sorted(&records, |w| Reverse(w.number)));
    sort(Wide::query().order_by(|w| w.group), sorted(&records, |w| (w.group, w.id)));
    sort(Wide::query().order_by(|w| w.group.desc()), sorted(&records, |w| (Reverse(w.group), w.id)));
    sort(
        Wide::query().order_by(|w| (w.name.asc().nulls_last(), w.number.desc())),
        sorted(&records, |w| (w.name.is_none(), w.name.clone(), Reverse(w.number))),
    );
    sort(
        Wide::query().order_by(|w| w.name.desc().nulls_first()),
        sorted(&records, |w| (w.name.is_some(), Reverse(w.name.clone()), w.id)),
    );
    let odd: Vec<Wide> = records.iter().filter(|w| w.number % 2 == 1).cloned().collect();
    sort(
        Wide::query().filter(|w| (w.number % 2).eq(1)).order_by(|w| w.filler.desc()).offset(70),
        sorted(&odd, |w| (Reverse(w.filler.clone()), w.id)).split_off(70),
    );
}

#[test]
fn the_first_rows_of_a_sort_take_no_file() {
    let (db, files, records) = large();
    let by_number = sorted(&records, |w| w.number);
    let first = Wide::query().order_by(|w| w.number);
    check(&db, &first.clone().limit(100), &by_number[..100]);
    check(&db, &first.clone().offset(50).limit(3000), &by_number[50..3050]);
    check(&db, &first.limit(100).filter(|w| w.group.eq(3)), &{
        let first = by_number[..100].iter().filter(|w| w.group == 3);
        first.cloned().collect::<Vec<Wide>>()
    });
    let sum: i64 = by_number[..100].iter().map(|w| w.mark).sum();
    let summed = Wide::query().order_by(|w| w.number).limit(100).aggregate(|all| all.sum(|w| w.mark));
    assert_eq!(summed.one(&db).expect("a row"), sum);
    check_memory(&db);
    assert_eq!(files.made.load(Ordering::Relaxed), 0);
}

#[test]
fn indexes_are_walked_within_the_cache() {
    let (db, _, records) = large();
    let by_mark = sorted(&records, |w| w.mark);
    // So many records of what is not in memory would be scanned.
    let indexed = |query: Query<Wide, Wide>| {
        let query = query.require_index();
        let plan = query.explain(&db).expect("a plan").to_string();
        assert!(plan.contains("index"), "{plan}");
        query
    };
    let low = indexed(Wide::query().filter(|w| w.mark.lt(200)).order_by(|w| w.mark));
    check(&db, &low, &by_mark[..300]);
    let high = Wide::query().filter(|w| w.mark.ge(-1_000_000)).order_by(|w| w.mark.desc());
    let high = indexed(high.limit(300));
    let expected: Vec<Wide> = by_mark.iter().rev().take(300).cloned().collect();
    check(&db, &high, &expected);
    let by_key = indexed(Wide::query().filter(|w| w.mark.between(0, 150)));
    let expected: Vec<Wide> = records.iter().filter(|w| (0..=150).contains(&w.mark)).cloned().collect();
    check(&db, &by_key, &expected);
}

#[test]
fn relations_are_followed_within_the_cache() {
    let (db, _, records) = large();
    let check = |query: &Query<Link, (Id<Link>, i64, String)>, expected: Vec<i64>| {
        let expected = expected.into_iter().map(|n| {
            let wide = &records[target_of(n) as usize - 1];
            (Id::new(n as u64), wide.number, wide.filler.clone())
        });
        let expected: Vec<(Id<Link>, i64, String)> = expected.collect();
        assert!(query.all(&db).expect("rows") == expected, "{query:?}");
        check_memory(&db);
        let tx = db.read().expect("a snapshot");
        let mut streamed = Vec::new();
        for row in query.stream(&tx).expect("a stream") {
            streamed.push(row.expect("a row"));
            if streamed.len() % 20 == 0 {
                check_memory(&db);
            }
        }
        assert!(streamed == expected, "{query:?} as a stream");
    };
    let number = |n: &i64| records[target_of(*n) as usize - 1].number;
    let select = |query: Query<Link, Link>| query.select(|l| (l.id, l.to().number, l.to().filler));
    check(&select(Link::query()), (1..=LINKS).collect());
    check(
        &select(Link::query().filter(|l| l.to().number.gt(3000))),
        (1..=LINKS).filter(|n| number(n) > 3000).collect(),
    );
    let mut by_target: Vec<i64> = (1..=LINKS).collect();
    by_target.sort_by_key(|n| (number(n), *n));
    check(&select(Link::query().order_by(|l| l.to().number)), by_target.clone());
    check(&select(Link::query().order_by(|l| l.to().number).limit(500)), by_target[..500].to_vec());
    let mut by_weight: Vec<i64> = (1..=LINKS).collect();
    by_weight.sort_by_key(|n| (n * 1009 % LINKS, *n));
    check(&select(Link::query().order_by(|l| l.weight).limit(2000)), by_weight[..2000].to_vec());
}

/// Goal: a stream shows the moment of its snapshot, however long it waits. Method: half of it is read, all records are
/// changed or deleted and checkpointed, and the rest is read.
#[test]
fn streams_that_wait_beside_a_writer_show_their_snapshot() {
    let (db, _, records) = large();
    let queries = [
        (Wide::query().order_by(|w| w.number.desc()), {
            let mut all = sorted(&records, |w| w.number);
            all.reverse();
            all
        }),
        (Wide::query().order_by(|w| w.number).limit(2000), sorted(&records, |w| w.number)[..2000].to_vec()),
        (Wide::query().order_by(|w| w.mark).limit(300), sorted(&records, |w| w.mark)[..300].to_vec()),
        (Wide::query(), records.clone()),
    ];
    let tx = db.read().expect("a snapshot");
    let mut streams: Vec<_> = queries.iter().map(|(query, _)| query.stream(&tx).expect("a stream")).collect();
    let mut taken: Vec<Vec<Wide>> = Vec::new();
    for stream in &mut streams {
        taken.push(stream.take(70).collect::<Result<_, _>>().expect("rows"));
    }
    for round in 0..3 {
        db.write(|tx| {
            Wide::query().filter(|w| (w.number % 3).eq(round)).delete().run(tx)?;
            Wide::query().filter(|w| w.group.eq(1)).update(|w| w.number.set(w.number + 100_000)).run(tx)?;
            Wide::query().filter(|w| w.group.eq(2)).update(|w| w.mark.set(w.mark - 5)).run(tx)
        })
        .expect("changes");
        db.checkpoint().expect("a checkpoint");
        for (stream, taken) in streams.iter_mut().zip(&mut taken) {
            taken.extend(stream.take(40).map(|record| record.expect("a row")));
        }
    }
    for ((stream, mut taken), (query, expected)) in streams.into_iter().zip(taken).zip(&queries) {
        taken.extend(stream.map(|record| record.expect("a row")));
        assert!(taken == *expected, "{query:?}");
    }
}

#[test]
fn what_is_put_aside_and_comes_back_changed_is_an_error() {
    let (db, files, records) = large();
    let query = Wide::query().order_by(|w| w.number);
    files.damaged.store(true, Ordering::Relaxed);
    let error = query.all(&db).expect_err("damage");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("large (temporary)"), "{error}");
    let tx = db.read().expect("a snapshot");
    let error = query.stream(&tx).expect("a stream").find_map(Result::err).expect("damage");
    assert_eq!(error.kind(), ErrorKind::Io);
    files.damaged.store(false, Ordering::Relaxed);
    check(&db, &query, &sorted(&records, |w| w.number));
}

#[test]
fn a_full_disk_fails_the_sort_alone() {
    let (db, files, records) = large();
    let query = Wide::query().order_by(|w| w.number);
    files.full.store(true, Ordering::Relaxed);
    assert_eq!(query.all(&db).expect_err("no room").kind(), ErrorKind::Full);
    db.write(|tx| {
        tx.insert(&Wide { id: Id::auto(), number: -1, mark: 0, group: 0, name: None, filler: String::new() })
    })
    .expect("the database has nothing to do with it");
    files.full.store(false, Ordering::Relaxed);
    let rows = query.all(&db).expect("rows");
    assert_eq!((rows.len(), rows[0].number), (records.len() + 1, -1));
}

/// What groups, distinct values and sets are put aside from, with how many rows each has.
fn kept_by_key(db: &Database<Large>) -> Vec<(&'static str, Result<usize, epilog::Error>)> {
    let names = || Wide::query().select(|w| (w.name, w.mark));
    let grouped = Wide::query().group_by(|w| (w.name, w.mark)).select(|g| {
        let (name, mark) = g.key();
        (name, mark, g.sum(|w| w.number))
    });
    vec![
        ("group_by", grouped.all(db).map(|rows| rows.len())),
        ("distinct", names().distinct().all(db).map(|rows| rows.len())),
        ("union", names().union(names()).all(db).map(|rows| rows.len())),
        ("except", names().except(names().limit(0)).all(db).map(|rows| rows.len())),
    ]
}

#[test]
fn groups_and_sets_that_are_put_aside_fail_alone_and_leave_nothing() {
    let (db, files, records) = large();
    for (what, rows) in kept_by_key(&db) {
        assert_eq!(rows.expect(what), records.len(), "{what}");
    }
    let made = files.made.load(Ordering::Relaxed);
    assert!(made >= 4, "only {made} files");
    files.full.store(true, Ordering::Relaxed);
    for (what, rows) in kept_by_key(&db) {
        let error = rows.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Full, "{what}: {error}");
    }
    files.full.store(false, Ordering::Relaxed);
    files.damaged.store(true, Ordering::Relaxed);
    for (what, rows) in kept_by_key(&db) {
        let error = rows.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Io, "{what}");
        assert!(error.to_string().contains("large (temporary)"), "{what}: {error}");
    }
    files.damaged.store(false, Ordering::Relaxed);
    for (what, rows) in kept_by_key(&db) {
        assert_eq!(rows.expect(what), records.len(), "{what}");
    }
    assert_eq!(files.open.load(Ordering::Relaxed), 0, "all that were made are gone");
}

/// What set-based changes are tried on: the records of [`large`], and steps.
fn fill(db: &Database<Large>) {
    let step = |n: i64| Step {
        id: Id::new(n as u64),
        place: n,
        before: (n % 10 != 1).then(|| Id::new(n as u64 - 1)),
        wide: (n % 3 != 0).then(|| Id::new(target_of(n * 7) as u64)),
    };
    db.write(|tx| tx.insert_all((1..=STEPS).map(step))).expect("steps");
}

/// All records that there are.
fn dump(db: &Database<Large>) -> (Vec<Wide>, Vec<Link>, Vec<Step>) {
    let wide = Wide::query().all(db).expect("records");
    (wide, Link::query().all(db).expect("links"), Step::query().all(db).expect("steps"))
}

/// A set-based change that keeps so many bytes in memory, and what comes of it.
type Change = fn(&mut WriteTransaction<'_, Large>, usize) -> Result<Vec<i64>, Error>;

/// One that a handle can end.
type Cancelled = fn(&mut WriteTransaction<'_, Large>, &CancelHandle) -> Result<u64, Error>;

const MEMORY: usize = 16 << 10;

/// Each kind of change, which puts something aside where memory is little.
const CHANGES: [(&str, Change); 9] = [
    ("an update", |tx, memory| {
        let some = Wide::query().memory(memory).filter(|w| w.group.ne(3));
        Ok(vec![some.update(|w| w.number.set(w.number + 1)).run(tx)? as i64])
    }),
    ("an update of what is asked for", |tx, memory| {
        let low = Wide::query().memory(memory).filter(|w| w.mark.lt(9000));
        Ok(vec![low.update(|w| w.mark.set(w.mark + 5000)).run(tx)? as i64])
    }),
    ("an update by other records", |tx, memory| {
        let all = Link::query().memory(memory);
        Ok(vec![all.update(|l| l.weight.set(l.to().number + l.weight)).run(tx)? as i64])
    }),
    ("an update that returns something, in an order", |tx, memory| {
        let all = Link::query().memory(memory).order_by(|l| l.weight.desc());
        all.update(|l| l.weight.set(l.weight - 7)).returning(|l| l.weight).run(tx)
    }),
    ("an update by other records that returns something", |tx, memory| {
        let all = Step::query().memory(memory).order_by(|s| s.place.desc());
        let update = all.update(|s| s.place.set(s.place * 10_000 + s.before().place.unwrap_or(0)));
        update.returning(|s| s.place).run(tx)
    }),
    ("an update of unique values", |tx, memory| {
        Ok(vec![Step::query().memory(memory).update(|s| s.place.set(s.place + 1)).run(tx)? as i64])
    }),
    ("a deletion of what nothing points at, in an order", |tx, memory| {
        let some = Link::query().memory(memory).filter(|l| (l.weight % 3).ne(0)).order_by(|l| l.weight);
        some.delete().returning(|l| l.weight).run(tx)
    }),
    ("a deletion of what others point at", |tx, memory| {
        let some = Wide::query().memory(memory).filter(|w| w.group.ne(2));
        Ok(vec![some.delete().run(tx)? as i64])
    }),
    ("a deletion of what points at its own kind", |tx, memory| {
        let some = Step::query().memory(memory).filter(|s| (s.place % 7).ne(0));
        Ok(vec![some.delete().run(tx)? as i64])
    }),
];

/// Goal: what a set-based change finds out before its first change may be more than memory has room for. Method: each kind of change,
/// with so little memory that keys, and what records become, are put aside, beside the same with all it wants; and what is in the file
/// afterwards.
#[test]
fn set_based_changes_put_aside_what_they_find_out_before() {
    let (db, files, _) = large();
    let (ample, _, _) = large();
    fill(&db);
    fill(&ample);
    for (what, change) in CHANGES {
        let before = files.made.load(Ordering::Relaxed);
        let got = db.write(|tx| change(tx, MEMORY)).expect(what);
        assert!(files.made.load(Ordering::Relaxed) > before, "{what} puts nothing aside");
        assert_eq!(files.open.load(Ordering::Relaxed), 0, "{what} leaves nothing");
        let expected = ample.write(|tx| change(tx, usize::MAX)).expect(what);
        assert!(got == expected && !got.is_empty() && got != [0], "{what}: {got:?}, {expected:?}");
        assert!(dump(&db) == dump(&ample), "{what}");
    }
    // As the journal has it.
    drop(db);
    let db = Database::<Large>::open_in(Arc::new(files), "large", &Options::default()).expect("a database");
    assert!(dump(&db) == dump(&ample));
    assert!(db.check().expect("a file that can be read").is_sound());
}

/// Goal: a change that fails midway changes nothing, wherever that is. Method: a full disk, one that gives back something else, and a handle
/// that is cancelled when so much was put aside, or read again; then the transaction goes on.
#[test]
fn a_set_based_change_that_fails_midway_changes_nothing() {
    let (db, files, _) = large();
    fill(&db);
    let expected = dump(&db);
    let put_far: [(&str, Change); 3] = [
        ("an update", |tx, memory| {
            Ok(vec![Wide::query().memory(memory).update(|w| w.number.set(w.number + 1)).run(tx)? as i64])
        }),
        ("an update by other records", |tx, memory| {
            let all = Link::query().memory(memory);
            Ok(vec![all.update(|l| l.weight.set(l.to().number + l.weight)).run(tx)? as i64])
        }),
        ("a deletion", |tx, memory| Ok(vec![Wide::query().memory(memory).delete().run(tx)? as i64])),
    ];
    for (what, change) in put_far {
        for (switch, kind) in [(&files.full, ErrorKind::Full), (&files.damaged, ErrorKind::Io)] {
            db.write(|tx| {
                switch.store(true, Ordering::Relaxed);
                let error = change(tx, MEMORY).expect_err(what);
                switch.store(false, Ordering::Relaxed);
                assert_eq!(error.kind(), kind, "{what}: {error}");
                // The transaction goes on.
                Step::query().filter(|s| s.id.eq(Id::new(1))).update(|s| s.place.set(s.place)).run(tx)
            })
            .expect("another change");
            assert_eq!(files.open.load(Ordering::Relaxed), 0, "{what}");
            assert!(dump(&db) == expected, "{what}, {kind:?}");
        }
    }
    let cancelled: [Cancelled; 2] = [
        |tx, handle| Wide::query().memory(MEMORY).cancel_with(handle).delete().run(tx),
        |tx, handle| {
            let all = Wide::query().memory(MEMORY).cancel_with(handle);
            all.update(|w| w.number.set(w.number + 1)).run(tx)
        },
    ];
    // While keys are collected, and while records are changed.
    for (change, reach) in
        cancelled.iter().flat_map(|change| [(change, Reach::Written), (change, Reach::Read)])
    {
        let handle = CancelHandle::new();
        *files.cancelled.lock().expect("nobody panics") = Some((handle.clone(), reach));
        db.write(|tx| {
            let error = change(tx, &handle).expect_err("it is cancelled");
            assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
            Step::query().filter(|s| s.id.eq(Id::new(1))).update(|s| s.place.set(s.place)).run(tx)
        })
        .expect("another change");
        *files.cancelled.lock().expect("nobody panics") = None;
        assert!(dump(&db) == expected, "{reach:?}");
    }
    // What the data forbid, known only when much has been changed.
    let refused: [(Change, ErrorKind); 3] = [
        (
            |tx, memory| {
                let all = Step::query().memory(memory);
                Ok(vec![all.update(|s| s.place.set(s.place % 1500)).run(tx)? as i64])
            },
            ErrorKind::UniqueViolation,
        ),
        (
            |tx, memory| {
                let all = Link::query().memory(memory);
                Ok(vec![all.update(|l| l.weight.set(l.to().mark / (l.weight - 1700))).run(tx)? as i64])
            },
            ErrorKind::Arithmetic,
        ),
        (
            |tx, memory| {
                let all = Link::query().memory(memory).order_by(|l| l.weight);
                all.delete().returning(|l| l.weight / (l.weight - 1700)).run(tx)
            },
            ErrorKind::Arithmetic,
        ),
    ];
    for (change, kind) in refused {
        db.write(|tx| {
            assert_eq!(change(tx, MEMORY).expect_err("refused").kind(), kind);
            Step::query().filter(|s| s.id.eq(Id::new(1))).update(|s| s.place.set(s.place)).run(tx)
        })
        .expect("another change");
        assert!(dump(&db) == expected, "{kind:?}");
    }
}

/// Goal: a loss of power leaves a change that puts something aside whole, or not at all. Method: it is made once, and the disk as it was left at
/// each of its writes and syncs, those of the temporary file included, is opened again.
#[test]
fn a_cut_leaves_a_set_based_change_whole_or_not_at_all() {
    let options = Options::default().cache(CACHE).background(false);
    let open = |disk: &SimVfs| Database::<Large>::open_in(Arc::new(disk.clone()), "large", &options);
    // By other records; what others point at, in parts; of its own kind.
    for (what, change) in [CHANGES[2], CHANGES[7], CHANGES[8]] {
        let disk = SimVfs::new(5);
        let db = open(&disk).expect("a new database");
        db.write(|tx| {
            tx.insert_all(
                records().into_iter().take(1200).map(|wide| Wide { filler: String::new(), ..wide }),
            )?;
            let near = |n: u64| Id::new(1 + n * 7 % 1200);
            tx.insert_all((1..=700).map(|n| Link { id: Id::new(n), to: near(n), weight: n as i64 }))?;
            let before = |n: u64| (n % 10 != 1).then(|| Id::new(n - 1));
            let step =
                |n: u64| Step { id: Id::new(n), place: n as i64, before: before(n), wide: Some(near(n)) };
            tx.insert_all((1..=700).map(step))
        })
        .expect("records");
        let before = dump(&db);
        disk.remember_cuts();
        db.write(|tx| change(tx, MEMORY)).expect(what);
        let cuts = disk.take_cuts();
        let after = dump(&db);
        drop(db);
        assert!(before != after && cuts.len() > 4, "{what}: {} cuts", cuts.len());
        let mut undone = 0;
        for (at, cut) in cuts.iter().enumerate() {
            for how in [Cut::Lost, Cut::Kept, Cut::Torn { seed: at as u64 }] {
                let disk = cut.fork();
                disk.crash(how);
                let found = dump(&open(&disk).expect("a database"));
                assert!(
                    found == before || found == after,
                    "{what}, {how:?} at operation {at} of {}",
                    cuts.len()
                );
                undone += u32::from(found == before);
            }
        }
        assert!(undone > 3, "{what}: {undone}");
        // What was acknowledged is there.
        disk.crash(Cut::Lost);
        assert!(dump(&open(&disk).expect("a database")) == after, "{what}");
    }
}

/// Points at its own kind, which forbids that what is pointed at goes alone.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Chain {
    id: Id<Chain>,
    before: Option<Id<Chain>>,
}

/// Has its place while it points at nothing.
#[derive(Collection, Clone, Debug, PartialEq)]
#[index(place, unique, where(near.is_none()))]
pub struct Guest {
    id: Id<Guest>,
    place: i64,
    #[on_delete(set_null)]
    near: Option<Id<Host>>,
    #[on_delete(cascade)]
    host: Id<Host>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Host {
    id: Id<Host>,
    kept: bool,
}

epilog::schema!(pub Bound { Chain, Guest, Host });

/// Goal: what one part of a deletion would forbid, and another would not, is not deleted part by part. Method: a chain of records each of
/// which points at the one before, and a guest who comes into the place of another, who goes with the last host.
#[test]
fn deletions_whose_parts_depend_on_each_other_are_made_at_once() {
    const COUNT: u64 = 2_000;
    let files = Files::default();
    let db = Database::<Bound>::open_in(Arc::new(files.clone()), "bound", &Options::default());
    let db = db.expect("a database");
    let id = |n: u64| Id::new(n);
    db.write(|tx| {
        tx.insert_all(
            (1..=COUNT).map(|n| Chain { id: Id::new(n), before: (n > 1).then(|| Id::new(n - 1)) }),
        )?;
        tx.insert_all((1..=COUNT).map(|n| Host { id: Id::new(n), kept: n == 9 }))?;
        tx.insert(&Guest { id: Id::auto(), place: 1, near: Some(id_of(1)), host: id_of(9) })?;
        tx.insert(&Guest { id: Id::auto(), place: 1, near: None, host: id_of(COUNT) })
    })
    .expect("records");
    // All but the last, which points at one of them.
    let most = Chain::query().memory(4 << 10).filter(|c| c.id.lt(id(COUNT)));
    assert_eq!(
        db.write(|tx| most.delete().run(tx)).expect_err("one stays").kind(),
        ErrorKind::ReferenceViolation
    );
    assert_eq!(Chain::query().count(&db).expect("a count"), COUNT);
    let before = files.made.load(Ordering::Relaxed);
    assert_eq!(db.write(|tx| Chain::query().memory(4 << 10).delete().run(tx)).expect("all go"), COUNT);
    assert_eq!(Chain::query().count(&db).expect("a count"), 0);
    let going = Host::query().memory(4 << 10).filter(|h| !h.kept);
    assert_eq!(db.write(|tx| going.delete().run(tx)).expect("a guest has room"), COUNT - 1);
    let left = Guest::query().all(&db).expect("guests");
    assert_eq!(left, [Guest { id: Id::new(1), place: 1, near: None, host: Id::new(9) }]);
    assert!(files.made.load(Ordering::Relaxed) >= before + 2, "keys are put aside");
    assert_eq!(files.open.load(Ordering::Relaxed), 0);
}

fn id_of(n: u64) -> Id<Host> {
    Id::new(n)
}
