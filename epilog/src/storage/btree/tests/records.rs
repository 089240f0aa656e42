//! [`RecordTree`] against a map.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::pager::TestPager;
use super::{Random, check_all};
use crate::storage::btree::{Direction, LeafFormat, RecordInserter, RecordTree, TreeSummary};
use crate::storage::page::{PageKind, PageRead, RECORD_LEAF_LEN, TreeId, kind_of};

pub(super) const NARROW: LeafFormat =
    LeafFormat { rank_width: 8, stride: 24, blob_offset: Some(16), version: 1 };
pub(super) const WIDE: LeafFormat =
    LeafFormat { rank_width: 16, stride: 37, blob_offset: Some(35), version: 3 };
const WITHOUT_BLOB: LeafFormat = LeafFormat { rank_width: 8, stride: 100, blob_offset: None, version: 1 };

/// Records of a tree, and the same in a map: rank to fixed bytes and blob.
pub(super) struct Model {
    pub(super) pages: TestPager,
    pub(super) tree: RecordTree,
    map: BTreeMap<u128, (u8, Vec<u8>)>,
}

impl Model {
    pub(super) fn new(format: LeafFormat) -> Model {
        Model::with_leaves(format, RECORD_LEAF_LEN)
    }

    /// A tree with leaves of `leaf_len` bytes.
    pub(super) fn with_leaves(format: LeafFormat, leaf_len: usize) -> Model {
        let mut pages = TestPager::default();
        let tree = RecordTree::create(&mut pages, TreeId(7), format, leaf_len as u32).unwrap();
        Model { pages, tree, map: BTreeMap::new() }
    }

    /// The fixed row, all of whose bytes behind the rank are `fill`.
    pub(super) fn row(&self, rank: u128, fill: u8) -> Vec<u8> {
        let mut row = vec![fill; usize::from(self.tree.stride)];
        let width = usize::from(self.tree.rank_width);
        row[..width].copy_from_slice(&rank.to_le_bytes()[..width]);
        row
    }

    pub(super) fn insert(&mut self, rank: u128, fill: u8, blob: &[u8]) {
        let row = self.row(rank, fill);
        let inserted = self.tree.insert(&mut self.pages, rank, &row, blob).unwrap();
        assert_eq!(inserted, !self.map.contains_key(&rank));
        self.map.entry(rank).or_insert((fill, blob.to_vec()));
    }

    fn replace(&mut self, rank: u128, fill: u8, blob: &[u8]) {
        let row = self.row(rank, fill);
        let replaced = self.tree.replace(&mut self.pages, rank, &row, blob).unwrap();
        assert_eq!(replaced, self.map.contains_key(&rank));
        self.map.entry(rank).and_modify(|record| *record = (fill, blob.to_vec()));
    }

    pub(super) fn remove(&mut self, rank: u128) {
        let removed = self.tree.remove(&mut self.pages, rank).unwrap();
        assert_eq!(removed, self.map.remove(&rank).is_some());
    }

    pub(super) fn check(&self) -> TreeSummary {
        let summary = check_all(&self.pages, |pages, visit| self.tree.check(pages, visit));
        assert_eq!(summary.count, self.map.len() as u64);
        let mut numbers = self.tree.page_numbers(&self.pages).unwrap();
        numbers.sort();
        assert_eq!(numbers, self.pages.numbers());
        assert_eq!(self.tree.last_rank(&self.pages).unwrap(), self.map.keys().next_back().copied());
        assert_eq!(self.tree.first_rank(&self.pages).unwrap(), self.map.keys().next().copied());
        assert_eq!(self.tree.is_empty(&self.pages).unwrap(), self.map.is_empty());
        summary
    }

    /// Every record of the range in both directions, and whole.
    fn check_range(&self, low: u128, high: u128) {
        for direction in [Direction::Forward, Direction::Backward] {
            let mut found = Vec::new();
            let mut cursor = self.tree.leaves(&self.pages, low, high, direction);
            while let Some(view) = cursor.next().unwrap() {
                assert_eq!(view.fixed_rows().len(), view.rows.len() * view.leaf.stride());
                let rows: Vec<usize> = match direction {
                    Direction::Forward => view.rows.clone().collect(),
                    Direction::Backward => view.rows.clone().rev().collect(),
                };
                for position in rows {
                    let rank = view.rank(position);
                    let fill = self.fill(view.row(position));
                    found.push((rank, (fill, view.blob(position).unwrap().to_vec())));
                }
            }
            assert!(cursor.next().unwrap().is_none(), "the end stays the end");
            if direction == Direction::Backward {
                found.reverse();
            }
            let expected: Vec<_> = match low <= high {
                true => self.map.range(low..=high).map(|(rank, record)| (*rank, record.clone())).collect(),
                false => Vec::new(),
            };
            assert_eq!(found, expected, "{direction:?} from {low} to {high}");
        }
    }

