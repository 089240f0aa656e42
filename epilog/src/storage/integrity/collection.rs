//! Checks of a collection's records: the tree, the values, the relations, and that each index has them.

use alloc::string::String;
use alloc::vec::Vec;

use super::check::Check;
use super::index::{self, IndexState};
use super::report::{Problem, Structure};
use crate::parts;
use crate::schema::{CollectionDef, Place, Spot};
use crate::storage::btree::{Inspect, RecordLeaf};
use crate::storage::catalog::{FIRST_FREE_ID, Stored};
use crate::storage::facade::View;
use crate::storage::page::{BLOCK_LEN, PAGE_HEADER_LEN, PageNumber, PageRead};
use crate::storage::records::{RecordRef, keys, out_of_line_pages};
use crate::storage::{StorageError, StorageFault};
use crate::value::{Scalar, Type, key, list};

/// What is wrong with one record: in what, in which index, and the message.
type Found<'p> = (Structure, Option<&'p str>, String);

struct Walk<'x, 'c, 'w, 'p> {
    check: &'x mut Check<'c, 'w>,
    pages: &'p dyn PageRead,
    stored: &'p Stored,
    def: &'p CollectionDef,
    indexes: &'x mut [IndexState],
    count: u64,
    /// The highest rank.
    last: Option<u128>,
    is_whole: bool,
    entry: Vec<u8>,
    values: Vec<PageNumber>,
}

/// Walks the records of a collection.
pub(super) fn check(
    check: &mut Check<'_, '_>,
    pages: &dyn PageRead,
    stored: &Stored,
    def: &CollectionDef,
    indexes: &mut [IndexState],
) -> Result<(), StorageError> {
    let mut walk = Walk {
        check,
        pages,
        stored,
        def,
        indexes,
        count: 0,
        last: None,
        is_whole: true,
        entry: Vec::new(),
        values: Vec::new(),
    };
    stored.record_tree(def).inspect(pages, &mut walk)?;
    let (count, last, is_whole) = (walk.count, walk.last, walk.is_whole);
    let is_own = def.id.0 < FIRST_FREE_ID;
    if is_own {
        return Ok(());
    }
    check.report.records += count;
    if is_whole {
        check_statistics(check, pages, stored, def, count, last);
    }
    for (index, state) in def.indexes.iter().zip(indexes) {
        let agrees = state.is_whole && state.missing == 0 && state.count == state.expected;
        if !agrees {
            index::find_strays(check, pages, stored, def, index)?;
        }
    }
    Ok(())
}

fn check_statistics(
    check: &mut Check<'_, '_>,
    pages: &dyn PageRead,
    stored: &Stored,
    def: &CollectionDef,
    count: u64,
    last: Option<u128>,
) {
    // Told when the catalog was looked at, if they cannot be read.
    let Ok(statistics) = stored.statistics(pages, def.id) else { return };
    let mut add = |message| check.report.add(Problem::new(Structure::Statistics, message).of(&def.name));
    if statistics.count != count {
        add(format!("{} records are counted, {count} are there", statistics.count));
    }
    let numbered = def.assigned || def.clustered.is_none();
    if let Some(last) = last.filter(|last| numbered && *last >= u128::from(statistics.next.max(1))) {
        add(format!("the next number is {}, but {last} is in use", statistics.next.max(1)));
    }
}

