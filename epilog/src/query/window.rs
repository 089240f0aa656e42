//! `window`: values that rows have from the rows around them.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Bound, RangeBounds};

use super::group::{All, Counted, Filtered};
use super::operator::{Expression, Numeric, Text};
use super::selection::{RowReader, for_tuples};
use super::{GroupBy, HeldBy, Ordering, Predicate, Push, Query, Records, Scope};
use crate::Error;
use crate::Id;
use crate::collection::{Collection, Field};
use crate::expr::{
    AggregateFunction, Clause, Expression as Node, FieldPath, Frame, FrameUnit, OrderTerm, Postfix, RowPath,
    Terms, WindowFunction, WindowItem,
};
#[cfg(not(feature = "small"))]
use crate::value::Element;
use crate::value::{Scalar, Type, Value};

/// The scope of rows of scope `S` that have, beside what they had, what a window has calculated: a value of type `W`, or a
/// tuple of them.
///
/// Its closures are given both: `|(t, place)|`.
pub struct Over<S, W> {
    of: PhantomData<fn() -> (S, W)>,
}

/// Which rows a row is seen among, and in which order: what the closure of [`window`](Query::window) is given beside the row.
///
/// As it is given, it is all rows, in no order. Its methods restrict and order it, and then say what is calculated of it. Two values
/// over the same rows can be of one description:
///
/// ```
#[doc = include_str!("../example.txt")]
/// let query = Track::query().window(|t, w| {
///     let of_album = w.partition_by(t.album).order_by(t.seconds);
///     (of_album.row_number(), of_album.count())
/// });
/// let rows = query.select(|(t, (number, so_far))| (t.name, number, so_far)).all(&db)?;
/// assert_eq!(rows[1], ("Aces High".into(), 2, 2));
/// assert_eq!(rows[2], ("Flash of the Blade".into(), 1, 1));
/// # Ok::<(), Error>(())
/// ```
pub struct Window<S, F = All> {
    partition: Vec<Postfix>,
    order: Vec<OrderTerm>,
    frame: Frame,
    counted: F,
    scope: PhantomData<fn() -> S>,
}

/// A value of which two are some distance apart: what [`Window::range_by`] tells frames by.
///
/// | values | distance |
/// |---|---|
/// | integers but `u128`, `Id` | `i64` |
/// | `f32`, `f64` | `f64` |
/// | `NaiveDate` | `i64`, in days |
/// | `NaiveDateTime`, `DateTime<Utc>` | `TimeDelta` |
/// | `Option` of these | the same |
///
/// No point in time is further off than `i64` has nanoseconds for, some 292 years: a greater distance is taken for that.
#[diagnostic::on_unimplemented(
    message = "there is no distance between two values of type `{Self}`",
    label = "expected a number but `u128`, an `Id`, a date or a point in time"
)]
pub trait Ranged: Value {
    /// How far apart two of them are.
    type Distance;

    /// As frames have it.
    #[doc(hidden)]
    fn distance(distance: &Self::Distance) -> i64;

    /// The next one, up or down.
    #[doc(hidden)]
    fn beside(distance: i64, up: bool) -> i64 {
        if up { distance.saturating_add(1) } else { distance.saturating_sub(1) }
    }
}

/// What a window calculates: a value of type `T` for every row of scope `S`. It is no expression: a clause after the
/// [`window`](Query::window) can speak of it.
pub struct Windowed<S, T> {
    item: WindowItem,
    of: PhantomData<fn() -> (S, T)>,
}

/// What `window` takes: what a [`Window`] calculates, or a tuple of up to ten.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a window over `{S}` calculates",
    label = "expected values of this window, such as `w.rank()`; the clauses that follow speak of them"
)]
pub trait Windows<S> {
    /// The type of the value, or the tuple of them.
    type Values: WindowValues;

    /// Appends the values.
    fn describe(self, items: &mut Vec<WindowItem>);
}

/// What windows can calculate: a value, or a tuple of them.
pub trait WindowValues {
    /// The values as fields of scope `In`.
    type Fields<In>: Copy;
    /// How many there are.
    const COUNT: u16;

    /// The fields of the values from number `at` on, which goes along.
    #[doc(hidden)]
    fn fields<In>(at: &mut u16) -> Self::Fields<In>;
}

