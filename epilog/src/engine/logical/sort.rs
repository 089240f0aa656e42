//! [`Sort`]: rows in order, all or the first of them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::limit::Window;
use super::{Expr, Node};

/// The rows of its input in order. Rows that compare equal come in the order of the keys of their root records.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// Where rows come from.
    pub input: Box<Node>,
    /// What they are ordered by, the most significant first.
    pub terms: Vec<SortTerm>,
    /// Which of the ordered rows are kept; all of them when `None`.
    pub window: Option<Window>,
}

/// One term of an ordering.
#[derive(Clone, Debug, PartialEq)]
pub struct SortTerm {
    /// What is compared.
    pub expr: Expr,
    /// Whether the largest comes first.
    pub descending: bool,
    /// Whether absent values come first.
    pub nulls_first: bool,
}
