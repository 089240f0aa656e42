//! Windows: values of rows from the rows around them.
//!
//! A window that only numbers rows as they come keeps a count for each partition, and lets the rows through. Any other has to
//! know a partition before it says anything about its first row, and keeps all rows: as references, with what its windows
//! read of them. For each order that is asked for, the places of the rows are sorted by keys whose bytes order as the rows do
//! (partition, terms; then the place, so that peers stay as they came), and each value is calculated along that order (see
//! `frames`). Rows come out as they came in.
//!
//! What memory has no room for is put aside (`aside`): rows, and of windows that number them as they come those after the first
//! that are too many.
//!
//! Every row is a part of its partition, and so counts: a predicate, a partition or an order that has no result for one is
//! an error. A value that has none is so for the rows that it is a part of, and an error if they come out.

#[cfg(not(feature = "small"))]
mod aside;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

#[cfg(not(feature = "small"))]
use self::aside::Taken;
#[cfg(not(feature = "small"))]
use super::sort::{Giver, Pauses};
use super::{Kept, Operator, Reach, sort};
use crate::engine::error::ExecError;
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
#[cfg(not(feature = "small"))]
use crate::engine::exec::budget::Charge;
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::frames::{Argument, Partition, Ranged, Results};
#[cfg(not(feature = "small"))]
use crate::engine::exec::meter::Footprint;
use crate::engine::exec::packed::head;
use crate::engine::exec::store::RowStore;
use crate::engine::exec::table::KeyTable;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{Expr, SortTerm, WindowTerm};
use crate::engine::physical::{self, PhysicalNode};
use crate::expr::FrameUnit;
use crate::parts::{InWhole, Whole};
use crate::value::Type;

pub(super) fn build<'s>(
    input: Box<dyn Operator<'s> + 's>,
    items: Vec<WindowTerm>,
    whole: Whole,
) -> Box<dyn Operator<'s> + 's> {
    if items.iter().all(WindowTerm::numbers_as_they_come) {
        let numbered = Numbered::of(&items);
        return Box::new(Numbering {
            input,
            items,
            numbered,
            whole,
            #[cfg(not(feature = "small"))]
            charge: Charge::default(),
            #[cfg(not(feature = "small"))]
            pauses: None,
            #[cfg(not(feature = "small"))]
            paused: false,
        });
    }
    Box::new(Window {
        input,
        items,
        state: State::Reading,
        #[cfg(not(feature = "small"))]
        kept_max: Footprint::default(),
    })
}

/// Rows with their numbers in partitions, as they come.
struct Numbering<'s> {
    input: Box<dyn Operator<'s> + 's>,
    items: Vec<WindowTerm>,
    numbered: Numbered,
    whole: Whole,
    /// What the counts take of the budget.
    #[cfg(not(feature = "small"))]
    charge: Charge,
    #[cfg(not(feature = "small"))]
    pauses: Option<Pauses>,
    #[cfg(not(feature = "small"))]
    paused: bool,
}

/// How far rows have been numbered. It borrows nothing.
pub(in crate::engine::exec) struct Numbered {
    counters: Vec<Counter>,
    /// The rows that come after those that were numbered as they came.
    #[cfg(not(feature = "small"))]
    aside: Option<Box<Late>>,
}

/// Rows whose numbers are not known before all are there.
#[cfg(not(feature = "small"))]
enum Late {
    Taking(Taken),
    /// And the bytes that were put aside before.
    Giving(Giver, u64),
}

#[cfg(not(feature = "small"))]
impl Late {
    fn footprint(&self) -> Footprint {
        match self {
            Late::Taking(taken) => {
                Footprint { spilled: taken.spilled(), ..Footprint::in_memory(taken.size()) }
            }
            Late::Giving(giver, spilled) => {
                let of = giver.footprint();
                Footprint { spilled: of.spilled + spilled, ..of }
            }
        }
    }
}

impl Numbered {
    fn of(items: &[WindowTerm]) -> Numbered {
        Numbered {
            counters: items.iter().map(|_| Counter::default()).collect(),
            #[cfg(not(feature = "small"))]
            aside: None,
        }
    }

