//! [`Results`]: the values of one window, calculated along its order, partition by partition.
//!
//! A frame's ends never go back from one row to the next, and nothing is counted for each pair of a row and one of its frame:
//!
//! - sums of integers up to 64 bits take in what enters the frame and take out what leaves it, in 128 bits, exactly;
//! - other sums take in what enters as long as nothing leaves. When something does, short frames are added up anew, and
//!   long ones from the sums of a tree's subtrees: subtracting a float would leave its rounding behind;
//! - the least and the greatest are at the front of a queue from which each value that comes drops those that it surpasses
//!   (D. Lemire, "Streaming maximum-minimum filter using no more than three comparisons per element", Nordic Journal of
//!   Computing 13, 2006; ours is the plain queue);
//! - [others](others) keep what is in the frame in a form that one more or less changes little of.

mod others;
mod range;
#[cfg(all(test, feature = "decimal", not(feature = "small")))]
mod trial;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use self::range::Along;
pub(super) use self::range::Ranged;
use super::Vector;
use super::tally::{number, overflow};
use super::vector::{Builder, Cells};
use crate::engine::error::{ExecError, RowFault};
use crate::engine::planted::{self, Bug};
use crate::expr::{AggregateFunction, Frame, FrameUnit, WindowFunction};
use crate::value::{Type, fits, integer, key};

/// Frames of up to so many rows are added up anew.
const SHORT: usize = 16;

/// So many bytes of texts are given at once.
const PART_MAX: usize = 4 << 20;

/// No row.
const NO_ROW: u32 = u32::MAX;

/// The rows of a partition, in order.
pub(super) struct Partition<'p> {
    rows: &'p [u32],
    /// For each of them, the number of its group of peers.
    groups: Vec<u32>,
    /// Where each group starts; and the end of the last.
    starts: Vec<usize>,
    /// The values that they are ordered by, if frames are told by these.
    along: Option<Along>,
}

impl<'p> Partition<'p> {
    /// These rows, in groups of peers of these lengths.
    pub(super) fn new(rows: &'p [u32], peers: impl Iterator<Item = usize>) -> Partition<'p> {
        let mut groups = Vec::with_capacity(rows.len());
        let mut starts = Vec::from([0]);
        for (number, len) in peers.enumerate() {
            groups.resize(groups.len() + len, number as u32);
            starts.push(groups.len());
        }
        debug_assert_eq!(groups.len(), rows.len());
        Partition { rows, groups, starts, along: None }
    }

    /// The same, whose frames may be told by what rows are ordered by, of which `key` is told a row's key.
    pub(super) fn along<'k>(self, ranged: Option<Ranged>, key: impl Fn(u32) -> &'k [u8]) -> Partition<'p> {
        let along = ranged.map(|ranged| Along::new(ranged, self.rows.iter().map(|row| key(*row))));
        Partition { along, ..self }
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    /// The group of peers of the row at place `at`.
    fn group(&self, at: usize) -> usize {
        self.groups[at] as usize
    }

    /// The places of the frame of the row at place `at`.
    fn frame(&self, frame: Frame, at: usize) -> Range<usize> {
        let (from, count) = match frame.unit {
            FrameUnit::Range => return self.range(frame, at),
            FrameUnit::Rows => (at, self.len()),
            FrameUnit::Groups => (self.group(at), self.starts.len() - 1),
        };
        let within = |place: i64| place.clamp(0, count as i64) as usize;
        let start = frame.start.map_or(0, |start| within((from as i64).saturating_add(start)));
        let end = frame.end.map_or(count, |end| within((from as i64).saturating_add(end).saturating_add(1)));
        let early = usize::from(planted::is(Bug::FrameEndsEarly) && frame.end.is_some());
        let end = end.saturating_sub(early).max(start);
        match frame.unit {
            FrameUnit::Rows => start..end,
            FrameUnit::Groups => self.starts[start]..self.starts[end],
            FrameUnit::Range => unreachable!("told before"),
        }
    }

