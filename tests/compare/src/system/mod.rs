//! What the operating system tells about this process: time spent, bytes read and written, syncs.

mod syncs;

use std::collections::HashMap;
use std::ops::Sub;
use std::path::Path;
use std::time::Instant;

use cpu_time::ProcessTime;

use crate::engines::{Outcome, Store};

/// Bytes handed to the operating system to be written, and syncs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Io {
    pub written: u64,
    pub syncs: u64,
}

impl Io {
    /// What was written and synced so far: by the store itself where it counts, or else by the whole process.
    pub fn of(store: &dyn Store) -> Outcome<Io> {
        match store.io() {
            Some(io) => Ok(io),
            None => Io::of_process(),
        }
    }

    /// What the process wrote and synced so far.
    pub fn of_process() -> Outcome<Io> {
        Ok(Io { written: ProcessIo::now()?.written, syncs: syncs::count() })
    }
}

impl Sub for Io {
    type Output = Io;

    fn sub(self, earlier: Io) -> Io {
        Io { written: self.written - earlier.written, syncs: self.syncs - earlier.syncs }
    }
}

pub use syncs::while_counting;

/// `/proc/self/io`, see proc_pid_io(5).
///
/// Its `write_bytes` is left out: it counts what becomes dirty in the page cache by whole folios, which may be a hundred
/// times what is written.
#[derive(Clone, Copy, Debug)]
pub struct ProcessIo {
    /// Bytes that read calls returned, from the page cache or the disk. What is mapped into memory is not among them.
    pub read: u64,
    /// Bytes that write calls took.
    pub written: u64,
    /// Write calls.
    pub writes: u64,
}

impl ProcessIo {
    /// What was counted so far.
    pub fn now() -> Outcome<ProcessIo> {
        let text = std::fs::read_to_string("/proc/self/io")?;
        let counts: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once(": ")).collect();
        let count = |name| -> Outcome<u64> {
            let text = counts.get(name).ok_or_else(|| format!("/proc/self/io has no {name}"))?;
            Ok(text.parse()?)
        };
        Ok(ProcessIo { read: count("rchar")?, written: count("wchar")?, writes: count("syscw")? })
    }
}

/// What a piece of work took.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// Nanoseconds of CPU, of all threads of the process, in the program and in the system.
    pub cpu_ns: f64,
    /// Nanoseconds that went by.
    pub wall_ns: f64,
}

/// Does `work`, and says what it took. Comparing and dropping what it gives is the caller's, and not in the time.
pub fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, Spent)> {
    let (wall, cpu) = (Instant::now(), ProcessTime::try_now()?);
    let result = work()?;
    let (cpu, wall) = (cpu.try_elapsed()?, wall.elapsed());
    Ok((result, Spent { cpu_ns: cpu.as_nanos() as f64, wall_ns: wall.as_nanos() as f64 }))
}

/// The lengths of all files in a directory and those below it, added up.
pub fn files_len(directory: &Path) -> Outcome<u64> {
    let mut len = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        len += if metadata.is_dir() { files_len(&entry.path())? } else { metadata.len() };
    }
    Ok(len)
}

/// Copies a directory with all that is in it. `to` must not exist.
pub fn copy_directory(from: &Path, to: &Path) -> Outcome<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.metadata()?.is_dir() {
            copy_directory(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::Write;
    use std::os::unix::fs::{FileExt, OpenOptionsExt};

    use super::*;

    /// Other tests of this process write and sync as well, so that counts are at least what is expected.
    fn check(expected: Io, work: impl FnOnce(&Path)) {
        let directory = tempfile::tempdir().unwrap();
        while_counting(|| {
            let before = Io::of_process().unwrap();
            work(&directory.path().join("a"));
            let counted = Io::of_process().unwrap() - before;
            assert!(counted.written >= expected.written && counted.syncs >= expected.syncs, "{counted:?}");
        });
    }

    #[test]
    fn writes_and_syncs_are_counted() {
        check(Io { written: 5_000, syncs: 2 }, |path| {
            let mut file = File::create(path).unwrap();
            file.write_all(&[1; 5_000]).unwrap();
            file.sync_data().unwrap();
            file.sync_all().unwrap();
        });
    }

    #[test]
    fn a_write_that_syncs_by_itself_is_a_sync() {
        check(Io { written: 3, syncs: 1 }, |path| {
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).custom_flags(libc::O_DSYNC).open(path).unwrap();
            file.write_all_at(b"abc", 7).unwrap();
            assert_eq!(std::fs::read(path).unwrap(), b"\0\0\0\0\0\0\0abc");
        });
    }

    #[test]
    fn directories_are_measured_and_copied_with_what_is_below() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        std::fs::create_dir_all(from.join("below")).unwrap();
        std::fs::write(from.join("a"), [1; 10]).unwrap();
        std::fs::write(from.join("below/b"), [2; 20]).unwrap();
        assert_eq!(files_len(&from).unwrap(), 30);
        copy_directory(&from, &to).unwrap();
        assert_eq!(files_len(&to).unwrap(), 30);
        assert_eq!(std::fs::read(to.join("below/b")).unwrap(), [2; 20]);
    }
}
