//! Epilog beside other embedded engines: the same records, the same questions, CPU time per operation.
//!
//! `cargo run --release --manifest-path tests/compare/Cargo.toml [-- --quick] [--only A,B] [--engines A,B]`, and `--help`
//! for the rest. Linux on 64 bits only.
//!
//! - Records: a million (`--quick`: 100,000), made from a seed; one unique index and one plain one beside the key.
//! - CPU is that of the whole process, so that work handed to another thread or done by the system counts; beside a writer it
//!   is the reading thread's own. Latencies and opening are in time gone by.
//! - Rounds alternate between the engines, and begin with another one each time, so that a slow spell of the machine hits
//!   all; a figure is the median of its rounds.
//! - Every answer is compared with the right one; one that differs ends the run.
//! - Bytes written and syncs: by a file system that counts under Epilog, by `/proc/self/io` and the program's own definitions
//!   of the sync calls (`system::syncs`) under the others.
//! - A crash is a process that aborts after its last commit returned; the files that it leaves are opened by another one. The
//!   system's page cache survives it, so that what is measured is recovery and not the disk.
//!
//! Each cell of the table has the figure and how many times Epilog's it is. Below the table stands each figure on a line of
//! its own for programs: `figure=… unit=… epilog=… sqlite=… … best_peer=… ratio_best=… ratio_sqlite=…`.

mod answers;
mod arguments;
mod engines;
mod figures;
mod person;
mod report;
mod system;

use arguments::Plan;
use engines::Outcome;
use figures::Bench;

fn main() -> Outcome<()> {
    let Some(plan) = Plan::from_arguments(std::env::args().skip(1))? else {
        print!("{}", arguments::HELP);
        return Ok(());
    };
    if let Some((engine, directory)) = &plan.crash {
        return figures::opening::fill_and_crash(&plan, engine, directory);
    }
    println!("{} records, seed {}, {} rounds", plan.people, plan.seed, plan.rounds);
    println!("{}\n", engines::versions().join(", "));
    let mut bench = Bench::new(plan)?;
    figures::memory::measure(&mut bench)?;
    let directories = figures::load::measure(&mut bench)?;
    figures::opening::measure(&mut bench, &directories)?;
    let stores = bench.open(&directories)?;
    figures::lookups::measure(&mut bench, &stores)?;
    figures::scans::measure(&mut bench, &stores)?;
    figures::threads::measure(&mut bench, &stores)?;
    figures::commits::measure(&mut bench, &stores)?;
    for store in stores {
        store.close()?;
    }
    let Bench { plan, mut report, .. } = bench;
    report.keep(|figure| plan.wants(&[figure]));
    print!("{report}");
    Ok(())
}