    /// The same, told by the values that rows are ordered by.
    fn range(&self, frame: Frame, at: usize) -> Range<usize> {
        let along = self.along.as_ref().expect("a checked plan orders by what frames are told by");
        let group = self.group(at);
        let start = match frame.start {
            None => 0,
            Some(start) => along.start(at, start).unwrap_or(self.starts[group]),
        };
        let end = match frame.end {
            None => self.len(),
            Some(end) => along.end(at, end).unwrap_or(self.starts[group + 1]),
        };
        start..end.max(start)
    }

    fn frames(&self, frame: Frame) -> impl Iterator<Item = Range<usize>> {
        (0..self.len()).map(move |at| self.frame(frame, at))
    }
}

/// What a window is about, of all rows.
pub(super) struct Argument {
    ty: Type,
    values: Builder,
    /// The rows of which it has no result, ascending.
    faults: Vec<(u32, RowFault)>,
    rows: usize,
}

impl Argument {
    pub(super) fn new(ty: Type) -> Argument {
        Argument { ty, values: Builder::new(ty), faults: Vec::new(), rows: 0 }
    }

    /// About the bytes that it takes in memory.
    #[cfg(not(feature = "small"))]
    pub(super) fn size(&self) -> usize {
        self.values.size()
    }

    /// Adds the values of some rows.
    pub(super) fn add(&mut self, values: &Vector<'_>) {
        (0..values.len()).for_each(|row| self.values.push(values, row));
        let faults = values.faults().iter();
        self.faults.extend(faults.map(|(row, fault)| (self.rows as u32 + row, fault.clone())));
        self.rows += values.len();
    }

    fn fault(&self, row: u32) -> Option<&RowFault> {
        let at = self.faults.binary_search_by_key(&row, |(row, _)| *row).ok()?;
        Some(&self.faults[at].1)
    }

    /// The cell of a row that has a value.
    fn cell(&self, row: u32) -> Option<&[u8]> {
        self.values.cell(row as usize).filter(|_| self.faults.is_empty() || self.fault(row).is_none())
    }
}

/// The values of a window, row by row as rows came.
pub(super) struct Results {
    ty: Type,
    kept: Kept,
    argument: Option<Argument>,
    /// The rows without a result.
    faults: Vec<(u32, RowFault)>,
    is_sorted: bool,
}

enum Kept {
    /// Cells of a fixed width, and which are absent.
    Cells(Vec<u8>, Vec<bool>),
    /// Rows whose argument is the value; [`NO_ROW`] where it is absent.
    Picks(Vec<u32>),
    /// Texts or lists, one behind the other, and which part of them each row has; several may have the same.
    Texts(Vec<u8>, Vec<Option<(usize, usize)>>),
}

impl Results {
    /// Those of a window over so many rows.
    pub(super) fn new(function: &WindowFunction, argument: Option<Argument>, rows: usize) -> Results {
        use WindowFunction as W;
        let of = argument.as_ref().map_or(Type::U64, |argument| argument.ty);
        let (ty, picks) = match function {
            W::RowNumber | W::Rank | W::DenseRank | W::Ntile(_) => (Type::U64, false),
            W::PercentRank | W::CumeDist => (Type::F64, false),
            W::Lag(_) | W::Lead(_) | W::First | W::Last | W::Nth(_) => (of, true),
            W::Aggregate(AggregateFunction::Min | AggregateFunction::Max) => (of, true),
            W::Aggregate(AggregateFunction::Count | AggregateFunction::CountDistinct) => (Type::U64, false),
            W::Aggregate(
                AggregateFunction::Median | AggregateFunction::Variance | AggregateFunction::StdDev,
            ) => (Type::F64, false),
            W::Aggregate(AggregateFunction::StringAgg { .. }) => (of, false),
            W::Aggregate(AggregateFunction::ArrayAgg) => (of.list().unwrap_or(of), false),
            W::Aggregate(function) => (total_type(function, of), false),
        };
        let kept = match picks {
            true => Kept::Picks(vec![NO_ROW; rows]),
            false if ty.width().is_none() => Kept::Texts(Vec::new(), vec![None; rows]),
            false => Kept::Cells(vec![0; rows * ty.width().unwrap_or(0)], vec![false; rows]),
        };
        Results { ty, kept, argument, faults: Vec::new(), is_sorted: true }
    }

