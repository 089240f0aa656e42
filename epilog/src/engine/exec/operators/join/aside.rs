//! [`Aside`]: both sides of a join, put aside because the table of one is too much for memory.
//!
//! The rows of the table, those that would have come into it and those of the other side are put aside by a hash of what they are
//! linked by, so that partners are in partitions of one number. Then a pair of partitions at a time comes back, and is joined as
//! any two sides are, with partitions of its own when its table is too much again (D. J. DeWitt et al., *Implementation
//! techniques for main memory database systems*, 1984: GRACE). What is linked by nothing of the table, as far as bits for the hashes
//! tell, is not written where it would go anyhow (B. H. Bloom, *Space/time trade-offs in hash coding*, 1970).
//!
//! A row is written as values: of each slot the rank of its record, all that was computed, and what its predicates ran into. Records
//! are fetched again by their ranks: an operation keeps the pages that it has read.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Finder, Join, fetch};
use crate::engine::error::ExecError;
use crate::engine::estimate::Counter;
use crate::engine::exec::batch::{Batch, GATHERED_MAX, Source};
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::operators::built::{Built, append_key};
use crate::engine::exec::operators::{Operator, dangling};
use crate::engine::exec::partitions::{Partitions, Returning, Rows};
use crate::engine::exec::table::lot;
use crate::engine::exec::vector::Cells;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{Computed, Expr, Link, Slot};
use crate::expr::JoinKind;
use crate::storage::StorageError;
use crate::value::Type;

/// So many times partitions are partitioned again: what has one hash after the other is not told apart by another.
pub(in crate::engine::exec::operators) const LEVELS_MAX: u32 = 12;

/// Both sides of a join.
pub(super) struct Aside<'s> {
    inner: Returning,
    outer: Returning,
    inner_shape: Shape,
    outer_shape: Shape,
    /// The partitions being joined.
    join: Option<Box<Join<'s>>>,
    /// The bytes that those before put aside again.
    spilled: u64,
}

/// What the rows of a side have.
#[derive(Clone, Default)]
pub(in crate::engine::exec::operators) struct Shape {
    /// The slots, and of which nothing but the rank is known.
    slots: Vec<(Slot, bool)>,
    computed: Vec<(Computed, Type)>,
}

impl Shape {
    fn of(batch: &Batch<'_>) -> Shape {
        let slots = batch.present().map(|(slot, source)| (slot, matches!(source, Source::Ranks(_))));
        let computed = batch.computed_values().map(|(computed, values)| (computed, values.ty()));
        Shape { slots: slots.collect(), computed: computed.collect() }
    }

    fn types(&self) -> Vec<Type> {
        let ranks = self.slots.iter().map(|_| Type::U128);
        let computed = self.computed.iter().map(|(_, ty)| *ty);
        ranks.chain(computed).chain([Type::Bool]).collect()
    }

    /// The values of all rows of a batch that none was dropped from.
    fn values<'s>(&self, batch: &Batch<'s>) -> Vec<Vector<'s>> {
        let rows = batch.count();
        let mut all = Vec::with_capacity(self.slots.len() + self.computed.len() + 1);
        for (slot, _) in &self.slots {
            let mut bytes = Vec::with_capacity(rows * 16);
            let mut nulls = vec![false; rows];
            for (row, is_null) in nulls.iter_mut().enumerate() {
                let rank = batch.rank(*slot, row);
                *is_null = rank.is_none();
                bytes.extend_from_slice(&rank.unwrap_or_default().to_le_bytes());
            }
            all.push(Vector::new(Type::U128, rows, Cells::Fixed(bytes), Some(nulls)));
        }
        all.extend(self.computed.iter().map(|(computed, _)| batch.computed(*computed).clone()));
        let mut faults = Vector::bools(vec![0; rows]);
        if batch.has_faults() {
            for row in 0..rows {
                if let Some(fault) = batch.fault(row) {
                    faults.add_fault(row as u32, fault);
                }
            }
        }
        all.push(faults);
        all
    }
}

/// One side on its way.
pub(in crate::engine::exec::operators) struct Side<'a> {
    rows: Option<(Partitions, Shape)>,
    exprs: Vec<&'a Expr>,
    links: &'a [Link],
    level: u32,
}

