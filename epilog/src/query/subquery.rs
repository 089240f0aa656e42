//! [`Subquery`]: the records of any collection, seen from a row; [`Aggregates`] over the records that belong to a row.

use alloc::string::String;
#[cfg(not(feature = "small"))]
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::operator::{Expression, Numeric, Text, methods};
use super::{Condition, GroupOf, Groups, Inner, Predicate, Query, Scope};
use crate::collection::{Collection, Expr, Many};
use crate::expr::op::Link;
use crate::expr::{
    self, AggregateFunction, AggregateItem, BinaryOp, Expression as Node, Quantifier, UnaryOp,
};
use crate::parts::{InWhole, Whole};
use crate::schema::CollectionSchema;
#[cfg(not(feature = "small"))]
use crate::value::Element;
use crate::value::Value;

/// The records of a collection, seen from a row of scope `S`. Closures are given the rows of scope `In`: those of `S` and
/// then the record.
///
/// Made by [`from`](super::Correlate::from). [`filter`](Subquery::filter) says which of the records belong to the row, and
/// may compare them with it; what is asked of those is an expression of the query around it:
/// [`exists`](Subquery::exists), [`count`](Subquery::count), an [aggregate](Aggregates), or a value that
/// [`in_query`](Expr::in_query) looks for.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// // The longest track of each album: a correlated subquery.
/// let longest: Vec<String> = Track::query()
///     .filter(|t| {
///         let of_album = t.from::<Track>().filter(|(t, other)| other.album.eq(t.album));
///         of_album.max(|(_, other)| other.seconds).eq(t.seconds)
///     })
///     .select(|t| t.name)
///     .all(&db)?;
/// assert_eq!(longest, ["Wrathchild", "Aces High", "Crusader"]);
///
/// // The longest of all: what does not look at the row is calculated once.
/// let longest = Track::query().filter(|t| t.from::<Track>().max(|(_, other)| other.seconds).eq(t.seconds));
/// assert_eq!(longest.select(|t| t.name).all(&db)?, ["Crusader"]);
/// # Ok::<(), Error>(())
/// ```
#[must_use = "say what is asked of the records: `exists`, `count`, `sum`, .."]
pub struct Subquery<S, In> {
    collection: fn() -> &'static CollectionSchema,
    position: u8,
    predicate: Option<Node>,
    of: PhantomData<fn() -> (S, In)>,
}

/// A value of each record of a [`Subquery`], made by [`select`](Subquery::select): what
/// [`in_query`](Expr::in_query) looks for another value in.
#[must_use = "look for a value in it: `value.in_query(..)`"]
pub struct Candidates<S, T> {
    collection: fn() -> &'static CollectionSchema,
    position: u8,
    predicate: Option<Node>,
    value: Node,
    of: PhantomData<fn() -> (S, T)>,
}

impl<S, In> Subquery<S, In> {
    /// All records of a collection, which come after so many sources of the rows around them.
    pub(super) fn over<C: Collection>(position: u8) -> Subquery<S, In> {
        Subquery { collection: C::schema, position, predicate: None, of: PhantomData }
    }

    fn ask<T>(self, quantifier: Quantifier) -> Expr<S, T> {
        Expr::new(Node::subquery(expr::Subquery {
            collection: self.collection,
            link: Link::Correlated { position: self.position },
            quantifier,
            predicate: self.predicate.map(Node::whole),
            equal: None,
        }))
    }

    /// Whether there is such a record.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().filter(|a| a.from::<Album>().filter(|(a, al)| al.artist.eq(a.id)).exists());
    /// assert_eq!(query.count(&db)?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn exists(self) -> Expr<S, bool> {
        self.ask(Quantifier::Any)
    }

    /// Whether there is no such record.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().filter(|a| a.from::<Album>().filter(|(a, al)| al.artist.eq(a.id)).is_empty());
    /// assert_eq!(query.select(|a| a.name).all(&db)?, ["Zappa"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn is_empty(self) -> Expr<S, bool> {
        Expr::new(self.exists().erase().unary(UnaryOp::Not))
    }

    /// How many such records there are; 0 when there are none.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let longer = Track::query().select(|t| t.from::<Track>().filter(|(t, other)| other.seconds.gt(t.seconds)).count());
    /// assert_eq!(longer.all(&db)?, [3, 1, 2, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn count(self) -> Expr<S, u64> {
        self.ask(Quantifier::Count)
    }
}

