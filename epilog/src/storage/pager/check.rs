//! [`Inspection`]: whether the file is what its newest header says: the header's copies, the page map, the free map, every
//! image, and that every block is accounted for exactly once.
//!
//! * What leads to images (headers, map pages, the free map) is read while nobody writes, and the snapshot is of that
//!   moment. The images themselves are read later, beside writers.
//! * A checkpoint may meanwhile move a page, and the one after the next write over its old image. So an image is damaged
//!   only when the map still leads to it after it was found wrong.
//! * Everything is read anew: what is in memory may be right where the file is not.

use alloc::vec::Vec;

use super::compression;
use super::frames::{Pin, Resident};
use super::free::Runs;
use super::header::{self, Copy, HEADER_BLOCKS, Header};
use super::image;
use super::images::Images;
use super::map::{MapEntry, PageMap};
use super::open::read_free_map;
use super::store::{State, Store};
use super::{PageSnapshot, Pager};
use crate::ordered::BTreeSet;
use crate::storage::error::Corruption;
use crate::storage::page::{PageKind, PageNumber, kind_of};
use crate::storage::{StorageError, StorageFault};

/// The file as of its last checkpoint, and the pages as of one commit at that moment or later.
pub struct Inspection<'p> {
    snapshot: PageSnapshot<'p>,
    images: Option<&'p Images>,
    found: Found,
}

/// What was found of the file at one moment.
#[derive(Default)]
struct Found {
    /// What the map leads to, by page number.
    entries: Vec<(PageNumber, MapEntry)>,
    /// The pages that exist in the snapshot, by number; where the map could not be read, those that are known to.
    existing: BTreeSet<PageNumber>,
    damage: Vec<Corruption>,
}

impl Pager {
    /// Begins to verify the file; nothing is written meanwhile, so it takes no longer than reading the page map. In memory
    /// there is no file, and only the snapshot.
    ///
    /// # Errors
    ///
    /// When the file's length cannot be found out.
    pub fn inspect(&self) -> Result<Inspection<'_>, StorageError> {
        // Nothing is given out, and no header takes another's place, while these are held.
        let _lease = self.shared.lease.lock();
        let store = self.shared.store.as_ref();
        let state = store.map(|store| store.state.lock());
        let numbers = self.shared.numbers.lock();
        let pin = Pin::new(&self.shared.frames);
        let mut found = Found::default();
        let images = self.shared.images.as_deref();
        if let (Some(images), Some(store), Some(state)) = (images, store, &state)
            && !state.is_new
        {
            found.check_headers(images, store, state)?;
            found.check_blocks(images, &state.header);
        }
        match &state {
            // What is not in the map was changed since the header, whose next page number may be any if it is damaged.
            Some(state) => found.find_existing(&pin, state.changed_pages()),
            None => found.find_existing(&pin, (1..numbers.next).map(PageNumber)),
        }
        Ok(Inspection { snapshot: PageSnapshot { pin: pin.into_snapshot() }, images, found })
    }

    /// Verifies the file as of its last checkpoint: the header's copies, the image of every page, the page map, the free
    /// map, and that each block is a header's, an image's, free or about to be free, and only one of these. Reads the whole
    /// file; what was committed since is in the journal, and not looked at.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Corruption`] with the first thing that is wrong; a failure of reading.
    pub fn check(&self) -> Result<(), StorageError> {
        let fail = |damage: Corruption| Err(StorageFault::from(damage).into());
        let inspection = self.inspect()?;
        if let Some(first) = inspection.found.damage.first() {
            return fail(first.clone());
        }
        inspection.check_images(&mut |_, damage| damage.map_or(Ok(()), fail))
    }
}

impl<'p> Inspection<'p> {
    /// The pages, as of one commit.
    pub fn snapshot(&self) -> &PageSnapshot<'p> {
        &self.snapshot
    }

    /// What is wrong with headers, page map and free map.
    pub fn damage(&self) -> &[Corruption] {
        &self.found.damage
    }

    /// How many images of pages the map leads to.
    pub fn image_count(&self) -> usize {
        self.found.entries.len()
    }

    /// The pages that exist in the snapshot. Where the map cannot be read, some may be missing.
    pub fn existing(&self) -> impl Iterator<Item = PageNumber> {
        self.found.existing.iter().copied()
    }

    /// Verifies the images of all pages; tells `each` the bytes of each and what is wrong with it.
    ///
    /// # Errors
    ///
    /// What `each` fails with, which ends the check.
    pub fn check_images(
        &self,
        each: &mut dyn FnMut(u64, Option<Corruption>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let Some(images) = self.images else { return Ok(()) };
        self.found.entries.iter().try_for_each(|&(number, entry)| {
            let problem = check_image(images, number, entry);
            let damage = problem.map(|problem| Corruption { place: "page", page: Some(number), problem });
            each(u64::from(entry.run) * images.block_len() as u64, damage)
        })
    }
}

impl Found {
    /// Finds the pages that exist, those in the map and `others`. Done at once, since a page that was given up is forgotten
    /// in time.
    fn find_existing(&mut self, pin: &Pin<'_>, others: impl Iterator<Item = PageNumber>) {
        let mapped: BTreeSet<PageNumber> = self.entries.iter().map(|(number, _)| *number).collect();
        let exists = |number: &PageNumber| match pin.resident(*number) {
            Resident::Page(_) | Resident::Stored => true,
            Resident::Freed => false,
            Resident::Cold => mapped.contains(number),
        };
        self.existing = mapped.iter().copied().chain(others).filter(exists).collect();
    }

    fn add(&mut self, place: &'static str, problem: alloc::string::String) {
        self.damage.push(Corruption { place, page: None, problem });
    }

