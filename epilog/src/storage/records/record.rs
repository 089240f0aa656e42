//! [`RecordRef`]: a record on its page.
//!
//! A blob is `[cold fields][u16 end; variable fields][bytes]`, ends counting from the first of the bytes. Bit 15 of an
//! end marks a value that lies out of line: its 16 bytes in the blob are a *stub*.
//!
//! | offset | bytes | stub |
//! |---|---|---|
//! | 0 | 4 | length of the value |
//! | 4 | 8 | its first bytes, so that comparisons rarely leave the page |
//! | 12 | 4 | the page it lies on, after that page's header |

use alloc::vec::Vec;

use super::RecordDraft;
use crate::schema::{Layout, Place, Spot};
use crate::storage::StorageError;
use crate::storage::btree::blob_of_row;
use crate::storage::error::words;
use crate::storage::page::kind_of;
use crate::storage::page::{PAGE_HEADER_LEN, PageKind, PageNumber, PageRead, PageWrite, TreeId};
use crate::value::{Cell, Type, key};

/// Marks an end whose value lies out of line.
const OUT_OF_LINE: u16 = 1 << 15;

/// The bytes of a stub.
const STUB_LEN: usize = 16;

/// The most a row and its blob may take of a leaf of `leaf_len` bytes: a little less than a quarter.
pub(crate) const fn inline_len_max(leaf_len: usize) -> usize {
    leaf_len / 4 - leaf_len / 256
}

/// One field's stored bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldCell<'s> {
    /// The value is absent.
    Null,
    /// The bytes lie on a page.
    Borrowed(&'s [u8]),
    /// The bytes were made from a rank; the first so many count.
    Owned([u8; 16], u8),
}

impl FieldCell<'_> {
    /// The cell.
    #[inline]
    pub fn as_cell(&self) -> Cell<'_> {
        match self {
            FieldCell::Null => None,
            FieldCell::Borrowed(bytes) => Some(bytes),
            FieldCell::Owned(bytes, len) => Some(&bytes[..usize::from(*len)]),
        }
    }
}

/// One record on a page, as its snapshot sees it.
#[derive(Clone, Copy)]
pub struct RecordRef<'s> {
    pages: &'s dyn PageRead,
    layout: &'s Layout,
    page: &'s [u8],
    row: &'s [u8],
}

impl<'s> RecordRef<'s> {
    /// The record whose fixed row is `row`, a part of the leaf `page`.
    #[inline]
    pub(crate) fn new(pages: &'s dyn PageRead, layout: &'s Layout, page: &'s [u8], row: &'s [u8]) -> Self {
        debug_assert_eq!(row.len(), usize::from(layout.stride));
        RecordRef { pages, layout, page, row }
    }

    /// The record's rank: its clustering key, or its hidden number.
    #[inline]
    pub fn rank(&self) -> u128 {
        read_rank(self.row, self.layout)
    }

    /// Appends a copy of the record's bytes to `out`: the row, and the blob behind it. Values that lie out of line stay there.
    ///
    /// # Errors
    ///
    /// As [`blob`](RecordRef::blob).
    pub(crate) fn append_copy(&self, out: &mut Vec<u8>) -> Result<(), StorageError> {
        let blob = self.blob()?;
        out.extend_from_slice(self.row);
        out.extend_from_slice(blob);
        Ok(())
    }

    /// Appends what [`on_page`](RecordRef::on_page) takes, made of a copy.
    pub(crate) fn append_page(layout: &Layout, copy: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let (row, blob) = copy.split_at(usize::from(layout.stride));
        out.resize(start + PAGE_HEADER_LEN, 0);
        out.extend_from_slice(row);
        if let Some(at) = layout.blob_offset {
            let at = start + PAGE_HEADER_LEN + usize::from(at);
            let offset = if blob.is_empty() { 0 } else { (PAGE_HEADER_LEN + row.len()) as u16 };
            out[at..at + 2].copy_from_slice(&offset.to_le_bytes());
            out.extend_from_slice(&(blob.len() as u16).to_le_bytes());
            out.extend_from_slice(blob);
        }
    }

    /// The record on a page that has this one only.
    pub(crate) fn on_page(pages: &'s dyn PageRead, layout: &'s Layout, page: &'s [u8]) -> RecordRef<'s> {
        let row = &page[PAGE_HEADER_LEN..][..usize::from(layout.stride)];
        RecordRef::new(pages, layout, page, row)
    }

    /// Where the fields of the record lie.
    pub fn layout(&self) -> &'s Layout {
        self.layout
    }

