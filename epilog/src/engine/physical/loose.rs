//! Loose walks: where one entry of each value tells all that is asked, an index is read from value to value, and what lies between is
//! passed over.
//!
//! ```text
//! aggregate by artist                    aggregate by artist, one after the other
//!   scan Album                             index scan Album by artist, released, one of each artist, entries only
//! ```
//!
//! Different values of the first fields of an index are such, how many there are of its first field, and the least or the greatest value of
//! the next field, or the key, behind each of them (which comes first or last there). A value is found by a way down the tree, behind the last one: some
//! seventeen entries cost as much as that, and many more records in a row, so that there must be few values for as many records. How many there are is
//! what statistics say; what is there when the plan is carried out is found then. The aggregate above is what it was: it may be given an
//! entry twice, where one operation goes on after another.
//!
//! Must not fire:
//!
//! - where anything is asked of rows that the walk does not search for: the entry that is read may be one that does not get through;
//! - for the least of values that may be absent: absent ones come first;
//! - where something counts or adds up rows, or an aggregate has a filter.

use alloc::vec::Vec;

use super::access::{is_about, predicates_of};
use super::{Operator, Planned, Planner, Want};
use crate::engine::estimate::Amount;
use crate::engine::logical::{Aggregate, AggregateTerm, Expr, Node, Slot, SortTerm};
use crate::engine::optimizer::is_sure_below;
use crate::engine::planted::{self, Bug};
use crate::expr::AggregateFunction;
use crate::schema::IndexDef;

/// What one entry of each value tells.
#[derive(Clone, Copy)]
pub(super) struct Loose<'w> {
    /// The fields whose values differ, in any order.
    pub(super) fields: &'w [u16],
    /// The field behind them, or the key, of which the least or the greatest is wanted: whichever comes first.
    pub(super) next: Option<u16>,
    /// How many values there are.
    pub(super) values: Amount,
    /// How many records of each are wanted, where it is not one entry: see [`firsts`](super::firsts).
    pub(super) first: Option<u16>,
}

impl Loose<'_> {
    /// How many of the first fields of an index have a value for each entry that is wanted of it; `None` where entries of one value are
    /// not beside each other, or not in the order that is wanted. Fields in `bound` have one value; entries alike are in the order of `key`.
    pub(super) fn fields_of(&self, index: &IndexDef, bound: &[u16], key: Option<u16>) -> Option<usize> {
        let mut left: Vec<u16> = self.fields.to_vec();
        left.retain(|field| !bound.contains(field));
        let is_of_all = left.is_empty();
        let mut count = 0;
        for field in &index.fields {
            let is_next = left.is_empty() && (self.next.is_none() || self.next == Some(*field));
            if is_next {
                break;
            }
            let known = left.len();
            left.retain(|of| of != field);
            if left.len() == known && !bound.contains(field) {
                return None;
            }
            count += 1;
        }
        let behind = index.fields.get(count).copied().or(key);
        let is_there = self.next.is_none() || self.next == behind;
        (left.is_empty() && !is_of_all && is_there).then_some(count)
    }
}

/// What an aggregate asks, if one entry of each value tells it.
struct Values {
    slot: Slot,
    fields: Vec<u16>,
    /// The field of which the least or the greatest is asked, and whether it is the greatest.
    end: Option<(u16, bool)>,
}

impl Values {
    fn of(aggregate: &Aggregate) -> Option<Values> {
        let own = |item: &AggregateTerm| match (&item.argument, &item.filter) {
            (Some(argument), None) => Some((argument.as_field()?, argument.nullable)),
            _ => None,
        };
        let items = aggregate.items.iter();
        // Without keys the values are those that are counted.
        let keys: Vec<(Slot, u16)> = match aggregate.keys() {
            [] => Vec::from([own(aggregate.items.first()?)?.0]),
            keys => keys.iter().map(|key| key.expr.as_field()).collect::<Option<_>>()?,
        };
        let slot = keys.first()?.0;
        let fields: Vec<u16> = keys.iter().map(|key| key.1).collect();
        let mut end = None;
        for item in items {
            let ((of, field), nullable) = own(item)?;
            if of != slot {
                return None;
            }
            let last = match item.function {
                AggregateFunction::Min => false,
                AggregateFunction::Max => true,
                AggregateFunction::CountDistinct if fields.contains(&field) => continue,
                _ => return None,
            };
            if fields.contains(&field) {
                continue;
            }
            if nullable && !last && !planted::is(Bug::LeastOfEachAbsent) {
                return None;
            }
            if *end.get_or_insert((field, last)) != (field, last) {
                return None;
            }
        }
        (keys.iter().all(|key| key.0 == slot) && (end.is_none() || !aggregate.keys().is_empty()))
            .then_some(Values { slot, fields, end })
    }
}

