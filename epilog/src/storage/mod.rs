//! What is kept: pages, trees, records and the journal that makes a commit atomic.
//!
//! ```text
//! store        one open database: recovery, schema, snapshots, write transactions
//! integrity    check, backup, repair
//! restore      a backup is brought forward with what an archive has
//! reread       what bulk commits changed, read again for an archive
//! facade       View: what the engine and the face may read
//! writer       Writer: changes, constraints, index upkeep
//! change       change sets: what the journal keeps of a commit
//! concurrent   transactions without the lease: what they read, what commits wrote
//! counted      statistics that a transaction has changed
//! gathered     index entries of a bulk insert
//! known        statistics of values, made of samples
//! latest       which commit changed each collection last
//! near         lines of memory that are read soon
//! streamed     blobs: values outside their record, in chunks
//! collected    what a statement finds out before its first change
//! scratch      bytes put aside in a file that is gone with whoever needs them
//! catalog      what is stored, kept in collections of its own
//! records      record <-> bytes, index keys
//! btree        ordered bytes on pages
//! archive      what the journal had, in files of its own
//! pager        page map, frame table, free space, header slots, checkpoint
//! journal      append, sync, replay
//! codec        checksums
//! vfs          bytes, sync, lock, clock, entropy
//! ```
//!
//! Nothing here knows a query, a plan or a Rust type of the user's.

pub mod error;
pub mod facade;
pub mod integrity;
pub mod page;
pub mod records;
pub mod store;
pub mod streamed;
pub mod vfs;
pub mod writer;

pub mod archive;
pub mod btree;
pub(crate) mod catalog;
pub(crate) mod change;
pub mod codec;
pub mod collected;
mod concurrent;
mod counted;
mod gathered;
pub mod journal;
#[cfg(not(feature = "small"))]
pub(crate) mod known;
#[cfg(all(feature = "std", not(feature = "small")))]
pub(crate) mod latest;
#[cfg(not(feature = "small"))]
mod near;
pub mod pager;
#[doc(hidden)]
pub mod planted;
mod reread;
pub(crate) mod restore;
pub mod scratch;

pub use error::{StorageError, StorageFault};
