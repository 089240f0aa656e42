//! The simulation: random workloads on a simulated disk, the power cut at every write and every sync, every operation
//! failing in turn, the files damaged; and each time the database opened again and compared with a model.
//!
//! One seed makes one workload. It runs once to the end ([`run`]), which gives the model's state after each commit, and the
//! disk as a cut at each of its operations would leave it: each unsynced sector survives, or not, by itself. The database
//! that is opened from there must hold the state after some commit that is not before the last one acknowledged as durable,
//! and not after the one in flight. It must then take a write, whose disk operations are cut in turn, and hold that too
//! ([`cuts`]). Transactions that run beside each other are cut likewise ([`beside`]).
//!
//! Then it runs again with a fault at each operation and each read ([`faults`]), and what it left is damaged ([`rot`]).

pub mod beside;
pub mod cuts;
pub mod faults;
pub mod model;
pub mod planted;
pub mod rot;
pub mod run;
pub mod setup;
pub mod workload;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use self::planted::Planted;
pub use self::setup::{SETUPS, STANDARD, Setup};

use self::run::Run;
use self::workload::{Step, generate};
use crate::disk::SimVfs;
use crate::random::Random;

/// The name of the database on the simulated disk.
const PATH: &str = "world.epilog";

/// A disk for a workload.
fn disk(seed: u64, planted: Option<Planted>) -> SimVfs {
    let disk = SimVfs::new(seed);
    if let Some(bug) = planted.and_then(|planted| planted.disk_bug(seed)) {
        disk.plant(bug);
    }
    disk
}

/// What is done with each workload.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The options it runs with, in turn.
    pub setups: Vec<Setup>,
    /// Whether the power is cut at every operation.
    pub cuts: bool,
    /// Whether faults are injected, and files damaged.
    pub faults: bool,
    /// The bug put in. The simulation is expected to fail then.
    pub planted: Option<Planted>,
}

impl Default for Plan {
    /// Cuts with the standard options.
    fn default() -> Plan {
        Plan { setups: vec![STANDARD], cuts: true, faults: false, planted: None }
    }
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
    /// Faults, by kind.
    pub faults: BTreeMap<&'static str, u64>,
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
        for (kind, count) in other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        self.failures.extend(other.failures);
    }
}

/// Does with the workload of `seed` what `plan` says.
pub fn run_seed(seed: u64, plan: &Plan) -> Report {
    let mut report = Report::default();
    let steps = generate(&mut Random::new(seed));
    for setup in &plan.setups {
        run_setup(seed, setup, plan, &steps, &mut report);
        if plan.planted.is_some() && !report.failures.is_empty() {
            break;
        }
    }
    report
}

fn run_setup(seed: u64, setup: &Setup, plan: &Plan, steps: &[Step], report: &mut Report) {
    let story = format!("seed {seed}, {}", setup.name);
    let whole = disk(seed, plan.planted);
    if plan.cuts {
        whole.remember_cuts();
    }
    let run = match guarded(|| Run::closed(&whole, setup, steps)) {
        Ok(Ok(run)) => run,
        Ok(Err(error)) => return report.failures.push(format!("{story}, no cut: {error}")),
        Err(problem) => return report.failures.push(format!("{story}, no cut: {problem}")),
    };
    report.workloads += 1;
    report.commits += run.acknowledged as u64;
    for (cut, left) in whole.take_cuts().into_iter().enumerate() {
        let cut = cut as u64;
        let mut random = Random::new(seed ^ (cut + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        report.crash_points += 1;
        let outcome = guarded(|| cuts::recover(&left, setup, run.allowed(cut), &mut random, &mut *report));
        if let Err(problem) = outcome {
            report.failures.push(format!("{story}, cut at operation {cut}: {problem}"));
        }
    }
    let is_found = plan.planted.is_some() && !report.failures.is_empty();
    if plan.faults && !is_found {
        faults::inject(seed, setup, steps, &whole, report);
        rot(&story, seed, setup, steps, (&whole, &run), report);
    }
}

/// Damages what the workload left: the closed file, and, of the same workload, files that were not closed.
fn rot(
    story: &str,
    seed: u64,
    setup: &Setup,
    steps: &[Step],
    (whole, run): (&SimVfs, &Run),
    report: &mut Report,
) {
    let mut random = Random::new(seed ^ 0x0B17_5107);
    // The disk as it was along the way, before the close at the end.
    let mut earlier = Vec::new();
    for len in (0..steps.len()).rev().take(4) {
        let outcome = guarded(|| Run::ended(&disk(seed, None), setup, &steps[..=len]));
        match outcome {
            Ok(Ok((run, left))) => {
                let states = (&run.states[..=run.acknowledged], run.durable[1]);
                rot::spoil_journal(story, setup, &left, states, &mut random, report);
                earlier.push(left);
            }
            Ok(Err(error)) => report.failures.push(format!("{story}: {error}")),
            Err(problem) => report.failures.push(format!("{story}: {problem}")),
        }
    }
    rot::spoil_file(
        story,
        setup,
        (&whole.fork(), &earlier),
        &run.states[run.acknowledged],
        &mut random,
        report,
    );
}

/// Runs `work`, turning a failed assertion into its text.
fn guarded<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
    })
}
