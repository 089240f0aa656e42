//! The terminals: running a query.
//!
//! A query runs against anything that reads: a database, a read transaction, a write transaction. The draft goes to the
//! engine in one call that is not generic; what comes back is decoded batch by batch.

use alloc::boxed::Box;
use alloc::vec::{self, Vec};
use core::fmt;
use core::panic::Location;

use super::selection::DecodeBatch;
use super::slow::{SlowHook, StreamTime};
use super::{HeldBy, Query, Scope};
use crate::Error;
use crate::collection::Schema;
use crate::engine::{self, Control, EngineError, OutputBatch, Plan, Reading, View};
use crate::expr::{Assignment, Draft, SelectItem};
use crate::parts::{InWhole, Whole};

/// What queries can be run against: a database, a read transaction, a write transaction.
#[diagnostic::on_unimplemented(
    message = "a query cannot be run against `{Self}`",
    label = "expected a database or a transaction",
    note = "pass a reference to one: `.all(&db)?`, `.all(&tx)?`"
)]
pub trait Reads: sealed::Reads {
    /// What the database holds.
    type Schema: Schema;

    /// Calls `then` with what is stored now.
    ///
    /// # Errors
    ///
    /// What `then` returns, and what keeps the database from being read.
    #[doc(hidden)]
    fn with_view<R>(&self, then: impl FnOnce(View<'_>) -> Result<R, Error>) -> Result<R, Error>;

    /// Calls `then` with what reads what is stored now, in as many operations as it takes.
    ///
    /// # Errors
    ///
    /// As [`with_view`](Reads::with_view).
    #[doc(hidden)]
    fn with_reading<R>(&self, then: impl FnOnce(&dyn Reading) -> Result<R, Error>) -> Result<R, Error>;

    /// What is to be told of slow queries, if something is.
    #[doc(hidden)]
    fn slow_hook(&self) -> Option<&SlowHook>;
}

/// What queries of scope `C`, a collection or several, can be run against: whatever [`Reads`] and has them in its schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot answer queries about `{C}`",
    label = "not a database or transaction that holds `{C}`",
    note = "add `{C}` to the list in `epilog::schema!`; pass a reference: `.all(&db)?`, `.all(&tx)?`"
)]
pub trait Answers<C>: Reads {}

#[diagnostic::do_not_recommend]
impl<S: HeldBy<R::Schema>, R: Reads> Answers<S> for R {}

/// What reads the same for as long as it lives: a transaction. Queries can be streamed from it.
#[diagnostic::on_unimplemented(
    message = "a query cannot be streamed from `{Self}`",
    label = "expected a transaction",
    note = "begin one with `db.read()?`; the stream borrows it"
)]
pub trait Snapshot: Reads {
    /// What reads what is stored.
    #[doc(hidden)]
    fn reading(&self) -> &dyn Reading;
}

/// What set-based changes can be run in: a write transaction.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot write",
    label = "expected a write transaction",
    note = "begin one with `db.write(|tx| ..)`"
)]
pub trait Writes: Reads {
    /// Carries out an update; returns how many records were changed.
    ///
    /// # Errors
    ///
    /// When a constraint forbids it, arithmetic has no result, or reading fails; nothing is changed then.
    #[doc(hidden)]
    fn update_records(
        &mut self,
        draft: &Draft,
        assignments: &[Assignment],
        control: &Control,
        given: Option<Given<'_>>,
    ) -> Result<u64, Error>;

    /// Carries out a deletion; returns how many records were deleted.
    ///
    /// # Errors
    ///
    /// When a constraint forbids it or reading fails; nothing is deleted then.
    #[doc(hidden)]
    fn delete_records(
        &mut self,
        draft: &Draft,
        control: &Control,
        given: Option<Given<'_>>,
    ) -> Result<u64, Error>;
}

