//! What an archive gives back after runs, removals, gaps, cut-off runs and damage.

mod readings;

use alloc::string::ToString;

use super::*;
use crate::storage::codec::checksum::crc32c;
use crate::storage::journal::EntryKind;
use crate::storage::vfs::MemoryVfs;

const DATABASE: [u8; 16] = *b"this is database";
const PATH: &str = "arch";

fn vfs() -> Arc<dyn Vfs> {
    Arc::new(MemoryVfs::new())
}

fn open(vfs: &Arc<dyn Vfs>, retention: Retention) -> Archive {
    Archive::open(vfs, PATH, DATABASE, retention).unwrap()
}

fn entry(commit: u64) -> Entry {
    let len = [5, 0, 900, 4_072, 3][commit as usize % 5];
    let kind = if commit.is_multiple_of(9) { EntryKind::Mark } else { EntryKind::Changes };
    Entry { commit, kind, payload: (0..len).map(|at| (commit * 7 + at) as u8).collect() }
}

fn add(archive: &mut Archive, commits: core::ops::RangeInclusive<u64>) {
    archive.add(&commits.map(entry).collect::<Vec<_>>()).unwrap();
}

/// Everything after `after`, read in small steps.
fn read(archive: &Archive, after: u64) -> Result<Vec<Entry>, StorageError> {
    let catalogue = archive.catalogue();
    let (mut after, mut position, mut entries) = (after, None, Vec::new());
    while let Some(reading) = catalogue.read_after(after, position, u64::MAX, 3_000)? {
        let commits = reading.entries.iter().map(|entry| entry.commit);
        assert!(commits.eq(after + 1..=after + reading.entries.len() as u64));
        after += reading.entries.len() as u64;
        position = Some(reading.position);
        entries.extend(reading.entries);
    }
    Ok(entries)
}

#[track_caller]
fn check(archive: &Archive, commits: core::ops::RangeInclusive<u64>) {
    let all: Vec<Entry> = commits.clone().map(entry).collect();
    assert_eq!(archive.oldest(), Some(commits.start() - 1));
    assert_eq!(archive.archived(), Some(*commits.end()));
    let step = 1 + all.len() / 50;
    for (skipped, after) in (commits.start() - 1..*commits.end()).enumerate().step_by(step) {
        assert!(read(archive, after).unwrap() == all[skipped..], "after {after}");
        // And without a position.
        let found = archive.catalogue().read_after(after, None, after + 1, 1).unwrap().unwrap();
        assert_eq!(found.entries, all[skipped..][..1]);
    }
    assert_eq!(read(archive, *commits.end()).unwrap(), []);
    if *commits.start() > 1 {
        assert!(archive.catalogue().read_after(commits.start() - 2, None, u64::MAX, 1).unwrap().is_none());
    }
}

fn bytes(vfs: &Arc<dyn Vfs>, path: &str) -> Vec<u8> {
    let file = vfs.open(path, OpenMode::Read).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

fn write(vfs: &Arc<dyn Vfs>, path: &str, bytes: &[u8]) {
    let file = vfs.open(path, OpenMode::Create).unwrap();
    file.set_len(0).unwrap();
    file.write_at(bytes, 0).unwrap();
}

#[test]
fn commits_come_back_over_files_and_openings() {
    let vfs = vfs();
    let mut last = 50;
    for run in 1..12 {
        let mut archive = open(&vfs, Retention::Bytes(1));
        archive.retention = Retention::Everything;
        // Short files all the same.
        archive.state.files.iter().for_each(|file| assert!(file.len < 40 << 10));
        for commit in last + 1..=last + run {
            if archive.state.end() > FILE_LEN_MIN {
                archive.begin_file(commit).unwrap();
            }
            add(&mut archive, commit..=commit);
        }
        assert_eq!(archive.archived(), (run > 1).then_some(last), "it counts when it is committed");
        archive.commit().unwrap();
        last += run;
        check(&archive, 51..=last);
        check(&open(&vfs, Retention::Everything), 51..=last);
    }
    assert!(vfs.exists("arch-000003").unwrap() && vfs.exists("arch-index").unwrap());
}

/// Goal: entries never get into a file that was begun after them. Method: the last file is nearly full; after an opening
/// one call adds what goes over its end.
#[test]
fn a_run_goes_over_the_end_of_a_file_that_was_opened_again() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Bytes(1));
    add(&mut archive, 1..=4);
    archive.commit().unwrap();
    assert_eq!((archive.state.files.len(), archive.state.end()), (1, 3 * BLOCK));
    let mut archive = open(&vfs, Retention::Bytes(64 << 10));
    add(&mut archive, 5..=30);
    archive.commit().unwrap();
    assert!(archive.state.files.len() > 1);
    check(&archive, 1..=30);
    check(&open(&vfs, Retention::Everything), 1..=30);
}

