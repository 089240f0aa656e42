//! [`Reader`]: reads commits back from a journal, be it one that takes commits meanwhile or one that was recovered.
//!
//! A reader sees the journal as it was at one moment: which segment is in which slot, and the bytes that were not written
//! yet. It holds nothing up. A segment that is recycled under it has another salt from then on, so that no frame of it
//! fits any more; whoever asked finds out under the journal's lock whether that is what happened, or damage.
//!
//! Where the commit after another is looked for is what [`Recovery`](super::Recovery) says, with two differences. Marks
//! stand for the bulk commits they are about. And a bulk commit whose mark is missing, because the power went between the
//! header that made it durable and its mark, is told by the segment that was begun afterwards: it continues the chain
//! one commit later.

use alloc::vec::Vec;

use super::JournalPosition;
use super::append::slot_start;
use super::layout::{FRAME_HEADER_LEN, FileHeader, Frame, FrameKind, SegmentHeader, frame_len};
use crate::storage::StorageError;
use crate::storage::vfs::{VfsError, VfsFile};

/// So many bytes are read at once.
const WINDOW_LEN: u32 = 64 << 10;

/// What is known of a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// The payload that was appended.
    Changes,
    /// It was a bulk commit: the payload is its mark's.
    Mark,
    /// It was a bulk commit, and its mark was never written: the payload is empty.
    Unmarked,
}

/// A commit as read back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its number.
    pub commit: u64,
    /// What the payload is.
    pub kind: EntryKind,
    /// What the journal has of it.
    pub payload: Vec<u8>,
}

/// Commits in a row, and the position behind the last of them.
#[derive(Debug)]
pub struct Reading {
    /// The commits.
    pub entries: Vec<Entry>,
    /// Where to go on.
    pub position: JournalPosition,
}

/// How a read ended.
pub(super) enum Outcome {
    /// With these commits; none, when there are none to be had.
    Read(Reading),
    /// The journal does not go back so far.
    Absent,
    /// The commit after this position cannot be read.
    Stuck(JournalPosition),
}

/// The bytes of the current segment that are not in the file yet.
#[derive(Default)]
pub(super) struct Unwritten {
    pub(super) slot: usize,
    /// From the segment's start.
    pub(super) start: u32,
    pub(super) bytes: Vec<u8>,
}

/// A journal as it was at one moment.
pub(super) struct Reader<'j> {
    file: &'j dyn VfsFile,
    header: FileHeader,
    /// Slot and header of each segment, ascending by sequence number.
    segments: Vec<(usize, SegmentHeader)>,
    unwritten: Unwritten,
    /// Where the newest database header says that a recovery begins: commits up to it have been made.
    known: Option<JournalPosition>,
    window: Window,
}

/// Bytes read last.
#[derive(Default)]
struct Window {
    slot: usize,
    start: u32,
    bytes: Vec<u8>,
}

/// A frame's place: an index in the list of segments, and an offset.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    offset: u32,
}

/// A frame without its payload.
struct Found {
    kind: FrameKind,
    commit: u64,
    chain: u32,
    is_first: bool,
    is_last: bool,
    crc: u32,
    len: u32,
}

/// A commit, and the position behind it.
struct Step {
    entry: Entry,
    end: JournalPosition,
}

