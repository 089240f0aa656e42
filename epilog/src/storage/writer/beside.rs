//! Writers beside others: how one begins, and what becomes of one without the lease.

use alloc::sync::Arc;

use super::Writer;
use crate::parts::Whole;
use crate::storage::catalog::Stored;
use crate::storage::concurrent::{
    Changes, Concurrency, Deeds, Draws, Kind, Pages, ReadLog, Running, Validation,
};
use crate::storage::counted::CountedCollection;
use crate::storage::pager::{CommitNumber, PageWriter, PrivatePages};
use crate::storage::{StorageError, StorageFault};

impl<'p> Writer<'p> {
    /// As [`new`](Writer::new), with others beside it.
    pub(crate) fn leased(
        pages: PageWriter<'p>,
        stored: Arc<Stored>,
        journaled: Option<usize>,
        concurrency: &'p Concurrency,
    ) -> Writer<'p> {
        let kind = match Whole::build() {
            Some(whole) => {
                let (draws, writes) = (concurrency.draws(), concurrency.write_set(&pages));
                Kind::Leased { concurrency, draws, writes, whole }
            }
            None => Kind::Alone,
        };
        Writer::of_kind(Pages::Leased(pages), kind, stored, journaled)
    }

    /// A transaction without the lease. It has at most `bytes` of changes.
    pub(crate) fn concurrent(
        pages: PrivatePages<'p>,
        stored: Arc<Stored>,
        bytes: usize,
        running: Running<'p>,
        draws: Draws<'p>,
        whole: Whole,
    ) -> Writer<'p> {
        let kind = Kind::Concurrent { running, draws, reads: ReadLog::default(), whole };
        Writer::of_kind(Pages::Private(pages, whole), kind, stored, Some(bytes))
    }

    /// The commit that the transaction builds on.
    pub(crate) fn base(&self) -> CommitNumber {
        self.pages.base()
    }

    /// Whether the transaction changes too much to run without the lease, and has failed for it.
    pub(crate) fn is_out_of_room(&self) -> bool {
        self.pages.is_out_of_room()
    }

    /// Ends a transaction without the lease. Its pages are gone; what it did is left to be committed.
    ///
    /// # Errors
    ///
    /// [`StorageFault::TransactionFailed`] after a statement that failed half-way.
    ///
    /// # Panics
    ///
    /// When the transaction has the lease.
    pub(crate) fn into_deeds(mut self) -> Result<Deeds<'p>, StorageError> {
        if self.failed || self.open_marks > 0 {
            return Err(StorageFault::TransactionFailed.into());
        }
        self.remove_unheld()?;
        let Kind::Concurrent { running, draws, reads, .. } = self.kind else {
            panic!("a transaction with the lease commits by itself")
        };
        let validation = Validation::new(running, reads.into_set());
        let changes = Changes::new(self.changes, self.counted);
        Ok(Deeds { validation, draws, changes })
    }

    /// Makes the changes again that a transaction without the lease made.
    ///
    /// # Errors
    ///
    /// Whatever reading and writing pages fails with.
    pub(crate) fn redo(&mut self, changes: &Changes) -> Result<(), StorageError> {
        self.apply([changes.payload()])?;
        for CountedCollection { id, statistics, numbered } in changes.counted() {
            if *numbered {
                let mut own = self.statistics(*id)?;
                own.next = own.next.max(statistics.next);
                self.set_statistics(*id, own)?;
            }
        }
        Ok(())
    }
}
