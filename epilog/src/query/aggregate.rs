//! `aggregate`: one row over all records.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::operator::{Expression, Numeric};
use super::selection::{RowReader, decode_rows, for_tuples};
use super::{Query, Scope, Sources};
use crate::Error;
use crate::engine::OutputBatch;
use crate::expr::{AggregateFunction, AggregateItem, Clause};
use crate::value::Value;

/// What the closure of [`aggregate`](Query::aggregate) is given: the aggregates over the records of scope `S`. All but
/// [`count`](Aggregates::count) skip `None`.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let (tracks, seconds, longest) = Track::query()
///     .aggregate(|g| (g.count(), g.sum(|t| t.seconds), g.max(|t| t.seconds)))
///     .one(&db)?;
/// assert_eq!((tracks, seconds, longest), (4, 1085, Some(395)));
/// # Ok::<(), Error>(())
/// ```
pub struct Aggregates<S> {
    scope: PhantomData<fn() -> S>,
}

/// One aggregate of type `T` over the records of scope `S`.
pub struct Aggregate<S, T> {
    item: AggregateItem,
    scope: PhantomData<fn() -> (S, T)>,
}

/// What `aggregate` takes: an aggregate, or a tuple of up to ten.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate over `{S}`",
    label = "expected aggregates, such as `g.count()` or `g.sum(|t| ..)`",
    note = "a field has one value for each record: aggregate it with `g.min(|t| ..)`, `g.sum(|t| ..)`, .."
)]
pub trait Aggregation<S> {
    /// What comes out.
    type Value;

    /// Appends the aggregates.
    fn describe(self, items: &mut Vec<AggregateItem>);

    /// Reads their values, in the same order.
    ///
    /// # Errors
    ///
    /// When the values are not of the types expected.
    fn read(row: &mut RowReader<'_>) -> Result<Self::Value, Error>;
}

/// The scope of a query whose records were aggregated: there is one row, and no record to speak of.
pub struct Aggregated<S> {
    of: PhantomData<fn() -> S>,
}

impl<S: Sources> Sources for Aggregated<S> {
    type Root = S::Root;
}

impl<S: Scope, O> Query<S, O> {
    /// Yields one row of aggregates over all records: one, or a tuple of up to ten. There is a row even if there is no
    /// record.
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
    /// # Ok::<(), Error>(())
    /// ```
    pub fn aggregate<X: Aggregation<S>>(
        self,
        aggregates: impl FnOnce(Aggregates<S>) -> X,
    ) -> Query<Aggregated<S>, X::Value> {
        let mut items = Vec::new();
        aggregates(Aggregates { scope: PhantomData }).describe(&mut items);
        self.yielding(Clause::Aggregate(items), decode_aggregates::<S, X>)
    }
}

fn decode_aggregates<S, X: Aggregation<S>>(
    batch: &OutputBatch<'_>,
    out: &mut Vec<X::Value>,
) -> Result<(), Error> {
    decode_rows(batch, out, X::read)
}

impl<S: Scope> Aggregates<S> {
    /// How many records there are. Of a whole collection that is known without reading one.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// assert_eq!(Track::query().aggregate(|g| g.count()).one(&db)?, 4);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn count(&self) -> Aggregate<S, u64> {
        Aggregate::new(AggregateFunction::Count, None)
    }

    /// The sum of a number over all records that have it; zero when none has.
    ///
    /// Signed integers to 64 bits sum to `i64`, unsigned ones to `u64`, floats to `f64`, the others to their own type.
    /// A sum that does not fit its type is an error ([`Arithmetic`](crate::ErrorKind::Arithmetic)); one that only
    /// overflows on the way is not, up to 64 bits.
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
    ) -> Aggregate<S, <X::Value as Numeric>::Sum> {
        Aggregate::new(AggregateFunction::Sum, Some(of(S::rows()).into_expression()))
    }

    /// The mean of a number over all records that have it; `None` when none has. An `f64`, or a decimal for decimals.
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
    ) -> Aggregate<S, <X::Value as Numeric>::Average> {
        Aggregate::new(AggregateFunction::Avg, Some(of(S::rows()).into_expression()))
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
    ) -> Aggregate<S, <X::Value as Value>::Optional> {
        Aggregate::new(AggregateFunction::Min, Some(of(S::rows()).into_expression()))
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
    ) -> Aggregate<S, <X::Value as Value>::Optional> {
        Aggregate::new(AggregateFunction::Max, Some(of(S::rows()).into_expression()))
    }
}

impl<S, T> Aggregate<S, T> {
    fn new(function: AggregateFunction, argument: Option<crate::expr::Expression>) -> Aggregate<S, T> {
        Aggregate { item: AggregateItem { function, argument }, scope: PhantomData }
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> Aggregation<S> for Aggregate<S, T> {
    type Value = T;

    fn describe(self, items: &mut Vec<AggregateItem>) {
        items.push(self.item);
    }

    #[inline]
    fn read(row: &mut RowReader<'_>) -> Result<T, Error> {
        row.value()
    }
}

macro_rules! aggregation_of_tuple {
    ($($part:ident $at:tt),*) => {
        #[diagnostic::do_not_recommend]
        impl<S, $($part: Aggregation<S>),*> Aggregation<S> for ($($part,)*) {
            type Value = ($($part::Value,)*);

            fn describe(self, items: &mut Vec<AggregateItem>) {
                $(self.$at.describe(items);)*
            }

            #[inline]
            fn read(row: &mut RowReader<'_>) -> Result<Self::Value, Error> {
                Ok(($($part::read(row)?,)*))
            }
        }
    };
}

for_tuples!(aggregation_of_tuple);

impl<S> Clone for Aggregates<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Aggregates<S> {}

impl<S, T> Clone for Aggregate<S, T> {
    fn clone(&self) -> Self {
        Aggregate { item: self.item.clone(), scope: PhantomData }
    }
}

impl<S> fmt::Debug for Aggregates<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aggregates")
    }
}

impl<S, T> fmt::Debug for Aggregate<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Aggregate").field(&self.item).finish()
    }
}
