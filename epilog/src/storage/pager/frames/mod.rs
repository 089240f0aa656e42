//! [`FrameTable`]: from page number to the bytes a reader may see, without a lock.
//!
//! Above: [`PageSnapshot`](super::PageSnapshot) and the page writer. Below: [`Images`], which loads what is not in memory.
//!
//! A page number leads through a directory of chunks (each twice as long as the one before) to a slot, one acquire load
//! at each of the two levels. The slot's word is one of
//!
//! | word | meaning |
//! |---|---|
//! | null | cold: the page map knows |
//! | a buffer | the one version that every reader, present or future, sees |
//! | a node, tagged | a chain of versions, newest first: `{commit, previous, buffer}`; without a buffer: freed by that commit |
//!
//! so that a hit reads the slot and then the page, and writes nothing that is shared.
//!
//! # Invariants
//!
//! * Bytes that a slot or a node leads to never change. A writer's buffers hang in a word of their own (`staged`) which
//!   only the one [`Staging`] touches, and move into the chain when their commit is published.
//! * A version is visible to the pins in `commit..commit of the next newer one`. When a scan of the pins finds none in
//!   there, its buffer is freed at once: readers of older commits may walk past its node, but never take its buffer,
//!   and no reader can begin in an interval of the past (see [`Pins`]).
//! * A node is freed when no reader is left that was open when it was unlinked: only such a reader can stand on it. (A
//!   few dozen bytes; a reader that stays open for long keeps one per version made meanwhile, without its page.)
//! * A chain of one node collapses into a bare buffer when no pin is older than it.
//! * Unlinking, collapsing and freeing happen under the lock of [`Reclaim`]. Readers change words only from null to a
//!   buffer they loaded (in a slot, or behind the node of a freed page), by compare-and-swap.
//! * Every version that is kept for a pin is noted under that pin (its witness) and looked at again when it goes.

#![allow(unsafe_code)]

mod buffer;
mod staging;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr::{NonNull, null_mut};

use super::images::Images;
use super::map::MapEntry;
use super::pins::{Claim, Pins, newest_within};
use crate::storage::StorageError;
use crate::storage::page::PageNumber;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};

pub(super) use buffer::Buffer;
use buffer::Head;
pub(super) use staging::{Staged, Staging};

/// The first chunk has 2^10 slots.
const FIRST_BITS: u32 = 10;
/// Chunks enough for every page number there is.
const CHUNKS: usize = 33 - FIRST_BITS as usize;

/// Where one page's versions hang.
struct Slot {
    /// What readers see; the table in the module's documentation.
    published: AtomicPtr<u8>,
    /// What the writer has; see [`staging`].
    staged: AtomicPtr<u8>,
}

/// One version of a page, in its chain.
struct Node {
    commit: u64,
    previous: AtomicPtr<Node>,
    /// `None`: the page was freed by the commit.
    buffer: Option<NonNull<Head>>,
    /// For a freed page that was cold: where its image lies, for readers of older commits.
    image: Option<MapEntry>,
}

/// A slot's word, taken apart.
#[derive(Clone, Copy)]
enum Word {
    Cold,
    Bare(NonNull<Head>),
    Chain(NonNull<Node>),
}

const CHAIN: usize = 1;

impl Word {
    #[inline]
    fn of(word: *mut u8) -> Word {
        let address = word.map_addr(|address| address & !CHAIN);
        match NonNull::new(address) {
            None => Word::Cold,
            Some(head) if word.addr() & CHAIN == 0 => Word::Bare(head.cast()),
            Some(node) => Word::Chain(node.cast()),
        }
    }

    fn of_node(node: NonNull<Node>) -> *mut u8 {
        node.as_ptr().cast::<u8>().map_addr(|address| address | CHAIN)
    }
}

/// What waits to be dropped or looked at again.
#[derive(Default)]
struct Reclaim {
    /// Pages with versions kept for this pin.
    kept: BTreeMap<u64, BTreeSet<PageNumber>>,
    /// Unlinked nodes, with the commit that was published then.
    nodes: VecDeque<(u64, NonNull<Node>)>,
    /// Kept between scans to spare allocations.
    pins: Vec<u64>,
}

// SAFETY: the nodes in it are unlinked, and belong to whoever holds the value.
unsafe impl Send for Reclaim {}

/// From page number to versions.
pub(super) struct FrameTable {
    directory: [AtomicPtr<Slot>; CHUNKS],
    published: AtomicU64,
    pins: Pins,
    staging: AtomicBool,
    reclaim: Mutex<Reclaim>,
    /// Whether `reclaim` keeps a version for some pin.
    keeps: AtomicBool,
    /// A reader has left and found `reclaim` locked.
    left: AtomicBool,
    versions: AtomicUsize,
    images: Option<Arc<Images>>,
}

