//! Joins: the methods of subqueries, and which side is put into a hash table.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::subquery::Sides;
use super::{Join, Method, Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::estimate::Amount;
use crate::engine::logical;
use crate::engine::logical::{Link, Node};
use crate::expr::JoinKind;
use crate::parts;

impl<'p> Planner<'p> {
    pub(super) fn join(&self, join: &'p logical::Join, want: Want<'_>) -> Planned {
        let logical::Join { slot, inner, links, pairs, .. } = join;
        let sides = Sides { slot: *slot, inner, links, pairs, reads: true };
        let input = self.node(&join.input, Want { key_order: want.key_order, ..Want::default() });
        let rows = input.node.rows;
        let once = self.once(&sides, rows);
        // A row of which a link has no value is paired with everything.
        let is_sure = join.links.iter().all(|link| link.outer.is_sure());
        let probe = if parts::PROBES && is_sure { self.probe(&sides, rows) } else { None };
        let cost = input.cost + probe.as_ref().map_or(once.cost, |probe| probe.cost.min(once.cost));
        let inner_rows = match &once.method {
            Method::Hash { inner, .. } | Method::Loop { inner } => inner.rows,
            Method::Probe { .. } => unreachable!("all inner rows are at hand"),
        };
        let out = self.pairs_expected(rows, inner_rows, &join.links);
        let joined = |input: PhysicalNode, slot, method, pairs, cost| {
            let (input, pairs) = (Box::new(input), Box::new(pairs));
            let operator =
                Operator::Join(Join { input, slot, method, pairs, kind: join.kind, _whole: join.whole });
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
                return joined(*inner, join.slot, method, once.pairs, turned);
            }
        }
        match probe {
            Some(probe) if probe.cost <= once.cost => {
                joined(input.node, join.slot, probe.method, probe.pairs, cost)
            }
            _ => joined(input.node, join.slot, once.method, once.pairs, cost),
        }
    }

    /// How many pairs are expected of so many rows and inner rows.
    pub(super) fn pairs_expected(&self, rows: Amount, inner: Amount, links: &[Link]) -> Amount {
        if links.is_empty() {
            return rows * inner;
        }
        // Each row of the side that is pointed at has its part of the other.
        rows * inner / self.linked_rows(links).max(inner.min(rows)).max(1.0)
    }
}

/// Links with their sides exchanged.
fn turned_round(links: &[Link]) -> Vec<Link> {
    let turned = |link: &Link| Link { inner: link.outer.clone(), outer: link.inner.clone(), ..*link };
    links.iter().map(turned).collect()
}
