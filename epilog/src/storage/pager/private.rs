//! [`PrivatePages`]: pages as one transaction without the lease sees and changes them, thrown away at its end.
//!
//! It reads the commit that was staged last when it began. What it changes is copied into a map of its own, and the pages
//! it makes are numbered from the highest number down: nobody else ever sees one, and the numbers that are in use grow
//! from below. Savepoints are as those of the [page writer](super::PageWriter).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::frames::Pin;
use super::{CommitNumber, Shared};
use crate::ordered::BTreeMap;
use crate::storage::page::{PageKind, PageNumber, PageRead, PageWrite, TreeId, write_header};
#[cfg(not(feature = "small"))]
use crate::storage::scratch::Scratch;
use crate::storage::{StorageError, StorageFault};

/// The most bytes of pages where there is no page cache to go by.
const PAGES_BYTES_MAX: usize = 64 << 20;

/// What the transaction has made of a page.
struct Page {
    /// `None`: it is given up.
    bytes: Option<Box<[u8]>>,
    /// Copies with a lower sequence number are older than the savepoint of that number.
    sequence: u64,
}

/// What a change replaced; `None` when the transaction had not touched the page.
struct Undo {
    number: PageNumber,
    previous: Option<Page>,
}

/// A point to which [`PrivatePages`] can return.
#[derive(Debug)]
#[must_use = "a savepoint is either released or rolled back to"]
pub struct PrivateSavepoint {
    depth: usize,
    undo: usize,
    sequence: u64,
}

/// Pages that one transaction changes for itself.
pub struct PrivatePages<'p> {
    pin: Pin<'p>,
    block_len: usize,
    /// The bytes of pages that may still be copied and made. What a savepoint gave back is not counted in again.
    room: usize,
    /// Whether there was too little of it.
    is_out_of_room: bool,
    pages: BTreeMap<PageNumber, Page>,
    /// The next page gets this number.
    next: u32,
    undo: Vec<Undo>,
    /// The sequence numbers of the open savepoints.
    levels: Vec<u64>,
    sequence: u64,
}

impl<'p> PrivatePages<'p> {
    pub(super) fn new(shared: &'p Shared) -> PrivatePages<'p> {
        PrivatePages {
            // The head moves on meanwhile. Whoever publishes a later one sees this pin before it drops a version.
            pin: Pin::staged(&shared.frames),
            block_len: shared.block_len(),
            room: shared.store.as_ref().map_or(PAGES_BYTES_MAX, |store| store.options.cache_bytes / 4),
            is_out_of_room: false,
            pages: BTreeMap::new(),
            next: u32::MAX,
            undo: Vec::new(),
            levels: Vec::new(),
            sequence: 1,
        }
    }

    /// Whether a change was refused because the pages take too much memory: the work is one for the lease.
    pub fn is_out_of_room(&self) -> bool {
        self.is_out_of_room
    }

    /// Takes the room of a page of `len` bytes.
    fn take_room(&mut self, len: usize) -> Result<(), StorageError> {
        match self.room.checked_sub(len) {
            Some(room) => self.room = room,
            None => {
                self.is_out_of_room = true;
                return Err(StorageFault::OutOfMemory { bytes: len }.into());
            }
        }
        Ok(())
    }

    /// The commit that is read.
    pub fn base(&self) -> CommitNumber {
        CommitNumber(self.pin.commit())
    }

    /// Remembers this point. O(1).
    pub fn savepoint(&mut self) -> PrivateSavepoint {
        self.sequence += 1;
        self.levels.push(self.sequence);
        PrivateSavepoint { depth: self.levels.len() - 1, undo: self.undo.len(), sequence: self.sequence }
    }

    /// Undoes everything since `savepoint`, and ends it and those within it.
    ///
    /// # Panics
    ///
    /// When the savepoint, or one around it, has ended already.
    pub fn rollback_to(&mut self, savepoint: PrivateSavepoint) {
        self.end(&savepoint);
        for Undo { number, previous } in self.undo.drain(savepoint.undo..).rev() {
            match previous {
                Some(previous) => drop(self.pages.insert(number, previous)),
                None => drop(self.pages.remove(&number)),
            }
        }
    }

    /// Ends `savepoint` and those within it, keeping what was changed since.
    ///
    /// # Panics
    ///
    /// When the savepoint, or one around it, has ended already.
    pub fn release(&mut self, savepoint: PrivateSavepoint) {
        self.end(&savepoint);
        // Outside of all savepoints nothing is ever undone; within one, what is older than it is still its.
        match self.levels.last() {
            None => self.undo.clear(),
            Some(&floor) => {
                let mut at = 0;
                self.undo.retain(|undo| {
                    at += 1;
                    at <= savepoint.undo
                        || undo.previous.as_ref().is_none_or(|previous| previous.sequence < floor)
                });
            }
        }
    }

    fn end(&mut self, savepoint: &PrivateSavepoint) {
        let open = self.levels.get(savepoint.depth) == Some(&savepoint.sequence);
        assert!(open, "the savepoint has ended, or is another transaction's");
        self.levels.truncate(savepoint.depth);
    }

    /// Puts `bytes` in the page's place, remembering what was there.
    fn put(&mut self, number: PageNumber, bytes: Option<Box<[u8]>>) {
        let sequence = self.levels.last().copied().unwrap_or(1);
        let previous = self.pages.insert(number, Page { bytes, sequence });
        if !self.levels.is_empty() {
            self.undo.push(Undo { number, previous });
        }
    }
}

#[cfg(not(feature = "small"))]
impl PrivatePages<'_> {
    /// What a statement may keep in memory of what it finds out before its first change, in bytes: what queries may, if the options
    /// say so, or half of what pages may; `None` when there is no limit.
    pub fn statement_bytes(&self) -> Option<usize> {
        self.pin.query_bytes().or_else(|| self.pin.cache_bytes().map(|bytes| bytes / 2))
    }

