//! What every page has, and the two traits through which trees see pages.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | CRC-32C of the image from byte 4 to its end, set when the image is written |
//! | 4 | 4 | page number |
//! | 8 | 1 | [`PageKind`] |
//! | 9 | 1 | size class: the image has `512 << class` bytes; 255 for any length (out-of-line values) |
//! | 10 | 1 | codec: zero in memory; what the image is compressed with, set when it is written |
//! | 11 | 1 | zero |
//! | 12 | 4 | the tree it belongs to: a collection's or an index's permanent id |
//! | 16 | 8 | generation: the checkpoint that wrote the image, set when the image is written |
//! | 24 | | the kind's own bytes |

use core::fmt;

use super::StorageError;
use super::scratch::Scratch;

/// The bytes of the common header.
pub const PAGE_HEADER_LEN: usize = 24;

/// The unit of allocation in the file, unless it was made with a smaller one.
pub const BLOCK_LEN: usize = 4096;

/// Whether blocks may have so many bytes: a power of two from a sector to 4 KiB.
pub const fn is_block_len(len: usize) -> bool {
    len.is_power_of_two() && 512 <= len && len <= BLOCK_LEN
}

/// The bytes of a leaf of records, unless a collection says otherwise or has wide records.
pub const RECORD_LEAF_LEN: usize = 16384;

/// The bytes of a page of index entries, unless the database says otherwise.
pub const ENTRY_PAGE_LEN: usize = 4096;

/// Whether leaves of records may have so many bytes: a power of two from 1 KiB to 64 KiB.
pub const fn is_leaf_len(len: usize) -> bool {
    len.is_power_of_two() && 1024 <= len && len <= 65536
}

/// Whether pages of index entries may have so many bytes: a power of two from 1 KiB to 16 KiB.
pub const fn is_entry_page_len(len: usize) -> bool {
    len.is_power_of_two() && 1024 <= len && len <= 16384
}

/// The bytes of a branch over leaves of `leaf_len` bytes: 4 KiB, or as much as a smaller leaf. A root keeps a leaf's length.
pub const fn branch_len(leaf_len: usize) -> usize {
    if leaf_len < 4096 { leaf_len } else { 4096 }
}

/// A logical page's number. It stays the same while the page's image moves. 0 is no page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PageNumber(pub u32);

impl fmt::Display for PageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The permanent id of the collection or index that a page belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TreeId(pub u32);

/// What a page is. Discriminants are part of the file format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum PageKind {
    /// A leaf of records (SPLIT layout).
    RecordLeaf = 1,
    /// A branch over ranks.
    RecordBranch = 2,
    /// A leaf of index entries.
    EntryLeaf = 3,
    /// A branch over index entries.
    EntryBranch = 4,
    /// One out-of-line value.
    Value = 5,
    /// A node of the page map.
    Map = 6,
    /// The free map.
    Free = 7,
}

impl PageKind {
    /// The kind with this discriminant.
    pub const fn from_u8(number: u8) -> Option<PageKind> {
        Some(match number {
            1 => PageKind::RecordLeaf,
            2 => PageKind::RecordBranch,
            3 => PageKind::EntryLeaf,
            4 => PageKind::EntryBranch,
            5 => PageKind::Value,
            6 => PageKind::Map,
            7 => PageKind::Free,
            _ => return None,
        })
    }
}

/// Reads pages as they are in one snapshot, or in one write transaction.
pub trait PageRead: Sync {
    /// The bytes of page `number`, header included. The image's checksum has been verified.
    ///
    /// # Errors
    ///
    /// `StorageFault::Corruption` when the image is damaged or not the one the page map names; an I/O error when it
    /// cannot be read.
    fn page(&self, number: PageNumber) -> Result<&[u8], StorageError>;

    /// Page `number` is read soon, as likely as not: what is in memory of it may be brought near. Not in small builds, as
    /// [`now_ns`](PageRead::now_ns).
    #[cfg(not(feature = "small"))]
    fn bring_near(&self, _number: PageNumber) {}

    /// Whether page `number` is in memory, as far as that can be told without reading anything: where all is, always. Not in small
    /// builds, as [`now_ns`](PageRead::now_ns).
    #[cfg(not(feature = "small"))]
    fn is_cached(&self, _number: PageNumber) -> bool {
        true
    }

    /// How many pages have been read from the file since it was opened, where that is known. Not in small builds, as [`now_ns`](PageRead::now_ns).
    #[cfg(not(feature = "small"))]
    fn pages_loaded(&self) -> Option<u64> {
        None
    }

    /// Whether what this keeps in memory, only because it goes on, is too much: whoever can should end it and go on in
    /// another.
    fn is_crowded(&self) -> bool {
        false
    }

    /// What pages may take in memory, in bytes, if that is limited.
    fn cache_bytes(&self) -> Option<usize> {
        None
    }

    /// What a query may keep of rows in memory, in bytes, if the options say so.
    #[cfg(not(feature = "small"))]
    fn query_bytes(&self) -> Option<usize> {
        None
    }

    /// Room outside of memory, in blocks of `block_len` bytes; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When the file system refuses it.
    fn scratch(&self, _block_len: usize) -> Result<Option<Scratch>, StorageError> {
        Ok(None)
    }

    /// The number of the commit that is read, or that a write transaction began on; `None` where that is not known. Not in small builds, as [`now_ns`](PageRead::now_ns).
    #[cfg(not(feature = "small"))]
    fn commit(&self) -> Option<u64> {
        None
    }

    /// Nanoseconds of the file system's clock, from any beginning; without `std`, in memory, always 0. Not in small builds,
    /// where a method costs bytes in every table of methods, and nobody asks.
    #[cfg(not(feature = "small"))]
    fn now_ns(&self) -> u64 {
        super::vfs::monotonic_ns()
    }
}

/// Changes pages within a write transaction.
pub trait PageWrite: PageRead {
    /// The bytes of page `number`, to be changed. The first call for a page in a transaction (or since its innermost
    /// open savepoint) copies it.
    ///
    /// # Errors
    ///
    /// As [`PageRead::page`].
    fn page_mut(&mut self, number: PageNumber) -> Result<&mut [u8], StorageError>;

    /// The bytes of a block: pages have a multiple of it.
    fn block_len(&self) -> usize;

    /// A new page of `len` bytes (a multiple of the block's), zero but for its common header.
    ///
    /// # Errors
    ///
    /// When no page numbers are left, or memory is exhausted.
    fn allocate(&mut self, kind: PageKind, tree: TreeId, len: usize) -> Result<PageNumber, StorageError>;

    /// Gives page `number` up. It must not be named again in this transaction.
    fn free(&mut self, number: PageNumber);
}

/// Writes the common header of a new page.
pub fn write_header(page: &mut [u8], number: PageNumber, kind: PageKind, tree: TreeId) {
    let class = match kind {
        PageKind::Value | PageKind::Free => u8::MAX,
        _ => (page.len() / 512).trailing_zeros() as u8,
    };
    page[..PAGE_HEADER_LEN].fill(0);
    page[4..8].copy_from_slice(&number.0.to_le_bytes());
    page[8] = kind as u8;
    page[9] = class;
    page[12..16].copy_from_slice(&tree.0.to_le_bytes());
}

/// The kind of a page, from its header.
pub fn kind_of(page: &[u8]) -> Option<PageKind> {
    page.get(8).copied().and_then(PageKind::from_u8)
}
