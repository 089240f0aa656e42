//! [`Salvage`]: a damaged file, as far as it can be told what of it counts.
//!
//! Every block is read and tried as the beginning of an image, which proves itself by its checksum and says which page of
//! which tree it is, and of which checkpoint, and whether it is compressed. Of the images found, those count that the
//! page map leads to. Where a map page cannot be read, the images of its page numbers are taken that the free map does
//! not call free: those are exactly the ones the map page led to. Only when the free map is lost, too, is each page's
//! newest image taken; it may be one that was given up since, which is said ([`is_certain`](Salvage::is_certain)).
//!
//! Which checkpoint counts:
//!
//! | headers | outcome |
//! |---|---|
//! | the newest slot has a whole copy | that one |
//! | it has none, the other has | the other, and then the journal; without a journal the newest map page that leads to all |
//! | none | the newest map page that leads to all; none, when images are newer than that |
//!
//! Nothing is written.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use super::compression::{self, Compression};
use super::free::FreeMap;
use super::header::{self, Copy, FORMAT_VERSION, HEADER_BLOCKS, HEADER_LEN, HEADERS_LEN_MAX, Header};
use super::image::{self, u32_at, u64_at};
use super::map::{MapEntry, PageMap, fanout};
use crate::ordered::BTreeMap;
use crate::storage::codec::checksum::{append, crc32c};
use crate::storage::error::Corruption;
use crate::storage::journal::{JournalPosition, Recovery, path_beside};
use crate::storage::page::{BLOCK_LEN, PAGE_HEADER_LEN, PageKind, PageNumber, TreeId, kind_of};
use crate::storage::vfs::{OpenMode, Vfs, VfsFile};
use crate::storage::{StorageError, StorageFault};

/// Blocks that are read at once, and those behind them that an image may reach into.
const CHUNK: usize = 256;
/// The size classes that are tried: of one sector, and of the longest image that is not of any length.
const CLASSES: core::ops::RangeInclusive<u8> = 0..=11;
/// The bytes of the longest.
const IMAGE_LEN_MAX: usize = 512 << *CLASSES.end();

/// An image that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    entry: MapEntry,
    kind: PageKind,
    tree: TreeId,
    /// For a value's: its length is not known, so its checksum has not been verified.
    is_open: bool,
}

/// A damaged file.
pub struct Salvage {
    file: Box<dyn VfsFile>,
    vfs: Arc<dyn Vfs>,
    path: String,
    /// The bytes of a block.
    block_len: usize,
    /// What counts; made up when there is no whole one.
    header: Option<Header>,
    is_header_made_up: bool,
    /// Images by page number, newest first.
    found: BTreeMap<u32, Vec<Found>>,
    /// The images that count.
    live: BTreeMap<u32, Found>,
    /// Pages that count and whose images are damaged.
    lost: Vec<PageNumber>,
    damage: Vec<Corruption>,
    is_certain: bool,
}

impl Salvage {
    /// Searches the file at `path`, and locks it; tells `advance` of each thousand blocks or so, and of how many there are.
    ///
    /// # Errors
    ///
    /// [`StorageFault::NotADatabase`] when there is neither a header nor an image; [`StorageFault::NewerFormat`]; what
    /// `advance` fails with; [`StorageFault::Vfs`] when the file cannot be opened.
    pub fn open(
        vfs: Arc<dyn Vfs>,
        path: &str,
        advance: &mut dyn FnMut(u64, u64) -> Result<(), StorageError>,
    ) -> Result<Salvage, StorageError> {
        let file = vfs.open(path, OpenMode::Read)?;
        file.lock()?;
        let mut salvage = Salvage {
            file,
            vfs,
            path: path.into(),
            block_len: BLOCK_LEN,
            header: None,
            is_header_made_up: false,
            found: BTreeMap::new(),
            live: BTreeMap::new(),
            lost: Vec::new(),
            damage: Vec::new(),
            is_certain: true,
        };
        let has_other = salvage.read_headers()?;
        let (maps, frees) = salvage.search(advance)?;
        if salvage.header.is_none() && salvage.found.is_empty() {
            return Err(StorageFault::NotADatabase { path: path.into() }.into());
        }
        salvage.choose_checkpoint(&maps, &frees, has_other)?;
        salvage.choose_images();
        Ok(salvage)
    }

