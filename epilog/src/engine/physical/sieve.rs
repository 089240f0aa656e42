//! Sieves: what a join has in its table is asked of the rows of the other side where they begin.
//!
//! ```text
//! before                                            after
//! join through hash table, order.customer = c.id    join through hash table, order.customer = c.id
//!   lookup Part by part                               lookup Part by part
//!     lookup Order by order                             sieve by order.customer
//!       scan Line                                         lookup Order by order
//!     filter c.city = "Berne"                               scan Line
//!       scan Customer                                   filter c.city = "Berne"
//!                                                         scan Customer
//! ```
//!
//! A row that has no partner goes where the value that it is linked by is first known: on the page, before other joins, lookups
//! and subqueries have done anything for it. The table is then made before a row of the other side is read.
//!
//! The other way round, where a subquery or a left join makes a table of many rows for few that ask: these are read *ahead*, and what
//! they are linked by is asked of the many, so that the table has those alone that are looked for.
//!
//! ```text
//! count Line through hash table, Line.part = id
//!   ahead by id
//!     filter kind = "bolt"
//!       scan Part
//!   sieve by Line.part
//!     scan Line
//! ```
//!
//! Rows without a partner are asked for by inner joins alone, as others keep them; and only where no link of a row may be without a result, which makes it a
//! partner of all. Nothing passes a limit or a group, which count the rows that are there, nor the inner side of a left join,
//! where a row that is missing is one without a pair. Where the rows of the other side stay as many, or nothing is done for them
//! on the way, it is not worth looking at them twice: costs say so.

use alloc::boxed::Box;

use super::{Access, Join, Method, Operator, PhysicalNode, Planner, Subquery};
use crate::engine::estimate::{Amount, met};
use crate::engine::logical::{Expr, Link, Slot};
use crate::expr::JoinKind;
use crate::parts::Whole;
use crate::value::Type;

/// Keeps the rows of which a value is one that a table above has, or may be one.
#[derive(Clone, Debug)]
pub struct Sieve {
    /// Where rows come from.
    pub input: Box<PhysicalNode>,
    /// The value, a field of a record.
    pub by: Expr,
    /// What the [`Sifted`] of the join is told by.
    pub number: u16,
    /// Other builds have none.
    pub _whole: Whole,
}

/// Gives its rows when they have all been read, and a table of the other side of those that are linked to them can be made.
#[derive(Clone, Debug)]
pub struct Ahead {
    /// Where rows come from.
    pub input: Box<PhysicalNode>,
    /// What they are linked by, a field of a record.
    pub by: Expr,
    /// The number of the [`Sieve`] that asks for it.
    pub number: u16,
    /// Other builds read nothing ahead.
    pub _whole: Whole,
}

/// What a join has sieved by a [`Sieve`] beneath it.
#[derive(Clone, Copy, Debug)]
pub struct Sifted {
    /// Which of its links.
    pub link: u16,
    /// The number of the sieve.
    pub number: u16,
}

/// Looking for a key of several parts, or one that is no number, costs so many times as much.
const BYTES: Amount = 3.0;

/// No more rows are read ahead, as far as is known.
const AHEAD_MAX: Amount = 65_536.0;

/// Where a value of rows is first known, and what is spared there.
struct Found {
    /// What is done above for each row, in nanoseconds, times the rows.
    spared: Amount,
    /// The rows that would be looked at.
    rows: Amount,
    /// Whether they lie on pages.
    is_walk: bool,
}

/// What is not worth a set of keys.
const LEAST: Amount = if cfg!(test) { 0.0 } else { 20_000.0 };

