//! [`View`]: all that the floors above see of what is stored, at one moment. It is had from an [`Operation`].
//!
//! Reads come in three shapes: a record by its rank, the leaves of a collection in a range of ranks, and the ranks that an
//! index holds in a range of keys. Page *bytes* go up as batches of one leaf; page numbers do not.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::{Bound, Range};

use super::StorageError;
use super::btree::{self, EntryPlace, EntryTree, LeafFormat, RecordLeaf, RecordSlot, RecordTree};
#[cfg(not(feature = "small"))]
use super::catalog::Attached;
use super::catalog::{Statistics, Stored};
use super::concurrent::ReadLog;
use super::counted::Counted;
#[cfg(not(feature = "small"))]
use super::known::Known;
use super::page::{PageRead, TreeId};
use super::pager::PageOperation;
use super::records::{RecordRef, keys};
use super::scratch::Scratch;
use crate::parts::{self, Whole};
use crate::schema::{Catalog, CollectionDef, CollectionId, IndexDef, IndexId, Layout};
use crate::sync::OnceCell;

#[cfg(not(feature = "small"))]
pub use super::btree::Cached;
pub use super::btree::Direction;

/// What is stored, as one snapshot or one write transaction sees it.
#[derive(Clone, Copy)]
pub struct View<'s> {
    pages: &'s dyn PageRead,
    stored: &'s Stored,
    /// In a write transaction: statistics that are not on their pages yet.
    counted: Option<&'s Counted>,
    /// In a transaction without the lease: where reads are noted.
    reads: Option<&'s ReadLog>,
    /// Where bytes are kept until the operation ends.
    kept: Option<&'s KeptBytes>,
}

/// What can be read in operations, which all see the same.
pub trait Reading {
    /// Begins an operation.
    fn operation(&self) -> Operation<'_>;

    /// The same for one of several threads; `None` where one alone can read, in a write transaction.
    #[cfg(all(feature = "std", not(feature = "small")))]
    fn together(&self) -> Option<Box<dyn ReadingTogether + '_>> {
        None
    }
}

/// What several threads read together. Each has its own, and ends its operations when they are crowded.
#[cfg(all(feature = "std", not(feature = "small")))]
pub trait ReadingTogether: Reading + Send {
    /// Whether too much stays in memory because another of these threads is in an operation: before the next one begins that is
    /// to be waited for, for a while.
    fn is_overfull(&self) -> bool;
}

/// A time of reading: what is read stays in memory until it ends. Something that takes long is done in several, so that
/// memory holds no more than it may.
pub struct Operation<'s> {
    pages: Pages<'s>,
    kept: KeptBytes,
}

enum Pages<'s> {
    Snapshot { pages: PageOperation<'s>, stored: &'s Stored },
    Writer(View<'s>),
}

impl<'s> Operation<'s> {
    pub(super) fn of_snapshot(pages: PageOperation<'s>, stored: &'s Stored) -> Operation<'s> {
        Operation { pages: Pages::Snapshot { pages, stored }, kept: KeptBytes::new() }
    }

    /// An operation in a write transaction, whose pages stay until its next change.
    pub(super) fn of_writer(view: View<'s>) -> Operation<'s> {
        Operation { pages: Pages::Writer(view), kept: KeptBytes::new() }
    }

    /// What is stored.
    #[inline]
    pub fn view(&self) -> View<'_> {
        match &self.pages {
            Pages::Snapshot { pages, stored } => View { kept: Some(&self.kept), ..View::new(pages, stored) },
            Pages::Writer(view) => *view,
        }
    }
}

