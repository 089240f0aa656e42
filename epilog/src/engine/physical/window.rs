//! Windows: which are calculated over rows that come as the promise has it, so that peers keep an order.

use alloc::boxed::Box;

use super::{Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::logical::{Expr, Windowing};

impl<'p> Planner<'p> {
    /// `asked` is what is asked of each of the rows next.
    #[cfg_attr(feature = "small", expect(unused_variables, reason = "all rows are numbered there"))]
    pub(super) fn window(&self, window: &'p Windowing, want: Want<'_>, asked: &[&Expr]) -> Planned {
        let planned = self.node(&window.input, Want { key_order: true, ..Want::default() });
        let rows = planned.node.rows;
        let sorts = window.items.iter().any(|item| !item.numbers_as_they_come());
        let each = rows * self.costs.test_fixed * window.items.len() as super::Amount;
        let cost = planned.cost + each + if sorts { self.sort_cost(rows, None) } else { 0.0 };
        let (input, items) = (Box::new(planned.node), window.items.clone());
        let operator = Operator::Window { input, items, whole: window.whole };
        let planned = Planned { node: PhysicalNode { operator, rows }, ordered: want.order.is_empty(), cost };
        #[cfg(not(feature = "small"))]
        let planned = self.first_of_each(window, want, asked, planned);
        planned
    }
}