/// Whether a commit's page is a version or gone; see [`FrameTable::publish`].
pub(super) struct Change {
    /// The page.
    pub(super) number: PageNumber,
    /// Where its image lies, when it is freed and may be cold.
    pub(super) image: Option<MapEntry>,
}

impl FrameTable {
    /// An empty table at `commit`.
    pub(super) fn new(commit: u64, images: Option<Arc<Images>>) -> FrameTable {
        FrameTable {
            directory: [const { AtomicPtr::new(null_mut()) }; CHUNKS],
            published: AtomicU64::new(commit),
            pins: Pins::new(),
            staging: AtomicBool::new(false),
            reclaim: Mutex::new(Reclaim::default()),
            keeps: AtomicBool::new(false),
            left: AtomicBool::new(false),
            versions: AtomicUsize::new(0),
            images,
        }
    }

    /// The last published commit.
    pub(super) fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// Buffers that readers can reach.
    pub(super) fn versions(&self) -> usize {
        self.versions.load(Ordering::Relaxed)
    }

    /// The oldest commit that is pinned, or the published one.
    pub(super) fn oldest(&self) -> u64 {
        // Loaded first: a reader that opens after the scan pins this commit or a newer one.
        let published = self.published();
        let mut pins = Vec::new();
        self.pins.scan(&mut pins);
        pins.first().copied().unwrap_or(published)
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
        if let Some(slot) = self.slot(number) {
            return slot;
        }
        let (chunk, _) = FrameTable::place(number);
        let slots: Box<[Slot]> = (0..1usize << (FIRST_BITS as usize + chunk))
            .map(|_| Slot { published: AtomicPtr::new(null_mut()), staged: AtomicPtr::new(null_mut()) })
            .collect();
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
        self.slot(number).unwrap_or_else(|| unreachable!("the chunk has just been made"))
    }

    /// The bytes of page `number` that a reader of `commit` sees.
    ///
    /// # Safety
    ///
    /// `commit` stays pinned in this table's pins for as long as the bytes are borrowed.
    #[inline]
    unsafe fn page(&self, commit: u64, number: PageNumber) -> Result<&[u8], StorageError> {
        if let Some(slot) = self.slot(number) {
            // Acquire: pairs with the release that published the buffer, whose bytes were written before.
            if let Word::Bare(head) = Word::of(slot.published.load(Ordering::Acquire)) {
                // SAFETY: a bare buffer is visible to every pin, this one included, so it is not freed while the pin
                // lasts; published bytes never change.
                return Ok(unsafe { Buffer::bytes(head) });
            }
        }
        // SAFETY: as the caller promises.
        unsafe { self.page_slow(commit, number) }
    }

    /// [`page`](FrameTable::page) for pages with several versions, or none yet.
    ///
    /// # Safety
    ///
    /// As there.
    #[cold]
    unsafe fn page_slow(&self, commit: u64, number: PageNumber) -> Result<&[u8], StorageError> {
        loop {
            let slot = self.slot(number);
            let word = slot.map_or(null_mut(), |slot| slot.published.load(Ordering::Acquire));
            let node = match Word::of(word) {
                // SAFETY: as in `page`.
                Word::Bare(head) => return Ok(unsafe { Buffer::bytes(head) }),
                Word::Cold => {
                    let buffer = match &self.images {
                        Some(images) => images.load(number)?,
                        None => return Err(absent(number)),
                    };
                    // The image exists, so the number does.
                    self.adopt(&self.slot_or_make(number).published, buffer, |head| head.as_ptr().cast());
                    continue;
                }
                Word::Chain(node) => node,
            };
            let mut node = node;
            loop {
                // SAFETY: the node was linked when its pointer was loaded, so this reader was open when it was unlinked,
                // if it has been; such nodes are not freed before the reader has left.
                let version = unsafe { node.as_ref() };
                if version.commit <= commit {
                    let Some(head) = version.buffer else { return Err(absent(number)) };
                    // SAFETY: `commit` lies in this version's interval, as the next newer one is not visible; it stays
                    // pinned while the bytes are borrowed, so the buffer is not freed; published bytes never change.
                    return Ok(unsafe { Buffer::bytes(head) });
                }
                match NonNull::new(version.previous.load(Ordering::Acquire)) {
                    Some(previous) => node = previous,
                    None => break,
                }
            }
            // The oldest version in memory is too young. That is a freed page whose image has not been needed since.
            // SAFETY: as above.
            let version = unsafe { node.as_ref() };
            let (Some(image), Some(images)) = (version.image, &self.images) else {
                return Err(absent(number));
            };
            let buffer = images.load_at(number, image)?;
            self.adopt(&version.previous, buffer, |head| {
                let node =
                    Node { commit: 0, previous: AtomicPtr::new(null_mut()), buffer: Some(head), image: None };
                Box::into_raw(Box::new(node))
            });
        }
    }

