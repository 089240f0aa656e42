//! [`Recipe`]: how an access path follows from the values of a query, so that a plan serves others of its shape.
//!
//! A path by keys or through one index is made again from the predicates that it was made from, by the same steps. It must
//! come to the same kind of path (the same predicates used, one range where there was one), because the rest of the plan
//! counts on that: which predicates it implies, in which order records come. What comes to another kind is planned anew.
//! Every other path that values were looked at for pins them (see [`Literal`](crate::engine::logical::Literal)).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::access::{Candidate, InIndex, Search, entries_in, fits, max_rank};
use super::choices::Choice;
use super::contradiction::{contradict, may_contradict};
use super::sarg::{Sarg, Test};
use super::{Access, IndexOrder, PhysicalPlan, Planner, Want};
use crate::engine::estimate::{Amount, Statistics};
use crate::engine::logical::{Expr, Literal, Slot, SlotDef};
use crate::schema::{CollectionDef, IndexDef, IndexId};

/// How an access path follows from the values of a query.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The predicates about the records and nothing else, in the order in which they were looked at.
    predicates: Vec<Expr>,
    path: Path,
    /// Whether some of them may contradict each other, so that nothing is read.
    contested: bool,
}

/// The kind of path that it has to come to.
#[derive(Clone, Debug)]
enum Path {
    /// All of the collection.
    Whole { backward: bool },
    /// By keys, of the predicate with this number; by one key at most, if `single`.
    Keys { position: u16, predicate: usize, single: bool },
    /// By a range of keys, of these predicates.
    Range { position: u16, used: Vec<usize>, backward: bool },
    /// Through an index.
    Index { index: IndexId, order: IndexOrder, used: Vec<usize>, equal: usize, is_range: bool, single: bool },
}

impl Recipe {
    /// The path to the records of `slot`; `None` when it is of another kind.
    pub(super) fn access(&self, slot: Slot, collection: &CollectionDef) -> Option<Access> {
        if self.contested && contradict(&self.predicates, slot) {
            return Some(Access::Nothing);
        }
        self.search(slot, collection)
    }

    /// As [`access`](Recipe::access), if there may be records.
    fn search(&self, slot: Slot, collection: &CollectionDef) -> Option<Access> {
        let sargs = self.predicates.iter().filter_map(|predicate| Sarg::of(predicate, slot));
        let sargs: Vec<Sarg<'_>> = sargs.filter(|sarg| fits(sarg, collection)).collect();
        let search = Search { slot, collection, sargs: &sargs, rows: 0.0, want: Want::default() };
        match &self.path {
            Path::Whole { backward } => {
                Some(Access::Range { low: 0, high: max_rank(collection), backward: *backward, whole: true })
            }
            Path::Keys { position, predicate, single } => {
                let of = &self.predicates[*predicate];
                let sarg = search.on(*position).find(|sarg| core::ptr::eq(sarg.predicate, of))?;
                let Test::OneOf(values) = &sarg.test else { return None };
                let ranks = search.ranks(*position, values);
                (!ranks.is_empty() && (ranks.len() <= 1 || !single)).then_some(Access::Keys(ranks))
            }
            Path::Range { position, used, backward } => {
                let (range, found) = search.rank_range(*position);
                if self.numbers(&found) != *used {
                    return None;
                }
                Some(match range {
                    Some((low, high)) => Access::Range { low, high, backward: *backward, whole: false },
                    None => Access::Nothing,
                })
            }
            Path::Index { index, order, used, equal, is_range, single } => {
                let def = collection.indexes.iter().find(|def| def.id == *index)?;
                let found = search.in_index(def);
                if self.numbers(&found.used) != *used
                    || (found.equal, found.is_range) != (*equal, *is_range)
                    || (found.ranges.len() > 1 && *single)
                {
                    return None;
                }
                Some(match found.ranges.is_empty() {
                    true => Access::Nothing,
                    false => {
                        Access::Index { index: *index, ranges: found.ranges, order: *order, entries: None }
                    }
                })
            }
        }
    }

