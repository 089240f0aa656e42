//! The archive: what the journal had of commits, in files of its own, for readers that come late.
//!
//! Above: the pager, which archives what is durable before the journal lets go of it. Below: the VFS.
//!
//! An archive called `music-archive` is the files `music-archive-000001`, `music-archive-000002` and so on, and an index
//! `music-archive-index`. Commits are appended to the last file; when it is long enough, the next is begun. The oldest
//! files are removed as wholes. `docs/file-format.md` has the bytes.
//!
//! * A run of entries counts when the index that names its end is durable: the files are synced first. The journal lets go
//!   of nothing before. So a crash at any moment leaves an archive that ends at some commit, and a journal that has those
//!   after it.
//! * What was synced is not written over: a run begins a block. Nor is it cut off when the index fails that names it: that
//!   index may be on the disk all the same.
//! * Each entry names the checksum of the one before it, across files. Damage is found where it is read, and named.
//! * What bulk commits changed, and no journal has, is read again by somebody as of a later commit, and added as *pieces*
//!   behind that commit; each of the marks names it. From the first of the marks to the last piece all is one: it begins a
//!   run, counts as a whole or not at all, and no file is removed from within it.
//! * A payload's bytes are opaque here.
//!
//! Should the newer copy of the index be lost, the older one counts, and the entries behind the end that it names are found
//! by their chain.

mod layout;
mod read;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use self::layout::{BLOCK, FORMAT_VERSION, FileHeader, Form, Index, encode_entry};
pub use self::read::{ArchivePosition, ArchiveReading, Archived, Catalogue, Walk};
use self::read::{Scan, read_file_header};
use super::journal::{Entry, EntryKind, Retention};
use super::vfs::{OpenMode, Vfs, VfsError, VfsFile};
use super::{StorageError, StorageFault};

/// Entries are handed to the file system when there are so many bytes of them.
const STAGED_LEN_MAX: usize = 1 << 20;

/// The shortest and the longest file, in bytes, that the next one is begun after.
const FILE_LEN_MIN: u64 = 16 << 10;
const FILE_LEN_MAX: u64 = 64 << 20;

/// An archive of a database's commits.
pub struct Archive {
    vfs: Arc<dyn Vfs>,
    path: String,
    database: [u8; 16],
    retention: Retention,
    /// What the durable index says, and what was found, or synced, behind its end.
    durable: State,
    /// That, and what was added since.
    state: State,
    staged: Vec<u8>,
    /// The last file, when it is being written.
    file: Option<Box<dyn VfsFile>>,
    /// The last commit that the journal need not have any more.
    released: u64,
    /// Whether files before the first were looked for.
    tidied: bool,
}

/// One file.
#[derive(Clone, Copy, Debug)]
struct FileInfo {
    header: FileHeader,
    /// Bytes used.
    len: u64,
}

#[derive(Clone, Debug)]
struct State {
    files: VecDeque<FileInfo>,
    generation: u64,
    /// The last commit; 0 before the first file.
    archived: u64,
    chain: u32,
    /// Whether the index says so.
    is_indexed: bool,
    /// What is read again for bulk commits, if the last piece of it was not added yet. Never so in what is durable.
    reading: Option<Reading>,
}

/// Commits from a mark on, some of which are read again.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// The commit as of which.
    at: u64,
    /// Whether anything of it was added.
    has_begun: bool,
}

impl State {
    /// Where the next entry goes in the last file.
    fn end(&self) -> u64 {
        self.files.back().map_or(0, |file| file.len)
    }

    /// The files from the one on after which nothing is missing.
    fn unbroken(&self) -> impl Iterator<Item = &FileInfo> {
        let begins = self.files.iter().rposition(|file| !file.header.follows_on()).unwrap_or(0);
        self.files.iter().skip(begins)
    }
}

impl Archive {
    /// The archive called `path` of the database with this id; one that does not exist is made by the first
    /// [`commit`](Archive::commit). Writes nothing.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Corruption`] when the archive's index cannot be read, or is of another database;
    /// [`StorageFault::NewerFormat`] when it needs a later version of this library; a failure of reading.
    pub fn open(
        vfs: &Arc<dyn Vfs>,
        path: &str,
        database: [u8; 16],
        retention: Retention,
    ) -> Result<Archive, StorageError> {
        let mut state = State {
            files: VecDeque::new(),
            generation: 0,
            archived: 0,
            chain: 0,
            is_indexed: true,
            reading: None,
        };
        let mut released = 0;
        if let Some(index) = read_index(&**vfs, path, database)? {
            released = index.archived;
            state = read_state(&**vfs, path, &index)?;
        }
        Ok(Archive {
            vfs: Arc::clone(vfs),
            path: String::from(path),
            database,
            retention,
            durable: state.clone(),
            state,
            staged: Vec::new(),
            file: None,
            released,
            tidied: false,
        })
    }

