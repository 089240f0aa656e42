//! [`EntryTree`]: a set of byte strings in order.
//!
//! Reads are here, changes in `entry_write`.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Bound;

use super::super::StorageError;
use super::super::page::{PageKind, PageNumber, PageRead, PageWrite, TreeId, is_entry_page_len, kind_of};
use super::entry_node::{self, EntryNode};
use super::{Direction, EntryCursor, Expected, Path, damage, entry_branch, entry_leaf, unexpected_child};

pub use super::entry_leaf::entry_len_max;

/// A handle of a tree of index entries. It holds no state: the tree is its pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntryTree {
    /// The root's page, which never changes.
    pub root: PageNumber,
    /// The index's permanent id, which every page of the tree bears.
    pub tree: TreeId,
    /// The bytes of a page.
    pub page_len: u32,
    /// Whether entries go on behind the rank: with anything, and in the last two bytes, big-endian, its length.
    pub goes_on: bool,
}

/// The way to the leaf to which an entry belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descent {
    pub(super) path: Path,
    pub(super) leaf: PageNumber,
    /// Whether it is the last leaf of the tree.
    pub(super) rightmost: bool,
}

impl Descent {
    /// A way that has not been gone.
    pub(super) const fn new() -> Descent {
        Descent { path: Path::new(), leaf: PageNumber(0), rightmost: false }
    }
}

impl EntryTree {
    /// Makes a tree with pages of `page_len` bytes: an empty leaf is its root.
    ///
    /// # Errors
    ///
    /// As [`PageWrite::allocate`].
    ///
    /// # Panics
    ///
    /// When pages of entries cannot have `page_len` bytes.
    pub fn create(
        pages: &mut (impl PageWrite + ?Sized),
        tree: TreeId,
        page_len: u32,
    ) -> Result<EntryTree, StorageError> {
        assert!(is_entry_page_len(page_len as usize), "{page_len} bytes are no page of entries");
        let root = pages.allocate(PageKind::EntryLeaf, tree, page_len as usize)?;
        entry_leaf::build_empty(root, pages.page_mut(root)?)?;
        Ok(EntryTree { root, tree, page_len, goes_on: false })
    }

    /// Whether entries go on behind the rank. No build with the feature `small` has such a tree.
    #[inline]
    pub(super) fn goes_on(&self) -> bool {
        cfg!(not(feature = "small")) && self.goes_on
    }

    /// The bytes of a page.
    #[inline]
    pub(super) fn page_len(&self) -> usize {
        self.page_len as usize
    }

    /// Whether `entry` is in the tree.
    ///
    /// # Errors
    ///
    /// As [`PageRead::page`], and `StorageFault::Corruption` when a page on the way cannot be what it should be.
    pub fn contains<P: PageRead + ?Sized>(&self, pages: &P, entry: &[u8]) -> Result<bool, StorageError> {
        let (mut number, mut expected) = (self.root, Expected::Root);
        loop {
            let node = self.open(number, pages.page(number)?, expected)?;
            if node.level() == 0 {
                return Ok(node.search(entry)?.is_ok());
            }
            number = node.child(node.child_position(entry)?);
            expected = Expected::below(node.level());
        }
    }

