//! Reading the catalog: from its records to definitions with layouts.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::system::{self, COLLECTIONS, FIELDS, INDEXES, NO_FIELD, System};
#[cfg(not(feature = "small"))]
use super::system::{KIND_INCLUDING, KIND_PARTIAL};
use super::{FIRST_ROOT, Stored};
use crate::parts;
#[cfg(not(feature = "small"))]
use crate::schema::condition::{Condition, ConditionTest};
use crate::schema::layout::LayoutField;
use crate::schema::{
    Catalog, CollectionDef, CollectionId, FieldDef, FieldId, IndexDef, IndexId, Layout, OnDelete,
    ReferenceDef,
};
use crate::storage::error::words;
use crate::storage::facade::{Direction, View};
use crate::storage::page::{PageNumber, PageRead, is_entry_page_len, is_leaf_len};
use crate::storage::records::{RecordRef, inline_len_max};
use crate::storage::{StorageError, StorageFault};
use crate::value::{Scalar, Type};

impl Stored {
    /// A database that holds nothing but its catalog, with leaves of `leaf_len` bytes.
    pub(crate) fn empty(leaf_len: u32) -> Stored {
        let system = System::new(leaf_len);
        let roots = system.all().into_iter().map(|def| (def.id.0, PageNumber(def.id.0))).collect();
        Stored {
            catalog: Catalog::default(),
            system,
            roots,
            #[cfg(not(feature = "small"))]
            attached: super::Attached::default(),
            #[cfg(not(feature = "small"))]
            known: Default::default(),
            #[cfg(all(feature = "std", not(feature = "small")))]
            latest: Default::default(),
        }
    }
}

