//! What it costs to carry out a node with all that is below it, roughly: to tell what is worth while to do once from what is not.

use alloc::vec::Vec;

use super::super::propagate_constants::is_indexed;
use super::measure::Measure;
use crate::engine::estimate::Amount;
use crate::engine::logical::{Expr, Link, Node};

impl Measure<'_> {
    /// What it costs to carry out `node`.
    pub(in crate::engine::optimizer) fn work(&self, node: &Node) -> Amount {
        self.filtered(node, &mut Vec::new())
    }

    /// What it costs to keep so many rows with these values, and to give them to so many who ask.
    pub(in crate::engine::optimizer) fn keeping(
        &self,
        rows: Amount,
        values: &[Expr],
        asked: usize,
    ) -> Amount {
        let each = values.iter().map(|value| self.test(value)).sum::<Amount>();
        rows * (self.costs.pair + each) + rows * asked as Amount * (self.costs.scan_record + each)
    }

    /// What it costs, about, to make groups or another set of so many rows.
    pub(in crate::engine::optimizer) fn made_of(&self, rows: Amount) -> Amount {
        rows * self.costs.probe
    }

    /// What it costs to carry out `node`, of those rows of which `predicates` are asked as well, which an index may find.
    fn filtered(&self, node: &Node, predicates: &mut Vec<Expr>) -> Amount {
        let tests = |predicates: &[Expr]| predicates.iter().map(|expr| self.test(expr)).sum::<Amount>();
        if let Node::Filter(filter) = node {
            predicates.extend(filter.predicates.iter().cloned());
            return self.filtered(&filter.input, predicates);
        }
        if let Node::Scan(scan) = node {
            return self.read_of(Some(scan.slot), predicates, self.records(scan.slot));
        }
        let rows = self.rows_of(node);
        let costs = &self.costs;
        let asked = rows * tests(predicates);
        let Some(input) = node.input() else { return asked };
        let of_input = self.rows_of(input);
        let own = match node {
            Node::Lookup(lookup) => {
                of_input * costs.probe + of_input.min(self.records(lookup.into)) * costs.fetch_near
            }
            Node::Subquery(subquery) => self.partners(of_input, &subquery.inner, &subquery.links),
            Node::Join(join) => self.partners(of_input, &join.inner, &join.links) + rows * costs.pair,
            Node::Aggregate(aggregate) => {
                let each = aggregate.items.len() as Amount * costs.scan_record;
                let grouped = if aggregate.keys().is_empty() { 0.0 } else { costs.probe };
                let read = node.expressions().into_iter().map(|expr| self.test(expr)).sum::<Amount>();
                of_input * (each + grouped + read)
            }
            Node::Set(set) => self.work(&set.right) + of_input * costs.build,
            Node::Shared(_) => of_input * costs.pair,
            Node::Sort(_) | Node::Window(_) => of_input * costs.sort_of(of_input),
            _ => 0.0,
        };
        asked + own + self.work(input)
    }

    /// What it costs to find for so many rows those of `inner` that belong to each: by a table, or through an index of records.
    pub(super) fn partners(&self, rows: Amount, inner: &Node, links: &[Link]) -> Amount {
        let costs = &self.costs;
        let inner_rows = self.rows_of(inner);
        if links.is_empty() {
            return self.work(inner) + rows * inner_rows * costs.pair;
        }
        let by_table =
            self.work(inner) + rows.min(inner_rows) * costs.build + rows.max(inner_rows) * costs.probe;
        let mut base = inner;
        while let Node::Filter(_) | Node::Lookup(_) = base {
            let Some(input) = base.input() else { break };
            base = input;
        }
        let Node::Scan(scan) = base else { return by_table };
        let found = |link: &Link| {
            let (slot, position) = link.inner.as_field().filter(|_| is_indexed(&link.inner, self.slots))?;
            Some(self.records(scan.slot) / self.values(slot, position)?.max(1.0))
        };
        let each = links.iter().filter_map(found).reduce(Amount::min);
        let by_index = |each| rows * (costs.seek + each * (costs.entry + costs.fetch + costs.pair));
        each.map_or(by_table, |each| by_table.min(by_index(each)))
    }
}
