//! [`Step`]: one primitive change of a schema.
//!
//! Every step carries what is needed to undo it, so that [`Step::inverse`] is total: a drop holds what it drops, a rename the
//! old name.

use epilog::schema::condition::ConditionTest;
use epilog::schema::{CollectionId, FieldId, IndexId, OnDelete};
use epilog::value::{Scalar, Type};

/// One primitive change of a schema. Collections, fields and indexes are named by their permanent ids.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// A collection begins.
    AddCollection(CollectionSpec),
    /// A collection ends, with all its records.
    DropCollection(CollectionSpec),
    /// A collection gets another name.
    RenameCollection {
        /// Which one.
        collection: CollectionId,
        /// Its name before.
        from: String,
        /// Its name after.
        to: String,
    },
    /// A field begins. Records written before have its default, or nothing.
    AddField {
        /// The collection it belongs to.
        collection: CollectionId,
        /// The field.
        field: FieldSpec,
    },
    /// A field ends.
    DropField {
        /// The collection it belonged to.
        collection: CollectionId,
        /// The field as it was.
        field: FieldSpec,
    },
    /// A field gets another name.
    RenameField {
        /// Which one.
        field: FieldId,
        /// Its name before.
        from: String,
        /// Its name after.
        to: String,
    },
    /// A field gets another type, becomes optional or required, or points elsewhere.
    ChangeField {
        /// Which one.
        field: FieldId,
        /// What it could hold before.
        from: FieldType,
        /// What it can hold after.
        to: FieldType,
    },
    /// An index begins.
    AddIndex {
        /// The collection it is over.
        collection: CollectionId,
        /// The index.
        index: IndexSpec,
    },
    /// An index ends.
    DropIndex {
        /// The collection it was over.
        collection: CollectionId,
        /// The index as it was.
        index: IndexSpec,
    },
}

/// A collection, as it begins or ends.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectionSpec {
    /// Its permanent id.
    pub id: CollectionId,
    /// Its name.
    pub name: String,
    /// Its fields.
    pub fields: Vec<FieldSpec>,
    /// The key's fields, in order.
    pub key: Vec<FieldId>,
    /// Whether the database assigns the key.
    pub assigned: bool,
}

/// A field, as it begins or ends.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldSpec {
    /// Its permanent id.
    pub id: FieldId,
    /// Its name.
    pub name: String,
    /// What it can hold.
    pub ty: FieldType,
    /// What records have that were written before it began. Of the class of values that `ty` stores.
    pub default: Option<Scalar>,
}

/// What a field can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldType {
    /// How values are stored.
    pub ty: Type,
    /// Whether the absent value is one of them.
    pub optional: bool,
    /// The collection it points at, and what a deletion there does.
    pub reference: Option<(CollectionId, OnDelete)>,
}

/// An index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexSpec {
    /// Its permanent id.
    pub id: IndexId,
    /// Its name.
    pub name: String,
    /// Its fields, in order.
    pub fields: Vec<FieldId>,
    /// Whether equal values are refused.
    pub unique: bool,
    /// The fields whose values its entries have beside their keys, in order. Others are another index: one that ends, and one that
    /// begins.
    pub included: Vec<FieldId>,
    /// What must hold of the records that it has; nothing where it has all.
    pub conditions: Vec<ConditionSpec>,
}

/// One of the conditions of a partial index. One that changes is an index that ends and another that begins.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionSpec {
    /// The field.
    pub field: FieldId,
    /// How its values are stored.
    pub ty: Type,
    /// What must hold of it.
    pub test: ConditionTest,
}

impl Step {
    /// The step that undoes this one. The inverse of the inverse is the step itself.
    pub fn inverse(&self) -> Step {
        match self.clone() {
            Step::AddCollection(spec) => Step::DropCollection(spec),
            Step::DropCollection(spec) => Step::AddCollection(spec),
            Step::RenameCollection { collection, from, to } => {
                Step::RenameCollection { collection, from: to, to: from }
            }
            Step::AddField { collection, field } => Step::DropField { collection, field },
            Step::DropField { collection, field } => Step::AddField { collection, field },
            Step::RenameField { field, from, to } => Step::RenameField { field, from: to, to: from },
            Step::ChangeField { field, from, to } => Step::ChangeField { field, from: to, to: from },
            Step::AddIndex { collection, index } => Step::DropIndex { collection, index },
            Step::DropIndex { collection, index } => Step::AddIndex { collection, index },
        }
    }

