//! [`Known`]: statistics of the values of fields, beside the counts that commits keep.
//!
//! They are made of a [sample](sample) by whoever plans a query that depends on them, when there are none or a fifth of the
//! collection has changed, and are kept in memory for all. The next commit takes them along, with the changes of its own, unless
//! it is a bulk commit or they would make it one. Nothing else writes them: what was not taken along when the database is closed is
//! dropped, so that whoever only reads changes no byte of the file and leaves the numbers of commits to those who write. No commit
//! makes any, or reads a page for them.
//!
//! - What is written is a record of `chunks`, with blob number 0, which no blob has, and the collection's id as the number of the
//!   chunk: see [`bytes`]. It is in the journal, in checkpoints, backups and archives like any other record, so that after a crash
//!   either the old or the new statistics are there.
//! - Nothing depends on them but estimates. What cannot be read of them is as good as absent, and replaced by the next ones. A
//!   check of the file tells of a wrong checksum; what later versions wrote, and what is of fields that are not there any more, is
//!   no damage. Neither keeps a backup from being made.
//! - They are of the newest commit that was asked about. Whoever reads an older one makes none if there are any.
//! - In a write transaction none are made, and what is read of them is not noted as read.

mod bytes;
mod sample;
#[cfg(all(test, feature = "derive"))]
mod tests;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Bound;

use super::StorageError;
use super::catalog::system::{self, CHUNKS};
use super::counted::Counted;
use super::facade::{Direction, View};
use super::records::{FieldCell, RecordDraft, RecordRef};
use super::streamed::{STATISTICS_BLOB, chunk_rank};
use super::writer::Writer;
use crate::ordered::BTreeMap;
use crate::schema::{CollectionDef, CollectionId};
use crate::statistics::CollectionStatistics;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a change takes beside the bytes of statistics, at most.
const PUT_BYTES_MAX: usize = 128;

/// So many branches of a tree are read to count its leaves, of each level, and so many leaves to measure records.
const BRANCHES_MAX: usize = 64;
const MEASURED_LEAVES: usize = 16;

/// The statistics of an open database.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Whether there are any, so that commits have to count what changes.
    is_any: AtomicBool,
    /// Whether some are in memory only.
    is_unsaved: AtomicBool,
    /// How often some were made.
    count: AtomicU64,
    /// Held for a look, never while a page is read.
    of: Mutex<BTreeMap<CollectionId, Kept>>,
}

/// The statistics of a collection.
#[derive(Debug)]
struct Kept {
    /// `None` when there are none in the file.
    made: Option<Arc<CollectionStatistics>>,
    /// Records inserted, changed and deleted since.
    changed: u64,
    is_saved: bool,
    /// The commit of which none could be made.
    failed_at: Option<u64>,
}

impl Known {
    /// Takes notice of a commit and of what it `saved`.
    pub(crate) fn committed(&self, counted: &Counted, saved: &[Arc<CollectionStatistics>]) {
        if !self.is_any.load(Ordering::Relaxed) {
            return;
        }
        let mut of = self.of.lock();
        for (id, changed) in counted.changed() {
            if let Some(kept) = of.get_mut(&id) {
                kept.changed = kept.changed.saturating_add(changed);
            }
        }
        if saved.is_empty() {
            return;
        }
        for kept in of.values_mut() {
            kept.is_saved |=
                kept.made.as_ref().is_some_and(|made| saved.iter().any(|of| Arc::ptr_eq(of, made)));
        }
        let is_unsaved = of.values().any(|kept| !kept.is_saved && kept.made.is_some());
        self.is_unsaved.store(is_unsaved, Ordering::Relaxed);
    }

    /// Whether some are in memory only.
    fn has_unsaved(&self) -> bool {
        self.is_unsaved.load(Ordering::Relaxed)
    }

    /// The statistics that are in memory only, each with its collection.
    fn unsaved(&self) -> Vec<(CollectionId, Arc<CollectionStatistics>)> {
        let of = self.of.lock();
        let unsaved = of.iter().filter(|(_, kept)| !kept.is_saved);
        unsaved.filter_map(|(id, kept)| Some((*id, kept.made.clone()?))).collect()
    }

