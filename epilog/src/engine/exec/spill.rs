//! [`Spill`]: sorted rows put aside, run after run, and their merge.
//!
//! When the rows of a sort are too many for memory, those there are become a run, and go. In the end the first rows of all
//! runs lie in a heap, and the next row is the one on top (D. E. Knuth, *The Art of Computer Programming*, volume 3, 5.4.1:
//! replacement of the least by the next of its run):
//!
//! ```text
//! level 2   [ merged ]
//! level 1   [ merged ] [ merged ]
//! level 0   [ as it was in memory ] [ ... ] [ ... ]      the newest
//! ```
//!
//! A run in the merge has one block in memory. When there are as many runs of one level as have room there, they become
//! one of the next: a row is written again for each level, and those grow by the power of what has room.
//!
//! A row in a run is its length and that of its key, 4 bytes each, little-endian, and the row as [`Packed`] has it.

use alloc::collections::BinaryHeap;
use alloc::collections::binary_heap::PeekMut;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::batch::GATHERED_MAX;
use super::packed::Packed;
use crate::engine::error::ExecError;
use crate::engine::planted::{self, Bug};
use crate::storage::StorageError;
use crate::storage::facade::View;
use crate::storage::scratch::{Run, RunReader, RunWriter, Scratch};

/// The bytes of a block of a run: the least and the most.
const BLOCK_LEN: core::ops::RangeInclusive<usize> = 4 << 10..=64 << 10;

/// The most runs that are merged at a time.
const RUNS_MAX: usize = 256;

/// Asked once for each batch of rows that are written or read: fails when the query is to end.
type Check<'c> = &'c mut dyn FnMut() -> Result<(), ExecError>;

/// Rows put aside.
pub(super) struct Spill {
    scratch: Scratch,
    /// With the level of each, which falls from the first to the last.
    runs: Vec<(Run, u32)>,
    runs_max: usize,
}

impl Spill {
    /// Gets room for rows, where memory may take `bytes`. `None` when there is none.
    pub(super) fn new(view: View<'_>, bytes: usize) -> Result<Option<Spill>, StorageError> {
        let block_len = (bytes / 64).clamp(*BLOCK_LEN.start(), *BLOCK_LEN.end());
        let Some(scratch) = view.scratch(block_len)? else { return Ok(None) };
        let runs_max = (bytes / block_len).clamp(2, RUNS_MAX);
        Ok(Some(Spill { scratch, runs: Vec::new(), runs_max }))
    }

    /// The bytes put aside so far, those that were written again included.
    #[cfg(not(feature = "small"))]
    pub(super) fn bytes(&self) -> u64 {
        self.scratch.bytes()
    }

    /// Whether rows have been put aside.
    pub(super) fn is_used(&self) -> bool {
        !self.runs.is_empty()
    }

    /// Puts rows aside, which are in order.
    pub(super) fn push(&mut self, rows: &Packed, check: Check<'_>) -> Result<(), ExecError> {
        check()?;
        let mut writer = self.scratch.write();
        for at in 0..rows.len() {
            let (row, key_len) = rows.row(at);
            append(&mut writer, &mut self.scratch, row, key_len)?;
        }
        let run = writer.finish(&mut self.scratch)?;
        self.runs.push((run, 0));
        loop {
            let Some(start) = self.runs.len().checked_sub(self.runs_max) else { return Ok(()) };
            let level = self.runs[start].1;
            if self.runs[start..].iter().any(|(_, of)| *of != level) {
                return Ok(());
            }
            self.merge_from(start, level + 1, check)?;
        }
    }

    /// Merges the runs from number `start` on into one of `level`.
    fn merge_from(&mut self, start: usize, level: u32, check: Check<'_>) -> Result<(), ExecError> {
        let mut merge = Merge::new(&self.scratch, self.runs.drain(start..).map(|(run, _)| run))?;
        let mut writer = self.scratch.write();
        let mut row = Vec::new();
        let mut rows = 0_usize;
        while let Some(key_len) = merge.next(&self.scratch, &mut row)? {
            if rows.is_multiple_of(GATHERED_MAX) {
                check()?;
            }
            rows += 1;
            append(&mut writer, &mut self.scratch, &row, key_len)?;
        }
        self.runs.push((writer.finish(&mut self.scratch)?, level));
        Ok(())
    }

    /// All rows, in order.
    pub(super) fn finish(mut self, check: Check<'_>) -> Result<Spilled, ExecError> {
        if planted::is(Bug::RunLost) && self.runs.len() > 1 {
            self.runs.pop();
        }
        // The last are the shortest: as many of them as make room for the rest.
        while self.runs.len() > self.runs_max {
            let count = (self.runs.len() - self.runs_max + 1).min(self.runs_max);
            let start = self.runs.len() - count;
            let level = self.runs[start].1;
            self.merge_from(start, level, check)?;
        }
        let runs = self.runs.into_iter().map(|(run, _)| run);
        let merge = Merge::new(&self.scratch, runs)?;
        Ok(Spilled { scratch: self.scratch, merge })
    }
}

/// Rows that come back in order.
pub(super) struct Spilled {
    scratch: Scratch,
    merge: Merge,
}

impl Spilled {
    /// As [`Spill::bytes`].
    #[cfg(not(feature = "small"))]
    pub(super) fn bytes(&self) -> u64 {
        self.scratch.bytes()
    }

    /// About the bytes that its runs take in memory.
    #[cfg(not(feature = "small"))]
    pub(super) fn size(&self) -> usize {
        self.merge.heads.len() * self.scratch.block_len()
    }

