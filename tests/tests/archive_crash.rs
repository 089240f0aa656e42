//! The archive on the simulated disk: operations that fail and are tried again, with the power cut at any moment.
//!
//! The test plays the pager: it adds what the archive does not have, and lets go of what the archive says it has for good.
//! After each cut the archive must have every commit that was let go, and nothing but what was added.

use std::sync::Arc;

use epilog::storage::StorageError;
use epilog::storage::archive::{Archive, Archived};
use epilog::storage::journal::{Entry, EntryKind, Retention};
use epilog::storage::vfs::Vfs;
use epilog_tests::disk::{Cut, Fault, SimVfs};

const DATABASE: [u8; 16] = [0xDB; 16];
const PATH: &str = "d/arch";
/// So many commits each run takes over.
const RUN: u64 = 7;

fn entry(commit: u64) -> Entry {
    let len = [5, 0, 900, 4_072, 3][commit as usize % 5];
    let payload = (0..len).map(|at| (commit * 7 + at) as u8).collect();
    Entry { commit, kind: EntryKind::Changes, payload }
}

fn open(disk: &SimVfs) -> Result<Archive, StorageError> {
    // Files of 16 KiB, of which none is removed.
    open_retaining(disk, 96 << 10)
}

/// Files of an eighth of `bytes`.
fn open_retaining(disk: &SimVfs, bytes: u64) -> Result<Archive, StorageError> {
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    Archive::open(&vfs, PATH, DATABASE, Retention::Bytes(bytes))
}

/// Adds what is missing up to `last`.
fn take_over(archive: &mut Archive, last: u64) -> Result<(), StorageError> {
    let after = archive.archived().unwrap_or(0);
    let entries: Vec<Entry> = (after + 1..=last).map(entry).collect();
    archive.add(&entries)?;
    archive.commit()
}

/// What the archive has from its first commit on.
fn read(archive: &Archive) -> Result<Vec<Entry>, StorageError> {
    let catalogue = archive.catalogue();
    let (mut entries, mut position) = (Vec::new(), None);
    let mut after = archive.oldest().unwrap_or(0);
    while let Some(reading) = catalogue.read_after(after, position, u64::MAX, 5_000)? {
        after += reading.entries.len() as u64;
        position = Some(reading.position);
        entries.extend(reading.entries);
    }
    Ok(entries)
}

/// Checks what a cut left, goes on with it, and checks again.
fn check(disk: &SimVfs, released: u64, added: u64, context: &str) {
    let outcome = (|| {
        let mut archive = open(disk)?;
        let archived = archive.archived().unwrap_or(0);
        assert!((released..=added).contains(&archived), "{context}: {archived} of {released} to {added}");
        assert_eq!(archive.oldest().unwrap_or(0), 0, "{context}");
        assert!(read(&archive)?.into_iter().eq((1..=archived).map(entry)), "{context}");
        take_over(&mut archive, added + RUN)?;
        let archive = open(disk)?;
        assert_eq!(archive.released(), added + RUN, "{context}");
        assert!(read(&archive)?.into_iter().eq((1..=added + RUN).map(entry)), "{context}");
        Ok::<_, StorageError>(())
    })();
    outcome.unwrap_or_else(|error| panic!("{context}: {error}"));
}

/// Makes so many runs, the one that fails again: only one operation does. Gives what was let go of, by the number of operations
/// before, and whether a run failed.
fn run_until_they_succeed(
    disk: &SimVfs,
    archive: &mut Archive,
    runs: u64,
    take_over: fn(&mut Archive, u64) -> Result<(), StorageError>,
) -> (Vec<(u64, u64)>, bool) {
    let mut released = vec![(0, 0)];
    let mut has_failed = false;
    for run in 1..=runs {
        while let Err(error) = take_over(archive, run * RUN) {
            let operations = disk.operations();
            assert!(
                !std::mem::replace(&mut has_failed, true),
                "after {operations} operations, again: {error}"
            );
            released.push((operations, archive.released()));
        }
        released.push((disk.operations(), archive.released()));
        assert_eq!(archive.released(), run * RUN);
    }
    (released, has_failed)
}

