//! Functions of numbers.
//!
//! What rounds is calculated here, exactly and without the standard library; roots, powers and logarithms of floats are the
//! standard library's.

use alloc::vec::Vec;

use super::cell::{Cell, attempts, each};
use super::{Argument, Made, Problem, Values};
use crate::engine::planted::{self, Bug};
use crate::expr::Function;
use crate::value::Type;
use crate::value::decimal::DecimalParts;

const OVERFLOWS: Problem = "overflows";

pub(super) fn abs(of: Argument<'_>, len: usize) -> Made {
    macro_rules! integers {
        ($($ty:ident $number:ident)*) => {
            match of.ty {
                $(Type::$ty => attempts(of.cells::<$number>(len).map(|value| value.checked_abs().ok_or(OVERFLOWS))),)*
                Type::F32 => each(of.cells::<f32>(len).map(f32::abs)),
                Type::F64 => each(of.cells::<f64>(len).map(f64::abs)),
                Type::Decimal => each(of.cells::<DecimalParts>(len).map(|value| {
                    DecimalParts { mantissa: value.mantissa.abs(), scale: value.scale }
                })),
                _ => unreachable!("a checked plan has the signs of signed numbers only"),
            }
        };
    }
    integers!(I8 i8 I16 i16 I32 i32 I64 i64 I128 i128)
}

/// -1, 0 or 1.
pub(super) fn sign(of: Argument<'_>, len: usize) -> Made {
    // Of -0 and of `NaN` these are no signs, but the numbers themselves.
    let float = |value: f64| if value == 0.0 || value.is_nan() { value } else { 1f64.copysign(value) };
    macro_rules! integers {
        ($($ty:ident $number:ident)*) => {
            match of.ty {
                $(Type::$ty => each(of.cells::<$number>(len).map($number::signum)),)*
                Type::F32 => each(of.cells::<f32>(len).map(|value| float(f64::from(value)) as f32)),
                Type::F64 => each(of.cells::<f64>(len).map(float)),
                Type::Decimal => each(of.cells::<DecimalParts>(len).map(|value| {
                    DecimalParts { mantissa: value.mantissa.signum(), scale: 0 }
                })),
                _ => unreachable!("a checked plan has the signs of signed numbers only"),
            }
        };
    }
    integers!(I8 i8 I16 i16 I32 i32 I64 i64 I128 i128)
}

/// `BitAnd`, `BitOr` and `BitXor`, byte by byte: whatever an integer's width, its cell is its bits.
pub(super) fn bits(function: Function, of: Argument<'_>, other: Argument<'_>, len: usize) -> Made {
    let width = of.ty.width().unwrap_or(0);
    let apply: fn(u8, u8) -> u8 = match function {
        Function::BitAnd => |a, b| a & b,
        Function::BitOr => |a, b| a | b,
        _ => |a, b| a ^ b,
    };
    let mut bytes = Vec::with_capacity(len * width);
    for row in 0..len {
        let pairs = of.bytes(row)[..width].iter().zip(&other.bytes(row)[..width]);
        bytes.extend(pairs.map(|(a, b)| apply(*a, *b)));
    }
    Made::of(Values::Fixed(bytes))
}

pub(super) fn round(of: Argument<'_>, digits: Argument<'_>, len: usize) -> Made {
    let digits = digits.cells::<u32>(len);
    match of.ty {
        Type::F32 => {
            let pairs = of.cells::<f32>(len).zip(digits);
            each(pairs.map(|(value, digits)| round_float(f64::from(value), digits) as f32))
        }
        Type::F64 => each(of.cells::<f64>(len).zip(digits).map(|(value, digits)| round_float(value, digits))),
        _ => {
            let pairs = of.cells::<DecimalParts>(len).zip(digits);
            each(pairs.map(|(value, digits)| round_decimal(value, digits)))
        }
    }
}

