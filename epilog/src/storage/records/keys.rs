//! The bytes an index holds for a record: its encoded fields, then its rank; of a covering index then the values that it
//! includes, and in the last two bytes, big-endian, the length of those.
//!
//! As no key begins another, and the rank follows it, what is included decides nothing of the order.

use alloc::vec::Vec;

use super::{RecordDraft, RecordRef};
use crate::schema::layout::Place;
use crate::schema::{CollectionDef, IndexDef};
use crate::storage::StorageError;
use crate::storage::btree;
use crate::value::decimal::DecimalParts;
use crate::value::{Cell, DecodeError, Type, key, list};

/// Appends a rank, big-endian, in the collection's width.
pub fn append_rank(out: &mut Vec<u8>, rank_width: u8, rank: u128) {
    match rank_width {
        8 => out.extend_from_slice(&(rank as u64).to_be_bytes()),
        _ => out.extend_from_slice(&rank.to_be_bytes()),
    }
}

/// Splits an entry into the encoded fields and the rank; `None` when it is too short to hold a rank.
pub fn split_entry(entry: &[u8], rank_width: u8) -> Option<(&[u8], u128)> {
    if rank_width == 8 {
        let (key, rank) = entry.split_last_chunk::<8>()?;
        Some((key, u128::from(u64::from_be_bytes(*rank))))
    } else {
        let (key, rank) = entry.split_last_chunk::<16>()?;
        Some((key, u128::from_be_bytes(*rank)))
    }
}

/// The length of the encoded fields of an entry of `index`; `None` when it is too short to hold a rank.
#[inline]
pub fn key_len(index: &IndexDef, entry: &[u8], rank_width: u8) -> Option<usize> {
    btree::key_len(entry, usize::from(rank_width), index.has_included())
}

/// As [`split_entry`], of an index that may include values, which are left out.
#[inline]
pub fn split_entry_of<'e>(index: &IndexDef, entry: &'e [u8], rank_width: u8) -> Option<(&'e [u8], u128)> {
    let key_len = key_len(index, entry, rank_width)?;
    split_entry(&entry[..key_len + usize::from(rank_width)], rank_width)
}

/// Appends what an index holds of a draft with this rank. Returns whether a field of the key is absent: a unique index lets such
/// a record be.
pub fn append_draft_entry(
    out: &mut Vec<u8>,
    collection: &CollectionDef,
    index: &IndexDef,
    draft: &RecordDraft,
    rank: u128,
) -> bool {
    let absent = append_draft_key(out, collection, index, draft);
    append_rank(out, collection.layout.rank_width, rank);
    append_included(out, collection, index, |place, value| value(draft.field(place).as_cell()));
    absent
}

/// Appends what an index holds of a record on a page; as [`append_draft_entry`].
///
/// # Errors
///
/// As [`RecordRef::field`].
pub fn append_record_entry(
    out: &mut Vec<u8>,
    collection: &CollectionDef,
    index: &IndexDef,
    record: &RecordRef<'_>,
) -> Result<bool, StorageError> {
    let absent = append_record_key(out, collection, index, record)?;
    append_rank(out, collection.layout.rank_width, record.rank());
    let mut failed = None;
    append_included(out, collection, index, |place, value| match record.field(place) {
        Ok(cell) => value(cell.as_cell()),
        Err(error) => failed = Some(error),
    });
    failed.map_or(Ok(absent), Err)
}

