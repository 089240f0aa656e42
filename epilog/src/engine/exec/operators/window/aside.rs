//! [`Taken`]: the rows of windows that memory has no room for.
//!
//! Rows are kept as bytes, with the keys of all orders that windows ask for and the values that they are made of, so that no record is
//! read before they come out. For one order after the other they are sorted, put aside as any sort's rows are; a partition at a time
//! comes back, gets its values, and goes on to the next order. In the end they are sorted by the number that they came with:
//!
//! ```text
//! as they come    numbers, keys, what windows are made of
//!   by order 1    partition after partition, with the values of its windows
//!   by order 2    ...
//!   by number     as they came, with all values
//! ```
//!
//! Numbers of rows and ranks take no more than what was counted so far. Of other windows a whole partition is in memory.
//!
//! | bytes | what of a row |
//! |---|---|
//! | | its key in the order, and the row's number, 8 bytes, big-endian |
//! | 4 | the length of what comes next |
//! | 16 | the rank of the root record, big-endian |
//! | 8 or more | for each order the length of its partition, that of its key, 4 bytes each, and the key |
//! | 1 or more | for each argument of a window its value, as [`Packed`](crate::engine::exec::packed) has it |
//! | | the row as it has it, and a value for each window that was done |
//!
//! Numbers are little-endian where nothing else is said.

use alloc::vec::Vec;

use super::{Counter, NOT_PUT_ASIDE, Order, others, values, values_of};
use crate::engine::error::{ExecError, RowFault};
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
use crate::engine::exec::budget::Charge;
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::frames::{Argument, Ranged, Results};
use crate::engine::exec::operators::sort::{self, Giver, Packer};
use crate::engine::exec::packed::{BatchRow, ROOT, Shape, Values, append_value, skip_value};
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{Window, WindowTerm};
use crate::engine::planted::{self, Bug};
use crate::expr::{FrameUnit, WindowFunction};

/// The bytes of a rank, of a row's number, and of the lengths before a key.
const RANK_LEN: usize = 16;
const NUMBER_LEN: usize = 8;
const LENGTHS: usize = 8;

/// Between two looks at what they take in memory there are so many rows.
const ROWS_AT_ONCE: usize = 64;

/// Rows being taken. They borrow nothing.
pub(in crate::engine::exec) struct Taken {
    packer: Packer,
    /// `None` until there has been a row.
    shape: Option<Shape>,
    faults: Vec<RowFault>,
    /// How many there are.
    rows: u64,
    /// Whether the input has ended.
    pub(super) complete: bool,
}

/// Room for rows in any order.
fn packer() -> Packer {
    Packer::new(Window::behind(0)).expect("rows are packed")
}

impl Taken {
    /// `None` where there is no room outside of memory.
    pub(super) fn new(env: &Env<'_>) -> Result<Option<Taken>, ExecError> {
        let packer = packer().outside(env)?;
        let taken = |packer| Taken { packer, shape: None, faults: Vec::new(), rows: 0, complete: false };
        Ok(packer.map(taken))
    }

    /// The bytes put aside so far.
    pub(super) fn spilled(&self) -> u64 {
        self.packer.footprint().spilled
    }

    /// The bytes in memory.
    pub(super) fn size(&self) -> usize {
        self.packer.footprint().memory as usize
    }

    /// Forgets what they took of the budget of another operation.
    pub(super) fn begin_again(&mut self) {
        self.packer.begin_again();
    }