/// What was let go of before an operation.
fn released_before(released: &[(u64, u64)], operation: u64) -> u64 {
    let before = released.iter().rev().find(|(operations, _)| *operations <= operation);
    before.map_or(0, |(_, released)| *released)
}

/// Goal: a run that failed and is made again loses nothing that an index on the disk may name. Method: each operation of
/// three runs fails in turn, in each way, and the run is tried again at once; the power is cut at each operation from
/// there on, and what it leaves is read and gone on with.
#[test]
fn a_run_that_fails_and_is_made_again_loses_nothing_to_a_cut() {
    let mut cuts = 0;
    for fault in [Fault::Io, Fault::SyncForgets, Fault::Short(40)] {
        for at in 0.. {
            let disk = SimVfs::new(at);
            disk.remember_cuts();
            disk.fault_at(at, fault);
            let mut archive = open(&disk).unwrap();
            let (released, has_failed) = run_until_they_succeed(&disk, &mut archive, 3, take_over);
            // Cuts before the failure are those of the run without one, which is the last.
            let from = if has_failed { at as usize } else { 0 };
            for (cut, left) in disk.take_cuts().into_iter().enumerate().skip(from) {
                let released = released_before(&released, cut as u64);
                let torn = |seed| Cut::Torn { seed: seed ^ at << 20 ^ (cut as u64) << 32 };
                for how in [Cut::Lost, Cut::Kept, torn(1)] {
                    let left = left.fork();
                    left.crash(how);
                    check(&left, released, 3 * RUN, &format!("{fault:?} at {at}, cut at {cut}, {how:?}"));
                    cuts += 1;
                }
            }
            if disk.operations() <= at {
                break;
            }
        }
    }
    assert!(cuts > 2_000, "{cuts}");
}

/// A process that ends leaves what it wrote, and nobody has synced it.
#[test]
fn what_was_found_behind_the_index_is_synced_before_another_file_is_begun() {
    let disk = SimVfs::new(1);
    let mut archive = open(&disk).unwrap();
    take_over(&mut archive, 3).unwrap();
    // Longer than what is gathered before it is written.
    let long = |commit| Entry { commit, kind: EntryKind::Changes, payload: vec![commit as u8; 1 << 20] };
    archive.add(&[long(4)]).unwrap();
    drop(archive);
    let mut archive = open(&disk).unwrap();
    assert_eq!((archive.archived(), archive.released()), (Some(4), 3));
    archive.add(&[entry(5)]).unwrap();
    archive.commit().unwrap();
    assert_eq!(archive.released(), 5);
    disk.crash(Cut::Lost);
    let archive = open(&disk).unwrap();
    // The retention removes the first file.
    let oldest = archive.oldest().unwrap();
    let expected = (oldest + 1..=5).map(|commit| if commit == 4 { long(4) } else { entry(commit) });
    assert!(read(&archive).unwrap().into_iter().eq(expected));
}

/// What was read again as of `at`: more than a file has.
fn pieces(at: u64) -> Vec<Archived> {
    let payload = |n: u64| (0..15_000 + n).map(|byte| (at * 5 + n + byte) as u8).collect();
    (0..4).map(|n| Archived::Piece { payload: payload(n), is_last: n == 3 }).collect()
}

/// Adds what is missing up to `last`; the first of it and the one before the last are bulk commits, which are read again as of
/// `last`.
fn take_over_bulk(archive: &mut Archive, last: u64) -> Result<(), StorageError> {
    let first = archive.archived().unwrap_or(0) + 1;
    let outcome = (|| {
        if first <= last {
            archive.commit()?;
            archive.begin_reading(last);
            let kind = |commit| {
                if commit == first || commit + 1 == last { EntryKind::Mark } else { EntryKind::Changes }
            };
            for commit in first..=last {
                archive.add(&[Entry { kind: kind(commit), ..entry(commit) }])?;
            }
            for piece in pieces(last) {
                let Archived::Piece { payload, is_last } = piece else { unreachable!("those are pieces") };
                archive.add_piece(&payload, is_last)?;
            }
        }
        archive.commit()
    })();
    outcome.inspect_err(|_| archive.forget())
}

