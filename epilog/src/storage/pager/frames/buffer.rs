//! [`Buffer`]: the bytes of one page in memory, behind a thin pointer.
//!
//! One allocation of [`HEAD`] bytes, which hold the length and two stamps, followed by the page. Both parts begin on a
//! cache line. A thin pointer is what fits into one atomic word of the frame table, and leaves it some bits.
//!
//! The allocator is asked for no more alignment than it gives by itself, and for a little more room instead. Where it has to
//! cut an aligned part out of a longer one (glibc does), it keeps the cuttings apart, and the part does not fit the next
//! request of the same length: pages of some 100 KiB, made and freed in turn, then took new memory each time.
//!
//! Where there are many, those of the usual lengths lie in [`Rooms`] instead.
//!
//! Buffers are counted in [`Memory`] from their making to their freeing, wherever they are meanwhile.

#[cfg(not(shuttle))]
use alloc::alloc::dealloc;
use alloc::alloc::{Layout, alloc, alloc_zeroed};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::Node;
#[cfg(shuttle)]
use super::dead::{Allocation, Dead};
use super::rooms::Rooms;
use crate::storage::{StorageError, StorageFault};
use crate::sync::atomic::{AtomicUsize, Ordering};

/// The bytes before the page's own.
const HEAD: usize = if cfg!(all(feature = "small", target_pointer_width = "32")) { 32 } else { 64 };

/// What every allocation is aligned to without being asked.
const ALIGN: usize = 16;

/// The bytes that buffers take, heads included, and rooms for those of which there are many.
#[derive(Clone, Default)]
pub(in crate::storage::pager) struct Memory {
    held: Arc<Held>,
    #[cfg(shuttle)]
    dead: Arc<Dead>,
}

#[derive(Default)]
struct Held {
    bytes: AtomicUsize,
    /// Where all pages are in memory. A page cache has to keep to what it may take, and rooms are given back by whole chunks only.
    rooms: Option<Rooms>,
}

impl Memory {
    /// For pages all of which stay in memory.
    pub(in crate::storage::pager) fn with_rooms() -> Memory {
        let held = Held { rooms: Some(Rooms::default()), ..Held::default() };
        Memory {
            held: Arc::new(held),
            #[cfg(shuttle)]
            dead: Arc::default(),
        }
    }

    /// How many there are.
    pub(in crate::storage::pager) fn bytes(&self) -> usize {
        self.held.bytes.load(Ordering::Relaxed)
    }

    /// A room for a buffer of `len` bytes, if such have one.
    fn room(&self, len: usize) -> Option<NonNull<u8>> {
        let size = HEAD.checked_add(len)?;
        let rooms = self.held.rooms.as_ref().filter(|_| Rooms::suit(len, self.bytes()))?;
        rooms.take(size)
    }

    /// The end of a node.
    pub(super) fn bury_node(&self, node: Box<Node>) {
        #[cfg(not(shuttle))]
        drop(node);
        #[cfg(shuttle)]
        self.dead.node(node);
    }
}

/// What stands before the page's bytes.
#[cfg_attr(all(feature = "small", target_pointer_width = "32"), repr(C, align(32)))]
#[cfg_attr(not(all(feature = "small", target_pointer_width = "32")), repr(C, align(64)))]
pub(super) struct Head {
    /// The page's length in bytes.
    len: usize,
    /// The commit that made these bytes; 0 when they were loaded from an image.
    pub(super) commit: u64,
    /// The writer's sequence number at which the buffer was made: tells copies of before a savepoint from those after.
    sequence: u64,
    /// What counts the buffer.
    memory: Memory,
    /// The bytes of the allocation before the head; [`ROOM`] where it begins a room.
    skipped: usize,
}

/// More than can be skipped.
const ROOM: usize = usize::MAX;

const _: () = assert!(size_of::<Head>() == HEAD && align_of::<Head>() == HEAD);

/// The bytes of one page, owned.
pub(in crate::storage::pager) struct Buffer(NonNull<Head>);

