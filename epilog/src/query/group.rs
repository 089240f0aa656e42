//! `group_by`, `having`, `aggregate`: rows that are groups of records.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use super::operator::{Expression, Numeric, Text};
use super::selection::{RowReader, decode_rows, for_tuples};
use super::{Condition, HeldBy, Predicate, Query, Scope};
use crate::Error;
use crate::collection::{Expr, Field};
use crate::engine::OutputBatch;
use crate::expr::{
    AggregateFunction, AggregateItem, Clause, Expression as Node, FieldPath, Postfix, RowPath, SelectItem,
};
#[cfg(not(feature = "small"))]
use crate::value::Element;
use crate::value::Value;

/// The scope of groups of the records of scope `S` whose keys are of type `K`: a value, or a tuple of values.
pub struct GroupOf<S, K> {
    of: PhantomData<fn() -> (S, K)>,
}

/// A group, as the clauses after [`group_by`](Query::group_by) and the closure of [`aggregate`](Query::aggregate) are
/// given it: its key, and the aggregates over its records. All but [`count`](Groups::count) skip `None`.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let per_album: Vec<(String, u64, i64)> = Track::query()
///     .group_by(|t| t.album().title)
///     .having(|g| g.count().gt(1))
///     .select(|g| (g.key(), g.count(), g.sum(|t| t.seconds)))
///     .all(&db)?;
/// assert_eq!(per_album, [("Powerslave".into(), 2, 516)]);
/// # Ok::<(), Error>(())
/// ```
pub struct Groups<S, K, F = All, In = GroupOf<S, K>> {
    counted: F,
    of: PhantomData<fn() -> (S, K)>,
    seen: PhantomData<fn() -> In>,
}

/// Of a group all records count.
#[derive(Clone, Copy, Debug)]
pub struct All;

/// Of a group those records count that a predicate is true of: see [`Groups::filter`].
#[derive(Clone, Debug)]
pub struct Filtered(pub(super) Node);

/// Which records of a group count.
pub trait Counted {
    /// The predicate that they are those of.
    #[doc(hidden)]
    fn filter(&self) -> Option<Node>;
}

impl Counted for All {
    fn filter(&self) -> Option<Node> {
        None
    }
}

impl Counted for Filtered {
    fn filter(&self) -> Option<Node> {
        Some(self.0.clone())
    }
}

/// What `aggregate` takes: an aggregate, an expression of aggregates, or a tuple of up to ten.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate over `{S}`",
    label = "expected aggregates, such as `g.count()` or `g.sum(|t| ..)`",
    note = "a field has one value for each record: aggregate it with `g.min(|t| ..)`, `g.sum(|t| ..)`, .."
)]
pub trait Aggregation<S> {
    /// What comes out.
    type Value;

    /// Appends the columns that are needed.
    fn describe(self, columns: &mut Vec<SelectItem>);

    /// Reads the columns that [`describe`](Aggregation::describe) named, in the same order.
    ///
    /// # Errors
    ///
    /// When the values are not of the types expected.
    fn read(row: &mut RowReader<'_>) -> Result<Self::Value, Error>;
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> Aggregation<S> for Expr<GroupOf<S, ()>, T> {
    type Value = T;

    fn describe(self, columns: &mut Vec<SelectItem>) {
        columns.push(SelectItem::Value(self.erase().whole()));
    }

    #[inline]
    fn read(row: &mut RowReader<'_>) -> Result<T, Error> {
        row.value()
    }
}

/// What `group_by` takes: a field or expression of scope `S`, or a tuple of up to ten.
#[diagnostic::on_unimplemented(
    message = "records of a query over `{S}` cannot be grouped by `{Self}`",
    label = "expected fields or expressions of this query",
    note = "several are a tuple of at most ten: `.group_by(|t| (t.year, t.month))`"
)]
pub trait GroupBy<S> {
    /// What a group's key is.
    type Key: GroupKey;

    /// Appends the expressions.
    fn describe(self, keys: &mut Vec<Postfix>);
}

/// What a group's key can be, and rows that are told from each other by their values: a value, or a tuple of values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value, nor a tuple of values",
    label = "rows are told from each other by values",
    note = "name them first: `.select(|t| (t.name, t.year))`"
)]
pub trait GroupKey {
    /// The key as expressions of scope `In`.
    type Exprs<In>;
    /// The key as fields of scope `In`.
    type Fields<In>: Copy;

