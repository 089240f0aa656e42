//! Rows that come in the order of the first terms of a sort: those that compare equal by these are sorted by the others, and given
//! before more are read.
//!
//! ```text
//! come by a      kept                  given
//! a = 1          | a = 1               | a = 1, by b
//! a = 1          |                     |
//! a = 2          | a = 2  <- begins    stays, until the next begins
//! ```
//!
//! Of what was read all is given but the rows that compare equal to the last one: they go to a store of their own. A few batches are
//! kept at least, so that sorting is worth its calls. Where what is kept takes more than it may, it becomes rows like any other, and
//! so do those that follow: they come behind all that was given.

use alloc::vec::Vec;
use core::ops::Range;

use super::{Keys, Near, append_terms, key_of};
use crate::engine::exec::Vector;
use crate::engine::exec::batch::Batch;
use crate::engine::logical::{SortTerm, Window};
use crate::engine::planted::{self, Bug};

/// So many rows are given at once, at least.
const ROWS_MIN: usize = if cfg!(test) { 1 } else { 512 };

/// Where the rows begin that compare equal to the last one.
pub(super) struct Runs {
    /// By so many of the first terms.
    given: usize,
    /// The bytes of these in the key of the last row.
    last: Range<usize>,
    begins: usize,
}

impl Runs {
    pub(super) fn of(given: usize) -> Runs {
        Runs { given, last: 0..0, begins: 0 }
    }

    /// Appends to `keys` what a row is ordered by, whose number is `count`.
    pub(super) fn append(
        &mut self,
        (terms, vectors): (&[SortTerm], &[Vector<'_>]),
        row: usize,
        count: usize,
        keys: &mut Vec<u8>,
    ) {
        let start = keys.len();
        append_terms(&terms[..self.given], &vectors[..self.given], row, keys);
        let first = start..keys.len();
        if keys[first.clone()] != keys[self.last.clone()] {
            self.begins = count;
        }
        self.last = first;
        append_terms(&terms[self.given..], &vectors[self.given..], row, keys);
    }

    /// How many of the rows that are kept no later row comes before, if they are enough.
    pub(super) fn complete(&self) -> Option<usize> {
        (self.begins >= ROWS_MIN).then_some(self.begins)
    }

    /// Takes the rows out of `near` that compare equal to the last one; `batch` is overwritten.
    pub(super) fn split<'s>(&mut self, near: &mut Near<'s>, batch: &mut Batch<'s>) -> Near<'s> {
        let mut rest = Near::new(Window::behind(0));
        rest.shape.clone_from(&near.shape);
        let rows: Vec<u32> = (self.begins as u32..near.store.len() as u32).collect();
        let (Keys::All(from, ends, _), Keys::All(keys, rest_ends, _)) = (&near.keys, &mut rest.keys) else {
            unreachable!("all are sorted")
        };
        for row in &rows {
            keys.extend_from_slice(key_of(from, ends, *row));
            rest_ends.push(keys.len());
        }
        let before = from.len() - keys.len();
        self.last = self.last.start - before..self.last.end - before;
        self.begins = 0;
        batch.reset(rows.len());
        near.store.fill(&rows, batch);
        rest.store.push(batch);
        rest
    }
}

/// The order of the first `count` rows.
pub(super) fn order_of(near: &Near<'_>, count: usize) -> Vec<u32> {
    if planted::is(Bug::EqualOnesUnsorted) {
        return (0..count as u32).collect();
    }
    super::order_of(&near.keys, count)
}
