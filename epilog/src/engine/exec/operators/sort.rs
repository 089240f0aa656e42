//! Sorts: by keys whose bytes order as the rows do.
//!
//! A row's terms are encoded one after the other into one byte string (`value::key`), inverted where the order descends,
//! so that comparing rows is comparing bytes; the first eight are compared as one integer. The rank of the root record ends
//! them: rows that compare equal come in the order of their keys, however their records were reached.
//!
//! Rows are kept as references to their records while all is done within one operation, which is quickest. In a pause (see
//! `chain`), and when they take more than a query may keep by what was asked for, they are packed, and come out with records that
//! are fetched again:
//!
//! ```text
//! Near      references, keys       in the operation that read them
//!   |         a pause, or too many
//! Packer    keys, ranks            until the input has ended, in as many operations as that takes
//!   |
//! Giver     keys, ranks, in order  until the last row is given, likewise
//! ```
//!
//! Of the first few rows, once there are as many as are wanted, the last bars the way (`bars`): the first terms of a batch are compared
//! with its own in one loop, and keys are made only of rows that may come before it.
//!
//! ```text
//! before                                    after, for `top 2 by price`
//!   price  5  3  9  7  4  8                   price  5  3  9  7  4  8
//!   keys   5  3  9  7  4  8, of each          keys   5  3  .  .  4  .   no key of what is more than 5
//! ```
//!
//! Must not fire on rows that compare equal by the first term, which others may decide; on absent values, which a kernel knows nothing
//! of; while there are fewer rows than are wanted; nor by what has no cell of a fixed width, of which the last row keeps none.

// In such a build there is no value of what packs rows, and no way into what handles it.
#![cfg_attr(feature = "small", allow(unreachable_code, unused_mut, unused_variables))]

#[cfg(all(feature = "std", not(feature = "small")))]
mod divided;
mod packer;
#[cfg(not(feature = "small"))]
mod runs;

use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

#[cfg(all(feature = "std", not(feature = "small")))]
pub(in crate::engine::exec) use self::divided::{RowsOfPart, RowsOfParts};
pub(super) use self::packer::{Giver, Packer};
#[cfg(not(feature = "small"))]
use self::runs::Runs;
use super::{Kept, Operator, Reach};
use crate::engine::error::ExecError;
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
#[cfg(not(feature = "small"))]
use crate::engine::exec::budget::Charge;
use crate::engine::exec::evaluate::evaluate;
#[cfg(not(feature = "small"))]
use crate::engine::exec::kernel;
#[cfg(not(feature = "small"))]
use crate::engine::exec::meter::Footprint;
use crate::engine::exec::packed::{BatchRow, ROOT, Shape, StoreRow, head};
use crate::engine::exec::store::RowStore;
#[cfg(all(feature = "std", not(feature = "small")))]
use crate::engine::exec::threads::within;
#[cfg(not(feature = "small"))]
use crate::engine::exec::vector::Strided;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{Slot, SortTerm, Window};
use crate::engine::physical::{self, PhysicalNode, TOP_MAX};
use crate::engine::planted::{self, Bug};
#[cfg(not(feature = "small"))]
use crate::expr::BinaryOp;
use crate::parts::{self, Whole};
use crate::value::key;

/// Rows that were read within one operation are given in several with copies of their records as long as those take no more.
const COPIES_BYTES_MAX: usize = 16 << 20;

pub(super) fn build<'s>(
    mut input: Box<dyn Operator<'s> + 's>,
    terms: Vec<SortTerm>,
    window: Option<Window>,
    #[cfg(not(feature = "small"))] (given, bars): (usize, bool),
) -> Box<Sort<'s>> {
    let window = window.unwrap_or(Window::behind(0));
    #[cfg(feature = "small")]
    let wanted = u64::MAX;
    #[cfg(not(feature = "small"))]
    let wanted = window.end().filter(|_| given > 0).map_or(u64::MAX, |end| end.saturating_add(1));
    #[cfg(not(feature = "small"))]
    let runs = (given > 0 && window == Window::behind(0)).then(|| Runs::of(given));
    input.expect(usize::try_from(wanted).unwrap_or(usize::MAX));
    let state = State::Reading(Near::new(window));
    Box::new(Sort {
        input,
        terms,
        window,
        #[cfg(not(feature = "small"))]
        given,
        #[cfg(not(feature = "small"))]
        bars,
        #[cfg(not(feature = "small"))]
        runs,
        #[cfg(not(feature = "small"))]
        rest: None,
        #[cfg(all(feature = "std", not(feature = "small")))]
        divided: None,
        #[cfg(all(feature = "std", not(feature = "small")))]
        threads: 1,
        state,
        pauses: None,
        paused: false,
        #[cfg(not(feature = "small"))]
        charge: Charge::default(),
        #[cfg(not(feature = "small"))]
        stays: false,
        #[cfg(not(feature = "small"))]
        kept_max: Footprint::default(),
    })
}

