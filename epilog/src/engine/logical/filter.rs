//! [`Filter`]: the rows for which predicates hold.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Expr, Node};

/// The rows of its input for which every predicate is true.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// Where rows come from.
    pub input: Box<Node>,
    /// Booleans, all of which must be true; an absent one is not.
    pub predicates: Vec<Expr>,
}
