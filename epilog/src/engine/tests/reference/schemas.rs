//! Collections made at random: fields of every type but blobs, keys of one field or of two, relations, also of a collection with
//! itself, indexes of any kind, pages of several sizes. Drafts about them are answered with and without the indexes that are
//! not needed.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use super::*;
use crate::schema::condition::{Comparison, ConditionSchema, DeclaredTest};
use crate::schema::{
    CollectionShape, DatabaseSchema, FieldSchema, IndexSchema, KeySchema, OnDelete, ReferenceSchema,
};
use crate::value::decimal::DecimalParts;

/// How many collections there are.
const COUNT: usize = 4;

std::thread_local! {
    /// The schemas of this thread's collections, with their indexes and without.
    static MADE: RefCell<[Vec<&'static CollectionSchema>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
    static BARE: Cell<bool> = const { Cell::new(false) };
}

/// What drafts and relations name a collection by.
fn collection<const N: usize>() -> &'static CollectionSchema {
    MADE.with_borrow(|made| made[usize::from(BARE.get())][N])
}

static COLLECTIONS: [fn() -> &'static CollectionSchema; COUNT] =
    [collection::<0>, collection::<1>, collection::<2>, collection::<3>];

/// Has the collections without indexes while it lives.
struct Bare;

impl Bare {
    fn new() -> Bare {
        BARE.set(true);
        Bare
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        BARE.set(false);
    }
}

/// Types of fields, those that more is asked of more often.
const TYPES: [Type; 34] = [
    Type::String,
    Type::String,
    Type::String,
    Type::I64,
    Type::I64,
    Type::I64,
    Type::Decimal,
    Type::Decimal,
    Type::Date,
    Type::Date,
    Type::F64,
    Type::F64,
    Type::Bool,
    Type::U64,
    Type::I32,
    Type::I8,
    Type::I16,
    Type::I128,
    Type::U8,
    Type::U16,
    Type::U32,
    Type::U128,
    Type::F32,
    Type::Char,
    Type::Bytes,
    Type::Uuid,
    Type::Time,
    Type::DateTime,
    Type::Timestamp,
    f::TEXTS,
    f::TEXTS,
    f::NUMBERS,
    f::NUMBERS,
    f::JSON,
];

/// Types of keys: those that cluster records, and others.
const KEYS: [Type; 12] = [
    Type::I32,
    Type::I64,
    Type::U64,
    Type::I8,
    Type::Date,
    Type::Timestamp,
    Type::Uuid,
    Type::Char,
    Type::String,
    Type::Decimal,
    Type::F64,
    Type::Bytes,
];

fn leaked<T>(values: Vec<T>) -> &'static [T] {
    Box::leak(values.into_boxed_slice())
}

fn name(letter: char, number: usize) -> &'static str {
    Box::leak(format!("{letter}{number}").into_boxed_str())
}

/// Makes the schemas of this thread's collections, which last until the next ones, and their records.
pub(super) fn collections(random: &mut Random) -> Vec<Collection> {
    let mut schemas: [Vec<&'static CollectionSchema>; 2] = [Vec::new(), Vec::new()];
    for number in 0..COUNT {
        let made = schema(random, number, &schemas[0]);
        let bare = CollectionSchema { indexes: &[], fields: made.fields, ..made };
        schemas[0].push(Box::leak(Box::new(made)));
        schemas[1].push(Box::leak(Box::new(bare)));
    }
    MADE.set(schemas);
    let mut all: Vec<Collection> = Vec::new();
    for of in COLLECTIONS {
        let records = records(random, of(), &all);
        all.push((of, records));
    }
    all
}

/// A database with the collections, with their indexes or without.
pub(super) fn database(indexed: bool) -> &'static DatabaseSchema {
    let name = if indexed { "Made" } else { "Bare" };
    Box::leak(Box::new(DatabaseSchema { name, collections: &COLLECTIONS }))
}

/// The collections of the fixtures, or such as are made at random, with a database of them.
pub(super) fn of_kind(random: &mut Random, is_made: bool) -> (Vec<Collection>, &'static DatabaseSchema) {
    match is_made {
        false => (super::collections(random), &f::DATABASE),
        true => (collections(random), database(true)),
    }
}

