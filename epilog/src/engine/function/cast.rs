//! Casts from type to type, to texts and from them.
//!
//! A cast gives the same number, or none. The exception are floats, which have few numbers: a cast to one gives the float
//! nearest to the number.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use super::cell::{Cell, attempts, perhaps};
use super::number::trunc;
use super::{Argument, Made, Problem, date, iso};
use crate::expr::Function;
use crate::value::decimal::DecimalParts;
use crate::value::{Scalar, Type};

/// A number of any type.
#[derive(Clone, Copy)]
enum Number {
    Int(i128),
    Uint(u128),
    Single(f32),
    Double(f64),
    Decimal(DecimalParts),
}

/// Runs `$body` with `$of` standing for the Rust type of a type of integers or floats; `$other` for other types.
macro_rules! with_number {
    ($ty:expr, $of:ident => $body:expr, _ => $other:expr) => {{
        macro_rules! arm {
            ($number:ty) => {{
                type $of = $number;
                $body
            }};
        }
        match $ty {
            Type::I8 => arm!(i8),
            Type::I16 => arm!(i16),
            Type::I32 => arm!(i32),
            Type::I64 => arm!(i64),
            Type::I128 => arm!(i128),
            Type::U8 => arm!(u8),
            Type::U16 => arm!(u16),
            Type::U32 => arm!(u32),
            Type::U64 => arm!(u64),
            Type::U128 => arm!(u128),
            Type::F32 => arm!(f32),
            Type::F64 => arm!(f64),
            _ => $other,
        }
    }};
}

/// What a number of any type can become.
trait FromNumber: Cell {
    fn from_number(number: Number) -> Option<Self>;
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl FromNumber for $integer {
            fn from_number(number: Number) -> Option<$integer> {
                match number {
                    Number::Int(value) => value.try_into().ok(),
                    Number::Uint(value) => value.try_into().ok(),
                    Number::Single(value) => Self::from_number(Number::Double(f64::from(value))),
                    Number::Double(value) if value >= 0.0 => {
                        // From 2^128 on there is no integer to hold it.
                        let fits = value < 340_282_366_920_938_463_463_374_607_431_768_211_456.0;
                        (fits && trunc(value) == value).then(|| (value as u128).try_into().ok())?
                    }
                    Number::Double(value) => {
                        let fits = value >= i128::MIN as f64;
                        (fits && trunc(value) == value).then(|| (value as i128).try_into().ok())?
                    }
                    Number::Decimal(value) => {
                        let power = 10i128.pow(value.scale);
                        let whole = value.mantissa % power == 0;
                        whole.then(|| (value.mantissa / power).try_into().ok())?
                    }
                }
            }
        }
    )*};
}

integers!(i8 i16 i32 i64 i128 u8 u16 u32 u64 u128);

/// The nearest float; none for a number beyond the greatest.
macro_rules! floats {
    ($($float:ident)*) => {$(
        impl FromNumber for $float {
            fn from_number(number: Number) -> Option<$float> {
                let nearest = match number {
                    Number::Int(value) => value as $float,
                    Number::Uint(value) => value as $float,
                    Number::Single(value) if !value.is_finite() => return Some(value as $float),
                    Number::Double(value) if !value.is_finite() => return Some(value as $float),
                    Number::Single(value) => value as $float,
                    Number::Double(value) => value as $float,
                    // Reading a decimal's text rounds once.
                    Number::Decimal(value) => Scalar::Decimal(value).to_string().parse().ok()?,
                };
                nearest.is_finite().then_some(nearest)
            }
        }
    )*};
}

floats!(f32 f64);

impl FromNumber for DecimalParts {
    fn from_number(number: Number) -> Option<DecimalParts> {
        let whole = |mantissa: i128| {
            (mantissa.unsigned_abs() >> 96 == 0).then_some(DecimalParts { mantissa, scale: 0 })
        };
        match number {
            Number::Int(value) => whole(value),
            Number::Uint(value) => whole(i128::try_from(value).ok()?),
            Number::Decimal(value) => Some(value),
            // The decimal that people write for the float.
            Number::Single(value) => exact_decimal(&value.to_string()),
            Number::Double(value) => exact_decimal(&value.to_string()),
        }
    }
}

/// The decimal that a text says, if it has all its digits.
#[cfg(feature = "decimal")]
fn exact_decimal(text: &str) -> Option<DecimalParts> {
    DecimalParts::from_cell(&rust_decimal::Decimal::from_str_exact(text).ok()?.serialize())
}

/// Nothing: plans that ask for it are refused.
#[cfg(not(feature = "decimal"))]
fn exact_decimal(text: &str) -> Option<DecimalParts> {
    decimal(text)
}

/// The decimal that a text says.
#[cfg(feature = "decimal")]
fn decimal(text: &str) -> Option<DecimalParts> {
    DecimalParts::from_cell(&text.parse::<rust_decimal::Decimal>().ok()?.serialize())
}

