//! The arguments of functions, and their fixed-width values read from cells and written to them.

use alloc::vec::Vec;

use super::{Made, Problem, Values};
use crate::value::Type;
use crate::value::decimal::DecimalParts;

/// The values of one argument.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Argument<'a> {
    pub(in crate::engine) ty: Type,
    pub(in crate::engine) cells: Cells<'a>,
}

/// Where the bytes of an argument are.
#[derive(Clone, Copy)]
pub(in crate::engine) enum Cells<'a> {
    /// Fixed-width cells, the first at the start, then one every `stride`.
    Fixed { bytes: &'a [u8], stride: usize },
    /// Texts, each somewhere.
    Slices(&'a [&'a [u8]]),
    /// Texts, one after the other, and where each ends.
    Texts { bytes: &'a [u8], ends: &'a [u32] },
    /// One text for every row.
    Constant(&'a [u8]),
}

impl<'a> Argument<'a> {
    /// The same value for every row.
    pub(in crate::engine) fn constant(ty: Type, cell: &'a [u8]) -> Argument<'a> {
        let cells = match ty.width() {
            Some(_) => Cells::Fixed { bytes: cell, stride: 0 },
            None => Cells::Constant(cell),
        };
        Argument { ty, cells }
    }

    /// The text of a row.
    #[inline]
    pub(super) fn bytes(&self, row: usize) -> &'a [u8] {
        match self.cells {
            Cells::Slices(slices) => slices[row],
            Cells::Texts { bytes, ends } => {
                let start = if row == 0 { 0 } else { ends[row - 1] };
                &bytes[start as usize..ends[row] as usize]
            }
            Cells::Constant(bytes) => bytes,
            Cells::Fixed { bytes, stride } => &bytes[row * stride..],
        }
    }

    /// The fixed-width value of a row.
    #[inline]
    pub(super) fn cell<C: Cell>(&self, row: usize) -> C {
        C::read(self.bytes(row))
    }

    /// The values of a fixed-width type, one a row.
    #[inline]
    pub(super) fn cells<C: Cell>(self, len: usize) -> impl ExactSizeIterator<Item = C> + use<'a, C> {
        let Cells::Fixed { bytes, stride } = self.cells else { unreachable!("a value of fixed width") };
        (0..len).map(move |row| C::read(&bytes[row * stride..]))
    }
}

/// A value of fixed width, in the form that cells have it.
pub(super) trait Cell: Copy + Default {
    /// Reads the cell at the start of `bytes`.
    fn read(bytes: &[u8]) -> Self;
    /// Appends the cell.
    fn write(self, out: &mut Vec<u8>);
}

macro_rules! little_endian {
    ($($number:ty)*) => {$(
        impl Cell for $number {
            #[inline(always)]
            fn read(bytes: &[u8]) -> $number {
                <$number>::from_le_bytes(bytes[..size_of::<$number>()].try_into().expect("a cell"))
            }

            #[inline(always)]
            fn write(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

little_endian!(i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64);

impl Cell for DecimalParts {
    fn read(bytes: &[u8]) -> DecimalParts {
        DecimalParts::from_cell(&bytes[..16]).unwrap_or_default()
    }

    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_cell());
    }
}

/// A `Uuid`.
impl Cell for [u8; 16] {
    fn read(bytes: &[u8]) -> [u8; 16] {
        bytes[..16].try_into().expect("a cell")
    }

    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self);
    }
}

/// A moment: the cell of a date and time, with or without a zone.
#[derive(Clone, Copy, Default)]
pub(super) struct Moment {
    /// Since 1970.
    pub(super) seconds: i64,
    pub(super) nanoseconds: u32,
}

impl Cell for Moment {
    #[inline]
    fn read(bytes: &[u8]) -> Moment {
        Moment { nanoseconds: u32::read(bytes), seconds: i64::read(&bytes[4..]) }
    }

    #[inline]
    fn write(self, out: &mut Vec<u8>) {
        self.nanoseconds.write(out);
        self.seconds.write(out);
    }
}

/// One value a row.
pub(super) fn each<C: Cell>(values: impl ExactSizeIterator<Item = C>) -> Made {
    let mut bytes = Vec::with_capacity(values.len() * size_of::<C>());
    values.for_each(|value| value.write(&mut bytes));
    Made::of(Values::Fixed(bytes))
}

/// One value a row, or why there is none.
pub(super) fn attempts<C: Cell>(results: impl ExactSizeIterator<Item = Result<C, Problem>>) -> Made {
    let mut faults = Vec::new();
    let mut made = each(results.enumerate().map(|(row, result)| {
        result.unwrap_or_else(|problem| {
            faults.push((row as u32, problem));
            C::default()
        })
    }));
    made.faults = faults;
    made
}

/// One value a row, or none.
pub(super) fn perhaps<C: Cell>(len: usize, value: impl Fn(usize) -> Option<C>) -> Made {
    let mut absent = None;
    let mut made = each((0..len).map(|row| {
        value(row).unwrap_or_else(|| {
            absent.get_or_insert_with(|| vec![false; len])[row] = true;
            C::default()
        })
    }));
    made.absent = absent;
    made
}
