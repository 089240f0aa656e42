//! Archiving: what is durable goes from the journal into the archive, before the journal lets go of it.
//!
//! It happens after a checkpoint, by whoever maintains the database, and never within a commit that somebody waits for in
//! the background's stead. When it fails, the journal keeps what it has and grows; the failure is reported by the call that
//! met it, and the next checkpoint tries again.
//!
//! Of a bulk commit the journal has a mark. When one is met, a snapshot of the last commit there is, *C*, is taken and made
//! durable, for what is archived must not be lost by a crash, after which another commit would get its number. Everything up
//! to *C* is taken over, all marks in it name *C*, and behind it goes what whoever made the changes reads again of what
//! they were about. So marks that come while others wait are read once, together. The snapshot holds no commit up; blocks of
//! images that it sees are free when it is gone.
//!
//! All this is done in steps of about a megabyte, so that it never keeps a maintainer from a sync for long.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::frames::Pin;
use super::store::Store;
use super::{PageSnapshot, Pager};
use crate::parts;
use crate::storage::archive::{Archive, Catalogue};
use crate::storage::journal::{Entry, EntryKind, Journal, JournalPosition, Keep, Retention};
use crate::storage::{StorageError, StorageFault};
use crate::sync::atomic::Ordering;

/// So many bytes of payloads are taken over at once.
const BATCH_BYTES: usize = 1 << 20;

/// Reads again what bulk commits changed. Made by whoever knows what the payloads say.
pub trait ReadAgain: Send {
    /// A bulk commit that the snapshot has: its payload is what the journal keeps of it.
    fn add(&mut self, commit: &Entry);

    /// Appends a part of what all of them changed, as the snapshot has it, to `out`; whether there is more.
    ///
    /// # Errors
    ///
    /// Whatever reading pages fails with.
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, StorageError>;
}

/// Begins to read from a snapshot.
pub type BeginReading = fn(PageSnapshot<'static>) -> Result<Box<dyn ReadAgain>, StorageError>;

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
    Named(String, Retention, BeginReading),
    Open(Box<Open>),
}

/// An archive, and what is being taken over into it.
pub(super) struct Open {
    archive: Archive,
    begin_reading: BeginReading,
    run: Option<Run>,
}

/// What is being taken over.
struct Run {
    /// To this commit at least.
    last: u64,
    /// Where the journal has what comes next.
    position: Option<JournalPosition>,
    /// The commit as of which something is read again, and what reads it.
    reading: Option<(u64, Box<dyn ReadAgain>)>,
}

impl Archiving {
    fn open(archive: Archive, begin_reading: BeginReading) -> Archiving {
        Archiving::Open(Box::new(Open { archive, begin_reading, run: None }))
    }
}

