//! [`Starts`]: whether the first few characters of a text are one of several texts, in place: what `left(text, n) in (..)` asks.

use alloc::vec::Vec;

use crate::value::Scalar;

/// Texts that another may start with, up to a number of characters.
#[derive(Clone, Debug)]
pub(super) struct Starts {
    /// How many characters are compared.
    chars: u64,
    texts: Vec<Vec<u8>>,
    /// Those of as many bytes as characters are compared, as numbers; where that is eight or fewer.
    words: Option<Vec<u64>>,
}

impl Starts {
    /// The first `chars` characters are one of `texts`.
    pub(super) fn new<'t>(chars: u64, texts: impl Iterator<Item = &'t str>) -> Starts {
        let texts: Vec<Vec<u8>> = texts.map(|text| text.as_bytes().to_vec()).collect();
        let words = (1..=8).contains(&chars).then(|| {
            let whole = texts.iter().filter(|text| text.len() as u64 == chars);
            whole.map(|text| text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))).collect()
        });
        Starts { chars, texts, words }
    }

    /// The test that `left(text, count)` is one of `candidates`; `None` when one of them is absent, or the count is.
    pub(super) fn of(count: &Scalar, candidates: &[&Scalar]) -> Option<Starts> {
        let Scalar::Int(count) = count else { return None };
        let chars = u64::try_from(*count).ok()?;
        let is_text = |candidate: &&Scalar| matches!(candidate, Scalar::String(_));
        if !candidates.iter().all(is_text) {
            return None;
        }
        let texts = candidates.iter().filter_map(|candidate| match candidate {
            Scalar::String(text) => Some(&**text),
            _ => None,
        });
        Some(Starts::new(chars, texts))
    }

    /// Whether `text`, which is UTF-8, starts so.
    #[inline]
    pub(super) fn passes(&self, text: &[u8]) -> bool {
        // Where all of them are of one byte each, as many characters are as many bytes.
        if let (Some(words), Some(start)) = (&self.words, text.first_chunk::<8>()) {
            let start = u64::from_le_bytes(*start) & (u64::MAX >> (64 - 8 * self.chars));
            if start & 0x8080_8080_8080_8080 == 0 {
                return words.contains(&start);
            }
        }
        let continues = |byte: &u8| *byte & 0xC0 == 0x80;
        let mut begun = 0;
        let end = text.iter().position(|byte| {
            begun += u64::from(!continues(byte));
            begun > self.chars
        });
        let start = &text[..end.unwrap_or(text.len())];
        self.texts.iter().any(|other| other == start)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use proptest::prelude::*;

    use super::*;

    /// Against the characters of strings, one after the other, for texts of every length around that of a word, some of
    /// characters of several bytes, and with zeros in them.
    #[test]
    fn the_first_characters_are_those_that_a_string_has() {
        let pieces = ["", "a", "ab", "\0", "a\0", "ä", "äb", "13-", "€", "ab13-77", "0123456789", "𝄞a"];
        let mut texts: Vec<String> = Vec::new();
        for first in pieces {
            for second in pieces {
                texts.push([first, second].concat());
            }
        }
        for chars in [0, 1, 2, 3, 7, 8, 9, 12] {
            for candidates in texts.chunks(5) {
                let starts = Starts::new(chars, candidates.iter().map(String::as_str));
                for text in &texts {
                    let left: String = text.chars().take(chars as usize).collect();
                    let expected = candidates.contains(&left);
                    assert_eq!(
                        starts.passes(text.as_bytes()),
                        expected,
                        "{chars} of {text:?}, {candidates:?}"
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn beginnings_are_those_of_characters(
            texts in prop::collection::vec("[ab\u{0}é𝄞]{0,10}|a{6,9}[abé]{0,2}", 1..8),
            others in prop::collection::vec("[ab\u{0}é𝄞]{0,10}|a{6,9}[abé]{0,2}", 0..4),
            chars in prop_oneof![0u64..11, Just(u64::MAX)],
        ) {
            let left = |text: &String| text.chars().take(chars as usize).collect::<String>();
            let candidates: Vec<String> = others.iter().cloned().chain(texts.iter().step_by(2).map(left)).collect();
            let starts = Starts::new(chars, candidates.iter().map(String::as_str));
            for text in texts.iter().chain(&others) {
                prop_assert_eq!(starts.passes(text.as_bytes()), candidates.contains(&left(text)), "{:?}", text);
            }
        }
    }
}