impl<'s> View<'s> {
    pub(crate) fn new(pages: &'s dyn PageRead, stored: &'s Stored) -> View<'s> {
        View { pages, stored, counted: None, reads: None, kept: None }
    }

    /// What a write transaction sees.
    pub(super) fn of_writer(
        pages: &'s dyn PageRead,
        stored: &'s Stored,
        counted: &'s Counted,
        reads: Option<&'s ReadLog>,
    ) -> View<'s> {
        View { pages, stored, counted: Some(counted), reads, kept: None }
    }

    /// The same for estimates: an answer must not depend on what is read through it, and it is not noted as read.
    pub fn for_estimates(self) -> View<'s> {
        View { reads: None, ..self }
    }

    /// Whether what is read is noted, so that reading more than is meant has a price.
    #[cfg(not(feature = "small"))]
    pub(crate) fn notes_reads(&self) -> bool {
        self.reads().is_some()
    }

    /// Where reads are noted, if they are.
    #[inline]
    fn reads(&self) -> Option<&'s ReadLog> {
        self.reads.filter(|_| parts::CONCURRENT)
    }

    /// Whether the operation keeps more in memory than it should: see [`Operation`].
    pub(crate) fn is_crowded(&self) -> bool {
        self.pages.is_crowded() || parts::PAUSES && self.kept.is_some_and(|kept| kept.len() > self.kept_max())
    }

    /// The bytes that an operation may keep beside pages.
    pub(super) fn kept_max(&self) -> usize {
        self.pages.cache_bytes().map_or(usize::MAX, |bytes| bytes / 16)
    }

    /// What pages may take in memory, in bytes; `None` when there is no limit.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(crate) fn cache_bytes(&self) -> Option<usize> {
        self.pages.cache_bytes()
    }

    /// What a sort may take in memory beside the pages that it reads, in bytes: half of what those may
    /// take, so that one number bounds both.
    pub(crate) fn sort_bytes(&self) -> Option<usize> {
        self.pages.cache_bytes().map(|bytes| bytes / 2)
    }

    /// What a query may keep of rows in memory, in bytes, if the options say so.
    #[cfg(not(feature = "small"))]
    pub(crate) fn query_bytes(&self) -> Option<usize> {
        self.pages.query_bytes()
    }

    /// Room outside of memory, in blocks of `block_len` bytes; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When the file system refuses it.
    pub(crate) fn scratch(&self, block_len: usize) -> Result<Option<Scratch>, StorageError> {
        self.pages.scratch(block_len)
    }

    /// Nanoseconds of the file system's clock, from any beginning. Without `std`, in memory, and in small builds always 0.
    pub(crate) fn now_ns(&self) -> u64 {
        #[cfg(not(feature = "small"))]
        return self.pages.now_ns();
        #[cfg(feature = "small")]
        0
    }

    /// Whether [`keep_copies`](View::keep_copies) does something.
    pub(crate) fn keeps_copies(&self) -> bool {
        self.kept.is_some()
    }

    /// Keeps copies of records until the operation ends: see [`CopiedRecords`].
    pub(crate) fn keep_copies(&self, copies: CopiedRecords) -> Option<KeptRecords<'s>> {
        let CopiedRecords { bytes, .. } = copies;
        Some(KeptRecords { pages: self.pages, bytes: self.kept?.keep(bytes, Whole::build()?) })
    }

    /// Of how many records of `collection` the pages may be read at once, whatever pages they lie on: an eighth of the page
    /// cache holds them.
    pub(crate) fn records_at_once(&self, collection: &CollectionDef) -> usize {
        match self.pages.cache_bytes() {
            Some(bytes) => (bytes / 8 / (collection.leaf_len as usize).max(1)).max(1),
            None => usize::MAX,
        }
    }

    /// About how many records of `collection` an operation may keep in memory all at once, whatever else it reads: a quarter of
    /// the page cache holds them. None where reads are noted: what is read beside what is meant makes conflicts. `None` when
    /// there is no limit.
    #[cfg(not(feature = "small"))]
    pub(crate) fn records_kept(&self, collection: &CollectionDef) -> Option<u64> {
        /// What is taken for the bytes of the values of a record that are not in its row.
        const BLOB_LEN: usize = 96;
        if self.notes_reads() {
            return Some(0);
        }
        let layout = &collection.layout;
        let len = usize::from(layout.stride) + if layout.blob_offset.is_some() { BLOB_LEN } else { 0 };
        Some((self.pages.cache_bytes()? / 4 / len.max(1)) as u64)
    }

    /// The statistics that are known of the collections.
    #[cfg(not(feature = "small"))]
    pub(super) fn known_of_all(&self) -> &'s Known {
        &self.stored.known
    }

    /// The commit that is read; `None` in a write transaction.
    #[cfg(not(feature = "small"))]
    pub(crate) fn commit(&self) -> Option<u64> {
        self.pages.commit().filter(|_| self.counted.is_none())
    }

    /// As [`commit`](View::commit); in a write transaction the commit that it began on.
    #[cfg(not(feature = "small"))]
    pub(super) fn base(&self) -> Option<u64> {
        self.pages.commit()
    }

    /// Ranks that lead to so many leaves of a collection, evenly spread; and whether there are no others.
    #[cfg(not(feature = "small"))]
    pub(super) fn spread_leaves(
        &self,
        collection: &CollectionDef,
        most: usize,
    ) -> Result<(Vec<u128>, bool), StorageError> {
        self.stored.record_tree(collection).spread_leaves(self.pages, most)
    }

    /// How many leaves the records of a collection have, or the entries of one of its indexes: exactly, where `most` branches or fewer
    /// lead to all of them.
    #[cfg(not(feature = "small"))]
    pub(super) fn leaves_count(
        &self,
        collection: &CollectionDef,
        index: Option<&IndexDef>,
        most: usize,
    ) -> Result<u64, StorageError> {
        match index {
            None => self.stored.record_tree(collection).leaves_count(self.pages, most),
            Some(index) => self.stored.entry_tree(index).leaves_count(self.pages, most),
        }
    }

    /// Ranks at which up to `most` parts of a collection begin that have about as many leaves each; the first is 0. They
    /// depend on what is stored alone.
    ///
    /// # Errors
    ///
    /// When a page cannot be read.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(crate) fn parts(&self, collection: &CollectionDef, most: usize) -> Result<Vec<u128>, StorageError> {
        self.stored.record_tree(collection).parts(self.pages, most)
    }

    /// The entries of so many leaves of an index: see [`EntryTree::each_of_spread`].
    #[cfg(not(feature = "small"))]
    pub(super) fn each_of_spread(
        &self,
        index: &IndexDef,
        most: usize,
        each: &mut dyn FnMut(&[u8], bool),
    ) -> Result<bool, StorageError> {
        self.stored.entry_tree(index).each_of_spread(self.pages, most, each)
    }

    /// How much of a collection's records is in memory, or of the entries of one of its indexes; `None` where all is, as there is no
    /// file.
    ///
    /// # Errors
    ///
    /// When a page cannot be read.
    #[cfg(not(feature = "small"))]
    pub(crate) fn cached(
        &self,
        collection: &CollectionDef,
        index: Option<&IndexDef>,
    ) -> Result<Option<Cached>, StorageError> {
        if self.pages.cache_bytes().is_none() {
            return Ok(None);
        }
        Ok(Some(match index {
            None => self.stored.record_tree(collection).cached(self.pages)?,
            Some(index) => self.stored.entry_tree(index).cached(self.pages)?,
        }))
    }

    /// How many pages have been read from the file since it was opened; `None` in a write transaction, which takes all for being in
    /// memory.
    #[cfg(not(feature = "small"))]
    pub(crate) fn pages_loaded(&self) -> Option<u64> {
        self.pages.pages_loaded()
    }

    /// The collections.
    pub fn catalog(&self) -> &'s Catalog {
        &self.stored.catalog
    }

    /// What the floors above keep with the open database, whose catalog does not change.
    #[cfg(not(feature = "small"))]
    pub(crate) fn attached(&self) -> &'s Attached {
        &self.stored.attached
    }

    /// The collection that holds the bytes of blobs.
    pub(super) fn chunks(&self) -> &'s CollectionDef {
        &self.stored.system.chunks
    }

    /// How many records a collection has, exactly. Takes one lookup.
    ///
    /// # Errors
    ///
    /// When a page of the catalog cannot be read.
    pub fn count(&self, collection: CollectionId) -> Result<u64, StorageError> {
        if let Some(reads) = self.reads() {
            reads.count(collection);
        }
        Ok(self.statistics(collection)?.count)
    }

    pub(super) fn statistics(&self, collection: CollectionId) -> Result<Statistics, StorageError> {
        match self.counted.and_then(|counted| counted.get(collection)) {
            Some(statistics) => Ok(statistics),
            None => self.stored.statistics(self.pages, collection),
        }
    }

    /// The record with this rank.
    ///
    /// # Errors
    ///
    /// When a page on the way cannot be read.
    #[inline]
    pub fn get(
        &self,
        collection: &'s CollectionDef,
        rank: u128,
    ) -> Result<Option<RecordRef<'s>>, StorageError> {
        if let Some(reads) = self.reads() {
            reads.record(collection.id, rank);
        }
        let tree = self.stored.record_tree(collection);
        tree.get(self.pages, rank)?.map(|slot| record_at(self.pages, &collection.layout, slot)).transpose()
    }

    /// The records with these ranks, appended to `out` in their order; `None` for those that do not exist.
    ///
    /// Ascending ranks are cheapest: neighbours are found without descending again.
    ///
    /// # Errors
    ///
    /// As [`get`](View::get).
    pub fn get_many(
        &self,
        collection: &'s CollectionDef,
        ranks: &[u128],
        out: &mut Vec<Option<RecordRef<'s>>>,
    ) -> Result<(), StorageError> {
        if let Some(reads) = self.reads() {
            reads.each_record(collection.id, ranks);
        }
        let tree = self.stored.record_tree(collection);
        out.reserve(ranks.len());
        let mut outcome = Ok(());
        tree.get_many(self.pages, ranks, |slot| {
            match slot.map(|slot| record_at(self.pages, &collection.layout, slot)).transpose() {
                Ok(record) => out.push(record),
                Err(error) => outcome = Err(error),
            }
        })?;
        outcome
    }

    /// The leaves that hold the records with ranks from `low` to `high`, both included.
    ///
    /// # Errors
    ///
    /// As [`get`](View::get).
    pub fn leaves(
        &self,
        collection: &'s CollectionDef,
        low: u128,
        high: u128,
        direction: Direction,
    ) -> Result<LeafCursor<'s>, StorageError> {
        let tree = self.stored.record_tree(collection);
        let cursor = tree.leaves(self.pages, low, high, direction);
        let asked = self.reads().map(|reads| {
            let asked = AskedRanks { reads, collection: collection.id, low, high, direction };
            Box::new(asked)
        });
        Ok(LeafCursor { pages: self.pages, layout: &collection.layout, cursor, asked })
    }

    /// The entries of an index whose encoded fields lie in the range, in the order of the index.
    ///
    /// An excluded low bound skips every entry that *starts* with it, an included high bound takes them all: a bound
    /// made of the first few fields of a compound index bounds those fields.
    ///
    /// # Errors
    ///
    /// As [`get`](View::get).
    pub fn entries(
        &self,
        collection: &'s CollectionDef,
        index: IndexId,
        low: Bound<&[u8]>,
        high: Bound<&[u8]>,
        direction: Direction,
    ) -> Result<EntryCursor<'s>, StorageError> {
        let index = collection.index(index).expect("a plan names an index of its collection");
        let tree = self.stored.entry_tree(index);
        let (low, high) = (Self::low(low), Self::high(high));
        let cursor = tree.cursor(self.pages, low.as_ref(), high.as_ref(), direction);
        let asked = self.reads().map(|reads| {
            let (collection, index) = (collection.id, index.id);
            Box::new(AskedEntries { reads, collection, index, low, high, direction, last: Vec::new() })
        });
        Ok(EntryCursor { cursor, rank_width: usize::from(collection.layout.rank_width), asked })
    }

    /// About how many entries [`entries`](View::entries) would give. Nothing is noted as read: an answer must not depend
    /// on it.
    ///
    /// # Errors
    ///
    /// As [`get`](View::get).
    pub fn estimate_entries(
        &self,
        collection: &'s CollectionDef,
        index: IndexId,
        low: Bound<&[u8]>,
        high: Bound<&[u8]>,
    ) -> Result<u64, StorageError> {
        let index = collection.index(index).expect("a plan names an index of its collection");
        let (low, high) = (Self::low(low), Self::high(high));
        self.stored.entry_tree(index).estimate(self.pages, low.as_ref(), high.as_ref())
    }

    fn low(bound: Bound<&[u8]>) -> OwnedBound {
        match bound {
            Bound::Unbounded => OwnedBound::Unbounded,
            Bound::Included(key) => OwnedBound::Included(key.to_vec()),
            Bound::Excluded(key) => OwnedBound::after_all_with(key, OwnedBound::Included),
        }
    }

    fn high(bound: Bound<&[u8]>) -> OwnedBound {
        match bound {
            Bound::Unbounded => OwnedBound::Unbounded,
            Bound::Excluded(key) => OwnedBound::Excluded(key.to_vec()),
            Bound::Included(key) => OwnedBound::after_all_with(key, OwnedBound::Excluded),
        }
    }

    /// The one record whose unique index has exactly this key.
    ///
    /// # Errors
    ///
    /// As [`get`](View::get).
    pub fn get_by_key(
        &self,
        collection: &'s CollectionDef,
        index: &IndexDef,
        key: &[u8],
    ) -> Result<Option<RecordRef<'s>>, StorageError> {
        match self.rank_by_key(collection, index, key)? {
            Some(rank) => self.get(collection, rank),
            None => Ok(None),
        }
    }

    /// The rank of the record whose index entry has exactly this key; of the first, when the index is not unique.
    pub(crate) fn rank_by_key(
        &self,
        collection: &CollectionDef,
        index: &IndexDef,
        key: &[u8],
    ) -> Result<Option<u128>, StorageError> {
        self.note_key(collection, index, key);
        let tree = self.stored.entry_tree(index);
        tree.rank_of(self.pages, key, usize::from(collection.layout.rank_width))
    }

    /// Finds where an entry goes that is to be inserted; gives the rank of a record whose entry has the same key.
    pub(crate) fn find_place(
        &self,
        collection: &CollectionDef,
        index: &IndexDef,
        entry: &[u8],
        place: &mut EntryPlace,
    ) -> Result<Option<u128>, StorageError> {
        let rank_width = usize::from(collection.layout.rank_width);
        let key_len = keys::key_len(index, entry, collection.layout.rank_width);
        self.note_key(collection, index, &entry[..key_len.expect("an entry has a rank")]);
        self.stored.entry_tree(index).find_place(self.pages, entry, rank_width, place)
    }

    /// Notes that it was read which entries have this key.
    fn note_key(&self, collection: &CollectionDef, index: &IndexDef, key: &[u8]) {
        if let Some(reads) = self.reads() {
            let (low, high) = (Bound::Included(key), Self::high(Bound::Included(key)));
            reads.entries(collection.id, index.id, low, high.as_ref());
        }
    }
}

