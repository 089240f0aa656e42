//! Kernels over fixed-width cells at a distance: one function per type and comparison, made by macro once, here. With the
//! feature `small` there is one in all, which asks for type and comparison at each cell.
//!
//! A column is a byte slice and a stride, so that the same kernel runs over the rows of a page in place, over gathered
//! values (stride = width) and over a constant (stride 0).

use alloc::boxed::Box;
#[cfg(not(feature = "small"))]
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::cmp::Ordering;
use core::ops::Range;

use super::cold::cold_cells;
#[cfg(not(feature = "small"))]
use super::sieve::KeySet;
use super::tally::NO_GROUP;
use super::vector::Strided;
use crate::expr::BinaryOp;
use crate::value::decimal::DecimalParts;
use crate::value::{Type, key};

/// How cells of a fixed width are read so that they compare as values do.
pub(super) trait Fixed: Copy + 'static {
    /// What cells are compared by.
    type Key: Ord + Copy + 'static;
    /// The bytes of a cell.
    fn width(self) -> usize;
    /// Reads the cell at the start of `bytes`.
    fn read(self, bytes: &[u8]) -> Self::Key;
}

macro_rules! fixed {
    ($($name:ident: $width:literal, $key:ty, |$bytes:ident| $read:expr;)*) => {$(
        #[cfg_attr(feature = "small", allow(dead_code))]
        #[derive(Clone, Copy)]
        pub(super) struct $name;
        impl Fixed for $name {
            type Key = $key;
            #[inline(always)]
            fn width(self) -> usize {
                $width
            }
            #[inline(always)]
            fn read(self, bytes: &[u8]) -> $key {
                let $bytes: [u8; $width] = bytes[..$width].try_into().expect("a cell of its type's width");
                $read
            }
        }
    )*};
}

fixed! {
    U8: 1, u8, |b| b[0];
    U16: 2, u16, |b| u16::from_le_bytes(b);
    U32: 4, u32, |b| u32::from_le_bytes(b);
    U64: 8, u64, |b| u64::from_le_bytes(b);
    U128: 16, u128, |b| u128::from_le_bytes(b);
    I8: 1, i8, |b| i8::from_le_bytes(b);
    I16: 2, i16, |b| i16::from_le_bytes(b);
    I32: 4, i32, |b| i32::from_le_bytes(b);
    I64: 8, i64, |b| i64::from_le_bytes(b);
    I96: 12, (i64, u32), |b| moment(b);
    I128: 16, i128, |b| i128::from_le_bytes(b);
    F32: 4, u64, |b| key::float64_order(f64::from(f32::from_le_bytes(b)));
    F64: 8, u64, |b| key::float64_order(f64::from_le_bytes(b));
    Uuid: 16, u128, |b| u128::from_be_bytes(b);
    Decimal: 16, DecimalKey, |b| DecimalKey(DecimalParts::from_cell(&b).unwrap_or_default());
}

/// Seconds and nanoseconds of a 96-bit moment.
#[inline(always)]
fn moment(bytes: [u8; 12]) -> (i64, u32) {
    let (nanoseconds, seconds) = bytes.split_first_chunk::<4>().expect("12 bytes");
    let seconds: [u8; 8] = seconds.try_into().expect("8 bytes");
    (i64::from_le_bytes(seconds), u32::from_le_bytes(*nanoseconds))
}

/// Decimals by value.
#[derive(Clone, Copy)]
pub(super) struct DecimalKey(DecimalParts);

impl PartialEq for DecimalKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl core::cmp::Eq for DecimalKey {}
impl PartialOrd for DecimalKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for DecimalKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.compare(other.0)
    }
}

/// Cells of any fixed-width type.
#[cfg(feature = "small")]
#[derive(Clone, Copy)]
pub(super) struct Any(Type);

/// The cell as a number that is ordered as values are, or a decimal.
#[cfg(feature = "small")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AnyKey {
    Number(u128),
    Decimal(DecimalKey),
}

#[cfg(feature = "small")]
impl Fixed for Any {
    type Key = AnyKey;

    fn width(self) -> usize {
        self.0.width().expect("a fixed-width type")
    }

