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
//! Where all rows are wanted it is the same: those that compare equal by what they come by are sorted by the other terms, a few at a time
//! (`sort by order, number; they come by order`), which costs less than to sort all.
//!
//! A value that is equal to one of the records that rows begin at comes in the same order: pairs of orders and their lines, by the order
//! of a line, are those of the orders by key.
//!
//! Must not fire where the sides of the join would be put aside, which forgets their order: then all is sorted
//! (`exec::operators::keeps_order`).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::subquery::Sides;
use super::{Join, Method, Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::estimate::{Amount, Counter};
use crate::engine::logical::{self, Aggregate, Expr, ExprKind, Inner, Node, Slot, Sort, SortTerm};
use crate::engine::planted::{self, Bug};
use crate::expr::JoinKind;
use crate::parts;

impl<'p> Planner<'p> {
    /// What is wanted of rows to which `stages` do something, for what is wanted of the rows that these leave.
    pub(super) fn below_stages<'w>(&self, node: &Node, stages: &[&'p Node], want: Want<'w>) -> Want<'w> {
        let plain = Want { key_order: want.key_order, ..Want::default() };
        if let Node::Aggregate(_) = node {
            return Want { order: want.order, partly: want.partly, limit: want.limit, ..plain };
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
        first_slot(node) == Some(slot) && {
            let collection = self.collection(slot);
            let mut indexes = collection.indexes.iter();
            collection.clustered == Some(position) || indexes.any(|index| index.fields.contains(&position))
        }
    }

    /// Whether an order goes on behind a key with something of other records. No two records have the same key, and nothing else of them
    /// orders them after it; but of pairs several may.
    fn goes_on_behind_key(&self, order: &[SortTerm]) -> bool {
        let is_key = |term: &SortTerm| {
            let field = term.expr.as_field();
            field.is_some_and(|(slot, position)| self.collection(slot).clustered == Some(position))
        };
        let Some(key) = order.iter().position(is_key) else { return false };
        let of = |term: &SortTerm| term.expr.as_field().map(|(slot, _)| slot);
        order[key + 1..].iter().any(|term| of(term) != of(&order[key]))
    }

    /// Of `planned`, all of whose rows are to be sorted, and ways that give them in the order of some of the first terms, so that only
    /// those that compare equal by these are sorted, the cheapest; and in the order of how many terms it gives them, and whether that is
    /// all there is to be done.
    pub(super) fn sorted_in_runs(&self, sort: &'p Sort, planned: Planned) -> (Planned, usize, bool) {
        // Records of one collection go on in another operation, for which all are kept.
        if planned.ordered || !has_join(&sort.input) {
            return (planned, 0, false);
        }
        let terms = self.given_by(&sort.input, &sort.terms);
        if terms.is_empty() {
            return (planned, 0, false);
        }
        let rows = planned.node.rows;
        let mut best_cost = planned.cost + self.sort_cost(rows, None);
        let mut best = (planned, 0, false);
        let noted = self.estimates.borrow().len();
        for given in (1..=terms.len()).rev() {
            let want = Want { order: &terms[..given], partly: true, ..Want::default() };
            let mut partly = self.node(&sort.input, want);
            // Other ways look for the same values.
            self.estimates.borrow_mut().truncate(noted);
            let settled = given == sort.terms.len() && self.tells_rows_apart(&sort.input, &terms);
            let runs = if settled { 0.0 } else { self.runs_cost(rows, &terms[..given]) };
            let cost = partly.cost + runs;
            if partly.ordered && cost < best_cost {
                partly.ordered = false;
                (best_cost, best) = (cost, (partly, given, settled));
            }
        }
        best
    }

    /// Whether no two of the query's records compare equal by these terms, so that their keys need not tell rows apart; or no two groups.
    pub(super) fn tells_rows_apart(&self, node: &Node, terms: &[SortTerm]) -> bool {
        if let Some(aggregate) = groups_of(node) {
            return super::runs::tells_groups_apart(aggregate, terms);
        }
        terms
            .iter()
            .filter_map(|term| term.expr.as_field())
            .any(|(slot, position)| slot == Slot(0) && self.collection(slot).clustered == Some(position))
    }

    /// What it costs to sort so many rows that come in the order of these terms.
    pub(super) fn runs_cost(&self, rows: Amount, given: &[SortTerm]) -> Amount {
        let runs = self.groups(rows, given.iter().map(|term| &term.expr));
        self.costs.sort_of_runs(rows, rows / runs)
    }

    /// The first terms of an order that rows of a node may come in, as what they begin at has them; none where they may not.
    pub(super) fn given_by(&self, node: &Node, terms: &[SortTerm]) -> Vec<SortTerm> {
        if let Some(aggregate) = groups_of(node) {
            // Those of records come in their order without a sort above.
            let count = terms.iter().take_while(|term| is_key_of(aggregate, term)).count();
            return if has_join(&aggregate.input) { terms[..count].to_vec() } else { Vec::new() };
        }
        let terms = self.of_first_rows(node, terms);
        if self.may_give(node, &terms) { terms } else { Vec::new() }
    }

    /// What rows are ordered by first, as far as it is of the records that they begin at, or equal to something of these, as that.
    pub(super) fn of_first_rows(&self, node: &Node, terms: &[SortTerm]) -> Vec<SortTerm> {
        let Some(slot) = first_slot(node) else { return Vec::new() };
        let mut equal = Vec::new();
        self.equal_in(node, &mut equal);
        terms
            .iter()
            .map_while(|term| Some(SortTerm { expr: of_slot(&term.expr, slot, &equal)?, ..*term }))
            .collect()
    }

    /// The fields that are equal in all rows of a node.
    pub(super) fn equal_in(&self, node: &Node, out: &mut Vec<(Expr, Expr)>) {
        match node {
            Node::Join(join) if join.kind == JoinKind::Inner => {
                let of_fields = |link: &&logical::Link| {
                    let fields = link.inner.as_field().is_some() && link.outer.as_field().is_some();
                    fields && link.inner.ty == link.outer.ty
                };
                let links = join.links.iter().filter(of_fields);
                out.extend(links.map(|link| (link.inner.clone(), link.outer.clone())));
                self.equal_in(&join.inner, out);
            }
            Node::Lookup(lookup) => {
                let slot = |slot: Slot| &self.plan.slots[usize::from(slot.0)];
                let (from, into) = (slot(lookup.from), slot(lookup.into));
                if let Some(key) = into.collection.clustered {
                    let field = &from.collection.fields[usize::from(lookup.position)];
                    let pointing =
                        Expr::field(lookup.from, lookup.position, field.ty, from.optional || field.optional);
                    let ty = into.collection.fields[usize::from(key)].ty;
                    let pointed = Expr::field(lookup.into, key, ty, into.optional);
                    if pointing.ty == pointed.ty {
                        out.push((pointing, pointed));
                    }
                }
            }
            Node::Filter(_) | Node::Subquery(_) | Node::Join(_) => {}
            _ => return,
        }
        if let Some(input) = node.input() {
            self.equal_in(input, out);
        }
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
            sieves: Vec::new(),
            counter: Counter::NONE,
            _whole: join.whole,
        };
        let rows = (rows * each).max(if join.kind == JoinKind::Left { rows } else { 0.0 });
        let node = PhysicalNode { operator: Operator::Join(node), rows };
        Some(Planned { node, ordered: true, cost: input.cost + cost })
    }
}

