//! `sample`: some of the rows, drawn by lot.

use super::{Query, Scope};
use crate::expr::Clause;

impl<S: Scope, O> Query<S, O> {
    /// Keeps `count` of the rows, or all if there are fewer, drawn by lot: every row has the same chance, and none is drawn
    /// twice. They come in the order in which they were drawn; later clauses see only those.
    ///
    /// The seed is drawn when the clause is written, by what seeds Rust's hash maps: a query that is kept draws the same rows each
    /// time it runs. Without `std` there is nothing to draw a seed from, and no such method: [`sample_seeded`](Query::sample_seeded)
    /// takes one. Nobody who looks for a pattern in the draw is kept from finding one; do not gamble by it.
    ///
    /// All rows that the clauses before give are looked at, of which as many as are drawn are held.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let two = Track::query().filter(|t| t.composer.is_some()).sample(2).order_by(|t| t.name).all(&db)?;
    /// assert_eq!(two.len(), 2);
    /// assert!(two[0].name < two[1].name && two.iter().all(|t| t.name != "Crusader"));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn sample(self, count: u64) -> Self {
        use core::hash::{BuildHasher, Hasher};
        let seed = std::hash::RandomState::new().build_hasher().finish();
        self.sample_seeded(count, seed)
    }

    /// As [`sample`](Query::sample), and the same seed draws the same rows of the same records; of rows that may be there
    /// twice, as those of [`union_all`](Query::union_all), as long as the query is carried out in the same way.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let drawn = |seed| Track::query().sample_seeded(2, seed).select(|t| t.name).all(&db);
    /// assert_eq!(drawn(7)?, drawn(7)?);
    /// let mut all: Vec<String> = (0..40).map(drawn).collect::<Result<Vec<_>, _>>()?.concat();
    /// all.sort();
    /// all.dedup();
    /// assert_eq!(all.len(), 4); // in forty draws each of the four is drawn
    /// # Ok::<(), Error>(())
    /// ```
    pub fn sample_seeded(self, count: u64, seed: u64) -> Self {
        self.and(Clause::sample(count, seed))
    }
}
