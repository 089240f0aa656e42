//! The engine: from a draft to rows.
//!
//! Functions to come, with these signatures (the face may code against them):
//!
//! ```text
//! pub fn run<'s>(view: View<'s>, draft: &Draft) -> Result<Rows<'s>, EngineError>;
//! pub fn explain(view: View<'_>, draft: &Draft) -> Result<Plan, EngineError>;          // Plan: Display
//! pub fn count(view: View<'_>, draft: &Draft) -> Result<u64, EngineError>;
//! pub fn exists(view: View<'_>, draft: &Draft) -> Result<bool, EngineError>;
//! pub fn keys(view: View<'_>, draft: &Draft) -> Result<Vec<u128>, EngineError>;        // ranks of the root's records
//! pub fn assign<'s>(view: View<'s>, root: fn() -> &'static CollectionSchema, record: RecordRef<'s>,
//!                   assignments: &[Assignment], out: &mut RecordDraft) -> Result<(), EngineError>;  // loads record into out, then sets
//! impl<'s> Rows<'s> { pub fn next_batch(&mut self) -> Result<Option<OutputBatch<'s>>, EngineError>; }
//! ```

mod calendar;
pub mod error;
pub mod exec;
pub mod estimate;
pub mod explain;
pub mod logical;
pub mod optimizer;
pub mod physical;
#[cfg(test)]
mod fixture;

pub use error::{EngineError, ExecError, Fault, PlanError};
pub use explain::{Plan, PlanNode};
pub use exec::{OutputBatch, OutputColumn, Vector};