    fn read(self, bytes: &[u8]) -> AnyKey {
        use Type as T;
        let width = self.0.width().expect("a fixed-width type");
        let mut cell = [0; 16];
        cell[..width].copy_from_slice(&bytes[..width]);
        let number = u128::from_le_bytes(cell);
        AnyKey::Number(match self.0 {
            T::F32 => u128::from(F32.read(bytes)),
            T::F64 => u128::from(F64.read(bytes)),
            T::Uuid => u128::from_be_bytes(cell),
            T::Decimal => return AnyKey::Decimal(Decimal.read(bytes)),
            // The sign bit, flipped, orders negative numbers before others; the bits above it are zero in all.
            T::I8 | T::I16 | T::I32 | T::I64 | T::I128 | T::Date | T::DateTime | T::Timestamp => {
                number ^ 1 << (8 * width - 1)
            }
            _ => number,
        })
    }
}

/// Runs `$body` with `$of` standing for the [`Fixed`] of a fixed-width type.
#[cfg(feature = "small")]
macro_rules! with_fixed {
    ($ty:expr, $of:ident => $body:expr) => {{
        let $of = Any($ty);
        $body
    }};
}

/// Runs `$body` with `$of` standing for the [`Fixed`] of a fixed-width type.
#[cfg(not(feature = "small"))]
macro_rules! with_fixed {
    ($ty:expr, $of:ident => $body:expr) => {{
        use $crate::engine::exec::kernel as k;
        use $crate::value::Type as T;
        macro_rules! arm {
            ($kind:ident) => {{
                let $of = k::$kind;
                $body
            }};
        }
        match $ty {
            T::Bool | T::U8 => arm!(U8),
            T::U16 => arm!(U16),
            T::U32 | T::Char => arm!(U32),
            T::U64 | T::Id | T::Time => arm!(U64),
            T::U128 | T::Blob => arm!(U128),
            T::I8 => arm!(I8),
            T::I16 => arm!(I16),
            T::I32 | T::Date => arm!(I32),
            T::I64 => arm!(I64),
            T::I128 => arm!(I128),
            T::F32 => arm!(F32),
            T::F64 => arm!(F64),
            T::Uuid => arm!(Uuid),
            T::Decimal => arm!(Decimal),
            T::DateTime | T::Timestamp => arm!(I96),
            _ => unreachable!("a fixed-width type"),
        }
    }};
}

/// A comparison.
trait Comparison: Copy + 'static {
    fn holds<K: Ord>(self, left: K, right: K) -> bool;
}

#[cfg(not(feature = "small"))]
macro_rules! comparisons {
    ($($name:ident $op:tt;)*) => {$(
        #[derive(Clone, Copy)]
        struct $name;
        impl Comparison for $name {
            #[inline(always)]
            fn holds<K: Ord>(self, left: K, right: K) -> bool {
                left $op right
            }
        }
    )*};
}

#[cfg(not(feature = "small"))]
comparisons! { Eq ==; Ne !=; Lt <; Le <=; Gt >; Ge >=; }

/// Any comparison.
#[cfg(feature = "small")]
impl Comparison for BinaryOp {
    fn holds<K: Ord>(self, left: K, right: K) -> bool {
        let order = left.cmp(&right);
        match self {
            BinaryOp::Eq => order.is_eq(),
            BinaryOp::Ne => order.is_ne(),
            BinaryOp::Lt => order.is_lt(),
            BinaryOp::Le => order.is_le(),
            BinaryOp::Gt => order.is_gt(),
            BinaryOp::Ge => order.is_ge(),
            _ => unreachable!("a comparison"),
        }
    }
}

/// Runs `$body` with `$comparison` standing for the [`Comparison`] of an operation.
#[cfg(feature = "small")]
macro_rules! with_comparison {
    ($op:expr, $comparison:ident => $body:expr) => {{
        let $comparison = $op;
        $body
    }};
}

/// Runs `$body` with `$comparison` standing for the [`Comparison`] of an operation.
#[cfg(not(feature = "small"))]
macro_rules! with_comparison {
    ($op:expr, $comparison:ident => $body:expr) => {{
        macro_rules! arm {
            ($of:ident) => {{
                let $comparison = $of;
                $body
            }};
        }
        match $op {
            BinaryOp::Eq => arm!(Eq),
            BinaryOp::Ne => arm!(Ne),
            BinaryOp::Lt => arm!(Lt),
            BinaryOp::Le => arm!(Le),
            BinaryOp::Gt => arm!(Gt),
            BinaryOp::Ge => arm!(Ge),
            _ => unreachable!("a comparison"),
        }
    }};
}

/// Whether `op` compares.
pub(super) fn is_comparison(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge)
}

