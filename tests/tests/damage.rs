//! Damaged files: a flipped bit, an old or misplaced image, a lost block, a cut file gives an error that says where, or
//! does no harm. It never gives a wrong answer or a panic.
//!
//! A small database is damaged in one way at a time, and asked for everything it holds; each answer is compared with the
//! sound database's. `EPILOG_DAMAGE=all` flips every bit of every file.

use std::sync::Arc;

use epilog::Compression;
use epilog::prelude::*;
use epilog::storage::StorageError;
use epilog::storage::pager::{Pager, PagerOptions};
use epilog_tests::answers::Answers;
use epilog_tests::disk::SimVfs;
use epilog_tests::format::{BLOCK_LEN, FileMap, HEADERS_LEN, Held, Image};
use epilog_tests::random::Random;
use epilog_tests::sample::{JOURNAL, PATH, SIZE, Sample, item, open, open_to_read, tag};
use epilog_tests::simulation::model::{Item, Tag};

/// What became of a damaged database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It could not be opened, or some questions got an error; none got a wrong answer.
    Detected,
    /// All answers are right.
    Harmless,
}

/// How much is asked.
#[derive(Debug, Clone, Copy)]
enum Depth {
    Glance,
    Some,
    All,
}

fn ask(db: &Database<epilog_tests::simulation::model::World>, depth: Depth) -> Answers {
    match depth {
        Depth::Glance => Answers::glance(db),
        Depth::Some => Answers::all(db, SIZE, 13),
        Depth::All => Answers::all(db, SIZE, 1),
    }
}

/// The right answers of a database.
struct Right {
    glance: Answers,
    some: Answers,
    all: Answers,
}

impl Right {
    fn of(disk: &SimVfs) -> Right {
        let db = open_to_read(disk).unwrap();
        let [glance, some, all] = [Depth::Glance, Depth::Some, Depth::All].map(|depth| ask(&db, depth));
        assert_eq!(all.errors().count(), 0, "{all:?}");
        Right { glance, some, all }
    }

    fn at(&self, depth: Depth) -> &Answers {
        match depth {
            Depth::Glance => &self.glance,
            Depth::Some => &self.some,
            Depth::All => &self.all,
        }
    }

    /// Asks the damaged database on `disk`. Its answers may also be those of `or`.
    fn check_or(&self, disk: &SimVfs, depth: Depth, or: Option<&Right>, damage: &str) -> Outcome {
        let db = match open_to_read(disk) {
            Ok(db) => db,
            Err(error) => {
                check_error(&error, damage);
                return Outcome::Detected;
            }
        };
        let answers = ask(&db, depth);
        for error in answers.errors() {
            check_error(error, damage);
        }
        if let Some(wrong) = answers.first_wrong(self.at(depth)) {
            let or_wrong = or.map(|or| answers.first_wrong(or.at(depth)));
            assert!(or_wrong == Some(None), "{damage}: {wrong}; {or_wrong:?}");
        }
        if answers.errors().count() > 0 { Outcome::Detected } else { Outcome::Harmless }
    }

    fn check(&self, disk: &SimVfs, depth: Depth, damage: &str) -> Outcome {
        self.check_or(disk, depth, None, damage)
    }
}

/// An error says that the file is damaged, and where.
fn check_error(error: &Error, damage: &str) {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::Corruption => {
            let places = ["page", "header", "free map", "journal", "catalog"];
            assert!(places.iter().any(|place| text.contains(place)), "{damage}: {text}");
            assert!(text.contains("damaged"), "{damage}: {text}");
        }
        // Of the file, or of its journal, whose name begins the same.
        ErrorKind::Truncated | ErrorKind::NotADatabase => assert!(text.contains(PATH), "{damage}: {text}"),
        other => panic!("{damage}: {other:?}: {text}"),
    }
}

/// Verifies every image of the file.
fn check_images(disk: &SimVfs) -> Result<(), StorageError> {
    let options = PagerOptions { read_only: true, ..PagerOptions::default() };
    Pager::open(Arc::new(disk.clone()), PATH, options)?.check()
}

