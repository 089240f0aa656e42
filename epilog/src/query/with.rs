//! [`With`]: a query with records that belong to its rows, and its terminals.
//!
//! A terminal reads the rows as that of a plain query does, with a few columns more: those that say what belongs to a row.
//! What does is found by [`include`](super::include).
//!
//! - What comes out of a query, and in which order, is the same with and without: so the places of pages are, too.
//! - Everything is read from one snapshot, and what was asked for about the run, its timeout for one, is of all of it together.

mod stream;

use alloc::vec::Vec;
use core::fmt;

pub use stream::WithStream;

use super::include::{Beside, Includes, Source};
use super::page::PageOf;
use super::selection::RowReader;
use super::{Answers, Continuation, Page, Query, Reads, Scope};
use crate::Error;
use crate::engine::{self, Control, OutputBatch, Plan, View};
use crate::expr::{Clause, Draft, RowPath, SelectItem, Side};

/// A query whose rows come together with records that belong to them. Made by [`Query::with`].
#[must_use = "a query does nothing until it is run: `.all(&db)`, `.one(&db)`, `.page(&db, ..)`, .."]
pub struct With<S, O, X> {
    query: Query<S, O>,
    includes: X,
}

impl<S: Scope, O> Query<S, O> {
    /// Every row together with records that belong to it: those of the other side of a relation as a `Vec`, empty when there
    /// are none, the record of a relation to one as it is. What comes out is a tuple of the row and of these. It is the last
    /// clause of a query, and none of its records is one that the others do not come with.
    ///
    /// The records of a `Vec` come in the order of their keys, or where a query [without an ordering](crate::query#what-a-query-means)
    /// has them in that of their insertion, in that; [`order_by`](crate::collection::Many::order_by) and [`limit`](crate::collection::Many::limit) are
    /// about those of each row, and `with` within `with` goes on to what belongs to them. However many rows there are, each
    /// relation takes one more query, through its index where that is quicker than reading the collection. What belongs to all
    /// rows is in memory at the end, and with [`memory`](Query::memory) or
    /// [`query_memory`](crate::Options::query_memory) a query ends with [`Memory`](crate::ErrorKind::Memory) when that takes
    /// more: [`page`](With::page) and [`stream`](With::stream) have it of some rows at a time. All are read from one snapshot. A
    /// [`timeout`](Query::timeout) is that of all of them together, and is asked for before `with`, as all about the run is.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let artists: Vec<(Artist, Vec<Album>)> = Artist::query().with(|a| a.albums()).all(&db)?;
    /// let counts: Vec<usize> = artists.iter().map(|(_, albums)| albums.len()).collect();
    /// assert_eq!(counts, [2, 2, 0]);
    ///
    /// // Of each artist the newest album, with its tracks.
    /// let newest: Vec<(Artist, Vec<(Album, Vec<Track>)>)> = Artist::query()
    ///     .filter(|a| a.name.eq("Iron Maiden"))
    ///     .with(|a| a.albums().order_by(|al| al.year.desc()).limit(1).with(|al| al.tracks()))
    ///     .all(&db)?;
    /// let (album, tracks) = &newest[0].1[0];
    /// assert_eq!((album.title.as_str(), tracks.len()), ("Powerslave", 2));
    ///
    /// // Several at once, and a relation to one.
    /// let (album, tracks, artist) = Album::query().with(|al| (al.tracks(), al.artist())).first(&db)?.expect("four albums");
    /// assert_eq!((album.title.as_str(), tracks.len(), artist.name.as_str()), ("Killers", 1, "Iron Maiden"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with<X: Includes<Scope = S>>(self, includes: impl FnOnce(S::Rows) -> X) -> With<S, O, X> {
        With { query: self, includes: includes(S::rows()) }
    }
}

