//! Change sets: a journal with one more commit, of any payload, under checksums that are right. Opening applies it or says
//! that it is damaged; what was there before stays as it was.

use std::sync::{Arc, OnceLock};

use epilog::prelude::*;
use epilog::storage::journal::{JournalPosition, Recovery};
use epilog::storage::vfs::Vfs;

use super::Input;
use crate::answers::Answers;
use crate::disk::SimVfs;
use crate::format::{FileMap, u64_at};
use crate::random::Random;
use crate::sample::{JOURNAL, PATH, Sample, open, tag};

struct Sound {
    disk: SimVfs,
    database: [u8; 16],
    checkpoint: u64,
    position: JournalPosition,
    /// The payloads that the journal has.
    payloads: Vec<Vec<u8>>,
}

fn recover(sound: &Sound, disk: &SimVfs, apply: &mut dyn FnMut(&[u8])) -> Recovery {
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    let mut recovery = Recovery::open(&vfs, JOURNAL, sound.database).expect("a sound journal");
    let replayed = recovery.replay(sound.checkpoint, sound.position, &mut |_, payload| {
        apply(payload);
        Ok(())
    });
    replayed.expect("a sound journal");
    recovery
}

fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let disk = Sample::open(3).disk;
        let file = disk.bytes(PATH).expect("the file");
        let header = &file[FileMap::of(&file).slot..];
        let mut sound = Sound {
            disk: disk.clone(),
            database: *header[32..].first_chunk().expect("a header"),
            checkpoint: u64_at(header, 48),
            position: JournalPosition::decode(header[128..].first_chunk().expect("a header")),
            payloads: Vec::new(),
        };
        let mut payloads = Vec::new();
        recover(&sound, &disk, &mut |payload| payloads.push(payload.to_vec()));
        sound.payloads = payloads;
        sound
    })
}

/// Runs one input.
pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let sound = sound();
    let disk = sound.disk.fork();
    let mut payload = Vec::new();
    if input.flag() {
        for _ in 0..1 + input.below(3) {
            let of = &sound.payloads[input.below(sound.payloads.len())];
            // A version byte, then changes.
            let start = if payload.is_empty() { 0 } else { 1 };
            payload.extend_from_slice(&of[start..]);
        }
        for _ in 0..input.below(6) {
            input.spoil(&mut payload);
        }
        if input.u8() == 1 {
            payload.truncate(input.below(payload.len() + 1));
        }
    } else {
        payload.push(1);
        payload.extend_from_slice(input.take(4096));
    }
    let journal = recover(sound, &disk, &mut |_| ()).start(sound.checkpoint).expect("a disk without faults");
    let commit = journal.position().commit + 1;
    journal.append(commit, &payload).and_then(|_| journal.sync(commit)).expect("a disk without faults");
    drop(journal);
    let before = disk.bytes(PATH);
    let db = match open(&disk) {
        Ok(db) => db,
        Err(error) => {
            let kinds = [
                ErrorKind::Corruption,
                ErrorKind::SchemaDiffers,
                ErrorKind::Schema,
                ErrorKind::Full,
                ErrorKind::UniqueViolation,
            ];
            assert!(kinds.contains(&error.kind()), "{:?}: {error}", error.kind());
            assert_eq!(disk.bytes(PATH), before, "a file that cannot be recovered was written to");
            return;
        }
    };
    let _ = Answers::glance(&db);
    let _ = db.write(|tx| tx.insert(&tag(&mut Random::new(1), "a new one".into())));
    let _ = db.close();
}