impl Planner<'_> {
    /// Puts sieves beneath the joins of `node` that are expected to gain by them; `count` have been made so far.
    pub(super) fn sift(&self, node: &mut PhysicalNode, count: &mut u16) {
        let Some(whole) = Whole::build() else { return };
        match &mut node.operator {
            Operator::Join(join) => self.sift_join(join, count, whole),
            Operator::Subquery(Subquery {
                input,
                method: Method::Hash { inner, links },
                spills: true,
                ..
            }) => self.read_ahead(input, inner, links, count, whole),
            _ => {}
        }
        node.children_mut().into_iter().for_each(|child| self.sift(child, count));
    }

    fn sift_join(&self, join: &mut Join, count: &mut u16, whole: Whole) {
        let Join { input, method, kind, spills: true, merges: false, sieves, .. } = join else { return };
        let Method::Hash { inner, links } = method else { return };
        if *kind == JoinKind::Left {
            return self.read_ahead(input, inner, links, count, whole);
        }
        let probe = self.costs.probe * if is_number(links) { 1.0 } else { BYTES };
        for (at, link) in links.iter().enumerate() {
            let Some((slot, _)) = link.outer.as_field().filter(|_| has_words(link.inner.ty)) else {
                continue;
            };
            let Some(share) = self.share_linked((&link.outer, &link.inner), inner.rows) else { continue };
            let Some(found) = self.first_known(input, slot, 0.0) else { continue };
            // On a page it is looked at for less than a table is searched; elsewhere that takes as long.
            let (spared, look) = match found.is_walk {
                true => (found.spared + input.rows * probe, self.costs.marked),
                false => (found.spared, self.costs.marked + self.costs.probe),
            };
            let looks = inner.rows * self.costs.mark + found.rows * look;
            if spared * (1.0 - share) <= looks * 2.0 + LEAST {
                continue;
            }
            sieves.push(Sifted { link: at as u16, number: *count });
            put_in(input, slot, &mut Some((link.outer.clone(), *count, whole)), share);
            *count += 1;
        }
    }

    /// Has the rows of `input` read before a table is made of `inner`, if these are so much fewer for it that it is worth that.
    fn read_ahead(
        &self,
        input: &mut PhysicalNode,
        inner: &mut PhysicalNode,
        links: &[Link],
        count: &mut u16,
        _whole: Whole,
    ) {
        // Pairs are made a few at a time.
        if input.rows > AHEAD_MAX || input.is_over_pairs() {
            return;
        }
        let build = self.costs.build * if is_number(links) { 1.0 } else { BYTES };
        // The first of several that is of use: they leave about the same.
        for link in links {
            let slot = link.inner.as_field().filter(|_| has_words(link.outer.ty)).map(|(slot, _)| slot);
            let (Some(slot), Some(_)) = (slot, link.outer.as_field()) else { continue };
            let Some(share) = self.share_linked((&link.inner, &link.outer), input.rows) else { continue };
            let Some(found) = self.first_known(inner, slot, inner.rows * build) else { continue };
            let look = self.costs.marked + if found.is_walk { 0.0 } else { self.costs.probe };
            let looks = input.rows * (self.costs.mark + self.costs.pair) + found.rows * look;
            if found.spared * (1.0 - share) <= looks * 2.0 + LEAST {
                continue;
            }
            put_in(inner, slot, &mut Some((link.inner.clone(), *count, _whole)), share);
            let (by, number, rows) = (link.outer.clone(), *count, input.rows);
            let below = core::mem::replace(input, PhysicalNode { operator: Operator::Pairs, rows });
            input.operator = Operator::Ahead(Ahead { input: Box::new(below), by, number, _whole });
            *count += 1;
            return;
        }
    }

    /// The part of rows with the first value that is expected to have one among the second values of so many others.
    fn share_linked(&self, (asked, known): (&Expr, &Expr), others: Amount) -> Option<Amount> {
        let of_rows = self.distinct(asked)?;
        let is_unique = |values| known.as_field().is_some_and(|(slot, _)| values >= self.rows(slot));
        let (keys, values) = match self.distinct(known) {
            // No two of them have the same.
            Some(values) if is_unique(values) => (others.min(values), values.max(of_rows)),
            Some(values) => (met(values, others), values.max(of_rows)),
            None => (others.min(of_rows), of_rows),
        };
        Some((keys / values.max(1.0)).min(1.0))
    }

    /// Where the record in `slot` is first known in the rows of `node`, for which so much is done above it.
    fn first_known(&self, node: &PhysicalNode, slot: Slot, above: Amount) -> Option<Found> {
        let Some(below) = below(node, slot) else {
            let is_walk = is_walk(node);
            return gives(node, slot).then_some(Found { spared: above, rows: node.rows, is_walk });
        };
        self.first_known(below, slot, above + self.cost_for_each(node, below) * below.rows)
    }

    /// What `node` does for each row of `below`.
    fn cost_for_each(&self, node: &PhysicalNode, below: &PhysicalNode) -> Amount {
        let costs = &self.costs;
        match &node.operator {
            Operator::Lookup { .. } => costs.fetch_near,
            Operator::Among(_) | Operator::Sieve(_) => costs.marked,
            Operator::Join(Join { merges: true, .. }) => costs.merge,
            Operator::Join(Join { method, input, .. })
            | Operator::Subquery(Subquery { method, input, .. }) => match method {
                Method::Probe { .. } => costs.seek,
                Method::Hash { .. } if !core::ptr::eq(&**input, below) => costs.build,
                Method::Hash { .. } => costs.probe,
                Method::Loop { inner, .. } => costs.probe + inner.rows * costs.pair,
            },
            _ => 0.0,
        }
    }
}