/// A bound that owns its key.
enum OwnedBound {
    Unbounded,
    Included(Vec<u8>),
    Excluded(Vec<u8>),
}

impl OwnedBound {
    /// The bound behind every entry that starts with `key`.
    fn after_all_with(key: &[u8], make: fn(Vec<u8>) -> OwnedBound) -> OwnedBound {
        let mut key = key.to_vec();
        if crate::value::key::increment_prefix(&mut key) {
            make(key)
        } else {
            // Every byte was FF: nothing is greater. No encoded key starts so, but a rank may.
            OwnedBound::Excluded(vec![0xFF; crate::value::key::KEY_BYTES_MAX + 16])
        }
    }

    fn as_ref(&self) -> Bound<&[u8]> {
        match self {
            OwnedBound::Unbounded => Bound::Unbounded,
            OwnedBound::Included(key) => Bound::Included(key),
            OwnedBound::Excluded(key) => Bound::Excluded(key),
        }
    }
}

/// Bytes that are kept until the operation ends.
struct KeptBytes {
    bytes: OnceCell<(Vec<u8>, Whole)>,
    more: OnceCell<(Box<KeptBytes>, Whole)>,
}

impl KeptBytes {
    fn new() -> KeptBytes {
        KeptBytes { bytes: OnceCell::new(), more: OnceCell::new() }
    }

