//! [`Predicate`]: what is true or false of a row; [`Condition`]: a closure that gives one.

use crate::collection::{Expr, Field, OwnField};
use crate::expr::Expression as Node;
use crate::query::{Operand, Scope};
use crate::value::Value;

/// What is true or false of a row of scope `S`: an `Expr<S, bool>`, a field of type `bool`, or a `bool`.
///
/// # Examples
///
/// A list of predicates folds into one:
///
/// ```
/// use epilog::collection::Expr;
#[doc = include_str!("../example.txt")]
///
/// let words = ["a", "h"];
/// let query = Track::query().filter(|t| {
///     let each = words.iter().map(|word| t.name.lower().contains(*word));
///     each.reduce(|all, one| all & one).expect("two words")
/// });
/// assert_eq!(query.count(&db)?, 3);
/// assert_eq!(Track::query().filter(|_| false).count(&db)?, 0);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a predicate over `{S}`",
    label = "expected something true or false of this query's records",
    note = "compare fields of the row that the closure is given: `t.name.eq(\"x\")`; an optional `bool` field needs `.eq(true)`"
)]
pub trait Predicate<S> {
    /// The predicate as an untyped expression.
    fn into_expression(self) -> Node;
}

/// The type `bool`. With it, the implementations below are for fields of any type, so that rustc does not point out the
/// one type that would do.
pub trait Truth: Value {}

impl Truth for bool {}

#[diagnostic::do_not_recommend]
impl<S, T: Truth> Predicate<S> for Expr<S, T> {
    fn into_expression(self) -> Node {
        self.erase()
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Truth> Predicate<S> for Field<S, T> {
    fn into_expression(self) -> Node {
        self.erase()
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Truth> Predicate<S> for OwnField<S, T> {
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

/// A closure from the rows of scope `S` to a predicate over them.
pub trait Condition<S: Scope>: FnOnce(S::Rows) -> <Self as Condition<S>>::Predicate {
    /// The predicate.
    type Predicate: Predicate<S>;
}

impl<S: Scope, P: Predicate<S>, F: FnOnce(S::Rows) -> P> Condition<S> for F {
    type Predicate = P;
}