/// Whether values of a type are numbers of four or eight bytes, two of which are equal when their bytes are.
fn has_words(ty: Type) -> bool {
    matches!(ty.width(), Some(4 | 8)) && !matches!(ty, Type::F32 | Type::F64)
}

/// Whether one number tells what rows are linked by.
fn is_number(links: &[Link]) -> bool {
    matches!(links, [link] if has_words(link.inner.ty))
}

/// The one of the operators beneath `node` that gives it the record in `slot`, if a row that goes there is missed by none but those
/// that come of it.
fn below(node: &PhysicalNode, slot: Slot) -> Option<&PhysicalNode> {
    let input = match &node.operator {
        // Tests on a page are put in order with those of a sieve.
        Operator::Filter { input, .. } if is_walk(input) => return None,
        Operator::Filter { input, .. }
        | Operator::Lookup { input, .. }
        | Operator::Subquery(Subquery { input, .. }) => input,
        Operator::Among(among) => &among.input,
        Operator::Sieve(sieve) if !is_walk(&sieve.input) => &sieve.input,
        Operator::Ahead(ahead) => &ahead.input,
        Operator::Join(join) => match &join.method {
            Method::Hash { inner, .. } | Method::Loop { inner, .. }
                if join.kind == JoinKind::Inner && gives(inner, slot) =>
            {
                inner
            }
            _ => &join.input,
        },
        _ => return None,
    };
    gives(input, slot).then_some(input)
}

fn below_mut(node: &mut PhysicalNode, slot: Slot) -> Option<&mut PhysicalNode> {
    let found = core::ptr::from_ref(below(node, slot)?);
    node.children_mut().into_iter().find(|child| core::ptr::eq::<PhysicalNode>(&**child, found))
}

/// Whether records come from their leaves or by their ranks, with nothing but tests.
fn is_walk(node: &PhysicalNode) -> bool {
    match &node.operator {
        Operator::Scan(scan) => !matches!(scan.access, Access::Nothing),
        Operator::Filter { input, .. } => is_walk(input),
        Operator::Sieve(sieve) => is_walk(&sieve.input),
        _ => false,
    }
}

/// Whether the rows of a node have a record in `slot`.
fn gives(node: &PhysicalNode, slot: Slot) -> bool {
    match &node.operator {
        Operator::Scan(scan) => scan.slot == slot,
        Operator::Lookup { input, into, .. } => *into == slot || gives(input, slot),
        Operator::Join(join) => {
            let of_inner = match &join.method {
                Method::Probe { .. } => join.slot == slot,
                Method::Hash { inner, .. } | Method::Loop { inner, .. } => gives(inner, slot),
            };
            of_inner || gives(&join.input, slot)
        }
        Operator::Among(among) => gives(&among.input, slot),
        Operator::Sieve(Sieve { input, .. }) | Operator::Ahead(Ahead { input, .. }) => gives(input, slot),
        Operator::Filter { input, .. }
        | Operator::Sort { input, .. }
        | Operator::Limit { input, .. }
        | Operator::Native { input, .. }
        | Operator::Window { input, .. }
        | Operator::Subquery(Subquery { input, .. }) => gives(input, slot),
        _ => false,
    }
}

/// Puts a sieve where the record in `slot` is first known, which lets `share` of the rows through.
fn put_in(node: &mut PhysicalNode, slot: Slot, of: &mut Option<(Expr, u16, Whole)>, share: Amount) {
    if let Some(below) = below_mut(node, slot) {
        put_in(below, slot, of, share);
        node.rows *= share;
        return;
    }
    let Some((by, number, _whole)) = of.take() else { return };
    let rows = node.rows * share;
    let input = core::mem::replace(node, PhysicalNode { operator: Operator::Pairs, rows });
    node.operator = Operator::Sieve(Sieve { input: Box::new(input), by, number, _whole });
}
