//! [`Vector`]: the values of one expression over the rows of a batch, in the form they are stored in.
//!
//! A value is never boxed: fixed-width values lie one after the other, or where they lie on the page; strings are
//! borrowed from the page unless an operation made them.

use alloc::vec::Vec;
use core::fmt;

use super::super::error::RowFault;
#[cfg(not(feature = "small"))]
use super::shelf::NOTHING;
use super::table::width_of_equal_cells;
use crate::parts;
use crate::value::{Cell, Scalar, Type, key};

/// The values of one expression over the rows of a batch.
#[derive(Clone)]
pub struct Vector<'s> {
    ty: Type,
    /// The bytes of a cell, if all have as many; 0 otherwise.
    width: usize,
    len: usize,
    pub(super) cells: Cells<'s>,
    /// Which values are absent; none when there is no list.
    pub(super) nulls: Option<Vec<bool>>,
    /// The rows that arithmetic has no result for, ascending. Their cells mean nothing.
    pub(super) faults: Vec<(u32, RowFault)>,
}

/// Where the bytes of a vector's cells are.
#[derive(Clone)]
pub(super) enum Cells<'s> {
    /// Fixed-width cells, one after the other.
    Fixed(Vec<u8>),
    /// Fixed-width cells on a page, the first at the start of `bytes`, then one every `stride`.
    Strided { bytes: &'s [u8], stride: usize },
    /// Variable cells on pages.
    Slices(Vec<&'s [u8]>),
    /// Variable cells that were made.
    Owned { bytes: Vec<u8>, ends: Vec<u32> },
    /// One cell for every row.
    Constant(Vec<u8>),
}

/// Fixed-width cells as kernels see them. A constant has stride 0.
#[derive(Clone, Copy)]
pub(crate) struct Strided<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) stride: usize,
}

impl Strided<'_> {
    /// The cell of `row`, of four bytes or, if `wide`, eight, as a number.
    #[inline(always)]
    pub(super) fn word(self, row: usize, wide: bool) -> u64 {
        let cell = &self.bytes[row * self.stride..];
        if wide {
            u64::from_le_bytes(cell[..8].try_into().expect("8 bytes"))
        } else {
            u64::from(u32::from_le_bytes(cell[..4].try_into().expect("4 bytes")))
        }
    }
}

impl<'s> Vector<'s> {
    pub(super) fn new(ty: Type, len: usize, cells: Cells<'s>, nulls: Option<Vec<bool>>) -> Vector<'s> {
        Vector { ty, width: ty.width().unwrap_or(0), len, cells, nulls, faults: Vec::new() }
    }

    /// Fixed-width cells, one after the other.
    pub(crate) fn fixed(ty: Type, len: usize, bytes: Vec<u8>) -> Vector<'s> {
        debug_assert_eq!(Some(bytes.len()), ty.width().map(|width| width * len));
        Vector::new(ty, len, Cells::Fixed(bytes), None)
    }

