//! Pages in a map, for tests of trees.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::storage::StorageError;
use crate::storage::page::{BLOCK_LEN, PageKind, PageNumber, PageRead, PageWrite, TreeId, write_header};

/// Pages without versions.
#[derive(Clone, Default)]
pub(super) struct TestPager {
    pub(super) pages: BTreeMap<u32, Box<[u8]>>,
    next: u32,
}

impl TestPager {
    pub(super) fn numbers(&self) -> Vec<PageNumber> {
        self.pages.keys().map(|number| PageNumber(*number)).collect()
    }
}

impl PageRead for TestPager {
    fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        let page = self.pages.get(&number.0);
        page.map(|page| &page[..]).ok_or_else(|| StorageError::page_damage(number, "there is no such page"))
    }
}

impl PageWrite for TestPager {
    fn block_len(&self) -> usize {
        BLOCK_LEN
    }

    fn page_mut(&mut self, number: PageNumber) -> Result<&mut [u8], StorageError> {
        let page = self.pages.get_mut(&number.0);
        page.map(|page| &mut page[..])
            .ok_or_else(|| StorageError::page_damage(number, "there is no such page"))
    }

    fn allocate(&mut self, kind: PageKind, tree: TreeId, len: usize) -> Result<PageNumber, StorageError> {
        self.next += 1;
        let mut page = vec![0; len].into_boxed_slice();
        write_header(&mut page, PageNumber(self.next), kind, tree);
        self.pages.insert(self.next, page);
        Ok(PageNumber(self.next))
    }

    fn free(&mut self, number: PageNumber) {
        self.pages.remove(&number.0);
    }
}
