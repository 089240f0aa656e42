//! Schema versions and migrations for Epilog.
//!
//! # What it will be
//!
//! A program's structs change; the files they wrote stay. This crate will tell the two apart, generate the migration from the
//! difference as Rust that the compiler checks, rehearse it on the data it is meant for, and carry it out, forwards or
//! backwards, so that stopping it anywhere and running it again ends in the same state.
//!
//! # What it is now
//!
//! The types that the rest will stand on, and nothing that touches a file:
//!
//! - [`Step`]: one primitive change of a schema, in permanent ids, with its inverse. Names are attributes that a step sets; a
//!   rename is one step and never a drop and an add.
//! - [`Revision`]: one node of a schema's history, the steps from its parents to it. Its [`RevisionId`] is a hash of what it
//!   *means*, chained to its parents: reformatting the file that holds it changes nothing, editing an applied step changes the id.
//! - [`History`]: the revisions as a graph. Two branches give two [`heads`](History::heads); the revision that joins them names
//!   both as parents.
//!
//! There are no commands yet. Until there are, a file whose schema differs from the structs is refused when it is opened.

mod history;
mod revision;
mod step;

pub use history::{History, HistoryError};
pub use revision::{ParseRevisionIdError, Revision, RevisionId};
pub use step::{CollectionSpec, ConditionSpec, FieldSpec, FieldType, IndexSpec, Step};
