//! Arithmetic: `+ - * / %` and unary minus, between values of one type.

use core::ops::{Add, Div, Mul, Neg, Rem, Sub};

use super::{Operand, Shape};
use crate::collection::{Expr, Field, OwnField};
use crate::expr::{BinaryOp, UnaryOp};
#[cfg(not(feature = "small"))]
use crate::query::Parameter;
use crate::value::Value;

/// A type that has arithmetic and sums: the integers, the floats, decimals, and `Option` of these.
///
/// `+ - * / %` take two values of one type and give that type. Integers divide towards zero. Arithmetic with `None` is
/// `None`; sums and means skip it. Integers and decimals that overflow or divide by zero are an error
/// ([`Arithmetic`](crate::ErrorKind::Arithmetic)) where the row comes out; floats follow IEEE 754.
///
/// # Examples
///
/// ```
#[doc = include_str!("../../example.txt")]
/// let minutes = Track::query().select(|t| (t.seconds / 60, t.seconds % 60)).first(&db)?;
/// assert_eq!(minutes, Some((2, 54)));
/// let later = Album::query().select(|al| al.year + 10).all(&db)?;
/// assert_eq!(later, [Some(1991), Some(1994), Some(1994), None]);
/// let ago = Album::query().select(|al| 2000 - al.year).first(&db)?;
/// assert_eq!(ago, Some(Some(19)));
/// let none = Track::query().select(|t| t.seconds / (t.seconds - t.seconds)).all(&db);
/// assert_eq!(none.unwrap_err().kind(), ErrorKind::Arithmetic);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number",
    label = "arithmetic, sums and means are for numbers",
    note = "numbers are the integers, `f32`, `f64`, `Decimal`, and `Option` of these"
)]
pub trait Numeric: Shape {
    /// The type of a sum.
    type Sum: Value;
    /// The type of a mean.
    type Average: Value;
}

/// A number that can be negative, and negated with `-`.
///
/// # Examples
///
/// ```
#[doc = include_str!("../../example.txt")]
/// let longest = Track::query().order_by(|t| -t.seconds).select(|t| t.seconds).first(&db)?;
/// assert_eq!(longest, Some(395));
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no negative values",
    label = "cannot be negated",
    note = "unary minus is for signed integers, floats and decimals"
)]
pub trait Signed: Numeric {}

