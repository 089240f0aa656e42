//! [`Sorted`]: kept rows in the order of a value, of which a row takes a range.
//!
//! Values are compared as keys, which are in the order of the values byte by byte. A row without a value is in no range.

use alloc::vec::Vec;

use crate::engine::error::ExecError;
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::store::RowStore;
use crate::engine::exec::{Env, Vector};
use crate::engine::physical::{Band, Taken};

/// Kept rows by value.
pub(super) struct Sorted {
    /// The numbers of the rows.
    rows: Vec<u32>,
    /// Their keys, one after the other in that order, and where each ends.
    keys: Vec<u8>,
    ends: Vec<usize>,
}

/// The first of the kept rows in a range, and the one behind its last; none, if they are the same.
pub(super) type Run = (u32, u32);

/// No row.
const NONE: u32 = u32::MAX;

impl Sorted {
    /// Sorts the rows of a store.
    pub(super) fn new<'s>(env: &Env<'s>, band: &Band, store: &RowStore<'s>) -> Result<Sorted, ExecError> {
        let mut batch = Batch::new(env.collections.len(), env.computed.len());
        let mut keys = Vec::new();
        // Of each row with a value its number, and where its key is.
        let mut places: Vec<(u32, usize, usize)> = Vec::new();
        let count = store.len() as u32;
        let mut first = 0;
        while first < count {
            env.check()?;
            let rows: Vec<u32> = (first..count.min(first + GATHERED_MAX as u32)).collect();
            batch.reset(rows.len());
            store.fill(&rows, &mut batch);
            let values = evaluate(env, &band.inner, &batch)?;
            for (at, row) in rows.iter().enumerate().filter(|(at, _)| !values.is_null(*at)) {
                let start = keys.len();
                values.append_key(at, &mut keys);
                places.push((*row, start, keys.len()));
            }
            first += rows.len() as u32;
        }
        places.sort_unstable_by(|a, b| keys[a.1..a.2].cmp(&keys[b.1..b.2]).then(a.0.cmp(&b.0)));
        let mut sorted = Sorted {
            rows: Vec::with_capacity(places.len()),
            keys: Vec::with_capacity(keys.len()),
            ends: Vec::with_capacity(places.len()),
        };
        for (row, start, end) in places {
            sorted.rows.push(row);
            sorted.keys.extend_from_slice(&keys[start..end]);
            sorted.ends.push(sorted.keys.len());
        }
        Ok(sorted)
    }

    /// The rows, in their order.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// About the bytes that this takes in memory.
    pub(super) fn size(&self) -> usize {
        self.rows.capacity() * size_of::<u32>()
            + self.keys.capacity()
            + self.ends.capacity() * size_of::<usize>()
    }

    /// The runs of kept rows that belong to the rows of a batch.
    pub(super) fn runs<'s>(
        &self,
        env: &Env<'s>,
        band: &Band,
        batch: &Batch<'s>,
    ) -> Result<Vec<Run>, ExecError> {
        let bound = |of: &Option<(crate::engine::logical::Expr, bool)>| match of {
            Some((expr, included)) => evaluate(env, expr, batch).map(|values| Some((values, *included))),
            None => Ok(None),
        };
        let (low, high) = (bound(&band.low)?, bound(&band.high)?);
        let mut key = Vec::new();
        let mut place = |of: &Option<(Vector<'s>, bool)>, row: usize, is_low: bool| match of {
            None => Some(if is_low { 0 } else { self.rows.len() }),
            Some((values, _)) if values.is_null(row) => None,
            Some((values, included)) => {
                key.clear();
                values.append_key(row, &mut key);
                // Those equal to a bound are behind it if it is a lower one that is included, or an upper one that is not.
                Some(self.place(&key, *included != is_low))
            }
        };
        let runs = (0..batch.count()).map(|row| match (place(&low, row, true), place(&high, row, false)) {
            (Some(low), Some(high)) if low < high => {
                let (low, high) = match band.taken {
                    Taken::All | Taken::AsTheyCame => (low, high),
                    // Of those that are equal the first stands for all.
                    Taken::Least => (low, low + 1),
                    Taken::Greatest => {
                        let first = low.max(self.place(self.key(high - 1), false));
                        (first, first + 1)
                    }
                };
                (self.rows[low], self.rows.get(high).copied().unwrap_or(NONE))
            }
            _ => (NONE, NONE),
        });
        Ok(runs.collect())
    }

    /// The key of the row at a place in their order.
    fn key(&self, place: usize) -> &[u8] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.keys[start..self.ends[place]]
    }

    /// How many rows come before a key, those with the same key included if `equal`.
    fn place(&self, key: &[u8], equal: bool) -> usize {
        let (mut low, mut high) = (0, self.rows.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let order = self.key(middle).cmp(key);
            if order.is_lt() || (equal && order.is_eq()) { low = middle + 1 } else { high = middle }
        }
        low
    }
}
