//! A schema and drafts for the tests of every stage: artists, albums and tracks.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Bound;

use crate::engine::estimate::{KeyRange, Statistics};
use crate::expr::op::Link;
use crate::expr::{
    AggregateFunction, AggregateItem, Clause, Draft, FieldPath, OrderTerm, Postfix, Quantifier, RowPath,
    SelectItem, Subquery, WindowItem,
};
#[cfg(not(feature = "small"))]
use crate::schema::condition::{Comparison, Condition, ConditionSchema, DeclaredTest};
use crate::schema::layout::LayoutField;
use crate::schema::{
    Catalog, CollectionDef, CollectionId, CollectionSchema, CollectionShape, DatabaseSchema, FieldDef,
    FieldId, FieldSchema, IndexDef, IndexId, IndexSchema, KeySchema, Layout, OnDelete, ReferenceDef,
    ReferenceSchema,
};
use crate::value::{Scalar, Type};

const fn field_of(name: &'static str, ty: Type, optional: bool) -> FieldSchema {
    FieldSchema { name, ty, optional, reference: None, default: None }
}

const fn relation(
    name: &'static str,
    target: fn() -> &'static CollectionSchema,
    optional: bool,
) -> FieldSchema {
    let reference = Some(ReferenceSchema { target, on_delete: OnDelete::Restrict });
    FieldSchema { name, ty: Type::Id, optional, reference, default: None }
}

macro_rules! ordinals {
    ($module:ident: $($name:ident)*) => {
        #[allow(dead_code)]
        pub(crate) mod $module {
            ordinals!(@ 0; $($name)*);
        }
    };
    (@ $at:expr; $name:ident $($rest:ident)*) => {
        pub(crate) const $name: u16 = $at;
        ordinals!(@ $at + 1; $($rest)*);
    };
    (@ $at:expr;) => {};
}

ordinals!(artist: ID NAME);
ordinals!(album: ID TITLE ARTIST RELEASED);
ordinals!(track: ID NAME ALBUM MILLISECONDS PRICE ACTIVE EDITOR);
ordinals!(reading: AT CODE VALUE);
ordinals!(country: CODE NAME POPULATION);
ordinals!(note: ID TAGS MARKS PLAIN);

#[allow(non_snake_case)]
pub(crate) fn Artist() -> &'static CollectionSchema {
    static FIELDS: [FieldSchema; 2] =
        [field_of("id", Type::Id, false), field_of("name", Type::String, false)];
    static INDEXES: [IndexSchema; 1] = [IndexSchema::new("name", &[1], true)];
    static SCHEMA: CollectionSchema = CollectionSchema {
        name: "Artist",
        fields: &FIELDS,
        key: KeySchema::Assigned(0),
        indexes: &INDEXES,
        page_size: None,
    };
    &SCHEMA
}

#[allow(non_snake_case)]
pub(crate) fn Album() -> &'static CollectionSchema {
    static FIELDS: [FieldSchema; 4] = [
        field_of("id", Type::Id, false),
        field_of("title", Type::String, false),
        relation("artist", Artist, false),
        field_of("released", Type::Date, true),
    ];
    static INDEXES: [IndexSchema; 2] =
        [IndexSchema::new("title", &[1], false), IndexSchema::new("artist_released", &[2, 3], false)];
    static SCHEMA: CollectionSchema = CollectionSchema {
        name: "Album",
        fields: &FIELDS,
        key: KeySchema::Assigned(0),
        indexes: &INDEXES,
        page_size: None,
    };
    &SCHEMA
}

#[allow(non_snake_case)]
pub(crate) fn Track() -> &'static CollectionSchema {
    static FIELDS: [FieldSchema; 7] = [
        field_of("id", Type::Id, false),
        field_of("name", Type::String, false),
        relation("album", Album, false),
        field_of("milliseconds", Type::I64, false),
        field_of("price", Type::F64, false),
        field_of("active", Type::Bool, false),
        relation("editor", Artist, true),
    ];
    static INDEXES: [IndexSchema; 1] = [IndexSchema::new("milliseconds", &[3], false)];
    static SCHEMA: CollectionSchema = CollectionSchema {
        name: "Track",
        fields: &FIELDS,
        key: KeySchema::Assigned(0),
        indexes: &INDEXES,
        page_size: None,
    };
    &SCHEMA
}

