//! [`Along`]: frames that are told by how far the values that rows are ordered by are apart.

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::engine::logical::SortTerm;
use crate::engine::planted::{self, Bug};
use crate::value::{Type, compare_floats, integer, key};

/// The one term that rows are ordered by.
#[derive(Clone, Copy)]
pub(in crate::engine::exec) struct Ranged {
    ty: Type,
    nullable: bool,
    descending: bool,
}

impl Ranged {
    pub(in crate::engine::exec) fn of(term: &SortTerm) -> Ranged {
        Ranged { ty: term.expr.ty, nullable: term.expr.nullable, descending: term.descending }
    }
}

/// The values of a partition's rows, along its order.
pub(super) struct Along {
    values: Vec<Number>,
    /// Where the first of them is: before it, or behind the last, are the rows without one.
    first: usize,
    descending: bool,
}

#[derive(Clone, Copy)]
enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    fn compare(self, other: Number) -> Ordering {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a.cmp(&b),
            (Number::Float(a), Number::Float(b)) => compare_floats(a, b),
            _ => unreachable!("the values of a term are of one type"),
        }
    }

    /// How far it lies behind another value, compared with a distance. It is the difference that is rounded, and not what lies at the
    /// distance: that is the same for what lies a little less far.
    fn compare_distance(self, from: Number, distance: i64) -> Ordering {
        let order = self.compare(from);
        match (self, from) {
            (Number::Int(value), Number::Int(from)) => value.saturating_sub(from).cmp(&i128::from(distance)),
            (Number::Float(value), Number::Float(from)) => {
                let distance = f64::from_bits(distance as u64);
                match order {
                    // As far as one goes from infinity one is there still.
                    Ordering::Equal if !value.is_finite() => Ordering::Equal,
                    Ordering::Equal => compare_floats(0.0, distance),
                    // What is no number lies behind all that are, however far.
                    _ if value.is_nan() || from.is_nan() => order,
                    _ => compare_floats(value - from, distance),
                }
            }
            _ => unreachable!("the values of a term are of one type"),
        }
    }
}

impl Along {
    /// The values that are told by what is behind the partition in rows' keys, in their order.
    pub(super) fn new<'k>(ranged: Ranged, keys: impl Iterator<Item = &'k [u8]>) -> Along {
        let (mut values, mut first, mut bytes) = (Vec::new(), None, Vec::new());
        for (at, key) in keys.enumerate() {
            let key = match (ranged.nullable, key) {
                (true, [1, key @ ..]) => key,
                (true, _) => continue,
                (false, key) => key,
            };
            first.get_or_insert(at);
            bytes.clear();
            bytes.extend(key.iter().map(|byte| if ranged.descending { !*byte } else { *byte }));
            values.push(number(ranged.ty, &bytes));
        }
        Along { values, first: first.unwrap_or(0), descending: ranged.descending }
    }

    /// Where those start that are so far behind the row at place `at`, or farther; `None` where it has no value.
    pub(super) fn start(&self, at: usize, distance: i64) -> Option<usize> {
        self.point(at, distance, |order| order.is_lt())
    }

    /// Where those end that are no farther behind it than that.
    pub(super) fn end(&self, at: usize, distance: i64) -> Option<usize> {
        let early = planted::is(Bug::RangeEndsEarly);
        self.point(at, distance, |order| order.is_lt() || order.is_eq() && !early)
    }

    fn point(&self, at: usize, distance: i64, is_before: impl Fn(Ordering) -> bool) -> Option<usize> {
        let from = *self.values.get(at.checked_sub(self.first)?)?;
        // Downwards what comes later is less.
        let compare = |value: Number| match self.descending {
            true => from.compare_distance(value, distance),
            false => value.compare_distance(from, distance),
        };
        Some(self.first + self.values.partition_point(|value| is_before(compare(*value))))
    }
}

