//! [`Control`]: what ends a query before its end, and what its plan must not do.
//!
//! ```text
//! Control    asked for with the query: a timeout, handles, no full scan
//!   |  begin
//! Run        the query being carried out: by when it must have ended, and what is measured of it
//!   |  check, once a batch
//! ExecError  Cancelled, TimedOut
//! ```
//!
//! Operators ask `Run::check` wherever they go on without giving a batch: for each leaf of a scan, each batch of pairs,
//! each thousand rows that are gathered or merged. Where nothing was asked for, that is a look at one pointer.

use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::error::ExecError;
#[cfg(not(feature = "small"))]
use super::exec::meter::{Footprint, Meter, Meters};
use crate::parts::{InWhole, Whole};
use crate::storage::facade::View;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Ends queries that another thread carries out.
///
/// Clones are one handle. What was cancelled stays cancelled: queries that have it end at their next batch, later ones at
/// once, each with [`Cancelled`](crate::ErrorKind::Cancelled).
///
/// # Examples
///
/// ```
/// use epilog::CancelHandle;
#[doc = include_str!("../example.txt")]
///
/// let handle = CancelHandle::new();
/// let query = Track::query().filter(|t| t.name.contains("High")).cancel_with(&handle);
/// assert_eq!(query.all(&db)?.len(), 1);
///
/// let elsewhere = handle.clone();
/// std::thread::spawn(move || elsewhere.cancel()).join().expect("no panic");
/// assert_eq!(query.all(&db).unwrap_err().kind(), ErrorKind::Cancelled);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CancelHandle {
    cancelled: Arc<AtomicBool>,
}

impl CancelHandle {
    /// A handle of which nothing is cancelled yet.
    pub fn new() -> CancelHandle {
        CancelHandle::default()
    }

    /// Ends the queries that have this handle. Does not wait for them.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether [`cancel`](CancelHandle::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// What was asked for about the running of a query. Without anything it is nothing, and so it is in small builds.
#[derive(Clone, Default)]
pub struct Control(Option<InWhole<Arc<Wishes>>>);

#[derive(Clone, Debug, Default)]
struct Wishes {
    timeout: Option<Duration>,
    /// By when what has begun must have ended, by the clock of what is read.
    deadline_ns: Option<u64>,
    handles: Vec<CancelHandle>,
    require_index: bool,
    /// What may be kept in memory of rows, in bytes.
    memory: Option<usize>,
    /// How many threads may carry it out.
    #[cfg(all(feature = "std", not(feature = "small")))]
    threads: Option<usize>,
}

#[cfg(not(feature = "small"))]
impl Control {
    /// Ends the query so long after it began.
    pub(crate) fn set_timeout(&mut self, timeout: Duration) {
        self.change(|wishes| wishes.timeout = Some(timeout));
    }

    /// Ends the query when `handle` is cancelled.
    pub(crate) fn add_handle(&mut self, handle: &CancelHandle) {
        self.change(|wishes| wishes.handles.push(handle.clone()));
    }

    /// The same for several queries that begin now: the timeout is that of all of them together.
    pub(crate) fn begun(&self, view: View<'_>) -> Control {
        let mut begun = self.clone();
        if let Some(timeout) = self.0.as_ref().and_then(|wishes| wishes.timeout) {
            begun.change(|wishes| wishes.deadline_ns = Some(deadline_ns(timeout, view)));
        }
        begun
    }

    /// Keeps no more than so many bytes of rows in memory.
    pub(crate) fn set_memory(&mut self, bytes: usize) {
        self.change(|wishes| wishes.memory = Some(bytes));
    }

    /// Whether somebody asked for a limit to what is kept in memory of rows.
    #[cfg(not(feature = "small"))]
    pub(super) fn limits_memory(&self, view: View<'_>) -> bool {
        self.memory().is_some() || view.query_bytes().is_some()
    }

    /// How many bytes of rows may be kept in memory, if that was asked for.
    pub(super) fn memory(&self) -> Option<usize> {
        self.0.as_ref()?.memory
    }

