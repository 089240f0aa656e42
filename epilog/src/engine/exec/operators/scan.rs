//! Scans: leaf by leaf, or by ranks from wherever an access path gets them.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::{Bound, Range};

mod combined;
#[cfg(not(feature = "small"))]
mod entries;
#[cfg(not(feature = "small"))]
mod skip;

use super::{Kept, Operator, Reach};
use crate::engine::error::ExecError;
use crate::engine::estimate::KeyRange;
use crate::engine::exec::Env;
use crate::engine::exec::batch::{Batch, GATHERED_MAX, Source};
use crate::engine::exec::evaluate::evaluate;
#[cfg(not(feature = "small"))]
use crate::engine::exec::meter::Footprint;
use crate::engine::logical::{Expr, Slot};
use crate::engine::physical::{self, Access, IndexOrder, PhysicalNode, Scan};
use crate::engine::planted::{self, Bug};
use crate::parts::{self, Whole};
use crate::schema::{CollectionDef, FieldDef, IndexId};
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
            given: 0,
            rows_max: GATHERED_MAX,
            pauses: None,
            paused: false,
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
                rows_max: usize::MAX,
                farthest: None,
                paused: false,
            })
        }
        Access::Combined { mut parts, how, .. } => {
            let all_exist = parts.iter().all(|part| !matches!(part, Access::Keys(_)));
            let combined = combined::Combined::new(slot, core::mem::take(&mut *parts), how);
            by_rank(Box::new(Sorted::forward(Box::new(combined))), all_exist)
        }
        #[cfg(not(feature = "small"))]
        Access::Skip { index, ranges } => {
            by_rank(Box::new(Sorted::forward(Box::new(skip::SkipRanks::new(slot, index, ranges)))), true)
        }
        Access::Keys(ranks) => by_rank(Box::new(Sorted::forward(Box::new(Given(ranks)))), false),
        #[cfg(not(feature = "small"))]
        Access::Index { index, ranges, order, entries: Some(entries) } => {
            let direction = match order {
                IndexOrder::Backward | IndexOrder::BackwardTiesForward => Direction::Backward,
                _ => Direction::Forward,
            };
            let tied = order == IndexOrder::BackwardTiesForward;
            debug_assert!(!tied || entries.loose > 0, "such entries are read a few of each value");
            let walk = IndexRanks::new(slot, index, ranges, direction);
            let reader = entries::Reader::new(env, walk, tied, *entries);
            if reader.is_alone() {
                return entries::build(reader, order);
            }
            let walk = Box::new(entries::Passing::new(env, reader));
            match order {
                IndexOrder::Key => by_rank(Box::new(Sorted::forward(walk)), true),
                IndexOrder::KeyBackward => by_rank(Box::new(Sorted::backward(walk)), true),
                _ => by_rank(walk, true),
            }
        }
        Access::Index { index, ranges, order, .. } => {
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
        #[cfg(not(feature = "small"))]
        Access::Pointing { source, from, index, entries: Some(entries), .. } => {
            let walk = IndexRanks::new(slot, index, Vec::new(), Direction::Forward);
            let reader = entries::Reader::new(env, walk, false, *entries);
            entries::pointing(env, reader, super::build(env, *source), from)
        }
        Access::Pointing { source, from, index, key_order, .. } => {
            let source = super::build(env, *source);
            let batch = Batch::new(env.collections.len(), env.computed.len());
            let ranks =
                Box::new(Pointing { source, from, slot, index, batch, cursor: None, ready: Vec::new() });
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
    /// No batch has more rows.
    rows_max: usize,
    /// The rank farthest on the way that was given.
    farthest: Option<u128>,
    paused: bool,
}

impl<'s> LeafScan<'s> {
    /// Whether this is the bottom of a chain.
    fn pauses(&self) -> bool {
        self.left != usize::MAX
    }

    fn next_leaf(&mut self, env: &Env<'s>) -> Result<Option<LeafBatch<'s>>, ExecError> {
        let cursor = match &mut self.cursor {
            Some(cursor) => cursor,
            None => {
                let collection = env.collection(self.slot);
                self.cursor.insert(env.view.leaves(collection, self.low, self.high, self.direction)?)
            }
        };
        if self.left != usize::MAX {
            self.left = self.left.saturating_sub(1);
        }
        Ok(cursor.next_leaf()?)
    }
}

impl<'s> Operator<'s> for LeafScan<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        env.check()?;
        if self.farthest.is_some() && (self.leaf.is_none() && self.left == 0 || env.view.is_crowded()) {
            self.paused = true;
            return Ok(false);
        }
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
        self.wanted = self.wanted.saturating_mul(4).min(self.rows_max);
        if self.pauses() {
            let last = match self.direction {
                Direction::Forward => until - 1,
                Direction::Backward => len - until,
            };
            self.farthest = Some(leaf.record(last).rank());
        }
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

    fn resume(&mut self, reach: Reach, _: &mut Vec<Kept>) {
        self.left = reach.leaves.min(usize::MAX - 1);
        self.rows_max = reach.rows;
        self.wanted = self.wanted.min(reach.rows);
    }

    fn is_paused(&self) -> bool {
        self.paused
    }

    fn remaining(&mut self, node: &mut PhysicalNode, _: &mut Vec<Kept>) -> Result<bool, ExecError> {
        let physical::Operator::Scan(Scan { access: Access::Range { low, high, .. }, .. }) =
            &mut node.operator
        else {
            return Ok(false);
        };
        let next = match self.direction {
            Direction::Forward if planted::is(Bug::RecordLostInPause) => {
                self.farthest.and_then(|rank| rank.checked_add(2))
            }
            Direction::Forward => self.farthest.and_then(|rank| rank.checked_add(1)),
            Direction::Backward => self.farthest.and_then(|rank| rank.checked_sub(1)),
        };
        let Some(next) = next.filter(|_| self.paused) else { return Ok(false) };
        match self.direction {
            Direction::Forward => *low = next,
            Direction::Backward => *high = next,
        }
        Ok(low <= high)
    }
}

/// Something that finds ranks.
trait Ranks<'s> {
    /// Appends up to about `limit` ranks; returns how many, 0 at the end and in a pause.
    fn more(&mut self, env: &Env<'s>, limit: usize, out: &mut Vec<u128>) -> Result<usize, ExecError>;

    /// Goes on where another source was that left this; in the first operation of a chain, where nothing was.
    fn resume(&mut self, _left: Left) {}

    /// Whether the operation keeps too much in memory for this to go on.
    fn is_paused(&self) -> bool {
        false
    }

    /// The bytes of ranks that it keeps in memory.
    #[cfg(not(feature = "small"))]
    fn size(&self) -> usize {
        0
    }

    /// Whether it can be left before its end.
    fn can_leave(&self) -> bool {
        false
    }

    /// Makes `access`, which this was built from, what is left of it, and gives `left` with what else it takes.
    fn leave(&mut self, _access: &mut Access, left: Left) -> Result<Left, ExecError> {
        Ok(left)
    }
}

/// What is left of a scan by ranks when it pauses, beside its access.
pub(in crate::engine::exec) struct Left {
    /// Ranks that come next.
    ranks: Vec<u128>,
    /// Those behind them that have been gathered, to be sorted.
    gathered: Option<Gathered>,
    /// Entries of one key that come before all others.
    tied: Option<KeyRange>,
    whole: Whole,
}

/// The records with the ranks that a source finds.
struct RankScan<'s> {
    slot: Slot,
    fetch: bool,
    /// Whether every rank is that of a record: otherwise those without one are passed over.
    exist: bool,
    source: Box<dyn Ranks<'s> + 's>,
    wanted: usize,
    /// Those found last, and how many of them have been given.
    ranks: Vec<u128>,
    given: usize,
    /// No batch has more rows.
    rows_max: usize,
    /// At the bottom of a chain: how many rows there may be before a pause, and whether one has been given.
    pauses: Option<(usize, bool, Whole)>,
    paused: bool,
    order: Vec<u32>,
    records: Vec<Option<RecordRef<'s>>>,
}

