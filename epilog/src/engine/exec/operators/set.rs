//! The rows of two inputs as one.
//!
//! Rows of `union all` go through as they come. For the others rows are numbered by what they have, in a hash table, and
//! counted: of the right side all rows are, before the first of the left is looked at, and of a union as they come out. Rows
//! whose like memory has no room for are put aside (`aside`).

#[cfg(not(feature = "small"))]
mod aside;

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(not(feature = "small"))]
use self::aside::Aside;
use super::Operator;
#[cfg(not(feature = "small"))]
use super::Reach;
use crate::engine::error::{ExecError, RowFault};
use crate::engine::exec::batch::Batch;
#[cfg(not(feature = "small"))]
use crate::engine::exec::budget::Charge;
use crate::engine::exec::evaluate::evaluate;
#[cfg(not(feature = "small"))]
use crate::engine::exec::meter::Footprint;
use crate::engine::exec::table::KeyTable;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::SetColumn;
#[cfg(not(feature = "small"))]
use crate::engine::physical::{self, PhysicalNode};
use crate::engine::planted::{self, Bug};
use crate::expr::SetKind;
use crate::parts::InWhole;

/// The rows of two inputs as one.
pub(super) struct Set<'s> {
    left: Box<dyn Operator<'s> + 's>,
    right: Box<dyn Operator<'s> + 's>,
    kind: SetKind,
    columns: InWhole<Vec<SetColumn>>,
    /// What rows there were on the right; of a union all that came out.
    known: KeyTable,
    /// How many rows of each there are left to go with those of the left; for a kind that gives no row twice, 0 when it was
    /// given.
    left_over: Vec<u64>,
    /// Whether the side that comes first is at its end.
    first_done: bool,
    /// How many times the rows have been put aside.
    #[cfg(not(feature = "small"))]
    level: u32,
    #[cfg(not(feature = "small"))]
    charge: Charge,
    /// The rows whose like is not known.
    #[cfg(not(feature = "small"))]
    aside: Option<Box<Aside>>,
    /// Whether those are what is left.
    #[cfg(not(feature = "small"))]
    comes_back: bool,
    /// The set of those that are coming back.
    #[cfg(not(feature = "small"))]
    part: Option<Box<Set<'s>>>,
    /// The most bytes that were kept in memory.
    #[cfg(not(feature = "small"))]
    size_max: usize,
    #[cfg(not(feature = "small"))]
    paused: bool,
}

/// What a set keeps in a pause.
#[cfg(not(feature = "small"))]
pub(in crate::engine::exec) struct Kept {
    known: KeyTable,
    left_over: Vec<u64>,
    first_done: bool,
    aside: Option<Box<Aside>>,
    comes_back: bool,
    size_max: usize,
}

/// Where rows come from that are put aside.
#[cfg(not(feature = "small"))]
#[derive(Clone, Copy)]
enum SetSide {
    /// The left; of a union either.
    Left,
    Right,
}

