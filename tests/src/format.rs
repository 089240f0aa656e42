//! The file format by its document, apart from the library's own code: files as other versions might have written them,
//! where the images of a file lie, and checksums made right again after bytes were changed.

use std::fs;
use std::path::Path;

use epilog::storage::codec::checksum::crc32c;

/// The blocks of the header's copies, and the bytes of a header; see `epilog/docs/file-format.md`.
const COPIES: usize = 4;
/// The bytes of a block, unless a file was made with shorter ones.
pub const BLOCK_LEN: usize = 4096;
/// The bytes of a header, its checksum last.
pub const HEADER_LEN: usize = 512;
/// The bytes of the header blocks.
pub const HEADERS_LEN: usize = COPIES * BLOCK_LEN;
/// The bytes that every image begins with.
pub const PAGE_HEADER_LEN: usize = 24;
/// The bytes of an entry.
pub const ENTRY_LEN: usize = 24;
/// What a header begins with.
const MAGIC_START: [u8; 4] = [0x89, b'E', b'P', b'I'];
/// Where in a header the entries of the page map and the free map are.
const MAP_ENTRY: usize = 72;
const FREE_ENTRY: usize = 96;

/// Makes a database file say that it has this format version, with right checksums.
///
/// # Panics
///
/// When the file cannot be read or written, or is too short for a header.
pub fn set_format_version(path: &Path, version: u16) {
    let mut bytes = fs::read(path).expect("the file can be read");
    change_headers(&mut bytes, |header| header[8..10].copy_from_slice(&version.to_le_bytes()));
    fs::write(path, bytes).expect("the file can be written");
}

/// Changes all copies of the header of a database file, and makes their checksums right.
///
/// # Panics
///
/// When the file is too short for them.
pub fn change_headers(bytes: &mut [u8], change: impl Fn(&mut [u8])) {
    for copy in 0..COPIES {
        let header = &mut bytes[copy * BLOCK_LEN..][..HEADER_LEN];
        change(header);
        seal_header(header);
    }
}

/// The format version that a database file says it has.
///
/// # Panics
///
/// When the file is too short for a header.
pub fn format_version(bytes: &[u8]) -> u16 {
    // A new file has its first header in the second slot.
    let slot = if bytes[..8] == bytes[2 * BLOCK_LEN..][..8] { 0 } else { 2 * BLOCK_LEN };
    u16::from_le_bytes([bytes[slot + 8], bytes[slot + 9]])
}

/// What an image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// A page of this number and kind.
    Page(u32, u8),
    /// The map page of this level and position.
    Map(u32, u32),
    /// The free map.
    Free,
}

/// Where an image lies that the newest header leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// What it holds.
    pub held: Held,
    /// Where it begins in the file.
    pub start: usize,
    /// Its bytes.
    pub len: usize,
    /// The image that has its entry, by position in [`FileMap::images`]; `None` when the header has it.
    pub parent: Option<usize>,
    /// Where its entry begins: in the file, or, without a parent, in the header.
    pub entry: usize,
}

/// A file's images.
#[derive(Debug, Clone)]
pub struct FileMap {
    /// The newest whole header: where its slot begins.
    pub slot: usize,
    /// The bytes of a block.
    pub block_len: usize,
    /// The images it leads to, each behind the one that leads to it.
    pub images: Vec<Image>,
}

