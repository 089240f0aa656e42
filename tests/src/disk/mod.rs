//! [`SimVfs`]: a disk that loses power, fails, fills up, tears and forgets, by a seed.
//!
//! * Every mutation (write, sync, set_len, create, remove, directory sync) is an operation with a number, counted from 0
//!   at the disk's making and again after each [`crash`](SimVfs::crash). [`cut_at`](SimVfs::cut_at) ends the power at
//!   one of them: that operation may still have happened, in part; from then on everything fails.
//! * [`crash`](SimVfs::crash) decides what is left, and power is back. Handles from before the crash stay dead.
//! * Directory entries reach the platter with a directory sync; until then each creation and removal is kept or lost
//!   independently of the file's bytes.
//! * Clock and entropy are the seed's.
//!
//! A planted [`Bug`] makes the disk skip syncs while it says that they succeeded: what a simulation must find.

mod content;
mod fault;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use epilog::storage::vfs::{OpenMode, Vfs, VfsError, VfsFile};

use self::content::Content;
pub use self::content::SECTOR_LEN;
pub use self::fault::{Bug, Cut, Fault};
use crate::random::Random;

/// What was done to the disk since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Calls of `write_at`.
    pub writes: u64,
    /// The bytes they wrote.
    pub bytes_written: u64,
    /// Calls of `sync_data`.
    pub syncs: u64,
    /// Calls of `sync_directory`.
    pub directory_syncs: u64,
    /// Files made, files removed, lengths set.
    pub metadata: u64,
    /// Calls of `read_at`.
    pub reads: u64,
}

/// A simulated disk; clones are the same disk.
#[derive(Clone)]
pub struct SimVfs {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Clone)]
struct Disk {
    random: Random,
    clock_ns: u64,
    files: Vec<File>,
    /// By path, the index in `files`.
    entries: BTreeMap<String, usize>,
    durable_entries: BTreeMap<String, usize>,
    /// Changes of entries that no directory sync has made durable, in order: the file that a path now names, if any.
    entry_changes: Vec<(String, Option<usize>)>,
    operations: u64,
    cut_at: Option<u64>,
    is_off: bool,
    /// Grows with each crash; handles of older generations are dead.
    generation: u64,
    faults: BTreeMap<u64, Fault>,
    read_faults: BTreeMap<u64, Fault>,
    capacity: Option<u64>,
    bugs: Vec<Bug>,
    counters: Counters,
    /// What each operation was.
    trace: Vec<&'static str>,
    /// The disk as a cut at each operation leaves it, if that is to be remembered.
    cuts: Option<Vec<SimVfs>>,
}

#[derive(Clone, Default)]
struct File {
    content: Content,
    /// The handle that holds the lock.
    lock: Option<u64>,
    handles: u64,
}

/// What an operation is to do.
enum Verdict {
    Do,
    /// Does so many bytes of it, then fails.
    Part(usize, VfsError),
    Fail(VfsError),
    /// The power goes: whatever the operation does is not synced, and it fails.
    LastBreath(VfsError),
    Forget(VfsError),
}

impl SimVfs {
    /// An empty disk.
    pub fn new(seed: u64) -> SimVfs {
        let disk = Disk {
            random: Random::new(seed),
            clock_ns: 0,
            files: Vec::new(),
            entries: BTreeMap::new(),
            durable_entries: BTreeMap::new(),
            entry_changes: Vec::new(),
            operations: 0,
            cut_at: None,
            is_off: false,
            generation: 0,
            faults: BTreeMap::new(),
            read_faults: BTreeMap::new(),
            capacity: None,
            bugs: Vec::new(),
            counters: Counters::default(),
            trace: Vec::new(),
            cuts: None,
        };
        SimVfs { disk: Arc::new(Mutex::new(disk)) }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another disk in the same state, to try two continuations. Handles stay with this one.
    pub fn fork(&self) -> SimVfs {
        self.disk().fork()
    }

    /// Remembers from now on the disk as a cut at each operation would leave it, before its [`crash`](SimVfs::crash).
    pub fn remember_cuts(&self) {
        self.disk().cuts = Some(Vec::new());
    }

    /// The disks remembered, by operation: each as if [`cut_at`](SimVfs::cut_at) had ended the power there.
    pub fn take_cuts(&self) -> Vec<SimVfs> {
        self.disk().cuts.take().unwrap_or_default()
    }

    /// What each operation was, by number.
    pub fn trace(&self) -> Vec<&'static str> {
        self.disk().trace.clone()
    }

