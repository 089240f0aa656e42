//! Hostile files: bytes that no version ever wrote, under checksums that are right. What is asked of them gets an answer or
//! an error. There is no panic, no end of memory, and nothing that never ends.
//!
//! An image of a sound database is changed, and the checksums from there up to the header are made right again. The
//! database is then asked for everything, written to, closed, and asked again. `EPILOG_HOSTILE=100000` tries so many
//! changes; `EPILOG_HOSTILE_SEED` sets where they begin.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use epilog::prelude::*;
use epilog_tests::answers::Answers;
use epilog_tests::disk::SimVfs;
use epilog_tests::format::{BLOCK_LEN, ENTRY_LEN, FileMap, Held, PAGE_HEADER_LEN, u32_at};
use epilog_tests::random::Random;
use epilog_tests::sample::{JOURNAL, PATH, SIZE, Sample, item, open, tag};
use epilog_tests::simulation::model::{Item, Owner, Tag};

/// The longest that one file may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn setting(name: &str, or: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(or)
}

/// Numbers at which something ends.
const EDGES: [u64; 22] = [
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    17,
    40,
    127,
    128,
    255,
    4_095,
    4_096,
    16_383,
    16_384,
    32_767,
    65_535,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    u64::MAX,
];

/// Changes some bytes of `bytes`, at any place or at one of `places`.
fn spoil(random: &mut Random, bytes: &mut [u8], places: &[usize]) {
    for _ in 0..1 + random.below(3) {
        let at = match places {
            [] => random.below(bytes.len() as u64) as usize,
            _ => places[random.below(places.len() as u64) as usize],
        };
        let width = [1, 2, 4, 8][random.below(4) as usize].min(bytes.len() - at);
        let old = bytes[at..at + width].iter().rev().fold(0, |old, byte| old << 8 | u64::from(*byte));
        let new = match random.below(6) {
            0 => random.draw(),
            1 => old.wrapping_add(1 + random.below(3)),
            2 => old.wrapping_sub(1 + random.below(3)),
            3 => old ^ 1 << random.below(width as u64 * 8),
            _ => EDGES[random.below(EDGES.len() as u64) as usize],
        };
        bytes[at..at + width].copy_from_slice(&new.to_le_bytes()[..width]);
    }
}

/// Changes something in `bytes`, a sound file whose images are `map`, and makes the checksums right; says what.
fn spoil_file(random: &mut Random, bytes: &mut [u8], map: &FileMap) -> String {
    if random.chance(1, 12) {
        const FIELDS: [usize; 20] =
            [10, 11, 16, 20, 24, 28, 48, 56, 64, 72, 78, 80, 88, 96, 104, 112, 128, 136, 144, 148];
        spoil(random, &mut bytes[map.slot..map.slot + 512], &FIELDS);
        map.seal_header(bytes);
        return "the header".into();
    }
    let position = random.below(map.images.len() as u64) as usize;
    let image = map.images[position];
    let page = image.start..image.start + image.len;
    // The front of a page, where its counts are, is worth more than the rest.
    let how = random.below(8);
    match how {
        0..=2 => spoil(random, &mut bytes[page], &(4..72).collect::<Vec<_>>()),
        3 => {
            let front: Vec<usize> = (PAGE_HEADER_LEN..image.len.min(1200)).collect();
            spoil(random, &mut bytes[page], &front);
        }
        4 => {
            let back: Vec<usize> = (image.len.saturating_sub(6000).max(4)..image.len).collect();
            spoil(random, &mut bytes[page], &back);
        }
        5 => {
            // Only bytes that mean something.
            let used: Vec<usize> = (4..image.len).filter(|at| bytes[image.start + at] != 0).collect();
            spoil(random, &mut bytes[page], &used);
        }
        6 => {
            // Another page's contents, under this one's number and generation.
            let other = map.images[random.below(map.images.len() as u64) as usize];
            let len = image.len.min(other.len);
            let other = bytes[other.start..other.start + len].to_vec();
            let own: [u8; 16] = bytes[image.start + 4..image.start + 20].try_into().expect("16 bytes");
            bytes[image.start..image.start + len].copy_from_slice(&other);
            let keep = if random.chance(1, 2) { 4..8 } else { 4..16 };
            bytes[image.start + keep.start..image.start + keep.end].copy_from_slice(&own[..keep.len()]);
        }
        _ => spoil(random, &mut bytes[page], &[]),
    }
    if let Held::Map(..) = image.held
        && random.chance(1, 2)
    {
        // An entry that leads to another's image, whole as it is.
        let entries = [random.below(36) as usize, random.below(36) as usize];
        let at = entries.map(|entry| image.start + PAGE_HEADER_LEN + entry * ENTRY_LEN);
        bytes.copy_within(at[0]..at[0] + ENTRY_LEN, at[1]);
    }
    // The generation stays that of the entry, else the image is only stale.
    let generation = match image.parent {
        Some(_) => bytes[image.entry + 16..image.entry + 24].to_vec(),
        None => bytes[map.slot + image.entry + 16..map.slot + image.entry + 24].to_vec(),
    };
    bytes[image.start + 16..image.start + 24].copy_from_slice(&generation);
    map.seal(bytes, position);
    format!("{:?} in way {how}", image.held)
}

