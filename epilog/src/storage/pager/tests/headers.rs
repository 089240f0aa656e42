//! Header slots, damage and journal: which file is opened, which is refused, and with what words.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::files::{JOURNAL, PATH, bytes, change, closed, open, set_bytes, try_open};
use super::get;
use crate::storage::codec::checksum::crc32c;
use crate::storage::page::{BLOCK_LEN, PageNumber};
use crate::storage::pager::{Pager, PagerOptions};
use crate::storage::vfs::{MemoryVfs, Vfs};
use crate::storage::{StorageError, StorageFault};

/// The file after it was changed by `edit`.
fn edited(vfs: &MemoryVfs, edit: impl FnOnce(&mut Vec<u8>)) -> Result<(), StorageError> {
    let mut file = bytes(vfs, PATH);
    edit(&mut file);
    set_bytes(vfs, PATH, &file);
    let pager = try_open(vfs, false)?;
    pager.replay(&mut |writer, payloads| Ok(super::files::redo_all(writer, payloads))).map(drop)
}

/// The header block of the newest checkpoint's first copy.
fn newest(file: &[u8]) -> usize {
    let number = |block: usize| u64::from_le_bytes(file[block * BLOCK_LEN + 48..][..8].try_into().unwrap());
    if number(0) > number(2) { 0 } else { 2 }
}

fn damage(file: &mut [u8], blocks: &[usize]) {
    blocks.iter().for_each(|block| file[block * BLOCK_LEN + 100] ^= 4);
}

fn reseal(file: &mut [u8], block: usize) {
    let sector = &mut file[block * BLOCK_LEN..][..512];
    let crc = crc32c(&sector[..508]);
    sector[508..].copy_from_slice(&crc.to_le_bytes());
}

/// A file that was not closed: checkpoint 3 and a commit after it.
fn dropped() -> MemoryVfs {
    let vfs = MemoryVfs::new();
    let pager = open(&vfs);
    change(&pager, &[1, 1]);
    pager.checkpoint().unwrap();
    change(&pager, &[1, 2]);
    vfs
}

fn is_damage(outcome: Result<(), StorageError>, wanted: &str) {
    match outcome {
        Err(error) if matches!(*error, StorageFault::Corruption(_)) => {
            assert!(format!("{error}").contains(wanted), "{error}");
        }
        other => panic!("{other:?}, not damage of {wanted}"),
    }
}

#[test]
fn one_copy_of_the_newest_header_is_enough() {
    for vfs in [closed(), dropped()] {
        let file = bytes(&vfs, PATH);
        for copy in 0..2 {
            let mut bad = file.clone();
            damage(&mut bad, &[newest(&file) + copy]);
            set_bytes(&vfs, PATH, &bad);
            assert!(try_open(&vfs, true).is_ok());
        }
        edited(&vfs, |bytes| *bytes = file).unwrap();
    }
}

#[test]
fn the_older_header_does_when_the_newer_is_torn_and_the_journal_has_everything() {
    // Goal: as after a power cut while the newest header was written: nothing was recycled since.
    let vfs = dropped();
    edited(&vfs, |file| {
        let at = newest(file);
        damage(file, &[at, at + 1]);
    })
    .unwrap();
    assert_eq!(get(&open(&vfs).reader(), PageNumber(1)), 2);
}

#[test]
fn a_newer_header_that_is_gone_for_good_is_damage() {
    let vfs = closed();
    is_damage(
        edited(&vfs, |file| {
            let at = newest(file);
            damage(file, &[at, at + 1]);
        }),
        "journal",
    );
    // Under a clean header 3, a journal with commits of header 4.
    let vfs = closed();
    change(&open(&vfs), &[1, 5]);
    is_damage(
        edited(&vfs, |file| {
            let at = newest(file);
            damage(file, &[at, at + 1]);
        }),
        "newer header",
    );
    // The same, and the journal gone as well.
    vfs.remove(JOURNAL).unwrap();
    is_damage(edited(&vfs, |_| {}), "checkpoint 4");
}

