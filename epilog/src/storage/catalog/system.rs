//! The catalog's own collections: their schema, compiled in. Changing one is a change of the file format.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::schema::layout::LayoutField;
use crate::schema::{CollectionDef, CollectionId, FieldDef, FieldId, Layout};
use crate::storage::StorageError;
use crate::storage::btree::LeafFormat;
use crate::storage::page::{is_entry_page_len, is_leaf_len};
use crate::storage::records::{RecordDraft, RecordRef};
use crate::value::{Type, Value};

/// The definitions of the catalog's own collections.
#[derive(Debug, Clone)]
pub(crate) struct System {
    pub(crate) collections: Arc<CollectionDef>,
    pub(crate) fields: Arc<CollectionDef>,
    pub(crate) indexes: Arc<CollectionDef>,
    pub(crate) statistics: Arc<CollectionDef>,
    pub(crate) chunks: Arc<CollectionDef>,
}

/// The id of `chunks`.
pub(crate) const CHUNKS_ID: u32 = 5;

/// The positions of the fields of `collections`.
pub(crate) struct CollectionsFields {
    pub(crate) id: u16,
    pub(crate) name: u16,
    /// The permanent ids of the key's fields, each a little-endian `u32`.
    pub(crate) key: u16,
    pub(crate) assigned: u16,
    /// The id of the field that records are clustered by, or absent.
    pub(crate) clustered: u16,
    pub(crate) version: u16,
    /// The format of its leaves, so that its tree can be made and read before its fields are.
    pub(crate) rank_width: u16,
    pub(crate) stride: u16,
    pub(crate) blob_offset: u16,
    pub(crate) root: u16,
    /// The bytes of a leaf.
    pub(crate) leaf_len: u16,
}

/// The positions of the fields of `fields`.
pub(crate) struct FieldsFields {
    pub(crate) id: u16,
    pub(crate) collection: u16,
    pub(crate) name: u16,
    pub(crate) ty: u16,
    pub(crate) optional: u16,
    /// The id of the collection it points at, or absent.
    pub(crate) target: u16,
    pub(crate) on_delete: u16,
    /// Absent without a default; 0 for the absent value; 1 and the cell otherwise.
    pub(crate) default: u16,
}

/// The positions of the fields of `indexes`.
pub(crate) struct IndexesFields {
    pub(crate) id: u16,
    pub(crate) collection: u16,
    pub(crate) name: u16,
    /// The permanent ids of its fields, each a little-endian `u32`; then, of some indexes, [`NO_FIELD`] and what else they are.
    pub(crate) fields: u16,
    pub(crate) unique: u16,
    pub(crate) root: u16,
    /// The bytes of a page of its entries.
    pub(crate) page_len: u16,
}

/// The id of no field. Among the fields of an index it ends them, and what else the index is follows: a byte that says which
/// kinds of it, and these in ascending order.
pub(crate) const NO_FIELD: u32 = u32::MAX;

/// The kind of an index whose entries have values beside their keys: how many, 2 bytes, and the permanent id of the field of
/// each.
#[cfg(not(feature = "small"))]
pub(crate) const KIND_INCLUDING: u8 = 1;

/// The kind of an index that has entries of some records only. To the end there are its conditions, each the permanent id of a
/// field and a test (`schema::condition`).
#[cfg(not(feature = "small"))]
pub(crate) const KIND_PARTIAL: u8 = 2;

/// The positions of the fields of `statistics`.
pub(crate) struct StatisticsFields {
    pub(crate) collection: u16,
    pub(crate) count: u16,
    pub(crate) next: u16,
}

/// The positions of the fields of `chunks`.
pub(crate) struct ChunksFields {
    /// Of which blob it is, and where in it: see [`chunk_rank`](crate::storage::streamed::chunk_rank).
    pub(crate) chunk: u16,
    pub(crate) bytes: u16,
}

pub(crate) const COLLECTIONS: CollectionsFields = CollectionsFields {
    id: 0,
    name: 1,
    key: 2,
    assigned: 3,
    clustered: 4,
    version: 5,
    rank_width: 6,
    stride: 7,
    blob_offset: 8,
    root: 9,
    leaf_len: 10,
};
pub(crate) const FIELDS: FieldsFields =
    FieldsFields { id: 0, collection: 1, name: 2, ty: 3, optional: 4, target: 5, on_delete: 6, default: 7 };
pub(crate) const INDEXES: IndexesFields =
    IndexesFields { id: 0, collection: 1, name: 2, fields: 3, unique: 4, root: 5, page_len: 6 };
pub(crate) const STATISTICS: StatisticsFields = StatisticsFields { collection: 0, count: 1, next: 2 };
pub(crate) const CHUNKS: ChunksFields = ChunksFields { chunk: 0, bytes: 1 };

