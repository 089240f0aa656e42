//! [`Meters`]: what is measured of a plan's operators while it is carried out, for `explain_analyze`.

use alloc::vec::Vec;
use core::cell::Cell;

/// What one operator did.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct Meter {
    /// The rows that it gave.
    pub(in crate::engine) rows: u64,
    /// The batches that they came in.
    pub(in crate::engine) batches: u64,
    /// How long it took, with what it takes rows from; over pairs, without it.
    pub(in crate::engine) elapsed_ns: u64,
    /// The most that it kept.
    pub(in crate::engine) kept: Footprint,
    /// How many threads did that, if several did.
    #[cfg(feature = "std")]
    pub(in crate::engine) threads: usize,
}

/// What an operator keeps.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct Footprint {
    /// Bytes in memory, about.
    pub(in crate::engine) memory: u64,
    /// Bytes that were put aside, in all.
    pub(in crate::engine) spilled: u64,
}

impl Footprint {
    /// So many bytes in memory.
    pub(super) fn in_memory(bytes: usize) -> Footprint {
        Footprint { memory: bytes as u64, spilled: 0 }
    }

    /// The larger of both, of each kind.
    pub(super) fn max(self, other: Footprint) -> Footprint {
        Footprint { memory: self.memory.max(other.memory), spilled: self.spilled.max(other.spilled) }
    }
}

/// The meters of a plan, by number.
pub(in crate::engine) struct Meters(Vec<Cell<Meter>>);

impl Meters {
    pub(in crate::engine) fn new(count: usize) -> Meters {
        Meters(vec![Cell::default(); count])
    }

    /// Adds to meter `number`: a batch of so many rows, and the time it took to make it.
    pub(in crate::engine) fn add(&self, number: usize, rows: usize, elapsed_ns: u64, kept: Footprint) {
        let Some(cell) = self.0.get(number) else { return };
        let mut meter = cell.get();
        meter.rows += rows as u64;
        meter.batches += u64::from(rows > 0);
        meter.elapsed_ns += elapsed_ns;
        meter.kept = meter.kept.max(kept);
        cell.set(meter);
    }

    /// How many there are.
    #[cfg(feature = "std")]
    pub(in crate::engine) fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes how many threads did what meter `number` measures.
    #[cfg(feature = "std")]
    pub(in crate::engine) fn add_threads(&self, number: usize, threads: usize) {
        let Some(cell) = self.0.get(number) else { return };
        cell.set(Meter { threads, ..cell.get() });
    }

    /// Adds what as many others read, of a part of the same plan that another thread carried out.
    #[cfg(feature = "std")]
    pub(in crate::engine) fn add_read(&self, read: &[Meter]) {
        for (cell, other) in self.0.iter().zip(read) {
            let mut meter = cell.get();
            meter.rows += other.rows;
            meter.batches += other.batches;
            meter.elapsed_ns += other.elapsed_ns;
            meter.kept = meter.kept.max(other.kept);
            meter.threads = meter.threads.max(other.threads);
            cell.set(meter);
        }
    }

    /// Makes them read this.
    #[cfg(feature = "std")]
    pub(in crate::engine) fn set(&self, read: &[Meter]) {
        self.0.iter().zip(read).for_each(|(cell, meter)| cell.set(*meter));
    }

    /// What they read.
    pub(in crate::engine) fn read(&self) -> Vec<Meter> {
        self.0.iter().map(Cell::get).collect()
    }
}
