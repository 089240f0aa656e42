//! [`Kind`]: how a write transaction stands to those beside it; [`Deeds`]: what one without the lease leaves behind.

use super::super::change::ChangeSet;
use super::super::counted::{Counted, CountedCollection};
use super::{Concurrency, Draws, ReadLog, Running, Validation, WriteMark, WriteSet};
use crate::parts::Whole;
use crate::schema::{CollectionId, IndexId};
use crate::storage::pager::CommitNumber;

/// How a transaction stands to those beside it.
pub(crate) enum Kind<'p> {
    /// It has the lease, and nobody is beside it: recovery, and all of a build that knows no others.
    Alone,
    /// It has the lease.
    Leased {
        concurrency: &'p Concurrency,
        draws: Draws<'p>,
        /// What it writes, when one without the lease may have to know.
        writes: Option<WriteSet>,
        /// Never read: without a value of it, in a build with the feature `small`, there is no such transaction.
        #[allow(dead_code)]
        whole: Whole,
    },
    /// It runs without the lease.
    Concurrent {
        running: Running<'p>,
        draws: Draws<'p>,
        reads: ReadLog,
        /// As above.
        #[allow(dead_code)]
        whole: Whole,
    },
}

impl Kind<'_> {
    /// A number to give out, not less than `least`.
    pub(crate) fn draw(&mut self, collection: CollectionId, least: u64) -> u64 {
        match self {
            Kind::Alone => least,
            Kind::Leased { draws, .. } | Kind::Concurrent { draws, .. } => draws.draw(collection, least),
        }
    }

    /// Whether what is read is noted.
    #[inline]
    pub(crate) fn notes_reads(&self) -> bool {
        matches!(self, Kind::Concurrent { .. })
    }

    /// A record was looked for by other means than a view.
    #[inline]
    pub(crate) fn note_read(&self, collection: CollectionId, rank: u128) {
        if let Kind::Concurrent { reads, .. } = self {
            reads.record(collection, rank);
        }
    }

    /// Whether it is of any use to note what is written. Of a transaction without the lease it is noted when it is done
    /// again.
    #[inline]
    pub(crate) fn notes_writes(&self) -> bool {
        matches!(self, Kind::Leased { writes: Some(_), .. })
    }

    #[inline]
    pub(crate) fn note_record(&mut self, collection: CollectionId, rank: u128, more: i8) {
        if let Kind::Leased { writes: Some(writes), .. } = self {
            writes.record(collection, rank, more);
        }
    }

    #[inline]
    pub(crate) fn note_entry(&mut self, collection: CollectionId, index: IndexId, entry: &[u8]) {
        if let Kind::Leased { writes: Some(writes), .. } = self {
            writes.entry(collection, index, entry);
        }
    }

    pub(crate) fn mark(&self) -> WriteMark {
        match self {
            Kind::Leased { writes: Some(writes), .. } => writes.mark(),
            _ => WriteMark::default(),
        }
    }

    pub(crate) fn rollback_to(&mut self, mark: WriteMark) {
        if let Kind::Leased { writes: Some(writes), .. } = self {
            writes.rollback_to(mark);
        }
    }

    /// Takes notice of the commit, which is staged; the lease is still held.
    pub(crate) fn committed(self, commit: CommitNumber, counted: &Counted) {
        if let Kind::Leased { concurrency, mut draws, writes, .. } = self {
            // What is left of them is given back now: the next transaction to have the lease leaves none out.
            counted.iter().for_each(|of| draws.committed(of.id, of.statistics.next));
            drop(draws);
            concurrency.committed(commit, writes);
        }
    }
}

/// What a transaction without the lease did, to be committed by one that has it.
pub(crate) struct Deeds<'p> {
    pub(crate) validation: Validation<'p>,
    /// For the next attempt, or to be told what was committed.
    pub(crate) draws: Draws<'p>,
    pub(crate) changes: Changes,
}

/// The changes that a transaction without the lease made.
pub(crate) struct Changes {
    set: ChangeSet,
    counted: Counted,
}

impl Changes {
    pub(crate) fn new(set: ChangeSet, counted: Counted) -> Changes {
        Changes { set, counted }
    }

    /// The changes, as a journal keeps them.
    pub(crate) fn payload(&self) -> &[u8] {
        self.set.as_bytes()
    }

    /// The statistics that have changed.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &CountedCollection> {
        self.counted.iter()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && !self.counted.iter().any(|counted| counted.numbered)
    }

    /// Whether there are too many to be made again.
    pub(crate) fn are_too_many(&self) -> bool {
        self.set.is_bulk()
    }

    /// Keeps the numbers that were given out.
    pub(crate) fn keep_numbers(&self, draws: &mut Draws<'_>) {
        self.counted.iter().for_each(|of| draws.committed(of.id, of.statistics.next));
    }
}