    /// Lets so many threads carry the query out.
    #[cfg(feature = "std")]
    pub(crate) fn set_threads(&mut self, threads: usize) {
        self.change(|wishes| wishes.threads = Some(threads));
    }

    /// How many threads may carry the query out, if that was asked for.
    #[cfg(feature = "std")]
    #[inline]
    pub(super) fn threads(&self) -> Option<usize> {
        self.0.as_ref()?.threads
    }

    /// Refuses plans that read all records of a collection.
    pub(crate) fn set_require_index(&mut self) {
        self.change(|wishes| wishes.require_index = true);
    }

    fn change(&mut self, change: impl FnOnce(&mut Wishes)) {
        let mut wishes = self.0.take().map_or_else(Arc::default, |wishes| Arc::clone(&wishes));
        change(Arc::make_mut(&mut wishes));
        self.0 = Whole::build().map(|whole| InWhole::new(wishes, whole));
    }
}

impl Control {
    /// The query begins now.
    #[inline]
    pub fn begin(&self, view: View<'_>) -> Run {
        match &self.0 {
            None => Run(None),
            Some(wishes) => Run::of(wishes, view),
        }
    }

    /// Whether plans that read all records of a collection are refused.
    #[inline]
    pub(crate) fn requires_index(&self) -> bool {
        self.0.as_ref().is_some_and(|wishes| wishes.require_index)
    }

    /// Fails if the query has been cancelled before it began, and otherwise leaves it alone: for one record.
    ///
    /// # Errors
    ///
    /// As [`Run::check`].
    #[inline]
    pub fn check(&self, view: View<'_>) -> Result<(), ExecError> {
        match &self.0 {
            None => Ok(()),
            Some(_) => self.begin(view).check(view),
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Control"),
            Some(wishes) => {
                let Wishes { timeout, handles, require_index, memory, .. } = &***wishes;
                let mut f = f.debug_struct("Control");
                f.field("timeout", timeout).field("handles", handles);
                f.field("require_index", require_index).field("memory", memory);
                #[cfg(all(feature = "std", not(feature = "small")))]
                f.field("threads", &wishes.threads);
                f.finish()
            }
        }
    }
}

/// When something ends that begins now.
fn deadline_ns(timeout: Duration, view: View<'_>) -> u64 {
    let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    view.now_ns().saturating_add(timeout)
}

/// A query being carried out, as far as it can be ended from outside.
#[derive(Clone, Default)]
pub struct Run(Option<InWhole<Rc<Running>>>);

struct Running {
    wishes: Arc<Wishes>,
    /// By when it must have ended, by the clock of what is read.
    deadline_ns: Option<u64>,
    /// What its operators do, if that is measured.
    #[cfg(not(feature = "small"))]
    meters: Option<Meters>,
    /// Into how many equal shares what it may keep in memory is divided, of which it has one.
    #[cfg(not(feature = "small"))]
    shares: usize,
}

/// The run of a query as it is told to other threads, each of which has [its own](RunOfAll::run).
#[cfg(all(feature = "std", not(feature = "small")))]
#[derive(Clone)]
pub(super) struct RunOfAll {
    wishes: Arc<Wishes>,
    deadline_ns: Option<u64>,
    /// How many meters its plan has, if it is measured.
    meters: Option<usize>,
    shares: usize,
}

#[cfg(all(feature = "std", not(feature = "small")))]
impl RunOfAll {
    /// The run in this thread: ended by the same, with meters that begin at nothing.
    pub(super) fn run(&self) -> Run {
        let RunOfAll { wishes, deadline_ns, meters, shares } = self;
        let (wishes, meters) = (Arc::clone(wishes), meters.map(Meters::new));
        Run::over(Running { wishes, deadline_ns: *deadline_ns, meters, shares: *shares })
    }
}

impl Run {
    fn of(wishes: &Arc<Wishes>, view: View<'_>) -> Run {
        let of_this = || wishes.timeout.map(|timeout| deadline_ns(timeout, view));
        let deadline_ns = wishes.deadline_ns.or_else(of_this);
        Run::over(Running {
            wishes: Arc::clone(wishes),
            deadline_ns,
            #[cfg(not(feature = "small"))]
            meters: None,
            #[cfg(not(feature = "small"))]
            shares: 1,
        })
    }

