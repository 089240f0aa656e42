//! DuckDB, through Python's package: a process that answers one line with another. See `duckdb_peer.py`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::person::Person;
use super::{Answer, Data, Gives, Outcome, Peer, Question};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/analytic/duckdb_peer.py");

pub struct DuckDb {
    process: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl DuckDb {
    pub fn load(python: &Path, data: &Data) -> Outcome<DuckDb> {
        let is_there =
            Command::new(python).args(["-c", "import duckdb, numpy"]).stderr(Stdio::null()).status();
        if !is_there.is_ok_and(|status| status.success()) {
            let python = python.display();
            return Err(
                format!("`{python}` has no packages `duckdb` and `numpy`: say `--python PATH`").into()
            );
        }
        let rows = tempfile::tempdir()?;
        dump(rows.path(), data)?;
        let mut process = Command::new(python)
            .arg(SCRIPT)
            .arg(rows.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = process.stdin.take().ok_or("a process that was given a pipe has it")?;
        let replies = process.stdout.take().ok_or("a process that was given a pipe has it")?;
        let mut duckdb = DuckDb { process, requests, replies: BufReader::new(replies) };
        duckdb.line()?; // it has read the rows, which can go
        Ok(duckdb)
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.replies.read_line(&mut line)? == 0 {
            return Err("DuckDB's process ended: see above".into());
        }
        Ok(line.trim_end_matches('\n').to_owned())
    }
}

/// Writes the rows as CSV. No text has anything in it that would have to be quoted.
fn dump(directory: &Path, data: &Data) -> Outcome<()> {
    let create = |name: &str| File::create(directory.join(name)).map(BufWriter::new);
    let mut file = create("person.csv")?;
    for Person { id, name, email, age, score, active, bio } in &data.people {
        writeln!(file, "{id},{name},{email},{age},{score},{active},{bio}")?;
    }
    file.flush()?;
    let mut file = create("purchase.csv")?;
    for purchase in &data.purchases {
        writeln!(file, "{},{},{}", purchase.id, purchase.buyer, purchase.amount)?;
    }
    file.flush()?;
    let mut file = create("buyer.csv")?;
    for buyer in &data.buyers {
        writeln!(file, "{},{}", buyer.id, buyer.kind)?;
    }
    Ok(file.flush()?)
}

impl Peer for DuckDb {
    fn name(&self) -> &'static str {
        "duckdb"
    }

    fn ask(&mut self, question: &Question) -> Outcome<(Duration, Answer)> {
        let gives = match question.gives {
            Gives::Rows => "rows",
            Gives::Records => "records",
            Gives::Columns => "columns",
        };
        writeln!(self.requests, "{gives} {}", question.sql)?;
        self.requests.flush()?;
        let line = self.line()?;
        let mut numbers = line.split(' ').map(str::parse::<f64>);
        let seconds = numbers.next().ok_or("a reply begins with the seconds it took")??;
        Ok((Duration::from_secs_f64(seconds), numbers.collect::<Result<_, _>>()?))
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        // Without anything to be asked it would end by itself; that it has is nobody's concern any more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
