//! Opening: a store that was closed, and one whose process crashed. Ends with the first record read, since some engines
//! open nothing before.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::Bench;
use crate::arguments::Plan;
use crate::engines::{Durability, Outcome};
use crate::person;
use crate::report::Figure;
use crate::system::{ProcessIo, Spent, copy_directory, timed};

const CLEAN: [Figure; 3] = [Figure::OpenClean, Figure::OpenCleanCpu, Figure::OpenCleanRead];
const CRASHED: [Figure; 3] = [Figure::OpenCrashed, Figure::OpenCrashedCpu, Figure::OpenCrashedRead];

/// Durable commits between the load and the crash.
const COMMITS: usize = 100;

/// Measures both. `directories` are the engines' closed stores.
pub fn measure(bench: &mut Bench, directories: &[TempDir]) -> Outcome<()> {
    if bench.plan.wants(&CLEAN) {
        for round in 0..bench.plan.rounds {
            for engine in bench.order(round) {
                open(bench, engine, directories[engine].path(), CLEAN)?;
            }
        }
    }
    if bench.plan.wants(&CRASHED) {
        let mut crashed = Vec::new();
        for engine in bench.order(0) {
            bench.tell("crash", 0, engine);
            crashed.push(crash(bench, engine)?);
        }
        for round in 0..bench.plan.write_rounds() {
            for engine in bench.order(round) {
                bench.tell("open after a crash", round, engine);
                let directory = tempfile::tempdir_in(&bench.plan.directory)?;
                let copy = directory.path().join("copy");
                copy_directory(crashed[engine].path(), &copy)?;
                open(bench, engine, &copy, CRASHED)?;
            }
        }
    }
    Ok(())
}

/// Opens a store, reads the last record, and closes it again.
fn open(bench: &mut Bench, engine: usize, directory: &Path, figures: [Figure; 3]) -> Outcome<()> {
    let last = bench.people().last().ok_or("there are no people")?.clone();
    let before = ProcessIo::now()?;
    let ((store, found), Spent { wall_ns, cpu_ns }) = timed(|| {
        let store = bench.engines[engine].open(directory)?;
        let found = store.reader()?.by_key(&[last.id])?;
        Ok((store, found))
    })?;
    let read = ProcessIo::now()?.read - before.read;
    store.close()?;
    bench.agree(bench.engines[engine].name(), "people after opening", &vec![last], &found)?;
    for (figure, value) in figures.into_iter().zip([wall_ns, cpu_ns, read as f64]) {
        bench.report.add(figure, engine, value);
    }
    Ok(())
}

/// What a process left that loaded everything, committed a little more, and aborted.
fn crash(bench: &Bench, engine: usize) -> Outcome<TempDir> {
    let directory = tempfile::tempdir_in(&bench.plan.directory)?;
    let plan = &bench.plan;
    let output = Command::new(std::env::current_exe()?)
        .args(["--records", &plan.people.to_string(), "--seed", &plan.seed.to_string(), "--crash"])
        .arg(bench.engines[engine].name())
        .arg(directory.path())
        .output()?;
    if output.stdout != CRASHING {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} did not get to its crash: {error}", bench.engines[engine].name()).into());
    }
    Ok(directory)
}

/// What the crashing process prints once all its commits have returned.
const CRASHING: &[u8] = b"committed\n";

/// Loads everything in one transaction, commits one in a hundred more in some transactions, and aborts.
pub fn fill_and_crash(plan: &Plan, engine: &str, directory: &Path) -> Outcome<()> {
    let engines = crate::engines::all();
    let engine = engines.iter().find(|one| one.name() == engine).ok_or("there is no such engine")?;
    let people = person::people(plan.people + plan.people / 100, plan.seed);
    let (load, later) = people.split_at(plan.people);
    let store = engine.open(directory)?;
    store.insert_all(load, Durability::Synced)?;
    for people in later.chunks(later.len().div_ceil(COMMITS)) {
        store.insert_all(people, Durability::Synced)?;
    }
    print!("{}", String::from_utf8_lossy(CRASHING));
    std::io::Write::flush(&mut std::io::stdout())?;
    std::process::abort()
}
