//! [`search`]: the order in which the relations of a region are put together.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::super::push_window_filters::is_sure_below;
use super::measure::{How, Measure};
use super::region::{Region, Set};
use crate::engine::estimate::Amount;
use crate::engine::logical::{Aggregate, ExprKind, Node, Slot, Sort, SortTerm, Window};
use crate::expr::JoinKind;

/// More relations than this, connected with each other, are put together greedily.
const EXHAUSTIVE_MAX: usize = 10;

/// So many pairs of sets ten relations have that are each connected with each: half of `3^10 - 2^11 + 1`. No more are compared.
const PAIRS_MAX: usize = 28_501;

/// Of more relations than that, so many that come in the order wanted are tried on the outer side of all: those that cost least to read.
const GREEDY_LEADS_MAX: usize = 4;

/// Of the first rows of an order, more than these are not found by a walk along it: a sort keeps no more.
const ROWS_MAX: u64 = 65_536;

/// Sides that were put together greedily are swapped in so many passes at most, as long as that helps.
const SWAPS_MAX: usize = 4;

/// The order that is wanted of rows: of the first few, or of all.
#[derive(Clone)]
pub(super) struct First {
    terms: Vec<SortTerm>,
    rows: Option<u64>,
    /// Where groups are made of them, how many there are, and how many of these are wanted if not all are.
    groups: Option<(Amount, Option<u64>)>,
}

impl First {
    /// What is wanted of the rows of a node's input, where `first` is of its own.
    pub(super) fn below(node: &Node, first: Option<&First>, measure: &Measure<'_>) -> Option<First> {
        let of = |sort: &Sort, window: Window| {
            let rows = window.end().filter(|rows| (1..=ROWS_MAX).contains(rows))?;
            Some(First { terms: sort.terms.clone(), rows: Some(rows), groups: None })
        };
        match node {
            Node::Limit(limit) => match &*limit.input {
                Node::Sort(sort) if sort.window.is_none() => of(sort, limit.window),
                // What is passed over is a limit of its own.
                Node::Limit(within) => match &*within.input {
                    Node::Sort(sort) if sort.window.is_none() => of(sort, within.window.then(limit.window)),
                    _ => None,
                },
                _ => None,
            },
            Node::Sort(sort) => match sort.window {
                Some(window) => of(sort, window),
                // That of a limit above, or all.
                None => match first.filter(|first| first.terms == sort.terms) {
                    Some(first) => Some(first.clone()),
                    None => Some(First { terms: sort.terms.clone(), rows: None, groups: None }),
                },
            },
            // Each row makes one at least.
            Node::Join(join) if join.kind == JoinKind::Left => {
                first.filter(|_| measure.keeps_order(join)).cloned()
            }
            Node::Lookup(_) | Node::Subquery(_) => first.cloned(),
            Node::Aggregate(aggregate) => first?.of_groups(aggregate, || measure.rows_of(node), measure),
            // As many more groups are made as do not get through.
            Node::Filter(filter) if matches!(*filter.input, Node::Aggregate(_)) => {
                let made = measure.rows_of(&filter.input) / measure.rows_of(node).max(1.0);
                let rows = first?.rows.map(|rows| (rows as Amount * made) as u64);
                Some(First { rows, ..first?.clone() })
            }
            _ => None,
        }
    }
}

impl First {
    /// What is wanted of the rows of which so many groups are made: those of a group beside each other.
    fn of_groups(
        &self,
        aggregate: &Aggregate,
        count: impl FnOnce() -> Amount,
        measure: &Measure<'_>,
    ) -> Option<First> {
        let keys = aggregate.keys();
        let sees_order = aggregate.items.iter().any(|item| item.function.depends_on_order());
        if sees_order || aggregate.input.sorts() || !is_sure_below(&aggregate.input) {
            return None;
        }
        let of_key = |term: &SortTerm| {
            let key = keys.iter().find(|key| term.expr.kind == ExprKind::Computed(key.output))?;
            Some(SortTerm { expr: key.expr.clone(), ..*term })
        };
        let mut terms: Vec<SortTerm> = self.terms.iter().map_while(of_key).collect();
        let wanted = self.rows.filter(|_| terms.len() == self.terms.len());
        let descending = terms.first()?.descending;
        for key in keys {
            if !terms.iter().any(|term| term.expr == key.expr) {
                terms.push(SortTerm { expr: key.expr.clone(), descending, nulls_first: !descending });
            }
        }
        let count = count();
        let each = measure.rows_of(&aggregate.input) / count.max(1.0);
        let rows = wanted.map(|groups| ((groups as Amount + 1.0) * each) as u64);
        Some(First { terms, rows, groups: Some((count, wanted)) })
    }
}

