//! [`EntryTree`] against a set.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Bound;

use super::pager::TestPager;
use super::{Random, check_all};
use crate::storage::btree::entry_tree::entry_len_max;
use crate::storage::btree::{Direction, EntryTree, TreeSummary};
use crate::storage::page::{ENTRY_PAGE_LEN, TreeId};

/// Entries of a tree, and the same in a set.
pub(super) struct Model {
    pub(super) pages: TestPager,
    pub(super) tree: EntryTree,
    set: BTreeSet<Vec<u8>>,
}

impl Model {
    pub(super) fn new() -> Model {
        Model::with_pages(ENTRY_PAGE_LEN)
    }

    /// A tree with pages of `page_len` bytes.
    pub(super) fn with_pages(page_len: usize) -> Model {
        let mut pages = TestPager::default();
        let tree = EntryTree::create(&mut pages, TreeId(9), page_len as u32).unwrap();
        Model { pages, tree, set: BTreeSet::new() }
    }

    pub(super) fn insert(&mut self, entry: &[u8]) {
        let inserted = self.tree.insert(&mut self.pages, entry).unwrap();
        assert_eq!(inserted, self.set.insert(entry.to_vec()));
    }

    fn insert_sorted(&mut self, entries: &BTreeSet<Vec<u8>>) {
        let inserted = self.tree.insert_sorted(&mut self.pages, entries.iter().map(Vec::as_slice)).unwrap();
        let before = self.set.len();
        self.set.extend(entries.iter().cloned());
        assert_eq!(inserted, (self.set.len() - before) as u64);
    }

    fn remove(&mut self, entry: &[u8]) {
        let removed = self.tree.remove(&mut self.pages, entry).unwrap();
        assert_eq!(removed, self.set.remove(entry));
    }

    pub(super) fn check(&self) -> TreeSummary {
        let summary = check_all(&self.pages, |pages, visit| self.tree.check(pages, visit));
        assert_eq!(summary.count, self.set.len() as u64);
        let mut numbers = self.tree.page_numbers(&self.pages).unwrap();
        numbers.sort();
        assert_eq!(numbers, self.pages.numbers());
        assert_eq!(self.tree.first(&self.pages).unwrap(), self.set.first().cloned());
        assert_eq!(self.tree.last(&self.pages).unwrap(), self.set.last().cloned());
        assert_eq!(self.tree.is_empty(&self.pages).unwrap(), self.set.is_empty());
        summary
    }

    fn check_range(&self, low: Bound<&[u8]>, high: Bound<&[u8]>) {
        for direction in [Direction::Forward, Direction::Backward] {
            let mut one = Vec::new();
            let mut cursor = self.tree.cursor(&self.pages, low, high, direction);
            while let Some(entry) = cursor.next().unwrap() {
                one.push(entry.to_vec());
            }
            assert!(cursor.next().unwrap().is_none(), "the end stays the end");
            let (mut bytes, mut ends) = (Vec::new(), Vec::new());
            let mut cursor = self.tree.cursor(&self.pages, low, high, direction);
            while cursor.next_batch(7, &mut bytes, &mut ends).unwrap() > 0 {}
            let starts = core::iter::once(0).chain(ends.iter().copied());
            let batch = starts.zip(&ends).map(|(start, end)| bytes[start as usize..*end as usize].to_vec());
            assert!(batch.eq(one.iter().cloned()));
            if direction == Direction::Backward {
                one.reverse();
            }
            let within = |entry: &&Vec<u8>| {
                (match low {
                    Bound::Unbounded => true,
                    Bound::Included(low) => &entry[..] >= low,
                    Bound::Excluded(low) => &entry[..] > low,
                }) && match high {
                    Bound::Unbounded => true,
                    Bound::Included(high) => &entry[..] <= high,
                    Bound::Excluded(high) => &entry[..] < high,
                }
            };
            let expected = Vec::from_iter(self.set.iter().filter(within).cloned());
            assert_eq!(one, expected, "{direction:?} {low:?} {high:?}");
            let estimate = self.tree.estimate(&self.pages, low, high).unwrap() as usize;
            assert!(estimate <= self.set.len() * 8 + 8, "{estimate} for {} {low:?} {high:?}", expected.len());
            assert!(estimate > 0 || expected.is_empty(), "nothing for {} {low:?} {high:?}", expected.len());
        }
    }
}

