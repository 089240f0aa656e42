//! Repairs: whatever of a file is damaged, everything that is not on a damaged page is saved as it was, and what is lost is
//! said to be.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use epilog::Compression;
use epilog::integrity::{self, Phase, Progress, RepairReport, Structure};
use epilog::prelude::*;
use epilog::vfs::Vfs;
use epilog_tests::disk::SimVfs;
use epilog_tests::format::{BLOCK_LEN, FileMap, HEADERS_LEN, Held, Image, u32_at, u64_at};
use epilog_tests::random::Random;
use epilog_tests::sample::{self, JOURNAL, PATH, Sample, open_to_read};
use epilog_tests::simulation::model::{Item, Model, Owner, Scan, World};

const SAVED: &str = "saved.epilog";

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Repairs with the schema at hand, and reads what was saved. The source stays as it is.
fn repair(disk: &SimVfs) -> Result<(RepairReport, Model), Error> {
    let before = (disk.bytes(PATH), disk.bytes(JOURNAL));
    let report = Database::<World>::repair(Arc::new(disk.clone()), PATH, SAVED, &mut go_on);
    assert_eq!((disk.bytes(PATH), disk.bytes(JOURNAL)), before, "the source is not written to");
    let left: Vec<String> = disk.paths().into_iter().filter(|path| path.contains("-repair")).collect();
    assert!(left.is_empty(), "{left:?}");
    let report = report?;
    let db = Database::open_in(Arc::new(disk.clone()), SAVED, &Options::default().read_only(true))?;
    Ok((report, read(&db)))
}

/// The records, without the cross-checks, which a dangling relation would fail.
fn read(db: &Database<World>) -> Model {
    let mut model = Model::default();
    model.owners.extend(Owner::query().all(db).unwrap().into_iter().map(|owner| (owner.id.get(), owner)));
    model.items.extend(Item::query().all(db).unwrap().into_iter().map(|item| (item.code, item)));
    let tags = epilog_tests::simulation::model::Tag::query().all(db).unwrap();
    model.tags.extend(tags.into_iter().map(|tag| (tag.name.clone(), tag)));
    let tx = db.read().unwrap();
    for scan in Scan::query().all(&tx).unwrap() {
        let mut bytes = vec![0; scan.content.len() as usize];
        tx.blob_reader(scan.content).unwrap().read_at(0, &mut bytes).unwrap();
        model.scans.insert(scan.code, (scan.owner, bytes));
    }
    model
}

fn right(disk: &SimVfs) -> Model {
    read(&open_to_read(disk).unwrap())
}

