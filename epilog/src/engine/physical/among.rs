//! Filters on what rows point at, turned round: which records those may be is found out once.
//!
//! ```text
//! before                                      after
//! filter supplier.nation.name = "FRANCE"      among Supplier by supplier
//!   lookup Nation by supplier.nation            scan Line
//!     lookup Supplier by supplier               among Nation by nation
//!       scan Line                                 scan Supplier
//!                                                 filter name = "FRANCE"
//!                                                   scan Nation
//! ```
//!
//! A predicate about the record that a relation leads to, and those beyond it, is tested once for each such record instead of
//! once for each row that points there, and rows go before anything is looked up for them. Must not fire on predicates that
//! may have no result, nor on those that may hold for a record that is absent, where the relation is optional or the record that
//! points may be absent itself.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::access::{Chosen, predicates_of};
use super::sarg::Sarg;
use super::{Operator, PhysicalNode, Planner, Want};
use crate::engine::estimate::Amount;
use crate::engine::logical::{Computed, Expr, Filter, Lookup, Node, Slot};
use crate::expr::JoinKind;
use crate::parts::Whole;

/// Keeps the rows that point at a record of another source.
#[derive(Clone, Debug)]
pub struct Among {
    /// Where rows come from.
    pub input: Box<PhysicalNode>,
    /// The slot of the record that points.
    pub from: Slot,
    /// The position of the relation field in it.
    pub position: u16,
    /// The value that is made of an entry in its place, where the record is not read.
    pub by: Option<Computed>,
    /// The records that rows may point at.
    pub source: Box<PhysicalNode>,
    /// Their slot.
    pub slot: Slot,
    /// Other builds look up every row's.
    pub _whole: Whole,
}

/// A relation of rows about whose far end, or what lies beyond it, something is asked.
struct Narrowing<'p> {
    first: &'p Lookup,
    /// The slots that it leads to.
    beyond: Vec<Slot>,
    predicates: Vec<&'p Expr>,
}

