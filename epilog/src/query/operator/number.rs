//! Functions of numbers.

use super::shape::{Shape, mark};
use super::{Operand, Signed, methods};
use crate::collection::Expr;
use crate::expr::Function;
use crate::value::Value;

/// A number that can have a fraction: `f32`, `f64`, `Decimal`, or `Option` of these.
///
/// # Examples
///
/// ```
#[doc = include_str!("../../example.txt")]
/// let minutes = Track::query().select(|t| (t.seconds.cast_or_fail::<f64>() / 60.0).round(1)).all(&db)?;
/// assert_eq!(minutes, [2.9, 4.5, 4.1, 6.6]);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no fraction to round",
    label = "rounding is for numbers with a fraction",
    note = "these are `f32`, `f64`, `Decimal`, and `Option` of them"
)]
pub trait Fractional: Shape {}

mark!(
    Fractional: f32,
    f64,
    #[cfg(feature = "decimal")]
    rust_decimal::Decimal,
);

/// A float: `f32`, `f64`, or `Option` of these.
#[cfg(feature = "std")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a float",
    label = "this function is for floats",
    note = "`cast_or_fail::<f64>()` makes the nearest float of a number"
)]
pub trait Float: Shape {}

#[cfg(feature = "std")]
mark!(Float: f32, f64);

/// An integer, or `Option` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an integer",
    label = "this function is for the bits of integers",
    note = "`try_cast::<i64>()` gives the integer that a number is, if it is one"
)]
pub trait Integer: Shape {}

mark!(Integer: i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

/// A number with powers: an integer, whose exponent is a `u32`, or a float, whose exponent is of its own type (with the feature
/// `std`); or `Option` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no powers",
    label = "powers are for integers and floats"
)]
pub trait Power: Shape {
    /// The type of exponents.
    type Exponent: Value;
}

