//! [`OutputBatch`]: what a query gives out, ready to be decoded into the user's types.

use alloc::vec::Vec;

use super::Vector;
use crate::engine::error::ExecError;
use crate::schema::CollectionDef;
use crate::storage::records::RecordRef;

/// Some rows of an answer, column by column.
#[derive(Debug)]
pub struct OutputBatch<'s> {
    /// How many rows.
    pub rows: usize,
    /// One column per selected item, in the order of the selection; without a selection one column of root records.
    pub columns: Vec<OutputColumn<'s>>,
}

impl<'s> OutputBatch<'s> {
    /// How many bytes the values of a row take whose lengths differ, texts and lists, in the columns from `first` on: what they
    /// take beside the records and tuples that are made of them.
    ///
    /// # Errors
    ///
    /// When the bytes of a record contradict its layout.
    pub fn variable_bytes(&self, row: usize, first: usize) -> Result<usize, ExecError> {
        let mut bytes = 0;
        for column in &self.columns[first..] {
            if let OutputColumn::Records { rows, .. } = column
                && let Some(record) = rows[row]
            {
                bytes += record.variable_bytes()?;
            }
        }
        Ok(bytes)
    }

    /// One record.
    pub(in crate::engine) fn of_record(
        collection: &'s CollectionDef,
        record: RecordRef<'s>,
    ) -> OutputBatch<'s> {
        let rows = Vec::from([Some(record)]);
        OutputBatch { rows: 1, columns: Vec::from([OutputColumn::Records { collection, rows }]) }
    }
}

/// One selected item's values. Row `n` of a batch is number `n` of every column.
pub enum OutputColumn<'s> {
    /// Whole records.
    Records {
        /// The collection they are of.
        collection: &'s CollectionDef,
        /// The records; absent where an optional relation leads nowhere.
        rows: Vec<Option<RecordRef<'s>>>,
    },
    /// Values.
    Values(Vector<'s>),
}

impl core::fmt::Debug for OutputColumn<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            OutputColumn::Records { collection, rows } => {
                let ranks: Vec<_> = rows.iter().map(|row| row.as_ref().map(RecordRef::rank)).collect();
                f.debug_struct("Records")
                    .field("collection", &collection.name)
                    .field("ranks", &ranks)
                    .finish()
            }
            OutputColumn::Values(vector) => vector.fmt(f),
        }
    }
}
