//! TPC-H beside SQLite and DuckDB: the same rows, the same questions, CPU time for each.
//!
//! `cargo run --release --manifest-path tests/compare/Cargo.toml --bin tpch -- --sf 0.1 [--rounds 5] [--only 1,6] [--python PATH]`
//!
//! - SQLite is the bundled one, in memory: primary keys, an index on each foreign key, `ANALYZE`, prepared statements; money is
//!   `REAL`, a day its text.
//! - DuckDB is Python's package, in memory, with one thread; without Python or the package it is left out, with a word.
//! - Rounds alternate between the engines. A figure is the median of the rounds, in CPU time of the engine's process; rows are
//!   taken to the end, as typed values, columns or Python objects.
//! - The answers of all engines are compared first: a difference ends the run.

mod duckdb;
#[path = "../../python.rs"]
mod python;
mod sqlite;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use cpu_time::ProcessTime;
use epilog_examples::tpch::answer::{self, Question, Read};
use epilog_examples::tpch::queries::ALL;
use epilog_examples::tpch::{Tpch, load};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// An engine that answers the questions in SQL.
trait Peer {
    fn name(&self) -> &'static str;

    /// The rows of the answer, as lines of cells.
    fn answer(&mut self, number: u8, sql: &str) -> Outcome<Vec<String>>;

    /// What it takes.
    fn time(&mut self, number: u8, sql: &str) -> Outcome<Duration>;
}

struct Arguments {
    scale: f64,
    rounds: usize,
    only: Option<Vec<u8>>,
    python: PathBuf,
}

fn main() -> Outcome<()> {
    let arguments = parse(std::env::args().skip(1))?;
    let db = Tpch::in_memory()?;
    db.write(|tx| load(tx, arguments.scale))?;
    let tx = db.read()?;

    let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(sqlite::Sqlite::load(arguments.scale)?)];
    match duckdb::DuckDb::load(&arguments.python, arguments.scale) {
        Ok(duckdb) => peers.push(Box::new(duckdb)),
        Err(error) => println!("without DuckDB: {error}"),
    }
    println!("scale factor {}, {} rounds, CPU time in milliseconds", arguments.scale, arguments.rounds);
    print!("{:>4} {:>10}", "", "epilog");
    peers.iter().for_each(|peer| print!(" {:>10} {:>8}", peer.name(), "ratio"));
    println!();

    let mut logarithms = vec![0.0; peers.len()];
    let mut asked = 0.0;
    for (number, sql) in questions(arguments.scale)? {
        let Some(entry) = ALL.iter().find(|entry| entry.number == number) else { continue };
        if arguments.only.as_ref().is_some_and(|only| !only.contains(&number)) {
            continue;
        }
        let question = (entry.query)(arguments.scale);
        let right = question.answer(&tx)?;
        for peer in &mut peers {
            let found = peer.answer(number, &sql)?;
            if let Some(difference) = difference(&right, &found) {
                return Err(format!("Q{number}: {} answers otherwise: {difference}", peer.name()).into());
            }
        }
        let mut ours = Vec::new();
        let mut theirs = vec![Vec::new(); peers.len()];
        for _ in 0..arguments.rounds {
            ours.push(time(question.as_ref(), &tx)?);
            for (peer, times) in peers.iter_mut().zip(&mut theirs) {
                times.push(peer.time(number, &sql)?);
            }
        }
        let ours = median(&mut ours);
        print!("{:>4} {:>10.2}", format!("Q{number}"), milliseconds(ours));
        for (times, sum) in theirs.iter_mut().zip(&mut logarithms) {
            let peer = median(times);
            let ratio = peer.as_secs_f64() / ours.as_secs_f64();
            *sum += ratio.ln();
            print!(" {:>10.2} {:>8.2}", milliseconds(peer), ratio);
        }
        println!();
        asked += 1.0;
    }
    print!("{:>4} {:>10}", "mean", "");
    logarithms.iter().for_each(|sum| print!(" {:>10} {:>8.2}", "", (sum / asked).exp()));
    println!(
        "\nA ratio is how many times as long as Epilog the other engine takes; the mean is the geometric one."
    );
    Ok(())
}

fn time(question: &dyn Question, tx: &Read<'_>) -> Outcome<Duration> {
    let start = ProcessTime::try_now()?;
    question.run(tx)?;
    Ok(start.try_elapsed()?)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Number and SQL of each question, from `examples/data/tpch/queries.sql`.
fn questions(scale: f64) -> Outcome<Vec<(u8, String)>> {
    let text = std::fs::read_to_string(answer::directory().join("queries.sql"))?;
    let mut questions = Vec::new();
    for part in text.split("\n-- Q").skip(1) {
        let (number, sql) = part.split_once('\n').ok_or("a question has a number and a text")?;
        questions.push((number.parse()?, sql.replace(":scale", &scale.to_string())));
    }
    Ok(questions)
}

/// The first row of two answers that differs; numbers may by a part in a thousand million, which floats are off by.
fn difference(ours: &[String], theirs: &[String]) -> Option<String> {
    let rows = ours.len().max(theirs.len());
    let row = (0..rows).find(|&row| match (ours.get(row), theirs.get(row)) {
        (Some(one), Some(other)) => {
            let (one, other): (Vec<_>, Vec<_>) = (one.split('|').collect(), other.split('|').collect());
            one.len() != other.len() || one.iter().zip(&other).any(|(one, other)| !is_same(one, other))
        }
        _ => true,
    })?;
    Some(format!("row {} of {rows}: {:?}, here {:?}", row + 1, theirs.get(row), ours.get(row)))
}

fn is_same(one: &str, other: &str) -> bool {
    one == other
        || matches!((one.parse::<f64>(), other.parse::<f64>()), (Ok(one), Ok(other))
            if (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0) + 1e-6)
}

fn parse(mut words: impl Iterator<Item = String>) -> Outcome<Arguments> {
    let mut arguments = Arguments { scale: 0.1, rounds: 5, only: None, python: PathBuf::from("python3") };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("`{word}` wants a value"));
        match word.as_str() {
            "--sf" => arguments.scale = value()?.parse()?,
            "--rounds" => arguments.rounds = value()?.parse::<usize>()?.max(1),
            "--only" => arguments.only = Some(value()?.split(',').map(str::parse).collect::<Result<_, _>>()?),
            "--python" => arguments.python = PathBuf::from(value()?),
            _ => {
                return Err(format!(
                    "`{word}` is not known: there are --sf SCALE, --rounds COUNT, --only NUMBERS, --python PATH"
                )
                .into());
            }
        }
    }
    Ok(arguments)
}