#[diagnostic::do_not_recommend]
impl<S: Scope, W: WindowValues> Scope for Over<S, W> {
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
impl<S: Records, W: WindowValues> Records for Over<S, W> {
    type Records = S::Records;

    #[inline]
    fn read(row: &mut RowReader<'_>) -> Result<Self::Records, Error> {
        S::read(row)
    }
}

#[diagnostic::do_not_recommend]
impl<D, S: HeldBy<D>, W> HeldBy<D> for Over<S, W> {}

impl<S: Push<C>, W: WindowValues, C: Collection> Push<C> for Over<S, W> {
    type Out = Over<S::Out, W>;
    type Optional = Over<S::Optional, W>;
    const POSITION: u8 = S::POSITION;
}

impl<S: Scope, O> Query<S, O> {
    /// Gives every row a value from the rows around it: its place among them, that of the one before, a sum so far. What follows
    /// speaks of the row and the value, `|(t, place)|`, and may filter, order, group and select by it as by any field; several
    /// values are a tuple, `|(t, (place, before))|`.
    ///
    /// The closure is given the row and a [`Window`], which is restricted to the rows of a partition, ordered, and asked for what
    /// is wanted. The rows are those that the clauses before have left: after a [`limit`](Query::limit) the limited ones, after
    /// a [`group_by`](Query::group_by) the groups. A filter that follows takes no row out of a window. Every row stays, and stays
    /// where it was; what comes out, unless a `select` names the value, is what came out before.
    ///
    /// Rows that the order of a window does not tell apart are *peers*. Where one of them has to come first, that is the one that
    /// came first. `None` is a value, and one partition. All rows are kept, in memory or put aside (see [`query_memory`](crate::Options::query_memory)), until the last is read, but for a
    /// [`row_number`](Window::row_number) without an order, which numbers them as they come.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // The longest track of every album.
    /// let longest: Vec<(String, i64)> = Track::query()
    ///     .window(|t, w| w.partition_by(t.album).order_by(t.seconds.desc()).row_number())
    ///     .filter(|(_, place)| place.eq(1))
    ///     .select(|(t, _)| (t.name, t.seconds))
    ///     .all(&db)?;
    /// assert_eq!(longest, [("Wrathchild".into(), 174), ("Aces High".into(), 271), ("Crusader".into(), 395)]);
    ///
    /// // How much longer the next longer track is.
    /// let longer = Track::query()
    ///     .window(|t, w| w.order_by(t.seconds).lead(t.seconds, 1))
    ///     .order_by(|(t, _)| t.seconds)
    ///     .select(|(t, next)| (t.name, next - t.seconds));
    /// assert_eq!(longer.all(&db)?[1], ("Flash of the Blade".into(), Some(271 - 245)));
    ///
    /// // Artists by how much there is of them.
    /// let ranked: Vec<(String, u64)> = Track::query()
    ///     .group_by(|t| t.album().artist().name)
    ///     .window(|g, w| w.order_by(g.sum(|t| t.seconds).desc()).rank())
    ///     .select(|(g, rank)| (g.key(), rank))
    ///     .order_by(|(_, rank)| rank)
    ///     .all(&db)?;
    /// assert_eq!(ranked, [("Iron Maiden".into(), 1), ("Saxon".into(), 2)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn window<X: Windows<S>>(
        self,
        windows: impl FnOnce(S::Rows, Window<S>) -> X,
    ) -> Query<Over<S, X::Values>, O> {
        let mut items = Vec::new();
        windows(S::rows(), Window::over_all()).describe(&mut items);
        let decode = self.decode;
        self.yielding(Clause::window(items), decode)
    }

