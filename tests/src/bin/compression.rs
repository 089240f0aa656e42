//! What compression costs and saves: the length of files, and the time on the processor of a checkpointed load and of cold
//! reads, with blocks of several lengths.
//!
//! `compression [--count N]`: N (200,000) records with two indexes as in `epilog/benches/records.rs`, and a tenth as many
//! documents of 1 to 12 KiB, the longer of which lie out of line. Their text is made-up words, some more frequent than others.
//! Everything is in memory, so that what is measured is not the disk; the processor's time is
//! the thread's own, from `/proc/thread-self/schedstat`.

use std::process::ExitCode;
use std::sync::Arc;

use epilog::Compression;
use epilog::prelude::*;
use epilog::vfs::{MemoryVfs, OpenMode, Vfs};
use epilog_tests::random::Random;

#[derive(Collection, Clone, Debug)]
struct User {
    id: Id<User>,
    name: String,
    #[unique]
    email: String,
    #[index]
    age: u8,
    score: f64,
    active: bool,
    bio: String,
}

#[derive(Collection, Clone, Debug)]
struct Document {
    id: Id<Document>,
    text: String,
}

epilog::schema!(Users { User });
epilog::schema!(Documents { Document });

const PATH: &str = "measured.epilog";
/// Times each is measured; the least counts.
const ROUNDS: usize = 5;

/// Words as frequent as in a text: the first ones more than the later.
fn words(random: &mut Random, len: usize) -> String {
    let mut text = String::with_capacity(len + 16);
    while text.len() < len {
        let rank = (random.below(40) * random.below(40) * random.below(3)) as usize;
        // A word for each rank, of 2 to 9 letters.
        let mut letters = (rank as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for _ in 0..2 + letters % 8 {
            text.push(char::from(b'a' + (letters % 26) as u8));
            letters /= 7;
        }
        text.push(' ');
    }
    text
}

fn user(random: &mut Random, n: u64) -> User {
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    User {
        id: Id::new(n),
        name: format!("user {n:011}"),
        email: format!("{mixed:016x}@mail.io"),
        age: (mixed >> 57) as u8,
        score: (mixed >> 11) as f64 / (1u64 << 53) as f64,
        active: mixed & 1 == 0,
        bio: words(random, 80),
    }
}

fn document(random: &mut Random, n: u64) -> Document {
    let len = 1 << 10 | random.below(11 << 10) as usize;
    Document { id: Id::new(n), text: words(random, len) }
}

/// The time on the processor, in nanoseconds.
fn cpu_ns() -> Result<u64, String> {
    let path = "/proc/thread-self/schedstat";
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let first = text.split_whitespace().next().and_then(|number| number.parse().ok());
    first.ok_or_else(|| format!("{path} begins with no number"))
}

struct Measured {
    file_bytes: u64,
    load_ns: u64,
    read_ns: u64,
    pages_read: u64,
}

/// Loads what `load` inserts, checkpoints, and reads every page of a new handle once.
fn measure<D: epilog::Schema>(
    options: &Options,
    load: &dyn Fn(&mut WriteTransaction<'_, D>) -> Result<(), Error>,
    read: &dyn Fn(&Database<D>) -> Result<u64, Error>,
) -> Result<Measured, Box<dyn std::error::Error>> {
    let files = MemoryVfs::new();
    let open = || Database::<D>::open_in(Arc::new(files.clone()), PATH, options);
    let before = cpu_ns()?;
    let db = open()?;
    db.write(|tx| load(tx))?;
    db.close()?;
    let load_ns = cpu_ns()? - before;
    let file_bytes = files.open(PATH, OpenMode::Read)?.len()?;
    let db = open()?;
    let before = cpu_ns()?;
    let sum = read(&db)?;
    let read_ns = cpu_ns()? - before;
    assert!(sum > 0, "everything was read");
    Ok(Measured { file_bytes, load_ns, read_ns, pages_read: db.stats().images_loaded })
}

fn compare<D: epilog::Schema>(
    what: &str,
    load: &dyn Fn(&mut WriteTransaction<'_, D>) -> Result<(), Error>,
    read: &dyn Fn(&Database<D>) -> Result<u64, Error>,
) -> Result<(), Box<dyn std::error::Error>> {
    println!("{what}");
    for (block, index_page) in [(4096, 4096), (1024, 4096), (512, 4096), (4096, 16 << 10)] {
        let mut plain: Option<Measured> = None;
        for compression in [Compression::None, Compression::Lz4] {
            let options = Options::default()
                .background(false)
                .cache(512 << 20)
                .block_size(block)
                .index_page_size(index_page)
                .compression(compression);
            let mut best = measure(&options, load, read)?;
            for _ in 1..ROUNDS {
                let again = measure(&options, load, read)?;
                best.load_ns = best.load_ns.min(again.load_ns);
                best.read_ns = best.read_ns.min(again.read_ns);
            }
            let ratio = |of: fn(&Measured) -> u64| {
                plain.as_ref().map_or(1.0, |plain| of(&best) as f64 / of(plain) as f64)
            };
            println!(
                "  blocks of {block:4}, index pages of {index_page:5}, {compression:?}: file {:7.2} MiB ({:.2}), load {:7.1} ms \
                 ({:.2}), cold read {:6.1} ms ({:.2}), {} pages of {:.1} µs",
                best.file_bytes as f64 / f64::from(1 << 20),
                ratio(|measured| measured.file_bytes),
                best.load_ns as f64 / 1e6,
                ratio(|measured| measured.load_ns),
                best.read_ns as f64 / 1e6,
                ratio(|measured| measured.read_ns),
                best.pages_read,
                best.read_ns as f64 / 1e3 / best.pages_read.max(1) as f64,
            );
            plain.get_or_insert(best);
        }
    }
    Ok(())
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    const USAGE: &str = "usage: compression [--count N]";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count: u64 = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => 200_000,
        ["--count", count] => count.parse().map_err(|_| format!("`{count}` is not a number; {USAGE}"))?,
        _ => return Err(USAGE.into()),
    };
    compare::<Users>(
        "users, two indexes",
        &|tx| {
            let mut random = Random::new(1);
            tx.insert_all((1..=count).map(|n| user(&mut random, n))).map(drop)
        },
        // All leaves of records, and no answer that keeps them.
        &|db| User::query().filter(|u| u.bio.contains("zzzzzzzz") | u.score.ge(0.5)).count(db),
    )?;
    compare::<Documents>(
        "documents of 1 to 12 KiB",
        &|tx| {
            let mut random = Random::new(2);
            tx.insert_all((1..=count / 10).map(|n| document(&mut random, n))).map(drop)
        },
        &|db| Document::query().filter(|d| d.text.ne("")).count(db),
    )
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
