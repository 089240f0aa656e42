//! The first few of each: where rows are numbered within partitions and those with small numbers stay, an index that has the rows of a
//! partition beside each other, in the order in which they are numbered, is read from partition to partition, a few entries of each.
//!
//! ```text
//! filter [row_number()] <= 3                      filter [row_number()] <= 3
//!   window row_number() by artist                   sort by released
//!     sort by released                                window row_number() by artist
//!       scan Album                                      index scan Album by artist, released, first 3 of each artist
//! ```
//!
//! `distinct_by` and `limit_per` are such, and so is a `row_number` that is asked to be small. Windows number what is read as they number all
//! rows, since what is left out comes behind; what is read comes partition by partition, and few rows are put in the order of all. A
//! partition is found by a way down the tree, as in [`loose`](super::loose), and each of its records lies anywhere. Of an order
//! backwards those that compare equal come forwards all the same: of the last that compare equal the first are found by another way down.
//!
//! Must not fire:
//!
//! - where anything is asked of rows that the walk does not search for, or that may have no result: then other entries would have to be read;
//! - unless the window has this number alone, and rows are records of one collection that nobody has limited;
//! - where rows have to be put in the order of all again, and are not the records of the query.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::access::{Candidate, Search, is_about, predicates_of};
use super::entries::Entries;
use super::loose::{Loose, is_loose};
use super::{Access, IndexOrder, Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::estimate::{Amount, Scatter};
use crate::engine::logical::{Computed, Expr, ExprKind, Node, Slot, SortTerm, Windowing};
use crate::engine::optimizer::is_sure_below;
use crate::engine::planted::{self, Bug};
use crate::expr::{BinaryOp, WindowFunction};
use crate::schema::IndexDef;
use crate::value::Scalar;

/// More of each are numbered among all.
const FIRST_MAX: u64 = 64;

/// A walk to the first few entries of each value.
pub(super) struct Firsts {
    pub(super) cost: Amount,
    pub(super) text: String,
    pub(super) entries: Entries,
}

/// Rows that are numbered.
struct Numbered<'p> {
    slot: Slot,
    /// What partitions have in common.
    partition: &'p [Expr],
    fields: Vec<u16>,
    /// The order within a partition.
    order: Vec<SortTerm>,
    /// The order that all rows have been put in.
    sorted: Option<&'p [SortTerm]>,
    /// Where they come from.
    base: &'p Node,
}