    /// Puts statistics beside the others, unless there are newer ones.
    fn put(&self, id: CollectionId, made: Option<CollectionStatistics>, is_saved: bool) {
        let mut of = self.of.lock();
        let at = |made: Option<&CollectionStatistics>| made.map(|made| made.made_at);
        if of.get(&id).is_some_and(|kept| at(kept.made.as_deref()) > at(made.as_ref())) {
            return;
        }
        self.is_any.store(true, Ordering::Relaxed);
        if !is_saved {
            self.is_unsaved.store(true, Ordering::Relaxed);
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        of.insert(id, Kept { made: made.map(Arc::new), changed: 0, is_saved, failed_at: None });
    }

    /// Takes notice that none could be made as of `commit`.
    fn fail(&self, id: CollectionId, commit: u64) {
        if let Some(kept) = self.of.lock().get_mut(&id) {
            kept.failed_at = Some(commit);
        }
    }

    /// Whether none could be made as of `commit`.
    fn has_failed(&self, id: CollectionId, commit: u64) -> bool {
        self.of.lock().get(&id).is_some_and(|kept| kept.failed_at == Some(commit))
    }

    /// What is in memory of a collection, and how much has changed since; `None` when the file was not looked at.
    fn get(&self, id: CollectionId) -> Option<(Option<Arc<CollectionStatistics>>, u64)> {
        self.of.lock().get(&id).map(|kept| (kept.made.clone(), kept.changed))
    }
}

impl View<'_> {
    /// How often statistics of any collection were made since the database was opened.
    pub(crate) fn known_count(&self) -> u64 {
        self.known_of_all().count.load(Ordering::Relaxed)
    }

    /// What is known of the values of a collection's fields: as it was made last, or made now where that is old. `None` where a
    /// page cannot be read, and in a write transaction when nothing was made before.
    pub(crate) fn known(&self, collection: CollectionId) -> Option<Arc<CollectionStatistics>> {
        let view = self.for_estimates();
        let collection = view.catalog().collection(collection)?;
        let count = view.count(collection.id).ok()?;
        let known = view.known_of_all();
        if known.get(collection.id).is_none() {
            known.put(collection.id, view.load(collection), true);
        }
        let (made, changed) = known.get(collection.id)?;
        let is_fresh =
            |made: &CollectionStatistics| changed.max(made.made_of.abs_diff(count)) <= made.made_of / 5;
        // Whoever reads the past is not to replace what is known of the present.
        let commit = view.commit().filter(|commit| made.as_ref().is_none_or(|made| *commit > made.made_at));
        match (made, commit) {
            (Some(made), _) if is_fresh(&made) => Some(made),
            (made, None) => made,
            // A sample that a small page cache has room for would tell little.
            (made, Some(_)) if view.records_at_once(collection) < sample::LEAVES_MIN => made,
            // What could not be read will not be until something has changed.
            (made, Some(commit)) if known.has_failed(collection.id, commit) => made,
            (made, Some(commit)) => {
                let Ok(sampled) = sample::sample(&view, collection, count, commit) else {
                    known.fail(collection.id, commit);
                    return made;
                };
                known.put(collection.id, Some(sampled), false);
                known.get(collection.id)?.0
            }
        }
    }

    /// As [`known`](View::known), with how it stands now.
    pub(crate) fn statistics_of(
        &self,
        collection: &CollectionDef,
    ) -> Result<CollectionStatistics, StorageError> {
        let count = self.count(collection.id)?;
        let made = match self.known(collection.id) {
            Some(made) => made,
            None => Arc::new(sample::sample(self, collection, count, self.commit().unwrap_or(0))?),
        };
        let changed = self.known_of_all().get(collection.id).map_or(0, |(_, changed)| changed);
        let changed = changed.max(made.made_of.abs_diff(count));
        let mut all = CollectionStatistics { count, changed, ..CollectionStatistics::clone(&made) };
        self.measure(&mut all, collection.id)?;
        Ok(all)
    }

