//! [`Collected`]: what a statement finds out before its first change, in the order in which it was found.
//!
//! The keys of the records that are to be changed, and what these become, are all known before the first one is: what a statement
//! does is not to be seen by what it asks. Beyond so many bytes they go to a [`Scratch`], run after run, and are read from
//! there as often as they are needed, a block at a time:
//!
//! ```text
//! run 0 | run 1 | ...    in the scratch
//! the rest               in memory, as long as a run may be
//! ```
//!
//! Where there is no room but memory, they stay there. A small build has no other.

use alloc::vec::Vec;

use super::StorageError;
#[cfg(not(feature = "small"))]
use super::scratch::{Run, RunReader, Scratch};

/// The bytes of a block of a run: the least and the most.
#[cfg(not(feature = "small"))]
const BLOCK_LEN: core::ops::RangeInclusive<usize> = 4 << 10..=64 << 10;

/// Gives room outside of memory, in blocks of so many bytes, if there is any.
#[cfg(not(feature = "small"))]
pub type Room<'r> = dyn Fn(usize) -> Result<Option<Scratch>, StorageError> + 'r;

/// Bytes that were found out, piece by piece.
#[derive(Default)]
pub struct Collected {
    #[cfg(not(feature = "small"))]
    aside: Option<Aside>,
    /// What no run has.
    rest: Vec<u8>,
    /// The rest may be as long as this; `None` when there is no limit, or no room but memory.
    #[cfg(not(feature = "small"))]
    rest_max: Option<usize>,
}

#[cfg(not(feature = "small"))]
struct Aside {
    scratch: Scratch,
    runs: Vec<Run>,
}

impl Collected {
    /// Nothing yet, of which no more than `bytes` is to be in memory.
    #[cfg(not(feature = "small"))]
    pub fn new(bytes: Option<usize>) -> Collected {
        Collected { rest_max: bytes, ..Collected::default() }
    }

    /// Appends a piece; `room` is asked for if it is one too many for memory.
    ///
    /// # Errors
    ///
    /// When the disk is full, or the file system refuses a file. The database has nothing to do with it.
    #[cfg(not(feature = "small"))]
    pub fn push(&mut self, piece: &[u8], room: &Room<'_>) -> Result<(), StorageError> {
        self.rest.extend_from_slice(piece);
        let Some(rest_max) = self.rest_max else { return Ok(()) };
        let block_len = (rest_max / 64).clamp(*BLOCK_LEN.start(), *BLOCK_LEN.end());
        if self.rest.len() < rest_max.max(block_len) {
            return Ok(());
        }
        if self.aside.is_none() {
            let Some(scratch) = room(block_len)? else {
                self.rest_max = None;
                return Ok(());
            };
            self.aside = Some(Aside { scratch, runs: Vec::new() });
        }
        if let Some(Aside { scratch, runs }) = &mut self.aside {
            let mut writer = scratch.write();
            writer.append(scratch, &self.rest)?;
            runs.push(writer.finish(scratch)?);
            self.rest.clear();
        }
        Ok(())
    }

    /// Appends a piece.
    ///
    /// # Errors
    ///
    /// None: it stays in memory.
    #[cfg(feature = "small")]
    pub fn push(&mut self, piece: &[u8]) -> Result<(), StorageError> {
        self.rest.extend_from_slice(piece);
        Ok(())
    }

    /// The bytes put aside, in whole blocks.
    #[cfg(all(test, not(feature = "small")))]
    pub(crate) fn bytes_aside(&self) -> u64 {
        self.aside.as_ref().map_or(0, |aside| aside.scratch.bytes())
    }

    /// Whether some were put aside.
    #[cfg(not(feature = "small"))]
    pub fn is_aside(&self) -> bool {
        self.aside.is_some()
    }

    /// At the first piece.
    pub fn read(&self) -> Reader<'_> {
        Reader {
            collected: self,
            #[cfg(not(feature = "small"))]
            run: 0,
            #[cfg(not(feature = "small"))]
            reader: None,
            #[cfg(not(feature = "small"))]
            read: Vec::new(),
            at: 0,
        }
    }
}

/// Reads what was collected from the first piece to the last.
pub struct Reader<'c> {
    collected: &'c Collected,
    /// The number of the next run.
    #[cfg(not(feature = "small"))]
    run: usize,
    /// Of the one before.
    #[cfg(not(feature = "small"))]
    reader: Option<RunReader>,
    /// What was read of it last.
    #[cfg(not(feature = "small"))]
    read: Vec<u8>,
    /// How much of the rest has been read.
    at: usize,
}

