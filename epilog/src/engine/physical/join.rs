//! Joins: the methods of subqueries, and which side is put into a hash table.
//!
//! ```text
//! before                                             after
//! join through hash table, artist = Artist.id        join through hash table, Artist.id = artist
//!   filter name = "Live"                               scan Artist
//!     scan Album                                       filter name = "Live"
//!   scan Artist                                          scan Album
//! ```
//!
//! The first of the two is what rows come from, the second is read into the table: the side with fewer rows, which takes less memory, and
//! whose table is the quicker one to look into. Where sides are put together by a range, that which has an index for it is searched for
//! each row of the other. Must not fire on left joins, whose rows without a pair are those of one side; on what is asked of pairs besides,
//! which is written for sides as they are; where a link may have no result, which makes a row a partner of all; nor where an order of
//! rows is kept, which `ordered` sees to.

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(not(feature = "small"))]
use super::access::Chosen;
use super::choices::Choice;
use super::subquery::Sides;
use super::{Join, Method, Operator, PhysicalNode, Planned, Planner, Want};
use crate::engine::estimate::Amount;
#[cfg(not(feature = "small"))]
use crate::engine::estimate::Counter;
use crate::engine::logical;
#[cfg(not(feature = "small"))]
use crate::engine::logical::SortTerm;
use crate::engine::logical::{Expr, Inner, Link, Node, Slot};
use crate::engine::optimizer::is_sure_below;
#[cfg(not(feature = "small"))]
use crate::engine::planted::{self, Bug};
use crate::expr::JoinKind;
use crate::parts;

/// One value is taken for a twentieth of all where nothing is known.
const VALUES: Amount = 20.0;

impl<'p> Planner<'p> {
    pub(super) fn join(&self, join: &'p logical::Join, want: Want<'_>) -> Planned {
        #[cfg(not(feature = "small"))]
        if let Some(in_order) = self.join_in_order(join, want) {
            return in_order;
        }
        let input = self.node(&join.input, Want { key_order: want.key_order, ..Want::default() });
        #[cfg(not(feature = "small"))]
        if let Some(asked) = asked_of_linked(join) {
            return self.join_asked(join, asked, input, want);
        }
        self.join_of(join, &join.pairs, input, want)
    }

    /// A join whose pairs are linked and asked for what compares both sides: a range of an index for each row, behind what is linked, if
    /// that costs less than to ask it of all pairs that are linked.
    #[cfg(not(feature = "small"))]
    fn join_asked(
        &self,
        join: &'p logical::Join,
        asked: &'p logical::Filter,
        input: Planned,
        want: Want<'_>,
    ) -> Planned {
        let again = Planned { node: input.node.clone(), ..input };
        let linked = self.join_of(join, &asked.input, again, want);
        let mut cost = linked.cost;
        if let Operator::Join(Join { method: Method::Hash { .. }, .. }) = &linked.node.operator {
            // All of those pairs are made, which of a table is not counted otherwise.
            cost += linked.node.rows * self.costs.pair;
        }
        let ordered = linked.ordered;
        let apart = self.filter(Chosen { cost: linked.cost, ..Chosen::over(linked.node) }, asked);
        cost += apart.cost - linked.cost;
        let outer = Inner::of(&join.input);
        let logical::Join { slot, inner, links, pairs, .. } = join;
        let (reads, aggregate, any) = (true, None, false);
        let sides = Sides { slot: *slot, inner, links, pairs, reads, aggregate, any };
        let is_sure = links.iter().all(|link| outer.is_sure(&link.outer));
        let probe = if parts::PROBES && is_sure { self.probe(&sides, input.node.rows) } else { None };
        let is_within = |probe: &super::subquery::Planned| {
            matches!(probe.method, Method::Probe { span: Some(_), .. }) && input.cost + probe.cost < cost
        };
        let Some(mut probe) = probe.filter(is_within) else {
            return Planned { node: apart.node, ordered, cost: apart.cost };
        };
        if planted::is(Bug::RestOfRangeUnasked) {
            probe.pairs.operator = Operator::Pairs;
        }
        let cost = input.cost + probe.cost;
        let within = searched(join, (input.node, *slot), probe);
        let node = PhysicalNode { operator: Operator::Join(within), rows: apart.node.rows };
        Planned { node, ordered: want.order.is_empty(), cost }
    }