/// An index that cannot be read is one that plans do without; nothing is asked of the empty trees of blobs and of scans.
fn is_index(image: &Image) -> bool {
    matches!(image.held, Held::Page(_, 3 | 4) | Held::Page(5 | 18, 1))
}

fn flips_all() -> bool {
    std::env::var("EPILOG_DAMAGE").is_ok_and(|value| value == "all")
}

/// Flips bits one after the other, and calls `check` with each. Of each byte in `dense` one bit is flipped, and so many
/// of the rest.
fn flip(disk: &SimVfs, path: &str, dense: &[Image], sample: usize, mut check: impl FnMut(usize, bool, &str)) {
    let len = disk.bytes(path).unwrap().len();
    let mut random = Random::new(len as u64);
    let is_dense =
        |byte: usize| dense.iter().any(|image| (image.start..image.start + image.len).contains(&byte));
    let mut bits: Vec<usize> = Vec::new();
    if flips_all() {
        bits.extend(0..len * 8);
    } else {
        bits.extend((0..len).filter(|byte| is_dense(*byte)).map(|byte| byte * 8 + random.below(8) as usize));
        bits.extend((0..sample).map(|_| random.below(len as u64 * 8) as usize));
    }
    for bit in bits {
        disk.flip_bit(path, bit as u64);
        check(bit / 8, is_dense(bit / 8), &format!("bit {} of byte {} of {path} flipped", bit % 8, bit / 8));
        disk.flip_bit(path, bit as u64);
    }
}

/// The images that everything else hangs on, and the used part of the headers.
fn vital(map: &FileMap) -> Vec<Image> {
    let vital = map.images.iter().filter(|image| !matches!(image.held, Held::Page(..))).copied();
    let header = |copy| Image { held: Held::Free, start: copy * BLOCK_LEN, len: 520, parent: None, entry: 0 };
    vital.chain((0..4).map(header)).collect()
}

#[test]
fn a_flipped_bit_of_a_closed_file_is_detected_or_harmless() {
    check_flips_of(&Sample::closed(1).disk);
}

#[test]
fn a_flipped_bit_of_a_compressed_file_is_detected_or_harmless() {
    check_flips_of(&compressed(1).disk);
}

/// A closed file most of whose leaves are compressed.
fn compressed(seed: u64) -> Sample {
    let sample = Sample::closed_with(seed, Compression::Lz4);
    let bytes = sample.disk.bytes(PATH).unwrap();
    let map = FileMap::of(&bytes);
    let compressed = map.pages().filter(|image| bytes[image.start + 10] == 1).count();
    assert!(compressed > 3, "{compressed} of {}", map.pages().count());
    sample
}

fn check_flips_of(disk: &SimVfs) {
    let right = Right::of(disk);
    let map = FileMap::of(&disk.bytes(PATH).unwrap());
    let mut detected = 0;
    flip(disk, PATH, &vital(&map), 150, |byte, is_dense, damage| {
        // A header that is another leads to another map, which a glance tells.
        let hit = map.images.iter().find(|image| (image.start..image.start + image.len).contains(&byte));
        let depth = if is_dense || flips_all() && hit.is_none() { Depth::Glance } else { Depth::All };
        let outcome = right.check(disk, depth, damage);
        if let Some(hit) = hit {
            // A plan that scans a small collection never looks at its indexes; a check of the file does.
            assert!(outcome == Outcome::Detected || is_index(hit), "{damage}: {hit:?}");
            assert!(outcome == Outcome::Detected || check_images(disk).is_err(), "{damage}: {hit:?}");
        } else {
            assert_eq!(outcome, Outcome::Harmless, "{damage}: each header has two copies");
        }
        detected += usize::from(outcome == Outcome::Detected);
    });
    assert!(detected > 100, "{detected}");
}

