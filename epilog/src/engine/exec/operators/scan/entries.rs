//! Scans of an index whose entries are looked into: they are asked predicates before a record is fetched, or are all that is
//! read.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Bound;

use super::{IndexRanks, Left, Ranks, append_pointer, first_field};
use crate::engine::error::ExecError;
use crate::engine::estimate::KeyRange;
use crate::engine::exec::Env;
use crate::engine::exec::batch::{Batch, GATHERED_MAX, Source};
use crate::engine::exec::meter::Footprint;
use crate::engine::exec::operators::entry_values::{Apart, EntryValues, damage};
use crate::engine::exec::operators::{Kept, Operator, Reach};
use crate::engine::exec::predicate::Predicate;
use crate::engine::exec::store::RowStore;
use crate::engine::logical::Slot;
use crate::engine::physical::{self, Access, Entries, IndexOrder, PhysicalNode, Scan};
use crate::engine::planted::{self, Bug};
use crate::parts::Whole;
use crate::storage::facade::Direction;
use crate::value::{Type, key};

/// Reads entries, some at a time, and makes values of them.
pub(super) struct Reader<'s> {
    walk: IndexRanks<'s>,
    alone: bool,
    /// What is read of them.
    values: EntryValues,
    predicates: Vec<Predicate>,
    /// The first fields of the index, of each of whose values one entry is read; none where all are.
    loose: Vec<(Type, bool)>,
    /// The value of these in the entry read last, which is to be passed over; empty before the first of a range.
    passed: Vec<u8>,
    /// How many entries of each value are wanted, and how many of the last one have been read.
    each: usize,
    taken: usize,
    /// Whether entries are read backwards, but those with one key forwards: so are the few of a value, all at once.
    tied: bool,
    of_value: Vec<Apart>,
}

