//! A part of a plan carried out by several threads, before the rest of it is by one.
//!
//! What lies beneath an aggregate is a chain over one walk of leaves as a rule (see [`Chain`](super::Chain)). The leaves are divided into
//! *parts*, some dozens of them, by the tree's separators. Threads take one after the other, and make groups of its rows; those
//! are merged in the order of the parts, by whichever thread has just made the next. Then the chain begins, as one that paused
//! behind the last part and keeps the groups:
//!
//! ```text
//!                      part 0     part 1     part 2     part 3  ..
//! thread 0           [ groups ]            [ groups ]
//! thread 1                      [ groups ]            [ groups ]
//! merged, in order       0          1          2          3         -> Kept::Groups, and the plan from the part behind on
//! ```
//!
//! - Where parts begin depends on what is stored alone, and parts are merged in their order: an answer does not depend on how many
//!   threads there were, nor on which was quicker. How floats are added up is all that differs from one thread's.
//! - A part that cannot be merged, that fails, or takes more than its share of the memory, is forgotten, with those behind it, and the
//!   chain goes on from there. So errors, what is put aside, and what must be done row by row, are as without threads: no part is
//!   merged that has met any of that.
//! - Each thread reads the snapshot by a pin of its own ([`Reading::together`]) and in as many operations as keep memory within
//!   bounds: with one pin for all, pages would stay until none of them reads. One that the system does not let run while it is in an
//!   operation keeps what the others evict, which therefore wait for it when that is too much.
//! - What is carried out within one operation is divided in the same way: see [`within`].
//! - Nobody gets far ahead of the part that is merged next, so that no more groups wait than there are threads, about.

pub(super) mod within;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use super::budget::Budget;
use super::operators::{self, GroupsBeingMade, GroupsOfAll, GroupsOfPart, Kept, Reach};
use super::{Env, chain};
use crate::engine::control::{Control, Run, RunOfAll};
use crate::engine::error::ExecError;
use crate::engine::exec::meter::{Footprint, Meter};
use crate::engine::explain::PlanNode;
use crate::engine::logical::{AggregateTerm, KeyTerm};
use crate::engine::physical::{Access, Operator, PhysicalNode, PhysicalPlan, Scan};
use crate::engine::planted::{self, Bug};
use crate::schema::CollectionDef;
use crate::storage::StorageError;
use crate::storage::facade::{Direction, Reading, ReadingTogether, View};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, pause, work_together};

/// Of fewer records than this, about, all is done before threads could help: to begin one and to merge what it makes takes some
/// 400 µs of the processors' time (`benches/threads.rs`), in which one thread counts 130,000 records that a filter lets through.
const ROWS_MIN: f64 = if cfg!(test) { 0.0 } else { 250_000.0 };

/// So many parts there are at most: enough for threads to end together, few enough for merging to be little work.
const PARTS_MAX: usize = 64;

/// A part has so many records at least, where the collection has them evenly: the operators are made anew for each.
const ROWS_OF_PART: u64 = 16 << 10;

/// More threads than this are of no use to one query.
const THREADS_MAX: usize = 64;

/// A thread has so many bytes of the page cache at least: what it holds while it reads is little beside that.
const CACHE_OF_EACH: usize = 256 << 10;

/// What a thread has made may wait for so many parts before it to be merged, for each thread.
const AHEAD: usize = 2;

/// Who carries out a plan.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Crew {
    /// So many threads may carry out a part of it; 1 when it has none for several.
    pub(in crate::engine) threads: usize,
    /// Whether all is done within one operation, though it need not be.
    pub(in crate::engine) at_once: bool,
}

impl Crew {
    /// The thread that asks.
    const ONE: Crew = Crew { threads: 1, at_once: false };
}

/// Who carries out `plan`.
pub(in crate::engine) fn crew(view: View<'_>, control: &Control, plan: &PhysicalPlan) -> Crew {
    let threads = control.threads().unwrap_or_else(|| super::super::plans::threads(view));
    // In a write transaction one alone reads.
    if threads < 2 || view.commit().is_none() {
        return Crew::ONE;
    }
    let is_chain = super::Chain::suits(plan);
    let is_begun = is_chain && depth(plan).is_some();
    if !is_begun && !(within::has_work(&plan.root) && (!is_chain || stays(view, plan))) {
        return Crew::ONE;
    }
    let room = view.cache_bytes().map_or(THREADS_MAX, |bytes| bytes / CACHE_OF_EACH);
    Crew { threads: threads.min(THREADS_MAX).min(room).max(1), at_once: is_chain && !is_begun }
}

