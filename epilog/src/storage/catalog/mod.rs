//! The catalog: what is stored, kept in collections of its own.
//!
//! Five collections, whose schema is compiled in and whose roots are the first five pages:
//!
//! | id | name | a record for each |
//! |---|---|---|
//! | 1 | `collections` | collection: name, key, clustering, root |
//! | 2 | `fields` | field: collection, name, type, reference, default |
//! | 3 | `indexes` | index: collection, name, fields, uniqueness, root |
//! | 4 | `statistics` | collection: number of records, next number to assign |
//! | 5 | `chunks` | piece of a blob: its bytes. See [`streamed`](super::streamed) |
//!
//! The record of `statistics` with key 0 counts the permanent ids given out. Collections and indexes share one sequence
//! of ids, because both name trees; fields draw from it too.

#[cfg(not(feature = "small"))]
mod attached;
mod create;
mod load;
pub(crate) mod system;

#[cfg(not(feature = "small"))]
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::StorageError;
use super::facade::record_at;
#[cfg(not(feature = "small"))]
use super::known::Known;
#[cfg(all(feature = "std", not(feature = "small")))]
use super::latest::Latest;
use super::page::{PageNumber, PageRead};
use crate::schema::{Catalog, CollectionId};
use system::{STATISTICS, System};

#[cfg(not(feature = "small"))]
pub(crate) use attached::Attached;
pub(crate) use create::{LeafSource, PageLens, RECORDS_PER_LEAF, create_collections};
pub(crate) use load::load;

/// The page that the first of the catalog's own trees begins at.
const FIRST_ROOT: u32 = 1;

/// The first permanent id that is not the catalog's own.
pub(crate) const FIRST_FREE_ID: u32 = 16;

/// The catalog with what only storage knows: where the trees begin.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The users' collections.
    pub(crate) catalog: Catalog,
    /// The catalog's own.
    pub(crate) system: System,
    /// The root of each tree, sorted by its id.
    roots: Vec<(u32, PageNumber)>,
    /// What the floors above keep with the database.
    #[cfg(not(feature = "small"))]
    pub(crate) attached: Attached,
    /// What is known of the records, for estimates.
    #[cfg(not(feature = "small"))]
    pub(crate) known: Arc<Known>,
    /// Which commit changed each collection last.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(crate) latest: Arc<Latest>,
}

/// What is counted for each collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Statistics {
    /// Its records.
    pub(crate) count: u64,
    /// The least number not yet given out as a key or hidden number. 0 stands for 1.
    pub(crate) next: u64,
}

impl Stored {
    /// The same, of a database that is open from now on: which commits change its collections is noted.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(crate) fn noting_latest(mut self) -> Stored {
        self.latest = Arc::new(Latest::of(&self.catalog));
        self
    }

    /// The page a tree begins at.
    ///
    /// # Panics
    ///
    /// When there is no such tree: ids come from this catalog.
    #[inline]
    pub(crate) fn root(&self, tree: u32) -> PageNumber {
        let position = self.roots.binary_search_by_key(&tree, |(id, _)| *id).expect("a tree of this catalog");
        self.roots[position].1
    }

    /// What is counted for `collection` on these pages; zeros before its first record.
    pub(crate) fn statistics(
        &self,
        pages: &dyn PageRead,
        collection: CollectionId,
    ) -> Result<Statistics, StorageError> {
        let def = &self.system.statistics;
        let slot = self.record_tree(def).get(pages, u128::from(collection.0))?;
        let Some(slot) = slot else { return Ok(Statistics::default()) };
        let record = record_at(pages, &def.layout, slot)?;
        Ok(Statistics {
            count: system::read(&record, def, STATISTICS.count)?,
            next: system::read(&record, def, STATISTICS.next)?,
        })
    }
}