impl<S, In: Scope> Subquery<S, In> {
    /// Only those of the records that the predicate is true of. Filters add up.
    ///
    /// An equality between a field of the record and something of the row is looked up through an index or a hash table;
    /// without one, every pair is looked at.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let rivals = Album::query().select(|al| {
    ///     let others = al.from::<Album>().filter(|(al, other)| other.year.eq(al.year));
    ///     others.filter(|(al, other)| other.artist.ne(al.artist)).count()
    /// });
    /// assert_eq!(rivals.all(&db)?, [0, 1, 1, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn filter(mut self, predicate: impl Condition<In>) -> Self {
        let predicate = predicate(In::rows()).into_expression();
        self.predicate = Some(match self.predicate.take() {
            Some(known) => known.binary(BinaryOp::And, predicate),
            None => predicate,
        });
        self
    }

    /// A value of each record, to look for another one in: see [`in_query`](Expr::in_query).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Album::query().filter(|al| al.title.in_query(al.from::<Track>().select(|(_, t)| t.name)));
    /// assert_eq!(query.select(|al| al.title).all(&db)?, ["Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn select<X: Expression<In>>(self, of: impl FnOnce(In::Rows) -> X) -> Candidates<S, X::Value> {
        let Subquery { collection, position, predicate, .. } = self;
        let value = of(In::rows()).into_expression();
        Candidates { collection, position, predicate, value, of: PhantomData }
    }
}

impl<S: Scope, K> Groups<S, K> {
    /// The records of collection `C`, to ask something of them beside the group. The closures speak of the records only.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // Albums with more than a third of all music.
    /// let query = Track::query()
    ///     .group_by(|t| t.album().title)
    ///     .having(|g| (g.sum(|t| t.seconds) * 3).gt(g.from::<Track>().sum(|t| t.seconds)));
    /// assert_eq!(query.order_by(|g| g.key()).all(&db)?, ["Crusader", "Powerslave"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from<C: Collection>(&self) -> Subquery<GroupOf<S, K>, Inner<GroupOf<S, K>, C>> {
        Subquery::over::<C>(0)
    }
}

methods! {
    [T]

    /// Whether this equals the selected value of one of the records of a [`Subquery`]; false when there are none. `None`
    /// equals `None`, so that `!` of it is true exactly when no record has the value.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let of_1984 = |a: ArtistFields<Artist>| {
    ///     let albums = a.from::<Album>().filter(|(_, al)| al.year.eq(1984));
    ///     a.id.in_query(albums.select(|(_, al)| al.artist))
    /// };
    /// assert_eq!(Artist::query().filter(of_1984).select(|a| a.name).all(&db)?, ["Iron Maiden", "Saxon"]);
    /// assert_eq!(Artist::query().filter(|a| !of_1984(a)).select(|a| a.name).all(&db)?, ["Zappa"]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// Another query, of one value, can be searched as well; it does not look at the row. Queries nest so up to sixteen deep;
    /// a deeper one is refused when it is planned, and one that a loop has made thousands deep exhausts the stack when it is
    /// dropped.
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let productive = Album::query().group_by(|al| al.artist).having(|g| g.count().ge(2));
    /// let query = Album::query().filter(|al| al.artist.in_query(productive) & al.year.is_none());
    /// assert_eq!(query.select(|al| al.title).all(&db)?, ["Demos"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn in_query<V: Value<Required = T::Required>>(
        self,
        candidates: impl Searched<S, Value = V>,
    ) -> Expr<S, bool> {
        Expr::new(candidates.search(self.erase()))
    }
}

/// What [`in_query`](Expr::in_query) can look for a value in: [`Candidates`], or another query of one value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a value can be looked for in from a query over `{S}`",
    label = "expected a query of one value",
    note = "select one: `row.from::<C>().select(|(_, c)| c.id)`, or `C::query().select(|c| c.id)`; a list of values is for `in_`"
)]
pub trait Searched<S> {
    /// The type of its values.
    type Value;

    /// Whether a value is one of them.
    #[doc(hidden)]
    fn search(self, value: Node) -> Node;
}

#[diagnostic::do_not_recommend]
impl<S, T> Searched<S> for Candidates<S, T> {
    type Value = T;

    fn search(self, of_row: Node) -> Node {
        let Candidates { collection, position, predicate, value, .. } = self;
        let Some(whole) = Whole::build() else { return Node::left_out("in_query") };
        Node::subquery(expr::Subquery {
            collection,
            link: Link::Correlated { position },
            quantifier: Quantifier::Any,
            predicate: predicate.map(Node::whole),
            equal: Some(InWhole::new((value.whole(), of_row.whole()), whole)),
        })
    }
}