/// What a change gives of the records that it changes. Small builds have none.
#[doc(hidden)]
pub struct Given<'g> {
    /// What is selected of each.
    pub items: &'g [SelectItem],
    /// What takes it.
    pub each: &'g mut dyn FnMut(&OutputBatch<'_>) -> Result<(), Error>,
    /// A small build has none.
    pub whole: Whole,
}

impl fmt::Debug for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given").field("items", &self.items).finish_non_exhaustive()
    }
}

/// What keeps others from implementing the traits of this module: an implementation has to keep the rules of
/// snapshots.
pub(crate) mod sealed {
    /// Implemented for what [`Reads`](super::Reads) is implemented for.
    pub trait Reads {}
    impl<R: Reads + ?Sized> Reads for &R {}
    impl<R: Reads + ?Sized> Reads for &mut R {}
}

#[diagnostic::do_not_recommend]
impl<R: Reads> Reads for &R {
    type Schema = R::Schema;

    fn slow_hook(&self) -> Option<&SlowHook> {
        (**self).slow_hook()
    }

    fn with_view<T>(&self, then: impl FnOnce(View<'_>) -> Result<T, Error>) -> Result<T, Error> {
        (**self).with_view(then)
    }

    fn with_reading<T>(&self, then: impl FnOnce(&dyn Reading) -> Result<T, Error>) -> Result<T, Error> {
        (**self).with_reading(then)
    }
}

#[diagnostic::do_not_recommend]
impl<R: Reads> Reads for &mut R {
    type Schema = R::Schema;

    fn slow_hook(&self) -> Option<&SlowHook> {
        (**self).slow_hook()
    }

    fn with_view<T>(&self, then: impl FnOnce(View<'_>) -> Result<T, Error>) -> Result<T, Error> {
        (**self).with_view(then)
    }

    fn with_reading<T>(&self, then: impl FnOnce(&dyn Reading) -> Result<T, Error>) -> Result<T, Error> {
        (**self).with_reading(then)
    }
}

#[diagnostic::do_not_recommend]
impl<R: Snapshot> Snapshot for &R {
    fn reading(&self) -> &dyn Reading {
        (**self).reading()
    }
}

#[diagnostic::do_not_recommend]
impl<R: Snapshot> Snapshot for &mut R {
    fn reading(&self) -> &dyn Reading {
        (**self).reading()
    }
}

impl<S, O> Query<S, O> {
    /// All that comes out, in order.
    ///
    /// # Errors
    ///
    /// [`Arithmetic`](crate::ErrorKind::Arithmetic) when arithmetic has no result for a row that is part of the answer;
    /// [`Corruption`](crate::ErrorKind::Corruption) and [`Io`](crate::ErrorKind::Io) when reading fails;
    /// [`Plan`](crate::ErrorKind::Plan) when a collection that a subquery looks into is not in the database's schema.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let artists: Vec<Artist> = Artist::query().order_by(|a| a.name.desc()).all(&db)?;
    /// assert_eq!(artists.iter().map(|artist| artist.id.get()).collect::<Vec<_>>(), [3, 2, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn all<R: Answers<S>>(&self, from: &R) -> Result<Vec<O>, Error> {
        self.timed(from, || self.collect(from))
    }

    /// The only one that comes out. Reads no further than the second.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when nothing does, [`NotUnique`](crate::ErrorKind::NotUnique) when more
    /// than one does; otherwise as [`all`](Query::all).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let killers = Album::query().filter(|al| al.title.eq("Killers")).one(&db)?;
    /// assert_eq!(killers.year, Some(1981));
    ///
    /// let several = Album::query().filter(|al| al.year.eq(1984)).one(&db);
    /// assert_eq!(several.unwrap_err().kind(), ErrorKind::NotUnique);
    /// let none = Album::query().filter(|al| al.year.eq(2001)).one(&db);
    /// assert_eq!(none.unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn one<R: Answers<S>>(&self, from: &R) -> Result<O, Error> {
        the_only(self.timed(from, || self.collect_first(from, 2))?, &self.draft)
    }

