//! [`Progress`]: how far something that reads a whole database has come, and [`Watch`], who is told.

use core::fmt;
use core::ops::ControlFlow;

use crate::storage::{StorageError, StorageFault};

/// How far a check, a backup or a repair has come.
///
/// # Examples
///
/// ```
/// use std::ops::ControlFlow;
///
#[doc = include_str!("../../example.txt")]
/// let mut phases = Vec::new();
/// let report = db.check_with(&mut |progress| {
///     assert!(progress.done <= progress.total);
///     phases.push(progress.phase);
///     ControlFlow::Continue(())
/// })?;
/// assert!(report.is_sound() && phases.contains(&epilog::integrity::Phase::Records));
///
/// let cancelled = db.check_with(&mut |_| ControlFlow::Break(())).unwrap_err();
/// assert_eq!(cancelled.kind(), ErrorKind::Cancelled);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// How much of it is done, in the phase's unit.
    pub done: u64,
    /// How much there is to do. It may grow: some of it is known only when the work is done.
    pub total: u64,
}

/// What is being done. Phases come one after the other; a repair ends with those of a backup and a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Images of pages are read and verified; counted in pages.
    Images,
    /// Indexes are walked; counted in entries.
    Indexes,
    /// Records are looked at; counted in records.
    Records,
    /// Pages are copied; counted in pages.
    Copy,
    /// A damaged file is searched; counted in blocks of 4,096 bytes.
    Search,
    /// Records are put into a new file; counted in records.
    Rebuild,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Images => "images",
            Phase::Indexes => "indexes",
            Phase::Records => "records",
            Phase::Copy => "copy",
            Phase::Search => "search",
            Phase::Rebuild => "rebuild",
        })
    }
}

/// The callback is not called more often than once for so much of a phase.
const STEP: u64 = 256;

/// Tells a callback of progress; an error when that wants no more.
pub struct Watch<'w> {
    tell: &'w mut dyn FnMut(Progress) -> ControlFlow<()>,
    now: Progress,
    told: u64,
}

impl<'w> Watch<'w> {
    /// Tells `tell`.
    pub fn new(tell: &'w mut dyn FnMut(Progress) -> ControlFlow<()>) -> Watch<'w> {
        Watch { tell, now: Progress { phase: Phase::Images, done: 0, total: 0 }, told: 0 }
    }

    /// Begins a phase, of which there is about `total` to do.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Cancelled`].
    pub fn begin(&mut self, phase: Phase, total: u64) -> Result<(), StorageError> {
        self.now = Progress { phase, done: 0, total };
        self.say()
    }

    /// So much more is done.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Cancelled`].
    pub fn advance(&mut self, more: u64) -> Result<(), StorageError> {
        self.now.done += more;
        self.now.total = self.now.total.max(self.now.done);
        if self.now.done - self.told >= STEP { self.say() } else { Ok(()) }
    }

    /// All of the phase is done.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Cancelled`].
    pub fn end(&mut self) -> Result<(), StorageError> {
        self.now.total = self.now.done;
        self.say()
    }

    fn say(&mut self) -> Result<(), StorageError> {
        self.told = self.now.done;
        match (self.tell)(self.now) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(StorageFault::Cancelled.into()),
        }
    }
}