/// What was found: of each set that is part of it, how it is made.
pub(super) struct Found {
    best: BTreeMap<Set, Best>,
    /// All relations.
    pub(super) all: Set,
}

/// The best way to a set of relations.
#[derive(Clone, Copy)]
pub(super) struct Best {
    pub(super) rows: Amount,
    cost: Amount,
    /// Of which two sets it is made, and how; `None` of a single relation.
    pub(super) of: Option<(Set, Set, How)>,
}

impl Found {
    pub(super) fn best(&self, set: Set) -> &Best {
        self.best.get(&set).expect("a set that is part of what was found")
    }

    /// How many of the joins pair everything with everything.
    pub(super) fn unlinked(&self, region: &Region<'_>) -> usize {
        let (mut unlinked, mut sets) = (0, vec![self.all]);
        while let Some(set) = sets.pop() {
            if let Some((left, right, how)) = self.best(set).of {
                unlinked += usize::from(how != How::Left && !region.are_linked(left, right));
                sets.extend([left, right]);
            }
        }
        unlinked
    }
}

/// The cheapest order that the estimates know of.
pub(super) fn search(region: &Region<'_>, measure: &Measure<'_>, first: Option<&First>) -> Found {
    let count = region.relations.len();
    let mut search = Search {
        region,
        measure,
        beside: vec![0; count],
        best: BTreeMap::new(),
        pairs: 0,
        leads: Vec::new(),
    };
    for (number, relation) in region.relations.iter().enumerate() {
        let answers = measure.share_of_answers(region, |about| about == 1 << number);
        let rows = measure.rows(relation);
        let cost = measure.read(relation) + measure.answers(region, number, rows);
        let rows = (rows * answers).max(1.0);
        search.best.insert(1 << number, Best { rows, cost, of: None });
    }
    search.connect();
    let mut parts = search.parts();
    if let (Some(first), [part]) = (first, parts.as_slice()) {
        search.leads = search.leads_of(first, *part);
    }
    for part in &mut parts {
        // What a left join adds may be all that connects what it needs.
        let is_small = part.count_ones() as usize <= EXHAUSTIVE_MAX;
        if !(is_small && search.exhaust(*part) && search.best.contains_key(part)) {
            search.put_together(singles(*part).collect());
            search.swap(*part);
            search.lead_greedily(*part);
        }
    }
    let all = search.put_together(parts);
    let Search { mut best, leads, .. } = search;
    // Each set with what leads is made of one with it on its outer side.
    let whole = best[&all];
    let led = leads.into_iter().filter_map(|lead| {
        let cost = lead.best.get(&all)?.cost;
        if let Some((count, wanted)) = lead.groups {
            let others = whole.cost + measure.groups_of(whole.rows, count, wanted);
            return (wanted.is_some() || lead.has_join(all)).then_some((cost, others, lead));
        }
        Some(match lead.wanted {
            Some(wanted) => (cost, whole.cost + measure.first_of(whole.rows, wanted), lead),
            // Rows of one collection, which go on in another operation, are all sorted.
            None if !lead.has_join(all) => return None,
            None => {
                let (runs, sorted) = measure.sorts_of(whole.rows, lead.values);
                let runs = if lead.settled { 0.0 } else { runs };
                (cost + runs, whole.cost + sorted, lead)
            }
        })
    });
    let led = led.filter(|(cost, others, _)| cost < others);
    if let Some((.., lead)) = led.min_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal)) {
        best.extend(lead.best);
    }
    Found { best, all }
}

/// Those of so many that cost least to read.
fn cheapest(mut leads: Vec<Lead>) -> Vec<Lead> {
    let cost = |lead: &Lead| lead.best[&(1 << lead.relation)].cost;
    leads.sort_by(|a, b| cost(a).partial_cmp(&cost(b)).unwrap_or(Ordering::Equal));
    leads.truncate(GREEDY_LEADS_MAX);
    leads
}

