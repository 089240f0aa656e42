//! `limit` and `offset`: how many records.

use super::{Query, Scope};
use crate::expr::Clause;

impl<S: Scope, O> Query<S, O> {
    /// Keeps the first `count` records. Later clauses see only those.
    pub fn limit(self, count: u64) -> Self {
        self.with(Clause::Limit(count))
    }

    /// Skips the first `count` records.
    ///
    /// Records are counted off, not jumped over: to go through many, filter by the last key seen.
    pub fn offset(self, count: u64) -> Self {
        self.with(Clause::Offset(count))
    }
}
