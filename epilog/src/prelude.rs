//! What a program that uses Epilog imports: `use epilog::prelude::*;`.

pub use crate::collection::{Collection, Expr, Id};
pub use crate::database::{
    BlobReader, BlobWriter, Database, Durability, Options, ReadTransaction, WriteTransaction,
};
pub use crate::error::{Error, ErrorKind};
pub use crate::query::{Aggregates as _, Correlate as _, Query};
pub use crate::value::Blob;
#[cfg(not(feature = "small"))]
pub use crate::value::Json;

#[cfg(feature = "derive")]
pub use epilog_derive::{Collection, View};