// SAFETY: a buffer owns its allocation alone, which holds plain numbers and bytes.
unsafe impl Send for Buffer {}
// SAFETY: through a shared reference the bytes can only be read.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// A page of zeros.
    pub(in crate::storage::pager) fn zeroed(len: usize, memory: &Memory) -> Result<Buffer, StorageError> {
        if let Some(room) = memory.room(len) {
            // SAFETY: the room has HEAD + len bytes, and is ours; its part for the page is initialised here.
            return unsafe {
                room.add(HEAD).write_bytes(0, len);
                Buffer::adopt(room.as_ptr(), ROOM, len, memory)
            };
        }
        let layout = Buffer::layout(len).ok_or(StorageFault::OutOfMemory { bytes: len })?;
        // SAFETY: the layout is not empty, as it includes the head.
        let allocation = unsafe { alloc_zeroed(layout) };
        let (start, skipped) = Buffer::start_in(allocation);
        // SAFETY: all of the allocation is initialised, the page's part included.
        unsafe { Buffer::adopt(start, skipped, len, memory) }
    }

    /// A copy of `page`.
    pub(in crate::storage::pager) fn copy_of(page: &[u8], memory: &Memory) -> Result<Buffer, StorageError> {
        if let Some(room) = memory.room(page.len()) {
            // SAFETY: the room has HEAD + page.len() bytes, and is ours, so that it does not overlap `page`; its part for the
            // page is initialised here.
            return unsafe {
                room.add(HEAD).as_ptr().copy_from_nonoverlapping(page.as_ptr(), page.len());
                Buffer::adopt(room.as_ptr(), ROOM, page.len(), memory)
            };
        }
        let layout = Buffer::layout(page.len()).ok_or(StorageFault::OutOfMemory { bytes: page.len() })?;
        // SAFETY: the layout is not empty, as it includes the head.
        let allocation = unsafe { alloc(layout) };
        let (start, skipped) = Buffer::start_in(allocation);
        if !start.is_null() {
            // SAFETY: `start` has HEAD + page.len() bytes behind it, is new and so does not overlap `page`.
            unsafe { start.add(HEAD).copy_from_nonoverlapping(page.as_ptr(), page.len()) };
        }
        // SAFETY: the page's part was initialised just now.
        unsafe { Buffer::adopt(start, skipped, page.len(), memory) }
    }

    /// The first place in an allocation of [`layout`](Buffer::layout) where a head can be, and the bytes before it. Null for
    /// none.
    fn start_in(allocation: *mut u8) -> (*mut u8, usize) {
        if allocation.is_null() {
            return (allocation, 0);
        }
        let skipped = allocation.addr().next_multiple_of(HEAD) - allocation.addr();
        // SAFETY: the layout has this room: both are multiples of ALIGN, and so less than HEAD apart by at least ALIGN.
        (unsafe { allocation.add(skipped) }, skipped)
    }

    /// Writes the head into new memory, `skipped` bytes from its start (or null, when there was none).
    ///
    /// # Safety
    ///
    /// `start` and `skipped` are of [`start_in`](Buffer::start_in) for an allocation of [`layout`](Buffer::layout)`(len)`,
    /// whose page part is initialised, or `start` is null; or `start` is a room of [`Rooms`] of `memory`, and `skipped` is [`ROOM`].
    unsafe fn adopt(
        start: *mut u8,
        skipped: usize,
        len: usize,
        memory: &Memory,
    ) -> Result<Buffer, StorageError> {
        let head = NonNull::new(start.cast::<Head>()).ok_or(StorageFault::OutOfMemory { bytes: len })?;
        memory.held.bytes.fetch_add(HEAD + len, Ordering::Relaxed);
        // SAFETY: `head` points at new memory of at least HEAD bytes, aligned for a Head, says the caller.
        unsafe { head.write(Head { len, commit: 0, sequence: 0, memory: memory.clone(), skipped }) };
        Ok(Buffer(head))
    }

    /// The layout of an allocation that has room for a head and `len` bytes behind it, wherever the head must begin.
    fn layout(len: usize) -> Option<Layout> {
        Layout::from_size_align(HEAD.checked_add(len)?.checked_add(HEAD - ALIGN)?, ALIGN).ok()
    }

    pub(in crate::storage::pager) fn sequence(&self) -> u64 {
        // SAFETY: the head is initialised and ours.
        unsafe { self.0.as_ref() }.sequence
    }

    pub(in crate::storage::pager) fn set_sequence(&mut self, sequence: u64) {
        // SAFETY: the head is initialised, and ours alone through `&mut self`.
        unsafe { self.0.as_mut() }.sequence = sequence;
    }

    /// The bytes of memory that a buffer takes.
    ///
    /// # Safety
    ///
    /// `head` came from [`into_raw`](Buffer::into_raw), and is not taken back meanwhile.
    pub(super) unsafe fn size_of(head: NonNull<Head>) -> usize {
        // SAFETY: the head is initialised, says the caller.
        HEAD + unsafe { head.as_ref() }.len
    }

    pub(super) fn set_commit(&mut self, commit: u64) {
        // SAFETY: as above.
        unsafe { self.0.as_mut() }.commit = commit;
    }

    /// Gives the allocation up; [`from_raw`](Buffer::from_raw) takes it back.
    pub(super) fn into_raw(self) -> NonNull<Head> {
        core::mem::ManuallyDrop::new(self).0
    }

    /// Takes back what [`into_raw`](Buffer::into_raw) gave up.
    ///
    /// # Safety
    ///
    /// `head` came from `into_raw`, and is neither taken back twice nor read by anyone else from now on, unless the
    /// buffer is given up again before it is dropped or changed.
    pub(super) unsafe fn from_raw(head: NonNull<Head>) -> Buffer {
        Buffer(head)
    }

    /// The page's bytes.
    ///
    /// # Safety
    ///
    /// `head` came from [`into_raw`](Buffer::into_raw), and for `'a` nobody takes it back or changes its bytes.
    #[inline]
    pub(super) unsafe fn bytes<'a>(head: NonNull<Head>) -> &'a [u8] {
        #[cfg(shuttle)]
        // SAFETY: as below; and what is freed in a model stays an initialised head.
        assert_ne!(unsafe { head.as_ref() }.commit, super::dead::BUFFER, "a page is read that was freed");
        // SAFETY: the head is initialised and unchanged for 'a, says the caller.
        let len = unsafe { head.as_ref() }.len;
        // SAFETY: `len` bytes behind the head belong to the same allocation and are initialised.
        unsafe { core::slice::from_raw_parts(head.cast::<u8>().add(HEAD).as_ptr(), len) }
    }
}

