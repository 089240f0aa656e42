//! What the simulated disk does to files that are not synced, and to those that are.

use super::*;

fn write(file: &dyn VfsFile, byte: u8, len: usize) {
    file.write_at(&vec![byte; len], 0).unwrap();
}

/// A disk with a synced file of `1`s that was overwritten with `2`s.
fn overwritten(len: usize) -> SimVfs {
    let disk = SimVfs::new(1);
    let file = disk.open("d/a", OpenMode::Create).unwrap();
    write(&*file, 1, len);
    file.sync_data().unwrap();
    disk.sync_directory("d/a").unwrap();
    write(&*file, 2, len);
    disk
}

#[test]
fn synced_bytes_and_entries_survive_every_cut() {
    for cut in [Cut::Lost, Cut::Kept, Cut::Torn { seed: 3 }] {
        let disk = SimVfs::new(1);
        let file = disk.open("a", OpenMode::Create).unwrap();
        write(&*file, 7, 1300);
        file.sync_data().unwrap();
        disk.sync_directory("a").unwrap();
        disk.crash(cut);
        assert_eq!(disk.bytes("a"), Some(vec![7; 1300]), "{cut:?}");
    }
}

#[test]
fn unsynced_sectors_keep_old_new_or_torn_bytes_independently() {
    let disk = overwritten(4096);
    let lost = disk.fork();
    lost.crash(Cut::Lost);
    assert_eq!(lost.bytes("d/a"), Some(vec![1; 4096]));
    let kept = disk.fork();
    kept.crash(Cut::Kept);
    assert_eq!(kept.bytes("d/a"), Some(vec![2; 4096]));

    let (mut old, mut new, mut torn) = (0, 0, 0);
    for seed in 0..100 {
        let disk = disk.fork();
        disk.crash(Cut::Torn { seed });
        for sector in disk.bytes("d/a").unwrap().chunks(SECTOR_LEN) {
            match sector {
                _ if sector.iter().all(|&byte| byte == 1) => old += 1,
                _ if sector.iter().all(|&byte| byte == 2) => new += 1,
                _ => torn += 1,
            }
        }
    }
    assert!(old > 100 && new > 100 && torn > 20, "{old} old, {new} new, {torn} torn");
}

#[test]
fn an_older_unsynced_version_of_a_sector_may_be_the_one_that_is_left() {
    let disk = overwritten(512);
    let file = disk.open("d/a", OpenMode::ReadWrite).unwrap();
    write(&*file, 3, 512);
    let mut seen = [false; 4];
    for seed in 0..200 {
        let disk = disk.fork();
        disk.crash(Cut::Torn { seed });
        let bytes = disk.bytes("d/a").unwrap();
        if bytes.iter().all(|&byte| byte == bytes[0]) {
            seen[usize::from(bytes[0])] = true;
        }
    }
    assert_eq!(seen, [false, true, true, true]);
}

#[test]
fn lengths_and_entries_survive_apart_from_bytes() {
    let disk = SimVfs::new(1);
    let file = disk.open("a", OpenMode::Create).unwrap();
    write(&*file, 9, 1024);
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let disk = disk.fork();
        disk.crash(Cut::Torn { seed });
        let bytes = disk.bytes("a");
        seen.insert((bytes.as_ref().map(Vec::len), bytes.is_some_and(|bytes| bytes.contains(&9))));
    }
    let expected = [(None, false), (Some(0), false), (Some(1024), false), (Some(1024), true)];
    assert_eq!(seen, expected.into_iter().collect());

    // Synced bytes do not make the entry durable; a directory sync makes no bytes durable.
    file.sync_data().unwrap();
    let synced = disk.fork();
    synced.crash(Cut::Lost);
    assert_eq!(synced.bytes("a"), None);
    write(&*file, 8, 1024);
    disk.sync_directory("a").unwrap();
    disk.crash(Cut::Lost);
    assert_eq!(disk.bytes("a"), Some(vec![9; 1024]));
}

#[test]
fn a_removal_that_was_not_synced_may_be_undone() {
    let disk = overwritten(512);
    disk.remove("d/a").unwrap();
    assert_eq!(disk.bytes("d/a"), None);
    let undone = disk.fork();
    undone.crash(Cut::Lost);
    assert_eq!(undone.bytes("d/a"), Some(vec![1; 512]));
    disk.sync_directory("d/a").unwrap();
    disk.crash(Cut::Lost);
    assert_eq!(disk.bytes("d/a"), None);
}

#[test]
fn a_cut_fails_its_operation_and_all_later_ones_until_the_crash() {
    let disk = SimVfs::new(1);
    let file = disk.open("a", OpenMode::Create).unwrap();
    write(&*file, 1, 512);
    file.sync_data().unwrap();
    disk.sync_directory("a").unwrap();
    assert_eq!(disk.operations(), 4);
    disk.cut_at(5);
    write(&*file, 2, 512);
    assert!(file.sync_data().is_err());
    assert!(disk.is_off());
    assert!(file.write_at(b"x", 0).is_err());
    assert!(file.read_at(&mut [0], 0).is_err());
    assert!(disk.open("a", OpenMode::ReadWrite).is_err());
    disk.crash(Cut::Lost);
    assert!(file.read_at(&mut [0], 0).is_err(), "handles from before the crash stay dead");
    assert_eq!(disk.bytes("a"), Some(vec![1; 512]));
    assert_eq!(disk.operations(), 0);
    assert!(disk.open("a", OpenMode::ReadWrite).is_ok());
}

