//! [`Scratch`]: bytes put aside, to be read again from the first to the last, in a file that is gone with it.
//!
//! What an operation of a query cannot keep in memory goes there in *runs*, one after the other; each is a string of bytes
//! that is written once and read once. The file belongs to the [`Vfs`](super::vfs::Vfs): it has no name that outlives the
//! process, and nothing in it is ever looked for after a crash.
//!
//! A run is cut into blocks, all of one length, the last of a run filled with zeros:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | CRC-32C of the rest, under the block's number in the file as salt |
//! | 4 | | the bytes of the run |
//!
//! The number in the checksum makes that a block is only taken for the one that it was written as. Whatever the disk gives
//! back, it is what was put aside, or an error.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::StorageError;
use super::codec::checksum::salted;
use super::error::words;
use super::vfs::{VfsError, VfsFile};

/// The bytes of a block that are its checksum.
const CHECKSUM_LEN: usize = 4;

/// Bytes put aside.
pub struct Scratch {
    file: Box<dyn VfsFile>,
    /// What errors call it.
    name: String,
    block_len: usize,
    /// The blocks written.
    blocks: u64,
}

/// What has been put aside together.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The number of its first block.
    first: u64,
    /// The bytes in it.
    len: u64,
}

/// Puts a run aside: made by [`Scratch::write`], one at a time.
pub struct RunWriter {
    /// The block being filled.
    block: Vec<u8>,
    run: Run,
}

/// Where the reading of a run is, and the block it is in.
pub struct RunReader {
    run: Run,
    /// The bytes read of blocks before, and of this one.
    read: u64,
    block: Vec<u8>,
    /// Where in the block it goes on.
    at: usize,
}

impl Scratch {
    /// Over an empty file for the database at `path`, in blocks of `block_len` bytes.
    pub(crate) fn of_file(file: Box<dyn VfsFile>, path: &str, block_len: usize) -> Scratch {
        Scratch { file, name: format!("{path} (temporary)"), block_len, blocks: 0 }
    }

    /// The bytes of a block, which whoever reads or writes a run has in memory.
    pub fn block_len(&self) -> usize {
        self.block_len
    }

    /// The bytes of runs that a block has room for.
    #[cfg(not(feature = "small"))]
    pub(crate) fn block_room(&self) -> usize {
        self.block_len - CHECKSUM_LEN
    }

    /// The bytes put aside so far, in whole blocks.
    #[cfg(not(feature = "small"))]
    pub(crate) fn bytes(&self) -> u64 {
        self.blocks * self.block_len as u64
    }

    /// Begins a run.
    pub fn write(&self) -> RunWriter {
        let run = Run { first: self.blocks, len: 0 };
        let mut block = Vec::with_capacity(self.block_len);
        block.resize(CHECKSUM_LEN, 0);
        RunWriter { block, run }
    }

    /// Reads a block into `block`.
    fn read_block(&self, number: u64, block: &mut Vec<u8>) -> Result<(), StorageError> {
        block.resize(self.block_len, 0);
        self.file.read_at(block, number * self.block_len as u64)?;
        let found = u32::from_le_bytes(block[..CHECKSUM_LEN].try_into().expect("four bytes"));
        let expected = salted(number, &block[CHECKSUM_LEN..]);
        if found == expected {
            return Ok(());
        }
        Err(self.damage(words!(
            "block {number} has checksum {found:08x} and bytes of checksum {expected:08x}: it is not what was written"
        )))
    }

    /// The error for what does not come back as it was put aside. The database is as sound as it was.
    #[cold]
    fn damage(&self, reason: String) -> StorageError {
        VfsError::Io { path: self.name.clone(), operation: "read", reason }.into()
    }
}

