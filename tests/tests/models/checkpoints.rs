//! Checkpoints beside commits, with the power gone anywhere.

use epilog::storage::pager::{CommitNumber, Durability, PagerOptions};
use shuttle::thread;

use crate::explore;
use crate::world::{PAGE_LEN, World, options};

/// Claim: while one thread checkpoints, others commit and read what they should; whenever the power goes, in whatever part
/// of a checkpoint, recovery finds a prefix of the commits with all that was acknowledged, and every block accounted for.
#[test]
fn a_checkpoint_beside_commits_loses_nothing_wherever_the_power_goes() {
    explore(checkpointer);
}

pub fn checkpointer() {
    let world = World::new(options(), 3, 3);
    thread::scope(|scope| {
        scope.spawn(|| world.commits(2, Durability::Immediate));
        scope.spawn(|| world.commits(2, Durability::None));
        scope.spawn(|| (0..2).for_each(|_| world.pager.checkpoint().unwrap()));
        scope.spawn(|| world.reads(2));
    });
    world.pager.wait_durable(CommitNumber(7)).unwrap();
    world.disk.acknowledged(7);
    assert_eq!(world.read(), 7);
    world.pager.check().unwrap();
    world.assert_kept();
}

/// Claim: the same when checkpoints are due all the time, so that commits begin them, help with them and wait for them while
/// the background takes its steps.
#[test]
fn commits_that_help_with_checkpoints_lose_nothing() {
    explore(helpers);
}

pub fn helpers() {
    let due = 4 * PAGE_LEN as u64;
    let options = PagerOptions { checkpoint_dirty_bytes: due, checkpoint_journal_bytes: due, ..options() };
    let world = World::new(options, 3, 2);
    world.pager.upkeep().attend();
    thread::scope(|scope| {
        scope.spawn(|| world.commits(3, Durability::Immediate));
        scope.spawn(|| world.commits(2, Durability::None));
        scope.spawn(|| {
            for _ in 0..10 {
                world.pager.maintain().unwrap();
            }
        });
        scope.spawn(|| world.reads(2));
    });
    world.pager.upkeep().stop();
    world.pager.close().unwrap();
    world.disk.acknowledged(7);
    assert_eq!(world.read(), 7);
    world.assert_kept();
}
