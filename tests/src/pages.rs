//! [`Pages`]: pages in a map, for trees by themselves.

use std::collections::BTreeMap;

use epilog::storage::StorageError;
use epilog::storage::page::{BLOCK_LEN, PageKind, PageNumber, PageRead, PageWrite, TreeId, write_header};

/// Pages without versions.
#[derive(Clone, Default)]
pub struct Pages {
    /// By number.
    pub pages: BTreeMap<u32, Box<[u8]>>,
    next: u32,
}

impl Pages {
    /// The numbers of all pages.
    pub fn numbers(&self) -> Vec<PageNumber> {
        self.pages.keys().map(|number| PageNumber(*number)).collect()
    }
}

fn missing(number: PageNumber) -> StorageError {
    StorageError::page_damage(number, "there is no such page")
}

impl PageRead for Pages {
    fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        self.pages.get(&number.0).map(|page| &page[..]).ok_or_else(|| missing(number))
    }
}

impl PageWrite for Pages {
    fn block_len(&self) -> usize {
        BLOCK_LEN
    }

    fn page_mut(&mut self, number: PageNumber) -> Result<&mut [u8], StorageError> {
        self.pages.get_mut(&number.0).map(|page| &mut page[..]).ok_or_else(|| missing(number))
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
