//! Trees: ordered bytes on pages.
//!
//! Above: records, which give rows and keys their meaning. Below: [`PageRead`](super::page::PageRead) and [`PageWrite`]. Nothing here decodes
//! a record or a key: [`RecordTree`] compares ranks, [`EntryTree`] compares bytes.
//!
//! ```text
//! RecordTree   rank -> fixed row + blob        RecordLeaf (1 to 64 KiB), RecordBranch (at most 4 KiB, but a root as a leaf)
//! EntryTree    a set of byte strings           EntryLeaf, EntryBranch (1 to 16 KiB)
//! ```
//!
//! The pages of a tree have the lengths that its handle says, for as long as it lives.
//!
//! What holds for both, and what [`RecordTree::check`] and [`EntryTree::check`] verify:
//!
//! - The root keeps its page number: when it splits its contents move to new pages, when it has one child left that
//!   child's contents move into it.
//! - A branch knows its level; a child's level is one less, and leaves are level 0. A walk downwards therefore ends,
//!   whatever the bytes say.
//! - Only a root may be an empty leaf. Leaves come in strictly ascending order. A walk along the leaves therefore ends.
//! - There are no sibling pointers, which would have to be rewritten when an image is copied: cursors keep the path.
//! - A page in which less than a quarter is used is merged with a neighbour under the same branch if both fit into
//!   seven eighths of one. There is no borrowing: when two neighbours do not fit one page they already fill, on
//!   average, nearly half of theirs.
//! - Bytes of a page are believed only after its header was checked, and every offset inside it when it is followed;
//!   damage is an error that names the page. After an error the pages written are not to be committed.

pub mod check;
pub mod entry_branch;
mod entry_build;
pub mod entry_cursor;
mod entry_estimate;
pub mod entry_leaf;
mod entry_list;
mod entry_node;
pub mod entry_tree;
mod entry_write;
#[cfg(not(feature = "small"))]
mod many;
pub mod record_branch;
pub mod record_cursor;
pub mod record_leaf;
pub mod record_tree;
mod record_write;
#[cfg(not(feature = "small"))]
pub(crate) mod sampled;
mod search;
#[cfg(test)]
mod tests;

pub use check::{Inspect, TreeSummary};
#[cfg(not(feature = "small"))]
pub use entry_cursor::EachWithRest;
pub use entry_cursor::EntryCursor;
pub(in crate::storage) use entry_node::key_len;
pub use entry_tree::EntryTree;
pub use entry_write::{EntryInserter, EntryPlace};
pub use record_cursor::LeafCursor;
pub use record_leaf::{LeafFormat, LeafView, Record, RecordLeaf, RecordSlot, blob_of_row};
pub use record_tree::RecordTree;
pub use record_write::{Convert, RecordInserter};
#[cfg(not(feature = "small"))]
pub use sampled::Cached;

use super::StorageError;
use super::page::{PAGE_HEADER_LEN, PageKind, PageNumber, PageWrite, TreeId, kind_of};

/// The limit on the level of a root. Even branches of two children reach every page number there is before this.
pub const LEVEL_MAX: u8 = 32;

/// Which way a cursor walks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From low to high.
    Forward,
    /// From high to low.
    Backward,
}

impl Direction {
    /// The place after `place` among `count`.
    fn next(self, place: usize, count: usize) -> Option<usize> {
        let next = match self {
            Direction::Forward => place + 1,
            Direction::Backward => place.checked_sub(1)?,
        };
        (next < count).then_some(next)
    }
}

/// A branch on the way down, and which of its children the way took.
#[derive(Clone, Copy, Debug)]
struct Step {
    number: PageNumber,
    position: u16,
}

/// The branches from the root to a leaf.
#[derive(Clone, Copy, Debug)]
struct Path {
    steps: [Step; LEVEL_MAX as usize],
    len: usize,
}

impl Path {
    const fn new() -> Path {
        Path { steps: [Step { number: PageNumber(0), position: 0 }; LEVEL_MAX as usize], len: 0 }
    }

    /// Goes down. Levels fall at each step and start at [`LEVEL_MAX`] or less, so there is room.
    fn push(&mut self, number: PageNumber, position: usize) {
        self.steps[self.len] = Step { number, position: position as u16 };
        self.len += 1;
    }

