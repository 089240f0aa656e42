//! [`RecordTree`]: records by rank.
//!
//! Reads are here, changes in `record_write`. A get is one search per level and allocates nothing.

use super::super::StorageError;
use super::super::page::{PageKind, PageNumber, PageRead, PageWrite, TreeId, is_leaf_len, kind_of};
use super::record_branch::RecordBranch;
use super::record_leaf::{self, LeafFormat, RecordLeaf, RecordSlot};
use super::{Direction, Expected, LeafCursor, Path, damage, unexpected_child};

/// A handle of a tree of records. It holds no state: the tree is its pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordTree {
    /// The root's page, which never changes.
    pub root: PageNumber,
    /// The collection's permanent id, which every page of the tree bears.
    pub tree: TreeId,
    /// 8 or 16: the bytes of the rank at a row's start. The same for all leaves.
    pub rank_width: u8,
    /// The bytes of a fixed row that is written. Leaves of older schema versions have their own.
    pub stride: u16,
    /// Where in a row that is written the offset of its blob is, if rows have blobs.
    pub blob_offset: Option<u16>,
    /// The schema version of rows that are written.
    pub version: u16,
    /// The bytes of a leaf.
    pub leaf_len: u32,
}

/// The way to the leaf that holds a rank, and what else it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descent {
    pub(super) path: Path,
    pub(super) leaf: PageNumber,
    /// The lowest and the highest rank that belong to the leaf.
    pub(super) low: u128,
    pub(super) high: u128,
    /// Whether it is the last leaf of the tree.
    pub(super) rightmost: bool,
}

impl Descent {
    /// A way that has not been gone.
    pub(super) const fn new() -> Descent {
        Descent { path: Path::new(), leaf: PageNumber(0), low: 0, high: 0, rightmost: false }
    }
}

impl RecordTree {
    /// Makes a tree with leaves of `leaf_len` bytes: an empty one is its root.
    ///
    /// # Errors
    ///
    /// As [`PageWrite::allocate`].
    ///
    /// # Panics
    ///
    /// When `format` cannot be a layout: a rank of another width than 8 or 16, a stride without room for it. When leaves
    /// cannot have `leaf_len` bytes.
    pub fn create(
        pages: &mut (impl PageWrite + ?Sized),
        tree: TreeId,
        format: LeafFormat,
        leaf_len: u32,
    ) -> Result<RecordTree, StorageError> {
        assert!(is_leaf_len(leaf_len as usize), "{leaf_len} bytes are no leaf");
        let LeafFormat { rank_width, stride, blob_offset, version } = format;
        assert!(matches!(rank_width, 8 | 16) && stride >= u16::from(rank_width), "{format:?}");
        let root = pages.allocate(PageKind::RecordLeaf, tree, leaf_len as usize)?;
        record_leaf::build(root, pages.page_mut(root)?, format, &[])?;
        Ok(RecordTree { root, tree, rank_width, stride, blob_offset, version, leaf_len })
    }

    /// The bytes of a leaf.
    #[inline]
    pub(super) fn leaf_len(&self) -> usize {
        self.leaf_len as usize
    }

    /// How rows are laid out that are written.
    pub fn format(&self) -> LeafFormat {
        LeafFormat {
            rank_width: self.rank_width,
            stride: self.stride,
            blob_offset: self.blob_offset,
            version: self.version,
        }
    }