#[diagnostic::do_not_recommend]
impl<S, S2, T: Value> Searched<S> for Query<S2, T> {
    type Value = T;

    fn search(self, of_row: Node) -> Node {
        of_row.is_in_query(self.draft)
    }
}

/// Aggregates over the records that belong to a row: those of a relation's other side ([`Many`]), or of a [`Subquery`]. In
/// the prelude. All skip `None`; they are those of groups, and have the same results ([`Groups`]).
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let lengths: Vec<(String, i64, Option<i64>)> = Album::query()
///     .select(|al| (al.title, al.tracks().sum(|t| t.seconds), al.tracks().max(|t| t.seconds)))
///     .all(&db)?;
/// assert_eq!(lengths[1], ("Powerslave".into(), 516, Some(271)));
/// assert_eq!(lengths[3], ("Demos".into(), 0, None)); // it has no tracks
/// # Ok::<(), Error>(())
/// ```
pub trait Aggregates: Sized {
    /// The scope of the row.
    type Outer;
    /// The scope of what is aggregated.
    type Inner: Scope;

    /// A question about the records.
    #[doc(hidden)]
    fn ask_of(self, quantifier: Quantifier) -> Node;

    /// The aggregate of a value of the records.
    #[doc(hidden)]
    fn aggregate<X: Expression<Self::Inner>, T>(
        self,
        function: AggregateFunction,
        of: impl FnOnce(<Self::Inner as Scope>::Rows) -> X,
    ) -> Expr<Self::Outer, T> {
        let argument = Some(of(<Self::Inner as Scope>::rows()).into_expression().whole());
        let item = AggregateItem { function, argument, filter: None };
        Expr::new(match Quantifier::aggregate(item) {
            Some(quantifier) => self.ask_of(quantifier),
            None => Node::left_out("an aggregate of a subquery"),
        })
    }

    /// The sum of a number over the records: [`Groups::sum`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Album::query().filter(|al| al.tracks().sum(|t| t.seconds).gt(400));
    /// assert_eq!(query.select(|al| al.title).all(&db)?, ["Powerslave"]);
    /// # Ok::<(), Error>(())
    /// ```
    fn sum<X: Expression<Self::Inner, Value: Numeric>>(
        self,
        of: impl FnOnce(<Self::Inner as Scope>::Rows) -> X,
    ) -> Expr<Self::Outer, <X::Value as Numeric>::Sum> {
        self.aggregate(AggregateFunction::Sum, of)
    }

    /// The mean of a number over the records: [`Groups::avg`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let means = Album::query().select(|al| al.tracks().avg(|t| t.seconds));
    /// assert_eq!(means.all(&db)?, [Some(174.0), Some(258.0), Some(395.0), None]);
    /// # Ok::<(), Error>(())
    /// ```
    fn avg<X: Expression<Self::Inner, Value: Numeric>>(
        self,
        of: impl FnOnce(<Self::Inner as Scope>::Rows) -> X,
    ) -> Expr<Self::Outer, <X::Value as Numeric>::Average> {
        self.aggregate(AggregateFunction::Avg, of)
    }

    /// The smallest value over the records: [`Groups::min`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let first = Artist::query().select(|a| (a.name, a.albums().min(|al| al.year))).first(&db)?;
    /// assert_eq!(first, Some(("Iron Maiden".to_string(), Some(1981))));
    /// # Ok::<(), Error>(())
    /// ```
    fn min<X: Expression<Self::Inner>>(
        self,
        of: impl FnOnce(<Self::Inner as Scope>::Rows) -> X,
    ) -> Expr<Self::Outer, <X::Value as Value>::Optional> {
        self.aggregate(AggregateFunction::Min, of)
    }

    /// The largest value over the records: [`Groups::max`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let latest = Artist::query().order_by(|a| a.albums().max(|al| al.year).desc()).select(|a| a.name);
    /// assert_eq!(latest.all(&db)?.last().map(String::as_str), Some("Zappa")); // who has none
    /// # Ok::<(), Error>(())
    /// ```
    fn max<X: Expression<Self::Inner>>(
        self,
        of: impl FnOnce(<Self::Inner as Scope>::Rows) -> X,
    ) -> Expr<Self::Outer, <X::Value as Value>::Optional> {
        self.aggregate(AggregateFunction::Max, of)
    }

