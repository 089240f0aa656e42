//! The heads of a frame table: what is staged, published and retained; and what is written out before its commit.

use super::*;
use crate::storage::StorageFault;
use crate::storage::page::{BLOCK_LEN, PageKind, TreeId, write_header};
use crate::storage::pager::image;
use crate::storage::pager::map::PageMap;
use crate::storage::vfs::{MemoryVfs, OpenMode, Vfs};

const PAGE: PageNumber = PageNumber(3);

fn table() -> Arc<FrameTable> {
    Arc::new(FrameTable::new(0, None, usize::MAX))
}

/// Stages `commit`, which writes its own number into each of `pages`.
fn stage(table: &FrameTable, commit: u64, pages: &[PageNumber]) {
    let mut staging = Staging::new(table);
    let mut pin = Pin::staged(table);
    for &number in pages {
        let mut buffer = staging.zeroed(64).unwrap();
        buffer.fill(commit as u8);
        staging.put(number, Staged::Page(buffer));
    }
    let changes: Vec<Change> = pages.iter().map(|&number| Change { number, image: None }).collect();
    table.stage(&mut staging, &mut pin, commit, &changes);
    assert_eq!(pin.commit(), commit);
}

fn stage_freed(table: &FrameTable, commit: u64, number: PageNumber) {
    let mut staging = Staging::new(table);
    staging.put(number, Staged::Freed);
    table.stage(&mut staging, &mut Pin::staged(table), commit, &[Change { number, image: None }]);
}

/// The commit that made the bytes `pin` sees; `None` when it sees no page.
fn seen(pin: &Pin<'_>) -> Option<u8> {
    let page = pin.page(PAGE).ok()?;
    assert!(page.iter().all(|&byte| byte == page[0]));
    Some(page[0])
}

fn at(table: &Arc<FrameTable>, commit: u64) -> Option<u8> {
    Pin::at(table, commit).map(|pin| seen(&pin).unwrap_or(0))
}

/// Whether nothing waits to be looked at again, or to be freed.
fn is_settled(table: &FrameTable) -> bool {
    let reclaim = table.reclaim.lock();
    reclaim.kept.is_empty()
        && reclaim.waiting.is_empty()
        && reclaim.unlinked.is_empty()
        && reclaim.limbo.is_empty()
}

fn is_bare(table: &FrameTable, number: PageNumber) -> bool {
    let word = table.slot(number).map_or(null_mut(), |slot| slot.published.load(Ordering::Acquire));
    matches!(Word::of(word), Word::Bare(..))
}

#[test]
fn what_is_staged_is_seen_by_later_writers_only() {
    let table = table();
    stage(&table, 1, &[PAGE]);
    assert_eq!((table.staged(), table.published()), (1, 0));
    assert_eq!(seen(&Pin::new(&table)), None);
    assert_eq!(seen(&Pin::staged(&table)), Some(1));
    assert_eq!(seen(&Pin::staged_shared(&table)), Some(1));
    assert!(Pin::at(&table, 1).is_none(), "it may never be published");
    let before = Pin::shared(&table);
    table.publish(1);
    assert_eq!((table.staged(), table.published()), (1, 1));
    assert_eq!(seen(&Pin::new(&table)), Some(1));
    assert_eq!((seen(&before), before.commit()), (None, 0));
    drop(before);
    assert!(is_bare(&table, PAGE) && is_settled(&table));
}

#[test]
fn publishing_several_commits_at_once_drops_the_versions_between() {
    let table = table();
    stage(&table, 1, &[PAGE]);
    table.publish(1);
    let old = Pin::new(&table);
    (2..=9).for_each(|commit| stage(&table, commit, &[PAGE]));
    assert_eq!(table.versions(), 9, "each may become the published one");
    assert_eq!(seen(&old), Some(1));
    table.publish(5);
    assert_eq!(table.versions(), 6, "1 for the reader; 5 and what is staged after it");
    assert_eq!(
        (seen(&old), seen(&Pin::new(&table)), seen(&Pin::staged(&table))),
        (Some(1), Some(5), Some(9))
    );
    table.publish(3);
    assert_eq!(table.published(), 5, "it never goes back");
    table.publish(9);
    assert_eq!(table.versions(), 2);
    assert_eq!(seen(&old), Some(1));
    drop(old);
    assert_eq!(table.versions(), 1);
    assert!(is_bare(&table, PAGE) && is_settled(&table));
}

