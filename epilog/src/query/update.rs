//! `update`: changes every record of a query.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::Query;
use super::operator::Operand;
use super::run::Writes;
use super::selection::for_tuples;
use crate::Error;
use crate::collection::{Collection, Own, OwnField, Proxy, Within};
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

/// A change of every record of a query. Made by [`Query::update`].
#[must_use = "an update does nothing until it is run: `.run(tx)`"]
pub struct Update<C> {
    draft: Draft,
    assignments: Vec<Assignment>,
    of: PhantomData<fn() -> C>,
}

impl<C: Collection> Query<C, C> {
    /// Sets fields of every record.
    ///
    /// The closure names what changes: `update(|t| (t.name.set("x"), t.price.set(t.price * 1.1)))`. Every assignment sees
    /// the values from before the update. A key that the database assigned cannot be set.
    pub fn update<X: Assignments<C>>(self, assignments: impl FnOnce(C::Fields<C, Own>) -> X) -> Update<C> {
        let mut list = Vec::new();
        assignments(Proxy::at(RowPath::source(0))).describe(&mut list);
        Update { draft: self.draft, assignments: list, of: PhantomData }
    }
}

impl<S, T: Value> OwnField<S, T> {
    /// Assigns to the field.
    pub fn set(self, value: impl Operand<T, S>) -> Assign<S> {
        let assignment = Assignment { ordinal: self.path().ordinal, expression: value.into_expression() };
        Assign { assignment, scope: PhantomData }
    }
}

impl<C: Collection> Update<C> {
    /// Carries out the update; returns how many records were changed.
    ///
    /// The records are found before the first one changes.
    ///
    /// # Errors
    ///
    /// When a new value breaks a constraint, when arithmetic has no result, or when reading fails. Nothing is changed
    /// then.
    pub fn run<W: Writes>(&self, transaction: &mut W) -> Result<u64, Error>
    where
        C: Within<W::Schema>,
    {
        transaction.update_records(&self.draft, &self.assignments)
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
        Update { draft: self.draft.clone(), assignments: self.assignments.clone(), of: PhantomData }
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