    /// Keeps, of the records that have the same value of what the closure names, a field, an expression, or a tuple of up to ten,
    /// the first `count`, in the order that the clauses before have left them in. `None` is a value.
    ///
    /// Records are let through as they come: only how many there were of each value is kept.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // The two longest of each artist.
    /// let longest: Vec<(String, String)> = Track::query()
    ///     .order_by(|t| t.seconds.desc())
    ///     .limit_per(|t| t.album().artist, 2)
    ///     .select(|t| (t.album().artist().name, t.name))
    ///     .all(&db)?;
    /// let pair = |artist: &str, name: &str| (artist.to_string(), name.to_string());
    /// assert_eq!(longest, [
    ///     pair("Saxon", "Crusader"),
    ///     pair("Iron Maiden", "Aces High"),
    ///     pair("Iron Maiden", "Flash of the Blade"),
    /// ]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn limit_per<X: GroupBy<S>>(self, key: impl FnOnce(S::Rows) -> X, count: u64) -> Self {
        let mut keys = Vec::new();
        key(S::rows()).describe(&mut keys);
        self.and(Clause::limit_per(keys, count))
    }

    /// Keeps the first of the records that have the same value of what the closure names: [`limit_per`](Query::limit_per) with
    /// a count of 1.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // One album of each year.
    /// let titles = Album::query().order_by(|al| al.title).distinct_by(|al| al.year).select(|al| al.title).all(&db)?;
    /// assert_eq!(titles, ["Crusader", "Demos", "Killers"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn distinct_by<X: GroupBy<S>>(self, key: impl FnOnce(S::Rows) -> X) -> Self {
        self.limit_per(key, 1)
    }
}

impl<S> Window<S> {
    fn over_all() -> Window<S> {
        let frame = Frame::DEFAULT;
        Window { partition: Vec::new(), order: Vec::new(), frame, counted: All, scope: PhantomData }
    }

    /// The same window, but that a row is seen among those only that have the same value of `keys`: a field, an expression,
    /// or a tuple of up to ten.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // Tracks that are alone on their album.
    /// let alone = Track::query().window(|t, w| w.partition_by(t.album).count()).filter(|(_, count)| count.eq(1));
    /// assert_eq!(alone.select(|(t, _)| t.name).all(&db)?, ["Wrathchild", "Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn partition_by(&self, keys: impl GroupBy<S>) -> Window<S> {
        let mut partition = Vec::new();
        keys.describe(&mut partition);
        Window { partition, ..self.clone() }
    }

    /// The same window in an order: by a field or expression (ascending), by `asc()` or `desc()` of one, or by a tuple of up to
    /// ten. With an order a row sees what comes up to its last peer, unless [`rows`](Window::rows) or
    /// [`groups`](Window::groups) says otherwise.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let so_far: Vec<i64> = Track::query()
    ///     .window(|t, w| w.order_by(t.id).sum(t.seconds))
    ///     .select(|(_, sum)| sum)
    ///     .all(&db)?;
    /// assert_eq!(so_far, [174, 174 + 271, 174 + 271 + 245, 174 + 271 + 245 + 395]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn order_by(&self, terms: impl Ordering<S>) -> Window<S> {
        let mut order = Terms::default();
        terms.describe(&mut order);
        Window { order: order.into_vec(), ..self.clone() }
    }

    /// The same window, of which a row sees those rows only that are so far from it: `-2..=0` are the two before it and itself, `..=0` all
    /// up to it, `1..` all behind it, `..` the whole partition. This is the *frame* of aggregates, and of
    /// [`first_value`](Window::first_value), [`last_value`](Window::last_value) and [`nth_value`](Window::nth_value).
    ///
    /// SQL's `ROWS BETWEEN 2 PRECEDING AND CURRENT ROW`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let smooth = Track::query().window(|t, w| w.order_by(t.id).rows(-1..=1).avg(t.seconds));
    /// let means = smooth.select(|(_, mean)| mean).all(&db)?;
    /// assert_eq!(means[0], Some((174.0 + 271.0) / 2.0));
    /// assert_eq!(means[1], Some((174.0 + 271.0 + 245.0) / 3.0));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn rows(&self, range: impl RangeBounds<i64>) -> Window<S> {
        self.framed(FrameUnit::Rows, &range)
    }

    /// As [`rows`](Window::rows), but that peers go together, and are one step: `0..=0` is a row and its peers, `-1..=0` also those
    /// before them. Without an order all rows of a partition are peers.
    ///
    /// SQL's `GROUPS`; its `RANGE` without numbers is `..=0` and `0..`, and that of numbers is [`range_by`](Window::range_by).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // How many albums are of the year of one.
    /// let counts = Album::query().window(|al, w| w.order_by(al.year).groups(0..=0).count());
    /// assert_eq!(counts.select(|(_, count)| count).all(&db)?, [1, 2, 2, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn groups(&self, range: impl RangeBounds<i64>) -> Window<S> {
        self.framed(FrameUnit::Groups, &range)
    }

    fn framed(&self, unit: FrameUnit, range: &impl RangeBounds<i64>) -> Window<S> {
        let (start, end) = bounds(range, |at| *at, <i64 as Ranged>::beside);
        Window { frame: Frame { unit, start, end }, ..self.clone() }
    }

    /// The same window in the ascending order of one value, of which a row sees those rows only whose values are so far from its own:
    /// `-5..=0` are those from five less up to the same, `0.0..0.5` those that are less than a half more. Peers are seen together.
    /// Of a date the distance is in days. Rows that have no value see those that have none either, and besides what comes before or
    /// behind them where the range is open on that side. So do rows whose value is infinite or no number: those that have the same are
    /// at each distance from them. A distance that is no number is refused when the query is planned.
    ///
    /// SQL's `RANGE BETWEEN 5 PRECEDING AND CURRENT ROW`. For a descending order turn the range round.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // How many albums were made in the five years before one, and in its own.
    /// let busy = Album::query().window(|al, w| w.range_by(al.year, -5..=0).count());
    /// let counts = busy.select(|(al, count)| (al.title, count)).all(&db)?;
    /// assert_eq!(counts[0], ("Killers".into(), 1)); // 1981
    /// assert_eq!(counts[1], ("Powerslave".into(), 3)); // 1984, and so is another
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn range_by<X: Expression<S, Value: Ranged>>(
        &self,
        of: X,
        range: impl RangeBounds<<X::Value as Ranged>::Distance>,
    ) -> Window<S> {
        let (start, end) = bounds(&range, X::Value::distance, X::Value::beside);
        let term =
            OrderTerm { expression: of.into_expression().whole(), descending: false, nulls_first: None };
        let frame = Frame { unit: FrameUnit::Range, start, end };
        Window { order: Vec::from([term]), frame, ..self.clone() }
    }

    /// The same window, of whose rows [aggregates](Window::sum) take in those only that a predicate is true of. Every row has the
    /// value, whether it is taken in or not.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // How many long tracks there were so far.
    /// let so_far = Track::query().window(|t, w| w.order_by(t.id).filter(t.seconds.gt(260)).count());
    /// assert_eq!(so_far.select(|(_, count)| count).all(&db)?, [0, 1, 1, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn filter(&self, predicate: impl Predicate<S>) -> Window<S, Filtered> {
        let Window { partition, order, frame, .. } = self.clone();
        let counted = Filtered(predicate.into_expression());
        Window { partition, order, frame, counted, scope: PhantomData }
    }
}

