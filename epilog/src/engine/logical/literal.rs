//! [`Literal`]: a value that is the same for every row, and whether a plan depends on it.
//!
//! A plan that is kept for queries of the same shape is run with other values than it was made for. So a literal knows
//! which of the query's values it is, its *parameter*, and whoever looks at the value while a plan is being made *pins*
//! the parameter: the plan is then good for queries with that very value only. Looking is noticed here and not where
//! it is done, so that a rule or an access path that knows nothing of this makes no plan wrong:
//!
//! - [`value`](Literal::value) pins, and so does comparing a literal with a value of the plan's own;
//! - of two values of the query that are compared it is noted whether they are identical: the plan is good for all of
//!   which the same is so;
//! - [`peek`](Literal::peek) does not: for who does the same whatever the value is, and for estimates, which make a plan
//!   better or worse and not wrong;
//! - whether the value is absent belongs to the shape, as its type does, and can always be asked.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

#[cfg(not(feature = "small"))]
use crate::engine::plans::Values;
#[cfg(not(feature = "small"))]
use crate::engine::planted::{self, Bug};
#[cfg(not(feature = "small"))]
use crate::expr::Op;
#[cfg(not(feature = "small"))]
use crate::expr::shape::Given;
#[cfg(not(feature = "small"))]
use crate::parts::Whole;
use crate::parts::{self, InWhole};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::value::{Scalar, is_identical};

/// The same value for every row.
#[derive(Clone, Debug)]
pub struct Literal {
    value: Scalar,
    /// Which of the query's values it is; `None` of a value that the plan itself has, or when the plan is not kept.
    parameter: Option<InWhole<Parameter>>,
}

/// One of the values of a query, by its number in the order written.
#[derive(Clone, Debug)]
pub struct Parameter {
    number: usize,
    /// Which parameters have been looked at; `None` in a finished plan.
    pins: Option<Pins>,
}

/// What a plan that is being made depends on.
#[derive(Clone)]
pub struct Pins(Arc<Noted>);

struct Noted {
    /// Of each value whether the plan is for this one alone.
    pinned: Box<[AtomicBool]>,
    compared: Mutex<Vec<Compared>>,
}

/// What two values of a query, by their numbers, have to be to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The one.
    pub first: usize,
    /// The other.
    pub second: usize,
    /// Whether they are identical.
    pub identical: bool,
}

/// So many comparisons are noted; values that are compared then are pinned, which is looked at as quickly.
const COMPARED_MAX: usize = 32;

impl Pins {
    /// None of so many.
    pub fn none_of(count: usize) -> Pins {
        let pinned = (0..count).map(|_| AtomicBool::new(false)).collect();
        Pins(Arc::new(Noted { pinned, compared: Mutex::new(Vec::new()) }))
    }

    /// Says that the plan depends on a value.
    pub fn pin(&self, number: usize) {
        self.0.pinned[number].store(true, Ordering::Relaxed);
    }

    /// Says that the plan depends on whether two values are identical, which they are or not.
    pub fn compared(&self, first: usize, second: usize, identical: bool) {
        let new = Compared { first: first.min(second), second: first.max(second), identical };
        let mut compared = self.0.compared.lock();
        if compared.contains(&new) {
            return;
        }
        if compared.len() == COMPARED_MAX {
            self.pin(first);
            self.pin(second);
            return;
        }
        compared.push(new);
    }

    /// The numbers of those that it depends on.
    pub fn pinned(&self) -> impl Iterator<Item = usize> {
        self.0
            .pinned
            .iter()
            .enumerate()
            .filter(|(_, pin)| pin.load(Ordering::Relaxed))
            .map(|(number, _)| number)
    }

    /// The values whose being identical or not it depends on, but for those that it depends on anyway.
    pub fn comparisons(&self) -> Vec<Compared> {
        let is_pinned = |number: usize| self.0.pinned[number].load(Ordering::Relaxed);
        let compared = self.0.compared.lock();
        compared.iter().filter(|of| !(is_pinned(of.first) && is_pinned(of.second))).copied().collect()
    }
}

impl fmt::Debug for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pinned()).finish()
    }
}

/// The values of a draft of which a plan is made.
#[cfg(not(feature = "small"))]
#[derive(Debug)]
pub struct Parameters<'d> {
    /// Each, with its number, in the order in which they lie in memory.
    places: Vec<(Given<'d>, usize)>,
    /// What is noted; `None` where the plan will not be kept.
    pins: Option<Pins>,
}