#[test]
#[should_panic = "what is published has been staged"]
fn what_is_not_staged_cannot_be_published() {
    table().publish(1);
}

#[test]
fn retaining_keeps_exactly_the_window() {
    let table = table();
    let commit = |commit| {
        stage(&table, commit, &[PAGE]);
        table.publish(commit);
    };
    (1..=3).for_each(commit);
    assert_eq!(table.versions(), 1);
    assert_eq!(
        [2, 3, 4].map(|at_| at(&table, at_)),
        [None, Some(3), None],
        "without retention, the published one"
    );
    table.retain(1);
    assert_eq!(at(&table, 2), None, "it had gone before");
    (4..=9).for_each(commit);
    assert_eq!(table.versions(), 7);
    assert_eq!(table.oldest(), 3);
    assert_eq!([3, 4, 8, 9, 10].map(|at_| at(&table, at_)), [Some(3), Some(4), Some(8), Some(9), None]);
    table.retain(6);
    assert_eq!((table.versions(), table.oldest()), (4, 6));
    assert_eq!([5, 6, 9].map(|at_| at(&table, at_)), [None, Some(6), Some(9)]);
    let pinned = Pin::at(&table, 7).unwrap();
    table.retain(4);
    assert_eq!(at(&table, 5), None, "the floor only rises");
    table.retain(u64::MAX);
    assert_eq!((table.versions(), table.oldest()), (2, 7));
    assert_eq!((seen(&pinned), at(&table, 7), at(&table, 9)), (Some(7), None, Some(9)));
    drop(pinned);
    assert_eq!((table.versions(), table.oldest()), (1, 9));
    assert!(is_bare(&table, PAGE) && is_settled(&table));
}

#[test]
fn a_page_not_changed_since_is_found_from_every_retained_commit() {
    let table = table();
    stage(&table, 1, &[PAGE]);
    table.publish(1);
    table.retain(1);
    for commit in 2..=5 {
        stage(&table, commit, &[PageNumber(7)]);
        table.publish(commit);
    }
    assert!(is_bare(&table, PAGE));
    assert_eq!([1, 3, 5].map(|commit| at(&table, commit)), [Some(1); 3]);
}

#[test]
fn a_freed_page_is_forgotten_when_its_commit_is_beneath_the_floor() {
    let table = table();
    stage(&table, 1, &[PAGE]);
    table.publish(1);
    stage_freed(&table, 2, PAGE);
    assert!(!table.forget(PAGE), "readers may begin at commit 1");
    table.retain(1);
    table.publish(2);
    assert!(!table.forget(PAGE), "and are still allowed to");
    assert_eq!(at(&table, 1), Some(1));
    table.retain(2);
    assert_eq!(table.versions(), 0);
    assert!(table.forget(PAGE));
    assert!(is_settled(&table));
}

/// A table over an empty file.
fn table_with_file() -> (Arc<Images>, FrameTable) {
    let file = MemoryVfs::new().open("a", OpenMode::Create).unwrap();
    let images = Arc::new(Images::new(file, PageMap::new(MapEntry::NONE, 100, BLOCK_LEN), BLOCK_LEN));
    let table = FrameTable::new(0, Some(images.clone()), usize::MAX);
    (images, table)
}

/// Writes what is staged for `PAGE` to `block`, and lets go of it.
fn write_out(images: &Images, staging: &mut Staging<'_>, block: u64) -> MapEntry {
    let Some(Staged::Page(page)) = staging.get(PAGE).unwrap() else { panic!("a page is staged") };
    let mut image = page.to_vec();
    let crc = image::seal(&mut image, 7);
    images.file().write_at(&image, block * BLOCK_LEN as u64).unwrap();
    let entry = MapEntry::new(block, 1, crc, 7);
    staging.store(PAGE, entry);
    entry
}

/// A page whose body says `byte`, with a sequence number of 5.
fn page(staging: &Staging<'_>, byte: u8) -> Buffer {
    let mut buffer = staging.zeroed(BLOCK_LEN).unwrap();
    write_header(&mut buffer, PAGE, PageKind::EntryLeaf, TreeId(1));
    buffer[100..].fill(byte);
    buffer.set_sequence(5);
    buffer
}

fn byte_of(staging: &Staging<'_>) -> u8 {
    let Some(Staged::Page(page)) = staging.get(PAGE).unwrap() else { panic!("a page is staged") };
    page[100]
}