    /// Both copies of the newest header must be there when this handle wrote them. When they were read, and so must those of
    /// the header before, unless a process or the power may have gone between the copies: then the journal is there, or the
    /// header is not clean.
    fn check_headers(&mut self, images: &Images, store: &Store, state: &State) -> Result<(), StorageError> {
        let newest = &state.header;
        let settled = newest.clean && newest.checkpoint > 1 && !store.vfs.exists(&store.journal_path)?;
        for block in 0..HEADER_BLOCKS {
            let mut bytes = vec![0; header::HEADER_LEN];
            let found = match images.file().read_at(&mut bytes, block * newest.block_len as u64) {
                Ok(()) => header::decode(&bytes, block / 2, newest.block_len),
                Err(_) => Copy::Other,
            };
            let (is_newest, copy) = (block / 2 == newest.checkpoint % 2, block % 2);
            let expected = if is_newest { newest.checkpoint } else { newest.checkpoint - 1 };
            let is_whole = match &found {
                Copy::Whole(found) if is_newest => found == newest,
                Copy::Whole(found) => found.checkpoint == expected,
                _ => false,
            };
            if !is_whole && (settled || is_newest && state.has_written_header()) {
                let slot = block / 2;
                self.add(
                    "header",
                    format!("copy {copy} of slot {slot}, of checkpoint {expected}, is not whole"),
                );
            }
        }
        Ok(())
    }

    /// Walks the map and the free map: every block is accounted for once.
    fn check_blocks(&mut self, images: &Images, header: &Header) {
        let mut used = Runs::new();
        used.insert(0, HEADER_BLOCKS);
        let mut claimed = Vec::new();
        let mut broken = Vec::new();
        let mut map = PageMap::new(header.map, header.next_page, header.block_len);
        map.survey(
            &mut |entry| images.read(entry),
            &mut |number, entry| claimed.push((number, entry)),
            &mut |pages, error| {
                let problem = match error.into_fault() {
                    StorageFault::Corruption(damage) => damage.problem,
                    other => format!("{other}"),
                };
                broken.push(format!("{problem}; it leads to pages {} to {}", pages.start, pages.end - 1));
            },
        );
        let is_map_whole = broken.is_empty();
        broken.into_iter().for_each(|problem| self.add("page map", problem));
        for (number, entry) in claimed {
            if !used.insert(entry.block(), u64::from(entry.run)) {
                let what = number.map_or_else(|| "a map page".into(), |number| format!("page {number}"));
                self.add("page map", format!("{what} lies at block {}, which is in use", entry.block()));
            }
            if entry.generation > header.checkpoint {
                let problem = format!(
                    "an entry is of checkpoint {}, the newest is {}",
                    entry.generation, header.checkpoint
                );
                self.add("page map", problem);
            }
            if entry.is_compressed() && !header.has_compressed {
                let problem = "an image is compressed, and the header says that none is".into();
                self.add("page map", problem);
            }
            self.entries.extend(number.map(|number| (number, entry)));
        }
        if !header.free.is_none() && !used.insert(header.free.block(), u64::from(header.free.run)) {
            self.add(
                "page map",
                format!("the free map lies at block {}, which is in use", header.free.block()),
            );
        }
        let free = match read_free_map(images, header).map_err(StorageError::into_fault) {
            Ok(free) => free,
            Err(StorageFault::Corruption(damage)) => return self.add("free map", damage.problem),
            Err(fault) => return self.add("free map", format!("{fault}")),
        };
        if !(used.extend(&free.blocks) && used.extend(&free.pending_blocks)) {
            self.add("free map", "a block that is in use is free".into());
        }
        let blocks = header.blocks();
        if is_map_whole && used.iter().ne([(0, blocks)]) {
            let runs = used.count();
            let problem =
                format!("of {blocks} blocks some are neither used nor free: {runs} runs are accounted for");
            self.add("free map", problem);
        }
        let is_free = |number: &PageNumber| {
            [&free.numbers, &free.pending_numbers].into_iter().any(|runs| runs.holds(u64::from(number.0)))
        };
        let both: Vec<PageNumber> =
            self.entries.iter().map(|(number, _)| *number).filter(|number| is_free(number)).collect();
        for page in both {
            let problem = "its number is free, but it has an image".into();
            self.damage.push(Corruption { place: "free map", page: Some(page), problem });
        }
    }
}

/// What is wrong with the image of page `number`, which the map led to with `entry`.
fn check_image(images: &Images, number: PageNumber, mut entry: MapEntry) -> Option<alloc::string::String> {
    loop {
        let problem = match images.read(entry) {
            Ok(bytes) => {
                let page = image::verify(&bytes, number, entry)
                    .and_then(|()| compression::into_page(bytes, images.block_len()));
                match page.and_then(|page| check_kind(&page)) {
                    Ok(()) => return None,
                    Err(problem) => problem,
                }
            }
            Err(error) => format!("its image at block {} cannot be read: {error}", entry.block()),
        };
        match images.entry(number) {
            Ok(now) if now == entry => return Some(problem),
            Ok(now) if now.is_none() => return None,
            Ok(now) => entry = now,
            Err(_) => return Some(problem),
        }
    }
}

/// A page's image is of a kind that pages have, and as long as it says.
fn check_kind(bytes: &[u8]) -> Result<(), alloc::string::String> {
    let (kind, class) = (kind_of(bytes), bytes[9]);
    let is_page = kind.is_some_and(|kind| !matches!(kind, PageKind::Map | PageKind::Free));
    let fits = match kind {
        Some(PageKind::Value) => class == u8::MAX,
        _ => 512usize.checked_shl(class.into()) == Some(bytes.len()),
    };
    match is_page && fits {
        true => Ok(()),
        false => {
            Err(format!("an image of kind {} and size class {class} has {} bytes", bytes[8], bytes.len()))
        }
    }
}
