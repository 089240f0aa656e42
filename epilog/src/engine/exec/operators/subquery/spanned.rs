//! Subqueries whose inner records lie in a range of an index, or of keys, for each row.
//!
//! Rows with the same range are answered together. Where pairs are only counted no record is fetched, and where one is enough one
//! entry is read.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::super::span::{Spans, Walk, end_of, entries_within};
use super::{Alike, Answers, Askers, ENTRIES_AT_ONCE, Pairs, Probe, Waiting};
use crate::engine::error::ExecError;
use crate::engine::estimate::KeyRange;
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
use crate::engine::exec::budget::Charge;
use crate::engine::exec::table::KeyTable;
use crate::engine::exec::tally::NO_GROUP;
use crate::engine::physical::{Taken, max_rank};
use crate::engine::planted::{self, Bug};
use crate::schema::IndexId;
use crate::storage::facade::EntryCursor;

/// Rows by what belongs to them.
struct Shared<R> {
    keys: KeyTable,
    ranges: Vec<R>,
    /// Of each range the bytes in front of the values that it is of.
    before: Vec<usize>,
    /// The number of each row's range, or [`NO_GROUP`]; rows behind the last that has one are left out.
    numbers: Vec<u32>,
}

impl<R> Shared<R> {
    fn new() -> Shared<R> {
        Shared { keys: KeyTable::default(), ranges: Vec::new(), before: Vec::new(), numbers: Vec::new() }
    }

    /// Notes that a row has a range, which `key` tells from others.
    fn add(&mut self, row: usize, key: &[u8], (range, before): (R, usize)) {
        let number = self.keys.intern(key);
        if number == self.ranges.len() {
            self.ranges.push(range);
            self.before.push(before);
        }
        self.numbers.resize(row, NO_GROUP);
        self.numbers.push(number as u32);
    }

    /// The rows of each range.
    fn rows(&self) -> Alike {
        Alike::new(&self.numbers, self.ranges.len())
    }

    /// The numbers of the ranges, those that begin first first: what neighbours lead to lies on one page.
    fn in_order(&self, compare: impl Fn(&R, &R) -> Ordering) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.ranges.len()).collect();
        order.sort_by(|a, b| compare(&self.ranges[*a], &self.ranges[*b]));
        order
    }
}

