//! [`RecordDraft`]: a record being made, and its image in the journal.
//!
//! An image is the draft's bytes one after the other; lengths follow from the layout:
//!
//! ```text
//! [fixed row, its blob offset zero][cold fields][u32 end; variable fields][bytes of the variable fields]
//! ```

use alloc::string::String;
use alloc::vec::Vec;

use super::record::{FieldCell, RecordRef, is_null, rank_cell, read_rank};
use crate::schema::{CollectionDef, Layout, Place, Spot};
use crate::storage::StorageError;
use crate::value::{Cell, Scalar, key};

/// A record being made. Reused from record to record, so that making one allocates nothing.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct RecordDraft {
    row: Vec<u8>,
    cold: Vec<u8>,
    values: Vec<u8>,
    /// For each variable field, where in `values` its bytes are.
    ranges: Vec<(u32, u32)>,
}

impl RecordDraft {
    /// An empty record of this layout: zeros, empty strings, nothing absent.
    pub fn new(layout: &Layout) -> RecordDraft {
        let mut draft = RecordDraft::default();
        draft.reset(layout);
        draft
    }

    /// Makes this an empty record of `layout`.
    pub fn reset(&mut self, layout: &Layout) {
        self.row.clear();
        self.row.resize(usize::from(layout.stride), 0);
        self.cold.clear();
        self.cold.resize(usize::from(layout.cold_len), 0);
        self.values.clear();
        // A guess that spares most records all further growth.
        self.values.reserve(32 * usize::from(layout.variable_count));
        self.ranges.clear();
        self.ranges.resize(usize::from(layout.variable_count), (0, 0));
    }

    /// Makes this a copy of `record`.
    ///
    /// # Errors
    ///
    /// As [`RecordRef::field`].
    pub fn load(&mut self, record: &RecordRef<'_>) -> Result<(), StorageError> {
        let layout = record.layout();
        self.reset(layout);
        self.row.copy_from_slice(record.row());
        if let Some(offset) = layout.blob_offset {
            self.row[usize::from(offset)..][..2].fill(0);
        }
        for place in &layout.places {
            if matches!(place.spot, Spot::Cold(_) | Spot::Variable(_)) {
                self.put(place, record.field(place)?.as_cell());
            }
        }
        Ok(())
    }

    /// Sets one field.
    ///
    /// # Panics
    ///
    /// When the cell is absent for a required field, or not of the field's width: callers have typed values.
    #[inline]
    pub fn put(&mut self, place: &Place, cell: Cell<'_>) {
        if let Some((byte, bit)) = place.null {
            let byte = &mut self.row[usize::from(byte)];
            *byte = if cell.is_none() { *byte | bit } else { *byte & !bit };
        } else {
            assert!(cell.is_some(), "a required field has no value");
        }
        match place.spot {
            Spot::Rank => {
                let rank = key::rank(place.ty, cell.expect("a key is never absent"));
                let width = place.ty.rank_width().expect("a clustering type");
                self.row[..width].copy_from_slice(&rank.to_le_bytes()[..width]);
            }
            Spot::Hot(offset) => put_fixed(&mut self.row, offset, place, cell),
            Spot::Cold(offset) => put_fixed(&mut self.cold, offset, place, cell),
            Spot::Variable(number) => {
                let start = self.values.len() as u32;
                self.values.extend_from_slice(cell.unwrap_or(&[]));
                // A field set twice leaves its first bytes behind; they are dropped when the record is written.
                self.ranges[usize::from(number)] = (start, self.values.len() as u32);
            }
        }
    }

    /// Appends to a variable field, which must be the last one that was put.
    pub(crate) fn append(&mut self, place: &Place, bytes: &[u8]) {
        let Spot::Variable(number) = place.spot else { panic!("only variable fields grow") };
        let range = &mut self.ranges[usize::from(number)];
        if range.0 == range.1 {
            *range = (self.values.len() as u32, self.values.len() as u32);
        }
        assert_eq!(range.1 as usize, self.values.len(), "the field put last");
        self.values.extend_from_slice(bytes);
        range.1 = self.values.len() as u32;
    }

    /// Sets one field to a literal.
    pub fn put_scalar(&mut self, place: &Place, scalar: &Scalar) {
        scalar.with_cell(place.ty, |cell| self.put(place, cell));
    }