    /// The rank of the first entry that is made of `key` and a rank of `rank_width` bytes, 8 or 16, big-endian; `None`
    /// when the first entry from `key` on is not. One search per level; allocates nothing as a rule.
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains).
    pub fn rank_of<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        key: &[u8],
        rank_width: usize,
    ) -> Result<Option<u128>, StorageError> {
        let (mut number, mut expected) = (self.root, Expected::Root);
        // Whether there is a leaf behind the one that the way leads to.
        let mut has_next = false;
        loop {
            let node = self.open(number, pages.page(number)?, expected)?;
            if node.level() == 0 {
                let position = node.search(key)?.unwrap_or_else(|position| position);
                if position < node.count() {
                    return node.rank_after(position, key, rank_width, self.goes_on());
                }
                if !has_next && (position > 0 || number == self.root) {
                    return Ok(None);
                }
                break;
            }
            let position = node.child_position(key)?;
            has_next |= position < node.count();
            number = node.child(position);
            expected = Expected::below(node.level());
        }
        // The entry, if it is there, is the first of the next leaf. The cursor also tells an empty leaf that is damage.
        let mut cursor = self.cursor(pages, Bound::Included(key), Bound::Unbounded, Direction::Forward);
        let Some(entry) = cursor.next()? else { return Ok(None) };
        let key_len = super::key_len(entry, rank_width, self.goes_on());
        let is_found = key_len == Some(key.len()) && entry.starts_with(key);
        Ok(is_found.then(|| entry_node::rank_of(&entry[key.len()..][..rank_width])))
    }

    /// Goes down to the leaf to which `entry` belongs, and keeps the way.
    pub(super) fn descend<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        entry: &[u8],
    ) -> Result<Descent, StorageError> {
        let mut descent = Descent::new();
        self.descend_into(pages, entry, &mut descent)?;
        Ok(descent)
    }

    /// The same, with the way kept in `descent`: ways are long, and moving them is no less work than going them.
    pub(super) fn descend_into<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        entry: &[u8],
        descent: &mut Descent,
    ) -> Result<(), StorageError> {
        self.walk_down(pages, descent, |node| node.child_position(entry))
    }

    /// Goes down to the first leaf, or to the last.
    pub(super) fn descend_edge<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        last: bool,
    ) -> Result<Descent, StorageError> {
        let mut descent = Descent::new();
        self.walk_down(pages, &mut descent, |node| Ok(if last { node.count() } else { 0 }))?;
        Ok(descent)
    }

    fn walk_down<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        descent: &mut Descent,
        choose: impl Fn(&EntryNode<'p>) -> Result<usize, StorageError>,
    ) -> Result<(), StorageError> {
        let (mut number, mut expected) = (self.root, Expected::Root);
        descent.path.len = 0;
        descent.rightmost = true;
        loop {
            let node = self.open(number, pages.page(number)?, expected)?;
            if node.level() == 0 {
                descent.leaf = number;
                return Ok(());
            }
            let position = choose(&node)?;
            descent.rightmost &= position == node.count();
            descent.path.push(number, position);
            number = node.child(position);
            expected = Expected::below(node.level());
        }
    }

    /// Checks a page's header, and that it is what its parent expects.
    #[inline]
    pub(super) fn open<'p>(
        &self,
        number: PageNumber,
        page: &'p [u8],
        expected: Expected,
    ) -> Result<EntryNode<'p>, StorageError> {
        match kind_of(page) {
            Some(PageKind::EntryBranch) => {
                entry_branch::open(number, page, self.tree, self.page_len(), expected)
            }
            Some(PageKind::EntryLeaf) if expected.allows(0) => {
                entry_leaf::open(number, page, self.tree, self.page_len())
            }
            _ => Err(unexpected_child(number, page, expected)),
        }
    }

    /// The branch `number`, on the way up.
    pub(super) fn branch<'p>(
        &self,
        pages: &'p (impl PageRead + ?Sized),
        number: PageNumber,
    ) -> Result<EntryNode<'p>, StorageError> {
        entry_branch::open(number, pages.page(number)?, self.tree, self.page_len(), Expected::Root)
    }

    /// The leaf `number`.
    pub(super) fn leaf<'p>(
        &self,
        pages: &'p (impl PageRead + ?Sized),
        number: PageNumber,
    ) -> Result<EntryNode<'p>, StorageError> {
        self.open(number, pages.page(number)?, Expected::Level(0))
    }

    /// The separators around the page that `path`, up to `depth`, leads to. `None` where it has no bound.
    #[allow(clippy::type_complexity)]
    pub(super) fn fences(
        &self,
        pages: &(impl PageRead + ?Sized),
        path: &Path,
        depth: usize,
    ) -> Result<(Option<Vec<u8>>, Option<Vec<u8>>), StorageError> {
        let (mut low, mut high) = (None, None);
        for step in path.steps()[..depth].iter().rev() {
            let (branch, position) = (self.branch(pages, step.number)?, usize::from(step.position));
            if low.is_none() && position > 0 && position <= branch.count() {
                low = Some(branch.key(position - 1)?);
            }
            if high.is_none() && position < branch.count() {
                high = Some(branch.key(position)?);
            }
            if low.is_some() && high.is_some() {
                break;
            }
        }
        Ok((low, high))
    }

    /// Whether `entry`, which is not below the lower fence of the page that `path` leads to, is below the upper one.
    pub(super) fn is_below_fence(
        &self,
        pages: &(impl PageRead + ?Sized),
        path: &Path,
        entry: &[u8],
    ) -> Result<bool, StorageError> {
        for step in path.steps().iter().rev() {
            let (branch, position) = (self.branch(pages, step.number)?, usize::from(step.position));
            if position < branch.count() {
                return Ok(branch.compare(entry, position)? == Ordering::Less);
            }
        }
        Ok(true)
    }

    /// The lowest entry.
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains).
    pub fn first<P: PageRead + ?Sized>(&self, pages: &P) -> Result<Option<Vec<u8>>, StorageError> {
        let leaf = self.leaf(pages, self.descend_edge(pages, false)?.leaf)?;
        (leaf.count() > 0).then(|| leaf.key(0)).transpose()
    }

    /// The highest entry.
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains).
    pub fn last<P: PageRead + ?Sized>(&self, pages: &P) -> Result<Option<Vec<u8>>, StorageError> {
        let leaf = self.leaf(pages, self.descend_edge(pages, true)?.leaf)?;
        leaf.count().checked_sub(1).map(|position| leaf.key(position)).transpose()
    }

    /// Whether there is no entry.
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains).
    pub fn is_empty<P: PageRead + ?Sized>(&self, pages: &P) -> Result<bool, StorageError> {
        let number = self.descend_edge(pages, false)?.leaf;
        let leaf = self.leaf(pages, number)?;
        if leaf.count() == 0 && number != self.root {
            return Err(damage(number, "a leaf that is not the root has no entries"));
        }
        Ok(leaf.count() == 0)
    }

    /// A cursor over the entries between two bounds.
    ///
    /// # Errors
    ///
    /// None yet: the first page is read by the first call for an entry.
    pub fn cursor<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        low: Bound<&[u8]>,
        high: Bound<&[u8]>,
        direction: Direction,
    ) -> EntryCursor<'p, P> {
        EntryCursor::new(*self, pages, low, high, direction)
    }
}
