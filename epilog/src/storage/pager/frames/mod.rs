//! [`FrameTable`]: from page number to the bytes a reader may see, without a lock.
//!
//! Above: [`PageSnapshot`](super::PageSnapshot) and the page writer. Below: [`Images`], which loads what is not in memory.
//!
//! A page number leads through a directory of chunks (each twice as long as the one before) to a slot, one load at each
//! of the two levels. The slot's word is one of
//!
//! | word | meaning |
//! |---|---|
//! | null | cold: the page map knows |
//! | a buffer | the one version that every reader, present or future, sees |
//! | a buffer, cooling | as above; evicted next, unless somebody touches it |
//! | a buffer, fresh | as above; read ahead, and nobody has touched it |
//! | a node | a chain of versions, newest first: `{commit, previous, buffer or image}`; without either: freed by that commit |
//!
//! so that a hit reads the slot and then the page, and writes nothing that is shared.
//!
//! # Heads
//!
//! Versions up to the *staged* commit hang in the chains; readers begin at the *published* one, which follows. A writer
//! stages commit after commit, reading at the staged head itself; whoever made them durable publishes them, several at
//! once if need be. What a program wants to look back at is *retained*: readers may also begin at any commit from there
//! to the published one. So from the *floor*, the smaller of the published and the retained commit, readers can begin
//! anywhere, or will be able to; before it nowhere.
//!
//! # Invariants
//!
//! * Bytes that a slot or a node leads to never change. A writer's buffers hang in a word of their own (`staged`) which
//!   only the one [`Staging`] touches, and move into the chain when their commit is staged.
//! * A version is visible to the pins in `commit..below`, `below` being the commit of the next newer one. When that lies
//!   at or before the floor and a scan of the pins finds none in there, its buffer is freed at once: readers of older
//!   commits may walk past its node, but never take its buffer, and no reader can begin before the floor (see
//!   [`Pins`]).
//! * Everything is read within an operation. An unlinked node, and a buffer that was evicted, is freed when no operation
//!   is left that ran then: only such a one can stand on it.
//! * A chain of one node collapses into a bare buffer when neither a pin nor the floor is older than it.
//! * Unlinking, collapsing, evicting and freeing happen under the lock of [`Reclaim`]. The writer puts its nodes in front
//!   without the lock. Readers change words only from null to a buffer they loaded (in a slot, or in a node that has an
//!   image), and take back its cooling. A slot's word is changed by compare-and-swap, whoever does it.
//! * Every version that is kept for a pin is noted under that pin (its witness) and looked at again when it goes. Every
//!   page with a version newer than the floor waits under its commit, and is looked at again when the floor is there.
//!
//! # Loading
//!
//! A reader of commit *q* finds a slot empty, asks the page map, reads, and hangs the buffer up if the slot is still empty.
//! What it hangs up is what every reader sees: had a commit *c* after *q* changed the page, its chain would still be
//! there, since *q* is older than *c* and keeps it from collapsing; a commit up to *q* had hung its version before *q*
//! could be pinned, so the slot was emptied by evicting that version, after the map had been given its image.
//!
//! A reader that is held up between the slot and the map may find there what a commit after its own made of the page, or that
//! it is gone. Then the slot is not empty any more: it looks again.
//!
//! When the writer changes a page that is cold, the image that the map has becomes the chain's last node, for readers of
//! older commits. Its blocks are not used again while such readers are there ([`Space`](super::space::Space)).

#![allow(unsafe_code)]

mod buffer;
#[cfg(shuttle)]
mod dead;
mod evict;
mod pin;
mod rooms;
mod staging;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr::{NonNull, null_mut};

use super::images::Images;
use super::map::MapEntry;
use super::pins::{Pins, newest_within};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::storage::StorageError;
#[cfg(not(shuttle))]
use crate::storage::StorageFault;
use crate::storage::page::PageNumber;
use crate::storage::planted::{self, Bug};
use crate::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard};

use buffer::Head;
pub(super) use buffer::{Buffer, Memory};
use evict::Garbage;
pub(super) use pin::{Operation, Pin, Resident, SnapshotPin};
pub(super) use staging::{Staged, Staging, Stored};

/// The first chunk has two to the power of this many slots.
const FIRST_BITS: u32 = if cfg!(shuttle) {
    2
} else if cfg!(feature = "small") {
    5
} else {
    10
};
/// Chunks enough for every page number there is.
const CHUNKS: usize = 33 - FIRST_BITS as usize;

/// Where one page's versions hang.
struct Slot {
    /// What readers see; the table in the module's documentation.
    published: AtomicPtr<u8>,
    /// What the writer has; see [`staging`].
    staged: AtomicPtr<u8>,
}

