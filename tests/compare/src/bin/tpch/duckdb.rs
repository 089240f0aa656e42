//! DuckDB, through Python's package. See `duckdb_peer.py`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use epilog_examples::tpch::{answer, dump};

use super::python::Python;
use super::{Outcome, Peer};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/tpch/duckdb_peer.py");

pub struct DuckDb(Python);

impl DuckDb {
    pub fn load(python: &Path, scale: f64) -> Outcome<DuckDb> {
        Python::check(python, "duckdb")?;
        let rows = tempfile::tempdir()?;
        dump(rows.path(), scale)?;
        let arguments = [answer::directory(), rows.path().to_owned(), PathBuf::from(scale.to_string())];
        let mut process = Python::start(python, SCRIPT, arguments)?;
        process.line()?; // it has read the rows, which can go
        Ok(DuckDb(process))
    }
}

impl Peer for DuckDb {
    fn name(&self) -> &'static str {
        "duckdb"
    }

    fn answer(&mut self, number: u8, _: &str) -> Outcome<Vec<String>> {
        let rows: usize = self.0.ask(&format!("answer {number}"))?.parse()?;
        (0..rows).map(|_| self.0.line()).collect()
    }

    fn time(&mut self, number: u8, _: &str) -> Outcome<Duration> {
        Ok(Duration::from_secs_f64(self.0.ask(&format!("time {number}"))?.parse()?))
    }
}