impl<'p> Numbered<'p> {
    fn of(window: &'p Windowing) -> Option<Numbered<'p>> {
        let [item] = &window.items[..] else { return None };
        if item.function != WindowFunction::RowNumber || item.partition.is_empty() {
            return None;
        }
        let partition: &[Expr] = &item.partition;
        let (slot, _) = partition[0].as_field()?;
        let own = |expr: &Expr| expr.as_field().filter(|(of, _)| *of == slot).map(|(_, position)| position);
        let fields = partition.iter().map(own).collect::<Option<Vec<u16>>>()?;
        let (sorted, base) = match &*window.input {
            Node::Sort(sort) if sort.window.is_none() => (Some(&sort.terms[..]), &*sort.input),
            other => (None, other),
        };
        let mut scan = base;
        let mut stages = Vec::new();
        while let Node::Filter(filter) = scan {
            stages.push(scan);
            scan = &filter.input;
        }
        let is_own = |predicate: &&Expr| is_about(predicate, slot);
        if !matches!(scan, Node::Scan(scan) if scan.slot == slot)
            || !predicates_of(&stages).iter().all(is_own)
            || !is_sure_below(base)
        {
            return None;
        }
        let mut order: Vec<SortTerm> = Vec::new();
        for term in item.order.iter().chain(sorted.into_iter().flatten()) {
            own(&term.expr)?;
            let is_known = order.iter().any(|known| known.expr == term.expr);
            if !is_known && !partition.contains(&term.expr) {
                order.push(term.clone());
            }
        }
        Some(Numbered { slot, partition, fields, order, sorted, base })
    }

    /// Whether partitions may come from the last to the first: as the rows of each do, and as all were sorted.
    fn directions(&self) -> impl Iterator<Item = bool> {
        let within = self.order.first().is_some_and(|term| term.descending);
        let of_all = self.sorted.and_then(<[SortTerm]>::first).is_some_and(|term| term.descending);
        [within].into_iter().chain((of_all != within).then_some(of_all))
    }

    /// The order of rows that an index has which begins with what partitions have in common, of which the last may be the first.
    fn order_of(&self, index: &IndexDef, descending: bool) -> Vec<SortTerm> {
        let own = index.fields.iter().filter(|position| self.fields.contains(position));
        // Those that it has not have one value, or it is not taken.
        let others = self.fields.iter().filter(|position| !index.fields.contains(position));
        let exprs = own.chain(others).filter_map(|position| {
            self.partition.iter().find(|expr| expr.as_field() == Some((self.slot, *position)))
        });
        let mut order: Vec<SortTerm> = Vec::new();
        for expr in exprs {
            if !order.iter().any(|known| known.expr == *expr) {
                order.push(SortTerm { expr: expr.clone(), descending, nulls_first: !descending });
            }
        }
        if !planted::is(Bug::FirstInAnyOrder) {
            order.extend(self.order.iter().cloned());
        }
        order
    }
}

impl<'p> Planner<'p> {
    /// The window over the first few rows of each partition, if no others are asked for and that costs less than `all` of them.
    pub(super) fn first_of_each(
        &self,
        window: &'p Windowing,
        want: Want<'_>,
        asked: &[&Expr],
        all: Planned,
    ) -> Planned {
        let Operator::Window { input, .. } = &all.node.operator else { return all };
        let Some(of) = Numbered::of(window) else { return all };
        let indexes = &self.collection(of.slot).indexes;
        let begins = |index: &&IndexDef| index.fields.iter().any(|position| of.fields.contains(position));
        if asked.is_empty() || !indexes.iter().any(|index| begins(&index)) {
            return all;
        }
        let output = window.items[0].output;
        let Some(count) = asked.iter().filter_map(|predicate| most(predicate, output)).min() else {
            return all;
        };
        let Some(first) = u16::try_from(count).ok().filter(|_| (1..=FIRST_MAX).contains(&count)) else {
            return all;
        };
        let values = self.groups(input.rows.max(1.0), of.partition);
        if values * self.costs.seek >= all.cost {
            return all;
        }
        // Without an order they come in that of their keys.
        let puts_in_order = of.sorted.is_some() || want.key_order;
        let mut orders: Vec<Vec<SortTerm>> = Vec::new();
        for index in indexes.iter().filter(begins) {
            for descending in of.directions() {
                let order = of.order_of(index, descending);
                if !orders.contains(&order) {
                    orders.push(order);
                }
            }
        }
        let (mut taken, mut least) = (None, all.cost);
        let noted = self.estimates.borrow().len();
        for order in &orders {
            let loose = Loose { fields: &of.fields, next: None, values, first: Some(first) };
            let partly = planted::is(Bug::FirstInAnyOrder);
            let wanted = Want { order, partly, loose: Some(loose), ..Want::default() };
            let input = self.node(of.base, wanted);
            // Other ways look for the same values.
            self.estimates.borrow_mut().truncate(noted);
            if !input.ordered || !is_loose(&input.node.operator) {
                continue;
            }
            let is_in_order = of.sorted.is_some_and(|sorted| distinct(sorted) == *order);
            let sorts = puts_in_order && !is_in_order;
            if sorts && of.slot != Slot(0) {
                continue;
            }
            let rows = input.node.rows;
            let numbers = if window.items[0].order.is_empty() { 0.0 } else { self.sort_cost(rows, None) };
            let sort = if sorts { self.sort_cost(rows, None) } else { 0.0 };
            let cost = input.cost + rows * self.costs.test_fixed + numbers + sort;
            if cost < least {
                (taken, least) = (Some((input.node, sorts)), cost);
            }
        }
        let (Some((input, sorts)), cost) = (taken, least) else { return all };
        let rows = input.rows;
        let (input, items) = (Box::new(input), window.items.clone());
        let operator = Operator::Window { input, items, whole: window.whole };
        let mut node = PhysicalNode { operator, rows };
        if sorts {
            let terms = of.sorted.unwrap_or_default().to_vec();
            let input = Box::new(node);
            let operator =
                Operator::Sort { input, terms, window: None, given: 0, settled: false, bars: false };
            node = PhysicalNode { operator, rows };
        }
        Planned { node, ordered: all.ordered, cost }
    }

