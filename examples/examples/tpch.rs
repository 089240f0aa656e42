//! TPC-H through the typed builder.
//!
//! `cargo run --release -p epilog-examples --example tpch -- --sf 0.01 --check`, and `--help` for the rest.

use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use epilog::{Database, Options};
use epilog_examples::tpch::queries::{ALL, Entry};
use epilog_examples::tpch::{Tpch, answer, dump, load};

const HELP: &str = "\
tpch [--sf 0.01] [--only 1,6,22] [--threads 1] [--check | --explain | --analyze | --times | --print | --compare | --dump DIRECTORY]

  --sf SCALE        the scale factor: 1 is a gigabyte, 8.7 million rows
  --only NUMBERS    these questions alone
  --threads COUNT   how many threads carry out each together: 1
  --check           compares the answers with those of examples/data/tpch; what is done without another word
  --explain         prints how each would be carried out
  --analyze         prints how each was carried out: rows expected and found, and where the time went
  --times           prints how long each takes, the quickest of some runs
  --rounds COUNT    how many runs: 5
  --print           prints the answers
  --dump DIRECTORY  writes the rows as text instead
  --compare         asks SQLite and DuckDB the same, beside Epilog with one thread, and prints how many times as long they take; builds
                    `tests/compare` for it, which takes minutes the first time
  --python PATH     a Python that has the package `duckdb`, for that: python3; DuckDB is left out where it has not
";

/// What asks other engines the same: a workspace of its own, as it takes these to build it.
const COMPARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/compare/Cargo.toml");

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Check,
    Explain,
    Analyze,
    Times,
    Print,
    Compare,
}

struct Arguments {
    scale: f64,
    only: Option<Vec<u8>>,
    mode: Mode,
    rounds: usize,
    threads: usize,
    dump: Option<PathBuf>,
    python: Option<PathBuf>,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Some(arguments) = parse(std::env::args().skip(1))? else {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(directory) = &arguments.dump {
        dump(directory, arguments.scale)?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.mode == Mode::Compare {
        return compare(&arguments);
    }

    let db: Database<Tpch> = Options::default().query_threads(arguments.threads).in_memory()?;
    let start = Instant::now();
    db.write(|tx| load(tx, arguments.scale))?;
    println!("scale factor {}, loaded in {:.1?}", arguments.scale, start.elapsed());

    let tx = db.read()?;
    let (mut asked, mut right) = (0, 0);
    for entry in ALL.iter().filter(|entry| arguments.wants(entry)) {
        asked += 1;
        let question = (entry.query)(arguments.scale);
        let title = format!("Q{} {}", entry.number, entry.name);
        match arguments.mode {
            Mode::Check => {
                let start = Instant::now();
                let found = question.answer(&tx)?;
                let took = start.elapsed();
                match answer::difference(&answer::expected(arguments.scale, entry.number)?, &found) {
                    None => {
                        right += 1;
                        println!("{title}: right, {} rows, {took:.1?}", found.len());
                    }
                    Some(difference) => println!("{title}: WRONG, {difference}"),
                }
            }
            Mode::Explain => println!("{title}\n{}\n", question.explain(&tx)?),
            Mode::Analyze => println!("{title}\n{}\n", question.analyze(&tx)?),
            Mode::Times => {
                let mut best = Duration::MAX;
                for _ in 0..arguments.rounds {
                    let start = Instant::now();
                    question.run(&tx)?;
                    best = best.min(start.elapsed());
                }
                println!("{title}: {best:.1?}");
            }
            Mode::Print => println!("{title}\n{}\n", question.answer(&tx)?.join("\n")),
            Mode::Compare => {}
        }
    }
    if arguments.mode == Mode::Check {
        println!("{right}/{asked}");
        return Ok(if right == asked { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the program of `tests/compare` that asks the questions of other engines too.
fn compare(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--release", "--quiet", "--manifest-path", COMPARE, "--bin", "tpch", "--"]);
    command.args(["--sf", &arguments.scale.to_string(), "--rounds", &arguments.rounds.to_string()]);
    if let Some(only) = &arguments.only {
        let numbers: Vec<String> = only.iter().map(u8::to_string).collect();
        command.args(["--only", &numbers.join(",")]);
    }
    if let Some(python) = &arguments.python {
        command.arg("--python").arg(python);
    }
    let status = command
        .status()
        .map_err(|error| format!("{} does not start: {error}", command.get_program().display()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Arguments {
    fn wants(&self, entry: &Entry) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&entry.number))
    }
}

/// `None` when help is asked for.
fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Arguments>, Box<dyn Error>> {
    let mut arguments = Arguments {
        scale: 0.01,
        only: None,
        mode: Mode::Check,
        rounds: 5,
        threads: 1,
        dump: None,
        python: None,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("`{word}` wants a value"));
        match word.as_str() {
            "--sf" => arguments.scale = value()?.parse()?,
            "--only" => arguments.only = Some(value()?.split(',').map(str::parse).collect::<Result<_, _>>()?),
            "--rounds" => arguments.rounds = value()?.parse()?,
            "--threads" => arguments.threads = value()?.parse()?,
            "--dump" => arguments.dump = Some(PathBuf::from(value()?)),
            "--python" => arguments.python = Some(PathBuf::from(value()?)),
            "--check" => arguments.mode = Mode::Check,
            "--explain" => arguments.mode = Mode::Explain,
            "--analyze" => arguments.mode = Mode::Analyze,
            "--times" => arguments.mode = Mode::Times,
            "--print" => arguments.mode = Mode::Print,
            "--compare" => arguments.mode = Mode::Compare,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("`{word}` is not known: see `--help`").into()),
        }
    }
    Ok(Some(arguments))
}
