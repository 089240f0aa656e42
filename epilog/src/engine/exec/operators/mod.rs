//! The operators, one file each: the nouns of the physical plan.

mod aggregate;
#[cfg(not(feature = "small"))]
mod ahead;
#[cfg(not(feature = "small"))]
mod among;
#[cfg(not(feature = "small"))]
mod band;
mod built;
#[cfg(not(feature = "small"))]
mod entry_values;
mod filter;
#[cfg(not(feature = "small"))]
mod gathered;
mod join;
mod limit;
mod lookup;
#[cfg(not(feature = "small"))]
mod metered;
#[cfg(not(feature = "small"))]
mod native;
#[cfg(not(feature = "small"))]
mod recursive;
mod scan;
mod set;
#[cfg(not(feature = "small"))]
mod shared;
#[cfg(all(feature = "std", not(feature = "small")))]
mod sharing;
mod sort;
#[cfg(not(feature = "small"))]
mod span;
mod subquery;
#[cfg(not(feature = "small"))]
mod values;
mod window;

#[cfg(all(feature = "std", not(feature = "small")))]
pub(super) use aggregate::{GroupsBeingMade, GroupsOfAll, GroupsOfPart};
pub(in crate::engine) use scan::dangling;
#[cfg(all(feature = "std", not(feature = "small")))]
pub(super) use sharing::{Sharing, not_shared};
#[cfg(all(feature = "std", not(feature = "small")))]
pub(super) use sort::{Place, RowsOfPart, RowsOfParts};
#[cfg(not(feature = "small"))]
pub(super) use values::Tables;

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Env;
use super::batch::{Batch, GATHERED_MAX};
#[cfg(not(feature = "small"))]
use super::meter::Footprint;
#[cfg(all(feature = "std", not(feature = "small")))]
use super::threads::within;
use crate::engine::error::ExecError;
#[cfg(not(feature = "small"))]
use crate::engine::estimate::Counter;
#[cfg(all(feature = "std", not(feature = "small")))]
use crate::engine::logical::{SortTerm, Window};
use crate::engine::physical::{self, PhysicalNode};
use crate::parts::{InWhole, Whole};

/// Something that gives rows.
pub(super) trait Operator<'s> {
    /// Makes `batch` the next rows; `false` after the last. No row may be left of a batch.
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError>;

    /// Says how many rows are wanted, so that no more are read than it takes to find them; `usize::MAX` when it is all of them,
    /// whatever they are. It is no limit.
    fn expect(&mut self, rows: usize);

    /// Passes over up to so many of the next rows, where that takes less than giving them, and says how many those were.
    #[cfg(not(feature = "small"))]
    fn skip(&mut self, _env: &Env<'s>, _rows: usize) -> Result<usize, ExecError> {
        Ok(0)
    }

    /// Makes this a part of a chain (see `chain`): it goes on where the one before it was when it paused, with what that
    /// put into `kept`, the last first, and pauses itself after so much, or when the operation keeps too much in memory.
    fn resume(&mut self, _reach: Reach, _kept: &mut Vec<Kept>) {}

    /// After the last row: whether that was the last until another operation.
    fn is_paused(&self) -> bool {
        false
    }

    /// In a pause: makes `node`, which the operator was built from, the plan of what is left undone, and puts what else it
    /// takes into `kept`. False when nothing is left.
    fn remaining(&mut self, _node: &mut PhysicalNode, _kept: &mut Vec<Kept>) -> Result<bool, ExecError> {
        Ok(false)
    }

    /// What it keeps of rows, or has kept at most. Not in small builds, which measure nothing.
    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        Footprint::default()
    }

    /// Makes what does not depend on the rows that it takes, or takes it, where another thread does the same with other rows; and
    /// likewise for those beneath it. Before the first row. An error says no more than that nothing can be shared.
    #[cfg(all(feature = "std", not(feature = "small")))]
    fn share(&mut self, _env: &Env<'s>, _sharing: &mut Sharing<'s>) -> Result<(), ExecError> {
        Ok(())
    }

    /// How many threads did what it does.
    #[cfg(all(feature = "std", not(feature = "small")))]
    fn threads(&self) -> usize {
        1
    }
}

/// How far a chain goes within one operation.
#[derive(Clone, Copy)]
pub(super) struct Reach {
    /// After so many leaves, or about as many rows as they have, it pauses.
    pub(super) leaves: usize,
    /// A batch has no more rows than this.
    pub(super) rows: usize,
}

