//! [`Aside`]: the rows of a set whose like memory has no room for.
//!
//! From when the table of a set takes too much, it stays as it is: rows that it knows are dealt with as ever, of either side. The
//! others are put aside by a hash of what they have. Those of a partition, of both sides, have nothing to do with any other
//! row, so that in the end each partition is a set of its own, whose table is put aside in turn when it is too much.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Set, SetSide};
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::batch::Batch;
use crate::engine::exec::partitions::{Partitions, Replayed, Returning};
use crate::engine::exec::table::lot;
use crate::engine::logical::{Computed, Expr, SetColumn};
use crate::expr::SetKind;
use crate::parts::{InWhole, Whole};

/// So many times partitions are partitioned again: what has one hash after the other is not told apart by another.
const LEVELS_MAX: u32 = 12;

/// Rows that are put aside, and come back.
pub(super) struct Aside {
    columns: Box<[Computed]>,
    level: u32,
    rows: Stage,
    /// The bytes that the sets of partitions put aside again.
    pub(super) spilled: u64,
}

/// The rows of both sides; of a union they are all on one.
enum Stage {
    Taking(Box<[Partitions; 2]>),
    Returning([Returning; 2]),
    /// While it goes from one to the other.
    Neither,
}

impl Aside {
    /// Gets room for rows. `None` when there is none.
    pub(super) fn new(
        env: &Env<'_>,
        columns: &[SetColumn],
        level: u32,
    ) -> Result<Option<Box<Aside>>, ExecError> {
        if level >= LEVELS_MAX {
            return Ok(None);
        }
        let types = || columns.iter().map(|column| column.left.ty).collect();
        let half = env.budget.bytes().unwrap_or(0) / 2;
        let room = || Partitions::new(env.view, half, types());
        let (Some(left), Some(right)) = (room()?, room()?) else { return Ok(None) };
        let columns = columns.iter().map(|column| column.output).collect();
        let rows = Stage::Taking(Box::new([left, right]));
        Ok(Some(Box::new(Aside { columns, level, rows, spilled: 0 })))
    }

    /// The bytes put aside so far, those that were put aside again included.
    pub(super) fn spilled(&self) -> u64 {
        let own = match &self.rows {
            Stage::Taking(sides) => sides.iter().map(Partitions::bytes).sum(),
            Stage::Returning(sides) => sides.iter().map(Returning::bytes).sum(),
            Stage::Neither => 0,
        };
        own + self.spilled
    }

    /// The bytes that this takes in memory.
    pub(super) fn size(&self) -> usize {
        match &self.rows {
            Stage::Taking(sides) => sides.iter().map(Partitions::size).sum(),
            _ => 0,
        }
    }

    /// Puts aside a row of a batch that has the values of the set.
    pub(super) fn push(
        &mut self,
        batch: &Batch<'_>,
        row: usize,
        key: &[u8],
        side: SetSide,
    ) -> Result<(), ExecError> {
        let Stage::Taking(sides) = &mut self.rows else {
            unreachable!("all rows are there when they come back")
        };
        let values = self.columns.iter().map(|column| batch.computed(*column));
        Ok(sides[side as usize].push(lot(key, self.level), values, row)?)
    }

    /// The set of the next partition; `None` after the last.
    pub(super) fn next<'s>(&mut self, env: &Env<'s>, kind: SetKind) -> Option<Box<Set<'s>>> {
        self.rows = match core::mem::replace(&mut self.rows, Stage::Neither) {
            Stage::Taking(sides) => Stage::Returning((*sides).map(Partitions::finish)),
            other => other,
        };
        let Stage::Returning([lefts, rights]) = &mut self.rows else { unreachable!("they come back now") };
        let ((number, left), whole) = (lefts.take()?, Whole::build()?);
        let right = rights.take_at(number);
        let of = |rows| Box::new(Replayed { rows, columns: self.columns.clone() });
        let columns = self.columns.iter().map(|output| {
            let ty = env.computed[usize::from(output.0)];
            let value = || Expr::computed(*output, ty, true);
            SetColumn { left: value(), right: value(), output: *output }
        });
        let columns = InWhole::new(columns.collect::<Vec<_>>(), whole);
        Some(Box::new(Set { level: self.level + 1, ..Set::new(of(left), of(right), kind, columns) }))
    }
}