#[cfg(not(feature = "small"))]
impl<'d> Parameters<'d> {
    /// The values of a draft, in the order written, whose plan may be kept.
    pub fn new(values: &[Given<'d>]) -> Parameters<'d> {
        Parameters { pins: Some(Pins::none_of(values.len())), ..Parameters::unkept(values) }
    }

    /// The values of a draft, in the order written, whose plan is not kept.
    pub fn unkept(values: &[Given<'d>]) -> Parameters<'d> {
        let numbered = values.iter().enumerate();
        let mut places: Vec<_> = numbered.map(|(number, given)| (*given, number)).collect();
        places.sort_unstable_by_key(|(given, _)| core::ptr::from_ref(given.op));
        let are_apart = |pair: &[(Given<'_>, usize)]| !core::ptr::eq(pair[0].0.op, pair[1].0.op);
        debug_assert!(places.windows(2).all(are_apart), "a draft within another has its clauses for itself");
        Parameters { places, pins: None }
    }

    /// Whether the plan may be kept, so that it is noted what it depends on.
    pub(super) fn may_be_kept(&self) -> bool {
        self.pins.is_some()
    }

    /// The numbers of those that the plan depends on.
    pub fn pinned(&self) -> impl Iterator<Item = usize> {
        self.pins.iter().flat_map(Pins::pinned)
    }

    /// What pairs of values have to be to each other.
    pub fn comparisons(&self) -> Vec<Compared> {
        self.pins.as_ref().map_or_else(Vec::new, Pins::comparisons)
    }

    /// The literal for an operation of the draft that is a value, if it is known.
    pub(super) fn literal(&self, op: &Op) -> Option<Literal> {
        let place = self.places.binary_search_by_key(&core::ptr::from_ref(op), |(known, _)| known.op).ok()?;
        let (given, number) = &self.places[place];
        let pins = self.pins.clone();
        let parameter = pins.map(|pins| Parameter { number: *number, pins: Some(pins) });
        let parameter =
            parameter.zip(Whole::build()).map(|(parameter, whole)| InWhole::new(parameter, whole));
        Some(Literal { value: given.value.clone(), parameter })
    }

    /// The literals for those of these operations of the draft that are known.
    pub(super) fn literals<'o>(&self, values: impl IntoIterator<Item = &'o Op>) -> Vec<Literal> {
        values.into_iter().filter_map(|op| self.literal(op)).collect()
    }
}

/// Notes which of the values are identical, each to the other in its place.
#[cfg(not(feature = "small"))]
pub(super) fn compare(values: &[Literal], others: &[Literal]) {
    for (value, other) in values.iter().zip(others) {
        // Comparing them is what notes it.
        let _ = value == other;
    }
}

impl Literal {
    /// A value that the plan itself has.
    pub fn constant(value: Scalar) -> Literal {
        Literal { value, parameter: None }
    }

    /// The value. The plan that is being made is for this value from here on.
    #[inline]
    pub fn value(&self) -> &Scalar {
        self.pin();
        &self.value
    }

    /// The value, for who would make as right a plan of any other.
    #[inline]
    pub fn peek(&self) -> &Scalar {
        &self.value
    }

    /// Whether the value is absent: that is the same in all queries of a shape.
    #[inline]
    pub fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// Whether it is a value of the query, which may be another one the next time.
    #[inline]
    pub fn is_parameter(&self) -> bool {
        self.parameter.is_some()
    }

    /// Makes the plan that is being made one for this value.
    #[inline]
    pub fn pin(&self) {
        if let Some(parameter) = &self.parameter
            && let Some(pins) = &parameter.pins
        {
            pins.pin(parameter.number);
        }
    }

    /// Ends what is noted: the plan is finished.
    #[cfg(not(feature = "small"))]
    pub fn seal(&mut self) {
        if let Some(parameter) = &mut self.parameter {
            parameter.pins = None;
        }
    }

    /// Makes the value that of another query of the same shape.
    #[cfg(not(feature = "small"))]
    pub fn bind(&mut self, values: Values<'_>) {
        if let Some(parameter) = &self.parameter
            && !(planted::is(Bug::ValueKeptInPlan) && parameter.number == 1)
        {
            match (&mut self.value, values.get(parameter.number)) {
                (Scalar::String(old), Scalar::String(new)) => old.clone_from(new),
                (Scalar::Bytes(old), Scalar::Bytes(new)) => old.clone_from(new),
                (old, new) => *old = new.clone(),
            }
        }
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        if !parts::PLANS {
            return self.value == other.value;
        }
        if let (Some(parameter), Some(others)) = (&self.parameter, &other.parameter)
            && parameter.number == others.number
        {
            return true;
        }
        if self.is_null() || other.is_null() {
            return self.is_null() && other.is_null();
        }
        let identical = is_identical(&self.value, &other.value);
        match (&self.parameter, &other.parameter) {
            (Some(parameter), Some(others)) => {
                if let Some(pins) = &parameter.pins {
                    pins.compared(parameter.number, others.number, identical);
                }
            }
            _ => {
                self.pin();
                other.pin();
            }
        }
        identical
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_of_either_sign_are_two_values() {
        let literal = |value| Literal::constant(Scalar::Float(value));
        assert_ne!(literal(0.0), literal(-0.0));
        assert_eq!(literal(-0.0), literal(-0.0));
        assert_eq!(literal(f64::NAN), literal(f64::NAN));
        assert_ne!(literal(1.0), literal(2.0));
    }
}
