//! `common`, `join_query` and `left_join_query`: queries as sources of others.

use core::marker::PhantomData;

use super::group::{GroupKey, decode_keys};
use super::{Condition, HeldBy, Out, Predicate, Push, Query, Records, RowReader, Scope, WindowValues};
use crate::Error;
use crate::collection::Collection;
use crate::expr::{Clause, JoinKind};
use crate::value::Value;

/// The scope of rows of scope `S`, each with the values `W` of a row of a query over `Q`: closures are given a tuple of both.
pub struct Beside<S, Q, W> {
    rows: PhantomData<fn() -> (S, Q)>,
    values: PhantomData<fn() -> W>,
}

#[diagnostic::do_not_recommend]
impl<S: Scope, Q, W: WindowValues> Scope for Beside<S, Q, W> {
    type Rows = Self::Seen<Self>;
    type Seen<In> = (S::Seen<In>, W::Fields<In>);
    const WINDOWS: u16 = S::WINDOWS + W::COUNT;

    fn rows() -> Self::Rows {
        Self::seen()
    }

    fn seen<In>() -> Self::Seen<In> {
        let mut at = S::WINDOWS;
        (S::seen(), W::fields(&mut at))
    }
}

#[diagnostic::do_not_recommend]
impl<S: Records, Q, W: WindowValues> Records for Beside<S, Q, W> {
    type Records = S::Records;

    #[inline]
    fn read(row: &mut RowReader<'_>) -> Result<Self::Records, Error> {
        S::read(row)
    }
}

#[diagnostic::do_not_recommend]
impl<D, S: HeldBy<D>, Q: HeldBy<D>, W> HeldBy<D> for Beside<S, Q, W> {}

impl<S: Push<C>, Q, W: WindowValues, C: Collection> Push<C> for Beside<S, Q, W> {
    type Out = Beside<S::Out, Q, W>;
    type Optional = Beside<S::Optional, Q, W>;
    const POSITION: u8 = S::POSITION;
}

/// Values of a row that may not be there.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value, nor a tuple of values",
    label = "rows of values can be joined, and these are records",
    note = "name their fields first: `.select(|t| (t.id, t.year))`"
)]
pub trait Absentable: WindowValues {
    /// The same values, each of which may be absent.
    type Optional: WindowValues;
}

#[diagnostic::do_not_recommend]
impl<T: Value> Absentable for T {
    type Optional = T::Optional;
}

macro_rules! absentable_tuple {
    ($($part:ident $at:tt),*) => {
        #[diagnostic::do_not_recommend]
        impl<$($part: Absentable),*> Absentable for ($($part,)*) {
            type Optional = ($($part::Optional,)*);
        }
    };
}

super::selection::for_tuples!(absentable_tuple);

impl<S, O> Query<S, O> {
    /// The rows as what they are selected as, and nothing else: what follows speaks of the values, as after
    /// [`distinct`](Query::distinct). However often a query uses them, asked for an aggregate, joined or put together, they are calculated
    /// once, and kept in memory: a common table expression. Where that takes half of a [`memory`](Query::memory) that was asked for, they
    /// are not kept, and calculated by each part of the query that asks.
    ///
    /// What is calculated once is what is equal, up to `common`, in one query: a clone, or the same written twice. Rows come in any
    /// order.
    ///
    /// # Examples
    ///
    /// The artists whose tracks are the longest in all, of sums that are added up once:
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let lengths = Track::query()
    ///     .group_by(|t| t.album().artist().name)
    ///     .select(|g| (g.key(), g.sum(|t| t.seconds)))
    ///     .common();
    /// let longest = lengths.clone().aggregate(|all| all.max(|(_, seconds)| seconds));
    /// let query = lengths.filter(|(_, seconds)| longest.scalar().eq(seconds));
    /// assert_eq!(query.all(&db)?, [("Iron Maiden".to_string(), 690)]);
    /// # Ok::<(), Error>(())
    /// ```
    #[rustfmt::skip] // Bound and name on one line: rustc then shows one line.
    pub fn common(self) -> Query<Out<S, O>, O> where O: GroupKey {
        self.yielding(Clause::common(), decode_keys::<O>)
    }
}

impl<S: Scope, O> Query<S, O> {
    /// Pairs each row with every row of another query for which the predicate is true. A row without one goes; one with
    /// several comes once for each.
    ///
    /// The closure is given the rows, and then the values that the other query gives: `|(album, (artist, length))|`, and so are those of
    /// later clauses. What comes out stays what it was: `select` what is wanted of the values. An equality between one of
    /// them and something of the row is looked up through a hash table. Rows come in any order unless one is asked for.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // Albums, and the length of what is on them.
    /// let lengths = Track::query().group_by(|t| t.album).select(|g| (g.key(), g.sum(|t| t.seconds)));
    /// let albums = Album::query()
    ///     .join_query(lengths, |(al, (album, _))| al.id.eq(album))
    ///     .filter(|(_, (_, seconds))| seconds.gt(300))
    ///     .order_by(|(al, _)| al.title)
    ///     .select(|(al, (_, seconds))| (al.title, seconds));
    /// assert_eq!(albums.all(&db)?, [("Crusader".to_string(), 395), ("Powerslave".to_string(), 516)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn join_query<Q, W: Absentable>(
        self,
        other: Query<Q, W>,
        on: impl Condition<Beside<S, Q, W>>,
    ) -> Query<Beside<S, Q, W>, O> {
        let on = on(Beside::<S, Q, W>::rows()).into_expression().whole();
        let decode = self.decode;
        self.yielding(Clause::join_query(other.draft, on, JoinKind::Inner), decode)
    }

    /// As [`join_query`](Query::join_query), but a row without one of the other query stays, and the values are `None` in what
    /// follows. Within the closure they are there.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let lengths = Track::query().group_by(|t| t.album).select(|g| (g.key(), g.sum(|t| t.seconds)));
    /// let albums = Album::query()
    ///     .left_join_query(lengths, |(al, (album, _))| al.id.eq(album))
    ///     .filter(|(al, _)| al.artist().name.eq("Saxon"))
    ///     .order_by(|(al, _)| al.title)
    ///     .select(|(al, (_, seconds))| (al.title, seconds));
    /// assert_eq!(albums.all(&db)?, [("Crusader".to_string(), Some(395)), ("Demos".to_string(), None)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn left_join_query<Q, W: Absentable>(
        self,
        other: Query<Q, W>,
        on: impl Condition<Beside<S, Q, W>>,
    ) -> Query<Beside<S, Q, W::Optional>, O> {
        let on = on(Beside::<S, Q, W>::rows()).into_expression().whole();
        let decode = self.decode;
        self.yielding(Clause::join_query(other.draft, on, JoinKind::Left), decode)
    }
}
