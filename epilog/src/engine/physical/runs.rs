//! Groups of rows that come in the order of their keys: each ends where the next begins.
//!
//! ```text
//! limit 10                              limit 10
//!   aggregate count by milliseconds       aggregate count by milliseconds, one after the other
//!     scan Track                            index scan Track by milliseconds, entries only
//! ```
//!
//! An index whose first fields are the keys, in any order of them, or behind fields that have one value, has the rows of a group
//! beside each other; so has the collection for its key, and a sort. Then one group is kept at a time, and where the first
//! few groups are wanted, in that order or in none, no more rows are read than it takes to see them end. Joins keep the order of
//! what their rows begin at (see [`ordered`](super::ordered)), and so do lookups, questions and filters.
//!
//! Costs say whether it is done: an entry is dearer to read than a record that follows another, and a record that an entry leads to
//! much dearer; a table costs more the more groups there are.
//!
//! Must not fire:
//!
//! - where anything beneath may have no result: groups say whether that is an error when all rows have been read;
//! - in place of what sorts groups of joins, which stays: a join that puts its sides aside forgets its order, and then groups are made in
//!   a table. It has nothing to do where they come in the order wanted, and reads no more groups than those wanted;
//! - where an aggregate sees the order of a group's rows and the index goes on behind the keys.

use alloc::vec::Vec;

use super::ordered::{first_slot, has_join, of_slot};
use super::{Operator, Planned, Planner, Want};
use crate::engine::estimate::{Amount, Groups};
use crate::engine::logical::{Aggregate, AggregateTerm, Expr, ExprKind, KeyTerm, Node, SortTerm};
use crate::engine::optimizer::is_sure_below;
use crate::engine::planted::{self, Bug};
use crate::expr::AggregateFunction;
use crate::value::Type;

/// Of so many orders that may have the rows of groups beside each other the cheapest is taken.
const ORDERS_MAX: usize = 6;

impl<'p> Planner<'p> {
    /// The cheapest way that has the rows of each group follow each other, if it costs less than `table`, which puts the groups of
    /// all rows into one; and what that which is taken costs with its table. `having` is what is asked of them above.
    pub(super) fn in_runs(
        &self,
        aggregate: &'p Aggregate,
        want: Want<'_>,
        having: &[&Expr],
        table: Planned,
    ) -> (Planned, Amount) {
        let keys = aggregate.keys();
        let Operator::Aggregate { input, .. } = &table.node.operator else {
            let cost = table.cost;
            return (table, cost);
        };
        let (rows, groups) = (input.rows.max(1.0), table.node.rows.max(1.0));
        let tabled = table.cost + self.table_cost(aggregate, rows, groups);
        if keys.is_empty() || !is_sure_below(&aggregate.input) {
            return (table, tabled);
        }
        let keys_of_rows = self.keys_of_rows(aggregate);
        let asked_of_keys = asked(aggregate, want.order);
        let sorted = match &*aggregate.input {
            Node::Sort(sort) if comes_by_keys(aggregate, &sort.terms) => Some(sort),
            _ => None,
        };
        let own = table.cost;
        let mut best = Planned { cost: tabled, ..table };
        if let (Some(sort), Operator::Aggregate { runs, .. }) = (sorted, &mut best.node.operator) {
            *runs = true;
            best.ordered = asked_of_keys.as_ref().is_some_and(|asked| begins_with(&sort.terms, asked));
            best.cost = own;
        }
        // How many rows are read until as many groups have come as will be taken, and the next has begun.
        let through = self.share_of_groups(aggregate, having, rows, groups);
        let first = want.limit.map(|limit| (limit as Amount / through + 1.0) * rows / groups);
        let keeps_order = !has_join(&aggregate.input);
        // As what rows begin at has them.
        let asked = match sorted {
            Some(_) => asked_of_keys,
            None => asked_of_keys.map(|terms| as_of_rows(aggregate, &keys_of_rows, terms)),
        };
        let orders = match sorted {
            Some(sort) if sort.window.is_none() => Vec::from([sort.terms.clone()]),
            Some(_) => Vec::new(),
            None => self.orders_of(&keys_of_rows, asked.as_deref()),
        };
        let below = match (&*aggregate.input, sorted) {
            (Node::Sort(sort), Some(_)) => &*sort.input,
            (input, _) => input,
        };
        let partly = sorted.is_none() && !aggregate.items.iter().any(|item| item.function.depends_on_order());
        let noted = self.estimates.borrow().len();
        for order in &orders {
            if !self.may_give(below, order) {
                continue;
            }
            let is_asked = asked.as_ref().is_some_and(|asked| begins_with(order, asked))
                && (keeps_order || want.partly || want.order.is_empty());
            let read = first.filter(|_| is_asked).unwrap_or(rows).min(rows);
            let limit = (read < rows).then_some(read as u64);
            let rows_wanted = Want { order, partly, limit, key_order: !partly, ..Want::default() };
            let input = self.node(below, rows_wanted);
            // Other ways look for the same values.
            self.estimates.borrow_mut().truncate(noted);
            let share = if partly { 1.0 } else { read / rows };
            let cost = input.cost * share + read * self.costs.test_fixed;
            let is_taken = input.ordered || planted::is(Bug::RunsOfNoOrder);
            // What sorts them has nothing to do.
            let spared = match is_asked && want.partly && !best.ordered {
                true => self.sort_cost(groups, want.limit),
                false => 0.0,
            };
            if is_taken && cost < best.cost + spared {
                let Operator::Aggregate { keys, items, in_order, .. } = best.node.operator else {
                    unreachable!("it is one");
                };
                let operator = Operator::Aggregate {
                    input: alloc::boxed::Box::new(input.node),
                    keys,
                    items,
                    in_order,
                    runs: true,
                };
                best.node.operator = operator;
                (best.ordered, best.cost) = (is_asked, cost);
            }
        }
        // What a table of groups takes is no part of what other ways are compared by.
        let cost = best.cost;
        if cost == tabled {
            best.cost = own;
        }
        (best, cost)
    }

