//! [`Type`]: the types a field can have. The discriminants are part of the file format.

use core::fmt;

/// The type of a field, as stored. Discriminants are permanent: they are written into the catalog.
///
/// | type | cell bytes |
/// |---|---|
/// | `Bool` | one byte, 0 or 1 |
/// | integers, `Id` | little-endian, their width |
/// | `F32`, `F64` | IEEE 754, little-endian |
/// | `Char` | the scalar value as `u32` |
/// | `String`, `Bytes` | the bytes, no length |
/// | `Uuid` | 16 bytes, as printed |
/// | `Decimal` | see [`decimal`](super::decimal) |
/// | `Date` | `i32` days from the common era's day 0 (0001-01-01 is day 1) |
/// | `Time` | `u64`: seconds of the day << 32, nanoseconds (to 1,999,999,999 in a leap second) |
/// | `DateTime`, `Timestamp` | 12 bytes, a 96-bit signed integer: seconds since 1970 << 32, nanoseconds |
/// | `Blob` | `u64` length, `u64` number: both 0 or neither |
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Type {
    /// `bool`
    Bool = 1,
    /// `i8`
    I8 = 2,
    /// `i16`
    I16 = 3,
    /// `i32`
    I32 = 4,
    /// `i64`
    I64 = 5,
    /// `i128`
    I128 = 6,
    /// `u8`
    U8 = 7,
    /// `u16`
    U16 = 8,
    /// `u32`
    U32 = 9,
    /// `u64`
    U64 = 10,
    /// `u128`
    U128 = 11,
    /// `f32`
    F32 = 12,
    /// `f64`
    F64 = 13,
    /// `char`
    Char = 14,
    /// `String`
    String = 15,
    /// `Vec<u8>`
    Bytes = 16,
    /// `uuid::Uuid`
    Uuid = 17,
    /// `rust_decimal::Decimal`
    Decimal = 18,
    /// `chrono::NaiveDate`
    Date = 19,
    /// `chrono::NaiveTime`
    Time = 20,
    /// `chrono::NaiveDateTime`
    DateTime = 21,
    /// `chrono::DateTime<Utc>`
    Timestamp = 22,
    /// `Id<T>`
    Id = 23,
    /// `Blob`
    Blob = 24,
}

impl Type {
    const ALL: [Type; 24] = [
        Type::Bool,
        Type::I8,
        Type::I16,
        Type::I32,
        Type::I64,
        Type::I128,
        Type::U8,
        Type::U16,
        Type::U32,
        Type::U64,
        Type::U128,
        Type::F32,
        Type::F64,
        Type::Char,
        Type::String,
        Type::Bytes,
        Type::Uuid,
        Type::Decimal,
        Type::Date,
        Type::Time,
        Type::DateTime,
        Type::Timestamp,
        Type::Id,
        Type::Blob,
    ];

    /// The type with this discriminant; `None` for a number this version does not know.
    pub const fn from_u8(number: u8) -> Option<Type> {
        if number >= 1 && number <= 24 { Some(Self::ALL[number as usize - 1]) } else { None }
    }

    /// The bytes of a cell, or `None` when they vary (strings and bytes).
    pub const fn width(self) -> Option<usize> {
        Some(match self {
            Type::Bool | Type::I8 | Type::U8 => 1,
            Type::I16 | Type::U16 => 2,
            Type::I32 | Type::U32 | Type::F32 | Type::Char | Type::Date => 4,
            Type::I64 | Type::U64 | Type::F64 | Type::Time | Type::Id => 8,
            Type::DateTime | Type::Timestamp => 12,
            Type::I128 | Type::U128 | Type::Uuid | Type::Decimal | Type::Blob => 16,
            Type::String | Type::Bytes => return None,
        })
    }

    /// Whether a record can be clustered by a key of this type: its order fits an unsigned integer of
    /// [`rank_width`](Type::rank_width) bytes.
    pub const fn is_clustering(self) -> bool {
        self.rank_width().is_some()
    }

    /// The width of this type's [rank](super::key::rank): 8 or 16 bytes, `None` when the type has no rank.
    pub const fn rank_width(self) -> Option<usize> {
        Some(match self {
            Type::Bool
            | Type::I8
            | Type::I16
            | Type::I32
            | Type::I64
            | Type::U8
            | Type::U16
            | Type::U32
            | Type::U64
            | Type::Char
            | Type::Date
            | Type::Time
            | Type::Id => 8,
            Type::I128 | Type::U128 | Type::Uuid | Type::DateTime | Type::Timestamp => 16,
            Type::F32 | Type::F64 | Type::String | Type::Bytes | Type::Decimal | Type::Blob => return None,
        })
    }

    /// Whether the type is an integer that Rust does arithmetic on.
    pub const fn is_integer(self) -> bool {
        self.is_signed_integer() || self.is_unsigned_integer()
    }

    /// `i8` to `i128`.
    pub const fn is_signed_integer(self) -> bool {
        matches!(self, Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::I128)
    }

    /// `u8` to `u128`.
    pub const fn is_unsigned_integer(self) -> bool {
        matches!(self, Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::U128)
    }

    /// Whether `+ - * /` are defined.
    pub const fn is_numeric(self) -> bool {
        self.is_integer() || matches!(self, Type::F32 | Type::F64 | Type::Decimal)
    }

    /// The Rust type's name, as users write it.
    pub const fn name(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::I8 => "i8",
            Type::I16 => "i16",
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::I128 => "i128",
            Type::U8 => "u8",
            Type::U16 => "u16",
            Type::U32 => "u32",
            Type::U64 => "u64",
            Type::U128 => "u128",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Char => "char",
            Type::String => "String",
            Type::Bytes => "Vec<u8>",
            Type::Uuid => "Uuid",
            Type::Decimal => "Decimal",
            Type::Date => "NaiveDate",
            Type::Time => "NaiveTime",
            Type::DateTime => "NaiveDateTime",
            Type::Timestamp => "DateTime<Utc>",
            Type::Id => "Id",
            Type::Blob => "Blob",
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discriminants_round_trip() {
        for ty in Type::ALL {
            assert_eq!(Type::from_u8(ty as u8), Some(ty));
        }
        assert_eq!(Type::from_u8(0), None);
        assert_eq!(Type::from_u8(25), None);
    }
}
