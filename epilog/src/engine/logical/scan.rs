//! [`Scan`]: all records of a collection.

use super::Slot;

/// All records of a collection, in the order of their keys. How they are reached is the physical plan's choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// The slot they are put in.
    pub slot: Slot,
}