    /// The bytes of the fixed row.
    pub fn row(&self) -> &'s [u8] {
        self.row
    }

    /// The page that the record lies on.
    pub(crate) fn page(&self) -> &'s [u8] {
        self.page
    }

    /// Whether the field is absent.
    #[inline]
    pub(crate) fn is_null(&self, place: &Place) -> bool {
        is_null(self.row, place)
    }

    /// The bytes of one field.
    ///
    /// # Errors
    ///
    /// `StorageFault::Corruption` when the record's bytes contradict its layout, and, for a value that lies out of
    /// line, whatever reading its page fails with.
    #[inline]
    pub fn field(&self, place: &Place) -> Result<FieldCell<'s>, StorageError> {
        if is_null(self.row, place) {
            return Ok(FieldCell::Null);
        }
        match place.spot {
            Spot::Hot(offset) => {
                let width = place.ty.width().expect("hot fields have a width");
                let offset = usize::from(offset);
                Ok(FieldCell::Borrowed(&self.row[offset..offset + width]))
            }
            Spot::Rank => Ok(rank_cell(place.ty, self.rank())),
            Spot::Cold(offset) => {
                let width = place.ty.width().expect("cold fields have a width");
                let offset = usize::from(offset);
                let bytes =
                    self.blob()?.get(offset..offset + width).ok_or_else(|| self.damage("cold field"))?;
                Ok(FieldCell::Borrowed(bytes))
            }
            Spot::Variable(number) => self.variable(number).map(FieldCell::Borrowed),
        }
    }

    /// The record's blob; empty when its layout has none.
    ///
    /// # Errors
    ///
    /// `StorageFault::Corruption` when the row names a place outside its page.
    #[inline]
    pub fn blob(&self) -> Result<&'s [u8], StorageError> {
        match self.layout.blob_offset {
            Some(offset) => blob_of_row(self.page, self.row, offset),
            None => Ok(&[]),
        }
    }

    /// The length of a variable field in bytes; 0 when it is absent. A value that lies out of line is not read for it.
    ///
    /// # Errors
    ///
    /// `StorageFault::Corruption` when the record's bytes contradict its layout.
    pub(crate) fn variable_len(&self, place: &Place) -> Result<usize, StorageError> {
        let Spot::Variable(number) = place.spot else { panic!("a field of a fixed width") };
        match variable_in(self.blob()?, self.layout, number) {
            Some(Variable::Inline(bytes)) => Ok(bytes.len()),
            Some(Variable::OutOfLine(stub)) => Ok(stub.len as usize),
            None => Err(self.damage("variable field")),
        }
    }

    /// The lengths of all variable fields together.
    ///
    /// # Errors
    ///
    /// As [`variable_len`](RecordRef::variable_len).
    pub(crate) fn variable_bytes(&self) -> Result<usize, StorageError> {
        let mut bytes = 0;
        for place in self.layout.places.iter().filter(|place| matches!(place.spot, Spot::Variable(_))) {
            if !self.is_null(place) {
                bytes += self.variable_len(place)?;
            }
        }
        Ok(bytes)
    }

    /// The bytes of a field of variable width that is not absent.
    ///
    /// # Errors
    ///
    /// As [`field`](RecordRef::field).
    #[inline]
    pub(crate) fn variable(&self, number: u16) -> Result<&'s [u8], StorageError> {
        let blob = self.blob()?;
        match variable_in(blob, self.layout, number) {
            Some(Variable::Inline(bytes)) => Ok(bytes),
            Some(Variable::OutOfLine(stub)) => self.resolve(stub),
            None => Err(self.damage("variable field")),
        }
    }

    #[cold]
    fn resolve(&self, stub: Stub) -> Result<&'s [u8], StorageError> {
        let page = self.pages.page(stub.page)?;
        if kind_of(page) != Some(PageKind::Value) {
            return Err(StorageError::page_damage(
                stub.page,
                "a record names it as a value's page, it is none",
            ));
        }
        page.get(PAGE_HEADER_LEN..PAGE_HEADER_LEN + stub.len as usize)
            .filter(|bytes| bytes[..8] == stub.head)
            .ok_or_else(|| StorageError::page_damage(stub.page, "the value is not the one its record names"))
    }

    #[cold]
    fn damage(&self, what: &str) -> StorageError {
        let number = u32::from_le_bytes(self.page[4..8].try_into().expect("a page has a header"));
        let problem = words!("the {what} of the record with rank {} lies outside its blob", self.rank());
        StorageError::page_damage(PageNumber(number), problem)
    }
}

/// Whether the field at `place` is absent in `row`.
#[inline]
pub(super) fn is_null(row: &[u8], place: &Place) -> bool {
    place.null.is_some_and(|(byte, bit)| row[usize::from(byte)] & bit != 0)
}

/// The rank at the start of a row.
#[inline]
pub(super) fn read_rank(row: &[u8], layout: &Layout) -> u128 {
    match layout.rank_width {
        8 => u128::from(u64::from_le_bytes(row[..8].try_into().expect("8 bytes"))),
        _ => u128::from_le_bytes(row[..16].try_into().expect("16 bytes")),
    }
}

/// The cell of a clustering key.
#[inline]
pub(super) fn rank_cell<'s>(ty: Type, rank: u128) -> FieldCell<'s> {
    let width = ty.width().expect("a clustering type has a width");
    FieldCell::Owned(key::from_rank(ty, rank), width as u8)
}

/// A variable field in a blob.
pub(crate) enum Variable<'a> {
    Inline(&'a [u8]),
    OutOfLine(Stub),
}

/// Where a value lies that is not in its record's blob.
#[derive(Clone, Copy)]
pub(crate) struct Stub {
    len: u32,
    head: [u8; 8],
    pub(crate) page: PageNumber,
}

