//! `order_by`: which record comes first.

use alloc::vec::Vec;
use core::marker::PhantomData;

use super::{Query, Scope};
use crate::collection::{Expr, Field};
use crate::expr::{Clause, Expression as Node, OrderTerm};

/// One term of an ordering over scope `S`. Made by `asc()` and `desc()` of a field or expression.
#[derive(Debug)]
pub struct Order<S> {
    term: OrderTerm,
    scope: PhantomData<fn() -> S>,
}

/// What `order_by` takes: a field or expression (ascending), `asc()` or `desc()` of one, or a tuple of up to ten.
#[diagnostic::on_unimplemented(
    message = "records of `{S}` cannot be ordered by `{Self}`",
    label = "expected fields of this query, or `asc()` and `desc()` of them",
    note = "several terms are a tuple of at most ten: `(t.year.desc(), t.name.asc())`"
)]
pub trait Ordering<S> {
    /// Appends the terms.
    fn describe(self, terms: &mut Vec<OrderTerm>);
}

impl<S> Order<S> {
    pub(super) fn new(expression: Node, descending: bool) -> Order<S> {
        Order { term: OrderTerm { expression, descending, nulls_first: None }, scope: PhantomData }
    }

    /// The same order with `None` before all values. Ascending orders are so unless told otherwise.
    #[must_use]
    pub fn nulls_first(mut self) -> Order<S> {
        self.term.nulls_first = Some(true);
        self
    }

    /// The same order with `None` after all values. Descending orders are so unless told otherwise.
    #[must_use]
    pub fn nulls_last(mut self) -> Order<S> {
        self.term.nulls_first = Some(false);
        self
    }
}

impl<S: Scope, O> Query<S, O> {
    /// Orders what comes out. Records that compare equal come in the order of their keys.
    ///
    /// A second ordering replaces the first, unless a limit lies between them.
    pub fn order_by<T: Ordering<S>>(self, terms: impl FnOnce(S::Rows) -> T) -> Self {
        let mut list = Vec::new();
        terms(S::rows()).describe(&mut list);
        self.with(Clause::Order(list))
    }
}

#[diagnostic::do_not_recommend]
impl<S> Ordering<S> for Order<S> {
    fn describe(self, terms: &mut Vec<OrderTerm>) {
        terms.push(self.term);
    }
}

#[diagnostic::do_not_recommend]
impl<S, T> Ordering<S> for Field<S, T> {
    fn describe(self, terms: &mut Vec<OrderTerm>) {
        terms.push(Order::<S>::new(self.erase(), false).term);
    }
}

#[diagnostic::do_not_recommend]
impl<S, T> Ordering<S> for Expr<S, T> {
    fn describe(self, terms: &mut Vec<OrderTerm>) {
        terms.push(Order::<S>::new(self.erase(), false).term);
    }
}

macro_rules! ordering_of_tuple {
    ($($term:ident $at:tt),*) => {
        #[diagnostic::do_not_recommend]
        impl<S, $($term: Ordering<S>),*> Ordering<S> for ($($term,)*) {
            fn describe(self, terms: &mut Vec<OrderTerm>) {
                $(self.$at.describe(terms);)*
            }
        }
    };
}

super::selection::for_tuples!(ordering_of_tuple);