macro_rules! numbers {
    ($($(#[$meta:meta])* $number:ty, sum $sum:ty, mean $mean:ty;)*) => {$(
        $(#[$meta])*
        #[diagnostic::do_not_recommend]
        impl Numeric for $number {
            type Sum = $sum;
            type Average = Option<$mean>;
        }
    )*};
}

numbers! {
    i8, sum i64, mean f64;
    i16, sum i64, mean f64;
    i32, sum i64, mean f64;
    i64, sum i64, mean f64;
    i128, sum i128, mean f64;
    u8, sum u64, mean f64;
    u16, sum u64, mean f64;
    u32, sum u64, mean f64;
    u64, sum u64, mean f64;
    u128, sum u128, mean f64;
    f32, sum f64, mean f64;
    f64, sum f64, mean f64;
    #[cfg(feature = "decimal")] rust_decimal::Decimal, sum rust_decimal::Decimal, mean rust_decimal::Decimal;
}

#[diagnostic::do_not_recommend]
impl<T: Numeric + Value<Required = T, Optional = Option<T>>> Numeric for Option<T> {
    type Sum = T::Sum;
    type Average = T::Average;
}

macro_rules! signed {
    ($($(#[$meta:meta])* $number:ty),*) => {$(
        $(#[$meta])*
        #[diagnostic::do_not_recommend]
        impl Signed for $number {}
    )*};
}

signed!(
    i8,
    i16,
    i32,
    i64,
    i128,
    f32,
    f64,
    #[cfg(feature = "decimal")]
    rust_decimal::Decimal
);

#[diagnostic::do_not_recommend]
impl<T: Signed + Value<Required = T, Optional = Option<T>>> Signed for Option<T> {}

macro_rules! arithmetic {
    ($($left:ident: $($trait:ident $method:ident $op:ident),*;)*) => {$($(
        impl<S, T: Numeric, R: Operand<T, S>> $trait<R> for $left<S, T> {
            type Output = Expr<S, T>;

            fn $method(self, right: R) -> Expr<S, T> {
                Expr::new(self.erase().binary(BinaryOp::$op, right.into_expression()))
            }
        }
    )*)*};
}

arithmetic! {
    Field: Add add Add, Sub sub Subtract, Mul mul Multiply, Div div Divide, Rem rem Remainder;
    Expr: Add add Add, Sub sub Subtract, Mul mul Multiply, Div div Divide, Rem rem Remainder;
    OwnField: Add add Add, Sub sub Subtract, Mul mul Multiply, Div div Divide, Rem rem Remainder;
}

/// A number on the left: `1 - t.discount`. Rust has it implemented for each type of number by itself.
macro_rules! number_first {
    (@values $meta:tt $number:ty) => {
        number_first!(@sides $meta $number, $number);
        number_first!(@sides $meta $number, Option<$number>);
    };
    (@sides $meta:tt $number:ty, $value:ty) => {
        number_first!(@operators $meta $number, $value, Field);
        number_first!(@operators $meta $number, $value, Expr);
        number_first!(@operators $meta $number, $value, OwnField);
    };
    (@operators $meta:tt $number:ty, $value:ty, $right:ident) => {
        number_first!(@one $meta $number, $value, $right, Add add Add);
        number_first!(@one $meta $number, $value, $right, Sub sub Subtract);
        number_first!(@one $meta $number, $value, $right, Mul mul Multiply);
        number_first!(@one $meta $number, $value, $right, Div div Divide);
        number_first!(@one $meta $number, $value, $right, Rem rem Remainder);
    };
    (@one [$($meta:tt)*] $number:ty, $value:ty, $right:ident, $trait:ident $method:ident $op:ident) => {
        $($meta)*
        #[diagnostic::do_not_recommend]
        impl<S> $trait<$right<S, $value>> for $number {
            type Output = Expr<S, $value>;

            fn $method(self, right: $right<S, $value>) -> Expr<S, $value> {
                let left = Operand::<$number, S>::into_expression(self);
                Expr::new(left.binary(BinaryOp::$op, right.erase()))
            }
        }
    };
    ($($(#[$meta:meta])* $number:ty),*) => {$(
        number_first!(@values [$(#[$meta])*] $number);
    )*};
}

number_first!(
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
    rust_decimal::Decimal
);

/// A parameter on the left, which stands for a number there as well.
#[cfg(not(feature = "small"))]
macro_rules! parameter_first {
    ($($right:ident),*) => {$(
        parameter_first!(@operators $right, T, T);
        parameter_first!(@operators $right, T, Option<T>);
    )*};
    (@operators $right:ident, $number:ident, $value:ty) => {
        parameter_first!(@one $right, $number, $value, Add add Add);
        parameter_first!(@one $right, $number, $value, Sub sub Subtract);
        parameter_first!(@one $right, $number, $value, Mul mul Multiply);
        parameter_first!(@one $right, $number, $value, Div div Divide);
        parameter_first!(@one $right, $number, $value, Rem rem Remainder);
    };
    (@one $right:ident, $number:ident, $value:ty, $trait:ident $method:ident $op:ident) => {
        #[diagnostic::do_not_recommend]
        impl<S, $number: Numeric> $trait<$right<S, $value>> for Parameter<$number>
        where
            $value: Numeric,
        {
            type Output = Expr<S, $value>;

            fn $method(self, right: $right<S, $value>) -> Expr<S, $value> {
                Expr::new(self.erase().binary(BinaryOp::$op, right.erase()))
            }
        }
    };
}

#[cfg(not(feature = "small"))]
parameter_first!(Field, Expr, OwnField);

macro_rules! negation {
    ($($operand:ident),*) => {$(
        impl<S, T: Signed> Neg for $operand<S, T> {
            type Output = Expr<S, T>;

            fn neg(self) -> Expr<S, T> {
                Expr::new(self.erase().unary(UnaryOp::Negate))
            }
        }
    )*};
}

negation!(Field, Expr, OwnField);
