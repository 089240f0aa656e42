//! What a commit and an open cost, counted at the file system, and what they promise.

use std::sync::Arc;

use epilog::prelude::*;
use epilog_tests::disk::{Cut, SimVfs};

#[derive(Collection, Clone, Debug, PartialEq)]
struct User {
    id: Id<User>,
    #[unique]
    email: String,
    age: u8,
}

epilog::schema!(App { User });

fn user(n: u32) -> User {
    User { id: Id::auto(), email: format!("user{n}@example.org"), age: 30 }
}

fn open(disk: &SimVfs) -> Database<App> {
    Database::open_in(Arc::new(disk.clone()), "app.epilog", &Options::default()).unwrap()
}

#[test]
fn a_durable_commit_of_one_record_is_one_block_and_one_sync() {
    let disk = SimVfs::new(1);
    let db = open(&disk);
    db.write(|tx| tx.insert(&user(0))).unwrap();
    for n in 1..20 {
        let before = disk.counters();
        db.write(|tx| tx.insert(&user(n))).unwrap();
        let after = disk.counters();
        assert_eq!(after.writes - before.writes, 1, "writes of commit {n}");
        assert_eq!(after.bytes_written - before.bytes_written, 4096, "bytes of commit {n}");
        assert_eq!(after.syncs - before.syncs, 1, "syncs of commit {n}");
    }
}

#[test]
fn opening_a_closed_file_writes_nothing() {
    let disk = SimVfs::new(2);
    let db = open(&disk);
    db.write(|tx| tx.insert(&user(0))).unwrap();
    db.close().unwrap();

    let before = disk.counters();
    let db = open(&disk);
    assert_eq!(db.get::<User>(Id::new(1)).unwrap().unwrap().email, "user0@example.org");
    assert_eq!(User::query().count(&db).unwrap(), 1);
    db.close().unwrap();
    let after = disk.counters();
    assert_eq!((after.writes, after.syncs), (before.writes, before.syncs));
}

#[test]
fn opening_after_a_crash_writes_nothing_before_the_first_change() {
    let disk = SimVfs::new(3);
    let db = open(&disk);
    db.write(|tx| tx.insert(&user(0))).unwrap();
    disk.cut_at(disk.operations());
    drop(db);
    disk.crash(Cut::Torn { seed: 7 });

    let before = disk.counters();
    let db = open(&disk);
    assert_eq!(User::query().count(&db).unwrap(), 1);
    assert_eq!(disk.counters().writes, before.writes);
    db.write(|tx| tx.insert(&user(1))).unwrap();
    assert_eq!(User::query().count(&db).unwrap(), 2);
}

#[test]
fn an_aborted_or_empty_transaction_writes_nothing() {
    let disk = SimVfs::new(4);
    let db = open(&disk);
    db.write(|tx| tx.insert(&user(0))).unwrap();
    let before = disk.counters();
    db.begin().unwrap().commit().unwrap();
    let mut tx = db.begin().unwrap();
    tx.insert(&user(1)).unwrap();
    tx.abort();
    let refused = db.write(|tx| {
        tx.insert(&user(2))?;
        tx.insert(&user(0))
    });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::UniqueViolation);
    assert_eq!(disk.counters().writes, before.writes);
    assert_eq!(User::query().count(&db).unwrap(), 1);
}

#[test]
fn a_full_disk_is_an_error_and_nothing_is_lost() {
    let disk = SimVfs::new(5);
    let db = open(&disk);
    db.write(|tx| tx.insert(&user(0))).unwrap();
    disk.set_capacity(Some(
        disk.paths().iter().filter_map(|path| disk.bytes(path)).map(|bytes| bytes.len() as u64).sum(),
    ));
    let big = (1..60_000).map(user).collect::<Vec<_>>();
    let error = db.write(|tx| tx.insert_all(&big).map(|_| ())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(error.to_string().contains("space"), "{error}");
    assert_eq!(User::query().count(&db).unwrap(), 1);

    disk.set_capacity(None);
    db.write(|tx| tx.insert(&user(1))).unwrap();
    db.close().unwrap();
    assert_eq!(User::query().count(&open(&disk)).unwrap(), 2);
}

/// Goal: nobody acts on what a crash could take back. A transaction with the lease reads what the one before has staged, so
/// one that changes nothing waits for that as well, where it is to be durable.
#[test]
fn a_write_that_only_reads_waits_until_what_it_read_is_durable() {
    let disk = SimVfs::new(6);
    let options = Options::default().background(false);
    let db: Database<App> = Database::open_in(Arc::new(disk.clone()), "app.epilog", &options).unwrap();
    let insert = |n| {
        let mut tx = db.begin().unwrap();
        tx.insert(&user(n)).unwrap();
        tx.commit_with(Durability::Group).unwrap()
    };
    let read = |durability| {
        let tx = db.begin().unwrap();
        let count = User::query().count(&tx).unwrap();
        tx.commit_with(durability).unwrap();
        count
    };
    let first = insert(0);
    assert_eq!(read(Durability::None), 1, "staged is what the next one builds on");
    assert!(!first.is_durable());
    assert_eq!(read(Durability::Immediate), 1);
    assert!(first.is_durable());
    let syncs = disk.counters().syncs;
    assert_eq!(read(Durability::Immediate), 1);
    assert_eq!(disk.counters().syncs, syncs, "nothing to wait for");
}
