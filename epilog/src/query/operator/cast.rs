//! Casts: values of one type as those of another, as texts, and of texts.

use alloc::string::String;

use super::edit::Text;
use super::shape::{Shape, mark};
use super::{Numeric, methods};
use crate::collection::Expr;
use crate::expr::Function;
use crate::value::Value;

/// A type all of whose values are values of `To` too, so that a [`cast`](Expr::cast) loses nothing:
///
/// | from | to |
/// |---|---|
/// | `u8` … `u64` | wider integers, signed or not |
/// | `i8` … `i64` | wider signed integers |
/// | integers of up to 16 bits | `f32` |
/// | integers of up to 32 bits, `f32` | `f64` |
/// | integers of up to 64 bits | `Decimal` |
/// | `bool` | integers: 0 and 1 |
/// | `char` | `u32`: the code point |
///
/// `Option` of the one becomes `Option` of the other.
#[diagnostic::on_unimplemented(
    message = "not every `{Self}` is a `{To}`",
    label = "this cast could lose the value",
    note = "`try_cast` gives `None` where it does not fit, `cast_or_fail` an error; `round`, `floor`, `ceil` and `trunc` say how a fraction goes; the type is named without its `Option`, which stays"
)]
pub trait Widens<To: Value>: Shape {}

macro_rules! widens {
    ($($from:ty => $($to:ty)*;)*) => {$($(
        #[diagnostic::do_not_recommend]
        impl Widens<$to> for $from {}
    )*)*};
}

widens! {
    u8 => u16 u32 u64 u128 i16 i32 i64 i128 f32 f64;
    u16 => u32 u64 u128 i32 i64 i128 f32 f64;
    u32 => u64 u128 i64 i128 f64;
    u64 => u128 i128;
    i8 => i16 i32 i64 i128 f32 f64;
    i16 => i32 i64 i128 f32 f64;
    i32 => i64 i128 f64;
    i64 => i128;
    f32 => f64;
    bool => u8 u16 u32 u64 u128 i8 i16 i32 i64 i128;
    char => u32;
}

#[cfg(feature = "decimal")]
widens! {
    u8 => rust_decimal::Decimal;
    u16 => rust_decimal::Decimal;
    u32 => rust_decimal::Decimal;
    u64 => rust_decimal::Decimal;
    i8 => rust_decimal::Decimal;
    i16 => rust_decimal::Decimal;
    i32 => rust_decimal::Decimal;
    i64 => rust_decimal::Decimal;
}

#[diagnostic::do_not_recommend]
impl<To: Value, T: Widens<To> + Value<Required = T, Optional = Option<T>>> Widens<To> for Option<T> {}

/// A type whose values are written as texts and read from them, as Rust's `to_string` and `parse` do it: the numbers, `bool`,
/// `char`, `Uuid`, dates and times of `chrono` in the form of ISO 8601, and `Option` of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not written as a text",
    label = "neither `to_text` nor `parse` knows this type",
    note = "they know the numbers, `bool`, `char`, `Uuid`, dates and times of `chrono`, and `Option` of these"
)]
pub trait Written: Shape {}

mark!(
    Written: bool,
    char,
    i8,
    i16,
    i32,
    i64,
    i128,
    u8,
    u16,
    u32,
    u64,
    u128,
    f32,
    f64,
    #[cfg(feature = "decimal")]
    rust_decimal::Decimal,
    #[cfg(feature = "uuid")]
    uuid::Uuid,
    #[cfg(feature = "chrono")]
    chrono::NaiveDate,
    #[cfg(feature = "chrono")]
    chrono::NaiveTime,
    #[cfg(feature = "chrono")]
    chrono::NaiveDateTime,
    #[cfg(feature = "chrono")]
    chrono::DateTime<chrono::Utc>,
);

