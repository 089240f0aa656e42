//! How much memory queries take over a file that is ten times larger than the page cache.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::fixture::{self as f, draft, field, int};
use super::*;
use crate::expr::AggregateFunction::{Avg, Count, Max, Sum};
use crate::expr::BinaryOp::{Ge, Lt};
use crate::expr::Postfix;
use crate::storage::pager::PagerOptions;
use crate::storage::vfs::{MemoryVfs, OpenMode, Vfs, VfsError, VfsFile};
use crate::sync::OnceCell;
use crate::value::Type;

const CACHE: usize = 512 << 10;
const TRACKS: i128 = 9000;

/// The milliseconds of track `n`: those of all tracks are the numbers up to [`TRACKS`], in an order of their own.
fn milliseconds_of(n: i128) -> i128 {
    n * 4001 % (TRACKS + 1)
}

/// Files in memory; each read looks at how much memory pages take.
#[derive(Clone, Default)]
struct Watching {
    files: MemoryVfs,
    most: Arc<Most>,
}

struct Most {
    store: OnceCell<Store>,
    bytes: AtomicUsize,
    /// Whether there are temporary files.
    temporary: AtomicBool,
}

impl Default for Most {
    fn default() -> Most {
        Most { store: OnceCell::new(), bytes: AtomicUsize::new(0), temporary: AtomicBool::new(true) }
    }
}

impl Most {
    fn look(&self) {
        if let Some(store) = self.store.get() {
            self.bytes.fetch_max(store.resident_bytes(), Ordering::Relaxed);
        }
    }
}

struct WatchingFile(Box<dyn VfsFile>, Arc<Most>);

impl Vfs for Watching {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError> {
        Ok(Box::new(WatchingFile(self.files.open(path, mode)?, self.most.clone())))
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
        if self.most.temporary.load(Ordering::Relaxed) { self.files.temporary(path) } else { Ok(None) }
    }
    fn now_ns(&self) -> u64 {
        self.files.now_ns()
    }
    fn entropy(&self, buffer: &mut [u8]) {
        self.files.entropy(buffer);
    }
}

impl VfsFile for WatchingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError> {
        self.1.look();
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        self.0.write_at(bytes, offset)
    }
    fn sync_data(&self) -> Result<(), VfsError> {
        self.0.sync_data()
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

/// A closed file of tracks with long names, opened with a cache of a tenth of it.
fn open() -> Watching {
    let files = MemoryVfs::new();
    let options = PagerOptions::default();
    let store = Store::open(Arc::new(files.clone()), "music", options, (None, None), &f::DATABASE)
        .expect("a new file");
    let string = |text: &str| Scalar::String(text.to_string());
    let tracks = (1..=TRACKS).map(|n| {
        Vec::from([
            Scalar::Int(n),
            string(&"x".repeat(500)),
            Scalar::Int(1),
            Scalar::Int(milliseconds_of(n)),
            Scalar::Float(1.0),
            Scalar::Bool(n % 2 == 0),
            Scalar::Null,
        ])
    });
    insert(
        &store,
        &[
            (f::Artist, Vec::from([Vec::from([Scalar::Int(1), string("Zappa")])])),
            (
                f::Album,
                Vec::from([Vec::from([Scalar::Int(1), string("Lather"), Scalar::Int(1), Scalar::Null])]),
            ),
            (f::Track, tracks.collect()),
        ],
    );
    store.close().expect("a checkpoint");
    drop(store);
    let watching = Watching { files, most: Arc::default() };
    let options = PagerOptions { cache_bytes: CACHE, ..PagerOptions::default() };
    let store = Store::open(Arc::new(watching.clone()), "music", options, (None, None), &f::DATABASE)
        .expect("a file");
    let file = watching.open("music", OpenMode::Read).expect("a file");
    assert!(file.len().expect("a length") > 10 * CACHE as u64);
    watching.most.store.get_or_init(|| store);
    watching
}

/// Runs a query; it must not have taken much more than the cache at any time.
fn check(query: impl FnOnce(&dyn Reading)) {
    check_in(&open(), query);
}

fn check_in(watching: &Watching, query: impl FnOnce(&dyn Reading)) {
    // Small as the cache is, plans are those of what is in memory: it is these that have to keep within it.
    #[cfg(not(feature = "small"))]
    let _there = crate::engine::measured::priced::AllCached::new();
    let most = &watching.most;
    let store = most.store.get().expect("opened");
    query(&store.session());
    most.look();
    let most = most.bytes.load(Ordering::Relaxed);
    assert!(most > CACHE / 2, "only {most} of {CACHE} bytes were made use of");
    assert!(most <= CACHE + CACHE / 4, "{most} bytes, of which {CACHE} are the cache");
}

fn rows_of(reading: &dyn Reading, draft: &Draft) -> Vec<Vec<Scalar>> {
    let mut out = Vec::new();
    let mut each = |batch: &OutputBatch<'_>| -> Result<(), EngineError> {
        append_scalars(batch, &mut out);
        Ok(())
    };
    for_each(reading, draft, &mut each).expect("rows");
    out
}

