//! Cold fields, which lie in the blobs of a leaf's records: their cells, without making a record of each row.

use super::batch::Selected;
use crate::schema::{Place, Spot};
use crate::storage::StorageError;
use crate::storage::facade::LeafBatch;

/// The cold fields of a record and what lies behind them; `None` when the row names no place on the page. `at` is where in
/// the row the place is.
#[inline(always)]
pub(super) fn cold_cells<'p>(page: &'p [u8], row: &[u8], at: usize) -> Option<&'p [u8]> {
    let u16_at = |bytes: &[u8]| Some(usize::from(u16::from_le_bytes(*bytes.first_chunk()?)));
    let place = u16_at(row.get(at..)?)?;
    let blob = page.get(place..)?;
    let len = u16_at(blob)?;
    // Where there is no blob the place is 0, where a page has its header.
    blob.get(2..2 + len).filter(|_| place != 0)
}

/// One cold field of a leaf's records.
#[derive(Clone, Copy)]
pub(super) struct ColdColumn<'p> {
    page: &'p [u8],
    rows: &'p [u8],
    stride: usize,
    /// Where in the row the place of the blob is.
    at: usize,
    /// Where in the blob the field is.
    offset: usize,
}

impl<'p> ColdColumn<'p> {
    /// `None` when the field is not cold.
    pub(super) fn of(leaf: &LeafBatch<'p>, place: &Place) -> Option<ColdColumn<'p>> {
        let Spot::Cold(offset) = place.spot else { return None };
        Some(ColdColumn {
            page: leaf.page(),
            rows: leaf.rows(),
            stride: leaf.stride(),
            at: usize::from(leaf.layout().blob_offset?),
            offset: usize::from(offset),
        })
    }

    /// The cell of a row, and what lies behind it.
    #[inline(always)]
    pub(super) fn cell(&self, row: usize) -> Option<&'p [u8]> {
        cold_cells(self.page, self.rows.get(row * self.stride..)?, self.at)?.get(self.offset..)
    }

    /// Appends the cells of some rows, `WIDTH` bytes each.
    ///
    /// # Errors
    ///
    /// When a row names no place on the page.
    #[inline(always)]
    pub(super) fn copy<const WIDTH: usize>(
        &self,
        selected: &Selected<'_>,
        out: &mut alloc::vec::Vec<u8>,
    ) -> Result<(), StorageError> {
        let mut damaged = false;
        selected.for_each(|row| match self.cell(row).and_then(|cell| cell.first_chunk::<WIDTH>()) {
            Some(cell) => out.extend_from_slice(cell),
            None => damaged = true,
        });
        if damaged { Err(damage()) } else { Ok(()) }
    }
}

/// The error for a row that names no place on its page.
#[cold]
pub(super) fn damage() -> StorageError {
    StorageError::damage("record", format_args!("its cold fields lie outside of its page"))
}
