//! A leaf of index entries: a page of sorted byte strings and nothing else. For the layout see `entry_node`.

use super::super::StorageError;
use super::super::page::{PageKind, PageNumber, TreeId};
use super::entry_list::EntryList;
use super::entry_node::{EntryNode, build, common_len};

/// The limit on an entry, in bytes: a key of 960, and a rank of 16 after an absence byte. Four fit a page.
pub const ENTRY_LEN_MAX: usize = 977;

/// Checks the header of a leaf.
#[inline]
pub(super) fn open(number: PageNumber, page: &[u8], tree: TreeId) -> Result<EntryNode<'_>, StorageError> {
    EntryNode::open(number, page, PageKind::EntryLeaf, tree)
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
