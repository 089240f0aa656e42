//! [`Stats`]: what an open database has done and holds.

use alloc::string::String;
use alloc::vec::Vec;

use super::Choice;
use crate::storage::pager::PagerStats;

/// What an open database has done and holds, and what it was tuned to: see [`Database::stats`](super::Database::stats).
///
/// Zeros stand for what a database in memory does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stats {
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
    /// Bytes of those images: fewer where they are [compressed](super::Options::compression).
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
    /// Why the last checkpoint was given up, if none was made since: what is to be written is still in the journal.
    pub checkpoint_failure: Option<String>,
    /// Why the last attempt to archive failed, if none succeeded since: the journal keeps what is to be archived, and grows.
    pub archive_failure: Option<String>,
    /// Queries that a [kept plan](super::Options::plan_cache) was found for.
    pub plans_found: u64,
    /// Queries that were planned, and whose plan was kept.
    pub plans_made: u64,
    /// The plans that are kept.
    pub plans_kept: u64,
    /// What was chosen for what can be tuned, and why. `page_size` is there for each collection, `index_page_size` for each
    /// index, as the file has it. Of a database in memory there are only these two and `blob_chunk`: it has no file. Empty with
    /// the cargo feature `small`.
    pub choices: Vec<Choice>,
}

impl Stats {
    pub(super) fn new(pager: PagerStats, choices: Vec<Choice>) -> Stats {
        Stats {
            staged: pager.staged,
            durable: pager.durable,
            published: pager.published,
            cache_budget_bytes: pager.cache_budget_bytes,
            cache_resident_bytes: pager.cache_resident_bytes,
            page_versions: pager.page_versions,
            images_loaded: pager.images_loaded,
            image_reads: pager.image_reads,
            page_bytes_written: pager.page_bytes_written,
            image_bytes_written: pager.image_bytes_written,
            changed_bytes: pager.changed_bytes,
            changed_bytes_max: pager.changed_bytes_max,
            journal_bytes: pager.journal_bytes,
            journal_bytes_max: pager.journal_bytes_max,
            recovery_ns: pager.recovery_ns,
            checkpoint: pager.checkpoint,
            is_checkpointing: pager.is_checkpointing,
            file_bytes: pager.file_bytes,
            free_bytes: pager.free_bytes,
            pending_bytes: pager.pending_bytes,
            page_numbers: pager.page_numbers,
            checkpoint_failure: pager.checkpoint_failure,
            archive_failure: pager.archive_failure,
            plans_found: 0,
            plans_made: 0,
            plans_kept: 0,
            choices,
        }
    }
}