impl<'p> Planner<'p> {
    /// Drops, of the rows planned, those that point at nothing that the filters among `stages` let through. `base` are the slots
    /// that the rows have, `present` those of them that have a record in every row.
    pub(super) fn narrowed(
        &self,
        mut chosen: Chosen,
        (base, present): (&[Slot], &[Slot]),
        stages: &[&'p Node],
        want: Want<'_>,
    ) -> Chosen {
        if self.wishes.require_index || want.any {
            return chosen;
        }
        let mut found = Vec::new();
        for Narrowing { first, beyond, predicates } in
            self.narrowings((base, present), stages, &chosen.implied)
        {
            found.extend(self.among(&chosen, first, &beyond, &predicates, stages, want));
        }
        let share = |(_, share, _, _): &(_, Amount, _, _)| *share;
        found.sort_by(|a, b| share(a).total_cmp(&share(b)));
        for (source, share, first, predicates) in found {
            let Some(whole) = Whole::build() else { break };
            let marks = source.cost + source.node.rows * self.costs.mark;
            chosen.cost += marks;
            chosen.fixed += marks;
            chosen.implied.extend(predicates);
            let Lookup { from, position, into, .. } = *first;
            let source = Box::new(source.node);
            let of = |input: PhysicalNode| {
                let rows = (input.rows * share).max(1.0);
                let input = Box::new(input);
                let among = Among { input, from, position, by: None, source, slot: into, _whole: whole };
                PhysicalNode { operator: Operator::Among(among), rows }
            };
            chosen.node = match chosen.node {
                // Whichever costs less for each row that it drops comes first.
                PhysicalNode { operator: Operator::Filter { input, predicates, counter }, rows }
                    if let left = rows / input.rows.max(1.0)
                        && let tests =
                            predicates.iter().map(|predicate| self.test_cost(predicate)).sum::<Amount>()
                        && self.costs.marked * (1.0 - left) < tests * (1.0 - share) =>
                {
                    chosen.cost += input.rows * (self.costs.marked - (1.0 - share) * tests);
                    let input = Box::new(of(*input));
                    PhysicalNode {
                        operator: Operator::Filter { input, predicates, counter },
                        rows: (rows * share).max(1.0),
                    }
                }
                node => {
                    chosen.cost += node.rows * self.costs.marked;
                    of(node)
                }
            };
        }
        chosen
    }

    /// What may be found out first: of each relation that begins at `base`, the predicates about what it leads to, but for those that
    /// hold anyhow.
    fn narrowings(
        &self,
        (base, present): (&[Slot], &[Slot]),
        stages: &[&'p Node],
        implied: &[Expr],
    ) -> Vec<Narrowing<'p>> {
        let mut narrowings = Vec::new();
        for (first, beyond) in relations(base, stages) {
            let predicates = predicates_of(stages).into_iter().filter(|predicate| {
                let slots = predicate.slots();
                !slots.is_empty()
                    && slots.iter().all(|slot| beyond.contains(slot))
                    && predicate.is_sure()
                    && !implied.contains(predicate)
            });
            let predicates: Vec<&'p Expr> = predicates.collect();
            let rejects = |predicate: &&Expr| {
                let sarg = |slot| Sarg::of(predicate, slot);
                predicate.slots().into_iter().filter_map(sarg).any(|sarg| sarg.rejects_absent())
            };
            let field = &self.collection(first.from).fields[usize::from(first.position)];
            let always_points = !field.optional && present.contains(&first.from);
            if !predicates.is_empty() && (always_points || predicates.iter().any(rejects)) {
                narrowings.push(Narrowing { first, beyond, predicates });
            }
        }
        narrowings
    }

    /// What looking up so many rows of `slot`'s costs, at so many `lookups` each, where [`narrowed`](Planner::narrowed) may drop some
    /// before.
    pub(super) fn lookups_of(
        &self,
        slot: Slot,
        (mut rows, lookups): (Amount, Amount),
        stages: &[&'p Node],
        (implied, want): (&[Expr], Want<'_>),
    ) -> Amount {
        let mut cost = 0.0;
        if !(self.wishes.require_index || want.any) {
            for narrowing in self.narrowings((&[slot], &[slot]), stages, implied) {
                let (into, all) = (narrowing.first.into, self.rows(narrowing.first.into));
                if !self.statistics.keeps(self.collection(into), all) {
                    continue;
                }
                let tests = narrowing.predicates.iter().map(|expr| self.test_cost(expr)).sum::<Amount>();
                let share = self.estimator.selectivity_of_all(narrowing.predicates.iter().copied());
                let source = all * (self.costs.scan_record + tests + share * self.costs.mark);
                let source = self.paging.and_scanned(source, self.collection(into), 1.0);
                let marked = source + rows * self.costs.marked;
                if marked < rows * self.costs.fetch_near {
                    cost += marked;
                    rows *= share;
                }
            }
        }
        cost + rows * lookups * self.costs.fetch_near
    }

    /// The records that get through `predicates`, and which share of all they are; if finding them costs less than looking up
    /// those of each row.
    fn among(
        &self,
        chosen: &Chosen,
        first: &'p Lookup,
        beyond: &[Slot],
        predicates: &[&Expr],
        stages: &[&'p Node],
        want: Want<'_>,
    ) -> Option<(Chosen, Amount, &'p Lookup, Vec<Expr>)> {
        let rows = match want.limit {
            Some(limit) if chosen.ordered => chosen.node.rows.min(limit as Amount * 4.0),
            _ => chosen.node.rows,
        };
        // All of it stays in memory until the operation ends.
        let all = self.rows(first.into);
        if !self.statistics.keeps(self.collection(first.into), all) {
            return None;
        }
        let mut source = self.access(first.into, stages, Want::default());
        let own = |predicate: &&&Expr| predicate.slots() == [first.into];
        source = self.asked(source, predicates.iter().filter(own).map(|predicate| (*predicate).clone()));
        let slots = [first.into];
        source = self.narrowed(source, (&slots, &slots), stages, Want::default());
        for stage in stages {
            if let Node::Lookup(lookup) = stage
                && beyond.contains(&lookup.from)
            {
                source = self.lookup(source, lookup);
            }
        }
        source = self.asked(source, predicates.iter().filter(|expr| !own(expr)).map(|expr| (*expr).clone()));
        let cost = source.cost + source.node.rows * self.costs.mark + rows * self.costs.marked;
        let looked_up =
            self.paging.and_fetched(rows * self.costs.fetch_near, self.collection(first.into), rows);
        if cost > looked_up {
            return None;
        }
        let share = (source.node.rows / all).min(1.0);
        let predicates = predicates.iter().map(|predicate| (*predicate).clone()).collect();
        Some((source, share, first, predicates))
    }

    /// Those rows of `source` that get through predicates.
    fn asked(&self, source: Chosen, predicates: impl Iterator<Item = Expr>) -> Chosen {
        let predicates = predicates.filter(|predicate| !source.implied.contains(predicate)).collect();
        self.filter(source, &Filter { input: Box::new(Node::Pairs), predicates })
    }
}

/// The slots that have a record in every row of a node.
pub(super) fn present(node: &Node, out: &mut Vec<Slot>) {
    match node {
        Node::Scan(scan) => out.push(scan.slot),
        Node::Join(join) if join.kind == JoinKind::Inner => present(&join.inner, out),
        // These give values.
        Node::Aggregate(_) | Node::Set(_) | Node::Shared(_) | Node::Recursive(_) => return,
        _ => {}
    }
    if let Some(input) = node.input() {
        present(input, out);
    }
}

/// The lookups of `stages` that begin at the slots of `base`, each with its slot and those that lookups reach from there.
fn relations<'p>(base: &[Slot], stages: &[&'p Node]) -> Vec<(&'p Lookup, Vec<Slot>)> {
    let mut relations: Vec<(&'p Lookup, Vec<Slot>)> = Vec::new();
    for stage in stages {
        let Node::Lookup(lookup) = stage else { continue };
        if base.contains(&lookup.from) {
            relations.push((lookup, Vec::from([lookup.into])));
        } else if let Some((_, beyond)) =
            relations.iter_mut().find(|(_, beyond)| beyond.contains(&lookup.from))
        {
            beyond.push(lookup.into);
        }
    }
    relations
}
