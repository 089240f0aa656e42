//! The virtual file system: bytes, sync, lock, clock, entropy; temporary files, which are nobody else's. Everything non-deterministic is behind it, which is what
//! makes a simulation of crashes possible.
//!
//! Implement [`Vfs`] to keep a database somewhere else; the rules a file must keep are given with [`VfsFile`].

use alloc::boxed::Box;
use alloc::string::String;

#[cfg(feature = "std")]
pub mod file;
pub mod memory;

#[cfg(feature = "std")]
pub use file::FileVfs;
pub use memory::MemoryVfs;

/// Nanoseconds of the clock of a database that has no file system; without `std` there is none, and it stands still.
#[cfg(not(feature = "small"))]
pub(crate) fn monotonic_ns() -> u64 {
    #[cfg(feature = "std")]
    return file::monotonic_ns();
    #[cfg(not(feature = "std"))]
    0
}

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenMode {
    /// It must exist; it is not written to.
    Read,
    /// It must exist.
    ReadWrite,
    /// It is made when it does not exist.
    Create,
}

/// What a file system can fail with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VfsError {
    /// There is no such file.
    #[error("there is no file `{path}`")]
    NotFound {
        /// The file.
        path: String,
    },
    /// Another process, or another handle of this one, has it open.
    #[error("`{path}` is open elsewhere{}: close it there first", holder.map_or_else(String::new, |pid| format!(" (process {pid})")))]
    Locked {
        /// The file.
        path: String,
        /// The process that holds the lock, when it could be found out.
        holder: Option<u32>,
    },
    /// No space is left.
    #[error("no space left for `{path}`: nothing was lost; free some space and try again")]
    Full {
        /// The file.
        path: String,
    },
    /// Fewer bytes were there than asked for.
    #[error("`{path}` ends at byte {len}, before byte {wanted}")]
    UnexpectedEnd {
        /// The file.
        path: String,
        /// Its length in bytes.
        len: u64,
        /// The end of the range asked for.
        wanted: u64,
    },
    /// Anything else.
    #[error("cannot {operation} `{path}`: {reason}")]
    Io {
        /// The file.
        path: String,
        /// "read", "write", "sync", …
        operation: &'static str,
        /// What the operating system said.
        reason: String,
    },
}

/// A file system.
///
/// [`FileVfs`] is the operating system's, [`MemoryVfs`] one in memory; another is given to
/// [`Database::open_in`](crate::Database::open_in). Paths are texts that mean what the implementation makes of them; a
/// database at `path` keeps its journal at `path` with `-journal` at its end. The library is as deterministic as this
/// trait: given the same answers, it makes the same calls.
///
/// # Examples
///
/// One that hands on to another, and counts syncs:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use epilog::vfs::{MemoryVfs, OpenMode, Vfs, VfsError, VfsFile};
#[doc = include_str!("../../example.txt")]
///
/// #[derive(Clone, Default)]
/// struct Counting {
///     files: MemoryVfs,
///     syncs: Arc<AtomicU64>,
/// }
///
/// struct Counted(Box<dyn VfsFile>, Arc<AtomicU64>);
///
/// impl Vfs for Counting {
///     fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError> {
///         Ok(Box::new(Counted(self.files.open(path, mode)?, Arc::clone(&self.syncs))))
///     }
///     fn exists(&self, path: &str) -> Result<bool, VfsError> {
///         self.files.exists(path)
///     }
///     fn remove(&self, path: &str) -> Result<(), VfsError> {
///         self.files.remove(path)
///     }
///     fn sync_directory(&self, path: &str) -> Result<(), VfsError> {
///         self.files.sync_directory(path)
///     }
///     fn temporary(&self, path: &str) -> Result<Option<Box<dyn VfsFile>>, VfsError> {
///         self.files.temporary(path) // nothing of them is synced
///     }
///     fn now_ns(&self) -> u64 {
///         self.files.now_ns()
///     }
///     fn entropy(&self, buffer: &mut [u8]) {
///         self.files.entropy(buffer);
///     }
/// }
///
/// impl VfsFile for Counted {
///     fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError> {
///         self.0.read_at(buffer, offset)
///     }
///     fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
///         self.0.write_at(bytes, offset)
///     }
///     fn sync_data(&self) -> Result<(), VfsError> {
///         self.1.fetch_add(1, Ordering::Relaxed);
///         self.0.sync_data()
///     }
///     fn len(&self) -> Result<u64, VfsError> {
///         self.0.len()
///     }
///     fn set_len(&self, len: u64) -> Result<(), VfsError> {
///         self.0.set_len(len)
///     }
///     fn lock(&self) -> Result<(), VfsError> {
///         self.0.lock()
///     }
/// }
///
/// let files = Counting::default();
/// let db: Database<Music> = Database::open_in(Arc::new(files.clone()), "music", &Options::default())?;
/// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
/// let before = files.syncs.load(Ordering::Relaxed);
/// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Venom".into() }))?;
/// assert_eq!(files.syncs.load(Ordering::Relaxed) - before, 1); // one a commit
/// # Ok::<(), Error>(())
/// ```
pub trait Vfs: Send + Sync {
    /// Opens a file. An existing one is never cut.
    ///
    /// # Errors
    ///
    /// [`VfsError::NotFound`] when there is none, unless `mode` is [`OpenMode::Create`]; whatever the system refuses.
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError>;

    /// Whether a file exists.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    fn exists(&self, path: &str) -> Result<bool, VfsError>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// [`VfsError::NotFound`] when it does not exist; whatever the system refuses.
    fn remove(&self, path: &str) -> Result<(), VfsError>;

