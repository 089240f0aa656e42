//! Checks and backups: a sound database has no problems, each kind of damage is reported as what it is, and a backup is the
//! database or no file.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use epilog::integrity::{self, CheckReport, Phase, Progress, Structure};
use epilog::prelude::*;
use epilog::vfs::Vfs;
use epilog_tests::disk::{Cut, SimVfs};
use epilog_tests::format::{BLOCK_LEN, FileMap, Held, u32_at, u64_at};
use epilog_tests::random::Random;
use epilog_tests::sample::{PATH, SIZE, Sample, item, open, open_to_read, tag};
use epilog_tests::simulation::model::{Item, Model, Owner, World};

const COPY: &str = "copy.epilog";

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn exists(disk: &SimVfs, path: &str) -> bool {
    disk.exists(path).unwrap()
}

fn check(disk: &SimVfs) -> CheckReport {
    integrity::check_in(Arc::new(disk.clone()), PATH, &mut go_on).unwrap()
}

fn open_copy(disk: &SimVfs) -> Result<Database<World>, Error> {
    Database::open_in(Arc::new(disk.clone()), COPY, &Options::default())
}

/// Rewrites the database file and makes all checksums right again. `change` gets the image it asked for by its place.
fn forge(disk: &SimVfs, held: impl Fn(&Held, &[u8]) -> bool, change: impl Fn(&mut [u8])) {
    let mut bytes = disk.bytes(PATH).unwrap();
    let map = FileMap::of(&bytes);
    let position =
        map.images.iter().position(|image| held(&image.held, &bytes[image.start..image.start + image.len]));
    let position = position.expect("there is such an image");
    let image = map.images[position];
    change(&mut bytes[image.start..image.start + image.len]);
    map.seal(&mut bytes, position);
    disk.set_bytes(PATH, &bytes);
}

fn structures(report: &CheckReport) -> Vec<Structure> {
    let mut found: Vec<Structure> = Vec::new();
    for problem in &report.problems {
        if !found.contains(&problem.structure) {
            found.push(problem.structure);
        }
    }
    found
}

#[test]
fn a_sound_database_has_no_problems_closed_or_not() {
    for Sample { disk, .. } in [Sample::closed(3), Sample::open(3)] {
        let before = disk.bytes(PATH);
        let report = check(&disk);
        assert!(report.is_sound(), "{:#?}", report.problems);
        let db = open_to_read(&disk).unwrap();
        let model = Model::read(&db).unwrap();
        let records = model.owners.len() + model.items.len() + model.tags.len() + model.scans.len();
        assert_eq!((report.collections, report.records), (4, records as u64));
        // Names; owner and grade, reviewer, each word once, and those in partial indexes; name, holder, weight; owner.
        let words = |item: &Item| item.words.iter().collect::<HashSet<_>>().len();
        let in_parts = |item: &Item| usize::from(item.is_best()) + usize::from(item.reviewer.is_some());
        let of_items = model.items.values().map(|item| 2 + words(item) + in_parts(item)).sum::<usize>();
        let entries = model.owners.len() + of_items + 3 * model.tags.len() + model.scans.len();
        assert_eq!(report.entries, entries as u64);
        assert!(report.values >= 3 && report.images > 20 && report.pages >= report.images, "{report:?}");
        assert_eq!(db.check().unwrap(), report, "open or not, it is the same database");
        assert_eq!(disk.bytes(PATH), before, "nothing is written");
    }
}

