//! Scans of an index whose entries are looked into: they are asked predicates before a record is fetched, or are all that is
//! read.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{IndexRanks, Left, Ranks};
use crate::engine::error::ExecError;
use crate::engine::exec::batch::{Batch, GATHERED_MAX, Source};
use crate::engine::exec::meter::Footprint;
use crate::engine::exec::operators::{Kept, Operator, Reach};
use crate::engine::exec::predicate::Predicate;
use crate::engine::exec::store::RowStore;
use crate::engine::exec::vector::Cells;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::Computed;
use crate::engine::physical::{self, Access, Entries, IndexOrder, PhysicalNode, Scan};
use crate::parts::Whole;
use crate::storage::StorageError;
use crate::value::{Type, key};

/// Reads entries, some at a time, and makes values of them.
pub(super) struct Reader<'s> {
    walk: IndexRanks<'s>,
    alone: bool,
    /// The first fields of the index, up to the last that a value is made of.
    fields: Vec<Field>,
    predicates: Vec<Predicate>,
    keys: Vec<u8>,
    ends: Vec<u32>,
    ranks: Vec<u128>,
}

/// A field of the entries.
struct Field {
    ty: Type,
    optional: bool,
    value: Option<Computed>,
}

impl<'s> Reader<'s> {
    pub(super) fn new(env: &Env<'s>, walk: IndexRanks<'s>, entries: Entries) -> Reader<'s> {
        let collection = env.collection(walk.slot);
        let index = collection.index(walk.index).expect("a plan names an index of its collection");
        let fields = index.fields.iter().map(|position| {
            let def = &collection.fields[usize::from(*position)];
            let value = entries.values.iter().find(|(of, _)| of == position).map(|(_, value)| *value);
            Field { ty: def.ty, optional: def.optional, value }
        });
        let mut fields: Vec<Field> = fields.collect();
        let needed = fields.iter().rposition(|field| field.value.is_some()).map_or(0, |last| last + 1);
        fields.truncate(needed);
        let predicates = entries.predicates.into_iter();
        let predicates = predicates.map(|expr| Predicate::new(expr, |slot| env.collection(slot))).collect();
        let (keys, ends, ranks) = (Vec::new(), Vec::new(), Vec::new());
        Reader { walk, alone: entries.alone, fields, predicates, keys, ends, ranks }
    }

    /// Whether the entries are all that is read.
    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }

    /// Makes `batch` up to `limit` further entries, those left that the predicates let through. False when there are none.
    fn read(&mut self, env: &Env<'s>, limit: usize, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        self.keys.clear();
        self.ends.clear();
        self.ranks.clear();
        let limit = limit.min(GATHERED_MAX);
        loop {
            env.check()?;
            if let Some((cursor, _)) = &mut self.walk.cursor {
                let read = match self.fields.is_empty() {
                    true => cursor.next_ranks(limit, &mut self.ranks)?,
                    false => cursor.next_entries(limit, &mut self.keys, &mut self.ends, &mut self.ranks)?,
                };
                if read > 0 {
                    break;
                }
            }
            if !self.walk.next_range(env)? {
                return Ok(false);
            }
        }
        batch.reset(self.ranks.len());
        self.make_values(batch)?;
        batch.set_source(self.walk.slot, Source::Ranks(core::mem::take(&mut self.ranks)));
        for predicate in &self.predicates {
            if batch.count() > 0 {
                predicate.apply(env, batch)?;
            }
        }
        Ok(true)
    }

    /// Puts the values of the entries into `batch`.
    fn make_values(&self, batch: &mut Batch<'s>) -> Result<(), StorageError> {
        let mut columns: Vec<Column> =
            self.fields.iter().map(|field| Column::new(field, self.ends.len())).collect();
        let mut start = 0;
        for end in &self.ends {
            let mut key = &self.keys[start..*end as usize];
            start = *end as usize;
            for (field, column) in self.fields.iter().zip(&mut columns) {
                let (value, rest) = key::split_first(field.ty, field.optional, key).ok_or_else(damage)?;
                key = rest;
                if field.value.is_some() {
                    column.push(field.ty, value);
                }
            }
        }
        for (field, column) in self.fields.iter().zip(columns) {
            if let Some(value) = field.value {
                batch.set_computed(value, column.finish(field.ty, self.ends.len()));
            }
        }
        Ok(())
    }
}

#[cold]
fn damage() -> StorageError {
    StorageError::damage("index", "an entry is not made of the fields of its index")
}

/// The values of a field, one after the other.
struct Column {
    bytes: Vec<u8>,
    /// Where each ends, of a type without a width.
    ends: Option<Vec<u32>>,
    nulls: Option<Vec<bool>>,
}

impl Column {
    fn new(field: &Field, len: usize) -> Column {
        let room = if field.value.is_some() { len } else { 0 };
        Column {
            bytes: Vec::with_capacity(room * field.ty.width().unwrap_or(0)),
            ends: field.ty.width().is_none().then(|| Vec::with_capacity(room)),
            nulls: field.optional.then(|| Vec::with_capacity(room)),
        }
    }

    fn push(&mut self, ty: Type, value: Option<&[u8]>) {
        if let Some(nulls) = &mut self.nulls {
            nulls.push(value.is_none());
        }
        match value {
            Some(value) => key::append_cell(&mut self.bytes, ty, value),
            None => self.bytes.resize(self.bytes.len() + ty.width().unwrap_or(0), 0),
        }
        if let Some(ends) = &mut self.ends {
            ends.push(self.bytes.len() as u32);
        }
    }

    fn finish<'s>(self, ty: Type, len: usize) -> Vector<'s> {
        let Column { bytes, ends, nulls } = self;
        let cells = match ends {
            Some(ends) => Cells::Owned { bytes, ends },
            None => Cells::Fixed(bytes),
        };
        Vector::new(ty, len, cells, nulls)
    }
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
        self.reader.walk.leave(access, left)
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
        kept.push(Kept::Ranks(self.reader.walk.leave(access, left)?));
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