/// Whether memory has room for all that `plan` may read, so that one operation may go through it.
fn stays(view: View<'_>, plan: &PhysicalPlan) -> bool {
    let Some(room) = view.cache_bytes() else { return true };
    let collections: BTreeMap<_, _> =
        plan.slots.iter().map(|slot| (slot.collection.id, &slot.collection)).collect();
    // All together, by their leaves, since what a record has outside its row may be long; and each as what keeps records takes it.
    let mut bytes = 0_u64;
    for collection in collections.values() {
        let few = view
            .records_kept(collection)
            .is_none_or(|most| view.count(collection.id).is_ok_and(|count| count <= most));
        let Some(stored) = view.catalog().collection(collection.id).filter(|_| few) else { return false };
        let Ok(Some(known)) = view.cached(stored, None) else { return false };
        bytes = bytes.saturating_add(known.leaves.saturating_mul(u64::from(collection.leaf_len)));
    }
    bytes <= room as u64 / 4
}

/// Marks of `root`, by which `plan` is told, the operators that several threads carry out.
pub(in crate::engine) fn mark(root: &mut PlanNode, plan: &PhysicalPlan, crew: Crew) {
    let Crew { threads, at_once } = crew;
    if at_once || !super::Chain::suits(plan) {
        return within::mark(root, &plan.root, threads);
    }
    let (mut node, mut shown) = (&plan.root, Some(root));
    for _ in 0..depth(plan).unwrap_or_default() {
        if !matches!(node.operator, Operator::Metered(_)) {
            shown = shown.and_then(|shown| shown.children.first_mut());
        }
        let Some(next) = passed_on(node) else { return };
        node = next;
    }
    if let Some(shown) = shown {
        shown.threads = threads;
    }
}

/// How many operators of `plan` there are above the one whose input is carried out by several threads.
fn depth(plan: &PhysicalPlan) -> Option<usize> {
    let (mut node, mut depth) = (&plan.root, 0);
    loop {
        if let Operator::Aggregate { input, runs: false, .. } = &node.operator
            && walk(input).is_some_and(|scan| scan.rows >= ROWS_MIN)
        {
            return Some(depth);
        }
        node = passed_on(node)?;
        depth += 1;
    }
}

/// Whether an operator hands on to its input what is kept for that.
fn passes_on(node: &PhysicalNode) -> bool {
    matches!(
        node.operator,
        Operator::Filter { .. }
            | Operator::Lookup { .. }
            | Operator::Sort { .. }
            | Operator::Limit { .. }
            | Operator::Aggregate { .. }
            | Operator::Window { .. }
            | Operator::Subquery(_)
            | Operator::Metered(_)
    )
}

/// The input of an operator that [passes on](passes_on) what is kept for it.
fn passed_on(node: &PhysicalNode) -> Option<&PhysicalNode> {
    passes_on(node).then(|| node.children().swap_remove(0))
}

/// As [`passed_on`], to be changed.
fn passed_on_mut(node: &mut PhysicalNode) -> Option<&mut PhysicalNode> {
    passes_on(node).then(|| node.children_mut().swap_remove(0))
}

/// Whether an operator takes something from what is kept.
fn takes_kept(node: &PhysicalNode) -> bool {
    matches!(node.operator, Operator::Sort { .. } | Operator::Aggregate { .. } | Operator::Window { .. })
}

/// The walk of leaves that `node` is a chain over, if it is one whose operators keep nothing from batch to batch.
fn walk(mut node: &PhysicalNode) -> Option<&PhysicalNode> {
    loop {
        node = match &node.operator {
            Operator::Scan(Scan { access: Access::Range { .. }, .. }) => return Some(node),
            Operator::Filter { input, .. } | Operator::Lookup { input, .. } => input,
            Operator::Metered(metered) => &metered.input,
            Operator::Subquery(subquery) if chain::probes(node) => &subquery.input,
            _ => return None,
        };
    }
}

/// The walk of leaves beneath `node`, which has one.
fn walk_mut(mut node: &mut PhysicalNode) -> Option<&mut Scan> {
    while !matches!(node.operator, Operator::Scan(_)) {
        node = node.children_mut().into_iter().next()?;
    }
    match &mut node.operator {
        Operator::Scan(scan) => Some(scan),
        _ => None,
    }
}

/// Ranks from the first to the second, both included.
type Ranks = (u128, u128);