/// The most digits after the point that floats are rounded to: powers of ten beyond this one are no floats.
const FLOAT_DIGITS_MAX: u32 = 22;

/// The float nearest to the decimal of so many digits after the point that is nearest to `value`; of two such decimals the
/// one further from zero.
///
/// The decimal is found by integers, from the float's significand: multiplying by a power of ten in floats rounds, and
/// makes ties of what are none (1.115 is a little less than that).
fn round_float(value: f64, digits: u32) -> f64 {
    const SIGNIFICAND: u64 = 1 << 52;
    if digits > FLOAT_DIGITS_MAX || !value.is_finite() {
        return value;
    }
    let bits = value.to_bits();
    let (fraction, exponent) = (bits & (SIGNIFICAND - 1), (bits >> 52 & 0x7FF) as i32);
    // `value` is `significand / 2^shift`.
    let (significand, shift) = match exponent {
        0 => (fraction, 1074),
        _ => (fraction | SIGNIFICAND, 1075 - exponent),
    };
    if shift <= 0 {
        return value;
    }
    // 53 and 74 bits make 127 at most.
    let power = 10u128.pow(digits);
    let scaled = u128::from(significand) * power;
    let whole = if shift >= 128 { 0 } else { (scaled >> shift) + (scaled >> (shift - 1) & 1) };
    // So large a number has fewer digits after the point than were asked for.
    if whole >= u128::from(SIGNIFICAND) << 1 {
        return value;
    }
    // Both are floats, so that the division rounds once.
    (whole as f64 / power as f64).copysign(value)
}

fn round_decimal(value: DecimalParts, digits: u32) -> DecimalParts {
    if digits >= value.scale {
        return value;
    }
    let power = 10i128.pow(value.scale - digits);
    let (whole, rest) = (value.mantissa / power, value.mantissa % power);
    let away = if rest.abs() * 2 >= power { rest.signum() } else { 0 };
    DecimalParts { mantissa: whole + away, scale: digits }
}

/// `Floor`, `Ceil` and `Trunc`.
pub(super) fn whole(function: Function, of: Argument<'_>, len: usize) -> Made {
    let float = |value: f64| {
        let trunc = trunc(value);
        match function {
            Function::Floor if trunc > value && !planted::is(Bug::FloorTowardsZero) => trunc - 1.0,
            Function::Ceil if trunc < value => trunc + 1.0,
            _ => trunc,
        }
    };
    match of.ty {
        Type::F32 => each(of.cells::<f32>(len).map(|value| float(f64::from(value)) as f32)),
        Type::F64 => each(of.cells::<f64>(len).map(float)),
        _ => each(of.cells::<DecimalParts>(len).map(|value| {
            let power = 10i128.pow(value.scale);
            let (trunc, rest) = (value.mantissa / power, value.mantissa % power);
            let mantissa = match function {
                Function::Floor => trunc - i128::from(rest < 0),
                Function::Ceil => trunc + i128::from(rest > 0),
                _ => trunc,
            };
            DecimalParts { mantissa, scale: 0 }
        })),
    }
}

/// The float without what is after the point.
pub(super) fn trunc(value: f64) -> f64 {
    // From here on every float is whole. Neither is `NaN` less.
    const WHOLE: f64 = (1u64 << 52) as f64;
    if value.abs() < WHOLE { (value as i64 as f64).copysign(value) } else { value }
}