    /// Hangs a loaded buffer, wrapped by `wrap`, where null was; frees it when someone else was faster.
    fn adopt<T: Wrapped>(
        &self,
        place: &AtomicPtr<T>,
        buffer: Buffer,
        wrap: impl FnOnce(NonNull<Head>) -> *mut T,
    ) {
        let wrapped = wrap(buffer.into_raw());
        match place.compare_exchange(null_mut(), wrapped, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                self.versions.fetch_add(1, Ordering::Relaxed);
            }
            // SAFETY: it was made by `wrap` from a buffer given up above, and nobody else has seen it.
            Err(_) => unsafe { T::discard(wrapped) },
        }
    }

    /// Makes what the writer staged for `changes` visible as `commit`, the one after the published commit.
    ///
    /// Readers see all of it or nothing: they skip versions younger than themselves, and nobody reads as of `commit`
    /// before the counter says so. The writer's `pin` moves on to `commit`, as it needs nothing older any more.
    pub(super) fn publish(
        &self,
        staging: &mut Staging<'_>,
        pin: &mut Pin<'_>,
        commit: u64,
        changes: &[Change],
    ) {
        assert!(commit > self.published(), "commits are published in order");
        for change in changes {
            let Some(staged) = staging.take(change.number) else { continue };
            let buffer = match staged {
                Staged::Page(mut buffer) => {
                    buffer.set_commit(commit);
                    Some(buffer.into_raw())
                }
                Staged::Freed => None,
            };
            self.versions.fetch_add(usize::from(buffer.is_some()), Ordering::Relaxed);
            let node = Node {
                commit,
                previous: AtomicPtr::new(null_mut()),
                buffer,
                image: if buffer.is_none() { change.image } else { None },
            };
            let node = NonNull::from(Box::leak(Box::new(node)));
            let slot = self.slot_or_make(change.number);
            let mut word = slot.published.load(Ordering::Acquire);
            loop {
                let previous = match Word::of(word) {
                    Word::Cold => null_mut(),
                    Word::Chain(previous) => previous.as_ptr(),
                    Word::Bare(head) => {
                        // SAFETY: the head belongs to a published buffer, which only this thread could free.
                        let commit = unsafe { head.as_ref() }.commit;
                        Box::into_raw(Box::new(Node {
                            commit,
                            previous: AtomicPtr::new(null_mut()),
                            buffer: Some(head),
                            image: None,
                        }))
                    }
                };
                // SAFETY: the node is ours until the exchange below succeeds.
                unsafe { node.as_ref() }.previous.store(previous, Ordering::Relaxed);
                // Release: the node, its buffer's bytes and the node of the bare buffer are written before.
                let swap = slot.published.compare_exchange(
                    word,
                    Word::of_node(node),
                    Ordering::AcqRel,
                    Ordering::Acquire,
                );
                match swap {
                    Ok(_) => break,
                    // A reader loaded the cold page in between: only null words change under the writer.
                    Err(now) => word = now,
                }
            }
        }
        self.published.store(commit, Ordering::SeqCst);
        self.pins.repin(&pin.claim, commit);
        pin.commit = commit;
        let mut reclaim = self.reclaim.lock();
        let mut pins = core::mem::take(&mut reclaim.pins);
        self.pins.scan(&mut pins);
        for change in changes {
            self.settle(change.number, &pins, &mut reclaim);
        }
        reclaim.pins = pins;
        self.sweep(&mut reclaim);
        drop(reclaim);
        self.sweep_for_those_who_left();
    }

    /// Drops page `number`'s versions that no pin falls into, notes the others under a pin, and collapses its chain.
    ///
    /// `pins` were scanned after the newest version was published.
    fn settle(&self, number: PageNumber, pins: &[u64], reclaim: &mut Reclaim) {
        let Some(slot) = self.slot(number) else { return };
        let Word::Chain(first) = Word::of(slot.published.load(Ordering::Acquire)) else { return };
        // SAFETY: linked nodes are freed only under the reclaim lock, which the caller holds. So for all below.
        let head = unsafe { first.as_ref() };
        let mut newer = head;
        let mut below = head.commit;
        while let Some(link) = NonNull::new(newer.previous.load(Ordering::Acquire)) {
            // SAFETY: as above.
            let version = unsafe { link.as_ref() };
            if let Some(witness) = newest_within(pins, version.commit, below) {
                reclaim.kept.entry(witness).or_default().insert(number);
                below = version.commit;
                newer = version;
                continue;
            }
            below = version.commit;
            newer.previous.store(version.previous.load(Ordering::Acquire), Ordering::Release);
            if let Some(buffer) = version.buffer {
                // SAFETY: no pin lies in the version's interval and none can come to lie in it, so no reader has the
                // buffer's bytes or can get them: a reader takes a buffer only after it found its own commit in
                // the interval. The chain no longer leads here, so nobody frees it again.
                drop(unsafe { Buffer::from_raw(buffer) });
                self.versions.fetch_sub(1, Ordering::Relaxed);
            }
            reclaim.nodes.push_back((self.published(), link));
        }
        if let Some(witness) = newest_within(pins, 0, head.commit) {
            // Someone may still walk past the head to where nothing is; it stays a node for them to see its commit.
            reclaim.kept.entry(witness).or_default().insert(number);
        } else if let Some(buffer) = head.buffer {
            // Every reader, now or later, sees the head: the walk above has emptied what was behind it.
            slot.published.store(buffer.as_ptr().cast(), Ordering::Release);
            reclaim.nodes.push_back((self.published(), first));
        }
    }

    /// Looks again at pages kept for pins that have gone, and frees nodes nobody can stand on.
    fn sweep(&self, reclaim: &mut Reclaim) {
        let mut pins = core::mem::take(&mut reclaim.pins);
        loop {
            self.keeps.store(!reclaim.kept.is_empty(), Ordering::SeqCst);
            // The scan's fence follows the store: a reader that leaves unseen sees it.
            self.pins.scan(&mut pins);
            let gone = reclaim.kept.keys().copied().find(|pin| pins.binary_search(pin).is_err());
            let Some(gone) = gone else { break };
            for number in reclaim.kept.remove(&gone).unwrap_or_default() {
                self.settle(number, &pins, reclaim);
            }
        }
        // The last scan came after all unlinking: a reader it did not see finds the chains as they are now. Those it saw
        // and which pin a commit after the one that was published at the unlinking began later as well.
        let oldest = pins.first().copied().unwrap_or(u64::MAX);
        while let Some(&(published, node)) = reclaim.nodes.front() {
            if published >= oldest {
                break;
            }
            reclaim.nodes.pop_front();
            // SAFETY: it came from a box, is unlinked, is in no other place of the queue, and no reader is left who
            // was open when it was unlinked.
            drop(unsafe { Box::from_raw(node.as_ptr()) });
        }
        reclaim.pins = pins;
    }

    /// Sweeps for readers that found the lock held, until there are none.
    fn sweep_for_those_who_left(&self) {
        while self.left.swap(false, Ordering::SeqCst) {
            match self.reclaim.try_lock() {
                Some(mut reclaim) => self.sweep(&mut reclaim),
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
        let mut pins = core::mem::take(&mut reclaim.pins);
        self.pins.scan(&mut pins);
        self.settle(number, &pins, &mut reclaim);
        reclaim.pins = pins;
        let forgotten = match Word::of(slot.published.load(Ordering::Acquire)) {
            Word::Cold => true,
            Word::Bare(_) => false,
            Word::Chain(first) => {
                // SAFETY: linked, and the lock is held.
                let node = unsafe { first.as_ref() };
                let gone = node.buffer.is_none()
                    && node.previous.load(Ordering::Acquire).is_null()
                    && newest_within(&reclaim.pins, 0, node.commit).is_none();
                if gone {
                    slot.published.store(null_mut(), Ordering::Release);
                    reclaim.nodes.push_back((self.published(), first));
                }
                gone
            }
        };
        self.sweep(&mut reclaim);
        drop(reclaim);
        self.sweep_for_those_who_left();
        forgotten
    }
}

/// What [`FrameTable::adopt`] hangs up.
trait Wrapped {
    /// Frees the wrapped buffer.
    ///
    /// # Safety
    ///
    /// `wrapped` was made from a buffer given up, and nobody else has it.
    unsafe fn discard(wrapped: *mut Self);
}

impl Wrapped for u8 {
    unsafe fn discard(wrapped: *mut u8) {
        if let Some(head) = NonNull::new(wrapped.cast::<Head>()) {
            // SAFETY: as the caller promises.
            drop(unsafe { Buffer::from_raw(head) });
        }
    }
}

impl Wrapped for Node {
    unsafe fn discard(wrapped: *mut Node) {
        // SAFETY: as the caller promises; nodes are made by boxes.
        let node = unsafe { Box::from_raw(wrapped) };
        if let Some(head) = node.buffer {
            // SAFETY: as the caller promises.
            drop(unsafe { Buffer::from_raw(head) });
        }
    }
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
                    Word::Bare(head) => drop(unsafe { Buffer::from_raw(head) }),
                    Word::Chain(first) => {
                        let mut link = first.as_ptr();
                        while !link.is_null() {
                            // SAFETY: the chain was the only way to it; read before it is freed.
                            let next = unsafe { &*link }.previous.load(Ordering::Relaxed);
                            // SAFETY: as above.
                            unsafe { Node::discard(link) };
                            link = next;
                        }
                    }
                }
            }
        }
        for (_, node) in self.reclaim.get_mut().nodes.drain(..) {
            // SAFETY: unlinked nodes belong to the queue; their buffers were freed or moved before.
            drop(unsafe { Box::from_raw(node.as_ptr()) });
        }
    }
}

