//! [`Upkeep`]: tells whoever works in the background that there is something to do, and by when.
//!
//! Without threads nobody listens, and [`Pager::maintain`](super::Pager::maintain) is called by the program or not at all.

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex};

/// Tells whoever works in the background that there is something to do.
#[derive(Default)]
pub struct Upkeep {
    signal: Mutex<Signal>,
    changed: Condvar,
    /// By when what is staged must be synced, in nanoseconds of the file system's clock; 0 when nothing was promised.
    sync_by: AtomicU64,
    attended: AtomicBool,
}

#[derive(Default)]
struct Signal {
    kicked: bool,
    stopped: bool,
}

impl Upkeep {
    /// There is something to do now.
    pub(super) fn kick(&self) {
        self.signal.lock().kicked = true;
        self.changed.notify_all();
    }

    /// What is staged is to be synced by `deadline`, in nanoseconds of the file system's clock.
    pub(super) fn sync_by(&self, deadline: u64) {
        let deadline = deadline.max(1);
        let earlier = |before| (before == 0 || deadline < before).then_some(deadline);
        if self.sync_by.fetch_update(Ordering::AcqRel, Ordering::Acquire, earlier).is_ok() {
            self.kick();
        }
    }

    /// Whether a promised sync is due at `now`; the promise is then the caller's to keep.
    pub(super) fn take_overdue(&self, now: u64) -> bool {
        let due = |deadline| (deadline != 0 && deadline <= now).then_some(0);
        self.sync_by.fetch_update(Ordering::AcqRel, Ordering::Acquire, due).is_ok()
    }

    /// Somebody listens from now on, until [`stop`](Upkeep::stop).
    pub fn attend(&self) {
        self.attended.store(true, Ordering::Release);
    }

    /// Whether somebody listens.
    pub fn is_attended(&self) -> bool {
        self.attended.load(Ordering::Acquire)
    }

    /// Whether the background is to end.
    pub fn is_stopped(&self) -> bool {
        self.signal.lock().stopped
    }

    /// Ends the background.
    pub fn stop(&self) {
        self.attended.store(false, Ordering::Release);
        self.signal.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Waits until there is something to do. `now` is the file system's clock.
    #[cfg(feature = "std")]
    pub fn wait(&self, now: u64) {
        let mut signal = self.signal.lock();
        while !signal.kicked && !signal.stopped {
            match self.sync_by.load(Ordering::Acquire) {
                0 => signal = self.changed.wait(signal),
                deadline if deadline <= now => break,
                deadline => {
                    self.changed.wait_for(signal, core::time::Duration::from_nanos(deadline - now));
                    return;
                }
            }
        }
        signal.kicked = false;
    }
}
