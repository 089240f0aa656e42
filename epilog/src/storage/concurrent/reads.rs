//! [`ReadLog`]: what a concurrent transaction has read.
//!
//! Records by rank, entries of indexes by their bytes, both in ranges, so that what was *not* there counts as well; and how
//! many records a collection has. Checks of constraints are reads like any other. What is noted may be more than was read
//! (a leaf's rank to its end), never less.

use alloc::vec::Vec;
use core::ops::Bound;

use super::ranges::{KeyRanges, RankRanges};
use super::writes::WriteSet;
use crate::ordered::BTreeMap;
use crate::schema::{CollectionId, IndexId};
use crate::sync::Mutex;

/// What a transaction has read, as it is being noted. Its lock is the transaction's own: reading takes `&self`.
#[derive(Debug, Default)]
pub(crate) struct ReadLog(Mutex<ReadSet>);

impl ReadLog {
    /// The record with this rank was looked at, or found missing.
    pub(crate) fn record(&self, collection: CollectionId, rank: u128) {
        self.records(collection, rank, rank);
    }

    /// The records with ranks from `low` to `high`, both included, were looked at.
    pub(crate) fn records(&self, collection: CollectionId, low: u128, high: u128) {
        self.0.lock().records.entry(collection).or_default().insert(low, high);
    }

    /// The records with these ranks were looked at.
    pub(crate) fn each_record(&self, collection: CollectionId, ranks: &[u128]) {
        let mut reads = self.0.lock();
        let known = reads.records.entry(collection).or_default();
        ranks.iter().for_each(|&rank| known.insert(rank, rank));
    }

    /// The entries in this range were looked at.
    pub(crate) fn entries(
        &self,
        collection: CollectionId,
        index: IndexId,
        low: Bound<&[u8]>,
        high: Bound<&[u8]>,
    ) {
        let low = match low {
            Bound::Unbounded => Vec::new(),
            Bound::Included(low) => low.to_vec(),
            Bound::Excluded(low) => successor(low),
        };
        let high = match high {
            Bound::Unbounded => None,
            Bound::Excluded(high) => Some(high.to_vec()),
            Bound::Included(high) => Some(successor(high)),
        };
        self.0.lock().entries.entry((collection, index)).or_default().insert(&low, high.as_deref());
    }

    /// The number of a collection's records was asked for.
    pub(crate) fn count(&self, collection: CollectionId) {
        self.0.lock().counts.entry(collection).or_insert(0);
    }

    pub(crate) fn into_set(self) -> ReadSet {
        self.0.into_inner()
    }
}

/// The least byte string that is greater.
fn successor(key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    key.push(0);
    key
}

/// What a transaction has read.
#[derive(Debug, Default)]
pub(crate) struct ReadSet {
    records: BTreeMap<CollectionId, RankRanges>,
    entries: BTreeMap<(CollectionId, IndexId), KeyRanges>,
    /// Whose records were counted, and by how much the commits looked at since have changed their number.
    counts: BTreeMap<CollectionId, i64>,
}

impl ReadSet {
    /// Whether a commit wrote something that was read. Numbers of records are only added up: see
    /// [`counts_hold`](ReadSet::counts_hold).
    pub(super) fn meets(&mut self, writes: &WriteSet) -> bool {
        for (collection, more) in writes.counts() {
            if let Some(sum) = self.counts.get_mut(&collection) {
                *sum += more;
            }
        }
        let collection_read = |id: CollectionId| {
            self.records.contains_key(&id)
                || self.counts.contains_key(&id)
                || self.entries.keys().any(|(collection, _)| *collection == id)
        };
        writes.whole().any(collection_read)
            || writes.records().any(|(collection, rank)| {
                self.records.get(&collection).is_some_and(|ranges| ranges.contains(rank))
            })
            || writes.entries().any(|(collection, index, entry)| {
                self.entries.get(&(collection, index)).is_some_and(|ranges| ranges.contains(entry))
            })
    }

    /// Whether the collections that were counted have as many records as then.
    pub(super) fn counts_hold(&self) -> bool {
        self.counts.values().all(|change| *change == 0)
    }
}
