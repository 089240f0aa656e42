//! [`WindowItem`]: a value that each row has from the rows around it.

use alloc::vec::Vec;

use super::{AggregateFunction, OrderTerm, Postfix};

/// One value of a window clause: of each row, from those of the same partition.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowItem {
    /// Which value.
    pub function: WindowFunction,
    /// Of what; `None` where rows are counted or numbered.
    pub argument: Option<Postfix>,
    /// Rows with the same values of these, `None` being a value, are one partition; without them all rows are.
    pub partition: Vec<Postfix>,
    /// The order within a partition. Rows that compare equal are *peers*, and stay in the order that they came in; without
    /// terms all rows of a partition are.
    pub order: Vec<OrderTerm>,
    /// Which rows of the partition `First`, `Last`, `Nth` and aggregates look at.
    pub frame: Frame,
}

/// The functions of windows.
///
/// | function | result |
/// |---|---|
/// | `RowNumber` | `u64`: the place of the row in its partition, from 1 |
/// | `Rank` | `u64`: one more than there are rows before the row and its peers |
/// | `DenseRank` | `u64`: one more than there are groups of peers before the row's |
/// | `PercentRank` | `f64`: how many rows come before the row and its peers, of all others; 0 of a row alone |
/// | `CumeDist` | `f64`: how many rows come before the row, its peers and itself counted, of all |
/// | `Ntile` | `u64`: in which of so many buckets, from 1, the row is: none has two rows more than another, the larger ones come first; 0 buckets are 1 |
/// | `Lag`, `Lead` | `Option` of the argument's type: that of the row so many before, or after |
/// | `First`, `Last`, `Nth` | `Option` of the argument's type: that of a row of the frame, counted from 1 |
/// | `Aggregate` | that of the aggregate, over the frame |
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the table says it")]
pub enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile(u64),
    Lag(u64),
    Lead(u64),
    First,
    Last,
    Nth(u64),
    Aggregate(AggregateFunction),
}

/// Some rows of a partition, seen from one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What is counted off.
    pub unit: FrameUnit,
    /// Where it starts, so many before (negative) or after the row; `None` is the partition's start.
    pub start: Option<i64>,
    /// Where it ends, this included; `None` is the partition's end.
    pub end: Option<i64>,
}

/// What the distance of a frame's ends is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameUnit {
    /// Rows.
    Rows,
    /// Groups of peers.
    Groups,
    /// What the values of the one term of the order differ by, peers going together:
    ///
    /// | values | distance |
    /// |---|---|
    /// | integers but `u128`, `Id` | itself |
    /// | floats | the bits of an `f64` |
    /// | `Date` | days |
    /// | `DateTime`, `Timestamp` | nanoseconds |
    ///
    /// Of a row whose value is absent those are as near that have none either.
    Range,
}

impl Frame {
    /// From the partition's start up to the last peer of the row: without an order the whole partition.
    pub const DEFAULT: Frame = Frame { unit: FrameUnit::Groups, start: None, end: Some(0) };
}