impl Reach {
    /// The rows that are about as many as the leaves have; in tests few, so that there are many pauses.
    fn rows_in_all(self) -> usize {
        self.leaves.saturating_mul(if cfg!(test) { 1 } else { GATHERED_MAX / 16 })
    }

    /// How far the input of something goes that gives nothing before it has all of it. In tests no farther than others.
    fn of_input(self) -> Reach {
        if cfg!(test) { self } else { Reach { leaves: usize::MAX, ..self } }
    }

    /// How many rows something gives that has done all its work before the first.
    fn rows_when_done(self) -> usize {
        if cfg!(test) { self.rows_in_all() } else { self.rows_in_all().max(4 * GATHERED_MAX) }
    }
}

/// What an operator keeps from one operation to the next beside its plan. It borrows nothing.
pub(super) enum Kept {
    Ranks(scan::Left),
    /// And whether all rows are in them.
    Groups(Box<aggregate::Groups>, bool),
    Sort(Box<sort::Sorter>, Whole),
    #[cfg(not(feature = "small"))]
    Set(Box<set::Kept>),
    Numbers(InWhole<window::Numbered>, Whole),
    /// Which records rows may point at, if that is known already.
    #[cfg(not(feature = "small"))]
    Marks(Option<alloc::sync::Arc<super::marks::Marks>>),
    /// Nothing: the operator has not begun, though one beneath it has.
    #[cfg(all(feature = "std", not(feature = "small")))]
    Nothing,
}

/// Something that changes rows batch by batch: it may drop rows and add to them.
pub(super) trait Stage<'s> {
    /// Changes the rows left of a batch.
    fn apply(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError>;

    /// As [`Operator::footprint`].
    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        Footprint::default()
    }

    /// As [`Operator::share`].
    #[cfg(all(feature = "std", not(feature = "small")))]
    fn share(&mut self, _env: &Env<'s>, _sharing: &mut Sharing<'s>) -> Result<(), ExecError> {
        Ok(())
    }
}

/// The operator that carries out a node of a plan.
pub(super) fn build<'s>(env: &Env<'s>, node: PhysicalNode) -> Box<dyn Operator<'s> + 's> {
    use physical::Operator as P;
    match node.operator {
        P::Scan(scan) => scan::build(env, scan),
        P::Pairs => unreachable!("pairs are made by the subquery around them"),
        #[cfg(feature = "small")]
        P::Sort { input, terms, window } => sort::build(build(env, *input), terms, window),
        #[cfg(not(feature = "small"))]
        P::Sort { input, terms, window, given, settled, bars } => {
            let given = if given > 0 && keeps_order(env, &input) { given } else { 0 };
            if settled && given > 0 {
                return build(env, *input);
            }
            #[cfg(feature = "std")]
            {
                let is_divided = env.threads > 1 && within::is_sorted_in_parts(&input, window, given);
                let divided = is_divided.then(|| input.clone());
                let input = within::first(env, *input, &terms, window, (given, bars));
                Box::new(sort::build(input, terms, window, (given, bars)).by_threads(divided))
            }
            #[cfg(not(feature = "std"))]
            sort::build(build(env, *input), terms, window, (given, bars))
        }
        P::Limit { input, window } => Box::new(limit::Limit::new(build(env, *input), window)),
        P::Aggregate {
            input,
            keys,
            items,
            in_order,
            #[cfg(not(feature = "small"))]
            runs,
        } => {
            #[cfg(not(feature = "small"))]
            if runs && keeps_order(env, &input) {
                let input = build_gathered(env, *input);
                return Box::new(aggregate::Aggregate::new(input, keys, items, in_order).in_runs());
            }
            #[cfg(all(feature = "std", not(feature = "small")))]
            let divided = (env.threads > 1 && within::is_divided(&input)).then(|| input.clone());
            let aggregate = aggregate::Aggregate::new(build_gathered(env, *input), keys, items, in_order);
            #[cfg(all(feature = "std", not(feature = "small")))]
            let aggregate = aggregate.by_threads(divided);
            Box::new(aggregate)
        }
        P::Window { input, mut items, whole } => {
            window::build(build(env, *input), core::mem::take(&mut *items), whole)
        }
        P::Join(join) => join::build(env, join),
        #[cfg(not(feature = "small"))]
        P::Among(among) => among::build(env, among),
        #[cfg(not(feature = "small"))]
        P::Ahead(ahead) => ahead::build(env, ahead),
        // What both ask of rows on a page is put in order together.
        #[cfg(not(feature = "small"))]
        P::Sieve(_) => sieving(env, node),
        #[cfg(not(feature = "small"))]
        P::Filter { ref input, .. } if matches!(input.operator, P::Sieve(_)) => sieving(env, node),
        P::Set { input, right, kind, columns, .. } => {
            Box::new(set::Set::new(build(env, *input), build(env, *right), kind, columns))
        }
        #[cfg(not(feature = "small"))]
        P::Shared { input, number, found, columns, .. } => {
            let input = if number.is_some() { build_kept(env, *input) } else { build(env, *input) };
            Box::new(shared::Shared::new(input, number, found, columns))
        }
        #[cfg(not(feature = "small"))]
        P::Previous { number, columns, .. } => Box::new(recursive::Previous::new(number, columns)),
        #[cfg(not(feature = "small"))]
        P::Recursive { input, step, number, columns, identity, rounds, .. } => {
            let rounds = rounds.unwrap_or(u64::MAX);
            Box::new(recursive::Recursive::new(build(env, *input), *step, number, columns, identity, rounds))
        }
        #[cfg(feature = "small")]
        P::Shared { whole, .. } | P::Previous { whole, .. } | P::Recursive { whole, .. } => match whole {},
        #[cfg(not(feature = "small"))]
        P::Metered(physical::Metered { input, meter, .. }) => {
            Box::new(metered::Metered { input: build(env, *input), meter })
        }
        #[cfg(feature = "small")]
        P::Metered(metered) => match metered._whole {},
        P::CountRecords { slot, outputs } => Box::new(aggregate::CountRecords::new(slot, outputs)),
        operator @ (P::Filter { .. } | P::Native { .. } | P::Lookup { .. } | P::Subquery(_)) => {
            #[cfg(not(feature = "small"))]
            if let P::Subquery(subquery) = &operator
                && let Some(answering) = subquery::build(env, subquery)
            {
                return answering;
            }
            let is_filter = matches!(operator, P::Filter { .. } | P::Native { .. });
            #[cfg(not(feature = "small"))]
            let counter = match operator {
                P::Filter { counter, .. } => counter,
                _ => Counter::NONE,
            };
            let (input, stage) = split(env, operator);
            let input = if is_filter { build(env, input) } else { build_gathered(env, input) };
            Box::new(Staged {
                input,
                stage,
                #[cfg(not(feature = "small"))]
                counter,
            })
        }
    }
}

