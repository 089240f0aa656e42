//! What stays in memory of a file that is larger than the cache.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::{TREE, allocate, get, set};
use crate::storage::page::{BLOCK_LEN, PageKind, PageNumber, PageRead, PageWrite};
use crate::storage::pager::{Durability, Pager, PagerOptions};
use crate::storage::vfs::{MemoryVfs, OpenMode, Vfs, VfsError, VfsFile};

/// Pages of the file.
const PAGES: u32 = 1000;
/// What a page takes in memory, its head included.
const PAGE: usize = BLOCK_LEN + 64;
/// A tenth of the file.
const CACHE: usize = 100 * PAGE;

/// A file system in memory that counts reads of the database file.
#[derive(Clone, Default)]
struct Counting {
    files: MemoryVfs,
    reads: Arc<AtomicUsize>,
}

struct CountingFile {
    file: Box<dyn VfsFile>,
    reads: Arc<AtomicUsize>,
}

impl Vfs for Counting {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError> {
        Ok(Box::new(CountingFile { file: self.files.open(path, mode)?, reads: self.reads.clone() }))
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
        self.files.now_ns()
    }
    fn entropy(&self, buffer: &mut [u8]) {
        self.files.entropy(buffer);
    }
}

impl VfsFile for CountingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.file.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        self.file.write_at(bytes, offset)
    }
    fn sync_data(&self) -> Result<(), VfsError> {
        self.file.sync_data()
    }
    fn len(&self) -> Result<u64, VfsError> {
        self.file.len()
    }
    fn set_len(&self, len: u64) -> Result<(), VfsError> {
        self.file.set_len(len)
    }
    fn lock(&self) -> Result<(), VfsError> {
        self.file.lock()
    }
}

impl Counting {
    /// The reads that `work` makes.
    fn reads(&self, work: impl FnOnce()) -> usize {
        let before = self.reads.load(Ordering::Relaxed);
        work();
        self.reads.load(Ordering::Relaxed) - before
    }
}

fn open(vfs: &Counting, cache_bytes: usize) -> Pager {
    let options = PagerOptions { cache_bytes, ..PagerOptions::default() };
    Pager::open(Arc::new(vfs.clone()), "a", options).unwrap()
}

fn byte(page: u32) -> u8 {
    (page % 251) as u8
}

/// A file of which page *n* says *n* (modulo 251), all of it cold.
fn file() -> (Counting, Pager) {
    file_of(PAGES)
}

fn file_of(pages: u32) -> (Counting, Pager) {
    let vfs = Counting::default();
    let pager = open(&vfs, CACHE);
    let mut writer = pager.begin_write().unwrap();
    for page in 1..=pages {
        let number = writer.allocate(PageKind::EntryLeaf, TREE, BLOCK_LEN).unwrap();
        assert_eq!(number, PageNumber(page));
        set(&mut writer, number, byte(page));
    }
    writer.commit(&[1], Durability::Immediate).unwrap();
    pager.close().unwrap();
    drop(pager);
    let pager = open(&vfs, CACHE);
    (vfs, pager)
}

/// Reads pages through one operation.
fn read(pager: &Pager, pages: impl IntoIterator<Item = u32>) {
    let reader = pager.reader();
    pages.into_iter().for_each(|page| assert_eq!(get(&reader, PageNumber(page)), byte(page)));
}

/// Reads pages in an order that no reading ahead can foresee, in operations of a few pages.
fn wander(pager: &Pager, pages: Range<u32>) {
    let count = pages.end - pages.start;
    let all: Vec<u32> = (0..count).map(|at| pages.start + at * 617 % count).collect();
    all.chunks(8).for_each(|some| read(pager, some.iter().copied()));
}

#[test]
fn reading_a_file_of_ten_times_the_budget_stays_within_it() {
    let (_, pager) = file();
    let old = pager.snapshot();
    let mut most = 0;
    for round in 0..3 {
        for first in (1..=PAGES).step_by(8) {
            read(&pager, first..(first + 8).min(PAGES + 1));
            most = most.max(pager.resident_bytes());
        }
        assert!(most > CACHE / 2, "round {round}: the cache is made use of");
    }
    assert!(most <= CACHE + CACHE / 4, "{most} of {CACHE} bytes");
    // The snapshot was open all the time, and read nothing.
    assert_eq!(get(&old.operation(), PageNumber(7)), 7);
}

#[test]
fn pages_are_evicted_wherever_in_the_file_they_are() {
    let (_, pager) = file_of(9000);
    for first in [8000, 2500] {
        for first in (first..first + 1000).step_by(8) {
            read(&pager, first..first + 8);
            assert!(pager.resident_bytes() <= CACHE + CACHE / 4, "page {first}: {}", pager.resident_bytes());
        }
    }
}

