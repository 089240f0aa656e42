//! Analytic questions about a million records, beside SQLite and DuckDB: the same rows, the same questions, CPU time for each.
//!
//! `cargo run --release --manifest-path tests/compare/Cargo.toml --bin analytic -- [--records 1000000] [--rounds 5] [--only QUESTION] [--python PATH]`
//!
//! - The records are the [`Person`]s of the other comparisons; as many purchases are joined with a tenth as many buyers.
//! - SQLite is the bundled one, in memory, with the same indexes, `ANALYZE`d, its statements prepared.
//! - DuckDB is Python's package, in memory, with one thread. Its whole records and columns come as NumPy's arrays, so that both
//!   packages are needed: `python3 -m venv V && V/bin/pip install duckdb numpy`, and `--python V/bin/python3`. Without them it is
//!   left out, with a word.
//! - Whole records and columns become structs and tuples here and in SQLite; in DuckDB arrays of numbers, and a string of
//!   Python's for each text. Records that are *lent* are read where the engine has them, all of their fields, one record after the
//!   other: no struct is made of them here, nor in SQLite; DuckDB's package has no such way.
//! - Rounds alternate between the engines. A figure is the median of the rounds, in CPU time of the engine's process.
//! - The answers of all engines are compared first, by their rows, or by what these add up to: a difference ends the run.

mod duckdb;
#[path = "../../person.rs"]
mod person;
#[path = "../../python.rs"]
mod python;
mod sqlite;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use cpu_time::ProcessTime;
use epilog::prelude::*;
use person::{Person, Random, people};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Something bought.
#[derive(Collection, Clone, Debug, PartialEq)]
struct Purchase {
    #[key]
    id: u64,
    /// The key of a [`Buyer`].
    buyer: u64,
    amount: i64,
}

/// Who buys.
#[derive(Collection, Clone, Debug, PartialEq)]
struct Buyer {
    #[key]
    id: u64,
    /// 0..=3
    kind: u8,
}

epilog::schema!(Analytic { Person, Purchase, Buyer });

/// What the questions are about.
struct Data {
    people: Vec<Person>,
    purchases: Vec<Purchase>,
    buyers: Vec<Buyer>,
}

/// The rows of an answer one after the other, or what they add up to (see [`sums`]), as numbers.
type Answer = Vec<f64>;

/// What comes of a question.
#[derive(Clone, Copy, PartialEq)]
enum Gives {
    /// A few rows.
    Rows,
    /// Every record whole: these are added up.
    Records,
    /// Every field of every record, where the engine has it: these are added up.
    Lent,
    /// A key and a score of every record: these are added up.
    Columns,
}

