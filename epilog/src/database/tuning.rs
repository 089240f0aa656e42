//! What is chosen for a database that the program does not say, and why: [`Choice`].

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use super::Options;
use crate::parts;
use crate::storage::catalog::{LeafSource, PageLens, RECORDS_PER_LEAF};
use crate::storage::page::{BLOCK_LEN, ENTRY_PAGE_LEN, RECORD_LEAF_LEN};
use crate::storage::pager::{AHEAD_LEN, Compression, PagerOptions};
use crate::storage::store::Store;
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
const BLOB_CHUNK_MAX: usize = 256 << 10;
/// The reason for what is given.
const GIVEN: &str = "as the options say";

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
/// let pages = stats.choices.iter().find(|choice| choice.setting == "page_size").expect("one for each collection");
/// assert_eq!(pages.value, 16 << 10);
/// assert!(pages.reason.starts_with("of `Artist`, for 64 records of "));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Choice {
    /// The name of the method of [`Options`] that would have said so; or `read_ahead`, which has none.
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
            let reason = if given.is_some() { String::from(GIVEN) } else { reason.to_string() };
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
    // The pager reads no more at a time than a sixteenth of the cache.
    let most = (*AHEAD_LEN.end() as u64).min(cache / 16);
    let least = (*AHEAD_LEN.start() as u64).min(most) >> 10;
    choose(
        "read_ahead",
        None,
        most,
        "bytes",
        &format_args!(
            "from {least} KiB on twice as much at a time while reads follow each other, a sixteenth of the page cache at most"
        ),
    );
    (pager, usize::try_from(chunk).unwrap_or(usize::MAX), choices)
}

/// What a database in memory is made with, when `chunk` is given: the bytes of a piece of a blob.
pub(super) fn tune_in_memory(chunk: Option<usize>) -> (usize, Vec<Choice>) {
    let reason = if chunk.is_some() { GIVEN } else { "the most that is chosen: there is no page cache" };
    let (chunk, mut choices) = (chunk.unwrap_or(BLOB_CHUNK_MAX), Vec::new());
    if parts::EXPLAINED {
        let reason = String::from(reason);
        choices.push(Choice { setting: "blob_chunk", value: chunk as u64, unit: "bytes", reason });
    }
    (chunk, choices)
}

/// The blocks of a file, which has those of `block` bytes, when `given` are asked for.
pub(super) fn of_blocks(given: Option<u32>, block: usize, choices: &mut Vec<Choice>) {
    if !parts::EXPLAINED {
        return;
    }
    let reason = match given {
        Some(given) if given as usize == block => GIVEN,
        None if block == BLOCK_LEN => "what file systems and disks deal in",
        _ => "the file was made with it",
    };
    let reason = String::from(reason);
    choices.push(Choice { setting: "block_size", value: block as u64, unit: "bytes", reason });
}

