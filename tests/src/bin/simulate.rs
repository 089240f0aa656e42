//! Runs the crash simulation over many seeds; see `epilog_tests::simulation`.
//!
//! `simulate [--seeds N] [--start S] [--planted NAME]`: workloads of seeds S to S + N - 1, on as many threads as there are
//! cores. Prints what was tried; ends with status 1 when anything failed. `--planted` runs with a bug put in on purpose,
//! and stops at the first failure.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use epilog_tests::simulation::{Planted, Report, run_seed};

const USAGE: &str = "usage: simulate [--seeds N] [--start S] [--planted NAME]";

struct Arguments {
    seeds: u64,
    start: u64,
    planted: Option<Planted>,
}

fn arguments() -> Result<Arguments, String> {
    let mut parsed = Arguments { seeds: 200, start: 0, planted: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} wants a value; {USAGE}"));
        let number = |text: String| text.parse().map_err(|_| format!("`{text}` is not a number; {USAGE}"));
        match argument.as_str() {
            "--seeds" => parsed.seeds = number(value()?)?,
            "--start" => parsed.start = number(value()?)?,
            "--planted" => {
                let name = value()?;
                let known = Planted::ALL.iter().map(Planted::name).collect::<Vec<_>>().join(", ");
                parsed.planted =
                    Some(Planted::by_name(&name).ok_or(format!("no bug `{name}`; there are: {known}"))?);
            }
            "--help" | "-h" => {
                println!("{USAGE}\nA failure names its seed: `--start SEED --seeds 1` runs it again alone.");
                std::process::exit(0);
            }
            _ => return Err(USAGE.into()),
        }
    }
    Ok(parsed)
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    // Failed assertions are reported with their seed below.
    std::panic::set_hook(Box::new(|_| {}));
    let started = Instant::now();
    let next = AtomicU64::new(arguments.start);
    let stop = AtomicBool::new(false);
    let total = Mutex::new(Report::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= arguments.start + arguments.seeds || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let report = run_seed(seed, arguments.planted);
                    for failure in &report.failures {
                        println!("FAILED {failure}");
                    }
                    if arguments.planted.is_some() && !report.failures.is_empty() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    total.lock().unwrap_or_else(PoisonError::into_inner).add(report);
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "{} workloads, {} commits, {} crash points ({} in recovery), {} failures, {:.1} s",
        total.workloads,
        total.commits,
        total.crash_points,
        total.recovery_cuts,
        total.failures.len(),
        started.elapsed().as_secs_f64()
    );
    if total.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
