//! A range of an index, or of keys, for each row: what compares the next field of an index with values of the row.
//!
//! ```text
//! before                                          after
//! join pairs by ranges of LineItem.code           join LineItem through index, LineItem.code > rank
//!   key lookup Point by id = 1                      key lookup Point by id = 1
//!   scan LineItem                                   pairs
//!   filter LineItem.code > rank
//! ```
//!
//! As [`band`](super::band) does, this takes what is asked of pairs first of all: comparisons of a field with values of the row,
//! of which two are the bounds of a range, or what a text starts with. Behind fields that are equal to values of the row, or at
//! the beginning of an index, the entries between the bounds are those of the records that belong to the row. So no inner
//! row is read or sorted that belongs to none; but each row costs a search, and each of its records is fetched from wherever it lies.
//! Costs decide: of many rows, or wide ranges, a table that was sorted once is cheaper. Of an inner join the order of joins has chosen
//! such a range before (`join_order::measure::How::Within`), or what compares both sides is asked of the pairs that are linked.
//!
//! What the bounds say is not asked again of pairs, so that these need not be made where they are only counted, and that there is one
//! is told by the first entry. Other comparisons of the field than those two are asked of pairs. A row of which a bound is
//! absent has no range, since an ordering comparison with `None` is false; nor are entries without a value in any.
//!
//! What an aggregate may tell the order by is put back into the order of keys: entries come by their values. The least or the
//! greatest of just the field, where nothing else is asked, is at an end of the range. Must not be so where something is asked of
//! pairs, or of the inner records: then the end may be dropped, and the one before it counts.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::band::{Limit, asked_first, end, limits};
use super::subquery::Sides;
use super::{Planner, Taken};
use crate::engine::estimate::Amount;
use crate::engine::logical::{AggregateTerm, Expr, ExprKind, Inner, Link};
use crate::engine::planted::{self, Bug};
use crate::expr::BinaryOp;
use crate::schema::{IndexDef, IndexId};

/// The range of a field that belongs to a row.
#[derive(Clone, Debug)]
pub struct Span {
    /// The field: that behind those of the links in the index, or the key.
    pub field: Expr,
    /// The least that it may be, over the slots of the row, and whether it may be that.
    pub low: Option<(Expr, bool)>,
    /// The greatest that it may be.
    pub high: Option<(Expr, bool)>,
    /// What it starts with. Then it has no bounds.
    pub start: Option<Expr>,
    /// Which of the records in it belong to the row.
    pub taken: Taken,
}

impl Span {
    /// All its expressions.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        core::iter::once(&self.field).chain(self.of_rows())
    }

    /// Those of the row.
    pub fn of_rows(&self) -> impl Iterator<Item = &Expr> {
        let bounds = self.low.iter().chain(&self.high).map(|(bound, _)| bound);
        bounds.chain(&self.start)
    }

    /// Those of the row, to be changed.
    pub fn of_rows_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let Span { field: _, low, high, start, taken: _ } = self;
        let bounds = low.iter_mut().chain(high).map(|(bound, _)| bound);
        bounds.chain(start)
    }
}

/// What inner records are looked up by for each row.
pub(super) struct Found {
    /// The index; `None` is the key.
    pub(super) index: Option<IndexId>,
    pub(super) links: Vec<Link>,
    pub(super) span: Option<Spanned>,
}

/// A range, and what it says.
pub(super) struct Spanned {
    pub(super) span: Box<Span>,
    /// The predicates that hold for all pairs in it.
    pub(super) told: Vec<Expr>,
    /// The part of the inner records that is expected in it, of those that links leave.
    pub(super) share: Amount,
}

