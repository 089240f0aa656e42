//! [`Heads`]: which staged commits may be seen, and who waits for one to be durable.
//!
//! ```text
//! staged      the next writer builds on it        (the frame table's staged head)
//! durable     the journal is synced up to it      (the journal's durable head)
//! published   new readers see it                  (the frame table's published head)
//! ```
//!
//! * A commit that promises durability is seen by others only when it is durable: nobody acts on what a crash could take
//!   back. One that does not is seen when it is staged, unless an earlier one that promises is not durable yet: what is
//!   published is always a prefix of the commits.
//! * Publishing happens in order, under the lock of the queue; whoever learns that more is durable does it.
//! * After a failed sync nothing that was not published ever is. Those who wait are told.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::Waker;

use super::frames::FrameTable;
use super::watch::Watch;
use crate::sync::Mutex;

/// Staged commits on their way to be published.
#[derive(Default)]
pub(super) struct Heads {
    queue: Mutex<Queue>,
    pub(super) watch: Arc<Watch>,
}

#[derive(Default)]
struct Queue {
    /// Commit, and whether it must be durable first; ascending.
    staged: VecDeque<(u64, bool)>,
    /// Who waits for which commit to be durable.
    waiting: Vec<(u64, Waker)>,
}

impl Heads {
    /// Notes a commit that has just been staged, and publishes what may be. The caller holds the write lease.
    ///
    /// `durable` is asked under the lock: the journal has the commit already, and whoever has synced it before now did not
    /// find it in the queue, and does not come back for it.
    pub(super) fn staged(
        &self,
        frames: &FrameTable,
        commit: u64,
        must_be_durable: bool,
        durable: impl FnOnce() -> u64,
    ) {
        let mut queue = self.queue.lock();
        debug_assert!(queue.staged.back().is_none_or(|(last, _)| *last < commit));
        queue.staged.push_back((commit, must_be_durable));
        let moved = publish(&mut queue, frames, durable());
        drop(queue);
        if moved {
            self.watch.published(frames);
        }
    }

    /// Publishes what has become visible now that everything up to `durable` is, and wakes who waited for that.
    pub(super) fn durable(&self, frames: &FrameTable, durable: u64) {
        let mut queue = self.queue.lock();
        let moved = publish(&mut queue, frames, durable);
        let mut woken = Vec::new();
        queue.waiting.retain(|(commit, waker)| {
            let waits = *commit > durable;
            if !waits {
                woken.push(waker.clone());
            }
            waits
        });
        drop(queue);
        if moved {
            self.watch.published(frames);
        }
        woken.into_iter().for_each(Waker::wake);
    }

    /// Wakes everyone: a sync has failed.
    pub(super) fn failed(&self) {
        let waiting = core::mem::take(&mut self.queue.lock().waiting);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
        self.watch.notify();
    }

    /// Wakes `waker` when `commit` is durable, or a sync has failed.
    pub(super) fn wait_for(&self, commit: u64, waker: &Waker) {
        let mut queue = self.queue.lock();
        queue.waiting.retain(|(other, known)| *other != commit || !known.will_wake(waker));
        queue.waiting.push((commit, waker.clone()));
    }

    /// Whether a commit that promised durability waits for it.
    pub(super) fn owe_durability(&self) -> bool {
        self.queue.lock().staged.iter().any(|(_, must_be_durable)| *must_be_durable)
    }
}

/// Publishes what may be; whether that was anything.
fn publish(queue: &mut Queue, frames: &FrameTable, durable: u64) -> bool {
    let mut visible = None;
    while let Some(&(commit, must_be_durable)) = queue.staged.front() {
        if must_be_durable && commit > durable {
            break;
        }
        visible = Some(commit);
        queue.staged.pop_front();
    }
    if let Some(commit) = visible {
        frames.publish(commit);
    }
    visible.is_some()
}