    /// Room outside of memory, in blocks of `block_len` bytes; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When the file system refuses it.
    pub fn scratch(&self, block_len: usize) -> Result<Option<Scratch>, StorageError> {
        self.pin.scratch(block_len)
    }
}

impl PageRead for PrivatePages<'_> {
    fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        match self.pages.get(&number) {
            None => self.pin.page(number),
            Some(page) => page.bytes.as_deref().ok_or_else(|| freed(number)),
        }
    }

    #[cfg(not(feature = "small"))]
    #[inline]
    fn bring_near(&self, number: PageNumber) {
        self.pin.bring_near(number);
    }

    #[cfg(not(feature = "small"))]
    fn commit(&self) -> Option<u64> {
        Some(self.pin.commit())
    }

    #[cfg(not(feature = "small"))]
    fn now_ns(&self) -> u64 {
        self.pin.now_ns()
    }
}

impl PageWrite for PrivatePages<'_> {
    fn block_len(&self) -> usize {
        self.block_len
    }

    fn page_mut(&mut self, number: PageNumber) -> Result<&mut [u8], StorageError> {
        self.pin.renew();
        let floor = self.levels.last().copied().unwrap_or(1);
        if self.pages.get(&number).is_none_or(|page| page.sequence < floor) {
            let copy = copy_of(self.page(number)?)?;
            self.take_room(copy.len())?;
            self.put(number, Some(copy));
        }
        let own = self.pages.get_mut(&number).and_then(|page| page.bytes.as_deref_mut());
        own.ok_or_else(|| freed(number))
    }

    fn allocate(&mut self, kind: PageKind, tree: TreeId, len: usize) -> Result<PageNumber, StorageError> {
        self.pin.renew();
        self.take_room(len)?;
        let mut bytes = zeroed(len)?;
        let number = PageNumber(self.next);
        self.next = self.next.checked_sub(1).ok_or(StorageFault::NoPagesLeft)?;
        write_header(&mut bytes, number, kind, tree);
        self.put(number, Some(bytes));
        Ok(number)
    }

    fn free(&mut self, number: PageNumber) {
        self.put(number, None);
    }
}

fn copy_of(page: &[u8]) -> Result<Box<[u8]>, StorageError> {
    let mut copy = reserved(page.len())?;
    copy.extend_from_slice(page);
    Ok(copy.into_boxed_slice())
}

fn zeroed(len: usize) -> Result<Box<[u8]>, StorageError> {
    let mut page = reserved(len)?;
    page.resize(len, 0);
    Ok(page.into_boxed_slice())
}

fn reserved(len: usize) -> Result<Vec<u8>, StorageError> {
    let mut page = Vec::new();
    page.try_reserve_exact(len).map_err(|_| StorageFault::OutOfMemory { bytes: len })?;
    Ok(page)
}

fn freed(number: PageNumber) -> StorageError {
    StorageError::page_damage(number, "something names it after it was given up")
}

#[cfg(test)]
mod tests {
    use super::super::{Durability, Pager};
    use super::*;
    use crate::storage::page::BLOCK_LEN;

