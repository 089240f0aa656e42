//! The operators of fields and expressions: inherent methods, `& | !`, `+ - * / %`.
//!
//! Each operator appends one operation to the untyped expression. The types decide what may be written:
//!
//! - [`Operand`]: what may stand on the right: a literal, a field or an expression of the same scope and type.
//! - [`Expression`]: a field or an expression, whatever its type.
//! - [`Numeric`]: which types have arithmetic. Operators of text, of dates and of `Option` are methods of just those types.
//!
//! Logic is two-valued: `None` equals `None`, an ordering comparison with `None` is false, and `!` of that is true.

mod absent;
mod arithmetic;
mod boolean;
mod cast;
mod choice;
mod compare;
#[cfg(feature = "chrono")]
mod date;
#[cfg(not(feature = "small"))]
mod each;
mod edit;
mod expression;
#[cfg(not(feature = "small"))]
mod json;
#[cfg(not(feature = "small"))]
mod list;
mod misplaced;
#[cfg(feature = "chrono")]
mod moment;
mod number;
mod operand;
mod shape;
mod text;

pub use arithmetic::{Numeric, Signed};
pub use cast::{Widens, Written};
pub use choice::{Choice, When};
#[cfg(not(feature = "small"))]
pub use each::Elements;
pub use edit::Text;
pub use expression::Expression;
#[cfg(feature = "chrono")]
pub use moment::{Dated, Day, Moment, Naive, Timed, Zoned};
#[cfg(feature = "std")]
pub use number::Float;
pub use number::{Fractional, Integer, Power};
pub use operand::Operand;
pub use shape::Shape;

/// Gives the same methods, for values of the type in brackets, to [`Field`](crate::collection::Field) and to [`Expr`](crate::collection::Expr).
/// [`OwnField`](crate::collection::OwnField) has them through the field it is.
macro_rules! methods {
    ([T] $($methods:tt)*) => {
        impl<S, T: crate::value::Value> crate::collection::Field<S, T> { $($methods)* }
        impl<S, T: crate::value::Value> crate::collection::Expr<S, T> { $($methods)* }
    };
    ([$value:ty] where T: $bound:path; $($methods:tt)*) => {
        impl<S, T: $bound> crate::collection::Field<S, $value> { $($methods)* }
        impl<S, T: $bound> crate::collection::Expr<S, $value> { $($methods)* }
    };
    ([$value:ty] [$($other:tt)*] $($methods:tt)*) => {
        methods! { [$value] $($methods)* }
        methods! { [$($other)*] $($methods)* }
    };
    ([$value:ty] $($methods:tt)*) => {
        impl<S> crate::collection::Field<S, $value> { $($methods)* }
        impl<S> crate::collection::Expr<S, $value> { $($methods)* }
    };
}
pub(super) use methods;
