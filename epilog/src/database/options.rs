//! [`Options`]: how a database is opened.

use crate::storage::pager::{Durability, PagerOptions};

/// How a database is opened. The defaults are the safe ones.
#[derive(Debug, Clone)]
pub struct Options {
    pub(super) durability: Durability,
    read_only: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { durability: Durability::Immediate, read_only: false }
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
        self.read_only = read_only;
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
        PagerOptions { read_only: self.read_only, ..PagerOptions::default() }
    }
}
