//! Pages in a file: what comes back, what is noticed, what is given back.

use alloc::borrow::ToOwned;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{TREE, allocate, get, set};
use crate::ordered::BTreeMap;
use crate::storage::page::{BLOCK_LEN, PageKind, PageNumber, PageRead, PageWrite};
use crate::storage::pager::map::{MapEntry, PageMap, fanout};
use crate::storage::pager::{Durability, PageWriter, Pager, PagerOptions};
use crate::storage::vfs::{MemoryVfs, OpenMode, Vfs};
use crate::storage::{StorageError, StorageFault};

pub(super) const PATH: &str = "a";
pub(super) const JOURNAL: &str = "a-journal";

pub(super) fn try_open(vfs: &MemoryVfs, read_only: bool) -> Result<Pager, StorageError> {
    Pager::open(Arc::new(vfs.clone()), PATH, PagerOptions { read_only, ..PagerOptions::default() })
}

/// Opens; what is replayed are pairs of page number and byte.
pub(super) fn open(vfs: &MemoryVfs) -> Pager {
    let pager = try_open(vfs, false).unwrap();
    pager.replay(&mut |writer, payloads| Ok(redo_all(writer, payloads))).unwrap();
    pager
}

pub(super) fn redo_all<'p>(writer: PageWriter<'p>, payloads: &[Vec<u8>]) -> PageWriter<'p> {
    payloads.iter().fold(writer, |writer, payload| redo(writer, payload))
}

pub(super) fn redo<'p>(mut writer: PageWriter<'p>, payload: &[u8]) -> PageWriter<'p> {
    for pair in payload.chunks(2) {
        let number = PageNumber(u32::from(pair[0]));
        if writer.page(number).is_err() {
            assert_eq!(allocate(&mut writer, pair[1]), number);
        }
        set(&mut writer, number, pair[1]);
    }
    writer
}

/// Commits pairs of page number and byte.
pub(super) fn change(pager: &Pager, payload: &[u8]) {
    let writer = redo(pager.begin_write().unwrap(), payload);
    writer.commit(payload, Durability::Immediate).unwrap();
}

