//! [`CollectionShape`]: a schema by content, for comparison and fingerprints.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

#[cfg(not(feature = "small"))]
use super::condition::ConditionTest;
use super::declared::{CollectionSchema, KeySchema, OnDelete};
use crate::value::{Scalar, Type};

/// A schema that cannot be stored, or that differs from the stored one.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Two collections of a schema share a name.
    #[error(
        "two collections are called `{name}`: give one of them another name with `#[collection(name = \"…\")]`"
    )]
    DuplicateCollection {
        /// The name.
        name: String,
    },
    /// The fields of fixed width take too much of a page.
    #[error(
        "the fixed-width fields of collection `{collection}` take {bytes} bytes, the limit is {limit}: move some to a collection of their own"
    )]
    RecordTooWide {
        /// The collection.
        collection: String,
        /// What its fixed-width fields take.
        bytes: usize,
        /// What they may take.
        limit: usize,
    },
    /// A relation points at a collection that the schema does not hold.
    #[error(
        "field `{field}` of collection `{collection}` points at `{target}`, which schema `{schema}` does not hold: add it to `schema!`"
    )]
    TargetNotInSchema {
        /// The schema.
        schema: String,
        /// The collection that points.
        collection: String,
        /// Its field.
        field: String,
        /// What it points at.
        target: String,
    },
    /// The file's collections differ from the declared ones.
    #[error("the file's schema differs from `{schema}`: {}; change the structs back, or copy the records to a new file with a program that declares both", differences.join("; "))]
    Differs {
        /// The schema the program declares.
        schema: String,
        /// Every difference, one sentence each.
        differences: Vec<String>,
    },
}

/// A collection by content: no ids, no ordinals, implied indexes spelled out. Equal shapes mean that a program and a
/// file agree. The order of fields and of indexes does not count.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionShape {
    /// Its name.
    pub name: String,
    /// Its fields, in the order declared.
    pub fields: Vec<FieldShape>,
    /// The names of the key's fields.
    pub key: Vec<String>,
    /// Whether the database assigns the key.
    pub assigned: bool,
    /// All indexes: declared, of relations, of natural keys that do not cluster.
    pub indexes: Vec<IndexShape>,
    /// The bytes of a page of records. Not part of the comparison of shapes: it counts when the collection is made.
    pub page_size: Option<u32>,
}

/// A field by content.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldShape {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether it may be absent.
    pub optional: bool,
    /// The collection it points at, and what a deletion there does.
    pub reference: Option<(String, OnDelete)>,
    /// Its default. Not part of the comparison of shapes: a default only speaks when a field is added.
    pub default: Option<Scalar>,
}

/// An index by content.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexShape {
    /// Its name.
    pub name: String,
    /// The names of its fields, in order.
    pub fields: Vec<String>,
    /// Whether equal values are refused.
    pub unique: bool,
    /// The names of the fields whose values its entries have beside their keys, in order.
    #[cfg(not(feature = "small"))]
    pub included: Vec<String>,
    /// What must hold of the records it has, by the names of fields.
    #[cfg(not(feature = "small"))]
    pub condition: Vec<(String, ConditionTest)>,
}

impl IndexShape {
    /// An index of all records.
    fn whole(name: String, fields: Vec<String>, unique: bool) -> IndexShape {
        IndexShape {
            name,
            fields,
            unique,
            #[cfg(not(feature = "small"))]
            included: Vec::new(),
            #[cfg(not(feature = "small"))]
            condition: Vec::new(),
        }
    }

    fn is_partial(&self) -> bool {
        #[cfg(not(feature = "small"))]
        return !self.condition.is_empty();
        #[cfg(feature = "small")]
        false
    }
}

impl CollectionShape {
    /// The shape of a declared collection.
    ///
    /// Adds a unique index `key` for a natural key that records are not clustered by (several fields, or one whose
    /// type has no rank), and an index for each relation field that leads no other index.
    pub fn of(schema: &CollectionSchema) -> CollectionShape {
        let name_of = |ordinal: &u16| schema.fields[usize::from(*ordinal)].name.to_string();
        let names = |ordinals: &[u16]| ordinals.iter().map(name_of).collect::<Vec<_>>();
        let fields = schema.fields.iter().map(|field| FieldShape {
            name: field.name.to_string(),
            ty: field.ty,
            optional: field.optional,
            reference: field.reference.map(|to| ((to.target)().name.to_string(), to.on_delete)),
            default: field.default.map(|make| make()),
        });
        let mut shape = CollectionShape {
            name: schema.name.to_string(),
            fields: fields.collect(),
            key: names(schema.key.ordinals()),
            assigned: matches!(schema.key, KeySchema::Assigned(_)),
            indexes: Vec::new(),
            page_size: schema.page_size,
        };
        if !shape.is_clustered() {
            let index = IndexShape::whole("key".to_string(), shape.key.clone(), true);
            shape.indexes.push(index);
        }
        for index in schema.indexes {
            let index = IndexShape {
                name: index.name.to_string(),
                fields: names(index.fields),
                unique: index.unique,
                #[cfg(not(feature = "small"))]
                included: names(index.included),
                #[cfg(not(feature = "small"))]
                condition: index
                    .condition
                    .iter()
                    .map(|condition| (name_of(&condition.field), condition.test.into()))
                    .collect(),
            };
            shape.indexes.push(index);
        }
        for field in shape.fields.iter().filter(|field| field.reference.is_some()) {
            let clustered = shape.is_clustered() && shape.key[0] == field.name;
            if !clustered
                && !shape.indexes.iter().any(|index| index.fields[0] == field.name && !index.is_partial())
            {
                let fields = Vec::from([field.name.clone()]);
                shape.indexes.push(IndexShape::whole(field.name.clone(), fields, false));
            }
        }
        shape
    }

