//! What snapshots see, what savepoints undo, and when versions go.

mod cache;
#[cfg(feature = "lz4")]
mod compressed;
mod files;
mod headers;

use alloc::vec::Vec;

use super::*;
use crate::storage::page::{BLOCK_LEN, PageKind, PageWrite, TreeId};

const TREE: TreeId = TreeId(7);

/// A page whose body says `byte`.
fn allocate(writer: &mut PageWriter<'_>, byte: u8) -> PageNumber {
    let number = writer.allocate(PageKind::EntryLeaf, TREE, BLOCK_LEN).unwrap();
    set(writer, number, byte);
    number
}

fn set(writer: &mut PageWriter<'_>, number: PageNumber, byte: u8) {
    writer.page_mut(number).unwrap()[100..].fill(byte);
}

fn get(pages: &impl PageRead, number: PageNumber) -> u8 {
    let page = pages.page(number).unwrap();
    assert!(page[100..].iter().all(|&byte| byte == page[100]));
    page[100]
}

fn commit(writer: PageWriter<'_>) -> CommitNumber {
    writer.commit(&[1], Durability::Immediate).unwrap()
}

/// A reader that leaves settles the chain of a page while the writer adds to it: one of them has to notice the other.
#[test]
fn readers_that_leave_take_no_commit_along() {
    const COMMITS: u64 = 30_000;
    let pager = Pager::in_memory();
    let mut writer = pager.begin_write().unwrap();
    let page = allocate(&mut writer, 0);
    commit(writer);
    let counter =
        |pages: &dyn PageRead| u64::from_le_bytes(*pages.page(page).unwrap()[100..].first_chunk().unwrap());
    let mut writer = pager.begin_write().unwrap();
    writer.page_mut(page).unwrap()[100..].fill(0);
    commit(writer);
    let stop = core::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(core::sync::atomic::Ordering::Relaxed) {
                    let snapshot = pager.snapshot();
                    assert_eq!(
                        counter(&snapshot.operation()) + 2,
                        snapshot.commit().0,
                        "each commit counts one"
                    );
                }
            });
        }
        for before in 0..COMMITS {
            let mut writer = pager.begin_write().unwrap();
            if counter(&writer) != before {
                stop.store(true, core::sync::atomic::Ordering::Relaxed);
                panic!("commit {} of {before} is gone", counter(&writer));
            }
            writer.page_mut(page).unwrap()[100..108].copy_from_slice(&(before + 1).to_le_bytes());
            commit(writer);
        }
        stop.store(true, core::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn snapshots_see_their_commit_whatever_comes_after() {
    let pager = Pager::in_memory();
    assert!(pager.is_new());
    let mut writer = pager.begin_write().unwrap();
    let a = allocate(&mut writer, 1);
    let b = allocate(&mut writer, 1);
    assert_eq!((a, b), (PageNumber(1), PageNumber(2)));
    let empty = pager.snapshot();
    assert_eq!(commit(writer), CommitNumber(1));
    assert!(!pager.is_new());
    assert!(empty.operation().page(a).is_err(), "the page did not exist yet");
    let first = pager.snapshot();
    let mut writer = pager.begin_write().unwrap();
    set(&mut writer, a, 2);
    assert_eq!((get(&writer, a), get(&first.operation(), a)), (2, 1));
    commit(writer);
    let second = pager.snapshot_owned();
    let mut writer = pager.begin_write().unwrap();
    set(&mut writer, a, 3);
    set(&mut writer, b, 3);
    commit(writer);
    let third = pager.snapshot();
    assert_eq!(
        [&first, &second, &third]
            .map(|snapshot| (get(&snapshot.operation(), a), get(&snapshot.operation(), b))),
        [(1, 1), (2, 1), (3, 3)]
    );
    assert_eq!(second.commit(), CommitNumber(2));
}

#[test]
fn an_abort_leaves_nothing_and_gives_its_page_numbers_back() {
    let pager = Pager::in_memory();
    let mut writer = pager.begin_write().unwrap();
    allocate(&mut writer, 1);
    drop(writer);
    assert!(pager.is_new());
    assert_eq!(pager.resident_versions(), 0);
    let mut writer = pager.begin_write().unwrap();
    let a = allocate(&mut writer, 1);
    assert_eq!(a, PageNumber(1));
    commit(writer);
    let mut writer = pager.begin_write().unwrap();
    set(&mut writer, a, 9);
    writer.free(a);
    assert!(writer.page(a).is_err());
    drop(writer);
    assert_eq!(get(&pager.reader(), a), 1);
    assert_eq!(pager.begin_write().unwrap().commit(&[], Durability::Immediate).unwrap(), CommitNumber(1));
}

#[test]
fn savepoints_nest() {
    let pager = Pager::in_memory();
    let mut writer = pager.begin_write().unwrap();
    let a = allocate(&mut writer, 1);
    let outer = writer.savepoint();
    set(&mut writer, a, 2);
    let b = allocate(&mut writer, 2);
    let inner = writer.savepoint();
    set(&mut writer, a, 3);
    writer.free(b);
    writer.rollback_to(inner);
    assert_eq!((get(&writer, a), get(&writer, b)), (2, 2));
    let inner = writer.savepoint();
    set(&mut writer, a, 4);
    let c = allocate(&mut writer, 4);
    writer.release(inner);
    assert_eq!((get(&writer, a), get(&writer, b), get(&writer, c)), (4, 2, 4));
    writer.rollback_to(outer);
    assert_eq!(get(&writer, a), 1);
    assert_eq!(allocate(&mut writer, 5), b, "the number is free again");
    commit(writer);
    assert_eq!((get(&pager.reader(), a), get(&pager.reader(), b)), (1, 5));
    assert_eq!(pager.resident_versions(), 2);
}

#[test]
fn released_savepoints_keep_no_copies() {
    // Goal: a loop of savepoints within one transaction holds one copy per page and enclosing savepoint, not per turn.
    let pager = Pager::in_memory();
    let mut writer = pager.begin_write().unwrap();
    let a = allocate(&mut writer, 0);
    let outer = writer.savepoint();
    for turn in 1..=50 {
        let savepoint = writer.savepoint();
        set(&mut writer, a, turn);
        writer.release(savepoint);
        assert!(writer.undo_len() <= 2, "after turn {turn}");
    }
    writer.rollback_to(outer);
    assert_eq!(get(&writer, a), 0);
}

#[test]
#[should_panic = "the savepoint has ended"]
fn an_inner_savepoint_ends_with_the_outer() {
    let pager = Pager::in_memory();
    let mut writer = pager.begin_write().unwrap();
    let outer = writer.savepoint();
    let inner = writer.savepoint();
    writer.release(outer);
    writer.rollback_to(inner);
}

#[test]
fn versions_go_when_no_snapshot_falls_into_them() {
    let pager = Pager::in_memory();
    let mut writer = pager.begin_write().unwrap();
    let a = allocate(&mut writer, 0);
    commit(writer);
    let change = |byte| {
        let mut writer = pager.begin_write().unwrap();
        set(&mut writer, a, byte);
        commit(writer);
    };
    change(1);
    assert_eq!(pager.resident_versions(), 1, "nobody sees the old version");
    let old = pager.snapshot();
    (2..60).for_each(change);
    assert_eq!(pager.resident_versions(), 2, "the snapshot's and the newest, nothing in between");
    let middle = pager.snapshot();
    let same = pager.snapshot();
    (60..80).for_each(change);
    assert_eq!(pager.resident_versions(), 3);
    assert_eq!((get(&old.operation(), a), get(&middle.operation(), a), get(&pager.reader(), a)), (1, 59, 79));
    drop(middle);
    assert_eq!(pager.resident_versions(), 3, "another snapshot sees the same version");
    drop(same);
    assert_eq!(pager.resident_versions(), 2, "gone at once, though an older snapshot is open");
    drop(old);
    assert_eq!(pager.resident_versions(), 1);
}

#[test]
fn snapshots_of_retained_commits_can_be_begun_later() {
    let pager = Pager::in_memory();
    let mut writer = pager.begin_write().unwrap();
    let a = allocate(&mut writer, 1);
    commit(writer);
    let change = |byte| {
        let mut writer = pager.begin_write().unwrap();
        set(&mut writer, a, byte);
        commit(writer);
    };
    let seen = |commit| pager.snapshot_at(CommitNumber(commit)).map(|at| get(&at.operation(), a));
    change(2);
    assert_eq!([1, 2, 3].map(seen), [None, Some(2), None]);
    pager.retain(Some(CommitNumber(2)));
    (3..=6).for_each(change);
    assert_eq!([1, 2, 4, 6].map(seen), [None, Some(2), Some(4), Some(6)]);
    pager.retain(Some(CommitNumber(5)));
    assert_eq!([4, 5].map(seen), [None, Some(5)]);
    pager.retain(None);
    assert_eq!(([5, 6].map(seen), pager.resident_versions()), ([None, Some(6)], 1));
}

#[test]
fn freed_pages_stay_for_older_snapshots_and_their_numbers_wait() {
    let pager = Pager::in_memory();
    let mut writer = pager.begin_write().unwrap();
    let a = allocate(&mut writer, 1);
    let b = allocate(&mut writer, 2);
    commit(writer);
    let old = pager.snapshot();
    let mut writer = pager.begin_write().unwrap();
    writer.free(a);
    commit(writer);
    assert_eq!(get(&old.operation(), a), 1);
    assert!(pager.reader().page(a).is_err());
    let mut writer = pager.begin_write().unwrap();
    assert_eq!(allocate(&mut writer, 3), PageNumber(3), "a snapshot still names page 1");
    commit(writer);
    drop(old);
    assert_eq!(pager.resident_versions(), 2);
    let mut writer = pager.begin_write().unwrap();
    assert_eq!(allocate(&mut writer, 4), a);
    commit(writer);
    assert_eq!((get(&pager.reader(), a), get(&pager.reader(), b)), (4, 2));
}

#[test]
fn a_page_allocated_and_freed_in_one_transaction_never_was() {
    let pager = Pager::in_memory();
    let mut writer = pager.begin_write().unwrap();
    let a = allocate(&mut writer, 1);
    writer.free(a);
    let savepoint = writer.savepoint();
    let b = allocate(&mut writer, 1);
    writer.free(b);
    writer.release(savepoint);
    commit(writer);
    assert_eq!(pager.resident_versions(), 0);
    let mut writer = pager.begin_write().unwrap();
    assert_eq!((allocate(&mut writer, 1), allocate(&mut writer, 1)), (PageNumber(1), PageNumber(2)));
}

#[test]
fn page_numbers_reach_over_chunks() {
    let pager = Pager::in_memory();
    let mut writer = pager.begin_write().unwrap();
    let pages: Vec<PageNumber> = (0..5000).map(|n| allocate(&mut writer, n as u8)).collect();
    commit(writer);
    let snapshot = pager.snapshot();
    for (n, &page) in pages.iter().enumerate() {
        assert_eq!(get(&snapshot.operation(), page), n as u8);
    }
    assert!(snapshot.operation().page(PageNumber(5001)).is_err());
    assert!(snapshot.operation().page(PageNumber(u32::MAX)).is_err());
    assert!(snapshot.operation().page(PageNumber(0)).is_err());
}

#[cfg(feature = "std")]
#[test]
fn readers_beside_a_writer_see_whole_commits() {
    assert_eq!(run_readers_beside_a_writer(&Pager::in_memory(), 3000), 13);
}

#[cfg(feature = "std")]
#[test]
fn readers_beside_a_writer_that_checkpoints_see_whole_commits() {
    // Goal: as above, with images that are loaded by several readers at once, and a checkpoint every few commits.
    let vfs = crate::storage::vfs::MemoryVfs::new();
    let options = PagerOptions { checkpoint_dirty_bytes: 50_000, ..PagerOptions::default() };
    let open = || Pager::open(Arc::new(vfs.clone()), "a", options).unwrap();
    let pager = open();
    run_readers_beside_a_writer(&pager, 600);
    pager.close().unwrap();
    drop(pager);
    let pager = open();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let snapshot = pager.snapshot();
                (1..14).for_each(|page| drop(snapshot.operation().page(PageNumber(page))));
            });
        }
    });
    pager.check().unwrap();
    assert!(pager.resident_versions() <= 13, "each page is loaded once");
}

