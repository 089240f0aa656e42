//! Opening: which header counts, whether its journal is needed, and whether it is there.
//!
//! | newest whole header | journal | outcome |
//! |---|---|---|
//! | clean | none | opened |
//! | clean | holds no commit under this header or a newer one | opened; the journal is left from an interrupted close or first write |
//! | clean | holds such commits | refused: the newer header, under which they were written, is damaged |
//! | not clean | none | refused: commits are missing |
//! | not clean | continues where the header says, and follows no newer checkpoint | opened, to be replayed |
//! | not clean | anything else | refused by [`Pager::replay`] or here |
//! | none | none, and the file is empty or an interrupted creation | a new database |
//! | none | anything else | refused: see [`header::choose`] |
//!
//! The newest whole header is the older slot's when the newer slot's is torn or damaged. The rules for it are the same:
//! the journal still has everything from the older header on until the newer one is durable and its segments are
//! recycled; a segment begun after that names the newer checkpoint, and without its header nothing is opened.

use alloc::string::String;
use alloc::sync::Arc;

use super::frames::FrameTable;
use super::free::FreeMap;
use super::header::{self, Found, HEADER_BLOCKS, Header};
use super::image;
use super::images::Images;
use super::map::PageMap;
use super::numbers::Numbers;
use super::space::Space;
use super::store::{Journaling, Store};
use super::upkeep::Upkeep;
use super::{Pager, PagerOptions, Shared};
use crate::storage::journal::{Recovery, path_beside};
use crate::storage::page::PageNumber;
use crate::storage::vfs::{OpenMode, Vfs};
use crate::storage::{StorageError, StorageFault};
use crate::sync::Mutex;

impl Pager {
    /// Opens the database at `path`, which is made when it does not exist (unless read-only). Locks the file until the
    /// last clone and snapshot of the pager are dropped. Writes nothing; afterwards [`replay`](Pager::replay) must be
    /// called before anything is read.
    ///
    /// # Errors
    ///
    /// * [`StorageFault::NotADatabase`]: the file is something else; it is not touched.
    /// * [`StorageFault::Truncated`]: it is shorter than its header says.
    /// * [`StorageFault::NewerFormat`]: it needs a later version of this library.
    /// * [`StorageFault::FeatureMissing`]: it has compressed images, and this build cannot read them.
    /// * [`StorageFault::Corruption`]: headers, free map or journal are damaged, or the journal is missing or not the one
    ///   that belongs to the newest header. Nothing older is fallen back to: see the table in the module's documentation.
    /// * [`StorageFault::Vfs`]: among others, the file is locked by someone else.
    pub fn open(vfs: Arc<dyn Vfs>, path: &str, options: PagerOptions) -> Result<Pager, StorageError> {
        let file = vfs.open(path, if options.read_only { OpenMode::Read } else { OpenMode::Create })?;
        file.lock()?;
        let journal_path = path_beside(path);
        let has_journal = vfs.exists(&journal_path)?;
        let (header, is_new) = match header::choose(&*file, path, has_journal, options.read_only)? {
            Found::Nothing => (Header::first([0; 16], options.block_len), true),
            Found::Header(header) => (header, false),
        };
        let journaling = if is_new {
            Journaling::Idle
        } else if !has_journal && !header.clean {
            return Err(StorageError::damage(
                "journal",
                format_args!(
                    "`{journal_path}` is missing, and commits after {} were only there",
                    header.commit
                ),
            ));
        } else if !header.clean {
            Journaling::Unreplayed(Recovery::open(&vfs, &journal_path, header.database)?)
        } else {
            if has_journal {
                check_leftover(&vfs, &journal_path, &header)?;
            }
            Journaling::Idle
        };
        let map = PageMap::new(header.map, header.next_page, header.block_len);
        let images = Arc::new(Images::new(file, map, header.block_len).at(&vfs, path));
        let free = read_free_map(&images, &header)?;
        let pending = free.pending_numbers.iter().flat_map(|(start, len)| start..start + len);
        let pending = pending.map(|number| PageNumber(number as u32)).collect();
        let numbers = Numbers::restored(free.numbers.clone(), pending, header.next_page, header.commit);
        let numbers = Arc::new(Mutex::new(numbers));
        let space = Space::restored(&free, header.blocks(), header.commit);
        #[cfg_attr(feature = "small", allow(unused_mut))]
        let mut frames = FrameTable::new(header.commit, Some(Arc::clone(&images)), options.cache_bytes);
        #[cfg(not(feature = "small"))]
        frames.take_options(&options);
        let frames = Arc::new(frames);
        let names = (vfs, String::from(path), journal_path);
        let store = Store::new(
            names,
            options,
            Arc::clone(&images),
            (Arc::clone(&frames), Arc::clone(&numbers)),
            (header, is_new),
            space,
            journaling,
        );
        let watch = Arc::clone(&store.heads.watch);
        let shared = Shared {
            watch,
            recent: None,
            frames,
            images: Some(images),
            numbers,
            store: Some(store),
            lease: Mutex::new(()),
            upkeep: Upkeep::default(),
        };
        Ok(Pager { shared: Arc::new(shared) })
    }
}

/// A journal beside a clean file is one that an interrupted close left, or that was made for a first write that never
/// came; unless it holds later commits.
fn check_leftover(vfs: &Arc<dyn Vfs>, path: &str, header: &Header) -> Result<(), StorageError> {
    let mut journal = match Recovery::open(vfs, path, header.database) {
        Ok(journal) => journal,
        // Its making was interrupted.
        Err(error) if matches!(*error, StorageFault::Corruption(_) | StorageFault::Truncated { .. }) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    // A journal left by the close that wrote this header was begun under older ones.
    let newest = journal.newest_commit_since(header.checkpoint)?;
    if newest > header.commit {
        return Err(StorageError::damage(
            "header",
            format_args!(
                "the journal holds commit {newest}, which was written under a newer header than that of checkpoint {}, \
                 which is clean and ends with commit {}",
                header.checkpoint, header.commit
            ),
        ));
    }
    Ok(())
}

/// The free map that `header` names.
pub(super) fn read_free_map(images: &Images, header: &Header) -> Result<FreeMap, StorageError> {
    if header.free.is_none() {
        return Ok(FreeMap::default());
    }
    let bytes = images.read(header.free)?;
    image::verify(&bytes, PageNumber(0), header.free)
        .map_err(|problem| StorageError::damage("free map", problem))?;
    FreeMap::decode(&bytes, HEADER_BLOCKS, header.blocks(), header.next_page)
}
