//! The heap: a list of free blocks in an arena that the machine gives, and the most that was ever taken of it.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};

use linked_list_allocator::Heap;

/// A heap for a program with one thread.
pub struct CountingHeap {
    state: UnsafeCell<State>,
}

struct State {
    heap: Heap,
    most: usize,
}

// SAFETY: the program has one thread, and neither a handler of interrupts nor one of signals that allocates.
unsafe impl Sync for CountingHeap {}

impl CountingHeap {
    /// A heap without room.
    pub const fn new() -> CountingHeap {
        CountingHeap { state: UnsafeCell::new(State { heap: Heap::empty(), most: 0 }) }
    }

    /// Makes `arena` the heap's room. For the start of the program, once.
    pub fn give(&self, arena: &'static mut [u8]) {
        // SAFETY: there is one thread, so no other reference to the state is alive; the arena is borrowed for good.
        unsafe { (*self.state.get()).heap.init(arena.as_mut_ptr(), arena.len()) }
    }

    /// The most bytes that were taken at a time.
    pub fn most(&self) -> usize {
        // SAFETY: as in `give`.
        unsafe { (*self.state.get()).most }
    }
}

// SAFETY: blocks come from `Heap`, which keeps them apart and aligned; there is one thread.
unsafe impl GlobalAlloc for CountingHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `give`.
        let state = unsafe { &mut *self.state.get() };
        let block = state.heap.allocate_first_fit(layout).map_or(null_mut(), NonNull::as_ptr);
        state.most = state.most.max(state.heap.used());
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `give`.
        let state = unsafe { &mut *self.state.get() };
        // SAFETY: the caller gives back what `alloc` gave for this layout, which was not null.
        unsafe { state.heap.deallocate(NonNull::new_unchecked(block), layout) }
    }
}