#[test]
fn what_is_written_out_before_its_commit_takes_no_memory_until_it_is_asked_for() {
    let (images, table) = table_with_file();
    let mut staging = Staging::new(&table);
    staging.put(PAGE, Staged::Page(page(&staging, 1)));
    let one = table.resident_bytes();
    let entry = write_out(&images, &mut staging, 10);
    assert_eq!(table.resident_bytes(), 0);
    assert!(matches!(staging.state(PAGE), Some(Staged::Stored(stored)) if stored.entry == entry));
    assert_eq!((byte_of(&staging), table.resident_bytes()), (1, one), "it is loaded again");
    staging.unload();
    assert_eq!(table.resident_bytes(), 0);
    assert_eq!(staging.sequence(PAGE), Some(5));
    // Changing it makes it a page of memory, and gives the image back.
    let (bytes, image) = staging.get_mut(PAGE).unwrap().unwrap();
    bytes[100..].fill(2);
    assert_eq!(image, Some(entry));
    assert_eq!((byte_of(&staging), staging.sequence(PAGE)), (2, Some(5)));
    assert_eq!(staging.get_mut(PAGE).unwrap().unwrap().1, None);
    // A savepoint keeps the image, as it would keep the buffer.
    let entry = write_out(&images, &mut staging, 11);
    let undo = staging.put(PAGE, Staged::Page(page(&staging, 3))).unwrap();
    assert_eq!(byte_of(&staging), 3);
    drop(staging.put(PAGE, undo));
    assert_eq!(byte_of(&staging), 2);
    assert!(matches!(staging.take(PAGE), Some(Staged::Stored(stored)) if stored.entry == entry));
    drop(staging);
    assert_eq!(table.resident_bytes(), 0);
}

#[test]
fn a_damaged_image_of_a_page_written_out_is_noticed_and_can_be_tried_again() {
    let (images, table) = table_with_file();
    let mut staging = Staging::new(&table);
    staging.put(PAGE, Staged::Page(page(&staging, 1)));
    write_out(&images, &mut staging, 10);
    let at = 10 * BLOCK_LEN as u64 + 2000;
    images.file().write_at(&[0], at).unwrap();
    assert!(matches!(staging.get(PAGE), Err(error) if matches!(*error, StorageFault::Corruption(_))));
    assert!(matches!(staging.get_mut(PAGE), Err(error) if matches!(*error, StorageFault::Corruption(_))));
    images.file().write_at(&[1], at).unwrap();
    assert_eq!(byte_of(&staging), 1);
}

#[test]
fn a_version_that_was_written_out_is_loaded_from_its_image_and_cold_once_the_map_has_it() {
    let (images, table) = table_with_file();
    let stage = |commit: u64, write: Option<u64>| {
        let mut staging = Staging::new(&table);
        let mut pin = Pin::staged(&table);
        staging.put(PAGE, Staged::Page(page(&staging, commit as u8)));
        let entry = write.map(|block| write_out(&images, &mut staging, block));
        table.stage(&mut staging, &mut pin, commit, &[Change { number: PAGE, image: None }]);
        entry
    };
    let seen = |pin: &Pin<'_>| pin.page(PAGE).ok().map(|page| page[100]);
    stage(1, Some(10));
    table.publish(1);
    assert_eq!(table.resident_bytes(), 0);
    let first = Pin::new(&table);
    assert!(matches!(first.resident(PAGE), Resident::Stored));
    assert_eq!(seen(&first), Some(1));
    stage(2, None);
    stage(3, Some(11));
    table.publish(3);
    assert_eq!(table.versions(), 1, "2 has gone, and 3 is not needed yet");
    assert_eq!((seen(&first), seen(&Pin::new(&table))), (Some(1), Some(3)));
    drop(first);
    assert_eq!(table.versions(), 1);
    let entry = stage(4, Some(12)).unwrap();
    table.publish(4);
    assert_eq!((table.versions(), table.resident_bytes()), (0, 0));
    let word = || table.slot(PAGE).unwrap().published.load(Ordering::Acquire);
    assert!(matches!(Word::of(word()), Word::Chain(_)), "only the chain knows where the image is");
    // A checkpoint gives the map the entry.
    let mut changes = BTreeMap::new();
    changes.insert(PAGE.0, entry);
    let update = images.with_map(|map, read| map.prepare(&changes, 100, read)).unwrap();
    images.with_map(|map, _| map.install(update));
    table.checkpointed(4);
    assert!(matches!(Word::of(word()), Word::Cold));
    assert_eq!(seen(&Pin::new(&table)), Some(4));
    assert!(is_settled(&table));
}

