//! [`Directory`]: all records of a collection by rank, for those that look up many of them.
//!
//! Searching for a record takes a descent, or at least a search in a leaf; where many are searched for, reading every leaf once
//! and noting where each rank lies costs less. Ranks that lie close together, as those given out by the database do, are an
//! array's places; others lie in a hash table.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Env;
use super::shelf::{NOTHING, Shelf};
use super::table::WordTable;
use crate::engine::error::ExecError;
use crate::engine::logical::Slot;
use crate::storage::facade::Direction;

/// Ranks have a place each in an array that has no more than so many for each record, or [`PLACES_MIN`].
const PLACES_PER_RECORD: u128 = 4;
const PLACES_MIN: u128 = 4096;

/// All records of a collection, by rank.
pub(super) struct Directory<'s> {
    shelf: Arc<Shelf<'s>>,
    places: Places,
}

/// Where the record of a rank lies: its number on the shelf.
enum Places {
    /// For each rank from `low` on the place, and 1: 0 where there is no record.
    Array {
        low: u64,
        places: Vec<u32>,
    },
    Table(WordTable),
}

impl<'s> Directory<'s> {
    /// Reads the records of `slot`'s collection; `None` if they are more than memory should hold, or ranks are wider than a
    /// word.
    pub(super) fn new(env: &Env<'s>, slot: Slot) -> Result<Option<Directory<'s>>, ExecError> {
        let collection = env.collection(slot);
        let leaves_max = env.view.records_at_once(collection).saturating_mul(2);
        let high = if collection.layout.rank_width == 8 { u128::from(u64::MAX) } else { u128::MAX };
        let mut cursor = env.view.leaves(collection, 0, high, Direction::Forward)?;
        let mut leaves = Vec::new();
        let (mut rows_max, mut records) = (1, 0_u128);
        while let Some(leaf) = cursor.next_leaf()? {
            env.check()?;
            if leaves.len() >= leaves_max || env.view.is_crowded() {
                return Ok(None);
            }
            rows_max = rows_max.max(leaf.len());
            records += leaf.len() as u128;
            leaves.push(leaf);
        }
        let ends = leaves.first().zip(leaves.last());
        let ends = ends.map(|(first, last)| (first.record(0).rank(), last.record(last.len() - 1).rank()));
        let (low, high) = ends.unwrap_or((0, 0));
        let row_bits = usize::BITS - rows_max.leading_zeros();
        let (Ok(first), Ok(_)) = (u64::try_from(low), u64::try_from(high)) else { return Ok(None) };
        if leaves.len().checked_shl(row_bits).is_none_or(|places| places >= u32::MAX as usize) {
            return Ok(None);
        }
        let span = high - low + 1;
        let mut places = if span <= (records * PLACES_PER_RECORD).max(PLACES_MIN) {
            Places::Array { low: first, places: vec![0; span as usize] }
        } else {
            Places::Table(WordTable::default())
        };
        for (number, leaf) in leaves.iter().enumerate() {
            for row in 0..leaf.len() {
                let rank = leaf.record(row).rank() as u64;
                let place = ((number << row_bits) | row) as u32;
                match &mut places {
                    Places::Array { low, places } => places[(rank - *low) as usize] = place + 1,
                    Places::Table(table) => {
                        table.find_or_insert(rank, || place);
                    }
                }
            }
        }
        Ok(Some(Directory { shelf: Shelf::of_leaves(leaves, row_bits), places }))
    }

    /// The records.
    pub(super) fn shelf(&self) -> &Arc<Shelf<'s>> {
        &self.shelf
    }

    /// The number, on the shelf, of the record with a rank; [`NOTHING`] when there is none.
    #[inline]
    pub(super) fn number(&self, rank: u64) -> u32 {
        match &self.places {
            // 0 is no place, and one before it nothing.
            Places::Array { low, places } => {
                let at = usize::try_from(rank.wrapping_sub(*low)).unwrap_or(usize::MAX);
                places.get(at).copied().unwrap_or(0).wrapping_sub(1)
            }
            Places::Table(table) => table.find(rank).unwrap_or(NOTHING),
        }
    }

    /// The bytes that it takes in memory beside the leaves.
    pub(super) fn size(&self) -> usize {
        let places = match &self.places {
            Places::Array { places, .. } => size_of_val(places.as_slice()),
            Places::Table(table) => table.size(),
        };
        places + self.shelf.size()
    }
}
