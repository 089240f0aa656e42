//! [`SlowQuery`]: what a program is told of a query that took long.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::panic::Location;
use core::time::Duration;

use crate::Error;
use crate::engine::Plan;
use crate::parts::InWhole;

/// A query that took longer than [`Options::on_slow_query`](crate::Options::on_slow_query) says.
pub struct SlowQuery<'q> {
    elapsed: Duration,
    location: &'static Location<'static>,
    collection: &'static str,
    plan: &'q dyn Fn() -> Result<Plan, Error>,
}

impl SlowQuery<'_> {
    /// How long it took, with the making of records. Of a [`stream`](crate::Query::stream) that is the time that it worked,
    /// not that in between.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Where in the program's source the terminal was called.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// The collection that it begins at.
    pub fn collection(&self) -> &'static str {
        self.collection
    }

    /// How [`all`](crate::Query::all) of its rows would be carried out now: it is planned again, which takes some microseconds and
    /// happens only here. `first`, `count` and the like may have had a shorter way, and `page` one that begins behind the page
    /// before ([`explain_page`](crate::Query::explain_page)). After a change that is a plan over what is
    /// changed.
    ///
    /// # Errors
    ///
    /// As [`explain`](crate::Query::explain).
    pub fn plan(&self) -> Result<Plan, Error> {
        (self.plan)()
    }
}

impl fmt::Debug for SlowQuery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowQuery")
            .field("elapsed", &self.elapsed)
            .field("location", &self.location)
            .field("collection", &self.collection)
            .finish_non_exhaustive()
    }
}

/// What a program wants to be told of slow queries, and by which clock they are.
#[derive(Clone)]
pub struct SlowHook {
    threshold: Duration,
    tell: Tell,
    clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// What is called with a slow query.
pub(crate) type Tell = Arc<dyn Fn(&SlowQuery<'_>) + Send + Sync>;

impl SlowHook {
    #[cfg(not(feature = "small"))]
    pub(crate) fn new(
        threshold: Duration,
        tell: Tell,
        clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    ) -> SlowHook {
        SlowHook { threshold, tell, clock }
    }

    /// Now, in nanoseconds.
    pub(super) fn now_ns(&self) -> u64 {
        (self.clock)()
    }

    /// Tells of a query over `collection` that took so long, if that was too long. Nothing of the database is locked
    /// meanwhile; a panic ends here, where there are any.
    pub(super) fn report(
        &self,
        elapsed_ns: u64,
        location: &'static Location<'static>,
        collection: &'static str,
        plan: &dyn Fn() -> Result<Plan, Error>,
    ) {
        let elapsed = Duration::from_nanos(elapsed_ns);
        if elapsed < self.threshold {
            return;
        }
        let slow = SlowQuery { elapsed, location, collection, plan };
        #[cfg(feature = "std")]
        {
            use std::panic::{AssertUnwindSafe, catch_unwind};
            // Whoever set a panic hook has been told. The query's answer is what it was.
            let _ = catch_unwind(AssertUnwindSafe(|| (self.tell)(&slow)));
        }
        #[cfg(not(feature = "std"))]
        (self.tell)(&slow);
    }
}

impl fmt::Debug for SlowHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowHook").field("threshold", &self.threshold).finish_non_exhaustive()
    }
}

/// The time of a stream, which is told of when it ends or is dropped.
pub(super) struct StreamTime<'s> {
    pub(super) hook: &'s SlowHook,
    pub(super) spent_ns: u64,
    pub(super) location: &'static Location<'static>,
    pub(super) collection: &'static str,
    pub(super) plan: Box<dyn Fn() -> Result<Plan, Error> + 's>,
}

impl StreamTime<'_> {
    /// Now, if it is to be told how long a stream takes.
    pub(super) fn now_ns(time: &Option<InWhole<Box<Self>>>) -> Option<u64> {
        time.as_ref().map(|time| time.hook.now_ns())
    }

    /// Adds the time since it began to work.
    pub(super) fn add(time: &mut Option<InWhole<Box<Self>>>, begun_ns: Option<u64>) {
        if let (Some(time), Some(begun_ns)) = (time, begun_ns) {
            time.spent_ns += time.hook.now_ns().saturating_sub(begun_ns);
        }
    }
}

impl Drop for StreamTime<'_> {
    fn drop(&mut self) {
        self.hook.report(self.spent_ns, self.location, self.collection, &*self.plan);
    }
}
