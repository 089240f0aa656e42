//! A file system of two files, on the disk of the computer that the debugger runs on: its semihosting calls stand in for
//! the driver of the flash or FRAM that a device would keep its data in, so that no byte of the files is in the device's
//! memory. Opening again finds what closing left.
//!
//! The database's file is `station`, its journal, whose name ends so, `station-journal`, in the directory of the emulator.
//! Semihosting cannot cut a file: how long each is is kept here, and a file on the disk may be longer.

use alloc::boxed::Box;
use alloc::string::String;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use epilog::vfs::{OpenMode, Vfs, VfsError, VfsFile};

use super::cortex_m3::{NO_FILE, open, read_at, write_at};

/// The most bytes of a file.
const LEN_MAX: usize = 1 << 20;

/// A file; its length is 0, and it does not exist, before it is made.
struct Slot {
    exists: AtomicBool,
    /// The debugger's number for it, which is kept from the first opening on.
    handle: AtomicU32,
    locked: AtomicBool,
    len: AtomicU32,
}

const EMPTY: Slot = Slot {
    exists: AtomicBool::new(false),
    handle: AtomicU32::new(NO_FILE),
    locked: AtomicBool::new(false),
    len: AtomicU32::new(0),
};

static SLOTS: [Slot; 2] = [EMPTY, EMPTY];

/// The file system. It has no temporary files: the feature `small` has no use for them.
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
        if SLOTS[slot].handle.load(Ordering::Relaxed) == NO_FILE {
            let name = if slot == 0 { c"station" } else { c"station-journal" };
            SLOTS[slot].handle.store(open(name), Ordering::Relaxed);
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

    fn failed(&self, operation: &'static str) -> VfsError {
        VfsError::Io { path: self.path.clone(), operation, reason: "the debugger did not".into() }
    }

    /// Where an access of `len` bytes at `offset` begins, if it lies within `limit`.
    fn place(offset: u64, len: usize, limit: usize) -> Option<usize> {
        let start = usize::try_from(offset).ok()?;
        start.checked_add(len).filter(|end| *end <= limit).map(|_| start)
    }

    fn write(&self, bytes: &[u8], start: usize) -> Result<(), VfsError> {
        match write_at(self.slot().handle.load(Ordering::Relaxed), bytes, start as u32) {
            true => Ok(()),
            false => Err(self.failed("write")),
        }
    }

    /// Makes the file `len` bytes long at least, with zeros.
    fn grow(&self, len: usize) -> Result<(), VfsError> {
        let mut now = self.slot().len.load(Ordering::Relaxed) as usize;
        while now < len {
            let part = (len - now).min(64);
            self.write(&[0; 64][..part], now)?;
            now += part;
            self.slot().len.store(now as u32, Ordering::Relaxed);
        }
        Ok(())
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
        match read_at(self.slot().handle.load(Ordering::Relaxed), buffer, start as u32) {
            true => Ok(()),
            false => Err(self.failed("read")),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        let start = File::place(offset, bytes.len(), LEN_MAX);
        let start = start.ok_or_else(|| VfsError::Full { path: self.path.clone() })?;
        self.grow(start)?;
        self.write(bytes, start)?;
        self.slot().len.fetch_max((start + bytes.len()) as u32, Ordering::Relaxed);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), VfsError> {
        Ok(())
    }

    fn len(&self) -> Result<u64, VfsError> {
        Ok(u64::from(self.slot().len.load(Ordering::Relaxed)))
    }

    fn set_len(&self, len: u64) -> Result<(), VfsError> {
        let end = File::place(len, 0, LEN_MAX).ok_or_else(|| VfsError::Full { path: self.path.clone() })?;
        self.grow(end)?;
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
