//! Makes an [`EntryTree`] of ascending entries, from its leaves upwards.
//!
//! Nothing is searched for, and no page is written twice: a page is written when the next key does not fit, with all that
//! its keys have in common as its prefix. All pages are full but the last of each level (and one may be left with a
//! single child, as a branch may).

use alloc::vec::Vec;
use core::mem;

use super::super::StorageError;
use super::super::page::{PageKind, PageNumber, PageWrite};
use super::entry_list::EntryList;
use super::entry_node::{self, capacity, common_len, cost};
use super::entry_tree::{EntryTree, entry_len_max};
use super::{LEVEL_MAX, damage};

/// A tree being made.
#[derive(Debug)]
pub(super) struct EntryBuilder {
    tree: EntryTree,
    /// The bytes of a page for keys.
    capacity: usize,
    /// What is not written yet of each level, the leaf first. The last page of the last level becomes the root.
    levels: Vec<Level>,
    count: u64,
}

/// The page of a level that is being filled.
#[derive(Debug)]
struct Level {
    kind: PageKind,
    /// The separator before the page; empty for the first of its level.
    low: Vec<u8>,
    /// A branch's first child.
    first_child: PageNumber,
    keys: EntryList,
    /// What all keys have in common.
    prefix_len: usize,
    /// The bytes that they take with it.
    used: usize,
}

impl Level {
    fn new(kind: PageKind, low: Vec<u8>, first_child: PageNumber) -> Level {
        Level { kind, low, first_child, keys: EntryList::default(), prefix_len: 0, used: 0 }
    }

    /// Adds a key if it fits a page with room for `capacity` bytes. It is above all others.
    fn push(&mut self, key: &[u8], child: PageNumber, capacity: usize) -> bool {
        let (prefix_len, mut used) = match self.keys.len() {
            0 => (key.len(), key.len()),
            _ => (common_len(self.keys.key(0), key).min(self.prefix_len), self.used),
        };
        if prefix_len < self.prefix_len {
            let costs = self.keys.cost(self.kind, 0..self.keys.len(), prefix_len);
            used = costs.expect("the prefix is a part of every key");
        }
        used += cost(self.kind, prefix_len, key.len());
        if used > capacity {
            return false;
        }
        (self.prefix_len, self.used) = (prefix_len, used);
        self.keys.push(key, child.0);
        true
    }
}

impl EntryBuilder {
    /// Begins to make `tree`, which is empty.
    pub(super) fn new(tree: EntryTree) -> EntryBuilder {
        let leaf = Level::new(PageKind::EntryLeaf, Vec::new(), PageNumber(0));
        EntryBuilder { tree, capacity: capacity(tree.page_len()), levels: Vec::from([leaf]), count: 0 }
    }

    /// How many entries were added.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The entry added last.
    pub(super) fn last(&self) -> Option<&[u8]> {
        let keys = &self.levels[0].keys;
        Some(keys.key(keys.len().checked_sub(1)?))
    }

    /// Adds an entry, which is above the last.
    ///
    /// # Errors
    ///
    /// As [`PageWrite::allocate`].
    ///
    /// # Panics
    ///
    /// When it is longer than [`entry_len_max`].
    pub(super) fn push(
        &mut self,
        pages: &mut (impl PageWrite + ?Sized),
        entry: &[u8],
    ) -> Result<(), StorageError> {
        let (len, limit) = (entry.len(), entry_len_max(self.tree.page_len()));
        assert!(len <= limit, "an entry of {len} bytes is over the limit of {limit}");
        debug_assert!(self.last().is_none_or(|last| last < entry), "entries ascend");
        self.count += 1;
        if self.levels[0].push(entry, PageNumber(0), self.capacity) {
            return Ok(());
        }
        // The shortest string above the last entry and not above this one.
        let shared = self.last().map_or(0, |last| common_len(last, entry));
        let separator = entry[..(shared + 1).min(len)].to_vec();
        let next = Level::new(PageKind::EntryLeaf, separator, PageNumber(0));
        self.write(pages, 0, next)?;
        let fits = self.levels[0].push(entry, PageNumber(0), self.capacity);
        debug_assert!(fits, "a page takes any one entry");
        Ok(())
    }

    /// Writes what there is of a level to a page, adds that to the level above, and goes on with `next`.
    fn write(
        &mut self,
        pages: &mut (impl PageWrite + ?Sized),
        level: usize,
        next: Level,
    ) -> Result<(), StorageError> {
        let full = mem::replace(&mut self.levels[level], next);
        let number = pages.allocate(full.kind, self.tree.tree, self.tree.page_len())?;
        fill(pages, number, level, &full)?;
        let above = level + 1;
        if above > usize::from(LEVEL_MAX) {
            return Err(damage(self.tree.root, format_args!("a root of level {level} cannot grow")));
        }
        if above == self.levels.len() {
            self.levels.push(Level::new(PageKind::EntryBranch, Vec::new(), number));
            return Ok(());
        }
        if self.levels[above].push(&full.low, number, self.capacity) {
            return Ok(());
        }
        // The separator moves up: what follows it begins a page.
        self.write(pages, above, Level::new(PageKind::EntryBranch, full.low, number))
    }

    /// Writes what is not written yet, the root last.
    pub(super) fn finish(mut self, pages: &mut (impl PageWrite + ?Sized)) -> Result<(), StorageError> {
        let mut level = 0;
        while level + 1 < self.levels.len() {
            let kind = self.levels[level].kind;
            self.write(pages, level, Level::new(kind, Vec::new(), PageNumber(0)))?;
            level += 1;
        }
        fill(pages, self.tree.root, level, &self.levels[level])
    }
}

/// Writes what there is of a level to page `number`.
fn fill(
    pages: &mut (impl PageWrite + ?Sized),
    number: PageNumber,
    level: usize,
    full: &Level,
) -> Result<(), StorageError> {
    let Level { first_child, keys, prefix_len, .. } = full;
    // All of a single key is what its keys have in common, and would have to go with the next one.
    let prefix_len = if keys.len() == 1 { 0 } else { *prefix_len };
    let page = pages.page_mut(number)?;
    entry_node::build(number, page, level as u8, *first_child, keys, 0..keys.len(), prefix_len)
}