/// Reads the whole catalog.
///
/// # Errors
///
/// `StorageFault::Corruption` when its records contradict each other; whatever reading a page fails with.
pub(crate) fn load(pages: &dyn PageRead) -> Result<Stored, StorageError> {
    // The root of a tree of records has a leaf's length, whatever it is.
    let first = PageNumber(FIRST_ROOT);
    let leaf_len = pages.page(first)?.len();
    if !is_leaf_len(leaf_len) {
        return Err(StorageError::page_damage(
            first,
            format_args!("{leaf_len} bytes are no leaf of the catalog"),
        ));
    }
    let mut stored = Stored::empty(leaf_len as u32);
    let system = stored.system.clone();
    let mut fields: Vec<(u32, FieldDef)> = Vec::new();
    each(pages, &stored, &system.fields, &mut |record| {
        fields.push(read_field(record, &system.fields)?);
        Ok(())
    })?;
    let mut indexes: Vec<(u32, IndexDef, Vec<u32>)> = Vec::new();
    #[cfg(not(feature = "small"))]
    let mut kinds: Vec<(IndexId, Vec<u8>)> = Vec::new();
    let mut roots = Vec::new();
    each(pages, &stored, &system.indexes, &mut |record| {
        let def = &system.indexes;
        let id: u32 = system::read(record, def, INDEXES.id)?;
        let ids: Vec<u8> = system::read(record, def, INDEXES.fields)?;
        #[cfg(not(feature = "small"))]
        let ids = match split_kinds(&ids) {
            Some((ids, kind)) => {
                kinds.push((IndexId(id), kind.to_vec()));
                ids.to_vec()
            }
            None => ids,
        };
        // Small builds know of partial and covering indexes only that something else follows the ids of their fields.
        let is_other =
            cfg!(feature = "small") && ids.chunks(4).any(|id| id.len() < 4 || id == NO_FIELD.to_le_bytes());
        if is_other {
            return Err(StorageFault::LeftOut { what: "partial and covering indexes" }.into());
        }
        let ids = read_ids(&ids)?;
        let index = IndexDef {
            id: IndexId(id),
            name: system::read(record, def, INDEXES.name)?,
            fields: Vec::new(),
            unique: system::read(record, def, INDEXES.unique)?,
            #[cfg(not(feature = "small"))]
            included: Vec::new(),
            #[cfg(not(feature = "small"))]
            condition: Vec::new(),
            page_len: system::read(record, def, INDEXES.page_len)?,
        };
        if !is_entry_page_len(index.page_len as usize) {
            let problem = words!("pages of {} bytes are none of index `{}`", index.page_len, index.name);
            return Err(StorageError::damage("catalog", problem));
        }
        indexes.push((system::read(record, def, INDEXES.collection)?, index, ids));
        roots.push((id, PageNumber(system::read(record, def, INDEXES.root)?)));
        Ok(())
    })?;
    let mut collections = Vec::new();
    each(pages, &stored, &system.collections, &mut |record| {
        let def = &system.collections;
        let id: u32 = system::read(record, def, COLLECTIONS.id)?;
        let name: String = system::read(record, def, COLLECTIONS.name)?;
        let own_fields: Vec<FieldDef> =
            fields.iter().filter(|(of, _)| *of == id).map(|(_, field)| field.clone()).collect();
        let position = |field: u32| {
            let found = own_fields.iter().position(|def| def.id.0 == field);
            found.map(|position| position as u16).ok_or_else(|| {
                StorageError::damage(
                    "catalog",
                    format_args!("collection `{name}` names field {field}, which it lacks"),
                )
            })
        };
        let key = read_ids(&system::read::<Vec<u8>>(record, def, COLLECTIONS.key)?)?;
        let key = key.into_iter().map(position).collect::<Result<Vec<u16>, _>>()?;
        let clustered: Option<u32> = system::read(record, def, COLLECTIONS.clustered)?;
        let clustered = clustered.map(position).transpose()?;
        let is_cluster = |position: u16| {
            let field = &own_fields[usize::from(position)];
            field.ty.is_clustering() && !field.optional
        };
        if key.is_empty() || clustered.is_some_and(|position| !is_cluster(position)) {
            return Err(StorageError::damage(
                "catalog",
                format_args!("collection `{name}` has no usable key"),
            ));
        }
        let mut own_indexes = Vec::new();
        for (_, index, ids) in indexes.iter().filter(|(of, _, _)| *of == id) {
            let mut index = index.clone();
            index.fields = ids.iter().map(|field| position(*field)).collect::<Result<_, _>>()?;
            // An entry of a list is of an element: it tells neither an order of records nor what is theirs alone.
            let is_list = |position: &u16| own_fields[usize::from(*position)].ty.is_list();
            if parts::LISTS && index.fields.iter().any(is_list) && (index.unique || index.fields.len() > 1) {
                let problem = words!(
                    "index `{}` of `{name}` is of a list, and unique or of several fields",
                    index.name
                );
                return Err(StorageError::damage("catalog", problem));
            }
            #[cfg(not(feature = "small"))]
            if let Some((_, bytes)) = kinds.iter().find(|(of, _)| *of == index.id) {
                read_kinds(bytes, &mut index, &own_fields, &position)?;
                let of_blob = |condition: &Condition| {
                    let ty = own_fields[usize::from(condition.position)].ty;
                    (ty.is_list() || ty == Type::Blob)
                        && matches!(condition.test, ConditionTest::Compared(..))
                };
                if index.fields.iter().any(is_list) || index.condition.iter().any(of_blob) {
                    let problem =
                        words!("index `{}` of `{name}` is of some lists only, or compares one", index.name);
                    return Err(StorageError::damage("catalog", problem));
                }
                let is_left_out = |position: &u16| {
                    let ty = own_fields[usize::from(*position)].ty;
                    ty.is_list() || ty.is_json() || ty == Type::Blob
                };
                if index.included.iter().any(is_left_out) {
                    let problem =
                        words!("index `{}` of `{name}` includes what no entry can have", index.name);
                    return Err(StorageError::damage("catalog", problem));
                }
            }
            own_indexes.push(index);
        }
        let layout = lay_out(&own_fields, &own_indexes, clustered);
        let stored_format = (
            system::read(record, def, COLLECTIONS.rank_width)?,
            system::read(record, def, COLLECTIONS.stride)?,
            system::read(record, def, COLLECTIONS.blob_offset)?,
        );
        let leaf_len: u32 = system::read(record, def, COLLECTIONS.leaf_len)?;
        if stored_format != (layout.rank_width, layout.stride, layout.blob_offset)
            || !is_leaf_len(leaf_len as usize)
            || least_len(&layout, &own_fields) > inline_len_max(leaf_len as usize)
        {
            return Err(StorageError::damage(
                "catalog",
                format_args!("the leaves of `{name}` do not fit its fields"),
            ));
        }
        collections.push(Arc::new(CollectionDef {
            id: CollectionId(id),
            name: name.clone(),
            key,
            assigned: system::read(record, def, COLLECTIONS.assigned)?,
            clustered,
            indexes: own_indexes,
            layout,
            version: system::read(record, def, COLLECTIONS.version)?,
            leaf_len,
            declared: None,
            positions: Vec::new(),
            places: Vec::new(),
            fields: own_fields.clone(),
        }));
        roots.push((id, PageNumber(system::read(record, def, COLLECTIONS.root)?)));
        Ok(())
    })?;
    stored.catalog.collections = collections;
    stored.roots.extend(roots);
    stored.roots.sort_unstable_by_key(|(id, _)| *id);
    Ok(stored)
}

/// The layout of a collection, from its definition.
pub(super) fn lay_out(fields: &[FieldDef], indexes: &[IndexDef], clustered: Option<u16>) -> Layout {
    let layout_fields: Vec<LayoutField> = fields
        .iter()
        .enumerate()
        .map(|(position, field)| LayoutField {
            ty: field.ty,
            optional: field.optional,
            indexed: indexes.iter().any(|index| index.fields.contains(&(position as u16))),
        })
        .collect();
    Layout::new(&layout_fields, clustered.map(usize::from))
}

/// What a stub and its end take: every variable field must fit as one.
const STUB_AND_END_LEN: usize = 16 + 2;

/// The bytes of a record whose values are all out of line that can be.
pub(super) fn least_len(layout: &Layout, fields: &[FieldDef]) -> usize {
    let fixed = usize::from(layout.stride) + usize::from(layout.cold_len) + 2;
    let bytes = fixed + STUB_AND_END_LEN * usize::from(layout.variable_count);
    // The lengths above are 16 bits wide; count again without the chance of a wrap.
    let exact: usize = fields.iter().map(|field| field.ty.width().unwrap_or(STUB_AND_END_LEN)).sum();
    bytes.max(exact)
}

