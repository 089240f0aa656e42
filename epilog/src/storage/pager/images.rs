//! [`Images`]: loads pages from the file, through the page map.
//!
//! Who walks the leaves of a tree asks for pages whose numbers and images follow each other, as a checkpoint writes them in
//! the order of their numbers. When that is noticed, the images that come next are read along, twice as many each time.
//!
//! Images that are compressed are decompressed here: whoever loads a page gets it as it was before it was written.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::compression;
use super::frames::{Buffer, Memory};
use super::image;
use super::map::{MapEntry, PageMap, ReadImage};
use crate::parts::Whole;
use crate::storage::StorageError;
use crate::storage::page::PageNumber;
use crate::storage::scratch::Scratch;
use crate::storage::vfs::{Vfs, VfsFile};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The least and the most bytes that are read along.
pub(crate) const AHEAD_LEN: core::ops::RangeInclusive<usize> =
    if cfg!(feature = "small") { 1..=1 } else { 32 << 10..=256 << 10 };
/// A page so many numbers behind the last one read is still the next: branches lie between leaves.
const GAP_MAX: u32 = 8;
/// Walks that are noticed at a time.
const WALKS: usize = 4;

/// The database file as readers and the checkpoint see it.
pub(super) struct Images {
    file: Box<dyn VfsFile>,
    /// Where the file is, and temporary ones can be.
    home: Option<(Arc<dyn Vfs>, String, Whole)>,
    map: Mutex<PageMap>,
    block_len: usize,
    memory: Memory,
    walks: Mutex<Walks>,
    /// Page images loaded, and the reads that took.
    pub(super) loaded: AtomicU64,
    pub(super) reads: AtomicU64,
    /// The bytes of pages whose images were written, and those of the images.
    pub(super) page_bytes_written: AtomicU64,
    pub(super) image_bytes_written: AtomicU64,
}

/// Who has lately asked for pages in the order of their numbers.
#[derive(Default)]
struct Walks {
    all: [Walk; WALKS],
    oldest: usize,
}

#[derive(Clone, Copy, Default)]
struct Walk {
    /// The page number behind the last one read.
    next: u32,
    /// The bytes that were read at a time.
    len: usize,
}

impl Walks {
    /// The walk of whoever asks for page `number`, and how many bytes to read for it at most.
    fn notice(&mut self, number: PageNumber, len_max: usize) -> (usize, usize) {
        let follows = |walk: &Walk| (walk.next..=walk.next.saturating_add(GAP_MAX)).contains(&number.0);
        let at = match self.all.iter().position(follows) {
            Some(at) => {
                let len = (self.all[at].len * 2).clamp(*AHEAD_LEN.start(), *AHEAD_LEN.end());
                self.all[at].len = len.min(len_max);
                at
            }
            None => {
                let at = self.oldest;
                self.oldest = (at + 1) % WALKS;
                self.all[at].len = 0;
                at
            }
        };
        self.all[at].next = number.0.saturating_add(1);
        (at, self.all[at].len)
    }
}

impl Images {
    /// The images of `file`, which has blocks of `block_len` bytes, that `map` names.
    pub(super) fn new(file: Box<dyn VfsFile>, map: PageMap, block_len: usize) -> Images {
        let (memory, walks) = (Memory::default(), Mutex::new(Walks::default()));
        Images {
            file,
            home: None,
            map: Mutex::new(map),
            block_len,
            memory,
            walks,
            loaded: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            page_bytes_written: AtomicU64::new(0),
            image_bytes_written: AtomicU64::new(0),
        }
    }

    /// Says where the file is.
    #[must_use]
    pub(super) fn at(self, vfs: &Arc<dyn Vfs>, path: &str) -> Images {
        Images { home: Whole::build().map(|whole| (Arc::clone(vfs), String::from(path), whole)), ..self }
    }

