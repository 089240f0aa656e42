//! Pages of both trees, and compressed images: whatever lies under a right checksum gives an answer or an error, in a walk
//! that ends.

use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use epilog::Compression;
use epilog::storage::StorageError;
use epilog::storage::btree::{Direction, EntryTree, LeafFormat, RecordTree};
use epilog::storage::page::{
    BLOCK_LEN, ENTRY_PAGE_LEN, PAGE_HEADER_LEN, PageKind, PageNumber, PageRead, PageWrite, RECORD_LEAF_LEN,
    TreeId,
};
use epilog::storage::pager::{Durability, Pager, PagerOptions, Salvage};

use super::Input;
use crate::disk::SimVfs;
use crate::format::{FileMap, Held};
use crate::pages::Pages;
use crate::random::Random;

const TREE: TreeId = TreeId(9);
/// The name of a file of pages.
const PATH: &str = "pages";

/// A walk that reads more has no end.
const WALK_BYTES_MAX: usize = 1 << 26;

struct Sound {
    records: [(Pages, RecordTree); 2],
    entries: (Pages, EntryTree),
}

fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| Sound {
        records: [
            records(LeafFormat { rank_width: 8, stride: 12, blob_offset: Some(8), version: 1 }),
            records(LeafFormat { rank_width: 16, stride: 20, blob_offset: None, version: 1 }),
        ],
        entries: entries(),
    })
}

fn row(format: LeafFormat, rank: u128, byte: u8) -> Vec<u8> {
    let width = usize::from(format.rank_width);
    let mut row = vec![byte; usize::from(format.stride)];
    row[..width].copy_from_slice(&rank.to_le_bytes()[..width]);
    if let Some(at) = format.blob_offset {
        row[usize::from(at)..usize::from(at) + 2].fill(0);
    }
    row
}

fn blob(format: LeafFormat, len: usize) -> Vec<u8> {
    vec![7; if format.blob_offset.is_some() { len } else { 0 }]
}

fn rank(format: LeafFormat, number: u128) -> u128 {
    if format.rank_width == 16 { number << 70 } else { number * 3 }
}

fn records(format: LeafFormat) -> (Pages, RecordTree) {
    let mut pages = Pages::default();
    let tree = RecordTree::create(&mut pages, TREE, format, RECORD_LEAF_LEN as u32).expect("pages in memory");
    let mut random = Random::new(1);
    for number in 0..if format.rank_width == 16 { 3000 } else { 260 } {
        let rank = rank(format, number);
        let blob = blob(format, random.below(900) as usize);
        assert!(tree.insert(&mut pages, rank, &row(format, rank, 1), &blob).expect("pages in memory"));
    }
    (pages, tree)
}

fn entry(input: &mut Input<'_>) -> Vec<u8> {
    let mut entry = b"shared/prefix/"[..input.below(15)].to_vec();
    let len = usize::from(input.u8()) % 40 * usize::from(1 + input.u8() % 20);
    entry.extend((0..len).map(|at| b'a' + (at as u8 & 3)));
    entry.extend_from_slice(input.take(4));
    entry.truncate(900);
    entry
}

fn entries() -> (Pages, EntryTree) {
    let mut pages = Pages::default();
    let tree = EntryTree::create(&mut pages, TREE, ENTRY_PAGE_LEN as u32).expect("pages in memory");
    let mut random = Random::new(2);
    let mut bytes = [0; 24];
    for _ in 0..500 {
        random.fill(&mut bytes);
        tree.insert(&mut pages, &entry(&mut Input::new(&bytes))).expect("pages in memory");
    }
    (pages, tree)
}

/// Changes some pages, or makes one of bytes alone.
fn spoil(pages: &mut Pages, input: &mut Input<'_>) {
    let numbers = pages.numbers();
    for _ in 0..1 + input.below(6) {
        let number = numbers[input.below(numbers.len())];
        let other = numbers[input.below(numbers.len())];
        let choice = input.u8() % 8;
        let image = pages.pages[&other.0].clone();
        let page = pages.pages.get_mut(&number.0).expect("a page there is");
        match choice {
            0..=3 => {
                let front = page.len().min(64);
                input.spoil(&mut page[8..front]);
            }
            4 => input.spoil(page),
            5 => {
                let front = page.len().min(1200);
                input.spoil(&mut page[PAGE_HEADER_LEN..front]);
            }
            6 => drop(pages.pages.insert(number.0, image)),
            _ => {
                let len = page.len() - PAGE_HEADER_LEN;
                let bytes = input.take(len.min(200));
                page[PAGE_HEADER_LEN..PAGE_HEADER_LEN + bytes.len()].copy_from_slice(bytes);
            }
        }
    }
    if input.u8() == 0xFF {
        // Of a length that its kind does not have.
        let number = pages.allocate(PageKind::Value, TREE, BLOCK_LEN * 3).expect("pages in memory");
        let image = pages.pages[&number.0].clone();
        pages.pages.insert(numbers[input.below(numbers.len())].0, image);
    }
}

/// Runs one input.
pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.u8() {
        0xE0.. => run_compressed(&mut input),
        which if which % 3 == 2 => run_entries(&mut input),
        which => run_records(usize::from(which % 3), &mut input),
    }
}

