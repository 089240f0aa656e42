//! A branch over index entries: separators, each with the child behind it, and a first child. For the layout see
//! `entry_node`.
//!
//! Child *i* holds the entries from separator *i* - 1 to below separator *i*; the first child has no lower bound, the
//! last no upper one, but for those of the branch itself. A branch may have no separator at all, and one child.

use super::super::StorageError;
use super::super::page::{PageKind, PageNumber, TreeId};
use super::entry_node::EntryNode;
use super::{Expected, damage};

/// Checks the header of a branch.
#[inline]
pub(super) fn open(
    number: PageNumber,
    page: &[u8],
    tree: TreeId,
    len: usize,
    expected: Expected,
) -> Result<EntryNode<'_>, StorageError> {
    let node = EntryNode::open(number, page, PageKind::EntryBranch, tree, len)?;
    if !expected.allows(node.level()) {
        return Err(damage(
            number,
            format_args!("a branch of level {}, not as expected ({expected:?})", node.level()),
        ));
    }
    Ok(node)
}
