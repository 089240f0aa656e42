//! Sorts, and the orders that access paths provide.

use alloc::boxed::Box;

#[cfg(not(feature = "small"))]
use super::choices::Choice;
use super::{Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::estimate::Amount;
use crate::engine::logical::{Slot, Sort};

/// Up to so many rows that are wanted of more are kept in a heap; otherwise everything is sorted.
pub const TOP_MAX: u64 = 65_536;

impl<'p> Planner<'p> {
    pub(super) fn sort(&self, sort: &'p Sort, want: Want<'_>) -> Planned {
        let limit = sort.window.and_then(|window| window.end());
        let inner = Want {
            order: &sort.terms,
            limit,
            #[cfg(not(feature = "small"))]
            skip: sort.window.map_or(0, |window| window.skip),
            ..Want::default()
        };
        let planned = self.node(&sort.input, inner);
        #[cfg(not(feature = "small"))]
        let (planned, given, settled) = match sort.window {
            None => self.sorted_in_runs(sort, planned),
            Some(_) => {
                let (planned, given) = self.partly_sorted(sort, limit, planned);
                (planned, given, false)
            }
        };
        let all = planned.node.rows;
        let rows = sort.window.and_then(|window| window.take).map_or(all, |take| all.min(take as Amount));
        let ordered = want.order.is_empty() || want.order == sort.terms.as_slice();
        let (operator, cost) = match (planned.ordered, sort.window) {
            (true, None) => return Planned { ordered, ..planned },
            (true, Some(window)) => (Operator::Limit { input: Box::new(planned.node), window }, planned.cost),
            (false, window) => {
                #[cfg(not(feature = "small"))]
                let own = match (given, window) {
                    _ if settled => 0.0,
                    (1.., None) => self.runs_cost(all, &sort.terms[..given]),
                    _ => self.sort_cost(all, limit),
                };
                #[cfg(feature = "small")]
                let own = self.sort_cost(all, limit);
                let cost = planned.cost + own;
                let sort = Operator::Sort {
                    input: Box::new(planned.node),
                    terms: sort.terms.clone(),
                    window,
                    #[cfg(not(feature = "small"))]
                    given,
                    #[cfg(not(feature = "small"))]
                    settled,
                    #[cfg(not(feature = "small"))]
                    // Also of so many that all are sorted: the plan may be given fewer.
                    bars: limit.is_some() && self.chooses(Choice::Bars),
                };
                (sort, cost)
            }
        };
        Planned { node: PhysicalNode { operator, rows }, ordered, cost }
    }

    /// Of `planned`, whose rows are to be sorted, and ways that give them in the order of some of the first terms, the
    /// cheapest; and in the order of how many terms it gives them. When the first rows are wanted, these are found without
    /// the others: reading stops where the terms that are in order say that only later rows follow.
    #[cfg(not(feature = "small"))]
    fn partly_sorted(&self, sort: &'p Sort, limit: Option<u64>, planned: Planned) -> (Planned, usize) {
        let limit = limit.filter(|limit| *limit <= TOP_MAX && !planned.ordered);
        let Some(limit) = limit else { return (planned, 0) };
        // Of one collection's records the whole order is asked for elsewhere, but for what tells equals apart.
        let terms = self.given_by(&sort.input, &sort.terms);
        let mut best_cost = planned.cost + self.sort_cost(planned.node.rows, Some(limit));
        let mut best = (planned, 0);
        let noted = self.estimates.borrow().len();
        for given in (1..=terms.len()).rev() {
            let order = &terms[..given];
            let all = best.0.node.rows;
            // As many as are wanted, and those that compare equal to the last of them.
            let equal = match self.tells_rows_apart(&sort.input, order) {
                true => 1.0,
                false => all / self.groups(all, order.iter().map(|term| &term.expr)),
            };
            let read = limit as Amount + equal;
            let want = Want { order, partly: true, limit: Some(read as u64), ..Want::default() };
            let mut partly = self.node(&sort.input, want);
            // Other ways look for the same values.
            self.estimates.borrow_mut().truncate(noted);
            let cost = partly.cost + self.sort_cost(read, Some(limit));
            if partly.ordered && cost < best_cost {
                partly.ordered = false;
                (best_cost, best) = (cost, (partly, given));
            }
        }
        best
    }

    /// What it costs to sort so many rows and keep the first of them.
    pub(super) fn sort_cost(&self, rows: Amount, limit: Option<u64>) -> Amount {
        #[cfg(not(feature = "small"))]
        return match limit {
            // Those that are kept are sorted; the others are seen to come behind them.
            Some(limit) => {
                let kept = rows.min(limit as Amount);
                rows * self.costs.top + kept * self.costs.sort_of(kept)
            }
            None => rows * self.costs.sort_of(rows),
        };
        #[cfg(feature = "small")]
        return rows * if limit.is_some() { self.costs.top } else { self.costs.sort };
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
/// each), and then in that of `key`, are in the order that is wanted, those that compare equal in the order of their keys.
/// Gives how they have to be walked.
pub(super) fn provides(
    want: Want<'_>,
    slot: Slot,
    columns: &[u16],
    bound: &[u16],
    key: Option<u16>,
) -> Option<Walk> {
    let mut columns = columns.iter().copied().filter(|column| !bound.contains(column));
    let mut direction = None;
    for term in want.order {
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
    #[cfg(not(feature = "small"))]
    if want.partly {
        return Some(if backward { Walk::Backward } else { Walk::Forward });
    }
    // A column that nobody asked for would order what compares equal.
    if columns.next().is_some_and(|column| backward || Some(column) != key) {
        return None;
    }
    Some(if backward { Walk::BackwardTiesForward } else { Walk::Forward })
}
