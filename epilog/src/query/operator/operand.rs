//! [`Operand`]: what may stand on the right of an operator.

use alloc::string::String;
use alloc::vec::Vec;

use crate::collection::{Expr, Field, OwnField};
use crate::expr::Expression as Node;
#[cfg(not(feature = "small"))]
use crate::query::Parameter;
#[cfg(not(feature = "small"))]
use crate::value::Element;
use crate::value::{Scalar, Type, Value, buffers};

/// What may stand where a value of type `T` is expected in a query over `S`: a value, a reference to one, or a field or
/// expression of the query. Where an `Option` is expected, so may what is always present.
///
/// Implement it for your own types by handing on to a storable one.
///
/// # Examples
///
/// ```
/// use epilog::query::Operand;
#[doc = include_str!("../../example.txt")]
///
/// struct Name<'a>(&'a str);
///
/// impl<S> Operand<String, S> for Name<'_> {
///     fn into_expression(self) -> epilog::expr::Expression {
///         Operand::<String, S>::into_expression(self.0)
///     }
/// }
///
/// assert!(Artist::query().filter(|a| a.name.eq(Name("Saxon"))).exists(&db)?);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value of type `{T}` in a query over `{S}`",
    label = "expected `{T}`",
    note = "an `Option` can only stand where an optional value is expected; a field must be one of the row that this closure is given"
)]
pub trait Operand<T, S> {
    /// The operand as an untyped expression.
    fn into_expression(self) -> Node;
}

/// A literal.
fn literal<T: Value>(value: &T) -> Node {
    Node::literal(buffers::scalar(value), T::TYPE)
}

/// A literal text; borrowed ones are copied once.
fn text(value: &str) -> Node {
    Node::literal(Scalar::String(buffers::text(value)), Type::String)
}

/// Literal bytes.
fn bytes(value: &[u8]) -> Node {
    Node::literal(Scalar::Bytes(value.to_vec()), Type::Bytes)
}

/// An operand for values of a type, and another one for optional values of it.
macro_rules! operands {
    ($([$($generics:tt)*] $operand:ty => $value:ty, |$name:ident| $node:expr;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<S, $($generics)*> Operand<$value, S> for $operand {
            fn into_expression(self) -> Node {
                let $name = self;
                $node
            }
        }

        #[diagnostic::do_not_recommend]
        impl<S, $($generics)*> Operand<Option<$value>, S> for $operand {
            fn into_expression(self) -> Node {
                let $name = self;
                $node
            }
        }
    )*};
}

operands! {
    [T] Field<S, T> => T, |field| field.erase();
    [T] Expr<S, T> => T, |expr| expr.erase();
    [T: Value] OwnField<S, T> => T, |field| field.erase();
    [T: Value] T => T, |value| literal(&value);
    [T: Value] &T => T, |value| literal(value);
    [] &str => String, |value| text(value);
    [] &&str => String, |value| text(value);
    [] &[u8] => Vec<u8>, |value| bytes(value);
    [const N: usize] [u8; N] => Vec<u8>, |value| bytes(&value);
    [const N: usize] &[u8; N] => Vec<u8>, |value| bytes(value);
}

#[cfg(not(feature = "small"))]
operands! {
    [T: Value] Parameter<T> => T, |parameter| parameter.erase();
    [T: Element] &[T] => Vec<T>, |list| list_of(list.to_vec());
    [T: Element, const N: usize] [T; N] => Vec<T>, |list| list_of(list.to_vec());
    [T: Element, const N: usize] &[T; N] => Vec<T>, |list| list_of(list.to_vec());
    [] &[&str] => Vec<String>, |list| list_of(list.iter().map(|text| String::from(*text)).collect());
    [const N: usize] [&str; N] => Vec<String>, |list| list_of(list.map(String::from).to_vec());
}

/// A literal list.
#[cfg(not(feature = "small"))]
fn list_of<T: Element>(list: Vec<T>) -> Node {
    literal(&list)
}
