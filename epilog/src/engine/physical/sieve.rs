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
//! Each link is asked for by itself, where its own value is first known, and all of them together where all are, if that is expected
//! to leave fewer. What is linked may be a key of groups: then those of their rows go that would make groups without a partner.
//!
//! ```text
//! join through hash table, [artist] = id            join through hash table, [artist] = id
//!   aggregate count by artist                         aggregate count by artist
//!     scan Album                                        sieve by artist
//!   filter name = "Iron Maiden"                           scan Album
//!     scan Artist                                     filter name = "Iron Maiden"
//!                                                       scan Artist
//! ```
//!
//! Rows without a partner are asked for by inner joins and semi joins alone, as others keep them; and only where no link of a row may
//! be without a result, which makes it a partner of all. Nothing passes a limit, which counts the rows that are there, nor groups that
//! are told apart by something else or whose rows may have no result, nor the inner side of a left join,
//! where a row that is missing is one without a pair. Where the rows of the other side stay as many, or nothing is done for them
//! on the way, it is not worth looking at them twice: costs say so.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Access, Answer, Join, Method, Operator, PhysicalNode, Planner, Subquery};
use crate::engine::estimate::{Amount, met};
use crate::engine::logical::{AggregateTerm, Asked, Computed, Expr, ExprKind, KeyTerm, Link, Slot};
use crate::engine::planted::{self, Bug};
use crate::expr::{AggregateFunction, JoinKind};
use crate::parts::Whole;
use crate::value::Type;

/// Keeps the rows whose values are those that a table above has, or may be.
#[derive(Clone, Debug)]
pub struct Sieve {
    /// Where rows come from.
    pub input: Box<PhysicalNode>,
    /// The values: fields of records, or what was made below.
    pub by: Vec<Expr>,
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
    /// What they are linked by.
    pub by: Vec<Expr>,
    /// The number of the [`Sieve`] that asks for it.
    pub number: u16,
    /// Other builds read nothing ahead.
    pub _whole: Whole,
}

/// What a join has sieved by a [`Sieve`] beneath it.
#[derive(Clone, Debug)]
pub struct Sifted {
    /// Which of its links, together.
    pub links: Vec<u16>,
    /// The number of the sieve.
    pub number: u16,
}

/// Looking for a key of several parts, or one that is no number, costs so many times as much.
const BYTES: Amount = 3.0;

/// Putting one of several numbers into a set, or looking for it there, costs so many times as much as one alone, on its page. Not in
/// tests, so that it is done.
const TOGETHER: Amount = if cfg!(test) { 0.25 } else { 2.0 };

/// So does what is no number.
const HASHED: Amount = 4.0;

/// Rows that are to gain by what is asked of them together have to gain so much more than by what is asked of one value.
const CLEARLY: Amount = 1.2;

/// No more rows are read ahead, as far as is known.
const AHEAD_MAX: Amount = 65_536.0;

/// Where values of rows are first known, and what is spared there.
struct Found {
    /// What the values are there.
    by: Vec<Expr>,
    /// What is done above for each row, in nanoseconds, times the rows.
    spared: Amount,
    /// The rows that would be looked at.
    rows: Amount,
    /// Whether they lie on pages.
    is_walk: bool,
}

/// Rows that others are linked to.
#[derive(Clone, Copy)]
struct Known<'n> {
    /// Where they come from.
    node: &'n PhysicalNode,
    rows: Amount,
}

/// Of fields of which nothing is known nothing is asked, but in tests, whose collections are too small to be known.
const VALUES_GUESSED: Option<Amount> = if cfg!(test) { Some(20.0) } else { None };

/// What is not worth a set of keys.
const LEAST: Amount = if cfg!(test) { 0.0 } else { 20_000.0 };

