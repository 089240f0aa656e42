//! [`Reread`]: what bulk commits changed, read again from a snapshot, for an archive.
//!
//! Above: the pager, which archives, and knows nothing of records. Below: the facade.
//!
//! A piece is a change set, and all pieces together say what is to be in the collections that the commits touched:
//!
//! ```text
//! each collection, by id        its next number, if it has given out any; then a put of each record, by rank
//! first, if all are touched     found; a put of each record of the catalog's collections 1 to 3; next of collection 0
//! ```
//!
//! A collection without records may be in no piece: which ones are touched is what the marks say. Nothing outlives a piece
//! but a rank, so that a collection may be larger than memory.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::catalog::{self, Stored};
use super::change::{ChangeSet, Touched};
use super::facade::{Direction, View};
use super::journal::Entry;
use super::pager::{PageSnapshot, ReadAgain};
use super::records::RecordDraft;
use super::{StorageError, StorageFault};
use crate::schema::{CollectionDef, CollectionId};

/// A piece ends with the record that makes it so long, in bytes.
const PIECE_LEN: usize = 1 << 20;

/// What bulk commits changed, read again.
pub(super) struct Reread {
    pages: PageSnapshot<'static>,
    stored: Stored,
    touched: Touched,
    /// The collections that are not read yet, with the rank to begin at; `None` before the first piece.
    left: Option<VecDeque<(Arc<CollectionDef>, u128)>>,
}

/// Begins to read from a snapshot.
///
/// # Errors
///
/// When the catalog cannot be read.
pub(super) fn begin(pages: PageSnapshot<'static>) -> Result<Box<dyn ReadAgain>, StorageError> {
    let stored = catalog::load(&pages.operation())?;
    Ok(Box::new(Reread { pages, stored, touched: Touched::nowhere(), left: None }))
}

impl ReadAgain for Reread {
    fn add(&mut self, commit: &Entry) {
        self.touched.add(commit);
    }

    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, StorageError> {
        let mut piece = ChangeSet::new(Some(usize::MAX));
        // What an operation reads stays in memory until it ends.
        let operation = self.pages.operation();
        let view = View::new(&operation, &self.stored);
        let mut left = match self.left.take() {
            Some(left) => left,
            None => self.begin(&view, &mut piece)?,
        };
        while let Some((collection, from)) = left.pop_front() {
            if from == 0 {
                put_next(&view, collection.id, &mut piece)?;
            }
            if let Some(rank) = put_records(&view, &collection, from, &mut piece)? {
                left.push_front((collection, rank));
                break;
            }
            if piece.len() >= PIECE_LEN {
                break;
            }
        }
        out.extend_from_slice(piece.as_bytes());
        let has_more = !left.is_empty();
        self.left = Some(left);
        Ok(has_more)
    }
}

impl Reread {
    /// The collections to be read. Puts the catalog's records, if all are.
    fn begin(
        &self,
        view: &View<'_>,
        piece: &mut ChangeSet,
    ) -> Result<VecDeque<(Arc<CollectionDef>, u128)>, StorageError> {
        let system = &self.stored.system;
        if self.touched == Touched::All {
            piece.found(system.collections.leaf_len);
            for def in [&system.collections, &system.fields, &system.indexes] {
                let mut from = Some(0);
                while let Some(rank) = from {
                    from = put_records(view, def, rank, piece)?;
                }
            }
            put_next(view, CollectionId(0), piece)?;
        }
        let all = [&system.chunks].into_iter().chain(&self.stored.catalog.collections);
        let touched = all.filter(|def| self.touched.has(def.id));
        Ok(touched.map(|def| (Arc::clone(def), 0)).collect())
    }
}

/// Puts the number that the collection gives out next.
fn put_next(view: &View<'_>, collection: CollectionId, piece: &mut ChangeSet) -> Result<(), StorageError> {
    let next = view.statistics(collection)?.next;
    if next > 0 {
        piece.next(collection, next);
    }
    Ok(())
}

/// Puts the collection's records from rank `from` on, until the piece is long enough; gives the rank to go on from.
fn put_records(
    view: &View<'_>,
    collection: &CollectionDef,
    from: u128,
    piece: &mut ChangeSet,
) -> Result<Option<u128>, StorageError> {
    let mut draft = RecordDraft::default();
    let mut leaves = view.leaves(collection, from, u128::MAX, Direction::Forward)?;
    while let Some(leaf) = leaves.next_leaf()? {
        for row in 0..leaf.len() {
            let record = leaf.record(row);
            draft.load(&record)?;
            piece.put(collection.id, &draft);
            if u32::try_from(piece.len()).is_err() {
                return Err(StorageFault::OutOfMemory { bytes: piece.len() }.into());
            }
            if piece.len() >= PIECE_LEN || view.is_crowded() {
                return Ok(record.rank().checked_add(1));
            }
        }
    }
    Ok(None)
}
