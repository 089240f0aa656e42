//! [`EntryList`]: the keys of one page or two, taken off the page to be divided anew.

use alloc::vec::Vec;
use core::ops::Range;

use super::super::page::PageKind;
use super::entry_node::{common_len, cost};

/// Keys in ascending order, each with the child behind it (0 in a leaf).
#[derive(Debug, Default)]
pub(super) struct EntryList {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    children: Vec<u32>,
}

impl EntryList {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Makes room for so many keys more, of so many bytes together.
    pub(super) fn reserve(&mut self, keys: usize, bytes: usize) {
        self.bytes.reserve(bytes);
        self.ends.reserve(keys);
        self.children.reserve(keys);
    }

    pub(super) fn key(&self, entry: usize) -> &[u8] {
        let start = entry.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.bytes[start..self.ends[entry] as usize]
    }

    pub(super) fn child(&self, entry: usize) -> u32 {
        self.children[entry]
    }

    pub(super) fn push(&mut self, key: &[u8], child: u32) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len() as u32);
        self.children.push(child);
    }

    /// Adds a key as it lies on a page: the prefix, and behind it `suffix_len` bytes, which are those of the head, padded,
    /// and the rest.
    #[inline]
    pub(super) fn push_parts(
        &mut self,
        prefix: &[u8],
        head: &[u8; 4],
        suffix_len: usize,
        rest: &[u8],
        child: u32,
    ) {
        self.bytes.extend_from_slice(prefix);
        self.bytes.extend_from_slice(head);
        if suffix_len < head.len() {
            self.bytes.truncate(self.bytes.len() - head.len() + suffix_len);
        }
        self.bytes.extend_from_slice(rest);
        self.ends.push(self.bytes.len() as u32);
        self.children.push(child);
    }

    pub(super) fn insert(&mut self, entry: usize, key: &[u8], child: u32) {
        let start = entry.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.bytes.extend_from_slice(key);
        self.bytes[start as usize..].rotate_right(key.len());
        for end in &mut self.ends[entry..] {
            *end += key.len() as u32;
        }
        self.ends.insert(entry, start + key.len() as u32);
        self.children.insert(entry, child);
    }

    /// Whether each key is above the one before.
    pub(super) fn ascends(&self) -> bool {
        (1..self.len()).all(|entry| self.key(entry - 1) < self.key(entry))
    }

    /// Whether the key at `entry` is above the one before it and below the one after.
    pub(super) fn ascends_around(&self, entry: usize) -> bool {
        let is_above = entry == 0 || self.key(entry - 1) < self.key(entry);
        is_above && (entry + 1 == self.len() || self.key(entry) < self.key(entry + 1))
    }

    /// What the keys in `range` have in common, which the first and the last tell.
    pub(super) fn common_len(&self, range: &Range<usize>) -> usize {
        if range.is_empty() { 0 } else { common_len(self.key(range.start), self.key(range.end - 1)) }
    }

    /// The bytes that the keys in `range` take on a page with a prefix of `prefix_len`; `None` when one is shorter.
    pub(super) fn cost(&self, kind: PageKind, range: Range<usize>, prefix_len: usize) -> Option<usize> {
        let mut total = prefix_len;
        for entry in range {
            let len = self.key(entry).len();
            if len < prefix_len {
                return None;
            }
            total += cost(kind, prefix_len, len);
        }
        Some(total)
    }

    /// The prefix for a page of the keys in `range`: what its fences have in common, or all that the keys have when
    /// they would not fit into `limit` bytes otherwise. `None` when they do not fit at all.
    pub(super) fn prefix_len(
        &self,
        kind: PageKind,
        range: &Range<usize>,
        low: Option<&[u8]>,
        high: Option<&[u8]>,
        limit: usize,
    ) -> Option<usize> {
        let most = self.common_len(range);
        let fences = match (low, high) {
            // A fence may also be out of date, so that keys lie outside: they decide.
            (Some(low), Some(high)) => common_len(low, high).min(most),
            _ => 0,
        };
        [fences, most].into_iter().find(|&prefix_len| {
            self.cost(kind, range.clone(), prefix_len).is_some_and(|needed| needed <= limit)
        })
    }

    /// Where to divide: the entry in the middle third, by bytes, that `separator_len` makes shortest, nearest the middle
    /// among equals.
    pub(super) fn middle(&self, kind: PageKind, separator_len: impl Fn(usize) -> usize) -> usize {
        let prefix_len = self.common_len(&(0..self.len()));
        let cost = |entry: usize| cost(kind, prefix_len, self.key(entry).len());
        let total: usize = (0..self.len()).map(cost).sum();
        let (mut left, mut best) = (0, None);
        // The entry nearest to the middle, should a large one span the whole third.
        let mut nearest = (usize::MAX, 1);
        for entry in 0..self.len() {
            let distance = (total / 2).abs_diff(left);
            if entry > 0 {
                nearest = nearest.min((distance, entry));
                if distance <= total / 6 {
                    let candidate = (separator_len(entry), distance, entry);
                    best = Some(best.map_or(candidate, |best: (usize, usize, usize)| best.min(candidate)));
                }
            }
            left += cost(entry);
        }
        best.map_or(nearest.1, |(_, _, entry)| entry)
    }
}
