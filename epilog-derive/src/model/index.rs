//! An index of a collection.

use syn::Path;

use super::Field;

/// An index written down with an attribute.
pub struct Index {
    /// The attribute's path, for mistakes about the index.
    pub path: Path,
    /// The fields' names joined by `_`.
    pub name: String,
    /// The positions of its fields, in order.
    pub fields: Vec<usize>,
    /// Whether equal values are refused.
    pub unique: bool,
}

impl Index {
    /// An index over the fields at these positions, called after them.
    pub fn new(path: Path, fields: Vec<usize>, unique: bool, all: &[Field]) -> Index {
        let names: Vec<&str> = fields.iter().map(|position| all[*position].name.as_str()).collect();
        Index { path, name: names.join("_"), fields, unique }
    }
}
