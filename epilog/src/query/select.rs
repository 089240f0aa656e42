//! `select`: what comes out.

use alloc::vec::Vec;

use super::selection::{Selection, decode_batch};
use super::{Query, Scope};
use crate::expr::Clause;

impl<S: Scope, O> Query<S, O> {
    /// Yields what the closure names instead of whole records: a field, an expression, a row (`t.album()`), a tuple of up
    /// to ten of these, or the fields struct of a `#[derive(View)]` struct.
    pub fn select<X: Selection<S>>(self, selection: impl FnOnce(S::Rows) -> X) -> Query<S, X::Value> {
        let mut items = Vec::new();
        selection(S::rows()).describe(&mut items);
        self.yielding(Clause::Select(items), decode_batch::<S, X>)
    }
}
