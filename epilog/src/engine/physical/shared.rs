//! What is calculated once.

use alloc::boxed::Box;

use super::{Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::logical::{Node, Shared};

impl<'p> Planner<'p> {
    pub(super) fn shared(&self, shared: &'p Shared) -> Planned {
        let planned = self.node(&shared.input, Want::default());
        let mut others = 0;
        self.plan.root.visit(&mut |node| {
            others += usize::from(matches!(node, Node::Shared(other) if other.number == shared.number));
        });
        // What depends on the round of a recursion is another in each.
        let mut changes = false;
        shared.input.visit(&mut |node| changes |= matches!(node, Node::Previous(_)));
        let number = (others > 1 && !changes).then_some(shared.number);
        let (cost, rows) = (planned.cost, planned.node.rows);
        let (input, columns) = (Box::new(planned.node), shared.columns.clone());
        let operator = Operator::Shared { input, number, found: shared.found, columns, whole: shared.whole };
        Planned { node: PhysicalNode { operator, rows }, ordered: false, cost }
    }
}
