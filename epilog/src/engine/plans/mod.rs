//! Plans that are kept: a query of a shape that was planned before is not planned again.
//!
//! ```text
//! Draft -> Shape (expr::shape) ---- found -----> the plan that is kept, with this query's values (physical::bind)
//!                |
//!                '--- not found ---> lower, optimize, plan, with literals that notice who looks (logical::Literal)
//!                                                   -> the plan, and a copy that is kept
//! ```
//!
//! A kept plan holds for every query of its shape whose *pinned* values, those that planning looked into, are the same. What a
//! plan reads of the catalog does not change while a database is open, and plans are kept with that; what it was chosen by
//! does, so that a plan goes when a collection has twice, or half, as many records as when it was made.

mod cache;
#[cfg(test)]
mod tests;

pub use cache::{PlanCache, PlanCounts};

use super::control::Control;
use super::error::PlanError;
use super::logical::{LogicalPlan, Parameters, Purpose, is_of, lower, lower_with};
use super::measured::Measured;
use super::optimizer::{RuleSet, optimize};
use super::physical::{PhysicalPlan, Wishes, plan_as};
use crate::expr::Draft;
use crate::expr::shape::Shape;
use crate::storage::facade::View;

/// Queries with more values than this are planned each time: no two have the same shape.
const VALUES_MAX: usize = 64;

/// Makes room for about so many plans in a database that was just opened.
pub(crate) fn make_room(view: View<'_>, plans: Option<usize>) {
    view.attached().get_or_make(|| PlanCache::new(plans.unwrap_or(cache::PLANS_DEFAULT)));
}

/// What became of queries so far.
pub(crate) fn counts(view: View<'_>) -> PlanCounts {
    PlanCache::of(view).map_or_else(PlanCounts::default, PlanCache::counts)
}

/// Whether a plan is kept for the rows of a query with its values. Nothing is planned.
pub fn is_kept(view: View<'_>, draft: &Draft, control: &Control) -> bool {
    let known = PlanCache::of(view).filter(|cache| cache.is_on());
    known.is_some_and(|cache| {
        let shape = shape_of(draft, Purpose::Rows, control.requires_index());
        shape.is_some_and(|shape| cache.look(view, &shape).is_some())
    })
}

/// The shape of a query that is asked for something, if it may be found again.
fn shape_of(draft: &Draft, purpose: Purpose, require_index: bool) -> Option<Shape<'_>> {
    let wanted = purpose as u64 | u64::from(require_index) << 8;
    Shape::of(draft, wanted).filter(is_usual)
}

/// The plan of a query: one that is kept, or a new one.
pub(super) fn plan_for(
    view: View<'_>,
    draft: &Draft,
    purpose: Purpose,
    control: &Control,
) -> Result<PhysicalPlan, PlanError> {
    let require_index = control.requires_index();
    let make = |parameters: Option<&Parameters<'_>>| {
        let logical: LogicalPlan = match parameters {
            Some(_) => lower_with(view.catalog(), draft, purpose, parameters)?,
            None => lower(view.catalog(), draft, purpose)?,
        };
        let wishes = Wishes { require_index, alternatives: false };
        let plan = plan_as(&optimize(logical, RuleSet::ALL, &Measured(view)), &Measured(view), wishes);
        if require_index {
            plan.require_index()?;
        }
        Ok(plan)
    };
    let cache = PlanCache::of(view).filter(|cache| cache.is_on());
    let known = cache.and_then(|cache| Some((cache, shape_of(draft, purpose, require_index)?)));
    let Some((cache, shape)) = known else { return make(None) };
    if let Some(plan) = cache.find(view, &shape) {
        return Ok(plan);
    }
    let parameters = Parameters::new(shape.values());
    let plan = make(Some(&parameters))?;
    cache.keep(view, &shape, &parameters, &plan);
    Ok(plan)
}

/// Whether a shape may be found again, and all values are of the types that they are said to be, which planning checks.
fn is_usual(shape: &Shape<'_>) -> bool {
    shape.values().len() <= VALUES_MAX && shape.values().iter().all(|given| is_of(given.value, given.ty))
}
