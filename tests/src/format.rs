//! Files as other versions of this library might have written them.

use std::fs;
use std::path::Path;

use epilog::storage::codec::checksum::crc32c;

/// The blocks of the header's copies, and the bytes of a header; see `epilog/docs/file-format.md`.
const COPIES: usize = 4;
const BLOCK_LEN: usize = 4096;
const HEADER_LEN: usize = 512;

/// Makes a database file say that it has this format version, with right checksums.
///
/// # Panics
///
/// When the file cannot be read or written, or is too short for a header.
pub fn set_format_version(path: &Path, version: u16) {
    let mut bytes = fs::read(path).expect("the file can be read");
    for copy in 0..COPIES {
        let header = &mut bytes[copy * BLOCK_LEN..][..HEADER_LEN];
        header[8..10].copy_from_slice(&version.to_le_bytes());
        let crc = crc32c(&header[..HEADER_LEN - 4]);
        header[HEADER_LEN - 4..].copy_from_slice(&crc.to_le_bytes());
    }
    fs::write(path, bytes).expect("the file can be written");
}
