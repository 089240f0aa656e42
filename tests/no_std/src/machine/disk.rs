//! A file system of two files, in memory that belongs to no program: the board's external RAM stands in for the flash or
//! FRAM that a device would keep its data in. Opening again finds what closing left.
//!
//! The database's file is the first half, its journal, whose name ends so, the second.
#![allow(unsafe_code)]

use alloc::boxed::Box;
use alloc::string::String;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use epilog::vfs::{OpenMode, Vfs, VfsError, VfsFile};

/// Where the memory is that the linker script knows nothing of, and the bytes of a half.
const START: usize = 0x2100_0000;
const HALF: usize = 1 << 20;

/// A file; its length is 0, and it does not exist, before it is made.
struct Slot {
    exists: AtomicBool,
    locked: AtomicBool,
    len: AtomicU32,
}

const EMPTY: Slot =
    Slot { exists: AtomicBool::new(false), locked: AtomicBool::new(false), len: AtomicU32::new(0) };

static SLOTS: [Slot; 2] = [EMPTY, EMPTY];

/// The file system.
pub struct Disk;

fn slot_of(path: &str) -> usize {
    usize::from(path.ends_with("-journal"))
}

impl Vfs for Disk {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError> {
        let slot = slot_of(path);
        if mode == OpenMode::Create {
            SLOTS[slot].exists.store(true, Ordering::Relaxed);
        }
        if !SLOTS[slot].exists.load(Ordering::Relaxed) {
            return Err(VfsError::NotFound { path: path.into() });
        }
        Ok(Box::new(File { path: path.into(), slot, holds_lock: AtomicBool::new(false) }))
    }

    fn exists(&self, path: &str) -> Result<bool, VfsError> {
        Ok(SLOTS[slot_of(path)].exists.load(Ordering::Relaxed))
    }

    fn remove(&self, path: &str) -> Result<(), VfsError> {
        let slot = &SLOTS[slot_of(path)];
        slot.len.store(0, Ordering::Relaxed);
        match slot.exists.swap(false, Ordering::Relaxed) {
            true => Ok(()),
            false => Err(VfsError::NotFound { path: path.into() }),
        }
    }

    fn sync_directory(&self, _path: &str) -> Result<(), VfsError> {
        Ok(())
    }

    /// There is no clock: a number that grows.
    fn now_ns(&self) -> u64 {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        u64::from(CALLS.fetch_add(1, Ordering::Relaxed))
    }

    /// There is no source of randomness either: bytes that differ at each call (xorshift32), which files that nobody
    /// exchanges can do with.
    fn entropy(&self, buffer: &mut [u8]) {
        static STATE: AtomicU32 = AtomicU32::new(0x9E37_79B9);
        let mut state = STATE.load(Ordering::Relaxed);
        for byte in buffer {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            *byte = (state >> 24) as u8;
        }
        STATE.store(state, Ordering::Relaxed);
    }
}

struct File {
    path: String,
    slot: usize,
    holds_lock: AtomicBool,
}

impl File {
    fn slot(&self) -> &'static Slot {
        &SLOTS[self.slot]
    }

    /// The file's half of the memory.
    fn start(&self) -> *mut u8 {
        (START + self.slot * HALF) as *mut u8
    }

    /// Where an access of `len` bytes at `offset` begins, if it lies within `limit`.
    fn place(offset: u64, len: usize, limit: usize) -> Option<usize> {
        let start = usize::try_from(offset).ok()?;
        start.checked_add(len).filter(|end| *end <= limit).map(|_| start)
    }

    fn grow(&self, len: usize) {
        let now = self.slot().len.load(Ordering::Relaxed) as usize;
        if len > now {
            // SAFETY: callers have checked that `len` is within the half, which nothing else uses.
            unsafe { self.start().add(now).write_bytes(0, len - now) };
            self.slot().len.store(len as u32, Ordering::Relaxed);
        }
    }
}

impl VfsFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError> {
        let len = self.slot().len.load(Ordering::Relaxed) as usize;
        let start = File::place(offset, buffer.len(), len).ok_or_else(|| VfsError::UnexpectedEnd {
            path: self.path.clone(),
            len: len as u64,
            wanted: offset.saturating_add(buffer.len() as u64),
        })?;
        // SAFETY: the bytes are within the file, which lies in memory that nothing else uses.
        unsafe { buffer.as_mut_ptr().copy_from_nonoverlapping(self.start().add(start), buffer.len()) };
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        let start = File::place(offset, bytes.len(), HALF);
        let start = start.ok_or_else(|| VfsError::Full { path: self.path.clone() })?;
        self.grow(start + bytes.len());
        // SAFETY: the bytes are within the file's half, which nothing else uses.
        unsafe { self.start().add(start).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    fn sync_data(&self) -> Result<(), VfsError> {
        Ok(())
    }

    fn len(&self) -> Result<u64, VfsError> {
        Ok(u64::from(self.slot().len.load(Ordering::Relaxed)))
    }

    fn set_len(&self, len: u64) -> Result<(), VfsError> {
        let end = File::place(len, 0, HALF).ok_or_else(|| VfsError::Full { path: self.path.clone() })?;
        self.grow(end);
        self.slot().len.store(end as u32, Ordering::Relaxed);
        Ok(())
    }

    fn lock(&self) -> Result<(), VfsError> {
        if self.holds_lock.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.slot().locked.swap(true, Ordering::Relaxed) {
            return Err(VfsError::Locked { path: self.path.clone(), holder: None });
        }
        self.holds_lock.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if self.holds_lock.load(Ordering::Relaxed) {
            self.slot().locked.store(false, Ordering::Relaxed);
        }
    }
}