impl<'s> Operator<'s> for RankScan<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        env.check()?;
        if parts::PAUSES
            && let Some((left, true, _)) = self.pauses
            && (left == 0 || env.view.is_crowded())
        {
            self.paused = true;
            return Ok(false);
        }
        if self.given == self.ranks.len() {
            self.ranks.clear();
            self.given = 0;
            if self.source.more(env, self.wanted, &mut self.ranks)? == 0 {
                self.paused = parts::PAUSES && self.pauses.is_some() && self.source.is_paused();
                return Ok(false);
            }
            self.wanted = (self.wanted * 4).min(self.rows_max);
        }
        let start = self.given;
        self.given = self.ranks.len().min(start.saturating_add(self.rows_max));
        if parts::PAUSES
            && let Some((left, any, _)) = &mut self.pauses
        {
            self.given = self.given.min(start.saturating_add(*left));
            (*left, *any) = (*left - (self.given - start), true);
        }
        if !self.fetch {
            let ranks = &self.ranks[start..self.given];
            batch.reset(ranks.len());
            batch.set_source(self.slot, Source::Ranks(ranks.to_vec()));
            return Ok(true);
        }
        let mut records = Vec::with_capacity(self.given - start);
        let at_once = match self.pauses {
            Some(_) if parts::PAUSES => env.view.records_at_once(env.collection(self.slot)),
            _ => usize::MAX,
        };
        let mut next = start;
        loop {
            let end = self.given.min(next.saturating_add(at_once));
            self.fetch(env, next..end, &mut records)?;
            next = end;
            if next == self.given {
                break;
            }
            if parts::PAUSES && env.view.is_crowded() {
                self.given = next;
                break;
            }
        }
        batch.reset(records.len());
        batch.set_source(self.slot, Source::Records(records));
        Ok(true)
    }

    fn expect(&mut self, rows: usize) {
        self.wanted = rows.clamp(1, GATHERED_MAX);
    }

    /// Ranks are passed over, and no record is fetched.
    #[cfg(not(feature = "small"))]
    fn skip(&mut self, env: &Env<'s>, rows: usize) -> Result<usize, ExecError> {
        if !self.exist {
            return Ok(0);
        }
        let mut left = rows;
        while left > 0 {
            env.check()?;
            if self.given == self.ranks.len() {
                self.ranks.clear();
                self.given = 0;
                if self.source.more(env, left.min(GATHERED_MAX), &mut self.ranks)? == 0 {
                    break;
                }
            }
            let passed = left.min(self.ranks.len() - self.given);
            self.given += passed;
            left -= passed;
        }
        Ok(rows - left)
    }

    fn resume(&mut self, reach: Reach, kept: &mut Vec<Kept>) {
        let Some(whole) = Whole::build() else { return };
        self.wanted = self.wanted.min(reach.rows);
        self.rows_max = reach.rows.min(GATHERED_MAX);
        self.pauses = Some((reach.rows_in_all(), false, whole));
        let mut left = match kept.pop() {
            Some(Kept::Ranks(left)) => left,
            _ => Left { ranks: Vec::new(), gathered: None, tied: None, whole },
        };
        self.ranks = core::mem::take(&mut left.ranks);
        self.source.resume(left);
    }

    fn is_paused(&self) -> bool {
        self.paused
    }

    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        Footprint::in_memory(self.ranks.capacity() * size_of::<u128>() + self.source.size())
    }

    fn remaining(&mut self, node: &mut PhysicalNode, kept: &mut Vec<Kept>) -> Result<bool, ExecError> {
        let physical::Operator::Scan(Scan { access, .. }) = &mut node.operator else { return Ok(false) };
        let Some(whole) = Whole::build().filter(|_| self.paused) else { return Ok(false) };
        let left = Left { ranks: self.ranks.split_off(self.given), gathered: None, tied: None, whole };
        kept.push(Kept::Ranks(self.source.leave(access, left)?));
        Ok(true)
    }
}