    /// Calculates the values of the rows of a partition. `look` is told how many bytes there are of texts and lists, as they become more,
    /// and may end it.
    ///
    /// # Errors
    ///
    /// Those of `look`; [`ExecError::Arithmetic`] where rows have no faults and a value has no result.
    pub(super) fn fill(
        &mut self,
        function: &WindowFunction,
        frame: Frame,
        partition: &Partition<'_>,
        look: &mut dyn FnMut(usize) -> Result<(), ExecError>,
    ) -> Result<(), ExecError> {
        use WindowFunction as W;
        let len = partition.len();
        let start_of_peers = |at: usize| partition.starts[partition.group(at)];
        match function {
            W::RowNumber => self.count(partition, |at| at + 1),
            W::Rank => self.count(partition, |at| start_of_peers(at) + 1),
            W::DenseRank => self.count(partition, |at| partition.group(at) + 1),
            W::Ntile(buckets) => {
                let buckets = usize::try_from(*buckets).unwrap_or(usize::MAX).max(1);
                let (least, more) = (len / buckets, len % buckets);
                let in_larger = more * (least + 1);
                self.count(partition, |at| match at < in_larger {
                    true => at / (least + 1) + 1,
                    false => more + (at - in_larger) / least + 1,
                });
            }
            W::PercentRank => {
                let others = (len - 1).max(1) as f64;
                self.measure(partition, |at| start_of_peers(at) as f64 / others);
            }
            W::CumeDist => self.measure(partition, |at| {
                let end_of_peers = partition.starts[partition.group(at) + 1];
                end_of_peers as f64 / len as f64
            }),
            W::Lag(by) => self.pick(partition, |at| at.checked_sub(usize::try_from(*by).ok()?)),
            W::Lead(by) => {
                let place = |at: usize| at.checked_add(usize::try_from(*by).ok()?);
                self.pick(partition, |at| place(at).filter(|place| *place < len));
            }
            W::First => self.pick(partition, |at| {
                let frame = partition.frame(frame, at);
                (!frame.is_empty()).then_some(frame.start)
            }),
            W::Last => self.pick(partition, |at| {
                let frame = partition.frame(frame, at);
                (!frame.is_empty()).then(|| frame.end - 1)
            }),
            W::Nth(number) => {
                let before = number.checked_sub(1).and_then(|before| usize::try_from(before).ok());
                self.pick(partition, |at| {
                    let mut frame = partition.frame(frame, at);
                    before.and_then(|before| frame.nth(before))
                });
            }
            W::Aggregate(AggregateFunction::Count) => self.count_framed(partition, frame),
            W::Aggregate(AggregateFunction::Min) => self.extremes(partition, frame, false),
            W::Aggregate(AggregateFunction::Max) => self.extremes(partition, frame, true),
            W::Aggregate(function @ (AggregateFunction::Sum | AggregateFunction::Avg)) => {
                self.totals(partition, frame, function)?;
            }
            W::Aggregate(function) => self.others(partition, frame, function, look)?,
        }
        Ok(())
    }

    /// The bytes of texts and lists, which may be many more than those that they are made of.
    #[cfg(not(feature = "small"))]
    pub(super) fn size(&self) -> usize {
        match &self.kept {
            Kept::Cells(..) | Kept::Picks(_) => 0,
            Kept::Texts(bytes, parts) => bytes.capacity() + size_of_val(&parts[..]),
        }
    }

    /// How many of these rows, one at least, have no more than [`PART_MAX`] bytes of texts together: several may have the same.
    pub(super) fn fit(&self, rows: Range<usize>) -> usize {
        let Kept::Texts(_, parts) = &self.kept else { return rows.len() };
        let mut bytes = 0;
        let of_rows = parts[rows].iter().take_while(|part| {
            bytes += part.map_or(0, |(start, end)| end - start);
            bytes <= PART_MAX
        });
        of_rows.count().max(1)
    }