    /// Whether there is an archive called `path`.
    ///
    /// # Errors
    ///
    /// A failure of reading.
    pub fn exists(vfs: &dyn Vfs, path: &str) -> Result<bool, StorageError> {
        Ok(vfs.exists(&index_path(path))?)
    }

    /// The last commit in it, be it behind what the index names; `None` when there is none.
    pub fn archived(&self) -> Option<u64> {
        self.durable.files.back().map(|_| self.durable.archived)
    }

    /// The last commit added, be it not [committed](Archive::commit) yet; `None` when there is none.
    pub fn added(&self) -> Option<u64> {
        self.state.files.back().map(|_| self.state.archived)
    }

    /// The last commit that is in it for good, so that the journal need not have it; 0 when there is none.
    pub fn released(&self) -> u64 {
        self.released
    }

    /// The least commit after which everything up to the last one is here.
    pub fn oldest(&self) -> Option<u64> {
        self.durable.unbroken().next().map(|file| file.header.first_commit - 1)
    }

    /// Whether [`commit`](Archive::commit) has something to do.
    pub fn has_added(&self) -> bool {
        !self.state.is_indexed
    }

    /// Adds commits, each after the one before, or after a gap. They count when [`commit`](Archive::commit) has
    /// succeeded.
    ///
    /// # Errors
    ///
    /// A failure of writing. What was added and not committed is forgotten then.
    pub fn add(&mut self, entries: &[Entry]) -> Result<(), StorageError> {
        let outcome = entries.iter().try_for_each(|entry| self.add_one(entry));
        self.forget_on_error(outcome)
    }

    fn add_one(&mut self, entry: &Entry) -> Result<(), VfsError> {
        let is_next = self.state.archived + 1 == entry.commit;
        if let Some(reading) = self.state.reading {
            assert!(
                is_next || !reading.has_begun,
                "commit {} is missing in what is read again",
                entry.commit - 1
            );
            assert!(entry.commit <= reading.at, "pieces are due behind commit {}", reading.at);
        }
        if !is_next || self.is_full() {
            self.begin_file(entry.commit)?;
        }
        let at = self.state.reading.map_or([0; 8], |reading| reading.at.to_le_bytes());
        let (form, first) = match (self.state.reading, entry.kind) {
            (None, kind) | (_, kind @ EntryKind::Changes) => (Form::Commit(kind), &[][..]),
            (Some(_), kind) => (Form::ReadAgain(kind), &at[..]),
        };
        self.stage(entry.commit, form, [first, &entry.payload])
    }

    /// Begins what is read again as of commit `at`: the marks that are added from here on name it. Everything up to it is
    /// to be added, and then [pieces](Archive::add_piece). What was added before is to be
    /// [committed](Archive::commit).
    ///
    /// # Panics
    ///
    /// When it is not, or another reading has not ended.
    pub fn begin_reading(&mut self, at: u64) {
        assert!(self.state.is_indexed && self.state.reading.is_none(), "a reading begins a run");
        self.state.reading = Some(Reading { at, has_begun: false });
    }

    /// Adds a part of what is read again.
    ///
    /// # Errors
    ///
    /// As [`add`](Archive::add).
    ///
    /// # Panics
    ///
    /// When the commit as of which it was read is not the last one added.
    pub fn add_piece(&mut self, payload: &[u8], is_last: bool) -> Result<(), StorageError> {
        let at = self.state.reading.map(|reading| reading.at);
        assert_eq!(at, Some(self.state.archived), "pieces follow the commit as of which they were read");
        let outcome = self.add_one_piece(payload, is_last);
        self.forget_on_error(outcome)
    }

    fn add_one_piece(&mut self, payload: &[u8], is_last: bool) -> Result<(), VfsError> {
        if self.is_full() {
            self.begin_file(self.state.archived + 1)?;
        }
        let form = if is_last { Form::LastPiece } else { Form::Piece };
        self.stage(self.state.archived, form, [payload, &[]])?;
        if is_last {
            self.state.reading = None;
        }
        Ok(())
    }

    /// Whether the next entry goes into another file.
    fn is_full(&self) -> bool {
        self.state.files.back().is_none_or(|last| {
            let len = last.len + self.staged.len() as u64;
            len >= self.file_len() || last.header.version < FORMAT_VERSION
        })
    }

