//! `update`: changes every record of a query.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::Query;
use super::operator::Operand;
use super::run::{Writes, timed_change};
use super::selection::for_tuples;
use crate::Error;
use crate::collection::{Collection, Own, OwnField, Proxy, Within};
use crate::engine::Control;
use crate::expr::{Assignment, Draft, RowPath};
use crate::value::Value;

/// One assignment to a field of collection `S`. Made by [`OwnField::set`].
#[must_use = "an assignment does nothing unless `update` is given it"]
pub struct Assign<S> {
    assignment: Assignment,
    scope: PhantomData<fn() -> S>,
}

/// What `update` takes: an assignment, or a tuple of up to ten.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an assignment to fields of `{S}`",
    label = "expected assignments, such as `t.name.set(\"x\")`",
    note = "several are a tuple of at most ten: `(t.name.set(\"x\"), t.price.set(t.price * 2.0))`"
)]
pub trait Assignments<S> {
    /// Appends the assignments.
    fn describe(self, assignments: &mut Vec<Assignment>);
}

/// A change of every record of a query. Made by [`Query::update`], carried out by [`run`](Update::run).
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let later = Album::query().update(|al| al.year.set(al.year + 1));
/// db.write(|tx| later.run(tx))?;
/// let years = Album::query().select(|al| al.year).all(&db)?;
/// assert_eq!(years, [Some(1982), Some(1985), Some(1985), None]);
/// # Ok::<(), Error>(())
/// ```
#[must_use = "an update does nothing until it is run: `.run(tx)`"]
pub struct Update<C> {
    pub(super) draft: Draft,
    pub(super) assignments: Vec<Assignment>,
    pub(super) control: Control,
    of: PhantomData<fn() -> C>,
}

impl<C: Collection> Query<C, C> {
    /// Sets fields of every record of the query: one, or a tuple of up to ten assignments made by [`set`](OwnField::set).
    ///
    /// Every assignment sees the values from before the update; of two of one field the last counts. Fields of the key cannot be set.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Track::query().filter(|t| t.composer.is_none());
    /// let update = query.update(|t| (t.composer.set(t.album().artist().name), t.seconds.set(t.seconds + 5)));
    /// assert_eq!(db.write(|tx| update.run(tx))?, 1);
    /// let track: Track = db.get(Id::new(4))?.expect("the fourth track");
    /// assert_eq!((track.composer.as_deref(), track.seconds), (Some("Saxon"), 400));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn update<X: Assignments<C>>(self, assignments: impl FnOnce(C::Fields<C, Own>) -> X) -> Update<C> {
        let mut list = Vec::new();
        assignments(Proxy::at(RowPath::source(0))).describe(&mut list);
        Update { draft: self.draft, assignments: list, control: self.control, of: PhantomData }
    }
}

impl<S, T: Value> OwnField<S, T> {
    /// Assigns to the field: a value, or a field or expression of the record as it was before.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let update = Album::query().filter(|al| al.title.eq("Demos")).update(|al| al.year.set(Some(1978)));
    /// db.write(|tx| update.run(tx))?;
    /// assert_eq!(db.get::<Album>(Id::new(4))?.and_then(|album| album.year), Some(1978));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn set(self, value: impl Operand<T, S>) -> Assign<S> {
        let assignment =
            Assignment { ordinal: self.path().ordinal, expression: value.into_expression().whole() };
        Assign { assignment, scope: PhantomData }
    }
}

impl<C: Collection> Update<C> {
    /// Carries out the update; returns how many records the query had.
    ///
    /// The records are found before the first one changes. Unique indexes are checked when all have changed, so that
    /// values may move from record to record.
    ///
    /// # Errors
    ///
    /// [`UniqueViolation`](crate::ErrorKind::UniqueViolation),
    /// [`ReferenceViolation`](crate::ErrorKind::ReferenceViolation) and [`Constraint`](crate::ErrorKind::Constraint)
    /// when a new value breaks a constraint; [`Arithmetic`](crate::ErrorKind::Arithmetic) when it cannot be calculated;
    /// otherwise as [`all`](Query::all). Nothing is changed then, and the transaction can go on.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let all_alike = Artist::query().update(|a| a.name.set("Saxon"));
    /// let refused = db.write(|tx| all_alike.run(tx));
    /// assert_eq!(refused.unwrap_err().kind(), ErrorKind::UniqueViolation);
    ///
    /// let upper = Artist::query().update(|a| a.name.set(a.name.upper()));
    /// assert_eq!(db.write(|tx| upper.run(tx))?, 3);
    /// assert!(Artist::query().filter(|a| a.name.eq("ZAPPA")).exists(&db)?);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn run<W: Writes>(&self, transaction: &mut W) -> Result<u64, Error>
    where
        C: Within<W::Schema>,
    {
        timed_change(transaction, &self.draft, |transaction| {
            transaction.update_records(&self.draft, &self.assignments, &self.control, None)
        })
    }

    /// Which records are changed.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// What is assigned.
    pub fn assignments(&self) -> &[Assignment] {
        &self.assignments
    }
}

#[diagnostic::do_not_recommend]
impl<S> Assignments<S> for Assign<S> {
    fn describe(self, assignments: &mut Vec<Assignment>) {
        assignments.push(self.assignment);
    }
}

macro_rules! assignments_of_tuple {
    ($($part:ident $at:tt),*) => {
        #[diagnostic::do_not_recommend]
        impl<S, $($part: Assignments<S>),*> Assignments<S> for ($($part,)*) {
            fn describe(self, assignments: &mut Vec<Assignment>) {
                $(self.$at.describe(assignments);)*
            }
        }
    };
}

for_tuples!(assignments_of_tuple);

impl<C> Clone for Update<C> {
    fn clone(&self) -> Self {
        let Update { draft, assignments, control, .. } = self;
        Update {
            draft: draft.clone(),
            assignments: assignments.clone(),
            control: control.clone(),
            of: PhantomData,
        }
    }
}

impl<C> fmt::Debug for Update<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update")
            .field("root", &(self.draft.root)().name)
            .field("clauses", &self.draft.clauses)
            .field("assignments", &self.assignments)
            .finish()
    }
}

impl<S> fmt::Debug for Assign<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Assign").field(&self.assignment).finish()
    }
}