    /// The numbers of predicates.
    fn numbers(&self, used: &[&Sarg<'_>]) -> Vec<usize> {
        numbers(self.predicates.iter(), used)
    }

    /// Its literals.
    pub(super) fn predicates_mut(&mut self) -> &mut [Expr] {
        &mut self.predicates
    }
}

/// How many entries of an index were expected for values of a query, whether or not they were read through it: with others
/// another way may be the best one.
#[derive(Clone, Debug)]
pub struct Estimate {
    slot: Slot,
    index: IndexId,
    /// What the index was searched for by.
    predicates: Vec<Expr>,
    rows: Amount,
}

/// A plan stays while so many times as many rows are expected as when it was made, or so many times fewer.
const TIMES_MAX: Amount = 8.0;

/// So many rows more or fewer do not count: whatever way is taken costs little.
const ROWS_FEW: Amount = 100.0;

impl Estimate {
    /// Its literals.
    pub(super) fn predicates_mut(&mut self) -> &mut [Expr] {
        &mut self.predicates
    }

    /// Whether about as much is expected for the values that it has now.
    fn holds(&self, slots: &[SlotDef], statistics: &dyn Statistics) -> bool {
        let collection = &*slots[usize::from(self.slot.0)].collection;
        let sargs = self.predicates.iter().filter_map(|predicate| Sarg::of(predicate, self.slot));
        let sargs: Vec<Sarg<'_>> = sargs.filter(|sarg| fits(sarg, collection)).collect();
        let search = Search { slot: self.slot, collection, sargs: &sargs, rows: 0.0, want: Want::default() };
        let Some(index) = collection.indexes.iter().find(|def| def.id == self.index) else { return false };
        let Some(rows) = entries_in(statistics, collection, index, &search.in_index(index).ranges) else {
            return true;
        };
        let (less, more) = if rows < self.rows { (rows, self.rows) } else { (self.rows, rows) };
        more <= (less * TIMES_MAX).max(less + ROWS_FEW)
    }
}

impl PhysicalPlan {
    /// Whether about as much is expected of the values that the plan has now as of those that it was made for.
    pub(crate) fn is_near(&self, statistics: &dyn Statistics) -> bool {
        self.estimates.iter().all(|estimate| estimate.holds(&self.slots, statistics))
    }
}

impl Planner<'_> {
    /// Notes what is expected of values of the query.
    pub(super) fn note_estimate(
        &self,
        search: &Search<'_, '_>,
        index: &IndexDef,
        found: &InIndex<'_, '_>,
        rows: Amount,
    ) {
        if !found.used.iter().any(|sarg| has_parameter(sarg.predicate)) {
            return;
        }
        if !self.is_noted(search.slot, index.id, rows) {
            let predicates = found.used.iter().map(|sarg| sarg.predicate.clone()).collect();
            let estimate = Estimate { slot: search.slot, index: index.id, predicates, rows };
            self.estimates.borrow_mut().push(estimate);
        }
    }

    /// Notes what was expected when a part of the plan was made that is taken again.
    pub(super) fn note_again(&self, estimates: Vec<Estimate>) {
        for estimate in estimates {
            if !self.is_noted(estimate.slot, estimate.index, estimate.rows) {
                self.estimates.borrow_mut().push(estimate);
            }
        }
    }

    fn is_noted(&self, slot: Slot, index: IndexId, rows: Amount) -> bool {
        let estimates = self.estimates.borrow();
        estimates.iter().any(|known| (known.slot, known.index, known.rows) == (slot, index, rows))
    }

    /// How the path taken follows from values of the query, if it does and that can be told. If it does and cannot be told,
    /// the plan becomes one for these values.
    pub(super) fn recipe(
        &self,
        slot: Slot,
        taken: &Candidate,
        predicates: &[&Expr],
        own: &[&Expr],
    ) -> Option<Box<Recipe>> {
        let contested = may_contradict(own, slot);
        match &taken.access {
            Access::Range { whole: true, backward, .. }
                if contested && own.iter().any(|of| has_parameter(of)) =>
            {
                let path = Path::Whole { backward: *backward };
                let predicates = own.iter().map(|predicate| (*predicate).clone()).collect();
                Some(Box::new(Recipe { predicates, path, contested }))
            }
            // These are found by what another collection has, whose own path knows where it comes from.
            Access::Range { whole: true, .. } | Access::Pointing { .. } | Access::PointedAt { .. } => None,
            Access::Keys(_) | Access::Range { .. } | Access::Index { .. } => {
                if !own.iter().any(|predicate| has_parameter(predicate)) {
                    return None;
                }
                let recipe = self.recipe_of(slot, taken, own);
                if recipe.is_none() {
                    own.iter().for_each(|predicate| pin(predicate));
                }
                recipe.map(Box::new)
            }
            _ => {
                predicates.iter().for_each(|predicate| pin(predicate));
                None
            }
        }
    }

