//! [`Store`]: what the holder of the write lease knows of the file and its journal.
//!
//! A clean file has no journal. The first write makes one and then, so that a lost journal is noticed, writes a header
//! that is not clean; commits flow only when that is durable. After a crash the first write begins a new journal segment
//! and checkpoints what was replayed. Until the first write nothing is written at all.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::checkpoint::{Checkpoint, Failure};
use super::frames::{FrameTable, Pin};
use super::header::Header;
use super::images::Images;
use super::numbers::Numbers;
use super::space::Space;
use super::{Durability, PagerOptions};
use crate::storage::StorageError;
use crate::storage::journal::{Journal, Recovery};
use crate::storage::page::{BLOCK_LEN, PageNumber};
use crate::storage::vfs::{Vfs, VfsError};

/// The journal's state.
pub(super) enum Journaling {
    /// There is none, or one that nobody needs: the header is clean.
    Idle,
    /// Its commits are not applied yet.
    Unreplayed(Recovery),
    /// Its commits are applied; nothing was written since.
    Replayed(Recovery),
    /// It takes commits, once what is due has been done.
    Active(Journal, Due),
}

/// What has to be written before the next commit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// A header that is not clean.
    Header,
    /// What was replayed.
    Checkpoint,
}

/// What the holder of the write lease knows of the file and its journal.
pub(super) struct Store {
    pub(super) vfs: Arc<dyn Vfs>,
    pub(super) path: String,
    pub(super) journal_path: String,
    pub(super) options: PagerOptions,
    pub(super) images: Arc<Images>,
    /// The newest.
    pub(super) header: Header,
    /// Whether this handle has written and synced it.
    header_is_durable: bool,
    /// No header was ever written.
    pub(super) is_new: bool,
    pub(super) space: Space,
    pub(super) journaling: Journaling,
    /// Pages changed since the last checkpoint: the last commit that did, and their bytes.
    dirty: BTreeMap<PageNumber, (u64, usize)>,
    dirty_bytes: u64,
    /// Not checkpointed before there are so many dirty bytes and journal bytes: the last attempt failed.
    hold_off: (u64, u64),
    poison: Option<VfsError>,
}

impl Store {
    pub(super) fn new(
        (vfs, path, journal_path): (Arc<dyn Vfs>, String, String),
        options: PagerOptions,
        images: Arc<Images>,
        (header, is_new): (Header, bool),
        space: Space,
        journaling: Journaling,
    ) -> Store {
        Store {
            vfs,
            path,
            journal_path,
            options,
            images,
            header,
            header_is_durable: false,
            is_new,
            space,
            journaling,
            dirty: BTreeMap::new(),
            dirty_bytes: 0,
            hold_off: (0, 0),
            poison: None,
        }
    }

    /// Fails when nothing can be written.
    ///
    /// # Errors
    ///
    /// [`StorageError::ReadOnly`], [`StorageError::Poisoned`]; [`StorageError::Corruption`] when replay has failed, as
    /// what would be written would build on a part of the database.
    pub(super) fn check_writable(&self) -> Result<(), StorageError> {
        if self.options.read_only {
            return Err(StorageError::ReadOnly);
        }
        if let Some(cause) = &self.poison {
            return Err(StorageError::Poisoned { path: self.path.clone(), cause: cause.clone() });
        }
        if let Journaling::Unreplayed(_) = self.journaling {
            return Err(StorageError::damage("journal", "its commits have not been applied"));
        }
        Ok(())
    }

    /// Notes that `commit` changed page `number`, which now has `len` bytes; 0 when it is gone.
    pub(super) fn changed(&mut self, commit: u64, number: PageNumber, len: usize) {
        let before = self.dirty.insert(number, (commit, len)).map_or(0, |(_, len)| len);
        self.dirty_bytes = self.dirty_bytes - before as u64 + len as u64;
    }

