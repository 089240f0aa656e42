//! [`Measure`]: what there is of relations, and what putting them together costs.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::cmp::Ordering::Equal;

use super::super::drop_joins::finds_one;
use super::region::{Attached, Left, Pointer, Region, Relation, Set, is_of_both};
#[cfg(not(feature = "small"))]
use crate::engine::estimate::About;
use crate::engine::estimate::{Amount, Costs, Estimator, Groups, Paging, Scatter, Statistics, met};
use crate::engine::logical::{Aggregate, Asked, Expr, ExprKind, Join, Link, Node, Slot, SlotDef, SortTerm};
use crate::expr::{BinaryOp, JoinKind, UnaryOp};
use crate::schema::{CollectionDef, IndexId};

/// What costs so many times as much is clearly dearer.
const CLEARLY: Amount = 1.25;

/// Rows, and costs in nanoseconds.
pub(in crate::engine::optimizer) struct Measure<'p> {
    pub(super) slots: &'p [SlotDef],
    statistics: &'p dyn Statistics,
    estimator: Estimator<'p>,
    pub(super) costs: Costs,
    paging: Paging<'p>,
    /// What `values` has found: each order that is compared asks for the same.
    values: RefCell<Vec<Values>>,
}

/// How many values a field has, as far as that is known.
type Values = ((Slot, u16), Option<Amount>);

/// What gives records in an order.
struct Ordering {
    /// `None` is the key.
    index: Option<IndexId>,
    /// Of how many of the first terms.
    given: usize,
    /// Which part of the records there are in it to be read.
    share: Amount,
}

/// How many values there are of what records come in the order of, and what it costs to read a part of them so.
pub(super) type InOrder<'m> = (Amount, Box<dyn Fn(Amount) -> Amount + 'm>);

/// How two sets of relations are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// By a table of the right side, which has fewer rows, or through an index of it.
    Join,
    /// Through an index of the right side, by a range of it for each row of the left one: what is asked of both is asked of pairs.
    Within,
    /// By the left join whose inner side the right one is.
    Left,
    /// By looking up the right side, which the field with this number points at, and what others of it are pointed at from there.
    Lookup(usize),
}