impl System {
    /// The catalog's own collections, with leaves of `leaf_len` bytes.
    pub(crate) fn new(leaf_len: u32) -> System {
        let define = |id, name, fields| define(id, name, leaf_len, fields);
        const ID: (Type, bool) = (Type::U32, false);
        const NAME: (Type, bool) = (Type::String, false);
        const FLAG: (Type, bool) = (Type::Bool, false);
        const IDS: (Type, bool) = (Type::Bytes, false);
        System {
            collections: define(
                1,
                "collections",
                &[
                    ("id", ID),
                    ("name", NAME),
                    ("key", IDS),
                    ("assigned", FLAG),
                    ("clustered", (Type::U32, true)),
                    ("version", (Type::U16, false)),
                    ("rank_width", (Type::U8, false)),
                    ("stride", (Type::U16, false)),
                    ("blob_offset", (Type::U16, true)),
                    ("root", ID),
                    ("leaf_len", (Type::U32, false)),
                ],
            ),
            fields: define(
                2,
                "fields",
                &[
                    ("id", ID),
                    ("collection", ID),
                    ("name", NAME),
                    ("type", (Type::U8, false)),
                    ("optional", FLAG),
                    ("target", (Type::U32, true)),
                    ("on_delete", (Type::U8, false)),
                    ("default", (Type::Bytes, true)),
                ],
            ),
            indexes: define(
                3,
                "indexes",
                &[
                    ("id", ID),
                    ("collection", ID),
                    ("name", NAME),
                    ("fields", IDS),
                    ("unique", FLAG),
                    ("root", ID),
                    ("page_len", (Type::U32, false)),
                ],
            ),
            statistics: define(
                4,
                "statistics",
                &[("collection", ID), ("count", (Type::U64, false)), ("next", (Type::U64, false))],
            ),
            chunks: define(
                CHUNKS_ID,
                "chunks",
                &[("chunk", (Type::U128, false)), ("bytes", (Type::Bytes, false))],
            ),
        }
    }

    /// In the order of their ids, which is the order of their roots: pages 1 to 5.
    pub(crate) fn all(&self) -> [&Arc<CollectionDef>; 5] {
        [&self.collections, &self.fields, &self.indexes, &self.statistics, &self.chunks]
    }

    pub(crate) fn by_id(&self, id: u32) -> Option<&Arc<CollectionDef>> {
        self.all().into_iter().find(|def| def.id.0 == id)
    }
}

/// A collection whose first field is its clustering key.
fn define(id: u32, name: &str, leaf_len: u32, fields: &[(&str, (Type, bool))]) -> Arc<CollectionDef> {
    let layout_fields: Vec<LayoutField> = fields
        .iter()
        .map(|(_, (ty, optional))| LayoutField { ty: *ty, optional: *optional, indexed: false })
        .collect();
    let fields = fields.iter().enumerate().map(|(position, (name, (ty, optional)))| FieldDef {
        // The catalog's own fields are known by position; their ids never appear in a file.
        id: FieldId(position as u32),
        name: (*name).to_string(),
        ty: *ty,
        optional: *optional,
        reference: None,
        default: None,
    });
    Arc::new(CollectionDef {
        id: CollectionId(id),
        name: name.to_string(),
        fields: fields.collect(),
        key: Vec::from([0]),
        assigned: false,
        clustered: Some(0),
        indexes: Vec::new(),
        layout: Layout::new(&layout_fields, Some(0)),
        version: 1,
        leaf_len,
        declared: None,
        positions: Vec::new(),
        places: Vec::new(),
    })
}

/// Reads a field of a catalog record.
pub(crate) fn read<T: Value>(
    record: &RecordRef<'_>,
    def: &CollectionDef,
    position: u16,
) -> Result<T, StorageError> {
    let cell = record.field(&def.layout.places[usize::from(position)])?;
    T::read(cell.as_cell()).map_err(|_| {
        let field = &def.fields[usize::from(position)].name;
        StorageError::damage(
            "catalog",
            format_args!("field `{field}` of a record of `{}` is not a {}", def.name, T::TYPE),
        )
    })
}

/// Sets a field of a catalog record.
pub(crate) fn write<T: Value>(draft: &mut RecordDraft, def: &CollectionDef, position: u16, value: &T) {
    value.with_cell(|cell| draft.put(&def.layout.places[usize::from(position)], cell));
}

/// A field of a catalog record being made.
fn get<T: Value>(draft: &RecordDraft, def: &CollectionDef, position: u16) -> Result<T, StorageError> {
    Ok(T::read(draft.field(&def.layout.places[usize::from(position)]).as_cell())?)
}

/// The length of the pages of the index that a draft of a record of `indexes` describes.
pub(crate) fn entry_page_len(draft: &RecordDraft, def: &CollectionDef) -> Result<u32, StorageError> {
    let len = get(draft, def, INDEXES.page_len)?;
    match is_entry_page_len(len as usize) {
        true => Ok(len),
        false => Err(StorageError::damage("catalog", "an index's pages have an impossible length")),
    }
}

/// The length and the format of the leaves of the collection that a draft of a record of `collections` describes.
pub(crate) fn leaf_format(
    draft: &RecordDraft,
    def: &CollectionDef,
) -> Result<(u32, LeafFormat), StorageError> {
    let format = LeafFormat {
        rank_width: get(draft, def, COLLECTIONS.rank_width)?,
        stride: get(draft, def, COLLECTIONS.stride)?,
        blob_offset: get(draft, def, COLLECTIONS.blob_offset)?,
        version: get(draft, def, COLLECTIONS.version)?,
    };
    let blob_fits = format.blob_offset.is_none_or(|offset| offset + 2 <= format.stride);
    let len: u32 = get(draft, def, COLLECTIONS.leaf_len)?;
    if !matches!(format.rank_width, 8 | 16)
        || format.stride < u16::from(format.rank_width)
        || !blob_fits
        || !is_leaf_len(len as usize)
    {
        return Err(StorageError::damage("catalog", "a collection's leaves have an impossible format"));
    }
    Ok((len, format))
}