    /// The record with `rank`.
    ///
    /// # Errors
    ///
    /// As [`PageRead::page`], and `StorageFault::Corruption` when a page on the way cannot be what it should be.
    #[inline]
    pub fn get<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        rank: u128,
    ) -> Result<Option<RecordSlot<'p>>, StorageError> {
        let leaf = self.find_leaf(pages, rank)?;
        Ok(leaf.search(rank).ok().map(|position| leaf.slot(position)))
    }

    /// The records with `ranks`, given to `found` in their order. Neighbouring ranks that share a leaf are found with
    /// one descent, so ascending ranks are quickest.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[cfg(feature = "small")]
    pub fn get_many<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        ranks: &[u128],
        mut found: impl FnMut(Option<RecordSlot<'p>>),
    ) -> Result<(), StorageError> {
        let mut current: Option<(RecordLeaf<'p>, u128, u128)> = None;
        for &rank in ranks {
            let leaf = match current {
                Some((leaf, first, last)) if (first..=last).contains(&rank) => leaf,
                _ => {
                    let leaf = self.find_leaf(pages, rank)?;
                    current = (leaf.count() > 0).then(|| (leaf, leaf.rank(0), leaf.rank(leaf.count() - 1)));
                    leaf
                }
            };
            found(leaf.search(rank).ok().map(|position| leaf.slot(position)));
        }
        Ok(())
    }

    /// The leaf to which `rank` belongs.
    #[inline]
    fn find_leaf<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        rank: u128,
    ) -> Result<RecordLeaf<'p>, StorageError> {
        let (mut number, mut expected) = (self.root, Expected::Root);
        loop {
            match self.open(number, pages.page(number)?, expected)? {
                Node::Leaf(leaf) => return Ok(leaf),
                Node::Branch(branch) => {
                    number = branch.child(branch.position(rank));
                    expected = Expected::below(branch.level());
                }
            }
        }
    }

    /// Goes down to the leaf to which `rank` belongs, and keeps the way.
    pub(super) fn descend<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        rank: u128,
    ) -> Result<Descent, StorageError> {
        let mut descent = Descent::new();
        self.descend_into(pages, rank, &mut descent)?;
        Ok(descent)
    }

    /// The same, with the way kept in `descent`: ways are long, and moving them is no less work than going them.
    pub(super) fn descend_into<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        rank: u128,
        descent: &mut Descent,
    ) -> Result<RecordLeaf<'p>, StorageError> {
        let (mut number, mut expected) = (self.root, Expected::Root);
        descent.path.len = 0;
        (descent.low, descent.high, descent.rightmost) = (0, u128::MAX, true);
        loop {
            match self.open(number, pages.page(number)?, expected)? {
                Node::Leaf(leaf) => {
                    descent.leaf = number;
                    return Ok(leaf);
                }
                Node::Branch(branch) => {
                    let position = branch.position(rank);
                    if position > 0 {
                        descent.low = branch.rank(position);
                    }
                    if position + 1 < branch.count() {
                        descent.high = branch.rank(position + 1).saturating_sub(1);
                        descent.rightmost = false;
                    }
                    descent.path.push(number, position);
                    number = branch.child(position);
                    expected = Expected::below(branch.level());
                }
            }
        }
    }

    /// Checks a page's header, and that it is what its parent expects.
    #[inline]
    pub(super) fn open<'p>(
        &self,
        number: PageNumber,
        page: &'p [u8],
        expected: Expected,
    ) -> Result<Node<'p>, StorageError> {
        match kind_of(page) {
            Some(PageKind::RecordBranch) => {
                RecordBranch::open(number, page, self.tree, self.rank_width, self.leaf_len(), expected)
                    .map(Node::Branch)
            }
            Some(PageKind::RecordLeaf) if expected.allows(0) => {
                let leaf = RecordLeaf::open(number, page, self.tree, self.leaf_len())?;
                if leaf.format().rank_width != self.rank_width {
                    return Err(damage(
                        number,
                        format_args!("its ranks are not of {} bytes", self.rank_width),
                    ));
                }
                if leaf.version() == self.version && leaf.format() != self.format() {
                    let (found, expected) = (leaf.format(), self.format());
                    return Err(damage(
                        number,
                        format_args!("its rows are {found:?}, those of its version {expected:?}"),
                    ));
                }
                Ok(Node::Leaf(leaf))
            }
            _ => Err(unexpected_child(number, page, expected)),
        }
    }

    /// The branch `number`, to be changed on the way up.
    pub(super) fn branch<'p>(
        &self,
        pages: &'p (impl PageRead + ?Sized),
        number: PageNumber,
    ) -> Result<RecordBranch<'p>, StorageError> {
        let page = pages.page(number)?;
        RecordBranch::open(number, page, self.tree, self.rank_width, self.leaf_len(), Expected::Root)
    }

    /// The leaf `number`.
    pub(super) fn leaf<'p>(
        &self,
        pages: &'p (impl PageRead + ?Sized),
        number: PageNumber,
    ) -> Result<RecordLeaf<'p>, StorageError> {
        match self.open(number, pages.page(number)?, Expected::Level(0))? {
            Node::Leaf(leaf) => Ok(leaf),
            Node::Branch(_) => Err(damage(number, "a branch was found where a leaf was")),
        }
    }

    /// The lowest rank there is.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn first_rank<P: PageRead + ?Sized>(&self, pages: &P) -> Result<Option<u128>, StorageError> {
        let leaf = self.find_leaf(pages, 0)?;
        Ok((leaf.count() > 0).then(|| leaf.rank(0)))
    }

    /// The highest rank there is.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn last_rank<P: PageRead + ?Sized>(&self, pages: &P) -> Result<Option<u128>, StorageError> {
        let leaf = self.find_leaf(pages, u128::MAX)?;
        Ok(leaf.count().checked_sub(1).map(|position| leaf.rank(position)))
    }

    /// Whether there is no record.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn is_empty<P: PageRead + ?Sized>(&self, pages: &P) -> Result<bool, StorageError> {
        Ok(self.first_rank(pages)?.is_none())
    }

    /// About how many records there are, from the root alone. Exact while the root is a leaf.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn count_hint<P: PageRead + ?Sized>(&self, pages: &P) -> Result<u64, StorageError> {
        Ok(match self.open(self.root, pages.page(self.root)?, Expected::Root)? {
            Node::Leaf(leaf) => leaf.count() as u64,
            Node::Branch(branch) => branch.hints(),
        })
    }

    /// A cursor over the leaves that hold ranks from `low` to `high`, both included.
    ///
    /// # Errors
    ///
    /// None yet: the first page is read by the first [`LeafCursor::next`].
    pub fn leaves<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        low: u128,
        high: u128,
        direction: Direction,
    ) -> LeafCursor<'p, P> {
        LeafCursor::new(*self, pages, low, high, direction)
    }
}

/// A page of a tree of records.
pub(super) enum Node<'p> {
    Leaf(RecordLeaf<'p>),
    Branch(RecordBranch<'p>),
}
