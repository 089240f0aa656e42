//! Subqueries: through an index for each row, or through a hash table made once, or by trying every pair.

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(not(feature = "small"))]
use super::Taken;
use super::access::Chosen;
#[cfg(not(feature = "small"))]
use super::access::Search;
#[cfg(not(feature = "small"))]
use super::span::Found;
#[cfg(not(feature = "small"))]
use super::within;
use super::{Answer, Method, Operator, PhysicalNode, Planner, Subquery, Want};
use crate::engine::estimate::{Amount, Scatter};
use crate::engine::logical;
use crate::engine::logical::{AggregateTerm, Asked, Expr, Inner, Link, Node, Slot};
#[cfg(not(feature = "small"))]
use crate::engine::planted::{self, Bug};
use crate::expr::{BinaryOp, UnaryOp};
use crate::parts;
use crate::schema::IndexId;

/// An index, or the key, and the links that it is searched by.
#[cfg(feature = "small")]
type Found = (Option<IndexId>, Vec<Link>);

/// A method with what it needs of the pairs, and its cost.
pub(super) struct Planned {
    pub(super) method: Method,
    pub(super) pairs: PhysicalNode,
    pub(super) cost: Amount,
    /// What of that it costs for however few rows.
    #[cfg(not(feature = "small"))]
    pub(super) fixed: Amount,
    /// Which part of the pairs that links allow are made.
    pub(super) share: Amount,
}

/// What is found for a row, and what is asked of it beyond what stands in the plan.
#[derive(Clone, PartialEq)]
pub(super) struct OfRow {
    /// Where its records come from; nothing if all of them are at hand.
    inner: Option<*const Node>,
    pairs: *const Node,
    /// How many records that are.
    each: Amount,
    /// What holds for them already.
    #[cfg(not(feature = "small"))]
    told: Vec<Expr>,
    /// The links that they are not found by.
    extra: Vec<Expr>,
}

/// The pairs of a row, as far as they get through what is asked of them.
#[derive(Clone)]
pub(super) struct Tested {
    pairs: Chosen,
    /// Of each lookup how many records look one up, and how many there are.
    looked_up: Vec<(Amount, Amount)>,
}

/// What rows are matched with: the sides of a subquery or of a join.
pub(super) struct Sides<'p> {
    /// The slot of the inner record.
    pub(super) slot: Slot,
    pub(super) inner: &'p Node,
    pub(super) links: &'p [Link],
    pub(super) pairs: &'p Node,
    /// Whether more of the pairs is wanted than their number.
    pub(super) reads: bool,
    /// What is made of the pairs of a row, if it is an aggregate.
    #[cfg_attr(feature = "small", expect(dead_code, reason = "nobody asks there"))]
    pub(super) aggregate: Option<&'p AggregateTerm>,
    /// Whether one pair of a row is enough.
    #[cfg(not(feature = "small"))]
    pub(super) any: bool,
}

#[cfg(not(feature = "small"))]
impl Sides<'_> {
    /// Whether what is made of pairs has them in the order of the inner records' keys.
    fn sees_key_order(&self) -> bool {
        self.aggregate.is_some_and(|term| term.function.depends_on_order())
    }
}

