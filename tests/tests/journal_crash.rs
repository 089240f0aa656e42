//! The journal on the simulated disk: power cuts at every operation, failures of every kind.
//!
//! The test plays the pager: it keeps the position that a durable header would name, and a model of the payloads. After
//! each cut the commits replayed must be the model's, a prefix that holds every acknowledged one.
//!
//! More seeds: `EPILOG_SEEDS=10000 cargo test --release -p epilog-tests --test journal_crash`.

use std::sync::Arc;

use epilog::storage::journal::{Journal, JournalOptions, JournalPosition, Recovery};
use epilog::storage::vfs::{Vfs, VfsError};
use epilog::storage::{StorageError, StorageFault};
use epilog_tests::disk::{Bug, Cut, Fault, SimVfs};
use epilog_tests::random::Random;

const DATABASE: [u8; 16] = [0xDB; 16];
const PATH: &str = "d/a-journal";
const OPTIONS: JournalOptions = JournalOptions { segment_len: 2 * 4096 };

/// The pager's part, and the model.
struct World {
    disk: SimVfs,
    vfs: Arc<dyn Vfs>,
    random: Random,
    /// What a durable header says. `None`: the file is clean and needs no journal.
    header: Option<(u64, JournalPosition)>,
    /// The payload of each commit from 1.
    payloads: Vec<Vec<u8>>,
    /// The positions behind commits that this opening appended.
    positions: Vec<JournalPosition>,
    /// The last commit whose sync returned.
    acknowledged: u64,
}

impl World {
    fn new(seed: u64) -> World {
        let disk = SimVfs::new(seed);
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        let random = Random::new(seed ^ 0x5EED);
        World {
            disk,
            vfs,
            random,
            header: None,
            payloads: Vec::new(),
            positions: Vec::new(),
            acknowledged: 0,
        }
    }

    fn commit(&self) -> u64 {
        self.payloads.len() as u64
    }

    /// Opens what is there, replays it against the model, and makes the journal ready.
    fn open(&mut self) -> Result<Journal, StorageError> {
        self.positions.clear();
        let Some((checkpoint, from)) = self.header else {
            let journal = Journal::create(&self.vfs, PATH, DATABASE, 0, self.commit(), OPTIONS)?;
            self.header = Some((0, journal.position()));
            return Ok(journal);
        };
        let before = self.disk.counters();
        let mut recovery = Recovery::open(&self.vfs, PATH, DATABASE)?;
        let mut last = from.commit;
        recovery.replay(checkpoint, from, &mut |commit, payload| {
            assert_eq!(commit, last + 1);
            let model = self.payloads.get(commit as usize - 1);
            assert_eq!(Some(payload), model.map(Vec::as_slice), "commit {commit} came back changed");
            last = commit;
            Ok(())
        })?;
        let after = self.disk.counters();
        assert_eq!(
            (before.writes, before.syncs, before.metadata),
            (after.writes, after.syncs, after.metadata)
        );
        assert!(last >= self.acknowledged, "commit {} was acknowledged, {last} came back", self.acknowledged);
        // What did not come back never will, and its numbers are given to others.
        self.payloads.truncate(last as usize);
        let journal = recovery.start(checkpoint)?;
        self.acknowledged = last;
        // The pager checkpoints before the first commit; the cut may come before that.
        if self.random.chance(2, 3) {
            self.checkpoint(&journal, journal.position());
        }
        Ok(journal)
    }

    fn checkpoint(&mut self, journal: &Journal, position: JournalPosition) {
        let (checkpoint, _) = self.header.expect("a journal has a header");
        self.header = Some((checkpoint + 1, position));
        journal.checkpointed(checkpoint + 1, position);
    }

    /// One random step.
    fn step(&mut self, journal: &Journal) -> Result<(), StorageError> {
        match self.random.below(10) {
            0..=5 => {
                let len = match self.random.below(12) {
                    0 => self.random.below(30_000),
                    1..=3 => self.random.below(3_000),
                    _ => self.random.below(200),
                };
                let mut payload = vec![0; len as usize];
                self.random.fill(&mut payload);
                // Known to the model first: a commit whose outcome is unknown may come back.
                self.payloads.push(payload);
                let commit = self.commit();
                let position = journal.append(commit, &self.payloads[commit as usize - 1])?;
                self.positions.push(position);
            }
            6..=7 => {
                journal.sync(self.commit())?;
                self.acknowledged = self.commit();
            }
            8 => journal.flush()?,
            _ => {
                // A checkpoint pins a durable commit, not always the newest one.
                let positions = self.positions.iter().filter(|position| position.commit <= self.acknowledged);
                let position = match positions.collect::<Vec<_>>().as_slice() {
                    [] => return Ok(()),
                    found => *found[self.random.below(found.len() as u64) as usize],
                };
                self.checkpoint(journal, position);
                self.positions.retain(|later| later.commit > position.commit);
            }
        }
        Ok(())
    }

