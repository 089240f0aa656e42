//! Files whose images are compressed.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::TREE;
use crate::storage::StorageFault;
use crate::storage::page::{PageKind, PageNumber, PageRead, PageWrite};
use crate::storage::pager::{Compression, Durability, PageWriter, Pager, PagerOptions, Salvage};
use crate::storage::vfs::{MemoryVfs, OpenMode, Vfs};

const PATH: &str = "db";
const LEN: usize = 16 << 10;

fn open_with(vfs: &MemoryVfs, options: PagerOptions) -> Pager {
    let pager = Pager::open(Arc::new(vfs.clone()), PATH, options).unwrap();
    pager.replay(&mut |_, _| panic!("it was closed")).unwrap();
    pager
}

fn open(vfs: &MemoryVfs, compression: Option<Compression>) -> Pager {
    open_with(vfs, PagerOptions { compression, ..PagerOptions::default() })
}

fn len(vfs: &MemoryVfs) -> u64 {
    vfs.open(PATH, OpenMode::Read).unwrap().len().unwrap()
}

/// A byte of a page whose content is `number`, which compresses well, or, if that is divisible by five, not at all.
fn byte(number: u32, at: usize) -> u8 {
    let noise = (at as u64 + u64::from(number) * 1_000_003).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    if number.is_multiple_of(5) {
        ((noise ^ noise >> 29).wrapping_mul(noise | 1) >> 40) as u8
    } else {
        (at / 100) as u8 ^ number as u8
    }
}

fn fill(page: &mut [u8], number: u32) {
    page[24..].iter_mut().enumerate().for_each(|(at, byte_at)| *byte_at = byte(number, at));
}

/// Adds pages of these contents, every third a value of a length of its own.
fn add(writer: &mut PageWriter<'_>, contents: core::ops::Range<u32>) -> Vec<PageNumber> {
    let add = |content: u32| {
        let (kind, len) = match content % 3 {
            0 => (PageKind::Value, 4096 * (1 + content as usize % 7)),
            _ => (PageKind::RecordLeaf, LEN),
        };
        let number = writer.allocate(kind, TREE, len).unwrap();
        fill(writer.page_mut(number).unwrap(), content);
        number
    };
    contents.map(add).collect()
}

fn check(pages: &impl PageRead, numbers: &[PageNumber], contents: core::ops::Range<u32>) {
    for (number, content) in numbers.iter().zip(contents) {
        let page = pages.page(*number).unwrap();
        assert_eq!(page[10], 0, "a page in memory is as it was before");
        let expected: Vec<u8> = (0..page.len() - 24).map(|at| byte(content, at)).collect();
        assert!(page[24..] == expected, "page {number}");
    }
}

fn header_says_compressed(pager: &Pager) -> bool {
    pager.file_info().unwrap().unwrap().is_compressed
}

#[test]
fn compressed_pages_come_back_and_the_file_is_shorter() {
    let [mut short, mut long] = [0, 0];
    for (compression, len_of) in [(Compression::Lz4, &mut short), (Compression::None, &mut long)] {
        for bulk in [false, true] {
            let vfs = MemoryVfs::new();
            let pager = open(&vfs, Some(compression));
            let mut writer = pager.begin_write().unwrap();
            let numbers = add(&mut writer, 0..70);
            if bulk {
                writer.commit_bulk(&[]).unwrap();
            } else {
                writer.commit(&[1], Durability::Immediate).unwrap();
            }
            pager.checkpoint().unwrap();
            pager.check().unwrap();
            let stats = pager.stats();
            assert_eq!(stats.image_bytes_written < stats.page_bytes_written, compression == Compression::Lz4);
            assert_eq!(header_says_compressed(&pager), compression == Compression::Lz4);
            pager.close().unwrap();
            drop(pager);
            *len_of = len(&vfs);
            // In order, so that images are read ahead; with little memory; and one after the other.
            for cache_bytes in [64 << 20, 200 << 10, 0] {
                let pager = open_with(&vfs, PagerOptions { cache_bytes, ..PagerOptions::default() });
                for _ in 0..2 {
                    let snapshot = pager.snapshot();
                    check(&snapshot.operation(), &numbers, 0..70);
                    for (at, number) in numbers.iter().enumerate().rev().step_by(7) {
                        let at = at as u32;
                        check(&snapshot.operation(), &[*number], at..at + 1);
                    }
                }
                pager.check().unwrap();
            }
        }
    }
    assert!(short < long / 2, "{short} of {long} bytes");
}