    /// Appends the step's meaning: the bytes that a revision's id is made from. Injective, and never changed for a step that
    /// exists: ids of applied revisions depend on it.
    pub(crate) fn append_meaning(&self, out: &mut Vec<u8>) {
        match self {
            Step::AddCollection(spec) => {
                out.push(1);
                spec.append_meaning(out);
            }
            Step::DropCollection(spec) => {
                out.push(2);
                spec.append_meaning(out);
            }
            Step::RenameCollection { collection, from, to } => {
                out.push(3);
                append_number(out, collection.0);
                append_text(out, from);
                append_text(out, to);
            }
            Step::AddField { collection, field } => {
                out.push(4);
                append_number(out, collection.0);
                field.append_meaning(out);
            }
            Step::DropField { collection, field } => {
                out.push(5);
                append_number(out, collection.0);
                field.append_meaning(out);
            }
            Step::RenameField { field, from, to } => {
                out.push(6);
                append_number(out, field.0);
                append_text(out, from);
                append_text(out, to);
            }
            Step::ChangeField { field, from, to } => {
                out.push(7);
                append_number(out, field.0);
                from.append_meaning(out);
                to.append_meaning(out);
            }
            Step::AddIndex { collection, index } => {
                out.push(8);
                append_number(out, collection.0);
                index.append_meaning(out);
            }
            Step::DropIndex { collection, index } => {
                out.push(9);
                append_number(out, collection.0);
                index.append_meaning(out);
            }
        }
    }
}

impl CollectionSpec {
    fn append_meaning(&self, out: &mut Vec<u8>) {
        append_number(out, self.id.0);
        append_text(out, &self.name);
        append_count(out, self.fields.len());
        for field in &self.fields {
            field.append_meaning(out);
        }
        append_fields(out, &self.key);
        out.push(u8::from(self.assigned));
    }
}

impl FieldSpec {
    fn append_meaning(&self, out: &mut Vec<u8>) {
        append_number(out, self.id.0);
        append_text(out, &self.name);
        self.ty.append_meaning(out);
        match &self.default {
            None => out.push(0),
            Some(default) => default.with_cell(self.ty.ty, |cell| match cell {
                None => out.push(1),
                Some(bytes) => {
                    out.push(2);
                    append_bytes(out, bytes);
                }
            }),
        }
    }
}

impl FieldType {
    fn append_meaning(&self, out: &mut Vec<u8>) {
        out.extend([self.ty as u8, u8::from(self.optional)]);
        match self.reference {
            None => out.push(0),
            Some((target, on_delete)) => {
                out.push(on_delete as u8);
                append_number(out, target.0);
            }
        }
    }
}

impl IndexSpec {
    fn append_meaning(&self, out: &mut Vec<u8>) {
        append_number(out, self.id.0);
        append_text(out, &self.name);
        append_fields(out, &self.fields);
        // An index of all records that includes nothing means what it did before there were others.
        let (is_partial, includes) = (!self.conditions.is_empty(), !self.included.is_empty());
        out.push(u8::from(self.unique) | u8::from(is_partial) << 1 | u8::from(includes) << 2);
        if includes {
            append_fields(out, &self.included);
        }
        if !self.conditions.is_empty() {
            append_count(out, self.conditions.len());
        }
        for condition in &self.conditions {
            append_number(out, condition.field.0);
            out.push(condition.ty as u8);
            condition.test.append(out, condition.ty);
        }
    }
}

fn append_number(out: &mut Vec<u8>, number: u32) {
    out.extend(number.to_le_bytes());
}

fn append_count(out: &mut Vec<u8>, count: usize) {
    append_number(out, u32::try_from(count).expect("a schema has fewer than 2^32 parts"));
}

fn append_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    append_count(out, bytes.len());
    out.extend(bytes);
}

fn append_text(out: &mut Vec<u8>, text: &str) {
    append_bytes(out, text.as_bytes());
}

