//! Writing the catalog: new collections.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::load::{lay_out, least_len};
use super::system::{self, COLLECTIONS, FIELDS, INDEXES};
#[cfg(not(feature = "small"))]
use super::system::{KIND_INCLUDING, KIND_PARTIAL, NO_FIELD};
use super::{FIRST_FREE_ID, Statistics};
#[cfg(not(feature = "small"))]
use crate::schema::condition::Condition;
use crate::schema::shape::FieldShape;
use crate::schema::{
    CollectionDef, CollectionId, CollectionShape, FieldDef, FieldId, IndexDef, IndexId, Layout, OnDelete,
    SchemaError,
};
use crate::storage::StorageError;
use crate::storage::page::{ENTRY_PAGE_LEN, RECORD_LEAF_LEN, is_leaf_len};
use crate::storage::records::{RecordDraft, inline_len_max};
use crate::storage::writer::Writer;

/// The longest leaf there is.
const LEAF_LEN_MAX: usize = 65536;

/// A leaf has room for so many records, or is as long as leaves can be.
pub(crate) const RECORDS_PER_LEAF: usize = 64;

/// A leaf of the catalog, where nobody asks for another: short, as every commit makes a new version of the one with the
/// numbers of records.
const CATALOG_LEAF_LEN: u32 = 4096;

/// The lengths of pages in a collection or an index that is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageLens {
    /// Of leaves of records, where the collection does not say; by the width of records if `None`.
    pub(crate) leaf: Option<u32>,
    /// Of pages of index entries; 4 KiB if `None`.
    pub(crate) entries: Option<u32>,
    /// No page is shorter than this, a block.
    pub(crate) least: u32,
}

/// Where the length of a collection's leaves comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeafSource {
    /// The collection says it itself.
    Collection,
    /// The database says it.
    Database,
    /// What was said is too short for a record, or for a block.
    Need,
    /// The width of its records.
    Width,
}

/// How long the leaves of a collection are if it is made now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeafChoice {
    pub(crate) len: usize,
    pub(crate) source: LeafSource,
    /// The bytes of a record, at least.
    pub(crate) record: usize,
}

impl PageLens {
    /// The leaves of the catalog's own trees.
    pub(crate) fn catalog_leaf(self) -> u32 {
        self.leaf.unwrap_or(CATALOG_LEAF_LEN).min(RECORD_LEAF_LEN as u32).max(self.least)
    }

    /// The pages of an index.
    pub(crate) fn entry_page(self) -> u32 {
        self.entries.unwrap_or(ENTRY_PAGE_LEN as u32).max(self.least)
    }

    /// The leaves of a collection: what it says itself, `own`, what the database says, or what its records ask for. At
    /// least as long as a record needs.
    fn leaf_of(self, own: Option<u32>, layout: &Layout, fields: &[FieldDef]) -> LeafChoice {
        let record = least_len(layout, fields);
        let (chosen, source) = match (own, self.leaf) {
            (Some(own), _) => (own as usize, LeafSource::Collection),
            (None, Some(chosen)) => (chosen as usize, LeafSource::Database),
            (None, None) => {
                let wide = (RECORDS_PER_LEAF * record).next_power_of_two();
                (wide.clamp(RECORD_LEAF_LEN, LEAF_LEN_MAX), LeafSource::Width)
            }
        };
        let mut len = chosen.max(self.least as usize);
        while inline_len_max(len) < record && len < LEAF_LEN_MAX {
            len *= 2;
        }
        debug_assert!(is_leaf_len(len), "{len} bytes are no leaf");
        LeafChoice { len, source: if len == chosen { source } else { LeafSource::Need }, record }
    }

    /// How long the leaves of `def`, which is bound if anything declares it, are if it is made now.
    pub(crate) fn leaf_now(self, def: &CollectionDef) -> LeafChoice {
        self.leaf_of(def.declared.and_then(|declared| declared.page_size), &def.layout, &def.fields)
    }
}

/// Adds collections. Their relations may point at each other and at those already there; `shapes` must name no
/// collection that exists.
///
/// # Errors
///
/// [`SchemaError::RecordTooWide`]; whatever writing fails with.
pub(crate) fn create_collections(
    writer: &mut Writer<'_>,
    shapes: &[CollectionShape],
    lens: PageLens,
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
                #[cfg(not(feature = "small"))]
                included: index.included.iter().map(|name| position(name)).collect(),
                #[cfg(not(feature = "small"))]
                condition: index
                    .condition
                    .iter()
                    .map(|(name, test)| Condition { position: position(name), test: test.clone() })
                    .collect(),
                page_len: lens.entry_page(),
            })
            .collect();
        let clustered = shape.is_clustered().then(|| position(&shape.key[0]));
        let layout = lay_out(&fields, &indexes, clustered);
        let leaf_len = lens.leaf_of(shape.page_size, &layout, &fields).len;
        check_width(shape, &layout, &fields, leaf_len)?;
        let key: Vec<u16> = shape.key.iter().map(|name| position(name)).collect();
        drafts.push((*id, shape, fields, indexes, (layout, leaf_len), clustered, key));
    }

    let system = writer.stored().system.clone();
    let mut draft = RecordDraft::default();
    for (id, shape, fields, indexes, (layout, leaf_len), position_of_clustered, key) in drafts {
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
        system::write(&mut draft, def, COLLECTIONS.rank_width, &layout.rank_width);
        system::write(&mut draft, def, COLLECTIONS.stride, &layout.stride);
        system::write(&mut draft, def, COLLECTIONS.blob_offset, &layout.blob_offset);
        system::write(&mut draft, def, COLLECTIONS.leaf_len, &(leaf_len as u32));
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
            let ids = ids_of(&index.fields);
            #[cfg(not(feature = "small"))]
            let ids = with_kinds(ids, index, &fields);
            system::write(&mut draft, def, INDEXES.fields, &ids);
            system::write(&mut draft, def, INDEXES.unique, &index.unique);
            system::write(&mut draft, def, INDEXES.page_len, &index.page_len);
            writer.put_catalog_record(def, &mut draft)?;
        }
    }
    writer.set_statistics(CollectionId(0), Statistics { count: 0, next: u64::from(next) })
}

/// The fields of an index as they are stored, with what else it is.
#[cfg(not(feature = "small"))]
fn with_kinds(mut ids: Vec<u8>, index: &IndexDef, fields: &[FieldDef]) -> Vec<u8> {
    if !index.is_partial() && !index.has_included() {
        return ids;
    }
    ids.extend_from_slice(&NO_FIELD.to_le_bytes());
    let including = if index.has_included() { KIND_INCLUDING } else { 0 };
    let partial = if index.is_partial() { KIND_PARTIAL } else { 0 };
    ids.push(including | partial);
    if index.has_included() {
        ids.extend_from_slice(&(index.included.len() as u16).to_le_bytes());
        let of = |position: &u16| fields[usize::from(*position)].id.0.to_le_bytes();
        ids.extend(index.included.iter().flat_map(of));
    }
    for condition in &index.condition {
        let field = &fields[usize::from(condition.position)];
        ids.extend_from_slice(&field.id.0.to_le_bytes());
        condition.test.append(&mut ids, field.ty);
    }
    ids
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
    layout: &Layout,
    fields: &[FieldDef],
    leaf_len: usize,
) -> Result<(), SchemaError> {
    let (bytes, limit) = (least_len(layout, fields), inline_len_max(leaf_len));
    if bytes > limit {
        return Err(SchemaError::RecordTooWide { collection: shape.name.to_string(), bytes, limit });
    }
    Ok(())
}
