//! Aggregates of frames beyond counts, totals and extremes.
//!
//! | aggregate | what is kept of a frame | for each row that comes or goes |
//! |---|---|---|
//! | count of different values | how often each is there | a step |
//! | median | how many are there of each place in the order of all | as many steps as that number has bits |
//! | variance, deviation | count, mean and squares, or those of a tree's subtrees where rows have left | as sums of floats |
//! | joined texts, lists | nothing: each is as long as what it is made of | |

use alloc::vec::Vec;
use core::ops::Range;

use super::super::tally::{number, square_root};
use super::{Argument, Kept, Partition, Present, Results, slide};
use crate::engine::error::ExecError;
use crate::engine::exec::table::KeyTable;
use crate::engine::planted::{self, Bug};
use crate::expr::{AggregateFunction, Frame};
use crate::value::{compare_floats, key, list};

impl Results {
    /// Calculates what a function makes of each frame.
    pub(super) fn others(
        &mut self,
        partition: &Partition<'_>,
        frame: Frame,
        function: &AggregateFunction,
        look: &mut dyn FnMut(usize) -> Result<(), ExecError>,
    ) -> Result<(), ExecError> {
        use AggregateFunction as F;
        let argument = self.argument.as_ref().expect("an aggregate of values");
        let present = Present::of(argument, partition);
        match function {
            F::CountDistinct => {
                let counts = distinct(argument, partition, frame);
                self.count(partition, |at| counts[at]);
            }
            F::Median => {
                let medians = medians(argument, partition, frame);
                self.fill_floats(partition, &medians);
            }
            F::Variance | F::StdDev => {
                let root = if *function == F::StdDev { square_root } else { |variance| variance };
                let mut variances = Vec::with_capacity(partition.len());
                let values = numbers(argument, partition);
                let values: Vec<Moments> = values.into_iter().map(Moments::of).collect();
                let none = None::<fn(Moments, Moments) -> Moments>;
                slide(partition.frames(frame), &values, Moments::NONE, Moments::with, none, |_, moments| {
                    variances.push(moments.variance().map(root));
                });
                self.fill_floats(partition, &variances);
            }
            F::StringAgg { separator } => self.join(partition, frame, Some(separator), look)?,
            _ => self.join(partition, frame, None, look)?,
        }
        self.faulty(partition, frame, &present);
        Ok(())
    }

    fn fill_floats(&mut self, partition: &Partition<'_>, values: &[Option<f64>]) {
        for (row, value) in partition.rows.iter().zip(values) {
            self.set(*row, value.map(f64::to_le_bytes).as_ref().map(|cell| &cell[..]));
        }
    }

    /// Joins the texts of each frame, with a separator, or makes a list of its values.
    fn join(
        &mut self,
        partition: &Partition<'_>,
        frame: Frame,
        separator: Option<&str>,
        look: &mut dyn FnMut(usize) -> Result<(), ExecError>,
    ) -> Result<(), ExecError> {
        let Results { kept: Kept::Texts(bytes, parts), argument: Some(argument), .. } = self else {
            unreachable!("what is joined is kept as bytes")
        };
        let (mut last, mut looked) = (None, bytes.len());
        for (at, row) in partition.rows.iter().enumerate() {
            let places = partition.frame(frame, at);
            if let Some((known, part)) = &last
                && *known == places
            {
                parts[*row as usize] = *part;
                continue;
            }
            let start = bytes.len();
            let mut cells = partition.rows[places.clone()].iter().filter_map(|row| argument.cell(*row));
            let part = match separator {
                Some(separator) => cells.next().map(|first| {
                    bytes.extend_from_slice(first);
                    for cell in cells {
                        bytes.extend_from_slice(separator.as_bytes());
                        bytes.extend_from_slice(cell);
                    }
                    (start, bytes.len())
                }),
                None => {
                    let mut of_frame = list::empty();
                    cells.for_each(|cell| list::push(&mut of_frame, argument.ty, cell));
                    bytes.append(&mut of_frame);
                    Some((start, bytes.len()))
                }
            };
            parts[*row as usize] = part;
            last = Some((places, part));
            if bytes.len() - looked >= LOOK_EACH {
                looked = bytes.len();
                look(bytes.capacity())?;
            }
        }
        look(bytes.capacity())
    }
}

/// So many bytes of texts are made between two looks at how many there are.
const LOOK_EACH: usize = 64 << 10;

/// What is kept of a frame.
trait InFrame {
    /// Takes in the row at a place, or out again.
    fn change(&mut self, place: usize, comes: bool);
}

/// Calls `each` with what is kept of each frame. The frames' ends never go back.
fn pass<K: InFrame>(frames: impl Iterator<Item = Range<usize>>, mut kept: K, mut each: impl FnMut(&K)) {
    let mut known = 0..0;
    for frame in frames {
        (known.end..frame.end).for_each(|place| kept.change(place, true));
        (known.start..frame.start).for_each(|place| kept.change(place, false));
        known = frame;
        each(&kept);
    }
}

