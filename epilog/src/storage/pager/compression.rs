//! Compressed images: what is written of a page where that takes fewer blocks, and how the page is had again.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 24 | the page's header, but 1 at byte 10 for LZ4 |
//! | 24 | 4 | length *n* of what is compressed |
//! | 28 | 4 | length of the page |
//! | 32 | *n* | the page from byte 24 on, as an LZ4 block |
//! | | | zeros to the end of the last block |
//!
//! * The header is as in any image, so that an image is recognised without the page map. What leads to the image, a
//!   [`MapEntry`](super::map::MapEntry), says that it is compressed, too.
//! * A page is compressed only if that saves a block at least, and if it has no more than [`PAGE_LEN_MAX`] bytes, so that
//!   memory for it can be taken whatever bytes ask for it.
//! * Checksum and generation are those of the image as it is written: what moves or verifies images need not decompress.
//! * In memory there are only whole pages, whose byte 10 is zero.
//!
//! LZ4 blocks: <https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md>.

use alloc::string::String;
use alloc::vec::Vec;

use super::image::u32_at;
use crate::storage::error::words;
use crate::storage::page::PAGE_HEADER_LEN;

/// What images are compressed with: see [`Options::compression`](crate::Options::compression).
///
/// # Examples
///
/// ```
/// use epilog::Compression;
///
/// assert_eq!(Compression::default(), Compression::None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Compression {
    /// They are written as they are.
    #[default]
    None,
    /// LZ4, for pages of which that saves a block at least.
    #[cfg(feature = "lz4")]
    Lz4,
}

/// The number of LZ4, in images and in headers.
pub(super) const LZ4: u8 = 1;
/// The cargo feature that a build needs to read images with that number.
pub(super) const FEATURE: &str = "lz4";
/// Whether this build can read them.
pub(super) const IS_KNOWN: bool = cfg!(feature = "lz4");

/// Longer pages are written as they are.
pub(super) const PAGE_LEN_MAX: usize = 1 << 20;

/// Where an image says what it is compressed with.
const CODEC_AT: usize = 10;
/// The bytes before what is compressed.
const START: usize = PAGE_HEADER_LEN + 8;

/// What the compressed images of a file are compressed with, if it has any.
pub(super) fn of_file(has_compressed: bool) -> Compression {
    match has_compressed {
        #[cfg(feature = "lz4")]
        true => Compression::Lz4,
        _ => Compression::None,
    }
}

/// Whether an image says that it is compressed.
pub(super) fn is_compressed(image: &[u8]) -> bool {
    image.get(CODEC_AT).is_some_and(|codec| *codec != 0)
}

/// The lengths that a compressed image states: of what is compressed, and of the page. The latter is one that pages in
/// blocks of `block_len` bytes can have, and more than `n` and its blocks.
fn lengths(image: &[u8], block_len: usize) -> Result<(usize, usize), String> {
    let (n, page) = (u32_at(image, PAGE_HEADER_LEN) as usize, u32_at(image, PAGE_HEADER_LEN + 4) as usize);
    let (codec, class) = match image.get(..START) {
        Some(start) => (start[CODEC_AT], start[9]),
        None => return Err(words!("a compressed image of {} bytes", image.len())),
    };
    if codec != LZ4 {
        return Err(words!("the image is compressed with {codec}, which is not known"));
    }
    let is_of_class = class == u8::MAX || 512usize.checked_shl(class.into()) == Some(page);
    // In this order, so that no sum overflows.
    let saves = page <= PAGE_LEN_MAX && n <= page && (START + n).next_multiple_of(block_len) < page;
    if !saves || !page.is_multiple_of(block_len) || !is_of_class {
        return Err(words!(
            "the image says that {n} bytes in it are a page of {page} bytes and size class {class}"
        ));
    }
    Ok((n, page))
}

/// The length of a compressed image that begins with `start`, in blocks; `None` when there is none.
pub(super) fn run_of(start: &[u8], block_len: usize) -> Option<usize> {
    let (n, _) = lengths(start, block_len).ok()?;
    Some((START + n).div_ceil(block_len))
}