    /// The expressions of the keys from number `at` on, which goes along.
    #[doc(hidden)]
    fn exprs<In>(at: &mut u16) -> Self::Exprs<In>;

    /// The fields of the keys from number `at` on, which goes along.
    #[doc(hidden)]
    fn fields<In>(at: &mut u16) -> Self::Fields<In>;

    /// Reads the key of a row.
    ///
    /// # Errors
    ///
    /// When stored bytes are not values of the types expected.
    #[doc(hidden)]
    fn read(row: &mut RowReader<'_>) -> Result<Self, Error>
    where
        Self: Sized;
}

/// The scope of a query whose records were aggregated: there is one row, and no record to speak of.
pub struct Aggregated<S> {
    of: PhantomData<fn() -> S>,
}

#[diagnostic::do_not_recommend]
impl<D, S: HeldBy<D>> HeldBy<D> for Aggregated<S> {}

#[diagnostic::do_not_recommend]
impl<D, S: HeldBy<D>, K> HeldBy<D> for GroupOf<S, K> {}

#[diagnostic::do_not_recommend]
impl<S: Scope, K> Scope for GroupOf<S, K> {
    type Rows = Groups<S, K>;
    type Seen<In> = Groups<S, K, All, In>;

    fn rows() -> Self::Rows {
        Self::seen()
    }

    fn seen<In>() -> Self::Seen<In> {
        Groups { counted: All, of: PhantomData, seen: PhantomData }
    }
}

impl<S: Scope, O> Query<S, O> {
    /// Makes a group of the records that have the same value of what the closure names, a field, an expression, or a tuple
    /// of up to ten; `None` is a value. What follows speaks of groups: a [`having`](Query::having) or `filter` drops groups,
    /// an order is one of groups. What comes out, unless a `select` says otherwise, is the key.
    ///
    /// Groups come in any order unless one is asked for. Records are those that the clauses before have left, so that groups
    /// after a [`limit`](Query::limit) are of the limited ones. Groups can be grouped again.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let years: Vec<Option<i32>> = Album::query().group_by(|al| al.year).order_by(|g| g.key()).all(&db)?;
    /// assert_eq!(years, [None, Some(1981), Some(1984)]);
    ///
    /// // How many albums artists have, and how many artists have so many.
    /// let spread: Vec<(u64, u64)> = Album::query()
    ///     .group_by(|al| al.artist)
    ///     .group_by(|g| g.count())
    ///     .select(|g| (g.key(), g.count()))
    ///     .all(&db)?;
    /// assert_eq!(spread, [(2, 2)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn group_by<X: GroupBy<S>>(
        self,
        key: impl FnOnce(S::Rows) -> X,
    ) -> Query<GroupOf<S, X::Key>, X::Key> {
        let key = ManuallyDrop::new(key);
        let rows = S::rows();
        let key = ManuallyDrop::into_inner(key)(rows);
        self.grouped(key)
    }

    fn grouped<X: GroupBy<S>>(self, key: X) -> Query<GroupOf<S, X::Key>, X::Key> {
        let mut keys = Vec::new();
        key.describe(&mut keys);
        self.yielding(Clause::Grouping(keys), decode_keys::<X::Key>)
    }

    /// Yields one row about all records: an aggregate, an expression of aggregates, or a tuple of up to ten. There is a row
    /// even if there is no record.
    ///
    /// Records are those that the clauses before have left, so that an aggregate after a [`limit`](Query::limit) is
    /// over the limited ones. No clause that speaks of records can follow.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Track::query().filter(|t| t.composer.eq("Harris")).aggregate(|g| (g.count(), g.min(|t| t.name)));
    /// assert_eq!(query.one(&db)?, (2, Some("Aces High".into())));
    ///
    /// let nothing = Track::query().filter(|_| false).aggregate(|g| (g.count(), g.sum(|t| t.seconds), g.avg(|t| t.seconds)));
    /// assert_eq!(nothing.one(&db)?, (0, 0, None));
    ///
    /// let spread = Track::query().aggregate(|g| g.max(|t| t.seconds) - g.min(|t| t.seconds));
    /// assert_eq!(spread.one(&db)?, Some(221));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn aggregate<X: Aggregation<S>>(
        self,
        aggregates: impl FnOnce(Groups<S, ()>) -> X,
    ) -> Query<Aggregated<S>, X::Value> {
        let groups = GroupOf::rows();
        let aggregates = aggregates(groups);
        self.aggregated(aggregates)
    }

    fn aggregated<X: Aggregation<S>>(self, aggregates: X) -> Query<Aggregated<S>, X::Value> {
        let mut items = Vec::new();
        aggregates.describe(&mut items);
        self.and(Clause::Grouping(Vec::new())).yielding(Clause::Select(items), decode_aggregates::<S, X>)
    }
}

