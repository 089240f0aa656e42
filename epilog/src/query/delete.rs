//! `delete`: removes every record of a query.

use core::fmt;
use core::marker::PhantomData;

use super::Query;
use super::run::Writes;
use crate::Error;
use crate::collection::{Collection, Within};
use crate::expr::Draft;

/// The removal of every record of a query. Made by [`Query::delete`].
#[must_use = "a deletion does nothing until it is run: `.run(tx)`"]
pub struct Delete<C> {
    draft: Draft,
    of: PhantomData<fn() -> C>,
}

impl<C: Collection> Query<C, C> {
    /// Deletes every record.
    pub fn delete(self) -> Delete<C> {
        Delete { draft: self.draft, of: PhantomData }
    }
}

impl<C: Collection> Delete<C> {
    /// Carries out the deletion; returns how many records of `C` were deleted, without those that went with them.
    ///
    /// # Errors
    ///
    /// When records that point at a deleted one forbid it (`restrict`, the default), or when reading fails. Nothing is
    /// deleted then.
    pub fn run<W: Writes>(&self, transaction: &mut W) -> Result<u64, Error>
    where
        C: Within<W::Schema>,
    {
        transaction.delete_records(&self.draft)
    }

    /// Which records are deleted.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }
}

impl<C> Clone for Delete<C> {
    fn clone(&self) -> Self {
        Delete { draft: self.draft.clone(), of: PhantomData }
    }
}

impl<C> fmt::Debug for Delete<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delete")
            .field("root", &(self.draft.root)().name)
            .field("clauses", &self.draft.clauses)
            .finish()
    }
}
