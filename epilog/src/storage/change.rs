//! [`ChangeSet`]: what a commit changed, as the journal keeps it; [`Changed`]: a record of it, read back.
//!
//! A payload is a version byte and then changes, one after the other, little-endian:
//!
//! | change | bytes |
//! |---|---|
//! | put | 1, collection `u32`, length `u32`, the record's image |
//! | delete | 2, collection `u32`, rank `u128` |
//! | next number | 3, collection `u32`, number `u64` |
//! | found | 4, collection `u32` 0, length `u32`: the catalog's own trees are made, with leaves of so many bytes; the first change of a database |
//! | delete with key | 5, collection `u32`, rank `u128`, length `u32`, the key: of each field the length `u32` and the cell |
//!
//! A record whose rank does not tell its key is deleted with it.

use alloc::vec::Vec;

use super::StorageError;
use super::catalog::FIRST_FREE_ID;
use super::catalog::system::CHUNKS_ID;
use super::journal::{Entry, EntryKind};
use super::records::{FieldCell, RecordDraft};
use crate::ordered::BTreeSet;
use crate::schema::{Catalog, CollectionDef, CollectionId};
use crate::storage::error::words;
use crate::value::Cell;

const VERSION: u8 = 1;
const PUT: u8 = 1;
const DELETE: u8 = 2;
const NEXT: u8 = 3;
const FOUND: u8 = 4;
const DELETE_WITH_KEY: u8 = 5;

/// The changes of a transaction, in the order made.
pub(crate) struct ChangeSet {
    bytes: Vec<u8>,
    kept: Kept,
}

/// What is kept of changes.
enum Kept {
    /// That there were some: nobody will read them.
    Presence,
    /// All of them, up to so many bytes.
    Bytes(usize),
    /// In which collections they were: there are too many for the journal.
    Collections(BTreeSet<CollectionId>),
}

/// One change.
#[derive(Debug, PartialEq)]
pub(crate) enum Change<'a> {
    /// The record is as its image says, whether it was there or not.
    Put { collection: CollectionId, image: &'a [u8] },
    /// The record is gone.
    Delete { collection: CollectionId, rank: u128, key: Option<&'a [u8]> },
    /// Numbers below this were given out.
    Next { collection: CollectionId, next: u64 },
    /// The catalog's own trees are made, with leaves of this length.
    Found { leaf_len: u32 },
}

impl Change<'_> {
    pub(crate) fn collection(&self) -> CollectionId {
        match self {
            Change::Put { collection, .. }
            | Change::Delete { collection, .. }
            | Change::Next { collection, .. } => *collection,
            Change::Found { .. } => CollectionId(0),
        }
    }
}

impl ChangeSet {
    /// No changes. `journaled` is the most bytes of them that a journal takes; `None` when there is none.
    pub(crate) fn new(journaled: Option<usize>) -> ChangeSet {
        let kept = journaled.map_or(Kept::Presence, Kept::Bytes);
        ChangeSet { bytes: Vec::from([VERSION]), kept }
    }

    /// Whether there are too many changes for the journal.
    pub(crate) fn is_bulk(&self) -> bool {
        matches!(self.kept, Kept::Collections(_))
    }

    /// Whether that many bytes of changes more are not too many.
    #[cfg(not(feature = "small"))]
    pub(crate) fn has_room(&self, len: usize) -> bool {
        match &self.kept {
            Kept::Presence => true,
            Kept::Bytes(max) => self.bytes.len() + len <= *max,
            Kept::Collections(_) => false,
        }
    }

    /// What the journal keeps of a bulk commit: the version byte, the number of collections changed and their ids, 4 bytes
    /// each.
    pub(crate) fn mark(&self) -> Vec<u8> {
        let collections = match &self.kept {
            Kept::Collections(collections) => collections.clone(),
            Kept::Bytes(_) => self.collections(),
            Kept::Presence => BTreeSet::new(),
        };
        let mut mark = Vec::from([VERSION]);
        mark.extend_from_slice(&(collections.len() as u32).to_le_bytes());
        collections.iter().for_each(|id| mark.extend_from_slice(&id.0.to_le_bytes()));
        mark
    }

    fn collections(&self) -> BTreeSet<CollectionId> {
        ChangeSet::read(&self.bytes).filter_map(Result::ok).map(|change| change.collection()).collect()
    }