impl<'p> Measure<'p> {
    pub(in crate::engine::optimizer) fn new(
        slots: &'p [SlotDef],
        statistics: &'p dyn Statistics,
    ) -> Measure<'p> {
        #[cfg(not(feature = "small"))]
        let costs = statistics.costs(slots);
        #[cfg(feature = "small")]
        let costs = Costs::default();
        let paging = Paging::new(statistics, &costs);
        let estimator = Estimator::new(slots, statistics);
        Measure { slots, statistics, estimator, costs, paging, values: RefCell::default() }
    }

    fn collection(&self, slot: Slot) -> &'p CollectionDef {
        &self.slots[usize::from(slot.0)].collection
    }

    /// The records of a collection.
    pub(super) fn records(&self, slot: Slot) -> Amount {
        (self.statistics.rows(self.collection(slot)) as Amount).max(1.0)
    }

    /// Whether half of the page cache holds all records of these collections: an operation may keep a quarter of it.
    pub(in crate::engine::optimizer) fn fits(&self, slots: &[Slot]) -> bool {
        let part = |slot: &Slot| {
            let kept = self.statistics.rows_kept(self.collection(*slot));
            kept.map_or(0.0, |kept| self.records(*slot) / (kept as Amount).max(1.0))
        };
        slots.iter().map(part).sum::<Amount>() <= 2.0
    }

    /// The rows of a relation before anything is asked of them.
    fn all_rows(&self, relation: &Relation) -> Amount {
        relation.base.map_or_else(|| self.rows_of(&relation.node), |slot| self.records(slot))
    }

    /// The rows of a relation.
    pub(super) fn rows(&self, relation: &Relation) -> Amount {
        let all = self.all_rows(relation);
        let share = self.share(&relation.own, all);
        #[cfg(not(feature = "small"))]
        let share = match relation.base.filter(|_| !relation.own.is_empty()) {
            Some(slot) => {
                let learnt = self.statistics.lessons().of_filter(About::records(slot), relation.own.len(), 0);
                (share * learnt).min(1.0)
            }
            None => share,
        };
        (all * share).max(1.0)
    }

    /// The part of so many rows that gets through: of five records, hardly less than a fifth is meant.
    fn share(&self, predicates: &[Expr], all: Amount) -> Amount {
        let (values, others): (Vec<&Expr>, Vec<&Expr>) = predicates
            .iter()
            .partition(|expr| matches!(expr.kind, ExprKind::Binary(BinaryOp::Eq, ..) | ExprKind::In(..)));
        let share = values.into_iter().map(|predicate| self.part(predicate)).product::<Amount>();
        (share * self.estimator.selectivity_of_all(others)).max(1.0 / all)
    }

    /// The part of rows for which a predicate holds: by what is known of the values of a field, or else, where it is known how many
    /// it has, one of these.
    fn part(&self, predicate: &Expr) -> Amount {
        if let Some(share) = self.estimator.known_share(predicate) {
            return share;
        }
        let (value, count) = match &predicate.kind {
            ExprKind::Binary(BinaryOp::Eq, value, _) => (value, 1),
            ExprKind::In(value, candidates) => (value, candidates.len()),
            _ => return self.estimator.selectivity(predicate),
        };
        let values = value.as_field().and_then(|(slot, position)| self.values(slot, position));
        values.map_or_else(
            || self.estimator.selectivity(predicate),
            |values| (count as Amount / values).min(1.0),
        )
    }

    /// About how many rows a node gives that is no relation of all records.
    pub(in crate::engine::optimizer) fn rows_of(&self, node: &Node) -> Amount {
        let below = node.input().map_or(1.0, |input| self.rows_of(input));
        match node {
            Node::Scan(scan) => self.records(scan.slot),
            Node::Filter(filter) => {
                let share = match &*filter.input {
                    Node::Aggregate(aggregate) if !aggregate.keys().is_empty() => {
                        let rows = self.rows_of(&aggregate.input);
                        let groups = Groups { items: &aggregate.items, rows, count: below };
                        self.estimator.selectivity_of_groups(groups, &filter.predicates)
                    }
                    _ => self.share(&filter.predicates, below.max(1.0)),
                };
                (below * share).max(1.0)
            }
            Node::Aggregate(aggregate) if aggregate.keys().is_empty() => 1.0,
            Node::Aggregate(aggregate) => {
                let groups = self.estimator.groups(below, aggregate.keys().iter().map(|key| &key.expr));
                groups.unwrap_or(below / 10.0).max(1.0)
            }
            Node::Sort(sort) => {
                let take = sort.window.and_then(|window| window.take);
                take.map_or(below, |take| below.min(take as Amount))
            }
            Node::Limit(limit) => limit.window.take.map_or(below, |take| below.min(take as Amount)),
            Node::Join(join) => self.rows_of_join(join, below),
            Node::Set(set) => below + self.rows_of(&set.right),
            _ => below,
        }
    }

    /// Whether it costs clearly less to make `groups` first, and what each of `steps` finds of these, than of all rows, of which groups
    /// then keep what is `read` of that.
    pub(in crate::engine::optimizer) fn is_quicker_early<'n>(
        &self,
        groups: Aggregate,
        steps: impl Iterator<Item = &'n Node>,
        read: impl Iterator<Item = &'n Expr>,
    ) -> bool {
        let rows = self.rows_of(&groups.input);
        let count = self.rows_of(&Node::Aggregate(groups)).min(rows);
        let costs = &self.costs;
        let (mut early, mut late, mut share) = (rows * costs.build, 0.0, 1.0);
        for step in steps {
            let (slot, of_rows) = match step {
                Node::Join(join) => {
                    let found = self.rows_of(&join.inner);
                    share *= found / self.records(join.slot).max(found);
                    (join.slot, found * (costs.scan_record + costs.build))
                }
                Node::Lookup(lookup) => (lookup.into, self.records(lookup.into).min(rows) * costs.fetch_near),
                _ => continue,
            };
            late += rows * costs.probe + of_rows;
            // Some are found one by one, or all are put into a table.
            let of_groups = self.records(slot) * (costs.scan_record + costs.build);
            early += count * (costs.probe + costs.pair) + of_groups.min(count * costs.seek);
        }
        // What is read is compared with what is kept, and kept where it is less.
        let kept = read.map(|expr| self.test(expr) * 3.0).sum::<Amount>();
        late += rows * share * (costs.build + kept);
        early * CLEARLY < late
    }

    /// Whether it costs clearly less to make groups of what is `below` some steps by what these find their records by, and by other keys of
    /// their `own`, first, and then what the steps find of them, and to put these together, than to make groups of what the steps find of
    /// all rows.
    pub(in crate::engine::optimizer) fn is_quicker_merged<'n>(
        &self,
        below: &Node,
        (found_by, own): (&[Expr], &[Expr]),
        steps: impl Iterator<Item = &'n Node>,
    ) -> bool {
        let rows = self.rows_of(below);
        let steps: Vec<Slot> = steps
            .filter_map(|step| match step {
                Node::Join(join) => Some(join.slot),
                Node::Lookup(lookup) => Some(lookup.into),
                _ => None,
            })
            .collect();
        let of = |keys: &[&Expr]| self.estimator.groups(rows, keys.iter().copied()).unwrap_or(rows / 10.0);
        let others: Vec<&Expr> = own.iter().collect();
        let all: Vec<&Expr> = own.iter().chain(found_by).collect();
        // There are no more of those that find records than of these, and one that finds none.
        let found: Amount = steps.iter().map(|slot| self.records(*slot) + 1.0).product();
        let of_found = found * if own.is_empty() { 1.0 } else { of(&others) };
        let count = of(&all).min(of_found);
        let count = count.max(1.0);
        let costs = &self.costs;
        // A group is found as well by all rows as by those of the smaller groups, but of these there are more, which have to be kept, and to be
        // found and read again.
        let (mut early, mut late) = (count * (2.0 * costs.build + costs.pair), 0.0);
        for slot in steps {
            // Both make a table of all that may be found, or find them one by one.
            late += rows * costs.probe / 2.0;
            let of_groups = self.records(slot) * (costs.scan_record + costs.build);
            early += count * (costs.probe + 2.0 * costs.pair) + of_groups.min(count * costs.seek);
        }
        early * CLEARLY < late
    }

    /// Whether it costs clearly less to make groups of the inner side of a join, one at most for each row, each of which is a record in
    /// `slot`, than of its pairs.
    pub(in crate::engine::optimizer) fn is_quicker_by_rows(&self, join: &Join, slot: Slot) -> bool {
        let (rows, others) = (self.rows_of(&join.input), self.rows_of(&join.inner));
        let groups = self.estimator.groups(others, join.links.iter().map(|link| &link.inner));
        let groups = groups.unwrap_or(others / 10.0).max(1.0);
        let costs = &self.costs;
        let early = others * (costs.scan_record + costs.build)
            + groups * costs.build
            + rows * (costs.probe + costs.pair);
        // Those that belong to none of the rows may be left out, or the others be found for each row.
        let belong = others * (rows / self.records(slot)).min(1.0);
        let sieved = others * (costs.scan_record + costs.probe) + belong * costs.build + rows * costs.probe;
        let whole = others * (costs.scan_record + costs.build) + rows * costs.probe;
        let found = rows * costs.seek + belong * (costs.entry + costs.fetch);
        let pairs = belong.max(rows) * (costs.pair + costs.build);
        early * CLEARLY < whole.min(sieved).min(found) + pairs
    }

    /// About how many pairs a join makes of so many rows.
    fn rows_of_join(&self, join: &Join, rows: Amount) -> Amount {
        let pairs = match join.links.is_empty() {
            true => rows.max(self.rows_of(&join.inner)),
            false => self.pairs_of(rows, self.rows_of(&join.inner), &join.links),
        };
        if join.kind == JoinKind::Left { pairs.max(rows) } else { pairs }
    }

    /// About how many pairs so many rows make with so many others: where it is known how many values they are linked by, each is one of
    /// these.
    pub(in crate::engine::optimizer) fn pairs_of(
        &self,
        rows: Amount,
        others: Amount,
        links: &[Link],
    ) -> Amount {
        if links.is_empty() {
            return rows * others;
        }
        let values = |expr: &Expr| expr.as_field().and_then(|(slot, position)| self.values(slot, position));
        let known = links.iter().map(|link| Some(values(&link.inner)?.max(values(&link.outer)?)));
        let known = known.product::<Option<Amount>>();
        known.map_or(rows.max(others), |values| (rows * others / values).max(1.0))
    }

    /// About how many different combinations of these values so many rows have, as far as that is known.
    pub(in crate::engine::optimizer) fn different<'e>(
        &self,
        rows: Amount,
        values: impl Iterator<Item = &'e Expr>,
    ) -> Amount {
        self.estimator.groups(rows, values).map_or(rows, |groups| groups.clamp(1.0, rows.max(1.0)))
    }

    /// What it costs to read the rows of a relation.
    pub(super) fn read(&self, relation: &Relation) -> Amount {
        self.read_of(relation.base, &relation.own, self.all_rows(relation))
    }

    /// What it costs to read those rows of so many that all of this holds for.
    pub(super) fn read_of(&self, base: Option<Slot>, own: &[Expr], all: Amount) -> Amount {
        let tests = own.iter().map(|expr| self.test(expr)).sum::<Amount>();
        let scan = all * (self.costs.scan_record + tests);
        let Some(slot) = base else { return scan };
        let collection = self.collection(slot);
        let scan = self.paging.and_scanned(scan, collection, 1.0);
        let searched = own.iter().filter_map(|expr| Some((expr, searched_by(expr, slot, collection)?)));
        let found = searched.map(|(expr, index)| {
            let rows = (all * self.part(expr)).max(1.0);
            let scatter = self.scatter(base, index, rows, 1.0);
            let fetches = self.costs.fetch_by(self.costs.fetch, rows, scatter);
            let cost = self.costs.seek + rows * (self.costs.entry + tests) + fetches;
            self.paging.and_fetched_by(cost, collection, rows, scatter)
        });
        found.fold(scan, Amount::min)
    }

    /// What gives the records in `slot` in the order of the most first terms, where `own` is asked of them; `None` where nothing does.
    fn ordering(&self, slot: Slot, terms: &[SortTerm], own: &[Expr]) -> Option<Ordering> {
        let collection = self.collection(slot);
        let descending = terms.first()?.descending;
        let field = |term: &SortTerm| {
            // Keys have absent values first, and are read either way as a whole.
            let is_kept = !(term.expr.nullable && term.nulls_first == term.descending);
            let of = term.expr.as_field().filter(|(of, _)| *of == slot);
            of.map(|(_, position)| position).filter(|_| is_kept && term.descending == descending)
        };
        if collection.clustered == Some(field(terms.first()?)?) {
            return Some(Ordering { index: None, given: 1, share: 1.0 });
        }
        let given_value = |position: u16| {
            let is_it = |expr: &&Expr| match &expr.kind {
                ExprKind::Binary(BinaryOp::Eq, value, other) => {
                    value.as_field() == Some((slot, position)) && other.is_literal()
                }
                _ => false,
            };
            own.iter().find(is_it)
        };
        let indexes = collection.indexes.iter();
        let indexes = indexes.filter(|index| !index.is_partial() && collection.listed(index).is_none());
        let orderings = indexes.map(|index| {
            let bound: Vec<&Expr> =
                index.fields.iter().map_while(|position| given_value(*position)).collect();
            let fields = index.fields[bound.len()..].iter().zip(terms);
            let given = fields.take_while(|(position, term)| field(term) == Some(**position)).count();
            let share = bound.into_iter().map(|predicate| self.part(predicate)).product();
            Ordering { index: Some(index.id), given, share }
        });
        let reads = |of: &Ordering| (of.given, -of.share);
        orderings.filter(|of| of.given > 0).max_by(|a, b| reads(a).partial_cmp(&reads(b)).unwrap_or(Equal))
    }

    /// About how many of so many rows compare equal by the terms in whose order the records in `slot` can come, and what it costs to
    /// read a part of these so, and to ask `own` of them; `None` where nothing gives that order.
    pub(super) fn read_in_order(&self, slot: Slot, terms: &[SortTerm], own: &[Expr]) -> Option<InOrder<'_>> {
        let Ordering { index, given, share } = self.ordering(slot, terms, own)?;
        let values = terms[..given].iter().filter_map(|term| term.expr.as_field());
        let values = values.map(|(slot, position)| self.values(slot, position).unwrap_or(20.0)).product();
        let collection = self.collection(slot);
        let tests = own.iter().map(|expr| self.test(expr)).sum::<Amount>();
        let costs = move |part: Amount| {
            let read = self.records(slot) * share * part;
            let Some(index) = index else {
                let scan = read * (self.costs.scan_record + tests);
                return self.paging.and_scanned(self.costs.seek + scan, collection, part);
            };
            let scatter = self.estimator.scatter(slot, index, read, 1.0);
            let fetches = self.costs.fetch_by(self.costs.fetch, read, scatter);
            let cost = self.costs.seek + read * (self.costs.entry + tests) + fetches;
            self.paging.and_fetched_by(cost, collection, read, scatter)
        };
        Some((values, Box::new(costs)))
    }

    /// Whether records come in the order of so many terms, all of which are theirs.
    pub(super) fn gives_all(&self, slot: Slot, terms: &[SortTerm], own: &[Expr], count: usize) -> bool {
        let given = || self.ordering(slot, terms, own).map_or(0, |ordering| ordering.given);
        terms.len() == count && (self.is_key(&terms[0]) || given() == count)
    }

    /// What it costs to make so many groups of rows in a table, and to sort those that are wanted, or all.
    pub(super) fn groups_of(&self, rows: Amount, groups: Amount, wanted: Option<u64>) -> Amount {
        let sort = match wanted {
            Some(wanted) => self.first_of(groups, wanted),
            None => groups * self.costs.sort_of(groups),
        };
        rows * self.costs.probe / 3.0 + groups * self.costs.build + sort
    }

    /// What it costs to find the first so many of rows that come in no order.
    pub(super) fn first_of(&self, rows: Amount, wanted: u64) -> Amount {
        let kept = rows.min(wanted as Amount);
        rows * self.costs.top + kept * self.costs.sort_of(kept)
    }

    /// Whether a term is the key of a record.
    pub(super) fn is_key(&self, term: &SortTerm) -> bool {
        let field = term.expr.as_field();
        field.is_some_and(|(slot, position)| self.collection(slot).clustered == Some(position))
    }

    /// What it costs to sort so many rows that come by so many values, and what to sort as many that come in no order.
    pub(super) fn sorts_of(&self, rows: Amount, values: Amount) -> (Amount, Amount) {
        let sorted = rows * self.costs.sort_of(rows);
        #[cfg(not(feature = "small"))]
        let runs = self.costs.sort_of_runs(rows, rows / values);
        #[cfg(feature = "small")]
        let runs = sorted * values.max(1.0);
        (runs, sorted)
    }

    /// What it costs to ask something of a row.
    pub(super) fn test(&self, predicate: &Expr) -> Amount {
        self.costs.test(predicate, self.slots)
    }

    /// How many different values an expression has; one is taken for a twentieth of all where nothing is known.
    fn distinct(&self, relation: &Relation, expr: &Expr) -> Amount {
        let known = expr.as_field().and_then(|(slot, position)| self.values(slot, position));
        known.unwrap_or_else(|| self.all_rows(relation).min(20.0))
    }

    /// How many different values a field is known to have; else as many as records if it is a key, and as many as there are to
    /// point at if it is a relation.
    pub(super) fn values(&self, slot: Slot, position: u16) -> Option<Amount> {
        let known =
            self.values.borrow().iter().find(|(of, _)| *of == (slot, position)).map(|(_, values)| *values);
        known.unwrap_or_else(|| {
            let values = self.find_values(slot, position);
            self.values.borrow_mut().push(((slot, position), values));
            values
        })
    }

    fn find_values(&self, slot: Slot, position: u16) -> Option<Amount> {
        if let Some(known) = self.estimator.distinct(slot, position) {
            return Some(known);
        }
        let collection = self.collection(slot);
        let records = self.records(slot);
        let mut unique = collection.indexes.iter().filter(|index| index.tells_apart());
        if collection.clustered == Some(position) || unique.any(|index| index.fields == [position]) {
            return Some(records);
        }
        let target = collection.fields[usize::from(position)].reference?.target;
        let target = self.slots.iter().find(|of| of.collection.id == target);
        let target = target.map(|of| self.statistics.rows(&of.collection) as Amount);
        Some(target.map_or(records / 10.0, |target| target.min(records)).max(1.0))
    }

    /// The part of all pairs of two sets that goes together.
    pub(super) fn together(&self, region: &Region<'_>, left: Set, right: Set) -> Amount {
        let mut share: Amount = 1.0;
        for class in &region.classes {
            let least = |of: Set| {
                let members = class.members.iter().filter(|(relation, _)| of >> relation & 1 == 1);
                members
                    .map(|(relation, expr)| self.distinct(&region.relations[*relation], expr))
                    .reduce(Amount::min)
            };
            if let (Some(a), Some(b)) = (least(left), least(right)) {
                share /= a.max(b).max(1.0);
            }
        }
        // What a left join adds drops no row, whatever is asked of these then.
        if let Some(added) = region.left_of(right).or_else(|| region.left_of(left)) {
            let rows = self.rows(&region.relations[added.relation]);
            return share * self.grown_by(region, added, rows) / rows
                * self.share_of_asked(region, left, right);
        }
        // Of a relation that is found by several fields together, each row has one partner.
        for (number, relation) in region.relations.iter().enumerate() {
            let other = if left >> number & 1 == 1 { right } else { left };
            if let Some(slot) = relation.base
                && (left | right) >> number & 1 == 1
                && self.is_found(region, number, slot, other)
            {
                share = share.max(1.0 / self.records(slot));
            }
        }
        #[cfg(not(feature = "small"))]
        {
            share = (share * self.learnt(region, left, right)).min(1.0);
        }
        share * self.share_of_asked(region, left, right)
    }

    /// As how many rows each is there when a left join has added what it finds among so many.
    fn grown_by(&self, region: &Region<'_>, left: &Left, rows: Amount) -> Amount {
        (rows * self.share_of_linked(region, left)).max(1.0)
    }

    /// The part of all pairs that a left join's condition holds for.
    fn share_of_linked(&self, region: &Region<'_>, left: &Left) -> Amount {
        let relation = &region.relations[left.relation];
        let values = |link: &Link| {
            let outer = link.outer.as_field().and_then(|(slot, position)| self.values(slot, position));
            self.distinct(relation, &link.inner).max(outer.unwrap_or(1.0)).max(1.0)
        };
        let mut share = 1.0 / left.join.links.iter().map(values).product::<Amount>();
        if finds_one(&left.join, self.slots) {
            share = share.max(1.0 / self.all_rows(relation));
        }
        match &*left.join.pairs {
            Node::Filter(filter) => share * self.estimator.selectivity_of_all(&filter.predicates),
            _ => share,
        }
    }

    /// What it costs to add what a left join finds to so many rows, which it costs so much to read; as [`join_as`](Measure::join_as).
    fn left_join(
        &self,
        region: &Region<'_>,
        left: &Left,
        (_, left_rows, left_cost): (Set, Amount, Amount),
        (_, right_rows, right_cost): (Set, Amount, Amount),
        keeps_order: bool,
    ) -> Amount {
        let costs = &self.costs;
        let relation = &region.relations[left.relation];
        let made = left_rows * self.grown_by(region, left, right_rows) * costs.pair;
        if left.join.links.is_empty() {
            return left_cost + right_cost + left_rows * right_rows * costs.pair + made;
        }
        let table = right_rows * costs.build + left_rows * costs.probe;
        let by_table = if keeps_order && !self.tables_keep_order() {
            Amount::INFINITY
        } else {
            left_cost + right_cost + table + made
        };
        let Some((each, index)) = self.searched_by_links(relation, &left.join.links) else { return by_table };
        let found = left_rows * each;
        let scatter = self.scatter(relation.base, index, found, left_rows);
        let fetched = found * costs.entry + costs.fetch_by(costs.fetch, found, scatter);
        let cost = left_cost + left_rows * costs.seek + fetched + made;
        self.and_fetched_by(cost, relation, found, scatter).min(by_table)
    }

    /// As [`searched`](Measure::searched), where `links` give what is looked for.
    fn searched_by_links(&self, relation: &Relation, links: &[Link]) -> Option<(Amount, Option<IndexId>)> {
        let slot = relation.base?;
        let collection = self.collection(slot);
        let given = |position: u16| links.iter().any(|link| link.inner.as_field() == Some((slot, position)));
        if collection.clustered.is_some_and(given) {
            return Some((1.0, None));
        }
        let all = self.records(slot);
        let each = collection.indexes.iter().filter(|index| !index.is_partial()).filter_map(|index| {
            let fields = || index.fields.iter().take_while(|position| given(**position));
            let values =
                fields().map(|position| self.values(slot, *position).unwrap_or(20.0)).product::<Amount>();
            let is_whole = index.unique && fields().count() == index.fields.len();
            let each = if is_whole { 1.0 } else { (all / values).max(1.0) };
            fields().next().map(|_| (each, Some(index.id)))
        });
        each.reduce(|one, other| if other.0 < one.0 { other } else { one })
    }

    /// The part of what is linked of two sets that gets through what is asked of both.
    fn share_of_asked(&self, region: &Region<'_>, left: Set, right: Set) -> Amount {
        let asked = region.asked_of(left, right).map(|predicate| self.estimator.selectivity(predicate));
        asked.product::<Amount>() * self.share_of_answers(region, |about| is_of_both(about, left, right))
    }

    /// The part of rows for which subqueries are true, of those that are about such sets, as far as that is known.
    pub(super) fn share_of_answers(&self, region: &Region<'_>, is_asked: impl Fn(Set) -> bool) -> Amount {
        let asked = region.attached.iter().filter(|attached| is_asked(attached.about));
        asked.filter_map(|attached| self.share_of_answer(attached)).product()
    }

    /// What it costs to ask so many rows of a relation what is counted in how many there are of it.
    pub(super) fn answers(&self, region: &Region<'_>, number: usize, rows: Amount) -> Amount {
        let own = region.attached.iter().filter(|attached| attached.about == 1 << number);
        let known = own.filter(|attached| self.share_of_answer(attached).is_some());
        let cost = known.map(|attached| match &attached.node {
            Node::Subquery(subquery) => self.partners(rows, &subquery.inner, &subquery.links),
            _ => 0.0,
        });
        cost.sum()
    }

    /// The part of rows that something belongs to, or nothing, if that is asked of them.
    fn share_of_answer(&self, attached: &Attached) -> Option<Amount> {
        let Node::Subquery(subquery) = &attached.node else { return None };
        let ([filter], [link]) = (attached.filters.as_slice(), subquery.links.as_slice()) else {
            return None;
        };
        if subquery.asked != Asked::Any || *subquery.pairs != Node::Pairs {
            return None;
        }
        let values = |expr: &Expr| expr.as_field().and_then(|(slot, position)| self.values(slot, position));
        let (outer, inner) = (values(&link.outer)?, values(&link.inner)?);
        let matched = met(inner, self.rows_of(&subquery.inner)) / outer.max(inner).max(1.0);
        let is_answer = |expr: &Expr| expr.kind == ExprKind::Computed(subquery.output);
        match &filter.kind {
            ExprKind::Unary(UnaryOp::Not, operand) if is_answer(operand) => Some(1.0 - matched),
            _ if is_answer(filter) => Some(matched),
            _ => None,
        }
        .map(|share| share.clamp(0.0, 1.0))
    }

    /// So many times as many pairs of two sets as would be expected.
    #[cfg(not(feature = "small"))]
    fn learnt(&self, region: &Region<'_>, left: Set, right: Set) -> Amount {
        let lessons = self.statistics.lessons();
        if lessons.0.is_empty() {
            return 1.0;
        }
        let slots = |set: Set| {
            let relations = region.relations.iter().enumerate();
            let of = relations.filter(|(number, _)| set >> number & 1 == 1);
            of.filter_map(|(_, relation)| relation.base).collect::<Vec<Slot>>()
        };
        lessons.between(&slots(left), &slots(right))
    }

    /// Whether `other` gives all fields of a unique index of several.
    fn is_found(&self, region: &Region<'_>, number: usize, slot: Slot, other: Set) -> bool {
        let given = |position: &u16| {
            region.classes.iter().any(|class| {
                let is_it =
                    |(of, expr): &(usize, Expr)| *of == number && expr.as_field() == Some((slot, *position));
                class.reaches(other) && class.members.iter().any(is_it)
            })
        };
        let mut unique = self.collection(slot).indexes.iter().filter(|index| index.tells_apart());
        unique.any(|index| index.fields.len() > 1 && index.fields.iter().all(given))
    }

    /// What it costs to put two sets together of which there are so many rows, which it costs so much to read, and how. The
    /// result has `out` rows.
    pub(super) fn join(
        &self,
        region: &Region<'_>,
        left: (Set, Amount, Amount),
        right: (Set, Amount, Amount),
        out: Amount,
    ) -> (Amount, How) {
        self.join_as(region, left, right, out, false)
    }

    /// Whether a join by a table keeps the order of its rows: not where memory is limited, and both sides may be put aside.
    fn tables_keep_order(&self) -> bool {
        #[cfg(not(feature = "small"))]
        return !self.statistics.limits_memory();
        #[cfg(feature = "small")]
        return true;
    }

    /// Whether a left join keeps the order of its rows, as far as that is told by what it finds records by.
    pub(super) fn keeps_order(&self, join: &Join) -> bool {
        self.tables_keep_order() || join.links.is_empty() || {
            let found = |link: &Link| {
                let Some((slot, position)) = link.inner.as_field() else { return false };
                let collection = self.collection(slot);
                let mut indexes = collection.indexes.iter().filter(|index| !index.is_partial());
                collection.clustered == Some(position)
                    || indexes.any(|index| index.fields.first() == Some(&position))
            };
            join.links.iter().any(found)
        }
    }

    /// As [`join`](Measure::join), with the pairs in the order of the rows on the left if that is to be kept.
    pub(super) fn join_as(
        &self,
        region: &Region<'_>,
        left: (Set, Amount, Amount),
        right: (Set, Amount, Amount),
        out: Amount,
        keeps_order: bool,
    ) -> (Amount, How) {
        let (left_set, left_rows, left_cost) = left;
        let (right_set, right_rows, right_cost) = right;
        if let Some(of) = region.left_of(right_set) {
            return (self.left_join(region, of, left, right, keeps_order), How::Left);
        }
        if region.left_of(left_set).is_some() {
            return (Amount::INFINITY, How::Left);
        }
        let costs = &self.costs;
        // A join makes rows of two; a lookup adds a record to those there are.
        let made = out * costs.pair;
        if !region.are_linked(left_set, right_set) {
            return (left_cost + right_cost + left_rows * right_rows * costs.pair + made, How::Join);
        }
        // Those that what is asked of both drops are made as well.
        let linked = made / self.share_of_asked(region, left_set, right_set).max(Amount::MIN_POSITIVE);
        let mut best =
            (left_cost + right_cost + right_rows * costs.build + left_rows * costs.probe + linked, How::Join);
        if keeps_order && !self.tables_keep_order() {
            best.0 = Amount::INFINITY;
        }
        if right_set.count_ones() == 1 {
            let number = right_set.trailing_zeros() as usize;
            let relation = &region.relations[number];
            // Whoever does not read the right side asks of what it finds.
            let answers = |rows| self.answers(region, number, rows);
            if let Some((each, index)) = self.searched(region, number, left_set) {
                let found = left_rows * each;
                let scatter = self.scatter(relation.base, index, found, left_rows);
                let pairs = found * (costs.entry + costs.pair) + costs.fetch_by(costs.fetch, found, scatter);
                let cost = left_cost + left_rows * costs.seek + pairs + linked + answers(found);
                let cost = self.and_fetched_by(cost, relation, found, scatter);
                best = if cost < best.0 { (cost, How::Join) } else { best };
            }
            if let Some((each, index)) = self.searched_within(region, number, left_set) {
                let found = left_rows * each;
                let scatter = self.scatter(relation.base, Some(index), found, left_rows);
                let pairs = found * (costs.entry + costs.pair) + costs.fetch_by(costs.fetch, found, scatter);
                let cost = left_cost + left_rows * costs.seek + pairs + made + answers(found);
                let cost = self.and_fetched_by(cost, relation, found, scatter);
                best = if cost < best.0 { (cost, How::Within) } else { best };
            }
            let points = |pointer: &Pointer| pointer.ends.1 == number && left_set >> pointer.ends.0 & 1 == 1;
            if let Some(pointer) = region.pointers.iter().position(points) {
                let fetched = |rows: Amount| {
                    let different = self.all_rows(relation).min(rows);
                    let cost = rows * costs.probe + different * costs.fetch_near;
                    self.and_fetched(cost, relation, different)
                };
                let tests = relation.own.iter().map(|expr| self.test(expr)).sum::<Amount>();
                let mut cost = left_cost + left_rows * tests + fetched(left_rows) + answers(left_rows);
                // Those that something is asked of may be marked first, and rows that point at others dropped.
                if !relation.own.is_empty() {
                    let marks = right_cost + right_rows * costs.mark + left_rows * costs.marked;
                    cost = cost.min(left_cost + marks + fetched(out.min(left_rows)));
                }
                best = if cost <= best.0 { (cost, How::Lookup(pointer)) } else { best };
            }
        } else if let Some((pointer, members)) = region.looked_up_together(left_set, right_set)
            && members.iter().all(|number| {
                region.relations[*number]
                    .base
                    .is_none_or(|slot| self.statistics.keeps(self.collection(slot), self.records(slot)))
            })
        {
            // Those that what is asked of them all leaves are marked; rows that point at others are dropped.
            let marks = right_cost + right_rows * costs.mark + left_rows * costs.marked;
            let fetched = members.iter().map(|number| {
                let relation = &region.relations[*number];
                let different = self.all_rows(relation).min(out);
                let cost = out * costs.probe + different * costs.fetch_near;
                self.and_fetched(cost, relation, different)
            });
            let cost = left_cost + marks + fetched.sum::<Amount>();
            best = if cost < best.0 { (cost, How::Lookup(pointer)) } else { best };
        }
        best
    }

    /// `cost`, and reading so many records of a relation that lie anywhere.
    fn and_fetched(&self, cost: Amount, relation: &Relation, rows: Amount) -> Amount {
        self.and_fetched_by(cost, relation, rows, Scatter::ANYWHERE)
    }

    /// `cost`, and reading so many records of a relation that lie so.
    fn and_fetched_by(&self, cost: Amount, relation: &Relation, rows: Amount, scatter: Scatter) -> Amount {
        match relation.base {
            Some(slot) => self.paging.and_fetched_by(cost, self.collection(slot), rows, scatter),
            None => cost,
        }
    }

    /// How so many records lie that are found in so many places of an index.
    fn scatter(&self, base: Option<Slot>, index: Option<IndexId>, rows: Amount, places: Amount) -> Scatter {
        match base.zip(index) {
            Some((slot, index)) => self.estimator.scatter(slot, index, rows, places),
            None => Scatter::ANYWHERE,
        }
    }

    /// How many records of a relation an index gives for a row of `other`, if one begins with a field that this gives; and which. `None`
    /// is the key.
    fn searched(&self, region: &Region<'_>, number: usize, other: Set) -> Option<(Amount, Option<IndexId>)> {
        let slot = region.relations[number].base?;
        let collection = self.collection(slot);
        let given = |position: u16| region.given((number, slot), position, other);
        let all = self.records(slot);
        if collection.clustered.is_some_and(|key| given(key).is_some()) {
            return Some((1.0, None));
        }
        let each = collection.indexes.iter().filter(|index| !index.is_partial()).filter_map(|index| {
            let fields: Vec<&Expr> = index.fields.iter().map_while(|position| given(*position)).collect();
            let relation = &region.relations[number];
            let values = fields.iter().map(|expr| self.distinct(relation, expr)).product::<Amount>();
            let is_whole = index.unique && fields.len() == index.fields.len();
            let each = if is_whole { 1.0 } else { (all / values).max(1.0) };
            (!fields.is_empty()).then_some((each, Some(index.id)))
        });
        each.reduce(|one, other| if other.0 < one.0 { other } else { one })
    }

    /// How many records of a relation lie in a range of an index that belongs to a row of `other`, which gives the fields in front of it
    /// and bounds of the next; and which index.
    fn searched_within(&self, region: &Region<'_>, number: usize, other: Set) -> Option<(Amount, IndexId)> {
        if region.asked.is_empty() {
            return None;
        }
        let relation = &region.relations[number];
        let slot = relation.base?;
        let collection = self.collection(slot);
        let indexes = collection.indexes.iter();
        let indexes = indexes.filter(|index| !index.is_partial() && collection.listed(index).is_none());
        let each = indexes.filter_map(|index| {
            let given = |position: &u16| region.given((number, slot), *position, other);
            let fields: Vec<&Expr> = index.fields.iter().map_while(given).collect();
            let next = (slot, *index.fields.get(fields.len())?);
            let asked = region.asked_of(other, 1 << number);
            let bounds: Vec<&Expr> = asked.filter(|predicate| is_bound(predicate, next)).collect();
            let values = fields.iter().map(|expr| self.distinct(relation, expr)).product::<Amount>();
            let share = self.estimator.selectivity_of_all(bounds.iter().copied());
            (!bounds.is_empty()).then(|| (self.records(slot) / values.max(1.0) * share, index.id))
        });
        each.reduce(|one, other| if other.0 < one.0 { other } else { one })
    }
}