    /// Of the entries that `candidate` reads the first few of each value, where they come in the order that is wanted and that costs less.
    pub(super) fn first_by_jumps(
        &self,
        (search, loose): (&Search<'_, 'p>, Loose<'_>),
        index: &IndexDef,
        own: &[&'p Expr],
        candidate: &Candidate,
        alone: bool,
    ) -> Option<Firsts> {
        let Access::Index { ranges, order, .. } = &candidate.access else { return None };
        // What is read is to be what gets through.
        if !candidate.ordered || !own.iter().all(|expr| candidate.implied.contains(*expr)) {
            return None;
        }
        let fields = loose.fields_of(index, &search.bound(), search.collection.clustered)?;
        let first = loose.first.unwrap_or(1);
        let each = Amount::from(first);
        let rows = (loose.values * each).min(candidate.rows);
        let places = loose.values + ranges.len() as Amount;
        let ways = if *order == IndexOrder::BackwardTiesForward { 2.0 } else { 1.0 };
        let walk = places * (ways * self.costs.seek + each * self.costs.entry_decoded);
        let walk = self.paging.and_walked(walk, (search.collection, index), 0.0, ways * places);
        let fetched = match alone {
            true => 0.0,
            false => {
                // The records of a partition lie anywhere, and so do those of the next.
                let fetches = self.costs.fetch_by(self.costs.fetch, rows, Scatter::ANYWHERE);
                self.paging.and_fetched_by(fetches, search.collection, rows, Scatter::ANYWHERE)
            }
        };
        if walk + fetched >= candidate.cost_fixed + candidate.cost_rows {
            return None;
        }
        let name = |at: &u16| search.collection.fields[usize::from(*at)].name.as_str();
        let names = index.fields[..fields].iter().map(name).collect::<Vec<_>>().join(", ");
        let of_each = if first == 1 { "one".into() } else { alloc::format!("first {first}") };
        let text = alloc::format!("{}, {of_each} of each {names}", candidate.text);
        let (predicates, values) = (Vec::new(), Vec::new());
        let entries = Entries { predicates, alone, loose: fields as u16, each: first, values };
        Some(Firsts { cost: walk + fetched, text, entries })
    }
}

/// How many rows of a partition get through what is asked of their number at most.
fn most(predicate: &Expr, number: Computed) -> Option<u64> {
    let ExprKind::Binary(op, left, right) = &predicate.kind else { return None };
    if left.kind != ExprKind::Computed(number) || !right.is_literal() {
        return None;
    }
    let less = match op {
        BinaryOp::Le | BinaryOp::Eq => 0,
        BinaryOp::Lt => 1,
        _ => return None,
    };
    let count = match right.as_literal()? {
        Scalar::Int(count) => u64::try_from(*count).ok()?,
        Scalar::Uint(count) => u64::try_from(*count).ok()?,
        _ => return None,
    };
    count.checked_sub(less)
}

/// Terms without those that order nothing, because another did.
fn distinct(terms: &[SortTerm]) -> Vec<SortTerm> {
    let mut distinct: Vec<SortTerm> = Vec::new();
    for term in terms {
        if !distinct.iter().any(|known| known.expr == term.expr) {
            distinct.push(term.clone());
        }
    }
    distinct
}