#[cfg(not(feature = "small"))]
impl Model {
    /// One cursor over ranges here and there, of which some are read to their end and others not, finds what is in each.
    fn check_moves(&self, random: &mut Random, entry: &dyn Fn(&mut Random) -> Vec<u8>) {
        let mut cursor =
            self.tree.cursor(&self.pages, Bound::Unbounded, Bound::Unbounded, Direction::Forward);
        let mut low = entry(random);
        for _ in 0..30 {
            // Often a little further on, and as often at an entry as between two.
            let mut near = self.set.range(low.clone()..).skip(random.below(9));
            low = match (random.below(4), near.next()) {
                (0, _) | (_, None) => entry(random),
                (1, Some(near)) => [&near[..], &[0]].concat(),
                (_, Some(near)) => near.clone(),
            };
            let further = self.set.range(low.clone()..).nth(random.below(40)).cloned();
            let high = further.unwrap_or_else(|| [&low[..], &[0xFF]].concat());
            let limit = [3, 1000][random.below(2)];
            cursor.move_to(&low, Bound::Excluded(&high)).unwrap();
            let (mut bytes, mut ends) = (Vec::new(), Vec::new());
            cursor.next_batch(limit, &mut bytes, &mut ends).unwrap();
            let starts = core::iter::once(0).chain(ends.iter().copied());
            let found = starts.zip(&ends).map(|(start, end)| &bytes[start as usize..*end as usize]);
            let expected = self.set.range(low.clone()..).take_while(|entry| **entry < high).take(limit);
            assert!(found.eq(expected.map(|entry| &entry[..])), "from {low:?} to below {high:?}");
        }
    }
}

/// Random inserts and removes of entries that `entry` draws, with ranges in between, then the removal of everything;
/// with pages of the usual length, the shortest and the longest.
fn churn(seed: u64, steps: u32, entry: impl Fn(&mut Random) -> Vec<u8>) {
    for page_len in [ENTRY_PAGE_LEN, 1024, 16384] {
        churn_pages(seed, page_len, steps, &|random| {
            let mut entry = entry(random);
            entry.truncate(entry_len_max(page_len));
            entry
        });
    }
}

fn churn_pages(seed: u64, page_len: usize, steps: u32, entry: &dyn Fn(&mut Random) -> Vec<u8>) {
    let mut random = Random::new(seed);
    let mut model = Model::with_pages(page_len);
    for step in 0..steps {
        let drawn = entry(&mut random);
        // Grows for a while, then shrinks, then grows.
        let removes = if step / (steps / 3) == 1 { 8 } else { 3 };
        if random.below(10) < removes {
            let drawn = model.set.range(drawn.clone()..).next().cloned().unwrap_or(drawn);
            model.remove(&drawn);
        } else {
            model.insert(&drawn);
            assert!(model.tree.contains(&model.pages, &drawn).unwrap());
        }
        if step % 200 == 199 {
            let batch = BTreeSet::from_iter((0..30).map(|_| entry(&mut random)));
            model.insert_sorted(&batch);
            model.check();
            let (low, high) = (entry(&mut random), entry(&mut random));
            assert_eq!(model.tree.contains(&model.pages, &low).unwrap(), model.set.contains(&low));
            model.check_range(Bound::Included(&low), Bound::Excluded(&high));
            model.check_range(Bound::Excluded(&high), Bound::Included(&low));
            #[cfg(not(feature = "small"))]
            model.check_moves(&mut random, entry);
            let low = model.set.first().cloned().unwrap_or(low);
            model.check_range(Bound::Excluded(&low), Bound::Unbounded);
            let high = model.set.last().cloned().unwrap_or(high);
            model.check_range(Bound::Unbounded, Bound::Excluded(&high));
            model.check_range(Bound::Included(&low), Bound::Included(&low));
        }
    }
    model.check_range(Bound::Unbounded, Bound::Unbounded);
    let entries = Vec::from_iter(model.set.iter().cloned());
    for (count, entry) in entries.iter().enumerate() {
        model.remove(&entries[(count * 7919) % entries.len()]);
        model.remove(entry);
        if count % 100 == 0 {
            model.check();
        }
    }
    let summary = model.check();
    assert_eq!((summary.count, summary.leaves, summary.branches), (0, 1, 0), "an empty tree is one leaf");
}

fn bytes(random: &mut Random, len: usize) -> Vec<u8> {
    Vec::from_iter((0..len).map(|_| random.next() as u8))
}

fn ranked(key: &[u8], rank: u64) -> Vec<u8> {
    [key, &rank.to_be_bytes()].concat()
}

