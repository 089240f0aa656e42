//! [`Value`]: the Rust types a field can have.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Cell, Scalar, Type, utf8};

/// A stored value is not one of the Rust type asked for: the bytes are damaged, or a bug wrote them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored value is not a valid {ty}")]
pub struct DecodeError {
    /// The type that was expected.
    pub ty: Type,
}

/// A Rust type that a field can have.
///
/// Implemented for the integers, floats, `bool`, `char`, `String`, `Vec<u8>`, `Json`, [`Blob`](super::Blob), [`Id`](crate::Id), with
/// features for `chrono`, `uuid` and `rust_decimal`, for `Vec` of each but `Json` and `Blob`, and for `Option` of all these. A text, byte
/// string or list has at most 2<sup>30</sup> bytes; long ones lie outside their record, so that the others are read without
/// them.
///
/// A list (`Vec<T>`) keeps its elements by value: -0.0 comes back as 0.0, every `NaN` as the same, and a `Decimal` without the
/// zeros at the end of its fraction. That is what makes lists compare as their bytes do. A `Vec<Id<T>>` is a list of numbers, no
/// relation: nothing checks that the records are there. The cargo feature `small` leaves lists out.
///
/// # Examples
///
/// ```
/// use epilog::value::{Scalar, Type, Value};
///
/// assert_eq!((<i64 as Value>::TYPE, <i64 as Value>::OPTIONAL), (Type::I64, false));
/// assert_eq!(Some(5i64).to_scalar(), Scalar::Int(5));
/// // A value goes through its cell and comes back.
/// assert_eq!("naïve".to_string().with_cell(String::read), Ok("naïve".to_string()));
/// assert!(i64::read(None).is_err());
/// ```
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` cannot be stored",
    label = "not a storable type",
    note = "storable: integers, floats, `bool`, `char`, `String`, `Vec<u8>`, `Json`, `Blob`, `Id<T>`, by cargo features dates, times, `Uuid`, `Decimal`; `Vec` of all but `Json`, `Blob`; `Option` of all"
)]
pub trait Value: Clone + Sized + 'static {
    /// How it is stored.
    const TYPE: Type;
    /// Whether the absent value is one of its values.
    const OPTIONAL: bool = false;
    /// This type with the absent value: `Option<Self>`, or `Self` for an `Option`.
    type Optional: Value<Required = Self::Required>;
    /// This type without the absent value: `T` for `Option<T>`, else `Self`.
    type Required: Value;

    /// Calls `then` with the value's cell.
    fn with_cell<R>(&self, then: impl FnOnce(Cell<'_>) -> R) -> R;

    /// Reads a cell.
    ///
    /// # Errors
    ///
    /// When the bytes are not a value of this type: absent for a required type, of another width, not UTF-8, not a
    /// calendar date.
    fn read(cell: Cell<'_>) -> Result<Self, DecodeError>;

    /// The value as a literal.
    fn to_scalar(&self) -> Scalar {
        self.with_cell(|cell| Scalar::from_cell(Self::TYPE, cell)).expect("a value's own cell is valid")
    }
}

/// A value that any index can hold, and that can be of a key: of every type but [`Blob`](super::Blob), `Json` and lists, and `Option`
/// of it.
///
/// # Examples
///
/// ```
/// use epilog::value::{Indexed, Value};
///
/// fn least<T: Indexed>(a: T, b: T) -> T {
///     if a.to_scalar().compare(&b.to_scalar()).is_le() { a } else { b }
/// }
/// assert_eq!(least(Some(3u8), None), None);
/// ```
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` cannot be unique, nor be of a key or of an index of several fields",
    label = "not a type that such an index holds",
    note = "an index of a list has an entry for each element: write `#[index]` on that field alone; of a `Blob` or `Json`, index a field that tells what it is"
)]
pub trait Indexed: Value {}