    /// Room in a temporary file, if the file system has such.
    pub(super) fn scratch(&self, block_len: usize) -> Result<Option<Scratch>, StorageError> {
        let Some((vfs, path, _)) = &self.home else { return Ok(None) };
        Ok(vfs.temporary(path)?.map(|file| Scratch::of_file(file, path, block_len)))
    }

    /// The file system's clock.
    #[cfg(not(feature = "small"))]
    pub(super) fn now_ns(&self) -> u64 {
        self.home.as_ref().map_or_else(crate::storage::vfs::monotonic_ns, |(vfs, _, _)| vfs.now_ns())
    }

    /// The bytes of a block.
    pub(super) fn block_len(&self) -> usize {
        self.block_len
    }

    /// What counts the buffers that are loaded.
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The database file.
    pub(super) fn file(&self) -> &dyn VfsFile {
        &*self.file
    }

    /// Counts a page of so many bytes that is written as an image of so many.
    pub(super) fn count_written(&self, page_len: usize, image_len: usize) {
        self.page_bytes_written.fetch_add(page_len as u64, Ordering::Relaxed);
        self.image_bytes_written.fetch_add(image_len as u64, Ordering::Relaxed);
    }

    /// Where page `number`'s image lies; [`MapEntry::NONE`] when it has none.
    ///
    /// # Errors
    ///
    /// When the map page that says so cannot be read, or is damaged.
    pub(super) fn entry(&self, number: PageNumber) -> Result<MapEntry, StorageError> {
        self.with_map(|map, read| map.entry(number, read))
    }

    /// Gives the map to `use_map`, with the means to load its pages.
    pub(super) fn with_map<T>(
        &self,
        use_map: impl FnOnce(&mut PageMap, &mut dyn FnMut(MapEntry) -> Result<Vec<u8>, StorageError>) -> T,
    ) -> T {
        use_map(&mut self.map.lock(), &mut |entry| self.read(entry))
    }

