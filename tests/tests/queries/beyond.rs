//! Queries over many times what the page cache holds: what comes out, what is in memory meanwhile, and what happens when
//! the disk has no room, or changes what a sort has put aside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use epilog::prelude::*;
use epilog::vfs::{MemoryVfs, OpenMode, Vfs, VfsError, VfsFile};
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

epilog::schema!(pub Large { Wide, Link });

const CACHE: usize = 1 << 20;
const ROWS: i64 = 12_000;
const LINKS: i64 = 3_000;

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
