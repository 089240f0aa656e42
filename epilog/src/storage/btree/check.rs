//! Verification of a whole tree, beyond what walking it needs.
//!
//! Every page is read: keys are in order within their fences, levels fall by one, no page is named twice, and the bytes
//! of rows, blobs, keys, garbage and room add up to the page.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::super::StorageError;
use super::super::page::{PageNumber, PageRead};
use super::entry_list::EntryList;
use super::entry_tree::EntryTree;
use super::record_tree::{Node, RecordTree};
use super::{Expected, damage};

/// What a tree consists of.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct TreeSummary {
    /// Records, or index entries.
    pub count: u64,
    /// Leaves, the root if it is one included.
    pub leaves: u64,
    /// Branches.
    pub branches: u64,
    /// Pages from the root to a leaf.
    pub height: u8,
    /// Bytes of leaves that records or entries take.
    pub leaf_bytes_used: u64,
    /// Bytes of all leaves.
    pub leaf_bytes: u64,
}

struct Visitor<'v> {
    summary: TreeSummary,
    seen: BTreeSet<PageNumber>,
    visit: &'v mut dyn FnMut(PageNumber),
}

impl<'v> Visitor<'v> {
    fn new(visit: &'v mut dyn FnMut(PageNumber)) -> Self {
        Visitor { summary: TreeSummary::default(), seen: BTreeSet::new(), visit }
    }

    fn enter(&mut self, number: PageNumber) -> Result<(), StorageError> {
        if !self.seen.insert(number) {
            return Err(damage(number, "the page is named twice in its tree"));
        }
        (self.visit)(number);
        Ok(())
    }

    fn leaf(&mut self, count: usize, is_root: bool, number: PageNumber) -> Result<(), StorageError> {
        if count == 0 && !is_root {
            return Err(damage(number, "a leaf that is not the root is empty"));
        }
        self.summary.leaves += 1;
        self.summary.count += count as u64;
        self.summary.height = self.summary.height.max(1);
        Ok(())
    }

    fn branch(
        &mut self,
        children: usize,
        level: u8,
        is_root: bool,
        number: PageNumber,
    ) -> Result<(), StorageError> {
        if is_root && children == 1 {
            return Err(damage(number, "the root has a single child"));
        }
        self.summary.branches += 1;
        self.summary.height = self.summary.height.max(level + 1);
        Ok(())
    }
}

impl RecordTree {
    /// Verifies the tree, and tells `visit` each of its pages.
    ///
    /// # Errors
    ///
    /// As [`PageRead::page`], and [`StorageError::Corruption`] for the first contradiction found.
    pub fn check<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        visit: &mut dyn FnMut(PageNumber),
    ) -> Result<TreeSummary, StorageError> {
        let mut visitor = Visitor::new(visit);
        self.check_page(pages, self.root, Expected::Root, (0, u128::MAX), &mut visitor)?;
        Ok(visitor.summary)
    }

    fn check_page<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        number: PageNumber,
        expected: Expected,
        (low, high): (u128, u128),
        visitor: &mut Visitor<'_>,
    ) -> Result<(), StorageError> {
        visitor.enter(number)?;
        let page = pages.page(number)?;
        let is_root = matches!(expected, Expected::Root);
        match self.open(number, page, expected)? {
            Node::Leaf(leaf) => {
                visitor.leaf(leaf.count(), is_root, number)?;
                leaf.records()?;
                let mut blobs = Vec::new();
                for position in 0..leaf.count() {
                    if !(low..=high).contains(&leaf.rank(position)) {
                        return Err(damage(
                            number,
                            format!("the rank of row {position} belongs to another leaf"),
                        ));
                    }
                    blobs.push(leaf.blob_range(position)?);
                }
                blobs.retain(|blob| !blob.is_empty());
                blobs.sort_by_key(|blob| blob.start);
                if blobs.windows(2).any(|pair| pair[0].end + 2 > pair[1].start) {
                    return Err(damage(number, "two blobs overlap"));
                }
                visitor.summary.leaf_bytes_used += leaf.head().used(page.len()) as u64;
                visitor.summary.leaf_bytes += page.len() as u64;
            }
            Node::Branch(branch) => {
                visitor.branch(branch.count(), branch.level(), is_root, number)?;
                let children = branch.children();
                for (position, child) in children.iter().enumerate() {
                    let from = if position == 0 { low } else { child.rank };
                    let to = children.get(position + 1).map_or(high, |next| next.rank.saturating_sub(1));
                    // Ranks ascend, and stay between the fences.
                    if from < low || to > high || from > to || (position > 0 && from == low) {
                        return Err(damage(
                            number,
                            format!("rank {from} of child {position} is out of order"),
                        ));
                    }
                    self.check_page(
                        pages,
                        child.number,
                        Expected::below(branch.level()),
                        (from, to),
                        visitor,
                    )?;
                }
            }
        }
        Ok(())
    }

    /// All pages of the tree, children before parents, from the branches alone. To free them is to drop the tree.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn page_numbers<P: PageRead + ?Sized>(&self, pages: &P) -> Result<Vec<PageNumber>, StorageError> {
        let mut numbers = Vec::from([self.root]);
        let mut seen = BTreeSet::from([self.root]);
        let mut next = 0;
        let mut expected = Expected::Root;
        // Level by level: all pages of a level are together.
        while next < numbers.len() {
            let level_end = numbers.len();
            let mut below = None;
            for index in next..level_end {
                let number = numbers[index];
                if matches!(expected, Expected::Level(0)) {
                    continue;
                }
                if let Node::Branch(branch) = self.open(number, pages.page(number)?, expected)? {
                    below = Some(Expected::below(branch.level()));
                    for position in 0..branch.count() {
                        numbers.push(branch.child(position));
                    }
                }
            }
            insert_new(&mut seen, &numbers[level_end..])?;
            next = level_end;
            let Some(below) = below else { break };
            expected = below;
        }
        numbers.reverse();
        Ok(numbers)
    }
}

