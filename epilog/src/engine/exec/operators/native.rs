//! Tests of records that are a program's own code.
//!
//! They are called by the thread that asks, once for each row that gets so far, in the order of these; of rows that earlier predicates have
//! no result for, too. What panics within unwinds through the operators, which keep nothing but their own.

use alloc::vec::Vec;

use super::Stage;
use crate::engine::RecordTest;
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::batch::Batch;
use crate::engine::logical::Slot;
use crate::expr;

/// Drops the rows for whose record a test is false.
pub(super) struct Native {
    slot: Slot,
    test: expr::Native,
    passed: Vec<bool>,
}

impl Native {
    pub(super) fn new(slot: Slot, test: &expr::Native) -> Native {
        Native { slot, test: test.clone(), passed: Vec::new() }
    }
}

impl<'s> Stage<'s> for Native {
    fn apply(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError> {
        let test: &RecordTest = self.test.get().expect("`filter_fn` has made it");
        let collection = env.collection(self.slot);
        let selected = batch.selected();
        self.passed.clear();
        for at in 0..selected.len() {
            let record =
                batch.record(self.slot, selected.row(at)).expect("it is of the rows' own collection");
            self.passed.push((test.0)(record, collection)?);
        }
        batch.retain(|at, _| self.passed[at]);
        Ok(())
    }
}
