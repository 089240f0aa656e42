//! [`Partitions`]: rows of values put aside by lot, so that those with one key come back together.
//!
//! When what is kept by key is too much for memory, the rows of keys that are not there yet go to a partition each, by a hash
//! of their key, and come back partition by partition, in the order in which they came. Each has a part of the keys; where
//! that is too much again, it is partitioned by another hash (G. Graefe, *Query Evaluation Techniques for Large Databases*,
//! 4.3: hybrid hashing, with overflow avoided by recursion).
//!
//! A partition fills a buffer in memory. What fills whole blocks is put aside as a run; the rest stays until it comes back.
//!
//! | bytes | what of a row |
//! |---|---|
//! | 4 | the length of the rest |
//! | 1 or more | of each value: 0 where it is absent; 1 and its cell, behind its length in 4 bytes when its type has no width; 2 and the number of what its calculation ran into, 4 bytes |
//!
//! Numbers are little-endian.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::batch::{Batch, GATHERED_MAX};
use super::operators::Operator;
use super::vector::Cells;
use super::{Env, Vector};
use crate::engine::error::{ExecError, RowFault};
use crate::engine::logical::Computed;
use crate::engine::planted::{self, Bug};
use crate::storage::StorageError;
use crate::storage::facade::View;
use crate::storage::scratch::{Run, RunReader, Scratch};
use crate::value::Type;

/// How many partitions there are: so many times more than memory holds can be put aside without partitioning again.
const PARTITIONS: u64 = 32;

/// The bytes of a block: the least, few in tests, and the most. The blocks of all partitions take an eighth of the memory.
const BLOCK_LEN: core::ops::RangeInclusive<usize> = if cfg!(test) { 128 } else { 4 << 10 }..=64 << 10;

/// The bytes of rows that come back at once, about.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// What stands before a value.
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;
const FAULTY: u8 = 2;

/// Rows being put aside.
pub(super) struct Partitions {
    rows: Put,
    all: Vec<Partition>,
    row: Vec<u8>,
}

/// Rows put aside.
struct Put {
    scratch: Scratch,
    types: Vec<Type>,
    /// What the calculation of values ran into.
    faults: Vec<RowFault>,
}

#[derive(Default)]
struct Partition {
    buffer: Vec<u8>,
    runs: Vec<Run>,
}

impl Partitions {
    /// Gets room for rows of values of these types, where memory may take `bytes`. `None` when there is none.
    pub(super) fn new(
        view: View<'_>,
        bytes: usize,
        types: Vec<Type>,
    ) -> Result<Option<Partitions>, StorageError> {
        let block_len = bytes / (8 * PARTITIONS as usize);
        let scratch = view.scratch(block_len.clamp(*BLOCK_LEN.start(), *BLOCK_LEN.end()))?;
        Ok(scratch.map(|scratch| Partitions::over(scratch, types)))
    }

    fn over(scratch: Scratch, types: Vec<Type>) -> Partitions {
        let all = (0..PARTITIONS).map(|_| Partition::default()).collect();
        Partitions { rows: Put { scratch, types, faults: Vec::new() }, all, row: Vec::new() }
    }

    /// The bytes put aside so far.
    pub(super) fn bytes(&self) -> u64 {
        self.rows.scratch.bytes()
    }

    /// The bytes that they take in memory.
    pub(super) fn size(&self) -> usize {
        let of_one = |partition: &Partition| {
            partition.buffer.capacity() + partition.runs.capacity() * size_of::<Run>()
        };
        self.all.iter().map(of_one).sum::<usize>() + self.rows.faults.capacity() * size_of::<RowFault>()
    }

    /// Puts aside row `at` of `values`; rows with the same `lot` come back together.
    pub(super) fn push<'v, 's: 'v>(
        &mut self,
        lot: u64,
        values: impl Iterator<Item = &'v Vector<'s>>,
        at: usize,
    ) -> Result<(), StorageError> {
        let Put { scratch, faults, .. } = &mut self.rows;
        self.row.clear();
        for values in values {
            if let Some(fault) = values.fault(at) {
                if faults.last() != Some(fault) {
                    faults.push(fault.clone());
                }
                self.row.push(FAULTY);
                self.row.extend_from_slice(&(faults.len() as u32 - 1).to_le_bytes());
                continue;
            }
            match values.cell(at) {
                None => self.row.push(ABSENT),
                Some(cell) => {
                    self.row.push(PRESENT);
                    if values.ty().width().is_none() {
                        self.row.extend_from_slice(&(cell.len() as u32).to_le_bytes());
                    }
                    self.row.extend_from_slice(cell);
                }
            }
        }
        let Partition { buffer, runs } = &mut self.all[(lot % PARTITIONS) as usize];
        buffer.extend_from_slice(&(self.row.len() as u32).to_le_bytes());
        buffer.extend_from_slice(&self.row);
        let room = scratch.block_room();
        if buffer.len() >= room {
            let whole = buffer.len() / room * room;
            let mut writer = scratch.write();
            writer.append(scratch, &buffer[..whole])?;
            runs.push(writer.finish(scratch)?);
            buffer.drain(..whole);
            // A long row would keep its room for good.
            if buffer.capacity() > 4 * room {
                buffer.shrink_to(room);
            }
        }
        Ok(())
    }

    /// All rows, to come back.
    pub(super) fn finish(mut self) -> Returning {
        if planted::is(Bug::PartitionLost) {
            self.all[0] = Partition::default();
        }
        Returning { rows: Rc::new(self.rows), left: self.all }
    }
}