macro_rules! powers {
    ($($(#[$meta:meta])* $number:ty, $exponent:ty;)*) => {$(
        $(#[$meta])*
        #[diagnostic::do_not_recommend]
        impl Power for $number {
            type Exponent = $exponent;
        }
    )*};
}

powers! {
    i8, u32;
    i16, u32;
    i32, u32;
    i64, u32;
    i128, u32;
    u8, u32;
    u16, u32;
    u32, u32;
    u64, u32;
    u128, u32;
    #[cfg(feature = "std")] f32, f32;
    #[cfg(feature = "std")] f64, f64;
}

#[diagnostic::do_not_recommend]
impl<T: Power + Value<Required = T, Optional = Option<T>>> Power for Option<T> {
    type Exponent = T::Exponent;
}

methods! {
    [T]

    /// The number without its sign. The least number of an integer type has no such: it is an error where the row comes out,
    /// of kind [`Arithmetic`](crate::ErrorKind::Arithmetic).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let nearest = Track::query().order_by(|t| (t.seconds - 250).abs()).select(|t| t.name).first(&db)?;
    /// assert_eq!(nearest.as_deref(), Some("Flash of the Blade"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn abs(self) -> Expr<S, T> where T: Signed {
        Expr::new(self.erase().call(Function::Abs, []))
    }

    /// The nearest number with so many digits after the point; of two that are as near, the one further from zero. The float
    /// itself is rounded, not what is written for it: `1.115` is a float a little less than that, and `1.11` with two digits.
    /// With more digits than it has, or more than 22 of a float, the number stays as it is.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let hours = Track::query().select(|t| (t.seconds.cast_or_fail::<f64>() / 3600.0).round(3)).all(&db)?;
    /// assert_eq!(hours, [0.048, 0.075, 0.068, 0.11]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn round(self, digits: impl Operand<u32, S>) -> Expr<S, T> where T: Fractional {
        Expr::new(self.erase().call(Function::Round, [digits.into_expression()]))
    }

    /// The greatest whole number that is not greater.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let minutes = Track::query().select(|t| (t.seconds.cast_or_fail::<f64>() / -60.0).floor()).all(&db)?;
    /// assert_eq!(minutes, [-3.0, -5.0, -5.0, -7.0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn floor(self) -> Expr<S, T> where T: Fractional {
        Expr::new(self.erase().call(Function::Floor, []))
    }

    /// The least whole number that is not less.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let begun = Track::query().select(|t| (t.seconds.cast_or_fail::<f64>() / 60.0).ceil()).all(&db)?;
    /// assert_eq!(begun, [3.0, 5.0, 5.0, 7.0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn ceil(self) -> Expr<S, T> where T: Fractional {
        Expr::new(self.erase().call(Function::Ceil, []))
    }

    /// The number without what is after the point.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let minutes = Track::query().select(|t| (t.seconds.cast_or_fail::<f64>() / -60.0).trunc()).all(&db)?;
    /// assert_eq!(minutes, [-2.0, -4.0, -4.0, -6.0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn trunc(self) -> Expr<S, T> where T: Fractional {
        Expr::new(self.erase().call(Function::Trunc, []))
    }

    /// -1, 0 or 1, as the number is less than zero, zero, or greater. Of a float that is -0 or `NaN` it is that.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let longer = Track::query().select(|t| (t.seconds - 245).sign()).all(&db)?;
    /// assert_eq!(longer, [-1, 1, 0, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn sign(self) -> Expr<S, T> where T: Signed {
        Expr::new(self.erase().call(Function::Sign, []))
    }

    /// The bits that both have.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let odd = Track::query().filter(|t| t.seconds.bit_and(1).eq(1)).count(&db)?;
    /// assert_eq!(odd, 3); // 174 is even
    /// # Ok::<(), Error>(())
    /// ```
    pub fn bit_and(self, other: impl Operand<T, S>) -> Expr<S, T> where T: Integer {
        Expr::new(self.erase().call(Function::BitAnd, [other.into_expression()]))
    }

    /// The bits that one of them has, or both.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// assert_eq!(Track::query().select(|t| t.seconds.bit_or(1)).first(&db)?, Some(175));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn bit_or(self, other: impl Operand<T, S>) -> Expr<S, T> where T: Integer {
        Expr::new(self.erase().call(Function::BitOr, [other.into_expression()]))
    }

    /// The bits that one of them has, and the other has not.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// assert_eq!(Track::query().select(|t| t.seconds.bit_xor(2)).first(&db)?, Some(172));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn bit_xor(self, other: impl Operand<T, S>) -> Expr<S, T> where T: Integer {
        Expr::new(self.erase().call(Function::BitXor, [other.into_expression()]))
    }

    /// The number to the power of `exponent`. Integers that overflow are an error where the row comes out; floats follow
    /// [`f64::powf`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// assert_eq!(Track::query().select(|t| t.seconds.pow(2)).first(&db)?, Some(174 * 174));
    /// let overflow = Track::query().select(|t| t.seconds.pow(9)).first(&db);
    /// assert_eq!(overflow.unwrap_err().kind(), ErrorKind::Arithmetic);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn pow(self, exponent: impl Operand<T::Exponent, S>) -> Expr<S, T> where T: Power {
        Expr::new(self.erase().call(Function::Power, [exponent.into_expression()]))
    }

    /// The lesser of this and the other, in the order that comparisons and orderings have; `None` when either is.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let paid = Track::query().select(|t| t.seconds.min_of(250)).all(&db)?;
    /// assert_eq!(paid, [174, 250, 245, 250]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn min_of(self, other: impl Operand<T, S>) -> Expr<S, T> {
        Expr::new(self.erase().call(Function::Least, [other.into_expression()]))
    }

    /// The greater of this and the other, in the order that comparisons and orderings have; `None` when either is.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let years = Album::query().select(|al| al.year.max_of(1983)).all(&db)?;
    /// assert_eq!(years, [Some(1983), Some(1984), Some(1984), None]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn max_of(self, other: impl Operand<T, S>) -> Expr<S, T> {
        Expr::new(self.erase().call(Function::Greatest, [other.into_expression()]))
    }
}