    /// Gives `each` the collections that were changed, as far as that is kept, some more than once.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(crate) fn for_each_collection(&self, each: impl Fn(CollectionId)) {
        match &self.kept {
            Kept::Presence => {}
            Kept::Collections(collections) => collections.iter().for_each(|id| each(*id)),
            Kept::Bytes(_) => ChangeSet::read(&self.bytes)
                .filter_map(Result::ok)
                .filter(|change| !matches!(change, Change::Found { .. }))
                .for_each(|change| each(change.collection())),
        }
    }

    /// Gives up keeping all changes when they have become too many.
    fn limit(&mut self) {
        if let Kept::Bytes(max) = self.kept
            && self.bytes.len() > max
        {
            self.kept = Kept::Collections(self.collections());
            self.bytes = Vec::from([VERSION, 0]);
        }
    }

    pub(crate) fn put(&mut self, collection: CollectionId, draft: &RecordDraft) {
        if !self.start(PUT, collection) {
            return;
        }
        let len_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        draft.append_image(&mut self.bytes);
        let len = (self.bytes.len() - len_at - 4) as u32;
        self.bytes[len_at..len_at + 4].copy_from_slice(&len.to_le_bytes());
        self.limit();
    }

    pub(crate) fn delete(&mut self, collection: CollectionId, rank: u128) {
        if self.start(DELETE, collection) {
            self.bytes.extend_from_slice(&rank.to_le_bytes());
            self.limit();
        }
    }

    /// `key` holds the fields of the key, each as [`append_key_cell`] makes it.
    pub(crate) fn delete_with_key(&mut self, collection: CollectionId, rank: u128, key: &[u8]) {
        if self.start(DELETE_WITH_KEY, collection) {
            self.bytes.extend_from_slice(&rank.to_le_bytes());
            self.bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(key);
            self.limit();
        }
    }

    pub(crate) fn next(&mut self, collection: CollectionId, next: u64) {
        if self.start(NEXT, collection) {
            self.bytes.extend_from_slice(&next.to_le_bytes());
        }
    }

    pub(crate) fn found(&mut self, leaf_len: u32) {
        if self.start(FOUND, CollectionId(0)) {
            self.bytes.extend_from_slice(&leaf_len.to_le_bytes());
        }
    }

    fn start(&mut self, kind: u8, collection: CollectionId) -> bool {
        if let Kept::Collections(collections) = &mut self.kept {
            collections.insert(collection);
        }
        if !matches!(self.kept, Kept::Bytes(_)) {
            // One byte says that there was a change; a rollback to before it says that there was none.
            self.bytes.truncate(1);
            self.bytes.push(0);
            return false;
        }
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&collection.0.to_le_bytes());
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() <= 1
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The changes of a payload. After an error there are no more.
    pub(crate) fn read(payload: &[u8]) -> impl Iterator<Item = Result<Change<'_>, StorageError>> {
        let mut rest = match payload.split_first() {
            Some((&VERSION, rest)) => Some(rest),
            _ => None,
        };
        let mut reported = rest.is_some();
        core::iter::from_fn(move || {
            let Some(bytes) = rest else {
                let first = !core::mem::replace(&mut reported, true);
                return first
                    .then(|| Err(StorageError::damage("journal", "a change set of an unknown version")));
            };
            if bytes.is_empty() {
                return None;
            }
            match read_change(bytes) {
                Some((change, after)) => {
                    rest = Some(after);
                    Some(Ok(change))
                }
                None => {
                    rest = Some(&[]);
                    Some(Err(StorageError::damage("journal", "a change set ends in the middle of a change")))
                }
            }
        })
    }
}

fn read_change(bytes: &[u8]) -> Option<(Change<'_>, &[u8])> {
    let (&kind, bytes) = bytes.split_first()?;
    let (collection, bytes) = bytes.split_first_chunk::<4>()?;
    let collection = CollectionId(u32::from_le_bytes(*collection));
    match kind {
        PUT => {
            let (image, bytes) = split_sized(bytes)?;
            Some((Change::Put { collection, image }, bytes))
        }
        DELETE => {
            let (rank, bytes) = bytes.split_first_chunk::<16>()?;
            let rank = u128::from_le_bytes(*rank);
            Some((Change::Delete { collection, rank, key: None }, bytes))
        }
        DELETE_WITH_KEY => {
            let (rank, bytes) = bytes.split_first_chunk::<16>()?;
            let rank = u128::from_le_bytes(*rank);
            let (key, bytes) = split_sized(bytes)?;
            Some((Change::Delete { collection, rank, key: Some(key) }, bytes))
        }
        NEXT => {
            let (next, bytes) = bytes.split_first_chunk::<8>()?;
            Some((Change::Next { collection, next: u64::from_le_bytes(*next) }, bytes))
        }
        FOUND => {
            let (leaf_len, bytes) = bytes.split_first_chunk::<4>()?;
            Some((Change::Found { leaf_len: u32::from_le_bytes(*leaf_len) }, bytes))
        }
        _ => None,
    }
}

