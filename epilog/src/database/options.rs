//! [`Options`]: how a database is opened.

use alloc::string::String;
use alloc::sync::Arc;
#[cfg(not(feature = "small"))]
use core::fmt;
use core::time::Duration;

use crate::parts::InWhole;
#[cfg(not(feature = "small"))]
use crate::parts::Whole;
use crate::query::SlowHook;
#[cfg(not(feature = "small"))]
use crate::query::Tell;
use crate::storage::journal::Retention;
use crate::storage::pager::{Compression, Durability, PagerOptions};
use crate::storage::store::Store;
use crate::storage::vfs::Vfs;

/// How a database is opened. The defaults are the safe ones.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let path = directory.path().join("music.epilog");
/// let options = Options::default().durability(Durability::None).checkpoint_after(8 << 20);
/// let db: Database<Music> = options.open(&path)?;
/// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
/// db.close()?; // durable now
///
/// let db: Database<Music> = Options::default().read_only(true).open(&path)?;
/// assert_eq!(Artist::query().count(&db)?, 1);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    pub(super) durability: Durability,
    pub(super) background: bool,
    pub(super) cache: Option<usize>,
    pub(super) checkpoint_after: Option<u64>,
    pub(super) recovery_time: Option<Duration>,
    pub(super) bulk_after: Option<usize>,
    pub(super) archive: Option<(String, Retention)>,
    pub(super) retain_versions: Option<u64>,
    pub(super) blob_chunk: Option<usize>,
    pub(super) compression: Option<Compression>,
    #[cfg(not(feature = "small"))]
    plans: crate::engine::plans::Settings,
    #[cfg(not(feature = "small"))]
    slow: Option<Slow>,
    pager: PagerOptions,
    block_size: Option<u32>,
    page_size: Option<u32>,
    index_page_size: Option<u32>,
}

/// After how long what is told of a query.
#[cfg(not(feature = "small"))]
#[derive(Clone)]
struct Slow {
    threshold: Duration,
    tell: Tell,
}

#[cfg(not(feature = "small"))]
impl fmt::Debug for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slow").field("threshold", &self.threshold).finish_non_exhaustive()
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            durability: Durability::Immediate,
            background: true,
            cache: None,
            checkpoint_after: None,
            recovery_time: None,
            bulk_after: None,
            archive: None,
            retain_versions: None,
            blob_chunk: None,
            compression: None,
            #[cfg(not(feature = "small"))]
            plans: crate::engine::plans::Settings::default(),
            #[cfg(not(feature = "small"))]
            slow: None,
            pager: PagerOptions::default(),
            block_size: None,
            page_size: None,
            index_page_size: None,
        }
    }
}