    fn keep(&self, bytes: Vec<u8>, whole: Whole) -> &[u8] {
        let mut at = self;
        while at.bytes.get().is_some() {
            at = &at.more.get_or_init(|| (Box::new(KeptBytes::new()), whole)).0;
        }
        &at.bytes.get_or_init(|| (bytes, whole)).0
    }

    fn len(&self) -> usize {
        let all = core::iter::successors(Some(self), |kept| kept.more.get().map(|(more, _)| &**more));
        all.filter_map(|kept| kept.bytes.get()).map(|(bytes, _)| bytes.len()).sum()
    }
}

/// Copies of records that are on their way to where they are kept.
#[derive(Default)]
pub(crate) struct CopiedRecords {
    bytes: Vec<u8>,
}

/// Copies of records, in an operation.
pub(crate) struct KeptRecords<'s> {
    pages: &'s dyn PageRead,
    bytes: &'s [u8],
}

impl CopiedRecords {
    /// Adds a copy, as [`RecordRef::append_copy`] makes it; gives where it is.
    pub(crate) fn push(&mut self, layout: &Layout, copy: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        RecordRef::append_page(layout, copy, &mut self.bytes);
        start..self.bytes.len()
    }
}

impl<'s> KeptRecords<'s> {
    /// The copy at a place.
    pub(crate) fn record(&self, collection: &'s CollectionDef, place: Range<usize>) -> RecordRef<'s> {
        RecordRef::on_page(self.pages, &collection.layout, &self.bytes[place])
    }
}

/// Walks the leaves of a collection.
pub struct LeafCursor<'s> {
    pages: &'s dyn PageRead,
    layout: &'s Layout,
    cursor: btree::LeafCursor<'s, dyn PageRead + 's>,
    asked: Option<Box<AskedRanks<'s>>>,
}