    /// A part of the values.
    pub(super) fn part<'s>(&mut self, rows: Range<usize>) -> Vector<'s> {
        if !self.is_sorted {
            self.faults.sort_by_key(|(row, _)| *row);
            self.is_sorted = true;
        }
        let mut vector = match &self.kept {
            Kept::Cells(cells, absent) => {
                let width = self.ty.width().unwrap_or(0);
                let cells = cells[rows.start * width..rows.end * width].to_vec();
                let absent = absent[rows.clone()].to_vec();
                let absent = absent.contains(&true).then_some(absent);
                Vector::new(self.ty, rows.len(), Cells::Fixed(cells), absent)
            }
            Kept::Picks(picks) => self.picked(&picks[rows.clone()]),
            Kept::Texts(bytes, parts) => {
                let parts = &parts[rows.clone()];
                let (mut texts, mut ends) = (Vec::new(), Vec::with_capacity(parts.len()));
                for part in parts {
                    texts.extend_from_slice(part.map_or(&[], |(start, end)| &bytes[start..end]));
                    ends.push(texts.len() as u32);
                }
                let absent: Vec<bool> = parts.iter().map(Option::is_none).collect();
                let absent = absent.contains(&true).then_some(absent);
                Vector::new(self.ty, rows.len(), Cells::Owned { bytes: texts, ends }, absent)
            }
        };
        let first = self.faults.partition_point(|(row, _)| (*row as usize) < rows.start);
        for (row, fault) in &self.faults[first..] {
            if *row as usize >= rows.end {
                break;
            }
            vector.add_fault(*row - rows.start as u32, fault);
        }
        vector
    }

    /// The argument's values of some rows.
    fn picked<'s>(&self, picks: &[u32]) -> Vector<'s> {
        let argument = self.argument.as_ref().expect("what is picked is an argument's");
        let width = self.ty.width();
        let (mut bytes, mut ends, mut absent) = (Vec::new(), Vec::new(), Vec::new());
        let mut faults = Vec::new();
        for (at, row) in picks.iter().enumerate() {
            let cell = if *row == NO_ROW { None } else { argument.cell(*row) };
            absent.push(cell.is_none());
            bytes.extend_from_slice(cell.unwrap_or_default());
            match width {
                Some(width) => bytes.resize((at + 1) * width, 0),
                None => ends.push(bytes.len() as u32),
            }
            if *row != NO_ROW
                && let Some(fault) = argument.fault(*row)
            {
                faults.push((at as u32, fault.clone()));
            }
        }
        let cells = if width.is_some() { Cells::Fixed(bytes) } else { Cells::Owned { bytes, ends } };
        let mut vector = Vector::new(self.ty, picks.len(), cells, absent.contains(&true).then_some(absent));
        faults.iter().for_each(|(at, fault)| vector.add_fault(*at, fault));
        vector
    }

    fn set(&mut self, row: u32, cell: Option<&[u8]>) {
        let Kept::Cells(cells, absent) = &mut self.kept else { unreachable!("cells are kept") };
        let row = row as usize;
        match cell {
            Some(cell) => cells[row * cell.len()..][..cell.len()].copy_from_slice(cell),
            None => absent[row] = true,
        }
    }

    fn add_fault(&mut self, row: u32, fault: RowFault) {
        self.faults.push((row, fault));
        self.is_sorted = false;
    }

    fn count(&mut self, partition: &Partition<'_>, of: impl Fn(usize) -> usize) {
        for (at, row) in partition.rows.iter().enumerate() {
            self.set(*row, Some(&(of(at) as u64).to_le_bytes()));
        }
    }

    fn measure(&mut self, partition: &Partition<'_>, of: impl Fn(usize) -> f64) {
        for (at, row) in partition.rows.iter().enumerate() {
            self.set(*row, Some(&of(at).to_le_bytes()));
        }
    }