impl Buffer {
    /// The page's bytes, to be changed.
    ///
    /// # Safety
    ///
    /// `head` came from [`into_raw`](Buffer::into_raw), and for `'a` nobody else reaches it.
    #[inline]
    pub(super) unsafe fn bytes_mut<'a>(head: NonNull<Head>) -> &'a mut [u8] {
        // SAFETY: the head is initialised and ours, says the caller.
        let len = unsafe { head.as_ref() }.len;
        // SAFETY: `len` bytes behind the head belong to the same allocation, are initialised, and ours.
        unsafe { core::slice::from_raw_parts_mut(head.cast::<u8>().add(HEAD).as_ptr(), len) }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the allocation is ours while `self` is borrowed.
        unsafe { Buffer::bytes(self.0) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the allocation is ours alone through `&mut self`.
        unsafe { Buffer::bytes_mut(self.0) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the head is initialised, ours, and not used again.
        let head = unsafe { self.0.read() };
        head.memory.held.bytes.fetch_sub(HEAD + head.len, Ordering::Relaxed);
        if let (ROOM, Some(rooms)) = (head.skipped, &head.memory.held.rooms) {
            // SAFETY: it came from these rooms, says who made the buffer, and is not used again.
            return unsafe { rooms.give_back(self.0.cast()) };
        }
        let Some(layout) = Buffer::layout(head.len) else { return };
        // SAFETY: the allocation begins so many bytes before the head.
        let allocation = unsafe { self.0.as_ptr().cast::<u8>().sub(head.skipped) };
        #[cfg(shuttle)]
        {
            // SAFETY: the page and its head are ours, and stay allocated; the stamp is a plain number.
            unsafe {
                self.0.cast::<u8>().add(HEAD).write_bytes(super::dead::BYTE, head.len);
                (&raw mut (*self.0.as_ptr()).commit).write(super::dead::BUFFER);
            }
            head.memory.dead.buffer(Allocation { allocation, layout });
        }
        #[cfg(not(shuttle))]
        // SAFETY: it was made with this very layout, which exists since it did then, and given up by nobody.
        unsafe {
            dealloc(allocation, layout);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_zeroed_copied_and_changed() {
        let memory = Memory::default();
        let mut buffer = Buffer::zeroed(4096, &memory).unwrap();
        assert_eq!(buffer.len(), 4096);
        assert!(buffer.iter().all(|&byte| byte == 0));
        assert_eq!(buffer.as_ptr() as usize % 64, 0);
        buffer[4095] = 7;
        buffer.set_sequence(3);
        let copy = Buffer::copy_of(&buffer, &memory).unwrap();
        assert_eq!(&copy[..], &buffer[..]);
        assert_eq!((buffer.sequence(), copy.sequence()), (3, 0));
        assert_eq!(memory.bytes(), 2 * (4096 + HEAD));
        drop(buffer);
        assert_eq!(memory.bytes(), 4096 + HEAD);
        drop(copy);
        assert_eq!(memory.bytes(), 0);
    }

    /// Beyond what lies in few pieces anyhow, buffers are in rooms: they are what others are, and are counted alike.
    #[test]
    fn many_buffers_lie_in_rooms() {
        let memory = Memory::with_rooms();
        let first = Buffer::zeroed(4 << 20, &memory).unwrap();
        let mut all: alloc::vec::Vec<Buffer> = (0..300)
            .map(|n| {
                let mut buffer = Buffer::zeroed(16 << 10, &memory).unwrap();
                assert!(buffer.iter().all(|&byte| byte == 0));
                buffer.fill(n as u8);
                buffer
            })
            .collect();
        let in_rooms = |buffers: &[Buffer]| {
            // SAFETY: the heads are initialised, and theirs while we have the buffers.
            buffers.iter().filter(|buffer| unsafe { buffer.0.as_ref() }.skipped == ROOM).count()
        };
        if cfg!(all(
            feature = "std",
            not(feature = "small"),
            target_os = "linux",
            target_pointer_width = "64"
        )) {
            assert_eq!(in_rooms(&all), if cfg!(any(shuttle, miri)) { 0 } else { 300 });
        }
        let copies: alloc::vec::Vec<Buffer> =
            all.iter().map(|buffer| Buffer::copy_of(buffer, &memory).unwrap()).collect();
        all.truncate(100);
        // What was given back is used again, and zeroed.
        let again = Buffer::zeroed(16 << 10, &memory).unwrap();
        assert!(again.iter().all(|&byte| byte == 0));
        for (n, (buffer, copy)) in all.iter().zip(&copies).enumerate() {
            assert!(buffer.iter().chain(copy.iter()).all(|&byte| byte == n as u8));
        }
        assert_eq!(memory.bytes(), (4 << 20) + HEAD + 401 * ((16 << 10) + HEAD));
        drop((first, all, again, copies));
        assert_eq!(memory.bytes(), 0);
    }

    #[test]
    fn a_length_that_memory_cannot_have_is_an_error() {
        assert!(matches!(
            Buffer::zeroed(usize::MAX, &Memory::default()),
            Err(error) if matches!(*error, StorageFault::OutOfMemory { .. })
        ));
        let memory = Memory::default();
        let len = isize::MAX as usize - 64;
        assert!(
            matches!(Buffer::zeroed(len, &memory), Err(error) if matches!(*error, StorageFault::OutOfMemory { .. }))
        );
        assert_eq!(memory.bytes(), 0);
    }
}
