//! Statistics as bytes: what comes back, and what becomes of bytes that are none.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::*;
use crate::prelude::*;
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
    let read = bytes::read(collection, &bytes::write(collection, &made)).expect("what was written");
    assert_eq!(read, made);
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

#[test]
fn damaged_statistics_are_told_of_and_made_again() {
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
    assert_eq!(Find::query().filter(|f| f.kind.eq("coin")).count(&db).unwrap(), 1500);
    db.write(|tx| tx.insert(&find(1))).unwrap();
    assert!(db.check().unwrap().is_sound());
    db.close().unwrap();
    assert_ne!(content_of(&files), damaged);
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
