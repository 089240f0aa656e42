//! What several threads do of a plan that is carried out within one operation.
//!
//! What finds partners in tables keeps references to records, and is no chain of operations: its pages stay in memory in any case.
//! So threads read within that operation, too. What an operator takes in whole, the rows of a table or those of groups, is divided
//! where it is asked for, if it comes from a walk of leaves with filters, lookups, joins and subqueries between:
//!
//! ```text
//! aggregate                        groups of parts, merged; or of a sort the first of each part, if few are wanted
//!   join, by a table of ..           each thread has its own, and one table for all (`Sharing`)
//!     join, by an index                each thread has its own
//!       scan                             the part
//!   .. filter                      rows of parts, one part after the other
//!        scan                        the part
//! ```
//!
//! - What is shared is made before, by the thread whose operation it is; where that fails, or takes more than memory may hold, nothing
//!   is divided.
//! - All is read through one [`View`], by which pages are found and kept for whoever asks.
//! - Behind the last part that counts the thread goes on, with what is shared, as one that began there.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::{
    AHEAD, GroupsOf, Made, Merging, PARTS_MAX, ROWS_MIN, Ranks, Shared, Work, go_on_at, go_through, parts_of,
    walk_mut,
};
use crate::engine::control::{Run, RunOfAll};
use crate::engine::error::ExecError;
use crate::engine::exec::batch::Batch;
use crate::engine::exec::budget::Charge;
use crate::engine::exec::meter::Footprint;
use crate::engine::exec::operators::{
    self, GroupsBeingMade, GroupsOfAll, GroupsOfPart, Operator, Place, RowsOfPart, RowsOfParts, Sharing,
};
use crate::engine::exec::{Env, Frame};
use crate::engine::explain::PlanNode;
use crate::engine::logical::{AggregateTerm, KeyTerm, SortTerm, Window};
use crate::engine::physical::{self, Access, Method, PhysicalNode, Scan};
use crate::engine::planted::{self, Bug};

/// The walk of leaves beneath `node`, if each of its rows becomes what it does whatever others there are.
pub(super) fn walk(mut node: &PhysicalNode) -> Option<&PhysicalNode> {
    use physical::Operator as P;
    loop {
        node = match &node.operator {
            P::Scan(Scan { access: Access::Range { .. }, .. }) => return Some(node),
            P::Filter { input, .. } | P::Lookup { input, .. } => input,
            P::Among(among) => &among.input,
            P::Sieve(sieve) => &sieve.input,
            P::Metered(metered) => &metered.input,
            P::Subquery(subquery) => &subquery.input,
            P::Join(join) if !join.merges => &join.input,
            _ => return None,
        };
    }
}

/// Whether so much comes of the walk beneath `node` that several threads are quicker.
pub(in crate::engine::exec) fn is_divided(node: &PhysicalNode) -> bool {
    walk(node).is_some_and(|scan| scan.rows >= ROWS_MIN)
}

/// Of so many rows at most several threads find the first of each part: those of all parts are sorted once more.
const TOP_MAX: u64 = 4096;

/// Of the rows of `input` the first so many, if several threads find the first of each part before: where those of all parts are few
/// beside the rows there are.
fn top(input: &PhysicalNode, window: Option<Window>, given: usize) -> Option<u64> {
    let end = window?.end().filter(|end| (1..=TOP_MAX).contains(end) && given == 0)?;
    let rows = walk(input)?.rows;
    let is_few = cfg!(test) || (end as usize * PARTS_MAX) as f64 <= rows / 4.0;
    (is_few && is_divided(input)).then_some(end)
}

/// Whether several threads sort the rows of `input` for a window of them: where all are sorted.
pub(in crate::engine::exec) fn is_sorted_in_parts(
    input: &PhysicalNode,
    window: Option<Window>,
    given: usize,
) -> bool {
    let end = window.and_then(Window::end);
    given == 0 && end.is_none_or(|end| end > physical::TOP_MAX) && is_divided(input)
}

/// Whether several threads make something of what is beneath `node`, or of its rows where it is what a table is made of.
pub(super) fn is_made_by_threads(node: &PhysicalNode, is_of_table: bool) -> bool {
    match &node.operator {
        physical::Operator::Metered(metered) => is_made_by_threads(&metered.input, is_of_table),
        physical::Operator::Aggregate { input, runs, .. } => !runs && is_divided(input),
        physical::Operator::Sort { input, window, given, .. } => {
            top(input, *window, *given).is_some() || is_sorted_in_parts(input, *window, *given)
        }
        _ => is_of_table && is_divided(node),
    }
}