/// A range of ranks whose records are being read, and where that is noted.
struct AskedRanks<'s> {
    reads: &'s ReadLog,
    collection: CollectionId,
    low: u128,
    high: u128,
    direction: Direction,
}

impl AskedRanks<'_> {
    /// Notes how far has been read: up to the leaf's last record in the range, or all of it.
    fn read(&self, leaf: Option<&btree::LeafView<'_>>) {
        let (low, high) = match (leaf, self.direction) {
            (None, _) => (self.low, self.high),
            (Some(leaf), Direction::Forward) => (self.low, leaf.rank(leaf.rows.end - 1)),
            (Some(leaf), Direction::Backward) => (leaf.rank(leaf.rows.start), self.high),
        };
        self.reads.records(self.collection, low, high);
    }
}

impl<'s> LeafCursor<'s> {
    /// The next leaf that holds a record in the range.
    ///
    /// # Errors
    ///
    /// When a page cannot be read.
    pub fn next_leaf(&mut self) -> Result<Option<LeafBatch<'s>>, StorageError> {
        let (pages, layout) = (self.pages, self.layout);
        let leaf = self.cursor.next();
        if let (true, Some(asked)) = (parts::CONCURRENT, &self.asked) {
            asked.read(leaf.as_ref().ok().and_then(Option::as_ref));
        }
        let Some(leaf) = leaf? else { return Ok(None) };
        check_layout(&leaf.leaf, layout)?;
        Ok(Some(LeafBatch {
            pages,
            layout,
            page: leaf.leaf.page(),
            rows: leaf.fixed_rows(),
            count: leaf.rows.len(),
        }))
    }
}

