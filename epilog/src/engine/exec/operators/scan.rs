//! Scans: leaf by leaf, or by ranks from wherever an access path gets them.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Bound;

use super::Operator;
use crate::engine::error::ExecError;
use crate::engine::estimate::KeyRange;
use crate::engine::exec::Env;
use crate::engine::exec::batch::{Batch, GATHERED_MAX, Source};
use crate::engine::exec::evaluate::evaluate;
use crate::engine::logical::{Expr, Slot};
use crate::engine::physical::{self, Access, IndexOrder, PhysicalNode, Scan};
use crate::parts;
use crate::schema::{CollectionDef, IndexId};
use crate::storage::StorageError;
use crate::storage::facade::{Direction, EntryCursor, LeafBatch, LeafCursor};
use crate::storage::records::RecordRef;
use crate::value::key;

pub(super) fn build<'s>(env: &Env<'s>, scan: Scan) -> Box<dyn Operator<'s> + 's> {
    let Scan { slot, access, fetch, .. } = scan;
    let by_rank = |ranks: Box<dyn Ranks<'s> + 's>, exist| -> Box<dyn Operator<'s> + 's> {
        Box::new(RankScan {
            slot,
            fetch,
            exist,
            source: ranks,
            wanted: GATHERED_MAX,
            ranks: Vec::new(),
            order: Vec::new(),
            records: Vec::new(),
        })
    };
    match access {
        Access::Nothing => Box::new(Nothing),
        Access::Range { low, high, backward, .. } => {
            let direction = if backward { Direction::Backward } else { Direction::Forward };
            Box::new(LeafScan {
                slot,
                low,
                high,
                direction,
                cursor: None,
                leaf: None,
                wanted: usize::MAX,
                left: usize::MAX,
                farthest: None,
                paused: false,
            })
        }
        Access::Keys(ranks) => by_rank(Box::new(Sorted::forward(Box::new(Given(ranks)))), false),
        Access::Index { index, ranges, order } => {
            let walk = |direction, ranges| Box::new(IndexRanks::new(slot, index, ranges, direction));
            match order {
                IndexOrder::Key => by_rank(Box::new(Sorted::forward(walk(Direction::Forward, ranges))), true),
                IndexOrder::KeyBackward => {
                    by_rank(Box::new(Sorted::backward(walk(Direction::Forward, ranges))), true)
                }
                IndexOrder::Forward => by_rank(walk(Direction::Forward, ranges), true),
                IndexOrder::Backward => by_rank(walk(Direction::Backward, ranges), true),
                IndexOrder::BackwardTiesForward if !parts::TIES => unreachable!("no plan asks for it"),
                IndexOrder::BackwardTiesForward => {
                    by_rank(Box::new(TiedRanks::new(slot, index, ranges)), true)
                }
            }
        }
        _ if !parts::DETOURS => unreachable!("no plan makes detours"),
        Access::Pointing { source, from, index, key_order } => {
            let source = super::build(env, *source);
            let batch = Batch::new(env.collections.len(), env.computed.len());
            let ranks = Box::new(Pointing { source, from, slot, index, batch, ready: Vec::new() });
            if key_order { by_rank(Box::new(Sorted::forward(ranks)), true) } else { by_rank(ranks, true) }
        }
        Access::PointedAt { source, by } => {
            let source = super::build(env, *source);
            let batch = Batch::new(env.collections.len(), env.computed.len());
            by_rank(Box::new(Sorted::forward(Box::new(PointedAt { source, by, batch }))), false)
        }
    }
}

/// No records.
struct Nothing;

impl<'s> Operator<'s> for Nothing {
    fn next(&mut self, _: &Env<'s>, _: &mut Batch<'s>) -> Result<bool, ExecError> {
        Ok(false)
    }

    fn expect(&mut self, _: usize) {}
}

