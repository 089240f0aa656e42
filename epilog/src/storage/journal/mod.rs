//! The journal: where a commit becomes durable with one write and one sync, in a file of its own beside the database.
//!
//! Above: the pager, which appends one opaque payload per commit and replays them after a crash. Below: the VFS.
//!
//! ```text
//! Journal::create ─► append(commit, payload) ─► sync(commit) ─► … ─► checkpointed(position) ─► … ─► remove
//!                      stages frames              one write,           older segments may
//!                      in memory                  one sync             be recycled
//!
//! Recovery::open ─► replay(checkpoint, position, apply) ─► start(checkpoint) ─► a Journal with a new segment
//!                     reads only                            the first write
//! ```
//!
//! The file is one header block, then segments of one fixed length, each zero-written and synced before its first use
//! and recycled later, so that a commit changes no metadata of the file system. `docs/file-format.md` has the bytes.
//!
//! * Commits are numbered without gaps. Each is one frame, or several when it does not fit its segment's rest.
//! * A frame can be verified by itself (CRC-32C, which covers the salt of its segment's incarnation) and as a link of the
//!   chain (it names its predecessor's checksum).
//! * Frames that have been synced are never written over before their segment is recycled: a sync pads to a block.
//! * A segment is recycled only when a *durable* header names a position in a later one, and neither an archive nor a
//!   window for readers of changes still wants it: the oldest first, so that what is kept has no gap.
//! * Reading is pure: recovery writes nothing.
//! * After a failed write or sync of frames nothing is appended any more: what is on disk is unknown until reopening.
//!
//! # Torn tail or damage
//!
//! Sectors of a group that was not synced reach the disk in any order, so an unreadable frame before readable ones is an
//! ordinary power cut. Therefore each frame and each segment header says which commit was durable when it was written.
//! An unreadable commit *s* ends the replay, unless anything in the file claims a durable commit ≥ *s*: then synced
//! bytes were damaged, and recovery fails. Every claim in the file is true for good, whatever crashes and recoveries came
//! since, because a commit once durable is part of every later state; so claims of old incarnations do no harm.

mod append;
mod layout;
mod position;
mod reader;
mod recovery;
mod retention;
mod tail;

#[cfg(test)]
mod tests;

pub use append::{Journal, JournalOptions};
pub use position::JournalPosition;
pub(crate) use position::NUMBER_MAX;
pub use reader::{Entry, EntryKind, Reading};
pub use recovery::{Apply, Recovery};
pub use retention::{Keep, Retention};

use alloc::string::String;

/// Where the journal of the database at `path` is.
pub fn path_beside(path: &str) -> String {
    format!("{path}-journal")
}
