//! [`Dead`]: what a model does with freed memory: marks it and keeps it, so that a reader who still stands on it is found.
//!
//! Only with `--cfg shuttle`. A freed buffer has [`BYTE`] everywhere and [`BUFFER`] for its commit, a freed node [`NODE`].
//! Both are given back with the last share of their table's memory count.

use alloc::alloc::{Layout, dealloc};
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Node;
use crate::sync::Mutex;

/// All that a freed page says.
pub(super) const BYTE: u8 = 0xDD;
/// The commit of a freed buffer.
pub(super) const BUFFER: u64 = u64::MAX;
/// The commit of a freed node.
pub(super) const NODE: u64 = u64::MAX;

/// Memory of a freed buffer.
pub(super) struct Allocation {
    pub(super) allocation: *mut u8,
    pub(super) layout: Layout,
}

// SAFETY: whoever holds the value owns the allocation.
unsafe impl Send for Allocation {}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: a buffer gave up the allocation, made with this layout, when it was freed.
        unsafe { dealloc(self.allocation, self.layout) };
    }
}

/// What was freed.
#[derive(Default)]
pub(super) struct Dead {
    buffers: Mutex<Vec<Allocation>>,
    /// Boxed, as they stay where they are.
    #[allow(clippy::vec_box)]
    nodes: Mutex<Vec<Box<Node>>>,
}

impl Dead {
    pub(super) fn buffer(&self, allocation: Allocation) {
        self.buffers.lock().push(allocation);
    }

    pub(super) fn node(&self, mut node: Box<Node>) {
        node.commit = NODE;
        self.nodes.lock().push(node);
    }
}