    /// The bytes that the counts take in memory.
    #[cfg(not(feature = "small"))]
    fn size(&self) -> usize {
        let of = |counter: &Counter| counter.partitions.size() + counter.counts.capacity() * size_of::<u64>();
        self.counters.iter().map(of).sum()
    }
}

/// How many rows there have been of each partition.
#[derive(Default)]
pub(in crate::engine::exec) struct Counter {
    partitions: KeyTable,
    counts: Vec<u64>,
}

impl Counter {
    /// The number of the next row of the partition with this key.
    fn next(&mut self, key: &[u8]) -> u64 {
        let partition = self.partitions.intern(key);
        if partition == self.counts.len() {
            self.counts.push(0);
        }
        self.counts[partition] += 1;
        self.counts[partition]
    }

    /// How many rows there have been of the partition with this key.
    #[cfg(not(feature = "small"))]
    fn count(&self, key: &[u8]) -> u64 {
        self.partitions.find(key).map_or(0, |partition| self.counts[partition])
    }
}

#[cfg(not(feature = "small"))]
impl<'s> Numbering<'s> {
    /// Takes the rows that are not numbered as they come, and makes `batch` the next of them; `false` after the last.
    fn late(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let Some(mut late) = self.numbered.aside.take() else { return Ok(false) };
        if let Late::Taking(taken) = &mut *late {
            let (orders, _) = Order::all_of(&self.items);
            while !taken.complete && self.input.next(env, batch)? {
                batch.raise(usize::MAX)?;
                taken.take(env, batch, &self.items, &orders)?;
            }
            if !taken.complete && self.input.is_paused() {
                self.numbered.aside = Some(late);
                self.paused = true;
                return Ok(false);
            }
            taken.complete = true;
        }
        let late = match *late {
            Late::Taking(taken) => {
                // All that the counts are for is in the rows from now on.
                let counters = mem::take(&mut self.numbered.counters);
                let (giver, spilled) = taken.finish(env, &self.items, Some(&counters))?;
                env.budget.charge(&mut self.charge, 0);
                Late::Giving(giver, spilled)
            }
            giving => giving,
        };
        let Late::Giving(giver, _) = &mut **self.numbered.aside.insert(Box::new(late)) else {
            return Ok(false);
        };
        let rows = match &mut self.pauses {
            None => GATHERED_MAX,
            Some(pauses) => match pauses.rows(env) {
                Some(rows) => rows,
                None => {
                    self.paused = true;
                    return Ok(false);
                }
            },
        };
        giver.next(env, batch, rows)
    }

    /// Looks at what the counts take in memory, and has rows put aside from now on when that is too much.
    fn look(&mut self, env: &Env<'s>) -> Result<(), ExecError> {
        let is_much = env.budget.charge(&mut self.charge, self.numbered.size());
        if is_much || env.budget.is_none() {
            self.numbered.aside = Taken::new(env)?.map(|taken| Box::new(Late::Taking(taken)));
        }
        match &self.numbered.aside {
            None if is_much => {
                let why = "there is no room to put rows aside";
                env.budget.check("window", env.budget.used(), why)
            }
            _ => Ok(()),
        }
    }
}