/// The records of one leaf that lie in a range.
#[derive(Clone)]
pub struct LeafBatch<'s> {
    pages: &'s dyn PageRead,
    layout: &'s Layout,
    page: &'s [u8],
    rows: &'s [u8],
    count: usize,
}

impl<'s> LeafBatch<'s> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none: never so for a batch that a cursor gives.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Where the fields lie.
    pub fn layout(&self) -> &'s Layout {
        self.layout
    }

    /// The bytes from one fixed row to the next.
    pub fn stride(&self) -> usize {
        usize::from(self.layout.stride)
    }

    /// The fixed rows, one after the other.
    pub fn rows(&self) -> &'s [u8] {
        self.rows
    }

    /// One record.
    ///
    /// # Panics
    ///
    /// When `row` is not less than [`len`](LeafBatch::len).
    #[inline]
    pub fn record(&self, row: usize) -> RecordRef<'s> {
        let stride = self.stride();
        RecordRef::new(self.pages, self.layout, self.page, &self.rows[row * stride..][..stride])
    }

    /// The page that the rows lie on.
    pub fn page(&self) -> &'s [u8] {
        self.page
    }
}

/// Walks the entries of an index.
pub struct EntryCursor<'s> {
    cursor: btree::EntryCursor<'s, dyn PageRead + 's>,
    rank_width: usize,
    asked: Option<Box<AskedEntries<'s>>>,
}

