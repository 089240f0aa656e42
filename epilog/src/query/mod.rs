//! Queries, built with closures over typed fields.
//!
//! [`Collection::query`] begins one over all records of a collection; *clauses* narrow, order and shape it; a
//! *terminal* runs it. A [`Query<S, O>`](Query) is a value: `S` is the *scope*, what its closures may speak of; `O` is
//! what comes out. Building one touches nothing and needs no database. If rustc accepts it, it can be planned, but
//! for what [`Plan`](crate::ErrorKind::Plan) lists; it then fails only because of the world.
//!
//! The examples of this module ask a small music store:
//!
//! ```
//! use epilog::prelude::*;
//!
//! #[derive(Collection, Clone, Debug, PartialEq)]
//! #[has_many(albums: Album::artist)]
//! struct Artist {
//!     id: Id<Artist>,
//!     #[unique]
//!     name: String, // Iron Maiden, Saxon, Zappa
//! }
//!
//! #[derive(Collection, Clone, Debug, PartialEq)]
//! #[has_many(tracks: Track::album)]
//! struct Album {
//!     id: Id<Album>,
//!     title: String,
//!     #[on_delete(cascade)]
//!     artist: Id<Artist>, // Killers and Powerslave are Iron Maiden's, Crusader and Demos Saxon's, none is Zappa's
//!     year: Option<i32>,  // 1981, 1984, 1984, unknown
//! }
//!
//! #[derive(Collection, Clone, Debug, PartialEq)]
//! struct Track {
//!     id: Id<Track>,
//!     name: String, // Wrathchild; Aces High, Flash of the Blade; Crusader
//!     #[on_delete(cascade)]
//!     album: Id<Album>, // Killers; Powerslave; Crusader
//!     seconds: i64, // 174; 271, 245; 395
//!     composer: Option<String>, // Harris; Harris, Dickinson; unknown
//! }
//!
//! epilog::schema!(Music { Artist, Album, Track });
//! ```
//!
//! ```
#![doc = include_str!("../example.txt")]
//! let long: Vec<(String, String)> = Track::query()
//!     .filter(|t| t.seconds.gt(240) & t.album().artist().name.eq("Iron Maiden"))
//!     .order_by(|t| t.seconds.desc())
//!     .select(|t| (t.name, t.album().title))
//!     .all(&db)?;
//! assert_eq!(long[0], ("Aces High".into(), "Powerslave".into()));
//! assert_eq!(long.len(), 2);
//! # Ok::<(), Error>(())
//! ```
//!
//! | clauses | |
//! |---|---|
//! | [`filter`](Query::filter), [`filter_if`](Query::filter_if) | which records stay |
//! | [`filter_fn`](Query::filter_fn) | which records, by code of the program |
//! | [`order_by`](Query::order_by) | which comes first |
//! | [`limit`](Query::limit), [`offset`](Query::offset) | how many |
//! | [`sample`](Query::sample), [`sample_seeded`](Query::sample_seeded) | how many, drawn by lot |
//! | [`limit_per`](Query::limit_per), [`distinct_by`](Query::distinct_by) | how many of each key |
//! | [`join`](Query::join), [`left_join`](Query::left_join) | pairs them with records of any collection |
//! | [`join_query`](Query::join_query), [`left_join_query`](Query::left_join_query) | pairs them with the rows of another query |
//! | [`recursive`](Query::recursive), [`recursive_with`](Query::recursive_with) | adds what they lead to, and what that leads to |
//! | [`group_by`](Query::group_by), [`having`](Query::having) | makes groups of them, and says which stay |
//! | [`window`](Query::window) | gives rows values from the rows around them |
//! | [`select`](Query::select) | what comes out instead of whole records |
//! | [`distinct`](Query::distinct) | every row once |
//! | [`union`](Query::union), [`intersect`](Query::intersect), [`except`](Query::except), and `_all` of each | the rows of two queries as one |
//! | [`common`](Query::common) | rows that several parts of a query ask for |
//! | [`aggregate`](Query::aggregate) | one row over all records |
//! | [`with`](Query::with) | brings along what belongs to each |
//! | [`update`](Query::update), [`delete`](Query::delete) | changes them; [`returning`](Update::returning) what is asked of each |
//!
//! | terminals | |
//! |---|---|
//! | [`all`](Query::all), [`stream`](Query::stream) | everything, at once or bit by bit |
//! | [`for_each`](Query::for_each) | each where it is stored, without a copy |
//! | [`first`](Query::first), [`one`](Query::one) | the first, the only one |
//! | [`page`](Query::page), [`page_before`](Query::page_before) | so many at a time, each from where the last ended |
//! | [`count`](Query::count), [`exists`](Query::exists) | how many, whether any |
//! | [`watch`](Query::watch) | everything, and again after each commit that may have changed it |
//! | [`explain`](Query::explain), [`explain_analyze`](Query::explain_analyze) | how it would be done, how it was done |
//!
//! | what a run may do | |
//! |---|---|
//! | [`timeout`](Query::timeout), [`cancel_with`](Query::cancel_with) | ends it before its end |
//! | [`require_index`](Query::require_index) | refuses to read everything |
//!
//! Terminals run against anything that reads: `&db`, a read transaction, a write transaction; `watch` against `&db` alone, `stream` against a
//! transaction.
//! A query that is run often with other values can be [`Compiled`], which spares its building; a plan is kept for any query.
//!
//! # Fields, operators, relations
//!
//! A closure is given the *fields struct* of each source: `t.name` is a [`Field<S, String>`](crate::collection::Field),
//! on which the operators are methods, beside `& | !` and `+ - * / %`. On the right stands a value, a reference to one, or a
//! field or expression of the same query.
//!
//! | of | operators |
//! |---|---|
//! | all types | `eq ne lt le gt ge between in_ min_of max_of` |
//! | `Option` | `is_none is_some or unwrap_or` |
//! | `bool` | `then` |
//! | [texts](Text) | `starts_with ends_with contains like matches len position_of`, `is_empty`, `lower upper trim trim_start trim_end substring left right replace concat repeat reverse pad_start pad_end split` |
//! | numbers | `abs sign pow`, [with a fraction](Fractional) `round floor ceil trunc`, integers `bit_and bit_or bit_xor`, floats `sqrt exp ln log10 sin cos tan asin acos atan atan2` |
//! | dates | `year quarter month day week week_year weekday day_of_year days_of_month days_since months_since at`, `start_of_year start_of_quarter start_of_month start_of_week add_days add_months` |
//! | times | `hour minute second nanosecond seconds_since milliseconds_since`, of moments `date time unix_seconds and_utc naive_utc`, `start_of_day start_of_hour start_of_minute add_seconds add_milliseconds` |
//! | lists | `any all contains contains_any contains_all len is_empty`, `get first last place_of append append_all without`, of texts `join` |
//! | [JSON](crate::value::Json) | `get member item`, `as_str as_i64 as_f64 as_bool`, `str_or_fail i64_or_fail f64_or_fail bool_or_fail`, `kind is_null len keys has_key contains` |
//! | casts | [`cast`](crate::collection::Expr::cast), which loses nothing; `try_cast`, `cast_or_fail`; `to_text`, `parse` |
//!
//! What is absent makes the result of a function absent, and tests false.
//!
//! A relation is a method: `t.album` is the id, `t.album()` the fields of the album. Behind an optional relation every
//! field is optional. The other side is [`Many`](crate::collection::Many): `a.albums().count()`, `al.tracks().sum(|t| t.seconds)`
//! and the other [aggregates](Aggregates). Any other collection
//! can be looked into with [`exists`](Correlate::exists), calculated with as a [`Subquery`], or joined.
//!
//! # Groups
//!
//! [`group_by`](Query::group_by) makes rows of another kind: groups, of which there are a key and aggregates over their
//! records, each of which can be over a part of them. These are expressions like others, so that groups are filtered, ordered
//! and selected as records are.
//!
//! ```
#![doc = include_str!("../example.txt")]
//! let per_artist: Vec<(String, u64, Option<f64>)> = Track::query()
//!     .group_by(|t| t.album().artist().name)
//!     .order_by(|g| g.sum(|t| t.seconds).desc())
//!     .select(|g| (g.key(), g.filter(|t| t.composer.is_some()).count(), g.avg(|t| t.seconds)))
//!     .all(&db)?;
//! assert_eq!(per_artist[0], ("Iron Maiden".into(), 3, Some(230.0)));
//! assert_eq!(per_artist[1], ("Saxon".into(), 0, Some(395.0)));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Windows
//!
//! [`window`](Query::window) gives every row a value from the rows around it: its place among those of its kind, what the one before
//! had, a sum so far. It is a clause, and what it calculates a value of the rows that follow, so that these are filtered,
//! ordered, grouped and selected by it; a window inside of a filter cannot be written. [`Window`] has what can be asked.
//!
//! ```
#![doc = include_str!("../example.txt")]
//! // Of each artist the longest track, and how much shorter the next is.
//! let longest = Track::query()
//!     .window(|t, w| {
//!         let by_length = w.partition_by(t.album().artist).order_by(t.seconds.desc());
//!         (by_length.row_number(), by_length.lead(t.seconds, 1))
//!     })
//!     .filter(|(_, (place, _))| place.eq(1))
//!     .select(|(t, (_, next))| (t.name, next - t.seconds))
//!     .all(&db)?;
//! assert_eq!(longest, [("Aces High".into(), Some(245 - 271)), ("Crusader".into(), None)]);
//! # Ok::<(), Error>(())
//! ```
//!
//! # What a query means
//!
//! **Logic has two values.** `None` equals `None`. An ordering (`lt le gt ge between`) with a `None` on either side is
//! false, and so is a test of text; `!` of it is therefore true. There is no third value, and no record falls out of
//! both a filter and its negation:
//!
//! ```
#![doc = include_str!("../example.txt")]
//! let before = Album::query().filter(|al| al.year.lt(1984)).count(&db)?;
//! let not_before = Album::query().filter(|al| !al.year.lt(1984)).count(&db)?;
//! assert_eq!((before, not_before), (1, 3)); // the album without a year is among the three
//! let unknown = Album::query().filter(|al| al.year.eq(None)).count(&db)?;
//! assert_eq!(unknown, 1);
//! # Ok::<(), Error>(())
//! ```
//!
//! **The order of clauses is meaning.** Each sees what the ones before it left: a filter after a limit filters the
//! limited records. Of two orderings the later counts, unless a limit lies between.
//!
//! ```
#![doc = include_str!("../example.txt")]
//! let query = || Track::query().order_by(|t| t.seconds.desc());
//! let maidens = |query: Query<Track, Track>| query.filter(|t| t.album().artist().name.eq("Iron Maiden"));
//! assert_eq!(maidens(query()).limit(1).count(&db)?, 1); // the longest of Iron Maiden's
//! assert_eq!(maidens(query().limit(1)).count(&db)?, 0); // the longest of all, if it is Iron Maiden's
//! # Ok::<(), Error>(())
//! ```
//!
//! **Without an ordering, records come in the order of their keys.** That holds for keys that are ids, integers, dates,
//! times, `Uuid`, `bool` or `char`; where the key is a text, bytes, a float, a decimal, or of several fields, records
//! come in the order in which they were inserted. With an ordering, records that compare equal come in *any* order, not
//! even the same one with a limit and without: end the terms with the key to have them all in place. `None` comes
//! before all values in ascending orders and after them in descending ones, unless told otherwise. Floats have one
//! order everywhere: -0 equals +0, and `NaN` equals itself and comes after all others. Text is ordered by its bytes,
//! which is the order of its characters' code points.
//!
//! **Arithmetic faults count only for rows that come out.** Integers and decimals that overflow, a division by zero
//! of theirs, a cast that does not fit and a date out of range have no result; the error is raised when the row is part of the answer, never because the planner looked
//! at a record that another predicate drops. A window's rows, its partitions and its order, count as what
//! comes out; a value that it calculates does when its row does. What rows are ordered by counts where they have to be put
//! in order, and not where there is one row at most, or they are only counted. Arithmetic with `None` is `None`.
//!
//! ```
#![doc = include_str!("../example.txt")]
//! let divided =
//!     |least: i64| Track::query().filter(|t| t.seconds.gt(least)).select(|t| t.seconds / (t.seconds - 174));
//! assert_eq!(divided(174).all(&db)?, [2, 3, 1]); // the track of 174 seconds is not part of it
//! assert_eq!(divided(0).all(&db).unwrap_err().kind(), ErrorKind::Arithmetic);
//! # Ok::<(), Error>(())
//! ```
//!
//! **A set-based update evaluates over old values.** The records are found, and what is assigned from other records is
//! calculated, before the first one changes; every assignment of a record sees the values from before. Unique indexes
//! are checked when all records have changed, so that values may move from one to another. A record with `None` in a
//! field of a unique index is exempt from it. A statement that is refused changes nothing. What an update [returns](Update::returning)
//! is of the new values, what a [deletion returns](Delete::returning) of the last ones.
//!
//! **Ids are never reused** once the transaction that gave them out has committed, whether their records are deleted or
//! not.
//!
//! # How it is made
//!
//! ```text
//! closure over fields structs   scope, operator     -> typed expressions
//! clause                        filter, order, ..   -> the draft grows by one clause
//! terminal                      run                 -> engine::run, then Selection::read row by row
//! ```
//!
//! - Types are erased at once: a clause is a thin generic shim over code that is not generic, so that a query costs rustc
//!   little. What is generic over the user's closure is made anew for each of them: it calls the closure, and hands what comes
//!   out on to what is generic over that type only. It does so in steps, each with nothing half moved should the next one
//!   panic, and the closure is not dropped while its rows are made, which never fails: the code that drops what is left is most of it.
//! - A terminal hands the draft to the engine in one call, and decodes the batches that come out.

