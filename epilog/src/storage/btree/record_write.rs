//! Changes of a [`RecordTree`].
//!
//! A leaf that is full is compacted if its garbage suffices, and split otherwise. A record that goes behind the last
//! one of the tree, or that continues a run of ascending records, is split off so that a full leaf stays behind; any other
//! split is at the middle, by bytes.

use alloc::vec::Vec;

use super::super::StorageError;
use super::super::page::{PageKind, PageNumber, PageRead, PageWrite, branch_len};
use super::record_branch::{self, Child};
use super::record_leaf::{self, Record, RecordLeaf};
use super::record_tree::{Descent, Node, RecordTree};
use super::{Expected, LEVEL_MAX, Path, Run, damage, move_contents};
use crate::storage::error::words;

/// Appends the new row and the new blob of a record to two empty buffers.
pub type Convert<'c> = dyn FnMut(Record<'_>, &mut Vec<u8>, &mut Vec<u8>) -> Result<(), StorageError> + 'c;

/// What becomes of a record that does not fit its leaf as it is.
#[derive(Clone, Copy)]
enum Change {
    /// It goes to a position, and what comes next will probably go behind it.
    InsertInOrder(usize),
    /// It goes to a position.
    Insert(usize),
    /// It takes the place of another.
    Replace(usize),
}

/// Inserts records, and keeps the way to the leaf of the last one, so that ascending ranks need no descent.
///
/// The tree must not be changed by others, nor a savepoint be rolled back, between two calls.
#[derive(Debug)]
pub struct RecordInserter {
    tree: RecordTree,
    descent: Descent,
    /// Whether the way leads to a leaf that is the tree's.
    is_kept: bool,
    run: Run,
}

impl RecordInserter {
    /// Starts anywhere.
    pub fn new(tree: RecordTree) -> RecordInserter {
        RecordInserter { tree, descent: Descent::new(), is_kept: false, run: Run::default() }
    }

    /// Whether there is a record of this rank. If it is inserted next, the way there is known.
    ///
    /// # Errors
    ///
    /// As [`RecordTree::get`].
    pub fn contains(&mut self, pages: &(impl PageRead + ?Sized), rank: u128) -> Result<bool, StorageError> {
        self.is_kept = false;
        let leaf = self.tree.descend_into(pages, rank, &mut self.descent)?;
        self.is_kept = true;
        Ok(leaf.search(rank).is_ok())
    }

    /// Inserts a record, as [`RecordTree::insert`].
    ///
    /// # Errors
    ///
    /// As [`RecordTree::insert`].
    ///
    /// # Panics
    ///
    /// As [`RecordTree::insert`].
    pub fn insert(
        &mut self,
        pages: &mut (impl PageWrite + ?Sized),
        rank: u128,
        row: &[u8],
        blob: &[u8],
    ) -> Result<bool, StorageError> {
        let tree = self.tree;
        tree.assert_record(rank, row, blob);
        if !(self.is_kept && (self.descent.low..=self.descent.high).contains(&rank)) {
            if core::mem::take(&mut self.is_kept) {
                self.run = Run::default();
            }
            tree.descend_into(pages, rank, &mut self.descent)?;
            self.is_kept = true;
        }
        let descent = &self.descent;
        let leaf = tree.leaf(pages, descent.leaf)?;
        let Err(position) = leaf.search(rank) else { return Ok(false) };
        let (head, number) = (leaf.head(), leaf.number());
        let is_last = position == head.count;
        self.run.add(position);
        let in_order = self.run.is_long() || (is_last && descent.rightmost);
        let format = tree.format();
        if head.format() != format {
            if head.count > 0 {
                return Err(tree.other_version(&leaf));
            }
            record_leaf::build(number, pages.page_mut(number)?, format, &[(row, blob)])?;
            return Ok(true);
        }
        let cost = format.cost(blob);
        if cost <= head.room() {
            head.insert(pages.page_mut(number)?, position, row, blob);
            return Ok(true);
        }
        self.is_kept = false;
        self.run.split();
        if is_last && in_order && descent.path.len > 0 && cost > head.room() + head.garbage {
            tree.append_leaf(pages, descent, rank, head.count, (row, blob))?;
        } else {
            let change = if in_order { Change::InsertInOrder(position) } else { Change::Insert(position) };
            tree.rebuild(pages, descent, change, (row, blob))?;
        }
        Ok(true)
    }
}