/// A value that an index of its field alone can hold, where the index is not unique: one that is [`Indexed`], or a list of
/// them, whose index has an entry for each of its elements.
///
/// # Examples
///
/// ```
/// use epilog::value::{Entered, Type};
///
/// fn type_of<T: Entered>() -> Type {
///     T::TYPE
/// }
/// assert_eq!(type_of::<Vec<u64>>(), Type::U64List);
/// ```
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` cannot be indexed, nor be of a key",
    label = "not a type that an index holds",
    note = "an index is by values, and finds neither a `Blob` nor `Json`: index a field that tells what it is, such as a checksum"
)]
pub trait Entered: Value {}

/// A type that lists can be of: every [`Value`] but `Option`, lists, `Json`, [`Blob`](super::Blob), and `u8`, whose `Vec` are bytes.
///
/// # Examples
///
/// ```
/// use epilog::value::{Element, Value};
///
/// fn pair<T: Element>(first: T, second: T) -> Vec<T> {
///     vec![first, second]
/// }
/// assert_eq!(pair(1.5, 2.5).with_cell(Vec::<f64>::read), Ok(vec![1.5, 2.5]));
/// ```
#[diagnostic::on_unimplemented(
    message = "a list of `{Self}` cannot be stored",
    label = "not a type that lists are of",
    note = "lists are of scalars: integers, floats, `bool`, `char`, `String`, `Vec<u8>`, `Id<T>`, dates and times of `chrono`, `Uuid`, `Decimal`"
)]
pub trait Element: Indexed + Value<Required = Self, Optional = Option<Self>> {
    /// The type of lists of it.
    const LIST: Type;
}