#[cfg(feature = "std")]
methods! {
    [T]

    /// The square root; `NaN` of a negative number. As the other functions of floats it needs the feature `std`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let root = Track::query().select(|t| (t.seconds + 151).cast_or_fail::<f64>().sqrt().round(3)).first(&db)?;
    /// assert_eq!(root, Some(18.028));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn sqrt(self) -> Expr<S, T> where T: Float {
        Expr::new(self.erase().call(Function::Sqrt, []))
    }

    /// e to the power of the number.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let power = Track::query().select(|t| (t.seconds - 173).cast_or_fail::<f64>().exp().round(3)).first(&db)?;
    /// assert_eq!(power, Some(2.718));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn exp(self) -> Expr<S, T> where T: Float {
        Expr::new(self.erase().call(Function::Exp, []))
    }

    /// The natural logarithm; `NaN` of a negative number.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let logarithm = Track::query().select(|t| t.seconds.cast_or_fail::<f64>().ln().round(3)).first(&db)?;
    /// assert_eq!(logarithm, Some(5.159));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn ln(self) -> Expr<S, T> where T: Float {
        Expr::new(self.erase().call(Function::Ln, []))
    }

    /// The logarithm to the base 10; `NaN` of a negative number.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let digits = Track::query().select(|t| t.seconds.cast_or_fail::<f64>().log10().floor() + 1.0).first(&db)?;
    /// assert_eq!(digits, Some(3.0));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn log10(self) -> Expr<S, T> where T: Float {
        Expr::new(self.erase().call(Function::Log10, []))
    }

    /// The sine of an angle in radians.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let sine = Track::query().select(|t| t.seconds.cast_or_fail::<f64>().sin().round(3)).first(&db)?;
    /// assert_eq!(sine, Some(-0.936));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn sin(self) -> Expr<S, T> where T: Float {
        Expr::new(self.erase().call(Function::Sin, []))
    }

    /// The cosine of an angle in radians.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let cosine = Track::query().select(|t| t.seconds.cast_or_fail::<f64>().cos().round(3)).first(&db)?;
    /// assert_eq!(cosine, Some(-0.351));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn cos(self) -> Expr<S, T> where T: Float {
        Expr::new(self.erase().call(Function::Cos, []))
    }

    /// The tangent of an angle in radians.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let tangent = Track::query().select(|t| t.seconds.cast_or_fail::<f64>().tan().round(3)).first(&db)?;
    /// assert_eq!(tangent, Some(2.67));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn tan(self) -> Expr<S, T> where T: Float {
        Expr::new(self.erase().call(Function::Tan, []))
    }

    /// The angle in radians, -π/2 to π/2, that has the sine; `NaN` of what is none.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let angle = Track::query().select(|t| (t.seconds.cast_or_fail::<f64>() / 400.0).asin().round(3)).first(&db)?;
    /// assert_eq!(angle, Some(0.45));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn asin(self) -> Expr<S, T> where T: Float {
        Expr::new(self.erase().call(Function::Asin, []))
    }

    /// The angle in radians, 0 to π, that has the cosine; `NaN` of what is none.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let angle = Track::query().select(|t| (t.seconds.cast_or_fail::<f64>() / 400.0).acos().round(3)).first(&db)?;
    /// assert_eq!(angle, Some(1.121));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn acos(self) -> Expr<S, T> where T: Float {
        Expr::new(self.erase().call(Function::Acos, []))
    }

    /// The angle in radians, -π/2 to π/2, that has the tangent.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let angle = Track::query().select(|t| (t.seconds.cast_or_fail::<f64>() / 400.0).atan().round(3)).first(&db)?;
    /// assert_eq!(angle, Some(0.41));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn atan(self) -> Expr<S, T> where T: Float {
        Expr::new(self.erase().call(Function::Atan, []))
    }

    /// The angle in radians, -π to π, of the point that lies so far up, and `x` to the right: [`f64::atan2`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let angle = Track::query().select(|t| t.seconds.cast_or_fail::<f64>().atan2(-174.0).round(3)).first(&db)?;
    /// assert_eq!(angle, Some(2.356));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn atan2(self, x: impl Operand<T, S>) -> Expr<S, T> where T: Float {
        Expr::new(self.erase().call(Function::Atan2, [x.into_expression()]))
    }
}
