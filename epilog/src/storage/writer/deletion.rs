//! Deletions part by part: of more records than memory has room to note, with all that goes along.
//!
//! A deletion finds out whole what goes and what loses what it points at, before its first change. Of many records that is done for some at
//! a time, within one savepoint: afterwards all is as if it had been done at once, or as it was before. Not where another part decides
//! something:
//!
//! - a record points at one that goes, which is forbidden, unless it goes too, with a part that follows;
//! - a record that loses what it points at comes into a partial index, in the place of one that goes with such a part;
//! - a record is taken along by one of its own kind, and would not be counted when its own part comes.

use alloc::vec::Vec;

use super::Writer;
use super::entry::may_take_in;
use crate::schema::{CollectionDef, OnDelete};
use crate::storage::StorageError;

impl<'p> Writer<'p> {
    /// Whether records of a collection may be deleted some at a time, with what each part of them takes along, as if all were at once:
    /// what is deleted then depends on no other part, and nothing forbids it that another part would have taken away.
    pub fn deletes_in_parts(&self, collection: &CollectionDef) -> bool {
        let mut reached = Vec::from([collection.id]);
        let mut next = 0;
        while let Some(id) = reached.get(next).copied() {
            next += 1;
            for (referrer, position) in self.stored.catalog.references_to(id) {
                let reference = referrer.fields[usize::from(position)].reference.expect("a reference");
                match reference.on_delete {
                    // What points at a record may be in a part that follows.
                    OnDelete::Restrict => return false,
                    // And so may what has the place that a record would come into.
                    OnDelete::SetNull if referrer.indexes.iter().any(may_take_in) => return false,
                    OnDelete::SetNull => {}
                    // One that another takes along is counted all the same.
                    OnDelete::Cascade if referrer.id == collection.id => return false,
                    OnDelete::Cascade if reached.contains(&referrer.id) => {}
                    OnDelete::Cascade => reached.push(referrer.id),
                }
            }
        }
        true
    }

    /// As [`delete_all`](Writer::delete_all), so many records at a time: where they [may](Writer::deletes_in_parts) be deleted so. `next`
    /// gives their ranks.
    ///
    /// # Errors
    ///
    /// As [`delete`](Writer::delete); what `next` fails with. Nothing has changed then.
    pub fn delete_parts<E: From<StorageError>>(
        &mut self,
        collection: &CollectionDef,
        part: usize,
        next: &mut dyn FnMut(&Writer<'p>) -> Result<Option<u128>, E>,
    ) -> Result<u64, E> {
        let mark = self.mark();
        let mut all = || {
            let (mut count, mut ranks) = (0, Vec::new());
            loop {
                ranks.clear();
                while ranks.len() < part
                    && let Some(rank) = next(self)?
                {
                    ranks.push(rank);
                }
                if ranks.is_empty() {
                    return Ok(count);
                }
                count += self.delete_all(collection, &ranks)?;
            }
        };
        let done = all();
        self.settle(mark, done)
    }
}

#[cfg(all(test, feature = "derive"))]
mod tests;