    /// Whether records lie in the order of their key; otherwise they have a hidden number and the key an index.
    pub fn is_clustered(&self) -> bool {
        let [name] = self.key.as_slice() else { return false };
        let field = self.field(name).expect("the key names a field");
        field.ty.is_clustering() && !field.optional
    }

    /// The field called `name`.
    pub fn field(&self, name: &str) -> Option<&FieldShape> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Every difference from `stored`, one sentence each, in the file's terms.
    pub fn differences_from(&self, stored: &CollectionShape) -> Vec<String> {
        let mut found = Vec::new();
        let collection = &self.name;
        for field in &self.fields {
            let name = &field.name;
            match stored.field(name) {
                None => found.push(format!(
                    "`{collection}.{name}` ({}) is declared but not in the file",
                    describe(field)
                )),
                Some(old) if describe(old) != describe(field) => found.push(format!(
                    "`{collection}.{name}` is {} in the file and {} in the program",
                    describe(old),
                    describe(field)
                )),
                Some(_) => {}
            }
        }
        for old in stored.fields.iter().filter(|old| self.field(&old.name).is_none()) {
            found.push(format!(
                "`{collection}.{}` ({}) is in the file but not declared",
                old.name,
                describe(old)
            ));
        }
        if (&self.key, self.assigned) != (&stored.key, stored.assigned) {
            found.push(format!(
                "the key of `{collection}` is ({}) in the file and ({}) in the program",
                stored.key.join(", "),
                self.key.join(", ")
            ));
        }
        let described = |shape: &CollectionShape| {
            let mut indexes: Vec<String> =
                shape.indexes.iter().map(|index| describe_index(shape, index)).collect();
            indexes.sort_unstable();
            indexes
        };
        let (declared, old) = (described(self), described(stored));
        for index in declared.iter().filter(|index| !old.contains(index)) {
            found.push(format!("{index} of `{collection}` is declared but not in the file"));
        }
        for index in old.iter().filter(|index| !declared.contains(index)) {
            found.push(format!("{index} of `{collection}` is in the file but not declared"));
        }
        found
    }

    /// The shape as text: one line each for the collection, its fields by name and its indexes by name. Equal shapes
    /// have equal texts, whatever the order of declaration.
    pub fn canonical(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for field in &self.fields {
            lines.push(format!("field {} {}", field.name, describe(field)));
        }
        for index in &self.indexes {
            lines.push(format!("{} named {}", describe_index(self, index), index.name));
        }
        lines.sort_unstable();
        let key = if self.assigned { "assigned" } else { "natural" };
        let mut text = format!("collection {} key {key} ({})\n", self.name, self.key.join(", "));
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// A hash of [`canonical`](CollectionShape::canonical), stable across programs, platforms and versions.
    pub fn fingerprint(&self) -> u64 {
        fnv1a(self.canonical().as_bytes())
    }
}

/// The fingerprint of a whole schema: of its collections' canonical texts, sorted by name.
pub fn fingerprint(shapes: &[CollectionShape]) -> u64 {
    let mut texts: Vec<String> = shapes.iter().map(CollectionShape::canonical).collect();
    texts.sort_unstable();
    fnv1a(texts.concat().as_bytes())
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): enough to tell schemas apart; not for anything hostile.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3))
}

fn describe(field: &FieldShape) -> String {
    let mut text = match (&field.reference, field.ty) {
        (Some((target, _)), _) => format!("Id<{target}>"),
        (None, ty) => ty.name().to_string(),
    };
    if field.optional {
        text = format!("Option<{text}>");
    }
    match field.reference {
        Some((_, OnDelete::Cascade)) => text.push_str(" with on_delete(cascade)"),
        Some((_, OnDelete::SetNull)) => text.push_str(" with on_delete(set_null)"),
        _ => {}
    }
    text
}

#[cfg_attr(feature = "small", allow(unused_variables))]
fn describe_index(shape: &CollectionShape, index: &IndexShape) -> String {
    let unique = if index.unique { "unique index" } else { "index" };
    let text = format!("{unique} ({})", index.fields.join(", "));
    #[cfg(not(feature = "small"))]
    let text = match index.included.as_slice() {
        [] => text,
        included => format!("{text} including ({})", included.join(", ")),
    };
    #[cfg(not(feature = "small"))]
    if index.is_partial() {
        let conditions = index.condition.iter().map(|(name, test)| {
            let field = shape.field(name).expect("a condition names a field");
            (name.as_str(), field.ty, test)
        });
        return text + &super::condition::describe(conditions);
    }
    text
}
