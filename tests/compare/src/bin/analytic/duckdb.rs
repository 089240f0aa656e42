//! DuckDB, through Python's package. See `duckdb_peer.py`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use super::person::Person;
use super::python::Python;
use super::{Answer, Data, Gives, Outcome, Peer, Question};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/analytic/duckdb_peer.py");

pub struct DuckDb(Python);

impl DuckDb {
    pub fn load(python: &Path, data: &Data) -> Outcome<DuckDb> {
        Python::check(python, "duckdb, numpy")?;
        let rows = tempfile::tempdir()?;
        dump(rows.path(), data)?;
        let mut process = Python::start(python, SCRIPT, [rows.path()])?;
        process.line()?; // it has read the rows, which can go
        Ok(DuckDb(process))
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
            Gives::Lent => "lent",
            Gives::Columns => "columns",
        };
        let line = self.0.ask(&format!("{gives} {}", question.sql))?;
        let mut numbers = line.split(' ').map(str::parse::<f64>);
        let seconds = numbers.next().ok_or("a reply begins with the seconds it took")??;
        Ok((Duration::from_secs_f64(seconds), numbers.collect::<Result<_, _>>()?))
    }
}
