//! Inserts many times the page cache's budget in one transaction, and says what that took of memory.
//!
//! `memory [--cache-mib N] [--times N] [--directory D]`: a new database in directory D, by default one of the system's for
//! temporary files, with a cache of N MiB (32); one transaction inserts records of 1 KiB with two indexes until there are
//! so many times (10) as many bytes; then many are read by key, and all are counted. Prints the peaks of resident memory
//! over what the process had before, from `/proc/self/status`, and what the page cache holds; ends with status 1 when the
//! transaction took more than the budget and a quarter, or the page cache holds more.

use std::process::ExitCode;

use epilog::prelude::*;

#[derive(Collection, Clone, Debug, PartialEq)]
struct Document {
    id: Id<Document>,
    #[unique]
    name: String,
    #[index]
    kind: u32,
    text: String,
}

epilog::schema!(Documents { Document });

/// The bytes of a record's text.
const TEXT_LEN: usize = 960;

struct Arguments {
    cache_mib: usize,
    times: usize,
    directory: std::path::PathBuf,
}

fn arguments() -> Result<Arguments, String> {
    const USAGE: &str = "usage: memory [--cache-mib N] [--times N] [--directory D]";
    let mut parsed = Arguments { cache_mib: 32, times: 10, directory: std::env::temp_dir() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().ok_or(format!("{argument} wants a value; {USAGE}"))?;
        let number = || value.parse().map_err(|_| format!("`{value}` is not a number; {USAGE}"));
        match argument.as_str() {
            "--cache-mib" => parsed.cache_mib = number()?,
            "--times" => parsed.times = number()?,
            "--directory" => parsed.directory = value.into(),
            _ => return Err(USAGE.into()),
        }
    }
    Ok(parsed)
}

/// A field of `/proc/self/status`, in bytes.
fn status(field: &str) -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let rest = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    rest.trim().strip_suffix("kB")?.trim().parse::<usize>().ok().map(|kib| kib << 10)
}

fn document(n: usize) -> Document {
    // Names in no order, so that the index is not filled from one end; texts that no two share.
    let mixed = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let text = format!("{mixed:016x}").repeat(TEXT_LEN / 16);
    Document { id: Id::auto(), name: format!("{mixed:016x}"), kind: (mixed >> 40) as u32 % 1000, text }
}

fn run(arguments: &Arguments) -> Result<bool, Box<dyn std::error::Error>> {
    let budget = arguments.cache_mib << 20;
    let count = budget * arguments.times / (TEXT_LEN + 64);
    let path = arguments.directory.join(format!("memory-{}.epilog", std::process::id()));
    let before = status("VmRSS").ok_or("no /proc/self/status: this program needs Linux")?;
    let db: Database<Documents> = Options::default().cache(budget).open(&path)?;
    db.write(|tx| {
        for first in (0..count).step_by(1000) {
            tx.insert_all((first..count.min(first + 1000)).map(document))?;
        }
        Ok(())
    })?;
    let inserted = status("VmHWM").unwrap_or_default().saturating_sub(before);
    let mut read = 0;
    for n in (0..count).step_by(7) {
        let found = db.get::<Document>(Id::new(n as u64 + 1))?;
        if found.map(|document| document.name) != Some(document(n).name) {
            return Err(format!("record {} is not what was inserted", n + 1).into());
        }
        read += 1;
    }
    let rest = Document::query().filter(|d| d.kind.lt(1000)).count(&db)?;
    if rest != count as u64 {
        return Err(format!("{count} records were inserted, a scan finds {rest}").into());
    }
    let peak = status("VmHWM").unwrap_or_default().saturating_sub(before);
    let pages = db.stats().cache_resident_bytes as usize;
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    println!(
        "budget {} MiB, {count} records, {:.0} MiB of file; one transaction took {:.1} MiB, {:.0} % of the budget; after \
         reading {read} and counting all {:.1} MiB, of which {:.1} are pages",
        arguments.cache_mib,
        mib(std::fs::metadata(&path)?.len() as usize),
        mib(inserted),
        inserted as f64 / budget as f64 * 100.0,
        mib(peak),
        mib(pages),
    );
    db.close()?;
    std::fs::remove_file(&path)?;
    Ok(inserted.max(pages) <= budget + budget / 4)
}

fn main() -> ExitCode {
    match arguments().map_err(Into::into).and_then(|arguments| run(&arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}
