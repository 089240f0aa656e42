//! [`StorageError`]: what can go wrong beneath the facade, and [`StorageFault`], which says what.
//!
//! Nearly every function of this floor returns the error, and hardly any call has one. So it is one pointer: what hands
//! it on is a register to test, not tens of bytes to copy, in code as in the stack's frames.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::error::Error;
use core::fmt;
use core::ops::Deref;

use super::page::PageNumber;
use super::records::ConstraintError;
use super::vfs::VfsError;
use crate::parts;
use crate::schema::SchemaError;
use crate::value::{Blob, DecodeError};

/// What went wrong beneath the facade: a [`StorageFault`], which it dereferences to.
pub struct StorageError(Box<StorageFault>);

/// What can go wrong beneath the facade.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageFault {
    /// Bytes that were written are not the ones read. Nothing was changed.
    #[error("{0}")]
    Corruption(Box<Corruption>),
    /// The file system failed.
    #[error(transparent)]
    Vfs(#[from] VfsError),
    /// A write or a sync failed earlier, so that nobody knows what of the commits since is on disk.
    #[error(
        "`{path}` failed earlier, so the outcome of the last commits is unknown: close the database and open it again"
    )]
    Poisoned {
        /// The file.
        path: String,
        /// What failed.
        #[source]
        cause: VfsError,
    },
    /// The file was made by something else. It is not touched.
    #[error("`{path}` is not an Epilog database: it does not begin like one; name another file")]
    NotADatabase {
        /// The file.
        path: String,
    },
    /// The file was to become a database, but its writing was interrupted.
    #[error(
        "`{path}` is unfinished: the backup or repair that wrote it was interrupted; remove it, and begin again"
    )]
    Unfinished {
        /// The file.
        path: String,
    },
    /// A file that is to be made exists.
    #[error("`{path}` exists already, and is left as it is: name another file, or remove it first")]
    Exists {
        /// The file.
        path: String,
    },
    /// The caller of something long wanted no more of it. Nothing was changed.
    #[error("cancelled")]
    Cancelled,
    /// A database in memory has pages that a file cannot have.
    #[error(
        "the pages of `{collection}` have {bytes} bytes, and a file's at least 4,096: it cannot be backed up"
    )]
    SmallPages {
        /// The collection.
        collection: String,
        /// The length of its pages.
        bytes: usize,
    },
    /// A copy was written and is not sound. It was removed.
    #[error("the copy `{path}` is not sound, and was removed: {problem}; check the source")]
    UnsoundCopy {
        /// The file.
        path: String,
        /// The first of its problems.
        problem: String,
    },
    /// The file is shorter than it says it is.
    #[error("`{path}` is truncated: it has {len} bytes, and should have {wanted}; restore it from a backup")]
    Truncated {
        /// The file.
        path: String,
        /// Its length in bytes.
        len: u64,
        /// The least it should have.
        wanted: u64,
    },
    /// The file needs a later version of this library.
    #[error(
        "`{path}` has format {found} (incompatible features {features:#x}), this version knows format {known}: \
         open it with a newer version of epilog"
    )]
    NewerFormat {
        /// The file.
        path: String,
        /// Its format version.
        found: u16,
        /// Its incompatible feature bits.
        features: u32,
        /// The newest format version this library knows.
        known: u16,
    },
    /// The file's index keys follow rules of a later version of this library.
    #[error(
        "`{path}` has keys by version {found} of {what}, which this version does not know: open it with a newer version of \
         epilog"
    )]
    NewerRules {
        /// The file.
        path: String,
        /// "collation" or "key extraction".
        what: &'static str,
        /// Its version.
        found: u16,
    },
    /// The file needs a cargo feature that this library was built without.
    #[error(
        "`{path}` has compressed pages, and epilog was built without the means to read them: build it with the cargo \
         feature `{feature}`"
    )]
    FeatureMissing {
        /// The file.
        path: String,
        /// The feature's name.
        feature: &'static str,
    },
    /// Something that the cargo feature `small` leaves out.
    #[error("{what} are left out of this build: build epilog without the cargo feature `small`")]
    LeftOut {
        /// What it is.
        what: &'static str,
    },
    /// A change of a database that was opened to be read.
    #[error("the database was opened read-only: open it for writing to change it")]
    ReadOnly,
    /// All page numbers are in use.
    #[error("no page numbers are left: a database has at most 2^32 - 2 pages")]
    NoPagesLeft,
    /// No memory for a page.
    #[error("no memory for {bytes} bytes of pages")]
    OutOfMemory {
        /// How much was asked for.
        bytes: usize,
    },
    /// A stored schema cannot be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The data of a change breaks a constraint. Nothing of the change was kept.
    #[error(transparent)]
    Constraint(Box<ConstraintError>),
    /// A blob is not in the snapshot it was looked for in.
    #[error(
        "{blob} is not here: its record was deleted or given another, or it is of another database; load the record again"
    )]
    NoBlob {
        /// The blob.
        blob: Blob,
    },
    /// A statement of the transaction failed half-way, so it cannot commit.
    #[error("the transaction cannot commit: a statement of it failed half-way; begin another one")]
    TransactionFailed,
    /// Changes were asked for that are not kept any more.
    #[error(
        "the changes after commit {since} are not kept any more: the oldest that can be had are those after commit \
         {oldest}; `Options::retain_changes` keeps more, and `Options::archive` keeps them in files"
    )]
    ChangesGone {
        /// The commit after which they were asked for.
        since: u64,
        /// The least one after which there are all.
        oldest: u64,
    },
    /// A commit was asked for whose page versions are not kept any more.
    #[error(
        "commit {commit} cannot be looked back at any more: the oldest that can is {oldest}; \
         `Options::retain_versions` keeps more"
    )]
    VersionsGone {
        /// The commit.
        commit: u64,
        /// The oldest that can be read.
        oldest: u64,
    },
    /// A commit was asked for that has not been made.
    #[error("commit {commit} has not been made: the last one is {last}")]
    NotCommitted {
        /// The commit.
        commit: u64,
        /// The last one.
        last: u64,
    },
    /// The archive has commits of another continuation of the database.
    #[error(
        "archive `{path}` goes on after commit {last}, which is the database's last: it continues another copy of it; \
         name another archive"
    )]
    ForeignArchive {
        /// The archive.
        path: String,
        /// The database's last commit.
        last: u64,
    },
    /// The archive lacks what was to be applied.
    #[error("archive `{path}` cannot bring the database from commit {from} to {to}: {reason}")]
    ArchiveIncomplete {
        /// The archive.
        path: String,
        /// The database's last commit.
        from: u64,
        /// The first commit that cannot be had.
        to: u64,
        /// Why.
        reason: &'static str,
    },
    /// A commit was asked for that the archive has only together with later ones.
    #[error(
        "archive `{path}` cannot bring the database to commit {commit}: what a bulk transaction changed was archived as of \
         a later commit, and the nearest ones that can be had are {before} and {after}; the database is at {before}"
    )]
    ArchivedTogether {
        /// The archive.
        path: String,
        /// The commit.
        commit: u64,
        /// The one before the bulk transaction.
        before: u64,
        /// The one as of which its changes were archived.
        after: u64,
    },
    /// A stored value is not of its field's type.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Where damage was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} is damaged: {problem}{}; restore a backup", describe_page(*page))]
