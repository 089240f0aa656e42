//! [`Watch`]: what comes out of a query, now and whenever that may have changed.
//!
//! ```text
//! next ----> snapshot, all rows ----> wait: a commit after the snapshot's that changed what the query reads ----> next
//! ```
//!
//! - Each answer is of one snapshot, and of a later commit than the one before; none is held while a watch waits.
//! - What to wait for is told by the commit of the last answer alone, and looked up: no commit puts anything aside for a watch,
//!   so that none waits for one, and what happens while nobody waits is found as well.
//! - The collections that a query reads are those that are bound for it, before anything is rewritten: more, never fewer, than its plan reads.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::panic::Location;
use core::time::Duration;

use super::{Answers, Query, Reads};
use crate::collection::Schema;
use crate::database::{CommitNumber, Database, Ending, Waited};
use crate::engine;
use crate::schema::CollectionId;
use crate::{Error, ErrorKind};

impl<S, O> Query<S, O> {
    /// All that comes out now, as [`all`](Query::all) gives it, and all of it again after each commit that may have changed it: an
    /// iterator whose `next` waits. [`Watch`] has what can be relied on.
    ///
    /// A number is watched as a row of it: `aggregate(|t| t.count())`. Records are not watched together with those that
    /// [`with`](Query::with) brings along.
    ///
    /// Not with the cargo feature `small`, and not without `std`; [`Database::next_commit`] is a wait without threads.
    ///
    /// # Errors
    ///
    /// [`Plan`](crate::ErrorKind::Plan) when the query cannot be planned. It is not run yet.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let longest = Track::query().order_by(|t| t.seconds.desc()).limit(1).select(|t| (t.name, t.seconds));
    /// let mut watch = longest.watch(&db)?;
    /// assert_eq!(watch.next().transpose()?, Some(vec![("Crusader".into(), 395)]));
    ///
    /// // Another thread writes; what this one does meanwhile is not interrupted.
    /// let (handle, closer) = (db.clone(), watch.closer());
    /// let writer = std::thread::spawn(move || {
    ///     let longer = Track::query().filter(|t| t.seconds.eq(271)).update(|t| t.seconds.set(827));
    ///     handle.write(|tx| longer.run(tx))?;
    ///     handle.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() }))
    /// });
    /// assert_eq!(watch.next().transpose()?, Some(vec![("Aces High".into(), 827)]));
    ///
    /// // No track is changed by the other commit, and by none after it.
    /// writer.join().expect("no panic")?;
    /// closer.close();
    /// assert_eq!(watch.next().transpose()?, None);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn watch<D: Schema>(&self, database: &Database<D>) -> Result<Watch<D, O>, Error>
    where
        Database<D>: Answers<S>,
    {
        let reads = database.with_view(|view| Ok(engine::reads(view, &self.draft)?))?;
        let Query { draft, decode, control, .. } = self;
        Ok(Watch {
            query: Query {
                draft: draft.clone(),
                decode: *decode,
                control: control.clone(),
                scope: PhantomData,
            },
            reads,
            given: None,
            ending: Arc::new(database.ending()),
            database: database.clone(),
            location: Location::caller(),
        })
    }
}

/// What comes out of a query, now and whenever that may have changed: an iterator that waits. Made by [`Query::watch`].
///
/// - The first answer is given at once. Each further one when there has been a commit, after the one that the answer before is
///   [of](Watch::commit), that put or deleted records of a collection that the query reads. It is all rows, of one snapshot.
/// - **The last state is seen.** When commits stop, the answer of the last one that changed what the query reads is given. A
///   commit is not missed because it came while the query ran, or while nobody waited.
/// - **A slow reader gets the newest**, not one answer for each commit: what it gets is as of when it asks.
/// - An answer can be equal to the one before: a commit may change other records of the same collection, or put what was there. It is
///   given all the same. Now and then there is one more than commits were made.
/// - **No writer waits for it**, and nothing is kept for it: no snapshot between two answers, no list of changes. Each answer is
///   a run of the query, and takes as long as [`all`](Query::all). While a watch waits each commit wakes its thread, which looks whether
///   that is one for it and sleeps on.
/// - It waits until it is [closed](WatchCloser::close), for no longer than it is told ([`next_within`](Watch::next_within)), or for ever. On a thread
///   that holds a write transaction it would wait for itself. It waits for no other than commits: what a [`filter_fn`](Query::filter_fn) looks at
///   elsewhere may change, and [`cancel_with`](Query::cancel_with) ends runs and no waits.
///
/// After an error the iterator goes on with the next commit that may have changed the answer: a row that had no result may be gone then. It ends
/// after [`Cancelled`](crate::ErrorKind::Cancelled), and after [`Failed`](crate::ErrorKind::Failed), when nothing is written any more.
///
/// What is committed is seen as any reader sees it: with [`Durability::Eventual`](crate::Durability::Eventual) and [`None`](crate::Durability::None)
/// before it is durable. The schema does not change while a database is open, checkpoints, compaction and backups change no
/// record, and a repair makes another file: none of them is an answer. One process at a time has a database open, and sees its own commits;
/// one that was opened for reading only has none, and a single answer.
///
/// A watch is a handle to the database, and keeps it open. It can be sent to another thread.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
#[doc = include_str!("../example.txt")]
///
/// let (send, answers) = mpsc::channel();
/// let watch = Album::query().aggregate(|al| al.count()).watch(&db)?;
/// let closer = watch.closer();
/// let follower = std::thread::spawn(move || {
///     for count in watch {
///         send.send(count?[0]).expect("somebody listens");
///     }
///     Ok::<_, Error>(())
/// });
/// assert_eq!(answers.recv(), Ok(4));
/// db.write(|tx| tx.delete_key::<Album>(Id::new(4)))?;
/// assert_eq!(answers.recv(), Ok(3));
/// closer.close();
/// follower.join().expect("no panic")?;
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a watch does nothing until it is asked"]
pub struct Watch<D, O> {
    database: Database<D>,
    query: Query<(), O>,
    /// The collections whose changes may change the answer.
    reads: Vec<CollectionId>,
    /// What the last answer was of.
    given: Option<CommitNumber>,
    ending: Arc<Ending>,
    /// Where the terminal was called.
    location: &'static Location<'static>,
}

