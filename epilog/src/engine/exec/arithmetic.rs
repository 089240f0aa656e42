//! Arithmetic: checked for integers and decimals, IEEE 754 for floats.
//!
//! An operation without a result does not fail the query: the row gets a [`Fault`], which is an error only if the row
//! comes out.
//!
//! Each type has its own loop.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::Vector;
use super::vector::Cells;
use crate::engine::error::{Fault, RowFault};
use crate::engine::planted::{self, Bug};
use crate::expr::BinaryOp;
use crate::value::{Scalar, Type};

/// `+ - * / %` of two vectors of one numeric type.
pub(super) fn binary<'s>(op: BinaryOp, left: &Vector<'s>, right: &Vector<'s>) -> Vector<'s> {
    let (ty, len) = (left.ty(), left.len());
    let width = ty.width().expect("a numeric type");
    let nulls = either_null(left, right);
    let mut bytes = Vec::with_capacity(width * len);
    let mut faults = Vec::new();
    {
        let fault = |row: usize, problem| {
            let absent = nulls.as_ref().is_some_and(|nulls| nulls[row]);
            if !absent && left.fault(row).is_none() && right.fault(row).is_none() {
                let fault = RowFault::new(fault_of(op, left, right, row, problem));
                faults.extend(fault.map(|fault| (row as u32, fault)));
            }
        };
        calculate(ty, op, left, right, &mut bytes, fault);
    }
    let mut result = Vector::new(ty, len, Cells::Fixed(bytes), nulls);
    result.faults = faults;
    result.inherit_faults(left);
    result.inherit_faults(right);
    result
}