impl<'s> Operator<'s> for Numbering<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        #[cfg(not(feature = "small"))]
        if self.numbered.aside.is_some() {
            return self.late(env, batch);
        }
        if !self.input.next(env, batch)? {
            return Ok(false);
        }
        batch.raise(usize::MAX)?;
        batch.compact();
        let rows = batch.count();
        let mut key = Vec::new();
        for (item, counter) in self.items.iter().zip(&mut self.numbered.counters) {
            let partition = values(env, &item.partition, batch)?;
            let mut numbers = Vec::with_capacity(rows * size_of::<u64>());
            for row in 0..rows {
                key.clear();
                partition.iter().for_each(|values| values.append_key(row, &mut key));
                numbers.extend_from_slice(&counter.next(&key).to_le_bytes());
            }
            batch.set_computed(item.output, Vector::fixed(Type::U64, rows, numbers));
        }
        #[cfg(not(feature = "small"))]
        self.look(env)?;
        Ok(true)
    }

    fn expect(&mut self, rows: usize) {
        self.input.expect(rows);
    }

    fn resume(&mut self, reach: Reach, kept: &mut Vec<Kept>) {
        if let Some(Kept::Numbers(mut numbered, _)) = kept.pop() {
            self.numbered = mem::replace(&mut *numbered, Numbered::of(&[]));
        }
        #[cfg(not(feature = "small"))]
        {
            self.pauses = Some(Pauses::new(reach, self.whole));
            match self.numbered.aside.as_deref_mut() {
                Some(Late::Taking(taken)) => {
                    taken.begin_again();
                    if taken.complete {
                        return;
                    }
                }
                Some(Late::Giving(giver, _)) => return giver.begin_again(),
                None => {}
            }
        }
        self.input.resume(reach, kept);
    }

    fn is_paused(&self) -> bool {
        #[cfg(not(feature = "small"))]
        if self.numbered.aside.is_some() {
            return self.paused;
        }
        self.input.is_paused()
    }

    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        let late = self.numbered.aside.as_ref().map_or_else(Footprint::default, |late| late.footprint());
        Footprint { memory: late.memory + self.numbered.size() as u64, ..late }
    }

    fn remaining(&mut self, node: &mut PhysicalNode, kept: &mut Vec<Kept>) -> Result<bool, ExecError> {
        let physical::Operator::Window { input, .. } = &mut node.operator else { return Ok(false) };
        #[cfg(not(feature = "small"))]
        let is_kept = match self.numbered.aside.as_deref_mut() {
            None => false,
            Some(late) => {
                if let Late::Taking(taken) = late {
                    taken.complete = !self.input.remaining(input, kept)?;
                }
                true
            }
        };
        #[cfg(feature = "small")]
        let is_kept = false;
        if !is_kept && !self.input.remaining(input, kept)? {
            return Ok(false);
        }
        let numbered = mem::replace(&mut self.numbered, Numbered::of(&[]));
        kept.push(Kept::Numbers(InWhole::new(numbered, self.whole), self.whole));
        Ok(true)
    }
}

/// Between two looks at whether the query is to end there are so many partitions.
const PARTITIONS_AT_ONCE: usize = 256;

/// Rows with values from all rows of their partitions.
struct Window<'s> {
    input: Box<dyn Operator<'s> + 's>,
    items: Vec<WindowTerm>,
    state: State<'s>,
    /// The most it has kept, and put aside, before rows came out.
    #[cfg(not(feature = "small"))]
    kept_max: Footprint,
}

enum State<'s> {
    Reading,
    /// All rows, the values of each window, and how many rows have been given out.
    Giving(RowStore<'s>, Vec<Results>, usize),
    /// What was put aside.
    #[cfg(not(feature = "small"))]
    Returning(Giver),
}

impl<'s> Operator<'s> for Window<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        env.check()?;
        if matches!(self.state, State::Reading) {
            self.state = self.read(env, batch)?;
        }
        #[cfg(not(feature = "small"))]
        if let State::Returning(giver) = &mut self.state {
            return giver.next(env, batch, GATHERED_MAX);
        }
        let State::Giving(store, results, given) = &mut self.state else { unreachable!("all has been read") };
        let rows = *given..store.len().min(*given + GATHERED_MAX);
        let fit = results.iter().map(|results| results.fit(rows.clone())).min().unwrap_or(rows.len());
        let rows: Range<usize> = rows.start..rows.end.min(rows.start + fit);
        *given = rows.end;
        if rows.is_empty() {
            return Ok(false);
        }
        batch.reset(rows.len());
        let places: Vec<u32> = rows.clone().map(|row| row as u32).collect();
        store.fill(&places, batch);
        for (item, results) in self.items.iter().zip(results) {
            batch.set_computed(item.output, results.part(rows.clone()));
        }
        Ok(true)
    }

    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        match &self.state {
            State::Reading => self.kept_max,
            State::Giving(store, ..) => Footprint::in_memory(store.size()),
            State::Returning(giver) => {
                let of = giver.footprint();
                self.kept_max.max(Footprint { spilled: of.spilled + self.kept_max.spilled, ..of })
            }
        }
    }

    /// A window reads everything, however little of it is wanted.
    fn expect(&mut self, _: usize) {}
}