/// What is made of each part, and of all.
trait Merging: Sync {
    type OfPart: Send;
    type OfAll: Send;

    /// Adds the next part. False when it cannot be: then its rows are read again.
    fn merge(&self, all: &mut Self::OfAll, part: Self::OfPart) -> bool;

    /// Whether no other part should be added.
    fn is_enough(&self, _all: &Self::OfAll) -> bool {
        false
    }
}

/// How it is made, in threads of which each has an `R`.
trait Work<R>: Merging {
    /// Makes what is made of the rows whose root records have these ranks; `None` when that is better done without parts.
    fn part(&self, with: &R, ranks: Ranks, run: &Run) -> Result<Option<Self::OfPart>, ExecError>;
}

/// What threads share while they work.
struct Shared<'w, W: Merging> {
    work: &'w W,
    parts: Vec<Ranks>,
    run: RunOfAll,
    ahead: usize,
    /// The part that is taken next.
    next: AtomicUsize,
    state: Mutex<State<W>>,
    /// Whenever a part was merged, and at the end.
    moved: Condvar,
}

struct State<W: Merging> {
    /// What was made of parts that others come before, and what their meters read.
    ready: BTreeMap<usize, (W::OfPart, Vec<Meter>)>,
    all: W::OfAll,
    /// How many parts were merged.
    merged: usize,
    /// How many are to be: those from here on are not. What comes before is, so that it does not depend on which thread was
    /// quicker.
    until: usize,
    /// What the meters of those merged read.
    meters: Vec<Vec<Meter>>,
    /// How many threads made a part.
    threads: usize,
}

/// What threads have made.
struct Made<W: Merging> {
    all: W::OfAll,
    /// Of how many parts.
    merged: usize,
    meters: Vec<Vec<Meter>>,
    threads: usize,
}

impl<'w, W: Merging> Shared<'w, W> {
    /// Works in this thread and others, each of which has one of these.
    fn carry_out<R: Send>(
        work: &'w W,
        parts: Vec<Ranks>,
        all: W::OfAll,
        run: RunOfAll,
        mut with: Vec<R>,
    ) -> Made<W>
    where
        W: Work<R>,
    {
        let state = State {
            ready: BTreeMap::new(),
            all,
            merged: 0,
            until: parts.len(),
            meters: Vec::new(),
            threads: 0,
        };
        let shared = Shared {
            work,
            parts,
            run,
            ahead: AHEAD * with.len(),
            next: AtomicUsize::new(0),
            state: Mutex::new(state),
            moved: Condvar::new(),
        };
        if let Some(own) = with.pop() {
            work_together("epilog query", with, || shared.work(&own), |with| shared.work(&with));
        }
        let State { all, merged, meters, threads, .. } = shared.state.into_inner();
        Made { all, merged, meters, threads }
    }

    /// What each thread does.
    fn work<R>(&self, with: &R)
    where
        W: Work<R>,
    {
        let mut ends = EndsOnPanic { shared: self, has_ended: false };
        let mut has_worked = false;
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(ranks) = self.parts.get(number) else { break };
            if !self.wait_for_turn(number) {
                break;
            }
            let run = self.run.run();
            let part = self.work.part(with, *ranks, &run).ok().flatten();
            let mut state = self.state.lock();
            state.threads += usize::from(!core::mem::replace(&mut has_worked, true));
            match part {
                Some(part) => drop(state.ready.insert(number, (part, run.read()))),
                None => state.until = state.until.min(number),
            }
            self.merge(&mut state);
            self.moved.notify_all();
        }
        ends.has_ended = true;
    }

    /// Waits until no more than a few parts before this one are to be merged. False when it will not be.
    fn wait_for_turn(&self, number: usize) -> bool {
        let mut state = self.state.lock();
        while number < state.until && number >= state.merged + self.ahead {
            state = self.moved.wait(state);
        }
        number < state.until
    }

    /// Merges the parts whose turn it is.
    fn merge(&self, state: &mut MutexGuard<'_, State<W>>) {
        let state = &mut **state;
        while state.merged < state.until
            && let Some((part, meters)) = state.ready.remove(&state.merged)
        {
            if !self.work.merge(&mut state.all, part) {
                state.until = state.merged;
                break;
            }
            state.merged += 1;
            state.meters.push(meters);
            if self.work.is_enough(&state.all) {
                state.until = state.merged;
            }
        }
    }
}

