//! The bytes an index holds for a record: its encoded fields, then its rank.

use alloc::vec::Vec;

use super::{RecordDraft, RecordRef};
use crate::schema::{CollectionDef, IndexDef};
use crate::storage::StorageError;
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
