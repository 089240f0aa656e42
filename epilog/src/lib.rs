//! Epilog: a typed, embedded database.
#![no_std]
#[macro_use]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[doc(hidden)]
pub mod __private;
pub mod collection;
pub mod error;
pub mod expr;
pub mod prelude;
pub mod query;
pub mod schema;
pub mod storage;
pub mod value;

pub use collection::{Collection, Id, Schema, Within};
pub use error::{Error, ErrorKind};