    /// The operations since the disk was made, or since its last crash.
    pub fn operations(&self) -> u64 {
        self.disk().operations
    }

    /// Ends the power at the operation with this number.
    pub fn cut_at(&self, operation: u64) {
        self.disk().cut_at = Some(operation);
    }

    /// Whether the power went.
    pub fn is_off(&self) -> bool {
        self.disk().is_off
    }

    /// Loses power now, unless it is lost already, and gets it back. Operations count from 0 again; cuts and faults that
    /// were still to come are called off.
    pub fn crash(&self, cut: Cut) {
        let mut disk = self.disk();
        let mut random = Random::new(0);
        if let Cut::Torn { seed } = cut {
            random = Random::new(seed);
        }
        for file in &mut disk.files {
            let cut = match cut {
                Cut::Torn { .. } => Cut::Torn { seed: random.draw() },
                other => other,
            };
            file.content.crash(&cut);
            file.lock = None;
        }
        let mut entries = std::mem::take(&mut disk.durable_entries);
        for (path, file) in std::mem::take(&mut disk.entry_changes) {
            let survives = match cut {
                Cut::Lost => false,
                Cut::Kept => true,
                Cut::Torn { .. } => random.chance(1, 2),
            };
            if survives {
                set_entry(&mut entries, &path, file);
            }
        }
        disk.durable_entries.clone_from(&entries);
        disk.entries = entries;
        disk.operations = 0;
        disk.trace.clear();
        disk.cut_at = None;
        disk.is_off = false;
        disk.generation += 1;
        disk.faults.clear();
        disk.read_faults.clear();
    }

    /// Lets the operation with this number fail, once.
    pub fn fault_at(&self, operation: u64, fault: Fault) {
        self.disk().faults.insert(operation, fault);
    }

    /// Lets the `read_at` with this number (of the disk's life) fail, once.
    pub fn fail_read_at(&self, read: u64) {
        self.disk().read_faults.insert(read, Fault::Io);
    }

    /// Limits the sum of the files' lengths.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk().capacity = bytes;
    }

    /// Plants a bug.
    pub fn plant(&self, bug: Bug) {
        self.disk().bugs.push(bug);
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        self.disk().counters
    }

    /// The files there are, by path.
    pub fn paths(&self) -> Vec<String> {
        self.disk().entries.keys().cloned().collect()
    }

    /// The bytes of a file as a read would see them.
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let disk = self.disk();
        disk.entries.get(path).map(|&file| disk.files[file].content.bytes().to_vec())
    }

    /// Gives a file these bytes, durably; makes it when it does not exist.
    pub fn set_bytes(&self, path: &str, bytes: &[u8]) {
        let mut disk = self.disk();
        let file = match disk.entries.get(path) {
            Some(&file) => file,
            None => disk.add(path),
        };
        disk.durable_entries.insert(path.to_owned(), file);
        disk.files[file].content.replace(bytes);
    }

    /// Removes a file, durably.
    pub fn remove_file(&self, path: &str) {
        let mut disk = self.disk();
        disk.entries.remove(path);
        disk.durable_entries.remove(path);
    }

    /// Flips a bit of a file, numbered from 0, the lowest of each byte first. Nothing happens behind its end.
    pub fn flip_bit(&self, path: &str, bit: u64) {
        let mut disk = self.disk();
        if let Some(&file) = disk.entries.get(path) {
            disk.files[file].content.flip_bit(bit as usize);
        }
    }
}