impl<S: Scope, O, X: Includes> With<S, O, X> {
    /// All rows, in order, with what belongs to them.
    ///
    /// # Errors
    ///
    /// As [`Query::all`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let tracks: Vec<(Track, Album)> = Track::query().order_by(|t| t.seconds.desc()).with(|t| t.album()).all(&db)?;
    /// assert_eq!(tracks[0].1.title, "Crusader");
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn all<R: Answers<S>>(&self, from: &R) -> Result<Vec<X::With<O>>, Error> {
        self.query.timed(from, || self.collect(from, &self.query.draft))
    }

    /// The first row, if there is one, with what belongs to it.
    ///
    /// # Errors
    ///
    /// As [`Query::all`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let first = Artist::query().order_by(|a| a.name.desc()).with(|a| a.albums()).first(&db)?;
    /// assert!(first.is_some_and(|(artist, albums)| artist.name == "Zappa" && albums.is_empty()));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn first<R: Answers<S>>(&self, from: &R) -> Result<Option<X::With<O>>, Error> {
        let found = self.query.timed(from, || self.collect(from, &self.query.draft.limited(1)))?;
        Ok(found.into_iter().next())
    }

    /// The only row, with what belongs to it.
    ///
    /// # Errors
    ///
    /// As [`Query::one`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let (saxon, albums) = Artist::query().filter(|a| a.name.eq("Saxon")).with(|a| a.albums()).one(&db)?;
    /// assert_eq!((saxon.name.as_str(), albums.len()), ("Saxon", 2));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn one<R: Answers<S>>(&self, from: &R) -> Result<X::With<O>, Error> {
        let found = self.query.timed(from, || self.collect(from, &self.query.draft.limited(2)))?;
        super::run::the_only(found, &self.query.draft)
    }

    /// At most `size` rows, from the first on, or from where another page of this query ended, with what belongs to them:
    /// [`Query::page`]. Its places are those of the query without `with`: a page of one goes on where one of the other ended.
    ///
    /// # Errors
    ///
    /// As [`Query::page`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().order_by(|a| a.name).with(|a| a.albums().order_by(|al| al.title));
    /// let first = query.page(&db, 2, None)?;
    /// let titles = |albums: &[Album]| albums.iter().map(|album| album.title.clone()).collect::<Vec<_>>();
    /// assert_eq!(titles(&first.items[0].1), ["Killers", "Powerslave"]);
    /// let second = query.page(&db, 2, first.next.as_ref())?;
    /// assert_eq!((second.items[0].0.name.as_str(), second.items[0].1.len()), ("Zappa", 0));
    ///
    /// let plain = Artist::query().order_by(|a| a.name);
    /// assert_eq!(plain.page(&db, 2, first.next.as_ref())?.items, [second.items[0].0.clone()]);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn page<R: Answers<S>>(
        &self,
        from: &R,
        size: usize,
        after: Option<&Continuation>,
    ) -> Result<Page<X::With<O>>, Error> {
        self.query.timed(from, || self.collect_page(from, size, Side::After, after))
    }

    /// At most `size` rows that come before a place, or the last ones, with what belongs to them: [`Query::page_before`].
    ///
    /// # Errors
    ///
    /// As [`Query::page`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let last = Artist::query().with(|a| a.albums()).page_before(&db, 2, None)?;
    /// let counts: Vec<_> = last.items.iter().map(|(artist, albums)| (artist.name.as_str(), albums.len())).collect();
    /// assert_eq!(counts, [("Saxon", 2), ("Zappa", 0)]);
    /// assert!(last.next.is_none() && last.previous.is_some());
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn page_before<R: Answers<S>>(
        &self,
        from: &R,
        size: usize,
        before: Option<&Continuation>,
    ) -> Result<Page<X::With<O>>, Error> {
        self.query.timed(from, || self.collect_page(from, size, Side::Before, before))
    }

    /// How many rows come out: [`Query::count`]. Nothing that belongs to them is read.
    ///
    /// # Errors
    ///
    /// As [`Query::count`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// assert_eq!(Artist::query().with(|a| a.albums()).count(&db)?, 3);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn count<R: Answers<S>>(&self, from: &R) -> Result<u64, Error> {
        self.query.count(from)
    }

    /// Whether any row comes out: [`Query::exists`]. Nothing that belongs to it is read.
    ///
    /// # Errors
    ///
    /// As [`Query::exists`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().filter(|a| a.name.eq("Zappa")).with(|a| a.albums());
    /// assert!(query.exists(&db)?, "an artist without albums is one");
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn exists<R: Answers<S>>(&self, from: &R) -> Result<bool, Error> {
        self.query.exists(from)
    }

    /// How the rows would be found: [`Query::explain`]. How what belongs to them is found depends on how many rows there are
    /// and is decided then: [`explain_analyze`](With::explain_analyze) tells it.
    ///
    /// # Errors
    ///
    /// As [`Query::explain`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().filter(|a| a.name.eq("Saxon")).with(|a| a.albums());
    /// let text = "project Artist, id\n  index lookup Artist by name = \"Saxon\"";
    /// assert_eq!(query.explain(&db)?.to_string(), text);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn explain<R: Answers<S>>(&self, from: &R) -> Result<Plan, Error> {
        let (draft, _) = self.selecting(&self.query.draft);
        from.with_reading(|reading| {
            Ok(engine::explain(reading.operation().view(), &draft, &self.query.control)?)
        })
    }

    /// Carries the query out as [`all`](With::all) does, and tells how that went. The plan begins with an operator `with`, over
    /// that of the rows and one `belonging` for each relation, over the plan by which its records were found and those
    /// of what belongs to these. Where many keys are asked for, so that it takes several queries, their numbers are added up.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Errors
    ///
    /// As [`all`](With::all).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().with(|a| a.albums().with(|al| al.tracks()));
    /// let plan = query.explain_analyze(&db)?;
    /// let belonging = plan.operators().into_iter().filter(|node| node.operator == "belonging");
    /// let told: Vec<_> = belonging.map(|node| (node.detail.as_str(), node.actual.map(|actual| actual.rows))).collect();
    /// assert_eq!(told, [("Album by artist", Some(4)), ("Track by album", Some(4))]);
    /// assert!(plan.to_string().starts_with("with\n  project Artist, id\n    scan Artist\n  belonging Album by artist\n"));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(not(feature = "small"))]
    pub fn explain_analyze<R: Answers<S>>(&self, from: &R) -> Result<Plan, Error> {
        from.with_reading(|reading| {
            let now_ns = || reading.operation().view().now_ns();
            let begun_ns = now_ns();
            let (control, beside) = self.begin(reading.operation().view(), true);
            let (draft, own) = self.selecting(&self.query.draft);
            let (mut values, mut seeds) = (Vec::new(), Vec::new());
            let rows = engine::analyze_each(reading, &draft, &control, &mut |batch: &OutputBatch<'_>| {
                self.read(batch, own, &beside, &mut values, &mut seeds)
            })?;
            let source = Source { reading, control: &control, beside: &beside };
            self.includes.finish(source, values.into_iter().zip(seeds).collect())?;
            Ok(rows.with_belonging(beside.told(), now_ns().saturating_sub(begun_ns)))
        })
    }

    fn collect(&self, from: &impl Reads, draft: &Draft) -> Result<Vec<X::With<O>>, Error> {
        let (draft, own) = self.selecting(draft);
        from.with_reading(|reading| {
            let (control, beside) = self.begin(reading.operation().view(), false);
            let (mut values, mut seeds) = (Vec::new(), Vec::new());
            engine::for_each(reading, &draft, &control, &mut |batch: &OutputBatch<'_>| {
                self.read(batch, own, &beside, &mut values, &mut seeds)
            })?;
            let source = Source { reading, control: &control, beside: &beside };
            self.includes.finish(source, values.into_iter().zip(seeds).collect())
        })
    }

    fn collect_page(
        &self,
        from: &impl Reads,
        size: usize,
        side: Side,
        place: Option<&Continuation>,
    ) -> Result<Page<X::With<O>>, Error> {
        let mut columns = Vec::new();
        self.includes.describe(&mut columns);
        let (control, beside) = from.with_view(|view| Ok(self.begin(view, false)))?;
        let asked = PageOf { size, side, place, control: &control };
        let read = |batch: &OutputBatch<'_>, row, own| read_seed::<X>(batch, row, own, &beside);
        self.query.page_of(from, asked, columns, read, |reading, values, seeds| {
            let source = Source { reading, control: &control, beside: &beside };
            self.includes.finish(source, values.into_iter().zip(seeds).collect())
        })
    }

    /// Reads the rows of a batch, what belongs to which is told by the columns from `own` on.
    fn read(
        &self,
        batch: &OutputBatch<'_>,
        own: usize,
        beside: &Beside,
        values: &mut Vec<O>,
        seeds: &mut Vec<X::Seed>,
    ) -> Result<(), Error> {
        (self.query.decode)(batch, values)?;
        for row in 0..batch.rows {
            seeds.push(read_seed::<X>(batch, row, own, beside)?);
        }
        Ok(())
    }

    /// What all queries of this one have in common, which begin now.
    fn begin(&self, view: View<'_>, is_analysed: bool) -> (Control, Beside) {
        #[cfg(not(feature = "small"))]
        let control = self.query.control.begun(view);
        #[cfg(feature = "small")]
        let control = self.query.control.clone();
        let beside = Beside::of(view, &control, is_analysed);
        (control, beside)
    }

    /// A draft that also selects what says what belongs to its rows, and how many columns come before that.
    fn selecting(&self, draft: &Draft) -> (Draft, usize) {
        let mut columns = Vec::new();
        self.includes.describe(&mut columns);
        selecting(draft, columns)
    }
}