pub(super) struct Sort<'s> {
    input: Box<dyn Operator<'s> + 's>,
    terms: Vec<SortTerm>,
    window: Window,
    /// In the order of so many of the first terms the input comes.
    #[cfg(not(feature = "small"))]
    given: usize,
    /// Whether rows are compared with the last of those that are kept before their keys are made.
    #[cfg(not(feature = "small"))]
    bars: bool,
    /// Where all rows are given, a run of those that compare equal by these terms after the other.
    #[cfg(not(feature = "small"))]
    runs: Option<Runs>,
    /// What goes on when the rows in order have been given.
    #[cfg(not(feature = "small"))]
    rest: Option<Near<'s>>,
    /// What the input was built from, if several threads are to sort its rows.
    #[cfg(all(feature = "std", not(feature = "small")))]
    divided: Option<Box<PhysicalNode>>,
    /// How many have.
    #[cfg(all(feature = "std", not(feature = "small")))]
    threads: usize,
    state: State<'s>,
    pauses: Option<Pauses>,
    paused: bool,
    /// What rows that are kept as references take of the budget, and whether they stay so whatever they take.
    #[cfg(not(feature = "small"))]
    charge: Charge,
    #[cfg(not(feature = "small"))]
    stays: bool,
    /// The most it has kept, when that is measured.
    #[cfg(not(feature = "small"))]
    kept_max: Footprint,
}

/// What is known in a chain.
pub(super) struct Pauses {
    /// How many rows there may be before a pause.
    left: usize,
    /// No batch has more rows.
    rows_max: usize,
    /// Whether one has been given.
    any: bool,
    /// Of rows given in another operation, how many bytes may be copies of records.
    copies_max: usize,
    _whole: Whole,
}

impl Pauses {
    pub(super) fn new(reach: Reach, whole: Whole) -> Pauses {
        let (left, rows_max) = (reach.rows_when_done(), reach.rows);
        Pauses { left, rows_max, any: false, copies_max: 0, _whole: whole }
    }

    /// How many rows the next batch may have; `None` when there is a pause before it.
    pub(super) fn rows(&mut self, env: &Env<'_>) -> Option<usize> {
        if self.any && (self.left == 0 || env.view.is_crowded()) {
            return None;
        }
        self.any = true;
        let rows = GATHERED_MAX.min(self.rows_max).min(self.left);
        self.left -= rows;
        Some(rows)
    }
}

enum State<'s> {
    Reading(Near<'s>),
    Sorted(Sorted<'s>),
    Packed(Box<Sorter>, Whole),
}

impl State<'_> {
    /// What is kept now.
    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        match self {
            State::Reading(near) => Footprint::in_memory(near.size()),
            State::Sorted(sorted) => {
                let order = sorted.order.capacity() * size_of::<u32>();
                Footprint::in_memory(sorted.store.size() + order)
            }
            State::Packed(sorter, _) => match &**sorter {
                Sorter::Reading(packer) => packer.footprint(),
                Sorter::Giving(giver) => giver.footprint(),
            },
        }
    }

    fn packed(sorter: Sorter) -> Self {
        match Whole::build() {
            Some(whole) => State::Packed(Box::new(sorter), whole),
            None => unreachable!("nothing pauses"),
        }
    }
}

/// Rows in order, as references.
struct Sorted<'s> {
    store: RowStore<'s>,
    shape: Option<Shape>,
    /// The order in which they come out, and how many have.
    order: Vec<u32>,
    next: usize,
}