#[test]
fn a_database_that_was_written_to_is_checked_as_it_is_now() {
    let Sample { disk, .. } = Sample::closed(4);
    let db = open(&disk).unwrap();
    let mut random = Random::new(4);
    for round in 0..6 {
        db.write(|tx| {
            for code in 2000..2300 {
                tx.insert(&item(&mut random, code + 1000 * round))?;
            }
            for code in (0..SIZE as i32 * 8).step_by(5) {
                tx.update(&item(&mut random, code))?;
            }
            tx.insert(&tag(&mut random, format!("round {round}"))).map(|_| ())
        })
        .unwrap();
        let report = db.check().unwrap();
        assert!(report.is_sound(), "{:#?}", report.problems);
        match round {
            2 => db.checkpoint().unwrap(),
            4 => db
                .write(|tx| {
                    for code in 2000..7000 {
                        if tx.get::<Item>(code)?.is_some() {
                            tx.delete_key::<Item>(code)?;
                        }
                    }
                    Ok(())
                })
                .unwrap(),
            _ => {}
        }
    }
    let report = db.check().unwrap();
    assert!(report.is_sound(), "{:#?}", report.problems);
    let memory: Database<World> = Database::in_memory().unwrap();
    assert!(memory.check().unwrap().is_sound());
    let mut free = tag(&mut random, "t".into());
    free.holder = None;
    memory.write(|tx| tx.insert(&free)).unwrap();
    let report = memory.check().unwrap();
    assert!(report.is_sound() && report.images == 0, "{:#?}", report.problems);
}

#[test]
fn damage_of_each_image_is_reported_with_its_page_and_the_rest_is_still_checked() {
    let Sample { disk, .. } = Sample::closed(1);
    let sound = check(&disk);
    let map = FileMap::of(&disk.bytes(PATH).unwrap());
    for image in &map.images {
        let disk = disk.fork();
        disk.flip_bit(PATH, (image.start as u64 + 100) * 8);
        let report = check(&disk);
        match image.held {
            Held::Page(number, kind) => {
                let first = &report.problems[0];
                assert_eq!((first.structure, first.page), (Structure::Image, Some(number)), "{report:?}");
                // A small catalog is a leaf a tree: without it nothing is known of what it describes.
                if number > 5 {
                    let tree = u32_at(&disk.bytes(PATH).unwrap(), image.start + 12);
                    let lost = sound.records - report.records;
                    // There are no scans.
                    assert_eq!(
                        lost == 0,
                        kind > 2 || tree == 19,
                        "kind {kind}: {lost} records are passed over"
                    );
                    assert!(lost < sound.records - 50, "the other collections are looked at");
                    assert!(!structures(&report).contains(&Structure::Pages), "unknown is not lost");
                }
            }
            Held::Map(..) => assert_eq!(report.problems[0].structure, Structure::PageMap, "{report:?}"),
            Held::Free => assert_eq!(report.problems[0].structure, Structure::FreeMap, "{report:?}"),
        }
    }
}

#[test]
fn a_damaged_copy_of_a_header_is_reported_while_the_other_serves() {
    let Sample { disk, .. } = Sample::closed(1);
    for copy in 0..4 {
        let disk = disk.fork();
        disk.flip_bit(PATH, (copy * BLOCK_LEN as u64 + 60) * 8);
        let report = check(&disk);
        assert_eq!(structures(&report), [Structure::Header], "{report:?}");
        assert_eq!(report.problem_count, 1);
    }
}

/// The sign of a zero is not in the key that an index has of it, but in what the index includes.
#[test]
fn included_values_are_compared_bit_for_bit() {
    let Sample { disk, .. } = Sample::closed(6);
    assert!(check(&disk).is_sound());
    let is_leaf_of_tags =
        |held: &Held, image: &[u8]| matches!(held, Held::Page(_, 1)) && u32_at(image, 12) == 18;
    forge(&disk, is_leaf_of_tags, |image| {
        let (rows, stride) = ((u32_at(image, 24) & 0xFFFF) as usize, (u32_at(image, 26) & 0xFFFF) as usize);
        // Rank, then the widest fields: holder, weight.
        let mut weights = (0..rows).map(|row| 40 + row * stride + 16);
        let zero = weights.find(|at| image[*at..*at + 8] == [0; 8]).expect("a weight of zero");
        image[zero + 7] = 0x80;
    });
    let report = check(&disk);
    let messages: Vec<&str> = report.problems.iter().map(|problem| &*problem.message).collect();
    let expected = ["it has no entry for the record", "an entry gives the record other values than it has"];
    assert_eq!(messages, expected, "{report:?}");
}