impl Pager {
    /// Archives, from now on, what is committed; changes that are kept nowhere else are read from there. What bulk commits
    /// changed is read again by what `begin_reading` makes. To be called once, after [`replay`](Pager::replay). Writes
    /// nothing. In memory it does nothing.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Corruption`] when the archive is damaged or of another database; [`StorageFault::ForeignArchive`]
    /// when it has later commits than this one; [`StorageFault::LeftOut`] with the feature `small`.
    pub fn attach_archive(
        &self,
        path: &str,
        retention: Retention,
        begin_reading: BeginReading,
    ) -> Result<(), StorageError> {
        need_archives()?;
        let Some(store) = &self.shared.store else { return Ok(()) };
        let (database, is_new) = {
            let state = store.state.lock();
            (state.header.database, state.is_new)
        };
        let last = self.shared.frames.published();
        let mut archiving = store.archiving.lock();
        *archiving = Archiving::Named(path.into(), retention, begin_reading);
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
            *archiving = Archiving::open(archive, begin_reading);
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

    /// Whether a checkpoint has been made since the last attempt to archive, or that attempt has not come to its end.
    pub(super) fn archive_is_due(&self) -> bool {
        self.has_archive() && self.archive_due.load(Ordering::Acquire)
    }

    /// Takes what is durable over into the archive, if there is one.
    pub(super) fn archive(&self) -> Result<(), StorageError> {
        let mut until_now = true;
        while self.step_archive(until_now)? {
            until_now = false;
        }
        Ok(())
    }

    /// Does a part of that; whether there is more to do. `until_now` says that what has been begun goes on to what is
    /// durable now.
    pub(super) fn step_archive(&self, until_now: bool) -> Result<bool, StorageError> {
        if !self.has_archive() || self.options.read_only {
            return Ok(false);
        }
        let outcome = self.step_take_over(until_now);
        match &outcome {
            Ok(true) => self.archive_due.store(true, Ordering::Release),
            Ok(false) => self.setbacks.lock().archive = None,
            Err(error) => self.setbacks.lock().archive = Some(format!("{error}")),
        }
        outcome
    }

    fn step_take_over(&self, until_now: bool) -> Result<bool, StorageError> {
        let mut archiving = self.archiving.lock();
        // A checkpoint that ends from here on makes it due again.
        self.archive_due.store(false, Ordering::Release);
        let Some(journal) = self.journal() else { return Ok(false) };
        if let Archiving::Named(path, retention, begin_reading) = &*archiving {
            let database = self.state.lock().header.database;
            let archive = Archive::open(&self.vfs, path, database, *retention)?;
            *archiving = Archiving::open(archive, *begin_reading);
        }
        let Archiving::Open(open) = &mut *archiving else { return Ok(false) };
        let mut run = open.run.take();
        if run.is_none() || until_now {
            // A bulk commit is durable a little before it is seen, and before its mark is there.
            let last = journal.durable().min(self.frames.published());
            let run = run.get_or_insert(Run { last, position: None, reading: None });
            run.last = run.last.max(last);
        }
        let Some(mut run) = run else { return Ok(false) };
        match self.take_over(&journal, open, &mut run) {
            Ok(true) => {
                open.run = Some(run);
                Ok(true)
            }
            Ok(false) => {
                self.archived.store(open.archive.released(), Ordering::Release);
                journal.keep(self.keep());
                Ok(false)
            }
            Err(error) => {
                open.archive.forget();
                // What it committed before is there for good.
                self.archived.store(open.archive.released(), Ordering::Release);
                journal.keep(self.keep());
                Err(error)
            }
        }
    }

    /// Takes the next commits over, or the next piece of what is read again; false when all that was to be done is.
    fn take_over(&self, journal: &Journal, open: &mut Open, run: &mut Run) -> Result<bool, StorageError> {
        let after = match open.archive.added() {
            Some(added) => added,
            None => journal.oldest()?,
        };
        let mut end = run.last;
        if let Some((at, reader)) = &mut run.reading {
            if after == *at {
                let mut piece = Vec::new();
                let has_more = reader.next(&mut piece)?;
                open.archive.add_piece(&piece, !has_more)?;
                if !has_more {
                    run.reading = None;
                }
                return Ok(true);
            }
            end = *at;
        }
        if after >= end {
            open.archive.commit()?;
            return Ok(false);
        }
        let mut found = journal.read_after(after, run.position, end, BATCH_BYTES)?;
        if found.is_none() && run.reading.is_none() {
            // The archive was left out for a while: what is missing in it is gone.
            let oldest = journal.oldest()?;
            if (after + 1..end).contains(&oldest) {
                found = journal.read_after(oldest, None, end, BATCH_BYTES)?;
            } else {
                open.archive.commit()?;
                return Ok(false);
            }
        }
        let Some(found) = found else {
            return Err(StorageError::damage("journal", format_args!("commit {} is not there", after + 1)));
        };
        self.add(open, run, &found.entries)?;
        run.position = Some(found.position);
        Ok(true)
    }

    fn add(&self, open: &mut Open, run: &mut Run, entries: &[Entry]) -> Result<(), StorageError> {
        let is_bulk = |entry: &Entry| entry.kind != EntryKind::Changes;
        let mut entries = entries;
        if let (None, Some(first)) = (&run.reading, entries.iter().position(is_bulk)) {
            let (before, rest) = entries.split_at(first);
            open.archive.add(before)?;
            // What comes before is not lost if the reading fails.
            open.archive.commit()?;
            let pages = PageSnapshot { pin: Pin::shared(&self.frames).into_snapshot() };
            let at = pages.commit().0;
            self.sync(at)?;
            let reader = (open.begin_reading)(pages)?;
            open.archive.begin_reading(at);
            run.last = run.last.max(at);
            run.reading = Some((at, reader));
            entries = rest;
        }
        if let Some((_, reader)) = &mut run.reading {
            entries.iter().filter(|entry| is_bulk(entry)).for_each(|entry| reader.add(entry));
        }
        open.archive.add(entries)
    }

    /// What there is to read in the archive.
    pub(super) fn catalogue(&self) -> Option<Catalogue> {
        match &*self.archiving.lock() {
            Archiving::Open(open) if parts::ARCHIVES => Some(open.archive.catalogue()),
            _ => None,
        }
    }

    /// The least commit after which the archive has everything up to its last, and that one.
    pub(super) fn archive_span(&self) -> Option<(u64, u64)> {
        match &*self.archiving.lock() {
            Archiving::Open(open) if parts::ARCHIVES => {
                Some((open.archive.oldest()?, open.archive.archived()?))
            }
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