/// Keys that are none, short, long and alike; found and not found, first and last of their leaves.
#[test]
fn ranks_are_found_behind_their_keys() {
    for (seed, width) in [(1, 8), (2, 16)] {
        let mut random = Random::new(seed);
        let mut model = Model::new();
        let key_of = |n: u64, kind: usize| match kind {
            0 => n.to_be_bytes()[6..].to_vec(),
            1 => format!("{:04}@example.com", n * 7919 % 5000).into_bytes(),
            _ => [vec![b'x'; (n % 40) as usize], n.to_be_bytes().to_vec()].concat(),
        };
        for kind in 0..3 {
            let mut ranks = alloc::collections::BTreeMap::new();
            for n in 0..3000 {
                let key = key_of(n * 2, kind);
                let rank = u128::from(random.next()) << (8 * (width - 8));
                ranks.entry(key).or_insert_with_key(|key| {
                    model.insert(&[&key[..], &rank.to_be_bytes()[16 - width..]].concat());
                    rank
                });
            }
            for n in 0..6000 {
                let key = key_of(n, kind);
                let found = model.tree.rank_of(&model.pages, &key, width).unwrap();
                assert_eq!(found, ranks.get(&key).copied(), "{key:?}");
            }
            for absent in [&[][..], &[0xFF; 30], &[0; 9]] {
                assert_eq!(model.tree.rank_of(&model.pages, absent, width).unwrap(), None);
            }
            while let Some(entry) = model.set.first().cloned() {
                model.remove(&entry);
            }
            assert_eq!(model.tree.rank_of(&model.pages, b"x", width).unwrap(), None);
        }
    }
}

/// All entries of one key, so that pages have a part of the rank for their prefix.
#[test]
fn the_first_of_many_ranks_is_found() {
    let mut model = Model::new();
    for rank in 0..2000 {
        model.insert(&ranked(b"key", rank + 5));
    }
    assert_eq!(model.tree.rank_of(&model.pages, b"key", 8).unwrap(), Some(5));
    assert_eq!(model.tree.rank_of(&model.pages, b"kez", 8).unwrap(), None);
    assert_eq!(model.tree.rank_of(&model.pages, b"ke", 8).unwrap(), None);
    assert_eq!(model.tree.rank_of(&model.pages, b"k", 16).unwrap(), None);
}

#[test]
fn short_entries_match_the_model() {
    churn(1, 1800, |random| {
        let len = random.below(6);
        bytes(random, len)
    });
}

#[test]
fn numbers_with_ranks_match_the_model() {
    churn(2, 1800, |random| ranked(&(random.below(50) as u32).to_be_bytes(), random.below(400) as u64));
}

#[test]
fn entries_of_any_length_match_the_model() {
    churn(3, 1200, |random| {
        let len = 1 + random.below(900);
        bytes(random, len)
    });
    churn(4, 900, |random| {
        let len = 977 - random.below(10);
        bytes(random, len)
    });
}

/// Keys that agree for long exercise prefixes, their loss when a range grows, and heads that tie.
#[test]
fn shared_prefixes_match_the_model() {
    churn(5, 1800, |random| {
        let mut entry = b"https://example.org/collections/".to_vec();
        entry.extend_from_slice([&b"albums/"[..], b"albums/by-artist/", b"tracks/"][random.below(3)]);
        entry.extend(vec![b'x'; random.below(3) * 100]);
        ranked(&entry, random.below(2000) as u64)
    });
    churn(6, 900, |random| {
        let mut entry = vec![b'p'; 40 * random.below(24)];
        let len = random.below(12);
        entry.extend(bytes(random, len));
        entry
    });
}

/// Keys that differ near their end make separators long, so branches narrow and the tree high.
#[test]
fn long_separators_match_the_model() {
    let entry = |random: &mut Random| {
        let mut entry = vec![random.below(250) as u8];
        entry.extend(vec![b'x'; 600]);
        entry.push(random.below(30) as u8);
        entry.extend(vec![b'y'; 350]);
        ranked(&entry, random.below(2) as u64)
    };
    churn(8, 1200, entry);
    let (mut random, mut model) = (Random::new(9), Model::new());
    for _ in 0..3000 {
        model.insert(&entry(&mut random));
    }
    let summary = model.check();
    assert!(summary.height >= 3 && summary.branches > 20, "{summary:?}");
    let entries = Vec::from_iter(model.set.iter().cloned());
    for (number, entry) in entries.iter().enumerate() {
        if number % 10 > 0 {
            model.remove(entry);
        }
    }
    let sparse = model.check();
    assert!(sparse.branches * 2 < summary.branches, "{sparse:?}, before {summary:?}");
}

