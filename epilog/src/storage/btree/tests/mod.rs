//! Tests of both trees: against models, for the shape of the pages, and with damaged pages.

mod damage;
mod entries;
mod pager;
mod records;

use alloc::collections::BTreeSet;

use self::pager::TestPager;
use super::TreeSummary;
use crate::storage::StorageError;
use crate::storage::page::PageNumber;

/// A seeded generator (xorshift64*), so that a failure is one number.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 11) as usize % limit
    }
}

/// Checks a tree that is all there is in `pages`: nothing is lost and nothing leaks.
fn check_all(
    pages: &TestPager,
    check: impl FnOnce(&TestPager, &mut dyn FnMut(PageNumber)) -> Result<TreeSummary, StorageError>,
) -> TreeSummary {
    let mut seen = BTreeSet::new();
    let summary = check(pages, &mut |number| {
        seen.insert(number);
    });
    let summary = summary.unwrap();
    assert!(pages.numbers().into_iter().eq(seen), "the pages are those of the tree");
    summary
}
