//! The upkeep of indexes of lists, which have an entry for each different element of a record's list.
//!
//! - An update touches the entries of elements that came or went, and no others.
//! - Entries are made in ascending order of the elements, so that the same changes write the same pages.

use alloc::vec::Vec;

use super::Writer;
use crate::parts::{self, InWhole, Whole};
use crate::schema::{CollectionDef, IndexDef};
use crate::storage::StorageError;
use crate::storage::gathered::Gathered;
use crate::storage::records::{RecordDraft, RecordRef, keys};
use crate::value::{Cell, Type};

/// The entries that an update removes and adds.
#[derive(Default)]
pub(super) struct Changes<'c>(Vec<InWhole<Change<'c>>>);

struct Change<'c> {
    index: &'c IndexDef,
    entry: Vec<u8>,
    is_new: bool,
}

impl<'c> Changes<'c> {
    /// Adds what the elements of `draft` are to those of `record` in one index.
    pub(super) fn find(
        &mut self,
        collection: &CollectionDef,
        index: &'c IndexDef,
        element: Type,
        record: &RecordRef<'_>,
        draft: &RecordDraft,
    ) -> Result<(), StorageError> {
        let Some(whole) = Whole::build() else { return Ok(()) };
        let place = &collection.layout.places[usize::from(index.fields[0])];
        let (old, new) = (record.field(place)?, draft.field(place));
        if old == new {
            return Ok(());
        }
        let (old, new) =
            (keys::element_keys(element, old.as_cell()), keys::element_keys(element, new.as_cell()));
        for (own, others, is_new) in [(&old, &new, false), (&new, &old, true)] {
            for key in own.iter().filter(|key| others.binary_search(key).is_err()) {
                let entry = entry(collection, key, record.rank());
                self.0.push(InWhole::new(Change { index, entry, is_new }, whole));
            }
        }
        Ok(())
    }
}

/// Appends the entries of a record in an index.
pub(super) fn append_entries<'c>(
    out: &mut Vec<(&'c IndexDef, Vec<u8>)>,
    collection: &CollectionDef,
    index: &'c IndexDef,
    element: Type,
    record: &RecordRef<'_>,
) -> Result<(), StorageError> {
    let cell = record.field(&collection.layout.places[usize::from(index.fields[0])])?;
    let own = entries(collection, element, cell.as_cell(), record.rank());
    out.extend(own.map(|entry| (index, entry)));
    Ok(())
}

/// The entries of a list, given its cell.
fn entries<'a>(
    collection: &'a CollectionDef,
    element: Type,
    cell: Cell<'a>,
    rank: u128,
) -> impl Iterator<Item = Vec<u8>> + 'a {
    keys::element_keys(element, cell).into_iter().map(move |key| entry(collection, key, rank))
}

fn entry(collection: &CollectionDef, key: &[u8], rank: u128) -> Vec<u8> {
    let width = collection.layout.rank_width;
    let mut entry = Vec::with_capacity(key.len() + usize::from(width));
    entry.extend_from_slice(key);
    keys::append_rank(&mut entry, width, rank);
    entry
}

impl Writer<'_> {
    /// Refuses an element that is too long for the index.
    pub(super) fn check_elements(
        &mut self,
        collection: &CollectionDef,
        index: &IndexDef,
        element: Type,
        draft: &RecordDraft,
    ) -> Result<(), StorageError> {
        let cell = draft.field(&collection.layout.places[usize::from(index.fields[0])]);
        let longest = keys::element_keys(element, cell.as_cell()).into_iter().max_by_key(|key| key.len());
        let Some(longest) = longest else { return Ok(()) };
        self.key.clear();
        self.key.extend_from_slice(longest);
        keys::append_rank(&mut self.key, collection.layout.rank_width, draft.rank(&collection.layout));
        self.check_key_len(collection, index, draft)
    }

    /// Gathers the entries of a draft, unless one is too long.
    pub(super) fn gather_elements(
        &mut self,
        collection: &CollectionDef,
        index: &IndexDef,
        element: Type,
        draft: &RecordDraft,
        gathered: &mut Gathered,
    ) -> Result<(), StorageError> {
        self.check_elements(collection, index, element, draft)?;
        let cell = draft.field(&collection.layout.places[usize::from(index.fields[0])]);
        for entry in entries(collection, element, cell.as_cell(), draft.rank(&collection.layout)) {
            gathered.push(&entry, false);
        }
        Ok(())
    }

    /// Inserts the entries of a new record in all indexes of lists.
    #[inline]
    pub(super) fn put_elements(
        &mut self,
        collection: &CollectionDef,
        draft: &RecordDraft,
    ) -> Result<(), StorageError> {
        if !parts::LISTS {
            return Ok(());
        }
        let rank = draft.rank(&collection.layout);
        for index in &collection.indexes {
            let Some(element) = collection.listed(index) else { continue };
            let cell = draft.field(&collection.layout.places[usize::from(index.fields[0])]);
            for entry in entries(collection, element, cell.as_cell(), rank) {
                self.stored.entry_tree(index).insert(&mut self.pages, &entry)?;
                self.kind.note_entry(collection.id, index.id, &entry);
            }
        }
        Ok(())
    }

    /// Removes and inserts the entries of elements that an update changed.
    #[inline]
    pub(super) fn change_elements(
        &mut self,
        collection: &CollectionDef,
        changes: Changes<'_>,
    ) -> Result<(), StorageError> {
        if !parts::LISTS {
            return Ok(());
        }
        for change in &changes.0 {
            let Change { index, entry, is_new } = &**change;
            let tree = self.stored.entry_tree(index);
            if *is_new {
                tree.insert(&mut self.pages, entry)?;
            } else {
                tree.remove(&mut self.pages, entry)?;
            }
            self.kind.note_entry(collection.id, index.id, entry);
        }
        Ok(())
    }
}
