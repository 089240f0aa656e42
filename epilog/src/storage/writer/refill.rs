//! [`Refill`]: collections are made what an archive says they were.
//!
//! The pieces name every record of a collection, by rank. They are laid beside what is there: a record that is there and is
//! the same is left alone, another is put, and one that no piece names is removed. So what has not changed costs a look, and
//! a collection is never empty in between. Nothing is checked: all of it has been, when it was committed.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Writer;
use super::again::{Waiting, load, unknown};
use crate::ordered::BTreeSet;
use crate::schema::{CollectionDef, CollectionId};
use crate::storage::StorageError;
use crate::storage::catalog::{self, Stored};
use crate::storage::change::{Change, ChangeSet, Touched, says_what_is_stored};
use crate::storage::error::words;
use crate::storage::facade::Direction;
use crate::storage::journal::Entry;
use crate::storage::records::RecordDraft;

/// Collections that are being made what pieces say.
pub(crate) struct Refill {
    touched: Touched,
    done: BTreeSet<CollectionId>,
    current: Option<Current>,
    waiting: Waiting,
    draft: RecordDraft,
    there: RecordDraft,
    image: Vec<u8>,
}

/// The collection that the pieces are at.
struct Current {
    id: CollectionId,
    /// Ranks of records that were there before, and that the pieces have not come to.
    before: VecDeque<u128>,
    /// The rank from which on others were; `None` when there are none.
    from: Option<u128>,
}

impl Refill {
    /// Of no collection yet.
    pub(crate) fn new() -> Refill {
        Refill {
            touched: Touched::nowhere(),
            done: BTreeSet::new(),
            current: None,
            waiting: Waiting::new(),
            draft: RecordDraft::default(),
            there: RecordDraft::default(),
            image: Vec::new(),
        }
    }

    /// Adds the collections that a bulk commit changed.
    pub(crate) fn add(&mut self, commit: &Entry) {
        self.touched.add(commit);
    }
}