#[test]
fn a_transaction_beyond_memory_writes_its_pages_out_compressed() {
    let vfs = MemoryVfs::new();
    let options =
        PagerOptions { compression: Some(Compression::Lz4), cache_bytes: 1 << 20, ..PagerOptions::default() };
    let pager = open_with(&vfs, options);
    let mut writer = pager.begin_write().unwrap();
    let numbers = add(&mut writer, 0..200);
    assert!(writer.is_written_out());
    check(&writer, &numbers, 0..200);
    // Those that were written out change again, and some go.
    for (at, number) in numbers.iter().enumerate().step_by(2) {
        fill(writer.page_mut(*number).unwrap(), at as u32 + 1000);
    }
    let savepoint = writer.savepoint();
    for number in &numbers {
        fill(writer.page_mut(*number).unwrap(), 3);
    }
    writer.rollback_to(savepoint);
    writer.commit_bulk(&[]).unwrap();
    pager.check().unwrap();
    pager.close().unwrap();
    drop(pager);
    let pager = open(&vfs, None);
    for (at, number) in numbers.iter().enumerate() {
        let content = if at % 2 == 0 { at as u32 + 1000 } else { at as u32 };
        check(&pager.snapshot().operation(), &[*number], content..content + 1);
    }
}

#[test]
fn pages_are_written_as_the_present_options_say() {
    let vfs = MemoryVfs::new();
    let written = |compression, from: u32| {
        let pager = open(&vfs, compression);
        let mut writer = pager.begin_write().unwrap();
        let numbers = add(&mut writer, from..from + 30);
        writer.commit(&[1], Durability::Immediate).unwrap();
        pager.close().unwrap();
        let stats = pager.stats();
        let is_compressed = stats.image_bytes_written < stats.page_bytes_written;
        (numbers, is_compressed, header_says_compressed(&pager))
    };
    let (first, ..) = written(None, 0);
    let (second, is_compressed, says_so) = written(Some(Compression::Lz4), 100);
    assert!(is_compressed && says_so);
    let (third, is_compressed, says_so) = written(Some(Compression::None), 200);
    assert!(!is_compressed && says_so, "what was compressed before still is");
    // Whoever does not know what was chosen goes on as it was.
    let (fourth, is_compressed, _) = written(None, 300);
    assert!(is_compressed);
    let pager = open(&vfs, Some(Compression::None));
    pager.check().unwrap();
    for (numbers, from) in [(first, 0), (second, 100), (third, 200), (fourth, 300)] {
        check(&pager.snapshot().operation(), &numbers, from..from + 30);
    }
}

#[test]
fn compaction_moves_compressed_images_as_they_are() {
    let vfs = MemoryVfs::new();
    let pager = open(&vfs, Some(Compression::Lz4));
    let mut writer = pager.begin_write().unwrap();
    let early = add(&mut writer, 0..200);
    let late = add(&mut writer, 200..260);
    writer.commit(&[1], Durability::Immediate).unwrap();
    pager.checkpoint().unwrap();
    let mut writer = pager.begin_write().unwrap();
    early.iter().for_each(|number| writer.free(*number));
    writer.commit(&[1], Durability::Immediate).unwrap();
    pager.close().unwrap();
    drop(pager);
    let before = len(&vfs);
    // Nothing is written anew by this one.
    let pager = open(&vfs, Some(Compression::None));
    pager.compact(&mut |_| true).unwrap();
    assert_eq!(pager.stats().page_bytes_written, 0);
    pager.check().unwrap();
    check(&pager.snapshot().operation(), &late, 200..260);
    pager.close().unwrap();
    drop(pager);
    assert!(len(&vfs) < before / 2, "{} of {before}", len(&vfs));
    let pager = open(&vfs, None);
    check(&pager.snapshot().operation(), &late, 200..260);
}

#[test]
fn compressed_images_are_found_without_the_page_map() {
    let vfs = MemoryVfs::new();
    let pager = open(&vfs, Some(Compression::Lz4));
    let mut writer = pager.begin_write().unwrap();
    let numbers = add(&mut writer, 0..40);
    writer.commit(&[1], Durability::Immediate).unwrap();
    pager.close().unwrap();
    let map = { pager.shared.store.as_ref().unwrap().state.lock().header.map };
    drop(pager);
    for is_map_lost in [false, true] {
        if is_map_lost {
            let file = vfs.open(PATH, OpenMode::ReadWrite).unwrap();
            file.write_at(&[0xA5; 64], map.block() * 4096 + 30).unwrap();
        }
        let salvage = Salvage::open(Arc::new(vfs.clone()), PATH, &mut |_, _| Ok(())).unwrap();
        assert_eq!(salvage.damage().is_empty(), !is_map_lost);
        assert!(salvage.is_certain() && salvage.lost().is_empty());
        assert_eq!(salvage.compression(), Compression::Lz4);
        for (content, number) in numbers.iter().enumerate() {
            let body = |len: usize| (0..len).map(|at| byte(content as u32, at)).collect::<Vec<u8>>();
            let page = match content % 3 {
                0 => salvage.value(*number, 4096 * (1 + content % 7) - 24).unwrap(),
                _ => salvage.page(*number).unwrap(),
            };
            assert!(page[24..] == body(page.len() - 24), "page {number}");
        }
        let leaves = salvage.pages_of(PageKind::RecordLeaf, TREE).len();
        assert_eq!(leaves, numbers.len() - numbers.len().div_ceil(3));
        assert!(
            matches!(salvage.value(numbers[3], 100_000), Err(error) if matches!(*error, StorageFault::Corruption(_)))
        );
    }
}