impl<'s> Set<'s> {
    pub(super) fn new(
        left: Box<dyn Operator<'s> + 's>,
        right: Box<dyn Operator<'s> + 's>,
        kind: SetKind,
        columns: InWhole<Vec<SetColumn>>,
    ) -> Set<'s> {
        Set {
            left,
            right,
            kind,
            columns,
            known: KeyTable::default(),
            left_over: Vec::new(),
            first_done: false,
            #[cfg(not(feature = "small"))]
            level: 0,
            #[cfg(not(feature = "small"))]
            charge: Charge::default(),
            #[cfg(not(feature = "small"))]
            aside: None,
            #[cfg(not(feature = "small"))]
            comes_back: false,
            #[cfg(not(feature = "small"))]
            part: None,
            #[cfg(not(feature = "small"))]
            size_max: 0,
            #[cfg(not(feature = "small"))]
            paused: false,
        }
    }

    fn is_union(&self) -> bool {
        matches!(self.kind, SetKind::Union | SetKind::UnionAll)
    }

    /// Whether the side that is being read is the left one.
    fn reads_left(&self) -> bool {
        self.is_union() != self.first_done
    }

    /// Makes `batch` the values of its rows, those of the left or of the right.
    fn take_values(&self, env: &Env<'s>, batch: &mut Batch<'s>, is_left: bool) -> Result<(), ExecError> {
        // A row is told from others by all that it has, so that none of it may be unknown; but where none is told.
        let keeps_faults = self.kind == SetKind::UnionAll;
        if !keeps_faults {
            batch.raise(usize::MAX)?;
        }
        batch.compact();
        let mut values = Vec::with_capacity(self.columns.len());
        for column in self.columns.iter() {
            let value = evaluate(env, if is_left { &column.left } else { &column.right }, batch)?;
            if let (Some((_, fault)), false) = (value.faults().first(), keeps_faults) {
                return Err(ExecError::Arithmetic(fault.itself()));
            }
            values.push(value);
        }
        let faults: Vec<(usize, RowFault)> = match batch.has_faults() {
            true => (0..batch.count()).filter_map(|row| Some((row, batch.fault(row)?.clone()))).collect(),
            false => Vec::new(),
        };
        batch.reset(batch.count());
        faults.iter().for_each(|(row, fault)| batch.add_fault(*row, fault));
        for (column, value) in self.columns.iter().zip(values) {
            batch.set_computed(column.output, value);
        }
        Ok(())
    }

    /// Appends what rows are told from each other by.
    fn keys(&self, batch: &Batch<'s>, mut each: impl FnMut(usize, &[u8])) {
        let values: Vec<&Vector<'s>> =
            self.columns.iter().map(|column| batch.computed(column.output)).collect();
        let mut key = Vec::new();
        for row in 0..batch.count() {
            key.clear();
            values.iter().for_each(|values| values.append_key(row, &mut key));
            each(row, &key);
        }
    }

    /// Counts the rows of the right.
    fn read_right(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError> {
        while self.right.next(env, batch)? {
            env.check()?;
            self.take_values(env, batch, false)?;
            #[cfg(not(feature = "small"))]
            if self.aside.is_some() {
                self.sift_known(batch, SetSide::Right)?;
                continue;
            }
            let (mut known, mut counts) =
                (core::mem::take(&mut self.known), core::mem::take(&mut self.left_over));
            self.keys(batch, |_, key| {
                let number = known.intern(key);
                if number == counts.len() {
                    counts.push(0);
                }
                counts[number] += 1;
            });
            (self.known, self.left_over) = (known, counts);
            #[cfg(not(feature = "small"))]
            self.look(env)?;
        }
        Ok(())
    }

    /// Drops the rows of a batch that do not come out.
    fn sift(&mut self, batch: &mut Batch<'s>) {
        let (mut known, mut counts) =
            (core::mem::take(&mut self.known), core::mem::take(&mut self.left_over));
        let mut comes_out = Vec::with_capacity(batch.count());
        let kind = self.kind;
        self.keys(batch, |_, key| {
            let number = match kind {
                SetKind::Intersect | SetKind::IntersectAll | SetKind::ExceptAll => known.find(key),
                _ => Some(known.intern(key)),
            };
            let is_new = number == Some(counts.len());
            if is_new {
                counts.push(0);
            }
            let count = number.map(|number| &mut counts[number]);
            comes_out.push(match (kind, count) {
                (SetKind::UnionAll, _) => true,
                (SetKind::Union | SetKind::Except, _) => is_new,
                (SetKind::Intersect, Some(count)) => core::mem::replace(count, 0) > 0,
                (SetKind::IntersectAll | SetKind::ExceptAll, Some(count)) if *count > 0 => {
                    *count -= u64::from(!planted::is(Bug::ExceptAllUncounted));
                    kind == SetKind::IntersectAll
                }
                (SetKind::Intersect | SetKind::IntersectAll, _) => false,
                (SetKind::ExceptAll, _) => true,
            });
        });
        (self.known, self.left_over) = (known, counts);
        batch.retain(|at, _| comes_out[at]);
    }
}