/// Finds variable field `number`; `None` when the blob's bytes are damaged.
#[inline]
pub(crate) fn variable_in<'a>(blob: &'a [u8], layout: &Layout, number: u16) -> Option<Variable<'a>> {
    let ends = usize::from(layout.cold_len);
    let end_at = |number: usize| -> Option<u16> {
        let at = ends + 2 * number;
        Some(u16::from_le_bytes(blob.get(at..at + 2)?.try_into().ok()?))
    };
    let number = usize::from(number);
    let end = end_at(number)?;
    let start = if number == 0 { 0 } else { end_at(number - 1)? & !OUT_OF_LINE };
    let base = layout.blob_header_len();
    let bytes = blob.get(base + usize::from(start)..base + usize::from(end & !OUT_OF_LINE))?;
    if end & OUT_OF_LINE == 0 {
        return Some(Variable::Inline(bytes));
    }
    let stub: &[u8; STUB_LEN] = bytes.try_into().ok()?;
    let len = u32::from_le_bytes(stub[..4].try_into().ok()?);
    let page = PageNumber(u32::from_le_bytes(stub[12..].try_into().ok()?));
    // A value that short would not have been moved out.
    (len as usize > STUB_LEN).then_some(Variable::OutOfLine(Stub {
        len,
        head: stub[4..12].try_into().ok()?,
        page,
    }))
}

/// The pages that a record's out-of-line values lie on, appended to `out`.
pub(crate) fn out_of_line_pages(
    record: &RecordRef<'_>,
    out: &mut Vec<PageNumber>,
) -> Result<(), StorageError> {
    if record.layout.variable_count == 0 {
        return Ok(());
    }
    let blob = record.blob()?;
    for number in 0..record.layout.variable_count {
        match variable_in(blob, record.layout, number) {
            Some(Variable::Inline(_)) => {}
            Some(Variable::OutOfLine(stub)) => out.push(stub.page),
            None => return Err(record.damage("variable field")),
        }
    }
    Ok(())
}

/// The pages and lengths of a record's out-of-line values, appended to `out`.
pub(crate) fn out_of_line_values(
    record: &RecordRef<'_>,
    out: &mut Vec<(PageNumber, u32)>,
) -> Result<(), StorageError> {
    let blob = record.blob()?;
    for number in 0..record.layout.variable_count {
        if let Some(Variable::OutOfLine(stub)) = variable_in(blob, record.layout, number) {
            out.push((stub.page, stub.len));
        }
    }
    Ok(())
}

/// Makes page blobs from drafts, moving values out of line that are too long to stay.
#[derive(Default)]
pub(crate) struct Composer {
    /// The blob made last.
    pub(crate) blob: Vec<u8>,
    moved: Vec<bool>,
}

impl Composer {
    /// Makes the blob of `draft` in [`blob`](Composer::blob).
    ///
    /// While the record takes more of a leaf of `leaf_len` bytes than it may, its longest value moves to a page of its own.
    pub(crate) fn compose<P: PageWrite>(
        &mut self,
        draft: &RecordDraft,
        layout: &Layout,
        leaf_len: usize,
        tree: TreeId,
        pages: &mut P,
    ) -> Result<(), StorageError> {
        let count = usize::from(layout.variable_count);
        let mut len = usize::from(layout.stride) + layout.blob_header_len() + 2 + draft.values_len();
        self.moved.clear();
        self.moved.resize(count, false);
        while len > inline_len_max(leaf_len) {
            let candidates = (0..count).filter(|number| !self.moved[*number]);
            let longest = candidates.max_by_key(|number| draft.variable(*number).len());
            let longest = longest.expect("the schema was checked to fit when every value is out of line");
            let value_len = draft.variable(longest).len();
            assert!(value_len > STUB_LEN, "the schema was checked to fit when every value is out of line");
            self.moved[longest] = true;
            len -= value_len - STUB_LEN;
        }
        // What stays fits a leaf.
        self.blob.clear();
        self.blob.reserve(len);
        self.blob.extend_from_slice(draft.cold());
        let mut end = 0u16;
        for number in 0..count {
            let out = self.moved[number];
            end += if out { STUB_LEN } else { draft.variable(number).len() } as u16;
            self.blob.extend_from_slice(&(end | if out { OUT_OF_LINE } else { 0 }).to_le_bytes());
        }
        for number in 0..count {
            let value = draft.variable(number);
            if self.moved[number] {
                let len = (PAGE_HEADER_LEN + value.len()).next_multiple_of(pages.block_len());
                let page = pages.allocate(PageKind::Value, tree, len)?;
                pages.page_mut(page)?[PAGE_HEADER_LEN..PAGE_HEADER_LEN + value.len()].copy_from_slice(value);
                self.blob.extend_from_slice(&(value.len() as u32).to_le_bytes());
                self.blob.extend_from_slice(&value[..8]);
                self.blob.extend_from_slice(&page.0.to_le_bytes());
            } else {
                self.blob.extend_from_slice(value);
            }
        }
        Ok(())
    }
}