impl Planner<'_> {
    /// Puts sieves beneath the joins of `node` that are expected to gain by them; `count` have been made so far.
    pub(super) fn sift(&self, node: &mut PhysicalNode, count: &mut u16) {
        let Some(whole) = Whole::build() else { return };
        match &mut node.operator {
            Operator::Join(join) => self.sift_join(join, count, whole),
            Operator::Subquery(subquery) => self.sift_subquery(subquery, count, whole),
            _ => {}
        }
        node.children_mut().into_iter().for_each(|child| self.sift(child, count));
    }

    fn sift_join(&self, join: &mut Join, count: &mut u16, whole: Whole) {
        let Join { input, method, kind, spills: true, merges: false, sieves, .. } = join else { return };
        let Method::Hash { inner, links } = method else { return };
        if *kind == JoinKind::Left {
            self.read_ahead(input, inner, links, count, whole);
            return;
        }
        *sieves = self.sift_rows(input, inner, links, count, whole);
    }

    fn sift_subquery(&self, subquery: &mut Subquery, count: &mut u16, whole: Whole) {
        let Subquery { input, method, spills: true, asked, answer, sieves, .. } = subquery else { return };
        let Method::Hash { inner, links } = method else { return };
        if self.read_ahead(input, inner, links, count, whole) {
            return;
        }
        // Rows with an answer of no, or a value that stands for it, stay.
        let drops = *answer == Answer::Semi || planted::is(Bug::AntiJoinSieved) && *answer == Answer::Anti;
        // A table that is made before there is a row must not fail. What is over pairs is no side of its own.
        if drops && matches!(asked, Asked::Any) && !input.is_over_pairs() && !may_fail(inner) {
            *sieves = self.sift_rows(input, inner, links, count, whole);
        }
    }

    /// Asks of the rows of `input` whether `inner` may have something that is linked to them, where that is worth it.
    fn sift_rows(
        &self,
        input: &mut PhysicalNode,
        inner: &PhysicalNode,
        links: &[Link],
        count: &mut u16,
        whole: Whole,
    ) -> Vec<Sifted> {
        let mut sieves = Vec::new();
        let probe = self.costs.probe * if is_number(links) { 1.0 } else { BYTES };
        // What those before let through.
        let mut passing: Amount = 1.0;
        for of in asked_together(links, |link| &link.outer) {
            let asked: Vec<Expr> = of.iter().map(|at| links[usize::from(*at)].outer.clone()).collect();
            let known: Vec<Expr> = of.iter().map(|at| links[usize::from(*at)].inner.clone()).collect();
            let Some(found) = self.first_known(input, asked.clone(), 0.0) else { continue };
            let known_by = Known { node: inner, rows: inner.rows };
            let Some(share) = self.share_linked((&found.by, input), (&known, known_by)) else { continue };
            // Of those that each of its values lets through.
            let share = if of.len() > 1 { (share / passing).min(1.0) } else { share };
            // On a page it is looked at for less than a table is searched; elsewhere that takes as long.
            let spared = found.spared + if found.is_walk { input.rows * probe } else { 0.0 };
            let looks = inner.rows * self.mark(&known) + found.rows * self.look(&found);
            if spared * (1.0 - share) <= looks * 2.0 + LEAST {
                continue;
            }
            passing *= share;
            sieves.push(Sifted { links: of, number: *count });
            put_in(input, &asked, &mut Some((*count, whole)), share);
            *count += 1;
        }
        sieves
    }

    /// Has the rows of `input` read before a table is made of `inner`, if these are so much fewer for it that it is worth that.
    fn read_ahead(
        &self,
        input: &mut PhysicalNode,
        inner: &mut PhysicalNode,
        links: &[Link],
        count: &mut u16,
        whole: Whole,
    ) -> bool {
        // Pairs are made a few at a time.
        if input.rows > AHEAD_MAX || input.is_over_pairs() {
            return false;
        }
        let build = self.costs.build * if is_number(links) { 1.0 } else { BYTES };
        // What spares most. Several values leave about as much as one of them.
        let mut best: Option<(Vec<u16>, Amount, Amount)> = None;
        for of in asked_together(links, |link| &link.inner) {
            let asked: Vec<Expr> = of.iter().map(|at| links[usize::from(*at)].inner.clone()).collect();
            let known: Vec<Expr> = of.iter().map(|at| links[usize::from(*at)].outer.clone()).collect();
            let Some(found) = self.first_known(inner, asked, inner.rows * build) else { continue };
            let known_by = Known { node: input, rows: input.rows };
            let Some(share) = self.share_linked((&found.by, inner), (&known, known_by)) else { continue };
            let looks = input.rows * (self.mark(&known) + self.costs.pair) + found.rows * self.look(&found);
            let gain = found.spared * (1.0 - share) - looks * 2.0;
            let others = best.as_ref().map_or(LEAST, |(.., gain)| gain * CLEARLY);
            if gain > others {
                best = Some((of, share, gain));
            }
        }
        let Some((of, share, _)) = best else { return false };
        let side = |side: fn(&Link) -> &Expr| -> Vec<Expr> {
            of.iter().map(|at| side(&links[usize::from(*at)]).clone()).collect()
        };
        put_in(inner, &side(|link| &link.inner), &mut Some((*count, whole)), share);
        let (by, number, rows) = (side(|link| &link.outer), *count, input.rows);
        let below = core::mem::replace(input, PhysicalNode { operator: Operator::Pairs, rows });
        input.operator = Operator::Ahead(Ahead { input: Box::new(below), by, number, _whole: whole });
        *count += 1;
        true
    }

    /// What it costs to put values into a set.
    fn mark(&self, known: &[Expr]) -> Amount {
        match known {
            [one] if has_words(one.ty) => self.costs.mark,
            all => {
                let each = |of: &Expr| if has_words(of.ty) { TOGETHER } else { HASHED };
                self.costs.mark * all.iter().map(each).sum::<Amount>()
            }
        }
    }

    /// What it costs to ask a row where its values are first known.
    fn look(&self, found: &Found) -> Amount {
        let of_values: Amount = match &*found.by {
            [one] if has_words(one.ty) => self.costs.marked,
            all => all
                .iter()
                .map(|of| match of.ty.width() {
                    Some(_) if has_words(of.ty) => self.costs.marked * TOGETHER,
                    Some(_) => self.costs.marked * HASHED,
                    None => self.costs.test_variable + self.costs.marked,
                })
                .sum(),
        };
        of_values + if found.is_walk { 0.0 } else { self.costs.probe }
    }

    /// The part of rows with the first values that is expected to have them among the second ones of others.
    fn share_linked(
        &self,
        (asked, of): (&[Expr], &PhysicalNode),
        (known, others): (&[Expr], Known<'_>),
    ) -> Option<Amount> {
        let asked: Vec<Expr> = asked.iter().map(|expr| made_of(of, expr)).collect();
        let of_rows = self.distinct_of(&asked)?;
        let made: Vec<Expr> = known.iter().map(|expr| made_of(others.node, expr)).collect();
        let slot = made.first().and_then(Expr::as_field).map(|(slot, _)| slot);
        // No two of them have the same: records have their own, or groups have.
        let is_unique =
            |values| slot.is_some_and(|slot| values >= self.rows(slot)) || is_of_groups(others.node, known);
        let (keys, values) = match self.distinct_of(&made) {
            Some(values) if is_unique(values) => (others.rows.min(values), values.max(of_rows)),
            Some(values) => (met(values, others.rows), values.max(of_rows)),
            None => (others.rows.min(of_rows), of_rows),
        };
        Some((keys / values.max(1.0)).min(1.0))
    }

    /// How many different combinations of values these have, as far as is known.
    fn distinct_of(&self, exprs: &[Expr]) -> Option<Amount> {
        let distinct = |expr: &Expr| {
            let guessed = VALUES_GUESSED.filter(|_| expr.as_field().is_some());
            self.distinct(expr).or(guessed)
        };
        if let [one] = exprs {
            return distinct(one);
        }
        let mut all: Amount = 1.0;
        let mut slots: Vec<(Slot, Vec<u16>)> = Vec::new();
        for expr in exprs {
            let (slot, position) = expr.as_field()?;
            match slots.iter_mut().find(|(of, _)| *of == slot) {
                Some((_, positions)) => positions.push(position),
                None => slots.push((slot, Vec::from([position]))),
            }
        }
        for (slot, positions) in slots {
            let of_each = || -> Option<Amount> {
                let of = exprs.iter().filter(|expr| expr.as_field().is_some_and(|(of, _)| of == slot));
                of.map(distinct).product()
            };
            let known = self.estimator.distinct_of(slot, &positions);
            all *= known.or_else(of_each)?.min(self.rows(slot));
        }
        Some(all)
    }

    /// Where these values are first known in the rows of `node`, for which so much is done above it.
    fn first_known(&self, node: &PhysicalNode, by: Vec<Expr>, above: Amount) -> Option<Found> {
        let Some((below, of)) = below(node, &by) else {
            let (rows, is_walk) = (node.rows, is_walk(node));
            return knows_all(node, &by).then_some(Found { by, spared: above, rows, is_walk });
        };
        self.first_known(below, of, above + self.cost_for_each(node, below) * below.rows)
    }

    /// What `node` does for each row of `below`.
    fn cost_for_each(&self, node: &PhysicalNode, below: &PhysicalNode) -> Amount {
        let costs = &self.costs;
        match &node.operator {
            Operator::Lookup { .. } => costs.fetch_near,
            Operator::Among(_) | Operator::Sieve(_) => costs.marked,
            Operator::Sort { .. } => costs.sort_of(below.rows),
            Operator::Aggregate { keys, runs, .. } => match &**keys {
                _ if *runs => costs.merge,
                [key] if has_words(key.expr.ty) => costs.build,
                _ => costs.build * BYTES,
            },
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

/// Which links may be asked for, by themselves and then all together, of the side that has `asked`.
fn asked_together(links: &[Link], asked: fn(&Link) -> &Expr) -> Vec<Vec<u16>> {
    let is_plain = |link: &Link| {
        let (inner, outer) = (link.inner.ty, link.outer.ty);
        let is_alike = inner == outer || has_words(inner) && has_words(outer);
        is_alike && matches!(asked(link).kind, ExprKind::Field(..) | ExprKind::Computed(_))
    };
    let plain = (0..).zip(links).filter(|(_, link)| is_plain(link)).map(|(at, _)| at);
    let mut all: Vec<Vec<u16>> = plain.map(|at| Vec::from([at])).collect();
    if all.len() > 1 {
        all.push(all.concat());
    }
    all
}

/// Whether values of a type are numbers of four or eight bytes, two of which are equal when their bytes are.
pub(in crate::engine) fn has_words(ty: Type) -> bool {
    matches!(ty.width(), Some(4 | 8)) && !matches!(ty, Type::F32 | Type::F64)
}

/// Whether one number tells what rows are linked by.
fn is_number(links: &[Link]) -> bool {
    matches!(links, [link] if has_words(link.inner.ty))
}

/// The one of the operators beneath `node` that gives it these values, if a row that goes there is missed by none but those
/// that come of it; and what the values are there.
fn below<'n>(node: &'n PhysicalNode, by: &[Expr]) -> Option<(&'n PhysicalNode, Vec<Expr>)> {
    let input = match &node.operator {
        // Tests on a page are put in order with those of a sieve.
        Operator::Filter { input, .. } if is_walk(input) => return None,
        Operator::Filter { input, .. }
        | Operator::Lookup { input, .. }
        | Operator::Sort { input, window: None, .. }
        | Operator::Subquery(Subquery { input, .. }) => input,
        Operator::Among(among) => &among.input,
        Operator::Sieve(sieve) if !is_walk(&sieve.input) => &sieve.input,
        Operator::Ahead(ahead) => &ahead.input,
        Operator::Join(join) => match &join.method {
            Method::Hash { inner, .. } | Method::Loop { inner, .. }
                if join.kind == JoinKind::Inner && knows_all(inner, by) =>
            {
                inner
            }
            _ => &join.input,
        },
        // What several ask for is the same for all of them.
        Operator::Shared { input, number: None, columns, .. } => {
            let of = within(by, columns)?;
            return knows_all(input, &of).then_some((input, of));
        }
        Operator::Aggregate { input, keys, items, .. } => {
            let mut of = within(by, keys);
            if planted::is(Bug::GroupsSieved) {
                let first = items.iter().find_map(|item| item.argument.clone());
                of = of.or(first.map(|first| alloc::vec![first; by.len()]));
            }
            let of = of?;
            // Which rows are left must not decide whether one is an error.
            let is_known = knows_all(input, &of) && keys.iter().all(|key| !key.expr.may_fault());
            return (is_known && is_sure(input)).then_some((input, of));
        }
        _ => return None,
    };
    knows_all(input, by).then(|| (&**input, by.to_vec()))
}

/// What values were made of, each of which is one of these; `None` where one was calculated.
fn within(by: &[Expr], made: &[KeyTerm]) -> Option<Vec<Expr>> {
    let of = |expr: &Expr| {
        let ExprKind::Computed(computed) = expr.kind else { return None };
        let of = made.iter().find(|made| made.output == computed).map(|made| &made.expr);
        of.filter(|of| matches!(of.kind, ExprKind::Field(..) | ExprKind::Computed(_))).cloned()
    };
    by.iter().map(of).collect()
}

fn below_mut<'n>(node: &'n mut PhysicalNode, by: &[Expr]) -> Option<(&'n mut PhysicalNode, Vec<Expr>)> {
    let (found, of) = below(node, by)?;
    let found = core::ptr::from_ref(found);
    let mut children = node.children_mut().into_iter();
    Some((children.find(|child| core::ptr::eq::<PhysicalNode>(&**child, found))?, of))
}

/// Whether nothing that `node` does, or one beneath it, may be without a result; of what is not looked at it is said that it may.
fn is_sure(node: &PhysicalNode) -> bool {
    let are_sure = |exprs: &[Expr]| exprs.iter().all(|expr| !expr.may_fault());
    let is_sure_item = |item: &AggregateTerm| {
        let mut exprs = item.argument.iter().chain(&item.filter);
        !matches!(item.function, AggregateFunction::Sum | AggregateFunction::Avg)
            && exprs.all(|expr| !expr.may_fault())
    };
    let is_sure_method = |method: &Method| match method {
        Method::Probe { links, span: None, .. } | Method::Hash { links, .. } => {
            links.iter().all(|link| !link.inner.may_fault() && !link.outer.may_fault())
        }
        Method::Probe { .. } | Method::Loop { .. } => false,
    };
    let own = match &node.operator {
        Operator::Pairs | Operator::Lookup { .. } | Operator::Among(_) | Operator::Native { .. } => true,
        Operator::Scan(scan) => match &scan.access {
            Access::PointedAt { by, .. } => !by.may_fault(),
            _ => true,
        },
        Operator::Filter { predicates, .. } => are_sure(predicates),
        Operator::Sieve(Sieve { by, .. }) | Operator::Ahead(Ahead { by, .. }) => are_sure(by),
        Operator::Sort { terms, .. } => terms.iter().all(|term| !term.expr.may_fault()),
        Operator::Join(join) => is_sure_method(&join.method),
        Operator::Subquery(subquery) => {
            let is_sure = match &subquery.asked {
                Asked::Any | Asked::Count => true,
                Asked::Aggregate(term, _) => is_sure_item(term),
            };
            is_sure && is_sure_method(&subquery.method)
        }
        Operator::Aggregate { keys, items, .. } => {
            keys.iter().all(|key| !key.expr.may_fault()) && items.iter().all(is_sure_item)
        }
        Operator::Shared { columns, .. } => columns.iter().all(|column| !column.expr.may_fault()),
        _ => false,
    };
    own && node.children().into_iter().all(is_sure)
}

/// Whether the rows of `node` may have no result as a whole, as those have that are made of several rows.
fn may_fail(node: &PhysicalNode) -> bool {
    let is_of_row = matches!(
        node.operator,
        Operator::Pairs
            | Operator::Scan(_)
            | Operator::Filter { .. }
            | Operator::Lookup { .. }
            | Operator::Among(_)
            | Operator::Sieve(_)
            | Operator::Ahead(_)
            | Operator::Native { .. }
            | Operator::Sort { window: None, .. }
            | Operator::Join(_)
            | Operator::Subquery(_)
    );
    if is_of_row { node.children().into_iter().any(may_fail) } else { !is_sure(node) }
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

/// Whether the rows of a node have all of these values, fields of records and what was made below.
fn knows_all(node: &PhysicalNode, by: &[Expr]) -> bool {
    by.iter().all(|expr| match expr.kind {
        ExprKind::Field(slot, _) => gives(node, slot),
        ExprKind::Computed(computed) => makes(node, computed),
        _ => false,
    })
}

/// Whether the rows of a node have a record in `slot`.
fn gives(node: &PhysicalNode, slot: Slot) -> bool {
    match &node.operator {
        Operator::Scan(scan) => scan.slot == slot,
        Operator::Lookup { into, .. } if *into == slot => true,
        Operator::Join(Join { method: Method::Probe { .. }, slot: of, .. }) if *of == slot => true,
        _ => sources(node).into_iter().any(|source| gives(source, slot)),
    }
}

/// Whether the rows of a node have this value.
fn makes(node: &PhysicalNode, computed: Computed) -> bool {
    match &node.operator {
        Operator::Aggregate { keys, items, .. } => {
            let keys = keys.iter().map(|key| key.output);
            keys.chain(items.iter().map(|item| item.output)).any(|output| output == computed)
        }
        Operator::Shared { columns, .. } => columns.iter().any(|column| column.output == computed),
        Operator::Set { columns, .. } | Operator::Recursive { columns, .. } => {
            columns.iter().any(|column| column.output == computed)
        }
        Operator::Previous { columns, .. } => columns.contains(&computed),
        Operator::CountRecords { outputs, .. } => outputs.contains(&computed),
        Operator::Subquery(subquery) if subquery.answer == Answer::Value(computed) => true,
        Operator::Window { items, .. } if items.iter().any(|item| item.output == computed) => true,
        _ => sources(node).into_iter().any(|source| makes(source, computed)),
    }
}

/// The nodes beneath one of which its rows have all that their rows have.
fn sources(node: &PhysicalNode) -> Vec<&PhysicalNode> {
    match &node.operator {
        Operator::Join(join) => match &join.method {
            Method::Probe { .. } => Vec::from([&*join.input]),
            Method::Hash { inner, .. } | Method::Loop { inner, .. } => Vec::from([&**inner, &*join.input]),
        },
        Operator::Among(among) => Vec::from([&*among.input]),
        Operator::Sieve(Sieve { input, .. }) | Operator::Ahead(Ahead { input, .. }) => Vec::from([&**input]),
        Operator::Filter { input, .. }
        | Operator::Lookup { input, .. }
        | Operator::Sort { input, .. }
        | Operator::Limit { input, .. }
        | Operator::Native { input, .. }
        | Operator::Window { input, .. }
        | Operator::Subquery(Subquery { input, .. }) => Vec::from([&**input]),
        _ => Vec::new(),
    }
}

/// What a value in the rows of `node` was made of as a key of groups, or as it is.
fn made_of(node: &PhysicalNode, expr: &Expr) -> Expr {
    fn find(node: &PhysicalNode, computed: Computed) -> Option<Expr> {
        let keys = match &node.operator {
            Operator::Aggregate { keys, .. } => &keys[..],
            Operator::Shared { columns, .. } => &columns[..],
            _ => &[],
        };
        let found = keys.iter().find(|key| key.output == computed).map(|key| key.expr.clone());
        found.or_else(|| node.children().into_iter().find_map(|child| find(child, computed)))
    }
    let mut expr = expr.clone();
    while let ExprKind::Computed(computed) = expr.kind
        && let Some(found) = find(node, computed)
    {
        expr = found;
    }
    expr
}

/// Whether rows are groups of which no two have the same of these values.
fn is_of_groups(node: &PhysicalNode, values: &[Expr]) -> bool {
    match &node.operator {
        Operator::Filter { input, .. } | Operator::Sieve(Sieve { input, .. }) => is_of_groups(input, values),
        Operator::Shared { input, columns, .. } => {
            within(values, columns).is_some_and(|values| is_of_groups(input, &values))
        }
        Operator::Aggregate { keys, .. } => {
            let is_there =
                |output| values.iter().any(|of| matches!(of.kind, ExprKind::Computed(c) if c == output));
            !keys.is_empty() && keys.iter().all(|key| is_there(key.output))
        }
        _ => false,
    }
}

/// Puts a sieve where these values are first known, which lets `share` of the rows through.
fn put_in(node: &mut PhysicalNode, by: &[Expr], of: &mut Option<(u16, Whole)>, share: Amount) {
    if let Some((below, by)) = below_mut(node, by) {
        put_in(below, &by, of, share);
        node.rows *= share;
        return;
    }
    let Some((number, _whole)) = of.take() else { return };
    let rows = node.rows * share;
    let input = core::mem::replace(node, PhysicalNode { operator: Operator::Pairs, rows });
    node.operator = Operator::Sieve(Sieve { input: Box::new(input), by: by.to_vec(), number, _whole });
}
