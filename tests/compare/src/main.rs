//! Epilog beside SQLite: the same records, the same questions, CPU time per operation.
//!
//! `cargo run --release --manifest-path tests/compare/Cargo.toml [-- --quick] [--seed N] [--rounds N]`
//!
//! - Records: a million (`--quick`: 100,000), made from a seed; one unique index and one plain one beside the key.
//! - Time is the CPU time of the whole process, so that work handed to another thread or done by the system counts.
//! - Rounds alternate between the engines, so that a slow spell of the machine hits both; a figure is the median of its rounds.
//! - What comes out is compared: an answer that differs from the other engine's ends the run.
//! - SQLite has prepared statements, a write-ahead log with full syncs, and a cache that holds everything.
//!
//! Below the table stands each figure on a line of its own for programs: `figure=… unit=… epilog=… sqlite=… ratio=…`.

mod epilog_side;
mod person;
mod report;
mod sqlite_side;

use std::error::Error;
use std::path::Path;

use cpu_time::ProcessTime;

use person::{Person, Random};
use report::Report;

/// What happens in a run.
struct Plan {
    people: usize,
    /// Lookups in one round.
    lookups: usize,
    /// Rounds of what reads. What loads has a third of them.
    rounds: usize,
    seed: u64,
}

/// One engine, filled with people.
trait Engine: Sized {
    /// An empty store in memory, into which the people go one by one, in one transaction.
    fn insert_in_memory(people: &[Person]) -> Result<u64, Box<dyn Error>>;

    /// A store in a new file, which all people go into at once. Returns when they are durable.
    fn load(path: &Path, people: &[Person]) -> Result<Self, Box<dyn Error>>;

    /// The people with these keys, each read in a transaction of its own and decoded whole.
    fn by_key(&mut self, ids: &[u64]) -> Result<Vec<Person>, Box<dyn Error>>;

    /// The same by address, which is unique.
    fn by_email(&mut self, emails: &[&str]) -> Result<Vec<Person>, Box<dyn Error>>;

    /// How many active people have at least this score. No index helps.
    fn count_active(&mut self, score_min: f64) -> Result<u64, Box<dyn Error>>;
}

fn main() -> Result<(), Box<dyn Error>> {
    let plan = Plan::from_arguments()?;
    println!("{} records, seed {}, {} rounds\n", plan.people, plan.seed, plan.rounds);
    let people = person::people(plan.people, plan.seed);
    let mut report = Report::default();

    insert_in_memory(&plan, &people, &mut report)?;
    let (mut epilog, mut sqlite, _directory) = load(&plan, &people, &mut report)?;
    lookups(&plan, &people, &mut epilog, &mut sqlite, &mut report)?;
    scan(&plan, &people, &mut epilog, &mut sqlite, &mut report)?;

    print!("{report}");
    Ok(())
}

fn insert_in_memory(plan: &Plan, people: &[Person], report: &mut Report) -> Result<(), Box<dyn Error>> {
    let mut times = Times::default();
    for _ in 0..plan.load_rounds() {
        let ours = times.epilog(people.len(), || epilog_side::Epilog::insert_in_memory(people))?;
        let theirs = times.sqlite(people.len(), || sqlite_side::Sqlite::insert_in_memory(people))?;
        agree("people after inserting", &ours, &theirs)?;
    }
    report.add("insert in memory", "ns", times);
    Ok(())
}

type Loaded = (epilog_side::Epilog, sqlite_side::Sqlite, tempfile::TempDir);

/// Loads both engines some times, each time into new files, and keeps the last.
fn load(plan: &Plan, people: &[Person], report: &mut Report) -> Result<Loaded, Box<dyn Error>> {
    let mut times = Times::default();
    let mut last = None;
    for _ in 0..plan.load_rounds() {
        // The files of the round before go first: the disk need not hold two of each.
        drop(last.take());
        let directory = tempfile::tempdir()?;
        let (ours, theirs) = (directory.path().join("epilog"), directory.path().join("sqlite"));
        let epilog = times.epilog(people.len(), || epilog_side::Epilog::load(&ours, people))?;
        let sqlite = times.sqlite(people.len(), || sqlite_side::Sqlite::load(&theirs, people))?;
        last = Some((epilog, sqlite, directory));
    }
    report.add("bulk load on disk", "ns", times);
    last.ok_or_else(|| "at least one round is needed".into())
}

