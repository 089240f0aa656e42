//! [`Aggregate`]: one row about all rows, or about each group of them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Computed, Expr, Node};
use crate::expr::AggregateFunction;
use crate::parts::{self, Whole};
use crate::value::Type;

/// One row for each group of rows of its input: those that have the same values of all keys, absent ones being equal. Groups
/// come in any order. Without keys all rows are one group, even if there are none. No slot survives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Where rows come from.
    pub input: Box<Node>,
    /// What the rows of a group have in common.
    pub keys: Vec<KeyTerm>,
    /// The aggregates.
    pub items: Vec<AggregateTerm>,
}

impl Aggregate {
    /// The keys; none in a build without groups.
    pub fn keys(&self) -> &[KeyTerm] {
        if parts::GROUPS { &self.keys } else { &[] }
    }

    /// The values that its rows have: those of the keys, then the aggregates.
    pub fn outputs(&self) -> impl Iterator<Item = Computed> {
        self.keys().iter().map(|key| key.output).chain(self.items.iter().map(|item| item.output))
    }
}

/// One key of groups.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyTerm {
    /// What is compared, over the rows.
    pub expr: Expr,
    /// The value it is of the group.
    pub output: Computed,
    /// Other builds have one group, of all rows.
    pub whole: Whole,
}

/// One aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateTerm {
    /// Which.
    pub function: AggregateFunction,
    /// Of what; `None` to count rows.
    pub argument: Option<Expr>,
    /// Which rows count; all of them when `None`.
    pub filter: Option<Expr>,
    /// The value it makes.
    pub output: Computed,
}

#[cfg(not(feature = "small"))]
impl AggregateTerm {
    /// Whether it may have another result when its values come in another order: where they are rounded or may exceed what there is
    /// room for on the way, and where values are equal that are not the same.
    pub fn sees_order(&self) -> bool {
        use AggregateFunction as F;
        let ty = self.argument.as_ref().map_or(Type::U64, |argument| argument.ty);
        let is_rounded = matches!(ty, Type::F32 | Type::F64 | Type::Decimal);
        match self.function {
            F::Count | F::CountDistinct => false,
            F::Min | F::Max => is_rounded,
            F::Sum | F::Avg => is_rounded || ty == Type::I128,
            _ => true,
        }
    }
}

/// The type of an aggregate over arguments of type `of`, and whether it may be absent; `None` when there is no such
/// aggregate.
pub fn result_type(function: &AggregateFunction, of: Option<Type>) -> Option<(Type, bool)> {
    use AggregateFunction::{
        ArrayAgg, Avg, Count, CountDistinct, Max, Median, Min, StdDev, StringAgg, Sum, Variance,
    };
    Some(match (function, of) {
        (Count, _) => (Type::U64, false),
        (_, None) => return None,
        (CountDistinct, Some(_)) => (Type::U64, false),
        (StringAgg { .. }, Some(Type::String)) => (Type::String, true),
        (ArrayAgg, Some(ty)) => (ty.list()?, false),
        (Median | Variance | StdDev, Some(ty)) if ty.is_numeric() && ty != Type::Decimal => (Type::F64, true),
        (Min | Max, Some(ty)) => (ty, true),
        (Sum, Some(ty @ (Type::I128 | Type::U128 | Type::Decimal))) => (ty, false),
        (Sum, Some(ty)) if ty.is_signed_integer() => (Type::I64, false),
        (Sum, Some(ty)) if ty.is_unsigned_integer() => (Type::U64, false),
        (Sum, Some(Type::F32 | Type::F64)) => (Type::F64, false),
        (Avg, Some(Type::Decimal)) => (Type::Decimal, true),
        (Avg, Some(ty)) if ty.is_numeric() => (Type::F64, true),
        _ => return None,
    })
}