/// Appends what an index includes, and the length of that. Of an optional field there is a byte, 0 when it is absent and 1
/// otherwise; then the cell, that of a type without a width behind its length in two bytes.
#[inline]
fn append_included(
    out: &mut Vec<u8>,
    collection: &CollectionDef,
    index: &IndexDef,
    mut field: impl FnMut(&Place, &mut dyn FnMut(Cell<'_>)),
) {
    if !index.has_included() {
        return;
    }
    let start = out.len();
    for position in index.included() {
        let place = &collection.layout.places[usize::from(*position)];
        field(place, &mut |cell| {
            if place.null.is_some() {
                out.push(u8::from(cell.is_some()));
            }
            let Some(bytes) = cell else { return };
            if place.ty.width().is_none() {
                // One that is longer than that makes an entry that no index takes.
                out.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
            }
            out.extend_from_slice(bytes);
        });
    }
    out.extend_from_slice(&((out.len() - start) as u16).to_be_bytes());
}

/// Splits what an entry includes behind the cell of its first field, which is of type `ty`: as [`key::split_first`].
#[cfg(not(feature = "small"))]
pub fn split_included(ty: Type, optional: bool, included: &[u8]) -> Option<(Cell<'_>, &[u8])> {
    let included = match (optional, included.split_first()) {
        (true, Some((0, rest))) => return Some((None, rest)),
        (true, Some((1, rest))) => rest,
        (true, _) => return None,
        (false, _) => included,
    };
    let (len, included) = match ty.width() {
        Some(width) => (width, included),
        None => {
            let (len, rest) = included.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
    };
    let (cell, rest) = included.split_at_checked(len)?;
    // Of what has a width this alone has cells that are no value.
    if ty == Type::Decimal && DecimalParts::from_cell(cell).is_none() {
        return None;
    }
    Some((Some(cell), rest))
}

/// Appends the encoded fields of a draft. Returns whether one of them is absent: a unique index lets such a record be.
pub fn append_draft_key(
    out: &mut Vec<u8>,
    collection: &CollectionDef,
    index: &IndexDef,
    draft: &RecordDraft,
) -> bool {
    let mut absent = false;
    for position in &index.fields {
        let place = &collection.layout.places[usize::from(*position)];
        let cell = draft.field(place);
        absent |= cell.as_cell().is_none();
        key::append(out, place.ty, place.null.is_some(), cell.as_cell());
    }
    absent
}

/// What an index of a list has entries of: the keys of its different elements, ascending. There are none of an absent list.
pub fn element_keys(element: Type, cell: Cell<'_>) -> Vec<&[u8]> {
    let mut keys: Vec<&[u8]> = list::elements(element, cell.unwrap_or_default()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Whether a partial index has no entry of a draft.
#[cfg(not(feature = "small"))]
pub fn leaves_out_draft(collection: &CollectionDef, index: &IndexDef, draft: &RecordDraft) -> bool {
    index.condition.iter().any(|condition| {
        let place = &collection.layout.places[usize::from(condition.position)];
        !condition.test.holds(place.ty, draft.field(place).as_cell())
    })
}

/// Whether a partial index has no entry of a record on a page.
///
/// # Errors
///
/// As [`RecordRef::field`].
#[cfg(not(feature = "small"))]
pub fn leaves_out(
    collection: &CollectionDef,
    index: &IndexDef,
    record: &RecordRef<'_>,
) -> Result<bool, StorageError> {
    for condition in &index.condition {
        let place = &collection.layout.places[usize::from(condition.position)];
        let cell = record.field(place)?;
        check_decimal(place.ty, cell.as_cell())?;
        if !condition.test.holds(place.ty, cell.as_cell()) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(feature = "small")]
pub fn leaves_out_draft(_: &CollectionDef, _: &IndexDef, _: &RecordDraft) -> bool {
    false
}

#[cfg(feature = "small")]
pub fn leaves_out(_: &CollectionDef, _: &IndexDef, _: &RecordRef<'_>) -> Result<bool, StorageError> {
    Ok(false)
}

/// Refuses the bytes of a decimal that are none: they have no key.
fn check_decimal(ty: Type, cell: Cell<'_>) -> Result<(), StorageError> {
    match cell {
        Some(bytes) if ty == Type::Decimal && DecimalParts::from_cell(bytes).is_none() => {
            Err(DecodeError { ty }.into())
        }
        _ => Ok(()),
    }
}

/// Appends the encoded fields of a record on a page; as [`append_draft_key`].
///
/// # Errors
///
/// As [`RecordRef::field`].
pub fn append_record_key(
    out: &mut Vec<u8>,
    collection: &CollectionDef,
    index: &IndexDef,
    record: &RecordRef<'_>,
) -> Result<bool, StorageError> {
    let mut absent = false;
    for position in &index.fields {
        let place = &collection.layout.places[usize::from(*position)];
        let cell = record.field(place)?;
        check_decimal(place.ty, cell.as_cell())?;
        absent |= cell.as_cell().is_none();
        key::append(out, place.ty, place.null.is_some(), cell.as_cell());
    }
    Ok(absent)
}