/// The rows that a table is made of, or that are kept, if a node has such.
pub(super) fn of_table(node: &PhysicalNode) -> Option<&PhysicalNode> {
    use physical::Operator as P;
    match &node.operator {
        P::Shared { input, number: Some(_), .. } => Some(input),
        P::Metered(metered) => of_table(&metered.input),
        P::Among(among) => Some(&among.source),
        P::Join(physical::Join {
            method: Method::Hash { inner, .. } | Method::Loop { inner, .. },
            merges: false,
            ..
        })
        | P::Subquery(physical::Subquery {
            method: Method::Hash { inner, .. } | Method::Loop { inner, .. },
            ..
        }) => Some(inner),
        _ => None,
    }
}

/// Whether several threads make anything of the plan beneath `node`.
pub(super) fn has_work(node: &PhysicalNode) -> bool {
    is_made_by_threads(node, false)
        || of_table(node).is_some_and(is_divided)
        || node.children().into_iter().any(has_work)
}

/// Marks of `shown`, by which `node` is told, and of what is beneath it, what so many threads make.
pub(super) fn mark(shown: &mut PlanNode, node: &PhysicalNode, threads: usize) {
    mark_all(shown, node, false, threads);
}

fn mark_all(shown: &mut PlanNode, node: &PhysicalNode, is_of_table: bool, threads: usize) {
    if let physical::Operator::Metered(metered) = &node.operator {
        return mark_all(shown, &metered.input, is_of_table, threads);
    }
    if is_made_by_threads(node, is_of_table) {
        shown.threads = threads;
    }
    let table = of_table(node);
    let children = node.children().into_iter();
    let children = children.filter(|child| !matches!(child.operator, physical::Operator::Pairs));
    for (shown, child) in shown.children.iter_mut().zip(children) {
        mark_all(shown, child, table.is_some_and(|table| core::ptr::eq(table, child)), threads);
    }
}

/// A walk that is divided, with what is shared.
struct Divided<'s> {
    frame: Frame<'s>,
    node: PhysicalNode,
    parts: Vec<Ranks>,
    sharing: Sharing<'s>,
}

impl<'s> Divided<'s> {
    /// Divides the walk beneath `node`; `None` where that is not to be done.
    fn new(env: &Env<'s>, node: &PhysicalNode) -> Result<Option<Divided<'s>>, ExecError> {
        let parts = match walk(node).map(|scan| &scan.operator) {
            Some(physical::Operator::Scan(scan)) if env.threads > 1 => {
                // What cannot be read beside the way is no fault of the rows on it.
                parts_of(env.view, env.collection(scan.slot), &scan.access).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        if parts.len() < 2 || env.budget.is_none() {
            return Ok(None);
        }
        let (used, common, read) = (env.budget.used(), env.tables.len(), env.run.read());
        let mut sharing = Sharing::default();
        let mut input = operators::build_gathered(env, node.clone());
        if input.share(env, &mut sharing).is_err() {
            env.run.read_again(&read);
            // What operators have taken goes with them, but for rows that others have in common.
            if env.tables.len() == common {
                env.budget.forget(env.budget.used().saturating_sub(used));
            }
            return Ok(None);
        }
        Ok(Some(Divided { frame: env.frame(), node: node.clone(), parts, sharing }))
    }

    /// The operators for a part of the walk, as `limit` says.
    fn build(
        &self,
        env: &Env<'s>,
        limit: impl FnOnce(&mut Scan),
    ) -> Result<Box<dyn Operator<'s> + 's>, ExecError> {
        let mut node = self.node.clone();
        if let Some(scan) = walk_mut(&mut node) {
            limit(scan);
        }
        let mut input = operators::build_gathered(env, node);
        input.expect(usize::MAX);
        input.share(env, &mut self.sharing.taken())?;
        Ok(input)
    }

    /// The operators for what is behind so many parts; `None` behind the last.
    fn rest(&self, env: &Env<'s>, merged: usize) -> Result<Option<Box<dyn Operator<'s> + 's>>, ExecError> {
        let merged = if planted::is(Bug::RestBeginsLate) { merged + 1 } else { merged };
        let Some(next) = self.parts.get(merged) else { return Ok(None) };
        self.build(env, |scan| go_on_at(scan, *next)).map(Some)
    }

    /// Has threads make what `work` is of the parts.
    fn carry_out<W: Work<()>>(&self, env: &Env<'s>, work: &W, all: W::OfAll) -> Made<W> {
        let threads = env.threads.min(self.parts.len());
        // What is shared may take half, and what is made waits to be merged.
        let shares = 2 * (threads * (1 + AHEAD) + 1);
        let made =
            Shared::carry_out(work, self.parts.clone(), all, env.run.of_all(shares), vec![(); threads]);
        made.meters.iter().for_each(|read| env.run.add_read(read));
        made
    }
}

/// What became of the rows of an operator that threads took in.
pub(in crate::engine::exec) struct Taken<'s, T> {
    /// What was made of them.
    pub(in crate::engine::exec) made: T,
    /// Gives those that were not taken in; none when all were.
    pub(in crate::engine::exec) rest: Option<Box<dyn Operator<'s> + 's>>,
    pub(in crate::engine::exec) threads: usize,
}

/// Makes groups of the rows of `node`, in parts; `None` where it is better done without.
pub(in crate::engine::exec) fn groups<'s>(
    env: &Env<'s>,
    node: &PhysicalNode,
    keys: &[KeyTerm],
    items: &[AggregateTerm],
) -> Result<Option<Taken<'s, GroupsOfAll>>, ExecError> {
    let Some(divided) = Divided::new(env, node)? else { return Ok(None) };
    let bytes_max = env.budget.bytes().map(|bytes| bytes / 4);
    let work = GroupsOf { of: &divided, keys, items, bytes_max };
    let made = divided.carry_out(env, &work, GroupsOfAll::new(keys, items));
    let rest = divided.rest(env, made.merged)?;
    Ok(Some(Taken { made: made.all, rest, threads: made.threads }))
}

