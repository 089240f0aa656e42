//! Properties of both trees: whatever is inserted, replaced and removed, in whatever order, a tree of records is a map, a
//! tree of entries a set, and their pages are all there is.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use epilog::storage::btree::{Direction, EntryTree, LeafFormat, RecordTree};
use epilog::storage::page::{PageNumber, TreeId};
use epilog_tests::pages::Pages;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

const TREE: TreeId = TreeId(9);

/// What is done with a tree of records.
#[derive(Clone, Debug)]
enum RecordOperation {
    Insert(u128, u8, usize),
    Replace(u128, u8, usize),
    Remove(u128),
    /// So many from a rank on, each so far behind the one before.
    InsertSorted(u128, usize, u8, usize),
    RemoveRange(u128, usize),
}

/// Ranks that meet, and some that are far apart.
fn rank() -> impl Strategy<Value = u128> {
    prop_oneof![8 => 0..600u128, 1 => any::<u64>().prop_map(u128::from), 1 => Just(u128::from(u64::MAX))]
}

fn record_operation() -> impl Strategy<Value = RecordOperation> {
    let len = || prop_oneof![4 => 0..80usize, 1 => 80..3900usize];
    prop_oneof![
        6 => (rank(), any::<u8>(), len()).prop_map(|(rank, byte, len)| RecordOperation::Insert(rank, byte, len)),
        2 => (rank(), any::<u8>(), len()).prop_map(|(rank, byte, len)| RecordOperation::Replace(rank, byte, len)),
        3 => rank().prop_map(RecordOperation::Remove),
        2 => (rank(), 1..200usize, 1..5u8, 0..300usize)
            .prop_map(|(from, count, step, len)| RecordOperation::InsertSorted(from, count, step, len)),
        1 => (rank(), 1..300usize).prop_map(|(from, count)| RecordOperation::RemoveRange(from, count)),
    ]
}

/// A record as its tree has it.
type RowAndBlob = (Vec<u8>, Vec<u8>);

struct Records {
    pages: Pages,
    tree: RecordTree,
    format: LeafFormat,
    /// Longer values would lie out of line.
    blob_max: usize,
    model: BTreeMap<u128, RowAndBlob>,
}

impl Records {
    fn new(format: LeafFormat, leaf_len: u32) -> Records {
        let mut pages = Pages::default();
        let tree = RecordTree::create(&mut pages, TREE, format, leaf_len).unwrap();
        Records { pages, tree, format, blob_max: leaf_len as usize / 4 - 100, model: BTreeMap::new() }
    }

    /// A record of this rank. Wide ranks lie in their upper half, too.
    fn record(&self, rank: u128, byte: u8, len: usize) -> (u128, Vec<u8>, Vec<u8>) {
        let rank = if self.format.rank_width == 16 { rank << 40 } else { rank };
        let mut row = vec![byte; usize::from(self.format.stride)];
        row[..usize::from(self.format.rank_width)]
            .copy_from_slice(&rank.to_le_bytes()[..usize::from(self.format.rank_width)]);
        if let Some(at) = self.format.blob_offset {
            row[usize::from(at)..usize::from(at) + 2].fill(0);
        }
        let blob =
            vec![byte ^ 0x55; if self.format.blob_offset.is_some() { len.min(self.blob_max) } else { 0 }];
        (rank, row, blob)
    }

    fn run(&mut self, operation: &RecordOperation) {
        let tree = self.tree;
        match *operation {
            RecordOperation::Insert(rank, byte, len) => {
                let (rank, row, blob) = self.record(rank, byte, len);
                let inserted = tree.insert(&mut self.pages, rank, &row, &blob).unwrap();
                assert_eq!(inserted, !self.model.contains_key(&rank));
                self.model.entry(rank).or_insert((row, blob));
            }
            RecordOperation::Replace(rank, byte, len) => {
                let (rank, row, blob) = self.record(rank, byte, len);
                let replaced = tree.replace(&mut self.pages, rank, &row, &blob).unwrap();
                assert_eq!(replaced, self.model.contains_key(&rank));
                self.model.entry(rank).and_modify(|record| *record = (row, blob));
            }
            RecordOperation::Remove(rank) => {
                let (rank, ..) = self.record(rank, 0, 0);
                let removed = tree.remove(&mut self.pages, rank).unwrap();
                assert_eq!(removed, self.model.remove(&rank).is_some());
            }
            RecordOperation::InsertSorted(from, count, step, len) => {
                let ranks = (0..count as u128).filter_map(|number| {
                    from.checked_add(number * u128::from(step)).filter(|rank| *rank <= u128::from(u64::MAX))
                });
                let records: Vec<_> = ranks.map(|rank| self.record(rank, step, len)).collect();
                let new = records.iter().filter(|(rank, ..)| !self.model.contains_key(rank)).count();
                let sorted = records.iter().map(|(rank, row, blob)| (*rank, &row[..], &blob[..]));
                assert_eq!(tree.insert_sorted(&mut self.pages, sorted).unwrap(), new as u64);
                for (rank, row, blob) in records {
                    self.model.entry(rank).or_insert((row, blob));
                }
            }
            RecordOperation::RemoveRange(from, count) => {
                let (from, ..) = self.record(from, 0, 0);
                let ranks: Vec<u128> = self.model.range(from..).take(count).map(|(rank, _)| *rank).collect();
                for rank in ranks {
                    assert!(tree.remove(&mut self.pages, rank).unwrap());
                    self.model.remove(&rank);
                }
            }
        }
    }

