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
    pub expression: Expression,
    /// Whether the largest comes first.
    pub descending: bool,
    /// Whether `None` comes first, whatever the direction. By default (`None` here) it is the smallest value.
    pub nulls_first: Option<bool>,
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
        // There is none to be dropped.
        core::mem::forget(self.first.replace(term));
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
    /// The only one, if there is one only.
    #[inline]
    pub(super) fn only(&mut self) -> Option<&mut Term> {
        if self.others.is_empty() { self.first.as_mut() } else { None }
    }

    /// Ends the only one, whose values were taken.
    #[inline]
    pub(super) fn end(&mut self) {
        core::mem::forget(self.first.take());
    }
}

#[cfg(not(feature = "small"))]
impl Term {
    /// The same as it is planned.
    fn whole(self) -> OrderTerm {
        let Term { expression, descending, nulls_first } = self;
        OrderTerm { expression: expression.whole(), descending, nulls_first }
    }
}
