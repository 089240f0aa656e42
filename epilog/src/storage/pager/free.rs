//! [`Runs`], a set of numbers as runs, for free blocks and free page numbers; [`FreeMap`], what each checkpoint keeps of
//! them on disk.
//!
//! Allocation takes the lowest run that is long enough, so that the file's tail becomes free and the file can shrink.
//!
//! The free map's image is a run of blocks: the common page header (kind 7, page number and tree 0), the run counts of
//! four lists (4 bytes each), then the runs of each, ascending, as start and length (8 bytes each), then zeros. The lists
//! are the free blocks, the pending blocks, the free page numbers, the pending page numbers. What is pending is used by the
//! checkpoint before this one, and free once the next one is durable. The blocks of this very image, like those of the
//! headers, are in no list.

use alloc::vec::Vec;

use super::image::{u32_at, u64_at};
use crate::ordered::BTreeMap;
use crate::storage::StorageError;
use crate::storage::error::words;
use crate::storage::page::{PAGE_HEADER_LEN, PageKind, PageNumber, TreeId, write_header};

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

    /// Whether `number` is one of them.
    pub(super) fn holds(&self, number: u64) -> bool {
        let before = self.runs.range(..=number).next_back();
        before.is_some_and(|(start, len)| number < start + len)
    }

    /// The runs as (start, length), ascending.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> {
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

    /// As [`take`](Runs::take), if the lowest run that is long enough begins below `limit`.
    pub(super) fn take_below(&mut self, len: u64, limit: u64) -> Option<u64> {
        let floor = self.floors.get(&len).copied().unwrap_or(0);
        if floor >= limit {
            return None;
        }
        let fits = self.runs.range(floor..limit).any(|(_, length)| *length >= len);
        if fits { self.take(len) } else { None }
    }

    /// Whether all of `start..start + len` is there.
    pub(super) fn contains(&self, start: u64, len: u64) -> bool {
        let before = self.runs.range(..=start).next_back();
        before.is_some_and(|(at, length)| at + length >= start + len)
    }

    /// The numbers in all runs together.
    pub(super) fn len(&self) -> u64 {
        self.runs.values().sum()
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
    #[cfg(test)]
    pub(super) fn to_vec(&self) -> Vec<(u64, u64)> {
        self.iter().collect()
    }
}

/// What a free map says of one checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FreeMap {
    /// Blocks that neither this checkpoint nor the one before uses.
    pub(super) blocks: Runs,
    /// Blocks that only the checkpoint before uses.
    pub(super) pending_blocks: Runs,
    /// Page numbers that may be given out.
    pub(super) numbers: Runs,
    /// Page numbers that only the checkpoint before uses.
    pub(super) pending_numbers: Runs,
}

/// The counts of the four lists.
const COUNTS_LEN: usize = 16;
/// A run: start and length.
const RUN_LEN: usize = 16;

impl FreeMap {
    fn lists(&self) -> [&Runs; 4] {
        [&self.blocks, &self.pending_blocks, &self.numbers, &self.pending_numbers]
    }

    /// The blocks of `block_len` bytes that an image of `runs` runs needs.
    pub(super) fn blocks_for(runs: usize, block_len: usize) -> usize {
        (PAGE_HEADER_LEN + COUNTS_LEN + runs * RUN_LEN).div_ceil(block_len)
    }

    /// The number of runs in all lists.
    pub(super) fn count(&self) -> usize {
        self.lists().iter().map(|runs| runs.count()).sum()
    }

    /// The image, `blocks` blocks of `block_len` bytes long, before it is sealed.
    pub(super) fn encode(&self, blocks: usize, block_len: usize) -> Vec<u8> {
        assert!(FreeMap::blocks_for(self.count(), block_len) <= blocks, "the free map fits its image");
        let mut image = Vec::with_capacity(blocks * block_len);
        image.resize(PAGE_HEADER_LEN, 0);
        write_header(&mut image, PageNumber(0), PageKind::Free, TreeId(0));
        for runs in self.lists() {
            image.extend_from_slice(&(runs.count() as u32).to_le_bytes());
        }
        for (start, len) in self.lists().into_iter().flat_map(Runs::iter) {
            image.extend_from_slice(&start.to_le_bytes());
            image.extend_from_slice(&len.to_le_bytes());
        }
        image.resize(blocks * block_len, 0);
        image
    }

