//! What a program that uses Epilog imports: `use epilog::prelude::*;`.

pub use crate::collection::{Collection, Expr, Id};
pub use crate::query::Correlate as _;

#[cfg(feature = "derive")]
pub use epilog_derive::{Collection, View};
