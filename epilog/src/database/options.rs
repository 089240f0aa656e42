//! [`Options`]: how a database is opened.

use crate::storage::pager::{Durability, PagerOptions};

/// How a database is opened. The defaults are the safe ones.
#[derive(Debug, Clone)]
pub struct Options {
    pub(super) durability: Durability,
    pager: PagerOptions,
}

impl Default for Options {
    fn default() -> Options {
        Options { durability: Durability::Immediate, pager: PagerOptions::default() }
    }
}

impl Options {
    /// What a commit waits for. Default: [`Durability::Immediate`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Options {
        self.durability = durability;
        self
    }

    /// Opens the file for reading only: it must exist, and is never written to, not even to recover. Default: false.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Options {
        self.pager.read_only = read_only;
        self
    }

    /// The length of a journal segment in bytes, rounded up to a multiple of 4,096 from 8,192 to 2^30. Default: 1 MiB. A journal has at
    /// least two, written with zeros when it is made.
    #[must_use]
    pub fn journal_segment_len(mut self, bytes: u32) -> Options {
        // The closest length that a journal can have.
        self.pager.journal.segment_len = bytes.clamp(8192, 1 << 30).next_multiple_of(4096);
        self
    }

    /// After how many bytes of changed pages a commit is followed by a checkpoint. Default: 32 MiB. More makes checkpoints
    /// rarer, recovery and closing longer.
    #[must_use]
    pub fn checkpoint_after(mut self, bytes: u64) -> Options {
        self.pager.checkpoint_dirty_bytes = bytes;
        self
    }

    /// Opens the database in file `path` with these options; see [`Database::open`](super::Database::open).
    ///
    /// # Errors
    ///
    /// As [`Database::open`](super::Database::open).
    #[cfg(feature = "std")]
    pub fn open<D: crate::Schema>(
        &self,
        path: impl AsRef<std::path::Path>,
    ) -> Result<super::Database<D>, crate::Error> {
        use crate::storage::vfs::FileVfs;
        let path = path.as_ref();
        let text = path.to_str().ok_or_else(|| crate::storage::vfs::VfsError::Io {
            path: path.to_string_lossy().into_owned(),
            operation: "open",
            reason: alloc::string::String::from("its name is not Unicode: rename it"),
        });
        let text = text.map_err(crate::storage::StorageError::from)?;
        super::Database::open_in(alloc::sync::Arc::new(FileVfs), text, self)
    }

    pub(super) fn pager(&self) -> PagerOptions {
        self.pager
    }
}