    /// Loads and verifies page `number`, and with it up to `ahead_max` bytes of the pages whose images come next, as far
    /// as they are `wanted`. The page asked for is the first.
    ///
    /// # Errors
    ///
    /// `StorageFault::Corruption` when there is no such page, or its image is not the one the map names.
    pub(super) fn load(
        &self,
        number: PageNumber,
        ahead_max: usize,
        wanted: &dyn Fn(PageNumber) -> bool,
    ) -> Result<Vec<(PageNumber, Buffer)>, StorageError> {
        let (walk, len_max) = self.walks.lock().notice(number, ahead_max);
        loop {
            let entry = self.entry(number)?;
            if entry.is_none() {
                return Err(StorageError::page_damage(
                    number,
                    "something names it, but the page map has no image of it",
                ));
            }
            let mut run = Vec::from([(number, entry)]);
            self.with_map(|map, read| extend(&mut run, len_max, wanted, map, read));
            match self.load_run(&run, ahead_max) {
                Ok(loaded) => {
                    if let [_, .., (last, _)] = &loaded[..] {
                        self.walks.lock().all[walk].next = last.0.saturating_add(1);
                    }
                    return Ok(loaded);
                }
                // When the image was moved meanwhile, and its blocks used again, another one is there to be read.
                Err(error) if self.entry(number)? == entry => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Loads images that lie next to each other, as far as their pages have no more than `len_max` bytes. Only the first
    /// has to be whole.
    fn load_run(
        &self,
        run: &[(PageNumber, MapEntry)],
        len_max: usize,
    ) -> Result<Vec<(PageNumber, Buffer)>, StorageError> {
        let [(number, entry), rest @ ..] = run else { return Ok(Vec::new()) };
        if rest.is_empty() {
            return Ok(Vec::from([(*number, self.load_at(*number, *entry)?)]));
        }
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.loaded.fetch_add(run.len() as u64, Ordering::Relaxed);
        let blocks = run.iter().map(|(_, entry)| entry.run).sum();
        let bytes = self.read(entry.with_run(blocks))?;
        let mut loaded = Vec::with_capacity(run.len());
        let mut bytes = bytes.as_slice();
        let mut len = 0;
        for (number, entry) in run {
            let Some((image, rest)) = bytes.split_at_checked(entry.run as usize * self.block_len) else {
                break;
            };
            bytes = rest;
            match self.page_of(*number, image, *entry) {
                Ok(page) => {
                    len += page.len();
                    loaded.push((*number, page));
                }
                Err(error) if loaded.is_empty() => return Err(error),
                // Whoever asks for it is told.
                Err(_) => break,
            }
            // Compressed images are those of more pages than asked for.
            if len >= len_max {
                break;
            }
        }
        Ok(loaded)
    }

    /// The page in `image`, which has to be that of page `number` as `entry` names it.
    fn page_of(&self, number: PageNumber, image: &[u8], entry: MapEntry) -> Result<Buffer, StorageError> {
        let damage = |problem| StorageError::page_damage(number, problem);
        image::verify(image, number, entry).map_err(damage)?;
        if !entry.is_compressed() {
            return Buffer::copy_of(image, &self.memory);
        }
        let len = compression::page_len(image, self.block_len).map_err(damage)?;
        let mut page = Buffer::zeroed(len, &self.memory)?;
        compression::decompress(image, &mut page).map_err(damage)?;
        Ok(page)
    }

    /// Loads and verifies page `number` from where `entry` says.
    ///
    /// # Errors
    ///
    /// As [`load`](Images::load).
    pub(super) fn load_at(&self, number: PageNumber, entry: MapEntry) -> Result<Buffer, StorageError> {
        self.check_place(entry)?;
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.loaded.fetch_add(1, Ordering::Relaxed);
        if entry.is_compressed() {
            return self.page_of(number, &self.read(entry)?, entry);
        }
        let mut buffer = Buffer::zeroed(entry.run as usize * self.block_len, &self.memory)?;
        self.file.read_at(&mut buffer, entry.block() * self.block_len as u64)?;
        image::verify(&buffer, number, entry)
            .map_err(|problem| StorageError::page_damage(number, problem))?;
        Ok(buffer)
    }

    /// Reads the image `entry` leads to, without looking at it.
    ///
    /// # Errors
    ///
    /// When it lies outside the file, or the read fails.
    pub(super) fn read(&self, entry: MapEntry) -> Result<Vec<u8>, StorageError> {
        self.check_place(entry)?;
        let mut bytes = vec![0; entry.run as usize * self.block_len];
        self.file.read_at(&mut bytes, entry.block() * self.block_len as u64)?;
        Ok(bytes)
    }

    /// An image outside the file is damage; found here, before memory is taken for a length that a damaged entry made up.
    fn check_place(&self, entry: MapEntry) -> Result<(), StorageError> {
        let end = (entry.block() + u64::from(entry.run)).saturating_mul(self.block_len as u64);
        let len = self.file.len()?;
        if end > len {
            return Err(StorageError::damage(
                "page map",
                format_args!(
                    "an image of {} blocks at block {} ends behind the file's {len} bytes",
                    entry.run,
                    entry.block()
                ),
            ));
        }
        Ok(())
    }
}

/// Adds the pages that follow the last one of `run`, in number and in place.
fn extend(
    run: &mut Vec<(PageNumber, MapEntry)>,
    len_max: usize,
    wanted: &dyn Fn(PageNumber) -> bool,
    map: &mut PageMap,
    read: ReadImage<'_>,
) {
    let mut blocks = run.iter().map(|(_, entry)| entry.run as usize).sum::<usize>();
    while let Some(&(last, entry)) = run.last() {
        let Some(next) = last.0.checked_add(1).map(PageNumber) else { break };
        // Looked at before the map: see `frames` about loading.
        if blocks * map.block_len() >= len_max || !wanted(next) {
            break;
        }
        let Ok(found) = map.entry(next, read) else { break };
        let follows = !found.is_none() && found.block() == entry.block() + u64::from(entry.run);
        blocks += found.run as usize;
        if !follows || blocks * map.block_len() > len_max {
            break;
        }
        run.push((next, found));
    }
}
