//! [`Header`]: the header slots, and the choice between them at open.
//!
//! The file's first four blocks: slot 0 twice, then slot 1 twice. Checkpoint *n* is written to slot *n* mod 2, so that the
//! header before stays whole whatever happens. A header is the first
//! sector (512 bytes) of its block, and written as such; the rest of the block is zero.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `89 45 50 49 4C 4F 47 0A` (`\x89EPILOG\n`) |
//! | 8 | 2 | format version: 1 |
//! | 10 | 1 | block size as a power of two: 9 to 12 |
//! | 11 | 1 | codec of images: 0, none; 1, LZ4 |
//! | 12 | 4 | compatible features: unknown bits may be ignored |
//! | 16 | 4 | read-only features: unknown bits allow reading |
//! | 20 | 4 | incompatible features: 1 images may be compressed; unknown bits forbid opening |
//! | 24 | 4 | flags: 1 clean, the file alone is the database |
//! | 28 | 4 | next page number: none from here on was ever used |
//! | 32 | 16 | database id |
//! | 48 | 8 | checkpoint number |
//! | 56 | 8 | the last commit whose changes the map has |
//! | 64 | 8 | file length in bytes |
//! | 72 | 24 | the entry of the page map's topmost map page |
//! | 96 | 24 | the entry of the free map |
//! | 120 | 4 | the first of the catalog's root pages: 1 |
//! | 124 | 2 | version of collation |
//! | 126 | 2 | version of key extraction |
//! | 128 | 24 | journal position; zero in a clean header that never had a journal |
//! | 152 | 128 | reserved for key slots: zero |
//! | 280 | 228 | zero |
//! | 508 | 4 | CRC-32C of bytes 0..508 |
//!
//! The place of magic, format version, features and checksum is the same in every format to come.

use super::compression::{self, Compression};
use super::image::{u32_at, u64_at};
use super::map::MapEntry;
use crate::storage::codec::checksum::crc32c;
use crate::storage::journal::{JournalPosition, NUMBER_MAX};
use crate::storage::page::{BLOCK_LEN, is_block_len};
use crate::storage::vfs::VfsFile;
use crate::storage::{StorageError, StorageFault};

/// What every Epilog database begins a header with.
const MAGIC: [u8; 8] = *b"\x89EPILOG\n";
/// What a file begins with whose building was not finished: there is no header yet.
pub(super) const UNFINISHED: [u8; 16] = *b"\x89EPILOG-PART--\r\n";
/// The format this version writes, and the newest it reads.
pub(super) const FORMAT_VERSION: u16 = 1;
/// The order of texts in keys that this version keeps.
const COLLATION: u16 = 1;
/// How this version makes keys of values.
const KEY_EXTRACTION: u16 = 1;
/// The bytes of a header that are used, its checksum last: one sector.
pub(super) const HEADER_LEN: usize = 512;
/// Header blocks: two slots, each twice.
pub(super) const HEADER_BLOCKS: u64 = 4;
/// The bytes of all header blocks, of the longest.
pub(super) const HEADERS_LEN_MAX: usize = HEADER_BLOCKS as usize * BLOCK_LEN;

/// The bytes of all header blocks.
const fn headers_len(block_len: usize) -> usize {
    HEADER_BLOCKS as usize * block_len
}

const FLAG_CLEAN: u32 = 1;
/// The incompatible feature of files that have, or had, compressed images.
const FEATURE_COMPRESSED: u32 = 1;

const POSITION: core::ops::Range<usize> = 128..128 + JournalPosition::LEN;

