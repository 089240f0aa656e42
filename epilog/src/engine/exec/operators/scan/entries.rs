//! Scans of an index whose entries are looked into: they are asked predicates before a record is fetched, or are all that is
//! read.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{IndexRanks, Left, Ranks, append_pointer, first_field};
use crate::engine::error::ExecError;
use crate::engine::estimate::KeyRange;
use crate::engine::exec::batch::{Batch, GATHERED_MAX, Source};
use crate::engine::exec::meter::Footprint;
use crate::engine::exec::operators::{Kept, Operator, Reach};
use crate::engine::exec::predicate::Predicate;
use crate::engine::exec::store::RowStore;
use crate::engine::exec::vector::Cells;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{Computed, Slot};
use crate::engine::physical::{self, Access, Entries, IndexOrder, PhysicalNode, Scan};
#[cfg(not(feature = "small"))]
use crate::engine::planted::{self, Bug};
use crate::parts::Whole;
use crate::storage::StorageError;
#[cfg(not(feature = "small"))]
use crate::storage::records::keys;
use crate::value::{Type, key};

/// Reads entries, some at a time, and makes values of them.
pub(super) struct Reader<'s> {
    walk: IndexRanks<'s>,
    alone: bool,
    /// The first fields of the index, up to the last that a value is made of.
    fields: Vec<Field>,
    /// The first fields that the index includes, up to the last that a value is made of.
    #[cfg(not(feature = "small"))]
    included: Vec<Field>,
    predicates: Vec<Predicate>,
    keys: Vec<u8>,
    ends: Vec<u32>,
    /// What is included, where it is read.
    #[cfg(not(feature = "small"))]
    beside: (Vec<u8>, Vec<u32>),
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
        let up_to_the_last = |positions: &[u16], has: &dyn Fn(&u16, Type) -> bool| {
            let fields = positions.iter().map(|position| {
                let def = &collection.fields[usize::from(*position)];
                let mut values = entries.values.iter();
                let value = values.find(|(of, _)| of == position && has(position, def.ty));
                Field { ty: def.ty, optional: def.optional, value: value.map(|(_, value)| *value) }
            });
            let mut fields: Vec<Field> = fields.collect();
            let needed = fields.iter().rposition(|field| field.value.is_some()).map_or(0, |last| last + 1);
            fields.truncate(needed);
            fields
        };
        let fields = up_to_the_last(&index.fields, &|_, ty| key::is_exact(ty));
        #[cfg(not(feature = "small"))]
        let included = up_to_the_last(&index.included, &|position, ty| {
            // What the key tells is not made twice.
            !(key::is_exact(ty) && index.fields.contains(position))
        });
        let predicates = entries.predicates.into_iter();
        let predicates = predicates.map(|expr| Predicate::new(expr, |slot| env.collection(slot))).collect();
        Reader {
            walk,
            alone: entries.alone,
            fields,
            #[cfg(not(feature = "small"))]
            included,
            predicates,
            keys: Vec::new(),
            ends: Vec::new(),
            #[cfg(not(feature = "small"))]
            beside: (Vec::new(), Vec::new()),
            ranks: Vec::new(),
        }
    }

    /// Whether the entries are all that is read.
    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }

    /// Makes `batch` up to `limit` further entries, those left that the predicates let through. False when there are none.
    fn read(&mut self, env: &Env<'s>, limit: usize, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        self.keys.clear();
        self.ends.clear();
        #[cfg(not(feature = "small"))]
        {
            self.beside.0.clear();
            self.beside.1.clear();
        }
        self.ranks.clear();
        let limit = limit.min(GATHERED_MAX);
        while self.ranks.len() < limit {
            env.check()?;
            let limit = limit - self.ranks.len();
            if let Some((cursor, _)) = &mut self.walk.cursor {
                #[cfg(not(feature = "small"))]
                if !self.included.is_empty() {
                    let Reader { keys, ends, beside: (included, included_ends), ranks, .. } = self;
                    let read = cursor.each_including(limit, &mut |key, rank, rest| {
                        keys.extend_from_slice(key);
                        ends.push(keys.len() as u32);
                        included.extend_from_slice(rest);
                        included_ends.push(included.len() as u32);
                        ranks.push(rank);
                        Ok(())
                    })?;
                    if read > 0 || self.walk.next_range(env)? {
                        continue;
                    }
                    break;
                }
                let read = match self.fields.is_empty() {
                    true => cursor.next_ranks(limit, &mut self.ranks)?,
                    false => cursor.next_entries(limit, &mut self.keys, &mut self.ends, &mut self.ranks)?,
                };
                if read > 0 {
                    continue;
                }
            }
            if !self.walk.next_range(env)? {
                break;
            }
        }
        if self.ranks.is_empty() {
            return Ok(false);
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
        make_values(&self.fields, (&self.keys, &self.ends), key::split_first, key::append_cell, batch)?;
        #[cfg(not(feature = "small"))]
        {
            let (included, ends) = &self.beside;
            let append = |bytes: &mut Vec<u8>, _, cell: &[u8]| bytes.extend_from_slice(cell);
            make_values(&self.included, (included, ends), split_included, append, batch)?;
        }
        Ok(())
    }
}

#[cfg(not(feature = "small"))]
fn split_included(ty: Type, optional: bool, included: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let split = keys::split_included(ty, optional, included);
    match split {
        Some((None, rest)) if planted::is(Bug::AbsentIncludedIsLeast) => {
            static LEAST: [u8; 16] = [0; 16];
            Some((Some(&LEAST[..ty.width().unwrap_or(0)]), rest))
        }
        _ => split,
    }
}

/// Puts the values of fields into `batch`, which `split` finds one after the other in the bytes up to each end.
#[inline]
fn make_values(
    fields: &[Field],
    (bytes, ends): (&[u8], &[u32]),
    split: impl Fn(Type, bool, &[u8]) -> Option<(Option<&[u8]>, &[u8])>,
    append: impl Fn(&mut Vec<u8>, Type, &[u8]),
    batch: &mut Batch<'_>,
) -> Result<(), StorageError> {
    let mut columns: Vec<Column> = fields.iter().map(|field| Column::new(field, ends.len())).collect();
    let mut start = 0;
    for end in ends {
        let mut own = &bytes[start..*end as usize];
        start = *end as usize;
        for (field, column) in fields.iter().zip(&mut columns) {
            let (value, rest) = split(field.ty, field.optional, own).ok_or_else(damage)?;
            own = rest;
            if field.value.is_some() {
                column.push(field.ty, value, &append);
            }
        }
    }
    for (field, column) in fields.iter().zip(columns) {
        if let Some(value) = field.value {
            batch.set_computed(value, column.finish(field.ty, ends.len()));
        }
    }
    Ok(())
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

    #[inline]
    fn push(&mut self, ty: Type, value: Option<&[u8]>, append: &impl Fn(&mut Vec<u8>, Type, &[u8])) {
        if let Some(nulls) = &mut self.nulls {
            nulls.push(value.is_none());
        }
        match value {
            Some(value) => append(&mut self.bytes, ty, value),
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