#[test]
fn a_gap_behind_what_is_not_written_yet_loses_nothing() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 1..=3);
    archive.commit().unwrap();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 4..=6);
    add(&mut archive, 11..=13);
    archive.commit().unwrap();
    check(&archive, 11..=13);
    let again = open(&vfs, Retention::Everything);
    check(&again, 11..=13);
    // What comes before the gap is whole too.
    let headers: Vec<FileHeader> = again.state.files.iter().map(|file| file.header).collect();
    assert_eq!(headers.iter().map(|header| header.first_commit).collect::<Vec<_>>(), [1, 11]);
    let mut scan = Scan::open(&*vfs, PATH, headers[0], BLOCK, 0, headers[0].chain).unwrap();
    for commit in 1..=6 {
        let read_at = None;
        assert_eq!(scan.next().unwrap(), Some(Archived::Commit { entry: entry(commit), read_at }));
    }
}

/// Goal: whatever is added in whatever calls, with openings between, is read back. Method: small retentions, short and long
/// entries, gaps now and then; after each commit everything that is there is compared.
#[test]
fn anything_added_over_openings_is_read_back() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |end: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    for round in 0..16 {
        let vfs = vfs();
        let retention = match round % 4 {
            0 => Retention::Everything,
            1 => Retention::Commits(1 + below(40)),
            _ => Retention::Bytes(1 + below(300 << 10)),
        };
        let mut archive = open(&vfs, retention);
        let (mut last, mut begins) = (0, 1);
        for _ in 0..20 {
            if below(3) == 0 {
                archive = open(&vfs, retention);
                assert_eq!(archive.archived().unwrap_or(0), last);
            }
            let mut next = last + 1;
            for _ in 0..1 + below(3) {
                if next > 1 && below(20) == 0 {
                    next += 1 + below(5);
                    begins = next;
                }
                let end = next + below(12);
                add(&mut archive, next..=end);
                next = end + 1;
            }
            archive.commit().unwrap();
            last = next - 1;
            let oldest = archive.oldest().unwrap();
            assert!(oldest + 1 >= begins, "round {round}");
            check(&archive, oldest + 1..=last);
            check(&open(&vfs, retention), oldest + 1..=last);
        }
    }
}

#[test]
fn old_files_are_removed_as_wholes() {
    for retention in [Retention::Bytes(100 << 10), Retention::Commits(300)] {
        let vfs = vfs();
        let mut archive = open(&vfs, retention);
        for run in 0..100 {
            add(&mut archive, run * 50 + 1..=run * 50 + 50);
            archive.commit().unwrap();
        }
        let oldest = archive.oldest().unwrap();
        assert!(oldest > 0, "{retention:?}");
        check(&archive, oldest + 1..=5_000);
        check(&open(&vfs, retention), oldest + 1..=5_000);
        let first = archive.state.files[0].header.number;
        assert!(first > 1 && !vfs.exists(&file_path(PATH, first - 1)).unwrap());
        match retention {
            Retention::Commits(count) => assert!(oldest <= 5_000 - count),
            _ => {
                let len: u64 = archive.state.files.iter().map(|file| file.len).sum();
                assert!((100 << 10..200 << 10).contains(&len), "{len} bytes");
            }
        }
    }
}

