//! Reading an archive: entry by entry, with a window over the file.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::layout::{BLOCK, ENTRY_HEADER_LEN, EntryHeader, FileHeader, Form, entry_len};
use super::{Archive, FileInfo, damage, file_path, newer_format};
use crate::storage::codec::fields::Fields;
use crate::storage::journal::{Entry, NUMBER_MAX};
use crate::storage::vfs::{OpenMode, Vfs, VfsError, VfsFile};
use crate::storage::{StorageError, StorageFault};

/// So many bytes are read at once.
const WINDOW_LEN: u64 = 256 << 10;

/// What an archive has, one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Archived {
    /// A commit. Of a bulk commit whose collections were read again, that as of which they were.
    Commit {
        /// The commit.
        entry: Entry,
        /// The commit as of which what it changed was read again.
        read_at: Option<u64>,
    },
    /// A part of what was read again as of the commit before.
    Piece {
        /// Its bytes.
        payload: Vec<u8>,
        /// Whether no other follows.
        is_last: bool,
    },
}

/// The place behind an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArchivePosition {
    commit: u64,
    file: u64,
    offset: u64,
    chain: u32,
}

/// Commits in a row, and the position behind the last of them.
#[derive(Debug)]
pub struct ArchiveReading {
    /// The commits; at least one.
    pub entries: Vec<Entry>,
    /// Where to go on.
    pub position: ArchivePosition,
}

/// What an archive has for readers at one moment. Files may be removed under it.
pub struct Catalogue {
    vfs: Arc<dyn Vfs>,
    path: String,
    files: Vec<FileInfo>,
    archived: u64,
}

impl Archive {
    /// What there is to read now.
    pub fn catalogue(&self) -> Catalogue {
        Catalogue {
            vfs: Arc::clone(&self.vfs),
            path: self.path.clone(),
            files: self.durable.unbroken().copied().collect(),
            archived: self.durable.archived,
        }
    }
}

impl Catalogue {
    /// The last commit there is.
    pub fn archived(&self) -> u64 {
        self.archived
    }

    /// The commits after `after`, to `last` at most, until their payloads have `budget` bytes together; `None` when the
    /// archive does not have the one after `after`. `position`, of an earlier reading, says where it is.
    ///
    /// # Errors
    ///
    /// A failure of reading; [`StorageFault::Corruption`] when a commit that is there cannot be read.
    pub fn read_after(
        &self,
        after: u64,
        position: Option<ArchivePosition>,
        last: u64,
        budget: usize,
    ) -> Result<Option<ArchiveReading>, StorageError> {
        let last = last.min(self.archived);
        if after >= last {
            return Ok(None);
        }
        let Some(mut walk) = self.walk_from(after, position)? else { return Ok(None) };
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while walk.scan.commit() < last && bytes < budget {
            let Some(entry) = walk.next_commit()? else { break };
            if entry.commit > after {
                bytes += entry.payload.len() + 64;
                entries.push(entry);
            }
        }
        if entries.is_empty() || walk.is_gone {
            return Ok(None);
        }
        let (scan, file) = (&walk.scan, self.files[walk.at].header.number);
        let position =
            ArchivePosition { commit: scan.commit(), file, offset: scan.offset(), chain: scan.chain() };
        Ok(Some(ArchiveReading { entries, position }))
    }

