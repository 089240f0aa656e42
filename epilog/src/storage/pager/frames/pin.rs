//! [`Pin`] and [`SnapshotPin`]: readers of one commit, with an operation running or without.

use alloc::sync::Arc;
use core::ptr::null_mut;

use super::buffer::Buffer;
use super::{FrameTable, Word};
use crate::storage::StorageError;
use crate::storage::page::PageNumber;
use crate::storage::pager::pins::Claim;
use crate::storage::scratch::Scratch;
use crate::sync::atomic::{AtomicBool, Ordering, fence};

/// A table, borrowed or shared.
enum TableRef<'t> {
    Borrowed(&'t FrameTable),
    Shared(Arc<FrameTable>),
}

/// A reader of one commit, with one operation: from its beginning, or the first read after a [`rest`](Pin::rest), to its
/// end or the next rest.
pub(in crate::storage::pager) struct Pin<'t> {
    table: TableRef<'t>,
    claim: Claim,
    commit: u64,
    /// Whether the operation runs.
    operates: AtomicBool,
}

impl<'t> Pin<'t> {
    /// The file system's clock.
    #[cfg(not(feature = "small"))]
    pub(in crate::storage::pager) fn now_ns(&self) -> u64 {
        let images = self.table().images.as_ref();
        images.map_or_else(crate::storage::vfs::monotonic_ns, |images| images.now_ns())
    }

    /// What a query may keep of rows in memory, if the options say so.
    #[cfg(not(feature = "small"))]
    pub(in crate::storage::pager) fn query_bytes(&self) -> Option<usize> {
        self.table().query_bytes
    }

    /// What pages may take in memory; `None` when nothing is evicted.
    #[cfg(not(feature = "small"))]
    pub(in crate::storage::pager) fn cache_bytes(&self) -> Option<usize> {
        let table = self.table();
        table.images.as_ref().map(|_| table.cache_bytes)
    }

    /// Room outside of memory, if there is any.
    #[cfg(not(feature = "small"))]
    pub(in crate::storage::pager) fn scratch(
        &self,
        block_len: usize,
    ) -> Result<Option<Scratch>, StorageError> {
        match &self.table().images {
            Some(images) => images.scratch(block_len),
            None => Ok(None),
        }
    }

    /// Pins the last published commit.
    pub(in crate::storage::pager) fn new(table: &'t FrameTable) -> Pin<'t> {
        let (claim, commit) = table.pins.enter(&table.published, &table.epoch);
        Pin { table: TableRef::Borrowed(table), claim, commit, operates: AtomicBool::new(true) }
    }

    /// Pins the last published commit, for as long as one likes.
    pub(in crate::storage::pager) fn shared(table: &Arc<FrameTable>) -> Pin<'static> {
        let (claim, commit) = table.pins.enter(&table.published, &table.epoch);
        Pin { table: TableRef::Shared(Arc::clone(table)), claim, commit, operates: AtomicBool::new(true) }
    }

    /// Pins the staged head: for the holder of the write lease, which keeps the head where it is.
    pub(in crate::storage::pager) fn staged(table: &'t FrameTable) -> Pin<'t> {
        let (claim, commit) = table.pins.enter(&table.staged, &table.epoch);
        Pin { table: TableRef::Borrowed(table), claim, commit, operates: AtomicBool::new(true) }
    }

    /// As [`staged`](Pin::staged), for as long as the lease lasts.
    pub(in crate::storage::pager) fn staged_shared(table: &Arc<FrameTable>) -> Pin<'static> {
        let (claim, commit) = table.pins.enter(&table.staged, &table.epoch);
        Pin { table: TableRef::Shared(Arc::clone(table)), claim, commit, operates: AtomicBool::new(true) }
    }