impl Disk {
    /// Begins a mutation of `path`: counts it and says what becomes of it.
    fn operate(&mut self, path: &str, operation: &'static str) -> Verdict {
        let error =
            |reason: &str| VfsError::Io { path: path.to_owned(), operation, reason: reason.to_owned() };
        if self.is_off {
            return Verdict::Fail(error("the power is off"));
        }
        let number = self.operations;
        self.operations += 1;
        self.trace.push(operation);
        if self.cut_at == Some(number) {
            self.is_off = true;
            return Verdict::LastBreath(error("the power went"));
        }
        match self.faults.remove(&number) {
            None => Verdict::Do,
            Some(Fault::Io) => Verdict::Fail(error("a planted fault")),
            Some(Fault::Full) => Verdict::Fail(VfsError::Full { path: path.to_owned() }),
            Some(Fault::Short(len)) => Verdict::Part(len, error("a planted short write")),
            Some(Fault::SyncForgets) => Verdict::Forget(error("a planted fault")),
        }
    }

    fn fork(&mut self) -> SimVfs {
        // Cuts that were remembered are this disk's.
        let cuts = self.cuts.take();
        let mut disk = self.clone();
        self.cuts = cuts;
        for file in &mut disk.files {
            file.lock = None;
        }
        SimVfs { disk: Arc::new(Mutex::new(disk)) }
    }

    /// Remembers the disk as a cut at the present operation leaves it. What the operation does is not synced: a write has
    /// been done by now, a sync has not.
    fn remember_cut(&mut self) {
        if self.cuts.is_some() {
            let cut = self.fork();
            cut.disk().is_off = true;
            self.cuts.get_or_insert_default().push(cut);
        }
    }

    fn add(&mut self, path: &str) -> usize {
        self.files.push(File::default());
        let file = self.files.len() - 1;
        self.entries.insert(path.to_owned(), file);
        file
    }

    /// Whether `file` may become `len` bytes long.
    fn has_room(&self, file: usize, len: usize) -> bool {
        let Some(capacity) = self.capacity else { return true };
        let others = self.entries.values().filter(|&&other| other != file);
        let used: usize = others.map(|&other| self.files[other].content.bytes().len()).sum();
        len <= self.files[file].content.bytes().len() || (used + len) as u64 <= capacity
    }

    fn has_bug(&self, is_it: impl Fn(&Bug) -> bool) -> bool {
        self.bugs.iter().any(is_it)
    }
}

fn set_entry(entries: &mut BTreeMap<String, usize>, path: &str, file: Option<usize>) {
    match file {
        Some(file) => entries.insert(path.to_owned(), file),
        None => entries.remove(path),
    };
}

fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

impl Vfs for SimVfs {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError> {
        let mut disk = self.disk();
        if disk.is_off {
            let (path, reason) = (path.to_owned(), String::from("the power is off"));
            return Err(VfsError::Io { path, operation: "open", reason });
        }
        let file = match disk.entries.get(path) {
            Some(&file) => file,
            None if mode == OpenMode::Create => {
                disk.counters.metadata += 1;
                let outcome = match disk.operate(path, "create") {
                    Verdict::Do => Ok(()),
                    Verdict::LastBreath(error) => Err((true, error)),
                    Verdict::Part(_, error) | Verdict::Fail(error) | Verdict::Forget(error) => {
                        Err((false, error))
                    }
                };
                if let Err((false, error)) = outcome {
                    return Err(error);
                }
                let file = disk.add(path);
                disk.entry_changes.push((path.to_owned(), Some(file)));
                disk.remember_cut();
                if let Err((_, error)) = outcome {
                    return Err(error);
                }
                file
            }
            None => return Err(VfsError::NotFound { path: path.to_owned() }),
        };
        disk.files[file].handles += 1;
        Ok(Box::new(SimFile {
            path: path.to_owned(),
            file,
            handle: disk.files[file].handles,
            generation: disk.generation,
            writable: mode != OpenMode::Read,
            vfs: self.clone(),
        }))
    }