impl<'s> Probe<'_, 's> {
    /// As [`run`](Probe::run), with a range for each row.
    pub(super) fn run_spans(
        &self,
        spans: &Spans<'s>,
        batch: &Batch<'s>,
        pairs: &mut Pairs<'s>,
        answers: &mut Answers<'_>,
    ) -> Result<(), ExecError> {
        match self.index {
            Some(index) => self.run_index(index, spans, batch, pairs, answers)?,
            None => self.run_keys(spans, batch, pairs, answers)?,
        }
        pairs.flush(self.env, batch, None, answers)
    }

    fn run_index(
        &self,
        index: IndexId,
        spans: &Spans<'s>,
        batch: &Batch<'s>,
        pairs: &mut Pairs<'s>,
        answers: &mut Answers<'_>,
    ) -> Result<(), ExecError> {
        let Probe { env, .. } = *self;
        let mut shared: Shared<KeyRange> = Shared::new();
        let (mut prefix, mut key) = (Vec::new(), Vec::new());
        for row in 0..batch.count() {
            prefix.clear();
            if answers.is_faulty(row) || !self.append_key(row, &mut prefix) {
                continue;
            }
            if let Some(range) = spans.range(&prefix, row) {
                key.clear();
                range.append_to(&mut key);
                shared.add(row, &key, (range, prefix.len()));
            }
        }
        let collection = env.collection(self.slot);
        let (Shared { ranges, before, .. }, rows) = (&shared, shared.rows());
        let mut askers = Askers { rows: &rows, batch, pairs, answers };
        let (mut waiting, mut last) = (Waiting::default(), None);
        for number in shared.in_order(|a, b| a.low_key().cmp(b.low_key())) {
            env.check()?;
            let range = &ranges[number];
            match spans.taken() {
                Taken::Least | Taken::Greatest => {
                    let end = end_of(env, (collection, index), range, spans, before[number])?;
                    waiting.ranks.extend(end);
                    waiting.numbers.extend(end.map(|_| number));
                }
                Taken::All => {
                    let cursor = entries_within(env, collection, index, range, &mut last)?;
                    self.entries(cursor, number, &mut waiting, &mut askers)?;
                }
                Taken::AsTheyCame => {
                    let cursor = entries_within(env, collection, index, range, &mut last)?;
                    self.entries_in_key_order(cursor, number, &mut askers)?;
                }
            }
        }
        if askers.pairs.entries.is_some() {
            return self.pair_entries(&mut waiting, &mut askers);
        }
        self.pair(&waiting.ranks, &waiting.numbers, &mut askers)
    }

    /// As [`entries`](Probe::entries), of all that are in a range, in the order of their records' keys.
    fn entries_in_key_order(
        &self,
        cursor: &mut EntryCursor<'s>,
        number: usize,
        askers: &mut Askers<'_, '_, 's>,
    ) -> Result<(), ExecError> {
        let Probe { env, .. } = *self;
        let (mut ranks, mut charge) = (Vec::new(), Charge::default());
        loop {
            env.check()?;
            let found = cursor.next_ranks(ENTRIES_AT_ONCE, &mut ranks)?;
            let bytes = ranks.capacity() * size_of::<u128>();
            let why = "a range is put in order as a whole";
            env.budget.keep_some(&mut charge, bytes, "subquery", why)?;
            if found < ENTRIES_AT_ONCE {
                break;
            }
        }
        if !planted::is(Bug::RangeLosesOrder) {
            ranks.sort_unstable();
        }
        let numbers = [number; GATHERED_MAX];
        for ranks in ranks.chunks(GATHERED_MAX) {
            self.pair(ranks, &numbers, askers)?;
        }
        env.budget.forget(charge.bytes());
        Ok(())
    }

    fn run_keys(
        &self,
        spans: &Spans<'s>,
        batch: &Batch<'s>,
        pairs: &mut Pairs<'s>,
        answers: &mut Answers<'_>,
    ) -> Result<(), ExecError> {
        let Probe { env, .. } = *self;
        let collection = env.collection(self.slot);
        let mut shared: Shared<(u128, u128)> = Shared::new();
        for row in (0..batch.count()).filter(|row| !answers.is_faulty(*row)) {
            if let Some((low, high)) = spans.ranks(max_rank(collection), row) {
                let key = [low.to_be_bytes(), high.to_be_bytes()].concat();
                shared.add(row, &key, ((low, high), 0));
            }
        }
        let counts_only = !pairs.is_needed() && answers.tally.is_none();
        let alike = shared.rows();
        for number in shared.in_order(|(a, _), (b, _)| a.cmp(b)) {
            env.check()?;
            let (range, rows) = (shared.ranges[number], alike.of(number));
            if let taken @ (Taken::Least | Taken::Greatest) = spans.taken() {
                if let Some(record) = Walk::end(env, collection, range, taken)? {
                    rows.iter().for_each(|row| pairs.push_record(usize::from(*row), record));
                    if pairs.is_full() {
                        pairs.flush(env, batch, None, answers)?;
                    }
                }
                continue;
            }
            let mut walk = Walk::new(env, collection, range)?;
            while rows.iter().any(|row| !answers.settled(usize::from(*row))) {
                env.check()?;
                let Some((leaf, next)) = walk.leaf()? else { break };
                if counts_only {
                    rows.iter().for_each(|row| answers.counts[usize::from(*row)] += leaf.len() as u64);
                    *next = leaf.len();
                    continue;
                }
                let record = leaf.record(*next);
                *next += 1;
                for row in rows.iter().map(|row| usize::from(*row)) {
                    if !answers.settled(row) {
                        pairs.push_record(row, record);
                    }
                    if pairs.is_full() {
                        pairs.flush(env, batch, None, answers)?;
                    }
                }
            }
        }
        Ok(())
    }
}
