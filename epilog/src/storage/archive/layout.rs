//! The bytes of an archive: its index, a file's header, an entry's header.
//!
//! All little-endian. Changing any of this also changes `docs/file-format.md`.
//!
//! Index, two copies in a block each, written in turn:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `EPILOGAI` |
//! | 8 | 4 | format version |
//! | 12 | 4 | zero |
//! | 16 | 16 | database id |
//! | 32 | 8 | generation: the copy with the greater one counts |
//! | 40 | 8 | number of the first file |
//! | 48 | 8 | number of the last file |
//! | 56 | 8 | the last commit archived |
//! | 64 | 8 | where in the last file the next entry goes, a multiple of the block size |
//! | 72 | 4 | chain: the checksum of the last entry |
//! | 76 | 4 | CRC-32C of bytes 0..76 |
//!
//! File header, a block:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `EPILOGAF` |
//! | 8 | 4 | format version |
//! | 12 | 4 | flags: bit 0, it begins behind the first mark of commits that were read again together, and not behind the last piece |
//! | 16 | 16 | database id |
//! | 32 | 8 | number of the file |
//! | 40 | 8 | the commit of the first entry; the one after it when that is a piece |
//! | 48 | 8 | the last commit archived before; where it is not the one before the first, those between are missing |
//! | 56 | 8 | salt: what the entries' checksums are seeded with |
//! | 64 | 4 | chain: the checksum that the first entry names as its predecessor's |
//! | 68 | 4 | CRC-32C of bytes 0..68 |
//!
//! Entry, at a multiple of 8 bytes:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | CRC-32C of the salt, bytes 4..24 and the payload |
//! | 4 | 4 | payload length in bytes |
//! | 8 | 8 | commit; of a piece, that as of which it was read |
//! | 16 | 4 | chain: the checksum of the entry before, across files |
//! | 20 | 1 | kind |
//! | 21 | 3 | zero |
//! | 24 | | payload, then zeros up to a multiple of 8 bytes |
//!
//! | kind | what | payload |
//! |---|---|---|
//! | 1 | a commit | its change set |
//! | 2 | a bulk commit | its mark's |
//! | 3 | a bulk commit whose mark is missing | none |
//! | 4, 5 | as 2 and 3, and what it changed was read again | the commit as of which, 8 bytes; then as there |
//! | 6 | a piece of what was read again | a change set |
//! | 7 | the last piece | a change set |
//!
//! Version 1 has no flags and no kinds from 4 on, so that what a bulk commit changed is nowhere.

use alloc::vec::Vec;

use crate::storage::codec::checksum::{crc32c, salted};
use crate::storage::codec::fields::Fields;
use crate::storage::journal::{EntryKind, NUMBER_MAX};
use crate::storage::page::BLOCK_LEN;

/// The version of this format.
pub(super) const FORMAT_VERSION: u32 = 2;

/// The bytes of a block.
pub(super) const BLOCK: u64 = BLOCK_LEN as u64;

const INDEX_MAGIC: [u8; 8] = *b"EPILOGAI";
const INDEX_LEN: usize = 80;
const FILE_MAGIC: [u8; 8] = *b"EPILOGAF";
const FILE_HEADER_LEN: usize = 72;

/// The file begins among commits that were read again together.
const WITHIN: u32 = 1;

/// The bytes of an entry before its payload.
pub(super) const ENTRY_HEADER_LEN: usize = 24;

/// What an archive holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Index {
    pub(super) database: [u8; 16],
    pub(super) generation: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) archived: u64,
    pub(super) end: u64,
    pub(super) chain: u32,
}

/// The fields of a block of any version that is known.
fn known<'a>(block: &'a [u8], magic: [u8; 8], len: usize) -> Option<Fields<'a>> {
    let version = Fields(block).u32(8).filter(|version| (1..=FORMAT_VERSION).contains(version))?;
    Fields::checked(block, magic, version, len)
}

/// A block with these bytes, then the checksum of them, then zeros.
fn sealed(parts: &[&[u8]]) -> Vec<u8> {
    let mut block = parts.concat();
    block.extend_from_slice(&crc32c(&block).to_le_bytes());
    block.resize(BLOCK_LEN, 0);
    block
}

