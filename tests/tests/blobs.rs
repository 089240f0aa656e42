//! Blobs through the public surface: streams, snapshots that outlast the record, space that is used again.

use std::io::{Cursor, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use epilog::prelude::*;
use epilog::query::Reads as _;
use epilog::storage::streamed;
use epilog::vfs::{MemoryVfs, OpenMode, Vfs};
use epilog_tests::random::Random;

#[derive(Collection, Clone, Debug, PartialEq)]
struct Film {
    id: Id<Film>,
    title: String,
    picture: Blob,
    subtitles: Option<Blob>,
}

epilog::schema!(Cinema { Film });

/// The bytes of a chunk, when nothing else is asked for.
const CHUNK: usize = (256 << 10) - 24;

fn open(files: &MemoryVfs, options: &Options) -> Database<Cinema> {
    Database::open_in(Arc::new(files.clone()), "cinema", options).unwrap()
}

/// As many bytes as asked for, the same for the same seed.
fn content(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Random::new(seed).fill(&mut bytes);
    bytes
}

fn film(tx: &mut WriteTransaction<'_, Cinema>, bytes: &[u8]) -> Result<Film, Error> {
    let mut writer = tx.blob_writer();
    std::io::copy(&mut Cursor::new(bytes), &mut writer).map_err(Error::custom)?;
    writer.flush().map_err(Error::custom)?;
    Ok(Film { id: Id::auto(), title: "a film".into(), picture: writer.finish()?, subtitles: None })
}

fn blobs(db: &Database<Cinema>) -> u64 {
    let count = db.with_view(|view| Ok(streamed::check(view, &mut |problem| panic!("{problem}"))?));
    count.unwrap()
}

#[test]
fn streams_read_what_streams_wrote() {
    let files = MemoryVfs::new();
    let db = open(&files, &Options::default());
    for (seed, len) in [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5].into_iter().enumerate() {
        let bytes = content(seed as u64, len);
        let id = db.write(|tx| film(tx, &bytes).and_then(|film| tx.insert(&film))).unwrap();
        let tx = db.read().unwrap();
        let picture = Film::query().filter(|f| f.id.eq(id)).select(|f| f.picture).one(&tx).unwrap();
        assert_eq!(picture.len(), len as u64);
        let mut reader = tx.blob_reader(picture).unwrap();
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert!(read == bytes, "{len} bytes");

        for back in [1, len.min(100), len] {
            assert_eq!(reader.seek(SeekFrom::End(-(back as i64))).unwrap(), (len - back) as u64);
            read.clear();
            reader.read_to_end(&mut read).unwrap();
            assert!(read == bytes[len - back..], "the last {back} of {len} bytes");
        }
        assert_eq!(reader.stream_position().unwrap(), len as u64);
        assert!(reader.seek(SeekFrom::End(-(len as i64) - 1)).is_err());
        assert_eq!(reader.seek(SeekFrom::Start(len as u64 + 9)).unwrap(), len as u64 + 9);
        assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
    }
    assert_eq!(blobs(&db), 5);
    db.close().unwrap();
    assert_eq!(blobs(&open(&files, &Options::default())), 5);
}

#[test]
fn a_snapshot_reads_on_while_the_record_goes_and_the_file_is_written() {
    let db = open(&MemoryVfs::new(), &Options::default().bulk_after(300_000).background(false));
    let bytes = content(7, 5 * CHUNK);
    let id = db.write(|tx| film(tx, &bytes).and_then(|film| tx.insert(&film))).unwrap();
    let tx = db.read().unwrap();
    let picture = tx.get::<Film>(id).unwrap().unwrap().picture;
    let mut reader = tx.blob_reader(picture).unwrap();
    let mut read = vec![0; bytes.len()];
    for (round, part) in read.chunks_mut(CHUNK / 2).enumerate() {
        reader.read_exact(part).unwrap();
        match round {
            1 => drop(db.write(|tx| tx.delete_key::<Film>(id)).unwrap()),
            2 => db.checkpoint().unwrap(),
            // Into the space of what was deleted, were it free.
            3 => drop(
                db.write(|tx| film(tx, &content(8, 5 * CHUNK)).and_then(|film| tx.insert(&film))).unwrap(),
            ),
            4 => db.checkpoint().unwrap(),
            _ => {}
        }
    }
    assert!(read == bytes);
    assert_eq!(db.read().unwrap().blob_reader(picture).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(blobs(&db), 1);
}

#[test]
fn the_space_of_blobs_is_used_again() {
    for bulk_after in [100_000, 64 << 20] {
        let files = MemoryVfs::new();
        let db = open(&files, &Options::default().bulk_after(bulk_after).background(false));
        let mut kept =
            db.write(|tx| film(tx, &content(0, 4 * CHUNK)).and_then(|film| tx.insert(&film))).unwrap();
        let mut lengths = Vec::new();
        for round in 1..12 {
            kept = db
                .write(|tx| {
                    // One replaces the other, a third is given up.
                    let new = film(tx, &content(round, 4 * CHUNK))?;
                    film(tx, &content(99, CHUNK))?;
                    tx.delete_key::<Film>(kept)?;
                    tx.insert(&new)
                })
                .unwrap();
            db.checkpoint().unwrap();
            lengths.push(files.open("cinema", OpenMode::Read).unwrap().len().unwrap());
        }
        assert_eq!(blobs(&db), 1);
        // What is replaced, what replaces it and what the checkpoint before still has.
        let most = 4 * 4 * CHUNK as u64;
        assert!(lengths.iter().all(|len| *len < most), "{lengths:?}");
        let tx = db.read().unwrap();
        let mut read = Vec::new();
        let picture = tx.get::<Film>(kept).unwrap().unwrap().picture;
        tx.blob_reader(picture).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == content(11, 4 * CHUNK));
    }
}

#[test]
fn a_crash_keeps_the_blobs_of_acknowledged_commits_and_their_numbers() {
    let disk = epilog_tests::disk::SimVfs::new(3);
    let options = Options::default().blob_chunk(4096).background(false);
    let open = |disk: &epilog_tests::disk::SimVfs| {
        Database::<Cinema>::open_in(Arc::new(disk.clone()), "cinema", &options).unwrap()
    };
    let db = open(&disk);
    let bytes = content(1, 30_000);
    let (first, second) = db
        .write(|tx| {
            let (a, b) = (film(tx, &content(0, 50_000))?, film(tx, &content(0, 10))?);
            Ok((tx.insert(&a)?, tx.insert(&b)?))
        })
        .unwrap();
    db.write(|tx| {
        film(tx, &content(0, 9000))?; // no record's
        tx.delete_key::<Film>(first)?;
        let new = film(tx, &bytes)?;
        tx.update(&Film { id: second, ..new })
    })
    .unwrap();
    let left = disk.fork();
    drop(db);
    let db = open(&left);
    assert_eq!(blobs(&db), 1);
    let tx = db.read().unwrap();
    let picture = tx.get::<Film>(second).unwrap().unwrap().picture;
    let mut read = Vec::new();
    tx.blob_reader(picture).unwrap().read_to_end(&mut read).unwrap();
    assert!(read == bytes);
    let later = db.write(|tx| film(tx, b"later")).unwrap().picture;
    assert!(later > picture, "{later} was given a number again");
}

#[test]
fn transactions_beside_each_other_write_blobs_of_their_own() {
    let db = open(&MemoryVfs::new(), &Options::default().blob_chunk(4096).background(false));
    let replaced = db.write(|tx| film(tx, b"old").and_then(|film| tx.insert(&film))).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let db = &db;
            scope.spawn(move || {
                for round in 0..5 {
                    let bytes = content(10 * thread + round, 9000);
                    let id = db.write_concurrent(|tx| {
                        film(tx, b"no record's")?;
                        let new = film(tx, &bytes)?;
                        let id = tx.insert(&new)?;
                        // All of them change this one, so that some have to be done again.
                        let picture = film(tx, &bytes[..5000])?.picture;
                        tx.update(&Film { id: replaced, picture, ..new })?;
                        Ok(id)
                    });
                    let tx = db.read().unwrap();
                    let picture = tx.get::<Film>(id.unwrap()).unwrap().unwrap().picture;
                    let mut read = Vec::new();
                    tx.blob_reader(picture).unwrap().read_to_end(&mut read).unwrap();
                    assert!(read == bytes, "thread {thread}, round {round}");
                }
            });
        }
    });
    assert_eq!(Film::query().count(&db).unwrap(), 21);
    assert_eq!(blobs(&db), 21);
}