/// Clustered by a signed integer.
#[allow(non_snake_case)]
pub(crate) fn Reading() -> &'static CollectionSchema {
    static FIELDS: [FieldSchema; 3] = [
        field_of("at", Type::I32, false),
        field_of("code", Type::U8, true),
        field_of("value", Type::I64, true),
    ];
    #[cfg(feature = "small")]
    static INDEXES: [IndexSchema; 1] = [IndexSchema::new("code_value", &[1, 2], false)];
    #[cfg(not(feature = "small"))]
    static INDEXES: [IndexSchema; 4] = [
        IndexSchema::new("code_value", &[1, 2], false),
        IndexSchema::new("value_where_code_is_none", &[2], false)
            .with_condition(&[ConditionSchema { field: 1, test: DeclaredTest::Absent }]),
        IndexSchema::new("value_where_code_is_some_value_gt_0", &[2, 1], false).with_condition(&[
            ConditionSchema { field: 1, test: DeclaredTest::Present },
            ConditionSchema { field: 2, test: DeclaredTest::Compared(Comparison::Gt, || Scalar::Int(0)) },
        ]),
        IndexSchema::new("code_where_value_le_1", &[1], false).with_condition(&[ConditionSchema {
            field: 2,
            test: DeclaredTest::Compared(Comparison::Le, || Scalar::Int(1)),
        }]),
    ];
    static SCHEMA: CollectionSchema = CollectionSchema {
        name: "Reading",
        fields: &FIELDS,
        key: KeySchema::Natural(&[0]),
        indexes: &INDEXES,
        page_size: None,
    };
    &SCHEMA
}

/// With a hidden number.
#[allow(non_snake_case)]
pub(crate) fn Country() -> &'static CollectionSchema {
    static FIELDS: [FieldSchema; 3] = [
        field_of("code", Type::String, false),
        field_of("name", Type::String, true),
        field_of("population", Type::U64, false),
    ];
    #[cfg(feature = "small")]
    static INDEXES: [IndexSchema; 0] = [];
    #[cfg(not(feature = "small"))]
    static INDEXES: [IndexSchema; 2] = [
        IndexSchema::new("population_where_name_ge_a", &[2, 1], false).with_condition(&[ConditionSchema {
            field: 1,
            test: DeclaredTest::Compared(Comparison::Ge, || Scalar::String("a".into())),
        }]),
        IndexSchema::new("name_where_population_eq_2", &[1], false).with_condition(&[ConditionSchema {
            field: 2,
            test: DeclaredTest::Compared(Comparison::Eq, || Scalar::Int(2)),
        }]),
    ];
    static SCHEMA: CollectionSchema = CollectionSchema {
        name: "Country",
        fields: &FIELDS,
        key: KeySchema::Natural(&[0]),
        indexes: &INDEXES,
        page_size: None,
    };
    &SCHEMA
}

/// Lists of texts, and of numbers. The cargo feature `small` has none, and its tests ask for none.
pub(crate) const TEXTS: Type = list_of(Type::String);
pub(crate) const NUMBERS: Type = list_of(Type::I64);

const fn list_of(element: Type) -> Type {
    match element.list() {
        Some(list) => list,
        None => Type::Bytes,
    }
}

/// JSON, which the cargo feature `small` has not.
#[cfg(not(feature = "small"))]
pub(crate) const JSON: Type = Type::Json;
#[cfg(feature = "small")]
pub(crate) const JSON: Type = Type::String;

/// With lists, of which indexes have the elements, and JSON.
#[allow(non_snake_case)]
pub(crate) fn Note() -> &'static CollectionSchema {
    static FIELDS: [FieldSchema; 5] = [
        field_of("id", Type::Id, false),
        field_of("tags", TEXTS, false),
        field_of("marks", NUMBERS, true),
        field_of("plain", NUMBERS, false),
        field_of("data", JSON, true),
    ];
    static INDEXES: [IndexSchema; 2] =
        [IndexSchema::new("tags", &[1], false), IndexSchema::new("marks", &[2], false)];
    static SCHEMA: CollectionSchema = CollectionSchema {
        name: "Note",
        fields: &FIELDS,
        key: KeySchema::Assigned(0),
        indexes: &INDEXES,
        page_size: None,
    };
    &SCHEMA
}