/// Zero bytes are also the padding of heads.
#[test]
fn zero_bytes_match_the_model() {
    churn(7, 1500, |random| {
        let len = random.below(12);
        Vec::from_iter((0..len).map(|_| (random.below(4) == 0) as u8))
    });
}

#[test]
fn ascending_inserts_leave_full_leaves() {
    let entries = BTreeSet::from_iter(
        (0..20_000u64)
            .map(|number| ranked(&[b"customer", &(number / 3).to_be_bytes()[..], &[0, 0]].concat(), number)),
    );
    let check = |insert: &dyn Fn(&mut Model)| {
        let mut model = Model::new();
        insert(&mut model);
        let summary = model.check();
        let full = summary.leaf_bytes_used as f64 / summary.leaf_bytes as f64;
        assert!(full > 0.96, "{full} of {summary:?}");
        // All but the last eight bytes or so are prefix.
        assert!(summary.leaf_bytes / summary.count < 26, "{summary:?}");
    };
    check(&|model| model.insert_sorted(&entries));
    check(&|model| entries.iter().for_each(|entry| model.insert(entry)));
}

/// Entries of any length, so few that the root is a leaf and so many that there are several levels of branches; and the
/// tree can then be changed as any other.
#[test]
fn sorted_entries_make_a_tree_of_any_height() {
    let mut random = Random::new(21);
    for (count, len_max) in
        [(0, 9), (1, 977), (2, 977), (4, 977), (5, 977), (300, 30), (3000, 977), (9000, 60)]
    {
        let mut model = Model::new();
        let entries = BTreeSet::from_iter((0..count).map(|number: u64| {
            let len = random.below(len_max - 8);
            ranked(&bytes(&mut random, len), number)
        }));
        model.insert_sorted(&entries);
        let summary = model.check();
        let full = summary.leaf_bytes_used as f64 / summary.leaf_bytes as f64;
        assert!(count < 300 || full > 0.8, "{full} of {summary:?}");
        model.check_range(Bound::Unbounded, Bound::Unbounded);
        for entry in entries.iter().step_by(2) {
            model.remove(entry);
        }
        for number in 0..count {
            let len = random.below(len_max - 8);
            model.insert(&ranked(&bytes(&mut random, len), number + count));
        }
        model.check();
        model.check_range(Bound::Unbounded, Bound::Unbounded);
    }
}

#[test]
fn entries_that_do_not_ascend_are_inserted_all_the_same() {
    let mut model = Model::new();
    let entries: Vec<Vec<u8>> =
        [5u64, 7, 7, 9, 8, 3, 9, 12, 12].iter().map(|rank| ranked(b"key", *rank)).collect();
    let inserted = model.tree.insert_sorted(&mut model.pages, entries.iter().map(Vec::as_slice)).unwrap();
    model.set.extend(entries);
    assert_eq!(inserted, 6);
    model.check();
    model.check_range(Bound::Unbounded, Bound::Unbounded);
}

/// A run that ascends between other entries fills its leaves too, after the first tore what was there apart.
#[test]
fn a_run_in_the_middle_fills_its_leaves() {
    let mut model = Model::new();
    for rank in 0..2000 {
        model.insert(&ranked(&[(rank % 10) as u8], rank));
    }
    let before = model.check();
    let entries = BTreeSet::from_iter((1 << 20..(1 << 20) + 8000).map(|rank: u64| ranked(&[3], rank)));
    model.insert_sorted(&entries);
    let after = model.check();
    let full = (after.leaf_bytes_used - before.leaf_bytes_used) as f64
        / (after.leaf_bytes - before.leaf_bytes) as f64;
    assert!(full > 0.95, "{full} of {after:?}");
}

/// Records with ascending ranks, of few keys in any order: what an index of a status or an age gets.
#[test]
fn ranks_that_ascend_within_each_key_fill_leaves() {
    let mut model = Model::new();
    let mut random = Random::new(13);
    for rank in 0..12_000 {
        model.insert(&ranked(&[b'k', random.below(8) as u8], rank));
    }
    let summary = model.check();
    let full = summary.leaf_bytes_used as f64 / summary.leaf_bytes as f64;
    assert!(full > 0.85, "{full} of {summary:?}");
}