/// The ends of a range: `next` is what lies beside a distance, up or down.
fn bounds<D>(
    range: &impl RangeBounds<D>,
    distance: impl Fn(&D) -> i64,
    next: impl Fn(i64, bool) -> i64,
) -> (Option<i64>, Option<i64>) {
    let start = match range.start_bound() {
        Bound::Included(start) => Some(distance(start)),
        Bound::Excluded(before) => Some(next(distance(before), true)),
        Bound::Unbounded => None,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => Some(distance(end)),
        Bound::Excluded(behind) => Some(next(distance(behind), false)),
        Bound::Unbounded => None,
    };
    (start, end)
}

impl<S> Window<S> {
    fn ask<T>(&self, function: WindowFunction, argument: Option<Node>) -> Windowed<S, T> {
        let (partition, order) = (self.partition.clone(), self.order.clone());
        let argument = argument.map(Node::whole);
        Windowed {
            item: WindowItem { function, argument, partition, order, frame: self.frame },
            of: PhantomData,
        }
    }

    /// The place of the row in the order, from 1. Peers have different ones, in the order that they came in.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let numbered = Artist::query().window(|a, w| w.order_by(a.name.desc()).row_number());
    /// let rows = numbered.select(|(a, number)| (a.name, number)).limit(1).all(&db)?;
    /// assert_eq!(rows, [("Iron Maiden".into(), 3)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn row_number(&self) -> Windowed<S, u64> {
        self.ask(WindowFunction::RowNumber, None)
    }

    /// The place of the row in the order, from 1; that of the first of its peers for all of them, so that there are gaps behind
    /// them.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let ranks = Album::query().window(|al, w| w.order_by(al.year.desc()).rank()).select(|(_, rank)| rank);
    /// assert_eq!(ranks.all(&db)?, [3, 1, 1, 4]); // 1981, 1984, 1984, unknown
    /// # Ok::<(), Error>(())
    /// ```
    pub fn rank(&self) -> Windowed<S, u64> {
        self.ask(WindowFunction::Rank, None)
    }

    /// As [`rank`](Window::rank), without gaps: the number of the row's group of peers, from 1.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let ranks = Album::query().window(|al, w| w.order_by(al.year.desc()).dense_rank()).select(|(_, rank)| rank);
    /// assert_eq!(ranks.all(&db)?, [2, 1, 1, 3]); // 1981, 1984, 1984, unknown
    /// # Ok::<(), Error>(())
    /// ```
    pub fn dense_rank(&self) -> Windowed<S, u64> {
        self.ask(WindowFunction::DenseRank, None)
    }

    /// Which part of the other rows comes before the row and its peers, from 0 to 1; 0 for a row alone.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let ranks = Track::query().window(|t, w| w.order_by(t.seconds).percent_rank()).select(|(_, rank)| rank);
    /// assert_eq!(ranks.all(&db)?, [0.0, 2.0 / 3.0, 1.0 / 3.0, 1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn percent_rank(&self) -> Windowed<S, f64> {
        self.ask(WindowFunction::PercentRank, None)
    }

    /// Which part of all rows comes before the row or is one of its peers, itself included: more than 0, up to 1.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let parts = Album::query().window(|al, w| w.order_by(al.year).cume_dist()).select(|(_, part)| part);
    /// assert_eq!(parts.all(&db)?, [0.5, 1.0, 1.0, 0.25]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn cume_dist(&self) -> Windowed<S, f64> {
        self.ask(WindowFunction::CumeDist, None)
    }

    /// In which of `buckets` parts of the order, from 1, the row is. None has two rows more than another, and those that have one more
    /// come first. 0 buckets are taken for 1.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let thirds = Track::query().window(|t, w| w.order_by(t.seconds).ntile(3)).select(|(_, third)| third);
    /// assert_eq!(thirds.all(&db)?, [1, 2, 1, 3]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn ntile(&self, buckets: u64) -> Windowed<S, u64> {
        self.ask(WindowFunction::Ntile(buckets), None)
    }

    /// The value of the row that is `rows` before this one in the order; `None` when there is none. 0 is this row.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let before = Track::query().window(|t, w| w.partition_by(t.album).order_by(t.id).lag(t.name, 1));
    /// let names = before.select(|(_, before)| before.unwrap_or("-")).all(&db)?;
    /// assert_eq!(names, ["-", "-", "Aces High", "-"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn lag<X: Expression<S>>(&self, of: X, rows: u64) -> Windowed<S, <X::Value as Value>::Optional> {
        self.ask(WindowFunction::Lag(rows), Some(of.into_expression()))
    }

    /// The value of the row that is `rows` behind this one in the order; `None` when there is none. 0 is this row.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let next = Artist::query().window(|a, w| w.order_by(a.name).lead(a.name, 1)).select(|(_, next)| next);
    /// assert_eq!(next.all(&db)?, [Some("Saxon".into()), Some("Zappa".into()), None]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn lead<X: Expression<S>>(&self, of: X, rows: u64) -> Windowed<S, <X::Value as Value>::Optional> {
        self.ask(WindowFunction::Lead(rows), Some(of.into_expression()))
    }

    /// The value of the first row of the frame; `None` when it has no row.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let shortest = Track::query().window(|t, w| w.order_by(t.seconds).first_value(t.name)).select(|(_, name)| name);
    /// assert_eq!(shortest.first(&db)?, Some(Some("Wrathchild".into())));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn first_value<X: Expression<S>>(&self, of: X) -> Windowed<S, <X::Value as Value>::Optional> {
        self.ask(WindowFunction::First, Some(of.into_expression()))
    }

    /// The value of the last row of the frame; `None` when it has no row. With an order the frame ends with the row's last peer: for the last
    /// of the partition write `.rows(..)` before.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let longest = Track::query().window(|t, w| w.order_by(t.seconds).rows(..).last_value(t.name));
    /// assert_eq!(longest.select(|(_, name)| name).first(&db)?, Some(Some("Crusader".into())));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn last_value<X: Expression<S>>(&self, of: X) -> Windowed<S, <X::Value as Value>::Optional> {
        self.ask(WindowFunction::Last, Some(of.into_expression()))
    }

    /// The value of row number `number` of the frame, from 1; `None` when it has not so many, and for number 0.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let second = Track::query().window(|t, w| w.order_by(t.seconds).rows(..).nth_value(t.seconds, 2));
    /// assert_eq!(second.select(|(_, seconds)| seconds).first(&db)?, Some(Some(245)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn nth_value<X: Expression<S>>(
        &self,
        of: X,
        number: u64,
    ) -> Windowed<S, <X::Value as Value>::Optional> {
        self.ask(WindowFunction::Nth(number), Some(of.into_expression()))
    }
}

