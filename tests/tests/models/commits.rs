//! Group commit: threads share syncs, and nobody is told, or shown, what a power cut could take back.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use epilog::storage::pager::{CommitNumber, Durability};
use epilog::storage::vfs::Vfs;
use epilog::storage::{StorageError, StorageFault};
use epilog_tests::disk::Fault;
use shuttle::future::block_on;
use shuttle::thread;

use crate::world::{World, change, options};
use crate::{draw, explore};

/// Claim: a commit that is acknowledged as durable, or that promises it and is seen by anybody, is there after a power cut;
/// commits are seen in their order and whole; nobody who waits is forgotten.
#[test]
fn acknowledged_commits_are_durable_and_seen_in_order() {
    explore(committers);
}

pub fn committers() {
    let world = World::new(options(), 3, 1);
    thread::scope(|scope| {
        scope.spawn(|| world.commits(2, Durability::Immediate));
        scope.spawn(|| world.commits(2, Durability::Immediate));
        scope.spawn(|| {
            world.commit(Durability::Immediate).unwrap();
            world.commit(Durability::None).unwrap();
        });
        scope.spawn(|| {
            let commit = world.commit(Durability::Group).unwrap();
            world.pager.wait_durable(CommitNumber(commit)).unwrap();
            world.disk.acknowledged(commit);
            assert!(world.read() >= commit, "whoever has waited for a commit sees it");
        });
        scope.spawn(|| world.reads(3));
    });
    assert_eq!(world.read(), 8, "what is durable is seen, without another commit to push it");
    world.assert_kept();
}

/// Claim: the same when a thread in the background syncs and checkpoints; futures that await a commit are woken, and so are
/// threads that wait for the next one to be seen.
#[test]
fn the_background_syncs_for_those_who_wait() {
    explore(background);
}

pub fn background() {
    let world = World::new(options(), 3, 1);
    world.pager.upkeep().attend();
    thread::scope(|scope| {
        let upkeep = scope.spawn(|| {
            while !world.pager.upkeep().is_stopped() {
                if !world.pager.maintain().unwrap() {
                    world.pager.upkeep().wait(world.disk.now_ns());
                }
            }
        });
        let waits = [Durability::Group, Durability::Group, Durability::Immediate].map(|durability| {
            let world = &world;
            scope.spawn(move || {
                let commit = world.commit(durability).unwrap();
                wait(world, commit).unwrap();
            })
        });
        let follower = scope.spawn(|| {
            let mut last = CommitNumber(1);
            while last.0 < 4 {
                let awaited =
                    poll_fn(|context| match world.pager.poll_published(last, context.waker()).unwrap() {
                        Some(commit) => Poll::Ready(commit),
                        None => Poll::Pending,
                    });
                last = block_on(awaited);
                world.read();
            }
        });
        waits.into_iter().for_each(|wait| wait.join().unwrap());
        follower.join().unwrap();
        world.pager.upkeep().stop();
        upkeep.join().unwrap();
    });
    assert_eq!(world.read(), 4);
    world.assert_kept();
}

/// Awaits that `commit` is durable.
fn wait(world: &World, commit: u64) -> Result<(), StorageError> {
    block_on(poll_fn(|context| match world.pager.poll_durable(CommitNumber(commit), context.waker()) {
        Ok(true) => Poll::Ready(Ok(())),
        Ok(false) => Poll::Pending,
        Err(error) => Poll::Ready(Err(error)),
    }))?;
    world.disk.acknowledged(commit);
    assert!(world.read() >= commit, "whoever has awaited a commit sees it");
    Ok(())
}

/// Claim: a commit past the journal can be built upon as soon as it is staged: who waits until it is seen sees it, and the
/// thread in the background meets nothing that the journal does not know.
#[test]
fn bulk_commits_are_seen_by_who_waits_for_them() {
    explore(bulk);
}

pub fn bulk() {
    let world = World::new(options(), 3, 1);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2 {
                let mut pages = world.pager.begin_write().unwrap();
                let commit = change(&mut pages, 3).unwrap();
                assert_eq!(pages.commit_bulk(&[]).unwrap().0, commit);
            }
        });
        scope.spawn(|| {
            for _ in 0..3 {
                let pages = world.pager.begin_private().unwrap();
                let base = pages.base();
                drop(pages);
                world.pager.wait_published(base).unwrap();
                assert!(world.read() >= base.0, "whoever has waited until {base} is seen sees it");
            }
        });
        scope.spawn(|| {
            for _ in 0..3 {
                world.pager.maintain().unwrap();
            }
        });
    });
    assert_eq!(world.read(), 3);
    world.assert_kept();
}

/// Claim: when the disk fails at some write or sync, everybody who waits is told, nobody begins in vain from then on, and
/// what was acknowledged or seen is there after a power cut all the same.
#[test]
fn a_failing_disk_wakes_everybody_and_takes_nothing_back() {
    explore(failing);
}

pub fn failing() {
    let world = World::new(options(), 3, 1);
    let poisoned = AtomicBool::new(false);
    let fault = if draw(2) == 0 { Fault::Io } else { Fault::SyncForgets };
    world.disk.sim.fault_at(world.disk.sim.operations() + draw(6), fault);
    let note = |outcome: Result<u64, StorageError>| {
        if matches!(outcome, Err(error) if matches!(*error, StorageFault::Poisoned { .. })) {
            poisoned.store(true, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| (0..2).for_each(|_| note(world.commit(Durability::Immediate))));
        scope.spawn(|| (0..2).for_each(|_| note(world.commit(Durability::Immediate))));
        scope.spawn(|| {
            let commit = world.commit(Durability::Group);
            let outcome = commit.and_then(|commit| wait(&world, commit).map(|()| commit));
            note(outcome);
        });
        scope.spawn(|| world.reads(2));
    });
    world.read();
    if poisoned.load(Ordering::Relaxed) {
        assert!(
            matches!(world.commit(Durability::None), Err(error) if matches!(*error, StorageFault::Poisoned { .. }))
        );
    }
    world.assert_kept();
}
