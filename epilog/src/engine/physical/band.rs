//! Rows that belong to each other by inequalities alone: the inner rows in the order of a value, of which each row takes a range.
//!
//! ```text
//! before                                          after
//! join every pair                                 join where Shift.from <= at & Shift.to > at, by ranges of Shift.from
//!   scan Call                                       scan Call
//!   scan Shift                                      scan Shift
//!   filter Shift.from <= at & Shift.to > at         filter Shift.from <= at & Shift.to > at
//! ```
//!
//! Where nothing is equal on both sides every pair would be made and then asked. Of the comparisons that are asked of pairs,
//! those of one inner value with values of the row are its bounds: the inner rows are sorted by it once, and the pairs of a row
//! are made of those between its bounds. Everything is asked of the pairs all the same, so that a range need not be exact; but
//! it may leave out no pair, nor one that has no result. So it must not be made of a value that may have none.
//!
//! An aggregate over the pairs of a row may see their order: a sum of floats is rounded, a list or a text is in it, and of
//! values that are equal the first is the least. Then the rows of a range are put back into the order that they came in. And where
//! the least or the greatest of just the values that the rows are sorted by is asked for, and nothing but the bounds is asked of
//! pairs, it is at an end of the range: what equals that is all that is paired. Must not be so where an inner row may be one or
//! not, because of what its predicates ran into: that is seen only of rows that are looked at.

use alloc::vec::Vec;

use super::Planner;
use super::subquery::Sides;
use crate::engine::estimate::Amount;
use crate::engine::logical::{AggregateTerm, Expr, ExprKind, Filter, Inner, Node};
use crate::engine::optimizer::is_sure_below;
use crate::engine::planted::{self, Bug};
use crate::expr::{AggregateFunction, BinaryOp};
use crate::value::Type;

/// What the inner rows are sorted by, and which of them belong to a row.
#[derive(Clone, Debug)]
pub struct Band {
    /// The value that they are sorted by, over the slots of the inner side.
    pub inner: Expr,
    /// The least that it may be, over the slots of the row, and whether it may be that.
    pub low: Option<(Expr, bool)>,
    /// The greatest that it may be.
    pub high: Option<(Expr, bool)>,
    /// Which of the rows between them are paired.
    pub taken: Taken,
}

/// Which rows of a range are paired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All of them, in the order of their values.
    All,
    /// All, in the order that they came in.
    AsTheyCame,
    /// Those with the least value.
    Least,
    /// Those with the greatest.
    Greatest,
}

impl Band {
    /// All its expressions.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        core::iter::once(&self.inner).chain(self.low.iter().chain(&self.high).map(|(bound, _)| bound))
    }

    /// As [`expressions`](Band::expressions), to be changed.
    pub fn expressions_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let bounds = self.low.iter_mut().chain(&mut self.high);
        core::iter::once(&mut self.inner).chain(bounds.map(|(bound, _)| bound))
    }
}

/// A bound of an inner value.
pub(super) struct Limit<'e> {
    pub(super) inner: &'e Expr,
    /// The value of the row.
    pub(super) outer: &'e Expr,
    pub(super) is_low: bool,
    pub(super) included: bool,
}