impl<S: Scope, K, O> Query<GroupOf<S, K>, O> {
    /// Keeps the groups that the predicate is true of: [`filter`](Query::filter), by the name it has after a
    /// [`group_by`](Query::group_by).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Album::query().group_by(|al| al.year).having(|g| g.key().is_some() & g.count().gt(1));
    /// assert_eq!(query.all(&db)?, [Some(1984)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn having(self, predicate: impl Condition<GroupOf<S, K>>) -> Self {
        self.filter(predicate)
    }
}

fn decode_aggregates<S, X: Aggregation<S>>(
    batch: &OutputBatch<'_>,
    out: &mut Vec<X::Value>,
) -> Result<(), Error> {
    decode_rows(batch, out, X::read)
}

pub(super) fn decode_keys<K: GroupKey>(batch: &OutputBatch<'_>, out: &mut Vec<K>) -> Result<(), Error> {
    decode_rows(batch, out, K::read)
}

impl<S, K: GroupKey, In> Groups<S, K, All, In> {
    /// What the records of the group have in common: an expression, or a tuple of them.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Track::query().group_by(|t| (t.album().artist().name, t.composer.is_some()));
    /// let counted = query.select(|g| {
    ///     let (artist, is_known) = g.key();
    ///     (artist.upper(), is_known, g.count())
    /// });
    /// assert_eq!(counted.all(&db)?, [("IRON MAIDEN".into(), true, 3), ("SAXON".into(), false, 1)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn key(&self) -> K::Exprs<In> {
        K::exprs(&mut 0)
    }
}

impl<S: Scope, K, In> Groups<S, K, All, In> {
    /// The same group, of which only those records count that the predicate is true of.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let long = Track::query().aggregate(|g| (g.filter(|t| t.seconds.gt(250)).count(), g.count()));
    /// assert_eq!(long.one(&db)?, (2, 4));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn filter(&self, predicate: impl Condition<S>) -> Groups<S, K, Filtered, In> {
        Groups {
            counted: Filtered(predicate(S::rows()).into_expression()),
            of: PhantomData,
            seen: PhantomData,
        }
    }
}

impl<S: Scope, K, F: Counted, In> Groups<S, K, F, In> {
    fn ask<T>(&self, function: AggregateFunction, argument: Option<Node>) -> Expr<In, T> {
        let (argument, filter) = (argument.map(Node::whole), self.counted.filter().map(Node::whole));
        Expr::new(Node::aggregate(AggregateItem { function, argument, filter }))
    }

