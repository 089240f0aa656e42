//! Blobs: values of any length that lie outside their record and are read and written a piece at a time.
//!
//! (Elsewhere in storage *blob* is the variable part of a record on its page. Here, and in the module of the same name
//! below `writer`, it is what a [`Blob`] names.)
//!
//! A blob's bytes are *chunks*, records of the catalog's collection 5. Their rank is `number << 64 | chunk`, the chunks of a
//! blob counting from 0, so that they lie behind each other in the tree.
//!
//! - All chunks of a blob but the last have the length of the first. The last one is no longer; none is empty.
//! - The lengths of a blob's chunks add up to its length.
//! - Each chunk is of a blob that exactly one record names.
//!
//! Being records, chunks are in the journal, in checkpoints and in backups like any other, and a chunk that is longer than a
//! quarter of a leaf lies on a page of its own. `chunk_len` makes that page a whole number of blocks, without waste. How
//! long chunks are is the writer's choice, for each blob: readers go by the first.

use alloc::string::String;
use alloc::vec::Vec;

use super::catalog::system::CHUNKS;
use super::facade::{Direction, View};
use super::page::{BLOCK_LEN, PAGE_HEADER_LEN};
use super::records::{FieldCell, RecordRef};
use super::writer::VALUE_BYTES_MAX;
use super::{StorageError, StorageFault};
use crate::ordered::BTreeMap;
use crate::schema::CollectionDef;
use crate::value::Blob;

/// The bytes of a chunk whose page takes `bytes`, rounded up to whole blocks.
pub(crate) fn chunk_len(bytes: usize) -> usize {
    bytes.clamp(1, VALUE_BYTES_MAX).next_multiple_of(BLOCK_LEN) - PAGE_HEADER_LEN
}

/// The rank of a chunk.
pub(crate) const fn chunk_rank(number: u64, chunk: u64) -> u128 {
    (number as u128) << 64 | chunk as u128
}

/// The number of no blob: its chunks are what is known of the values of a collection, whose id is the chunk's number.
pub(crate) const STATISTICS_BLOB: u64 = 0;

/// Where the bytes of a blob lie, as one snapshot sees them.
#[derive(Clone, Copy, Debug)]
pub struct Chunks {
    blob: Blob,
    /// The bytes of each chunk but the last; not 0.
    len: u64,
}

impl Chunks {
    /// The blob.
    pub fn blob(&self) -> Blob {
        self.blob
    }

    /// What a chunk should have.
    fn len_of(&self, chunk: u64) -> u64 {
        self.len.min(self.blob.len() - chunk * self.len)
    }
}

impl<'s> View<'s> {
    /// Finds a blob.
    ///
    /// # Errors
    ///
    /// [`StorageFault::NoBlob`] when it is not there; [`StorageFault::Corruption`] when its first chunk has a wrong length;
    /// whatever reading pages fails with.
    pub fn find_blob(&self, blob: Blob) -> Result<Chunks, StorageError> {
        if blob.is_empty() {
            return Ok(Chunks { blob, len: 1 });
        }
        let first = self.chunk(blob, 0)?.ok_or(StorageFault::NoBlob { blob })?.len() as u64;
        if first == 0 || first > blob.len() {
            return Err(damage(blob.number(), 0, &format!("has {first} bytes, of a blob of {}", blob.len())));
        }
        Ok(Chunks { blob, len: first })
    }

    /// Reads into `out` what the blob has from `offset` on, to the end of the chunk that lies there; returns how many bytes
    /// that was, 0 at the blob's end.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Corruption`] when a chunk is missing or of a wrong length; whatever reading pages fails with.
    pub fn read_blob(&self, chunks: &Chunks, offset: u64, out: &mut [u8]) -> Result<usize, StorageError> {
        let blob = chunks.blob;
        if offset >= blob.len() {
            return Ok(0);
        }
        let chunk = offset / chunks.len;
        let bytes = self.chunk(blob, chunk)?;
        let bytes = bytes.ok_or_else(|| damage(blob.number(), chunk, "is missing"))?;
        let wanted = chunks.len_of(chunk);
        if bytes.len() as u64 != wanted {
            let problem = format!("has {} bytes instead of {wanted}", bytes.len());
            return Err(damage(blob.number(), chunk, &problem));
        }
        let bytes = &bytes[(offset % chunks.len) as usize..];
        let len = bytes.len().min(out.len());
        out[..len].copy_from_slice(&bytes[..len]);
        Ok(len)
    }

    /// The bytes of a chunk.
    fn chunk(&self, blob: Blob, chunk: u64) -> Result<Option<&'s [u8]>, StorageError> {
        let record = self.get(self.chunks(), chunk_rank(blob.number(), chunk))?;
        record.map(|record| chunk_bytes(&record)).transpose()
    }
}

fn chunk_bytes<'s>(record: &RecordRef<'s>) -> Result<&'s [u8], StorageError> {
    match record.field(&record.layout().places[usize::from(CHUNKS.bytes)])? {
        FieldCell::Borrowed(bytes) => Ok(bytes),
        FieldCell::Null | FieldCell::Owned(..) => unreachable!("a required field of bytes"),
    }
}

