//! [`Lookup`]: follows a to-one relation.

use alloc::boxed::Box;

use super::{Node, Slot};

/// The rows of its input, each with the record that a relation field points at. Keeps every row and the order; where the
/// field is absent, so is the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// Where rows come from.
    pub input: Box<Node>,
    /// The slot of the record that points.
    pub from: Slot,
    /// The position of the relation field in it.
    pub position: u16,
    /// The slot of the record pointed at.
    pub into: Slot,
}
