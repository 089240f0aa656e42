//! [`Expression`]: a field or an expression.

use crate::collection::{Expr, Field, OwnField};
use crate::expr::{Expression as Node, FieldPath, NarrowPath, RowPath};
use crate::parts;
use crate::value::Value;

/// A field or expression of scope `S`. Unlike an [`Operand`](super::Operand) it has one type, and is no literal.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a field or expression over `{S}`",
    label = "expected a field or expression of the row that this closure is given"
)]
pub trait Expression<S> {
    /// Its type.
    type Value: Value;

    /// The expression without its type.
    fn into_expression(self) -> Node;
}

impl<S, T> Field<S, T> {
    /// Forgets scope and type.
    pub(crate) fn erase(self) -> Node {
        node(self.narrow())
    }
}

/// The expression that is a field. Not made where it is asked for.
fn node(path: NarrowPath) -> Node {
    match path.path() {
        FieldPath { row: RowPath::KEYS, ordinal } if parts::GROUPS => Node::key(ordinal),
        path => Node::field(path),
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> Expression<S> for Field<S, T> {
    type Value = T;

    fn into_expression(self) -> Node {
        self.erase()
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> Expression<S> for Expr<S, T> {
    type Value = T;

    fn into_expression(self) -> Node {
        self.erase()
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> Expression<S> for OwnField<S, T> {
    type Value = T;

    fn into_expression(self) -> Node {
        self.erase()
    }
}