    /// A join of which `pairs` is what is asked where they are made.
    fn join_of(&self, join: &'p logical::Join, pairs: &'p Node, input: Planned, want: Want<'_>) -> Planned {
        let logical::Join { slot, inner, links, .. } = join;
        let sides = Sides {
            slot: *slot,
            inner,
            links,
            pairs,
            reads: true,
            aggregate: None,
            #[cfg(not(feature = "small"))]
            any: false,
        };
        let rows = input.node.rows;
        let once = self.once(&sides, rows);
        // A row of which a link has no value is paired with everything.
        let outer = Inner::of(&join.input);
        let is_sure = join.links.iter().all(|link| outer.is_sure(&link.outer));
        let probe = if parts::PROBES && is_sure { self.probe(&sides, rows) } else { None };
        let cost = input.cost + probe.as_ref().map_or(once.cost, |probe| probe.cost.min(once.cost));
        let inner_rows = match &once.method {
            Method::Hash { inner, .. } | Method::Loop { inner, .. } => inner.rows,
            Method::Probe { .. } => unreachable!("all inner rows are at hand"),
        };
        let mut out = self.pairs_expected(rows, inner_rows, &join.links);
        #[cfg(not(feature = "small"))]
        {
            out = (out * self.learnt().of_pairs(&join.links)).min(rows * inner_rows);
        }
        if let (Node::Filter(filter), true) = (pairs, links.is_empty()) {
            out *= self.estimator.selectivity_of_all(&filter.predicates);
        }
        let planned = |join_of: Join, cost| {
            let rows = if join.kind == JoinKind::Left { out.max(rows) } else { out };
            let node = PhysicalNode { operator: Operator::Join(join_of), rows };
            Planned { node, ordered: want.order.is_empty(), cost }
        };
        let joined = |input: PhysicalNode, slot, method, pairs, reads_inner, cost| {
            let (input, pairs, kind) = (Box::new(input), Box::new(pairs), join.kind);
            let of = Join {
                input,
                slot,
                method,
                pairs,
                kind,
                reads_inner,
                spills: is_sure,
                #[cfg(not(feature = "small"))]
                merges: false,
                #[cfg(not(feature = "small"))]
                in_order: false,
                #[cfg(not(feature = "small"))]
                sieves: Vec::new(),
                #[cfg(not(feature = "small"))]
                counter: Counter::NONE,
                _whole: join.whole,
            };
            planned(of, cost)
        };
        // The smaller side is kept in a table, and the other one goes past it: either may be, when both are alike.
        let is_turned = self.chooses(Choice::Sides)
            && join.kind == JoinKind::Inner
            && is_sure
            && *pairs == Node::Pairs
            && !join.links.is_empty()
            && rows < inner_rows
            && matches!(once.method, Method::Hash { .. });
        let turned = is_turned.then(|| {
            let fewer = inner_rows - rows;
            input.cost + once.cost - fewer * self.costs.build + fewer * self.costs.probe
        });
        let turned = turned.filter(|turned| *turned < cost);
        #[cfg(not(feature = "small"))]
        if is_sure
            && let others = turned.unwrap_or(cost)
            && let Some((merged, cost)) = self.merged(join, want, &once.pairs, (others, rows, inner_rows))
        {
            return planned(merged, cost);
        }
        if let (Some(turned), Method::Hash { inner, .. }) = (turned, &once.method) {
            let method = Method::Hash { inner: Box::new(input.node), links: turned_round(&join.links) };
            let inner = PhysicalNode::clone(inner);
            return joined(inner, join.slot, method, once.pairs, may_fail(&join.input), turned);
        }
        #[cfg(not(feature = "small"))]
        if join.kind == JoinKind::Inner
            && let Some((node, cost)) = self.turned_span(join, cost)
        {
            let of = *node;
            return Planned {
                node: PhysicalNode { operator: Operator::Join(of), rows: out },
                ordered: want.order.is_empty(),
                cost,
            };
        }
        match probe {
            Some(probe) if probe.cost <= once.cost => {
                joined(input.node, join.slot, probe.method, probe.pairs, false, cost)
            }
            _ => joined(input.node, join.slot, once.method, once.pairs, may_fail(inner), cost),
        }
    }

    /// The join with its sides exchanged, if the rows of the inner one have each a range of the other side's records, and that costs
    /// less than `others`.
    #[cfg(not(feature = "small"))]
    fn turned_span(&self, join: &'p logical::Join, others: Amount) -> Option<(Box<Join>, Amount)> {
        if !self.chooses(Choice::Sides) || !join.links.is_empty() || *join.pairs == Node::Pairs {
            return None;
        }
        let mut base = &*join.input;
        while let Node::Filter(_) | Node::Lookup(_) | Node::Subquery(_) = base {
            base = base.input()?;
        }
        let Node::Scan(scan) = base else { return None };
        let noted = self.estimates.borrow().len();
        let rows = self.node(&join.inner, Want::default());
        let (inner, links, pairs) = (&*join.input, &*join.links, &*join.pairs);
        let (slot, reads, aggregate, any) = (scan.slot, true, None, false);
        let sides = Sides { slot, inner, links, pairs, reads, aggregate, any };
        let probe = self.probe(&sides, rows.node.rows);
        let cost = |probe: &super::subquery::Planned| rows.cost + probe.cost;
        let Some(probe) = probe.filter(|probe| cost(probe) < others) else {
            self.estimates.borrow_mut().truncate(noted);
            return None;
        };
        let cost = cost(&probe);
        let joined = searched(join, (rows.node, slot), probe);
        Some((Box::new(joined), cost))
    }

