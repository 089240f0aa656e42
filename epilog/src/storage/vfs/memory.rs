//! [`MemoryVfs`]: files in memory, shared by the clones of one value and gone with the last of them.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{OpenMode, Vfs, VfsError, VfsFile};
use crate::ordered::BTreeMap;
use crate::parts;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, RwLock};

/// Files in memory. Clones see the same files; a sync does nothing, since there is nothing to lose them to.
///
/// For tests of what a program keeps between two opens; [`Database::in_memory`](crate::Database::in_memory) has no
/// files at all, and is faster.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use epilog::vfs::MemoryVfs;
#[doc = include_str!("../../example.txt")]
///
/// let files = MemoryVfs::new();
/// let open = || Database::<Music>::open_in(Arc::new(files.clone()), "music", &Options::default());
/// open()?.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
/// assert_eq!(Artist::query().count(&open()?)?, 1);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Default, Clone)]
pub struct MemoryVfs {
    files: Arc<Mutex<BTreeMap<String, Arc<Content>>>>,
}

impl MemoryVfs {
    /// No files yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::vfs::{MemoryVfs, OpenMode, Vfs};
    ///
    /// assert!(MemoryVfs::new().open("a", OpenMode::Read).is_err());
    /// ```
    pub fn new() -> MemoryVfs {
        MemoryVfs::default()
    }
}

#[derive(Debug, Default)]
struct Content {
    bytes: RwLock<Chunks>,
    locked: AtomicBool,
}

/// The bytes of a chunk.
const CHUNK_LEN: usize = if cfg!(feature = "small") { 512 } else { 32 << 10 };

/// Bytes in chunks, so that a file grows without being moved.
#[derive(Debug, Default)]
struct Chunks {
    /// Zeros behind `len`.
    chunks: Vec<Box<[u8]>>,
    len: usize,
}

impl Chunks {
    /// Fills `buffer` from `start`; all of it lies within the file.
    fn read(&self, mut start: usize, mut buffer: &mut [u8]) {
        while !buffer.is_empty() {
            let chunk = &self.chunks[start / CHUNK_LEN][start % CHUNK_LEN..];
            let (part, rest) = buffer.split_at_mut(chunk.len().min(buffer.len()));
            part.copy_from_slice(&chunk[..part.len()]);
            start += part.len();
            buffer = rest;
        }
    }

    /// Writes `bytes` at `start`, behind zeros if the file is shorter. `None`, and nothing written, when memory is
    /// exhausted.
    fn write(&mut self, mut start: usize, mut bytes: &[u8]) -> Option<()> {
        let end = start.checked_add(bytes.len())?;
        if end > self.len {
            self.resize(end)?;
        }
        while !bytes.is_empty() {
            let chunk = &mut self.chunks[start / CHUNK_LEN][start % CHUNK_LEN..];
            let (part, rest) = bytes.split_at(chunk.len().min(bytes.len()));
            chunk[..part.len()].copy_from_slice(part);
            start += part.len();
            bytes = rest;
        }
        Some(())
    }

    /// Cuts the file, or appends zeros. `None`, and the file as it was, when memory is exhausted.
    fn resize(&mut self, len: usize) -> Option<()> {
        let count = len.div_ceil(CHUNK_LEN);
        self.chunks.try_reserve(count.saturating_sub(self.chunks.len())).ok()?;
        while self.chunks.len() < count {
            let mut chunk = Vec::new();
            if chunk.try_reserve_exact(CHUNK_LEN).is_err() {
                self.chunks.truncate(self.len.div_ceil(CHUNK_LEN));
                return None;
            }
            chunk.resize(CHUNK_LEN, 0);
            self.chunks.push(chunk.into_boxed_slice());
        }
        self.chunks.truncate(count);
        if len < self.len && !len.is_multiple_of(CHUNK_LEN) {
            self.chunks[count - 1][len % CHUNK_LEN..].fill(0);
        }
        self.len = len;
        Some(())
    }
}

impl Vfs for MemoryVfs {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError> {
        let mut files = self.files.lock();
        let content = match files.get(path) {
            Some(content) => Arc::clone(content),
            None if mode == OpenMode::Create => Arc::clone(files.entry(path.to_owned()).or_default()),
            None => return Err(VfsError::NotFound { path: path.to_owned() }),
        };
        let writable = mode != OpenMode::Read;
        Ok(Box::new(MemoryFile {
            path: path.to_owned(),
            content,
            writable,
            holds_lock: AtomicBool::new(false),
        }))
    }

    fn exists(&self, path: &str) -> Result<bool, VfsError> {
        Ok(self.files.lock().contains_key(path))
    }

    fn remove(&self, path: &str) -> Result<(), VfsError> {
        match self.files.lock().remove(path) {
            Some(_) => Ok(()),
            None => Err(VfsError::NotFound { path: path.to_owned() }),
        }
    }

    fn sync_directory(&self, _path: &str) -> Result<(), VfsError> {
        Ok(())
    }

    /// A file in memory: chunks of their own. There is none with the feature `small`.
    fn temporary(&self, path: &str) -> Result<Option<Box<dyn VfsFile>>, VfsError> {
        if !parts::SPILL {
            return Ok(None);
        }
        let (content, holds_lock) = (Arc::default(), AtomicBool::new(false));
        Ok(Some(Box::new(MemoryFile { path: path.to_owned(), content, writable: true, holds_lock })))
    }

