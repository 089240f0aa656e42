//! The check: first the file as of its last checkpoint, then everything that one commit holds.
//!
//! What is verified, in this order:
//!
//! 1. the header's copies, the page map, the free map, that every block is accounted for once (by the pager);
//! 2. the image of every page: checksum, page number, generation, kind, length;
//! 3. the catalog: its trees, and that what it says of collections, fields and indexes agrees;
//! 4. every index: levels, order, fences, and that a unique one holds no values twice;
//! 5. every record tree, and of each record: that all fields are values of their types, that its out-of-line values are
//!    there and its own, that each index has its entry, that each relation leads to a record;
//! 6. when an index has other entries than its records', which; that every blob is there, whole, and of one record;
//!    that what is known of values is as it was written;
//! 7. the statistics; that no page is named twice; that no page exists that nothing names.
//!
//! A page that cannot be read is passed over with all beneath it, and said to be so once.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::claims::Claims;
use super::progress::{Phase, Watch};
use super::report::{CheckReport, Problem, Structure};
use super::{catalog, collection, index};
use crate::schema::CollectionDef;
use crate::storage::catalog::Stored;
use crate::storage::facade::View;
#[cfg(not(feature = "small"))]
use crate::storage::known;
use crate::storage::page::{PageNumber, PageRead};
use crate::storage::pager::{Inspection, Pager, PagerOptions};
use crate::storage::store::Store;
use crate::storage::streamed;
use crate::storage::vfs::Vfs;
use crate::storage::{StorageError, StorageFault};

/// A check that is being made.
pub(super) struct Check<'c, 'w> {
    pub(super) report: &'c mut CheckReport,
    pub(super) watch: &'c mut Watch<'w>,
    /// The pages that something leads to.
    pub(super) claims: Claims,
    /// Whether some page of a tree could not be read, so that what lies beneath it is not known.
    pub(super) is_incomplete: bool,
}

impl Check<'_, '_> {
    /// Adds a problem, unless it is that nobody wants to know any more.
    pub(super) fn add_error(
        &mut self,
        error: StorageError,
        describe: impl FnOnce(&StorageError) -> Problem,
    ) -> Result<(), StorageError> {
        match *error {
            StorageFault::Cancelled => Err(error),
            _ => {
                self.report.add(describe(&error));
                Ok(())
            }
        }
    }

    /// Claims a page for whoever leads to it.
    pub(super) fn claim(&mut self, page: PageNumber) -> Result<(), StorageError> {
        match self.claims.insert(page) {
            true => Ok(()),
            false => Err(StorageError::page_damage(page, "two things lead to the page")),
        }
    }
}

/// Verifies an open database; see the module.
///
/// Readers and writers go on meanwhile; a writer waits only while the page map is read.
///
/// # Errors
///
/// [`StorageFault::Cancelled`]. What cannot be read is a problem in the report, not an error.
pub fn check(store: &Store, watch: &mut Watch<'_>) -> Result<CheckReport, StorageError> {
    let mut report = CheckReport::default();
    let inspection = store.inspect()?;
    check_physically(&inspection, &mut report, watch)?;
    check_logically(&inspection, store.stored(), &mut report, watch)?;
    Ok(report)
}

/// Verifies the database in a file that nobody has open, and writes nothing, not even to recover: what the journal holds is
/// applied in memory. What keeps it from being opened as a database is a problem in the report.
///
/// # Errors
///
/// [`StorageFault::NotADatabase`], [`StorageFault::NewerFormat`], [`StorageFault::Unfinished`]: there is nothing to check;
/// [`StorageFault::Vfs`] when the file cannot be read at all, or is open; [`StorageFault::Cancelled`].
pub fn check_file(vfs: Arc<dyn Vfs>, path: &str, watch: &mut Watch<'_>) -> Result<CheckReport, StorageError> {
    let mut report = CheckReport::default();
    let options = PagerOptions { read_only: true, ..PagerOptions::default() };
    let pager = match Pager::open(vfs, path, options).map_err(StorageError::into_fault) {
        Ok(pager) => pager,
        Err(StorageFault::Corruption(damage)) => {
            report.add(Problem::of_damage(&damage));
            return Ok(report);
        }
        Err(fault @ StorageFault::Truncated { .. }) => {
            report.add(Problem::new(Structure::Pages, format!("{fault}")));
            return Ok(report);
        }
        Err(fault) => return Err(fault.into()),
    };
    check_physically(&pager.inspect()?, &mut report, watch)?;
    match Store::over(pager.clone()) {
        Ok(store) => check_logically(&pager.inspect()?, store.stored(), &mut report, watch)?,
        Err(error) => {
            // Replay and the loading of the catalog come to a page that was found damaged above, or find more.
            let structure = match &*error {
                StorageFault::Corruption(damage) if damage.place == "journal" => Structure::Journal,
                _ => Structure::Catalog,
            };
            let problem = Problem::of_error(structure, &error);
            if !report.problems.iter().any(|known| known.page.is_some() && known.page == problem.page) {
                report.add(problem);
            }
        }
    }
    Ok(report)
}