    /// One byte per row, 0 or 1.
    pub(crate) fn bools(bytes: Vec<u8>) -> Vector<'s> {
        Vector::new(Type::Bool, bytes.len(), Cells::Fixed(bytes), None)
    }

    /// The same value for every row.
    pub(crate) fn constant(ty: Type, scalar: &Scalar, len: usize) -> Vector<'s> {
        scalar.with_cell(ty, |cell| match cell {
            Some(bytes) => Vector::new(ty, len, Cells::Constant(bytes.to_vec()), None),
            None => {
                let zeros = vec![0; ty.width().unwrap_or(0)];
                Vector::new(ty, len, Cells::Constant(zeros), Some(vec![true; len]))
            }
        })
    }

    /// The value of `row`, for `len` rows; `None` where it has no result.
    #[cfg(not(feature = "small"))]
    pub(super) fn repeated(&self, row: usize, len: usize) -> Option<Vector<'s>> {
        if self.fault(row).is_some() {
            return None;
        }
        let nulls = self.is_null(row).then(|| vec![true; len]);
        Some(Vector::new(self.ty, len, Cells::Constant(self.bytes(row).to_vec()), nulls))
    }

    /// The type of the values.
    pub fn ty(&self) -> Type {
        self.ty
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// About the bytes that they take in memory, beside what lies on pages.
    #[cfg(not(feature = "small"))]
    pub(super) fn size(&self) -> usize {
        match &self.cells {
            Cells::Owned { bytes, ends } => bytes.len() + size_of_val(ends.as_slice()),
            _ => self.ty.width().unwrap_or(size_of::<&[u8]>()) * self.len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the value of `row` is absent.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls[row])
    }

    /// The value of `row`.
    ///
    /// # Panics
    ///
    /// When `row` is not less than [`len`](Vector::len).
    #[inline]
    pub fn cell(&self, row: usize) -> Cell<'_> {
        assert!(row < self.len, "row {row} of a vector of {}", self.len);
        match (&self.cells, &self.nulls) {
            // What most columns are that are read of records.
            (Cells::Strided { bytes, stride }, None) => Some(&bytes[row * stride..][..self.width]),
            _ => self.any_cell(row),
        }
    }

    #[inline(never)]
    fn any_cell(&self, row: usize) -> Cell<'_> {
        if self.is_null(row) { None } else { Some(self.bytes(row)) }
    }

    /// The bytes of `row`, whether or not it is absent.
    #[inline]
    pub(super) fn bytes(&self, row: usize) -> &[u8] {
        match &self.cells {
            Cells::Fixed(bytes) => &bytes[row * self.width..][..self.width],
            Cells::Strided { bytes, stride } => &bytes[row * stride..][..self.width],
            Cells::Slices(slices) => slices[row],
            Cells::Owned { bytes, ends } => {
                let start = if row == 0 { 0 } else { ends[row - 1] };
                &bytes[start as usize..ends[row] as usize]
            }
            Cells::Constant(bytes) => bytes,
        }
    }

    /// The cells of a fixed-width vector, for kernels.
    pub(super) fn strided(&self) -> Strided<'_> {
        let width = self.ty.width().expect("a fixed-width vector");
        match &self.cells {
            Cells::Fixed(bytes) => Strided { bytes, stride: width },
            Cells::Strided { bytes, stride } => Strided { bytes, stride: *stride },
            Cells::Constant(bytes) => Strided { bytes, stride: 0 },
            Cells::Slices(_) | Cells::Owned { .. } => unreachable!("a fixed-width vector"),
        }
    }

    pub(super) fn is_constant(&self) -> bool {
        matches!(self.cells, Cells::Constant(_))
    }

    /// What arithmetic on `row` ran into.
    pub(super) fn fault(&self, row: usize) -> Option<&RowFault> {
        if self.faults().is_empty() {
            return None;
        }
        let found = self.faults.binary_search_by_key(&(row as u32), |(row, _)| *row).ok()?;
        Some(&self.faults[found].1)
    }

    /// The rows that have no value, and why; ascending. There are none in a build without calculations.
    pub(super) fn faults(&self) -> &[(u32, RowFault)] {
        if parts::CALCULATION { &self.faults } else { &[] }
    }

    /// Notes why a row has no value. Of several faults of a row the first one noted stays.
    pub(super) fn add_fault(&mut self, row: u32, fault: &RowFault) {
        if let Err(place) = self.faults.binary_search_by_key(&row, |(row, _)| *row) {
            self.faults.insert(place, (row, fault.clone()));
        }
    }

    /// Takes over the faults of an operand.
    pub(super) fn inherit_faults(&mut self, from: &Vector<'_>) {
        if from.faults().is_empty() {
            return;
        }
        let mut known = core::mem::take(&mut self.faults).into_iter().peekable();
        for (row, fault) in from.faults() {
            while let Some(earlier) = known.next_if(|(known, _)| known < row) {
                self.faults.push(earlier);
            }
            // Of several faults of a row the first one noted stays.
            let noted = known.next_if(|(known, _)| known == row);
            self.faults.push(noted.unwrap_or_else(|| (*row, fault.clone())));
        }
        self.faults.extend(known);
    }

    /// The values of the given rows.
    pub(super) fn gather(&self, rows: impl ExactSizeIterator<Item = usize> + Clone) -> Vector<'s> {
        let len = rows.len();
        let nulls = self.nulls.as_ref().map(|nulls| rows.clone().map(|row| nulls[row]).collect());
        let cells = match &self.cells {
            Cells::Constant(bytes) => Cells::Constant(bytes.clone()),
            Cells::Slices(slices) => Cells::Slices(rows.clone().map(|row| slices[row]).collect()),
            Cells::Owned { .. } => {
                let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(len));
                for row in rows.clone() {
                    bytes.extend_from_slice(self.bytes(row));
                    ends.push(bytes.len() as u32);
                }
                Cells::Owned { bytes, ends }
            }
            Cells::Fixed(_) | Cells::Strided { .. } => {
                let width = self.ty.width().unwrap_or(0);
                let mut bytes = Vec::with_capacity(len * width);
                #[cfg(not(feature = "small"))]
                {
                    let of = self.strided();
                    // A width that is known at each copy makes it a move, not a call.
                    macro_rules! copy {
                        ($($width:literal)*) => {
                            match width {
                                $($width => rows.clone().for_each(|row| {
                                    let cell = of.bytes[row * of.stride..].first_chunk::<$width>();
                                    bytes.extend_from_slice(cell.expect("a cell"));
                                }),)*
                                _ => unreachable!("no cell is {width} bytes wide"),
                            }
                        };
                    }
                    copy!(1 2 4 8 12 16);
                }
                #[cfg(feature = "small")]
                rows.clone().for_each(|row| bytes.extend_from_slice(self.bytes(row)));
                Cells::Fixed(bytes)
            }
        };
        let mut vector = Vector::new(self.ty, len, cells, nulls);
        if !self.faults().is_empty() {
            let at = rows.enumerate();
            vector.faults = at.filter_map(|(to, row)| Some((to as u32, self.fault(row)?.clone()))).collect();
        }
        vector
    }

    /// The values of the rows with these numbers; none where there is no row, which is [`NOTHING`].
    #[cfg(not(feature = "small"))]
    pub(super) fn pick(&self, rows: &[u32]) -> Vector<'s> {
        let width = self.ty.width();
        let nulls = match &self.nulls {
            _ if rows.contains(&NOTHING) => {
                Some(rows.iter().map(|row| *row == NOTHING || self.is_null(*row as usize)).collect())
            }
            Some(nulls) => Some(rows.iter().map(|row| nulls[*row as usize]).collect()),
            None => None,
        };
        let cells = match (&self.cells, width) {
            (Cells::Fixed(bytes), Some(width)) => {
                let mut out = Vec::with_capacity(rows.len() * width);
                // A width that is known at each copy makes it a move, not a call.
                macro_rules! copy {
                    ($($width:literal)*) => {
                        match width {
                            $($width => {
                                let (cells, _) = bytes.as_chunks::<$width>();
                                let cell = |row: &u32| cells.get(*row as usize).copied().unwrap_or([0; $width]);
                                rows.iter().for_each(|row| out.extend_from_slice(&cell(row)));
                            })*
                            _ => unreachable!("no cell is {width} bytes wide"),
                        }
                    };
                }
                copy!(1 2 4 8 12 16);
                Cells::Fixed(out)
            }
            (Cells::Constant(bytes), _) => Cells::Constant(bytes.clone()),
            _ => {
                let (mut out, mut ends) = (Vec::new(), Vec::with_capacity(rows.len()));
                for row in rows {
                    if *row != NOTHING {
                        out.extend_from_slice(self.bytes(*row as usize));
                    } else {
                        out.resize(out.len() + width.unwrap_or(0), 0);
                    }
                    ends.push(out.len() as u32);
                }
                if width.is_some() { Cells::Fixed(out) } else { Cells::Owned { bytes: out, ends } }
            }
        };
        let mut vector = Vector::new(self.ty, rows.len(), cells, nulls);
        if !self.faults().is_empty() {
            let of = |row: u32| if row == NOTHING { None } else { self.fault(row as usize).cloned() };
            let found = rows.iter().enumerate().filter_map(|(at, row)| Some((at as u32, of(*row)?)));
            vector.faults = found.collect();
        }
        vector
    }

    /// The fixed-width values of several vectors, one after the other.
    #[cfg(not(feature = "small"))]
    pub(super) fn joined<E>(
        ty: Type,
        parts: impl Iterator<Item = Result<Vector<'s>, E>>,
    ) -> Result<Vector<'s>, E> {
        let (mut bytes, mut nulls, mut len) = (Vec::new(), Vec::new(), 0);
        for part in parts {
            let part = part?;
            for row in 0..part.len() {
                bytes.extend_from_slice(part.bytes(row));
            }
            if let Some(of) = &part.nulls {
                nulls.resize(len, false);
                nulls.extend_from_slice(of);
            }
            len += part.len();
        }
        if !nulls.is_empty() {
            nulls.resize(len, false);
        }
        Ok(Vector::new(ty, len, Cells::Fixed(bytes), (!nulls.is_empty()).then_some(nulls)))
    }

    /// The given rows of several vectors of one type.
    pub(super) fn collect<'v>(
        parts: impl ExactSizeIterator<Item = (&'v Vector<'s>, usize)> + Clone,
    ) -> Vector<'s>
    where
        's: 'v,
    {
        let len = parts.len();
        let ty = parts.clone().next().map_or(Type::Bool, |(vector, _)| vector.ty);
        let absent = parts.clone().any(|(vector, row)| vector.is_null(row));
        let nulls = absent.then(|| parts.clone().map(|(vector, row)| vector.is_null(row)).collect());
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        let mut faults = Vec::new();
        for (at, (vector, row)) in parts.enumerate() {
            bytes.extend_from_slice(vector.bytes(row));
            ends.push(bytes.len() as u32);
            if parts::CALCULATION {
                faults.extend(vector.fault(row).map(|fault| (at as u32, fault.clone())));
            }
        }
        let cells = if ty.width().is_some() { Cells::Fixed(bytes) } else { Cells::Owned { bytes, ends } };
        let mut vector = Vector::new(ty, len, cells, nulls);
        vector.faults = faults;
        vector
    }

    /// All rows of several vectors of one type, one vector after the other.
    #[cfg(not(feature = "small"))]
    pub(super) fn one_of(vectors: &[Vector<'s>]) -> Vector<'s> {
        let ty = vectors.first().map_or(Type::Bool, Vector::ty);
        let len = vectors.iter().map(Vector::len).sum();
        let cells = |vector: &Vector<'s>| match &vector.cells {
            Cells::Fixed(_) => vector.ty == ty && vector.faults.is_empty(),
            _ => false,
        };
        let Some(width) = ty.width().filter(|_| vectors.iter().all(cells)) else {
            let mut parts = Vec::with_capacity(len);
            vectors.iter().for_each(|vector| parts.extend((0..vector.len()).map(|row| (vector, row))));
            return Vector::collect(parts.into_iter());
        };
        let mut bytes = Vec::with_capacity(len * width);
        let mut nulls = Vec::new();
        for vector in vectors {
            if let Cells::Fixed(own) = &vector.cells {
                bytes.extend_from_slice(&own[..vector.len * width]);
            }
        }
        let of =
            |vector: &Vector<'s>| vector.nulls.as_ref().is_some_and(|all| all[..vector.len].contains(&true));
        if vectors.iter().any(of) {
            nulls.reserve(len);
            for vector in vectors {
                match &vector.nulls {
                    Some(all) => nulls.extend_from_slice(&all[..vector.len]),
                    None => nulls.resize(nulls.len() + vector.len, false),
                }
            }
        }
        Vector::new(ty, len, Cells::Fixed(bytes), (!nulls.is_empty()).then_some(nulls))
    }

    /// Appends the key of `row`, with the byte that tells an absent value.
    pub(super) fn append_key(&self, row: usize, out: &mut Vec<u8>) {
        key::append(out, self.ty, true, self.cell(row));
    }

    /// Appends bytes that tell the value of `row` from all others of the type, in no order.
    pub(super) fn append_identity(&self, row: usize, out: &mut Vec<u8>) {
        append_identity(self.ty, self.cell(row), out);
    }
}

