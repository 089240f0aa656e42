//! [`PageMap`]: from page number to image, as a tree of map pages on disk and flat arrays in memory.
//!
//! A map page is one block: the common page header (kind 6, the page number being the map page's position in its level,
//! the tree its level), then as many entries of 24 bytes as fit (169 in 4 KiB), then zeros:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 6 | the first block of the image |
//! | 6 | 2 | flags: bit 0, the image is compressed; the others are zero |
//! | 8 | 4 | blocks of the image; 0: there is none, and the whole entry is zero |
//! | 12 | 4 | CRC-32C of the image from byte 4 to its end |
//! | 16 | 8 | generation: the checkpoint that wrote the image |
//!
//! Entry *i* of map page *j* of level 0 is page 169 *j* + *i*, if there are 169; of a higher level, it is map page 169 *j* + *i* of the level
//! beneath. There are as many levels as the header's next page number needs for the topmost to be one map page, which the
//! header's own entry leads to. As each entry carries checksum and generation of what it leads to, the header vouches
//! for every image there is: a stale or misplaced one cannot pass, however valid it looks by itself.
//!
//! * Map pages are loaded when first asked for. What the map takes in memory follows those, never the page numbers that a
//!   header claims, which may be any.
//! * A checkpoint prepares a [`MapUpdate`] beside the map; only when its header is durable is it installed.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use super::image;
use crate::ordered::BTreeMap;
use crate::storage::StorageError;
use crate::storage::error::words;
use crate::storage::page::{PAGE_HEADER_LEN, PageKind, PageNumber, TreeId, write_header};

/// Entries of a map page, which is a block of `block_len` bytes.
pub(super) const fn fanout(block_len: usize) -> usize {
    (block_len - PAGE_HEADER_LEN) / MapEntry::LEN
}

/// The bits of an entry's first eight bytes that are the block's number.
const BLOCK_MASK: u64 = (1 << 48) - 1;
/// The bit of an entry's first eight bytes that says that the image is compressed.
const COMPRESSED: u64 = 1 << 48;

/// Where an image lies, and how to know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct MapEntry {
    /// As on disk: the first block, below 2^48, and above it the flags.
    place: u64,
    /// Its length in blocks. 0: there is no image.
    pub(super) run: u32,
    /// CRC-32C of the image from byte 4 to its end.
    pub(super) crc: u32,
    /// The checkpoint that wrote it.
    pub(super) generation: u64,
}

impl MapEntry {
    /// The bytes of an encoded entry.
    pub(super) const LEN: usize = 24;

    /// No image.
    pub(super) const NONE: MapEntry = MapEntry::new(0, 0, 0, 0);

    /// An image of `run` blocks from `block` on, not compressed.
    pub(super) const fn new(block: u64, run: u32, crc: u32, generation: u64) -> MapEntry {
        MapEntry { place: block, run, crc, generation }
    }

    /// The image's first block.
    pub(super) const fn block(&self) -> u64 {
        self.place & BLOCK_MASK
    }

    /// Whether the image is compressed: the page is longer than `run` blocks.
    pub(super) const fn is_compressed(&self) -> bool {
        self.place & COMPRESSED != 0
    }

    /// The same image, which is compressed if `compressed`.
    pub(super) const fn compressed(self, compressed: bool) -> MapEntry {
        let flag = if compressed { COMPRESSED } else { 0 };
        MapEntry { place: self.place & !COMPRESSED | flag, ..self }
    }

    /// The same image in another place.
    pub(super) const fn at(self, block: u64) -> MapEntry {
        MapEntry { place: self.place & !BLOCK_MASK | block, ..self }
    }

    /// As many blocks from the same one on.
    pub(super) const fn with_run(self, run: u32) -> MapEntry {
        MapEntry { run, ..self }
    }

    /// Whether there is no image.
    pub(super) fn is_none(&self) -> bool {
        self.run == 0
    }

    /// The entry as it stands on disk.
    pub(super) fn encode(&self) -> [u8; MapEntry::LEN] {
        let mut bytes = [0; MapEntry::LEN];
        bytes[0..8].copy_from_slice(&self.place.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.run.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.crc.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.generation.to_le_bytes());
        bytes
    }

