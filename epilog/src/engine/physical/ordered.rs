//! Orders that joins keep: the first few rows of a join whose outer side comes in the order wanted.
//!
//! ```text
//! top 10 by released                        top 10 by released; they come by released
//!   join through hash table, album = id       join by index Track.album
//!     scan Track                                index scan Album by released
//!     scan Album
//! ```
//!
//! A join gives the pairs of one row after those of another, be they found through an index or in a table. So they come in whatever
//! order the rows do, and so does what is looked up for them, or asked of them. Where the first few of an order are wanted, and an
//! index, or the key, gives that order of the records that rows begin at, no more of these are read than make as many pairs. The sort
//! stays above: it knows when no other row may be among the first, and puts those that compare equal in order.
//!
//! Which costs less is told by how many pairs a row is expected to have: of the rows as many are read as make the pairs wanted,
//! and those that compare equal to the last of them. A table of the other side is made in whole all the same.
//!
//! Must not fire where the sides of the join would be put aside, which forgets their order: then all is sorted
//! (`exec::operators::keeps_order`).

use alloc::boxed::Box;

use super::subquery::Sides;
use super::{Join, Method, Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::estimate::{Amount, Counter};
use crate::engine::logical::{self, Inner, Node, SortTerm};
use crate::engine::planted::{self, Bug};
use crate::expr::JoinKind;
use crate::parts;

impl<'p> Planner<'p> {
    /// What is wanted of rows to which `stages` do something, for what is wanted of the rows that these leave.
    pub(super) fn below_stages<'w>(&self, node: &Node, stages: &[&'p Node], want: Want<'w>) -> Want<'w> {
        let plain = Want { key_order: want.key_order, ..Want::default() };
        if let Node::Aggregate(_) = node {
            return Want { order: want.order, limit: want.limit, ..plain };
        }
        if !want.partly || !self.may_give(node, want.order) {
            return plain;
        }
        let share = stages.iter().map(|stage| match stage {
            Node::Filter(filter) => self.estimator.selectivity_of_all(&filter.predicates),
            _ => 1.0,
        });
        let share = share.product::<Amount>().max(Amount::MIN_POSITIVE);
        let limit = want.limit.map(|limit| ((limit as Amount / share) as u64).saturating_add(1));
        Want { order: want.order, partly: true, limit, ..plain }
    }

    /// Whether the records that rows of a node begin at may come in an order that joins keep.
    pub(super) fn may_give(&self, node: &Node, order: &[SortTerm]) -> bool {
        let Some((slot, position)) = order.first().and_then(|term| term.expr.as_field()) else {
            return false;
        };
        let mut base = node;
        while let Node::Filter(_) | Node::Lookup(_) | Node::Subquery(_) | Node::Join(_) = base {
            let Some(input) = base.input() else { return false };
            base = input;
        }
        matches!(base, Node::Scan(scan) if scan.slot == slot) && {
            let collection = self.collection(slot);
            let mut indexes = collection.indexes.iter();
            collection.clustered == Some(position) || indexes.any(|index| index.fields.contains(&position))
        }
    }

    /// Whether an order goes on behind a key. No two records have the same, and nothing orders them after it; but of pairs several may.
    fn goes_on_behind_key(&self, order: &[SortTerm]) -> bool {
        let is_key = |term: &SortTerm| {
            let field = term.expr.as_field();
            field.is_some_and(|(slot, position)| self.collection(slot).clustered == Some(position))
        };
        order.iter().rev().skip(1).any(is_key)
    }

    /// A join whose rows come in the order wanted, and what the first of them cost; `None` where they cannot.
    pub(super) fn join_in_order(&self, join: &'p logical::Join, want: Want<'_>) -> Option<Planned> {
        if !want.partly || !self.may_give(&join.input, want.order) || self.goes_on_behind_key(want.order) {
            return None;
        }
        let logical::Join { slot, inner, links, pairs, .. } = join;
        let (reads, aggregate, any) = (true, None, false);
        let sides = Sides { slot: *slot, inner, links, pairs, reads, aggregate, any };
        let once = self.once(&sides, 1.0);
        let inner_rows = match &once.method {
            Method::Hash { inner, .. } | Method::Loop { inner, .. } => inner.rows,
            Method::Probe { .. } => unreachable!("all inner rows are at hand"),
        };
        let mut each = self.pairs_expected(1.0, inner_rows, links);
        each = (each * self.learnt().of_pairs(links)).min(inner_rows);
        if let (Node::Filter(filter), true) = (&**pairs, links.is_empty()) {
            each *= self.estimator.selectivity_of_all(&filter.predicates);
        }
        if join.kind == JoinKind::Left {
            each = each.max(1.0);
        }
        let asked = want.limit.map(|limit| (limit as Amount / each.max(Amount::MIN_POSITIVE)) as u64);
        let asked = asked.map(|asked| asked.saturating_add(1));
        let of_rows = Want {
            order: want.order,
            partly: true,
            limit: asked,
            key_order: want.key_order,
            ..Want::default()
        };
        let input = self.node(&join.input, of_rows);
        if !input.ordered && !planted::is(Bug::OrderTakenForGiven) {
            return None;
        }
        let rows = input.node.rows;
        let read = asked.map_or(rows, |asked| rows.min(asked as Amount));
        let outer = Inner::of(&join.input);
        let is_sure = links.iter().all(|link| outer.is_sure(&link.outer));
        let probe = if parts::PROBES && is_sure { self.probe(&sides, read) } else { None };
        let mut of_table = once.fixed + read * (once.cost - once.fixed);
        if super::join::asked_of_linked(join).is_some() {
            // All that is linked is made, as where the rows come in no order.
            of_table += read * each * self.costs.pair;
        }
        let has_table = matches!(&once.method, Method::Hash { links, .. } if !links.is_empty());
        let is_put_aside = self.wishes.puts_aside && is_sure && has_table;
        let (method, pairs, reads_inner, cost) = match probe {
            Some(probe) if is_put_aside || probe.cost <= of_table => {
                (probe.method, probe.pairs, false, probe.cost)
            }
            _ if is_put_aside => return None,
            _ => (once.method, once.pairs, super::join::may_fail(inner), of_table),
        };
        let node = Join {
            input: Box::new(input.node),
            slot: *slot,
            method,
            pairs: Box::new(pairs),
            kind: join.kind,
            reads_inner,
            spills: is_sure,
            merges: false,
            in_order: true,
            sieves: alloc::vec::Vec::new(),
            counter: Counter::NONE,
            _whole: join.whole,
        };
        let rows = (rows * each).max(if join.kind == JoinKind::Left { rows } else { 0.0 });
        let node = PhysicalNode { operator: Operator::Join(node), rows };
        Some(Planned { node, ordered: true, cost: input.cost + cost })
    }
}
