//! The backup: the pages of a snapshot in a new file, which is then checked.
//!
//! * Pages are copied as they are, by the way that leads to them: from the catalog to the trees, from records to their
//!   out-of-line values. So page numbers, permanent ids, statistics and the commit's number are the source's, and so is the
//!   database id; checkpoints count from 1 again. Nothing that is free, and nothing that is damaged, comes along.
//! * Images are compressed as the source was opened to do it; one opened without saying so does it as its file has it.
//! * The copy needs no journal, and is finished only when its header is: see [`FileBuilder`].
//! * What was written is read again and checked in whole before the backup is called one; otherwise it is removed.

use alloc::string::{String, ToString};
use alloc::sync::Arc;

use super::check::check_file;
use super::claims::Claims;
use super::progress::{Phase, Watch};
use super::report::{CheckReport, Structure};
use crate::schema::CollectionDef;
use crate::storage::btree::{Inspect, RecordLeaf};
use crate::storage::page::{PageNumber, PageRead};
use crate::storage::pager::FileBuilder;
use crate::storage::records::{RecordRef, out_of_line_pages};
use crate::storage::store::Store;
use crate::storage::vfs::Vfs;
use crate::storage::{StorageError, StorageFault};

/// What a backup wrote.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use epilog::vfs::MemoryVfs;
#[doc = include_str!("../../example.txt")]
///
/// let files = MemoryVfs::new();
/// let report = db.backup_to(Arc::new(files), "copy", &mut |_| std::ops::ControlFlow::Continue(()))?;
/// assert_eq!(report.bytes % 4096, 0);
/// assert_eq!(report.check.records, 11);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// The number of the last commit that is in the backup.
    pub commit: u64,
    /// The pages copied.
    pub pages: u64,
    /// The length of the file.
    pub bytes: u64,
    /// What the check of the written file looked at.
    pub check: CheckReport,
}

/// Copies `store` as of now into a new file at `path` of `vfs`.
///
/// # Errors
///
/// [`StorageFault::Exists`] when there is a file or a journal; [`StorageFault::Corruption`] when the source is damaged;
/// [`StorageFault::UnsoundCopy`] when what was written is not what is read again; [`StorageFault::Cancelled`]; failures of
/// writing. No file is left then.
pub fn backup(
    store: &Store,
    vfs: Arc<dyn Vfs>,
    path: &str,
    watch: &mut Watch<'_>,
) -> Result<BackupReport, StorageError> {
    copy(store, vfs, path, &[Structure::Estimates], watch)
}

/// As [`backup`]; problems in a structure that `allowed` names do not make the copy unsound.
pub(super) fn copy(
    store: &Store,
    vfs: Arc<dyn Vfs>,
    path: &str,
    allowed: &[Structure],
    watch: &mut Watch<'_>,
) -> Result<BackupReport, StorageError> {
    let inspection = store.inspect()?;
    let stored = store.stored();
    let mut builder = FileBuilder::create(Arc::clone(&vfs), path, store.block_len(), store.compression())?;
    watch.begin(Phase::Copy, inspection.image_count() as u64)?;
    let snapshot = inspection.snapshot();
    let commit = snapshot.commit();
    if commit.0 > 0 {
        let mut seen = Claims::default();
        for def in stored.system.all().into_iter().chain(&stored.catalog.collections) {
            // What an operation reads stays in memory until it ends: each tree has one of its own.
            let pages = snapshot.operation();
            let (builder, seen, watch) = (&mut builder, &mut seen, &mut *watch);
            let mut copy = Copy { pages: &pages, builder, seen, of: def, watch };
            stored.record_tree(def).inspect(&pages, &mut copy)?;
            for index in &def.indexes {
                let pages = snapshot.operation();
                let (builder, seen, watch) = (&mut *copy.builder, &mut *copy.seen, &mut *copy.watch);
                let mut copy = Copy { pages: &pages, builder, seen, of: def, watch };
                stored.entry_tree(index).inspect(&pages, &mut copy)?;
            }
        }
    }
    watch.end()?;
    let (pages, _) = builder.len();
    let bytes = builder.finish(store.database_id(), commit)?;
    drop(inspection);
    match verify(&vfs, path, allowed, watch) {
        Ok(check) => Ok(BackupReport { commit: commit.0, pages, bytes, check }),
        Err(error) => {
            // The file is whole, and not what it should be, or nobody wants it.
            let _ = vfs.remove(path);
            Err(error)
        }
    }
}

fn verify(
    vfs: &Arc<dyn Vfs>,
    path: &str,
    allowed: &[Structure],
    watch: &mut Watch<'_>,
) -> Result<CheckReport, StorageError> {
    let check = check_file(Arc::clone(vfs), path, watch)?;
    match check.problems.iter().find(|problem| !allowed.contains(&problem.structure)) {
        Some(problem) => {
            Err(StorageFault::UnsoundCopy { path: String::from(path), problem: problem.to_string() }.into())
        }
        None => Ok(check),
    }
}

/// Copies the pages that a walk comes to.
struct Copy<'x, 'w, 'p> {
    pages: &'p dyn PageRead,
    builder: &'x mut FileBuilder,
    seen: &'x mut Claims,
    /// The collection whose tree, or whose index, is walked.
    of: &'p CollectionDef,
    watch: &'x mut Watch<'w>,
}

impl Copy<'_, '_, '_> {
    fn add(&mut self, number: PageNumber) -> Result<(), StorageError> {
        if !self.seen.insert(number) {
            return Err(StorageError::page_damage(number, "two things lead to the page"));
        }
        let page = self.pages.page(number)?;
        if !page.len().is_multiple_of(self.builder.block_len()) {
            return Err(
                StorageFault::SmallPages { collection: self.of.name.clone(), bytes: page.len() }.into()
            );
        }
        self.builder.add(number, page)?;
        self.watch.advance(1)
    }
}

impl<'p> Inspect<'p> for Copy<'_, '_, 'p> {
    fn page(&mut self, number: PageNumber) -> Result<(), StorageError> {
        self.add(number)
    }

    fn records(&mut self, leaf: RecordLeaf<'p>) -> Result<(), StorageError> {
        let layout = &self.of.layout;
        if layout.variable_count == 0 {
            return Ok(());
        }
        let format = leaf.format();
        if (format.stride, format.blob_offset) != (layout.stride, layout.blob_offset) {
            return Err(StorageError::page_damage(leaf.number(), "its rows are not those of its collection"));
        }
        for position in 0..leaf.count() {
            let record = RecordRef::new(self.pages, layout, leaf.page(), leaf.row(position));
            let mut values = alloc::vec::Vec::new();
            out_of_line_pages(&record, &mut values)?;
            values.into_iter().try_for_each(|page| self.add(page))?;
        }
        Ok(())
    }

    fn damage(&mut self, error: StorageError) -> Result<(), StorageError> {
        Err(error)
    }
}