    /// The entry that [`encode`](MapEntry::encode) made; `None` when flags are set that this version does not know.
    pub(super) fn decode(bytes: &[u8; MapEntry::LEN]) -> Option<MapEntry> {
        let (place, rest) = bytes.split_first_chunk::<8>()?;
        let (run, rest) = rest.split_first_chunk::<4>()?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        let entry = MapEntry {
            place: u64::from_le_bytes(*place),
            run: u32::from_le_bytes(*run),
            crc: u32::from_le_bytes(*crc),
            generation: u64::from_le_bytes(*rest.first_chunk::<8>()?),
        };
        let flags = if cfg!(feature = "lz4") { COMPRESSED } else { 0 };
        let known = entry.place & !(BLOCK_MASK | flags) == 0 && (entry.run != 0 || entry == MapEntry::NONE);
        known.then_some(entry)
    }
}

/// What the image of an entry holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holds {
    /// A page.
    Page(PageNumber),
    /// A map page.
    MapPage { level: usize, index: usize },
}

impl Holds {
    /// The page, or the first page that the map page, a block of `block_len` bytes, has an entry for, or leads to.
    pub(super) fn first_page(self, block_len: usize) -> PageNumber {
        match self {
            Holds::Page(number) => number,
            Holds::MapPage { level, index } => {
                PageNumber((index as u64 * (fanout(block_len) as u64).pow(level as u32 + 1)) as u32)
            }
        }
    }
}

/// The entries of a map page.
type Node = Box<[MapEntry]>;

/// Reads the image an entry leads to, without looking at it.
pub(super) type ReadImage<'r> = &'r mut dyn FnMut(MapEntry) -> Result<Vec<u8>, StorageError>;

/// From page number to image.
pub(super) struct PageMap {
    block_len: usize,
    /// Entries of a map page.
    fanout: usize,
    /// Page numbers below this one may have an entry.
    pages: u32,
    /// The map pages that are loaded, by position; level 0 first.
    levels: Vec<BTreeMap<usize, Node>>,
    /// Where the topmost level's one map page lies.
    root: MapEntry,
}

/// A map page of `fanout` entries without images.
fn empty_node(fanout: usize) -> Node {
    vec![MapEntry::NONE; fanout].into_boxed_slice()
}

/// Levels that `pages` page numbers need with map pages of `fanout` entries.
fn levels_for(pages: u32, fanout: usize) -> usize {
    let (mut levels, mut count) = (1, (pages as usize).div_ceil(fanout));
    while count > 1 {
        count = count.div_ceil(fanout);
        levels += 1;
    }
    levels
}

impl PageMap {
    /// The map that `root` leads to, for page numbers below `pages`, in blocks of `block_len` bytes. Reads nothing.
    pub(super) fn new(root: MapEntry, pages: u32, block_len: usize) -> PageMap {
        let fanout = fanout(block_len);
        let levels = vec![BTreeMap::new(); levels_for(pages, fanout)];
        PageMap { block_len, fanout, pages, levels, root }
    }

    /// The bytes of a block.
    pub(super) fn block_len(&self) -> usize {
        self.block_len
    }

    /// How many map pages are in memory.
    #[cfg(test)]
    pub(super) fn loaded(&self) -> usize {
        self.levels.iter().map(BTreeMap::len).sum()
    }

    /// Page `number`'s entry.
    pub(super) fn entry(
        &mut self,
        number: PageNumber,
        read: ReadImage<'_>,
    ) -> Result<MapEntry, StorageError> {
        if number.0 >= self.pages {
            return Ok(MapEntry::NONE);
        }
        let (at, fanout) = (number.0 as usize, self.fanout);
        let node = self.node(0, at / fanout, read)?;
        Ok(node.map_or(MapEntry::NONE, |node| node[at % fanout]))
    }

    /// Where map page `index` of `level` lies.
    fn place(&mut self, level: usize, index: usize, read: ReadImage<'_>) -> Result<MapEntry, StorageError> {
        if level + 1 >= self.levels.len() {
            let is_root = level + 1 == self.levels.len() && index == 0;
            return Ok(if is_root { self.root } else { MapEntry::NONE });
        }
        let fanout = self.fanout;
        let parent = self.node(level + 1, index / fanout, read)?;
        Ok(parent.map_or(MapEntry::NONE, |parent| parent[index % fanout]))
    }