/// What no checksum tells: contents that contradict each other.
#[test]
fn contradictions_under_right_checksums_are_reported() {
    let Sample { disk, .. } = Sample::closed(5);
    let with = |held: &dyn Fn(&Held, &[u8]) -> bool, change: &dyn Fn(&mut [u8])| {
        let disk = disk.fork();
        forge(&disk, held, change);
        let report = check(&disk);
        assert!(!report.is_sound());
        report
    };
    // The catalog's ids are given out in order: 16 to 18 are the collections.
    let tree = |image: &[u8]| u32_at(image, 12);
    let is_leaf_of =
        |id: u32| move |held: &Held, image: &[u8]| matches!(held, Held::Page(_, 1)) && tree(image) == id;

    // A count in the statistics: rank, count, next; 24 bytes a row.
    let report = with(&|held, _| *held == Held::Page(4, 1), &|image| {
        let rows = u32_at(image, 24) & 0xFFFF;
        for row in 0..rows as usize {
            let at = 40 + row * (u32_at(image, 26) & 0xFFFF) as usize;
            if u64_at(image, at) == 16 {
                image[at + 8] ^= 1;
                image[at + 16] = 0;
            }
        }
    });
    let messages: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert!(
        messages
            .iter()
            .any(|text| text.contains("statistics of `Owner`") && text.contains("records are counted")),
        "{messages:?}"
    );

    // The owner of an item, which leads an index: a relation to nobody, an entry too many and one too few.
    let report = with(&is_leaf_of(17), &|image| {
        let stride = (u32_at(image, 26) & 0xFFFF) as usize;
        let row = 40 + 3 * stride;
        // Rank, then the widest fields: owner, reviewer.
        image[row + 8..row + 16].copy_from_slice(&77_777u64.to_le_bytes());
    });
    let found = structures(&report);
    assert!(found.contains(&Structure::Reference) && found.contains(&Structure::Index), "{report:?}");
    let index = report.problems.iter().filter(|problem| problem.structure == Structure::Index);
    let messages: Vec<&str> = index.map(|problem| &*problem.message).collect();
    assert!(messages.contains(&"it has no entry for the record"), "{messages:?}");
    assert!(messages.contains(&"an entry gives the record other values than it has"), "{messages:?}");

    // A text that is none.
    let report = with(&is_leaf_of(16), &|image| {
        let at = image.windows(6).position(|bytes| bytes == b"owner ").expect("a name");
        image[at] = 0xFF;
    });
    assert!(
        report.problems.iter().any(|problem| problem.message == "field `name` is no String"),
        "{:?}",
        report.problems
    );

    // An index entry's record.
    let report =
        with(&|held, image| matches!(held, Held::Page(_, 3)) && u32_at(image, 24) & 0xFFFF > 5, &|image| {
            // The last bytes of a slot's rest are the end of a rank.
            let count = (u32_at(image, 24) & 0xFFFF) as usize;
            let slot = 40 + 4 * count + 4 * 2;
            let (offset, len) =
                ((u32_at(image, slot) & 0xFFFF) as usize, (u32_at(image, slot) >> 16) as usize);
            image[offset + len - 4 - 1] ^= 0x80;
        });
    assert!(structures(&report).contains(&Structure::Index), "{report:?}");

    // A root that the catalog gives to two indexes.
    let report = with(&|held, _| *held == Held::Page(3, 1), &|image| {
        let stride = (u32_at(image, 26) & 0xFFFF) as usize;
        let root = |row: usize| 40 + row * stride + 12;
        let first = u32_at(image, root(0));
        image[root(1)..root(1) + 4].copy_from_slice(&first.to_le_bytes());
    });
    assert!(!report.problems.is_empty());
}

