//! Writing the catalog: new collections.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::load::lay_out;
use super::system::{self, COLLECTIONS, FIELDS, INDEXES};
use super::{FIRST_FREE_ID, Statistics};
use crate::schema::shape::FieldShape;
use crate::schema::{
    CollectionId, CollectionShape, FieldDef, FieldId, IndexDef, IndexId, OnDelete, SchemaError,
};
use crate::storage::StorageError;
use crate::storage::records::{INLINE_LEN_MAX, RecordDraft};
use crate::storage::writer::Writer;

/// What a stub and its end take: every variable field must fit as one.
const STUB_AND_END_LEN: usize = 16 + 2;

/// Adds collections. Their relations may point at each other and at those already there; `shapes` must name no
/// collection that exists.
///
/// # Errors
///
/// [`SchemaError::RecordTooWide`]; whatever writing fails with.
pub(crate) fn create_collections(
    writer: &mut Writer<'_>,
    shapes: &[CollectionShape],
) -> Result<(), StorageError> {
    // All ids first: relations may point forwards.
    let mut next = writer.statistics(CollectionId(0))?.next.max(u64::from(FIRST_FREE_ID)) as u32;
    let mut take = || {
        next += 1;
        next - 1
    };
    let ids: Vec<u32> = shapes.iter().map(|_| take()).collect();
    let id_of = |name: &str| {
        let new =
            shapes.iter().position(|shape| shape.name == name).map(|position| CollectionId(ids[position]));
        new.or_else(|| writer.stored().catalog.by_name(name).map(|def| def.id))
    };
    let mut drafts = Vec::new();
    for (shape, id) in shapes.iter().zip(&ids) {
        let fields: Vec<FieldDef> = shape
            .fields
            .iter()
            .map(|field| FieldDef {
                id: FieldId(take()),
                name: field.name.clone(),
                ty: field.ty,
                optional: field.optional,
                reference: field.reference.as_ref().map(|(target, on_delete)| crate::schema::ReferenceDef {
                    target: id_of(target).expect("the schema was checked to hold every target"),
                    on_delete: *on_delete,
                }),
                default: field.default.clone(),
            })
            .collect();
        let position = |name: &str| {
            fields.iter().position(|field| field.name == name).expect("a shape names its own fields") as u16
        };
        let indexes: Vec<IndexDef> = shape
            .indexes
            .iter()
            .map(|index| IndexDef {
                id: IndexId(take()),
                name: index.name.clone(),
                fields: index.fields.iter().map(|name| position(name)).collect(),
                unique: index.unique,
            })
            .collect();
        let clustered = shape.is_clustered().then(|| position(&shape.key[0]));
        check_width(shape, &fields, &indexes, clustered)?;
        let key: Vec<u16> = shape.key.iter().map(|name| position(name)).collect();
        drafts.push((*id, shape, fields, indexes, clustered, key));
    }

    let system = writer.stored().system.clone();
    let mut draft = RecordDraft::default();
    for (id, shape, fields, indexes, position_of_clustered, key) in drafts {
        let ids_of = |positions: &[u16]| -> Vec<u8> {
            positions.iter().flat_map(|position| fields[usize::from(*position)].id.0.to_le_bytes()).collect()
        };
        let def = &system.collections;
        draft.reset(&def.layout);
        system::write(&mut draft, def, COLLECTIONS.id, &id);
        system::write(&mut draft, def, COLLECTIONS.name, &shape.name);
        system::write(&mut draft, def, COLLECTIONS.key, &ids_of(&key));
        system::write(&mut draft, def, COLLECTIONS.assigned, &shape.assigned);
        let clustered = position_of_clustered.map(|position| fields[usize::from(position)].id.0);
        system::write(&mut draft, def, COLLECTIONS.clustered, &clustered);
        system::write(&mut draft, def, COLLECTIONS.version, &1u16);
        let layout = lay_out(&fields, &indexes, position_of_clustered);
        system::write(&mut draft, def, COLLECTIONS.rank_width, &layout.rank_width);
        system::write(&mut draft, def, COLLECTIONS.stride, &layout.stride);
        system::write(&mut draft, def, COLLECTIONS.blob_offset, &layout.blob_offset);
        writer.put_catalog_record(def, &mut draft)?;
        let def = &system.fields;
        for (field, shape) in fields.iter().zip(&shape.fields) {
            draft.reset(&def.layout);
            system::write(&mut draft, def, FIELDS.id, &field.id.0);
            system::write(&mut draft, def, FIELDS.collection, &id);
            system::write(&mut draft, def, FIELDS.name, &field.name);
            system::write(&mut draft, def, FIELDS.ty, &(field.ty as u8));
            system::write(&mut draft, def, FIELDS.optional, &field.optional);
            system::write(&mut draft, def, FIELDS.target, &field.reference.map(|to| to.target.0));
            let on_delete = field.reference.map_or(OnDelete::Restrict, |to| to.on_delete);
            system::write(&mut draft, def, FIELDS.on_delete, &(on_delete as u8));
            system::write(&mut draft, def, FIELDS.default, &default_bytes(shape));
            writer.put_catalog_record(def, &mut draft)?;
        }
        let def = &system.indexes;
        for index in &indexes {
            draft.reset(&def.layout);
            system::write(&mut draft, def, INDEXES.id, &index.id.0);
            system::write(&mut draft, def, INDEXES.collection, &id);
            system::write(&mut draft, def, INDEXES.name, &index.name);
            system::write(&mut draft, def, INDEXES.fields, &ids_of(&index.fields));
            system::write(&mut draft, def, INDEXES.unique, &index.unique);
            writer.put_catalog_record(def, &mut draft)?;
        }
    }
    writer.set_statistics(CollectionId(0), Statistics { count: 0, next: u64::from(next) })
}

fn default_bytes(field: &FieldShape) -> Option<Vec<u8>> {
    let default = field.default.as_ref()?;
    Some(default.with_cell(field.ty, |cell| match cell {
        None => Vec::from([0]),
        Some(bytes) => {
            let mut out = Vec::from([1]);
            out.extend_from_slice(bytes);
            out
        }
    }))
}

/// A record must fit its leaf when every value of it that can be out of line is.
fn check_width(
    shape: &CollectionShape,
    fields: &[FieldDef],
    indexes: &[IndexDef],
    clustered: Option<u16>,
) -> Result<(), SchemaError> {
    let layout = lay_out(fields, indexes, clustered);
    let fixed = usize::from(layout.stride) + usize::from(layout.cold_len) + 2;
    let bytes = fixed + STUB_AND_END_LEN * usize::from(layout.variable_count);
    // The lengths above are 16 bits wide; count again without the chance of a wrap.
    let exact: usize = fields.iter().map(|field| field.ty.width().unwrap_or(STUB_AND_END_LEN)).sum();
    if bytes.max(exact) > INLINE_LEN_MAX {
        let limit = INLINE_LEN_MAX;
        return Err(SchemaError::RecordTooWide {
            collection: shape.name.to_string(),
            bytes: bytes.max(exact),
            limit,
        });
    }
    Ok(())
}