/// Compares `len` pairs of fixed-width cells: 1 where `op` holds.
pub(super) fn compare(ty: Type, op: BinaryOp, left: Strided<'_>, right: Strided<'_>, len: usize) -> Vec<u8> {
    fn run(
        kind: impl Fixed,
        comparison: impl Comparison,
        left: Strided<'_>,
        right: Strided<'_>,
        len: usize,
    ) -> Vec<u8> {
        let at = |row: usize, of: Strided<'_>| kind.read(&of.bytes[row * of.stride..]);
        if right.stride == 0 && len > 0 {
            let right = at(0, right);
            return (0..len).map(|row| u8::from(comparison.holds(at(row, left), right))).collect();
        }
        (0..len).map(|row| u8::from(comparison.holds(at(row, left), at(row, right)))).collect()
    }
    with_fixed!(ty, kind => with_comparison!(op, comparison => run(kind, comparison, left, right, len)))
}

/// The row, of those not absent, whose cell comes first (or last), and is first among equals.
pub(super) fn extreme(
    ty: Type,
    of: Strided<'_>,
    len: usize,
    nulls: Option<&[bool]>,
    last: bool,
) -> Option<usize> {
    fn run<F: Fixed>(
        kind: F,
        of: Strided<'_>,
        len: usize,
        nulls: Option<&[bool]>,
        last: bool,
    ) -> Option<usize> {
        let mut best: Option<(usize, F::Key)> = None;
        for row in 0..len {
            if nulls.is_some_and(|nulls| nulls[row]) {
                continue;
            }
            let key = kind.read(&of.bytes[row * of.stride..]);
            let better = best.is_none_or(|(_, best)| if last { key > best } else { key < best });
            if better {
                best = Some((row, key));
            }
        }
        best.map(|(row, _)| row)
    }
    with_fixed!(ty, kind => run(kind, of, len, nulls, last))
}

/// As [`extreme`], for each of many groups: makes a group's cell of `best` the one that comes first (or last) of it and
/// those of the group's rows, which it counts. `groups` has the group of each row, or [`NO_GROUP`].
pub(super) fn extremes(
    ty: Type,
    of: Strided<'_>,
    groups: &[u32],
    last: bool,
    counts: &mut [u64],
    best: &mut [u8],
) {
    let width = ty.width().expect("a fixed-width type");
    with_fixed!(ty, kind => {
        for (row, group) in groups.iter().enumerate().filter(|(_, group)| **group != NO_GROUP) {
            let group = *group as usize;
            let cell = &of.bytes[row * of.stride..][..width];
            let best = &mut best[group * width..][..width];
            let (new, old) = (kind.read(cell), kind.read(best));
            if counts[group] == 0 || if last { new > old } else { new < old } {
                best.copy_from_slice(cell);
            }
            counts[group] += 1;
        }
    })
}

/// A test on the fixed row of a record, or its cold fields: the fast path of filters. `page` is the one that the rows lie on.
pub(super) trait RowTest {
    /// Appends the rows of `range` that pass; `rows` are fixed rows, `stride` bytes each.
    fn select_dense(&self, page: &[u8], rows: &[u8], stride: usize, range: Range<usize>, out: &mut Vec<u16>);
    /// Keeps the rows that pass.
    fn select_sparse(&self, page: &[u8], rows: &[u8], stride: usize, selected: &mut Vec<u16>);
    /// Whether one row passes.
    fn passes(&self, page: &[u8], row: &[u8]) -> bool;
    /// Whether a row was met that has no cold fields where it should.
    fn met_damage(&self) -> bool;
}

/// A test that is a plain function of the row.
trait Test: 'static {
    fn holds(&self, page: &[u8], row: &[u8]) -> bool;

    fn met_damage(&self) -> bool {
        false
    }
}

impl<T: Test> RowTest for T {
    fn select_dense(&self, page: &[u8], rows: &[u8], stride: usize, range: Range<usize>, out: &mut Vec<u16>) {
        let (first, start) = (range.start, out.len());
        out.resize(start + range.len(), 0);
        let mut kept = start;
        // Without a branch on the outcome: the next place is written in any case.
        for (row, bytes) in rows[range.start * stride..range.end * stride].chunks_exact(stride).enumerate() {
            out[kept] = (first + row) as u16;
            kept += usize::from(self.holds(page, bytes));
        }
        out.truncate(kept);
    }