fn damage(number: u64, chunk: u64, problem: &str) -> StorageError {
    StorageError::damage("blob", format_args!("chunk {chunk} of blob {number} {problem}"))
}

/// Appends the blobs that a record names, without the empty one.
pub(crate) fn blobs_of(record: &RecordRef<'_>, out: &mut Vec<Blob>) -> Result<(), StorageError> {
    let layout = record.layout();
    for position in &layout.streamed {
        let cell = record.field(&layout.places[usize::from(*position)])?;
        let Some(bytes) = cell.as_cell() else { continue };
        let blob = Blob::from_cell(bytes).ok_or_else(|| {
            let rank = record.rank();
            StorageError::damage("record", format_args!("the one with rank {rank} names half a blob"))
        })?;
        if !blob.is_empty() {
            out.push(blob);
        }
    }
    Ok(())
}

/// The blobs that have chunks, by number: the bytes of each, or `None` when its chunks are not all there or of a wrong length.
///
/// The bytes themselves are not read. Takes memory for every blob.
pub(crate) fn lengths(view: View<'_>) -> Result<BTreeMap<u64, Option<u64>>, StorageError> {
    /// The chunks of the blob being looked at.
    struct Sum {
        number: u64,
        chunks: u64,
        first: u64,
        bytes: u64,
        is_sound: bool,
    }
    let mut lengths = BTreeMap::new();
    let mut sum: Option<Sum> = None;
    let mut leaves = view.leaves(view.chunks(), 0, u128::MAX, Direction::Forward)?;
    while let Some(leaf) = leaves.next_leaf()? {
        for row in 0..leaf.len() {
            let record = leaf.record(row);
            let (number, chunk) = ((record.rank() >> 64) as u64, record.rank() as u64);
            if number == STATISTICS_BLOB {
                continue;
            }
            let len = record.variable_len(&record.layout().places[usize::from(CHUNKS.bytes)])? as u64;
            let of_same = sum.take_if(|sum| sum.number == number);
            if let Some(done) = sum.take() {
                lengths.insert(done.number, done.is_sound.then_some(done.bytes));
            }
            let before = of_same.unwrap_or(Sum { number, chunks: 0, first: len, bytes: 0, is_sound: true });
            // A blob's last chunk may be short. When another follows, it was not the last.
            let follows = chunk == before.chunks && before.bytes == chunk.saturating_mul(before.first);
            sum = Some(Sum {
                chunks: before.chunks + 1,
                bytes: before.bytes + len,
                is_sound: before.is_sound && follows && len > 0 && len <= before.first,
                ..before
            });
        }
    }
    if let Some(done) = sum {
        lengths.insert(done.number, done.is_sound.then_some(done.bytes));
    }
    Ok(lengths)
}

/// Checks that records and chunks agree: every blob that a record names is there, whole, and named once, and every chunk is
/// of such a blob. Calls `report` with a sentence for each that does not; returns how many blobs the records name.
///
/// The bytes themselves are not read. Takes memory for every blob.
///
/// # Errors
///
/// Whatever reading pages fails with.
pub fn check(view: View<'_>, report: &mut dyn FnMut(String)) -> Result<u64, StorageError> {
    let mut lengths = lengths(view)?;
    let mut named: BTreeMap<u64, String> = BTreeMap::new();
    each_named(view, &mut |collection, record, blob| {
        let by = format!("the record of `{}` with rank {}", collection.name, record.rank());
        if let Some(other) = named.get(&blob.number()) {
            report(format!("{blob} is named by {other}, and by {by}"));
            return Ok(());
        }
        match lengths.remove(&blob.number()) {
            None => report(format!("{blob}, named by {by}, is not there")),
            Some(None) => {
                report(format!("{blob}, named by {by}, has a chunk missing, or one of a wrong length"))
            }
            Some(Some(len)) if len != blob.len() => {
                report(format!("{blob}, named by {by}, has {len} bytes in its chunks"));
            }
            Some(Some(_)) => {}
        }
        named.insert(blob.number(), by);
        Ok(())
    })?;
    for number in lengths.keys() {
        report(format!("there are chunks of blob {number}, which no record names"));
    }
    Ok(named.len() as u64)
}

/// Calls `then` with every blob that a record names, but the empty one.
pub(crate) fn each_named(
    view: View<'_>,
    then: &mut dyn FnMut(&CollectionDef, &RecordRef<'_>, Blob) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let mut blobs = Vec::new();
    for collection in view.catalog().collections.iter().filter(|def| !def.layout.streamed.is_empty()) {
        let mut leaves = view.leaves(collection, 0, u128::MAX, Direction::Forward)?;
        while let Some(leaf) = leaves.next_leaf()? {
            for row in 0..leaf.len() {
                let record = leaf.record(row);
                blobs_of(&record, &mut blobs)?;
                for blob in blobs.drain(..) {
                    then(collection, &record, blob)?;
                }
            }
        }
    }
    Ok(())
}
