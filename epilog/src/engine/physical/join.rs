//! Joins: the methods of subqueries, and which side is put into a hash table.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::subquery::Sides;
use super::{Join, Method, Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::estimate::Amount;
use crate::engine::logical;
use crate::engine::logical::{Expr, Inner, Link, Node, Slot};
use crate::engine::optimizer::is_sure_below;
use crate::expr::JoinKind;
use crate::parts;

/// One value is taken for a twentieth of all where nothing is known.
const VALUES: Amount = 20.0;

impl<'p> Planner<'p> {
    pub(super) fn join(&self, join: &'p logical::Join, want: Want<'_>) -> Planned {
        let logical::Join { slot, inner, links, pairs, .. } = join;
        let sides = Sides { slot: *slot, inner, links, pairs, reads: true, ordered: false };
        let input = self.node(&join.input, Want { key_order: want.key_order, ..Want::default() });
        let rows = input.node.rows;
        let once = self.once(&sides, rows);
        // A row of which a link has no value is paired with everything.
        let outer = Inner::of(&join.input);
        let is_sure = join.links.iter().all(|link| outer.is_sure(&link.outer));
        let probe = if parts::PROBES && is_sure { self.probe(&sides, rows) } else { None };
        let cost = input.cost + probe.as_ref().map_or(once.cost, |probe| probe.cost.min(once.cost));
        let inner_rows = match &once.method {
            Method::Hash { inner, .. } | Method::Loop { inner, .. } => inner.rows,
            Method::Probe { .. } => unreachable!("all inner rows are at hand"),
        };
        let mut out = self.pairs_expected(rows, inner_rows, &join.links);
        if let (Node::Filter(filter), true) = (&**pairs, links.is_empty()) {
            out *= self.estimator.selectivity_of_all(&filter.predicates);
        }
        let joined = |input: PhysicalNode, slot, method, pairs, reads_inner, cost| {
            let (input, pairs, kind) = (Box::new(input), Box::new(pairs), join.kind);
            let operator = Operator::Join(Join {
                input,
                slot,
                method,
                pairs,
                kind,
                reads_inner,
                spills: is_sure,
                _whole: join.whole,
            });
            let rows = if join.kind == JoinKind::Left { out.max(rows) } else { out };
            Planned { node: PhysicalNode { operator, rows }, ordered: want.order.is_empty(), cost }
        };
        // The smaller side is kept in a table, and the other one goes past it: either may be, when both are alike.
        if join.kind == JoinKind::Inner
            && is_sure
            && *join.pairs == Node::Pairs
            && !join.links.is_empty()
            && rows < inner_rows
        {
            let fewer = inner_rows - rows;
            let turned = input.cost + once.cost - fewer * self.costs.build + fewer * self.costs.probe;
            if turned < cost
                && let Method::Hash { inner, .. } = once.method
            {
                let method = Method::Hash { inner: Box::new(input.node), links: turned_round(&join.links) };
                return joined(*inner, join.slot, method, once.pairs, may_fail(&join.input), turned);
            }
        }
        match probe {
            Some(probe) if probe.cost <= once.cost => {
                joined(input.node, join.slot, probe.method, probe.pairs, false, cost)
            }
            _ => joined(input.node, join.slot, once.method, once.pairs, may_fail(inner), cost),
        }
    }

    /// How many pairs are expected of so many rows and inner rows.
    pub(super) fn pairs_expected(&self, rows: Amount, inner: Amount, links: &[Link]) -> Amount {
        let values = |expr: &Expr| self.distinct(expr).unwrap_or(VALUES);
        let mut share = 1.0;
        for link in links {
            share /= values(&link.inner).max(values(&link.outer)).max(1.0);
        }
        rows * inner * share.max(self.share_of_found(links))
    }

    /// Of records that several values together find at most one of, the part that one is.
    fn share_of_found(&self, links: &[Link]) -> Amount {
        let sides = links.iter().flat_map(|link| [&link.inner, &link.outer]);
        let fields = |slot: Slot| {
            let of = sides.clone().filter_map(Expr::as_field).filter(move |(of, _)| *of == slot);
            of.map(|(_, position)| position)
        };
        let slots = sides.clone().filter_map(Expr::as_field).map(|(slot, _)| slot);
        let is_found = |slot: &Slot| {
            let mut unique = self.collection(*slot).indexes.iter().filter(|index| index.tells_apart());
            unique.any(|index| index.fields.iter().all(|field| fields(*slot).any(|of| of == *field)))
        };
        slots.filter(is_found).map(|slot| 1.0 / self.rows(slot)).fold(0.0, Amount::max)
    }

    /// How many different values an expression is known to have.
    pub(super) fn distinct(&self, expr: &Expr) -> Option<Amount> {
        let (slot, position) = expr.as_field()?;
        if let Some(known) = self.estimator.distinct(slot, position) {
            return Some(known);
        }
        let collection = self.collection(slot);
        // As many as rows are planned for, or a small collection had more partners than there are.
        let records = self.rows(slot);
        let mut unique = collection.indexes.iter().filter(|index| index.tells_apart());
        if collection.clustered == Some(position) || unique.any(|index| index.fields == [position]) {
            return Some(records);
        }
        let target = collection.fields[usize::from(position)].reference?.target;
        let target = self.plan.slots.iter().find(|of| of.collection.id == target);
        let target = target.map(|of| self.statistics.rows(&of.collection) as Amount);
        let target = target.map(|rows| rows.max(self.costs.rows_min));
        Some(target.map_or(records / 10.0, |target| target.min(records)).max(1.0))
    }
}

/// Whether rows may have no result as a whole. One that has none itself is an error with the answer that it is part of; but
/// where rows are counted, or something is made of all of them, it is one for all that come out there.
fn may_fail(node: &Node) -> bool {
    let mut fails = false;
    node.visit(&mut |node| {
        let is_of_all = matches!(
            node,
            Node::Limit(_) | Node::Aggregate(_) | Node::Window(_) | Node::Set(_) | Node::Recursive(_)
        );
        fails |= is_of_all && !is_sure_below(node);
    });
    fails
}

/// Links with their sides exchanged.
fn turned_round(links: &[Link]) -> Vec<Link> {
    let turned = |link: &Link| Link { inner: link.outer.clone(), outer: link.inner.clone(), ..*link };
    links.iter().map(turned).collect()
}
