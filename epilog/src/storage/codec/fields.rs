//! [`Fields`]: fixed-width little-endian fields of bytes that anyone may have written.

use super::checksum::crc32c;

/// Checked access to fixed-width fields: `None` behind the end.
pub(in crate::storage) struct Fields<'a>(pub(in crate::storage) &'a [u8]);

impl<'a> Fields<'a> {
    /// The fields of a block that begins with `magic` and, at byte 8, `version`, and ends, after `len` bytes, with a right
    /// checksum.
    pub(in crate::storage) fn checked(
        block: &'a [u8],
        magic: [u8; 8],
        version: u32,
        len: usize,
    ) -> Option<Fields<'a>> {
        let fields = Fields(block);
        let is_whole = fields.array::<8>(0)? == magic
            && fields.u32(8)? == version
            && fields.u32(len - 4)? == crc32c(block.get(..len - 4)?);
        is_whole.then_some(fields)
    }

    /// The version of a block that only a later version of this library can read: as [`checked`](Fields::checked) wants
    /// it, but with a greater version than `known`.
    pub(in crate::storage) fn newer(block: &[u8], magic: [u8; 8], known: u32, len: usize) -> Option<u32> {
        let found = Fields(block).u32(8).filter(|found| *found > known)?;
        Fields::checked(block, magic, found, len).map(|_| found)
    }

    pub(in crate::storage) fn array<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..)?.first_chunk::<N>().copied()
    }

    pub(in crate::storage) fn u32(&self, offset: usize) -> Option<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(in crate::storage) fn u64(&self, offset: usize) -> Option<u64> {
        self.array(offset).map(u64::from_le_bytes)
    }
}
