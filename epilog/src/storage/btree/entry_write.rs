//! Changes of an [`EntryTree`].
//!
//! A page that cannot take a key as it is gets written anew, with its garbage gone and another prefix, and is split when
//! that does not help: behind the last entry of the tree, of a run of ascending ones, or of those with one key, so that a
//! full page stays behind; otherwise in the middle third, where the separator is shortest.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::super::StorageError;
use super::super::page::{PageKind, PageNumber, PageRead, PageWrite};
use super::entry_build::EntryBuilder;
use super::entry_list::EntryList;
use super::entry_node::{self, EntryNode, common_len};
use super::entry_tree::{Descent, EntryTree, entry_len_max};
use super::record_write::neighbours;
use super::{Expected, LEVEL_MAX, Path, Run, damage, entry_leaf, move_contents};

/// Inserts entries, and keeps the way to the leaf of the last one, so that entries that belong to the same leaf need no
/// descent.
///
/// The tree must not be changed by others, nor a savepoint be rolled back, between two calls.
#[derive(Debug)]
pub struct EntryInserter {
    tree: EntryTree,
    descent: Descent,
    /// Whether the way leads to a leaf that is the tree's.
    is_kept: bool,
    run: Run,
}

impl EntryInserter {
    /// Starts anywhere.
    pub fn new(tree: EntryTree) -> EntryInserter {
        EntryInserter { tree, descent: Descent::new(), is_kept: false, run: Run::default() }
    }

    /// Inserts an entry, as [`EntryTree::insert`].
    ///
    /// # Errors
    ///
    /// As [`EntryTree::insert`].
    ///
    /// # Panics
    ///
    /// As [`EntryTree::insert`].
    pub fn insert(
        &mut self,
        pages: &mut (impl PageWrite + ?Sized),
        entry: &[u8],
    ) -> Result<bool, StorageError> {
        let tree = self.tree;
        if !(self.is_kept && belongs(tree, pages, &self.descent, entry)?) {
            if core::mem::take(&mut self.is_kept) {
                self.run = Run::default();
            }
            tree.descend_into(pages, entry, &mut self.descent)?;
        }
        // Not kept should this fail.
        self.is_kept = false;
        let outcome = tree.insert_in_leaf(pages, &self.descent, &mut self.run, entry)?;
        self.is_kept = outcome != Outcome::Split;
        Ok(outcome != Outcome::Present)
    }
}

/// What became of an entry that was to be inserted into a leaf.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It is there already.
    Present,
    Inserted,
    /// It was inserted, and the leaf is two now.
    Split,
}

/// Where an entry is to be inserted.
#[derive(Clone, Debug)]
pub struct EntryPlace(Descent);

impl Default for EntryPlace {
    /// None yet.
    fn default() -> EntryPlace {
        EntryPlace(Descent::new())
    }
}

/// Whether `entry` surely belongs to the leaf that `descent` leads to.
fn belongs(
    tree: EntryTree,
    pages: &(impl PageWrite + ?Sized),
    descent: &Descent,
    entry: &[u8],
) -> Result<bool, StorageError> {
    let leaf = tree.leaf(pages, descent.leaf)?;
    Ok(leaf.count() > 0
        && leaf.compare(entry, 0)? != Ordering::Less
        && tree.is_below_fence(pages, &descent.path, entry)?)
}

/// Whether `entry`, which goes to `position`, comes behind others with the same key, and none of those behind it. Records
/// mostly get ascending ranks, so the next with this key goes behind it too.
fn is_last_of_key(leaf: &EntryNode<'_>, position: usize, entry: &[u8]) -> Result<bool, StorageError> {
    // A longer rank is the user's own key, which need not ascend.
    const RANK_LEN: usize = 8;
    let has_same_key = |position: usize| -> Result<bool, StorageError> {
        let other = leaf.key(position)?;
        Ok(other.len() == entry.len() && common_len(&other, entry) + RANK_LEN >= entry.len())
    };
    let follows = position > 0 && has_same_key(position - 1)?;
    Ok(follows && (position == leaf.count() || !has_same_key(position)?))
}

