//! [`Predicate`]: what a filter takes.

use crate::collection::{Expr, Field, OwnField};
use crate::expr::Expression as Node;
use crate::query::Operand;

/// What is true or false of a row of scope `S`: an `Expr<S, bool>`, a field of type `bool`, or a `bool`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a predicate over `{S}`",
    label = "expected something true or false of this query's records",
    note = "compare fields of the row that the closure is given: `t.name.eq(\"x\")`; an optional `bool` field needs `.eq(true)`"
)]
pub trait Predicate<S> {
    /// The predicate as an untyped expression.
    fn into_expression(self) -> Node;
}

#[diagnostic::do_not_recommend]
impl<S> Predicate<S> for Expr<S, bool> {
    fn into_expression(self) -> Node {
        self.erase()
    }
}

#[diagnostic::do_not_recommend]
impl<S> Predicate<S> for Field<S, bool> {
    fn into_expression(self) -> Node {
        self.erase()
    }
}

#[diagnostic::do_not_recommend]
impl<S> Predicate<S> for OwnField<S, bool> {
    fn into_expression(self) -> Node {
        self.erase()
    }
}

#[diagnostic::do_not_recommend]
impl<S> Predicate<S> for bool {
    fn into_expression(self) -> Node {
        Operand::<bool, S>::into_expression(self)
    }
}