    /// Makes the creation and removal of files beside `path` durable.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    fn sync_directory(&self, path: &str) -> Result<(), VfsError>;

    /// Nanoseconds of a monotonic clock, from any beginning.
    fn now_ns(&self) -> u64;

    /// Fills `buffer` with unpredictable bytes: database ids and salts.
    fn entropy(&self, buffer: &mut [u8]);

    /// Makes a file without a name, empty, to be read and written and gone when it is dropped, or the process is: what a
    /// query has to put aside for a while. It is never synced, and not looked for after a crash. `path` is the database's,
    /// on whose disk it belongs. `None`, unless overridden: there are no such files, and queries keep in memory what they
    /// would put there.
    ///
    /// # Errors
    ///
    /// Whatever the system refuses.
    fn temporary(&self, path: &str) -> Result<Option<Box<dyn VfsFile>>, VfsError> {
        let _ = path;
        Ok(None)
    }

    /// The memory that this process may use, in bytes, where that is known: what the size of the page cache is made from
    /// when the program does not say. Unless overridden it is not known.
    fn memory_bytes(&self) -> Option<u64> {
        None
    }
}

/// An open file.
///
/// A write is durable after [`sync_data`](VfsFile::sync_data) returned without error, never before; until then, each
/// 512-byte sector of it may or may not survive a crash, independently. After a failed sync nothing unsynced is assumed
/// to be there, whatever later syncs say. Threads share a file: reads and writes of different ranges may come at once.
///
/// # Examples
///
/// ```
/// use epilog::vfs::{MemoryVfs, OpenMode, Vfs, VfsError};
///
/// let file = MemoryVfs::new().open("a", OpenMode::Create)?;
/// file.write_at(b"world", 6)?;
/// file.write_at(b"hello", 0)?;
/// file.sync_data()?;
/// let mut bytes = [0; 11];
/// file.read_at(&mut bytes, 0)?;
/// assert_eq!(&bytes, b"hello\0world"); // the gap is zeros
/// # Ok::<(), VfsError>(())
/// ```
pub trait VfsFile: Send + Sync {
    /// Reads exactly `buffer.len()` bytes from byte `offset` on.
    ///
    /// # Errors
    ///
    /// [`VfsError::UnexpectedEnd`] when the file is shorter; whatever the system reports.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError>;

    /// Writes all of `bytes` from byte `offset` on, growing the file if needed; a gap is filled with zeros.
    ///
    /// # Errors
    ///
    /// [`VfsError::Full`]; whatever the system reports. Any part may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError>;

    /// Makes everything written so far durable, the length included.
    ///
    /// # Errors
    ///
    /// Whatever the system reports; what is durable is then unknown.
    fn sync_data(&self) -> Result<(), VfsError>;

    /// The length in bytes.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    fn len(&self) -> Result<u64, VfsError>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    ///
    /// As [`len`](VfsFile::len).
    fn is_empty(&self) -> Result<bool, VfsError> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file, or grows it with zeros.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    fn set_len(&self, len: u64) -> Result<(), VfsError>;

    /// Takes the file's exclusive lock, held until the file is dropped. Does not wait.
    ///
    /// # Errors
    ///
    /// [`VfsError::Locked`] when someone else holds it.
    fn lock(&self) -> Result<(), VfsError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every implementation must do, with a file at `path` that does not exist yet.
    pub(super) fn check_contract(vfs: &dyn Vfs, path: &str) {
        assert!(!vfs.exists(path).unwrap());
        let not_found = VfsError::NotFound { path: String::from(path) };
        for mode in [OpenMode::Read, OpenMode::ReadWrite] {
            assert_eq!(vfs.open(path, mode).err(), Some(not_found.clone()), "{mode:?}");
        }
        assert_eq!(vfs.remove(path), Err(not_found));

        let file = vfs.open(path, OpenMode::Create).unwrap();
        assert!(vfs.exists(path).unwrap());
        vfs.sync_directory(path).unwrap();
        assert!(file.is_empty().unwrap());
        file.write_at(b"world", 6).unwrap();
        file.write_at(b"hello", 0).unwrap();
        file.sync_data().unwrap();
        let mut bytes = [1; 11];
        file.read_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"hello\0world");

        let end = VfsError::UnexpectedEnd { path: String::from(path), len: 11, wanted: 12 };
        assert_eq!(file.read_at(&mut bytes, 1), Err(end));

        file.set_len(2).unwrap();
        file.set_len(4).unwrap();
        let second = vfs.open(path, OpenMode::Create).unwrap();
        let mut bytes = [1; 4];
        second.read_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"he\0\0", "an existing file is not cut, and the cut part comes back as zeros");

        let before = vfs.now_ns();
        assert!(vfs.now_ns() >= before);
        vfs.remove(path).unwrap();
        assert!(!vfs.exists(path).unwrap());
    }

    /// What temporary files for a database at `path` must do, where there are any.
    pub(super) fn check_temporary(vfs: &dyn Vfs, path: &str) {
        let temporary = || vfs.temporary(path).unwrap().expect("a file system with temporary files");
        let (first, second) = (temporary(), temporary());
        assert!(first.is_empty().unwrap());
        first.write_at(b"first", 3).unwrap();
        second.write_at(b"second", 0).unwrap();
        let mut bytes = [1; 8];
        first.read_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"\0\0\0first");
        assert_eq!(second.len().unwrap(), 6);
        assert!(!vfs.exists(path).unwrap(), "it is another file than the database");
    }
}