fn check_physically(
    inspection: &Inspection<'_>,
    report: &mut CheckReport,
    watch: &mut Watch<'_>,
) -> Result<(), StorageError> {
    for damage in inspection.damage() {
        report.add(Problem::of_damage(damage));
    }
    watch.begin(Phase::Images, inspection.image_count() as u64)?;
    inspection.check_images(&mut |bytes, damage| {
        report.images += 1;
        report.bytes += bytes;
        if let Some(damage) = damage {
            report.add(Problem::of_damage(&damage));
        }
        watch.advance(1)
    })?;
    watch.end()
}

fn check_logically(
    inspection: &Inspection<'_>,
    stored: &Stored,
    report: &mut CheckReport,
    watch: &mut Watch<'_>,
) -> Result<(), StorageError> {
    let snapshot = inspection.snapshot();
    report.commit = snapshot.commit().0;
    if report.commit == 0 {
        return Ok(());
    }
    let mut check = Check { report, watch, claims: Claims::default(), is_incomplete: false };
    catalog::check(&mut check, &snapshot.operation(), stored)?;

    let collections = &stored.catalog.collections;
    let counts: Vec<u64> = {
        let pages = snapshot.operation();
        let count = |def: &Arc<CollectionDef>| stored.statistics(&pages, def.id).map_or(0, |s| s.count);
        collections.iter().map(count).collect()
    };
    let entries = collections.iter().zip(&counts).map(|(def, count)| count * def.indexes.len() as u64);
    check.watch.begin(Phase::Indexes, entries.sum())?;
    // What an operation reads stays in memory until it ends: each tree has one of its own.
    let mut states = Vec::new();
    for def in collections {
        let states_of = def
            .indexes
            .iter()
            .map(|index| index::check(&mut check, &snapshot.operation(), stored, def, index));
        states.push(states_of.collect::<Result<Vec<_>, _>>()?);
    }
    check.watch.end()?;
    check.watch.begin(Phase::Records, counts.iter().sum())?;
    for (def, states) in collections.iter().zip(&mut states) {
        check.report.collections += 1;
        collection::check(&mut check, &snapshot.operation(), stored, def, states)?;
    }
    check.watch.end()?;
    if !check.is_incomplete {
        check_blobs(&mut check, View::new(&snapshot.operation(), stored))?;
    }
    check.report.pages = check.claims.count();
    if !check.is_incomplete {
        find_leaks(&mut check, inspection);
    }
    Ok(())
}

/// What is known of values, and blobs by their chunks' lengths: that each chunk can be read was found out with its tree.
fn check_blobs(check: &mut Check<'_, '_>, view: View<'_>) -> Result<(), StorageError> {
    #[cfg(not(feature = "small"))]
    {
        let report = &mut *check.report;
        let found =
            known::check(view, &mut |message| report.add(Problem::new(Structure::Estimates, message)));
        if let Err(error) = found {
            check.add_error(error, |error| Problem::of_error(Structure::Estimates, error))?;
        }
    }
    let report = &mut *check.report;
    match streamed::check(view, &mut |message| report.add(Problem::new(Structure::Value, message))) {
        Ok(_) => Ok(()),
        Err(error) => check.add_error(error, |error| Problem::of_error(Structure::Value, error)),
    }
}

/// Pages that exist and that nothing leads to.
fn find_leaks(check: &mut Check<'_, '_>, inspection: &Inspection<'_>) {
    for number in inspection.existing() {
        if !check.claims.contains(number) {
            let pages = inspection.snapshot().operation();
            let tree = pages.page(number).ok().and_then(|page| page.get(12..16));
            let tree = tree.map_or_else(
                || "?".to_string(),
                |tree| u32::from_le_bytes([tree[0], tree[1], tree[2], tree[3]]).to_string(),
            );
            let message = format!("nothing leads to the page, which was part of tree {tree}");
            check.report.add(Problem { page: Some(number.0), ..Problem::new(Structure::Pages, message) });
        }
    }
}