/// `key` without the page's prefix, if it can be added to the page as it is.
fn fitting_suffix<'k>(node: &EntryNode<'_>, key: &'k [u8]) -> Option<&'k [u8]> {
    let suffix = key.strip_prefix(node.prefix())?;
    let kind = if node.level() == 0 { PageKind::EntryLeaf } else { PageKind::EntryBranch };
    (entry_node::cost(kind, 0, suffix.len()) <= node.head().room()).then_some(suffix)
}

impl EntryTree {
    /// The bytes of a page for keys.
    fn capacity(&self) -> usize {
        entry_node::capacity(self.page_len())
    }

    /// A page that would be fuller than this after being written anew is split, lest the next entries write it again.
    fn rewrite_max(&self) -> usize {
        self.capacity() / 16 * 15
    }

    /// Two pages are merged when they fit into this much of one.
    fn merge_max(&self) -> usize {
        self.capacity() / 8 * 7
    }

    /// Inserts an entry. False when it is present.
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains), and as [`PageWrite::allocate`].
    ///
    /// # Panics
    ///
    /// When the entry is longer than [`entry_len_max`].
    pub fn insert(&self, pages: &mut (impl PageWrite + ?Sized), entry: &[u8]) -> Result<bool, StorageError> {
        EntryInserter::new(*self).insert(pages, entry)
    }

    /// Finds the place where `entry`, which has a rank of `rank_width` bytes behind its key, is to be inserted; gives the rank that the tree
    /// has with this key already, or one of them.
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains).
    pub fn find_place(
        &self,
        pages: &(impl PageRead + ?Sized),
        entry: &[u8],
        rank_width: usize,
        place: &mut EntryPlace,
    ) -> Result<Option<u128>, StorageError> {
        self.descend_into(pages, entry, &mut place.0)?;
        let leaf = self.leaf(pages, place.0.leaf)?;
        let key_len = super::key_len(entry, rank_width, self.goes_on());
        let key = &entry[..key_len.expect("an entry has a rank")];
        match leaf.search(entry)? {
            Err(position) if position > 0 && position < leaf.count() => {
                match leaf.rank_after(position - 1, key, rank_width, self.goes_on())? {
                    Some(rank) => Ok(Some(rank)),
                    None => leaf.rank_after(position, key, rank_width, self.goes_on()),
                }
            }
            // It is there, or its neighbour is on another leaf.
            Ok(_) | Err(_) => self.rank_of(pages, key, rank_width),
        }
    }

    /// Inserts `entry` at the place that was found for it, after which the tree has not been changed. False when it is
    /// present.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    pub fn insert_at(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        EntryPlace(descent): &EntryPlace,
        entry: &[u8],
    ) -> Result<bool, StorageError> {
        Ok(self.insert_in_leaf(pages, descent, &mut Run::default(), entry)? != Outcome::Present)
    }

    /// Inserts an entry that belongs to the leaf that `descent` leads to.
    fn insert_in_leaf(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        descent: &Descent,
        run: &mut Run,
        entry: &[u8],
    ) -> Result<Outcome, StorageError> {
        let (len, limit) = (entry.len(), entry_len_max(self.page_len()));
        assert!(len <= limit, "an entry of {len} bytes is over the limit of {limit}");
        let leaf = self.leaf(pages, descent.leaf)?;
        let Err(position) = leaf.search(entry)? else { return Ok(Outcome::Present) };
        run.add(position);
        if let Some(suffix) = fitting_suffix(&leaf, entry) {
            leaf.head().insert(pages.page_mut(descent.leaf)?, position, suffix, 0);
            return Ok(Outcome::Inserted);
        }
        let in_order = run.is_long()
            || (position == leaf.count() && descent.rightmost)
            || is_last_of_key(&leaf, position, entry)?;
        if self.rewrite_leaf(pages, descent, position, entry, in_order)? {
            return Ok(Outcome::Inserted);
        }
        run.split();
        Ok(Outcome::Split)
    }

    /// Inserts entries, quickest when they ascend, and counts those that were not present. Into an empty tree, pages are
    /// packed with those that ascend.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert); the tree is not to be used then.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    pub fn insert_sorted<'e>(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        entries: impl IntoIterator<Item = &'e [u8]>,
    ) -> Result<u64, StorageError> {
        let (mut entries, mut count) = (entries.into_iter(), 0);
        let mut next = entries.next();
        if next.is_some() && self.is_new(pages)? {
            let mut builder = EntryBuilder::new(*self);
            while let Some(entry) = next {
                match builder.last().map(|last| last.cmp(entry)) {
                    None | Some(Ordering::Less) => builder.push(pages, entry)?,
                    Some(Ordering::Equal) => {}
                    Some(Ordering::Greater) => break,
                }
                next = entries.next();
            }
            count += builder.count();
            builder.finish(pages)?;
        }
        let mut inserter = EntryInserter::new(*self);
        while let Some(entry) = next {
            count += u64::from(inserter.insert(pages, entry)?);
            next = entries.next();
        }
        Ok(count)
    }

    /// Whether the root is a leaf without entries.
    fn is_new(&self, pages: &(impl PageWrite + ?Sized)) -> Result<bool, StorageError> {
        let root = self.open(self.root, pages.page(self.root)?, Expected::Root)?;
        Ok(root.level() == 0 && root.count() == 0)
    }

    /// Removes an entry. False when it is not present.
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains).
    pub fn remove(&self, pages: &mut (impl PageWrite + ?Sized), entry: &[u8]) -> Result<bool, StorageError> {
        let descent = self.descend(pages, entry)?;
        let (number, path) = (descent.leaf, &descent.path);
        let leaf = self.leaf(pages, number)?;
        let Ok(position) = leaf.search(entry)? else { return Ok(false) };
        if leaf.count() > 1 {
            let (head, rest) = (leaf.head(), leaf.rest_range(position)?);
            if !head.may_free(&rest) {
                return Err(damage(number, "the heap is smaller than the keys in it"));
            }
            let head = head.remove(pages.page_mut(number)?, position, &rest);
            if path.len > 0 && head.used() < self.capacity() / 4 {
                self.merge(pages, path, path.len - 1)?;
            }
        } else if let Some(depth) = path.len.checked_sub(1) {
            pages.free(number);
            self.remove_child(pages, path, depth, usize::from(path.steps[depth].position))?;
        } else {
            entry_leaf::build_empty(number, pages.page_mut(number)?)?;
        }
        Ok(true)
    }

    /// Writes a leaf anew with one entry more, to one page or two. True when it was one. `in_order` when what comes next
    /// will probably go behind the entry.
    fn rewrite_leaf(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        descent: &Descent,
        position: usize,
        entry: &[u8],
        in_order: bool,
    ) -> Result<bool, StorageError> {
        const KIND: PageKind = PageKind::EntryLeaf;
        let (number, path) = (descent.leaf, &descent.path);
        let mut list = EntryList::default();
        self.leaf(pages, number)?.append_all(&mut list)?;
        list.insert(position, entry, 0);
        if !list.ascends_around(position) {
            return Err(damage(number, "entries are out of order"));
        }
        let len = list.len();
        let (low, high) = self.fences(pages, path, path.len)?;
        let (low, high) = (low.as_deref(), high.as_deref());
        let limit = if in_order { self.capacity() } else { self.rewrite_max() };
        if let Some(prefix_len) = list.prefix_len(KIND, &(0..len), low, high, limit) {
            let page = pages.page_mut(number)?;
            entry_node::build(number, page, 0, PageNumber(0), &list, 0..len, prefix_len)?;
            return Ok(true);
        }
        // In order: right behind the new entry if others are there, otherwise before it; the page that is filled next
        // then ends with it. A new entry outside the page's prefix may also need a page of its own.
        let middle = list.middle(KIND, |entry| entry_leaf::separator_len(&list, entry));
        let alone = if position == 0 { 1 } else { len - 1 };
        let places = if in_order { [position + 1, position, middle] } else { [middle, alone, alone] };
        let mut places = places.into_iter().filter(|at| (1..len).contains(at));
        let Some((at, left_prefix, right_prefix)) = places.find_map(|at| {
            let separator = entry_leaf::separator(&list, at);
            let left = list.prefix_len(KIND, &(0..at), low, Some(separator), self.capacity())?;
            let right = list.prefix_len(KIND, &(at..len), Some(separator), high, self.capacity())?;
            Some((at, left, right))
        }) else {
            return Err(damage(number, "its entries do not fit two pages"));
        };
        let separator = entry_leaf::separator(&list, at);
        let right = pages.allocate(KIND, self.tree, self.page_len())?;
        entry_node::build(right, pages.page_mut(right)?, 0, PageNumber(0), &list, at..len, right_prefix)?;
        if path.len == 0 {
            let left = pages.allocate(KIND, self.tree, self.page_len())?;
            entry_node::build(left, pages.page_mut(left)?, 0, PageNumber(0), &list, 0..at, left_prefix)?;
            self.build_root(pages, 1, left, separator, right)?;
        } else {
            // The page stays as it is when the new entry alone goes to another.
            if (at, position) != (len - 1, len - 1) {
                let page = pages.page_mut(number)?;
                entry_node::build(number, page, 0, PageNumber(0), &list, 0..at, left_prefix)?;
            }
            self.insert_separator(pages, path, descent.rightmost, separator.to_vec(), right)?;
        }
        Ok(false)
    }

    /// Makes the root a branch of two children.
    fn build_root(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        level: u8,
        left: PageNumber,
        separator: &[u8],
        right: PageNumber,
    ) -> Result<(), StorageError> {
        if level > LEVEL_MAX {
            return Err(damage(self.root, format_args!("a root of level {} cannot grow", level - 1)));
        }
        let mut list = EntryList::default();
        list.push(separator, right.0);
        entry_node::build(self.root, pages.page_mut(self.root)?, level, left, &list, 0..1, 0)
    }

    /// Adds a separator, and the child behind it, behind the child that `path` ends with.
    fn insert_separator(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        path: &Path,
        rightmost: bool,
        mut separator: Vec<u8>,
        mut child: PageNumber,
    ) -> Result<(), StorageError> {
        const KIND: PageKind = PageKind::EntryBranch;
        for (depth, step) in path.steps().iter().enumerate().rev() {
            let (number, position) = (step.number, usize::from(step.position));
            let node = self.branch(pages, number)?;
            if position > node.count() {
                return Err(damage(
                    number,
                    format_args!("there is no child {position} among {}", node.count() + 1),
                ));
            }
            if let Some(suffix) = fitting_suffix(&node, &separator) {
                node.head().insert(pages.page_mut(number)?, position, suffix, child.0);
                return Ok(());
            }
            let (level, first_child) = (node.level(), node.child(0));
            let mut list = EntryList::default();
            node.append_all(&mut list)?;
            list.insert(position, &separator, child.0);
            if !list.ascends_around(position) {
                return Err(damage(number, "separators are out of order"));
            }
            let len = list.len();
            let (low, high) = self.fences(pages, path, depth)?;
            let (low, high) = (low.as_deref(), high.as_deref());
            let limit = if rightmost { self.capacity() } else { self.rewrite_max() };
            if let Some(prefix_len) = list.prefix_len(KIND, &(0..len), low, high, limit) {
                let page = pages.page_mut(number)?;
                return entry_node::build(number, page, level, first_child, &list, 0..len, prefix_len);
            }
            let middle = if rightmost { len - 1 } else { list.middle(KIND, |entry| list.key(entry).len()) };
            let alone = if position == 0 { 0 } else { len - 1 };
            // The separator in the middle moves up.
            let Some((at, left_prefix, right_prefix)) = [middle, alone].into_iter().find_map(|at| {
                let left = list.prefix_len(KIND, &(0..at), low, Some(list.key(at)), self.capacity())?;
                let right =
                    list.prefix_len(KIND, &(at + 1..len), Some(list.key(at)), high, self.capacity())?;
                Some((at, left, right))
            }) else {
                return Err(damage(number, "its separators do not fit two pages"));
            };
            let right = pages.allocate(KIND, self.tree, self.page_len())?;
            let first = PageNumber(list.child(at));
            entry_node::build(right, pages.page_mut(right)?, level, first, &list, at + 1..len, right_prefix)?;
            let up = list.key(at);
            if depth == 0 {
                let left = pages.allocate(KIND, self.tree, self.page_len())?;
                let page = pages.page_mut(left)?;
                entry_node::build(left, page, level, first_child, &list, 0..at, left_prefix)?;
                return self.build_root(pages, level + 1, left, up, right);
            }
            let page = pages.page_mut(number)?;
            entry_node::build(number, page, level, first_child, &list, 0..at, left_prefix)?;
            (separator, child) = (up.to_vec(), right);
        }
        Err(damage(self.root, "a branch was expected above the leaf"))
    }

    /// Merges the child that `path` took at `depth`, which holds little, with a neighbour, if both fit into one page.
    fn merge(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        path: &Path,
        depth: usize,
    ) -> Result<(), StorageError> {
        let step = path.steps[depth];
        let parent = self.branch(pages, step.number)?;
        let level = parent.level() - 1;
        let (kind, expected) = match level {
            0 => (PageKind::EntryLeaf, Expected::Level(0)),
            _ => (PageKind::EntryBranch, Expected::Level(level)),
        };
        for (left_position, right_position) in neighbours(usize::from(step.position), parent.count() + 1) {
            let (left_number, right_number) = (parent.child(left_position), parent.child(right_position));
            if left_number == right_number {
                return Err(damage(step.number, format_args!("a branch names page {left_number} twice")));
            }
            let left = self.open(left_number, pages.page(left_number)?, expected)?;
            let right = self.open(right_number, pages.page(right_number)?, expected)?;
            if left.head().used() + right.head().used() > self.capacity() {
                continue;
            }
            let mut list = EntryList::default();
            left.append_all(&mut list)?;
            if level > 0 {
                list.push(&parent.key(left_position)?, right.child(0).0);
            }
            right.append_all(&mut list)?;
            let (low, _) = self.fences_of_child(pages, path, depth, left_position)?;
            let (_, high) = self.fences_of_child(pages, path, depth, right_position)?;
            let all = 0..list.len();
            let Some(prefix_len) =
                list.prefix_len(kind, &all, low.as_deref(), high.as_deref(), self.merge_max())
            else {
                continue;
            };
            let first_child = if level > 0 { left.child(0) } else { PageNumber(0) };
            let page = pages.page_mut(left_number)?;
            entry_node::build(left_number, page, level, first_child, &list, all, prefix_len)?;
            pages.free(right_number);
            return self.remove_child(pages, path, depth, right_position);
        }
        Ok(())
    }

    /// The fences of the child at `position` of the branch at `depth`.
    #[allow(clippy::type_complexity)]
    fn fences_of_child(
        &self,
        pages: &(impl PageWrite + ?Sized),
        path: &Path,
        depth: usize,
        position: usize,
    ) -> Result<(Option<Vec<u8>>, Option<Vec<u8>>), StorageError> {
        let mut path = *path;
        path.steps[depth].position = position as u16;
        self.fences(pages, &path, depth + 1)
    }

    /// Removes a child, whose page is gone, from the branch at `depth` of `path`, and the branch if it was the only one.
    fn remove_child(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        path: &Path,
        depth: usize,
        position: usize,
    ) -> Result<(), StorageError> {
        let number = path.steps[depth].number;
        let node = self.branch(pages, number)?;
        if position > node.count() {
            return Err(damage(
                number,
                format_args!("there is no child {position} among {}", node.count() + 1),
            ));
        }
        if node.count() == 0 {
            return match depth.checked_sub(1) {
                None => entry_leaf::build_empty(number, pages.page_mut(number)?),
                Some(above) => {
                    pages.free(number);
                    self.remove_child(pages, path, above, usize::from(path.steps[above].position))
                }
            };
        }
        // The separator before the child goes with it; the first child has none, so the second takes its place.
        let key = position.saturating_sub(1);
        let (head, rest, second) = (node.head(), node.rest_range(key)?, node.child(1));
        if !head.may_free(&rest) {
            return Err(damage(number, "the heap is smaller than the keys in it"));
        }
        let page = pages.page_mut(number)?;
        if position == 0 {
            entry_node::set_first_child(page, second);
        }
        let head = head.remove(page, key, &rest);
        match depth.checked_sub(1) {
            None => self.collapse_root(pages),
            Some(above) if head.used() < self.capacity() / 4 => self.merge(pages, path, above),
            Some(_) => Ok(()),
        }
    }

    /// While the root has one child, makes that child's contents the root's.
    fn collapse_root(&self, pages: &mut (impl PageWrite + ?Sized)) -> Result<(), StorageError> {
        loop {
            let root = self.open(self.root, pages.page(self.root)?, Expected::Root)?;
            if root.level() == 0 || root.count() > 0 {
                return Ok(());
            }
            let child = root.child(0);
            self.open(child, pages.page(child)?, Expected::below(root.level()))?;
            move_contents(pages, child, self.root)?;
            pages.free(child);
        }
    }
}