fn complete(disk: &SimVfs, right: &Model, what: &str) -> RepairReport {
    let (report, saved) = repair(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(report.is_complete(), "{what}: {:#?}", report.losses);
    assert!(report.check.is_sound());
    assert!(saved.same_records(right), "{what}: not what was there");
    let records: u64 = report.collections.iter().map(|collection| collection.records).sum();
    assert_eq!(records as usize, right.owners.len() + right.items.len() + right.tags.len(), "{what}");
    report
}

/// The ranks of a leaf of records.
fn ranks(image: &[u8]) -> Vec<u64> {
    let (count, stride) = (u32_at(image, 24) & 0xFFFF, u32_at(image, 24) >> 16);
    (0..count).map(|row| u64_at(image, 40 + (row * stride) as usize)).collect()
}

fn bytes_of(disk: &SimVfs, image: &Image) -> Vec<u8> {
    disk.bytes(PATH).unwrap()[image.start..image.start + image.len].to_vec()
}

#[test]
fn a_sound_file_is_saved_whole_its_journal_included() {
    for Sample { disk, .. } in [Sample::closed(1), Sample::open(1)] {
        let right = right(&disk);
        let report = complete(&disk, &right, "nothing is damaged");
        assert!(report.damage.is_empty() && report.is_certain, "{report:?}");
        assert_eq!(report.journal_commits > 0, disk.exists(JOURNAL).unwrap());
        // Keys go on where they were.
        let new = Owner { id: Id::auto(), name: "new".into(), note: None };
        let db: Database<World> =
            Database::open_in(Arc::new(disk.clone()), SAVED, &Options::default()).unwrap();
        let id = db.write(|tx| tx.insert(&new)).unwrap();
        assert!(id.get() > *right.owners.keys().last().unwrap());
        assert!(db.check().unwrap().is_sound());
    }
}

/// All is in the journal until the first checkpoint, the founding of the catalog first.
#[test]
fn a_file_that_was_never_checkpointed_is_saved_from_its_journal() {
    let disk = SimVfs::new(11);
    let db = sample::open(&disk).unwrap();
    for name in ["one", "two", "three"] {
        let owner = Owner { id: Id::auto(), name: name.into(), note: None };
        db.write(|tx| tx.insert(&owner)).unwrap();
    }
    let left = disk.fork();
    drop(db);
    let right = right(&left.fork());
    assert_eq!(right.owners.len(), 3);
    let report = complete(&left.fork(), &right, "nothing is damaged");
    assert!(report.journal_commits >= 3, "{report:?}");
    // Of a damaged journal, what comes before the damage.
    let bytes = left.bytes(JOURNAL).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64;
    let disk = left.fork();
    disk.flip_bit(JOURNAL, last * 8 - 64);
    assert_eq!(repair(&disk).unwrap().1.owners.len(), 2);
    // Of one that is damaged from the start nothing, which is said.
    let disk = left.fork();
    disk.flip_bit(JOURNAL, 8 * 4096 + 400);
    let report = Database::<World>::repair(Arc::new(disk.clone()), PATH, SAVED, &mut go_on).unwrap();
    assert!(!report.is_complete() && report.journal_commits == 0, "{report:?}");
    let db: Database<World> = Database::open_in(Arc::new(disk), SAVED, &Options::default()).unwrap();
    assert_eq!(Owner::query().count(&db).unwrap(), 0);
}

/// Blocks shorter than 4 KiB: what lies out of line takes as many as it needs, and is saved.
#[test]
fn values_in_a_file_of_short_blocks_are_saved() {
    for compression in [Compression::None, Compression::Lz4] {
        let disk = SimVfs::new(12);
        let options = Options::default().block_size(512).page_size(1 << 10).compression(compression);
        let db: Database<World> =
            Database::open_in(Arc::new(disk.clone()), PATH, &options.background(false)).unwrap();
        let mut random = Random::new(12);
        let owner = Owner { id: Id::new(1), name: "owner".into(), note: None };
        let items: Vec<Item> = (0..60)
            .map(|code| {
                let bytes = (0..code as usize * 70).map(|_| random.draw() as u8).collect();
                Item { code, owner: owner.id, reviewer: None, grade: 1, words: Vec::new(), bytes }
            })
            .collect();
        let inserted = db.write(|tx| {
            tx.insert(&owner)?;
            tx.insert_all(&items)
        });
        inserted.unwrap();
        db.close().unwrap();
        let (bytes, map) = (disk.bytes(PATH).unwrap(), FileMap::of(&disk.bytes(PATH).unwrap()));
        let mut values = map.pages().filter(|image| bytes[image.start + 8] == 5);
        assert!(values.any(|image| image.len % 4096 != 0), "no value has blocks of its own length");
        let right = right(&disk);
        complete(&disk, &right, "nothing is damaged");
    }
}

/// One image at a time.
#[test]
fn everything_is_saved_that_is_not_on_the_damaged_page() {
    for (Sample { disk, .. }, is_closed) in [(Sample::closed(2), true), (Sample::open(2), false)] {
        let right = right(&disk);
        let map = FileMap::of(&disk.bytes(PATH).unwrap());
        for image in &map.images {
            let damaged = disk.fork();
            damaged.flip_bit(PATH, (image.start as u64 + 60) * 8);
            let what = format!("{image:?}");
            let (number, kind) = match image.held {
                Held::Page(number, kind) => (number, kind),
                Held::Map(..) | Held::Free => {
                    let report = complete(&damaged, &right, &what);
                    assert!(!report.damage.is_empty() || image.held == Held::Free, "{what}");
                    continue;
                }
            };
            // There are no scans: their leaf is empty.
            let tree = u32_at(&bytes_of(&disk, image), 12);
            if number <= 5 || matches!(kind, 2..=4) || tree == 19 {
                let report = complete(&damaged, &right, &what);
                assert!(report.damage.iter().any(|damage| damage.page == Some(number)), "{what}: {report:?}");
                continue;
            }
            let (report, saved) = repair(&damaged).unwrap();
            assert!(!report.is_complete(), "{what}");
            let bytes = bytes_of(&disk, image);
            if kind == 5 {
                // The one value is gone, and said to be.
                let loss = &report.losses[0];
                assert_eq!((report.loss_count, loss.structure), (1, Structure::Value), "{what}: {report:?}");
                let same_owners =
                    right.owners.iter().filter(|(id, owner)| saved.owners.get(id) == Some(owner));
                let same_items =
                    right.items.iter().filter(|(code, item)| saved.items.get(code) == Some(item));
                let same = same_owners.count() + same_items.count() + 1;
                let all = right.owners.len() + right.items.len();
                // What the journal has replaced is not what was lost.
                assert!(same == all || same == all + 1 && !is_closed, "{what}: {same} of {all}");
                continue;
            }
            // The records of the page are lost, but for those that the journal has.
            let lost: BTreeSet<u64> = ranks(&bytes).into_iter().collect();
            let tree = u32_at(&bytes, 12);
            let code_of = |rank: u64| (rank ^ 1 << 63) as i64 as i32;
            let mut missing = 0;
            for (id, owner) in &right.owners {
                let is_there = saved.owners.get(id) == Some(owner);
                assert!(is_there || tree == 16 && lost.contains(id), "{what}: owner {id}");
                missing += usize::from(!is_there);
            }
            for (code, item) in &right.items {
                let is_there = saved.items.get(code) == Some(item);
                let on_page = tree == 17 && lost.iter().any(|rank| code_of(*rank) == *code);
                assert!(is_there || on_page, "{what}: item {code}");
                missing += usize::from(!is_there);
            }
            let tags = right.tags.iter().filter(|(name, tag)| saved.tags.get(*name) != Some(tag)).count();
            assert!(tags == 0 || tree == 18, "{what}");
            missing += tags;
            assert!(missing <= lost.len() && (missing == lost.len() || !is_closed), "{what}: {missing}");
            let extra = saved.owners.len() + saved.items.len() + saved.tags.len() + missing;
            assert_eq!(
                extra,
                right.owners.len() + right.items.len() + right.tags.len(),
                "{what}: nothing comes back"
            );
            let said: u64 = report.collections.iter().filter_map(|collection| collection.lost).sum();
            assert_eq!(said as usize, lost.len(), "{what}: {report:?}");
            // Relations to lost owners are kept, and listed.
            let dangling = report.losses.iter().filter(|loss| loss.structure == Structure::Reference).count();
            assert_eq!(dangling > 0, tree == 16, "{what}: {report:?}");
        }
    }
}

/// A blob of which a part is lost is empty, and said to be; the others are whole.
#[test]
fn blobs_are_saved_whole_or_not_at_all() {
    let disk = SimVfs::new(8);
    let options = Options::default().background(false).blob_chunk(BLOCK_LEN);
    let db: Database<World> = Database::open_in(Arc::new(disk.clone()), PATH, &options).unwrap();
    db.write(|tx| {
        let owner = tx.insert(&Owner { id: Id::auto(), name: "owner".into(), note: None })?;
        for code in 0..6u16 {
            let mut writer = tx.blob_writer();
            writer.write_all(&vec![code as u8 + 1; 2500 * usize::from(code)])?;
            let content = writer.finish()?;
            tx.insert(&Scan { code, owner, content })?;
        }
        Ok(())
    })
    .unwrap();
    db.close().unwrap();
    let right = right(&disk);
    let map = FileMap::of(&disk.bytes(PATH).unwrap());
    let of_chunks = |image: &&Image| u32_at(&bytes_of(&disk, image), 12) == 5;
    let (mut values, mut leaves) = (0, 0);
    for image in map.pages().filter(of_chunks) {
        let damaged = disk.fork();
        damaged.flip_bit(PATH, (image.start as u64 + 60) * 8);
        let (report, saved) = repair(&damaged).unwrap();
        let lost = right.scans.iter().filter(|(code, scan)| saved.scans.get(code) != Some(scan));
        let lost: Vec<u16> = lost.map(|(code, _)| *code).collect();
        assert!(lost.iter().all(|code| saved.scans[code].1.is_empty()), "{image:?}: {lost:?}");
        assert_eq!(report.loss_count, lost.len() as u64, "{image:?}: {report:?}");
        for (loss, code) in report.losses.iter().zip(&lost) {
            assert_eq!(loss.structure, Structure::Value);
            assert_eq!(loss.record, Some(code.to_string()));
        }
        assert_eq!(saved.owners, right.owners);
        match matches!(image.held, Held::Page(_, 5)) {
            true => (values, leaves) = (values + lost.len(), leaves),
            false => (values, leaves) = (values, leaves + lost.len()),
        }
    }
    // Each of ten chunks on a page of its own takes its blob along (all of more than a quarter of the leaf's 4 KiB); the
    // leaf has all five that have bytes.
    assert_eq!((values, leaves), (10, 5));
    assert_eq!(repair(&disk).unwrap().1, right);
}

#[test]
fn a_lost_catalog_is_made_up_for_by_an_earlier_image_or_a_schema_or_refused() {
    let Sample { disk, .. } = Sample::closed(3);
    for number in 1..=3 {
        let damaged = disk.fork();
        let map = FileMap::of(&disk.bytes(PATH).unwrap());
        let image =
            *map.pages().find(|image| matches!(image.held, Held::Page(page, _) if page == number)).unwrap();
        damaged.flip_bit(PATH, (image.start as u64 + 60) * 8);
        complete(&damaged, &right(&disk), "with a schema");
        let alone = damaged.fork();
        alone.remove(SAVED).unwrap();
        match integrity::repair_in(Arc::new(alone.clone()), PATH, SAVED, &mut go_on) {
            Ok(report) => assert!(report.is_complete()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corruption);
                assert!(error.to_string().contains("declares its schema"), "{error}");
                assert!(!alone.exists(SAVED).unwrap());
            }
        }
    }
}