/// A range of entries that are being read, and where that is noted.
struct AskedEntries<'s> {
    reads: &'s ReadLog,
    collection: CollectionId,
    index: IndexId,
    low: OwnedBound,
    high: OwnedBound,
    direction: Direction,
    /// The entry read last; a buffer.
    last: Vec<u8>,
}

impl AskedEntries<'_> {
    /// Notes how far has been read, after `limit` entries or fewer were asked for and `read` says how many there were: up
    /// to the last one, or all of the range.
    fn read(
        &mut self,
        cursor: &btree::EntryCursor<'_, dyn PageRead + '_>,
        limit: usize,
        read: &Result<usize, StorageError>,
    ) {
        self.last.clear();
        let stopped = match read {
            Ok(count) if *count == limit => cursor.last(&mut self.last).unwrap_or(false),
            _ => false,
        };
        let (low, high) = match (stopped, self.direction) {
            (false, _) => (self.low.as_ref(), self.high.as_ref()),
            (true, Direction::Forward) => (self.low.as_ref(), Bound::Included(self.last.as_slice())),
            (true, Direction::Backward) => (Bound::Included(self.last.as_slice()), self.high.as_ref()),
        };
        self.reads.entries(self.collection, self.index, low, high);
    }
}

impl EntryCursor<'_> {
    /// Goes on with all entries whose encoded fields start with `prefix`, forwards; quickest where these come soon after those that
    /// were read.
    ///
    /// # Errors
    ///
    /// When a page is damaged.
    #[cfg(not(feature = "small"))]
    pub fn move_to(&mut self, prefix: &[u8]) -> Result<(), StorageError> {
        let high = View::high(Bound::Included(prefix));
        self.cursor.move_to(prefix, high.as_ref())?;
        if let Some(asked) = &mut self.asked {
            (asked.low, asked.high) = (OwnedBound::Included(prefix.to_vec()), high);
        }
        Ok(())
    }

    /// As [`move_to`](EntryCursor::move_to), with all entries whose encoded fields lie in a range, of which the lower bound must not lie
    /// behind the upper one.
    ///
    /// # Errors
    ///
    /// When a page is damaged.
    #[cfg(not(feature = "small"))]
    pub fn move_within(&mut self, low: Bound<&[u8]>, high: Bound<&[u8]>) -> Result<(), StorageError> {
        let (low, high) = (View::low(low), View::high(high));
        let from: &[u8] = match &low {
            OwnedBound::Unbounded => &[],
            // What is behind every key is at none of them.
            OwnedBound::Included(key) | OwnedBound::Excluded(key) => key,
        };
        self.cursor.move_to(from, high.as_ref())?;
        if let Some(asked) = &mut self.asked {
            (asked.low, asked.high) = (low, high);
        }
        Ok(())
    }

    /// Appends the ranks of up to `limit` further entries; returns how many, fewer only at the end.
    ///
    /// # Errors
    ///
    /// When a page cannot be read.
    pub fn next_ranks(&mut self, limit: usize, out: &mut Vec<u128>) -> Result<usize, StorageError> {
        let read = self.cursor.next_ranks(limit, self.rank_width, out);
        if let (true, Some(asked)) = (parts::CONCURRENT, &mut self.asked) {
            asked.read(&self.cursor, limit, &read);
        }
        read
    }

    /// Calls `each` for up to `limit` further entries of a covering index: with the encoded fields, the rank, and what is
    /// [included](crate::storage::records::keys::split_included). Returns how many, 0 at the end.
    ///
    /// # Errors
    ///
    /// When a page cannot be read; what `each` fails with.
    #[cfg(not(feature = "small"))]
    pub fn each_including(
        &mut self,
        limit: usize,
        each: &mut btree::EachWithRest<'_>,
    ) -> Result<usize, StorageError> {
        let read = self.cursor.each_with_rest(limit, self.rank_width, each);
        if let (true, Some(asked)) = (parts::CONCURRENT, &mut self.asked) {
            asked.read(&self.cursor, limit, &read);
        }
        read
    }

    /// Appends the entry read last, all of it, to `out`. False when none was, or the end was come to.
    ///
    /// # Errors
    ///
    /// When its page is damaged.
    pub fn last(&self, out: &mut Vec<u8>) -> Result<bool, StorageError> {
        self.cursor.last(out)
    }

    /// Appends the encoded fields (one key after the other, `ends` giving where each stops) and ranks of up to `limit`
    /// further entries; returns how many, 0 at the end.
    ///
    /// # Errors
    ///
    /// When a page cannot be read.
    pub fn next_entries(
        &mut self,
        limit: usize,
        keys: &mut Vec<u8>,
        ends: &mut Vec<u32>,
        ranks: &mut Vec<u128>,
    ) -> Result<usize, StorageError> {
        let read = self.cursor.next_entries(limit, self.rank_width, keys, ends, ranks);
        if let (true, Some(asked)) = (parts::CONCURRENT, &mut self.asked) {
            asked.read(&self.cursor, limit, &read);
        }
        read
    }
}