impl RecordTree {
    /// Inserts a record. False when there is one of this rank, which stays as it is.
    ///
    /// `row` is the fixed row, which starts with `rank`; its blob offset is filled in.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and as [`PageWrite::allocate`].
    ///
    /// # Panics
    ///
    /// When row and blob are not of the tree's layout or together over a quarter of a leaf: such values go out of line.
    pub fn insert(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        rank: u128,
        row: &[u8],
        blob: &[u8],
    ) -> Result<bool, StorageError> {
        RecordInserter::new(*self).insert(pages, rank, row, blob)
    }

    /// Inserts records, quickest when their ranks ascend, and counts them. A record whose rank is present is left out.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert); the records before are inserted.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    pub fn insert_sorted<'r>(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        records: impl IntoIterator<Item = (u128, &'r [u8], &'r [u8])>,
    ) -> Result<u64, StorageError> {
        let (mut inserter, mut count) = (RecordInserter::new(*self), 0);
        for (rank, row, blob) in records {
            count += u64::from(inserter.insert(pages, rank, row, blob)?);
        }
        Ok(count)
    }

    /// Puts another record in the place of the one with `rank`. False when there is none.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    pub fn replace(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        rank: u128,
        row: &[u8],
        blob: &[u8],
    ) -> Result<bool, StorageError> {
        self.assert_record(rank, row, blob);
        let descent = self.descend(pages, rank)?;
        let leaf = self.leaf(pages, descent.leaf)?;
        let Ok(position) = leaf.search(rank) else { return Ok(false) };
        if leaf.format() != self.format() {
            return Err(self.other_version(&leaf));
        }
        let (head, number, old) = (leaf.head(), leaf.number(), leaf.blob_range(position)?);
        if !head.may_free(self.leaf_len(), &old) {
            return Err(damage(number, "the heap is smaller than the blobs in it"));
        }
        if head.replace(pages.page_mut(number)?, position, &old, row, blob).is_none() {
            self.rebuild(pages, &descent, Change::Replace(position), (row, blob))?;
        }
        Ok(true)
    }

    /// Removes the record with `rank`. False when there is none.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn remove(&self, pages: &mut (impl PageWrite + ?Sized), rank: u128) -> Result<bool, StorageError> {
        let descent = self.descend(pages, rank)?;
        let leaf = self.leaf(pages, descent.leaf)?;
        let Ok(position) = leaf.search(rank) else { return Ok(false) };
        let (head, number, blob) = (leaf.head(), leaf.number(), leaf.blob_range(position)?);
        if !head.may_free(self.leaf_len(), &blob) {
            return Err(damage(number, "the heap is smaller than the blobs in it"));
        }
        let path = &descent.path;
        if head.count > 1 {
            let head = head.remove(pages.page_mut(number)?, position, &blob);
            if path.len > 0 && head.used(self.leaf_len()) < (self.leaf_len() - record_leaf::ROWS_START) / 4 {
                self.merge_leaf(pages, path, number)?;
            }
        } else if let Some(depth) = path.len.checked_sub(1) {
            pages.free(number);
            self.remove_child(pages, path, depth, usize::from(path.steps[depth].position))?;
        } else {
            record_leaf::build(number, pages.page_mut(number)?, self.format(), &[])?;
        }
        Ok(true)
    }

    /// The schema version of the leaf to which `rank` belongs. A record can be written there if it is the tree's, or
    /// after [`convert_leaf`](Self::convert_leaf).
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn leaf_version(&self, pages: &(impl PageWrite + ?Sized), rank: u128) -> Result<u16, StorageError> {
        let descent = self.descend(pages, rank)?;
        Ok(self.leaf(pages, descent.leaf)?.version())
    }

    /// Writes the rows of the leaf to which `rank` belongs anew, in the tree's layout and schema version.
    ///
    /// Ranks stay as they are.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert), and those of `convert`.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    pub fn convert_leaf(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        rank: u128,
        convert: &mut Convert<'_>,
    ) -> Result<(), StorageError> {
        let number = self.descend(pages, rank)?.leaf;
        let image = pages.page(number)?.to_vec();
        let leaf = RecordLeaf::open(number, &image, self.tree, self.leaf_len())?;
        let records = leaf.records()?;
        record_leaf::build(number, pages.page_mut(number)?, self.format(), &[])?;
        let mut inserter = RecordInserter::new(*self);
        let (mut row, mut blob) = (Vec::new(), Vec::new());
        for (position, record) in records.into_iter().enumerate() {
            row.clear();
            blob.clear();
            convert(record, &mut row, &mut blob)?;
            inserter.insert(pages, leaf.rank(position), &row, &blob)?;
        }
        Ok(())
    }

    fn assert_record(&self, rank: u128, row: &[u8], blob: &[u8]) {
        assert_eq!(row.len(), usize::from(self.stride), "bytes of the fixed row");
        assert_eq!(self.rank_of(row), rank, "the row starts with its rank");
        let len = row.len() + blob.len();
        assert!(len <= self.leaf_len() / 4, "a record of {len} bytes is over a quarter of a leaf");
    }

    fn rank_of(&self, row: &[u8]) -> u128 {
        let mut bytes = [0; 16];
        let width = usize::from(self.rank_width);
        bytes[..width].copy_from_slice(&row[..width]);
        u128::from_le_bytes(bytes)
    }

    /// Writing a row of one schema version among rows of another is a bug of the caller or damage.
    #[cold]
    fn other_version(&self, leaf: &RecordLeaf<'_>) -> StorageError {
        let problem = words!("its rows are {:?}, to be written are {:?}", leaf.format(), self.format());
        damage(leaf.number(), problem)
    }

    /// Puts a record in a new leaf behind the one that `descent` leads to, which stays as it is and is not the root.
    fn append_leaf(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        descent: &Descent,
        rank: u128,
        left_count: usize,
        record: Record<'_>,
    ) -> Result<(), StorageError> {
        let number = pages.allocate(PageKind::RecordLeaf, self.tree, self.leaf_len())?;
        record_leaf::build(number, pages.page_mut(number)?, self.format(), &[record])?;
        let child = Child { rank, number, hint: 1 };
        self.insert_child(pages, &descent.path, descent.rightmost, left_count as u32, child)
    }

    /// Writes the records of a leaf anew, with `record` among them, to one page or two.
    fn rebuild(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        descent: &Descent,
        change: Change,
        record: Record<'_>,
    ) -> Result<(), StorageError> {
        let (number, format) = (descent.leaf, self.format());
        let image = pages.page(number)?.to_vec();
        let leaf = RecordLeaf::open(number, &image, self.tree, self.leaf_len())?;
        let mut records = leaf.records()?;
        match change {
            Change::Insert(position) | Change::InsertInOrder(position) => records.insert(position, record),
            Change::Replace(position) => records[position] = record,
        }
        let costs = Vec::from_iter(records.iter().map(|(_, blob)| format.cost(blob)));
        let total: usize = costs.iter().sum();
        if record_leaf::ROWS_START + total <= self.leaf_len() {
            return record_leaf::build(number, pages.page_mut(number)?, format, &records);
        }
        let left_count = match change {
            Change::InsertInOrder(position) => behind(&costs, position, self.leaf_len()),
            Change::Insert(_) | Change::Replace(_) => middle(&costs, total),
        };
        let (left, right) = records.split_at(left_count);
        let rank = self.rank_of(right[0].0);
        let right_number = pages.allocate(PageKind::RecordLeaf, self.tree, self.leaf_len())?;
        record_leaf::build(right_number, pages.page_mut(right_number)?, format, right)?;
        let child = Child { rank, number: right_number, hint: right.len() as u32 };
        if descent.path.len > 0 {
            record_leaf::build(number, pages.page_mut(number)?, format, left)?;
            return self.insert_child(pages, &descent.path, descent.rightmost, left.len() as u32, child);
        }
        let left_number = pages.allocate(PageKind::RecordLeaf, self.tree, self.leaf_len())?;
        record_leaf::build(left_number, pages.page_mut(left_number)?, format, left)?;
        let first = Child { rank: 0, number: left_number, hint: left.len() as u32 };
        record_branch::build(number, pages.page_mut(number)?, 1, self.rank_width, &[first, child])
    }

    /// Adds a child behind the one that `path` ends with, of which `left_hint` is the new count.
    fn insert_child(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        path: &Path,
        rightmost: bool,
        mut left_hint: u32,
        mut child: Child,
    ) -> Result<(), StorageError> {
        for (depth, step) in path.steps().iter().enumerate().rev() {
            let branch = self.branch(pages, step.number)?;
            let before = usize::from(step.position);
            if branch.count() < branch.capacity() {
                let page = pages.page_mut(step.number)?;
                record_branch::set_hint(page, before, left_hint);
                record_branch::insert(page, before + 1, child);
                return Ok(());
            }
            let (level, mut children) = (branch.level(), branch.children());
            children[before].hint = left_hint;
            children.insert(before + 1, child);
            if depth == 0 {
                return self.split_root(pages, level, rightmost, &children);
            }
            let left_count = if rightmost { children.len() - 1 } else { children.len() / 2 };
            let (left, right) = children.split_at(left_count);
            record_branch::build(step.number, pages.page_mut(step.number)?, level, self.rank_width, left)?;
            left_hint = hints(left);
            child = self.new_branch(pages, level, right)?;
        }
        Err(damage(self.root, "a branch was expected above the leaf"))
    }

    /// Moves the root's children to new branches, which become its children.
    fn split_root(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        level: u8,
        rightmost: bool,
        children: &[Child],
    ) -> Result<(), StorageError> {
        if level >= LEVEL_MAX {
            return Err(damage(self.root, format_args!("a root of level {level} cannot grow")));
        }
        // The root may be a larger page than other branches, so it may take more than two.
        let capacity = record_branch::capacity(branch_len(self.leaf_len()), usize::from(self.rank_width));
        let parts = children.len().div_ceil(capacity).max(2);
        let part_len =
            if rightmost { capacity.min(children.len() - 1) } else { children.len().div_ceil(parts) };
        let mut branches = Vec::with_capacity(parts);
        for part in children.chunks(part_len) {
            branches.push(self.new_branch(pages, level, part)?);
        }
        record_branch::build(self.root, pages.page_mut(self.root)?, level + 1, self.rank_width, &branches)
    }

    fn new_branch(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        level: u8,
        children: &[Child],
    ) -> Result<Child, StorageError> {
        let number = pages.allocate(PageKind::RecordBranch, self.tree, branch_len(self.leaf_len()))?;
        record_branch::build(number, pages.page_mut(number)?, level, self.rank_width, children)?;
        Ok(Child { rank: children[0].rank, number, hint: hints(children) })
    }

    /// Merges a leaf that holds little with a neighbour, if both fit into one.
    fn merge_leaf(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        path: &Path,
        number: PageNumber,
    ) -> Result<(), StorageError> {
        let depth = path.len - 1;
        let step = path.steps[depth];
        let position = usize::from(step.position);
        let branch = self.branch(pages, step.number)?;
        let Some(pair) = neighbours(position, branch.count()).find_map(|(left, right)| {
            let pair = (branch.child(left), branch.child(right));
            self.leaves_fit(pages, pair).map(|fit| fit.then_some((right, pair))).transpose()
        }) else {
            return Ok(());
        };
        let (right_position, (left_number, right_number)) = pair?;
        if left_number == right_number || (left_number != number && right_number != number) {
            return Err(damage(step.number, format_args!("a branch names page {left_number} twice")));
        }
        let (left_image, right_image) =
            (pages.page(left_number)?.to_vec(), pages.page(right_number)?.to_vec());
        let left = RecordLeaf::open(left_number, &left_image, self.tree, self.leaf_len())?;
        let right = RecordLeaf::open(right_number, &right_image, self.tree, self.leaf_len())?;
        let (mut records, more) = (left.records()?, right.records()?);
        if let (Some(last), Some(first)) = (records.last(), more.first())
            && self.rank_of(last.0) >= self.rank_of(first.0)
        {
            return Err(damage(right_number, "the ranks of the leaf are out of order"));
        }
        records.extend(more);
        record_leaf::build(left_number, pages.page_mut(left_number)?, left.format(), &records)?;
        pages.free(right_number);
        record_branch::set_hint(pages.page_mut(step.number)?, right_position - 1, records.len() as u32);
        self.remove_child(pages, path, depth, right_position)
    }

    fn leaves_fit(
        &self,
        pages: &(impl PageWrite + ?Sized),
        (left, right): (PageNumber, PageNumber),
    ) -> Result<bool, StorageError> {
        let (left, right) = (self.leaf(pages, left)?, self.leaf(pages, right)?);
        let used = left.head().used(self.leaf_len()) + right.head().used(self.leaf_len());
        Ok(left.format() == right.format() && used <= (self.leaf_len() - record_leaf::ROWS_START) / 8 * 7)
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
        let branch = self.branch(pages, number)?;
        let count = branch.count();
        if position >= count {
            return Err(damage(number, format_args!("there is no child {position} among {count}")));
        }
        if count > 1 {
            record_branch::remove(pages.page_mut(number)?, position);
            return self.settle_branch(pages, path, depth);
        }
        match depth.checked_sub(1) {
            None => record_leaf::build(number, pages.page_mut(number)?, self.format(), &[]),
            Some(above) => {
                pages.free(number);
                self.remove_child(pages, path, above, usize::from(path.steps[above].position))
            }
        }
    }

    /// After the branch at `depth` of `path` lost a child: collapses the root, or merges the branch with a neighbour.
    fn settle_branch(
        &self,
        pages: &mut (impl PageWrite + ?Sized),
        path: &Path,
        depth: usize,
    ) -> Result<(), StorageError> {
        let number = path.steps[depth].number;
        let branch = self.branch(pages, number)?;
        let (count, capacity, level) = (branch.count(), branch.capacity(), branch.level());
        let Some(above) = depth.checked_sub(1) else { return self.collapse_root(pages) };
        if count >= capacity / 4 {
            return Ok(());
        }
        let step = path.steps[above];
        let parent = self.branch(pages, step.number)?;
        for (left, right) in neighbours(usize::from(step.position), parent.count()) {
            let (left_number, right_number) = (parent.child(left), parent.child(right));
            if left_number == right_number {
                return Err(damage(step.number, format_args!("a branch names page {left_number} twice")));
            }
            let left_branch = self.sibling(pages, left_number, level)?;
            let right_branch = self.sibling(pages, right_number, level)?;
            if left_branch.count() + right_branch.count() > capacity / 8 * 7 {
                continue;
            }
            let (mut children, mut more) = (left_branch.children(), right_branch.children());
            more[0].rank = parent.rank(right);
            children.append(&mut more);
            record_branch::build(
                left_number,
                pages.page_mut(left_number)?,
                level,
                self.rank_width,
                &children,
            )?;
            pages.free(right_number);
            record_branch::set_hint(pages.page_mut(step.number)?, left, hints(&children));
            return self.remove_child(pages, path, above, right);
        }
        Ok(())
    }

    fn sibling<'p>(
        &self,
        pages: &'p (impl PageWrite + ?Sized),
        number: PageNumber,
        level: u8,
    ) -> Result<record_branch::RecordBranch<'p>, StorageError> {
        match self.open(number, pages.page(number)?, Expected::Level(level))? {
            Node::Branch(branch) => Ok(branch),
            Node::Leaf(_) => Err(damage(number, "a leaf was found where a branch was expected")),
        }
    }

    /// While the root has one child, makes that child's contents the root's.
    fn collapse_root(&self, pages: &mut (impl PageWrite + ?Sized)) -> Result<(), StorageError> {
        loop {
            let Node::Branch(root) = self.open(self.root, pages.page(self.root)?, Expected::Root)? else {
                return Ok(());
            };
            if root.count() > 1 {
                return Ok(());
            }
            let child = root.child(0);
            match self.open(child, pages.page(child)?, Expected::below(root.level()))? {
                Node::Leaf(_) => move_contents(pages, child, self.root)?,
                Node::Branch(branch) => {
                    let (level, children) = (branch.level(), branch.children());
                    let page = pages.page_mut(self.root)?;
                    record_branch::build(self.root, page, level, self.rank_width, &children)?;
                }
            }
            pages.free(child);
        }
    }
}