    fn exists(&self, path: &str) -> Result<bool, VfsError> {
        Ok(self.disk().entries.contains_key(path))
    }

    fn remove(&self, path: &str) -> Result<(), VfsError> {
        let mut disk = self.disk();
        if !disk.entries.contains_key(path) {
            return Err(VfsError::NotFound { path: path.to_owned() });
        }
        disk.counters.metadata += 1;
        let outcome = match disk.operate(path, "remove") {
            Verdict::Do => Ok(()),
            Verdict::LastBreath(error) => Err(error),
            Verdict::Part(_, error) | Verdict::Fail(error) | Verdict::Forget(error) => return Err(error),
        };
        disk.entries.remove(path);
        disk.entry_changes.push((path.to_owned(), None));
        disk.remember_cut();
        outcome
    }

    fn sync_directory(&self, path: &str) -> Result<(), VfsError> {
        let mut disk = self.disk();
        disk.counters.directory_syncs += 1;
        match disk.operate(path, "sync the directory") {
            Verdict::Do => disk.remember_cut(),
            Verdict::LastBreath(error)
            | Verdict::Part(_, error)
            | Verdict::Fail(error)
            | Verdict::Forget(error) => return Err(error),
        }
        if disk.has_bug(|bug| *bug == Bug::IgnoreDirectorySyncs) {
            return Ok(());
        }
        let directory = directory_of(path);
        let (synced, others) = std::mem::take(&mut disk.entry_changes)
            .into_iter()
            .partition::<Vec<_>, _>(|(changed, _)| directory_of(changed) == directory);
        disk.entry_changes = others;
        for (path, file) in synced {
            set_entry(&mut disk.durable_entries, &path, file);
        }
        Ok(())
    }

    /// A file that no entry leads to: a cut leaves nothing of it. What it takes counts as one more file's bytes.
    fn temporary(&self, path: &str) -> Result<Option<Box<dyn VfsFile>>, VfsError> {
        let mut disk = self.disk();
        let path = format!("{path}-temporary");
        if disk.is_off {
            let reason = String::from("the power is off");
            return Err(VfsError::Io { path, operation: "make", reason });
        }
        disk.files.push(File { handles: 1, ..File::default() });
        let (file, generation) = (disk.files.len() - 1, disk.generation);
        Ok(Some(Box::new(SimFile { path, file, handle: 1, generation, writable: true, vfs: self.clone() })))
    }

    fn now_ns(&self) -> u64 {
        let mut disk = self.disk();
        disk.clock_ns += 1_000;
        disk.clock_ns
    }

    fn entropy(&self, buffer: &mut [u8]) {
        self.disk().random.fill(buffer);
    }
}

struct SimFile {
    vfs: SimVfs,
    path: String,
    file: usize,
    handle: u64,
    generation: u64,
    writable: bool,
}