impl<'p> Planner<'p> {
    /// A subquery over what is planned.
    pub(super) fn subquery(&self, input: Chosen, subquery: &'p logical::Subquery, want: Want<'_>) -> Chosen {
        #[cfg(all(test, not(feature = "small")))]
        within::PLANNED.set(within::PLANNED.get() + 1);
        // Of a limited query, only the rows that are taken are asked about.
        let rows = input.node.rows;
        let asked = match want.limit {
            Some(limit) if input.ordered => rows.min(limit as Amount * 4.0),
            _ => rows,
        };
        let logical::Subquery { slot, inner, links, pairs, .. } = subquery;
        let aggregate = match &subquery.asked {
            Asked::Aggregate(term, _) => Some(&**term),
            Asked::Any | Asked::Count => None,
        };
        let reads = aggregate.is_some();
        let sides = Sides {
            slot: *slot,
            inner,
            links,
            pairs,
            reads,
            aggregate,
            #[cfg(not(feature = "small"))]
            any: matches!(subquery.asked, Asked::Any),
        };
        let mut once = self.once(&sides, asked);
        // An aggregate over inner rows alone is the same for all rows with their key.
        let is_of_key = reads && is_of_inner(subquery);
        if reads && !is_of_key {
            let (Method::Hash { inner, .. } | Method::Loop { inner, .. }) = &once.method else {
                unreachable!("all inner rows are at hand")
            };
            let pairs = self.pairs_expected(asked, inner.rows, links);
            once.cost += pairs * once.share * self.costs.pair;
        }
        // A row of which a link has no value belongs to everything that may count, which an index does not tell.
        let is_sure = || {
            let outer = Inner::of(&subquery.input);
            links.iter().all(|link| outer.is_sure(&link.outer))
        };
        let probe = if parts::PROBES && is_sure() { self.probe(&sides, asked) } else { None };
        let best = match probe {
            Some(probe) if probe.cost <= once.cost => probe,
            _ => once,
        };
        #[cfg(not(feature = "small"))]
        let (same, spared) = match is_of_key {
            true => (Vec::new(), 0.0),
            false => self.same(subquery, &best, asked),
        };
        #[cfg(feature = "small")]
        let spared = 0.0;
        let inner = Inner::of(&subquery.inner);
        let spills = !cfg!(feature = "small")
            && matches!(best.method, Method::Hash { .. })
            && is_sure()
            && links.iter().all(|link| inner.is_sure(&link.inner));
        let operator = Operator::Subquery(Subquery {
            input: Box::new(input.node),
            spills,
            #[cfg(not(feature = "small"))]
            sieves: Vec::new(),
            #[cfg(not(feature = "small"))]
            same,
            slot: subquery.slot,
            once: is_of_key && !matches!(best.method, Method::Probe { .. }),
            method: best.method,
            pairs: Box::new(best.pairs),
            asked: subquery.asked.clone(),
            answer: Answer::Value(subquery.output),
        });
        let best_cost = (best.cost - spared).max(0.0);
        let cost = input.cost + best_cost;
        // What rows that are not taken would cost is not in it already.
        #[cfg(not(feature = "small"))]
        let fixed = input.fixed + if asked < rows { best_cost } else { best.fixed.min(best_cost) };
        Chosen {
            node: PhysicalNode { operator, rows },
            cost,
            #[cfg(not(feature = "small"))]
            fixed,
            ..input
        }
    }

    /// Through an index whose first fields the links give, or what is asked of pairs, for so many rows.
    pub(super) fn probe(&self, sides: &Sides<'p>, rows: Amount) -> Option<Planned> {
        // Other sources than a collection have no index.
        let mut base = sides.inner;
        while let Node::Filter(_) | Node::Lookup(_) | Node::Subquery(_) = base {
            base = base.input()?;
        }
        if !matches!(base, Node::Scan(_)) {
            return None;
        }
        // What the inner side asks of its records is asked of the pairs.
        let mut stages = Vec::new();
        let mut node = sides.inner;
        while let Some(input) = node.input() {
            stages.push(node);
            node = input;
        }
        let linked = self.linked_index(sides, &stages);
        #[cfg(feature = "small")]
        return linked.map(|(index, links)| self.probe_by(sides, &stages, rows, (index, links)));
        #[cfg(not(feature = "small"))]
        {
            // Where a row has one record at most there is no range.
            let is_key = matches!(linked, Some((None, _)));
            let linked = linked.map(|(index, links)| Found { index, links, span: None });
            let spanned = if is_key { Vec::new() } else { self.spans_of(sides, &stages) };
            let ways = linked.into_iter().chain(spanned);
            let ways = ways.map(|found| self.probe_by(sides, &stages, rows, found));
            ways.min_by(|a, b| a.cost.total_cmp(&b.cost))
        }
    }

