//! Headers by journals: each state that the two header slots and the journal can be found in after a crash or damage, and
//! what becomes of the database. `epilog/docs/file-format.md` has the rules; this is their table, case by case.
//!
//! The database has the commits 1 to 4, one page each: 1 and 2 in the file since checkpoint *n* - 1, 3 since checkpoint *n*, 4
//! in the journal alone. Or it was closed, and then opened and closed again.

use std::sync::Arc;

use epilog::prelude::*;
use epilog_tests::disk::SimVfs;
use epilog_tests::format::{BLOCK_LEN, u32_at, u64_at};

const PATH: &str = "m.epilog";
const JOURNAL: &str = "m.epilog-journal";

#[derive(Collection, Clone, Debug, PartialEq)]
struct Note {
    id: Id<Note>,
    number: u64,
}

epilog::schema!(Notes { Note });

/// A journal that is there keeps its length of segments.
fn open_with(disk: &SimVfs, segment_len: u32) -> Result<Database<Notes>, Error> {
    let options = Options::default().journal_segment_len(segment_len).background(false);
    Database::open_in(Arc::new(disk.clone()), PATH, &options)
}

fn open(disk: &SimVfs) -> Result<Database<Notes>, Error> {
    open_with(disk, 64 << 10)
}

fn commit(db: &Database<Notes>, number: u64) {
    db.write(|tx| tx.insert(&Note { id: Id::auto(), number })).unwrap();
}

/// A database that was not closed: its last checkpoint has commits to 3, the one before to 2, the journal to 4. With long
/// segments all lies in one, with short ones each commit begins its own.
fn writing(segment_len: u32) -> SimVfs {
    let disk = SimVfs::new(1);
    let db = open_with(&disk, segment_len).unwrap();
    commit(&db, 1);
    commit(&db, 2);
    db.checkpoint().unwrap();
    commit(&db, 3);
    db.checkpoint().unwrap();
    commit(&db, 4);
    disk.fork()
}

/// One that was closed with commits to 3, then with commits to 4.
fn closed() -> SimVfs {
    let disk = SimVfs::new(2);
    for numbers in [1..=3, 4..=4] {
        let db = open(&disk).unwrap();
        numbers.for_each(|number| commit(&db, number));
        db.close().unwrap();
    }
    disk
}

/// One that was closed with commits to 3, then opened, and had its fourth commit in the journal when the power went.
fn reopened() -> SimVfs {
    let disk = closed_with_three();
    let db = open(&disk).unwrap();
    commit(&db, 4);
    disk.fork()
}

fn closed_with_three() -> SimVfs {
    let disk = SimVfs::new(3);
    let db = open(&disk).unwrap();
    (1..=3).for_each(|number| commit(&db, number));
    db.close().unwrap();
    disk
}

/// What is done to a header slot.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slot {
    Whole,
    OneCopyDamaged,
    Damaged,
    Zero,
}

/// What is done to the journal.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tail {
    /// Nothing.
    Whole,
    Missing,
    Empty,
    /// Its header is damaged.
    Headless,
    /// The last commit's block is damaged, as a tear would leave it.
    LastTorn,
    /// The segment that replay begins in has a damaged header.
    SegmentLost,
    /// Another database's.
    Others,
}

/// What becomes of the database.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// It has the commits to this one.
    Opens(u64),
    /// It is refused as damaged, with this in the message.
    Damaged(&'static str),
    NotADatabase,
}

use Outcome::{Damaged, NotADatabase, Opens};

fn damage_slot(bytes: &mut [u8], slot: usize, how: Slot) {
    let blocks = 2 * slot..2 * slot + 2;
    for block in blocks.take(if how == Slot::OneCopyDamaged { 1 } else { 2 }) {
        let header = &mut bytes[block * BLOCK_LEN..(block + 1) * BLOCK_LEN];
        match how {
            Slot::Whole => {}
            Slot::OneCopyDamaged | Slot::Damaged => header[100] ^= 4,
            Slot::Zero => header.fill(0),
        }
    }
}

