//! [`Catalog`]: the collections of a database, by permanent id, and how the program's structs are bound to them.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

#[cfg(not(feature = "small"))]
use super::condition::Condition;
use super::declared::{CollectionSchema, OnDelete};
use super::layout::{Layout, Place, Spot};
use super::shape::{CollectionShape, FieldShape, IndexShape};
use crate::parts;
use crate::value::{Scalar, Type};

macro_rules! permanent_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

permanent_id! {
    /// A collection's permanent id. Below 16: the catalog's own.
    CollectionId
}
permanent_id! {
    /// A field's permanent id, unique in the database.
    FieldId
}
permanent_id! {
    /// An index's permanent id, unique in the database and among collection ids: it also names the index's tree.
    IndexId
}

/// The collections of a database.
#[derive(Debug, Default, Clone)]
pub struct Catalog {
    /// In the order of their ids.
    pub collections: Vec<Arc<CollectionDef>>,
}

/// One stored collection.
#[derive(Debug, Clone)]
pub struct CollectionDef {
    /// Its permanent id.
    pub id: CollectionId,
    /// Its name.
    pub name: String,
    /// Its fields, in the order of their ids. *Positions* count into this list.
    pub fields: Vec<FieldDef>,
    /// The positions of the key's fields.
    pub key: Vec<u16>,
    /// Whether the database assigns the key.
    pub assigned: bool,
    /// The position of the field that records are clustered by; `None` when they have a hidden number and the key is
    /// found through the unique index called `key`.
    pub clustered: Option<u16>,
    /// Its indexes, in the order of their ids.
    pub indexes: Vec<IndexDef>,
    /// Where the fields lie, by position.
    pub layout: Layout,
    /// The version of the layout; pages carry the version they were written with.
    pub version: u16,
    /// The bytes of a leaf of its records: a power of two from 1 KiB to 64 KiB.
    pub leaf_len: u32,
    /// The declared collection it is bound to.
    pub declared: Option<&'static CollectionSchema>,
    /// For each declared ordinal, the position; empty when the program declares no such collection.
    pub positions: Vec<u16>,
    /// For each declared ordinal, the place: `layout.places[positions[ordinal]]`.
    pub places: Vec<Place>,
}

/// One stored field.
#[derive(Debug, Clone)]
pub struct FieldDef {
    /// Its permanent id.
    pub id: FieldId,
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether it may be absent.
    pub optional: bool,
    /// What it points at.
    pub reference: Option<ReferenceDef>,
    /// What records have that were written before the field was added.
    pub default: Option<Scalar>,
}

/// What a field points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferenceDef {
    /// The collection.
    pub target: CollectionId,
    /// What a deletion there does here.
    pub on_delete: OnDelete,
}

/// One stored index.
#[derive(Debug, Clone)]
pub struct IndexDef {
    /// Its permanent id.
    pub id: IndexId,
    /// Its name.
    pub name: String,
    /// The positions of its fields, in order.
    pub fields: Vec<u16>,
    /// Whether equal values are refused (records with an absent value are exempt).
    pub unique: bool,
    /// The positions of the fields whose values its entries have beside their keys, in order.
    #[cfg(not(feature = "small"))]
    pub included: Vec<u16>,
    /// What must hold of the records that it has entries of.
    #[cfg(not(feature = "small"))]
    pub condition: Vec<Condition>,
    /// The bytes of a page of its entries: a power of two from 1 KiB to 16 KiB.
    pub page_len: u32,
}

impl IndexDef {
    /// The positions of the fields whose values its entries have beside their keys. No build with the feature `small` has such
    /// an index.
    #[inline]
    pub fn included(&self) -> &[u16] {
        #[cfg(not(feature = "small"))]
        return &self.included;
        #[cfg(feature = "small")]
        &[]
    }

    /// Whether its entries go on behind the rank.
    #[inline]
    pub fn has_included(&self) -> bool {
        !self.included().is_empty()
    }

    /// Whether it has entries of some records only. No build with the feature `small` has such an index.
    #[inline]
    pub fn is_partial(&self) -> bool {
        #[cfg(not(feature = "small"))]
        return !self.condition.is_empty();
        #[cfg(feature = "small")]
        false
    }

    /// Whether no two records of the collection have the same values of its fields, but for absent ones.
    #[inline]
    pub fn tells_apart(&self) -> bool {
        self.unique && !self.is_partial()
    }
}

impl Catalog {
    /// The collection with this id.
    pub fn collection(&self, id: CollectionId) -> Option<&Arc<CollectionDef>> {
        self.collections.iter().find(|collection| collection.id == id)
    }