pub struct Corruption {
    /// The structure: "page", "page map", "journal", …
    pub place: &'static str,
    /// The page, when it is one.
    pub page: Option<PageNumber>,
    /// What was expected, and found instead.
    pub problem: String,
}

fn describe_page(page: Option<PageNumber>) -> String {
    page.map_or_else(String::new, |number| format!(" (page {number})"))
}

impl StorageError {
    /// Damage on a page.
    #[cold]
    pub fn page_damage(page: PageNumber, problem: impl fmt::Display) -> StorageError {
        let (page, problem) = (Some(page), described(problem));
        StorageError::from(StorageFault::from(Corruption { place: "page", page, problem }))
    }

    /// Damage elsewhere.
    #[cold]
    pub fn damage(place: &'static str, problem: impl fmt::Display) -> StorageError {
        let problem = described(problem);
        StorageError::from(StorageFault::from(Corruption { place, page: None, problem }))
    }

    /// What went wrong, to take apart.
    pub fn into_fault(self) -> StorageFault {
        *self.0
    }
}

/// What is wrong, as [`format!`] would have it; not even the arguments are looked at in a build that has no words for it.
macro_rules! words {
    ($($arguments:tt)*) => {
        $crate::storage::error::described(format_args!($($arguments)*))
    };
}
pub(super) use words;

/// What is wrong, in words.
pub(super) fn described(problem: impl fmt::Display) -> String {
    if parts::EXPLAINED { problem.to_string() } else { String::from("this build has no words for it") }
}

impl Deref for StorageError {
    type Target = StorageFault;

    fn deref(&self) -> &StorageFault {
        &self.0
    }
}

impl fmt::Debug for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl<F: Into<StorageFault>> From<F> for StorageError {
    #[cold]
    fn from(fault: F) -> StorageError {
        StorageError(Box::new(fault.into()))
    }
}

impl From<Corruption> for StorageFault {
    fn from(damage: Corruption) -> StorageFault {
        StorageFault::Corruption(Box::new(damage))
    }
}

impl From<ConstraintError> for StorageFault {
    fn from(error: ConstraintError) -> StorageFault {
        StorageFault::Constraint(Box::new(error))
    }
}
