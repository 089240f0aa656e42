//! Transactions that run without the lease, and how they are found to be as good as run one after the other.
//!
//! ```text
//! ReadLog      what such a transaction has read: ranges of ranks and of index entries
//! WriteSet     what a commit has written
//! History      the write sets since the oldest such transaction began
//! Draws        numbers for keys that no two transactions give out
//! Pages        the pages of a write transaction, whichever kind it is
//! Kind         how a write transaction stands to those beside it
//! Deeds        what a transaction without the lease leaves to be committed
//! ```
//!
//! Above: [`Writer`](super::writer::Writer), which notes reads and writes, and [`Store`](super::store::Store), which
//! commits. The method is backward validation (Kung and Robinson, *On Optimistic Methods for Concurrency Control*, 1981,
//! section 3), with ranges in place of single objects, so that there are no phantoms.
//!
//! * A transaction without the lease reads the commit that was staged last when it began, and changes pages of its own.
//! * It commits under the lease, so that nothing is committed between its validation and its own commit. When no commit
//!   since its beginning wrote what it read, every read gives the same at that moment: it is as if all of it happened
//!   then. What it did is then done again, to the pages as they are now.
//! * So whatever is committed is what the transactions one after the other, in the order of their commits, would do.

mod history;
mod kind;
mod numbers;
mod pages;
mod ranges;
mod reads;
mod writes;

pub(crate) use kind::{Changes, Deeds, Kind};
pub(crate) use numbers::Draws;
pub(crate) use pages::{PageMark, Pages};
pub(crate) use reads::{ReadLog, ReadSet};
pub(crate) use writes::{Mark as WriteMark, WriteSet};

use super::StorageError;
use super::pager::{CommitNumber, PageWriter, Pager, PrivatePages};
use super::planted::{self, Bug};
use crate::ordered::BTreeMap;
use crate::parts;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};
use history::History;

/// For so many commits after a transaction has begun without the lease, those with it note what they write, as another
/// one may begin beside them.
const WATCHED_COMMITS: u64 = 256;

/// What the transactions of one database that run without the lease have in common.
#[derive(Debug, Default)]
pub(crate) struct Concurrency {
    history: Mutex<History>,
    taken: numbers::Taken,
    /// Transactions that build on commits before this one note what they write.
    watched_until: AtomicU64,
}

impl Concurrency {
    pub(crate) fn new() -> Concurrency {
        Concurrency {
            history: Mutex::new(History::default()),
            taken: Mutex::new(BTreeMap::new()),
            watched_until: AtomicU64::new(0),
        }
    }

    /// Numbers for one transaction.
    pub(crate) fn draws(&self) -> Draws<'_> {
        Draws::new(&self.taken)
    }

    /// Begins a transaction without the lease.
    ///
    /// # Errors
    ///
    /// When nothing can be written.
    pub(crate) fn begin<'p>(
        &'p self,
        pager: &'p Pager,
    ) -> Result<(PrivatePages<'p>, Running<'p>), StorageError> {
        // Under the lock: a commit that is not noted here for want of running transactions is one that it builds on.
        let mut history = self.history.lock();
        let pages = pager.begin_private()?;
        let base = pages.base().0;
        history.begin(base);
        self.watched_until.fetch_max(base + WATCHED_COMMITS, Ordering::Relaxed);
        Ok((pages, Running { concurrency: self, base }))
    }

    /// A place for what a transaction with the lease writes, when that may be wanted.
    pub(crate) fn write_set(&self, pages: &PageWriter<'_>) -> Option<WriteSet> {
        (pages.base().0 < self.watched_until.load(Ordering::Relaxed)).then(WriteSet::default)
    }

    /// Takes notice of a commit that is staged. The caller still holds the lease.
    pub(crate) fn committed(&self, commit: CommitNumber, writes: Option<WriteSet>) {
        if writes.is_some() || commit.0 <= self.watched_until.load(Ordering::Relaxed) {
            self.history.lock().push(commit.0, writes);
        }
    }
}

/// A transaction that runs without the lease. What is committed meanwhile is noted until this is dropped.
#[derive(Debug)]
pub(crate) struct Running<'p> {
    concurrency: &'p Concurrency,
    base: u64,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !parts::CONCURRENT {
            return;
        }
        self.concurrency.history.lock().end(self.base);
    }
}

/// A transaction's reads on their way to be found unharmed.
#[derive(Debug)]
pub(crate) struct Validation<'p> {
    running: Running<'p>,
    reads: ReadSet,
    /// Up to this commit nothing that was read was written.
    validated: u64,
}

impl<'p> Validation<'p> {
    pub(crate) fn new(running: Running<'p>, reads: ReadSet) -> Validation<'p> {
        let validated = running.base;
        Validation { running, reads, validated }
    }

    /// The commit that was read.
    pub(crate) fn base(&self) -> CommitNumber {
        CommitNumber(self.running.base)
    }

    /// Looks at the commits made up to now, so that fewer are left to be looked at under the lease. False: one of them
    /// wrote what was read.
    pub(crate) fn look(&mut self) -> bool {
        self.look_until(None)
    }

    /// Whether the reads give the same at `head`, which the holder of the lease builds on.
    pub(crate) fn holds_at(mut self, head: CommitNumber) -> bool {
        planted::is(Bug::ValidatedTooEarly) || (self.look_until(Some(head.0)) && self.reads.counts_hold())
    }

    /// Whether the reads give the same now, as far as is known without the lease.
    pub(crate) fn holds_now(mut self) -> bool {
        self.look() && self.reads.counts_hold()
    }

    fn look_until(&mut self, to: Option<u64>) -> bool {
        let commits = self.running.concurrency.history.lock().since(self.validated, to);
        let Some(commits) = commits else { return false };
        self.validated = commits.last;
        !commits.meet(&mut self.reads)
    }
}