fn insert_new(seen: &mut BTreeSet<PageNumber>, numbers: &[PageNumber]) -> Result<(), StorageError> {
    match numbers.iter().find(|number| !seen.insert(**number)) {
        Some(number) => Err(damage(*number, "the page is named twice in its tree")),
        None => Ok(()),
    }
}

impl EntryTree {
    /// Verifies the tree, and tells `visit` each of its pages.
    ///
    /// # Errors
    ///
    /// As [`PageRead::page`], and [`StorageError::Corruption`] for the first contradiction found.
    pub fn check<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        visit: &mut dyn FnMut(PageNumber),
    ) -> Result<TreeSummary, StorageError> {
        let mut visitor = Visitor::new(visit);
        self.check_page(pages, self.root, Expected::Root, (None, None), &mut visitor)?;
        Ok(visitor.summary)
    }

    fn check_page<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        number: PageNumber,
        expected: Expected,
        (low, high): (Option<&[u8]>, Option<&[u8]>),
        visitor: &mut Visitor<'_>,
    ) -> Result<(), StorageError> {
        visitor.enter(number)?;
        let is_root = matches!(expected, Expected::Root);
        let node = self.open(number, pages.page(number)?, expected)?;
        let mut list = EntryList::default();
        node.append_all(&mut list)?;
        if let Some(last) = list.len().checked_sub(1)
            && (low.is_some_and(|low| list.key(0) < low) || high.is_some_and(|high| list.key(last) >= high))
        {
            return Err(damage(number, "keys lie outside the page's fences"));
        }
        let mut ranges = Vec::new();
        for position in 0..node.count() {
            ranges.push(node.rest_range(position)?);
        }
        ranges.retain(|range| !range.is_empty());
        ranges.sort_by_key(|range| range.start);
        if ranges.windows(2).any(|pair| pair[0].end > pair[1].start) {
            return Err(damage(number, "two keys overlap"));
        }
        if node.level() == 0 {
            visitor.leaf(node.count(), is_root, number)?;
            visitor.summary.leaf_bytes_used += node.head().used() as u64;
            visitor.summary.leaf_bytes += u64::from(self.page_len);
            return Ok(());
        }
        visitor.branch(node.count() + 1, node.level(), is_root, number)?;
        let expected = Expected::below(node.level());
        for position in 0..=node.count() {
            let from = if position == 0 { low } else { Some(list.key(position - 1)) };
            let to = if position == node.count() { high } else { Some(list.key(position)) };
            self.check_page(pages, node.child(position), expected, (from, to), visitor)?;
        }
        Ok(())
    }

    /// All pages of the tree, children before parents, from the branches alone. To free them is to drop the tree.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn page_numbers<P: PageRead + ?Sized>(&self, pages: &P) -> Result<Vec<PageNumber>, StorageError> {
        let mut numbers = Vec::from([self.root]);
        let mut seen = BTreeSet::from([self.root]);
        let mut next = 0;
        let mut expected = Expected::Root;
        // Level by level: all pages of a level are together.
        while next < numbers.len() && !matches!(expected, Expected::Level(0)) {
            let level_end = numbers.len();
            let mut below = Expected::Level(0);
            for index in next..level_end {
                let number = numbers[index];
                let node = self.open(number, pages.page(number)?, expected)?;
                if node.level() > 0 {
                    below = Expected::below(node.level());
                    numbers.extend((0..=node.count()).map(|position| node.child(position)));
                }
            }
            insert_new(&mut seen, &numbers[level_end..])?;
            next = level_end;
            expected = below;
        }
        numbers.reverse();
        Ok(numbers)
    }
}
