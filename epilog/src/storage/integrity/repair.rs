//! The repair: what verifies of a damaged file, in a new file.
//!
//! 1. The file is searched for images, and it is decided which of them count: see [`Salvage`].
//! 2. The catalog is read from its leaves; where one is lost, from an earlier image of it, or from the schema that a program
//!    declares.
//! 3. Each collection's records are read from its leaves, which are found by the tree's id they bear: branches are not needed.
//!    Indexes are made anew.
//! 4. The journal's commits are applied, as far as they can be read.
//! 5. Blobs that are not whole become absent or empty, and chunks of no record go.
//! 6. All this goes into a database beside the target, which is then copied to it as a backup is, checked, and removed.
//!
//! The new file is compressed if the damaged one was.
//!
//! Nothing is made up: a record is as it was stored, or it is lost; only a value that lay on a lost page leaves an absent
//! value, or an empty one where absence is not allowed. A relation to a lost record is kept as it is. All three are in the
//! report. The source is never written to.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::backup;
use super::collection::{describe, is_value};
use super::progress::{Phase, Watch};
use super::report::{CheckReport, Problem, Structure};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::schema::{Catalog, CollectionDef, CollectionId, DatabaseSchema, Spot};
use crate::storage::btree::RecordLeaf;
use crate::storage::catalog::system::{COLLECTIONS, STATISTICS};
use crate::storage::catalog::{FIRST_FREE_ID, Statistics, Stored, load};
use crate::storage::journal::path_beside;
use crate::storage::page::{PageKind, PageNumber, PageRead, RECORD_LEAF_LEN, TreeId};
use crate::storage::pager::{Durability, Pager, PagerOptions, Salvage};
use crate::storage::records::{RecordDraft, RecordRef, out_of_line_values};
use crate::storage::store::Store;
use crate::storage::streamed::{self, STATISTICS_BLOB};
use crate::storage::vfs::Vfs;
use crate::storage::writer::Writer;
use crate::storage::{StorageError, StorageFault};
use crate::value::{Blob, list};

/// So many records are put into the new file in one transaction.
const BATCH: u64 = 4096;
/// So many losses are kept; further ones are counted.
const LOSSES_MAX: usize = 1000;

/// What a repair has saved, and what was lost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RepairReport {
    /// What is damaged in the source.
    pub damage: Vec<Problem>,
    /// What of the data is lost or changed: collections with lost records, records that could not be kept, values that are
    /// absent or empty now, relations that lead to no record, commits of the journal. The first thousand.
    pub losses: Vec<Problem>,
    /// How many losses there are.
    pub loss_count: u64,
    /// Each collection, in the order they were made.
    pub collections: Vec<RepairedCollection>,
    /// Commits that were in the journal only.
    pub journal_commits: u64,
    /// Whether it is known of everything that was saved that it is no older version. Not so when both the page map and the
    /// free map are damaged: deleted records may then have come back.
    pub is_certain: bool,
    /// What the check of the new file looked at.
    pub check: CheckReport,
}

/// What was saved of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairedCollection {
    /// Its name.
    pub name: String,
    /// The records saved, those of the journal included.
    pub records: u64,
    /// The records lost; `None` when it is not known how many there were.
    pub lost: Option<u64>,
}

impl RepairReport {
    /// Whether all data was saved.
    pub fn is_complete(&self) -> bool {
        self.loss_count == 0
    }

    fn lose(&mut self, problem: Problem) {
        self.loss_count += 1;
        if self.losses.len() < LOSSES_MAX {
            self.losses.push(problem);
        }
    }
}

