//! [`EntryCursor`]: a position among the entries of an [`EntryTree`].

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::{Bound, Range};

use super::super::StorageError;
use super::super::page::PageRead;
use super::entry_node::{EntryNode, key_len, rank_of};
use super::entry_tree::EntryTree;
use super::{Direction, Expected, Path, damage};

/// Walks the entries between two bounds, in either direction.
///
/// Bounds are compared once per leaf, entries not at all. Entries are kept without their page's prefix and rebuilt when
/// asked for.
#[derive(Debug)]
pub struct EntryCursor<'p, P: ?Sized> {
    tree: EntryTree,
    pages: &'p P,
    low: Bound<Vec<u8>>,
    high: Bound<Vec<u8>>,
    direction: Direction,
    path: Path,
    state: State<'p>,
    /// The entry handed out last; a buffer.
    entry: Vec<u8>,
}

/// What is done with an entry: its bytes before the rank, the rank, and the bytes behind it.
#[cfg(not(feature = "small"))]
pub type EachWithRest<'a> = dyn FnMut(&[u8], u128, &[u8]) -> Result<(), StorageError> + 'a;

#[derive(Debug)]
enum State<'p> {
    Start,
    /// In a leaf, with positions still to come, and whether there may be more in the next leaf.
    In(EntryNode<'p>, Range<usize>, bool),
    /// Behind the last entry, which the leaf has, at this position.
    #[cfg(not(feature = "small"))]
    Behind(EntryNode<'p>, usize),
    End,
}

impl<'p, P: PageRead + ?Sized> EntryCursor<'p, P> {
    pub(super) fn new(
        tree: EntryTree,
        pages: &'p P,
        low: Bound<&[u8]>,
        high: Bound<&[u8]>,
        direction: Direction,
    ) -> Self {
        EntryCursor {
            tree,
            pages,
            low: low.map(<[u8]>::to_vec),
            high: high.map(<[u8]>::to_vec),
            direction,
            path: Path::new(),
            state: State::Start,
            entry: Vec::new(),
        }
    }

    /// Goes on with the entries from `low` to below `high`, forwards. Where these begin in the leaf that was read last, nothing is
    /// searched for but there: of ascending ranges close to each other most are found so.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    #[cfg(not(feature = "small"))]
    pub fn move_to(&mut self, low: &[u8], high: Bound<&[u8]>) -> Result<(), StorageError> {
        assert_eq!(self.direction, Direction::Forward, "ranges are read forwards");
        replace(&mut self.low, Bound::Included(low));
        replace(&mut self.high, high);
        let before = core::mem::replace(&mut self.state, State::Start);
        // Ascending ranges begin behind what was read.
        let (leaf, read) = match before {
            State::In(leaf, positions, _) => (leaf, positions.start),
            State::Behind(leaf, position) => (leaf, position),
            State::Start | State::End => return Ok(()),
        };
        let Some(last) = leaf.count().checked_sub(1) else { return Ok(()) };
        if leaf.compare(low, last)?.is_gt() {
            return Ok(());
        }
        let from = match read.checked_sub(1) {
            Some(before) if leaf.compare(low, before)?.is_gt() => read,
            _ if leaf.compare(low, 0)?.is_ge() => 0,
            _ => return Ok(()),
        };
        let start = leaf.search_from(low, from)?.unwrap_or_else(|position| position);
        let end = match &self.high {
            Bound::Unbounded => leaf.count(),
            Bound::Excluded(high) => leaf.search_from(high, start)?.unwrap_or_else(|position| position),
            Bound::Included(high) => {
                leaf.search_from(high, start)?.map_or_else(|position| position, |position| position + 1)
            }
        };
        self.state = State::In(leaf, start..end, end == leaf.count());
        Ok(())
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    ///
    /// As [`PageRead::page`], and `StorageFault::Corruption` when a page cannot be what it should be or leaves are
    /// out of order. The cursor is then at its end.
    // An iterator cannot lend its buffer.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<&[u8]>, StorageError> {
        let Some((node, positions)) = self.advance(1)? else { return Ok(None) };
        self.entry.clear();
        let appended = node.append_key(positions.start, &mut self.entry);
        if appended.is_err() {
            self.state = State::End;
        }
        appended?;
        Ok(Some(&self.entry))
    }

    /// Appends up to `limit` entries to `bytes`, and where each ends there to `ends`. Returns how many; 0 at the end.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub fn next_batch(
        &mut self,
        limit: usize,
        bytes: &mut Vec<u8>,
        ends: &mut Vec<u32>,
    ) -> Result<usize, StorageError> {
        self.for_each(limit, |node, position| {
            node.append_key(position, bytes)?;
            ends.push(bytes.len() as u32);
            Ok(())
        })
    }

    /// Appends the ranks of up to `limit` entries, `rank_width` bytes, 8 or 16, big-endian, which are their last unless they
    /// [go on](EntryTree::goes_on). Returns how many; 0 at the end.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next), and when an entry is too short to end with a rank.
    pub fn next_ranks(
        &mut self,
        limit: usize,
        rank_width: usize,
        ranks: &mut Vec<u128>,
    ) -> Result<usize, StorageError> {
        let mut entry = core::mem::take(&mut self.entry);
        let (mut page, mut prefix_tail) = (None, 0);
        let goes_on = self.tree.goes_on();
        let count = self.for_each(limit, |node, position| {
            if rank_width == 8 && !goes_on {
                if page != Some(node.number()) {
                    (page, prefix_tail) = (Some(node.number()), node.prefix_tail());
                }
                if let Some(rank) = node.tail(position, prefix_tail)? {
                    ranks.push(u128::from(rank));
                    return Ok(());
                }
            }
            entry.clear();
            node.append_key(position, &mut entry)?;
            ranks.push(split_rank(node, &entry, rank_width, goes_on)?.1);
            Ok(())
        });
        self.entry = entry;
        count
    }

    /// Appends up to `limit` entries: their bytes before the rank to `keys`, where each ends there to `ends`, their
    /// ranks to `ranks`. Returns how many; 0 at the end.
    ///
    /// # Errors
    ///
    /// As [`next_ranks`](Self::next_ranks).
    pub fn next_entries(
        &mut self,
        limit: usize,
        rank_width: usize,
        keys: &mut Vec<u8>,
        ends: &mut Vec<u32>,
        ranks: &mut Vec<u128>,
    ) -> Result<usize, StorageError> {
        let goes_on = self.tree.goes_on();
        self.for_each(limit, |node, position| {
            let start = keys.len();
            node.append_key(position, keys)?;
            let (key_len, rank) = split_rank(node, &keys[start..], rank_width, goes_on)?;
            keys.truncate(start + key_len);
            ends.push(keys.len() as u32);
            ranks.push(rank);
            Ok(())
        })
    }

    /// Calls `each` for up to `limit` entries that go on behind their rank: with their bytes before the rank, the rank, and the
    /// bytes behind it but for their length. Returns how many; 0 at the end.
    ///
    /// # Errors
    ///
    /// As [`next_ranks`](Self::next_ranks); what `each` fails with.
    #[cfg(not(feature = "small"))]
    pub fn each_with_rest(
        &mut self,
        limit: usize,
        rank_width: usize,
        each: &mut EachWithRest<'_>,
    ) -> Result<usize, StorageError> {
        let mut entry = core::mem::take(&mut self.entry);
        let count = self.for_each(limit, |node, position| {
            entry.clear();
            node.append_key(position, &mut entry)?;
            let (key_len, rank) = split_rank(node, &entry, rank_width, true)?;
            each(&entry[..key_len], rank, &entry[key_len + rank_width..entry.len() - 2])
        });
        self.entry = entry;
        count
    }

    /// Appends the entry given out last to `out`. False when none was, or the cursor is at its end.
    ///
    /// # Errors
    ///
    /// `StorageFault::Corruption` when the page cannot be what it should be.
    pub fn last(&self, out: &mut Vec<u8>) -> Result<bool, StorageError> {
        let State::In(node, positions, _) = &self.state else { return Ok(false) };
        let position = match self.direction {
            Direction::Forward => positions.start.checked_sub(1),
            Direction::Backward => (positions.end < node.count()).then_some(positions.end),
        };
        let Some(position) = position else { return Ok(false) };
        node.append_key(position, out)?;
        Ok(true)
    }

    /// Calls `visit` for the next positions, up to `limit`, and returns how many there were.
    fn for_each(
        &mut self,
        limit: usize,
        mut visit: impl FnMut(&EntryNode<'p>, usize) -> Result<(), StorageError>,
    ) -> Result<usize, StorageError> {
        let mut count = 0;
        while count < limit
            && let Some((node, positions)) = self.advance(limit - count)?
        {
            count += positions.len();
            let visited = match self.direction {
                Direction::Forward => positions.into_iter().try_for_each(|position| visit(&node, position)),
                Direction::Backward => positions.rev().try_for_each(|position| visit(&node, position)),
            };
            if visited.is_err() {
                self.state = State::End;
            }
            visited?;
        }
        Ok(count)
    }

    /// The next positions, which are of one leaf: at least one and up to `limit`.
    #[inline]
    fn advance(&mut self, limit: usize) -> Result<Option<(EntryNode<'p>, Range<usize>)>, StorageError> {
        loop {
            if let State::In(node, positions, _) = &mut self.state
                && positions.start < positions.end
            {
                let len = positions.len().min(limit);
                let taken = match self.direction {
                    Direction::Forward => positions.start..positions.start + len,
                    Direction::Backward => positions.end - len..positions.end,
                };
                match self.direction {
                    Direction::Forward => positions.start = taken.end,
                    Direction::Backward => positions.end = taken.start,
                }
                return Ok(Some((*node, taken)));
            }
            if !self.next_leaf()? {
                return Ok(None);
            }
        }
    }

    /// Enters the next leaf. False at the end.
    fn next_leaf(&mut self) -> Result<bool, StorageError> {
        // An error leaves the cursor at its end.
        let leaf = match core::mem::replace(&mut self.state, State::End) {
            State::Start => self.descend()?,
            State::In(before, _, true) => {
                let Some(leaf) = self.step()? else { return Ok(false) };
                self.check_order(&before, &leaf)?;
                leaf
            }
            #[cfg(not(feature = "small"))]
            State::In(leaf, Range { end: position, .. }, false) | State::Behind(leaf, position) => {
                self.state = State::Behind(leaf, position);
                return Ok(false);
            }
            #[cfg(feature = "small")]
            State::In(_, _, false) => return Ok(false),
            State::End => return Ok(false),
        };
        if leaf.count() == 0 {
            if self.path.len > 0 {
                return Err(damage(leaf.number(), "a leaf that is not the root has no entries"));
            }
            return Ok(false);
        }
        self.enter(leaf)?;
        Ok(true)
    }

    /// Goes on with what lies between the bounds of a leaf that the path leads to.
    #[cfg_attr(feature = "small", inline(always))]
    fn enter(&mut self, leaf: EntryNode<'p>) -> Result<(), StorageError> {
        let count = leaf.count();
        let start = match &self.low {
            Bound::Unbounded => 0,
            Bound::Included(low) => leaf.search(low)?.unwrap_or_else(|position| position),
            Bound::Excluded(low) => {
                leaf.search(low)?.map_or_else(|position| position, |position| position + 1)
            }
        };
        let end = match &self.high {
            Bound::Unbounded => count,
            Bound::Excluded(high) => leaf.search(high)?.unwrap_or_else(|position| position),
            Bound::Included(high) => {
                leaf.search(high)?.map_or_else(|position| position, |position| position + 1)
            }
        };
        let goes_on = match self.direction {
            Direction::Forward => end == count,
            Direction::Backward => start == 0,
        };
        self.state = State::In(leaf, start..end, goes_on);
        Ok(())
    }

    /// Leaves that do not come in order could lead around forever.
    fn check_order(&mut self, before: &EntryNode<'p>, leaf: &EntryNode<'p>) -> Result<(), StorageError> {
        let (Some(last), Some(leaf_last)) = (before.count().checked_sub(1), leaf.count().checked_sub(1))
        else {
            return Err(damage(leaf.number(), "a leaf that is not the root has no entries"));
        };
        let (near, far, next, ahead) = match self.direction {
            Direction::Forward => (0, last, 0, Ordering::Less),
            Direction::Backward => (last, 0, leaf_last, Ordering::Greater),
        };
        self.entry.clear();
        before.append_key(far, &mut self.entry)?;
        let orderly = (last == 0 || before.compare(&self.entry, near)? == ahead.reverse())
            && leaf.compare(&self.entry, next)? == ahead;
        if !orderly {
            return Err(damage(leaf.number(), "the entries of the leaf are out of order"));
        }
        Ok(())
    }

    fn descend(&mut self) -> Result<EntryNode<'p>, StorageError> {
        let bound = match self.direction {
            Direction::Forward => &self.low,
            Direction::Backward => &self.high,
        };
        let descent = match bound {
            Bound::Included(entry) | Bound::Excluded(entry) => self.tree.descend(self.pages, entry)?,
            Bound::Unbounded => self.tree.descend_edge(self.pages, self.direction == Direction::Backward)?,
        };
        self.path = descent.path;
        self.tree.leaf(self.pages, descent.leaf)
    }

    /// The next leaf in the cursor's direction.
    fn step(&mut self) -> Result<Option<EntryNode<'p>>, StorageError> {
        // Up to the first branch with a child further on.
        let (mut number, mut expected) = loop {
            let Some(last) = self.path.len.checked_sub(1) else { return Ok(None) };
            let step = self.path.steps[last];
            let branch = self.tree.branch(self.pages, step.number)?;
            let position = match self.direction {
                Direction::Forward => usize::from(step.position) + 1,
                Direction::Backward => usize::from(step.position).wrapping_sub(1),
            };
            if position <= branch.count() {
                self.path.steps[last].position = position as u16;
                break (branch.child(position), Expected::below(branch.level()));
            }
            self.path.len = last;
        };
        // And down along the near edge.
        loop {
            let node = self.tree.open(number, self.pages.page(number)?, expected)?;
            if node.level() == 0 {
                return Ok(Some(node));
            }
            let position = match self.direction {
                Direction::Forward => 0,
                Direction::Backward => node.count(),
            };
            self.path.push(number, position);
            number = node.child(position);
            expected = Expected::below(node.level());
        }
    }
}

/// Makes a bound another one, in its memory if it has some.
#[cfg(not(feature = "small"))]
fn replace(bound: &mut Bound<Vec<u8>>, with: Bound<&[u8]>) {
    match (bound, with) {
        (Bound::Included(bytes), Bound::Included(other))
        | (Bound::Excluded(bytes), Bound::Excluded(other)) => {
            bytes.clear();
            bytes.extend_from_slice(other);
        }
        (bound, with) => *bound = with.map(<[u8]>::to_vec),
    }
}

/// The length of an entry's key, and its rank.
fn split_rank(
    node: &EntryNode<'_>,
    entry: &[u8],
    rank_width: usize,
    goes_on: bool,
) -> Result<(usize, u128), StorageError> {
    let Some(key_len) = key_len(entry, rank_width, goes_on) else {
        return Err(damage(node.number(), format_args!("an entry of {} bytes has no rank", entry.len())));
    };
    Ok((key_len, rank_of(&entry[key_len..][..rank_width])))
}