/// So many slots of cold pages. They cost memory when they are used, where the operating system gives it then.
#[cfg(not(shuttle))]
fn empty_slots(count: usize) -> Result<Box<[Slot]>, StorageError> {
    let none =
        || StorageError::from(StorageFault::OutOfMemory { bytes: count.saturating_mul(size_of::<Slot>()) });
    let layout = core::alloc::Layout::array::<Slot>(count).map_err(|_| none())?;
    // SAFETY: the layout is not empty, as there are slots and each has a size.
    let slots = unsafe { alloc::alloc::alloc_zeroed(layout) }.cast::<Slot>();
    if slots.is_null() {
        return Err(none());
    }
    // SAFETY: it was allocated by the global allocator with the layout of so many slots, and null pointers, whose bytes
    // are zeros, are what a slot of a cold page has.
    Ok(unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(slots, count)) })
}

/// So many slots of cold pages.
#[cfg(shuttle)]
fn empty_slots(count: usize) -> Result<Box<[Slot]>, StorageError> {
    let cold = || Slot { published: AtomicPtr::new(null_mut()), staged: AtomicPtr::new(null_mut()) };
    Ok((0..count).map(|_| cold()).collect())
}

/// One version of a page, in its chain.
struct Node {
    commit: u64,
    previous: AtomicPtr<Node>,
    /// Null: it has to be loaded from the image, or the page was freed by the commit.
    buffer: AtomicPtr<Head>,
    /// `None`: the buffer is all there is, or the page was freed.
    image: Option<MapEntry>,
}

impl Node {
    fn new(commit: u64, buffer: Option<NonNull<Head>>, image: Option<MapEntry>) -> Node {
        let buffer = buffer.map_or(null_mut(), NonNull::as_ptr);
        Node { commit, previous: AtomicPtr::new(null_mut()), buffer: AtomicPtr::new(buffer), image }
    }

    /// The version's bytes, if they are in memory.
    fn buffer(&self) -> Option<NonNull<Head>> {
        NonNull::new(self.buffer.load(Ordering::Acquire))
    }

    /// Whether the page was freed by the commit.
    fn is_freed(&self) -> bool {
        self.image.is_none() && self.buffer().is_none()
    }
}

/// A slot's word, taken apart.
#[derive(Clone, Copy)]
enum Word {
    Cold,
    Bare(NonNull<Head>, Heat),
    Chain(NonNull<Node>),
}

/// How long ago somebody touched a bare buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Heat {
    Warm,
    Cooling,
    Fresh,
}

const CHAIN: usize = 1;
const COOLING: usize = 2;
const FRESH: usize = 4;
const TAGS: usize = CHAIN | COOLING | FRESH;

const _: () = assert!(align_of::<Head>() > TAGS && align_of::<Node>() > TAGS);

impl Word {
    #[inline]
    fn of(word: *mut u8) -> Word {
        let tags = word.addr() & TAGS;
        let Some(address) = NonNull::new(word.map_addr(|address| address & !TAGS)) else {
            return Word::Cold;
        };
        match tags {
            CHAIN => Word::Chain(address.cast()),
            COOLING => Word::Bare(address.cast(), Heat::Cooling),
            FRESH => Word::Bare(address.cast(), Heat::Fresh),
            _ => Word::Bare(address.cast(), Heat::Warm),
        }
    }

    /// The buffer of a word that is one, warm.
    #[inline]
    fn warm(word: *mut u8) -> Option<NonNull<Head>> {
        if word.addr() & TAGS == 0 { NonNull::new(word.cast()) } else { None }
    }

    fn of_node(node: NonNull<Node>) -> *mut u8 {
        node.as_ptr().cast::<u8>().map_addr(|address| address | CHAIN)
    }

    fn of_buffer(head: NonNull<Head>, heat: Heat) -> *mut u8 {
        let tag = match heat {
            Heat::Warm => 0,
            Heat::Cooling => COOLING,
            Heat::Fresh => FRESH,
        };
        head.as_ptr().cast::<u8>().map_addr(|address| address | tag)
    }
}

/// What waits to be dropped or looked at again.
#[derive(Default)]
struct Reclaim {
    /// Pages with versions kept for this pin.
    kept: BTreeMap<u64, BTreeSet<PageNumber>>,
    /// Pages with a version of this commit, which is newer than the floor; ascending.
    waiting: VecDeque<(u64, Vec<PageNumber>)>,
    /// Pages whose only version is an image that the page map does not name yet, with its commit.
    unnamed: BTreeSet<(u64, PageNumber)>,
    /// Unlinked since the epoch last moved on.
    unlinked: Vec<Garbage>,
    /// Unlinked, with the epoch that was then.
    limbo: VecDeque<(u64, Garbage)>,
    /// The page number that eviction looks at next.
    hand: u32,
    /// Kept between scans to spare allocations.
    pins: Vec<u64>,
}

