//! `join` and `left_join`: rows of several records.

use super::selection::decode_records;
use super::{Condition, Predicate, Push, Query, Records, Scope};
use crate::collection::Collection;
use crate::expr::{Clause, JoinKind};

impl<S: Records> Query<S, S::Records> {
    /// Pairs each row with every record of `C` that the predicate is true of. A row without one goes; one with several
    /// comes once for each.
    ///
    /// The closure is given the rows of all sources, the new one last, and so are those of later clauses:
    /// `|(album, artist)|`. What comes out is a tuple of their records. `C` may be a collection that is there already.
    /// An equality between a field of the record and something of the others is looked up through an index or a hash table;
    /// without one, every pair is looked at. A join comes before the `select`: what one named that yields records of the same
    /// types is given up. Rows come in any order unless one is asked for. For what a relation leads to
    /// no join is needed: `t.album().title`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // Tracks and albums of one name.
    /// let named: Vec<(Track, Album)> =
    ///     Track::query().join::<Album>(|(t, al)| t.name.eq(al.title)).all(&db)?;
    /// assert_eq!(named[0].0.name, "Crusader");
    ///
    /// // Albums of one year, each pair once.
    /// let pairs: Vec<(String, String)> = Album::query()
    ///     .join::<Album>(|(one, other)| one.year.is_some() & one.year.eq(other.year) & one.id.lt(other.id))
    ///     .select(|(one, other)| (one.title, other.title))
    ///     .all(&db)?;
    /// assert_eq!(pairs, [("Powerslave".into(), "Crusader".into())]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn join<C: Collection>(
        self,
        on: impl Condition<Joined<S, C>>,
    ) -> Query<Joined<S, C>, RecordsOf<Joined<S, C>>>
    where
        S: Push<C>,
    {
        let rows = Joined::<S, C>::rows();
        let on = on(rows).into_expression().whole();
        let clause = Clause::Join { collection: C::schema, on, kind: JoinKind::Inner };
        self.yielding(clause, decode_records::<Joined<S, C>>)
    }

    /// As [`join`](Query::join), but a row without a record of `C` stays: its record is `None`, and so is every field of
    /// it in what follows. Within the closure the record is there.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let artists: Vec<(String, Option<String>)> = Artist::query()
    ///     .left_join::<Album>(|(a, al)| al.artist.eq(a.id) & al.year.lt(1984))
    ///     .order_by(|(a, _)| a.name)
    ///     .select(|(a, al)| (a.name, al.title))
    ///     .all(&db)?;
    /// let name = |name: &str| name.to_string();
    /// assert_eq!(artists, [
    ///     (name("Iron Maiden"), Some(name("Killers"))),
    ///     (name("Saxon"), None),
    ///     (name("Zappa"), None),
    /// ]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn left_join<C: Collection>(
        self,
        on: impl Condition<Joined<S, C>>,
    ) -> Query<LeftJoined<S, C>, RecordsOf<LeftJoined<S, C>>>
    where
        S: Push<C>,
    {
        let rows = Joined::<S, C>::rows();
        let on = on(rows).into_expression().whole();
        let clause = Clause::Join { collection: C::schema, on, kind: JoinKind::Left };
        self.yielding(clause, decode_records::<LeftJoined<S, C>>)
    }
}

/// Scope `S` with a record of `C` at its end.
pub type Joined<S, C> = <S as Push<C>>::Out;

/// Scope `S` with a record of `C` at its end that may be absent.
pub type LeftJoined<S, C> = <S as Push<C>>::Optional;

/// The records of scope `S`.
pub type RecordsOf<S> = <S as Records>::Records;
