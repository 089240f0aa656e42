//! [`Recovery`]: reads a journal after a crash. It writes nothing.
//!
//! A commit is looked for directly behind the one before it, then at the next block (where a sync padded), then in a new
//! segment whose header continues from the same commit and chain. Of several such segments the newest counts: it was
//! begun by whoever knew how the older ones ended.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::append::{RecoveredEnd, slot_start, unreadable};
use super::layout::{
    FILE_HEADER_LEN, FileHeader, Frame, FrameKind, SEGMENT_HEADER_LEN, SegmentHeader, frame_len,
};
use super::reader::{Outcome as Reached, Reader, Reading, Unwritten};
use super::{Journal, JournalPosition, Keep};
use crate::storage::error::words;
use crate::storage::planted::{self, Bug};
use crate::storage::vfs::{OpenMode, Vfs, VfsError, VfsFile};
use crate::storage::{StorageError, StorageFault};

/// What a replay calls with each commit's number and payload.
pub type Apply<'a> = dyn FnMut(u64, &[u8]) -> Result<(), StorageError> + 'a;

/// A journal that is read from.
pub struct Recovery {
    vfs: Arc<dyn Vfs>,
    path: String,
    file: Box<dyn VfsFile>,
    len: u64,
    header: FileHeader,
    /// The header of the segment in each slot, where it can be read.
    slots: Vec<Option<SegmentHeader>>,
    /// The bytes of the segment read last, by slot.
    loaded: Option<(usize, Vec<u8>)>,
    outcome: Option<Outcome>,
    /// The failure to make durable what was read.
    poison: Option<VfsError>,
}

/// What a replay found.
struct Outcome {
    from: JournalPosition,
    end: JournalPosition,
    /// The slots that a replay from the same position needs again.
    needed: Vec<bool>,
    /// These and the slots that lead up to them; found when somebody asks.
    history: Option<Vec<bool>>,
}

/// A place where a frame may be.
#[derive(Clone, Copy)]
struct Place {
    slot: usize,
    offset: u32,
}

/// A commit, or a mark, that was read.
struct Read {
    kind: FrameKind,
    place: Place,
    end: JournalPosition,
    payload: Vec<u8>,
    /// The slots it lies in, the first included.
    slots: Vec<usize>,
}

impl Recovery {
    /// Opens the journal at `path` for reading.
    ///
    /// # Errors
    ///
    /// [`VfsError::NotFound`] when there is none.
    /// [`StorageFault::Corruption`] when its header cannot be read or belongs to another database than `database`.
    /// [`StorageFault::Truncated`] when it ends within a segment.
    pub fn open(vfs: &Arc<dyn Vfs>, path: &str, database: [u8; 16]) -> Result<Recovery, StorageError> {
        let file = vfs.open(path, OpenMode::Read)?;
        let len = file.len()?;
        let mut block = vec![0; len.min(FILE_HEADER_LEN as u64) as usize];
        file.read_at(&mut block, 0)?;
        let header = FileHeader::decode(&block)?;
        let check = |found: [u8; 16]| {
            if found == database {
                return Ok(());
            }
            let (found, expected) = (Hex(found), Hex(database));
            Err(StorageError::damage(
                "journal",
                format_args!("`{path}` is of database {found}, this is database {expected}"),
            ))
        };
        check(header.database)?;
        // The file may end within the last slot: it was about to be added when the power went.
        let count = len.saturating_sub(u64::from(header.block())).div_ceil(u64::from(header.segment_len));
        let (vfs, path) = (Arc::clone(vfs), String::from(path));
        let mut recovery = Recovery {
            vfs,
            path,
            file,
            len,
            header,
            slots: Vec::new(),
            loaded: None,
            outcome: None,
            poison: None,
        };
        for slot in 0..count as usize {
            let mut bytes = [0; SEGMENT_HEADER_LEN];
            recovery.read(&mut bytes, slot)?;
            let segment =
                SegmentHeader::decode(&bytes).filter(|segment| segment.segment_len == header.segment_len);
            if let Some(segment) = &segment {
                check(segment.database)?;
                if !segment.is_possible() {
                    return Err(damage(format!(
                        "segment {} says that it begins with commit {}, and no journal has such a segment",
                        segment.sequence, segment.first_commit
                    )));
                }
                // A slot is whole and synced before a segment is begun in it.
                let wanted = slot_start(slot + 1, header.segment_len);
                if wanted > len {
                    return Err(StorageFault::Truncated { path: recovery.path, len, wanted }.into());
                }
            }
            recovery.slots.push(segment);
        }
        Ok(recovery)
    }