/// So that the other tests say something: the questions get to the whole file.
#[test]
fn damage_of_every_image_is_detected() {
    for Sample { disk, .. } in [Sample::closed(1), compressed(1)] {
        let right = Right::of(&disk);
        let map = FileMap::of(&disk.bytes(PATH).unwrap());
        check_images(&disk).unwrap();
        for image in &map.images {
            // Early in it, and in its last byte: a zero behind what is compressed.
            for at in [image.start + 100, image.start + image.len - 1] {
                disk.flip_bit(PATH, at as u64 * 8);
                let outcome = right.check(&disk, Depth::All, &format!("byte {at} of {image:?}"));
                assert!(outcome == Outcome::Detected || is_index(image), "byte {at} of {image:?}");
                assert!(check_images(&disk).is_err(), "byte {at} of {image:?}");
                disk.flip_bit(PATH, at as u64 * 8);
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_both_copies_of_a_header_is_detected_or_harmless() {
    for disk in [Sample::closed(2).disk, Sample::open(2).disk] {
        let right = Right::of(&disk);
        let mut random = Random::new(2);
        for slot in [0, 1] {
            for byte in (0..512).step_by(if flips_all() { 1 } else { 3 }) {
                let bit = random.below(8);
                let at = [2 * slot, 2 * slot + 1].map(|copy| ((copy * BLOCK_LEN + byte) * 8) as u64 + bit);
                at.iter().for_each(|at| disk.flip_bit(PATH, *at));
                right.check(&disk, Depth::Glance, &format!("bit {bit} of byte {byte} of slot {slot}"));
                at.iter().for_each(|at| disk.flip_bit(PATH, *at));
            }
        }
    }
}

#[test]
fn a_flipped_bit_of_a_journal_is_detected_or_harmless_but_in_the_last_group() {
    let Sample { disk, before, .. } = Sample::open(3);
    let right = Right::of(&disk);
    let right_before = Right::of(&before);
    let (bytes, bytes_before) = (disk.bytes(JOURNAL).unwrap(), before.bytes(JOURNAL).unwrap());
    let last: Vec<bool> = bytes.iter().zip(&bytes_before).map(|(byte, before)| byte != before).collect();
    let is_last = |byte: usize| {
        // A group is padded to whole blocks.
        let block = byte / BLOCK_LEN * BLOCK_LEN;
        last[block..block + BLOCK_LEN].contains(&true)
    };
    assert_eq!(
        (0..bytes.len()).step_by(BLOCK_LEN).filter(|at| is_last(*at)).count(),
        1,
        "one block, one group"
    );
    // The blocks that hold anything, from where the last checkpoint left off.
    let used = |at: &usize| bytes[*at..at + BLOCK_LEN].iter().any(|byte| *byte != 0);
    let used = (0..bytes.len()).step_by(BLOCK_LEN).filter(used);
    let dense: Vec<Image> = used
        .map(|start| Image {
            held: Held::Free,
            start,
            len: if flips_all() { BLOCK_LEN } else { 48 },
            parent: None,
            entry: 0,
        })
        .collect();
    let (mut detected, mut torn) = (0, 0);
    flip(&disk, JOURNAL, &dense, 200, |byte, _, damage| {
        let or = is_last(byte).then_some(&right_before);
        match right.check_or(&disk, Depth::Glance, or, damage) {
            Outcome::Detected => {
                assert!(!is_last(byte), "{damage}: the last group may have been torn");
                detected += 1;
            }
            Outcome::Harmless => torn += usize::from(is_last(byte)),
        }
    });
    assert!(detected > 100 && torn > 40, "{detected} {torn}");
}

#[test]
fn a_flipped_bit_of_the_file_beside_a_journal_is_detected_or_harmless() {
    let Sample { disk, .. } = Sample::open(4);
    let right = Right::of(&disk);
    let map = FileMap::of(&disk.bytes(PATH).unwrap());
    // The fields; all of a header's bytes are flipped above.
    let fields = vital(&map).into_iter().filter(|image| image.start < HEADERS_LEN);
    let fields: Vec<Image> = fields.map(|image| Image { len: 152, ..image }).collect();
    flip(&disk, PATH, &fields, 60, |byte, _, damage| {
        let depth = if byte < HEADERS_LEN { Depth::Glance } else { Depth::All };
        let outcome = right.check(&disk, depth, damage);
        if byte < HEADERS_LEN {
            assert_eq!(outcome, Outcome::Harmless, "{damage}: each header has two copies");
        }
    });
}

/// Asserts that `bytes` in place of the database file are found out.
fn check_detected(disk: &SimVfs, right: &Right, bytes: &[u8], at: &Image, damage: &str) {
    let sound = disk.bytes(PATH).unwrap();
    disk.set_bytes(PATH, bytes);
    let outcome = right.check(disk, Depth::All, damage);
    assert!(outcome == Outcome::Detected || is_index(at), "{damage} is not detected");
    assert!(check_images(disk).is_err(), "{damage} is not detected by a check of the file");
    disk.set_bytes(PATH, &sound);
}

#[test]
fn an_older_image_in_place_of_the_current_one_is_detected() {
    check_older_images(Sample::closed(5), 40);
}

#[test]
fn an_older_compressed_image_in_place_of_the_current_one_is_detected() {
    // Fewer, as images of a page are of several lengths.
    check_older_images(compressed(5), 15);
}

/// At least so many are tried.
fn check_older_images(Sample { disk, earlier, .. }: Sample, least: usize) {
    let right = Right::of(&disk);
    let bytes = disk.bytes(PATH).unwrap();
    let map = FileMap::of(&bytes);
    let mut tried = 0;
    for older in earlier {
        let older = older.bytes(PATH).unwrap();
        let older_map = FileMap::of(&older);
        for image in &map.images {
            let Some(old) = older_map.find(image.held).filter(|old| old.len == image.len) else { continue };
            let (old, now) = (&older[old.start..][..old.len], &bytes[image.start..][..image.len]);
            if old != now {
                let mut bytes = bytes.clone();
                bytes[image.start..][..image.len].copy_from_slice(old);
                check_detected(&disk, &right, &bytes, image, &format!("an older image as {image:?}"));
                tried += 1;
            }
        }
    }
    assert!(tried > least, "{tried}");
}

#[test]
fn images_that_were_swapped_are_detected() {
    let Sample { disk, .. } = Sample::closed(6);
    let right = Right::of(&disk);
    let bytes = disk.bytes(PATH).unwrap();
    let images = FileMap::of(&bytes).images;
    let pairs =
        images.iter().enumerate().flat_map(|(n, one)| images[..n].iter().map(move |other| (one, other)));
    let pairs: Vec<_> = pairs.filter(|(one, other)| one.len == other.len).collect();
    let step = if flips_all() { 1 } else { 3 };
    assert!(pairs.len() / step > 20, "{}", pairs.len());
    for (one, other) in pairs.into_iter().step_by(step) {
        let mut swapped = bytes.clone();
        swapped[one.start..][..one.len].copy_from_slice(&bytes[other.start..][..one.len]);
        swapped[other.start..][..one.len].copy_from_slice(&bytes[one.start..][..one.len]);
        // The first may be an index and the second not.
        let at = if is_index(one) { other } else { one };
        check_detected(&disk, &right, &swapped, at, &format!("{one:?} swapped with {other:?}"));
    }
}

#[test]
fn a_lost_block_is_detected_or_harmless() {
    for Sample { disk, before, .. } in [Sample::closed(7), Sample::open(7)] {
        let right = Right::of(&disk);
        let right_before = Right::of(&before);
        for path in disk.paths() {
            let sound = disk.bytes(&path).unwrap();
            for at in
                (0..sound.len()).step_by(BLOCK_LEN).filter(|at| sound[*at..][..BLOCK_LEN] != [0; BLOCK_LEN])
            {
                let mut bytes = sound.clone();
                bytes[at..at + BLOCK_LEN].fill(0);
                disk.set_bytes(&path, &bytes);
                let or = (path == JOURNAL).then_some(&right_before);
                right.check_or(&disk, Depth::Some, or, &format!("block {} of {path} zeroed", at / BLOCK_LEN));
            }
            disk.set_bytes(&path, &sound);
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_detected_or_harmless() {
    for Sample { disk, before, .. } in [Sample::closed(8), Sample::open(8)] {
        let right = Right::of(&disk);
        let right_before = Right::of(&before);
        let mut random = Random::new(8);
        for path in disk.paths() {
            let sound = disk.bytes(&path).unwrap();
            let blocks = (0..sound.len()).step_by(BLOCK_LEN);
            let odd = (0..40).map(|_| random.below(sound.len() as u64) as usize);
            for len in blocks.chain(odd.collect::<Vec<_>>()) {
                disk.set_bytes(&path, &sound[..len]);
                let damage = format!("{path} cut to {len} of {} bytes", sound.len());
                if path == PATH && len == 0 && disk.bytes(JOURNAL).is_none() {
                    // Nothing tells an emptied file from a new one.
                    continue;
                }
                let or = (path == JOURNAL).then_some(&right_before);
                let outcome = right.check_or(&disk, Depth::Some, or, &damage);
                assert!(path != PATH || outcome == Outcome::Detected, "{damage}");
            }
            disk.set_bytes(&path, &sound);
        }
    }
}

#[test]
fn rubbish_is_refused_and_not_touched() {
    let sound = Sample::closed(9).disk.bytes(PATH).unwrap();
    let mut random = Random::new(9);
    for number in 0..400 {
        let len =
            random.below(10) as usize * 4096 + if number % 2 == 0 { 0 } else { random.below(4096) as usize };
        let mut bytes = vec![0; len.max(1)];
        random.fill(&mut bytes);
        // Half look like a database's beginning.
        if number % 4 > 1 {
            for at in (0..bytes.len()).step_by(BLOCK_LEN) {
                let end = bytes.len().min(at + [8, 72, 508, 512][random.below(4) as usize]);
                bytes[at..end].copy_from_slice(&sound[at.min(HEADERS_LEN)..][..end - at]);
            }
        }
        let disk = SimVfs::new(number);
        disk.set_bytes(PATH, &bytes);
        if number % 8 > 3 {
            let mut journal = vec![0; random.below(5) as usize * 4000];
            random.fill(&mut journal);
            disk.set_bytes(JOURNAL, &journal);
        }
        let error = open(&disk).unwrap_err();
        check_error(&error, &format!("rubbish {number}"));
        assert_eq!(disk.bytes(PATH).unwrap(), bytes, "rubbish {number} was written to: {error}");
    }
}

#[test]
fn a_journal_that_is_not_the_files_own_is_refused() {
    let Sample { disk, earlier, .. } = Sample::open(10);
    let right = Right::of(&disk);
    let own = disk.bytes(JOURNAL).unwrap();
    let other = Sample::open(11).disk.bytes(JOURNAL).unwrap();
    let mut zeros = own.clone();
    zeros.fill(0);
    let mut headless = own.clone();
    headless[..BLOCK_LEN].fill(0);
    for (what, journal) in [
        ("an empty journal", &[][..]),
        ("one block", &own[..BLOCK_LEN]),
        ("zeros", &zeros),
        ("a journal without its header", &headless),
        ("a journal of another database", &other),
    ] {
        disk.set_bytes(JOURNAL, journal);
        assert_eq!(right.check(&disk, Depth::All, what), Outcome::Detected, "{what}");
        assert_eq!(disk.bytes(JOURNAL).unwrap(), journal, "{what}");
    }
    // A journal that has only a part of the commits is one whose last groups are lost, when it reaches the position in the
    // file's header. An older one is not told from it as long as its segment is the position's: what is then missing is all
    // since the checkpoint.
    let at_checkpoint = Right::of(earlier.last().unwrap());
    // An older file beside a newer journal, and the other way round.
    for (number, older) in earlier.iter().enumerate() {
        let mixed = older.fork();
        mixed.set_bytes(JOURNAL, &own);
        right.check(&mixed, Depth::All, &format!("the file of checkpoint {number} and the last journal"));
        let mixed = disk.fork();
        mixed.set_bytes(JOURNAL, &older.bytes(JOURNAL).unwrap());
        let damage = format!("the last file and journal {number}");
        right.check_or(&mixed, Depth::All, Some(&at_checkpoint), &damage);
    }
}

#[test]
fn a_journal_beside_a_clean_file_of_another_time_does_no_harm_unnoticed() {
    let Sample { disk, earlier, .. } = Sample::closed(12);
    let right = Right::of(&disk);
    for (number, older) in earlier.iter().enumerate() {
        let mixed = disk.fork();
        mixed.set_bytes(JOURNAL, &older.bytes(JOURNAL).unwrap());
        right.check(&mixed, Depth::All, &format!("the closed file and journal {number}"));
    }
    disk.set_bytes(JOURNAL, &Sample::open(13).disk.bytes(JOURNAL).unwrap());
    right.check(&disk, Depth::All, "the journal of another database");
}

#[test]
fn an_older_header_in_place_of_the_newest_is_detected_or_harmless() {
    for Sample { disk, earlier, .. } in [Sample::closed(14), Sample::open(14)] {
        let right = Right::of(&disk);
        let sound = disk.bytes(PATH).unwrap();
        let newest = FileMap::of(&sound).slot;
        for (number, older) in earlier.iter().enumerate() {
            let older = older.bytes(PATH).unwrap();
            for slot in [0, 2 * BLOCK_LEN] {
                let mut bytes = sound.clone();
                bytes[slot..slot + 2 * BLOCK_LEN].copy_from_slice(&older[slot..slot + 2 * BLOCK_LEN]);
                disk.set_bytes(PATH, &bytes);
                let damage =
                    format!("slot at {slot} (the newest is at {newest}) as it was at checkpoint {number}");
                right.check(&disk, Depth::All, &damage);
            }
            let mut bytes = sound.clone();
            bytes[..HEADERS_LEN].copy_from_slice(&older[..HEADERS_LEN]);
            disk.set_bytes(PATH, &bytes);
            right.check(&disk, Depth::All, &format!("both slots as they were at checkpoint {number}"));
        }
        let mut bytes = sound.clone();
        bytes[..HEADERS_LEN].rotate_left(2 * BLOCK_LEN);
        disk.set_bytes(PATH, &bytes);
        assert_eq!(right.check(&disk, Depth::All, "swapped slots"), Outcome::Detected);
    }
}

/// What can be read can also be written: no damage that is read over ends in a wrong answer later.
#[test]
fn writing_to_a_damaged_file_fails_or_is_right() {
    for sample in [Sample::closed(15), Sample::open(15)] {
        let right = Right::of(&sample.disk);
        let len = sample.disk.bytes(PATH).unwrap().len() as u64;
        let mut random = Random::new(15);
        for _ in 0..if flips_all() { 5_000 } else { 60 } {
            let disk = sample.disk.fork();
            let bit = random.below(len * 8);
            disk.flip_bit(PATH, bit);
            let damage = format!("bit {} of byte {} flipped", bit % 8, bit / 8);
            let Ok(db) = open(&disk) else { continue };
            let written = db.write(|tx| {
                tx.insert(&tag(&mut random, "a new one".into()))?;
                tx.delete_key::<Tag>("a new one".to_string())?;
                tx.insert(&item(&mut random, 5_000))?;
                tx.delete_key::<Item>(5_000)
            });
            if let Err(error) = &written {
                check_error(error, &damage);
            }
            if let Err(error) = db.close() {
                check_error(&error, &damage);
            }
            right.check(&disk, Depth::All, &damage);
        }
    }
}