#[test]
fn a_journal_that_is_needed_and_missing_is_damage() {
    let vfs = dropped();
    vfs.remove(JOURNAL).unwrap();
    is_damage(edited(&vfs, |_| {}), "missing");
}

#[test]
fn another_databases_journal_is_not_replayed() {
    let (vfs, other) = (dropped(), dropped());
    let mut journal = bytes(&other, JOURNAL);
    // Drawn from the same source, the ids would be the same.
    journal[16] ^= 1;
    let crc = crc32c(&journal[..40]);
    journal[40..44].copy_from_slice(&crc.to_le_bytes());
    set_bytes(&vfs, JOURNAL, &journal);
    is_damage(edited(&vfs, |_| {}), "of database");
}

#[test]
fn a_journal_left_beside_a_clean_file_is_ignored() {
    let vfs = dropped();
    let journal = bytes(&vfs, JOURNAL);
    open(&vfs).close().unwrap();
    set_bytes(&vfs, JOURNAL, &journal);
    let pager = open(&vfs);
    assert_eq!(get(&pager.reader(), PageNumber(1)), 2);
    change(&pager, &[1, 3]);
    drop(pager);
    assert_eq!(get(&open(&vfs).reader(), PageNumber(1)), 3);
}

/// A file made with shorter blocks is opened whatever the options say now, also when only one header copy is left of each.
#[test]
fn a_file_keeps_the_blocks_it_was_made_with() {
    for block_len in [512, 1024, 2048] {
        let vfs = MemoryVfs::new();
        let options = PagerOptions { block_len, ..PagerOptions::default() };
        let pager = Pager::open(Arc::new(vfs.clone()), PATH, options).unwrap();
        assert_eq!(pager.block_len(), block_len);
        for byte in 0..5 {
            change(&pager, &[1, byte]);
            pager.checkpoint().unwrap();
        }
        pager.check().unwrap();
        pager.close().unwrap();
        drop(pager);
        let whole = bytes(&vfs, PATH);
        for damaged in [[0, 2], [0, 3], [1, 2], [1, 3]] {
            let mut file = whole.clone();
            damaged.into_iter().for_each(|copy: usize| file[copy * block_len + 100] ^= 4);
            set_bytes(&vfs, PATH, &file);
            let pager = open(&vfs);
            assert_eq!(pager.block_len(), block_len);
            assert!(pager.check().is_err(), "the damaged copies are found");
            assert_eq!(get(&pager.reader(), PageNumber(1)), 4);
        }
        set_bytes(&vfs, PATH, &whole);
        is_damage(edited(&vfs, |file| (0..4).for_each(|copy| file[copy * block_len + 100] ^= 4)), "header");
    }
}

#[test]
fn files_of_others_are_refused_and_left_alone() {
    for foreign in [
        b"x".to_vec(),
        vec![b'a'; 100_000],
        {
            let mut zeros = vec![0; 4 * BLOCK_LEN];
            zeros[700] = 1;
            zeros
        },
        vec![0; 5 * BLOCK_LEN],
    ] {
        let vfs = MemoryVfs::new();
        set_bytes(&vfs, PATH, &foreign);
        let error = try_open(&vfs, false).err().unwrap();
        assert!(matches!(*error, StorageFault::NotADatabase { .. }), "{error}");
        assert_eq!(bytes(&vfs, PATH), foreign);
    }
}

#[test]
fn an_interrupted_creation_is_a_new_database() {
    let made = {
        let vfs = MemoryVfs::new();
        change(&open(&vfs), &[1, 1]);
        bytes(&vfs, PATH)
    };
    let mut torn = vec![0; 4 * BLOCK_LEN];
    torn[2 * BLOCK_LEN..][..300].copy_from_slice(&made[2 * BLOCK_LEN..][..300]);
    torn[3 * BLOCK_LEN + 5..][..500].fill(0xA5);
    for left in [Vec::new(), vec![0; 5000], torn] {
        let vfs = MemoryVfs::new();
        set_bytes(&vfs, PATH, &left);
        let pager = open(&vfs);
        assert!(pager.is_new());
        change(&pager, &[1, 7]);
        drop(pager);
        assert_eq!(get(&open(&vfs).reader(), PageNumber(1)), 7);
        // With a journal beside it, it was not new.
        set_bytes(&vfs, PATH, &left);
        assert!(try_open(&vfs, false).is_err());
        assert_eq!(bytes(&vfs, PATH), left);
    }
}