impl RunWriter {
    /// Appends bytes to the run, in the `scratch` that it was begun in.
    ///
    /// # Errors
    ///
    /// When the disk is full, or the file cannot be written. The database has nothing to do with it.
    pub fn append(&mut self, scratch: &mut Scratch, mut bytes: &[u8]) -> Result<(), StorageError> {
        while !bytes.is_empty() {
            let room = scratch.block_len - self.block.len();
            if room == 0 {
                self.flush(scratch)?;
                continue;
            }
            let (part, rest) = bytes.split_at(room.min(bytes.len()));
            self.block.extend_from_slice(part);
            self.run.len += part.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    /// Writes what is left of the run, which can be read from now on.
    ///
    /// # Errors
    ///
    /// As [`append`](RunWriter::append).
    pub fn finish(mut self, scratch: &mut Scratch) -> Result<Run, StorageError> {
        if self.block.len() > CHECKSUM_LEN {
            self.block.resize(scratch.block_len, 0);
            self.flush(scratch)?;
        }
        Ok(self.run)
    }

    fn flush(&mut self, scratch: &mut Scratch) -> Result<(), StorageError> {
        let number = scratch.blocks;
        let checksum = salted(number, &self.block[CHECKSUM_LEN..]);
        self.block[..CHECKSUM_LEN].copy_from_slice(&checksum.to_le_bytes());
        scratch.file.write_at(&self.block, number * scratch.block_len as u64)?;
        scratch.blocks += 1;
        self.block.truncate(CHECKSUM_LEN);
        Ok(())
    }
}

impl RunReader {
    /// At the start of a run.
    pub fn new(run: Run) -> RunReader {
        RunReader { run, read: 0, block: Vec::new(), at: 0 }
    }

    /// Whether all of the run has been read.
    pub fn is_at_end(&self) -> bool {
        self.read == self.run.len
    }

    /// The bytes that have not been read.
    #[cfg(not(feature = "small"))]
    pub(crate) fn left(&self) -> u64 {
        self.run.len - self.read
    }

    /// Appends the next `len` bytes of the run, which is in `scratch`, to `out`.
    ///
    /// # Errors
    ///
    /// [`VfsError::Io`] when the file cannot be read, gives back something else than was written, or the run ends.
    pub fn read(&mut self, scratch: &Scratch, mut len: usize, out: &mut Vec<u8>) -> Result<(), StorageError> {
        if len as u64 > self.run.len - self.read {
            return Err(
                scratch.damage(words!("a run ends after {} bytes, {len} more are wanted", self.run.len))
            );
        }
        while len > 0 {
            if self.at == self.block.len() {
                let in_block = (scratch.block_len - CHECKSUM_LEN) as u64;
                scratch.read_block(self.run.first + self.read / in_block, &mut self.block)?;
                self.at = CHECKSUM_LEN;
            }
            let part = len.min(self.block.len() - self.at);
            out.extend_from_slice(&self.block[self.at..self.at + part]);
            (self.at, self.read, len) = (self.at + part, self.read + part as u64, len - part);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::sync::Arc;

    use super::*;
    use crate::storage::StorageFault;
    use crate::storage::vfs::{MemoryVfs, OpenMode, Vfs};

    const BLOCK_LEN: usize = 64;

    /// A file that can be reached beside the scratch.
    fn scratch() -> (Scratch, Arc<dyn VfsFile>) {
        let vfs = MemoryVfs::new();
        let file = vfs.open("scratch", OpenMode::Create).unwrap();
        let beside = Arc::from(vfs.open("scratch", OpenMode::ReadWrite).unwrap());
        (Scratch::of_file(file, "music", BLOCK_LEN), beside)
    }

    fn write(scratch: &mut Scratch, parts: &[&[u8]]) -> Run {
        let mut writer = scratch.write();
        parts.iter().for_each(|part| writer.append(scratch, part).unwrap());
        writer.finish(scratch).unwrap()
    }

    #[test]
    fn runs_give_back_what_was_put_aside() {
        let (mut scratch, _) = scratch();
        let long: Vec<u8> = (0..1000u32).map(|n| n as u8).collect();
        let runs = [
            write(&mut scratch, &[b"abc", &[], &long, b"d"]),
            write(&mut scratch, &[]),
            write(&mut scratch, &[&long[..BLOCK_LEN - CHECKSUM_LEN]]),
            write(&mut scratch, &[&long[1..]]),
        ];
        let mut readers = runs.map(RunReader::new);
        let expected = [&[b"abc", &long[..], b"d"].concat()[..], &[], &long[..60], &long[1..]];
        // All at the same time, a few bytes at a time.
        let mut found = [const { Vec::new() }; 4];
        for step in 0.. {
            let mut any = false;
            for (at, reader) in readers.iter_mut().enumerate() {
                let len = (1 + step % 7).min(expected[at].len() - found[at].len());
                reader.read(&scratch, len, &mut found[at]).unwrap();
                assert_eq!(reader.is_at_end(), found[at].len() == expected[at].len());
                any |= !reader.is_at_end();
            }
            if !any {
                break;
            }
        }
        assert!(found.iter().zip(expected).all(|(found, expected)| found == expected));
        let error = readers[0].read(&scratch, 1, &mut Vec::new()).unwrap_err();
        assert!(matches!(&*error, StorageFault::Vfs(VfsError::Io { .. })), "{error}");
    }

    #[test]
    fn a_changed_bit_and_a_block_in_the_place_of_another_are_damage() {
        let (mut scratch, file) = scratch();
        let run = write(&mut scratch, &[&[7; 200]]);
        let read = |scratch: &Scratch| RunReader::new(run).read(scratch, 200, &mut Vec::new());
        read(&scratch).unwrap();
        for bit in 0..200 * 8 {
            let mut byte = [0];
            file.read_at(&mut byte, bit / 8).unwrap();
            byte[0] ^= 1 << (bit % 8);
            file.write_at(&byte, bit / 8).unwrap();
            let error = read(&scratch).unwrap_err();
            assert!(error.to_string().starts_with("cannot read `music (temporary)`: block "), "{error}");
            byte[0] ^= 1 << (bit % 8);
            file.write_at(&byte, bit / 8).unwrap();
        }
        let mut block = [0; BLOCK_LEN];
        file.read_at(&mut block, 0).unwrap();
        file.write_at(&block, BLOCK_LEN as u64).unwrap();
        assert!(read(&scratch).is_err(), "the first block is not the second");
        file.set_len(BLOCK_LEN as u64 / 2).unwrap();
        assert!(read(&scratch).is_err(), "it is cut");
    }
}