/// How many different values each frame has.
fn distinct(argument: &Argument, partition: &Partition<'_>, frame: Frame) -> Vec<usize> {
    struct Counts {
        /// The number of the value at each place.
        numbers: Vec<Option<usize>>,
        /// How often each is there.
        counts: Vec<usize>,
        different: usize,
    }

    impl InFrame for Counts {
        fn change(&mut self, place: usize, comes: bool) {
            let Some(number) = self.numbers[place] else { return };
            let count = &mut self.counts[number];
            if comes {
                self.different += usize::from(*count == 0);
                *count += 1;
            } else {
                *count = if planted::is(Bug::DistinctGone) { 0 } else { *count - 1 };
                self.different -= usize::from(*count == 0);
            }
        }
    }

    let (mut table, mut bytes) = (KeyTable::default(), Vec::new());
    let mut number = |row: &u32| {
        let cell = argument.cell(*row)?;
        bytes.clear();
        key::append(&mut bytes, argument.ty, false, Some(cell));
        Some(table.intern(&bytes))
    };
    let numbers: Vec<Option<usize>> = partition.rows.iter().map(&mut number).collect();
    let mut out = Vec::with_capacity(partition.len());
    let counts = Counts { numbers, counts: vec![0; table.len()], different: 0 };
    pass(partition.frames(frame), counts, |kept| out.push(kept.different));
    out
}

/// The median of each frame.
fn medians(argument: &Argument, partition: &Partition<'_>, frame: Frame) -> Vec<Option<f64>> {
    /// Sums over parts of an order whose lengths are powers of two (P. M. Fenwick, "A new data structure for cumulative frequency
    /// tables", Software: Practice and Experience 24, 1994).
    struct Counts {
        /// The place of each row in the order of all values.
        ranks: Vec<Option<usize>>,
        sums: Vec<usize>,
        count: usize,
    }

    impl InFrame for Counts {
        fn change(&mut self, place: usize, comes: bool) {
            let Some(rank) = self.ranks[place] else { return };
            self.count = if comes { self.count + 1 } else { self.count - 1 };
            let mut at = rank + 1;
            while let Some(sum) = self.sums.get_mut(at) {
                *sum = if comes { *sum + 1 } else { *sum - 1 };
                at += at & at.wrapping_neg();
            }
        }
    }

    impl Counts {
        /// The rank of the value before which so many others of the frame come.
        fn find(&self, mut before: usize) -> usize {
            let (mut at, mut step) = (0, self.sums.len().next_power_of_two());
            while step > 0 {
                if let Some(sum) = self.sums.get(at + step)
                    && *sum <= before
                {
                    before -= sum;
                    at += step;
                }
                step /= 2;
            }
            at
        }
    }

    let values = numbers(argument, partition);
    let mut order: Vec<(f64, usize)> =
        values.iter().enumerate().filter_map(|(place, value)| Some(((*value)?, place))).collect();
    order.sort_unstable_by(|a, b| compare_floats(a.0, b.0).then(a.1.cmp(&b.1)));
    let mut ranks = vec![None; values.len()];
    for (rank, (_, place)) in order.iter().enumerate() {
        ranks[*place] = Some(rank);
    }
    let counts = Counts { ranks, sums: vec![0; order.len() + 1], count: 0 };
    let mut out = Vec::with_capacity(values.len());
    pass(partition.frames(frame), counts, |kept| {
        let of = |before: usize| order[kept.find(before)].0;
        out.push(match kept.count {
            0 => None,
            count if count % 2 == 1 => Some(of(count / 2)),
            // Halved before they are added, which cannot overflow.
            count => Some(of(count / 2 - 1) / 2.0 + of(count / 2) / 2.0),
        });
    });
    out
}

/// How many values there are, their mean, and the sum of the squares of what differs from it.
#[derive(Clone, Copy)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    const NONE: Moments = Moments { count: 0.0, mean: 0.0, squares: 0.0 };

    fn of(value: Option<f64>) -> Moments {
        value.map_or(Moments::NONE, |mean| Moments { count: 1.0, mean, squares: 0.0 })
    }

    /// Those of both (T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    /// variances", Stanford University 1979).
    fn with(self, other: Moments) -> Moments {
        if self.count == 0.0 || other.count == 0.0 {
            return if self.count == 0.0 { other } else { self };
        }
        let count = self.count + other.count;
        let off = other.mean - self.mean;
        if !off.is_finite() {
            return Moments { count, mean: off, squares: f64::NAN };
        }
        let mean = self.mean + off * (other.count / count);
        let squares = self.squares + other.squares + off * off * (self.count * other.count / count);
        Moments { count, mean, squares }
    }

    fn variance(self) -> Option<f64> {
        (self.count > 1.0).then(|| self.squares / (self.count - 1.0))
    }
}

