//! The terminals: running a query.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::{self, Vec};
use core::panic::Location;

use super::DynamicQuery;
use super::row::{Row, read};
use crate::Error;
use crate::engine::{self, Plan};
use crate::expr::Draft;
use crate::query::run::{the_only, timed_at};
use crate::query::{Reads, Snapshot};

impl DynamicQuery {
    fn rows(&self, from: &impl Reads, draft: &Draft) -> Result<Vec<Row>, Error> {
        let names = self.names();
        let mut out = Vec::new();
        from.with_reading(|reading| {
            engine::for_each(reading, draft, &self.control, &mut |batch| read(batch, &names, &mut out))
        })?;
        Ok(out)
    }

    /// All rows, in order.
    ///
    /// # Errors
    ///
    /// [`Plan`](crate::ErrorKind::Plan) when something is wrong with the query, or `from` has not its collections; otherwise as
    /// [`Query::all`](crate::Query::all) of typed queries.
    #[track_caller]
    pub fn all(&self, from: &impl Reads) -> Result<Vec<Row>, Error> {
        let draft = self.draft()?;
        timed_at(from, draft, Location::caller(), || self.rows(from, draft))
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    ///
    /// As [`all`](DynamicQuery::all).
    #[track_caller]
    pub fn first(&self, from: &impl Reads) -> Result<Option<Row>, Error> {
        let draft = self.draft()?;
        let rows = timed_at(from, draft, Location::caller(), || self.rows(from, &draft.limited(1)))?;
        Ok(rows.into_iter().next())
    }

    /// The only row.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is none, [`NotUnique`](crate::ErrorKind::NotUnique) when there are more;
    /// otherwise as [`all`](DynamicQuery::all).
    #[track_caller]
    pub fn one(&self, from: &impl Reads) -> Result<Row, Error> {
        let draft = self.draft()?;
        let rows = timed_at(from, draft, Location::caller(), || self.rows(from, &draft.limited(2)))?;
        the_only(rows, draft)
    }

    /// How many rows there are.
    ///
    /// # Errors
    ///
    /// As [`all`](DynamicQuery::all).
    #[track_caller]
    pub fn count(&self, from: &impl Reads) -> Result<u64, Error> {
        let draft = self.draft()?;
        timed_at(from, draft, Location::caller(), || {
            from.with_reading(|reading| Ok(engine::count(reading, draft, &self.control)?))
        })
    }

    /// Whether there is a row.
    ///
    /// # Errors
    ///
    /// As [`all`](DynamicQuery::all).
    #[track_caller]
    pub fn exists(&self, from: &impl Reads) -> Result<bool, Error> {
        let draft = self.draft()?;
        timed_at(from, draft, Location::caller(), || {
            from.with_view(|view| Ok(engine::exists(view, draft, &self.control)?))
        })
    }

    /// How the query would be carried out.
    ///
    /// # Errors
    ///
    /// As [`all`](DynamicQuery::all), but for what only rows show.
    pub fn explain(&self, from: &impl Reads) -> Result<Plan, Error> {
        let draft = self.draft()?;
        from.with_reading(|reading| Ok(engine::explain(reading.operation().view(), draft, &self.control)?))
    }

    /// Carries the query out, and tells how that went.
    ///
    /// # Errors
    ///
    /// As [`all`](DynamicQuery::all).
    pub fn explain_analyze(&self, from: &impl Reads) -> Result<Plan, Error> {
        let draft = self.draft()?;
        from.with_reading(|reading| Ok(engine::analyze(reading, draft, &self.control)?))
    }

    /// All rows, in order, read as they are asked for, from a transaction.
    ///
    /// # Errors
    ///
    /// As [`all`](DynamicQuery::all) for beginning; an item is an error when reading it fails, and then the last.
    pub fn stream<'s, R: Snapshot>(&self, from: &'s R) -> Result<DynamicStream<'s>, Error> {
        let rows = engine::Stream::new(from.reading(), self.draft()?, &self.control)?;
        Ok(DynamicStream { rows, names: self.names(), ready: Vec::new().into_iter() })
    }
}

/// Rows that are read as they are asked for. Made by [`DynamicQuery::stream`].
#[derive(Debug)]
#[must_use = "a stream reads only what is asked of it"]
pub struct DynamicStream<'s> {
    rows: engine::Stream<'s>,
    names: Arc<[Option<String>]>,
    ready: vec::IntoIter<Row>,
}

impl Iterator for DynamicStream<'_> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.ready.next() {
                return Some(Ok(row));
            }
            let mut found = Vec::new();
            let names = &self.names;
            match self.rows.next::<Error>(&mut |batch| read(batch, names, &mut found)) {
                Ok(true) => self.ready = found.into_iter(),
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl core::iter::FusedIterator for DynamicStream<'_> {}