    /// Another pin of the same commit, whose operations are its own: what those of one thread keep does not depend on how
    /// long those of another go on.
    #[cfg(all(feature = "std", not(feature = "small")))]
    fn again(&self) -> Pin<'_> {
        // Whatever this one reads is kept, so that nothing has to be looked at again.
        let table = self.table();
        let claim = table.pins.enter_at(self.commit, &table.epoch);
        Pin { table: TableRef::Borrowed(table), claim, commit: self.commit, operates: AtomicBool::new(true) }
    }

    /// Pins `commit`; `None` when it is not published yet, or no longer retained.
    pub(in crate::storage::pager) fn at(table: &Arc<FrameTable>, commit: u64) -> Option<Pin<'static>> {
        let claim = table.pins.enter_at(commit, &table.epoch);
        let operates = AtomicBool::new(true);
        let pin = Pin { table: TableRef::Shared(Arc::clone(table)), claim, commit, operates };
        // `enter_at` has announced and fenced: whoever drops versions without seeing the pin goes by a floor that these
        // loads see, or an older one. A pin given up here has to leave like any other, as it may have been seen.
        let published = table.published();
        let begins = table.floor().min(published);
        (begins..=published).contains(&commit).then_some(pin)
    }

    /// The commit that is read.
    #[inline]
    pub(in crate::storage::pager) fn commit(&self) -> u64 {
        self.commit
    }

    #[inline]
    fn table(&self) -> &FrameTable {
        match &self.table {
            TableRef::Borrowed(table) => table,
            TableRef::Shared(table) => table,
        }
    }

    pub(super) fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The pin has moved on.
    pub(super) fn moved_to(&mut self, commit: u64) {
        self.commit = commit;
    }

    /// Ends the operation: no bytes are borrowed. The next read begins another.
    pub(in crate::storage::pager) fn rest(&mut self) {
        if core::mem::replace(self.operates.get_mut(), false) {
            let table = self.table();
            table.after_leaving(table.pins.end_operation(&self.claim), false);
        }
    }

    /// As [`rest`](Pin::rest), when something was evicted since the operation began: for whoever has many short ones.
    #[inline]
    pub(in crate::storage::pager) fn renew(&mut self) {
        let table = self.table();
        if table.pins.operation(&self.claim) != Some(table.epoch.load(Ordering::Relaxed)) {
            self.rest();
        }
    }

    /// Keeps the versions, and no longer the frames.
    pub(in crate::storage::pager) fn into_snapshot(mut self) -> SnapshotPin<'t> {
        self.rest();
        SnapshotPin(self)
    }

    /// Begins the operation unless it runs.
    #[inline]
    pub(super) fn operate(&self) {
        if !self.operates.load(Ordering::Acquire) {
            self.begin_operation();
        }
    }

    #[cold]
    fn begin_operation(&self) {
        let table = self.table();
        table.pins.begin_operation(&self.claim, &table.epoch);
        if self.operates.swap(true, Ordering::AcqRel) {
            // Another thread has begun it as well.
            table.after_leaving(table.pins.end_operation(&self.claim), false);
        }
    }

    /// The bytes of page `number`.
    #[inline]
    pub(in crate::storage::pager) fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        self.operate();
        // SAFETY: `claim` pins `commit` in this very table until `self` is dropped, and the operation runs until then or
        // a rest, which needs `&mut self`; the bytes are borrowed from `self`.
        unsafe { self.table().page(self.commit, number) }
    }

    /// Asks for the first lines of what is in memory of page `number`.
    #[cfg(not(feature = "small"))]
    #[inline]
    pub(in crate::storage::pager) fn bring_near(&self, number: PageNumber) {
        self.table().bring_near(number);
    }

    /// Whether something of page `number` is in memory.
    #[cfg(not(feature = "small"))]
    pub(in crate::storage::pager) fn is_cached(&self, number: PageNumber) -> bool {
        self.table().is_cached(number)
    }

    /// How many pages have been read from the file.
    #[cfg(not(feature = "small"))]
    pub(in crate::storage::pager) fn pages_loaded(&self) -> u64 {
        self.table().pages_loaded()
    }

    /// What memory has of page `number`.
    pub(in crate::storage::pager) fn resident(&self, number: PageNumber) -> Resident<'_> {
        self.operate();
        let table = self.table();
        let word = table.slot(number).map_or(null_mut(), |slot| slot.published.load(Ordering::SeqCst));
        let node = match Word::of(word) {
            Word::Cold => return Resident::Cold,
            // SAFETY: as in `page`.
            Word::Bare(head, _) => return Resident::Page(unsafe { Buffer::bytes(head) }),
            Word::Chain(node) => node,
        };
        // SAFETY: as in `page`.
        let Some(version) = (unsafe { table.version(self.commit, node) }) else { return Resident::Cold };
        match (version.image, version.buffer()) {
            // The map has it.
            (Some(_), _) if version.commit == 0 => Resident::Cold,
            (Some(_), _) => Resident::Stored,
            // SAFETY: as in `page`.
            (None, Some(head)) => Resident::Page(unsafe { Buffer::bytes(head) }),
            (None, None) => Resident::Freed,
        }
    }
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        let table = self.table();
        let epoch = table.pins.leave(&self.claim);
        // Pairs with the store and the fence in `sweep`, and those in `empty_limbo`: either the sweeper's scan misses
        // this pin, or the loads that follow see that something is kept.
        fence(Ordering::SeqCst);
        table.after_leaving(epoch, true);
    }
}

