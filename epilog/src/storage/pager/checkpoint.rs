//! [`Checkpoint`]: brings the file up to a commit, in steps.
//!
//! It pins commit *C* and writes exactly the versions visible at *C*, whatever is committed meanwhile. In order:
//!
//! 1. the journal is durable up to *C* (the caller's part);
//! 2. images of the changed pages, changed map pages from the bottom up and the free map go to free blocks;
//! 3. the file gets its length and is synced;
//! 4. the header goes to the slot of the checkpoint before the last, and the file is synced again;
//! 5. only then are journal segments recycled and the blocks of old images on their way to be free (the caller's part).
//!
//! It begins under the write lease, which makes the list of changed pages and page numbers one of commit *C*. From then on
//! it goes on beside writers: what they change has new versions, and what they write goes to other free blocks, which are
//! as free in this checkpoint's free map as they were.
//!
//! Map pages are new blocks like images and become durable with them: a header that reached the disk can then never
//! name anything that did not.
//!
//! Everything before step 4 touches only blocks that no durable header names, so giving up there changes nothing.

use alloc::vec::{IntoIter, Vec};

use super::compression::{Compression, Compressor};
use super::frames::{Pin, Resident};
use super::free::{FreeMap, Runs};
use super::header::Header;
use super::image;
use super::images::Images;
use super::map::{MapEntry, MapUpdate};
use super::numbers::NumbersImage;
use super::space::Space;
use crate::ordered::BTreeMap;
use crate::parts;
use crate::storage::StorageError;
use crate::storage::page::PageNumber;
use crate::storage::planted::{self, Bug};
use crate::storage::vfs::VfsFile;
use crate::sync::Mutex;

/// Images that follow each other in the file are written together, up to so many bytes.
const BATCH_LEN: usize = if cfg!(feature = "small") { 2 << 10 } else { 1 << 20 };

/// What a checkpoint does with a page.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// Writes the image of its version as of the pinned commit.
    Write,
    /// Takes it out of the map: it is gone.
    Free,
    /// Names an image that a bulk transaction has written.
    Stored(MapEntry),
    /// Moves its image, which is as it should be, further to the front of the file if there is room.
    Move,
}

/// Where a checkpoint is.
enum Phase {
    Images(IntoIter<(PageNumber, Work)>),
    Map {
        update: MapUpdate,
        work: IntoIter<(usize, usize, MapEntry)>,
    },
    Free(MapUpdate),
    Sync(MapUpdate),
    Header(MapUpdate),
    SyncHeader(MapUpdate),
    Done(MapUpdate),
    /// A step failed, or is being taken.
    Stopped,
}

/// How a failure leaves the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// As it was.
    Unchanged,
    /// The header's slot holds the old header, the new one, or neither.
    HeaderUnknown,
    /// A sync failed.
    Unsynced,
}

/// A checkpoint that is being made.
pub(super) struct Checkpoint {
    pin: Pin<'static>,
    header: Header,
    numbers: NumbersImage,
    freed: Runs,
    taken: Runs,
    changes: BTreeMap<u32, MapEntry>,
    batch: Batch,
    compressor: Compressor,
    /// Whether it writes a free map.
    maps_free: bool,
    phase: Phase,
    failure: Failure,
}

/// What a checkpoint has made, once its header is durable.
pub(super) struct Finished {
    pub(super) header: Header,
    /// Blocks of images that nothing names any more.
    pub(super) freed: Runs,
    /// Blocks of images that the header leads to now.
    pub(super) taken: Runs,
    pub(super) update: MapUpdate,
}