impl Sorted<'_> {
    /// The rows that are left.
    fn pack(&self, pauses: &Pauses) -> Result<Giver, ExecError> {
        let Sorted { store, shape, order, next } = self;
        let mut packer = Packer::new(Window::behind(0)).expect("there are pauses");
        packer.shape = shape.clone();
        for row in &order[*next..] {
            // Groups have no record.
            let rank = store.rank(ROOT, *row).unwrap_or(0);
            // They are at hand, and that is quicker than to fetch them.
            packer.copies = packer.rows.size() < pauses.copies_max;
            packer.push(&rank.to_be_bytes(), &StoreRow(store, *row))?;
        }
        Ok(Giver::of(packer))
    }
}

/// A sort that borrows nothing.
pub(in crate::engine::exec) enum Sorter {
    Reading(Packer),
    Giving(Giver),
}

impl<'s> Operator<'s> for Sort<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        env.check()?;
        #[cfg(not(feature = "small"))]
        self.go_on();
        if let State::Reading(_) = &self.state {
            self.read(env, batch)?;
        } else if parts::PAUSES
            && let State::Packed(sorter, _) = &self.state
            && let Sorter::Reading(_) = &**sorter
        {
            self.read(env, batch)?;
        }
        if self.paused {
            return Ok(false);
        }
        let mut rows_max = GATHERED_MAX;
        if parts::PAUSES
            && let Some(pauses) = &mut self.pauses
        {
            let Some(rows) = pauses.rows(env) else {
                self.paused = true;
                return Ok(false);
            };
            if env.view.keeps_copies() {
                let bytes = env.sort_bytes();
                pauses.copies_max = bytes.map_or(COPIES_BYTES_MAX, |bytes| COPIES_BYTES_MAX.min(bytes / 2));
            }
            rows_max = rows;
        }
        match &mut self.state {
            State::Reading(_) => unreachable!("all has been read"),
            State::Sorted(Sorted { store, order, next, .. }) => {
                let rows = &order[*next..order.len().min(*next + rows_max)];
                if rows.is_empty() {
                    return Ok(false);
                }
                batch.reset(rows.len());
                store.fill(rows, batch);
                *next += rows.len();
                Ok(true)
            }
            State::Packed(..) if !parts::PAUSES => unreachable!("nothing pauses"),
            State::Packed(sorter, _) => match &mut **sorter {
                Sorter::Reading(_) => unreachable!("all has been read"),
                Sorter::Giving(giver) => giver.next(env, batch, rows_max),
            },
        }
    }

    /// What a sort reads follows from its own window, however little of that is wanted.
    fn expect(&mut self, _: usize) {}

    fn resume(&mut self, reach: Reach, kept: &mut Vec<Kept>) {
        let Some(whole) = Whole::build() else { return };
        self.pauses = Some(Pauses::new(reach, whole));
        #[cfg(not(feature = "small"))]
        {
            self.runs = None;
        }
        if let Some(Kept::Sort(mut sorter, _)) = kept.pop() {
            #[cfg(not(feature = "small"))]
            match &mut *sorter {
                Sorter::Reading(packer) => packer.begin_again(),
                Sorter::Giving(giver) => giver.begin_again(),
            }
            let reads = matches!(&*sorter, Sorter::Reading(packer) if !packer.complete);
            self.state = State::Packed(sorter, whole);
            if !reads {
                return;
            }
        }
        self.input.resume(reach.of_input(), kept);
    }

    fn is_paused(&self) -> bool {
        self.paused
    }

    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        self.kept_max.max(self.state.footprint())
    }

    #[cfg(all(feature = "std", not(feature = "small")))]
    fn threads(&self) -> usize {
        self.threads.max(self.input.threads())
    }

    fn remaining(&mut self, node: &mut PhysicalNode, kept: &mut Vec<Kept>) -> Result<bool, ExecError> {
        let physical::Operator::Sort { input, .. } = &mut node.operator else { return Ok(false) };
        let (Some(pauses), Some(whole)) = (&self.pauses, Whole::build()) else { return Ok(false) };
        let state = core::mem::replace(&mut self.state, State::Reading(Near::new(self.window)));
        let mut sorter = match state {
            State::Packed(sorter, _) => sorter,
            State::Sorted(sorted) => Box::new(Sorter::Giving(sorted.pack(pauses)?)),
            State::Reading(_) => unreachable!("rows read before a pause are packed"),
        };
        if let Sorter::Reading(packer) = &mut *sorter {
            packer.complete = !self.input.remaining(input, kept)?;
        }
        kept.push(Kept::Sort(sorter, whole));
        Ok(true)
    }
}

