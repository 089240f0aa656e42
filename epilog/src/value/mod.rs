//! The vocabulary of values: what a field can hold, as the engine and the file see it.
//!
//! A value has three forms, and this module owns the arrows between them:
//!
//! - **cell**: the stored bytes of one value, `Option<&[u8]>`; `None` is the absent value, fixed-width types are
//!   little-endian, strings are UTF-8. Pages, batches and records all speak cells, so that no layer boxes a value to
//!   hand it on.
//! - **scalar**: one value by itself, owned ([`Scalar`]): a literal in a query, a default, a field of an error.
//! - **key**: bytes whose `memcmp` order is the value's order ([`key`]).
//!
//! Uses nothing above itself.

mod blob;
pub(crate) mod buffers;
pub(crate) mod calendar;
pub(crate) mod case;
mod cell;
pub mod decimal;
pub mod json;
pub mod key;
pub mod list;
mod rust;
mod scalar;
pub(crate) mod text;
mod ty;
pub(crate) mod utf8;

pub use blob::Blob;
pub use cell::Cell;
#[cfg(not(feature = "small"))]
pub use json::{Json, JsonError, JsonProblem};
pub use rust::{DecodeError, Element, Entered, Indexed, Value};
pub use scalar::Scalar;
pub(crate) use scalar::{compare_floats, fits, integer, is_identical, is_of, is_signed_cell};
pub use ty::Type;
