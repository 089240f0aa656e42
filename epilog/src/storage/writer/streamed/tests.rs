//! Whose blobs are, what becomes of them, and what is said of chunks that are not as they should be.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::prelude::*;
use crate::query::Reads;
use crate::storage::StorageFault;
use crate::storage::catalog::system::{self, CHUNKS};
use crate::storage::facade::Reading as _;
use crate::storage::pager::Durability;
use crate::storage::records::RecordDraft;
use crate::storage::store::Store;
use crate::storage::streamed::{check, chunk_len, chunk_rank};
use crate::storage::vfs::MemoryVfs;
use crate::storage::writer::{BlobDraft, Writer};
use crate::value::{Blob, Value};

#[derive(Collection, Clone, Debug, PartialEq)]
struct Photo {
    id: Id<Photo>,
    title: String,
    image: Blob,
    small: Option<Blob>,
}

/// Its key changes with an update, and it goes with its photo.
#[derive(Collection, Clone, Debug, PartialEq)]
struct Print {
    #[key]
    number: i32,
    #[on_delete(cascade)]
    photo: Id<Photo>,
    scan: Option<Blob>,
    // Wide enough for the blobs to be cold.
    a: u128,
    b: u128,
    c: u128,
}

crate::schema!(Studio { Photo, Print });

const PIECE: usize = 4096;

fn studio() -> Database<Studio> {
    let options = Options::default().blob_chunk(PIECE).background(false);
    Database::open_in(Arc::new(MemoryVfs::new()), "studio", &options).unwrap()
}

fn bytes(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 7) as u8 ^ seed).collect()
}

fn write(tx: &mut WriteTransaction<'_, Studio>, bytes: &[u8]) -> Blob {
    let mut writer = tx.blob_writer();
    bytes.chunks(1000).for_each(|piece| writer.write_all(piece).unwrap());
    writer.finish().unwrap()
}

fn photo(image: Blob) -> Photo {
    Photo { id: Id::auto(), title: "t".to_string(), image, small: None }
}

fn print(number: i32, photo: Id<Photo>, scan: Option<Blob>) -> Print {
    Print { number, photo, scan, a: 1, b: 2, c: 3 }
}

fn read(tx: &ReadTransaction<'_, Studio>, blob: Blob) -> Vec<u8> {
    let mut out = vec![0; blob.len() as usize + 1];
    let len = tx.blob_reader(blob).unwrap().read_at(0, &mut out).unwrap();
    out.truncate(len);
    out
}

/// Asserts that exactly `count` blobs are there, all sound.
#[track_caller]
fn expect(db: &Database<Studio>, count: u64) {
    let found = db.with_view(|view| {
        let mut problems = Vec::new();
        let count = check(view, &mut |problem| problems.push(problem))?;
        assert!(problems.is_empty(), "{problems:?}");
        Ok(count)
    });
    assert_eq!(found.unwrap(), count);
}

fn refused<T: core::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Constraint);
    assert!(error.to_string().contains("which is not that record's"), "{error}");
}

#[test]
fn blobs_of_every_length_come_back() {
    let db = studio();
    let whole = chunk_len(PIECE);
    for (seed, len) in
        [0, 1, 100, whole - 1, whole, whole + 1, 5 * whole, 5 * whole + 17].into_iter().enumerate()
    {
        let bytes = bytes(seed as u8, len);
        let id = db.write(|tx| {
            let image = write(tx, &bytes);
            tx.insert(&photo(image))
        });
        let tx = db.read().unwrap();
        let image = tx.get::<Photo>(id.unwrap()).unwrap().unwrap().image;
        assert_eq!(image.len(), len as u64);
        assert_eq!(read(&tx, image), bytes);
        let mut part = [0; 50];
        for offset in [0, 30, whole - 20, 2 * whole - 1, len.saturating_sub(50), len, len + 1] {
            let read = tx.blob_reader(image).unwrap().read_at(offset as u64, &mut part).unwrap();
            let expected = bytes.get(offset..).unwrap_or(&[]);
            assert_eq!(part[..read], expected[..expected.len().min(50)], "{len} bytes at {offset}");
        }
        assert_eq!(tx.blob_reader(image).unwrap().read_at(u64::MAX, &mut part).unwrap(), 0);
    }
    expect(&db, 7);
}