impl Checkpoint {
    /// Plans the checkpoint that `header` will describe: number, commit, flag and journal position are set, the rest
    /// follows. `work` is what has to be done to pages, `written` the blocks of images it names as stored; `numbers` are the
    /// page numbers as of the header's commit. Images are written with `compression`.
    pub(super) fn new(
        pin: Pin<'static>,
        work: Vec<(PageNumber, Work)>,
        written: Runs,
        header: Header,
        numbers: NumbersImage,
        compression: Compression,
    ) -> Checkpoint {
        let block_len = header.block_len;
        Checkpoint {
            pin,
            header,
            numbers,
            freed: Runs::new(),
            taken: written,
            changes: BTreeMap::new(),
            batch: Batch::new(block_len),
            compressor: Compressor::new(compression, block_len),
            maps_free: false,
            phase: Phase::Images(work.into_iter()),
            failure: Failure::Unchanged,
        }
    }

    /// The commit whose versions are written: all before it must be durable.
    pub(super) fn pinned(&self) -> u64 {
        self.pin.commit()
    }

    /// Whether it is the commit of a bulk transaction, whose changes no journal has.
    pub(super) fn is_bulk(&self) -> bool {
        self.header.commit != self.pin.commit()
    }

    /// How the last step's failure leaves the file.
    pub(super) fn failure(&self) -> Failure {
        self.failure
    }

    /// The blocks that were taken, after a failure.
    pub(super) fn into_taken(self) -> Runs {
        self.taken
    }

    /// What was made; `None` before the last step.
    pub(super) fn into_finished(self) -> Option<Finished> {
        match self.phase {
            Phase::Done(update) => {
                Some(Finished { header: self.header, freed: self.freed, taken: self.taken, update })
            }
            _ => None,
        }
    }

    /// Does a part of the work: at most one large write, or one sync. False when nothing is left to do.
    ///
    /// # Errors
    ///
    /// When reading the map, writing or syncing fails. The checkpoint cannot be continued then;
    /// [`failure`](Checkpoint::failure) says what it leaves.
    pub(super) fn step(&mut self, images: &Images, space: &Mutex<Space>) -> Result<bool, StorageError> {
        let file = images.file();
        // Pages that were read in the step before need not stay for this one.
        self.pin.rest();
        match core::mem::replace(&mut self.phase, Phase::Stopped) {
            Phase::Images(mut pages) => {
                while let Some((number, work)) = pages.next() {
                    if self.do_page(images, space, number, work)? {
                        self.phase = Phase::Images(pages);
                        return Ok(true);
                    }
                }
                // When nothing moves, no map page either, and nothing can be cut off, no free map is written, so that numbers
                // given out since must stay beyond the end.
                self.maps_free = self.has_moved() || !self.changes.is_empty() || space.lock().has_tail();
                let next_page = if self.maps_free { self.numbers.next } else { self.header.next_page };
                let changes = &self.changes;
                let update = images.with_map(|map, read| map.prepare(changes, next_page, read))?;
                self.header.next_page = next_page;
                self.header.has_compressed |= self.changes.values().any(MapEntry::is_compressed);
                let work = update.work().into_iter();
                self.phase = Phase::Map { update, work };
            }
            Phase::Map { mut update, mut work } => {
                while let Some((level, index, old)) = work.next() {
                    let block = self.take(space, 1);
                    self.free(old)?;
                    let bytes = update.image(level, index, block, self.header.checkpoint);
                    if !planted::is(Bug::MapPageLost) && self.batch.add(file, block, &bytes)? {
                        self.phase = Phase::Map { update, work };
                        return Ok(true);
                    }
                }
                self.header.map = update.root();
                self.phase = Phase::Free(update);
            }
            Phase::Free(update) => {
                // When nothing moved, the old free map is as good: what it calls pending may be free by now.
                if self.maps_free {
                    self.write_free_map(file, space)?;
                }
                self.batch.flush(file)?;
                self.phase = Phase::Sync(update);
            }
            Phase::Sync(update) => {
                if file.len()? < self.header.file_len {
                    file.set_len(self.header.file_len)?;
                }
                if self.taken.count() > 0 && !planted::is(Bug::HeaderBeforeImages) {
                    self.failure = Failure::Unsynced;
                    file.sync_data()?;
                }
                self.phase = Phase::Header(update);
            }
            Phase::Header(update) => {
                self.failure = Failure::HeaderUnknown;
                self.header.write(file)?;
                self.phase = Phase::SyncHeader(update);
            }
            Phase::SyncHeader(update) => {
                self.failure = Failure::Unsynced;
                file.sync_data()?;
                self.phase = Phase::Done(update);
            }
            Phase::Done(update) => {
                self.phase = Phase::Done(update);
                return Ok(false);
            }
            Phase::Stopped => unreachable!("a checkpoint that failed is not continued"),
        }
        Ok(true)
    }

