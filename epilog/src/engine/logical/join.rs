//! [`Join`]: rows paired with records of another collection.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Expr, Link, Node, Slot};
use crate::expr::JoinKind;
use crate::parts::Whole;

/// The rows of its input, each paired with the records that belong to it, in any order. A record belongs to a row as in a
/// [`Subquery`](super::Subquery); a row that none belongs to goes, or stays with the record absent.
///
/// What the inner side looks up and computes is there in the pairs, and nothing that `pairs` adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// Where rows come from.
    pub input: Box<Node>,
    /// The slot of the inner record.
    pub slot: Slot,
    /// The inner records that may be paired.
    pub inner: Box<Node>,
    /// Values that are equal on both sides.
    pub links: Vec<Link>,
    /// The pairs there are, over [`Node::Pairs`].
    pub pairs: Box<Node>,
    /// What becomes of rows without a pair.
    pub kind: JoinKind,
    /// Other builds have no joins.
    pub whole: Whole,
}

impl Join {
    /// Whether an expression reads something of the inner side.
    pub fn reads_inner(&self, expr: &Expr) -> bool {
        let (mut slots, mut computed) = (Vec::new(), Vec::new());
        self.inner.slots(&mut slots);
        self.inner.computed(&mut computed);
        expr.slots().iter().any(|slot| slots.contains(slot))
            || expr.computed_values().iter().any(|value| computed.contains(value))
    }
}