fn hints(children: &[Child]) -> u32 {
    children.iter().fold(0, |sum, child| sum.saturating_add(child.hint))
}

/// The pairs of adjacent positions that `position` is in: with the one behind it, then with the one before.
pub(super) fn neighbours(position: usize, count: usize) -> impl Iterator<Item = (usize, usize)> {
    let behind = (position + 1 < count).then_some((position, position + 1));
    let before = (position < count)
        .then_some(position)
        .and_then(|position| Some((position.checked_sub(1)?, position)));
    behind.into_iter().chain(before)
}

/// Where to split so that the leaf with the record at `position` can be filled by those that follow it: right behind it
/// if others are there, otherwise before it.
fn behind(costs: &[usize], position: usize, leaf_len: usize) -> usize {
    let left: usize = costs[..=position].iter().sum();
    let fits = record_leaf::ROWS_START + left <= leaf_len;
    if position == 0 || (position + 1 < costs.len() && fits) { position + 1 } else { position }
}

/// Where to split records of these costs so that both halves are about as large.
fn middle(costs: &[usize], total: usize) -> usize {
    let mut left = 0;
    for (position, cost) in costs.iter().enumerate() {
        if left + cost / 2 >= total / 2 {
            return position.max(1);
        }
        left += cost;
    }
    costs.len() - 1
}