impl Planner<'_> {
    /// The range of inner rows that belong to a row, and which part of all that is expected to be; `None` if it is all.
    pub(super) fn band(&self, sides: &Sides<'_>) -> Option<(Band, Amount)> {
        let predicates = asked_first(sides.pairs)?;
        let inner = Inner::of(sides.inner);
        let limits: Vec<(&Expr, Vec<Limit<'_>>)> =
            predicates.iter().map(|predicate| (predicate, limits(predicate, &inner))).collect();
        let all = || limits.iter().flat_map(|(_, limits)| limits);
        // Of several values the one with a bound on either side.
        let has = |value: &Expr, low: bool| {
            all().any(|limit| limit.is_low == low && limit.inner.kind == value.kind)
        };
        let best =
            all().map(|limit| limit.inner).max_by_key(|value| has(value, true) && has(value, false))?;
        let bound = |low: bool| {
            let limit = all().find(|limit| limit.is_low == low && limit.inner.kind == best.kind)?;
            Some((limit.outer.clone(), limit.included))
        };
        let used =
            limits.iter().filter(|(_, limits)| limits.iter().any(|limit| limit.inner.kind == best.kind));
        let share = self.estimator.selectivity_of_all(used.map(|(predicate, _)| *predicate));
        let (low, high) = (bound(true), bound(false));
        let end = sides.aggregate.and_then(|term| end(term, best));
        // A predicate is told by the bounds when what it sets are those.
        let is_told = |of: &[Limit<'_>], predicate: &Expr| {
            let is_bound = |limit: &Limit<'_>| {
                let bound = if limit.is_low { &low } else { &high };
                let of_value = limit.inner.kind == best.kind;
                of_value
                    && matches!(bound, Some((outer, included)) if outer == limit.outer && *included == limit.included)
            };
            let sides = if matches!(predicate.kind, ExprKind::Between(_)) { 2 } else { 1 };
            of.len() == sides && of.iter().all(is_bound)
        };
        // The pairs are asked for nothing but this filter.
        let is_alone = matches!(sides.pairs, Node::Filter(filter) if *filter.input == Node::Pairs);
        let end = end.filter(|_| {
            is_alone
                && limits
                    .iter()
                    .all(|(predicate, of)| is_told(of, predicate) || planted::is(Bug::EndOfRangeUnasked))
                && is_sure_below(sides.inner)
        });
        let taken = match sides.aggregate {
            Some(term) => end.unwrap_or(if term.sees_order() { Taken::AsTheyCame } else { Taken::All }),
            None => Taken::All,
        };
        Some((Band { inner: best.clone(), low, high, taken }, share))
    }
}

/// What is asked of pairs before anything else.
pub(super) fn asked_first(pairs: &Node) -> Option<&[Expr]> {
    let mut node = pairs;
    loop {
        match node {
            Node::Filter(Filter { input, predicates }) if **input == Node::Pairs => return Some(predicates),
            node_above => node = node_above.input()?,
        }
    }
}

/// The end of a range of `value` that an aggregate over its pairs is about.
pub(super) fn end(term: &AggregateTerm, value: &Expr) -> Option<Taken> {
    let is_of_value = term.filter.is_none() && term.argument.as_ref() == Some(value);
    match term.function {
        AggregateFunction::Min if is_of_value => Some(Taken::Least),
        AggregateFunction::Max if is_of_value => Some(Taken::Greatest),
        _ => None,
    }
}

/// The bounds that a predicate sets to inner values.
pub(super) fn limits<'e>(predicate: &'e Expr, inner: &Inner) -> Vec<Limit<'e>> {
    let limit = |value: &'e Expr, outer: &'e Expr, is_low, included| {
        let is_stored = matches!(value.kind, ExprKind::Field(..) | ExprKind::Computed(_));
        let is_inner = is_stored && inner.has_all_of(value) && inner.is_sure(value);
        let is_outer = inner.has_none_of(outer) && outer.is_sure() && !outer.slots().is_empty();
        let fits = value.ty == outer.ty && value.ty != Type::Blob;
        (is_inner && is_outer && fits).then_some(Limit { inner: value, outer, is_low, included })
    };
    match &predicate.kind {
        ExprKind::Binary(op, left, right) => {
            let (is_greater, included) = match op {
                BinaryOp::Lt => (false, false),
                BinaryOp::Le => (false, !planted::is(Bug::BandLosesBound)),
                BinaryOp::Gt => (true, false),
                BinaryOp::Ge => (true, true),
                _ => return Vec::new(),
            };
            limit(left, right, is_greater, included)
                .or_else(|| limit(right, left, !is_greater, included))
                .into_iter()
                .collect()
        }
        ExprKind::Between(parts) => {
            let [value, low, high] = &**parts;
            let of_value = [limit(value, low, true, true), limit(value, high, false, true)];
            let of_bounds = [limit(low, value, false, true), limit(high, value, true, true)];
            of_value.into_iter().chain(of_bounds).flatten().collect()
        }
        _ => Vec::new(),
    }
}
