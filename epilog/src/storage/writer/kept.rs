//! What a commit writes besides the records of its statements: counts, and what is known of values.

use super::Writer;
use crate::storage::StorageError;
use crate::storage::catalog::system::{self, STATISTICS};
#[cfg(not(feature = "small"))]
use crate::storage::concurrent::{Kind, Pages};
use crate::storage::counted::CountedCollection;
#[cfg(all(feature = "std", not(feature = "small")))]
use crate::storage::pager::CommitNumber;
use crate::storage::records::RecordDraft;

impl Writer<'_> {
    /// Takes along what is known of values and in memory only. A bulk commit does not: an archive would read all blobs again.
    #[cfg(not(feature = "small"))]
    pub(super) fn keep_known(&mut self) {
        let in_memory = matches!(&self.pages, Pages::Leased(pages) if !pages.is_written_out());
        if matches!(self.kind, Kind::Leased { .. }) && in_memory && !self.changes.is_bulk() {
            self.saved = self.put_known();
        }
    }

    /// Writes the statistics that have changed to their pages, and the numbers given out to the change set.
    pub(super) fn keep_statistics(&mut self) -> Result<(), StorageError> {
        let def = &self.stored.system.statistics;
        let tree = self.stored.record_tree(def);
        let mut draft = RecordDraft::new(&def.layout);
        for CountedCollection { id, statistics, numbered } in self.counted.iter() {
            system::write(&mut draft, def, STATISTICS.collection, &id.0);
            system::write(&mut draft, def, STATISTICS.count, &statistics.count);
            system::write(&mut draft, def, STATISTICS.next, &statistics.next);
            let rank = u128::from(id.0);
            if !tree.replace(&mut self.pages, rank, draft.row(), &[])? {
                tree.insert(&mut self.pages, rank, draft.row(), &[])?;
            }
            if *numbered {
                self.changes.next(*id, statistics.next);
            }
        }
        Ok(())
    }

    /// Notes which collections the commit changes, for those who wait for that. It is about to be made, and will be the one after the
    /// commit that it was begun on.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(super) fn note_latest(&self) {
        // What the journal is told, as far as that is kept, and what is counted: numbers may be given out and no record stay.
        let commit = CommitNumber(self.pages.base().0 + 1);
        self.counted.changed().for_each(|(id, _)| self.stored.latest.note(id, commit));
        self.changes.for_each_collection(|id| self.stored.latest.note(id, commit));
    }

    /// Whether so many bytes of changes more leave the commit one that the journal takes.
    #[cfg(not(feature = "small"))]
    pub(crate) fn has_room(&self, len: usize) -> bool {
        self.changes.has_room(len)
    }
}
