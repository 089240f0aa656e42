//! Sorts: by keys whose bytes order as the rows do.
//!
//! A row's terms are encoded one after the other into one byte string (`value::key`), inverted where the order descends,
//! so that comparing rows is comparing bytes; the first eight are compared as one integer. The rank of the root record ends
//! them: rows that compare equal come in the order of their keys, however their records were reached.
//!
//! Rows are kept as references to their records while all is done within one operation, which is quickest. In a pause (see
//! `chain`) they are [`Packed`], and come out with records that are fetched again:
//!
//! ```text
//! Near      references, keys       in the operation that read them
//!   |         a pause
//! Packer    keys, ranks            until the input has ended, in as many operations as that takes
//!   |
//! Giver     keys, ranks, in order  until the last row is given, likewise
//! ```

// In such a build there is no value of what packs rows, and no way into what handles it.
#![cfg_attr(feature = "small", allow(unreachable_code, unused_mut, unused_variables))]

use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::{Kept, Operator, Reach};
use crate::engine::error::{ExecError, RowFault};
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
use crate::engine::exec::evaluate::evaluate;
#[cfg(not(feature = "small"))]
use crate::engine::exec::kernel;
#[cfg(not(feature = "small"))]
use crate::engine::exec::meter::Footprint;
use crate::engine::exec::packed::{
    BatchRow, Packed, Pulled, ROOT, RowSource, Shape, StoreRow, Unpacking, head,
};
use crate::engine::exec::spill::{Spill, Spilled};
use crate::engine::exec::store::RowStore;
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

/// The bytes of packed rows that become one batch, about.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Rows that were read within one operation are given in several with copies of their records as long as those take no more.
const COPIES_BYTES_MAX: usize = 16 << 20;

pub(super) fn build<'s>(
    mut input: Box<dyn Operator<'s> + 's>,
    terms: Vec<SortTerm>,
    window: Option<Window>,
    #[cfg(not(feature = "small"))] given: usize,
) -> Box<dyn Operator<'s> + 's> {
    let window = window.unwrap_or(Window { skip: 0, take: None });
    #[cfg(feature = "small")]
    let wanted = u64::MAX;
    #[cfg(not(feature = "small"))]
    let wanted = window.end().filter(|_| given > 0).unwrap_or(u64::MAX);
    input.expect(usize::try_from(wanted).unwrap_or(usize::MAX));
    let state = State::Reading(Near::new(window));
    Box::new(Sort {
        input,
        terms,
        window,
        #[cfg(not(feature = "small"))]
        given,
        state,
        pauses: None,
        paused: false,
        #[cfg(not(feature = "small"))]
        kept_max: Footprint::default(),
    })
}

struct Sort<'s> {
    input: Box<dyn Operator<'s> + 's>,
    terms: Vec<SortTerm>,
    window: Window,
    /// In the order of so many of the first terms the input comes.
    #[cfg(not(feature = "small"))]
    given: usize,
    state: State<'s>,
    pauses: Option<Pauses>,
    paused: bool,
    /// The most it has kept, when that is measured.
    #[cfg(not(feature = "small"))]
    kept_max: Footprint,
}