    /// The byte that a row is filled with; all are the same but for the blob's offset.
    fn fill(&self, row: &[u8]) -> u8 {
        let fill = row[usize::from(self.tree.rank_width)];
        if self.tree.stride > u16::from(self.tree.rank_width) + 2 {
            for (at, byte) in row.iter().enumerate().skip(usize::from(self.tree.rank_width)) {
                let blob = self.tree.blob_offset.map_or(usize::MAX, usize::from);
                assert!(at == blob || at == blob.wrapping_add(1) || *byte == fill);
            }
        }
        fill
    }

    fn check_gets(&self, ranks: &[u128]) {
        let mut slots = Vec::new();
        self.tree.get_many(&self.pages, ranks, |slot| slots.push(slot)).unwrap();
        assert_eq!(slots.len(), ranks.len());
        for (rank, many) in ranks.iter().zip(slots) {
            let one = self.tree.get(&self.pages, *rank).unwrap();
            for slot in [one, many] {
                let found = slot.map(|slot| (self.fill(slot.row), slot.blob().unwrap().to_vec()));
                assert_eq!(found.as_ref(), self.map.get(rank));
            }
        }
    }
}

/// Random inserts, replaces and removes of ranks that `rank` draws, with ranges and gets in between, then the removal of
/// everything; with leaves of the usual length, the shortest and the longest.
fn churn(seed: u64, format: LeafFormat, blob_max: usize, rank: impl Fn(&mut Random) -> u128) {
    for leaf_len in [RECORD_LEAF_LEN, 1024, 65536] {
        let blob_max = blob_max.min(leaf_len / 4 - usize::from(format.stride));
        churn_leaves(seed, format, leaf_len, blob_max, &rank);
    }
}

fn churn_leaves(
    seed: u64,
    format: LeafFormat,
    leaf_len: usize,
    blob_max: usize,
    rank: &dyn Fn(&mut Random) -> u128,
) {
    let mut random = Random::new(seed);
    let mut model = Model::with_leaves(format, leaf_len);
    for step in 0..1500u32 {
        let at = rank(&mut random);
        let fill = random.next() as u8;
        let len =
            if format.blob_offset.is_none() || random.below(8) == 0 { 0 } else { random.below(blob_max) };
        let blob = vec![fill ^ 0xFF; len];
        // Grows for a while, then shrinks, then grows.
        let removes = if step / 500 == 1 { 7 } else { 2 };
        match random.below(10) {
            n if n < removes => {
                let at = model.map.range(at..).next().map_or(at, |(rank, _)| *rank);
                model.remove(at);
            }
            n if n < removes + 2 => {
                let at = model.map.range(at..).next().map_or(at, |(rank, _)| *rank);
                model.replace(at, fill, &blob);
            }
            _ => model.insert(at, fill, &blob),
        }
        if step % 250 == 249 {
            model.check();
            let (low, high) = (rank(&mut random), rank(&mut random));
            model.check_range(low, high);
            model.check_range(low.min(high), low.max(high));
            model.check_range(low, low);
            let mut ranks = Vec::from_iter((0..40).map(|_| rank(&mut random)));
            ranks.extend(model.map.keys().copied().step_by(3));
            model.check_gets(&ranks);
        }
    }
    model.check_range(0, u128::MAX);
    let ranks = Vec::from_iter(model.map.keys().copied());
    model.check_gets(&ranks);
    for (count, rank) in ranks.iter().enumerate() {
        // From both ends and the middle.
        let rank = ranks[(count * 7919) % ranks.len()].max(*rank);
        model.remove(rank);
    }
    for rank in ranks {
        model.remove(rank);
    }
    let summary = model.check();
    assert_eq!((summary.leaves, summary.branches), (1, 0), "an empty tree is one leaf");
}

#[test]
fn dense_ranks_match_the_model() {
    churn(1, NARROW, 300, |random| random.below(600) as u128);
    churn(2, WIDE, 300, |random| random.below(600) as u128);
}

#[test]
fn ranks_with_even_gaps_match_the_model() {
    churn(9, NARROW, 100, |random| {
        let number = random.below(900) as u128;
        number / 8 * 32 + number % 8
    });
    churn(10, NARROW, 100, |random| 1 << 50 | (random.below(900) as u128 * 1000));
}

