//! [`Scalar`]: one value by itself.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use super::decimal::DecimalParts;
use super::{Blob, Cell, Type, json, list, utf8};
use crate::parts;

/// One value, owned: a literal of a query, a default, a value named in an error.
///
/// There is one variant per *class* of values, not per type: all integers but `u128`, and dates and times in their
/// cell's integer form, are `Int`. A scalar is therefore always read together with a [`Type`].
///
/// # Examples
///
/// ```
/// use epilog::value::{Scalar, Type, Value};
///
/// assert_eq!(7u8.to_scalar(), Scalar::Int(7));
/// assert_eq!(Scalar::from_cell(Type::U8, Some(&[7])), Some(Scalar::Int(7)));
/// assert!(None::<u8>.to_scalar().is_null());
/// assert!(Scalar::Float(f64::NAN).compare(&Scalar::Float(1.0)).is_gt());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Scalar {
    /// The absent value.
    Null,
    /// `Bool`
    Bool(bool),
    /// Integers to 64 bits, `I128`, `Char`, `Id`, `Date`, `Time`, `DateTime`, `Timestamp`.
    Int(i128),
    /// `U128`, always.
    Uint(u128),
    /// `F32` (exactly widened) and `F64`.
    Float(f64),
    /// `Decimal`
    Decimal(DecimalParts),
    /// `String`; JSON, in its one [form](super::json::form).
    String(String),
    /// `Bytes`; lists, in the form of their [cell](super::list).
    Bytes(Vec<u8>),
    /// `Uuid`
    Uuid([u8; 16]),
    /// `Blob`
    Blob(Blob),
}

impl Scalar {
    /// Reads a cell of type `ty`; `None` when the bytes are not a value of that type.
    pub fn from_cell(ty: Type, cell: Cell<'_>) -> Option<Scalar> {
        let Some(bytes) = cell else { return Some(Scalar::Null) };
        if ty.width().is_some_and(|width| width != bytes.len()) {
            return None;
        }
        Some(match ty {
            Type::Bool => match bytes[0] {
                0 => Scalar::Bool(false),
                1 => Scalar::Bool(true),
                _ => return None,
            },
            Type::F32 => Scalar::Float(f64::from(f32::from_le_bytes(bytes.try_into().ok()?))),
            Type::F64 => Scalar::Float(f64::from_le_bytes(bytes.try_into().ok()?)),
            Type::U128 => Scalar::Uint(u128::from_le_bytes(bytes.try_into().ok()?)),
            Type::Decimal => Scalar::Decimal(DecimalParts::from_cell(bytes)?),
            Type::String => Scalar::String(utf8::text(bytes)?.into()),
            Type::Bytes => Scalar::Bytes(bytes.to_vec()),
            Type::Uuid => Scalar::Uuid(bytes.try_into().ok()?),
            Type::Blob => Scalar::Blob(Blob::from_cell(bytes)?),
            _ if ty.is_json() => {
                let valid = json::form::is_valid(bytes);
                Scalar::String(core::str::from_utf8(bytes).ok().filter(|_| valid)?.into())
            }
            _ if ty.is_list() => {
                let is_element = |element, cell: &[u8]| Scalar::from_cell(element, Some(cell)).is_some();
                list::is_valid(ty, bytes, is_element).then(|| Scalar::Bytes(bytes.to_vec()))?
            }
            Type::Char => {
                let number = u32::from_le_bytes(bytes.try_into().ok()?);
                Scalar::Int(char::from_u32(number)? as i128)
            }
            _ => Scalar::Int(integer(ty, bytes)),
        })
    }