/// The slot of the records that the rows of a node begin at.
pub(super) fn first_slot(node: &Node) -> Option<Slot> {
    match node {
        Node::Scan(scan) => Some(scan.slot),
        Node::Filter(_) | Node::Lookup(_) | Node::Subquery(_) | Node::Join(_) => first_slot(node.input()?),
        _ => None,
    }
}

/// A field of the record in `slot` that `expr` is equal to, if it is a field.
pub(super) fn of_slot(expr: &Expr, slot: Slot, equal: &[(Expr, Expr)]) -> Option<Expr> {
    let mut known = Vec::from([expr]);
    let mut at = 0;
    while let Some(expr) = known.get(at).copied() {
        let field = expr.as_field()?;
        if field.0 == slot {
            return Some(expr.clone());
        }
        for (a, b) in equal {
            for (one, other) in [(a, b), (b, a)] {
                let is_known = |expr: &&Expr| expr.as_field() == other.as_field();
                if one.as_field() == Some(field) && !known.iter().any(is_known) {
                    known.push(other);
                }
            }
        }
        at += 1;
    }
    None
}

/// The groups whose rows a node asks something of, or are its own.
fn groups_of(node: &Node) -> Option<&Aggregate> {
    match node {
        Node::Aggregate(aggregate) if !aggregate.keys().is_empty() => Some(aggregate),
        Node::Filter(filter) => groups_of(&filter.input),
        _ => None,
    }
}

/// Whether groups are ordered by one of their keys.
fn is_key_of(aggregate: &Aggregate, term: &SortTerm) -> bool {
    aggregate.keys().iter().any(|key| term.expr.kind == ExprKind::Computed(key.output))
}

/// Whether the rows of a node are pairs.
pub(super) fn has_join(node: &Node) -> bool {
    matches!(node, Node::Join(_)) || node.input().is_some_and(has_join)
}
