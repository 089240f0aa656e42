//! [`History`]: what was written since the oldest transaction that runs without the lease began.
//!
//! * While such a transaction runs, every commit leaves its [`WriteSet`] here, before its lease is given back; in the order
//!   of the commits.
//! * What is missing (a commit that kept no write set, the oldest ones when all take too much memory) is as good as a
//!   conflict: nobody knows what it wrote.
//! * Nothing is kept while no such transaction runs.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::reads::ReadSet;
use super::writes::WriteSet;
use crate::ordered::BTreeMap;

/// All write sets together take no more than this.
const BYTES_MAX: usize = 8 << 20;

/// What was written since the oldest running transaction began.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Without gaps.
    commits: VecDeque<(u64, Arc<WriteSet>)>,
    bytes: usize,
    /// The commits that running transactions build on, each with their number.
    running: BTreeMap<u64, usize>,
}

impl History {
    /// A transaction that builds on `base` begins to run.
    pub(super) fn begin(&mut self, base: u64) {
        *self.running.entry(base).or_insert(0) += 1;
    }

    /// One that builds on `base` has ended.
    pub(super) fn end(&mut self, base: u64) {
        if let Some(count) = self.running.get_mut(&base) {
            *count -= 1;
            if *count == 0 {
                self.running.remove(&base);
            }
        }
        self.trim();
    }

    /// Takes notice of a commit; without a write set nothing is known of what it wrote.
    pub(super) fn push(&mut self, commit: u64, writes: Option<WriteSet>) {
        if self.commits.back().is_some_and(|(last, _)| last + 1 != commit) || writes.is_none() {
            self.clear();
        }
        if let Some(writes) = writes {
            self.bytes += writes.bytes();
            self.commits.push_back((commit, Arc::new(writes)));
        }
        self.trim();
    }

    fn trim(&mut self) {
        let Some((&oldest, _)) = self.running.first_key_value() else { return self.clear() };
        while let Some((commit, writes)) = self.commits.front()
            && (*commit <= oldest || self.bytes > BYTES_MAX)
        {
            self.bytes -= writes.bytes();
            self.commits.pop_front();
        }
    }

    fn clear(&mut self) {
        self.commits.clear();
        self.bytes = 0;
    }

    /// The commits after `from`, up to `to` or the last one known; `None` when not all of them are known.
    pub(super) fn since(&self, from: u64, to: Option<u64>) -> Option<Commits> {
        let to = to.unwrap_or_else(|| self.commits.back().map_or(from, |(last, _)| (*last).max(from)));
        let sets: Vec<Arc<WriteSet>> = self
            .commits
            .iter()
            .filter(|(commit, _)| (from + 1..=to).contains(commit))
            .map(|(_, writes)| Arc::clone(writes))
            .collect();
        (sets.len() as u64 == to.saturating_sub(from)).then_some(Commits { last: to, sets })
    }
}

/// Some commits, one after the other.
pub(super) struct Commits {
    /// The last one's number.
    pub(super) last: u64,
    sets: Vec<Arc<WriteSet>>,
}

impl Commits {
    /// Whether one of them wrote something that was read.
    pub(super) fn meet(&self, reads: &mut ReadSet) -> bool {
        self.sets.iter().any(|writes| reads.meets(writes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::CollectionId;

    fn writes(rank: u128) -> Option<WriteSet> {
        let mut writes = WriteSet::default();
        writes.record(CollectionId(17), rank, 0);
        Some(writes)
    }

    #[test]
    fn commits_are_kept_for_the_oldest_that_runs() {
        let mut history = History::default();
        history.push(1, writes(1));
        assert!(history.since(0, Some(1)).is_none(), "nobody runs");
        history.begin(1);
        history.push(2, writes(2));
        history.begin(2);
        history.push(3, writes(3));
        assert_eq!(history.since(1, Some(3)).map(|commits| commits.sets.len()), Some(2));
        assert_eq!(history.since(2, None).map(|commits| (commits.last, commits.sets.len())), Some((3, 1)));
        assert_eq!(history.since(3, None).map(|commits| (commits.last, commits.sets.len())), Some((3, 0)));
        assert_eq!(history.since(9, None).map(|commits| commits.last), Some(9));
        history.end(1);
        assert!(history.since(1, Some(3)).is_none(), "nobody needs commit 2 any more");
        assert!(history.since(2, Some(3)).is_some());
        history.end(2);
        assert!(history.commits.is_empty() && history.running.is_empty());
    }

    #[test]
    fn a_gap_is_not_passed_over() {
        let mut history = History::default();
        history.begin(1);
        history.begin(3);
        history.push(2, writes(2));
        history.push(3, None);
        history.push(4, writes(4));
        assert!(history.since(1, Some(4)).is_none());
        assert!(history.since(3, Some(4)).is_some());
        assert!(history.since(3, Some(5)).is_none(), "commit 5 is not known yet");
    }

    #[test]
    fn memory_is_bounded() {
        let mut history = History::default();
        history.begin(0);
        for commit in 1..100 {
            let mut writes = WriteSet::default();
            for rank in 0..10_000 {
                writes.record(CollectionId(17), rank, 0);
            }
            history.push(commit, Some(writes));
        }
        assert!(history.bytes <= BYTES_MAX && history.commits.len() > 5);
        assert!(history.since(0, Some(99)).is_none());
        assert!(history.since(95, Some(99)).is_some());
    }
}