fn calculate(
    ty: Type,
    op: BinaryOp,
    left: &Vector<'_>,
    right: &Vector<'_>,
    out: &mut Vec<u8>,
    mut fault: impl FnMut(usize, &'static str),
) {
    let (a, b) = (left.strided(), right.strided());
    macro_rules! integers {
        ($of:ident) => {{
            const WIDTH: usize = size_of::<$of>();
            let read = |bytes: &[u8]| $of::from_le_bytes(bytes[..WIDTH].try_into().expect("a cell"));
            let apply: fn($of, $of) -> Option<$of> = match op {
                BinaryOp::Add => $of::checked_add,
                BinaryOp::Subtract => $of::checked_sub,
                BinaryOp::Multiply => $of::checked_mul,
                BinaryOp::Divide => $of::checked_div,
                _ if planted::is(Bug::RemainderUnsigned) => $of::checked_rem_euclid,
                _ => $of::checked_rem,
            };
            let divides = matches!(op, BinaryOp::Divide | BinaryOp::Remainder);
            for row in 0..left.len() {
                let (x, y) = (read(&a.bytes[row * a.stride..]), read(&b.bytes[row * b.stride..]));
                let result = apply(x, y);
                if result.is_none() {
                    fault(row, if divides && y == 0 { "divides by zero" } else { "overflows" });
                }
                out.extend_from_slice(&result.unwrap_or(0).to_le_bytes());
            }
        }};
    }
    macro_rules! floats {
        ($of:ident) => {{
            const WIDTH: usize = size_of::<$of>();
            let read = |bytes: &[u8]| $of::from_le_bytes(bytes[..WIDTH].try_into().expect("a cell"));
            for row in 0..left.len() {
                let (x, y) = (read(&a.bytes[row * a.stride..]), read(&b.bytes[row * b.stride..]));
                let result = match op {
                    BinaryOp::Add => x + y,
                    BinaryOp::Subtract => x - y,
                    BinaryOp::Multiply => x * y,
                    BinaryOp::Divide => x / y,
                    _ => x % y,
                };
                out.extend_from_slice(&result.to_le_bytes());
            }
        }};
    }
    match ty {
        Type::I8 => integers!(i8),
        Type::I16 => integers!(i16),
        Type::I32 => integers!(i32),
        Type::I64 => integers!(i64),
        Type::I128 => integers!(i128),
        Type::U8 => integers!(u8),
        Type::U16 => integers!(u16),
        Type::U32 => integers!(u32),
        Type::U64 => integers!(u64),
        Type::U128 => integers!(u128),
        Type::F32 => floats!(f32),
        Type::F64 => floats!(f64),
        Type::Decimal => decimal::calculate(op, left, right, out, fault),
        _ => unreachable!("a checked plan calculates with numbers"),
    }
}

/// The negation of a vector of signed numbers.
pub(super) fn negate<'s>(of: &Vector<'s>) -> Vector<'s> {
    let (ty, len) = (of.ty(), of.len());
    let column = of.strided();
    let mut bytes = Vec::with_capacity(len * ty.width().expect("a numeric type"));
    let mut faults = Vec::new();
    macro_rules! each {
        ($of:ident, $negate:expr) => {{
            const WIDTH: usize = size_of::<$of>();
            for row in 0..len {
                let cell = &column.bytes[row * column.stride..][..WIDTH];
                let result: Option<$of> = $negate($of::from_le_bytes(cell.try_into().expect("a cell")));
                if result.is_none() && !of.is_null(row) && of.fault(row).is_none() {
                    let (operands, problem) = (describe(of, row), "overflows");
                    let fault = RowFault::new(Fault { operation: "negation", operands, ty, problem });
                    faults.extend(fault.map(|fault| (row as u32, fault)));
                }
                bytes.extend_from_slice(&result.unwrap_or_default().to_le_bytes());
            }
        }};
    }
    match ty {
        Type::I8 => each!(i8, i8::checked_neg),
        Type::I16 => each!(i16, i16::checked_neg),
        Type::I32 => each!(i32, i32::checked_neg),
        Type::I64 => each!(i64, i64::checked_neg),
        Type::I128 => each!(i128, i128::checked_neg),
        Type::F32 => each!(f32, |value: f32| Some(-value)),
        Type::F64 => each!(f64, |value: f64| Some(-value)),
        // The sign is the highest bit of the flags, which come first.
        Type::Decimal => {
            for row in 0..len {
                let start = bytes.len();
                bytes.extend_from_slice(&column.bytes[row * column.stride..][..16]);
                bytes[start + 3] ^= 0x80;
            }
        }
        _ => unreachable!("a checked plan negates signed numbers"),
    }
    let mut result = Vector::new(ty, len, Cells::Fixed(bytes), of.nulls.clone());
    result.faults = faults;
    result.inherit_faults(of);
    result
}

/// Where either of two vectors is absent.
pub(super) fn either_null(left: &Vector<'_>, right: &Vector<'_>) -> Option<Vec<bool>> {
    match (&left.nulls, &right.nulls) {
        (None, None) => None,
        (Some(nulls), None) | (None, Some(nulls)) => Some(nulls.clone()),
        (Some(a), Some(b)) => Some(a.iter().zip(b).map(|(a, b)| *a || *b).collect()),
    }
}

fn fault_of(op: BinaryOp, left: &Vector<'_>, right: &Vector<'_>, row: usize, problem: &'static str) -> Fault {
    let operation = match op {
        BinaryOp::Add => "addition",
        BinaryOp::Subtract => "subtraction",
        BinaryOp::Multiply => "multiplication",
        BinaryOp::Divide => "division",
        _ => "remainder",
    };
    let operands = format!("{} and {}", describe(left, row), describe(right, row));
    Fault { operation, operands, ty: left.ty(), problem }
}

pub(super) fn describe(vector: &Vector<'_>, row: usize) -> alloc::string::String {
    Scalar::from_cell(vector.ty(), vector.cell(row))
        .map_or_else(|| "?".to_string(), |value| value.text(vector.ty()))
}

#[cfg(feature = "decimal")]
pub(super) mod decimal {
    //! Decimal arithmetic, by `rust_decimal`.
    //!
    //! How many digits a result has after the point depends on how many the operands have, and on nothing else unless they do
    //! not fit: as many as the longer one in a sum, as both together in a product. The library's own results have fewer
    //! where an operand is zero.