#[test]
fn pages_in_use_outlive_scans() {
    let (vfs, pager) = file();
    let hot = || (1..=PAGES).step_by(25);
    // A second touch makes a page warm.
    read(&pager, hot());
    read(&pager, hot());
    // The whole file is read, and meanwhile what is in use is used.
    for part in 0..20 {
        wander(&pager, 1 + part * 50..51 + part * 50);
        read(&pager, hot());
    }
    assert_eq!(vfs.reads(|| read(&pager, hot())), 0);
    // Of what was read once, and is not used, little is left.
    let others = (1..=PAGES).filter(|page| page % 25 != 1);
    assert!(vfs.reads(|| others.rev().for_each(|page| read(&pager, [page]))) > 800);
}

#[test]
fn borrowed_bytes_stay_where_they_are_until_their_operation_ends() {
    let (_, pager) = file();
    let snapshot = pager.snapshot();
    let operation = snapshot.operation();
    let pages: Vec<&[u8]> = (1..=PAGES).map(|page| operation.page(PageNumber(page)).unwrap()).collect();
    assert!(pager.resident_bytes() >= PAGES as usize * PAGE, "all are borrowed");
    let nested = snapshot.operation();
    for (at, page) in pages.into_iter().enumerate() {
        assert!(page[100..].iter().all(|&found| found == byte(at as u32 + 1)));
    }
    drop(operation);
    assert!(pager.resident_bytes() >= PAGES as usize * PAGE, "the other one goes on");
    drop(nested);
    assert!(pager.resident_bytes() <= CACHE, "the end of the last frees what had been evicted");
    drop(snapshot);
    wander(&pager, 1..PAGES + 1);
}

#[test]
fn what_no_checkpoint_has_written_stays() {
    let (vfs, pager) = file();
    for page in 1..=300 {
        let mut writer = pager.begin_write().unwrap();
        set(&mut writer, PageNumber(page), 255);
        writer.commit(&[1], Durability::None).unwrap();
    }
    wander(&pager, 301..PAGES + 1);
    assert!(pager.resident_bytes() >= 300 * PAGE);
    let changed = || (1..=300).for_each(|page| assert_eq!(get(&pager.reader(), PageNumber(page)), 255));
    assert_eq!(vfs.reads(changed), 0);
    pager.checkpoint().unwrap();
    assert!(pager.resident_bytes() <= CACHE);
    assert!(vfs.reads(changed) > 0);
    pager.check().unwrap();
}

#[test]
fn a_transaction_of_ten_times_the_budget_stays_within_it() {
    // Goal: changed pages are written out before their commit; they can be read and changed again, a savepoint that is
    // rolled back brings their older bytes back, an abort gives all blocks back, and a commit makes them visible at once.
    let (vfs, pager) = file();
    let before = pager.snapshot();
    for outcome in ["abort", "commit"] {
        let mut writer = pager.begin_write().unwrap();
        let new: Vec<PageNumber> = (0..PAGES).map(|page| allocate(&mut writer, page as u8)).collect();
        for page in 1..=PAGES {
            set(&mut writer, PageNumber(page), 254);
        }
        assert!(writer.is_written_out());
        assert!(pager.resident_bytes() <= CACHE + CACHE / 4, "{}", pager.resident_bytes());
        let savepoint = writer.savepoint();
        for &page in &new {
            set(&mut writer, page, 77);
        }
        writer.rollback_to(savepoint);
        for &page in new.iter().step_by(3) {
            let byte = get(&writer, page);
            set(&mut writer, page, byte ^ 1);
        }
        assert!(pager.resident_bytes() <= CACHE + CACHE / 4, "{}", pager.resident_bytes());
        assert!((1..=PAGES).all(|page| get(&before.operation(), PageNumber(page)) != 254), "nobody sees it");
        if outcome == "abort" {
            drop(writer);
            continue;
        }
        let commit = writer.commit_bulk(b"mark").unwrap();
        assert_eq!(pager.snapshot().commit(), commit);
        assert!(pager.resident_bytes() <= CACHE + CACHE / 4, "{}", pager.resident_bytes());
        for (at, &page) in new.iter().enumerate() {
            let byte = at as u8 ^ u8::from(at % 3 == 0);
            assert_eq!(get(&pager.reader(), page), byte, "page {page}");
        }
        assert!((1..=PAGES).all(|page| get(&pager.reader(), PageNumber(page)) == 254));
        assert!((1..=PAGES).all(|page| get(&before.operation(), PageNumber(page)) != 254));
    }
    drop(before);
    pager.check().unwrap();
    pager.close().unwrap();
    drop(pager);
    let pager = open(&vfs, CACHE);
    pager.check().unwrap();
    assert_eq!(get(&pager.reader(), PageNumber(1)), 254);
}