#[test]
fn checks_and_backups_go_on_beside_a_writer_that_checkpoints() {
    let Sample { disk, .. } = Sample::closed(6);
    let options = Options::default().journal_segment_len(16 * 4096).checkpoint_after(0);
    let db: Database<World> = Database::open_in(Arc::new(disk.clone()), PATH, &options).unwrap();
    let (stop, handle) = (Arc::new(AtomicBool::new(false)), db.clone());
    let stopped = Arc::clone(&stop);
    let writer = std::thread::spawn(move || {
        let mut random = Random::new(6);
        let mut commits = 0;
        while !stopped.load(Ordering::Relaxed) {
            handle
                .write(|tx| {
                    for _ in 0..20 {
                        let code = random.below(u64::from(SIZE) * 8) as i32;
                        tx.update(&item(&mut random, code))?;
                    }
                    let code = 5000 + commits % 300;
                    match tx.get::<Item>(code)? {
                        Some(_) => tx.delete_key::<Item>(code).map(|_| ()),
                        None => tx.insert(&item(&mut random, code)).map(|_| ()),
                    }
                })
                .unwrap();
            commits += 1;
        }
        commits
    });
    for round in 0..25 {
        let report = db.check().unwrap();
        assert!(report.is_sound(), "{:#?}", report.problems);
        let path = format!("copy {round}");
        let backup = db.backup_to(Arc::new(disk.clone()), &path, &mut go_on).unwrap();
        assert!(backup.commit >= report.commit);
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writer.join().unwrap() > 10, "the writer was not kept waiting");
}

#[test]
fn a_backup_is_the_database_as_of_one_commit() {
    for Sample { disk, .. } in [Sample::closed(7), Sample::open(7)] {
        let db = open(&disk).unwrap();
        let model = Model::read(&db).unwrap();
        let report = db.backup_to(Arc::new(disk.clone()), COPY, &mut go_on).unwrap();
        // What comes later is not in it.
        db.write(|tx| tx.insert(&tag(&mut Random::new(1), "later still".into())).map(|_| ())).unwrap();
        assert_eq!(report.bytes, disk.bytes(COPY).unwrap().len() as u64);
        assert!(report.bytes <= disk.bytes(PATH).unwrap().len() as u64, "free space is left out");
        assert!(!exists(&disk, &format!("{COPY}-journal")));

        let copy = open_copy(&disk).unwrap();
        assert!(Model::read(&copy).unwrap().same_records(&model));
        // It is a database to go on with, and gives out the numbers that its source would.
        let new = Owner { id: Id::auto(), name: "new".into(), note: None };
        let id = copy.write(|tx| tx.insert(&new)).unwrap();
        assert_eq!(db.write(|tx| tx.insert(&new)).unwrap(), id);
        copy.close().unwrap();
        let copy = open_copy(&disk).unwrap();
        assert_eq!(copy.get::<Owner>(id).unwrap().map(|owner| owner.name), Some("new".into()));
        assert!(copy.check().unwrap().is_sound());
        // And can be backed up itself.
        copy.backup_to(Arc::new(disk.clone()), "again", &mut go_on).unwrap();
    }
}

#[test]
fn a_database_in_memory_and_an_empty_one_can_be_backed_up() {
    let disk = SimVfs::new(1);
    let db: Database<World> = Database::in_memory().unwrap();
    db.backup_to(Arc::new(disk.clone()), "empty", &mut go_on).unwrap();
    let owner = Owner { id: Id::auto(), name: "o".into(), note: Some("n".repeat(20_000)) };
    let id = db.write(|tx| tx.insert(&owner)).unwrap();
    db.backup_to(Arc::new(disk.clone()), COPY, &mut go_on).unwrap();
    let copy = open_copy(&disk).unwrap();
    assert_eq!(copy.get::<Owner>(id).unwrap(), Some(Owner { id, ..owner }));
}