pub mod run;

#[cfg(not(feature = "small"))]
mod compiled;
mod continuation;
#[cfg(not(feature = "small"))]
mod control;
mod correlate;
mod delete;
mod derived;
mod filter;
mod for_each;
mod group;
mod include;
mod join;
mod limit;
mod operator;
mod order;
mod page;
mod predicate;
mod recursive;
#[cfg(not(feature = "small"))]
mod returning;
mod reverse;
mod sample;
mod scope;
mod select;
mod selection;
mod set;
mod slow;
mod subquery;
mod update;
#[cfg(all(feature = "std", not(feature = "small")))]
mod watch;
mod window;
mod with;

#[cfg(all(test, feature = "derive"))]
mod tests;

use core::fmt;
use core::marker::PhantomData;

#[cfg(not(feature = "small"))]
pub use compiled::{Compiled, Parameter, Parameters};
pub use continuation::Continuation;
pub use correlate::Correlate;
pub use delete::Delete;
pub use derived::{Absentable, Beside};
pub use for_each::GoesOn;
pub use group::{Aggregated, Aggregation, All, Counted, Filtered, GroupBy, GroupKey, GroupOf, Groups};
pub use include::{Alone, Include, Includes, Listed};
pub use join::{Joined, LeftJoined, RecordsOf};
#[cfg(not(feature = "small"))]
pub use operator::Elements;
#[cfg(feature = "std")]
pub use operator::Float;
pub use operator::{
    Choice, Expression, Fractional, Integer, Numeric, Operand, Power, Shape, Signed, Text, When, Widens,
    Written,
};
#[cfg(feature = "chrono")]
pub use operator::{Dated, Day, Moment, Naive, Timed, Zoned};
pub use order::{Order, Ordering};
pub use page::Page;
pub use predicate::{Condition, Predicate};
pub use recursive::{Found, LeadsTo};
#[cfg(not(feature = "small"))]
pub use returning::Returning;
#[doc(hidden)]
pub use run::Given;
pub(crate) use run::sealed;
pub use run::{Answers, Reads, Snapshot, Stream, Writes};
pub use scope::{HeldBy, Inner, Maybe, Push, Records, Scope, Source};
pub use selection::{RowOf, RowReader, Selection, Yields, describe_row, read_row};
pub use set::{Both, Out};
pub(crate) use slow::SlowHook;
pub use slow::SlowQuery;
#[cfg(not(feature = "small"))]
pub(crate) use slow::Tell;
pub use subquery::{Aggregates, Candidates, Searched, Subquery};
pub use update::{Assign, Assignments, Update};
#[cfg(all(feature = "std", not(feature = "small")))]
pub use watch::{Watch, WatchCloser};
pub use window::{Over, Ranged, Window, WindowValues, Windowed, Windows};
pub use with::{With, WithStream};

