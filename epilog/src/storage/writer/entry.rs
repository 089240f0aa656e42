//! Entries of indexes: what an index has of a record, and what it refuses.
//!
//! - A record that the condition of a partial index leaves out has no entry there, which is an empty one where entries are
//!   handed on: every other ends in a rank.
//! - Only records that are in a unique index are told apart by it.

use alloc::string::String;
use alloc::vec::Vec;

use super::Writer;
use crate::schema::{CollectionDef, FieldDef, IndexDef};
use crate::storage::StorageError;
use crate::storage::btree::EntryPlace;
use crate::storage::btree::entry_tree::entry_len_max;
use crate::storage::records::{ConstraintError, RecordDraft, keys};
use crate::value::key::KEY_BYTES_MAX;

/// A key of a unique index that a record has taken, which is checked when all changes of the statement are made.
pub(super) struct Claim<'c> {
    pub(super) collection: &'c CollectionDef,
    pub(super) index: &'c IndexDef,
    pub(super) key: Vec<u8>,
}

/// Whether a record may come into the index by losing a value, without a change of its key.
#[inline]
pub(super) fn may_take_in(index: &IndexDef) -> bool {
    index.is_partial()
}

impl Writer<'_> {
    /// Refuses keys of partial indexes that are too long, and notes those that the record has in unique ones.
    pub(super) fn claim_places<'c>(
        &mut self,
        collection: &'c CollectionDef,
        draft: &RecordDraft,
        rank: u128,
        claimed: &mut Vec<Claim<'c>>,
    ) -> Result<(), StorageError> {
        for index in collection.indexes.iter().filter(|index| may_take_in(index)) {
            let absent = self.build_entry(collection, index, draft, rank);
            self.check_key_len(collection, index, draft)?;
            if index.unique && !absent {
                claimed.push(Claim { collection, index, key: self.built_key(collection, index).to_vec() });
            }
        }
        Ok(())
    }

    /// Refuses keys that several records have.
    pub(super) fn check_claims(&self, claimed: &[Claim<'_>]) -> Result<(), StorageError> {
        for Claim { collection, index, key } in claimed {
            let ranks = self.ranks_by_key(collection, index, key)?;
            if let [first, second, ..] = ranks[..] {
                return Err(self.unique_violation(collection, index, second, first));
            }
        }
        Ok(())
    }

    /// Builds the index entry of a draft in `self.key`, nothing when a partial index leaves it out; returns whether one of its
    /// fields is absent, or it is left out.
    pub(super) fn build_entry(
        &mut self,
        collection: &CollectionDef,
        index: &IndexDef,
        draft: &RecordDraft,
        rank: u128,
    ) -> bool {
        self.key.clear();
        if keys::leaves_out_draft(collection, index, draft) {
            return true;
        }
        keys::append_draft_entry(&mut self.key, collection, index, draft, rank)
    }

    /// The key of the entry in `self.key`.
    pub(super) fn built_key(&self, collection: &CollectionDef, index: &IndexDef) -> &[u8] {
        let key_len = keys::key_len(index, &self.key, collection.layout.rank_width);
        &self.key[..key_len.expect("an entry has a rank")]
    }

    /// Checks the length of what is in `self.key` but for the rank; what is left out of the index has none.
    pub(super) fn check_key_len(
        &self,
        collection: &CollectionDef,
        index: &IndexDef,
        draft: &RecordDraft,
    ) -> Result<(), StorageError> {
        if index.is_partial() && self.key.is_empty() {
            return Ok(());
        }
        let bytes = self.key.len() - usize::from(collection.layout.rank_width);
        // With the key lies the rank, of 16 bytes at most, and before it a byte may tell of absence.
        let limit = KEY_BYTES_MAX.min(entry_len_max(index.page_len as usize) - 17);
        if bytes <= limit {
            return Ok(());
        }
        let fields = index.fields.iter().chain(index.included());
        let fields = fields.map(|position| &collection.fields[usize::from(*position)]);
        // What has always as many bytes is not to be shortened, unless there is nothing else.
        let varies = |field: &&FieldDef| field.ty.width().is_none();
        let shorter = match fields.clone().any(|field| varies(&field)) {
            true => fields.filter(varies).collect::<Vec<_>>(),
            false => fields.collect(),
        };
        let names = shorter.iter().map(|field| format!("`{}`", field.name));
        Err(ConstraintError::KeyTooLong {
            collection: collection.name.clone(),
            index: index.name.clone(),
            field: names.collect::<Vec<String>>().join(", "),
            key: draft.describe_key(collection),
            bytes,
            limit,
        }
        .into())
    }

    /// Refuses a key that is too long, or, in a unique index, that a record other than `own` has. Builds the entry of the
    /// index at `position` in `self.key`, and returns whether one of its fields is absent; if none is, and the index is
    /// unique, finds where the entry goes.
    pub(super) fn check_unique(
        &mut self,
        collection: &CollectionDef,
        position: usize,
        draft: &RecordDraft,
        own: Option<u128>,
    ) -> Result<bool, StorageError> {
        let index = &collection.indexes[position];
        let rank = draft.rank(&collection.layout);
        let absent = self.build_entry(collection, index, draft, rank);
        self.check_key_len(collection, index, draft)?;
        if !index.unique || absent {
            return Ok(absent);
        }
        let mut places = core::mem::take(&mut self.places);
        if places.len() < collection.indexes.len() {
            places.resize(collection.indexes.len(), EntryPlace::default());
        }
        let existing = self.view().find_place(collection, index, &self.key, &mut places[position]);
        self.places = places;
        match existing? {
            Some(existing) if Some(existing) != own => {
                if collection.key_index().is_some_and(|key| key.id == index.id) {
                    return Err(self.duplicate_key(collection, existing));
                }
                Err(ConstraintError::Unique {
                    collection: collection.name.clone(),
                    index: index.name.clone(),
                    values: draft.describe(collection, &index.fields),
                    key: draft.describe_key(collection),
                    existing: self.describe_key(collection, existing),
                }
                .into())
            }
            _ => Ok(absent),
        }
    }
}