    fn select_sparse(&self, page: &[u8], rows: &[u8], stride: usize, selected: &mut Vec<u16>) {
        let mut kept = 0;
        for at in 0..selected.len() {
            let row = selected[at];
            selected[kept] = row;
            kept += usize::from(self.holds(page, &rows[usize::from(row) * stride..][..stride]));
        }
        selected.truncate(kept);
    }

    fn passes(&self, page: &[u8], row: &[u8]) -> bool {
        self.holds(page, row)
    }

    fn met_damage(&self) -> bool {
        Test::met_damage(self)
    }
}

/// Where in a fixed row, or among the cold fields, a value is, and its null bit in the row.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) offset: usize,
    pub(super) null: Option<(u16, u8)>,
    /// For a cold field: where in the row the place of the blob is.
    pub(super) cold: Option<u16>,
}

struct Compared<F: Fixed, C> {
    kind: F,
    offset: usize,
    with: F::Key,
    comparison: C,
}

impl<F: Fixed, C: Comparison> Test for Compared<F, C> {
    #[inline(always)]
    fn holds(&self, _: &[u8], row: &[u8]) -> bool {
        self.comparison.holds(self.kind.read(&row[self.offset..]), self.with)
    }
}

struct Between<F: Fixed> {
    kind: F,
    offset: usize,
    low: F::Key,
    high: F::Key,
}

impl<F: Fixed> Test for Between<F> {
    #[inline(always)]
    fn holds(&self, _: &[u8], row: &[u8]) -> bool {
        let value = self.kind.read(&row[self.offset..]);
        self.low <= value && value <= self.high
    }
}

/// The scale of a decimal cell as its flags have it, the mantissa, how far that is from zero, and what must be 0: otherwise
/// the mantissa has more than 63 bits, and is something else.
#[cfg(not(feature = "small"))]
#[inline(always)]
pub(super) fn split_decimal(cell: &[u8; 16]) -> (u32, i64, u64, u64) {
    let whole = u128::from_le_bytes(*cell);
    let flags = whole as u32;
    let low = (whole >> 32) as u64;
    let high = (whole >> 96) as u64;
    let sign = i64::from(flags as i32 >> 31);
    (flags & 0x7FFF_FFFF, (low as i64 ^ sign).wrapping_sub(sign), low, high | low >> 63)
}

/// Constants beside decimals, most of which have one scale: with that scale they are integers.
#[cfg(not(feature = "small"))]
struct DecimalTest<C, const CONSTANTS: usize> {
    offset: usize,
    constants: [DecimalParts; CONSTANTS],
    /// The flags of the cells last met that are unlike those before, and the constants with that scale.
    scaled: Cell<Option<(u32, [i64; CONSTANTS])>>,
    comparison: C,
}

#[cfg(not(feature = "small"))]
impl<C, const CONSTANTS: usize> DecimalTest<C, CONSTANTS> {
    /// The constants with the scale that `flags` are; `None` where one has more digits, or too many.
    #[cold]
    fn scale(&self, flags: u32) -> Option<[i64; CONSTANTS]> {
        let mut scaled = [0; CONSTANTS];
        for (scaled, constant) in scaled.iter_mut().zip(self.constants) {
            let digits = (flags >> 16).checked_sub(constant.scale).filter(|_| flags & 0xFFFF == 0)?;
            let factor = 10i128.checked_pow(digits)?;
            *scaled = i64::try_from(constant.mantissa.checked_mul(factor)?).ok()?;
        }
        Some(scaled)
    }

    /// Whether a cell passes: as integers if it can be, by value otherwise.
    #[inline(always)]
    fn try_on(
        &self,
        row: &[u8],
        narrow: impl Fn(i64, [i64; CONSTANTS]) -> bool,
        wide: impl Fn(DecimalKey, [DecimalKey; CONSTANTS]) -> bool,
    ) -> bool {
        let cell: &[u8; 16] = row[self.offset..][..16].try_into().expect("a decimal's cell");
        let (flags, mantissa, _, beyond) = split_decimal(cell);
        match self.scaled.get() {
            Some((of, constants)) if of == flags && beyond == 0 => narrow(mantissa, constants),
            _ => {
                if let Some(constants) = self.scale(flags) {
                    self.scaled.set(Some((flags, constants)));
                }
                wide(Decimal.read(cell), self.constants.map(DecimalKey))
            }
        }
    }
}