/// The length of the page in a compressed image.
///
/// # Errors
///
/// When no page has such a length, or the image is not as long as it says.
pub(super) fn page_len(image: &[u8], block_len: usize) -> Result<usize, String> {
    let (n, page) = lengths(image, block_len)?;
    if (START + n).next_multiple_of(block_len) != image.len() {
        return Err(words!("the image has {} bytes, and says that {n} are compressed", image.len()));
    }
    Ok(page)
}

/// Decompresses an image into `page`, which has the length that [`page_len`] says.
///
/// # Errors
///
/// When the image does not decompress to a page of that length.
pub(super) fn decompress(image: &[u8], page: &mut [u8]) -> Result<(), String> {
    let n = u32_at(image, PAGE_HEADER_LEN) as usize;
    let (Some(header), Some(compressed)) = (image.get(..PAGE_HEADER_LEN), image.get(START..START + n)) else {
        return Err(words!("the image has {} bytes, and says that {n} are compressed", image.len()));
    };
    let (start, rest) = page.split_at_mut(PAGE_HEADER_LEN);
    start.copy_from_slice(header);
    start[CODEC_AT] = 0;
    let found = codec::decompress(compressed, rest)?;
    match found == rest.len() {
        true => Ok(()),
        false => Err(words!("the image holds {found} bytes of a page, and should hold {}", rest.len())),
    }
}

/// The page in `image`, which is verified: as it is, or decompressed.
///
/// # Errors
///
/// As [`page_len`] and [`decompress`].
pub(super) fn into_page(image: Vec<u8>, block_len: usize) -> Result<Vec<u8>, String> {
    if !is_compressed(&image) {
        return Ok(image);
    }
    let mut page = vec![0; page_len(&image, block_len)?];
    decompress(&image, &mut page)?;
    Ok(page)
}

/// Compresses pages, one after the other.
pub(super) struct Compressor {
    compression: Compression,
    block_len: usize,
    codec: codec::Encoder,
    image: Vec<u8>,
}

impl Compressor {
    /// One for a file with blocks of `block_len` bytes.
    pub(super) fn new(compression: Compression, block_len: usize) -> Compressor {
        Compressor { compression, block_len, codec: codec::Encoder::default(), image: Vec::new() }
    }

    /// The image of `page`, to be sealed, if it is to be compressed and takes fewer blocks then.
    pub(super) fn compress(&mut self, page: &[u8]) -> Option<&[u8]> {
        let is_tried = self.compression != Compression::None
            && page.len() > self.block_len
            && page.len() <= PAGE_LEN_MAX;
        if !is_tried {
            return None;
        }
        let n = self.codec.compress(&page[PAGE_HEADER_LEN..], START, &mut self.image)?;
        let len = (START + n).next_multiple_of(self.block_len);
        if len >= page.len() {
            return None;
        }
        self.image.resize(START + n, 0);
        self.image[..PAGE_HEADER_LEN].copy_from_slice(&page[..PAGE_HEADER_LEN]);
        self.image[CODEC_AT] = LZ4;
        self.image[PAGE_HEADER_LEN..PAGE_HEADER_LEN + 4].copy_from_slice(&(n as u32).to_le_bytes());
        self.image[PAGE_HEADER_LEN + 4..START].copy_from_slice(&(page.len() as u32).to_le_bytes());
        self.image.resize(len, 0);
        Some(&self.image)
    }
}

/// The only code that knows `lz4_flex`.
#[cfg(feature = "lz4")]
mod codec {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use lz4_flex::block::{
        CompressTable, compress_into, compress_into_with_table, decompress_into, get_maximum_output_size,
    };

    /// A table for pages that are not too long for it; it holds nothing of one page for the next.
    #[derive(Default)]
    pub(super) struct Encoder(Option<CompressTable>);

    impl Encoder {
        /// Compresses `bytes` into `out` from `start` on; returns the length.
        pub(super) fn compress(&mut self, bytes: &[u8], start: usize, out: &mut Vec<u8>) -> Option<usize> {
            out.resize(start + get_maximum_output_size(bytes.len()), 0);
            let out = &mut out[start..];
            let outcome = if bytes.len() < usize::from(u16::MAX) {
                compress_into_with_table(bytes, out, self.0.get_or_insert_default())
            } else {
                compress_into(bytes, out)
            };
            outcome.ok()
        }
    }

