//! Schemas as declared: the statics that `#[derive(Collection)]` and `schema!` emit.

#[cfg(not(feature = "small"))]
use super::condition::ConditionSchema;
use crate::value::{Scalar, Type, Value};

/// What a database holds: the collections named in `epilog::schema!`.
#[derive(Debug)]
pub struct DatabaseSchema {
    /// The name given in `schema!`.
    pub name: &'static str,
    /// The collections, in the order written.
    pub collections: &'static [fn() -> &'static CollectionSchema],
}

/// One collection as declared by a struct.
#[derive(Debug)]
pub struct CollectionSchema {
    /// The name in the file: the struct's, or that of `#[collection(name = "…")]`.
    pub name: &'static str,
    /// The fields in the struct's order. The position in this slice is the field's *ordinal*.
    pub fields: &'static [FieldSchema],
    /// What identifies a record.
    pub key: KeySchema,
    /// The indexes written down with attributes. Those implied by relations and natural keys are added by
    /// [`shape`](super::shape).
    pub indexes: &'static [IndexSchema],
    /// The bytes of a page of records, of `#[collection(page_size = …)]`: a power of two from 1 KiB to 64 KiB.
    pub page_size: Option<u32>,
}

/// What identifies a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySchema {
    /// The `Id<Self>` field with this ordinal; the database assigns it.
    Assigned(u16),
    /// The fields with these ordinals, given by the program.
    Natural(&'static [u16]),
}

impl KeySchema {
    /// The ordinals of the key's fields, in the key's order.
    pub fn ordinals(&self) -> &[u16] {
        match self {
            KeySchema::Assigned(ordinal) => core::slice::from_ref(ordinal),
            KeySchema::Natural(ordinals) => ordinals,
        }
    }
}

/// One field as declared.
#[derive(Debug)]
pub struct FieldSchema {
    /// The field's name, without `r#`.
    pub name: &'static str,
    /// How it is stored.
    pub ty: Type,
    /// Whether it is an `Option`.
    pub optional: bool,
    /// For an `Id<Other>` field: what it points at.
    pub reference: Option<ReferenceSchema>,
    /// The value of `#[default(…)]`.
    pub default: Option<fn() -> Scalar>,
}

impl FieldSchema {
    /// A field of Rust type `T` called `name`, no relation, without a default.
    pub const fn new<T: Value>(name: &'static str) -> FieldSchema {
        FieldSchema { name, ty: T::TYPE, optional: T::OPTIONAL, reference: None, default: None }
    }

    /// The same field under another name.
    pub const fn named(mut self, name: &'static str) -> FieldSchema {
        self.name = name;
        self
    }

    /// The same field, pointing at another collection.
    pub const fn with_reference(
        mut self,
        target: fn() -> &'static CollectionSchema,
        on_delete: OnDelete,
    ) -> FieldSchema {
        self.reference = Some(ReferenceSchema { target, on_delete });
        self
    }

    /// The same field with a default.
    pub const fn with_default(mut self, default: fn() -> Scalar) -> FieldSchema {
        self.default = Some(default);
        self
    }
}

/// What a relation field points at.
#[derive(Debug, Clone, Copy)]
pub struct ReferenceSchema {
    /// The collection pointed at.
    pub target: fn() -> &'static CollectionSchema,
    /// What happens here when the record pointed at is deleted.
    pub on_delete: OnDelete,
}

/// What happens to the records that point at a deleted one. Discriminants are permanent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum OnDelete {
    /// The deletion is refused (the default).
    #[default]
    Restrict = 1,
    /// They are deleted too.
    Cascade = 2,
    /// Their field becomes `None`.
    SetNull = 3,
}

impl OnDelete {
    /// The action with this discriminant.
    pub const fn from_u8(number: u8) -> Option<OnDelete> {
        match number {
            1 => Some(OnDelete::Restrict),
            2 => Some(OnDelete::Cascade),
            3 => Some(OnDelete::SetNull),
            _ => None,
        }
    }
}

/// One index written down with an attribute.
#[derive(Debug)]
pub struct IndexSchema {
    /// The name, unique within the collection: the fields' names joined by `_`.
    pub name: &'static str,
    /// The ordinals of its fields, in order.
    pub fields: &'static [u16],
    /// Whether two records may not have equal values. A record with `None` in one of the fields is exempt.
    pub unique: bool,
    /// The ordinals of the fields whose values are in its entries beside the key.
    #[cfg(not(feature = "small"))]
    pub included: &'static [u16],
    /// What must hold of the records that it has; of a partial index.
    #[cfg(not(feature = "small"))]
    pub condition: &'static [ConditionSchema],
}

impl IndexSchema {
    /// An index of all records.
    pub const fn new(name: &'static str, fields: &'static [u16], unique: bool) -> IndexSchema {
        IndexSchema {
            name,
            fields,
            unique,
            #[cfg(not(feature = "small"))]
            included: &[],
            #[cfg(not(feature = "small"))]
            condition: &[],
        }
    }

    /// The same index with the values of the fields with these ordinals in its entries, beside their keys.
    #[cfg(not(feature = "small"))]
    pub const fn with_included(mut self, included: &'static [u16]) -> IndexSchema {
        self.included = included;
        self
    }

    /// The same index of those records only for which conditions hold.
    #[cfg(not(feature = "small"))]
    pub const fn with_condition(mut self, condition: &'static [ConditionSchema]) -> IndexSchema {
        self.condition = condition;
        self
    }
}
