//! [`EntryValues`]: what is read of an index's entries, as values of rows.
//!
//! Values are made of keys of types which allow it ([`key::is_exact`]), or are what the index includes. No record is looked at for them.

use alloc::vec::Vec;

use crate::engine::exec::Vector;
use crate::engine::exec::batch::Batch;
use crate::engine::exec::vector::Cells;
use crate::engine::logical::Computed;
use crate::engine::planted::{self, Bug};
use crate::schema::{CollectionDef, IndexId};
use crate::storage::StorageError;
use crate::storage::facade::EntryCursor;
use crate::storage::records::keys;
use crate::value::{Type, key};

/// Entries that were read, and what values are made of them.
pub(super) struct EntryValues {
    /// The first fields of the index, up to the last that a value is made of.
    fields: Vec<Field>,
    /// The first fields that the index includes, up to the last that a value is made of.
    included: Vec<Field>,
    keys: Vec<u8>,
    ends: Vec<u32>,
    /// What is included, where it is read.
    beside: (Vec<u8>, Vec<u32>),
    ranks: Vec<u128>,
}

/// An entry by itself.
pub(super) struct Apart {
    pub(super) key: Vec<u8>,
    rank: u128,
    included: Vec<u8>,
}

/// A field of the entries.
struct Field {
    ty: Type,
    optional: bool,
    value: Option<Computed>,
}

impl EntryValues {
    /// Of an index: the fields of its collection at these positions become these values.
    pub(super) fn new(collection: &CollectionDef, index: IndexId, values: &[(u16, Computed)]) -> EntryValues {
        let index = collection.index(index).expect("a plan names an index of its collection");
        let up_to_the_last = |positions: &[u16], has: &dyn Fn(&u16, Type) -> bool| {
            let fields = positions.iter().map(|position| {
                let def = &collection.fields[usize::from(*position)];
                let value = values.iter().find(|(of, _)| of == position && has(position, def.ty));
                Field { ty: def.ty, optional: def.optional, value: value.map(|(_, value)| *value) }
            });
            let mut fields: Vec<Field> = fields.collect();
            let needed = fields.iter().rposition(|field| field.value.is_some()).map_or(0, |last| last + 1);
            fields.truncate(needed);
            fields
        };
        let fields = up_to_the_last(&index.fields, &|_, ty| key::is_exact(ty));
        let included = up_to_the_last(&index.included, &|position, ty| {
            // What the key tells is not made twice.
            !(key::is_exact(ty) && index.fields.contains(position))
        });
        EntryValues {
            fields,
            included,
            keys: Vec::new(),
            ends: Vec::new(),
            beside: (Vec::new(), Vec::new()),
            ranks: Vec::new(),
        }
    }

    /// How many entries have been read.
    pub(super) fn len(&self) -> usize {
        self.ranks.len()
    }

    /// Forgets those that were read.
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.ends.clear();
        self.beside.0.clear();
        self.beside.1.clear();
        self.ranks.clear();
    }

    /// Reads up to `limit` further entries; gives how many, 0 at the end.
    pub(super) fn read(&mut self, cursor: &mut EntryCursor<'_>, limit: usize) -> Result<usize, StorageError> {
        let EntryValues { keys, ends, beside: (included, included_ends), ranks, .. } = self;
        if !self.included.is_empty() {
            return cursor.each_including(limit, &mut |key, rank, rest| {
                keys.extend_from_slice(key);
                ends.push(keys.len() as u32);
                included.extend_from_slice(rest);
                included_ends.push(included.len() as u32);
                ranks.push(rank);
                Ok(())
            });
        }
        match self.fields.is_empty() {
            true => cursor.next_ranks(limit, ranks),
            false => cursor.next_entries(limit, keys, ends, ranks),
        }
    }

    /// Reads one further entry; gives all of its key, `None` at the end.
    pub(super) fn read_one(&mut self, cursor: &mut EntryCursor<'_>) -> Result<Option<&[u8]>, StorageError> {
        let start = self.keys.len();
        let read = match self.included.is_empty() {
            true => cursor.next_entries(1, &mut self.keys, &mut self.ends, &mut self.ranks)?,
            false => self.read(cursor, 1)?,
        };
        Ok((read > 0).then(|| &self.keys[start..]))
    }

    /// Appends up to `limit` further entries to `out`, which are not among those that were read; gives how many, 0 at the end.
    pub(super) fn read_apart(
        &self,
        cursor: &mut EntryCursor<'_>,
        limit: usize,
        out: &mut Vec<Apart>,
    ) -> Result<usize, StorageError> {
        if !self.included.is_empty() {
            return cursor.each_including(limit, &mut |key, rank, rest| {
                out.push(Apart { key: key.to_vec(), rank, included: rest.to_vec() });
                Ok(())
            });
        }
        let (mut keys, mut ends, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
        let count = cursor.next_entries(limit, &mut keys, &mut ends, &mut ranks)?;
        let mut start = 0;
        for (end, rank) in ends.into_iter().zip(ranks) {
            let key = keys[start..end as usize].to_vec();
            start = end as usize;
            out.push(Apart { key, rank, included: Vec::new() });
        }
        Ok(count)
    }

    /// Takes an entry for one that was read.
    pub(super) fn push(&mut self, entry: &Apart) {
        self.keys.extend_from_slice(&entry.key);
        self.ends.push(self.keys.len() as u32);
        if !self.included.is_empty() {
            self.beside.0.extend_from_slice(&entry.included);
            self.beside.1.push(self.beside.0.len() as u32);
        }
        self.ranks.push(entry.rank);
    }

    /// Forgets the entry that was read last.
    pub(super) fn forget_last(&mut self) {
        let forget = |bytes: &mut Vec<u8>, ends: &mut Vec<u32>| {
            ends.pop();
            bytes.truncate(ends.last().map_or(0, |end| *end as usize));
        };
        forget(&mut self.keys, &mut self.ends);
        forget(&mut self.beside.0, &mut self.beside.1);
        self.ranks.pop();
    }

    /// Puts the values of the entries into `batch`, which has as many rows.
    pub(super) fn make(&self, batch: &mut Batch<'_>) -> Result<(), StorageError> {
        self.each(&mut |value, column| batch.set_computed(value, column))
    }

    /// Makes the values of the entries, a column for each.
    pub(super) fn each<'s>(&self, take: &mut dyn FnMut(Computed, Vector<'s>)) -> Result<(), StorageError> {
        make_values(&self.fields, (&self.keys, &self.ends), key::split_first, key::append_cell, take)?;
        let (included, ends) = &self.beside;
        let append = |bytes: &mut Vec<u8>, _, cell: &[u8]| bytes.extend_from_slice(cell);
        make_values(&self.included, (included, ends), split_included, append, take)
    }

    /// The ranks of their records.
    pub(super) fn take_ranks(&mut self) -> Vec<u128> {
        core::mem::take(&mut self.ranks)
    }

    /// The same, which stay.
    pub(super) fn ranks(&self) -> &[u128] {
        &self.ranks
    }
}