#[test]
fn a_count_stays_within_the_cache() {
    let long = field(f::track::MILLISECONDS)
        .binary(Ge, int(1))
        .binary(crate::expr::BinaryOp::And, field(f::track::ACTIVE));
    check(|reading| {
        let counted = count(reading, &draft(f::Track).filter(long).build()).expect("a count");
        assert_eq!(i128::from(counted), TRACKS / 2);
    });
}

#[test]
fn aggregates_stay_within_the_cache() {
    check(|reading| {
        let milliseconds = || Some(field(f::track::MILLISECONDS));
        let draft = draft(f::Track).filter(field(f::track::ACTIVE)).aggregate([
            (Count, None),
            (Sum, milliseconds()),
            (Avg, milliseconds()),
            (Max, Some(field(f::track::NAME))),
        ]);
        let half = TRACKS / 2;
        let sum: i128 = (1..=half).map(|n| milliseconds_of(2 * n)).sum();
        let expected = Vec::from([
            Scalar::Int(half),
            Scalar::Int(sum),
            Scalar::Float(sum as f64 / half as f64),
            Scalar::String("x".repeat(500)),
        ]);
        assert_eq!(rows_of(reading, &draft.build()), [expected]);
    });
}

/// Each thread reads by a pin of its own: with one for all, what was evicted would stay until none of them reads any more.
#[cfg(all(feature = "std", not(feature = "small")))]
#[test]
fn several_threads_stay_within_the_cache_together() {
    for threads in [2, 8] {
        check(|reading| {
            let milliseconds = || Some(field(f::track::MILLISECONDS));
            let album = || f::through(&[f::track::ALBUM], f::album::TITLE);
            let draft = draft(f::Track)
                .filter(field(f::track::ACTIVE))
                .group_by([album()])
                .select([f::aggregate(Count, None), f::aggregate(Sum, milliseconds())])
                .build();
            let mut control = Control::default();
            control.set_threads(threads);
            let plan = crate::engine::explain(reading.operation().view(), &draft, &control).expect("a plan");
            // More have no room.
            assert!(plan.to_string().contains("by 2 threads"), "{plan}");
            let half = TRACKS / 2;
            let sum: i128 = (1..=half).map(|n| milliseconds_of(2 * n)).sum();
            for _ in 0..3 {
                let rows = controlled(reading, &draft, &control).expect("rows");
                assert_eq!(rows, [[Scalar::Int(half), Scalar::Int(sum)]]);
            }
        });
    }
}

#[test]
fn all_rows_stay_within_the_cache_in_both_directions() {
    for descending in [false, true] {
        check(|reading| {
            // More than the range of ranks asked for is left to a filter; ten rows are skipped.
            let draft = draft(f::Track)
                .filter(field(f::track::PRICE).binary(Lt, Postfix::literal(Scalar::Float(2.0), Type::F64)))
                .order_by(field(f::track::ID), descending)
                .offset(10)
                .limit(TRACKS as u64 - 20)
                .select([field(f::track::ID)]);
            let rows = rows_of(reading, &draft.build());
            let mut expected: Vec<Vec<Scalar>> = (1..=TRACKS).map(|n| Vec::from([Scalar::Int(n)])).collect();
            if descending {
                expected.reverse();
            }
            assert!(rows == expected[10..expected.len() - 10]);
        });
    }
}