/// Saves what can be read of the damaged file `source` into a new file `target`. `schema` stands in for a lost catalog.
///
/// # Errors
///
/// [`StorageFault::Exists`]; [`StorageFault::NotADatabase`] when nothing of a database is found;
/// [`StorageFault::Corruption`] when the catalog is lost and no schema is given; [`StorageFault::Cancelled`]; failures of
/// writing. No target is left then.
pub fn repair(
    vfs: Arc<dyn Vfs>,
    source: &str,
    target: &str,
    schema: Option<&DatabaseSchema>,
    watch: &mut Watch<'_>,
) -> Result<RepairReport, StorageError> {
    let work = format!("{target}-repair");
    for path in [target.to_string(), path_beside(target), work.clone(), path_beside(&work)] {
        if vfs.exists(&path)? {
            return Err(StorageFault::Exists { path }.into());
        }
    }
    let mut last = 0;
    watch.begin(Phase::Search, 0)?;
    let salvage = Salvage::open(Arc::clone(&vfs), source, &mut |done, total| {
        if last == 0 {
            watch.begin(Phase::Search, total)?;
        }
        let more = done - last;
        last = done;
        watch.advance(more)
    })?;
    let outcome = rebuild(&vfs, &salvage, &work, schema, watch).and_then(|mut report| {
        let compression = Some(salvage.compression());
        let options = PagerOptions { read_only: true, compression, ..PagerOptions::default() };
        let store = Store::open_untyped(Arc::clone(&vfs), &work, options)?;
        let copy = backup::copy(
            &store,
            Arc::clone(&vfs),
            target,
            &[Structure::Reference, Structure::Estimates],
            watch,
        )?;
        copy.check.problems.iter().for_each(|problem| report.lose(problem.clone()));
        report.loss_count += copy.check.problem_count - copy.check.problems.len() as u64;
        report.check = copy.check;
        Ok(report)
    });
    for path in [path_beside(&work), work] {
        // They say what they are, should they stay.
        if vfs.exists(&path).unwrap_or(false) {
            let _ = vfs.remove(&path);
        }
    }
    outcome
}

/// The database that is being made.
struct Rebuild<'r, 'w> {
    salvage: &'r Salvage,
    pager: &'r Pager,
    stored: Arc<Stored>,
    report: RepairReport,
    watch: &'r mut Watch<'w>,
}

/// Makes the database `work`.
fn rebuild(
    vfs: &Arc<dyn Vfs>,
    salvage: &Salvage,
    work: &str,
    schema: Option<&DatabaseSchema>,
    watch: &mut Watch<'_>,
) -> Result<RepairReport, StorageError> {
    let mut report = RepairReport { is_certain: salvage.is_certain(), ..RepairReport::default() };
    report.damage.extend(salvage.damage().iter().map(Problem::of_damage));
    let options = PagerOptions { block_len: salvage.block_len(), ..PagerOptions::default() };
    let pager = Pager::open(Arc::clone(vfs), work, options)?;
    let mut rebuild = Rebuild {
        salvage,
        pager: &pager,
        stored: Arc::new(Stored::empty(RECORD_LEAF_LEN as u32)),
        report,
        watch,
    };
    // Nothing was ever committed to a file that has a header and no pages.
    let is_empty = salvage.pages_of(PageKind::RecordLeaf, TreeId(1)).is_empty() && salvage.lost().is_empty();
    match salvage.journal() {
        Ok(None) if is_empty => {}
        // Before the first checkpoint all is in the journal, the founding of the catalog first.
        Ok(Some(_)) if is_empty => rebuild.replay_journal(),
        _ => {
            let trees = rebuild.make_catalog(schema, is_empty)?;
            rebuild.put_records(&trees)?;
            rebuild.replay_journal();
        }
    }
    if !pager.is_new() {
        rebuild.mend_blobs()?;
        rebuild.count()?;
    }
    let report = rebuild.report;
    pager.close()?;
    Ok(report)
}

/// For each collection of the new file, the id of its tree in the source, and its statistics there if they can be read.
type Trees = Vec<(CollectionId, TreeId, Option<Statistics>)>;