/// The pages of the collections and indexes in `store`, when the options ask for these: of records, of index entries.
pub(super) fn of_pages(
    (leaf, entries): (Option<u32>, Option<u32>),
    store: &Store,
    choices: &mut Vec<Choice>,
) {
    const MADE: &str = "which was made with it";
    if !parts::EXPLAINED {
        return;
    }
    let lens = PageLens { leaf, entries, least: store.block_len() as u32 };
    for def in &store.catalog().collections {
        let now = lens.leaf_now(def);
        let record = now.record;
        let reason = match now.source {
            _ if now.len != def.leaf_len as usize => String::from(MADE),
            LeafSource::Collection => String::from("as the struct says"),
            LeafSource::Database => String::from(GIVEN),
            LeafSource::Need => {
                format!("the least for its records, of {record} bytes at least, and for a block")
            }
            LeafSource::Width => format!(
                "for {RECORDS_PER_LEAF} records of {record} bytes at least, and no less than {} KiB",
                RECORD_LEAF_LEN >> 10
            ),
        };
        let reason = format!("of `{}`, {reason}", def.name);
        choices.push(Choice { setting: "page_size", value: u64::from(def.leaf_len), unit: "bytes", reason });
        for index in &def.indexes {
            let len = index.page_len;
            let reason = match entries {
                _ if len != lens.entry_page() => MADE,
                Some(given) if given == len => GIVEN,
                None if len as usize == ENTRY_PAGE_LEN => "so that a change of an entry copies no more",
                _ => "a block: no page is shorter",
            };
            let reason = format!("of index `{}` of `{}`, {reason}", index.name, def.name);
            choices.push(Choice { setting: "index_page_size", value: u64::from(len), unit: "bytes", reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::sync::Arc;

    use super::*;
    use crate::collection::{Schema, sample::Music};
    use crate::storage::vfs::MemoryVfs;
    use crate::{Collection, Database, Id};

    /// The first choice of `setting` whose reason begins with `of`.
    fn said(db: &Database<Music>, setting: &str, of: &str) -> Option<(u64, String)> {
        let all = db.stats().choices;
        let choice =
            all.into_iter().find(|choice| choice.setting == setting && choice.reason.starts_with(of))?;
        Some((choice.value, choice.reason[of.len()..].to_string()))
    }

    #[test]
    fn a_file_says_how_long_its_blocks_and_pages_are_and_why() {
        let files = Arc::new(MemoryVfs::new());
        let open = |path: &str, options: Options| -> Database<Music> {
            Database::open_in(files.clone(), path, &options).unwrap()
        };
        let page = |db: &Database<Music>| said(db, "page_size", "of `Track`, ").unwrap();
        let index =
            |db: &Database<Music>| said(db, "index_page_size", "of index `album` of `Track`, ").unwrap();
        let block = |db: &Database<Music>| said(db, "block_size", "").unwrap();

        let db = open("a", Options::default());
        let (len, why) = page(&db);
        let least = why.strip_prefix("for 64 records of ").and_then(|rest| rest.split_once(' ')).unwrap().0;
        assert_eq!(len, (64 * least.parse::<u64>().unwrap()).next_power_of_two().max(16 << 10));
        assert_eq!(index(&db), (4096, "so that a change of an entry copies no more".into()));
        assert_eq!(block(&db), (4096, "what file systems and disks deal in".into()));
        let collections = db.stats().choices.iter().filter(|choice| choice.setting == "page_size").count();
        assert_eq!(collections, Music::database().collections.len());
        db.close().unwrap();

        let other = Options::default().page_size(8 << 10).index_page_size(8 << 10).block_size(512);
        let db = open("a", other.clone());
        assert_eq!(page(&db), (len, "which was made with it".into()));
        assert_eq!(index(&db), (4096, "which was made with it".into()));
        assert_eq!(block(&db), (4096, "the file was made with it".into()));

        let db = open("b", other);
        assert_eq!(page(&db), (8 << 10, GIVEN.into()));
        assert_eq!(index(&db), (8 << 10, GIVEN.into()));
        assert_eq!(block(&db), (512, GIVEN.into()));

        let db = open("c", Options::default().page_size(1024).index_page_size(1024));
        assert_eq!(index(&db), (4096, "a block: no page is shorter".into()));
        let (len, why) = page(&db);
        assert!(len == 4096 && why.starts_with("the least for its records, of "), "{len} {why}");
    }

    #[derive(Collection)]
    #[collection(page_size = 32_768)]
    struct Note {
        id: Id<Note>,
    }

    epilog::schema!(Notes { Note });

    #[test]
    fn what_the_struct_says_comes_before_what_the_options_say() {
        let options = Options::default().page_size(4096);
        let db: Database<Notes> = Database::open_in(Arc::new(MemoryVfs::new()), "a", &options).unwrap();
        let pages: Vec<Choice> =
            db.stats().choices.into_iter().filter(|choice| choice.setting == "page_size").collect();
        let [pages] = &pages[..] else { panic!("{pages:?}") };
        assert_eq!((pages.value, &*pages.reason), (32 << 10, "of `Note`, as the struct says"));
        assert_eq!(db.write(|tx| tx.insert(&Note { id: Id::auto() })).unwrap(), Id::new(1));
    }

    #[test]
    fn a_database_in_memory_lists_what_it_has() {
        let settings = |db: &Database<Music>| {
            let mut settings: Vec<&str> = db.stats().choices.iter().map(|choice| choice.setting).collect();
            settings.dedup();
            settings.sort_unstable();
            settings.dedup();
            settings
        };
        let expected = ["blob_chunk", "index_page_size", "page_size"];
        let db: Database<Music> = Music::in_memory().unwrap();
        assert_eq!(settings(&db), expected);
        assert_eq!(said(&db, "blob_chunk", "").unwrap().0, 256 << 10);
        let db: Database<Music> = Options::default().blob_chunk(5000).page_size(4096).in_memory().unwrap();
        assert_eq!(settings(&db), expected);
        assert_eq!(said(&db, "blob_chunk", "").unwrap(), (5000, GIVEN.into()));
    }

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
        let ahead = |cache| value(&Options::default().cache(cache), "read_ahead");
        if cfg!(feature = "small") {
            assert_eq!(ahead(64 << 20), Some(0));
        } else {
            assert_eq!((ahead(64 << 20), ahead(1 << 20)), (Some(256 << 10), Some(64 << 10)));
        }
    }
}
