//! [`WriteSet`]: what a commit wrote, as transactions that run beside it compare it with what they read.

use alloc::vec::Vec;

use crate::ordered::{BTreeMap, BTreeSet};
use crate::schema::{CollectionId, IndexId};

/// With more bytes than this, only the collections are kept.
const BYTES_MAX: usize = 1 << 20;

/// The records and index entries that a transaction has put or removed. Some may be there that it has not.
#[derive(Debug, Default)]
pub(crate) struct WriteSet {
    /// Each with the change that it makes to the number of the collection's records.
    records: Vec<(CollectionId, u128, i8)>,
    bytes: Vec<u8>,
    /// Each with its end in `bytes`, where it begins at the end of the one before.
    entries: Vec<(CollectionId, IndexId, usize)>,
    /// Collections of which no more is known than that something in them was written.
    whole: BTreeSet<CollectionId>,
}

/// A point that a write set can go back to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    records: usize,
    entries: usize,
}

impl WriteSet {
    /// A record is put or removed; `more` is what that adds to the number of records.
    pub(crate) fn record(&mut self, collection: CollectionId, rank: u128, more: i8) {
        if self.keeps_details(collection) {
            self.records.push((collection, rank, more));
        }
    }

    /// An entry is put or removed.
    pub(crate) fn entry(&mut self, collection: CollectionId, index: IndexId, entry: &[u8]) {
        if self.keeps_details(collection) {
            self.bytes.extend_from_slice(entry);
            self.entries.push((collection, index, self.bytes.len()));
        }
    }

    /// Whether there is room for one more.
    fn keeps_details(&mut self, collection: CollectionId) -> bool {
        if self.whole.is_empty() && self.bytes() > BYTES_MAX {
            let records = core::mem::take(&mut self.records);
            let entries = core::mem::take(&mut self.entries);
            self.bytes = Vec::new();
            self.whole.extend(records.into_iter().map(|(collection, ..)| collection));
            self.whole.extend(entries.into_iter().map(|(collection, ..)| collection));
        }
        if !self.whole.is_empty() {
            self.whole.insert(collection);
        }
        self.whole.is_empty()
    }

    /// The bytes it takes, about.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.records.as_slice()) + size_of_val(self.entries.as_slice()) + self.bytes.len()
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { records: self.records.len(), entries: self.entries.len() }
    }

    /// Forgets what came after `mark`. What is only known by its collection stays.
    pub(crate) fn rollback_to(&mut self, mark: Mark) {
        self.records.truncate(mark.records);
        self.entries.truncate(mark.entries);
        self.bytes.truncate(self.entries.last().map_or(0, |(.., end)| *end));
    }

    pub(super) fn whole(&self) -> impl Iterator<Item = CollectionId> {
        self.whole.iter().copied()
    }

    pub(super) fn records(&self) -> impl Iterator<Item = (CollectionId, u128)> {
        self.records.iter().map(|(collection, rank, _)| (*collection, *rank))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (CollectionId, IndexId, &[u8])> {
        let mut start = 0;
        self.entries.iter().map(move |(collection, index, end)| {
            let entry = &self.bytes[start..*end];
            start = *end;
            (*collection, *index, entry)
        })
    }

    /// By how much the numbers of records have changed.
    pub(super) fn counts(&self) -> impl Iterator<Item = (CollectionId, i64)> {
        let mut counts: BTreeMap<CollectionId, i64> = BTreeMap::new();
        for (collection, _, more) in self.records.iter().filter(|(.., more)| *more != 0) {
            *counts.entry(*collection).or_insert(0) += i64::from(*more);
        }
        counts.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::super::reads::{ReadLog, ReadSet};
    use super::*;
    use core::ops::Bound;

    const A: CollectionId = CollectionId(17);
    const B: CollectionId = CollectionId(18);
    const INDEX: IndexId = IndexId(30);

    fn reads(note: impl FnOnce(&ReadLog)) -> ReadSet {
        let log = ReadLog::default();
        note(&log);
        log.into_set()
    }

    #[test]
    fn what_was_read_meets_what_is_written_there_and_nothing_else() {
        let mut writes = WriteSet::default();
        writes.record(A, 7, 1);
        writes.entry(A, INDEX, b"entry");
        let meets = |note: fn(&ReadLog)| reads(note).meets(&writes);
        assert!(meets(|log| log.record(A, 7)));
        assert!(meets(|log| log.each_record(A, &[3, 7])));
        assert!(meets(|log| log.records(A, 0, 9)));
        assert!(meets(|log| log.entries(A, INDEX, Bound::Unbounded, Bound::Unbounded)));
        assert!(meets(|log| log.entries(A, INDEX, Bound::Included(b"entry"), Bound::Included(b"entry"))));
        assert!(!meets(|log| log.record(A, 8)));
        assert!(!meets(|log| log.record(B, 7)));
        assert!(!meets(|log| log.records(A, 8, u128::MAX)));
        assert!(!meets(|log| log.entries(A, INDEX, Bound::Excluded(b"entry"), Bound::Unbounded)));
        assert!(!meets(|log| log.entries(A, INDEX, Bound::Unbounded, Bound::Excluded(b"entry"))));
        assert!(!meets(|log| log.entries(A, IndexId(31), Bound::Unbounded, Bound::Unbounded)));
    }

    #[test]
    fn counts_hold_when_as_many_went_as_came() {
        let (mut came, mut changed, mut went) =
            (WriteSet::default(), WriteSet::default(), WriteSet::default());
        came.record(A, 7, 1);
        changed.record(A, 7, 0);
        went.record(A, 7, -1);
        let mut counted = reads(|log| log.count(A));
        assert!(!counted.meets(&changed) && counted.counts_hold());
        assert!(!counted.meets(&came) && !counted.counts_hold());
        assert!(!counted.meets(&went) && counted.counts_hold());
    }

    #[test]
    fn a_large_set_keeps_its_collections_only() {
        let mut writes = WriteSet::default();
        for rank in 0..100_000 {
            writes.record(A, rank, 1);
        }
        assert!(writes.bytes() < BYTES_MAX);
        assert!(reads(|log| log.record(A, u128::MAX)).meets(&writes), "all of it may have been written");
        assert!(reads(|log| log.count(A)).meets(&writes));
        assert!(reads(|log| log.entries(A, INDEX, Bound::Unbounded, Bound::Excluded(b"a"))).meets(&writes));
        assert!(!reads(|log| log.record(B, 1)).meets(&writes));
        writes.entry(B, INDEX, b"entry");
        writes.rollback_to(Mark::default());
        assert!(reads(|log| log.record(B, 1)).meets(&writes));
    }

    #[test]
    fn what_was_undone_is_forgotten() {
        let mut writes = WriteSet::default();
        writes.entry(A, INDEX, b"kept");
        let mark = writes.mark();
        writes.record(A, 7, 1);
        writes.entry(A, INDEX, b"undone");
        writes.rollback_to(mark);
        writes.entry(A, INDEX, b"later");
        assert_eq!(writes.records().count(), 0);
        let entries: Vec<&[u8]> = writes.entries().map(|(.., entry)| entry).collect();
        assert_eq!(entries, [&b"kept"[..], b"later"]);
    }
}
