//! What can go wrong with a simulated disk: [`Cut`], [`Fault`], [`Bug`].

/// What a loss of power leaves of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing: the platter as of the last syncs.
    Lost,
    /// Everything.
    Kept,
    /// Of every sector, length and directory entry independently the old, the new or a mix.
    Torn {
        /// Decides.
        seed: u64,
    },
}

/// What goes wrong at one operation, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An I/O error without any effect; at a sync, nothing becomes durable now, and may with the next sync.
    Io,
    /// No space is left; nothing is written.
    Full,
    /// So many bytes of a write are written, then an error.
    Short(usize),
    /// A sync that fails and forgets what it was to write, so that later syncs succeed without it.
    SyncForgets,
}

/// A planted bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bug {
    /// The sync of file data with this number (from 0, of the disk's life) does nothing.
    DropSync(u64),
    /// Syncs of file data do nothing for files whose path ends so.
    IgnoreSyncs(String),
    /// Directory syncs do nothing.
    IgnoreDirectorySyncs,
}
