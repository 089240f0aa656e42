//! Pins and eviction: readers who load the same cold pages, in operations that come and go, while a clock's hand takes what
//! nobody has touched, and while pages change.

use std::sync::OnceLock;

use epilog::storage::pager::{Durability, PagerOptions};
use epilog_tests::disk::SimVfs;
use shuttle::thread;

use crate::explore;
use crate::world::{PAGE_LEN, World, assert_shows, options};

/// The commits of a prepared database.
const LAST: u64 = 9;

/// Room for three of the four pages.
fn little() -> PagerOptions {
    PagerOptions { cache_bytes: 3 * (PAGE_LEN + 64), ..options() }
}

/// A closed database of so many slots, after nine commits.
fn prepared(prepared: &OnceLock<SimVfs>, slots: u64) -> SimVfs {
    if prepared.get().is_none() {
        let world = World::new(options(), slots, LAST);
        world.pager.close().unwrap();
        let _ = prepared.set(world.disk.sim.fork());
    }
    prepared.get().expect("set above").fork()
}

/// Claim: bytes that were read within an operation stay what they are until it ends, whatever is evicted or loaded by
/// others meanwhile; and what is evicted is freed when the operations have ended.
#[test]
fn what_an_operation_has_read_stays_until_it_ends() {
    explore(cold_readers);
}

pub fn cold_readers() {
    static PREPARED: OnceLock<SimVfs> = OnceLock::new();
    let world = World::over(prepared(&PREPARED, 3), little(), 3);
    thread::scope(|scope| {
        scope.spawn(|| {
            let snapshot = world.pager.snapshot();
            for _ in 0..2 {
                assert_shows(&snapshot.operation(), LAST, 3).unwrap();
            }
        });
        scope.spawn(|| {
            for _ in 0..2 {
                assert_shows(&world.pager.reader(), LAST, 3).unwrap();
            }
        });
        scope.spawn(|| {
            let snapshot = world.pager.snapshot_owned();
            let (one, two) = (snapshot.operation(), snapshot.operation());
            assert_shows(&one, LAST, 3).unwrap();
            drop(one);
            assert_shows(&two, LAST, 3).unwrap();
        });
    });
    assert_shows(&world.pager.reader(), LAST, 3).unwrap();
    let held = world.pager.resident_bytes();
    assert!(held <= little().cache_bytes + PAGE_LEN + 64, "{held} bytes are held for nobody");
}

/// Claim: the same, when a writer changes cold pages and a checkpoint makes what it wrote evictable.
#[test]
fn readers_of_cold_pages_see_their_commit_beside_a_writer() {
    explore(cold_readers_beside_a_writer);
}

pub fn cold_readers_beside_a_writer() {
    // A fourth of it is enough for the pages that a transaction changes, all of it not for the eight that there are.
    static PREPARED: OnceLock<SimVfs> = OnceLock::new();
    let options = PagerOptions { cache_bytes: 4 * 2 * PAGE_LEN, ..options() };
    let world = World::over(prepared(&PREPARED, 7), options, 7);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2 {
                let reader = world.pager.snapshot();
                assert_shows(&reader.operation(), reader.commit().0, 7).unwrap();
                assert_shows(&reader.operation(), reader.commit().0, 7).unwrap();
            }
        });
        scope.spawn(|| {
            let reader = world.pager.snapshot();
            assert_shows(&reader.operation(), reader.commit().0, 7).unwrap();
        });
        scope.spawn(|| {
            world.commit(Durability::None).unwrap();
            world.pager.checkpoint().unwrap();
            world.commit(Durability::None).unwrap();
        });
    });
    assert_eq!(world.read(), LAST + 2);
    world.assert_kept();
}

/// Claim: the same, when the writer's changes do not fit the cache: they are written out, and committed by a header.
#[test]
fn readers_of_cold_pages_see_their_commit_beside_a_bulk_commit() {
    explore(cold_readers_beside_a_bulk_commit);
}

pub fn cold_readers_beside_a_bulk_commit() {
    static PREPARED: OnceLock<SimVfs> = OnceLock::new();
    let world = World::over(prepared(&PREPARED, 3), little(), 3);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let reader = world.pager.snapshot();
                assert_shows(&reader.operation(), reader.commit().0, 3).unwrap();
                assert_shows(&reader.operation(), reader.commit().0, 3).unwrap();
            });
        }
        scope.spawn(|| world.commits(2, Durability::Immediate));
    });
    assert_eq!(world.read(), LAST + 2);
    world.assert_kept();
}