    fn over(running: Running) -> Run {
        Run(Whole::build().map(|whole| InWhole::new(Rc::new(running), whole)))
    }

    /// Fails when the query is to end.
    ///
    /// # Errors
    ///
    /// [`ExecError::Cancelled`] and [`ExecError::TimedOut`].
    #[inline]
    pub(crate) fn check(&self, view: View<'_>) -> Result<(), ExecError> {
        match &self.0 {
            None => Ok(()),
            Some(running) => running.check(view),
        }
    }
}

#[cfg(not(feature = "small"))]
impl Run {
    /// The same, of whose plan `count` meters are read.
    pub(super) fn measured(&self, count: usize) -> Run {
        let (wishes, deadline_ns) = match &self.0 {
            None => (Arc::default(), None),
            Some(running) => (Arc::clone(&running.wishes), running.deadline_ns),
        };
        Run::over(Running { wishes, deadline_ns, meters: Some(Meters::new(count)), shares: 1 })
    }

    /// What may be kept in memory of rows, in bytes, if that was asked for.
    pub(crate) fn memory(&self) -> Option<usize> {
        self.0.as_ref()?.wishes.memory
    }

    /// Into how many equal shares what may be kept in memory is divided, of which this has one.
    pub(super) fn shares(&self) -> usize {
        self.0.as_ref().map_or(1, |running| running.shares)
    }

    /// The same for several threads, of which each may keep one of so many equal shares in memory.
    #[cfg(feature = "std")]
    pub(super) fn of_all(&self, shares: usize) -> RunOfAll {
        let (wishes, deadline_ns, meters) = match &self.0 {
            None => (Arc::default(), None, None),
            Some(running) => {
                let meters = running.meters.as_ref().map(Meters::len);
                (Arc::clone(&running.wishes), running.deadline_ns, meters)
            }
        };
        RunOfAll { wishes, deadline_ns, meters, shares }
    }

    /// Notes how many threads did what meter `number` measures.
    #[cfg(feature = "std")]
    pub(super) fn measure_threads(&self, number: usize, threads: usize) {
        if let Some(meters) = self.meters() {
            meters.add_threads(number, threads);
        }
    }

    /// Adds what the meters of another thread read.
    #[cfg(feature = "std")]
    pub(super) fn add_read(&self, read: &[Meter]) {
        if let Some(meters) = self.meters() {
            meters.add_read(read);
        }
    }

    /// Has the meters read again what they read once: what was done since is done once more.
    #[cfg(feature = "std")]
    pub(super) fn read_again(&self, read: &[Meter]) {
        if let Some(meters) = self.meters() {
            meters.set(read);
        }
    }

    fn meters(&self) -> Option<&Meters> {
        self.0.as_ref().and_then(|running| running.meters.as_ref())
    }

    /// Whether it is measured what operators do.
    pub(super) fn measures(&self) -> bool {
        self.meters().is_some()
    }

    /// Adds to meter `number`: see [`Meters::add`].
    pub(super) fn measure(&self, number: usize, rows: usize, elapsed_ns: u64, kept: Footprint) {
        if let Some(meters) = self.meters() {
            meters.add(number, rows, elapsed_ns, kept);
        }
    }

    /// What the meters read.
    pub(super) fn read(&self) -> Vec<Meter> {
        self.meters().map_or_else(Vec::new, Meters::read)
    }
}

impl Running {
    fn check(&self, view: View<'_>) -> Result<(), ExecError> {
        let Some(whole) = Whole::build() else { return Ok(()) };
        if self.wishes.handles.iter().any(CancelHandle::is_cancelled) {
            return Err(ExecError::Cancelled(whole));
        }
        match (self.deadline_ns, self.wishes.timeout) {
            (Some(deadline), Some(timeout)) if view.now_ns() >= deadline => {
                Err(ExecError::TimedOut { timeout, whole })
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}