/// Wakes those that wait when a thread panics: what it was to make will not come.
struct EndsOnPanic<'e, 'w, W: Merging> {
    shared: &'e Shared<'w, W>,
    /// Whether the thread has come to its end without one.
    has_ended: bool,
}

impl<W: Merging> Drop for EndsOnPanic<'_, '_, W> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.shared.state.lock().until = 0;
            self.shared.moved.notify_all();
        }
    }
}

/// Carries out, in up to so many threads, what of `plan` several can, and makes `plan` what is left to do; what that goes on with
/// is put into `kept`. No operation of `reading` runs. Does nothing where that cannot be done.
pub(super) fn run_ahead(
    reading: &dyn Reading,
    plan: &mut PhysicalPlan,
    run: &Run,
    threads: usize,
    kept: &mut Vec<Kept>,
) {
    let Some(depth) = depth(plan) else { return };
    let operation = reading.operation();
    let begun = operation.view().now_ns();
    let parts = parts_beneath(operation.view(), plan, depth).unwrap_or_default();
    let bytes = Budget::of(operation.view(), run).bytes();
    drop(operation);
    let readings: Vec<_> = (0..threads.min(parts.len())).map_while(|_| reading.together()).collect();
    if readings.len() < 2 {
        return;
    }
    let PhysicalPlan { slots, computed, root, .. } = plan;
    let (mut meters, mut above) = (Vec::new(), Vec::new());
    let mut node = root;
    for _ in 0..depth {
        if let Operator::Metered(metered) = &node.operator {
            meters.push(metered.meter);
        }
        above.push(takes_kept(node));
        node = passed_on_mut(node).expect("looked at before");
    }
    let Operator::Aggregate { input, keys, items, in_order, .. } = &mut node.operator else {
        unreachable!("looked at before")
    };
    let plan = PhysicalPlan {
        slots: slots.clone(),
        computed: computed.clone(),
        root: PhysicalNode::clone(input),
        columns: Vec::new(),
        estimates: Vec::new(),
        residency: Vec::new(),
        watched: None,
    };
    // Groups are kept by each thread, wait to be merged, and are merged.
    let (threads, all) = (readings.len(), GroupsOfAll::new(keys, items));
    let of_all = run.of_all(threads * (1 + AHEAD) + 1);
    let of = ChainOfEach { plan, threads };
    let work = GroupsOf { of, keys, items, bytes_max: bytes.map(|bytes| bytes / 4) };
    let made = Shared::carry_out(&work, parts.clone(), all, of_all, readings);
    kept.push(Kept::Groups(
        Box::new(made.all.into_groups(keys, items, *in_order)),
        made.merged == parts.len(),
    ));
    kept.extend(above.into_iter().rev().filter(|takes| *takes).map(|_| Kept::Nothing));
    if let (Some(next), Some(scan)) = (parts.get(made.merged), walk_mut(input)) {
        go_on_at(scan, *next);
    }
    let elapsed = reading.operation().view().now_ns().saturating_sub(begun);
    meters.iter().for_each(|meter| run.measure(*meter, 0, elapsed, Footprint::default()));
    made.meters.iter().for_each(|read| run.add_read(read));
    if let Some(own) = meters.last() {
        run.measure_threads(*own, made.threads);
    }
}

/// The parts of the walk beneath the operator that is so deep, in the order in which it goes through them.
fn parts_beneath(view: View<'_>, plan: &PhysicalPlan, depth: usize) -> Result<Vec<Ranks>, StorageError> {
    let below = (0..depth).try_fold(&plan.root, |node, _| passed_on(node)).and_then(passed_on).and_then(walk);
    let Some(PhysicalNode { operator: Operator::Scan(Scan { slot, access, .. }), .. }) = below else {
        return Ok(Vec::new());
    };
    let collection = view.catalog().collection(plan.slots[usize::from(slot.0)].collection.id);
    collection.map_or(Ok(Vec::new()), |collection| parts_of(view, collection, access))
}

/// The parts of a walk of leaves, in the order in which it goes through them.
fn parts_of(view: View<'_>, collection: &CollectionDef, access: &Access) -> Result<Vec<Ranks>, StorageError> {
    let Access::Range { low, high, backward, .. } = access else { return Ok(Vec::new()) };
    let count = view.count(collection.id)? / ROWS_OF_PART;
    let mut starts =
        view.parts(collection, if cfg!(test) { PARTS_MAX } else { PARTS_MAX.min(count as usize) })?;
    if cfg!(test) && starts.len() < 8 {
        starts = every_third(view, collection)?;
    }
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([u128::MAX]);
    let within = |(start, end): (&u128, u128)| {
        let ranks = (*low.max(start), *high.min(&end));
        (ranks.0 <= ranks.1).then_some(ranks)
    };
    let mut parts: Vec<Ranks> = starts.iter().zip(ends).filter_map(within).collect();
    if *backward {
        parts.reverse();
    }
    if planted::is(Bug::PartLost) {
        parts.pop();
    }
    Ok(parts)
}

