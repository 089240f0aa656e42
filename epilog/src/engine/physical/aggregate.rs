//! Aggregates, and the count that needs no record. Groups whose rows follow each other are in [`runs`](super::runs).

use alloc::boxed::Box;

use super::{Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::estimate::Amount;
use crate::engine::logical::{Aggregate, Expr, Node};
use crate::expr::AggregateFunction;

impl<'p> Planner<'p> {
    /// `having` is what is asked of the groups above.
    #[cfg_attr(feature = "small", expect(unused_variables, reason = "groups come in any order there"))]
    pub(super) fn aggregate(&self, aggregate: &'p Aggregate, want: Want<'_>, having: &[&Expr]) -> Planned {
        let keys = aggregate.keys();
        let counts_rows = keys.is_empty()
            && aggregate.items.iter().all(|item| {
                matches!(item.function, AggregateFunction::Count)
                    && item.filter.is_none()
                    && item.argument.as_ref().is_none_or(|of| !of.nullable)
            });
        if let (true, Node::Scan(scan)) = (counts_rows, &*aggregate.input) {
            let outputs = aggregate.items.iter().map(|item| item.output).collect();
            let operator = Operator::CountRecords { slot: scan.slot, outputs };
            return Planned {
                node: PhysicalNode { operator, rows: 1.0 },
                ordered: true,
                cost: self.costs.seek,
            };
        }
        // Whatever order the rows come in, the aggregates are the same, but for one that joins texts.
        let key_order = aggregate.items.iter().any(|item| item.function.depends_on_order());
        let planned = self.node(&aggregate.input, Want { key_order, ..Want::default() });
        let cost = planned.cost + planned.node.rows * self.costs.test_fixed;
        let rows = match keys {
            [] => 1.0,
            _ => self.groups(planned.node.rows, keys.iter().map(|key| &key.expr)),
        };
        let (keys, items) = (keys.to_vec(), aggregate.items.clone());
        let in_order = !cfg!(feature = "small") && aggregate.input.sorts();
        let operator = Operator::Aggregate {
            input: Box::new(planned.node),
            keys,
            items,
            in_order,
            #[cfg(not(feature = "small"))]
            runs: false,
        };
        let ordered = aggregate.keys().is_empty();
        let planned = Planned { node: PhysicalNode { operator, rows }, ordered, cost };
        #[cfg(not(feature = "small"))]
        let planned = {
            let runs = self.in_runs(aggregate, want, having, planned);
            self.loosely(aggregate, want, having, runs)
        };
        planned
    }

    /// How many groups so many rows are expected to make by these keys: some rows each, where that is not known.
    pub(super) fn groups<'e>(&self, rows: Amount, keys: impl IntoIterator<Item = &'e Expr>) -> Amount {
        self.estimator.groups(rows, keys).unwrap_or(rows / 10.0).max(1.0)
    }
}
