//! A branch over ranks.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 24 | common header |
//! | 24 | 2 | number of children |
//! | 26 | 1 | level: 1 above leaves |
//! | 27 | 1 | rank width: 8 or 16 |
//! | 28 | 4 | zero |
//! | 32 | capacity × rank width | ranks, little-endian |
//! | | capacity × 4 | children's page numbers |
//! | | capacity × 4 | hints: about how many records are beneath each child |
//!
//! The capacity is as many children as fit the page. Child *i* holds the ranks from rank *i* to below rank *i* + 1;
//! rank 0 is zero and not used, since the first child takes everything below rank 1. A hint is written only when the
//! branch is written for another reason, so it may be stale.

use alloc::vec::Vec;

use super::super::StorageError;
use super::super::page::{PageKind, PageNumber, TreeId, branch_len};
use super::search::lower_bound;
use super::{Expected, clear_as, damage, expect_kind, put_u16, put_u32, u16_at, u32_at};

const RANKS_START: usize = 32;

/// A child of a branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Child {
    /// The lowest rank it may hold; not used for the first.
    pub(super) rank: u128,
    pub(super) number: PageNumber,
    /// About how many records are beneath it.
    pub(super) hint: u32,
}

/// How many children fit a branch of `len` bytes.
pub(super) fn capacity(len: usize, rank_width: usize) -> usize {
    (len - RANKS_START) / (rank_width + 8)
}

/// A branch whose header has been checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordBranch<'p> {
    page: &'p [u8],
    count: usize,
    level: u8,
    rank_width: usize,
}

impl<'p> RecordBranch<'p> {
    /// Checks the header of `page`, a page of a tree whose leaves have `leaf_len` bytes.
    #[inline]
    pub(super) fn open(
        number: PageNumber,
        page: &'p [u8],
        tree: TreeId,
        rank_width: u8,
        leaf_len: usize,
        expected: Expected,
    ) -> Result<RecordBranch<'p>, StorageError> {
        // The root of a tree of records has a leaf's length, even as a branch.
        expect_kind(number, page, PageKind::RecordBranch, tree, [branch_len(leaf_len), leaf_len])?;
        let rank_width = usize::from(rank_width);
        let (count, level) = (u16_at(page, 24), page[26]);
        if level == 0 || !expected.allows(level) {
            return Err(damage(
                number,
                format_args!("a branch of level {level}, not as expected ({expected:?})"),
            ));
        }
        if usize::from(page[27]) != rank_width {
            return Err(damage(number, format_args!("its ranks are {} bytes, not {rank_width}", page[27])));
        }
        if count == 0 || count > capacity(page.len(), rank_width) {
            return Err(damage(number, format_args!("{count} children are none or too many for a branch")));
        }
        Ok(RecordBranch { page, count, level, rank_width })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn level(&self) -> u8 {
        self.level
    }

    pub(super) fn capacity(&self) -> usize {
        capacity(self.page.len(), self.rank_width)
    }

    /// The position of the child that holds `rank`.
    #[inline]
    pub(super) fn position(&self, rank: u128) -> usize {
        let separators =
            &self.page[RANKS_START + self.rank_width..RANKS_START + self.count * self.rank_width];
        if self.rank_width == 8 {
            let Ok(rank) = u64::try_from(rank) else { return self.count - 1 };
            let Some(above) = rank.checked_add(1) else { return self.count - 1 };
            let separators = separators.as_chunks::<8>().0;
            lower_bound(separators.len(), |position| u64::from_le_bytes(separators[position]), above)
        } else {
            let Some(above) = rank.checked_add(1) else { return self.count - 1 };
            let separators = separators.as_chunks::<16>().0;
            lower_bound(separators.len(), |position| u128::from_le_bytes(separators[position]), above)
        }
    }

