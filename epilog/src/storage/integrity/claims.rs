//! [`Claims`]: which pages something leads to, each by one thing only.

use alloc::vec::Vec;

use crate::storage::page::PageNumber;

/// A set of page numbers, a bit each.
#[derive(Default)]
pub(super) struct Claims {
    words: Vec<u64>,
    count: u64,
}

impl Claims {
    /// Adds a page; false when it was there.
    pub(super) fn insert(&mut self, page: PageNumber) -> bool {
        let (word, bit) = (page.0 as usize / 64, 1 << (page.0 % 64));
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.count += u64::from(new);
        new
    }

    /// Whether the page was added.
    pub(super) fn contains(&self, page: PageNumber) -> bool {
        self.words.get(page.0 as usize / 64).is_some_and(|word| word & 1 << (page.0 % 64) != 0)
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
