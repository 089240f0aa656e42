//! Recursions.

use alloc::boxed::Box;

use super::{Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::estimate::Amount;
use crate::engine::logical::{Previous, Recursive};

/// How many rows a round is expected to begin with: few, so that what they lead to is looked up.
const ROWS_OF_ROUND: Amount = 32.0;

/// How many rounds there are expected to be.
const ROUNDS: Amount = 8.0;

impl<'p> Planner<'p> {
    pub(super) fn recursive(&self, recursive: &'p Recursive) -> Planned {
        let begin = self.node(&recursive.input, Want::default());
        let step = self.node(&recursive.step, Want::default());
        let cost = begin.cost + step.cost * ROUNDS;
        let rows = begin.node.rows + step.node.rows * ROUNDS;
        let Recursive { number, identity, rounds, whole, .. } = *recursive;
        let (input, step) = (Box::new(begin.node), Box::new(step.node));
        let columns = recursive.columns.clone();
        let operator = Operator::Recursive { input, step, number, columns, identity, rounds, whole };
        Planned { node: PhysicalNode { operator, rows }, ordered: false, cost }
    }

    pub(super) fn previous(&self, previous: &'p Previous) -> Planned {
        let Previous { number, columns, whole } = previous;
        let operator = Operator::Previous { number: *number, columns: columns.clone(), whole: *whole };
        Planned { node: PhysicalNode { operator, rows: ROWS_OF_ROUND }, ordered: false, cost: 0.0 }
    }
}