impl<'a> Side<'a> {
    pub(in crate::engine::exec::operators) fn new(
        links: &'a [Link],
        exprs: Vec<&'a Expr>,
        level: u32,
    ) -> Side<'a> {
        Side { rows: None, exprs, links, level }
    }

    /// Puts the rows left of a batch aside. `keep` gets the hash of a row, none where it is linked to nothing, and says whether it
    /// may have a partner, or stays without one.
    pub(in crate::engine::exec::operators) fn put<'s>(
        &mut self,
        env: &Env<'s>,
        batch: &mut Batch<'s>,
        keep: &mut dyn FnMut(Option<u64>) -> bool,
    ) -> Result<(), ExecError> {
        env.check()?;
        batch.compact();
        let rows = batch.count();
        let mut keys = Vec::with_capacity(self.exprs.len());
        for expr in &self.exprs {
            keys.push(evaluate(env, expr, batch)?);
        }
        if self.rows.is_none() {
            let shape = Shape::of(batch);
            self.rows = partitions(env, shape.types())?.map(|partitions| (partitions, shape));
        }
        let Some((partitions, shape)) = &mut self.rows else { return Err(no_room(env)) };
        let values = shape.values(batch);
        let mut key = Vec::new();
        for row in 0..rows {
            key.clear();
            let lot = append_key(self.links, &keys, row, &mut key).then(|| lot(&key, self.level));
            if keep(lot) {
                partitions.push(lot.unwrap_or_default(), values.iter(), row)?;
            }
        }
        Ok(())
    }

    pub(in crate::engine::exec::operators) fn finish(
        self,
        env: &Env<'_>,
    ) -> Result<(Returning, Shape), ExecError> {
        let (partitions, shape) = match self.rows {
            Some(rows) => rows,
            None => (partitions(env, Vec::new())?.ok_or_else(|| no_room(env))?, Shape::default()),
        };
        Ok((partitions.finish(), shape))
    }
}

/// There was room for temporary files before: where they go may be written no longer.
#[cold]
fn no_room(env: &Env<'_>) -> ExecError {
    env.budget.refuse("join", "its directory cannot be written any more")
}

fn partitions(env: &Env<'_>, types: Vec<Type>) -> Result<Option<Partitions>, StorageError> {
    Partitions::new(env.view, env.budget.bytes().unwrap_or(0), types)
}

/// Bits for the hashes of one side.
struct Bloom(Vec<u64>);

impl Bloom {
    fn place(&self, lot: u64) -> (usize, u64) {
        // The lowest bits choose the partition.
        let bit = (lot >> 16) as usize & (self.0.len() * 64 - 1);
        (bit / 64, 1 << (bit % 64))
    }

    fn add(&mut self, lot: u64) {
        let (at, bit) = self.place(lot);
        self.0[at] |= bit;
    }

    fn has(&self, lot: u64) -> bool {
        let (at, bit) = self.place(lot);
        self.0[at] & bit != 0
    }
}

impl<'s> Aside<'s> {
    /// Puts both sides of `join` aside: what is in its table so far, what comes to that, the rows of `join.outer` if `has_outer`, and
    /// what comes after those.
    pub(super) fn new(
        env: &Env<'s>,
        join: &mut Join<'s>,
        built: Built<'s>,
        has_outer: bool,
    ) -> Result<Aside<'s>, ExecError> {
        let Join { input, outer, finder, links, kind, level, .. } = join;
        let Finder::Table { source, .. } = finder else { unreachable!("a join with a table") };
        let bytes = env.budget.bytes().unwrap_or(0) / 32;
        let mut bloom = Bloom(vec![0; (bytes / 8).next_power_of_two().clamp(8, 1 << 20)]);
        let side = |exprs| Side::new(links, exprs, *level);

        // What is linked to nothing is paired with nothing.
        let mut inner = side(links.iter().map(|link| &link.inner).collect());
        let mut keep = |lot: Option<u64>| lot.inspect(|lot| bloom.add(*lot)).is_some();
        let mut batch = Batch::new(env.collections.len(), env.computed.len());
        let mut kept = 0;
        while kept < built.store.len() {
            let until = (kept + GATHERED_MAX).min(built.store.len());
            let numbers: Vec<u32> = (kept as u32..until as u32).collect();
            batch.reset(numbers.len());
            built.store.fill(&numbers, &mut batch);
            inner.put(env, &mut batch, &mut keep)?;
            kept = until;
        }
        env.budget.forget(built.charged());
        drop(built);
        while source.next(env, &mut batch)? {
            inner.put(env, &mut batch, &mut keep)?;
        }

