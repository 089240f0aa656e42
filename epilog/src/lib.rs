//! Epilog: a typed, embedded database.
#![no_std]
#[macro_use]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;
// Generated code says `::epilog`, in this crate's own tests too.
#[cfg(test)]
extern crate self as epilog;

#[doc(hidden)]
pub mod __private;
pub mod collection;
pub mod database;
pub mod engine;
pub mod error;
pub mod expr;
pub mod prelude;
pub mod query;
pub mod schema;
pub mod storage;
pub mod sync;
pub mod value;

pub use collection::{Collection, Id, Schema, Within};
pub use database::{Database, Durability, Options, ReadTransaction, WriteTransaction};
pub use error::{Error, ErrorKind};

#[cfg(feature = "derive")]
#[doc = include_str!("collection/derive.md")]
pub use epilog_derive::Collection;
#[cfg(feature = "derive")]
#[doc = include_str!("collection/view.md")]
pub use epilog_derive::View;

pub use storage::vfs;