    /// Opens the journal and works until something fails or the steps are done.
    fn run(&mut self, steps: u64) -> Result<(), StorageError> {
        let journal = self.open()?;
        (0..steps).try_for_each(|_| self.step(&journal))
    }
}

/// Runs `seed` up to a cut at operation `cut`, then twice more with cuts at random operations, then once to the end.
/// Whether the first cut was reached.
fn run_with_cuts(seed: u64, cut: u64, bug: Option<&Bug>) -> Result<bool, String> {
    let mut world = World::new(seed);
    if let Some(bug) = bug {
        world.disk.plant(bug.clone());
    }
    world.disk.cut_at(cut);
    let mut was_reached = false;
    for round in 0..4 {
        let outcome = world.run(12);
        if round == 0 {
            was_reached = world.disk.is_off();
        }
        if let Err(error) = outcome
            && !world.disk.is_off()
        {
            return Err(error.to_string());
        }
        // Sometimes only the process ends: the system's cache lives on, for the next one to read.
        if world.disk.is_off() || world.random.chance(1, 2) {
            let torn = Cut::Torn { seed: world.random.draw() };
            let left = [Cut::Lost, Cut::Kept, torn, torn, torn][world.random.below(5) as usize];
            world.disk.crash(left);
        }
        if round < 2 {
            // Often within the few operations of opening.
            let within = [4, 20][world.random.below(2) as usize];
            world.disk.cut_at(world.disk.operations() + world.random.below(within));
        }
    }
    Ok(was_reached)
}

/// Tries every cut of a seed; the number of them.
fn try_all_cuts(seed: u64, bug: Option<&Bug>) -> Result<u64, String> {
    for cut in 0.. {
        let attempt = std::panic::catch_unwind(|| run_with_cuts(seed, cut, bug));
        let failure = match attempt {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => return Ok(cut),
            Ok(Err(failure)) => failure,
            Err(panic) => match panic.downcast::<String>() {
                Ok(message) => *message,
                Err(_) => String::from("it panicked"),
            },
        };
        return Err(format!("seed {seed}, cut at operation {cut}: {failure}"));
    }
    unreachable!("every run ends")
}

