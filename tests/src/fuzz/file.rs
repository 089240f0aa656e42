//! Whole files: a small database with changed bytes. Without right checksums every answer is the right one or an error;
//! with them it is some answer, or an error. Never a panic.

use std::sync::{Arc, OnceLock};

use epilog::Compression;
use epilog::storage::pager::{Pager, PagerOptions};

use super::Input;
use crate::answers::Answers;
use crate::disk::SimVfs;
use crate::format::{BLOCK_LEN, FileMap};
use crate::random::Random;
use crate::sample::{PATH, SIZE, Sample, item, open, tag};
use crate::simulation::model::{Item, Tag};

struct Sound {
    disk: SimVfs,
    bytes: Vec<u8>,
    map: FileMap,
    glance: Answers,
    some: Answers,
}

fn sound() -> &'static [Sound; 3] {
    static SOUND: OnceLock<[Sound; 3]> = OnceLock::new();
    SOUND.get_or_init(|| {
        let compressed = Sample::closed_with(33, Compression::Lz4).disk;
        [Sample::closed(31).disk, Sample::open(32).disk, compressed].map(|disk| {
            let bytes = disk.bytes(PATH).expect("the file");
            let db = open(&disk.fork()).expect("a sound file");
            let (glance, some) = (Answers::glance(&db), Answers::all(&db, SIZE, 13));
            Sound { map: FileMap::of(&bytes), disk, bytes, glance, some }
        })
    })
}

/// Runs one input.
pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let sound = match input.u8() {
        0xE0.. => &sound()[2],
        which => &sound()[usize::from(which) % 2],
    };
    let mut file = sound.bytes.clone();
    let seals = input.flag();
    for _ in 0..1 + input.below(4) {
        let position = input.below(sound.map.images.len());
        let image = sound.map.images[position];
        let page = &mut file[image.start..image.start + image.len];
        match input.u8() % 8 {
            0 | 1 => input.spoil(&mut page[4..64]),
            2 => input.spoil(&mut page[24..1200]),
            3 => {
                let back = page.len().saturating_sub(3000);
                input.spoil(&mut page[back..]);
            }
            4 => {
                let other = sound.map.images[input.below(sound.map.images.len())];
                let len = image.len.min(other.len);
                page[24..len].copy_from_slice(&sound.bytes[other.start + 24..other.start + len]);
            }
            5 => {
                let slot = sound.map.slot;
                let saved = input.clone();
                for copy in [slot, slot + BLOCK_LEN] {
                    input = saved.clone();
                    input.spoil(&mut file[copy..copy + 160]);
                }
                if seals {
                    sound.map.seal_header(&mut file);
                }
                continue;
            }
            _ => input.spoil(page),
        }
        if seals {
            // The generation stays that of the entry, else the image is only stale.
            let base = image.parent.map_or(sound.map.slot, |_| 0);
            file.copy_within(base + image.entry + 16..base + image.entry + 24, image.start + 16);
            sound.map.seal(&mut file, position);
        }
    }
    if input.u8() == 1 {
        file.truncate(1 + input.below(file.len() - 1)); // nothing tells an emptied file from a new one
    }
    let disk = sound.disk.fork();
    disk.set_bytes(PATH, &file);
    let options = PagerOptions { read_only: true, ..PagerOptions::default() };
    if let Ok(pager) = Pager::open(Arc::new(disk.clone()), PATH, options) {
        let _ = pager.check();
    }
    let Ok(db) = open(&disk) else { return };
    let deep = input.flag();
    let answers = if deep { Answers::all(&db, SIZE, 13) } else { Answers::glance(&db) };
    if !seals {
        let right = if deep { &sound.some } else { &sound.glance };
        if let Some(wrong) = answers.first_wrong(right) {
            panic!("a wrong answer without an error: {wrong}");
        }
    }
    let mut random = Random::new(u64::from(input.u32()));
    let _ = db.write(|tx| {
        tx.insert(&tag(&mut random, "a new one".into()))?;
        tx.insert(&item(&mut random, 5_000))?;
        tx.delete_key::<Item>(i32::from(input.u8()))?;
        tx.update(&item(&mut random, input.u8().into()))
    });
    let _ = db.write(|tx| tx.delete_key::<Tag>(format!("tag {}", input.u8())));
    let _ = db.checkpoint();
    let _ = db.write(|tx| tx.insert(&tag(&mut random, "another".into())));
    if db.close().is_ok()
        && let Ok(db) = open(&disk)
    {
        let _ = Answers::glance(&db);
    }
}