// SAFETY: what the raw pointers lead to is shared by the rules in the module's documentation.
unsafe impl Send for FrameTable {}
// SAFETY: as above.
unsafe impl Sync for FrameTable {}

/// A table, borrowed or shared.
enum TableRef<'t> {
    Borrowed(&'t FrameTable),
    Shared(Arc<FrameTable>),
}

/// A reader of one commit.
pub(super) struct Pin<'t> {
    table: TableRef<'t>,
    claim: Claim,
    commit: u64,
}

impl<'t> Pin<'t> {
    /// Pins the last published commit.
    pub(super) fn new(table: &'t FrameTable) -> Pin<'t> {
        let (claim, commit) = table.pins.enter(&table.published);
        Pin { table: TableRef::Borrowed(table), claim, commit }
    }

    /// Pins the last published commit, for as long as one likes.
    pub(super) fn shared(table: &Arc<FrameTable>) -> Pin<'static> {
        let (claim, commit) = table.pins.enter(&table.published);
        Pin { table: TableRef::Shared(Arc::clone(table)), claim, commit }
    }

    /// The commit that is read.
    #[inline]
    pub(super) fn commit(&self) -> u64 {
        self.commit
    }

    #[inline]
    fn table(&self) -> &FrameTable {
        match &self.table {
            TableRef::Borrowed(table) => table,
            TableRef::Shared(table) => table,
        }
    }

