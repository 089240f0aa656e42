//! What bulk commits changed, read again: over files, openings, lost indexes, torn ends and removals.

use super::*;

/// Pieces of some lengths.
fn pieces(at: u64) -> Vec<Vec<u8>> {
    (0..1 + at % 4)
        .map(|piece| vec![(at + piece) as u8; [40, 5_000, 0, 90_000][(at + piece) as usize % 4]])
        .collect()
}

fn mark(commit: u64) -> Entry {
    match commit.is_multiple_of(2) {
        true => Entry { commit, kind: EntryKind::Mark, payload: vec![commit as u8; 13] },
        false => Entry { commit, kind: EntryKind::Unmarked, payload: Vec::new() },
    }
}

/// Commits `first` to `at`, of which `first` and those that 5 divides are bulk commits, and what was read again.
fn reading(first: u64, at: u64) -> Vec<Archived> {
    let is_bulk = |commit: u64| commit == first || commit.is_multiple_of(5);
    let commits = (first..=at).map(|commit| match is_bulk(commit) {
        true => Archived::Commit { entry: mark(commit), read_at: Some(at) },
        false => {
            Archived::Commit { entry: Entry { kind: EntryKind::Changes, ..entry(commit) }, read_at: None }
        }
    });
    let count = pieces(at).len();
    let pieces = pieces(at).into_iter().enumerate();
    commits.chain(pieces.map(|(n, payload)| Archived::Piece { payload, is_last: n + 1 == count })).collect()
}

/// Adds `parts` as far as they go.
fn add_parts(archive: &mut Archive, parts: &[Archived]) {
    add_parts_to(archive, parts, u64::MAX);
}

/// The same, in files that are as short as can be.
fn add_short(archive: &mut Archive, parts: &[Archived]) {
    add_parts_to(archive, parts, FILE_LEN_MIN);
}

fn add_parts_to(archive: &mut Archive, parts: &[Archived], file_len: u64) {
    for part in parts {
        if let (Archived::Commit { read_at: Some(at), .. }, None) = (part, archive.state.reading) {
            archive.commit().unwrap();
            archive.begin_reading(*at);
        }
        if archive.state.end() + archive.staged.len() as u64 >= file_len {
            archive.begin_file(archive.state.archived + 1).unwrap();
        }
        match part {
            Archived::Commit { entry, .. } => archive.add(core::slice::from_ref(entry)).unwrap(),
            Archived::Piece { payload, is_last } => archive.add_piece(payload, *is_last).unwrap(),
        }
    }
}

fn plain(commits: core::ops::RangeInclusive<u64>) -> Vec<Archived> {
    commits.map(|commit| Archived::Commit { entry: entry(commit), read_at: None }).collect()
}

fn walk(archive: &Archive, after: u64) -> Result<Vec<Archived>, StorageError> {
    let catalogue = archive.catalogue();
    let Some(mut walk) = catalogue.walk(after)? else { return Ok(Vec::new()) };
    core::iter::from_fn(|| walk.advance().transpose()).collect()
}

fn commits_of(parts: &[Archived]) -> Vec<Entry> {
    let entry = |part: &Archived| match part {
        Archived::Commit { entry, .. } => Some(entry.clone()),
        Archived::Piece { .. } => None,
    };
    parts.iter().filter_map(entry).collect()
}

/// Checks that `parts`, all that was added from the first on, are there.
#[track_caller]
fn check_parts(archive: &Archive, parts: &[Archived]) {
    let commits = commits_of(parts);
    let first = commits[0].commit;
    assert!(walk(archive, first - 1).unwrap() == parts);
    assert_eq!(read(archive, first - 1).unwrap(), commits);
    assert_eq!(archive.archived(), commits.last().map(|entry| entry.commit));
    for entry in &commits {
        let from = parts.iter().position(
            |part| matches!(part, Archived::Commit { entry: other, .. } if other.commit == entry.commit),
        );
        let walked = walk(archive, entry.commit - 1).unwrap();
        // Pieces of the commit before may come first.
        let walked: Vec<_> =
            walked.into_iter().skip_while(|part| matches!(part, Archived::Piece { .. })).collect();
        assert!(walked == parts[from.unwrap()..], "after {}", entry.commit - 1);
        assert_eq!(read(archive, entry.commit - 1).unwrap(), commits[(entry.commit - first) as usize..]);
    }
}

