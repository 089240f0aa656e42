//! Plans that are kept: a query of a shape that was planned before is not planned again.
//!
//! ```text
//! Draft -> words, or Shape (told) ---- found -----> the plan that is kept, with this query's values (physical::bind)
//!                |
//!                '--- not found ---> lower, optimize, plan, with literals that notice who looks (logical::Literal)
//!                                                   -> the plan, and a copy that is kept
//! ```
//!
//! A kept plan holds for every query of its shape whose *pinned* values, those that planning looked into, are the same. What a
//! plan reads of the catalog does not change while a database is open, and plans are kept with that; what it was chosen by
//! does, so that a plan goes when a collection has twice, or half, as many records as when it was made. It also goes when it was off
//! twice ([feedback](super::estimate::Watch)), and is made anew with what was learnt of its shape, up to three times.

mod cache;
mod home;
mod lent;
#[cfg(test)]
mod tests;
mod told;

pub use cache::{PlanCache, PlanCounts};
pub(super) use lent::Lent;
use told::Told;
pub use told::Values;

use alloc::vec::Vec;

use super::control::Control;
use super::error::PlanError;
use super::estimate::{Lesson, Lessons};
use super::logical::{LogicalPlan, Parameters, Purpose, lower, lower_with};
use super::measured::{Learnt, Measured};
use super::optimizer::{RuleSet, optimize};
use super::physical::{Wishes, plan_as};
use crate::expr::Draft;
use crate::expr::shape::Shape;
use crate::storage::facade::View;
use crate::value::is_of;

/// Queries with more values than this are planned each time: no two have the same shape.
const VALUES_MAX: usize = 64;

/// How a database plans queries that do not say it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// About how many plans are kept.
    pub(crate) plans: usize,
    /// How many threads may carry out a query.
    #[cfg(feature = "std")]
    pub(crate) threads: usize,
    /// What work is said to cost.
    #[cfg(feature = "std")]
    pub(crate) costs: super::estimate::PlanCosts,
    /// Whether plans are made anew by what running them has taught.
    pub(crate) learns: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            plans: cache::PLANS_DEFAULT,
            #[cfg(feature = "std")]
            threads: 1,
            #[cfg(feature = "std")]
            costs: super::estimate::PlanCosts::default(),
            learns: true,
        }
    }
}

/// Makes room for plans in a database that was just opened.
pub(crate) fn make_room(view: View<'_>, settings: Settings) {
    view.attached().get_or_make(|| PlanCache::new(settings));
}

/// How many threads may carry out a query that does not say it.
#[cfg(feature = "std")]
pub(super) fn threads(view: View<'_>) -> usize {
    PlanCache::of(view).map_or(1, |cache| cache.threads)
}

/// What became of queries so far.
pub(crate) fn counts(view: View<'_>) -> PlanCounts {
    PlanCache::of(view).map_or_else(PlanCounts::default, PlanCache::counts)
}

/// Whether a plan is kept for the rows of a query with its values. Nothing is planned.
pub fn is_kept(view: View<'_>, draft: &Draft, control: &Control) -> bool {
    let known = PlanCache::of(view).filter(|cache| cache.is_on());
    known.is_some_and(|cache| {
        let wanted = wanted(view, Purpose::Rows, control);
        if let Some(brief) = draft.clauses.brief() {
            return cache.look(view, &Told::brief(draft, brief, wanted), false).is_some();
        }
        let shape = Shape::of(draft, wanted).filter(is_usual);
        shape.is_some_and(|shape| cache.look(view, &Told::shape(&shape, wanted), false).is_some())
    })
}

/// What was learnt of queries like one whose rows are asked for. Nothing is planned.
pub(super) fn lessons(view: View<'_>, draft: &Draft, control: &Control) -> Vec<Lesson> {
    let Some(cache) = PlanCache::of(view).filter(|cache| cache.is_on()) else { return Vec::new() };
    let wanted = wanted(view, Purpose::Rows, control);
    if let Some(brief) = draft.clauses.brief() {
        return cache.lessons(&Told::brief(draft, brief, wanted));
    }
    let shape = Shape::of(draft, wanted).filter(is_usual);
    shape.map_or_else(Vec::new, |shape| cache.lessons(&Told::shape(&shape, wanted)))
}

/// What plans for one thing are told by from those for others.
#[inline]
fn wanted(view: View<'_>, purpose: Purpose, control: &Control) -> u64 {
    let wishes = u64::from(control.requires_index()) | u64::from(control.limits_memory(view)) << 1;
    purpose as u64 | wishes << 8
}

/// The plan of a query: one that is kept, or a new one.
pub(super) fn plan_for(
    view: View<'_>,
    draft: &Draft,
    purpose: Purpose,
    control: &Control,
) -> Result<Lent, PlanError> {
    let require_index = control.requires_index();
    let make = |parameters: Option<&Parameters<'_>>, lessons: &[Lesson]| {
        let logical: LogicalPlan = match parameters {
            Some(_) => lower_with(view.catalog(), draft, purpose, parameters)?,
            None => lower(view.catalog(), draft, purpose)?,
        };
        let puts_aside = control.limits_memory(view);
        let wishes = Wishes { require_index, puts_aside, ..Wishes::default() };
        let statistics = Learnt { measured: Measured::new(view), lessons, limits_memory: puts_aside };
        let plan = plan_as(&optimize(logical, RuleSet::ALL, &statistics), &statistics, wishes);
        if require_index {
            plan.require_index()?;
        }
        Ok(plan)
    };
    let Some(cache) = PlanCache::of(view).filter(|cache| cache.is_on()) else {
        return Ok(make(None, &[])?.into());
    };
    let wanted = wanted(view, purpose, control);
    let brief = draft.clauses.brief().map(|brief| Told::brief(draft, brief, wanted));
    if let Some(plan) = brief.as_ref().and_then(|told| cache.look(view, told, true)) {
        return Ok(plan);
    }
    let Some(shape) = Shape::of(draft, wanted).filter(is_usual) else { return Ok(make(None, &[])?.into()) };
    let told = match brief {
        Some(told) => told,
        None => {
            let told = Told::shape(&shape, wanted);
            if let Some(plan) = cache.look(view, &told, true) {
                return Ok(plan);
            }
            told
        }
    };
    debug_assert_eq!(
        shape.values().len(),
        told.values().count(),
        "what is brief has the values of what is whole"
    );
    let parameters = Parameters::new(shape.values());
    let lessons = cache.lessons(&told);
    let mut plan = make(Some(&parameters), &lessons)?;
    if cache.learns {
        plan.watch(Lessons(&lessons));
    }
    cache.keep(view, &told, &parameters, &plan);
    Ok(plan.into())
}

/// Whether a shape may be found again, and all values are of the types that they are said to be, which planning checks.
fn is_usual(shape: &Shape<'_>) -> bool {
    shape.values().len() <= VALUES_MAX && shape.values().iter().all(|given| is_of(given.value, given.ty))
}
