//! Reading an archive: entry by entry, with a window over the file.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::layout::{BLOCK, ENTRY_HEADER_LEN, EntryHeader, FileHeader, entry_len};
use super::{Archive, FileInfo, damage, file_path, newer_format};
use crate::storage::journal::Entry;
use crate::storage::vfs::{OpenMode, Vfs, VfsError, VfsFile};
use crate::storage::{StorageError, StorageFault};

/// So many bytes are read at once.
const WINDOW_LEN: u64 = 256 << 10;

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
        let at = self.files.iter().rposition(|file| file.header.first_commit <= after.saturating_add(1));
        let Some(mut at) = at.filter(|_| after < last) else { return Ok(None) };
        let known = position.filter(|position| position.commit == after);
        let known = known.and_then(|position| {
            let found = self.files.iter().position(|file| file.header.number == position.file)?;
            Some((found, position))
        });
        let mut scan = match known {
            Some((found, position)) => {
                at = found;
                self.scan(at, position.offset, position.commit, position.chain)?
            }
            None => self.scan_from_start(at)?,
        };
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while let Some(now) = &mut scan {
            if now.commit() >= last || bytes >= budget {
                break;
            }
            if let Some(entry) = now.next()? {
                if entry.commit > after {
                    bytes += entry.payload.len() + 64;
                    entries.push(entry);
                }
                continue;
            }
            let next = self.files.get(at + 1).map(|file| file.header);
            if next.is_none_or(|next| next.first_commit != now.commit() + 1) {
                return Err(now.damage());
            }
            at += 1;
            scan = self.scan_from_start(at)?;
        }
        let Some(scan) = scan.filter(|_| !entries.is_empty()) else { return Ok(None) };
        let file = self.files[at].header.number;
        let position =
            ArchivePosition { commit: scan.commit(), file, offset: scan.offset(), chain: scan.chain() };
        Ok(Some(ArchiveReading { entries, position }))
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
    pub(super) fn next(&mut self) -> Result<Option<Entry>, StorageError> {
        let aligned = self.offset.next_multiple_of(BLOCK);
        for offset in [Some(self.offset), Some(aligned).filter(|_| aligned != self.offset)] {
            let Some(offset) = offset else { continue };
            if let Some(entry) = self.entry_at(offset)? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    fn entry_at(&mut self, offset: u64) -> Result<Option<Entry>, StorageError> {
        let (commit, chain, salt) = (self.commit, self.chain, self.salt);
        let Some(header) = self.bytes(offset, ENTRY_HEADER_LEN)?.and_then(EntryHeader::decode) else {
            return Ok(None);
        };
        if (header.commit, header.chain) != (commit + 1, chain) {
            return Ok(None);
        }
        let len = header.payload_len as usize;
        let Some(whole) = ENTRY_HEADER_LEN.checked_add(len) else { return Ok(None) };
        let Some(bytes) = self.bytes(offset, whole)? else { return Ok(None) };
        let Some(crc) = header.verify(salt, bytes) else { return Ok(None) };
        let payload = bytes[ENTRY_HEADER_LEN..].to_vec();
        self.offset = offset + entry_len(len) as u64;
        (self.commit, self.chain) = (header.commit, crc);
        Ok(Some(Entry { commit: header.commit, kind: header.kind, payload }))
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
            "commit {} cannot be read behind byte {} of `{}`",
            self.commit + 1,
            self.offset,
            self.name
        ))
    }
}