#[test]
fn a_truncated_file_says_so() {
    for keep in [3 * BLOCK_LEN, 4 * BLOCK_LEN] {
        let vfs = closed();
        let len = bytes(&vfs, PATH).len() as u64;
        match edited(&vfs, |file| file.truncate(keep)).map_err(StorageError::into_fault) {
            Err(StorageFault::Truncated { len: found, wanted, .. }) => {
                assert_eq!((found, wanted), (keep as u64, len));
            }
            other => panic!("{other:?}"),
        }
    }
    // No header is left whole.
    let vfs = closed();
    let outcome = edited(&vfs, |file| {
        file.truncate(300);
    });
    assert!(outcome.is_err());
}

#[test]
fn newer_formats_are_named() {
    let check = |at: usize, value: u8, read_only_opens: bool| {
        let vfs = closed();
        let outcome = edited(&vfs, |file| {
            let block = newest(file);
            file[block * BLOCK_LEN + at] = value;
            reseal(file, block);
            file[(block + 1) * BLOCK_LEN + at] = value;
            reseal(file, block + 1);
        });
        match outcome.map_err(StorageError::into_fault) {
            Err(StorageFault::NewerFormat { found, features, known: 1, .. }) => {
                assert!(found > 1 || features != 0)
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(try_open(&vfs, true).is_ok(), read_only_opens);
    };
    check(8, 2, false);
    check(20, 2, false);
    for (at, value, what) in [
        (124, 2, "version 2 of collation, which this version does not know: open it with a newer version"),
        (126, 2, "version 2 of key extraction"),
        (124, 0, "rules for keys that never were"),
        (126, 0, "rules for keys that never were"),
    ] {
        let outcome = edited(&closed(), |file| {
            let block = newest(file);
            for block in [block, block + 1] {
                file[block * BLOCK_LEN + at] = value;
                reseal(file, block);
            }
        });
        let Err(error) = outcome else { panic!("byte {at} is {value}: keys by other rules") };
        assert!(format!("{error}").contains(what), "{error}");
    }
    check(23, 0x80, false);
    check(16, 8, true);
}

/// The closed file with this codec and these incompatible features in both copies of its newest header.
fn with_codec(codec: u8, features: u8) -> Result<(), StorageError> {
    edited(&closed(), |file| {
        let block = newest(file);
        for block in [block, block + 1] {
            file[block * BLOCK_LEN + 11] = codec;
            file[block * BLOCK_LEN + 20] = features;
            reseal(file, block);
        }
    })
}

#[test]
fn a_codec_and_the_feature_of_compressed_images_come_together() {
    is_damage(with_codec(1, 0), "header");
    is_damage(with_codec(0, 1), "header");
    assert!(matches!(with_codec(2, 1), Err(error) if matches!(*error, StorageFault::NewerFormat { .. })));
    #[cfg(feature = "lz4")]
    with_codec(1, 1).unwrap();
    #[cfg(not(feature = "lz4"))]
    {
        let error = with_codec(1, 1).unwrap_err();
        assert!(matches!(*error, StorageFault::FeatureMissing { feature: "lz4", .. }), "{error}");
        assert!(format!("{error}").contains("cargo feature `lz4`"), "{error}");
    }
}

#[test]
fn a_file_without_a_whole_header_is_damaged() {
    let vfs = closed();
    is_damage(edited(&vfs, |file| damage(file, &[0, 1, 2, 3])), "header");
}

#[test]
fn a_damaged_free_map_is_noticed_at_open() {
    let vfs = closed();
    is_damage(
        edited(&vfs, |file| {
            let header = newest(file) * BLOCK_LEN;
            let block = u64::from_le_bytes(file[header + 96..][..8].try_into().unwrap()) as usize;
            file[block * BLOCK_LEN + 50] ^= 1;
        }),
        "free map",
    );
}
