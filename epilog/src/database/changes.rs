//! [`Changes`]: what was committed, commit by commit, as it can be read afterwards.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
#[cfg(all(feature = "std", not(feature = "small")))]
use alloc::sync::Weak;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::{CommitNumber, Database, Shared};
use crate::Error;
use crate::collection::{Collection, Key, RecordReader, Schema, Within};
use crate::schema::CollectionDef;
#[cfg(all(feature = "std", not(feature = "small")))]
use crate::schema::CollectionId;
use crate::storage::StorageError;
use crate::storage::change::{Changed, Touched};
use crate::storage::journal::Entry;
#[cfg(all(feature = "std", not(feature = "small")))]
use crate::storage::latest::Waited;
use crate::storage::pager::Feed;
use crate::storage::records::LooseRecord;
#[cfg(all(feature = "std", not(feature = "small")))]
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::value::Cell;

/// Change sets are read ahead until there are so many bytes of them.
const READ_AHEAD_BYTES: usize = 256 << 10;

impl<D: Schema> Database<D> {
    /// What was committed after commit `since`, commit by commit, in order.
    ///
    /// Gives what everybody sees, and nothing else: no transaction that is not committed, and none that waits for the
    /// disk. After the last one the iterator ends; asked again later, it goes on with what was committed meanwhile.
    /// [`wait_for_commit`](Database::wait_for_commit) waits for that. A reader holds nothing up and keeps nothing: what
    /// is there to read is what the journal happens to hold since the last checkpoint, and more with
    /// [`Options::retain_changes`](super::Options::retain_changes) and [`Options::archive`](super::Options::archive).
    ///
    /// To follow a database, read a snapshot, and then the changes after [its commit](super::ReadTransaction::commit).
    ///
    /// # Errors
    ///
    /// [`NotRetained`](crate::ErrorKind::NotRetained) when a commit after `since` is not kept any more (the message has
    /// the oldest that can be asked for), or `since` has not been made; [`Io`](crate::ErrorKind::Io) and
    /// [`Corruption`](crate::ErrorKind::Corruption) when it cannot be read. The iterator's items fail likewise.
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::database::Retention;
    #[doc = include_str!("../example.txt")]
    ///
    /// let db: Database<Music> = Options::default().retain_changes(Retention::Everything).in_memory()?;
    /// let mut changes = db.changes(db.read()?.commit())?;
    /// assert!(changes.next().is_none());
    ///
    /// let saxon = db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// db.write(|tx| tx.delete_key::<Artist>(saxon))?;
    ///
    /// let set = changes.next().expect("a commit")?;
    /// let change = set.changes().next().expect("a change")?;
    /// assert_eq!((change.collection(), change.is_delete()), ("Artist", false));
    /// assert_eq!(change.record::<Artist>().expect("an artist")?.name, "Saxon");
    ///
    /// let set = changes.next().expect("a commit")?;
    /// let change = set.changes().next().expect("a change")?;
    /// assert!(change.is::<Artist>() && change.is_delete());
    /// assert_eq!(change.key::<Artist>().expect("an artist")?, saxon);
    /// assert!(changes.next().is_none());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn changes(&self, since: CommitNumber) -> Result<Changes<D>, Error> {
        let feed = self.shared.store.feed(since)?;
        Ok(Changes {
            database: Arc::clone(&self.shared),
            feed,
            commit: since,
            ahead: VecDeque::new(),
            durable_only: false,
            schema: PhantomData,
        })
    }

    /// Waits until a commit after `after` is seen by everybody, for no longer than `timeout`. Gives the number of the
    /// last commit then, and `None` when the time is over.
    ///
    /// # Errors
    ///
    /// [`Failed`](crate::ErrorKind::Failed) when a sync has failed, after which there are no more commits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    #[doc = include_str!("../example.txt")]
    ///
    /// let before = db.read()?.commit();
    /// assert_eq!(db.wait_for_commit(before, Duration::from_millis(1))?, None);
    /// let handle = db.clone();
    /// let follower = std::thread::spawn(move || handle.wait_for_commit(before, Duration::from_secs(60)));
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() }))?;
    /// assert_eq!(follower.join().expect("no panic")?, Some(db.read()?.commit()));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn wait_for_commit(
        &self,
        after: CommitNumber,
        timeout: core::time::Duration,
    ) -> Result<Option<CommitNumber>, Error> {
        Ok(self.shared.store.wait_published(after, timeout)?)
    }

    /// As [`wait_for_commit`](Database::wait_for_commit), to be awaited: a plain future, of no particular runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::Future;
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    #[doc = include_str!("../example.txt")]
    ///
    /// let mut next = pin!(db.next_commit(db.read()?.commit()));
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(next.as_mut().poll(&mut context).is_pending());
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() }))?;
    /// let Poll::Ready(commit) = next.as_mut().poll(&mut context) else { panic!("there is a commit") };
    /// assert_eq!(commit?, db.read()?.commit());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn next_commit(&self, after: CommitNumber) -> NextCommit {
        NextCommit { database: Arc::clone(&self.shared), after }
    }
}