fn lookups(
    plan: &Plan,
    people: &[Person],
    epilog: &mut impl Engine,
    sqlite: &mut impl Engine,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    let (mut by_key, mut by_email) = (Times::default(), Times::default());
    let mut random = Random::new(plan.seed ^ 1);
    for _ in 0..plan.rounds {
        let asked: Vec<&Person> = (0..plan.lookups).map(|_| random.one_of(people)).collect();

        let ids: Vec<u64> = asked.iter().map(|person| person.id).collect();
        let ours = by_key.epilog(ids.len(), || epilog.by_key(&ids))?;
        let theirs = by_key.sqlite(ids.len(), || sqlite.by_key(&ids))?;
        agree("people by key", &ours, &theirs)?;

        let emails: Vec<&str> = asked.iter().map(|person| person.email.as_str()).collect();
        let ours = by_email.epilog(emails.len(), || epilog.by_email(&emails))?;
        let theirs = by_email.sqlite(emails.len(), || sqlite.by_email(&emails))?;
        agree("people by address", &ours, &theirs)?;
        if !ours.iter().eq(asked) {
            return Err("a lookup gave somebody else".into());
        }
    }
    report.add("get by key", "ns", by_key);
    report.add("get by unique string", "ns", by_email);
    Ok(())
}

fn scan(
    plan: &Plan,
    people: &[Person],
    epilog: &mut impl Engine,
    sqlite: &mut impl Engine,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    const SCORE_MIN: f64 = 0.9;
    let expected = people.iter().filter(|person| person.active && person.score >= SCORE_MIN).count() as u64;
    let mut times = Times::default();
    for _ in 0..plan.rounds {
        let ours = times.epilog(1, || epilog.count_active(SCORE_MIN))?;
        let theirs = times.sqlite(1, || sqlite.count_active(SCORE_MIN))?;
        agree("active people", &ours, &theirs)?;
        agree("active people, counted by hand", &ours, &expected)?;
    }
    report.add("filtered count, full scan", "ns", times);
    Ok(())
}

/// Nanoseconds of CPU time per operation, one for each round.
#[derive(Default)]
struct Times {
    epilog: Vec<f64>,
    sqlite: Vec<f64>,
}

impl Times {
    fn epilog<T>(
        &mut self,
        operations: usize,
        work: impl FnOnce() -> Result<T, Box<dyn Error>>,
    ) -> Result<T, Box<dyn Error>> {
        timed(&mut self.epilog, operations, work)
    }

    fn sqlite<T>(
        &mut self,
        operations: usize,
        work: impl FnOnce() -> Result<T, Box<dyn Error>>,
    ) -> Result<T, Box<dyn Error>> {
        timed(&mut self.sqlite, operations, work)
    }
}

/// What `work` gives. Comparing and dropping it is the caller's, and not in the time.
fn timed<T>(
    times: &mut Vec<f64>,
    operations: usize,
    work: impl FnOnce() -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    let start = ProcessTime::try_now()?;
    let result = work()?;
    times.push(start.try_elapsed()?.as_nanos() as f64 / operations as f64);
    Ok(result)
}

fn agree<T: PartialEq>(what: &str, ours: &T, theirs: &T) -> Result<(), Box<dyn Error>> {
    if ours == theirs { Ok(()) } else { Err(format!("the engines disagree about {what}").into()) }
}

impl Plan {
    fn from_arguments() -> Result<Plan, Box<dyn Error>> {
        let mut plan = Plan { people: 1_000_000, lookups: 100_000, rounds: 9, seed: 1 };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || -> Result<u64, Box<dyn Error>> {
                let text = arguments.next().ok_or_else(|| format!("{argument} needs a number"))?;
                Ok(text.parse().map_err(|error| format!("{argument} {text}: {error}"))?)
            };
            match argument.as_str() {
                "--quick" => plan = Plan { people: 100_000, lookups: 20_000, rounds: 5, ..plan },
                "--seed" => plan.seed = number()?,
                "--rounds" => plan.rounds = usize::try_from(number()?)?.max(1),
                _ => {
                    return Err(format!(
                        "unknown argument {argument}: known are --quick, --seed N, --rounds N"
                    )
                    .into());
                }
            }
        }
        Ok(plan)
    }

    fn load_rounds(&self) -> usize {
        self.rounds.div_ceil(3)
    }
}

/// Puts a few people in and asks for them in every way.
#[cfg(test)]
fn check_engine<E: Engine>() {
    let people = person::people(2_000, 3);
    assert_eq!(E::insert_in_memory(&people).unwrap(), 2_000);
    let directory = tempfile::tempdir().unwrap();
    let mut engine = E::load(&directory.path().join("people"), &people).unwrap();
    let asked: Vec<Person> = people.iter().step_by(7).rev().cloned().collect();
    let ids: Vec<u64> = asked.iter().map(|person| person.id).chain([u64::MAX >> 1]).collect();
    assert_eq!(engine.by_key(&ids).unwrap(), asked);
    let emails: Vec<&str> = asked.iter().map(|person| person.email.as_str()).chain(["nobody"]).collect();
    assert_eq!(engine.by_email(&emails).unwrap(), asked);
    let active = people.iter().filter(|person| person.active && person.score >= 0.5).count() as u64;
    assert_eq!(engine.count_active(0.5).unwrap(), active);
}
