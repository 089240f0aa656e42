//! [`Rooms`]: memory for many pages of one length side by side, in pieces that the processor can map as a whole.
//!
//! Records that an index names lie anywhere among the pages. Where memory is mapped 4 KiB at a time, each of them is a place in the
//! tables of addresses as well that no cache has, and on a virtual machine that way is longer than the one to the record.
//! Linux maps aligned pieces of 2 MiB as one when it is asked to. So rooms for pages, of [`SIZE`] bytes each with what
//! leads them, lie in such *chunks*: pages of one length in each, those given back in a list that leads through them, those never given
//! behind each other.
//!
//! ```text
//! 0          64                                                            2 MiB
//! [ Chunk ]  [ room ][ room, given back -> ][ room ][ never given ..]  rest
//! ```
//!
//! - Chunks with room are in a list of their length; one without is in none, and found again by the address of a room.
//! - A chunk none of whose rooms is taken is freed, unless it is the only one of its length that has room.
//! - What is small, or of a length that few pages have, is the allocator's own business: see [`Rooms::suit`].
//!
//! A length's chunks can be nearly empty, and no other length has what they hold: memory is taken for up to the most pages of each
//! length that there were at once. Elsewhere than on Linux nothing of this is used.

use alloc::alloc::{Layout, alloc, dealloc};
use alloc::vec::Vec;
use core::ptr::{NonNull, null_mut};

use crate::sync::Mutex;

/// Whether there is something to be gained.
const IS_USED: bool = cfg!(all(
    feature = "std",
    not(feature = "small"),
    target_os = "linux",
    target_pointer_width = "64",
    not(shuttle),
    not(miri)
));

/// What is mapped as a whole, and its alignment.
const SIZE: usize = 2 << 20;

/// What comes before the rooms of a chunk, and what rooms are aligned to.
const START: usize = 64;

/// Where buffers take less than this, all of them are in few pieces anyhow.
const BUFFERS_MIN: usize = if cfg!(test) { 1 << 20 } else { 8 << 20 };

/// Rooms for buffers, by their length.
#[derive(Default)]
pub(super) struct Rooms {
    classes: Mutex<Vec<Class>>,
}

/// The chunks of one length of rooms that have room.
struct Class {
    size: usize,
    /// The one that is used next; it leads to the others.
    open: *mut Chunk,
}

// SAFETY: the chunks are reached by whoever has the lock around the classes, and by nobody else.
unsafe impl Send for Class {}

/// What stands at the start of a chunk.
#[repr(C, align(64))]
struct Chunk {
    /// The bytes of a room.
    size: usize,
    /// Its neighbours in the list of those that have room.
    previous: *mut Chunk,
    next: *mut Chunk,
    /// The room given back last, which begins with the address of the one before.
    free: *mut u8,
    /// How many rooms have been given at least once, from the first on.
    begun: usize,
    /// How many are taken.
    taken: usize,
}

const _: () = assert!(size_of::<Chunk>() <= START);

impl Chunk {
    const LAYOUT: Layout = match Layout::from_size_align(SIZE, SIZE) {
        Ok(layout) => layout,
        Err(_) => panic!("a power of two is an alignment"),
    };

    fn is_full(&self) -> bool {
        self.taken == (SIZE - START) / self.size
    }
}

impl Rooms {
    /// Whether a page of `len` bytes goes into a room, when there are `bytes` of buffers already. Those of trees are powers of two; of any
    /// other length, which values have, there may be few, and each length's would hold a chunk.
    pub(super) fn suit(len: usize, bytes: usize) -> bool {
        IS_USED && bytes >= BUFFERS_MIN && (4 << 10..=64 << 10).contains(&len) && len.is_power_of_two()
    }

    /// A room of `size` bytes, aligned to a line of the cache, whose bytes are anything. `None` when there is no memory.
    pub(super) fn take(&self, size: usize) -> Option<NonNull<u8>> {
        let mut classes = self.classes.lock();
        let at = match classes.iter().position(|class| class.size == size) {
            Some(at) => at,
            None => {
                classes.push(Class { size, open: null_mut() });
                classes.len() - 1
            }
        };
        let class = &mut classes[at];
        if class.open.is_null() {
            class.open = new_chunk(size)?.as_ptr();
        }
        let start = class.open;
        // SAFETY: a chunk in the list is there, and ours while we have the lock. The reference ends before the list is changed.
        let chunk = unsafe { &mut *start };
        let room = match NonNull::new(chunk.free) {
            Some(room) => {
                // SAFETY: a room that was given back begins with the address of another, or null.
                chunk.free = unsafe { room.cast::<*mut u8>().read() };
                room
            }
            None => {
                let place = START + chunk.begun * size;
                chunk.begun += 1;
                // SAFETY: a chunk in the list has room, so that this one ends within it.
                unsafe { NonNull::new_unchecked(start.cast::<u8>().add(place)) }
            }
        };
        chunk.taken += 1;
        if chunk.is_full() {
            // SAFETY: it is in the list.
            unsafe { class.unlink(start) };
        }
        Some(room)
    }

