//! Compaction through the public face: the file shrinks, nothing else changes, and a cut at any operation loses nothing.

use std::sync::Arc;

use epilog::prelude::*;
use epilog_tests::disk::{Cut, SimVfs};
use epilog_tests::random::Random;

#[derive(Collection, Clone, Debug, PartialEq)]
struct Note {
    id: Id<Note>,
    #[unique]
    title: String,
}

epilog::schema!(Notes { Note });

const PATH: &str = "notes.epilog";

fn open(disk: &SimVfs) -> Database<Notes> {
    Database::open_in(Arc::new(disk.clone()), PATH, &Options::default().background(false)).unwrap()
}

/// A closed database of some notes, of which all but the last few were deleted after a checkpoint.
fn thinned(count: u64, kept: u64) -> SimVfs {
    let disk = SimVfs::new(count);
    let db = open(&disk);
    db.write(|tx| tx.insert_all((0..count).map(|n| Note { id: Id::auto(), title: format!("note {n}") })))
        .unwrap();
    db.checkpoint().unwrap();
    let first = Id::new(count - kept + 1);
    db.write(|tx| Note::query().filter(|n| n.id.lt(first)).delete().run(tx)).unwrap();
    db.close().unwrap();
    disk
}

fn len(disk: &SimVfs) -> usize {
    disk.bytes(PATH).map_or(0, |bytes| bytes.len())
}

#[test]
fn what_was_deleted_gives_its_space_back() {
    let disk = thinned(10_000, 100);
    let before = len(&disk);
    let db = open(&disk);
    let done = db.compact().unwrap();
    assert_eq!((done.before_bytes, done.after_bytes), (before as u64, len(&disk) as u64), "{done:?}");
    assert!(len(&disk) < before / 4, "{before} bytes became {}", len(&disk));
    assert_eq!(Note::query().count(&db).unwrap(), 100);
    db.close().unwrap();
    let db = open(&disk);
    assert!(Note::query().filter(|n| n.title.eq("note 9999")).exists(&db).unwrap());
}

/// Files of many shapes, some of whose images find no lower place while their map pages do, checked after each checkpoint
/// of the compaction, and opened again.
#[test]
fn every_shape_is_sound_after_each_step() {
    for seed in 0..24 {
        let mut random = Random::new(seed);
        let disk = SimVfs::new(seed);
        let db = open(&disk);
        for round in 0..1 + random.below(4) {
            let count = 1 + random.below(1500);
            let notes: Vec<Note> = (0..count)
                .map(|n| {
                    let title = format!("{round} {n} {}", "x".repeat(random.below(60) as usize));
                    Note { id: Id::auto(), title }
                })
                .collect();
            db.write(|tx| tx.insert_all(&notes)).unwrap();
            if random.chance(1, 2) {
                db.checkpoint().unwrap();
            }
            let (low, high) = (random.below(3000), random.below(3000));
            let range = Id::new(low.min(high))..Id::new(low.max(high));
            db.write(|tx| {
                Note::query().filter(|n| n.id.ge(range.start) & n.id.lt(range.end)).delete().run(tx)
            })
            .unwrap();
        }
        let right = Note::query().all(&db).unwrap();
        db.compact_with(|_| {
            let report = db.check().unwrap();
            assert!(report.is_sound(), "seed {seed}: {report:?}");
            true
        })
        .unwrap();
        drop(db);
        let db = open(&disk);
        assert!(db.check().unwrap().is_sound(), "seed {seed}");
        assert_eq!(Note::query().all(&db).unwrap(), right, "seed {seed}");
    }
}

#[test]
fn a_cut_during_compaction_loses_nothing() {
    let closed = thinned(1500, 40);
    let expected = Note::query().all(&open(&closed.fork())).unwrap();
    let whole = closed.fork();
    let before = whole.operations();
    open(&whole).compact().unwrap();
    for cut in before..whole.operations() {
        for seed in 0..2 {
            let disk = closed.fork();
            disk.cut_at(cut);
            let db = open(&disk);
            let outcome = db.compact();
            assert!(outcome.is_err() || !disk.is_off(), "cut at {cut}");
            drop(db);
            disk.crash(Cut::Torn { seed: cut * 2 + seed });
            let db = open(&disk);
            assert_eq!(Note::query().all(&db).unwrap(), expected, "cut at {cut}, seed {seed}");
            db.compact().unwrap();
            assert_eq!(Note::query().all(&db).unwrap(), expected, "cut at {cut}, seed {seed}, compacted");
        }
    }
}