#[test]
fn what_no_record_has_is_gone_after_the_commit() {
    let db = studio();
    let (id, kept) = db
        .write(|tx| {
            write(tx, &bytes(1, 20_000));
            tx.blob_writer().write_all(&bytes(2, 20_000))?;
            let kept = write(tx, &bytes(3, 20_000));
            let small = Some(write(tx, b"small"));
            Ok((tx.insert(&Photo { small, ..photo(kept) })?, kept))
        })
        .unwrap();
    expect(&db, 2);
    // An update that keeps one and leaves the other out.
    db.write(|tx| tx.update(&Photo { id, ..photo(kept) })).unwrap();
    expect(&db, 1);
    // One that replaces.
    db.write(|tx| {
        let image = write(tx, &bytes(4, 9000));
        tx.update(&Photo { id, ..photo(image) })
    })
    .unwrap();
    expect(&db, 1);
    let image = db.get::<Photo>(id).unwrap().unwrap().image;
    assert_eq!(read(&db.read().unwrap(), image), bytes(4, 9000));
    // By a statement over sets, a deletion, and a deletion that takes others along.
    db.write(|tx| {
        let small = Some(write(tx, b"small"));
        tx.update(&Photo { id, small, ..photo(image) })?;
        let scan = Some(write(tx, &bytes(5, 30_000)));
        tx.insert(&print(7, id, scan)).map(drop)
    })
    .unwrap();
    expect(&db, 3);
    db.write(|tx| Photo::query().update(|p| p.small.set(None)).run(tx)).unwrap();
    expect(&db, 2);
    db.write(|tx| tx.delete_key::<Photo>(id)).unwrap();
    expect(&db, 0);
    let chunks = db.with_view(|view| Ok(view.count(crate::schema::CollectionId(5))?));
    assert_eq!(chunks.unwrap(), 0);
}

#[test]
fn a_blob_has_one_record() {
    let db = studio();
    let (first, image) = db
        .write(|tx| {
            let image = write(tx, b"image");
            let first = tx.insert(&photo(image))?;
            refused(tx.insert(&photo(image)));
            refused(tx.insert_all([photo(Blob::empty()), photo(image)]));
            let both = write(tx, b"both");
            refused(tx.insert(&Photo { small: Some(both), ..photo(both) }));
            Ok((first, image))
        })
        .unwrap();
    assert_eq!(Photo::query().count(&db).unwrap(), 1);
    expect(&db, 1);
    db.write(|tx| {
        refused(tx.insert(&photo(image)));
        let other = tx.insert(&photo(Blob::empty()))?;
        refused(tx.update(&Photo { id: other, ..photo(image) }));
        refused(Photo::query().update(|p| p.image.set(image)).run(tx));
        // Its own, in another field.
        tx.update(&Photo { id: first, small: Some(image), ..photo(Blob::empty()) })?;
        // Given up by one record, taken by another.
        tx.update(&Photo { id: first, ..photo(Blob::empty()) })?;
        tx.update(&Photo { id: other, ..photo(image) })?;
        refused(tx.update(&Photo { id: first, ..photo(image) }));
        tx.delete_key::<Photo>(other)?;
        tx.insert(&print(2, first, Some(image))).map(drop)
    })
    .unwrap();
    expect(&db, 1);
    let scan = db.get::<Print>(2).unwrap().unwrap().scan;
    assert_eq!(read(&db.read().unwrap(), scan.unwrap()), b"image");
    // Names that no database gives.
    for (number, len) in [(99, 5), (1, 6)] {
        refused(db.write(|tx| tx.insert(&photo(Blob::new(number, len).unwrap()))));
    }
}

#[test]
fn savepoints_and_aborts_give_blobs_back() {
    let db = studio();
    let image = bytes(1, 10_000);
    let id = db
        .write(|tx| {
            let image = write(tx, &image);
            tx.insert(&photo(image))
        })
        .unwrap();
    let undone = |tx: &mut WriteTransaction<'_, Studio>, work: &dyn Fn(&mut WriteTransaction<'_, Studio>)| {
        let result = tx.savepoint(|tx| {
            work(tx);
            Err::<(), _>(Error::custom("undone"))
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Custom);
    };
    db.write(|tx| {
        let old = tx.get::<Photo>(id)?.unwrap().image;
        let new = write(tx, b"new");
        undone(tx, &|tx| {
            let inner = write(tx, b"inner");
            tx.update(&Photo { id, ..photo(inner) }).unwrap();
            undone(tx, &|tx| assert!(tx.insert(&photo(old)).is_ok()));
            tx.insert(&photo(new)).unwrap();
            tx.savepoint(|tx| tx.delete_key::<Photo>(id)).unwrap();
        });
        // The old one is the photo's again, the new one nobody's.
        refused(tx.insert(&photo(old)));
        tx.insert(&photo(new))?;
        tx.savepoint(|tx| {
            let third = write(tx, b"third");
            tx.insert(&photo(third)).map(drop)
        })
    })
    .unwrap();
    expect(&db, 3);

    let mut tx = db.begin().unwrap();
    tx.delete_key::<Photo>(id).unwrap();
    write(&mut tx, b"aborted");
    tx.abort();
    expect(&db, 3);
    let kept = db.get::<Photo>(id).unwrap().unwrap().image;
    assert_eq!(read(&db.read().unwrap(), kept), image);
}

