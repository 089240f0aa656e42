//! [`Staging`]: the pages a write transaction has changed, by page number, in the frame table's own slots.
//!
//! A flat array: the writer asks for its own version of a page at every access, so this is as quick as a reader's hit.
//! One staging exists at a time; the `staged` words are touched by it alone. (They are atomic only because the slots are
//! shared.)

use alloc::vec::Vec;
use core::ptr::{NonNull, null_mut};

use super::buffer::Head;
use super::{Buffer, FrameTable};
use crate::storage::page::PageNumber;
use crate::sync::atomic::{AtomicPtr, Ordering};

/// What a transaction has made of a page.
pub(in crate::storage::pager) enum Staged<T = Buffer> {
    /// Its bytes.
    Page(T),
    /// It is given up.
    Freed,
}

/// The `staged` word of a page that is given up.
const FREED: usize = 1;

/// The pages a write transaction has changed.
pub(in crate::storage::pager) struct Staging<'t> {
    table: &'t FrameTable,
    /// Every page that was staged at some time, possibly more than once.
    pages: Vec<PageNumber>,
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
        Staging { table, pages: Vec::new() }
    }

    fn word(&self, number: PageNumber) -> Option<&AtomicPtr<u8>> {
        self.table.slot(number).map(|slot| &slot.staged)
    }

    /// What the transaction has made of page `number`; `None` when it has not touched it.
    #[inline]
    pub(in crate::storage::pager) fn get(&self, number: PageNumber) -> Option<Staged<&[u8]>> {
        let word = self.word(number)?.load(Ordering::Relaxed);
        if word.addr() == FREED {
            return Some(Staged::Freed);
        }
        // SAFETY: the word owns a buffer given up in `put`; only `take` and `put` take it back, and they need `&mut self`.
        NonNull::new(word.cast::<Head>()).map(|head| Staged::Page(unsafe { Buffer::bytes(head) }))
    }

    /// The sequence number of the staged buffer of page `number`.
    #[inline]
    pub(in crate::storage::pager) fn sequence(&self, number: PageNumber) -> Option<u64> {
        let word = self.word(number)?.load(Ordering::Relaxed);
        if word.addr() == FREED {
            return None;
        }
        let head = NonNull::new(word.cast::<Head>())?;
        // SAFETY: the word owns the buffer, `&self` keeps `take` and `put` out, and it is not dropped here.
        Some(core::mem::ManuallyDrop::new(unsafe { Buffer::from_raw(head) }).sequence())
    }

    /// The staged bytes of page `number`, to be changed.
    #[inline]
    pub(in crate::storage::pager) fn get_mut(&mut self, number: PageNumber) -> Option<&mut [u8]> {
        let word = self.word(number)?.load(Ordering::Relaxed);
        if word.addr() == FREED {
            return None;
        }
        // SAFETY: the word owns the buffer, and `&mut self` makes this the only way to it while the bytes are borrowed.
        NonNull::new(word.cast::<Head>()).map(|head| unsafe { Buffer::bytes_mut(head) })
    }

    /// Takes what is staged for page `number` away.
    pub(in crate::storage::pager) fn take(&mut self, number: PageNumber) -> Option<Staged> {
        self.swap(number, null_mut())
    }

    /// Stages `new` for page `number`, which must exist or be newly allocated, and returns what was there.
    pub(in crate::storage::pager) fn put(&mut self, number: PageNumber, new: Staged) -> Option<Staged> {
        self.table.slot_or_make(number);
        let word = match new {
            Staged::Page(buffer) => buffer.into_raw().as_ptr().cast(),
            Staged::Freed => core::ptr::without_provenance_mut(FREED),
        };
        let old = self.swap(number, word);
        if old.is_none() {
            self.pages.push(number);
        }
        old
    }

    fn swap(&mut self, number: PageNumber, new: *mut u8) -> Option<Staged> {
        let word = self.word(number)?;
        let old = word.load(Ordering::Relaxed);
        word.store(new, Ordering::Relaxed);
        if old.addr() == FREED {
            return Some(Staged::Freed);
        }
        // SAFETY: the word owned the buffer given up in `put`, and has just lost it.
        NonNull::new(old.cast::<Head>()).map(|head| Staged::Page(unsafe { Buffer::from_raw(head) }))
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
