//! Kills a process that writes to a database, again and again; see `epilog_tests::kill`.
//!
//! `kill [--kills N] [--seed S] [--directory D]`: N children, killed on a database in directory D, which is emptied; by
//! default one beside this program. Prints what was tried; ends with status 1 when anything was lost, and then leaves the
//! file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use epilog_tests::kill::{Hunt, child};

const USAGE: &str = "usage: kill [--kills N] [--seed S] [--directory D]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(outcome) = be_child(&arguments) {
        return outcome;
    }
    match hunt(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// `kill child PATH SEED CHANCE NEXT`: the process that is killed.
fn be_child(arguments: &[String]) -> Option<ExitCode> {
    let [word, path, numbers @ ..] = arguments else { return None };
    let numbers: Vec<u64> = numbers.iter().filter_map(|number| number.parse().ok()).collect();
    let [seed, chance, next_owner] = numbers[..] else { return None };
    if word != "child" {
        return None;
    }
    Some(match child::run(Path::new(path), seed, chance, next_owner) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the child failed: {error}");
            ExitCode::FAILURE
        }
    })
}

fn hunt(arguments: &[String]) -> Result<(), String> {
    let (mut kills, mut seed, mut directory) = (500, 1, None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} wants a value; {USAGE}"));
        let number = |text: &String| text.parse().map_err(|_| format!("`{text}` is not a number; {USAGE}"));
        match argument.as_str() {
            "--kills" => kills = number(value()?)?,
            "--seed" => seed = number(value()?)?,
            "--directory" => directory = Some(PathBuf::from(value()?)),
            _ => return Err(USAGE.into()),
        }
    }
    let program = std::env::current_exe().map_err(|error| format!("this program's path: {error}"))?;
    let directory = directory.unwrap_or_else(|| program.with_file_name("kill-database"));
    let started = Instant::now();
    let tally = Hunt::new(&program, &directory, seed)?.run(kills)?;
    std::fs::remove_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    println!(
        "{} kills ({} while opening, {} while committing, of which {} kept the commit), {} acknowledged commits, \
         {} files, nothing lost, {:.1} s",
        tally.kills,
        tally.opening,
        tally.in_flight,
        tally.kept,
        tally.commits,
        tally.files,
        started.elapsed().as_secs_f64()
    );
    Ok(())
}