    /// How the query would be carried out: a tree of operators, with a text form. Nothing is run.
    ///
    /// What is chosen depends on what is stored, and may change with it and with a new version; and on what running the query has
    /// taught, unless [`Options::plan_feedback`](crate::Options::plan_feedback) forbids it.
    ///
    /// # Errors
    ///
    /// [`Plan`](crate::ErrorKind::Plan) when a collection that a subquery looks into is not in the database's schema;
    /// [`Corruption`](crate::ErrorKind::Corruption) and [`Io`](crate::ErrorKind::Io) when statistics cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let plan = Artist::query().filter(|a| a.name.eq("Saxon")).explain(&db)?;
    /// assert_eq!(plan.to_string(), r#"index lookup Artist by name = "Saxon""#);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn explain<R: Answers<S>>(&self, from: &R) -> Result<Plan, Error> {
        // A view of the database itself, and not of an operation, does not know how much is in memory.
        from.with_reading(|reading| {
            Ok(engine::explain(reading.operation().view(), &self.draft, &self.control)?)
        })
    }

    /// Carries the query out as [`all`](Query::all) does, but for making records of what comes out, and tells how that went:
    /// the plan with the rows, the time and the memory of each operator.
    ///
    /// A query for one record by its key, which is carried out without a plan otherwise, is planned. A query that goes on in
    /// another operation when memory is short does so here, too; its operators' numbers are those of all of them. Measuring
    /// takes two looks at the clock for each batch of each operator; without `std` a database in memory has no clock, and all
    /// times are zero.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Errors
    ///
    /// As [`all`](Query::all), and as [`timeout`](Query::timeout) and [`cancel_with`](Query::cancel_with) say.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Track::query().filter(|t| t.seconds.gt(250)).order_by(|t| t.name);
    /// let plan = query.explain_analyze(&db)?;
    /// let told: Vec<_> = plan.operators().iter().map(|node| (node.operator, node.actual.map(|a| a.rows))).collect();
    /// assert_eq!(told, [("sort", Some(2)), ("filter", Some(2)), ("scan", Some(4))]);
    /// println!("{plan:#}");
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(not(feature = "small"))]
    pub fn explain_analyze<R: Answers<S>>(&self, from: &R) -> Result<Plan, Error> {
        from.with_reading(|reading| Ok(engine::analyze(reading, &self.draft, &self.control)?))
    }
}

impl<S: Scope, O> Query<S, O> {
    /// The first that comes out, if any does. Reads no further.
    ///
    /// # Errors
    ///
    /// As [`all`](Query::all).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let longest = Track::query().order_by(|t| t.seconds.desc()).first(&db)?;
    /// assert_eq!(longest.map(|track| track.name), Some("Crusader".into()));
    /// assert_eq!(Track::query().filter(|t| t.seconds.gt(1000)).first(&db)?, None);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn first<R: Answers<S>>(&self, from: &R) -> Result<Option<O>, Error> {
        let found = self.timed(from, || self.collect_first(from, 1))?;
        Ok(found.into_iter().next())
    }

    /// Whether anything comes out. Reads no further than the first, and decodes nothing.
    ///
    /// # Errors
    ///
    /// As [`all`](Query::all).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// assert!(Album::query().filter(|al| al.year.eq(1984)).exists(&db)?);
    /// assert!(!Album::query().filter(|al| al.year.eq(2001)).exists(&db)?);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn exists<R: Answers<S>>(&self, from: &R) -> Result<bool, Error> {
        self.timed(from, || from.with_view(|view| Ok(engine::exists(view, &self.draft, &self.control)?)))
    }

    /// How many come out. Nothing is decoded for it; of a whole collection it is known without reading a record.
    ///
    /// # Errors
    ///
    /// As [`all`](Query::all), but for what only the values that come out show: they are not calculated, nor is what rows are ordered by
    /// where all are counted.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// assert_eq!(Track::query().count(&db)?, 4);
    /// assert_eq!(Track::query().filter(|t| t.seconds.between(174, 271)).limit(2).count(&db)?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn count<R: Answers<S>>(&self, from: &R) -> Result<u64, Error> {
        self.timed(from, || {
            from.with_reading(|reading| Ok(engine::count(reading, &self.draft, &self.control)?))
        })
    }

    /// All that comes out, in order, read as it is asked for: a page or a few at a time. A sort or an aggregate reads
    /// everything before the first. While the stream waits it keeps no page in memory, but for the queries that the README
    /// lists as kept whole; the keys of a sort it does.
    ///
    /// The transaction stays borrowed: a write transaction cannot write before the stream is dropped. A database is no
    /// snapshot: begin a transaction.
    ///
    /// # Errors
    ///
    /// As [`all`](Query::all) for beginning; an item is an error when reading it, or one of those that are read together with it, fails, and
    /// then the last.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let tx = db.read()?;
    /// let mut seconds = 0;
    /// for track in Track::query().stream(&tx)? {
    ///     seconds += track?.seconds;
    ///     if seconds > 300 {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(seconds, 174 + 271);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn stream<'s, R: Snapshot + Answers<S>>(&self, from: &'s R) -> Result<Stream<'s, O>, Error> {
        let time = time_of_stream(from, &self.draft, Location::caller());
        let begun_ns = StreamTime::now_ns(&time);
        let rows = engine::Stream::new(from.reading(), &self.draft, &self.control)?;
        let mut stream = Stream { rows, decode: self.decode, ready: Vec::new().into_iter(), time };
        StreamTime::add(&mut stream.time, begun_ns);
        Ok(stream)
    }
}

