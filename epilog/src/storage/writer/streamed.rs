//! Blobs in a write transaction: how they are written, and whose they are.
//!
//! A blob is *unheld* from when it is begun until a record names it, and again when that record lets go of it. Statements
//! let a record name only blobs that are finished and unheld, or its own already; the primitives keep count. What is still
//! unheld at the commit is removed then: blobs never stored, those of deleted and changed records, and those whose writer
//! was dropped. The removals are in the change set, so that recovery applies them and decides nothing.

#[cfg(all(test, feature = "derive"))]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;

use super::Writer;
use crate::ordered::BTreeMap;
use crate::schema::CollectionDef;
use crate::storage::StorageError;
use crate::storage::catalog::system::{self, CHUNKS};
use crate::storage::facade::Direction;
use crate::storage::records::{ConstraintError, RecordDraft};
use crate::storage::streamed::{blobs_of, chunk_rank};
use crate::value::Blob;

/// The chunks of a blob are removed so many at a time.
const REMOVED_AT_ONCE: usize = 1024;

/// The blobs of a transaction that are no record's.
#[derive(Default)]
pub(super) struct Unheld {
    blobs: BTreeMap<u64, State>,
    /// What each change replaced, while a mark is open: undoing takes as long as what is undone.
    log: Vec<(u64, Option<State>)>,
}

/// How far a blob is that is no record's.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// It is being written, or was given up half-way.
    Begun,
    /// It has this length.
    Finished(u64),
}

impl Unheld {
    fn set(&mut self, number: u64, state: Option<State>, logged: bool) {
        let before = match state {
            Some(state) => self.blobs.insert(number, state),
            None => self.blobs.remove(&number),
        };
        if logged && before != state {
            self.log.push((number, before));
        }
    }

    fn is_finished(&self, blob: Blob) -> bool {
        self.blobs.get(&blob.number()) == Some(&State::Finished(blob.len()))
    }

    /// A point to go back to.
    pub(super) fn mark(&self) -> usize {
        self.log.len()
    }

    /// Goes back to a point.
    pub(super) fn undo(&mut self, mark: usize) {
        while self.log.len() > mark {
            let Some((number, before)) = self.log.pop() else { break };
            self.set(number, before, false);
        }
    }

    /// Nobody will go back.
    pub(super) fn forget(&mut self) {
        self.log.clear();
    }
}

impl Writer<'_> {
    /// Refuses blobs that are not the record's: neither its own already (`own` is the rank it has) nor unheld.
    pub(super) fn check_blobs(
        &self,
        collection: &CollectionDef,
        draft: &RecordDraft,
        own: Option<u128>,
    ) -> Result<(), StorageError> {
        if collection.layout.streamed.is_empty() {
            return Ok(());
        }
        let mut held = Vec::new();
        if let Some(rank) = own
            && let Some(record) = self.view_get(collection, rank)?
        {
            blobs_of(&record, &mut held)?;
        }
        let mut seen: Vec<u64> = Vec::new();
        for (position, blob) in named(collection, draft) {
            let may = held.contains(&blob) || self.unheld.is_finished(blob);
            if !may || seen.contains(&blob.number()) {
                return Err(ConstraintError::ForeignBlob {
                    collection: collection.name.clone(),
                    field: collection.fields[usize::from(position)].name.clone(),
                    key: draft.describe_key(collection),
                    blob,
                }
                .into());
            }
            seen.push(blob.number());
        }
        Ok(())
    }

    /// Makes the blobs that a draft names its record's.
    pub(super) fn hold_blobs(&mut self, collection: &CollectionDef, draft: &RecordDraft) {
        for (_, blob) in named(collection, draft) {
            self.unheld.set(blob.number(), None, self.open_marks > 0);
        }
    }

    /// Makes blobs nobody's.
    pub(super) fn release_blobs(&mut self, blobs: &[Blob]) {
        for blob in blobs {
            self.unheld.set(blob.number(), Some(State::Finished(blob.len())), self.open_marks > 0);
        }
    }

    /// For a repair: makes a blob nobody's, so that the commit removes its chunks, or keeps it because a record has it.
    pub(crate) fn mend_blob(&mut self, number: u64, is_held: bool) {
        self.unheld.set(number, (!is_held).then_some(State::Begun), self.open_marks > 0);
    }

    /// Removes the chunks of all blobs that are no record's.
    pub(super) fn remove_unheld(&mut self) -> Result<(), StorageError> {
        let chunks = self.stored.system.chunks.clone();
        let mut ranks = Vec::new();
        while let Some((number, _)) = self.unheld.blobs.first_key_value() {
            let number = *number;
            loop {
                ranks.clear();
                self.first_chunks(number, &mut ranks)?;
                if ranks.is_empty() {
                    break;
                }
                for rank in &ranks {
                    self.remove(&chunks, *rank)?;
                }
            }
            self.unheld.blobs.remove(&number);
        }
        Ok(())
    }

    /// The ranks of the first chunks of a blob, appended to `out`.
    fn first_chunks(&self, number: u64, out: &mut Vec<u128>) -> Result<(), StorageError> {
        let view = self.view();
        let (low, high) = (chunk_rank(number, 0), chunk_rank(number, u64::MAX));
        let mut leaves = view.leaves(view.chunks(), low, high, Direction::Forward)?;
        while out.len() < REMOVED_AT_ONCE
            && let Some(leaf) = leaves.next_leaf()?
        {
            out.extend((0..leaf.len()).map(|row| leaf.record(row).rank()));
        }
        Ok(())
    }

    /// The number of a new blob.
    fn begin_blob(&mut self) -> Result<u64, StorageError> {
        let chunks = self.stored.system.chunks.id;
        let mut statistics = self.statistics(chunks)?;
        let number = self.kind.draw(chunks, statistics.next.max(1));
        let next = number.checked_add(1);
        let next =
            next.ok_or_else(|| ConstraintError::KeysExhausted { collection: String::from("chunks") })?;
        statistics.next = statistics.next.max(next);
        self.set_statistics(chunks, statistics)?;
        self.unheld.set(number, Some(State::Begun), self.open_marks > 0);
        Ok(number)
    }

    /// Puts a chunk that may be there.
    #[cfg(not(feature = "small"))]
    pub(crate) fn put_chunk_again(
        &mut self,
        def: &CollectionDef,
        rank: u128,
        draft: &RecordDraft,
    ) -> Result<(), StorageError> {
        if self.view_get(def, rank)?.is_some() {
            return self.replace(def, rank, draft);
        }
        let mut statistics = self.statistics(def.id)?;
        statistics.count += 1;
        self.put_new(def, rank, draft)?;
        self.set_statistics(def.id, statistics)
    }

    fn put_chunk(&mut self, draft: &mut RecordDraft, number: u64, chunk: u64) -> Result<(), StorageError> {
        let def = self.stored.system.chunks.clone();
        let rank = chunk_rank(number, chunk);
        system::write(draft, &def, CHUNKS.chunk, &rank);
        let mut statistics = self.statistics(def.id)?;
        statistics.count += 1;
        self.all_or_failed(|writer| {
            writer.put_new(&def, rank, draft)?;
            writer.set_statistics(def.id, statistics)
        })
    }
}