/// Partitions that come back.
pub(super) struct Returning {
    rows: Rc<Put>,
    left: Vec<Partition>,
}

impl Returning {
    /// The bytes that were put aside.
    pub(super) fn bytes(&self) -> u64 {
        self.rows.scratch.bytes()
    }

    /// The next partition that has rows, and its number; `None` when there is none left.
    pub(super) fn take(&mut self) -> Option<(usize, Rows)> {
        while let Some(partition) = self.left.pop() {
            if !partition.buffer.is_empty() || !partition.runs.is_empty() {
                return Some((self.left.len(), Rows::new(Rc::clone(&self.rows), partition)));
            }
        }
        None
    }

    /// The partition with this number, and no other than those before it from now on.
    pub(super) fn take_at(&mut self, number: usize) -> Rows {
        self.left.truncate(number + 1);
        Rows::new(Rc::clone(&self.rows), self.left.pop().unwrap_or_default())
    }
}

/// The rows of a partition, in the order in which they came.
pub(super) struct Rows {
    put: Rc<Put>,
    runs: alloc::vec::IntoIter<Run>,
    reader: Option<RunReader>,
    /// What was not put aside, and how much of it has been read.
    rest: Vec<u8>,
    read: usize,
    /// The row.
    bytes: Vec<u8>,
}

impl Rows {
    fn new(put: Rc<Put>, partition: Partition) -> Rows {
        let Partition { buffer, runs } = partition;
        Rows { put, runs: runs.into_iter(), reader: None, rest: buffer, read: 0, bytes: Vec::new() }
    }

    /// The same rows once more. None may have been read.
    pub(super) fn again(&self) -> Rows {
        let (put, runs, rest) = (Rc::clone(&self.put), self.runs.clone(), self.rest.clone());
        Rows { put, runs, reader: None, rest, read: 0, bytes: Vec::new() }
    }

    /// The values of the next rows; `None` at the end.
    pub(super) fn values<'s>(&mut self) -> Result<Option<Vec<Vector<'s>>>, ExecError> {
        let put = Rc::clone(&self.put);
        let Put { types, faults, .. } = &*put;
        let mut columns: Vec<Column> = types.iter().map(|_| Column::default()).collect();
        let (mut rows, mut bytes) = (0, 0);
        while rows < GATHERED_MAX && bytes < BATCH_BYTES_MAX && self.advance()? {
            let mut row = &self.bytes[..];
            for (column, ty) in columns.iter_mut().zip(types) {
                column.read(*ty, &mut row, rows, faults);
            }
            rows += 1;
            bytes += self.bytes.len();
        }
        let vectors = columns.into_iter().zip(types).map(|(column, ty)| column.vector(*ty, rows));
        Ok((rows > 0).then(|| vectors.collect()))
    }

    /// Goes to the next row; false at the end.
    fn advance(&mut self) -> Result<bool, StorageError> {
        self.bytes.clear();
        if !self.read(4)? {
            return Ok(false);
        }
        let len = number(&self.bytes) as usize;
        self.bytes.clear();
        let all = self.read(len)?;
        assert!(all, "a row of {len} bytes is whole in its partition");
        Ok(true)
    }

    /// Appends the next `len` bytes; false at the end.
    fn read(&mut self, mut len: usize) -> Result<bool, StorageError> {
        while len > 0 {
            match &mut self.reader {
                Some(reader) if !reader.is_at_end() => {
                    let part = usize::try_from(reader.left()).unwrap_or(usize::MAX).min(len);
                    reader.read(&self.put.scratch, part, &mut self.bytes)?;
                    len -= part;
                    continue;
                }
                reader => *reader = self.runs.next().map(RunReader::new),
            }
            if self.reader.is_none() {
                let Some(rest) = self.rest[self.read..].get(..len) else { return Ok(false) };
                self.bytes.extend_from_slice(rest);
                self.read += len;
                return Ok(true);
            }
        }
        Ok(true)
    }
}

