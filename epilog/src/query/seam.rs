//! What queries need of the engine and of storage: until those land, the same names over a trait.
//!
//! To be replaced by `pub use crate::engine::{OutputBatch, OutputColumn, Plan, Rows, View, count, exists, explain, run}`.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::Error;
use crate::expr::Draft;
use crate::schema::CollectionDef;
use crate::storage::records::RecordRef;
use crate::value::Cell;

/// What is stored, at one moment.
#[derive(Clone, Copy)]
pub struct View<'s> {
    backend: &'s dyn Backend,
}

/// What answers queries.
pub trait Backend {
    /// The batches that answer a query.
    ///
    /// # Errors
    ///
    /// When reading fails.
    fn batches(&self, draft: &Draft) -> Result<Vec<OutputBatch<'_>>, Error>;
}

/// The answer to a query, batch by batch.
pub struct Rows<'s> {
    batches: alloc::vec::IntoIter<OutputBatch<'s>>,
}

/// Some rows of an answer, column by column.
#[derive(Debug, Clone)]
pub struct OutputBatch<'s> {
    /// How many rows.
    pub rows: usize,
    /// One column per selected item.
    pub columns: Vec<OutputColumn<'s>>,
}

/// One selected item's values.
#[derive(Clone)]
pub enum OutputColumn<'s> {
    /// Whole records.
    Records {
        /// The collection they are of.
        collection: &'s CollectionDef,
        /// The records.
        rows: Vec<Option<RecordRef<'s>>>,
    },
    /// Values.
    Values(Vector<'s>),
}

impl fmt::Debug for OutputColumn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OutputColumn::Records { .. } => "Records",
            OutputColumn::Values(_) => "Values",
        })
    }
}

/// The values of one column.
#[derive(Debug, Clone)]
pub struct Vector<'s>(pub Vec<Cell<'s>>);

/// How a query is carried out.
#[derive(Debug)]
pub struct Plan {
    text: String,
}

impl<'s> View<'s> {
    /// A view of what `backend` answers.
    pub fn new(backend: &'s dyn Backend) -> View<'s> {
        View { backend }
    }
}

impl Vector<'_> {
    /// The value of `row`.
    pub fn cell(&self, row: usize) -> Cell<'_> {
        self.0[row]
    }
}

impl<'s> Rows<'s> {
    /// The next batch.
    ///
    /// # Errors
    ///
    /// When reading fails.
    pub fn next_batch(&mut self) -> Result<Option<OutputBatch<'s>>, Error> {
        Ok(self.batches.next())
    }
}

/// Runs a query.
///
/// # Errors
///
/// When reading fails.
pub fn run<'s>(view: View<'s>, draft: &Draft) -> Result<Rows<'s>, Error> {
    Ok(Rows { batches: view.backend.batches(draft)?.into_iter() })
}

/// How many rows a query has.
///
/// # Errors
///
/// When reading fails.
pub fn count(view: View<'_>, draft: &Draft) -> Result<u64, Error> {
    Ok(view.backend.batches(draft)?.iter().map(|batch| batch.rows as u64).sum())
}

/// Whether a query has a row.
///
/// # Errors
///
/// When reading fails.
pub fn exists(view: View<'_>, draft: &Draft) -> Result<bool, Error> {
    Ok(count(view, draft)? > 0)
}

/// How a query would be carried out.
///
/// # Errors
///
/// When it cannot be planned.
pub fn explain(_: View<'_>, draft: &Draft) -> Result<Plan, Error> {
    Ok(Plan { text: format!("{draft:?}") })
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("View")
    }
}

impl<B: Backend + ?Sized> Backend for Box<B> {
    fn batches(&self, draft: &Draft) -> Result<Vec<OutputBatch<'_>>, Error> {
        (**self).batches(draft)
    }
}
