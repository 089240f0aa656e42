//! [`Writer`]: a write transaction over records.
//!
//! Every change ends in one of two primitives, a put or a delete of one record with the upkeep of its indexes; the
//! primitives are what the journal keeps and what recovery applies. Constraints are checked above them, before the first
//! primitive of a statement, or within a savepoint that a refused statement rolls back to.
//!
//! - A statement that the constraints refuse leaves nothing behind.
//! - A statement that fails otherwise (a damaged page, memory) leaves the transaction unable to commit.
//! - Numbers given out as keys are never given out again once their transaction has committed.
//! - A blob belongs to one record or to none; those of none are removed before the commit. See `streamed`.
//!
//! A transaction has the lease and changes the committed pages, or runs without it on pages of its own, notes what it reads
//! and is applied by one that has it: see `storage::concurrent`.

mod again;
mod beside;
#[cfg(not(feature = "small"))]
mod deletion;
mod entry;
mod kept;
mod listed;
mod refill;
mod streamed;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Bound;

use super::btree::entry_tree::EntryTree;
use super::btree::{EntryPlace, RecordInserter, RecordTree};
use super::catalog::system;
use super::catalog::{Statistics, Stored};
use super::change::{ChangeSet, append_key_cell};
use super::concurrent::{Kind, PageMark, Pages, WriteMark};
use super::counted::Counted;
use super::facade::{Direction, Operation, Reading, View, leaf_format};
use super::gathered::Gathered;
use super::page::{PageNumber, PageWrite, TreeId, is_leaf_len};
use super::pager::{CommitNumber, Durability, PageWriter};
use super::records::{Composer, ConstraintError, RecordDraft, RecordRef, keys, out_of_line_pages};
#[cfg(not(feature = "small"))]
use super::scratch::Scratch;
use super::streamed::blobs_of;
use super::{StorageError, StorageFault};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::parts;
use crate::schema::{CollectionDef, CollectionId, IndexDef, OnDelete, Spot};
#[cfg(not(feature = "small"))]
use crate::statistics::CollectionStatistics;
use crate::value::{Blob, Scalar, key};
use entry::{Claim, may_take_in};
use streamed::Unheld;

pub(crate) use refill::Refill;
pub(crate) use streamed::BlobDraft;

/// Entries of one index gathered by a bulk insert are applied, sorted, when they take this many bytes, or those of all
/// indexes [`GATHERED_PART`] of the page cache's budget. The more at once, the fuller the pages of an index that begins
/// empty.
const GATHERED_BYTES_MAX: usize = 64 << 20;
/// See [`GATHERED_BYTES_MAX`].
const GATHERED_PART: usize = 12;

/// The longest value, in bytes: what a run of blocks and a length of 32 bits can hold.
pub(crate) const VALUE_BYTES_MAX: usize = 1 << 30;

/// A write transaction. Dropping it aborts.
pub struct Writer<'p> {
    pages: Pages<'p>,
    kind: Kind<'p>,
    stored: Arc<Stored>,
    changes: ChangeSet,
    /// Statistics that are not on their pages yet.
    counted: Counted,
    /// Blobs that are no record's.
    unheld: Unheld,
    /// Set when a statement failed half-way.
    failed: bool,
    /// Marks taken and neither released nor rolled back to. When a panic passes through a statement, its mark stays open
    /// and the transaction cannot commit.
    open_marks: usize,
    composer: Composer,
    key: Vec<u8>,
    old_key: Vec<u8>,
    /// The index entries of the record being inserted.
    entries: Gathered,
    /// Where they go: of those in unique indexes that was found when they were checked.
    places: Vec<EntryPlace>,
    /// What is known of values that this commit writes.
    #[cfg(not(feature = "small"))]
    saved: Vec<Arc<CollectionStatistics>>,
}

/// Makes the draft what the next record becomes and gives its rank; `None` at the end.
type NextUpdate<'n, 'p, E> = dyn FnMut(&Writer<'p>, &mut RecordDraft) -> Result<Option<u128>, E> + 'n;

impl Reading for Writer<'_> {
    fn operation(&self) -> Operation<'_> {
        Operation::of_writer(self.view())
    }
}

/// A point that a write transaction can go back to.
#[derive(Debug)]
pub struct Mark {
    pages: PageMark,
    writes: WriteMark,
    changes: usize,
    counted: Counted,
    unheld: usize,
    failed: bool,
}

impl<'p> Writer<'p> {
    /// `journaled` is the most bytes of changes that the journal takes; `None` when nothing is journaled.
    pub(crate) fn new(pages: PageWriter<'p>, stored: Arc<Stored>, journaled: Option<usize>) -> Writer<'p> {
        Writer::of_kind(Pages::Leased(pages), Kind::Alone, stored, journaled)
    }

    fn of_kind(
        pages: Pages<'p>,
        kind: Kind<'p>,
        stored: Arc<Stored>,
        journaled: Option<usize>,
    ) -> Writer<'p> {
        Writer {
            pages,
            kind,
            stored,
            changes: ChangeSet::new(journaled),
            counted: Counted::default(),
            unheld: Unheld::default(),
            failed: false,
            open_marks: 0,
            composer: Composer::default(),
            key: Vec::with_capacity(64),
            old_key: Vec::new(),
            entries: Gathered::default(),
            places: Vec::new(),
            #[cfg(not(feature = "small"))]
            saved: Vec::new(),
        }
    }

