//! [`Continuation`]: where a page ended.
//!
//! | bytes | |
//! |---|---|
//! | 1 | version of the layout, 1 |
//! | 8 | the shape of the query, little-endian as all that follows |
//! | 1 | how many values: none at an end of the rows, otherwise one for each term of the order |
//! | each value | 1: its type; 1: whether it is there; where it is, 4: its length; its cell |
//! | 8 | FNV-1a of all before |
//!
//! As text it is base64 with the alphabet for URLs and without padding (RFC 4648, section 5).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::Error;
use crate::expr::fnv;
use crate::expr::keyset::TermValue;
use crate::value::{Cell, Scalar, Type};

const VERSION: u8 = 1;

/// Where a page of a query ended, and the next one goes on: see [`Query::page`](super::Query::page).
///
/// A text to a program that hands it to a client and gets it back: `to_string` and `parse`. What is in it are the values that the
/// rows are ordered by, so that it is no secret and none is kept with it: it is checked, not signed. It belongs to one query, and
/// is refused by another, by one whose order differs, and after the fields of the collections have changed.
///
/// # Examples
///
/// ```
/// use epilog::query::Continuation;
#[doc = include_str!("../example.txt")]
///
/// let next = Track::query().page(&db, 3, None)?.next.expect("a fourth track");
/// let sent: String = next.to_string();
/// let back: Continuation = sent.parse()?;
/// assert_eq!(Track::query().page(&db, 3, Some(&back))?.items[0].name, "Crusader");
///
/// let damaged = sent.replacen('A', "B", 1).parse::<Continuation>().unwrap_err();
/// assert_eq!(damaged.kind(), ErrorKind::Continuation);
/// let other = Album::query().page(&db, 3, Some(&back)).unwrap_err();
/// assert_eq!(other.kind(), ErrorKind::Continuation);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Continuation {
    /// Checked when it was made of what others gave.
    bytes: Vec<u8>,
}

impl Continuation {
    /// The place of a row that has these cells.
    pub(super) fn at<'c>(shape: u64, cells: impl ExactSizeIterator<Item = (Type, Cell<'c>)>) -> Continuation {
        let mut bytes = Vec::from([VERSION]);
        bytes.extend(shape.to_le_bytes());
        bytes.push(u8::try_from(cells.len()).expect("an order has fewer terms than a scope has fields"));
        for (ty, cell) in cells {
            bytes.extend([ty as u8, u8::from(cell.is_some())]);
            if let Some(cell) = cell {
                bytes.extend(u32::try_from(cell.len()).expect("a value fits a record").to_le_bytes());
                bytes.extend(cell);
            }
        }
        let check = fnv(&bytes);
        bytes.extend(check.to_le_bytes());
        Continuation { bytes }
    }

    /// The values of the row, in a query of this shape whose order has so many terms.
    pub(super) fn values(&self, shape: u64, terms: usize) -> Result<Vec<TermValue>, Error> {
        let (found, values) = read(&self.bytes).ok_or_else(|| Error::continuation(DAMAGED))?;
        let fits = values.is_empty() || values.len() == terms;
        if found == shape && fits { Ok(values) } else { Err(Error::continuation(OF_ANOTHER)) }
    }

    /// Its bytes, for what has a shorter way for bytes than the text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What [`as_bytes`](Continuation::as_bytes) gave.
    ///
    /// # Errors
    ///
    /// [`Continuation`](crate::ErrorKind::Continuation) when the bytes are not those that it gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Continuation, Error> {
        match read(bytes) {
            Some(_) => Ok(Continuation { bytes: bytes.to_vec() }),
            None => Err(Error::continuation(DAMAGED)),
        }
    }
}

pub(super) const OF_ANOTHER: &str = "is of another query";
const DAMAGED: &str = "is damaged, or of another version of epilog";

/// The shape and the values; `None` when the bytes are not those of a continuation.
fn read(bytes: &[u8]) -> Option<(u64, Vec<TermValue>)> {
    let (mut rest, check) = bytes.split_last_chunk::<8>()?;
    if u64::from_le_bytes(*check) != fnv(rest) || take(&mut rest)? != [VERSION] {
        return None;
    }
    let shape = u64::from_le_bytes(take(&mut rest)?);
    let [count] = take(&mut rest)?;
    let mut values = Vec::new();
    for _ in 0..count {
        let [ty, is_there] = take(&mut rest)?;
        let ty = Type::from_u8(ty)?;
        let cell = match is_there {
            0 => None,
            1 => {
                let len = u32::from_le_bytes(take(&mut rest)?) as usize;
                let (cell, others) = rest.split_at_checked(len)?;
                rest = others;
                Some(cell)
            }
            _ => return None,
        };
        values.push((Scalar::from_cell(ty, cell)?, ty));
    }
    rest.is_empty().then_some((shape, values))
}

