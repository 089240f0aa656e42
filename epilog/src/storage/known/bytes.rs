//! Statistics as bytes.
//!
//! All little-endian. Changing any of this also changes `docs/file-format.md`, and the version.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version: 2 |
//! | 4 | the collection's id |
//! | 8 | the commit whose records were looked at |
//! | 8 | how many records there were |
//! | 8 | how many of them were looked at |
//! | 2 | number of fields, each: |
//! | 4 | its id |
//! | 1 | its type |
//! | 8 | records without a value |
//! | 8 | different values |
//! | | least value, greatest value |
//! | 1 | number of heavy hitters, 0 to 16, each: value, and 8 bytes: how many records have it |
//! | 1 | number of the histogram's bounds, 0 or 2 to 33, each a value |
//! | 2 | number of indexes, each: |
//! | 4 | its id |
//! | 1 | number of its fields, for each 8 bytes: different values of the fields up to it |
//! | 2 | leaves of records that a thousand neighbours lead to; 65,535 where that is not known; not in version 1 |
//! | 4 | CRC-32C of all before |
//!
//! A value is the length of its cell plus one in 4 bytes, and the cell; 0 where there is none. Bounds ascend. What does not keep to
//! this, is of another version, or of a field or an index that the collection has not, is not used; only a wrong checksum is damage.

use alloc::vec::Vec;

use super::super::codec::checksum::crc32c;
use crate::schema::{CollectionDef, FieldId, IndexId};
use crate::statistics::{
    CollectionStatistics, FieldStatistics, HEAVY_HITTERS_MAX, HeavyHitter, IndexStatistics, RANGES_MAX,
};
use crate::value::{Scalar, Type};

const VERSION: u8 = 2;

/// What does not say how far indexes have records in the order in which they lie.
const VERSION_WITHOUT_ORDER: u8 = 1;

/// Where it is not known.
const ORDER_UNKNOWN: u16 = u16::MAX;

/// The bytes of `made`, which are statistics of `collection`.
pub(super) fn write(collection: &CollectionDef, made: &CollectionStatistics) -> Vec<u8> {
    let mut out = Vec::from([VERSION]);
    out.extend_from_slice(&collection.id.0.to_le_bytes());
    for number in [made.made_at, made.made_of, made.sampled] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&(made.fields.len() as u16).to_le_bytes());
    for field in &made.fields {
        let id = collection.fields[usize::from(field.position)].id;
        out.extend_from_slice(&id.0.to_le_bytes());
        out.push(field.ty as u8);
        out.extend_from_slice(&field.nulls.to_le_bytes());
        out.extend_from_slice(&field.distinct.to_le_bytes());
        write_value(&mut out, field.ty, field.min.as_ref());
        write_value(&mut out, field.ty, field.max.as_ref());
        out.push(field.heavy_hitters.len() as u8);
        for hitter in &field.heavy_hitters {
            write_value(&mut out, field.ty, Some(&hitter.value));
            out.extend_from_slice(&hitter.count.to_le_bytes());
        }
        out.push(field.histogram.len() as u8);
        field.histogram.iter().for_each(|bound| write_value(&mut out, field.ty, Some(bound)));
    }
    out.extend_from_slice(&(made.indexes.len() as u16).to_le_bytes());
    for index in &made.indexes {
        out.extend_from_slice(&index.id.0.to_le_bytes());
        out.push(index.distinct.len() as u8);
        index.distinct.iter().for_each(|count| out.extend_from_slice(&count.to_le_bytes()));
        out.extend_from_slice(&index.leaves_per_1000.unwrap_or(ORDER_UNKNOWN).to_le_bytes());
    }
    let checksum = crc32c(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

fn write_value(out: &mut Vec<u8>, ty: Type, value: Option<&Scalar>) {
    let Some(value) = value else { return out.extend_from_slice(&[0; 4]) };
    value.with_cell(ty, |cell| {
        let cell = cell.unwrap_or_default();
        out.extend_from_slice(&(cell.len() as u32 + 1).to_le_bytes());
        out.extend_from_slice(cell);
    });
}

/// What is before the checksum, if that is right.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (content, checksum) = bytes.split_last_chunk::<4>()?;
    (u32::from_le_bytes(*checksum) == crc32c(content)).then_some(content)
}

