//! [`Selection`]: what can come out of a query, and how a row of it is read.

use alloc::vec::Vec;

use super::Records;
use crate::Error;
use crate::collection::{Collection, Expr, Field, Mode, Proxy, RecordReader};
use crate::engine::{OutputBatch, OutputColumn};
use crate::expr::SelectItem;
use crate::value::{Type, Value, key};

/// What `select` takes: a field or expression of scope `S`, a whole row, a tuple of up to ten, or a view's fields.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be selected from a query over `{S}`",
    label = "expected fields or expressions of this query",
    note = "several are a tuple of at most ten, or the fields struct of a `#[derive(View)]` struct"
)]
pub trait Selection<S> {
    /// What a row yields.
    type Value;

    /// Appends the columns that are needed.
    fn describe(self, columns: &mut Vec<SelectItem>);

    /// Reads the columns that [`describe`](Selection::describe) named, in the same order.
    ///
    /// # Errors
    ///
    /// When stored bytes are damaged, or are not values of the types expected.
    fn read(row: &mut RowReader<'_>) -> Result<Self::Value, Error>;
}

/// A [`Selection`] of values of type `V`: what each field of a view asks for.
#[diagnostic::on_unimplemented(
    message = "a field of a view is of type `{V}`, and `{Self}` is selected for it",
    label = "this view wants a field or expression of type `{V}`"
)]
pub trait Yields<S, V>: Selection<S, Value = V> {}

#[diagnostic::do_not_recommend]
impl<S, V, X: Selection<S, Value = V>> Yields<S, V> for X {}

/// One row of what comes out, read column by column.
#[derive(Debug)]
pub struct RowReader<'a> {
    batch: &'a OutputBatch<'a>,
    row: usize,
    column: usize,
}

impl<'a> RowReader<'a> {
    fn next_column(&mut self) -> &'a OutputColumn<'a> {
        self.column += 1;
        &self.batch.columns[self.column - 1]
    }

    /// A row, read from a column on.
    pub(super) fn from_column(batch: &'a OutputBatch<'a>, row: usize, column: usize) -> RowReader<'a> {
        RowReader { batch, row, column }
    }

    /// The rank of the next column's value, which is of a clustering type.
    pub(super) fn rank(&mut self) -> Option<u128> {
        match self.next_column() {
            OutputColumn::Values(vector) => {
                vector.cell(self.row).map(|cell| match (vector.ty(), cell.try_into()) {
                    // What nearly all relations are.
                    (Type::Id, Ok(cell)) => u64::from_le_bytes(cell).into(),
                    (ty, _) => key::rank(ty, cell),
                })
            }
            OutputColumn::Records { .. } => unreachable!("a key was selected"),
        }
    }

    /// The next column's record, which is there.
    pub(super) fn record_of<C: Collection>(&mut self) -> Result<C, Error> {
        self.record()?.ok_or_else(|| Error::missing_row(C::schema().name))
    }

    /// The next column's value.
    #[inline]
    pub(super) fn value<T: Value>(&mut self) -> Result<T, Error> {
        match self.next_column() {
            OutputColumn::Values(vector) => Ok(T::read(vector.cell(self.row))?),
            OutputColumn::Records { .. } => unreachable!("a value was selected"),
        }
    }

    /// The next column's record; `None` where the row is absent.
    #[inline]
    fn record<C: Collection>(&mut self) -> Result<Option<C>, Error> {
        match self.next_column() {
            OutputColumn::Records { collection, rows } => match rows[self.row] {
                Some(record) => Ok(Some(C::decode(&RecordReader::new(record, collection))?)),
                None => Ok(None),
            },
            OutputColumn::Values(_) => unreachable!("a record was selected"),
        }
    }
}

/// Appends what the rows of a batch yield.
pub(super) type DecodeBatch<O> = fn(&OutputBatch<'_>, &mut Vec<O>) -> Result<(), Error>;

pub(super) fn decode_batch<S, X: Selection<S>>(
    batch: &OutputBatch<'_>,
    out: &mut Vec<X::Value>,
) -> Result<(), Error> {
    decode_rows(batch, out, X::read)
}

/// Reads every row of a batch with `read`.
pub(super) fn decode_rows<O>(
    batch: &OutputBatch<'_>,
    out: &mut Vec<O>,
    read: impl Fn(&mut RowReader<'_>) -> Result<O, Error>,
) -> Result<(), Error> {
    out.reserve(batch.rows);
    for row in 0..batch.rows {
        out.push(read(&mut RowReader { batch, row, column: 0 })?);
    }
    Ok(())
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> Selection<S> for Field<S, T> {
    type Value = T;

    fn describe(self, columns: &mut Vec<SelectItem>) {
        columns.push(SelectItem::Value(self.erase().whole()));
    }

    #[inline]
    fn read(row: &mut RowReader<'_>) -> Result<T, Error> {
        row.value()
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> Selection<S> for Expr<S, T> {
    type Value = T;

    fn describe(self, columns: &mut Vec<SelectItem>) {
        columns.push(SelectItem::Value(self.erase().whole()));
    }

    #[inline]
    fn read(row: &mut RowReader<'_>) -> Result<T, Error> {
        row.value()
    }
}

/// Selects a whole row: its record, or an `Option` of it behind an optional relation. The derive implements
/// [`Selection`] for each fields struct with this and [`read_row`]: one implementation for all of them would keep rustc
/// from saying which part of a tuple or view is at fault.
pub fn describe_row<P: Proxy>(row: P, columns: &mut Vec<SelectItem>) {
    columns.push(SelectItem::Record(row.row()));
}

/// What a fields struct yields when it is selected.
pub type RowOf<P> = <<P as Proxy>::Mode as Mode>::Record<<P as Proxy>::Collection>;

/// Reads what [`describe_row`] selected.
///
/// # Errors
///
/// When stored bytes are damaged, or are not values of the fields' types.
#[inline]
pub fn read_row<P: Proxy>(row: &mut RowReader<'_>) -> Result<RowOf<P>, Error> {
    let record = row.record::<P::Collection>()?;
    P::Mode::record(record).ok_or_else(|| Error::missing_row(P::Collection::schema().name))
}

/// Appends the records that the rows of a batch are.
pub(super) fn decode_records<S: Records>(
    batch: &OutputBatch<'_>,
    out: &mut Vec<S::Records>,
) -> Result<(), Error> {
    decode_rows(batch, out, S::read)
}

macro_rules! selection_of_tuple {
    ($($part:ident $at:tt),*) => {
        #[diagnostic::do_not_recommend]
        impl<S, $($part: Selection<S>),*> Selection<S> for ($($part,)*) {
            type Value = ($($part::Value,)*);

            fn describe(self, columns: &mut Vec<SelectItem>) {
                $(self.$at.describe(columns);)*
            }

            #[inline]
            fn read(row: &mut RowReader<'_>) -> Result<Self::Value, Error> {
                Ok(($($part::read(row)?,)*))
            }
        }
    };
}

/// Calls a macro with the members of each tuple of one to ten.
macro_rules! for_tuples {
    ($macro:ident) => {
        $macro!(A 0);
        $macro!(A 0, B 1);
        $macro!(A 0, B 1, C 2);
        $macro!(A 0, B 1, C 2, D 3);
        $macro!(A 0, B 1, C 2, D 3, E 4);
        $macro!(A 0, B 1, C 2, D 3, E 4, F 5);
        $macro!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
        $macro!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
        $macro!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
        $macro!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
    };
}

for_tuples!(selection_of_tuple);
pub(super) use for_tuples;