macro_rules! little_endian {
    ($scalar:ident($wide:ty): $($rust:ty => $ty:ident),* $(,)?) => {$(
        #[diagnostic::do_not_recommend]
        impl Value for $rust {
            const TYPE: Type = Type::$ty;
            type Optional = Option<$rust>;
            type Required = $rust;

            #[inline]
            fn with_cell<R>(&self, then: impl FnOnce(Cell<'_>) -> R) -> R {
                then(Some(&self.to_le_bytes()))
            }

            #[inline]
            fn read(cell: Cell<'_>) -> Result<Self, DecodeError> {
                cell.and_then(|bytes| bytes.try_into().ok())
                    .map(<$rust>::from_le_bytes)
                    .ok_or(DecodeError { ty: Self::TYPE })
            }

            #[inline]
            fn to_scalar(&self) -> Scalar {
                Scalar::$scalar(<$wide>::from(*self))
            }
        }

        #[diagnostic::do_not_recommend]
        impl Indexed for $rust {}

        #[diagnostic::do_not_recommend]
        impl Entered for $rust {}
    )*};
}

little_endian! { Int(i128): i8 => I8, i16 => I16, i32 => I32, i64 => I64, i128 => I128 }
little_endian! { Int(i128): u8 => U8, u16 => U16, u32 => U32, u64 => U64 }
little_endian! { Uint(u128): u128 => U128 }
little_endian! { Float(f64): f32 => F32, f64 => F64 }

/// A type whose cell is made from, and read into, another form by two functions.
macro_rules! by_conversion {
    ($(#[$meta:meta])* $rust:ty => $ty:ident, |$value:ident| $write:expr, |$bytes:ident| $read:expr) => {
        $(#[$meta])*
        #[diagnostic::do_not_recommend]
        impl Value for $rust {
            const TYPE: Type = Type::$ty;
            type Optional = Option<$rust>;
            type Required = $rust;

            #[inline]
            fn with_cell<R>(&self, then: impl FnOnce(Cell<'_>) -> R) -> R {
                let $value = self;
                then(Some($write.as_ref()))
            }

            #[inline]
            fn read(cell: Cell<'_>) -> Result<Self, DecodeError> {
                cell.and_then(|$bytes| $read).ok_or(DecodeError { ty: Self::TYPE })
            }
        }

        $(#[$meta])*
        #[diagnostic::do_not_recommend]
        impl Indexed for $rust {}

        $(#[$meta])*
        #[diagnostic::do_not_recommend]
        impl Entered for $rust {}
    };
}

by_conversion!(bool => Bool, |value| [u8::from(*value)], |bytes| match bytes {
    [0] => Some(false),
    [1] => Some(true),
    _ => None,
});
by_conversion!(char => Char, |value| u32::from(*value).to_le_bytes(), |bytes| {
    char::from_u32(u32::from_le_bytes(bytes.try_into().ok()?))
});
by_conversion!(String => String, |value| value.as_bytes(), |bytes| utf8::text(bytes).map(String::from));
by_conversion!(Vec<u8> => Bytes, |value| value.as_slice(), |bytes| Some(bytes.to_vec()));
by_conversion!(
    #[cfg(feature = "uuid")]
    uuid::Uuid => Uuid, |value| value.as_bytes(), |bytes| uuid::Uuid::from_slice(bytes).ok()
);
by_conversion!(
    #[cfg(feature = "decimal")]
    rust_decimal::Decimal => Decimal, |value| value.serialize(), |bytes| {
        super::decimal::DecimalParts::from_cell(bytes)?;
        Some(rust_decimal::Decimal::deserialize(bytes.try_into().ok()?))
    }
);
by_conversion!(
    #[cfg(feature = "chrono")]
    chrono::NaiveDate => Date, |value| chrono::Datelike::num_days_from_ce(value).to_le_bytes(), |bytes| {
        chrono::NaiveDate::from_num_days_from_ce_opt(i32::from_le_bytes(bytes.try_into().ok()?))
    }
);
by_conversion!(
    #[cfg(feature = "chrono")]
    chrono::NaiveTime => Time, |value| {
        use chrono::Timelike;
        (u64::from(value.num_seconds_from_midnight()) << 32 | u64::from(value.nanosecond())).to_le_bytes()
    }, |bytes| {
        let packed = u64::from_le_bytes(bytes.try_into().ok()?);
        chrono::NaiveTime::from_num_seconds_from_midnight_opt((packed >> 32) as u32, packed as u32)
    }
);
by_conversion!(
    #[cfg(feature = "chrono")]
    chrono::DateTime<chrono::Utc> => Timestamp, |value| {
        let packed = (i128::from(value.timestamp()) << 32) | i128::from(value.timestamp_subsec_nanos());
        let [bytes @ .., _, _, _, _] = packed.to_le_bytes();
        bytes
    }, |bytes| {
        let bytes: &[u8; 12] = bytes.try_into().ok()?;
        let packed = super::scalar::integer(Type::Timestamp, bytes);
        chrono::DateTime::from_timestamp((packed >> 32) as i64, packed as u32)
    }
);
by_conversion!(
    #[cfg(feature = "chrono")]
    chrono::NaiveDateTime => DateTime, |value| {
        let value = value.and_utc();
        let packed = (i128::from(value.timestamp()) << 32) | i128::from(value.timestamp_subsec_nanos());
        let [bytes @ .., _, _, _, _] = packed.to_le_bytes();
        bytes
    }, |bytes| {
        <chrono::DateTime<chrono::Utc> as Value>::read(Some(bytes)).ok().map(|value| value.naive_utc())
    }
);

#[diagnostic::do_not_recommend]
impl<T: Value<Required = T, Optional = Option<T>>> Value for Option<T> {
    const TYPE: Type = T::TYPE;
    const OPTIONAL: bool = true;
    type Optional = Option<T>;
    type Required = T;

    #[inline]
    fn with_cell<R>(&self, then: impl FnOnce(Cell<'_>) -> R) -> R {
        match self {
            Some(value) => value.with_cell(then),
            None => then(None),
        }
    }

    #[inline]
    fn read(cell: Cell<'_>) -> Result<Self, DecodeError> {
        match cell {
            Some(_) => T::read(cell).map(Some),
            None => Ok(None),
        }
    }

    #[inline]
    fn to_scalar(&self) -> Scalar {
        self.as_ref().map_or(Scalar::Null, T::to_scalar)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Indexed + Value<Required = T, Optional = Option<T>>> Indexed for Option<T> {}

#[diagnostic::do_not_recommend]
impl<T: Entered + Value<Required = T, Optional = Option<T>>> Entered for Option<T> {}

#[cfg(not(feature = "small"))]
mod lists {
    use super::super::list;
    use super::*;

    macro_rules! elements {
        ($($(#[$meta:meta])* $rust:ty => $list:ident),* $(,)?) => {$(
            $(#[$meta])*
            #[diagnostic::do_not_recommend]
            impl Element for $rust {
                const LIST: Type = Type::$list;
            }
        )*};
    }

    elements! {
        bool => BoolList, char => CharList, String => StringList, Vec<u8> => BytesList,
        i8 => I8List, i16 => I16List, i32 => I32List, i64 => I64List, i128 => I128List,
        u16 => U16List, u32 => U32List, u64 => U64List, u128 => U128List, f32 => F32List, f64 => F64List,
        #[cfg(feature = "uuid")]
        uuid::Uuid => UuidList,
        #[cfg(feature = "decimal")]
        rust_decimal::Decimal => DecimalList,
        #[cfg(feature = "chrono")]
        chrono::NaiveDate => DateList,
        #[cfg(feature = "chrono")]
        chrono::NaiveTime => TimeList,
        #[cfg(feature = "chrono")]
        chrono::NaiveDateTime => DateTimeList,
        #[cfg(feature = "chrono")]
        chrono::DateTime<chrono::Utc> => TimestampList,
    }

    #[diagnostic::do_not_recommend]
    impl<T: Element> Value for Vec<T> {
        const TYPE: Type = T::LIST;
        type Optional = Option<Vec<T>>;
        type Required = Vec<T>;

        fn with_cell<R>(&self, then: impl FnOnce(Cell<'_>) -> R) -> R {
            let mut list = list::empty();
            for element in self {
                element.with_cell(|cell| list::push(&mut list, T::TYPE, cell.unwrap_or_default()));
            }
            then(Some(&list))
        }

        fn read(cell: Cell<'_>) -> Result<Self, DecodeError> {
            let error = DecodeError { ty: Self::TYPE };
            let bytes = cell.filter(|bytes| list::is_whole(T::TYPE, bytes)).ok_or_else(|| error.clone())?;
            let mut value = Vec::new();
            let element = |key| {
                value.clear();
                list::append_cell(&mut value, T::TYPE, key).ok_or_else(|| error.clone())?;
                T::read(Some(&value)).map_err(|_| error.clone())
            };
            list::elements(T::TYPE, bytes).map(element).collect()
        }
    }

    #[diagnostic::do_not_recommend]
    impl<T: Element> Entered for Vec<T> {}
}

#[cfg(test)]
mod tests {
    use core::fmt::Debug;

    use super::*;

    fn check<T: Value + PartialEq + Debug>(value: T) {
        assert_eq!(value.with_cell(T::read), Ok(value.clone()));
    }

    #[test]
    fn values_round_trip() {
        check(5u8);
        check(-5i128);
        check(1.25f32);
        check('é');
        check(true);
        check(String::from("naïve"));
        check(vec![0u8, 1]);
        check(None::<i64>);
        assert!(u32::read(None).is_err());
        assert!(u32::read(Some(&[0; 8])).is_err());
    }

    #[cfg(not(feature = "small"))]
    #[test]
    fn lists_round_trip() {
        check(Vec::<i64>::new());
        check(vec![i64::MIN, -1, 0, i64::MAX]);
        check(vec![true, false]);
        check(vec!['\0', 'é', char::MAX]);
        check(vec![-1.5f32, 0.0, f32::INFINITY]);
        check(vec![f64::MIN, -0.5, f64::MAX]);
        check(vec![u128::MAX, 0]);
        check(["", "\0", "a\0b", "naïve"].map(String::from).to_vec());
        check(vec![vec![0u8, 0, 255], vec![], vec![255]]);
        check(Some(vec![1u16]));
        check(None::<Vec<u16>>);
        assert!(Vec::<u16>::read(None).is_err());
        #[cfg(feature = "decimal")]
        check(vec![
            rust_decimal::Decimal::new(-105, 2),
            rust_decimal::Decimal::MAX,
            rust_decimal::Decimal::ZERO,
        ]);
        #[cfg(feature = "uuid")]
        check(vec![uuid::Uuid::from_u128(7), uuid::Uuid::max()]);
    }

    #[cfg(feature = "chrono")]
    #[test]
    fn dates_and_times_round_trip() {
        use chrono::{NaiveDate, NaiveTime};
        for date in [NaiveDate::MIN, NaiveDate::MAX, NaiveDate::from_ymd_opt(1969, 12, 31).unwrap()] {
            check(date);
            let moment = date.and_hms_nano_opt(23, 59, 59, 1_500_000_000).unwrap();
            check(moment);
            check(moment.and_utc());
        }
        check(NaiveTime::from_hms_nano_opt(0, 0, 0, 1).unwrap());
    }
}
