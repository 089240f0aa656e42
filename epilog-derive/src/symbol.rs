//! The words of the attributes.

/// `#[collection(…)]` on the struct.
pub const COLLECTION: &str = "collection";
/// `#[default(…)]` on a field.
pub const DEFAULT: &str = "default";
/// `#[has_many(…)]` on the struct.
pub const HAS_MANY: &str = "has_many";
/// The word in `#[index(…, include(…))]`.
pub const INCLUDE: &str = "include";
/// `#[index]` on a field, `#[index(…)]` on the struct.
pub const INDEX: &str = "index";
/// `#[key]` on a field, `#[key(…)]` on the struct.
pub const KEY: &str = "key";
/// `#[on_delete(…)]` on a relation field.
pub const ON_DELETE: &str = "on_delete";
/// `#[unique]` on a field, and the word in `#[index(…, unique)]`.
pub const UNIQUE: &str = "unique";

/// The words of `#[on_delete(…)]`.
pub const ON_DELETE_ACTIONS: [&str; 3] = ["restrict", "cascade", "set_null"];
