//! Writes a value much larger than memory, reads it, replaces it, and says what memory that took.
//!
//! The most that the process ever had in memory (`VmHWM` of `/proc/self/status`) is printed after each step. Ends with status
//! 1 when that is more than allowed, or what was read is not what was written.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use epilog::prelude::*;
use epilog_tests::random::Random;

const USAGE: &str = "\
usage: blob [--gib N | --mib N] [--memory-mib M] [--directory PATH]

  --gib N           a value of N GiB (1)
  --mib N           a value of N MiB
  --memory-mib M    what the process may have in memory (16)
  --directory PATH  where to put the database (the system's directory for temporary files)";

/// What is written at once.
const PIECE: usize = 64 << 10;

#[derive(Collection)]
struct Film {
    id: Id<Film>,
    picture: Blob,
}

epilog::schema!(Cinema { Film });

struct Arguments {
    bytes: u64,
    memory: u64,
    directory: PathBuf,
}

fn arguments() -> Result<Arguments, String> {
    let mut parsed = Arguments { bytes: 1 << 30, memory: 16 << 20, directory: std::env::temp_dir() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} wants a value\n{USAGE}"));
        let number =
            |text: String| text.parse::<u64>().map_err(|_| format!("`{text}` is not a number\n{USAGE}"));
        match argument.as_str() {
            "--gib" => parsed.bytes = number(value()?)? << 30,
            "--mib" => parsed.bytes = number(value()?)? << 20,
            "--memory-mib" => parsed.memory = number(value()?)? << 20,
            "--directory" => parsed.directory = value()?.into(),
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
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let directory = arguments.directory.join(format!("epilog-blob-{}", std::process::id()));
    if let Err(error) = std::fs::create_dir(&directory) {
        eprintln!("{}: {error}", directory.display());
        return ExitCode::from(2);
    }
    let result = run(&arguments, &directory.join("cinema.epilog"));
    // The outcome counts, not what is left of the directory.
    let _ = std::fs::remove_dir_all(&directory);
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Does everything; returns whether memory and bytes were as they should be.
fn run(arguments: &Arguments, path: &std::path::Path) -> Result<bool, Error> {
    let Arguments { bytes, memory, .. } = *arguments;
    println!("{:<28}{:>10}{:>12}{:>14}", "", "seconds", "MB/s", "peak KiB");
    let mut report = Reporter { begun: Instant::now() };
    let options = options(memory);
    let db: Database<Cinema> = options.open(path)?;
    report.line("opened", 0);

    let id = db.write(|tx| {
        let picture = write(tx, 1, bytes)?;
        tx.insert(&Film { id: Id::auto(), picture })
    })?;
    report.line("written and committed", bytes);

    let mut sound = same(&db.read()?, id, 1)?;
    report.line("read from end to end", bytes);

    let tx = db.read()?;
    let picture = tx.get::<Film>(id)?.map_or(Blob::empty(), |film| film.picture);
    let mut reader = tx.blob_reader(picture)?;
    let mut random = Random::new(2);
    let mut piece = [0; 4096];
    for _ in 0..1000 {
        reader.seek(SeekFrom::Start(random.below(bytes))).map_err(Error::custom)?;
        reader.read(&mut piece).map_err(Error::custom)?;
    }
    report.line("1,000 times 4 KiB anywhere", 1000 * 4096);
    drop(tx);

    db.write(|tx| {
        let picture = write(tx, 3, bytes)?;
        tx.update(&Film { id, picture })
    })?;
    report.line("replaced", bytes);
    db.close()?;
    report.line("closed", 0);

    let db: Database<Cinema> = options.open(path)?;
    sound &= same(&db.read()?, id, 3)?;
    report.line("opened and read", bytes);
    db.write(|tx| tx.delete_key::<Film>(id))?;
    report.line("deleted", 0);
    db.close()?;

    let peak = peak_kib();
    let within = peak.is_none_or(|peak| peak << 10 <= memory);
    match peak {
        Some(peak) => println!(
            "peak {peak} KiB of {} KiB allowed: {}",
            memory >> 10,
            if within { "within" } else { "too much" }
        ),
        None => println!("no /proc/self/status here: memory was not measured"),
    }
    if !sound {
        println!("what was read is not what was written");
    }
    Ok(within && sound)
}

fn options(memory: u64) -> Options {
    let memory = memory as usize;
    // A quarter for pages; what a transaction changes before it goes past the journal, and what waits for a checkpoint,
    // come on top, and so does the program. Long chunks are few, and so is what is kept for each.
    Options::default()
        .cache(memory / 4)
        .bulk_after(memory / 16)
        .checkpoint_after(memory as u64 / 8)
        .blob_chunk(memory / 64)
}

/// Writes a blob of random bytes.
fn write(tx: &mut WriteTransaction<'_, Cinema>, seed: u64, bytes: u64) -> Result<Blob, Error> {
    let mut random = Random::new(seed);
    let mut piece = vec![0; PIECE];
    let mut writer = tx.blob_writer();
    while writer.len() < bytes {
        random.fill(&mut piece);
        writer.write_all(&piece[..(bytes - writer.len()).min(PIECE as u64) as usize])?;
    }
    writer.finish()
}

/// Whether the film's bytes are those that were written with this seed.
fn same(tx: &ReadTransaction<'_, Cinema>, id: Id<Film>, seed: u64) -> Result<bool, Error> {
    let picture = tx.get::<Film>(id)?.map_or(Blob::empty(), |film| film.picture);
    let reader = tx.blob_reader(picture)?;
    let mut random = Random::new(seed);
    let (mut expected, mut read) = (vec![0; PIECE], vec![0; PIECE]);
    let mut at = 0;
    while at < picture.len() {
        random.fill(&mut expected);
        let len = reader.read_at(at, &mut read)?;
        if len == 0 || read[..len] != expected[..len] {
            return Ok(false);
        }
        at += len as u64;
    }
    Ok(true)
}

/// Prints a line for each step.
struct Reporter {
    begun: Instant,
}

impl Reporter {
    fn line(&mut self, what: &str, bytes: u64) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let rate = if bytes == 0 { String::new() } else { format!("{:.0}", bytes as f64 / seconds / 1e6) };
        let peak = peak_kib().map_or_else(String::new, |peak| peak.to_string());
        println!("{what:<28}{seconds:>10.2}{rate:>12}{peak:>14}");
        self.begun = Instant::now();
    }
}

/// The most that this process ever had in memory.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
