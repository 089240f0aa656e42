//! [`Terms`]: the terms of an ordering while it is built, of which there is one as a rule.

use alloc::vec::Vec;

#[cfg(feature = "small")]
use super::Clause;
use super::{Draft, OrderTerm};

/// The terms of an ordering, the first weighing most.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Without an allocation. Small builds have one way to keep terms.
    #[cfg(not(feature = "small"))]
    first: Option<OrderTerm>,
    others: Vec<OrderTerm>,
}

impl Terms {
    /// Adds a term.
    pub fn push(&mut self, term: OrderTerm) {
        #[cfg(not(feature = "small"))]
        if self.first.is_none() {
            self.first = Some(term);
            return;
        }
        self.others.push(term);
    }

    /// All of them.
    pub fn into_vec(self) -> Vec<OrderTerm> {
        #[cfg(not(feature = "small"))]
        return self.first.into_iter().chain(self.others).collect();
        #[cfg(feature = "small")]
        self.others
    }
}

impl Draft {
    /// Adds an ordering.
    pub fn order(&mut self, terms: Terms) {
        #[cfg(not(feature = "small"))]
        self.clauses.push_order(terms);
        #[cfg(feature = "small")]
        self.clauses.push(Clause::Order(terms.into_vec()));
    }
}

#[cfg(not(feature = "small"))]
impl Terms {
    /// The only one, if there is one only.
    pub(super) fn only(&mut self) -> Option<&mut OrderTerm> {
        self.first.as_mut().filter(|_| self.others.is_empty())
    }
}
