//! The pager: pages by number, in versions; one writer, any number of readers that never wait.
//!
//! Above: trees and records, which see [`PageRead`] and [`PageWrite`](super::page::PageWrite).
//! Below: the journal and the VFS.
//!
//! * Readers take no lock: a [`PageSnapshot`] announces the commit it reads, and finds each page's version through the
//!   frame table.
//! * One [`PageWriter`] at a time holds the lease.
//! * What was committed since the last checkpoint is in memory and in the journal. A checkpoint writes the changed pages'
//!   images to free space, then the map pages that name them, then a header that names those.
//! * A page is loaded at most once, and stays.
//! * The pager never looks into a payload: recovery gives it back to whoever made it.

mod check;
mod checkpoint;
mod frames;
mod free;
mod header;
mod image;
mod images;
mod map;
mod numbers;
mod open;
mod pins;
mod space;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use writer::{PageWriter, Savepoint};

use alloc::sync::Arc;
use core::fmt;

use self::frames::{FrameTable, Pin};
use self::images::Images;
use self::numbers::Numbers;
use self::store::{Journaling, Store};
use super::StorageError;
use super::journal::JournalOptions;
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
///
/// Either way a crash leaves a whole number of commits: it never keeps part of one, nor one without those before it.
///
/// # Examples
///
/// ```
#[doc = include_str!("../../example.txt")]
/// let mut tx = db.begin()?;
/// tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() })?;
/// tx.commit_with(Durability::None)?;
/// assert_eq!(Artist::query().count(&db)?, 4);
/// assert_eq!(Durability::default(), Durability::Immediate);
/// # Ok::<(), Error>(())
/// ```
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
    /// `None` in memory.
    store: Option<Store>,
}

/// How a pager treats its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PagerOptions {
    /// Nothing is written, and the file must exist.
    pub read_only: bool,
    /// How a new journal is laid out.
    pub journal: JournalOptions,
    /// A commit is followed by a checkpoint when the pages changed since the last one have this many bytes.
    pub checkpoint_dirty_bytes: u64,
    /// As `checkpoint_dirty_bytes`, for the bytes a recovery would have to read.
    pub checkpoint_journal_bytes: u64,
}

impl Default for PagerOptions {
    /// Writable; a checkpoint at 32 MiB of changed pages or 64 MiB of journal.
    fn default() -> PagerOptions {
        PagerOptions {
            read_only: false,
            journal: JournalOptions::default(),
            checkpoint_dirty_bytes: 32 << 20,
            checkpoint_journal_bytes: 64 << 20,
        }
    }
}

struct Shared {
    frames: Arc<FrameTable>,
    images: Option<Arc<Images>>,
    writer: Mutex<WriterState>,
}

/// Makes a journaled commit's changes again: gets a write transaction and the payload, gives the transaction back.
pub type Redo<'p, 'a> = dyn FnMut(PageWriter<'p>, &[u8]) -> Result<PageWriter<'p>, StorageError> + 'a;

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
            writer: Mutex::new(WriterState { numbers: Numbers::new(), store: None }),
        };
        Pager { shared: Arc::new(shared) }
    }

    /// Whether nothing was ever committed.
    pub fn is_new(&self) -> bool {
        self.shared.frames.published() == 0
    }

    /// Whether nothing may be written.
    pub fn is_read_only(&self) -> bool {
        self.shared.writer.lock().store.as_ref().is_some_and(|store| store.options.read_only)
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
        let state = self.shared.writer.lock();
        if let Some(store) = &state.store {
            store.check_writable()?;
        }
        Ok(PageWriter::new(&self.shared, state))
    }

    /// Applies the commits that the journal has and the file has not: each in a transaction of its own, which is then
    /// published. `apply` gives back the writer it was given. Returns how many there were. To be called once, after
    /// [`open`](Pager::open); it writes nothing.
    ///
    /// # Errors
    ///
    /// What `apply` fails with; [`StorageError::Corruption`] when the journal is damaged, or not the one that belongs to
    /// the newest header. Nothing can be written then.
    pub fn replay<'p>(&'p self, apply: &mut Redo<'p, '_>) -> Result<u64, StorageError> {
        let mut state = self.shared.writer.lock();
        let Some(store) = &mut state.store else { return Ok(0) };
        let (checkpoint, position) = (store.header.checkpoint, store.header.position);
        let mut recovery = match core::mem::replace(&mut store.journaling, Journaling::Idle) {
            Journaling::Unreplayed(recovery) => recovery,
            other => {
                store.journaling = other;
                return Ok(0);
            }
        };
        drop(state);
        let outcome = recovery.replay(checkpoint, position, &mut |commit, payload| {
            apply(PageWriter::new(&self.shared, self.shared.writer.lock()), payload)?.publish_replayed(commit)
        });
        if let Some(store) = &mut self.shared.writer.lock().store {
            store.journaling = match outcome {
                Ok(_) => Journaling::Replayed(recovery),
                Err(_) => Journaling::Unreplayed(recovery),
            };
        }
        outcome
    }

    /// Brings the file up to the last commit, so that recovery would have nothing to do.
    ///
    /// # Errors
    ///
    /// When the disk is full or cannot be written: nothing has changed then, and it may be tried again. After a failed
    /// sync nothing is written any more.
    pub fn checkpoint(&self) -> Result<(), StorageError> {
        let state = &mut *self.shared.writer.lock();
        match &mut state.store {
            Some(store) => store.checkpoint(&self.shared.frames, &mut state.numbers, false),
            None => Ok(()),
        }
    }

    /// Checkpoints, marks the file as clean and removes the journal: the file alone is the database then. A file to which
    /// nothing was written is left as it is. Writing again is possible, and begins a new journal.
    ///
    /// # Errors
    ///
    /// As [`checkpoint`](Pager::checkpoint): the journal stays, and the next open recovers from it.
    pub fn close(&self) -> Result<(), StorageError> {
        let state = &mut *self.shared.writer.lock();
        match &mut state.store {
            Some(store) => store.close(&self.shared.frames, &mut state.numbers),
            None => Ok(()),
        }
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
