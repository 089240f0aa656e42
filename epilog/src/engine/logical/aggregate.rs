//! [`Aggregate`]: one row about all rows.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Computed, Expr, Node};
use crate::expr::AggregateFunction;
use crate::value::Type;

/// One row of aggregates over all rows of its input. No slot survives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Where rows come from.
    pub input: Box<Node>,
    /// The aggregates.
    pub items: Vec<AggregateTerm>,
}

/// One aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateTerm {
    /// Which.
    pub function: AggregateFunction,
    /// Of what; `None` to count rows.
    pub argument: Option<Expr>,
    /// The value it makes.
    pub output: Computed,
}

/// The type of an aggregate over arguments of type `of`, and whether it may be absent; `None` when there is no such
/// aggregate.
pub fn result_type(function: AggregateFunction, of: Option<Type>) -> Option<(Type, bool)> {
    use AggregateFunction::{Avg, Count, Max, Min, Sum};
    Some(match (function, of) {
        (Count, _) => (Type::U64, false),
        (_, None) => return None,
        (Min | Max, Some(ty)) => (ty, true),
        (Sum, Some(ty @ (Type::I128 | Type::U128 | Type::Decimal))) => (ty, false),
        (Sum, Some(ty)) if ty.is_signed_integer() => (Type::I64, false),
        (Sum, Some(ty)) if ty.is_unsigned_integer() => (Type::U64, false),
        (Sum, Some(Type::F32 | Type::F64)) => (Type::F64, false),
        (Avg, Some(Type::Decimal)) => (Type::Decimal, true),
        (Avg, Some(ty)) if ty.is_numeric() => (Type::F64, true),
        (Sum | Avg, Some(_)) => return None,
    })
}
