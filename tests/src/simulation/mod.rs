//! The crash simulation: random workloads on a simulated disk, the power cut at every write and every sync, the database
//! opened again and compared with a model.
//!
//! One seed makes one workload. It runs once to the end, which counts its disk operations and gives the model's state
//! after each commit. Then, for every operation, it runs again from the start until the power is cut there; each unsynced
//! sector survives, or not, by itself. The database that is opened afterwards must hold the state after some commit that is
//! not before the last acknowledged one, and not after the one in flight. It must then take a write, whose disk operations
//! are cut in turn, and hold that too.

pub mod model;
pub mod workload;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use epilog::prelude::*;
use epilog::vfs::Vfs;

use crate::disk::{Bug, Cut, SimVfs};
use crate::random::Random;
use model::{Model, Owner, World};
use workload::{Step, generate, run_operations};

/// The name of the database on the simulated disk.
const PATH: &str = "world.epilog";

/// A bug put in on purpose, which the simulation must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// One sync of file data, another one in each workload, does nothing.
    DropSync,
    /// The syncs of the journal do nothing.
    IgnoreJournalSyncs,
    /// The syncs of the database file do nothing.
    IgnoreFileSyncs,
    /// The syncs of directories do nothing.
    IgnoreDirectorySyncs,
}

impl Planted {
    /// All of them.
    pub const ALL: [Planted; 4] = [
        Planted::DropSync,
        Planted::IgnoreJournalSyncs,
        Planted::IgnoreFileSyncs,
        Planted::IgnoreDirectorySyncs,
    ];

    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Planted::DropSync => "drop-sync",
            Planted::IgnoreJournalSyncs => "ignore-journal-syncs",
            Planted::IgnoreFileSyncs => "ignore-file-syncs",
            Planted::IgnoreDirectorySyncs => "ignore-directory-syncs",
        }
    }

    /// The one of this name.
    pub fn by_name(name: &str) -> Option<Planted> {
        Planted::ALL.into_iter().find(|planted| planted.name() == name)
    }

    fn bug(self, seed: u64) -> Bug {
        match self {
            // The first syncs make the files; one of those that follow is dropped.
            Planted::DropSync => Bug::DropSync(seed % 20),
            Planted::IgnoreJournalSyncs => Bug::IgnoreSyncs("-journal".into()),
            Planted::IgnoreFileSyncs => Bug::IgnoreSyncs(PATH.into()),
            Planted::IgnoreDirectorySyncs => Bug::IgnoreDirectorySyncs,
        }
    }
}

/// A disk for a workload.
fn disk(seed: u64, planted: Option<Planted>) -> SimVfs {
    let disk = SimVfs::new(seed);
    if let Some(planted) = planted {
        disk.plant(planted.bug(seed));
    }
    disk
}

/// What was tried, and what failed.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Workloads run to the end.
    pub workloads: u64,
    /// Commits acknowledged in them.
    pub commits: u64,
    /// Power cuts: one for each write and sync of each workload, and those during and after recovery.
    pub crash_points: u64,
    /// Of these, cuts between the crash and the first commit after it.
    pub recovery_cuts: u64,
    /// What went wrong: the seed, the operation cut, the story.
    pub failures: Vec<String>,
}

impl Report {
    /// Adds what another report tells.
    pub fn add(&mut self, other: Report) {
        self.workloads += other.workloads;
        self.commits += other.commits;
        self.crash_points += other.crash_points;
        self.recovery_cuts += other.recovery_cuts;
        self.failures.extend(other.failures);
    }
}

/// Runs the workload of `seed`, cut at every operation. With a `planted` bug it is expected to fail.
pub fn run_seed(seed: u64, planted: Option<Planted>) -> Report {
    let mut report = Report::default();
    let steps = generate(&mut Random::new(seed));
    let whole = disk(seed, planted);
    let run = match guarded(|| run(&whole, &steps)) {
        Ok(run) => run,
        Err(story) => {
            report.failures.push(format!("seed {seed}, no cut: {story}"));
            return report;
        }
    };
    if let Some(error) = &run.error {
        report.failures.push(format!("seed {seed}, no cut: {error}"));
        return report;
    }
    report.workloads = 1;
    report.commits = run.acknowledged as u64;
    for cut in 0..whole.operations() {
        let mut random = Random::new(seed ^ (cut + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        report.crash_points += 1;
        if let Err(story) =
            guarded(|| crash_once(seed, cut, planted, &steps, &run.states, &mut random, &mut report))
        {
            report.failures.push(format!("seed {seed}, cut at operation {cut}: {story}"));
        }
    }
    report
}

/// Runs `work`, turning a failed assertion into its text.
fn guarded<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
    })
}

