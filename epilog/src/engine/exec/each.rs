//! Tests of the elements of lists: whether one holds for any, or for all.
//!
//! The elements of the lists of many rows are put into batches of their own, over which the test is evaluated like any
//! expression. Of a list that is decided by a batch the elements behind are not looked at.

use alloc::vec::Vec;

use super::batch::{Batch, GATHERED_MAX};
use super::evaluate::evaluate;
use super::vector::Cells;
use super::{Env, Vector};
use crate::engine::error::{ExecError, RowFault};
use crate::engine::logical::{Computed, Expr};
use crate::expr::op::Each;
use crate::value::{Type, list};

/// A batch of so many bytes is tested whatever the number of its elements.
const BYTES_MAX: usize = 1 << 20;

/// Where the element is in a batch of elements.
pub(super) const ELEMENT: Computed = Computed(0);

/// For each list, whether the test holds for one of its elements, or for all. False of a list that is absent.
///
/// A fault of the test is one of the row only if no other element decides.
pub(super) fn each<'s>(
    env: &Env<'s>,
    each: Each,
    lists: &Vector<'s>,
    test: &Expr,
) -> Result<Vector<'s>, ExecError> {
    let ty = lists.ty().element().expect("a checked plan tests the elements of lists");
    let decisive = each == Each::Any;
    let mut rows = Rows { decisive, decided: vec![false; lists.len()], faults: Vec::new() };
    let mut elements = Elements::new(ty);
    for row in 0..lists.len() {
        if lists.is_null(row) || lists.fault(row).is_some() {
            continue;
        }
        for key in list::elements(ty, lists.bytes(row)) {
            if rows.decided[row] {
                break;
            }
            elements.push(row, key);
            if elements.owners.len() == GATHERED_MAX || elements.bytes.len() > BYTES_MAX {
                elements.test(env, test, &mut rows)?;
            }
        }
    }
    elements.test(env, test, &mut rows)?;
    let truth = |row: usize| !lists.is_null(row) && rows.decided[row] == decisive;
    let mut result = Vector::bools((0..lists.len()).map(|row| u8::from(truth(row))).collect());
    for (row, fault) in &rows.faults {
        if !rows.decided[*row as usize] {
            result.add_fault(*row, fault);
        }
    }
    result.inherit_faults(lists);
    Ok(result)
}

/// What is known of the rows that have lists.
struct Rows {
    /// What a test says that decides: that it holds, or that it does not.
    decisive: bool,
    decided: Vec<bool>,
    /// Faults of tests, ascending by row.
    faults: Vec<(u32, RowFault)>,
}

/// Elements that are to be tested, and whose they are.
struct Elements {
    ty: Type,
    bytes: Vec<u8>,
    ends: Vec<u32>,
    owners: Vec<usize>,
}

impl Elements {
    fn new(ty: Type) -> Elements {
        Elements { ty, bytes: Vec::new(), ends: Vec::new(), owners: Vec::new() }
    }

    fn push(&mut self, row: usize, key: &[u8]) {
        let start = self.bytes.len();
        if list::append_cell(&mut self.bytes, self.ty, key).is_none() {
            // No element of that type: the bytes of the list are damaged, and reading it says so.
            self.bytes.truncate(start);
            return;
        }
        self.ends
            .push(u32::try_from(self.bytes.len()).expect("the elements of a batch have less than 4 GiB"));
        self.owners.push(row);
    }

    /// Tests what is there, and forgets it.
    fn test<'s>(&mut self, env: &Env<'s>, test: &Expr, rows: &mut Rows) -> Result<(), ExecError> {
        env.check()?;
        let (bytes, ends) = (core::mem::take(&mut self.bytes), core::mem::take(&mut self.ends));
        let cells =
            if self.ty.width().is_some() { Cells::Fixed(bytes) } else { Cells::Owned { bytes, ends } };
        let mut batch = Batch::new(0, 1);
        batch.reset(self.owners.len());
        batch.set_computed(ELEMENT, Vector::new(self.ty, self.owners.len(), cells, None));
        let results = evaluate(env, test, &batch)?;
        for (at, row) in self.owners.drain(..).enumerate() {
            if let Some(fault) = results.fault(at) {
                rows.faults.push((row as u32, fault.clone()));
            } else if (!results.is_null(at) && results.bytes(at)[0] != 0) == rows.decisive {
                rows.decided[row] = true;
            }
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "decimal"))]
mod tests;
