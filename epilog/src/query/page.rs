//! `page`: a query's rows, so many at a time, each page found by where the last one ended.

use alloc::vec::Vec;

use super::continuation::Continuation;
use super::{Answers, Query, Reads, Scope};
use crate::engine::{self, Control, EngineError, OutputBatch, OutputColumn, PlanError, Reading};
use crate::expr::keyset::TermValue;
use crate::expr::{Keyset, SelectItem, Side};
use crate::{Error, ErrorKind};

/// Some of a query's rows, and where others are. Made by [`Query::page`].
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows, in the order of the query.
    pub items: Vec<T>,
    /// Where the page behind this one begins; `None` when this is the last.
    pub next: Option<Continuation>,
    /// Where the page in front of this one ends, for [`page_before`](Query::page_before); `None` when this is the first.
    pub previous: Option<Continuation>,
}

impl<S: Scope, O> Query<S, O> {
    /// At most `size` rows, from the first on, or from where another page of this query ended. A `size` of 0 counts as 1.
    ///
    /// A page is found by the values that its rows are ordered by, never by counting rows off: where an index, or the
    /// key, has them in order, the hundredth page takes no longer than the first. What was inserted or deleted in between moves
    /// nothing: no row comes twice, none that was there all along is left out, and the row that a page ended with may be gone.
    ///
    /// Rows come as [`order_by`](Query::order_by) says, those that it leaves equal in the order of their keys: the order
    /// is made total by them. Groups, and the rows of [`distinct`](Query::distinct) and [`union`](Query::union), are ordered by what
    /// tells them apart. What else the query says, applies as written: after a [`limit`](Query::limit) there are pages of the limited
    /// rows.
    ///
    /// After a `sample` they are pages of the rows that were drawn, in the same order, not in that in which those were drawn.
    ///
    /// What a filter compares with may differ between two pages, but for whether it is `None`, and how many values `in_` has; all else
    /// has to be the same.
    ///
    /// # Errors
    ///
    /// [`Continuation`](crate::ErrorKind::Continuation) when `after` is of another query;
    /// [`Plan`](crate::ErrorKind::Plan) when rows may be there twice, as those of [`union_all`](Query::union_all), so that nothing
    /// tells them apart; otherwise as [`all`](Query::all), of the rows of the page and of the one behind it, which is read to know
    /// whether there is one.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let albums = Album::query().order_by(|al| (al.year.desc(), al.artist().name)).select(|al| al.title);
    /// let first = albums.page(&db, 2, None)?;
    /// assert_eq!(first.items, ["Powerslave", "Crusader"]); // both of 1984
    ///
    /// db.write(|tx| Album::query().filter(|al| al.title.eq("Crusader")).delete().run(tx))?;
    /// let second = albums.page(&db, 2, first.next.as_ref())?;
    /// assert_eq!(second.items, ["Killers", "Demos"]);
    /// assert_eq!(second.next, None);
    ///
    /// let back = albums.page_before(&db, 2, second.previous.as_ref())?;
    /// assert_eq!(back.items, ["Powerslave"]); // and Crusader is gone
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn page<R: Answers<S>>(
        &self,
        from: &R,
        size: usize,
        after: Option<&Continuation>,
    ) -> Result<Page<O>, Error> {
        self.timed(from, || self.collect_page(from, size, Side::After, after))
    }