/// What a checkpoint leaves behind: where everything begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    /// Unknown compatible features are kept as they are.
    pub(super) compatible: u32,
    pub(super) read_only: u32,
    /// Whether images may be compressed. Once one was, it stays so.
    pub(super) has_compressed: bool,
    /// Whether the file alone is the database, without a journal.
    pub(super) clean: bool,
    /// The bytes of a block.
    pub(super) block_len: usize,
    pub(super) next_page: u32,
    pub(super) database: [u8; 16],
    pub(super) checkpoint: u64,
    pub(super) commit: u64,
    pub(super) file_len: u64,
    pub(super) map: MapEntry,
    pub(super) free: MapEntry,
    pub(super) position: JournalPosition,
}

/// No journal was there.
pub(super) const NOWHERE: JournalPosition = JournalPosition { commit: 0, segment: 0, offset: 0, chain: 0 };

impl Header {
    /// A new database's first, with blocks of `block_len` bytes.
    pub(super) fn first(database: [u8; 16], block_len: usize) -> Header {
        Header {
            compatible: 0,
            read_only: 0,
            has_compressed: false,
            clean: true,
            block_len,
            next_page: 1,
            database,
            checkpoint: 1,
            commit: 0,
            file_len: headers_len(block_len) as u64,
            map: MapEntry::NONE,
            free: MapEntry::NONE,
            position: NOWHERE,
        }
    }

    /// The file's length in blocks.
    pub(super) fn blocks(&self) -> u64 {
        self.file_len / self.block_len as u64
    }

    /// What images are compressed with, if any are.
    pub(super) fn compression(&self) -> Compression {
        compression::of_file(self.has_compressed)
    }

    /// The header's sector.
    pub(super) fn encode(&self) -> [u8; HEADER_LEN] {
        let mut sector = [0; HEADER_LEN];
        let mut put = |at: usize, bytes: &[u8]| sector[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC);
        put(8, &FORMAT_VERSION.to_le_bytes());
        let (codec, incompatible) =
            if self.has_compressed { (compression::LZ4, FEATURE_COMPRESSED) } else { (0, 0) };
        put(10, &[self.block_len.trailing_zeros() as u8, codec]);
        put(12, &self.compatible.to_le_bytes());
        put(16, &self.read_only.to_le_bytes());
        put(20, &incompatible.to_le_bytes());
        put(24, &(if self.clean { FLAG_CLEAN } else { 0 }).to_le_bytes());
        put(28, &self.next_page.to_le_bytes());
        put(32, &self.database);
        put(48, &self.checkpoint.to_le_bytes());
        put(56, &self.commit.to_le_bytes());
        put(64, &self.file_len.to_le_bytes());
        put(72, &self.map.encode());
        put(96, &self.free.encode());
        put(120, &1u32.to_le_bytes());
        put(124, &COLLATION.to_le_bytes());
        put(126, &KEY_EXTRACTION.to_le_bytes());
        put(POSITION.start, &self.position.encode());
        let crc = crc32c(&sector[..HEADER_LEN - 4]);
        sector[HEADER_LEN - 4..].copy_from_slice(&crc.to_le_bytes());
        sector
    }

    /// What no version would write, if there is any of it. What builds on a header counts on from its numbers.
    fn contradiction(&self) -> Option<&'static str> {
        if self.checkpoint > NUMBER_MAX || self.commit > NUMBER_MAX {
            return Some("no database gets to its checkpoint or commit");
        }
        if self.next_page == 0 {
            return Some("page 0 is in use");
        }
        let len = self.file_len;
        if len < headers_len(self.block_len) as u64 || !len.is_multiple_of(self.block_len as u64) {
            return Some("its file length is not one of whole blocks behind the headers");
        }
        if !self.clean && self.position.commit != self.commit {
            return Some("its journal position is behind another commit than its own");
        }
        None
    }

    /// Writes both copies; the caller syncs.
    ///
    /// # Errors
    ///
    /// When a write fails. What the slot holds is then unknown.
    pub(super) fn write(&self, file: &dyn VfsFile) -> Result<(), StorageError> {
        (0..2).try_for_each(|copy| self.write_copy(file, copy))
    }

    /// Writes copy 0 or 1; the caller syncs.
    ///
    /// # Errors
    ///
    /// When the write fails.
    pub(super) fn write_copy(&self, file: &dyn VfsFile, copy: u64) -> Result<(), StorageError> {
        file.write_at(&self.encode(), self.copy_at(copy))?;
        Ok(())
    }

    /// Whether copy 0 or 1 in the file is this header.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(super) fn has_copy(&self, file: &dyn VfsFile, copy: u64) -> Result<bool, StorageError> {
        let expected = self.encode();
        let mut found = vec![0; expected.len()];
        let at = self.copy_at(copy);
        if file.len()? < at + found.len() as u64 {
            return Ok(false);
        }
        file.read_at(&mut found, at)?;
        Ok(found[..] == expected[..])
    }

    fn copy_at(&self, copy: u64) -> u64 {
        (self.checkpoint % 2 * 2 + copy) * self.block_len as u64
    }
}

