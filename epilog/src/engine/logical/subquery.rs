//! [`Subquery`]: something about the records of another collection, for each row.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{AggregateTerm, Computed, Expr, Node, Slot};
use crate::parts::Whole;

/// The rows of its input, each with whether any, or how many, records of another collection belong to it, or an aggregate over
/// those. Keeps every row and the order.
///
/// A record belongs to a row when `inner` gives it, all `links` agree, and the *pair* of row and record gets through
/// `pairs`, a chain of operators whose source is [`Node::Pairs`]. `inner` knows nothing of the row, so that it can run
/// once for all rows; what needs both sides is in `pairs`.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// Where rows come from.
    pub input: Box<Node>,
    /// The slot of the inner record.
    pub slot: Slot,
    /// The inner records that may count.
    pub inner: Box<Node>,
    /// Values that are equal on both sides.
    pub links: Vec<Link>,
    /// The pairs that count.
    pub pairs: Box<Node>,
    /// What is asked.
    pub asked: Asked,
    /// The answer.
    pub output: Computed,
}

/// Two values that are equal when a record belongs to a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Over the slots of the inner side.
    pub inner: Expr,
    /// Over the slots of the row.
    pub outer: Expr,
    /// Whether two absent values are equal: so for a comparison, not for a relation.
    pub absent_matches: bool,
}

/// What a subquery asks. "All" is made of "any" while lowering: all do when not any does not.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// Whether a record belongs to the row: a `bool`.
    Any,
    /// How many do: a `u64`.
    Count,
    /// An aggregate over the pairs of the row and each. Its output is that of the subquery.
    Aggregate(Box<AggregateTerm>, Whole),
}

impl Asked {
    /// The expressions that it evaluates over pairs.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let term = match self {
            Asked::Aggregate(term, _) => Some(&**term),
            Asked::Any | Asked::Count => None,
        };
        term.into_iter().flat_map(|term| term.argument.iter().chain(&term.filter))
    }

    /// As [`expressions`](Asked::expressions), to be changed.
    pub fn expressions_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let term = match self {
            Asked::Aggregate(term, _) => Some(&mut **term),
            Asked::Any | Asked::Count => None,
        };
        term.into_iter().flat_map(|term| term.argument.iter_mut().chain(&mut term.filter))
    }
}
