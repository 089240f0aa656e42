//! Verification of a whole tree, beyond what walking it needs.
//!
//! Every page is read: keys are in order within their fences, levels fall by one, no page is named twice, and the bytes
//! of rows, blobs, keys, garbage and room add up to the page.

use alloc::vec::Vec;

use super::super::StorageError;
use super::super::page::{PageNumber, PageRead};
use super::entry_list::EntryList;
use super::entry_node::EntryNode;
use super::entry_tree::EntryTree;
use super::record_leaf::RecordLeaf;
use super::record_tree::{Node, RecordTree};
use super::{Expected, damage};
use crate::ordered::BTreeSet;

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

/// Who is told what a check of a tree finds.
///
/// Every error, those of the methods here included, goes to [`damage`](Inspect::damage), which says whether the check goes
/// on: the page in question is then passed over, with all beneath it.
pub trait Inspect<'p> {
    /// A page of the tree, before it is looked at.
    ///
    /// # Errors
    ///
    /// When the page should not be looked at.
    fn page(&mut self, number: PageNumber) -> Result<(), StorageError>;

    /// A leaf of records that is sound.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with its records.
    fn records(&mut self, _leaf: RecordLeaf<'p>) -> Result<(), StorageError> {
        Ok(())
    }

    /// An entry of a sound leaf, in ascending order.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with it.
    fn entry(&mut self, _entry: &[u8]) -> Result<(), StorageError> {
        Ok(())
    }

    /// Something is wrong.
    ///
    /// # Errors
    ///
    /// When the check is to end here.
    fn damage(&mut self, error: StorageError) -> Result<(), StorageError>;
}

/// Ends at the first damage.
struct Strict<'v>(&'v mut dyn FnMut(PageNumber));

impl Inspect<'_> for Strict<'_> {
    fn page(&mut self, number: PageNumber) -> Result<(), StorageError> {
        (self.0)(number);
        Ok(())
    }

    fn damage(&mut self, error: StorageError) -> Result<(), StorageError> {
        Err(error)
    }
}

struct Visitor<'v, 'p> {
    summary: TreeSummary,
    seen: BTreeSet<PageNumber>,
    inspect: &'v mut dyn Inspect<'p>,
}

impl<'v, 'p> Visitor<'v, 'p> {
    fn new(inspect: &'v mut dyn Inspect<'p>) -> Self {
        Visitor { summary: TreeSummary::default(), seen: BTreeSet::new(), inspect }
    }

    fn enter(&mut self, number: PageNumber) -> Result<(), StorageError> {
        if !self.seen.insert(number) {
            return Err(damage(number, "the page is named twice in its tree"));
        }
        self.inspect.page(number)
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

/// A child to be looked at, and the lowest and highest rank it may hold.
type Fenced = (PageNumber, Expected, (u128, u128));

impl RecordTree {
    /// Verifies the tree, and tells `visit` each of its pages.
    ///
    /// # Errors
    ///
    /// As [`PageRead::page`], and `StorageFault::Corruption` for the first contradiction found.
    pub fn check<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        visit: &mut dyn FnMut(PageNumber),
    ) -> Result<TreeSummary, StorageError> {
        self.inspect(pages, &mut Strict(visit))
    }

    /// Verifies the tree, and tells `inspect` of what is there and of all that is wrong.
    ///
    /// # Errors
    ///
    /// What [`Inspect::damage`] ends the check with.
    pub fn inspect<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        inspect: &mut dyn Inspect<'p>,
    ) -> Result<TreeSummary, StorageError> {
        let mut visitor = Visitor::new(inspect);
        self.check_page(pages, (self.root, Expected::Root, (0, u128::MAX)), &mut visitor)?;
        Ok(visitor.summary)
    }

    fn check_page<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        page: Fenced,
        visitor: &mut Visitor<'_, 'p>,
    ) -> Result<(), StorageError> {
        match self.check_node(pages, page, visitor) {
            Ok(children) => children.into_iter().try_for_each(|child| self.check_page(pages, child, visitor)),
            Err(error) => visitor.inspect.damage(error),
        }
    }

    /// Verifies one page; its children are still to be looked at.
    fn check_node<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        (number, expected, (low, high)): Fenced,
        visitor: &mut Visitor<'_, 'p>,
    ) -> Result<Vec<Fenced>, StorageError> {
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
                            format_args!("the rank of row {position} belongs to another leaf"),
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
                visitor.inspect.records(leaf)?;
                Ok(Vec::new())
            }
            Node::Branch(branch) => {
                visitor.branch(branch.count(), branch.level(), is_root, number)?;
                let children = branch.children();
                let below = Expected::below(branch.level());
                let mut fenced = Vec::with_capacity(children.len());
                for (position, child) in children.iter().enumerate() {
                    let from = if position == 0 { low } else { child.rank };
                    let to = children.get(position + 1).map_or(high, |next| next.rank.saturating_sub(1));
                    // Ranks ascend, and stay between the fences.
                    if from < low || to > high || from > to || (position > 0 && from == low) {
                        let problem = format!("rank {from} of child {position} is out of order");
                        visitor.inspect.damage(damage(number, problem))?;
                    }
                    fenced.push((child.number, below, (from, to)));
                }
                Ok(fenced)
            }
        }
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
    /// As [`PageRead::page`], and `StorageFault::Corruption` for the first contradiction found.
    pub fn check<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        visit: &mut dyn FnMut(PageNumber),
    ) -> Result<TreeSummary, StorageError> {
        self.inspect(pages, &mut Strict(visit))
    }

    /// Verifies the tree, and tells `inspect` of what is there and of all that is wrong.
    ///
    /// # Errors
    ///
    /// What [`Inspect::damage`] ends the check with.
    pub fn inspect<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        inspect: &mut dyn Inspect<'p>,
    ) -> Result<TreeSummary, StorageError> {
        let mut visitor = Visitor::new(inspect);
        self.check_page(pages, self.root, Expected::Root, (None, None), &mut visitor)?;
        Ok(visitor.summary)
    }

    fn check_page<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        number: PageNumber,
        expected: Expected,
        (low, high): (Option<&[u8]>, Option<&[u8]>),
        visitor: &mut Visitor<'_, 'p>,
    ) -> Result<(), StorageError> {
        let mut list = EntryList::default();
        let node = match self.check_node(pages, number, expected, (low, high), &mut list, visitor) {
            Ok(node) => node,
            Err(error) => return visitor.inspect.damage(error),
        };
        if node.level() == 0 {
            return Ok(());
        }
        let expected = Expected::below(node.level());
        for position in 0..=node.count() {
            let from = if position == 0 { low } else { Some(list.key(position - 1)) };
            let to = if position == node.count() { high } else { Some(list.key(position)) };
            self.check_page(pages, node.child(position), expected, (from, to), visitor)?;
        }
        Ok(())
    }

    /// Verifies one page, and adds its keys to `list`; its children are still to be looked at.
    fn check_node<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        number: PageNumber,
        expected: Expected,
        (low, high): (Option<&[u8]>, Option<&[u8]>),
        list: &mut EntryList,
        visitor: &mut Visitor<'_, 'p>,
    ) -> Result<EntryNode<'p>, StorageError> {
        visitor.enter(number)?;
        let is_root = matches!(expected, Expected::Root);
        let node = self.open(number, pages.page(number)?, expected)?;
        node.append_all(list)?;
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
            (0..list.len()).try_for_each(|position| visitor.inspect.entry(list.key(position)))?;
        } else {
            visitor.branch(node.count() + 1, node.level(), is_root, number)?;
        }
        Ok(node)
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
