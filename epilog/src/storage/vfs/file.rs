//! [`FileVfs`]: the operating system's files.
//!
//! * Reads and writes name their offset, so that threads share one handle without a lock.
//! * `sync_data` is `fdatasync` where it exists, which also makes a new length durable. On Apple's systems the standard
//!   library issues `F_FULLFSYNC`, without which the drive may keep the bytes in its cache.
//! * The lock is the advisory lock of the whole file (`flock`; `LockFileEx` on Windows). It writes nothing; the operating
//!   system drops it with the process, and it is given back with the handle. On Linux its holder is looked up in `/proc/locks`.

use std::borrow::ToOwned;
use std::boxed::Box;
use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::time::Instant;
use std::vec::Vec;

use super::{OpenMode, Vfs, VfsError, VfsFile};
use crate::sync::OnceCell;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The operating system's files: what [`Database::open`](crate::Database::open) uses.
///
/// A path is a path of the system. The lock is advisory, and goes with the process; network file systems may not keep it.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use epilog::vfs::FileVfs;
#[doc = include_str!("../../example.txt")]
///
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let path = directory.path().join("music.epilog").display().to_string();
/// let db: Database<Music> = Database::open_in(Arc::new(FileVfs), &path, &Options::default())?;
/// assert_eq!(Artist::query().count(&db)?, 0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Default, Clone, Copy)]
pub struct FileVfs;

impl Vfs for FileVfs {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError> {
        let file = OpenOptions::new()
            .read(true)
            .write(mode != OpenMode::Read)
            .create(mode == OpenMode::Create)
            .open(path)
            .map_err(|error| describe(path, "open", &error))?;
        Ok(Box::new(OpenFile { path: path.to_owned(), file, named: false }))
    }

    fn exists(&self, path: &str) -> Result<bool, VfsError> {
        Path::new(path).try_exists().map_err(|error| describe(path, "look for", &error))
    }

    fn remove(&self, path: &str) -> Result<(), VfsError> {
        std::fs::remove_file(path).map_err(|error| describe(path, "remove", &error))
    }

    fn sync_directory(&self, path: &str) -> Result<(), VfsError> {
        let directory = match Path::new(path).parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        // Windows has no such operation: its file systems journal the change of a directory themselves.
        if cfg!(unix) {
            File::open(&directory)
                .and_then(|handle| handle.sync_all())
                .map_err(|error| describe(&directory.to_string_lossy(), "sync the directory", &error))?;
        }
        Ok(())
    }

