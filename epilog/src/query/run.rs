//! The terminals: running a query.
//!
//! A query runs against anything that reads: a database, a read transaction, a write transaction. The draft goes to the
//! engine in one call that is not generic; what comes back is decoded batch by batch.

use alloc::vec::{self, Vec};
use core::fmt;

use super::selection::DecodeBatch;
use super::{Query, Scope, Sources};
use crate::Error;
use crate::collection::{Schema, Within};
use crate::engine::{self, Plan, Rows, View};
use crate::expr::{Assignment, Draft};

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
}

/// What queries about collection `C` can be run against: whatever [`Reads`] and has `C` in its schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot answer queries about `{C}`",
    label = "not a database or transaction that holds `{C}`",
    note = "add `{C}` to the list in `epilog::schema!`; pass a reference: `.all(&db)?`, `.all(&tx)?`"
)]
pub trait Answers<C>: Reads {}

#[diagnostic::do_not_recommend]
impl<C: Within<R::Schema>, R: Reads> Answers<C> for R {}

/// What reads the same for as long as it lives: a transaction. Queries can be streamed from it.
#[diagnostic::on_unimplemented(
    message = "a query cannot be streamed from `{Self}`",
    label = "expected a transaction",
    note = "begin one with `db.read()?`; the stream borrows it"
)]
pub trait Snapshot: Reads {
    /// What is stored.
    #[doc(hidden)]
    fn view(&self) -> View<'_>;
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
    fn update_records(&mut self, draft: &Draft, assignments: &[Assignment]) -> Result<u64, Error>;

    /// Carries out a deletion; returns how many records were deleted.
    ///
    /// # Errors
    ///
    /// When a constraint forbids it or reading fails; nothing is deleted then.
    #[doc(hidden)]
    fn delete_records(&mut self, draft: &Draft) -> Result<u64, Error>;
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

    fn with_view<T>(&self, then: impl FnOnce(View<'_>) -> Result<T, Error>) -> Result<T, Error> {
        (**self).with_view(then)
    }
}

#[diagnostic::do_not_recommend]
impl<R: Reads> Reads for &mut R {
    type Schema = R::Schema;

    fn with_view<T>(&self, then: impl FnOnce(View<'_>) -> Result<T, Error>) -> Result<T, Error> {
        (**self).with_view(then)
    }
}

#[diagnostic::do_not_recommend]
impl<R: Snapshot> Snapshot for &R {
    fn view(&self) -> View<'_> {
        (**self).view()
    }
}

#[diagnostic::do_not_recommend]
impl<R: Snapshot> Snapshot for &mut R {
    fn view(&self) -> View<'_> {
        (**self).view()
    }
}

impl<S: Sources, O> Query<S, O> {
    /// All that comes out, in order.
    ///
    /// # Errors
    ///
    /// When reading fails, or arithmetic has no result for a record that is part of the answer.
    pub fn all<R: Answers<S::Root>>(&self, from: &R) -> Result<Vec<O>, Error> {
        from.with_view(|view| collect(engine::run(view, &self.draft)?, self.decode))
    }

    /// The one that comes out.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when nothing does, [`NotUnique`](crate::ErrorKind::NotUnique) when more
    /// than one does; otherwise as [`all`](Query::all).
    pub fn one<R: Answers<S::Root>>(&self, from: &R) -> Result<O, Error> {
        let found = from.with_view(|view| collect(engine::run_first(view, &self.draft, 2)?, self.decode))?;
        let collection = (self.draft.root)().name;
        let several = found.len() > 1;
        match found.into_iter().next() {
            Some(_) if several => Err(Error::several_records(collection)),
            Some(one) => Ok(one),
            None => Err(Error::no_record(collection)),
        }
    }

    /// How the query would be carried out: a tree of operators, with a text form.
    ///
    /// # Errors
    ///
    /// When a collection that a subquery looks into is not in the database's schema, or statistics cannot be read.
    pub fn explain<R: Answers<S::Root>>(&self, from: &R) -> Result<Plan, Error> {
        from.with_view(|view| Ok(engine::explain(view, &self.draft)?))
    }
}

impl<S: Scope, O> Query<S, O> {
    /// The first that comes out, if any does.
    ///
    /// # Errors
    ///
    /// As [`all`](Query::all).
    pub fn first<R: Answers<S::Root>>(&self, from: &R) -> Result<Option<O>, Error> {
        let found = from.with_view(|view| collect(engine::run_first(view, &self.draft, 1)?, self.decode))?;
        Ok(found.into_iter().next())
    }

    /// Whether anything comes out.
    ///
    /// # Errors
    ///
    /// As [`all`](Query::all).
    pub fn exists<R: Answers<S::Root>>(&self, from: &R) -> Result<bool, Error> {
        from.with_view(|view| Ok(engine::exists(view, &self.draft)?))
    }

    /// How many come out. Nothing is decoded for it.
    ///
    /// # Errors
    ///
    /// As [`all`](Query::all).
    pub fn count<R: Answers<S::Root>>(&self, from: &R) -> Result<u64, Error> {
        from.with_view(|view| Ok(engine::count(view, &self.draft)?))
    }

    /// All that comes out, in order, read as it is asked for.
    ///
    /// The transaction stays borrowed: a write transaction cannot write before the stream is dropped.
    ///
    /// # Errors
    ///
    /// When the query cannot be begun; each item is an error when reading it fails, and then the last.
    pub fn stream<'s, R: Snapshot + Answers<S::Root>>(&self, from: &'s R) -> Result<Stream<'s, O>, Error> {
        let rows = engine::run(from.view(), &self.draft)?;
        Ok(Stream { rows: Some(rows), decode: self.decode, ready: Vec::new().into_iter() })
    }
}

/// Takes the rows of a query to their end.
fn collect<O>(mut rows: Rows<'_>, decode: DecodeBatch<O>) -> Result<Vec<O>, Error> {
    let mut out = Vec::new();
    while let Some(batch) = rows.next_batch()? {
        decode(&batch, &mut out)?;
    }
    Ok(out)
}

/// What comes out of a query, read as it is asked for. Made by [`Query::stream`].
#[must_use = "a stream reads only what is asked of it"]
pub struct Stream<'s, O> {
    rows: Option<Rows<'s>>,
    decode: DecodeBatch<O>,
    ready: vec::IntoIter<O>,
}

impl<O> Stream<'_, O> {
    /// Decodes the next batch; `false` at the end.
    fn refill(&mut self) -> Result<bool, Error> {
        let Some(rows) = &mut self.rows else { return Ok(false) };
        let Some(batch) = rows.next_batch()? else { return Ok(false) };
        let mut decoded = Vec::new();
        (self.decode)(&batch, &mut decoded)?;
        self.ready = decoded.into_iter();
        Ok(true)
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
                Ok(false) => {
                    self.rows = None;
                    return None;
                }
                Err(error) => {
                    self.rows = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl<O> core::iter::FusedIterator for Stream<'_, O> {}

impl<O> fmt::Debug for Stream<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("decoded", &self.ready.len())
            .field("ended", &self.rows.is_none())
            .finish()
    }
}