// SAFETY: the nodes and buffers in it are unlinked, and belong to whoever holds the value.
unsafe impl Send for Reclaim {}

/// From page number to versions.
pub(super) struct FrameTable {
    directory: [AtomicPtr<Slot>; CHUNKS],
    staged: AtomicU64,
    published: AtomicU64,
    /// Changed under the lock of `reclaim` only.
    retained: AtomicU64,
    pins: Pins,
    staging: AtomicBool,
    reclaim: Mutex<Reclaim>,
    /// Moves on with everything that is unlinked; see [`Pins`].
    epoch: AtomicU64,
    /// Whether `reclaim` keeps a version for some pin.
    keeps: AtomicBool,
    /// The oldest epoch of an operation that keeps something in limbo; 0: nothing is kept.
    blocked: AtomicU64,
    /// A reader has left, or ended an operation, and found `reclaim` locked.
    left: AtomicBool,
    versions: AtomicUsize,
    images: Option<Arc<Images>>,
    /// Counts all buffers: those of versions, the writer's, and those in limbo.
    memory: Memory,
    /// The bytes of buffers in limbo.
    limbo_bytes: AtomicUsize,
    /// What buffers may take, in bytes, as far as evicting helps.
    cache_bytes: usize,
    /// What a query may keep of rows in memory, if the options say so.
    #[cfg(not(feature = "small"))]
    query_bytes: Option<usize>,
    /// Eviction is tried when buffers take more than this, in bytes: more than may be when it could not help last time.
    evict_above: AtomicUsize,
    /// The page map names the images of all versions up to this commit that nothing newer has replaced.
    checkpointed: AtomicU64,
}

/// A page that a commit changed or freed; see [`FrameTable::stage`].
pub(super) struct Change {
    /// The page.
    pub(super) number: PageNumber,
    /// Where its image lies, when it is freed and may be cold.
    pub(super) image: Option<MapEntry>,
}

impl FrameTable {
    /// An empty table at `commit`, of which `images` has all pages. Buffers shall take up to `cache_bytes`; those that are
    /// nowhere else take what they need.
    pub(super) fn new(commit: u64, images: Option<Arc<Images>>, cache_bytes: usize) -> FrameTable {
        let memory = images.as_ref().map_or_else(Memory::with_rooms, |images| images.memory().clone());
        FrameTable {
            directory: [const { AtomicPtr::new(null_mut()) }; CHUNKS],
            staged: AtomicU64::new(commit),
            published: AtomicU64::new(commit),
            retained: AtomicU64::new(u64::MAX),
            pins: Pins::new(),
            staging: AtomicBool::new(false),
            reclaim: Mutex::new(Reclaim::default()),
            epoch: AtomicU64::new(1),
            keeps: AtomicBool::new(false),
            blocked: AtomicU64::new(0),
            left: AtomicBool::new(false),
            versions: AtomicUsize::new(0),
            images,
            memory,
            limbo_bytes: AtomicUsize::new(0),
            cache_bytes,
            #[cfg(not(feature = "small"))]
            query_bytes: None,
            evict_above: AtomicUsize::new(cache_bytes),
            checkpointed: AtomicU64::new(commit),
        }
    }

    /// Keeps what snapshots are asked for of the options.
    #[cfg(not(feature = "small"))]
    pub(super) fn take_options(&mut self, options: &super::PagerOptions) {
        self.query_bytes = options.query_bytes;
    }

    /// The newest commit whose versions hang in the chains.
    pub(super) fn staged(&self) -> u64 {
        self.staged.load(Ordering::Acquire)
    }

    /// The commit that new readers see, at most the staged one.
    pub(super) fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// No reader can begin before this commit, now or later.
    pub(super) fn floor(&self) -> u64 {
        // A retained commit is never before the commit published when retaining began, so it does not matter that both
        // may move between the two loads.
        self.published().min(self.retained.load(Ordering::Acquire))
    }

    /// Buffers that readers can reach.
    pub(super) fn versions(&self) -> usize {
        self.versions.load(Ordering::Relaxed)
    }

    /// The oldest commit that anybody reads, or may begin to read.
    pub(super) fn oldest(&self) -> u64 {
        // Loaded first: a reader that opens after the scan pins this commit or a newer one.
        let floor = self.floor();
        let mut pins = Vec::new();
        self.pins.scan(&mut pins);
        pins.first().map_or(floor, |&pin| pin.min(floor))
    }