#[test]
fn files_that_a_removal_left_are_removed_later() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Bytes(1));
    add(&mut archive, 1..=40);
    archive.commit().unwrap();
    let first = archive.state.files[0].header.number;
    assert!(first > 1);
    write(&vfs, &file_path(PATH, first - 1), b"left");
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 41..=41);
    archive.commit().unwrap();
    assert!(!vfs.exists(&file_path(PATH, first - 1)).unwrap());
}

#[test]
fn commits_before_a_gap_are_not_part_of_what_can_be_read_on() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 1..=10);
    archive.commit().unwrap();
    add(&mut archive, 21..=30);
    archive.commit().unwrap();
    check(&archive, 21..=30);
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 31..=33);
    archive.commit().unwrap();
    check(&archive, 21..=33);
    assert!(archive.catalogue().read_after(5, None, u64::MAX, 1).unwrap().is_none());
}

#[test]
fn a_run_that_was_cut_off_is_made_again() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 1..=10);
    archive.commit().unwrap();
    let index = bytes(&vfs, "arch-index");
    // Its entries are there, its index is not: they are found, and count when they are synced.
    add(&mut archive, 11..=14);
    archive.commit().unwrap();
    write(&vfs, "arch-index", &index);
    let mut again = open(&vfs, Retention::Everything);
    assert_eq!((again.archived(), again.released()), (Some(14), 10));
    assert!(again.has_added());
    again.commit().unwrap();
    assert_eq!(again.released(), 14);
    check(&again, 1..=14);
    // Torn: the last of its entries is not there.
    write(&vfs, "arch-index", &index);
    let file = vfs.open("arch-000001", OpenMode::ReadWrite).unwrap();
    file.set_len(file.len().unwrap() - BLOCK).unwrap();
    let mut again = open(&vfs, Retention::Everything);
    let archived = again.archived().unwrap();
    assert!((10..14).contains(&archived), "{archived}");
    add(&mut again, archived + 1..=20);
    again.commit().unwrap();
    check(&open(&vfs, Retention::Everything), 1..=20);
}

#[test]
fn entries_of_several_files_are_found_behind_an_older_index() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 1..=3);
    archive.commit().unwrap();
    let index = bytes(&vfs, "arch-index");
    for commit in [4, 10] {
        archive.begin_file(commit).unwrap();
        add(&mut archive, commit..=commit + 5);
        archive.commit().unwrap();
    }
    write(&vfs, "arch-index", &index);
    let mut again = open(&vfs, Retention::Everything);
    check(&again, 1..=15);
    add(&mut again, 16..=30);
    again.commit().unwrap();
    check(&open(&vfs, Retention::Everything), 1..=30);
}

#[test]
fn a_first_run_that_was_cut_off_leaves_no_archive() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 1..=10);
    archive.commit().unwrap();
    let index = bytes(&vfs, "arch-index");
    for torn in [0, 100, 5_000, 8_192] {
        let mut bytes = index[..torn.min(index.len())].to_vec();
        bytes[..torn.min(4_096)].fill(0);
        if torn > 4_106 {
            bytes[4_106] ^= 1;
        }
        write(&vfs, "arch-index", &bytes);
        let mut archive = open(&vfs, Retention::Everything);
        assert_eq!(archive.archived(), None, "{torn}");
        add(&mut archive, 5..=12);
        archive.commit().unwrap();
        check(&open(&vfs, Retention::Everything), 5..=12);
    }
}

#[test]
fn an_archive_of_another_database_is_refused() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 1..=10);
    archive.commit().unwrap();
    let refused = Archive::open(&vfs, PATH, [7; 16], Retention::Everything).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("`arch-index` is of another database"), "{refused}");
}