/// In tests, whose trees have a few leaves: parts of a few records each.
fn every_third(view: View<'_>, collection: &CollectionDef) -> Result<Vec<u128>, StorageError> {
    let mut starts = Vec::from([0]);
    let mut leaves = view.leaves(collection, 0, u128::MAX, Direction::Forward)?;
    while let Some(leaf) = leaves.next_leaf()? {
        let rows = (0..leaf.len()).step_by((leaf.len() / PARTS_MAX).max(3)).skip(1);
        starts.extend(rows.map(|row| leaf.record(row).rank()));
    }
    Ok(starts)
}

/// Makes a walk begin with a part.
fn go_on_at(scan: &mut Scan, part: Ranks) {
    if let Access::Range { low, high, backward, whole } = &mut scan.access {
        *whole = false;
        match backward {
            true => *high = part.1,
            false => *low = part.0,
        }
    }
}

/// Makes a walk go through a part alone.
fn go_through(scan: &mut Scan, part: Ranks) {
    if let Access::Range { low, high, .. } = &mut scan.access {
        (*low, *high) = part;
    }
}

/// Waits, for no more than some milliseconds, while too much stays in memory because another thread is in an operation.
fn wait_for_others(reading: &dyn ReadingTogether) {
    for _ in 0..100 {
        if !reading.is_overfull() {
            break;
        }
        pause(Duration::from_micros(50));
    }
}

/// The operators of a chain in an operation of a thread, one of so many, and what they work with.
fn begin<'s>(
    view: View<'s>,
    plan: &PhysicalPlan,
    run: &Run,
    threads: usize,
    kept: &mut Vec<Kept>,
) -> (Env<'s>, Box<dyn operators::Operator<'s> + 's>) {
    let env = Env::new(view, plan, run.clone());
    let mut input = operators::build_gathered(&env, plan.root.clone());
    input.expect(usize::MAX);
    // What all of them look up at a time is in memory together.
    let rows = (chain::rows_of_batch(view, plan) / threads).max(1);
    input.resume(Reach { leaves: usize::MAX, rows }, kept);
    (env, input)
}

/// Groups of rows that `of` gives, in parts.
struct GroupsOf<'p, P> {
    of: P,
    keys: &'p [KeyTerm],
    items: &'p [AggregateTerm],
    /// What all may take in memory, merged.
    bytes_max: Option<usize>,
}

impl<P: Sync> Merging for GroupsOf<'_, P> {
    type OfPart = GroupsOfPart;
    type OfAll = GroupsOfAll;

    fn merge(&self, all: &mut GroupsOfAll, part: GroupsOfPart) -> bool {
        all.merge(part)
    }

    fn is_enough(&self, all: &GroupsOfAll) -> bool {
        self.bytes_max.is_some_and(|bytes| all.size() > bytes)
    }
}

/// A chain that so many threads carry out, each in operations of its own.
struct ChainOfEach {
    plan: PhysicalPlan,
    threads: usize,
}

impl<'r> Work<Box<dyn ReadingTogether + 'r>> for GroupsOf<'_, ChainOfEach> {
    fn part(
        &self,
        reading: &Box<dyn ReadingTogether + 'r>,
        ranks: Ranks,
        run: &Run,
    ) -> Result<Option<GroupsOfPart>, ExecError> {
        let ChainOfEach { plan, threads } = &self.of;
        let mut plan = plan.clone();
        if let Some(scan) = walk_mut(&mut plan.root) {
            go_through(scan, ranks);
        }
        let mut groups = GroupsBeingMade::new(self.keys, self.items);
        let (mut rows, mut kept) = (0, Vec::new());
        loop {
            wait_for_others(&**reading);
            let operation = reading.operation();
            let (env, mut input) = begin(operation.view(), &plan, run, *threads, &mut kept);
            rows += groups.add(&mut *input, &env)?;
            if !input.is_paused() || !input.remaining(&mut plan.root, &mut kept)? {
                return Ok(groups.end(rows));
            }
        }
    }
}

#[cfg(test)]
mod tests;