/// The next so many bytes.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl fmt::Display for Continuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for chunk in self.bytes.chunks(3) {
            let mut word = [0; 4];
            word[1..=chunk.len()].copy_from_slice(chunk);
            let word = u32::from_be_bytes(word);
            for digit in 0..=chunk.len() {
                let at = (word >> (18 - 6 * digit)) & 63;
                text.push(char::from(ALPHABET[at as usize]));
            }
        }
        f.pad(&text)
    }
}

impl FromStr for Continuation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Continuation, Error> {
        let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
        for chunk in text.as_bytes().chunks(4) {
            let mut word = 0;
            for (place, digit) in chunk.iter().enumerate() {
                let value = ALPHABET.iter().position(|known| known == digit);
                word |= value.ok_or_else(|| Error::continuation(DAMAGED))? << (18 - 6 * place);
            }
            // The bits behind the last byte are zero: there is one text for each continuation.
            let word = (word as u32).to_be_bytes();
            let (whole, left) = word[1..].split_at(chunk.len() - 1);
            if left.iter().any(|byte| *byte != 0) {
                return Err(Error::continuation(DAMAGED));
            }
            bytes.extend(whole);
        }
        Continuation::from_bytes(&bytes)
    }
}

impl fmt::Debug for Continuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Continuation({self})")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn sample(text: &[u8]) -> Continuation {
        let number = 7i64.to_le_bytes();
        let cells = [(Type::String, Some(text)), (Type::I64, None), (Type::I64, Some(&number[..]))];
        Continuation::at(99, cells.into_iter())
    }

    #[test]
    fn bytes_and_texts_of_all_lengths_come_back() {
        for len in 0..9 {
            let text = "abcdefgh\u{e4}".chars().take(len).collect::<String>();
            let place = sample(text.as_bytes());
            assert_eq!(place.to_string().parse::<Continuation>().ok(), Some(place.clone()));
            let values = place.values(99, 3).expect("sound");
            assert_eq!(values[0], (Scalar::String(text), Type::String));
            assert_eq!(values[1..], [(Scalar::Null, Type::I64), (Scalar::Int(7), Type::I64)]);
            assert!(place.values(98, 3).is_err() && place.values(99, 2).is_err());
        }
    }

    #[test]
    fn every_changed_byte_and_every_changed_letter_is_noticed() {
        let place = sample(b"abc");
        for at in 0..place.bytes.len() {
            for change in 1..=255 {
                let mut bytes = place.bytes.clone();
                bytes[at] ^= change;
                assert!(Continuation::from_bytes(&bytes).is_err(), "byte {at} ^ {change}");
            }
            assert!(Continuation::from_bytes(&place.bytes[..at]).is_err());
        }
        let text = place.to_string();
        for at in 0..text.len() {
            for other in ALPHABET.iter().chain(b"=+ ") {
                let mut changed = text.clone().into_bytes();
                if changed[at] == *other {
                    continue;
                }
                changed[at] = *other;
                let changed = String::from_utf8(changed).expect("ASCII");
                assert!(changed.parse::<Continuation>().is_err(), "letter {at}");
            }
        }
    }

    #[test]
    fn sums_of_other_layouts_that_are_right_are_refused() {
        let checked = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            bytes.extend(fnv(&bytes).to_le_bytes());
            Continuation::from_bytes(&bytes).is_ok()
        };
        let start = [VERSION, 0, 0, 0, 0, 0, 0, 0, 0];
        let with = |rest: &[u8]| [&start[..], rest].concat();
        assert!(checked(&with(&[0])) && checked(&with(&[1, Type::Bool as u8, 1, 1, 0, 0, 0, 1])));
        assert!(!checked(&[]) && !checked(&[VERSION]) && !checked(&with(&[0, 0])) && !checked(&with(&[1])));
        assert!(!checked(&with(&[1, 255, 0])) && !checked(&with(&[1, Type::Bool as u8, 2])));
        assert!(!checked(&with(&[1, Type::Bool as u8, 1, 1, 0, 0, 0, 7])));
        assert!(!checked(&with(&[1, Type::Bool as u8, 1, 255, 255, 255, 255, 1])));
        assert!(!checked(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    }
}