#[test]
fn a_cut_at_any_operation_keeps_every_acknowledged_commit() {
    let seeds = std::env::var("EPILOG_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(120);
    let mut cuts = 0;
    for seed in 0..seeds {
        cuts += try_all_cuts(seed, None).unwrap_or_else(|failure| panic!("{failure}"));
    }
    assert!(cuts > seeds * 10, "{cuts} cuts in {seeds} seeds");
    println!("{cuts} cuts in {seeds} seeds");
}

/// A journal that believed in syncs that never were would lose commits: the simulation has to notice.
#[test]
fn a_skipped_sync_is_found_within_a_few_seeds() {
    // The panics are expected; their messages would be noise.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let bugs =
        [Bug::IgnoreSyncs("-journal".into()), Bug::IgnoreDirectorySyncs, Bug::DropSync(1), Bug::DropSync(2)];
    let found: Vec<bool> =
        bugs.iter().map(|bug| (1000..1050).any(|seed| try_all_cuts(seed, Some(bug)).is_err())).collect();
    std::panic::set_hook(hook);
    assert_eq!(found, [true; 4], "{bugs:?}");
}

fn ready(steps_before: &[usize]) -> (SimVfs, Journal) {
    let disk = SimVfs::new(1);
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    let journal = Journal::create(&vfs, PATH, DATABASE, 0, 0, OPTIONS).unwrap();
    for &len in steps_before {
        let commit = journal.position().commit + 1;
        journal.append(commit, &vec![1; len]).unwrap();
        journal.sync(commit).unwrap();
    }
    (disk, journal)
}

/// The commits that a recovery finds from the start, or why it fails.
fn recovered(disk: &SimVfs, from: JournalPosition) -> Result<u64, StorageError> {
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    Recovery::open(&vfs, PATH, DATABASE)?.replay(0, from, &mut |_, _| Ok(()))
}

#[test]
fn a_small_durable_commit_is_one_write_of_one_block_and_one_sync() {
    let disk = SimVfs::new(1);
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    let options = JournalOptions::default();
    let journal = Journal::create(&vfs, PATH, DATABASE, 0, 0, options).unwrap();
    let blocks_per_segment = u64::from(options.segment_len / 4096) - 1;
    for commit in 1..=2 * blocks_per_segment {
        let before = disk.counters();
        journal.append(commit, &[7; 300]).unwrap();
        journal.sync(commit).unwrap();
        let after = disk.counters();
        // A new segment's header goes in the same write.
        let blocks = if commit == blocks_per_segment + 1 { 2 } else { 1 };
        assert_eq!(after.writes - before.writes, 1, "commit {commit}");
        assert_eq!(after.bytes_written - before.bytes_written, blocks * 4096, "commit {commit}");
        assert_eq!(after.syncs - before.syncs, 1, "commit {commit}");
        assert_eq!(after.metadata, before.metadata, "commit {commit}");
    }
    // With both segments recycled all the time the file never grows again.
    let len = disk.bytes(PATH).unwrap().len();
    for round in 1..5 {
        journal.checkpointed(round, journal.position());
        for _ in 0..blocks_per_segment {
            let commit = journal.position().commit + 1;
            journal.append(commit, &[7; 300]).unwrap();
            journal.sync(commit).unwrap();
        }
    }
    assert_eq!(disk.bytes(PATH).unwrap().len(), len);
}

/// Goal: a failure in any operation of a commit is told once as what it is, then as an unknown outcome, and reopening
/// finds everything that was acknowledged.
#[test]
fn a_failed_write_or_sync_poisons_the_journal_until_it_is_reopened() {
    for (operation, fault) in [
        (0, Fault::Io),
        (0, Fault::Full),
        (0, Fault::Short(100)),
        (0, Fault::Short(5000)),
        (1, Fault::Io),
        (1, Fault::SyncForgets),
    ] {
        let (disk, journal) = ready(&[]);
        let start = journal.position();
        journal.append(1, &[1; 50]).unwrap();
        journal.sync(1).unwrap();
        disk.fault_at(disk.operations() + operation, fault);
        journal.append(2, &[2; 50]).unwrap();
        assert!(matches!(journal.sync(2), Err(error) if matches!(*error, StorageFault::Vfs(_))), "{fault:?}");
        for outcome in [journal.sync(2), journal.flush(), journal.append(3, &[3; 50]).map(|_| ())] {
            let message = outcome.unwrap_err().to_string();
            assert!(message.contains("outcome of the last commits is unknown"), "{message}");
        }
        journal.sync(1).expect("commit 1 was durable before");
        for cut in [Cut::Lost, Cut::Kept, Cut::Torn { seed: 5 }] {
            let disk = disk.fork();
            disk.crash(cut);
            let count = recovered(&disk, start).unwrap();
            assert!((1..=2).contains(&count), "{fault:?}, {cut:?}: {count}");
        }
    }
}

#[test]
fn a_full_disk_refuses_growth_cleanly_and_the_journal_goes_on_when_there_is_room() {
    let (disk, journal) = ready(&[]);
    let start = journal.position();
    journal.append(1, &[1; 50]).unwrap();
    let len = disk.bytes(PATH).unwrap().len() as u64;
    for capacity in [len, len + 4096, len + 8192] {
        disk.set_capacity(Some(capacity));
        let refused = journal.append(2, &[2; 30_000]).unwrap_err();
        assert!(matches!(*refused, StorageFault::Vfs(VfsError::Full { .. })), "{refused}");
        assert_eq!(disk.bytes(PATH).unwrap().len() as u64, len, "what was grown is given back");
    }
    // Smaller commits still fit, and the one from before is not lost.
    journal.append(2, &[2; 50]).unwrap();
    journal.sync(2).unwrap();
    disk.set_capacity(None);
    journal.append(3, &[3; 30_000]).unwrap();
    journal.sync(3).unwrap();
    disk.crash(Cut::Lost);
    assert_eq!(recovered(&disk, start).unwrap(), 3);
}

#[test]
fn growth_that_fails_in_its_sync_is_clean_unless_commits_wait_for_one() {
    let (disk, journal) = ready(&[50]);
    // The first segment is full. 4,500 bytes need two more, of which one is there: zeros are written once, then synced.
    disk.fault_at(disk.operations() + 1, Fault::Full);
    let refused = journal.append(2, &[2; 4_500]).unwrap_err();
    assert!(matches!(*refused, StorageFault::Vfs(VfsError::Full { .. })), "{refused}");
    journal.append(2, &[2; 50]).unwrap();
    // Now two are missing, and a commit waits.
    disk.fault_at(disk.operations() + 2, Fault::SyncForgets);
    assert!(matches!(journal.append(3, &[2; 4_500]), Err(error) if matches!(*error, StorageFault::Vfs(_))));
    assert!(matches!(journal.append(3, b"x"), Err(error) if matches!(*error, StorageFault::Poisoned { .. })));
}

#[test]
fn a_journal_that_cannot_be_made_leaves_no_file() {
    for operation in 0..8 {
        let disk = SimVfs::new(1);
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        disk.fault_at(operation, Fault::Full);
        let made = Journal::create(&vfs, PATH, DATABASE, 0, 0, OPTIONS);
        assert_eq!(made.is_err(), disk.paths().is_empty(), "operation {operation}");
        assert_eq!(made.is_err(), operation < 8, "operation {operation}");
    }
}

/// The segment then holds nothing of the commit that the position names but its mark.
#[test]
fn replay_begins_behind_a_mark_that_began_its_segment() {
    let (disk, journal) = ready(&[4_000]);
    journal.committed(2);
    journal.mark(2, &[0; 60]).unwrap();
    let position = journal.position();
    assert_eq!((position.commit, position.segment), (2, 2), "the first segment is full");
    journal.checkpointed(0, position);
    assert_eq!(recovered(&disk, position).unwrap(), 0);
    journal.append(3, b"x").unwrap();
    journal.sync(3).unwrap();
    assert_eq!(recovered(&disk, position).unwrap(), 1);
}

#[test]
fn a_journal_says_whether_it_takes_more() {
    let mut said = [0, 0];
    for operation in 0..9 {
        let (disk, journal) = ready(&[50]);
        disk.fault_at(disk.operations() + operation, Fault::Io);
        let outcome = journal.append(2, &[2; 9_500]);
        let is_poisoned = journal.is_poisoned();
        assert!(outcome.is_err() || !is_poisoned);
        let next = if outcome.is_ok() { 3 } else { 2 };
        assert_eq!(journal.append(next, b"x").is_err(), is_poisoned, "operation {operation}");
        said[usize::from(is_poisoned)] += 1;
    }
    assert!(said[0] > 0 && said[1] > 0, "{said:?}");
}

/// A recovery that could not make durable what it read must not be built upon: the platter may hold less.
#[test]
fn a_recovery_whose_sync_fails_must_be_opened_again() {
    let (disk, journal) = ready(&[50, 50]);
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    drop(journal);
    let (_, fresh) = ready(&[]);
    let mut recovery = Recovery::open(&vfs, PATH, DATABASE).unwrap();
    assert_eq!(recovery.replay(0, fresh.position(), &mut |_, _| Ok(())).unwrap(), 2);
    disk.fault_at(disk.operations(), Fault::SyncForgets);
    assert!(matches!(recovery.start(0).map(|_| ()), Err(error) if matches!(*error, StorageFault::Vfs(_))));
    assert!(
        matches!(recovery.start(0).map(|_| ()), Err(error) if matches!(*error, StorageFault::Poisoned { .. }))
    );
}

#[test]
fn a_read_error_during_recovery_is_an_error_and_no_damage() {
    let (disk, journal) = ready(&[50, 50]);
    drop(journal);
    let (_, fresh) = ready(&[]);
    for read in 0..6 {
        disk.fail_read_at(disk.counters().reads + read);
        match recovered(&disk, fresh.position()) {
            Ok(count) => assert_eq!(count, 2),
            Err(error) => assert!(matches!(*error, StorageFault::Vfs(VfsError::Io { .. })), "{error}"),
        }
    }
}