    /// A file beside the database; none where that directory may not be written. On Unix its name is taken away before
    /// anything is written, elsewhere when it is dropped.
    fn temporary(&self, path: &str) -> Result<Option<Box<dyn VfsFile>>, VfsError> {
        match temporary(path) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err((_, error))
                if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
            {
                Ok(None)
            }
            Err((name, error)) => Err(describe(&name, "make", &error)),
        }
    }

    fn now_ns(&self) -> u64 {
        monotonic_ns()
    }

    /// On Linux, the least of the machine's memory and the limits of the process's control group and those above it.
    fn memory_bytes(&self) -> Option<u64> {
        let read = |path: &str| std::fs::read_to_string(path).ok();
        let files = limit_files(&read("/proc/self/cgroup").unwrap_or_default());
        let limits = files.iter().filter_map(|path| read(path)?.trim().parse().ok());
        limits.chain(read("/proc/meminfo").and_then(|text| total_memory(&text))).min()
    }

    /// Bytes from the keys that the standard library draws from the operating system for its hash tables: SipHash of a
    /// counter under a key that nobody outside the process knows. Enough for ids and salts; no key material.
    fn entropy(&self, buffer: &mut [u8]) {
        let state = RandomState::new();
        for (index, chunk) in buffer.chunks_mut(8).enumerate() {
            chunk.copy_from_slice(&state.hash_one(index).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Nanoseconds since the first call in this process.
pub(crate) fn monotonic_ns() -> u64 {
    static START: OnceCell<Instant> = OnceCell::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Makes a temporary file whose name, while it has one, begins with `path`; on failure says for which name.
fn temporary(path: &str) -> Result<OpenFile, (String, Error)> {
    static NAMES: AtomicU64 = AtomicU64::new(0);
    loop {
        // A process that was killed on a system where names stay may have left files of another process's number.
        let number = NAMES.fetch_add(1, Ordering::Relaxed);
        let name = std::format!("{path}-temporary-{}-{number}", std::process::id());
        match OpenOptions::new().read(true).write(true).create_new(true).open(&name) {
            Ok(file) => {
                if cfg!(unix)
                    && let Err(error) = std::fs::remove_file(&name)
                {
                    return Err((name, error));
                }
                return Ok(OpenFile { path: name, file, named: !cfg!(unix) });
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err((name, error)),
        }
    }
}

struct OpenFile {
    path: String,
    file: File,
    /// Whether its name is to be taken away when it is dropped.
    named: bool,
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        // A process that is being started has the handle too until it becomes another program: the lock does not wait for that.
        let _ = self.file.unlock();
        if self.named {
            // What is left behind when that fails is of no use to anybody.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl VfsFile for OpenFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError> {
        read_exact_at(&self.file, buffer, offset).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => VfsError::UnexpectedEnd {
                path: self.path.clone(),
                len: self.file.metadata().map_or(0, |metadata| metadata.len()),
                wanted: offset.saturating_add(buffer.len() as u64),
            },
            _ => describe(&self.path, "read", &error),
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        write_all_at(&self.file, bytes, offset).map_err(|error| describe(&self.path, "write", &error))
    }

    fn sync_data(&self) -> Result<(), VfsError> {
        self.file.sync_data().map_err(|error| describe(&self.path, "sync", &error))
    }

    fn len(&self) -> Result<u64, VfsError> {
        let metadata = self.file.metadata().map_err(|error| describe(&self.path, "measure", &error))?;
        Ok(metadata.len())
    }

    fn set_len(&self, len: u64) -> Result<(), VfsError> {
        self.file.set_len(len).map_err(|error| describe(&self.path, "set the length of", &error))
    }

    fn lock(&self) -> Result<(), VfsError> {
        match self.file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                Err(VfsError::Locked { path: self.path.clone(), holder: lock_holder(&self.file) })
            }
            Err(TryLockError::Error(error)) => Err(describe(&self.path, "lock", &error)),
        }
    }
}

/// What `error` means for a database.
fn describe(path: &str, operation: &'static str, error: &Error) -> VfsError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::NotFound => VfsError::NotFound { path },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => VfsError::Full { path },
        _ => VfsError::Io { path, operation, reason: error.to_string() },
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> Result<(), Error> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> Result<(), Error> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                buffer = &mut buffer[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> Result<(), Error> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The process that holds the lock of `file`, by the kernel's table of locks.
#[cfg(target_os = "linux")]
fn lock_holder(file: &File) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata().ok()?;
    find_holder(&std::fs::read_to_string("/proc/locks").ok()?, metadata.dev(), metadata.ino())
}

#[cfg(not(target_os = "linux"))]
fn lock_holder(_file: &File) -> Option<u32> {
    None
}

/// Finds the holder in lines such as `3: FLOCK  ADVISORY  WRITE 4711 fe:01:131 0 EOF` (proc_locks(5)).
///
/// The device is compared too, unless no line has it: a layered file system shows another device to programs than the
/// one the kernel locks on, and then the inode alone must do, if it names one process only. A process outside of our
/// process namespace is shown as 0, which names nobody.
#[cfg(target_os = "linux")]
fn find_holder(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let major = ((device >> 8) & 0xFFF) | ((device >> 32) & !0xFFF);
    let minor = (device & 0xFF) | ((device >> 12) & 0xFFFF_FF00);
    let ours = std::format!("{major:02x}:{minor:02x}");
    let mut by_inode = None;
    let mut inode_is_ambiguous = false;
    for line in locks.lines() {
        // A process that waits for the lock follows its holder, marked with an arrow.
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, file, ..] = words[..] else { continue };
        let Some((on_device, on_inode)) = file.rsplit_once(':') else { continue };
        if on_inode.parse() != Ok(inode) {
            continue;
        }
        let holder = pid.parse::<u32>().ok().filter(|&pid| pid != 0);
        if on_device == ours {
            return holder;
        }
        inode_is_ambiguous |= by_inode.is_some();
        by_inode = holder;
    }
    if inode_is_ambiguous { None } else { by_inode }
}

/// Where the limits of memory of a process stand, by its lines in `/proc/self/cgroup`, each `id:controllers:path`
/// (cgroups(7)): version 2 of control groups names no controllers, in version 1 `memory` is among them. The limits of the
/// groups above count as well. In a container the path may lead to nothing, or out of what is mounted (`/../a`): the topmost
/// group that can be seen is therefore always looked at.
fn limit_files(groups: &str) -> Vec<String> {
    let versions = [("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")];
    let mut files: Vec<String> = versions.iter().map(|(root, file)| std::format!("{root}/{file}")).collect();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let version = match controllers {
            "" => 0,
            _ if controllers.split(',').any(|controller| controller == "memory") => 1,
            _ => continue,
        };
        let (root, file) = versions[version];
        let mut group = path.trim_end_matches('/');
        while let Some((above, name)) = group.rsplit_once('/') {
            if group.split('/').any(|name| name == "..") || name.is_empty() {
                break;
            }
            files.push(std::format!("{root}{group}/{file}"));
            group = above;
        }
    }
    files
}

/// The bytes after `MemTotal:`, which the kernel gives in kB.
fn total_memory(meminfo: &str) -> Option<u64> {
    let rest = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn path_of(directory: &tempfile::TempDir, name: &str) -> String {
        directory.path().join(name).to_str().unwrap().to_owned()
    }

    #[test]
    fn the_kernel_says_how_much_memory_there_is() {
        assert_eq!(total_memory("MemTotal:       16384 kB\nMemFree:  1 kB\n"), Some(16 << 20));
        assert_eq!(total_memory("MemFree: 1 kB"), None);
        if cfg!(target_os = "linux") {
            assert!(FileVfs.memory_bytes().is_some_and(|bytes| bytes > 16 << 20));
        }
    }

    #[test]
    fn limits_of_memory_are_those_of_all_groups_above() {
        let top = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
        let beyond = |groups: &str| limit_files(groups).split_off(2);
        for groups in
            ["", "0::/\n", "0::/../other\n", "5:cpu,cpuacct:/a\n", "nonsense\n0:\n", "1:name=memory:/a\n"]
        {
            assert_eq!(limit_files(groups), top, "{groups}");
        }
        let systemd = "0::/system.slice/music.service\n";
        let expected = [
            "/sys/fs/cgroup/system.slice/music.service/memory.max",
            "/sys/fs/cgroup/system.slice/memory.max",
        ];
        assert_eq!(beyond(systemd), expected);
        let docker = "12:cpu,memory:/docker/4f\n11:cpuset:/docker/4f\n1:name=systemd:/docker/4f\n";
        let expected = [
            "/sys/fs/cgroup/memory/docker/4f/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
        ];
        assert_eq!(beyond(docker), expected);
        assert_eq!(beyond("0::/a:b\n"), ["/sys/fs/cgroup/a:b/memory.max"], "a name may have colons");
    }

    #[test]
    fn files_keep_the_contract() {
        let directory = tempfile::tempdir().unwrap();
        super::super::tests::check_contract(&FileVfs, &path_of(&directory, "a"));
    }

    #[test]
    fn temporary_files_leave_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_of(&directory, "a");
        super::super::tests::check_temporary(&FileVfs, &path);
        let file = FileVfs.temporary(&path).unwrap();
        let names = || std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(names(), usize::from(!cfg!(unix)));
        drop(file);
        assert_eq!(names(), 0);
        let nowhere = path_of(&directory, "no/such/directory");
        assert!(matches!(FileVfs.temporary(&nowhere), Err(VfsError::NotFound { .. })));
    }

    #[test]
    fn a_lock_does_not_outlive_its_handle_where_a_starting_process_has_it_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_of(&directory, "a");
        let file = File::create_new(&path).unwrap();
        // What a process has between `fork` and `exec`.
        let inherited = file.try_clone().unwrap();
        let first = OpenFile { path: path.clone(), file, named: false };
        first.lock().unwrap();
        drop(first);
        FileVfs.open(&path, OpenMode::ReadWrite).unwrap().lock().unwrap();
        drop(inherited);
    }

    #[test]
    fn a_lock_of_another_handle_names_this_process_and_writes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_of(&directory, "a");
        let first = FileVfs.open(&path, OpenMode::Create).unwrap();
        first.lock().unwrap();
        assert_eq!(first.len().unwrap(), 0);
        let second = FileVfs.open(&path, OpenMode::ReadWrite).unwrap();
        let holder = cfg!(target_os = "linux").then(std::process::id);
        assert_eq!(second.lock(), Err(VfsError::Locked { path, holder }));
        drop(first);
        second.lock().unwrap();
    }

    /// Goal: the error names a process other than ours. Method: this test's own program, run again with a variable that
    /// makes it take the lock and wait until its input ends.
    #[test]
    fn a_lock_of_another_process_names_that_process() {
        const VARIABLE: &str = "EPILOG_TEST_LOCK_THIS_FILE";
        if let Ok(path) = std::env::var(VARIABLE) {
            let file = FileVfs.open(&path, OpenMode::Create).unwrap();
            file.lock().unwrap();
            std::fs::write(std::format!("{path}.ready"), "").unwrap();
            std::io::stdin().read_line(&mut String::new()).unwrap();
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let path = path_of(&directory, "a");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "storage::vfs::file::tests::a_lock_of_another_process_names_that_process"])
            .env(VARIABLE, &path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while !FileVfs.exists(&std::format!("{path}.ready")).unwrap() {
            assert!(started.elapsed().as_secs() < 60, "the other process did not take the lock");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let file = FileVfs.open(&path, OpenMode::ReadWrite).unwrap();
        let outcome = file.lock();
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        let holder = cfg!(target_os = "linux").then(|| child.id());
        assert_eq!(outcome, Err(VfsError::Locked { path, holder }));
        file.lock().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn holders_are_found_by_device_and_inode() {
        let locks = "1: POSIX  ADVISORY  WRITE 10 08:01:131 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 11 fe:01:131 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 12 fe:01:131 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 08:01:132 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 0 08:01:133 0 EOF\n\
                     5: FLOCK  ADVISORY  WRITE 14 00:1f:134 0 EOF\n\
                     6: FLOCK  ADVISORY  WRITE 15 00:2f:134 0 EOF\n";
        let device = 0xFE01;
        for (inode, expected) in [(131, Some(11)), (132, Some(13)), (133, None), (134, None), (135, None)] {
            assert_eq!(find_holder(locks, device, inode), expected, "inode {inode}");
        }
    }

    #[test]
    fn failures_of_the_system_say_what_was_tried() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_of(&directory, "a");
        assert_eq!(
            FileVfs.open(&path, OpenMode::ReadWrite).err(),
            Some(VfsError::NotFound { path: path.clone() })
        );
        FileVfs.open(&path, OpenMode::Create).unwrap();
        let read_only = FileVfs.open(&path, OpenMode::Read).unwrap();
        let error = read_only.write_at(b"x", 0).unwrap_err();
        assert!(matches!(error, VfsError::Io { operation: "write", .. }), "{error}");
    }
}