    /// Map page `index` of `level`, loaded if need be; `None` when there is none.
    fn node(
        &mut self,
        level: usize,
        index: usize,
        read: ReadImage<'_>,
    ) -> Result<Option<&[MapEntry]>, StorageError> {
        if !self.levels[level].contains_key(&index) {
            let place = self.place(level, index, read)?;
            if place.is_none() {
                return Ok(None);
            }
            if place.run != 1 {
                let problem = crate::storage::error::words!(
                    "map page {index} of level {level} has {} blocks, not one",
                    place.run
                );
                return Err(StorageError::damage("page map", problem));
            }
            let node = decode_node(&read(place)?, level, index, place, self.fanout)?;
            self.levels[level].insert(index, node);
        }
        Ok(self.levels[level].get(&index).map(|node| &**node))
    }

    /// The images that map page `index` of `level` leads to, each with the position of the page, or map page, that it holds.
    fn children(
        &mut self,
        level: usize,
        index: usize,
        read: ReadImage<'_>,
    ) -> Result<Vec<(usize, MapEntry)>, StorageError> {
        let (first, pages) = (index as u64 * self.fanout as u64, u64::from(self.pages));
        let pages_each = u64::pow(self.fanout as u64, level as u32);
        let entries = (first..).zip(self.node(level, index, read)?.unwrap_or_default());
        let exists = |(index, entry): &(u64, &MapEntry)| !entry.is_none() && index * pages_each < pages;
        Ok(entries.filter(exists).map(|(index, &entry)| (index as usize, entry)).collect())
    }

    /// Gives every entry to `visit`, with what its image holds.
    pub(super) fn visit(
        &mut self,
        read: ReadImage<'_>,
        visit: &mut dyn FnMut(Holds, MapEntry) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        if self.root.is_none() {
            return Ok(());
        }
        visit(Holds::MapPage { level: self.levels.len() - 1, index: 0 }, self.root)?;
        let mut nodes = vec![0];
        for level in (0..self.levels.len()).rev() {
            let mut below = Vec::new();
            for index in nodes {
                for (index, entry) in self.children(level, index, read)? {
                    let holds = match level {
                        0 => Holds::Page(PageNumber(index as u32)),
                        _ => Holds::MapPage { level: level - 1, index },
                    };
                    visit(holds, entry)?;
                    below.push(index);
                }
            }
            nodes = below;
        }
        Ok(())
    }

    /// Gives every entry to `found`: those of map pages without, those of pages with their number. A map page that cannot be
    /// read, or is not the one that was meant, goes to `broken` with the page numbers it would lead to.
    pub(super) fn survey(
        &mut self,
        read: ReadImage<'_>,
        found: &mut dyn FnMut(Option<PageNumber>, MapEntry),
        broken: &mut dyn FnMut(Range<u32>, StorageError),
    ) {
        if self.root.is_none() {
            return;
        }
        found(None, self.root);
        let mut nodes = vec![0];
        for level in (0..self.levels.len()).rev() {
            let mut below = Vec::new();
            for index in nodes {
                match self.children(level, index, read) {
                    Ok(children) => {
                        for (index, entry) in children {
                            found((level == 0).then_some(PageNumber(index as u32)), entry);
                            below.push(index);
                        }
                    }
                    Err(error) => {
                        let pages = u64::pow(self.fanout as u64, level as u32 + 1);
                        let at = |index: usize| (index as u64 * pages).min(u64::from(self.pages)) as u32;
                        broken(at(index)..at(index + 1), error);
                    }
                }
            }
            nodes = below;
        }
    }

    /// What becomes of the map when `changes` are made and page numbers below `pages` exist.
    pub(super) fn prepare(
        &mut self,
        changes: &BTreeMap<u32, MapEntry>,
        pages: u32,
        read: ReadImage<'_>,
    ) -> Result<MapUpdate, StorageError> {
        let mut update = MapUpdate {
            block_len: self.block_len,
            pages: pages.max(self.pages),
            nodes: Vec::new(),
            root: self.root,
        };
        let fanout = self.fanout;
        let levels = levels_for(update.pages, fanout);
        update.nodes.resize_with(levels, BTreeMap::new);
        for (&number, &entry) in changes {
            let at = number as usize;
            for (level, index) in ancestors(at, levels, fanout) {
                update.stage(self, level, index, read)?;
            }
            if let Some((node, _)) = update.nodes[0].get_mut(&(at / fanout)) {
                node[at % fanout] = entry;
            }
        }
        if levels > self.levels.len() {
            // The old topmost map page becomes the first of its level; the levels above name it.
            for (level, index) in ancestors(0, levels, fanout).skip(self.levels.len()) {
                update.stage(self, level, index, read)?;
            }
            if let Some((node, _)) = update.nodes[self.levels.len()].get_mut(&0) {
                node[0] = self.root;
            }
        }
        Ok(update)
    }