#[test]
fn random_inserts_leave_leaves_two_thirds_full() {
    let mut model = Model::new();
    let mut random = Random::new(12);
    for rank in 0..6000 {
        let key = bytes(&mut random, 20);
        model.insert(&ranked(&key, rank));
    }
    let summary = model.check();
    let full = summary.leaf_bytes_used as f64 / summary.leaf_bytes as f64;
    assert!(full > 0.6, "{full} of {summary:?}");
}

/// Ranks come back from entries, whether they lie in the page's prefix, a head or the heap.
#[test]
fn ranks_and_keys_are_told_apart() {
    for width in [8, 16] {
        let mut model = Model::new();
        let mut expected = Vec::new();
        for rank in 0..700u128 {
            let rank = rank << (width * 8 - 16);
            let key = vec![b'k'; (rank >> (width * 8 - 16)) as usize / 100];
            let mut entry = key.clone();
            entry.push(0);
            entry.extend_from_slice(&rank.to_be_bytes()[16 - width..]);
            model.insert(&entry);
            expected.push((entry[..entry.len() - width].to_vec(), rank));
        }
        expected.sort();
        let mut ranks = Vec::new();
        let mut cursor =
            model.tree.cursor(&model.pages, Bound::Unbounded, Bound::Unbounded, Direction::Forward);
        while cursor.next_ranks(13, width, &mut ranks).unwrap() > 0 {}
        assert!(ranks.iter().eq(expected.iter().map(|(_, rank)| rank)));
        let (mut keys, mut ends, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
        let mut cursor =
            model.tree.cursor(&model.pages, Bound::Unbounded, Bound::Unbounded, Direction::Forward);
        while cursor.next_entries(13, width, &mut keys, &mut ends, &mut ranks).unwrap() > 0 {}
        let mut start = 0;
        for ((key, rank), (end, found)) in expected.iter().zip(ends.iter().zip(&ranks)) {
            assert_eq!((&keys[start..*end as usize], found), (&key[..], rank));
            start = *end as usize;
        }
        assert_eq!(ranks.len(), expected.len());
    }
}

/// However the tree grew: within one leaf and its neighbour to the entry, further apart to a factor of two.
#[test]
fn ranges_are_estimated_from_their_ends() {
    let sorted = |rank: u64| rank;
    let shuffled = |rank: u64| rank.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 10_007;
    for order in [&sorted as &dyn Fn(u64) -> u64, &shuffled] {
        let mut model = Model::new();
        (0..10_000).for_each(|rank| model.insert(&ranked(b"key", order(rank))));
        let all = model.set.len() as u64;
        let bounds: Vec<_> = (0..100).map(|at| ranked(b"key", at * 101)).collect();
        let (mut exact, mut checked) = (0, 0);
        for low in (0..bounds.len()).step_by(7) {
            for high in (0..bounds.len()).step_by(5) {
                let (low, high) = (&bounds[low][..], &bounds[high][..]);
                let found = if low < high {
                    model.set.range::<[u8], _>((Bound::Included(low), Bound::Excluded(high))).count() as u64
                } else {
                    0
                };
                let (low, high) = (Bound::Included(low), Bound::Excluded(high));
                let estimate = model.tree.estimate(&model.pages, low, high).unwrap();
                let close = estimate <= 2 * found && found <= 2 * estimate;
                assert!(close, "{estimate} for {found}, {low:?} {high:?}");
                exact += u32::from(found > 0 && estimate == found);
                checked += 1;
            }
        }
        assert!(exact > 10 && checked == 300, "{exact} of {checked}");
        let whole = model.tree.estimate(&model.pages, Bound::Unbounded, Bound::Unbounded).unwrap();
        assert!(whole.abs_diff(all) <= all / 2, "{whole} for {all}");
    }
}

#[test]
fn an_entry_too_short_for_a_rank_is_damage() {
    let mut model = Model::new();
    model.insert(b"short");
    let mut cursor = model.tree.cursor(&model.pages, Bound::Unbounded, Bound::Unbounded, Direction::Forward);
    assert!(cursor.next_ranks(1, 8, &mut Vec::new()).is_err());
}

#[test]
#[should_panic(expected = "over the limit of 977")]
fn an_entry_over_the_limit_is_refused() {
    Model::new().insert(&[0; 978]);
}

#[test]
fn entries_of_short_pages_are_shorter() {
    let lens = [1024, 2048, 4096, 16384].map(entry_len_max);
    assert_eq!(lens, [234, 490, 977, 977]);
    let mut model = Model::with_pages(1024);
    for first in 0..4 {
        model.insert(&[first; 234]);
    }
    assert_eq!(model.check().leaves, 1, "four of the longest fit a page");
}
