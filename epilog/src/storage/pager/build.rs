//! [`FileBuilder`]: writes a whole database file from pages, in one go and without a journal.
//!
//! A file that is being built begins with a marker where a header would be, and has no header. Images follow each other
//! without gaps; then come the page map and the free map, and the file is synced. Only then is the header of checkpoint 1
//! written and synced, and the marker taken away. So whenever the power goes, the file is either the whole database, or one
//! that says that it is unfinished.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::compression::{Compression, Compressor};
use super::free::FreeMap;
use super::header::{HEADER_BLOCKS, HEADER_LEN, Header, UNFINISHED};
use super::image;
use super::map::{MapEntry, PageMap};
use super::{CommitNumber, Pager};
use crate::ordered::BTreeMap;
use crate::storage::journal::path_beside;
use crate::storage::page::PageNumber;
use crate::storage::vfs::{OpenMode, Vfs, VfsFile};
use crate::storage::{StorageError, StorageFault};

/// Images are written together, up to so many bytes.
const BATCH_LEN: usize = 1 << 20;

/// The checkpoint that a built file is of.
const CHECKPOINT: u64 = 1;

/// A database file that is being built.
pub struct FileBuilder {
    vfs: Arc<dyn Vfs>,
    path: String,
    file: Box<dyn VfsFile>,
    block_len: usize,
    compressor: Compressor,
    /// The block behind all that was added.
    end: u64,
    batch: Vec<u8>,
    entries: BTreeMap<u32, MapEntry>,
    is_finished: bool,
}

impl Pager {
    /// The database's id; zeros in memory, and before the first commit.
    pub fn database_id(&self) -> [u8; 16] {
        self.shared.store.as_ref().map_or([0; 16], |store| store.state.lock().header.database)
    }
}

impl FileBuilder {
    /// Begins a file with blocks of `block_len` bytes and images of `compression` at `path`, where neither a file nor a
    /// journal may be.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Exists`]; whatever the file system refuses.
    pub fn create(
        vfs: Arc<dyn Vfs>,
        path: &str,
        block_len: usize,
        compression: Compression,
    ) -> Result<FileBuilder, StorageError> {
        for path in [String::from(path), path_beside(path)] {
            if vfs.exists(&path)? {
                return Err(StorageFault::Exists { path }.into());
            }
        }
        let file = vfs.open(path, OpenMode::Create)?;
        let builder = FileBuilder {
            vfs,
            path: path.into(),
            file,
            block_len,
            compressor: Compressor::new(compression, block_len),
            end: HEADER_BLOCKS,
            batch: Vec::new(),
            entries: BTreeMap::new(),
            is_finished: false,
        };
        builder.file.lock()?;
        builder.file.write_at(&UNFINISHED, 0)?;
        // An empty file would be taken for a new database.
        builder.file.sync_data()?;
        Ok(builder)
    }

    /// Adds page `number`; each once.
    ///
    /// # Errors
    ///
    /// When writing fails.
    pub fn add(&mut self, number: PageNumber, page: &[u8]) -> Result<(), StorageError> {
        let entry = self.append(page)?;
        let before = self.entries.insert(number.0, entry);
        assert!(before.is_none(), "page {number} was added twice");
        Ok(())
    }

    /// The bytes of a block: pages have a multiple of it.
    pub fn block_len(&self) -> usize {
        self.block_len
    }

    /// The pages and bytes added so far.
    pub fn len(&self) -> (u64, u64) {
        (self.entries.len() as u64, self.end * self.block_len as u64)
    }

    /// Makes the file the database `database` as of `commit`, durably; a database id of zeros stands for a new one. Returns
    /// the length of the file.
    ///
    /// # Errors
    ///
    /// When writing or syncing fails.
    pub fn finish(mut self, mut database: [u8; 16], commit: CommitNumber) -> Result<u64, StorageError> {
        if database == [0; 16] {
            self.vfs.entropy(&mut database);
        }
        let entries = core::mem::take(&mut self.entries);
        let next_page = entries.last_key_value().map_or(1, |(number, _)| number + 1);
        let mut update =
            PageMap::new(MapEntry::NONE, 1, self.block_len).prepare(&entries, next_page, &mut |_| {
                Err(StorageError::damage("page map", "a new map has no pages to be read"))
            })?;
        for (level, index, _) in update.work() {
            let bytes = update.image(level, index, self.end, CHECKPOINT);
            self.push(&bytes)?;
        }
        let mut free = FreeMap::default();
        let mut expected = 1;
        for &number in entries.keys() {
            free.numbers.insert(expected, u64::from(number) - expected);
            expected = u64::from(number) + 1;
        }
        let run = FreeMap::blocks_for(free.count(), self.block_len);
        let mut bytes = free.encode(run, self.block_len);
        let crc = image::seal(&mut bytes, CHECKPOINT);
        let free = MapEntry::new(self.end, run as u32, crc, CHECKPOINT);
        self.push(&bytes)?;
        self.flush()?;
        let file_len = self.end * self.block_len as u64;
        let header = Header {
            next_page,
            has_compressed: entries.values().any(MapEntry::is_compressed),
            commit: commit.0,
            file_len,
            map: update.root(),
            free,
            ..Header::first(database, self.block_len)
        };
        assert_eq!(header.checkpoint, CHECKPOINT, "images are of the header's checkpoint");
        self.file.sync_data()?;
        self.vfs.sync_directory(&self.path)?;
        header.write(&*self.file)?;
        self.file.sync_data()?;
        self.file.write_at(&[0; HEADER_LEN], 0)?;
        self.file.sync_data()?;
        self.is_finished = true;
        Ok(file_len)
    }

    fn append(&mut self, page: &[u8]) -> Result<MapEntry, StorageError> {
        let compressed = self.compressor.compress(page);
        let is_compressed = compressed.is_some();
        let mut bytes = compressed.unwrap_or(page).to_vec();
        let crc = image::seal(&mut bytes, CHECKPOINT);
        let run = (bytes.len() / self.block_len) as u32;
        let entry = MapEntry::new(self.end, run, crc, CHECKPOINT).compressed(is_compressed);
        self.push(&bytes)?;
        Ok(entry)
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        debug_assert!(bytes.len().is_multiple_of(self.block_len), "images are blocks");
        self.batch.extend_from_slice(bytes);
        self.end += (bytes.len() / self.block_len) as u64;
        if self.batch.len() >= BATCH_LEN { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        let start = self.end * self.block_len as u64 - self.batch.len() as u64;
        self.file.write_at(&self.batch, start)?;
        self.batch.clear();
        Ok(())
    }
}

impl Drop for FileBuilder {
    /// Removes a file that was not finished. Should that fail, the file says what it is.
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = self.vfs.remove(&self.path);
        }
    }
}