/// A relation that comes in the order wanted, on the outer side of whatever it is put together with.
struct Lead {
    relation: usize,
    /// How many rows are wanted if not all are, and which part of those of any set is read for them.
    wanted: Option<u64>,
    share: Amount,
    /// How many values there are of what it comes by.
    values: Amount,
    /// The groups that are made of its rows.
    groups: Option<(Amount, Option<u64>)>,
    /// Whether nothing else orders its rows: not even the keys of the query's records tell any apart that compare equal.
    settled: bool,
    /// The best way to each set that has it. Costs are those of the part that is read, rows are all.
    best: BTreeMap<Set, Best>,
}

impl Lead {
    /// Whether pairs are made on the way to a set.
    fn has_join(&self, mut set: Set) -> bool {
        while let Some(Best { of: Some((left, _, how)), .. }) = self.best.get(&set) {
            if matches!(how, How::Join | How::Within | How::Left) {
                return true;
            }
            set = *left;
        }
        false
    }
}

struct Search<'r> {
    region: &'r Region<'r>,
    measure: &'r Measure<'r>,
    /// Of each relation, those that something connects it with.
    beside: Vec<Set>,
    best: BTreeMap<Set, Best>,
    pairs: usize,
    leads: Vec<Lead>,
}

/// The relations of a set, each as one, the first first.
fn singles(set: Set) -> impl Iterator<Item = Set> {
    let mut left = set;
    core::iter::from_fn(move || {
        let single = left & left.wrapping_neg();
        left ^= single;
        (single != 0).then_some(single)
    })
}

/// The same, the last first.
fn singles_backwards(set: Set) -> impl Iterator<Item = Set> {
    let mut left = set;
    core::iter::from_fn(move || {
        let single = 1 << left.checked_ilog2()?;
        left ^= single;
        Some(single)
    })
}

/// A set and all that come before the last of it.
fn upto(number: usize) -> Set {
    Set::MAX >> (Set::BITS as usize - 1 - number)
}

