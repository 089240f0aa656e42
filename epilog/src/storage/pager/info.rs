//! [`FileInfo`]: what the newest header says of the file.

use alloc::string::String;

use super::open::read_free_map;
use super::{Pager, header};
use crate::storage::StorageError;

/// What the newest header says of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// The version of the file's format.
    pub format: u16,
    /// The database's id.
    pub database: [u8; 16],
    /// The number of the last checkpoint.
    pub checkpoint: u64,
    /// The last commit that the file alone has.
    pub commit: u64,
    /// Whether the file alone is the database.
    pub is_clean: bool,
    /// The file's length in bytes, as its header has it.
    pub file_bytes: u64,
    /// The bytes within that are free, or will be after the next checkpoint; `None` when the free map cannot be read.
    pub free_bytes: Option<u64>,
    /// Whether images may be compressed.
    pub is_compressed: bool,
    /// The journal's path.
    pub journal: String,
    /// Its length in bytes; `None` when there is none.
    pub journal_bytes: Option<u64>,
}

impl Pager {
    /// What the newest header says of the file; `None` in memory, and before the first commit.
    ///
    /// # Errors
    ///
    /// When the file system fails.
    pub fn file_info(&self) -> Result<Option<FileInfo>, StorageError> {
        let (Some(images), Some(store)) = (&self.shared.images, &self.shared.store) else { return Ok(None) };
        let state = store.state.lock();
        if state.is_new {
            return Ok(None);
        }
        let newest = &state.header;
        let blocks = |runs: &super::free::Runs| runs.iter().map(|(_, len)| len).sum::<u64>();
        let free = read_free_map(images, newest).ok();
        let free =
            free.map(|free| (blocks(&free.blocks) + blocks(&free.pending_blocks)) * newest.block_len as u64);
        let journal = store.journal_path.clone();
        let journal_bytes = match store.vfs.exists(&journal)? {
            true => Some(store.vfs.open(&journal, crate::storage::vfs::OpenMode::Read)?.len()?),
            false => None,
        };
        Ok(Some(FileInfo {
            format: header::FORMAT_VERSION,
            database: newest.database,
            checkpoint: newest.checkpoint,
            commit: newest.commit,
            is_clean: newest.clean,
            file_bytes: newest.file_len,
            free_bytes: free,
            is_compressed: newest.has_compressed,
            journal,
            journal_bytes,
        }))
    }
}