/// Goal: no damage gives wrong entries. Method: every byte of an archive with several files and runs is spoilt; what is
/// read is right, as far as it goes, and where it ends early there is an error that names the file.
#[test]
fn damage_is_found_and_named() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    for run in 0..6 {
        add(&mut archive, run * 4 + 1..=run * 4 + 4);
        archive.commit().unwrap();
        if run == 2 {
            archive.begin_file(13).unwrap();
        }
    }
    let all: Vec<Entry> = (1..=24).map(entry).collect();
    let (mut named, mut harmless) = (0, 0);
    for path in ["arch-000001", "arch-000002", "arch-index"] {
        let sound = bytes(&vfs, path);
        for at in 0..sound.len() {
            // Payloads and padding are alike: a few of their bytes do.
            if at > 0 && sound[at] == sound[at - 1] && at % 61 != 0 {
                continue;
            }
            let mut spoilt = sound.clone();
            spoilt[at] ^= 1 << (at % 8);
            write(&vfs, path, &spoilt);
            let outcome = Archive::open(&vfs, PATH, DATABASE, Retention::Everything);
            match outcome.and_then(|archive| read(&archive, 0)) {
                Ok(found) => {
                    assert!(found == all, "byte {at} of {path}: {} entries", found.len());
                    harmless += 1;
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains(path), "byte {at} of {path}: {text}");
                    named += 1;
                }
            }
        }
        write(&vfs, path, &sound);
    }
    assert!(named > 500 && harmless > 100, "{named} named, {harmless} harmless");
}

#[test]
fn a_failure_forgets_the_run_and_the_next_one_makes_it() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 1..=10);
    archive.commit().unwrap();
    // The last file is gone: nothing can be appended to it.
    let file = bytes(&vfs, "arch-000001");
    vfs.remove("arch-000001").unwrap();
    archive.file = None;
    add(&mut archive, 11..=12);
    assert!(archive.commit().is_err());
    assert_eq!(archive.archived(), Some(10));
    write(&vfs, "arch-000001", &file);
    add(&mut archive, 11..=13);
    archive.commit().unwrap();
    check(&archive, 1..=13);
}

/// Both copies of an index that says this.
#[test]
fn a_run_that_is_forgotten_leaves_no_files() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Bytes(1 << 17));
    add(&mut archive, 1..=5);
    archive.commit().unwrap();
    let durable = (archive.durable.files.len() as u64, archive.durable.end());
    add(&mut archive, 6..=200);
    archive.write_staged(false).unwrap();
    assert!(archive.state.files.len() as u64 > durable.0 + 1, "the run takes several files");
    archive.forget();
    assert!(!vfs.exists(&file_path(PATH, durable.0 + 1)).unwrap());
    assert!(!vfs.exists(&file_path(PATH, durable.0 + 2)).unwrap());
    assert_eq!(bytes(&vfs, &file_path(PATH, durable.0)).len() as u64, durable.1);
    add(&mut archive, 6..=20);
    archive.commit().unwrap();
    check(&archive, 1..=20);
}

fn index_blocks(index: Index) -> Vec<u8> {
    [index.encode(), index.encode()].concat()
}

#[track_caller]
fn refused(vfs: &Arc<dyn Vfs>) -> StorageError {
    Archive::open(vfs, PATH, DATABASE, Retention::Everything).map(|_| ()).unwrap_err()
}