impl<'s> RankScan<'s> {
    /// Appends the records of some of the ranks found, in their order.
    fn fetch(
        &mut self,
        env: &Env<'s>,
        which: Range<usize>,
        records: &mut Vec<Option<RecordRef<'s>>>,
    ) -> Result<(), ExecError> {
        let collection = env.collection(self.slot);
        let ranks = &self.ranks[which];
        let first = records.len();
        if ranks.is_sorted() {
            env.view.get_many(collection, ranks, records)?;
        } else {
            // Fetched by ascending rank, neighbours lie on one page.
            let RankScan { order, records: fetched, .. } = self;
            order.clear();
            order.extend(0..ranks.len() as u32);
            order.sort_unstable_by_key(|at| ranks[*at as usize]);
            let ascending: Vec<u128> = order.iter().map(|at| ranks[*at as usize]).collect();
            fetched.clear();
            env.view.get_many(collection, &ascending, fetched)?;
            records.resize(first + ranks.len(), None);
            for (at, record) in order.iter().zip(fetched.iter()) {
                records[first + *at as usize] = *record;
            }
        }
        if !self.exist {
            records.retain(Option::is_some);
        } else if let Some(missing) = records[first..].iter().position(Option::is_none) {
            return Err(dangling(collection, ranks[missing]).into());
        }
        Ok(())
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
    /// `None` when all of its ranks are gathered.
    source: Option<Box<dyn Ranks<'s> + 's>>,
    gathered: Gathered,
    backward: bool,
    /// In a chain, where no more is gathered when the operation keeps too much in memory.
    pauses: Option<Whole>,
    paused: bool,
}

/// Ranks to be given in order.
#[derive(Default)]
struct Gathered {
    /// Those not given yet, from `next` on; for the order backwards, their complements.
    ranks: Vec<u128>,
    next: usize,
    /// Whether these are all.
    complete: bool,
    /// Whether all of them are in order.
    sorted: bool,
    last: Option<u128>,
}

impl<'s> Sorted<'s> {
    /// From the lowest to the highest.
    fn forward(source: Box<dyn Ranks<'s> + 's>) -> Sorted<'s> {
        let gathered = Gathered::default();
        Sorted { source: Some(source), gathered, backward: false, pauses: None, paused: false }
    }

