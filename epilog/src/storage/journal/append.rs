//! [`Journal`]: appends commits and makes them durable.
//!
//! Frames are staged in a buffer whose first byte belongs at a block of the current segment. A sync writes the buffer,
//! padded to a block, in one write and syncs the file; the next frame begins in the next block. So a small durable commit
//! is one write of one block and one sync, and no synced byte is written again while its segment is needed.
//!
//! One thread syncs at a time, without the lock: commits that are appended meanwhile go with the next sync, together.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::layout::{
    FRAME_HEADER_LEN, FileHeader, Frame, FrameKind, SegmentHeader, block_of, frame_len, is_segment_len,
};
use super::reader::{Outcome, Reader, Reading, Unwritten};
use super::tail::Tail;
use super::{JournalPosition, Keep};
use crate::ordered::BTreeMap;
use crate::storage::planted::{self, Bug};
use crate::storage::vfs::{OpenMode, Vfs, VfsError, VfsFile};
use crate::storage::{StorageError, StorageFault};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// Staged bytes are handed to the file system when there are this many.
const STAGED_LEN_MAX: usize = 256 << 10;

/// A fragment that is not a commit's last has at least so many bytes; where they do not fit, the next segment begins.
const FRAGMENT_LEN_MIN: usize = 256;

/// The bytes of zeros written at once when the file grows.
const ZEROS_LEN: u32 = if cfg!(feature = "small") { 512 } else { 1 << 20 };

/// How a new journal is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalOptions {
    /// Bytes per segment, up to 2³⁰: two blocks at least. The greatest power of two that divides it, but 4,096 at most, is
    /// the bytes of a block: 512 at least.
    pub segment_len: u32,
}

impl Default for JournalOptions {
    /// Segments of 1 MiB.
    fn default() -> JournalOptions {
        JournalOptions { segment_len: 1 << 20 }
    }
}

/// The journal of an open database, ready for commits.
///
/// One commit is appended at a time (the caller holds the write lease); any number of threads may wait in
/// [`sync`](Journal::sync).
pub struct Journal {
    vfs: Arc<dyn Vfs>,
    path: String,
    file: Box<dyn VfsFile>,
    header: FileHeader,
    tail: Mutex<Tail>,
    sync_ended: Condvar,
}

/// What a recovery knows of a journal that goes on.
pub(super) struct RecoveredEnd {
    pub(super) header: FileHeader,
    /// The sequence number of the segment in each slot; 0 for a slot that nothing needs.
    pub(super) slots: Vec<u64>,
    /// By slot, the header of each segment that something needs.
    pub(super) headers: BTreeMap<usize, SegmentHeader>,
    pub(super) keep: Keep,
    pub(super) next_segment: u64,
    pub(super) checkpoint: u64,
    pub(super) checkpoint_position: JournalPosition,
    /// Behind the last commit that was read.
    pub(super) position: JournalPosition,
}

impl Journal {
    /// Makes the journal of a database whose file holds everything up to `commit`.
    ///
    /// A file at `path` is replaced: the caller knows from the database's header that no journal is needed. When this
    /// returns, the file, its two zero-written segments and its directory entry are durable, so that a header may name
    /// the journal's [`position`](Journal::position).
    ///
    /// * `path`: the journal's own ([`path_beside`](super::path_beside)).
    /// * `checkpoint`: that of the database's header.
    ///
    /// # Errors
    ///
    /// [`VfsError::Full`] when there is no room for two segments; whatever else the file system reports. The file is
    /// removed again as far as possible, and nothing of the database is affected.
    ///
    /// # Panics
    ///
    /// When `options.segment_len` is out of its range.
    pub fn create(
        vfs: &Arc<dyn Vfs>,
        path: &str,
        database: [u8; 16],
        checkpoint: u64,
        commit: u64,
        options: JournalOptions,
    ) -> Result<Journal, StorageError> {
        assert!(is_segment_len(options.segment_len), "a segment of {} bytes", options.segment_len);
        let (mut secret, mut chain) = ([0; 8], [0; 4]);
        vfs.entropy(&mut secret);
        vfs.entropy(&mut chain);
        let secret = u64::from_le_bytes(secret);
        let header = FileHeader { database, segment_len: options.segment_len, secret };
        let journal = Journal {
            vfs: Arc::clone(vfs),
            path: String::from(path),
            file: vfs.open(path, OpenMode::Create)?,
            header,
            // The seed of the chain differs between journals, so that no position fits another journal than its own.
            tail: Mutex::new(Tail::new(Vec::new(), 1, checkpoint, commit, u32::from_le_bytes(chain))),
            sync_ended: Condvar::new(),
        };
        match journal.lay_out() {
            Ok(()) => Ok(journal),
            Err(error) => {
                drop(journal);
                // Best effort: a file that stays is replaced by the next attempt.
                let _ = vfs.remove(path);
                Err(error.into())
            }
        }
    }