#[cfg(feature = "std")]
fn run_readers_beside_a_writer(pager: &Pager, commits: u64) -> usize {
    // Goal: no reader ever sees a mix of two commits, a version that goes backwards, or freed memory (the pattern of a
    // page is checked to its end). Each commit gives all pages the same number; some are freed and allocated anew.
    use core::sync::atomic::{AtomicBool, Ordering};
    const PAGES: usize = 12;
    let mut writer = pager.begin_write().unwrap();
    let root = allocate(&mut writer, 0);
    for at in 0..PAGES {
        let page = allocate(&mut writer, 0);
        writer.page_mut(root).unwrap()[24 + 4 * at..][..4].copy_from_slice(&page.0.to_le_bytes());
    }
    commit(writer);
    let done = AtomicBool::new(false);
    let children = |pages: &dyn PageRead| -> Vec<PageNumber> {
        let root = pages.page(root).unwrap();
        (0..PAGES).map(|at| PageNumber(image::u32_at(root, 24 + 4 * at))).collect()
    };
    std::thread::scope(|scope| {
        for reader in 0..3 {
            let (done, children) = (&done, &children);
            scope.spawn(move || {
                let mut last = 0;
                let mut held = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    let snapshot = pager.snapshot_owned();
                    let commit = snapshot.commit().0;
                    assert!(commit >= last);
                    last = commit;
                    for page in children(&snapshot.operation()) {
                        assert_eq!(u64::from(get(&snapshot.operation(), page)), (commit - 1) % 251);
                    }
                    // Some stay open for a while, and must show the same later.
                    held.push(snapshot);
                    if held.len() > 5 * reader {
                        let old = held.swap_remove(commit as usize % held.len());
                        for page in children(&old.operation()) {
                            assert_eq!(u64::from(get(&old.operation(), page)), (old.commit().0 - 1) % 251);
                        }
                    }
                }
            });
        }
        for turn in 1..commits {
            let mut writer = pager.begin_write().unwrap();
            for (at, page) in children(&writer).into_iter().enumerate() {
                if (turn as usize + at).is_multiple_of(5) {
                    writer.free(page);
                    let new = allocate(&mut writer, (turn % 251) as u8);
                    writer.page_mut(root).unwrap()[24 + 4 * at..][..4].copy_from_slice(&new.0.to_le_bytes());
                } else {
                    set(&mut writer, page, (turn % 251) as u8);
                }
            }
            if turn % 7 == 0 {
                drop(writer);
                let mut writer = pager.begin_write().unwrap();
                for page in children(&writer) {
                    set(&mut writer, page, (turn % 251) as u8);
                }
                commit(writer);
            } else {
                commit(writer);
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    pager.resident_versions()
}