static SCHEMAS: [fn() -> &'static CollectionSchema; 6] = [Artist, Album, Track, Reading, Country, Note];

/// The schema.
pub(crate) static DATABASE: DatabaseSchema = DatabaseSchema { name: "Music", collections: &SCHEMAS };

/// The catalog of the schema, made without a database.
pub(crate) fn catalog() -> Catalog {
    let mut next = 100;
    let mut id = || {
        next += 1;
        next
    };
    let collection_id = |name: &str| {
        CollectionId(16 + SCHEMAS.iter().position(|of| of().name == name).expect("a collection") as u32)
    };
    let define = SCHEMAS.iter().map(|schema| {
        let schema: &'static CollectionSchema = schema();
        let shape = CollectionShape::of(schema);
        let position =
            |name: &String| shape.fields.iter().position(|field| field.name == *name).expect("a field");
        let fields: Vec<FieldDef> = shape
            .fields
            .iter()
            .map(|field| FieldDef {
                id: FieldId(id()),
                name: field.name.clone(),
                ty: field.ty,
                optional: field.optional,
                reference: field
                    .reference
                    .as_ref()
                    .map(|(to, on_delete)| ReferenceDef { target: collection_id(to), on_delete: *on_delete }),
                default: None,
            })
            .collect();
        let indexes: Vec<IndexDef> = shape
            .indexes
            .iter()
            .map(|index| IndexDef {
                id: IndexId(id()),
                name: index.name.clone(),
                fields: index.fields.iter().map(|name| position(name) as u16).collect(),
                unique: index.unique,
                #[cfg(not(feature = "small"))]
                included: index.included.iter().map(|name| position(name) as u16).collect(),
                #[cfg(not(feature = "small"))]
                condition: index
                    .condition
                    .iter()
                    .map(|(name, test)| Condition { position: position(name) as u16, test: test.clone() })
                    .collect(),
                page_len: 4096,
            })
            .collect();
        let key: Vec<u16> = shape.key.iter().map(|name| position(name) as u16).collect();
        let clustered = shape.is_clustered().then(|| key[0]);
        let layout: Vec<LayoutField> = fields
            .iter()
            .enumerate()
            .map(|(at, field)| LayoutField {
                ty: field.ty,
                optional: field.optional,
                indexed: indexes.iter().any(|index| index.fields.contains(&(at as u16))),
            })
            .collect();
        let def = CollectionDef {
            id: collection_id(schema.name),
            name: schema.name.to_string(),
            layout: Layout::new(&layout, clustered.map(usize::from)),
            fields,
            key,
            assigned: shape.assigned,
            clustered,
            indexes,
            version: 1,
            leaf_len: 16384,
            declared: None,
            positions: Vec::new(),
            places: Vec::new(),
        };
        Arc::new(def.bind(schema))
    });
    Catalog { collections: define.collect() }
}

/// 300 artists, 3,000 albums, 50,000 tracks. An index has as many entries for a given key as records share one, and for
/// a range a tenth of all.
pub(crate) struct Made;

impl Statistics for Made {
    fn rows(&self, collection: &CollectionDef) -> u64 {
        match collection.name.as_str() {
            "Artist" => 300,
            "Album" => 3_000,
            _ => 50_000,
        }
    }

    fn entries(&self, collection: &CollectionDef, index: &IndexDef, range: &KeyRange) -> Option<u64> {
        let all = self.rows(collection);
        let equal = matches!((&range.low, &range.high), (Bound::Included(a), Bound::Included(b)) if a == b);
        let found = match index.name.as_str() {
            "artist_released" | "code_value" => 10,
            _ if !equal => all / 10,
            "album" | "editor" => 17,
            _ => 1,
        };
        Some(found)
    }

    #[cfg(not(feature = "small"))]
    fn leading(&self, _: &CollectionDef, index: &IndexDef, max: usize) -> Option<Vec<Vec<u8>>> {
        // Only the readings' codes are few.
        (index.name == "code_value").then(|| (0..max as u8 / 4).map(|code| Vec::from([1, code])).collect())
    }
}

/// Makes drafts clause by clause.
#[derive(Clone)]
pub(crate) struct DraftBuilder(Draft);

pub(crate) fn draft(root: fn() -> &'static CollectionSchema) -> DraftBuilder {
    DraftBuilder(Draft::new(root, Vec::new()))
}

/// A draft joined with a collection.
#[cfg(not(feature = "small"))]
pub(crate) fn join(
    of: DraftBuilder,
    with: fn() -> &'static CollectionSchema,
    on: Postfix,
    kind: crate::expr::JoinKind,
) -> DraftBuilder {
    of.clause(Clause::Join { collection: with, on, kind })
}

impl DraftBuilder {
    pub(crate) fn build(self) -> Draft {
        self.0
    }

    pub(crate) fn clause(mut self, clause: Clause) -> Self {
        self.0.clauses.push(clause);
        self
    }

    pub(crate) fn filter(self, predicate: Postfix) -> Self {
        self.clause(Clause::Filter(predicate))
    }

    pub(crate) fn order_by(self, expression: Postfix, descending: bool) -> Self {
        self.clause(Clause::Order(Vec::from([OrderTerm { expression, descending, nulls_first: None }])))
    }

    pub(crate) fn limit(self, count: u64) -> Self {
        self.clause(Clause::Limit(count))
    }

    pub(crate) fn offset(self, count: u64) -> Self {
        self.clause(Clause::Offset(count))
    }

    pub(crate) fn select(self, values: impl IntoIterator<Item = Postfix>) -> Self {
        self.clause(Clause::Select(values.into_iter().map(SelectItem::Value).collect()))
    }

    pub(crate) fn aggregate(
        self,
        items: impl IntoIterator<Item = (AggregateFunction, Option<Postfix>)>,
    ) -> Self {
        let items = items.into_iter().map(|(function, argument)| aggregate(function, argument));
        self.group_by([]).select(items)
    }

    pub(crate) fn window(self, items: impl IntoIterator<Item = WindowItem>) -> Self {
        self.clause(Clause::window(items.into_iter().collect()))
    }

    pub(crate) fn group_by(self, keys: impl IntoIterator<Item = Postfix>) -> Self {
        self.clause(Clause::Grouping(keys.into_iter().collect()))
    }
}

/// An aggregate over the rows of a group.
pub(crate) fn aggregate(function: AggregateFunction, argument: Option<Postfix>) -> Postfix {
    Postfix::aggregate(AggregateItem { function, argument, filter: None })
}

/// A field of the root.
pub(crate) fn field(ordinal: u16) -> Postfix {
    inner(0, ordinal)
}

/// A field of a source.
pub(crate) fn inner(position: u8, ordinal: u16) -> Postfix {
    Postfix::field(FieldPath { row: RowPath::source(position), ordinal })
}

/// A value that a window has calculated.
pub(crate) fn window(number: u16) -> Postfix {
    Postfix::field(FieldPath { row: RowPath::WINDOWS, ordinal: number })
}

/// A field at the end of a path from the root.
pub(crate) fn through(hops: &[u16], ordinal: u16) -> Postfix {
    let row = hops.iter().fold(RowPath::source(0), |row, hop| row.hop(*hop));
    Postfix::field(FieldPath { row, ordinal })
}

pub(crate) fn text(value: &str) -> Postfix {
    Postfix::literal(Scalar::String(value.to_string()), Type::String)
}

pub(crate) fn int(value: i64) -> Postfix {
    Postfix::literal(Scalar::Int(value.into()), Type::I64)
}

pub(crate) fn id(value: u64) -> Postfix {
    Postfix::literal(Scalar::Int(value.into()), Type::Id)
}

pub(crate) fn null(ty: Type) -> Postfix {
    Postfix::literal(Scalar::Null, ty)
}

/// Something about the records whose field points at the root.
pub(crate) fn reverse(
    collection: fn() -> &'static CollectionSchema,
    ordinal: u16,
    quantifier: Quantifier,
    predicate: Option<Postfix>,
) -> Postfix {
    let link = Link::Reverse { row: RowPath::source(0), ordinal };
    Postfix::subquery(Subquery { collection, link, quantifier, predicate, equal: None })
}

/// Whether a record of another collection satisfies a predicate about it and the sources around.
pub(crate) fn exists(
    collection: fn() -> &'static CollectionSchema,
    position: u8,
    predicate: Postfix,
) -> Postfix {
    let link = Link::Correlated { position };
    Postfix::subquery(Subquery {
        collection,
        link,
        quantifier: Quantifier::Any,
        predicate: Some(predicate),
        equal: None,
    })
}
