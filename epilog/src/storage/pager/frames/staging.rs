//! [`Staging`]: the pages a write transaction has changed, by page number, in the frame table's own slots.
//!
//! A flat array: the writer asks for its own version of a page at every access, so this is as quick as a reader's hit.
//! One staging exists at a time; the `staged` words are changed by it alone. A word is null, [`FREED`], a buffer, or (with
//! the tag [`STORED`]) a [`StoredPage`].
//!
//! A transaction that changes more than memory holds has pages written out before it commits: nothing durable names their
//! images, so they may go to free blocks at any time. Such a page is loaded again when it is asked for.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr::{NonNull, null_mut};

use super::buffer::Head;
use super::{Buffer, FrameTable, MapEntry, absent};
use crate::storage::StorageError;
use crate::storage::page::PageNumber;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicPtr, Ordering};

/// What a transaction has made of a page.
pub(in crate::storage::pager) enum Staged<T = Buffer> {
    /// Its bytes.
    Page(T),
    /// Its bytes, written out.
    Stored(Stored),
    /// It is given up.
    Freed,
}

/// A page that was written out before its transaction's commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::storage::pager) struct Stored {
    /// Where.
    pub(in crate::storage::pager) entry: MapEntry,
    /// The page's length in bytes: its image may be shorter.
    pub(in crate::storage::pager) len: usize,
    /// The buffer's sequence number.
    pub(in crate::storage::pager) sequence: u64,
}

/// What the word of a stored page leads to.
struct StoredPage {
    stored: Stored,
    /// The same bytes, when they have been loaded again.
    loaded: AtomicPtr<Head>,
}

impl Drop for StoredPage {
    fn drop(&mut self) {
        if let Some(head) = NonNull::new(*self.loaded.get_mut()) {
            // SAFETY: the pointer owned the buffer given up when it was loaded, and ends here.
            drop(unsafe { Buffer::from_raw(head) });
        }
    }
}

/// The word of a page that is given up.
const FREED: usize = 1;
/// The tag of a word that leads to a [`StoredPage`].
const STORED: usize = 2;

const _: () = assert!(align_of::<StoredPage>() > STORED && align_of::<Head>() > STORED);

/// A staged word, taken apart.
enum Word {
    Untouched,
    Freed,
    Page(NonNull<Head>),
    Stored(NonNull<StoredPage>),
}

impl Word {
    #[inline]
    fn of(word: *mut u8) -> Word {
        if word.addr() == FREED {
            return Word::Freed;
        }
        match NonNull::new(word.map_addr(|address| address & !STORED)) {
            None => Word::Untouched,
            Some(head) if word.addr() & STORED == 0 => Word::Page(head.cast()),
            Some(stored) => Word::Stored(stored.cast()),
        }
    }
}

/// The pages a write transaction has changed.
pub(in crate::storage::pager) struct Staging<'t> {
    table: &'t FrameTable,
    /// Every page that was staged at some time, possibly more than once.
    pages: Vec<PageNumber>,
    /// Stored pages that have been loaded again.
    loaded: Mutex<Vec<PageNumber>>,
}