    fn lay_out(&self) -> Result<(), VfsError> {
        let mut tail = self.tail.lock();
        // What an older journal left must not stay: its frames would be verifiable claims about commits.
        self.file.set_len(0)?;
        self.file.write_at(&self.header.encode(), 0)?;
        for _ in 0..2 {
            self.write_zeros(self.slot_start(tail.slots.len()))?;
            tail.slots.push(0);
        }
        self.begin_segment(&mut tail, 0);
        self.write_buffer(&mut tail)?;
        self.file.sync_data()?;
        self.vfs.sync_directory(&self.path)
    }

    /// Continues a journal after recovery, in a new segment. What the recovery read is durable.
    pub(super) fn resume(
        vfs: &Arc<dyn Vfs>,
        path: &str,
        file: Box<dyn VfsFile>,
        end: RecoveredEnd,
    ) -> Result<Journal, StorageError> {
        let mut tail =
            Tail::new(end.slots, end.next_segment, end.checkpoint, end.position.commit, end.position.chain);
        tail.checkpoint_position = end.checkpoint_position;
        (tail.headers, tail.keep) = (end.headers, end.keep);
        let journal = Journal {
            vfs: Arc::clone(vfs),
            path: String::from(path),
            file,
            header: end.header,
            tail: Mutex::new(tail),
            sync_ended: Condvar::new(),
        };
        let mut tail = journal.tail.lock();
        journal.reserve(&mut tail, 1)?;
        let slot = tail.free_slot().expect("a slot was reserved");
        journal.begin_segment(&mut tail, slot);
        journal.write_buffer(&mut tail)?;
        journal.file.sync_data()?;
        drop(tail);
        Ok(journal)
    }

    /// Appends the next commit: stages its frames in memory. Gives the position behind it.
    ///
    /// The file grows here, before anything is appended, when no segment can be recycled.
    ///
    /// # Errors
    ///
    /// [`VfsError::Full`] or another failure of growing the file: the commit is not appended, everything before it is
    /// as it was, and the journal stays usable. [`StorageFault::Vfs`] from writing staged bytes: the journal is poisoned.
    /// [`StorageFault::Poisoned`] when it already was.
    ///
    /// # Panics
    ///
    /// When `commit` is not the one after the last.
    pub fn append(&self, commit: u64, payload: &[u8]) -> Result<JournalPosition, StorageError> {
        let mut tail = self.tail.lock();
        self.check_poison(&tail)?;
        assert_eq!(commit, tail.commit + 1, "commits are appended in order");
        let segments = self.segments_needed(tail.offset, payload.len());
        self.reserve(&mut tail, segments)?;
        let outcome = self.stage(&mut tail, commit, payload);
        self.poison_on_error(&mut tail, outcome)?;
        Ok(tail.position())
    }

