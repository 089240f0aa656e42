//! `limit` and `offset`: how many records.

use super::{Query, Scope};

impl<S: Scope, O> Query<S, O> {
    /// Keeps the first `count` records, or all if there are fewer. Later clauses see only those.
    ///
    /// No more is read than is needed for them.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let longest = Track::query().order_by(|t| t.seconds.desc()).limit(2).select(|t| t.seconds).all(&db)?;
    /// assert_eq!(longest, [395, 271]);
    /// // The two longest, in the order of their names.
    /// let named = Track::query().order_by(|t| t.seconds.desc()).limit(2).order_by(|t| t.name).select(|t| t.name);
    /// assert_eq!(named.all(&db)?, ["Aces High", "Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn limit(mut self, count: u64) -> Self {
        self.draft.limit(count);
        self
    }

    /// Skips the first `count` records; nothing is left when there are no more. Before a [`limit`](Query::limit) it
    /// moves the limited records on, after one it takes some of them away.
    ///
    /// Records are counted off, not jumped over: to go through many, filter by the last key seen.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let seconds = |query: Query<Track, Track>| query.select(|t| t.seconds).all(&db);
    /// let query = || Track::query().order_by(|t| t.seconds);
    /// assert_eq!(seconds(query().offset(1).limit(2))?, [245, 271]);
    /// assert_eq!(seconds(query().limit(2).offset(1))?, [245]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn offset(mut self, count: u64) -> Self {
        self.draft.offset(count);
        self
    }
}