/// Writes a blob of three chunks by itself, lets `spoil` do its work, and reads.
fn check_spoilt(spoil: impl FnOnce(&mut Writer<'_>, u64), expected: &str) {
    let store = Store::in_memory(<Studio as crate::Schema>::database()).unwrap();
    let mut writer = store.begin_write().unwrap();
    let len = chunk_len(PIECE);
    let mut draft = BlobDraft::new(&writer, len);
    draft.write(&mut writer, &bytes(0, 2 * len + 9)).unwrap();
    let blob = draft.finish(&mut writer).unwrap();
    writer.unheld.set(blob.number(), None, false);
    spoil(&mut writer, blob.number());
    writer.commit(Durability::Immediate).unwrap();

    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let mut out = vec![0; 3 * len];
    let view = operation.view();
    let result = view.find_blob(blob).and_then(|chunks| {
        let mut done = 0;
        loop {
            match view.read_blob(&chunks, done as u64, &mut out[done..])? {
                0 => break Ok(done),
                len => done += len,
            }
        }
    });
    let story = match result {
        Ok(len) => format!("{len} bytes"),
        Err(error) if matches!(*error, StorageFault::Corruption(_)) => error.to_string(),
        Err(error) => format!("no damage: {error}"),
    };
    assert!(story.contains(expected), "{story}");
    let mut problems: Vec<String> = Vec::new();
    check(view, &mut |problem| problems.push(problem)).unwrap();
    assert!(problems.iter().all(|problem| problem.contains("which no record names")), "{problems:?}");
    assert!(!problems.is_empty());
}

fn put_chunk(writer: &mut Writer<'_>, number: u64, chunk: u64, bytes: &[u8]) {
    let def = writer.stored.system.chunks.clone();
    let mut draft = RecordDraft::new(&def.layout);
    bytes.to_vec().with_cell(|cell| draft.put(&def.layout.places[usize::from(CHUNKS.bytes)], cell));
    system::write(&mut draft, &def, CHUNKS.chunk, &chunk_rank(number, chunk));
    writer.remove(&def, chunk_rank(number, chunk)).unwrap();
    writer.put_new(&def, chunk_rank(number, chunk), &draft).unwrap();
}

#[test]
fn chunks_that_are_missing_or_of_a_wrong_length_are_damage() {
    let len = chunk_len(PIECE);
    let without = |chunk| {
        move |writer: &mut Writer<'_>, number| {
            let def = writer.stored.system.chunks.clone();
            writer.remove(&def, chunk_rank(number, chunk)).unwrap();
        }
    };
    let with =
        |chunk, len| move |writer: &mut Writer<'_>, number| put_chunk(writer, number, chunk, &bytes(1, len));
    check_spoilt(|_, _| {}, "8153 bytes");
    check_spoilt(without(0), "no damage: Blob(1, 8153 bytes) is not here");
    check_spoilt(without(1), "chunk 1 of blob 1 is missing");
    check_spoilt(without(2), "chunk 2 of blob 1 is missing");
    check_spoilt(with(0, 0), "chunk 0 of blob 1 has 0 bytes, of a blob of 8153");
    check_spoilt(with(0, 8154), "chunk 0 of blob 1 has 8154 bytes, of a blob of 8153");
    check_spoilt(with(0, 8153), "8153 bytes");
    check_spoilt(with(0, 1), "chunk 1 of blob 1 has 4072 bytes instead of 1");
    check_spoilt(with(1, len - 1), "chunk 1 of blob 1 has 4071 bytes instead of 4072");
    check_spoilt(with(1, len + 1), "chunk 1 of blob 1 has 4073 bytes instead of 4072");
    check_spoilt(with(2, 0), "chunk 2 of blob 1 has 0 bytes instead of 9");
    check_spoilt(with(2, 10), "chunk 2 of blob 1 has 10 bytes instead of 9");
}
