//! [`Pager::compact`]: moves images to the front of the file, so that it can be cut.
//!
//! A checkpoint already takes the lowest free blocks; what keeps a file long are images that nothing has changed since it
//! was longer. Compaction makes checkpoints that move the highest images into lower free space. They are ordinary
//! checkpoints in all else: commits and reads go on beside them, a crash at any point finds the old image or the new one,
//! and each frees its old blocks only when the next is durable. So it takes several, each of a bounded part of the file.

use alloc::vec::Vec;

use super::Pager;
use super::map::{MapEntry, PageMap};
use crate::parts;
use crate::storage::page::PageNumber;
use crate::storage::{StorageError, StorageFault};

/// Images of so many bytes are moved by one checkpoint.
const MOVED_BYTES_MAX: u64 = 32 << 20;

/// What a compaction has done so far.
///
/// # Examples
///
/// ```
#[doc = include_str!("../../example.txt")]
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let path = directory.path().join("music.epilog");
/// let db = Music::open(&path)?;
/// let artists = (0..10_000).map(|n| Artist { id: Id::auto(), name: format!("artist {n}") });
/// db.write(|tx| tx.insert_all(artists))?;
/// db.checkpoint()?;
/// db.write(|tx| Artist::query().filter(|a| a.id.lt(Id::new(9_900))).delete().run(tx))?;
/// let done = db.compact()?;
/// assert!(done.after_bytes < done.before_bytes / 2);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Compaction {
    /// The file's length in bytes before.
    pub before_bytes: u64,
    /// Its length now.
    pub after_bytes: u64,
    /// The bytes of images that were offered lower places.
    pub moved_bytes: u64,
}

impl Pager {
    /// Makes the file as short as it gets, going on beside readers and writers. `progress` is told after each checkpoint
    /// how far it is, and ends the compaction by returning `false`. In memory there is nothing to do.
    ///
    /// Blocks that an open snapshot may still read are not given back: what they keep is gained by a later compaction.
    ///
    /// # Errors
    ///
    /// As [`checkpoint`](Pager::checkpoint): what was moved stays moved. [`StorageFault::LeftOut`] with the feature `small`.
    pub fn compact(&self, progress: &mut dyn FnMut(Compaction) -> bool) -> Result<Compaction, StorageError> {
        if !parts::COMPACTION {
            return Err(StorageFault::LeftOut { what: "compaction" }.into());
        }
        let Some(store) = &self.shared.store else { return Ok(Compaction::default()) };
        let len = || -> Result<u64, StorageError> { Ok(store.images.file().len()?) };
        let mut done = Compaction { before_bytes: len()?, ..Compaction::default() };
        // What is freed, and then what has moved, comes free with the next but one checkpoint; the file ends before it one
        // later, and is cut when that is true of both headers.
        let mut idle = 0;
        while idle < 7 {
            let before = len()?;
            let lease = self.shared.lease.lock();
            store.check_writable()?;
            store.ready(&[])?;
            store.finish_checkpoint()?;
            let moved = self.highest_images()?;
            let bytes: u64 =
                moved.iter().map(|(_, entry)| u64::from(entry.run) * store.images.block_len() as u64).sum();
            store.begin_moving(moved.into_iter().map(|(number, _)| number).collect())?;
            drop(lease);
            store.finish_checkpoint()?;
            done.moved_bytes += bytes;
            done.after_bytes = len()?;
            idle = if done.after_bytes < before { 0 } else { idle + 1 };
            if !progress(done) {
                break;
            }
        }
        done.after_bytes = len()?;
        Ok(done)
    }

    /// The images that lie behind where the file could end, highest first, as many as one checkpoint moves. A map page is
    /// named by the first page it has an entry for: offering that one a place writes the map page anew.
    fn highest_images(&self) -> Result<Vec<(PageNumber, MapEntry)>, StorageError> {
        let Some(store) = &self.shared.store else { return Ok(Vec::new()) };
        let (end, free) = {
            let mut space = store.space.lock();
            space.release(self.shared.frames.oldest());
            (space.end(), space.free_blocks().0)
        };
        let target = end.saturating_sub(free);
        let (map, pages) = {
            let state = store.state.lock();
            (state.header.map, state.header.next_page)
        };
        let mut found = Vec::new();
        // A walk of its own, so that the map in memory does not grow by it.
        let block_len = store.images.block_len();
        let mut map = PageMap::new(map, pages, block_len);
        map.visit(&mut |entry| store.images.read(entry), &mut |holder, entry| {
            if entry.block() + u64::from(entry.run) > target {
                found.push((holder.first_page(block_len), entry));
            }
            Ok(())
        })?;
        found.sort_unstable_by_key(|(_, entry)| core::cmp::Reverse(entry.block()));
        let mut bytes = 0;
        let fits = found.iter().take_while(|(_, entry)| {
            bytes += u64::from(entry.run) * block_len as u64;
            bytes <= MOVED_BYTES_MAX
        });
        let count = fits.count().max(1).min(found.len());
        found.truncate(count);
        Ok(found)
    }
}
