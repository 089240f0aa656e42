//! Checks of an index: its tree, its uniqueness, and, when it disagrees with its records, in what.

use alloc::vec::Vec;

use super::check::Check;
use super::collection::describe_rank;
use super::report::{Problem, Structure};
use crate::schema::{CollectionDef, IndexDef};
use crate::storage::btree::Inspect;
use crate::storage::catalog::Stored;
use crate::storage::facade::View;
use crate::storage::page::{PageNumber, PageRead};
use crate::storage::records::{RecordRef, keys};
use crate::storage::{StorageError, StorageFault};
use crate::value::{Type, list};

/// What was found of an index.
pub(super) struct IndexState {
    /// Its entries.
    pub(super) count: u64,
    /// The entries that the records looked at so far should have in it.
    pub(super) expected: u64,
    /// Whether its tree is sound, so that what it lacks is missing.
    pub(super) is_whole: bool,
    /// How many records have no entry in it.
    pub(super) missing: u64,
}

struct Walk<'x, 'c, 'w, 'p> {
    check: &'x mut Check<'c, 'w>,
    view: View<'p>,
    def: &'p CollectionDef,
    index: &'p IndexDef,
    state: IndexState,
    previous: Vec<u8>,
}

/// Walks the index's tree.
pub(super) fn check(
    check: &mut Check<'_, '_>,
    pages: &dyn PageRead,
    stored: &Stored,
    def: &CollectionDef,
    index: &IndexDef,
) -> Result<IndexState, StorageError> {
    let mut walk = Walk {
        check,
        view: View::new(pages, stored),
        def,
        index,
        state: IndexState { count: 0, expected: 0, is_whole: true, missing: 0 },
        previous: Vec::new(),
    };
    stored.entry_tree(index).inspect(pages, &mut walk)?;
    let state = walk.state;
    check.report.entries += state.count;
    Ok(state)
}

/// Finds the entries that are no record's: after the records were looked at, when the numbers do not agree.
pub(super) fn find_strays(
    check: &mut Check<'_, '_>,
    pages: &dyn PageRead,
    stored: &Stored,
    def: &CollectionDef,
    index: &IndexDef,
) -> Result<(), StorageError> {
    let mut strays = Strays {
        check,
        view: View::new(pages, stored),
        def,
        index,
        key: Vec::new(),
        elements: (0, Vec::new()),
    };
    stored.entry_tree(index).inspect(pages, &mut strays)?;
    Ok(())
}

impl Walk<'_, '_, '_, '_> {
    /// Two entries with the same values are two records', unless one of the values is absent.
    fn check_unique(&mut self, key: &[u8], rank: u128) -> Result<(), StorageError> {
        let width = self.def.layout.rank_width;
        let Some((before, other)) = keys::split_entry_of(self.index, &self.previous, width) else {
            return Ok(());
        };
        if before != key {
            return Ok(());
        }
        let mut again = Vec::new();
        let absent = match self.view.get(self.def, rank) {
            Ok(Some(record)) => {
                keys::append_record_key(&mut again, self.def, self.index, &record).unwrap_or(true)
            }
            // The record is missing or cannot be read, which is told elsewhere.
            _ => true,
        };
        if !absent {
            let other = describe_rank(&self.view, self.def, other);
            let message = format!("record {other} has the same values, which are to be unique");
            let problem = Problem::new(Structure::Index, message).of(&self.def.name).index(&self.index.name);
            self.check.report.add(problem.record(describe_rank(&self.view, self.def, rank)));
        }
        Ok(())
    }
}

impl<'p> Inspect<'p> for Walk<'_, '_, '_, 'p> {
    fn page(&mut self, number: PageNumber) -> Result<(), StorageError> {
        self.check.claim(number)
    }

