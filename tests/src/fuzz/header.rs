//! The header blocks: any bytes in them give a database that can be read, or an error.

use std::sync::{Arc, OnceLock};

use epilog::storage::codec::checksum::crc32c;
use epilog::storage::page::{PageNumber, PageRead};
use epilog::storage::pager::{Pager, PagerOptions};

use super::Input;
use crate::disk::SimVfs;
use crate::format::{BLOCK_LEN, HEADER_LEN, HEADERS_LEN};
use crate::sample::{JOURNAL, PATH, Sample};

fn sound() -> &'static [SimVfs; 2] {
    static SOUND: OnceLock<[SimVfs; 2]> = OnceLock::new();
    SOUND.get_or_init(|| [Sample::closed(1).disk, Sample::open(1).disk])
}

/// Runs one input.
pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let disk = sound()[input.below(2)].fork();
    let Some(mut file) = disk.bytes(PATH) else { return };
    let seals = input.flag();
    match input.u8() % 8 {
        0 => {
            for copy in 0..4 {
                let bytes = input.take(HEADER_LEN);
                file[copy * BLOCK_LEN..copy * BLOCK_LEN + bytes.len()].copy_from_slice(bytes);
            }
        }
        1 => file.truncate(input.below(HEADERS_LEN + 5 * BLOCK_LEN)),
        2 => {
            let (from, to) = (input.below(4) * BLOCK_LEN, input.below(4) * BLOCK_LEN);
            file.copy_within(from..from + BLOCK_LEN, to);
        }
        _ => {}
    }
    for _ in 0..input.below(5) {
        // Both copies of a slot, or one.
        let copies = [(0, 2), (2, 4), (0, 1), (3, 4)][input.below(4)];
        let saved = input.clone();
        for copy in copies.0..copies.1 {
            let start = copy * BLOCK_LEN;
            if let Some(header) = file.get_mut(start..start + HEADER_LEN) {
                input = saved.clone();
                input.spoil(&mut header[..160]);
            }
        }
    }
    if seals {
        for header in file.chunks_mut(BLOCK_LEN).take(4).filter(|block| block.len() >= HEADER_LEN) {
            let crc = crc32c(&header[..HEADER_LEN - 4]);
            header[HEADER_LEN - 4..HEADER_LEN].copy_from_slice(&crc.to_le_bytes());
        }
    }
    disk.set_bytes(PATH, &file);
    if input.u8() == 1 {
        disk.set_bytes(JOURNAL, input.take(600));
    }
    let options = PagerOptions { read_only: true, ..PagerOptions::default() };
    let Ok(pager) = Pager::open(Arc::new(disk.clone()), PATH, options) else { return };
    let _ = pager.check();
    for number in 0..40 {
        let _ = pager.reader().page(PageNumber(number)).map(<[u8]>::len);
    }
    drop(pager);
    assert_eq!(disk.bytes(PATH), Some(file), "a file opened for reading was written to");
}