impl<'s> Reader<'s> {
    pub(super) fn new(env: &Env<'s>, walk: IndexRanks<'s>, tied: bool, entries: Entries) -> Reader<'s> {
        let collection = env.collection(walk.slot);
        let index = collection.index(walk.index).expect("a plan names an index of its collection");
        let loose = index.fields[..usize::from(entries.loose)].iter().map(|position| {
            let def = &collection.fields[usize::from(*position)];
            (def.ty, def.optional)
        });
        let loose = loose.collect();
        let values = EntryValues::new(collection, walk.index, &entries.values);
        let predicates = entries.predicates.into_iter();
        let predicates = predicates.map(|expr| Predicate::new(expr, |slot| env.collection(slot))).collect();
        Reader {
            walk,
            alone: entries.alone,
            values,
            predicates,
            loose,
            passed: Vec::new(),
            each: usize::from(entries.each),
            taken: 0,
            tied,
            of_value: Vec::new(),
        }
    }

    /// Whether the entries are all that is read.
    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }

    /// Makes `batch` up to `limit` further entries, those left that the predicates let through. False when there are none.
    fn read(&mut self, env: &Env<'s>, limit: usize, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        self.values.clear();
        let limit = limit.min(GATHERED_MAX);
        while self.values.len() < limit {
            env.check()?;
            let limit = limit - self.values.len();
            if !self.loose.is_empty() {
                let is_read = if self.tied { self.read_tied(env)? } else { self.read_one(env)? };
                if is_read {
                    continue;
                }
                break;
            }
            if let Some((cursor, _)) = &mut self.walk.cursor
                && self.values.read(cursor, limit)? > 0
            {
                continue;
            }
            if !self.walk.next_range(env)? {
                break;
            }
        }
        if self.values.len() == 0 {
            return Ok(false);
        }
        batch.reset(self.values.len());
        self.values.make(batch)?;
        batch.set_source(self.walk.slot, Source::Ranks(self.values.take_ranks()));
        for predicate in &self.predicates {
            if batch.count() > 0 {
                predicate.apply(env, batch)?;
            }
        }
        Ok(true)
    }

    /// Reads the next entry of a value of the first fields of which fewer than are wanted have been read; false behind the last. The way
    /// to another value is taken no sooner than it is asked for: in a pause what is left is known by the entry read last.
    fn read_one(&mut self, env: &Env<'s>) -> Result<bool, ExecError> {
        let Reader { walk, loose, passed, each, taken, values, .. } = self;
        loop {
            if let Some((cursor, _)) = &mut walk.cursor
                && let Some(entry) = values.read_one(cursor)?
            {
                // Where each value has one entry, the next one is beside it.
                if !passed.is_empty() && entry.starts_with(passed) {
                    let wanted = if planted::is(Bug::OnlyOneOfEach) { 1 } else { *each };
                    if *taken < wanted {
                        *taken += 1;
                        return Ok(true);
                    }
                    values.forget_last();
                    walk.pass_over(env, passed)?;
                    passed.clear();
                    continue;
                }
                passed.clear();
                passed.extend_from_slice(value_of(loose, entry)?);
                if planted::is(Bug::JumpTooFar) {
                    passed.pop();
                }
                *taken = 1;
                return Ok(true);
            }
            passed.clear();
            if !walk.next_range(env)? {
                return Ok(false);
            }
        }
    }

    /// Reads the last few entries of the next value, those with one key forwards; false behind the last value.
    fn read_tied(&mut self, env: &Env<'s>) -> Result<bool, ExecError> {
        let Reader { walk, loose, passed, each, values, of_value, .. } = self;
        if !passed.is_empty() {
            walk.pass_over(env, passed)?;
            passed.clear();
        }
        of_value.clear();
        loop {
            if let Some((cursor, _)) = &mut walk.cursor
                && values.read_apart(cursor, 1, of_value)? > 0
            {
                break;
            }
            if !walk.next_range(env)? {
                return Ok(false);
            }
        }
        passed.extend_from_slice(value_of(loose, &of_value[0].key)?);
        let Some((cursor, _)) = &mut walk.cursor else { return Ok(false) };
        // One more tells whether those with the last key are all there.
        while of_value.len() <= *each && values.read_apart(cursor, 1, of_value)? > 0 {
            if !of_value[of_value.len() - 1].key.starts_with(passed) {
                of_value.pop();
                break;
            }
        }
        let more = if of_value.len() > *each { of_value.pop() } else { None };
        let cut = more.filter(|more| of_value[of_value.len() - 1].key == more.key);
        if let Some(Apart { key, .. }) = cut {
            of_value.retain(|entry| entry.key != key);
            let range = KeyRange::starting_with(key);
            let (low, high) = range.bounds();
            let collection = env.collection(walk.slot);
            let mut forwards = env.view.entries(collection, walk.index, low, high, Direction::Forward)?;
            let before = of_value.len();
            values.read_apart(&mut forwards, *each - before, of_value)?;
            of_value[before..].reverse();
        }
        let is_same = |a: &Apart, b: &Apart| a.key == b.key && !planted::is(Bug::EqualOfEachBackwards);
        for equal in of_value.chunk_by(is_same) {
            equal.iter().rev().for_each(|entry| values.push(entry));
        }
        Ok(true)
    }

    /// Makes `access` what is left: behind a value of which all that is wanted was read at once, nothing more of it.
    fn leave(&mut self, access: &mut Access, left: Left) -> Result<Left, ExecError> {
        if self.tied
            && !self.passed.is_empty()
            && let Some((_, mut range)) = self.walk.cursor.take()
        {
            range.high = Bound::Excluded(core::mem::take(&mut self.passed));
            self.walk.ranges.push(range);
        }
        self.walk.leave(access, left)
    }
}

/// The encoded values of the first fields in an entry.
fn value_of<'e>(fields: &[(Type, bool)], entry: &'e [u8]) -> Result<&'e [u8], ExecError> {
    let mut rest = entry;
    for (ty, optional) in fields {
        rest = key::split_first(*ty, *optional, rest).ok_or_else(damage)?.1;
    }
    Ok(&entry[..entry.len() - rest.len()])
}