/// As [`Vector::append_identity`]. What several values append does not begin with what others do.
#[inline]
fn append_identity(ty: Type, cell: Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Some(bytes) if parts::LOOPS && matches!(ty, Type::String | Type::Bytes) => {
            out.push(1);
            out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(bytes);
        }
        Some(bytes) if parts::LOOPS && width_of_equal_cells(ty).is_some() => {
            out.push(1);
            out.extend_from_slice(bytes);
        }
        _ => key::append(out, ty, true, cell),
    }
}

/// Values that are kept one after the other. They borrow nothing.
pub(super) struct Builder {
    ty: Type,
    bytes: Vec<u8>,
    /// Where each cell ends, when they vary in width.
    ends: Vec<usize>,
    nulls: Vec<bool>,
}

impl Builder {
    /// The bytes that it takes in memory.
    #[cfg(not(feature = "small"))]
    pub(super) fn size(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>() + self.nulls.capacity()
    }

    pub(super) fn new(ty: Type) -> Builder {
        Builder { ty, bytes: Vec::new(), ends: Vec::new(), nulls: Vec::new() }
    }

    /// Keeps the value of `row`.
    pub(super) fn push(&mut self, from: &Vector<'_>, row: usize) {
        self.bytes.extend_from_slice(from.bytes(row));
        if self.ty.width().is_none() {
            self.ends.push(self.bytes.len());
        }
        self.nulls.push(from.is_null(row));
    }

