//! How a struct becomes a record and comes back: cell by cell, by ordinal.

use core::fmt;

use crate::schema::{CollectionDef, Place, Spot};
use crate::storage::StorageError;
use crate::storage::records::RecordRef;
use crate::value::{Cell, DecodeError, Type, Value};

/// What a record cannot be read for.
pub type ReadError = StorageError;

/// Receives the cells of a record.
pub trait RecordWriter {
    /// Takes the cell of the field with this ordinal. Called once per field, in the order of the ordinals.
    fn put(&mut self, ordinal: u16, cell: Cell<'_>);
}

/// A stored record, to be read field by field.
#[derive(Clone, Copy)]
pub struct RecordReader<'a> {
    record: RecordRef<'a>,
    places: &'a [Place],
}

impl<'a> RecordReader<'a> {
    /// A reader of a record of `collection`, which is bound to a declared one.
    #[inline]
    pub(crate) fn new(record: RecordRef<'a>, collection: &'a CollectionDef) -> RecordReader<'a> {
        RecordReader { record, places: &collection.places }
    }

    /// The value of the field with this ordinal.
    ///
    /// # Errors
    ///
    /// When the record's bytes are damaged, or are not a value of type `T`.
    #[inline]
    pub fn take<T: Value>(&self, ordinal: u16) -> Result<T, ReadError> {
        let place = &self.places[usize::from(ordinal)];
        // The commonest places are read here, so that what is known of `T` is of use.
        if !self.record.is_null(place) {
            match (place.spot, const { T::TYPE.width() }) {
                (Spot::Hot(offset), Some(width)) => {
                    let bytes = self.record.row().get(usize::from(offset)..usize::from(offset) + width);
                    return Ok(T::read(bytes)?);
                }
                (Spot::Variable(number), None) => return Ok(T::read(Some(self.record.variable(number)?))?),
                _ => {}
            }
        }
        Ok(T::read(self.record.field(place)?.as_cell())?)
    }
}

impl<'a> RecordReader<'a> {
    /// The bytes of the field with this ordinal, whose type this is: text or bytes.
    ///
    /// # Errors
    ///
    /// When it is of another type; when the record's bytes are damaged, or a value that lies out of line cannot be read.
    #[inline]
    pub(crate) fn bytes(&self, ordinal: u16, ty: Type) -> Result<Cell<'a>, ReadError> {
        let place = &self.places[usize::from(ordinal)];
        match place.spot {
            _ if self.record.is_null(place) => Ok(None),
            Spot::Variable(number) if place.ty == ty => self.record.variable(number).map(Some),
            _ => Err(DecodeError { ty }.into()),
        }
    }
}

impl fmt::Debug for RecordReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordReader").field("rank", &self.record.rank()).finish_non_exhaustive()
    }
}