pub(super) fn power(base: Argument<'_>, exponent: Argument<'_>, len: usize) -> Made {
    fn pairs<A: Cell, B: Cell>(
        base: Argument<'_>,
        exponent: Argument<'_>,
        len: usize,
    ) -> impl ExactSizeIterator<Item = (A, B)> {
        base.cells::<A>(len).zip(exponent.cells::<B>(len))
    }
    macro_rules! numbers {
        ($($ty:ident $number:ident)*) => {
            match base.ty {
                $(Type::$ty => attempts(pairs::<$number, u32>(base, exponent, len)
                    .map(|(base, exponent)| base.checked_pow(exponent).ok_or(OVERFLOWS))),)*
                Type::F32 => each(pairs::<f32, f32>(base, exponent, len)
                    .map(|(base, exponent)| floats::power32(base, exponent))),
                _ => each(pairs::<f64, f64>(base, exponent, len)
                    .map(|(base, exponent)| floats::power64(base, exponent))),
            }
        };
    }
    numbers!(I8 i8 I16 i16 I32 i32 I64 i64 I128 i128 U8 u8 U16 u16 U32 u32 U64 u64 U128 u128)
}

/// `Atan2`.
pub(super) fn angle(y: Argument<'_>, x: Argument<'_>, len: usize) -> Made {
    match y.ty {
        Type::F32 => each(y.cells::<f32>(len).zip(x.cells::<f32>(len)).map(|(y, x)| floats::angle32(y, x))),
        _ => each(y.cells::<f64>(len).zip(x.cells::<f64>(len)).map(|(y, x)| floats::angle64(y, x))),
    }
}

/// Functions of one float.
pub(super) fn real(function: Function, of: Argument<'_>, len: usize) -> Made {
    if of.ty == Type::F32 {
        let apply = floats::of32(function);
        return each(of.cells::<f32>(len).map(apply));
    }
    let apply = floats::of64(function);
    each(of.cells::<f64>(len).map(apply))
}

#[cfg(feature = "std")]
mod floats {
    //! What the standard library calculates.

    use crate::expr::Function;

    pub(super) fn power32(base: f32, exponent: f32) -> f32 {
        base.powf(exponent)
    }

    pub(super) fn power64(base: f64, exponent: f64) -> f64 {
        base.powf(exponent)
    }

    pub(super) fn angle32(y: f32, x: f32) -> f32 {
        y.atan2(x)
    }

    pub(super) fn angle64(y: f64, x: f64) -> f64 {
        y.atan2(x)
    }

    pub(super) fn of32(function: Function) -> fn(f32) -> f32 {
        match function {
            Function::Sin => f32::sin,
            Function::Cos => f32::cos,
            Function::Tan => f32::tan,
            Function::Asin => f32::asin,
            Function::Acos => f32::acos,
            Function::Atan => f32::atan,
            Function::Sqrt => f32::sqrt,
            Function::Exp => f32::exp,
            Function::Ln => f32::ln,
            _ => f32::log10,
        }
    }

    pub(super) fn of64(function: Function) -> fn(f64) -> f64 {
        match function {
            Function::Sin => f64::sin,
            Function::Cos => f64::cos,
            Function::Tan => f64::tan,
            Function::Asin => f64::asin,
            Function::Acos => f64::acos,
            Function::Atan => f64::atan,
            Function::Sqrt => f64::sqrt,
            Function::Exp => f64::exp,
            Function::Ln => f64::ln,
            _ => f64::log10,
        }
    }
}

#[cfg(not(feature = "std"))]
mod floats {
    //! Nothing: plans that ask for it are refused.

    use crate::expr::Function;

    pub(super) fn power32(_: f32, _: f32) -> f32 {
        unreachable!("a power of floats is refused without the feature `std`")
    }

    pub(super) fn power64(_: f64, _: f64) -> f64 {
        unreachable!("a power of floats is refused without the feature `std`")
    }

    pub(super) fn angle32(_: f32, _: f32) -> f32 {
        unreachable!("an angle is refused without the feature `std`")
    }

    pub(super) fn angle64(_: f64, _: f64) -> f64 {
        unreachable!("an angle is refused without the feature `std`")
    }

    pub(super) fn of32(_: Function) -> fn(f32) -> f32 {
        unreachable!("functions of floats are refused without the feature `std`")
    }

    pub(super) fn of64(_: Function) -> fn(f64) -> f64 {
        unreachable!("functions of floats are refused without the feature `std`")
    }
}