impl Rebuild<'_, '_> {
    fn begin(&self) -> Result<Writer<'_>, StorageError> {
        Ok(Writer::new(self.pager.begin_write()?, self.stored.clone(), self.pager.journaled_bytes_max()))
    }

    // ---- catalog

    fn make_catalog(
        &mut self,
        schema: Option<&DatabaseSchema>,
        is_empty: bool,
    ) -> Result<Trees, StorageError> {
        let empty = Stored::empty(RECORD_LEAF_LEN as u32);
        let own = &empty.system;
        let [collections, fields, indexes, statistics] =
            [&own.collections, &own.fields, &own.indexes, &own.statistics]
                .map(|def| self.catalog_records(def));
        let mut counted = BTreeMap::new();
        for draft in &statistics {
            let def = &empty.system.statistics;
            let number = |position: u16| {
                let cell = draft.field(&def.layout.places[usize::from(position)]);
                cell.as_cell()
                    .and_then(|bytes| bytes.first_chunk())
                    .map_or(0, |bytes| u64::from_le_bytes(*bytes))
            };
            let of = draft.rank(&def.layout) as u32;
            let (count, next) = (number(STATISTICS.count), number(STATISTICS.next));
            counted.insert(of, Statistics { count, next });
        }
        let mut writer = self.begin()?;
        writer.found_catalog(RECORD_LEAF_LEN as u32)?;
        let mut highest = u64::from(FIRST_FREE_ID);
        let all = [
            (&collections, &empty.system.collections),
            (&fields, &empty.system.fields),
            (&indexes, &empty.system.indexes),
        ];
        for (drafts, def) in all {
            for draft in drafts {
                let mut draft = draft.clone();
                highest = highest.max(draft.rank(&def.layout) as u64 + 1);
                writer.put_catalog_record(def, &mut draft)?;
            }
        }
        let next = counted.get(&0).map_or(highest, |statistics| statistics.next.max(highest));
        writer.set_statistics(CollectionId(0), Statistics { count: 0, next })?;
        // Looked at before it is committed: it may contradict itself.
        let pages = writer.into_pages()?;
        let loaded = load(&pages).and_then(|stored| check_catalog(&stored.catalog).map(|()| stored));
        let is_usable = loaded.as_ref().is_ok_and(|stored| !stored.catalog.collections.is_empty());
        drop(pages);
        if is_usable || is_empty {
            let mut writer = self.begin()?;
            writer.found_catalog(RECORD_LEAF_LEN as u32)?;
            for (drafts, def) in all {
                drafts.iter().try_for_each(|draft| writer.put_catalog_record(def, &mut draft.clone()))?;
            }
            writer.set_statistics(CollectionId(0), Statistics { count: 0, next })?;
            writer.commit(Durability::None)?;
            self.stored = Arc::new(load(&self.pager.reader())?);
        } else {
            let Some(schema) = schema else {
                let problem = match loaded.map_err(StorageError::into_fault) {
                    Err(StorageFault::Corruption(damage)) => damage.problem,
                    Err(fault) => format!("{fault}"),
                    Ok(_) => "its pages are lost".into(),
                };
                return Err(StorageError::damage(
                    "catalog",
                    format_args!(
                        "{problem}: repair the file with a program that declares its schema (`Database::repair`)"
                    ),
                ));
            };
            let message = "it is lost: the schema of the program stands in for it";
            self.report.damage.push(Problem::new(Structure::Catalog, message));
            self.stored = Arc::new(Store::found(self.pager, schema)?);
        }
        let names: BTreeMap<String, u32> =
            collections.iter().filter_map(|draft| name_of(draft, &empty.system.collections)).collect();
        // A collection that has had no records is not counted. That is known when the counts are all there: on one leaf.
        let leaves = self.salvage.pages_of(PageKind::RecordLeaf, TreeId(own.statistics.id.0));
        let is_counted = leaves.contains(&PageNumber(own.statistics.id.0));
        let count = |tree: u32| counted.get(&tree).copied().or(is_counted.then(Statistics::default));
        let chunks = own.chunks.id;
        let chunks = (chunks, TreeId(chunks.0), count(chunks.0));
        let trees = self.stored.catalog.collections.iter().map(|def| {
            // With the catalog made anew, ids are those that a new database gives out, unless names tell better.
            let tree = names.get(&def.name).copied().unwrap_or(def.id.0);
            (def.id, TreeId(tree), count(tree))
        });
        // The bytes of blobs first.
        Ok([chunks].into_iter().chain(trees).collect())
    }

    /// The records of one of the catalog's own collections. Its description of what is stored seldom changes, so where a
    /// leaf is lost, an earlier image of it does.
    fn catalog_records(&mut self, def: &CollectionDef) -> Vec<RecordDraft> {
        let tree = TreeId(def.id.0);
        let mut images: Vec<(PageNumber, Vec<u8>)> = Vec::new();
        for number in self.salvage.pages_of(PageKind::RecordLeaf, tree) {
            images.extend(self.salvage.page(number).ok().map(|bytes| (number, bytes)));
        }
        let root = PageNumber(def.id.0);
        if self.salvage.lost().contains(&root) && def.id.0 < 4 {
            let earlier = self.salvage.earlier(root).into_iter();
            images.extend(earlier.map(|bytes| (root, bytes)).take(1));
        }
        let mut drafts: BTreeMap<u128, RecordDraft> = BTreeMap::new();
        for (number, bytes) in &images {
            let Ok(leaf) = RecordLeaf::of_image(*number, bytes, tree) else { continue };
            let format = leaf.format();
            if (format.stride, format.blob_offset) != (def.layout.stride, def.layout.blob_offset) {
                continue;
            }
            for position in 0..leaf.count() {
                let values = Values::of(self.salvage, def, &leaf, position);
                let record = RecordRef::new(&values, &def.layout, leaf.page(), leaf.row(position));
                if let Some((draft, _)) = read_record(def, &record) {
                    drafts.entry(record.rank()).or_insert(draft);
                }
            }
        }
        drafts.into_values().collect()
    }

    // ---- records

    fn put_records(&mut self, trees: &Trees) -> Result<(), StorageError> {
        let expected = trees.iter().filter_map(|(_, _, counted)| Some((*counted)?.count)).sum();
        self.watch.begin(Phase::Rebuild, expected)?;
        let stored = self.stored.clone();
        for (id, tree, counted) in trees {
            if *id == stored.system.chunks.id {
                let (_, highest) = self.put_collection(&stored.system.chunks, *tree)?;
                // What is lost is told of the records whose it is.
                let next = highest.map_or(0, |rank| (rank >> 64) as u64 + 1);
                self.set_next(*id, next.max(counted.map_or(0, |counted| counted.next)))?;
                continue;
            }
            let Some(def) = stored.catalog.collection(*id) else { continue };
            let before = self.report.loss_count;
            let (records, highest) = self.put_collection(def, *tree)?;
            let refused = self.report.loss_count - before;
            let lost = counted.map(|counted| counted.count.saturating_sub(records));
            // The catalog's own pages hold none of its records.
            let is_any_page_lost = self.salvage.lost().iter().any(|page| page.0 > 5);
            let is_incomplete = lost.map_or(is_any_page_lost, |lost| lost > refused);
            if is_incomplete {
                let message = match lost {
                    Some(lost) => format!("{lost} records are lost"),
                    None => "some records may be lost".into(),
                };
                self.report.lose(Problem::new(Structure::Records, message).of(&def.name));
            }
            self.report.collections.push(RepairedCollection { name: def.name.clone(), records, lost });
            let numbered = def.assigned || def.clustered.is_none();
            let next = highest.filter(|_| numbered).map_or(0, |rank| (rank as u64).saturating_add(1));
            let next = next.max(counted.map_or(0, |counted| counted.next));
            self.set_next(def.id, next)?;
        }
        self.watch.end()
    }

    /// Makes `next` the least number that a collection gives out.
    fn set_next(&self, id: CollectionId, next: u64) -> Result<(), StorageError> {
        if next > 0 {
            let mut writer = self.begin()?;
            let statistics = writer.statistics(id)?;
            writer.set_statistics(id, Statistics { next: next.max(statistics.next), ..statistics })?;
            writer.commit(Durability::None)?;
        }
        Ok(())
    }

    /// Blobs that are not whole become absent, or empty where absence is not allowed; so does one that another record
    /// has. Chunks of no record's blob are removed.
    fn mend_blobs(&mut self) -> Result<(), StorageError> {
        let stored = self.stored.clone();
        let mut writer = self.begin()?;
        let mut lengths = streamed::lengths(writer.view())?;
        let mut broken: Vec<(CollectionId, u128, Blob)> = Vec::new();
        let mut held = BTreeSet::new();
        streamed::each_named(writer.view(), &mut |def, record, blob| {
            let is_whole = lengths.remove(&blob.number()) == Some(Some(blob.len()));
            if is_whole {
                held.insert(blob.number());
            } else {
                broken.push((def.id, record.rank(), blob));
            }
            Ok(())
        })?;
        let mut losses = Vec::new();
        let mut draft = RecordDraft::default();
        for (id, rank, blob) in broken {
            let def = stored.catalog.collection(id).expect("a collection of this catalog");
            let view = writer.view();
            let Some(record) = view.get(def, rank)? else { continue };
            let key = describe(def, &record);
            draft.load(&record)?;
            for position in &def.layout.streamed {
                let place = &def.layout.places[usize::from(*position)];
                let named = draft.field(place).as_cell().and_then(Blob::from_cell);
                if named == Some(blob) {
                    let field = &def.fields[usize::from(*position)].name;
                    let message = format!("bytes of `{field}` are lost, it is absent or empty now");
                    losses.push(Problem::new(Structure::Value, message).of(&def.name).record(key.clone()));
                    let empty = Blob::empty().to_cell();
                    draft.put(place, place.null.is_none().then_some(&empty));
                }
            }
            writer.restore(def, &draft)?;
            writer.mend_blob(blob.number(), held.contains(&blob.number()));
        }
        lengths.into_keys().for_each(|number| writer.mend_blob(number, false));
        // What was known of values is made again of the records that are there.
        writer.mend_blob(STATISTICS_BLOB, false);
        writer.commit(Durability::None)?;
        losses.into_iter().for_each(|loss| self.report.lose(loss));
        Ok(())
    }

    /// Puts the records of a tree's leaves; how many, and the highest rank.
    fn put_collection(
        &mut self,
        def: &CollectionDef,
        tree: TreeId,
    ) -> Result<(u64, Option<u128>), StorageError> {
        let (mut count, mut highest) = (0, None);
        let chunks = self.stored.system.chunks.id;
        let mut pending: Vec<(RecordDraft, Vec<String>, String)> = Vec::new();
        // The newest leaves come first: where two have a record, which happens in a damaged map only, theirs counts.
        for number in self.salvage.pages_of(PageKind::RecordLeaf, tree) {
            let bytes = self.salvage.page(number)?;
            let leaf = match RecordLeaf::of_image(number, &bytes, tree) {
                Ok(leaf) => leaf,
                Err(error) => {
                    self.report.damage.push(Problem::of_error(Structure::Records, &error).of(&def.name));
                    continue;
                }
            };
            let format = leaf.format();
            if (format.rank_width, format.stride, format.blob_offset)
                != (def.layout.rank_width, def.layout.stride, def.layout.blob_offset)
            {
                let message = format!("its rows are {format:?}, not those of the collection");
                let problem =
                    Problem::of_error(Structure::Records, &StorageError::page_damage(number, message));
                self.report.damage.push(problem.of(&def.name));
                continue;
            }
            for position in 0..leaf.count() {
                let values = Values::of(self.salvage, def, &leaf, position);
                let record = RecordRef::new(&values, &def.layout, leaf.page(), leaf.row(position));
                highest = highest.max(Some(record.rank()));
                match read_record(def, &record) {
                    // A chunk without its bytes is none.
                    Some((_, blank)) if def.id == chunks && !blank.is_empty() => {}
                    Some((draft, blank)) => pending.push((draft, blank, describe(def, &record))),
                    None => {
                        let problem = Problem::new(Structure::Records, "it cannot be read");
                        self.report.lose(problem.of(&def.name).record(describe(def, &record)));
                    }
                }
            }
            if pending.len() as u64 >= BATCH {
                count += self.put_batch(def, &mut pending)?;
            }
        }
        count += self.put_batch(def, &mut pending)?;
        Ok((count, highest))
    }

    fn put_batch(
        &mut self,
        def: &CollectionDef,
        pending: &mut Vec<(RecordDraft, Vec<String>, String)>,
    ) -> Result<u64, StorageError> {
        let mut count = 0;
        let mut losses = Vec::new();
        let mut writer = self.begin()?;
        for (draft, blank, key) in pending.drain(..) {
            if writer.view().get(def, draft.rank(&def.layout))?.is_some() {
                continue;
            }
            match writer.restore(def, &draft) {
                Ok(()) => count += 1,
                Err(error) if matches!(*error, StorageFault::Constraint(_)) => {
                    let problem = Problem::new(Structure::Records, format!("it cannot be kept: {error}"));
                    losses.push(problem.of(&def.name).record(key));
                    continue;
                }
                Err(error) => return Err(error),
            }
            for field in blank {
                let message = format!("the value of `{field}` is lost, it is absent or empty now");
                losses.push(Problem::new(Structure::Value, message).of(&def.name).record(key.clone()));
            }
        }
        writer.commit(Durability::None)?;
        losses.into_iter().for_each(|loss| self.report.lose(loss));
        self.watch.advance(count)?;
        Ok(count)
    }

    // ---- journal

    /// Applies what the journal has. What it cannot give is a loss, and no reason to give up.
    fn replay_journal(&mut self) {
        let (mut recovery, checkpoint, position) = match self.salvage.journal() {
            Ok(None) => return,
            Ok(Some(journal)) => journal,
            Err(error) => {
                let problem = Problem::of_error(Structure::Journal, &error);
                let message = format!("{}; all commits since the last checkpoint are lost", problem.message);
                return self.report.lose(Problem { message, ..problem });
            }
        };
        let (mut commits, pager) = (0, self.pager);
        let stored = &mut self.stored;
        let outcome = recovery.replay(checkpoint, position, &mut |_, payload| {
            let mut writer = Writer::new(pager.begin_write()?, stored.clone(), pager.journaled_bytes_max());
            let catalog_changed = writer.apply([payload])?;
            writer.commit(Durability::None)?;
            if catalog_changed {
                *stored = Arc::new(load(&pager.reader())?);
            }
            commits += 1;
            Ok(())
        });
        self.report.journal_commits = commits;
        if let Err(error) = outcome {
            let problem = Problem::of_error(Structure::Journal, &error);
            let message = format!("{}; the commits from there on are lost", problem.message);
            self.report.lose(Problem { message, ..problem });
        }
    }

    /// The journal has changed the counts.
    fn count(&mut self) -> Result<(), StorageError> {
        let pages = self.pager.reader();
        for def in &self.stored.catalog.collections {
            let records = self.stored.statistics(&pages, def.id)?.count;
            match self.report.collections.iter_mut().find(|collection| collection.name == def.name) {
                Some(collection) => collection.records = records,
                None => {
                    let name = def.name.clone();
                    self.report.collections.push(RepairedCollection { name, records, lost: Some(0) });
                }
            }
        }
        Ok(())
    }
}

