//! [`Type`]: the types a field can have. The discriminants are part of the file format.

use core::fmt;

use crate::parts;

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
/// | `Json` | see [`json`](super::json::form) |
/// | lists | see [`list`](super::list) |
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
    /// `Json`
    #[cfg(not(feature = "small"))]
    Json = 25,
    /// `Vec<bool>`
    #[cfg(not(feature = "small"))]
    BoolList = 65,
    /// `Vec<i8>`
    #[cfg(not(feature = "small"))]
    I8List = 66,
    /// `Vec<i16>`
    #[cfg(not(feature = "small"))]
    I16List = 67,
    /// `Vec<i32>`
    #[cfg(not(feature = "small"))]
    I32List = 68,
    /// `Vec<i64>`
    #[cfg(not(feature = "small"))]
    I64List = 69,
    /// `Vec<i128>`
    #[cfg(not(feature = "small"))]
    I128List = 70,
    /// `Vec<u16>`
    #[cfg(not(feature = "small"))]
    U16List = 72,
    /// `Vec<u32>`
    #[cfg(not(feature = "small"))]
    U32List = 73,
    /// `Vec<u64>`
    #[cfg(not(feature = "small"))]
    U64List = 74,
    /// `Vec<u128>`
    #[cfg(not(feature = "small"))]
    U128List = 75,
    /// `Vec<f32>`
    #[cfg(not(feature = "small"))]
    F32List = 76,
    /// `Vec<f64>`
    #[cfg(not(feature = "small"))]
    F64List = 77,
    /// `Vec<char>`
    #[cfg(not(feature = "small"))]
    CharList = 78,
    /// `Vec<String>`
    #[cfg(not(feature = "small"))]
    StringList = 79,
    /// `Vec<Vec<u8>>`
    #[cfg(not(feature = "small"))]
    BytesList = 80,
    /// `Vec<Uuid>`
    #[cfg(not(feature = "small"))]
    UuidList = 81,
    /// `Vec<Decimal>`
    #[cfg(not(feature = "small"))]
    DecimalList = 82,
    /// `Vec<NaiveDate>`
    #[cfg(not(feature = "small"))]
    DateList = 83,
    /// `Vec<NaiveTime>`
    #[cfg(not(feature = "small"))]
    TimeList = 84,
    /// `Vec<NaiveDateTime>`
    #[cfg(not(feature = "small"))]
    DateTimeList = 85,
    /// `Vec<DateTime<Utc>>`
    #[cfg(not(feature = "small"))]
    TimestampList = 86,
    /// `Vec<Id>`
    #[cfg(not(feature = "small"))]
    IdList = 87,
}

/// What the discriminant of a list adds to that of its elements.
const LIST: u8 = 64;

/// The types of lists, and their names. The cargo feature `small` leaves them out.
#[cfg(not(feature = "small"))]
const LISTS: [(Type, &str); 22] = [
    (Type::BoolList, "Vec<bool>"),
    (Type::I8List, "Vec<i8>"),
    (Type::I16List, "Vec<i16>"),
    (Type::I32List, "Vec<i32>"),
    (Type::I64List, "Vec<i64>"),
    (Type::I128List, "Vec<i128>"),
    (Type::U16List, "Vec<u16>"),
    (Type::U32List, "Vec<u32>"),
    (Type::U64List, "Vec<u64>"),
    (Type::U128List, "Vec<u128>"),
    (Type::F32List, "Vec<f32>"),
    (Type::F64List, "Vec<f64>"),
    (Type::CharList, "Vec<char>"),
    (Type::StringList, "Vec<String>"),
    (Type::BytesList, "Vec<Vec<u8>>"),
    (Type::UuidList, "Vec<Uuid>"),
    (Type::DecimalList, "Vec<Decimal>"),
    (Type::DateList, "Vec<NaiveDate>"),
    (Type::TimeList, "Vec<NaiveTime>"),
    (Type::DateTimeList, "Vec<NaiveDateTime>"),
    (Type::TimestampList, "Vec<DateTime<Utc>>"),
    (Type::IdList, "Vec<Id>"),
];
#[cfg(feature = "small")]
const LISTS: [(Type, &str); 0] = [];

impl Type {
    const ALL: &[Type] = &[
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
        #[cfg(not(feature = "small"))]
        Type::Json,
    ];

    /// The type with this discriminant; `None` for a number this version does not know.
    pub const fn from_u8(number: u8) -> Option<Type> {
        if number >= 1 && number as usize <= Self::ALL.len() {
            return Some(Self::ALL[number as usize - 1]);
        }
        let mut at = 0;
        while at < LISTS.len() {
            if LISTS[at].0 as u8 == number {
                return Some(LISTS[at].0);
            }
            at += 1;
        }
        None
    }

    /// The type of the elements of a list; `None` when this is no list.
    pub const fn element(self) -> Option<Type> {
        match (self as u8).checked_sub(LIST) {
            Some(number) if parts::LISTS => Type::from_u8(number),
            _ => None,
        }
    }

    /// The type of lists of this type; `None` where there are none: of lists, of blobs, of JSON, and of `u8`, whose `Vec` are bytes.
    pub const fn list(self) -> Option<Type> {
        if self as u8 > LIST { None } else { Type::from_u8(self as u8 + LIST) }
    }

    /// Whether this is JSON.
    pub const fn is_json(self) -> bool {
        #[cfg(not(feature = "small"))]
        return matches!(self, Type::Json);
        #[cfg(feature = "small")]
        false
    }

    /// Whether this is a list.
    pub const fn is_list(self) -> bool {
        parts::LISTS && self as u8 > LIST
    }

    /// The bytes of a cell, or `None` when they vary (strings, bytes, JSON and lists).
    pub const fn width(self) -> Option<usize> {
        Some(match self {
            Type::Bool | Type::I8 | Type::U8 => 1,
            Type::I16 | Type::U16 => 2,
            Type::I32 | Type::U32 | Type::F32 | Type::Char | Type::Date => 4,
            Type::I64 | Type::U64 | Type::F64 | Type::Time | Type::Id => 8,
            Type::DateTime | Type::Timestamp => 12,
            Type::I128 | Type::U128 | Type::Uuid | Type::Decimal | Type::Blob => 16,
            _ => return None,
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
            _ => return None,
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
            #[cfg(not(feature = "small"))]
            Type::Json => "Json",
            #[cfg(not(feature = "small"))]
            list => {
                let mut at = 0;
                while LISTS[at].0 as u8 != list as u8 {
                    at += 1;
                }
                LISTS[at].1
            }
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
        for ty in Type::ALL.iter().copied() {
            assert_eq!(Type::from_u8(ty as u8), Some(ty));
        }
        assert_eq!(Type::from_u8(0), None);
        assert_eq!(Type::from_u8(26), None);
    }

    #[cfg(not(feature = "small"))]
    #[test]
    fn lists_are_of_every_scalar_but_bytes_and_blobs() {
        for element in Type::ALL.iter().copied() {
            let list = element.list();
            assert_eq!(list.is_none(), matches!(element, Type::U8 | Type::Blob | Type::Json), "{element}");
            let Some(list) = list else { continue };
            assert_eq!(list as u8, element as u8 + 64, "a part of the file format");
            assert_eq!(Type::from_u8(list as u8), Some(list));
            assert_eq!((list.element(), list.list(), list.width()), (Some(element), None, None));
            assert_eq!(list.name(), format!("Vec<{element}>"));
            assert!(list.is_list() && !element.is_list() && element.element().is_none());
        }
        assert_eq!((Type::from_u8(64), Type::from_u8(71), Type::from_u8(88)), (None, None, None));
    }
}