/// The records in a range of ranks, leaf by leaf.
struct LeafScan<'s> {
    slot: Slot,
    low: u128,
    high: u128,
    direction: Direction,
    cursor: Option<LeafCursor<'s>>,
    /// A leaf of which only a part has been given, and how many rows.
    leaf: Option<(LeafBatch<'s>, usize)>,
    /// How many rows the next batch has at most.
    wanted: usize,
    /// How many leaves may be read before a pause, which is for the bottom of a chain only.
    left: usize,
    /// The rank farthest on the way that was read.
    farthest: Option<u128>,
    paused: bool,
}

impl<'s> LeafScan<'s> {
    /// The next leaf; `None` at the end and when it is time for a pause.
    fn next_leaf(&mut self, env: &Env<'s>) -> Result<Option<LeafBatch<'s>>, ExecError> {
        let pauses = self.left != usize::MAX;
        if pauses && self.farthest.is_some() && (self.left == 0 || env.view.is_crowded()) {
            self.paused = true;
            return Ok(None);
        }
        let cursor = match &mut self.cursor {
            Some(cursor) => cursor,
            None => {
                let collection = env.collection(self.slot);
                self.cursor.insert(env.view.leaves(collection, self.low, self.high, self.direction)?)
            }
        };
        let leaf = cursor.next_leaf()?;
        if pauses && let Some(leaf) = &leaf {
            self.left = self.left.saturating_sub(1);
            let last = match self.direction {
                Direction::Forward => leaf.len() - 1,
                Direction::Backward => 0,
            };
            self.farthest = Some(leaf.record(last).rank());
        }
        Ok(leaf)
    }
}

impl<'s> Operator<'s> for LeafScan<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let (leaf, given) = match self.leaf.take() {
            Some(part) => part,
            None => match self.next_leaf(env)? {
                Some(leaf) => (leaf, 0),
                None => return Ok(false),
            },
        };
        let len = leaf.len();
        let until = given.saturating_add(self.wanted).min(len);
        // The first batch is as small as what is wanted; if that was not enough, much more is needed.
        self.wanted = self.wanted.saturating_mul(4);
        batch.reset(len);
        batch.set_source(self.slot, Source::Leaf(leaf.clone()));
        match self.direction {
            Direction::Forward => batch.select_range(given..until),
            Direction::Backward => {
                batch.select_range(len - until..len - given);
                batch.reverse();
            }
        }
        if until < len {
            self.leaf = Some((leaf, until));
        }
        Ok(true)
    }

    fn expect(&mut self, rows: usize) {
        self.wanted = rows.max(1);
    }

    fn pause_after(&mut self, leaves: usize) {
        self.left = leaves.min(usize::MAX - 1);
    }

    fn remaining(&self, node: &mut PhysicalNode) -> bool {
        let physical::Operator::Scan(Scan { access: Access::Range { low, high, .. }, .. }) =
            &mut node.operator
        else {
            return false;
        };
        let next = match self.direction {
            Direction::Forward => self.farthest.and_then(|rank| rank.checked_add(1)),
            Direction::Backward => self.farthest.and_then(|rank| rank.checked_sub(1)),
        };
        let Some(next) = next.filter(|_| self.paused) else { return false };
        match self.direction {
            Direction::Forward => *low = next,
            Direction::Backward => *high = next,
        }
        low <= high
    }
}

/// Something that finds ranks.
trait Ranks<'s> {
    /// Appends up to about `limit` ranks; returns how many, 0 at the end.
    fn more(&mut self, env: &Env<'s>, limit: usize, out: &mut Vec<u128>) -> Result<usize, ExecError>;
}

/// The records with the ranks that a source finds.
struct RankScan<'s> {
    slot: Slot,
    fetch: bool,
    /// Whether every rank is that of a record: otherwise those without one are passed over.
    exist: bool,
    source: Box<dyn Ranks<'s> + 's>,
    wanted: usize,
    ranks: Vec<u128>,
    order: Vec<u32>,
    records: Vec<Option<RecordRef<'s>>>,
}