    fn walk(&self, low: u128, high: u128, direction: Direction) -> Vec<(u128, RowAndBlob)> {
        let mut found = Vec::new();
        let mut cursor = self.tree.leaves(&self.pages, low, high, direction);
        while let Some(view) = cursor.next().unwrap() {
            let mut rows: Vec<_> = view
                .rows
                .clone()
                .map(|position| {
                    let mut row = view.row(position).to_vec();
                    if let Some(at) = self.format.blob_offset {
                        row[usize::from(at)..usize::from(at) + 2].fill(0);
                    }
                    (view.rank(position), (row, view.blob(position).unwrap().to_vec()))
                })
                .collect();
            if direction == Direction::Backward {
                rows.reverse();
            }
            found.extend(rows);
        }
        found
    }

    fn check(&self, low: u128, high: u128) {
        let (tree, pages) = (self.tree, &self.pages);
        let mut seen = BTreeSet::new();
        let summary = tree
            .check(pages, &mut |number| {
                seen.insert(number);
            })
            .unwrap();
        assert_eq!(summary.count, self.model.len() as u64);
        assert!(pages.numbers().into_iter().eq(seen), "the pages are those of the tree");
        assert_eq!(tree.first_rank(pages).unwrap(), self.model.first_key_value().map(|(rank, _)| *rank));
        assert_eq!(tree.last_rank(pages).unwrap(), self.model.last_key_value().map(|(rank, _)| *rank));
        assert_eq!(tree.is_empty(pages).unwrap(), self.model.is_empty());
        for (low, high) in [(0, u128::MAX), (low.min(high), low.max(high))] {
            let expected: Vec<_> =
                self.model.range(low..=high).map(|(rank, record)| (*rank, record.clone())).collect();
            assert_eq!(self.walk(low, high, Direction::Forward), expected);
            let mut backward = self.walk(low, high, Direction::Backward);
            backward.reverse();
            assert_eq!(backward, expected);
        }
        let asked: Vec<u128> = self.model.keys().copied().step_by(7).chain([low, high]).collect();
        for rank in asked {
            let slot = tree.get(pages, rank).unwrap();
            assert_eq!(
                slot.map(|slot| slot.blob().unwrap().to_vec()),
                self.model.get(&rank).map(|(_, blob)| blob.clone())
            );
        }
    }
}

fn check_records(
    format: LeafFormat,
    leaf_len: u32,
    operations: &[RecordOperation],
    (low, high): (u128, u128),
) {
    let mut records = Records::new(format, leaf_len);
    for operation in operations {
        records.run(operation);
    }
    records.check(low, high);
    while let Some((&rank, _)) = records.model.last_key_value() {
        assert!(records.tree.remove(&mut records.pages, rank).unwrap());
        records.model.remove(&rank);
    }
    records.check(low, high);
    assert_eq!(records.pages.pages.len(), 1, "an empty tree is one page");
}

/// What is done with a tree of entries.
#[derive(Clone, Debug)]
enum EntryOperation {
    Insert(Vec<u8>),
    Remove(Vec<u8>),
    InsertSorted(BTreeSet<Vec<u8>>),
    RemoveRange(Vec<u8>, usize),
}

/// Entries that share beginnings, some of them long.
fn entry() -> impl Strategy<Value = Vec<u8>> {
    let front = prop_oneof![
        3 => Just(Vec::new()),
        2 => Just(b"shared/prefix/".to_vec()),
        1 => (1..45usize).prop_map(|count| b"a longer prefix ".repeat(count)),
    ];
    (front, vec(prop_oneof![3 => b'a'..=b'd', 1 => any::<u8>()], 0..40)).prop_map(|(mut front, back)| {
        front.extend(back);
        front
    })
}