    /// The free map in a verified image, of a file of `file_blocks` blocks whose first `reserved` are headers and whose
    /// page numbers lie below `next_page`.
    ///
    /// # Errors
    ///
    /// When a run lies outside, or twice in a list, or more page numbers are pending than the file can have had images.
    pub(super) fn decode(
        image: &[u8],
        reserved: u64,
        file_blocks: u64,
        next_page: u32,
    ) -> Result<FreeMap, StorageError> {
        let damage = |problem| StorageError::damage("free map", problem);
        let mut map = FreeMap::default();
        let mut at = PAGE_HEADER_LEN + COUNTS_LEN;
        for list in 0..4 {
            let count = u32_at(image, PAGE_HEADER_LEN + 4 * list) as usize;
            let end = count.checked_mul(RUN_LEN).and_then(|len| len.checked_add(at));
            let Some(bytes) = end.and_then(|end| image.get(at..end)) else {
                return Err(damage(words!("list {list} of {count} runs does not fit it")));
            };
            at += bytes.len();
            let (runs, bounds) = match list {
                0 => (&mut map.blocks, reserved..file_blocks),
                1 => (&mut map.pending_blocks, reserved..file_blocks),
                2 => (&mut map.numbers, 1..u64::from(next_page)),
                _ => (&mut map.pending_numbers, 1..u64::from(next_page)),
            };
            for run in bytes.chunks_exact(RUN_LEN) {
                let (start, len) = (u64_at(run, 0), u64_at(run, 8));
                let inside = start >= bounds.start
                    && len > 0
                    && start.checked_add(len).is_some_and(|end| end <= bounds.end);
                if !inside || !runs.insert(start, len) {
                    return Err(damage(words!(
                        "the run of {len} from {start} in list {list} is outside of {bounds:?} or there twice"
                    )));
                }
            }
        }
        let disjoint = map.blocks.clone().extend(&map.pending_blocks)
            && map.numbers.clone().extend(&map.pending_numbers);
        if !disjoint {
            return Err(damage("a block or page number is free and pending".into()));
        }
        // Each has an image in the checkpoint before, whose blocks are all within the file.
        let pending: u64 = map.pending_numbers.iter().map(|(_, len)| len).sum();
        if pending > file_blocks {
            return Err(damage(words!(
                "{pending} page numbers are pending in a file of {file_blocks} blocks"
            )));
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::page::BLOCK_LEN;

    #[test]
    fn runs_merge_split_and_are_taken_lowest_first() {
        let mut runs = Runs::new();
        assert!(runs.insert(10, 2) && runs.insert(20, 5) && runs.insert(12, 3));
        assert!(!runs.insert(11, 1) && !runs.insert(8, 3) && !runs.insert(24, 2));
        assert_eq!(runs.to_vec(), [(10, 5), (20, 5)]);
        assert_eq!(runs.take(4), Some(10));
        assert_eq!(runs.take(4), Some(20));
        assert_eq!(runs.take(4), None);
        assert_eq!(runs.to_vec(), [(14, 1), (24, 1)]);
        assert!(runs.insert(15, 9));
        assert_eq!(runs.to_vec(), [(14, 11)]);
        assert_eq!(runs.take(4), Some(14), "a run that has grown is found again");
        runs.remove(20, 2);
        assert_eq!(runs.to_vec(), [(18, 2), (22, 3)]);
        runs.remove(0, 100);
        assert_eq!(runs.count(), 0);
    }

    #[test]
    fn the_tail_is_cut_off_when_it_is_free() {
        let mut runs = Runs::new();
        runs.insert(4, 2);
        runs.insert(8, 2);
        assert_eq!(runs.cut_tail(11), 11);
        assert_eq!(runs.cut_tail(10), 8);
        assert_eq!(runs.to_vec(), [(4, 2)]);
    }

    #[test]
    fn a_free_map_survives_its_encoding_and_refuses_nonsense() {
        let mut map = FreeMap::default();
        for n in 0..500 {
            map.blocks.insert(4 + 4 * n, 1);
            map.pending_numbers.insert(1 + 3 * n, 2);
        }
        map.pending_blocks.insert(5, 2);
        for block_len in [512, BLOCK_LEN] {
            let blocks = FreeMap::blocks_for(map.count(), block_len);
            let image = map.encode(blocks, block_len);
            assert_eq!(image.len(), blocks * block_len);
            assert_eq!(FreeMap::decode(&image, 4, 2004, 2000).unwrap(), map);
        }
        let blocks = FreeMap::blocks_for(map.count(), BLOCK_LEN);
        let image = map.encode(blocks, BLOCK_LEN);
        assert!(FreeMap::decode(&image, 4, 1990, 2000).is_err(), "a block behind the end");
        assert!(FreeMap::decode(&image, 5, 2004, 2000).is_err(), "a header block");
        assert!(FreeMap::decode(&image, 4, 2004, 1000).is_err(), "a page number that never was");
        let mut many = FreeMap::default();
        many.pending_numbers.insert(1, 4_000_000_000);
        assert!(
            FreeMap::decode(&many.encode(1, BLOCK_LEN), 4, 2004, u32::MAX).is_err(),
            "more page numbers than blocks"
        );
        map.pending_blocks.insert(4, 1);
        assert!(FreeMap::decode(&map.encode(blocks, BLOCK_LEN), 4, 2004, 2000).is_err(), "free and pending");
        for count in [u32::MAX, 10_000] {
            let mut image = image.clone();
            image[PAGE_HEADER_LEN..][..4].copy_from_slice(&count.to_le_bytes());
            assert!(FreeMap::decode(&image, 4, 2004, 2000).is_err());
        }
    }
}
