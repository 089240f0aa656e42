//! Queries, built with closures over typed fields.
//!
//! A [`Query<S, O>`](Query) is a value: `S` is the *scope*, what its closures may speak of; `O` is what comes out. Building
//! one touches nothing: each clause calls its closure once with fields structs, and appends what comes back to a
//! [`Draft`]. The terminals in [`run`] hand the draft to the engine and decode the batches that come out.
//!
//! ```text
//! closure over fields structs   scope, operator     -> typed expressions
//! clause                        filter, order, ..   -> the draft grows by one clause
//! terminal                      run                 -> engine::run, then Selection::read row by row
//! ```
//!
//! - Types are erased at once: a clause is a thin generic shim over code that is not generic, so that a query costs rustc
//!   little.
//! - Order is meaning: a clause sees what the ones before it left.

pub mod run;

mod aggregate;
mod correlate;
mod delete;
mod filter;
mod limit;
mod operator;
mod order;
mod predicate;
mod reverse;
mod scope;
mod select;
mod selection;
mod update;

#[cfg(all(test, feature = "derive"))]
mod tests;

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

pub use aggregate::{Aggregate, Aggregated, Aggregates, Aggregation};
pub use correlate::Correlate;
pub use delete::Delete;
pub use operator::{Expression, Numeric, Operand, Signed};
pub use order::{Order, Ordering};
pub use predicate::{Condition, Predicate};
pub(crate) use run::sealed;
pub use run::{Answers, Reads, Snapshot, Stream, Writes};
pub use scope::{Inner, Push, Scope, Source, Sources};
pub use selection::{RowOf, RowReader, Selection, Yields, describe_row, read_row};
pub use update::{Assign, Assignments, Update};

use crate::collection::Collection;
use crate::expr::{Clause, Draft};
use selection::DecodeBatch;

/// A query: what is asked of the records of a collection, as a value.
///
/// Made by [`Collection::query`]; `Clone`, without a connection inside. `S` is what its closures may speak of, `O` what
/// comes out.
#[must_use = "a query does nothing until it is run: `.all(&db)`, `.one(&db)`, `.count(&db)`, .."]
pub struct Query<S, O> {
    draft: Draft,
    decode: DecodeBatch<O>,
    scope: PhantomData<fn() -> S>,
}

impl<C: Collection> Query<C, C> {
    /// All records of a collection.
    pub(crate) fn over() -> Query<C, C> {
        Query {
            draft: Draft { root: C::schema, clauses: Vec::new() },
            decode: selection::decode_records::<C>,
            scope: PhantomData,
        }
    }
}

impl<S, O> Query<S, O> {
    /// What was asked so far.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The same query with one more clause.
    fn with(mut self, clause: Clause) -> Self {
        self.draft.clauses.push(clause);
        self
    }

    /// The same query with one more clause, after which something else comes out.
    fn yielding<S2, O2>(self, clause: Clause, decode: DecodeBatch<O2>) -> Query<S2, O2> {
        let Query { mut draft, .. } = self;
        draft.clauses.push(clause);
        Query { draft, decode, scope: PhantomData }
    }
}

impl<S, O> Clone for Query<S, O> {
    fn clone(&self) -> Self {
        Query { draft: self.draft.clone(), decode: self.decode, scope: PhantomData }
    }
}

impl<S, O> fmt::Debug for Query<S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("root", &(self.draft.root)().name)
            .field("clauses", &self.draft.clauses)
            .finish()
    }
}