use crate::collection::Collection;
use crate::engine::Control;
use crate::expr::{Clause, Draft, Terms};
use selection::DecodeBatch;

/// A query: what is asked of the records of a collection, as a value.
///
/// Made by [`Collection::query`]; `Clone`, without a connection inside. `S` is what its closures may speak of, `O` what
/// comes out.
///
/// # Examples
///
/// Being a value, a query can be made in steps, kept, and run often:
///
/// ```
#[doc = include_str!("../example.txt")]
/// let harris: Query<Track, Track> = Track::query().filter(|t| t.composer.eq("Harris"));
/// let longest = harris.clone().order_by(|t| t.seconds.desc()).first(&db)?;
/// assert_eq!(longest.map(|track| track.name), Some("Aces High".into()));
/// assert_eq!(harris.count(&db)?, 2);
/// # Ok::<(), Error>(())
/// ```
///
/// A part that several queries share is a function, generic over the scope:
///
/// ```
/// use epilog::collection::Expr;
#[doc = include_str!("../example.txt")]
///
/// fn long<S>(t: TrackFields<S>) -> Expr<S, bool> {
///     t.seconds.gt(240)
/// }
/// assert_eq!(Track::query().filter(long).count(&db)?, 3);
/// assert_eq!(Track::query().filter(|t| !long(t) & t.composer.is_some()).count(&db)?, 1);
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a query does nothing until it is run: `.all(&db)`, `.one(&db)`, `.count(&db)`, .."]
pub struct Query<S, O> {
    draft: Draft,
    decode: DecodeBatch<O>,
    control: Control,
    scope: PhantomData<fn() -> S>,
}