#[test]
fn an_index_that_names_what_cannot_be_is_refused_at_once() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 1..=10);
    archive.commit().unwrap();
    let sound = Index::decode(&bytes(&vfs, "arch-index")).unwrap();
    let impossible = [
        Index { last: u64::MAX, ..sound },
        Index { first: 0, ..sound },
        Index { first: 2, ..sound },
        Index { archived: u64::MAX, ..sound },
        Index { archived: 0, ..sound },
        Index { generation: u64::MAX, ..sound },
        Index { end: 0, ..sound },
        Index { end: 4_097, ..sound },
        Index { end: u64::MAX - 4_095, ..sound },
    ];
    for index in impossible {
        write(&vfs, "arch-index", &index_blocks(index));
        let error = refused(&vfs);
        assert!(error.to_string().contains("`arch-index` names files "), "{index:?}: {error}");
    }
    // As many files as may be, of which there is none, or the last.
    let many = Index { last: 1 << 62, ..sound };
    write(&vfs, "arch-index", &index_blocks(many));
    let error = refused(&vfs);
    assert!(error.to_string().contains("arch-4611686018427387904"), "{error}");
    let mut header = archive.state.files[0].header;
    header.number = many.last;
    write(&vfs, &file_path(PATH, header.number), &header.encode());
    vfs.remove("arch-000001").unwrap();
    let archive = open(&vfs, Retention::Everything);
    assert_eq!(archive.state.files.len(), 1);
}

#[test]
fn a_file_that_begins_where_none_can_is_refused() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 1..=10);
    archive.commit().unwrap();
    let sound = archive.state.files[0].header;
    let file = bytes(&vfs, "arch-000001");
    let impossible = [
        FileHeader { first_commit: 0, ..sound },
        FileHeader { first_commit: u64::MAX, ..sound },
        FileHeader { archived_before: u64::MAX, ..sound },
        FileHeader { archived_before: 1, ..sound },
    ];
    for header in impossible {
        write(&vfs, "arch-000001", &[&*header.encode(), &file[BLOCK as usize..]].concat());
        let error = refused(&vfs);
        assert!(error.to_string().contains("`arch-000001` says that it begins with commit "), "{error}");
    }
    // One that nobody names does not count.
    write(&vfs, "arch-000001", &file);
    let next =
        FileHeader { number: 2, first_commit: 0, archived_before: 10, chain: archive.state.chain, ..sound };
    write(&vfs, "arch-000002", &next.encode());
    check(&open(&vfs, Retention::Everything), 1..=10);
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 1..=10);
    archive.commit().unwrap();
    for (path, sealed) in [("arch-index", 76), ("arch-000001", 68)] {
        let sound = bytes(&vfs, path);
        let mut newer = sound.clone();
        newer[8..12].copy_from_slice(&3_u32.to_le_bytes());
        write(&vfs, path, &newer);
        if path == "arch-000001" {
            assert!(matches!(&*refused(&vfs), StorageFault::Corruption(_)), "the checksum is wrong");
        }
        let crc = crc32c(&newer[..sealed]);
        newer[sealed..sealed + 4].copy_from_slice(&crc.to_le_bytes());
        write(&vfs, path, &newer);
        let error = refused(&vfs);
        assert!(matches!(&*error, StorageFault::NewerFormat { found: 3, known: 2, .. }), "{path}: {error}");
        assert!(error.to_string().contains(path), "{error}");
        write(&vfs, path, &sound);
    }
    check(&open(&vfs, Retention::Everything), 1..=10);
}

#[test]
fn an_older_index_may_name_files_that_were_removed_but_none_in_between() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 1..=60);
    archive.commit().unwrap();
    let index = bytes(&vfs, "arch-index");
    let files: Vec<FileHeader> = archive.state.files.iter().map(|file| file.header).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    for commit in [61, 71, 81] {
        archive.begin_file(commit).unwrap();
        add(&mut archive, commit..=commit + 9);
    }
    archive.commit().unwrap();
    assert_ne!(bytes(&vfs, "arch-index"), index);
    let third = bytes(&vfs, "arch-000003");
    for path in ["arch-000001", "arch-000002"] {
        vfs.remove(path).unwrap();
        let from = if path == "arch-000001" { 61 } else { 71 };
        check(&open(&vfs, Retention::Everything), from..=90);
    }
    write(&vfs, "arch-000002", &third);
    vfs.remove("arch-000003").unwrap();
    let error = refused(&vfs);
    assert!(error.to_string().contains("arch-000003"), "{error}");
}