impl Search<'_> {
    fn connect(&mut self) {
        let sets = self
            .region
            .classes
            .iter()
            .map(|class| class.members.iter().fold(0, |set: Set, (relation, _)| set | 1 << relation));
        let asked = self.region.asked.iter().map(|(about, _)| *about).filter(|about| about.count_ones() == 2);
        for set in sets.chain(asked) {
            for single in singles(set) {
                self.beside[single.trailing_zeros() as usize] |= set & !single;
            }
        }
        for left in &self.region.lefts {
            self.beside[left.relation] |= left.needs;
            for single in singles(left.needs) {
                self.beside[single.trailing_zeros() as usize] |= 1 << left.relation;
            }
        }
    }

    /// What is connected with a set, and not in it.
    fn around(&self, set: Set) -> Set {
        singles(set).fold(0, |around, single| around | self.beside[single.trailing_zeros() as usize]) & !set
    }

    /// The sets of relations that are connected with each other.
    fn parts(&self) -> Vec<Set> {
        let mut parts: Vec<Set> = Vec::new();
        for number in 0..self.beside.len() {
            if parts.iter().any(|part| part >> number & 1 == 1) {
                continue;
            }
            let mut part: Set = 1 << number;
            while self.around(part) != 0 {
                part |= self.around(part);
            }
            parts.push(part);
        }
        parts
    }

    /// Goes through all orders of a part (DPccp); whether that were not too many.
    fn exhaust(&mut self, part: Set) -> bool {
        self.pairs = 0;
        for single in singles_backwards(part) {
            let before = upto(single.trailing_zeros() as usize);
            if !(self.complements(single) && self.grow(single, before)) {
                return false;
            }
        }
        true
    }

    /// Goes through the connected sets that contain `set` and nothing else of `without`.
    fn grow(&mut self, set: Set, without: Set) -> bool {
        let around = self.around(set) & !without;
        let mut more: Set = 0;
        while let Some(next) = next_subset(more, around) {
            more = next;
            if self.best.contains_key(&(set | more)) && !self.complements(set | more) {
                return false;
            }
        }
        more = 0;
        while let Some(next) = next_subset(more, around) {
            more = next;
            if !self.grow(set | more, without | around) {
                return false;
            }
        }
        true
    }

    /// Puts a set together with the connected sets beside it, each pair of sets once.
    fn complements(&mut self, set: Set) -> bool {
        let without = upto(set.trailing_zeros() as usize) | set;
        let around = self.around(set) & !without;
        for single in singles_backwards(around) {
            let before = upto(single.trailing_zeros() as usize) & around;
            if !(self.try_pair(set, single) && self.grow_complement(set, single, without | before)) {
                return false;
            }
        }
        true
    }

    fn grow_complement(&mut self, set: Set, other: Set, without: Set) -> bool {
        let around = self.around(other) & !without & !set;
        let mut more: Set = 0;
        while let Some(next) = next_subset(more, around) {
            more = next;
            if self.best.contains_key(&(other | more)) && !self.try_pair(set, other | more) {
                return false;
            }
        }
        more = 0;
        while let Some(next) = next_subset(more, around) {
            more = next;
            if !self.grow_complement(set, other | more, without | around) {
                return false;
            }
        }
        true
    }

    /// Puts two sets together, either way round; whether more may be.
    fn try_pair(&mut self, a: Set, b: Set) -> bool {
        self.pairs += 1;
        if !self.region.may_pair(a, b) {
            return self.pairs <= PAIRS_MAX;
        }
        let made = self.pair(a, b);
        let known = self.best.entry(a | b).or_insert(made);
        if made.cost < known.cost {
            (known.cost, known.of) = (made.cost, made.of);
        }
        let rows = known.rows;
        self.pair_led(a, b, rows);
        self.pairs <= PAIRS_MAX
    }

    /// What leads, each that comes in the order that is wanted: of all relations, which are connected. What is equal to the first term
    /// comes in its order.
    fn leads_of(&self, first: &First, all: Set) -> Vec<Lead> {
        let mut rows: Amount = 1.0;
        let mut set: Set = 0;
        // Connected ones first: what is not is put together in the end.
        while set != all {
            let next = if set == 0 { all } else { self.around(set) };
            let next = 1 << next.trailing_zeros();
            let together = if set == 0 { 1.0 } else { self.measure.together(self.region, set, next) };
            rows = (rows * self.best[&next].rows * together).max(1.0);
            set |= next;
        }
        let numbers = 0..self.region.relations.len();
        let leads = numbers.filter_map(|number| self.lead_of(first, number, rows)).collect();
        if all.count_ones() as usize > EXHAUSTIVE_MAX { cheapest(leads) } else { leads }
    }

    /// A relation as what leads, if it comes in the order that is wanted of so many rows.
    fn lead_of(&self, first: &First, relation: usize, rows: Amount) -> Option<Lead> {
        // What a left join adds is on the outer side of nothing.
        if self.region.left_of(1 << relation).is_some() {
            return None;
        }
        let slot = self.region.relations[relation].base?;
        let terms = first.terms.iter().map_while(|term| self.region.as_of(term, (relation, slot)));
        let terms: Vec<SortTerm> = terms.collect();
        let own = &self.region.relations[relation].own;
        // Rows of a group are beside each other if all keys are in order.
        if first.groups.is_some() && !self.measure.gives_all(slot, &terms, own, first.terms.len()) {
            return None;
        }
        let (values, costs) = self.measure.read_in_order(slot, &terms, own)?;
        let values = values.clamp(1.0, rows);
        let share = first.rows.map_or(1.0, |wanted| ((wanted as Amount + rows / values) / rows).min(1.0));
        let set = 1 << relation;
        let best = Best { rows: self.best[&set].rows, cost: costs(share), of: None };
        let settled = slot == Slot(0) && first.terms.len() == 1 && self.measure.is_key(&terms[0]);
        let best = BTreeMap::from([(set, best)]);
        let (wanted, groups) = (first.rows, first.groups);
        Some(Lead { relation, wanted, share, values, groups, settled, best })
    }

    /// Puts two sets together, that with what leads on the outer side.
    fn pair_led(&mut self, a: Set, b: Set, rows: Amount) {
        let mut leads = core::mem::take(&mut self.leads);
        for lead in &mut leads {
            let (left, right) = match (a >> lead.relation & 1, b >> lead.relation & 1) {
                (1, _) => (a, b),
                (_, 1) => (b, a),
                _ => continue,
            };
            let Some(made) = self.led(lead, left, right, rows) else { continue };
            let known = lead.best.entry(left | right).or_insert(made);
            if made.cost < known.cost {
                *known = made;
            }
        }
        self.leads = leads;
    }

    /// A set that has what leads, with another one on its inner side, of which together there are so many rows.
    fn led(&self, lead: &Lead, left: Set, right: Set, rows: Amount) -> Option<Best> {
        let (outer, inner) = (lead.best.get(&left)?, self.best[&right]);
        let share = lead.share;
        let outer = (left, outer.rows * share, outer.cost);
        let inner = (right, inner.rows, inner.cost);
        let (cost, how) = self.measure.join_as(self.region, outer, inner, rows * share, true);
        Some(Best { rows, cost, of: Some((left, right, how)) })
    }

    /// Adds to each relation that leads all others, one after the other: of those that something connects with what there is, the one with
    /// the smallest result.
    fn lead_greedily(&mut self, all: Set) {
        let mut leads = core::mem::take(&mut self.leads);
        for lead in &mut leads {
            let mut set: Set = 1 << lead.relation;
            lead.best.retain(|known, _| *known == set);
            while let Some((next, made)) = self.next_led(lead, set) {
                set |= next;
                lead.best.insert(set, made);
            }
            debug_assert!(set & !all == 0, "what is connected is one part");
        }
        self.leads = leads;
    }

    /// What is added next to a set that has what leads, and how.
    fn next_led(&self, lead: &Lead, set: Set) -> Option<(Set, Best)> {
        let around = singles(self.around(set)).filter(|next| self.region.may_pair(set, *next));
        let made = around.filter_map(|next| {
            let together = self.measure.together(self.region, set, next);
            let rows = (lead.best.get(&set)?.rows * self.best[&next].rows * together).max(1.0);
            Some((next, self.led(lead, set, next, rows)?))
        });
        let order = |(_, best): &(Set, Best)| (best.rows, best.cost);
        made.min_by(|a, b| order(a).partial_cmp(&order(b)).unwrap_or(Ordering::Equal))
    }

    /// The better way to put two sets together.
    fn pair(&self, a: Set, b: Set) -> Best {
        let side = |set: Set| {
            let best = self.best[&set];
            (set, best.rows, best.cost)
        };
        let (left, right) = (side(a), side(b));
        let known = self.best.get(&(a | b)).map(|best| best.rows);
        let rows =
            known.unwrap_or_else(|| (left.1 * right.1 * self.measure.together(self.region, a, b)).max(1.0));
        let one = self.measure.join(self.region, left, right, rows);
        let other = self.measure.join(self.region, right, left, rows);
        if other.0 < one.0 {
            Best { rows, cost: other.0, of: Some((b, a, other.1)) }
        } else {
            Best { rows, cost: one.0, of: Some((a, b, one.1)) }
        }
    }

    /// Puts sets together until one is left: of those that are connected, or of all, the two with the smallest result. Gives
    /// what is left.
    fn put_together(&mut self, mut sets: Vec<Set>) -> Set {
        let mut pairs: BTreeMap<(Set, Set), (bool, Best)> = BTreeMap::new();
        while sets.len() > 1 {
            let mut least: Option<(bool, Best, usize, usize)> = None;
            for (at, a) in sets.iter().enumerate() {
                for (other, b) in sets.iter().enumerate().skip(at + 1) {
                    if !self.region.may_pair(*a, *b) {
                        continue;
                    }
                    let known = pairs.entry((*a, *b));
                    let (apart, made) =
                        *known.or_insert_with(|| (self.around(*a) & b == 0, self.pair(*a, *b)));
                    let is_less = least.as_ref().is_none_or(|(is_apart, best, ..)| {
                        (apart, made.rows, made.cost) < (*is_apart, best.rows, best.cost)
                    });
                    if is_less {
                        least = Some((apart, made, at, other));
                    }
                }
            }
            let (_, made, at, other) = least.expect("two sets at least");
            let set = sets[at] | sets.remove(other);
            sets[at] = set;
            self.best.insert(set, made);
        }
        sets[0]
    }

    /// Makes what was put together greedily cheaper: for the smallest result is not the cheapest one.
    fn swap(&mut self, all: Set) {
        for _ in 0..SWAPS_MAX {
            let before = self.best[&all].cost;
            self.swap_within(all);
            if self.best[&all].cost >= before {
                return;
            }
        }
    }

    /// Of `(a b) c` below and at a set, `(a c) b` and `(b c) a` are tried, where something connects what is put together. The sides of a
    /// set come before it.
    fn swap_within(&mut self, set: Set) {
        let Some((left, right, _)) = self.best[&set].of else { return };
        self.swap_within(left);
        self.swap_within(right);
        // They may cost less than when they were put together.
        let mut least = self.pair(left, right);
        for (near, far) in [(left, right), (right, left)] {
            let Some((a, b, _)) = self.best[&near].of else { continue };
            for (stays, goes) in [(a, b), (b, a)] {
                let inner = stays | far;
                let may_pair = |a: Set, b: Set| self.region.may_pair(a, b);
                if !may_pair(stays, far) || !may_pair(inner, goes) {
                    continue;
                }
                if self.around(stays) & far == 0 || self.around(inner) & goes == 0 {
                    continue;
                }
                let made = self.pair(stays, far);
                let known = self.best.entry(inner).or_insert(made);
                if made.cost < known.cost {
                    *known = Best { rows: known.rows, ..made };
                }
                let swapped = self.pair(inner, goes);
                if swapped.cost < least.cost {
                    least = swapped;
                }
            }
        }
        self.best.insert(set, least);
    }
}

