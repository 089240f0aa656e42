//! A page's image: the stamps it gets when it is written, and the proof that it is the one the page map names.
//!
//! An image proves itself by the checksum in its own first bytes. That it is the *right* one, neither an older image of
//! the same page nor another page's, is proved by the entry that leads to it: both checksums and both generations must
//! agree, and so must the page number, and whether the image is compressed.

use alloc::string::String;

use super::compression::is_compressed;
use super::map::MapEntry;
use crate::storage::codec::checksum::crc32c;
use crate::storage::error::words;
use crate::storage::page::{PAGE_HEADER_LEN, PageNumber};
use crate::storage::planted::{self, Bug};

/// Stamps an image with the checkpoint that writes it, and returns its checksum.
pub(super) fn seal(image: &mut [u8], generation: u64) -> u32 {
    image[16..24].copy_from_slice(&generation.to_le_bytes());
    let crc = crc32c(&image[4..]);
    image[0..4].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// Checks that `image` is page `number`'s, as `entry` names it.
pub(super) fn verify(image: &[u8], number: PageNumber, entry: MapEntry) -> Result<(), String> {
    if planted::is(Bug::UnverifiedImages) {
        return Ok(());
    }
    if image.len() < PAGE_HEADER_LEN || !image.len().is_multiple_of(entry.run as usize) {
        return Err(words!("the image has {} bytes, the page map says {} blocks", image.len(), entry.run));
    }
    let at = entry.block();
    let stored = u32_at(image, 0);
    let found = crc32c(&image[4..]);
    if found != stored {
        return Err(words!(
            "the image at block {at} has checksum {found:#010x}, its header says {stored:#010x}"
        ));
    }
    let holder = u32_at(image, 4);
    if holder != number.0 {
        return Err(words!("block {at} holds page {holder}, a misplaced image"));
    }
    let generation = u64_at(image, 16);
    if generation != entry.generation {
        return Err(words!(
            "the image at block {at} is of checkpoint {generation}, the page map says {}: a stale image",
            entry.generation
        ));
    }
    if stored != entry.crc {
        return Err(words!(
            "the image at block {at} has checksum {stored:#010x}, the page map says {:#010x}: not the image it names",
            entry.crc
        ));
    }
    if is_compressed(image) != entry.is_compressed() {
        return Err(words!("the image at block {at} and the page map differ in whether it is compressed"));
    }
    Ok(())
}

/// The number at `at`; 0 where the bytes end.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// The number at `at`; 0 where the bytes end.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