    /// What is damaged of headers, page map, free map and images.
    pub fn damage(&self) -> &[Corruption] {
        &self.damage
    }

    /// What images are compressed with, as a header says, or an image of those that were found.
    pub fn compression(&self) -> Compression {
        let mut found = self.found.values().flatten();
        let in_header = self.header.as_ref().is_some_and(|header| header.has_compressed);
        compression::of_file(in_header || found.any(|found| found.entry.is_compressed()))
    }

    /// The bytes of a block, as a header says; the usual ones without.
    pub fn block_len(&self) -> usize {
        self.block_len
    }

    /// Pages that are part of the database and cannot be read.
    pub fn lost(&self) -> &[PageNumber] {
        &self.lost
    }

    /// Whether it is known of every image that it counts.
    pub fn is_certain(&self) -> bool {
        self.is_certain
    }

    /// The numbers of the pages of `kind` that belong to `tree`, those written last first.
    pub fn pages_of(&self, kind: PageKind, tree: TreeId) -> Vec<PageNumber> {
        let own = self.live.iter().filter(|(_, found)| found.kind == kind && found.tree == tree);
        let mut own: Vec<(u64, u32)> = own.map(|(number, found)| (found.entry.generation, *number)).collect();
        own.sort_unstable_by(|a, b| b.cmp(a));
        own.into_iter().map(|(_, number)| PageNumber(number)).collect()
    }

    /// The bytes of a page that [`pages_of`](Salvage::pages_of) named.
    ///
    /// # Errors
    ///
    /// When it is no such page, or cannot be read any more.
    pub fn page(&self, number: PageNumber) -> Result<Vec<u8>, StorageError> {
        let found = self.live.get(&number.0).filter(|found| !found.is_open);
        let found = found.ok_or_else(|| StorageError::page_damage(number, "no image of it is left"))?;
        self.read_page(number, found.entry)
    }

    /// Whole images of page `number` that do not count, newest first: of what it was earlier.
    pub fn earlier(&self, number: PageNumber) -> Vec<Vec<u8>> {
        let all = self.found.get(&number.0).into_iter().flatten().filter(|found| !found.is_open);
        all.filter_map(|found| self.read_page(number, found.entry).ok()).collect()
    }

    /// The bytes of the page on which a value of `len` bytes lies.
    ///
    /// # Errors
    ///
    /// When its image is damaged or missing.
    pub fn value(&self, number: PageNumber, len: usize) -> Result<Vec<u8>, StorageError> {
        let needed = PAGE_HEADER_LEN + len;
        let lost = || StorageError::page_damage(number, "no image of the value is left");
        let found = self.live.get(&number.0).ok_or_else(lost)?;
        let is_value = |page: &[u8]| page.len() >= needed && kind_of(page) == Some(PageKind::Value);
        if found.entry.is_compressed() {
            let page = self.read_page(number, found.entry)?;
            return if is_value(&page) { Ok(page) } else { Err(lost()) };
        }
        // How long the image is, the map says; without it, the value: in blocks, or, as early files have it, in 4 KiB.
        let runs = match found.is_open {
            false => [found.entry.run; 2],
            true => {
                [needed, needed.next_multiple_of(BLOCK_LEN)].map(|len| len.div_ceil(self.block_len) as u32)
            }
        };
        let images = runs.iter().filter_map(|&run| self.read(found.entry.with_run(run)).ok());
        let mut whole = images.filter(|bytes| u32_at(bytes, 0) == crc32c(&bytes[4..]) && is_value(bytes));
        whole.next().ok_or_else(lost)
    }

    /// The journal, if it goes on from the checkpoint that counts, with what its replay begins from; `None` when it is not
    /// needed.
    ///
    /// # Errors
    ///
    /// When it is needed, and missing or damaged.
    pub fn journal(&self) -> Result<Option<(Recovery, u64, JournalPosition)>, StorageError> {
        let path = path_beside(&self.path);
        let has_journal = self.vfs.exists(&path)?;
        if self.is_header_made_up && has_journal {
            return Err(StorageError::damage(
                "journal",
                format_args!("no header says where replay of `{path}` begins"),
            ));
        }
        let Some(header) = self.header.as_ref().filter(|header| !header.clean) else { return Ok(None) };
        if !has_journal {
            return Err(StorageError::damage("journal", format_args!("`{path}` is missing")));
        }
        let recovery = Recovery::open(&self.vfs, &path, header.database)?;
        Ok(Some((recovery, header.checkpoint, header.position)))
    }

