//! [`Setup`]: the options that a workload runs with.

use std::sync::Arc;
use std::time::Duration;

use epilog::Compression;
use epilog::prelude::*;
use epilog::vfs::Vfs;

use super::PATH;
use super::model::World;
use super::workload::Wait;
use crate::disk::SimVfs;

/// The options that a workload runs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Its name in a report.
    pub name: &'static str,
    journal_segment_len: u32,
    checkpoint_after: u64,
    bulk_after: usize,
    block_size: u32,
    page_size: u32,
    compression: Compression,
    /// Whether some commits do not wait for the sync.
    pub relaxed: bool,
}

/// Small segments, an early checkpoint and an early bypass of the journal: short workloads then see recycling, checkpoints
/// of their own and bulk transactions.
pub const STANDARD: Setup = Setup {
    name: "standard",
    journal_segment_len: 16 << 10,
    checkpoint_after: 128 << 10,
    bulk_after: 24 << 10,
    block_size: 4 << 10,
    page_size: 16 << 10,
    compression: Compression::None,
    relaxed: false,
};

/// Other options, with which workloads can run as well.
pub const SETUPS: [Setup; 10] = [
    STANDARD,
    Setup { name: "relaxed", relaxed: true, ..STANDARD },
    // The smallest segments there are, and a checkpoint at every commit.
    Setup { name: "eager", journal_segment_len: 8 << 10, checkpoint_after: 0, ..STANDARD },
    Setup { name: "eager and relaxed", journal_segment_len: 8 << 10, checkpoint_after: 0, ..RELAXED },
    // Everything in one segment, and no checkpoint that is not asked for.
    Setup {
        name: "lazy",
        journal_segment_len: 256 << 10,
        checkpoint_after: 1 << 30,
        bulk_after: 16 << 20,
        ..RELAXED
    },
    // Nearly every transaction goes past the journal.
    Setup { name: "bulk", bulk_after: 200, ..RELAXED },
    // What devices of little memory use: blocks of a sector, and of more than one.
    Setup { name: "small", block_size: 1024, page_size: 1024, journal_segment_len: 7 << 10, ..RELAXED },
    Setup { name: "smallest", block_size: 512, page_size: 1024, journal_segment_len: 2 << 10, ..STANDARD },
    // Images of fewer blocks than their pages; once with every transaction written at its commit.
    Setup { name: "compressed", block_size: 1024, journal_segment_len: 7 << 10, ..COMPRESSED },
    Setup { name: "compressed and bulk", bulk_after: 200, relaxed: true, ..COMPRESSED },
];

const COMPRESSED: Setup = Setup { compression: Compression::Lz4, ..STANDARD };

const RELAXED: Setup = Setup { relaxed: true, ..STANDARD };

impl Setup {
    /// Opens the database on `disk`.
    ///
    /// # Errors
    ///
    /// As [`Database::open_in`].
    pub fn open(&self, disk: &SimVfs) -> Result<Database<World>, Error> {
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        Database::open_in(vfs, PATH, &self.options())
    }

    /// Opens it for reading only.
    ///
    /// # Errors
    ///
    /// As [`Database::open_in`].
    pub fn open_to_read(&self, disk: &SimVfs) -> Result<Database<World>, Error> {
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        Database::open_in(vfs, PATH, &self.options().read_only(true))
    }

    /// Commits; whether it is durable then.
    ///
    /// # Errors
    ///
    /// As [`WriteTransaction::commit_with`], and as waiting for it.
    pub fn commit(&self, tx: WriteTransaction<'_, World>, wait: Wait) -> Result<bool, Error> {
        let durability = match wait {
            Wait::Together => Durability::Group,
            Wait::Later if self.relaxed => Durability::Eventual(Duration::from_micros(20)),
            Wait::Never if self.relaxed => Durability::None,
            _ => Durability::Immediate,
        };
        let commit = tx.commit_with(durability)?;
        if durability == Durability::Group {
            commit.wait()?;
        }
        Ok(matches!(durability, Durability::Immediate | Durability::Group))
    }

    fn options(&self) -> Options {
        Options::default()
            .journal_segment_len(self.journal_segment_len)
            .checkpoint_after(self.checkpoint_after)
            .bulk_after(self.bulk_after)
            .block_size(self.block_size)
            .page_size(self.page_size)
            .compression(self.compression)
            .index_page_size(self.page_size.min(4 << 10))
            // Blobs of a few thousand bytes have several chunks.
            .blob_chunk(4 << 10)
            // Nobody works in the background: what is written follows from the seed.
            .background(false)
    }
}
