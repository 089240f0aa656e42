//! Access paths: the ways to the records of one collection, and the choice between them.
//!
//! Every way that the predicates or the order wanted allow is costed: the whole collection, a range of keys, keys, each
//! index with what it can search for, and the detours of [`relation`](super::relation).

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound;

use super::choices::Choice;
use super::sarg::{Sarg, Test};
use super::sort::{Walk, provides};
use super::{Access, IndexOrder, Operator, PhysicalNode, Planner, Scan, Want};
#[cfg(not(feature = "small"))]
use crate::engine::estimate::About;
use crate::engine::estimate::{Amount, KeyRange, Scatter, Statistics};
use crate::engine::logical::{Expr, Node, Slot};
use crate::parts;
use crate::schema::{CollectionDef, IndexDef};
use crate::value::{Scalar, Type, key};

/// More combinations of candidates than this are not looked up one by one.
const COMBINATIONS_MAX: usize = 4096;

/// Of so many ranges of an index it is estimated what they hold, at two descents each.
const RANGES_ESTIMATED: usize = 64;

#[cfg(feature = "small")]
impl Access {
    /// Whether values are made of an index's entries, which other builds do.
    pub(crate) fn has_values(&self) -> bool {
        false
    }
}

#[cfg(not(feature = "small"))]
impl Access {
    /// Whether values of the rows are made of an index's entries.
    pub(crate) fn has_values(&self) -> bool {
        match self {
            Access::Index { entries: Some(entries), .. }
            | Access::Pointing { entries: Some(entries), .. } => entries.alone && !entries.values.is_empty(),
            _ => false,
        }
    }

    /// Of how many of the first fields of an index each value is read once; 0 where every entry is.
    pub(crate) fn loose(&self) -> usize {
        match self {
            Access::Index { entries: Some(entries), .. } => usize::from(entries.loose),
            _ => 0,
        }
    }

    /// Whether something is done with an index's entries.
    pub(super) fn has_entries(&self) -> bool {
        matches!(self, Access::Index { entries: Some(_), .. })
    }

    /// Whether all records of the collection are read.
    pub(super) fn reads_all(&self) -> bool {
        match self {
            Access::Range { whole, .. } => *whole,
            Access::Index { ranges, .. } => {
                ranges.iter().any(|range| range.low == Bound::Unbounded && range.high == Bound::Unbounded)
            }
            _ => false,
        }
    }
}

/// What is planned of a chain so far.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) node: PhysicalNode,
    pub(super) cost: Amount,
    /// What of that it costs however few of the rows are read.
    #[cfg(not(feature = "small"))]
    pub(super) fixed: Amount,
    /// Whether rows come in the order wanted.
    pub(super) ordered: bool,
    /// The predicates that hold for every row already.
    pub(super) implied: Vec<Expr>,
}

impl Chosen {
    /// An operator that implies nothing.
    pub(super) fn over(node: PhysicalNode) -> Chosen {
        Chosen {
            node,
            cost: 0.0,
            #[cfg(not(feature = "small"))]
            fixed: 0.0,
            ordered: true,
            implied: Vec::new(),
        }
    }
}

/// A way to the records.
pub(super) struct Candidate {
    pub(super) access: Access,
    pub(super) kind: &'static str,
    pub(super) text: String,
    /// The predicates that hold for every record it gives.
    pub(super) implied: Vec<Expr>,
    /// How many records.
    pub(super) rows: Amount,
    /// What it costs whether or not all of them are read.
    pub(super) cost_fixed: Amount,
    /// What it costs to read all of them.
    pub(super) cost_rows: Amount,
    /// Whether they come in the order wanted.
    pub(super) ordered: bool,
    /// How its records lie.
    #[cfg(not(feature = "small"))]
    pub(super) scatter: Scatter,
    /// Whether it gives no record that an absent one could stand for: something was searched for.
    pub(super) selective: bool,
}

/// What `explain` says of an access beside its kind: nothing with the feature `small`, which spares every query the text.
pub(super) fn explained(text: impl FnOnce() -> String) -> String {
    if parts::EXPLAINED { text() } else { String::new() }
}