    /// The rank at `position`, which is below [`count`](Self::count).
    pub(super) fn rank(&self, position: usize) -> u128 {
        let at = RANKS_START + position * self.rank_width;
        match self.rank_width {
            8 => u128::from(u64::from_le_bytes(self.page[at..at + 8].try_into().expect("8 bytes"))),
            _ => u128::from_le_bytes(self.page[at..at + 16].try_into().expect("16 bytes")),
        }
    }

    /// The number of the child at `position`, which is below [`count`](Self::count).
    #[inline]
    pub(super) fn child(&self, position: usize) -> PageNumber {
        let children = RANKS_START + self.capacity() * self.rank_width;
        PageNumber(u32_at(self.page, children + position * 4))
    }

    pub(super) fn hint(&self, position: usize) -> u32 {
        let hints = RANKS_START + self.capacity() * (self.rank_width + 4);
        u32_at(self.page, hints + position * 4)
    }

    /// All hints together.
    pub(super) fn hints(&self) -> u64 {
        (0..self.count).map(|position| u64::from(self.hint(position))).sum()
    }

    /// All children.
    pub(super) fn children(&self) -> Vec<Child> {
        let child = |position| Child {
            rank: self.rank(position),
            number: self.child(position),
            hint: self.hint(position),
        };
        Vec::from_iter((0..self.count).map(child))
    }
}

/// Makes `page` a branch of `children`.
///
/// # Errors
///
/// `StorageFault::Corruption` when they are too many, which only damage can cause.
pub(super) fn build(
    number: PageNumber,
    page: &mut [u8],
    level: u8,
    rank_width: u8,
    children: &[Child],
) -> Result<(), StorageError> {
    let capacity = capacity(page.len(), usize::from(rank_width));
    if children.len() > capacity {
        return Err(damage(number, format_args!("{} children do not fit a branch", children.len())));
    }
    clear_as(page, PageKind::RecordBranch);
    put_u16(page, 24, children.len());
    page[26] = level;
    page[27] = rank_width;
    for (position, child) in children.iter().enumerate() {
        let rank = if position == 0 { 0 } else { child.rank };
        put_child(page, capacity, position, Child { rank, ..*child });
    }
    Ok(())
}

fn put_child(page: &mut [u8], capacity: usize, position: usize, child: Child) {
    let width = usize::from(page[27]);
    let at = RANKS_START + position * width;
    page[at..at + width].copy_from_slice(&child.rank.to_le_bytes()[..width]);
    put_u32(page, RANKS_START + capacity * width + position * 4, child.number.0);
    set_hint(page, position, child.hint);
}

/// Writes the hint at `position` of a branch whose header was checked.
pub(super) fn set_hint(page: &mut [u8], position: usize, hint: u32) {
    let width = usize::from(page[27]);
    let hints = RANKS_START + capacity(page.len(), width) * (width + 4);
    put_u32(page, hints + position * 4, hint);
}

/// Adds a child at `position`, 1 or more, to a branch whose header was checked and that has room.
pub(super) fn insert(page: &mut [u8], position: usize, child: Child) {
    let (count, width) = (u16_at(page, 24), usize::from(page[27]));
    let capacity = capacity(page.len(), width);
    for (start, width) in arrays(capacity, width) {
        page.copy_within(start + position * width..start + count * width, start + (position + 1) * width);
    }
    put_u16(page, 24, count + 1);
    put_child(page, capacity, position, child);
}

/// Removes the child at `position` from a branch whose header was checked. Its neighbour takes its ranks.
pub(super) fn remove(page: &mut [u8], position: usize) {
    let (count, width) = (u16_at(page, 24), usize::from(page[27]));
    for (start, width) in arrays(capacity(page.len(), width), width) {
        page.copy_within(start + (position + 1) * width..start + count * width, start + position * width);
    }
    put_u16(page, 24, count - 1);
    page[RANKS_START..RANKS_START + width].fill(0);
}

/// Start and element width of the three arrays.
fn arrays(capacity: usize, width: usize) -> [(usize, usize); 3] {
    let children = RANKS_START + capacity * width;
    [(RANKS_START, width), (children, 4), (children + capacity * 4, 4)]
}