/// Whether rows come in the order of the records that they begin at: not where both sides of a join may be put aside.
#[cfg(not(feature = "small"))]
fn keeps_order(env: &Env<'_>, node: &PhysicalNode) -> bool {
    use physical::Operator as P;
    match &node.operator {
        P::Join(join) => !join::may_put_aside(env, join) && keeps_order(env, &join.input),
        P::Filter { input, .. } | P::Lookup { input, .. } | P::Native { input, .. } => {
            keeps_order(env, input)
        }
        // Groups come in that of their rows where each ends when the next begins; all rows are one.
        P::Aggregate { input, keys, runs, .. } => keys.is_empty() || *runs && keeps_order(env, input),
        P::Subquery(subquery) => keeps_order(env, &subquery.input),
        P::Among(among) => keeps_order(env, &among.input),
        P::Sieve(sieve) => keeps_order(env, &sieve.input),
        P::Ahead(ahead) => keeps_order(env, &ahead.input),
        P::Metered(metered) => keeps_order(env, &metered.input),
        _ => true,
    }
}

/// The operator of sieves and filters on each other.
#[cfg(not(feature = "small"))]
fn sieving<'s>(env: &Env<'s>, node: PhysicalNode) -> Box<dyn Operator<'s> + 's> {
    let (input, filter) = filter::Filter::sieving(env, node);
    // What filters drop is not told from what sieves do: neither is counted.
    Box::new(Staged { input: build(env, input), stage: Box::new(filter), counter: Counter::NONE })
}

/// As [`build`], for what costs something for each batch: few rows come together.
pub(super) fn build_gathered<'s>(env: &Env<'s>, node: PhysicalNode) -> Box<dyn Operator<'s> + 's> {
    #[cfg(not(feature = "small"))]
    if gathered::drops_rows(&node) {
        return gathered::over(env, build(env, node));
    }
    build(env, node)
}

/// As [`build`], of rows that are all taken in before anything else is done, if several threads make them.
fn build_whole<'s>(env: &Env<'s>, node: PhysicalNode) -> Box<dyn Operator<'s> + 's> {
    #[cfg(all(feature = "std", not(feature = "small")))]
    return within::together(env, node);
    #[cfg(not(all(feature = "std", not(feature = "small"))))]
    build(env, node)
}