impl FileMap {
    /// Finds the images of a sound file.
    ///
    /// # Panics
    ///
    /// When the file is not sound.
    pub fn of(bytes: &[u8]) -> FileMap {
        let is_whole = |at: &usize| {
            let header = &bytes[*at..][..HEADER_LEN];
            header[..4] == MAGIC_START && crc32c(&header[..HEADER_LEN - 4]) == u32_at(header, HEADER_LEN - 4)
        };
        // Whatever the length of a block, a file begins with its headers.
        let first = (0..HEADERS_LEN).step_by(HEADER_LEN).find(is_whole).expect("a whole header");
        let block_len = 1 << bytes[first + 10];
        let newest = (0..COPIES)
            .map(|copy| copy * block_len)
            .filter(is_whole)
            .max_by_key(|at| u64_at(bytes, at + 48))
            .expect("a whole header");
        let slot = newest / (2 * block_len) * (2 * block_len);
        let mut map = FileMap { slot, block_len, images: Vec::new() };
        let fanout = (block_len - PAGE_HEADER_LEN) / ENTRY_LEN;
        let pages = u32_at(bytes, newest + 28) as usize;
        let mut levels = vec![pages.div_ceil(fanout).max(1)];
        while levels.last().is_some_and(|count| *count > 1) {
            levels.push(levels[levels.len() - 1].div_ceil(fanout));
        }
        map.add(bytes, newest, FREE_ENTRY, None, |_| Held::Free);
        let top = levels.len() as u32 - 1;
        map.add(bytes, newest, MAP_ENTRY, None, |_| Held::Map(top, 0));
        // The list grows while it is walked.
        let mut next = 0;
        while let Some(&Image { held, start, .. }) = map.images.get(next) {
            if let Held::Map(level, index) = held {
                for position in 0..fanout {
                    let number = index * fanout as u32 + position as u32;
                    let entry = start + PAGE_HEADER_LEN + position * ENTRY_LEN;
                    map.add(bytes, 0, entry, Some(next), |image| match level {
                        0 => Held::Page(number, image[8]),
                        _ => Held::Map(level - 1, number),
                    });
                }
            }
            next += 1;
        }
        map
    }

    fn add(
        &mut self,
        bytes: &[u8],
        base: usize,
        entry: usize,
        parent: Option<usize>,
        held: impl Fn(&[u8]) -> Held,
    ) {
        let at = base + entry;
        let block = (u64_at(bytes, at) & 0xFFFF_FFFF_FFFF) as usize;
        let (start, len) = (block * self.block_len, u32_at(bytes, at + 8) as usize * self.block_len);
        if len > 0 {
            let held = held(&bytes[start..start + len]);
            self.images.push(Image { held, start, len, parent, entry });
        }
    }

    /// The images of pages.
    pub fn pages(&self) -> impl Iterator<Item = &Image> {
        self.images.iter().filter(|image| matches!(image.held, Held::Page(..)))
    }

    /// The image that holds `held`.
    pub fn find(&self, held: Held) -> Option<&Image> {
        self.images.iter().find(|image| image.held == held)
    }

    /// Makes the checksum of image `position` right, and those of all that lead to it, up to the header.
    pub fn seal(&self, bytes: &mut [u8], position: usize) {
        let mut position = position;
        loop {
            let image = self.images[position];
            let crc = crc32c(&bytes[image.start + 4..image.start + image.len]).to_le_bytes();
            bytes[image.start..image.start + 4].copy_from_slice(&crc);
            match image.parent {
                Some(parent) => {
                    bytes[image.entry + 12..image.entry + 16].copy_from_slice(&crc);
                    position = parent;
                }
                None => {
                    let at = self.slot + image.entry + 12;
                    bytes[at..at + 4].copy_from_slice(&crc);
                    return self.seal_header(bytes);
                }
            }
        }
    }

    /// Makes the checksum of the newest header's first copy right, and the second copy the same.
    pub fn seal_header(&self, bytes: &mut [u8]) {
        seal_header(&mut bytes[self.slot..][..HEADER_LEN]);
        bytes.copy_within(self.slot..self.slot + HEADER_LEN, self.slot + self.block_len);
    }
}

fn seal_header(header: &mut [u8]) {
    let crc = crc32c(&header[..HEADER_LEN - 4]);
    header[HEADER_LEN - 4..].copy_from_slice(&crc.to_le_bytes());
}

/// The little-endian number at `at`.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("four bytes"))
}

/// The little-endian number at `at`.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("eight bytes"))
}