impl<D: Schema, O> Watch<D, O> {
    /// As `next`, for no longer than `timeout`: `None` when nothing that the query reads was changed until then, and when the watch
    /// [is closed](Watch::is_closed). The time is that of waiting: running the query has its own [`timeout`](Query::timeout).
    ///
    /// With [`Duration::ZERO`] it does not wait.
    ///
    /// # Errors
    ///
    /// As [`all`](Query::all), and [`Failed`](crate::ErrorKind::Failed) when a sync has failed, after which there are no more commits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    #[doc = include_str!("../example.txt")]
    ///
    /// let mut watch = Artist::query().filter(|a| a.name.starts_with("Z")).select(|a| a.name).watch(&db)?;
    /// assert_eq!(watch.next_within(Duration::ZERO)?, Some(vec!["Zappa".into()]));
    /// assert_eq!(watch.next_within(Duration::from_millis(1))?, None);
    ///
    /// for name in ["Zodiac", "Zu"] {
    ///     db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: name.into() }))?;
    /// }
    /// let names = watch.next_within(Duration::ZERO)?.expect("two commits, and one answer");
    /// assert_eq!((names.len(), watch.next_within(Duration::ZERO)?), (3, None));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn next_within(&mut self, timeout: Duration) -> Result<Option<Vec<O>>, Error> {
        if self.ending.is_ended() {
            return Ok(None);
        }
        if let Some(given) = self.given {
            let waited = self.database.wait_for_change(&self.reads, given, timeout, &self.ending);
            match waited.inspect_err(|_| self.ending.end())? {
                Waited::Changed => {}
                Waited::Ended | Waited::TimedOut => return Ok(None),
            }
        }
        let rows = self.run();
        if rows.as_ref().is_err_and(|error| error.kind() == ErrorKind::Cancelled) {
            // So would be all others.
            self.ending.end();
        }
        rows.map(Some)
    }

    /// The answer as of now.
    fn run(&mut self) -> Result<Vec<O>, Error> {
        let snapshot = self.database.read()?;
        self.given = Some(snapshot.commit());
        self.query.timed_at(&snapshot, self.location, || self.query.collect(&snapshot))
    }
}

impl<D, O> Watch<D, O> {
    /// The commit that the last answer, or the error instead of one, is of; `None` before the first.
    pub fn commit(&self) -> Option<CommitNumber> {
        self.given
    }

    /// What ends the watch, from this thread or another.
    pub fn closer(&self) -> WatchCloser {
        WatchCloser { ending: Arc::clone(&self.ending) }
    }

    /// Whether the watch has ended.
    pub fn is_closed(&self) -> bool {
        self.ending.is_ended()
    }
}

impl<D: Schema, O> Iterator for Watch<D, O> {
    type Item = Result<Vec<O>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_within(Duration::MAX).transpose() {
                // So long a wait may be over all the same.
                None if !self.is_closed() => {}
                next => return next,
            }
        }
    }
}

impl<D: Schema, O> FusedIterator for Watch<D, O> {}

impl<D, O> fmt::Debug for Watch<D, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("query", &self.query)
            .field("commit", &self.given)
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// Ends a [`Watch`], from any thread. Made by [`Watch::closer`].
///
/// Dropping it ends nothing. It does not keep the database open.
#[derive(Clone)]
pub struct WatchCloser {
    ending: Arc<Ending>,
}

impl WatchCloser {
    /// Ends the watch: whoever waits in it returns at once, and it gives no more answers. One that is being read is still given.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let watch = Artist::query().watch(&db)?;
    /// let closer = watch.closer();
    /// // It has two answers at most: one of now, and one of the deletion, if it was not of that already.
    /// let follower = std::thread::spawn(move || watch.count());
    /// db.write(|tx| tx.delete_key::<Artist>(Id::new(3)))?;
    /// closer.close();
    /// assert!(follower.join().expect("it ends") <= 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn close(&self) {
        self.ending.end();
    }
}

impl fmt::Debug for WatchCloser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchCloser").field("closed", &self.ending.is_ended()).finish_non_exhaustive()
    }
}