/// How long a stream takes that begins now at `location`, if that is to be told.
pub(super) fn time_of_stream<'s>(
    from: &'s impl Snapshot,
    draft: &Draft,
    location: &'static Location<'static>,
) -> Option<InWhole<Box<StreamTime<'s>>>> {
    from.slow_hook().zip(Whole::build()).map(|(hook, whole)| {
        let (reading, draft) = (from.reading(), draft.clone());
        let time = StreamTime {
            hook,
            spent_ns: 0,
            location,
            collection: (draft.root)().name,
            plan: Box::new(move || Ok(explain(reading.operation().view(), &draft)?)),
        };
        InWhole::new(Box::new(time), whole)
    })
}

/// How a query would be carried out, whatever was asked for about that.
fn explain(view: View<'_>, draft: &Draft) -> Result<Plan, EngineError> {
    engine::explain(view, draft, &Control::default())
}

/// Carries out a change, and tells of it if it takes long.
#[cfg_attr(not(feature = "small"), track_caller)]
pub(super) fn timed_change<W: Writes, T>(
    transaction: &mut W,
    draft: &Draft,
    change: impl FnOnce(&mut W) -> Result<T, Error>,
) -> Result<T, Error> {
    let Some(hook) = transaction.slow_hook().cloned() else { return change(transaction) };
    let (begun, location) = (hook.now_ns(), Location::caller());
    let result = change(transaction);
    let elapsed = hook.now_ns().saturating_sub(begun);
    hook.report(elapsed, location, (draft.root)().name, &|| {
        transaction.with_view(|view| Ok(explain(view, draft)?))
    });
    result
}

/// Runs a query as `run` does, by a terminal that was called at `location`, and tells of it if it takes long.
#[inline]
pub(crate) fn timed_at<T>(
    from: &impl Reads,
    draft: &Draft,
    location: &'static Location<'static>,
    run: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    let Some(hook) = from.slow_hook() else { return run() };
    let begun = hook.now_ns();
    let result = run();
    let elapsed = hook.now_ns().saturating_sub(begun);
    hook.report(elapsed, location, (draft.root)().name, &|| from.with_view(|view| Ok(explain(view, draft)?)));
    result
}

impl<S, O> Query<S, O> {
    /// Runs the query as `run` does, and tells of it if it takes long.
    #[cfg_attr(not(feature = "small"), track_caller)]
    #[inline]
    pub(super) fn timed<T>(
        &self,
        from: &impl Reads,
        run: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.timed_at(from, Location::caller(), run)
    }