impl<'p> Planner<'p> {
    /// The ranges that an index, and the key, are searched for by for each row: of indexes the one that is expected to have the fewest
    /// records. `has_all` says of which one may have them all, and `leading` which links lead into it.
    pub(super) fn spanned(
        &self,
        sides: &Sides<'p>,
        has_all: &dyn Fn(&IndexDef) -> bool,
        leading: &dyn Fn(&IndexDef) -> Vec<Link>,
    ) -> Vec<Found> {
        let Some(predicates) = asked_first(sides.pairs) else { return Vec::new() };
        let collection = self.collection(sides.slot);
        let inner = Inner::of(sides.inner);
        let mut found = Vec::new();
        let indexes = collection.indexes.iter().filter(|index| collection.listed(index).is_none());
        let mut best: Option<(Found, Amount)> = None;
        for index in indexes {
            let links = leading(index);
            let Some(position) = index.fields.get(links.len()) else { continue };
            let Some(mut spanned) = self.span(sides, &inner, predicates, *position) else { continue };
            if !has_all(index) {
                continue;
            }
            let rows = spanned.share / self.linked_rows(&links).max(1.0);
            if best.as_ref().is_none_or(|(_, least)| rows < *least) {
                // Entries come by their values, and then by what else the index has.
                if sides.aggregate.is_some_and(AggregateTerm::sees_order) {
                    spanned.span.taken = Taken::AsTheyCame;
                }
                best = Some((Found { index: Some(index.id), links, span: Some(spanned) }, rows));
            }
        }
        found.extend(best.map(|(found, _)| found));
        let of_key = collection.clustered.and_then(|key| self.span(sides, &inner, predicates, key));
        // Other fields of the key are no part of it; and what starts with something is a text, which is not how records lie.
        found.extend(of_key.filter(|of| of.span.start.is_none()).map(|spanned| Found {
            index: None,
            links: Vec::new(),
            span: Some(spanned),
        }));
        found
    }

    /// The range that what is asked of pairs makes of a field.
    fn span(&self, sides: &Sides<'p>, inner: &Inner, predicates: &[Expr], position: u16) -> Option<Spanned> {
        let is_it = |expr: &Expr| expr.as_field() == Some((sides.slot, position));
        let starts = |predicate: &'_ Expr| match &predicate.kind {
            ExprKind::Binary(BinaryOp::StartsWith, value, outer)
                if is_it(value) && value.ty == outer.ty && is_of_row(outer, inner) =>
            {
                Some((value.as_ref().clone(), outer.as_ref().clone()))
            }
            _ => None,
        };
        if let Some((predicate, (field, start))) =
            predicates.iter().find_map(|predicate| Some((predicate, starts(predicate)?)))
        {
            let (low, high, start) = (None, None, Some(start));
            let span = Box::new(Span { field, low, high, start, taken: Taken::All });
            let share = self.estimator.selectivity(predicate);
            return Some(Spanned { span, told: Vec::from([predicate.clone()]), share });
        }
        let limits: Vec<(&Expr, Vec<Limit<'_>>)> =
            predicates.iter().map(|predicate| (predicate, limits(predicate, inner))).collect();
        let all = || limits.iter().flat_map(|(_, limits)| limits).filter(|limit| is_it(limit.inner));
        let field = all().next()?.inner.clone();
        let bound = |low: bool| all().find(|limit| limit.is_low == low);
        let (low, high) = (bound(true), bound(false));
        let is_bound = |limit: &Limit<'_>| {
            let bound = if limit.is_low { low } else { high };
            bound.is_some_and(|bound| core::ptr::eq(bound, limit))
        };
        let used = limits.iter().filter(|(_, of)| of.iter().any(is_bound));
        let share = self.estimator.selectivity_of_all(used.map(|(predicate, _)| *predicate));
        // A predicate is told by the bounds when what it sets are those, on either side if it has two.
        let is_told = |(predicate, of): &&(&Expr, Vec<Limit<'_>>)| {
            let sides = if matches!(predicate.kind, ExprKind::Between(_)) { 2 } else { 1 };
            (of.len() == sides || planted::is(Bug::SpanTellsMore)) && of.iter().any(is_bound) && {
                planted::is(Bug::SpanTellsMore) || of.iter().all(is_bound)
            }
        };
        let told = limits.iter().filter(is_told).map(|(predicate, _)| (*predicate).clone()).collect();
        let bound = |limit: Option<&Limit<'_>>| limit.map(|limit| (limit.outer.clone(), limit.included));
        let (low, high) = (bound(low), bound(high));
        let span = Box::new(Span { field, low, high, start: None, taken: Taken::All });
        Some(Spanned { span, told, share })
    }
}

impl Span {
    /// Takes an end of the range alone, where an aggregate over pairs of which nothing is asked is about that.
    pub(super) fn ends(&mut self, sides: &Sides<'_>) {
        if let Some(end) = sides.aggregate.and_then(|term| end(term, &self.field)) {
            self.taken = end;
        }
    }

    /// Whether one record is all that is taken.
    pub(super) fn is_end(&self) -> bool {
        matches!(self.taken, Taken::Least | Taken::Greatest)
    }
}

/// Whether an expression is a value of the row alone, or none, whatever row it is.
fn is_of_row(expr: &Expr, inner: &Inner) -> bool {
    inner.has_none_of(expr) && expr.is_sure() && !expr.slots().is_empty()
}