/// The rows of a partition, with their values as these.
pub(super) struct Replayed {
    pub(super) rows: Rows,
    pub(super) columns: Box<[Computed]>,
}

impl<'s> Operator<'s> for Replayed {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        env.check()?;
        let Some(values) = self.rows.values()? else { return Ok(false) };
        batch.reset(values.first().map_or(0, Vector::len));
        for (column, values) in self.columns.iter().zip(values) {
            batch.set_computed(*column, values);
        }
        Ok(true)
    }

    fn expect(&mut self, _: usize) {}
}

/// Values that come back.
#[derive(Default)]
struct Column {
    bytes: Vec<u8>,
    /// Where each cell ends, when they vary in width.
    ends: Vec<u32>,
    nulls: Vec<bool>,
    faults: Vec<(u32, RowFault)>,
}

impl Column {
    /// Takes a value from the front of `bytes`, that of row `at`.
    fn read(&mut self, ty: Type, bytes: &mut &[u8], at: usize, faults: &[RowFault]) {
        let mut take = |len: usize| {
            let (taken, rest) = bytes.split_at(len);
            *bytes = rest;
            taken
        };
        let kind = take(1)[0];
        match kind {
            PRESENT => {
                let len = ty.width().unwrap_or_else(|| number(take(4)) as usize);
                self.bytes.extend_from_slice(take(len));
            }
            _ => {
                if kind == FAULTY {
                    self.faults.push((at as u32, faults[number(take(4)) as usize].clone()));
                }
                self.bytes.resize(self.bytes.len() + ty.width().unwrap_or(0), 0);
            }
        }
        if ty.width().is_none() {
            self.ends.push(self.bytes.len() as u32);
        }
        self.nulls.push(kind != PRESENT);
    }

    fn vector<'s>(self, ty: Type, rows: usize) -> Vector<'s> {
        let Column { bytes, ends, nulls, faults } = self;
        let cells = if ty.width().is_some() { Cells::Fixed(bytes) } else { Cells::Owned { bytes, ends } };
        let mut vector = Vector::new(ty, rows, cells, nulls.contains(&true).then_some(nulls));
        vector.faults = faults;
        vector
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"))
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::engine::exec::table::lot;
    use crate::storage::vfs::{MemoryVfs, Vfs};
    use crate::value::Scalar;

    #[test]
    fn rows_come_back_once_each_and_those_of_a_key_together_and_in_order() {
        let file = MemoryVfs::new().temporary("music").expect("memory").expect("a file");
        let types = Vec::from([Type::String, Type::I64, Type::Bool]);
        let mut partitions = Partitions::over(Scratch::of_file(file, "music", 128), types.clone());
        let text = |n: usize| match n % 7 {
            0 => Scalar::Null,
            // Longer than several blocks, now and then.
            length => Scalar::String(
                "x".repeat(if n.is_multiple_of(101) { 500 } else { length }) + &format!("{}", n % 40),
            ),
        };
        let rows = 3000;
        for n in 0..rows {
            let values = [
                Vector::constant(Type::String, &text(n), 2),
                Vector::constant(Type::I64, &Scalar::Int(n as i128), 2),
                Vector::constant(
                    Type::Bool,
                    &if n.is_multiple_of(3) { Scalar::Null } else { Scalar::Bool(true) },
                    2,
                ),
            ];
            let mut key = Vec::new();
            values[0].append_key(0, &mut key);
            partitions.push(lot(&key, 1), values.iter(), 1).expect("room");
        }
        assert!(partitions.bytes() > 10_000);
        let (mut found, mut taken) = (vec![false; rows], 0);
        let mut seen: Vec<Option<String>> = Vec::new();
        let mut returning = partitions.finish();
        while let Some((_, mut of)) = returning.take() {
            taken += 1;
            let (mut last, mut here) = (None, Vec::new());
            while let Some(vectors) = of.values().expect("sound") {
                for row in 0..vectors[0].len() {
                    let Scalar::Int(n) =
                        Scalar::from_cell(Type::I64, vectors[1].cell(row)).expect("a number")
                    else {
                        panic!("it was never absent")
                    };
                    let n = n as usize;
                    assert!(last < Some(n) && !core::mem::replace(&mut found[n], true));
                    last = Some(n);
                    assert_eq!(Scalar::from_cell(Type::String, vectors[0].cell(row)), Some(text(n)));
                    assert_eq!(vectors[2].is_null(row), n.is_multiple_of(3));
                    let of_row = if let Scalar::String(text) = text(n) { Some(text) } else { None };
                    assert!(!seen.contains(&of_row), "{of_row:?} was in another partition");
                    here.push(of_row);
                }
            }
            seen.append(&mut here);
        }
        assert!(found.iter().all(|found| *found) && taken > 10, "{taken} partitions");
    }
}