    /// Decompresses into `out`; returns the length.
    pub(super) fn decompress(compressed: &[u8], out: &mut [u8]) -> Result<usize, String> {
        decompress_into(compressed, out).map_err(|error| error.to_string())
    }
}

/// Without the feature, no image is compressed, and a file that has compressed ones is refused by its header.
#[cfg(not(feature = "lz4"))]
mod codec {
    use alloc::string::String;
    use alloc::vec::Vec;

    #[derive(Default)]
    pub(super) struct Encoder {}

    impl Encoder {
        pub(super) fn compress(&mut self, _: &[u8], _: usize, _: &mut Vec<u8>) -> Option<usize> {
            None
        }
    }

    pub(super) fn decompress(_: &[u8], _: &mut [u8]) -> Result<usize, String> {
        Err("the image is compressed with LZ4, which epilog was built without".into())
    }
}

#[cfg(all(test, feature = "lz4"))]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::storage::page::{PageKind, PageNumber, TreeId, write_header};

    /// A page of `kind` that holds `body` again and again.
    fn page(kind: PageKind, len: usize, body: &[u8]) -> Vec<u8> {
        let mut page = vec![0; len];
        write_header(&mut page, PageNumber(7), kind, TreeId(9));
        let body = body.iter().cycle().copied();
        page[PAGE_HEADER_LEN..].iter_mut().zip(body).for_each(|(at, byte)| *at = byte);
        page
    }

    fn compress(page: &[u8], block_len: usize) -> Option<Vec<u8>> {
        Compressor::new(Compression::Lz4, block_len).compress(page).map(<[u8]>::to_vec)
    }

    /// Compresses and decompresses; the blocks it took, or `None` when it stays as it is.
    fn check(page: &[u8], block_len: usize) -> Option<usize> {
        let image = compress(page, block_len)?;
        assert!(image.len().is_multiple_of(block_len) && image.len() < page.len());
        assert!(is_compressed(&image) && !is_compressed(page));
        assert_eq!(run_of(&image[..START], block_len), Some(image.len() / block_len));
        assert_eq!(page_len(&image, block_len), Ok(page.len()));
        assert_eq!(into_page(image.clone(), block_len).as_deref(), Ok(page));
        Some(image.len() / block_len)
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1u64;
        let next = |_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as u8
        };
        (0..len).map(next).collect()
    }

    #[test]
    fn pages_of_every_length_come_back() {
        for block_len in [512, 1024, 2048, 4096] {
            for class in 0..12 {
                let len = 512 << class;
                let sparse = page(PageKind::RecordLeaf, len, b"a record, and ");
                assert_eq!(check(&sparse, block_len).is_some(), len > block_len, "{len} in {block_len}");
                let dense = page(PageKind::RecordLeaf, len, &noise(len));
                assert_eq!(check(&dense, block_len), None);
            }
            for blocks in 2..40 {
                let value = page(PageKind::Value, blocks * block_len, b"n");
                assert!(check(&value, block_len).is_some_and(|run| run < blocks));
            }
        }
    }

    #[test]
    fn a_page_is_compressed_when_that_saves_a_block() {
        for dense in (0..16_384).step_by(512) {
            let mut body = noise(dense);
            body.resize(16_384, 0);
            let run = check(&page(PageKind::RecordLeaf, 16_384, &body), 4096);
            match dense {
                0..=3584 => assert_eq!(run, Some(1), "{dense}"),
                4096..=7680 => assert_eq!(run, Some(2), "{dense}"),
                8192..=11_776 => assert_eq!(run, Some(3), "{dense}"),
                _ => assert_eq!(run, None, "{dense}"),
            }
        }
    }

    #[test]
    fn pages_that_are_too_long_and_pages_of_a_block_stay_as_they_are() {
        let long = page(PageKind::Value, PAGE_LEN_MAX, b"n");
        assert!(check(&long, 4096).is_some());
        assert_eq!(check(&page(PageKind::Value, PAGE_LEN_MAX + 4096, b"n"), 4096), None);
        assert_eq!(check(&page(PageKind::EntryLeaf, 4096, b"n"), 4096), None);
        let mut none = Compressor::new(Compression::None, 4096);
        assert_eq!(none.compress(&long), None);
    }

    /// Whatever was compressed before: what is written follows from the page alone.
    #[test]
    fn an_image_does_not_depend_on_the_one_before() {
        let mut compressor = Compressor::new(Compression::Lz4, 4096);
        let pages = [
            page(PageKind::RecordLeaf, 65_536, &noise(3000)),
            page(PageKind::Value, 300 << 10, &noise(50_000)),
            page(PageKind::RecordLeaf, 16_384, &noise(700)),
            page(PageKind::RecordLeaf, 16_384, &noise(20)),
        ];
        for page in pages.iter().chain(pages.iter().rev()) {
            assert_eq!(compressor.compress(page).map(<[u8]>::to_vec), compress(page, 4096));
        }
    }

    /// What no page is compressed to has a problem, and takes no memory.
    #[test]
    fn lengths_that_cannot_be_are_refused() {
        let sound = compress(&page(PageKind::RecordLeaf, 16_384, b"record"), 4096).unwrap();
        let check = |at: usize, number: u32| {
            let mut image = sound.clone();
            image[at..at + 4].copy_from_slice(&number.to_le_bytes());
            assert!(into_page(image.clone(), 4096).is_err(), "{number} at {at}");
            image
        };
        for number in [0, 1, 4096, 8192, 16_383, 16_385, 32_768, PAGE_LEN_MAX as u32 * 2, u32::MAX] {
            check(PAGE_HEADER_LEN + 4, number);
        }
        for number in [4096, 16_384, u32::MAX - 31, u32::MAX] {
            let image = check(PAGE_HEADER_LEN, number);
            let _ = run_of(&image, 4096);
        }
        // As long as the page should be, but of another length when it is decompressed.
        let n = u32_at(&sound, PAGE_HEADER_LEN);
        (0..n).for_each(|n| drop(check(PAGE_HEADER_LEN, n)));
        for len in [0, 10, START - 1, START, 4095] {
            assert!(page_len(&sound[..len], 4096).is_err());
        }
        let mut other = sound.clone();
        other[CODEC_AT] = 2;
        assert!(into_page(other, 4096).is_err());
    }

    fn block_len() -> impl Strategy<Value = usize> {
        prop::sample::select(vec![512, 1024, 4096])
    }

    proptest! {
        #[test]
        fn pages_come_back(
            block_len in block_len(),
            blocks in 1..30usize,
            body in vec(any::<u8>(), 1..4000),
            repeats in 1..200usize,
        ) {
            let body: Vec<u8> = body.chunks(20).flat_map(|part| part.repeat(repeats)).collect();
            check(&page(PageKind::Value, blocks * block_len, &body), block_len);
        }

        /// Under a right checksum there may be anything: a page comes of it, or a problem.
        #[test]
        fn any_bytes_are_a_page_or_refused(
            block_len in block_len(),
            body in vec(any::<u8>(), 1..300),
            len in 0..9000u32,
            page_blocks in 0..300u32,
            changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        ) {
            let mut image = compress(&page(PageKind::Value, 16_384, &body), block_len).unwrap_or(body);
            for (at, byte) in changes {
                let at = at.index(image.len());
                image[at] = byte;
            }
            let _ = into_page(image.clone(), block_len);
            if image.len() >= START {
                image[CODEC_AT] = LZ4;
                image[9] = u8::MAX;
                image[PAGE_HEADER_LEN..PAGE_HEADER_LEN + 4].copy_from_slice(&len.to_le_bytes());
                let page = page_blocks * block_len as u32;
                image[PAGE_HEADER_LEN + 4..START].copy_from_slice(&page.to_le_bytes());
                image.resize((START + len as usize).next_multiple_of(block_len), 0x5A);
                if let Ok(bytes) = into_page(image, block_len) {
                    prop_assert_eq!(bytes.len(), page as usize);
                }
            }
        }
    }
}