#[test]
fn a_backup_overwrites_nothing_and_leaves_nothing_behind_when_it_fails() {
    let Sample { disk, .. } = Sample::closed(8);
    let db = open(&disk).unwrap();
    let backup = |disk: &SimVfs, path: &str, tell: &mut dyn FnMut(Progress) -> ControlFlow<()>| {
        db.backup_to(Arc::new(disk.clone()), path, tell).unwrap_err()
    };
    let before = disk.bytes(PATH).unwrap();
    assert_eq!(backup(&disk, PATH, &mut go_on).kind(), ErrorKind::AlreadyExists);
    assert_eq!(disk.bytes(PATH).unwrap(), before);
    disk.set_bytes(&format!("{COPY}-journal"), b"left over");
    assert_eq!(backup(&disk, COPY, &mut go_on).kind(), ErrorKind::AlreadyExists, "a stale journal");
    disk.remove(&format!("{COPY}-journal")).unwrap();

    for phase in [Phase::Copy, Phase::Images, Phase::Records] {
        let mut stop = |progress: Progress| match progress.phase == phase {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        assert_eq!(backup(&disk, COPY, &mut stop).kind(), ErrorKind::Cancelled);
        assert!(!exists(&disk, COPY), "{phase:?}");
    }
    let full = SimVfs::new(0);
    full.set_capacity(Some(100_000));
    assert_eq!(backup(&full, COPY, &mut go_on).kind(), ErrorKind::Full);
    assert!(!exists(&full, COPY));
    drop(db);

    // A damaged leaf of records is no backup.
    let map = FileMap::of(&disk.bytes(PATH).unwrap());
    let leaf = map.pages().find(|image| matches!(image.held, Held::Page(5.., 1))).unwrap();
    disk.flip_bit(PATH, (leaf.start as u64 + 200) * 8);
    let db = open_to_read(&disk).unwrap();
    let error = db.backup_to(Arc::new(disk.clone()), COPY, &mut go_on).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corruption);
    assert!(!exists(&disk, COPY));
}

#[test]
fn a_backup_that_loses_power_says_that_it_is_unfinished_or_is_whole() {
    let Sample { disk, .. } = Sample::closed(9);
    let model = Model::read(&open_to_read(&disk).unwrap()).unwrap();
    let (mut unfinished, mut whole, mut absent) = (0, 0, 0);
    for seed in 0..6 {
        for operation in 0.. {
            let target = SimVfs::new(seed);
            target.cut_at(operation);
            let db = open_to_read(&disk).unwrap();
            let done = db.backup_to(Arc::new(target.clone()), COPY, &mut go_on);
            drop(db);
            if !target.is_off() {
                done.unwrap();
                break;
            }
            assert!(done.is_err(), "the power went");
            target.crash(Cut::Torn { seed: seed * 1000 + operation });
            let read = || {
                Database::<World>::open_in(
                    Arc::new(target.clone()),
                    COPY,
                    &Options::default().read_only(true),
                )
            };
            match read() {
                Ok(db) => {
                    // The very first sync was not reached, or the header was written.
                    if db.check().unwrap().records == 0 {
                        panic!("operation {operation}: an empty database");
                    }
                    assert!(Model::read(&db).unwrap().same_records(&model));
                    whole += 1;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => absent += 1,
                // Nothing of it reached the disk but its name and length: an empty file is a new database.
                Err(error) if error.kind() == ErrorKind::SchemaDiffers => {
                    let bytes = target.bytes(COPY).unwrap();
                    assert!(operation < 3 && bytes.iter().all(|byte| *byte == 0), "operation {operation}");
                    absent += 1;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::NotADatabase, "operation {operation}: {error}");
                    if error.to_string().contains("is unfinished") {
                        unfinished += 1;
                    } else {
                        assert!(operation < 4, "operation {operation}: {error}");
                    }
                }
            }
        }
    }
    assert!(unfinished > 10 && whole > 0 && absent > 0, "{unfinished} {whole} {absent}");
}
