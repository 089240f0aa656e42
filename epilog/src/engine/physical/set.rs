//! Sets: both inputs, and how many rows there may be.

use alloc::boxed::Box;

use super::{Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::logical::Set;
use crate::expr::SetKind;

impl<'p> Planner<'p> {
    pub(super) fn set(&self, set: &'p Set, want: Want<'_>) -> Planned {
        // The rows of one side, and then those of the other, each in the order of their keys.
        let key_order = want.key_order && set.kind == SetKind::UnionAll;
        let left = self.node(&set.input, Want { key_order, ..Want::default() });
        let right = self.node(&set.right, Want { key_order, ..Want::default() });
        let (some, others) = (left.node.rows, right.node.rows);
        let rows = match set.kind {
            SetKind::Union | SetKind::UnionAll => some + others,
            SetKind::Intersect | SetKind::IntersectAll => some.min(others),
            SetKind::Except | SetKind::ExceptAll => some,
        };
        let hashed = if set.kind == SetKind::UnionAll { 0.0 } else { some + others };
        let cost = left.cost + right.cost + hashed * self.costs.build;
        let (input, right) = (Box::new(left.node), Box::new(right.node));
        let (kind, columns) = (set.kind, set.columns.clone());
        let operator = Operator::Set { input, right, kind, columns, whole: set.whole };
        Planned { node: PhysicalNode { operator, rows }, ordered: false, cost }
    }
}