/// Asks, writes, closes, and asks again, whatever comes.
fn use_it(disk: &SimVfs, random: &mut Random) -> (usize, usize) {
    let ask = |db: &Database<_>| {
        let answers = Answers::all(db, SIZE, 7);
        (answers.given.len(), answers.errors().count())
    };
    let Ok(db) = open(disk) else { return (0, 1) };
    let mut outcome = ask(&db);
    for _ in 0..4 {
        let _ = db.write(|tx| write_some(tx, random));
        let _ = db.write(|tx| tx.savepoint(|tx| write_some(tx, random)));
    }
    let _ = db.write(|tx| tx.insert_all(&(6_000..6_300).map(|code| item(random, code)).collect::<Vec<_>>()));
    let _ = db.write(|tx| Item::query().filter(|i| i.grade.eq(1u8)).delete().run(tx));
    let _ = db.checkpoint();
    let _ = db.write(|tx| write_some(tx, random));
    let (given, errors) = ask(&db);
    outcome = (outcome.0 + given, outcome.1 + errors);
    let _ = db.close();
    if let Ok(db) = open(disk) {
        let (given, errors) = ask(&db);
        outcome = (outcome.0 + given, outcome.1 + errors);
    }
    outcome
}

/// A few changes; the first that fails ends them, most of the time.
fn write_some(
    tx: &mut WriteTransaction<'_, epilog_tests::simulation::model::World>,
    random: &mut Random,
) -> Result<(), Error> {
    for _ in 0..5 {
        let number = random.below(u64::from(SIZE));
        let done = match random.below(7) {
            0 => tx.insert(&tag(random, format!("new {number}"))).map(|_| ()),
            1 => tx.delete_key::<Tag>(format!("tag {number}")).map(|_| ()),
            2 => tx.update(&item(random, number as i32 * 7)),
            3 => tx.delete_key::<Item>(number as i32 * 8).map(|_| ()),
            4 => tx.delete_key::<Owner>(Id::new(number)).map(|_| ()),
            5 => {
                let name = format!("owner {number}");
                tx.update(&Owner { id: Id::new(number + 1), name, note: Some("m".repeat(7_000)) })
            }
            _ => tx.insert(&item(random, 2_000 + number as i32)).map(|_| ()),
        };
        if random.chance(3, 4) {
            done?;
        }
    }
    Ok(())
}

/// Runs `work` on another thread; fails when it panics or takes too long.
fn within_patience<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (send, receive) = mpsc::channel();
    let begun = Instant::now();
    let thread = thread::spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(work));
        let _ = send.send(());
        outcome
    });
    if receive.recv_timeout(PATIENCE).is_err() {
        return Err(format!("does not end within {:?}", begun.elapsed()));
    }
    match thread.join() {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(panic)) | Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            Err(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into())).unwrap_or_default())
        }
    }
}

fn check(sample: &SimVfs, seeds: std::ops::Range<u64>) {
    let sound = sample.bytes(PATH).unwrap();
    let map = FileMap::of(&sound);
    let mut failures = Vec::new();
    let (mut given, mut errors) = (0, 0);
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let mut random = Random::new(seed);
        let mut bytes = sound.clone();
        let what = spoil_file(&mut random, &mut bytes, &map);
        let disk = sample.fork();
        disk.set_bytes(PATH, &bytes);
        match within_patience(move || use_it(&disk, &mut random)) {
            Ok((more, wrong)) => (given, errors) = (given + more, errors + wrong),
            Err(story) => failures.push(format!("seed {seed}, {what}: {story}")),
        }
    }
    assert!(failures.is_empty(), "{} of {count} fail:\n{}", failures.len(), failures.join("\n"));
    assert!(given > 0 && errors > 0, "{given} answers, {errors} errors");
    check_memory();
}

