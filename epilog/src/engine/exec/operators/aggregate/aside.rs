//! [`Aside`]: the rows of groups that memory has no room for.
//!
//! From when the groups take too much, those there are stay, and go on being added up; rows of others are put aside by a hash
//! of their keys, with the values of the keys and of all that aggregates are made of. When the groups in memory have been
//! given, a partition at a time comes back, and is grouped like any input, with partitions of its own when it is too much
//! again. The rows of a group are added up in the order in which they came, whether they were put aside or not: not a bit of
//! an answer depends on it.
//!
//! Where groups have to come in the order of their first rows, rows that are put aside are numbered. The groups in memory are those that
//! came first; those of all partitions are sorted, put aside as any sort's rows are, by the least of their numbers.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::super::sort::{Giver, Packer};
use super::{Finder, Groups, Keyed, faultless, pack};
use crate::engine::error::ExecError;
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::partitions::{Partitions, Replayed, Returning};
use crate::engine::exec::table::lot;
use crate::engine::exec::tally::NO_GROUP;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{AggregateTerm, Computed, Expr, KeyTerm, Window};
use crate::value::Type;

/// So many times partitions are partitioned again: what has one hash after the other is not told apart by another.
const LEVELS_MAX: u32 = 12;

/// Rows that are put aside, and come back.
pub(super) struct Aside {
    rows: Stage,
    /// What each row has: the keys, then what aggregates are made of.
    columns: Vec<Expr>,
    /// The same groups, made of these columns.
    keys: Vec<KeyTerm>,
    items: Vec<AggregateTerm>,
    level: u32,
    /// Whether groups have to come in the order of their first rows, and how many rows have been numbered for that.
    in_order: bool,
    numbered: u64,
    /// The groups of all partitions in that order.
    sorted: Option<Giver>,
    /// The groups of the partition that is being given.
    groups: Option<Box<Groups>>,
    /// The bytes that those before put aside again.
    spilled: u64,
}

enum Stage {
    Taking(Partitions),
    Returning(Returning),
    /// While it goes from one to the other.
    Neither,
}

impl Aside {
    /// Gets room for the rows of groups. `None` when there is none.
    pub(super) fn new(
        env: &Env<'_>,
        keys: &[KeyTerm],
        items: &[AggregateTerm],
        level: u32,
        in_order: bool,
    ) -> Result<Option<Box<Aside>>, ExecError> {
        if level >= LEVELS_MAX {
            return Ok(None);
        }
        let mut columns = Vec::new();
        let mut keys = keys.to_vec();
        for key in &mut keys {
            let column = Expr::computed(Computed(columns.len() as u16), key.expr.ty, key.expr.nullable);
            columns.push(core::mem::replace(&mut key.expr, column));
        }
        let mut items = items.to_vec();
        for of in items.iter_mut().flat_map(|item| item.argument.iter_mut().chain(&mut item.filter)) {
            if of.is_literal() {
                continue;
            }
            let known = columns.iter().position(|column| column == of);
            let number = known.unwrap_or(columns.len());
            let column = Expr::computed(Computed(number as u16), of.ty, of.nullable);
            let of = core::mem::replace(of, column);
            if known.is_none() {
                columns.push(of);
            }
        }
        let of_numbers = in_order.then_some(Type::U64);
        let types = columns.iter().map(|column| column.ty).chain(of_numbers).collect();
        let Some(rows) = Partitions::new(env.view, env.budget.bytes().unwrap_or(0), types)? else {
            return Ok(None);
        };
        let rows = Stage::Taking(rows);
        Ok(Some(Box::new(Aside {
            rows,
            columns,
            keys,
            items,
            level,
            in_order,
            numbered: 0,
            sorted: None,
            groups: None,
            spilled: 0,
        })))
    }

    /// The bytes put aside so far, those that were put aside again included.
    pub(super) fn spilled(&self) -> u64 {
        let own = match &self.rows {
            Stage::Taking(rows) => rows.bytes(),
            Stage::Returning(rows) => rows.bytes(),
            Stage::Neither => 0,
        };
        let sorted = self.sorted.as_ref().map_or(0, |sorted| sorted.footprint().spilled);
        own + self.spilled + sorted + self.groups.as_ref().map_or(0, |groups| groups.spilled())
    }

    /// The bytes that this takes in memory.
    pub(super) fn size(&self) -> usize {
        let buffers = if let Stage::Taking(rows) = &self.rows { rows.size() } else { 0 };
        let sorted = self.sorted.as_ref().map_or(0, |sorted| sorted.footprint().memory as usize);
        buffers + sorted + self.groups.as_ref().map_or(0, |groups| groups.size())
    }

    /// Forgets what it took of the budget of another operation.
    pub(super) fn begin_again(&mut self) {
        if let Some(sorted) = &mut self.sorted {
            sorted.begin_again();
        }
    }

