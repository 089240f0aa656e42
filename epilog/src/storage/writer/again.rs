//! Changes made again that were made before: what recovery, an archive, and the commit of a transaction without the lease do.
//!
//! They are primitives and were checked when they were made. Index entries of records that are new are gathered over many
//! commits, and applied in the order of their index before anything else changes the index.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Writer;
use crate::ordered::BTreeMap;
use crate::parts;
use crate::schema::{CollectionDef, CollectionId, IndexDef};
use crate::storage::StorageError;
use crate::storage::catalog;
use crate::storage::change::{Change, ChangeSet, says_what_is_stored};
use crate::storage::error::words;
use crate::storage::gathered::Gathered;
use crate::storage::records::RecordDraft;
use crate::value::Type;

/// Entries that wait, by collection: those of each of its indexes.
pub(super) type Waiting = BTreeMap<CollectionId, Vec<Gathered>>;

impl Writer<'_> {
    /// Applies change sets, one after the other. Returns whether the catalog changed.
    ///
    /// # Errors
    ///
    /// `StorageFault::Corruption` when a change set cannot be one; whatever reading and writing pages fails with.
    pub(crate) fn apply<'c>(
        &mut self,
        payloads: impl IntoIterator<Item = &'c [u8]>,
    ) -> Result<bool, StorageError> {
        self.apply_where(payloads, |_| true)
    }

    /// As [`apply`](Writer::apply), but for changes to collections that are not `wanted`.
    pub(super) fn apply_where<'c>(
        &mut self,
        payloads: impl IntoIterator<Item = &'c [u8]>,
        wanted: impl Fn(CollectionId) -> bool,
    ) -> Result<bool, StorageError> {
        let (mut catalog_changed, mut is_stale) = (false, false);
        let (mut draft, mut waiting) = (RecordDraft::default(), Waiting::new());
        for change in payloads.into_iter().flat_map(ChangeSet::read) {
            let change = change?;
            let id = change.collection();
            if !wanted(id) {
                continue;
            }
            match change {
                Change::Found { leaf_len } => {
                    self.found_catalog(leaf_len)?;
                    catalog_changed = true;
                    continue;
                }
                // Collection 0 has the numbers of collections and indexes.
                Change::Next { next, .. } => {
                    let mut statistics = self.statistics(id)?;
                    statistics.next = statistics.next.max(next);
                    self.set_statistics(id, statistics)?;
                    continue;
                }
                Change::Put { image, .. } if says_what_is_stored(id) => {
                    self.apply_waiting(&mut waiting)?;
                    let def = self.stored.system.by_id(id.0).ok_or_else(|| unknown(id))?.clone();
                    load(&mut draft, &def, image)?;
                    self.put_catalog_record(&def, &mut draft)?;
                    (catalog_changed, is_stale) = (true, true);
                    continue;
                }
                _ => {}
            }
            if core::mem::take(&mut is_stale) {
                self.stored = Arc::new(catalog::load(&self.pages)?);
            }
            let stored = Arc::clone(&self.stored);
            let def = match id == stored.system.chunks.id {
                true => &stored.system.chunks,
                false => stored.catalog.collection(id).ok_or_else(|| unknown(id))?,
            };
            match change {
                Change::Delete { rank, .. } => {
                    self.apply_waiting_of(def, &mut waiting)?;
                    self.remove(def, rank)?;
                }
                Change::Put { image, .. } => {
                    load(&mut draft, def, image)?;
                    self.put_again(def, &draft, &mut waiting)?;
                }
                Change::Found { .. } | Change::Next { .. } => unreachable!("handled above"),
            }
        }
        self.apply_waiting(&mut waiting)?;
        Ok(catalog_changed)
    }

    /// Puts a record that was read elsewhere and is whole: indexes and counts are kept up, relations are not checked. What a
    /// unique index would refuse, it refuses.
    pub(crate) fn restore(
        &mut self,
        collection: &CollectionDef,
        draft: &RecordDraft,
    ) -> Result<(), StorageError> {
        for position in 0..collection.indexes.len() {
            if parts::LISTS
                && let index = &collection.indexes[position]
                && let Some(element) = collection.listed(index)
            {
                self.check_elements(collection, index, element, draft)?;
                continue;
            }
            self.check_unique(collection, position, draft, Some(draft.rank(&collection.layout)))?;
        }
        let mut waiting = Waiting::new();
        self.put_again(collection, draft, &mut waiting)?;
        self.apply_waiting_of(collection, &mut waiting)
    }

    /// Puts a record that may be there; of a new one, the entries are left waiting.
    pub(super) fn put_again(
        &mut self,
        collection: &CollectionDef,
        draft: &RecordDraft,
        waiting: &mut Waiting,
    ) -> Result<(), StorageError> {
        let rank = draft.rank(&collection.layout);
        if self.view_get(collection, rank)?.is_some() {
            for index in &collection.indexes {
                match collection.listed(index) {
                    Some(element) => self.check_elements_again(collection, index, element, draft)?,
                    None => _ = self.build_entry_again(collection, index, draft, rank)?,
                }
            }
            self.apply_waiting_of(collection, waiting)?;
            return self.replace(collection, rank, draft);
        }
        self.put_new(collection, rank, draft)?;
        let count = collection.indexes.len();
        if count > 0 {
            let most = self.gathered_max(count);
            let all = waiting.entry(collection.id).or_default();
            all.resize_with(count, Gathered::default);
            for (index, gathered) in collection.indexes.iter().zip(all) {
                if let Some(element) = collection.listed(index) {
                    let gathering = self.gather_elements(collection, index, element, draft, gathered);
                    gathering.map_err(|error| StorageError::damage("journal", words!("{error}")))?;
                    if gathered.memory() > most {
                        gathered.sort();
                        self.insert_sorted(collection, index, gathered)?;
                    }
                    continue;
                }
                let absent = self.build_entry_again(collection, index, draft, rank)?;
                if !parts::GATHERING {
                    self.insert_entry(collection, index)?;
                    continue;
                }
                if index.is_partial() && self.key.is_empty() {
                    continue;
                }
                gathered.push(&self.key, absent);
                if gathered.memory() > most {
                    gathered.sort();
                    self.insert_sorted(collection, index, gathered)?;
                }
            }
        }
        let mut statistics = self.statistics(collection.id)?;
        statistics.count += 1;
        self.set_statistics(collection.id, statistics)
    }

    /// As [`build_entry`](Writer::build_entry), with an error for a key that no index would have taken.
    fn build_entry_again(
        &mut self,
        collection: &CollectionDef,
        index: &IndexDef,
        draft: &RecordDraft,
        rank: u128,
    ) -> Result<bool, StorageError> {
        let absent = self.build_entry(collection, index, draft, rank);
        match self.check_key_len(collection, index, draft) {
            Ok(()) => Ok(absent),
            Err(error) => Err(StorageError::damage("journal", words!("{error}"))),
        }
    }

    /// As [`check_elements`](Writer::check_elements), with an error for a key that no index would have taken.
    fn check_elements_again(
        &mut self,
        collection: &CollectionDef,
        index: &IndexDef,
        element: Type,
        draft: &RecordDraft,
    ) -> Result<(), StorageError> {
        let checked = self.check_elements(collection, index, element, draft);
        checked.map_err(|error| StorageError::damage("journal", words!("{error}")))
    }

    /// Applies all entries that wait.
    fn apply_waiting(&mut self, waiting: &mut Waiting) -> Result<(), StorageError> {
        let stored = Arc::clone(&self.stored);
        for id in Vec::from_iter(waiting.keys().copied()) {
            let collection = stored.catalog.collection(id).ok_or_else(|| unknown(id))?;
            self.apply_waiting_of(collection, waiting)?;
        }
        Ok(())
    }

    /// Applies the entries that wait for the indexes of one collection.
    pub(super) fn apply_waiting_of(
        &mut self,
        collection: &CollectionDef,
        waiting: &mut Waiting,
    ) -> Result<(), StorageError> {
        if !parts::GATHERING {
            return Ok(());
        }
        let Some(all) = waiting.get_mut(&collection.id) else { return Ok(()) };
        for (index, gathered) in collection.indexes.iter().zip(all) {
            gathered.sort();
            self.insert_sorted(collection, index, gathered)?;
        }
        Ok(())
    }
}

pub(super) fn unknown(id: CollectionId) -> StorageError {
    StorageError::damage("journal", format_args!("a change names collection {id}"))
}

/// Makes the draft the record that a change put.
pub(super) fn load(
    draft: &mut RecordDraft,
    collection: &CollectionDef,
    image: &[u8],
) -> Result<(), StorageError> {
    if draft.load_image(&collection.layout, image) {
        return Ok(());
    }
    let problem = words!("a record of `{}` does not fit its layout", collection.name);
    Err(StorageError::damage("journal", problem))
}
