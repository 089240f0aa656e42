//! The frame table: readers by snapshot and by commit number beside a writer, and beside what drops versions.

use epilog::storage::pager::{CommitNumber, Durability, Pager};
use shuttle::thread;

use crate::world::{assert_shows, change};
use crate::{draw, explore};

const COMMITS: u64 = 5;
const SLOTS: u64 = 3;

/// Claim: whoever has a snapshot, be it of the last commit or of one that is retained, reads exactly that commit's bytes for
/// as long as it is open, over several operations; nothing that it can reach is freed. When all readers are gone, one
/// version of each page is left.
#[test]
fn every_reader_sees_its_commit_and_in_the_end_one_version_is_left() {
    explore(readers_beside_a_writer);
}

pub fn readers_beside_a_writer() {
    let pager = Pager::in_memory();
    commit(&pager);
    thread::scope(|scope| {
        scope.spawn(|| (1..COMMITS).for_each(|_| commit(&pager)));
        scope.spawn(|| {
            for _ in 0..2 {
                let snapshot = pager.snapshot();
                assert_shows(&snapshot.operation(), snapshot.commit().0, SLOTS).unwrap();
                assert_shows(&snapshot.operation(), snapshot.commit().0, SLOTS).unwrap();
            }
        });
        scope.spawn(|| {
            for _ in 0..2 {
                let reader = pager.snapshot();
                let back = reader.commit().0.saturating_sub(draw(3)).max(1);
                if let Some(snapshot) = pager.snapshot_at(CommitNumber(back)) {
                    assert_eq!(snapshot.commit().0, back);
                    drop(reader);
                    assert_shows(&snapshot.operation(), back, SLOTS).unwrap();
                }
            }
        });
        scope.spawn(|| {
            for _ in 0..2 {
                let published = pager.published().0;
                pager.retain(Some(CommitNumber(published.saturating_sub(1).max(1))));
            }
            pager.retain(None);
        });
    });
    assert_eq!(pager.published().0, COMMITS);
    assert_shows(&pager.reader(), COMMITS, SLOTS).unwrap();
    assert_eq!(pager.resident_versions(), 4, "the root and three slots");
}

/// Claim: no reader loses its commit, whether it begins before or after the next one is published, when whoever ends a
/// looking back drops at that very moment what nobody reads.
#[test]
fn a_reader_that_begins_while_versions_are_dropped_keeps_its_commit() {
    explore(beginners);
}

pub fn beginners() {
    let pager = Pager::in_memory();
    commit(&pager);
    thread::scope(|scope| {
        scope.spawn(|| (0..3).for_each(|_| commit(&pager)));
        scope.spawn(|| {
            for _ in 0..3 {
                let snapshot = pager.snapshot();
                assert_shows(&snapshot.operation(), snapshot.commit().0, SLOTS).unwrap();
            }
        });
        scope.spawn(|| {
            for _ in 0..3 {
                pager.retain(Some(pager.published()));
                pager.retain(None);
            }
        });
    });
    assert_eq!(pager.resident_versions(), 4, "the root and three slots");
}

fn commit(pager: &Pager) {
    let mut pages = pager.begin_write().unwrap();
    let number = change(&mut pages, SLOTS).unwrap();
    assert_eq!(pages.commit(&[], Durability::None).unwrap().0, number);
}
