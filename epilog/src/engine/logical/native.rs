//! [`Native`]: the rows of whose record a test is true that is a program's own code.

use alloc::boxed::Box;

use super::{Node, Slot};
use crate::expr;
use crate::parts::{InWhole, Whole};

/// The rows of its input of whose record in a slot the test is true, in their order.
///
/// Nothing is known of the test but that it reads the record, and so no rule moves it; what is asked of rows otherwise is moved to either
/// side of it by no rule but where a query is lowered.
#[derive(Clone, Debug, PartialEq)]
pub struct Native {
    /// Where rows come from.
    pub input: Box<Node>,
    /// Whose record.
    pub slot: Slot,
    /// The test.
    pub test: InWhole<expr::Native>,
    /// Other builds have none.
    pub whole: Whole,
}