/// Several readings, one after another.
fn parts() -> Vec<Archived> {
    [plain(1..=6), reading(7, 7), reading(8, 23), plain(24..=29), reading(30, 41), plain(42..=43)].concat()
}

#[test]
fn readings_come_back_over_files_and_openings() {
    let parts = parts();
    for cut in 0..=parts.len() {
        let vfs = vfs();
        let mut archive = open(&vfs, Retention::Everything);
        add_short(&mut archive, &parts[..cut]);
        let rest = match archive.state.reading {
            None => {
                archive.commit().unwrap();
                cut
            }
            // What was not committed is not there.
            Some(_) => archive.durable.archived as usize,
        };
        let mut archive = open(&vfs, Retention::Everything);
        let archived = archive.archived().unwrap_or(0);
        let rest = if rest == cut {
            cut
        } else {
            parts
                .iter()
                .position(
                    |part| matches!(part, Archived::Commit { entry, .. } if entry.commit == archived + 1),
                )
                .unwrap()
        };
        add_short(&mut archive, &parts[rest..]);
        archive.commit().unwrap();
        check_parts(&archive, &parts);
        check_parts(&open(&vfs, Retention::Everything), &parts);
    }
}

/// Goal: behind an older index a reading is found as a whole or not at all, and then nothing of it is in the way. Method: the
/// index is lost, and of the files each block behind its end; then the same, or something shorter, is added again.
#[test]
fn a_torn_reading_is_not_there_and_not_in_the_way() {
    let parts = parts();
    let begins =
        parts.iter().position(|part| matches!(part, Archived::Commit { read_at: Some(23), .. })).unwrap();
    let ends = begins + reading(8, 23).len();
    let (mut whole, mut none) = (0, 0);
    for is_short in [false, true] {
        let vfs = vfs();
        let mut archive = open(&vfs, Retention::Everything);
        let add = |archive: &mut Archive, parts: &[Archived]| match is_short {
            true => add_short(archive, parts),
            false => add_parts(archive, parts),
        };
        add(&mut archive, &parts[..begins]);
        archive.commit().unwrap();
        let index = bytes(&vfs, "arch-index");
        let (file, end) = (archive.state.files.len() as u64, archive.state.end());
        add(&mut archive, &parts[begins..ends]);
        archive.commit().unwrap();
        let paths: Vec<String> =
            (file..=archive.state.files.len() as u64).map(|n| file_path(PATH, n)).collect();
        assert_eq!(paths.len() > 1, is_short);
        let sound: Vec<Vec<u8>> = paths.iter().map(|path| bytes(&vfs, path)).collect();
        for (at, path) in paths.iter().enumerate() {
            let from = if at == 0 { end } else { 0 };
            for block in (from..sound[at].len() as u64).step_by(BLOCK as usize) {
                for (path, sound) in paths.iter().zip(&sound) {
                    write(&vfs, path, sound);
                }
                write(&vfs, "arch-index", &index);
                let file = vfs.open(path, OpenMode::ReadWrite).unwrap();
                file.write_at(&[0; BLOCK as usize], block).unwrap();
                let mut archive =
                    open(&vfs, [Retention::Everything, Retention::Bytes(1)][(block / BLOCK) as usize % 2]);
                archive.retention = Retention::Everything;
                let rest = match archive.archived() {
                    Some(23) => ends,
                    other => {
                        assert_eq!(other, Some(7));
                        begins
                    }
                };
                if rest == ends {
                    whole += 1
                } else {
                    none += 1
                }
                // A later commit, as of which it is read again.
                let mut now = parts[..begins].to_vec();
                if rest == begins {
                    now.extend(reading(8, 12));
                    if block % (2 * BLOCK) == 0 {
                        archive.begin_file(8).unwrap();
                    }
                } else {
                    now.extend_from_slice(&parts[begins..ends]);
                }
                add_parts(&mut archive, &now[rest..]);
                archive.commit().unwrap();
                check_parts(&archive, &now);
                check_parts(&open(&vfs, Retention::Everything), &now);
            }
        }
    }
    // Blocks of nothing but padding do not matter.
    assert!(none > 40, "{whole} whole, {none} not");
}