    /// The collection called `name`.
    pub fn by_name(&self, name: &str) -> Option<&Arc<CollectionDef>> {
        self.collections.iter().find(|collection| collection.name == name)
    }

    /// The stored collection that a declared one is bound to.
    pub fn bound(&self, schema: &CollectionSchema) -> Option<&Arc<CollectionDef>> {
        // By address: a declared schema is a static.
        self.collections
            .iter()
            .find(|collection| collection.declared.is_some_and(|to| core::ptr::eq(to, schema)))
    }

    /// The references to `target`: every (collection, position of the field) that points at it.
    pub fn references_to(&self, target: CollectionId) -> impl Iterator<Item = (&Arc<CollectionDef>, u16)> {
        self.collections.iter().flat_map(move |collection| {
            let pointing = collection.fields.iter().enumerate().filter(move |(_, field)| {
                field.reference.is_some_and(|reference| reference.target == target)
            });
            pointing.map(move |(position, _)| (collection, position as u16))
        })
    }
}

impl CollectionDef {
    /// The index with this id.
    pub fn index(&self, id: IndexId) -> Option<&IndexDef> {
        self.indexes.iter().find(|index| index.id == id)
    }

    /// Whether a field of a fixed width lies outside of the fixed row.
    pub fn is_cold(&self, position: u16) -> bool {
        let place = self.layout.places.get(usize::from(position));
        place.is_some_and(|place| matches!(place.spot, Spot::Cold(_)))
    }

    /// What must hold of the records of one of its indexes, in the words of the attribute; nothing where it has all.
    #[cfg(not(feature = "small"))]
    pub fn condition_of(&self, index: &IndexDef) -> String {
        super::condition::describe(index.condition.iter().map(|condition| {
            let field = &self.fields[usize::from(condition.position)];
            (field.name.as_str(), field.ty, &condition.test)
        }))
    }

    /// The position of the field called `name`.
    pub fn position(&self, name: &str) -> Option<u16> {
        self.fields.iter().position(|field| field.name == name).map(|position| position as u16)
    }

    /// The position of a declared field.
    pub fn position_of(&self, ordinal: u16) -> u16 {
        self.positions[usize::from(ordinal)]
    }

    /// The unique index that the key is found through, for a collection that is not clustered by it.
    pub fn key_index(&self) -> Option<&IndexDef> {
        if self.clustered.is_some() {
            return None;
        }
        self.indexes.iter().find(|index| index.tells_apart() && index.fields == self.key)
    }

    /// The type of the elements of which an index has an entry each: that of an index of a list. `None` where it has one entry
    /// for each record.
    #[inline]
    pub fn listed(&self, index: &IndexDef) -> Option<Type> {
        match index.fields.as_slice() {
            [position] if parts::LISTS => self.fields[usize::from(*position)].ty.element(),
            _ => None,
        }
    }

    /// The same collection, bound to a declared one of equal shape.
    #[must_use]
    pub fn bind(mut self, schema: &'static CollectionSchema) -> CollectionDef {
        self.declared = Some(schema);
        let position = |name: &str| self.position(name).expect("shapes were compared before binding");
        self.positions = schema.fields.iter().map(|field| position(field.name)).collect();
        self.places =
            self.positions.iter().map(|position| self.layout.places[usize::from(*position)]).collect();
        self
    }

    /// The shape of this collection. `name_of` gives the names of the collections its relations point at.
    pub fn shape(&self, name_of: impl Fn(CollectionId) -> String) -> CollectionShape {
        let field_name = |position: &u16| self.fields[usize::from(*position)].name.clone();
        let fields = self.fields.iter().map(|field| FieldShape {
            name: field.name.clone(),
            ty: field.ty,
            optional: field.optional,
            reference: field.reference.map(|to| (name_of(to.target), to.on_delete)),
            default: field.default.clone(),
        });
        let indexes = self.indexes.iter().map(|index| IndexShape {
            name: index.name.clone(),
            fields: index.fields.iter().map(field_name).collect(),
            unique: index.unique,
            #[cfg(not(feature = "small"))]
            included: index.included.iter().map(field_name).collect(),
            #[cfg(not(feature = "small"))]
            condition: index
                .condition
                .iter()
                .map(|condition| (field_name(&condition.position), condition.test.clone()))
                .collect(),
        });
        CollectionShape {
            name: self.name.clone(),
            fields: fields.collect(),
            key: self.key.iter().map(field_name).collect(),
            assigned: self.assigned,
            indexes: indexes.collect(),
            page_size: Some(self.leaf_len),
        }
    }
}