    /// The value of `row`.
    pub(super) fn cell(&self, row: usize) -> Cell<'_> {
        let cell = match self.ty.width() {
            Some(width) => &self.bytes[row * width..][..width],
            None => &self.bytes[if row == 0 { 0 } else { self.ends[row - 1] }..self.ends[row]],
        };
        if self.nulls[row] { None } else { Some(cell) }
    }

    /// As [`Vector::append_identity`].
    pub(super) fn append_identity(&self, row: usize, out: &mut Vec<u8>) {
        append_identity(self.ty, self.cell(row), out);
    }

    /// Forgets all values but the last.
    #[cfg(not(feature = "small"))]
    pub(super) fn keep_last(&mut self) {
        let Some(before) = self.nulls.len().checked_sub(1) else { return };
        let start = match self.ty.width() {
            Some(width) => before * width,
            None => before.checked_sub(1).map_or(0, |at| self.ends[at]),
        };
        self.bytes.drain(..start);
        self.nulls.drain(..before);
        if self.ty.width().is_none() {
            self.ends.clear();
            self.ends.push(self.bytes.len());
        }
    }

    /// A part of the values.
    pub(super) fn part<'s>(&self, rows: core::ops::Range<usize>) -> Vector<'s> {
        let nulls = self.nulls[rows.clone()].to_vec();
        let cells = match self.ty.width() {
            Some(width) => Cells::Fixed(self.bytes[rows.start * width..rows.end * width].to_vec()),
            None => {
                let start = if rows.start == 0 { 0 } else { self.ends[rows.start - 1] };
                let ends = self.ends[rows.clone()].iter().map(|end| (end - start) as u32).collect();
                let end = rows.end.checked_sub(1).map_or(start, |last| self.ends[last]);
                Cells::Owned { bytes: self.bytes[start..end].to_vec(), ends }
            }
        };
        Vector::new(self.ty, rows.len(), cells, nulls.contains(&true).then_some(nulls))
    }
}

impl fmt::Debug for Vector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scalar = |row| Scalar::from_cell(self.ty, self.cell(row));
        f.debug_list().entries((0..self.len).map(scalar)).finish()
    }
}

#[cfg(all(test, feature = "decimal", not(feature = "small")))]
mod tests;