#[cfg(not(feature = "small"))]
impl<C: Comparison> Test for DecimalTest<C, 1> {
    #[inline(always)]
    fn holds(&self, _: &[u8], row: &[u8]) -> bool {
        let comparison = self.comparison;
        self.try_on(
            row,
            |value, [with]| comparison.holds(value, with),
            |value, [with]| comparison.holds(value, with),
        )
    }
}

#[cfg(not(feature = "small"))]
impl Test for DecimalTest<(), 2> {
    #[inline(always)]
    fn holds(&self, _: &[u8], row: &[u8]) -> bool {
        self.try_on(
            row,
            |value, [low, high]| low <= value && value <= high,
            |value, [low, high]| low <= value && value <= high,
        )
    }
}

struct OneOf<F: Fixed> {
    kind: F,
    offset: usize,
    /// Ascending.
    values: Vec<F::Key>,
}

impl<F: Fixed> Test for OneOf<F> {
    #[inline(always)]
    fn holds(&self, _: &[u8], row: &[u8]) -> bool {
        let value = self.kind.read(&row[self.offset..]);
        // A few are looked through without a branch that is hard to foresee.
        if self.values.len() <= 8 {
            return self.values.iter().fold(false, |found, of| found | (*of == value));
        }
        self.values.binary_search(&value).is_ok()
    }
}

/// Whether a number is in a set of keys.
#[cfg(not(feature = "small"))]
struct InSet<F> {
    word: F,
    offset: usize,
    keys: Arc<KeySet>,
}

#[cfg(not(feature = "small"))]
impl<F: Fixed<Key: Into<u64>>> Test for InSet<F> {
    #[inline(always)]
    fn holds(&self, _: &[u8], row: &[u8]) -> bool {
        self.keys.may_have(self.word.read(&row[self.offset..]).into())
    }
}

/// A comparison of two fields of one record, both of which are there.
struct Pair<F, C> {
    kind: F,
    left: Reach,
    right: Reach,
    comparison: C,
    damaged: Cell<bool>,
}

/// Where a field of a record is.
#[derive(Clone, Copy)]
struct Reach {
    offset: usize,
    cold: Option<u16>,
}

impl Reach {
    fn to(at: At) -> Reach {
        Reach { offset: at.offset, cold: at.cold }
    }

    #[inline(always)]
    fn cell<'p>(self, page: &'p [u8], row: &'p [u8], width: usize) -> Option<&'p [u8]> {
        let bytes = match self.cold {
            None => row,
            Some(at) => cold_cells(page, row, usize::from(at))?,
        };
        bytes.get(self.offset..self.offset + width)
    }
}

impl<F: Fixed, C: Comparison> Test for Pair<F, C> {
    #[inline(always)]
    fn holds(&self, page: &[u8], row: &[u8]) -> bool {
        let width = self.kind.width();
        match (self.left.cell(page, row, width), self.right.cell(page, row, width)) {
            (Some(left), Some(right)) => self.comparison.holds(self.kind.read(left), self.kind.read(right)),
            _ => {
                self.damaged.set(true);
                false
            }
        }
    }

    fn met_damage(&self) -> bool {
        self.damaged.get()
    }
}

/// Another test, of the cold fields instead of the row.
struct Cold<T> {
    at: usize,
    /// The bytes that the test looks at.
    len: usize,
    test: T,
    damaged: Cell<bool>,
}

impl<T: Test> Test for Cold<T> {
    #[inline(always)]
    fn holds(&self, page: &[u8], row: &[u8]) -> bool {
        match cold_cells(page, row, self.at) {
            Some(cells) if cells.len() >= self.len => self.test.holds(page, cells),
            _ => {
                self.damaged.set(true);
                false
            }
        }
    }

    fn met_damage(&self) -> bool {
        self.damaged.get()
    }
}

/// Another test where the value is present, a fixed outcome where it is absent.
struct Nullable<T> {
    byte: usize,
    bit: u8,
    absent: bool,
    test: T,
}

impl<T: Test> Test for Nullable<T> {
    #[inline(always)]
    fn holds(&self, page: &[u8], row: &[u8]) -> bool {
        if row[self.byte] & self.bit != 0 { self.absent } else { self.test.holds(page, row) }
    }

    fn met_damage(&self) -> bool {
        self.test.met_damage()
    }
}

/// Whether the value is absent.
struct IsNull {
    byte: usize,
    bit: u8,
    absent: bool,
}