/// The numbers that rows have.
fn numbers(argument: &Argument, partition: &Partition<'_>) -> Vec<Option<f64>> {
    let of_row = |row: &u32| argument.cell(*row).map(|cell| number(argument.ty, cell));
    partition.rows.iter().map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::exec::Vector;
    use crate::engine::exec::vector::Cells;
    use crate::expr::{FrameUnit, WindowFunction};
    use crate::value::Type;

    /// Some numbers, each fifth of which is absent.
    fn values() -> Vec<Option<i64>> {
        (0..300_i64).map(|n| (n % 5 != 3).then_some((n * n * 7919) % 41 - 20)).collect()
    }

    fn argument() -> Argument {
        let values = values();
        let cells = values.iter().flat_map(|value| value.unwrap_or(0).to_le_bytes()).collect();
        let absent = values.iter().map(Option::is_none).collect();
        let mut argument = Argument::new(Type::I64);
        argument.add(&Vector::new(Type::I64, values.len(), Cells::Fixed(cells), Some(absent)));
        argument
    }

    fn calculate(function: AggregateFunction, frame: Frame, rows: &[u32]) -> Vec<Option<Vec<u8>>> {
        let partition = Partition::new(rows, rows.iter().map(|_| 1));
        let function = WindowFunction::Aggregate(function);
        let mut results = Results::new(&function, Some(argument()), rows.len());
        results.fill(&function, frame, &partition, &mut |_| Ok(())).expect("results");
        let part = results.part(0..rows.len());
        rows.iter().map(|row| part.cell(*row as usize).map(<[u8]>::to_vec)).collect()
    }

    fn floats(cells: Vec<Option<Vec<u8>>>) -> Vec<Option<f64>> {
        cells.into_iter().map(|cell| Some(f64::from_le_bytes(cell?.try_into().expect("8 bytes")))).collect()
    }

    #[test]
    fn each_frame_has_what_its_values_alone_make() {
        // Backwards, so that places are not rows.
        let rows: Vec<u32> = (0..300).rev().collect();
        let values: Vec<Option<i64>> = values().into_iter().rev().collect();
        let far = [(Some(0), Some(0)), (Some(-2), Some(3)), (Some(-40), Some(-7)), (Some(5), Some(90))];
        let open = [(None, Some(0)), (Some(-1), None), (None, None), (Some(2), Some(1)), (Some(400), None)];
        for (start, end) in far.into_iter().chain(open) {
            let frame = Frame { unit: FrameUnit::Rows, start, end };
            let frames: Vec<Vec<i64>> = (0..300i64)
                .map(|at| {
                    let start = start.map_or(0, |by| (at + by).clamp(0, 300));
                    let end = end.map_or(300, |by| (at + by + 1).clamp(0, 300)).max(start);
                    values[start as usize..end as usize].iter().flatten().copied().collect()
                })
                .collect();
            let sorted: Vec<Vec<i64>> = frames
                .iter()
                .cloned()
                .map(|mut frame| {
                    frame.sort_unstable();
                    frame
                })
                .collect();

            let counts = calculate(AggregateFunction::CountDistinct, frame, &rows);
            let expected = sorted.iter().cloned().map(|mut frame| {
                frame.dedup();
                frame.len() as u64
            });
            assert!(counts.into_iter().eq(expected.map(|count| Some(count.to_le_bytes().to_vec()))));

            let medians = floats(calculate(AggregateFunction::Median, frame, &rows));
            let middle = |frame: &Vec<i64>| {
                let upper = *frame.get(frame.len() / 2)? as f64;
                let lower = frame[(frame.len() - 1) / 2] as f64;
                Some(f64::midpoint(lower, upper))
            };
            assert_eq!(medians, sorted.iter().map(middle).collect::<Vec<_>>());

            let deviations = floats(calculate(AggregateFunction::StdDev, frame, &rows));
            for (deviation, frame) in deviations.into_iter().zip(&frames) {
                let mean = frame.iter().sum::<i64>() as f64 / frame.len() as f64;
                let squares: f64 = frame.iter().map(|value| (*value as f64 - mean).powi(2)).sum();
                let expected = (frame.len() > 1).then(|| (squares / (frame.len() - 1) as f64).sqrt());
                assert_eq!(deviation.is_some(), expected.is_some());
                assert!((deviation.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-9);
            }

            let lists = calculate(AggregateFunction::ArrayAgg, frame, &rows);
            for (made, frame) in lists.into_iter().zip(&frames) {
                let mut expected = list::empty();
                frame.iter().for_each(|value| list::push(&mut expected, Type::I64, &value.to_le_bytes()));
                assert_eq!(made, Some(expected));
            }
        }
    }

    #[test]
    fn what_differs_little_beside_what_it_is_has_a_variance() {
        let values: Vec<Moments> = (0..40).map(|n| Moments::of(Some(1e9 + f64::from(n % 2)))).collect();
        let all = values.iter().copied().fold(Moments::NONE, Moments::with);
        let halves = values[..20].iter().copied().fold(Moments::NONE, Moments::with);
        let expected = 10.0 / 39.0;
        for moments in [all, halves.with(halves)] {
            assert!((moments.variance().expect("many") - expected).abs() < 1e-6);
        }
        assert_eq!(values[0].variance(), None);
    }
}
