//! [`Pages`]: the pages of a write transaction, whichever kind it is.

use crate::parts::Whole;
use crate::storage::StorageError;
use crate::storage::page::{PageKind, PageNumber, PageRead, PageWrite, TreeId};
use crate::storage::pager::{CommitNumber, PageWriter, PrivatePages, PrivateSavepoint, Savepoint};
#[cfg(not(feature = "small"))]
use crate::storage::scratch::Scratch;

/// The pages of a write transaction.
pub(crate) enum Pages<'p> {
    /// Those that are committed, changed by the one who has the lease.
    Leased(PageWriter<'p>),
    /// Its own, thrown away at the end.
    Private(PrivatePages<'p>, Whole),
}

/// A point that pages can go back to.
#[derive(Debug)]
pub(crate) enum PageMark {
    Leased(Savepoint),
    Private(PrivateSavepoint, Whole),
}

impl Pages<'_> {
    /// The commit that the transaction builds on.
    pub(crate) fn base(&self) -> CommitNumber {
        match self {
            Pages::Leased(pages) => pages.base(),
            Pages::Private(pages, _) => pages.base(),
        }
    }

    /// What pages may take in memory, in bytes; `None` when there is no limit, and for private ones, which have none.
    pub(crate) fn cache_bytes(&self) -> Option<usize> {
        match self {
            Pages::Leased(pages) => pages.cache_bytes(),
            Pages::Private(..) => None,
        }
    }

    /// Whether a change was refused because the transaction's own pages take too much memory.
    pub(crate) fn is_out_of_room(&self) -> bool {
        match self {
            Pages::Leased(_) => false,
            Pages::Private(pages, _) => pages.is_out_of_room(),
        }
    }

    /// What a statement may keep in memory, in bytes; `None` when there is no limit.
    #[cfg(not(feature = "small"))]
    pub(crate) fn statement_bytes(&self) -> Option<usize> {
        match self {
            Pages::Leased(pages) => pages.statement_bytes(),
            Pages::Private(pages, _) => pages.statement_bytes(),
        }
    }

    /// Room outside of memory, if there is any.
    #[cfg(not(feature = "small"))]
    pub(crate) fn scratch(&self, block_len: usize) -> Result<Option<Scratch>, StorageError> {
        match self {
            Pages::Leased(pages) => pages.scratch(block_len),
            Pages::Private(pages, _) => pages.scratch(block_len),
        }
    }

    /// Lets go of what was read.
    pub(crate) fn rest(&mut self) {
        if let Pages::Leased(pages) = self {
            pages.rest();
        }
    }

    /// Remembers this point.
    pub(crate) fn savepoint(&mut self) -> PageMark {
        match self {
            Pages::Leased(pages) => PageMark::Leased(pages.savepoint()),
            Pages::Private(pages, whole) => PageMark::Private(pages.savepoint(), *whole),
        }
    }

    /// Undoes everything since `mark`, which is of these pages.
    pub(crate) fn rollback_to(&mut self, mark: PageMark) {
        match (self, mark) {
            (Pages::Leased(pages), PageMark::Leased(mark)) => pages.rollback_to(mark),
            (Pages::Private(pages, _), PageMark::Private(mark, _)) => pages.rollback_to(mark),
            _ => unreachable!("a transaction stays of its kind"),
        }
    }

    /// Ends `mark`, which is of these pages, and keeps what was changed since.
    pub(crate) fn release(&mut self, mark: PageMark) {
        match (self, mark) {
            (Pages::Leased(pages), PageMark::Leased(mark)) => pages.release(mark),
            (Pages::Private(pages, _), PageMark::Private(mark, _)) => pages.release(mark),
            _ => unreachable!("a transaction stays of its kind"),
        }
    }
}

impl PageRead for Pages<'_> {
    #[inline]
    fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        match self {
            Pages::Leased(pages) => pages.page(number),
            Pages::Private(pages, _) => pages.page(number),
        }
    }

    #[cfg(not(feature = "small"))]
    fn bring_near(&self, number: PageNumber) {
        match self {
            Pages::Leased(pages) => pages.bring_near(number),
            Pages::Private(pages, _) => pages.bring_near(number),
        }
    }

    #[cfg(not(feature = "small"))]
    fn commit(&self) -> Option<u64> {
        Some(self.base().0)
    }

    #[cfg(not(feature = "small"))]
    fn now_ns(&self) -> u64 {
        match self {
            Pages::Leased(pages) => pages.now_ns(),
            Pages::Private(pages, _) => pages.now_ns(),
        }
    }
}

impl PageWrite for Pages<'_> {
    fn block_len(&self) -> usize {
        match self {
            Pages::Leased(pages) => pages.block_len(),
            Pages::Private(pages, _) => pages.block_len(),
        }
    }

    #[inline]
    fn page_mut(&mut self, number: PageNumber) -> Result<&mut [u8], StorageError> {
        match self {
            Pages::Leased(pages) => pages.page_mut(number),
            Pages::Private(pages, _) => pages.page_mut(number),
        }
    }

    fn allocate(&mut self, kind: PageKind, tree: TreeId, len: usize) -> Result<PageNumber, StorageError> {
        match self {
            Pages::Leased(pages) => pages.allocate(kind, tree, len),
            Pages::Private(pages, _) => pages.allocate(kind, tree, len),
        }
    }

    fn free(&mut self, number: PageNumber) {
        match self {
            Pages::Leased(pages) => pages.free(number),
            Pages::Private(pages, _) => pages.free(number),
        }
    }
}