    /// At most `size` rows that come before a place, or the last ones: [`page`](Query::page) backwards. They are in the order of
    /// the query all the same.
    ///
    /// # Errors
    ///
    /// As [`page`](Query::page).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let tracks = Track::query().order_by(|t| t.name).select(|t| t.name);
    /// let last = tracks.page_before(&db, 3, None)?;
    /// assert_eq!(last.items, ["Crusader", "Flash of the Blade", "Wrathchild"]);
    /// let first = tracks.page_before(&db, 3, last.previous.as_ref())?;
    /// assert_eq!((first.items, first.previous), (vec!["Aces High".to_string()], None));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn page_before<R: Answers<S>>(
        &self,
        from: &R,
        size: usize,
        before: Option<&Continuation>,
    ) -> Result<Page<O>, Error> {
        self.timed(from, || self.collect_page(from, size, Side::Before, before))
    }

    /// How a page would be found: [`explain`](Query::explain) of what [`page`](Query::page) runs.
    ///
    /// # Errors
    ///
    /// As [`page`](Query::page) and [`explain`](Query::explain).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Track::query();
    /// let next = query.page(&db, 2, None)?.next;
    /// let plan = query.explain_page(&db, 2, next.as_ref())?;
    /// assert_eq!(plan.to_string(), "project Track, id\n  limit 3\n    key range Track by id > 2");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn explain_page<R: Answers<S>>(
        &self,
        from: &R,
        size: usize,
        after: Option<&Continuation>,
    ) -> Result<engine::Plan, Error> {
        let keyset = self.keyset()?;
        let place = after.map_or(Ok(Vec::new()), |at| at.values(keyset.shape(), keyset.len()))?;
        let draft = keyset.page(&place, Side::After, rows_of(size));
        let plan = from
            .with_reading(|reading| Ok(engine::explain(reading.operation().view(), &draft, &self.control)?));
        plan.map_err(|error| self.blamed(from, &keyset, &place, error))
    }

    /// The error of a page. A place has values of the types that the query has, unless somebody has made it up: what the query
    /// without it has no fault of is the place's.
    fn blamed(&self, from: &impl Reads, keyset: &Keyset, place: &[TermValue], error: Error) -> Error {
        let is_sound = || {
            let draft = keyset.page(&[], Side::After, 1);
            from.with_view(|view| Ok(engine::explain(view, &draft, &self.control)?)).is_ok()
        };
        match !place.is_empty() && error.kind() == ErrorKind::Plan && is_sound() {
            true => Error::continuation(super::continuation::OF_ANOTHER),
            false => error,
        }
    }

    fn keyset(&self) -> Result<Keyset, Error> {
        Keyset::of(&self.draft).map_err(|why| Error::from(EngineError::from(PlanError::NoPages { why })))
    }

    fn collect_page(
        &self,
        from: &impl Reads,
        size: usize,
        side: Side,
        place: Option<&Continuation>,
    ) -> Result<Page<O>, Error> {
        let asked = PageOf { size, side, place, control: &self.control };
        self.page_of(from, asked, Vec::new(), |_, _, _| Ok(()), |_, items, _| Ok(items))
    }

    /// A page of rows that also select `columns`, which `read` reads of a row, and of which something else may come out: `finish`
    /// gets the rows of the page in the order of the query, and what was read.
    pub(super) fn page_of<Seed, T>(
        &self,
        from: &impl Reads,
        asked: PageOf<'_>,
        columns: Vec<SelectItem>,
        mut read: impl FnMut(&OutputBatch<'_>, usize, usize) -> Result<Seed, Error>,
        finish: impl FnOnce(&dyn Reading, Vec<O>, Vec<Seed>) -> Result<Vec<T>, Error>,
    ) -> Result<Page<T>, Error> {
        let PageOf { size, side, place, control } = asked;
        let keyset = self.keyset()?;
        let shape = keyset.shape();
        let values = place.map_or(Ok(Vec::new()), |at| at.values(shape, keyset.len()))?;
        let mut draft = keyset.page(&values, side, rows_of(size));
        let own = keyset.columns() + keyset.len();
        if !columns.is_empty() {
            draft = super::with::selecting(&draft, columns).0;
        }
        let size = size.max(1);
        let (mut items, mut seeds) = (Vec::new(), Vec::new());
        let (mut first, mut last) = (None, None);
        let (mut is_read, mut goes_on) = (false, false);
        let page = from.with_reading(|reading| {
            engine::for_each(reading, &draft, control, &mut |batch: &OutputBatch<'_>| {
                let before = items.len();
                (self.decode)(batch, &mut items)?;
                // The row behind the last is not of the page.
                let of_page = batch.rows.min(size - before.min(size));
                for row in 0..of_page {
                    seeds.push(read(batch, row, own)?);
                }
                if of_page > 0 {
                    first.get_or_insert_with(|| place_of(&keyset, shape, batch, 0));
                    last = Some(place_of(&keyset, shape, batch, of_page - 1));
                }
                Ok::<(), Error>(())
            })?;
            is_read = true;
            goes_on = items.len() > size;
            items.truncate(size);
            if side == Side::Before {
                items.reverse();
                seeds.reverse();
            }
            finish(reading, items, seeds)
        });
        // What comes behind the rows has nothing to do with the place.
        let items = page.map_err(|error| match is_read {
            true => error,
            false => self.blamed(from, &keyset, &values, error),
        })?;
        // Behind a place there may be rows in front of it, and where nothing is left those begin at the end.
        let end = || Continuation::at(shape, core::iter::empty());
        let came_from = place.filter(|_| !values.is_empty());
        let far = last.filter(|_| goes_on);
        let near = came_from.map(|_| first.unwrap_or_else(end));
        Ok(match side {
            Side::After => Page { items, next: far, previous: near },
            Side::Before => Page { items, next: near, previous: far },
        })
    }
}

/// Which page is asked for, and what is asked for about finding it.
pub(super) struct PageOf<'p> {
    pub(super) size: usize,
    pub(super) side: Side,
    pub(super) place: Option<&'p Continuation>,
    pub(super) control: &'p Control,
}

/// The rows of a page, and one that says whether there is another.
fn rows_of(size: usize) -> u64 {
    (size.max(1) as u64).saturating_add(1)
}

/// The place of a row.
fn place_of(keyset: &Keyset, shape: u64, batch: &OutputBatch<'_>, row: usize) -> Continuation {
    let terms = &batch.columns[keyset.columns()..][..keyset.len()];
    Continuation::at(
        shape,
        terms.iter().map(|column| match column {
            OutputColumn::Values(vector) => (vector.ty(), vector.cell(row)),
            OutputColumn::Records { .. } => unreachable!("terms are values"),
        }),
    )
}
