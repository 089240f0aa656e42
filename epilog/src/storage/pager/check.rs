//! [`Pager::check`]: every image is what the page map says, and every block of the file is accounted for exactly once.

use super::free::Runs;
use super::header::{HEADER_BLOCKS, Header};
use super::image;
use super::images::Images;
use super::map::{Holds, MapEntry, PageMap};
use super::open::read_free_map;
use super::{Pager, Shared};
use crate::storage::StorageError;
use crate::storage::page::{BLOCK_LEN, PageNumber};

impl Pager {
    /// Verifies the file as of its last checkpoint: the image of every page, the page map, the free map, and that each
    /// block is a header's, an image's, free or about to be free, and only one of these. Reads the whole file, and keeps
    /// writers waiting meanwhile; what was committed since is in the journal, and not looked at.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corruption`] with the first thing that is wrong; a failure of reading.
    pub fn check(&self) -> Result<(), StorageError> {
        let Shared { images: Some(images), store: Some(store), .. } = &*self.shared else { return Ok(()) };
        // Nothing is given out or written over while the lease is held and no checkpoint is being made.
        let _lease = self.shared.lease.lock();
        store.finish_checkpoint()?;
        let state = store.state.lock();
        if state.is_new { Ok(()) } else { check(images, &state.header) }
    }
}

fn check(images: &Images, header: &Header) -> Result<(), StorageError> {
    let mut used = Runs::new();
    used.insert(0, HEADER_BLOCKS);
    let mut claim = |what: &str, entry: MapEntry| {
        if used.insert(entry.block, u64::from(entry.run)) {
            return Ok(());
        }
        Err(StorageError::damage(
            "page map",
            format!("{what} lies at block {}, which is in use", entry.block),
        ))
    };
    // Read anew: what is in memory may be right where the file is not.
    let mut map = PageMap::new(header.map, header.next_page);
    map.visit(&mut |entry| images.read(entry), &mut |holds, entry| {
        let Holds::Page(number) = holds else { return claim("a map page", entry) };
        claim("a page", entry)?;
        let bytes = images.read(entry)?;
        image::verify(&bytes, number, entry).map_err(|problem| StorageError::page_damage(number, problem))
    })?;
    if !header.free.is_none() {
        claim("the free map", header.free)?;
    }
    let free = read_free_map(images, header)?;
    let disjoint = used.extend(&free.blocks) && used.extend(&free.pending_blocks);
    if !disjoint {
        return Err(StorageError::damage("free map", "a block that is in use is free"));
    }
    let blocks = header.file_len / BLOCK_LEN as u64;
    if used.iter().ne([(0, blocks)]) {
        let runs = used.count();
        return Err(StorageError::damage(
            "free map",
            format!("of {blocks} blocks some are neither used nor free: {runs} runs are accounted for"),
        ));
    }
    let numbers = free.numbers.iter().chain(free.pending_numbers.iter());
    for number in numbers.flat_map(|(start, len)| start..start + len) {
        let number = PageNumber(number as u32);
        if !map.entry(number, &mut |entry| images.read(entry))?.is_none() {
            return Err(StorageError::page_damage(number, "its number is free, but it has an image"));
        }
    }
    Ok(())
}