    /// The chunk and the position in it of page `number`.
    #[inline]
    fn place(number: PageNumber) -> (usize, usize) {
        let at = u64::from(number.0) + (1 << FIRST_BITS);
        let bits = at.ilog2();
        ((bits - FIRST_BITS) as usize, (at - (1 << bits)) as usize)
    }

    /// The slot of page `number`, if its chunk exists.
    #[inline]
    fn slot(&self, number: PageNumber) -> Option<&Slot> {
        let (chunk, at) = FrameTable::place(number);
        let slots = self.directory[chunk].load(Ordering::Acquire);
        if slots.is_null() {
            return None;
        }
        // SAFETY: chunk `chunk` has 2^(FIRST_BITS + chunk) initialised slots, more than `at`, and lives as long as the
        // table. Its pointer was published with release by whoever made it.
        Some(unsafe { &*slots.add(at) })
    }

    /// The slot of page `number`, whose chunk is made if need be: only for page numbers that exist.
    fn slot_or_make(&self, number: PageNumber) -> &Slot {
        self.try_slot(number).unwrap_or_else(|_| {
            alloc::alloc::handle_alloc_error(core::alloc::Layout::new::<Slot>());
        })
    }

    /// Makes sure that page `number` has a slot.
    ///
    /// # Errors
    ///
    /// [`StorageFault::OutOfMemory`]: a file may say that it has any page number.
    pub(super) fn reserve(&self, number: PageNumber) -> Result<(), StorageError> {
        self.try_slot(number).map(drop)
    }