impl Work<()> for GroupsOf<'_, &Divided<'_>> {
    fn part(&self, (): &(), ranks: Ranks, run: &Run) -> Result<Option<GroupsOfPart>, ExecError> {
        let env = self.of.frame.env(run.clone());
        let mut input = self.of.build(&env, |scan| go_through(scan, ranks))?;
        let mut groups = GroupsBeingMade::new(self.keys, self.items);
        let rows = groups.add(&mut *input, &env)?;
        Ok(groups.end(rows))
    }
}

/// Sorts the rows of `node`, in parts; `None` where it is better done without.
pub(in crate::engine::exec) fn sorted<'s>(
    env: &Env<'s>,
    node: &PhysicalNode,
    terms: &[SortTerm],
) -> Result<Option<Taken<'s, RowsOfParts<'s>>>, ExecError> {
    let Some(divided) = Divided::new(env, node)? else { return Ok(None) };
    // References stay as they are, however many there are, where nothing was asked for.
    let bytes_max = env.budget.bytes().filter(|_| env.budget.is_given()).map(|bytes| bytes / 4);
    let work = Sorted { divided: &divided, terms, bytes_max };
    let made = divided.carry_out(env, &work, RowsOfParts::new());
    let rest = divided.rest(env, made.merged)?;
    Ok(Some(Taken { made: made.all, rest, threads: made.threads }))
}

/// The rows of a part in order.
struct Sorted<'p, 's> {
    divided: &'p Divided<'s>,
    terms: &'p [SortTerm],
    /// What those of all parts may take in memory.
    bytes_max: Option<usize>,
}

impl<'s> Merging for Sorted<'_, 's> {
    type OfPart = RowsOfPart<'s>;
    type OfAll = RowsOfParts<'s>;

    fn merge(&self, all: &mut RowsOfParts<'s>, part: RowsOfPart<'s>) -> bool {
        all.append(part)
    }

    fn is_enough(&self, all: &RowsOfParts<'s>) -> bool {
        self.bytes_max.is_some_and(|bytes| all.size() > bytes)
    }
}

impl<'s> Work<()> for Sorted<'_, 's> {
    fn part(&self, (): &(), ranks: Ranks, run: &Run) -> Result<Option<RowsOfPart<'s>>, ExecError> {
        let env = self.divided.frame.env(run.clone());
        let mut input = self.divided.build(&env, |scan| go_through(scan, ranks))?;
        RowsOfPart::of(&mut *input, self.terms, &env)
    }
}

/// How two rows compare.
type Compare<'c> = dyn Fn(&Place, &Place) -> Ordering + Sync + 'c;