    /// From the highest to the lowest.
    fn backward(source: Box<dyn Ranks<'s> + 's>) -> Sorted<'s> {
        Sorted { backward: true, ..Sorted::forward(source) }
    }

    /// Gathers the source's ranks. False when that is not done yet.
    fn gather(&mut self, env: &Env<'s>) -> Result<bool, ExecError> {
        let Some(source) = &mut self.source else { return Ok(true) };
        let pauses = parts::PAUSES && self.pauses.is_some() && source.can_leave();
        let limit = if pauses { GATHERED_MAX } else { usize::MAX };
        let start = self.gathered.ranks.len();
        while source.more(env, limit, &mut self.gathered.ranks)? > 0 {
            if pauses && env.view.is_crowded() {
                self.paused = true;
                break;
            }
        }
        self.paused |= pauses && source.is_paused();
        if self.backward {
            self.gathered.ranks[start..].iter_mut().for_each(|rank| *rank = !*rank);
        }
        if self.paused {
            return Ok(false);
        }
        self.source = None;
        self.gathered.complete = true;
        Ok(true)
    }
}

impl Gathered {
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
    #[cfg(not(feature = "small"))]
    fn size(&self) -> usize {
        self.gathered.ranks.capacity() * size_of::<u128>()
    }

    fn more(&mut self, env: &Env<'s>, limit: usize, out: &mut Vec<u128>) -> Result<usize, ExecError> {
        if !self.gather(env)? {
            return Ok(0);
        }
        let start = out.len();
        let gathered = &mut self.gathered;
        while out.len() == start && gathered.next < gathered.ranks.len() {
            let count = limit.min(gathered.ranks.len() - gathered.next);
            gathered.sort(count);
            for rank in &gathered.ranks[gathered.next..gathered.next + count] {
                if gathered.last.replace(*rank) != Some(*rank) || planted::is(Bug::UnionGivesTwice) {
                    out.push(if self.backward { !*rank } else { *rank });
                }
            }
            gathered.next += count;
        }
        Ok(out.len() - start)
    }

    fn resume(&mut self, left: Left) {
        self.pauses = Some(left.whole);
        if let Some(gathered) = left.gathered {
            self.source = self.source.take().filter(|_| !gathered.complete);
            self.gathered = gathered;
        }
        if let Some(source) = &mut self.source {
            source.resume(Left { ranks: Vec::new(), gathered: None, tied: left.tied, whole: left.whole });
        }
    }

    fn is_paused(&self) -> bool {
        self.paused
    }

    fn leave(&mut self, access: &mut Access, mut left: Left) -> Result<Left, ExecError> {
        if !parts::PAUSES {
            return Ok(left);
        }
        if let Some(source) = &mut self.source {
            left = source.leave(access, left)?;
        }
        Ok(Left { gathered: Some(core::mem::take(&mut self.gathered)), ..left })
    }
}