    /// What memory has of page `number`.
    pub(super) fn resident(&self, number: PageNumber) -> Resident<'_> {
        let table = self.table();
        let word = table.slot(number).map_or(null_mut(), |slot| slot.published.load(Ordering::Acquire));
        let mut node = match Word::of(word) {
            Word::Cold => return Resident::Cold,
            // SAFETY: as in `FrameTable::page`; `self` is the pin.
            Word::Bare(head) => return Resident::Page(unsafe { Buffer::bytes(head) }),
            Word::Chain(node) => node,
        };
        loop {
            // SAFETY: as in `FrameTable::page_slow`.
            let version = unsafe { node.as_ref() };
            if version.commit <= self.commit {
                return match version.buffer {
                    // SAFETY: as there.
                    Some(head) => Resident::Page(unsafe { Buffer::bytes(head) }),
                    None => Resident::Freed,
                };
            }
            match NonNull::new(version.previous.load(Ordering::Acquire)) {
                Some(previous) => node = previous,
                None => return Resident::Cold,
            }
        }
    }

    /// The bytes of page `number`.
    #[inline]
    pub(super) fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        // SAFETY: `claim` pins `commit` in this very table until `self` is dropped, and the bytes are borrowed from
        // `self`.
        unsafe { self.table().page(self.commit, number) }
    }
}

/// What memory has of a page at some commit.
pub(super) enum Resident<'p> {
    /// Its bytes.
    Page(&'p [u8]),
    /// It was freed.
    Freed,
    /// Nothing.
    Cold,
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        let table = self.table();
        table.pins.leave(&self.claim);
        // Pairs with the store and the fence in `sweep`: either the sweeper's scan misses this pin, or this load sees
        // that something is kept.
        fence(Ordering::SeqCst);
        if table.keeps.load(Ordering::Relaxed) {
            table.left.store(true, Ordering::SeqCst);
            table.sweep_for_those_who_left();
        }
    }
}