/// As [`build_whole`], of rows that are kept as they come: few come together.
#[cfg(not(feature = "small"))]
fn build_kept<'s>(env: &Env<'s>, node: PhysicalNode) -> Box<dyn Operator<'s> + 's> {
    match gathered::drops_rows(&node) {
        true => gathered::over(env, build_whole(env, node)),
        false => build_whole(env, node),
    }
}

/// The rows of a window of `input` in order.
#[cfg(all(feature = "std", not(feature = "small")))]
pub(super) fn first_of<'s>(
    input: Box<dyn Operator<'s> + 's>,
    terms: Vec<SortTerm>,
    window: Window,
    bars: bool,
) -> Box<dyn Operator<'s> + 's> {
    sort::build(input, terms, Some(window), (0, bars))
}

/// The stages of a chain over [`Pairs`](physical::Operator::Pairs), those next to the pairs first.
pub(super) fn stages<'s>(env: &Env<'s>, node: PhysicalNode) -> Vec<Box<dyn Stage<'s> + 's>> {
    match node.operator {
        physical::Operator::Pairs => Vec::new(),
        #[cfg(not(feature = "small"))]
        physical::Operator::Metered(physical::Metered { input, meter, .. }) => {
            let mut all = stages(env, *input);
            let stage = all.pop().expect("a meter is around a stage");
            all.push(Box::new(metered::MeteredStage { stage, meter }));
            all
        }
        operator => {
            let (input, stage) = split(env, operator);
            let mut all = stages(env, input);
            all.push(stage);
            all
        }
    }
}

fn split<'s>(env: &Env<'s>, operator: physical::Operator) -> (PhysicalNode, Box<dyn Stage<'s> + 's>) {
    match operator {
        physical::Operator::Filter { input, predicates, .. } => {
            (*input, Box::new(filter::Filter::new(env, predicates)))
        }
        #[cfg(not(feature = "small"))]
        physical::Operator::Native { input, slot, test, .. } => {
            (*input, Box::new(native::Native::new(slot, &test)))
        }
        #[cfg(feature = "small")]
        physical::Operator::Native { _whole, .. } => match _whole {},
        physical::Operator::Lookup {
            input,
            from,
            position,
            #[cfg(not(feature = "small"))]
            by,
            into,
        } => {
            let pointer = env.pointer(from, position);
            #[cfg(not(feature = "small"))]
            let pointer = by.map_or(pointer, |value| env.value(value));
            (*input, Box::new(lookup::Lookup::new(env, pointer, into)))
        }
        physical::Operator::Subquery(subquery) => subquery::split(env, subquery),
        _ => unreachable!("a chain is made of filters, lookups and subqueries"),
    }
}

/// A stage over an operator.
struct Staged<'s> {
    input: Box<dyn Operator<'s> + 's>,
    stage: Box<dyn Stage<'s> + 's>,
    /// What its rows are counted by.
    #[cfg(not(feature = "small"))]
    counter: Counter,
}

impl<'s> Operator<'s> for Staged<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        while self.input.next(env, batch)? {
            let taken = batch.count();
            if taken == 0 {
                continue;
            }
            self.stage.apply(env, batch)?;
            let given = batch.count();
            #[cfg(not(feature = "small"))]
            env.counts.add(self.counter, taken, given);
            if given > 0 {
                return Ok(true);
            }
        }
        #[cfg(not(feature = "small"))]
        if !self.input.is_paused() {
            env.counts.end(self.counter);
        }
        Ok(false)
    }

    fn expect(&mut self, rows: usize) {
        self.input.expect(rows);
    }

    fn resume(&mut self, reach: Reach, kept: &mut Vec<Kept>) {
        self.input.resume(reach, kept);
    }

    fn is_paused(&self) -> bool {
        self.input.is_paused()
    }

    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        self.stage.footprint()
    }

    #[cfg(all(feature = "std", not(feature = "small")))]
    fn share(&mut self, env: &Env<'s>, sharing: &mut Sharing<'s>) -> Result<(), ExecError> {
        self.input.share(env, sharing)?;
        self.stage.share(env, sharing)
    }

    fn remaining(&mut self, node: &mut PhysicalNode, kept: &mut Vec<Kept>) -> Result<bool, ExecError> {
        match &mut node.operator {
            physical::Operator::Filter { input, .. }
            | physical::Operator::Native { input, .. }
            | physical::Operator::Lookup { input, .. } => self.input.remaining(input, kept),
            physical::Operator::Subquery(subquery) => self.input.remaining(&mut subquery.input, kept),
            _ => Ok(false),
        }
    }
}