fn entry_operation() -> impl Strategy<Value = EntryOperation> {
    prop_oneof![
        6 => entry().prop_map(EntryOperation::Insert),
        3 => entry().prop_map(EntryOperation::Remove),
        1 => btree_set(entry(), 0..120).prop_map(EntryOperation::InsertSorted),
        1 => (entry(), 1..60usize).prop_map(|(from, count)| EntryOperation::RemoveRange(from, count)),
    ]
}

fn check_entries(page_len: u32, operations: &[EntryOperation], low: &[u8], high: &[u8]) {
    let mut pages = Pages::default();
    let tree = EntryTree::create(&mut pages, TREE, page_len).unwrap();
    let mut model: BTreeSet<Vec<u8>> = BTreeSet::new();
    for operation in operations {
        match operation {
            EntryOperation::Insert(entry) => {
                assert_eq!(tree.insert(&mut pages, entry).unwrap(), model.insert(entry.clone()));
                assert!(tree.contains(&pages, entry).unwrap());
            }
            EntryOperation::Remove(entry) => {
                assert_eq!(tree.remove(&mut pages, entry).unwrap(), model.remove(entry));
                assert!(!tree.contains(&pages, entry).unwrap());
            }
            EntryOperation::InsertSorted(entries) => {
                let before = model.len();
                model.extend(entries.iter().cloned());
                let inserted = tree.insert_sorted(&mut pages, entries.iter().map(Vec::as_slice)).unwrap();
                assert_eq!(inserted, (model.len() - before) as u64);
            }
            EntryOperation::RemoveRange(from, count) => {
                let entries: Vec<Vec<u8>> = model.range(from.clone()..).take(*count).cloned().collect();
                for entry in entries {
                    assert!(tree.remove(&mut pages, &entry).unwrap());
                    model.remove(&entry);
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    let summary = tree
        .check(&pages, &mut |number: PageNumber| {
            seen.insert(number);
        })
        .unwrap();
    assert_eq!(summary.count, model.len() as u64);
    assert!(pages.numbers().into_iter().eq(seen), "the pages are those of the tree");
    assert_eq!(tree.first(&pages).unwrap().as_ref(), model.first());
    assert_eq!(tree.last(&pages).unwrap().as_ref(), model.last());
    let (low, high) = if low <= high { (low, high) } else { (high, low) };
    for (low, high) in [
        (Bound::Unbounded, Bound::Unbounded),
        (Bound::Included(low), Bound::Excluded(high)),
        (Bound::Excluded(low), Bound::Included(high)),
    ] {
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
        let expected: Vec<Vec<u8>> = model.iter().filter(within).cloned().collect();
        for direction in [Direction::Forward, Direction::Backward] {
            let (mut found, mut cursor) = (Vec::new(), tree.cursor(&pages, low, high, direction));
            while let Some(entry) = cursor.next().unwrap() {
                found.push(entry.to_vec());
            }
            if direction == Direction::Backward {
                found.reverse();
            }
            assert_eq!(found, expected, "{direction:?}");
        }
    }
    for entry in &model {
        assert!(tree.remove(&mut pages, entry).unwrap());
    }
    assert_eq!(pages.pages.len(), 1, "an empty tree is one page");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_of_records_is_a_map(
        operations in vec(record_operation(), 0..120),
        bounds in (rank(), rank()),
        leaf_len in prop_oneof![Just(4096u32), Just(16_384), Just(32_768)],
    ) {
        let narrow = LeafFormat { rank_width: 8, stride: 12, blob_offset: Some(8), version: 1 };
        check_records(narrow, leaf_len, &operations, bounds);
    }

    #[test]
    fn a_tree_of_records_with_wide_ranks_and_no_blobs_is_a_map(
        operations in vec(record_operation(), 0..200),
        bounds in (rank(), rank()),
        leaf_len in prop_oneof![Just(4096u32), Just(16_384), Just(32_768)],
    ) {
        let wide = LeafFormat { rank_width: 16, stride: 61, blob_offset: None, version: 3 };
        check_records(wide, leaf_len, &operations, bounds);
    }

    #[test]
    fn a_tree_of_entries_is_a_set(
        operations in vec(entry_operation(), 0..250),
        low in entry(),
        high in entry(),
        page_len in prop_oneof![Just(4096u32), Just(8192)],
    ) {
        check_entries(page_len, &operations, &low, &high);
    }
}