#[cfg(not(feature = "small"))]
impl<'s> Set<'s> {
    /// Looks at what the table takes in memory, and has rows whose like is not in it put aside from now on when that is too much.
    fn look(&mut self, env: &Env<'s>) -> Result<(), ExecError> {
        let size = self.size();
        if !env.budget.charge(&mut self.charge, size) {
            return Ok(());
        }
        self.size_max = self.size_max.max(size);
        self.aside = Aside::new(env, &self.columns, self.level)?;
        match &self.aside {
            Some(_) => Ok(()),
            None => env.budget.check("set", env.budget.used(), "there is no room to put them aside"),
        }
    }

    /// Drops the rows of a batch that do not come out, and those that are put aside: all whose like is not known.
    fn sift_known(&mut self, batch: &mut Batch<'s>, side: SetSide) -> Result<(), ExecError> {
        let (mut aside, mut counts) = (self.aside.take(), core::mem::take(&mut self.left_over));
        let (mut comes_out, mut result) = (Vec::with_capacity(batch.count()), Ok(()));
        self.keys(batch, |row, key| {
            let count = self.known.find(key).map(|number| &mut counts[number]);
            comes_out.push(match (self.kind, count, side) {
                (_, None, _) => {
                    if let (Some(aside), Ok(())) = (&mut aside, &result) {
                        result = aside.push(batch, row, key, side);
                    }
                    false
                }
                (_, Some(count), SetSide::Right) => {
                    *count += 1;
                    false
                }
                (SetKind::Intersect, Some(count), _) => core::mem::replace(count, 0) > 0,
                (SetKind::IntersectAll | SetKind::ExceptAll, Some(count), _) if *count > 0 => {
                    *count -= 1;
                    self.kind == SetKind::IntersectAll
                }
                (SetKind::ExceptAll | SetKind::UnionAll, ..) => true,
                (SetKind::Union | SetKind::Except | SetKind::IntersectAll, ..) => false,
            });
        });
        (self.aside, self.left_over) = (aside, counts);
        let side = self.aside.as_ref().map_or(0, |aside| aside.size());
        self.size_max = self.size_max.max(self.table_size() + side);
        batch.retain(|at, _| comes_out[at]);
        result
    }

    /// Makes `batch` the next rows of those that were put aside; `false` after the last.
    fn come_back(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let Some(aside) = &mut self.aside else { return Ok(false) };
        loop {
            if let Some(part) = &mut self.part {
                if part.next(env, batch)? {
                    return Ok(true);
                }
                part.clear(env);
                aside.spilled += part.spilled();
                self.part = None;
            }
            self.part = aside.next(env, self.kind);
            if self.part.is_none() {
                return Ok(false);
            }
        }
    }

    fn table_size(&self) -> usize {
        self.known.size() + self.left_over.capacity() * size_of::<u64>()
    }

    /// The bytes that this takes in memory.
    fn size(&self) -> usize {
        let part = self.part.as_ref().map_or(0, |part| part.size());
        self.table_size() + self.aside.as_ref().map_or(0, |aside| aside.size()) + part
    }

    /// The bytes put aside.
    fn spilled(&self) -> u64 {
        let part = self.part.as_ref().map_or(0, |part| part.spilled());
        self.aside.as_ref().map_or(0, |aside| aside.spilled()) + part
    }

    /// Lets go of the table.
    fn clear(&mut self, env: &Env<'s>) {
        self.size_max = self.size_max.max(self.size());
        (self.known, self.left_over) = (KeyTable::default(), Vec::new());
        env.budget.charge(&mut self.charge, 0);
    }
}