impl<'s> Sort<'s> {
    /// Reads the input up to its end, or a pause.
    fn read(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError> {
        let complete = match &self.state {
            State::Packed(sorter, _) if parts::PAUSES => {
                matches!(&**sorter, Sorter::Reading(packer) if packer.complete)
            }
            _ => self.window.end() == Some(0),
        };
        #[cfg_attr(feature = "small", expect(unused_mut, reason = "it reads all there is"))]
        let mut ended = complete;
        #[cfg(all(feature = "std", not(feature = "small")))]
        let complete = self.take_in(env)? || complete;
        while !complete && self.input.next(env, batch)? {
            let vectors = vectors(&self.terms, env, batch)?;
            #[cfg(not(feature = "small"))]
            let count = batch.count();
            #[cfg(not(feature = "small"))]
            if count > 0 && self.is_beyond(&vectors, 0) {
                ended = true;
                break;
            }
            match &mut self.state {
                State::Reading(near) => {
                    #[cfg(not(feature = "small"))]
                    if near.shape.is_none() && self.pauses.is_none() {
                        // What is read of sorted rows is known of one sort of a chain.
                        near.shape = Shape::of_all(batch);
                    }
                    #[cfg(not(feature = "small"))]
                    let runs = self.runs.as_mut();
                    near.add(
                        env,
                        batch,
                        &self.terms,
                        &vectors,
                        #[cfg(not(feature = "small"))]
                        (runs, self.bars),
                    );
                    #[cfg(not(feature = "small"))]
                    if let Some(runs) = &mut self.runs
                        && let Some(count) = runs.complete()
                    {
                        if env.run.measures() {
                            self.kept_max = self.kept_max.max(Footprint::in_memory(near.size()));
                        }
                        let order = runs::order_of(near, count);
                        self.rest = Some(runs.split(near, batch));
                        let Near { store, shape, .. } = core::mem::replace(near, Near::new(self.window));
                        self.state = State::Sorted(Sorted { store, shape, order, next: 0 });
                        return Ok(());
                    }
                    // What is read in one operation stays in memory anyhow, but where a limit was asked for.
                    let is_beyond = match self.pauses {
                        Some(_) => env.sort_bytes().is_some_and(|bytes| near.size() > bytes),
                        #[cfg(feature = "small")]
                        None => false,
                        #[cfg(not(feature = "small"))]
                        None => !self.stays && is_too_much(env, &mut self.charge, near.size()),
                    };
                    if is_beyond {
                        let packer = Packer::new(self.window).expect("rows are packed");
                        #[cfg(not(feature = "small"))]
                        let packer = match self.pauses {
                            Some(_) => Some(packer),
                            None => packer.outside(env)?,
                        };
                        #[cfg(not(feature = "small"))]
                        let Some(packer) = packer else {
                            // There is no room for them elsewhere.
                            self.stays = true;
                            env.budget.charge(&mut self.charge, 0);
                            continue;
                        };
                        let near = core::mem::replace(near, Near::new(self.window));
                        let packer = near.pack(env, packer)?;
                        self.state = State::packed(Sorter::Reading(packer));
                        #[cfg(not(feature = "small"))]
                        env.budget.charge(&mut self.charge, 0);
                    }
                }
                State::Packed(sorter, _) if parts::PAUSES => match &mut **sorter {
                    Sorter::Reading(packer) => {
                        packer.add(env, batch, &self.terms, &vectors)?;
                        #[cfg(not(feature = "small"))]
                        if self.given > 0 && packer.last.is_none() && packer.rows.len() >= packer.count {
                            // Later rows show whether they are beyond it.
                            packer.keep_first();
                        }
                    }
                    Sorter::Giving(_) => unreachable!("it reads"),
                },
                _ => unreachable!("it reads"),
            }
            #[cfg(not(feature = "small"))]
            if env.run.measures() {
                self.kept_max = self.kept_max.max(self.state.footprint());
            }
            // Then there is no need to read what follows.
            #[cfg(not(feature = "small"))]
            if count > 0 && self.is_beyond(&vectors, count - 1) {
                ended = true;
                break;
            }
        }
        self.paused = parts::PAUSES && self.pauses.is_some() && !ended && self.input.is_paused();
        let state = core::mem::replace(&mut self.state, State::Reading(Near::new(self.window)));
        self.state = match state {
            State::Reading(near) if parts::PAUSES && self.paused => State::packed(Sorter::Reading(
                near.pack(env, Packer::new(self.window).expect("there are pauses"))?,
            )),
            State::Reading(mut near) => {
                let shape = near.shape.take();
                let (store, mut order) = near.finish(
                    #[cfg(all(feature = "std", not(feature = "small")))]
                    env,
                );
                let (skip, counted) = bounds(self.window);
                let counted = &order[..counted.min(order.len())];
                if let Some(fault) = counted.iter().find_map(|row| store.fault(*row)) {
                    return Err(ExecError::Arithmetic(fault.itself()));
                }
                let next = skip.min(order.len());
                let end = self.window.end().and_then(|end| usize::try_from(end).ok()).unwrap_or(usize::MAX);
                order.truncate(end);
                State::Sorted(Sorted { store, shape, order, next })
            }
            State::Packed(sorter, _) if parts::PAUSES => match *sorter {
                Sorter::Reading(mut packer) if self.paused => {
                    packer.decide(env)?;
                    State::packed(Sorter::Reading(packer))
                }
                Sorter::Reading(packer) => State::packed(Sorter::Giving(packer.finish(env)?)),
                giving => State::packed(giving),
            },
            other => other,
        };
        Ok(())
    }
}

#[cfg(not(feature = "small"))]
impl<'s> Sort<'s> {
    /// Reads on when the rows that are in order have been given, and others follow.
    fn go_on(&mut self) {
        if let State::Sorted(Sorted { order, next, .. }) = &self.state
            && *next == order.len()
            && let Some(rest) = self.rest.take()
        {
            self.state = State::Reading(rest);
        }
    }

