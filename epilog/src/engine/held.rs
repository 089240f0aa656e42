//! [`Held`]: rows together with the operation that they are read in.

#![allow(unsafe_code)]

use alloc::rc::Rc;
use core::fmt;

use super::{EngineError, ExecError, OutputBatch, Rows, View};
use crate::storage::facade::Operation;

/// The rows of a query, and the operation that they are read in: for whoever keeps rows beyond a call.
pub struct Held<'s> {
    /// Borrows from `operation`; dropped first.
    rows: Rows<'s>,
    /// Its address stays the same when `self` moves. No box: that would claim to be the only way to it.
    operation: Rc<Operation<'s>>,
}

impl<'s> Held<'s> {
    /// The rows that `run` gets ready within `operation`.
    pub(super) fn new(
        operation: Operation<'s>,
        run: impl for<'v> FnOnce(View<'v>) -> Result<Rows<'v>, EngineError>,
    ) -> Result<Held<'s>, EngineError> {
        let operation = Rc::new(operation);
        let view = operation.view();
        // SAFETY: the view borrows from the operation, which `self` keeps where it is and as it is until the rows made
        // of the view are dropped: fields are dropped in their order. Nobody gets at the longer lifetime: `run` knows
        // none, and `next_batch` shortens it to that of a borrow of `self`.
        let view = unsafe { core::mem::transmute::<View<'_>, View<'s>>(view) };
        Ok(Held { rows: run(view)?, operation })
    }

    /// As [`Rows::next_batch`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn next_batch(&mut self) -> Result<Option<OutputBatch<'_>>, ExecError> {
        let batch: Option<OutputBatch<'_>> = self.rows.next_batch()?;
        Ok(batch)
    }
}

impl fmt::Debug for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = &self.operation;
        f.debug_struct("Held").field("rows", &self.rows).finish_non_exhaustive()
    }
}
