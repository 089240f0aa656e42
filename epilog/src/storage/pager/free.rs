//! [`Runs`]: a set of numbers as runs, for free blocks and free page numbers; and the free map's image.
//!
//! Allocation takes the lowest run that is long enough, so that the file's tail becomes free and the file can shrink.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A set of numbers, as disjoint runs that do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs {
    /// Length by start.
    runs: BTreeMap<u64, u64>,
    /// By wanted length: no run of that length begins below. Spares looking at short runs again and again.
    floors: BTreeMap<u64, u64>,
}

impl Runs {
    pub(super) fn new() -> Runs {
        Runs::default()
    }

    /// The number of runs.
    pub(super) fn count(&self) -> usize {
        self.runs.len()
    }

    /// The number of numbers.
    pub(super) fn total(&self) -> u64 {
        self.runs.values().sum()
    }

    /// The runs as (start, length), ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.runs.iter().map(|(&start, &len)| (start, len))
    }

    /// Adds `start..start + len`. False, and nothing is changed, when some of it is there already.
    pub(super) fn insert(&mut self, start: u64, len: u64) -> bool {
        if len == 0 {
            return true;
        }
        let (mut from, mut end) = (start, start + len);
        if let Some((&before, &length)) = self.runs.range(..end).next_back() {
            if before + length > start {
                return false;
            }
            if before + length == start {
                from = before;
            }
        }
        if let Some(&length) = self.runs.get(&end) {
            self.runs.remove(&end);
            end += length;
        }
        self.runs.insert(from, end - from);
        for floor in self.floors.values_mut() {
            *floor = from.min(*floor);
        }
        true
    }

    /// Takes `len` numbers in a row, the lowest there are.
    pub(super) fn take(&mut self, len: u64) -> Option<u64> {
        let floor = self.floors.get(&len).copied().unwrap_or(0);
        let found =
            self.runs.range(floor..).find(|(_, length)| **length >= len).map(|(&start, &l)| (start, l));
        let Some((start, length)) = found else {
            self.floors.insert(len, u64::MAX);
            return None;
        };
        self.runs.remove(&start);
        if length > len {
            self.runs.insert(start + len, length - len);
        }
        self.floors.insert(len, start);
        Some(start)
    }

    /// Removes `start..start + len` where it is there.
    pub(super) fn remove(&mut self, start: u64, len: u64) {
        let end = start + len;
        while let Some((&at, &length)) = self.runs.range(..end).next_back() {
            if at + length <= start {
                break;
            }
            self.runs.remove(&at);
            if at + length > end {
                self.runs.insert(end, at + length - end);
            }
            if at < start {
                self.runs.insert(at, start - at);
            }
        }
    }

    /// Adds all of `other`. False when something was there already.
    pub(super) fn extend(&mut self, other: &Runs) -> bool {
        other.iter().fold(true, |all, (start, len)| self.insert(start, len) && all)
    }

    /// Cuts off the run that ends at `end`, and returns where it begins; `end` when there is none.
    pub(super) fn cut_tail(&mut self, end: u64) -> u64 {
        match self.runs.last_key_value() {
            Some((&start, &len)) if start + len == end => {
                self.runs.remove(&start);
                start
            }
            _ => end,
        }
    }

    /// The runs as one list.
    pub(super) fn to_vec(&self) -> Vec<(u64, u64)> {
        self.iter().collect()
    }
}
