//! [`Project`]: what comes out.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Expr, Node, Slot};

/// The columns that a query gives out. Always the last node of a plan, and only there.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Where rows come from.
    pub input: Box<Node>,
    /// The columns.
    pub columns: Vec<Column>,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// A value.
    Value(Expr),
    /// The whole record of a slot.
    Record(Slot),
    /// The rank of a slot's record, which need not be read for that.
    Rank(Slot),
}