impl Index {
    pub(super) fn encode(&self) -> Vec<u8> {
        sealed(&[
            &INDEX_MAGIC,
            &FORMAT_VERSION.to_le_bytes(),
            &[0; 4],
            &self.database,
            &self.generation.to_le_bytes(),
            &self.first.to_le_bytes(),
            &self.last.to_le_bytes(),
            &self.archived.to_le_bytes(),
            &self.end.to_le_bytes(),
            &self.chain.to_le_bytes(),
        ])
    }

    /// The index in `block`; `None` when it cannot be read: never written, torn, or damaged.
    pub(super) fn decode(block: &[u8]) -> Option<Index> {
        let fields = known(block, INDEX_MAGIC, INDEX_LEN)?;
        Some(Index {
            database: fields.array(16)?,
            generation: fields.u64(32)?,
            first: fields.u64(40)?,
            last: fields.u64(48)?,
            archived: fields.u64(56)?,
            end: fields.u64(64)?,
            chain: fields.u32(72)?,
        })
    }

    /// The format version of an index that a later version of this library wrote.
    pub(super) fn newer_version(block: &[u8]) -> Option<u32> {
        Fields::newer(block, INDEX_MAGIC, FORMAT_VERSION, INDEX_LEN)
    }

    /// Whether an archive can have come to say this.
    pub(super) fn is_possible(&self) -> bool {
        let numbers = [self.generation, self.last, self.archived, self.end];
        (1..=self.last).contains(&self.first)
            && numbers.iter().all(|number| (1..=NUMBER_MAX).contains(number))
            && self.end.is_multiple_of(BLOCK)
    }
}

/// What a file begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FileHeader {
    /// The format version of its entries, too.
    pub(super) version: u32,
    /// Whether it begins behind the first mark of commits that were read again together, and not behind the last piece.
    pub(super) is_within: bool,
    pub(super) database: [u8; 16],
    pub(super) number: u64,
    pub(super) first_commit: u64,
    pub(super) archived_before: u64,
    pub(super) salt: u64,
    pub(super) chain: u32,
}

impl FileHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        sealed(&[
            &FILE_MAGIC,
            &self.version.to_le_bytes(),
            &u32::from(self.is_within).to_le_bytes(),
            &self.database,
            &self.number.to_le_bytes(),
            &self.first_commit.to_le_bytes(),
            &self.archived_before.to_le_bytes(),
            &self.salt.to_le_bytes(),
            &self.chain.to_le_bytes(),
        ])
    }

    /// The header in `block`; `None` when it cannot be read.
    pub(super) fn decode(block: &[u8]) -> Option<FileHeader> {
        let fields = known(block, FILE_MAGIC, FILE_HEADER_LEN)?;
        Some(FileHeader {
            version: fields.u32(8)?,
            is_within: fields.u32(12)? & WITHIN != 0,
            database: fields.array(16)?,
            number: fields.u64(32)?,
            first_commit: fields.u64(40)?,
            archived_before: fields.u64(48)?,
            salt: fields.u64(56)?,
            chain: fields.u32(64)?,
        })
    }

    /// The format version of a file that a later version of this library wrote.
    pub(super) fn newer_version(block: &[u8]) -> Option<u32> {
        Fields::newer(block, FILE_MAGIC, FORMAT_VERSION, FILE_HEADER_LEN)
    }

    /// Whether an archive can have come to say this.
    pub(super) fn is_possible(&self) -> bool {
        (1..=NUMBER_MAX).contains(&self.first_commit) && self.archived_before < self.first_commit
    }

    /// Whether every commit between the file before and this one is in one of them.
    pub(super) fn follows_on(&self) -> bool {
        self.archived_before + 1 == self.first_commit
    }
}

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// A commit.
    Commit(EntryKind),
    /// A bulk commit; what it changed was read again, as of the commit that the payload begins with.
    ReadAgain(EntryKind),
    /// A part of what was read again, and not the last.
    Piece,
    /// The last part.
    LastPiece,
}

/// Each with its number. A commit of a known change set is not read again.
const FORMS: [(u8, Form); 7] = [
    (1, Form::Commit(EntryKind::Changes)),
    (2, Form::Commit(EntryKind::Mark)),
    (3, Form::Commit(EntryKind::Unmarked)),
    (4, Form::ReadAgain(EntryKind::Mark)),
    (5, Form::ReadAgain(EntryKind::Unmarked)),
    (6, Form::Piece),
    (7, Form::LastPiece),
];

impl Form {
    /// Whether it is a part of what was read again.
    pub(super) fn is_piece(self) -> bool {
        matches!(self, Form::Piece | Form::LastPiece)
    }
}

