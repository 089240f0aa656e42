//! A leaf of records: SPLIT layout.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 24 | common header |
//! | 24 | 2 | number of rows |
//! | 26 | 2 | stride: bytes of a fixed row |
//! | 28 | 2 | schema version of the rows |
//! | 30 | 2 | offset in the row of the blob's offset; `FFFF` when rows have no blob |
//! | 32 | 2 | heap start; 0 stands for 65,536 |
//! | 34 | 2 | garbage: bytes of the heap that no row names |
//! | 36 | 1 | rank width: 8 or 16 |
//! | 37 | 3 | zero |
//! | 40 | | fixed rows, in ascending order of rank |
//! | | | free |
//! | heap start | | blobs, to the page's end, each after its `u16` length |
//!
//! The dense fixed rows are the slot array. A row starts with its rank, little-endian. The offset 0 stands for an empty
//! blob, which takes no room.

use alloc::vec::Vec;
#[cfg(not(feature = "small"))]
use core::cmp::Ordering;
use core::ops::Range;

use super::super::StorageError;
use super::super::page::{PageKind, PageNumber, TreeId, is_leaf_len};
use super::search::lower_bound;
use super::{clear_as, damage, expect_kind, put_u16, u16_at, u32_at};
use crate::storage::error::words;

/// Where the fixed rows start.
pub const ROWS_START: usize = 40;

const NO_BLOB: usize = 0xFFFF;

/// How the rows of a leaf are laid out. A leaf's header says it, so a reader needs no other source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeafFormat {
    /// 8 or 16: the bytes of the rank at a row's start.
    pub rank_width: u8,
    /// The bytes of a fixed row.
    pub stride: u16,
    /// Where in the row the offset of its blob is, if rows have blobs.
    pub blob_offset: Option<u16>,
    /// The schema version of the rows.
    pub version: u16,
}

impl LeafFormat {
    /// The bytes a record takes on a page.
    pub(super) fn cost(&self, blob: &[u8]) -> usize {
        usize::from(self.stride) + if blob.is_empty() { 0 } else { 2 + blob.len() }
    }
}

/// A record as it is kept: its fixed row and its blob.
pub type Record<'a> = (&'a [u8], &'a [u8]);

/// A leaf whose header has been checked.
#[derive(Clone, Copy, Debug)]
pub struct RecordLeaf<'p> {
    number: PageNumber,
    page: &'p [u8],
    head: LeafHead,
}

/// The header's fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeafHead {
    pub(super) count: usize,
    pub(super) stride: usize,
    pub(super) version: u16,
    pub(super) blob_offset: usize,
    pub(super) heap_start: usize,
    pub(super) garbage: usize,
    pub(super) rank_width: usize,
}

/// One record on a page.
#[derive(Clone, Copy, Debug)]
pub struct RecordSlot<'p> {
    /// The leaf it lies on.
    pub leaf: RecordLeaf<'p>,
    /// Its row's position.
    pub position: usize,
    /// Its fixed row, of the leaf's stride.
    pub row: &'p [u8],
}

impl<'p> RecordSlot<'p> {
    /// The whole page.
    pub fn page(&self) -> &'p [u8] {
        self.leaf.page
    }

    /// The blob; empty when rows of this leaf have none.
    ///
    /// # Errors
    ///
    /// `StorageFault::Corruption` when the row's offset or the blob's length points outside the heap.
    #[inline]
    pub fn blob(&self) -> Result<&'p [u8], StorageError> {
        self.leaf.blob(self.position)
    }
}

/// The blob of `row`, a row of the leaf `page` whose blob's offset lies at `blob_offset`: for those who keep the row and
/// not the leaf. Empty when the row has none.
///
/// # Errors
///
/// `StorageFault::Corruption` when the offset or the blob's length points outside the page, or the row is too short to
/// have the offset, as that of a damaged leaf may be.
#[inline]
pub fn blob_of_row<'p>(page: &'p [u8], row: &[u8], blob_offset: u16) -> Result<&'p [u8], StorageError> {
    let at = usize::from(blob_offset);
    let offset = row.get(at..at + 2).map(|offset| u16_at(offset, 0));
    if offset == Some(0) {
        return Ok(&[]);
    }
    let blob = offset.and_then(|offset| {
        let len = u16_at(page.get(offset..offset + 2)?, 0);
        page.get(offset + 2..offset + 2 + len)
    });
    blob.ok_or_else(|| {
        damage(PageNumber(u32_at(page, 4)), words!("the blob at {offset:?} lies outside the page"))
    })
}