pub(super) fn bytes(vfs: &MemoryVfs, path: &str) -> Vec<u8> {
    let file = vfs.open(path, OpenMode::Read).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

pub(super) fn set_bytes(vfs: &MemoryVfs, path: &str, bytes: &[u8]) {
    let file = vfs.open(path, OpenMode::Create).unwrap();
    file.set_len(0).unwrap();
    file.write_at(bytes, 0).unwrap();
}

/// A cleanly closed file with pages 1 and 2.
pub(super) fn closed() -> MemoryVfs {
    let vfs = MemoryVfs::new();
    let pager = open(&vfs);
    change(&pager, &[1, 10, 2, 20]);
    pager.close().unwrap();
    vfs
}

#[test]
fn a_closed_file_comes_back_without_journal_and_without_writes() {
    let vfs = closed();
    assert!(!vfs.exists(JOURNAL).unwrap());
    let before = bytes(&vfs, PATH);
    let pager = open(&vfs);
    assert!(!pager.is_new());
    assert_eq!((get(&pager.reader(), PageNumber(1)), get(&pager.reader(), PageNumber(2))), (10, 20));
    pager.close().unwrap();
    drop(pager);
    assert!(!vfs.exists(JOURNAL).unwrap());
    assert_eq!(bytes(&vfs, PATH), before);
    let pager = open(&vfs);
    change(&pager, &[3, 30]);
    pager.close().unwrap();
    pager.close().unwrap();
    change(&pager, &[1, 11]);
    pager.close().unwrap();
    pager.check().unwrap();
    drop(pager);
    let snapshot = open(&vfs).snapshot_owned();
    assert_eq!([1, 2, 3].map(|page| get(&snapshot.operation(), PageNumber(page))), [11, 20, 30]);
}

#[test]
fn what_a_drop_left_in_the_journal_is_replayed() {
    let vfs = MemoryVfs::new();
    let pager = open(&vfs);
    change(&pager, &[1, 1]);
    change(&pager, &[2, 2]);
    pager.checkpoint().unwrap();
    change(&pager, &[1, 3]);
    drop(pager);
    for _ in 0..2 {
        let pager = try_open(&vfs, false).unwrap();
        assert!(pager.begin_write().is_err(), "not before the replay");
        let replayed = pager.replay(&mut |writer, payloads| Ok(redo_all(writer, payloads))).unwrap();
        assert_eq!(replayed, 1);
        assert_eq!((get(&pager.reader(), PageNumber(1)), get(&pager.reader(), PageNumber(2))), (3, 2));
    }
    let reader = try_open(&vfs, true).unwrap();
    reader.replay(&mut |writer, payloads| Ok(redo_all(writer, payloads))).unwrap();
    assert_eq!(get(&reader.reader(), PageNumber(1)), 3);
    assert!(matches!(reader.begin_write().err(), Some(error) if matches!(*error, StorageFault::ReadOnly)));
    drop(reader);
    let pager = open(&vfs);
    pager.close().unwrap();
    assert!(!vfs.exists(JOURNAL).unwrap());
    assert_eq!(get(&pager.reader(), PageNumber(1)), 3);
}

#[test]
fn a_failed_replay_leaves_nothing_writable() {
    let vfs = MemoryVfs::new();
    change(&open(&vfs), &[1, 1]);
    let pager = try_open(&vfs, false).unwrap();
    pager.replay(&mut |_, _| Err(StorageFault::ReadOnly.into())).unwrap_err();
    assert!(pager.begin_write().is_err());
    pager.close().unwrap();
    drop(pager);
    assert_eq!(get(&open(&vfs).reader(), PageNumber(1)), 1);
}

/// The blocks in the file at which page `number` has images, newest first.
fn images_of(bytes: &[u8], number: u32) -> Vec<usize> {
    let mut found: Vec<(u64, usize)> = bytes
        .chunks(BLOCK_LEN)
        .enumerate()
        .skip(4)
        .filter(|(_, block)| block[4..8] == number.to_le_bytes() && block[8] == PageKind::EntryLeaf as u8)
        .map(|(at, block)| (u64::from_le_bytes(block[16..24].try_into().unwrap()), at))
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, at)| at).collect()
}

#[test]
fn damaged_stale_and_misplaced_images_are_noticed() {
    // Goal: an image that is whole, with a right checksum of its own, is refused when it is an older one of the page, or
    // another page's, or of the same generation but with other bytes.
    let vfs = MemoryVfs::new();
    let pager = open(&vfs);
    change(&pager, &[1, 1, 2, 2]);
    pager.checkpoint().unwrap();
    change(&pager, &[1, 3]);
    pager.close().unwrap();
    drop(pager);
    let good = bytes(&vfs, PATH);
    let blocks = images_of(&good, 1);
    let (new, old) = (blocks[0] * BLOCK_LEN, blocks[1] * BLOCK_LEN);
    let other = images_of(&good, 2)[0] * BLOCK_LEN;
    let check = |bytes: &[u8], wanted: &str| {
        set_bytes(&vfs, PATH, bytes);
        let pager = open(&vfs);
        let snapshot = pager.snapshot();
        let error = snapshot.operation().page(PageNumber(1)).unwrap_err();
        assert!(matches!(*error, StorageFault::Corruption(_)));
        let text = format!("{error}");
        assert!(text.contains(wanted) && text.contains("(page 1)"), "{text}");
        assert!(pager.check().is_err());
        assert_eq!(get(&snapshot.operation(), PageNumber(2)), 2, "other pages are not concerned");
    };
    let mut stale = good.clone();
    stale.copy_within(old..old + BLOCK_LEN, new);
    check(&stale, "a stale image");
    let mut misplaced = good.clone();
    misplaced.copy_within(other..other + BLOCK_LEN, new);
    check(&misplaced, "misplaced");
    let mut flipped = good.clone();
    flipped[new + 1234] ^= 1;
    check(&flipped, "checksum");
    let mut resealed = flipped.clone();
    let generation = u64::from_le_bytes(good[new + 16..new + 24].try_into().unwrap());
    crate::storage::pager::image::seal(&mut resealed[new..new + BLOCK_LEN], generation);
    check(&resealed, "not the image it names");
}

