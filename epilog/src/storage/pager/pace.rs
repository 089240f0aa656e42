//! [`Pace`]: when a checkpoint is due, and how hard writers must help.
//!
//! Two things grow between checkpoints: the bytes of changed pages, which memory holds, and the bytes of journal, which a
//! recovery would read. The latter are counted in time: what a byte of journal takes to be applied is measured whenever a
//! journal is replayed, and assumed until then. A checkpoint begins at half of what is allowed, so that it can end before
//! the whole is reached although commits go on:
//!
//! | of the limit | |
//! |---|---|
//! | below a half | nothing |
//! | from a half | a checkpoint begins; the background does it |
//! | from three quarters | each commit does a part of it |
//! | from the whole | a commit does the rest of it before it returns |

use super::PagerOptions;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// What a byte of journal takes to be applied, in picoseconds, before any replay was measured: that of records of some
/// hundred bytes with two indexes on the machine this was written on.
const APPLY_PS_ASSUMED: u64 = 30_000;

/// Replays of fewer bytes say little.
const MEASURED_BYTES_MIN: u64 = 64 << 10;

/// How much a checkpoint is wanted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Pressure {
    /// Not at all.
    None,
    /// One should begin.
    Begin,
    /// Each commit should do a part.
    Help,
    /// A commit should do all of it.
    Finish,
}

/// When a checkpoint is due.
pub(super) struct Pace {
    dirty_bytes_max: u64,
    journal_bytes_max: u64,
    recovery_ns: u64,
    apply_ps: AtomicU64,
    /// Not before there are so many dirty bytes or journal bytes: the last attempt failed.
    hold_off: Mutex<(u64, u64)>,
}

impl Pace {
    pub(super) fn new(options: &PagerOptions) -> Pace {
        Pace {
            dirty_bytes_max: options.checkpoint_dirty_bytes,
            journal_bytes_max: options.checkpoint_journal_bytes,
            recovery_ns: options.recovery_ns,
            apply_ps: AtomicU64::new(APPLY_PS_ASSUMED),
            hold_off: Mutex::new((0, 0)),
        }
    }

    /// Takes notice that a replay of so many bytes took so long.
    pub(super) fn measured(&self, bytes: u64, ns: u64) {
        if bytes >= MEASURED_BYTES_MIN && ns > 0 {
            self.apply_ps.store((ns.saturating_mul(1000) / bytes).max(1), Ordering::Relaxed);
        }
    }

    /// What a replay of so much journal is thought to take, in nanoseconds.
    pub(super) fn estimated_ns(&self, journal_bytes: u64) -> u64 {
        journal_bytes.saturating_mul(self.apply_ps.load(Ordering::Relaxed)) / 1000
    }

    /// The bytes of journal, and of changed pages, that there may be.
    pub(super) fn limits(&self) -> (u64, u64) {
        let by_time = self.recovery_ns.saturating_mul(1000) / self.apply_ps.load(Ordering::Relaxed);
        (self.journal_bytes_max.min(by_time), self.dirty_bytes_max)
    }

    /// How much a checkpoint is wanted at so many dirty bytes and journal bytes.
    pub(super) fn pressure(&self, dirty: u64, journaled: u64) -> Pressure {
        let (held_dirty, held_journaled) = *self.hold_off.lock();
        let (journal_max, dirty_max) = self.limits();
        if dirty < held_dirty && journaled < held_journaled {
            return Pressure::None;
        }
        let pressure = |now: u64, max: u64| match now {
            0 => Pressure::None,
            _ if now >= max => Pressure::Finish,
            _ if now >= max - max / 4 => Pressure::Help,
            _ if now >= max - max / 2 => Pressure::Begin,
            _ => Pressure::None,
        };
        pressure(dirty, dirty_max).max(pressure(journaled, journal_max))
    }

    /// A checkpoint failed at so many dirty bytes and journal bytes: the next one is made when a quarter more has come
    /// together.
    pub(super) fn failed(&self, dirty: u64, journaled: u64) {
        let (journal_max, dirty_max) = self.limits();
        *self.hold_off.lock() = (dirty + dirty_max / 4 + 1, journaled + journal_max / 4 + 1);
    }

    /// A checkpoint succeeded.
    pub(super) fn succeeded(&self) {
        *self.hold_off.lock() = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace::new(&PagerOptions {
            checkpoint_dirty_bytes: 400,
            checkpoint_journal_bytes: 4000,
            recovery_ns: 1 << 40,
            ..PagerOptions::default()
        })
    }

    #[test]
    fn pressure_grows_with_what_is_to_be_written_or_replayed() {
        let pace = pace();
        let levels = [(0, 0), (199, 1999), (200, 0), (0, 2000), (300, 0), (0, 3000), (400, 0), (0, 9000)];
        let expected = [
            Pressure::None,
            Pressure::None,
            Pressure::Begin,
            Pressure::Begin,
            Pressure::Help,
            Pressure::Help,
            Pressure::Finish,
            Pressure::Finish,
        ];
        assert_eq!(levels.map(|(dirty, journaled)| pace.pressure(dirty, journaled)), expected);
    }

    #[test]
    fn a_slow_replay_makes_checkpoints_come_earlier() {
        let pace = Pace::new(&PagerOptions { recovery_ns: 1_000_000, ..PagerOptions::default() });
        pace.measured(1 << 20, 1 << 30); // 1,024 ns a byte
        assert_eq!(pace.limits().0, 976);
        assert_eq!(pace.estimated_ns(1000), 1_024_000);
        pace.measured(10, 1);
        assert_eq!(pace.limits().0, 976, "ten bytes say nothing");
    }

    #[test]
    fn after_a_failure_a_quarter_more_must_come_together() {
        let pace = pace();
        pace.failed(400, 0);
        assert_eq!(pace.pressure(450, 0), Pressure::None);
        assert_eq!(pace.pressure(501, 0), Pressure::Finish);
        pace.succeeded();
        assert_eq!(pace.pressure(400, 0), Pressure::Finish);
    }
}