impl<'s> Operator<'s> for RankScan<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        self.ranks.clear();
        if self.source.more(env, self.wanted, &mut self.ranks)? == 0 {
            return Ok(false);
        }
        self.wanted = (self.wanted * 4).min(GATHERED_MAX);
        if !self.fetch {
            batch.reset(self.ranks.len());
            batch.set_source(self.slot, Source::Ranks(self.ranks.clone()));
            return Ok(true);
        }
        let records = self.records(env)?;
        batch.reset(records.len());
        batch.set_source(self.slot, Source::Records(records));
        Ok(true)
    }

    fn expect(&mut self, rows: usize) {
        self.wanted = rows.clamp(1, GATHERED_MAX);
    }
}

impl<'s> RankScan<'s> {
    /// The records of the ranks found, in their order.
    fn records(&mut self, env: &Env<'s>) -> Result<Vec<Option<RecordRef<'s>>>, ExecError> {
        let collection = env.collection(self.slot);
        let mut records = Vec::with_capacity(self.ranks.len());
        if self.ranks.is_sorted() {
            env.view.get_many(collection, &self.ranks, &mut records)?;
        } else {
            // Fetched by ascending rank, neighbours lie on one page.
            let RankScan { ranks, order, records: fetched, .. } = self;
            order.clear();
            order.extend(0..ranks.len() as u32);
            order.sort_unstable_by_key(|at| ranks[*at as usize]);
            let ascending: Vec<u128> = order.iter().map(|at| ranks[*at as usize]).collect();
            fetched.clear();
            env.view.get_many(collection, &ascending, fetched)?;
            records.resize(ranks.len(), None);
            for (at, record) in order.iter().zip(fetched.iter()) {
                records[*at as usize] = *record;
            }
        }
        if !self.exist {
            records.retain(Option::is_some);
        } else if let Some(missing) = records.iter().position(Option::is_none) {
            return Err(dangling(collection, self.ranks[missing]).into());
        }
        Ok(records)
    }
}

/// The error for an index that names a record that is not there.
#[cold]
pub(in crate::engine) fn dangling(collection: &CollectionDef, rank: u128) -> StorageError {
    let name = &collection.name;
    StorageError::damage(
        "index",
        format_args!("an index of `{name}` names record {rank}, which does not exist"),
    )
}

/// Ranks that are given.
struct Given(Vec<u128>);

impl<'s> Ranks<'s> for Given {
    fn more(&mut self, _: &Env<'s>, _: usize, out: &mut Vec<u128>) -> Result<usize, ExecError> {
        let count = self.0.len();
        out.append(&mut self.0);
        Ok(count)
    }
}

/// Another source's ranks in order, each once.
///
/// All of them are gathered first, but only as many are sorted as are asked for: the first hundred of many thousands cost
/// one pass over them (C. A. R. Hoare, "Algorithm 65: Find", 1961).
struct Sorted<'s> {
    source: Option<Box<dyn Ranks<'s> + 's>>,
    /// Those not given yet, from `next` on; for the order backwards, their complements.
    ranks: Vec<u128>,
    next: usize,
    /// Whether all of them are in order.
    sorted: bool,
    backward: bool,
    last: Option<u128>,
}

impl<'s> Sorted<'s> {
    /// From the lowest to the highest.
    fn forward(source: Box<dyn Ranks<'s> + 's>) -> Sorted<'s> {
        Sorted {
            source: Some(source),
            ranks: Vec::new(),
            next: 0,
            sorted: false,
            backward: false,
            last: None,
        }
    }

    /// From the highest to the lowest.
    fn backward(source: Box<dyn Ranks<'s> + 's>) -> Sorted<'s> {
        Sorted { backward: true, ..Sorted::forward(source) }
    }

    /// Puts the next `count` of those left in order, where none that is left belongs before them.
    fn sort(&mut self, count: usize) {
        let left = &mut self.ranks[self.next..];
        if self.sorted {
            return;
        }
        // Whoever wants a good part of them may want the rest; and where code is dear, choosing has 2 KiB of it.
        if count >= left.len() / 8 || cfg!(feature = "small") {
            left.sort_unstable();
            self.sorted = true;
        } else if count > 0 {
            left.select_nth_unstable(count - 1);
            left[..count].sort_unstable();
        }
    }
}