impl<'j> Reader<'j> {
    pub(super) fn new(
        file: &'j dyn VfsFile,
        header: FileHeader,
        segments: impl Iterator<Item = (usize, SegmentHeader)>,
        unwritten: Unwritten,
        known: Option<JournalPosition>,
    ) -> Reader<'j> {
        let mut segments: Vec<(usize, SegmentHeader)> = segments.collect();
        segments.sort_unstable_by_key(|(_, header)| header.sequence);
        Reader { file, header, segments, unwritten, known, window: Window::default() }
    }

    /// The least commit after which everything is there.
    pub(super) fn oldest(&mut self) -> Result<Option<u64>, StorageError> {
        let Some(&(_, header)) = self.segments.first() else { return Ok(None) };
        let found = self.frame(Place { at: 0, offset: self.header.block() }, None)?;
        let continues = found.is_some_and(|found| !found.is_first && found.chain == header.chain);
        Ok(Some(if continues { header.first_commit } else { header.first_commit - 1 }))
    }

    /// The commits after `after`, to `last` at most, until their payloads have `budget` bytes together. `position` is
    /// where they are looked for first; that of an earlier reading.
    pub(super) fn read(
        &mut self,
        after: u64,
        position: Option<JournalPosition>,
        last: u64,
        budget: usize,
    ) -> Result<Outcome, StorageError> {
        let mut reading = None;
        if let Some(position) = position.filter(|position| position.commit == after) {
            reading = Some(self.read_from(position, last, budget)?);
        }
        // An older position may be of another journal, or of a segment that is gone.
        if reading.as_ref().is_none_or(|reading| reading.entries.is_empty() && after < last) {
            let position = match self.locate(after)? {
                Ok(position) => position,
                Err(outcome) => return Ok(outcome),
            };
            reading = Some(self.read_from(position, last, budget)?);
        }
        Ok(match reading {
            Some(reading) if reading.entries.is_empty() && after < last => Outcome::Stuck(reading.position),
            Some(reading) => Outcome::Read(reading),
            None => Outcome::Absent,
        })
    }

    fn read_from(
        &mut self,
        mut position: JournalPosition,
        last: u64,
        budget: usize,
    ) -> Result<Reading, StorageError> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while position.commit < last && bytes < budget {
            let Some(step) = self.next(position)? else { break };
            // A payload counts a little more than its bytes: there may be many without any.
            bytes += step.entry.payload.len() + 64;
            entries.push(step.entry);
            position = step.end;
        }
        Ok(Reading { entries, position })
    }

    /// The position behind commit `after`.
    fn locate(&mut self, after: u64) -> Result<Result<JournalPosition, Outcome>, StorageError> {
        for at in (0..self.segments.len()).rev() {
            let header = self.segments[at].1;
            if header.first_commit > after + 1 {
                continue;
            }
            let Some(mut position) = self.first_position(at)? else { continue };
            if position.commit > after {
                continue;
            }
            while position.commit < after {
                match self.next(position)? {
                    Some(step) => position = step.end,
                    None => return Ok(Err(Outcome::Stuck(position))),
                }
            }
            return Ok(Ok(position));
        }
        Ok(Err(Outcome::Absent))
    }

    /// The first position in a segment between two commits; `None` when it lies in a later one.
    fn first_position(&mut self, at: usize) -> Result<Option<JournalPosition>, StorageError> {
        let (header, block) = (self.segments[at].1, self.header.block());
        let mut position = JournalPosition {
            commit: header.first_commit - 1,
            segment: header.sequence,
            offset: block,
            chain: header.chain,
        };
        loop {
            let place = Place { at, offset: position.offset };
            let found = self.frame(place, None)?.filter(|found| found.chain == position.chain);
            match found {
                // The rest of a commit that began in the segment before.
                Some(found) if !found.is_first => {
                    position.offset += frame_len(found.len);
                    position.chain = found.crc;
                    if found.is_last {
                        position.commit = header.first_commit;
                        return Ok(Some(position));
                    }
                }
                _ if position.offset == block => return Ok(Some(position)),
                _ => return Ok(None),
            }
        }
    }

    /// The commit after `end`.
    fn next(&mut self, end: JournalPosition) -> Result<Option<Step>, StorageError> {
        let Some(at) = self.segments.iter().position(|(_, header)| header.sequence == end.segment) else {
            return Ok(None);
        };
        let block = self.header.block();
        let aligned = end.offset.next_multiple_of(block);
        for offset in [Some(end.offset), Some(aligned).filter(|_| aligned != end.offset)] {
            let Some(offset) = offset else { continue };
            if let Some(step) = self.read_at(Place { at, offset }, end)? {
                return Ok(Some(step));
            }
        }
        if let Some(next) = self.successor(at, end.chain, |first| first == end.commit + 1) {
            return self.read_at(Place { at: next, offset: block }, end);
        }
        let later = self.successor(at, end.chain, |first| first > end.commit + 1);
        if let Some(next) = later {
            // The segment may have been begun for the mark.
            let marked = self.read_at(Place { at: next, offset: block }, end)?;
            if let Some(step) = marked.filter(|step| step.end.commit == end.commit + 1) {
                return Ok(Some(step));
            }
        }
        let known = self.known.is_some_and(|known| {
            (known.segment, known.chain) == (end.segment, end.chain) && known.commit > end.commit
        });
        if later.is_some() || known {
            let end = JournalPosition { commit: end.commit + 1, ..end };
            let entry = Entry { commit: end.commit, kind: EntryKind::Unmarked, payload: Vec::new() };
            return Ok(Some(Step { entry, end }));
        }
        Ok(None)
    }

    /// The commit after `end`, if its first frame is at `place` and all of it is there.
    fn read_at(&mut self, mut place: Place, end: JournalPosition) -> Result<Option<Step>, StorageError> {
        let mut payload = Vec::new();
        let mut chain = end.chain;
        let mut kind = None;
        loop {
            let len_before = payload.len();
            let Some(found) = self.frame(place, Some(&mut payload))? else { return Ok(None) };
            let offset = place.offset + frame_len(found.len);
            let segment = self.segments[place.at].1.sequence;
            if kind.is_none()
                && (found.kind, found.commit, found.chain) == (FrameKind::Mark, end.commit, chain)
            {
                // Of the commit that `end` counts already.
                return self.next(JournalPosition { commit: end.commit, segment, offset, chain: found.crc });
            }
            let fits = found.commit == end.commit + 1
                && found.chain == chain
                && found.is_first == kind.is_none()
                && *kind.get_or_insert(found.kind) == found.kind;
            if !fits {
                payload.truncate(len_before);
                return Ok(None);
            }
            chain = found.crc;
            if found.is_last {
                let kind = match found.kind {
                    FrameKind::Commit => EntryKind::Changes,
                    FrameKind::Mark => EntryKind::Mark,
                };
                let entry = Entry { commit: found.commit, kind, payload };
                let end = JournalPosition { commit: found.commit, segment, offset, chain };
                return Ok(Some(Step { entry, end }));
            }
            match self.successor(place.at, chain, |first| first == found.commit) {
                Some(at) => place = Place { at, offset: self.header.block() },
                None => return Ok(None),
            }
        }
    }

    /// The newest segment after the one at `at` that continues `chain` with a commit as asked for.
    fn successor(&self, at: usize, chain: u32, fits: impl Fn(u64) -> bool) -> Option<usize> {
        let later = self.segments.iter().enumerate().skip(at + 1).rev();
        later
            .filter(|(_, (_, header))| header.chain == chain && fits(header.first_commit))
            .map(|(at, _)| at)
            .next()
    }

    /// The frame at `place`, if there is one of its segment; its payload is appended to `payload`.
    fn frame(&mut self, place: Place, payload: Option<&mut Vec<u8>>) -> Result<Option<Found>, StorageError> {
        let (slot, segment) = self.segments[place.at];
        let room = self.header.segment_len.saturating_sub(place.offset);
        if room < FRAME_HEADER_LEN {
            return Ok(None);
        }
        let header = self.bytes(slot, place.offset, FRAME_HEADER_LEN)?;
        let len = header[4..].first_chunk::<4>().map_or(0, |len| u32::from_le_bytes(*len));
        let Some(whole) = len.checked_add(FRAME_HEADER_LEN).filter(|whole| *whole <= room) else {
            return Ok(None);
        };
        let secret = self.header.secret;
        let bytes = self.bytes(slot, place.offset, whole)?;
        let Some((frame, crc)) = Frame::decode(secret, bytes).filter(|(frame, _)| frame.salt == segment.salt)
        else {
            return Ok(None);
        };
        if let Some(payload) = payload {
            payload.extend_from_slice(frame.payload);
        }
        let Frame { kind, commit, chain, is_first, is_last, .. } = frame;
        Ok(Some(Found { kind, commit, chain, is_first, is_last, crc, len }))
    }

    /// Bytes of the segment in `slot`.
    fn bytes(&mut self, slot: usize, offset: u32, len: u32) -> Result<&[u8], VfsError> {
        let window = &mut self.window;
        let end = window.start + window.bytes.len() as u32;
        if window.slot != slot || offset < window.start || offset + len > end {
            let whole = len.max(WINDOW_LEN).min(self.header.segment_len - offset);
            window.bytes.clear();
            window.bytes.resize(whole as usize, 0);
            let unwritten = &self.unwritten;
            let in_file = match slot == unwritten.slot && !unwritten.bytes.is_empty() {
                true => unwritten.start.saturating_sub(offset).min(whole),
                false => whole,
            };
            let (written, rest) = window.bytes.split_at_mut(in_file as usize);
            self.file.read_at(written, slot_start(slot, self.header.segment_len) + u64::from(offset))?;
            if !rest.is_empty() {
                let from = (offset + in_file - unwritten.start) as usize;
                let there = unwritten.bytes.get(from..).unwrap_or_default();
                let there = &there[..there.len().min(rest.len())];
                rest[..there.len()].copy_from_slice(there);
            }
            (window.slot, window.start) = (slot, offset);
        }
        let at = (offset - window.start) as usize;
        Ok(&window.bytes[at..at + len as usize])
    }
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use core::sync::atomic::{AtomicU64, Ordering};

    use super::super::layout::BLOCK;
    use super::super::{Journal, JournalOptions, Keep, Recovery, Retention};
    use super::*;
    use crate::storage::vfs::{MemoryVfs, OpenMode, Vfs};

    const DATABASE: [u8; 16] = *b"this is database";
    const PATH: &str = "a-journal";
    const OPTIONS: JournalOptions = JournalOptions { segment_len: 4 * BLOCK };

    /// A journal of a database that was at commit 100 and checkpoint 1.
    fn journal() -> (Arc<dyn Vfs>, Journal) {
        let vfs: Arc<dyn Vfs> = Arc::new(MemoryVfs::new());
        let journal = Journal::create(&vfs, PATH, DATABASE, 1, 100, OPTIONS).unwrap();
        (vfs, journal)
    }

    fn payload(commit: u64) -> Vec<u8> {
        // Short ones, ones that fill blocks, ones that span segments.
        let len = [7, 300, 0, 4_000, 13_000, 40_000, 60][commit as usize % 7];
        (0..len).map(|at| (commit * 31 + at) as u8).collect()
    }

    fn append(journal: &Journal, count: u64) {
        for _ in 0..count {
            let commit = journal.position().commit + 1;
            journal.append(commit, &payload(commit)).unwrap();
        }
    }

    /// Checks that everything after `after` is there and right; returns the position behind.
    #[track_caller]
    fn check(journal: &Journal, after: u64, position: Option<JournalPosition>) -> JournalPosition {
        let last = journal.position().commit;
        let reading = journal.read_after(after, position, last, usize::MAX).unwrap().expect("it is there");
        let commits: Vec<u64> = reading.entries.iter().map(|entry| entry.commit).collect();
        assert_eq!(commits, (after + 1..=last).collect::<Vec<_>>());
        for entry in reading.entries {
            assert_eq!(entry.kind, EntryKind::Changes);
            assert!(entry.payload == payload(entry.commit), "the payload of {} differs", entry.commit);
        }
        reading.position
    }

    #[test]
    fn every_commit_is_read_back_whether_staged_flushed_or_synced() {
        let (_, journal) = journal();
        let mut end = check(&journal, 100, None);
        for round in 0..30 {
            append(&journal, 1 + round % 3);
            match round % 4 {
                0 => journal.sync(journal.position().commit).unwrap(),
                1 => journal.flush().unwrap(),
                _ => {}
            }
            let again = check(&journal, end.commit, None);
            let behind = check(&journal, end.commit, Some(end));
            assert_eq!(again, behind);
            end = behind;
        }
        for after in 100..end.commit {
            check(&journal, after, None);
        }
        assert_eq!(journal.oldest().unwrap(), 100);
    }

    #[test]
    fn a_budget_ends_a_reading_and_the_last_commit_does() {
        let (_, journal) = journal();
        append(&journal, 20);
        let reading = journal.read_after(100, None, 110, 1).unwrap().unwrap();
        assert_eq!(reading.entries.len(), 1);
        let reading = journal.read_after(101, Some(reading.position), 110, usize::MAX).unwrap().unwrap();
        assert_eq!((reading.entries.len(), reading.position.commit), (9, 110));
        assert!(journal.read_after(99, None, 110, 1).unwrap().is_none());
    }

    #[test]
    fn what_is_recycled_is_gone_and_what_is_kept_is_not() {
        for (keep, all) in [
            (Keep::default(), false),
            (Keep { archived: None, window: Some(Retention::Everything) }, true),
            (Keep { archived: Some(100), window: None }, true),
            (Keep { archived: Some(130), window: Some(Retention::Commits(60)) }, true),
            (Keep { archived: Some(130), window: Some(Retention::Bytes(4096)) }, false),
        ] {
            let (_, journal) = journal();
            journal.keep(keep);
            for round in 0..10 {
                append(&journal, 5);
                journal.sync(journal.position().commit).unwrap();
                journal.checkpointed(2 + round, journal.position());
            }
            let oldest = journal.oldest().unwrap();
            assert_eq!(oldest == 100, all, "{keep:?}: from {oldest} on");
            for after in oldest..150 {
                check(&journal, after, None);
            }
            if oldest > 100 {
                assert!(journal.read_after(oldest - 1, None, 150, 1).unwrap().is_none());
            }
            // Archived meanwhile.
            journal.keep(Keep { archived: Some(150), window: None });
            assert!(journal.oldest().unwrap() > 140);
        }
    }

    /// Where the first checkpoint was: what a database header would say.
    fn replayed(vfs: &Arc<dyn Vfs>, checkpoint: u64, from: JournalPosition) -> Recovery {
        let mut recovery = Recovery::open(vfs, PATH, DATABASE).unwrap();
        recovery.replay(checkpoint, from, &mut |_, _| Ok(())).unwrap();
        recovery
    }

    #[test]
    fn a_recovered_journal_has_its_history_before_and_after_it_goes_on() {
        let keep = Keep { archived: None, window: Some(Retention::Everything) };
        let (vfs, mut journal) = journal();
        journal.keep(keep);
        for round in 0..6 {
            append(&journal, 7);
            journal.sync(journal.position().commit).unwrap();
            let from = journal.position();
            journal.checkpointed(2 + round, from);
            append(&journal, 2 + round % 3);
            journal.flush().unwrap();
            // The last block is torn, with a part of the last commit.
            let file = vfs.open(PATH, OpenMode::ReadWrite).unwrap();
            let end = journal.position();
            let slot = journal.slot_of(end.segment);
            let torn = slot_start(slot, OPTIONS.segment_len) + u64::from(end.offset - 8);
            file.write_at(&[0xFF; 8], torn).unwrap();
            drop(journal);

            let mut recovery = replayed(&vfs, 2 + round, from);
            assert_eq!(recovery.oldest().unwrap(), 100);
            let reading = recovery.read_after(100, None, u64::MAX, usize::MAX).unwrap().unwrap();
            let last = reading.position.commit;
            assert_eq!(reading.entries.len() as u64, last - 100);
            assert!(reading.entries.iter().all(|entry| entry.payload == payload(entry.commit)));
            assert!(last >= from.commit && last < end.commit);
            journal = recovery.start_keeping(2 + round, keep).unwrap();
            assert_eq!(journal.position().commit, last);
            check(&journal, 100, None);
        }
    }

    #[test]
    fn a_mark_stands_for_its_commit_and_so_does_a_missing_one() {
        let (vfs, journal) = journal();
        journal.keep(Keep { archived: None, window: Some(Retention::Everything) });
        append(&journal, 5);
        journal.sync(105).unwrap();
        journal.committed(106);
        journal.mark(106, b"a mark").unwrap();
        append(&journal, 3);
        journal.sync(109).unwrap();
        let kinds = |entries: &[Entry]| entries.iter().map(|entry| entry.kind).collect::<Vec<_>>();
        for after in 100..109 {
            let reading = journal.read_after(after, None, 109, usize::MAX).unwrap().unwrap();
            for entry in &reading.entries {
                let marked = entry.commit == 106;
                assert_eq!(entry.kind, if marked { EntryKind::Mark } else { EntryKind::Changes });
                assert!(entry.payload == if marked { b"a mark".to_vec() } else { payload(entry.commit) });
            }
            assert_eq!(reading.entries.len() as u64, 109 - after);
        }
        // The header of a bulk commit is durable, and the power goes before its mark is.
        let from = JournalPosition { commit: 110, ..journal.position() };
        drop(journal);
        let mut recovery = replayed(&vfs, 2, from);
        let reading = recovery.read_after(108, None, 110, usize::MAX).unwrap().unwrap();
        assert_eq!(kinds(&reading.entries), [EntryKind::Changes, EntryKind::Unmarked]);
        let keep = Keep { archived: None, window: Some(Retention::Everything) };
        let journal = recovery.start_keeping(2, keep).unwrap();
        append(&journal, 2);
        for after in 108..112 {
            let reading = journal.read_after(after, None, 112, usize::MAX).unwrap().unwrap();
            let commits = reading.entries.iter().map(|entry| (entry.commit, entry.kind));
            let expected = (after + 1..=112).map(|commit| match commit {
                110 => (commit, EntryKind::Unmarked),
                _ => (commit, EntryKind::Changes),
            });
            assert!(commits.eq(expected), "after {after}");
        }
    }

    /// A mark that does not fit its segment is the first frame of the next one, which is begun for the commit after it.
    #[test]
    fn a_mark_at_the_start_of_a_segment_is_found() {
        for filled in (12_000..12_300).step_by(8) {
            let (_, journal) = journal();
            journal.append(101, &vec![1; filled]).unwrap();
            journal.sync(101).unwrap();
            journal.committed(102);
            journal.mark(102, &[7; 200]).unwrap();
            journal.append(103, b"more").unwrap();
            for after in 100..103 {
                let reading = journal.read_after(after, None, 103, usize::MAX).unwrap().unwrap();
                let commits: Vec<_> =
                    reading.entries.iter().map(|entry| (entry.commit, entry.kind)).collect();
                let all = [(101, EntryKind::Changes), (102, EntryKind::Mark), (103, EntryKind::Changes)];
                assert_eq!(commits, all[(after - 100) as usize..], "after {after}, {filled} bytes");
            }
        }
    }

    #[test]
    fn a_damaged_commit_is_named() {
        let (vfs, journal) = journal();
        append(&journal, 3);
        journal.sync(103).unwrap();
        let file = vfs.open(PATH, OpenMode::ReadWrite).unwrap();
        file.write_at(&[0xFF; 4], slot_start(0, OPTIONS.segment_len) + u64::from(BLOCK) + 4_040 + 60)
            .unwrap();
        let refused = journal.read_after(100, None, 103, usize::MAX).unwrap();
        assert_eq!(refused.map(|reading| reading.entries.len()), Some(1), "what comes before is given");
        let refused = journal.read_after(101, None, 103, usize::MAX).unwrap_err();
        assert!(
            alloc::string::ToString::to_string(&refused).contains("commit 102 cannot be read"),
            "{refused}"
        );
    }

    /// A reader that starts over and over, beside a writer whose segments are recycled: it gets commits in order, or is told
    /// that they are gone.
    #[test]
    fn a_reader_beside_a_writer_gets_whole_commits_or_none() {
        let (_, journal) = journal();
        let last = AtomicU64::new(100);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..150 {
                    append(&journal, 2);
                    last.store(journal.position().commit, Ordering::Release);
                    if round % 3 == 0 {
                        journal.sync(journal.position().commit).unwrap();
                        journal.checkpointed(2 + round, journal.position());
                    }
                }
                last.fetch_or(1 << 63, Ordering::Release);
            });
            let (mut read, mut gone) = (0, 0);
            let (mut after, mut position) = (100, None);
            loop {
                let head = last.load(Ordering::Acquire);
                match journal.read_after(after, position, head & !(1 << 63), 20_000).unwrap() {
                    Some(reading) => {
                        for (entry, commit) in reading.entries.iter().zip(after + 1..) {
                            assert_eq!(entry.commit, commit);
                            assert!(entry.payload == payload(commit), "the payload of {commit} differs");
                        }
                        read += reading.entries.len();
                        (after, position) = (reading.position.commit, Some(reading.position));
                        if head >> 63 == 1 && after == head & !(1 << 63) {
                            break;
                        }
                    }
                    None => {
                        gone += 1;
                        (after, position) = (journal.oldest().unwrap(), None);
                    }
                }
            }
            assert!(read > 0, "{gone} times too late");
        });
    }
}
