//! [`World`]: a database whose pages follow from the number of the commit, on a disk that is forked now and then to see what
//! a power cut would leave.
//!
//! The commit with number *c* writes *c* into the root and into one of a few slots' pages, in place or on a new page in place of the
//! old one. So a reader who knows its commit's number knows every byte, and so does whoever recovers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use epilog::storage::StorageError;
use epilog::storage::journal::JournalOptions;
use epilog::storage::page::{PageKind, PageNumber, PageRead, PageWrite, TreeId};
use epilog::storage::pager::{Durability, PageWriter, Pager, PagerOptions};
use epilog::storage::vfs::{OpenMode, Vfs, VfsError, VfsFile};
use epilog_tests::disk::{Cut, SimVfs};

use crate::{draw, pause};

pub const PAGE_LEN: usize = 512;
const PATH: &str = "d/a";
const TREE: TreeId = TreeId(1);
const ROOT: PageNumber = PageNumber(1);
/// The bytes of a page before its body.
const BODY: usize = 24;
/// Forks that a run takes besides those at acknowledgements.
const CUTS_MAX: usize = 2;

pub fn options() -> PagerOptions {
    PagerOptions {
        journal: JournalOptions { segment_len: 5 * 512 },
        block_len: PAGE_LEN,
        cache_bytes: 64 * PAGE_LEN,
        ..PagerOptions::default()
    }
}

fn byte(slot: u64, commit: u64) -> u8 {
    (slot * 64 + commit) as u8
}

fn child(root: &[u8], slot: u64) -> PageNumber {
    let at = BODY + 8 + 4 * slot as usize;
    PageNumber(u32::from_le_bytes(root[at..at + 4].try_into().unwrap()))
}

/// Makes the changes of the commit after the last one, on pages of so many slots.
pub fn change(pages: &mut PageWriter<'_>, slots: u64) -> Result<u64, StorageError> {
    let commit = pages.base().0 + 1;
    change_as(commit, pages, slots)?;
    Ok(commit)
}

/// The change that is commit number `commit`.
fn change_as(commit: u64, pages: &mut PageWriter<'_>, slots: u64) -> Result<(), StorageError> {
    if commit == 1 {
        assert_eq!(pages.allocate(PageKind::EntryBranch, TREE, PAGE_LEN)?, ROOT);
    }
    let slot = commit % slots;
    let mut page = child(pages.page(ROOT)?, slot);
    if page.0 != 0 && commit.is_multiple_of(2) {
        pages.free(page);
        page = PageNumber(0);
    }
    if page.0 == 0 {
        page = pages.allocate(PageKind::Value, TREE, PAGE_LEN)?;
    }
    pages.page_mut(page)?[BODY..].fill(byte(slot, commit));
    let root = pages.page_mut(ROOT)?;
    root[BODY..BODY + 8].copy_from_slice(&commit.to_le_bytes());
    let at = BODY + 8 + 4 * slot as usize;
    root[at..at + 4].copy_from_slice(&page.0.to_le_bytes());
    Ok(())
}

/// Reads everything, keeps it for a while, and asserts that it is what `commit` left.
pub fn assert_shows(pages: &impl PageRead, commit: u64, slots: u64) -> Result<(), StorageError> {
    if commit == 0 {
        return Ok(());
    }
    let root = pages.page(ROOT)?;
    let mut read = Vec::new();
    for slot in 0..slots {
        let last = (1..=commit).rev().find(|commit| commit % slots == slot);
        let page = child(root, slot);
        assert_eq!(page.0 != 0, last.is_some(), "slot {slot} at commit {commit}");
        if let Some(last) = last {
            read.push((slot, last, pages.page(page)?));
        }
    }
    pause();
    assert_eq!(root[BODY..BODY + 8], commit.to_le_bytes(), "the root at commit {commit}");
    for (slot, last, page) in read {
        let wanted = byte(slot, last);
        let found = page[BODY..].iter().find(|&&found| found != wanted);
        assert_eq!(found, None, "slot {slot} at commit {commit}, not {wanted} of commit {last}");
    }
    Ok(())
}

/// A database, and what was promised of it.
pub struct World {
    pub pager: Pager,
    pub disk: Disk,
    slots: u64,
}

impl World {
    /// A new database of so many slots, with `commits` commits, all durable.
    pub fn new(options: PagerOptions, slots: u64, commits: u64) -> World {
        let world = World::over(SimVfs::new(1), options, slots);
        world.commits(commits, Durability::Immediate);
        world
    }

    /// The database on `sim`, as it is there.
    pub fn over(sim: SimVfs, options: PagerOptions, slots: u64) -> World {
        let disk = Disk::new(sim);
        World { pager: open(Arc::new(disk.clone()), options, slots), disk, slots }
    }

    /// Commits; what the durability says is acknowledged when this returns is noted.
    pub fn commit(&self, durability: Durability) -> Result<u64, StorageError> {
        let mut pages = self.pager.begin_write()?;
        let commit = change(&mut pages, self.slots)?;
        let promises = matches!(durability, Durability::Immediate | Durability::Group);
        let staged = |number: epilog::storage::pager::CommitNumber| {
            assert_eq!(number.0, commit);
            if promises {
                self.disk.promises().last_to(u64::MAX, |promised| promised.push(commit));
            }
        };
        let outcome = pages.commit_then(&commit.to_le_bytes(), durability, staged);
        assert_eq!(outcome?.0, commit);
        if durability == Durability::Immediate {
            self.disk.acknowledged(commit);
            assert!(self.pager.published().0 >= commit, "a commit is seen by whoever made it");
        }
        Ok(commit)
    }