/// The ranks in ranges of an index.
struct IndexRanks<'s> {
    slot: Slot,
    index: IndexId,
    /// Those not begun, the next one last.
    ranges: Vec<KeyRange>,
    direction: Direction,
    /// In a range.
    cursor: Option<(EntryCursor<'s>, KeyRange)>,
}

impl IndexRanks<'_> {
    fn new(slot: Slot, index: IndexId, mut ranges: Vec<KeyRange>, direction: Direction) -> Self {
        if direction == Direction::Forward {
            ranges.reverse();
        }
        IndexRanks { slot, index, ranges, direction, cursor: None }
    }
}

impl<'s> IndexRanks<'s> {
    /// Goes on in the range behind all entries that begin with `prefix`.
    #[cfg(not(feature = "small"))]
    fn pass_over(&mut self, env: &Env<'s>, prefix: &[u8]) -> Result<(), ExecError> {
        let Some((_, mut range)) = self.cursor.take() else { return Ok(()) };
        match self.direction {
            Direction::Forward => range.low = Bound::Excluded(prefix.to_vec()),
            Direction::Backward => range.high = Bound::Excluded(prefix.to_vec()),
        }
        let (low, high) = range.bounds();
        let collection = env.collection(self.slot);
        self.cursor = Some((env.view.entries(collection, self.index, low, high, self.direction)?, range));
        Ok(())
    }

    /// Begins the next range; false behind the last.
    fn next_range(&mut self, env: &Env<'s>) -> Result<bool, ExecError> {
        let Some(range) = self.ranges.pop() else { return Ok(false) };
        #[cfg(not(feature = "small"))]
        if let (Some((cursor, last)), Some(prefix)) = (&mut self.cursor, range.prefix())
            && self.direction == Direction::Forward
        {
            cursor.move_to(prefix)?;
            *last = range;
            return Ok(true);
        }
        let (low, high) = range.bounds();
        let collection = env.collection(self.slot);
        self.cursor = Some((env.view.entries(collection, self.index, low, high, self.direction)?, range));
        Ok(true)
    }
}

impl<'s> Ranks<'s> for IndexRanks<'s> {
    fn more(&mut self, env: &Env<'s>, limit: usize, out: &mut Vec<u128>) -> Result<usize, ExecError> {
        let start = out.len();
        while out.len() - start < limit {
            env.check()?;
            if let Some((cursor, _)) = &mut self.cursor {
                let wanted = (limit - (out.len() - start)).min(GATHERED_MAX);
                if cursor.next_ranks(wanted, out)? > 0 {
                    continue;
                }
            }
            if !self.next_range(env)? {
                break;
            }
        }
        Ok(out.len() - start)
    }

    fn can_leave(&self) -> bool {
        true
    }

    fn leave(&mut self, access: &mut Access, left: Left) -> Result<Left, ExecError> {
        let Access::Index { ranges, .. } = access else { return Ok(left) };
        if !parts::PAUSES {
            return Ok(left);
        }
        if let Some((cursor, range)) = self.cursor.take() {
            self.ranges.extend(behind(&cursor, range, self.direction)?);
        }
        if self.direction == Direction::Forward {
            self.ranges.reverse();
        }
        *ranges = core::mem::take(&mut self.ranges);
        Ok(left)
    }
}

/// What is left of a range behind the entry that a cursor in it has read last; `None` at its end. An entry has its rank at
/// its end: as a bound it stands for itself alone.
fn behind(
    cursor: &EntryCursor<'_>,
    mut range: KeyRange,
    direction: Direction,
) -> Result<Option<KeyRange>, StorageError> {
    let mut entry = Vec::new();
    if !cursor.last(&mut entry)? {
        return Ok(None);
    }
    match direction {
        Direction::Forward => range.low = Bound::Excluded(entry),
        Direction::Backward => range.high = Bound::Excluded(entry),
    }
    Ok(Some(range))
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
    /// The entries of one key, or the last of them, which come next.
    tied: Option<KeyRange>,
    /// Among them.
    cursor: Option<(EntryCursor<'s>, KeyRange)>,
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
        let key = key(start).to_vec();
        let left = self.ranges.last_mut().expect("the range that was read");
        left.high = Bound::Excluded(key.clone());
        self.tied = Some(KeyRange::starting_with(key));
        Ok(())
    }
}