impl<'p> Walk<'_, '_, '_, 'p> {
    fn check_record(&mut self, record: &RecordRef<'p>) -> Result<(), StorageError> {
        let def = self.def;
        let mut problems: Vec<Found<'p>> = Vec::new();
        for (field, place) in def.fields.iter().zip(&def.layout.places) {
            let name = &field.name;
            match record.field(place) {
                Ok(cell) => {
                    let cell = cell.as_cell();
                    if !cell.is_none_or(|bytes| is_value(place.ty, bytes)) {
                        problems.push((
                            Structure::Records,
                            None,
                            format!("field `{name}` is no {}", place.ty),
                        ));
                    } else if let (Some(to), Some(bytes)) = (field.reference, cell)
                        && let Some(target) = self.stored.catalog.collection(to.target)
                    {
                        let rank = key::rank(place.ty, bytes);
                        if let Ok(None) = View::new(self.pages, self.stored).get(target, rank) {
                            let message = format!(
                                "`{name}` points at record {rank} of `{}`, which is not there",
                                target.name
                            );
                            problems.push((Structure::Reference, None, message));
                        }
                    }
                }
                Err(error) if matches!(*error, StorageFault::Cancelled) => return Err(error),
                Err(error) => {
                    let is_value = matches!(place.spot, Spot::Variable(_)) && record.blob().is_ok();
                    let structure = if is_value { Structure::Value } else { Structure::Records };
                    problems.push((
                        structure,
                        None,
                        format!("field `{name}` cannot be read: {}", plain(&error)),
                    ));
                }
            }
        }
        self.check_values(record, &mut problems);
        // What cannot be read has no key.
        if problems.iter().all(|(structure, ..)| *structure == Structure::Reference) {
            self.check_entries(record, &mut problems)?;
        }
        for (structure, index, message) in problems {
            let problem = Problem::new(structure, message).of(&def.name).record(describe(def, record));
            self.check.report.add(match index {
                Some(index) => problem.index(index),
                None => problem,
            });
        }
        Ok(())
    }

    /// The out-of-line values are this record's alone, and have the length their pages have.
    fn check_values(&mut self, record: &RecordRef<'p>, problems: &mut Vec<Found<'p>>) {
        let def = self.def;
        self.values.clear();
        if out_of_line_pages(record, &mut self.values).is_err() {
            return;
        }
        let mut values = core::mem::take(&mut self.values);
        let mut fields = def.fields.iter().zip(&def.layout.places).filter_map(|(field, place)| {
            let is_variable = matches!(place.spot, Spot::Variable(_));
            let cell = is_variable.then(|| record.field(place).ok()).flatten()?;
            let len = cell.as_cell()?.len();
            Some((field, len))
        });
        for page in values.drain(..) {
            self.check.report.values += 1;
            if self.check.claim(page).is_err() {
                let message = format!("its value on page {} is something else's, too", page.0);
                problems.push((Structure::Value, None, message));
            }
            let Ok(bytes) = self.pages.page(page) else { continue };
            if bytes.get(12..16) != Some(&def.id.0.to_le_bytes()) {
                let message = format!("its value on page {} is another collection's", page.0);
                problems.push((Structure::Value, None, message));
            }
            // No block is longer than the usual one.
            let fits = |len: usize| (0..BLOCK_LEN).contains(&bytes.len().wrapping_sub(PAGE_HEADER_LEN + len));
            if !fields.any(|(_, len)| fits(len)) {
                let message = format!("its value on page {} is not as long as the page", page.0);
                problems.push((Structure::Value, None, message));
            }
        }
        self.values = values;
    }

    /// Each index has the record.
    fn check_entries(
        &mut self,
        record: &RecordRef<'p>,
        problems: &mut Vec<Found<'p>>,
    ) -> Result<(), StorageError> {
        let def = self.def;
        for (index, state) in def.indexes.iter().zip(self.indexes.iter_mut()) {
            if keys::leaves_out(def, index, record)? {
                continue;
            }
            let tree = self.stored.entry_tree(index);
            if let Some(element) = def.listed(index) {
                let place = &def.layout.places[usize::from(index.fields[0])];
                let cell = record.field(place)?;
                for key in keys::element_keys(element, cell.as_cell()) {
                    state.expected += 1;
                    self.entry.clear();
                    self.entry.extend_from_slice(key);
                    keys::append_rank(&mut self.entry, def.layout.rank_width, record.rank());
                    if let Ok(false) = tree.contains(self.pages, &self.entry) {
                        state.missing += 1;
                        let message = "it has no entry for an element of the record's list";
                        problems.push((Structure::Index, Some(&index.name), message.into()));
                    }
                }
                continue;
            }
            state.expected += 1;
            self.entry.clear();
            keys::append_record_entry(&mut self.entry, def, index, record)?;
            // An error is on a page that was found damaged when the index was walked.
            if let Ok(false) = tree.contains(self.pages, &self.entry) {
                state.missing += 1;
                // Nor one with other values that it includes.
                problems.push((Structure::Index, Some(&index.name), "it has no entry for the record".into()));
            }
        }
        Ok(())
    }
}

