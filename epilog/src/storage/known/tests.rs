//! Statistics as bytes: what comes back, and what becomes of bytes that are none.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::*;
use crate::prelude::*;
use crate::query::Reads as _;
use crate::storage::facade::Reading as _;
use crate::storage::pager::{Durability, PagerOptions};
use crate::storage::store::Store;
use crate::storage::vfs::MemoryVfs;

#[derive(Collection, Clone, Debug, PartialEq)]
#[index(place, kind)]
struct Find {
    id: Id<Find>,
    kind: String,
    place: Option<i32>,
    weight: f64,
    count: u64,
}

crate::schema!(Dig { Find });

fn find(number: i32) -> Find {
    let kind = if number % 4 == 0 { String::from("coin") } else { format!("shard {number}") };
    let place = (number % 10 != 0).then_some(number % 50);
    Find { id: Id::auto(), kind, place, weight: f64::from(number) / 8.0, count: 7 }
}

fn open(files: &MemoryVfs) -> Database<Dig> {
    Database::open_in(Arc::new(files.clone()), "dig", &Options::default().background(false)).unwrap()
}

/// A closed file with statistics.
fn closed() -> MemoryVfs {
    let files = MemoryVfs::new();
    let db = open(&files);
    db.write(|tx| tx.insert_all((0..6000).map(find).collect::<Vec<_>>())).unwrap();
    db.statistics::<Find>().unwrap();
    // The next commit takes them along.
    db.write(|tx| tx.update(&Find { id: Id::new(1), ..find(0) })).unwrap();
    db.close().unwrap();
    files
}

fn store(files: &MemoryVfs) -> Store {
    Store::open_untyped(Arc::new(files.clone()), "dig", PagerOptions::default()).unwrap()
}

/// The bytes of the statistics in the file.
fn content_of(files: &MemoryVfs) -> Vec<u8> {
    let store = store(files);
    let session = store.session();
    let operation = session.operation();
    let view = operation.view();
    let id = view.catalog().by_name("Find").unwrap().id;
    let record = view.get(view.chunks(), chunk_rank(STATISTICS_BLOB, u64::from(id.0))).unwrap();
    content(&record.expect("statistics")).unwrap().to_vec()
}

/// Puts bytes in the place of the statistics in the file.
fn replace(files: &MemoryVfs, content: &[u8]) {
    let store = store(files);
    let mut writer = store.begin_write().unwrap();
    let def = writer.stored().system.chunks.clone();
    let id = writer.stored().catalog.by_name("Find").unwrap().id;
    let rank = chunk_rank(STATISTICS_BLOB, u64::from(id.0));
    let mut draft = RecordDraft::new(&def.layout);
    system::write(&mut draft, &def, CHUNKS.chunk, &rank);
    draft.append(&def.layout.places[usize::from(CHUNKS.bytes)], content);
    writer.put_chunk_again(&def, rank, &draft).unwrap();
    writer.commit(Durability::Immediate).unwrap();
    store.close().unwrap();
}

#[test]
fn what_was_written_is_read() {
    let db = Dig::in_memory().unwrap();
    db.write(|tx| tx.insert_all((0..6000).map(find).collect::<Vec<_>>())).unwrap();
    let made = db.statistics::<Find>().unwrap();
    let files = closed();
    let store = store(&files);
    let collection = store.catalog().by_name("Find").unwrap();
    let mut read = bytes::read(collection, &bytes::write(collection, &made)).expect("what was written");
    // What is counted when it is asked for is not written.
    (read.leaves, read.bytes_per_record) = (made.leaves, made.bytes_per_record);
    (read.indexes[0].leaves, read.indexes[0].entries) = (made.indexes[0].leaves, made.indexes[0].entries);
    assert_eq!(read, made);
}