impl<'p> Planner<'p> {
    /// The best way to the records of `slot`, given the stages above and what is wanted of the rows.
    pub(super) fn access(&self, slot: Slot, stages: &[&'p Node], want: Want<'_>) -> Chosen {
        self.best(slot, stages, want).0
    }

    /// What stages ask of the records in `slot` that an index can be searched for.
    pub(super) fn sargs_of(&self, slot: Slot, stages: &[&'p Node]) -> Vec<Sarg<'p>> {
        let own = predicates_of(stages).into_iter().filter(|expr| is_about(expr, slot));
        let sargs = own.filter_map(|predicate| self.sarg(predicate, slot));
        sargs.filter(|sarg| fits(sarg, self.collection(slot))).collect()
    }

    /// The search argument that `predicate` is for a field of `slot`, if such may be searched for.
    pub(super) fn sarg<'e>(&self, predicate: &'e Expr, slot: Slot) -> Option<Sarg<'e>> {
        let sarg = Sarg::of(predicate, slot)?;
        #[cfg(not(feature = "small"))]
        if sarg.is_nothing() && !self.chooses(Choice::Contradictions)
            || sarg.is_several() && !self.chooses(Choice::Lists)
        {
            return None;
        }
        Some(sarg)
    }

    /// As [`access`](Planner::access); also whether it searches for something.
    pub(super) fn best(&self, slot: Slot, stages: &[&'p Node], want: Want<'_>) -> (Chosen, bool) {
        let predicates = predicates_of(stages);
        let own: Vec<&'p Expr> = predicates.iter().copied().filter(|expr| is_about(expr, slot)).collect();
        #[cfg(not(feature = "small"))]
        let want = match own.len() == predicates.len() && stages.iter().all(is_filter) {
            true => want,
            // What is passed over is so behind the stages.
            false => Want { skip: 0, ..want },
        };
        let collection = self.collection(slot);
        let is_never = |expr: &&Expr| matches!(expr.as_literal(), Some(Scalar::Bool(false) | Scalar::Null));
        let nothing = self.chooses(Choice::Contradictions) && predicates.iter().any(is_never);
        let sargs = self.sargs_of(slot, stages);
        let contradiction = nothing || sargs.iter().any(|sarg| sarg.test == Test::OneOf(Vec::new()));

        let mut candidates = Vec::new();
        if contradiction {
            let implied = predicates.iter().map(|expr| (*expr).clone()).collect();
            candidates.push(self.nothing(slot, implied));
        } else {
            let search = Search { slot, collection, sargs: &sargs, rows: self.rows(slot), want };
            self.by_key(&search, &mut candidates);
            for index in &collection.indexes {
                candidates.extend(self.by_index(&search, index));
            }
            #[cfg(not(feature = "small"))]
            self.by_combinations(&search, &own, &mut candidates);
            #[cfg(not(feature = "small"))]
            candidates.iter_mut().for_each(|candidate| self.by_entries(&search, &own, candidate));
            if parts::DETOURS {
                self.by_relations(&search, stages, &mut candidates);
            }
        }
        #[cfg(not(feature = "small"))]
        if !contradiction {
            let search = Search { slot, collection, sargs: &sargs, rows: self.rows(slot), want };
            self.by_skips(&search, &mut candidates);
        }
        // However they are reached, the rows that get through are the same: the sharpest estimate is the best one.
        let through = |candidate: &Candidate| {
            let left = predicates.iter().filter(|expr| !candidate.implied.contains(*expr));
            let share = self.estimator.selectivity_of_all(left.copied());
            #[cfg(not(feature = "small"))]
            let share = (share * self.learnt_of(slot, &own, candidate)).min(1.0);
            candidate.rows * share
        };
        let rows = candidates.iter().map(through).fold(Amount::INFINITY, Amount::min);
        let looks_up = |stage: &&&Node| matches!(stage, Node::Lookup(_));
        let lookups = if parts::REWRITES { stages.iter().filter(looks_up).count() as Amount } else { 0.0 };
        #[cfg(not(feature = "small"))]
        let looked_up = |candidate: &Candidate, rows| match lookups > 0.0 {
            true => self.lookups_of(slot, (rows, lookups), stages, (&candidate.implied, want)),
            false => 0.0,
        };
        #[cfg(feature = "small")]
        let looked_up = |_: &Candidate, rows: Amount| rows * lookups * self.costs.fetch_near;
        let total = |candidate: &Candidate| self.total(candidate, (collection, rows), &own, &looked_up, want);
        #[cfg(not(feature = "small"))]
        let alternatives = match self.wishes.alternatives {
            true => {
                let search = Search { slot, collection, sargs: &sargs, rows: self.rows(slot), want };
                self.alternatives(&search, &predicates, &candidates, &total)
            }
            false => Vec::new(),
        };
        let best = candidates.into_iter().min_by(|a, b| total(a).total_cmp(&total(b)));
        let best = best.expect("a whole scan is always possible");
        #[cfg(not(feature = "small"))]
        let recipe = self.recipe(slot, &best, &predicates, &own);
        let (cost, selective) = (best.cost_fixed + best.cost_rows, best.selective);
        #[cfg(not(feature = "small"))]
        let cost = cost + self.cost_forbidden(&best);
        #[cfg(not(feature = "small"))]
        let best = self.unless_contradicted(slot, best, recipe.as_deref(), &own);
        #[cfg(not(feature = "small"))]
        let asked = match self.wishes.alternatives {
            true => best.implied.iter().map(|predicate| self.names().expr(predicate)).collect(),
            false => Vec::new(),
        };
        let given = best.rows;
        #[cfg(not(feature = "small"))]
        let given = match want.loose {
            Some(loose) if best.access.loose() > 0 => {
                given.min(loose.values * Amount::from(loose.first.unwrap_or(1)))
            }
            _ => given,
        };
        let scan = Scan {
            slot,
            access: best.access,
            fetch: true,
            kind: best.kind,
            text: best.text,
            #[cfg(not(feature = "small"))]
            alternatives,
            #[cfg(not(feature = "small"))]
            asked,
            #[cfg(not(feature = "small"))]
            recipe,
        };
        let node = PhysicalNode { operator: Operator::Scan(scan), rows: given };
        let chosen = Chosen {
            node,
            cost,
            #[cfg(not(feature = "small"))]
            fixed: best.cost_fixed,
            ordered: best.ordered,
            implied: best.implied,
        };
        (chosen, selective)
    }

    /// So many times as many of a candidate's records get through what else is asked of them as would be expected.
    #[cfg(not(feature = "small"))]
    fn learnt_of(&self, slot: Slot, own: &[&Expr], candidate: &Candidate) -> Amount {
        let asks_entries = match &candidate.access {
            Access::Index { entries: Some(entries), .. } => entries.predicates.len(),
            Access::Combined { .. } => own.len(),
            _ => 0,
        };
        // Where that was asked already, it is in the rows of the candidate.
        if asks_entries > 0 || self.learnt().0.is_empty() {
            return 1.0;
        }
        let left = own.iter().filter(|expr| !candidate.implied.contains(*expr)).count();
        self.learnt().of_filter(About::records(slot), left, own.len() - left)
    }

    /// What a candidate costs with all that has to be done because of it, when so many rows get through.
    fn total(
        &self,
        candidate: &Candidate,
        #[cfg_attr(feature = "small", expect(unused_variables, reason = "all is taken for being in memory"))]
        (collection, rows): (&CollectionDef, Amount),
        own: &[&Expr],
        looked_up: &dyn Fn(&Candidate, Amount) -> Amount,
        want: Want<'_>,
    ) -> Amount {
        let left = own.iter().filter(|expr| !candidate.implied.contains(*expr));
        let (mut tests, mut through) = (0.0, candidate.rows);
        for predicate in left {
            tests += self.test_cost(predicate);
            through *= self.estimator.selectivity(predicate);
        }
        let mut each = candidate.cost_rows + candidate.rows * tests;
        if parts::REWRITES {
            each += looked_up(candidate, through);
        }
        if let (true, Some(limit)) = (candidate.ordered, want.limit) {
            let share = (limit as Amount / rows.max(1.0)).min(1.0);
            #[cfg(feature = "small")]
            {
                each *= share;
            }
            #[cfg(not(feature = "small"))]
            {
                // Those passed over are not fetched.
                let passes = tests == 0.0 && matches!(candidate.access, Access::Index { entries: None, .. });
                let skipped = if passes { (want.skip as Amount).min(rows) } else { 0.0 };
                each = self.of_first(candidate, collection, each, (share, skipped));
            }
        }
        let sort = if candidate.ordered { 0.0 } else { self.sort_cost(rows, want.limit) };
        let cost = candidate.cost_fixed + each + sort;
        #[cfg(not(feature = "small"))]
        let cost = cost + self.cost_forbidden(candidate);
        cost
    }

    /// What is left of what reading all records of a candidate `costs`, when a `share` of them is read, of which so many are passed
    /// over. Few records that lie anywhere lie on almost as many pages.
    #[cfg(not(feature = "small"))]
    fn of_first(
        &self,
        candidate: &Candidate,
        collection: &CollectionDef,
        costs: Amount,
        (share, skipped): (Amount, Amount),
    ) -> Amount {
        let fetches = match &candidate.access {
            Access::Index { entries, .. } => entries.as_ref().is_none_or(|entries| !entries.alone),
            _ => false,
        };
        if !fetches {
            return costs * share;
        }
        let scatter = candidate.scatter;
        let pages = |records| self.paging.and_fetched_by(0.0, collection, records, scatter);
        let read = candidate.rows * share - skipped;
        let fetches = self.costs.fetch_by(self.costs.fetch, skipped, scatter);
        (costs - pages(candidate.rows)) * share - fetches + pages(read.max(0.0))
    }

    /// What is added where reading all of a collection is to be avoided.
    #[cfg(not(feature = "small"))]
    fn cost_forbidden(&self, candidate: &Candidate) -> Amount {
        match self.wishes.require_index && candidate.access.reads_all() {
            true => super::alternatives::FORBIDDEN,
            false => 0.0,
        }
    }

    pub(super) fn nothing(&self, slot: Slot, implied: Vec<Expr>) -> Candidate {
        Candidate {
            #[cfg(not(feature = "small"))]
            scatter: Scatter::ANYWHERE,
            access: Access::Nothing,
            kind: "nothing",
            text: explained(|| self.collection(slot).name.clone()),
            implied,
            rows: 0.0,
            cost_fixed: 0.0,
            cost_rows: 0.0,
            ordered: true,
            selective: true,
        }
    }

    /// The whole collection; and what is asked of the clustering key.
    pub(super) fn by_key(&self, search: &Search<'_, 'p>, out: &mut Vec<Candidate>) {
        let Search { slot, collection, rows, want, .. } = *search;
        let order = provides(want, slot, &[], &search.bound(), collection.clustered);
        let backward = order == Some(Walk::Backward);
        let ordered = order.is_some() || want.order.is_empty();
        let name = &collection.name;
        let suffix = if backward { " backwards" } else { "" };
        let (low, high) = (0, max_rank(collection));
        out.push(Candidate {
            #[cfg(not(feature = "small"))]
            scatter: Scatter::ANYWHERE,
            access: Access::Range { low, high, backward, whole: true },
            kind: "scan",
            text: explained(|| format!("{name}{suffix}")),
            implied: Vec::new(),
            rows,
            // Its first leaf is found like any other: a range of keys is never dearer than all of them.
            cost_fixed: self.costs.seek,
            cost_rows: self.paging.and_scanned(rows * self.costs.scan_record, collection, 1.0),
            ordered,
            selective: false,
        });
        let Some(position) = collection.clustered else { return };
        for sarg in search.on(position) {
            if let Test::OneOf(values) = &sarg.test {
                let ranks = search.ranks(position, values);
                let count = ranks.len() as Amount;
                out.push(Candidate {
                    #[cfg(not(feature = "small"))]
                    scatter: Scatter::ANYWHERE,
                    access: Access::Keys(ranks),
                    kind: "key lookup",
                    text: explained(|| format!("{name} by {}", self.names().expr(sarg.predicate))),
                    implied: Vec::from([sarg.predicate.clone()]),
                    rows: count,
                    cost_fixed: 0.0,
                    cost_rows: self.paging.and_fetched(count * self.costs.seek, collection, count),
                    ordered: want.order.is_empty() || order == Some(Walk::Forward) || count <= 1.0,
                    selective: true,
                });
            }
        }
        let (range, used) = search.rank_range(position);
        if used.is_empty() {
            return;
        }
        let implied: Vec<Expr> = used.iter().map(|sarg| sarg.predicate.clone()).collect();
        let Some((low, high)) = range else {
            if self.chooses(Choice::Contradictions) {
                out.push(self.nothing(slot, implied));
            }
            return;
        };
        // Keys that are given out lie close together: a narrow range is as wide as it looks.
        let share = self.estimator.selectivity_of_all(&implied);
        let expected = (rows * share).min((high - low) as Amount + 1.0).max(1.0);
        out.push(Candidate {
            #[cfg(not(feature = "small"))]
            scatter: Scatter::ANYWHERE,
            access: Access::Range { low, high, backward, whole: false },
            kind: "key range",
            text: explained(|| format!("{name} by {}{suffix}", self.names().predicates(&implied))),
            implied,
            rows: expected,
            cost_fixed: self.costs.seek,
            cost_rows: self.paging.and_scanned(
                expected * self.costs.scan_record,
                collection,
                expected / rows.max(1.0),
            ),
            ordered,
            selective: true,
        });
    }

    /// What an index can search for, or the order it provides.
    pub(super) fn by_index(&self, search: &Search<'_, 'p>, index: &IndexDef) -> Option<Candidate> {
        let Search { slot, collection, want, .. } = *search;
        #[cfg(not(feature = "small"))]
        let conditions = search.conditions_of(index)?;
        let found = search.in_index(index);
        #[cfg(feature = "small")]
        let conditions: [&Sarg<'_>; 0] = [];
        let bound = search.bound();
        // An index of a list has no order but that of the keys of records that have one element.
        let of_elements = collection.listed(index).is_some();
        let fields = if of_elements { &[][..] } else { &index.fields };
        if of_elements && found.used.is_empty() {
            return None;
        }
        let order = if found.ranges.len() <= 1 {
            provides(want, slot, fields, &bound, collection.clustered)
        } else {
            None
        };
        // Several entries may have one key.
        let tied = !index.unique
            || index.fields.iter().any(|position| collection.fields[usize::from(*position)].optional);
        let order = order.filter(|walk| parts::TIES || !(tied && *walk == Walk::BackwardTiesForward));
        let searches = !found.used.is_empty() || index.is_partial();
        // Ranks alone are quickly sorted, before a record is fetched.
        let by_rank = match order {
            None if searches && !want.order.is_empty() => {
                provides(want, slot, &[], &bound, collection.clustered)
            }
            _ => None,
        };
        if !searches && (order.is_none() || want.order.is_empty()) {
            return None;
        }
        let exact = found.used.iter().filter(|sarg| sarg.exact).chain(&conditions);
        let mut implied: Vec<Expr> = Vec::new();
        for sarg in exact {
            // Only conditions say again what was used.
            if cfg!(feature = "small") || !implied.contains(sarg.predicate) {
                implied.push(sarg.predicate.clone());
            }
        }
        if found.ranges.is_empty() {
            return self.chooses(Choice::Contradictions).then(|| self.nothing(slot, implied));
        }
        let whole_key = found.equal == index.fields.len();
        let rows = self.index_rows(search, index, &found, whole_key);
        let mut ordered = order.is_some() || by_rank.is_some() || want.order.is_empty();
        // With all its fields given, entries follow in the order of their ranks.
        let in_key_order = whole_key && found.ranges.len() == 1;
        let index_order = if want.order.is_empty() {
            if want.key_order && !in_key_order { IndexOrder::Key } else { IndexOrder::Forward }
        } else {
            match (order, by_rank) {
                (Some(Walk::BackwardTiesForward), _) if tied => IndexOrder::BackwardTiesForward,
                (Some(Walk::Backward | Walk::BackwardTiesForward), _) => IndexOrder::Backward,
                (None, Some(Walk::Forward)) => IndexOrder::Key,
                (None, Some(Walk::Backward | Walk::BackwardTiesForward)) => IndexOrder::KeyBackward,
                (Some(Walk::Forward), _) | (None, None) => IndexOrder::Forward,
            }
        };
        // A record with several of the elements is found several times, and given once where keys are put in order.
        let index_order = match index_order {
            IndexOrder::KeyBackward => IndexOrder::KeyBackward,
            _ if of_elements && found.ranges.len() > 1 => IndexOrder::Key,
            other => other,
        };
        // One record is in any order.
        ordered |= in_key_order && found.is_single(index);
        let kind = if found.used.is_empty() {
            "index scan"
        } else if found.is_range {
            "index range"
        } else {
            "index lookup"
        };
        let about = || {
            if searches {
                let used: Vec<Expr> = found.used.iter().map(|sarg| sarg.predicate.clone()).collect();
                #[cfg(not(feature = "small"))]
                if index.is_partial() {
                    return self.of_partial(slot, index, &used);
                }
                return self.names().predicates(&used);
            }
            let field = |position: &u16| collection.fields[usize::from(*position)].name.as_str();
            index.fields.iter().map(field).collect::<Vec<_>>().join(", ")
        };
        let suffix = match index_order {
            IndexOrder::Backward | IndexOrder::BackwardTiesForward => " backwards",
            IndexOrder::Key if by_rank.is_some() => ", sorted by key",
            IndexOrder::KeyBackward => ", sorted by key backwards",
            IndexOrder::Forward | IndexOrder::Key => "",
        };
        let seeks = self.costs.seek * found.ranges.len() as Amount;
        let places = found.ranges.len() as Amount;
        #[cfg(not(feature = "small"))]
        let scatter = {
            // The first few of an order are few records, if nothing else is asked of them.
            let first = want.limit.filter(|_| ordered && search.sargs.is_empty());
            let fetched = first.map_or(rows, |limit| rows.min(limit.saturating_sub(want.skip) as Amount));
            self.estimator.scatter(slot, index.id, fetched, places)
        };
        #[cfg(feature = "small")]
        let scatter = Scatter::ANYWHERE;
        // All ranks are read before the first record is.
        let (cost_fixed, cost_rows) = match index_order {
            IndexOrder::Key | IndexOrder::KeyBackward => {
                // What lies in the order of ranks is fetched for as much less as it costs to have them in order.
                let fetch = (self.costs.fetch - self.costs.sort_rank).max(self.costs.fetch_near);
                let by_rank = rows * (self.costs.entry + self.costs.sort_rank);
                (seeks + by_rank, self.costs.fetch_by(fetch, rows, scatter))
            }
            _ => {
                let fetched = self.costs.fetch_by(self.costs.fetch, rows, scatter);
                (seeks, rows * self.costs.entry + fetched)
            }
        };
        let cost_fixed =
            self.paging.and_walked(cost_fixed, (collection, index), rows / search.rows.max(1.0), places);
        Some(Candidate {
            #[cfg(not(feature = "small"))]
            scatter,
            access: Access::Index {
                index: index.id,
                ranges: found.ranges,
                order: index_order,
                #[cfg(not(feature = "small"))]
                entries: None,
            },
            kind,
            text: explained(|| format!("{} by {}{suffix}", collection.name, about())),
            implied,
            rows,
            cost_fixed,
            cost_rows: self.paging.and_fetched_by(cost_rows, collection, rows, scatter),
            ordered,
            selective: found.used.iter().chain(&conditions).any(|sarg| sarg.rejects_absent()),
        })
    }

    fn index_rows(
        &self,
        search: &Search<'_, '_>,
        index: &IndexDef,
        found: &InIndex<'_, '_>,
        whole_key: bool,
    ) -> Amount {
        if found.used.is_empty() && !index.is_partial() {
            return search.rows;
        }
        if whole_key && found.is_single(index) {
            return found.ranges.len() as Amount;
        }
        let Some(rows) = entries_in(self.statistics, search.collection, index, &found.ranges) else {
            let used = found.used.iter().map(|sarg| sarg.predicate);
            let share = self.estimator.selectivity_of_all(used);
            return (search.rows * share).max(1.0);
        };
        #[cfg(not(feature = "small"))]
        self.note_estimate(search, index, found, rows);
        rows
    }
}

/// How many entries of an index are expected in ranges; `None` when that cannot be told.
pub(super) fn entries_in(
    statistics: &dyn Statistics,
    collection: &CollectionDef,
    index: &IndexDef,
    ranges: &[KeyRange],
) -> Option<Amount> {
    let mut total = 0;
    for (asked, range) in ranges.iter().enumerate() {
        if asked == RANGES_ESTIMATED {
            // Those further on are taken to be like these.
            return Some((total as Amount / asked as Amount * ranges.len() as Amount).max(1.0));
        }
        total += statistics.entries(collection, index, range)?;
    }
    Some((total as Amount).max(1.0))
}

/// What is looked for, and in what.
#[derive(Clone, Copy)]
pub(super) struct Search<'s, 'p> {
    pub(super) slot: Slot,
    pub(super) collection: &'p CollectionDef,
    pub(super) sargs: &'s [Sarg<'p>],
    /// How many records there are.
    pub(super) rows: Amount,
    pub(super) want: Want<'s>,
}

/// What of a search an index can do.
pub(super) struct InIndex<'s, 'p> {
    pub(super) ranges: Vec<KeyRange>,
    pub(super) used: Vec<&'s Sarg<'p>>,
    /// How many of its first fields have given values.
    pub(super) equal: usize,
    /// Whether a range follows them.
    pub(super) is_range: bool,
}

impl InIndex<'_, '_> {
    /// Whether no key searched for is that of several records. An absent value is never taken, in a unique index either.
    fn is_single(&self, index: &IndexDef) -> bool {
        index.unique && self.used.iter().all(|sarg| sarg.rejects_absent())
    }
}

type ScalarRange = (Bound<Scalar>, Bound<Scalar>);

impl<'s, 'p> Search<'s, 'p> {
    pub(super) fn on(&self, position: u16) -> impl Iterator<Item = &'s Sarg<'p>> + Clone {
        self.sargs.iter().filter(move |sarg| sarg.position == position)
    }

    /// Whether the values searched for can be keys of the field.
    #[cfg(not(feature = "small"))]
    pub(super) fn fits(&self, sarg: &Sarg<'_>) -> bool {
        fits(sarg, self.collection)
    }

    /// The fields that have one value in all records looked for.
    pub(super) fn bound(&self) -> Vec<u16> {
        let single = |sarg: &&Sarg<'_>| matches!(&sarg.test, Test::OneOf(values) if values.len() == 1);
        self.sargs.iter().filter(single).map(|sarg| sarg.position).collect()
    }

    /// The tightest range that the ranges asked of a field leave.
    pub(super) fn range_on(&self, position: u16) -> (ScalarRange, Vec<&'s Sarg<'p>>) {
        let mut range = (Bound::Unbounded, Bound::Unbounded);
        let mut used = Vec::new();
        for sarg in self.on(position) {
            let Test::Range(low, high) = &sarg.test else { continue };
            if is_tighter(low, &range.0, core::cmp::Ordering::Greater) {
                range.0 = low.clone();
            }
            if is_tighter(high, &range.1, core::cmp::Ordering::Less) {
                range.1 = high.clone();
            }
            used.push(sarg);
        }
        (range, used)
    }

    /// The ranks that keys have, ascending.
    pub(super) fn ranks(&self, position: u16, values: &[Scalar]) -> Vec<u128> {
        let ty = self.collection.fields[usize::from(position)].ty;
        let mut ranks: Vec<u128> = values.iter().map(|value| rank(ty, value)).collect();
        ranks.sort_unstable();
        ranks
    }

    /// The ranks that the ranges asked of the clustering key leave, if there are any; and what they follow from.
    pub(super) fn rank_range(&self, position: u16) -> (Option<(u128, u128)>, Vec<&'s Sarg<'p>>) {
        let ty = self.collection.fields[usize::from(position)].ty;
        let (range, used) = self.range_on(position);
        let low = match &range.0 {
            Bound::Unbounded => Some(0),
            Bound::Included(value) => Some(rank(ty, value)),
            Bound::Excluded(value) => rank(ty, value).checked_add(1),
        };
        let high = match &range.1 {
            Bound::Unbounded => Some(max_rank(self.collection)),
            Bound::Included(value) => Some(rank(ty, value)),
            Bound::Excluded(value) => rank(ty, value).checked_sub(1),
        };
        let both = low.zip(high);
        (both.filter(|(low, high)| low <= high && *low <= max_rank(self.collection)), used)
    }

    pub(super) fn in_index(&self, index: &IndexDef) -> InIndex<'s, 'p> {
        #[cfg(not(feature = "small"))]
        if self.collection.listed(index).is_some() {
            let asked = self.on(index.fields[0]).find_map(|sarg| match &sarg.test {
                Test::Element(keys) if keys.len() <= COMBINATIONS_MAX => Some((sarg, keys)),
                _ => None,
            });
            let (used, keys) = asked.map_or((Vec::new(), &[][..]), |(sarg, keys)| (Vec::from([sarg]), keys));
            let ranges = keys.iter().cloned().map(KeyRange::starting_with).collect();
            return InIndex { ranges, used, equal: 1, is_range: false };
        }
        #[cfg_attr(feature = "small", allow(unused_mut))]
        let mut found = self.in_fields(&index.fields);
        // What a partial index has entries of: that much is searched for, wherever in it.
        #[cfg(not(feature = "small"))]
        if index.is_partial() && found.used.is_empty() {
            found.ranges = Vec::from([KeyRange { low: Bound::Included(Vec::new()), high: Bound::Unbounded }]);
        }
        found
    }

    /// What can be searched for in keys of these fields.
    pub(super) fn in_fields(&self, fields: &[u16]) -> InIndex<'s, 'p> {
        let combinations_max = if parts::REWRITES { COMBINATIONS_MAX } else { 1 };
        let mut prefixes = Vec::from([Vec::new()]);
        let mut found = InIndex { ranges: Vec::new(), used: Vec::new(), equal: 0, is_range: false };
        for position in fields {
            let field = &self.collection.fields[usize::from(*position)];
            let one_of = self.on(*position).find_map(|sarg| match &sarg.test {
                Test::OneOf(values) => Some((sarg, values)),
                _ => None,
            });
            if let Some((sarg, values)) = one_of
                && prefixes.len() * values.len() <= combinations_max
            {
                let extended = prefixes.iter().flat_map(|prefix: &Vec<u8>| {
                    values.iter().map(move |value| {
                        let mut key = prefix.clone();
                        key::append_scalar(&mut key, field.ty, field.optional, value);
                        key
                    })
                });
                prefixes = extended.collect();
                found.used.push(sarg);
                found.equal += 1;
                continue;
            }
            let prefix_test = self.on(*position).find_map(|sarg| match &sarg.test {
                Test::Prefix(bytes) => Some((sarg, bytes)),
                _ => None,
            });
            let (range, used) = self.range_on(*position);
            if let Some((sarg, bytes)) = prefix_test {
                found.used.push(sarg);
                found.is_range = true;
                found.ranges = prefixes
                    .into_iter()
                    .map(|mut prefix| {
                        if field.optional {
                            prefix.push(1);
                        }
                        key::append_escaped_prefix(&mut prefix, bytes);
                        KeyRange::starting_with(prefix)
                    })
                    .collect();
                return found;
            }
            if !used.is_empty() {
                found.used.extend(used);
                found.is_range = true;
                if !is_empty(&range) {
                    let ty = (field.ty, field.optional);
                    found.ranges = prefixes.iter().map(|prefix| key_range(prefix, ty, &range)).collect();
                }
                return found;
            }
            break;
        }
        found.ranges = prefixes.into_iter().map(KeyRange::starting_with).collect();
        found
    }
}

/// Whether a stage does nothing but drop rows.
#[cfg(not(feature = "small"))]
fn is_filter(stage: &&Node) -> bool {
    matches!(stage, Node::Filter(_))
}

/// The predicates of the filters among `stages`.
pub(super) fn predicates_of<'p>(stages: &[&'p Node]) -> Vec<&'p Expr> {
    let filters = stages.iter().filter_map(|stage| match stage {
        Node::Filter(filter) => Some(&filter.predicates),
        _ => None,
    });
    filters.flatten().collect()
}

