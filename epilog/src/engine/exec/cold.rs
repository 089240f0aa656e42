//! Cold fields, which lie in the blobs of a leaf's records: their cells, without making a record of each row; and those of records
//! that lie anywhere.

#[cfg(not(feature = "small"))]
use alloc::vec::Vec;

#[cfg(not(feature = "small"))]
use super::Vector;
use super::batch::Selected;
#[cfg(not(feature = "small"))]
use super::vector::Cells;
#[cfg(not(feature = "small"))]
use crate::engine::error::ExecError;
use crate::schema::{Place, Spot};
use crate::storage::StorageError;
use crate::storage::facade::LeafBatch;
#[cfg(not(feature = "small"))]
use crate::storage::records::RecordRef;

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

/// A field of a fixed width of records that lie anywhere, of which some rows have one each; `None` when it is their rank.
///
/// The less is done for each, the more of them the processor waits for at once.
#[cfg(not(feature = "small"))]
pub(super) fn of_records<'s>(
    place: &Place,
    selected: &Selected<'_>,
    record: impl Fn(usize) -> Option<RecordRef<'s>>,
) -> Option<Result<Vector<'s>, ExecError>> {
    let width = place.ty.width()?;
    if let Spot::Rank | Spot::Variable(_) = place.spot {
        return None;
    }
    let len = selected.len();
    let (mut bytes, mut nulls) = (Vec::with_capacity(width * len), Vec::new());
    let whole = match width {
        1 => copy_of_records::<1>(place, selected, record, &mut bytes, &mut nulls),
        2 => copy_of_records::<2>(place, selected, record, &mut bytes, &mut nulls),
        4 => copy_of_records::<4>(place, selected, record, &mut bytes, &mut nulls),
        8 => copy_of_records::<8>(place, selected, record, &mut bytes, &mut nulls),
        12 => copy_of_records::<12>(place, selected, record, &mut bytes, &mut nulls),
        16 => copy_of_records::<16>(place, selected, record, &mut bytes, &mut nulls),
        _ => unreachable!("no cell is {width} bytes wide"),
    };
    let nulls = (!nulls.is_empty()).then_some(nulls);
    Some(if whole {
        Ok(Vector::new(place.ty, len, Cells::Fixed(bytes), nulls))
    } else {
        Err(damage().into())
    })
}

/// Appends the cells; `nulls` stays empty when none is absent. False when a row names no place on its page.
#[cfg(not(feature = "small"))]
#[inline(always)]
fn copy_of_records<'s, const WIDTH: usize>(
    place: &Place,
    selected: &Selected<'_>,
    record: impl Fn(usize) -> Option<RecordRef<'s>>,
    bytes: &mut Vec<u8>,
    nulls: &mut Vec<bool>,
) -> bool {
    let (len, mut at, mut whole) = (selected.len(), 0, true);
    selected.for_each(|row| {
        let record = record(row).filter(|record| !record.is_null(place));
        let cell: &[u8; WIDTH] = match record {
            None => {
                nulls.resize(len, false);
                nulls[at] = true;
                &[0; WIDTH]
            }
            Some(record) => cell_of_record(&record, place.spot).unwrap_or_else(|| {
                whole = false;
                &[0; WIDTH]
            }),
        };
        bytes.extend_from_slice(cell);
        at += 1;
    });
    whole
}

/// A hot or cold cell of a record.
#[cfg(not(feature = "small"))]
#[inline(always)]
fn cell_of_record<'s, const WIDTH: usize>(record: &RecordRef<'s>, spot: Spot) -> Option<&'s [u8; WIDTH]> {
    match spot {
        Spot::Hot(offset) => record.row().get(usize::from(offset)..)?.first_chunk(),
        Spot::Cold(offset) => {
            let at = usize::from(record.layout().blob_offset?);
            cold_cells(record.page(), record.row(), at)?.get(usize::from(offset)..)?.first_chunk()
        }
        Spot::Rank | Spot::Variable(_) => None,
    }
}

/// The error for a row that names no place on its page.
#[cold]
pub(super) fn damage() -> StorageError {
    StorageError::damage("record", format_args!("its cold fields lie outside of its page"))
}