impl<C: Collection> Query<C, C> {
    /// All records of a collection.
    pub(crate) fn over() -> Query<C, C> {
        Query {
            draft: Draft::all(C::schema),
            decode: selection::decode_records::<C>,
            control: Control::default(),
            scope: PhantomData,
        }
    }
}

impl<S, O> Query<S, O> {
    /// What was asked so far.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The same query with one more clause.
    fn and(mut self, clause: Clause) -> Self {
        self.draft.clauses.push(clause);
        self
    }

    /// The same query with one more clause, after which something else comes out.
    fn yielding<S2, O2>(self, clause: Clause, decode: DecodeBatch<O2>) -> Query<S2, O2> {
        let Query { mut draft, control, .. } = self;
        draft.clauses.push(clause);
        Query { draft, decode, control, scope: PhantomData }
    }
}

impl<S: Scope, O> Query<S, O> {
    /// The same query with the rows only for which something holds.
    fn kept<P: Predicate<S>>(mut self, predicate: P) -> Self {
        self.draft.keep(predicate.into_expression());
        self
    }

    /// The same query in an order.
    fn ordered<T: Ordering<S>>(mut self, terms: T) -> Self {
        let mut list = Terms::default();
        terms.describe(&mut list);
        self.draft.order(&mut list);
        self
    }
}

impl<S, O> Clone for Query<S, O> {
    fn clone(&self) -> Self {
        let Query { draft, decode, control, .. } = self;
        Query { draft: draft.clone(), decode: *decode, control: control.clone(), scope: PhantomData }
    }
}

impl<S, O> fmt::Debug for Query<S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("root", &(self.draft.root)().name)
            .field("clauses", &self.draft.clauses)
            .finish()
    }
}