/// Refuses a catalog whose relations or indexes lead nowhere: the writer counts on them.
fn check_catalog(catalog: &Catalog) -> Result<(), StorageError> {
    for def in &catalog.collections {
        let leads = |position: u16| {
            def.indexes.iter().any(|index| index.fields.first() == Some(&position) && !index.is_partial())
        };
        let relations = def.fields.iter().zip(0u16..).filter_map(|(field, at)| Some((field.reference?, at)));
        for (reference, at) in relations {
            let is_found = catalog.collection(reference.target).is_some();
            if !is_found || !(leads(at) || def.clustered == Some(at)) {
                let problem = format!("a relation of `{}` leads nowhere, or its index is lost", def.name);
                return Err(StorageError::damage("catalog", problem));
            }
        }
        if def.clustered.is_none() && def.key_index().is_none() {
            return Err(StorageError::damage(
                "catalog",
                format_args!("the key index of `{}` is lost", def.name),
            ));
        }
    }
    Ok(())
}

/// The name and id in a record of `collections`.
fn name_of(draft: &RecordDraft, def: &CollectionDef) -> Option<(String, u32)> {
    let cell = draft.field(&def.layout.places[usize::from(COLLECTIONS.name)]);
    let name = core::str::from_utf8(cell.as_cell()?).ok()?;
    Some((name.into(), draft.rank(&def.layout) as u32))
}

