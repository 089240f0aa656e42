//! What generated code names. Not for use by hand; may change in any release.

pub use crate::collection::{
    BelongsTo, BorrowedRecord, Collection, Enlist, Holds, Id, List, Many, Mode, Name, NotStored, Opt, Proxy,
    ReadError, RecordReader, RecordWriter, Relation, Req, Stored, Target, member, row_of,
};
pub use crate::error::Error;
pub use crate::expr::{RowPath, SelectItem};
pub use crate::query::{RowOf, RowReader, Selection, Yields, describe_row, read_row};
#[cfg(not(feature = "small"))]
pub use crate::schema::condition::{Comparison, ConditionSchema, DeclaredTest};
pub use crate::schema::{CollectionSchema, DatabaseSchema, IndexSchema, KeySchema, OnDelete};

pub use alloc::string::String;
pub use alloc::vec::Vec;
pub use core::clone::Clone;
pub use core::marker::{Copy, PhantomData};
pub use core::result::Result;

/// The fields of the row that the relation with this ordinal of `row` points at.
pub fn follow<P: Proxy>(row: RowPath, ordinal: u16) -> P {
    P::at(row.hop(ordinal))
}

#[cfg(feature = "std")]
pub use std::path::Path;