/// Calls `then` with every record of a catalog collection, in the order of their keys.
fn each(
    pages: &dyn PageRead,
    stored: &Stored,
    def: &Arc<CollectionDef>,
    then: &mut dyn FnMut(&RecordRef<'_>) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let mut leaves = View::new(pages, stored).leaves(def, 0, u128::MAX, Direction::Forward)?;
    while let Some(leaf) = leaves.next_leaf()? {
        for row in 0..leaf.len() {
            then(&leaf.record(row))?;
        }
    }
    Ok(())
}

fn read_field(record: &RecordRef<'_>, def: &CollectionDef) -> Result<(u32, FieldDef), StorageError> {
    let name: String = system::read(record, def, FIELDS.name)?;
    let damage =
        |what: &str| StorageError::damage("catalog", format_args!("field `{name}` has an unknown {what}"));
    let number = system::read(record, def, FIELDS.ty)?;
    let ty = match Type::from_u8(number) {
        Some(ty) => ty,
        // Small builds know of lists and JSON only that there are such.
        None if cfg!(feature = "small") && matches!(number, 25 | 65..=87) => {
            return Err(StorageFault::LeftOut { what: "lists and JSON" }.into());
        }
        None => return Err(damage("type")),
    };
    let reference = match system::read::<Option<u32>>(record, def, FIELDS.target)? {
        Some(target) => {
            let on_delete = OnDelete::from_u8(system::read(record, def, FIELDS.on_delete)?);
            let on_delete = on_delete.ok_or_else(|| damage("action on deletion"))?;
            Some(ReferenceDef { target: CollectionId(target), on_delete })
        }
        None => None,
    };
    let default = match system::read::<Option<Vec<u8>>>(record, def, FIELDS.default)?.as_deref() {
        None => None,
        Some([0]) => Some(Scalar::Null),
        Some([1, cell @ ..]) => Some(Scalar::from_cell(ty, Some(cell)).ok_or_else(|| damage("default"))?),
        Some(_) => return Err(damage("default")),
    };
    let field = FieldDef {
        id: FieldId(system::read(record, def, FIELDS.id)?),
        optional: system::read(record, def, FIELDS.optional)?,
        name: name.clone(),
        ty,
        reference,
        default,
    };
    Ok((system::read(record, def, FIELDS.collection)?, field))
}

/// The fields of an index and, behind [`NO_FIELD`], what else it is; `None` for one that is nothing else.
#[cfg(not(feature = "small"))]
fn split_kinds(ids: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = ids.chunks_exact(4).position(|id| id == NO_FIELD.to_le_bytes())?;
    Some((&ids[..4 * at], &ids[4 * at + 4..]))
}

/// Reads what else an index is than one of fields.
#[cfg(not(feature = "small"))]
fn read_kinds(
    bytes: &[u8],
    index: &mut IndexDef,
    fields: &[FieldDef],
    position: &dyn Fn(u32) -> Result<u16, StorageError>,
) -> Result<(), StorageError> {
    let name = index.name.clone();
    let damage = || {
        StorageError::damage("catalog", words!("what index `{name}` includes, or its condition, is broken"))
    };
    let (kinds, mut bytes) = bytes.split_first().ok_or_else(damage)?;
    if *kinds == 0 || kinds & !(KIND_INCLUDING | KIND_PARTIAL) != 0 {
        let problem =
            words!("index `{name}` is of kinds {kinds:#x}, which this version of Epilog does not know");
        return Err(StorageError::damage("catalog", problem));
    }
    if kinds & KIND_INCLUDING != 0 {
        let (count, rest) = bytes.split_first_chunk::<2>().ok_or_else(damage)?;
        let count = usize::from(u16::from_le_bytes(*count));
        let (ids, rest) = rest.split_at_checked(4 * count).filter(|_| count > 0).ok_or_else(damage)?;
        index.included = read_ids(ids)?.into_iter().map(position).collect::<Result<_, _>>()?;
        bytes = rest;
    }
    while !bytes.is_empty() {
        let (id, rest) = bytes.split_first_chunk::<4>().ok_or_else(damage)?;
        bytes = rest;
        let position = position(u32::from_le_bytes(*id))?;
        let ty = fields[usize::from(position)].ty;
        let test = ConditionTest::read(&mut bytes, ty).ok_or_else(damage)?;
        index.condition.push(Condition { position, test });
    }
    match index.condition.is_empty() == (kinds & KIND_PARTIAL != 0) {
        true => Err(damage()),
        false => Ok(()),
    }
}

/// Reads a list of permanent ids.
fn read_ids(bytes: &[u8]) -> Result<Vec<u32>, StorageError> {
    if !bytes.len().is_multiple_of(4) {
        return Err(StorageError::damage("catalog", "a list of ids has a broken length"));
    }
    Ok(bytes.chunks_exact(4).map(|id| u32::from_le_bytes(id.try_into().expect("4 bytes"))).collect())
}
