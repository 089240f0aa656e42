//! DuckDB, through Python's package: a process that answers one line with another. See `duckdb_peer.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use epilog_examples::tpch::{answer, dump};

use super::{Outcome, Peer};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/tpch/duckdb_peer.py");

pub struct DuckDb {
    process: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl DuckDb {
    pub fn load(python: &Path, scale: f64) -> Outcome<DuckDb> {
        let is_there = Command::new(python).args(["-c", "import duckdb"]).stderr(Stdio::null()).status();
        if !is_there.is_ok_and(|status| status.success()) {
            return Err(format!("`{}` has no package `duckdb`: say `--python PATH`", python.display()).into());
        }
        let rows = tempfile::tempdir()?;
        dump(rows.path(), scale)?;
        let mut process = Command::new(python)
            .arg(SCRIPT)
            .args([answer::directory().as_path(), rows.path()])
            .arg(scale.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = process.stdin.take().ok_or("a process that was given a pipe has it")?;
        let replies = process.stdout.take().ok_or("a process that was given a pipe has it")?;
        let mut duckdb = DuckDb { process, requests, replies: BufReader::new(replies) };
        duckdb.line()?; // it has read the rows, which can go
        Ok(duckdb)
    }

    fn ask(&mut self, request: &str, number: u8) -> Outcome<String> {
        writeln!(self.requests, "{request} {number}")?;
        self.requests.flush()?;
        self.line()
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.replies.read_line(&mut line)? == 0 {
            return Err("DuckDB's process ended: see above".into());
        }
        Ok(line.trim_end_matches('\n').to_owned())
    }
}

impl Peer for DuckDb {
    fn name(&self) -> &'static str {
        "duckdb"
    }

    fn answer(&mut self, number: u8, _: &str) -> Outcome<Vec<String>> {
        let rows: usize = self.ask("answer", number)?.parse()?;
        (0..rows).map(|_| self.line()).collect()
    }

    fn time(&mut self, number: u8, _: &str) -> Outcome<Duration> {
        Ok(Duration::from_secs_f64(self.ask("time", number)?.parse()?))
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        // Without anything to be asked it would end by itself; that it has is nobody's concern any more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