    /// Whether a row whose terms have these values, and then all that follow, come behind the last of those that are kept, by the
    /// terms in whose order they come.
    fn is_beyond(&self, vectors: &[Vector<'s>], row: usize) -> bool {
        if self.given == 0 {
            return false;
        }
        let last = match &self.state {
            State::Reading(Near { keys: Keys::Top(heap, count), .. }) if heap.len() >= *count => {
                heap.peek().map(|last| last.key.as_slice())
            }
            State::Packed(sorter, _) => match &**sorter {
                Sorter::Reading(packer) => packer.last.as_deref(),
                Sorter::Giving(_) => None,
            },
            _ => None,
        };
        let Some(last) = last else { return false };
        let mut first = Vec::new();
        append_terms(&self.terms[..self.given], vectors, row, &mut first);
        // No term's bytes are the beginning of another value's.
        !last.starts_with(&first) && first.as_slice() > last
    }
}

#[cfg(all(feature = "std", not(feature = "small")))]
impl<'s> Sort<'s> {
    /// The same, of whose input several threads sort the rows, if it is told what that was built from.
    pub(super) fn by_threads(self, divided: Option<Box<PhysicalNode>>) -> Sort<'s> {
        Sort { divided, ..self }
    }

    /// Has several threads sort rows, and leaves those that they have not; true when there are none.
    fn take_in(&mut self, env: &Env<'s>) -> Result<bool, ExecError> {
        let Some(node) = self.divided.take() else { return Ok(false) };
        let Some(taken) = within::sorted(env, &node, &self.terms)? else { return Ok(false) };
        let near = taken.made.into_near();
        // What comes behind them is told whether that is too much.
        is_too_much(env, &mut self.charge, near.size());
        if env.run.measures() {
            self.kept_max = self.kept_max.max(Footprint::in_memory(near.size()));
        }
        self.state = State::Reading(near);
        self.threads = taken.threads;
        match taken.rest {
            Some(rest) => self.input = rest,
            None => return Ok(true),
        }
        Ok(false)
    }
}

/// Whether rows of so many bytes, of a sort within one operation, are more than it may keep.
#[cfg(not(feature = "small"))]
fn is_too_much(env: &Env<'_>, charge: &mut Charge, bytes: usize) -> bool {
    env.budget.is_none() || env.budget.is_given() && env.budget.charge(charge, bytes)
}

/// How many rows a window skips, and of how many in all a fault is an error: whether such a row counts cannot be told, nor
/// then which rows the window has.
fn bounds(window: Window) -> (usize, usize) {
    let bounded = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    (bounded(window.skip), bounded(window.skip.saturating_add(window.take.unwrap_or(0))))
}

/// Rows read within one operation.
struct Near<'s> {
    store: RowStore<'s>,
    shape: Option<Shape>,
    keys: Keys,
    /// The orders of parts, one behind the other, that threads have made.
    #[cfg(all(feature = "std", not(feature = "small")))]
    orders: Vec<Vec<Place>>,
}