#[test]
fn every_flipped_bit_of_a_closed_file_is_noticed_or_harmless() {
    let vfs = closed();
    let good = bytes(&vfs, PATH);
    for at in (0..good.len()).filter(|at| at % BLOCK_LEN < 64 || at % 61 == 0) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        set_bytes(&vfs, PATH, &bad);
        let Ok(pager) = try_open(&vfs, true) else { continue };
        let snapshot = pager.snapshot();
        for (page, byte) in [(1, 10), (2, 20)] {
            if snapshot.operation().page(PageNumber(page)).is_ok() {
                assert_eq!(get(&snapshot.operation(), PageNumber(page)), byte, "byte {at}");
            }
        }
    }
}

#[test]
fn an_old_snapshot_reads_a_freed_page_that_was_never_loaded() {
    let vfs = closed();
    let pager = open(&vfs);
    let old = pager.snapshot_owned();
    let mut writer = pager.begin_write().unwrap();
    writer.free(PageNumber(1));
    writer.commit(&[], Durability::Immediate).unwrap();
    // Its blocks are pending for a checkpoint, and held for the snapshot afterwards.
    for byte in 0..4 {
        pager.checkpoint().unwrap();
        change(&pager, &[2, byte]);
        let mut writer = pager.begin_write().unwrap();
        assert_ne!(allocate(&mut writer, 9), PageNumber(1));
        writer.commit(&[9], Durability::Immediate).unwrap();
    }
    assert_eq!((get(&old.operation(), PageNumber(1)), get(&old.operation(), PageNumber(2))), (10, 20));
    assert!(pager.reader().page(PageNumber(1)).is_err());
    drop(old);
    let mut writer = pager.begin_write().unwrap();
    assert_eq!(allocate(&mut writer, 9), PageNumber(1), "free once nobody can name it");
    drop(writer);
    pager.check().unwrap();
}

#[test]
fn space_is_used_again_and_the_file_shrinks() {
    let vfs = closed();
    let pager = open(&vfs);
    let mut sizes = Vec::new();
    for byte in 0..30 {
        change(&pager, &[1, byte, 2, byte]);
        pager.checkpoint().unwrap();
        pager.check().unwrap();
        sizes.push(bytes(&vfs, PATH).len());
    }
    assert_eq!(sizes[10], sizes[29], "{sizes:?}");
    let mut writer = pager.begin_write().unwrap();
    let many: Vec<PageNumber> = (0..300).map(|_| allocate(&mut writer, 1)).collect();
    writer.commit(&[9], Durability::Immediate).unwrap();
    pager.checkpoint().unwrap();
    let full = bytes(&vfs, PATH).len();
    assert!(full > 300 * BLOCK_LEN);
    let mut writer = pager.begin_write().unwrap();
    many.into_iter().for_each(|page| writer.free(page));
    writer.commit(&[9], Durability::Immediate).unwrap();
    for byte in 0..6 {
        change(&pager, &[1, byte]);
        pager.checkpoint().unwrap();
        pager.check().unwrap();
    }
    pager.close().unwrap();
    assert!(bytes(&vfs, PATH).len() < 40 * BLOCK_LEN, "{} after {full}", bytes(&vfs, PATH).len());
}