/// The ranks of the entries that the predicates let through.
pub(super) struct Passing<'s> {
    reader: Reader<'s>,
    batch: Batch<'s>,
    /// In a chain, where no more is read when the operation keeps too much in memory.
    pauses: bool,
    paused: bool,
}

impl<'s> Passing<'s> {
    pub(super) fn new(env: &Env<'s>, reader: Reader<'s>) -> Passing<'s> {
        let batch = Batch::new(env.collections.len(), env.computed.len());
        Passing { reader, batch, pauses: false, paused: false }
    }
}

impl<'s> Ranks<'s> for Passing<'s> {
    fn more(&mut self, env: &Env<'s>, limit: usize, out: &mut Vec<u128>) -> Result<usize, ExecError> {
        let start = out.len();
        // The more do not pass, the more are read at once.
        let mut wanted = limit.min(GATHERED_MAX);
        self.paused = false;
        while out.len() - start < limit {
            // What is read is given, be it more than was asked for: a pause goes on behind the entry read last.
            if !self.reader.read(env, wanted, &mut self.batch)? {
                break;
            }
            let slot = self.reader.walk.slot;
            self.batch.selected().for_each(|row| out.extend(self.batch.rank(slot, row)));
            wanted = wanted.saturating_mul(4).min(GATHERED_MAX);
            if self.pauses && env.view.is_crowded() {
                self.paused = true;
                break;
            }
        }
        Ok(out.len() - start)
    }

    fn resume(&mut self, _: Left) {
        self.pauses = true;
    }

    fn is_paused(&self) -> bool {
        self.paused
    }

    fn can_leave(&self) -> bool {
        true
    }

    fn leave(&mut self, access: &mut Access, left: Left) -> Result<Left, ExecError> {
        self.reader.leave(access, left)
    }
}

/// The operator that gives the rows of a reader whose entries are all that is read.
pub(super) fn build<'s>(reader: Reader<'s>, order: IndexOrder) -> Box<dyn Operator<'s> + 's> {
    let backward = match order {
        IndexOrder::Key => false,
        IndexOrder::KeyBackward => true,
        _ => {
            return Box::new(EntryScan {
                reader,
                wanted: GATHERED_MAX,
                rows_max: GATHERED_MAX,
                pauses: None,
                paused: false,
            });
        }
    };
    Box::new(SortedEntries { reader, backward, wanted: GATHERED_MAX, rows: None })
}

/// The operator that gives the entries that point at the records of a source, in the slot `from`, where they are all that is read.
pub(super) fn pointing<'s>(
    env: &Env<'s>,
    reader: Reader<'s>,
    source: Box<dyn Operator<'s> + 's>,
    from: Slot,
) -> Box<dyn Operator<'s> + 's> {
    let batch = Batch::new(env.collections.len(), env.computed.len());
    Box::new(PointingEntries { source, from, batch, reader, wanted: GATHERED_MAX })
}

/// The entries that point at a source's records.
struct PointingEntries<'s> {
    source: Box<dyn Operator<'s> + 's>,
    from: Slot,
    batch: Batch<'s>,
    reader: Reader<'s>,
    wanted: usize,
}

impl<'s> Operator<'s> for PointingEntries<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        loop {
            if self.reader.read(env, self.wanted, batch)? {
                self.wanted = self.wanted.saturating_mul(4).min(GATHERED_MAX);
                return Ok(true);
            }
            env.check()?;
            if !self.source.next(env, &mut self.batch)? {
                return Ok(false);
            }
            self.batch.raise(usize::MAX)?;
            let walk = &mut self.reader.walk;
            let field = first_field(env.collection(walk.slot), walk.index);
            self.batch.selected().for_each(|row| {
                let Some(rank) = self.batch.rank(self.from, row) else { return };
                let mut prefix = Vec::new();
                append_pointer(field, rank, &mut prefix);
                walk.ranges.push(KeyRange::starting_with(prefix));
            });
            // The next one is the last.
            walk.ranges.reverse();
        }
    }

    fn expect(&mut self, rows: usize) {
        self.wanted = rows.clamp(1, GATHERED_MAX);
    }
}

