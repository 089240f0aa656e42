//! Write transactions without the lease: [`Database::write_concurrent`].

use core::time::Duration;

use super::{Commit, Database, Durability, WriteTransaction};
use crate::collection::Schema;
use crate::storage::store::Outcome;
use crate::sync::{pause, thread_slot};
use crate::{Error, ErrorKind};

/// So often it is tried without the lease.
const ATTEMPTS: u32 = 4;

/// About how long to wait before the second attempt; twice as long before each one after.
const FIRST_PAUSE: Duration = Duration::from_micros(50);

impl<D: Schema> Database<D> {
    /// Runs `work` in a write transaction beside other write transactions, and commits as if it had run alone.
    ///
    /// Where [`write`](Database::write) waits for a running write transaction before it calls `work`, this one calls it at
    /// once. The transaction sees the last commit and its own changes. When `work` returns `Ok`, it waits for its turn, and
    /// for no longer than its changes take to be made again; if nothing that it *read* has been changed meanwhile, it
    /// commits. Otherwise there is a conflict: all of it is forgotten and `work` is called again, a few times with a
    /// growing pause before, in the end in a transaction that others wait for. `work` should therefore do nothing but use
    /// the transaction.
    ///
    /// What is committed is *serializable*: the database is as if all transactions, of either kind, had run one after the
    /// other in the order of their commits. [What counts as read](crate::database#writing-beside-others) says when two
    /// conflict. Use it for work that takes long, on several threads, when most transactions touch different records;
    /// [`write`](Database::write) costs less for everything short.
    ///
    /// Its changes are kept in memory, in copies of pages: of a quarter of the page cache at most, and no more changes than one
    /// commit may have. What needs more fails with `OutOfMemory` where it does, is given up, and runs under the lease at
    /// once, as a transaction may exceed memory there.
    ///
    /// The result is durable as with [`write`](Database::write). An `Err` that `work` returns aborts, and is returned at
    /// once; when it says that a constraint refused something, or that a record is missing, only after it has been found
    /// that this still holds.
    ///
    /// Called by a thread that has a write transaction of its own open, it waits for that one forever.
    ///
    /// # Errors
    ///
    /// What `work` returns; what [`begin`](Database::begin) and [`commit`](WriteTransaction::commit) fail with. Never a
    /// conflict. With the cargo feature `small`, [`LeftOut`](crate::ErrorKind::LeftOut).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // Each of the threads takes an album without a year, whichever is left, and gives it one.
    /// let date = || {
    ///     db.write_concurrent(|tx| {
    ///         let Some(mut album) = Album::query().filter(|al| al.year.is_none()).first(tx)? else {
    ///             return Ok(None);
    ///         };
    ///         album.year = Some(2026); // found out in some time
    ///         tx.update(&album)?;
    ///         Ok(Some(album.id))
    ///     })
    /// };
    /// let (a, b) = std::thread::scope(|scope| {
    ///     let other = scope.spawn(date);
    ///     (date(), other.join().expect("no panic"))
    /// });
    /// // There was one, and only one of them took it.
    /// let mut taken = [a?, b?];
    /// taken.sort();
    /// assert_eq!(taken, [None, Some(Id::new(4))]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn write_concurrent<R>(
        &self,
        work: impl FnMut(&mut WriteTransaction<'_, D>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let (result, commit) = self.write_concurrent_with(self.shared.durability, work)?;
        commit.wait_if_promised()?;
        Ok(result)
    }

    /// As [`write_concurrent`](Database::write_concurrent) with a durability of its own, whatever
    /// [`Options::durability`](super::Options::durability) says. Returns what `work` did, and the commit, to be waited for
    /// with [`Durability::Group`].
    ///
    /// # Errors
    ///
    /// As [`write_concurrent`](Database::write_concurrent).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let (id, commit) = db.write_concurrent_with(Durability::Group, |tx| {
    ///     tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() })
    /// })?;
    /// commit.wait()?;
    /// assert_eq!(db.get::<Artist>(id)?.map(|artist| artist.name), Some("Motörhead".into()));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn write_concurrent_with<R>(
        &self,
        durability: Durability,
        mut work: impl FnMut(&mut WriteTransaction<'_, D>) -> Result<R, Error>,
    ) -> Result<(R, Commit), Error> {
        let store = &self.shared.store;
        let mut draws = store.draws();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                pause(pause_before(attempt));
            }
            let mut transaction = WriteTransaction::new(&self.shared, store.begin_concurrent(draws)?);
            let result = work(&mut transaction);
            let writer = transaction.into_writer();
            if writer.is_out_of_room() {
                // Whatever `work` made of the error: with the lease it does not meet it.
                store.abandon(writer)?;
                break;
            }
            draws = match result {
                Ok(result) => match store.commit_concurrent(writer, durability)? {
                    Outcome::Committed(number) => {
                        return Ok((result, Commit::new(&self.shared, number, durability)));
                    }
                    Outcome::Conflict(draws) => draws,
                    Outcome::TooLarge => break,
                },
                Err(error) if !is_refusal(&error) => {
                    store.abandon(writer)?;
                    return Err(error);
                }
                Err(error) => match store.refusal_stands(writer)? {
                    None => return Err(error),
                    Some(draws) => draws,
                },
            };
        }
        let mut transaction = self.begin()?;
        let result = work(&mut transaction)?;
        Ok((result, transaction.commit_with(durability)?))
    }
}

/// Whether the error tells of what is stored, and so may not hold any more.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UniqueViolation
            | ErrorKind::ReferenceViolation
            | ErrorKind::Constraint
            | ErrorKind::NotFound
            | ErrorKind::NotUnique
    )
}

/// Between half and one and a half of what is usual before an attempt, different for threads that meet.
fn pause_before(attempt: u32) -> Duration {
    let usual = FIRST_PAUSE * (1 << (attempt - 1));
    let mixed =
        (thread_slot() as u32).wrapping_mul(0x9E37_79B9).wrapping_add(attempt.wrapping_mul(0x85EB_CA6B));
    usual / 2 + usual * (mixed >> 24) / 256
}
