//! [`Set`]: the rows of two inputs as one.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Computed, Expr, Node};
use crate::expr::SetKind;
use crate::parts::{InWhole, Whole};

/// The rows of two inputs, put together by their values. No slot survives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// The rows on the left.
    pub input: Box<Node>,
    /// Those on the right.
    pub right: Box<Node>,
    /// How they are put together.
    pub kind: SetKind,
    /// The values that its rows have. Rows are the same when all are, absent ones being equal.
    pub columns: InWhole<Vec<SetColumn>>,
    /// Other builds have no sets.
    pub whole: Whole,
}

/// One value of the rows of a [`Set`].
#[derive(Clone, Debug, PartialEq)]
pub struct SetColumn {
    /// Over the rows on the left.
    pub left: Expr,
    /// Over those on the right, of the same type.
    pub right: Expr,
    /// The value it makes.
    pub output: Computed,
}