    /// Takes the rows left of a batch, none of which has a fault, for windows that ask for these orders.
    pub(super) fn take<'s>(
        &mut self,
        env: &Env<'s>,
        batch: &Batch<'s>,
        items: &[WindowTerm],
        orders: &[Order],
    ) -> Result<(), ExecError> {
        env.check()?;
        let mut keys = Vec::with_capacity(orders.len());
        for order in orders {
            let terms = order.terms.iter().map(|term| values_of(env, &term.expr, batch));
            keys.push((values(env, &order.partition, batch)?, terms.collect::<Result<Vec<_>, _>>()?));
        }
        let arguments = items.iter().filter_map(|item| item.argument.as_ref());
        let arguments =
            arguments.map(|argument| evaluate(env, argument, batch)).collect::<Result<Vec<_>, _>>()?;
        let Taken { packer, shape, faults, rows, .. } = self;
        let shape = shape.get_or_insert_with(|| Shape::of_all(batch).expect("rows are packed"));
        let selected = batch.selected();
        let (mut key, mut hidden) = (Vec::new(), Vec::new());
        for at in 0..batch.count() {
            let row = selected.row(at);
            hidden.clear();
            hidden.extend_from_slice(&batch.rank(ROOT, row).unwrap_or(0).to_be_bytes());
            for (order, (partition, terms)) in orders.iter().zip(&keys) {
                let start = hidden.len() + LENGTHS;
                hidden.resize(start, 0);
                partition.iter().for_each(|values| values.append_key(at, &mut hidden));
                let partition_len = (hidden.len() - start) as u32;
                sort::append_terms(&order.terms, terms, at, &mut hidden);
                let len = (hidden.len() - start) as u32;
                hidden[start - 8..start - 4].copy_from_slice(&partition_len.to_le_bytes());
                hidden[start - 4..start].copy_from_slice(&len.to_le_bytes());
            }
            for of in &arguments {
                append_value(&mut hidden, of.ty(), of.cell(at), of.fault(at), faults);
            }
            key.clear();
            key.extend_from_slice(order_key(&hidden, 0).0);
            key.extend_from_slice(&rows.to_be_bytes());
            *rows += 1;
            packer.push_bytes(&key, |out| {
                out.extend_from_slice(&(hidden.len() as u32).to_le_bytes());
                out.extend_from_slice(&hidden);
                shape.append(out, &BatchRow(batch, row), false, faults)?;
                // The row has no fault, and more values come here.
                assert_eq!(out.pop(), Some(0));
                Ok(())
            })?;
            if at.is_multiple_of(ROWS_AT_ONCE) {
                packer.make_room(env)?;
            }
        }
        packer.make_room(env)
    }

    /// All rows as they came, with the values of windows; and the bytes put aside on the way. Where rows are numbered only, `before`
    /// has how many there were of each partition before these.
    pub(super) fn finish(
        self,
        env: &Env<'_>,
        items: &[WindowTerm],
        before: Option<&[Counter]>,
    ) -> Result<(Giver, u64), ExecError> {
        let Taken { mut packer, shape, mut faults, .. } = self;
        let (orders, order_of) = Order::all_of(items);
        let (mut spilled, mut outputs) = (0, Vec::new());
        for number in 0..orders.len() {
            let mut giver = packer.finish(env)?;
            packer = self::packer();
            let of_order = (0..items.len()).filter(|item| order_of[*item] == number);
            let stage = Stage {
                number,
                next: Some(number + 1).filter(|next| *next < orders.len()),
                items,
                own: of_order.collect(),
                orders: orders.len(),
            };
            outputs.extend(stage.own.iter().map(|item| {
                let output = items[*item].output;
                (output, env.computed[usize::from(output.0)])
            }));
            match stage.numbers_only() {
                true => stage.number(env, &mut giver, &mut packer, before)?,
                false => stage.fill(env, &mut giver, &mut packer, &mut faults)?,
            }
            packer.make_room(env)?;
            spilled += giver.footprint().spilled;
            giver.close(env);
        }
        let shape = shape.unwrap_or_else(Shape::of_nothing).with(outputs.into_iter());
        packer.set_shape(shape, faults);
        Ok((packer.finish(env)?, spilled))
    }
}

/// The key of an order, and how much of it is the partition.
fn order_key(hidden: &[u8], number: usize) -> (&[u8], usize) {
    let mut rest = &hidden[RANK_LEN..];
    for _ in 0..number {
        rest = &rest[LENGTHS + len_at(rest, 4)..];
    }
    (&rest[LENGTHS..][..len_at(rest, 4)], len_at(rest, 0))
}

fn len_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
}

/// A row on its way through an order.
struct Row<'r> {
    partition: &'r [u8],
    /// With the partition.
    key: &'r [u8],
    number: &'r [u8],
    hidden: &'r [u8],
    rest: &'r [u8],
}

impl<'r> Row<'r> {
    fn of(row: &'r [u8], key_len: usize, order: usize) -> Row<'r> {
        let (key, number) = row[..key_len].split_at(key_len - NUMBER_LEN);
        let (hidden, rest) = row[key_len + 4..].split_at(len_at(row, key_len));
        Row { partition: &key[..order_key(hidden, order).1], key, number, hidden, rest }
    }
}

/// The windows of one order.
struct Stage<'i> {
    number: usize,
    /// The order that comes after it.
    next: Option<usize>,
    items: &'i [WindowTerm],
    /// Which of them they are.
    own: Vec<usize>,
    /// How many orders there are.
    orders: usize,
}

