//! Rot: bits flipped, images replaced by older ones and swapped in the files that a workload left. What is read is right,
//! or an error says what is damaged.

use std::sync::Arc;

use epilog::prelude::*;
use epilog::storage::pager::{Pager, PagerOptions};

use super::model::Model;
use super::{PATH, Report, Setup, guarded};
use crate::disk::SimVfs;
use crate::format::{BLOCK_LEN, FileMap, Held, Image, u32_at};
use crate::random::Random;

/// The journal beside the database.
const JOURNAL: &str = "world.epilog-journal";

/// Damages of each kind that are tried in each file.
const TRIES: u64 = 6;

/// What became of a damaged database.
#[derive(PartialEq)]
enum Outcome {
    Detected,
    /// It was read, and is this one of the states that it may be.
    Read(usize),
}

/// Opens and reads everything.
fn read(disk: &SimVfs, setup: &Setup, states: &[&Model]) -> Outcome {
    let read = setup.open(&disk.fork()).and_then(|db| Model::read(&db));
    match read {
        Ok(read) => match states.iter().position(|state| state.same_records(&read)) {
            Some(position) => Outcome::Read(position),
            None => panic!("a wrong answer and no error:\n{read:?}"),
        },
        Err(error) => {
            let kind = error.kind();
            assert!(matches!(kind, ErrorKind::Corruption | ErrorKind::Truncated), "{kind:?}: {error}");
            Outcome::Detected
        }
    }
}

/// Whether a check of all images finds something.
fn is_found_by_check(disk: &SimVfs) -> bool {
    let options = PagerOptions { read_only: true, ..PagerOptions::default() };
    Pager::open(Arc::new(disk.clone()), PATH, options).and_then(|pager| pager.check()).is_err()
}

/// Whether `image` holds nothing but pages of indexes, or leads to nothing else. Plans do without an index that cannot be
/// read.
fn is_of_indexes(map: &FileMap, image: &Image) -> bool {
    let leads_to = |other: &&Image| other.parent.is_some_and(|parent| map.images[parent].held == image.held);
    match image.held {
        Held::Page(_, kind) => matches!(kind, 3 | 4),
        Held::Map(..) => map.images.iter().filter(leads_to).all(|led_to| is_of_indexes(map, led_to)),
        Held::Free => false,
    }
}

/// Damages the file on `disk`, which was closed in `state`; `earlier` is the disk at earlier times.
pub fn spoil_file(
    story: &str,
    setup: &Setup,
    (disk, earlier): (&SimVfs, &[SimVfs]),
    state: &Model,
    random: &mut Random,
    report: &mut Report,
) {
    let Some(bytes) = disk.bytes(PATH) else { return };
    let map = FileMap::of(&bytes);
    let mut damages: Vec<(&'static str, Image, Vec<u8>)> = Vec::new();
    for _ in 0..TRIES.min(map.images.len() as u64 * TRIES) {
        let image = map.images[random.below(map.images.len() as u64) as usize];
        let bit = image.start as u64 * 8 + random.below(image.len as u64 * 8);
        let mut rotten = bytes.clone();
        rotten[bit as usize / 8] ^= 1 << (bit % 8);
        damages.push(("flipped bit", image, rotten));
    }
    for (older, image) in earlier.iter().flat_map(|older| map.images.iter().map(move |image| (older, image)))
    {
        let Some(older) = older.bytes(PATH).filter(|older| older.len() > 4 * BLOCK_LEN) else { continue };
        let Some(old) = FileMap::of(&older).find(image.held).copied() else { continue };
        let mut stale = bytes.clone();
        if old.len == image.len && random.chance(1, 4) {
            stale[image.start..][..image.len].copy_from_slice(&older[old.start..][..old.len]);
            if stale != bytes {
                damages.push(("stale image", *image, stale));
            }
        }
    }
    for _ in 0..if map.images.len() > 1 { TRIES } else { 0 } {
        let [one, other] = [(); 2].map(|()| map.images[random.below(map.images.len() as u64) as usize]);
        let mut swapped = bytes.clone();
        if one.len == other.len && one.start != other.start {
            swapped[one.start..][..one.len].copy_from_slice(&bytes[other.start..][..one.len]);
            swapped[other.start..][..one.len].copy_from_slice(&bytes[one.start..][..one.len]);
            // The first may be an index and the second not.
            damages.push(("swapped images", if is_of_indexes(&map, &one) { other } else { one }, swapped));
        }
    }
    for (name, image, damaged) in damages {
        *report.faults.entry(name).or_default() += 1;
        disk.set_bytes(PATH, &damaged);
        let outcome = guarded(|| {
            let outcome = read(disk, setup, &[state]);
            assert!(outcome == Outcome::Detected || is_of_indexes(&map, &image), "it is not noticed");
            assert!(is_found_by_check(disk), "a check does not notice it");
        });
        if let Err(problem) = outcome {
            report.failures.push(format!("{story}, {name} in {:?}: {problem}", image.held));
        }
    }
    disk.set_bytes(PATH, &bytes);
}

/// Flips bits of the journal on `disk`, which was left in the last of `states`. The one before it is what is there without
/// the last group of commits: damage confined to that group looks as if it had never been synced.
pub fn spoil_journal(
    story: &str,
    setup: &Setup,
    disk: &SimVfs,
    (states, durable_before): (&[Model], usize),
    random: &mut Random,
    report: &mut Report,
) {
    let Some(bytes) = disk.bytes(JOURNAL) else { return };
    let used: Vec<usize> = (0..bytes.len())
        .step_by(8)
        .filter(|at| u32_at(&bytes, *at) != 0 || u32_at(&bytes, *at + 4) != 0)
        .collect();
    let allowed: Vec<&Model> = states.iter().skip(durable_before).collect();
    for _ in 0..TRIES * 2 {
        *report.faults.entry("flipped bit of a journal").or_default() += 1;
        let at = used[random.below(used.len() as u64) as usize];
        let bit = at as u64 * 8 + random.below(64);
        disk.flip_bit(JOURNAL, bit);
        if let Err(problem) = guarded(|| {
            read(disk, setup, &allowed);
        }) {
            report.failures.push(format!("{story}, bit {bit} of the journal flipped: {problem}"));
        }
        disk.flip_bit(JOURNAL, bit);
    }
}