struct Question {
    name: &'static str,
    sql: &'static str,
    gives: Gives,
    ask: fn(&ReadTransaction<'_, Analytic>) -> Outcome<Answer>,
}

const QUESTIONS: [Question; 8] = [
    Question {
        name: "filtered count",
        sql: "select count(*) from person where age >= 90 and active",
        gives: Gives::Rows,
        ask: |tx| Ok(vec![Person::query().filter(|p| p.age.ge(90) & p.active).count(tx)? as f64]),
    },
    Question {
        name: "suffix filter",
        sql: "select count(*) from person where email like '%0@ex.test'",
        gives: Gives::Rows,
        ask: |tx| Ok(vec![Person::query().filter(|p| p.email.ends_with("0@ex.test")).count(tx)? as f64]),
    },
    Question {
        name: "group by",
        sql: "select age, count(*), avg(score) from person group by age order by age",
        gives: Gives::Rows,
        ask: |tx| {
            let groups: Vec<(u8, u64, Option<f64>)> = Person::query()
                .group_by(|p| p.age)
                .order_by(|g| g.key())
                .select(|g| (g.key(), g.count(), g.avg(|p| p.score)))
                .all(tx)?;
            let numbers = groups
                .into_iter()
                .flat_map(|(age, count, mean)| [f64::from(age), count as f64, mean.unwrap_or(f64::NAN)]);
            Ok(numbers.collect())
        },
    },
    Question {
        name: "top 100",
        sql: "select id, score from person order by score desc limit 100",
        gives: Gives::Rows,
        ask: |tx| {
            let first: Vec<(u64, f64)> = Person::query()
                .order_by(|p| p.score.desc())
                .limit(100)
                .select(|p| (p.id, p.score))
                .all(tx)?;
            Ok(first.into_iter().flat_map(|(id, score)| [id as f64, score]).collect())
        },
    },
    Question {
        name: "hash join",
        sql: "select sum(amount) from purchase join buyer on buyer = buyer.id where kind <= 1",
        gives: Gives::Rows,
        ask: |tx| {
            let total: i64 = Purchase::query()
                .join::<Buyer>(|(p, b)| p.buyer.eq(b.id))
                .filter(|(_, b)| b.kind.le(1))
                .aggregate(|g| g.sum(|(p, _)| p.amount))
                .one(tx)?;
            Ok(vec![total as f64])
        },
    },
    Question {
        name: "full decode",
        sql: "select id, name, email, age, score, active, bio from person",
        gives: Gives::Records,
        ask: |tx| {
            let all: Vec<Person> = Person::query().all(tx)?;
            Ok(sums(all.iter().map(|person| (person.id, person.score, person.bio.len()))))
        },
    },
    Question {
        name: "all, lent",
        sql: "select id, name, email, age, score, active, bio from person",
        gives: Gives::Lent,
        ask: |tx| {
            let mut sums = Sums::default();
            Person::query().for_each(tx, |p| {
                let lengths = p.name().len() + p.email().len() + p.bio().len();
                sums.add(p.id(), p.score(), lengths + usize::from(p.age()) + usize::from(p.active()));
            })?;
            Ok(sums.into_answer())
        },
    },
    Question {
        name: "2 columns",
        sql: "select id, score from person",
        gives: Gives::Columns,
        ask: |tx| {
            let all: Vec<(u64, f64)> = Person::query().select(|p| (p.id, p.score)).all(tx)?;
            Ok(sums(all.iter().map(|(id, score)| (*id, *score, 0))))
        },
    },
];

/// An engine that answers the questions in SQL.
trait Peer {
    fn name(&self) -> &'static str;

    /// The answer, and the CPU time that it takes.
    fn ask(&mut self, question: &Question) -> Outcome<(Duration, Answer)>;
}

struct Arguments {
    records: usize,
    rounds: usize,
    /// The name of one question, where not all are asked.
    only: Option<String>,
    python: PathBuf,
}

fn main() -> Outcome<()> {
    let arguments = parse(std::env::args().skip(1))?;
    let is_asked = |question: &&Question| arguments.only.as_ref().is_none_or(|name| question.name == name);
    let questions: Vec<&Question> = QUESTIONS.iter().filter(is_asked).collect();
    if questions.is_empty() {
        return Err(format!("there are the questions {:?}", QUESTIONS.map(|question| question.name)).into());
    }
    let data = data(arguments.records);
    let db = Analytic::in_memory()?;
    db.write(|tx| {
        tx.insert_all(&data.people)?;
        tx.insert_all(&data.purchases)?;
        tx.insert_all(&data.buyers)
    })?;
    let tx = db.read()?;

    let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(sqlite::Sqlite::load(&data)?)];
    match duckdb::DuckDb::load(&arguments.python, &data) {
        Ok(duckdb) => peers.push(Box::new(duckdb)),
        Err(error) => println!("without DuckDB: {error}"),
    }
    drop(data);
    println!("{} records, {} rounds, CPU time in milliseconds", arguments.records, arguments.rounds);
    print!("{:>14} {:>10}", "", "epilog");
    peers.iter().for_each(|peer| print!(" {:>10} {:>8}", peer.name(), "ratio"));
    println!();