impl<'p> Inspect<'p> for Walk<'_, '_, '_, 'p> {
    fn page(&mut self, number: PageNumber) -> Result<(), StorageError> {
        self.check.claim(number)
    }

    fn records(&mut self, leaf: RecordLeaf<'p>) -> Result<(), StorageError> {
        let layout = &self.def.layout;
        let format = leaf.format();
        if (format.stride, format.blob_offset) != (layout.stride, layout.blob_offset) {
            let message =
                format!("its rows are {format:?}, those of the collection have {} bytes", layout.stride);
            return Err(StorageError::page_damage(leaf.number(), message));
        }
        for position in 0..leaf.count() {
            self.count += 1;
            self.last = self.last.max(Some(leaf.rank(position)));
            self.check_record(&RecordRef::new(self.pages, layout, leaf.page(), leaf.row(position)))?;
        }
        self.check.watch.advance(leaf.count() as u64)
    }

    fn damage(&mut self, error: StorageError) -> Result<(), StorageError> {
        self.is_whole = false;
        self.check.is_incomplete = true;
        let is_catalog = self.def.id.0 < FIRST_FREE_ID;
        let structure = if is_catalog { Structure::Catalog } else { Structure::Records };
        let name = &self.def.name;
        self.check.add_error(error, |error| Problem::of_error(structure, error).of(name))
    }
}

/// Whether the bytes are a value of the type, as programs can read it.
pub(super) fn is_value(ty: Type, bytes: &[u8]) -> bool {
    // The nanoseconds of a leap second go on from those of the last of a minute.
    let is_moment = |seconds: i64| {
        let nanoseconds = bytes.first_chunk().map(|nanoseconds| u32::from_le_bytes(*nanoseconds));
        let may_leap = !parts::CALCULATION || seconds.rem_euclid(60) == 59;
        let limit = if may_leap { 2_000_000_000 } else { 1_000_000_000 };
        nanoseconds.is_some_and(|value| value < limit)
    };
    match ty {
        Type::String => core::str::from_utf8(bytes).is_ok(),
        Type::Bytes => true,
        Type::Time => {
            let seconds = bytes.get(4..8).and_then(|rest| rest.first_chunk());
            let seconds = seconds.map(|seconds| u32::from_le_bytes(*seconds));
            seconds.is_some_and(|seconds| seconds < 86_400 && is_moment(i64::from(seconds)))
        }
        Type::DateTime | Type::Timestamp => {
            let seconds = bytes.get(4..).and_then(|rest| rest.try_into().ok());
            seconds.is_some_and(|seconds| is_moment(i64::from_le_bytes(seconds)))
        }
        _ if ty.is_list() => list::is_valid(ty, bytes, is_value),
        _ => Scalar::from_cell(ty, Some(bytes)).is_some(),
    }
}

/// A record's key, as people write it; its rank, when that cannot be read.
pub(super) fn describe(def: &CollectionDef, record: &RecordRef<'_>) -> String {
    let field = |position: &u16| {
        let place: &Place = &def.layout.places[usize::from(*position)];
        let cell = record.field(place).ok()?;
        Some(Scalar::from_cell(place.ty, cell.as_cell())?.text(place.ty))
    };
    match def.key.iter().map(field).collect::<Option<Vec<String>>>() {
        Some(fields) => fields.join(", "),
        None => format!("number {}", record.rank()),
    }
}

/// The key of the record with this rank; the rank, when it is not there.
pub(super) fn describe_rank(view: &View<'_>, def: &CollectionDef, rank: u128) -> String {
    if let Ok(Some(record)) = view.get(def, rank) {
        return describe(def, &record);
    }
    let Some(position) = def.clustered else { return format!("number {rank}") };
    let ty = def.fields[usize::from(position)].ty;
    let cell = key::from_rank(ty, rank);
    let scalar = ty.width().and_then(|width| Scalar::from_cell(ty, cell.get(..width)));
    scalar.map_or_else(|| format!("{rank}"), |key| key.text(ty))
}

/// An error without the advice that the report gives as a whole.
fn plain(error: &StorageError) -> String {
    match &**error {
        StorageFault::Corruption(damage) => match damage.page {
            Some(page) => format!("{} (page {page})", damage.problem),
            None => damage.problem.clone(),
        },
        other => format!("{other}"),
    }
}
