//! The bytes of the journal: the file's header, a segment's header, a frame's header.
//!
//! All little-endian. Changing any of this also changes `docs/file-format.md`.
//!
//! File header, the file's first block, written once:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `EPILOGJF` |
//! | 8 | 4 | format version |
//! | 12 | 4 | segment length in bytes; the greatest power of two that divides it, but 4,096 at most, is the length of a block |
//! | 16 | 16 | database id |
//! | 32 | 8 | secret: what frames' checksums are seeded with |
//! | 40 | 4 | CRC-32C of bytes 0..40 |
//!
//! The secret is drawn for each journal, so that no bytes of a user, a copy of another journal among them, pass for a
//! frame when they lie at the start of a block.
//!
//! Segment header, the segment's first block, of which the used bytes lie in one sector:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `EPILOGJS` |
//! | 8 | 4 | format version |
//! | 12 | 4 | segment length in bytes |
//! | 16 | 16 | database id |
//! | 32 | 8 | sequence number, from 1 |
//! | 40 | 8 | the newest checkpoint whose header was durable |
//! | 48 | 8 | salt of this incarnation |
//! | 56 | 8 | the commit of the first frame |
//! | 64 | 8 | the durable head at writing |
//! | 72 | 4 | chain: the checksum that the first frame names as its predecessor's |
//! | 76 | 4 | CRC-32C of bytes 0..76 |
//!
//! Frame, at a multiple of 8 bytes:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | CRC-32C of the secret, bytes 4..40 and the payload |
//! | 4 | 4 | payload length in bytes |
//! | 8 | 8 | salt of the segment's incarnation |
//! | 16 | 8 | commit |
//! | 24 | 8 | the durable head at writing |
//! | 32 | 4 | chain: the checksum of the frame before |
//! | 36 | 1 | kind: 1, a commit's payload; 2, a mark: the commit is in the file, its payload is about it |
//! | 37 | 1 | flags: 1 first fragment, 2 last fragment |
//! | 38 | 2 | zero |
//! | 40 | | payload, then zeros up to a multiple of 8 bytes |

use alloc::vec::Vec;

use super::position::NUMBER_MAX;
use crate::storage::codec::checksum::{crc32c, salted};
use crate::storage::codec::fields::Fields;
use crate::storage::page::{BLOCK_LEN, is_block_len};
use crate::storage::{StorageError, StorageFault};

/// The version of this format.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The most bytes of a block: of the headers, and the unit of a synced group.
pub(super) const BLOCK: u32 = BLOCK_LEN as u32;

/// The bytes of a block in a journal with segments of `segment_len` bytes: the greatest power of two that divides it,
/// but 4,096 at most.
pub(super) const fn block_of(segment_len: u32) -> u32 {
    let divides = 1 << segment_len.trailing_zeros();
    if divides < BLOCK { divides } else { BLOCK }
}

/// The bytes of a frame before its payload.
pub(super) const FRAME_HEADER_LEN: u32 = 40;

const FILE_MAGIC: [u8; 8] = *b"EPILOGJF";
pub(super) const FILE_HEADER_LEN: usize = 44;
const SEGMENT_MAGIC: [u8; 8] = *b"EPILOGJS";

/// The bytes of a segment's header that are used. They lie in one sector, but a sector too may be torn.
pub(super) const SEGMENT_HEADER_LEN: usize = 80;

/// What the file begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FileHeader {
    pub(super) database: [u8; 16],
    pub(super) segment_len: u32,
    pub(super) secret: u64,
}