/// The rows of one leaf that lie in a cursor's range.
#[derive(Clone, Debug)]
pub struct LeafView<'p> {
    /// The leaf. Its `row`, `rank` and `blob` take positions on the page, such as those in `rows`.
    pub leaf: RecordLeaf<'p>,
    /// The positions of the rows in the range, never none.
    pub rows: Range<usize>,
}

impl<'p> LeafView<'p> {
    /// The fixed rows in the range, one after another, in ascending order.
    pub fn fixed_rows(&self) -> &'p [u8] {
        let stride = self.leaf.head.stride;
        &self.leaf.page[ROWS_START + self.rows.start * stride..ROWS_START + self.rows.end * stride]
    }

    /// The fixed row at `position` of the page.
    pub fn row(&self, position: usize) -> &'p [u8] {
        self.leaf.row(position)
    }

    /// The rank of the row at `position` of the page.
    pub fn rank(&self, position: usize) -> u128 {
        self.leaf.rank(position)
    }

    /// The blob of the row at `position` of the page.
    ///
    /// # Errors
    ///
    /// As [`RecordLeaf::blob`].
    pub fn blob(&self, position: usize) -> Result<&'p [u8], StorageError> {
        self.leaf.blob(position)
    }
}

impl<'p> RecordLeaf<'p> {
    /// Checks the header of `page`, which is to have `len` bytes.
    ///
    /// # Errors
    ///
    /// `StorageFault::Corruption` when the page is not a leaf of `tree` or its counts and offsets do not fit it.
    #[inline]
    pub(super) fn open(
        number: PageNumber,
        page: &'p [u8],
        tree: TreeId,
        len: usize,
    ) -> Result<RecordLeaf<'p>, StorageError> {
        expect_kind(number, page, PageKind::RecordLeaf, tree, [len, len])?;
        let head = LeafHead::read(page);
        if !head.is_sound(page.len()) {
            return Err(damage(number, format_args!("the header of the leaf contradicts itself: {head:?}")));
        }
        Ok(RecordLeaf { number, page, head })
    }

    /// Checks all of `page`, which may come from anywhere: header, order of rows, blobs.
    ///
    /// # Errors
    ///
    /// `StorageFault::Corruption` when the page is not a sound leaf of `tree`.
    pub fn of_image(
        number: PageNumber,
        page: &'p [u8],
        tree: TreeId,
    ) -> Result<RecordLeaf<'p>, StorageError> {
        if !is_leaf_len(page.len()) {
            return Err(damage(number, format_args!("{} bytes are not the length of a leaf", page.len())));
        }
        let leaf = RecordLeaf::open(number, page, tree, page.len())?;
        leaf.records()?;
        Ok(leaf)
    }

    /// Its page's number.
    pub fn number(&self) -> PageNumber {
        self.number
    }

    /// The whole page.
    pub fn page(&self) -> &'p [u8] {
        self.page
    }

    /// How its rows are laid out.
    pub fn format(&self) -> LeafFormat {
        self.head.format()
    }

    /// The schema version of its rows.
    pub fn version(&self) -> u16 {
        self.head.version
    }

    /// The bytes of a fixed row.
    pub fn stride(&self) -> usize {
        self.head.stride
    }

    /// How many rows it has.
    pub fn count(&self) -> usize {
        self.head.count
    }

    pub(super) fn head(&self) -> LeafHead {
        self.head
    }

    /// The fixed row at `position`.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    #[inline]
    pub fn row(&self, position: usize) -> &'p [u8] {
        assert!(position < self.head.count, "row {position} of {}", self.head.count);
        let start = ROWS_START + position * self.head.stride;
        &self.page[start..start + self.head.stride]
    }

    /// The rank of the row at `position`.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    #[inline]
    pub fn rank(&self, position: usize) -> u128 {
        let row = self.row(position);
        match self.head.rank_width {
            8 => u128::from(narrow(row, 0)),
            _ => wide(row, 0),
        }
    }

    /// The blob of the row at `position`; empty when rows of this leaf have none.
    ///
    /// # Errors
    ///
    /// `StorageFault::Corruption` when the row's offset or the blob's length points outside the heap.
    #[inline]
    pub fn blob(&self, position: usize) -> Result<&'p [u8], StorageError> {
        let range = self.blob_range(position)?;
        Ok(&self.page[range])
    }

    /// Where the blob of the row at `position` lies, without its length; `0..0` for an empty one.
    #[inline]
    pub(super) fn blob_range(&self, position: usize) -> Result<Range<usize>, StorageError> {
        if self.head.blob_offset == NO_BLOB {
            return Ok(0..0);
        }
        let offset = u16_at(self.row(position), self.head.blob_offset);
        if offset == 0 {
            return Ok(0..0);
        }
        if offset < self.head.heap_start || offset + 2 > self.page.len() {
            return Err(self.bad_blob(position, offset));
        }
        let start = offset + 2;
        let end = start + u16_at(self.page, offset);
        if end > self.page.len() {
            return Err(self.bad_blob(position, offset));
        }
        Ok(start..end)
    }

    #[cold]
    fn bad_blob(&self, position: usize, offset: usize) -> StorageError {
        damage(self.number, format_args!("the blob of row {position}, at {offset}, lies outside the heap"))
    }

    /// The first position whose rank is not below `rank`.
    #[inline]
    pub fn lower_bound(&self, rank: u128) -> usize {
        let LeafHead { count, stride, .. } = self.head;
        let rows = &self.page[ROWS_START..ROWS_START + count * stride];
        if self.head.rank_width == 8 {
            let Ok(rank) = u64::try_from(rank) else { return count };
            lower_bound(count, |position| narrow(rows, position * stride), rank)
        } else {
            lower_bound(count, |position| wide(rows, position * stride), rank)
        }
    }

    /// The position of `rank`, or where it would be.
    #[inline]
    pub(super) fn search(&self, rank: u128) -> Result<usize, usize> {
        let position = self.lower_bound(rank);
        if position < self.head.count && self.rank(position) == rank { Ok(position) } else { Err(position) }
    }

    /// The position of `rank`, one of those from `low` to `high`, which are all that the leaf may have.
    ///
    /// Keys that the database gives out are spread evenly: where the rank is then is looked first, and from there on by steps that
    /// double. A search by halves goes from line to line, of which no cache has any in a large tree, and each says which is next.
    #[cfg(not(feature = "small"))]
    #[inline]
    pub(super) fn search_between(&self, rank: u128, low: u128, high: u128) -> Option<usize> {
        let LeafHead { count, stride, rank_width, .. } = self.head;
        // What the bounds say is of another page, which may be damaged.
        let behind = |rank: u128| u64::try_from(rank.checked_sub(low)?).ok();
        let (Some(own), Some(from_low), Some(span)) =
            (u64::try_from(rank).ok().filter(|_| rank_width == 8), behind(rank), behind(high))
        else {
            return self.search(rank).ok();
        };
        // Beyond that the product below might have no room.
        if count == 0 || span >= 1 << 40 || from_low > span {
            return self.search(rank).ok();
        }
        let guess = (from_low * count as u64 / (span + 1)) as usize;
        let rows = &self.page[ROWS_START..ROWS_START + count * stride];
        let at = |position: usize| narrow(rows, position * stride);
        let (mut low, mut high, mut step) = (0, count, 1);
        match at(guess).cmp(&own) {
            Ordering::Equal => return Some(guess),
            Ordering::Less => {
                low = guess + 1;
                while low + step <= count && at(low + step - 1) < own {
                    low += step;
                    step *= 2;
                }
                high = high.min(low + step);
            }
            Ordering::Greater => {
                high = guess;
                while step <= high && at(high - step) >= own {
                    high -= step;
                    step *= 2;
                }
                low = low.max(high.saturating_sub(step));
            }
        }
        let position = low + lower_bound(high - low, |position| at(low + position), own);
        (position < count && at(position) == own).then_some(position)
    }

    /// The record at `position`.
    pub(super) fn slot(&self, position: usize) -> RecordSlot<'p> {
        RecordSlot { leaf: *self, position, row: self.row(position) }
    }

    /// All records, as rows and blobs, after checking that they can be what a leaf holds.
    ///
    /// Before rows are moved they are all checked, so that damage is not copied to other pages.
    pub(super) fn records(&self) -> Result<Vec<Record<'p>>, StorageError> {
        let mut records = Vec::with_capacity(self.head.count + 1);
        let mut heap = self.head.garbage;
        for position in 0..self.head.count {
            let (row, blob) = (self.row(position), self.blob(position)?);
            heap += self.head.format().cost(blob) - self.head.stride;
            if position > 0 && self.rank(position - 1) >= self.rank(position) {
                return Err(damage(
                    self.number,
                    format_args!("row {position} is not above the row before it"),
                ));
            }
            records.push((row, blob));
        }
        let expected = self.page.len() - self.head.heap_start;
        // A blob of length 0 with a header of its own is never written, and would not add up here.
        if heap != expected {
            let problem = words!("blobs and garbage are {heap} bytes, the heap is {expected}");
            return Err(damage(self.number, problem));
        }
        Ok(records)
    }
}

