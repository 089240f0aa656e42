//! [`MemoryVfs`]: files in memory, shared by the clones of one value and gone with the last of them.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{OpenMode, Vfs, VfsError, VfsFile};
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
    bytes: RwLock<Vec<u8>>,
    locked: AtomicBool,
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
        let found = usize::try_from(offset)
            .ok()
            .and_then(|start| bytes.get(start..start.checked_add(buffer.len())?))
            .ok_or_else(|| VfsError::UnexpectedEnd {
                path: self.path.clone(),
                len: bytes.len() as u64,
                wanted: offset.saturating_add(buffer.len() as u64),
            })?;
        buffer.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        self.check_writable("write")?;
        let mut content = self.content.bytes.write();
        let (start, end) = usize::try_from(offset)
            .ok()
            .and_then(|start| Some((start, start.checked_add(bytes.len())?)))
            .ok_or_else(|| VfsError::Full { path: self.path.clone() })?;
        grow(&mut content, end, &self.path)?;
        content[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), VfsError> {
        Ok(())
    }

    fn len(&self) -> Result<u64, VfsError> {
        Ok(self.content.bytes.read().len() as u64)
    }

    fn set_len(&self, len: u64) -> Result<(), VfsError> {
        self.check_writable("set the length of")?;
        let mut content = self.content.bytes.write();
        let len = usize::try_from(len).map_err(|_| VfsError::Full { path: self.path.clone() })?;
        grow(&mut content, len, &self.path)?;
        content.truncate(len);
        Ok(())
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

/// Appends zeros up to `len`, or says that memory is exhausted.
fn grow(content: &mut Vec<u8>, len: usize, path: &str) -> Result<(), VfsError> {
    if len > content.len() {
        content.try_reserve(len - content.len()).map_err(|_| VfsError::Full { path: path.to_owned() })?;
        content.resize(len, 0);
    }
    Ok(())
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
        let clone = vfs.clone();
        let file = clone.open("b", OpenMode::Create).unwrap();
        file.write_at(b"abc", 0).unwrap();
        assert!(vfs.exists("b").unwrap());
        vfs.remove("b").unwrap();
        assert!(!clone.exists("b").unwrap());
        assert_eq!(file.len().unwrap(), 3);
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
