//! `order_by`: which record comes first.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use super::{Query, Scope};
use crate::collection::{Expr, Field};
use crate::expr::{Expression as Node, Term, Terms};

/// One term of an ordering over scope `S`. Made by `asc()` and `desc()` of a field or expression.
///
/// `None` comes first in ascending orders and last in descending ones, unless [`nulls_first`](Order::nulls_first) or
/// [`nulls_last`](Order::nulls_last) says otherwise.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let years = Album::query().order_by(|al| al.year.asc()).select(|al| al.year).all(&db)?;
/// assert_eq!(years, [None, Some(1981), Some(1984), Some(1984)]);
/// let years = Album::query().order_by(|al| al.year.desc()).select(|al| al.year).all(&db)?;
/// assert_eq!(years, [Some(1984), Some(1984), Some(1981), None]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Order<S> {
    term: Term,
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
    fn describe(self, terms: &mut Terms);
}

impl<S> Order<S> {
    pub(super) fn new(expression: Node, descending: bool) -> Order<S> {
        Order { term: Term::new(expression, descending), scope: PhantomData }
    }

    /// The same order with `None` before all values. Ascending orders are so unless told otherwise.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let years = Album::query().order_by(|al| al.year.desc().nulls_first()).select(|al| al.year).all(&db)?;
    /// assert_eq!(years, [None, Some(1984), Some(1984), Some(1981)]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn nulls_first(self) -> Order<S> {
        Order { term: self.term.with_nulls_first(true), scope: PhantomData }
    }

    /// The same order with `None` after all values. Descending orders are so unless told otherwise.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let years = Album::query().order_by(|al| al.year.asc().nulls_last()).select(|al| al.year).all(&db)?;
    /// assert_eq!(years, [Some(1981), Some(1984), Some(1984), None]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn nulls_last(self) -> Order<S> {
        Order { term: self.term.with_nulls_first(false), scope: PhantomData }
    }
}

impl<S: Scope, O> Query<S, O> {
    /// Orders what comes out: by a field or expression (ascending), by `asc()` or `desc()` of one, or by a tuple of up
    /// to ten, the first of which weighs most.
    ///
    /// Records that compare equal come in any order: end with the key to have them all in place. A second ordering
    /// replaces the first, unless a limit lies between them. Where an index or the key has the records in order,
    /// nothing is sorted; otherwise all of them are, or, before a [`limit`](Query::limit) of up to 65,536, as many as
    /// it keeps are held.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let titles = Album::query().order_by(|al| (al.year.desc(), al.title)).select(|al| al.title).all(&db)?;
    /// assert_eq!(titles, ["Crusader", "Powerslave", "Killers", "Demos"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn order_by<T: Ordering<S>>(self, terms: impl FnOnce(S::Rows) -> T) -> Self {
        let terms = ManuallyDrop::new(terms);
        let rows = S::rows();
        let terms = ManuallyDrop::into_inner(terms)(rows);
        self.ordered(terms)
    }
}

#[diagnostic::do_not_recommend]
impl<S> Ordering<S> for Order<S> {
    fn describe(self, terms: &mut Terms) {
        terms.push(self.term);
    }
}

#[diagnostic::do_not_recommend]
impl<S, T> Ordering<S> for Field<S, T> {
    fn describe(self, terms: &mut Terms) {
        terms.push(Order::<S>::new(self.erase(), false).term);
    }
}

#[diagnostic::do_not_recommend]
impl<S, T> Ordering<S> for Expr<S, T> {
    fn describe(self, terms: &mut Terms) {
        terms.push(Order::<S>::new(self.erase(), false).term);
    }
}

macro_rules! ordering_of_tuple {
    ($($term:ident $at:tt),*) => {
        #[diagnostic::do_not_recommend]
        impl<S, $($term: Ordering<S>),*> Ordering<S> for ($($term,)*) {
            fn describe(self, terms: &mut Terms) {
                $(self.$at.describe(terms);)*
            }
        }
    };
}

super::selection::for_tuples!(ordering_of_tuple);
