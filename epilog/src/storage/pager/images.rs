//! [`Images`]: loads pages from the file, through the page map.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::frames::Buffer;
use super::image;
use super::map::{MapEntry, PageMap};
use crate::storage::StorageError;
use crate::storage::page::{BLOCK_LEN, PageNumber};
use crate::storage::vfs::VfsFile;
use crate::sync::Mutex;

/// The database file as readers and the checkpoint see it.
pub(super) struct Images {
    file: Box<dyn VfsFile>,
    map: Mutex<PageMap>,
}

impl Images {
    /// The images of `file` that `map` names.
    pub(super) fn new(file: Box<dyn VfsFile>, map: PageMap) -> Images {
        Images { file, map: Mutex::new(map) }
    }

    /// The database file.
    pub(super) fn file(&self) -> &dyn VfsFile {
        &*self.file
    }

    /// Where page `number`'s image lies; [`MapEntry::NONE`] when it has none.
    ///
    /// # Errors
    ///
    /// When the map page that says so cannot be read, or is damaged.
    pub(super) fn entry(&self, number: PageNumber) -> Result<MapEntry, StorageError> {
        self.with_map(|map, read| map.entry(number, read))
    }

    /// Gives the map to `use_map`, with the means to load its pages.
    pub(super) fn with_map<T>(
        &self,
        use_map: impl FnOnce(&mut PageMap, &mut dyn FnMut(MapEntry) -> Result<Vec<u8>, StorageError>) -> T,
    ) -> T {
        use_map(&mut self.map.lock(), &mut |entry| self.read(entry))
    }

    /// Loads and verifies page `number`.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corruption`] when there is no such page, or its image is not the one the map names.
    pub(super) fn load(&self, number: PageNumber) -> Result<Buffer, StorageError> {
        let entry = self.entry(number)?;
        if entry.is_none() {
            return Err(StorageError::page_damage(
                number,
                "something names it, but the page map has no image of it",
            ));
        }
        self.load_at(number, entry)
    }

    /// Loads and verifies page `number` from where `entry` says.
    ///
    /// # Errors
    ///
    /// As [`load`](Images::load).
    pub(super) fn load_at(&self, number: PageNumber, entry: MapEntry) -> Result<Buffer, StorageError> {
        self.check_place(entry)?;
        let mut buffer = Buffer::zeroed(entry.run as usize * BLOCK_LEN)?;
        self.file.read_at(&mut buffer, entry.block * BLOCK_LEN as u64)?;
        image::verify(&buffer, number, entry)
            .map_err(|problem| StorageError::page_damage(number, problem))?;
        Ok(buffer)
    }

    /// Reads the image `entry` leads to, without looking at it.
    ///
    /// # Errors
    ///
    /// When it lies outside the file, or the read fails.
    pub(super) fn read(&self, entry: MapEntry) -> Result<Vec<u8>, StorageError> {
        self.check_place(entry)?;
        let mut bytes = vec![0; entry.run as usize * BLOCK_LEN];
        self.file.read_at(&mut bytes, entry.block * BLOCK_LEN as u64)?;
        Ok(bytes)
    }

    /// An image outside the file is damage; found here, before memory is taken for a length that a damaged entry made up.
    fn check_place(&self, entry: MapEntry) -> Result<(), StorageError> {
        let end = (entry.block + u64::from(entry.run)).saturating_mul(BLOCK_LEN as u64);
        let len = self.file.len()?;
        if end > len {
            return Err(StorageError::damage(
                "page map",
                format!(
                    "an image of {} blocks at block {} ends behind the file's {len} bytes",
                    entry.run, entry.block
                ),
            ));
        }
        Ok(())
    }
}