#[test]
fn a_stream_that_waits_keeps_nothing_in_memory() {
    check(|reading| {
        let mut stream =
            Stream::new(reading, &draft(f::Track).build(), &Control::default()).expect("a stream");
        let mut rows = 0;
        while stream
            .next::<EngineError>(&mut |batch| {
                rows += batch.rows;
                Ok(())
            })
            .expect("rows")
        {
            // Somebody else reads all of it meanwhile.
            if rows == 0 || rows > TRACKS as usize - 2000 {
                let counted = count(reading, &draft(f::Track).filter(field(f::track::ACTIVE)).build());
                assert_eq!(counted.ok().map(i128::from), Some(TRACKS / 2));
            }
        }
        assert_eq!(rows as i128, TRACKS);
    });
}

/// The ids of all tracks by their milliseconds.
fn by_milliseconds(descending: bool) -> Vec<Vec<Scalar>> {
    let mut all: Vec<(i128, i128)> = (1..=TRACKS).map(|n| (milliseconds_of(n), n)).collect();
    all.sort_unstable();
    if descending {
        all.reverse();
    }
    all.into_iter().map(|(_, n)| Vec::from([Scalar::Int(n)])).collect()
}

/// Asks for the first tracks by milliseconds, through the index, with a field that only the record has.
fn first_by_index(reading: &dyn Reading, descending: bool, count: u64) -> Draft {
    let draft = draft(f::Track)
        .order_by(field(f::track::MILLISECONDS), descending)
        .limit(count)
        .select([field(f::track::ID), field(f::track::NAME)])
        .build();
    let plan = explain(reading.operation().view(), &draft).expect("a plan").to_string();
    assert!(plan.contains("index scan"), "{plan}");
    draft
}

fn ids_of(rows: Vec<Vec<Scalar>>) -> Vec<Vec<Scalar>> {
    rows.into_iter().map(|mut row| Vec::from([row.swap_remove(0)])).collect()
}

#[test]
fn index_scans_stay_within_the_cache_in_both_directions() {
    for descending in [false, true] {
        check(|reading| {
            let rows = ids_of(rows_of(reading, &first_by_index(reading, descending, 250)));
            assert!(rows == by_milliseconds(descending)[..250]);
        });
    }
}

#[test]
fn an_index_scan_in_the_order_of_keys_stays_within_the_cache() {
    check(|reading| {
        let draft = draft(f::Track)
            .filter(field(f::track::MILLISECONDS).binary(Lt, int(120)))
            .select([field(f::track::ID), field(f::track::NAME)])
            .build();
        let plan = explain(reading.operation().view(), &draft).expect("a plan").to_string();
        assert!(plan.contains("index range"), "{plan}");
        let expected: Vec<Vec<Scalar>> =
            (1..=TRACKS).filter(|n| milliseconds_of(*n) < 120).map(|n| Vec::from([Scalar::Int(n)])).collect();
        assert!(ids_of(rows_of(reading, &draft)) == expected);
    });
}

/// The readings of an index that is larger than the page cache.
const READINGS: i128 = 60_000;

/// A closed file of readings, of which each has its number for a value, opened with the cache of others.
fn open_readings() -> Watching {
    let files = MemoryVfs::new();
    let options = PagerOptions::default();
    let store = Store::open(Arc::new(files.clone()), "music", options, (None, None), &f::DATABASE)
        .expect("a new file");
    let readings = (0..READINGS).map(|n| Vec::from([Scalar::Int(n), Scalar::Int(1), Scalar::Int(n)]));
    insert(&store, &[(f::Reading, readings.collect())]);
    store.close().expect("a checkpoint");
    drop(store);
    let watching = Watching { files, most: Arc::default() };
    let options = PagerOptions { cache_bytes: CACHE, ..PagerOptions::default() };
    let store = Store::open(Arc::new(watching.clone()), "music", options, (None, None), &f::DATABASE)
        .expect("a file");
    watching.most.store.get_or_init(|| store);
    watching
}

