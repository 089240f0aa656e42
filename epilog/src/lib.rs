//! Epilog: a typed, embedded database.
#![no_std]
#[macro_use]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod engine;
pub mod expr;
pub mod schema;
pub mod storage;
pub mod value;
