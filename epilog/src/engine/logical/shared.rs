//! [`Shared`]: rows that are values, calculated once wherever in the plan they are read.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{KeyTerm, Node};
use crate::parts::Whole;

/// The rows of its input with these values and nothing else. No slot survives it, and nothing is moved into it or out of it but in all
/// that have one number alike, so that these give the same rows: they are carried out once.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    /// Where rows come from.
    pub input: Box<Node>,
    /// Of nodes with one number each has the same input, but for how slots and values are numbered.
    pub number: u16,
    /// Whether what is asked of its rows is asked within already.
    pub narrowed: bool,
    /// Whether a rule has found that its rows are asked for several times: then each calculates them for itself where they are more than
    /// memory should keep, whether a budget was asked for or not.
    pub found: bool,
    /// The values that its rows have.
    pub columns: Vec<KeyTerm>,
    /// Other builds have none.
    pub whole: Whole,
}