    fn add(&mut self, place: &'static str, page: Option<PageNumber>, problem: String) {
        self.damage.push(Corruption { place, page, problem });
    }

    /// Finds the newest whole header; whether the slot of the checkpoint after it has something else than the one before.
    fn read_headers(&mut self) -> Result<bool, StorageError> {
        let mut start = vec![0; (self.file.len()? as usize).min(HEADERS_LEN_MAX)];
        if self.file.read_at(&mut start, 0).is_ok() {
            self.block_len = header::find_block_len(&start).unwrap_or(BLOCK_LEN);
        }
        let mut checkpoints = [0; 2];
        for block in 0..HEADER_BLOCKS {
            let mut bytes = vec![0; HEADER_LEN];
            if self.file.read_at(&mut bytes, block * self.block_len as u64).is_err() {
                self.add("header", None, format!("block {block} cannot be read"));
                continue;
            }
            match header::decode(&bytes, block / 2, self.block_len) {
                Copy::Whole(header) => {
                    let slot = &mut checkpoints[block as usize / 2];
                    *slot = header.checkpoint.max(*slot);
                    if self.header.as_ref().is_none_or(|newest| newest.checkpoint < header.checkpoint) {
                        self.header = Some(header);
                    }
                }
                Copy::Newer { found, features } => {
                    let (path, known) = (self.path.clone(), FORMAT_VERSION);
                    return Err(StorageFault::NewerFormat { path, found, features, known }.into());
                }
                Copy::NewerRules { what, found } => {
                    return Err(StorageFault::NewerRules { path: self.path.clone(), what, found }.into());
                }
                Copy::Lacking(feature) => {
                    return Err(StorageFault::FeatureMissing { path: self.path.clone(), feature }.into());
                }
                Copy::Damaged { .. } | Copy::Impossible(_) => {
                    self.add("header", None, format!("copy {} of slot {} is damaged", block % 2, block / 2));
                }
                Copy::Other => {}
            }
        }
        let Some(newest) = &self.header else { return Ok(false) };
        // The first checkpoint has no other before it.
        let other = checkpoints[(newest.checkpoint as usize + 1) % 2];
        Ok(other + 1 != newest.checkpoint)
    }

    /// Reads every block. The images of map pages and free maps are given back, the others kept by page number.
    fn search(
        &mut self,
        advance: &mut dyn FnMut(u64, u64) -> Result<(), StorageError>,
    ) -> Result<(Vec<Vec<u8>>, Vec<MapEntry>), StorageError> {
        let (mut maps, mut frees) = (Vec::new(), Vec::new());
        let blocks = self.file.len()? / self.block_len as u64;
        let ahead = IMAGE_LEN_MAX / self.block_len;
        let mut block = HEADER_BLOCKS;
        advance(0, blocks)?;
        while block < blocks {
            let want = (blocks - block).min((CHUNK + ahead) as u64) as usize;
            let bytes = self.read_what_can_be_read(block, want);
            let mut at = 0;
            while at < want.min(CHUNK) {
                let rest = &bytes[at * self.block_len..];
                let run = match recognise(rest, block + at as u64, self.block_len) {
                    Some(found) if found.kind == PageKind::Map => {
                        maps.push(rest[..self.block_len].to_vec());
                        1
                    }
                    Some(found) if found.kind == PageKind::Free => {
                        frees.push(found.entry);
                        1
                    }
                    Some(found) => {
                        let run = if found.is_open { 1 } else { found.entry.run };
                        self.found.entry(u32_at(rest, 4)).or_default().push(found);
                        run
                    }
                    None => 1,
                };
                at += run as usize;
            }
            block += at as u64;
            advance(block.min(blocks), blocks)?;
        }
        for all in self.found.values_mut() {
            all.sort_by_key(|found| core::cmp::Reverse(found.entry.generation));
        }
        Ok((maps, frees))
    }