impl<'s> Ranks<'s> for Sorted<'s> {
    fn more(&mut self, env: &Env<'s>, limit: usize, out: &mut Vec<u128>) -> Result<usize, ExecError> {
        if let Some(mut source) = self.source.take() {
            while source.more(env, usize::MAX, &mut self.ranks)? > 0 {}
            if self.backward {
                self.ranks.iter_mut().for_each(|rank| *rank = !*rank);
            }
        }
        let start = out.len();
        while out.len() == start && self.next < self.ranks.len() {
            let count = limit.min(self.ranks.len() - self.next);
            self.sort(count);
            for rank in &self.ranks[self.next..self.next + count] {
                if self.last.replace(*rank) != Some(*rank) {
                    out.push(if self.backward { !*rank } else { *rank });
                }
            }
            self.next += count;
        }
        Ok(out.len() - start)
    }
}

/// The ranks in ranges of an index.
struct IndexRanks<'s> {
    slot: Slot,
    index: IndexId,
    /// Those not begun, the next one last.
    ranges: Vec<KeyRange>,
    direction: Direction,
    cursor: Option<EntryCursor<'s>>,
}

impl IndexRanks<'_> {
    fn new(slot: Slot, index: IndexId, mut ranges: Vec<KeyRange>, direction: Direction) -> Self {
        if direction == Direction::Forward {
            ranges.reverse();
        }
        IndexRanks { slot, index, ranges, direction, cursor: None }
    }
}

impl<'s> Ranks<'s> for IndexRanks<'s> {
    fn more(&mut self, env: &Env<'s>, limit: usize, out: &mut Vec<u128>) -> Result<usize, ExecError> {
        let start = out.len();
        while out.len() - start < limit {
            if let Some(cursor) = &mut self.cursor {
                let wanted = (limit - (out.len() - start)).min(GATHERED_MAX);
                if cursor.next_ranks(wanted, out)? > 0 {
                    continue;
                }
            }
            let Some(range) = self.ranges.pop() else { break };
            let (low, high) = range.bounds();
            let collection = env.collection(self.slot);
            self.cursor = Some(env.view.entries(collection, self.index, low, high, self.direction)?);
        }
        Ok(out.len() - start)
    }
}

/// The ranks in ranges of an index from the last key to the first, those of one key ascending.
///
/// Entries are read backwards, some at a time. Those of a key that another one follows are all there and are turned
/// round; those of the last key read may go on, and are read forwards next.
struct TiedRanks<'s> {
    slot: Slot,
    index: IndexId,
    /// Those not read to their start, the next one last.
    ranges: Vec<KeyRange>,
    /// The key whose entries come next.
    tied: Option<Vec<u8>>,
    /// Among the entries of one key.
    cursor: Option<EntryCursor<'s>>,
    keys: Vec<u8>,
    ends: Vec<u32>,
}

impl<'s> TiedRanks<'s> {
    fn new(slot: Slot, index: IndexId, ranges: Vec<KeyRange>) -> Self {
        TiedRanks { slot, index, ranges, tied: None, cursor: None, keys: Vec::new(), ends: Vec::new() }
    }

    fn entries(
        &self,
        env: &Env<'s>,
        range: &KeyRange,
        direction: Direction,
    ) -> Result<EntryCursor<'s>, StorageError> {
        let (low, high) = range.bounds();
        env.view.entries(env.collection(self.slot), self.index, low, high, direction)
    }

    /// Reads up to `wanted` entries backwards; gives out those of all keys but the last, which becomes the tied one.
    fn read(
        &mut self,
        env: &Env<'s>,
        range: &KeyRange,
        wanted: usize,
        out: &mut Vec<u128>,
    ) -> Result<(), ExecError> {
        self.keys.clear();
        self.ends.clear();
        let first = out.len();
        let mut cursor = self.entries(env, range, Direction::Backward)?;
        if cursor.next_entries(wanted, &mut self.keys, &mut self.ends, out)? == 0 {
            self.ranges.pop();
            return Ok(());
        }
        let key = |at: usize| {
            let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
            &self.keys[start..self.ends[at] as usize]
        };
        let mut start = 0;
        for at in 1..self.ends.len() {
            if key(at) != key(start) {
                out[first + start..first + at].reverse();
                start = at;
            }
        }
        out.truncate(first + start);
        self.tied = Some(key(start).to_vec());
        Ok(())
    }
}