#[test]
fn the_write_at_the_cut_may_have_happened() {
    let disk = overwritten(512);
    let file = disk.open("d/a", OpenMode::ReadWrite).unwrap();
    disk.cut_at(disk.operations());
    assert!(file.write_at(&[5; 512], 0).is_err());
    disk.crash(Cut::Kept);
    assert_eq!(disk.bytes("d/a"), Some(vec![5; 512]));
}

#[test]
fn faults_strike_once() {
    let disk = overwritten(512);
    let file = disk.open("d/a", OpenMode::ReadWrite).unwrap();
    let next = disk.operations();
    disk.fault_at(next, Fault::Io);
    disk.fault_at(next + 1, Fault::Full);
    disk.fault_at(next + 2, Fault::Short(3));
    assert!(matches!(file.write_at(&[3; 512], 0), Err(VfsError::Io { .. })));
    assert!(matches!(file.write_at(&[3; 512], 0), Err(VfsError::Full { .. })));
    assert_eq!(disk.bytes("d/a"), Some(vec![2; 512]));
    assert!(file.write_at(&[3; 512], 0).is_err());
    assert_eq!(disk.bytes("d/a").unwrap()[..4], [3, 3, 3, 2]);
    disk.fail_read_at(disk.counters().reads);
    assert!(file.read_at(&mut [0], 0).is_err());
    assert!(file.read_at(&mut [0], 0).is_ok());
}

#[test]
fn a_sync_that_forgets_is_not_made_good_by_a_later_one() {
    let mut lost = 0;
    for seed in 0..20 {
        let disk = SimVfs::new(seed);
        let file = disk.open("a", OpenMode::Create).unwrap();
        write(&*file, 1, 512);
        file.sync_data().unwrap();
        disk.sync_directory("a").unwrap();
        write(&*file, 2, 512);
        disk.fault_at(disk.operations(), Fault::SyncForgets);
        assert!(file.sync_data().is_err());
        file.sync_data().unwrap();
        assert_eq!(disk.bytes("a"), Some(vec![2; 512]), "the cache still has it");
        disk.crash(Cut::Kept);
        lost += u32::from(disk.bytes("a") == Some(vec![1; 512]));
    }
    assert!(lost > 3, "{lost} of 20");
}

#[test]
fn a_full_disk_takes_no_more_and_is_usable_again() {
    let disk = overwritten(512);
    let file = disk.open("d/a", OpenMode::ReadWrite).unwrap();
    disk.set_capacity(Some(1000));
    file.write_at(&[4; 512], 0).unwrap();
    assert!(matches!(file.write_at(&[4; 512], 512), Err(VfsError::Full { .. })));
    assert!(matches!(file.set_len(2000), Err(VfsError::Full { .. })));
    disk.set_capacity(None);
    file.write_at(&[4; 512], 512).unwrap();
}

#[test]
fn planted_bugs_skip_syncs_silently() {
    for bug in [Bug::DropSync(0), Bug::IgnoreSyncs("/a".into()), Bug::IgnoreDirectorySyncs] {
        let disk = SimVfs::new(1);
        disk.plant(bug.clone());
        let file = disk.open("d/a", OpenMode::Create).unwrap();
        write(&*file, 1, 512);
        file.sync_data().unwrap();
        disk.sync_directory("d/a").unwrap();
        disk.crash(Cut::Lost);
        let expected = (bug != Bug::IgnoreDirectorySyncs).then(Vec::new);
        assert_eq!(disk.bytes("d/a"), expected, "{bug:?}");
    }
}

#[test]
fn counters_flips_locks_and_seeds() {
    let disk = overwritten(600);
    let counters = disk.counters();
    assert_eq!(
        (counters.writes, counters.bytes_written, counters.syncs, counters.directory_syncs),
        (2, 1200, 1, 1)
    );
    disk.flip_bit("d/a", 8 * 5 + 1);
    assert_eq!(disk.bytes("d/a").unwrap()[5], 0);
    disk.flip_bit("d/a", 8 * 600);

    let first = disk.open("d/a", OpenMode::ReadWrite).unwrap();
    let second = disk.open("d/a", OpenMode::ReadWrite).unwrap();
    first.lock().unwrap();
    assert!(matches!(second.lock(), Err(VfsError::Locked { .. })));
    drop(first);
    second.lock().unwrap();

    let entropy = |seed| {
        let mut bytes = [0; 24];
        SimVfs::new(seed).entropy(&mut bytes);
        bytes
    };
    assert_eq!(entropy(5), entropy(5));
    assert_ne!(entropy(5), entropy(6));
    assert!(disk.now_ns() < disk.now_ns());
}