    /// Reads blocks; those that the disk refuses are zeros.
    fn read_what_can_be_read(&mut self, block: u64, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count * self.block_len];
        if self.file.read_at(&mut bytes, block * self.block_len as u64).is_ok() {
            return bytes;
        }
        for (at, bytes) in bytes.chunks_mut(self.block_len).enumerate() {
            if self.file.read_at(bytes, (block + at as u64) * self.block_len as u64).is_err() {
                bytes.fill(0);
            }
        }
        bytes
    }

    /// Makes up a header when the newest is lost; see the table.
    fn choose_checkpoint(
        &mut self,
        maps: &[Vec<u8>],
        frees: &[MapEntry],
        is_newer_lost: bool,
    ) -> Result<(), StorageError> {
        let mut newest = maps.iter().map(|map| u64_at(map, 16)).max();
        let known = self.header.as_ref().map(|header| header.checkpoint);
        let needed = match (known, newest) {
            (None, _) => true,
            // What the journal has is as good, and known to have been durable.
            (Some(known), Some(newest)) => {
                newest == known + 1 && is_newer_lost && !self.vfs.exists(&path_beside(&self.path))?
            }
            (Some(_), None) => false,
        };
        if !needed {
            return Ok(());
        }
        self.add("header", None, "the newest one is lost: the newest page map is taken".into());
        let images = self.found.values().flatten().map(|found| found.entry.generation).max();
        if known.is_none() && newest < images {
            // A page map is left, but of an earlier checkpoint.
            newest = images;
        }
        let checkpoint = newest.unwrap_or(1);
        let tops = maps.iter().filter(|map| u64_at(map, 16) == checkpoint && u32_at(map, 4) == 0);
        let top = tops.max_by_key(|map| u32_at(map, 12));
        let levels = top.map_or(0, |map| u32_at(map, 12) + 1);
        let highest = self.found.last_key_value().map_or(1, |(number, _)| number.saturating_add(1));
        let capacity =
            (fanout(self.block_len) as u64).checked_pow(levels).and_then(|pages| u32::try_from(pages).ok());
        let free = frees.iter().find(|entry| entry.generation == checkpoint).copied();
        let place = |wanted: &Vec<u8>| {
            // The images were read without their places; this one is looked for again, by its checksum.
            let blocks = self.file.len().unwrap_or(0) / self.block_len as u64;
            (HEADER_BLOCKS..blocks).find(|block| {
                let mut bytes = [0; PAGE_HEADER_LEN];
                self.file.read_at(&mut bytes, block * self.block_len as u64).is_ok()
                    && wanted.starts_with(&bytes)
            })
        };
        let map = top.and_then(|top| {
            let entry = MapEntry::new(place(top)?, 1, u32_at(top, 0), checkpoint);
            Some(entry)
        });
        self.is_header_made_up = true;
        self.header = Some(Header {
            checkpoint,
            clean: true,
            next_page: if map.is_some() { capacity.unwrap_or(u32::MAX).max(2) } else { highest.max(2) },
            file_len: self.file.len()? / self.block_len as u64 * self.block_len as u64,
            map: map.unwrap_or(MapEntry::NONE),
            free: free.unwrap_or(MapEntry::NONE),
            ..Header::first([0; 16], self.block_len)
        });
        Ok(())
    }

    /// Decides which images count, and verifies them.
    fn choose_images(&mut self) {
        let Some(header) = self.header.clone() else { return };
        let (mut entries, mut broken) = (Vec::new(), Vec::new());
        let mut map = PageMap::new(header.map, header.next_page, self.block_len);
        if header.map.is_none() && !self.found.is_empty() {
            broken.push((0..header.next_page, "its topmost map page is lost".into()));
        } else {
            map.survey(
                &mut |entry| self.read(entry),
                &mut |number, entry| entries.extend(number.map(|number| (number, entry))),
                &mut |pages, error| broken.push((pages, format!("{error}"))),
            );
        }
        for (number, entry) in entries {
            let outcome = self.read(entry).map_err(|error| format!("{error}"));
            let outcome = outcome.and_then(|bytes| {
                image::verify(&bytes, number, entry)?;
                let page = compression::into_page(bytes, self.block_len)?;
                let kind = kind_of(&page).ok_or("it is of no known kind")?;
                Ok((kind, TreeId(u32_at(&page, 12))))
            });
            match outcome {
                Ok((kind, tree)) => {
                    self.live.insert(number.0, Found { entry, kind, tree, is_open: false });
                }
                Err(problem) => {
                    self.lost.push(number);
                    self.add("page", Some(number), problem);
                }
            }
        }
        if broken.is_empty() {
            return;
        }
        let free = self.read_free_map(&header);
        self.is_certain = free.is_some();
        for (pages, problem) in broken {
            self.add("page map", None, problem);
            self.choose_by_search(pages, &header, free.as_ref());
        }
    }

    /// Takes the images of pages that no map page tells of.
    fn choose_by_search(&mut self, pages: Range<u32>, header: &Header, free: Option<&FreeMap>) {
        let is_free = |number: u32| {
            free.is_some_and(|free| {
                [&free.numbers, &free.pending_numbers].iter().any(|runs| runs.holds(u64::from(number)))
            })
        };
        let in_use = |entry: &MapEntry| {
            !free.is_some_and(|free| {
                [&free.blocks, &free.pending_blocks].iter().any(|runs| runs.holds(entry.block()))
            })
        };
        let mut chosen = Vec::new();
        for (&number, all) in self.found.range(pages) {
            let counts = |found: &&Found| found.entry.generation <= header.checkpoint && in_use(&found.entry);
            if !is_free(number) {
                chosen.extend(all.iter().find(counts).map(|found| (number, *found)));
            }
        }
        self.live.extend(chosen);
    }

    fn read_free_map(&mut self, header: &Header) -> Option<FreeMap> {
        let bytes = self.read(header.free).ok()?;
        let verified = image::verify(&bytes, PageNumber(0), header.free);
        let free = verified
            .map_err(|problem| StorageError::damage("free map", problem))
            .and_then(|()| FreeMap::decode(&bytes, HEADER_BLOCKS, header.blocks(), header.next_page));
        free.map_err(|error| self.add("free map", None, format!("{error}"))).ok()
    }

    /// The page whose image, found to be whole before, `entry` leads to.
    fn read_page(&self, number: PageNumber, entry: MapEntry) -> Result<Vec<u8>, StorageError> {
        let image = self.read(entry)?;
        compression::into_page(image, self.block_len)
            .map_err(|problem| StorageError::page_damage(number, problem))
    }

    fn read(&self, entry: MapEntry) -> Result<Vec<u8>, StorageError> {
        let end = (entry.block() + u64::from(entry.run)) * self.block_len as u64;
        if entry.is_none() || end > self.file.len()? {
            return Err(StorageError::damage("page map", "an image lies behind the end of the file"));
        }
        let mut bytes = vec![0; entry.run as usize * self.block_len];
        self.file.read_at(&mut bytes, entry.block() * self.block_len as u64)?;
        Ok(bytes)
    }
}