impl Writer<'_> {
    /// Applies a change set, but for what is changed in collections that will be refilled.
    ///
    /// # Errors
    ///
    /// As [`apply`](Writer::apply).
    pub(crate) fn apply_beside(&mut self, refill: &Refill, payload: &[u8]) -> Result<(), StorageError> {
        if self.apply_where([payload], |id| !refill.touched.has(id))? {
            self.stored = Arc::new(catalog::load(&self.pages)?);
        }
        Ok(())
    }

    /// Does what the next piece says.
    ///
    /// # Errors
    ///
    /// `StorageFault::Corruption` when it cannot be one; whatever reading and writing pages fails with.
    pub(crate) fn refill(&mut self, refill: &mut Refill, piece: &[u8]) -> Result<(), StorageError> {
        // What did not change is only read: without this, all that is read would stay in memory to the end.
        self.pages.rest();
        let mut is_stale = false;
        for change in ChangeSet::read(piece) {
            let change = change?;
            let id = change.collection();
            if is_stale && !says_what_is_stored(id) {
                is_stale = false;
                self.stored = Arc::new(catalog::load(&self.pages)?);
            }
            match change {
                _ if !refill.touched.has(id) => {}
                // The first of a database without commits.
                Change::Found { leaf_len } if self.pages.base().0 == 0 => self.found_catalog(leaf_len)?,
                Change::Found { .. } => {}
                Change::Next { next, .. } => {
                    let mut statistics = self.statistics(id)?;
                    statistics.next = statistics.next.max(next);
                    self.set_statistics(id, statistics)?;
                }
                Change::Put { image, .. } if says_what_is_stored(id) => {
                    is_stale = true;
                    let def = self.stored.system.by_id(id.0).ok_or_else(|| unknown(id))?.clone();
                    load(&mut refill.draft, &def, image)?;
                    // Its tree is there already, and elsewhere than in the database that was archived.
                    if self.view_get(&def, refill.draft.rank(&def.layout))?.is_none() {
                        self.put_catalog_record(&def, &mut refill.draft)?;
                    }
                }
                Change::Put { image, .. } => self.refill_with(refill, id, image)?,
                Change::Delete { .. } => {
                    return Err(StorageError::damage(
                        "archive",
                        "a piece of what was read again has a deletion",
                    ));
                }
            }
        }
        if is_stale {
            self.stored = Arc::new(catalog::load(&self.pages)?);
        }
        Ok(())
    }

    /// Removes what no piece has named: there are no more.
    ///
    /// # Errors
    ///
    /// Whatever reading and writing pages fails with.
    pub(crate) fn end_refill(&mut self, mut refill: Refill) -> Result<(), StorageError> {
        let stored = Arc::clone(&self.stored);
        self.end_collection(&mut refill, &stored)?;
        for def in [&stored.system.chunks].into_iter().chain(&stored.catalog.collections) {
            if refill.touched.has(def.id) && !refill.done.contains(&def.id) {
                refill.current = Some(Current::new(def.id));
                self.end_collection(&mut refill, &stored)?;
            }
        }
        Ok(())
    }

    /// Makes a record what `image` says.
    fn refill_with(
        &mut self,
        refill: &mut Refill,
        id: CollectionId,
        image: &[u8],
    ) -> Result<(), StorageError> {
        let stored = Arc::clone(&self.stored);
        let def = definition(&stored, id)?;
        if refill.current.as_ref().is_none_or(|current| current.id != id) {
            self.end_collection(refill, &stored)?;
            if refill.done.contains(&id) {
                let problem = words!("the pieces of collection {id} do not follow each other");
                return Err(StorageError::damage("archive", problem));
            }
            refill.current = Some(Current::new(id));
        }
        load(&mut refill.draft, def, image)?;
        let rank = refill.draft.rank(&def.layout);
        if let Some(current) = &mut refill.current {
            while let Some(before) = self.first_before(def, current)?.filter(|before| *before <= rank) {
                current.before.pop_front();
                if before < rank {
                    self.remove(def, before)?;
                }
            }
        }
        if let Some(record) = self.view_get(def, rank)? {
            refill.there.load(&record)?;
            refill.image.clear();
            refill.there.append_image(&mut refill.image);
            if refill.image == image {
                return Ok(());
            }
        }
        self.put_again(def, &refill.draft, &mut refill.waiting)
    }

    /// Removes what the pieces of the current collection have not come to, and applies the entries that wait.
    fn end_collection(&mut self, refill: &mut Refill, stored: &Stored) -> Result<(), StorageError> {
        let Some(mut current) = refill.current.take() else { return Ok(()) };
        let def = definition(stored, current.id)?;
        while let Some(before) = self.first_before(def, &mut current)? {
            current.before.pop_front();
            self.remove(def, before)?;
        }
        self.apply_waiting_of(def, &mut refill.waiting)?;
        refill.done.insert(current.id);
        Ok(())
    }

    /// The first rank that was there before, of those that the pieces have not come to.
    fn first_before(&self, def: &CollectionDef, current: &mut Current) -> Result<Option<u128>, StorageError> {
        if let (true, Some(from)) = (current.before.is_empty(), current.from) {
            let view = self.view();
            let leaf = view.leaves(def, from, u128::MAX, Direction::Forward)?.next_leaf()?;
            if let Some(leaf) = &leaf {
                current.before.extend((0..leaf.len()).map(|row| leaf.record(row).rank()));
            }
            current.from = leaf.and(current.before.back()).and_then(|last| last.checked_add(1));
        }
        Ok(current.before.front().copied())
    }
}

impl Current {
    fn new(id: CollectionId) -> Current {
        Current { id, before: VecDeque::new(), from: Some(0) }
    }
}

fn definition(stored: &Stored, id: CollectionId) -> Result<&Arc<CollectionDef>, StorageError> {
    match id == stored.system.chunks.id {
        true => Ok(&stored.system.chunks),
        false => stored.catalog.collection(id).ok_or_else(|| unknown(id)),
    }
}
