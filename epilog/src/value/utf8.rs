//! Bytes that are to be a text.
//!
//! Whoever reads a text from a file looks whether it is UTF-8 each time, since damage may get past a checksum and a hostile file has right
//! ones. The standard library looks at sixteen bytes at a time; that none of them has its highest bit set, as in most texts, is told by
//! instructions on vectors in a quarter of the time, and is enough.

#![allow(unsafe_code)]

use crate::parts;

/// Bytes as the text that they are, if they are one.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    // Small builds have one way to look.
    if parts::ASCII && bytes.is_ascii() {
        // SAFETY: bytes below 128 are UTF-8 for themselves, whatever stands beside them, and `is_ascii` says that all of these are.
        return Some(unsafe { core::str::from_utf8_unchecked(bytes) });
    }
    other(bytes)
}

/// The same, of a text with other letters, or of no text.
#[inline(never)]
fn other(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Texts and others of every length around those that are looked at together, with something else at each place.
    #[test]
    fn what_is_a_text_is_what_the_standard_library_says() {
        let odd: [&[u8]; 7] =
            [b"\x7f", b"\x80", b"\xff", "é".as_bytes(), "€".as_bytes(), "𝄞".as_bytes(), b"\xe2\x82"];
        for len in 0..100 {
            let plain: Vec<u8> = (0..len).map(|at| b'a' + at % 26).collect();
            assert_eq!(text(&plain), core::str::from_utf8(&plain).ok());
            assert!(text(&plain).is_some());
            for at in 0..=plain.len() {
                for part in odd {
                    let mut bytes = plain.clone();
                    bytes.splice(at..at, part.iter().copied());
                    assert_eq!(text(&bytes), core::str::from_utf8(&bytes).ok(), "{bytes:?}");
                }
            }
        }
    }
}
