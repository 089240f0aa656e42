//! Compressed files: what is done to files in whole, and what the options and the statistics say of it.

use std::ops::ControlFlow;
use std::sync::Arc;

use epilog::integrity::Progress;
use epilog::prelude::*;
use epilog::{Compression, integrity};
use epilog_tests::disk::SimVfs;
use epilog_tests::format::{FileMap, Held, u32_at};
use epilog_tests::random::Random;
use epilog_tests::sample::{PATH, Sample, item, open_with};
use epilog_tests::simulation::model::{Item, Model, World};

const OTHER: &str = "other.epilog";

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn open_at(disk: &SimVfs, path: &str, compression: Compression) -> Database<World> {
    let options = Options::default().background(false).compression(compression);
    Database::open_in(Arc::new(disk.clone()), path, &options).unwrap()
}

fn model(disk: &SimVfs, path: &str) -> Model {
    Model::read(&open_at(disk, path, Compression::None)).unwrap()
}

/// How many images of pages the file has, and how many of them are compressed.
fn images(disk: &SimVfs, path: &str) -> (usize, usize) {
    let bytes = disk.bytes(path).unwrap();
    let map = FileMap::of(&bytes);
    let compressed = map.pages().filter(|image| bytes[image.start + 10] == 1);
    for image in map.pages() {
        let flag = bytes[image.entry + 6];
        assert_eq!(flag, bytes[image.start + 10], "entry and image agree: {image:?}");
    }
    (map.pages().count(), compressed.count())
}

/// The incompatible features that the newest header names, and its codec.
fn features(disk: &SimVfs, path: &str) -> (u32, u8) {
    let bytes = disk.bytes(path).unwrap();
    let slot = FileMap::of(&bytes).slot;
    (u32_at(&bytes, slot + 20), bytes[slot + 11])
}

fn len(disk: &SimVfs, path: &str) -> usize {
    disk.bytes(path).unwrap().len()
}

#[test]
fn a_compressed_file_has_the_same_records_and_fewer_bytes() {
    let [plain, compressed] =
        [Compression::None, Compression::Lz4].map(|compression| Sample::closed_with(1, compression).disk);
    assert!(model(&compressed, PATH) == model(&plain, PATH));
    let (pages, count) = images(&compressed, PATH);
    assert!(count > 3 && count < pages, "{count} of {pages}");
    assert_eq!(images(&plain, PATH), (pages, 0));
    assert_eq!((features(&plain, PATH), features(&compressed, PATH)), ((0, 0), (1, 1)));
    assert!(len(&compressed, PATH) < len(&plain, PATH));
    for disk in [plain, compressed] {
        let report = integrity::check_in(Arc::new(disk), PATH, &mut go_on).unwrap();
        assert!(report.is_sound(), "{report:?}");
    }
}

#[test]
fn a_backup_is_compressed_as_its_source_was_opened() {
    for before in [Compression::None, Compression::Lz4] {
        let disk = Sample::closed_with(2, before).disk;
        let right = model(&disk, PATH);
        for (number, now) in [Compression::None, Compression::Lz4].into_iter().enumerate() {
            let path = format!("copy {number}");
            let report =
                open_at(&disk, PATH, now).backup_to(Arc::new(disk.clone()), &path, &mut go_on).unwrap();
            assert_eq!(report.bytes as usize, len(&disk, &path));
            assert_eq!(images(&disk, &path).1 > 0, now == Compression::Lz4);
            assert_eq!(features(&disk, &path), if now == Compression::Lz4 { (1, 1) } else { (0, 0) });
            assert!(model(&disk, &path) == right);
        }
        assert!(len(&disk, "copy 1") < len(&disk, "copy 0"));
    }
}

