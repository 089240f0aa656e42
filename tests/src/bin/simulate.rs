//! Runs the simulation over many seeds; see `epilog_tests::simulation`.
//!
//! Prints what was tried; ends with status 1 when anything failed. `--planted` runs with a bug put in on purpose, and stops
//! at the first failure.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use epilog_tests::simulation::{Plan, Planted, Report, SETUPS, beside, run_seed};

const USAGE: &str = "\
usage: simulate [--seeds N] [--start S] [--threads T] [--no-cuts] [--faults | --no-faults] [--options] [--planted NAME]
       simulate --beside [--seeds N] [--start S] [--threads T] [--options]

  --seeds N       N workloads (200), of
  --start S       seeds from S on (0), on
  --threads T     T threads (as many as there are cores)
  --no-cuts       without power cuts
  --faults        with a fault at every operation and read of each workload, and its files damaged
  --no-faults     without (the default)
  --options       each workload with other options as well
  --planted NAME  with a bug put in, until it is found; `all`, one after the other. Bugs of the library only with
                  the feature `planted-bugs`, and best in a target directory of their own
  --beside        instead, pairs of transactions that run beside each other, with power cuts

A failure names its seed: `--start SEED --seeds 1`, with the other options as they were, runs it again alone.";

struct Arguments {
    seeds: u64,
    start: u64,
    threads: usize,
    plan: Plan,
    /// Bugs to be put in, one after the other.
    planted: Vec<Planted>,
    beside: bool,
}

fn arguments() -> Result<Arguments, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut parsed = Arguments {
        seeds: 200,
        start: 0,
        threads,
        plan: Plan::default(),
        planted: Vec::new(),
        beside: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} wants a value\n{USAGE}"));
        let number = |text: String| text.parse().map_err(|_| format!("`{text}` is not a number\n{USAGE}"));
        match argument.as_str() {
            "--seeds" => parsed.seeds = number(value()?)?,
            "--start" => parsed.start = number(value()?)?,
            "--threads" => parsed.threads = number(value()?)?.max(1) as usize,
            "--beside" => parsed.beside = true,
            "--no-cuts" => parsed.plan.cuts = false,
            "--faults" => parsed.plan.faults = true,
            "--no-faults" => parsed.plan.faults = false,
            "--options" => parsed.plan.setups = SETUPS.to_vec(),
            "--planted" => {
                let name = value()?;
                let known = Planted::all().iter().map(Planted::name).collect::<Vec<_>>().join(", ");
                parsed.planted = match name.as_str() {
                    "all" => Planted::all(),
                    _ => vec![
                        Planted::by_name(&name)
                            .ok_or(format!("no bug `{name}`; there are: {known}, and all"))?,
                    ],
                };
            }
            "--help" | "-h" => {
                println!("{USAGE}");
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
    if arguments.planted.is_empty() {
        let total = run(&arguments, &arguments.plan);
        return if total.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let mut missed = 0;
    for planted in &arguments.planted {
        println!("with {}:", planted.name());
        Planted::plant(Some(*planted));
        let total = run(&arguments, &Plan { planted: Some(*planted), ..arguments.plan.clone() });
        if total.failures.is_empty() {
            println!("{} was NOT found", planted.name());
            missed += 1;
        }
    }
    println!("{} of {} planted bugs were found", arguments.planted.len() - missed, arguments.planted.len());
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs all seeds, or, with a bug planted, until it is found.
fn run(arguments: &Arguments, plan: &Plan) -> Report {
    let started = Instant::now();
    let next = AtomicU64::new(arguments.start);
    let stop = AtomicBool::new(false);
    let total = Mutex::new(Report::default());
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= arguments.start + arguments.seeds || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let report = if arguments.beside {
                        let mut report = Report::default();
                        for setup in &plan.setups {
                            beside::run_seed(seed, setup, &mut report);
                        }
                        report
                    } else {
                        run_seed(seed, plan)
                    };
                    let shown = if plan.planted.is_some() { 1 } else { usize::MAX };
                    for failure in report.failures.iter().take(shown) {
                        println!("FAILED {failure:.2000}");
                    }
                    if plan.planted.is_some() && !report.failures.is_empty() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    total.lock().unwrap_or_else(PoisonError::into_inner).add(report);
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    let kinds: Vec<String> = total.faults.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    println!(
        "{} workloads, {} commits, {} crash points ({} in recovery), {} faults{}, {} failures, {:.1} s",
        total.workloads,
        total.commits,
        total.crash_points,
        total.recovery_cuts,
        total.faults.values().sum::<u64>(),
        if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) },
        total.failures.len(),
        started.elapsed().as_secs_f64()
    );
    total
}
