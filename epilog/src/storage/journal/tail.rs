//! [`Tail`]: where the journal ends, what is staged there, and which slots of the file are in use.

use alloc::vec::Vec;

use super::layout::SegmentHeader;
use super::{JournalPosition, Keep};
use crate::ordered::BTreeMap;
use crate::storage::vfs::VfsError;

/// Where the journal ends.
pub(super) struct Tail {
    /// The sequence number of the segment in each slot of the file; 0 for a slot that may be used.
    pub(super) slots: Vec<u64>,
    /// By slot, the header of the segment in use there.
    pub(super) headers: BTreeMap<usize, SegmentHeader>,
    /// Which segments are in use though no recovery needs them.
    pub(super) keep: Keep,
    /// The current segment's slot.
    pub(super) slot: usize,
    /// The current segment's sequence number.
    pub(super) segment: u64,
    /// The current segment's salt.
    pub(super) salt: u64,
    /// The sequence number of the next segment; above all that were ever seen in the file.
    pub(super) next_segment: u64,
    /// Where the next frame goes, in bytes from the segment's start.
    pub(super) offset: u32,
    /// The checksum of the last frame.
    pub(super) chain: u32,
    /// The last commit appended.
    pub(super) commit: u64,
    /// The last commit known to be on disk.
    pub(super) durable: u64,
    /// The bytes of the current segment from `buffer_offset` to `offset`.
    pub(super) buffer: Vec<u8>,
    /// A multiple of the block size.
    pub(super) buffer_offset: u32,
    /// Whether the buffer holds bytes that were not written yet.
    pub(super) is_staged: bool,
    /// The newest checkpoint whose header is durable, and the position that it names.
    pub(super) checkpoint: u64,
    pub(super) checkpoint_position: JournalPosition,
    /// Whether some thread is in the file's sync.
    pub(super) is_syncing: bool,
    /// The failure after which nothing is known about what is on disk.
    pub(super) poison: Option<VfsError>,
}

impl Tail {
    /// Before the first segment: the caller begins one.
    pub(super) fn new(slots: Vec<u64>, next_segment: u64, checkpoint: u64, commit: u64, chain: u32) -> Tail {
        Tail {
            slots,
            headers: BTreeMap::new(),
            keep: Keep::default(),
            slot: 0,
            segment: 0,
            salt: 0,
            next_segment,
            offset: 0,
            chain,
            commit,
            durable: commit,
            buffer: Vec::new(),
            buffer_offset: 0,
            is_staged: false,
            checkpoint,
            checkpoint_position: JournalPosition { commit, segment: 0, offset: 0, chain },
            is_syncing: false,
            poison: None,
        }
    }

    pub(super) fn free_slot(&self) -> Option<usize> {
        self.slots.iter().position(|&slot| slot == 0)
    }

    pub(super) fn position(&self) -> JournalPosition {
        JournalPosition { commit: self.commit, segment: self.segment, offset: self.offset, chain: self.chain }
    }

    /// Lets go of segments that nobody needs, the oldest first, so that what stays has no gap.
    pub(super) fn recycle(&mut self, segment_len: u32) {
        let mut used: Vec<(u64, usize)> = self.headers.iter().map(|(slot, h)| (h.sequence, *slot)).collect();
        used.sort_unstable();
        for (at, pair) in used.windows(2).enumerate() {
            let [(sequence, slot), (_, next)] = *pair else { continue };
            let through = self.headers[&next].first_commit;
            let newer = (used.len() - 2 - at) as u64 * u64::from(segment_len) + u64::from(self.offset);
            if sequence >= self.checkpoint_position.segment || !self.keep.lets_go(through, newer, self.commit)
            {
                break;
            }
            self.slots[slot] = 0;
            self.headers.remove(&slot);
        }
    }

    /// Moves the end to the next block of `block` bytes.
    pub(super) fn close_block(&mut self, block: u32) {
        self.offset = self.offset.next_multiple_of(block);
        self.buffer.clear();
        self.buffer_offset = self.offset;
    }
}