/// The image that begins `bytes`, of a file with blocks of `block_len` bytes, if one does.
fn recognise(bytes: &[u8], block: u64, block_len: usize) -> Option<Found> {
    let kind = kind_of(bytes)?;
    let (crc, class) = (u32_at(bytes, 0), bytes[9]);
    let entry = MapEntry::new(block, 1, crc, u64_at(bytes, 16));
    let found = Found { entry, kind, tree: TreeId(u32_at(bytes, 12)), is_open: false };
    if compression::is_compressed(bytes) {
        if matches!(kind, PageKind::Map | PageKind::Free) {
            return None;
        }
        let run = compression::run_of(bytes, block_len)?;
        let whole = bytes.get(4..run * block_len).is_some_and(|rest| crc32c(rest) == crc);
        let entry = entry.with_run(run as u32).compressed(true);
        return whole.then_some(Found { entry, ..found });
    }
    match (kind, class) {
        (PageKind::Value, u8::MAX) => Some(Found { is_open: true, ..found }),
        (PageKind::Free, u8::MAX) => {
            // As long as it must be, or a little longer: its own blocks were taken after it was measured.
            let mut sum = 0;
            (1..=bytes.len() / block_len).find_map(|run| {
                let start = if run == 1 { 4 } else { (run - 1) * block_len };
                sum = append(sum, &bytes[start..run * block_len]);
                (sum == crc).then_some(Found { entry: entry.with_run(run as u32), ..found })
            })
        }
        _ if CLASSES.contains(&class) => {
            let len: usize = 512 << class;
            if !len.is_multiple_of(block_len) {
                return None;
            }
            let whole = bytes.get(4..len).is_some_and(|rest| crc32c(rest) == crc);
            whole.then_some(Found { entry: entry.with_run((len / block_len) as u32), ..found })
        }
        _ => None,
    }
}
