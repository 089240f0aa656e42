//! [`Layout`]: where in a record each field lies.
//!
//! A record on a page is a *fixed row* of [`stride`](Layout::stride) bytes and, when it has one, a *blob*:
//!
//! ```text
//! fixed row   [rank 8|16][hot fields, widest first][u16 blob offset, if any][null bits]
//! blob        [cold fields][u16 end; variable fields][bytes of the variable fields]
//! ```
//!
//! The rank is the clustering key as an unsigned little-endian integer ([`crate::value::key::rank`]), or the hidden record
//! number. The stride is kept to [`STRIDE_TARGET`] bytes: fixed-width fields that do not fit are *cold* and move to the
//! blob; indexed ones stay hot before others. Within the same heat, declaration order decides. An absent value keeps its
//! bytes, zeroed, under a set null bit; an absent variable field is empty under a set null bit.

use alloc::vec::Vec;

use crate::value::Type;

/// Fixed-width fields move to the blob when the fixed row would grow over this many bytes.
pub const STRIDE_TARGET: usize = 64;

/// Where a field lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The field's type.
    pub ty: Type,
    /// Where its bytes are.
    pub spot: Spot,
    /// For an optional field: the byte of the fixed row, and the bit in it, that is set when the value is absent.
    pub null: Option<(u16, u8)>,
}

/// Where a field's bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spot {
    /// It is the clustering key: the rank at the row's start.
    Rank,
    /// At this offset of the fixed row.
    Hot(u16),
    /// At this offset of the blob.
    Cold(u16),
    /// The variable field with this number.
    Variable(u16),
}

/// Where the fields of a collection lie, by position in its catalog entry (not by declared ordinal).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// One place per field.
    pub places: Vec<Place>,
    /// The bytes of a fixed row.
    pub stride: u16,
    /// 8 or 16: the bytes of the rank at its start.
    pub rank_width: u8,
    /// The offset in the fixed row of the `u16` offset of the blob; `None` when records have no blob.
    pub blob_offset: Option<u16>,
    /// The bytes of the cold fields, at the start of the blob.
    pub cold_len: u16,
    /// How many variable fields there are.
    pub variable_count: u16,
    /// The positions of the fields that name blobs, whose bytes lie outside the record in chunks.
    pub streamed: Vec<u16>,
}

/// What the layout needs to know of a field.
#[derive(Clone, Copy, Debug)]
pub struct LayoutField {
    /// Its type.
    pub ty: Type,
    /// Whether it may be absent.
    pub optional: bool,
    /// Whether it leads or joins an index.
    pub indexed: bool,
}

impl Layout {
    /// Lays out `fields`. `clustered` is the position of the clustering key, if a field is that.
    pub fn new(fields: &[LayoutField], clustered: Option<usize>) -> Layout {
        let rank_width = match clustered {
            Some(position) => fields[position].ty.rank_width().expect("a clustering type"),
            None => 8,
        };
        let is_fixed =
            |position: &usize| Some(*position) != clustered && fields[*position].ty.width().is_some();
        let width = |position: usize| fields[position].ty.width().expect("a fixed-width field");
        let null_bytes = fields.iter().filter(|field| field.optional).count().div_ceil(8);
        let variable_count = fields.iter().filter(|field| field.ty.width().is_none()).count();

        // Room for the blob's offset is kept free even when it turns out that nothing needs it.
        let mut room = STRIDE_TARGET.saturating_sub(rank_width + null_bytes + 2);
        let mut order: Vec<usize> = (0..fields.len()).filter(is_fixed).collect();
        order.sort_unstable_by_key(|position| (!fields[*position].indexed, *position));
        let (mut hot, mut cold) = (Vec::new(), Vec::new());
        for position in order {
            // Indexed fields are always hot: index upkeep reads them.
            if width(position) <= room || fields[position].indexed {
                room = room.saturating_sub(width(position));
                hot.push(position);
            } else {
                cold.push(position);
            }
        }
        let widest_first = |positions: &mut Vec<usize>| {
            positions.sort_unstable_by_key(|position| (core::cmp::Reverse(width(*position)), *position));
        };
        widest_first(&mut hot);
        widest_first(&mut cold);

        let mut spots: Vec<Spot> = Vec::from_iter(fields.iter().map(|_| Spot::Rank));
        let mut offset = rank_width;
        for position in hot {
            spots[position] = Spot::Hot(offset as u16);
            offset += width(position);
        }
        let mut cold_len = 0;
        for position in cold {
            spots[position] = Spot::Cold(cold_len as u16);
            cold_len += width(position);
        }
        let variable = (0..fields.len()).filter(|position| fields[*position].ty.width().is_none());
        for (number, position) in variable.enumerate() {
            spots[position] = Spot::Variable(number as u16);
        }
        let has_blob = cold_len > 0 || variable_count > 0;
        let blob_offset = has_blob.then_some(offset as u16);
        if has_blob {
            offset += 2;
        }
        let streamed = (0..fields.len()).filter(|position| fields[*position].ty == Type::Blob);
        let mut bit = 0;
        let places = fields.iter().zip(spots).map(|(field, spot)| {
            let null = field.optional.then(|| {
                bit += 1;
                ((offset + (bit - 1) / 8) as u16, 1u8 << ((bit - 1) % 8))
            });
            Place { ty: field.ty, spot, null }
        });
        Layout {
            places: places.collect(),
            stride: (offset + null_bytes) as u16,
            rank_width: rank_width as u8,
            blob_offset,
            cold_len: cold_len as u16,
            variable_count: variable_count as u16,
            streamed: streamed.map(|position| position as u16).collect(),
        }
    }

    /// The bytes of a blob before the variable fields' own bytes.
    pub fn blob_header_len(&self) -> usize {
        usize::from(self.cold_len) + 2 * usize::from(self.variable_count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(ty: Type, optional: bool) -> LayoutField {
        LayoutField { ty, optional, indexed: false }
    }

    #[test]
    fn widest_first_then_blob_offset_then_null_bits() {
        let fields = [
            field(Type::Id, false),
            field(Type::String, false),
            field(Type::U8, true),
            field(Type::F64, false),
            field(Type::String, true),
        ];
        let layout = Layout::new(&fields, Some(0));
        let spots: Vec<Spot> = layout.places.iter().map(|place| place.spot).collect();
        assert_eq!(spots, [Spot::Rank, Spot::Variable(0), Spot::Hot(16), Spot::Hot(8), Spot::Variable(1)]);
        assert_eq!(layout.blob_offset, Some(17));
        assert_eq!(layout.places[2].null, Some((19, 1)));
        assert_eq!(layout.places[4].null, Some((19, 2)));
        assert_eq!((layout.stride, layout.blob_header_len()), (20, 4));
    }

    #[test]
    fn fields_over_the_target_are_cold_but_indexed_ones_stay() {
        let mut fields = Vec::from([field(Type::U64, false); 12]);
        fields[11].indexed = true;
        let layout = Layout::new(&fields, Some(0));
        assert!(matches!(layout.places[11].spot, Spot::Hot(_)));
        let cold = layout.places.iter().filter(|place| matches!(place.spot, Spot::Cold(_))).count();
        assert_eq!((cold, layout.cold_len), (5, 40));
        assert!(usize::from(layout.stride) <= STRIDE_TARGET);
    }

    #[test]
    fn a_record_without_blob_has_no_offset() {
        let layout = Layout::new(&[field(Type::I32, false)], None);
        assert_eq!((layout.blob_offset, layout.stride, layout.rank_width), (None, 12, 8));
    }
}
