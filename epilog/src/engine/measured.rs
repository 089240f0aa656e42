//! [`Measured`]: statistics taken from a view.

use crate::engine::estimate::{KeyRange, Statistics};
use crate::schema::{CollectionDef, IndexDef};
use crate::storage::facade::{Direction, View};

/// Statistics of what a view sees: counts as the catalog keeps them, ranges of indexes by counting their entries.
pub(super) struct Measured<'s>(pub(super) View<'s>);

impl Statistics for Measured<'_> {
    fn rows(&self, collection: &CollectionDef) -> u64 {
        // What cannot be read is found out when the plan is run; until then it is as good as empty.
        self.0.for_estimates().count(collection.id).unwrap_or(0)
    }

    fn entries(
        &self,
        collection: &CollectionDef,
        index: &IndexDef,
        range: &KeyRange,
        at_most: u64,
    ) -> Option<u64> {
        let (low, high) = range.bounds();
        let stored = self.0.catalog().collection(collection.id)?;
        let mut cursor =
            self.0.for_estimates().entries(stored, index.id, low, high, Direction::Forward).ok()?;
        let mut ranks = alloc::vec::Vec::new();
        let mut count = 0;
        while count < at_most {
            ranks.clear();
            let wanted = (at_most - count).min(256) as usize;
            match cursor.next_ranks(wanted, &mut ranks).ok()? {
                0 => break,
                found => count += found as u64,
            }
        }
        Some(count)
    }
}
