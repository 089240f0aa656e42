//! [`Feed`]: a reader of commits, one after the other, wherever they are kept.
//!
//! ```text
//! in memory    the newest payloads, as many as are retained
//! in a file    the archive, then the journal; a commit is in the one before it leaves the other
//! ```
//!
//! A feed holds nothing up and keeps nothing: what is retained is for the options to say, and a feed that comes too late
//! is told.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::store::Journaling;
use super::{CommitNumber, Pager};
use crate::storage::archive::ArchivePosition;
use crate::storage::journal::{Entry, EntryKind, JournalPosition, Retention};
use crate::storage::{StorageError, StorageFault};
use crate::sync::Mutex;

/// A reader of commits, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    /// The last commit read.
    commit: u64,
    journal: Option<JournalPosition>,
    archive: Option<ArchivePosition>,
}

/// The newest commits' payloads of a database without a file.
pub(super) struct Recent {
    retention: Retention,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    payloads: VecDeque<Vec<u8>>,
    bytes: u64,
    /// The commit of the last payload.
    last: u64,
}

impl Recent {
    pub(super) fn new(retention: Retention) -> Recent {
        Recent { retention, kept: Mutex::default() }
    }

    /// Keeps the payload of `commit`, the one after the last.
    pub(super) fn push(&self, commit: u64, payload: &[u8]) {
        let mut kept = self.kept.lock();
        kept.bytes += payload.len() as u64;
        kept.payloads.push_back(payload.to_vec());
        kept.last = commit;
        while let Some(oldest) = kept.payloads.front() {
            let newer = kept.bytes - oldest.len() as u64;
            let through = commit + 1 - kept.payloads.len() as u64;
            if !self.retention.lets_go(through, newer, commit) {
                break;
            }
            kept.bytes = newer;
            kept.payloads.pop_front();
        }
    }

    /// The commit before the first that is kept.
    fn oldest(&self) -> u64 {
        let kept = self.kept.lock();
        kept.last - kept.payloads.len() as u64
    }

    fn read_after(&self, after: u64, last: u64, budget: usize) -> Option<Vec<Entry>> {
        let kept = self.kept.lock();
        let skipped = after.checked_sub(kept.last - kept.payloads.len() as u64)?;
        let mut bytes = 0;
        let payloads = (after + 1..=last).zip(kept.payloads.iter().skip(skipped as usize));
        let entries = payloads.take_while(|(_, payload)| {
            let fits = bytes < budget;
            bytes += payload.len() + 64;
            fits
        });
        Some(
            entries
                .map(|(commit, payload)| Entry { commit, kind: EntryKind::Changes, payload: payload.clone() })
                .collect(),
        )
    }
}

impl Pager {
    /// The last commit that everybody sees.
    pub fn published(&self) -> CommitNumber {
        CommitNumber(self.shared.frames.published())
    }

    /// A feed of the commits after `since`.
    ///
    /// # Errors
    ///
    /// [`StorageFault::ChangesGone`] when the one after `since` is not kept any more; [`StorageFault::NotCommitted`] when
    /// `since` has not been made.
    pub fn feed(&self, since: CommitNumber) -> Result<Feed, StorageError> {
        let published = self.published().0;
        if since.0 > published {
            return Err(StorageFault::NotCommitted { commit: since.0, last: published }.into());
        }
        let feed = Feed { commit: since.0, journal: None, archive: None };
        // The first one is read, to find out now whether it is there.
        self.read_feed(&mut feed.clone(), 0, false)?;
        Ok(feed)
    }

    /// The next commits of a feed, until their payloads have `budget` bytes together; none when there are no more yet.
    /// `durable` leaves out those that a crash could still take back.
    ///
    /// # Errors
    ///
    /// [`StorageFault::ChangesGone`] when the next one is not kept any more; a failure of reading, after which it may be
    /// tried again.
    pub fn read_feed(
        &self,
        feed: &mut Feed,
        budget: usize,
        durable: bool,
    ) -> Result<Vec<Entry>, StorageError> {
        let mut last = self.shared.frames.published();
        if durable && let Some(store) = &self.shared.store {
            last = last.min(store.durable());
        }
        if feed.commit >= last {
            return Ok(Vec::new());
        }
        let budget = budget.max(1);
        let entries = match (&self.shared.store, &self.shared.recent) {
            (None, None) => None,
            (None, Some(recent)) => recent.read_after(feed.commit, last, budget),
            (Some(_), _) => self.read_stored(feed, last, budget)?,
        };
        let entries = entries.filter(|entries| !entries.is_empty());
        let Some(entries) = entries else {
            return Err(
                StorageFault::ChangesGone { since: feed.commit, oldest: self.oldest_change(last)? }.into()
            );
        };
        if let Some(entry) = entries.last() {
            feed.commit = entry.commit;
        }
        Ok(entries)
    }

    fn read_stored(
        &self,
        feed: &mut Feed,
        last: u64,
        budget: usize,
    ) -> Result<Option<Vec<Entry>>, StorageError> {
        let Some(store) = &self.shared.store else { return Ok(None) };
        let mut state = store.state.lock();
        let reading = match &mut state.journaling {
            Journaling::Active(journal, _) => {
                let journal = Arc::clone(journal);
                drop(state);
                journal.read_after(feed.commit, feed.journal, last, budget)?
            }
            Journaling::Replayed(recovery) => {
                let reading = recovery.read_after(feed.commit, feed.journal, last, budget)?;
                drop(state);
                reading
            }
            _ => {
                drop(state);
                None
            }
        };
        if let Some(reading) = reading {
            (feed.journal, feed.archive) = (Some(reading.position), None);
            return Ok(Some(reading.entries));
        }
        // What the journal let go of was archived before.
        let Some(catalogue) = store.catalogue() else { return Ok(None) };
        let Some(reading) = catalogue.read_after(feed.commit, feed.archive, last, budget)? else {
            return Ok(None);
        };
        (feed.journal, feed.archive) = (None, Some(reading.position));
        Ok(Some(reading.entries))
    }

    /// The least commit after which all changes up to `last` are kept.
    fn oldest_change(&self, last: u64) -> Result<u64, StorageError> {
        let Some(store) = &self.shared.store else {
            return Ok(self.shared.recent.as_ref().map_or(last, Recent::oldest));
        };
        let journal = match &mut store.state.lock().journaling {
            Journaling::Active(journal, _) => journal.oldest()?,
            Journaling::Replayed(recovery) => recovery.oldest()?,
            _ => last,
        };
        let (archive, archived) = store.archive_span().unwrap_or((u64::MAX, 0));
        Ok(if archived >= journal { archive.min(journal) } else { journal }.min(last))
    }
}