/// Whether somebody has ended waits for changes of a database, and who is to be told.
#[cfg(all(feature = "std", not(feature = "small")))]
pub(crate) struct Ending {
    is_ended: AtomicBool,
    /// Whoever holds on to this keeps no database open.
    database: Weak<Shared>,
}

#[cfg(all(feature = "std", not(feature = "small")))]
impl Ending {
    /// Ends the waits, those that others are in now included.
    pub(crate) fn end(&self) {
        self.is_ended.store(true, Ordering::Release);
        if let Some(database) = self.database.upgrade() {
            database.store.wake_waiting();
        }
    }

    /// Whether the waits were ended.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended.load(Ordering::Acquire)
    }
}

#[cfg(all(feature = "std", not(feature = "small")))]
impl<D> Database<D> {
    /// What can end waits for changes.
    pub(crate) fn ending(&self) -> Ending {
        Ending { is_ended: AtomicBool::new(false), database: Arc::downgrade(&self.shared) }
    }

    /// Waits for a commit after `commit` that may have changed one of these collections.
    ///
    /// # Errors
    ///
    /// As [`wait_for_commit`](Database::wait_for_commit).
    pub(crate) fn wait_for_change(
        &self,
        collections: &[CollectionId],
        commit: CommitNumber,
        timeout: core::time::Duration,
        ending: &Ending,
    ) -> Result<Waited, Error> {
        Ok(self.shared.store.wait_changed(collections, commit, timeout, || ending.is_ended())?)
    }
}

/// A commit that is waited for: see [`Database::next_commit`].
pub struct NextCommit {
    database: Arc<Shared>,
    after: CommitNumber,
}

impl fmt::Debug for NextCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextCommit").field("after", &self.after).finish_non_exhaustive()
    }
}

impl Future for NextCommit {
    type Output = Result<CommitNumber, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.database.store.poll_published(self.after, context.waker()) {
            Ok(Some(commit)) => Poll::Ready(Ok(commit)),
            Ok(None) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}

/// Change sets, one for each commit, in order: see [`Database::changes`].
///
/// `next` gives `None` when there is no further commit yet. After an error it may be asked again.
pub struct Changes<D> {
    database: Arc<Shared>,
    feed: Feed,
    /// The last one given.
    commit: CommitNumber,
    ahead: VecDeque<Entry>,
    durable_only: bool,
    schema: PhantomData<fn() -> D>,
}

impl<D> Changes<D> {
    /// Leaves out, until they are durable, commits that a crash could still take back: those with
    /// [`Durability::Eventual`](super::Durability::Eventual) and [`Durability::None`](super::Durability::None) are seen
    /// before. For readers that keep what they read, such as replicas: the number of a commit that was lost is given to
    /// another one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::MemoryVfs;
    #[doc = include_str!("../example.txt")]
    ///
    /// let options = Options::default().durability(Durability::None);
    /// let db: Database<Music> = Database::open_in(Arc::new(MemoryVfs::new()), "music", &options)?;
    /// let mut all = db.changes(db.read()?.commit())?;
    /// let mut durable = db.changes(db.read()?.commit())?.durable_only();
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// assert!(all.next().is_some() && durable.next().is_none());
    /// db.checkpoint()?;
    /// assert!(durable.next().is_some());
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn durable_only(mut self) -> Changes<D> {
        self.durable_only = true;
        self
    }

    /// The last commit given, or the one the reader began after: what to call [`Database::changes`] with to go on later.
    pub fn commit(&self) -> CommitNumber {
        self.commit
    }
}

impl<D> Iterator for Changes<D> {
    type Item = Result<ChangeSet<D>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ahead.is_empty() {
            match self.database.store.read_feed(&mut self.feed, READ_AHEAD_BYTES, self.durable_only) {
                Ok(entries) => self.ahead.extend(entries),
                Err(error) => return Some(Err(error.into())),
            }
        }
        let entry = self.ahead.pop_front()?;
        self.commit = CommitNumber(entry.commit);
        Some(Ok(ChangeSet { database: Arc::clone(&self.database), entry, schema: PhantomData }))
    }
}

impl<D> fmt::Debug for Changes<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("commit", &self.commit).finish_non_exhaustive()
    }
}

/// What one commit changed.
///
/// # Examples
///
/// ```
/// use epilog::database::Retention;
#[doc = include_str!("../example.txt")]
///
/// let db: Database<Music> = Options::default().retain_changes(Retention::Everything).in_memory()?;
/// let before = db.read()?.commit();
/// db.write(|tx| {
///     let artist = tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() })?;
///     tx.insert(&Album { id: Id::auto(), title: "Crusader".into(), artist, year: Some(1984) })
/// })?;
/// let set = db.changes(before)?.next().expect("a commit")?;
/// assert_eq!(set.commit().0, before.0 + 1);
/// let what = set.changes().map(|change| Ok(change?.to_string())).collect::<Result<Vec<_>, Error>>()?;
/// assert_eq!(what, ["put Artist 1", "put Album 1"]);
/// # Ok::<(), Error>(())
/// ```
pub struct ChangeSet<D> {
    database: Arc<Shared>,
    entry: Entry,
    schema: PhantomData<fn() -> D>,
}