impl<'s> Ranks<'s> for TiedRanks<'s> {
    fn more(&mut self, env: &Env<'s>, limit: usize, out: &mut Vec<u128>) -> Result<usize, ExecError> {
        let start = out.len();
        while out.len() - start < limit {
            let wanted = (limit - (out.len() - start)).min(GATHERED_MAX);
            if let Some(cursor) = &mut self.cursor {
                if cursor.next_ranks(wanted, out)? == 0 {
                    self.cursor = None;
                }
            } else if let Some(key) = self.tied.take() {
                let range = self.ranges.last_mut().expect("a key was read from it");
                range.high = Bound::Excluded(key.clone());
                self.cursor = Some(self.entries(env, &KeyRange::starting_with(key), Direction::Forward)?);
            } else if let Some(range) = self.ranges.last().cloned() {
                // One more than wanted, whose key is the one that may go on.
                self.read(env, &range, wanted + 1, out)?;
            } else {
                break;
            }
        }
        Ok(out.len() - start)
    }
}

/// The ranks of the records that point at a source's.
struct Pointing<'s> {
    source: Box<dyn Operator<'s> + 's>,
    from: Slot,
    slot: Slot,
    index: IndexId,
    batch: Batch<'s>,
    /// Found and not yet given, the next one last.
    ready: Vec<u128>,
}

impl<'s> Ranks<'s> for Pointing<'s> {
    fn more(&mut self, env: &Env<'s>, limit: usize, out: &mut Vec<u128>) -> Result<usize, ExecError> {
        while self.ready.is_empty() {
            if !self.source.next(env, &mut self.batch)? {
                return Ok(0);
            }
            self.batch.raise(usize::MAX)?;
            let (target, collection) = (env.collection(self.from), env.collection(self.slot));
            let index = collection.index(self.index).expect("a plan names an index of its collection");
            let field = &collection.fields[usize::from(index.fields[0])];
            let width = field.ty.width().expect("relations are keys");
            let mut targets = Vec::with_capacity(self.batch.count());
            self.batch.selected().for_each(|row| targets.extend(self.batch.rank(self.from, row)));
            debug_assert!(target.clustered.is_some());
            let mut prefix = Vec::new();
            for rank in targets {
                prefix.clear();
                key::append(
                    &mut prefix,
                    field.ty,
                    field.optional,
                    Some(&key::from_rank(field.ty, rank)[..width]),
                );
                let range = KeyRange::starting_with(prefix.clone());
                let (low, high) = range.bounds();
                let mut cursor = env.view.entries(collection, self.index, low, high, Direction::Forward)?;
                while cursor.next_ranks(GATHERED_MAX, &mut self.ready)? > 0 {}
            }
            self.ready.reverse();
        }
        let count = limit.min(self.ready.len());
        let rest = self.ready.len() - count;
        out.extend(self.ready.drain(rest..).rev());
        Ok(count)
    }
}

/// The ranks that a source's values are.
struct PointedAt<'s> {
    source: Box<dyn Operator<'s> + 's>,
    by: Expr,
    batch: Batch<'s>,
}

impl<'s> Ranks<'s> for PointedAt<'s> {
    fn more(&mut self, env: &Env<'s>, _: usize, out: &mut Vec<u128>) -> Result<usize, ExecError> {
        let start = out.len();
        while out.len() == start {
            if !self.source.next(env, &mut self.batch)? {
                return Ok(0);
            }
            self.batch.raise(usize::MAX)?;
            let values = evaluate(env, &self.by, &self.batch)?;
            if let Some((_, fault)) = values.faults.first() {
                return Err(ExecError::Arithmetic(fault.0.clone()));
            }
            let present = (0..values.len()).filter_map(|row| values.cell(row));
            out.extend(present.map(|cell| key::rank(self.by.ty, cell)));
        }
        Ok(out.len() - start)
    }
}