#[test]
fn lost_headers_are_made_up_for_by_the_page_map() {
    let Sample { disk, .. } = Sample::closed(4);
    let right = right(&disk);
    let newest = FileMap::of(&disk.bytes(PATH).unwrap()).slot / BLOCK_LEN;
    for blocks in [vec![newest, newest + 1], vec![0, 1, 2, 3], vec![newest]] {
        let damaged = disk.fork();
        let mut bytes = damaged.bytes(PATH).unwrap();
        for block in &blocks {
            bytes[block * BLOCK_LEN..(block + 1) * BLOCK_LEN].fill(0xA5);
        }
        damaged.set_bytes(PATH, &bytes);
        complete(&damaged, &right, &format!("blocks {blocks:?}"));
    }
    // With the map gone as well, images speak for themselves; what was deleted may be among them.
    let damaged = disk.fork();
    let mut bytes = damaged.bytes(PATH).unwrap();
    let map = FileMap::of(&bytes);
    bytes[..HEADERS_LEN].fill(0);
    for image in map.images.iter().filter(|image| matches!(image.held, Held::Map(..) | Held::Free)) {
        bytes[image.start..image.start + image.len].fill(0);
    }
    damaged.set_bytes(PATH, &bytes);
    let (report, saved) = repair(&damaged).unwrap();
    assert!(!report.is_certain);
    assert!(right.owners.iter().all(|(id, owner)| saved.owners.get(id) == Some(owner)));
    assert!(right.items.iter().all(|(code, item)| saved.items.get(code) == Some(item)));
    assert!(right.tags.iter().all(|(name, tag)| saved.tags.get(name) == Some(tag)));
}