    let mut logarithms = vec![0.0; peers.len()];
    for question in &questions {
        let right = (question.ask)(&tx)?;
        for peer in &mut peers {
            let found = peer.ask(question)?.1;
            if !is_same(&right, &found) {
                let (name, peer) = (question.name, peer.name());
                return Err(format!("{name}: {peer} answers otherwise: {found:?}, here {right:?}").into());
            }
        }
        let mut ours = Vec::new();
        let mut theirs = vec![Vec::new(); peers.len()];
        for _ in 0..arguments.rounds {
            let (time, _) = timed(|| (question.ask)(&tx))?;
            ours.push(time);
            for (peer, times) in peers.iter_mut().zip(&mut theirs) {
                times.push(peer.ask(question)?.0);
            }
        }
        let ours = median(&mut ours);
        print!("{:>14} {:>10.2}", question.name, milliseconds(ours));
        for (times, sum) in theirs.iter_mut().zip(&mut logarithms) {
            let peer = median(times);
            let ratio = peer.as_secs_f64() / ours.as_secs_f64();
            *sum += ratio.ln();
            print!(" {:>10.2} {:>8.2}", milliseconds(peer), ratio);
        }
        println!();
    }
    print!("{:>14} {:>10}", "mean", "");
    let asked = questions.len() as f64;
    logarithms.iter().for_each(|sum| print!(" {:>10} {:>8.2}", "", (sum / asked).exp()));
    println!(
        "\nA ratio is how many times as long as Epilog the other engine takes; the mean is the geometric one."
    );
    Ok(())
}

fn data(records: usize) -> Data {
    let mut random = Random::new(11);
    let count = (records as u64 / 10).max(1);
    let buyers: Vec<Buyer> = (0..count).map(|id| Buyer { id, kind: (id % 4) as u8 }).collect();
    let mut purchase = |id| {
        let amount = *random.one_of(&[1, 5, 20, 95, 310, 1_999]);
        Purchase { id, buyer: random.one_of(&buyers).id, amount }
    };
    let purchases = (0..records as u64).map(&mut purchase).collect();
    Data { people: people(records, 7), purchases, buyers }
}

/// How many rows there are, and what keys, scores and lengths of texts come to; of records that are lent also ages, and how many are
/// active, among the lengths.
#[derive(Default)]
struct Sums {
    count: f64,
    ids: f64,
    scores: f64,
    lengths: f64,
}

impl Sums {
    fn add(&mut self, id: u64, score: f64, length: usize) {
        self.count += 1.0;
        self.ids += id as f64;
        self.scores += score;
        self.lengths += length as f64;
    }

    fn into_answer(self) -> Answer {
        vec![self.count, self.ids, self.scores, self.lengths]
    }
}

fn sums(rows: impl Iterator<Item = (u64, f64, usize)>) -> Answer {
    let mut sums = Sums::default();
    rows.for_each(|(id, score, length)| sums.add(id, score, length));
    sums.into_answer()
}

/// What `ask` answers, and the CPU time that it takes.
fn timed(ask: impl FnOnce() -> Outcome<Answer>) -> Outcome<(Duration, Answer)> {
    let start = ProcessTime::try_now()?;
    let answer = ask()?;
    Ok((start.try_elapsed()?, answer))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Whether answers are the same but for a part in a thousand million, which sums of floats in another order are off by.
fn is_same(right: &Answer, found: &Answer) -> bool {
    let same = |(one, other): (&f64, &f64)| (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0);
    right.len() == found.len() && right.iter().zip(found).all(same)
}

fn parse(mut words: impl Iterator<Item = String>) -> Outcome<Arguments> {
    let mut arguments = Arguments { records: 1_000_000, rounds: 5, only: None, python: PathBuf::from("python3") };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("`{word}` wants a value"));
        match word.as_str() {
            "--records" => arguments.records = value()?.parse()?,
            "--rounds" => arguments.rounds = value()?.parse::<usize>()?.max(1),
            "--only" => arguments.only = Some(value()?),
            "--python" => arguments.python = PathBuf::from(value()?),
            _ => {
                let known = "there are --records COUNT, --rounds COUNT, --only QUESTION, --python PATH";
                return Err(format!("`{word}` is not known: {known}").into());
            }
        }
    }
    Ok(arguments)
}
