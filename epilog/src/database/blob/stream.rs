//! A blob's writer and reader as the standard library's streams.
//!
//! Their errors are wrapped: [`Error::into_inner`] gives the [`epilog::Error`](crate::Error) back.

use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};

use super::{BlobReader, BlobWriter};

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        BlobWriter::write_all(self, bytes).map_err(Error::other)?;
        Ok(bytes.len())
    }

    /// Does nothing: bytes are durable with the transaction's commit.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Read for BlobReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let len = self.read_at(self.position, out).map_err(Error::other)?;
        self.position += len as u64;
        Ok(len)
    }
}

impl Seek for BlobReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.blob().len().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let before = || Error::new(ErrorKind::InvalidInput, "a position before the blob's first byte");
        self.position = position.ok_or_else(before)?;
        Ok(self.position)
    }
}
