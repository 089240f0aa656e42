//! What generated code names. Not for use by hand; may change in any release.

pub use crate::collection::{
    BelongsTo, Collection, Field, Id, Key, Many, Mode, Opt, Own, Proxy, ReadError, RecordReader,
    RecordWriter, RelationsWithin, Req, Schema, Within,
};
pub use crate::expr::{FieldPath, RowPath, SelectItem};
pub use crate::query::{RowReader, Selection};
pub use crate::schema::{CollectionSchema, DatabaseSchema, FieldSchema, IndexSchema, KeySchema, OnDelete};
pub use crate::value::{Scalar, Value};

pub use alloc::vec::Vec;
pub use core::clone::Clone;
pub use core::marker::Copy;
pub use core::option::Option;
pub use core::result::Result;

/// The field with this ordinal of `row`, in mode `M`.
pub fn field<M: Mode, S, T: Value>(row: RowPath, ordinal: u16) -> M::Field<S, T> {
    M::field(FieldPath { row, ordinal })
}

/// The row that a field belongs to.
pub fn row_of<M: Mode, S, T: Value>(field: &M::Field<S, T>) -> RowPath {
    M::path::<S, T>(field).row
}

/// The fields of the row that the relation with this ordinal of `row` points at.
pub fn follow<P: Proxy>(row: RowPath, ordinal: u16) -> P {
    P::at(row.hop(ordinal))
}

/// Hands a field's cell to a record.
#[inline]
pub fn put<T: Value>(record: &mut dyn RecordWriter, ordinal: u16, value: &T) {
    value.with_cell(|cell| record.put(ordinal, cell));
}

/// FNV-1a, 64 bits, of a field's name; see [`BelongsTo`].
pub const fn name_hash(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let (mut hash, mut at) = (0xCBF2_9CE4_8422_2325, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x100_0000_01B3);
        at += 1;
    }
    hash
}