/// What a header block holds.
pub(super) enum Copy {
    Whole(Header),
    /// The checksum is right, but this version does not know the format.
    Newer {
        found: u16,
        features: u32,
    },
    /// The checksum is right, but keys are ordered or made by rules that this version does not know: what, and which.
    NewerRules {
        what: &'static str,
        found: u16,
    },
    /// The checksum is right, but this build lacks a cargo feature.
    Lacking(&'static str),
    /// Whole, but something is written that no version would write.
    Impossible(&'static str),
    /// Something that begins like a header; the checkpoint number may be rubbish.
    Damaged {
        checkpoint: u64,
    },
    /// Nothing that looks like a header.
    Other,
}

/// What the first bytes of a block of `slot` say, in a file with blocks of `block_len` bytes.
pub(super) fn decode(block: &[u8], slot: u64, block_len: usize) -> Copy {
    let Some(bytes) = block.first_chunk::<HEADER_LEN>() else { return Copy::Other };
    if bytes[..8] != MAGIC {
        return Copy::Other;
    }
    let checkpoint = u64_at(bytes, 48);
    if crc32c(&bytes[..HEADER_LEN - 4]) != u32_at(bytes, HEADER_LEN - 4) || checkpoint % 2 != slot {
        return Copy::Damaged { checkpoint };
    }
    let found = u16::from_le_bytes([bytes[8], bytes[9]]);
    let (features, codec) = (u32_at(bytes, 20), bytes[11]);
    let unknown = features & !FEATURE_COMPRESSED;
    if found > FORMAT_VERSION || unknown != 0 || codec > compression::LZ4 {
        return Copy::Newer { found, features: if unknown != 0 { unknown } else { features } };
    }
    let has_compressed = features & FEATURE_COMPRESSED != 0;
    if has_compressed != (codec != 0) {
        return Copy::Impossible("its codec is not what its features say");
    }
    if has_compressed && !compression::IS_KNOWN {
        return Copy::Lacking(compression::FEATURE);
    }
    if found == 0 || u32::from(bytes[10]) != block_len.trailing_zeros() {
        return Copy::Impossible("it names a format that never was, or a block size that is not the file's");
    }
    for (at, what, known) in [(124, "collation", COLLATION), (126, "key extraction", KEY_EXTRACTION)] {
        let found = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        if found > known {
            return Copy::NewerRules { what, found };
        }
        if found == 0 {
            return Copy::Impossible("it names rules for keys that never were");
        }
    }
    let entry = |at: usize| bytes[at..].first_chunk().and_then(MapEntry::decode);
    let (Some(map), Some(free)) = (entry(72), entry(96)) else {
        return Copy::Impossible("an entry has unknown flags");
    };
    if map.is_compressed() || free.is_compressed() {
        return Copy::Impossible("an entry has flags that only pages have");
    }
    let mut database = [0; 16];
    database.copy_from_slice(&bytes[32..48]);
    let mut position = [0; JournalPosition::LEN];
    position.copy_from_slice(&bytes[POSITION]);
    let header = Header {
        compatible: u32_at(bytes, 12),
        read_only: u32_at(bytes, 16),
        has_compressed,
        clean: u32_at(bytes, 24) & FLAG_CLEAN != 0,
        block_len,
        next_page: u32_at(bytes, 28),
        database,
        checkpoint,
        commit: u64_at(bytes, 56),
        file_len: u64_at(bytes, 64),
        map,
        free,
        position: JournalPosition::decode(&position),
    };
    match header.contradiction() {
        Some(problem) => Copy::Impossible(problem),
        None => Copy::Whole(header),
    }
}

/// The bytes of a block, which the first whole header says; `None` without one. `bytes` are the file's first.
///
/// Where the copies lie depends on it, and what lies behind them is the user's: bytes that look like a header of longer
/// blocks, of a copied file for instance. But a file's own copies come before all else in it.
pub(super) fn find_block_len(bytes: &[u8]) -> Option<usize> {
    bytes.chunks_exact(HEADER_LEN).enumerate().find_map(|(at, sector)| {
        let whole = sector[..8] == MAGIC
            && crc32c(&sector[..HEADER_LEN - 4]) == u32_at(sector, HEADER_LEN - 4)
            && sector[10] < usize::BITS as u8;
        let block_len = if whole { 1 << sector[10] } else { 0 };
        let start = at * HEADER_LEN;
        let is_copy =
            is_block_len(block_len) && start.is_multiple_of(block_len) && start < headers_len(block_len);
        is_copy.then_some(block_len)
    })
}

/// What the header blocks say.
pub(super) enum Found {
    /// Nothing was ever committed: the file is empty, or its creation was interrupted.
    Nothing,
    /// The newest header. Whether it may be relied on is the journal's to say, too.
    Header(Header),
}

/// Chooses among the headers of `file`.
///
/// The newest whole copy counts. A copy that is not whole is either the slot of the checkpoint that was being written when
/// the power went, or damage; which of them is for the journal to tell, as it names every header that was durable when
/// one of its segments was begun.
///
/// A file without a whole header is taken for an interrupted creation only when there is no journal and nothing in it
/// could be anyone's: at most four blocks, and zeros but for the two sectors that a creation writes (blocks 2 and 3;
/// a torn sector may hold anything). A database whose first and only header is damaged is such a file too, but then it
/// never held a commit.
///
/// # Errors
///
/// [`StorageFault::NotADatabase`], [`StorageFault::Truncated`], [`StorageFault::NewerFormat`],
/// [`StorageFault::FeatureMissing`], and [`StorageFault::Corruption`] when all headers are damaged, or one that names
/// a newer checkpoint is and no journal is there to tell.
pub(super) fn choose(
    file: &dyn VfsFile,
    path: &str,
    has_journal: bool,
    read_only: bool,
) -> Result<Found, StorageError> {
    let len = file.len()?;
    let mut blocks = vec![0; len.min(HEADERS_LEN_MAX as u64) as usize];
    file.read_at(&mut blocks, 0)?;
    let block_len = find_block_len(&blocks).unwrap_or(BLOCK_LEN);
    let headers_len = headers_len(block_len) as u64;
    blocks.truncate(headers_len as usize);
    let mut newest: Option<Header> = None;
    let mut damaged = None;
    let mut impossible = None;
    for (at, block) in blocks.chunks(block_len).enumerate() {
        match decode(block, at as u64 / 2, block_len) {
            Copy::Whole(header) => {
                if newest.as_ref().is_none_or(|newest| newest.checkpoint < header.checkpoint) {
                    newest = Some(header);
                }
            }
            Copy::Newer { found, features } => {
                return Err(StorageFault::NewerFormat {
                    path: path.into(),
                    found,
                    features,
                    known: FORMAT_VERSION,
                }
                .into());
            }
            Copy::NewerRules { what, found } => {
                return Err(StorageFault::NewerRules { path: path.into(), what, found }.into());
            }
            Copy::Lacking(feature) => {
                return Err(StorageFault::FeatureMissing { path: path.into(), feature }.into());
            }
            Copy::Impossible(problem) => impossible = Some(problem),
            Copy::Damaged { checkpoint } => damaged = damaged.max(Some(checkpoint)),
            Copy::Other => {}
        }
    }
    if let Some(problem) = impossible {
        return Err(StorageError::damage("header", problem));
    }
    let truncated = |wanted| StorageError::from(StorageFault::Truncated { path: path.into(), len, wanted });
    let Some(header) = newest else {
        if !has_journal && len <= headers_len && is_interrupted_creation(&blocks) {
            return Ok(Found::Nothing);
        }
        if damaged.is_none() && len > 0 {
            if blocks.starts_with(&UNFINISHED) {
                return Err(StorageFault::Unfinished { path: path.into() }.into());
            }
            return Err(StorageFault::NotADatabase { path: path.into() }.into());
        }
        if len < headers_len {
            return Err(truncated(headers_len));
        }
        return Err(StorageError::damage("header", "neither slot has a copy with a right checksum"));
    };
    if header.read_only != 0 && !read_only {
        return Err(StorageFault::NewerFormat {
            path: path.into(),
            found: FORMAT_VERSION,
            features: header.read_only,
            known: FORMAT_VERSION,
        }
        .into());
    }
    // A new file ends with its last header's sector.
    if len < header.file_len && header.file_len > headers_len {
        return Err(truncated(header.file_len));
    }
    // A header of a writing database is only ever written when its journal is durable.
    if let Some(damaged) = damaged.filter(|damaged| !has_journal && *damaged == header.checkpoint + 1) {
        return Err(StorageError::damage(
            "header",
            format_args!("both copies of checkpoint {damaged}'s, the newest, are; its journal is missing"),
        ));
    }
    Ok(Found::Header(header))
}

/// Whether there are zeros but for the first sectors of blocks 2 and 3, of some length that blocks may have.
fn is_interrupted_creation(blocks: &[u8]) -> bool {
    (0..).map(|doublings| HEADER_LEN << doublings).take_while(|len| is_block_len(*len)).any(|block_len| {
        let written = [2, 3].map(|block| block * block_len / HEADER_LEN);
        let mut others = blocks.chunks(HEADER_LEN).enumerate().filter(|(at, _)| !written.contains(at));
        blocks.len() <= headers_len(block_len)
            && others.all(|(_, sector)| sector.iter().all(|&byte| byte == 0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole header of another file lies where one of longer blocks would.
    #[test]
    fn the_files_own_headers_say_how_long_a_block_is() {
        for block_len in [512, 1024, 2048, 4096] {
            for left in 0..4 {
                let mut bytes = vec![0; 4 * BLOCK_LEN];
                for copy in 0..4 {
                    let mut header = Header::first([1; 16], block_len).encode();
                    header[100] ^= u8::from(copy != left);
                    bytes[copy * block_len..][..HEADER_LEN].copy_from_slice(&header);
                }
                let other = Header::first([2; 16], BLOCK_LEN).encode();
                bytes[3 * BLOCK_LEN..][..HEADER_LEN].copy_from_slice(&other);
                let found = find_block_len(&bytes);
                assert_eq!(found, Some(block_len), "copy {left} is whole");
            }
        }
        assert_eq!(find_block_len(&[0; 5000]), None);
        let mut odd = Header::first([1; 16], 512).encode();
        for exponent in [0, 8, 13, 63, 64, 255] {
            odd[10] = exponent;
            let crc = crc32c(&odd[..HEADER_LEN - 4]).to_le_bytes();
            odd[HEADER_LEN - 4..].copy_from_slice(&crc);
            assert_eq!(find_block_len(&odd), None);
        }
    }
}
