//! What is kept: pages, trees, records and the journal that makes a commit atomic.
//!
//! ```text
//! facade       View (reads), Writer (changes)       what the engine and the face may name
//! records      record <-> page bytes, indexes, constraints, catalog
//! transaction  change sets, savepoints, commit, recovery's replay
//! btree        ordered bytes on pages
//! pager        page map, frame table, free space, header slots, checkpoint
//! journal      append, sync, replay
//! codec        checksums
//! vfs          bytes, sync, lock, clock, entropy
//! ```
//!
//! Nothing here knows a query, a plan or a Rust type of the user's.

pub mod codec;
pub mod error;
pub mod journal;
pub mod page;
pub mod pager;
pub mod vfs;

pub use error::StorageError;