/// Whether a predicate reads the record in `slot` and nothing else.
pub(super) fn is_about(expr: &Expr, slot: Slot) -> bool {
    expr.slots() == [slot] && expr.computed_values().is_empty()
}

/// Whether the values searched for can be keys of the field. An absent value can not be one of a required field, though
/// a required field of an absent record is compared with it.
pub(super) fn fits(sarg: &Sarg<'_>, collection: &CollectionDef) -> bool {
    let field = &collection.fields[usize::from(sarg.position)];
    field.optional || sarg.rejects_absent()
}

/// The rank of a key.
fn rank(ty: Type, value: &Scalar) -> u128 {
    value.with_cell(ty, |cell| key::rank(ty, cell.expect("keys are never absent")))
}

/// The greatest rank of a collection.
pub fn max_rank(collection: &CollectionDef) -> u128 {
    if collection.layout.rank_width == 8 { u128::from(u64::MAX) } else { u128::MAX }
}

pub(super) fn is_tighter(new: &Bound<Scalar>, old: &Bound<Scalar>, direction: core::cmp::Ordering) -> bool {
    let (new_value, excludes) = match new {
        Bound::Unbounded => return false,
        Bound::Included(value) => (value, false),
        Bound::Excluded(value) => (value, true),
    };
    match old {
        Bound::Unbounded => true,
        Bound::Included(value) => {
            let order = new_value.compare(value);
            order == direction || (order.is_eq() && excludes)
        }
        Bound::Excluded(value) => new_value.compare(value) == direction,
    }
}

