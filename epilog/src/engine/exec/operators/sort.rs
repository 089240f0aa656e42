//! Sorts: by keys whose bytes order as the rows do.
//!
//! A row's terms are encoded one after the other into one byte string (`value::key`), inverted where the order descends,
//! so that comparing rows is comparing bytes; the first eight are compared as one integer. The rank of the root record ends
//! them: rows that compare equal come in the order of their keys, however their records were reached.

use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::Operator;
use crate::engine::error::ExecError;
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::store::RowStore;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{Slot, SortTerm, Window};
use crate::parts;
use crate::value::key;

/// Up to so many rows of a window are kept in a heap; otherwise everything is sorted.
const HEAP_MAX: u64 = 65_536;

pub(super) fn build<'s>(
    input: Box<dyn Operator<'s> + 's>,
    terms: Vec<SortTerm>,
    window: Option<Window>,
) -> Box<dyn Operator<'s> + 's> {
    let window = window.unwrap_or(Window { skip: 0, take: None });
    Box::new(Sort { input, terms, window, sorted: None })
}

struct Sort<'s> {
    input: Box<dyn Operator<'s> + 's>,
    terms: Vec<SortTerm>,
    window: Window,
    /// The rows kept, the order in which they come out, and how many have.
    sorted: Option<(RowStore<'s>, Vec<u32>, usize)>,
}

impl<'s> Operator<'s> for Sort<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        if self.sorted.is_none() {
            let (store, order) = match self.window.end().unwrap_or(u64::MAX) {
                0 => (RowStore::default(), Vec::new()),
                end if end <= HEAP_MAX || !parts::LOOPS => {
                    self.top(env, batch, usize::try_from(end).unwrap_or(usize::MAX))?
                }
                _ => self.all(env, batch)?,
            };
            let counted = self.window.skip.saturating_add(self.window.take.unwrap_or(0));
            let counted = usize::try_from(counted).unwrap_or(usize::MAX).min(order.len());
            if let Some(fault) = order[..counted].iter().find_map(|row| store.fault(*row)) {
                // Whether the row counts cannot be told, nor then which rows the window has.
                return Err(ExecError::Arithmetic(fault.0.clone()));
            }
            let skip = usize::try_from(self.window.skip).unwrap_or(usize::MAX).min(order.len());
            self.sorted = Some((store, order, skip));
        }
        let (store, order, next) = self.sorted.as_mut().expect("just made");
        let end = match self.window.end() {
            Some(end) => order.len().min(usize::try_from(end).unwrap_or(usize::MAX)),
            None => order.len(),
        };
        if *next >= end {
            return Ok(false);
        }
        let rows = &order[*next..end.min(*next + GATHERED_MAX)];
        batch.reset(rows.len());
        store.fill(rows, batch);
        *next += rows.len();
        Ok(true)
    }

    /// A sort reads everything, however little of it is wanted.
    fn expect(&mut self, _: usize) {}
}

impl<'s> Sort<'s> {
    /// Sorts all rows.
    fn all(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(RowStore<'s>, Vec<u32>), ExecError> {
        let mut store = RowStore::default();
        let (mut keys, mut ends): (Vec<u8>, Vec<usize>) = (Vec::new(), Vec::new());
        while self.input.next(env, batch)? {
            let vectors = self.vectors(env, batch)?;
            let ranks = ranks(batch);
            for (row, rank) in ranks.iter().enumerate() {
                append_key(&self.terms, &vectors, row, *rank, &mut keys);
                ends.push(keys.len());
            }
            store.push(batch);
        }
        let key = |row: u32| {
            let row = row as usize;
            &keys[if row == 0 { 0 } else { ends[row - 1] }..ends[row]]
        };
        let mut order: Vec<(u64, u32)> = (0..store.len() as u32).map(|row| (head(key(row)), row)).collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))).then(a.1.cmp(&b.1)));
        Ok((store, order.into_iter().map(|(_, row)| row).collect()))
    }

    /// Keeps the first `count` rows.
    fn top(
        &mut self,
        env: &Env<'s>,
        batch: &mut Batch<'s>,
        count: usize,
    ) -> Result<(RowStore<'s>, Vec<u32>), ExecError> {
        let mut store = RowStore::default();
        let mut heap: BinaryHeap<Entry> = BinaryHeap::new();
        let mut scratch = Vec::new();
        while self.input.next(env, batch)? {
            let vectors = self.vectors(env, batch)?;
            // The rows of this batch that come before the last of those kept; most batches have none, and are not kept.
            let first = store.len();
            let (mut at, mut kept) = (0, first);
            let ranks = ranks(batch);
            batch.retain(|_, _| {
                scratch.clear();
                append_key(&self.terms, &vectors, at, ranks[at], &mut scratch);
                at += 1;
                let enters = heap.len() < count || heap.peek().is_some_and(|last| scratch < last.key);
                if enters {
                    let key = match heap.len() < count {
                        true => scratch.clone(),
                        // The key that leaves gives its bytes to the one that comes.
                        false => {
                            let mut key = heap.pop().map(|last| last.key).unwrap_or_default();
                            key.clone_from(&scratch);
                            key
                        }
                    };
                    heap.push(Entry { key, row: kept as u32 });
                    kept += 1;
                }
                enters
            });
            if batch.count() > 0 {
                store.push(batch);
            }
        }
        let order = heap.into_sorted_vec().into_iter().map(|entry| entry.row).collect();
        Ok((store, order))
    }

    /// The values of the terms. A term without a result is a fault of its row, like that of a predicate.
    fn vectors(&self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<Vec<Vector<'s>>, ExecError> {
        let mut vectors = Vec::with_capacity(self.terms.len());
        for term in &self.terms {
            let vector = evaluate(env, &term.expr, batch)?;
            for (at, fault) in &vector.faults {
                let row = batch.selected().row(*at as usize);
                batch.add_fault(row, fault);
            }
            vectors.push(vector);
        }
        Ok(vectors)
    }
}

/// The ranks of the root records of the rows left.
fn ranks(batch: &Batch<'_>) -> Vec<u128> {
    let mut ranks = Vec::with_capacity(batch.count());
    batch.selected().for_each(|row| ranks.push(batch.rank(Slot(0), row).unwrap_or(0)));
    ranks
}

/// Appends what row `row`, whose root record has this rank, is ordered by.
fn append_key(terms: &[SortTerm], vectors: &[Vector<'_>], row: usize, rank: u128, out: &mut Vec<u8>) {
    for (term, vector) in terms.iter().zip(vectors) {
        match vector.cell(row) {
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
    out.extend_from_slice(&rank.to_be_bytes());
}

/// The first eight bytes as a number.
fn head(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let len = key.len().min(8);
    bytes[..len].copy_from_slice(&key[..len]);
    u64::from_be_bytes(bytes)
}

/// A row in the heap, the last in order on top.
#[derive(PartialEq, Eq)]
struct Entry {
    key: Vec<u8>,
    row: u32,
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
