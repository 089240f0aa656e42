//! [`EntryCursor`]: a position among the entries of an [`EntryTree`].

use alloc::vec::Vec;
use core::ops::{Bound, Range};

use super::super::StorageError;
use super::super::page::PageRead;
use super::entry_node::EntryNode;
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
    /// The entry handed out last.
    entry: Vec<u8>,
    /// The entry of the leaf before that is farthest on the way.
    boundary: Option<Vec<u8>>,
}

#[derive(Debug)]
enum State<'p> {
    Start,
    /// In a leaf, with positions still to come, and whether there may be more in the next leaf.
    In(EntryNode<'p>, Range<usize>, bool),
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
            boundary: None,
        }
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    ///
    /// As [`PageRead::page`], and [`StorageError::Corruption`] when a page cannot be what it should be or leaves are
    /// out of order. The cursor is then at its end.
    // An iterator cannot lend its buffer.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<&[u8]>, StorageError> {
        let Some((node, position)) = self.advance()? else { return Ok(None) };
        self.entry.clear();
        node.append_key(position, &mut self.entry)?;
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
        let mut count = 0;
        while count < limit
            && let Some((node, position)) = self.advance()?
        {
            node.append_key(position, bytes)?;
            ends.push(bytes.len() as u32);
            count += 1;
        }
        Ok(count)
    }

    /// Appends the ranks of up to `limit` entries, which are their last `rank_width` bytes, 8 or 16, big-endian. Returns
    /// how many; 0 at the end.
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
        let mut count = 0;
        while count < limit
            && let Some((node, position)) = self.advance()?
        {
            let rest = node.rest(position)?;
            let rank = match (rank_width, rest.last_chunk::<8>()) {
                (8, Some(bytes)) => u128::from(u64::from_be_bytes(*bytes)),
                _ => {
                    self.entry.clear();
                    node.append_key(position, &mut self.entry)?;
                    split_rank(&node, &self.entry, rank_width)?.1
                }
            };
            ranks.push(rank);
            count += 1;
        }
        Ok(count)
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
        let mut count = 0;
        while count < limit
            && let Some((node, position)) = self.advance()?
        {
            let start = keys.len();
            node.append_key(position, keys)?;
            let (key_len, rank) = split_rank(&node, &keys[start..], rank_width)?;
            keys.truncate(start + key_len);
            ends.push(keys.len() as u32);
            ranks.push(rank);
            count += 1;
        }
        Ok(count)
    }

    /// The next position.
    #[inline]
    fn advance(&mut self) -> Result<Option<(EntryNode<'p>, usize)>, StorageError> {
        loop {
            if let State::In(node, positions, _) = &mut self.state {
                let position = match self.direction {
                    Direction::Forward => positions.next(),
                    Direction::Backward => positions.next_back(),
                };
                if let Some(position) = position {
                    return Ok(Some((*node, position)));
                }
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
            State::Start => Some(self.descend()?),
            State::In(_, _, true) => self.step()?,
            State::In(_, _, false) | State::End => None,
        };
        let Some(leaf) = leaf else { return Ok(false) };
        let count = leaf.count();
        if count == 0 {
            if self.path.len > 0 {
                return Err(damage(leaf.number(), "a leaf that is not the root has no entries"));
            }
            return Ok(false);
        }
        self.check_order(&leaf)?;
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
        Ok(true)
    }

    /// Leaves that do not come in order could lead around forever.
    fn check_order(&mut self, leaf: &EntryNode<'p>) -> Result<(), StorageError> {
        let (first, last) = (leaf.key(0)?, leaf.key(leaf.count() - 1)?);
        let follows = match (&self.boundary, self.direction) {
            (None, _) => true,
            (Some(boundary), Direction::Forward) => first > *boundary,
            (Some(boundary), Direction::Backward) => last < *boundary,
        };
        if !follows || first > last {
            return Err(damage(leaf.number(), "the entries of the leaf are out of order"));
        }
        self.boundary = Some(match self.direction {
            Direction::Forward => last,
            Direction::Backward => first,
        });
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

/// The length of an entry's key, and its rank.
fn split_rank(node: &EntryNode<'_>, entry: &[u8], rank_width: usize) -> Result<(usize, u128), StorageError> {
    let Some(key_len) = entry.len().checked_sub(rank_width) else {
        return Err(damage(node.number(), format!("an entry of {} bytes has no rank", entry.len())));
    };
    let rank = entry[key_len..].iter().fold(0, |rank: u128, byte| rank << 8 | u128::from(*byte));
    Ok((key_len, rank))
}