        let is_left = *kind == JoinKind::Left;
        let mut keep = |lot: Option<u64>| is_left || lot.is_some_and(|lot| bloom.has(lot));
        let mut rows = side(links.iter().map(|link| &link.outer).collect());
        if has_outer {
            rows.put(env, outer, &mut keep)?;
            while input.next(env, &mut batch)? {
                rows.put(env, &mut batch, &mut keep)?;
            }
        }
        let (inner, inner_shape) = inner.finish(env)?;
        let (outer, outer_shape) = rows.finish(env)?;
        Ok(Aside { inner, outer, inner_shape, outer_shape, join: None, spilled: 0 })
    }

    /// Makes `batch` the next pairs; `false` after the last.
    pub(super) fn next(
        &mut self,
        env: &Env<'s>,
        join: &mut Join<'s>,
        batch: &mut Batch<'s>,
    ) -> Result<bool, ExecError> {
        loop {
            if let Some(part) = &mut self.join {
                if part.next(env, batch)? {
                    return Ok(true);
                }
                if let Finder::Table { built: Some(built), .. } = &part.finder {
                    env.budget.forget(built.charged());
                }
                self.spilled += part.spilled();
                join.stages = core::mem::take(&mut part.stages);
                self.join = None;
            }
            env.check()?;
            let Some((number, outer)) = self.outer.take() else { return Ok(false) };
            let inner = self.inner.take_at(number);
            let side = |rows, shape: &Shape| Box::new(Replayed { rows, shape: shape.clone() });
            let source = side(inner, &self.inner_shape);
            self.join = Some(Box::new(Join {
                input: side(outer, &self.outer_shape),
                outer: Batch::new(env.collections.len(), env.computed.len()),
                slot: join.slot,
                finder: Finder::Table { source, built: None },
                cursor: None,
                band: None,
                span: None,
                entries: None,
                links: join.links.clone(),
                stages: core::mem::take(&mut join.stages),
                kind: join.kind,
                // They have been read.
                reads_inner: false,
                made: join.made.clone(),
                search: None,
                rows: Vec::new(),
                kept: Vec::new(),
                in_order: false,
                spills: true,
                level: join.level + 1,
                aside: None,
                // Rows of both sides have been read.
                sieves: Vec::new(),
                known: Vec::new(),
                counter: Counter::NONE,
            }));
        }
    }

    /// The bytes that the table of the partitions being joined takes in memory.
    pub(super) fn memory(&self) -> usize {
        self.join.as_ref().map_or(0, |join| join.footprint().memory as usize)
    }

    /// The bytes put aside so far, those that were put aside again included.
    pub(super) fn spilled(&self) -> u64 {
        let again = self.join.as_ref().map_or(0, |join| join.spilled());
        self.inner.bytes() + self.outer.bytes() + self.spilled + again
    }
}

/// The rows of a partition, as they were.
pub(in crate::engine::exec::operators) struct Replayed {
    pub(in crate::engine::exec::operators) rows: Rows,
    pub(in crate::engine::exec::operators) shape: Shape,
}

impl<'s> Operator<'s> for Replayed {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        env.check()?;
        let Some(values) = self.rows.values()? else { return Ok(false) };
        let mut values = values.into_iter();
        let rows = values.as_slice().first().map_or(0, Vector::len);
        batch.reset(rows);
        for (slot, of_ranks) in &self.shape.slots {
            let of = values.next().expect("ranks of each slot");
            let rank = |row| {
                let cell: [u8; 16] = of.cell(row)?.try_into().expect("16 bytes");
                Some(u128::from_le_bytes(cell))
            };
            let present: Vec<usize> = (0..rows).filter(|row| !of.is_null(*row)).collect();
            let ranks: Vec<u128> = present.iter().filter_map(|row| rank(*row)).collect();
            if *of_ranks {
                batch.set_source(*slot, Source::Ranks(ranks));
                continue;
            }
            let mut records = vec![None; rows];
            for ((row, rank), record) in present.into_iter().zip(&ranks).zip(fetch(env, *slot, &ranks)?) {
                records[row] = Some(record.ok_or_else(|| dangling(env.collection(*slot), *rank))?);
            }
            batch.set_source(*slot, Source::Records(records));
        }
        for (computed, _) in &self.shape.computed {
            batch.set_hidden(*computed, values.next().expect("each that was computed"));
        }
        for (row, fault) in values.next().expect("what predicates ran into").faults() {
            batch.add_fault(*row as usize, fault);
        }
        Ok(true)
    }

    fn expect(&mut self, _: usize) {}
}
