//! [`BlobWriter`] and [`BlobReader`]: the bytes of a [`Blob`], a piece at a time.

#[cfg(feature = "std")]
mod stream;

use core::fmt;

use crate::Error;
use crate::storage::StorageError;
use crate::storage::facade::Reading;
use crate::storage::streamed::Chunks;
use crate::storage::writer::{BlobDraft, Writer};
use crate::value::Blob;

/// Writes the bytes of a new [`Blob`], in the transaction it was made by.
///
/// Made by [`WriteTransaction::blob_writer`](super::WriteTransaction::blob_writer). Holds at most one
/// [chunk](super::Options::blob_chunk) of what was written to it; the rest is the transaction's. With `std` it is an [`io::Write`](std::io::Write), so that
/// [`io::copy`](std::io::copy) can fill it from a file or a socket.
///
/// # Examples
///
/// ```
/// use epilog::prelude::*;
///
/// #[derive(Collection)]
/// struct Song {
///     id: Id<Song>,
///     sound: Blob,
/// }
///
/// epilog::schema!(Songs { Song });
///
/// let db = Songs::in_memory()?;
/// let id = db.write(|tx| {
///     let mut file = std::io::Cursor::new(vec![7; 1_000_000]); // or std::fs::File
///     let mut writer = tx.blob_writer();
///     std::io::copy(&mut file, &mut writer).map_err(Error::custom)?;
///     let sound = writer.finish()?;
///     tx.insert(&Song { id: Id::auto(), sound })
/// })?;
/// assert_eq!(db.get::<Song>(id)?.map(|song| song.sound.len()), Some(1_000_000));
/// # Ok::<(), Error>(())
/// ```
#[must_use = "its bytes are no record's: `finish` it, and insert or update a record with the blob"]
pub struct BlobWriter<'t> {
    /// Erases the transaction's own lifetime.
    sink: &'t mut (dyn Sink + 't),
    draft: BlobDraft,
}

impl<'t> BlobWriter<'t> {
    pub(super) fn new(writer: &'t mut Writer<'_>, chunk_len: usize) -> BlobWriter<'t> {
        BlobWriter { draft: BlobDraft::new(writer, chunk_len), sink: writer }
    }

    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// [`Full`](crate::ErrorKind::Full) and [`Io`](crate::ErrorKind::Io) when there is no room for them. The transaction
    /// cannot commit then.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.sink.write(&mut self.draft, bytes)?)
    }

    /// How many bytes were written so far.
    #[expect(clippy::len_without_is_empty, reason = "a count of what was done, not a container")]
    pub fn len(&self) -> u64 {
        self.draft.len()
    }

    /// Ends the blob. Insert or update a record with it, in this transaction: the commit removes what no record has.
    ///
    /// A writer that is dropped instead leaves nothing behind.
    ///
    /// # Errors
    ///
    /// As [`write_all`](BlobWriter::write_all).
    pub fn finish(self) -> Result<Blob, Error> {
        Ok(self.sink.finish(self.draft)?)
    }
}

impl fmt::Debug for BlobWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobWriter").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Where a blob is written to.
trait Sink {
    fn write(&mut self, draft: &mut BlobDraft, bytes: &[u8]) -> Result<(), StorageError>;
    fn finish(&mut self, draft: BlobDraft) -> Result<Blob, StorageError>;
}

impl Sink for Writer<'_> {
    fn write(&mut self, draft: &mut BlobDraft, bytes: &[u8]) -> Result<(), StorageError> {
        draft.write(self, bytes)
    }

    fn finish(&mut self, draft: BlobDraft) -> Result<Blob, StorageError> {
        draft.finish(self)
    }
}

/// Reads the bytes of a [`Blob`], as its transaction sees them.
///
/// Made by [`ReadTransaction::blob_reader`](super::ReadTransaction::blob_reader), whose snapshot keeps the bytes however
/// long the reading takes and whatever becomes of the record, and by
/// [`WriteTransaction::blob_reader`](super::WriteTransaction::blob_reader). Holds no bytes itself. With `std` it is an
/// [`io::Read`](std::io::Read) and [`io::Seek`](std::io::Seek), which begin at the first byte.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Seek, SeekFrom};
///
/// use epilog::prelude::*;
///
/// #[derive(Collection)]
/// struct Song {
///     id: Id<Song>,
///     sound: Blob,
/// }
///
/// epilog::schema!(Songs { Song });
///
/// let db = Songs::in_memory()?;
/// let id = db.write(|tx| {
///     let mut writer = tx.blob_writer();
///     writer.write_all(b"la la la")?;
///     let sound = writer.finish()?;
///     tx.insert(&Song { id: Id::auto(), sound })
/// })?;
///
/// let tx = db.read()?;
/// let song: Song = tx.get(id)?.expect("inserted above");
/// let mut reader = tx.blob_reader(song.sound)?;
/// db.write(|tx| tx.delete_key::<Song>(id))?; // the snapshot still has it
///
/// let mut text = String::new();
/// reader.seek(SeekFrom::End(-5)).and_then(|_| reader.read_to_string(&mut text)).map_err(Error::custom)?;
/// assert_eq!(text, "la la");
/// assert_eq!(db.read()?.blob_reader(song.sound).unwrap_err().kind(), ErrorKind::NotFound);
/// # Ok::<(), Error>(())
/// ```
pub struct BlobReader<'t> {
    source: &'t dyn Reading,
    chunks: Chunks,
    #[cfg(feature = "std")]
    position: u64,
}

impl<'t> BlobReader<'t> {
    pub(super) fn new(source: &'t dyn Reading, blob: Blob) -> Result<BlobReader<'t>, Error> {
        let chunks = source.operation().view().find_blob(blob)?;
        Ok(BlobReader {
            source,
            chunks,
            #[cfg(feature = "std")]
            position: 0,
        })
    }

    /// The blob.
    pub fn blob(&self) -> Blob {
        self.chunks.blob()
    }

    /// Reads into `out` what the blob has from byte `offset` on, and returns how many bytes that was: fewer than asked for
    /// only at the blob's end, 0 behind it.
    ///
    /// Any part is found by one descent of a tree.
    ///
    /// # Errors
    ///
    /// [`Corruption`](crate::ErrorKind::Corruption) when a part of the blob is damaged, [`Io`](crate::ErrorKind::Io) when
    /// it cannot be read.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, Error> {
        let mut done = 0;
        while done < out.len() {
            let Some(at) = offset.checked_add(done as u64) else { break };
            // An operation for each chunk: memory then holds no more than one.
            let operation = self.source.operation();
            match operation.view().read_blob(&self.chunks, at, &mut out[done..])? {
                0 => break,
                len => done += len,
            }
        }
        Ok(done)
    }
}

impl fmt::Debug for BlobReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader").field("blob", &self.blob()).finish_non_exhaustive()
    }
}
