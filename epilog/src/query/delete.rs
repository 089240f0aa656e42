//! `delete`: removes every record of a query.

use core::fmt;
use core::marker::PhantomData;

use super::Query;
use super::run::{Writes, timed_change};
use crate::Error;
use crate::collection::{Collection, Within};
use crate::engine::Control;
use crate::expr::Draft;

/// The removal of every record of a query. Made by [`Query::delete`], carried out by [`run`](Delete::run).
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let unknown = Album::query().filter(|al| al.year.is_none()).delete();
/// assert_eq!(db.write(|tx| unknown.run(tx))?, 1);
/// assert_eq!(db.write(|tx| unknown.run(tx))?, 0);
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a deletion does nothing until it is run: `.run(tx)`"]
pub struct Delete<C> {
    pub(super) draft: Draft,
    pub(super) control: Control,
    of: PhantomData<fn() -> C>,
}

impl<C: Collection> Query<C, C> {
    /// Deletes every record of the query: those that its clauses leave, so that an ordering and a limit say which.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let shortest = Track::query().order_by(|t| t.seconds).limit(1).delete();
    /// db.write(|tx| shortest.run(tx))?;
    /// assert_eq!(Track::query().aggregate(|g| g.min(|t| t.seconds)).one(&db)?, Some(245));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn delete(self) -> Delete<C> {
        Delete { draft: self.draft, control: self.control, of: PhantomData }
    }
}

impl<C: Collection> Delete<C> {
    /// Carries out the deletion; returns how many records of `C` it found and deleted, without those that went with them.
    ///
    /// The records are found before the first one goes. Those among them may point at each other.
    ///
    /// # Errors
    ///
    /// [`ReferenceViolation`](crate::ErrorKind::ReferenceViolation) when records that stay point at a deleted one and
    /// forbid it (`restrict`, the default); otherwise as [`all`](Query::all). Nothing is deleted then, and the
    /// transaction can go on.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let deleted = db.write(|tx| Artist::query().filter(|a| a.name.ne("Zappa")).delete().run(tx))?;
    /// assert_eq!(deleted, 2);
    /// assert_eq!(Album::query().count(&db)?, 0); // their relation says `#[on_delete(cascade)]`
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn run<W: Writes>(&self, transaction: &mut W) -> Result<u64, Error>
    where
        C: Within<W::Schema>,
    {
        timed_change(transaction, &self.draft, |transaction| {
            transaction.delete_records(&self.draft, &self.control, None)
        })
    }

    /// Which records are deleted.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }
}

impl<C> Clone for Delete<C> {
    fn clone(&self) -> Self {
        Delete { draft: self.draft.clone(), control: self.control.clone(), of: PhantomData }
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