/// What precedes an entry's payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct EntryHeader {
    pub(super) crc: u32,
    pub(super) payload_len: u32,
    pub(super) commit: u64,
    pub(super) chain: u32,
    pub(super) form: Form,
}

/// Appends an entry to `out`, whose payload is the two parts together; gives its checksum.
pub(super) fn encode_entry(
    out: &mut Vec<u8>,
    salt: u64,
    (commit, form, payload): (u64, Form, [&[u8]; 2]),
    chain: u32,
) -> u32 {
    let start = out.len();
    let len = payload[0].len() + payload[1].len();
    let payload_len = u32::try_from(len).expect("a payload was in the journal, or is a piece");
    let number = FORMS.iter().find(|(_, other)| *other == form).map(|(number, _)| *number);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&payload_len.to_le_bytes());
    out.extend_from_slice(&commit.to_le_bytes());
    out.extend_from_slice(&chain.to_le_bytes());
    out.extend_from_slice(&[
        number.expect("a bulk commit's collections are read again, and no other's"),
        0,
        0,
        0,
    ]);
    payload.into_iter().for_each(|part| out.extend_from_slice(part));
    let crc = salted(salt, &out[start + 4..]);
    out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
    out.resize(start + entry_len(len), 0);
    crc
}

/// The bytes that an entry with this payload takes.
pub(super) const fn entry_len(payload_len: usize) -> usize {
    (ENTRY_HEADER_LEN + payload_len).next_multiple_of(8)
}

impl EntryHeader {
    /// The header at the start of `bytes`, as far as it can be told without the payload.
    pub(super) fn decode(bytes: &[u8]) -> Option<EntryHeader> {
        let fields = Fields(bytes);
        let [number, 0, 0, 0] = fields.array::<4>(20)? else { return None };
        let form = FORMS.iter().find(|(other, _)| *other == number).map(|(_, form)| *form)?;
        Some(EntryHeader {
            crc: fields.u32(0)?,
            payload_len: fields.u32(4)?,
            commit: fields.u64(8)?,
            chain: fields.u32(16)?,
            form,
        })
    }

    /// The entry's checksum, if that of `bytes`, the whole entry without padding, is it.
    pub(super) fn verify(&self, salt: u64, bytes: &[u8]) -> Option<u32> {
        (salted(salt, bytes.get(4..)?) == self.crc).then_some(self.crc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: Index = Index {
        database: [7; 16],
        generation: 3,
        first: 2,
        last: 9,
        archived: 500,
        end: 8192,
        chain: 0xBEEF,
    };
    const FILE: FileHeader = FileHeader {
        version: FORMAT_VERSION,
        is_within: true,
        database: [7; 16],
        number: 9,
        first_commit: 450,
        archived_before: 449,
        salt: 0x0123_4567_89AB_CDEF,
        chain: 0xF00D,
    };

    #[test]
    fn headers_survive_their_encoding_and_every_flipped_bit_is_noticed() {
        let (index, file) = (INDEX.encode(), FILE.encode());
        assert_eq!((Index::decode(&index), FileHeader::decode(&file)), (Some(INDEX), Some(FILE)));
        for bit in 0..INDEX_LEN * 8 {
            let mut bytes = index.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Index::decode(&bytes), None, "bit {bit}");
        }
        for bit in 0..FILE_HEADER_LEN * 8 {
            let mut bytes = file.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FileHeader::decode(&bytes), None, "bit {bit}");
        }
        for len in 0..INDEX_LEN {
            assert_eq!(Index::decode(&index[..len]), None);
            assert_eq!(FileHeader::decode(&file[..len.min(FILE_HEADER_LEN - 1)]), None);
        }
    }

    #[test]
    fn every_flipped_bit_of_an_entry_is_noticed() {
        let mut bytes = Vec::new();
        let crc = encode_entry(&mut bytes, 5, (17, Form::ReadAgain(EntryKind::Mark), [b"a", b"bc"]), 99);
        assert_eq!(bytes.len(), 32);
        let verify = |bytes: &[u8], salt| {
            let header = EntryHeader::decode(bytes)?;
            header.verify(salt, bytes.get(..ENTRY_HEADER_LEN + header.payload_len as usize)?)
        };
        assert_eq!(verify(&bytes, 5), Some(crc));
        assert_eq!(verify(&bytes, 6), None, "an entry of another file");
        for bit in 0..27 * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verify(&bytes, 5), None, "bit {bit}");
        }
    }
}