    /// Everything after commit `after`, pieces of what was read again included; `None` when the archive does not have the
    /// commit after it.
    ///
    /// # Errors
    ///
    /// As [`read_after`](Catalogue::read_after).
    pub fn walk(&self, after: u64) -> Result<Option<Walk<'_>>, StorageError> {
        if after >= self.archived {
            return Ok(None);
        }
        let Some(mut walk) = self.walk_from(after, None)? else { return Ok(None) };
        while walk.scan.commit() < after {
            if walk.next_commit()?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(walk))
    }

    /// From the place behind commit `after`, or one before it. `None` when there is none.
    fn walk_from(
        &self,
        after: u64,
        position: Option<ArchivePosition>,
    ) -> Result<Option<Walk<'_>>, StorageError> {
        let at = self.files.iter().rposition(|file| file.header.first_commit <= after.saturating_add(1));
        let Some(at) = at else { return Ok(None) };
        let known = position.filter(|position| position.commit == after).and_then(|position| {
            let found = self.files.iter().position(|file| file.header.number == position.file)?;
            Some((found, position))
        });
        let (at, scan) = match known {
            Some((found, position)) => {
                (found, self.scan(found, position.offset, position.commit, position.chain)?)
            }
            None => (at, self.scan_from_start(at)?),
        };
        Ok(scan.map(|scan| Walk { catalogue: self, at, scan, reads: None, is_gone: false }))
    }

    fn scan_from_start(&self, at: usize) -> Result<Option<Scan>, StorageError> {
        let header = self.files[at].header;
        self.scan(at, BLOCK, header.first_commit - 1, header.chain)
    }

    /// A scan of the file at `at`; `None` when it was removed meanwhile.
    fn scan(&self, at: usize, offset: u64, commit: u64, chain: u32) -> Result<Option<Scan>, StorageError> {
        let header = self.files[at].header;
        match Scan::open(&*self.vfs, &self.path, header, offset, commit, chain) {
            Ok(scan) => Ok(Some(scan)),
            Err(error) if matches!(*error, StorageFault::Vfs(VfsError::NotFound { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Walks an archive over its files.
pub struct Walk<'c> {
    catalogue: &'c Catalogue,
    /// Which file, and where in it.
    at: usize,
    scan: Scan,
    /// The commit as of which what has been walked over was read again, until its last piece.
    reads: Option<u64>,
    /// Whether the next file was removed meanwhile.
    is_gone: bool,
}

impl Walk<'_> {
    /// What comes next; `None` at the archive's end, and when what follows was removed meanwhile.
    ///
    /// # Errors
    ///
    /// A failure of reading; [`StorageFault::Corruption`] when what is there cannot be read.
    pub fn advance(&mut self) -> Result<Option<Archived>, StorageError> {
        loop {
            let is_behind = self.scan.commit() >= self.catalogue.archived;
            match self.scan.next()? {
                // It is being written.
                Some(Archived::Commit { .. }) if is_behind => break,
                Some(Archived::Commit { entry, read_at }) => {
                    self.reads = read_at.or(self.reads);
                    return Ok(Some(Archived::Commit { entry, read_at }));
                }
                Some(Archived::Piece { payload, is_last }) => {
                    if is_last {
                        self.reads = None;
                    }
                    return Ok(Some(Archived::Piece { payload, is_last }));
                }
                None if !self.next_file()? => break,
                None => {}
            }
        }
        // The pieces of the archive's last commit are missing.
        if self.reads.is_some() && !self.is_gone { Err(self.scan.damage()) } else { Ok(None) }
    }

    /// The next commit; pieces are passed over, without a look at their bytes.
    fn next_commit(&mut self) -> Result<Option<Entry>, StorageError> {
        loop {
            if let Some(entry) = self.scan.next_commit()? {
                return Ok(Some(entry));
            }
            if !self.next_file()? {
                return Ok(None);
            }
        }
    }

    /// Goes on to the next file; false when there is none.
    fn next_file(&mut self) -> Result<bool, StorageError> {
        let files = &self.catalogue.files;
        let next = files.get(self.at + 1).map(|file| file.header);
        if next.is_none() && self.scan.commit() >= self.catalogue.archived {
            return Ok(false);
        }
        if next.is_none_or(|next| next.first_commit != self.scan.commit() + 1) {
            return Err(self.scan.damage());
        }
        let Some(scan) = self.catalogue.scan_from_start(self.at + 1)? else {
            self.is_gone = true;
            return Ok(false);
        };
        (self.at, self.scan) = (self.at + 1, scan);
        Ok(true)
    }
}

/// Opens file `number` and reads its header.
pub(super) fn read_file_header(
    vfs: &dyn Vfs,
    path: &str,
    database: [u8; 16],
    number: u64,
) -> Result<(Box<dyn VfsFile>, FileHeader), StorageError> {
    let path = file_path(path, number);
    let file = vfs.open(&path, OpenMode::Read)?;
    let mut block = vec![0; BLOCK.min(file.len()?) as usize];
    file.read_at(&mut block, 0)?;
    if let Some(version) = FileHeader::newer_version(&block) {
        return Err(newer_format(path, version));
    }
    match FileHeader::decode(&block) {
        Some(header) if !header.is_possible() => Err(damage(format!(
            "`{path}` says that it begins with commit {} behind commit {}, and no archive has such a file",
            header.first_commit, header.archived_before
        ))),
        Some(header) if (header.database, header.number) == (database, number) => Ok((file, header)),
        Some(_) => Err(damage(format!("`{path}` is of another archive"))),
        None => Err(damage(format!("the header of `{path}` cannot be read"))),
    }
}

/// Walks the entries of a file.
pub(super) struct Scan {
    file: Box<dyn VfsFile>,
    name: String,
    len: u64,
    salt: u64,
    offset: u64,
    commit: u64,
    chain: u32,
    window: Vec<u8>,
    window_start: u64,
}

impl Scan {
    /// From `offset` on, behind the entry of `commit`, whose checksum is `chain`.
    pub(super) fn open(
        vfs: &dyn Vfs,
        path: &str,
        header: FileHeader,
        offset: u64,
        commit: u64,
        chain: u32,
    ) -> Result<Scan, StorageError> {
        let name = file_path(path, header.number);
        let file = vfs.open(&name, OpenMode::Read)?;
        let len = file.len()?;
        let (window, window_start) = (Vec::new(), 0);
        Ok(Scan { file, name, len, salt: header.salt, offset, commit, chain, window, window_start })
    }

    /// The commit of the last entry.
    pub(super) fn commit(&self) -> u64 {
        self.commit
    }

    /// The checksum of the last entry.
    pub(super) fn chain(&self) -> u32 {
        self.chain
    }

    /// The place behind the last entry.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next entry: directly behind the last, or at the next block, where a run begins.
    pub(super) fn next(&mut self) -> Result<Option<Archived>, StorageError> {
        let Some((header, payload)) = self.next_entry(true)? else { return Ok(None) };
        let is_last = match header.form {
            Form::Commit(kind) => {
                let entry = Entry { commit: header.commit, kind, payload };
                return Ok(Some(Archived::Commit { entry, read_at: None }));
            }
            Form::ReadAgain(kind) => {
                let Some((at, rest)) = payload.split_first_chunk::<8>() else { return Ok(None) };
                let entry = Entry { commit: header.commit, kind, payload: rest.to_vec() };
                return Ok(Some(Archived::Commit { entry, read_at: Some(u64::from_le_bytes(*at)) }));
            }
            Form::Piece => false,
            Form::LastPiece => true,
        };
        Ok(Some(Archived::Piece { payload, is_last }))
    }

    /// The next commit; pieces are passed over, without a look at their bytes.
    fn next_commit(&mut self) -> Result<Option<Entry>, StorageError> {
        while let Some((header, payload)) = self.next_entry(false)? {
            let (kind, skipped) = match header.form {
                Form::Commit(kind) => (kind, 0),
                Form::ReadAgain(kind) => (kind, 8),
                Form::Piece | Form::LastPiece => continue,
            };
            let payload = payload.get(skipped..).unwrap_or_default().to_vec();
            return Ok(Some(Entry { commit: header.commit, kind, payload }));
        }
        Ok(None)
    }

    /// The header and the payload of the next entry. Of a piece neither is verified unless `pieces` are wanted; then the
    /// next entry's chain tells whether it was right.
    fn next_entry(&mut self, pieces: bool) -> Result<Option<(EntryHeader, Vec<u8>)>, StorageError> {
        let aligned = self.offset.next_multiple_of(BLOCK);
        for offset in [Some(self.offset), Some(aligned).filter(|_| aligned != self.offset)] {
            let Some(offset) = offset else { continue };
            if let Some(entry) = self.entry_at(offset, pieces)? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    fn entry_at(
        &mut self,
        offset: u64,
        pieces: bool,
    ) -> Result<Option<(EntryHeader, Vec<u8>)>, StorageError> {
        let (commit, chain, salt) = (self.commit, self.chain, self.salt);
        let Some(header) = self.bytes(offset, ENTRY_HEADER_LEN)?.and_then(EntryHeader::decode) else {
            return Ok(None);
        };
        let is_piece = header.form.is_piece();
        let follows = if is_piece { commit } else { commit + 1 };
        if (header.commit, header.chain) != (follows, chain) {
            return Ok(None);
        }
        let len = header.payload_len as usize;
        let Some(whole) = ENTRY_HEADER_LEN.checked_add(len) else { return Ok(None) };
        if is_piece && !pieces {
            // On a device whose addresses have 32 bits the length of one that is damaged may be beyond them.
            let whole = ENTRY_HEADER_LEN as u64 + u64::from(header.payload_len);
            self.offset = offset.saturating_add(whole.next_multiple_of(8));
            self.chain = header.crc;
            return Ok(Some((header, Vec::new())));
        }
        let Some(bytes) = self.bytes(offset, whole)? else { return Ok(None) };
        let Some(crc) = header.verify(salt, bytes) else { return Ok(None) };
        let payload = bytes[ENTRY_HEADER_LEN..].to_vec();
        if let Form::ReadAgain(_) = header.form
            && !Fields(&payload).u64(0).is_some_and(|at| (header.commit..=NUMBER_MAX).contains(&at))
        {
            return Ok(None);
        }
        self.offset = offset + entry_len(len) as u64;
        (self.commit, self.chain) = (header.commit, crc);
        Ok(Some((header, payload)))
    }

    /// Bytes of the file; `None` when it ends before.
    fn bytes(&mut self, offset: u64, len: usize) -> Result<Option<&[u8]>, VfsError> {
        let end = offset.saturating_add(len as u64);
        if end > self.len {
            return Ok(None);
        }
        if offset < self.window_start || end > self.window_start + self.window.len() as u64 {
            let whole = (len as u64).max(WINDOW_LEN).min(self.len - offset);
            self.window.resize(whole as usize, 0);
            self.window_start = offset;
            if let Err(error) = self.file.read_at(&mut self.window, offset) {
                self.window.clear();
                return Err(error);
            }
        }
        let at = (offset - self.window_start) as usize;
        Ok(Some(&self.window[at..at + len]))
    }

    /// The next entry should be there.
    fn damage(&self) -> StorageError {
        damage(format!(
            "what follows commit {} cannot be read behind byte {} of `{}`",
            self.commit, self.offset, self.name
        ))
    }
}