    fn stage(&mut self, commit: u64, form: Form, payload: [&[u8]; 2]) -> Result<(), VfsError> {
        let Some(salt) = self.state.files.back().map(|file| file.header.salt) else { return Ok(()) };
        self.state.chain = encode_entry(&mut self.staged, salt, (commit, form, payload), self.state.chain);
        self.state.archived = commit;
        self.state.is_indexed = false;
        if let Some(reading) = &mut self.state.reading {
            reading.has_begun = true;
        }
        if self.staged.len() >= STAGED_LEN_MAX {
            self.write_staged(false)?;
        }
        Ok(())
    }

    fn file_len(&self) -> u64 {
        match self.retention {
            Retention::Everything => FILE_LEN_MAX,
            Retention::Bytes(bytes) => (bytes / 8).clamp(FILE_LEN_MIN, FILE_LEN_MAX),
            // How many bytes they take is not known.
            Retention::Commits(_) => FILE_LEN_MAX / 64,
        }
    }

    fn begin_file(&mut self, first_commit: u64) -> Result<(), VfsError> {
        // After an opening or a failure, what is staged, or was found behind the index's end, is of a file not opened yet.
        // And behind its end may lie a reading that was cut off, which nobody is to take for what comes next.
        self.write_staged(true)?;
        let number = self.state.files.back().map_or(1, |last| last.header.number + 1);
        let mut salt = [0; 8];
        self.vfs.entropy(&mut salt);
        let archived_before = match self.state.files.is_empty() {
            true => first_commit.saturating_sub(1),
            false => self.state.archived,
        };
        let header = FileHeader {
            version: FORMAT_VERSION,
            is_within: self.state.reading.is_some_and(|reading| reading.has_begun),
            database: self.database,
            number,
            first_commit,
            archived_before,
            salt: u64::from_le_bytes(salt),
            chain: self.state.chain,
        };
        let path = file_path(&self.path, number);
        let file = self.vfs.open(&path, OpenMode::Create)?;
        // A run that failed may have left one.
        file.set_len(0)?;
        file.write_at(&header.encode(), 0)?;
        self.vfs.sync_directory(&path)?;
        self.file = Some(file);
        self.state.files.push_back(FileInfo { header, len: BLOCK });
        Ok(())
    }

    /// Writes what is staged, with zeros up to a block and a sync when `ends` says so: then nothing of it is written
    /// again.
    fn write_staged(&mut self, ends: bool) -> Result<(), VfsError> {
        let Some(last) = self.state.files.back_mut() else { return Ok(()) };
        if self.file.is_none() {
            let file = self.vfs.open(&file_path(&self.path, last.header.number), OpenMode::ReadWrite)?;
            // Behind the end lies what a run left that was cut off.
            file.set_len(last.len)?;
            self.file = Some(file);
        }
        let Some(file) = &self.file else { return Ok(()) };
        if ends {
            let used = last.len + self.staged.len() as u64;
            let padding = used.next_multiple_of(BLOCK) - used;
            self.staged.resize(self.staged.len() + padding as usize, 0);
        }
        if !self.staged.is_empty() {
            file.write_at(&self.staged, last.len)?;
        }
        last.len += self.staged.len() as u64;
        self.staged.clear();
        if ends {
            file.sync_data()?;
        }
        Ok(())
    }

    /// Makes what was added a durable part of the archive; then removes files that need not be kept.
    ///
    /// # Errors
    ///
    /// A failure of writing. Either what was added is forgotten then, or it is there, and counts when the next call
    /// succeeds: [`archived`](Archive::archived) says which. It may be tried again.
    ///
    /// # Panics
    ///
    /// When the last piece of a reading is missing.
    pub fn commit(&mut self) -> Result<(), StorageError> {
        let outcome = self.commit_added();
        self.forget_on_error(outcome)
    }

