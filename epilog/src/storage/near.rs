//! Bytes that are read soon, brought near.
//!
//! What a walk meets for the first time is in no cache of the processor. A line takes as long from the memory as some three hundred
//! instructions, and a processor sees not much farther ahead than that. The next leaf of a walk is known while the rows of this one
//! are read: so its first lines are asked for, and are there when it is entered. That saves a sixth of what a filtered count takes.
//! For blobs it does not pay: asked for leaf by leaf, a test of texts takes a quarter longer, as the memory's width is what it waits for.
//!
//! A hint, which changes nothing but time. There is an instruction for it that stable Rust has on x86-64; elsewhere this is nothing.

#![allow(unsafe_code)]

/// The bytes that come together.
const LINE: usize = 64;

/// Asks for `lines` lines from `start` on. It may lead anywhere: no byte is read.
#[inline(always)]
pub(super) fn bring(start: *const u8, lines: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in 0..lines {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction is one of every x86-64. It reads nothing that the program sees, and an address that leads nowhere is
        // ignored.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line * LINE).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (start, lines, LINE);
}