    /// Finds the group of each row left of a batch among those of `keyed`, and puts the rows aside that have none there.
    pub(super) fn take<'s>(
        &mut self,
        env: &Env<'s>,
        batch: &Batch<'s>,
        keyed: &mut Keyed,
    ) -> Result<(), ExecError> {
        let mut values = Vec::with_capacity(self.columns.len());
        for (number, column) in self.columns.iter().enumerate() {
            let of = evaluate(env, column, batch)?;
            values.push(if number < self.keys.len() { faultless(of)? } else { of });
        }
        if self.in_order {
            values.push(self.numbers(batch));
        }
        let keys = &values[..self.keys.len()];
        keyed.find_known(keys, batch.count());
        let Stage::Taking(rows) = &mut self.rows else {
            unreachable!("all rows are there when they come back")
        };
        let mut bytes = Vec::new();
        for (row, _) in keyed.numbers.iter().enumerate().filter(|(_, number)| **number == NO_GROUP) {
            bytes.clear();
            keys.iter().for_each(|key| key.append_key(row, &mut bytes));
            rows.push(lot(&bytes, self.level), values.iter(), row)?;
        }
        Ok(())
    }

    /// The numbers of the rows left of a batch: their own, where they were put aside before.
    fn numbers<'s>(&mut self, batch: &Batch<'s>) -> Vector<'s> {
        if self.level > 0 {
            return batch.computed(Computed(self.columns.len() as u16)).clone();
        }
        let first = self.numbered;
        self.numbered += batch.count() as u64;
        let bytes = (first..self.numbered).flat_map(u64::to_le_bytes).collect();
        Vector::fixed(Type::U64, batch.count(), bytes)
    }

    /// As [`give`](Aside::give), of groups that come in the order of their first rows.
    pub(super) fn give_in_order<'s>(
        &mut self,
        env: &Env<'s>,
        batch: &mut Batch<'s>,
    ) -> Result<bool, ExecError> {
        if self.sorted.is_none() {
            let mut packer = Packer::new(Window::behind(0)).expect("rows are packed");
            let mut part = Batch::new(env.collections.len(), env.computed.len() + 1);
            let mut key = Vec::new();
            while self.give(env, &mut part)? {
                let firsts =
                    part.take_computed(env.hidden()).expect("groups have the numbers of their first rows");
                for group in 0..part.count() {
                    key.clear();
                    // Least significant first in a cell, most in a key; and no record.
                    key.extend(firsts.bytes(group).iter().rev());
                    key.extend_from_slice(&[0; 16]);
                    packer.take(&key, &part, group)?;
                }
                packer.make_room(env)?;
            }
            self.sorted = Some(packer.finish(env)?);
        }
        let sorted = self.sorted.as_mut().expect("sorted above");
        sorted.next(env, batch, GATHERED_MAX)
    }

    /// As [`Groups::give`], of what was put aside.
    pub(super) fn give<'s>(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        loop {
            if let Some(groups) = &mut self.groups {
                if groups.give(env, batch)? {
                    return Ok(true);
                }
                self.spilled += groups.spilled();
                self.groups = None;
            }
            self.rows = match core::mem::replace(&mut self.rows, Stage::Neither) {
                Stage::Taking(rows) => Stage::Returning(rows.finish()),
                other => other,
            };
            let Stage::Returning(returning) = &mut self.rows else { unreachable!("they come back now") };
            let Some((_, rows)) = returning.take() else { return Ok(false) };
            let mut groups = Groups::new(self.keys.clone(), self.items.clone());
            groups.level = self.level + 1;
            groups.in_order = self.in_order;
            let count = self.columns.len() + usize::from(self.in_order);
            let columns = (0..count).map(|number| Computed(number as u16)).collect();
            let mut rows = Replayed { rows, columns };
            groups.columns = self.columns.len();
            groups.add(&mut rows, env, &mut Batch::new(0, count))?;
            self.groups = Some(Box::new(groups));
        }
    }
}

impl Keyed {
    /// Finds the groups of rows that have these keys, where those are known.
    fn find_known(&mut self, keys: &[Vector<'_>], rows: usize) {
        let Keyed { finder, numbers, .. } = self;
        numbers.clear();
        match finder {
            Finder::Places(places) => {
                let absent = places.len() - 1;
                numbers.extend((0..rows).map(|row| match keys[0].cell(row) {
                    None => places[absent],
                    Some(cell) if absent == 256 => places[usize::from(cell[0])],
                    Some(cell) => places[usize::from(u16::from_le_bytes([cell[0], cell[1]]))],
                }));
            }
            Finder::Words(table, absent) => {
                let (of, wide) = (keys[0].strided(), keys[0].ty().width() == Some(8));
                numbers.extend((0..rows).map(|row| {
                    let number = if keys[0].is_null(row) { *absent } else { table.find(of.word(row, wide)) };
                    number.unwrap_or(NO_GROUP)
                }));
            }
            Finder::Packed(table, _) => {
                let (mut words, mut shift) = (vec![0; rows], 0);
                for key in keys {
                    let width = key.ty().width().expect("a key that makes a part of a word");
                    pack(key, width, shift, &mut words);
                    shift += 8 * width;
                }
                // No group in such a table has an absent key.
                let is_known = |row: usize| keys.iter().all(|key| !key.is_null(row));
                let found = words.iter().enumerate();
                numbers.extend(found.map(|(row, word)| {
                    Some(*word)
                        .filter(|_| is_known(row))
                        .and_then(|word| table.find(word))
                        .unwrap_or(NO_GROUP)
                }));
            }
            Finder::Runs(_) => unreachable!("no rows of such groups are put aside"),
            Finder::Bytes(table) => {
                let mut bytes = Vec::new();
                numbers.extend((0..rows).map(|row| {
                    bytes.clear();
                    keys.iter().for_each(|key| key.append_identity(row, &mut bytes));
                    table.find(&bytes).map_or(NO_GROUP, |number| number as u32)
                }));
            }
        }
    }
}