#[test]
fn compaction_moves_what_lies_at_the_end_beside_a_snapshot() {
    // Goal: pages that nobody changes any more lie behind many that are gone. They move to the front, an open snapshot
    // reads on, and what is written meanwhile is there.
    let vfs = closed();
    let pager = open(&vfs);
    let mut writer = pager.begin_write().unwrap();
    let gone: Vec<PageNumber> = (0..400).map(|_| allocate(&mut writer, 1)).collect();
    let kept: Vec<PageNumber> = (0..50).map(|byte| allocate(&mut writer, byte)).collect();
    writer.commit(&[9], Durability::Immediate).unwrap();
    pager.checkpoint().unwrap();
    let mut writer = pager.begin_write().unwrap();
    gone.into_iter().for_each(|page| writer.free(page));
    writer.commit(&[9], Durability::Immediate).unwrap();
    pager.close().unwrap();
    drop(pager);

    let pager = try_open(&vfs, false).unwrap();
    let before = bytes(&vfs, PATH).len();
    assert!(before > 400 * BLOCK_LEN);
    let snapshot = pager.snapshot();
    let mut told = Vec::new();
    let mut compact = || {
        pager
            .compact(&mut |done| {
                change(&pager, &[1, told.len() as u8]);
                told.push(done);
                true
            })
            .unwrap()
    };
    assert_eq!(compact().before_bytes, before as u64);
    let is_whole = |pages: &dyn PageRead| {
        kept.iter().enumerate().all(|(byte, &page)| pages.page(page).unwrap()[100] == byte as u8)
    };
    assert!(is_whole(&snapshot.operation()));
    assert_eq!(get(&snapshot.operation(), PageNumber(1)), 10);
    drop(snapshot);
    let done = compact();
    assert!(done.after_bytes < 120 * BLOCK_LEN as u64, "{done:?}");
    assert_eq!(told.last().map(|told| told.after_bytes), Some(done.after_bytes));
    pager.check().unwrap();
    pager.close().unwrap();
    drop(pager);
    let pager = open(&vfs);
    pager.check().unwrap();
    assert!(is_whole(&pager.reader()));
    assert_eq!(get(&pager.reader(), PageNumber(1)), told.len() as u8 - 1);
}

#[test]
fn images_of_any_number_of_blocks_come_back() {
    let vfs = MemoryVfs::new();
    let pager = open(&vfs);
    let mut writer = pager.begin_write().unwrap();
    let lens = [1, 4, 300, 7].map(|blocks| blocks * BLOCK_LEN);
    let pages = lens.map(|len| writer.allocate(PageKind::Value, TREE, len).unwrap());
    for (at, page) in pages.into_iter().enumerate() {
        writer.page_mut(page).unwrap()[24..].fill(at as u8 + 1);
    }
    writer.commit(&[9], Durability::Immediate).unwrap();
    pager.close().unwrap();
    drop(pager);
    let pager = open(&vfs);
    pager.check().unwrap();
    let snapshot = pager.snapshot();
    for (at, (page, len)) in pages.into_iter().zip(lens).enumerate() {
        let operation = snapshot.operation();
        let page = operation.page(page).unwrap();
        assert_eq!(page.len(), len);
        assert!(page[24..].iter().all(|&byte| byte == at as u8 + 1));
    }
}

#[test]
fn the_map_grows_by_levels_and_loads_what_is_asked_for() {
    for block_len in [BLOCK_LEN, 512] {
        check_growing_map(block_len);
    }
}