methods! {
    [T]

    /// The value as one of a wider type: see [`Widens`](crate::query::Widens) for the pairs of types.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let days: Vec<Option<i64>> = Album::query().select(|al| al.year.cast::<i64>() * 365).all(&db)?;
    /// assert_eq!(days, [Some(723_065), Some(724_160), Some(724_160), None]);
    /// let known = Album::query().aggregate(|g| g.sum(|al| al.year.is_some().cast::<u32>()));
    /// assert_eq!(known.one(&db)?, 3);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn cast<To: Value>(self) -> Expr<S, T::With<To>> where T: Widens<To> {
        Expr::new(self.erase().call(Function::Cast(To::TYPE), []))
    }

    /// The number as one of another type; `None` where that type does not have it. A cast to an integer takes whole numbers
    /// only: [`round`](Expr::round), [`floor`](Expr::floor), [`ceil`](Expr::ceil) or [`trunc`](Expr::trunc) make them so. A
    /// cast to a float gives the nearest there is, and none beyond the greatest; one of a float to a `Decimal` gives the
    /// shortest that is read as that float.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let small: Vec<Option<u8>> = Track::query().select(|t| t.seconds.try_cast::<u8>()).all(&db)?;
    /// assert_eq!(small, [Some(174), None, Some(245), None]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn try_cast<To: Numeric + Value<Required = To>>(self) -> Expr<S, To::Optional> where T: Numeric {
        Expr::new(self.erase().call(Function::TryCast(To::TYPE), []))
    }

    /// The number as one of another type, as by [`try_cast`](Expr::try_cast); where that type does not have it, an error of kind
    /// [`Arithmetic`](crate::ErrorKind::Arithmetic) if the row comes out.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let seconds = |least: i64| Track::query().filter(move |t| t.seconds.lt(least)).select(|t| t.seconds.cast_or_fail::<u8>());
    /// assert_eq!(seconds(250).all(&db)?, [174, 245]);
    /// let error = seconds(300).all(&db).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Arithmetic);
    /// assert_eq!(error.to_string(), "cast_or_fail of 271 (i64) is no u8");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn cast_or_fail<To: Numeric + Value<Required = To>>(self) -> Expr<S, T::With<To>> where T: Numeric {
        Expr::new(self.erase().call(Function::CastOrFail(To::TYPE), []))
    }

    /// The value as a text, as Rust's `to_string` writes it: `true`, `-12`, `1.5`, and `1` for the float 1.0. Dates and times have the
    /// form of ISO 8601: `1984-08-09`, `20:05:30.500`, `1984-08-09T20:05:30`, and a `Z` at the end of a `DateTime<Utc>`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let titles = Album::query().select(|al| al.title.concat(", ").concat(al.year.to_text().unwrap_or("?")));
    /// assert_eq!(titles.all(&db)?, ["Killers, 1981", "Powerslave, 1984", "Crusader, 1984", "Demos, ?"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn to_text(self) -> Expr<S, T::With<String>> where T: Written {
        Expr::new(self.erase().call(Function::ToText, []))
    }

    /// The value that the text says, as Rust's [`parse`](str::parse) reads it; `None` where it says none. White space around
    /// it is for [`trim`](Expr::trim). Dates and times are read in the form of ISO 8601, with all their digits and without seconds
    /// if there are none; a `DateTime<Utc>` with `Z` or the hours and minutes that its zone is before UTC, `+02:00`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let numbers = Track::query().select(|t| t.seconds.to_text().right(2).parse::<u8>()).all(&db)?;
    /// assert_eq!(numbers, [Some(74), Some(71), Some(45), Some(95)]);
    /// assert_eq!(Artist::query().filter(|a| a.name.parse::<f64>().is_some()).count(&db)?, 0);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// With the feature `chrono`:
    ///
    #[cfg_attr(feature = "chrono", doc = "```")]
    #[cfg_attr(not(feature = "chrono"), doc = "```ignore")]
    #[doc = include_str!("../../concert.txt")]
    /// let days = Concert::query().select(|c| c.day.to_text()).all(&db)?;
    /// assert_eq!(days, ["1984-08-09", "1985-01-31"]);
    /// let begins = Concert::query().select(|c| c.begins.to_text().replace("Z", "+02:00").parse::<DateTime<Utc>>());
    /// assert_eq!(begins.first(&db)?, Some(Some(at("1984-08-09T18:05:30Z"))));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn parse<To: Written + Value<Required = To>>(self) -> Expr<S, To::Optional> where T: Text {
        Expr::new(self.erase().call(Function::Parse(To::TYPE), []))
    }
}