/// Bytes that are preceded by their length, and those behind them.
fn split_sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, bytes) = bytes.split_first_chunk::<4>()?;
    bytes.split_at_checked(u32::from_le_bytes(*len) as usize)
}

/// Appends a field of a key. Fields of keys are never absent.
pub(crate) fn append_key_cell(out: &mut Vec<u8>, cell: Cell<'_>) {
    let bytes = cell.unwrap_or_default();
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Where the changes of a commit were.
#[derive(Debug, PartialEq)]
pub(crate) enum Touched {
    /// The payload lists them.
    Listed,
    /// In these collections.
    In(BTreeSet<CollectionId>),
    /// Nobody knows.
    All,
}

impl Touched {
    /// What an entry of the journal says.
    pub(crate) fn of(kind: EntryKind, payload: &[u8]) -> Touched {
        let listed = |payload: &[u8]| {
            // The number of the checkpoint comes first.
            let (version, rest) = payload.get(8..)?.split_first()?;
            let (count, ids) = rest.split_first_chunk::<4>()?;
            let count = u32::from_le_bytes(*count) as usize;
            let ids: BTreeSet<CollectionId> = ids
                .chunks_exact(4)
                .filter_map(|id| id.first_chunk::<4>())
                .map(|id| CollectionId(u32::from_le_bytes(*id)))
                .collect();
            // A list too long for a segment was cut.
            (*version == VERSION && ids.len() == count).then_some(ids)
        };
        match kind {
            EntryKind::Changes => Touched::Listed,
            EntryKind::Mark => listed(payload).map_or(Touched::All, Touched::In),
            EntryKind::Unmarked => Touched::All,
        }
    }

    /// Nowhere.
    pub(crate) fn nowhere() -> Touched {
        Touched::In(BTreeSet::new())
    }

    /// Adds where a bulk commit's changes were. With a change to what says what is stored, that is everywhere.
    pub(crate) fn add(&mut self, commit: &Entry) {
        let is_everywhere = |ids: &BTreeSet<CollectionId>| ids.iter().any(|id| says_what_is_stored(*id));
        match (&mut *self, Touched::of(commit.kind, &commit.payload)) {
            (Touched::In(all), Touched::In(more)) if !is_everywhere(&more) => all.extend(more),
            _ => *self = Touched::All,
        }
    }

    /// Whether changes were in `collection`.
    pub(crate) fn has(&self, collection: CollectionId) -> bool {
        match self {
            Touched::Listed => false,
            Touched::In(ids) => ids.contains(&collection),
            Touched::All => true,
        }
    }
}

/// Whether the collection is one of the catalog's that say what is stored: all of its own but the chunks of blobs.
pub(crate) fn says_what_is_stored(id: CollectionId) -> bool {
    id.0 < FIRST_FREE_ID && id.0 != CHUNKS_ID
}

/// A record that a commit put or deleted.
pub(crate) struct Changed<'s> {
    /// Its collection.
    pub(crate) collection: &'s CollectionDef,
    /// Whether it was deleted.
    pub(crate) is_delete: bool,
    /// The record that was put; of one that was deleted, its key.
    pub(crate) draft: RecordDraft,
}