    /// How many records there are. Of a whole collection that is known without reading one.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// assert_eq!(Track::query().aggregate(|g| g.count()).one(&db)?, 4);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn count(&self) -> Expr<In, u64> {
        self.ask(AggregateFunction::Count, None)
    }

    /// How many different values there are.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let years = Album::query().aggregate(|g| g.count_distinct(|al| al.year));
    /// assert_eq!(years.one(&db)?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn count_distinct<X: Expression<S>>(&self, of: impl FnOnce(S::Rows) -> X) -> Expr<In, u64> {
        self.ask(AggregateFunction::CountDistinct, Some(of(S::rows()).into_expression()))
    }

    /// The sum of a number over all records that have it; zero when none has.
    ///
    /// Signed integers to 64 bits sum to `i64`, unsigned ones to `u64`, floats to `f64`, the others to their own
    /// type. A sum that does not fit its type is an error ([`Arithmetic`](crate::ErrorKind::Arithmetic)); one
    /// that only overflows on the way is not, up to 64 bits.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let minutes: i64 = Track::query().aggregate(|g| g.sum(|t| t.seconds / 60)).one(&db)?;
    /// assert_eq!(minutes, 2 + 4 + 4 + 6);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn sum<X: Expression<S, Value: Numeric>>(
        &self,
        of: impl FnOnce(S::Rows) -> X,
    ) -> Expr<In, <X::Value as Numeric>::Sum> {
        self.ask(AggregateFunction::Sum, Some(of(S::rows()).into_expression()))
    }

    /// The mean of a number over all records that have it; `None` when none has. An `f64`, or a decimal for
    /// decimals.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let year: Option<f64> = Album::query().aggregate(|g| g.avg(|al| al.year)).one(&db)?;
    /// assert_eq!(year, Some(1983.0)); // of three
    /// # Ok::<(), Error>(())
    /// ```
    pub fn avg<X: Expression<S, Value: Numeric>>(
        &self,
        of: impl FnOnce(S::Rows) -> X,
    ) -> Expr<In, <X::Value as Numeric>::Average> {
        self.ask(AggregateFunction::Avg, Some(of(S::rows()).into_expression()))
    }

    /// The smallest value over all records that have one; `None` when none has.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let first: Option<i32> = Album::query().aggregate(|g| g.min(|al| al.year)).one(&db)?;
    /// assert_eq!(first, Some(1981));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn min<X: Expression<S>>(
        &self,
        of: impl FnOnce(S::Rows) -> X,
    ) -> Expr<In, <X::Value as Value>::Optional> {
        self.ask(AggregateFunction::Min, Some(of(S::rows()).into_expression()))
    }

    /// The largest value over all records that have one; `None` when none has.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let last: Option<String> = Track::query().aggregate(|g| g.max(|t| t.name)).one(&db)?;
    /// assert_eq!(last.as_deref(), Some("Wrathchild"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn max<X: Expression<S>>(
        &self,
        of: impl FnOnce(S::Rows) -> X,
    ) -> Expr<In, <X::Value as Value>::Optional> {
        self.ask(AggregateFunction::Max, Some(of(S::rows()).into_expression()))
    }

    /// The number in the middle of all that records have, as an `f64`; the mean of the two there when they are
    /// even in number; `None` when there is none. Keeps all of them in memory. Not for decimals.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let typical = Track::query().aggregate(|g| g.median(|t| t.seconds));
    /// assert_eq!(typical.one(&db)?, Some((245.0 + 271.0) / 2.0));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn median<X: Expression<S, Value: Numeric<Average = Option<f64>>>>(
        &self,
        of: impl FnOnce(S::Rows) -> X,
    ) -> Expr<In, Option<f64>> {
        self.ask(AggregateFunction::Median, Some(of(S::rows()).into_expression()))
    }

    /// The variance of a number, that of a sample: what it differs from its mean, squared, summed, and divided by
    /// one less than how many there are. `None` for fewer than two. Not for decimals.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let years = Album::query().aggregate(|g| g.variance(|al| al.year));
    /// assert_eq!(years.one(&db)?, Some(3.0)); // 1981, 1984, 1984
    /// # Ok::<(), Error>(())
    /// ```
    pub fn variance<X: Expression<S, Value: Numeric<Average = Option<f64>>>>(
        &self,
        of: impl FnOnce(S::Rows) -> X,
    ) -> Expr<In, Option<f64>> {
        self.ask(AggregateFunction::Variance, Some(of(S::rows()).into_expression()))
    }

    /// The standard deviation of a number: the square root of its [`variance`](Self::variance).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let years = Album::query().aggregate(|g| g.stddev(|al| al.year));
    /// assert!((years.one(&db)?.expect("two and more") - 3f64.sqrt()).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn stddev<X: Expression<S, Value: Numeric<Average = Option<f64>>>>(
        &self,
        of: impl FnOnce(S::Rows) -> X,
    ) -> Expr<In, Option<f64>> {
        self.ask(AggregateFunction::StdDev, Some(of(S::rows()).into_expression()))
    }

    /// The texts of all records, one after the other with `separator` between them, in the order in which the
    /// clauses before left the records; `None` when there is none.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let names = Artist::query().order_by(|a| a.name.desc()).aggregate(|g| g.string_agg(|a| a.name, ", "));
    /// assert_eq!(names.one(&db)?.as_deref(), Some("Zappa, Saxon, Iron Maiden"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn string_agg<X: Expression<S, Value: Text>>(
        &self,
        of: impl FnOnce(S::Rows) -> X,
        separator: &str,
    ) -> Expr<In, Option<String>> {
        let function = AggregateFunction::StringAgg { separator: String::from(separator) };
        self.ask(function, Some(of(S::rows()).into_expression()))
    }
}

