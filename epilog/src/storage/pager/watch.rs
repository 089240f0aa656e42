//! [`Watch`]: what follows when commits are published: whoever waits for them is told, and versions that nobody is to look
//! back at any more are let go.
//!
//! While nobody waits, a commit costs a fence and two atomic loads more.

use alloc::vec::Vec;
use core::task::Waker;

use super::frames::FrameTable;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use crate::sync::{Condvar, Mutex};

/// What follows when commits are published.
pub(super) struct Watch {
    /// The last so many commits before the published one can be looked back at; `u64::MAX` when none can.
    look_back: AtomicU64,
    /// But none before this one.
    since: AtomicU64,
    /// Threads and wakers that wait.
    waiting: AtomicUsize,
    wakers: Mutex<Vec<Waker>>,
    changed: Condvar,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch {
            look_back: AtomicU64::new(u64::MAX),
            since: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            wakers: Mutex::default(),
            changed: Condvar::new(),
        }
    }
}

impl Watch {
    /// Keeps the versions of the last `commits` commits before the published one from now on.
    pub(super) fn look_back(&self, frames: &FrameTable, commits: u64) {
        let published = frames.published();
        frames.retain(published);
        self.since.store(published, Ordering::Relaxed);
        self.look_back.store(commits.min(u64::MAX - 1), Ordering::Release);
    }

    /// Something was published.
    pub(super) fn published(&self, frames: &FrameTable) {
        let look_back = self.look_back.load(Ordering::Acquire);
        if look_back != u64::MAX {
            let floor = frames.published().saturating_sub(look_back);
            if floor > self.since.load(Ordering::Relaxed) {
                frames.retain(floor);
            }
        }
        self.notify();
    }

    /// Something was published, or never will be again. Called after the fact.
    pub(super) fn notify(&self) {
        // Pairs with the fence of those who wait: either this sees them, or they see what was published.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return;
        }
        let woken = core::mem::take(&mut *self.wakers.lock());
        self.waiting.fetch_sub(woken.len(), Ordering::Relaxed);
        self.changed.notify_all();
        woken.into_iter().for_each(Waker::wake);
    }

    /// Wakes `waker` at the next [`notify`](Watch::notify). What was to be waited for is looked at afterwards.
    pub(super) fn wake(&self, waker: &Waker) {
        let mut wakers = self.wakers.lock();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
            self.waiting.fetch_add(1, Ordering::Relaxed);
        }
        drop(wakers);
        fence(Ordering::SeqCst);
    }

    /// Waits until `happened` gives something, for no longer than `duration`, by the clock `now_ns`.
    #[cfg(feature = "std")]
    pub(super) fn wait<T>(
        &self,
        duration: core::time::Duration,
        now_ns: impl Fn() -> u64,
        happened: impl Fn() -> Option<T>,
    ) -> Option<T> {
        let deadline = u64::try_from(duration.as_nanos()).map_or(u64::MAX, |ns| now_ns().saturating_add(ns));
        self.waiting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let mut wakers = self.wakers.lock();
        let outcome = loop {
            let found = happened();
            let now = now_ns();
            if found.is_some() || now >= deadline {
                break found;
            }
            wakers = self.changed.wait_for(wakers, core::time::Duration::from_nanos(deadline - now));
        };
        drop(wakers);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        outcome
    }
}