/// Whether a predicate says between which values of other records a field lies, or what it starts with.
fn is_bound(predicate: &Expr, field: (Slot, u16)) -> bool {
    let bounds = |value: &Expr, other: &Expr| {
        let of_others = other.is_sure() && !other.slots().is_empty() && !other.slots().contains(&field.0);
        value.as_field() == Some(field) && value.ty == other.ty && of_others
    };
    match &predicate.kind {
        ExprKind::Binary(BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge, left, right) => {
            bounds(left, right) || bounds(right, left)
        }
        ExprKind::Binary(BinaryOp::StartsWith, value, other) => bounds(value, other),
        ExprKind::Between(parts) => {
            let [value, low, high] = &**parts;
            bounds(value, low) || bounds(value, high) || bounds(low, value) || bounds(high, value)
        }
        _ => false,
    }
}

/// The index that finds the records for which a predicate holds; `None` within is the key.
fn searched_by(predicate: &Expr, slot: Slot, collection: &CollectionDef) -> Option<Option<IndexId>> {
    let children = predicate.children();
    let (value, others) = children.split_first()?;
    let (of, position) = value.as_field()?;
    let literal = others.iter().all(|other| other.is_literal());
    if of != slot || !literal || matches!(predicate.kind, ExprKind::Unary(..)) {
        return None;
    }
    if collection.clustered == Some(position) {
        return Some(None);
    }
    let mut indexes = collection.indexes.iter();
    let index = indexes.find(|index| index.fields.first() == Some(&position) && !index.is_partial());
    index.map(|index| Some(index.id))
}
