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
//! * A node is freed when no reader is left that was open when it was unlinked: only such a reader can stand on it. (A
//!   few dozen bytes; a reader that stays open for long keeps one per version made meanwhile, without its page.)
//! * A chain of one node collapses into a bare buffer when neither a pin nor the floor is older than it.
//! * Unlinking, collapsing and freeing happen under the lock of [`Reclaim`]. The writer puts its nodes in front without
//!   the lock. Readers change words only from null to a buffer they loaded (in a slot, or behind the node of a freed
//!   page). A slot's word is changed by compare-and-swap, whoever does it.
//! * Every version that is kept for a pin is noted under that pin (its witness) and looked at again when it goes. Every
//!   page with a version newer than the floor waits under its commit, and is looked at again when the floor is there.

#![allow(unsafe_code)]

mod buffer;
mod staging;
#[cfg(test)]
mod tests;

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
use crate::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};
use crate::sync::{Mutex, MutexGuard};

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
    /// Pages with a version of this commit, which is newer than the floor; ascending.
    waiting: VecDeque<(u64, Vec<PageNumber>)>,
    /// Unlinked nodes, with the commit that was staged then.
    nodes: VecDeque<(u64, NonNull<Node>)>,
    /// Kept between scans to spare allocations.
    pins: Vec<u64>,
}

// SAFETY: the nodes in it are unlinked, and belong to whoever holds the value.
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
    /// Whether `reclaim` keeps a version for some pin.
    keeps: AtomicBool,
    /// A reader has left and found `reclaim` locked.
    left: AtomicBool,
    versions: AtomicUsize,
    images: Option<Arc<Images>>,
}