#[inline]
fn narrow(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

#[inline]
fn wide(bytes: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(bytes[at..at + 16].try_into().expect("16 bytes"))
}

impl LeafHead {
    /// Reads the header of a page whose length was checked.
    #[inline]
    fn read(page: &[u8]) -> LeafHead {
        // Once for all fields: is there a header?
        let header: &[u8; ROWS_START] = page.first_chunk().expect("a page has a header");
        LeafHead {
            count: u16_at(header, 24),
            stride: u16_at(header, 26),
            version: u16_at(header, 28) as u16,
            blob_offset: u16_at(header, 30),
            // An empty heap of a leaf of 64 KiB starts at its end; none starts at 0.
            heap_start: match u16_at(header, 32) {
                0 => 1 << 16,
                start => start,
            },
            garbage: u16_at(header, 34),
            rank_width: usize::from(header[36]),
        }
    }

    fn write(&self, page: &mut [u8]) {
        put_u16(page, 24, self.count);
        put_u16(page, 26, self.stride);
        put_u16(page, 28, usize::from(self.version));
        put_u16(page, 30, self.blob_offset);
        page[32..34].copy_from_slice(&(self.heap_start as u16).to_le_bytes());
        put_u16(page, 34, self.garbage);
        page[36] = self.rank_width as u8;
    }

    #[inline]
    fn is_sound(&self, len: usize) -> bool {
        matches!(self.rank_width, 8 | 16)
            && self.stride >= self.rank_width
            && (self.blob_offset == NO_BLOB
                || (self.blob_offset >= self.rank_width && self.blob_offset + 2 <= self.stride))
            && self.heap_start <= len
            && self.garbage <= len - self.heap_start
            && ROWS_START + self.count * self.stride <= self.heap_start
    }

    pub(super) fn format(&self) -> LeafFormat {
        LeafFormat {
            rank_width: self.rank_width as u8,
            stride: self.stride as u16,
            blob_offset: (self.blob_offset != NO_BLOB).then_some(self.blob_offset as u16),
            version: self.version,
        }
    }

    fn rows_end(&self) -> usize {
        ROWS_START + self.count * self.stride
    }

    /// The bytes between rows and heap.
    pub(super) fn room(&self) -> usize {
        self.heap_start - self.rows_end()
    }

    /// The bytes that rows and blobs take.
    pub(super) fn used(&self, len: usize) -> usize {
        len - ROWS_START - self.room() - self.garbage
    }

    /// Writes a blob at the heap's low end, for which there must be room, and its offset into `row`.
    fn push_blob(&mut self, page: &mut [u8], row_start: usize, blob: &[u8]) {
        if self.blob_offset == NO_BLOB {
            assert!(blob.is_empty(), "rows of this collection have no blob");
            return;
        }
        let mut offset = 0;
        if !blob.is_empty() {
            self.heap_start -= 2 + blob.len();
            offset = self.heap_start;
            put_u16(page, offset, blob.len());
            page[offset + 2..offset + 2 + blob.len()].copy_from_slice(blob);
        }
        put_u16(page, row_start + self.blob_offset, offset);
    }

    /// Gives up the room of a blob that lies at `range`.
    fn drop_blob(&mut self, range: &Range<usize>) {
        if range.is_empty() {
            return;
        }
        if range.start - 2 == self.heap_start {
            self.heap_start = range.end;
        } else {
            self.garbage += 2 + range.len();
        }
    }

    /// Adds a record at `position`. There is room for it.
    pub(super) fn insert(mut self, page: &mut [u8], position: usize, row: &[u8], blob: &[u8]) {
        let start = ROWS_START + position * self.stride;
        page.copy_within(start..self.rows_end(), start + self.stride);
        page[start..start + self.stride].copy_from_slice(row);
        self.count += 1;
        self.push_blob(page, start, blob);
        self.write(page);
    }

    /// Removes the row at `position`, whose blob lies at `blob`, which [may be freed](Self::may_free).
    pub(super) fn remove(mut self, page: &mut [u8], position: usize, blob: &Range<usize>) -> LeafHead {
        let start = ROWS_START + position * self.stride;
        page.copy_within(start + self.stride..self.rows_end(), start);
        self.count -= 1;
        self.drop_blob(blob);
        self.write(page);
        self
    }

    /// Whether the heap of a page of `len` bytes can be without the blob at `blob`. It can, unless the page is damaged.
    pub(super) fn may_free(&self, len: usize, blob: &Range<usize>) -> bool {
        blob.is_empty() || self.garbage + 2 + blob.len() <= len - self.heap_start
    }

    /// Puts another record of the same rank at `position`, whose blob lies at `old`, if there is room without moving
    /// others. `None` when there is not, and nothing was changed.
    pub(super) fn replace(
        mut self,
        page: &mut [u8],
        position: usize,
        old: &Range<usize>,
        row: &[u8],
        blob: &[u8],
    ) -> Option<LeafHead> {
        let start = ROWS_START + position * self.stride;
        if !blob.is_empty() && blob.len() <= old.len() {
            page[start..start + self.stride].copy_from_slice(row);
            let offset = old.start - 2;
            put_u16(page, offset, blob.len());
            page[old.start..old.start + blob.len()].copy_from_slice(blob);
            put_u16(page, start + self.blob_offset, offset);
            self.garbage += old.len() - blob.len();
        } else {
            let needed = if blob.is_empty() { 0 } else { 2 + blob.len() };
            let freed = if !old.is_empty() && old.start - 2 == self.heap_start { 2 + old.len() } else { 0 };
            if needed > self.room() + freed {
                return None;
            }
            self.drop_blob(old);
            page[start..start + self.stride].copy_from_slice(row);
            self.push_blob(page, start, blob);
        }
        self.write(page);
        Some(self)
    }
}

/// Makes `page` a leaf of `records`, which fit.
///
/// # Errors
///
/// `StorageFault::Corruption` when they do not fit, which only records read from a damaged page can cause.
pub(super) fn build(
    number: PageNumber,
    page: &mut [u8],
    format: LeafFormat,
    records: &[Record<'_>],
) -> Result<(), StorageError> {
    let needed: usize = records.iter().map(|(_, blob)| format.cost(blob)).sum();
    if ROWS_START + needed > page.len() {
        return Err(damage(number, format_args!("{needed} bytes of records do not fit a leaf")));
    }
    clear_as(page, PageKind::RecordLeaf);
    let mut head = LeafHead {
        count: 0,
        stride: usize::from(format.stride),
        version: format.version,
        blob_offset: format.blob_offset.map_or(NO_BLOB, usize::from),
        heap_start: page.len(),
        garbage: 0,
        rank_width: usize::from(format.rank_width),
    };
    for (row, blob) in records {
        let start = head.rows_end();
        page[start..start + head.stride].copy_from_slice(row);
        head.count += 1;
        head.push_blob(page, start, blob);
    }
    head.write(page);
    Ok(())
}
