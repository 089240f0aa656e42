//! Lookups: always in batches, by ascending rank.

use alloc::boxed::Box;

use super::access::Chosen;
use super::{Operator, PhysicalNode, Planner};
use crate::engine::logical::Lookup;

impl Planner<'_> {
    /// A lookup over what is planned.
    pub(super) fn lookup(&self, input: Chosen, lookup: &Lookup) -> Chosen {
        let rows = input.node.rows;
        // Rows share the records they point at: a batch fetches each once.
        let distinct = rows.min(self.rows(lookup.into));
        let cost = input.cost + distinct * self.costs.fetch_near + rows * self.costs.probe;
        let cost = self.paging.and_fetched(cost, self.collection(lookup.into), distinct);
        let operator = Operator::Lookup {
            input: Box::new(input.node),
            from: lookup.from,
            position: lookup.position,
            #[cfg(not(feature = "small"))]
            by: None,
            into: lookup.into,
        };
        Chosen { node: PhysicalNode { operator, rows }, cost, ..input }
    }
}
