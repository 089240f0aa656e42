//! [`Windowing`]: rows with values from the rows around them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::aggregate::result_type;
use super::{Computed, Expr, Node, SortTerm};
use crate::expr::{Frame, WindowFunction};
use crate::parts::{InWhole, Whole};
use crate::value::Type;

/// The rows of its input, as they come, each with one more value for every item.
#[derive(Clone, Debug, PartialEq)]
pub struct Windowing {
    /// Where rows come from.
    pub input: Box<Node>,
    /// The values; never none.
    pub items: InWhole<Vec<WindowTerm>>,
    /// Other builds have no windows.
    pub whole: Whole,
}

/// One value of a window.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowTerm {
    /// Which.
    pub function: WindowFunction,
    /// Of what; `None` where rows are counted or numbered.
    pub argument: Option<Expr>,
    /// Rows with the same values of these are one partition, absent values being equal.
    pub partition: Vec<Expr>,
    /// The order within a partition. Rows that compare equal are peers, and stay in the order that they came in.
    pub order: Vec<SortTerm>,
    /// Which rows of the partition are looked at.
    pub frame: Frame,
    /// The value it makes.
    pub output: Computed,
}

impl WindowTerm {
    /// Its expressions.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.argument.iter().chain(&self.partition).chain(self.order.iter().map(|term| &term.expr))
    }

    /// Its expressions, to be changed.
    pub fn expressions_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let order = self.order.iter_mut().map(|term| &mut term.expr);
        self.argument.iter_mut().chain(&mut self.partition).chain(order)
    }

    /// Whether it numbers the rows of a partition as they come, so that none has to wait for another.
    pub fn numbers_as_they_come(&self) -> bool {
        self.function == WindowFunction::RowNumber && self.order.is_empty()
    }
}

/// The type of a window's value over arguments of type `of`, and whether it may be absent; `None` when there is no such
/// value.
pub(super) fn window_type(function: &WindowFunction, of: Option<Type>) -> Option<(Type, bool)> {
    use WindowFunction as W;
    match (function, of) {
        (W::RowNumber | W::Rank | W::DenseRank | W::Ntile(_), None) => Some((Type::U64, false)),
        (W::PercentRank | W::CumeDist, None) => Some((Type::F64, false)),
        (W::Lag(_) | W::Lead(_) | W::First | W::Last | W::Nth(_), Some(ty)) => Some((ty, true)),
        (W::Aggregate(function), of) => result_type(function, of),
        _ => None,
    }
}

/// Whether frames can be told by how far values of this type are apart.
pub(super) fn has_distances(ty: Type) -> bool {
    use Type::{Date, DateTime, F32, F64, Id, Timestamp};
    let is_integer = ty.is_signed_integer() || ty.is_unsigned_integer();
    (is_integer && ty != Type::U128) || matches!(ty, F32 | F64 | Id | Date | DateTime | Timestamp)
}

pub(super) fn window_name(function: &WindowFunction) -> &'static str {
    match function {
        WindowFunction::RowNumber => "row_number",
        WindowFunction::Rank => "rank",
        WindowFunction::DenseRank => "dense_rank",
        WindowFunction::PercentRank => "percent_rank",
        WindowFunction::CumeDist => "cume_dist",
        WindowFunction::Ntile(_) => "ntile",
        WindowFunction::Lag(_) => "lag",
        WindowFunction::Lead(_) => "lead",
        WindowFunction::First => "first_value",
        WindowFunction::Last => "last_value",
        WindowFunction::Nth(_) => "nth_value",
        WindowFunction::Aggregate(function) => super::lower::function_name(function),
    }
}