#[test]
fn a_damaged_journal_gives_what_can_be_read_of_it() {
    let Sample { disk, .. } = Sample::open(5);
    let right = right(&disk);
    let checkpointed = {
        let bare = disk.fork();
        bare.remove(JOURNAL).unwrap();
        let (report, saved) = repair(&bare).unwrap();
        assert_eq!(report.losses[0].structure, Structure::Journal, "{report:?}");
        saved
    };
    // The commits behind the damage are lost, and those before it are not.
    let bytes = disk.bytes(JOURNAL).unwrap();
    let place = |name: &str| bytes.windows(name.len()).rposition(|found| found == name.as_bytes()).unwrap();
    for number in [2, 4, 8] {
        let damaged = disk.fork();
        damaged.flip_bit(JOURNAL, place(&format!("later {number}")) as u64 * 8);
        let (report, saved) = repair(&damaged).unwrap();
        assert!(report.losses.iter().any(|loss| loss.structure == Structure::Journal), "{report:?}");
        assert!(report.journal_commits >= number, "{report:?}");
        let later = |name: &String| name.starts_with("later");
        assert_eq!(saved.tags.keys().filter(|name| later(name)).count() as u64, number);
        assert_eq!(saved.owners, right.owners);
    }
    // The last one may never have been durable.
    let damaged = disk.fork();
    damaged.flip_bit(JOURNAL, place("last") as u64 * 8);
    let (report, saved) = repair(&damaged).unwrap();
    assert!(report.is_complete() && saved.tags.len() + 1 == right.tags.len(), "{report:?}");
    assert!(checkpointed.tags.len() + 12 == right.tags.len());
}