    /// Gives a room back.
    ///
    /// # Safety
    ///
    /// `room` came from [`take`](Rooms::take) of these rooms, and nobody uses it from now on.
    pub(super) unsafe fn give_back(&self, room: NonNull<u8>) {
        let mut classes = self.classes.lock();
        let start = room.as_ptr().map_addr(|address| address & !(SIZE - 1)).cast::<Chunk>();
        // SAFETY: rooms lie behind the start of their chunk, which is aligned to its size, and there while one is taken; it is
        // ours while we have the lock. The reference ends before the list is changed.
        let chunk = unsafe { &mut *start };
        let was_full = chunk.is_full();
        // SAFETY: the room is not used by others any more, says the caller, and is longer than an address.
        unsafe { room.cast::<*mut u8>().write(chunk.free) };
        chunk.free = room.as_ptr();
        chunk.taken -= 1;
        let (size, is_unused) = (chunk.size, chunk.taken == 0);
        let class =
            classes.iter_mut().find(|class| class.size == size).expect("there since a room was taken");
        // SAFETY: the chunk is there, and one that was full is in no list, as any other is in that of its length.
        unsafe {
            if was_full {
                class.link(start);
            }
            if is_unused && !class.has_only(start) {
                class.unlink(start);
                // It was made with this layout, and nothing leads to it any more.
                dealloc(start.cast(), Chunk::LAYOUT);
            }
        }
    }
}

// Chunks are led to by addresses that reach all of them, so that rooms can be found from these: none comes from a reference, which
// would be to a chunk's start alone.
impl Class {
    /// Puts a chunk in front of the list.
    ///
    /// # Safety
    ///
    /// The chunk is there, and in no list.
    unsafe fn link(&mut self, chunk: *mut Chunk) {
        // SAFETY: the chunk is there, says the caller, and so is what is in the list.
        unsafe {
            ((*chunk).previous, (*chunk).next) = (null_mut(), self.open);
            if !self.open.is_null() {
                (*self.open).previous = chunk;
            }
        }
        self.open = chunk;
    }

    /// Takes a chunk out of the list.
    ///
    /// # Safety
    ///
    /// It is in the list.
    unsafe fn unlink(&mut self, chunk: *mut Chunk) {
        // SAFETY: what is in the list is there, its neighbours as well.
        unsafe {
            let Chunk { previous, next, .. } = *chunk;
            match previous.is_null() {
                true => self.open = next,
                false => (*previous).next = next,
            }
            if !next.is_null() {
                (*next).previous = previous;
            }
            ((*chunk).previous, (*chunk).next) = (null_mut(), null_mut());
        }
    }

    /// Whether a chunk of the list is all of it.
    ///
    /// # Safety
    ///
    /// It is in the list.
    unsafe fn has_only(&self, chunk: *mut Chunk) -> bool {
        // SAFETY: what is in the list is there.
        self.open == chunk && unsafe { (*chunk).next }.is_null()
    }
}

impl Drop for Rooms {
    fn drop(&mut self) {
        for class in self.classes.get_mut() {
            // Whoever has a room has what these rooms are in: no room is taken, and so no chunk is outside of the list.
            while let Some(chunk) = NonNull::new(class.open) {
                // SAFETY: what is in the list is there.
                class.open = unsafe { chunk.as_ref() }.next;
                // SAFETY: it was made with this layout, and nothing leads to it any more.
                unsafe { dealloc(chunk.as_ptr().cast(), Chunk::LAYOUT) };
            }
        }
    }
}

/// A chunk of rooms of `size` bytes, none of which is taken.
fn new_chunk(size: usize) -> Option<NonNull<Chunk>> {
    // SAFETY: the layout is not empty.
    let chunk = NonNull::new(unsafe { alloc(Chunk::LAYOUT) })?;
    map_whole(chunk);
    let chunk = chunk.cast::<Chunk>();
    let (previous, next, free) = (null_mut(), null_mut(), null_mut());
    // SAFETY: the memory is new, has room for a chunk's start, and is aligned for one.
    unsafe { chunk.write(Chunk { size, previous, next, free, begun: 0, taken: 0 }) };
    Some(chunk)
}