/// Goal: pages, entries and the bytes of records are those that there are. Method: all leaves are walked through, and all entries; in
/// trees of one leaf and of several levels, while records come and go, and with fewer branches than there are.
#[test]
fn pages_and_bytes_are_those_that_there_are() {
    let files = MemoryVfs::new();
    let options = Options::default().background(false).page_size(1024).index_page_size(1024);
    for step in [0, 3, 6000, -4000, 30_000] {
        let db = Database::<Dig>::open_in(Arc::new(files.clone()), "dig", &options).unwrap();
        db.write(|tx| match step {
            0.. => tx.insert_all((0..step).map(find).collect::<Vec<_>>()).map(drop),
            _ => Find::query().limit(step.unsigned_abs().into()).delete().run(tx).map(drop),
        })
        .unwrap();
        let made = db.statistics::<Find>().unwrap();
        db.close().unwrap();
        let store = store(&files);
        let snapshot = store.snapshot();
        let operation = snapshot.operation();
        let view = operation.view();
        let collection = view.catalog().by_name("Find").unwrap();
        let (mut leaves, mut records, mut bytes) = (0u64, 0u64, 0u64);
        let mut cursor = view.leaves(collection, 0, u128::MAX, Direction::Forward).unwrap();
        while let Some(leaf) = cursor.next_leaf().unwrap() {
            leaves += 1;
            records += leaf.len() as u64;
            bytes += (0..leaf.len())
                .map(|row| (leaf.stride() + leaf.record(row).blob().unwrap().len()) as u64)
                .sum::<u64>();
        }
        assert_eq!((made.count, made.leaves), (records, leaves.max(1)), "{made}");
        let mean = bytes.checked_div(records).unwrap_or(0);
        assert!(made.bytes_per_record.abs_diff(mean) <= 1 + mean / 50, "{made} {mean}");
        let index = &made.indexes[0];
        assert_eq!(index.entries, records);
        let all = view.each_of_spread(&collection.indexes[0], usize::MAX, &mut |_, _| ()).unwrap();
        assert!(all && index.leaves >= 1 && index.leaves <= records.max(1));
        // Of four branches of each level: about as many.
        for (index, exact) in [(None, made.leaves), (Some(&collection.indexes[0]), index.leaves)] {
            let about = view.leaves_count(collection, index, 4).unwrap();
            assert!(about.abs_diff(exact) * 5 <= exact, "{about} of {exact}");
            assert_eq!(view.leaves_count(collection, index, usize::MAX).unwrap(), exact);
        }
    }
}

/// Goal: what a version before wrote is read, and tells nothing of what it did not know. Method: bytes of version 1 as the table of
/// `bytes` has them, of 6,000 records of which nothing is kept but the two values that the index has.
#[test]
fn statistics_of_version_1_know_no_order() {
    let files = closed();
    let store = store(&files);
    let collection = store.catalog().by_name("Find").unwrap();
    let old = |leaves: &[u8], version: u8| {
        let mut old = Vec::from([version]);
        old.extend_from_slice(&collection.id.0.to_le_bytes());
        for number in [3u64, 6000, 4096] {
            old.extend_from_slice(&number.to_le_bytes());
        }
        old.extend_from_slice(&[0, 0, 1, 0]);
        old.extend_from_slice(&collection.indexes[0].id.0.to_le_bytes());
        old.push(2);
        for number in [50u64, 1500] {
            old.extend_from_slice(&number.to_le_bytes());
        }
        old.extend_from_slice(leaves);
        let checksum = crate::storage::codec::checksum::crc32c(&old);
        old.extend_from_slice(&checksum.to_le_bytes());
        bytes::read(collection, &old)
    };
    let made = old(&[], 1).expect("what version 1 wrote");
    assert_eq!((made.made_of, made.sampled), (6000, 4096));
    assert_eq!(
        (made.indexes[0].distinct.as_slice(), made.indexes[0].leaves_per_1000),
        (&[50, 1500][..], None)
    );
    let leaves = |bytes: u16| old(&bytes.to_le_bytes(), 2).map(|made| made.indexes[0].leaves_per_1000);
    assert_eq!([leaves(12), leaves(1000), leaves(u16::MAX)], [Some(Some(12)), Some(Some(1000)), Some(None)]);
    assert_eq!(leaves(1001), None, "more leaves than entries");
    assert!(old(&[0, 0], 1).is_none() && old(&[], 2).is_none() && old(&[0, 0], 3).is_none());
}

/// Goal: no bytes do harm. Method: each byte is changed, with a checksum that is wrong and one that is right, and what is read of
/// it is asked of by plans.
#[test]
fn hostile_statistics_do_no_harm() {
    let files = closed();
    let sound = content_of(&files);
    let store = store(&files);
    let collection = store.catalog().by_name("Find").unwrap();
    let mut read = 0;
    for at in 0..sound.len() - 4 {
        for value in [0, 1, 0x7F, 0xFF, sound[at] ^ 0x20] {
            let mut hostile = sound.clone();
            hostile[at] = value;
            if value != sound[at] {
                assert!(bytes::read(collection, &hostile).is_none(), "{at}: {value}");
            }
            let content = hostile.len() - 4;
            let checksum = crate::storage::codec::checksum::crc32c(&hostile[..content]);
            hostile[content..].copy_from_slice(&checksum.to_le_bytes());
            let Some(made) = bytes::read(collection, &hostile) else { continue };
            read += 1;
            for position in 0..5 {
                let Some(spread) = made.spread(position) else { continue };
                let Some(field) = made.at(position) else { continue };
                for value in field.histogram.iter().chain(&field.min).chain(&field.max) {
                    assert!(spread.equal(value) >= 0.0 && spread.below(value, true) >= 0.0);
                }
            }
        }
    }
    assert!(read > sound.len(), "{read}");
    for len in 0..sound.len() {
        assert!(bytes::read(collection, &sound[..len]).is_none(), "{len}");
    }
}