    /// Writes `commit` into the journal; returns when it is as durable as asked for.
    ///
    /// # Errors
    ///
    /// When the journal cannot be made ready or written. After a failed sync the outcome is unknown, and nothing is
    /// written any more.
    pub(super) fn append(
        &mut self,
        frames: &FrameTable,
        numbers: &mut Numbers,
        allocated: &[PageNumber],
        commit: u64,
        payload: &[u8],
        durability: Durability,
    ) -> Result<(), StorageError> {
        self.check_writable()?;
        let journal = loop {
            match &self.journaling {
                Journaling::Active(journal, Due::Nothing) => break journal,
                Journaling::Active(_, Due::Checkpoint) => {
                    numbers.lend_back(allocated);
                    let done = self.checkpoint(frames, numbers, false);
                    numbers.take_again(allocated);
                    done?;
                }
                _ => self.make_ready()?,
            }
        };
        journal.append(commit, payload)?;
        if durability == Durability::Immediate
            && let Err(error) = journal.sync(commit)
        {
            self.poison(&error);
            return Err(error);
        }
        Ok(())
    }

    /// Takes the next step towards a journal that takes commits, short of a checkpoint.
    fn make_ready(&mut self) -> Result<(), StorageError> {
        match &mut self.journaling {
            Journaling::Idle if self.is_new => self.create()?,
            Journaling::Idle | Journaling::Replayed(_) if !self.header_is_durable => self.settle()?,
            Journaling::Idle => {
                let header = &self.header;
                let journal = Journal::create(
                    &self.vfs,
                    &self.journal_path,
                    header.database,
                    header.checkpoint,
                    header.commit,
                    self.options.journal,
                )?;
                self.journaling = Journaling::Active(journal, Due::Header);
            }
            Journaling::Replayed(recovery) => {
                let journal = recovery.start(self.header.checkpoint)?;
                self.journaling = Journaling::Active(journal, Due::Checkpoint);
            }
            Journaling::Active(journal, due @ Due::Header) => {
                let position = journal.position();
                let checkpoint = self.header.checkpoint + 1;
                let header = Header { checkpoint, clean: false, position, ..self.header.clone() };
                // A write that fails is repeated by the next attempt, with the same bytes for the same slot.
                header.write(self.images.file())?;
                if let Err(cause) = self.images.file().sync_data() {
                    self.poison = Some(cause.clone());
                    return Err(cause.into());
                }
                journal.checkpointed(checkpoint, position);
                *due = Due::Nothing;
                self.header = header;
            }
            Journaling::Active(..) | Journaling::Unreplayed(_) => {}
        }
        Ok(())
    }

    /// Makes the header that was read durable. It may have been read from the system's cache, where a process that was
    /// killed left it, or whose sync failed; the next header goes to the other slot, so this one must be there if that is
    /// torn. One copy after the other, so that one is whole at any time. The file's length may have been the cache's as
    /// well; images of the next checkpoint that lie within it would not make it durable.
    fn settle(&mut self) -> Result<(), StorageError> {
        let file = self.images.file();
        file.set_len(file.len()?)?;
        for copy in 0..2 {
            self.header.write_copy(self.images.file(), copy)?;
            if let Err(cause) = self.images.file().sync_data() {
                self.poison = Some(cause.clone());
                return Err(cause.into());
            }
        }
        self.header_is_durable = true;
        Ok(())
    }

    /// Writes a new database's first header.
    fn create(&mut self) -> Result<(), StorageError> {
        let mut database = [0; 16];
        self.vfs.entropy(&mut database);
        let header = Header::first(database);
        let file = self.images.file();
        header.write(file)?;
        if let Err(cause) = file.sync_data() {
            self.poison = Some(cause.clone());
            return Err(cause.into());
        }
        self.vfs.sync_directory(&self.path)?;
        self.header = header;
        self.is_new = false;
        self.header_is_durable = true;
        Ok(())
    }

    fn poison(&mut self, error: &StorageError) {
        let cause = match error {
            StorageError::Vfs(cause) | StorageError::Poisoned { cause, .. } => cause.clone(),
            other => VfsError::Io { path: self.path.clone(), operation: "sync", reason: format!("{other}") },
        };
        self.poison.get_or_insert(cause);
    }