impl FileHeader {
    /// The bytes of a block.
    pub(super) fn block(&self) -> u32 {
        block_of(self.segment_len)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut block = vec![0; self.block() as usize];
        block[0..8].copy_from_slice(&FILE_MAGIC);
        block[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        block[12..16].copy_from_slice(&self.segment_len.to_le_bytes());
        block[16..32].copy_from_slice(&self.database);
        block[32..40].copy_from_slice(&self.secret.to_le_bytes());
        let crc = crc32c(&block[..FILE_HEADER_LEN - 4]);
        block[40..44].copy_from_slice(&crc.to_le_bytes());
        block
    }

    /// The header in `block`. It was synced before anything relied on it, so whatever is wrong with it is damage.
    pub(super) fn decode(block: &[u8]) -> Result<FileHeader, StorageError> {
        let damage = |problem: &str| StorageError::damage("journal", problem);
        let fields = Fields(block);
        if fields.array::<8>(0) != Some(FILE_MAGIC) {
            return Err(damage("its header does not begin as one of Epilog's journals does"));
        }
        let version = fields.u32(8).unwrap_or_default();
        let is_whole =
            block.get(..FILE_HEADER_LEN - 4).is_some_and(|bytes| fields.u32(40) == Some(crc32c(bytes)));
        if version > FORMAT_VERSION && is_whole {
            let (path, known) = ("the journal beside the file".into(), FORMAT_VERSION as u16);
            let found = u16::try_from(version).unwrap_or(u16::MAX);
            return Err(StorageFault::NewerFormat { path, found, features: 0, known }.into());
        }
        if version != FORMAT_VERSION {
            return Err(StorageError::damage(
                "journal",
                format_args!(
                    "its format version is {version}, this version of Epilog reads {FORMAT_VERSION}"
                ),
            ));
        }
        let (Some(segment_len), Some(database), Some(secret), Some(crc)) =
            (fields.u32(12), fields.array::<16>(16), fields.u64(32), fields.u32(40))
        else {
            return Err(damage("it ends within its header"));
        };
        if crc32c(&block[..FILE_HEADER_LEN - 4]) != crc {
            return Err(damage("the checksum of its header is wrong"));
        }
        if !is_segment_len(segment_len) {
            return Err(StorageError::damage(
                "journal",
                format_args!("its segments are of {segment_len} bytes"),
            ));
        }
        Ok(FileHeader { database, segment_len, secret })
    }
}

/// Whether segments can have this length: some blocks beside the header's, of a sector at least, and 32-bit offsets with
/// room to spare.
pub(super) const fn is_segment_len(len: u32) -> bool {
    len > 0 && is_block_len(block_of(len) as usize) && len >= 2 * block_of(len) && len <= 1 << 30
}

/// What a segment begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SegmentHeader {
    pub(super) database: [u8; 16],
    pub(super) segment_len: u32,
    pub(super) sequence: u64,
    pub(super) checkpoint: u64,
    pub(super) salt: u64,
    pub(super) first_commit: u64,
    pub(super) durable: u64,
    pub(super) chain: u32,
}

impl SegmentHeader {
    /// The header's whole block.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut block = vec![0; block_of(self.segment_len) as usize];
        block[0..8].copy_from_slice(&SEGMENT_MAGIC);
        block[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        block[12..16].copy_from_slice(&self.segment_len.to_le_bytes());
        block[16..32].copy_from_slice(&self.database);
        block[32..40].copy_from_slice(&self.sequence.to_le_bytes());
        block[40..48].copy_from_slice(&self.checkpoint.to_le_bytes());
        block[48..56].copy_from_slice(&self.salt.to_le_bytes());
        block[56..64].copy_from_slice(&self.first_commit.to_le_bytes());
        block[64..72].copy_from_slice(&self.durable.to_le_bytes());
        block[72..76].copy_from_slice(&self.chain.to_le_bytes());
        let crc = crc32c(&block[..SEGMENT_HEADER_LEN - 4]);
        block[76..80].copy_from_slice(&crc.to_le_bytes());
        block
    }

    /// The header in `bytes`; `None` when it cannot be read: never written, torn, or damaged.
    pub(super) fn decode(bytes: &[u8]) -> Option<SegmentHeader> {
        let fields = Fields::checked(bytes, SEGMENT_MAGIC, FORMAT_VERSION, SEGMENT_HEADER_LEN)?;
        Some(SegmentHeader {
            segment_len: fields.u32(12)?,
            database: fields.array(16)?,
            sequence: fields.u64(32)?,
            checkpoint: fields.u64(40)?,
            salt: fields.u64(48)?,
            first_commit: fields.u64(56)?,
            durable: fields.u64(64)?,
            chain: fields.u32(72)?,
        })
    }

    /// Whether a journal can have come to say this: what goes on from the last number that a database's header can have
    /// counts on from it.
    pub(super) fn is_possible(&self) -> bool {
        [self.sequence, self.first_commit].iter().all(|number| (1..=2 * NUMBER_MAX).contains(number))
    }
}

/// What a frame is. Discriminants are part of the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum FrameKind {
    /// A commit's payload, or a fragment of it.
    Commit = 1,
    /// A commit that a header made durable: its changes are in the database file. One frame.
    Mark = 2,
}

