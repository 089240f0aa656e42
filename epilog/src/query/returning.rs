//! `returning`: what a set-based change gives of the records that it changes.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::run::{Given, Writes, timed_change};
use super::selection::{DecodeBatch, Selection, decode_batch};
use super::{Delete, Scope, Update};
use crate::Error;
use crate::collection::{Collection, Within};
use crate::engine::OutputBatch;
use crate::expr::SelectItem;
use crate::parts::Whole;

/// A set-based change `W`, an [`Update`] or a [`Delete`], that gives a value of type `O` for each record. Made by
/// [`Update::returning`] and [`Delete::returning`], carried out by `run`.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let later = Album::query().filter(|al| al.year.eq(1984)).update(|al| al.year.set(al.year + 1));
/// let titles = later.returning(|al| (al.title, al.year));
/// let changed = db.write(|tx| titles.run(tx))?;
/// assert_eq!(changed, [("Powerslave".to_string(), Some(1985)), ("Crusader".to_string(), Some(1985))]);
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a change does nothing until it is run: `.run(tx)`"]
pub struct Returning<W, O> {
    change: W,
    items: Vec<SelectItem>,
    decode: DecodeBatch<O>,
    of: PhantomData<fn() -> O>,
}

impl<W, O> Returning<W, O> {
    fn new<C: Collection, X: Selection<C, Value = O>>(change: W, selection: X) -> Returning<W, O> {
        let mut items = Vec::new();
        selection.describe(&mut items);
        Returning { change, items, decode: decode_batch::<C, X>, of: PhantomData }
    }

    /// Calls `change` with what takes what it gives, and returns that.
    fn taken(&self, change: impl FnOnce(Given<'_>) -> Result<u64, Error>) -> Result<Vec<O>, Error> {
        let whole = Whole::build().expect("`returning` is not in small builds");
        let mut out = Vec::new();
        let mut each = |batch: &OutputBatch<'_>| (self.decode)(batch, &mut out);
        change(Given { items: &self.items, each: &mut each, whole })?;
        Ok(out)
    }
}

impl<C: Collection> Update<C> {
    /// Gives, when the update is carried out, what the closure names of each record *as it became*: as
    /// [`select`](crate::Query::select) a field, an expression, a whole record (`t`), a tuple or a view.
    ///
    /// What the closure reaches through a relation, or asks of other records, is as it is when all have changed. To have what was there
    /// before, ask for it before, in the same transaction.
    ///
    /// Values come in the order of the query: as its [`order_by`](crate::Query::order_by) says, without one as those of a query
    /// [without an ordering](crate::query#what-a-query-means). They are all in memory, as those of [`all`](crate::Query::all) are; [`memory`](crate::Query::memory) does not
    /// count them.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let short = Track::query().filter(|t| t.seconds.lt(250)).order_by(|t| t.name.desc());
    /// let changed: Vec<Track> =
    ///     db.write(|tx| short.update(|t| t.seconds.set(t.seconds * 2)).returning(|t| t).run(tx))?;
    /// let told: Vec<_> = changed.iter().map(|track| (track.name.as_str(), track.seconds)).collect();
    /// assert_eq!(told, [("Wrathchild", 348), ("Flash of the Blade", 490)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn returning<X: Selection<C>>(
        self,
        selection: impl FnOnce(<C as Scope>::Rows) -> X,
    ) -> Returning<Update<C>, X::Value> {
        let selection = selection(C::rows());
        Returning::new::<C, X>(self, selection)
    }
}

impl<C: Collection> Delete<C> {
    /// Gives, when the deletion is carried out, what the closure names of each record *as it was*: as
    /// [`select`](crate::Query::select) a field, an expression, a whole record (`t`), a tuple or a view.
    ///
    /// What the closure reaches through a relation, or asks of other records, is as it is before the first of them goes. Of records that go
    /// with them, because a relation says `#[on_delete(cascade)]`, nothing is given.
    ///
    /// Values come in the order of the query: as its [`order_by`](crate::Query::order_by) says, without one as those of a query
    /// [without an ordering](crate::query#what-a-query-means). They are all
    /// in memory, as those of [`all`](crate::Query::all) are; [`memory`](crate::Query::memory) does not count them.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // What is taken out of a queue.
    /// let next = Track::query().order_by(|t| t.seconds).limit(1).delete().returning(|t| (t.name, t.album().title));
    /// let taken = db.write(|tx| next.run(tx))?;
    /// assert_eq!(taken, [("Wrathchild".to_string(), "Killers".to_string())]);
    /// assert_eq!(Track::query().count(&db)?, 3);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn returning<X: Selection<C>>(
        self,
        selection: impl FnOnce(<C as Scope>::Rows) -> X,
    ) -> Returning<Delete<C>, X::Value> {
        let selection = selection(C::rows());
        Returning::new::<C, X>(self, selection)
    }
}

impl<C: Collection, O> Returning<Update<C>, O> {
    /// Carries out the update; returns what was asked for of each record, after it.
    ///
    /// # Errors
    ///
    /// As [`Update::run`]; [`Arithmetic`](crate::ErrorKind::Arithmetic) also when what is to be returned cannot be calculated. Nothing
    /// is changed then, and the transaction can go on.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let upper = Artist::query().update(|a| a.name.set(a.name.upper())).returning(|a| a.name);
    /// assert_eq!(db.write(|tx| upper.run(tx))?, ["IRON MAIDEN", "SAXON", "ZAPPA"]);
    ///
    /// // What is to be returned has no result: nothing is changed.
    /// let zero = Track::query().update(|t| t.seconds.set(0)).returning(|t| 3600 / t.seconds);
    /// assert_eq!(db.write(|tx| zero.run(tx)).unwrap_err().kind(), ErrorKind::Arithmetic);
    /// assert!(!Track::query().filter(|t| t.seconds.eq(0)).exists(&db)?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn run<W: Writes>(&self, transaction: &mut W) -> Result<Vec<O>, Error>
    where
        C: Within<W::Schema>,
    {
        let Update { draft, assignments, control, .. } = &self.change;
        timed_change(transaction, draft, |transaction| {
            self.taken(|given| transaction.update_records(draft, assignments, control, Some(given)))
        })
    }
}

impl<C: Collection, O> Returning<Delete<C>, O> {
    /// Carries out the deletion; returns what was asked for of each record, before it.
    ///
    /// # Errors
    ///
    /// As [`Delete::run`]; [`Arithmetic`](crate::ErrorKind::Arithmetic) also when what is to be returned cannot be calculated. Nothing
    /// is deleted then, and the transaction can go on.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let saxon = Artist::query().filter(|a| a.name.eq("Saxon")).delete().returning(|a| (a.name, a.albums().count()));
    /// assert_eq!(db.write(|tx| saxon.run(tx))?, [("Saxon".to_string(), 2)]);
    /// assert!(db.write(|tx| saxon.run(tx))?.is_empty());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn run<W: Writes>(&self, transaction: &mut W) -> Result<Vec<O>, Error>
    where
        C: Within<W::Schema>,
    {
        let Delete { draft, control, .. } = &self.change;
        timed_change(transaction, draft, |transaction| {
            self.taken(|given| transaction.delete_records(draft, control, Some(given)))
        })
    }
}

impl<W: Clone, O> Clone for Returning<W, O> {
    fn clone(&self) -> Self {
        let Returning { change, items, decode, .. } = self;
        Returning { change: change.clone(), items: items.clone(), decode: *decode, of: PhantomData }
    }
}

impl<W: fmt::Debug, O> fmt::Debug for Returning<W, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returning")
            .field("change", &self.change)
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}