/// The value of a key.
fn number(ty: Type, key: &[u8]) -> Number {
    if matches!(ty, Type::F32 | Type::F64) {
        return Number::Float(key::float(ty, key));
    }
    let mut cell = Vec::with_capacity(16);
    key::append_cell(&mut cell, ty, key);
    let value = integer(ty, &cell);
    Number::Int(match ty {
        // A leap second has more nanoseconds than others.
        Type::DateTime | Type::Timestamp => {
            let nanoseconds = i128::from(value as u32).min(999_999_999);
            (value >> 32) * 1_000_000_000 + nanoseconds
        }
        _ => value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames of rows ordered by these values, of which the first or the last may have none.
    fn frames(
        ty: Type,
        descending: bool,
        nulls: usize,
        keys: &[Vec<u8>],
        range: (i64, i64),
    ) -> Vec<(usize, usize)> {
        let ranged = Ranged { ty, nullable: true, descending };
        let absent = core::iter::repeat_n(&[0][..], nulls);
        let along = Along::new(ranged, absent.chain(keys.iter().map(Vec::as_slice)));
        let bound = |at| Some((along.start(at, range.0)?, along.end(at, range.1)?));
        assert!((0..nulls).all(|at| bound(at).is_none()));
        (nulls..nulls + keys.len()).map(|at| bound(at).expect("a value")).collect()
    }

    fn keys(ty: Type, descending: bool, cells: &[&[u8]]) -> Vec<Vec<u8>> {
        let key = |cell: &&[u8]| {
            let mut out = Vec::from([1]);
            key::append(&mut out, ty, false, Some(cell));
            if descending {
                out[1..].iter_mut().for_each(|byte| *byte = !*byte);
            }
            out
        };
        cells.iter().map(key).collect()
    }

    fn ints(descending: bool, values: &[i64]) -> Vec<Vec<u8>> {
        let cells: Vec<[u8; 8]> = values.iter().map(|value| value.to_le_bytes()).collect();
        keys(Type::I64, descending, &cells.iter().map(|cell| &cell[..]).collect::<Vec<_>>())
    }

    #[test]
    fn distances_are_of_values_and_not_of_rows() {
        let up = ints(false, &[-5, -5, 0, 1, 4, 9]);
        let near = frames(Type::I64, false, 0, &up, (-1, 1));
        assert_eq!(near, [(0, 2), (0, 2), (2, 4), (2, 4), (4, 5), (5, 6)]);
        // Behind one without a value.
        assert_eq!(frames(Type::I64, false, 1, &up, (-1, 1))[2], (3, 5));
        let ahead = frames(Type::I64, false, 1, &up, (1, 5));
        assert_eq!(ahead[0], (3, 4));
        assert_eq!(ahead[5], (7, 7));
        // Downwards what comes later is less.
        let down = ints(true, &[9, 4, 1, 0, -5]);
        assert_eq!(frames(Type::I64, true, 0, &down, (0, 4)), [(0, 1), (1, 4), (2, 4), (3, 4), (4, 5)]);
    }

    #[test]
    fn there_is_nothing_beyond_the_ends() {
        let ends = ints(false, &[i64::MIN, 0, i64::MAX]);
        assert_eq!(frames(Type::I64, false, 0, &ends, (i64::MIN, i64::MAX)), [(0, 1), (0, 3), (1, 3)]);
        let wide = |value: i128| value.to_le_bytes();
        let cells = [wide(i128::MIN), wide(i128::MAX)];
        for descending in [false, true] {
            let mut cells: Vec<&[u8]> = cells.iter().map(|cell| &cell[..]).collect();
            if descending {
                cells.reverse();
            }
            let keys = keys(Type::I128, descending, &cells);
            assert_eq!(frames(Type::I128, descending, 0, &keys, (-1, 1)), [(0, 1), (1, 2)]);
            assert_eq!(frames(Type::I128, descending, 0, &keys, (5, 10)), [(1, 1), (2, 2)]);
        }
    }

    #[test]
    fn floats_differ_by_floats_and_nan_by_nothing() {
        let cells: Vec<[u8; 8]> = [f64::NEG_INFINITY, -0.5, -0.0, 0.0, 0.25, f64::INFINITY, f64::NAN]
            .iter()
            .map(|value| value.to_le_bytes())
            .collect();
        let cells: Vec<&[u8]> = cells.iter().map(|cell| &cell[..]).collect();
        let half = 0.5f64;
        let bounds = ((-half).to_bits() as i64, half.to_bits() as i64);
        let up = frames(Type::F64, false, 0, &keys(Type::F64, false, &cells), bounds);
        assert_eq!(up, [(0, 1), (1, 4), (1, 5), (1, 5), (2, 5), (5, 6), (6, 7)]);
        let down: Vec<&[u8]> = cells.iter().rev().copied().collect();
        let down = frames(Type::F64, true, 0, &keys(Type::F64, true, &down), bounds);
        assert_eq!(down, [(0, 1), (1, 2), (2, 5), (2, 6), (2, 6), (3, 6), (6, 7)]);
    }

    #[test]
    fn an_open_end_is_not_reached_and_infinity_is_at_both_ends() {
        let floats = |values: &[f64], (start, end): (f64, f64)| {
            let cells: Vec<[u8; 8]> = values.iter().map(|value| value.to_le_bytes()).collect();
            let cells: Vec<&[u8]> = cells.iter().map(|cell| &cell[..]).collect();
            let bounds = (start.to_bits() as i64, end.to_bits() as i64);
            frames(Type::F64, false, 0, &keys(Type::F64, false, &cells), bounds)
        };
        assert_eq!(floats(&[1.0, 1.5, 3.0], (0.0, 0.5f64.next_down())), [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(floats(&[1.0, 1.5, 2.0], ((-0.5f64).next_up(), 0.0)), [(0, 1), (1, 2), (2, 3)]);
        let all = [f64::NEG_INFINITY, 1.0, 2.0, f64::INFINITY, f64::NAN];
        assert_eq!(floats(&all, (0.0, f64::INFINITY)), [(0, 4), (1, 4), (2, 4), (3, 4), (4, 5)]);
        assert_eq!(floats(&all, (f64::NEG_INFINITY, 0.0)), [(0, 1), (0, 2), (0, 3), (0, 4), (4, 5)]);
        // What is infinite sees what is as it is, and so does what is no number.
        assert_eq!(floats(&all, (-1.5, -1.0)), [(0, 1), (1, 1), (1, 2), (3, 4), (4, 5)]);
    }

    #[test]
    fn times_differ_by_nanoseconds() {
        let time = |seconds: i64, nanoseconds: u32| {
            let packed = i128::from(seconds) << 32 | i128::from(nanoseconds);
            packed.to_le_bytes()[..12].to_vec()
        };
        let cells = [time(-1, 999_999_999), time(0, 0), time(0, 1_500_000_000), time(1, 0), time(1, 1)];
        let cells: Vec<&[u8]> = cells.iter().map(Vec::as_slice).collect();
        let keys = keys(Type::Timestamp, false, &cells);
        assert_eq!(
            frames(Type::Timestamp, false, 0, &keys, (-1, 1)),
            [(0, 2), (0, 2), (2, 4), (2, 5), (3, 5)]
        );
    }
}