    /// Commits so many times, on a disk that works.
    pub fn commits(&self, count: u64, durability: Durability) {
        for _ in 0..count {
            self.commit(durability).unwrap();
        }
    }

    /// [`read`](World::read)s so many times; the commits come in their order.
    pub fn reads(&self, count: u64) {
        let mut last = 0;
        for _ in 0..count {
            let seen = self.read();
            assert!(seen >= last, "commit {seen} is the last one after {last} was");
            last = seen;
        }
    }

    /// Reads the last commit; what others may see of those that promise durability is durable.
    pub fn read(&self) -> u64 {
        let snapshot = self.pager.snapshot();
        let commit = snapshot.commit().0;
        self.disk.seen(commit);
        assert_shows(&snapshot.operation(), commit, self.slots).unwrap();
        commit
    }

    /// Recovers from what every fork has after a power cut: all that was acknowledged when it was taken is there.
    pub fn assert_kept(self) {
        let World { pager, disk, slots } = self;
        drop(pager);
        disk.cut();
        let forks = std::mem::take(&mut disk.promises().forks);
        for (at_least, fork) in forks {
            fork.crash(if draw(2) == 0 { Cut::Lost } else { Cut::Torn { seed: draw(u64::MAX) } });
            let pager = open(Arc::new(fork), options(), slots);
            let commit = pager.published().0;
            assert!(commit >= at_least, "commit {at_least} was durable, {commit} is the last one left");
            assert_shows(&pager.reader(), commit, slots).unwrap();
            pager.check().unwrap();
        }
    }
}

fn open(vfs: Arc<dyn Vfs>, options: PagerOptions, slots: u64) -> Pager {
    let pager = Pager::open(vfs, PATH, options).unwrap();
    let redo = pager.replay(&mut |mut pages, payloads| {
        for (payload, commit) in payloads.iter().zip(pages.base().0 + 1..) {
            assert_eq!(*payload, commit.to_le_bytes());
            change_as(commit, &mut pages, slots)?;
        }
        Ok(pages)
    });
    redo.unwrap();
    pager
}

/// The simulated disk. Another thread may go on before and after all that is done to it.
#[derive(Clone)]
pub struct Disk {
    pub sim: SimVfs,
    promises: Arc<Mutex<Promises>>,
}

#[derive(Default)]
pub struct Promises {
    /// Commits that are seen by others only when they are durable, ascending.
    promised: Vec<u64>,
    /// The last commit acknowledged as durable.
    durable: u64,
    /// Copies of the disk, each with what was acknowledged then.
    forks: Vec<(u64, SimVfs)>,
    cuts: usize,
}

impl Promises {
    /// The last promised commit up to `commit`, after `change`.
    fn last_to(&mut self, commit: u64, change: impl FnOnce(&mut Vec<u64>)) -> u64 {
        change(&mut self.promised);
        self.promised.iter().copied().filter(|promised| *promised <= commit).max().unwrap_or(0)
    }
}

impl Disk {
    fn new(sim: SimVfs) -> Disk {
        Disk { sim, promises: Arc::default() }
    }

    /// Never held where another thread may go on.
    fn promises(&self) -> MutexGuard<'_, Promises> {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `commit` was acknowledged as durable.
    pub fn acknowledged(&self, commit: u64) {
        let mut promises = self.promises();
        promises.durable = promises.durable.max(commit);
        let durable = promises.durable;
        promises.forks.push((durable, self.sim.fork()));
    }

    /// Somebody saw `commit`.
    fn seen(&self, commit: u64) {
        let promised = self.promises().last_to(commit, |_| ());
        self.acknowledged(promised);
    }

    /// What a power cut would leave now is looked at in the end.
    fn cut(&self) {
        let mut promises = self.promises();
        let durable = promises.durable;
        promises.forks.push((durable, self.sim.fork()));
    }

    fn maybe_cut(&self) {
        pause();
        if self.promises().cuts < CUTS_MAX && draw(12) == 0 {
            self.promises().cuts += 1;
            self.cut();
        }
    }
}

impl Vfs for Disk {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError> {
        Ok(Box::new(File { disk: self.clone(), file: self.sim.open(path, mode)? }))
    }

    fn exists(&self, path: &str) -> Result<bool, VfsError> {
        self.sim.exists(path)
    }

    fn remove(&self, path: &str) -> Result<(), VfsError> {
        self.maybe_cut();
        self.sim.remove(path)
    }

    fn sync_directory(&self, path: &str) -> Result<(), VfsError> {
        self.maybe_cut();
        self.sim.sync_directory(path)
    }

    fn temporary(&self, path: &str) -> Result<Option<Box<dyn VfsFile>>, VfsError> {
        self.sim.temporary(path)
    }

    fn now_ns(&self) -> u64 {
        self.sim.now_ns()
    }

    fn entropy(&self, buffer: &mut [u8]) {
        self.sim.entropy(buffer);
    }
}

struct File {
    disk: Disk,
    file: Box<dyn VfsFile>,
}

impl VfsFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError> {
        pause();
        self.file.read_at(buffer, offset)?;
        pause();
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        self.disk.maybe_cut();
        self.file.write_at(bytes, offset)?;
        self.disk.maybe_cut();
        Ok(())
    }

    fn sync_data(&self) -> Result<(), VfsError> {
        self.disk.maybe_cut();
        let synced = self.file.sync_data();
        self.disk.maybe_cut();
        synced
    }

    fn len(&self) -> Result<u64, VfsError> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> Result<(), VfsError> {
        self.disk.maybe_cut();
        self.file.set_len(len)
    }

    fn lock(&self) -> Result<(), VfsError> {
        self.file.lock()
    }
}
