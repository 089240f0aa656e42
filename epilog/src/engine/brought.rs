//! [`Brought`]: what the rows of a query bring along, as far as it is counted.
//!
//! The records that come `with` rows are found by queries of their own, of which each has a budget for what its operators keep.
//! What those give is kept by who asks until all of it is there: that is counted here, against as much again.

use core::cell::Cell;

use super::error::ExecError;
use super::{Control, View};
use crate::parts::Whole;

/// What is kept of it, in bytes, and how many may be.
#[derive(Debug, Default)]
pub struct Brought {
    budget: Option<usize>,
    used: Cell<usize>,
}

impl Brought {
    /// Nothing so far, of a query over `view`. There is a limit if somebody asked for one.
    pub fn of(view: View<'_>, control: &Control) -> Brought {
        Brought { budget: control.memory().or_else(|| view.query_bytes()), used: Cell::new(0) }
    }

    /// Whether there is a limit.
    #[inline]
    pub fn is_counted(&self) -> bool {
        self.budget.is_some()
    }

    /// How many bytes are kept.
    pub fn bytes(&self) -> usize {
        self.used.get()
    }

    /// Notes that so many more are.
    ///
    /// # Errors
    ///
    /// [`ExecError::Memory`] when that is more than may be.
    pub fn keep(&self, bytes: usize) -> Result<(), ExecError> {
        let used = self.used.get().saturating_add(bytes);
        self.used.set(used);
        match (self.budget, Whole::build()) {
            (Some(budget), Some(whole)) if used > budget => Err(ExecError::Memory {
                operator: "with",
                used,
                budget,
                why: "what belongs to rows is not put aside, though `page` has less of it at a time, and so has `stream`",
                whole,
            }),
            _ => Ok(()),
        }
    }
}
