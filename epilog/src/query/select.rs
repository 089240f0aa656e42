//! `select`: what comes out.

use alloc::vec::Vec;
use core::mem::ManuallyDrop;

use super::selection::{Selection, decode_batch};
use super::{Query, Scope};
use crate::expr::Clause;

impl<S: Scope, O> Query<S, O> {
    /// Yields what the closure names instead of whole records: a field, an expression, a row (`t`, `t.album()`), a
    /// tuple of up to ten of these, or the fields struct of a `#[derive(View)]` struct.
    ///
    /// A row behind an optional relation yields an `Option` of its record. Later clauses still speak of the records;
    /// only what a query names is read of them.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let named: Vec<(String, Artist)> =
    ///     Album::query().filter(|al| al.year.lt(1984)).select(|al| (al.title.upper(), al.artist())).all(&db)?;
    /// assert_eq!(named[0].0, "KILLERS");
    /// assert_eq!(named[0].1.name, "Iron Maiden");
    ///
    /// #[derive(View, Debug, PartialEq)]
    /// struct Line {
    ///     track: String,
    ///     minutes: i64,
    /// }
    /// let line = Track::query()
    ///     .select(|t| LineFields { track: t.name, minutes: t.seconds / 60 })
    ///     .order_by(|t| t.seconds.desc())
    ///     .first(&db)?;
    /// assert_eq!(line, Some(Line { track: "Crusader".into(), minutes: 6 }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn select<X: Selection<S>>(self, selection: impl FnOnce(S::Rows) -> X) -> Query<S, X::Value> {
        let selection = ManuallyDrop::new(selection);
        let rows = S::rows();
        let selection = ManuallyDrop::into_inner(selection)(rows);
        self.selecting(selection)
    }

    fn selecting<X: Selection<S>>(self, selection: X) -> Query<S, X::Value> {
        let mut items = Vec::new();
        selection.describe(&mut items);
        self.yielding(Clause::Select(items), decode_batch::<S, X>)
    }
}