// The trees' handles are made from the catalog, which holds their roots.
impl Stored {
    #[inline]
    pub(super) fn record_tree(&self, collection: &CollectionDef) -> RecordTree {
        let LeafFormat { rank_width, stride, blob_offset, version } = leaf_format(collection);
        RecordTree {
            root: self.root(collection.id.0),
            tree: TreeId(collection.id.0),
            rank_width,
            stride,
            blob_offset,
            version,
            leaf_len: collection.leaf_len,
        }
    }

    #[inline]
    pub(super) fn entry_tree(&self, index: &IndexDef) -> EntryTree {
        EntryTree {
            root: self.root(index.id.0),
            tree: TreeId(index.id.0),
            page_len: index.page_len,
            goes_on: index.has_included(),
        }
    }
}

/// The record in `slot`, read by `layout`.
#[inline]
pub(super) fn record_at<'s>(
    pages: &'s dyn PageRead,
    layout: &'s Layout,
    slot: RecordSlot<'s>,
) -> Result<RecordRef<'s>, StorageError> {
    check_layout(&slot.leaf, layout)?;
    Ok(RecordRef::new(pages, layout, slot.page(), slot.row))
}

/// A leaf says itself how long its rows are. Fields are found by the collection's layout, which must be the same.
#[inline]
fn check_layout(leaf: &RecordLeaf<'_>, layout: &Layout) -> Result<(), StorageError> {
    let LeafFormat { stride, blob_offset, .. } = leaf.format();
    if (stride, blob_offset) == (layout.stride, layout.blob_offset) {
        return Ok(());
    }
    Err(StorageError::page_damage(
        leaf.number(),
        format_args!(
            "its rows have {stride} bytes and their blobs' offset at {blob_offset:?}, those of its collection {} and {:?}",
            layout.stride, layout.blob_offset
        ),
    ))
}

/// How leaves of a collection are laid out.
#[inline]
pub(super) fn leaf_format(collection: &CollectionDef) -> LeafFormat {
    let layout = &collection.layout;
    LeafFormat {
        rank_width: layout.rank_width,
        stride: layout.stride,
        blob_offset: layout.blob_offset,
        version: collection.version,
    }
}