    /// The join of rows that come in the order of what they are linked by on both sides, if that costs less than `others`; of so many
    /// rows and inner rows. Pairs are tested by `pairs`.
    #[cfg(not(feature = "small"))]
    fn merged(
        &self,
        join: &'p logical::Join,
        want: Want<'_>,
        pairs: &PhysicalNode,
        (others, rows, inner_rows): (Amount, Amount, Amount),
    ) -> Option<(Join, Amount)> {
        let inner = Inner::of(&join.inner);
        let is_sure = join.links.iter().all(|link| inner.is_sure(&link.inner));
        // A side may end before the other one has been read.
        if join.links.is_empty() || !is_sure || may_fail(&join.inner) {
            return None;
        }
        // A record of a side that is a join may be there several times, and where that puts its rows aside so does this.
        let spills = !self.tells_apart(&join.links) || has_join(&join.input) || has_join(&join.inner);
        if spills && self.wishes.puts_aside {
            return None;
        }
        // Whatever ways there are to both sides: these are not looked for in vain.
        let merge = (rows + inner_rows) * self.costs.merge;
        if merge >= others {
            return None;
        }
        let terms = |side: fn(&Link) -> &Expr| -> Vec<SortTerm> {
            let term = |link| SortTerm { expr: side(link).clone(), descending: false, nulls_first: true };
            join.links.iter().map(term).collect()
        };
        let (of_rows, of_inner) = (terms(|link| &link.outer), terms(|link| &link.inner));
        if !self.may_come_by(&join.input, &of_rows) || !self.may_come_by(&join.inner, &of_inner) {
            return None;
        }
        let noted = self.estimates.borrow().len();
        let by = |order, key_order| Want { order, partly: true, key_order, ..Want::default() };
        let input = self.node(&join.input, by(&of_rows, want.key_order));
        let inner = self.node(&join.inner, by(&of_inner, false));
        // Other ways look for the same values.
        self.estimates.borrow_mut().truncate(noted);
        let cost = input.cost + inner.cost + merge;
        if !input.ordered || !inner.ordered || cost >= others {
            return None;
        }
        let method = Method::Hash { inner: Box::new(inner.node), links: join.links.clone() };
        let merged = Join {
            input: Box::new(input.node),
            slot: join.slot,
            method,
            pairs: Box::new(pairs.clone()),
            kind: join.kind,
            reads_inner: false,
            spills,
            merges: true,
            in_order: false,
            sieves: Vec::new(),
            #[cfg(not(feature = "small"))]
            counter: Counter::NONE,
            _whole: join.whole,
        };
        Some((merged, cost))
    }

    /// Whether a way to the rows of a side may give them in an order: of its records by key or an index, or a sort.
    #[cfg(not(feature = "small"))]
    fn may_come_by(&self, side: &Node, order: &[SortTerm]) -> bool {
        let mut base = side;
        // Joins keep the order of their rows.
        while let Node::Filter(_) | Node::Lookup(_) | Node::Subquery(_) | Node::Join(_) = base {
            let Some(input) = base.input() else { return false };
            base = input;
        }
        let first = order.first().and_then(|term| term.expr.as_field());
        match (base, first) {
            (Node::Sort(sort), _) => sort.terms.starts_with(order),
            (Node::Scan(scan), Some((slot, position))) if scan.slot == slot => {
                let collection = self.collection(slot);
                let mut indexes = collection.indexes.iter();
                collection.clustered == Some(position)
                    || indexes.any(|index| index.fields.first() == Some(&position))
            }
            _ => false,
        }
    }

    /// How many pairs are expected of so many rows and inner rows.
    pub(super) fn pairs_expected(&self, rows: Amount, inner: Amount, links: &[Link]) -> Amount {
        let values = |expr: &Expr| self.distinct(expr).unwrap_or(VALUES);
        let mut share = 1.0;
        for link in links {
            share /= values(&link.inner).max(values(&link.outer)).max(1.0);
        }
        rows * inner * share.max(self.share_of_found(links))
    }