/// How many ranges of keys each thread merges, about, and how many rows such a range has at least.
const RANGES_OF_EACH: usize = 4;
const ROWS_OF_RANGE: usize = if cfg!(test) { 4 } else { 16 << 10 };

/// So many rows are looked at to find where a range begins.
const SAMPLES_OF_RANGE: usize = 32;

/// The numbers of rows of `orders`, each of which is in order, in the order of all; those that compare equal in that of `orders`.
pub(in crate::engine::exec) fn merged(
    env: &Env<'_>,
    orders: &[Vec<Place>],
    compare: &Compare<'_>,
) -> Vec<u32> {
    merged_by(env.threads, env.run.of_all(1), orders, compare)
}

/// As [`merged`], by so many threads.
pub(super) fn merged_by(
    threads: usize,
    run: RunOfAll,
    orders: &[Vec<Place>],
    compare: &Compare<'_>,
) -> Vec<u32> {
    let count: usize = orders.iter().map(Vec::len).sum();
    let ranges = (RANGES_OF_EACH * threads).min(count / ROWS_OF_RANGE).max(1);
    let mut samples: Vec<Place> = Vec::new();
    let step = (count / (ranges * SAMPLES_OF_RANGE)).max(1);
    if ranges > 1 {
        samples.extend(orders.iter().flat_map(|order| order.iter().step_by(step)));
        samples.sort_by(compare);
    }
    let starts = (1..ranges).map(|range| samples[range * samples.len() / ranges]).collect();
    let work = Ranges { orders, compare, starts };
    let ranks = (0..ranges as u128).map(|range| (range, range)).collect();
    let all = Vec::with_capacity(count);
    Shared::carry_out(&work, ranks, all, run, vec![(); threads.min(ranges)]).all
}

/// Ranges of keys, each of which is merged alone.
struct Ranges<'o> {
    orders: &'o [Vec<Place>],
    compare: &'o Compare<'o>,
    /// Where those behind the first begin.
    starts: Vec<Place>,
}

impl Merging for Ranges<'_> {
    type OfPart = Vec<u32>;
    type OfAll = Vec<u32>;

    fn merge(&self, all: &mut Vec<u32>, part: Vec<u32>) -> bool {
        all.extend(part);
        true
    }
}

impl Work<()> for Ranges<'_> {
    fn part(&self, (): &(), (range, _): Ranks, _: &Run) -> Result<Option<Vec<u32>>, ExecError> {
        let range = range as usize;
        // Of rows that compare equal all are in one range.
        let begin = |order: &[Place], range: usize| match range.checked_sub(1) {
            None => 0,
            Some(at) => match self.starts.get(at) {
                Some(start) => order.partition_point(|place| (self.compare)(place, start).is_lt()),
                None => order.len(),
            },
        };
        let mut merged = Vec::new();
        for order in self.orders {
            merged.extend_from_slice(&order[begin(order, range)..begin(order, range + 1)]);
        }
        // It finds what is in order already, and merges that.
        merged.sort_by(|a, b| (self.compare)(a, b));
        Ok(Some(merged.into_iter().map(|(_, row)| row).collect()))
    }
}

/// The rows of `node`, made in parts by threads where all of them are wanted.
pub(in crate::engine::exec) fn together<'s>(env: &Env<'s>, node: PhysicalNode) -> Box<dyn Operator<'s> + 's> {
    match env.threads > 1 && is_divided(&node) {
        true => Box::new(Together::of(node, None)),
        false => operators::build(env, node),
    }
}

/// The rows of `node`, which are sorted by `terms` for a window of them: where threads find the first of each part, these.
pub(in crate::engine::exec) fn first<'s>(
    env: &Env<'s>,
    node: PhysicalNode,
    terms: &[SortTerm],
    window: Option<Window>,
    (given, bars): (usize, bool),
) -> Box<dyn Operator<'s> + 's> {
    match top(&node, window, given).filter(|_| env.threads > 1) {
        Some(end) => {
            let skip = u64::from(planted::is(Bug::FirstOfPartLost));
            let window = Window { skip, ..Window::first(end) };
            Box::new(Together::of(node, Some((terms.to_vec(), window, bars))))
        }
        None => operators::build(env, node),
    }
}

/// So many bytes of rows wait at most, about, where memory has no limit: behind them one thread goes on.
const UNBOUNDED_MAX: usize = 64 << 20;