/// Reads what says what belongs to a row.
fn read_seed<X: Includes>(
    batch: &OutputBatch<'_>,
    row: usize,
    own: usize,
    beside: &Beside,
) -> Result<X::Seed, Error> {
    beside.hold(|| Ok(size_of::<X::Seed>() + batch.variable_bytes(row, own)?))?;
    X::read(&mut RowReader::from_column(batch, row, own))
}

/// A draft that also selects `columns`, and how many it selects before them.
pub(super) fn selecting(draft: &Draft, columns: Vec<SelectItem>) -> (Draft, usize) {
    let mut draft = draft.clone();
    // What a recursion found are keys: the records that they are of are joined behind it, and are the first source.
    let found = draft.clauses.iter().rposition(|clause| matches!(clause, Clause::Recursive(..)));
    let first = found.map_or(1, |_| 0);
    let behind = draft.clauses.iter().skip(found.unwrap_or(0));
    let sources = first + behind.filter(|clause| matches!(clause, Clause::Join { .. })).count();
    let selected = draft.clauses.iter().rposition(|clause| matches!(clause, Clause::Select(_)));
    let joined = draft.clauses.iter().rposition(|clause| matches!(clause, Clause::Join { .. }));
    let mut items = match selected {
        // What was selected before a join is not what comes out.
        Some(at) if joined.is_none_or(|joined| joined < at) => match &draft.clauses[at] {
            Clause::Select(items) => items.clone(),
            _ => Vec::new(),
        },
        _ => (0..sources as u8).map(|source| SelectItem::Record(RowPath::source(source))).collect(),
    };
    let own = items.len();
    items.extend(columns);
    draft.clauses.push(Clause::Select(items));
    (draft, own)
}

impl<S, O, X: Clone> Clone for With<S, O, X> {
    fn clone(&self) -> Self {
        With { query: self.query.clone(), includes: self.includes.clone() }
    }
}

impl<S, O, X> fmt::Debug for With<S, O, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("With").field("query", &self.query).finish_non_exhaustive()
    }
}
