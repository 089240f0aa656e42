//! `filter` and `filter_if`: which records stay.

use super::{Condition, Predicate, Query, Scope};
use crate::expr::Clause;

impl<S: Scope, O> Query<S, O> {
    /// Keeps the records that the predicate is true of.
    ///
    /// Filters add up: a second one keeps what satisfies both.
    pub fn filter(self, predicate: impl Condition<S>) -> Self {
        self.with(Clause::Filter(predicate(S::rows()).into_expression()))
    }

    /// Keeps the records that the predicate is true of, if there is a `value` to give it; all of them otherwise.
    pub fn filter_if<V, P: Predicate<S>>(
        self,
        value: Option<V>,
        predicate: impl FnOnce(S::Rows, V) -> P,
    ) -> Self {
        match value {
            Some(value) => self.with(Clause::Filter(predicate(S::rows(), value).into_expression())),
            None => self,
        }
    }
}
