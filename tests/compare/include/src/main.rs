//! 1,000 records, each with the ten that belong to it: by `with`, and by Diesel's `belonging_to` over SQLite in memory.
//!
//! `cargo run --release --manifest-path tests/compare/include/Cargo.toml -- [ROUNDS, 200 if not said]`
//!
//! Both have the same data and an index on the relation; SQLite is the bundled one, `ANALYZE`d, and Diesel keeps its statements prepared.
//! Rounds alternate; a figure is the median of their CPU times, with the structs made and dropped. The answers are compared first: a
//! difference ends the run.

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use cpu_time::ThreadTime;

/// The records that others belong to.
const PARENTS: i64 = 1_000;
/// How many belong to each.
const CHILDREN: i64 = 10;

type Outcome<T> = Result<T, Box<dyn Error>>;

mod by_diesel;
mod by_epilog;

/// A title, and of each that belongs to it a name and a length.
type Answer = Vec<(String, Vec<(String, i64)>)>;

/// The titles, and the names, parents and lengths of what belongs to them. Those of one parent lie apart, as they do where they came
/// one after the other.
fn data() -> (Vec<String>, Vec<(String, i64, i64)>) {
    let titles = (1..=PARENTS).map(|number| format!("The Album with the Number {number}")).collect();
    let tracks = (0..PARENTS * CHILDREN).map(|number| {
        let album = number * 7919 % PARENTS + 1;
        (format!("Track {number} of Album {album}"), album, 120_000 + number * 31 % 240_000)
    });
    (titles, tracks.collect())
}

fn main() -> Outcome<()> {
    let rounds = std::env::args().nth(1).map_or(Ok(200), |word| word.parse::<usize>())?.max(1);
    let (titles, tracks) = data();
    let db = by_epilog::load(&titles, &tracks)?;
    let tx = db.read()?;
    let mut connection = by_diesel::load(&titles, &tracks)?;

    let right = by_epilog::answer(by_epilog::ask(&tx)?);
    if right != by_diesel::answer(by_diesel::ask(&mut connection)?) {
        return Err("the answers differ".into());
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(timed(|| Ok(drop(black_box(by_epilog::ask(&tx)?))))?);
        theirs.push(timed(|| Ok(drop(black_box(by_diesel::ask(&mut connection)?))))?);
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    let children: usize = right.iter().map(|(_, tracks)| tracks.len()).sum();
    println!("{} records, {children} that belong to them, {rounds} rounds, CPU time", right.len());
    println!("epilog, `with`         {:>9.1} us", ours.as_secs_f64() * 1e6);
    println!("diesel, `belonging_to` {:>9.1} us", theirs.as_secs_f64() * 1e6);
    println!("ratio                  {:>9.2}", theirs.as_secs_f64() / ours.as_secs_f64());
    Ok(())
}

/// The CPU time that a run takes.
fn timed(run: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
    let start = ThreadTime::try_now()?;
    run()?;
    Ok(start.try_elapsed()?)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}