/// What they are ordered by.
enum Keys {
    /// All of them: the keys, and where each ends.
    All(Vec<u8>, Vec<usize>, Whole),
    /// The first so many.
    Top(BinaryHeap<Entry>, usize),
}

impl<'s> Near<'s> {
    fn new(window: Window) -> Near<'s> {
        let end = window.end().unwrap_or(u64::MAX);
        let keys = match Whole::build().filter(|_| end > TOP_MAX) {
            Some(whole) => Keys::All(Vec::new(), Vec::new(), whole),
            None => Keys::Top(BinaryHeap::new(), usize::try_from(end).unwrap_or(usize::MAX)),
        };
        Near {
            store: RowStore::default(),
            shape: None,
            keys,
            #[cfg(all(feature = "std", not(feature = "small")))]
            orders: Vec::new(),
        }
    }

    /// Adds the rows of a batch whose terms have these values.
    fn add(
        &mut self,
        env: &Env<'s>,
        batch: &mut Batch<'s>,
        terms: &[SortTerm],
        vectors: &[Vector<'s>],
        #[cfg(not(feature = "small"))] (mut runs, bars): (Option<&mut Runs>, bool),
    ) {
        if self.shape.is_none() {
            self.shape = Shape::of(env, batch);
        }
        #[cfg(not(feature = "small"))]
        let candidates = if bars { self.candidates(terms, vectors) } else { None };
        #[cfg(not(feature = "small"))]
        if candidates.as_ref().is_some_and(|candidates| !candidates.contains(&1)) {
            batch.retain(|_, _| false);
            return;
        }
        let ranks = ranks(batch);
        match &mut self.keys {
            Keys::All(..) if !parts::PAUSES => unreachable!("one way to sort does for all"),
            Keys::All(keys, ends, _) => {
                for (row, rank) in ranks.iter().enumerate() {
                    #[cfg(not(feature = "small"))]
                    match &mut runs {
                        Some(runs) => runs.append((terms, vectors), row, ends.len(), keys),
                        None => append_terms(terms, vectors, row, keys),
                    }
                    #[cfg(feature = "small")]
                    append_terms(terms, vectors, row, keys);
                    keys.extend_from_slice(&rank.to_be_bytes());
                    ends.push(keys.len());
                }
            }
            Keys::Top(heap, count) => {
                // The rows of this batch that come before the last of those kept; most batches have none, and are not
                // kept.
                let mut scratch = Vec::new();
                let (mut at, mut kept) = (0, self.store.len());
                batch.retain(|_, _| {
                    at += 1;
                    #[cfg(not(feature = "small"))]
                    if candidates.as_ref().is_some_and(|candidates| candidates[at - 1] == 0) {
                        return false;
                    }
                    scratch.clear();
                    append_key(terms, vectors, at - 1, ranks[at - 1], &mut scratch);
                    let enters = heap.len() < *count || heap.peek().is_some_and(|last| scratch < last.key);
                    if enters {
                        let key = match heap.len() < *count {
                            true => scratch.clone(),
                            // The key that leaves gives its bytes to the one that comes.
                            false => {
                                let mut key = heap.pop().map(|last| last.key).unwrap_or_default();
                                key.clone_from(&scratch);
                                key
                            }
                        };
                        heap.push(Entry {
                            key,
                            row: kept as u32,
                            #[cfg(not(feature = "small"))]
                            first: first_cell(vectors, at - 1),
                        });
                        kept += 1;
                    }
                    enters
                });
            }
        }
        if batch.count() > 0 {
            self.store.push(batch);
        }
    }

    /// Which rows of a batch may come before the last of those kept, when there are as many as are wanted: told by their first
    /// terms, before keys are made of the others. `None` when that tells nothing.
    #[cfg(not(feature = "small"))]
    fn candidates(&self, terms: &[SortTerm], vectors: &[Vector<'s>]) -> Option<Vec<u8>> {
        let Keys::Top(heap, count) = &self.keys else { return None };
        let last = heap.peek().filter(|_| heap.len() >= *count)?.first?;
        let (term, values) = (terms.first()?, vectors.first()?);
        let op = match term.descending {
            true if planted::is(Bug::BarTakesNoEqual) => BinaryOp::Gt,
            false if planted::is(Bug::BarTakesNoEqual) => BinaryOp::Lt,
            true => BinaryOp::Ge,
            false => BinaryOp::Le,
        };
        let last = Strided { bytes: &last, stride: 0 };
        let mut candidates = kernel::compare(values.ty(), op, values.strided(), last, values.len());
        if let Some(nulls) = &values.nulls {
            candidates.iter_mut().zip(nulls).for_each(|(candidate, null)| *candidate |= u8::from(*null));
        }
        Some(candidates)
    }

    /// The rows, and their order.
    fn finish(
        self,
        #[cfg(all(feature = "std", not(feature = "small")))] env: &Env<'s>,
    ) -> (RowStore<'s>, Vec<u32>) {
        let Near { store, keys, .. } = self;
        #[cfg(all(feature = "std", not(feature = "small")))]
        if !self.orders.is_empty() {
            let order = divided::merged(env, &keys, self.orders, store.len());
            return (store, order);
        }
        let order = match keys {
            Keys::All(..) if !parts::PAUSES => unreachable!("one way to sort does for all"),
            keys @ Keys::All(..) => order_of(&keys, store.len()),
            Keys::Top(heap, _) => heap.into_sorted_vec().into_iter().map(|entry| entry.row).collect(),
        };
        (store, order)
    }

    /// The rows as they are kept beyond the operation.
    fn pack(self, env: &Env<'_>, mut packer: Packer) -> Result<Packer, ExecError> {
        let Near { store, shape, keys, .. } = self;
        packer.shape = shape;
        env.check()?;
        packer.decide(env)?;
        match keys {
            Keys::All(keys, ends, _) => {
                for row in 0..store.len() as u32 {
                    packer.push(key_of(&keys, &ends, row), &StoreRow(&store, row))?;
                    packer.make_room(env)?;
                }
            }
            Keys::Top(heap, count) => {
                for Entry { key, row, .. } in heap.into_sorted_vec() {
                    packer.push(&key, &StoreRow(&store, row))?;
                }
                if packer.rows.len() == count && count > 0 {
                    packer.last = Some(packer.rows.key(count - 1).to_vec());
                }
            }
        }
        packer.make_room(env)?;
        Ok(packer)
    }

    /// About the bytes that this takes in memory.
    fn size(&self) -> usize {
        let keys = match &self.keys {
            // The order comes on top.
            Keys::All(keys, ends, _) => keys.capacity() + ends.capacity() * size_of::<(usize, u64, u32)>(),
            Keys::Top(heap, _) => {
                let key_len = heap.peek().map_or(0, |entry| entry.key.capacity());
                heap.len() * (size_of::<Entry>() + key_len)
            }
        };
        #[cfg(all(feature = "std", not(feature = "small")))]
        let keys = keys + self.orders.iter().map(Vec::len).sum::<usize>() * size_of::<Place>();
        keys + self.store.size()
    }
}

/// The first bytes of a row's key behind what all keys begin with, and the row's number.
pub(in crate::engine::exec) type Place = (u64, u32);

/// The order of the first `count` rows of which all have keys.
fn order_of(keys: &Keys, count: usize) -> Vec<u32> {
    places(keys, 0..count).into_iter().map(|(_, row)| row).collect()
}

/// Some rows of which all have keys, in their order.
fn places(keys: &Keys, rows: Range<usize>) -> Vec<Place> {
    let Keys::All(keys, ends, _) = keys else { unreachable!("a heap has an order") };
    let key = |row: u32| key_of(keys, ends, row);
    let rows = rows.start as u32..rows.end as u32;
    // What is the same in all of them tells none apart.
    let mut shared = rows.clone().next().map_or(&[][..], key);
    for row in rows.clone() {
        if shared.is_empty() {
            break;
        }
        if !key(row).starts_with(shared) {
            shared = &shared[..common(shared, key(row))];
        }
    }
    let mut places: Vec<Place> = rows.map(|row| (head(&key(row)[shared.len()..]), row)).collect();
    places.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))).then(a.1.cmp(&b.1)));
    places
}