impl<'s> Window<'s> {
    /// All rows of the input, and the values of the windows.
    fn read(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<State<'s>, ExecError> {
        let (orders, order_of) = Order::all_of(&self.items);
        let mut orders = orders;
        let mut store = RowStore::default();
        #[cfg(not(feature = "small"))]
        let mut charge = Charge::default();
        let mut arguments: Vec<Option<Argument>> =
            self.items.iter().map(|item| item.argument.as_ref().map(|of| Argument::new(of.ty))).collect();
        while self.input.next(env, batch)? {
            env.check()?;
            batch.raise(usize::MAX)?;
            if batch.count() == 0 {
                continue;
            }
            for order in &mut orders {
                order.add(env, batch)?;
            }
            for (item, kept) in self.items.iter().zip(&mut arguments) {
                if let (Some(argument), Some(kept)) = (&item.argument, kept) {
                    kept.add(&evaluate(env, argument, batch)?);
                }
            }
            store.push(batch);
            #[cfg(not(feature = "small"))]
            {
                let size = store.size() + orders.iter().map(Order::size).sum::<usize>();
                let is_much = env.budget.is_given() && env.budget.charge(&mut charge, size);
                if (is_much || env.budget.is_none())
                    && let Some(taken) = Taken::new(env)?
                {
                    self.kept_max = Footprint::in_memory(size);
                    return self.put_aside(env, batch, taken, store, charge);
                }
                env.budget.keep_some(&mut charge, size, "window", "there is no room to put rows aside")?;
            }
        }
        #[cfg(not(feature = "small"))]
        let size = store.size() + orders.iter().map(Order::size).sum::<usize>();
        let rows = store.len();
        #[cfg(not(feature = "small"))]
        let size = size + arguments.iter().flatten().map(Argument::size).sum::<usize>();
        let mut results: Vec<Results> = self
            .items
            .iter()
            .zip(arguments)
            .map(|(item, argument)| Results::new(&item.function, argument, rows))
            .collect();
        for (number, order) in orders.into_iter().enumerate() {
            let places = order.places();
            for (number_of_partition, partition) in order.partitions(&places).enumerate() {
                if number_of_partition.is_multiple_of(PARTITIONS_AT_ONCE) {
                    env.check()?;
                }
                for (at, item) in self.items.iter().enumerate() {
                    if order_of[at] != number {
                        continue;
                    }
                    #[cfg(not(feature = "small"))]
                    let beside = size + others(&results, at);
                    let mut look = |_bytes: usize| {
                        env.check()?;
                        #[cfg(not(feature = "small"))]
                        env.budget.keep_some(&mut charge, beside + _bytes, "window", NOT_PUT_ASIDE)?;
                        Ok(())
                    };
                    results[at].fill(&item.function, item.frame, &partition, &mut look)?;
                }
            }
        }
        Ok(State::Giving(store, results, 0))
    }

    /// Puts aside what was read, and what comes after it: what all of that is in the end.
    #[cfg(not(feature = "small"))]
    fn put_aside(
        &mut self,
        env: &Env<'s>,
        batch: &mut Batch<'s>,
        mut taken: Taken,
        store: RowStore<'s>,
        mut charge: Charge,
    ) -> Result<State<'s>, ExecError> {
        let (orders, _) = Order::all_of(&self.items);
        let mut row = 0;
        while row < store.len() {
            let rows: Vec<u32> = (row..store.len().min(row + GATHERED_MAX)).map(|row| row as u32).collect();
            batch.reset(rows.len());
            store.fill(&rows, batch);
            taken.take(env, batch, &self.items, &orders)?;
            row += rows.len();
        }
        drop(store);
        env.budget.charge(&mut charge, 0);
        while self.input.next(env, batch)? {
            batch.raise(usize::MAX)?;
            taken.take(env, batch, &self.items, &orders)?;
        }
        let (giver, spilled) = taken.finish(env, &self.items, None)?;
        self.kept_max.spilled = spilled;
        Ok(State::Returning(giver))
    }
}

/// Why what windows make is not put aside.
#[cfg(not(feature = "small"))]
const NOT_PUT_ASIDE: &str = "what a window joins is not put aside";

/// The bytes of the texts of all windows but one.
#[cfg(not(feature = "small"))]
fn others(results: &[Results], but: usize) -> usize {
    results.iter().enumerate().filter(|(at, _)| *at != but).map(|(_, results)| results.size()).sum()
}