#[test]
fn a_file_is_rewritten_page_by_page_as_the_present_options_say() {
    let disk = Sample::closed_with(3, Compression::Lz4).disk;
    let (pages, before) = images(&disk, PATH);
    let mut expected = model(&disk, PATH);
    let change = |compression, expected: &mut Model| {
        let db = open_with(&disk, compression).unwrap();
        let mut random = Random::new(3);
        let changed: Vec<Item> = expected.items.keys().map(|code| item(&mut random, *code)).collect();
        db.write(|tx| changed.iter().try_for_each(|item| tx.update(item).map(drop))).unwrap();
        expected.items.extend(changed.into_iter().map(|item| (item.code, item)));
        db.checkpoint().unwrap();
        let stats = db.stats();
        db.close().unwrap();
        (stats.page_bytes_written, stats.image_bytes_written)
    };
    let (page_bytes, image_bytes) = change(Compression::None, &mut expected);
    assert_eq!(page_bytes, image_bytes);
    assert!(images(&disk, PATH).1 < before, "some are not compressed any more");
    assert_eq!(features(&disk, PATH), (1, 1), "others are");
    let (page_bytes, image_bytes) = change(Compression::Lz4, &mut expected);
    assert!(image_bytes < page_bytes);
    assert!(images(&disk, PATH).1 > 0 && images(&disk, PATH).0 >= pages - 3);
    assert!(model(&disk, PATH) == expected);
}

#[test]
fn the_choice_is_among_the_statistics() {
    let disk = Sample::closed(4).disk;
    let said = |db: &Database<World>| {
        let stats = db.stats();
        let choice = stats.choices.into_iter().find(|choice| choice.setting == "compression").unwrap();
        (choice.value, choice.reason == "as the options say")
    };
    assert_eq!(said(&open_at(&disk, PATH, Compression::Lz4)), (1, true));
    let db = Database::open_in(Arc::new(disk.clone()), PATH, &Options::default()).unwrap();
    assert_eq!(said(&db), (0, false));
}

/// Compaction moves what is compressed, and the file ends up shorter.
#[test]
fn a_compressed_file_is_compacted() {
    let disk = Sample::closed_with(5, Compression::Lz4).disk;
    let db = open_at(&disk, PATH, Compression::Lz4);
    let mut random = Random::new(5);
    db.write(|tx| (10_000..13_000).try_for_each(|code| tx.insert(&item(&mut random, code)).map(drop)))
        .unwrap();
    db.checkpoint().unwrap();
    db.write(|tx| Item::query().filter(|i| i.code.ge(10_000)).delete().run(tx)).unwrap();
    db.checkpoint().unwrap();
    let right = Model::read(&db).unwrap();
    let done = db.compact().unwrap();
    assert!(done.after_bytes < done.before_bytes, "{done:?}");
    assert!(db.check().unwrap().is_sound());
    db.close().unwrap();
    assert!(images(&disk, PATH).1 > 0);
    assert!(model(&disk, PATH) == right);
}

#[test]
fn a_damaged_compressed_file_is_repaired_into_a_compressed_one() {
    let sound = Sample::closed_with(6, Compression::Lz4).disk;
    let right = model(&sound, PATH);
    let map = FileMap::of(&sound.bytes(PATH).unwrap());
    let mut losses = 0;
    for image in &map.images {
        let disk = sound.fork();
        disk.flip_bit(PATH, (image.start as u64 + 60) * 8);
        let report = Database::<World>::repair(Arc::new(disk.clone()), PATH, OTHER, &mut go_on)
            .unwrap_or_else(|error| panic!("{image:?}: {error}"));
        assert!(report.is_certain, "{image:?}");
        assert!(images(&disk, OTHER).1 > 0, "{image:?}");
        let db = open_at(&disk, OTHER, Compression::Lz4);
        let saved: Vec<Item> = Item::query().all(&db).unwrap();
        for item in &saved {
            // Any of the two that can be long may be lost.
            let was = &right.items[&item.code];
            assert!(was == item || item.bytes.is_empty() || item.words.is_empty(), "{image:?}: {item:?}");
        }
        if !matches!(image.held, Held::Page(..)) {
            assert!(report.is_complete(), "{image:?}: {:?}", report.losses);
            assert!(Model::read(&db).unwrap() == right, "{image:?}");
        }
        losses += usize::from(saved.len() < right.items.len());
    }
    assert!(losses > 1, "leaves of items were lost: {losses}");
}

/// As above, without any header: the images say themselves that they are compressed.
#[test]
fn a_compressed_file_without_headers_is_repaired() {
    let disk = Sample::closed_with(7, Compression::Lz4).disk;
    let right = model(&disk, PATH);
    for copy in 0..4 {
        disk.flip_bit(PATH, (copy * 4096 + 100) * 8);
    }
    let report = Database::<World>::repair(Arc::new(disk.clone()), PATH, OTHER, &mut go_on).unwrap();
    assert!(report.is_complete(), "{:?}", report.losses);
    assert!(images(&disk, OTHER).1 > 0);
    assert!(model(&disk, OTHER) == right);
}