    fn stage(&self, tail: &mut Tail, commit: u64, mut payload: &[u8]) -> Result<(), VfsError> {
        let mut is_first = true;
        loop {
            let Some(len) = fragment_len(self.header.segment_len - tail.offset, payload.len()) else {
                self.write_buffer(tail)?;
                let slot = tail.free_slot().expect("the commit's segments were reserved");
                self.begin_segment(tail, slot);
                continue;
            };
            let (fragment, rest) = payload.split_at(len);
            let frame = Frame {
                kind: FrameKind::Commit,
                salt: tail.salt,
                commit,
                durable: tail.durable,
                chain: tail.chain,
                is_first,
                is_last: rest.is_empty(),
                payload: fragment,
            };
            tail.chain = frame.encode(self.header.secret, &mut tail.buffer);
            tail.offset += frame_len(len as u32);
            tail.is_staged = true;
            if rest.is_empty() {
                tail.commit = commit;
                break;
            }
            (is_first, payload) = (false, rest);
        }
        if tail.buffer.len() >= STAGED_LEN_MAX {
            self.write_buffer(tail)?;
        }
        Ok(())
    }

    /// Makes sure that a [`mark`](Journal::mark) with `payload` needs no more of the disk than it has: once the header is
    /// written, it is too late for a full disk.
    ///
    /// # Errors
    ///
    /// When the file cannot be made longer; nothing has changed then.
    pub fn reserve_mark(&self, payload: &[u8]) -> Result<(), StorageError> {
        let mut tail = self.tail.lock();
        self.check_poison(&tail)?;
        if self.has_room_for(&tail, self.cut_mark(payload)) {
            return Ok(());
        }
        self.reserve(&mut tail, 1)
    }

