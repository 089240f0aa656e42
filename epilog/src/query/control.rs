//! What ends a query before its end, `timeout`, `cancel_with` and `memory`; how many `threads` carry it out; and what keeps it from beginning, `require_index`.

use core::time::Duration;

use super::Query;
use crate::engine::CancelHandle;

impl<S, O> Query<S, O> {
    /// Ends the query with [`TimedOut`](crate::ErrorKind::TimedOut) if it takes longer than `timeout`, from when a terminal
    /// is called. The time of a [`stream`](Query::stream) begins with it, and goes on while it waits. Of two timeouts the one
    /// given last counts.
    ///
    /// A query that becomes a part of another, by `union` and its kind or as a subquery, is ended with that one: what was asked
    /// for of it alone about its running is forgotten. Those that [`with`](Query::with) makes have its time all together.
    ///
    /// The clock is that of the database's file system; without `std` a database in memory has none, and no query of it times
    /// out. It is looked at between batches, of some thousand rows at most, so that a query ends soon after, not at once: what
    /// is sorted in memory is sorted first. A set-based [`update`](Query::update) that is ended changes nothing, and its
    /// transaction can go on; a [`delete`](Query::delete) is only ended while it looks for its records.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    #[doc = include_str!("../example.txt")]
    ///
    /// let query = Track::query().filter(|t| t.name.contains("High"));
    /// assert_eq!(query.clone().timeout(Duration::from_secs(60)).all(&db)?.len(), 1);
    /// let error = query.timeout(Duration::ZERO).all(&db).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::TimedOut);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.control.set_timeout(timeout);
        self
    }

    /// Keeps no more than so many bytes of rows in memory, about, instead of what
    /// [`query_memory`](crate::Options::query_memory) says: which see. Of two the one given last counts. Each of the queries
    /// that [`with`](Query::with) makes may keep as many, and so may what they bring along, all together.
    ///
    /// In a database in memory, and in a write transaction, nothing can be put aside, and a query that keeps more ends with
    /// [`Memory`](crate::ErrorKind::Memory); sorts there take what they need.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    ///
    /// let seconds = Track::query().group_by(|t| t.name).select(|g| (g.key(), g.sum(|t| t.seconds)));
    /// assert!(!seconds.clone().memory(1 << 20).all(&db)?.is_empty());
    /// let error = seconds.memory(16).all(&db).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Memory);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn memory(mut self, bytes: usize) -> Self {
        self.control.set_memory(bytes);
        self
    }

    /// Lets up to so many threads carry the query out together, instead of what
    /// [`query_threads`](crate::Options::query_threads) says: which see. Of two the one given last counts.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    ///
    /// let seconds = Track::query().group_by(|t| t.name).select(|g| (g.key(), g.sum(|t| t.seconds)));
    /// assert_eq!(seconds.clone().threads(4).all(&db)?, seconds.all(&db)?);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn threads(mut self, threads: usize) -> Self {
        self.control.set_threads(threads);
        self
    }

    /// Refuses, with [`Plan`](crate::ErrorKind::Plan), to carry the query out if it would read all records of a collection,
    /// in the order of their keys or of an index, where no limit right above says that a few will do. That is found when it is
    /// planned, before a record is read. An index is then taken wherever one serves, even where reading everything would be
    /// quicker. The error names what is asked that no index serves, and the index to add.
    ///
    /// It is about the collections of joins and subqueries as well, but for those that an [`update`](Query::update) calculates
    /// its values from.
    ///
    /// [`explain`](Query::explain) of such a query fails as well: to see why an index is not taken, explain it without.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// assert!(Artist::query().filter(|a| a.name.eq("Saxon")).require_index().exists(&db)?);
    /// let error = Track::query().filter(|t| t.seconds.gt(250)).require_index().all(&db).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Plan);
    /// assert_eq!(
    ///     error.to_string(),
    ///     "`require_index` forbids to read all of `Track`, and no index serves `seconds > 250`: \
    ///      put `#[index]` on its field `seconds`, or leave `require_index` out"
    /// );
    /// # Ok::<(), Error>(())
    /// ```
    pub fn require_index(mut self) -> Self {
        self.control.set_require_index();
        self
    }

    /// Ends the query with [`Cancelled`](crate::ErrorKind::Cancelled) when `handle` is cancelled, at the next batch as
    /// [`timeout`](Query::timeout) does. Of several handles each ends it.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::CancelHandle;
    #[doc = include_str!("../example.txt")]
    ///
    /// let handle = CancelHandle::new();
    /// let tx = db.read()?;
    /// let mut stream = Track::query().cancel_with(&handle).stream(&tx)?;
    /// assert!(stream.next().is_some_and(|track| track.is_ok()));
    /// handle.cancel();
    /// // What the stream has at hand comes out; what would have to be read does not.
    /// let error = stream.find_map(Result::err);
    /// assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Cancelled));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn cancel_with(mut self, handle: &CancelHandle) -> Self {
        self.control.add_handle(handle);
        self
    }
}
