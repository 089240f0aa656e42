//! About how many entries lie in a range, for the price of two descents.
//!
//! The ways to both bounds are walked down side by side. Where they part, the children between them are counted; on each
//! level below, those pages are taken to hold as many as the two pages that the ways go through, on average. InnoDB's
//! `btr_estimate_n_rows_in_range` does the same, and reads some leaves more. Nothing is stored for it that would have to
//! be kept up to date.

use core::ops::Bound;

use super::super::StorageError;
use super::super::page::PageRead;
use super::Expected;
use super::entry_node::EntryNode;
use super::entry_tree::EntryTree;
use crate::parts::Amount;

/// A bound's way down: where it is on one level.
struct At<'p> {
    node: EntryNode<'p>,
    /// The child that the bound lies in; in a leaf, the first entry that is not below the bound.
    position: usize,
}

impl EntryTree {
    /// About how many entries lie between two bounds. Exact while they lie in one leaf or in two neighbours; otherwise
    /// right to the extent that pages at the bounds are as full as those between.
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains).
    pub fn estimate<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        low: Bound<&[u8]>,
        high: Bound<&[u8]>,
    ) -> Result<u64, StorageError> {
        let root = self.open(self.root, pages.page(self.root)?, Expected::Root)?;
        let mut left = At { node: root, position: start_of(&root, low)? };
        let mut right = At { node: root, position: end_of(&root, high)? };
        // Whole pages between the two ways on the level of `left` and `right`; none while the ways are one.
        let mut between: Amount = 0.0;
        let mut parted = false;
        loop {
            let (left_count, right_count) = (children(&left.node), children(&right.node));
            if !parted {
                if left.position > right.position {
                    return Ok(0);
                }
                if left.node.level() == 0 {
                    return Ok((right.position - left.position) as u64);
                }
                parted = left.position < right.position;
                between = (right.position - left.position).saturating_sub(1) as Amount;
            } else {
                let mean = (left_count + right_count) as Amount / 2.0;
                // The child that the left bound lies in is on its way, not between; in a leaf its entry counts.
                let own = usize::from(left.node.level() > 0);
                between = between * mean + (left_count - left.position - own + right.position) as Amount;
            }
            if left.node.level() == 0 {
                return Ok(between as u64);
            }
            let child = |at: &At<'_>| (at.node.child(at.position), Expected::below(at.node.level()));
            let (number, expected) = child(&left);
            let node = self.open(number, pages.page(number)?, expected)?;
            left = At { node, position: start_of(&node, low)? };
            let (number, expected) = child(&right);
            let node = self.open(number, pages.page(number)?, expected)?;
            right = At { node, position: end_of(&node, high)? };
        }
    }
}

/// What a node has under it: entries, or children.
fn children(node: &EntryNode<'_>) -> usize {
    if node.level() == 0 { node.count() } else { node.count() + 1 }
}

fn start_of(node: &EntryNode<'_>, low: Bound<&[u8]>) -> Result<usize, StorageError> {
    match low {
        Bound::Unbounded => Ok(0),
        Bound::Included(key) | Bound::Excluded(key) if node.level() > 0 => node.child_position(key),
        Bound::Included(key) => Ok(node.search(key)?.unwrap_or_else(|position| position)),
        Bound::Excluded(key) => {
            Ok(node.search(key)?.map_or_else(|position| position, |position| position + 1))
        }
    }
}

fn end_of(node: &EntryNode<'_>, high: Bound<&[u8]>) -> Result<usize, StorageError> {
    match high {
        Bound::Unbounded => Ok(node.count()),
        Bound::Included(key) | Bound::Excluded(key) if node.level() > 0 => node.child_position(key),
        Bound::Excluded(key) => Ok(node.search(key)?.unwrap_or_else(|position| position)),
        Bound::Included(key) => {
            Ok(node.search(key)?.map_or_else(|position| position, |position| position + 1))
        }
    }
}
