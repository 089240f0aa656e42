//! What is chosen for a database that the program does not say, and why: [`Choice`].

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use super::Options;
use crate::parts;
use crate::storage::pager::{Compression, PagerOptions};
use crate::storage::vfs::Vfs;

/// The page cache when nobody knows how much memory there is.
const CACHE_BYTES_UNKNOWN: u64 = 64 << 20;
/// The least and the most that is chosen for the page cache.
const CACHE_BYTES: core::ops::RangeInclusive<u64> = 16 << 20..=16 << 30;
/// The least and the most that is chosen for changed pages between checkpoints.
const DIRTY_BYTES: core::ops::RangeInclusive<u64> = 4 << 20..=1 << 30;
/// The most that is chosen for the changes of a transaction that goes through the journal.
const BULK_BYTES_MAX: u64 = 16 << 20;
/// The most that is chosen for a piece of a blob, and what it is in memory.
pub(super) const BLOB_CHUNK_MAX: usize = 256 << 10;

/// One setting of an open database: what it is, and why.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let path = directory.path().join("music.epilog");
/// let db: Database<Music> = Options::default().cache(32 << 20).open(&path)?;
/// let stats = db.stats();
/// let cache = stats.choices.iter().find(|choice| choice.setting == "cache").expect("it is always listed");
/// assert_eq!((cache.value, cache.unit, cache.reason.as_str()), (32 << 20, "bytes", "as the options say"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Choice {
    /// The name of the method of [`Options`] that would have said so.
    pub setting: &'static str,
    /// What it is.
    pub value: u64,
    /// In which unit.
    pub unit: &'static str,
    /// Where it comes from.
    pub reason: String,
}

/// What a file in `vfs` is opened with when `options` are given: for the pager, and the bytes of a piece of a blob.
pub(super) fn tune(options: &Options, vfs: &dyn Vfs) -> (PagerOptions, usize, Vec<Choice>) {
    let mut pager = options.given();
    let mut choices = Vec::new();
    let mut choose = |setting, given: Option<u64>, chosen: u64, unit, reason: &dyn Display| {
        let value = given.unwrap_or(chosen);
        if parts::EXPLAINED {
            let reason =
                if given.is_some() { String::from("as the options say") } else { reason.to_string() };
            choices.push(Choice { setting, value, unit, reason });
        }
        value
    };
    let memory = vfs.memory_bytes();
    let cache = memory.map_or(CACHE_BYTES_UNKNOWN, |memory| memory / 4);
    let cache = cache.clamp(*CACHE_BYTES.start(), *CACHE_BYTES.end());
    let given = options.cache.map(|bytes| bytes as u64);
    let cache = match memory {
        Some(memory) => {
            let mib = memory >> 20;
            choose(
                "cache",
                given,
                cache,
                "bytes",
                &format_args!("a quarter of the {mib} MiB that this process may use"),
            )
        }
        None => choose("cache", given, cache, "bytes", &"how much memory there is, is not known"),
    };
    pager.cache_bytes = usize::try_from(cache).unwrap_or(usize::MAX);
    let dirty = (cache / 4).clamp(*DIRTY_BYTES.start(), *DIRTY_BYTES.end());
    let reason = "a quarter of the page cache, so that most of it can be evicted";
    let given = options.checkpoint_after;
    pager.checkpoint_dirty_bytes = choose("checkpoint_after", given, dirty, "bytes", &reason);
    let bulk = (cache / 8).min(BULK_BYTES_MAX);
    let reason = "what one commit may add to a recovery, and an eighth of the page cache at most";
    let given = options.bulk_after.map(|bytes| bytes as u64);
    let bulk = choose("bulk_after", given, bulk, "bytes", &reason);
    pager.bulk_bytes = usize::try_from(bulk).unwrap_or(usize::MAX);
    let given = options.recovery_time.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    let reason = "a start that nobody waits for";
    pager.recovery_ns = choose("recovery_time", given, pager.recovery_ns, "ns", &reason);
    let chunk = (cache / 64).min(BLOB_CHUNK_MAX as u64);
    let reason = "a sixty-fourth of the page cache, 256 KiB at most";
    let given = options.blob_chunk.map(|bytes| bytes as u64);
    let chunk = choose("blob_chunk", given, chunk, "bytes", &reason);
    let given = options.compression.map(|compression| u64::from(compression != Compression::None));
    let reason = "what is written often, and read often, is quicker as it is";
    choose("compression", given, 0, "codec: 0 none, 1 LZ4", &reason);
    (pager, usize::try_from(chunk).unwrap_or(usize::MAX), choices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::vfs::MemoryVfs;

    #[test]
    fn what_is_given_counts_and_the_rest_follows_the_cache() {
        let value = |options: &Options, setting: &str| {
            let (_, _, choices) = tune(options, &MemoryVfs::new());
            choices.iter().find(|choice| choice.setting == setting).map(|choice| choice.value)
        };
        let options = Options::default();
        assert_eq!(value(&options, "cache"), Some(64 << 20));
        assert_eq!(value(&options, "checkpoint_after"), Some(16 << 20));
        assert_eq!(value(&options, "bulk_after"), Some(8 << 20));
        let options = options.cache(1 << 30).checkpoint_after(5);
        assert_eq!(value(&options, "cache"), Some(1 << 30));
        assert_eq!(value(&options, "checkpoint_after"), Some(5));
        assert_eq!(value(&options, "bulk_after"), Some(16 << 20));
    }
}