impl<'s> Ranks<'s> for TiedRanks<'s> {
    fn more(&mut self, env: &Env<'s>, limit: usize, out: &mut Vec<u128>) -> Result<usize, ExecError> {
        let start = out.len();
        while out.len() - start < limit {
            env.check()?;
            let wanted = (limit - (out.len() - start)).min(GATHERED_MAX);
            if let Some((cursor, _)) = &mut self.cursor {
                if cursor.next_ranks(wanted, out)? == 0 {
                    self.cursor = None;
                }
            } else if let Some(range) = self.tied.take() {
                self.cursor = Some((self.entries(env, &range, Direction::Forward)?, range));
            } else if let Some(range) = self.ranges.last().cloned() {
                // One more than wanted, whose key is the one that may go on.
                self.read(env, &range, wanted + 1, out)?;
            } else {
                break;
            }
        }
        Ok(out.len() - start)
    }

    fn resume(&mut self, left: Left) {
        self.tied = left.tied;
    }

    fn leave(&mut self, access: &mut Access, left: Left) -> Result<Left, ExecError> {
        let Access::Index { ranges, .. } = access else { return Ok(left) };
        *ranges = core::mem::take(&mut self.ranges);
        let tied = match self.cursor.take() {
            Some((cursor, range)) => behind(&cursor, range, Direction::Forward)?,
            None => self.tied.take(),
        };
        Ok(Left { tied, ..left })
    }
}

/// The ranks of the records that point at a source's.
struct Pointing<'s> {
    source: Box<dyn Operator<'s> + 's>,
    from: Slot,
    slot: Slot,
    index: IndexId,
    batch: Batch<'s>,
    /// Where the last ones were found.
    cursor: Option<EntryCursor<'s>>,
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
            debug_assert!(env.collection(self.from).clustered.is_some());
            let collection = env.collection(self.slot);
            let field = first_field(collection, self.index);
            let mut targets = Vec::with_capacity(self.batch.count());
            self.batch.selected().for_each(|row| targets.extend(self.batch.rank(self.from, row)));
            let mut prefix = Vec::new();
            for rank in targets {
                env.check()?;
                prefix.clear();
                append_pointer(field, rank, &mut prefix);
                let cursor = entries_with(env, collection, self.index, &prefix, &mut self.cursor)?;
                while cursor.next_ranks(GATHERED_MAX, &mut self.ready)? > 0 {
                    env.check()?;
                }
            }
            self.ready.reverse();
        }
        let count = limit.min(self.ready.len());
        let rest = self.ready.len() - count;
        out.extend(self.ready.drain(rest..).rev());
        Ok(count)
    }
}

/// The first field of an index.
fn first_field(collection: &CollectionDef, index: IndexId) -> &FieldDef {
    let index = collection.index(index).expect("a plan names an index of its collection");
    &collection.fields[usize::from(index.fields[0])]
}

/// Appends what an entry begins with whose first field, a relation, points at a rank.
fn append_pointer(field: &FieldDef, rank: u128, out: &mut Vec<u8>) {
    let width = field.ty.width().expect("relations are keys");
    key::append(out, field.ty, field.optional, Some(&key::from_rank(field.ty, rank)[..width]));
}

/// The entries of an index that start with `prefix`: by the cursor that read the last such, if there is one, which finds what is near
/// without a way down from the root.
pub(super) fn entries_with<'c, 's>(
    env: &Env<'s>,
    collection: &'s CollectionDef,
    index: IndexId,
    prefix: &[u8],
    last: &'c mut Option<EntryCursor<'s>>,
) -> Result<&'c mut EntryCursor<'s>, StorageError> {
    match last {
        #[cfg(not(feature = "small"))]
        Some(cursor) => cursor.move_to(prefix)?,
        _ => {
            let range = KeyRange::starting_with(prefix.to_vec());
            let (low, high) = range.bounds();
            *last = Some(env.view.entries(collection, index, low, high, Direction::Forward)?);
        }
    }
    Ok(last.as_mut().expect("made above"))
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
            if let Some((_, fault)) = values.faults().first() {
                return Err(ExecError::Arithmetic(fault.itself()));
            }
            let present = (0..values.len()).filter_map(|row| values.cell(row));
            out.extend(present.map(|cell| key::rank(self.by.ty, cell)));
        }
        Ok(out.len() - start)
    }
}
