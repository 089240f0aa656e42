//! `filter` and `filter_if`: which records stay.

use core::mem::ManuallyDrop;

use super::{Condition, Predicate, Query, Scope};

impl<S: Scope, O> Query<S, O> {
    /// Keeps the records that the predicate is true of.
    ///
    /// Filters add up: a second one keeps what satisfies both. A predicate is an `Expr<_, bool>`, a field of type
    /// `bool`, or a `bool`; an optional `bool` needs `.eq(true)`. Predicates that compare the key or a leading field of
    /// an index with values find their records through it; their order within the filter does not matter.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let titles = |query: Query<Album, Album>| query.select(|al| al.title).all(&db);
    /// assert_eq!(titles(Album::query().filter(|al| al.year.eq(1984)))?, ["Powerslave", "Crusader"]);
    /// assert_eq!(titles(Album::query().filter(|al| al.artist().name.starts_with("S") & al.year.is_none()))?, ["Demos"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn filter(self, predicate: impl Condition<S>) -> Self {
        let predicate = ManuallyDrop::new(predicate);
        let rows = S::rows();
        let predicate = ManuallyDrop::into_inner(predicate)(rows);
        self.kept(predicate)
    }

    /// Keeps the records that the predicate is true of, if there is a `value` to give it; all of them otherwise.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let search = |name: Option<&str>, longest: Option<i64>| {
    ///     Track::query()
    ///         .filter_if(name, |t, name| t.name.contains(name))
    ///         .filter_if(longest, |t, longest| t.seconds.le(longest))
    ///         .count(&db)
    /// };
    /// assert_eq!(search(None, None)?, 4);
    /// assert_eq!(search(Some("a"), None)?, 3);
    /// assert_eq!(search(Some("a"), Some(200))?, 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn filter_if<V, P: Predicate<S>>(
        self,
        value: Option<V>,
        predicate: impl FnOnce(S::Rows, V) -> P,
    ) -> Self {
        match value {
            Some(value) => self.kept(predicate(S::rows(), value)),
            None => self,
        }
    }
}