impl<S, F: Counted> Window<S, F> {
    fn aggregate<T>(&self, function: AggregateFunction, argument: Option<(Node, Type)>) -> Windowed<S, T> {
        // What does not count is no value.
        let argument = match (self.counted.filter(), argument) {
            (None, argument) => argument.map(|(of, _)| of),
            (Some(counted), Some((of, ty))) => Some(counted.choose(of, Node::literal(Scalar::Null, ty))),
            (Some(counted), None) => {
                let there = Node::literal(Scalar::Bool(true), Type::Bool);
                Some(counted.choose(there, Node::literal(Scalar::Null, Type::Bool)))
            }
        };
        let function = WindowFunction::Aggregate(function);
        let (partition, order) = (self.partition.clone(), self.order.clone());
        let argument = argument.map(Node::whole);
        Windowed {
            item: WindowItem { function, argument, partition, order, frame: self.frame },
            of: PhantomData,
        }
    }

    fn aggregate_of<X: Expression<S>, T>(&self, function: AggregateFunction, of: X) -> Windowed<S, T> {
        self.aggregate(function, Some((of.into_expression(), <X::Value as Value>::TYPE)))
    }

    /// How many rows the frame has.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let counts = Track::query().window(|t, w| w.partition_by(t.composer).count()).select(|(_, count)| count);
    /// assert_eq!(counts.all(&db)?, [2, 2, 1, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn count(&self) -> Windowed<S, u64> {
        self.aggregate(AggregateFunction::Count, None)
    }

    /// The sum of a number over the rows of the frame that have it, as [`Groups::sum`](super::Groups::sum) has it: zero when
    /// none has. Sums of floats in a frame that rows leave may differ from those added from front to back in their last digits.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // Which part of its album a track is.
    /// let parts = Track::query()
    ///     .window(|t, w| w.partition_by(t.album).sum(t.seconds))
    ///     .select(|(t, album)| t.seconds * 100 / album);
    /// assert_eq!(parts.all(&db)?, [100, 52, 47, 100]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn sum<X: Expression<S, Value: Numeric>>(&self, of: X) -> Windowed<S, <X::Value as Numeric>::Sum> {
        self.aggregate_of(AggregateFunction::Sum, of)
    }

    /// The mean of a number over the rows of the frame that have it; `None` when none has.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let longer = Track::query().window(|t, w| w.avg(t.seconds)).filter(|(t, mean)| mean.lt(272.0) & t.seconds.gt(270));
    /// assert_eq!(longer.select(|(t, _)| t.name).all(&db)?, ["Aces High", "Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn avg<X: Expression<S, Value: Numeric>>(
        &self,
        of: X,
    ) -> Windowed<S, <X::Value as Numeric>::Average> {
        self.aggregate_of(AggregateFunction::Avg, of)
    }

    /// The smallest value over the rows of the frame that have one; `None` when none has.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let least = Track::query().window(|t, w| w.order_by(t.id).rows(-1..=0).min(t.seconds)).select(|(_, least)| least);
    /// assert_eq!(least.all(&db)?, [Some(174), Some(174), Some(245), Some(245)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn min<X: Expression<S>>(&self, of: X) -> Windowed<S, <X::Value as Value>::Optional> {
        self.aggregate_of(AggregateFunction::Min, of)
    }

    /// The largest value over the rows of the frame that have one; `None` when none has.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // Tracks longer than all before them.
    /// let records = Track::query()
    ///     .window(|t, w| w.order_by(t.id).rows(..0).max(t.seconds))
    ///     .filter(|(t, longest)| longest.is_none() | longest.lt(t.seconds))
    ///     .select(|(t, _)| t.name);
    /// assert_eq!(records.all(&db)?, ["Wrathchild", "Aces High", "Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn max<X: Expression<S>>(&self, of: X) -> Windowed<S, <X::Value as Value>::Optional> {
        self.aggregate_of(AggregateFunction::Max, of)
    }
    /// How many different values the rows of the frame have. `None` is no value.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let years = Album::query().window(|al, w| w.order_by(al.id).count_distinct(al.year)).select(|(_, years)| years);
    /// assert_eq!(years.all(&db)?, [1, 2, 2, 2]); // 1981, 1984, 1984, unknown
    /// # Ok::<(), Error>(())
    /// ```
    pub fn count_distinct<X: Expression<S>>(&self, of: X) -> Windowed<S, u64> {
        self.aggregate_of(AggregateFunction::CountDistinct, of)
    }

    /// The value in the middle of those that the rows of the frame have, or the mean of the two there; `None` when none has. Of a row that
    /// comes into the frame or leaves it costs grow with the number of digits of how many there are.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let medians = Track::query().window(|t, w| w.order_by(t.id).rows(-2..=0).median(t.seconds)).select(|(_, median)| median);
    /// assert_eq!(medians.all(&db)?, [Some(174.0), Some(222.5), Some(245.0), Some(271.0)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn median<X: Expression<S, Value: Numeric<Average = Option<f64>>>>(
        &self,
        of: X,
    ) -> Windowed<S, Option<f64>> {
        self.aggregate_of(AggregateFunction::Median, of)
    }

    /// The variance of a sample, over the rows of the frame that have the number; `None` of fewer than two.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let variances = Track::query().window(|t, w| w.partition_by(t.album).variance(t.seconds)).select(|(_, of)| of);
    /// assert_eq!(variances.all(&db)?, [None, Some(338.0), Some(338.0), None]); // 271 and 245
    /// # Ok::<(), Error>(())
    /// ```
    pub fn variance<X: Expression<S, Value: Numeric<Average = Option<f64>>>>(
        &self,
        of: X,
    ) -> Windowed<S, Option<f64>> {
        self.aggregate_of(AggregateFunction::Variance, of)
    }

    /// The standard deviation of a sample, the root of the [`variance`](Window::variance).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // Tracks far from the mean.
    /// let far = Track::query()
    ///     .window(|t, w| (w.avg(t.seconds), w.stddev(t.seconds)))
    ///     .filter(|(t, (mean, deviation))| t.seconds.cast_or_fail::<f64>().gt(mean.unwrap_or(0.0) + deviation.unwrap_or(0.0)))
    ///     .select(|(t, _)| t.name);
    /// assert_eq!(far.all(&db)?, ["Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn stddev<X: Expression<S, Value: Numeric<Average = Option<f64>>>>(
        &self,
        of: X,
    ) -> Windowed<S, Option<f64>> {
        self.aggregate_of(AggregateFunction::StdDev, of)
    }

    /// The texts that the rows of the frame have, in the order of the window, with a separator between them; `None` when none has. Of a
    /// frame that grows each is as long as all before it: so many bytes are made, and counted as [memory](crate::Options::query_memory).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let named = Artist::query().window(|a, w| w.order_by(a.name).string_agg(a.name, ", ")).select(|(_, names)| names);
    /// assert_eq!(named.all(&db)?[1], Some("Iron Maiden, Saxon".into()));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn string_agg<X: Expression<S, Value: Text>>(
        &self,
        of: X,
        separator: &str,
    ) -> Windowed<S, Option<String>> {
        let function = AggregateFunction::StringAgg { separator: String::from(separator) };
        self.aggregate_of(function, of)
    }
}