    /// The time of a monotonic clock with `std`; without it, a number that grows by one at each call.
    fn now_ns(&self) -> u64 {
        #[cfg(feature = "std")]
        return super::file::monotonic_ns();
        #[cfg(not(feature = "std"))]
        {
            static TICKS: AtomicU64 = AtomicU64::new(1);
            TICKS.fetch_add(1, Ordering::Relaxed)
        }
    }

    /// Bytes that differ at each call, from one process-wide counter and the address of this value's files, mixed by
    /// splitmix64. They are unique, which is all that ids and salts of files in memory need; they can be guessed.
    fn entropy(&self, buffer: &mut [u8]) {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let address = Arc::as_ptr(&self.files) as usize as u64;
        let mut state = mix(address) ^ mix(CALLS.fetch_add(1, Ordering::Relaxed) << 32);
        for chunk in buffer.chunks_mut(8) {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            chunk.copy_from_slice(&mix(state).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// The finalizer of splitmix64 (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*, 2014).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

struct MemoryFile {
    path: String,
    content: Arc<Content>,
    writable: bool,
    holds_lock: AtomicBool,
}

impl MemoryFile {
    fn check_writable(&self, operation: &'static str) -> Result<(), VfsError> {
        if self.writable {
            return Ok(());
        }
        Err(VfsError::Io {
            path: self.path.clone(),
            operation,
            reason: String::from("it was opened for reading only"),
        })
    }
}

impl VfsFile for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError> {
        let bytes = self.content.bytes.read();
        let start = usize::try_from(offset)
            .ok()
            .filter(|start| start.checked_add(buffer.len()).is_some_and(|end| end <= bytes.len));
        let Some(start) = start else {
            return Err(VfsError::UnexpectedEnd {
                path: self.path.clone(),
                len: bytes.len as u64,
                wanted: offset.saturating_add(buffer.len() as u64),
            });
        };
        bytes.read(start, buffer);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        self.check_writable("write")?;
        let mut content = self.content.bytes.write();
        let written = usize::try_from(offset).ok().and_then(|start| content.write(start, bytes));
        written.ok_or_else(|| VfsError::Full { path: self.path.clone() })
    }

    fn sync_data(&self) -> Result<(), VfsError> {
        Ok(())
    }

    fn len(&self) -> Result<u64, VfsError> {
        Ok(self.content.bytes.read().len as u64)
    }

    fn set_len(&self, len: u64) -> Result<(), VfsError> {
        self.check_writable("set the length of")?;
        let mut content = self.content.bytes.write();
        let resized = usize::try_from(len).ok().and_then(|len| content.resize(len));
        resized.ok_or_else(|| VfsError::Full { path: self.path.clone() })
    }

    fn lock(&self) -> Result<(), VfsError> {
        if self.holds_lock.load(Ordering::Acquire) {
            return Ok(());
        }
        if self.content.locked.swap(true, Ordering::AcqRel) {
            #[cfg(feature = "std")]
            let holder = Some(std::process::id());
            #[cfg(not(feature = "std"))]
            let holder = None;
            return Err(VfsError::Locked { path: self.path.clone(), holder });
        }
        self.holds_lock.store(true, Ordering::Release);
        Ok(())
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        if self.holds_lock.load(Ordering::Acquire) {
            self.content.locked.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_files_and_removed_files_live_on_in_open_handles() {
        let vfs = MemoryVfs::new();
        super::super::tests::check_contract(&vfs, "a");
        super::super::tests::check_temporary(&vfs, "a");
        let clone = vfs.clone();
        let file = clone.open("b", OpenMode::Create).unwrap();
        file.write_at(b"abc", 0).unwrap();
        assert!(vfs.exists("b").unwrap());
        vfs.remove("b").unwrap();
        assert!(!clone.exists("b").unwrap());
        assert_eq!(file.len().unwrap(), 3);
    }

    #[test]
    fn files_keep_their_bytes_across_chunks() {
        let mut model = Vec::new();
        let mut chunks = Chunks::default();
        for step in 0..200usize {
            let at = step * 7919 % (5 * CHUNK_LEN);
            let bytes = vec![step as u8 | 1; step * 31 % (2 * CHUNK_LEN)];
            if step % 7 == 3 {
                model.resize(at, 0);
                chunks.resize(at).unwrap();
            }
            model.resize(model.len().max(at + bytes.len()), 0);
            model[at..at + bytes.len()].copy_from_slice(&bytes);
            chunks.resize(chunks.len.max(at)).unwrap();
            chunks.write(at, &bytes).unwrap();
            let mut found = vec![0; model.len()];
            chunks.read(0, &mut found);
            assert!(chunks.len == model.len() && found == model, "step {step}");
        }
        assert!(chunks.write(usize::MAX, &[1]).is_none());
    }

    #[test]
    fn a_lock_is_held_until_its_file_is_dropped() {
        let vfs = MemoryVfs::new();
        let first = vfs.open("a", OpenMode::Create).unwrap();
        let second = vfs.open("a", OpenMode::ReadWrite).unwrap();
        first.lock().unwrap();
        first.lock().unwrap();
        assert!(matches!(second.lock(), Err(VfsError::Locked { .. })));
        drop(first);
        second.lock().unwrap();
    }

    #[test]
    fn entropy_differs_between_calls_and_within_one() {
        let vfs = MemoryVfs::new();
        let (mut a, mut b) = ([0; 20], [0; 20]);
        vfs.entropy(&mut a);
        vfs.entropy(&mut b);
        assert_ne!(a, b);
        assert_ne!(a[..8], a[8..16]);
    }
}