fn damage_journal(disk: &SimVfs, how: Tail) {
    let Some(mut bytes) = disk.bytes(JOURNAL) else { return };
    let segment_len = u32_at(&bytes, 12) as usize;
    let starts: Vec<usize> = (BLOCK_LEN..bytes.len()).step_by(segment_len).collect();
    let begun = starts.iter().filter(|at| &bytes[**at..**at + 8] == b"EPILOGJS");
    let newest = *begun.max_by_key(|at| u64_at(&bytes, **at + 32)).unwrap();
    let blocks = (newest..newest + segment_len).step_by(BLOCK_LEN);
    let last = blocks.rev().find(|at| u32_at(&bytes, *at) != 0).unwrap();
    match how {
        Tail::Whole => {}
        Tail::Missing => return disk.remove_file(JOURNAL),
        Tail::Empty => bytes.clear(),
        Tail::Headless => bytes[3] ^= 1,
        Tail::LastTorn => bytes[last + 60] ^= 1,
        Tail::SegmentLost => starts.iter().for_each(|start| bytes[start + 20] ^= 1),
        Tail::Others => bytes = reopened().bytes(JOURNAL).unwrap(),
    }
    disk.set_bytes(JOURNAL, &bytes);
}

/// Damages, opens, and compares. What is opened takes a commit, and has it after a clean close.
fn check(disk: &SimVfs, newest: Slot, older: Slot, tail: Tail, expected: Outcome) {
    let story = format!("newest slot {newest:?}, older slot {older:?}, journal {tail:?}");
    let disk = disk.fork();
    let mut bytes = disk.bytes(PATH).unwrap();
    let at = usize::from(u64_at(&bytes, 2 * BLOCK_LEN + 48) > u64_at(&bytes, 48));
    damage_slot(&mut bytes, at, newest);
    damage_slot(&mut bytes, 1 - at, older);
    disk.set_bytes(PATH, &bytes);
    damage_journal(&disk, tail);
    let numbers = |db: &Database<Notes>| {
        Note::query().order_by(|n| n.number).all(db).unwrap().into_iter().map(|note| note.number)
    };
    match (open(&disk), expected) {
        (Ok(db), Opens(last)) => {
            assert!(numbers(&db).eq(1..=last), "{story}: {:?}", numbers(&db).collect::<Vec<_>>());
            commit(&db, last + 1);
            db.close().unwrap();
            assert!(numbers(&open(&disk).unwrap()).eq(1..=last + 1), "{story}");
        }
        (Err(error), Damaged(word)) => {
            assert_eq!(error.kind(), ErrorKind::Corruption, "{story}: {error}");
            assert!(error.to_string().contains(word), "{story}: {error}");
            assert_eq!(disk.bytes(PATH), Some(bytes), "{story}: it was written to");
        }
        (Err(error), NotADatabase) => assert_eq!(error.kind(), ErrorKind::NotADatabase, "{story}: {error}"),
        (Ok(db), _) => panic!("{story}: opens with {:?}", numbers(&db).collect::<Vec<_>>()),
        (Err(error), _) => panic!("{story}: {error}"),
    }
}

#[test]
fn a_database_that_was_not_closed() {
    let disk = writing(64 << 10);
    for (newest, older, tail, outcome) in [
        // The newest header counts, and the journal has what came after it.
        (Slot::Whole, Slot::Whole, Tail::Whole, Opens(4)),
        (Slot::OneCopyDamaged, Slot::Whole, Tail::Whole, Opens(4)),
        (Slot::Whole, Slot::Damaged, Tail::Whole, Opens(4)),
        (Slot::Whole, Slot::Zero, Tail::Whole, Opens(4)),
        (Slot::OneCopyDamaged, Slot::Damaged, Tail::Whole, Opens(4)),
        // A torn last commit was never acknowledged, for all that can be told.
        (Slot::Whole, Slot::Whole, Tail::LastTorn, Opens(3)),
        (Slot::Whole, Slot::Damaged, Tail::LastTorn, Opens(3)),
        // Without its journal it lacks commits.
        (Slot::Whole, Slot::Whole, Tail::Missing, Damaged("missing")),
        (Slot::Whole, Slot::Whole, Tail::Empty, Damaged("journal")),
        (Slot::Whole, Slot::Whole, Tail::Headless, Damaged("journal")),
        (Slot::Whole, Slot::Whole, Tail::SegmentLost, Damaged("journal")),
        (Slot::Whole, Slot::Whole, Tail::Others, Damaged("of database")),
        // The older header may stand in for a newer one that is torn or gone while the journal has everything since and
        // knows of no newer one.
        (Slot::Damaged, Slot::Whole, Tail::Whole, Opens(4)),
        (Slot::Zero, Slot::Whole, Tail::Whole, Opens(4)),
        (Slot::Damaged, Slot::OneCopyDamaged, Tail::Whole, Opens(4)),
        (Slot::Damaged, Slot::Whole, Tail::LastTorn, Opens(3)),
        (Slot::Damaged, Slot::Whole, Tail::Missing, Damaged("missing")),
        (Slot::Damaged, Slot::Whole, Tail::Empty, Damaged("journal")),
        (Slot::Damaged, Slot::Whole, Tail::Headless, Damaged("journal")),
        (Slot::Damaged, Slot::Whole, Tail::SegmentLost, Damaged("journal")),
        (Slot::Damaged, Slot::Whole, Tail::Others, Damaged("of database")),
        // No header, no database; the magic says that it was one.
        (Slot::Damaged, Slot::Damaged, Tail::Whole, Damaged("header")),
        (Slot::Damaged, Slot::Zero, Tail::Missing, Damaged("header")),
        (Slot::Zero, Slot::Zero, Tail::Whole, NotADatabase),
        (Slot::Zero, Slot::Zero, Tail::Missing, NotADatabase),
    ] {
        check(&disk, newest, older, tail, outcome);
    }
}