    /// The same, of a terminal that was called at `location`.
    #[inline]
    pub(super) fn timed_at<T>(
        &self,
        from: &impl Reads,
        location: &'static Location<'static>,
        run: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        timed_at(from, &self.draft, location, run)
    }

    /// Takes the rows of a query to their end.
    pub(super) fn collect(&self, from: &impl Reads) -> Result<Vec<O>, Error> {
        match self.point(from)? {
            Some(found) => Ok(found),
            None => self.collect_planned(from, &self.draft),
        }
    }

    /// The first `count` rows, which is one or more.
    fn collect_first(&self, from: &impl Reads, count: u64) -> Result<Vec<O>, Error> {
        match self.point(from)? {
            Some(found) => Ok(found),
            None => self.collect_planned(from, &self.draft.limited(count)),
        }
    }

    /// The row of a query for one record, which no limit but that of no rows changes; `None` when it is another query.
    fn point(&self, from: &impl Reads) -> Result<Option<Vec<O>>, Error> {
        from.with_view(|view| {
            let Some(mut rows) = engine::run_point(view, &self.draft, &self.control)? else {
                return Ok(None);
            };
            let mut out = Vec::new();
            while let Some(batch) = rows.next_batch()? {
                (self.decode)(&batch, &mut out)?;
            }
            Ok(Some(out))
        })
    }

    fn collect_planned(&self, from: &impl Reads, draft: &Draft) -> Result<Vec<O>, Error> {
        let mut out = Vec::new();
        from.with_reading(|reading| {
            engine::for_each(reading, draft, &self.control, &mut |batch| (self.decode)(batch, &mut out))
        })?;
        Ok(out)
    }
}

/// The only one of what came out of a query, of which no more than two were asked for.
pub(crate) fn the_only<O>(found: Vec<O>, draft: &Draft) -> Result<O, Error> {
    let collection = (draft.root)().name;
    let several = found.len() > 1;
    match found.into_iter().next() {
        Some(_) if several => Err(Error::several_records(collection)),
        Some(one) => Ok(one),
        None => Err(Error::no_record(collection)),
    }
}

/// What comes out of a query, read as it is asked for. Made by [`Query::stream`]; an iterator of `Result`s.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let tx = db.read()?;
/// let names: Result<Vec<String>, Error> = Artist::query().select(|a| a.name).stream(&tx)?.collect();
/// assert_eq!(names?, ["Iron Maiden", "Saxon", "Zappa"]);
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a stream reads only what is asked of it"]
pub struct Stream<'s, O> {
    rows: engine::Stream<'s>,
    decode: DecodeBatch<O>,
    ready: vec::IntoIter<O>,
    /// How long it took, if that is to be told.
    time: Option<InWhole<Box<StreamTime<'s>>>>,
}

impl<O> Stream<'_, O> {
    /// Decodes the next batch; `false` at the end.
    fn refill(&mut self) -> Result<bool, Error> {
        let begun_ns = StreamTime::now_ns(&self.time);
        let mut decoded = Vec::new();
        let decode = self.decode;
        let more = self.rows.next::<Error>(&mut |batch| decode(batch, &mut decoded));
        // What was read before an error does not come after it.
        if more.is_ok() {
            self.ready = decoded.into_iter();
        }
        StreamTime::add(&mut self.time, begun_ns);
        if !matches!(more, Ok(true)) {
            // That was its end, and it is told of now.
            self.time = None;
        }
        more
    }
}

impl<O> Iterator for Stream<'_, O> {
    type Item = Result<O, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(one) = self.ready.next() {
                return Some(Ok(one));
            }
            match self.refill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<O> core::iter::FusedIterator for Stream<'_, O> {}

impl<O> fmt::Debug for Stream<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("decoded", &self.ready.len())
            .field("ended", &self.rows.is_ended())
            .finish()
    }
}