    /// As [`slot_or_make`](FrameTable::slot_or_make), with an error when there is no memory for the chunk.
    fn try_slot(&self, number: PageNumber) -> Result<&Slot, StorageError> {
        if let Some(slot) = self.slot(number) {
            return Ok(slot);
        }
        let (chunk, _) = FrameTable::place(number);
        let slots = empty_slots(1usize << (FIRST_BITS as usize + chunk))?;
        let slots = Box::into_raw(slots);
        let raced = self.directory[chunk].compare_exchange(
            null_mut(),
            slots.cast::<Slot>(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        if raced.is_err() {
            // SAFETY: it came from `into_raw` above, and nobody else has seen it.
            drop(unsafe { Box::from_raw(slots) });
        }
        Ok(self.slot(number).unwrap_or_else(|| unreachable!("the chunk has just been made")))
    }

    /// The bytes of page `number` that a reader of `commit` sees.
    ///
    /// # Safety
    ///
    /// `commit` stays pinned in this table's pins, by a reader with a running operation, for as long as the bytes are
    /// borrowed.
    #[inline]
    unsafe fn page(&self, commit: u64, number: PageNumber) -> Result<&[u8], StorageError> {
        if let Some(slot) = self.slot(number) {
            // Pairs with the exchange that hung the buffer up, whose bytes were written before. Sequentially consistent,
            // which costs no more than acquiring here, for the sake of eviction: see `Pins`.
            if let Some(head) = Word::warm(slot.published.load(Ordering::SeqCst)) {
                // SAFETY: a bare buffer is visible to every pin, this one included, so it is not dropped while the pin
                // lasts; nor, being evicted, before the operation ends; published bytes never change.
                return Ok(unsafe { Buffer::bytes(head) });
            }
        }
        // SAFETY: as the caller promises.
        unsafe { self.page_slow(commit, number) }
    }

    /// Asks for the head of a page, its header and where its rows begin, should it have one version that is warm.
    #[cfg(not(feature = "small"))]
    #[inline]
    fn bring_near(&self, number: PageNumber) {
        let word = self.slot(number).map(|slot| slot.published.load(Ordering::Relaxed));
        if let Some(head) = word.and_then(Word::warm) {
            // Where it leads to may be gone by now, which is none the worse: nothing is read.
            crate::storage::near::bring(head.as_ptr().cast(), 4);
        }
    }

    /// Whether something of page `number` is in memory, be it another version than the one that is read.
    #[cfg(not(feature = "small"))]
    fn is_cached(&self, number: PageNumber) -> bool {
        let word = self.slot(number).map_or(null_mut(), |slot| slot.published.load(Ordering::Relaxed));
        !matches!(Word::of(word), Word::Cold)
    }

    /// How many pages have been read from the file.
    #[cfg(not(feature = "small"))]
    fn pages_loaded(&self) -> u64 {
        self.images.as_ref().map_or(0, |images| images.loaded.load(Ordering::Relaxed))
    }

    /// [`page`](FrameTable::page) for pages with several versions, none yet, or one that nobody has touched for long.
    ///
    /// # Safety
    ///
    /// As there.
    #[cold]
    unsafe fn page_slow(&self, commit: u64, number: PageNumber) -> Result<&[u8], StorageError> {
        loop {
            let slot = self.slot(number);
            let word = slot.map_or(null_mut(), |slot| slot.published.load(Ordering::SeqCst));
            let node = match Word::of(word) {
                Word::Bare(head, heat) => {
                    let warmer = match heat {
                        Heat::Fresh => Heat::Cooling,
                        Heat::Cooling | Heat::Warm => Heat::Warm,
                    };
                    if let Some(slot) = slot.filter(|_| heat != Heat::Warm) {
                        let warmer = Word::of_buffer(head, warmer);
                        // It fails when someone else does the same, evicts it or changes the page; all that is right.
                        let _ = slot.published.compare_exchange(
                            word,
                            warmer,
                            Ordering::SeqCst,
                            Ordering::Relaxed,
                        );
                    }
                    // SAFETY: as in `page`.
                    return Ok(unsafe { Buffer::bytes(head) });
                }
                Word::Cold => {
                    let Some(head) = self.load(number)? else { continue };
                    // SAFETY: as in `page`: it was hung up a moment ago, within this operation.
                    return Ok(unsafe { Buffer::bytes(head) });
                }
                Word::Chain(node) => node,
            };
            // SAFETY: as the caller promises.
            let Some(version) = (unsafe { self.version(commit, node) }) else { return Err(absent(number)) };
            let head = match (version.buffer(), version.image) {
                (Some(head), _) => head,
                (None, Some(image)) => self.load_version(number, version, image)?,
                (None, None) => return Err(absent(number)),
            };
            // SAFETY: `commit` lies in this version's interval, as the next newer one is not visible; it stays
            // pinned while the bytes are borrowed, so the buffer is not freed; published bytes never change.
            return Ok(unsafe { Buffer::bytes(head) });
        }
    }

    /// The version that a reader of `commit` sees, from `node` on.
    ///
    /// # Safety
    ///
    /// As [`page`](FrameTable::page); `node` was loaded from a slot within the operation.
    unsafe fn version(&self, commit: u64, mut node: NonNull<Node>) -> Option<&Node> {
        loop {
            // SAFETY: the node was linked when its pointer was loaded, so the operation ran when it was unlinked, if it
            // has been; such nodes are not freed before the operation has ended.
            let version = unsafe { node.as_ref() };
            #[cfg(shuttle)]
            assert_ne!(version.commit, dead::NODE, "a reader stands on a node that was freed");
            if version.commit <= commit {
                return Some(version);
            }
            node = NonNull::new(version.previous.load(Ordering::SeqCst))?;
        }
    }

    /// Loads page `number`, whose slot was found empty, and hangs it up; `None` when someone else was faster.
    fn load(&self, number: PageNumber) -> Result<Option<NonNull<Head>>, StorageError> {
        let Some(images) = &self.images else { return Err(absent(number)) };
        // Only a page that the map does not have could be wanted by nobody.
        let is_cold = |number| {
            let word = self.slot(number).map_or(null_mut(), |slot| slot.published.load(Ordering::SeqCst));
            word.is_null()
        };
        let loaded = match images.load(number, self.cache_bytes / 16, &is_cold) {
            Ok(loaded) => loaded,
            // A commit has changed or freed the page since the slot was found empty, and the map has been told: what this
            // reader is to see hangs in the chain now.
            Err(_) if !is_cold(number) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut found = None;
        for (at, (number, buffer)) in loaded.into_iter().enumerate() {
            // The first is the one that was asked for.
            let heat = if at == 0 { Heat::Cooling } else { Heat::Fresh };
            let place = &self.try_slot(number)?.published;
            let head = buffer.into_raw();
            let word = Word::of_buffer(head, heat);
            if place.compare_exchange(null_mut(), word, Ordering::SeqCst, Ordering::Relaxed).is_err() {
                // SAFETY: it was given up above, and nobody else has seen it.
                drop(unsafe { Buffer::from_raw(head) });
                continue;
            }
            self.versions.fetch_add(1, Ordering::Relaxed);
            if at == 0 {
                found = Some(head);
            }
        }
        self.make_room();
        Ok(found)
    }

    /// Loads a version whose image has not been needed yet.
    fn load_version(
        &self,
        number: PageNumber,
        version: &Node,
        image: MapEntry,
    ) -> Result<NonNull<Head>, StorageError> {
        let Some(images) = &self.images else { return Err(absent(number)) };
        let mut buffer = images.load_at(number, image)?;
        buffer.set_commit(version.commit);
        let head = buffer.into_raw();
        let swap =
            version.buffer.compare_exchange(null_mut(), head.as_ptr(), Ordering::SeqCst, Ordering::Acquire);
        match swap {
            Ok(_) => {
                self.versions.fetch_add(1, Ordering::Relaxed);
                self.make_room();
                Ok(head)
            }
            Err(other) => {
                // SAFETY: it was given up above, and nobody else has seen it.
                drop(unsafe { Buffer::from_raw(head) });
                NonNull::new(other).ok_or_else(|| absent(number))
            }
        }
    }

    /// Hangs what the writer staged for `changes` into the chains as `commit`, the one after the staged commit. Only
    /// pins of the staged head see it, until it is published.
    ///
    /// The writer's `pin` moves on to `commit`, as it needs nothing older any more.
    pub(super) fn stage(
        &self,
        staging: &mut Staging<'_>,
        pin: &mut Pin<'_>,
        commit: u64,
        changes: &[Change],
    ) {
        assert!(commit > self.staged(), "commits are staged in order");
        pin.operate();
        let mut numbers = Vec::with_capacity(changes.len());
        for change in changes {
            let Some(staged) = staging.take(change.number) else { continue };
            let node = match staged {
                Staged::Page(mut buffer) => {
                    buffer.set_commit(commit);
                    self.versions.fetch_add(1, Ordering::Relaxed);
                    Node::new(commit, Some(buffer.into_raw()), None)
                }
                Staged::Stored(stored) => Node::new(commit, None, Some(stored.entry)),
                Staged::Freed => Node::new(commit, None, None),
            };
            self.hang(change, node);
            numbers.push(change.number);
        }
        self.reclaim.lock().waiting.push_back((commit, numbers));
        self.staged.store(commit, Ordering::SeqCst);
        self.pins.repin(pin.claim(), commit);
        pin.moved_to(commit);
        self.make_room();
    }

    /// Puts `node` in front of a page's chain.
    fn hang(&self, change: &Change, node: Node) {
        let node = NonNull::from(Box::leak(Box::new(node)));
        let slot = self.slot_or_make(change.number);
        let mut word = slot.published.load(Ordering::SeqCst);
        loop {
            // What becomes the chain's last node, if it is none yet.
            let last = match Word::of(word) {
                Word::Chain(_) => None,
                // What the map has of a cold page is what readers of older commits see.
                Word::Cold => self.image(change).map(|image| Node::new(0, None, Some(image))),
                Word::Bare(head, _) => {
                    // SAFETY: the head belongs to a buffer that was bare within the writer's operation, so that it is
                    // not freed if it has been evicted meanwhile.
                    Some(Node::new(unsafe { head.as_ref() }.commit, Some(head), None))
                }
            };
            let last = last.map(|last| Box::into_raw(Box::new(last)));
            let previous = match (Word::of(word), last) {
                (Word::Chain(previous), _) => previous.as_ptr(),
                (_, last) => last.unwrap_or(null_mut()),
            };
            // SAFETY: the node is ours until the exchange below succeeds.
            unsafe { node.as_ref() }.previous.store(previous, Ordering::Relaxed);
            // The node, its buffer's bytes and the last node are written before.
            let swap = slot.published.compare_exchange(
                word,
                Word::of_node(node),
                Ordering::SeqCst,
                Ordering::SeqCst,
            );
            match swap {
                Ok(_) => return,
                // A reader loaded the cold page or warmed it in between, it was evicted, or the chain collapsed.
                Err(now) => word = now,
            }
            if let Some(last) = last {
                // SAFETY: made above, and nobody else has seen it; its buffer still belongs to the slot.
                drop(unsafe { Box::from_raw(last) });
            }
        }
    }

    /// Where the image of a page lies that is about to be changed and is not in memory.
    fn image(&self, change: &Change) -> Option<MapEntry> {
        let images = self.images.as_ref()?;
        let entry = change.image.map_or_else(|| images.entry(change.number), Ok);
        // A page that is changed was read before, by way of the map page in question, which then stays in memory; one that
        // is freed has its entry with it.
        entry.ok().filter(|entry| !entry.is_none())
    }

    /// Makes everything up to `commit`, which is staged, visible to readers that begin from now on. They see all of a
    /// commit or nothing: they skip versions younger than themselves, and nobody reads as of `commit` before the counter
    /// says so. When it says more already, nothing changes.
    pub(super) fn publish(&self, commit: u64) {
        assert!(commit <= self.staged(), "what is published has been staged");
        if self.published.fetch_max(commit, Ordering::SeqCst) < commit {
            self.advance(self.reclaim.lock());
        }
    }

    /// Keeps the versions of all commits from `floor` on, so that [`Pin::at`] finds them. What was let go before stays
    /// so: the floor only rises, and at first it is at least the published commit. `u64::MAX` ends it: then the next call
    /// is a first one again.
    pub(super) fn retain(&self, floor: u64) {
        let reclaim = self.reclaim.lock();
        let floor = match (self.retained.load(Ordering::Acquire), floor) {
            (u64::MAX, u64::MAX) => return,
            (u64::MAX, floor) => floor.max(self.published()),
            (now, floor) => floor.max(now),
        };
        self.retained.store(floor, Ordering::SeqCst);
        self.advance(reclaim);
    }

    /// Looks at the pages that have waited for the floor to come where it is.
    fn advance(&self, mut reclaim: MutexGuard<'_, Reclaim>) {
        let sight = self.look(&mut reclaim);
        while reclaim.waiting.front().is_some_and(|(commit, _)| *commit <= sight.floor) {
            for number in reclaim.waiting.pop_front().map_or(Vec::new(), |(_, numbers)| numbers) {
                self.settle(number, &sight, &mut reclaim);
            }
        }
        reclaim.pins = sight.pins;
        self.sweep(&mut reclaim);
        drop(reclaim);
        self.sweep_for_those_who_left();
    }

    /// Who reads what, and where readers can begin.
    fn look(&self, reclaim: &mut Reclaim) -> Sight {
        // The floor first: a reader that the scan misses begins there or later.
        let floor = self.floor();
        let mut pins = core::mem::take(&mut reclaim.pins);
        self.pins.scan(&mut pins);
        Sight { floor, pins }
    }

    /// Drops page `number`'s versions that nobody sees or will see, notes those that only a pin keeps under that pin, and
    /// collapses the chain.
    fn settle(&self, number: PageNumber, sight: &Sight, reclaim: &mut Reclaim) {
        let Some(slot) = self.slot(number) else { return };
        let word = slot.published.load(Ordering::Acquire);
        let Word::Chain(first) = Word::of(word) else { return };
        // SAFETY: linked nodes are freed only under the reclaim lock, which the caller holds. So for all below.
        let head = unsafe { first.as_ref() };
        let mut newer = head;
        let mut below = head.commit;
        while let Some(link) = NonNull::new(newer.previous.load(Ordering::Acquire)) {
            // SAFETY: as above.
            let version = unsafe { link.as_ref() };
            let witness = newest_within(&sight.pins, version.commit, below);
            if let Some(witness) = witness {
                reclaim.kept.entry(witness).or_default().insert(number);
            }
            if witness.is_some() || below > sight.floor {
                below = version.commit;
                newer = version;
                continue;
            }
            below = version.commit;
            newer.previous.store(version.previous.load(Ordering::Acquire), Ordering::SeqCst);
            if let Some(buffer) = version.buffer() {
                // SAFETY: no pin lies in the version's interval and none can come to lie in it, so no reader has the
                // buffer's bytes or can get them: a reader takes a buffer, or loads it, only after it found its own
                // commit in the interval. The chain no longer leads here, so nobody frees it again.
                drop(unsafe { Buffer::from_raw(buffer) });
                self.versions.fetch_sub(1, Ordering::Relaxed);
            }
            reclaim.unlinked.push(Garbage::Node(link));
        }
        if head.commit > sight.floor {
            return;
        }
        if let Some(witness) = newest_within(&sight.pins, 0, head.commit) {
            // Someone may still walk past the head to where nothing is; it stays a node for them to see its commit.
            reclaim.kept.entry(witness).or_default().insert(number);
            return;
        }
        // Every reader, now or later, sees the head: the walk above has emptied what was behind it.
        let (bare, garbage) = match (head.buffer(), head.image) {
            (Some(buffer), image) => {
                let heat = if image.is_some() { Heat::Cooling } else { Heat::Warm };
                (Word::of_buffer(buffer, heat), Garbage::Node(first))
            }
            (None, None) => return,
            (None, Some(_)) if head.commit > self.checkpointed.load(Ordering::Acquire) => {
                reclaim.unnamed.insert((head.commit, number));
                return;
            }
            // A reader who stands on it may still load it.
            (None, Some(_)) => (null_mut(), Garbage::NodeAndBuffer(first)),
        };
        // It fails when the writer has put a node in front: that one's commit will lead here again.
        if slot.published.compare_exchange(word, bare, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
            reclaim.unlinked.push(garbage);
        }
    }

    /// Looks again at pages kept for pins that have gone, and frees what nobody can stand on.
    fn sweep(&self, reclaim: &mut Reclaim) {
        loop {
            self.keeps.store(!reclaim.kept.is_empty(), Ordering::SeqCst);
            // The scan's fence follows the store: a reader that leaves unseen sees it.
            let sight = self.look(reclaim);
            let gone = reclaim.kept.keys().copied().find(|pin| sight.pins.binary_search(pin).is_err());
            if let Some(gone) = gone {
                for number in reclaim.kept.remove(&gone).unwrap_or_default() {
                    self.settle(number, &sight, reclaim);
                }
            }
            reclaim.pins = sight.pins;
            if gone.is_none() {
                break;
            }
        }
        self.empty_limbo(reclaim);
    }

    /// Sweeps for readers that found the lock held, until there are none.
    fn sweep_for_those_who_left(&self) {
        while self.left.swap(false, Ordering::SeqCst) {
            match self.reclaim.try_lock() {
                Some(mut reclaim) => self.sweep(&mut reclaim),
                None if planted::is(Bug::LeaverForgotten) => return,
                None => {
                    self.left.store(true, Ordering::SeqCst);
                    // Whoever holds the lock looks at the flag after letting go; it may have done so just before the
                    // store, in which case the lock is free and the next look finds it so.
                    if self.reclaim.try_lock().is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Forgets a freed page, so that its number can be used again. False while a reader could still name it.
    pub(super) fn forget(&self, number: PageNumber) -> bool {
        let Some(slot) = self.slot(number) else { return true };
        let mut reclaim = self.reclaim.lock();
        let sight = self.look(&mut reclaim);
        self.settle(number, &sight, &mut reclaim);
        let forgotten = match Word::of(slot.published.load(Ordering::Acquire)) {
            Word::Cold => true,
            Word::Bare(..) => false,
            Word::Chain(first) => {
                // SAFETY: linked, and the lock is held.
                let node = unsafe { first.as_ref() };
                let gone = node.is_freed()
                    && node.previous.load(Ordering::Acquire).is_null()
                    && node.commit <= sight.floor
                    && newest_within(&sight.pins, 0, node.commit).is_none();
                if gone {
                    slot.published.store(null_mut(), Ordering::SeqCst);
                    reclaim.unlinked.push(Garbage::Node(first));
                }
                gone
            }
        };
        reclaim.pins = sight.pins;
        self.sweep(&mut reclaim);
        drop(reclaim);
        self.sweep_for_those_who_left();
        forgotten
    }
}

/// What decides whether a version goes; taken under the lock of [`Reclaim`].
struct Sight {
    /// No reader can begin before this commit.
    floor: u64,
    /// What is pinned, ascending.
    pins: Vec<u64>,
}

fn absent(number: PageNumber) -> StorageError {
    StorageError::page_damage(number, "something names it, but it does not exist")
}

impl Drop for FrameTable {
    fn drop(&mut self) {
        for (chunk, slots) in self.directory.iter().enumerate() {
            let slots = slots.load(Ordering::Relaxed);
            if slots.is_null() {
                continue;
            }
            let len = 1usize << (FIRST_BITS as usize + chunk);
            // SAFETY: made from a box of so many slots, freed here only; pins and stagings borrow the table or own a
            // share of it, so none is left.
            let slots = unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(slots, len)) };
            for slot in &slots {
                match Word::of(slot.published.load(Ordering::Relaxed)) {
                    Word::Cold => {}
                    // SAFETY: the slot was the only way to it.
                    Word::Bare(head, _) => drop(unsafe { Buffer::from_raw(head) }),
                    Word::Chain(first) => {
                        let mut link = first.as_ptr();
                        while !link.is_null() {
                            // SAFETY: the chain was the only way to it; read before it is freed.
                            let next = unsafe { &*link }.previous.load(Ordering::Relaxed);
                            if let Some(node) = NonNull::new(link) {
                                // SAFETY: as above.
                                unsafe { Garbage::NodeAndBuffer(node).free(&self.memory) };
                            }
                            link = next;
                        }
                    }
                }
            }
        }
        let Reclaim { unlinked, limbo, .. } = self.reclaim.get_mut();
        for garbage in unlinked.drain(..).chain(limbo.drain(..).map(|(_, garbage)| garbage)) {
            // SAFETY: what is unlinked belongs to the lists alone, and nobody reads any more.
            unsafe { garbage.free(&self.memory) };
        }
    }
}

// SAFETY: what the raw pointers lead to is shared by the rules in the module's documentation.
unsafe impl Send for FrameTable {}
// SAFETY: as above.
unsafe impl Sync for FrameTable {}