    fn commit_added(&mut self) -> Result<(), VfsError> {
        assert!(self.state.reading.is_none(), "a reading counts when its last piece is there");
        if self.state.is_indexed {
            return Ok(());
        }
        self.write_staged(true)?;
        // Whatever becomes of the index, it may be on the disk: from here on nothing that it names is written again.
        self.durable = self.state.clone();
        let files = &*self.state.files.make_contiguous();
        let (mut let_go, mut newer) = (0, files.iter().map(|file| file.len).sum::<u64>());
        for (at, pair) in files.windows(2).enumerate() {
            let [before, file] = pair else { break };
            newer -= before.len;
            if !self.retention.lets_go(file.header.archived_before, newer, self.state.archived) {
                break;
            }
            // Pieces go with their marks.
            if !file.header.is_within {
                let_go = at + 1;
            }
        }
        let (Some(first), Some(last)) = (files.get(let_go), files.last()) else { return Ok(()) };
        let index = Index {
            database: self.database,
            generation: self.durable.generation,
            first: first.header.number,
            last: last.header.number,
            archived: self.state.archived,
            end: last.len,
            chain: self.state.chain,
        };
        let path = index_path(&self.path);
        let file = self.vfs.open(&path, OpenMode::Create)?;
        // Both copies at first: the block of the second is zeros until the first is durable, and never again.
        let copies: &[bool] = if self.durable.generation == 0 { &[true, false] } else { &[false] };
        for is_first in copies {
            // One that failed is written again in its own place: the other copy is the sound one.
            let generation = self.durable.generation + 1;
            let index = Index { generation, ..index };
            file.write_at(&index.encode(), generation % 2 * BLOCK)?;
            file.sync_data()?;
            if *is_first {
                self.vfs.sync_directory(&path)?;
            }
            self.durable.generation = generation;
        }
        self.durable.is_indexed = true;
        self.released = self.durable.archived;
        let mut removed: Vec<u64> =
            self.durable.files.drain(..let_go).map(|file| file.header.number).collect();
        self.state = self.durable.clone();
        // Best effort: a file that stays is looked for after the next opening.
        if !core::mem::replace(&mut self.tidied, true) {
            let before = removed.first().copied().unwrap_or(index.first);
            removed.extend(
                (1..before)
                    .rev()
                    .take_while(|number| self.vfs.exists(&file_path(&self.path, *number)).unwrap_or(false)),
            );
            self.remove_behind();
        }
        for number in removed {
            let _ = self.vfs.remove(&file_path(&self.path, number));
        }
        Ok(())
    }

    fn forget_on_error(&mut self, outcome: Result<(), VfsError>) -> Result<(), StorageError> {
        outcome.map_err(|error| {
            self.forget();
            StorageError::from(error)
        })
    }

    /// Forgets what was added and not committed.
    pub fn forget(&mut self) {
        self.staged.clear();
        self.file = None;
        let added = core::mem::replace(&mut self.state, self.durable.clone());
        // A reading that failed may have left as much as a collection has, on a disk that is full. Best effort: the next run
        // cuts off what stays.
        self.remove_behind();
        if let Some(last) = self.durable.files.back()
            && added.files.iter().any(|file| file.header.number == last.header.number && file.len > last.len)
            && let Ok(file) = self.vfs.open(&file_path(&self.path, last.header.number), OpenMode::ReadWrite)
        {
            let _ = file.set_len(last.len);
        }
    }

    /// Removes files behind the last one, which runs left that did not get to their end.
    fn remove_behind(&self) {
        let last = self.durable.files.back().map_or(0, |last| last.header.number);
        let paths = (last + 1..).map(|number| file_path(&self.path, number));
        for path in paths.take_while(|path| self.vfs.exists(path).unwrap_or(false)) {
            let _ = self.vfs.remove(&path);
        }
    }
}

fn index_path(path: &str) -> String {
    format!("{path}-index")
}

fn file_path(path: &str, number: u64) -> String {
    format!("{path}-{number:06}")
}

fn damage(problem: String) -> StorageError {
    StorageError::damage("archive", problem)
}

/// A later version of this library wrote `path`.
fn newer_format(path: String, version: u32) -> StorageError {
    let found = u16::try_from(version).unwrap_or(u16::MAX);
    let known = FORMAT_VERSION as u16;
    StorageError::from(StorageFault::NewerFormat { path, found, features: 0, known })
}

