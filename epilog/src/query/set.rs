//! `distinct`, `union`, `intersect`, `except`: rows that are told from each other by their values.

use core::marker::PhantomData;

use super::group::{GroupKey, decode_keys};
use super::{Aggregated, HeldBy, Query, Scope};
use crate::collection::Expr;
use crate::expr::{Clause, Expression as Node, SetKind};
use crate::value::Value;

/// The scope of rows that are values of type `O`, a value or a tuple of values, which came out of queries over `S`: closures
/// are given these.
pub struct Out<S, O> {
    of: PhantomData<fn() -> (S, O)>,
}

/// The scopes of two queries whose rows were put together.
pub struct Both<A, B> {
    of: PhantomData<fn() -> (A, B)>,
}

#[diagnostic::do_not_recommend]
impl<D, A: HeldBy<D>, B: HeldBy<D>> HeldBy<D> for Both<A, B> {}

#[diagnostic::do_not_recommend]
impl<D, S: HeldBy<D>, O> HeldBy<D> for Out<S, O> {}

#[diagnostic::do_not_recommend]
impl<S, O: GroupKey> Scope for Out<S, O> {
    type Rows = O::Fields<Self>;
    type Seen<In> = O::Fields<In>;

    fn rows() -> Self::Rows {
        Self::seen()
    }

    fn seen<In>() -> Self::Seen<In> {
        O::fields(&mut 0)
    }
}

impl<S, O> Query<S, O> {
    /// Every row once: rows with the same values are the same, `None` being a value. What follows speaks of the values that
    /// were selected, and of nothing else.
    ///
    /// After an order, each row comes where the first of its kind stood; otherwise rows come in any order. What
    /// is more than [`query_memory`](crate::Options::query_memory) is put aside.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let years = Album::query().select(|al| al.year).distinct().order_by(|year| year.desc());
    /// assert_eq!(years.all(&db)?, [Some(1984), Some(1981), None]);
    ///
    /// let pairs = Track::query().select(|t| (t.album().artist().name, t.composer)).distinct();
    /// assert_eq!(pairs.filter(|(_, composer)| composer.is_some()).count(&db)?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    #[rustfmt::skip] // Bound and name on one line: rustc then shows one line.
    pub fn distinct(self) -> Query<Out<S, O>, O> where O: GroupKey {
        self.yielding(Clause::Distinct, decode_keys::<O>)
    }

    /// The rows that this query or the other gives, every row once. What follows speaks of the values that were selected;
    /// rows come in any order unless one is asked for.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let names = Track::query().select(|t| t.name).union(Album::query().select(|al| al.title));
    /// assert_eq!(names.clone().count(&db)?, 7); // "Crusader" is both
    /// assert_eq!(names.order_by(|name| name.asc()).first(&db)?.as_deref(), Some("Aces High"));
    /// # Ok::<(), Error>(())
    /// ```
    #[rustfmt::skip] // Bound and name on one line: rustc then shows one line.
    pub fn union<S2>(self, other: Query<S2, O>) -> Query<Out<Both<S, S2>, O>, O> where O: GroupKey {
        self.put_together(other, SetKind::Union)
    }

    /// The rows of this query and then those of the other, all of them. What follows speaks of the values that were
    /// selected. Keeps none of them.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let names = Track::query().select(|t| t.name).union_all(Album::query().select(|al| al.title));
    /// assert_eq!(names.count(&db)?, 8);
    /// # Ok::<(), Error>(())
    /// ```
    #[rustfmt::skip] // Bound and name on one line: rustc then shows one line.
    pub fn union_all<S2>(self, other: Query<S2, O>) -> Query<Out<Both<S, S2>, O>, O> where O: GroupKey {
        self.put_together(other, SetKind::UnionAll)
    }

