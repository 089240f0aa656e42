//! Loading everything in one transaction into a new file, and how large the files are then.

use tempfile::TempDir;

use super::Bench;
use crate::engines::{Durability, Outcome};
use crate::report::Figure;
use crate::system::{files_len, timed};

const FIGURES: [Figure; 3] = [Figure::BulkLoad, Figure::BulkLoadAndClose, Figure::FileSize];

/// Loads every engine some times, each time into a new directory, and gives the directories of the last: closed stores.
///
/// What an engine puts off until it is closed is in a figure of its own.
pub fn measure(bench: &mut Bench) -> Outcome<Vec<TempDir>> {
    let rounds = if bench.plan.wants(&FIGURES) { bench.plan.write_rounds() } else { 1 };
    let mut directories: Vec<Option<TempDir>> = bench.engines.iter().map(|_| None).collect();
    for round in 0..rounds {
        for engine in bench.order(round) {
            bench.tell("bulk load", round, engine);
            // The files of the round before go first: the disk need not hold two of each.
            directories[engine] = None;
            let directory = tempfile::tempdir_in(&bench.plan.directory)?;
            let store = bench.engines[engine].open(directory.path())?;
            let people = bench.people();
            let ((), load) = timed(|| store.insert_all(people, Durability::Synced))?;
            let ((), close) = timed(|| store.close())?;
            let count = people.len() as f64;
            bench.report.add(Figure::BulkLoad, engine, load.cpu_ns / count);
            bench.report.add(Figure::BulkLoadAndClose, engine, (load.cpu_ns + close.cpu_ns) / count);
            bench.report.add(Figure::FileSize, engine, files_len(directory.path())? as f64);
            directories[engine] = Some(directory);
        }
    }
    Ok(directories.into_iter().flatten().collect())
}