impl<D> ChangeSet<D> {
    /// The commit.
    pub fn commit(&self) -> CommitNumber {
        CommitNumber(self.entry.commit)
    }

    /// Whether it was a bulk transaction, see [`Options::bulk_after`](super::Options::bulk_after): its changes are known
    /// to nobody, only where they were. Then [`changes`](ChangeSet::changes) gives none, and this the names of the
    /// collections to be read again, from a snapshot of this commit or a later one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::MemoryVfs;
    #[doc = include_str!("../example.txt")]
    ///
    /// let options = Options::default().bulk_after(10_000);
    /// let db: Database<Music> = Database::open_in(Arc::new(MemoryVfs::new()), "music", &options)?;
    /// let before = db.read()?.commit();
    /// db.write(|tx| tx.insert_all((0..1000).map(|n| Artist { id: Id::auto(), name: format!("artist {n}") })))?;
    /// let set = db.changes(before)?.next().expect("a commit")?;
    /// assert_eq!(set.reload(), Some(vec!["Artist"]));
    /// assert_eq!(set.changes().count(), 0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn reload(&self) -> Option<Vec<&str>> {
        let catalog = self.database.store.catalog();
        let touched = match Touched::of(self.entry.kind, &self.entry.payload) {
            Touched::Listed => return None,
            Touched::In(ids) => Some(ids),
            Touched::All => None,
        };
        let is_touched = |of: &&Arc<CollectionDef>| touched.as_ref().is_none_or(|ids| ids.contains(&of.id));
        Some(catalog.collections.iter().filter(is_touched).map(|of| of.name.as_str()).collect())
    }

    /// The changes, in the order in which they were made: one record may be changed more than once. A deletion that
    /// cascaded, and a relation that was set to `None`, are changes of their own.
    ///
    /// Each is an error when the bytes are damaged; after one there are no more.
    pub fn changes(&self) -> impl FusedIterator<Item = Result<Change<'_, D>, Error>> {
        let catalog = self.database.store.catalog();
        let listed = matches!(Touched::of(self.entry.kind, &self.entry.payload), Touched::Listed);
        let payload = if listed { &*self.entry.payload } else { &[] };
        let mut changed = listed.then(|| Changed::read(payload, catalog));
        core::iter::from_fn(move || {
            let next = changed.as_mut()?.next();
            if !matches!(next, Some(Ok(_))) {
                changed = None;
            }
            Some(next?.map(|changed| Change { changed, schema: PhantomData }).map_err(Error::from))
        })
        .fuse()
    }
}

impl<D> fmt::Debug for ChangeSet<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeSet").field("commit", &self.commit()).finish_non_exhaustive()
    }
}

/// One record that was put or deleted. Printed, it says so: `put Artist 1`.
///
/// A record that was put is as it is given, whether there was one of its key before or not. One whose key was changed was
/// deleted under the old key and put under the new one.
pub struct Change<'s, D> {
    changed: Changed<'s>,
    schema: PhantomData<fn() -> D>,
}

impl<'s, D: Schema> Change<'s, D> {
    /// The name of the collection.
    pub fn collection(&self) -> &'s str {
        &self.changed.collection.name
    }

    /// Whether the collection is `C`.
    pub fn is<C: Collection + Within<D>>(&self) -> bool {
        self.changed.collection.declared.is_some_and(|declared| core::ptr::eq(declared, C::schema()))
    }

    /// Whether the record was deleted.
    pub fn is_delete(&self) -> bool {
        self.changed.is_delete
    }

    /// The record that was put; `None` when the collection is not `C`, or the record was deleted.
    ///
    /// An item is an error, [`Corruption`](crate::ErrorKind::Corruption), when its bytes are no values of its fields' types.
    pub fn record<C: Collection + Within<D>>(&self) -> Option<Result<C, Error>> {
        if self.is_delete() || !self.is::<C>() {
            return None;
        }
        let read = || {
            let collection = self.changed.collection;
            let loose =
                LooseRecord::new(&self.changed.draft, &collection.layout, collection.leaf_len as usize)?;
            C::decode(&RecordReader::new(loose.as_ref(&collection.layout), collection))
        };
        Some(read().map_err(Error::from))
    }

    /// The record's key; `None` when the collection is not `C`.
    ///
    /// An item is an error as for [`record`](Change::record).
    pub fn key<C: Collection + Within<D>>(&self) -> Option<Result<C::Key, Error>> {
        if !self.is::<C>() {
            return None;
        }
        let key = self.changed.with_key(|cells: &[Cell<'_>]| C::Key::from_cells(cells));
        Some(key.map_err(|error| Error::from(StorageError::from(error))))
    }

    /// The record's key as text, whatever its type: `7`, or `"CH", 12`.
    pub fn key_text(&self) -> String {
        self.changed.draft.describe_key(self.changed.collection)
    }
}

impl<D: Schema> fmt::Display for Change<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.is_delete() { "delete" } else { "put" };
        write!(f, "{verb} {} {}", self.collection(), self.key_text())
    }
}

impl<D: Schema> fmt::Debug for Change<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Change({self})")
    }
}