impl<'t> Staging<'t> {
    /// The table's staging; one at a time.
    ///
    /// # Panics
    ///
    /// While another one exists: the write lease rules that out.
    pub(in crate::storage::pager) fn new(table: &'t FrameTable) -> Staging<'t> {
        let taken = table.staging.swap(true, Ordering::Acquire);
        assert!(!taken, "there is one writer at a time");
        Staging { table, pages: Vec::new(), loaded: Mutex::new(Vec::new()) }
    }

    /// A page of zeros, to be staged.
    pub(in crate::storage::pager) fn zeroed(&self, len: usize) -> Result<Buffer, StorageError> {
        Buffer::zeroed(len, &self.table.memory)
    }

    /// A copy of `page`, to be staged.
    pub(in crate::storage::pager) fn copy_of(&self, page: &[u8]) -> Result<Buffer, StorageError> {
        Buffer::copy_of(page, &self.table.memory)
    }

    #[inline]
    fn word(&self, number: PageNumber) -> Word {
        let word = self.table.slot(number).map_or(null_mut(), |slot| slot.staged.load(Ordering::Relaxed));
        Word::of(word)
    }

    /// What the transaction has made of page `number`, a page's length standing for its bytes; `None` when it has not
    /// touched it.
    pub(in crate::storage::pager) fn state(&self, number: PageNumber) -> Option<Staged<usize>> {
        match self.word(number) {
            Word::Untouched => None,
            Word::Freed => Some(Staged::Freed),
            // SAFETY: as in `get`.
            Word::Page(head) => Some(Staged::Page(unsafe { Buffer::bytes(head) }.len())),
            // SAFETY: as in `get`.
            Word::Stored(page) => Some(Staged::Stored(unsafe { page.as_ref() }.stored)),
        }
    }

    /// The staged bytes of page `number`, when they have not been written out.
    pub(in crate::storage::pager) fn in_memory(&self, number: PageNumber) -> Option<&[u8]> {
        match self.word(number) {
            // SAFETY: as in `get`.
            Word::Page(head) => Some(unsafe { Buffer::bytes(head) }),
            _ => None,
        }
    }

    /// What the transaction has made of page `number`; `None` when it has not touched it. A page that was written out is
    /// loaded, and comes as a page.
    ///
    /// # Errors
    ///
    /// When a page that was written out cannot be read.
    #[inline]
    pub(in crate::storage::pager) fn get(
        &self,
        number: PageNumber,
    ) -> Result<Option<Staged<&[u8]>>, StorageError> {
        Ok(match self.word(number) {
            Word::Untouched => None,
            Word::Freed => Some(Staged::Freed),
            // SAFETY: the word owns a buffer given up in `put`; only what needs `&mut self` takes it back.
            Word::Page(head) => Some(Staged::Page(unsafe { Buffer::bytes(head) })),
            // SAFETY: the word owns the stored page, as above.
            Word::Stored(page) => Some(Staged::Page(self.load(number, unsafe { page.as_ref() })?)),
        })
    }

    #[cold]
    fn load<'s>(&'s self, number: PageNumber, page: &'s StoredPage) -> Result<&'s [u8], StorageError> {
        let mut head = NonNull::new(page.loaded.load(Ordering::Acquire));
        if head.is_none() {
            let images = self.table.images.as_ref().ok_or_else(|| absent(number))?;
            let new = images.load_at(number, page.stored.entry)?.into_raw();
            let swap =
                page.loaded.compare_exchange(null_mut(), new.as_ptr(), Ordering::AcqRel, Ordering::Acquire);
            head = match swap {
                Ok(_) => {
                    self.loaded.lock().push(number);
                    Some(new)
                }
                Err(other) => {
                    // SAFETY: given up above, and nobody else has seen it.
                    drop(unsafe { Buffer::from_raw(new) });
                    NonNull::new(other)
                }
            };
        }
        // SAFETY: the stored page owns the buffer; only what needs `&mut self` takes it back, and its bytes never change.
        head.map(|head| unsafe { Buffer::bytes(head) }).ok_or_else(|| absent(number))
    }

    /// The sequence number of the staged version of page `number`, be it written out or not.
    #[inline]
    pub(in crate::storage::pager) fn sequence(&self, number: PageNumber) -> Option<u64> {
        match self.word(number) {
            Word::Untouched | Word::Freed => None,
            Word::Page(head) => {
                // SAFETY: the word owns the buffer, `&self` keeps everybody else from it, and it is not dropped here.
                let buffer = core::mem::ManuallyDrop::new(unsafe { Buffer::from_raw(head) });
                Some(buffer.sequence())
            }
            // SAFETY: as in `get`.
            Word::Stored(page) => Some(unsafe { page.as_ref() }.stored.sequence),
        }
    }

    /// The staged bytes of page `number`, to be changed; `None` when there are none. If the page was written out, the
    /// image that is no longer needed comes with them: the bytes are in memory alone from now on.
    ///
    /// # Errors
    ///
    /// When a page that was written out cannot be read; it stays as it was.
    #[inline]
    #[allow(clippy::type_complexity)]
    pub(in crate::storage::pager) fn get_mut(
        &mut self,
        number: PageNumber,
    ) -> Result<Option<(&mut [u8], Option<MapEntry>)>, StorageError> {
        let mut image = None;
        if let Word::Stored(_) = self.word(number) {
            image = self.fetch(number)?;
        }
        let Word::Page(head) = self.word(number) else { return Ok(None) };
        // SAFETY: the word owns the buffer, and `&mut self` makes this the only way to it while the bytes are borrowed.
        Ok(Some((unsafe { Buffer::bytes_mut(head) }, image)))
    }

    /// Makes a page that was written out one of memory alone.
    #[cold]
    fn fetch(&mut self, number: PageNumber) -> Result<Option<MapEntry>, StorageError> {
        self.get(number)?;
        let Word::Stored(page) = self.word(number) else { return Ok(None) };
        // SAFETY: the word owns the stored page, and `&mut self` makes this the only way to it.
        let page = unsafe { &mut *page.as_ptr() };
        let (stored, loaded) = (page.stored, core::mem::replace(page.loaded.get_mut(), null_mut()));
        let Some(head) = NonNull::new(loaded) else { return Ok(None) };
        // SAFETY: the stored page owned the buffer, and has just lost it.
        let mut buffer = unsafe { Buffer::from_raw(head) };
        buffer.set_sequence(stored.sequence);
        drop(self.put(number, Staged::Page(buffer)));
        Ok(Some(stored.entry))
    }

    /// Takes what is staged for page `number` away.
    pub(in crate::storage::pager) fn take(&mut self, number: PageNumber) -> Option<Staged> {
        self.swap(number, null_mut())
    }

    /// Stages `new` for page `number`, which must exist or be newly allocated, and returns what was there.
    pub(in crate::storage::pager) fn put(&mut self, number: PageNumber, new: Staged) -> Option<Staged> {
        self.table.slot_or_make(number);
        let word = match new {
            Staged::Page(buffer) => {
                self.table.make_room();
                buffer.into_raw().as_ptr().cast()
            }
            Staged::Stored(stored) => {
                let page = Box::new(StoredPage { stored, loaded: AtomicPtr::new(null_mut()) });
                Box::into_raw(page).cast::<u8>().map_addr(|address| address | STORED)
            }
            Staged::Freed => core::ptr::without_provenance_mut(FREED),
        };
        let old = self.swap(number, word);
        if old.is_none() {
            self.pages.push(number);
        }
        old
    }

    /// Notes that the staged bytes of page `number` have been written to where `entry` says, sealed as an image, and drops
    /// them.
    ///
    /// # Panics
    ///
    /// When the page has no bytes staged in memory.
    pub(in crate::storage::pager) fn store(&mut self, number: PageNumber, entry: MapEntry) {
        let Some(Staged::Page(buffer)) = self.take(number) else {
            panic!("page {number} is not staged in memory, and was written out");
        };
        let stored = Stored { entry, len: buffer.len(), sequence: buffer.sequence() };
        drop(buffer);
        self.put(number, Staged::Stored(stored));
    }

    /// Drops the bytes of pages that were written out and have been loaded again only to be read.
    pub(in crate::storage::pager) fn unload(&mut self) {
        for number in core::mem::take(self.loaded.get_mut()) {
            let Word::Stored(page) = self.word(number) else { continue };
            // SAFETY: the word owns the stored page, and `&mut self` makes this the only way to it.
            let page = unsafe { &mut *page.as_ptr() };
            if let Some(head) = NonNull::new(core::mem::replace(page.loaded.get_mut(), null_mut())) {
                // SAFETY: the stored page owned the buffer, and has just lost it.
                drop(unsafe { Buffer::from_raw(head) });
            }
        }
    }

    fn swap(&mut self, number: PageNumber, new: *mut u8) -> Option<Staged> {
        let slot = self.table.slot(number)?;
        let old = slot.staged.load(Ordering::Relaxed);
        slot.staged.store(new, Ordering::Relaxed);
        match Word::of(old) {
            Word::Untouched => None,
            Word::Freed => Some(Staged::Freed),
            // SAFETY: the word owned the buffer given up in `put`, and has just lost it.
            Word::Page(head) => Some(Staged::Page(unsafe { Buffer::from_raw(head) })),
            Word::Stored(page) => {
                // SAFETY: the word owned the box given up in `put`, and has just lost it.
                let page = unsafe { Box::from_raw(page.as_ptr()) };
                Some(Staged::Stored(page.stored))
            }
        }
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        for number in core::mem::take(&mut self.pages) {
            drop(self.take(number));
        }
        // Release: the next staging sees the words empty.
        self.table.staging.store(false, Ordering::Release);
    }
}