    /// Picks, for each row, the one at a place of the partition.
    fn pick(&mut self, partition: &Partition<'_>, place: impl Fn(usize) -> Option<usize>) {
        let Kept::Picks(picks) = &mut self.kept else { unreachable!("picks are kept") };
        for (at, row) in partition.rows.iter().enumerate() {
            picks[*row as usize] = place(at).map_or(NO_ROW, |place| partition.rows[place]);
        }
    }

    fn count_framed(&mut self, partition: &Partition<'_>, frame: Frame) {
        let Some(argument) = &self.argument else {
            return self.count(partition, |at| partition.frame(frame, at).len());
        };
        let present = Present::of(argument, partition);
        self.faulty(partition, frame, &present);
        self.count(partition, |at| present.count(partition.frame(frame, at)));
    }

    /// Notes the rows that have something without a result in their frames.
    fn faulty(&mut self, partition: &Partition<'_>, frame: Frame, present: &Present) {
        if present.next_fault.is_empty() {
            return;
        }
        for (at, row) in partition.rows.iter().enumerate() {
            let frame = partition.frame(frame, at);
            let next = present.next_fault[frame.start];
            if next < frame.end
                && let Some(fault) =
                    self.argument.as_ref().and_then(|argument| argument.fault(partition.rows[next]))
            {
                let fault = fault.clone();
                self.add_fault(*row, fault);
            }
        }
    }

    fn extremes(&mut self, partition: &Partition<'_>, frame: Frame, last: bool) {
        let argument = self.argument.as_ref().expect("an extreme is one of values");
        let present = Present::of(argument, partition);
        // The keys of the values, which order as they do.
        let (mut keys, mut ends) = (Vec::new(), Vec::with_capacity(partition.len()));
        for row in partition.rows {
            if let Some(cell) = argument.cell(*row) {
                key::append(&mut keys, argument.ty, false, Some(cell));
            }
            ends.push(keys.len());
        }
        let key = |at: usize| &keys[if at == 0 { 0 } else { ends[at - 1] }..ends[at]];
        let mut queue: VecDeque<usize> = VecDeque::new();
        let mut entered = 0;
        let mut best = Vec::with_capacity(partition.len());
        for frame in partition.frames(frame) {
            while entered < frame.end {
                if argument.cell(partition.rows[entered]).is_some() {
                    // Of equal values the first stays.
                    let surpassed = |before: &usize| match last {
                        true => key(*before) < key(entered),
                        false => key(*before) > key(entered),
                    };
                    while queue.back().is_some_and(surpassed) {
                        queue.pop_back();
                    }
                    queue.push_back(entered);
                }
                entered += 1;
            }
            let late = usize::from(planted::is(Bug::LeftFrameLate));
            while queue.front().is_some_and(|first| first + late < frame.start) {
                queue.pop_front();
            }
            best.push(queue.front().copied().filter(|_| !frame.is_empty()));
        }
        self.faulty(partition, frame, &present);
        self.pick(partition, |at| best[at]);
    }