    /// Makes a durable update the map.
    pub(super) fn install(&mut self, update: MapUpdate) {
        self.pages = update.pages;
        self.levels.resize_with(update.nodes.len(), BTreeMap::new);
        for (level, nodes) in self.levels.iter_mut().zip(update.nodes) {
            level.extend(nodes.into_iter().map(|(index, (node, _))| (index, node)));
        }
        self.root = update.root;
    }
}

/// The map pages on the way from page `at` to the top, lowest first.
fn ancestors(at: usize, levels: usize, fanout: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut index = at;
    (0..levels).map(move |level| {
        index /= fanout;
        (level, index)
    })
}

/// Changed map pages of a checkpoint that is not durable yet.
pub(super) struct MapUpdate {
    block_len: usize,
    pages: u32,
    /// By level and position: the new entries, and where the old map page lies.
    nodes: Vec<BTreeMap<usize, (Node, MapEntry)>>,
    root: MapEntry,
}

impl MapUpdate {
    fn stage(
        &mut self,
        map: &mut PageMap,
        level: usize,
        index: usize,
        read: ReadImage<'_>,
    ) -> Result<(), StorageError> {
        if self.nodes[level].contains_key(&index) {
            return Ok(());
        }
        let fanout = map.fanout;
        let node = match map.levels.get(level) {
            Some(_) => map.node(level, index, read)?.map(Node::from),
            None => None,
        };
        let place = map.place(level, index, read)?;
        self.nodes[level].insert(index, (node.unwrap_or_else(|| empty_node(fanout)), place));
        Ok(())
    }

    /// The map pages to be written, lowest level first, each with where it lies today.
    pub(super) fn work(&self) -> Vec<(usize, usize, MapEntry)> {
        let levels = self.nodes.iter().enumerate();
        levels
            .flat_map(|(level, nodes)| nodes.iter().map(move |(&index, (_, place))| (level, index, *place)))
            .collect()
    }

    /// Map page `index` of `level` as it is to be written to `block`; its parent names it from now on.
    pub(super) fn image(&mut self, level: usize, index: usize, block: u64, generation: u64) -> Vec<u8> {
        let fanout = fanout(self.block_len);
        let mut bytes = vec![0; self.block_len];
        write_header(&mut bytes, PageNumber(index as u32), PageKind::Map, TreeId(level as u32));
        if let Some((node, _)) = self.nodes[level].get(&index) {
            for (entry, at) in node.iter().zip((PAGE_HEADER_LEN..).step_by(MapEntry::LEN)) {
                bytes[at..at + MapEntry::LEN].copy_from_slice(&entry.encode());
            }
        }
        let crc = image::seal(&mut bytes, generation);
        let entry = MapEntry::new(block, 1, crc, generation);
        match self.nodes.get_mut(level + 1) {
            Some(parents) => {
                if let Some((parent, _)) = parents.get_mut(&(index / fanout)) {
                    parent[index % fanout] = entry;
                }
            }
            None => self.root = entry,
        }
        bytes
    }

    /// Where the topmost map page lies, once all are written.
    pub(super) fn root(&self) -> MapEntry {
        self.root
    }
}

/// Takes a map page apart, after checking that it is the one that was meant.
fn decode_node(
    bytes: &[u8],
    level: usize,
    index: usize,
    place: MapEntry,
    fanout: usize,
) -> Result<Node, StorageError> {
    let damage = |problem| {
        StorageError::damage("page map", format_args!("map page {index} of level {level}: {problem}"))
    };
    image::verify(bytes, PageNumber(index as u32), place).map_err(damage)?;
    if bytes[8] != PageKind::Map as u8 || bytes[12..16] != (level as u32).to_le_bytes() {
        return Err(damage(words!("kind {} and level {:?} are another page's", bytes[8], &bytes[12..16])));
    }
    let mut node = empty_node(fanout);
    let (entries, _) = bytes[PAGE_HEADER_LEN..].as_chunks::<{ MapEntry::LEN }>();
    for (slot, bytes) in node.iter_mut().zip(entries) {
        // Map pages are never compressed.
        *slot = MapEntry::decode(bytes)
            .filter(|entry| level == 0 || !entry.is_compressed())
            .ok_or_else(|| damage(words!("an entry with unknown flags: {bytes:?}")))?;
    }
    Ok(node)
}