    /// Calls `then` with the cell of this scalar as type `ty`.
    ///
    /// # Panics
    ///
    /// When the scalar is of another class or does not fit the type: the checker of logical plans lets no such pair
    /// through.
    pub fn with_cell<R>(&self, ty: Type, then: impl FnOnce(Cell<'_>) -> R) -> R {
        match (self, ty) {
            (Scalar::Null, _) => then(None),
            (Scalar::Bool(value), Type::Bool) => then(Some(&[u8::from(*value)])),
            (Scalar::Float(value), Type::F32) => then(Some(&(*value as f32).to_le_bytes())),
            (Scalar::Float(value), Type::F64) => then(Some(&value.to_le_bytes())),
            (Scalar::Uint(value), Type::U128) => then(Some(&value.to_le_bytes())),
            (Scalar::Decimal(value), Type::Decimal) => then(Some(&value.to_cell())),
            (Scalar::String(value), Type::String) => then(Some(value.as_bytes())),
            (Scalar::String(value), _) if ty.is_json() => then(Some(value.as_bytes())),
            (Scalar::Bytes(value), Type::Bytes) => then(Some(value)),
            (Scalar::Bytes(value), _) if ty.is_list() => then(Some(value)),
            (Scalar::Uuid(value), Type::Uuid) => then(Some(value)),
            (Scalar::Blob(value), Type::Blob) => then(Some(&value.to_cell())),
            (Scalar::Int(value), _) => {
                let width = ty.width().expect("an integer class has a width");
                assert!(fits(*value, ty), "{value} does not fit {ty}");
                then(Some(&value.to_le_bytes()[..width]))
            }
            _ => panic!("{self:?} is not a value of type {ty}"),
        }
    }

    /// The list of these values, which are of type `element`; `None` when there are no lists of it, or one of the values is
    /// absent.
    ///
    /// # Panics
    ///
    /// When a value is not of the type, as [`with_cell`](Scalar::with_cell).
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::value::{Scalar, Type, Value};
    ///
    /// let list = Scalar::list(Type::I32, &[Scalar::Int(3), Scalar::Int(-1)]);
    /// assert_eq!(list, Some(vec![3i32, -1].to_scalar()));
    /// assert_eq!(list.and_then(|list| list.elements(Type::I32.list()?)), Some(vec![Scalar::Int(3), Scalar::Int(-1)]));
    /// ```
    pub fn list(element: Type, values: &[Scalar]) -> Option<Scalar> {
        element.list()?;
        let mut cell = list::empty();
        for value in values {
            value.with_cell(element, |value| {
                list::push(&mut cell, element, value?);
                Some(())
            })?;
        }
        Some(Scalar::Bytes(cell))
    }

    /// The values of a list of type `ty`; `None` when this is none.
    pub fn elements(&self, ty: Type) -> Option<Vec<Scalar>> {
        let (Scalar::Bytes(cell), Some(element)) = (self, ty.element()) else { return None };
        let mut value = Vec::new();
        list::elements(element, cell)
            .map(|key| {
                value.clear();
                list::append_cell(&mut value, element, key)?;
                Scalar::from_cell(element, Some(&value))
            })
            .collect()
    }

    /// Whether this is the absent value.
    pub fn is_null(&self) -> bool {
        matches!(self, Scalar::Null)
    }

    /// Compares two scalars of one class as [keys](super::key) order them: `Null` first, `NaN` last and equal to
    /// itself, -0 equal to +0, decimals by value. Scalars of different classes compare by class.
    pub fn compare(&self, other: &Scalar) -> Ordering {
        match (self, other) {
            (Scalar::Null, Scalar::Null) => Ordering::Equal,
            (Scalar::Bool(a), Scalar::Bool(b)) => a.cmp(b),
            (Scalar::Int(a), Scalar::Int(b)) => a.cmp(b),
            (Scalar::Uint(a), Scalar::Uint(b)) => a.cmp(b),
            (Scalar::Float(a), Scalar::Float(b)) => compare_floats(*a, *b),
            (Scalar::Decimal(a), Scalar::Decimal(b)) => a.compare(*b),
            (Scalar::String(a), Scalar::String(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Scalar::Bytes(a), Scalar::Bytes(b)) => a.cmp(b),
            (Scalar::Uuid(a), Scalar::Uuid(b)) => a.cmp(b),
            (Scalar::Blob(a), Scalar::Blob(b)) => a.cmp(b),
            _ => self.class().cmp(&other.class()),
        }
    }

    fn class(&self) -> u8 {
        match self {
            Scalar::Null => 0,
            Scalar::Bool(_) => 1,
            Scalar::Int(_) => 2,
            Scalar::Uint(_) => 3,
            Scalar::Float(_) => 4,
            Scalar::Decimal(_) => 5,
            Scalar::String(_) => 6,
            Scalar::Bytes(_) => 7,
            Scalar::Uuid(_) => 8,
            Scalar::Blob(_) => 9,
        }
    }
}

/// The order of floats everywhere in Epilog: -0 equals +0, `NaN` equals itself and comes last.
pub(crate) fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// The integer in a cell of an integer class.
pub(crate) fn integer(ty: Type, bytes: &[u8]) -> i128 {
    let mut wide = [0; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    if is_signed_cell(ty) && bytes.last().is_some_and(|last| last & 0x80 != 0) {
        wide[bytes.len()..].fill(0xFF);
    }
    i128::from_le_bytes(wide)
}

/// Whether the type's cell is a signed integer.
pub(crate) const fn is_signed_cell(ty: Type) -> bool {
    ty.is_signed_integer() || matches!(ty, Type::Date | Type::DateTime | Type::Timestamp)
}

/// Whether `value` is in the range of the integer-class type `ty`.
#[inline]
pub(crate) fn fits(value: i128, ty: Type) -> bool {
    match ty {
        Type::I128 => true,
        Type::U128 => value >= 0,
        Type::Char => u32::try_from(value).is_ok_and(|number| char::from_u32(number).is_some()),
        _ => {
            let Some(width) = ty.width() else { return false };
            let bits = width as u32 * 8;
            if is_signed_cell(ty) {
                let limit = 1i128 << (bits - 1);
                (-limit..limit).contains(&value)
            } else {
                (0..1i128 << bits).contains(&value)
            }
        }
    }
}

impl fmt::Display for Scalar {
    /// Prints as Rust would write the literal; types whose cell is an integer print that integer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Null => f.write_str("None"),
            Scalar::Bool(value) => write!(f, "{value}"),
            Scalar::Int(value) => write!(f, "{value}"),
            Scalar::Uint(value) => write!(f, "{value}"),
            Scalar::Float(value) => write!(f, "{value:?}"),
            Scalar::Decimal(value) => fmt_decimal(*value, f),
            Scalar::String(value) => write!(f, "{value:?}"),
            Scalar::Bytes(value) => {
                f.write_str("0x")?;
                value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Scalar::Uuid(value) => {
                for (i, byte) in value.iter().enumerate() {
                    if parts::EXPLAINED && matches!(i, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
            Scalar::Blob(value) => value.fmt(f),
        }
    }
}

fn fmt_decimal(value: DecimalParts, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if !parts::EXPLAINED {
        let DecimalParts { mantissa, scale } = value;
        return write!(f, "{mantissa}e-{scale}");
    }
    let magnitude = value.mantissa.unsigned_abs();
    let factor = 10u128.pow(value.scale);
    if value.mantissa < 0 {
        f.write_str("-")?;
    }
    write!(f, "{}", magnitude / factor)?;
    if value.scale > 0 {
        write!(f, ".{:0width$}", magnitude % factor, width = value.scale as usize)?;
    }
    Ok(())
}

/// Whether a value is one of the type, or absent.
#[inline]
pub(crate) fn is_of(value: &Scalar, ty: Type) -> bool {
    match value {
        Scalar::Null => true,
        Scalar::Bool(_) => ty == Type::Bool,
        Scalar::Int(number) => is_integer_class(ty) && fits(*number, ty),
        Scalar::Uint(_) => ty == Type::U128,
        Scalar::Float(_) => matches!(ty, Type::F32 | Type::F64),
        Scalar::Decimal(_) => ty == Type::Decimal,
        Scalar::String(text) => ty == Type::String || (ty.is_json() && json::form::is_valid(text.as_bytes())),
        Scalar::Bytes(_) => ty == Type::Bytes || ty.is_list(),
        Scalar::Uuid(_) => ty == Type::Uuid,
        Scalar::Blob(_) => ty == Type::Blob,
    }
}

#[inline]
fn is_integer_class(ty: Type) -> bool {
    (ty.is_integer() && ty != Type::U128)
        || matches!(ty, Type::Char | Type::Id | Type::Date | Type::Time | Type::DateTime | Type::Timestamp)
}

/// Whether two values are one: -0 and 0 are two, as are 1.0 and 1.00, and `NaN` is itself.
pub(crate) fn is_identical(a: &Scalar, b: &Scalar) -> bool {
    match (a, b) {
        (Scalar::Float(a), Scalar::Float(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn cells_round_trip() {
        let cases = [
            (Type::Bool, Scalar::Bool(true)),
            (Type::I8, Scalar::Int(-128)),
            (Type::U8, Scalar::Int(255)),
            (Type::I64, Scalar::Int(i128::from(i64::MIN))),
            (Type::U64, Scalar::Int(i128::from(u64::MAX))),
            (Type::I128, Scalar::Int(i128::MIN)),
            (Type::U128, Scalar::Uint(u128::MAX)),
            (Type::F32, Scalar::Float(1.5)),
            (Type::F64, Scalar::Float(-0.1)),
            (Type::Char, Scalar::Int('ß' as i128)),
            (Type::DateTime, Scalar::Int(-(5i128 << 32) + 7)),
            (Type::String, Scalar::String("naïve".into())),
            (Type::Bytes, Scalar::Bytes(vec![0, 255])),
            (Type::Uuid, Scalar::Uuid([9; 16])),
            (Type::I32, Scalar::Null),
        ];
        for (ty, scalar) in cases {
            let back = scalar.with_cell(ty, |cell| Scalar::from_cell(ty, cell));
            assert_eq!(back, Some(scalar), "{ty}");
        }
    }

    #[test]
    fn bytes_of_another_type_are_refused() {
        assert_eq!(Scalar::from_cell(Type::Bool, Some(&[2])), None);
        assert_eq!(Scalar::from_cell(Type::I32, Some(&[0; 8])), None);
        assert_eq!(Scalar::from_cell(Type::String, Some(&[0xFF])), None);
        assert_eq!(Scalar::from_cell(Type::Char, Some(&0xD800u32.to_le_bytes())), None);
    }

    #[test]
    fn prints_as_rust_writes() {
        assert_eq!(Scalar::String("a\"b".into()).to_string(), "\"a\\\"b\"");
        assert_eq!(Scalar::Decimal(DecimalParts { mantissa: -105, scale: 2 }).to_string(), "-1.05");
        assert_eq!(Scalar::Float(3.0).to_string(), "3.0");
    }
}