#[test]
fn no_file_is_removed_from_within_a_reading() {
    let parts = parts();
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Bytes(1));
    let (mut added, mut goes_over) = (0, false);
    for part in &parts {
        add_parts(&mut archive, core::slice::from_ref(part));
        added += 1;
        goes_over |= archive.state.files.iter().any(|file| file.header.is_within);
        if archive.state.reading.is_some() {
            continue;
        }
        archive.commit().unwrap();
        let Some(oldest) = archive.oldest() else { panic!("nothing is there") };
        let from = parts
            .iter()
            .position(|part| matches!(part, Archived::Commit { entry, .. } if entry.commit == oldest + 1));
        assert!(!archive.state.files[0].header.is_within);
        assert!(walk(&archive, oldest).unwrap() == parts[from.unwrap()..added], "after {oldest}");
    }
    assert!(archive.oldest().unwrap() > 7, "something was removed");
    assert!(goes_over, "and something goes over files");
}

/// Goal: what version 1 wrote is read, and nothing that it does not know is put into its files.
#[test]
fn files_of_version_1_are_read_and_not_appended_to() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    add(&mut archive, 1..=10);
    archive.commit().unwrap();
    for (path, sealed) in [("arch-index", 76), ("arch-000001", 68)] {
        let mut old = bytes(&vfs, path);
        for block in old.chunks_mut(BLOCK as usize).take(if path == "arch-index" { 2 } else { 1 }) {
            block[8..12].copy_from_slice(&1_u32.to_le_bytes());
            let crc = crc32c(&block[..sealed]);
            block[sealed..sealed + 4].copy_from_slice(&crc.to_le_bytes());
        }
        write(&vfs, path, &old);
    }
    let old = bytes(&vfs, "arch-000001");
    let mut archive = open(&vfs, Retention::Everything);
    check(&archive, 1..=10);
    add_parts(&mut archive, &reading(11, 13));
    archive.commit().unwrap();
    let all = [plain(1..=10), reading(11, 13)].concat();
    check_parts(&open(&vfs, Retention::Everything), &all);
    assert!(bytes(&vfs, "arch-000001") == old);
    let index = bytes(&vfs, "arch-index");
    assert_eq!([index[8], index[BLOCK as usize + 8]].iter().max(), Some(&2), "an older version refuses it");
}

/// Goal: damage within a reading is found by whoever applies it, and named. Method: each byte of it is spoilt, or one of a few
/// that are alike.
#[test]
fn damage_within_a_reading_is_found_and_named() {
    let vfs = vfs();
    let mut archive = open(&vfs, Retention::Everything);
    let parts = [plain(1..=3), reading(4, 6)].concat();
    add_parts(&mut archive, &parts);
    archive.commit().unwrap();
    let sound = bytes(&vfs, "arch-000001");
    let (mut named, mut harmless) = (0, 0);
    for at in BLOCK as usize..sound.len() {
        if sound[at] == sound[at - 1] && at % 509 != 0 {
            continue;
        }
        let mut spoilt = sound.clone();
        spoilt[at] ^= 1 << (at % 8);
        write(&vfs, "arch-000001", &spoilt);
        match Archive::open(&vfs, PATH, DATABASE, Retention::Everything).and_then(|archive| walk(&archive, 0))
        {
            Ok(found) => {
                assert!(found == parts, "byte {at}");
                harmless += 1;
            }
            Err(error) => {
                assert!(error.to_string().contains("arch-000001"), "byte {at}: {error}");
                named += 1;
            }
        }
    }
    assert!(named > 100 && harmless > 5, "{named} named, {harmless} harmless");
}
