//! A backup is brought forward, commit by commit, with what an archive has.
//!
//! What a bulk commit *M* changed is in the archive as of a later commit *C*, see [`reread`](super::reread). So there is no
//! way to the commits from *M* on but to *C*, and all of them are one step:
//!
//! ```text
//! M .. C      one transaction: change sets, but for what they say of the collections that bulk commits touched
//!  pieces     ... those collections are made what the pieces say
//!  commit C   a clean header, behind which no journal is needed
//! ```
//!
//! Until that header is there the file and its journal have the commit before *M*: a crash never leaves anything between.

use alloc::string::ToString;
use alloc::sync::Arc;

use super::archive::{Archive, Archived, Catalogue, Walk};
use super::catalog::{self, Stored};
use super::journal::{Entry, EntryKind, Retention};
use super::page::RECORD_LEAF_LEN;
use super::pager::{CommitNumber, Durability, Pager, PagerOptions, need_archives};
use super::store::recover;
use super::vfs::{Vfs, VfsError};
use super::writer::{Refill, Writer};
use super::{StorageError, StorageFault};

/// Brings the database at `path`, which is not open, from where it is to commit `until` with what an archive has; to the
/// archive's last when `until` is `None`. Returns the commit it is at then. It is closed again.
///
/// # Errors
///
/// [`StorageFault::LeftOut`] with the feature `small`, before anything is read.
/// [`StorageFault::ArchiveIncomplete`] when the archive does not have a commit on the way, and
/// [`StorageFault::ArchivedTogether`] when it has `until` only together with later ones: those before it were applied;
/// what reading the one and writing the other fail with.
pub fn apply_archive(
    vfs: &Arc<dyn Vfs>,
    path: &str,
    options: PagerOptions,
    archive: &str,
    until: Option<CommitNumber>,
) -> Result<CommitNumber, StorageError> {
    need_archives()?;
    if !vfs.exists(path)? {
        return Err(VfsError::NotFound { path: path.to_string() }.into());
    }
    let pager = Pager::open(Arc::clone(vfs), path, options)?;
    let stored = Arc::new(recover(&pager, RECORD_LEAF_LEN as u32)?);
    let from = pager.published().0;
    let catalogue = Archive::open(vfs, archive, pager.database_id(), Retention::Everything)?.catalogue();
    let until = until.map_or(catalogue.archived(), |until| until.0);
    let mut restore = Restore { pager: &pager, stored, archive, from, at: from };
    let outcome = restore.apply(&catalogue, until);
    let at = restore.at;
    // What was applied stays, if not all could be.
    let closed = pager.close();
    outcome.and(closed)?;
    Ok(CommitNumber(at))
}

/// A database on its way forward.
struct Restore<'p> {
    pager: &'p Pager,
    stored: Arc<Stored>,
    /// The archive's name.
    archive: &'p str,
    /// The commit it was at.
    from: u64,
    /// The commit it is at.
    at: u64,
}

impl Restore<'_> {
    /// Applies what is archived, to commit `until`.
    fn apply(&mut self, catalogue: &Catalogue, until: u64) -> Result<(), StorageError> {
        if self.at >= until {
            return Ok(());
        }
        let mut walk = catalogue.walk(self.at)?.ok_or_else(|| self.missing())?;
        while self.at < until {
            match walk.advance()?.ok_or_else(|| self.missing())? {
                Archived::Commit { entry, .. } if entry.kind == EntryKind::Changes => {
                    self.apply_one(&entry)?
                }
                Archived::Commit { read_at: Some(after), .. } if after > until => {
                    let (path, commit, before) = (self.archive.to_string(), until, self.at);
                    return Err(StorageFault::ArchivedTogether { path, commit, before, after }.into());
                }
                Archived::Commit { entry, read_at: Some(after) } => {
                    self.apply_to(&entry, after, &mut walk)?
                }
                Archived::Commit { entry, read_at: None } => {
                    return Err(self.incomplete(
                        entry.commit,
                        "that was a bulk transaction, and the archive is of a version that does not keep what it \
                         changed: begin with a later backup",
                    ));
                }
                // Of commits that the database has had all along.
                Archived::Piece { .. } => {}
            }
        }
        Ok(())
    }

    fn incomplete(&self, to: u64, reason: &'static str) -> StorageError {
        StorageFault::ArchiveIncomplete { path: self.archive.to_string(), from: self.from, to, reason }.into()
    }

    fn missing(&self) -> StorageError {
        self.incomplete(self.at + 1, "it does not have that commit")
    }

    fn apply_one(&mut self, entry: &Entry) -> Result<(), StorageError> {
        let mut writer = Writer::new(self.pager.begin_write()?, self.stored.clone(), None);
        let catalog_changed = writer.apply([entry.payload.as_slice()])?;
        let made = writer.into_pages()?.commit(&entry.payload, Durability::None)?;
        if made.0 != entry.commit {
            return Err(self.incomplete(entry.commit, "the database gave it another number"));
        }
        if catalog_changed {
            self.stored = Arc::new(catalog::load(&self.pager.reader())?);
        }
        self.at = entry.commit;
        Ok(())
    }

    /// Applies the bulk commit `first` and those that follow, up to `after`, as one.
    fn apply_to(&mut self, first: &Entry, after: u64, walk: &mut Walk<'_>) -> Result<(), StorageError> {
        let mut writer = Writer::new(self.pager.begin_write()?, self.stored.clone(), None);
        let mut refill = Refill::new();
        refill.add(first);
        let mut commit = first.commit;
        loop {
            match walk.advance()?.ok_or_else(|| self.missing())? {
                Archived::Commit { entry, read_at } if commit < after => {
                    commit = entry.commit;
                    match (entry.kind, read_at) {
                        (EntryKind::Changes, _) => writer.apply_beside(&refill, &entry.payload)?,
                        (_, Some(again)) if again == after => refill.add(&entry),
                        _ => return Err(disorder(commit)),
                    }
                }
                Archived::Piece { payload, is_last } if commit == after => {
                    writer.refill(&mut refill, &payload)?;
                    if is_last {
                        break;
                    }
                }
                _ => return Err(disorder(commit)),
            }
        }
        writer.end_refill(refill)?;
        writer.into_pages()?.commit_closing(CommitNumber(after))?;
        self.stored = Arc::new(catalog::load(&self.pager.reader())?);
        self.at = after;
        Ok(())
    }
}

fn disorder(commit: u64) -> StorageError {
    StorageError::damage(
        "archive",
        format_args!("what bulk transactions changed is not where it should be, behind commit {commit}"),
    )
}