impl<'p> Planner<'p> {
    /// The aggregate over one entry of each value, where that tells as much and costs less than `best`: it costs as much as `others`.
    pub(super) fn loosely(
        &self,
        aggregate: &'p Aggregate,
        want: Want<'_>,
        having: &[&Expr],
        (best, others): (Planned, Amount),
    ) -> Planned {
        let Operator::Aggregate { input, .. } = &best.node.operator else { return best };
        let Some(of) = Values::of(aggregate) else { return best };
        let (mut base, mut stages) = (&*aggregate.input, Vec::new());
        while let Node::Filter(_) = base {
            stages.push(base);
            let Some(input) = base.input() else { return best };
            base = input;
        }
        let is_own = |predicate: &&Expr| is_about(predicate, of.slot);
        if !matches!(base, Node::Scan(scan) if scan.slot == of.slot)
            || !predicates_of(&stages).iter().all(is_own)
            || !is_sure_below(&aggregate.input)
        {
            return best;
        }
        let rows = input.rows.max(1.0);
        let is_keyed = !aggregate.keys().is_empty();
        let values = match aggregate.keys() {
            [] => self.groups(rows, aggregate.items.iter().take(1).filter_map(|item| item.argument.as_ref())),
            _ => best.node.rows.max(1.0),
        };
        if values * self.costs.seek >= others {
            return best;
        }
        let asked = super::runs::asked(aggregate, want.order);
        let through = self.share_of_groups(aggregate, having, rows, values);
        let first = want.limit.map_or(values, |limit| (limit as Amount / through + 1.0).min(values));
        let descending = match of.end {
            Some((_, last)) => last,
            None => asked.as_ref().and_then(|asked| asked.first()).is_some_and(|term| term.descending),
        };
        let (mut taken, mut least) = (None, others);
        let noted = self.estimates.borrow().len();
        for order in self.loose_orders(aggregate, &of, descending) {
            let is_asked =
                is_keyed && asked.as_ref().is_some_and(|asked| super::runs::begins_with(&order, asked));
            let loose =
                Loose { fields: &of.fields, next: of.end.map(|(field, _)| field), values, first: None };
            let wanted = Want { order: &order, partly: true, loose: Some(loose), ..Want::default() };
            let input = self.node(&aggregate.input, wanted);
            // Other ways look for the same values.
            self.estimates.borrow_mut().truncate(noted);
            let read = if is_asked || want.order.is_empty() { first } else { values };
            let cost = input.cost * read / values;
            if input.ordered && is_loose(&input.node.operator) && cost < least {
                (taken, least) = (Some((input.node, is_asked)), cost);
            }
        }
        let (Some((input, is_asked)), cost) = (taken, least) else { return best };
        let Operator::Aggregate { keys, items, in_order, .. } = best.node.operator else {
            unreachable!("looked at before");
        };
        let operator = Operator::Aggregate {
            input: alloc::boxed::Box::new(input),
            keys,
            items,
            in_order,
            runs: is_keyed,
        };
        let node = super::PhysicalNode { operator, rows: best.node.rows };
        Planned { node, ordered: is_asked || !is_keyed, cost }
    }
}

impl Planner<'_> {
    /// The orders of the fields' values that indexes have.
    fn loose_orders(&self, aggregate: &Aggregate, of: &Values, descending: bool) -> Vec<Vec<SortTerm>> {
        let keys = aggregate.keys().iter().map(|key| &key.expr);
        let exprs: Vec<&Expr> =
            keys.chain(aggregate.items.iter().filter_map(|item| item.argument.as_ref())).collect();
        let term = |position: &u16| {
            let expr = exprs.iter().find(|expr| expr.as_field() == Some((of.slot, *position)))?;
            Some(SortTerm { expr: (**expr).clone(), descending, nulls_first: !descending })
        };
        let mut orders = Vec::new();
        for index in &self.collection(of.slot).indexes {
            let own = index.fields.iter().filter(|position| of.fields.contains(position));
            // Those that it has not have one value.
            let others = of.fields.iter().filter(|position| !index.fields.contains(position));
            let order: Vec<SortTerm> = own.chain(others).filter_map(term).collect();
            if !orders.contains(&order) {
                orders.push(order);
            }
        }
        orders
    }
}

/// Whether an operator reads one entry of each value.
pub(super) fn is_loose(operator: &Operator) -> bool {
    match operator {
        Operator::Scan(scan) => scan.access.loose() > 0,
        _ => false,
    }
}