    /// Whether any image has come or gone.
    fn has_moved(&self) -> bool {
        self.taken.count() > 0 || self.freed.count() > 0
    }

    /// Does a page's work; true when something was written to the file.
    fn do_page(
        &mut self,
        images: &Images,
        space: &Mutex<Space>,
        number: PageNumber,
        work: Work,
    ) -> Result<bool, StorageError> {
        let old = images.entry(number)?;
        if let (true, Work::Move) = (parts::COMPACTION, work) {
            return self.move_image(images, space, number, old);
        }
        if !old.is_none() {
            if planted::is(Bug::BlocksReusedEarly) {
                let mut run = Runs::new();
                run.insert(old.block(), u64::from(old.run));
                space.lock().give_back(&run);
            } else {
                self.free(old)?;
            }
        }
        match work {
            Work::Move => unreachable!("handled above"),
            Work::Free => {
                // A page that was allocated and freed since the last checkpoint is not in the map.
                if !old.is_none() {
                    self.changes.insert(number.0, MapEntry::NONE);
                }
                Ok(false)
            }
            Work::Stored(entry) => {
                self.changes.insert(number.0, entry);
                Ok(false)
            }
            Work::Write => self.write_page(images, space, number),
        }
    }

    /// Copies an image as it is, so that it costs neither memory nor a place in the page cache.
    fn move_image(
        &mut self,
        images: &Images,
        space: &Mutex<Space>,
        number: PageNumber,
        old: MapEntry,
    ) -> Result<bool, StorageError> {
        let len = u64::from(old.run);
        let room = if old.is_none() { None } else { space.lock().allocate_below(len, old.block()) };
        let Some(block) = room else {
            // Its map page is written anew all the same: it may be what lies far behind.
            self.changes.insert(number.0, old);
            return Ok(false);
        };
        self.taken.insert(block, len);
        let bytes = images.read(old)?;
        // Damage is not carried to another place, where it would look like the disk's.
        image::verify(&bytes, number, old).map_err(|problem| StorageError::page_damage(number, problem))?;
        self.free(old)?;
        self.changes.insert(number.0, old.at(block));
        self.batch.add(images.file(), block, &bytes)
    }

    fn write_page(
        &mut self,
        images: &Images,
        space: &Mutex<Space>,
        number: PageNumber,
    ) -> Result<bool, StorageError> {
        let Resident::Page(page) = self.pin.resident(number) else {
            unreachable!("a changed page stays in memory until a checkpoint has written it")
        };
        let (entry, wrote) =
            self.batch.add_page(images, page, self.header.checkpoint, &mut self.compressor, &mut |len| {
                let block = space.lock().allocate(len);
                self.taken.insert(block, len);
                block
            })?;
        self.changes.insert(number.0, entry);
        Ok(wrote)
    }