#[test]
fn entries_that_are_asked_in_vain_stay_within_the_cache() {
    // The first entry that passes is the last of the index.
    check_in(&open_readings(), |reading| {
        let is_last = field(f::reading::VALUE).binary(Ge, int(READINGS as i64 - 1)).choose(
            Postfix::literal(Scalar::Bool(true), Type::Bool),
            field(f::reading::VALUE).unary(crate::expr::UnaryOp::IsNone),
        );
        let code = Postfix::literal(Scalar::Int(1), Type::U8);
        let draft = draft(f::Reading)
            .filter(field(f::reading::CODE).binary(crate::expr::BinaryOp::Eq, code))
            .filter(is_last)
            .order_by(field(f::reading::VALUE), false)
            .limit(1)
            .build();
        let plan = explain(reading.operation().view(), &draft).expect("a plan").to_string();
        assert!(plan.contains("entries with"), "{plan}");
        let rows = rows_of(reading, &draft);
        let last = Scalar::Int(READINGS - 1);
        assert_eq!(rows, [Vec::from([last.clone(), Scalar::Int(1), last])]);
    });
}

#[test]
fn a_stream_over_an_index_that_waits_keeps_nothing_in_memory() {
    check(|reading| {
        let mut stream = Stream::new(reading, &first_by_index(reading, false, 250), &Control::default())
            .expect("a stream");
        let mut rows = Vec::new();
        while stream
            .next::<EngineError>(&mut |batch| {
                append_scalars(batch, &mut rows);
                Ok(())
            })
            .expect("rows")
        {
            // Somebody else reads all of it meanwhile.
            if rows.len() < 10 || rows.len() > 240 {
                let counted = count(reading, &draft(f::Track).filter(field(f::track::ACTIVE)).build());
                assert_eq!(counted.ok().map(i128::from), Some(TRACKS / 2));
            }
        }
        assert!(ids_of(rows) == by_milliseconds(false)[..250]);
    });
}

/// Runs a sort of all tracks by their milliseconds, of whose rows those in `window` come out.
fn check_sort(temporary: bool, descending: bool, window: core::ops::Range<usize>) {
    let watching = open();
    watching.most.temporary.store(temporary, Ordering::Relaxed);
    check_in(&watching, |reading| {
        let mut draft = draft(f::Track)
            .filter(field(f::track::ACTIVE).binary(
                crate::expr::BinaryOp::Or,
                field(f::track::PRICE).binary(Ge, Postfix::literal(Scalar::Float(0.0), Type::F64)),
            ))
            .order_by(field(f::track::MILLISECONDS).binary(crate::expr::BinaryOp::Add, int(1)), descending)
            .select([field(f::track::ID), field(f::track::NAME)]);
        if window.len() < TRACKS as usize {
            draft = draft.offset(window.start as u64).limit(window.len() as u64);
        }
        let rows = rows_of(reading, &draft.build());
        assert!(ids_of(rows) == by_milliseconds(descending)[window]);
    });
}

#[test]
fn sorts_stay_within_the_cache() {
    check_sort(true, false, 0..TRACKS as usize);
    check_sort(true, true, 0..TRACKS as usize);
    check_sort(true, true, 3000..6500);
    check_sort(true, false, 0..100);
}

#[test]
fn sorts_without_temporary_files_keep_no_more_than_keys() {
    check_sort(false, true, 0..TRACKS as usize);
}

#[test]
fn a_stream_of_a_sort_that_waits_keeps_nothing_in_memory() {
    check(|reading| {
        let draft = draft(f::Track).order_by(field(f::track::MILLISECONDS), true).build();
        let plan = explain(reading.operation().view(), &draft).expect("a plan").to_string();
        assert!(plan.starts_with("sort "), "{plan}");
        let mut stream = Stream::new(reading, &draft, &Control::default()).expect("a stream");
        let mut rows = Vec::new();
        while stream
            .next::<EngineError>(&mut |batch| {
                append_scalars(batch, &mut rows);
                Ok(())
            })
            .expect("rows")
        {
            // Somebody else reads all of it meanwhile.
            if rows.len() < 10 || rows.len() > TRACKS as usize - 100 {
                let counted =
                    count(reading, &super::fixture::draft(f::Track).filter(field(f::track::ACTIVE)).build());
                assert!(counted.is_ok());
            }
        }
        assert!(ids_of(rows) == by_milliseconds(true));
    });
}
