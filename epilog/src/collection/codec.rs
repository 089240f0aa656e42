//! How a struct becomes a record and comes back: cell by cell, by ordinal.

use crate::storage::StorageError;
use crate::value::{Cell, Value};

/// What a record cannot be read for.
pub type ReadError = StorageError;

/// Receives the cells of a record.
pub trait RecordWriter {
    /// Takes the cell of the field with this ordinal. Called once per field, in the order of the ordinals.
    fn put(&mut self, ordinal: u16, cell: Cell<'_>);
}

/// Gives the cells of a stored record.
pub trait CellSource {
    /// Calls `then` with the cell of the field with this ordinal, once.
    ///
    /// # Errors
    ///
    /// When the record's bytes are damaged, or an out-of-line value cannot be read.
    fn with_cell(&self, ordinal: u16, then: &mut dyn FnMut(Cell<'_>)) -> Result<(), ReadError>;
}

/// A stored record, to be read field by field.
#[derive(Clone, Copy)]
pub struct RecordReader<'a> {
    source: &'a dyn CellSource,
}

impl<'a> RecordReader<'a> {
    /// A reader of this record.
    pub fn new(source: &'a dyn CellSource) -> RecordReader<'a> {
        RecordReader { source }
    }

    /// The value of the field with this ordinal.
    ///
    /// # Errors
    ///
    /// When the record's bytes are damaged, or are not a value of type `T`.
    #[inline]
    pub fn take<T: Value>(&self, ordinal: u16) -> Result<T, ReadError> {
        let mut value = None;
        self.source.with_cell(ordinal, &mut |cell| value = Some(T::read(cell)))?;
        Ok(value.expect("a source hands out the cell")?)
    }
}

impl core::fmt::Debug for RecordReader<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RecordReader")
    }
}