    /// Writes the free map, and settles how long the file is. Blocks given out from here on lie behind its end, or are
    /// free as far as this checkpoint is concerned.
    fn write_free_map(&mut self, file: &dyn VfsFile, space: &Mutex<Space>) -> Result<(), StorageError> {
        self.free(self.header.free)?;
        let mut space = space.lock();
        // Its own blocks change the lists: taking them splits no run, and cutting off the tail only shortens.
        let numbers = &mut self.numbers;
        let runs = space.count()
            + self.taken.count()
            + self.freed.count()
            + numbers.free.count()
            + numbers.pending.count();
        let run = FreeMap::blocks_for(runs, self.header.block_len);
        let block = space.allocate(run as u64);
        self.taken.insert(block, run as u64);
        space.cut_tail();
        let map = FreeMap {
            blocks: space.image(&self.taken),
            pending_blocks: self.freed.clone(),
            numbers: core::mem::take(&mut numbers.free),
            pending_numbers: core::mem::take(&mut numbers.pending),
        };
        self.header.file_len = space.end() * self.header.block_len as u64;
        drop(space);
        let generation = self.header.checkpoint;
        let mut bytes = map.encode(run, self.header.block_len);
        let crc = image::seal(&mut bytes, generation);
        self.batch.add(file, block, &bytes)?;
        self.header.free = MapEntry::new(block, run as u32, crc, generation);
        Ok(())
    }

    fn take(&mut self, space: &Mutex<Space>, len: u64) -> u64 {
        let block = space.lock().allocate(len);
        self.taken.insert(block, len);
        block
    }

    fn free(&mut self, old: MapEntry) -> Result<(), StorageError> {
        if self.freed.insert(old.block(), u64::from(old.run)) {
            return Ok(());
        }
        Err(StorageError::damage("page map", format_args!("two entries name block {}", old.block())))
    }
}

/// Bytes that follow each other in the file and are not written yet.
pub(super) struct Batch {
    block_len: usize,
    block: u64,
    bytes: Vec<u8>,
}

impl Batch {
    /// None yet, of a file with blocks of `block_len` bytes.
    pub(super) fn new(block_len: usize) -> Batch {
        Batch { block_len, block: 0, bytes: Vec::new() }
    }

    /// Makes sure that `len` bytes for `block` can follow; true when something was written for that.
    pub(super) fn make_room(
        &mut self,
        file: &dyn VfsFile,
        block: u64,
        len: usize,
    ) -> Result<bool, StorageError> {
        let follows = self.block + (self.bytes.len() / self.block_len) as u64 == block;
        let mut wrote = false;
        if !self.bytes.is_empty() && (!follows || self.bytes.len() + len > BATCH_LEN) {
            self.flush(file)?;
            wrote = true;
        }
        if self.bytes.is_empty() {
            self.block = block;
        }
        Ok(wrote)
    }

    /// Appends a page; its copy can be changed.
    pub(super) fn push(&mut self, page: &[u8]) -> &mut [u8] {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(page);
        &mut self.bytes[start..]
    }

    /// Appends `page` as an image of checkpoint `generation`, at the block that `take` gives for so many; also true when
    /// something was written for that.
    ///
    /// # Errors
    ///
    /// When that fails: the page is not in the batch then.
    pub(super) fn add_page(
        &mut self,
        images: &Images,
        page: &[u8],
        generation: u64,
        compressor: &mut Compressor,
        take: &mut dyn FnMut(u64) -> u64,
    ) -> Result<(MapEntry, bool), StorageError> {
        let compressed = compressor.compress(page);
        let is_compressed = compressed.is_some();
        let image = compressed.unwrap_or(page);
        let run = (image.len() / self.block_len) as u32;
        let block = take(u64::from(run));
        let wrote = self.make_room(images.file(), block, image.len())?;
        images.count_written(page.len(), image.len());
        let crc = image::seal(self.push(image), generation);
        Ok((MapEntry::new(block, run, crc, generation).compressed(is_compressed), wrote))
    }

    /// Both at once.
    fn add(&mut self, file: &dyn VfsFile, block: u64, bytes: &[u8]) -> Result<bool, StorageError> {
        let wrote = self.make_room(file, block, bytes.len())?;
        self.push(bytes);
        Ok(wrote)
    }

    pub(super) fn flush(&mut self, file: &dyn VfsFile) -> Result<(), StorageError> {
        if !self.bytes.is_empty() {
            file.write_at(&self.bytes, self.block * self.block_len as u64)?;
            self.bytes.clear();
        }
        Ok(())
    }
}