impl<'s> Operator<'s> for Set<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        #[cfg(not(feature = "small"))]
        if self.comes_back {
            return self.come_back(env, batch);
        }
        #[cfg(not(feature = "small"))]
        if env.budget.is_none()
            && (self.level, self.aside.is_none()) == (0, true)
            && !self.first_done
            && self.kind != SetKind::UnionAll
        {
            self.aside = Aside::new(env, &self.columns, self.level)?;
        }
        if !self.is_union() && !self.first_done {
            self.read_right(env, batch)?;
            #[cfg(not(feature = "small"))]
            if self.right.is_paused() {
                self.paused = true;
                return Ok(false);
            }
            self.first_done = true;
        }
        loop {
            env.check()?;
            let is_left = self.reads_left();
            let side = if is_left { &mut self.left } else { &mut self.right };
            if !side.next(env, batch)? {
                #[cfg(not(feature = "small"))]
                if side.is_paused() {
                    self.paused = true;
                    return Ok(false);
                }
                if self.is_union() && is_left {
                    self.first_done = true;
                    continue;
                }
                #[cfg(not(feature = "small"))]
                if self.aside.is_some() {
                    self.clear(env);
                    self.comes_back = true;
                    return self.come_back(env, batch);
                }
                return Ok(false);
            }
            if batch.count() == 0 {
                continue;
            }
            self.take_values(env, batch, is_left)?;
            if self.kind != SetKind::UnionAll {
                #[cfg(not(feature = "small"))]
                match self.aside.is_some() {
                    true => self.sift_known(batch, SetSide::Left)?,
                    false => {
                        self.sift(batch);
                        // Of the others the table has what is on the right, and no more.
                        if matches!(self.kind, SetKind::Union | SetKind::Except) {
                            self.look(env)?;
                        }
                    }
                }
                #[cfg(feature = "small")]
                self.sift(batch);
            }
            if batch.count() > 0 {
                return Ok(true);
            }
        }
    }

    #[cfg(not(feature = "small"))]
    fn resume(&mut self, reach: Reach, kept: &mut Vec<super::Kept>) {
        if let Some(super::Kept::Set(set)) = kept.pop() {
            let Kept { known, left_over, first_done, aside, comes_back, size_max } = *set;
            (self.known, self.left_over, self.first_done) = (known, left_over, first_done);
            (self.aside, self.comes_back, self.size_max) = (aside, comes_back, size_max);
        }
        if self.comes_back {
            return;
        }
        // The side that has been read stays as it is, and what was kept is of the other, but for one that has not begun.
        let (side, next) = match self.reads_left() {
            true => (&mut self.left, &mut self.right),
            false => (&mut self.right, &mut self.left),
        };
        side.resume(reach, kept);
        if !self.first_done {
            next.resume(reach, &mut Vec::new());
        }
    }

    #[cfg(not(feature = "small"))]
    fn is_paused(&self) -> bool {
        self.paused
    }

    #[cfg(not(feature = "small"))]
    fn remaining(&mut self, node: &mut PhysicalNode, kept: &mut Vec<super::Kept>) -> Result<bool, ExecError> {
        let physical::Operator::Set { input, right, .. } = &mut node.operator else { return Ok(false) };
        let is_read = match self.reads_left() {
            true => !self.left.remaining(input, kept)?,
            false => !self.right.remaining(right, kept)?,
        };
        if is_read && self.first_done {
            if self.aside.is_none() {
                return Ok(false);
            }
            self.size_max = self.size_max.max(self.size());
            (self.known, self.left_over) = (KeyTable::default(), Vec::new());
            self.comes_back = true;
        }
        kept.push(super::Kept::Set(Box::new(Kept {
            known: core::mem::take(&mut self.known),
            left_over: core::mem::take(&mut self.left_over),
            first_done: self.first_done || is_read,
            aside: self.aside.take(),
            comes_back: self.comes_back,
            size_max: self.size_max,
        })));
        Ok(true)
    }

    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        Footprint { memory: self.size_max.max(self.size()) as u64, spilled: self.spilled() }
    }

    fn expect(&mut self, rows: usize) {
        if self.kind == SetKind::UnionAll {
            self.left.expect(rows);
            self.right.expect(rows);
        }
    }
}