    /// What it takes to find so many rows' groups in a table beyond looking at the rows, in nanoseconds; without keys, their different
    /// values.
    fn table_cost(&self, aggregate: &Aggregate, rows: Amount, groups: Amount) -> Amount {
        if aggregate.keys().is_empty() {
            let counts = |item: &&AggregateTerm| item.function == AggregateFunction::CountDistinct;
            return rows * self.costs.probe * aggregate.items.iter().filter(counts).count() as Amount;
        }
        let width = aggregate.keys().iter().try_fold(0, |sum, key| match key.expr.ty {
            Type::F32 | Type::F64 | Type::Decimal => None,
            ty => Some(sum + ty.width()?),
        });
        let each = match width {
            Some(..=2) => return 0.0,
            Some(..=8) => self.costs.probe / 3.0,
            _ => self.costs.probe,
        };
        rows * each + groups * self.costs.build
    }

    /// The part of the groups that get through what is asked of them, above 0.
    pub(super) fn share_of_groups(
        &self,
        aggregate: &Aggregate,
        having: &[&Expr],
        rows: Amount,
        count: Amount,
    ) -> Amount {
        let predicates: Vec<Expr> = having.iter().map(|predicate| (*predicate).clone()).collect();
        let groups = Groups { items: &aggregate.items, rows, count };
        self.estimator.selectivity_of_groups(groups, &predicates).max(1e-9)
    }

    /// The keys, each as something of the records that rows begin at where it is equal to that.
    fn keys_of_rows(&self, aggregate: &Aggregate) -> Vec<Expr> {
        let keys = aggregate.keys().iter().map(|key| &key.expr);
        let Some(slot) = first_slot(&aggregate.input) else { return keys.cloned().collect() };
        let mut equal = Vec::new();
        self.equal_in(&aggregate.input, &mut equal);
        keys.map(|key| of_slot(key, slot, &equal).unwrap_or_else(|| key.clone())).collect()
    }