impl Options {
    /// Tells `hook` of every query, update and deletion that takes `threshold` or longer, with where in the program it was
    /// run. Default: nothing is told.
    ///
    /// It is called when the query has ended, well or not, on its thread, and before what it gave is given; of a
    /// [stream](crate::Query::stream) at its end, or when it is dropped. Nothing of the database is locked meanwhile, and it
    /// may ask queries of its own. It is told of those as well when they are slow: one that always asks another never ends. One
    /// that is told of a query in a write transaction must not begin another transaction and wait for it. A panic in it is
    /// caught and changes nothing (without `std` it is one of the query).
    ///
    /// Where nothing is to be told, no time is taken. Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use std::time::Duration;
    #[doc = include_str!("../example.txt")]
    ///
    /// let log = Arc::new(Mutex::new(Vec::new()));
    /// let lines = Arc::clone(&log);
    /// let options = Options::default().on_slow_query(Duration::ZERO, move |slow| {
    ///     let plan = slow.plan().map(|plan| plan.to_string()).unwrap_or_default();
    ///     let place = slow.location();
    ///     lines.lock().expect("no panic").push(format!("{}:{}: {plan}", place.file(), place.line()));
    /// });
    /// let db: Database<Music> = options.in_memory()?;
    /// assert_eq!(Artist::query().all(&db)?, []);
    /// let log = log.lock().expect("no panic");
    /// assert!(log.len() == 1 && log[0].ends_with(": scan Artist"), "{log:?}");
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(not(feature = "small"))]
    #[must_use]
    pub fn on_slow_query(
        mut self,
        threshold: Duration,
        hook: impl Fn(&crate::query::SlowQuery<'_>) + Send + Sync + 'static,
    ) -> Options {
        self.slow = Some(Slow { threshold, tell: Arc::new(hook) });
        self
    }

    /// How many plans of queries are kept, about; 0 keeps none. Default: 256, some KiB each.
    ///
    /// A query that differs from one before in values only is run by its plan, and need not be planned. Which values make
    /// no difference, how many records there are meanwhile, and what else a plan depends on is looked after; with other
    /// values the best plan may be another one, of which notice is taken where it is far off.
    /// [`Stats`](super::Stats) tells how often a plan was found. Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let db: Database<Music> = Options::default().plan_cache(0).in_memory()?;
    /// Artist::query().order_by(|a| a.name).all(&db)?;
    /// Artist::query().order_by(|a| a.name).all(&db)?;
    /// assert_eq!(db.stats().plans_found, 0);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(not(feature = "small"))]
    #[must_use]
    pub fn plan_cache(mut self, plans: usize) -> Options {
        self.plans.plans = plans;
        self
    }

    /// Makes room for plans in a database that was just opened.
    pub(super) fn make_room_for_plans(&self, store: &Store) {
        #[cfg(not(feature = "small"))]
        crate::engine::plans::make_room(store.reader().view(), self.plans);
        #[cfg(feature = "small")]
        let _ = store;
    }

    /// What is to be told of slow queries of a database in `vfs`, whose clock it takes.
    #[cfg_attr(feature = "small", allow(unused_variables))]
    pub(super) fn slow_hook(&self, vfs: Option<&Arc<dyn Vfs>>) -> Option<InWhole<SlowHook>> {
        #[cfg(feature = "small")]
        return None;
        #[cfg(not(feature = "small"))]
        {
            let Slow { threshold, tell } = self.slow.as_ref()?;
            let clock: Arc<dyn Fn() -> u64 + Send + Sync> = match vfs.cloned() {
                Some(vfs) => Arc::new(move || vfs.now_ns()),
                None => Arc::new(crate::storage::vfs::monotonic_ns),
            };
            let hook = SlowHook::new(*threshold, Arc::clone(tell), clock);
            Whole::build().map(|whole| InWhole::new(hook, whole))
        }
    }

    /// What a commit waits for. Default: [`Durability::Immediate`].
    ///
    /// [`WriteTransaction::commit_with`](super::WriteTransaction::commit_with) chooses for one commit.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let db: Database<Music> = Options::default().durability(Durability::None).open(&path)?;
    /// let id = db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// assert!(db.get::<Artist>(id)?.is_some()); // seen by everybody, not yet durable
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Options {
        self.durability = durability;
        self
    }

    /// Opens the file for reading only: it must exist, and is never written to, not even to recover: what the journal
    /// holds is then applied in memory. Default: false.
    ///
    /// Writing is [`ReadOnly`](crate::ErrorKind::ReadOnly); opening a file that lacks a collection of the schema is
    /// [`SchemaDiffers`](crate::ErrorKind::SchemaDiffers). The file is locked all the same, against other readers, too.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let options = Options::default().read_only(true);
    /// assert_eq!(options.open::<Music>(&path).unwrap_err().kind(), ErrorKind::NotFound);
    ///
    /// Music::open(&path)?.close()?;
    /// let db: Database<Music> = options.open(&path)?;
    /// assert_eq!(db.begin().unwrap_err().kind(), ErrorKind::ReadOnly);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Options {
        self.pager.read_only = read_only;
        self
    }

    /// The length of a journal segment in bytes, rounded up to a multiple of 4,096 from 8,192 to 2<sup>30</sup>; with
    /// smaller [blocks](Options::block_size) to an odd number of them, three at least. Default: 1 MiB.
    ///
    /// A journal has at least two, written with zeros when it is made: longer segments make the first write after
    /// opening slower, and large commits span fewer. A journal that exists keeps its own length.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::{MemoryVfs, OpenMode, Vfs};
    #[doc = include_str!("../example.txt")]
    ///
    /// let files = MemoryVfs::new();
    /// let options = Options::default().journal_segment_len(16 << 10);
    /// let db: Database<Music> = Database::open_in(Arc::new(files.clone()), "music", &options)?;
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// assert!(files.open("music-journal", OpenMode::Read)?.len()? < 100 << 10);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn journal_segment_len(mut self, bytes: u32) -> Options {
        self.pager.journal.segment_len = bytes;
        self
    }

    /// How many bytes pages may take in memory. Default: a quarter of the memory that the process may use, 16 MiB at
    /// least and 16 GiB at most; 64 MiB where that is not known. On Linux it may use the machine's, or what the tightest limit
    /// of its control group and those above allows.
    ///
    /// What is used again and again stays, what a scan reads once does not push it out. Four things can take more: pages
    /// changed since the last checkpoint ([`checkpoint_after`](Options::checkpoint_after)), what one running query is
    /// reading (little, but for a few kinds of queries: the README lists them), old versions that an open snapshot sees, and the private pages of each transaction that
    /// runs [beside others](super::Database::write_concurrent), a quarter of the cache at most. Another transaction that
    /// changes more than memory holds writes its pages out before it commits. A database in memory has no such limit.
    ///
    /// On Linux, those of a database in memory beyond the first 8 MiB lie in pieces of 2 MiB, which are asked to be mapped as a whole: a twelfth to a quarter of
    /// the time of what reads much. A piece has pages of one length, and is given back when none of it is in use: of each length, records'
    /// and indexes', the process keeps somewhat more than the most there was at once, if that was at different times.
    ///
    /// The rows that a query keeps may take half as much beside it ([`query_memory`](Options::query_memory)); what sorts, groups and
    /// sets have beyond that goes into a temporary file next to the database. When the disk is full the query fails with
    /// [`Full`](crate::ErrorKind::Full), and nothing else does. Where no
    /// file may be made, the keys of all rows stay in memory.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let db: Database<Music> = Options::default().cache(8 << 20).open(&path)?;
    /// let artists = (0..100_000).map(|n| Artist { id: Id::auto(), name: format!("artist {n}") });
    /// db.write(|tx| tx.insert_all(artists))?;
    /// assert!(db.stats().cache_resident_bytes < 10 << 20);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn cache(mut self, bytes: usize) -> Options {
        self.cache = Some(bytes);
        self
    }

    /// How many bytes of rows a query may keep in memory, beside the pages that it reads. Default: half the
    /// [`cache`](Options::cache), for each of what is put aside.
    ///
    /// What sorts, groups, `distinct` and sets (but `union_all`) have beyond that goes into a temporary file next to the
    /// database, and its answer is the same. Of what a query keeps otherwise nothing can be put aside: a group that is larger by
    /// itself, as its texts or its values can be, recursions, what rows come [`with`](crate::Query::with); common rows are then calculated by each who asks for them. Once this is asked for, windows, but for a single partition,
    /// sorts of joined rows and the tables of subqueries are put aside too, and joins by equal values put both their
    /// sides aside, but for rows of which one value has too many and links by calculations that may fail, and such a query fails with
    /// [`Memory`](crate::ErrorKind::Memory) when all that it keeps takes more; by default it goes on.
    /// [`explain_analyze`](crate::Query::explain_analyze) tells what each part of a query kept and put aside, and
    /// [`memory`](crate::Query::memory) asks for more, or less, for one query.
    ///
    /// A database in memory and the queries of a write transaction have nowhere to put anything: this says nothing there, but
    /// [`memory`](crate::Query::memory) refuses as well, but for sorts, which take what they need. What a set-based `update` or `delete` finds out
    /// before it changes the first record, the keys of all above all, is put aside in a write transaction of a file all the same. Of texts that were calculated it is
    /// not counted what they take. Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let db: Database<Music> = Options::default().query_memory(64 << 10).open(&path)?;
    /// let artists = (0..20_000).map(|n| Artist { id: Id::auto(), name: format!("artist {n}") });
    /// db.write(|tx| tx.insert_all(artists))?;
    /// let names = Artist::query().select(|a| a.name.upper()).distinct().explain_analyze(&db)?;
    /// let spilled = names.operators().iter().filter_map(|operator| operator.actual).map(|actual| actual.spilled).max();
    /// assert!(spilled > Some(100_000));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(not(feature = "small"))]
    #[must_use]
    pub fn query_memory(mut self, bytes: usize) -> Options {
        self.pager.query_bytes = Some(bytes);
        self
    }

    /// How many threads may carry out one query together. Default: 1.
    ///
    /// It is about queries that read very many records: counts and other aggregates, with groups or without, of what filters
    /// let through of 250,000 records and more, also where other records are joined to them, tables that joins make of so many, and the first few of so many in some order. Others are carried out by the thread that asks, as ever, and cost
    /// nothing more. [`explain`](crate::Query::explain) says where threads are made use of. They are begun by the query and are gone when it returns; where
    /// the system has none to give, it does with fewer.
    ///
    /// By default a library does not take a program's processors unasked: one that asks many queries at a time has use for
    /// them already, and several threads take a little more time in all. Where one query at a time is waited for, the number of
    /// processors is a good choice. A query [says otherwise](crate::Query::threads) for itself.
    ///
    /// Answers are those of one thread, in the same order, bit for bit, but for sums, means, variances and standard deviations of
    /// floats (and the latter two of any numbers): these are added up part by part, so that the last digits may differ from one thread's. They do
    /// not from one run to the next, nor, where memory has room for what is kept, with how many threads there are from two on.
    ///
    /// Each thread takes 256 KiB of the [`cache`](Options::cache): with less there are fewer. What groups and tables keep, they keep together. Not in
    /// a write transaction, where one thread reads; and not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let db: Database<Music> = Options::default().query_threads(2).in_memory()?;
    /// let artists = (0..300_000).map(|n| Artist { id: Id::auto(), name: format!("artist {n}") });
    /// db.write(|tx| tx.insert_all(artists))?;
    /// let with_7 = Artist::query().filter(|a| a.name.contains("7"));
    /// assert_eq!(with_7.count(&db)?, 122_853);
    /// let plan = with_7.aggregate(|g| g.count()).explain(&db)?;
    /// assert!(plan.to_string().contains("by 2 threads"), "{plan}");
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(all(feature = "std", not(feature = "small")))]
    #[must_use]
    pub fn query_threads(mut self, threads: usize) -> Options {
        self.plans.threads = threads;
        self
    }

    /// What work is said to cost where plans are chosen. Default: [`PlanCosts::Fixed`](crate::PlanCosts::Fixed).
    ///
    /// A query can be carried out in several ways, and which is the quickest depends on what a line of memory costs that lies
    /// anywhere, beside one that follows another, and beside arithmetic. Costs are those of one machine, and close enough for others as
    /// a rule: the numbers of rows that they are taken times are off by more. With
    /// [`PlanCosts::Measured`](crate::PlanCosts::Measured) this machine's memory is measured, for about two milliseconds, by the first plan in the process that
    /// reads a collection of 100,000 records or more, and costs of such plans are taken times what was found, in steps of two. So
    /// the same query can have another plan on another machine, or in another run on one that was busy when it was measured; its
    /// answer is the same. Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let db: Database<Music> = Options::default().plan_costs(epilog::PlanCosts::Measured).in_memory()?;
    /// let artists = (0..100_000).map(|n| Artist { id: Id::auto(), name: format!("artist {n}") });
    /// db.write(|tx| tx.insert_all(artists))?;
    /// assert_eq!(Artist::query().filter(|a| a.name.ends_with("7")).count(&db)?, 10_000);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(all(feature = "std", not(feature = "small")))]
    #[must_use]
    pub fn plan_costs(mut self, costs: crate::PlanCosts) -> Options {
        self.plans.costs = costs;
        self
    }

    /// Whether a plan that is kept is made anew by what running it has taught. Default: it is.
    ///
    /// How many rows get through several conditions, and how many pairs a join makes, is told by what is known of each value by itself.
    /// Where a query twice meets eight times as many rows as expected, or an eighth, its plan is made again with what was counted, up to three times
    /// until statistics are made. So the same query can have another plan at its third run than at its first, of the same records; its
    /// answer is the same, but that a join without an ordering may give its pairs in another order, and the last digits of a sum
    /// of floats may differ. Without, plans depend on what is stored alone. Nothing is learnt with
    /// [`plan_cache(0)`](Options::plan_cache), nor in a write transaction. Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let db: Database<Music> = Options::default().plan_feedback(false).in_memory()?;
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// let query = || Artist::query().filter(|a| a.name.starts_with("S") & a.name.ends_with("n"));
    /// assert!((0..5).all(|_| query().count(&db).is_ok_and(|count| count == 1)));
    /// assert!(query().explain(&db)?.learnt.is_empty());
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(not(feature = "small"))]
    #[must_use]
    pub fn plan_feedback(mut self, learns: bool) -> Options {
        self.plans.learns = learns;
        self
    }

    /// How many bytes of changed pages there may be before they are written to the file. Default: a quarter of the
    /// [`cache`](Options::cache), from 4 MiB to 1 GiB.
    ///
    /// A checkpoint begins when there is half as much, and goes on beside commits; when the whole is reached, a commit does
    /// the rest of it before it returns. More makes checkpoints rarer, so that pages changed often are written less often,
    /// and takes more memory. A checkpoint that fails does not fail the commit before it; it is tried again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::{MemoryVfs, OpenMode, Vfs};
    #[doc = include_str!("../example.txt")]
    ///
    /// let files = MemoryVfs::new();
    /// let options = Options::default().checkpoint_after(0); // at every commit
    /// let db: Database<Music> = Database::open_in(Arc::new(files.clone()), "music", &options)?;
    /// let before = files.open("music", OpenMode::Read)?.len()?;
    /// let artists = (0..1000).map(|n| Artist { id: Id::auto(), name: format!("artist {n}") });
    /// db.write(|tx| tx.insert_all(artists))?;
    /// assert!(files.open("music", OpenMode::Read)?.len()? > before);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn checkpoint_after(mut self, bytes: u64) -> Options {
        self.checkpoint_after = Some(bytes);
        self
    }

    /// How long opening the database after a crash may take, as estimated. Default: 250 ms.
    ///
    /// Recovery applies what the journal holds since the last checkpoint. How fast that goes is measured whenever it
    /// happens, and assumed before. A checkpoint begins when half of the time has come together. Less makes checkpoints
    /// more frequent. Independently, the journal grows to no more than about 128 MiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let options = Options::default().recovery_time(Duration::from_millis(20));
    /// let db: Database<Music> = options.open(&path)?;
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn recovery_time(mut self, time: Duration) -> Options {
        self.recovery_time = Some(time);
        self
    }

    /// How many bytes of changes a transaction may have before it goes past the journal. Default: 16 MiB, or an eighth of
    /// the [`cache`](Options::cache) if that is less.
    ///
    /// The changed pages of such a bulk transaction are written into free space of the file, and its commit is a
    /// checkpoint: every byte is written once, and the commit is durable whatever its [`Durability`] says. Others wait
    /// for it with their commits. Less suits loads by many large transactions; more keeps large transactions that change
    /// few bytes of many pages in the journal. With an [`archive`](Options::archive) the collections that it touches are
    /// read again for it.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let db: Database<Music> = Options::default().bulk_after(64 << 10).open(&path)?;
    /// let artists = (0..10_000).map(|n| Artist { id: Id::auto(), name: format!("artist {n}") });
    /// db.write(|tx| tx.insert_all(artists))?; // into the file at once
    /// assert_eq!(Artist::query().count(&db)?, 10_000);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn bulk_after(mut self, bytes: usize) -> Options {
        self.bulk_after = Some(bytes);
        self
    }

    /// How many bytes of the file a piece of a blob takes, rounded up to whole blocks. Default: a sixty-fourth of the page
    /// cache, and 256 KiB at most.
    ///
    /// It is the unit in which a [`BlobWriter`](super::BlobWriter) holds, and a [`BlobReader`](super::BlobReader) reads, the
    /// bytes of a [`Blob`](crate::Blob). Less takes less memory, and reads less for a few bytes in the middle; more makes
    /// reading from end to end faster. Blobs that exist keep theirs.
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::prelude::*;
    ///
    /// #[derive(Collection)]
    /// struct Song {
    ///     id: Id<Song>,
    ///     sound: Blob,
    /// }
    ///
    /// epilog::schema!(Songs { Song });
    ///
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("songs.epilog");
    /// let db: Database<Songs> = Options::default().blob_chunk(16 << 10).open(&path)?;
    /// let sound = db.write(|tx| {
    ///     let mut writer = tx.blob_writer(); // holds 16 KiB
    ///     writer.write_all(&[1; 100_000])?;
    ///     let sound = writer.finish()?;
    ///     tx.insert(&Song { id: Id::auto(), sound })?;
    ///     Ok(sound)
    /// })?;
    /// let mut byte = [0];
    /// db.read()?.blob_reader(sound)?.read_at(99_999, &mut byte)?; // reads 16 KiB
    /// assert_eq!(byte, [1]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn blob_chunk(mut self, bytes: usize) -> Options {
        self.blob_chunk = Some(bytes);
        self
    }

    /// Whether a thread of the library works in the background: it checkpoints beside commits, and syncs what commits
    /// with [`Durability::Group`] and [`Durability::Eventual`] promised. Default: true; without the feature `std` there
    /// are no threads.
    ///
    /// Without it, the commit that makes a checkpoint due makes it before it returns, and
    /// [`Database::maintain`](super::Database::maintain) does the rest when it is called. What is written then depends on
    /// the program's calls alone, which is what tests of crashes want.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let db: Database<Music> = Options::default().background(false).open(&path)?;
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// while db.maintain()? {}
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn background(mut self, background: bool) -> Options {
        self.background = background;
        self
    }

    /// The bytes of a page of records in collections that are made and do not say so themselves with
    /// `#[collection(page_size = …)]`, rounded up to a power of two from 1 KiB to 64 KiB; no less than a block of the
    /// file. Default: 16 KiB, or more where records are wide, so that a page holds 64 of them without their text and bytes.
    ///
    /// Larger pages make scans faster and the file smaller, and changes of single records dearer: a page is copied when
    /// it is first changed, and written whole by a checkpoint. A record takes a quarter of its page at most: longer
    /// values have pages of their own. A collection keeps the size it was made with.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::{MemoryVfs, OpenMode, Vfs};
    #[doc = include_str!("../example.txt")]
    ///
    /// let len_with = |options: Options| -> Result<u64, Box<dyn std::error::Error>> {
    ///     let files = MemoryVfs::new();
    ///     Database::<Music>::open_in(Arc::new(files.clone()), "music", &options)?.close()?;
    ///     Ok(files.open("music", OpenMode::Read)?.len()?)
    /// };
    /// // Empty collections are a page each.
    /// assert!(len_with(Options::default().page_size(4096))? < len_with(Options::default())?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn page_size(mut self, bytes: u32) -> Options {
        self.page_size = Some(bytes.clamp(1 << 10, 64 << 10).next_power_of_two());
        self
    }

    /// The bytes of a page of an index that is made, rounded up to a power of two from 1 KiB to 16 KiB; no less than a
    /// block of the file. Default: 4 KiB.
    ///
    /// An indexed value takes less than a quarter of its page: 960 bytes from 4 KiB on, 473 with 2 KiB, 217 with 1 KiB;
    /// longer ones are refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::MemoryVfs;
    #[doc = include_str!("../example.txt")]
    ///
    /// let options = Options::default().index_page_size(8 << 10);
    /// let db: Database<Music> = Database::open_in(Arc::new(MemoryVfs::new()), "music", &options)?;
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn index_page_size(mut self, bytes: u32) -> Options {
        self.index_page_size = Some(bytes.clamp(1 << 10, 16 << 10).next_power_of_two());
        self
    }

    /// The bytes of a block in a file that is made, rounded up to a power of two from 512 to 4,096. Default: 4,096.
    ///
    /// A block is what space in the file is given out by, the least that a durable commit writes, and the least a page can
    /// have. 4 KiB are what file systems and disks deal in; smaller ones are for devices of little memory, together with
    /// small [pages](Options::page_size) and a short [journal](Options::journal_segment_len). A file keeps the size it was
    /// made with.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::{MemoryVfs, OpenMode, Vfs};
    #[doc = include_str!("../example.txt")]
    ///
    /// let options = Options::default()
    ///     .block_size(512)
    ///     .page_size(1024)
    ///     .index_page_size(1024)
    ///     .journal_segment_len(4096);
    /// let files = MemoryVfs::new();
    /// let db: Database<Music> = Database::open_in(Arc::new(files.clone()), "music", &options)?;
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// db.close()?;
    /// assert!(files.open("music", OpenMode::Read)?.len()? < 20 << 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn block_size(mut self, bytes: u32) -> Options {
        self.block_size = Some(bytes.clamp(512, 4096).next_power_of_two());
        self
    }

    /// What pages are compressed with when they are written to the file. Default: [`Compression::None`].
    ///
    /// `Compression::Lz4` is there with the cargo feature `lz4`, which is off by default, as it brings a dependency.
    ///
    /// It trades time on the processor, at checkpoints, in bulk commits and when a page is read from the file, for bytes of
    /// the file and of what is written to it and read from it. Nothing changes in memory, and the journal is not compressed.
    /// Measured (`tests/src/bin/compression.rs`), of what it is without: files of short records with two indexes have 0.8 of
    /// the bytes, those of documents of text 0.6; with [blocks](Options::block_size) of 1 KiB 0.6 and 0.45. Loading and
    /// checkpointing them takes 1.2 to 1.6 times as long, and reading pages that are not in memory up to 2.5 times: some 4 µs
    /// more for 10 KiB.
    ///
    /// A page is compressed when that saves a block at least, so smaller blocks save more, and pages of a block nothing: those
    /// of [indexes](Options::index_page_size), with the defaults. Values that lie outside their records, and pieces of blobs,
    /// are compressed as well, up to 1 MiB each; bytes that are compressed already stay as they are, and cost a little
    /// time when they are written.
    ///
    /// A file can be opened with another choice at any time: pages are written as it says, and all are read. But a file
    /// that has, or had, compressed pages is opened only by builds with the feature; others refuse it as
    /// [`NewerFormat`](crate::ErrorKind::NewerFormat). [`Database::backup`](super::Database::backup) without compression
    /// makes a file for all. [`Stats`](super::Stats) has the bytes of pages written, and of what was written for them.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "lz4")] {
    /// use std::sync::Arc;
    ///
    /// use epilog::Compression;
    /// use epilog::vfs::{MemoryVfs, OpenMode, Vfs};
    #[doc = include_str!("../example.txt")]
    ///
    /// let len_with = |options: Options| -> Result<u64, Box<dyn std::error::Error>> {
    ///     let files = MemoryVfs::new();
    ///     let db = Database::<Music>::open_in(Arc::new(files.clone()), "music", &options)?;
    ///     let artists = (0..10_000).map(|n| Artist { id: Id::auto(), name: format!("artist {n}") });
    ///     db.write(|tx| tx.insert_all(artists))?;
    ///     db.close()?;
    ///     Ok(files.open("music", OpenMode::Read)?.len()?)
    /// };
    /// let compressed = len_with(Options::default().compression(Compression::Lz4))?;
    /// assert!(compressed < len_with(Options::default())?);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Options {
        self.compression = Some(compression);
        self
    }

    /// The lengths of pages asked for: of records, of index entries.
    pub(super) fn page_lens(&self) -> (Option<u32>, Option<u32>) {
        (self.page_size, self.index_page_size)
    }

    /// The length of a block asked for.
    pub(super) fn block_len(&self) -> Option<u32> {
        self.block_size
    }

    /// How much of what was committed is kept for [`Database::changes`](super::Database::changes). Default: what the
    /// journal happens to hold, of which nothing is promised; in memory nothing.
    ///
    /// It holds while everyone who opens the database for writing says the same: with other options a checkpoint lets go
    /// of what was kept, and a close removes the journal.
    ///
    /// The journal's segments stay until they are out of it, so that it grows by as much, and by a segment more; in memory
    /// the change sets do. A clean close then leaves the journal beside the file, which needs it: copy or move the two
    /// together. (With an [`archive`](Options::archive), which has everything, it does not.)
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::database::{CommitNumber, Retention};
    /// use epilog::vfs::MemoryVfs;
    #[doc = include_str!("../example.txt")]
    ///
    /// let files = MemoryVfs::new();
    /// let options = Options::default().retain_changes(Retention::Bytes(16 << 20));
    /// let db: Database<Music> = Database::open_in(Arc::new(files.clone()), "music", &options)?;
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// db.close()?;
    ///
    /// let db: Database<Music> = Database::open_in(Arc::new(files.clone()), "music", &options)?;
    /// let last = db.changes(CommitNumber(0))?.last().expect("a commit")?;
    /// assert_eq!(last.changes().next().expect("a change")?.to_string(), "put Artist 1");
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn retain_changes(mut self, retention: Retention) -> Options {
        self.pager.retain_changes = Some(retention);
        self
    }

    /// Keeps what was committed in the files of an archive called `path`: `path` with `-index`, `-000001` and so on at its
    /// end. Default: none. Of a database in memory there is none.
    ///
    /// After each checkpoint, and at a close, what is durable is taken over from the journal, which keeps it until then;
    /// [`Database::changes`](super::Database::changes) goes on over both, and [`apply_archive`](Options::apply_archive)
    /// brings a backup to a later commit. When archiving fails, for want of space perhaps, the journal grows, commits go
    /// on, and [`maintain`](super::Database::maintain), [`checkpoint`](super::Database::checkpoint) and
    /// [`close`](super::Database::close) report it and try again. Whole files that are out of `retention` are removed.
    ///
    /// After a bulk transaction (see [`bulk_after`](Options::bulk_after)) the collections that it touched are read again, as
    /// wholes, from a snapshot of the last commit there is by then, and archived: in the background, or by the next of these
    /// calls. Bulk transactions that come meanwhile share the next reading. What is read counts among the bytes that
    /// `retention` speaks of. Where an archive is kept, few and large ones are better than many, and none the best for
    /// collections of which little changes.
    ///
    /// An archive belongs to one database and its future: opening one that was restored from an older backup with the
    /// same archive is [`Archive`](crate::ErrorKind::Archive). Give it at every open: without it, checkpoints
    /// and a close let go of what was not archived yet. An archive that was left out for a while goes on with what there
    /// is; what is missing in between cannot be read.
    ///
    /// With the cargo feature `small` there are no archives: opening with one is [`LeftOut`](crate::ErrorKind::LeftOut).
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::database::{CommitNumber, Retention};
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// # let archive = directory.path().join("archive").to_string_lossy().into_owned();
    /// let options = Options::default().archive(archive, Retention::Bytes(1 << 30));
    /// let db: Database<Music> = options.open(&path)?;
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// db.close()?;
    ///
    /// let db: Database<Music> = options.open(&path)?;
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Zappa".into() }))?;
    /// assert_eq!(db.changes(CommitNumber(0))?.count(), 3); // the first one made the collections
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn archive(mut self, path: impl Into<String>, retention: Retention) -> Options {
        self.archive = Some((path.into(), retention));
        self
    }

    /// How many commits before the last one can be looked back at with
    /// [`Database::snapshot_at`](super::Database::snapshot_at). Default: none.
    ///
    /// Page versions that they see stay in memory: about as many bytes as the pages changed by so many commits. Commits
    /// made before the database was opened cannot be looked back at.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let db: Database<Music> = Options::default().retain_versions(100).in_memory()?;
    /// let artist = db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// let then = db.read()?.commit();
    /// db.write(|tx| tx.delete_key::<Artist>(artist))?;
    /// assert!(db.snapshot_at(then)?.get::<Artist>(artist)?.is_some());
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn retain_versions(mut self, commits: u64) -> Options {
        self.retain_versions = Some(commits);
        self
    }

    /// Makes an empty database in memory with these options, as far as they say anything of one:
    /// [`blob_chunk`](Options::blob_chunk), [`retain_changes`](Options::retain_changes) and
    /// [`retain_versions`](Options::retain_versions) do.
    ///
    /// # Errors
    ///
    /// As [`Database::in_memory`](super::Database::in_memory).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let db: Database<Music> = Options::default().in_memory()?;
    /// assert_eq!(Artist::query().count(&db)?, 0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn in_memory<D: crate::Schema>(&self) -> Result<super::Database<D>, crate::Error> {
        let store = Store::in_memory_retaining(D::database(), self.pager.retain_changes)?;
        if let Some(commits) = self.retain_versions {
            store.retain_versions(commits);
        }
        self.make_room_for_plans(&store);
        let (chunk, choices) = super::tuning::tune_in_memory(self.blob_chunk);
        Ok(super::Database::over(
            store,
            self.durability,
            (chunk, choices),
            (None, None),
            self.slow_hook(None),
        ))
    }

    /// Brings the database in file `path`, a backup that is not open, to commit `until` with what the archive called
    /// `archive` has, or to the archive's last commit; returns the commit it is at then.
    ///
    /// This is how a database is restored to a point in time. The result has a future of its own: open it with another
    /// archive, or none.
    ///
    /// What a bulk transaction changed (see [`bulk_after`](Options::bulk_after)) is in the archive as of some later commit. All
    /// from the one to the other are applied in one step, which a crash undoes, and none between them can be had. A
    /// restored database keeps no changes of those, whatever [`retain_changes`](Options::retain_changes) says.
    ///
    /// # Errors
    ///
    /// [`Archive`](crate::ErrorKind::Archive) when the archive does not have a commit on the way, or has `until` only together
    /// with later ones, and then the error names the nearest that can be had: the commits before were applied, and the
    /// database may be opened as it is, or brought on. Also with the cargo feature `small`, which leaves archives out, before anything is read.
    /// [`Corruption`](crate::ErrorKind::Corruption) when the archive is damaged, or another database's; otherwise as [`Database::open`](super::Database::open).
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::database::Retention;
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// # let backup = directory.path().join("backup.epilog");
    /// # let archive = directory.path().join("archive").to_string_lossy().into_owned();
    /// let options = Options::default().archive(&archive, Retention::Everything);
    /// options.open::<Music>(&path)?.close()?;
    /// std::fs::copy(&path, &backup).expect("a copy");
    ///
    /// let db: Database<Music> = options.open(&path)?;
    /// let artist = db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// let sound = db.read()?.commit();
    /// db.write(|tx| tx.delete_key::<Artist>(artist))?; // a mistake
    /// db.close()?;
    ///
    /// assert_eq!(Options::default().apply_archive(&backup, &archive, Some(sound))?, sound);
    /// assert!(Music::open(&backup)?.get::<Artist>(artist)?.is_some());
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn apply_archive(
        &self,
        path: impl AsRef<std::path::Path>,
        archive: &str,
        until: Option<super::CommitNumber>,
    ) -> Result<super::CommitNumber, crate::Error> {
        let path = text(path.as_ref())?;
        self.apply_archive_in(alloc::sync::Arc::new(crate::storage::vfs::FileVfs), path, archive, until)
    }

    /// As [`apply_archive`](Options::apply_archive), in a file system of your own.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::MemoryVfs;
    #[doc = include_str!("../example.txt")]
    ///
    /// let nothing = Options::default().apply_archive_in(Arc::new(MemoryVfs::new()), "music", "archive", None);
    /// assert_eq!(nothing.unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn apply_archive_in(
        &self,
        vfs: alloc::sync::Arc<dyn crate::storage::vfs::Vfs>,
        path: &str,
        archive: &str,
        until: Option<super::CommitNumber>,
    ) -> Result<super::CommitNumber, crate::Error> {
        let (pager, _, _) = super::tuning::tune(self, &*vfs);
        Ok(crate::storage::restore::apply_archive(&vfs, path, pager, archive, until)?)
    }

    /// Opens the database in file `path` with these options, or makes it; see [`Database::open`](super::Database::open).
    ///
    /// # Errors
    ///
    /// As [`Database::open`](super::Database::open); also [`Io`](crate::ErrorKind::Io) when the path is not Unicode.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let db = Options::default().checkpoint_after(64 << 20).open::<Music>(&path)?;
    /// assert_eq!(Artist::query().count(&db)?, 0);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn open<D: crate::Schema>(
        &self,
        path: impl AsRef<std::path::Path>,
    ) -> Result<super::Database<D>, crate::Error> {
        use crate::storage::vfs::FileVfs;
        super::Database::open_in(alloc::sync::Arc::new(FileVfs), text(path.as_ref())?, self)
    }

    /// What is not tuned, and defaults for what is.
    pub(super) fn given(&self) -> PagerOptions {
        let mut pager = self.pager;
        pager.compression = Some(self.compression.unwrap_or_default());
        if let Some(bytes) = self.block_size {
            pager.block_len = bytes as usize;
        }
        let (len, block) = (pager.journal.segment_len.min(1 << 30), pager.block_len as u32);
        // The closest length that a journal can have; a journal's blocks follow from it.
        pager.journal.segment_len = match block {
            4096.. => len.max(8192).next_multiple_of(4096),
            _ => (len.min((1 << 30) - block).div_ceil(block) | 1).max(3) * block,
        };
        pager
    }
}

/// A path as text, which is what file systems are given.
#[cfg(feature = "std")]
fn text(path: &std::path::Path) -> Result<&str, crate::Error> {
    path.to_str().ok_or_else(|| {
        let path = path.to_string_lossy().into_owned();
        let reason = String::from("its name is not Unicode: rename it");
        crate::storage::vfs::VfsError::Io { path, operation: "open", reason }.into()
    })
}