    fn steps(&self) -> &[Step] {
        &self.steps[..self.len]
    }
}

/// How many insertions in a row each went right behind the one before, within one inserter.
#[derive(Clone, Copy, Default, Debug)]
struct Run {
    len: u32,
    /// Where in its leaf the next one would go; not known after a split.
    next: Option<usize>,
}

impl Run {
    /// After so many it is expected to go on.
    const LONG: u32 = 8;

    fn add(&mut self, position: usize) {
        let goes_on = self.next.is_none_or(|next| next == position);
        self.len = if goes_on { self.len.saturating_add(1) } else { 0 };
        self.next = Some(position + 1);
    }

    fn split(&mut self) {
        self.next = None;
    }

    fn is_long(&self) -> bool {
        self.len >= Run::LONG
    }
}

/// What the page to open must be, as its parent says.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// A leaf, or a branch of any level.
    Root,
    /// A page of this level.
    Level(u8),
}

impl Expected {
    /// What the children of a branch of `level` must be.
    const fn below(level: u8) -> Expected {
        Expected::Level(level - 1)
    }

    fn allows(self, level: u8) -> bool {
        match self {
            Expected::Root => level <= LEVEL_MAX,
            Expected::Level(expected) => expected == level,
        }
    }
}

/// Damage found on a page.
#[cold]
fn damage(number: PageNumber, problem: impl core::fmt::Display) -> StorageError {
    StorageError::page_damage(number, problem)
}

/// Checks the common header's kind and tree, and the page's length: one of `lens`.
#[inline]
fn expect_kind(
    number: PageNumber,
    page: &[u8],
    kind: PageKind,
    tree: TreeId,
    lens: [usize; 2],
) -> Result<(), StorageError> {
    let is_as_long = page.len() == lens[0] || page.len() == lens[1];
    if is_as_long && page[8] == kind as u8 && u32_at(page, 12) == tree.0 {
        return Ok(());
    }
    Err(unexpected(number, page, kind, tree, lens))
}

/// The error for a page that is not of `kind`, not as long as such pages are, or of another tree.
#[cold]
fn unexpected(
    number: PageNumber,
    page: &[u8],
    kind: PageKind,
    tree: TreeId,
    lens: [usize; 2],
) -> StorageError {
    if kind_of(page) != Some(kind) {
        return damage(number, format_args!("its kind is {:?}, {kind:?} was expected", page.get(8)));
    }
    if !lens.contains(&page.len()) {
        return damage(number, format_args!("{} bytes are not the length of a {kind:?}", page.len()));
    }
    damage(number, format_args!("it belongs to tree {}, tree {} was expected", u32_at(page, 12), tree.0))
}

/// The error for a child that is neither a leaf nor a branch of the level its parent says.
#[cold]
fn unexpected_child(number: PageNumber, page: &[u8], expected: Expected) -> StorageError {
    damage(number, format_args!("a page of kind {:?} does not belong here ({expected:?})", page.get(8)))
}

/// Turns a page into one of another kind of the same tree, with all after its common header zero.
fn clear_as(page: &mut [u8], kind: PageKind) {
    page[8] = kind as u8;
    page[PAGE_HEADER_LEN..].fill(0);
}

/// Copies what `from` holds over what `to` holds; both keep their numbers.
fn move_contents(
    pages: &mut (impl PageWrite + ?Sized),
    from: PageNumber,
    to: PageNumber,
) -> Result<(), StorageError> {
    let image = pages.page(from)?.to_vec();
    let page = pages.page_mut(to)?;
    if page.len() != image.len() {
        return Err(damage(
            from,
            format_args!("{} bytes do not fit page {to} of {}", image.len(), page.len()),
        ));
    }
    page[8] = image[8];
    page[PAGE_HEADER_LEN..].copy_from_slice(&image[PAGE_HEADER_LEN..]);
    Ok(())
}

#[inline]
fn u16_at(page: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([page[at], page[at + 1]]))
}

#[inline]
fn u32_at(page: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]])
}

fn put_u16(page: &mut [u8], at: usize, value: usize) {
    debug_assert!(value <= usize::from(u16::MAX));
    page[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
}

fn put_u32(page: &mut [u8], at: usize, value: u32) {
    page[at..at + 4].copy_from_slice(&value.to_le_bytes());
}