/// A workload that ran, to its end or to the cut.
struct Run {
    /// The states after each commit; the first is the empty one.
    states: Vec<Model>,
    /// How many commits were acknowledged.
    acknowledged: usize,
    /// Whether a commit was being made when the power went.
    in_flight: bool,
    /// What ended it.
    error: Option<Error>,
}

fn open(disk: &SimVfs) -> Result<Database<World>, Error> {
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    // Small segments, an early checkpoint and an early bypass of the journal: short workloads then see recycling, checkpoints
    // of their own and bulk transactions. Nobody works in the background: what is written follows from the seed.
    let options = Options::default()
        .journal_segment_len(16 << 10)
        .checkpoint_after(128 << 10)
        .bulk_after(24 << 10)
        .background(false);
    Database::open_in(vfs, PATH, &options)
}

fn run(disk: &SimVfs, steps: &[Step]) -> Run {
    let mut run = Run { states: vec![Model::default()], acknowledged: 0, in_flight: false, error: None };
    if let Err(error) = run_steps(disk, steps, &mut run) {
        run.error = Some(error);
    }
    run
}

fn run_steps(disk: &SimVfs, steps: &[Step], run: &mut Run) -> Result<(), Error> {
    let mut db = open(disk)?;
    for step in steps {
        match step {
            Step::Checkpoint => db.checkpoint()?,
            Step::Reopen => {
                db.close()?;
                db = open(disk)?;
            }
            Step::Transaction { operations, aborted } => {
                let mut model = run.states[run.acknowledged].clone();
                let mut tx = db.begin()?;
                run_operations(&mut tx, &mut model, operations)?;
                if *aborted {
                    tx.abort();
                    continue;
                }
                run.states.push(model);
                run.in_flight = true;
                tx.commit()?;
                run.in_flight = false;
                run.acknowledged += 1;
            }
        }
    }
    let read = Model::read(&db)?;
    let expected = &run.states[run.acknowledged];
    assert!(read.same_records(expected), "the database differs from the model:\n{read:?}\n{expected:?}");
    db.close()
}

/// Cuts the power at operation `cut`, opens again, compares, writes, cuts again, opens again, compares.
fn crash_once(
    seed: u64,
    cut: u64,
    planted: Option<Planted>,
    steps: &[Step],
    states: &[Model],
    random: &mut Random,
    report: &mut Report,
) {
    let disk = disk(seed, planted);
    disk.cut_at(cut);
    let run = run(&disk, steps);
    disk.crash(Cut::Torn { seed: random.draw() });
    let acknowledged = run.acknowledged;
    let last = acknowledged + usize::from(run.in_flight);
    let mut allowed: Vec<Model> = states[acknowledged..=last.min(states.len() - 1)].to_vec();

    // The first opening and the first write after it are cut as well, sometimes more than once.
    let mut probes = 0u32;
    for attempt in 0.. {
        let cut_again = attempt < 3 && random.chance(1, 2);
        if cut_again {
            disk.cut_at(disk.operations() + random.below(12));
        }
        let outcome = recover_and_probe(&disk, &mut allowed, &mut probes);
        match outcome {
            Ok(()) if !cut_again => return,
            Err(error) if !cut_again => panic!("recovery failed: {error}"),
            _ => {
                report.crash_points += 1;
                report.recovery_cuts += 1;
                disk.crash(Cut::Torn { seed: random.draw() });
            }
        }
    }
}

/// Opens, compares with the allowed states, commits one more record, and compares after a clean close.
fn recover_and_probe(disk: &SimVfs, allowed: &mut Vec<Model>, probes: &mut u32) -> Result<(), Error> {
    let db = open(disk)?;
    let read = Model::read(&db)?;
    let Some(position) = allowed.iter().position(|model| model.same_records(&read)) else {
        panic!(
            "recovered a state that is none of the {} allowed ones:\n{read:?}\n{allowed:?}",
            allowed.len()
        );
    };
    // From here on only this state counts, or it and the probe.
    let before = allowed[position].clone();
    *probes += 1;
    let name = format!("probe {probes}");
    let owner = Owner { id: Id::auto(), name, note: None };
    let mut after = before.clone();
    let mut tx = db.begin()?;
    let id = tx.insert(&owner)?;
    assert!(id.get() >= before.next_owner, "id {id} was given out before");
    after.next_owner = id.get();
    after.insert_owner(owner);
    *allowed = vec![before, after.clone()];
    tx.commit()?;
    *allowed = vec![after];
    db.close()?;
    let read = Model::read(&open(disk)?)?;
    assert!(read.same_records(&allowed[0]), "a clean close lost something:\n{read:?}\n{:?}", allowed[0]);
    Ok(())
}
