//! What a journal gives back after its file was cut, damaged or taken over from elsewhere. Crashes by the thousand are
//! in the package of tests, on the simulated disk.

use super::layout::{BLOCK, FRAME_HEADER_LEN, FileHeader, Frame, FrameKind};
use super::*;
use crate::storage::vfs::{MemoryVfs, OpenMode, Vfs, VfsError};
use crate::storage::{StorageError, StorageFault};
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

const DATABASE: [u8; 16] = *b"this is database";
const PATH: &str = "a-journal";
const OPTIONS: JournalOptions = JournalOptions { segment_len: 4 * BLOCK };

struct Harness {
    vfs: Arc<dyn Vfs>,
    journal: Journal,
    start: JournalPosition,
}

impl Harness {
    /// A journal of a database that was at commit 100 and checkpoint 1.
    fn new() -> Harness {
        let vfs: Arc<dyn Vfs> = Arc::new(MemoryVfs::new());
        let journal = Journal::create(&vfs, PATH, DATABASE, 1, 100, OPTIONS).unwrap();
        let start = journal.position();
        Harness { vfs, journal, start }
    }

    /// Appends commits of `len` bytes, each filled with the low byte of its number, each synced.
    fn commit(&self, count: u64, len: usize) {
        for _ in 0..count {
            self.append(1, len);
            self.journal.sync(self.journal.position().commit).unwrap();
        }
    }