fn split_included(ty: Type, optional: bool, included: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let split = keys::split_included(ty, optional, included);
    match split {
        Some((None, rest)) if planted::is(Bug::AbsentIncludedIsLeast) => {
            static LEAST: [u8; 16] = [0; 16];
            Some((Some(&LEAST[..ty.width().unwrap_or(0)]), rest))
        }
        _ => split,
    }
}

/// Makes the values of fields, which `split` finds one after the other in the bytes up to each end.
#[inline]
fn make_values<'s>(
    fields: &[Field],
    (bytes, ends): (&[u8], &[u32]),
    split: impl Fn(Type, bool, &[u8]) -> Option<(Option<&[u8]>, &[u8])>,
    append: impl Fn(&mut Vec<u8>, Type, &[u8]),
    take: &mut dyn FnMut(Computed, Vector<'s>),
) -> Result<(), StorageError> {
    let mut columns: Vec<Column> = fields.iter().map(|field| Column::new(field, ends.len())).collect();
    let mut start = 0;
    for end in ends {
        let mut own = &bytes[start..*end as usize];
        start = *end as usize;
        for (field, column) in fields.iter().zip(&mut columns) {
            let (value, rest) = split(field.ty, field.optional, own).ok_or_else(damage)?;
            own = rest;
            if field.value.is_some() {
                column.push(field.ty, value, &append);
            }
        }
    }
    for (field, column) in fields.iter().zip(columns) {
        if let Some(value) = field.value {
            take(value, column.finish(field.ty, ends.len()));
        }
    }
    Ok(())
}

/// An entry that is no entry of its index.
#[cold]
pub(super) fn damage() -> StorageError {
    StorageError::damage("index", "an entry is not made of the fields of its index")
}

/// The values of a field, one after the other.
struct Column {
    bytes: Vec<u8>,
    /// Where each ends, of a type without a width.
    ends: Option<Vec<u32>>,
    nulls: Option<Vec<bool>>,
}

impl Column {
    fn new(field: &Field, len: usize) -> Column {
        let room = if field.value.is_some() { len } else { 0 };
        Column {
            bytes: Vec::with_capacity(room * field.ty.width().unwrap_or(0)),
            ends: field.ty.width().is_none().then(|| Vec::with_capacity(room)),
            nulls: field.optional.then(|| Vec::with_capacity(room)),
        }
    }

    #[inline]
    fn push(&mut self, ty: Type, value: Option<&[u8]>, append: &impl Fn(&mut Vec<u8>, Type, &[u8])) {
        if let Some(nulls) = &mut self.nulls {
            nulls.push(value.is_none());
        }
        match value {
            Some(value) => append(&mut self.bytes, ty, value),
            None => self.bytes.resize(self.bytes.len() + ty.width().unwrap_or(0), 0),
        }
        if let Some(ends) = &mut self.ends {
            ends.push(self.bytes.len() as u32);
        }
    }

    fn finish<'s>(self, ty: Type, len: usize) -> Vector<'s> {
        let Column { bytes, ends, nulls } = self;
        let cells = match ends {
            Some(ends) => Cells::Owned { bytes, ends },
            None => Cells::Fixed(bytes),
        };
        Vector::new(ty, len, cells, nulls)
    }
}
