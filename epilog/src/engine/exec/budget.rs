//! [`Budget`]: what the operators of a query may keep of rows in memory, together.
//!
//! An operator says now and then how much it keeps, and is told whether that is too much. What can be put aside then is, from
//! half the budget on: a vector may have as much room again as it has use for, and takes both while it grows. What cannot be
//! goes on as long as it stays within the whole, if one was asked for, and fails beyond it; otherwise it takes what it needs.

use core::cell::Cell;

use crate::engine::control::Run;
use crate::engine::error::ExecError;
use crate::parts::Whole;
use crate::storage::facade::View;

/// What in tests stands for a budget of nothing: half of what pages take in memory has to be something.
pub(in crate::engine) const NOTHING: usize = 31 << 10;

/// What is kept, and may be.
pub(super) struct Budget {
    bytes: Option<usize>,
    /// Whether somebody asked for so much.
    is_given: bool,
    used: Cell<usize>,
}

/// What of it an operator takes. It is as nothing in the next operation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Charge {
    bytes: usize,
}

impl Charge {
    /// How many bytes it is.
    pub(super) fn bytes(self) -> usize {
        self.bytes
    }
}

impl Budget {
    /// That of a query over `view`: what was asked for it alone, for all, or half of what pages may take.
    pub(super) fn of(view: View<'_>, run: &Run) -> Budget {
        let given = run.memory().or_else(|| view.query_bytes());
        let bytes = given.or_else(|| view.sort_bytes()).map(|bytes| bytes / run.shares());
        Budget { bytes, is_given: given.is_some(), used: Cell::new(0) }
    }

    /// What may be kept, in bytes; `None` when there is no limit.
    pub(super) fn bytes(&self) -> Option<usize> {
        self.bytes
    }

    /// Whether somebody asked for a limit.
    pub(super) fn is_given(&self) -> bool {
        self.is_given
    }

    /// In tests whether all is put aside from the first row on, however few there are.
    pub(super) fn is_none(&self) -> bool {
        cfg!(test) && self.bytes == Some(NOTHING)
    }

    /// Notes that an operator keeps so many bytes. Whether it is to put something aside.
    pub(super) fn charge(&self, charge: &mut Charge, bytes: usize) -> bool {
        let used = self.take(charge, bytes);
        // To put a little aside makes no room where others keep much.
        self.bytes.is_some_and(|budget| used > budget / 2 && bytes >= budget / 32)
    }

    /// Whether so many bytes more leave room for what operators cannot do without.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.bytes.is_none_or(|budget| self.used.get().saturating_add(bytes) <= budget / 2)
    }

    /// Notes that an operator keeps so many bytes: how many all of them do.
    fn take(&self, charge: &mut Charge, bytes: usize) -> usize {
        let used = self.used.get().saturating_sub(charge.bytes) + bytes;
        self.used.set(used);
        charge.bytes = bytes;
        used
    }

    /// Forgets what operators took that are no more.
    pub(super) fn forget(&self, bytes: usize) {
        self.used.set(self.used.get().saturating_sub(bytes));
    }

    /// Notes that an operator that puts nothing aside keeps so many bytes.
    ///
    /// # Errors
    ///
    /// As [`check`](Budget::check).
    pub(super) fn keep(
        &self,
        charge: &mut Charge,
        bytes: usize,
        operator: &'static str,
    ) -> Result<(), ExecError> {
        self.keep_some(charge, bytes, operator, "it puts nothing aside")
    }

    /// As [`keep`](Budget::keep), of an operator that puts other rows aside, and why not these.
    pub(super) fn keep_some(
        &self,
        charge: &mut Charge,
        bytes: usize,
        operator: &'static str,
        why: &'static str,
    ) -> Result<(), ExecError> {
        let used = self.take(charge, bytes);
        self.check(operator, used, why)
    }

    /// The bytes that operators keep, all together.
    pub(super) fn used(&self) -> usize {
        self.used.get()
    }

    /// The error of an operator that has to put something aside, and cannot.
    pub(super) fn refuse(&self, operator: &'static str, why: &'static str) -> ExecError {
        let (used, budget) = (self.used.get(), self.bytes.unwrap_or(0));
        ExecError::Memory { operator, used, budget, why, whole: Whole::build().expect("rows are put aside") }
    }

    /// Fails if `used` bytes are more than may be kept.
    ///
    /// # Errors
    ///
    /// [`ExecError::Memory`], with the operator that asks and why it puts nothing aside.
    pub(super) fn check(
        &self,
        operator: &'static str,
        used: usize,
        why: &'static str,
    ) -> Result<(), ExecError> {
        match (self.bytes, Whole::build()) {
            (Some(budget), Some(whole)) if self.is_given && used > budget => {
                Err(ExecError::Memory { operator, used, budget, why, whole })
            }
            _ => Ok(()),
        }
    }
}