    /// The path to take for the values that a query has: nothing, where they contradict each other.
    pub(super) fn unless_contradicted(
        &self,
        slot: Slot,
        taken: Candidate,
        recipe: Option<&Recipe>,
        own: &[&Expr],
    ) -> Candidate {
        let may_differ = own.iter().any(|predicate| has_parameter(predicate));
        // A plan that reads all for other values is one that an index is required for.
        let refused = self.wishes.require_index && taken.access.reads_all();
        let contested = !refused && recipe.map_or(!may_differ, |recipe| recipe.contested);
        let contested = contested && self.chooses(Choice::Contradictions);
        match contested && may_contradict(own, slot) && contradict(own.iter().copied(), slot) {
            // A plan that is kept is called by what it does for other values.
            true if recipe.is_some() => Candidate { access: Access::Nothing, ..taken },
            true => self.nothing(slot, own.iter().map(|predicate| (*predicate).clone()).collect()),
            false => taken,
        }
    }

    fn recipe_of(&self, slot: Slot, taken: &Candidate, own: &[&Expr]) -> Option<Recipe> {
        let collection = self.collection(slot);
        let sargs: Vec<Sarg<'_>> = own
            .iter()
            .filter_map(|predicate| Sarg::of(predicate, slot))
            .filter(|sarg| fits(sarg, collection))
            .collect();
        let search = Search { slot, collection, sargs: &sargs, rows: 0.0, want: Want::default() };
        let path = match &taken.access {
            Access::Keys(ranks) => {
                let [implied] = taken.implied.as_slice() else { return None };
                let position = collection.clustered?;
                let sarg = search.on(position).find(|sarg| sarg.predicate == implied)?;
                let predicate = own.iter().position(|predicate| core::ptr::eq(*predicate, sarg.predicate))?;
                Path::Keys { position, predicate, single: ranks.len() <= 1 }
            }
            Access::Range { backward, .. } => {
                let position = collection.clustered?;
                let used = numbers(own.iter().copied(), &search.rank_range(position).1);
                Path::Range { position, used, backward: *backward }
            }
            Access::Index { index, ranges, order, entries: _ } => {
                let def = collection.indexes.iter().find(|def| def.id == *index)?;
                let found = search.in_index(def);
                Path::Index {
                    index: *index,
                    order: *order,
                    used: numbers(own.iter().copied(), &found.used),
                    equal: found.equal,
                    is_range: found.is_range,
                    single: ranges.len() <= 1,
                }
            }
            _ => return None,
        };
        // What is done with the entries of an index stays the same, and could not without one.
        let contested = may_contradict(own, slot) && !taken.access.has_entries();
        let predicates = own.iter().map(|predicate| (*predicate).clone()).collect();
        let recipe = Recipe { predicates, path, contested };
        // It is one only if it comes to what was taken.
        recipe.search(slot, collection).is_some_and(|made| is_same(&made, &taken.access)).then_some(recipe)
    }
}

/// Whether two paths by keys or through one index are the same.
fn is_same(a: &Access, b: &Access) -> bool {
    match (a, b) {
        (Access::Keys(a), Access::Keys(b)) => a == b,
        (
            Access::Range { low, high, backward, whole },
            Access::Range { low: other_low, high: other_high, backward: other_backward, whole: other_whole },
        ) => (low, high, backward, whole) == (other_low, other_high, other_backward, other_whole),
        (
            Access::Index { index, ranges, order, entries: _ },
            Access::Index { index: other_index, ranges: other_ranges, order: other_order, entries: _ },
        ) => (index, ranges, order) == (other_index, other_ranges, other_order),
        _ => false,
    }
}

/// The numbers of predicates among all.
fn numbers<'e>(all: impl Iterator<Item = &'e Expr> + Clone, used: &[&Sarg<'_>]) -> Vec<usize> {
    let number =
        |sarg: &&Sarg<'_>| all.clone().position(|predicate| core::ptr::eq(predicate, sarg.predicate));
    used.iter().filter_map(number).collect()
}

/// Whether something in an expression may be another value the next time.
fn has_parameter(expr: &Expr) -> bool {
    let mut found = false;
    expr.visit(&mut |part| found |= part.literal_itself().is_some_and(Literal::is_parameter));
    found
}

/// Makes the plan one for the values in an expression.
pub(super) fn pin(expr: &Expr) {
    expr.visit(&mut |part| part.literal_itself().into_iter().for_each(Literal::pin));
}
