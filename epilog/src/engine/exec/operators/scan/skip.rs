//! The ranks in ranges of an index behind each value of its first field.

use alloc::vec::Vec;
use core::ops::Bound;

use super::Ranks;
use crate::engine::error::ExecError;
use crate::engine::estimate::KeyRange;
use crate::engine::exec::Env;
use crate::engine::exec::batch::GATHERED_MAX;
use crate::engine::logical::Slot;
use crate::engine::planted::{self, Bug};
use crate::schema::IndexId;
use crate::storage::StorageError;
use crate::storage::facade::{Direction, EntryCursor};
use crate::value::key;

/// The ranks in ranges of an index behind each value of its first field. The values are found on the way: behind the last one
/// the next entry has the next.
pub(super) struct SkipRanks<'s> {
    slot: Slot,
    index: IndexId,
    ranges: Vec<KeyRange>,
    /// The value found last, as it is in keys; empty before the first.
    value: Vec<u8>,
    /// The next of the ranges behind it.
    next: usize,
    /// In a range.
    cursor: Option<EntryCursor<'s>>,
    at_end: bool,
}

impl<'s> SkipRanks<'s> {
    pub(super) fn new(slot: Slot, index: IndexId, ranges: Vec<KeyRange>) -> Self {
        let next = ranges.len();
        SkipRanks { slot, index, ranges, value: Vec::new(), next, cursor: None, at_end: false }
    }

    /// Finds the next value of the first field; false behind the last.
    fn next_value(&mut self, env: &Env<'s>) -> Result<bool, ExecError> {
        let collection = env.collection(self.slot);
        let low = if self.value.is_empty() { Bound::Unbounded } else { Bound::Excluded(&self.value[..]) };
        let mut cursor =
            env.view.entries(collection, self.index, low, Bound::Unbounded, Direction::Forward)?;
        let (mut key, mut ends, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
        if cursor.next_entries(1, &mut key, &mut ends, &mut ranks)? == 0 {
            return Ok(false);
        }
        let index = collection.index(self.index).expect("a plan names an index of its collection");
        let field = &collection.fields[usize::from(index.fields[0])];
        let (_, rest) = key::split_first(field.ty, field.optional, &key).ok_or_else(|| {
            StorageError::damage("index", "an entry is not made of the fields of its index")
        })?;
        let len = key.len() - rest.len();
        key.truncate(len);
        self.value = key;
        Ok(true)
    }
}

impl<'s> Ranks<'s> for SkipRanks<'s> {
    fn more(&mut self, env: &Env<'s>, limit: usize, out: &mut Vec<u128>) -> Result<usize, ExecError> {
        let start = out.len();
        while out.len() - start < limit && !self.at_end {
            env.check()?;
            if let Some(cursor) = &mut self.cursor {
                let wanted = (limit - (out.len() - start)).min(GATHERED_MAX);
                if cursor.next_ranks(wanted, out)? == 0 {
                    self.cursor = None;
                }
            } else if let Some(range) = self.ranges.get(self.next) {
                let range = range.behind(&self.value);
                let ((low, high), collection) = (range.bounds(), env.collection(self.slot));
                self.cursor =
                    Some(env.view.entries(collection, self.index, low, high, Direction::Forward)?);
                self.next += 1;
            } else {
                self.at_end = !self.next_value(env)?;
                self.next = usize::from(planted::is(Bug::LastValueSkipped) && !self.value.is_empty());
            }
        }
        Ok(out.len() - start)
    }
}
