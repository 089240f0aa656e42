//! [`Measured`]: statistics taken from a view.

use crate::engine::estimate::{KeyRange, Statistics};
use crate::schema::{CollectionDef, IndexDef};
use crate::storage::facade::View;

/// Statistics of what a view sees: counts as the catalog keeps them, ranges of indexes
/// by the pages at their ends.
pub(super) struct Measured<'s>(pub(super) View<'s>);

impl Statistics for Measured<'_> {
    fn rows(&self, collection: &CollectionDef) -> u64 {
        // What cannot be read is found out when the plan is run; until then it is as good as empty.
        self.0.for_estimates().count(collection.id).unwrap_or(0)
    }

    #[cfg(not(feature = "small"))]
    fn rows_kept(&self, collection: &CollectionDef) -> Option<u64> {
        self.0.records_kept(collection)
    }

    fn entries(&self, collection: &CollectionDef, index: &IndexDef, range: &KeyRange) -> Option<u64> {
        let (low, high) = range.bounds();
        let stored = self.0.catalog().collection(collection.id)?;
        self.0.estimate_entries(stored, index.id, low, high).ok()
    }
}
