//! `for_each`: records where they are stored, one after the other.

use core::ops::ControlFlow;

use super::run::Answers;
use super::{Query, Reads};
use crate::Error;
use crate::collection::{Collection, Lending};
use crate::engine::{self, OutputBatch, OutputColumn};

/// What the closure of [`for_each`](Query::for_each) returns, and so whether it goes on:
///
/// | closure | goes on | `for_each` returns |
/// |---|---|---|
/// | `()` | always | `Result<(), Error>` |
/// | `ControlFlow<B>` | until `Break` | `Result<ControlFlow<B>, Error>` |
/// | `Result<(), Error>` | until `Err` | `Result<(), Error>` |
#[diagnostic::on_unimplemented(
    message = "`for_each` cannot tell by a `{Self}` whether to go on",
    label = "expected a closure that returns `()`, a `ControlFlow` or a `Result<(), epilog::Error>`",
    note = "an error of another type becomes one of the library by `Error::custom`; what a record is made of is put aside: `found.push(..);`"
)]
pub trait GoesOn: sealed::Sealed {
    /// What comes of all calls.
    type Outcome;

    /// Whether to go on; what comes of all calls if not.
    fn goes_on(self) -> ControlFlow<Result<Self::Outcome, Error>>;

    /// What comes of all calls where each went on.
    fn at_the_end() -> Self::Outcome;
}

#[diagnostic::do_not_recommend]
impl GoesOn for () {
    type Outcome = ();

    #[inline]
    fn goes_on(self) -> ControlFlow<Result<(), Error>> {
        ControlFlow::Continue(())
    }

    fn at_the_end() {}
}

#[diagnostic::do_not_recommend]
impl<B> GoesOn for ControlFlow<B> {
    type Outcome = ControlFlow<B>;

    #[inline]
    fn goes_on(self) -> ControlFlow<Result<ControlFlow<B>, Error>> {
        match self {
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
            ControlFlow::Break(found) => ControlFlow::Break(Ok(ControlFlow::Break(found))),
        }
    }

    fn at_the_end() -> ControlFlow<B> {
        ControlFlow::Continue(())
    }
}

#[diagnostic::do_not_recommend]
impl GoesOn for Result<(), Error> {
    type Outcome = ();

    #[inline]
    fn goes_on(self) -> ControlFlow<Result<(), Error>> {
        match self {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Err(error)),
        }
    }

    fn at_the_end() {}
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<B> Sealed for core::ops::ControlFlow<B> {}
    impl Sealed for Result<(), crate::Error> {}
}

/// What a call of the closure came to, if it ended the loop.
enum Ended<T> {
    /// By what the closure returned.
    Outcome(Result<T, Error>),
    Failed(Error),
}

impl<T> From<engine::EngineError> for Ended<T> {
    fn from(error: engine::EngineError) -> Ended<T> {
        Ended::Failed(error.into())
    }
}

impl<T> From<engine::ExecError> for Ended<T> {
    fn from(error: engine::ExecError) -> Ended<T> {
        Ended::Failed(error.into())
    }
}

impl<S, O> Query<S, O> {
    /// Calls `each` with every record, in order, where it is stored: a [`Borrowed`](crate::collection::Borrowed) record reads the fields
    /// that it is asked for, and copies no text. No record is made, and nothing is allocated for one.
    ///
    /// The closure returns nothing, or says whether to go on: see [`GoesOn`]. It may read and write the database that it is given records of;
    /// what it is given are those of one snapshot all the same. What is read for a batch of records stays in memory until the closure
    /// has had them.
    ///
    /// For a query of whole records: of a collection, or one that selects one record of each row (`select(|t| t.album())`).
    ///
    /// # Errors
    ///
    /// As [`all`](Query::all), and when a value that the closure asked for could not be read; what the closure returns. It has been
    /// called with the records in front by then, but when reading fails for those that were to be read together with the one that failed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::ops::ControlFlow;
    #[doc = include_str!("../example.txt")]
    ///
    /// let mut longest = String::new();
    /// Track::query().for_each(&db, |t| {
    ///     if t.name().len() > longest.len() {
    ///         longest = t.name().to_string();
    ///     }
    /// })?;
    /// assert_eq!(longest, "Flash of the Blade");
    ///
    /// // The first that something is true of, which no operator says.
    /// let found = Track::query().order_by(|t| t.seconds).for_each(&db, |t| match t.name().split(' ').count() {
    ///     2 => ControlFlow::Break(t.id()),
    ///     _ => ControlFlow::Continue(()),
    /// })?;
    /// assert_eq!(found, ControlFlow::Break(Id::new(2)));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn for_each<R: Answers<S>, X: GoesOn>(
        &self,
        from: &R,
        mut each: impl FnMut(O::Borrowed<'_>) -> X,
    ) -> Result<X::Outcome, Error>
    where
        O: Collection,
    {
        let mut lend = |batch: &OutputBatch<'_>| lend_all::<O, X>(batch, &mut each);
        match self.timed(from, || self.lend(from, &mut lend)) {
            Ok(None) => Ok(X::at_the_end()),
            Ok(Some(outcome)) => outcome,
            Err(error) => Err(error),
        }
    }

    /// Gives the batches to `lend` until one of them ends it.
    fn lend<T>(
        &self,
        from: &impl Reads,
        lend: &mut dyn FnMut(&OutputBatch<'_>) -> Result<(), Ended<T>>,
    ) -> Result<Option<Result<T, Error>>, Error> {
        let mut is_point = false;
        let ended = from.with_view(|view| {
            let Some(mut rows) = engine::run_point(view, &self.draft, &self.control)? else {
                return Ok(None);
            };
            is_point = true;
            while let Some(batch) = rows.next_batch()? {
                if let Err(ended) = lend(&batch) {
                    return Ok(Some(ended));
                }
            }
            Ok(None)
        })?;
        let ended = match ended {
            None if !is_point => {
                let draft = &self.draft;
                let all = from.with_reading(|reading| {
                    Ok(engine::for_each::<Ended<T>>(reading, draft, &self.control, lend))
                })?;
                all.err()
            }
            ended => ended,
        };
        match ended {
            None => Ok(None),
            Some(Ended::Outcome(outcome)) => Ok(Some(outcome)),
            Some(Ended::Failed(error)) => Err(error),
        }
    }
}

/// Calls `each` with the records of a batch.
fn lend_all<C: Collection, X: GoesOn>(
    batch: &OutputBatch<'_>,
    each: &mut impl FnMut(C::Borrowed<'_>) -> X,
) -> Result<(), Ended<X::Outcome>> {
    let [OutputColumn::Records { collection, rows }] = batch.columns.as_slice() else {
        let only_records = "`for_each` is for queries of whole records";
        return Err(Ended::Failed(Error::custom(only_records)));
    };
    for row in rows {
        let Some(record) = row else {
            return Err(Ended::Failed(Error::missing_row(C::schema().name)));
        };
        let went = Lending::new(*record, collection).lend::<C, X>(&mut *each);
        match went.map_err(|error| Ended::Failed(error.into()))?.goes_on() {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(outcome) => return Err(Ended::Outcome(outcome)),
        }
    }
    Ok(())
}