/// Schema number `number`; records may point at those of `others`, whose keys are given out.
fn schema(random: &mut Random, number: usize, others: &[&'static CollectionSchema]) -> CollectionSchema {
    let plain = |name, ty, optional| FieldSchema { name, ty, optional, reference: None, default: None };
    let mut fields = Vec::new();
    let key = match random.below(4) {
        kind @ (0 | 1) if number > 0 => {
            for at in 0..=kind {
                fields.push(plain(name('k', at), *random.pick(&KEYS), false));
            }
            KeySchema::Natural(leaked((0..=kind as u16).collect()))
        }
        _ => {
            fields.push(plain("id", Type::Id, false));
            KeySchema::Assigned(0)
        }
    };
    let is_assigned = |schema: &CollectionSchema| matches!(schema.key, KeySchema::Assigned(_));
    let mut targets: Vec<usize> = (0..number).filter(|other| is_assigned(others[*other])).collect();
    if let KeySchema::Assigned(_) = key {
        targets.push(number);
    }
    for _ in 0..3 + random.below(5) {
        let (at, optional) = (fields.len(), random.below(2) == 0);
        if random.below(3) == 0 && !targets.is_empty() {
            let to = *random.pick(&targets);
            // The first of them has none of its own kind to point at.
            let optional = optional || to == number;
            let reference = ReferenceSchema { target: COLLECTIONS[to], on_delete: OnDelete::Restrict };
            let plain = plain(name('r', at), Type::Id, optional);
            fields.push(FieldSchema { reference: Some(reference), ..plain });
        } else {
            fields.push(plain(name('f', at), *random.pick(&TYPES), optional));
        }
    }
    let mut indexes: Vec<IndexSchema> = Vec::new();
    for at in 0..random.below(5) {
        let Some(of) = index(random, name('i', at), &fields) else { continue };
        // Each is of other fields than the key, and than the others are.
        let is_known = indexes.iter().any(|known| known.fields == of.fields) || key.ordinals() == of.fields;
        if !is_known {
            indexes.push(of);
        }
    }
    // Pages so short that most collections have several.
    let page_size = *random.pick(&[None, Some(1024), Some(1024), Some(1024)]);
    let (fields, indexes) = (leaked(fields), leaked(indexes));
    CollectionSchema { name: name('C', number), fields, key, indexes, page_size }
}

fn index(random: &mut Random, name: &'static str, fields: &[FieldSchema]) -> Option<IndexSchema> {
    let mut ordinals: Vec<u16> = Vec::new();
    for _ in 0..1 + random.below(3) {
        let ordinal = random.below(fields.len()) as u16;
        let ty = fields[usize::from(ordinal)].ty;
        if ordinals.contains(&ordinal) || ty.is_json() {
            continue;
        }
        if ty.is_list() {
            // These are indexed alone, and whole.
            return ordinals.is_empty().then(|| IndexSchema::new(name, leaked(Vec::from([ordinal])), false));
        }
        ordinals.push(ordinal);
    }
    let unique = random.below(4) == 0;
    let mut conditions: Vec<ConditionSchema> = Vec::new();
    if random.below(3) == 0 {
        for _ in 0..1 + random.below(2) {
            let field = random.below(fields.len()) as u16;
            let is_new = conditions.iter().all(|known| known.field != field);
            let test = condition(random, &fields[usize::from(field)]);
            conditions.extend(test.filter(|_| is_new).map(|test| ConditionSchema { field, test }));
        }
    }
    let included = included(random, fields);
    let index = IndexSchema::new(name, leaked(ordinals), unique)
        .with_included(leaked(included))
        .with_condition(leaked(conditions));
    (!index.fields.is_empty()).then_some(index)
}

/// What the entries of an index have beside their keys: fields of any type that they can have, also those of the key.
fn included(random: &mut Random, fields: &[FieldSchema]) -> Vec<u16> {
    let mut included: Vec<u16> = Vec::new();
    let count = if random.below(3) == 0 { 1 + random.below(4) } else { 0 };
    for _ in 0..count {
        let ordinal = random.below(fields.len()) as u16;
        let ty = fields[usize::from(ordinal)].ty;
        if !included.contains(&ordinal) && !ty.is_list() && !ty.is_json() {
            included.push(ordinal);
        }
    }
    included
}

fn condition(random: &mut Random, field: &FieldSchema) -> Option<DeclaredTest> {
    use Comparison::{Eq, Ge, Gt, Le, Lt};
    if field.optional && random.below(2) == 0 {
        return Some(*random.pick(&[DeclaredTest::Absent, DeclaredTest::Present]));
    }
    let values: &[fn() -> Scalar] = match field.ty {
        Type::Bool => &[|| Scalar::Bool(true), || Scalar::Bool(false)],
        Type::String => &[
            || Scalar::String("a".to_string()),
            || Scalar::String("Ä".to_string()),
            || Scalar::String(String::new()),
        ],
        Type::F64 | Type::F32 => &[|| Scalar::Float(0.0), || Scalar::Float(-1.5)],
        Type::U128 => &[|| Scalar::Uint(1), || Scalar::Uint(2)],
        Type::Decimal => &[|| Scalar::Decimal(decimal(150, 2)), || Scalar::Decimal(decimal(0, 0))],
        Type::Char | Type::Id => &[|| Scalar::Int(97), || Scalar::Int(2)],
        ty if ty.is_integer() || matches!(ty, Type::Date | Type::Time) => {
            &[|| Scalar::Int(0), || Scalar::Int(1), || Scalar::Int(2)]
        }
        _ => return None,
    };
    Some(DeclaredTest::Compared(*random.pick(&[Eq, Lt, Le, Gt, Ge]), *random.pick(values)))
}

fn decimal(mantissa: i128, scale: u32) -> DecimalParts {
    DecimalParts { mantissa, scale }
}

/// A value of the type, one of few.
pub(super) fn value_of(random: &mut Random, ty: Type) -> Scalar {
    let int = |random: &mut Random, values: &[i128]| Scalar::Int(*random.pick(values));
    const SECOND: i128 = 1 << 32;
    match ty {
        Type::Bool => Scalar::Bool(random.below(2) == 0),
        Type::String => {
            Scalar::String(random.pick(&["", "a", "ab", "abc", "b", "ba", "Ä", "z", "a%", "*b"]).to_string())
        }
        Type::F32 | Type::F64 => Scalar::Float(*random.pick(&[-1.5, -0.0, 0.0, 2.0, f64::NAN])),
        Type::U128 => Scalar::Uint(*random.pick(&[0, 1, 2, 3, i64::MAX as u128])),
        Type::Decimal => {
            let values = [(0, 0), (0, 2), (15, 1), (150, 2), (-15, 1), (2, 0), (200, 2), (123_456_789, 3)];
            let (mantissa, scale) = *random.pick(&values);
            Scalar::Decimal(decimal(mantissa, scale))
        }
        Type::Char => int(random, &[0, 97, 98, 0xC4, 0x10_FFFF]),
        Type::Bytes => Scalar::Bytes(
            random.pick(&[&b""[..], b"\0", b"\0\0", b"a", b"a\0b", b"\xFF", b"\xFF\xFF"]).to_vec(),
        ),
        Type::Uuid => {
            let mut bytes = [*random.pick(&[0, 1, 0xFF]); 16];
            bytes[15] = *random.pick(&[0, 1, 0x80]);
            Scalar::Uuid(bytes)
        }
        Type::Date => int(random, &[0, 1, 2, 3, 4, -1, 20_000]),
        Type::Time => int(random, &[0, 1, 2, 3, 86_399 * SECOND]),
        Type::DateTime | Type::Timestamp => {
            int(random, &[0, 1, SECOND, 2 * SECOND, -SECOND, -SECOND + 5, 1_700_000_000 * SECOND / 1000])
        }
        Type::I8 => int(random, &[-128, -2, -1, 0, 1, 2, 127]),
        Type::I16 => int(random, &[-32_768, -1, 0, 1, 2, 300, 32_767]),
        Type::I32 => int(random, &[i32::MIN.into(), -2, -1, 0, 1, 2, 3, i32::MAX.into()]),
        Type::I64 => Scalar::Int(random.below(9) as i128 - 4),
        Type::I128 => int(random, &[i64::MIN.into(), -1, 0, 1, 2, i64::MAX.into()]),
        Type::U8 => int(random, &[0, 1, 2, 3, 255]),
        Type::U16 => int(random, &[0, 1, 2, 3, 256, 65_535]),
        Type::U32 => int(random, &[0, 1, 2, 3, u32::MAX.into()]),
        Type::U64 => int(random, &[0, 1, 2, 3, 4, 5, i64::MAX.into()]),
        f::TEXTS => tags(random),
        f::NUMBERS => numbers(random),
        _ if ty.is_json() => Scalar::String(random.pick(&json::VALUES).to_string()),
        _ => Scalar::Int(random.below(12) as i128),
    }
}

/// A value of a key, one of many.
fn key_of(random: &mut Random, ty: Type) -> Scalar {
    let number = random.below(90);
    match ty {
        Type::String => Scalar::String(format!("{}{number}", random.pick(&["", "a", "Ä"]))),
        Type::Decimal => Scalar::Decimal(decimal(number as i128 - 9, random.below(3) as u32)),
        Type::F64 => Scalar::Float(number as f64 / 4.0 - 2.0),
        Type::Bytes => Scalar::Bytes(Vec::from([number as u8 / 9, 0, number as u8])),
        Type::Uuid => Scalar::Uuid([number as u8; 16]),
        Type::U64 | Type::Char => Scalar::Int(number as i128),
        Type::Timestamp => Scalar::Int((number as i128 - 9) << 32),
        _ => Scalar::Int(number as i128 - 9),
    }
}

/// Records that keep the constraints, in the order that they come in.
fn records(random: &mut Random, schema: &CollectionSchema, others: &[Collection]) -> Vec<Vec<Scalar>> {
    let is_assigned = matches!(schema.key, KeySchema::Assigned(_));
    let mut records: Vec<Vec<Scalar>> = Vec::new();
    for _ in 0..12 + random.below(60) {
        let mut record = Vec::new();
        for (ordinal, field) in schema.fields.iter().enumerate() {
            record.push(match field.reference {
                _ if is_assigned && ordinal == 0 => Scalar::Int(records.len() as i128 + 1),
                _ if field.optional && random.below(4) == 0 => Scalar::Null,
                Some(reference) => {
                    let of = others.iter().find(|(of, _)| core::ptr::eq(of(), (reference.target)()));
                    // Without one of them it points at those of its own kind that are there already.
                    match of.map_or(records.len(), |(_, records)| records.len()) {
                        0 => Scalar::Null,
                        count => Scalar::Int(1 + random.below(count) as i128),
                    }
                }
                None if schema.key.ordinals().contains(&(ordinal as u16)) => key_of(random, field.ty),
                None => value_of(random, field.ty),
            });
        }
        let unique = schema.indexes.iter().filter(|index| index.unique).map(|index| index.fields);
        let mut unique = unique.chain((!is_assigned).then(|| schema.key.ordinals()));
        // What a partial index lacks may come twice, and does not here.
        let collides = |fields: &[u16]| {
            let is_same = |other: &Vec<Scalar>| {
                fields.iter().all(|ordinal| {
                    let (a, b) = (&record[usize::from(*ordinal)], &other[usize::from(*ordinal)]);
                    !a.is_null() && a.compare(b).is_eq()
                })
            };
            records.iter().any(is_same)
        };
        if !unique.any(collides) {
            records.push(record);
        }
    }
    if CollectionShape::of(schema).is_clustered() {
        let key = usize::from(schema.key.ordinals()[0]);
        records.sort_by(|a, b| a[key].compare(&b[key]));
    }
    records
}

/// Records of such collections, with indexes and without.
pub(super) fn asked(data: &[Collection]) -> Asked<'_> {
    let asked = Asked::of(data, database(true));
    let _without = Bare::new();
    let bare = Store::in_memory(database(false)).expect("a sound schema");
    insert(&bare, data);
    Asked { bare: Some(bare), ..asked }
}

/// As [`rows`], where there are no indexes but those that keys and relations need.
pub(super) fn bare_rows(
    reading: &dyn Reading,
    draft: &Draft,
    rules: impl Into<Switches>,
) -> Result<Vec<Vec<Scalar>>, EngineError> {
    let _without = Bare::new();
    rows(reading.operation().view(), draft, rules)
}

/// As [`check_drafts`], of collections made for the seed.
pub(super) fn check_made(
    seed: u64,
    queries: usize,
    make: &mut dyn FnMut(&mut Maker<'_>) -> (Draft, bool),
    see: &mut dyn FnMut(&str),
) {
    let mut random = Random::new(seed);
    let data = collections(&mut random);
    check_data(seed, random, &asked(&data), queries, make, see);
}

#[test]
fn queries_of_collections_made_at_random_give_the_rows_of_the_reference() {
    for seed in 1..=seeds(20) {
        let mut make = |maker: &mut Maker<'_>| match maker.random.below(5) {
            0 => maker.draft(true),
            1 => maker.covered_draft(),
            _ => maker.any_draft(),
        };
        check_made(seed, 20, &mut make, &mut |_| ());
    }
}
