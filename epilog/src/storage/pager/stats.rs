//! [`PagerStats`]: what a pager has done and holds.

use alloc::string::String;

use super::Pager;
use crate::sync::atomic::Ordering;

/// What a pager has done and holds. Zeros stand for what a database in memory does not have.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PagerStats {
    /// The newest commit that writers build on.
    pub staged: u64,
    /// The newest commit known to be durable; of a database in memory, the published one.
    pub durable: u64,
    /// The newest commit that new readers see.
    pub published: u64,
    /// What pages may take in memory. 0 for a database in memory, which has no limit.
    pub cache_budget_bytes: u64,
    /// What pages take in memory, older versions included.
    pub cache_resident_bytes: u64,
    /// Page versions in memory.
    pub page_versions: u64,
    /// Page images read from the file since it was opened, those read ahead included. A page found in memory counts nowhere.
    pub images_loaded: u64,
    /// Reads of the file that loaded them.
    pub image_reads: u64,
    /// Bytes of the pages whose images were written to the file since it was opened.
    pub page_bytes_written: u64,
    /// Bytes of those images: fewer where they are compressed.
    pub image_bytes_written: u64,
    /// Bytes of pages changed since the last checkpoint.
    pub changed_bytes: u64,
    /// How many of them there may be.
    pub changed_bytes_max: u64,
    /// Bytes of journal since the last checkpoint: what a recovery would read.
    pub journal_bytes: u64,
    /// How many of them there may be, by the estimate of what a recovery takes.
    pub journal_bytes_max: u64,
    /// What a recovery is estimated to take now, in nanoseconds.
    pub recovery_ns: u64,
    /// The number of the last checkpoint.
    pub checkpoint: u64,
    /// Whether one is being made.
    pub is_checkpointing: bool,
    /// The length of the file.
    pub file_bytes: u64,
    /// Bytes of the file that can be given out.
    pub free_bytes: u64,
    /// Bytes of the file that will be free when a checkpoint or a snapshot has let go of them.
    pub pending_bytes: u64,
    /// Page numbers that were ever given out.
    pub page_numbers: u64,
    /// Why the last checkpoint was given up, if none was made since.
    pub checkpoint_failure: Option<String>,
    /// Why the last attempt to archive failed, if none succeeded since.
    pub archive_failure: Option<String>,
}

/// Failures of what commits do not wait for: nobody else may be told.
#[derive(Default)]
pub(super) struct Setbacks {
    pub(super) checkpoint: Option<String>,
    pub(super) archive: Option<String>,
}

impl Pager {
    /// What it has done and holds. The numbers are read one after the other, while others go on.
    pub fn stats(&self) -> PagerStats {
        let shared = &*self.shared;
        let published = shared.frames.published();
        let mut stats = PagerStats {
            staged: shared.frames.staged(),
            durable: published,
            published,
            cache_resident_bytes: shared.frames.resident_bytes() as u64,
            page_versions: shared.frames.versions() as u64,
            page_numbers: u64::from(shared.numbers.lock().next) - 1,
            ..PagerStats::default()
        };
        let (Some(store), Some(images)) = (&shared.store, &shared.images) else { return stats };
        let (dirty, journaled) = store.backlog();
        let (journal_max, dirty_max) = store.pace.limits();
        stats.durable = store.durable();
        stats.cache_budget_bytes = store.options.cache_bytes as u64;
        stats.images_loaded = images.loaded.load(Ordering::Relaxed);
        stats.image_reads = images.reads.load(Ordering::Relaxed);
        stats.page_bytes_written = images.page_bytes_written.load(Ordering::Relaxed);
        stats.image_bytes_written = images.image_bytes_written.load(Ordering::Relaxed);
        (stats.changed_bytes, stats.changed_bytes_max) = (dirty, dirty_max);
        (stats.journal_bytes, stats.journal_bytes_max) = (journaled, journal_max);
        stats.recovery_ns = store.pace.estimated_ns(journaled);
        stats.checkpoint = store.state.lock().header.checkpoint;
        stats.is_checkpointing = store.is_checkpointing();
        stats.file_bytes = images.file().len().unwrap_or_default();
        let block_len = images.block_len() as u64;
        let (free, pending) = store.space.lock().free_blocks();
        (stats.free_bytes, stats.pending_bytes) = (free * block_len, pending * block_len);
        let setbacks = store.setbacks.lock();
        stats.checkpoint_failure.clone_from(&setbacks.checkpoint);
        stats.archive_failure.clone_from(&setbacks.archive);
        stats
    }
}
