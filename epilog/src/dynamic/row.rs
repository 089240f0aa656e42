//! [`Row`] and [`Record`]: what comes out.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::problem::{Names, Problem};
use super::scope::ordinal;
use crate::Error;
use crate::engine::{ExecError, OutputBatch, OutputColumn};
use crate::schema::CollectionSchema;
use crate::value::{DecodeError, Scalar, Type, Value};

/// One row of an answer: values and records, by their places or names.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    names: Arc<[Option<String>]>,
    cells: Vec<Cell>,
}

/// One thing that a row has.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A value, and its type.
    Value(Scalar, Type),
    /// A whole record; `None` where there is none.
    Record(Option<Record>),
}

/// A whole record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    collection: Declared,
    values: Vec<Scalar>,
}

#[derive(Clone, Copy, Debug)]
struct Declared(&'static CollectionSchema);

impl PartialEq for Declared {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self.0, other.0)
    }
}

impl Row {
    /// How many values and records it has.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Their names, in order; `None` of an expression that was given none.
    pub fn names(&self) -> impl Iterator<Item = Option<&str>> {
        self.names.iter().map(Option::as_deref)
    }

    /// What it has, in order.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The first of this name: of what was selected, or a field of its only record.
    ///
    /// # Errors
    ///
    /// [`Plan`](crate::ErrorKind::Plan) when there is none, when it is of another type, and when it is absent and `T` no `Option`.
    pub fn get<T: Value>(&self, name: &str) -> Result<T, Error> {
        let at = self.names.iter().position(|known| known.as_deref() == Some(name));
        match (at.map(|at| &self.cells[at]), self.cells.as_slice()) {
            (Some(Cell::Value(value, ty)), _) => decode(name, value, *ty),
            (None, [Cell::Record(Some(record))]) => record.get(name),
            (Some(Cell::Record(_)), _) => Err(Error::dynamic(Problem::ARecord { name: name.to_string() })),
            _ => {
                let known = self.names.iter().flatten().cloned();
                let known = Names::beside(name, known);
                Err(Error::dynamic(Problem::NoName { name: name.to_string(), known }))
            }
        }
    }

    /// The one at this place, from 0.
    ///
    /// # Errors
    ///
    /// As [`get`](Row::get).
    pub fn at<T: Value>(&self, place: usize) -> Result<T, Error> {
        match self.cells.get(place) {
            Some(Cell::Value(value, ty)) => decode(&place.to_string(), value, *ty),
            Some(Cell::Record(_)) => Err(Error::dynamic(Problem::ARecord { name: place.to_string() })),
            None => Err(Error::dynamic(Problem::NoPlace { place, count: self.cells.len() })),
        }
    }

    /// The record at this place, from 0; `None` where there is none, and where there is a value.
    pub fn record(&self, place: usize) -> Option<&Record> {
        match self.cells.get(place) {
            Some(Cell::Record(record)) => record.as_ref(),
            _ => None,
        }
    }
}

impl Record {
    /// The collection that it is of.
    pub fn collection(&self) -> &'static str {
        self.collection.0.name
    }

    /// Its fields in the order declared: name, type and value.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, Type, &Scalar)> {
        self.collection.0.fields.iter().zip(&self.values).map(|(field, value)| (field.name, field.ty, value))
    }

    /// The value of a field.
    ///
    /// # Errors
    ///
    /// [`Plan`](crate::ErrorKind::Plan) when it has no such field, when that is of another type, and when the value is absent and `T` no `Option`.
    pub fn get<T: Value>(&self, name: &str) -> Result<T, Error> {
        let at = ordinal(self.collection.0, name).map_err(Error::dynamic)?;
        let at = usize::from(at);
        decode(name, &self.values[at], self.collection.0.fields[at].ty)
    }
}

fn decode<T: Value>(name: &str, value: &Scalar, ty: Type) -> Result<T, Error> {
    if T::TYPE != ty {
        return Err(Error::dynamic(Problem::OtherType { name: name.to_string(), ty, asked: T::TYPE }));
    }
    if value.is_null() && !T::OPTIONAL {
        return Err(Error::dynamic(Problem::Absent { name: name.to_string() }));
    }
    Ok(value.with_cell(ty, T::read).map_err(ExecError::from)?)
}

/// Appends the rows of a batch.
pub(super) fn read(
    batch: &OutputBatch<'_>,
    names: &Arc<[Option<String>]>,
    out: &mut Vec<Row>,
) -> Result<(), Error> {
    for row in 0..batch.rows {
        let cells = batch.columns.iter().map(|column| match column {
            OutputColumn::Values(vector) => {
                let ty = vector.ty();
                let value =
                    Scalar::from_cell(ty, vector.cell(row)).ok_or(ExecError::from(DecodeError { ty }))?;
                Ok(Cell::Value(value, ty))
            }
            OutputColumn::Records { collection, rows } => {
                let (Some(record), Some(schema)) = (rows[row], collection.declared) else {
                    return Ok(Cell::Record(None));
                };
                let values = schema.fields.iter().zip(&collection.places).map(|(field, place)| {
                    let cell = record.field(place)?;
                    let damaged = ExecError::from(DecodeError { ty: field.ty });
                    Ok(Scalar::from_cell(field.ty, cell.as_cell()).ok_or(damaged)?)
                });
                let values = values.collect::<Result<Vec<Scalar>, Error>>()?;
                Ok(Cell::Record(Some(Record { collection: Declared(schema), values })))
            }
        });
        let cells = cells.collect::<Result<Vec<Cell>, Error>>()?;
        out.push(Row { names: names.clone(), cells });
    }
    Ok(())
}