#[test]
fn old_snapshots_find_the_images_of_pages_that_were_cold_when_they_changed() {
    let (_, pager) = file();
    let old = pager.snapshot();
    let mut writer = pager.begin_write().unwrap();
    for page in 1..=50 {
        set(&mut writer, PageNumber(page), 252);
    }
    writer.free(PageNumber(51));
    // What the writer has copied is evicted before it commits.
    wander(&pager, 100..PAGES + 1);
    wander(&pager, 100..PAGES + 1);
    writer.commit(&[1], Durability::Immediate).unwrap();
    let middle = pager.snapshot();
    let check = |story: &str| {
        for page in 1..=51 {
            assert_eq!(get(&old.operation(), PageNumber(page)), byte(page), "{story}");
        }
        assert_eq!(get(&middle.operation(), PageNumber(50)), 252, "{story}");
        assert!(middle.operation().page(PageNumber(51)).is_err(), "{story}");
    };
    // Each checkpoint frees blocks that the one before named: those of the images that the snapshot needs must stay.
    for round in 0..4 {
        let mut writer = pager.begin_write().unwrap();
        for page in 1..=49 {
            set(&mut writer, PageNumber(page), round);
        }
        set(&mut writer, PageNumber(200 + u32::from(round)), byte(200 + u32::from(round)));
        writer.commit(&[1], Durability::Immediate).unwrap();
        pager.checkpoint().unwrap();
        wander(&pager, 100..PAGES + 1);
        if round == 1 {
            check("after two checkpoints");
        }
    }
    check("after four");
    drop((old, middle));
    for page in 1..=49 {
        assert_eq!(get(&pager.reader(), PageNumber(page)), 3);
    }
    wander(&pager, 100..PAGES + 1);
    assert!(pager.resident_bytes() <= CACHE);
    pager.check().unwrap();
}

#[test]
fn walks_read_ahead_and_others_do_not() {
    let (vfs, pager) = file();
    let walk = vfs.reads(|| (1..=PAGES).for_each(|page| read(&pager, [page])));
    assert!(walk < PAGES as usize / 4, "{walk} reads for {PAGES} pages in a row");
    drop(pager);
    let pager = open(&vfs, CACHE);
    let wandering = vfs.reads(|| wander(&pager, 1..501));
    assert!((500..600).contains(&wandering), "{wandering} reads for 500 pages");
}

#[test]
fn pages_read_ahead_and_touched_once_do_not_push_out_what_is_used() {
    let (vfs, pager) = file();
    let hot = || (1..=PAGES).step_by(25);
    read(&pager, hot());
    read(&pager, hot());
    for page in 1..=PAGES {
        read(&pager, [page]);
        if page % 50 == 0 {
            read(&pager, hot());
        }
    }
    assert_eq!(vfs.reads(|| read(&pager, hot())), 0);
}

#[cfg(feature = "std")]
#[test]
fn readers_beside_eviction_commits_and_checkpoints_see_their_commit() {
    // Goal: with a cache of a few pages, loading, evicting, changing and checkpointing race for the same slots, and
    // nobody ever sees another page, another commit, or freed memory. Each commit gives all pages its number.
    use core::sync::atomic::AtomicBool;
    const SOME: u32 = 24;
    let vfs = MemoryVfs::new();
    let options = PagerOptions {
        cache_bytes: 6 * PAGE,
        checkpoint_dirty_bytes: 40 * PAGE as u64,
        ..PagerOptions::default()
    };
    let pager = Pager::open(Arc::new(vfs.clone()), "a", options).unwrap();
    let mut writer = pager.begin_write().unwrap();
    for page in 1..=SOME {
        let number = writer.allocate(PageKind::EntryLeaf, TREE, BLOCK_LEN).unwrap();
        set(&mut writer, number, 1);
        assert_eq!(number, PageNumber(page));
    }
    writer.commit(&[1], Durability::None).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for reader in 0..3 {
            let (pager, done) = (&pager, &done);
            scope.spawn(move || {
                let mut step = reader;
                while !done.load(Ordering::Relaxed) {
                    let snapshot = pager.snapshot_owned();
                    for _ in 0..3 {
                        let operation = snapshot.operation();
                        for _ in 0..SOME {
                            step += 7;
                            let page = PageNumber(1 + step % SOME);
                            // What page n says was last changed by a commit that n divides.
                            let commit = snapshot.commit().0;
                            let last = commit - commit % u64::from(page.0);
                            assert_eq!(u64::from(get(&operation, page)), last.max(1) % 251);
                        }
                    }
                }
            });
        }
        for commit in 2..1500u64 {
            let mut writer = pager.begin_write().unwrap();
            for page in (1..=SOME).filter(|page| commit % u64::from(*page) == 0) {
                set(&mut writer, PageNumber(page), (commit % 251) as u8);
            }
            writer.commit(&[1], Durability::None).unwrap();
            if commit % 16 == 0 {
                pager.checkpoint().unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    pager.checkpoint().unwrap();
    read_all(&pager, SOME);
    assert!(pager.resident_bytes() <= 7 * PAGE, "nothing is left behind: {}", pager.resident_bytes());
    pager.check().unwrap();
}

#[cfg(feature = "std")]
fn read_all(pager: &Pager, pages: u32) {
    for page in 1..=pages {
        get(&pager.reader(), PageNumber(page));
    }
}