/// A page that a commit changed or freed; see [`FrameTable::stage`].
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
            staged: AtomicU64::new(commit),
            published: AtomicU64::new(commit),
            retained: AtomicU64::new(u64::MAX),
            pins: Pins::new(),
            staging: AtomicBool::new(false),
            reclaim: Mutex::new(Reclaim::default()),
            keeps: AtomicBool::new(false),
            left: AtomicBool::new(false),
            versions: AtomicUsize::new(0),
            images,
        }
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
    fn floor(&self) -> u64 {
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
        let mut numbers = Vec::with_capacity(changes.len());
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
            let image = if buffer.is_none() { change.image } else { None };
            self.hang(change.number, Node { commit, previous: AtomicPtr::new(null_mut()), buffer, image });
            numbers.push(change.number);
        }
        self.reclaim.lock().waiting.push_back((commit, numbers));
        self.staged.store(commit, Ordering::SeqCst);
        self.pins.repin(&pin.claim, commit);
        // As in `Pins::enter`, for those who unlink nodes: see `unlinked`.
        fence(Ordering::SeqCst);
        pin.commit = commit;
    }

    /// Puts `node` in front of page `number`'s chain.
    fn hang(&self, number: PageNumber, node: Node) {
        let node = NonNull::from(Box::leak(Box::new(node)));
        let slot = self.slot_or_make(number);
        let mut word = slot.published.load(Ordering::Acquire);
        loop {
            let mut wrapped = null_mut();
            let previous = match Word::of(word) {
                Word::Cold => null_mut(),
                Word::Chain(previous) => previous.as_ptr(),
                Word::Bare(head) => {
                    // SAFETY: the head belongs to a bare buffer; only the writer makes those a part of a chain, and
                    // nobody frees them before they are.
                    let commit = unsafe { head.as_ref() }.commit;
                    wrapped = Box::into_raw(Box::new(Node {
                        commit,
                        previous: AtomicPtr::new(null_mut()),
                        buffer: Some(head),
                        image: None,
                    }));
                    wrapped
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
                Ok(_) => return,
                // A reader loaded the cold page in between, or the chain collapsed.
                Err(now) => word = now,
            }
            if !wrapped.is_null() {
                // SAFETY: made above, and nobody else has seen it; its buffer still belongs to the slot.
                drop(unsafe { Box::from_raw(wrapped) });
            }
        }
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
            newer.previous.store(version.previous.load(Ordering::Acquire), Ordering::Release);
            if let Some(buffer) = version.buffer {
                // SAFETY: no pin lies in the version's interval and none can come to lie in it, so no reader has the
                // buffer's bytes or can get them: a reader takes a buffer only after it found its own commit in
                // the interval. The chain no longer leads here, so nobody frees it again.
                drop(unsafe { Buffer::from_raw(buffer) });
                self.versions.fetch_sub(1, Ordering::Relaxed);
            }
            self.unlinked(link, reclaim);
        }
        if head.commit > sight.floor {
            return;
        }
        if let Some(witness) = newest_within(&sight.pins, 0, head.commit) {
            // Someone may still walk past the head to where nothing is; it stays a node for them to see its commit.
            reclaim.kept.entry(witness).or_default().insert(number);
        } else if let Some(buffer) = head.buffer {
            // Every reader, now or later, sees the head: the walk above has emptied what was behind it.
            let bare = buffer.as_ptr().cast();
            let swap = slot.published.compare_exchange(word, bare, Ordering::AcqRel, Ordering::Acquire);
            // It fails when the writer has put a node in front: that one's commit will lead here again.
            if swap.is_ok() {
                self.unlinked(first, reclaim);
            }
        }
    }

    /// Notes a node that has just been unlinked.
    fn unlinked(&self, node: NonNull<Node>, reclaim: &mut Reclaim) {
        // Readers announce themselves, fence, and then walk. Of this fence and that of a reader one is first: either
        // the reader does not come by the node any more, or this load sees the staged commit as the reader did, so that
        // the reader's pin is not beyond it.
        fence(Ordering::SeqCst);
        reclaim.nodes.push_back((self.staged.load(Ordering::SeqCst), node));
    }

    /// Looks again at pages kept for pins that have gone, and frees nodes nobody can stand on.
    fn sweep(&self, reclaim: &mut Reclaim) {
        let sight = loop {
            self.keeps.store(!reclaim.kept.is_empty(), Ordering::SeqCst);
            // The scan's fence follows the store: a reader that leaves unseen sees it.
            let sight = self.look(reclaim);
            let gone = reclaim.kept.keys().copied().find(|pin| sight.pins.binary_search(pin).is_err());
            let Some(gone) = gone else { break sight };
            for number in reclaim.kept.remove(&gone).unwrap_or_default() {
                self.settle(number, &sight, reclaim);
            }
            reclaim.pins = sight.pins;
        };
        // The last scan came after all unlinking: a reader it did not see finds the chains as they are now. Those it saw
        // and which pin a commit after the one that was staged at the unlinking began later as well.
        let oldest = sight.pins.first().copied().unwrap_or(u64::MAX);
        while let Some(&(staged, node)) = reclaim.nodes.front() {
            if staged >= oldest {
                break;
            }
            reclaim.nodes.pop_front();
            // SAFETY: it came from a box, is unlinked, is in no other place of the queue, and no reader is left who
            // was open when it was unlinked.
            drop(unsafe { Box::from_raw(node.as_ptr()) });
        }
        reclaim.pins = sight.pins;
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
        let sight = self.look(&mut reclaim);
        self.settle(number, &sight, &mut reclaim);
        let forgotten = match Word::of(slot.published.load(Ordering::Acquire)) {
            Word::Cold => true,
            Word::Bare(_) => false,
            Word::Chain(first) => {
                // SAFETY: linked, and the lock is held.
                let node = unsafe { first.as_ref() };
                let gone = node.buffer.is_none()
                    && node.previous.load(Ordering::Acquire).is_null()
                    && node.commit <= sight.floor
                    && newest_within(&sight.pins, 0, node.commit).is_none();
                if gone {
                    slot.published.store(null_mut(), Ordering::Release);
                    self.unlinked(first, &mut reclaim);
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
    /// Pins the staged head: for the holder of the write lease, which keeps the head where it is.
    pub(super) fn staged(table: &'t FrameTable) -> Pin<'t> {
        let (claim, commit) = table.pins.enter(&table.staged);
        Pin { table: TableRef::Borrowed(table), claim, commit }
    }

    /// As [`staged`](Pin::staged), for as long as the lease lasts.
    pub(super) fn staged_shared(table: &Arc<FrameTable>) -> Pin<'static> {
        let (claim, commit) = table.pins.enter(&table.staged);
        Pin { table: TableRef::Shared(Arc::clone(table)), claim, commit }
    }

    /// Pins `commit`; `None` when it is not published yet, or no longer retained.
    pub(super) fn at(table: &Arc<FrameTable>, commit: u64) -> Option<Pin<'static>> {
        let claim = table.pins.enter_at(commit);
        let pin = Pin { table: TableRef::Shared(Arc::clone(table)), claim, commit };
        // `enter_at` has announced and fenced: whoever drops versions without seeing the pin goes by a floor that these
        // loads see, or an older one. A pin given up here has to leave like any other, as it may have been seen.
        let published = table.published();
        let begins = table.floor().min(published);
        (begins..=published).contains(&commit).then_some(pin)
    }

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
