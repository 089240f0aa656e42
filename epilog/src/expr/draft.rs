//! [`Draft`]: a query as built.

use alloc::vec::Vec;

use super::{Expression, RowPath};
use crate::schema::CollectionSchema;

/// A query as built: a source and clauses in the order written. Order is meaning: a clause sees what the ones before it
/// left.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The root collection, source 0.
    pub root: fn() -> &'static CollectionSchema,
    /// The clauses, in the order written.
    pub clauses: Vec<Clause>,
}

impl Draft {
    /// The same query, ending after `count` rows.
    #[must_use]
    pub fn limited(&self, count: u64) -> Draft {
        let mut draft = self.clone();
        // One row of aggregates needs no limit.
        if !matches!(draft.clauses.last(), Some(Clause::Aggregate(_))) {
            draft.clauses.push(Clause::Limit(count));
        }
        draft
    }
}

/// One clause.
#[derive(Clone, Debug, PartialEq)]
pub enum Clause {
    /// Keeps the rows where the expression is true.
    Filter(Expression),
    /// Orders the rows; a later ordering replaces an earlier one unless a limit lies between.
    Order(Vec<OrderTerm>),
    /// Keeps the first rows.
    Limit(u64),
    /// Skips the first rows. Before a limit in the list it comes first; after one it sees the limited rows.
    Offset(u64),
    /// What comes out; without it the root record.
    Select(Vec<SelectItem>),
    /// One row of aggregates over all rows.
    Aggregate(Vec<AggregateItem>),
}

/// One term of an ordering.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderTerm {
    /// What is compared.
    pub expression: Expression,
    /// Whether the largest comes first.
    pub descending: bool,
    /// Whether `None` comes first, whatever the direction. By default (`None` here) it is the smallest value.
    pub nulls_first: Option<bool>,
}

/// One column of what comes out.
#[derive(Clone, Debug, PartialEq)]
pub enum SelectItem {
    /// A value.
    Value(Expression),
    /// A whole record; absent where an optional relation leads nowhere.
    Record(RowPath),
}

/// One aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateItem {
    /// Which.
    pub function: AggregateFunction,
    /// Of what; `None` only for `Count` of rows.
    pub argument: Option<Expression>,
}

/// The aggregates. All skip `None`.
///
/// | function | result |
/// |---|---|
/// | `Count` | `u64` |
/// | `Sum` | `i64` for signed integers to 64 bits, `u64` for unsigned, `i128`/`u128` for those, `f64` for floats, `Decimal`; zero over nothing; overflow is an error |
/// | `Avg` | `Option<f64>`, `Option<Decimal>` for decimals |
/// | `Min`, `Max` | `Option` of the argument's type |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the table says it")]
pub enum AggregateFunction {
    Count,
    Sum,
    Avg,
    Min,
    Max,
}

/// One assignment of a set-based update.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The ordinal of the field set.
    pub ordinal: u16,
    /// What it becomes, over the record's old values.
    pub expression: Expression,
}