/// Where it can be told: the most memory that was ever asked for is of no size that only a hostile file can mean.
fn check_memory() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let peak = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).expect("Linux tells the peak");
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
    assert!(kib < 8 << 20, "{kib} KiB were asked for");
}

#[test]
fn a_closed_file_with_hostile_bytes_gives_answers_or_errors() {
    let begin = setting("EPILOG_HOSTILE_SEED", 0);
    check(&Sample::closed(21).disk, begin..begin + setting("EPILOG_HOSTILE", 60));
}

#[test]
fn a_hostile_file_beside_a_journal_gives_answers_or_errors() {
    let begin = setting("EPILOG_HOSTILE_SEED", 1 << 32);
    let disk = Sample::open(22).disk;
    assert!(disk.bytes(JOURNAL).is_some() && disk.bytes(PATH).unwrap().len() > BLOCK_LEN);
    check(&disk, begin..begin + setting("EPILOG_HOSTILE", 40));
}

#[test]
fn a_leaf_whose_rows_are_not_its_collections_is_damage() {
    let sample = Sample::closed(23).disk;
    let sound = sample.bytes(PATH).unwrap();
    let map = FileMap::of(&sound);
    let leaves = map
        .images
        .iter()
        .enumerate()
        .filter(|(_, image)| matches!(image.held, Held::Page(number, 1) if ![5, 18].contains(&number)));
    // Nothing is asked of the empty trees of blobs and of scans, pages 5 and 18.
    let mut tried = 0;
    for (position, image) in leaves {
        // The shortest rows there can be, without blobs.
        let mut bytes = sound.clone();
        let width = u16::from(bytes[image.start + 36]);
        bytes[image.start + 26..image.start + 28].copy_from_slice(&width.to_le_bytes());
        bytes[image.start + 30..image.start + 32].fill(0xFF);
        map.seal(&mut bytes, position);
        sample.set_bytes(PATH, &bytes);
        let error = match open(&sample) {
            Ok(db) => Answers::all(&db, SIZE, 1).given.into_iter().find_map(|(_, answer)| answer.err()),
            Err(error) => Some(error),
        };
        let error = error.unwrap_or_else(|| panic!("{:?} is read", image.held));
        assert_eq!(error.kind(), ErrorKind::Corruption, "{:?}: {error}", image.held);
        let Held::Page(number, _) = image.held else { unreachable!("filtered above") };
        assert!(error.to_string().contains(&format!("page {number}")), "{error}");
        tried += 1;
    }
    assert!(tried > 6, "{tried}");
}

/// Two records name one value's page: when both give it up, it is freed twice.
#[test]
fn a_value_with_two_records_gives_answers_or_errors() {
    let sample = Sample::closed(24).disk;
    let mut bytes = sample.bytes(PATH).unwrap();
    let map = FileMap::of(&bytes);
    let position = map.images.iter().position(|image| image.held == Held::Page(6, 1)).unwrap();
    let leaf = map.images[position];
    // Stubs end with eight letters of the note and the page.
    let stubs: Vec<usize> = (leaf.start + 4..=leaf.start + leaf.len - 12)
        .filter(|at| &bytes[*at..at + 8] == b"nnnnnnnn")
        .filter(|at| (5_000..12_000).contains(&u32_at(&bytes, at - 4)) && u32_at(&bytes, at + 8) < 1_000)
        .collect();
    let [one, other] = stubs[..] else { panic!("{} stubs", stubs.len()) };
    bytes.copy_within(one - 4..one + 12, other - 4);
    map.seal(&mut bytes, position);
    for apart in [false, true] {
        let disk = sample.fork();
        disk.set_bytes(PATH, &bytes);
        let outcome = within_patience(move || {
            let shorten = |tx: &mut WriteTransaction<'_, _>, number: u64| {
                tx.update(&Owner { id: Id::new(number + 1), name: format!("owner {number}"), note: None })
            };
            let db = open(&disk).unwrap();
            let mut random = Random::new(24);
            if apart {
                let _ = db.write(|tx| shorten(tx, 0));
                let _ = db.checkpoint();
                let _ = db.write(|tx| shorten(tx, 20));
            } else {
                let _ = db.write(|tx| shorten(tx, 0).and(shorten(tx, 20)));
            }
            for _ in 0..4 {
                let _ = db.checkpoint();
                let _ = db.write(|tx| write_some(tx, &mut random));
            }
            let _ = db.close();
            use_it(&disk, &mut random)
        });
        assert!(outcome.is_ok(), "apart {apart}: {outcome:?}");
    }
}