impl Reader<'_> {
    /// The next `len` bytes, all of one piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or gives back something else than was written.
    pub fn next(&mut self, len: usize) -> Result<Option<&[u8]>, StorageError> {
        #[cfg(not(feature = "small"))]
        if let Some(Aside { scratch, runs }) = &self.collected.aside {
            // No piece is in two runs.
            if self.reader.as_ref().is_none_or(RunReader::is_at_end) {
                self.reader = runs.get(self.run).map(|run| RunReader::new(*run));
                self.run += 1;
            }
            if let Some(reader) = &mut self.reader {
                self.read.clear();
                reader.read(scratch, len, &mut self.read)?;
                return Ok(Some(&self.read));
            }
        }
        let piece = self.collected.rest.get(self.at..self.at + len);
        self.at += piece.map_or(0, <[u8]>::len);
        Ok(piece)
    }

    /// The next rank, which is a piece of sixteen bytes; `None` after the last.
    ///
    /// # Errors
    ///
    /// As [`next`](Reader::next).
    pub fn next_rank(&mut self) -> Result<Option<u128>, StorageError> {
        let rank = self.next(size_of::<u128>())?;
        Ok(rank.map(|bytes| u128::from_le_bytes(bytes.try_into().expect("sixteen bytes"))))
    }
}

#[cfg(all(test, not(feature = "small")))]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::storage::vfs::{MemoryVfs, Vfs};

    fn room(block_len: usize) -> Result<Option<Scratch>, StorageError> {
        let file = MemoryVfs::new().temporary("music")?.expect("a file in memory");
        Ok(Some(Scratch::of_file(file, "music", block_len)))
    }

    /// Pieces of any length, of none too.
    fn pieces(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|n| alloc::vec![n as u8; n * 7919 % 700]).collect()
    }

    fn check(bytes: Option<usize>, room: &Room<'_>, is_aside: bool) {
        for count in [0, 1, 5, 3000] {
            let mut collected = Collected::new(bytes);
            for piece in pieces(count) {
                let mut framed = (piece.len() as u32).to_le_bytes().to_vec();
                framed.extend_from_slice(&piece);
                collected.push(&framed, room).expect("room");
            }
            assert_eq!(collected.bytes_aside() > 0, is_aside && count == 3000, "{count} pieces, {bytes:?}");
            // As often as one likes, also side by side.
            let mut readers = [collected.read(), collected.read()];
            for piece in pieces(count) {
                for reader in &mut readers {
                    let len = reader.next(4).expect("sound").expect("a length");
                    let len = u32::from_le_bytes(len.try_into().expect("four bytes"));
                    assert_eq!(reader.next(len as usize).expect("sound"), Some(piece.as_slice()));
                }
            }
            for reader in &mut readers {
                assert_eq!(reader.next(4).expect("sound"), None);
                assert_eq!(reader.next_rank().expect("sound"), None);
            }
        }
    }

    #[test]
    fn pieces_come_back_as_they_were_found() {
        for bytes in [0, 1, 5000, 100_000] {
            check(Some(bytes), &room, true);
        }
        check(Some(usize::MAX), &room, false);
        // Where nobody asked for less, and where there is no room.
        check(None, &room, false);
        check(Some(1), &|_| Ok(None), false);
    }

    #[test]
    fn ranks_are_pieces_of_their_own() {
        let mut collected = Collected::new(Some(100));
        let ranks: Vec<u128> = (0..2000).map(|n| ((n * n) << 70) | n).collect();
        ranks.iter().for_each(|rank| collected.push(&rank.to_le_bytes(), &room).expect("room"));
        let mut reader = collected.read();
        let read = core::iter::from_fn(|| reader.next_rank().expect("sound"));
        assert!(read.eq(ranks));
    }

    #[test]
    fn what_cannot_be_put_aside_is_told() {
        let full = |_: usize| -> Result<Option<Scratch>, StorageError> {
            Err(crate::storage::vfs::VfsError::Full { path: "music (temporary)".into() }.into())
        };
        let mut collected = Collected::new(Some(0));
        let error = (0..1000u128).find_map(|rank| collected.push(&rank.to_le_bytes(), &full).err());
        assert!(error.expect("an error").to_string().contains("music (temporary)"));
    }
}