/// An order that some windows ask for, and what rows are ordered by.
struct Order {
    partition: Vec<Expr>,
    terms: Vec<SortTerm>,
    /// The key of each row, one after the other.
    keys: Vec<u8>,
    /// Where each row's partition ends in its key, and where its key.
    ends: Vec<(usize, usize)>,
    /// The term that frames are told by, if any are.
    ranged: Option<Ranged>,
}

impl Order {
    /// The orders that are asked for, each once, and which of them each item asks for.
    fn all_of(items: &[WindowTerm]) -> (Vec<Order>, Vec<usize>) {
        let mut orders: Vec<Order> = Vec::new();
        let mut order_of = Vec::with_capacity(items.len());
        for item in items {
            let is_same = |known: &Order| known.partition == item.partition && known.terms == item.order;
            let number = orders.iter().position(is_same).unwrap_or(orders.len());
            if number == orders.len() {
                let (partition, terms) = (item.partition.clone(), item.order.clone());
                orders.push(Order { partition, terms, keys: Vec::new(), ends: Vec::new(), ranged: None });
            }
            if item.frame.unit == FrameUnit::Range {
                orders[number].ranged = item.order.first().map(Ranged::of);
            }
            order_of.push(number);
        }
        (orders, order_of)
    }

    /// About the bytes that its keys take in memory.
    #[cfg(not(feature = "small"))]
    fn size(&self) -> usize {
        self.keys.capacity() + size_of_val(&self.ends[..])
    }

    /// Adds the rows left of a batch.
    fn add<'s>(&mut self, env: &Env<'s>, batch: &Batch<'s>) -> Result<(), ExecError> {
        let partition = values(env, &self.partition, batch)?;
        let terms = self.terms.iter().map(|term| values_of(env, &term.expr, batch));
        let terms = terms.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.count() {
            partition.iter().for_each(|values| values.append_key(row, &mut self.keys));
            let end = self.keys.len();
            sort::append_terms(&self.terms, &terms, row, &mut self.keys);
            self.ends.push((end, self.keys.len()));
        }
        Ok(())
    }

    /// Where the key of a row starts.
    fn start(&self, row: u32) -> usize {
        (row as usize).checked_sub(1).map_or(0, |before| self.ends[before].1)
    }

    /// What tells the partition of a row.
    fn partition_of(&self, row: u32) -> &[u8] {
        &self.keys[self.start(row)..self.ends[row as usize].0]
    }

    fn key(&self, row: u32) -> &[u8] {
        &self.keys[self.start(row)..self.ends[row as usize].1]
    }

    /// The rows in order, partition after partition.
    fn places(&self) -> Vec<u32> {
        let rows = 0..self.ends.len() as u32;
        if self.keys.is_empty() {
            return rows.collect();
        }
        let mut places: Vec<(u64, u32)> = rows.map(|row| (head(self.key(row)), row)).collect();
        places.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| self.key(a.1).cmp(self.key(b.1))).then(a.1.cmp(&b.1))
        });
        places.into_iter().map(|(_, row)| row).collect()
    }

    /// The partitions of the rows in order.
    fn partitions<'p>(&'p self, places: &'p [u32]) -> impl Iterator<Item = Partition<'p>> {
        let same_partition = |a: &u32, b: &u32| self.partition_of(*a) == self.partition_of(*b);
        places.chunk_by(same_partition).map(|rows| {
            let peers = rows.chunk_by(|a, b| self.key(*a) == self.key(*b));
            let partition = Partition::new(rows, peers.map(<[u32]>::len));
            partition.along(self.ranged, |row| &self.key(row)[self.partition_of(row).len()..])
        })
    }
}

/// The values of some expressions, which count for every row: what has no result is an error.
fn values<'s>(env: &Env<'s>, exprs: &[Expr], batch: &Batch<'s>) -> Result<Vec<Vector<'s>>, ExecError> {
    exprs.iter().map(|expr| values_of(env, expr, batch)).collect()
}

fn values_of<'s>(env: &Env<'s>, expr: &Expr, batch: &Batch<'s>) -> Result<Vector<'s>, ExecError> {
    super::aggregate::faultless(evaluate(env, expr, batch)?)
}