/// Asks for the [`SIZE`] bytes from `start` on to be mapped as one. What comes of it changes nothing but time.
fn map_whole(start: NonNull<u8>) {
    #[cfg(all(feature = "std", not(feature = "small"), target_os = "linux", not(miri)))]
    {
        use core::ffi::{c_int, c_void};

        /// `MADV_HUGEPAGE` of `madvise(2)`.
        const HUGE_PAGE: c_int = 14;
        unsafe extern "C" {
            fn madvise(start: *mut c_void, len: usize, advice: c_int) -> c_int;
        }
        // SAFETY: the memory is ours, and this advice changes none of its bytes. The standard library links to what has the call.
        unsafe { madvise(start.as_ptr().cast(), SIZE, HUGE_PAGE) };
    }
    #[cfg(not(all(feature = "std", not(feature = "small"), target_os = "linux", not(miri))))]
    let _ = start;
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// How many chunks have room.
    fn open(rooms: &Rooms, size: usize) -> usize {
        let classes = rooms.classes.lock();
        let mut chunk =
            classes.iter().find(|class| class.size == size).map_or(null_mut(), |class| class.open);
        let mut count = 0;
        while !chunk.is_null() {
            count += 1;
            // SAFETY: what is in the list is there, and we have the lock.
            chunk = unsafe { (*chunk).next };
        }
        count
    }

    /// Takes and gives back rooms of two lengths in an order that is by chance, each filled with a byte of its own: none is
    /// changed by what becomes of others.
    #[test]
    fn rooms_are_apart_from_each_other_and_are_used_again() {
        let rooms = Rooms::default();
        let mut taken: Vec<(NonNull<u8>, usize, u8)> = Vec::new();
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let mut most = 0;
        for step in 0..6_000_u32 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let size = if random >> 60 & 1 == 0 { 4160 } else { 16448 };
            // More are taken at first, and more given back later.
            let takes = (random >> 33) % 8 < if step < 3_000 { 5 } else { 3 };
            if takes || taken.is_empty() {
                let room = rooms.take(size).expect("there is memory");
                assert_eq!(room.addr().get() % START, 0);
                // SAFETY: the room has so many bytes, and is ours.
                unsafe { room.write_bytes(step as u8, size) };
                taken.push((room, size, step as u8));
            } else {
                let (room, size, byte) = taken.swap_remove((random >> 20) as usize % taken.len());
                // SAFETY: it is ours until it is given back, and was filled.
                let bytes = unsafe { core::slice::from_raw_parts(room.as_ptr(), size) };
                assert!(bytes.iter().all(|found| *found == byte));
                // SAFETY: it came from there, and is not used any more.
                unsafe { rooms.give_back(room) };
            }
            most = most.max(taken.len());
        }
        assert!(most > SIZE / 4160, "several chunks have been needed");
        for (room, ..) in taken {
            // SAFETY: as above.
            unsafe { rooms.give_back(room) };
        }
        assert_eq!((open(&rooms, 4160), open(&rooms, 16448)), (1, 1));
    }

    #[test]
    fn a_chunk_that_is_not_needed_is_freed_and_a_full_one_is_passed_over() {
        let rooms = Rooms::default();
        let size = 64 << 10;
        let in_one = (SIZE - START) / size;
        let all: Vec<NonNull<u8>> =
            (0..3 * in_one).map(|_| rooms.take(size).expect("there is memory")).collect();
        assert_eq!(open(&rooms, size), 0);
        let back = |range: core::ops::Range<usize>| {
            // SAFETY: each came from there, is given back once, and not used.
            range.for_each(|at| unsafe { rooms.give_back(all[at]) });
        };
        back(0..1);
        back(in_one..in_one + 1);
        assert_eq!(open(&rooms, size), 2);
        back(1..in_one);
        assert_eq!(open(&rooms, size), 1);
        back(in_one + 1..3 * in_one);
        assert_eq!(open(&rooms, size), 1);
        // The room given back last is the next.
        let again = rooms.take(size).expect("there is memory");
        // SAFETY: as above.
        unsafe { rooms.give_back(again) };
        assert_eq!(open(&rooms, size), 1);
    }
}