/// The subset of `of` that follows another one, which is empty at first; `None` after the last.
fn next_subset(subset: Set, of: Set) -> Option<Set> {
    let next = subset.wrapping_sub(of) & of;
    (next != 0).then_some(next)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::sync::Arc;

    use super::*;
    use crate::engine::fixture::{self as f, Made};
    use crate::engine::logical::{Expr, Node, Scan, Slot, SlotDef};
    use crate::engine::optimizer::join_order::region::Class;
    use crate::value::Type;

    /// How many pairs of sets are compared, of so many relations that are connected so.
    fn pairs(count: usize, edges: &[(usize, usize)]) -> usize {
        let catalog = f::catalog();
        let collection = catalog.bound(f::Track()).expect("a collection");
        let slot = || SlotDef { collection: Arc::clone(collection), name: String::new(), optional: false };
        let slots: Vec<SlotDef> = (0..count).map(|_| slot()).collect();
        let mut region = Region::new(&slots);
        for number in 0..count {
            region.take(Node::Scan(Scan { slot: Slot(number as u16) }), &|node, _| node);
        }
        let measure = Measure::new(&slots, &Made);
        let mut search = Search {
            region: &region,
            measure: &measure,
            beside: vec![0; count],
            best: BTreeMap::new(),
            pairs: 0,
            leads: Vec::new(),
        };
        for number in 0..count {
            search.best.insert(1 << number, Best { rows: 1.0, cost: 1.0, of: None });
        }
        for (a, b) in edges {
            search.beside[*a] |= 1 << b;
            search.beside[*b] |= 1 << a;
        }
        let all = (1 << count) - 1;
        assert!(search.exhaust(all) && search.best.contains_key(&all));
        search.pairs
    }

    /// What the greedy order of so many relations costs, what it does with its swaps, and what the cheapest one does where it is
    /// looked for. Which are connected, and how many rows each has, is drawn by lot.
    fn costs(count: usize, is_star: bool, exhausts: bool, lot: &mut u64) -> (Amount, Amount, Option<Amount>) {
        let mut next = |below: usize| {
            *lot = lot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*lot >> 33) as usize % below
        };
        let catalog = f::catalog();
        let slot = |_| {
            let of = [f::Artist(), f::Album(), f::Track(), f::Track()][next(4)];
            let collection = Arc::clone(catalog.bound(of).expect("a collection"));
            SlotDef { collection, name: String::new(), optional: false }
        };
        let slots: Vec<SlotDef> = (0..count).map(slot).collect();
        let mut region = Region::new(&slots);
        for number in 0..count {
            region.take(Node::Scan(Scan { slot: Slot(number as u16) }), &|node, _| node);
        }
        for number in 1..count {
            // Each leads to the key of the one before it, or of the first, or is led to by a field of that.
            let other = if is_star { 0 } else { number - 1 };
            let (from, into) = if next(2) == 0 { (number, other) } else { (other, number) };
            let link = |at: usize, position| (at, Expr::field(Slot(at as u16), position, Type::Id, false));
            let members = Vec::from([link(from, 1 - next(2) as u16), link(into, 0)]);
            region.classes.push(Class { members });
        }
        let measure = Measure::new(&slots, &Made);
        let search = || {
            let beside = vec![0; count];
            let mut search = Search {
                region: &region,
                measure: &measure,
                beside,
                best: BTreeMap::new(),
                pairs: 0,
                leads: Vec::new(),
            };
            search.connect();
            search
        };
        let rows: Vec<Amount> = (0..count).map(|_| [5.0, 100.0, 3e3, 5e4][next(4)]).collect();
        let begin = |search: &mut Search<'_>| {
            for (number, rows) in rows.iter().enumerate() {
                search.best.insert(1 << number, Best { rows: *rows, cost: rows * 5.0, of: None });
            }
        };
        let all = (1 << count) - 1;
        let mut greedy = search();
        begin(&mut greedy);
        assert_eq!(greedy.put_together(singles(all).collect()), all);
        let before = greedy.best[&all].cost;
        greedy.swap(all);
        let after = greedy.best[&all].cost;
        // Each relation is there once, and what is said to be cheaper is.
        let (mut sets, mut leaves) = (Vec::from([all]), 0);
        while let Some(set) = sets.pop() {
            match greedy.best[&set].of {
                None => leaves += set,
                Some((left, right, _)) => {
                    assert!(left | right == set && left & right == 0);
                    assert!(greedy.pair(left, right).cost <= greedy.best[&set].cost * 1.000_001);
                    sets.extend([left, right]);
                }
            }
        }
        assert_eq!(leaves, all);
        let mut best = search();
        begin(&mut best);
        let cheapest = (exhausts && best.exhaust(all)).then(|| best.best[&all].cost);
        (before, after, cheapest)
    }

    /// Goal: swaps make what was put together greedily cheaper. Method: chains and stars of twelve relations by lot; the cheapest order of
    /// a chain is known.
    #[test]
    fn of_many_that_come_in_order_those_that_cost_least_are_tried() {
        let lead = |relation: usize| {
            let cost = ((relation + 5) % 7) as Amount;
            let best = BTreeMap::from([(1 << relation, Best { rows: 1.0, cost, of: None })]);
            Lead { relation, wanted: None, share: 1.0, values: 1.0, groups: None, settled: false, best }
        };
        let of = |leads: Vec<Lead>| leads.iter().map(|lead| lead.relation).collect::<Vec<_>>();
        assert_eq!(of(cheapest((0..7).map(lead).collect())), [2, 3, 4, 5]);
        assert_eq!(of(cheapest((0..2).map(lead).collect())), [0, 1]);
    }

    #[test]
    fn swaps_mend_what_was_put_together_greedily() {
        let mut lot = 7;
        let (mut mended, mut dearer, mut still) = (0, 0, 0);
        for number in 0..200 {
            let (before, after, cheapest) = costs(12, number % 2 == 0, number % 2 == 1, &mut lot);
            assert!(after <= before, "{before}, and then {after}");
            mended += u32::from(after < before * 0.8);
            if let Some(cheapest) = cheapest {
                dearer += u32::from(before > cheapest * 1.2);
                still += u32::from(after > cheapest * 1.2);
            }
        }
        assert!(mended >= 15, "a fifth and more is spared in {mended} of 200");
        assert!(
            still + 5 <= dearer,
            "of 100 chains {dearer} were dearer than need be, and {still} still are"
        );
    }

    #[test]
    fn each_pair_of_connected_sets_is_compared_once() {
        // The numbers are those of the paper: of chains, cycles, stars and of graphs in which all are connected.
        for n in 2..=10usize {
            let chain: Vec<(usize, usize)> = (1..n).map(|at| (at - 1, at)).collect();
            assert_eq!(pairs(n, &chain), (n.pow(3) - n) / 6, "a chain of {n}");
            let star: Vec<(usize, usize)> = (1..n).map(|at| (0, at)).collect();
            assert_eq!(pairs(n, &star), (n - 1) << (n - 2), "a star of {n}");
            let all: Vec<(usize, usize)> = (0..n).flat_map(|a| (0..a).map(move |b| (a, b))).collect();
            if n <= 7 || n == 10 {
                let expected = (3usize.pow(n as u32) + 1 - (1 << (n + 1))) / 2;
                assert_eq!(pairs(n, &all), expected, "{n}, each connected with each");
            }
            if n > 2 {
                let cycle: Vec<(usize, usize)> = chain.iter().copied().chain([(n - 1, 0)]).collect();
                assert_eq!(pairs(n, &cycle), (n.pow(3) + n) / 2 - n.pow(2), "a cycle of {n}");
            }
        }
    }
}