    /// How many different values the records have: [`Groups::count_distinct`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let composers = Album::query().select(|al| al.tracks().count_distinct(|t| t.composer));
    /// assert_eq!(composers.all(&db)?, [1, 2, 0, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    fn count_distinct<X: Expression<Self::Inner>>(
        self,
        of: impl FnOnce(<Self::Inner as Scope>::Rows) -> X,
    ) -> Expr<Self::Outer, u64> {
        self.aggregate(AggregateFunction::CountDistinct, of)
    }

    /// The number in the middle of all that the records have: [`Groups::median`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let medians = Album::query().select(|al| al.tracks().median(|t| t.seconds));
    /// assert_eq!(medians.all(&db)?, [Some(174.0), Some(258.0), Some(395.0), None]);
    /// # Ok::<(), Error>(())
    /// ```
    fn median<X: Expression<Self::Inner, Value: Numeric<Average = Option<f64>>>>(
        self,
        of: impl FnOnce(<Self::Inner as Scope>::Rows) -> X,
    ) -> Expr<Self::Outer, Option<f64>> {
        self.aggregate(AggregateFunction::Median, of)
    }

    /// The variance of a number over the records: [`Groups::variance`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let spread = Album::query().select(|al| al.tracks().variance(|t| t.seconds));
    /// assert_eq!(spread.all(&db)?, [None, Some(338.0), None, None]);
    /// # Ok::<(), Error>(())
    /// ```
    fn variance<X: Expression<Self::Inner, Value: Numeric<Average = Option<f64>>>>(
        self,
        of: impl FnOnce(<Self::Inner as Scope>::Rows) -> X,
    ) -> Expr<Self::Outer, Option<f64>> {
        self.aggregate(AggregateFunction::Variance, of)
    }

    /// The standard deviation of a number over the records: [`Groups::stddev`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let spread = Album::query().select(|al| al.tracks().stddev(|t| t.seconds));
    /// assert_eq!(spread.all(&db)?[1].map(f64::round), Some(18.0));
    /// # Ok::<(), Error>(())
    /// ```
    fn stddev<X: Expression<Self::Inner, Value: Numeric<Average = Option<f64>>>>(
        self,
        of: impl FnOnce(<Self::Inner as Scope>::Rows) -> X,
    ) -> Expr<Self::Outer, Option<f64>> {
        self.aggregate(AggregateFunction::StdDev, of)
    }

    /// The texts of the records, one after the other with `separator` between them, in no certain order; `None` when there
    /// is none.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let names = Album::query().filter(|al| al.id.eq(Id::new(1))).select(|al| al.tracks().string_agg(|t| t.name, ", "));
    /// assert_eq!(names.one(&db)?.as_deref(), Some("Wrathchild"));
    /// # Ok::<(), Error>(())
    /// ```
    fn string_agg<X: Expression<Self::Inner, Value: Text>>(
        self,
        of: impl FnOnce(<Self::Inner as Scope>::Rows) -> X,
        separator: &str,
    ) -> Expr<Self::Outer, Option<String>> {
        self.aggregate(AggregateFunction::StringAgg { separator: String::from(separator) }, of)
    }

    /// The values of the records as a list, in no certain order; empty when there is none.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let names = Album::query().select(|al| al.tracks().array_agg(|t| t.name).len()).all(&db)?;
    /// assert_eq!(names, [1, 2, 1, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(not(feature = "small"))]
    fn array_agg<X: Expression<Self::Inner, Value: Value<Required: Element>>>(
        self,
        of: impl FnOnce(<Self::Inner as Scope>::Rows) -> X,
    ) -> Expr<Self::Outer, Vec<<X::Value as Value>::Required>> {
        self.aggregate(AggregateFunction::ArrayAgg, of)
    }
}

impl<S, In: Scope> Aggregates for Subquery<S, In> {
    type Outer = S;
    type Inner = In;

    fn ask_of(self, quantifier: Quantifier) -> Node {
        self.ask::<bool>(quantifier).erase()
    }
}

impl<S, C: Collection> Aggregates for Many<S, C> {
    type Outer = S;
    type Inner = Inner<S, C>;

    fn ask_of(self, quantifier: Quantifier) -> Node {
        Node::subquery(self.into_subquery(C::schema, quantifier))
    }
}

impl<S, In> Clone for Subquery<S, In> {
    fn clone(&self) -> Self {
        Subquery { predicate: self.predicate.clone(), of: PhantomData, ..*self }
    }
}

impl<S, In> fmt::Debug for Subquery<S, In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subquery")
            .field("collection", &(self.collection)().name)
            .field("predicate", &self.predicate)
            .finish()
    }
}

impl<S, T> fmt::Debug for Candidates<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidates")
            .field("collection", &(self.collection)().name)
            .field("predicate", &self.predicate)
            .field("value", &self.value)
            .finish()
    }
}