/// A header may claim any number of pages: the map takes memory for the few that there are.
#[test]
fn a_map_of_all_page_numbers_takes_what_is_in_it() {
    let mut none = |_: MapEntry| -> Result<Vec<u8>, StorageError> { panic!("there is nothing to be read") };
    let mut map = PageMap::new(MapEntry::NONE, u32::MAX, BLOCK_LEN);
    assert!(map.entry(PageNumber(u32::MAX - 1), &mut none).unwrap().is_none());
    map.visit(&mut none, &mut |_, _| panic!("there is nothing in it")).unwrap();
    let entry = MapEntry::new(9, 1, 2, 3);
    let mut disk: Vec<Vec<u8>> = Vec::new();
    let mut update = map.prepare(&BTreeMap::from([(u32::MAX - 1, entry)]), u32::MAX, &mut none).unwrap();
    for (level, index, _) in update.work() {
        let block = disk.len() as u64;
        disk.push(update.image(level, index, block, 1));
    }
    let root = update.root();
    map.install(update);
    assert_eq!(map.loaded(), disk.len());
    assert!(disk.len() <= 5, "{} map pages for one page", disk.len());
    let mut fresh = PageMap::new(root, u32::MAX, BLOCK_LEN);
    let (mut read, mut found) = (0, Vec::new());
    let mut read_image = |place: MapEntry| {
        read += 1;
        Ok(disk[place.block() as usize].clone())
    };
    let mut broken = |pages, error| panic!("{pages:?}: {error}");
    fresh.survey(&mut read_image, &mut |number, entry| found.extend(number.zip(Some(entry))), &mut broken);
    assert_eq!(found, [(PageNumber(u32::MAX - 1), entry)]);
    assert_eq!((read, fresh.loaded()), (disk.len(), disk.len()));
}

/// More than the square of a map page's entries, so three levels; each growth keeps what was there; only changed map pages
/// are written, and reading one page reads one map page of each level.
fn check_growing_map(block_len: usize) {
    let entries = fanout(block_len) as u32;
    let mut disk: Vec<Vec<u8>> = Vec::new();
    let mut map = PageMap::new(MapEntry::NONE, 1, block_len);
    let mut root = MapEntry::NONE;
    let entry = |number: u32| MapEntry::new(u64::from(number) + 7, 1, number, 3);
    let sizes = [1, entries, entries + 1, entries * entries + 5];
    for (generation, pages) in sizes.into_iter().enumerate() {
        let changes = [pages - 1].into_iter().map(|number| (number, entry(number))).collect();
        let mut update =
            map.prepare(&changes, pages, &mut |place| Ok(disk[place.block() as usize].clone())).unwrap();
        let work = update.work();
        assert!(work.len() <= 2 * 3, "{} map pages for one change", work.len());
        for (level, index, _) in work {
            let block = disk.len() as u64;
            disk.push(update.image(level, index, block, generation as u64 + 1));
        }
        root = update.root();
        map.install(update);
    }
    let mut read = 0;
    let mut fresh = PageMap::new(root, sizes[3], block_len);
    for pages in sizes {
        let found = fresh.entry(PageNumber(pages - 1), &mut |place| {
            read += 1;
            Ok(disk[place.block() as usize].clone())
        });
        assert_eq!(found.unwrap(), entry(pages - 1));
        let known = map.entry(PageNumber(pages - 1), &mut |place| Ok(disk[place.block() as usize].clone()));
        assert_eq!(known.unwrap(), entry(pages - 1));
    }
    assert_eq!(read, 3 + 2 + 1, "the first way down, then what it did not touch");
    let unused = fresh.entry(PageNumber(2), &mut |_| Err(StorageFault::ReadOnly.into())).unwrap();
    assert!(unused.is_none());
    let beyond = fresh.entry(PageNumber(u32::MAX), &mut |_| Err(StorageFault::ReadOnly.into())).unwrap();
    assert!(beyond.is_none());
    // A map page in another's place.
    let (a, b) = (0, disk.len() - 1);
    disk.swap(a, b);
    let mut fresh = PageMap::new(root, sizes[3], block_len);
    let error =
        fresh.entry(PageNumber(0), &mut |place| Ok(disk[place.block() as usize].clone())).unwrap_err();
    assert!(format!("{error}").to_owned().contains("page map"), "{error}");
}
