//! Pages with a good checksum and nonsense in them: an error or an answer, but no panic and no endless walk.

use core::ops::Bound;

use super::pager::TestPager;
use super::{Random, entries, records};
use crate::storage::StorageError;
use crate::storage::btree::{Direction, EntryTree, LeafFormat, RecordTree};

/// Changes up to three bytes (of headers, arrays or anywhere) of up to two pages.
fn damage(pages: &mut TestPager, random: &mut Random) {
    let numbers = pages.numbers();
    for _ in 0..=random.below(2) {
        let number = numbers[random.below(numbers.len())];
        let page = pages.pages.get_mut(&number.0).unwrap();
        let limit = [48, 48, 120, 1200.min(page.len()), page.len()][random.below(5)];
        for _ in 0..=random.below(3) {
            let at = random.below(limit);
            page[at] = match random.below(4) {
                0 => 0,
                1 => 0xFF,
                2 => page[at] ^ (1 << random.below(8)),
                _ => random.next() as u8,
            };
        }
    }
}

/// Copies one page over another, as a misplaced image would be: all of it is sound but for its place.
fn misplace(pages: &mut TestPager, random: &mut Random) {
    let numbers = pages.numbers();
    let (from, to) = (numbers[random.below(numbers.len())], numbers[random.below(numbers.len())]);
    let image = pages.pages[&from.0].clone();
    pages.pages.insert(to.0, image);
}

fn walk_records(tree: RecordTree, pages: &TestPager, direction: Direction) -> Result<usize, StorageError> {
    let (mut cursor, mut count) = (tree.leaves(pages, 0, u128::MAX - 3, direction), 0);
    while let Some(view) = cursor.next()? {
        for position in view.rows.clone() {
            count += view.row(position).len() + view.blob(position)?.len();
        }
        assert!(count < 1 << 26, "the walk does not end");
    }
    Ok(count)
}

fn walk_entries(tree: EntryTree, pages: &TestPager, direction: Direction) -> Result<usize, StorageError> {
    let (mut cursor, mut count) = (tree.cursor(pages, Bound::Included(&[1]), Bound::Unbounded, direction), 0);
    while let Some(entry) = cursor.next()? {
        count += entry.len();
        assert!(count < 1 << 26, "the walk does not end");
    }
    Ok(count)
}

fn damaged_records(format: LeafFormat, leaf_len: usize, seed: u64, spread: bool) {
    let mut random = Random::new(seed);
    let mut sound = records::Model::with_leaves(format, leaf_len);
    let (blob_min, blob_more) = (leaf_len / 160, leaf_len / 14);
    for rank in 0..260u128 {
        let rank = if spread { rank << 55 } else { rank };
        sound.insert(rank, 1, &vec![2; blob_min + random.below(blob_more)]);
    }
    let tree = sound.tree;
    let mut found = 0;
    for _ in 0..250 {
        let mut pages = sound.pages.clone();
        if random.below(8) == 0 {
            misplace(&mut pages, &mut random)
        } else {
            damage(&mut pages, &mut random)
        }
        found += u32::from(tree.check(&pages, &mut |_| ()).is_err());
        for direction in [Direction::Forward, Direction::Backward] {
            let _ = walk_records(tree, &pages, direction);
        }
        let _ = tree.page_numbers(&pages);
        let _ = tree.count_hint(&pages);
        let _ = (tree.first_rank(&pages), tree.last_rank(&pages));
        for _ in 0..60 {
            let rank = random.below(300) as u128;
            let rank = if spread { rank << 55 } else { rank };
            let row = sound.row(rank, 3);
            let blob = vec![4; random.below(blob_more)];
            if let Ok(Some(slot)) = tree.get(&pages, rank) {
                let _ = slot.blob();
            }
            let _ = tree.get_many(&pages, &[rank, rank + 1, rank], |_| {});
            let _ = match random.below(4) {
                0 => tree.insert(&mut pages, rank, &row, &blob),
                1 => tree.replace(&mut pages, rank, &row, &blob),
                _ => tree.remove(&mut pages, rank),
            };
        }
    }
    assert!(found > 50, "most damage is found, {found} were");
}

#[test]
fn damaged_pages_of_records_never_panic() {
    damaged_records(records::NARROW, 16384, 21, false);
    damaged_records(records::WIDE, 16384, 22, true);
    damaged_records(records::NARROW, 1024, 23, false);
    damaged_records(records::WIDE, 65536, 24, true);
}

#[test]
fn damaged_pages_of_entries_never_panic() {
    for (seed, len, page_len) in [(31, 12, 4096), (32, 300, 4096), (33, 200, 1024), (34, 300, 16384)] {
        let mut random = Random::new(seed);
        let entry = |random: &mut Random| {
            let mut entry = b"shared/prefix/".to_vec();
            let len = 1 + random.below(len);
            entry.extend((0..len).map(|_| b'a' + random.below(6) as u8));
            entry
        };
        let mut sound = entries::Model::with_pages(page_len);
        for _ in 0..700 {
            sound.insert(&entry(&mut random));
        }
        let tree = sound.tree;
        sound.check();
        let mut found = 0;
        for _ in 0..250 {
            let mut pages = sound.pages.clone();
            if random.below(8) == 0 {
                misplace(&mut pages, &mut random)
            } else {
                damage(&mut pages, &mut random)
            }
            found += u32::from(tree.check(&pages, &mut |_| ()).is_err());
            for direction in [Direction::Forward, Direction::Backward] {
                let _ = walk_entries(tree, &pages, direction);
            }
            let _ = tree.page_numbers(&pages);
            let _ = (tree.first(&pages), tree.last(&pages), tree.is_empty(&pages));
            for _ in 0..60 {
                let entry = entry(&mut random);
                let _ = tree.contains(&pages, &entry);
                let _ = match random.below(2) {
                    0 => tree.insert(&mut pages, &entry),
                    _ => tree.remove(&mut pages, &entry),
                };
            }
        }
        assert!(found > 50, "most damage is found, {found} were");
    }
}

/// Branches that name their own subtree again and again would lead through it forever.
#[test]
fn a_branch_that_names_one_leaf_many_times_ends() {
    let mut model = records::Model::new(records::NARROW);
    for rank in 0..400 {
        model.insert(rank, 1, &[2; 200]);
    }
    let (tree, mut pages) = (model.tree, model.pages);
    let page = pages.pages.get_mut(&tree.root.0).unwrap();
    let children = 32 + (page.len() - 32) / 16 * 8;
    let first: [u8; 4] = page[children..children + 4].try_into().unwrap();
    for child in page[children..children + 16].chunks_mut(4) {
        child.copy_from_slice(&first);
    }
    for direction in [Direction::Forward, Direction::Backward] {
        assert!(walk_records(tree, &pages, direction).is_err(), "{direction:?}");
    }
    assert!(tree.check(&pages, &mut |_| ()).is_err());
    for rank in 0..400 {
        let _ = tree.remove(&mut pages, rank);
    }
}
