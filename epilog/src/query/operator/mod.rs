//! The operators of fields and expressions: inherent methods, `& | !`, `+ - * / %`.
//!
//! Each operator appends one operation to the untyped expression. The types decide what may be written:
//!
//! - [`Operand`]: what may stand on the right: a literal, a field or an expression of the same scope and type.
//! - [`Expression`]: a field or an expression, whatever its type.
//! - [`Numeric`], [`Text`], [`Absent`], ..: which types have which operators. Each speaks of a mistake in the user's words.
//!
//! Logic is two-valued: `None` equals `None`, an ordering comparison with `None` is false, and `!` of that is true.

mod absent;
mod arithmetic;
mod boolean;
mod compare;
#[cfg(feature = "chrono")]
mod date;
mod expression;
mod misplaced;
mod operand;
mod text;

pub use absent::Absent;
pub use arithmetic::{Numeric, Signed};
#[cfg(feature = "chrono")]
pub use date::Dated;
pub use expression::Expression;
pub use operand::Operand;
pub use text::{Lengthy, Text};

/// Gives the same methods to [`Field`](crate::collection::Field) and to [`Expr`](crate::collection::Expr).
/// [`OwnField`](crate::collection::OwnField) has them through the field it is.
macro_rules! methods {
    ($($methods:tt)*) => {
        impl<S, T: crate::value::Value> crate::collection::Field<S, T> { $($methods)* }
        impl<S, T: crate::value::Value> crate::collection::Expr<S, T> { $($methods)* }
    };
}
use methods;
