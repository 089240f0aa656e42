//! Queries, built with closures over typed fields.

use core::marker::PhantomData;

use crate::collection::Collection;
use crate::expr::Draft;

/// A query of scope `S` that yields `O`.
pub struct Query<S, O> {
    draft: Draft,
    scope: PhantomData<fn() -> (S, O)>,
}

impl<C: Collection> Query<C, C> {
    pub(crate) fn over() -> Query<C, C> {
        Query { draft: Draft { root: C::schema, clauses: alloc::vec::Vec::new() }, scope: PhantomData }
    }
}

/// Something that selects.
pub trait Selection<S> {
    /// What a row yields.
    type Value;

    /// Appends the columns it needs.
    fn describe(self, columns: &mut alloc::vec::Vec<crate::expr::SelectItem>);

    /// Reads what [`describe`](Selection::describe) asked for, in the same order.
    ///
    /// # Errors
    ///
    /// When stored bytes are damaged or are not values of the types expected.
    fn read(row: &mut RowReader<'_>) -> Result<Self::Value, crate::Error>;
}

/// One row of what came out, read column by column.
pub struct RowReader<'a> {
    cells: &'a [Option<&'a [u8]>],
}