#[test]
fn sparse_ranks_match_the_model() {
    churn(3, NARROW, 900, |random| u128::from(random.next()));
    churn(4, WIDE, 900, |random| u128::from(random.next()) << 64 | u128::from(random.next()));
}

#[test]
fn skewed_and_extreme_ranks_match_the_model() {
    churn(5, NARROW, 200, |random| u128::from(random.next() >> random.below(64)));
    churn(6, WIDE, 200, |random| u128::MAX >> random.below(128));
}

#[test]
fn records_without_blob_match_the_model() {
    churn(7, WITHOUT_BLOB, 1, |random| random.below(3000) as u128);
}

#[test]
fn the_largest_records_match_the_model() {
    churn(8, NARROW, 4096 - 24, |random| random.below(200) as u128);
    let mut model = Model::new(NARROW);
    for rank in 0..3 {
        model.insert(rank, 1, &vec![7; 4096 - 24]);
    }
    assert_eq!(model.check().leaves, 1, "three of the largest fit a leaf");
}

/// The heap of a leaf of 64 KiB, while it is empty, starts where 16 bits do not reach.
#[test]
fn the_longest_leaf_is_filled_to_its_end() {
    let mut model = Model::with_leaves(WITHOUT_BLOB, 65536);
    for rank in 0..654 {
        model.insert(rank, 1, &[]);
    }
    assert_eq!(model.check().leaves, 1, "654 rows of 100 bytes fill a leaf");
    model.insert(654, 1, &[]);
    assert_eq!(model.check().leaves, 2);
    model.check_range(600, 700);
}

#[test]
fn a_leaf_of_another_length_is_damage() {
    let mut model = Model::new(NARROW);
    model.insert(1, 1, b"blob");
    let root = model.tree.root.0;
    let page = model.pages.pages[&root].clone();
    model.pages.pages.insert(root, page[..4096].into());
    assert!(model.tree.get(&model.pages, 1).is_err());
    assert!(model.tree.check(&model.pages, &mut |_| ()).is_err());
}

#[test]
#[should_panic(expected = "over a quarter of a leaf")]
fn a_record_over_a_quarter_of_a_leaf_is_refused() {
    Model::new(NARROW).insert(1, 0, &vec![0; 4096 - 23]);
}

/// Ascending ranks fill their leaves and, one level up, their branches.
#[test]
fn ascending_inserts_leave_full_leaves() {
    let mut model = Model::new(WITHOUT_BLOB);
    let row_count = 60_000u32;
    let rows = Vec::from_iter((0..row_count).map(|rank| (u128::from(rank), model.row(u128::from(rank), 9))));
    let records = rows.iter().map(|(rank, row)| (*rank, &row[..], &[][..]));
    let inserted = model.tree.insert_sorted(&mut model.pages, records.clone()).unwrap();
    assert_eq!(inserted, u64::from(row_count));
    assert_eq!(model.tree.insert_sorted(&mut model.pages, records.take(100)).unwrap(), 0);
    let summary = check_all(&model.pages, |pages, visit| model.tree.check(pages, visit));
    assert_eq!(summary.leaves, u64::from(row_count).div_ceil(163), "163 rows of 100 bytes fill a leaf");
    assert_eq!(model.tree.count_hint(&model.pages).unwrap() / 1000, 59);
    assert_eq!(model.tree.last_rank(&model.pages).unwrap(), Some(u128::from(row_count) - 1));
    for rank in [0, 162, 163, 1000, 59_999] {
        assert!(model.tree.get(&model.pages, rank).unwrap().is_some());
    }
    assert!(model.tree.get(&model.pages, 60_000).unwrap().is_none());
}

/// A root that overflows as a branch makes more than two branches, since it is the larger page.
#[test]
fn a_root_of_many_children_splits_into_several_branches() {
    let mut model = Model::new(WIDE);
    let blob = vec![1; 4000];
    let mut random = Random::new(11);
    let mut inserter = RecordInserter::new(model.tree);
    for step in 0..3200u128 {
        let rank = if step < 1500 { step << 64 } else { u128::from(random.next()) << 62 };
        let row = model.row(rank, 1);
        if inserter.insert(&mut model.pages, rank, &row, &blob).unwrap() {
            model.map.insert(rank, (1, blob.clone()));
        }
    }
    let summary = model.check();
    assert!(summary.height == 3 && summary.branches >= 5, "{summary:?}");
    let ranks = Vec::from_iter(model.map.keys().copied());
    for rank in ranks.iter().skip(1).step_by(2).chain(ranks.iter().rev().step_by(3)) {
        if model.map.contains_key(rank) {
            model.remove(*rank);
        }
    }
    let shrunk = model.check();
    assert!(shrunk.leaves < summary.leaves, "{shrunk:?}");
    for rank in ranks {
        if model.map.contains_key(&rank) {
            model.remove(rank);
        }
    }
    assert_eq!(model.check().branches, 0);
}

