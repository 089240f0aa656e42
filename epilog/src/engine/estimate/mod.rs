//! Estimates: how many rows, and what work on them costs.
//!
//! Planning sees data through [`Statistics`] alone, so that its tests open no file.

#[cfg(all(feature = "std", not(feature = "small")))]
mod calibration;
mod cost;
#[cfg(not(feature = "small"))]
mod estimator;
#[cfg(not(feature = "small"))]
mod feedback;
#[cfg(not(feature = "small"))]
mod groups;
#[cfg(feature = "small")]
mod plain;
#[cfg(not(feature = "small"))]
mod residency;
mod scatter;
mod selectivity;

#[cfg(not(feature = "small"))]
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Bound;

#[cfg(not(feature = "small"))]
use crate::engine::logical::SlotDef;
use crate::schema::{CollectionDef, IndexDef};
#[cfg(not(feature = "small"))]
use crate::statistics::CollectionStatistics;

pub use crate::parts::Amount;
#[cfg(all(feature = "std", not(feature = "small")))]
pub use calibration::{Calibration, PlanCosts};
pub use cost::Costs;
#[cfg(not(feature = "small"))]
pub use estimator::Estimator;
#[cfg(not(feature = "small"))]
pub(super) use estimator::met;
#[cfg(not(feature = "small"))]
pub use feedback::{About, Counter, Counts, Lesson, Lessons, Watch, Watched};
#[cfg(not(feature = "small"))]
pub use groups::Groups;
#[cfg(feature = "small")]
pub use plain::{Estimator, Paging};
#[cfg(not(feature = "small"))]
pub use residency::{Paging, Residency, Resident};
pub use scatter::Scatter;

/// A range of the encoded fields of an index. An excluded low bound skips every key that *starts* with it, an included
/// high bound takes them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The lower bound.
    pub low: Bound<Vec<u8>>,
    /// The upper bound.
    pub high: Bound<Vec<u8>>,
}

impl KeyRange {
    /// The keys that start with `prefix`.
    pub fn starting_with(prefix: Vec<u8>) -> KeyRange {
        if prefix.is_empty() {
            return KeyRange { low: Bound::Unbounded, high: Bound::Unbounded };
        }
        KeyRange { low: Bound::Included(prefix.clone()), high: Bound::Included(prefix) }
    }

    /// What all keys start with, if these are all that do.
    #[cfg(not(feature = "small"))]
    pub(crate) fn prefix(&self) -> Option<&[u8]> {
        match (&self.low, &self.high) {
            (Bound::Included(low), Bound::Included(high)) if low == high => Some(low),
            _ => None,
        }
    }

    /// The same range of what follows `prefix`.
    #[cfg(not(feature = "small"))]
    pub(crate) fn behind(&self, prefix: &[u8]) -> KeyRange {
        let behind = |bound: &Bound<Vec<u8>>| match bound {
            Bound::Included(key) => Bound::Included([prefix, key].concat()),
            Bound::Excluded(key) => Bound::Excluded([prefix, key].concat()),
            Bound::Unbounded => Bound::Included(prefix.to_vec()),
        };
        KeyRange { low: behind(&self.low), high: behind(&self.high) }
    }

    /// Where it begins.
    #[cfg(not(feature = "small"))]
    pub(crate) fn low_key(&self) -> &[u8] {
        match &self.low {
            Bound::Included(key) | Bound::Excluded(key) => key,
            Bound::Unbounded => &[],
        }
    }

    /// Appends bytes that tell it from every other range.
    #[cfg(not(feature = "small"))]
    pub(crate) fn append_to(&self, out: &mut Vec<u8>) {
        for bound in [&self.low, &self.high] {
            let (kind, key): (u8, &[u8]) = match bound {
                Bound::Unbounded => (0, &[]),
                Bound::Included(key) => (1, key),
                Bound::Excluded(key) => (2, key),
            };
            out.push(kind);
            out.extend_from_slice(&(key.len() as u32).to_be_bytes());
            out.extend_from_slice(key);
        }
    }

    /// The bounds, borrowed.
    pub fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.low.as_ref().map(Vec::as_slice), self.high.as_ref().map(Vec::as_slice))
    }
}

/// What planning knows of the data.
pub trait Statistics {
    /// How many records a collection has.
    fn rows(&self, collection: &CollectionDef) -> u64;

    /// How many records of a collection may be kept in memory by one operation; `None` when there is no limit.
    #[cfg(not(feature = "small"))]
    fn rows_kept(&self, _collection: &CollectionDef) -> Option<u64> {
        None
    }

    /// Whether one operation may keep so many records of a collection in memory.
    #[cfg(not(feature = "small"))]
    fn keeps(&self, collection: &CollectionDef, records: Amount) -> bool {
        self.rows_kept(collection).is_none_or(|kept| records <= kept as Amount)
    }

    /// What work costs that is done for a plan of these sources. Not in small builds, where it is always the same.
    #[cfg(not(feature = "small"))]
    fn costs(&self, _slots: &[SlotDef]) -> Costs {
        Costs::default()
    }

    /// How much of a collection's records is in memory, or of the entries of one of its indexes. Not in small builds.
    #[cfg(not(feature = "small"))]
    fn residency(&self, _collection: &CollectionDef, _index: Option<&IndexDef>) -> Residency {
        Residency::ALL
    }

    /// About how many entries of an index lie in a range; `None` when that cannot be told.
    fn entries(&self, collection: &CollectionDef, index: &IndexDef, range: &KeyRange) -> Option<u64>;

    /// The encoded values of the first field of an index, if there are not more than `max`, found by as many seeks. Not in
    /// small builds.
    #[cfg(not(feature = "small"))]
    fn leading(&self, _collection: &CollectionDef, _index: &IndexDef, _max: usize) -> Option<Vec<Vec<u8>>> {
        None
    }

    /// Whether a budget of memory was asked for: then tables of joins may be put aside, which forgets the order of rows. Not in small builds.
    #[cfg(not(feature = "small"))]
    fn limits_memory(&self) -> bool {
        false
    }

    /// What was learnt of queries of this shape. Not in small builds.
    #[cfg(not(feature = "small"))]
    fn lessons(&self) -> Lessons<'_> {
        Lessons::default()
    }

    /// What is known of the values of its fields; `None` where nothing is. Not in small builds, where a method costs bytes in
    /// every table of methods.
    #[cfg(not(feature = "small"))]
    fn known(&self, _collection: &CollectionDef) -> Option<Arc<CollectionStatistics>> {
        None
    }
}