fn go_on(_: crate::integrity::Progress) -> core::ops::ControlFlow<()> {
    core::ops::ControlFlow::Continue(())
}

#[test]
fn damaged_statistics_are_told_of_backed_up_and_made_again() {
    let files = closed();
    let sound = content_of(&files);
    let mut damaged = sound.clone();
    damaged[30] ^= 1;
    replace(&files, &damaged);

    let db = open(&files);
    let report = db.check().unwrap();
    let told: Vec<String> = report.problems.iter().map(|problem| format!("{problem}")).collect();
    assert!(
        matches!(told.as_slice(), [one] if one.contains("the statistics of `Find` are damaged")),
        "{told:?}"
    );
    assert_eq!(report.problems[0].structure, crate::integrity::Structure::Estimates);
    let backup = db.backup_to(Arc::new(files.clone()), "backup", &mut go_on).unwrap();
    assert_eq!((backup.check.records, backup.check.problems.len()), (6000, 1));
    assert_eq!(Find::query().filter(|f| f.kind.eq("coin")).count(&db).unwrap(), 1500);
    db.write(|tx| tx.insert(&find(1))).unwrap();
    assert!(db.check().unwrap().is_sound());
    db.close().unwrap();
    assert_ne!(content_of(&files), damaged);
}

/// Goal: what another version wrote is no damage. Method: another version, collection, field, type and commit, each under a right
/// checksum.
#[test]
fn statistics_that_cannot_be_used_are_no_damage() {
    let files = closed();
    let sound = content_of(&files);
    for at in [0, 1, 12, 31, 35] {
        let mut other = sound.clone();
        other[at] ^= 0x40;
        let content = other.len() - 4;
        let checksum = crate::storage::codec::checksum::crc32c(&other[..content]);
        other[content..].copy_from_slice(&checksum.to_le_bytes());
        replace(&files, &other);
        let db = open(&files);
        assert!(db.check().unwrap().is_sound(), "{at}");
        let copy = format!("backup {at}");
        assert!(db.backup_to(Arc::new(files.clone()), &copy, &mut go_on).unwrap().check.is_sound());
        let made = db.statistics::<Find>().unwrap();
        assert_eq!((made.made_of, made.made_at), (6000, db.read().unwrap().commit().0), "{at}");
    }
}

/// Goal: statistics neither make a commit a bulk one nor go along with one. Method: a limit for each, and a commit after it.
#[test]
fn bulk_commits_take_none_along() {
    for (limit, many, are_taken) in [(1_000, 1, false), (100_000, 6000, false), (100_000, 1, true)] {
        let files = MemoryVfs::new();
        let options = Options::default().background(false).bulk_after(limit);
        let db: Database<Dig> = Database::open_in(Arc::new(files.clone()), "dig", &options).unwrap();
        db.write(|tx| tx.insert_all((0..6000).map(find).collect::<Vec<_>>())).unwrap();
        db.statistics::<Find>().unwrap();
        let of_chunks = || db.with_view(|view| Ok(view.count(view.chunks().id)?)).unwrap();
        db.write(|tx| tx.insert_all((0..many).map(find).collect::<Vec<_>>())).unwrap();
        assert_eq!(of_chunks(), u64::from(are_taken), "{limit} {many}");
        if limit > 1_000 {
            // A later one takes them.
            db.write(|tx| tx.insert(&find(1))).unwrap();
            assert_eq!(of_chunks(), 1);
        }
    }
}

#[test]
fn a_repaired_file_has_none() {
    let files = closed();
    let vfs = Arc::new(files.clone());
    let report =
        crate::integrity::repair_in(vfs, "dig", "mended", &mut |_| core::ops::ControlFlow::Continue(()));
    report.unwrap();
    let db: Database<Dig> =
        Database::open_in(Arc::new(files), "mended", &Options::default().background(false)).unwrap();
    assert!(db.check().unwrap().is_sound());
    assert_eq!(db.statistics::<Find>().unwrap().made_of, 6000);
}
