//! [`Terms`]: the terms of an ordering while it is built, of which there is one as a rule.

use alloc::vec::Vec;

#[cfg(feature = "small")]
use super::Clause;
#[cfg(not(feature = "small"))]
use super::Expression;
use super::{Draft, OrderTerm};

/// One term of an ordering while it is built.
#[cfg(not(feature = "small"))]
#[derive(Clone, Debug)]
pub struct Term {
    /// What is compared.
    pub(super) expression: Expression,
    way: Way,
}

/// Which way a term orders: one number, so that it goes from hand to hand as one.
#[cfg(not(feature = "small"))]
#[derive(Clone, Copy, Debug)]
struct Way(u8);

#[cfg(not(feature = "small"))]
impl Way {
    const DESCENDING: u8 = 1;
    const NULLS_FIRST: u8 = 2;
    const NULLS_LAST: u8 = 4;
}

/// One term of an ordering while it is built: the same as when it is planned.
#[cfg(feature = "small")]
pub type Term = OrderTerm;

/// The terms of an ordering, the first weighing most.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Without an allocation. Small builds have one way to keep terms.
    #[cfg(not(feature = "small"))]
    first: Option<Term>,
    others: Vec<OrderTerm>,
}

impl Terms {
    /// Adds a term.
    #[cfg(not(feature = "small"))]
    #[inline]
    pub fn push(&mut self, term: Term) {
        if self.first.is_some() {
            return self.push_other(term);
        }
        self.first = Some(term);
    }

    #[cfg(not(feature = "small"))]
    #[cold]
    #[inline(never)]
    fn push_other(&mut self, term: Term) {
        self.others.push(term.whole());
    }

    /// Adds a term.
    #[cfg(feature = "small")]
    pub fn push(&mut self, term: OrderTerm) {
        self.others.push(term);
    }

    /// All of them.
    pub fn into_vec(self) -> Vec<OrderTerm> {
        #[cfg(not(feature = "small"))]
        return self.first.map(Term::whole).into_iter().chain(self.others).collect();
        #[cfg(feature = "small")]
        self.others
    }
}

impl Draft {
    /// Adds an ordering, whose terms it takes.
    #[inline]
    pub fn order(&mut self, terms: &mut Terms) {
        #[cfg(not(feature = "small"))]
        self.clauses.push_order(terms);
        #[cfg(feature = "small")]
        self.clauses.push(Clause::Order(core::mem::take(terms).into_vec()));
    }
}

#[cfg(not(feature = "small"))]
impl Terms {
    /// Forgets the only one, whose values were taken.
    #[inline]
    pub(super) fn end(&mut self) {
        self.first = None;
    }

    /// The only one, if there is one only.
    #[inline]
    pub(super) fn only(&mut self) -> Option<&mut Term> {
        if self.others.is_empty() { self.first.as_mut() } else { None }
    }
}

#[cfg(not(feature = "small"))]
impl Term {
    /// A term with `None` where its direction has it.
    #[inline]
    pub fn new(expression: Expression, descending: bool) -> Term {
        Term { expression, way: Way(if descending { Way::DESCENDING } else { 0 }) }
    }

    /// The same with `None` before all values, or behind.
    #[inline]
    #[must_use]
    pub fn with_nulls_first(self, first: bool) -> Term {
        let nulls = if first { Way::NULLS_FIRST } else { Way::NULLS_LAST };
        Term { way: Way(self.way.0 & Way::DESCENDING | nulls), ..self }
    }

    /// Whether the largest comes first.
    #[inline]
    pub(super) fn descending(&self) -> bool {
        self.way.0 & Way::DESCENDING != 0
    }

    /// Whether `None` comes first, whatever the direction. By default (`None` here) it is the smallest value.
    #[inline]
    pub(super) fn nulls_first(&self) -> Option<bool> {
        match self.way.0 & (Way::NULLS_FIRST | Way::NULLS_LAST) {
            0 => None,
            nulls => Some(nulls == Way::NULLS_FIRST),
        }
    }

    /// What is planned, as one that is being built.
    pub(super) fn packing(term: OrderTerm) -> Term {
        let OrderTerm { expression, descending, nulls_first } = term;
        let packed = Term::new(Expression::packing(expression), descending);
        match nulls_first {
            None => packed,
            Some(first) => packed.with_nulls_first(first),
        }
    }

    /// The same as it is planned.
    fn whole(self) -> OrderTerm {
        let (descending, nulls_first) = (self.descending(), self.nulls_first());
        OrderTerm { expression: self.expression.whole(), descending, nulls_first }
    }
}

#[cfg(feature = "small")]
impl OrderTerm {
    /// A term with `None` where its direction has it.
    pub fn new(expression: super::Expression, descending: bool) -> OrderTerm {
        OrderTerm { expression, descending, nulls_first: None }
    }

    /// The same with `None` before all values, or behind.
    #[must_use]
    pub fn with_nulls_first(self, first: bool) -> OrderTerm {
        OrderTerm { nulls_first: Some(first), ..self }
    }
}