    /// Makes `row` the next one, and gives the length of its key; `None` at the end.
    pub(super) fn next(&mut self, row: &mut Vec<u8>) -> Result<Option<usize>, StorageError> {
        self.merge.next(&self.scratch, row)
    }
}

fn append(
    writer: &mut RunWriter,
    scratch: &mut Scratch,
    row: &[u8],
    key_len: usize,
) -> Result<(), StorageError> {
    writer.append(scratch, &(row.len() as u32).to_le_bytes())?;
    writer.append(scratch, &(key_len as u32).to_le_bytes())?;
    writer.append(scratch, row)
}

/// Runs being merged.
struct Merge {
    readers: Vec<RunReader>,
    /// The next row of each run that has one.
    heads: BinaryHeap<Head>,
}

/// The next row of a run; of the one that comes first the greatest.
#[derive(PartialEq, Eq)]
struct Head {
    row: Vec<u8>,
    key_len: usize,
    run: usize,
}

impl Head {
    fn key(&self) -> &[u8] {
        &self.row[..self.key_len]
    }

    /// Reads the next row of the run; false at its end.
    fn read(&mut self, reader: &mut RunReader, scratch: &Scratch) -> Result<bool, StorageError> {
        if reader.is_at_end() {
            return Ok(false);
        }
        // Whatever fails below, the head can be compared.
        self.row.clear();
        self.key_len = 0;
        reader.read(scratch, 8, &mut self.row)?;
        let number = |at: usize| u32::from_le_bytes(self.row[at..at + 4].try_into().expect("four bytes"));
        let (len, key_len) = (number(0), number(4));
        self.row.clear();
        reader.read(scratch, len as usize, &mut self.row)?;
        self.key_len = key_len as usize;
        Ok(true)
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Head) -> Ordering {
        // Rows with one key come in the order of the runs, which is that in which they came.
        other.key().cmp(self.key()).then(other.run.cmp(&self.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Merge {
    fn new(scratch: &Scratch, runs: impl Iterator<Item = Run>) -> Result<Merge, StorageError> {
        let mut readers: Vec<RunReader> = runs.map(RunReader::new).collect();
        let mut heads = BinaryHeap::with_capacity(readers.len());
        for (run, reader) in readers.iter_mut().enumerate() {
            let mut head = Head { row: Vec::new(), key_len: 0, run };
            if head.read(reader, scratch)? {
                heads.push(head);
            }
        }
        Ok(Merge { readers, heads })
    }

    fn next(&mut self, scratch: &Scratch, row: &mut Vec<u8>) -> Result<Option<usize>, StorageError> {
        let Some(mut head) = self.heads.peek_mut() else { return Ok(None) };
        let key_len = head.key_len;
        core::mem::swap(&mut head.row, row);
        let run = head.run;
        if !head.read(&mut self.readers[run], scratch)? {
            PeekMut::pop(head);
        }
        Ok(Some(key_len))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::storage::vfs::{MemoryVfs, Vfs};

    /// Room for `runs_max` runs.
    fn spill(runs_max: usize) -> Spill {
        let file = MemoryVfs::new().temporary("music").expect("memory").expect("a file");
        Spill { scratch: Scratch::of_file(file, "music", 64), runs: Vec::new(), runs_max }
    }

    /// Rows with keys of any length, of which many are the same; the payload is the row's number.
    fn rows(count: u32) -> Vec<(Vec<u8>, u32)> {
        let key = |n: u32| {
            let mixed = n.wrapping_mul(0x9E37_79B9) >> 8;
            Vec::from_iter((0..mixed % 40).map(|at| ((mixed >> (at % 5)) % 3) as u8))
        };
        (0..count).map(|n| (key(n), n)).collect()
    }

    fn check(runs_max: usize, runs: usize, rows_of_run: u32) {
        let mut all = rows(runs as u32 * rows_of_run);
        let mut spill = spill(runs_max);
        for part in all.chunks(rows_of_run as usize) {
            let mut packed = Packed::default();
            for (key, n) in part {
                let append = |out: &mut Vec<u8>| {
                    out.extend_from_slice(&n.to_le_bytes());
                    Ok(())
                };
                packed.push(key, append).expect("no record is read");
            }
            packed.sort();
            spill.push(&packed, &mut || Ok(())).expect("room");
            assert!(spill.runs.is_sorted_by(|a, b| a.1 >= b.1), "levels fall");
        }
        let levels = spill.runs.iter().map(|(_, level)| *level).max().unwrap_or(0);
        assert_eq!(levels, (runs as f64).log(runs_max as f64).floor() as u32, "{runs_max}, {runs}");
        all.sort();
        let mut spilled = spill.finish(&mut || Ok(())).expect("all is there");
        let mut row = Vec::new();
        for (key, n) in all {
            let key_len = spilled.next(&mut row).expect("sound").expect("a row");
            assert!(row[..key_len] == key && row[key_len..] == n.to_le_bytes(), "row {n}");
        }
        assert_eq!(spilled.next(&mut row).expect("sound"), None);
        assert_eq!(spilled.next(&mut row).expect("sound"), None);
    }

    #[test]
    fn rows_come_back_in_order_and_equal_ones_as_they_came() {
        check(4, 1, 100);
        check(4, 3, 1);
        check(4, 5, 30);
        check(3, 31, 20);
        check(2, 40, 7);
        check(64, 63, 10);
    }
}