    const TREE: TreeId = TreeId(17);

    /// A pager with one page, whose last byte is 1.
    fn pager() -> (Pager, PageNumber) {
        let pager = Pager::in_memory();
        let mut writer = pager.begin_write().unwrap();
        let number = writer.allocate(PageKind::Value, TREE, BLOCK_LEN).unwrap();
        writer.page_mut(number).unwrap()[BLOCK_LEN - 1] = 1;
        writer.commit(b"", Durability::None).unwrap();
        (pager, number)
    }

    fn last(pages: &impl PageRead, number: PageNumber) -> u8 {
        pages.page(number).unwrap()[BLOCK_LEN - 1]
    }

    fn set(pages: &mut impl PageWrite, number: PageNumber, value: u8) {
        pages.page_mut(number).unwrap()[BLOCK_LEN - 1] = value;
    }

    #[test]
    fn changes_are_seen_by_nobody_else_and_commits_beside_are_not_seen() {
        let (pager, number) = pager();
        let (mut a, mut b) = (pager.begin_private().unwrap(), pager.begin_private().unwrap());
        set(&mut a, number, 2);
        let new = a.allocate(PageKind::Value, TREE, BLOCK_LEN).unwrap();
        set(&mut a, new, 3);
        assert_eq!(b.allocate(PageKind::Value, TREE, BLOCK_LEN).unwrap(), new);
        let mut writer = pager.begin_write().unwrap();
        assert_eq!(last(&writer, number), 1);
        set(&mut writer, number, 9);
        writer.commit(b"", Durability::None).unwrap();
        assert_eq!((last(&a, number), last(&a, new)), (2, 3));
        assert_eq!((last(&b, number), last(&b, new)), (1, 0));
        b.free(number);
        assert!(b.page(number).is_err() && b.page_mut(number).is_err());
        drop((a, b));
        assert_eq!(last(&pager.reader(), number), 9);
    }

    #[test]
    fn savepoints_nest() {
        let (pager, number) = pager();
        let mut pages = pager.begin_private().unwrap();
        let outer = pages.savepoint();
        set(&mut pages, number, 2);
        let inner = pages.savepoint();
        set(&mut pages, number, 3);
        let new = pages.allocate(PageKind::Value, TREE, BLOCK_LEN).unwrap();
        set(&mut pages, new, 4);
        pages.rollback_to(inner);
        assert_eq!(last(&pages, number), 2);
        assert!(pages.page(new).is_err(), "no such page was ever made");
        let inner = pages.savepoint();
        set(&mut pages, number, 5);
        pages.free(number);
        pages.release(inner);
        assert!(pages.page(number).is_err());
        pages.rollback_to(outer);
        assert_eq!(last(&pages, number), 1);
        let kept = pages.savepoint();
        set(&mut pages, number, 6);
        pages.release(kept);
        assert_eq!(last(&pages, number), 6);
    }

    /// The same operations on the pages and on a stack of maps.
    #[test]
    fn any_nesting_of_savepoints_gives_back_what_was() {
        for seed in 1..200u64 {
            let (pager, number) = pager();
            let mut pages = pager.begin_private().unwrap();
            let mut state = seed;
            let mut random = |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            };
            let mut model = BTreeMap::from([(number, 1u8)]);
            let mut open: Vec<(PrivateSavepoint, BTreeMap<PageNumber, u8>)> = Vec::new();
            for _ in 0..60 {
                let some = model.keys().nth(random(model.len().max(1) as u64) as usize).copied();
                match (random(6), some) {
                    (0, _) => open.push((pages.savepoint(), model.clone())),
                    (1, _) => {
                        if let Some((savepoint, before)) = open.pop() {
                            pages.rollback_to(savepoint);
                            model = before;
                        }
                    }
                    (2, _) => {
                        if let Some((savepoint, _)) = open.pop() {
                            pages.release(savepoint);
                        }
                    }
                    (3, Some(page)) if model.len() > 1 => {
                        pages.free(page);
                        model.remove(&page);
                    }
                    (4, Some(page)) => {
                        let value = random(250) as u8;
                        set(&mut pages, page, value);
                        model.insert(page, value);
                    }
                    _ => {
                        let new = pages.allocate(PageKind::Value, TREE, BLOCK_LEN).unwrap();
                        model.insert(new, 0);
                    }
                }
                for (&page, &value) in &model {
                    assert_eq!(last(&pages, page), value, "seed {seed}");
                }
            }
        }
    }
}
