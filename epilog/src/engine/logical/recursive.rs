//! [`Recursive`] and [`Previous`]: rows that lead to others, until they lead to none that is new.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Computed, Node, SetColumn};
use crate::parts::{InWhole, Whole};

/// The rows of its input, and those that `step` makes of them, and of these, each once. No slot survives it.
///
/// `step` is carried out in rounds. In each its [`Previous`] of the same number gives the rows that the round before found: those of
/// the input, then those that were not there yet. This is the semi-naive evaluation of F. Bancilhon ("Naive evaluation of
/// recursively defined relations", 1986): no row is a start twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Recursive {
    /// The rows that it begins with.
    pub input: Box<Node>,
    /// Those that rows lead to.
    pub step: Box<Node>,
    /// What its [`Previous`] is told by.
    pub number: u16,
    /// The values that rows have: on the left of the input, on the right of the step.
    pub columns: InWhole<Vec<SetColumn>>,
    /// How many of the first of these tell rows apart.
    pub identity: usize,
    /// How many rounds there are at most.
    pub rounds: Option<u64>,
    /// Other builds have none.
    pub whole: Whole,
}

/// The rows that the last round of a [`Recursive`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct Previous {
    /// Of which.
    pub number: u16,
    /// The values that rows have.
    pub columns: InWhole<Vec<Computed>>,
    /// Other builds have none.
    pub whole: Whole,
}
