//! [`Latest`]: which commit changed each collection last, for those who wait for changes of some.
//!
//! - A commit is noted under the lease and before it is published. So whoever sees it finds noted all that it changed, and
//!   when its publishing wakes a waiter, nothing is missed that a look at the notes would have to wait for.
//! - A commit that fails afterwards, or is not published yet, is noted all the same: then somebody looks for nothing, or twice.
//! - A collection is noted when a record of it was put or deleted, by whatever statement or cascade, and when numbers of it were
//!   given out. A record that was put as it was counts.
//!
//! That is a store for each collection that a commit changes, whether anybody waits or not.

use alloc::vec::Vec;

use super::pager::CommitNumber;
use crate::schema::{Catalog, CollectionId};
use crate::sync::atomic::{AtomicU64, Ordering};

/// The number of the last commit that changed each collection since the database was opened; 0 when none did.
#[derive(Debug, Default)]
pub(crate) struct Latest(Vec<(CollectionId, AtomicU64)>);

/// What a wait for changes came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// There may be changes.
    Changed,
    /// Somebody ended the wait.
    Ended,
    /// The time was over.
    TimedOut,
}

impl Latest {
    /// Nothing is noted yet of the collections of `catalog`.
    pub(super) fn of(catalog: &Catalog) -> Latest {
        Latest(catalog.collections.iter().map(|of| (of.id, AtomicU64::new(0))).collect())
    }

    /// Takes notice that `commit`, which is about to be published, changes a collection. The lease is held.
    pub(super) fn note(&self, collection: CollectionId, commit: CommitNumber) {
        // Those that are not here are the catalog's own: nobody waits for them.
        if let Some((_, latest)) = self.0.iter().find(|(id, _)| *id == collection) {
            latest.store(commit.0, Ordering::Release);
        }
    }

    /// Whether a commit after `commit` changes one of these collections.
    pub(super) fn is_after(&self, commit: CommitNumber, collections: &[CollectionId]) -> bool {
        let mut noted = self.0.iter().filter(|(id, _)| collections.contains(id));
        noted.any(|(_, latest)| latest.load(Ordering::Acquire) > commit.0)
    }
}