/// With how many bytes both begin.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn key_of<'k>(keys: &'k [u8], ends: &[usize], row: u32) -> &'k [u8] {
    let row = row as usize;
    &keys[if row == 0 { 0 } else { ends[row - 1] }..ends[row]]
}

impl Packer {
    /// Adds the rows of a batch whose terms have these values.
    fn add(
        &mut self,
        env: &Env<'_>,
        batch: &Batch<'_>,
        terms: &[SortTerm],
        vectors: &[Vector<'_>],
    ) -> Result<(), ExecError> {
        if self.shape.is_none() {
            self.shape = Shape::of(env, batch);
        }
        let mut scratch = Vec::new();
        let selected = batch.selected();
        for (at, rank) in ranks(batch).into_iter().enumerate() {
            scratch.clear();
            append_key(terms, vectors, at, rank, &mut scratch);
            if self.last.as_ref().is_none_or(|last| scratch < *last) {
                let row = selected.row(at);
                self.push(&scratch, &BatchRow(batch, row))?;
            }
        }
        self.make_room(env)
    }
}

/// The values of the terms. A term without a result is a fault of its row, like that of a predicate.
fn vectors<'s>(
    terms: &[SortTerm],
    env: &Env<'s>,
    batch: &mut Batch<'s>,
) -> Result<Vec<Vector<'s>>, ExecError> {
    let mut vectors = Vec::with_capacity(terms.len());
    for term in terms {
        let vector = evaluate(env, &term.expr, batch)?;
        for (at, fault) in vector.faults() {
            let row = batch.selected().row(*at as usize);
            batch.add_fault(row, fault);
        }
        vectors.push(vector);
    }
    Ok(vectors)
}