    fn entry(&mut self, entry: &[u8]) -> Result<(), StorageError> {
        self.state.count += 1;
        self.check.watch.advance(1)?;
        let Some((key, rank)) = keys::split_entry_of(self.index, entry, self.def.layout.rank_width) else {
            let message = format!("an entry of {} bytes is too short to name a record", entry.len());
            let problem = Problem::new(Structure::Index, message);
            self.check.report.add(problem.of(&self.def.name).index(&self.index.name));
            return Ok(());
        };
        if self.index.unique {
            self.check_unique(key, rank)?;
            self.previous.clear();
            self.previous.extend_from_slice(entry);
        }
        Ok(())
    }

    fn damage(&mut self, error: StorageError) -> Result<(), StorageError> {
        self.state.is_whole = false;
        self.check.is_incomplete = true;
        let (def, index) = (self.def, self.index);
        self.check.add_error(error, |error| {
            Problem::of_error(Structure::Index, error).of(&def.name).index(&index.name)
        })
    }
}

impl Strays<'_, '_, '_, '_> {
    /// Makes `self.key` the key if an element of the record's list has it.
    fn append_element(
        &mut self,
        element: Type,
        key: &[u8],
        record: &RecordRef<'_>,
    ) -> Result<bool, StorageError> {
        let cell = record.field(&self.def.layout.places[usize::from(self.index.fields[0])])?;
        let Some(cell) = cell.as_cell() else { return Ok(false) };
        let (of, elements) = &mut self.elements;
        let is_long = cell.len() > LONG_LIST_BYTES;
        if is_long && (*of != record.rank() || elements.is_empty()) {
            *of = record.rank();
            *elements = keys::element_keys(element, Some(cell)).into_iter().map(Vec::from).collect();
        }
        let has = match is_long {
            true => elements.binary_search_by(|own| own.as_slice().cmp(key)).is_ok(),
            false => list::contains(element, cell, key),
        };
        if has {
            self.key.extend_from_slice(key);
        }
        Ok(false)
    }
}

/// Of a longer list the elements are kept in order: one entry after another is asked about.
const LONG_LIST_BYTES: usize = 1024;

struct Strays<'x, 'c, 'w, 'p> {
    check: &'x mut Check<'c, 'w>,
    view: View<'p>,
    def: &'p CollectionDef,
    index: &'p IndexDef,
    key: Vec<u8>,
    /// The keys of the elements of the last long list, and the rank of its record.
    elements: (u128, Vec<Vec<u8>>),
}

impl<'p> Inspect<'p> for Strays<'_, '_, '_, 'p> {
    fn page(&mut self, _: PageNumber) -> Result<(), StorageError> {
        Ok(())
    }

    fn entry(&mut self, entry: &[u8]) -> Result<(), StorageError> {
        let split = keys::split_entry_of(self.index, entry, self.def.layout.rank_width);
        let Some((key, rank)) = split else { return Ok(()) };
        let message = match self.view.get(self.def, rank) {
            // On a page that cannot be read.
            Err(_) => return Ok(()),
            Ok(None) => "an entry names the record, which does not exist",
            Ok(Some(record)) if keys::leaves_out(self.def, self.index, &record).unwrap_or(false) => {
                "an entry names the record, which the condition of the index leaves out"
            }
            Ok(Some(record)) => {
                self.key.clear();
                let (own, expected) = match self.def.listed(self.index) {
                    Some(element) => (self.append_element(element, key, &record), key),
                    None => (keys::append_record_entry(&mut self.key, self.def, self.index, &record), entry),
                };
                match own {
                    Err(_) => return Ok(()),
                    Ok(_) if self.key == expected => return Ok(()),
                    Ok(_) => "an entry gives the record other values than it has",
                }
            }
        };
        let problem = Problem::new(Structure::Index, message).of(&self.def.name).index(&self.index.name);
        self.check.report.add(problem.record(describe_rank(&self.view, self.def, rank)));
        Ok(())
    }

    fn damage(&mut self, error: StorageError) -> Result<(), StorageError> {
        // Told when the tree was walked first.
        if matches!(*error, StorageFault::Cancelled) { Err(error) } else { Ok(()) }
    }
}
