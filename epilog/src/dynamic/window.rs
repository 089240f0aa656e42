//! [`DynamicWindow`]: values that rows have from the rows around them.

use alloc::string::String;
use alloc::vec::Vec;

use super::expression::{DynamicExpression, Subject, Term, Tree};
use crate::expr::{AggregateFunction, FrameUnit, WindowFunction};

/// The rows around a row. See [`DynamicQuery::window`](super::DynamicQuery::window).
#[derive(Clone, Debug)]
#[must_use = "say what each row gets: `row_number`, `lag`, `aggregate`, .."]
pub struct DynamicWindow {
    pub(super) partition: Vec<DynamicExpression>,
    pub(super) order: Vec<Term>,
    pub(super) unit: FrameUnit,
    pub(super) start: Option<Distance>,
    pub(super) end: Option<Distance>,
}

/// How far an end of a frame is from the row, before it where it is negative: in rows, groups of equal ones, days for dates, nanoseconds
/// for other points in time, or a number's own measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distance {
    /// A whole number.
    Whole(i64),
    /// Of floats.
    Float(f64),
}

impl From<i64> for Distance {
    fn from(distance: i64) -> Distance {
        Distance::Whole(distance)
    }
}

impl From<f64> for Distance {
    fn from(distance: f64) -> Distance {
        Distance::Float(distance)
    }
}

/// One value that each row gets. Made by the methods of [`DynamicWindow`].
#[derive(Clone, Debug)]
pub struct WindowValue {
    pub(super) window: DynamicWindow,
    pub(super) function: WindowFunction,
    pub(super) argument: Option<DynamicExpression>,
    /// Which rows count, of an aggregate.
    pub(super) only: Option<DynamicExpression>,
    pub(super) is_sound: bool,
    pub(super) name: Option<String>,
}

impl WindowValue {
    /// The same with a name, by which later clauses know it.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> WindowValue {
        WindowValue { name: Some(name.into()), ..self }
    }
}

impl Default for DynamicWindow {
    fn default() -> DynamicWindow {
        DynamicWindow::new()
    }
}

impl DynamicWindow {
    /// All rows.
    pub fn new() -> DynamicWindow {
        DynamicWindow {
            partition: Vec::new(),
            order: Vec::new(),
            unit: FrameUnit::Groups,
            start: None,
            end: Some(Distance::Whole(0)),
        }
    }

    /// Of rows with the same values of these only.
    pub fn partition_by<X: Into<Subject>>(mut self, keys: impl IntoIterator<Item = X>) -> DynamicWindow {
        self.partition = keys.into_iter().map(|key| key.into().0).collect();
        self
    }

    /// In this order.
    pub fn order_by<T: Into<Term>>(mut self, terms: impl IntoIterator<Item = T>) -> DynamicWindow {
        self.order = terms.into_iter().map(Into::into).collect();
        self
    }

    /// Aggregates, and first, last and nth values, see the rows from so many on, to so many; `None` is the partition's end.
    pub fn rows(self, start: Option<i64>, end: Option<i64>) -> DynamicWindow {
        self.framed(FrameUnit::Rows, start, end)
    }

    /// The same in groups of rows that are equal in the order.
    pub fn groups(self, start: Option<i64>, end: Option<i64>) -> DynamicWindow {
        self.framed(FrameUnit::Groups, start, end)
    }

    /// The same by how far the one value of the order is from the row's.
    pub fn range<D: Into<Distance>>(self, start: Option<D>, end: Option<D>) -> DynamicWindow {
        self.framed(FrameUnit::Range, start, end)
    }

    fn framed<D: Into<Distance>>(
        mut self,
        unit: FrameUnit,
        start: Option<D>,
        end: Option<D>,
    ) -> DynamicWindow {
        (self.unit, self.start, self.end) = (unit, start.map(Into::into), end.map(Into::into));
        self
    }

    fn value(&self, function: WindowFunction, argument: Option<DynamicExpression>) -> WindowValue {
        WindowValue { window: self.clone(), function, argument, only: None, is_sound: true, name: None }
    }

    /// The place of the row in its partition, from 1.
    pub fn row_number(&self) -> WindowValue {
        self.value(WindowFunction::RowNumber, None)
    }

    /// One more than there are rows before the row and those equal to it.
    pub fn rank(&self) -> WindowValue {
        self.value(WindowFunction::Rank, None)
    }

    /// One more than there are groups of equal rows before the row's.
    pub fn dense_rank(&self) -> WindowValue {
        self.value(WindowFunction::DenseRank, None)
    }

    /// How many rows come before the row and those equal to it, of all others.
    pub fn percent_rank(&self) -> WindowValue {
        self.value(WindowFunction::PercentRank, None)
    }

    /// How many rows come before the row, those equal to it and itself counted, of all.
    pub fn cume_dist(&self) -> WindowValue {
        self.value(WindowFunction::CumeDist, None)
    }

    /// In which of so many buckets the row is, from 1.
    pub fn ntile(&self, buckets: u64) -> WindowValue {
        self.value(WindowFunction::Ntile(buckets), None)
    }

    /// The value of the row so many before.
    pub fn lag(&self, of: impl Into<Subject>, rows: u64) -> WindowValue {
        self.value(WindowFunction::Lag(rows), Some(of.into().0))
    }

    /// The value of the row so many after.
    pub fn lead(&self, of: impl Into<Subject>, rows: u64) -> WindowValue {
        self.value(WindowFunction::Lead(rows), Some(of.into().0))
    }

    /// The value of the frame's first row.
    pub fn first_value(&self, of: impl Into<Subject>) -> WindowValue {
        self.value(WindowFunction::First, Some(of.into().0))
    }

    /// The value of the frame's last row.
    pub fn last_value(&self, of: impl Into<Subject>) -> WindowValue {
        self.value(WindowFunction::Last, Some(of.into().0))
    }

    /// The value of the frame's row of this number, from 1.
    pub fn nth_value(&self, of: impl Into<Subject>, number: u64) -> WindowValue {
        self.value(WindowFunction::Nth(number), Some(of.into().0))
    }

    /// An aggregate over the frame: `window.aggregate(sum(field("seconds")))`.
    pub fn aggregate(&self, aggregate: DynamicExpression) -> WindowValue {
        match aggregate.tree {
            Tree::Aggregate(aggregate) => {
                let aggregate = *aggregate;
                let function = WindowFunction::Aggregate(aggregate.function);
                WindowValue { only: aggregate.filter, ..self.value(function, aggregate.argument) }
            }
            _ => {
                let function = WindowFunction::Aggregate(AggregateFunction::Count);
                WindowValue { is_sound: false, ..self.value(function, None) }
            }
        }
    }
}