/// Many kinds of damage at once: there is always an answer, and never a record that was not there.
#[test]
fn whatever_is_damaged_nothing_is_made_up() {
    let Sample { disk, earlier, .. } = Sample::closed(6);
    let right = right(&disk);
    // Older versions may come back, when it is said that they may.
    let mut known: Vec<Model> = earlier
        .iter()
        .map(|disk| {
            let disk = disk.fork();
            disk.crash(epilog_tests::disk::Cut::Kept);
            right_or_empty(&disk)
        })
        .collect();
    known.push(right);
    let len = disk.bytes(PATH).unwrap().len() as u64;
    let mut random = Random::new(6);
    let (mut saved_some, mut uncertain) = (0, 0);
    for round in 0..25 {
        let damaged = disk.fork();
        for _ in 0..1 << random.below(6) {
            let mut bytes = damaged.bytes(PATH).unwrap();
            let block = random.below(len / BLOCK_LEN as u64) as usize * BLOCK_LEN;
            match random.below(3) {
                0 => bytes[block..block + BLOCK_LEN].fill(0),
                1 => random.fill(&mut bytes[block..block + BLOCK_LEN]),
                _ => bytes[block + random.below(BLOCK_LEN as u64) as usize] ^= 1 << random.below(8),
            }
            damaged.set_bytes(PATH, &bytes);
        }
        let Ok((report, saved)) = repair(&damaged) else { continue };
        saved_some += 1;
        uncertain += usize::from(!report.is_certain);
        let right = known.last().unwrap();
        for (id, owner) in &saved.owners {
            let blanked = |was: &Owner| Owner { note: None, ..was.clone() };
            let fits = |model: &Model| {
                model.owners.get(id).is_some_and(|was| was == owner || blanked(was) == *owner)
            };
            assert!(
                fits(right) || !report.is_certain && known.iter().any(fits),
                "round {round}: owner {owner:?}"
            );
        }
        for (code, item) in &saved.items {
            // Any of the two that can be long may be lost.
            let is_left = |was: &Item| {
                let bytes = if item.bytes.is_empty() { &item.bytes } else { &was.bytes };
                let words = if item.words.is_empty() { &item.words } else { &was.words };
                *item == Item { bytes: bytes.clone(), words: words.clone(), ..was.clone() }
            };
            let fits = |model: &Model| model.items.get(code).is_some_and(is_left);
            assert!(
                fits(right) || !report.is_certain && known.iter().any(fits),
                "round {round}: item {item:?}"
            );
        }
    }
    assert!(saved_some > 12, "{saved_some} {uncertain}");
}

fn right_or_empty(disk: &SimVfs) -> Model {
    open_to_read(disk).map_or_else(|_| Model::default(), |db| read(&db))
}

#[test]
fn a_repair_overwrites_nothing_and_leaves_nothing_behind_when_it_is_ended() {
    let Sample { disk, .. } = Sample::closed(7);
    let ask = |tell: &mut dyn FnMut(Progress) -> ControlFlow<()>| {
        integrity::repair_in(Arc::new(disk.clone()), PATH, SAVED, tell).map(|_| ())
    };
    let before = disk.paths();
    for phase in [Phase::Search, Phase::Rebuild, Phase::Copy, Phase::Images, Phase::Records] {
        let mut stop = |progress: Progress| match progress.phase == phase {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        assert_eq!(ask(&mut stop).unwrap_err().kind(), ErrorKind::Cancelled, "{phase:?}");
        assert_eq!(disk.paths(), before, "{phase:?}");
    }
    disk.set_bytes(SAVED, b"precious");
    assert_eq!(ask(&mut go_on).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(disk.bytes(SAVED).unwrap(), b"precious");
    disk.set_bytes("text", b"no database at all");
    let error = integrity::repair_in(Arc::new(disk.clone()), "text", "t", &mut go_on).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADatabase);
}
