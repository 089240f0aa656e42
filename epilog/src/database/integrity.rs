//! Whether a database is sound, and copies of it: [`check`](Database::check), [`backup`](Database::backup).
//!
//! ```
#![doc = include_str!("../example.txt")]
//! # let directory = tempfile::tempdir().expect("a directory");
//! # let path = directory.path().join("backup.epilog");
//! assert!(db.check()?.is_sound());
//! let backup = db.backup(&path)?;
//!
//! let copy = Music::open(&path)?;
//! assert_eq!(Artist::query().all(&copy)?, Artist::query().all(&db)?);
//! # Ok::<(), Error>(())
//! ```
//!
//! All of it reads a snapshot: readers and writers go on meanwhile. The functions of this module need no schema: the file
//! says itself what it holds. The program `epilog` (package `epilog-cli`) does the same from a shell.

use alloc::sync::Arc;
use core::ops::ControlFlow;

pub use crate::storage::integrity::{
    BackupReport, CheckReport, Phase, Problem, Progress, RepairReport, RepairedCollection, Structure,
};

use super::Database;
use crate::Error;
use crate::collection::Schema;
use crate::storage::integrity::{self, Watch};
use crate::storage::vfs::Vfs;

/// Verifies the database in the file at `path`, which nobody may have open, without its schema.
///
/// Nothing is written, not even to recover: what the journal holds is applied in memory. Damage that keeps the file from
/// being opened as a database is a problem in the report.
///
/// # Errors
///
/// [`NotADatabase`](crate::ErrorKind::NotADatabase) and [`NewerFormat`](crate::ErrorKind::NewerFormat): there is nothing to
/// check. [`NotFound`](crate::ErrorKind::NotFound), [`Locked`](crate::ErrorKind::Locked) and
/// [`Io`](crate::ErrorKind::Io): it cannot be read.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let path = directory.path().join("music.epilog");
/// Music::open(&path)?.close()?;
/// assert!(epilog::integrity::check(&path)?.is_sound());
/// # Ok::<(), Error>(())
/// ```
#[cfg(feature = "std")]
pub fn check(path: impl AsRef<std::path::Path>) -> Result<CheckReport, Error> {
    check_in(Arc::new(crate::storage::vfs::FileVfs), text_of(path.as_ref())?, &mut go_on)
}

