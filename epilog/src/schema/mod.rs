//! What collections look like: as declared by structs, and as stored in a catalog.
//!
//! - [`declared`]: the statics that `#[derive(Collection)]` emits. Fields are known by their *ordinal*, the position in
//!   the struct.
//! - [`shape`]: a schema by content, owned, with the implied indexes spelled out; two shapes can be compared, and
//!   the fingerprint is a hash of one.
//! - [`catalog`]: collections as a database holds them, by permanent id, with their layouts, bound to what is declared.
//! - `condition`: what must hold of a record for a partial index to have it.
//! - [`layout`]: where in a record each field lies.
//!
//! Uses `value` and nothing else.

pub mod catalog;
#[cfg(not(feature = "small"))]
pub mod condition;
pub mod declared;
pub mod layout;
pub mod shape;

pub use catalog::{Catalog, CollectionDef, CollectionId, FieldDef, FieldId, IndexDef, IndexId, ReferenceDef};
pub use declared::{
    CollectionSchema, DatabaseSchema, FieldSchema, IndexSchema, KeySchema, OnDelete, ReferenceSchema,
};
pub use layout::{Layout, Place, Spot};
pub use shape::{CollectionShape, SchemaError};