/// Whether `bytes` are as they were written, by whatever version.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    checked(bytes).is_some()
}

/// The statistics of `collection` that `bytes` are; `None` when they are none.
pub(super) fn read(collection: &CollectionDef, bytes: &[u8]) -> Option<CollectionStatistics> {
    let mut input = Input(checked(bytes)?);
    let version = input.u8()?;
    if !matches!(version, VERSION | VERSION_WITHOUT_ORDER) || input.u32()? != collection.id.0 {
        return None;
    }
    let (made_at, made_of, sampled) = (input.u64()?, input.u64()?, input.u64()?);
    let fields = (0..input.u16()?).map(|_| read_field(collection, &mut input)).collect::<Option<_>>()?;
    let indexes =
        (0..input.u16()?).map(|_| read_index(collection, &mut input, version)).collect::<Option<_>>()?;
    if !input.0.is_empty() || sampled > made_of {
        return None;
    }
    Some(CollectionStatistics {
        collection: collection.name.clone(),
        count: made_of,
        leaves: 0,
        bytes_per_record: 0,
        made_of,
        made_at,
        sampled,
        changed: 0,
        fields,
        indexes,
    })
}

fn read_field(collection: &CollectionDef, input: &mut Input<'_>) -> Option<FieldStatistics> {
    let id = FieldId(input.u32()?);
    let position = collection.fields.iter().position(|field| field.id == id)?;
    let (name, ty) = (collection.fields[position].name.clone(), collection.fields[position].ty);
    if input.u8()? != ty as u8 {
        return None;
    }
    let (nulls, distinct) = (input.u64()?, input.u64()?);
    let (min, max) = (input.value(ty)?, input.value(ty)?);
    let hitters = usize::from(input.u8()?);
    let hitter = |input: &mut Input<'_>| Some(HeavyHitter { value: input.value(ty)??, count: input.u64()? });
    let heavy_hitters = (0..hitters).map(|_| hitter(input)).collect::<Option<Vec<_>>>()?;
    let bounds = usize::from(input.u8()?);
    let histogram = (0..bounds).map(|_| input.value(ty)?).collect::<Option<Vec<_>>>()?;
    let ascends = histogram.is_sorted_by(|one, next| one.compare(next).is_le());
    let is_sound = ascends && hitters <= HEAVY_HITTERS_MAX && bounds <= RANGES_MAX + 1 && bounds != 1;
    let position = position as u16;
    is_sound.then_some(FieldStatistics {
        name,
        ty,
        nulls,
        distinct,
        min,
        max,
        heavy_hitters,
        histogram,
        position,
    })
}

fn read_index(collection: &CollectionDef, input: &mut Input<'_>, version: u8) -> Option<IndexStatistics> {
    let id = IndexId(input.u32()?);
    let index = collection.index(id)?;
    let count = usize::from(input.u8()?);
    let distinct = (0..count).map(|_| input.u64()).collect::<Option<Vec<_>>>()?;
    let name_of = |position: &u16| collection.fields[usize::from(*position)].name.clone();
    let fields = index.fields.iter().map(name_of).collect();
    let leaves = if version == VERSION_WITHOUT_ORDER { ORDER_UNKNOWN } else { input.u16()? };
    let leaves_per_1000 = (leaves != ORDER_UNKNOWN).then_some(leaves);
    let is_sound = count == index.fields.len() && leaves_per_1000.is_none_or(|leaves| leaves <= 1000);
    is_sound.then(|| IndexStatistics {
        name: index.name.clone(),
        fields,
        distinct,
        entries: 0,
        leaves: 0,
        leaves_per_1000,
        id,
    })
}

/// Bytes that anyone may have written.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(len)?;
        self.0 = left;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A value; the inner `None` where there is none.
    fn value(&mut self, ty: Type) -> Option<Option<Scalar>> {
        match self.u32()? {
            0 => Some(None),
            len => Scalar::from_cell(ty, Some(self.take(len as usize - 1)?)).map(Some),
        }
    }
}
