//! `filter`, `filter_if` and `filter_fn`: which records stay.

#[cfg(not(feature = "small"))]
use alloc::boxed::Box;
use core::mem::ManuallyDrop;

use super::{Condition, Predicate, Query, Scope};
#[cfg(not(feature = "small"))]
use crate::collection::{Collection, Lending};
#[cfg(not(feature = "small"))]
use crate::engine::RecordTest;
#[cfg(not(feature = "small"))]
use crate::expr::{Clause, Native};

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

#[cfg(not(feature = "small"))]
impl<C: Collection, O> Query<C, O> {
    /// Keeps the records that a closure returns `true` for, which is code of the program: for what no operator says.
    ///
    /// The closure is given the record [where it is stored](crate::collection::Borrowed), and reads the fields that it asks for. It comes
    /// after every [`filter`](Query::filter) beside it, before or behind, and so sees the records that these leave; an index serves those, and
    /// never the closure. Beside it are filters with nothing between but other closures: an `order_by` or a `select` ends that. Records for
    /// which a filter beside it has no result (a division by zero) are shown to it as well: what it relies on is asked as `t.n.ne(0)`.
    /// Otherwise it stands where it is written: after a [`limit`](Query::limit) it sees the limited records, before one
    /// no more of them are read than it takes to find as many as are wanted, and a few that lie beside them, unless they have to be sorted
    /// first: then it sees all. It is about the collection that the query
    /// begins with, and cannot be written when that has been joined or grouped.
    ///
    /// How often it is called with a record, and with which besides those that the answer depends on, is not promised. The thread that runs the
    /// query calls it, whatever [`threads`](Query::threads) says, and carries out what is above it alone. The query can be cloned and sent to other threads all the same,
    /// which is why the closure has to be `Send`, `Sync` and own what it uses. A query with one is planned each time that it is run. A closure
    /// that panics ends the query, and nothing else.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let three_words = Track::query().filter_fn(|t| t.name().split(' ').count() > 2);
    /// assert_eq!(three_words.clone().filter(|t| t.seconds.lt(300)).select(|t| t.name).all(&db)?, ["Flash of the Blade"]);
    /// assert_eq!(three_words.explain(&db)?.to_string(), "filter_fn Track\n  scan Track");
    ///
    /// let shortest = || Track::query().order_by(|t| t.seconds).select(|t| t.name);
    /// let has_a = |query: Query<Track, String>| query.filter_fn(|t| t.name().contains('A'));
    /// assert_eq!(has_a(shortest()).limit(1).all(&db)?, ["Aces High"]);
    /// assert!(has_a(shortest().limit(1)).all(&db)?.is_empty()); // the shortest has none
    /// # Ok::<(), Error>(())
    /// ```
    pub fn filter_fn(self, test: impl Fn(C::Borrowed<'_>) -> bool + Send + Sync + 'static) -> Self {
        let test = RecordTest(Box::new(move |record, collection| {
            Lending::new(record, collection).lend::<C, bool>(&test)
        }));
        self.and(Clause::native(Native::new(test)))
    }
}