/// The ranks of the root records of the rows left.
fn ranks(batch: &Batch<'_>) -> Vec<u128> {
    let mut ranks = Vec::with_capacity(batch.count());
    batch.selected().for_each(|row| ranks.push(batch.rank(Slot(0), row).unwrap_or(0)));
    ranks
}

/// The value of the first term, as an [`Entry`] has it.
#[cfg(not(feature = "small"))]
fn first_cell(vectors: &[Vector<'_>], row: usize) -> Option<[u8; 16]> {
    let values = vectors.first()?;
    let width = values.ty().width()?;
    let mut first = [0; 16];
    first[..width].copy_from_slice(values.cell(row)?);
    Some(first)
}

/// Appends what row `row`, whose root record has this rank, is ordered by.
fn append_key(terms: &[SortTerm], vectors: &[Vector<'_>], row: usize, rank: u128, out: &mut Vec<u8>) {
    append_terms(terms, vectors, row, out);
    out.extend_from_slice(&rank.to_be_bytes());
}

/// Appends what row `row`, of which the terms have these values, is ordered by: bytes that order as rows do.
pub(super) fn append_terms(terms: &[SortTerm], vectors: &[Vector<'_>], row: usize, out: &mut Vec<u8>) {
    for (term, vector) in terms.iter().zip(vectors) {
        match vector.cell(row) {
            None if planted::is(Bug::AbsentFirst) => out.push(0),
            None => out.push(if term.nulls_first { 0 } else { 2 }),
            Some(cell) => {
                if term.expr.nullable {
                    out.push(1);
                }
                let start = out.len();
                key::append(out, vector.ty(), false, Some(cell));
                if term.descending {
                    out[start..].iter_mut().for_each(|byte| *byte = !*byte);
                }
            }
        }
    }
}

/// A row in the heap, the last in order on top.
#[derive(PartialEq, Eq)]
struct Entry {
    key: Vec<u8>,
    row: u32,
    /// The value of the first term, if its type has a width and it is there.
    #[cfg(not(feature = "small"))]
    first: Option<[u8; 16]>,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key).then(self.row.cmp(&other.row))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
