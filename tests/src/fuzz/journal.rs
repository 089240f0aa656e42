//! The journal: a changed file gives commits that were made, in order, or an error; with checksums made right, no panic.

use std::sync::{Arc, OnceLock};

use epilog::storage::codec::checksum::{crc32c, salted};
use epilog::storage::journal::{Journal, JournalOptions, JournalPosition, Recovery};
use epilog::storage::vfs::{OpenMode, Vfs};

use super::Input;
use crate::disk::SimVfs;
use crate::format::{BLOCK_LEN, u32_at, u64_at};
use crate::random::Random;

const PATH: &str = "a-journal";
const DATABASE: [u8; 16] = [0xDB; 16];
const SEGMENT_LEN: usize = 3 * BLOCK_LEN;

struct Sound {
    bytes: Vec<u8>,
    from: JournalPosition,
    /// Of each commit from 1.
    payloads: Vec<Vec<u8>>,
}

fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let disk = SimVfs::new(1);
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        let options = JournalOptions { segment_len: SEGMENT_LEN as u32 };
        let journal = Journal::create(&vfs, PATH, DATABASE, 0, 0, options).expect("a disk without faults");
        let mut random = Random::new(1);
        let (mut from, mut payloads) = (journal.position(), Vec::new());
        for commit in 1..=24 {
            let len = [20, 300, 3000, 9000][random.below(4) as usize];
            let mut payload = vec![0; random.below(len) as usize];
            random.fill(&mut payload);
            let position = journal.append(commit, &payload).expect("a disk without faults");
            payloads.push(payload);
            if commit % 3 > 0 {
                journal.sync(commit).expect("a disk without faults");
            }
            if commit == 8 {
                // Segments are recycled, so that old frames lie about.
                journal.checkpointed(1, position);
                from = position;
            }
        }
        Sound { bytes: disk.bytes(PATH).expect("the journal"), from, payloads }
    })
}

/// Makes the checksums of all headers and of the frames that follow each other from block starts right.
fn seal(bytes: &mut [u8]) {
    let put = |bytes: &mut [u8], at: usize, crc: u32| bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32c(&bytes[..40]);
    put(bytes, 40, crc);
    let secret = u64_at(bytes, 32);
    for start in (BLOCK_LEN..bytes.len()).step_by(SEGMENT_LEN) {
        let end = bytes.len().min(start + SEGMENT_LEN);
        let crc = crc32c(&bytes[start..start + 76]);
        put(bytes, start + 76, crc);
        for block in (start + BLOCK_LEN..end).step_by(BLOCK_LEN) {
            let mut at = block;
            while at + 40 <= end && bytes[at + 36] == 1 {
                let Some(frame_end) = (at + 40).checked_add(u32_at(bytes, at + 4) as usize) else { break };
                if frame_end > end {
                    break;
                }
                let crc = salted(secret, &bytes[at + 4..frame_end]);
                put(bytes, at, crc);
                at = frame_end.next_multiple_of(8);
            }
        }
    }
}

/// Runs one input.
pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let Sound { bytes, from, payloads } = sound();
    let (mut bytes, mut from, mut checkpoint) = (bytes.clone(), *from, 1);
    let seals = input.flag();
    let cut = input.u8();
    for _ in 0..1 + input.below(6) {
        let block = input.below(bytes.len() / BLOCK_LEN) * BLOCK_LEN;
        match input.u8() % 8 {
            0..=3 => input.spoil(&mut bytes[block..block + 80]),
            4 => input.spoil(&mut bytes[block..block + BLOCK_LEN]),
            5 => {
                let other = input.below(bytes.len() / BLOCK_LEN) * BLOCK_LEN;
                bytes.copy_within(other..other + BLOCK_LEN, block);
            }
            6 => bytes[block..block + BLOCK_LEN].fill(0),
            _ => {
                let written = input.take(120);
                bytes[block..block + written.len()].copy_from_slice(written);
            }
        }
    }
    if seals {
        seal(&mut bytes);
        if input.flag() {
            // A header may name any position, of a commit that there can be.
            let mut position = from.encode();
            input.spoil(&mut position);
            from = JournalPosition::decode(&position);
            from.commit = from.commit.min(1 << 62);
            checkpoint = u64::from(input.u8() % 4);
        }
    }
    if cut == 1 {
        bytes.truncate(input.below(bytes.len()));
    }
    let disk = SimVfs::new(2);
    disk.set_bytes(PATH, &bytes);
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    let Ok(mut recovery) = Recovery::open(&vfs, PATH, DATABASE) else { return };
    let _ = recovery.newest_commit_since(0);
    let mut last = from.commit;
    let replayed = recovery.replay(checkpoint, from, &mut |commit, payload| {
        assert_eq!(commit, last.wrapping_add(1), "commits come in order");
        last = commit;
        if !seals {
            let made = payloads.get(commit as usize - 1).map(Vec::as_slice);
            assert_eq!(Some(payload), made, "commit {commit} came back changed");
        }
        Ok(())
    });
    if replayed.is_err() {
        return;
    }
    let Ok(journal) = recovery.start(checkpoint) else { return };
    let commit = journal.position().commit + 1;
    journal.append(commit, b"goes on").and_then(|_| journal.sync(commit)).expect("a disk without faults");
    drop(journal);
    // What was appended comes back, behind all that came back before.
    assert!(vfs.open(PATH, OpenMode::Read).is_ok());
    let mut again = Recovery::open(&vfs, PATH, DATABASE).expect("a journal that goes on can be read");
    let mut found = None;
    let outcome = again.replay(checkpoint, from, &mut |commit, payload| {
        found = Some((commit, payload.to_vec()));
        Ok(())
    });
    if !seals {
        outcome.expect("a journal that goes on can be replayed");
        assert_eq!(found, Some((commit, b"goes on".to_vec())));
    }
}
