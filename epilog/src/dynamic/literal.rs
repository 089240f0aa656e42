//! Literals take the type of what they stand beside, where that has their value.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::value::decimal::DecimalParts;
use crate::value::text::beginning;
use crate::value::{Scalar, Type, is_of};

/// What decimals have room for: 96 bits.
const DECIMAL_MAX: u128 = 1 << 96;

/// A value of type `from` as one of type `to`; `None` where that has no such value. No number is changed, but a float
/// that becomes the nearest `f32`.
pub(super) fn fit(value: &Scalar, from: Type, to: Type) -> Option<Scalar> {
    if from == to || value.is_null() {
        return is_of(value, to).then(|| value.clone());
    }
    if let (Some(own), Some(element)) = (from.element(), to.element()) {
        let elements = value.elements(from)?;
        let fitted = elements.iter().map(|value| fit(value, own, element)).collect::<Option<Vec<_>>>()?;
        return Scalar::list(element, &fitted);
    }
    match value {
        Scalar::Int(number) if from.is_integer() => integer(*number, to),
        Scalar::Uint(number) => match i128::try_from(*number) {
            Ok(number) => integer(number, to),
            Err(_) => None,
        },
        Scalar::Float(number) => match to {
            Type::F64 => Some(Scalar::Float(*number)),
            Type::F32 => {
                let narrow = *number as f32;
                (narrow.is_finite() || !number.is_finite()).then(|| Scalar::Float(f64::from(narrow)))
            }
            _ => None,
        },
        Scalar::String(text) if from == Type::String && to == Type::Char => {
            let mut letters = text.chars();
            letters.next().filter(|_| letters.next().is_none()).map(|letter| Scalar::Int(letter as i128))
        }
        Scalar::Int(letter) if from == Type::Char && to == Type::String => {
            let letter = u32::try_from(*letter).ok().and_then(char::from_u32)?;
            Some(Scalar::String(String::from(letter)))
        }
        _ => None,
    }
}

fn integer(number: i128, to: Type) -> Option<Scalar> {
    let scalar = match to {
        Type::U128 => Scalar::Uint(u128::try_from(number).ok()?),
        Type::F64 => {
            let float = number as f64;
            (float as i128 == number && number != i128::MAX).then_some(Scalar::Float(float))?
        }
        Type::F32 => {
            let float = number as f32;
            (float as i128 == number && number != i128::MAX).then_some(Scalar::Float(f64::from(float)))?
        }
        Type::Decimal if number.unsigned_abs() < DECIMAL_MAX => {
            Scalar::Decimal(DecimalParts { mantissa: number, scale: 0 })
        }
        _ if to.is_integer() || to == Type::Id => Scalar::Int(number),
        _ => return None,
    };
    is_of(&scalar, to).then_some(scalar)
}

/// So many letters of a literal are told where something is wrong.
const TOLD_MAX: usize = 80;

/// A literal as it is told where something is wrong: of a long one the beginning.
pub(super) fn brief(value: &Scalar) -> String {
    beginning(value.to_string(), TOLD_MAX)
}

/// Whether values of the two types are of one kind, so that a literal of the one is wanted as one of the other.
pub(super) fn is_kin(from: Type, to: Type) -> bool {
    let is_number = |ty: Type| ty.is_numeric() || ty == Type::Id;
    match (from.element(), to.element()) {
        (Some(from), Some(to)) => is_kin(from, to),
        (None, None) => is_number(from) && is_number(to) || from == Type::String && to == Type::Char,
        _ => false,
    }
}