    /// What pages hold now, of which nothing is kept: by the branches of the trees, and a few leaves.
    fn measure(&self, all: &mut CollectionStatistics, id: CollectionId) -> Result<(), StorageError> {
        let Some(collection) = self.catalog().collection(id) else { return Ok(()) };
        // What is read stays in memory until the operation ends.
        let branches = self.records_at_once(collection).clamp(sample::LEAVES_MIN, BRANCHES_MAX);
        all.leaves = self.leaves_count(collection, None, branches)?;
        let (mut bytes, mut met) = (0, 0);
        let (ranks, _) = self.spread_leaves(collection, MEASURED_LEAVES)?;
        for rank in ranks {
            let Some(leaf) = self.leaves(collection, rank, u128::MAX, Direction::Forward)?.next_leaf()?
            else {
                continue;
            };
            for row in 0..leaf.len() {
                bytes += (leaf.stride() + leaf.record(row).blob()?.len()) as u64;
                met += 1;
            }
        }
        all.bytes_per_record = (bytes + met / 2).checked_div(met).unwrap_or(0);
        for made in &mut all.indexes {
            let Some(index) = collection.indexes.iter().find(|index| index.id == made.id) else { continue };
            made.leaves = self.leaves_count(collection, Some(index), branches)?;
            made.entries = match collection.listed(index).is_some() || index.is_partial() {
                true => self.estimate_entries(collection, index.id, Bound::Unbounded, Bound::Unbounded)?,
                false => all.count,
            };
        }
        Ok(())
    }

    /// The statistics that the file has of a collection, if they can be read.
    fn load(&self, collection: &CollectionDef) -> Option<CollectionStatistics> {
        let rank = chunk_rank(STATISTICS_BLOB, u64::from(collection.id.0));
        let record = self.get(self.chunks(), rank).ok()??;
        let made = bytes::read(collection, content(&record).ok()?)?;
        // None are of what is still to come.
        self.base().is_none_or(|base| made.made_at <= base).then_some(made)
    }
}

/// The bytes of a chunk.
fn content<'s>(record: &RecordRef<'s>) -> Result<&'s [u8], StorageError> {
    match record.field(&record.layout().places[usize::from(CHUNKS.bytes)])? {
        FieldCell::Borrowed(bytes) => Ok(bytes),
        FieldCell::Null | FieldCell::Owned(..) => unreachable!("a required field of bytes"),
    }
}

/// Checks that the statistics in the file are as they were written. Calls `report` with a sentence for each that are not.
///
/// # Errors
///
/// Whatever reading pages fails with.
pub(crate) fn check(view: View<'_>, report: &mut dyn FnMut(String)) -> Result<(), StorageError> {
    let (low, high) = (chunk_rank(STATISTICS_BLOB, 0), chunk_rank(STATISTICS_BLOB, u64::MAX));
    let mut leaves = view.leaves(view.chunks(), low, high, Direction::Forward)?;
    while let Some(leaf) = leaves.next_leaf()? {
        for row in 0..leaf.len() {
            let record = leaf.record(row);
            let id = record.rank() as u64;
            let of = u32::try_from(id).ok().and_then(|id| view.catalog().collection(CollectionId(id)));
            if !bytes::is_whole(content(&record)?) {
                let of = of.map_or_else(|| format!("collection {id}"), |of| format!("`{}`", of.name));
                report(format!(
                    "the statistics of {of} are damaged; they will be made again when they are needed"
                ));
            }
        }
    }
    Ok(())
}

impl Writer<'_> {
    /// Puts the statistics that are in memory only among the changes of the transaction; gives which those are. What goes wrong
    /// is undone: no commit fails for them. What would make the commit a bulk one is left to a later commit.
    pub(crate) fn put_known(&mut self) -> Vec<Arc<CollectionStatistics>> {
        if !self.stored().known.has_unsaved() {
            return Vec::new();
        }
        let stored = self.stored().clone();
        let mut saved = Vec::new();
        for (id, made) in stored.known.unsaved() {
            let Some(collection) = stored.catalog.collection(id) else { continue };
            let content = bytes::write(collection, &made);
            if !self.has_room(content.len() + PUT_BYTES_MAX) {
                continue;
            }
            let mark = self.mark();
            match self.put_known_of(collection, &content) {
                Ok(()) => {
                    self.release(mark);
                    saved.push(made);
                }
                Err(_) => self.rollback_to(mark),
            }
        }
        saved
    }

    fn put_known_of(&mut self, collection: &CollectionDef, content: &[u8]) -> Result<(), StorageError> {
        let def = self.stored().system.chunks.clone();
        let rank = chunk_rank(STATISTICS_BLOB, u64::from(collection.id.0));
        let mut draft = RecordDraft::new(&def.layout);
        system::write(&mut draft, &def, CHUNKS.chunk, &rank);
        draft.append(&def.layout.places[usize::from(CHUNKS.bytes)], content);
        self.put_chunk_again(&def, rank, &draft)
    }
}