fn append_fields(out: &mut Vec<u8>, fields: &[FieldId]) {
    append_count(out, fields.len());
    for field in fields {
        append_number(out, field.0);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use epilog::schema::condition::Comparison;

    use super::*;

    pub(crate) fn field(id: u32, name: &str) -> FieldSpec {
        let ty = FieldType { ty: Type::String, optional: false, reference: None };
        FieldSpec { id: FieldId(id), name: name.into(), ty, default: None }
    }

    /// One step of each kind, and near misses: steps that differ in one place.
    pub(crate) fn samples() -> Vec<Step> {
        let collection = CollectionId(16);
        let id = FieldSpec { ty: FieldType { ty: Type::Id, ..field(1, "id").ty }, ..field(1, "id") };
        let spec = CollectionSpec {
            id: collection,
            name: "Artist".into(),
            fields: vec![id.clone(), field(2, "name")],
            key: vec![FieldId(1)],
            assigned: true,
        };
        let text = field(2, "name").ty;
        let target = Some((CollectionId(17), OnDelete::Cascade));
        let index = IndexSpec {
            id: IndexId(20),
            name: "name".into(),
            fields: vec![FieldId(2)],
            unique: true,
            included: Vec::new(),
            conditions: Vec::new(),
        };
        let including = |fields: &[u32]| IndexSpec {
            included: fields.iter().map(|id| FieldId(*id)).collect(),
            ..index.clone()
        };
        let partial = |test| IndexSpec {
            conditions: vec![ConditionSpec { field: FieldId(2), ty: Type::String, test }],
            ..index.clone()
        };
        let compared = |comparison, text: &str| {
            partial(ConditionTest::Compared(comparison, Scalar::String(text.into())))
        };
        let named = |from: &str, to: &str| (from.to_string(), to.to_string());
        let (from, to) = named("ab", "c");
        let (from_2, to_2) = named("a", "bc");
        vec![
            Step::AddCollection(spec.clone()),
            Step::AddCollection(CollectionSpec { assigned: false, ..spec.clone() }),
            Step::AddCollection(CollectionSpec { key: vec![FieldId(2)], ..spec.clone() }),
            Step::AddCollection(CollectionSpec { fields: vec![id], ..spec }),
            Step::RenameCollection { collection, from: from.clone(), to: to.clone() },
            Step::RenameCollection { collection, from: from_2, to: to_2 },
            Step::RenameField { field: FieldId(16), from, to },
            Step::AddField { collection, field: field(3, "sort_name") },
            Step::AddField {
                collection,
                field: FieldSpec { default: Some(Scalar::String(String::new())), ..field(3, "sort_name") },
            },
            Step::AddField {
                collection,
                field: FieldSpec { default: Some(Scalar::Null), ..field(3, "sort_name") },
            },
            Step::ChangeField { field: FieldId(2), from: text, to: FieldType { optional: true, ..text } },
            Step::ChangeField { field: FieldId(2), from: text, to: FieldType { reference: target, ..text } },
            Step::AddIndex { collection, index: index.clone() },
            Step::AddIndex { collection, index: partial(ConditionTest::Absent) },
            Step::AddIndex { collection, index: partial(ConditionTest::Present) },
            Step::AddIndex { collection, index: compared(Comparison::Eq, "a") },
            Step::AddIndex { collection, index: compared(Comparison::Eq, "b") },
            Step::AddIndex { collection, index: compared(Comparison::Ge, "a") },
            Step::AddIndex {
                collection,
                index: IndexSpec { unique: false, ..partial(ConditionTest::Absent) },
            },
            Step::AddIndex { collection, index: including(&[3]) },
            Step::AddIndex { collection, index: including(&[3, 4]) },
            Step::AddIndex { collection, index: including(&[4, 3]) },
            Step::AddIndex { collection, index: IndexSpec { unique: false, ..including(&[3]) } },
            Step::AddIndex {
                collection,
                index: IndexSpec { included: vec![FieldId(3)], ..partial(ConditionTest::Absent) },
            },
            Step::AddIndex { collection, index: IndexSpec { unique: false, ..index } },
        ]
    }

    #[test]
    fn inverse_of_the_inverse_is_the_step() {
        for step in samples() {
            assert_ne!(step.inverse(), step);
            assert_eq!(step.inverse().inverse(), step);
        }
    }

    #[test]
    fn steps_that_differ_mean_different_things() {
        // All samples and their inverses, pairwise.
        let steps: Vec<Step> = samples().into_iter().flat_map(|step| [step.inverse(), step]).collect();
        let meaning = |step: &Step| {
            let mut out = Vec::new();
            step.append_meaning(&mut out);
            out
        };
        for (i, a) in steps.iter().enumerate() {
            for b in &steps[i + 1..] {
                assert_ne!(meaning(a), meaning(b), "{a:?} {b:?}");
            }
        }
    }
}
