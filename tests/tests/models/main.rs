//! Models of what threads do to each other, on [shuttle](https://docs.rs/shuttle): the library's own code, with the locks,
//! atomics and threads of a scheduler that runs one thread at a time and changes between them where a seed says.
//!
//! - `frames`: snapshots and commits looked back at, beside a writer and what drops versions.
//! - `cache`: readers of the same cold pages beside eviction.
//! - `commits`: group commit, by whoever comes first and by the background, on disks that work and on disks that fail.
//! - `checkpoints`: the file is brought up to date beside commits, and the power goes anywhere.
//! - `beside`: write transactions without the lease.
//! - `planted`: mistakes put in on purpose, to see that these models find them.
//!
//! ```sh
//! RUSTFLAGS="--cfg shuttle" cargo test --release --target-dir target/shuttle -p epilog-tests \
//!     --features planted-bugs --test models
//! ```
//!
//! `EPILOG_SCHEDULES` is how many schedules a model is run under, half of them random, half chosen by PCT (Burckhardt and
//! others, *A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs*, 2010); `EPILOG_SEED` changes which. A
//! failure prints its schedule; with that in `EPILOG_SCHEDULE` and the test's name, it alone is run again.
//!
//! What they do not show: shuttle's memory is sequentially consistent. That a `Relaxed`, `Acquire` or `Release` is enough
//! rests on the arguments beside them, in `epilog/src/storage/pager/frames`, `pins.rs` and `watch.rs`, and on the tests
//! with real threads. Reference counts and files are std's and the simulated disk's: threads change before and after what
//! is done to a file, never within.

#![cfg(shuttle)]

mod beside;
mod cache;
mod checkpoints;
mod commits;
mod frames;
#[cfg(feature = "planted-bugs")]
mod planted;
mod world;

use std::env;
use std::sync::{Mutex, PoisonError};

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, RoundRobinScheduler};
use shuttle::{Config, FailurePersistence, Runner};

/// Schedules a model is run under, without another word.
const SCHEDULES: usize = 2_000;
/// The most changes of priority that PCT makes in a run.
const DEPTH: usize = 4;

/// One model at a time: a planted mistake is in everywhere.
static RUNNING: Mutex<()> = Mutex::new(());

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number, not `{value}`")))
}

/// Runs `model` under as many schedules as asked for.
fn explore(model: fn()) {
    let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let schedules = number("EPILOG_SCHEDULES").map_or(SCHEDULES, |schedules| schedules as usize);
    let Ok(schedule) = env::var("EPILOG_SCHEDULE") else { return run(model, schedules, true) };
    prepare(model, true);
    Runner::new(ReplayScheduler::new_from_encoded(&schedule), config(true)).run(model);
}

/// Lets a model prepare what its runs have in common, so that all of them do the same.
fn prepare(model: fn(), tell: bool) {
    Runner::new(RoundRobinScheduler::new(1), config(tell)).run(model);
}

fn run(model: fn(), schedules: usize, tell: bool) {
    prepare(model, tell);
    let seed = number("EPILOG_SEED").unwrap_or(1);
    Runner::new(RandomScheduler::new_from_seed(seed, schedules.div_ceil(2)), config(tell)).run(model);
    Runner::new(PctScheduler::new_from_seed(seed, DEPTH, schedules / 2), config(tell)).run(model);
}

fn config(tell: bool) -> Config {
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    config.silence_warnings = true;
    config.failure_persistence = if tell { FailurePersistence::Print } else { FailurePersistence::None };
    config
}

/// A number below `end`, as the schedule has it.
fn draw(end: u64) -> u64 {
    use shuttle::rand::Rng;
    shuttle::rand::thread_rng().gen_range(0..end)
}

/// Another thread may go on here.
fn pause() {
    shuttle::thread::sleep(std::time::Duration::ZERO);
}