impl<'s> Changed<'s> {
    /// The records in a payload, those of the catalog left out. After an error nothing more is to be asked.
    pub(crate) fn read(
        payload: &'s [u8],
        catalog: &'s Catalog,
    ) -> impl Iterator<Item = Result<Changed<'s>, StorageError>> {
        let of_users = ChangeSet::read(payload).filter(|change| match change {
            Ok(Change::Put { collection, .. } | Change::Delete { collection, .. }) => {
                collection.0 >= FIRST_FREE_ID
            }
            Ok(Change::Next { .. } | Change::Found { .. }) => false,
            Err(_) => true,
        });
        of_users.map(|change| Changed::new(&change?, catalog))
    }

    fn new(change: &Change<'_>, catalog: &'s Catalog) -> Result<Changed<'s>, StorageError> {
        let id = change.collection();
        let collection = catalog.collection(id).ok_or_else(|| {
            StorageError::damage("change set", format_args!("it names collection {id}, which does not exist"))
        })?;
        let mut draft = RecordDraft::new(&collection.layout);
        let is_delete = match change {
            Change::Put { image, .. } => {
                if !draft.load_image(&collection.layout, image) {
                    let problem = words!("a record of `{}` does not fit its layout", collection.name);
                    return Err(StorageError::damage("change set", problem));
                }
                false
            }
            Change::Delete { rank, key, .. } => {
                draft.set_rank(&collection.layout, *rank);
                let mut rest = key.unwrap_or_default();
                for position in collection.key.iter().filter(|_| key.is_some()) {
                    let place = &collection.layout.places[usize::from(*position)];
                    let cell = split_sized(rest)
                        .filter(|(cell, _)| place.ty.width().is_none_or(|width| width == cell.len()));
                    let Some((cell, after)) = cell else {
                        let problem = words!("a key of `{}` does not fit its fields", collection.name);
                        return Err(StorageError::damage("change set", problem));
                    };
                    draft.put(place, Some(cell));
                    rest = after;
                }
                true
            }
            Change::Next { .. } | Change::Found { .. } => unreachable!("those are left out"),
        };
        Ok(Changed { collection, is_delete, draft })
    }

    /// Calls `then` with the cells of the key.
    pub(crate) fn with_key<R>(&self, then: impl FnOnce(&[Cell<'_>]) -> R) -> R {
        let place = |position: &u16| &self.collection.layout.places[usize::from(*position)];
        let fields: Vec<FieldCell<'_>> =
            self.collection.key.iter().map(|position| self.draft.field(place(position))).collect();
        let cells: Vec<Cell<'_>> = fields.iter().map(FieldCell::as_cell).collect();
        then(&cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_changes_leave_the_collections_they_were_in() {
        let mut set = ChangeSet::new(Some(100));
        let empty = set.len();
        for rank in 0..4 {
            set.delete(CollectionId(17), rank);
        }
        assert!(!set.is_bulk());
        assert_eq!(set.mark(), [VERSION, 1, 0, 0, 0, 17, 0, 0, 0]);
        set.delete(CollectionId(3), 4);
        set.delete(CollectionId(200), 5);
        assert!(set.is_bulk());
        assert_eq!(set.mark(), vec![VERSION, 3, 0, 0, 0, 3, 0, 0, 0, 17, 0, 0, 0, 200, 0, 0, 0]);
        assert!(!set.is_empty());
        set.truncate(empty);
        assert!(set.is_empty(), "all of it was undone");
    }

    #[test]
    fn marks_tell_where_changes_were_unless_they_were_cut() {
        let mark = |count: u8, ids: &[u8]| {
            let mut mark = vec![9, 0, 0, 0, 0, 0, 0, 0, VERSION, count, 0, 0, 0];
            ids.iter().for_each(|id| mark.extend_from_slice(&[*id, 0, 0, 0]));
            mark
        };
        let ids = BTreeSet::from([CollectionId(17), CollectionId(20)]);
        assert_eq!(Touched::of(EntryKind::Mark, &mark(2, &[17, 20])), Touched::In(ids));
        assert_eq!(Touched::of(EntryKind::Mark, &mark(3, &[17, 20])), Touched::All);
        assert_eq!(Touched::of(EntryKind::Mark, &[]), Touched::All);
        assert_eq!(Touched::of(EntryKind::Unmarked, &[]), Touched::All);
        assert_eq!(Touched::of(EntryKind::Changes, &[VERSION]), Touched::Listed);
    }

    #[test]
    fn change_sets_round_trip_and_cuts_are_damage() {
        let mut set = ChangeSet::new(Some(1 << 20));
        assert!(set.is_empty());
        set.delete(CollectionId(17), 1 << 100);
        set.next(CollectionId(18), 5);
        set.found(1024);
        let mut key = Vec::new();
        append_key_cell(&mut key, Some(b"key"));
        set.delete_with_key(CollectionId(19), 3, &key);
        let read: Vec<_> = ChangeSet::read(set.as_bytes()).map(Result::unwrap).collect();
        assert_eq!(
            read,
            [
                Change::Delete { collection: CollectionId(17), rank: 1 << 100, key: None },
                Change::Next { collection: CollectionId(18), next: 5 },
                Change::Found { leaf_len: 1024 },
                Change::Delete {
                    collection: CollectionId(19),
                    rank: 3,
                    key: Some(&[3, 0, 0, 0, b'k', b'e', b'y'])
                },
            ]
        );
        for len in (0..set.len()).filter(|len| ![1, 22, 35, 44].contains(len)) {
            assert!(ChangeSet::read(&set.as_bytes()[..len]).any(|change| change.is_err()), "cut to {len}");
        }
    }
}