#[cfg(not(feature = "small"))]
impl<S: Scope, K, F: Counted, In> Groups<S, K, F, In> {
    /// The values of all records as a list, in the order in which the clauses before left the records; empty when there is
    /// none.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let names = Artist::query().order_by(|a| a.name.desc()).aggregate(|g| g.array_agg(|a| a.name));
    /// assert_eq!(names.one(&db)?, ["Zappa", "Saxon", "Iron Maiden"]);
    ///
    /// let years = Album::query().group_by(|al| al.artist().name).select(|g| (g.key(), g.array_agg(|al| al.year)));
    /// let years: Vec<(String, Vec<i32>)> = years.order_by(|g| g.key()).all(&db)?;
    /// assert_eq!(years[0], ("Iron Maiden".into(), vec![1981, 1984]));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn array_agg<X: Expression<S, Value: Value<Required: Element>>>(
        &self,
        of: impl FnOnce(S::Rows) -> X,
    ) -> Expr<In, Vec<<X::Value as Value>::Required>> {
        self.ask(AggregateFunction::ArrayAgg, Some(of(S::rows()).into_expression()))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Value> GroupKey for T {
    type Exprs<In> = Expr<In, T>;

    fn exprs<In>(at: &mut u16) -> Expr<In, T> {
        *at += 1;
        Expr::new(Node::key(*at - 1))
    }

    type Fields<In> = Field<In, T>;

    fn fields<In>(at: &mut u16) -> Field<In, T> {
        *at += 1;
        Field::new(FieldPath { row: RowPath::KEYS, ordinal: *at - 1 })
    }

    #[inline]
    fn read(row: &mut RowReader<'_>) -> Result<T, Error> {
        row.value()
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> GroupBy<S> for Field<S, T> {
    type Key = T;

    fn describe(self, keys: &mut Vec<Postfix>) {
        keys.push(self.erase().whole());
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> GroupBy<S> for Expr<S, T> {
    type Key = T;

    fn describe(self, keys: &mut Vec<Postfix>) {
        keys.push(self.erase().whole());
    }
}

macro_rules! keys_of_tuple {
    ($($part:ident $at:tt),*) => {
        #[diagnostic::do_not_recommend]
        impl<$($part: GroupKey),*> GroupKey for ($($part,)*) {
            type Exprs<In> = ($($part::Exprs<In>,)*);

            fn exprs<In>(at: &mut u16) -> Self::Exprs<In> {
                ($($part::exprs::<In>(at),)*)
            }

            type Fields<In> = ($($part::Fields<In>,)*);

            fn fields<In>(at: &mut u16) -> Self::Fields<In> {
                ($($part::fields::<In>(at),)*)
            }

            #[inline]
            fn read(row: &mut RowReader<'_>) -> Result<Self, Error> {
                Ok(($($part::read(row)?,)*))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<S, $($part: GroupBy<S>),*> GroupBy<S> for ($($part,)*) {
            type Key = ($($part::Key,)*);

            fn describe(self, keys: &mut Vec<Postfix>) {
                $(self.$at.describe(keys);)*
            }
        }
    };
}

for_tuples!(keys_of_tuple);

macro_rules! aggregation_of_tuple {
    ($($part:ident $at:tt),*) => {
        #[diagnostic::do_not_recommend]
        impl<S, $($part: Aggregation<S>),*> Aggregation<S> for ($($part,)*) {
            type Value = ($($part::Value,)*);

            fn describe(self, columns: &mut Vec<SelectItem>) {
                $(self.$at.describe(columns);)*
            }

            #[inline]
            fn read(row: &mut RowReader<'_>) -> Result<Self::Value, Error> {
                Ok(($($part::read(row)?,)*))
            }
        }
    };
}

for_tuples!(aggregation_of_tuple);

impl<S, K, F: Clone, In> Clone for Groups<S, K, F, In> {
    fn clone(&self) -> Self {
        Groups { counted: self.counted.clone(), of: PhantomData, seen: PhantomData }
    }
}

impl<S, K, F: Copy, In> Copy for Groups<S, K, F, In> {}

impl<S, K, F: fmt::Debug, In> fmt::Debug for Groups<S, K, F, In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Groups").field(&self.counted).finish()
    }
}