    fn totals(
        &mut self,
        partition: &Partition<'_>,
        frame: Frame,
        function: &AggregateFunction,
    ) -> Result<(), ExecError> {
        let argument = self.argument.as_ref().expect("a sum is one of values");
        let present = Present::of(argument, partition);
        let (of, ty) = (argument.ty, self.ty);
        let cells = || partition.rows.iter().map(|row| argument.cell(*row));
        let is_mean = matches!(function, AggregateFunction::Avg);
        // What becomes of a total over so many values.
        let mut totals: Vec<Total> = Vec::with_capacity(partition.len());
        let mean = |total: f64, count: usize| (total / count as f64).to_le_bytes();
        // Totals of the widest integers, which may overflow on the way.
        macro_rules! checked {
            ($of:ident) => {{
                let read = |cell: &[u8]| $of::from_le_bytes(cell.try_into().expect("16 bytes"));
                let values: Vec<Option<$of>> = cells().map(|cell| Some(cell.map_or(0, read))).collect();
                let add = |a: Option<$of>, b: Option<$of>| a?.checked_add(b?);
                slide(
                    partition.frames(frame),
                    &values,
                    Some(0),
                    add,
                    None::<fn(_, _) -> _>,
                    |frame, total| {
                        totals.push(match total {
                            None => Total::Overflow,
                            Some(total) if is_mean => Total::of(&mean(total as f64, present.count(frame))),
                            Some(total) => Total::of(&total.to_le_bytes()),
                        });
                    },
                );
            }};
        }
        match of {
            Type::F32 | Type::F64 => {
                let values: Vec<f64> =
                    cells().map(|cell| cell.map_or(0.0, |cell| number(of, cell))).collect();
                slide(
                    partition.frames(frame),
                    &values,
                    0.0,
                    |a, b| a + b,
                    None::<fn(f64, f64) -> f64>,
                    |frame, total| {
                        totals.push(match is_mean {
                            true => Total::of(&mean(total, present.count(frame))),
                            false => Total::of(&total.to_le_bytes()),
                        });
                    },
                );
            }
            Type::U128 => checked!(u128),
            #[cfg(feature = "decimal")]
            Type::Decimal => {
                use super::arithmetic::decimal;
                let zero = rust_decimal::Decimal::ZERO;
                let values: Vec<Option<rust_decimal::Decimal>> =
                    cells().map(|cell| Some(cell.map_or(zero, decimal::read))).collect();
                let add =
                    |a: Option<rust_decimal::Decimal>, b: Option<rust_decimal::Decimal>| a?.checked_add(b?);
                slide(
                    partition.frames(frame),
                    &values,
                    Some(zero),
                    add,
                    None::<fn(_, _) -> _>,
                    |frame, total| {
                        let count = present.count(frame);
                        totals.push(match total {
                            None => Total::Overflow,
                            Some(total) if is_mean => {
                                Total::of(&decimal::cell(total.checked_div(count.into()).unwrap_or_default()))
                            }
                            Some(total) => Total::of(&decimal::cell(total)),
                        });
                    },
                );
            }
            Type::I128 => checked!(i128),
            // So many narrower integers as would overflow 128 bits do not exist.
            of => {
                let values: Vec<i128> =
                    cells().map(|cell| cell.map_or(0, |cell| integer(of, cell))).collect();
                slide(
                    partition.frames(frame),
                    &values,
                    0,
                    |a, b| a + b,
                    Some(|a, b| a - b),
                    |frame, total| {
                        totals.push(match is_mean {
                            true => Total::of(&mean(total as f64, present.count(frame))),
                            false if fits(total, ty) => Total::of(&total.to_le_bytes()[..8]),
                            false => Total::Overflow,
                        });
                    },
                );
            }
        }
        self.faulty(partition, frame, &present);
        for (at, total) in totals.iter().enumerate() {
            let row = partition.rows[at];
            let absent = is_mean && present.count(partition.frame(frame, at)) == 0;
            match total {
                _ if absent => self.set(row, None),
                Total::Cell(cell) => self.set(row, Some(&cell[..ty.width().unwrap_or(0)])),
                Total::Overflow => match RowFault::new(overflow(function, ty)) {
                    Some(fault) => self.add_fault(row, fault),
                    None => return Err(overflow(function, ty).into()),
                },
            }
        }
        Ok(())
    }
}

/// What comes of the values of a frame.
enum Total {
    Cell([u8; 16]),
    Overflow,
}

impl Total {
    fn of(bytes: &[u8]) -> Total {
        let mut cell = [0; 16];
        cell[..bytes.len()].copy_from_slice(bytes);
        Total::Cell(cell)
    }
}

/// The type of a sum or mean of values of type `of`.
fn total_type(function: &AggregateFunction, of: Type) -> Type {
    match of {
        Type::Decimal => Type::Decimal,
        _ if matches!(function, AggregateFunction::Avg) => Type::F64,
        Type::I128 | Type::U128 => of,
        Type::F32 | Type::F64 => Type::F64,
        of if of.is_signed_integer() => Type::I64,
        _ => Type::U64,
    }
}