/// Checks that the archive has readings as wholes, one after the other, each of all that its marks name; returns the commits as
/// of which they were.
fn check_readings(archive: &Archive, context: &str) -> Result<Vec<u64>, StorageError> {
    let catalogue = archive.catalogue();
    let (mut ends, mut last) = (Vec::new(), 0);
    let Some(mut walk) = catalogue.walk(0)? else { return Ok(ends) };
    let mut found = Vec::new();
    while let Some(part) = walk.advance()? {
        match part {
            Archived::Commit { entry: now, read_at } => {
                assert_eq!(now.commit, last + 1, "{context}");
                assert_eq!(now.payload, entry(now.commit).payload, "{context}");
                assert_eq!(read_at.is_some(), now.kind == EntryKind::Mark, "{context}");
                ends.extend(read_at.filter(|at| ends.last() != Some(at)));
                last = now.commit;
            }
            piece => {
                let is_last = matches!(piece, Archived::Piece { is_last: true, .. });
                found.push(piece);
                assert_eq!(ends.last(), Some(&last), "{context}");
                if is_last {
                    assert!(core::mem::take(&mut found) == pieces(last), "{context}: the pieces of {last}");
                }
            }
        }
    }
    assert!(found.is_empty(), "{context}: half of the pieces of {last}");
    assert_eq!(ends.last().copied().unwrap_or(0), last, "{context}");
    Ok(ends)
}

/// Goal: a reading is there as a whole or not at all, whatever failed or was cut, and the next is not disturbed by what is
/// left of it. Method: as above, with runs that are readings over several files; those made after a cut are of other commits.
#[test]
fn a_reading_is_there_as_a_whole_or_not_at_all() {
    /// More than all of it.
    const BYTES: u64 = 400 << 10;
    let (mut cuts, mut undone) = (0, 0);
    for fault in [Fault::Io, Fault::SyncForgets, Fault::Short(40)] {
        for at in 0.. {
            let disk = SimVfs::new(at);
            disk.remember_cuts();
            disk.fault_at(at, fault);
            let mut archive = open_retaining(&disk, BYTES).unwrap();
            let (released, has_failed) = run_until_they_succeed(&disk, &mut archive, 2, take_over_bulk);
            let from = if has_failed { at as usize } else { 0 };
            for (cut, left) in disk.take_cuts().into_iter().enumerate().skip(from) {
                let released = released_before(&released, cut as u64);
                let torn = Cut::Torn { seed: at << 20 ^ (cut as u64) << 32 };
                let hows = [Cut::Lost, Cut::Kept, torn, torn];
                // After a failure, one for each cut.
                let these = if has_failed { &hows[(cut + at as usize) % 4..][..1] } else { &hows[..3] };
                for &how in these {
                    let left = left.fork();
                    left.crash(how);
                    let context = format!("{fault:?} at {at}, cut at {cut}, {how:?}");
                    let outcome = (|| {
                        let mut archive = open_retaining(&left, BYTES)?;
                        let archived = archive.archived().unwrap_or(0);
                        assert!(
                            [0, RUN, 2 * RUN].contains(&archived) && archived >= released,
                            "{context}: {archived}"
                        );
                        undone += u64::from(archived < 2 * RUN);
                        check_readings(&archive, &context)?;
                        take_over_bulk(&mut archive, archived + 3)?;
                        take_over_bulk(&mut archive, archived + 5)?;
                        let ends = check_readings(&open_retaining(&left, BYTES)?, &context)?;
                        assert!(ends.ends_with(&[archived + 3, archived + 5]), "{context}: {ends:?}");
                        Ok::<_, StorageError>(())
                    })();
                    outcome.unwrap_or_else(|error| panic!("{context}: {error}"));
                    cuts += 1;
                }
            }
            if disk.operations() <= at {
                break;
            }
        }
    }
    assert!(cuts > 400 && undone > 200, "{cuts}, {undone} undone");
}
