//! Counts the instructions of reads by key in one thread and in eight, under callgrind.
//!
//! `readers [--records N] [--reads M]`: an in-memory database of N records (100,000); each thread reads M of them (20,000)
//! by key, in a transaction each, and M by a unique string. Runs itself under `valgrind --tool=callgrind`, which counts what
//! is executed inside of the reads and nothing else, so that the figures do not depend on what else the machine does.
//! Prints the instructions of one read; ends with status 1 when those of eight threads are more than a hundredth above
//! those of one: that would be work that readers make for each other.

use std::process::{Command, ExitCode};
use std::sync::Barrier;
use std::thread;

use epilog::prelude::*;

#[derive(Collection, Clone, Debug, PartialEq)]
struct Person {
    #[key]
    id: u64,
    name: String,
    #[unique]
    email: String,
    #[index]
    age: u8,
    bio: String,
}

epilog::schema!(People { Person });

const THREADS: usize = 8;

/// What is read.
#[derive(Clone, Copy)]
enum By {
    Key,
    Email,
}

impl By {
    const ALL: [By; 2] = [By::Key, By::Email];

    fn name(self) -> &'static str {
        match self {
            By::Key => "key",
            By::Email => "email",
        }
    }
}

fn person(id: u64) -> Person {
    let mixed = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Person {
        id,
        name: format!("name {mixed:011}"),
        email: format!("{mixed:016x}@ex.test"),
        age: (mixed % 100) as u8,
        bio: "b".repeat(80),
    }
}

/// Reads the records with these keys; callgrind counts what this function does.
#[inline(never)]
fn read_by_key(db: &Database<People>, keys: &[u64]) -> Result<usize, Error> {
    let mut found = 0;
    for key in keys {
        found += usize::from(db.get::<Person>(*key)?.is_some());
    }
    Ok(found)
}

/// The same by the unique string.
#[inline(never)]
fn read_by_email(db: &Database<People>, emails: &[String]) -> Result<usize, Error> {
    let mut found = 0;
    for email in emails {
        found += usize::from(Person::query().filter(|p| p.email.eq(email.as_str())).first(db)?.is_some());
    }
    Ok(found)
}

/// Does the reading, for callgrind: `reads` in each of `threads`.
fn read(by: By, threads: usize, records: u64, reads: u64) -> Result<(), Error> {
    let db = People::in_memory()?;
    db.write(|tx| tx.insert_all((0..records).map(person)))?;
    let barrier = Barrier::new(threads);
    let results: Vec<Result<usize, Error>> = thread::scope(|scope| {
        let spawn = |at: usize| {
            let (db, barrier) = (&db, &barrier);
            scope.spawn(move || {
                let keys: Vec<u64> =
                    (0..reads).map(|n| (n + at as u64 * reads).wrapping_mul(7919) % records).collect();
                let emails: Vec<String> = keys.iter().map(|key| person(*key).email).collect();
                barrier.wait();
                match by {
                    By::Key => read_by_key(db, &keys),
                    By::Email => read_by_email(db, &emails),
                }
            })
        };
        let spawned: Vec<_> = (0..threads).map(spawn).collect();
        spawned.into_iter().map(|thread| thread.join().expect("a reader does not panic")).collect()
    });
    for found in results {
        assert_eq!(found? as u64, reads, "every record is there");
    }
    Ok(())
}

/// The instructions of one read, by callgrind.
fn count(by: By, threads: usize, records: u64, reads: u64) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect=*::read_by_{}", by.name()))
        .arg(program)
        .args(["--read", by.name(), &threads.to_string(), &records.to_string(), &reads.to_string()])
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let collected =
        told.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse::<f64>().ok());
    let collected = collected.filter(|count| output.status.success() && *count > 0.0);
    let collected = collected.ok_or_else(|| format!("callgrind counted nothing:\n{told}"))?;
    Ok(collected / (threads as u64 * reads) as f64)
}

fn compare(records: u64, reads: u64) -> Result<bool, String> {
    let mut steady = true;
    for by in By::ALL {
        let one = count(by, 1, records, reads)?;
        let many = count(by, THREADS, records, reads)?;
        println!(
            "by {}: {one:.0} instructions a read in one thread, {many:.0} in {THREADS} ({:+.2} %)",
            by.name(),
            (many / one - 1.0) * 100.0
        );
        steady &= many <= one * 1.01;
    }
    Ok(steady)
}

fn run() -> Result<bool, String> {
    const USAGE: &str = "usage: readers [--records N] [--reads M]";
    let (mut records, mut reads) = (100_000, 20_000);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut text = || arguments.next().ok_or(format!("{argument} wants a value; {USAGE}"));
        let number = |text: String| text.parse().map_err(|_| format!("`{text}` is not a number; {USAGE}"));
        match argument.as_str() {
            "--records" => records = number(text()?)?,
            "--reads" => reads = number(text()?)?,
            "--read" => {
                let name = text()?;
                let by = By::ALL.into_iter().find(|by| by.name() == name).ok_or(USAGE)?;
                let (threads, records, reads) = (number(text()?)?, number(text()?)?, number(text()?)?);
                read(by, threads as usize, records, reads).map_err(|error| error.to_string())?;
                return Ok(true);
            }
            _ => return Err(USAGE.into()),
        }
    }
    compare(records, reads)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("more instructions a read beside other readers than alone");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