/// What memory has of a page at some commit.
pub(in crate::storage::pager) enum Resident<'p> {
    /// Its bytes.
    Page(&'p [u8]),
    /// Nothing, but it has an image already, which the page map does not name yet.
    Stored,
    /// It was freed.
    Freed,
    /// Nothing.
    Cold,
}

/// A reader of one commit who reads in operations, any number at a time. Between them it keeps the commit's versions only.
pub(in crate::storage::pager) struct SnapshotPin<'t>(Pin<'t>);

impl SnapshotPin<'_> {
    /// The commit that is read.
    pub(in crate::storage::pager) fn commit(&self) -> u64 {
        self.0.commit
    }

    /// Another reader of the same commit: see [`Pin::again`]; and the epoch in which it was made.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(in crate::storage::pager) fn again(&self) -> (SnapshotPin<'_>, u64) {
        let epoch = self.0.table().epoch.load(Ordering::SeqCst);
        (self.0.again().into_snapshot(), epoch)
    }

    /// Whether too much of what was evicted stays in memory for operations that began in epoch `since` or later.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(in crate::storage::pager) fn is_overfull_since(&self, since: u64) -> bool {
        self.0.table().is_overfull_since(since)
    }

    /// Begins an operation.
    #[inline]
    pub(in crate::storage::pager) fn operation(&self) -> Operation<'_> {
        let table = self.0.table();
        table.pins.begin_operation(&self.0.claim, &table.epoch);
        Operation(&self.0)
    }
}

/// A time of reading: the bytes of a page stay where they are until it ends.
pub(in crate::storage::pager) struct Operation<'p>(&'p Pin<'p>);

impl Operation<'_> {
    /// The bytes of page `number`.
    #[inline]
    pub(in crate::storage::pager) fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        // SAFETY: the pin's claim pins its commit in this very table while it is borrowed, the operation that `self`
        // stands for runs until it is dropped, and the bytes are borrowed from `self`.
        unsafe { self.0.table().page(self.0.commit, number) }
    }

    /// As [`Pin::bring_near`].
    #[cfg(not(feature = "small"))]
    #[inline]
    pub(in crate::storage::pager) fn bring_near(&self, number: PageNumber) {
        self.0.bring_near(number);
    }

    /// As [`Pin::is_cached`].
    #[cfg(not(feature = "small"))]
    pub(in crate::storage::pager) fn is_cached(&self, number: PageNumber) -> bool {
        self.0.is_cached(number)
    }

    /// As [`Pin::pages_loaded`].
    #[cfg(not(feature = "small"))]
    pub(in crate::storage::pager) fn pages_loaded(&self) -> u64 {
        self.0.pages_loaded()
    }

    /// The commit that is read.
    #[cfg(not(feature = "small"))]
    pub(in crate::storage::pager) fn commit(&self) -> u64 {
        self.0.commit
    }

    /// Whether much that was evicted stays in memory for this operation.
    pub(in crate::storage::pager) fn is_crowded(&self) -> bool {
        let table = self.0.table();
        table.is_crowded_by(table.pins.operation(&self.0.claim))
    }

    /// What pages may take in memory; `None` when nothing is evicted.
    pub(in crate::storage::pager) fn cache_bytes(&self) -> Option<usize> {
        let table = self.0.table();
        table.images.as_ref().map(|_| table.cache_bytes)
    }

    /// What a query may keep of rows in memory, if the options say so.
    #[cfg(not(feature = "small"))]
    pub(in crate::storage::pager) fn query_bytes(&self) -> Option<usize> {
        self.0.table().query_bytes
    }

    /// Room outside of memory, if there is any.
    pub(in crate::storage::pager) fn scratch(
        &self,
        block_len: usize,
    ) -> Result<Option<Scratch>, StorageError> {
        match &self.0.table().images {
            Some(images) => images.scratch(block_len),
            None => Ok(None),
        }
    }

    /// The file system's clock.
    #[cfg(not(feature = "small"))]
    pub(in crate::storage::pager) fn now_ns(&self) -> u64 {
        self.0.now_ns()
    }
}

impl Drop for Operation<'_> {
    #[inline]
    fn drop(&mut self) {
        let table = self.0.table();
        table.after_leaving(table.pins.end_operation(&self.0.claim), false);
    }
}
