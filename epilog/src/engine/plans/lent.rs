//! [`Lent`]: the plan of one query.

use alloc::boxed::Box;
use core::fmt;
use core::ops::{Deref, DerefMut};

use super::home::Home;
use crate::engine::physical::PhysicalPlan;

/// The plan of one query, with its values. It goes back to where it is kept when the query ends, so that the next one has only to
/// give it its own, unless it was changed.
pub(in crate::engine) struct Lent {
    /// Always there, until this is dropped.
    plan: Option<Box<PhysicalPlan>>,
    /// Where it is kept.
    home: Option<Home>,
}

impl Lent {
    #[inline]
    pub(super) fn of(plan: Box<PhysicalPlan>, home: Home) -> Lent {
        Lent { plan: Some(plan), home: Some(home) }
    }

    /// The same, which does not go back.
    pub(super) fn for_good(mut self) -> Lent {
        self.home = None;
        self
    }

    /// The plan for who takes it apart: a copy, if it goes back.
    pub(in crate::engine) fn into_plan(mut self) -> PhysicalPlan {
        match (&self.home, self.plan.take()) {
            (None, Some(plan)) => *plan,
            (_, plan) => {
                self.plan = plan;
                PhysicalPlan::clone(&self)
            }
        }
    }
}

impl From<PhysicalPlan> for Lent {
    fn from(plan: PhysicalPlan) -> Lent {
        Lent { plan: Some(Box::new(plan)), home: None }
    }
}

impl Deref for Lent {
    type Target = PhysicalPlan;

    fn deref(&self) -> &PhysicalPlan {
        self.plan.as_deref().expect("there until it is dropped")
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PhysicalPlan {
        self.home = None;
        self.plan.as_deref_mut().expect("there until it is dropped")
    }
}

impl Drop for Lent {
    #[inline]
    fn drop(&mut self) {
        if let (Some(plan), Some(home)) = (self.plan.take(), self.home.take()) {
            home.keep(plan);
        }
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