    /// The bytes of one field.
    pub fn field(&self, place: &Place) -> FieldCell<'_> {
        if is_null(&self.row, place) {
            return FieldCell::Null;
        }
        let fixed = |bytes: &'_ [u8], offset: u16| {
            let offset = usize::from(offset);
            offset..(offset + place.ty.width().expect("a fixed-width field")).min(bytes.len())
        };
        match place.spot {
            Spot::Rank => {
                let width = place.ty.rank_width().expect("a clustering type");
                let mut rank = [0; 16];
                rank[..width].copy_from_slice(&self.row[..width]);
                rank_cell(place.ty, u128::from_le_bytes(rank))
            }
            Spot::Hot(offset) => FieldCell::Borrowed(&self.row[fixed(&self.row, offset)]),
            Spot::Cold(offset) => FieldCell::Borrowed(&self.cold[fixed(&self.cold, offset)]),
            Spot::Variable(number) => FieldCell::Borrowed(self.variable(usize::from(number))),
        }
    }

    /// The rank at the row's start.
    pub fn rank(&self, layout: &Layout) -> u128 {
        read_rank(&self.row, layout)
    }

    /// Sets the rank at the row's start: an assigned key or a hidden number.
    pub fn set_rank(&mut self, layout: &Layout, rank: u128) {
        let width = usize::from(layout.rank_width);
        self.row[..width].copy_from_slice(&rank.to_le_bytes()[..width]);
    }

    pub(crate) fn row(&self) -> &[u8] {
        &self.row
    }

    pub(super) fn cold(&self) -> &[u8] {
        &self.cold
    }

    pub(super) fn variable(&self, number: usize) -> &[u8] {
        let (start, end) = self.ranges[number];
        &self.values[start as usize..end as usize]
    }

    /// The bytes of all variable fields together.
    pub(super) fn values_len(&self) -> usize {
        self.ranges.iter().map(|(start, end)| (end - start) as usize).sum()
    }

    /// Appends the image of this record.
    pub fn append_image(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.row);
        out.extend_from_slice(&self.cold);
        let mut end = 0u32;
        for (from, to) in &self.ranges {
            end += to - from;
            out.extend_from_slice(&end.to_le_bytes());
        }
        for number in 0..self.ranges.len() {
            out.extend_from_slice(self.variable(number));
        }
    }

    /// Makes this the record of `image`; `false`, and an unspecified record, when the bytes are no image of `layout`.
    pub fn load_image(&mut self, layout: &Layout, image: &[u8]) -> bool {
        self.reset(layout);
        let ends_at = self.row.len() + self.cold.len();
        let values_at = ends_at + 4 * self.ranges.len();
        let (Some(fixed), Some(ends), Some(values)) =
            (image.get(..ends_at), image.get(ends_at..values_at), image.get(values_at..))
        else {
            return false;
        };
        let stride = self.row.len();
        self.row.copy_from_slice(&fixed[..stride]);
        self.cold.copy_from_slice(&fixed[stride..]);
        let mut start = 0;
        for (range, end) in self.ranges.iter_mut().zip(ends.chunks_exact(4)) {
            let end = u32::from_le_bytes(end.try_into().expect("4 bytes"));
            if end < start {
                return false;
            }
            *range = (start, end);
            start = end;
        }
        self.values.extend_from_slice(values);
        start as usize == values.len() && layout.places.iter().all(|place| self.is_valid(place))
    }

    /// The key, as users write it.
    pub fn describe_key(&self, collection: &CollectionDef) -> String {
        self.describe(collection, &collection.key)
    }

    /// The fields at these positions, as users write them.
    pub fn describe(&self, collection: &CollectionDef, positions: &[u16]) -> String {
        let describe = |position: &u16| {
            let place = &collection.layout.places[usize::from(*position)];
            let value = Scalar::from_cell(place.ty, self.field(place).as_cell());
            value.map_or_else(|| String::from("?"), |value| value.text(place.ty))
        };
        positions.iter().map(describe).collect::<Vec<String>>().join(", ")
    }

    /// Whether the field's bytes are a value of its type.
    fn is_valid(&self, place: &Place) -> bool {
        Scalar::from_cell(place.ty, self.field(place).as_cell()).is_some()
    }
}

fn put_fixed(bytes: &mut [u8], offset: u16, place: &Place, cell: Cell<'_>) {
    let width = place.ty.width().expect("a fixed-width field");
    let target = &mut bytes[usize::from(offset)..][..width];
    match cell {
        Some(bytes) => target.copy_from_slice(bytes),
        None => target.fill(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::layout::LayoutField;
    use crate::value::{Type, Value};

    fn layout() -> Layout {
        let field = |ty, optional| LayoutField { ty, optional, indexed: false };
        let mut fields =
            Vec::from([field(Type::I64, false), field(Type::String, true), field(Type::Bytes, false)]);
        fields.extend([field(Type::U128, true); 6]);
        Layout::new(&fields, Some(0))
    }

    #[test]
    fn images_round_trip_and_damage_is_refused() {
        let layout = layout();
        let mut draft = RecordDraft::new(&layout);
        (-7i64).with_cell(|cell| draft.put(&layout.places[0], cell));
        draft.put(&layout.places[1], Some(b"first, replaced below"));
        draft.put(&layout.places[1], Some(b"name"));
        draft.put(&layout.places[2], Some(&[1, 2, 3]));
        for place in &layout.places[3..] {
            (5u128 << 100).with_cell(|cell| draft.put(place, cell));
        }
        draft.put(&layout.places[4], None);
        let mut image = Vec::new();
        draft.append_image(&mut image);

        let mut back = RecordDraft::default();
        assert!(back.load_image(&layout, &image));
        for place in &layout.places {
            assert_eq!(back.field(place), draft.field(place));
        }
        assert_eq!(i64::read(back.field(&layout.places[0]).as_cell()), Ok(-7));
        assert_eq!(back.field(&layout.places[4]), FieldCell::Null);

        for len in 0..image.len() {
            assert!(!back.load_image(&layout, &image[..len]), "cut to {len}");
        }
    }
}