    /// Orders of rows that have those of each group beside each other: that which is asked for, if there is one, or those of indexes.
    fn orders_of(&self, keys: &[Expr], asked: Option<&[SortTerm]>) -> Vec<Vec<SortTerm>> {
        let fields: Option<Vec<(_, u16)>> = keys.iter().map(Expr::as_field).collect();
        let Some(fields) = fields else { return Vec::new() };
        let slot = fields[0].0;
        if fields.iter().any(|(of, _)| *of != slot) {
            return Vec::new();
        }
        let collection = self.collection(slot);
        let first = asked.unwrap_or_default();
        let descending = first.first().is_some_and(|term| term.descending);
        let of_key = |position: u16| {
            let key = keys.iter().find(|key| key.as_field() == Some((slot, position)))?;
            Some(SortTerm { expr: key.clone(), descending, nulls_first: !descending })
        };
        // Behind what is asked for, keys in the order in which an index has them, and then those that it has not: these are
        // values that all rows share, or the key.
        let order = |positions: &[u16]| {
            let mut order = first.to_vec();
            let rest = positions.iter().chain(fields.iter().map(|(_, position)| position));
            for term in rest.filter_map(|position| of_key(*position)) {
                if !order.iter().any(|known| known.expr == term.expr) {
                    order.push(term);
                }
            }
            order
        };
        let mut orders = Vec::from([order(&[])]);
        for index in &collection.indexes {
            let order = order(&index.fields);
            if !orders.contains(&order) && orders.len() < ORDERS_MAX {
                orders.push(order);
            }
        }
        orders
    }
}

/// The order that is asked of groups as one of their rows; `None` where it is not one by keys. Each key is there once.
pub(super) fn asked(aggregate: &Aggregate, order: &[SortTerm]) -> Option<Vec<SortTerm>> {
    let mut terms: Vec<SortTerm> = Vec::new();
    for term in order {
        // No two groups have the same keys: nothing orders them behind these.
        if aggregate.keys().iter().all(|key| terms.iter().any(|known| known.expr == key.expr)) {
            break;
        }
        let ExprKind::Computed(output) = term.expr.kind else { return None };
        let key = aggregate.keys().iter().find(|key| key.output == output)?;
        if !terms.iter().any(|known| known.expr == key.expr) {
            terms.push(SortTerm { expr: key.expr.clone(), ..term.clone() });
        }
    }
    Some(terms)
}

/// An order by keys, by what these are equal to.
fn as_of_rows(aggregate: &Aggregate, keys: &[Expr], terms: Vec<SortTerm>) -> Vec<SortTerm> {
    let of_rows = |expr: &Expr| {
        let at = aggregate.keys().iter().position(|key| key.expr == *expr);
        at.map_or_else(|| expr.clone(), |at| keys[at].clone())
    };
    terms.into_iter().map(|term| SortTerm { expr: of_rows(&term.expr), ..term }).collect()
}

/// Whether no two groups compare equal by these terms: all keys are among them.
pub(super) fn tells_groups_apart(aggregate: &Aggregate, terms: &[SortTerm]) -> bool {
    let is_told = |key: &KeyTerm| terms.iter().any(|term| term.expr.kind == ExprKind::Computed(key.output));
    aggregate.keys().iter().all(is_told)
}

/// Whether rows in this order have those of each group beside each other: its first terms are the keys.
fn comes_by_keys(aggregate: &Aggregate, order: &[SortTerm]) -> bool {
    let mut left: Vec<&Expr> = Vec::new();
    for key in aggregate.keys() {
        if !left.contains(&&key.expr) {
            left.push(&key.expr);
        }
    }
    let mut known: Vec<&Expr> = Vec::new();
    for term in order {
        if left.is_empty() {
            break;
        }
        let before = left.len();
        left.retain(|key| **key != term.expr);
        if left.len() == before && !known.contains(&&term.expr) {
            return false;
        }
        known.push(&term.expr);
    }
    left.is_empty()
}

/// Whether rows in `order` are in that of `asked`.
pub(super) fn begins_with(order: &[SortTerm], asked: &[SortTerm]) -> bool {
    let mut distinct: Vec<&SortTerm> = Vec::new();
    for term in order {
        if !distinct.iter().any(|known| known.expr == term.expr) {
            distinct.push(term);
        }
    }
    distinct.len() >= asked.len() && distinct.iter().zip(asked).all(|(term, asked)| *term == asked)
}
