//! [`Counted`]: the statistics that a write transaction has changed.
//!
//! They change with every record, so they are kept here and written to their pages once, at the end. That makes them versions
//! like records, so that a snapshot sees the counts of its commit, however old it is, by nothing of their own; that is 3,200 of
//! the 58,000 instructions of a commit that nobody waits for. They keep no transaction from running beside others: what one changed is made
//! again on what it finds when it commits, so that counts add up, and nobody is held to what it read of them.

use alloc::vec::Vec;

use super::catalog::Statistics;
use crate::schema::CollectionId;

/// The statistics that a write transaction has changed. There are as many as it has changed collections: few.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted {
    of: Vec<CountedCollection>,
    /// How many records of which collection were inserted, changed or deleted.
    #[cfg(not(feature = "small"))]
    changed: Vec<(CollectionId, u64)>,
}

/// What has changed of one collection's statistics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CountedCollection {
    /// The collection.
    pub(crate) id: CollectionId,
    /// What is counted for it.
    pub(crate) statistics: Statistics,
    /// Whether its next number moved: that is journaled with the commit.
    pub(crate) numbered: bool,
}

impl Counted {
    /// What is counted for `collection`, if that has changed.
    pub(crate) fn get(&self, collection: CollectionId) -> Option<Statistics> {
        self.of.iter().find(|counted| counted.id == collection).map(|counted| counted.statistics)
    }

    /// Makes `new` what is counted for `collection`, which was `old`.
    pub(crate) fn set(&mut self, collection: CollectionId, old: Statistics, new: Statistics) {
        let numbered = old.next != new.next;
        self.change(collection, new.count.abs_diff(old.count));
        match self.of.iter_mut().find(|counted| counted.id == collection) {
            Some(counted) => {
                counted.statistics = new;
                counted.numbered |= numbered;
            }
            None => self.of.push(CountedCollection { id: collection, statistics: new, numbered }),
        }
    }

    /// Takes notice that so many records of `collection` were inserted, changed or deleted.
    #[inline]
    pub(crate) fn change(&mut self, collection: CollectionId, count: u64) {
        #[cfg(not(feature = "small"))]
        match self.changed.iter_mut().find(|(of, _)| *of == collection) {
            Some((_, changed)) => *changed += count,
            None => self.changed.push((collection, count)),
        }
        #[cfg(feature = "small")]
        let _ = (collection, count);
    }

    /// How many records of which collection were inserted, changed or deleted.
    #[cfg(not(feature = "small"))]
    pub(crate) fn changed(&self) -> impl Iterator<Item = (CollectionId, u64)> + Clone {
        self.changed.iter().copied()
    }

    /// The collections, in the order of their first change.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &CountedCollection> {
        self.of.iter()
    }
}