/// The newest copy of the index; `None` when there is no archive.
fn read_index(vfs: &dyn Vfs, path: &str, database: [u8; 16]) -> Result<Option<Index>, StorageError> {
    let path = index_path(path);
    let file = match vfs.open(&path, OpenMode::Read) {
        Ok(file) => file,
        Err(VfsError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut blocks = vec![0; 2 * BLOCK as usize];
    let there = file.len()?.min(2 * BLOCK) as usize;
    file.read_at(&mut blocks[..there], 0)?;
    let (second, first) = blocks.split_at(BLOCK as usize);
    if let Some(version) = [first, second].into_iter().filter_map(Index::newer_version).max() {
        return Err(newer_format(path, version));
    }
    let newest = [first, second].into_iter().filter_map(Index::decode).max_by_key(|index| index.generation);
    match newest {
        Some(index) if index.database == database && !index.is_possible() => Err(damage(format!(
            "`{path}` names files {} to {}, which ends at byte {}, up to commit {}, and no archive has such an index",
            index.first, index.last, index.end, index.archived
        ))),
        Some(index) if index.database == database => Ok(Some(index)),
        Some(_) => Err(damage(format!("`{path}` is of another database: name another archive"))),
        // The first run was cut off before its index was there.
        None if second.iter().all(|byte| *byte == 0) => Ok(None),
        None => Err(damage(format!("no copy of its index `{path}` can be read"))),
    }
}

/// What `index` names, and what follows its end.
fn read_state(vfs: &dyn Vfs, path: &str, index: &Index) -> Result<State, StorageError> {
    let mut state = State {
        files: VecDeque::new(),
        generation: index.generation,
        archived: index.archived,
        chain: index.chain,
        is_indexed: true,
        reading: None,
    };
    // From the last on: `first` may be anything.
    for number in (index.first..=index.last).rev() {
        match read_file_header(vfs, path, index.database, number) {
            Ok((file, header)) => {
                let len = if number == index.last { index.end } else { file.len()? };
                state.files.push_front(FileInfo { header, len });
            }
            Err(error) => {
                let is_missing = matches!(*error, StorageFault::Vfs(VfsError::NotFound { .. }));
                // An older copy of the index may name files that were removed: the first, and those that follow it.
                let is_removed = |number| Ok::<_, VfsError>(!vfs.exists(&file_path(path, number))?);
                if is_missing
                    && number < index.last
                    && is_removed(index.first)?
                    && is_removed((number - 1).max(index.first))?
                {
                    break;
                }
                return Err(error);
            }
        }
    }
    find_more(vfs, path, &mut state)?;
    Ok(state)
}

/// Adds entries behind the end that the index names, but for a reading whose last piece is not there. The newest copy of
/// the index names all there are.
fn find_more(vfs: &dyn Vfs, path: &str, state: &mut State) -> Result<(), StorageError> {
    let mut found = Found::at(state);
    // The same, before the first mark of a reading whose last piece was not found yet.
    let mut whole = None;
    let (mut offset, mut begun_behind) = (state.end(), None);
    while let Some(last) = state.files.back() {
        let header = last.header;
        let mut scan = Scan::open(vfs, path, header, offset, found.archived, found.chain)?;
        loop {
            let before = Found { len: scan.offset().next_multiple_of(BLOCK), ..found };
            // No file is begun in vain.
            let before = begun_behind.take().unwrap_or(before);
            let Some(entry) = scan.next()? else { break };
            found = Found { archived: scan.commit(), chain: scan.chain(), is_more: true, ..found };
            match entry {
                Archived::Commit { read_at: Some(_), .. } if whole.is_none() => whole = Some(before),
                Archived::Piece { is_last: true, .. } => whole = None,
                _ => {}
            }
        }
        // A run begins a block.
        found.len = scan.offset().next_multiple_of(BLOCK);
        if let Some(last) = state.files.back_mut() {
            last.len = found.len;
        }
        let number = header.number + 1;
        if !vfs.exists(&file_path(path, number))? {
            break;
        }
        // One that was begun by a run that was cut off, or by one whose index was lost.
        let Ok((_, header)) = read_file_header(vfs, path, header.database, number) else { break };
        if (header.archived_before, header.chain) != (found.archived, found.chain) {
            break;
        }
        let mut scan = Scan::open(vfs, path, header, BLOCK, header.first_commit - 1, header.chain)?;
        if scan.next()?.is_none() {
            break;
        }
        // Its entries are looked at by the next round.
        state.files.push_back(FileInfo { header, len: BLOCK });
        begun_behind = Some(found);
        (found.files, offset) = (found.files + 1, BLOCK);
    }
    let found = whole.unwrap_or(found);
    state.files.truncate(found.files);
    if let Some(last) = state.files.back_mut() {
        last.len = found.len;
    }
    if found.is_more {
        (state.archived, state.chain, state.is_indexed) = (found.archived, found.chain, false);
    }
    Ok(())
}

/// A place between two entries.
#[derive(Clone, Copy)]
struct Found {
    archived: u64,
    chain: u32,
    /// So many files, and so much of the last.
    files: usize,
    len: u64,
    /// Whether it lies behind the end that the index names.
    is_more: bool,
}

impl Found {
    /// The end that the index names.
    fn at(state: &State) -> Found {
        let State { archived, chain, .. } = *state;
        Found { archived, chain, files: state.files.len(), len: state.end(), is_more: false }
    }
}