/// Gives the rows of parts, one part after the other.
struct Together<'s> {
    node: PhysicalNode,
    state: State<'s>,
    wants_all: bool,
    /// By what, and which, the first of each part are, if these are wanted alone. They come in that order, part by part.
    top: Option<(Vec<SortTerm>, Window, bool)>,
    /// What the rows of parts took in memory.
    size: usize,
    /// How many threads made them.
    threads: usize,
}

enum State<'s> {
    NotBegun,
    /// Those that threads have made, and behind them the rest.
    Begun(alloc::vec::IntoIter<Batch<'s>>, Option<Box<dyn Operator<'s> + 's>>),
}

impl<'s> Together<'s> {
    fn of(node: PhysicalNode, top: Option<(Vec<SortTerm>, Window, bool)>) -> Together<'s> {
        Together { node, state: State::NotBegun, wants_all: false, top, size: 0, threads: 1 }
    }

    /// Has threads make the rows.
    fn begin(&mut self, env: &Env<'s>) -> Result<State<'s>, ExecError> {
        let divided = if self.wants_all { Divided::new(env, &self.node)? } else { None };
        let Some(divided) = divided else {
            let mut input = operators::build(env, self.node.clone());
            if self.wants_all {
                input.expect(usize::MAX);
            }
            return Ok(State::Begun(Vec::new().into_iter(), Some(input)));
        };
        let bytes_max = env.budget.bytes().map_or(UNBOUNDED_MAX, |bytes| bytes / 4);
        let work = Batches { divided: &divided, top: self.top.as_ref(), bytes_max };
        let made = divided.carry_out(env, &work, (Vec::new(), 0));
        self.threads = made.threads;
        if let (None, physical::Operator::Metered(metered)) = (&self.top, &self.node.operator) {
            env.run.measure_threads(metered.meter, made.threads);
        }
        let (batches, size) = made.all;
        self.size = size;
        Ok(State::Begun(batches.into_iter(), divided.rest(env, made.merged)?))
    }
}

impl<'s> Operator<'s> for Together<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        if let State::NotBegun = self.state {
            self.state = self.begin(env)?;
        }
        let State::Begun(made, rest) = &mut self.state else { unreachable!("it has begun") };
        if let Some(next) = made.next() {
            *batch = next;
            return Ok(true);
        }
        match rest {
            Some(rest) => rest.next(env, batch),
            None => Ok(false),
        }
    }

    fn expect(&mut self, rows: usize) {
        self.wants_all = rows == usize::MAX;
        if let State::Begun(_, Some(rest)) = &mut self.state {
            rest.expect(rows);
        }
    }

    fn footprint(&self) -> Footprint {
        Footprint::in_memory(self.size)
    }

    fn threads(&self) -> usize {
        self.threads
    }
}

/// The rows of a part.
struct Batches<'p, 's> {
    divided: &'p Divided<'s>,
    /// Which of them alone.
    top: Option<&'p (Vec<SortTerm>, Window, bool)>,
    /// What those of all parts may take in memory.
    bytes_max: usize,
}

impl<'s> Merging for Batches<'_, 's> {
    type OfPart = (Vec<Batch<'s>>, usize);
    type OfAll = (Vec<Batch<'s>>, usize);

    fn merge(&self, all: &mut Self::OfAll, part: Self::OfPart) -> bool {
        all.0.extend(part.0);
        all.1 += part.1;
        true
    }

    fn is_enough(&self, all: &Self::OfAll) -> bool {
        all.1 > self.bytes_max
    }
}

impl<'s> Work<()> for Batches<'_, 's> {
    fn part(&self, (): &(), ranks: Ranks, run: &Run) -> Result<Option<Self::OfPart>, ExecError> {
        let env = self.divided.frame.env(run.clone());
        let mut input = self.divided.build(&env, |scan| go_through(scan, ranks))?;
        if let Some((terms, window, bars)) = self.top {
            input = operators::first_of(input, terms.clone(), *window, *bars);
        }
        let (mut made, mut size, mut charge) = (Vec::new(), 0, Charge::default());
        let mut batch = env.batch();
        while input.next(&env, &mut batch)? {
            if batch.count() > 0 {
                batch.loosen();
                size += batch.size();
                if env.budget.charge(&mut charge, size) {
                    return Ok(None);
                }
                made.push(core::mem::replace(&mut batch, env.batch()));
            }
        }
        Ok(Some((made, size)))
    }
}