fn is_empty(range: &ScalarRange) -> bool {
    match range {
        (Bound::Included(low), Bound::Included(high)) => low.compare(high).is_gt(),
        (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => {
            low.compare(high).is_ge()
        }
        _ => false,
    }
}

fn key_range(prefix: &[u8], (ty, optional): (Type, bool), range: &ScalarRange) -> KeyRange {
    let key = |value: &Scalar| {
        let mut key = prefix.to_vec();
        key::append_scalar(&mut key, ty, optional, value);
        key
    };
    let low = match &range.0 {
        Bound::Included(value) => Bound::Included(key(value)),
        Bound::Excluded(value) => Bound::Excluded(key(value)),
        // No range holds the absent value, which comes first.
        Bound::Unbounded if optional => Bound::Included([prefix, &[1]].concat()),
        Bound::Unbounded if prefix.is_empty() => Bound::Unbounded,
        Bound::Unbounded => Bound::Included(prefix.to_vec()),
    };
    let high = match &range.1 {
        Bound::Included(value) => Bound::Included(key(value)),
        Bound::Excluded(value) => Bound::Excluded(key(value)),
        Bound::Unbounded if prefix.is_empty() => Bound::Unbounded,
        Bound::Unbounded => Bound::Included(prefix.to_vec()),
    };
    KeyRange { low, high }
}