    /// The rows that both queries give, every row once. Otherwise as [`union`](Query::union).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let both = Track::query().select(|t| t.name).intersect(Album::query().select(|al| al.title));
    /// assert_eq!(both.all(&db)?, ["Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    #[rustfmt::skip] // Bound and name on one line: rustc then shows one line.
    pub fn intersect<S2>(self, other: Query<S2, O>) -> Query<Out<Both<S, S2>, O>, O> where O: GroupKey {
        self.put_together(other, SetKind::Intersect)
    }

    /// The rows that both queries give, each as often as it is in both. Otherwise as [`union`](Query::union).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let early = Album::query().filter(|al| al.year.le(1984)).select(|al| al.artist().name);
    /// let both = early.intersect_all(Album::query().filter(|al| al.year.ge(1984)).select(|al| al.artist().name));
    /// assert_eq!(both.order_by(|name| name.asc()).all(&db)?, ["Iron Maiden", "Saxon"]);
    /// # Ok::<(), Error>(())
    /// ```
    #[rustfmt::skip] // Bound and name on one line: rustc then shows one line.
    pub fn intersect_all<S2>(self, other: Query<S2, O>) -> Query<Out<Both<S, S2>, O>, O> where O: GroupKey {
        self.put_together(other, SetKind::IntersectAll)
    }

    /// The rows of this query that the other does not give, every row once. Otherwise as [`union`](Query::union).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let without = Artist::query().select(|a| a.id).except(Album::query().select(|al| al.artist));
    /// assert_eq!(without.all(&db)?, [Id::new(3)]);
    /// # Ok::<(), Error>(())
    /// ```
    #[rustfmt::skip] // Bound and name on one line: rustc then shows one line.
    pub fn except<S2>(self, other: Query<S2, O>) -> Query<Out<Both<S, S2>, O>, O> where O: GroupKey {
        self.put_together(other, SetKind::Except)
    }

    /// The rows of this query, each as often as it gives it more than the other does. Otherwise as [`union`](Query::union).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let albums = || Album::query().select(|al| al.artist().name);
    /// let other = albums().except_all(Artist::query().select(|a| a.name));
    /// assert_eq!(other.order_by(|name| name.asc()).all(&db)?, ["Iron Maiden", "Saxon"]); // who have two
    /// # Ok::<(), Error>(())
    /// ```
    #[rustfmt::skip] // Bound and name on one line: rustc then shows one line.
    pub fn except_all<S2>(self, other: Query<S2, O>) -> Query<Out<Both<S, S2>, O>, O> where O: GroupKey {
        self.put_together(other, SetKind::ExceptAll)
    }

    fn put_together<S2>(self, other: Query<S2, O>, kind: SetKind) -> Query<Out<Both<S, S2>, O>, O>
    where
        O: GroupKey,
    {
        self.yielding(Clause::set(other.draft, kind), decode_keys::<O>)
    }
}

impl<S, T: Value> Query<Aggregated<S>, T> {
    /// The aggregate as a value in another query, whatever that is over. It is calculated once.
    ///
    /// That the collections of this query are in the database's schema is found out when the other runs: otherwise it is
    /// [`Plan`](crate::ErrorKind::Plan).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let longest = Track::query().aggregate(|g| g.max(|t| t.seconds));
    /// let query = Track::query().filter(|t| longest.scalar().eq(t.seconds));
    /// assert_eq!(query.select(|t| t.name).all(&db)?, ["Crusader"]);
    ///
    /// // The artists with the most albums: groups, and an aggregate over the same groups.
    /// let counted = Album::query().group_by(|al| al.artist().name);
    /// let most = counted.clone().aggregate(|all| all.max(|g| g.count()));
    /// let query = counted.having(|g| most.scalar().eq(g.count())).order_by(|g| g.key());
    /// assert_eq!(query.all(&db)?, ["Iron Maiden", "Saxon"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn scalar<In>(&self) -> Expr<In, T> {
        Expr::new(Node::scalar(self.draft.clone()))
    }
}