/// The blobs that a draft names, without the empty one, each with the field's position.
fn named<'a>(
    collection: &'a CollectionDef,
    draft: &'a RecordDraft,
) -> impl Iterator<Item = (u16, Blob)> + 'a {
    collection.layout.streamed.iter().filter_map(|position| {
        let cell = draft.field(&collection.layout.places[usize::from(*position)]);
        let blob = cell.as_cell().and_then(Blob::from_cell).filter(|blob| !blob.is_empty())?;
        Some((*position, blob))
    })
}

/// A blob being written. Keeps the bytes of the chunk that is not full yet.
pub(crate) struct BlobDraft {
    draft: RecordDraft,
    /// The bytes of a full chunk.
    chunk_len: usize,
    filled: usize,
    /// 0 before the first chunk is written.
    number: u64,
    chunks: u64,
    len: u64,
}

impl BlobDraft {
    /// A blob without bytes, whose chunks are to have `chunk_len`.
    pub(crate) fn new(writer: &Writer<'_>, chunk_len: usize) -> BlobDraft {
        let draft = RecordDraft::new(&writer.stored.system.chunks.layout);
        BlobDraft { draft, chunk_len, filled: 0, number: 0, chunks: 0, len: 0 }
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, writer: &mut Writer<'_>, mut bytes: &[u8]) -> Result<(), StorageError> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(self.chunk_len - self.filled));
            let place = &writer.stored.system.chunks.layout.places[usize::from(CHUNKS.bytes)];
            self.draft.append(place, now);
            self.filled += now.len();
            self.len += now.len() as u64;
            bytes = later;
            if self.filled == self.chunk_len {
                self.put_chunk(writer)?;
            }
        }
        Ok(())
    }

    /// Ends it. It is no record's then.
    pub(crate) fn finish(mut self, writer: &mut Writer<'_>) -> Result<Blob, StorageError> {
        if self.filled > 0 {
            self.put_chunk(writer)?;
        }
        let blob = Blob::new(self.number, self.len).expect("a number is taken with the first chunk");
        if !blob.is_empty() {
            writer.release_blobs(&[blob]);
        }
        Ok(blob)
    }

    fn put_chunk(&mut self, writer: &mut Writer<'_>) -> Result<(), StorageError> {
        if self.number == 0 {
            self.number = writer.begin_blob()?;
        }
        writer.put_chunk(&mut self.draft, self.number, self.chunks)?;
        self.chunks += 1;
        self.filled = 0;
        self.draft.reset(&writer.stored.system.chunks.layout);
        Ok(())
    }
}