/// As [`check`], in a file system of your own, with a callback that is told of progress and may end the check.
///
/// # Errors
///
/// As [`check`]; [`Cancelled`](crate::ErrorKind::Cancelled) when the callback breaks.
///
/// # Examples
///
/// See [`Problem`].
pub fn check_in(
    vfs: Arc<dyn Vfs>,
    path: &str,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<CheckReport, Error> {
    Ok(integrity::check_file(vfs, path, &mut Watch::new(progress))?)
}

/// Saves what can be read of the damaged file `source` into a new file `target`, without its schema.
///
/// Whatever verifies is saved: records from leaves with right checksums, and the journal's commits as far as they can be
/// read. Indexes are made anew. A record is saved as it was stored or is lost; but a long value whose page is lost becomes
/// absent, or empty where the field is required. Relations to lost records stay as they are. All that is lost is in the
/// report. The new file has the source's permanent ids, and an id of its own; it is checked before this returns.
///
/// The source is not written to, and must not be open. While the repair goes on, `target` with `-repair` behind its name is
/// being written; when the machine fails, remove it.
///
/// # Errors
///
/// [`AlreadyExists`](crate::ErrorKind::AlreadyExists): there is a file at `target`.
/// [`NotADatabase`](crate::ErrorKind::NotADatabase): nothing of a database is found in `source`.
/// [`Corruption`](crate::ErrorKind::Corruption): the catalog, which says what the bytes mean, is lost:
/// [`Database::repair`] helps with the declared schema. [`Full`](crate::ErrorKind::Full) and [`Io`](crate::ErrorKind::Io)
/// when writing fails. No target is left then.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let (damaged, saved) = (directory.path().join("damaged"), directory.path().join("saved"));
/// # db.backup(&damaged)?;
/// // Both copies of the newest header are gone.
/// let mut bytes = std::fs::read(&damaged).expect("it can be read");
/// bytes[..16384].fill(0);
/// std::fs::write(&damaged, bytes).expect("it can be written");
/// assert!(Music::open(&damaged).is_err());
///
/// let report = epilog::integrity::repair(&damaged, &saved)?;
/// assert!(report.is_complete(), "{:?}", report.losses);
/// let saved = Music::open(&saved)?;
/// assert_eq!(Artist::query().all(&saved)?, Artist::query().all(&db)?);
/// # Ok::<(), Error>(())
/// ```
#[cfg(feature = "std")]
pub fn repair(
    source: impl AsRef<std::path::Path>,
    target: impl AsRef<std::path::Path>,
) -> Result<RepairReport, Error> {
    let (source, target) = (text_of(source.as_ref())?, text_of(target.as_ref())?);
    repair_in(Arc::new(crate::storage::vfs::FileVfs), source, target, &mut go_on)
}

/// As [`repair`], in a file system of your own, with a callback that is told of progress and may end the repair.
///
/// # Errors
///
/// As [`repair`]; [`Cancelled`](crate::ErrorKind::Cancelled) when the callback breaks.
///
/// # Examples
///
/// ```
/// use std::ops::ControlFlow;
/// use std::sync::Arc;
///
/// use epilog::integrity;
/// use epilog::vfs::MemoryVfs;
#[doc = include_str!("../example.txt")]
///
/// let files: Arc<MemoryVfs> = Arc::default();
/// db.backup_to(files.clone(), "music", &mut |_| ControlFlow::Continue(()))?;
/// let report = integrity::repair_in(files, "music", "saved", &mut |_| ControlFlow::Continue(()))?;
/// assert_eq!(report.collections.iter().map(|saved| saved.records).sum::<u64>(), 11);
/// # Ok::<(), Error>(())
/// ```
pub fn repair_in(
    vfs: Arc<dyn Vfs>,
    source: &str,
    target: &str,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<RepairReport, Error> {
    Ok(integrity::repair(vfs, source, target, None, &mut Watch::new(progress))?)
}

impl<D: Schema> Database<D> {
    /// As [`repair_in`]; when the catalog is lost, the declared schema stands in for it.
    ///
    /// Without the catalog, collections are recognised by the numbers that a new database would give them: records of a
    /// database whose collections were not all declared when it was made may then not be found.
    ///
    /// # Errors
    ///
    /// As [`repair_in`], but for a lost catalog.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::MemoryVfs;
    #[doc = include_str!("../example.txt")]
    ///
    /// let files: Arc<MemoryVfs> = Arc::default();
    /// db.backup_to(files.clone(), "music", &mut |_| ControlFlow::Continue(()))?;
    /// let report = Database::<Music>::repair(files, "music", "saved", &mut |_| ControlFlow::Continue(()))?;
    /// assert!(report.is_complete());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn repair(
        vfs: Arc<dyn Vfs>,
        source: &str,
        target: &str,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<RepairReport, Error> {
        let watch = &mut Watch::new(progress);
        Ok(integrity::repair(vfs, source, target, Some(D::database()), watch)?)
    }

    /// Verifies everything: the file (header, page map, free map, the image of every page), and what the last commit holds
    /// (catalog, trees, values, every index against its records in both directions, uniqueness, relations, counts).
    ///
    /// Reads the whole file and every page; readers and writers go on meanwhile. What is wrong is in the report, each
    /// problem with where it is; see [`Structure::meaning`] for what it means.
    ///
    /// # Errors
    ///
    /// None today: what cannot be read is a problem in the report.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let report = db.check()?;
    /// assert!(report.is_sound(), "{:?}", report.problems);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn check(&self) -> Result<CheckReport, Error> {
        self.check_with(&mut go_on)
    }

    /// As [`check`](Database::check), with a callback that is told of progress and may end the check.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](crate::ErrorKind::Cancelled) when the callback breaks.
    ///
    /// # Examples
    ///
    /// See [`Progress`].
    pub fn check_with(
        &self,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<CheckReport, Error> {
        Ok(integrity::check(&self.shared.store, &mut Watch::new(progress))?)
    }

    /// Copies the database, as of now, into a new file at `path`, and checks what was written.
    ///
    /// The copy is of one commit, whatever is written meanwhile, and nobody waits for it. It is a database of its own that
    /// needs no journal, packed without free space, with the permanent ids, the numbers given out and the database id of its
    /// source. It is durable when this returns. If the machine fails before, the file says that it is unfinished.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists): there is a file at `path`, or a journal beside it; neither is
    /// touched. [`Corruption`](crate::ErrorKind::Corruption): a page is damaged, or what was written is not what is read
    /// again. [`Full`](crate::ErrorKind::Full) and [`Io`](crate::ErrorKind::Io) when writing fails. No file is left then.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("backup.epilog");
    /// db.backup(&path)?;
    /// assert_eq!(db.backup(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    /// assert_eq!(Artist::query().count(&Music::open(&path)?)?, 3);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn backup(&self, path: impl AsRef<std::path::Path>) -> Result<BackupReport, Error> {
        self.backup_to(Arc::new(crate::storage::vfs::FileVfs), text_of(path.as_ref())?, &mut go_on)
    }

    /// As [`backup`](Database::backup), into a file system of your own, with a callback that is told of progress and may end
    /// the backup.
    ///
    /// # Errors
    ///
    /// As [`backup`](Database::backup); [`Cancelled`](crate::ErrorKind::Cancelled) when the callback breaks.
    ///
    /// # Examples
    ///
    /// See [`BackupReport`].
    pub fn backup_to(
        &self,
        vfs: Arc<dyn Vfs>,
        path: &str,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<BackupReport, Error> {
        Ok(integrity::backup(&self.shared.store, vfs, path, &mut Watch::new(progress))?)
    }
}

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[cfg(feature = "std")]
fn text_of(path: &std::path::Path) -> Result<&str, Error> {
    let text = path.to_str().ok_or_else(|| crate::storage::vfs::VfsError::Io {
        path: path.to_string_lossy().into_owned(),
        operation: "open",
        reason: alloc::string::String::from("its name is not Unicode: rename it"),
    });
    Ok(text?)
}