/// What is known in a chain.
struct Pauses {
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
                Sorter::Reading(packer) => Footprint {
                    spilled: packer.spill.as_ref().map_or(0, Spill::bytes),
                    ..Footprint::in_memory(packer.rows.size())
                },
                Sorter::Giving(giver) => match &giver.rows {
                    Ordered::Packed(rows, _) => Footprint::in_memory(rows.size()),
                    Ordered::Spilled(spilled) => {
                        Footprint { spilled: spilled.bytes(), ..Footprint::default() }
                    }
                },
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

/// A sort that borrows nothing.
pub(in crate::engine::exec) enum Sorter {
    Reading(Packer),
    Giving(Giver),
}

impl<'s> Operator<'s> for Sort<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        env.check()?;
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
            if pauses.any && (pauses.left == 0 || env.view.is_crowded()) {
                self.paused = true;
                return Ok(false);
            }
            pauses.any = true;
            if env.view.keeps_copies() {
                let bytes = env.sort_bytes();
                pauses.copies_max = bytes.map_or(COPIES_BYTES_MAX, |bytes| COPIES_BYTES_MAX.min(bytes / 2));
            }
            rows_max = rows_max.min(pauses.rows_max).min(pauses.left);
            pauses.left -= rows_max;
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
        let (left, rows_max) = (reach.rows_when_done(), reach.rows);
        self.pauses = Some(Pauses { left, rows_max, any: false, copies_max: 0, _whole: whole });
        if let Some(Kept::Sort(sorter, _)) = kept.pop() {
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

    fn remaining(&mut self, node: &mut PhysicalNode, kept: &mut Vec<Kept>) -> Result<bool, ExecError> {
        let physical::Operator::Sort { input, .. } = &mut node.operator else { return Ok(false) };
        let (Some(pauses), Some(whole)) = (&self.pauses, Whole::build()) else { return Ok(false) };
        let state = core::mem::replace(&mut self.state, State::Reading(Near::new(self.window)));
        let mut sorter = match state {
            State::Packed(sorter, _) => sorter,
            State::Sorted(sorted) => Box::new(Sorter::Giving(Giver::of_sorted(&sorted, pauses)?)),
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
        while !complete && self.input.next(env, batch)? {
            let vectors = vectors(&self.terms, env, batch)?;
            #[cfg(not(feature = "small"))]
            if self.is_beyond(&vectors, batch.count()) {
                ended = true;
                break;
            }
            match &mut self.state {
                State::Reading(near) => {
                    near.add(env, batch, &self.terms, &vectors);
                    // What is read in one operation stays in memory anyhow.
                    if self.pauses.is_some() && env.sort_bytes().is_some_and(|bytes| near.size() > bytes) {
                        let near = core::mem::replace(near, Near::new(self.window));
                        let packer = near.pack(env, self.window)?;
                        self.state = State::packed(Sorter::Reading(packer));
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
        }
        self.paused = parts::PAUSES && self.pauses.is_some() && !ended && self.input.is_paused();
        let state = core::mem::replace(&mut self.state, State::Reading(Near::new(self.window)));
        self.state = match state {
            State::Reading(near) if parts::PAUSES && self.paused => {
                State::packed(Sorter::Reading(near.pack(env, self.window)?))
            }
            State::Reading(mut near) => {
                let shape = near.shape.take();
                let (store, mut order) = near.finish();
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
    /// Whether the first of so many rows whose terms have these values, and then all that follow, come behind the last of
    /// those that are kept, by the terms in whose order they come.
    fn is_beyond(&self, vectors: &[Vector<'s>], count: usize) -> bool {
        if self.given == 0 || count == 0 {
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
        append_terms(&self.terms[..self.given], vectors, 0, &mut first);
        // No term's bytes are the beginning of another value's.
        !last.starts_with(&first) && first.as_slice() > last
    }
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
        Near { store: RowStore::default(), shape: None, keys }
    }

    /// Adds the rows of a batch whose terms have these values.
    fn add(&mut self, env: &Env<'s>, batch: &mut Batch<'s>, terms: &[SortTerm], vectors: &[Vector<'s>]) {
        if self.shape.is_none() {
            self.shape = Shape::of(env, batch);
        }
        #[cfg(not(feature = "small"))]
        let candidates = self.candidates(terms, vectors);
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
                    append_key(terms, vectors, row, *rank, keys);
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
        let op = if term.descending { BinaryOp::Ge } else { BinaryOp::Le };
        let last = Strided { bytes: &last, stride: 0 };
        let mut candidates = kernel::compare(values.ty(), op, values.strided(), last, values.len());
        if let Some(nulls) = &values.nulls {
            candidates.iter_mut().zip(nulls).for_each(|(candidate, null)| *candidate |= u8::from(*null));
        }
        Some(candidates)
    }

    /// The rows, and their order.
    fn finish(self) -> (RowStore<'s>, Vec<u32>) {
        let Near { store, keys, .. } = self;
        let order = match keys {
            Keys::All(..) if !parts::PAUSES => unreachable!("one way to sort does for all"),
            Keys::All(keys, ends, _) => {
                let key = |row: u32| key_of(&keys, &ends, row);
                let mut order: Vec<(u64, u32)> =
                    (0..store.len() as u32).map(|row| (head(key(row)), row)).collect();
                order.sort_unstable_by(|a, b| {
                    a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))).then(a.1.cmp(&b.1))
                });
                order.into_iter().map(|(_, row)| row).collect()
            }
            Keys::Top(heap, _) => heap.into_sorted_vec().into_iter().map(|entry| entry.row).collect(),
        };
        (store, order)
    }

    /// The rows as they are kept beyond the operation.
    fn pack(self, env: &Env<'_>, window: Window) -> Result<Packer, ExecError> {
        let Near { store, shape, keys } = self;
        let mut packer = Packer::new(window).expect("there are pauses");
        packer.shape = shape;
        env.check()?;
        packer.decide(env)?;
        match keys {
            Keys::All(keys, ends, _) => {
                for row in 0..store.len() as u32 {
                    packer.push(key_of(&keys, &ends, row), &StoreRow(&store, row), store.fault(row))?;
                    packer.make_room(env)?;
                }
            }
            Keys::Top(heap, count) => {
                for Entry { key, row, .. } in heap.into_sorted_vec() {
                    packer.push(&key, &StoreRow(&store, row), store.fault(row))?;
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
        keys + self.store.size()
    }
}

fn key_of<'k>(keys: &'k [u8], ends: &[usize], row: u32) -> &'k [u8] {
    let row = row as usize;
    &keys[if row == 0 { 0 } else { ends[row - 1] }..ends[row]]
}

/// Rows being read in several operations.
pub(in crate::engine::exec) struct Packer {
    /// `None` until there has been a row.
    shape: Option<Shape>,
    rows: Packed,
    /// Rows that have been put aside.
    spill: Option<Spill>,
    window: Window,
    /// Only the first so many rows are wanted.
    count: usize,
    /// The key of the last of them, once there are so many: what comes behind it is not kept.
    last: Option<Vec<u8>>,
    /// Whether rows have copies of their records.
    copies: bool,
    faults: Vec<RowFault>,
    /// Whether the input has ended.
    complete: bool,
    _whole: Whole,
}

impl Packer {
    /// `None` in a build that packs no rows.
    fn new(window: Window) -> Option<Packer> {
        Some(Packer {
            shape: None,
            rows: Packed::default(),
            spill: None,
            window,
            count: window.end().and_then(|end| usize::try_from(end).ok()).unwrap_or(usize::MAX),
            last: None,
            copies: false,
            faults: Vec::new(),
            complete: false,
            _whole: Whole::build()?,
        })
    }

    /// Decides whether rows have copies of their records from now on: when what those are on does not stay in memory, there
    /// may be many rows, and there is room to put them aside.
    fn decide(&mut self, env: &Env<'_>) -> Result<(), ExecError> {
        let wanted = env.view.keeps_copies() && env.view.is_crowded() && self.count as u64 > TOP_MAX;
        if parts::SPILL && wanted && !self.copies {
            if self.spill.is_none() {
                self.spill = Spill::new(env.view, env.sort_bytes().unwrap_or(usize::MAX))?;
            }
            self.copies = self.spill.is_some();
        }
        Ok(())
    }

    fn push(&mut self, key: &[u8], row: &impl RowSource, fault: Option<&RowFault>) -> Result<(), ExecError> {
        let Packer { shape: Some(shape), rows, faults, copies, .. } = self else { return Ok(()) };
        let fault = fault.map(|fault| {
            faults.push(fault.clone());
            faults.len() as u32 - 1
        });
        rows.push(key, |out| shape.append(out, row, *copies, fault))
    }

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
                self.push(&scratch, &BatchRow(batch, row), batch.fault_of_all(row))?;
            }
        }
        self.make_room(env)
    }

    /// Keeps the first of the rows, of which there are as many as are wanted.
    fn keep_first(&mut self) {
        self.rows.sort();
        self.rows.truncate(self.count);
        self.last = self.count.checked_sub(1).map(|last| self.rows.key(last).to_vec());
    }

    /// Drops rows behind those wanted, or puts rows aside, when there are too many.
    fn make_room(&mut self, env: &Env<'_>) -> Result<(), ExecError> {
        let bytes = env.sort_bytes().unwrap_or(usize::MAX);
        // A vector may have as much room again as it has use for.
        let is_full = |rows: &Packed| rows.size() > bytes / 2;
        if self.rows.len() / 2 > self.count.max(GATHERED_MAX)
            || self.rows.len() > self.count && is_full(&self.rows)
        {
            self.keep_first();
        }
        if parts::SPILL && is_full(&self.rows) {
            if self.spill.is_none() {
                self.spill = Spill::new(env.view, bytes)?;
            }
            if let Some(spill) = &mut self.spill {
                self.rows.sort();
                spill.push(&self.rows, &mut || env.check())?;
                self.rows.clear();
            }
        }
        Ok(())
    }

    fn finish(mut self, env: &Env<'_>) -> Result<Giver, ExecError> {
        self.rows.sort();
        let rows = match self.spill {
            Some(mut spill) if parts::SPILL && spill.is_used() => {
                let check = &mut || env.check();
                spill.push(&self.rows, check)?;
                drop(self.rows);
                Ordered::Spilled(spill.finish(check)?)
            }
            _ => Ordered::Packed(self.rows, 0),
        };
        let (skip, counted) = bounds(self.window);
        let shape = self.shape.unwrap_or_else(Shape::of_nothing);
        let mut giver = Giver { shape, rows, left: self.count, counted, faults: self.faults };
        if let (Ordered::Packed(rows, _), false) = (&giver.rows, giver.faults.is_empty()) {
            for at in 0..counted.min(rows.len()) {
                let (row, key_len) = rows.row(at);
                giver.check(row, key_len)?;
            }
        }
        let mut skipped = Vec::new();
        for skipping in 0..skip {
            if skipping % GATHERED_MAX == 0 {
                env.check()?;
            }
            if giver.pull(&mut skipped)?.is_none() {
                break;
            }
        }
        Ok(giver)
    }
}

/// Rows in order, to be given in several operations.
pub(in crate::engine::exec) struct Giver {
    shape: Shape,
    rows: Ordered,
    /// How many are left at most.
    left: usize,
    /// In how many from here on a fault is an error.
    counted: usize,
    faults: Vec<RowFault>,
}

/// Rows in order.
enum Ordered {
    /// In memory, and how many have been taken.
    Packed(Packed, usize),
    Spilled(Spilled),
}

impl Giver {
    /// The rows that are left of those sorted within an operation.
    fn of_sorted(sorted: &Sorted<'_>, pauses: &Pauses) -> Result<Giver, ExecError> {
        let Sorted { store, shape, order, next } = sorted;
        let shape = shape.clone();
        let all = Window { skip: 0, take: None };
        let mut packer = Packer::new(all).expect("there are pauses");
        packer.shape = shape;
        for row in &order[*next..] {
            // Groups have no record.
            let rank = store.rank(ROOT, *row).unwrap_or(0);
            // They are at hand, and that is quicker than to fetch them.
            packer.copies = packer.rows.size() < pauses.copies_max;
            packer.push(&rank.to_be_bytes(), &StoreRow(store, *row), store.fault(*row))?;
        }
        let left = packer.rows.len();
        let shape = packer.shape.unwrap_or_else(Shape::of_nothing);
        Ok(Giver { shape, rows: Ordered::Packed(packer.rows, 0), left, counted: 0, faults: packer.faults })
    }

    /// Makes `row` the next one, and gives the length of its key; `None` after the last.
    fn pull(&mut self, row: &mut Vec<u8>) -> Result<Option<usize>, ExecError> {
        if self.left == 0 {
            return Ok(None);
        }
        let key_len = match &mut self.rows {
            Ordered::Packed(rows, next) => {
                if *next == rows.len() {
                    return Ok(None);
                }
                let (bytes, key_len) = rows.row(*next);
                row.clear();
                row.extend_from_slice(bytes);
                *next += 1;
                key_len
            }
            Ordered::Spilled(_) if !parts::SPILL => unreachable!("nothing is put aside"),
            Ordered::Spilled(rows) => match rows.next(row)? {
                Some(key_len) => key_len,
                None => return Ok(None),
            },
        };
        if self.counted > 0 && !self.faults.is_empty() {
            self.check(row, key_len)?;
        }
        self.left -= 1;
        self.counted = self.counted.saturating_sub(1);
        Ok(Some(key_len))
    }

    /// Fails if a row has a fault.
    fn check(&self, row: &[u8], key_len: usize) -> Result<(), ExecError> {
        match self.shape.fault(row, key_len) {
            Some(fault) => Err(ExecError::Arithmetic(self.faults[fault as usize].itself())),
            None => Ok(()),
        }
    }

    fn next<'s>(&mut self, env: &Env<'s>, batch: &mut Batch<'s>, rows_max: usize) -> Result<bool, ExecError> {
        let at_once = self.shape.at_once(env);
        let bytes_max = env.sort_bytes().map_or(BATCH_BYTES_MAX, |bytes| BATCH_BYTES_MAX.min(bytes / 8));
        let mut unpacking = Unpacking::new(&self.shape);
        let (mut row, mut bytes, mut ended) = (Vec::new(), 0, false);
        while !ended && unpacking.rows() < rows_max && bytes <= bytes_max {
            let (mut pulled, mut fetched) = (Pulled::default(), 0);
            let room = rows_max - unpacking.rows();
            while fetched < at_once && pulled.len() < room && bytes + pulled.size() <= bytes_max {
                let Some(key_len) = self.pull(&mut row)? else {
                    ended = true;
                    break;
                };
                fetched += usize::from(self.shape.is_fetched(&row, key_len));
                pulled.push(&row, key_len);
            }
            bytes += pulled.size();
            unpacking.add(env, &self.shape, &pulled)?;
            if fetched > 0 && env.view.is_crowded() {
                break;
            }
        }
        let any = unpacking.rows() > 0;
        let faults = core::mem::take(&mut unpacking.faults);
        unpacking.finish(env, &self.shape, batch);
        for (row, fault) in faults {
            batch.add_fault(row, &self.faults[fault as usize]);
        }
        Ok(any)
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