    fn append(&self, count: u64, len: usize) {
        for _ in 0..count {
            let commit = self.journal.position().commit + 1;
            self.journal.append(commit, &vec![commit as u8; len]).unwrap();
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let file = self.vfs.open(PATH, OpenMode::Read).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_at(&mut bytes, 0).unwrap();
        bytes
    }

    /// Replays a file with these bytes from `from`.
    fn replay_bytes(&self, bytes: &[u8], from: JournalPosition) -> Result<Vec<(u64, Vec<u8>)>, StorageError> {
        let vfs: Arc<dyn Vfs> = Arc::new(MemoryVfs::new());
        vfs.open(PATH, OpenMode::Create).unwrap().write_at(bytes, 0).unwrap();
        let mut recovery = Recovery::open(&vfs, PATH, DATABASE)?;
        replay(&mut recovery, 1, from)
    }

    fn replay(&self) -> Result<Vec<(u64, Vec<u8>)>, StorageError> {
        self.replay_bytes(&self.bytes(), self.start)
    }
}

fn replay(
    recovery: &mut Recovery,
    checkpoint: u64,
    from: JournalPosition,
) -> Result<Vec<(u64, Vec<u8>)>, StorageError> {
    let mut found = Vec::new();
    let count = recovery.replay(checkpoint, from, &mut |commit, payload| {
        found.push((commit, payload.to_vec()));
        Ok(())
    })?;
    assert_eq!(count, found.len() as u64);
    Ok(found)
}

/// Commits 101..=`last` as [`Harness::commit`] makes them.
fn expected(last: u64, len: usize) -> Vec<(u64, Vec<u8>)> {
    (101..=last).map(|commit| (commit, vec![commit as u8; len])).collect()
}

/// Where the segment in slot `slot` begins in the file.
fn slot(slot: usize) -> usize {
    (BLOCK + slot as u32 * OPTIONS.segment_len) as usize
}

#[track_caller]
fn assert_damage<T>(outcome: Result<T, StorageError>, part_of_message: &str) {
    match outcome {
        Err(error) if matches!(*error, StorageFault::Corruption(_)) => {
            assert!(error.to_string().contains(part_of_message), "{error}");
        }
        Err(other) => panic!("not damage: {other}"),
        Ok(_) => panic!("nothing was noticed"),
    }
}

#[test]
fn commits_come_back_in_order_from_every_position() {
    let harness = Harness::new();
    let mut positions = vec![harness.start];
    for len in [1, 0, 300, 5000, 7, 2000] {
        harness.append(1, len);
        positions.push(harness.journal.position());
        harness.journal.sync(harness.journal.position().commit).unwrap();
        positions.push(harness.journal.position());
    }
    let all = harness.replay().unwrap();
    assert_eq!(all.iter().map(|(commit, _)| *commit).collect::<Vec<_>>(), [101, 102, 103, 104, 105, 106]);
    for position in positions {
        let found = harness.replay_bytes(&harness.bytes(), position).unwrap();
        assert_eq!(found, all[(position.commit - 100) as usize..], "{position:?}");
        assert_eq!(JournalPosition::decode(&position.encode()), position);
    }
}

#[test]
fn unsynced_commits_pack_and_synced_groups_begin_a_block() {
    let harness = Harness::new();
    harness.append(3, 10);
    assert_eq!(harness.journal.position().offset, BLOCK + 3 * 56);
    assert_eq!(harness.journal.durable(), 100);
    assert_eq!(harness.journal.bytes_since_checkpoint(), 3 * 56);
    harness.journal.sync(102).unwrap();
    assert_eq!((harness.journal.durable(), harness.journal.position().offset), (103, 2 * BLOCK));
    harness.append(1, 10);
    harness.journal.flush().unwrap();
    harness.append(1, 10);
    harness.journal.flush().unwrap();
    assert_eq!(harness.journal.position().offset, 2 * BLOCK + 2 * 56);
    assert_eq!(harness.replay().unwrap(), expected(105, 10));
}

#[test]
fn a_commit_of_any_size_spans_segments() {
    for len in [12_000, 12_248, 12_249, 40_000, 200_000] {
        let harness = Harness::new();
        harness.commit(3, len);
        harness.append(1, len);
        harness.journal.flush().unwrap();
        assert_eq!(harness.replay().unwrap(), expected(104, len), "{len} bytes");
        let from = harness.journal.position();
        assert!(harness.journal.bytes_since_checkpoint() >= 4 * len as u64);
        harness.journal.sync(104).unwrap();
        harness.journal.checkpointed(2, from);
        let segments_before = harness.bytes().len();
        harness.commit(3, len);
        assert!(
            harness.bytes().len() <= segments_before + OPTIONS.segment_len as usize,
            "segments are recycled"
        );
        let found = harness.replay_bytes(&harness.bytes(), from);
        assert_damage(found, "newest readable header is of checkpoint 1");
    }
}

#[test]
fn a_multi_segment_commit_without_its_middle_is_no_commit() {
    let harness = Harness::new();
    harness.commit(1, 100);
    harness.append(1, 40_000);
    harness.journal.flush().unwrap();
    let mut bytes = harness.bytes();
    bytes[slot(1) + BLOCK as usize + 1000] ^= 1;
    assert_eq!(harness.replay_bytes(&bytes, harness.start).unwrap(), expected(101, 100));
}

/// Goal: a tail that was not synced ends the replay wherever it is torn. Method: the last block is lost or spoilt from every
/// 8 bytes on; the commits before it come back, and the torn ones do not.
#[test]
fn a_torn_tail_ends_the_replay() {
    let harness = Harness::new();
    harness.commit(1, 50);
    harness.append(4, 50);
    harness.journal.flush().unwrap();
    let frame_len = (FRAME_HEADER_LEN + 56) as usize;
    let group = slot(0) + 2 * BLOCK as usize;
    for spoilt in (group..group + 4 * frame_len).step_by(8) {
        let mut bytes = harness.bytes();
        bytes[spoilt] ^= 0x10;
        let whole = 101 + ((spoilt - group) / frame_len) as u64;
        // The last bytes of a frame are padding, which says nothing.
        let is_padding = (spoilt - group) % frame_len >= FRAME_HEADER_LEN as usize + 50;
        let expected = if is_padding { expected(105, 50) } else { expected(whole, 50) };
        assert_eq!(harness.replay_bytes(&bytes, harness.start).unwrap(), expected, "byte {spoilt}");
        let mut lost = harness.bytes();
        lost[spoilt..].fill(0);
        let found = harness.replay_bytes(&lost, harness.start).unwrap();
        assert!(found.len() as u64 >= whole - 101 && found.len() as u64 <= whole - 99, "lost from {spoilt}");
    }
}

/// A slot is written with zeros and synced before it is used: a file that ends in a segment was cut, and may have lost
/// commits that were acknowledged.
#[test]
fn a_file_that_ends_within_a_segment_is_refused() {
    let harness = Harness::new();
    harness.commit(3, 50);
    let bytes = harness.bytes();
    for len in (slot(0) + BLOCK as usize..slot(1)).step_by(1000) {
        let outcome = harness.replay_bytes(&bytes[..len], harness.start);
        assert!(
            matches!(&outcome, Err(error) if matches!(**error, StorageFault::Truncated { .. })),
            "{len}: {outcome:?}"
        );
    }
    // The second slot has not been used.
    for len in (slot(1)..bytes.len()).step_by(1000) {
        assert_eq!(harness.replay_bytes(&bytes[..len], harness.start).unwrap().len(), 3, "{len}");
    }
}

/// Goal: no flipped bit of what was synced goes unnoticed, but for the last group, which may be torn. Method: every byte
/// of a file with several groups in two segments is spoilt.
#[test]
fn damage_before_the_last_synced_group_is_told_from_a_torn_tail() {
    let harness = Harness::new();
    harness.commit(8, 900);
    let whole = harness.replay().unwrap();
    assert_eq!(harness.journal.position().segment, 3);
    let bytes = harness.bytes();
    let mut outcomes = [0; 3];
    for spoilt in 0..bytes.len() {
        // Payloads are alike: a few of their bytes do.
        if bytes[spoilt] == bytes[spoilt.saturating_sub(8)] && spoilt % 97 != 0 {
            continue;
        }
        let mut bytes = bytes.clone();
        bytes[spoilt] ^= 1 << (spoilt % 8);
        match harness.replay_bytes(&bytes, harness.start) {
            Err(error) if matches!(*error, StorageFault::Corruption(_)) => outcomes[0] += 1,
            Err(other) => panic!("byte {spoilt}: {other}"),
            Ok(found) if found == whole => outcomes[1] += 1,
            Ok(found) => {
                assert_eq!(found, whole[..7], "byte {spoilt}");
                outcomes[2] += 1;
            }
        }
    }
    assert!(outcomes.iter().all(|&count| count > 20), "{outcomes:?}");
}

#[test]
fn damage_names_the_commit_the_segment_and_the_witness() {
    let harness = Harness::new();
    harness.commit(3, 100);
    let mut bytes = harness.bytes();
    bytes[slot(0) + 2 * BLOCK as usize + 60] ^= 1;
    assert_damage(
        harness.replay_bytes(&bytes, harness.start),
        "commit 102 cannot be read behind byte 4240 of segment 1, though the frame at byte 12288 of segment 1 says \
         that commit 102 was durable",
    );
}

/// A segment whose header was damaged takes its commits with it; its frames still say that they were durable.
#[test]
fn a_damaged_segment_header_is_noticed() {
    let harness = Harness::new();
    harness.commit(5, 100);
    let mut bytes = harness.bytes();
    bytes[slot(1) + 40] ^= 1;
    assert_damage(harness.replay_bytes(&bytes, harness.start), "commit 104 cannot be read");
    let mut bytes = harness.bytes();
    bytes[slot(0) + 40] ^= 1;
    assert_damage(
        harness.replay_bytes(&bytes, harness.start),
        "segment 1, where replay begins, is missing or unreadable",
    );
}

/// Goal: a recycled segment's old frames, all of them whole and with good checksums, are not taken for new ones. Method:
/// frames of one size, so that the old ones lie exactly where new ones would.
#[test]
fn recycled_segments_with_whole_old_frames_give_only_new_commits() {
    let harness = Harness::new();
    harness.commit(6, 100);
    let mut from = harness.start;
    for checkpoint in 2..20 {
        from = harness.journal.position();
        harness.journal.checkpointed(checkpoint, from);
        harness.commit(2, 100);
    }
    assert_eq!(harness.bytes().len(), slot(2), "two segments were enough");
    harness.append(1, 100);
    harness.journal.flush().unwrap();
    let mut recovery = Recovery::open(&harness.vfs, PATH, DATABASE).unwrap();
    let found = replay(&mut recovery, 19, from).unwrap();
    assert_eq!(found.iter().map(|(commit, _)| *commit).collect::<Vec<_>>(), [141, 142, 143]);
}

/// A frame of the right commit, salt and checksum that follows another frame than the one before it is refused.
#[test]
fn the_chain_is_followed() {
    let harness = Harness::new();
    harness.commit(3, 100);
    let mut bytes = harness.bytes();
    let file_header = FileHeader::decode(&bytes).unwrap();
    let place = slot(0) + 2 * BLOCK as usize;
    let (mut frame, crc) = Frame::decode(file_header.secret, &bytes[place..]).unwrap();
    let mut forged = Vec::new();
    assert_eq!(frame.encode(file_header.secret, &mut forged), crc);
    assert_eq!(forged, bytes[place..place + forged.len()]);
    frame.chain ^= 1;
    let mut forged = Vec::new();
    frame.encode(file_header.secret, &mut forged);
    bytes[place..place + forged.len()].copy_from_slice(&forged);
    assert_damage(harness.replay_bytes(&bytes, harness.start), "commit 102 cannot be read");
}

#[test]
fn a_recycled_segment_whose_new_header_is_torn_is_not_read() {
    let harness = Harness::new();
    harness.commit(6, 100);
    let from = harness.journal.position();
    harness.journal.checkpointed(2, from);
    let before = harness.bytes();
    harness.commit(1, 100);
    let mut torn = harness.bytes();
    // The header's sector is as it was before the recycling.
    torn[slot(0)..slot(0) + 512].copy_from_slice(&before[slot(0)..slot(0) + 512]);
    let vfs: Arc<dyn Vfs> = Arc::new(MemoryVfs::new());
    vfs.open(PATH, OpenMode::Create).unwrap().write_at(&torn, 0).unwrap();
    let mut recovery = Recovery::open(&vfs, PATH, DATABASE).unwrap();
    assert_eq!(replay(&mut recovery, 2, from).unwrap(), []);
}

#[test]
fn payloads_that_look_like_frames_are_no_witnesses() {
    let harness = Harness::new();
    harness.commit(1, 10);
    let mut payload = vec![0; (BLOCK - FRAME_HEADER_LEN) as usize];
    let liar = Frame {
        kind: FrameKind::Commit,
        salt: 0,
        commit: 900,
        durable: 899,
        chain: 0,
        is_first: true,
        is_last: true,
        payload: b"a copy of another journal's frame",
    };
    liar.encode(0x0BAD_5EED, &mut payload);
    harness.journal.append(102, &payload).unwrap();
    harness.journal.flush().unwrap();
    let mut bytes = harness.bytes();
    bytes[slot(0) + 2 * BLOCK as usize] ^= 1;
    assert_eq!(harness.replay_bytes(&bytes, harness.start).unwrap(), expected(101, 10));
}

#[test]
fn recovery_continues_in_a_new_segment_and_a_second_recovery_reads_both() {
    let harness = Harness::new();
    harness.commit(1, 100);
    harness.append(2, 100);
    harness.journal.flush().unwrap();
    // 103 is torn; 102 survived without ever having been synced.
    let file = harness.vfs.open(PATH, OpenMode::ReadWrite).unwrap();
    file.write_at(&[0xFF; 8], (slot(0) + 2 * BLOCK as usize + 200) as u64).unwrap();

    for last in [103, 104, 105] {
        let before = harness.bytes();
        let mut recovery = Recovery::open(&harness.vfs, PATH, DATABASE).unwrap();
        assert_eq!(replay(&mut recovery, 1, harness.start).unwrap(), expected(last - 1, 100));
        assert_eq!(harness.bytes(), before, "recovery writes nothing");
        let journal = recovery.start(1).unwrap();
        assert_eq!((journal.position().commit, journal.position().offset), (last - 1, BLOCK));
        journal.append(last, &[last as u8; 100]).unwrap();
        journal.sync(last).unwrap();
        assert_eq!(harness.replay().unwrap(), expected(last, 100));
    }
}

#[test]
fn a_journal_of_another_database_or_version_or_none_at_all_is_refused() {
    let harness = Harness::new();
    assert_damage(
        Recovery::open(&harness.vfs, PATH, [0xAB; 16]).map(|_| ()),
        "`a-journal` is of database 74686973206973206461746162617365, this is database abababababababababab",
    );
    assert!(matches!(
        Recovery::open(&harness.vfs, "b-journal", DATABASE).map(|_| ()),
        Err(error) if matches!(*error, StorageFault::Vfs(VfsError::NotFound { .. }))
    ));
    let mut newer = harness.bytes();
    newer[8] = 9;
    assert_damage(harness.replay_bytes(&newer, harness.start), "its format version is 9");
    assert_damage(harness.replay_bytes(b"", harness.start), "does not begin as one of Epilog's journals");
    assert_damage(harness.replay_bytes(&newer[..20], harness.start), "its format version is 9");
    let crc = crate::storage::codec::checksum::crc32c(&newer[..40]);
    newer[40..44].copy_from_slice(&crc.to_le_bytes());
    let error = harness.replay_bytes(&newer, harness.start).unwrap_err();
    assert!(matches!(*error, StorageFault::NewerFormat { found: 9, known: 1, .. }), "{error}");
    let other = Harness::new();
    assert_damage(
        harness.replay_bytes(&other.bytes(), harness.start),
        "segment 1 does not continue commit 100",
    );
}

#[test]
fn a_header_older_than_the_journal_knows_is_refused() {
    let harness = Harness::new();
    harness.commit(1, 100);
    let position = harness.journal.position();
    harness.journal.checkpointed(2, position);
    harness.commit(3, 100);
    let mut recovery = Recovery::open(&harness.vfs, PATH, DATABASE).unwrap();
    assert_damage(replay(&mut recovery, 1, harness.start), "segment 2 follows checkpoint 2");
    assert_eq!(replay(&mut recovery, 2, position).unwrap().len(), 3);
    let nowhere = JournalPosition { offset: 5, ..position };
    assert_damage(replay(&mut recovery, 2, nowhere), "replay would begin at byte 5 of segment 1");
}

/// A mark that does not fit its segment begins the next one, whose header names the commit after it. A database header that
/// is written then names a position in that segment.
#[test]
fn a_replay_begins_behind_a_mark_that_begins_its_segment() {
    for filled in (12_000..12_300).step_by(8) {
        let harness = Harness::new();
        harness.commit(1, filled);
        harness.journal.committed(102);
        harness.journal.mark(102, &[7; 200]).unwrap();
        let from = harness.journal.position();
        harness.journal.append(103, b"more").unwrap();
        harness.journal.sync(103).unwrap();
        let found = harness.replay_bytes(&harness.bytes(), from).unwrap();
        assert_eq!(found, [(103, b"more".to_vec())], "{filled} bytes before the mark");
    }
}

#[test]
fn the_end_of_a_replay_is_up_to_its_caller() {
    let harness = Harness::new();
    harness.commit(3, 100);
    let mut recovery = Recovery::open(&harness.vfs, PATH, DATABASE).unwrap();
    let refused = recovery.replay(1, harness.start, &mut |commit, _| match commit {
        102 => Err(StorageError::damage("page", "by the test")),
        _ => Ok(()),
    });
    assert_damage(refused, "by the test");
    assert_eq!(replay(&mut recovery, 1, harness.start).unwrap().len(), 3);
}

#[test]
fn a_new_journal_replaces_an_old_one_and_a_removed_one_is_gone() {
    let harness = Harness::new();
    harness.commit(9, 100);
    let journal = Journal::create(&harness.vfs, PATH, DATABASE, 1, 100, OPTIONS).unwrap();
    let mut recovery = Recovery::open(&harness.vfs, PATH, DATABASE).unwrap();
    assert_eq!(replay(&mut recovery, 1, journal.position()).unwrap(), []);
    journal.remove().unwrap();
    assert!(!harness.vfs.exists(PATH).unwrap());
    assert_eq!(path_beside("a"), PATH);
}

#[test]
fn threads_that_sync_together_share_syncs() {
    let harness = Arc::new(Harness::new());
    harness.append(50, 10);
    std::thread::scope(|scope| {
        for commit in 101..=150 {
            let harness = &harness;
            scope.spawn(move || harness.journal.sync(commit).unwrap());
        }
    });
    assert_eq!(harness.journal.durable(), 150);
    assert_eq!(harness.replay().unwrap(), expected(150, 10));
}