/// Where in a partition there are values, and where there is no result.
struct Present {
    /// How many values come before each place; and in all.
    before: Vec<u32>,
    /// From each place, and from the end, where the next fault is; empty without faults.
    next_fault: Vec<usize>,
}

impl Present {
    fn of(argument: &Argument, partition: &Partition<'_>) -> Present {
        let mut before = Vec::with_capacity(partition.len() + 1);
        let mut count = 0;
        for row in partition.rows {
            before.push(count);
            count += u32::from(argument.cell(*row).is_some());
        }
        before.push(count);
        let mut next_fault = Vec::new();
        if !argument.faults.is_empty() {
            let mut next = usize::MAX;
            next_fault.resize(partition.len() + 1, next);
            for (at, row) in partition.rows.iter().enumerate().rev() {
                if argument.fault(*row).is_some() {
                    next = at;
                }
                next_fault[at] = next;
            }
        }
        Present { before, next_fault }
    }

    fn count(&self, frame: Range<usize>) -> usize {
        (self.before[frame.end] - self.before[frame.start]) as usize
    }
}

/// Calls `each` with the total of `values` over every frame. The frames' ends never go back.
fn slide<T: Copy>(
    frames: impl Iterator<Item = Range<usize>>,
    values: &[T],
    zero: T,
    add: impl Fn(T, T) -> T + Copy,
    subtract: Option<impl Fn(T, T) -> T>,
    mut each: impl FnMut(Range<usize>, T),
) {
    let mut tree: Option<Tree<T>> = None;
    let (mut known, mut total) = (0..0, zero);
    let sum =
        |from: T, range: Range<usize>| values[range].iter().fold(from, |total, value| add(total, *value));
    for frame in frames {
        if frame.start == known.start && frame.end >= known.end {
            total = sum(total, known.end..frame.end);
        } else if let Some(subtract) = &subtract
            && frame.start <= known.end
            && frame.end >= known.end
        {
            let leaving = values[known.start..frame.start].iter();
            total = leaving.fold(total, |total, value| subtract(total, *value));
            total = sum(total, known.end..frame.end);
        } else if frame.len() <= SHORT {
            total = sum(zero, frame.clone());
        } else {
            let tree = tree.get_or_insert_with(|| Tree::new(values, zero, add));
            total = tree.total(frame.clone(), zero, add);
        }
        known = frame.clone();
        each(frame, total);
    }
}

/// Totals of the parts that values fall into when they are halved, and halved again.
struct Tree<T> {
    /// The total of all is number 1, those of the halves of `n` are `2 n` and `2 n + 1`, and the values come last.
    totals: Vec<T>,
}

impl<T: Copy> Tree<T> {
    fn new(values: &[T], zero: T, add: impl Fn(T, T) -> T) -> Tree<T> {
        let size = values.len().next_power_of_two();
        let mut totals = vec![zero; 2 * size];
        totals[size..size + values.len()].copy_from_slice(values);
        for number in (1..size).rev() {
            totals[number] = add(totals[2 * number], totals[2 * number + 1]);
        }
        Tree { totals }
    }

