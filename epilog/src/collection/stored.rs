//! [`Stored`] and [`Target`]: how generated code asks whether types will do.
//!
//! A derive cannot know whether a field's type can be stored, or whether an `Id` points at a collection; what it writes
//! can only ask. It must ask in many places (the fields struct, the schema, the codec) and be answered in one, so that
//! one mistake is one error:
//!
//! - Whether a type can be stored is asked by the fields struct, through the bound of [`Mode::Field`](super::Mode::Field).
//!   Everything else goes through [`Stored`], which accepts every type: where the type is no [`Value`], the functions
//!   come from [`NotStored`] and are never run, for the fields struct has stopped the build.
//! - Whether a type can be pointed at is asked as `<T as Target>::…`, always on the user's own tokens, which rustc
//!   reports once.

use core::marker::PhantomData;

use super::{BorrowedRecord, Mode, Proxy, ReadError, RecordReader, RecordWriter};
use crate::expr::{FieldPath, RowPath};
use crate::schema::{CollectionSchema, FieldSchema};
use crate::value::{Entered, Indexed, Scalar, Type, Value};

/// What generated code does with a field of type `T`.
#[derive(Debug)]
pub struct Stored<T>(PhantomData<fn() -> T>);

impl<T: Value> Stored<T> {
    /// The schema of a field of this type, still without a name.
    pub const SCHEMA: FieldSchema = FieldSchema::new::<T>("");

    /// Hands the cell of `value` to `record`.
    #[inline]
    pub fn put(value: &T, record: &mut dyn RecordWriter, ordinal: u16) {
        value.with_cell(|cell| record.put(ordinal, cell));
    }

    /// Reads the value of the field with this ordinal.
    ///
    /// # Errors
    ///
    /// When the record's bytes are damaged, or are not a value of this type.
    #[inline]
    pub fn take(record: &RecordReader<'_>, ordinal: u16) -> Result<T, ReadError> {
        record.take(ordinal)
    }

    /// The value of the field with this ordinal of a record that is lent.
    #[inline]
    pub fn value(record: BorrowedRecord<'_>, ordinal: u16) -> T {
        record.value(ordinal)
    }

    /// A copy of `value`: a part of the key.
    #[inline]
    pub fn copy(value: &T) -> T {
        value.clone()
    }

    /// `value` as a literal: that of `#[default(…)]`.
    pub fn scalar(value: T) -> Scalar {
        value.to_scalar()
    }

    /// Asks whether a unique index, one of several fields, can hold the type.
    pub const fn indexed()
    where
        T: Indexed,
    {
    }

    /// Asks whether an index of the field alone, which is not unique, can hold the type.
    pub const fn entered()
    where
        T: Entered,
    {
    }
}

/// Stands in for the functions of [`Stored`] where a type cannot be stored, which is reported elsewhere.
pub trait NotStored<T>: Sized {
    /// Never read.
    const SCHEMA: FieldSchema =
        FieldSchema { name: "", ty: Type::Bool, optional: false, reference: None, default: None };

    /// Never called.
    fn put(_: &T, _: &mut dyn RecordWriter, _: u16) {
        unreachable!("the type cannot be stored")
    }

    /// Never called.
    ///
    /// # Errors
    ///
    /// Never.
    fn take(_: &RecordReader<'_>, _: u16) -> Result<T, ReadError> {
        unreachable!("the type cannot be stored")
    }

    /// Never called.
    fn value(_: BorrowedRecord<'_>, _: u16) -> T {
        unreachable!("the type cannot be stored")
    }

    /// Never called.
    fn copy(_: &T) -> T {
        unreachable!("the type cannot be stored")
    }

    /// Never called.
    fn scalar(_: T) -> Scalar {
        unreachable!("the type cannot be stored")
    }

    /// Never called.
    fn indexed() {
        unreachable!("the type cannot be stored")
    }

    /// Never called.
    fn entered() {
        unreachable!("the type cannot be stored")
    }
}

impl<T> NotStored<T> for Stored<T> {}

/// What a fields struct has for a field: [`Field`](super::Field) or [`OwnField`](super::OwnField).
pub trait Member: Copy {
    /// The field at `path`.
    fn at(path: FieldPath) -> Self;

    /// Where it is.
    fn path(&self) -> FieldPath;
}

/// The field with this ordinal of `row`.
#[inline]
pub fn member<F: Member>(row: RowPath, ordinal: u16) -> F {
    F::at(FieldPath { row, ordinal })
}

/// The row that a field belongs to.
#[inline]
pub fn row_of<F: Member>(field: &F) -> RowPath {
    field.path().row
}

/// A collection that an `Id` can point at: one whose key the database assigns. Made by the derive.
#[diagnostic::on_unimplemented(
    message = "an `Id` cannot point at `{Self}`",
    label = "not a collection with a key of type `Id<{Self}>`",
    note = "derive `Collection` for `{Self}`, with a field `id: Id<{Self}>`"
)]
pub trait Target: Sized {
    /// Its fields struct.
    type Row<S, M: Mode>: Proxy;

    /// Its schema.
    fn target() -> &'static CollectionSchema;
}