impl SimFile {
    /// The disk, if this handle is still alive on it.
    fn disk(&self, operation: &'static str) -> Result<MutexGuard<'_, Disk>, VfsError> {
        let disk = self.vfs.disk();
        if disk.is_off || disk.generation != self.generation {
            return Err(self.error(operation, "the power is off"));
        }
        Ok(disk)
    }

    fn disk_to_change(&self, operation: &'static str) -> Result<MutexGuard<'_, Disk>, VfsError> {
        if !self.writable {
            return Err(self.error(operation, "it was opened for reading only"));
        }
        self.disk(operation)
    }

    fn error(&self, operation: &'static str, reason: &str) -> VfsError {
        VfsError::Io { path: self.path.clone(), operation, reason: reason.to_owned() }
    }
}

impl VfsFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError> {
        let mut disk = self.disk("read")?;
        let number = disk.counters.reads;
        disk.counters.reads += 1;
        if disk.read_faults.remove(&number).is_some() {
            return Err(self.error("read", "a planted fault"));
        }
        let bytes = disk.files[self.file].content.bytes();
        let start = offset as usize;
        let Some(found) = start.checked_add(buffer.len()).and_then(|end| bytes.get(start..end)) else {
            return Err(VfsError::UnexpectedEnd {
                path: self.path.clone(),
                len: bytes.len() as u64,
                wanted: offset.saturating_add(buffer.len() as u64),
            });
        };
        buffer.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        let mut disk = self.disk_to_change("write")?;
        disk.counters.writes += 1;
        let (len, outcome) = match disk.operate(&self.path, "write") {
            Verdict::Do => (bytes.len(), Ok(())),
            Verdict::LastBreath(error) => (bytes.len(), Err(error)),
            Verdict::Part(len, error) => (len.min(bytes.len()), Err(error)),
            Verdict::Fail(error) | Verdict::Forget(error) => (0, Err(error)),
        };
        let offset = offset as usize;
        if len > 0 && !disk.has_room(self.file, offset + len) {
            return Err(VfsError::Full { path: self.path.clone() });
        }
        disk.counters.bytes_written += len as u64;
        disk.files[self.file].content.write(&bytes[..len], offset);
        disk.remember_cut();
        outcome
    }

    fn sync_data(&self) -> Result<(), VfsError> {
        let mut disk = self.disk_to_change("sync")?;
        let number = disk.counters.syncs;
        disk.counters.syncs += 1;
        match disk.operate(&self.path, "sync") {
            Verdict::Do => disk.remember_cut(),
            Verdict::LastBreath(error) | Verdict::Part(_, error) | Verdict::Fail(error) => return Err(error),
            Verdict::Forget(error) => {
                let mut random = disk.random.clone();
                disk.files[self.file].content.fail_sync(&mut random);
                disk.random = random;
                return Err(error);
            }
        }
        let is_skipped = disk.has_bug(|bug| match bug {
            Bug::DropSync(dropped) => *dropped == number,
            Bug::IgnoreSyncs(end) => self.path.ends_with(end),
            Bug::IgnoreDirectorySyncs => false,
        });
        if !is_skipped {
            disk.files[self.file].content.sync();
        }
        Ok(())
    }

    fn len(&self) -> Result<u64, VfsError> {
        Ok(self.disk("measure")?.files[self.file].content.bytes().len() as u64)
    }

    fn set_len(&self, len: u64) -> Result<(), VfsError> {
        let mut disk = self.disk_to_change("set the length of")?;
        disk.counters.metadata += 1;
        let outcome = match disk.operate(&self.path, "set the length of") {
            Verdict::Do => Ok(()),
            Verdict::LastBreath(error) => Err(error),
            Verdict::Part(_, error) | Verdict::Fail(error) | Verdict::Forget(error) => return Err(error),
        };
        if !disk.has_room(self.file, len as usize) {
            return Err(VfsError::Full { path: self.path.clone() });
        }
        disk.files[self.file].content.set_len(len as usize);
        disk.remember_cut();
        outcome
    }

    fn lock(&self) -> Result<(), VfsError> {
        let mut disk = self.disk("lock")?;
        let lock = &mut disk.files[self.file].lock;
        match lock {
            Some(holder) if *holder != self.handle => {
                Err(VfsError::Locked { path: self.path.clone(), holder: None })
            }
            _ => {
                *lock = Some(self.handle);
                Ok(())
            }
        }
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut disk = self.vfs.disk();
        if disk.generation == self.generation && disk.files[self.file].lock == Some(self.handle) {
            disk.files[self.file].lock = None;
        }
    }
}

#[cfg(test)]
mod tests;
