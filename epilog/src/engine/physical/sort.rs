//! Sorts, and the orders that access paths provide.

use alloc::boxed::Box;

use super::{Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::estimate::Amount;
use crate::engine::logical::{Slot, Sort, SortTerm};

impl<'p> Planner<'p> {
    pub(super) fn sort(&self, sort: &'p Sort, want: Want<'_>) -> Planned {
        let limit = sort.window.and_then(|window| window.end());
        let planned = self.node(&sort.input, Want { order: &sort.terms, limit, ..Want::default() });
        let all = planned.node.rows;
        let rows = sort.window.and_then(|window| window.take).map_or(all, |take| all.min(take as Amount));
        let ordered = want.order.is_empty() || want.order == sort.terms.as_slice();
        let (operator, cost) = match (planned.ordered, sort.window) {
            (true, None) => return Planned { ordered, ..planned },
            (true, Some(window)) => (Operator::Limit { input: Box::new(planned.node), window }, planned.cost),
            (false, window) => {
                let cost = planned.cost + self.sort_cost(all, limit);
                (Operator::Sort { input: Box::new(planned.node), terms: sort.terms.clone(), window }, cost)
            }
        };
        Planned { node: PhysicalNode { operator, rows }, ordered, cost }
    }

    /// What it costs to sort so many rows and keep the first of them.
    pub(super) fn sort_cost(&self, rows: Amount, limit: Option<u64>) -> Amount {
        let each = if limit.is_some() { self.costs.top } else { self.costs.sort };
        rows * each
    }
}

/// How entries have to be walked to come in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// From the first to the last.
    Forward,
    /// From the last to the first.
    Backward,
    /// From the last to the first, but those that only the key tells apart from the first to the last.
    BackwardTiesForward,
}

/// Whether rows that come in the order of `columns` (positions of fields of `slot`, those in `bound` having one value
/// each), and then in that of `key`, are in the order of `terms`, those that compare equal in the order of their keys.
/// Gives how they have to be walked.
pub(super) fn provides(
    terms: &[SortTerm],
    slot: Slot,
    columns: &[u16],
    bound: &[u16],
    key: Option<u16>,
) -> Option<Walk> {
    let mut columns = columns.iter().copied().filter(|column| !bound.contains(column));
    let mut direction = None;
    for term in terms {
        let (of, position) = term.expr.as_field()?;
        if of != slot {
            return None;
        }
        if bound.contains(&position) {
            continue;
        }
        let column = columns.next();
        if column.or(key) != Some(position) {
            return None;
        }
        // Keys have absent values first.
        if term.expr.nullable && term.nulls_first == term.descending {
            return None;
        }
        // No two records have the same key: what is asked after it orders nothing.
        if Some(position) == key {
            return match (direction, term.descending) {
                (None | Some(false), false) => Some(Walk::Forward),
                (None | Some(true), true) => Some(Walk::Backward),
                (Some(true), false) if column.is_none() => Some(Walk::BackwardTiesForward),
                _ => None,
            };
        }
        if *direction.get_or_insert(term.descending) != term.descending {
            return None;
        }
    }
    let backward = direction == Some(true);
    // A column that nobody asked for would order what compares equal.
    if columns.next().is_some_and(|column| backward || Some(column) != key) {
        return None;
    }
    Some(if backward { Walk::BackwardTiesForward } else { Walk::Forward })
}