/// A commit's payload, a fragment of one, or a mark. In the file the payload follows its header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Frame<'a> {
    pub(super) kind: FrameKind,
    pub(super) salt: u64,
    pub(super) commit: u64,
    pub(super) durable: u64,
    pub(super) chain: u32,
    pub(super) is_first: bool,
    pub(super) is_last: bool,
    pub(super) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Appends the frame and its padding to `out`; gives its checksum.
    pub(super) fn encode(&self, secret: u64, out: &mut Vec<u8>) -> u32 {
        let start = out.len();
        let payload_len = u32::try_from(self.payload.len()).expect("a fragment fits its segment");
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&payload_len.to_le_bytes());
        out.extend_from_slice(&self.salt.to_le_bytes());
        out.extend_from_slice(&self.commit.to_le_bytes());
        out.extend_from_slice(&self.durable.to_le_bytes());
        out.extend_from_slice(&self.chain.to_le_bytes());
        out.push(self.kind as u8);
        out.push(u8::from(self.is_first) | u8::from(self.is_last) << 1);
        out.extend_from_slice(&[0; 2]);
        debug_assert_eq!(out.len() - start, FRAME_HEADER_LEN as usize);
        out.extend_from_slice(self.payload);
        let crc = salted(secret, &out[start + 4..]);
        out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
        out.resize(start + frame_len(payload_len) as usize, 0);
        crc
    }

    /// The frame at the start of `bytes`, which end where its segment does, and its checksum; `None` when there is no
    /// whole frame.
    pub(super) fn decode(secret: u64, bytes: &'a [u8]) -> Option<(Frame<'a>, u32)> {
        let fields = Fields(bytes);
        let [kind, flags, zero @ ..] = fields.array::<4>(36)?;
        let kind = match kind {
            1 => FrameKind::Commit,
            2 => FrameKind::Mark,
            _ => return None,
        };
        if flags > 3 || zero != [0; 2] {
            return None;
        }
        let payload_len = usize::try_from(fields.u32(4)?).ok()?;
        let payload = bytes[FRAME_HEADER_LEN as usize..].get(..payload_len)?;
        let crc = salted(secret, &bytes[4..FRAME_HEADER_LEN as usize + payload_len]);
        if crc != fields.u32(0)? {
            return None;
        }
        let frame = Frame {
            kind,
            salt: fields.u64(8)?,
            commit: fields.u64(16)?,
            durable: fields.u64(24)?,
            chain: fields.u32(32)?,
            is_first: flags & 1 != 0,
            is_last: flags & 2 != 0,
            payload,
        };
        Some((frame, crc))
    }

    /// The durable head that the bytes of a frame claim, before anything about them is verified.
    pub(super) fn claim(bytes: &[u8]) -> Option<u64> {
        Fields(bytes).u64(24)
    }
}

/// The bytes that a frame with this payload takes.
pub(super) const fn frame_len(payload_len: u32) -> u32 {
    (FRAME_HEADER_LEN + payload_len).next_multiple_of(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: SegmentHeader = SegmentHeader {
        database: [7; 16],
        segment_len: 1 << 20,
        sequence: 3,
        checkpoint: 9,
        salt: 0x0123_4567_89AB_CDEF,
        first_commit: 100,
        durable: 99,
        chain: 0xDEAD_BEEF,
    };

    #[test]
    fn headers_survive_their_encoding() {
        let file = FileHeader { database: [7; 16], segment_len: 8192, secret: 5 };
        assert_eq!(FileHeader::decode(&file.encode()).unwrap(), file);
        assert_eq!(SegmentHeader::decode(&SEGMENT.encode()), Some(SEGMENT));
    }

    #[test]
    fn segments_say_how_long_a_block_is() {
        let blocks = [1536, 3 << 10, 7 << 10, 6 << 10, 8 << 10, 1 << 20].map(block_of);
        assert_eq!(blocks, [512, 1024, 1024, 2048, 4096, 4096]);
        assert!([0, 256, 512, 768, 4096, 1 << 31].into_iter().all(|len| !is_segment_len(len)));
        let file = FileHeader { database: [7; 16], segment_len: 1536, secret: 5 };
        assert_eq!(file.encode().len(), 512);
        assert_eq!(FileHeader::decode(&file.encode()).unwrap(), file);
    }

    #[test]
    fn every_flipped_bit_of_headers_and_frames_is_noticed() {
        let file = FileHeader { database: [7; 16], segment_len: 8192, secret: 5 }.encode();
        for bit in 0..FILE_HEADER_LEN * 8 {
            let mut bytes = file.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(FileHeader::decode(&bytes).is_err(), "bit {bit}");
        }
        let segment = SEGMENT.encode();
        for bit in 0..SEGMENT_HEADER_LEN * 8 {
            let mut bytes = segment.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&bytes), None, "bit {bit}");
        }
        let frame = Frame {
            kind: FrameKind::Commit,
            salt: 1,
            commit: 2,
            durable: 1,
            chain: 3,
            is_first: true,
            is_last: false,
            payload: b"abc",
        };
        let mut encoded = Vec::new();
        let crc = frame.encode(5, &mut encoded);
        assert_eq!(encoded.len(), 48);
        assert_eq!(Frame::decode(5, &encoded), Some((frame, crc)));
        assert_eq!(Frame::decode(6, &encoded), None, "a frame of another journal");
        for bit in 0..43 * 8 {
            let mut bytes = encoded.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::decode(5, &bytes), None, "bit {bit}");
        }
    }

    #[test]
    fn short_bytes_are_no_header_and_no_frame() {
        for len in 0..FILE_HEADER_LEN {
            assert!(FileHeader::decode(&vec![0x45; len]).is_err());
        }
        let segment = SEGMENT.encode();
        for len in 0..SEGMENT_HEADER_LEN {
            assert_eq!(SegmentHeader::decode(&segment[..len]), None);
        }
        let frame = Frame {
            kind: FrameKind::Commit,
            salt: 1,
            commit: 2,
            durable: 1,
            chain: 3,
            is_first: true,
            is_last: true,
            payload: b"abc",
        };
        let mut encoded = Vec::new();
        frame.encode(5, &mut encoded);
        for len in 0..43 {
            assert_eq!(Frame::decode(5, &encoded[..len]), None, "{len} bytes");
        }
    }
}