    use alloc::vec::Vec;

    use rust_decimal::Decimal;

    use super::super::Vector;
    use crate::expr::BinaryOp;
    use crate::value::Value;
    use crate::value::decimal::SCALE_MAX;

    pub(super) fn calculate(
        op: BinaryOp,
        left: &Vector<'_>,
        right: &Vector<'_>,
        out: &mut Vec<u8>,
        mut fault: impl FnMut(usize, &'static str),
    ) {
        let apply: fn(Decimal, Decimal) -> Option<Decimal> = match op {
            BinaryOp::Add => sum,
            BinaryOp::Subtract => |x, y| sum(x, -y),
            BinaryOp::Multiply => product,
            BinaryOp::Divide => Decimal::checked_div,
            _ => Decimal::checked_rem,
        };
        let divides = matches!(op, BinaryOp::Divide | BinaryOp::Remainder);
        for row in 0..left.len() {
            let (x, y) = (read(left.bytes(row)), read(right.bytes(row)));
            let result = apply(x, y);
            if result.is_none() {
                fault(row, if divides && y.is_zero() { "divides by zero" } else { "overflows" });
            }
            out.extend_from_slice(&result.unwrap_or_default().serialize());
        }
    }

    /// The sum, with the digits of both.
    pub(in super::super) fn sum(x: Decimal, y: Decimal) -> Option<Decimal> {
        x.checked_add(y).map(|sum| with_scale(sum, x.scale().max(y.scale())))
    }

    fn product(x: Decimal, y: Decimal) -> Option<Decimal> {
        x.checked_mul(y).map(|product| with_scale(product, (x.scale() + y.scale()).min(SCALE_MAX)))
    }

    /// A result that has no digits for a zero that it was made from; zero has no sign.
    fn with_scale(mut of: Decimal, scale: u32) -> Decimal {
        if of.is_zero() {
            return Decimal::new(0, scale);
        }
        if of.scale() < scale {
            of.rescale(scale);
        }
        of
    }

    /// A total of integers of one scale, rounded to what a decimal holds; `None` when it has too many digits before the
    /// point.
    #[cfg(not(feature = "small"))]
    pub(in super::super) fn of_total(total: i128, mut scale: u32) -> Option<Decimal> {
        let mut mantissa = total;
        let mut digits = 0;
        while mantissa.unsigned_abs() >> 96 != 0 {
            scale = scale.checked_sub(1)?;
            digits += 1;
            let divisor = 10i128.pow(digits);
            // To the nearest, and to the even one of two as near: each try begins anew, so that it is rounded once.
            let (quotient, rest) = (total / divisor, (total % divisor).abs());
            let up = rest > divisor / 2 || rest == divisor / 2 && quotient % 2 != 0;
            mantissa = if up { quotient + total.signum() } else { quotient };
        }
        Decimal::try_from_i128_with_scale(mantissa, scale).ok()
    }

    /// A decimal's cell; zero for the cell of an absent value.
    pub(in super::super) fn read(cell: &[u8]) -> Decimal {
        Decimal::read(Some(cell)).unwrap_or_default()
    }

    /// The cell of a decimal.
    pub(in super::super) fn cell(value: Decimal) -> [u8; 16] {
        value.serialize()
    }
}

#[cfg(not(feature = "decimal"))]
pub(super) mod decimal {
    //! No decimal arithmetic: plans that ask for it are refused.

    use alloc::vec::Vec;

    use super::super::Vector;
    use crate::expr::BinaryOp;

    pub(super) fn calculate(
        _: BinaryOp,
        _: &Vector<'_>,
        _: &Vector<'_>,
        _: &mut Vec<u8>,
        _: impl FnMut(usize, &'static str),
    ) {
        unreachable!("a plan that calculates with decimals is refused without the feature")
    }
}

#[cfg(all(test, feature = "decimal", not(feature = "small")))]
mod tests;
