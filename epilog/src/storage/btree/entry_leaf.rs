//! A leaf of index entries: a page of sorted byte strings and nothing else. For the layout see `entry_node`.

use super::super::StorageError;
use super::super::page::{PageKind, PageNumber, TreeId};
use super::entry_list::EntryList;
use super::entry_node::{EntryNode, build, capacity, common_len};

/// The limit on an entry of a page of `page_len` bytes, in bytes: four fit, and a key of 960 and a rank of 16 after an
/// absence byte are the most.
pub const fn entry_len_max(page_len: usize) -> usize {
    let quarter = capacity(page_len) / 4 - 12;
    if quarter < 977 { quarter } else { 977 }
}

/// Checks the header of a leaf.
#[inline]
pub(super) fn open(
    number: PageNumber,
    page: &[u8],
    tree: TreeId,
    len: usize,
) -> Result<EntryNode<'_>, StorageError> {
    EntryNode::open(number, page, PageKind::EntryLeaf, tree, len)
}

/// Makes `page` an empty leaf.
pub(super) fn build_empty(number: PageNumber, page: &mut [u8]) -> Result<(), StorageError> {
    build(number, page, 0, PageNumber(0), &EntryList::default(), 0..0, 0)
}

/// How long a separator between entries `entry - 1` and `entry` must be: the shortest string above the first and not
/// above the second is as much of the second as tells them apart (suffix truncation; R. Bayer and K. Unterauer, "Prefix
/// B-Trees", TODS 1977).
pub(super) fn separator_len(list: &EntryList, entry: usize) -> usize {
    common_len(list.key(entry - 1), list.key(entry)) + 1
}

/// The separator between entries `entry - 1` and `entry`.
pub(super) fn separator(list: &EntryList, entry: usize) -> &[u8] {
    let key = list.key(entry);
    &key[..separator_len(list, entry).min(key.len())]
}