/// A record by itself, with the names of the fields whose values are lost; `None` when it is no record.
fn read_record(def: &CollectionDef, record: &RecordRef<'_>) -> Option<(RecordDraft, Vec<String>)> {
    let mut draft = RecordDraft::new(&def.layout);
    let mut blank = Vec::new();
    draft.set_rank(&def.layout, record.rank());
    for (field, place) in def.fields.iter().zip(&def.layout.places) {
        match record.field(place) {
            Ok(cell) => {
                let cell = cell.as_cell();
                if cell.is_some_and(|bytes| !is_value(place.ty, bytes)) {
                    return None;
                }
                draft.put(place, cell);
            }
            // The record is whole; what lay out of line is not.
            Err(_) if matches!(place.spot, Spot::Variable(_)) && record.blob().is_ok() => {
                blank.push(field.name.clone());
                let empty = match place.ty {
                    ty if ty.is_list() => list::empty(),
                    ty if ty.is_json() => b"null".to_vec(),
                    _ => Vec::new(),
                };
                draft.put(place, if place.null.is_some() { None } else { Some(&empty) });
            }
            Err(_) => return None,
        }
    }
    Some((draft, blank))
}

/// The out-of-line values of one record.
struct Values(BTreeMap<PageNumber, Vec<u8>>);

impl Values {
    fn of(salvage: &Salvage, def: &CollectionDef, leaf: &RecordLeaf<'_>, position: usize) -> Values {
        let none = Values(BTreeMap::new());
        let record = RecordRef::new(&none, &def.layout, leaf.page(), leaf.row(position));
        let mut values = Vec::new();
        if def.layout.variable_count == 0 || out_of_line_values(&record, &mut values).is_err() {
            return none;
        }
        let read = |(page, len): (PageNumber, u32)| Some((page, salvage.value(page, len as usize).ok()?));
        Values(values.into_iter().filter_map(read).collect())
    }
}

impl PageRead for Values {
    fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        let lost = || StorageError::page_damage(number, "no image of the value is left");
        self.0.get(&number).map(Vec::as_slice).ok_or_else(lost)
    }
}