/// As above, but the journal's newest segment was begun when the newest header was durable.
#[test]
fn a_database_whose_journal_knows_of_the_newest_header() {
    let disk = writing(8 << 10);
    for (newest, older, tail, outcome) in [
        (Slot::Whole, Slot::Whole, Tail::Whole, Opens(4)),
        (Slot::Whole, Slot::Damaged, Tail::Whole, Opens(4)),
        (Slot::Whole, Slot::Whole, Tail::LastTorn, Opens(3)),
        (Slot::OneCopyDamaged, Slot::Damaged, Tail::LastTorn, Opens(3)),
        (Slot::Whole, Slot::Whole, Tail::SegmentLost, Damaged("journal")),
        // Without that header nothing is opened: the older one is too old for this journal.
        (Slot::Damaged, Slot::Whole, Tail::Whole, Damaged("follows checkpoint")),
        (Slot::Zero, Slot::Whole, Tail::Whole, Damaged("follows checkpoint")),
        (Slot::Damaged, Slot::Whole, Tail::LastTorn, Damaged("follows checkpoint")),
        (Slot::Damaged, Slot::Whole, Tail::Missing, Damaged("missing")),
    ] {
        check(&disk, newest, older, tail, outcome);
    }
}

#[test]
fn a_database_that_was_closed() {
    let disk = closed();
    for (newest, older, outcome) in [
        (Slot::Whole, Slot::Whole, Opens(4)),
        (Slot::OneCopyDamaged, Slot::Whole, Opens(4)),
        (Slot::Whole, Slot::Damaged, Opens(4)),
        (Slot::Whole, Slot::Zero, Opens(4)),
        // The older header is one of a database that was written to, and its journal is gone with the close.
        (Slot::Damaged, Slot::Whole, Damaged("missing")),
        (Slot::Zero, Slot::Whole, Damaged("missing")),
        (Slot::Damaged, Slot::Damaged, Damaged("header")),
        (Slot::Zero, Slot::Zero, NotADatabase),
    ] {
        check(&disk, newest, older, Tail::Whole, outcome);
    }
    // A journal of an earlier time beside it is left over.
    let leftover = closed_with_three();
    let db = open(&leftover).unwrap();
    let journal = {
        commit(&db, 4);
        leftover.bytes(JOURNAL).unwrap()
    };
    db.close().unwrap();
    leftover.set_bytes(JOURNAL, &journal);
    check(&leftover, Slot::Whole, Slot::Whole, Tail::Whole, Opens(4));
    check(&leftover, Slot::Whole, Slot::Whole, Tail::Headless, Opens(4));
    check(&leftover, Slot::Whole, Slot::Whole, Tail::Empty, Opens(4));
}

#[test]
fn a_database_that_was_closed_and_written_to_again() {
    let disk = reopened();
    for (newest, older, tail, outcome) in [
        (Slot::Whole, Slot::Whole, Tail::Whole, Opens(4)),
        (Slot::Whole, Slot::Damaged, Tail::Whole, Opens(4)),
        (Slot::Whole, Slot::Whole, Tail::LastTorn, Opens(3)),
        (Slot::Whole, Slot::Whole, Tail::Missing, Damaged("missing")),
        // The older header is clean, but the journal holds a commit that was made under a newer one.
        (Slot::Damaged, Slot::Whole, Tail::Whole, Damaged("newer header")),
        (Slot::Zero, Slot::Whole, Tail::Whole, Damaged("newer header")),
        // Without the journal only the damaged copies tell that there was one.
        (Slot::Damaged, Slot::Whole, Tail::Missing, Damaged("checkpoint")),
        // Nothing tells: as when the power had gone before the first commit. The commit is lost, and so is every trace.
        (Slot::Zero, Slot::Whole, Tail::Missing, Opens(3)),
        (Slot::Damaged, Slot::Damaged, Tail::Whole, Damaged("header")),
    ] {
        check(&disk, newest, older, tail, outcome);
    }
}
