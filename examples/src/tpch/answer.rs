//! Answers as text, and the expected ones.
//!
//! A row is a line of cells with `|` between them. A number with a fraction is rounded to six digits after the point, the
//! even one of two equally near, and has no zeros at its end: exact for every sum of the questions, and beyond what an
//! average is asked for.

use std::path::{Path, PathBuf};
use std::{fs, io};

use chrono::NaiveDate;
use epilog::Error;
use epilog::prelude::*;
use epilog::query::HeldBy;
use rust_decimal::Decimal;

use super::Tpch;

/// What the questions read from.
pub type Read<'db> = ReadTransaction<'db, Tpch>;

/// A question: a query over [`Tpch`] whose rows can be written as text.
pub trait Question {
    /// Runs it. Returns how many typed rows came out.
    ///
    /// # Errors
    ///
    /// When the data cannot be read.
    fn run(&self, tx: &Read<'_>) -> Result<usize, Error>;

    /// Runs it. Returns a line for each row.
    ///
    /// # Errors
    ///
    /// When the data cannot be read.
    fn answer(&self, tx: &Read<'_>) -> Result<Vec<String>, Error>;

    /// How it would be carried out.
    ///
    /// # Errors
    ///
    /// When statistics cannot be read.
    fn explain(&self, tx: &Read<'_>) -> Result<String, Error>;

    /// Runs it. Returns how it was carried out: what each operator was expected to give, gave, and took.
    ///
    /// # Errors
    ///
    /// When the data cannot be read.
    fn analyze(&self, tx: &Read<'_>) -> Result<String, Error>;
}

impl<S: HeldBy<Tpch>, O: Row> Question for Query<S, O> {
    fn run(&self, tx: &Read<'_>) -> Result<usize, Error> {
        Ok(self.all(tx)?.len())
    }

    fn answer(&self, tx: &Read<'_>) -> Result<Vec<String>, Error> {
        Ok(self.all(tx)?.iter().map(|row| row.cells().join("|")).collect())
    }

    fn explain(&self, tx: &Read<'_>) -> Result<String, Error> {
        Ok(Query::explain(self, tx)?.to_string())
    }

    fn analyze(&self, tx: &Read<'_>) -> Result<String, Error> {
        Ok(format!("{:#}", self.explain_analyze(tx)?))
    }
}

/// The expected answer to question `number` at scale factor `scale`, from `data/tpch`.
///
/// # Errors
///
/// `NotFound` when there is none for that scale factor; otherwise when the file cannot be read.
pub fn expected(scale: f64, number: u8) -> io::Result<Vec<String>> {
    let path = directory().join(format!("sf{scale}")).join(format!("q{number:02}.csv"));
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display()))),
    }
}

/// Where expected answers and SQL texts lie: `examples/data/tpch`.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/tpch")
}

/// Where two answers part: the first line that differs, by its number from 1, with what was expected and what is there.
/// `None` when they are the same.
pub fn difference(expected: &[String], actual: &[String]) -> Option<String> {
    let rows = expected.len().max(actual.len());
    let row = (0..rows).find(|&row| expected.get(row) != actual.get(row))?;
    let line = |lines: &[String]| lines.get(row).map_or("nothing".to_owned(), |line| format!("`{line}`"));
    Some(format!("row {} of {rows}: expected {}, found {}", row + 1, line(expected), line(actual)))
}

/// One value of a row.
pub trait Cell {
    /// How it is written.
    fn text(&self) -> String;
}

macro_rules! plain_cells {
    ($($rust:ty),*) => {$(
        impl Cell for $rust {
            fn text(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

plain_cells!(String, char, i32, i64, u32, u64, NaiveDate);

impl Cell for Decimal {
    fn text(&self) -> String {
        self.round_dp(6).normalize().to_string()
    }
}

impl<C> Cell for Id<C> {
    fn text(&self) -> String {
        self.get().to_string()
    }
}

/// What is absent is an empty text.
impl<T: Cell> Cell for Option<T> {
    fn text(&self) -> String {
        self.as_ref().map(Cell::text).unwrap_or_default()
    }
}

/// A row: a cell, or a tuple of up to ten.
pub trait Row {
    /// The cells as text.
    fn cells(&self) -> Vec<String>;
}

impl<T: Cell> Row for T {
    fn cells(&self) -> Vec<String> {
        vec![self.text()]
    }
}

macro_rules! rows {
    ($($cell:ident $at:tt),*) => {
        impl<$($cell: Cell),*> Row for ($($cell,)*) {
            fn cells(&self) -> Vec<String> {
                vec![$(self.$at.text()),*]
            }
        }
    };
}

rows!(A 0, B 1);
rows!(A 0, B 1, C 2);
rows!(A 0, B 1, C 2, D 3);
rows!(A 0, B 1, C 2, D 3, E 4);
rows!(A 0, B 1, C 2, D 3, E 4, F 5);
rows!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
rows!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
rows!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
rows!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