/// Nothing: plans that ask for it are refused.
#[cfg(not(feature = "decimal"))]
fn decimal(_: &str) -> Option<DecimalParts> {
    unreachable!("a cast to decimals is refused without the feature `decimal`")
}

/// How a value of the type is read as a number.
fn reader(ty: Type) -> fn(&[u8]) -> Number {
    match ty {
        Type::I8 => |cell| Number::Int(i8::read(cell).into()),
        Type::I16 => |cell| Number::Int(i16::read(cell).into()),
        Type::I32 => |cell| Number::Int(i32::read(cell).into()),
        Type::I64 => |cell| Number::Int(i64::read(cell).into()),
        Type::I128 => |cell| Number::Int(i128::read(cell)),
        Type::U16 => |cell| Number::Int(u16::read(cell).into()),
        Type::U32 | Type::Char => |cell| Number::Int(u32::read(cell).into()),
        Type::U64 => |cell| Number::Int(u64::read(cell).into()),
        Type::U128 => |cell| Number::Uint(u128::read(cell)),
        Type::F32 => |cell| Number::Single(f32::read(cell)),
        Type::F64 => |cell| Number::Double(f64::read(cell)),
        Type::Decimal => |cell| Number::Decimal(DecimalParts::read(cell)),
        // `Bool` and `U8`.
        _ => |cell| Number::Int(cell[0].into()),
    }
}

/// `Cast`, `TryCast` and `CastOrFail`.
pub(super) fn cast(function: Function, of: Argument<'_>, len: usize) -> Made {
    let read = reader(of.ty);
    let to = function.target().unwrap_or(of.ty);
    macro_rules! to {
        ($number:ty) => {{
            let value = |row: usize| <$number>::from_number(read(of.bytes(row)));
            match function {
                Function::TryCast(_) => perhaps(len, value),
                _ => attempts((0..len).map(|row| value(row).ok_or(does_not_fit(to)))),
            }
        }};
    }
    with_number!(to, Target => to!(Target), _ => to!(DecimalParts))
}

fn does_not_fit(to: Type) -> Problem {
    match to {
        Type::I8 => "is no i8",
        Type::I16 => "is no i16",
        Type::I32 => "is no i32",
        Type::I64 => "is no i64",
        Type::I128 => "is no i128",
        Type::U8 => "is no u8",
        Type::U16 => "is no u16",
        Type::U32 => "is no u32",
        Type::U64 => "is no u64",
        Type::U128 => "is no u128",
        Type::F32 => "is no f32",
        Type::F64 => "is no f64",
        _ => "is no Decimal",
    }
}

/// Texts as Rust writes the values, and ISO 8601 dates and times.
pub(super) fn to_text(of: Argument<'_>, len: usize) -> Made {
    let mut scratch = String::new();
    let mut texts = Vec::new();
    let mut ends = Vec::with_capacity(len);
    for row in 0..len {
        scratch.clear();
        // A `String` takes whatever is written to it.
        let _ = with_number!(of.ty, Source => write!(scratch, "{}", of.cell::<Source>(row)), _ => match of.ty {
            Type::Bool => write!(scratch, "{}", of.bytes(row)[0] != 0),
            Type::Char => write!(scratch, "{}", char::from_u32(of.cell(row)).unwrap_or_default()),
            Type::Decimal => write!(scratch, "{}", Scalar::Decimal(of.cell(row))),
            Type::Uuid => write!(scratch, "{}", Scalar::Uuid(of.cell(row))),
            _ => {
                iso::write(&mut scratch, of.ty, date::moment(of, row));
                Ok(())
            }
        });
        texts.extend_from_slice(scratch.as_bytes());
        ends.push(texts.len() as u32);
    }
    Made::of(super::Values::Texts { bytes: texts, ends })
}

/// The values that texts say, as Rust reads them, and ISO 8601 dates and times.
pub(super) fn parse(of: Argument<'_>, to: Type, len: usize) -> Made {
    let text = |row: usize| core::str::from_utf8(of.bytes(row)).ok();
    with_number!(to, Target => perhaps(len, |row| text(row)?.parse::<Target>().ok()), _ => match to {
        Type::Bool => perhaps(len, |row| text(row)?.parse::<bool>().ok().map(u8::from)),
        Type::Char => perhaps(len, |row| text(row)?.parse::<char>().ok().map(u32::from)),
        Type::Decimal => perhaps(len, |row| decimal(text(row)?)),
        Type::Uuid => perhaps(len, |row| iso::read_uuid(text(row)?)),
        Type::Date => perhaps(len, |row| iso::read(to, text(row)?).map(|moment| moment.day() as i32)),
        Type::Time => perhaps(len, |row| iso::read(to, text(row)?).map(date::cell_of_time)),
        _ => perhaps(len, |row| iso::read(to, text(row)?)),
    })
}