impl Test for IsNull {
    #[inline(always)]
    fn holds(&self, _: &[u8], row: &[u8]) -> bool {
        (row[self.byte] & self.bit != 0) == self.absent
    }
}

/// A test of a present value of `width` bytes at `at`, with the outcome for an absent one.
fn nullable<T: Test>(at: At, width: usize, absent: bool, test: T) -> Box<dyn RowTest> {
    match at.cold {
        None => of_row(at, absent, test),
        Some(cold) => {
            let (len, damaged) = (at.offset + width, Cell::new(false));
            of_row(at, absent, Cold { at: usize::from(cold), len, test, damaged })
        }
    }
}

fn of_row<T: Test>(at: At, absent: bool, test: T) -> Box<dyn RowTest> {
    match at.null {
        // A mask without a bit finds nothing absent.
        None if cfg!(feature = "small") => Box::new(Nullable { byte: 0, bit: 0, absent, test }),
        None => Box::new(test),
        Some((byte, bit)) => Box::new(Nullable { byte: usize::from(byte), bit, absent, test }),
    }
}

/// A comparison of two fields of one type, neither of which is ever absent.
pub(super) fn pair(ty: Type, op: BinaryOp, left: At, right: At) -> Box<dyn RowTest> {
    debug_assert!(left.null.is_none() && right.null.is_none());
    with_fixed!(ty, kind => with_comparison!(op, comparison => {
        let (left, right) = (Reach::to(left), Reach::to(right));
        Box::new(Pair { kind, left, right, comparison, damaged: Cell::new(false) })
    }))
}

/// A comparison of the field at `at` with a present value.
pub(super) fn compared(ty: Type, op: BinaryOp, at: At, with: &[u8]) -> Box<dyn RowTest> {
    // Only `!=` holds between an absent value and a present one.
    let absent = op == BinaryOp::Ne;
    #[cfg(not(feature = "small"))]
    if let (Type::Decimal, Some(with)) = (ty, DecimalParts::from_cell(with)) {
        return with_comparison!(op, comparison => {
            let (constants, scaled) = ([with], Cell::new(None));
            nullable(at, 16, absent, DecimalTest { offset: at.offset, constants, scaled, comparison })
        });
    }
    with_fixed!(ty, kind => with_comparison!(op, comparison => {
        nullable(at, kind.width(), absent, Compared { kind, offset: at.offset, with: kind.read(with), comparison })
    }))
}

/// Whether the field at `at` lies between two present values.
pub(super) fn between(ty: Type, at: At, low: &[u8], high: &[u8]) -> Box<dyn RowTest> {
    #[cfg(not(feature = "small"))]
    if let (Type::Decimal, Some(low), Some(high)) =
        (ty, DecimalParts::from_cell(low), DecimalParts::from_cell(high))
    {
        let (constants, scaled, comparison) = ([low, high], Cell::new(None), ());
        return nullable(at, 16, false, DecimalTest { offset: at.offset, constants, scaled, comparison });
    }
    with_fixed!(ty, kind => {
        let (low, high) = (kind.read(low), kind.read(high));
        nullable(at, kind.width(), false, Between { kind, offset: at.offset, low, high })
    })
}

/// Whether the field at `at` is one of some present values, or absent where `absent` is one of them too.
pub(super) fn one_of(ty: Type, at: At, values: &[Vec<u8>], absent: bool) -> Box<dyn RowTest> {
    with_fixed!(ty, kind => {
        let mut values: Vec<_> = values.iter().map(|value| kind.read(value)).collect();
        values.sort_unstable();
        nullable(at, kind.width(), absent, OneOf { kind, offset: at.offset, values })
    })
}

/// Whether the field at `at`, of eight bytes or, if not `wide`, four, is in a set of keys.
#[cfg(not(feature = "small"))]
pub(super) fn in_set(wide: bool, at: At, keys: Arc<KeySet>) -> Box<dyn RowTest> {
    let (offset, absent) = (at.offset, keys.has_absent());
    match wide {
        true => nullable(at, 8, absent, InSet { word: U64, offset, keys }),
        false => nullable(at, 4, absent, InSet { word: U32, offset, keys }),
    }
}

/// Whether a field's null bit is set (or not).
pub(super) fn is_null((byte, bit): (u16, u8), absent: bool) -> Box<dyn RowTest> {
    Box::new(IsNull { byte: usize::from(byte), bit, absent })
}

#[cfg(test)]
mod tests;