    /// What a mark keeps of `payload`.
    fn cut_mark<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        let longest = (self.header.segment_len - self.header.block() - FRAME_HEADER_LEN) as usize;
        &payload[..payload.len().min(longest)]
    }

    /// Whether one frame with all of `payload` fits the current segment.
    fn has_room_for(&self, tail: &Tail, payload: &[u8]) -> bool {
        let room = self.header.segment_len - tail.offset;
        fragment_len(room, payload.len()) == Some(payload.len())
    }

    /// Tells the journal of a commit that is durable without it, and is to be [marked](Journal::mark): before anyone can see
    /// the commit, and so ask for it to be durable.
    ///
    /// # Panics
    ///
    /// When `commit` is not the one after the last, or one before it is not durable.
    pub fn committed(&self, commit: u64) {
        let mut tail = self.tail.lock();
        assert_eq!(commit, tail.commit + 1, "commits are made in order");
        assert_eq!(tail.commit, tail.durable, "what a bulk commit builds on is durable");
        (tail.commit, tail.durable) = (commit, commit);
    }

    /// Takes notice that a header made the next commit durable, with all before it: the file has its changes, and the
    /// header names the journal's present end as its position. Then writes a mark that says so, for whoever reads the
    /// journal and not the file; its `payload` is cut to what fits a segment.
    ///
    /// The mark also keeps an older header from being taken for the newest: it claims that the commit was durable.
    ///
    /// # Errors
    ///
    /// As [`append`](Journal::append) and [`sync`](Journal::sync). The commit is durable all the same.
    ///
    /// # Panics
    ///
    /// When `commit` is not the last one that the journal was [told](Journal::committed) of.
    pub fn mark(&self, commit: u64, payload: &[u8]) -> Result<(), StorageError> {
        let mut tail = self.tail.lock();
        self.check_poison(&tail)?;
        assert_eq!((tail.commit, tail.durable), (commit, commit), "the journal was told of the commit");
        let payload = self.cut_mark(payload);
        if !self.has_room_for(&tail, payload) {
            self.reserve(&mut tail, 1)?;
            let begun = self.write_buffer(&mut tail);
            self.poison_on_error(&mut tail, begun)?;
            let slot = tail.free_slot().expect("a slot was reserved");
            self.begin_segment(&mut tail, slot);
        }
        let frame = Frame {
            kind: FrameKind::Mark,
            salt: tail.salt,
            commit,
            durable: commit,
            chain: tail.chain,
            is_first: true,
            is_last: true,
            payload,
        };
        tail.chain = frame.encode(self.header.secret, &mut tail.buffer);
        tail.offset += frame_len(payload.len() as u32);
        tail.is_staged = true;
        while tail.is_syncing {
            tail = self.sync_ended.wait(tail);
        }
        self.sync_all(tail)
    }

    /// Makes everything up to `commit` durable, with all that was appended since: one write and one sync, or nothing
    /// when another thread's sync has done it. Waits while another thread syncs.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Vfs`] when the write or the sync fails: whether the commit is on disk is unknown, and the journal
    /// is poisoned. [`StorageFault::Poisoned`] when it already was and `commit` had not become durable before.
    ///
    /// # Panics
    ///
    /// When `commit` was not appended.
    pub fn sync(&self, commit: u64) -> Result<(), StorageError> {
        let mut tail = self.tail.lock();
        assert!(commit <= tail.commit, "commit {commit} was not appended, the last one is {}", tail.commit);
        loop {
            if tail.durable >= commit {
                return Ok(());
            }
            self.check_poison(&tail)?;
            if !tail.is_syncing {
                return self.sync_all(tail);
            }
            tail = self.sync_ended.wait(tail);
        }
    }

    fn sync_all(&self, mut tail: MutexGuard<'_, Tail>) -> Result<(), StorageError> {
        let written = self.write_buffer(&mut tail);
        self.poison_on_error(&mut tail, written)?;
        // Nothing is written to the group's last block any more: until the next sync it could be torn again.
        tail.close_block(self.header.block());
        let head = tail.commit;
        tail.is_syncing = true;
        drop(tail);
        let synced = if planted::is(Bug::PublishBeforeDurable) { Ok(()) } else { self.file.sync_data() };
        let mut tail = self.tail.lock();
        tail.is_syncing = false;
        match planted::is(Bug::WakeUpLost) {
            false => self.sync_ended.notify_all(),
            true => self.sync_ended.notify_one(),
        }
        self.poison_on_error(&mut tail, synced)?;
        tail.durable = head;
        Ok(())
    }

    /// Hands what is staged to the file system, without a sync: it then survives the end of the process, but no power
    /// cut.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Vfs`] when the write fails, which poisons the journal; [`StorageFault::Poisoned`] when it was.
    pub fn flush(&self) -> Result<(), StorageError> {
        let mut tail = self.tail.lock();
        self.check_poison(&tail)?;
        let outcome = self.write_buffer(&mut tail);
        self.poison_on_error(&mut tail, outcome)
    }

    /// Whether an earlier failure keeps everything from being appended.
    pub fn is_poisoned(&self) -> bool {
        self.tail.lock().poison.is_some()
    }

    /// The position behind the last commit appended.
    pub fn position(&self) -> JournalPosition {
        self.tail.lock().position()
    }

    /// The last commit known to be on disk.
    pub fn durable(&self) -> u64 {
        self.tail.lock().durable
    }

    /// The bytes a recovery would read now: those behind the last checkpoint's position.
    pub fn bytes_since_checkpoint(&self) -> u64 {
        let tail = self.tail.lock();
        let from = tail.checkpoint_position;
        if from.segment == tail.segment {
            return u64::from(tail.offset - from.offset);
        }
        let between =
            tail.slots.iter().filter(|&&slot| slot > from.segment && slot < tail.segment).count() as u64;
        let segment_len = u64::from(self.header.segment_len);
        segment_len - u64::from(from.offset) + between * segment_len + u64::from(tail.offset)
    }

    /// Takes notice that a header of `checkpoint`, naming `position`, is durable: segments before the position's may be
    /// recycled from now on.
    ///
    /// # Panics
    ///
    /// When the position is not durable, or before the last one: a recovery from that header would miss commits.
    pub fn checkpointed(&self, checkpoint: u64, position: JournalPosition) {
        let mut tail = self.tail.lock();
        assert!(
            position.commit <= tail.durable || planted::is(Bug::HeaderBeforeJournal),
            "a header names commit {} before it is durable",
            position.commit
        );
        assert!(
            position.segment >= tail.checkpoint_position.segment && position.segment <= tail.segment,
            "a header names segment {}, the journal goes from {} to {}",
            position.segment,
            tail.checkpoint_position.segment,
            tail.segment
        );
        tail.checkpoint = checkpoint;
        tail.checkpoint_position = position;
        tail.recycle(self.header.segment_len);
    }

    /// Keeps, from now on, what `keep` says, as far as it is still there, beside what a recovery needs.
    pub fn keep(&self, keep: Keep) {
        let mut tail = self.tail.lock();
        tail.keep = keep;
        tail.recycle(self.header.segment_len);
    }

    /// The commits after `after`, to `last` at most, which has been made; `None` when the journal does not go back so far.
    /// They end when their payloads have `budget` bytes together. `position`, of an earlier reading, says where to look
    /// first. Nobody waits for a reader, but for a copy of what is staged.
    ///
    /// # Errors
    ///
    /// A failure of reading; [`StorageFault::Corruption`] when a commit that is there cannot be read.
    pub fn read_after(
        &self,
        after: u64,
        position: Option<JournalPosition>,
        last: u64,
        budget: usize,
    ) -> Result<Option<Reading>, StorageError> {
        match self.reader().read(after, position, last, budget)? {
            Outcome::Read(reading) => Ok(Some(reading)),
            Outcome::Absent => Ok(None),
            // Recycled meanwhile, or not.
            Outcome::Stuck(end) if self.tail.lock().slots.contains(&end.segment) => Err(unreadable(end)),
            Outcome::Stuck(_) => Ok(None),
        }
    }

    /// The least commit after which [`read_after`](Journal::read_after) has everything.
    ///
    /// # Errors
    ///
    /// A failure of reading.
    pub fn oldest(&self) -> Result<u64, StorageError> {
        Ok(self.reader().oldest()?.unwrap_or(u64::MAX))
    }

    fn reader(&self) -> Reader<'_> {
        let tail = self.tail.lock();
        let segments = tail.headers.iter().map(|(slot, header)| (*slot, *header));
        let unwritten = Unwritten { slot: tail.slot, start: tail.buffer_offset, bytes: tail.buffer.clone() };
        Reader::new(&*self.file, self.header, segments, unwritten, None)
    }

    /// Removes the file, durably: after a header that needs no journal is durable.
    ///
    /// # Errors
    ///
    /// Whatever the file system reports. A journal that stays is replaced when the next one is made.
    pub fn remove(&self) -> Result<(), StorageError> {
        self.vfs.remove(&self.path)?;
        self.vfs.sync_directory(&self.path)?;
        Ok(())
    }

    /// The segments that a payload needs beside the rest of the current one.
    fn segments_needed(&self, mut offset: u32, mut remaining: usize) -> usize {
        let mut segments = 0;
        loop {
            match fragment_len(self.header.segment_len - offset, remaining) {
                Some(len) if len == remaining => return segments,
                Some(len) => remaining -= len,
                None => {}
            }
            segments += 1;
            offset = self.header.block();
        }
    }

    /// Makes sure that `count` slots can be used. Nothing was appended yet, so a failure leaves all as it was.
    fn reserve(&self, tail: &mut Tail, count: usize) -> Result<(), StorageError> {
        let free = tail.slots.iter().filter(|&&slot| slot == 0).count();
        if free >= count {
            return Ok(());
        }
        let missing = count - free;
        let end = self.slot_start(tail.slots.len());
        let zeroed = (tail.slots.len()..tail.slots.len() + missing)
            .try_for_each(|slot| self.write_zeros(self.slot_start(slot)));
        if let Err(error) = zeroed {
            // Best effort: zeros behind the last slot are written again by the next attempt.
            let _ = self.file.set_len(end);
            return Err(error.into());
        }
        if let Err(error) = self.file.sync_data() {
            if tail.durable < tail.commit {
                // The sync that failed may have been about frames, too.
                return self.poison_on_error(tail, Err(error));
            }
            let _ = self.file.set_len(end);
            return Err(error.into());
        }
        tail.slots.resize(tail.slots.len() + missing, 0);
        Ok(())
    }

    fn write_zeros(&self, start: u64) -> Result<(), VfsError> {
        let zeros = vec![0; self.header.segment_len.min(ZEROS_LEN) as usize];
        let end = start + u64::from(self.header.segment_len);
        let mut offset = start;
        while offset < end {
            let len = zeros.len().min((end - offset) as usize);
            self.file.write_at(&zeros[..len], offset)?;
            offset += len as u64;
        }
        Ok(())
    }

    /// Stages the header of a new segment in `slot`.
    fn begin_segment(&self, tail: &mut Tail, slot: usize) {
        let mut salt = [0; 8];
        self.vfs.entropy(&mut salt);
        let header = SegmentHeader {
            database: self.header.database,
            segment_len: self.header.segment_len,
            sequence: tail.next_segment,
            checkpoint: tail.checkpoint,
            salt: u64::from_le_bytes(salt),
            first_commit: tail.commit + 1,
            durable: tail.durable,
            chain: tail.chain,
        };
        debug_assert!(tail.slots[slot] == 0 && !tail.is_staged);
        tail.slots[slot] = header.sequence;
        tail.headers.insert(slot, header);
        tail.slot = slot;
        tail.segment = header.sequence;
        tail.next_segment = header.sequence + 1;
        tail.salt = header.salt;
        tail.buffer = header.encode();
        tail.buffer_offset = 0;
        tail.offset = self.header.block();
        tail.is_staged = true;
        if tail.checkpoint_position.segment == 0 {
            tail.checkpoint_position = tail.position();
        }
    }

    /// Writes the staged bytes, with zeros up to a block; keeps the last block if it is not full.
    fn write_buffer(&self, tail: &mut Tail) -> Result<(), VfsError> {
        if !tail.is_staged {
            return Ok(());
        }
        let used = tail.buffer.len();
        tail.buffer.resize(used.next_multiple_of(self.header.block() as usize), 0);
        let start = self.slot_start(tail.slot) + u64::from(tail.buffer_offset);
        self.file.write_at(&tail.buffer, start)?;
        let full = used - used % self.header.block() as usize;
        tail.buffer.truncate(used);
        tail.buffer.drain(..full);
        tail.buffer_offset += full as u32;
        tail.is_staged = false;
        Ok(())
    }

    /// Where a slot begins in the file.
    fn slot_start(&self, slot: usize) -> u64 {
        slot_start(slot, self.header.segment_len)
    }

    fn check_poison(&self, tail: &Tail) -> Result<(), StorageError> {
        match &tail.poison {
            Some(cause) => {
                Err(StorageFault::Poisoned { path: self.path.clone(), cause: cause.clone() }.into())
            }
            None => Ok(()),
        }
    }

    /// After a failure of frames' bytes nothing is known: a second sync that succeeds would prove nothing.
    fn poison_on_error(&self, tail: &mut Tail, outcome: Result<(), VfsError>) -> Result<(), StorageError> {
        if planted::is(Bug::SyncErrorsForgotten) {
            return outcome.map_err(StorageError::from);
        }
        outcome.map_err(|cause| {
            tail.poison.get_or_insert(cause.clone());
            StorageError::from(cause)
        })
    }
}

/// Where slot `slot` begins in a file with segments of `segment_len` bytes.
pub(super) fn slot_start(slot: usize, segment_len: u32) -> u64 {
    u64::from(block_of(segment_len)) + slot as u64 * u64::from(segment_len)
}

pub(super) fn unreadable(end: JournalPosition) -> StorageError {
    let JournalPosition { commit, segment, offset, .. } = end;
    StorageError::damage(
        "journal",
        format_args!("commit {} cannot be read behind byte {offset} of segment {segment}", commit + 1),
    )
}

/// How much of `remaining` payload bytes goes into `room` bytes of a segment; `None` when the next segment is due.
fn fragment_len(room: u32, remaining: usize) -> Option<usize> {
    let room = room.checked_sub(FRAME_HEADER_LEN)? as usize;
    if room < remaining.min(FRAGMENT_LEN_MIN) { None } else { Some(room.min(remaining)) }
}

#[cfg(test)]
impl Journal {
    /// The slot of a segment in use.
    pub(super) fn slot_of(&self, segment: u64) -> usize {
        let tail = self.tail.lock();
        tail.slots.iter().position(|&slot| slot == segment).expect("it is in use")
    }
}