impl Stage<'_> {
    /// Whether what was counted so far tells all values.
    fn numbers_only(&self) -> bool {
        use WindowFunction as W;
        let is_number =
            |item: &usize| matches!(self.items[*item].function, W::RowNumber | W::Rank | W::DenseRank);
        self.own.iter().all(is_number)
    }

    /// Adds a row to those of the next order, or to those that come out, with the values that `append` appends.
    fn pass(
        &self,
        row: &Row<'_>,
        key: &mut Vec<u8>,
        packer: &mut Packer,
        append: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), ExecError> {
        key.clear();
        match self.next {
            Some(next) => {
                key.extend_from_slice(order_key(row.hidden, next).0);
                key.extend_from_slice(row.number);
            }
            None => {
                key.extend_from_slice(row.number);
                key.extend_from_slice(&row.hidden[..RANK_LEN]);
            }
        }
        packer.push_bytes(key, |out| {
            if self.next.is_some() {
                out.extend_from_slice(&(row.hidden.len() as u32).to_le_bytes());
                out.extend_from_slice(row.hidden);
            }
            out.extend_from_slice(row.rest);
            append(out);
            if self.next.is_none() {
                // Without a fault of its own.
                out.push(0);
            }
            Ok(())
        })
    }

    /// Numbers rows as they come.
    fn number(
        &self,
        env: &Env<'_>,
        giver: &mut Giver,
        packer: &mut Packer,
        before: Option<&[Counter]>,
    ) -> Result<(), ExecError> {
        let (mut bytes, mut key) = (Vec::new(), Vec::new());
        // The last row's key, and how much of that is its partition.
        let mut last: Option<(Vec<u8>, usize)> = None;
        // How many rows there are of its partition, the first of its peers, and how many groups of peers.
        let (mut rows, mut rank, mut dense) = (0_u64, 0, 0);
        let mut start = vec![0; self.own.len()];
        let mut at = 0_usize;
        while let Some(key_len) = giver.pull(&mut bytes)? {
            let row = Row::of(&bytes, key_len, self.number);
            let is_same = |(key, len): &(Vec<u8>, usize)| key[..*len] == *row.partition;
            if !last.as_ref().is_some_and(is_same) {
                if !planted::is(Bug::PartitionGoesOn) {
                    (rows, rank, dense) = (0, 0, 0);
                }
                for (start, item) in start.iter_mut().zip(&self.own) {
                    *start = before.map_or(0, |before| before[*item].count(row.partition));
                }
            }
            rows += 1;
            if last.as_ref().is_none_or(|(key, _)| key != row.key) || rank == 0 {
                (rank, dense) = (rows, dense + 1);
            }
            self.pass(&row, &mut key, packer, |out| {
                for (start, item) in start.iter().zip(&self.own) {
                    let value = match self.items[*item].function {
                        WindowFunction::Rank => rank,
                        WindowFunction::DenseRank => dense,
                        _ => rows,
                    };
                    let cell = (start + value).to_le_bytes();
                    append_value(out, crate::value::Type::U64, Some(&cell), None, &mut Vec::new());
                }
            })?;
            let (key, len) = last.get_or_insert_default();
            key.clear();
            key.extend_from_slice(row.key);
            *len = row.partition.len();
            at += 1;
            if at.is_multiple_of(ROWS_AT_ONCE) || env.budget.is_none() {
                env.check()?;
                packer.make_room(env)?;
            }
        }
        Ok(())
    }

    /// Gives rows values from all rows of their partitions.
    fn fill(
        &self,
        env: &Env<'_>,
        giver: &mut Giver,
        packer: &mut Packer,
        faults: &mut Vec<RowFault>,
    ) -> Result<(), ExecError> {
        let mut block = Block::new(self);
        let mut charge = Charge::default();
        let mut bytes = Vec::new();
        while let Some(key_len) = giver.pull(&mut bytes)? {
            let row = Row::of(&bytes, key_len, self.number);
            if block.is_full(env) && block.is_other(row.partition) {
                self.flush(env, &mut block, packer, faults)?;
            }
            block.add(self, &row, &bytes, key_len);
            if block.ends.len().is_multiple_of(ROWS_AT_ONCE) {
                env.check()?;
                let why = "a single partition is not put aside";
                env.budget.keep_some(&mut charge, block.size(), "window", why)?;
            }
        }
        self.flush(env, &mut block, packer, faults)?;
        env.budget.charge(&mut charge, 0);
        Ok(())
    }

    /// Passes the rows of some partitions on, with their values.
    fn flush(
        &self,
        env: &Env<'_>,
        block: &mut Block,
        packer: &mut Packer,
        faults: &mut Vec<RowFault>,
    ) -> Result<(), ExecError> {
        let Block { rows, ends, order, arguments } = core::mem::replace(block, Block::new(self));
        let count = ends.len();
        let mut results: Vec<Results> = Vec::with_capacity(self.own.len());
        for (item, values) in self.own.iter().zip(arguments) {
            let item = &self.items[*item];
            let argument = item.argument.as_ref().map(|of| {
                let mut argument = Argument::new(of.ty);
                argument.add(&values.vector(of.ty, faults));
                argument
            });
            results.push(Results::new(&item.function, argument, count));
        }
        let places = order.places();
        let mut charge = Charge::default();
        for partition in order.partitions(&places) {
            for (at, item) in self.own.iter().enumerate() {
                let item = &self.items[*item];
                let beside = others(&results, at);
                let mut look = |bytes: usize| {
                    env.check()?;
                    env.budget.keep_some(&mut charge, beside + bytes, "window", NOT_PUT_ASIDE)
                };
                results[at].fill(&item.function, item.frame, &partition, &mut look)?;
            }
        }
        let (mut key, mut first, mut values) = (Vec::new(), 0, Vec::new());
        for (at, (start, key_len, end)) in ends.into_iter().enumerate() {
            // Those of some rows at a time.
            if at == first + values.first().map_or(0, Vector::len) {
                let fit = results.iter().map(|results| results.fit(at..count)).min().unwrap_or(count - at);
                values = results.iter_mut().map(|results| results.part(at..at + fit)).collect();
                first = at;
            }
            let row = Row::of(&rows[start..end], key_len, self.number);
            self.pass(&row, &mut key, packer, |out| {
                for of in &values {
                    let at = at - first;
                    append_value(out, of.ty(), of.cell(at), of.fault(at), faults);
                }
            })?;
            if at.is_multiple_of(ROWS_AT_ONCE) || env.budget.is_none() {
                env.check()?;
                packer.make_room(env)?;
            }
        }
        env.budget.charge(&mut charge, 0);
        packer.make_room(env)
    }
}

