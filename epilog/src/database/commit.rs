//! [`Commit`]: a commit that was made, and the wait for it to be durable.

use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::{CommitNumber, Durability, Shared};
use crate::Error;

/// A commit that was made: its number, and a wait for it to be durable.
///
/// With [`Durability::Immediate`] it is durable already. Otherwise [`wait`](Commit::wait) blocks until it is, and awaiting
/// it does so without blocking: it is a plain future of no particular runtime, woken by the library's background thread.
/// (Without that thread, see [`Options::background`](crate::Options::background), polling it makes the sync itself.) It
/// may be dropped: nothing of the commit depends on it. While it is kept, the database stays open, and its file locked.
///
/// Awaiting many commits that were made one after the other costs about one sync.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let path = directory.path().join("music.epilog");
/// let db: Database<Music> = Options::default().durability(Durability::Group).open(&path)?;
/// let mut commits = Vec::new();
/// for n in 0..10 {
///     let mut tx = db.begin()?;
///     tx.insert(&Artist { id: Id::auto(), name: format!("artist {n}") })?;
///     commits.push(tx.commit()?); // at once
/// }
/// for commit in commits {
///     commit.wait()?; // or commit.await?
/// }
/// assert_eq!(Artist::query().count(&db)?, 10);
/// # Ok::<(), Error>(())
/// ```
pub struct Commit {
    database: Arc<Shared>,
    number: CommitNumber,
    durability: Durability,
}

impl Commit {
    pub(super) fn new(database: &Arc<Shared>, number: CommitNumber, durability: Durability) -> Commit {
        Commit { database: Arc::clone(database), number, durability }
    }

    /// Its number: commits count from 1 without gaps. Of a transaction that changed nothing, that of the commit before.
    pub fn number(&self) -> CommitNumber {
        self.number
    }

    /// Whether it is known to be durable. Never waits.
    pub fn is_durable(&self) -> bool {
        self.database.store.is_durable(self.number)
    }

    /// Blocks until it is durable; syncs the journal if nobody else does. Returns at once for a database in memory.
    ///
    /// # Errors
    ///
    /// When the sync fails: the outcome is unknown, the database takes no more writes, and opening it again finds out.
    pub fn wait(&self) -> Result<CommitNumber, Error> {
        self.database.store.wait_durable(self.number)?;
        Ok(self.number)
    }

    /// What a closure's caller, who is handed nothing to wait for, is owed.
    pub(super) fn wait_if_promised(&self) -> Result<(), Error> {
        match self.durability {
            Durability::Group => self.wait().map(drop),
            _ => Ok(()),
        }
    }
}

impl Future for Commit {
    type Output = Result<CommitNumber, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.database.store.poll_durable(self.number, context.waker()) {
            Ok(true) => Poll::Ready(Ok(self.number)),
            Ok(false) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit").field("number", &self.number).finish_non_exhaustive()
    }
}