    /// Gives every commit behind `from` to `apply`, in order; the number of them.
    ///
    /// * `checkpoint`, `from`: as the database's header says.
    ///
    /// # Errors
    ///
    /// [`StorageFault::Corruption`] when synced bytes are damaged or missing, or when the journal knows of a newer header
    /// than `checkpoint`'s; a failure of reading; whatever `apply` fails with, which ends the replay.
    pub fn replay(
        &mut self,
        checkpoint: u64,
        from: JournalPosition,
        apply: &mut Apply<'_>,
    ) -> Result<u64, StorageError> {
        self.outcome = None;
        let mut place = self.start_of(checkpoint, from)?;
        let mut needed = vec![false; self.slots.len()];
        needed[place.slot] = true;
        let mut end = from;
        while let Some(read) = self.read_commit(place, end)? {
            // What a mark is about is in the file already.
            if read.kind == FrameKind::Commit {
                apply(read.end.commit, &read.payload)?;
            }
            for slot in read.slots {
                needed[slot] = true;
            }
            (place, end) = (read.place, read.end);
        }
        self.check_claims(end)?;
        self.loaded = None;
        self.outcome = Some(Outcome { from, end, needed, history: None });
        Ok(end.commit - from.commit)
    }

    /// The newest commit in segments that were begun when the header of `checkpoint`, or a newer one, was durable; 0 when
    /// there is none. No chain is followed: this is for a journal that should hold nothing of the kind.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn newest_commit_since(&mut self, checkpoint: u64) -> Result<u64, StorageError> {
        let secret = self.header.secret;
        let mut newest = 0;
        for slot in 0..self.slots.len() {
            if self.slots[slot].is_none_or(|header| header.checkpoint < checkpoint) {
                continue;
            }
            let block = self.header.block() as usize;
            let bytes = self.load(slot)?;
            // The first frame after a sync begins a block.
            for start in (block..bytes.len()).step_by(block) {
                if let Some((frame, _)) = Frame::decode(secret, &bytes[start..]) {
                    newest = newest.max(frame.commit);
                }
            }
        }
        self.loaded = None;
        Ok(newest)
    }

    /// Makes the journal ready for commits behind those replayed: what was read is synced, and a new segment begun. Its
    /// position is durable and may go into the database's next header; until that header is durable, a recovery from
    /// the old one still finds all it did.
    ///
    /// # Errors
    ///
    /// [`VfsError::Full`] when there is no room for another segment: it may be tried again. Whatever else the file system
    /// reports. [`StorageFault::Poisoned`] after a failure to sync what was read: the file must be read again.
    ///
    /// # Panics
    ///
    /// When [`replay`](Recovery::replay) did not succeed before.
    pub fn start(&mut self, checkpoint: u64) -> Result<Journal, StorageError> {
        self.start_keeping(checkpoint, Keep::default())
    }

    /// As [`start`](Recovery::start), and what `keep` says of the segments before those replayed stays, as far as it is
    /// there.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    pub fn start_keeping(&mut self, checkpoint: u64, keep: Keep) -> Result<Journal, StorageError> {
        let used = if keep == Keep::default() { Vec::new() } else { self.history()? };
        let outcome = self.outcome.as_ref().expect("a journal is replayed before it is appended to");
        if let Some(cause) = &self.poison {
            return Err(StorageFault::Poisoned { path: self.path.clone(), cause: cause.clone() }.into());
        }
        let file = self.vfs.open(&self.path, OpenMode::ReadWrite)?;
        // What was read may have been in the system's cache only. It must be durable before anything builds on it: a
        // power cut could otherwise take a commit away from under those that follow.
        if let Err(error) = file.sync_data() {
            self.poison = Some(error.clone());
            return Err(error.into());
        }
        let used = if used.is_empty() { &outcome.needed } else { &used };
        let headers = self.slots.iter().zip(used).map(|(header, used)| header.filter(|_| *used));
        let mut slots: Vec<u64> =
            headers.clone().map(|header| header.map_or(0, |header| header.sequence)).collect();
        let headers = headers.enumerate().filter_map(|(slot, header)| Some((slot, header?))).collect();
        // A slot that was never added as a whole is added anew.
        if slots.last() == Some(&0) && slot_start(slots.len(), self.header.segment_len) > self.len {
            slots.pop();
        }
        let newest = self.slots.iter().flatten().map(|header| header.sequence).max().unwrap_or(0);
        let end = RecoveredEnd {
            header: self.header,
            slots,
            headers,
            keep,
            next_segment: newest + 1,
            checkpoint,
            checkpoint_position: outcome.from,
            position: outcome.end,
        };
        Journal::resume(&self.vfs, &self.path, file, end)
    }

    /// As [`Journal::read_after`], of a journal that was replayed.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn read_after(
        &mut self,
        after: u64,
        position: Option<JournalPosition>,
        last: u64,
        budget: usize,
    ) -> Result<Option<Reading>, StorageError> {
        match self.reader()?.read(after, position, last, budget)? {
            Reached::Read(reading) => Ok(Some(reading)),
            Reached::Absent => Ok(None),
            Reached::Stuck(end) => Err(unreadable(end)),
        }
    }

    /// As [`Journal::oldest`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn oldest(&mut self) -> Result<u64, StorageError> {
        Ok(self.reader()?.oldest()?.unwrap_or(u64::MAX))
    }

    fn reader(&mut self) -> Result<Reader<'_>, StorageError> {
        let used = self.history()?;
        let segments = self.slots.iter().zip(&used).enumerate();
        let segments = segments.filter_map(|(slot, (header, used))| Some((slot, header.filter(|_| *used)?)));
        let known = self.outcome.as_ref().map(|outcome| outcome.from);
        Ok(Reader::new(&*self.file, self.header, segments, Unwritten::default(), known))
    }

    /// By slot, whether its segment was replayed, or leads up to those that were, without a gap.
    fn history(&mut self) -> Result<Vec<bool>, StorageError> {
        if let Some(history) = self.outcome.as_ref().and_then(|outcome| outcome.history.clone()) {
            return Ok(history);
        }
        let Some(outcome) = &self.outcome else { return Ok(vec![false; self.slots.len()]) };
        let mut used = outcome.needed.clone();
        let mut next = self.slot_of(outcome.from.segment).and_then(|slot| self.slots[slot]);
        while let Some(header) = next.take() {
            let mut older: Vec<(u64, usize)> = self
                .slots
                .iter()
                .enumerate()
                .filter_map(|(slot, found)| Some(((*found)?.sequence, slot)))
                .filter(|(sequence, _)| *sequence < header.sequence)
                .collect();
            older.sort_unstable();
            for (_, slot) in older.into_iter().rev() {
                if self.leads_to(slot, header.chain)? {
                    used[slot] = true;
                    next = self.slots[slot];
                    break;
                }
            }
        }
        self.loaded = None;
        if let Some(outcome) = &mut self.outcome {
            outcome.history = Some(used.clone());
        }
        Ok(used)
    }

    /// Whether the segment in `slot` holds the frame with the checksum `chain`, at the end of its own chain so far.
    fn leads_to(&mut self, slot: usize, chain: u32) -> Result<bool, StorageError> {
        let Some(header) = self.slots[slot] else { return Ok(false) };
        let (secret, block) = (self.header.secret, self.header.block() as usize);
        let bytes = self.load(slot)?;
        let (mut last, mut offset) = (header.chain, block);
        while last != chain {
            let frame = [offset, offset.next_multiple_of(block)].into_iter().find_map(|offset| {
                let (frame, crc) = Frame::decode(secret, bytes.get(offset..)?)?;
                let fits = frame.salt == header.salt && frame.chain == last;
                fits.then(|| (offset + frame_len(frame.payload.len() as u32) as usize, crc))
            });
            let Some(found) = frame else { return Ok(false) };
            (offset, last) = found;
        }
        Ok(true)
    }

    /// The slot that `from` names, after a check that `from` fits the journal.
    fn start_of(&self, checkpoint: u64, from: JournalPosition) -> Result<Place, StorageError> {
        // Whatever a header says of checkpoints was true when it was written, in use or not.
        let newest = self.slots.iter().flatten().max_by_key(|header| header.checkpoint);
        if let Some(newest) = newest.filter(|newest| newest.checkpoint > checkpoint) {
            return Err(damage(words!(
                "segment {} follows checkpoint {}, but the newest readable header is of checkpoint {checkpoint}",
                newest.sequence,
                newest.checkpoint
            )));
        }
        let slot = self.slot_of(from.segment).ok_or_else(|| {
            damage(words!("segment {}, where replay begins, is missing or unreadable", from.segment))
        })?;
        if from.offset < self.header.block()
            || from.offset > self.header.segment_len
            || !from.offset.is_multiple_of(8)
        {
            return Err(damage(words!(
                "replay would begin at byte {} of segment {}, which has {} bytes",
                from.offset,
                from.segment,
                self.header.segment_len
            )));
        }
        // Where the segment begins, the chain can be compared at once; further on, the next frame has to fit it.
        let continues = self.slots[slot].is_some_and(|header| {
            if from.offset == self.header.block() {
                // A bulk commit has no frame: the segment may have been begun for it.
                header.first_commit <= from.commit + 1 && header.chain == from.chain
            } else {
                // Behind a mark that the segment was begun for, too.
                header.first_commit <= from.commit + 1
            }
        });
        if !continues {
            return Err(damage(words!(
                "segment {} does not continue commit {}: the file is another journal of this database",
                from.segment,
                from.commit
            )));
        }
        Ok(Place { slot, offset: from.offset })
    }

    fn slot_of(&self, sequence: u64) -> Option<usize> {
        self.slots.iter().position(|header| header.is_some_and(|header| header.sequence == sequence))
    }

    /// Reads the commit after `end`, or a mark of `end`'s own, which ended at `place`.
    fn read_commit(&mut self, place: Place, end: JournalPosition) -> Result<Option<Read>, StorageError> {
        let aligned = Place { offset: place.offset.next_multiple_of(self.header.block()), ..place };
        for start in
            [Some(place), Some(aligned).filter(|_| aligned.offset != place.offset)].into_iter().flatten()
        {
            if let Some(read) = self.read_commit_at(start, end)? {
                return Ok(Some(read));
            }
        }
        match self.successor(place.slot, end.commit + 1, end.chain) {
            Some(start) => self.read_commit_at(start, end),
            None => Ok(None),
        }
    }

    /// Reads the commit after `end` if its first frame is at `place` and all of it is whole.
    fn read_commit_at(
        &mut self,
        mut place: Place,
        end: JournalPosition,
    ) -> Result<Option<Read>, StorageError> {
        let mut chain = end.chain;
        let mut payload = Vec::new();
        let mut slots = Vec::new();
        let secret = self.header.secret;
        let mut first = None;
        loop {
            let Some(header) = self.slots[place.slot] else { return Ok(None) };
            let bytes = self.load(place.slot)?;
            let Some((frame, crc)) =
                bytes.get(place.offset as usize..).and_then(|bytes| Frame::decode(secret, bytes))
            else {
                return Ok(None);
            };
            let kind = *first.get_or_insert(frame.kind);
            let commit = match kind {
                FrameKind::Commit => end.commit + 1,
                FrameKind::Mark => end.commit,
            };
            let fits = frame.salt == header.salt
                && frame.kind == kind
                && frame.commit == commit
                && frame.chain == chain
                && frame.is_first == slots.is_empty();
            if !fits && !planted::is(Bug::StaleFrames) {
                return Ok(None);
            }
            payload.extend_from_slice(frame.payload);
            slots.push(place.slot);
            chain = crc;
            if frame.is_last {
                place.offset += frame_len(frame.payload.len() as u32);
                let end = JournalPosition { commit, segment: header.sequence, offset: place.offset, chain };
                return Ok(Some(Read { kind, place, end, payload, slots }));
            }
            // A fragment that is not the last fills its segment.
            match self.successor(place.slot, commit, chain) {
                Some(next) => place = next,
                None => return Ok(None),
            }
        }
    }

    /// The newest segment after the one in `slot` that begins with `commit` behind a frame with the checksum `chain`.
    fn successor(&self, slot: usize, commit: u64, chain: u32) -> Option<Place> {
        let current = self.slots[slot]?.sequence;
        let candidates = self.slots.iter().enumerate().filter_map(|(slot, header)| Some((slot, (*header)?)));
        candidates
            .filter(|(_, header)| {
                header.sequence > current && header.first_commit == commit && header.chain == chain
            })
            .max_by_key(|(_, header)| header.sequence)
            .map(|(slot, _)| Place { slot, offset: self.header.block() })
    }

    /// The bytes of the segment in `slot`.
    fn load(&mut self, slot: usize) -> Result<&[u8], StorageError> {
        if self.loaded.as_ref().is_none_or(|(loaded, _)| *loaded != slot) {
            let (_, mut bytes) = self.loaded.take().unwrap_or_default();
            bytes.resize(self.header.segment_len as usize, 0);
            self.read(&mut bytes, slot)?;
            self.loaded = Some((slot, bytes));
        }
        Ok(self.loaded.as_ref().map_or(&[], |(_, bytes)| bytes))
    }

    /// Reads the first bytes of `slot`; zeros for those behind the end of the file.
    fn read(&self, buffer: &mut [u8], slot: usize) -> Result<(), VfsError> {
        let start = slot_start(slot, self.header.segment_len);
        let there = (buffer.len() as u64).min(self.len.saturating_sub(start)) as usize;
        let (found, missing) = buffer.split_at_mut(there);
        missing.fill(0);
        self.file.read_at(found, start)
    }

    /// The commit after `end` cannot be read. Looks for a proof that it was durable: then it did not merely never arrive.
    ///
    /// All slots are searched, even those whose headers cannot be read: frames verify by themselves, and the first
    /// frame after a sync begins a block. Old claims do no harm, they are about commits that were read.
    fn check_claims(&mut self, end: JournalPosition) -> Result<(), StorageError> {
        if planted::is(Bug::ClaimsIgnored) {
            return Ok(());
        }
        let missing = end.commit + 1;
        let secret = self.header.secret;
        let report = |durable: u64, witness: String| {
            damage(words!(
                "commit {missing} cannot be read behind byte {} of segment {}, though {witness} says that commit \
                 {durable} was durable",
                end.offset,
                end.segment
            ))
        };
        for slot in 0..self.slots.len() {
            let header = self.slots[slot];
            let name = header.map_or_else(
                || words!("the unreadable segment in slot {slot}"),
                |header| words!("segment {}", header.sequence),
            );
            if let Some(header) = header.filter(|header| header.durable >= missing) {
                return Err(report(header.durable, words!("the header of {name}")));
            }
            let block = self.header.block() as usize;
            let bytes = self.load(slot)?;
            for offset in (block..bytes.len()).step_by(block) {
                let candidate = &bytes[offset..];
                // The checksum of whatever lies there is computed only if it claims something of interest.
                if Frame::claim(candidate).is_some_and(|durable| durable >= missing)
                    && let Some((frame, _)) = Frame::decode(secret, candidate)
                {
                    return Err(report(frame.durable, words!("the frame at byte {offset} of {name}")));
                }
            }
        }
        Ok(())
    }
}

fn damage(problem: impl core::fmt::Display) -> StorageError {
    StorageError::damage("journal", problem)
}

/// A database's id in a message.
struct Hex([u8; 16]);

impl core::fmt::Display for Hex {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