/// A file of compressed pages: a leaf, and a value.
fn compressed() -> &'static (SimVfs, FileMap) {
    static SOUND: OnceLock<(SimVfs, FileMap)> = OnceLock::new();
    SOUND.get_or_init(|| {
        let disk = SimVfs::new(3);
        let options = PagerOptions { compression: Some(Compression::Lz4), ..PagerOptions::default() };
        let pager = Pager::open(Arc::new(disk.clone()), PATH, options).expect("an empty disk");
        let mut writer = pager.begin_write().expect("it is new");
        for (kind, len) in [(PageKind::RecordLeaf, RECORD_LEAF_LEN), (PageKind::Value, 9 * BLOCK_LEN)] {
            let number = writer.allocate(kind, TREE, len).expect("room");
            let page = writer.page_mut(number).expect("it is new");
            let bytes = page[PAGE_HEADER_LEN..].iter_mut();
            bytes.enumerate().for_each(|(at, byte)| *byte = (at / 90 * (at % 7)) as u8);
        }
        writer.commit(&[1], Durability::Immediate).expect("a sound disk");
        pager.close().expect("a sound disk");
        let map = FileMap::of(&disk.bytes(PATH).expect("the file"));
        (disk, map)
    })
}

fn run_compressed(input: &mut Input<'_>) {
    let (sound, map) = compressed();
    let (disk, mut file) = (sound.fork(), sound.bytes(PATH).expect("the file"));
    for _ in 0..1 + input.below(3) {
        let pages: Vec<usize> =
            (0..map.images.len()).filter(|at| matches!(map.images[*at].held, Held::Page(..))).collect();
        let position = pages[input.below(pages.len())];
        let image = map.images[position];
        let bytes = &mut file[image.start..image.start + image.len];
        match input.u8() % 4 {
            0 => input.spoil(&mut bytes[9..32]),
            1 => input.spoil(&mut bytes[24..100]),
            2 => input.spoil(&mut bytes[32..]),
            _ => {
                let made_up = input.take(200);
                bytes[32..32 + made_up.len()].copy_from_slice(made_up);
            }
        }
        if input.u8() == 1 {
            // A run that is longer or shorter than the image, or the flag that is not there.
            file[image.entry + 6 + input.below(4)] ^= 1;
        }
        map.seal(&mut file, position);
    }
    disk.set_bytes(PATH, &file);
    let options = PagerOptions { read_only: true, ..PagerOptions::default() };
    if let Ok(pager) = Pager::open(Arc::new(disk.clone()), PATH, options) {
        let _ = pager.check();
        let snapshot = pager.snapshot();
        for image in map.pages() {
            if let Held::Page(number, _) = image.held
                && let Ok(page) = snapshot.operation().page(PageNumber(number))
            {
                assert!(page.len() <= 1 << 20, "no page that is compressed is longer");
            }
        }
    }
    if let Ok(salvage) = Salvage::open(Arc::new(disk), PATH, &mut |_, _| Ok(())) {
        for image in map.pages() {
            if let Held::Page(number, _) = image.held {
                let _ = (salvage.page(PageNumber(number)), salvage.value(PageNumber(number), 8 * BLOCK_LEN));
                let _ = salvage.earlier(PageNumber(number));
            }
        }
    }
}

fn walk_records(tree: RecordTree, pages: &Pages, direction: Direction) -> Result<(), StorageError> {
    let (mut cursor, mut bytes) = (tree.leaves(pages, 0, u128::MAX, direction), 0);
    while let Some(view) = cursor.next()? {
        for position in view.rows.clone() {
            bytes += 1 + view.row(position).len() + view.blob(position)?.len();
        }
        assert!(bytes < WALK_BYTES_MAX, "the walk does not end");
    }
    Ok(())
}

fn run_records(which: usize, input: &mut Input<'_>) {
    let (pages, tree) = &sound().records[which];
    let (mut pages, tree, format) = (pages.clone(), *tree, tree.format());
    spoil(&mut pages, input);
    let _ = tree.check(&pages, &mut |_| ());
    for direction in [Direction::Forward, Direction::Backward] {
        let _ = walk_records(tree, &pages, direction);
    }
    let _ = (tree.page_numbers(&pages), tree.count_hint(&pages), tree.is_empty(&pages));
    let _ = (tree.first_rank(&pages), tree.last_rank(&pages));
    for _ in 0..24 {
        let rank = rank(format, input.u16().into());
        let (row, blob) = (row(format, rank, 3), blob(format, usize::from(input.u8()) * 4));
        if let Ok(Some(slot)) = tree.get(&pages, rank) {
            let _ = slot.blob();
        }
        let _ = tree.get_many(&pages, &[rank, rank + 1, rank], |_| {});
        let _ = match input.u8() % 4 {
            0 => tree.insert(&mut pages, rank, &row, &blob),
            1 => tree.replace(&mut pages, rank, &row, &blob),
            _ => tree.remove(&mut pages, rank),
        };
    }
}

fn walk_entries(tree: EntryTree, pages: &Pages, direction: Direction) -> Result<(), StorageError> {
    let (mut cursor, mut bytes) = (tree.cursor(pages, Bound::Unbounded, Bound::Unbounded, direction), 0);
    while let Some(entry) = cursor.next()? {
        bytes += 1 + entry.len();
        assert!(bytes < WALK_BYTES_MAX, "the walk does not end");
    }
    Ok(())
}

fn run_entries(input: &mut Input<'_>) {
    let (pages, tree) = &sound().entries;
    let (mut pages, tree) = (pages.clone(), *tree);
    spoil(&mut pages, input);
    let _ = tree.check(&pages, &mut |_| ());
    for direction in [Direction::Forward, Direction::Backward] {
        let _ = walk_entries(tree, &pages, direction);
    }
    let _ = (tree.page_numbers(&pages), tree.first(&pages), tree.last(&pages), tree.is_empty(&pages));
    for _ in 0..24 {
        let entry = entry(input);
        let _ = (tree.contains(&pages, &entry), tree.rank_of(&pages, &entry, 8));
        let _ = match input.u8() % 2 {
            0 => tree.insert(&mut pages, &entry),
            _ => tree.remove(&mut pages, &entry),
        };
    }
    let _: Vec<PageNumber> = pages.numbers();
}