    /// Through an index in this way.
    fn probe_by(&self, sides: &Sides<'p>, stages: &[&'p Node], rows: Amount, found: Found) -> Planned {
        #[cfg(feature = "small")]
        let (index, links) = found;
        #[cfg(not(feature = "small"))]
        let Found { index, links, span: spanned } = found;
        let extra: Vec<Expr> =
            sides.links.iter().filter(|link| !links.contains(link)).map(as_predicate).collect();
        let inner_rows = self.rows(sides.slot);
        let each = match index {
            None if !links.is_empty() => 1.0,
            _ => inner_rows / self.linked_rows(&links).max(1.0),
        };
        #[cfg(not(feature = "small"))]
        let each = (each * self.learnt().of_pairs(sides.links)).min(inner_rows);
        #[cfg(not(feature = "small"))]
        let each = each * spanned.as_ref().map_or(1.0, |spanned| spanned.share);
        #[cfg(not(feature = "small"))]
        let told = spanned.as_ref().map_or_else(Vec::new, |spanned| spanned.told.clone());
        let of_row = OfRow {
            inner: Some(sides.inner),
            pairs: sides.pairs,
            each,
            #[cfg(not(feature = "small"))]
            told: told.clone(),
            extra: extra.clone(),
        };
        let Tested { pairs, looked_up } = self.tested(of_row, stages, sides.pairs);
        // Rows share the records that their pairs look up.
        let shared = looked_up
            .into_iter()
            .map(|(of_row, all)| rows * of_row.min(all) - (rows * of_row).min(all))
            .sum::<Amount>();
        let is_bare = matches!(pairs.node.operator, Operator::Pairs);
        let reads = sides.reads || !is_bare;
        #[cfg(not(feature = "small"))]
        let (each, span) = {
            let span = spanned.map(|spanned| {
                let mut span = spanned.span;
                if is_bare || planted::is(Bug::SpanEndUnasked) {
                    span.ends(sides);
                }
                span
            });
            let is_end = span.as_ref().is_some_and(|span| span.is_end());
            (if is_end || (sides.any && !reads) { each.min(1.0) } else { each }, span)
        };
        // Those of an end, or in the order of keys, are told by the ranks of all.
        #[cfg(not(feature = "small"))]
        let entries = match &span {
            Some(span) if span.taken != Taken::All => None,
            _ => index
                .filter(|_| reads)
                .and_then(|index| self.entries_of_each(sides.slot, index, (&told, &extra))),
        };
        #[cfg(not(feature = "small"))]
        let fetches_records = reads && entries.is_none();
        #[cfg(feature = "small")]
        let fetches_records = reads;
        let found = rows * each;
        let scatter = match index {
            Some(index) if reads => self.estimator.scatter(sides.slot, index, found, rows),
            _ => Scatter::ANYWHERE,
        };
        let per_entry = self.costs.entry;
        #[cfg(not(feature = "small"))]
        let per_entry = if entries.is_some() { self.costs.entry_decoded } else { per_entry };
        let per_pair = per_entry + if reads { self.costs.pair } else { 0.0 };
        // Records in a range of keys lie one behind the other.
        let is_walk = index.is_none() && links.is_empty();
        let fetches = match fetches_records {
            true if is_walk => found * self.costs.scan_record,
            true => self.costs.fetch_by(self.costs.fetch, found, scatter),
            false => 0.0,
        };
        // What is asked of the pairs of a row, be it of another collection, is asked for each row.
        let cost = rows * (self.costs.seek + each * per_pair + pairs.cost) + fetches
            - shared * self.costs.fetch_near;
        let collection = self.collection(sides.slot);
        let cost = match index.and_then(|index| collection.index(index)) {
            Some(index) => self.paging.and_walked(cost, (collection, index), 0.0, rows),
            None => cost,
        };
        let cost = match fetches_records {
            true if is_walk => {
                let cost = self.paging.and_fetched(cost, collection, rows);
                self.paging.and_scanned(cost, collection, found / inner_rows.max(1.0))
            }
            true => self.paging.and_fetched_by(cost, collection, found, scatter),
            false => cost,
        };
        let method = Method::Probe {
            index,
            links,
            #[cfg(not(feature = "small"))]
            span,
            #[cfg(not(feature = "small"))]
            entries,
        };
        Planned {
            method,
            pairs: pairs.node,
            cost,
            #[cfg(not(feature = "small"))]
            fixed: 0.0,
            share: 1.0,
        }
    }

    /// The ranges of indexes that inner records may be found in for each row.
    #[cfg(not(feature = "small"))]
    fn spans_of(&self, sides: &Sides<'p>, stages: &[&'p Node]) -> Vec<Found> {
        let Sides { slot, links, .. } = *sides;
        let collection = self.collection(slot);
        let sargs = self.sargs_of(slot, stages);
        let search = Search { slot, collection, sargs: &sargs, rows: self.rows(slot), want: Want::default() };
        let has_all = |index: &crate::schema::IndexDef| search.conditions_of(index).is_some();
        self.spanned(sides, &has_all, &|index| leading(slot, links, index))
    }

    /// With all inner rows at hand, for so many rows.
    pub(super) fn once(&self, sides: &Sides<'p>, rows: Amount) -> Planned {
        #[cfg(not(feature = "small"))]
        let key_order = sides.sees_key_order();
        #[cfg(feature = "small")]
        let key_order = false;
        let inner = self.inner(sides.inner, key_order);
        let of_row = OfRow {
            inner: None,
            pairs: sides.pairs,
            each: 1.0,
            #[cfg(not(feature = "small"))]
            told: Vec::new(),
            extra: Vec::new(),
        };
        let pairs = self.tested(of_row, &[], sides.pairs).pairs.node;
        let inner_rows = inner.node.rows;
        let node = Box::new(inner.node);
        if sides.links.is_empty() {
            #[cfg(not(feature = "small"))]
            if let Some((band, share)) = self.band(sides) {
                // Of an end of a range there is one row as a rule.
                let share = match band.taken {
                    Taken::All | Taken::AsTheyCame => share,
                    Taken::Least | Taken::Greatest => 1.0 / inner_rows.max(1.0),
                };
                // Of 200,000 rows one that is sorted so takes 545 ns, its key made and kept, and one that looks for its range 290.
                let sorted = self.costs.build + 3.0 * self.costs.sort_of(inner_rows);
                let each = 0.7 * self.costs.seek + inner_rows * share * self.costs.pair;
                let fixed = inner.cost + inner_rows * sorted;
                let method = Method::Loop { inner: node, band: Some(Box::new(band)) };
                return Planned { method, pairs, cost: fixed + rows * each, fixed, share };
            }
            let cost = inner.cost + rows * inner_rows * self.costs.pair;
            let method = Method::Loop {
                inner: node,
                #[cfg(not(feature = "small"))]
                band: None,
            };
            return Planned {
                method,
                pairs,
                cost,
                #[cfg(not(feature = "small"))]
                fixed: inner.cost,
                share: 1.0,
            };
        }
        let fixed = inner.cost + inner_rows * self.costs.build;
        Planned {
            method: Method::Hash { inner: node, links: sides.links.to_vec() },
            pairs,
            cost: fixed + rows * self.costs.probe,
            #[cfg(not(feature = "small"))]
            fixed,
            share: 1.0,
        }
    }

    /// What is asked of the records that are found for a row.
    fn tested(&self, of_row: OfRow, stages: &[&'p Node], pairs: &'p Node) -> Tested {
        #[cfg(not(feature = "small"))]
        if within::asks(pairs) || stages.iter().any(|stage| matches!(stage, Node::Subquery(_))) {
            let plan = || self.tested_anew(of_row.clone(), stages, pairs);
            return self.planned_once(&self.tested, of_row.clone(), plan);
        }
        self.tested_anew(of_row, stages, pairs)
    }

    fn tested_anew(&self, of_row: OfRow, stages: &[&'p Node], pairs: &'p Node) -> Tested {
        let over = Chosen {
            #[cfg(not(feature = "small"))]
            implied: of_row.told,
            ..Chosen::over(PhysicalNode { operator: Operator::Pairs, rows: of_row.each })
        };
        let mut looked_up = Vec::new();
        let mut tested = stages.iter().rev().fold(over, |below, stage| {
            if let Node::Lookup(lookup) = stage {
                looked_up.push((below.node.rows, self.rows(lookup.into)));
            }
            self.stage(below, stage)
        });
        if !of_row.extra.is_empty() {
            let predicates = of_row.extra;
            tested = self.filter(tested, &logical::Filter { input: Box::new(Node::Pairs), predicates });
        }
        Tested { pairs: self.pairs(tested, pairs), looked_up }
    }

    /// The inner side of a subquery or a join, in the order of keys if that is wanted.
    pub(super) fn inner(&self, inner: &'p Node, key_order: bool) -> super::Planned {
        let plan = || self.node(inner, Want { key_order, ..Want::default() });
        #[cfg(not(feature = "small"))]
        if within::asks(inner) {
            return self.planned_once(&self.inner, (inner, key_order), plan);
        }
        plan()
    }

    /// The stages of `node`, a chain over [`Node::Pairs`], over `below`.
    fn pairs(&self, below: Chosen, node: &'p Node) -> Chosen {
        let mut stages = Vec::new();
        let mut node = node;
        while let Some(input) = node.input() {
            stages.push(node);
            node = input;
        }
        stages.into_iter().rev().fold(below, |below, stage| self.stage(below, stage))
    }

    fn stage(&self, below: Chosen, stage: &'p Node) -> Chosen {
        match stage {
            Node::Filter(filter) => self.filter(below, filter),
            Node::Lookup(lookup) => self.lookup(below, lookup),
            Node::Subquery(subquery) => self.subquery(below, subquery, Want::default()),
            _ => unreachable!("a subquery's sides are chains of these"),
        }
    }

    /// The index (`None`: the key) that the most links lead into, with those in its order. Of some records alone one may have entries
    /// if `stages` ask for no others.
    fn linked_index(
        &self,
        sides: &Sides<'p>,
        #[cfg_attr(feature = "small", expect(unused_variables, reason = "indexes have all records there"))]
        stages: &[&'p Node],
    ) -> Option<(Option<IndexId>, Vec<Link>)> {
        let Sides { slot, links, .. } = *sides;
        let collection = self.collection(slot);
        let on = |position: u16| links.iter().find(|link| link.inner.as_field() == Some((slot, position)));
        if let Some(link) = collection.clustered.and_then(on) {
            return Some((None, Vec::from([link.clone()])));
        }
        #[cfg(not(feature = "small"))]
        let sargs = self.sargs_of(slot, stages);
        #[cfg(not(feature = "small"))]
        let search = Search { slot, collection, sargs: &sargs, rows: self.rows(slot), want: Want::default() };
        let has_all = |index: &crate::schema::IndexDef| {
            #[cfg(not(feature = "small"))]
            return search.conditions_of(index).is_some();
            #[cfg(feature = "small")]
            !index.is_partial()
        };
        let found = collection.indexes.iter().filter(|index| collection.listed(index).is_none());
        let found = found.map(|index| (index, leading(slot, links, index)));
        let found = found.filter(|(index, links)| !links.is_empty() && has_all(index));
        // Behind the fields that are linked entries come in the order of the others.
        #[cfg(not(feature = "small"))]
        let found =
            found.filter(|(index, links)| !sides.sees_key_order() || index.fields.len() == links.len());
        // Of two that as many lead into, the one with fewer records for each row.
        let (index, links) = found.max_by(|(one, of_one), (other, of_other)| {
            let by_links = (of_one.len(), one.unique).cmp(&(of_other.len(), other.unique));
            by_links.then_with(|| self.linked_rows(of_one).total_cmp(&self.linked_rows(of_other)))
        })?;
        Some((Some(index.id), links))
    }

    /// How many different rows the inner records are shared among: as many as they are known to have values; else those of the
    /// collection that they point at, or, of a value that was calculated, as many as there may be.
    pub(super) fn linked_rows(&self, links: &[Link]) -> Amount {
        let values = |link: &Link| {
            let (slot, position) = link.inner.as_field()?;
            self.estimator.distinct(slot, position)
        };
        let rows = links.iter().filter_map(|link| match link.outer.as_field() {
            Some((slot, _)) => Some(values(link).unwrap_or_else(|| self.rows(slot))),
            None if link.outer.is_sure() => None,
            None => self.distinct(&link.inner),
        });
        rows.fold(1.0, Amount::max)
    }
}

/// The links that lead into an index, in its order.
fn leading(slot: Slot, links: &[Link], index: &crate::schema::IndexDef) -> Vec<Link> {
    let on = |position: u16| links.iter().find(|link| link.inner.as_field() == Some((slot, position)));
    index.fields.iter().map_while(|position| on(*position)).cloned().collect()
}

/// Whether what is asked is about the inner rows alone.
fn is_of_inner(subquery: &logical::Subquery) -> bool {
    let inner = Inner::of(&subquery.inner);
    // A record of which it is not known what it is linked by is one of all rows.
    *subquery.pairs == Node::Pairs
        && subquery.asked.expressions().all(|expr| inner.has_all_of(expr))
        && subquery.links.iter().all(|link| inner.is_sure(&link.inner))
}

/// A link as a predicate of pairs.
fn as_predicate(link: &Link) -> Expr {
    let equal = Expr::binary_test(BinaryOp::Eq, link.inner.clone(), link.outer.clone());
    if link.absent_matches || !(link.inner.nullable && link.outer.nullable) {
        return equal;
    }
    let present = Expr::test(logical::ExprKind::Unary(UnaryOp::IsSome, Box::new(link.inner.clone())));
    Expr::binary_test(BinaryOp::And, present, equal)
}