    /// Checkpoints when there is enough to do. A failure leaves everything as it was, but for a failed sync, which the
    /// next write transaction reports; the next attempt is made when a quarter more has come together.
    pub(super) fn checkpoint_when_due(&mut self, frames: &FrameTable, numbers: &mut Numbers) {
        let Journaling::Active(journal, _) = &self.journaling else { return };
        let (dirty, journaled) = (self.dirty_bytes, journal.bytes_since_checkpoint());
        let (dirty_max, journal_max) =
            (self.options.checkpoint_dirty_bytes, self.options.checkpoint_journal_bytes);
        let due = dirty >= dirty_max.max(self.hold_off.0) || journaled >= journal_max.max(self.hold_off.1);
        if due && self.checkpoint(frames, numbers, false).is_err() {
            self.hold_off = (dirty + dirty_max / 4 + 1, journaled + journal_max / 4 + 1);
        }
    }

    /// Brings the file up to the last published commit.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::step`]; also when the journal cannot be synced.
    pub(super) fn checkpoint(
        &mut self,
        frames: &FrameTable,
        numbers: &mut Numbers,
        clean: bool,
    ) -> Result<(), StorageError> {
        self.check_writable()?;
        let Journaling::Active(journal, _) = &self.journaling else { return Ok(()) };
        let pin = Pin::new(frames);
        let commit = pin.commit();
        if let Err(error) = journal.sync(commit) {
            self.poison(&error);
            return Err(error);
        }
        let position = journal.position();
        self.space.release(frames.oldest());
        let dirty: Vec<PageNumber> = self.dirty.keys().copied().collect();
        let header =
            Header { checkpoint: self.header.checkpoint + 1, clean, position, ..self.header.clone() };
        let mut checkpoint = Checkpoint::new(pin, dirty, header, self.space.clone());
        loop {
            match checkpoint.step(&self.images, numbers) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    match checkpoint.failure() {
                        Failure::Unchanged => {}
                        Failure::HeaderUnknown => {
                            let (space, taken) = checkpoint.into_unknown();
                            self.space = space;
                            self.space.suspend(&taken);
                        }
                        Failure::Unsynced => self.poison(&error),
                    }
                    return Err(error);
                }
            }
        }
        let Some(finished) = checkpoint.into_finished() else { return Ok(()) };
        self.images.with_map(|map, _| map.install(finished.update));
        self.space = finished.space;
        self.space.checkpointed(commit, finished.freed);
        numbers.checkpointed(commit);
        self.dirty.retain(|_, (when, _)| *when > commit);
        self.dirty_bytes = self.dirty.values().map(|(_, len)| *len as u64).sum();
        self.hold_off = (0, 0);
        let before = core::mem::replace(&mut self.header, finished.header);
        if let Journaling::Active(journal, due) = &mut self.journaling {
            journal.checkpointed(self.header.checkpoint, position);
            *due = Due::Nothing;
        }
        // The tail goes when neither header claims it; a failure only leaves the file longer than it need be.
        let len = self.header.file_len.max(before.file_len);
        if self.images.file().len().is_ok_and(|now| now > len) {
            let _ = self.images.file().set_len(len);
        }
        debug_assert!(self.header.file_len <= self.space.end() * BLOCK_LEN as u64);
        Ok(())
    }

    /// Makes the file the whole database, and removes the journal.
    ///
    /// # Errors
    ///
    /// As [`checkpoint`](Store::checkpoint); also when the journal cannot be removed, which does no harm.
    pub(super) fn close(&mut self, frames: &FrameTable, numbers: &mut Numbers) -> Result<(), StorageError> {
        if self.options.read_only {
            return Ok(());
        }
        match self.journaling {
            Journaling::Idle | Journaling::Unreplayed(_) => return Ok(()),
            Journaling::Replayed(_) => {
                self.check_writable()?;
                while matches!(self.journaling, Journaling::Replayed(_)) {
                    self.make_ready()?;
                }
            }
            Journaling::Active(..) => {}
        }
        self.checkpoint(frames, numbers, true)?;
        match core::mem::replace(&mut self.journaling, Journaling::Idle) {
            Journaling::Active(journal, _) => journal.remove(),
            _ => Ok(()),
        }
    }
}