/// Entries in their order.
struct EntryScan<'s> {
    reader: Reader<'s>,
    wanted: usize,
    /// No batch has more rows.
    rows_max: usize,
    /// At the bottom of a chain: how many entries there may be before a pause, and whether one was read.
    pauses: Option<(usize, bool, Whole)>,
    paused: bool,
}

impl<'s> Operator<'s> for EntryScan<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let mut limit = self.wanted;
        if let Some((left, any, _)) = self.pauses {
            if any && (left == 0 || env.view.is_crowded()) {
                self.paused = true;
                return Ok(false);
            }
            limit = limit.min(left.max(1));
        }
        if !self.reader.read(env, limit, batch)? {
            return Ok(false);
        }
        self.wanted = self.wanted.saturating_mul(4).min(self.rows_max);
        if let Some((left, any, _)) = &mut self.pauses {
            (*left, *any) = (left.saturating_sub(limit), true);
        }
        Ok(true)
    }

    fn expect(&mut self, rows: usize) {
        self.wanted = rows.clamp(1, self.rows_max);
    }

    fn resume(&mut self, reach: Reach, kept: &mut Vec<Kept>) {
        let Some(whole) = Whole::build() else { return };
        self.rows_max = reach.rows.clamp(1, GATHERED_MAX);
        self.wanted = self.wanted.min(self.rows_max);
        self.pauses = Some((reach.rows_in_all(), false, whole));
        kept.pop();
    }

    fn is_paused(&self) -> bool {
        self.paused
    }

    fn remaining(&mut self, node: &mut PhysicalNode, kept: &mut Vec<Kept>) -> Result<bool, ExecError> {
        let physical::Operator::Scan(Scan { access, .. }) = &mut node.operator else { return Ok(false) };
        let Some(whole) = Whole::build().filter(|_| self.paused) else { return Ok(false) };
        let left = Left { ranks: Vec::new(), gathered: None, tied: None, whole };
        kept.push(Kept::Ranks(self.reader.leave(access, left)?));
        Ok(true)
    }
}

/// Entries in the order of their records' keys: all of them are kept until the first is given.
struct SortedEntries<'s> {
    reader: Reader<'s>,
    backward: bool,
    wanted: usize,
    /// The rows, and in which order they are given, the next one last.
    rows: Option<(RowStore<'s>, Vec<u32>)>,
}

impl<'s> SortedEntries<'s> {
    fn gather(
        &mut self,
        env: &Env<'s>,
        batch: &mut Batch<'s>,
    ) -> Result<(RowStore<'s>, Vec<u32>), ExecError> {
        let mut rows = RowStore::default();
        while self.reader.read(env, GATHERED_MAX, batch)? {
            if batch.count() > 0 {
                rows.push(batch);
            }
        }
        let slot = self.reader.walk.slot;
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        order.sort_unstable_by_key(|row| rows.rank(slot, *row));
        if !self.backward {
            order.reverse();
        }
        Ok((rows, order))
    }
}

impl<'s> Operator<'s> for SortedEntries<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        env.check()?;
        if self.rows.is_none() {
            self.rows = Some(self.gather(env, batch)?);
        }
        let Some((rows, order)) = &mut self.rows else { return Ok(false) };
        let count = order.len().min(self.wanted);
        if count == 0 {
            return Ok(false);
        }
        let mut next = order.split_off(order.len() - count);
        next.reverse();
        batch.reset(count);
        rows.fill(&next, batch);
        self.wanted = self.wanted.saturating_mul(4).min(GATHERED_MAX);
        Ok(true)
    }

    fn expect(&mut self, rows: usize) {
        self.wanted = rows.clamp(1, GATHERED_MAX);
    }

    fn footprint(&self) -> Footprint {
        Footprint::in_memory(self.rows.as_ref().map_or(0, |(rows, _)| rows.size()))
    }
}