#[cfg(not(feature = "small"))]
impl<S, F: Counted> Window<S, F> {
    /// The values that the rows of the frame have, as a list in the order of the window; an empty one when none has. As
    /// [`string_agg`](Window::string_agg) it makes as many bytes as each has.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let last = Track::query().window(|t, w| w.order_by(t.id).rows(-1..=0).array_agg(t.seconds)).select(|(_, last)| last);
    /// assert_eq!(last.all(&db)?[1], [174, 271]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn array_agg<X: Expression<S>>(&self, of: X) -> Windowed<S, Vec<<X::Value as Value>::Required>>
    where
        <X::Value as Value>::Required: Element,
    {
        self.aggregate_of(AggregateFunction::ArrayAgg, of)
    }
}

macro_rules! ranged {
    ($($(#[$meta:meta])* $value:ty),* => $distance:ty, $of:expr) => {$(
        $(#[$meta])*
        #[diagnostic::do_not_recommend]
        impl Ranged for $value {
            type Distance = $distance;

            fn distance(distance: &$distance) -> i64 {
                $of(distance)
            }
        }
    )*};
}

ranged!(i8, i16, i32, i64, i128, u8, u16, u32, u64 => i64, |distance: &i64| *distance);
ranged!(#[cfg(feature = "chrono")] chrono::NaiveDate => i64, |days: &i64| *days);
ranged!(
    #[cfg(feature = "chrono")] chrono::NaiveDateTime, #[cfg(feature = "chrono")] chrono::DateTime<chrono::Utc>
    => chrono::TimeDelta, nanoseconds
);

#[cfg(feature = "chrono")]
fn nanoseconds(distance: &chrono::TimeDelta) -> i64 {
    let farthest = if *distance < chrono::TimeDelta::zero() { i64::MIN } else { i64::MAX };
    distance.num_nanoseconds().unwrap_or(farthest)
}

#[diagnostic::do_not_recommend]
impl<C> Ranged for Id<C>
where
    Id<C>: Value,
{
    type Distance = i64;

    fn distance(distance: &i64) -> i64 {
        *distance
    }
}

macro_rules! ranged_floats {
    ($($value:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl Ranged for $value {
            type Distance = f64;

            fn distance(distance: &f64) -> i64 {
                distance.to_bits() as i64
            }

            fn beside(distance: i64, up: bool) -> i64 {
                let distance = f64::from_bits(distance as u64);
                (if up { distance.next_up() } else { distance.next_down() }).to_bits() as i64
            }
        }
    )*};
}

ranged_floats!(f32, f64);

#[diagnostic::do_not_recommend]
impl<T: Ranged + Value<Required = T, Optional = Option<T>>> Ranged for Option<T>
where
    Option<T>: Value,
{
    type Distance = T::Distance;

    fn distance(distance: &T::Distance) -> i64 {
        T::distance(distance)
    }

    fn beside(distance: i64, up: bool) -> i64 {
        T::beside(distance, up)
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> Windows<S> for Windowed<S, T> {
    type Values = T;

    fn describe(self, items: &mut Vec<WindowItem>) {
        items.push(self.item);
    }
}

#[diagnostic::do_not_recommend]
impl<T: Value> WindowValues for T {
    type Fields<In> = Field<In, T>;
    const COUNT: u16 = 1;

    fn fields<In>(at: &mut u16) -> Field<In, T> {
        *at += 1;
        Field::new(FieldPath { row: RowPath::WINDOWS, ordinal: *at - 1 })
    }
}

macro_rules! windows_of_tuple {
    ($($part:ident $at:tt),*) => {
        #[diagnostic::do_not_recommend]
        impl<$($part: WindowValues),*> WindowValues for ($($part,)*) {
            type Fields<In> = ($($part::Fields<In>,)*);
            const COUNT: u16 = 0 $(+ $part::COUNT)*;

            fn fields<In>(at: &mut u16) -> Self::Fields<In> {
                ($($part::fields::<In>(at),)*)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<Of, $($part: Windows<Of>),*> Windows<Of> for ($($part,)*) {
            type Values = ($($part::Values,)*);

            fn describe(self, items: &mut Vec<WindowItem>) {
                $(self.$at.describe(items);)*
            }
        }
    };
}

for_tuples!(windows_of_tuple);

impl<S, F: Clone> Clone for Window<S, F> {
    fn clone(&self) -> Self {
        let (partition, order, counted) = (self.partition.clone(), self.order.clone(), self.counted.clone());
        Window { partition, order, frame: self.frame, counted, scope: PhantomData }
    }
}

impl<S, F: fmt::Debug> fmt::Debug for Window<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window")
            .field("partition", &self.partition)
            .field("order", &self.order)
            .field("frame", &self.frame)
            .field("counted", &self.counted)
            .finish()
    }
}

impl<S, T> Clone for Windowed<S, T> {
    fn clone(&self) -> Self {
        Windowed { item: self.item.clone(), of: PhantomData }
    }
}

impl<S, T> fmt::Debug for Windowed<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Windowed").field(&self.item).finish()
    }
}