/// A run that ascends between other records fills its leaves too.
#[test]
fn a_run_in_the_middle_fills_its_leaves() {
    let mut model = Model::new(WITHOUT_BLOB);
    model.insert(0, 1, &[]);
    model.insert(1 << 40, 1, &[]);
    let rows = Vec::from_iter((1..5000u128).map(|rank| (rank, model.row(rank, 2))));
    let records = rows.iter().map(|(rank, row)| (*rank, &row[..], &[][..]));
    model.tree.insert_sorted(&mut model.pages, records).unwrap();
    let summary = check_all(&model.pages, |pages, visit| model.tree.check(pages, visit));
    assert!(summary.leaves <= 5001 / 163 + 3, "{summary:?}");
}

/// The root's page number and length stay, whatever it holds.
#[test]
fn the_root_keeps_its_page() {
    let mut model = Model::new(NARROW);
    let root = model.tree.root;
    for rank in 0..2000 {
        model.insert(rank, 1, &[1; 50]);
    }
    assert_eq!(kind_of(model.pages.page(root).unwrap()), Some(PageKind::RecordBranch));
    for rank in 0..2000 {
        model.remove(rank);
    }
    assert_eq!(kind_of(model.pages.page(root).unwrap()), Some(PageKind::RecordLeaf));
    model.check();
}

/// A blob that grows and shrinks in one place leaves garbage, which is used before the leaf is split.
#[test]
fn replaced_blobs_reuse_their_leaf() {
    let mut model = Model::new(NARROW);
    for rank in 0..10 {
        model.insert(rank, 0, &[0; 100]);
    }
    for round in 0..400u32 {
        let len = 100 + (round as usize * 37) % 900;
        model.replace(u128::from(round % 10), round as u8, &vec![round as u8; len]);
    }
    assert_eq!(model.check().leaves, 1);
    model.check_range(0, 100);
}

/// Rows of an older schema version are read as they are and converted leaf by leaf.
#[test]
fn a_leaf_is_converted_to_another_layout() {
    let mut model = Model::new(NARROW);
    for rank in 0..300 {
        model.insert(rank, 5, &[6; 60]);
    }
    let leaves = model.check().leaves;
    model.tree = RecordTree { stride: 80, blob_offset: Some(70), version: 2, ..model.tree };
    let row = model.row(1, 8);
    assert!(model.tree.replace(&mut model.pages, 1, &row, &[]).is_err(), "another version's leaf");
    assert_eq!(model.tree.leaf_version(&model.pages, 1).unwrap(), 1);
    let tree = model.tree;
    let convert = &mut |(row, blob): (&[u8], &[u8]), new_row: &mut Vec<u8>, new_blob: &mut Vec<u8>| {
        new_row.extend_from_slice(&row[..8]);
        new_row.resize(80, row[8]);
        new_blob.extend_from_slice(blob);
        new_blob.push(1);
        Ok(())
    };
    tree.convert_leaf(&mut model.pages, 1, convert).unwrap();
    assert_eq!(tree.leaf_version(&model.pages, 1).unwrap(), 2);
    assert_eq!(tree.leaf_version(&model.pages, 299).unwrap(), 1);
    let mut cursor = tree.leaves(&model.pages, 0, u128::MAX, Direction::Forward);
    let mut count = 0;
    while let Some(view) = cursor.next().unwrap() {
        for position in view.rows.clone() {
            let (len, end) = if view.leaf.version() == 2 { (80, &[6, 1][..]) } else { (24, &[6, 6][..]) };
            assert_eq!(view.row(position).len(), len);
            assert!(view.blob(position).unwrap().ends_with(end));
            count += 1;
        }
    }
    assert_eq!(count, 300);
    assert!(model.check().leaves >= leaves);
    while let Some(rank) = (0..300).find(|rank| tree.leaf_version(&model.pages, *rank).unwrap() == 1) {
        tree.convert_leaf(&mut model.pages, rank, convert).unwrap();
    }
    model.check();
}