    fn total(&self, range: Range<usize>, zero: T, add: impl Fn(T, T) -> T) -> T {
        let size = self.totals.len() / 2;
        let (mut low, mut high) = (range.start + size, range.end + size);
        let (mut from_left, mut from_right) = (zero, zero);
        while low < high {
            if low % 2 == 1 {
                from_left = add(from_left, self.totals[low]);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                from_right = add(self.totals[high], from_right);
            }
            (low, high) = (low / 2, high / 2);
        }
        add(from_left, from_right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four groups of peers: of two, one, three and one rows.
    fn partition(rows: &[u32]) -> Partition<'_> {
        Partition::new(rows, [2, 1, 3, 1].into_iter())
    }

    #[test]
    fn frames_end_where_the_partition_does() {
        let rows: Vec<u32> = (0..7).collect();
        let partition = partition(&rows);
        let frames = |unit, start, end| -> Vec<Range<usize>> {
            partition.frames(Frame { unit, start, end }).collect()
        };
        let all = [0..7, 0..7, 0..7, 0..7, 0..7, 0..7, 0..7];
        assert_eq!(frames(FrameUnit::Rows, None, None), all);
        assert_eq!(frames(FrameUnit::Groups, Some(i64::MIN), Some(i64::MAX)), all);
        assert_eq!(frames(FrameUnit::Rows, Some(-2), Some(0)), [0..1, 0..2, 0..3, 1..4, 2..5, 3..6, 4..7]);
        assert_eq!(frames(FrameUnit::Rows, Some(5), Some(9)), [5..7, 6..7, 7..7, 7..7, 7..7, 7..7, 7..7]);
        assert_eq!(frames(FrameUnit::Rows, None, Some(-6)), [0..0, 0..0, 0..0, 0..0, 0..0, 0..0, 0..1]);
        assert_eq!(frames(FrameUnit::Groups, Some(0), Some(0)), [0..2, 0..2, 2..3, 3..6, 3..6, 3..6, 6..7]);
        assert_eq!(frames(FrameUnit::Groups, Some(-1), Some(-1)), [0..0, 0..0, 0..2, 2..3, 2..3, 2..3, 3..6]);
        assert_eq!(
            partition.frames(Frame::DEFAULT).collect::<Vec<_>>(),
            [0..2, 0..2, 0..3, 0..6, 0..6, 0..6, 0..7]
        );
        // The end lies before the start.
        assert!(frames(FrameUnit::Rows, Some(2), Some(-2)).iter().all(Range::is_empty));
    }

    #[test]
    fn totals_slide_as_they_are_added_anew() {
        let values: Vec<i128> = (0..500).map(|n| (n * n * 7919) % 1013 - 500).collect();
        let floats: Vec<f64> = values.iter().map(|value| *value as f64).collect();
        for (before, behind) in
            [(0, 0), (-1, 1), (-3, 0), (-40, 40), (-100, -60), (30, 90), (-600, 600), (2, 1)]
        {
            let frames = || {
                (0..500i64).map(|at| {
                    let start = (at + before).clamp(0, 500) as usize;
                    start..((at + behind + 1).clamp(0, 500) as usize).max(start)
                })
            };
            let expected: Vec<i128> = frames().map(|frame| values[frame].iter().sum()).collect();
            let mut exact = Vec::new();
            slide(frames(), &values, 0, |a, b| a + b, Some(|a, b| a - b), |_, total| exact.push(total));
            assert_eq!(exact, expected, "{before} to {behind}");
            let mut added = Vec::new();
            let none = None::<fn(f64, f64) -> f64>;
            slide(frames(), &floats, 0.0, |a, b| a + b, none, |_, total| added.push(total as i128));
            assert_eq!(added, expected, "{before} to {behind}");
        }
    }

    #[test]
    fn what_leaves_a_frame_leaves_nothing_behind() {
        let values = [1e16, 1.0, 2.0, 3.0, f64::INFINITY, 4.0];
        let frames = (0..values.len()).map(|at| at.saturating_sub(1)..at + 1);
        let mut totals = Vec::new();
        let none = None::<fn(f64, f64) -> f64>;
        slide(frames, &values, 0.0, |a, b| a + b, none, |_, total| totals.push(total));
        assert_eq!(totals[2..4], [3.0, 5.0]);
        let values: Vec<f64> = core::iter::once(1e300).chain((0..100).map(f64::from)).collect();
        let frames = (0..values.len()).map(|at| at.saturating_sub(49)..at + 1);
        let mut last = 0.0;
        slide(frames, &values, 0.0, |a, b| a + b, none, |_, total| last = total);
        assert_eq!(last, (50..100).map(f64::from).sum());
    }
}