#[cfg(feature = "std")]
#[test]
fn readers_of_retained_commits_beside_publisher_and_retainer_see_their_commit() {
    // Goal: whoever gets a pin at a commit sees that commit's bytes, however publishing, retaining and dropping race
    // with the opening of it. Every commit rewrites some pages, so that versions of different ages stand in the chains.
    const PAGES: u32 = 8;
    let commits = if cfg!(miri) { 60 } else { 4000 };
    let table = table();
    let pages =
        |commit: u64| (1..=PAGES).filter(move |page| commit == 1 || commit.is_multiple_of(u64::from(*page)));
    let stage_one =
        |commit| stage(&table, commit, &pages(commit).map(PageNumber).collect::<Vec<PageNumber>>());
    let expected = |commit: u64, page: u32| {
        let last = commit / u64::from(page) * u64::from(page);
        last.max(1) as u8
    };
    stage_one(1);
    table.publish(1);
    table.retain(1);
    std::thread::scope(|scope| {
        for reader in 0..2 {
            let (table, expected) = (&table, &expected);
            scope.spawn(move || {
                let mut random: u64 = 7 + reader;
                while table.published() < commits {
                    random = (random * 0x5DEE_CE66 + 11) & 0xFFFF_FFFF;
                    let newest = table.published();
                    let back = random >> 16 & 15;
                    let pin = match back {
                        15 => Some(Pin::shared(table)),
                        _ => Pin::at(table, newest.saturating_sub(back).max(1)),
                    };
                    let Some(pin) = pin else { continue };
                    for page in 1..=PAGES {
                        let bytes = pin.page(PageNumber(page)).unwrap();
                        assert!(bytes.iter().all(|&byte| byte == expected(pin.commit(), page)));
                    }
                }
            });
        }
        // Publishes behind the writer, a few commits at a time, and lets the window of retention follow.
        scope.spawn(|| {
            while table.published() < commits {
                let staged = table.staged();
                table.publish(staged);
                table.retain(staged.saturating_sub(5).max(1));
            }
        });
        (2..=commits).for_each(stage_one);
    });
    table.retain(u64::MAX);
    assert_eq!(table.versions(), PAGES as usize);
    assert!(is_settled(&table));
}

/// Eight threads read pages that are in memory while nobody could write anything they share without being noticed: the
/// lock is held, and every word of the table but the readers' own slots is compared. A pin writes its own slot, a page
/// nothing; what is asked of more than one page at a time is asked again from the middle of it.
#[test]
fn a_hit_writes_nothing_that_readers_share() {
    const READERS: usize = 8;
    let table = table();
    let pages: Vec<PageNumber> = (1..=50).map(PageNumber).collect();
    stage(&table, 1, &pages);
    table.publish(1);
    assert!(is_settled(&table));
    let words = || {
        let slots = pages.iter().filter_map(|number| table.slot(*number));
        let slots: Vec<usize> =
            slots.map(|slot| slot.published.load(Ordering::SeqCst).expose_provenance()).collect();
        let counts = [table.versions(), table.memory.bytes(), table.limbo_bytes.load(Ordering::SeqCst)];
        let numbers = [&table.epoch, &table.blocked, &table.published, &table.staged, &table.retained]
            .map(|word| word.load(Ordering::SeqCst));
        let flags = [&table.left, &table.keeps, &table.staging].map(|flag| flag.load(Ordering::SeqCst));
        (slots, counts, numbers, flags, Arc::strong_count(&table))
    };
    let read_all = || {
        let pin = Pin::new(&table);
        assert!(pages.iter().all(|number| pin.page(*number).is_ok_and(|page| page[0] == 1)));
    };
    let before = words();
    // Whoever needed it would wait forever, or say so in `left`.
    let lock = table.reclaim.lock();
    let (begun, looked) = (std::sync::Barrier::new(READERS + 1), std::sync::Barrier::new(READERS + 1));
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                let pin = Pin::new(&table);
                assert!(pin.page(PAGE).is_ok());
                begun.wait();
                looked.wait();
                drop(pin);
                (0..200).for_each(|_| read_all());
            });
        }
        begun.wait();
        assert_eq!(words(), before, "with a page borrowed by each reader");
        looked.wait();
    });
    assert_eq!(words(), before);
    drop(lock);
    assert!(is_settled(&table));
}
