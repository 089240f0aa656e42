//! Archiving: what is durable goes from the journal into the archive, before the journal lets go of it.
//!
//! It happens after a checkpoint, by whoever maintains the database, and never within a commit that somebody waits for in
//! the background's stead. When it fails, the journal keeps what it has and grows; the failure is reported by the call that
//! met it, and the next checkpoint tries again.

use super::Pager;
use super::store::Store;
use crate::parts;
use crate::storage::archive::{Archive, Catalogue};
use crate::storage::journal::{Keep, Retention};
use crate::storage::{StorageError, StorageFault};
use crate::sync::atomic::Ordering;

/// So many bytes of payloads are taken over at once.
const BATCH_BYTES: usize = 1 << 20;

/// Whether a database can have an archive, as an outcome.
///
/// # Errors
///
/// [`StorageFault::LeftOut`] with the feature `small`.
pub(in crate::storage) fn need_archives() -> Result<(), StorageError> {
    if parts::ARCHIVES { Ok(()) } else { Err(StorageFault::LeftOut { what: "archives" }.into()) }
}

/// No archive.
pub(super) const NO_ARCHIVE: u64 = u64::MAX;

/// The archive of a store, which is found when the database has an id.
pub(super) enum Archiving {
    No,
    /// Its name and retention.
    Named(alloc::string::String, Retention),
    Open(Archive),
}

impl Pager {
    /// Archives, from now on, what is committed; changes that are kept nowhere else are read from there. To be called
    /// once, after [`replay`](Pager::replay). Writes nothing. In memory it does nothing.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Corruption`] when the archive is damaged or of another database; [`StorageFault::ForeignArchive`]
    /// when it has later commits than this one; [`StorageFault::LeftOut`] with the feature `small`.
    pub fn attach_archive(&self, path: &str, retention: Retention) -> Result<(), StorageError> {
        need_archives()?;
        let Some(store) = &self.shared.store else { return Ok(()) };
        let (database, is_new) = {
            let state = store.state.lock();
            (state.header.database, state.is_new)
        };
        let last = self.shared.frames.published();
        let mut archiving = store.archiving.lock();
        *archiving = Archiving::Named(path.into(), retention);
        let mut archived = 0;
        if is_new {
            if Archive::exists(&*store.vfs, path)? {
                return Err(StorageFault::ForeignArchive { path: path.into(), last }.into());
            }
        } else {
            let archive = Archive::open(&store.vfs, path, database, retention)?;
            if archive.archived().is_some_and(|archived| archived > last) {
                return Err(StorageFault::ForeignArchive { path: path.into(), last }.into());
            }
            archived = archive.released();
            *archiving = Archiving::Open(archive);
        }
        store.archived.store(archived, Ordering::Release);
        if let Some(journal) = store.journal() {
            journal.keep(store.keep());
        }
        Ok(())
    }

    /// Takes what is durable over into the archive, if there is one.
    ///
    /// # Errors
    ///
    /// What reading the journal or writing the archive fails with: the journal keeps what it has.
    pub fn archive(&self) -> Result<(), StorageError> {
        self.shared.store.as_ref().map_or(Ok(()), Store::archive)
    }
}

impl Store {
    /// What the journal keeps beyond what recovery needs.
    pub(super) fn keep(&self) -> Keep {
        let archived = self.archived.load(Ordering::Acquire);
        Keep { archived: (archived != NO_ARCHIVE).then_some(archived), window: self.options.retain_changes }
    }

    pub(super) fn has_archive(&self) -> bool {
        parts::ARCHIVES && self.archived.load(Ordering::Acquire) != NO_ARCHIVE
    }

    /// Whether a checkpoint has been made since the last attempt to archive.
    pub(super) fn archive_is_due(&self) -> bool {
        self.has_archive() && self.archive_due.load(Ordering::Acquire)
    }

    /// Takes what is durable over into the archive, if there is one.
    pub(super) fn archive(&self) -> Result<(), StorageError> {
        if !self.has_archive() || self.options.read_only {
            return Ok(());
        }
        let outcome = self.take_over();
        self.setbacks.lock().archive = outcome.as_ref().err().map(|error| format!("{error}"));
        outcome
    }

    fn take_over(&self) -> Result<(), StorageError> {
        let mut archiving = self.archiving.lock();
        self.archive_due.store(false, Ordering::Release);
        let Some(journal) = self.journal() else { return Ok(()) };
        if let Archiving::Named(path, retention) = &*archiving {
            let database = self.state.lock().header.database;
            *archiving = Archiving::Open(Archive::open(&self.vfs, path, database, *retention)?);
        }
        let Archiving::Open(archive) = &mut *archiving else { return Ok(()) };
        let last = journal.durable();
        let mut after = match archive.archived() {
            Some(archived) => archived,
            None => journal.oldest()?,
        };
        let mut position = None;
        while after < last {
            match journal.read_after(after, position, last, BATCH_BYTES)? {
                Some(reading) => {
                    archive.add(&reading.entries)?;
                    (after, position) = (reading.position.commit, Some(reading.position));
                }
                // The archive was left out for a while: what is missing in it is gone.
                None => {
                    let oldest = journal.oldest()?;
                    if oldest <= after {
                        break;
                    }
                    after = oldest;
                }
            }
        }
        archive.commit()?;
        self.archived.store(archive.released(), Ordering::Release);
        journal.keep(self.keep());
        Ok(())
    }

    /// What there is to read in the archive.
    pub(super) fn catalogue(&self) -> Option<Catalogue> {
        match &*self.archiving.lock() {
            Archiving::Open(archive) if parts::ARCHIVES => Some(archive.catalogue()),
            _ => None,
        }
    }

    /// The least commit after which the archive has everything up to its last, and that one.
    pub(super) fn archive_span(&self) -> Option<(u64, u64)> {
        match &*self.archiving.lock() {
            Archiving::Open(archive) if parts::ARCHIVES => Some((archive.oldest()?, archive.archived()?)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::database::Options;
    use crate::error::ErrorKind;
    use crate::storage::vfs::MemoryVfs;

    /// Run it with `--features small` too.
    #[test]
    fn archives_are_applied_where_there_are_any() {
        let vfs = alloc::sync::Arc::new(MemoryVfs::new());
        let error = Options::default().apply_archive_in(vfs, "music", "archive", None).unwrap_err();
        if parts::ARCHIVES {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        } else {
            assert_eq!(error.kind(), ErrorKind::Archive, "{error}");
            assert!(error.to_string().contains("without the cargo feature `small`"), "{error}");
        }
    }
}