    /// Whether no two records have the same values of what the inner side is linked by.
    #[cfg(not(feature = "small"))]
    fn tells_apart(&self, links: &[Link]) -> bool {
        let fields = || links.iter().filter_map(|link| link.inner.as_field());
        fields().any(|(slot, position)| {
            let collection = self.collection(slot);
            let has = |field: &u16| fields().any(|of| of == (slot, *field));
            let mut unique = collection.indexes.iter().filter(|index| index.tells_apart());
            collection.clustered == Some(position) || unique.any(|index| index.fields.iter().all(has))
        })
    }

    /// Of records that several values together find at most one of, the part that one is.
    fn share_of_found(&self, links: &[Link]) -> Amount {
        let sides = links.iter().flat_map(|link| [&link.inner, &link.outer]);
        let fields = |slot: Slot| {
            let of = sides.clone().filter_map(Expr::as_field).filter(move |(of, _)| *of == slot);
            of.map(|(_, position)| position)
        };
        let slots = sides.clone().filter_map(Expr::as_field).map(|(slot, _)| slot);
        let is_found = |slot: &Slot| {
            let mut unique = self.collection(*slot).indexes.iter().filter(|index| index.tells_apart());
            unique.any(|index| index.fields.iter().all(|field| fields(*slot).any(|of| of == *field)))
        };
        slots.filter(is_found).map(|slot| 1.0 / self.rows(slot)).fold(0.0, Amount::max)
    }

    /// How many different values an expression is known to have.
    pub(super) fn distinct(&self, expr: &Expr) -> Option<Amount> {
        let (slot, position) = expr.as_field()?;
        let collection = self.collection(slot);
        // As many as rows are planned for, or a small collection had more partners than there are: also where its number is known.
        let records = self.rows(slot);
        let mut unique = collection.indexes.iter().filter(|index| index.tells_apart());
        if collection.clustered == Some(position) || unique.any(|index| index.fields == [position]) {
            return Some(records);
        }
        if let Some(known) = self.estimator.distinct(slot, position) {
            return Some(known);
        }
        let target = collection.fields[usize::from(position)].reference?.target;
        let target = self.plan.slots.iter().find(|of| of.collection.id == target);
        let target = target.map(|of| self.statistics.rows(&of.collection) as Amount);
        let target = target.map(|rows| rows.max(self.costs.rows_min));
        Some(target.map_or(records / 10.0, |target| target.min(records)).max(1.0))
    }
}

/// Whether rows may have no result as a whole. One that has none itself is an error with the answer that it is part of; but
/// where rows are counted, or something is made of all of them, it is one for all that come out there.
pub(super) fn may_fail(node: &Node) -> bool {
    let mut fails = false;
    node.visit(&mut |node| {
        let is_of_all = matches!(
            node,
            Node::Limit(_) | Node::Aggregate(_) | Node::Window(_) | Node::Set(_) | Node::Recursive(_)
        );
        fails |= is_of_all && !is_sure_below(node);
    });
    fails
}

/// An inner join that searches an index of these records for each of its rows.
#[cfg(not(feature = "small"))]
fn searched(
    join: &logical::Join,
    (rows, slot): (PhysicalNode, Slot),
    probe: super::subquery::Planned,
) -> Join {
    Join {
        input: Box::new(rows),
        slot,
        method: probe.method,
        pairs: Box::new(probe.pairs),
        kind: JoinKind::Inner,
        reads_inner: false,
        spills: true,
        merges: false,
        in_order: false,
        sieves: Vec::new(),
        counter: Counter::NONE,
        _whole: join.whole,
    }
}

/// What is asked of the pairs of an inner join beside what links them, if it may as well be asked of its rows.
#[cfg(not(feature = "small"))]
pub(super) fn asked_of_linked(join: &logical::Join) -> Option<&logical::Filter> {
    match &*join.pairs {
        Node::Filter(filter) if *filter.input == Node::Pairs => {
            let is_plain = join.kind == JoinKind::Inner && !join.links.is_empty();
            let is_sure = filter.predicates.iter().all(|predicate| !predicate.may_fault());
            (is_plain && is_sure).then_some(filter)
        }
        _ => None,
    }
}

/// Whether the rows of a side are pairs.
#[cfg(not(feature = "small"))]
fn has_join(side: &Node) -> bool {
    matches!(side, Node::Join(_)) || side.input().is_some_and(has_join)
}

/// Links with their sides exchanged.
fn turned_round(links: &[Link]) -> Vec<Link> {
    let turned = |link: &Link| Link { inner: link.outer.clone(), outer: link.inner.clone(), ..*link };
    links.iter().map(turned).collect()
}