/// The rows of some partitions, as bytes, and what windows are made of.
struct Block {
    rows: Vec<u8>,
    /// Where each starts, how much of it is its key, and where it ends.
    ends: Vec<(usize, usize, usize)>,
    order: Order,
    /// For each window the values of its argument; none where it has no argument.
    arguments: Vec<Values>,
}

impl Block {
    fn new(stage: &Stage<'_>) -> Block {
        let own = || stage.own.iter().map(|item| &stage.items[*item]);
        let by_range = own().find(|item| item.frame.unit == FrameUnit::Range);
        let ranged = by_range.and_then(|item| item.order.first()).map(Ranged::of);
        let order =
            Order { partition: Vec::new(), terms: Vec::new(), keys: Vec::new(), ends: Vec::new(), ranged };
        let arguments = own().map(|_| Values::default()).collect();
        Block { rows: Vec::new(), ends: Vec::new(), order, arguments }
    }

    fn size(&self) -> usize {
        self.rows.capacity()
            + size_of_val(&self.ends[..])
            + self.order.size()
            + self.arguments.iter().map(Values::size).sum::<usize>()
    }

    /// Whether it has enough rows to go on with, if its last partition has ended.
    fn is_full(&self, env: &Env<'_>) -> bool {
        let is_large = env.budget.bytes().is_some_and(|budget| self.size() > budget / 16);
        is_large || self.ends.len() >= GATHERED_MAX || env.budget.is_none()
    }

    /// Whether its last row is of another partition.
    fn is_other(&self, partition: &[u8]) -> bool {
        let last = self.ends.len().checked_sub(1);
        last.is_some_and(|last| self.order.partition_of(last as u32) != partition)
    }

    fn add(&mut self, stage: &Stage<'_>, row: &Row<'_>, bytes: &[u8], key_len: usize) {
        let start = self.order.keys.len();
        self.order.keys.extend_from_slice(row.key);
        self.order.ends.push((start + row.partition.len(), self.order.keys.len()));
        let mut rest = &row.hidden[RANK_LEN..];
        for _ in 0..stage.orders {
            rest = &rest[LENGTHS + len_at(rest, 4)..];
        }
        for (number, item) in stage.items.iter().enumerate() {
            let Some(argument) = &item.argument else { continue };
            match stage.own.iter().position(|own| *own == number) {
                Some(own) => self.arguments[own].read(argument.ty, &mut rest),
                None => skip_value(argument.ty, &mut rest),
            }
        }
        let start = self.rows.len();
        self.rows.extend_from_slice(bytes);
        self.ends.push((start, key_len, self.rows.len()));
    }
}