    /// What is stored, this transaction's changes included.
    pub fn view(&self) -> View<'_> {
        let reads = match &self.kind {
            Kind::Concurrent { reads, .. } => Some(reads),
            Kind::Alone | Kind::Leased { .. } => None,
        };
        View::of_writer(&self.pages, &self.stored, &self.counted, reads)
    }

    /// What a statement may keep in memory of what it finds out before its first change, in bytes; `None` when there is no limit.
    #[cfg(not(feature = "small"))]
    pub fn statement_bytes(&self) -> Option<usize> {
        self.pages.statement_bytes()
    }

    /// Room outside of memory, in blocks of `block_len` bytes; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When the file system refuses it.
    #[cfg(not(feature = "small"))]
    pub fn scratch(&self, block_len: usize) -> Result<Option<Scratch>, StorageError> {
        self.pages.scratch(block_len)
    }

    /// Lets go of what was read: a page that is read again may have to be loaded again.
    #[cfg(not(feature = "small"))]
    pub fn rest(&mut self) {
        self.pages.rest();
    }

    pub(crate) fn stored(&self) -> &Arc<Stored> {
        &self.stored
    }

    /// Inserts a record; returns its rank.
    ///
    /// A collection that assigns keys gives one when the draft's is 0. A hidden number is always given.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Constraint`] when the collection's constraints refuse it, and whatever reading pages fails with.
    pub fn insert(
        &mut self,
        collection: &CollectionDef,
        draft: &mut RecordDraft,
    ) -> Result<u128, StorageError> {
        let mut statistics = self.statistics(collection.id)?;
        let mut records = RecordInserter::new(self.stored.record_tree(collection));
        let rank = self.assign_rank(collection, &mut records, draft, &mut statistics)?;
        self.check_values(collection, draft)?;
        self.check_blobs(collection, draft, None)?;
        self.entries.clear();
        for position in 0..collection.indexes.len() {
            if parts::LISTS
                && let index = &collection.indexes[position]
                && let Some(element) = collection.listed(index)
            {
                self.check_elements(collection, index, element, draft)?;
                // In place of its entries, which are made when they are put.
                self.entries.push(&[], true);
                continue;
            }
            let absent = self.check_unique(collection, position, draft, None)?;
            self.entries.push(&self.key, absent);
        }
        self.check_targets(collection, draft, None)?;
        self.all_or_failed(|writer| {
            writer.put_next(collection, &mut records, rank, draft)?;
            writer.put_elements(collection, draft)?;
            for (position, (index, (entry, absent))) in
                collection.indexes.iter().zip(writer.entries.iter()).enumerate()
            {
                let is_left_out = index.is_partial() && entry.is_empty();
                if is_left_out || collection.listed(index).is_some() {
                    continue;
                }
                let tree = writer.stored.entry_tree(index);
                if index.unique && !absent {
                    tree.insert_at(&mut writer.pages, &writer.places[position], entry)?;
                } else {
                    tree.insert(&mut writer.pages, entry)?;
                }
                writer.kind.note_entry(collection.id, index.id, entry);
            }
            statistics.count += 1;
            writer.set_statistics(collection.id, statistics)
        })?;
        Ok(rank)
    }

    /// Inserts many records, all or none; returns their ranks. `next` fills the draft, or returns `false` at the end.
    ///
    /// Relations are checked when all records are there, so that they may point at each other. Index entries are
    /// gathered and applied in the order of the index.
    ///
    /// # Errors
    ///
    /// As [`insert`](Writer::insert); what `next` fails with.
    pub fn insert_all<E: From<StorageError>>(
        &mut self,
        collection: &CollectionDef,
        next: &mut dyn FnMut(&mut RecordDraft) -> Result<bool, E>,
    ) -> Result<Vec<u128>, E> {
        let mark = self.mark();
        let done = self.insert_all_within(collection, next);
        self.settle(mark, done)
    }

    fn insert_all_within<E: From<StorageError>>(
        &mut self,
        collection: &CollectionDef,
        next: &mut dyn FnMut(&mut RecordDraft) -> Result<bool, E>,
    ) -> Result<Vec<u128>, E> {
        let mut statistics = self.statistics(collection.id)?;
        let mut ranks = Vec::new();
        let mut draft = RecordDraft::new(&collection.layout);
        let mut gathered: Vec<Gathered> = collection.indexes.iter().map(|_| Gathered::default()).collect();
        let gathered_max = self.gathered_max(gathered.len());
        let mut targets: BTreeMap<(u16, u128), u128> = BTreeMap::new();
        let mut records = RecordInserter::new(self.stored.record_tree(collection));
        while next(&mut draft)? {
            // A record that is there already is noticed where it would be put.
            let rank = if is_numbered(collection) {
                self.assign_rank(collection, &mut records, &mut draft, &mut statistics)?
            } else {
                draft.rank(&collection.layout)
            };
            self.check_values(collection, &draft)?;
            self.check_blobs(collection, &draft, None)?;
            for (position, target) in relation_targets(collection, &draft) {
                targets.entry((position, target)).or_insert(rank);
            }
            self.put_next(collection, &mut records, rank, &draft)?;
            for (position, (index, gathered)) in collection.indexes.iter().zip(&mut gathered).enumerate() {
                if !parts::GATHERING {
                    self.check_unique(collection, position, &draft, None)?;
                    self.insert_entry(collection, index)?;
                    continue;
                }
                if let Some(element) = collection.listed(index) {
                    self.gather_elements(collection, index, element, &draft, gathered)?;
                    if gathered.memory() > gathered_max {
                        self.apply_gathered(collection, index, gathered)?;
                    }
                    continue;
                }
                let absent = self.build_entry(collection, index, &draft, rank);
                self.check_key_len(collection, index, &draft)?;
                if index.is_partial() && self.key.is_empty() {
                    continue;
                }
                gathered.push(&self.key, absent);
                if gathered.memory() > gathered_max {
                    self.apply_gathered(collection, index, gathered)?;
                }
            }
            statistics.count += 1;
            ranks.push(rank);
            draft.reset(&collection.layout);
        }
        for (index, gathered) in collection.indexes.iter().zip(&mut gathered).filter(|_| parts::GATHERING) {
            self.apply_gathered(collection, index, gathered)?;
        }
        self.set_statistics(collection.id, statistics)?;
        for ((position, target), rank) in targets {
            self.check_target(collection, position, target, rank)?;
        }
        Ok(ranks)
    }

    /// Applies gathered entries in the order of the index, checking uniqueness as it goes.
    fn apply_gathered(
        &mut self,
        collection: &CollectionDef,
        index: &IndexDef,
        gathered: &mut Gathered,
    ) -> Result<(), StorageError> {
        gathered.sort();
        let tree = self.stored.entry_tree(index);
        let width = collection.layout.rank_width;
        if index.unique {
            // In a tree without entries only the gathered ones can be alike.
            // (Without the lease each is looked up all the same: that notes what is to stay as it is.)
            let is_empty = !self.kind.notes_reads() && tree.is_empty(&self.pages)?;
            let mut previous: Option<(&[u8], u128)> = None;
            for (entry, absent) in gathered.iter() {
                let Some((key, rank)) = keys::split_entry_of(index, entry, width).filter(|_| !absent) else {
                    continue;
                };
                let existing = match previous.filter(|(previous, _)| *previous == key) {
                    Some((_, rank)) => Some(rank),
                    None if is_empty => None,
                    None => self.view().rank_by_key(collection, index, key)?,
                };
                if let Some(existing) = existing {
                    return Err(self.unique_violation(collection, index, rank, existing));
                }
                previous = Some((key, rank));
            }
        }
        self.insert_sorted(collection, index, gathered)
    }

    /// The most bytes of each of so many [`Gathered`] before it is applied.
    fn gathered_max(&self, count: usize) -> usize {
        let cache = self.pages.cache_bytes();
        cache.map_or(GATHERED_BYTES_MAX, |cache| cache / GATHERED_PART / count.max(1)).min(GATHERED_BYTES_MAX)
    }

    /// Inserts the entry in `self.key`.
    fn insert_entry(&mut self, collection: &CollectionDef, index: &IndexDef) -> Result<(), StorageError> {
        self.stored.entry_tree(index).insert(&mut self.pages, &self.key)?;
        self.kind.note_entry(collection.id, index.id, &self.key);
        Ok(())
    }

    /// Inserts gathered entries, which are sorted.
    fn insert_sorted(
        &mut self,
        collection: &CollectionDef,
        index: &IndexDef,
        gathered: &mut Gathered,
    ) -> Result<(), StorageError> {
        let tree = self.stored.entry_tree(index);
        tree.insert_sorted(&mut self.pages, gathered.iter().map(|(entry, _)| entry))?;
        if self.kind.notes_writes() {
            gathered.iter().for_each(|(entry, _)| self.kind.note_entry(collection.id, index.id, entry));
        }
        gathered.clear();
        Ok(())
    }

    /// Replaces a record; `false` when there is none with this rank.
    ///
    /// A natural key may change; an assigned one may not.
    ///
    /// # Errors
    ///
    /// As [`insert`](Writer::insert).
    pub fn update(
        &mut self,
        collection: &CollectionDef,
        rank: u128,
        draft: &mut RecordDraft,
    ) -> Result<bool, StorageError> {
        if self.view_get(collection, rank)?.is_none() {
            return Ok(false);
        }
        if collection.clustered.is_none() {
            draft.set_rank(&collection.layout, rank);
        }
        let new_rank = draft.rank(&collection.layout);
        if new_rank != rank {
            return self.move_record(collection, rank, new_rank, draft).map(|()| true);
        }
        self.check_values(collection, draft)?;
        self.check_blobs(collection, draft, Some(rank))?;
        for position in 0..collection.indexes.len() {
            if parts::LISTS
                && let index = &collection.indexes[position]
                && let Some(element) = collection.listed(index)
            {
                self.check_elements(collection, index, element, draft)?;
                continue;
            }
            self.check_unique(collection, position, draft, Some(rank))?;
        }
        self.check_targets(collection, draft, Some(rank))?;
        self.all_or_failed(|writer| writer.replace(collection, rank, draft))?;
        Ok(true)
    }

    /// Replaces many records, all or none; returns how many. `next` makes the draft the next one and gives its rank.
    ///
    /// Uniqueness is checked when all are replaced, so that values may move from record to record.
    ///
    /// # Errors
    ///
    /// As [`insert`](Writer::insert); what `next` fails with.
    pub fn update_all<E: From<StorageError>>(
        &mut self,
        collection: &CollectionDef,
        next: &mut NextUpdate<'_, 'p, E>,
    ) -> Result<u64, E> {
        let mark = self.mark();
        let done = self.update_all_within(collection, next);
        self.settle(mark, done)
    }

    fn update_all_within<E: From<StorageError>>(
        &mut self,
        collection: &CollectionDef,
        next: &mut NextUpdate<'_, 'p, E>,
    ) -> Result<u64, E> {
        let mut draft = RecordDraft::new(&collection.layout);
        let mut claimed: Vec<Claim<'_>> = Vec::new();
        let mut count = 0;
        while let Some(rank) = next(self, &mut draft)? {
            if collection.clustered.is_none() {
                draft.set_rank(&collection.layout, rank);
            }
            let new_rank = draft.rank(&collection.layout);
            if new_rank != rank {
                self.move_record(collection, rank, new_rank, &mut draft)?;
            } else {
                self.check_values(collection, &draft)?;
                self.check_blobs(collection, &draft, Some(rank))?;
                self.check_targets(collection, &draft, Some(rank))?;
                for index in &collection.indexes {
                    if let Some(element) = collection.listed(index) {
                        self.check_elements(collection, index, element, &draft)?;
                        continue;
                    }
                    let absent = self.build_entry(collection, index, &draft, rank);
                    self.check_key_len(collection, index, &draft)?;
                    if index.unique && !absent {
                        let tree = self.stored.entry_tree(index);
                        let is_new = !tree.contains(&self.pages, &self.key).map_err(E::from)?;
                        if is_new {
                            let key = self.built_key(collection, index).to_vec();
                            claimed.push(Claim { collection, index, key });
                        }
                    }
                }
                self.replace(collection, rank, &draft)?;
            }
            count += 1;
        }
        self.check_claims(&claimed)?;
        Ok(count)
    }

    /// The ranks of the records that have this key in an index.
    fn ranks_by_key(
        &self,
        collection: &CollectionDef,
        index: &IndexDef,
        key: &[u8],
    ) -> Result<Vec<u128>, StorageError> {
        // Named by the id of the catalog, so that the view may outlive the borrow of the definition.
        let collection = self.stored.catalog.collection(collection.id).expect("a collection of this catalog");
        let bound = Bound::Included(key);
        let mut cursor = self.view().entries(collection, index.id, bound, bound, Direction::Forward)?;
        let mut ranks = Vec::new();
        while cursor.next_ranks(1024, &mut ranks)? > 0 {}
        Ok(ranks)
    }

    /// An update that changes a natural clustering key.
    fn move_record(
        &mut self,
        collection: &CollectionDef,
        from: u128,
        to: u128,
        draft: &mut RecordDraft,
    ) -> Result<(), StorageError> {
        if collection.assigned {
            let (collection, key) = (collection.name.clone(), self.describe_key(collection, from));
            return Err(ConstraintError::KeyAssigned { collection, key }.into());
        }
        if self.view_get(collection, to)?.is_some() {
            let (collection, key) = (collection.name.clone(), self.describe_key(collection, to));
            return Err(ConstraintError::DuplicateKey { collection, key }.into());
        }
        let mark = self.mark();
        let moved = self.remove(collection, from).and_then(|()| self.insert(collection, draft));
        self.settle(mark, moved.map(|_| ()))
    }

    /// Deletes a record and what its deletion takes along; `false` when there is none with this rank.
    ///
    /// # Errors
    ///
    /// [`ConstraintError::Restricted`] when a record that stays points at one that goes; when one that loses what it points at
    /// comes into a partial index, [`ConstraintError::Unique`] where another has its values, and [`ConstraintError::KeyTooLong`]
    /// where those are too long; whatever reading pages fails with.
    pub fn delete(&mut self, collection: &CollectionDef, rank: u128) -> Result<bool, StorageError> {
        if self.view_get(collection, rank)?.is_none() {
            return Ok(false);
        }
        self.delete_all(collection, &[rank])?;
        Ok(true)
    }

    /// Deletes records and what their deletion takes along, all or none. Ranks without a record are passed over; returns
    /// how many of the ranks had one.
    ///
    /// # Errors
    ///
    /// As [`delete`](Writer::delete).
    pub fn delete_all(&mut self, collection: &CollectionDef, ranks: &[u128]) -> Result<u64, StorageError> {
        let stored = self.stored.clone();
        let mut doomed: BTreeSet<(CollectionId, u128)> = BTreeSet::new();
        let mut queue = Vec::new();
        for rank in ranks {
            if self.view_get(collection, *rank)?.is_some() && doomed.insert((collection.id, *rank)) {
                queue.push((collection.id, *rank));
            }
        }
        let asked = doomed.len() as u64;
        // Who points at what goes: found out whole before the first change.
        let mut nulled = Vec::new();
        let mut restricted = Vec::new();
        while let Some((id, rank)) = queue.pop() {
            for (referrer, position) in stored.catalog.references_to(id) {
                let reference = referrer.fields[usize::from(position)].reference.expect("a reference");
                for by in self.referrers(referrer, position, rank)? {
                    match reference.on_delete {
                        OnDelete::Restrict => restricted.push((id, rank, referrer, position, by)),
                        OnDelete::SetNull => nulled.push((referrer, position, by)),
                        OnDelete::Cascade => {
                            if doomed.insert((referrer.id, by)) {
                                queue.push((referrer.id, by));
                            }
                        }
                    }
                }
            }
        }
        for (id, rank, referrer, position, by) in restricted {
            if !doomed.contains(&(referrer.id, by)) {
                let target = stored.catalog.collection(id).expect("a collection of this catalog");
                return Err(ConstraintError::Restricted {
                    collection: target.name.clone(),
                    key: self.describe_key(target, rank),
                    referrer: referrer.name.clone(),
                    field: referrer.fields[usize::from(position)].name.clone(),
                    referrer_key: self.describe_key(referrer, by),
                }
                .into());
            }
        }
        // A record may come into a partial index by losing what it points at.
        let claims = nulled.iter().any(|(referrer, ..)| referrer.indexes.iter().any(may_take_in));
        let mark = claims.then(|| self.mark());
        let mut claimed = Vec::new();
        let changed = self.all_or_failed(|writer| {
            let mut draft = RecordDraft::default();
            for (referrer, position, by) in nulled {
                if doomed.contains(&(referrer.id, by)) {
                    continue;
                }
                if let Some(record) = writer.view_get(referrer, by)? {
                    draft.load(&record)?;
                    draft.put(&referrer.layout.places[usize::from(position)], None);
                    writer.claim_places(referrer, &draft, by, &mut claimed)?;
                    writer.replace(referrer, by, &draft)?;
                }
            }
            for (id, rank) in &doomed {
                let collection = stored.catalog.collection(*id).expect("a collection of this catalog");
                writer.remove(collection, *rank)?;
            }
            Ok(())
        });
        let Some(mark) = mark else { return changed.map(|()| asked) };
        let done = changed.and_then(|()| self.check_claims(&claimed));
        self.settle(mark, done.map(|()| asked))
    }

    /// The ranks of the records whose relation field at `position` points at `target`.
    fn referrers(
        &self,
        referrer: &CollectionDef,
        position: u16,
        target: u128,
    ) -> Result<Vec<u128>, StorageError> {
        let place = &referrer.layout.places[usize::from(position)];
        if place.spot == Spot::Rank {
            let found = self.view_get(referrer, target)?;
            return Ok(found.into_iter().map(|record| record.rank()).collect());
        }
        let index = referrer.indexes.iter().find(|index| index.fields[0] == position && !index.is_partial());
        let index = index.expect("every relation leads an index");
        let mut prefix = Vec::new();
        let cell = key::from_rank(place.ty, target);
        key::append(&mut prefix, place.ty, place.null.is_some(), Some(&cell[..8]));
        self.ranks_by_key(referrer, index, &prefix)
    }

    // ---- numbers and statistics

    /// Gives the draft its rank, and moves the collection's next number past it. `records` is of the collection's tree.
    fn assign_rank(
        &mut self,
        collection: &CollectionDef,
        records: &mut RecordInserter,
        draft: &mut RecordDraft,
        statistics: &mut Statistics,
    ) -> Result<u128, StorageError> {
        if !is_numbered(collection) {
            let rank = draft.rank(&collection.layout);
            self.kind.note_read(collection.id, rank);
            if records.contains(&self.pages, rank)? {
                return Err(self.duplicate_key(collection, rank));
            }
            return Ok(rank);
        }
        let given = if collection.clustered.is_none() { 0 } else { draft.rank(&collection.layout) as u64 };
        let mut number = given;
        loop {
            if given == 0 {
                number = self.kind.draw(collection.id, statistics.next.max(1));
            }
            // Whoever has the lease knows that there is nothing from the next number on.
            let may_exist = number < statistics.next || self.kind.notes_reads();
            if !may_exist || self.view_get(collection, u128::from(number))?.is_none() {
                break;
            }
            if given != 0 {
                return Err(self.duplicate_key(collection, u128::from(number)));
            }
            // Inserted with its number since it was drawn.
            statistics.next = statistics.next.max(number.saturating_add(1));
        }
        let Some(next) = number.checked_add(1) else {
            return Err(ConstraintError::KeysExhausted { collection: collection.name.clone() }.into());
        };
        statistics.next = statistics.next.max(next);
        draft.set_rank(&collection.layout, u128::from(number));
        Ok(u128::from(number))
    }

    pub(crate) fn statistics(&self, collection: CollectionId) -> Result<Statistics, StorageError> {
        self.view().statistics(collection)
    }

    pub(crate) fn set_statistics(
        &mut self,
        collection: CollectionId,
        statistics: Statistics,
    ) -> Result<(), StorageError> {
        let old = self.statistics(collection)?;
        self.counted.set(collection, old, statistics);
        Ok(())
    }

    // ---- primitives

    /// Inserts a record that is not there, without its index entries.
    fn put_new(
        &mut self,
        collection: &CollectionDef,
        rank: u128,
        draft: &RecordDraft,
    ) -> Result<(), StorageError> {
        let mut records = RecordInserter::new(self.stored.record_tree(collection));
        self.put_next(collection, &mut records, rank, draft)
    }

    /// The same, by an inserter of the collection's tree, which is changed by nothing else meanwhile.
    fn put_next(
        &mut self,
        collection: &CollectionDef,
        records: &mut RecordInserter,
        rank: u128,
        draft: &RecordDraft,
    ) -> Result<(), StorageError> {
        self.composer.compose(
            draft,
            &collection.layout,
            collection.leaf_len as usize,
            TreeId(collection.id.0),
            &mut self.pages,
        )?;
        self.kind.note_read(collection.id, rank);
        let inserted = records.insert(&mut self.pages, rank, draft.row(), &self.composer.blob)?;
        if !inserted {
            return Err(self.duplicate_key(collection, rank));
        }
        self.kind.note_record(collection.id, rank, 1);
        self.hold_blobs(collection, draft);
        self.changes.put(collection.id, draft);
        Ok(())
    }

    /// Replaces a record that is there, and keeps its indexes up.
    fn replace(
        &mut self,
        collection: &CollectionDef,
        rank: u128,
        draft: &RecordDraft,
    ) -> Result<(), StorageError> {
        let tree = self.stored.record_tree(collection);
        let mut given_up: Vec<PageNumber> = Vec::new();
        let mut moved: Vec<(&IndexDef, Vec<u8>, Vec<u8>)> = Vec::new();
        let mut blobs: Vec<Blob> = Vec::new();
        let mut elements = listed::Changes::default();
        {
            let mut old_key = core::mem::take(&mut self.old_key);
            let mut new_key = core::mem::take(&mut self.key);
            let record = self.view_get(collection, rank)?.expect("the caller found the record");
            out_of_line_pages(&record, &mut given_up)?;
            blobs_of(&record, &mut blobs)?;
            for index in &collection.indexes {
                if let Some(element) = collection.listed(index) {
                    elements.find(collection, index, element, &record, draft)?;
                    continue;
                }
                old_key.clear();
                new_key.clear();
                // Where a partial index leaves the record out there is no entry, which is no bytes.
                if !keys::leaves_out(collection, index, &record)? {
                    keys::append_record_entry(&mut old_key, collection, index, &record)?;
                }
                if !keys::leaves_out_draft(collection, index, draft) {
                    keys::append_draft_entry(&mut new_key, collection, index, draft, rank);
                }
                if old_key != new_key {
                    moved.push((index, old_key.clone(), new_key.clone()));
                }
            }
            self.old_key = old_key;
            self.key = new_key;
        }
        for (index, old, new) in moved {
            let tree = self.stored.entry_tree(index);
            if !(index.is_partial() && old.is_empty()) {
                tree.remove(&mut self.pages, &old)?;
                self.kind.note_entry(collection.id, index.id, &old);
            }
            if !(index.is_partial() && new.is_empty()) {
                tree.insert(&mut self.pages, &new)?;
                self.kind.note_entry(collection.id, index.id, &new);
            }
        }
        self.change_elements(collection, elements)?;
        for page in given_up {
            self.pages.free(page);
        }
        self.composer.compose(
            draft,
            &collection.layout,
            collection.leaf_len as usize,
            TreeId(collection.id.0),
            &mut self.pages,
        )?;
        tree.replace(&mut self.pages, rank, draft.row(), &self.composer.blob)?;
        self.counted.change(collection.id, 1);
        self.kind.note_record(collection.id, rank, 0);
        self.release_blobs(&blobs);
        self.hold_blobs(collection, draft);
        self.changes.put(collection.id, draft);
        Ok(())
    }

    /// Removes a record that may be there, with its index entries.
    fn remove(&mut self, collection: &CollectionDef, rank: u128) -> Result<(), StorageError> {
        let mut given_up: Vec<PageNumber> = Vec::new();
        let mut entries: Vec<(&IndexDef, Vec<u8>)> = Vec::new();
        let mut key = Vec::new();
        let mut blobs: Vec<Blob> = Vec::new();
        {
            let Some(record) = self.view_get(collection, rank)? else { return Ok(()) };
            out_of_line_pages(&record, &mut given_up)?;
            blobs_of(&record, &mut blobs)?;
            // For those who read changes: a hidden number says nothing to them.
            for position in collection.key.iter().filter(|_| collection.clustered.is_none()) {
                let cell = record.field(&collection.layout.places[usize::from(*position)])?;
                append_key_cell(&mut key, cell.as_cell());
            }
            for index in &collection.indexes {
                if keys::leaves_out(collection, index, &record)? {
                    continue;
                }
                if let Some(element) = collection.listed(index) {
                    listed::append_entries(&mut entries, collection, index, element, &record)?;
                    continue;
                }
                let mut entry = Vec::new();
                keys::append_record_entry(&mut entry, collection, index, &record)?;
                entries.push((index, entry));
            }
        }
        for (index, entry) in entries {
            self.stored.entry_tree(index).remove(&mut self.pages, &entry)?;
            self.kind.note_entry(collection.id, index.id, &entry);
        }
        for page in given_up {
            self.pages.free(page);
        }
        self.stored.record_tree(collection).remove(&mut self.pages, rank)?;
        self.kind.note_record(collection.id, rank, -1);
        self.release_blobs(&blobs);
        match collection.clustered {
            Some(_) => self.changes.delete(collection.id, rank),
            None => self.changes.delete_with_key(collection.id, rank, &key),
        }
        let mut statistics = self.statistics(collection.id)?;
        statistics.count = statistics.count.saturating_sub(1);
        self.set_statistics(collection.id, statistics)
    }

    /// Adds a record to a collection of the catalog. For a new collection or index, makes its tree.
    pub(crate) fn put_catalog_record(
        &mut self,
        def: &CollectionDef,
        draft: &mut RecordDraft,
    ) -> Result<(), StorageError> {
        let root_at = match def.id.0 {
            1 => Some(system::COLLECTIONS.root),
            3 => Some(system::INDEXES.root),
            _ => None,
        };
        if let Some(position) = root_at {
            let id = TreeId(draft.rank(&def.layout) as u32);
            let root = match def.id.0 {
                1 => {
                    let (leaf_len, format) = system::leaf_format(draft, def)?;
                    RecordTree::create(&mut self.pages, id, format, leaf_len)?.root
                }
                _ => EntryTree::create(&mut self.pages, id, system::entry_page_len(draft, def)?)?.root,
            };
            system::write(draft, def, position, &root.0);
        }
        let rank = draft.rank(&def.layout);
        self.put_new(def, rank, draft)
    }

    /// Makes the catalog's own trees, with leaves of `leaf_len` bytes: the first change of a database.
    pub(crate) fn found_catalog(&mut self, leaf_len: u32) -> Result<(), StorageError> {
        if !is_leaf_len(leaf_len as usize) {
            return Err(StorageError::damage(
                "journal",
                format_args!("{leaf_len} bytes are no leaf of the catalog"),
            ));
        }
        self.stored = Arc::new(Stored::empty(leaf_len));
        let system = self.stored.system.clone();
        for def in system.all() {
            let id = TreeId(def.id.0);
            let root = RecordTree::create(&mut self.pages, id, leaf_format(def), def.leaf_len)?.root;
            if root.0 != def.id.0 {
                return Err(StorageError::damage(
                    "journal",
                    format_args!(
                        "a database is founded that has pages already: the first new one is {}",
                        root.0
                    ),
                ));
            }
        }
        self.changes.found(leaf_len);
        Ok(())
    }

    pub(crate) fn into_pages(mut self) -> Result<PageWriter<'p>, StorageError> {
        self.keep_statistics()?;
        match self.pages {
            Pages::Leased(pages) => Ok(pages),
            Pages::Private(..) => unreachable!("a transaction without the lease has no pages to give"),
        }
    }

    // ---- constraints

    fn check_values(&self, collection: &CollectionDef, draft: &RecordDraft) -> Result<(), StorageError> {
        for (field, place) in collection.fields.iter().zip(&collection.layout.places) {
            if !matches!(place.spot, Spot::Variable(_)) {
                continue;
            }
            let bytes = draft.field(place).as_cell().map_or(0, <[u8]>::len);
            if bytes > VALUE_BYTES_MAX {
                return Err(ConstraintError::ValueTooLong {
                    collection: collection.name.clone(),
                    field: field.name.clone(),
                    key: draft.describe_key(collection),
                    bytes,
                    limit: VALUE_BYTES_MAX,
                }
                .into());
            }
        }
        Ok(())
    }

    /// Refuses relations to records that do not exist. For an update, only those that changed are looked up.
    fn check_targets(
        &self,
        collection: &CollectionDef,
        draft: &RecordDraft,
        own: Option<u128>,
    ) -> Result<(), StorageError> {
        let rank = draft.rank(&collection.layout);
        for (position, target) in relation_targets(collection, draft) {
            // A record may point at itself.
            let is_self = collection.fields[usize::from(position)].reference.map(|to| to.target)
                == Some(collection.id)
                && target == rank;
            if !is_self {
                self.check_target(collection, position, target, own.unwrap_or(rank))?;
            }
        }
        Ok(())
    }

    fn check_target(
        &self,
        collection: &CollectionDef,
        position: u16,
        target: u128,
        rank: u128,
    ) -> Result<(), StorageError> {
        let field = &collection.fields[usize::from(position)];
        let id = field.reference.expect("a relation").target;
        let target_def = self.stored.catalog.collection(id).expect("a collection of this catalog");
        if self.view_get(target_def, target)?.is_some() {
            return Ok(());
        }
        #[cfg(not(feature = "small"))]
        if field.ty == crate::value::Type::Id && target == 0 {
            return Err(ConstraintError::NoTarget {
                collection: collection.name.clone(),
                field: field.name.clone(),
                key: self.describe_key(collection, rank),
                target: target_def.name.clone(),
            }
            .into());
        }
        Err(ConstraintError::MissingTarget {
            collection: collection.name.clone(),
            field: field.name.clone(),
            key: self.describe_key(collection, rank),
            target: target_def.name.clone(),
            target_key: format!("{target}"),
        }
        .into())
    }

    fn duplicate_key(&self, collection: &CollectionDef, rank: u128) -> StorageError {
        ConstraintError::DuplicateKey {
            collection: collection.name.clone(),
            key: self.describe_key(collection, rank),
        }
        .into()
    }

    fn unique_violation(
        &self,
        collection: &CollectionDef,
        index: &IndexDef,
        rank: u128,
        existing: u128,
    ) -> StorageError {
        if collection.key_index().is_some_and(|key| key.id == index.id) {
            return self.duplicate_key(collection, existing);
        }
        let mut draft = RecordDraft::default();
        let loaded =
            self.view_get(collection, rank).ok().flatten().is_some_and(|record| draft.load(&record).is_ok());
        ConstraintError::Unique {
            collection: collection.name.clone(),
            index: index.name.clone(),
            values: if loaded { draft.describe(collection, &index.fields) } else { String::new() },
            key: self.describe_key(collection, rank),
            existing: self.describe_key(collection, existing),
        }
        .into()
    }

    /// The key of a record as users write it: its fields where it can be read, else its rank.
    fn describe_key(&self, collection: &CollectionDef, rank: u128) -> String {
        let mut draft = RecordDraft::default();
        match self.view_get(collection, rank) {
            Ok(Some(record)) if draft.load(&record).is_ok() => draft.describe_key(collection),
            _ => match collection.clustered {
                Some(position) => {
                    let ty = collection.fields[usize::from(position)].ty;
                    let cell = key::from_rank(ty, rank);
                    let width = ty.width().expect("a clustering type has a width");
                    Scalar::from_cell(ty, Some(&cell[..width]))
                        .map_or_else(|| format!("{rank}"), |key| key.text(ty))
                }
                None => format!("{rank}"),
            },
        }
    }

    // ---- transaction

    /// A point to go back to. Nests; costs the same however much has changed.
    pub fn mark(&mut self) -> Mark {
        self.open_marks += 1;
        Mark {
            pages: self.pages.savepoint(),
            writes: self.kind.mark(),
            changes: self.changes.len(),
            counted: self.counted.clone(),
            unheld: self.unheld.mark(),
            failed: self.failed,
        }
    }

    /// Keeps what was done since `mark` if it went well, and undoes it otherwise.
    fn settle<T, E>(&mut self, mark: Mark, done: Result<T, E>) -> Result<T, E> {
        match done {
            Ok(_) => self.release(mark),
            Err(_) => self.rollback_to(mark),
        }
        done
    }

    /// Undoes everything since `mark`, marks taken since included.
    pub fn rollback_to(&mut self, mark: Mark) {
        self.open_marks -= 1;
        self.pages.rollback_to(mark.pages);
        self.kind.rollback_to(mark.writes);
        self.changes.truncate(mark.changes);
        self.counted = mark.counted;
        self.unheld.undo(mark.unheld);
        self.failed = mark.failed;
    }

    /// Keeps everything since `mark`.
    pub fn release(&mut self, mark: Mark) {
        self.open_marks -= 1;
        self.pages.release(mark.pages);
        if self.open_marks == 0 {
            self.unheld.forget();
        }
    }

    /// Commits; returns when that is as durable as asked for, with the commit's number: that of the commit before when
    /// nothing was changed.
    ///
    /// # Errors
    ///
    /// [`StorageFault::TransactionFailed`] after a statement that failed half-way; what writing the journal fails with.
    pub fn commit(mut self, durability: Durability) -> Result<CommitNumber, StorageError> {
        if self.failed || self.open_marks > 0 {
            return Err(StorageFault::TransactionFailed.into());
        }
        self.remove_unheld()?;
        if self.changes.is_empty() && !self.counted.iter().any(|counted| counted.numbered) {
            return match self.pages {
                Pages::Leased(pages) => pages.end_unchanged(durability),
                Pages::Private(..) => Ok(self.pages.base()),
            };
        }
        #[cfg(not(feature = "small"))]
        self.keep_known();
        self.keep_statistics()?;
        #[cfg(all(feature = "std", not(feature = "small")))]
        self.note_latest();
        #[cfg(not(feature = "small"))]
        let (stored, saved) = (Arc::clone(&self.stored), core::mem::take(&mut self.saved));
        let Writer { pages, kind, changes, counted, .. } = self;
        let pages = match pages {
            Pages::Leased(pages) => pages,
            Pages::Private(..) => {
                unreachable!("what a transaction without the lease did is committed by another")
            }
        };
        let committed = |commit| {
            kind.committed(commit, &counted);
            #[cfg(not(feature = "small"))]
            stored.known.committed(&counted, &saved);
        };
        if changes.is_bulk() || pages.is_written_out() {
            return pages.commit_bulk_then(&changes.mark(), committed);
        }
        pages.commit_then(changes.as_bytes(), durability, committed)
    }

    /// Runs the changing part of a statement; a failure there leaves the transaction unable to commit.
    fn all_or_failed(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let result = change(self);
        self.failed |= result.is_err();
        result
    }

    /// The record with this rank. Its borrow is the writer's, not the definition's.
    fn view_get<'s>(
        &'s self,
        collection: &CollectionDef,
        rank: u128,
    ) -> Result<Option<RecordRef<'s>>, StorageError> {
        let known = self
            .stored
            .catalog
            .collection(collection.id)
            .or_else(|| self.stored.system.by_id(collection.id.0));
        match known {
            Some(own) => self.view().get(own, rank),
            None => Ok(None),
        }
    }
}

/// Whether the database gives the collection's records numbers: keys that are assigned, or hidden ones.
fn is_numbered(collection: &CollectionDef) -> bool {
    collection.assigned || collection.clustered.is_none()
}

/// The relation fields of a draft that point somewhere: position and the rank pointed at.
fn relation_targets<'a>(
    collection: &'a CollectionDef,
    draft: &'a RecordDraft,
) -> impl Iterator<Item = (u16, u128)> + 'a {
    collection.fields.iter().enumerate().filter(|(_, field)| field.reference.is_some()).filter_map(
        move |(position, field)| {
            let cell = draft.field(&collection.layout.places[position]);
            cell.as_cell().map(|bytes| (position as u16, key::rank(field.ty, bytes)))
        },
    )
}
