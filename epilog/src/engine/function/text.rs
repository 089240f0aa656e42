//! Functions of texts. They count characters by the bytes that begin one, so that few of them decode any.

use alloc::vec::Vec;

use super::{Made, Problem, Values};

/// The bytes that a text can have: as many as that of a field.
const BYTES_MAX: u64 = 1 << 30;

const TOO_LONG: Problem = "makes a text of more than 1 GiB, or texts of more than 4 GiB for a thousand rows";

/// A part of each text.
pub(super) fn parts<'a>(
    of: super::Argument<'a>,
    len: usize,
    part: impl Fn(usize, &'a [u8]) -> (usize, usize),
) -> Made {
    let place = |row| {
        let (start, end) = part(row, of.bytes(row));
        // No text has 4 GiB.
        (start as u32, end as u32)
    };
    Made::of(Values::Parts((0..len).map(place).collect()))
}

/// A text a row, which `make` writes; it gives whether there was room.
pub(super) fn made(len: usize, mut make: impl FnMut(usize, &mut Text) -> bool) -> Made {
    let mut text = Text { bytes: Vec::new(), start: 0 };
    let (mut ends, mut faults) = (Vec::with_capacity(len), Vec::new());
    for row in 0..len {
        if !make(row, &mut text) {
            text.bytes.truncate(text.start);
            faults.push((row as u32, TOO_LONG));
        }
        text.start = text.bytes.len();
        ends.push(text.start as u32);
    }
    Made { values: Values::Texts { bytes: text.bytes, ends }, absent: None, faults }
}

/// A text being written, after those of the rows before.
pub(super) struct Text {
    bytes: Vec<u8>,
    start: usize,
}

impl Text {
    /// Appends; whether there is room.
    #[must_use]
    pub(super) fn push(&mut self, part: &[u8]) -> bool {
        let room = self.has_room(part.len() as u64);
        if room {
            self.bytes.extend_from_slice(part);
        }
        room
    }

    /// Appends so many times; whether there is room.
    #[must_use]
    pub(super) fn push_times(&mut self, part: &[u8], count: u64) -> bool {
        let room = count.checked_mul(part.len() as u64).is_some_and(|more| self.has_room(more));
        if room && !part.is_empty() {
            (0..count).for_each(|_| self.bytes.extend_from_slice(part));
        }
        room
    }

    /// Whether there is room for so many more bytes, in the text and among those of all rows, whose ends have 32 bits.
    fn has_room(&self, more: u64) -> bool {
        let (text, all) = ((self.bytes.len() - self.start) as u64, self.bytes.len() as u64);
        text.saturating_add(more) <= BYTES_MAX && all.saturating_add(more) <= u64::from(u32::MAX)
    }
}

fn begins_character(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

/// Where the character with this number begins; the end if there are not so many.
pub(super) fn offset(text: &[u8], number: u64) -> usize {
    // No character has less than a byte.
    if number >= text.len() as u64 {
        return text.len();
    }
    let begins = |byte: &u8| begins_character(*byte);
    let mut starts = text.iter().enumerate().filter(|(_, byte)| begins(byte));
    starts.nth(number as usize).map_or(text.len(), |(at, _)| at)
}

/// Where the last so many characters begin.
pub(super) fn offset_from_end(text: &[u8], count: u64) -> usize {
    match count {
        0 => text.len(),
        _ if count >= text.len() as u64 => 0,
        _ => {
            let mut starts = text.iter().enumerate().rev().filter(|(_, byte)| begins_character(**byte));
            starts.nth(count as usize - 1).map_or(0, |(at, _)| at)
        }
    }
}

pub(super) fn substring(text: &[u8], start: u64, count: u64) -> (usize, usize) {
    let start = offset(text, start);
    (start, start + offset(&text[start..], count))
}

/// The text without white space at its ends, or at one of them.
pub(super) fn trim(text: &[u8], at_start: bool, at_end: bool) -> (usize, usize) {
    // Most texts have nothing to trim, and tell by a byte of ASCII.
    let stays = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_graphic);
    if (!at_start || stays(text.first())) && (!at_end || stays(text.last())) {
        return (0, text.len());
    }
    // Damaged text stays as it is, for who reads it to find.
    let Ok(mut rest) = core::str::from_utf8(text) else { return (0, text.len()) };
    if at_end {
        rest = rest.trim_end();
    }
    let end = rest.len();
    if at_start {
        rest = rest.trim_start();
    }
    (end - rest.len(), end)
}

/// Where `part` first is in `text`.
pub(in crate::engine) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    let Some((first, rest)) = part.split_first() else { return Some(0) };
    let last_start = text.len().checked_sub(part.len())?;
    #[cfg(not(feature = "small"))]
    let mut start = match find_in_chunks(text, part) {
        Ok(found) => return Some(found),
        Err(unseen) => unseen,
    };
    #[cfg(feature = "small")]
    let mut start = 0;
    while start <= last_start {
        let found = text[start..=last_start].iter().position(|byte| byte == first)?;
        start += found + 1;
        if text[start..].starts_with(rest) {
            return Some(start - 1);
        }
    }
    None
}

/// Where `part` first is in `text`, or else from where on it was not looked for. Of so many places at a time those are looked at
/// where its first and its last byte are: a loop of comparisons that have nothing to do with each other, of which rustc makes a
/// few instructions.
#[cfg(not(feature = "small"))]
fn find_in_chunks(text: &[u8], part: &[u8]) -> Result<usize, usize> {
    match text.len().checked_sub(part.len()).map(|last_start| last_start + 1) {
        Some(32..) => in_chunks::<32>(text, part),
        Some(16..) => in_chunks::<16>(text, part),
        _ => Err(0),
    }
}

/// The same, `AT_ONCE` places at a time, of which there are as many at least.
#[cfg(not(feature = "small"))]
fn in_chunks<const AT_ONCE: usize>(text: &[u8], part: &[u8]) -> Result<usize, usize> {
    let (Some(first), Some(last)) = (part.first(), part.last()) else { return Err(0) };
    let places = text.len() - part.len() + 1;
    let mut start = 0;
    while start < places {
        // The last ones are looked at together with some before them once more.
        start = start.min(places - AT_ONCE);
        let firsts = text[start..].first_chunk::<AT_ONCE>();
        let lasts = text[start + part.len() - 1..].first_chunk::<AT_ONCE>();
        let (Some(firsts), Some(lasts)) = (firsts, lasts) else { return Err(start) };
        let mut found = [0u8; AT_ONCE];
        for ((found, one), other) in found.iter_mut().zip(firsts).zip(lasts) {
            *found = u8::from(one == first) & u8::from(other == last);
        }
        if found.iter().fold(0, |any, found| any | found) != 0 {
            let places = found.iter().enumerate().filter(|(_, found)| **found != 0);
            for (place, _) in places {
                if text[start + place..].starts_with(part) {
                    return Ok(start + place);
                }
            }
        }
        start += AT_ONCE;
    }
    Err(start)
}

pub(super) fn position(text: &[u8], part: &[u8]) -> Option<u64> {
    let at = find(text, part)?;
    Some(text[..at].iter().filter(|byte| begins_character(**byte)).count() as u64)
}

pub(super) fn replace(mut text: &[u8], part: &[u8], other: &[u8], out: &mut Text) -> bool {
    if part.is_empty() {
        return out.push(text);
    }
    while let Some(at) = find(text, part) {
        if !(out.push(&text[..at]) && out.push(other)) {
            return false;
        }
        text = &text[at + part.len()..];
    }
    out.push(text)
}

pub(super) fn reverse(text: &[u8], out: &mut Text) -> bool {
    let mut end = text.len();
    for start in (0..text.len()).rev() {
        if begins_character(text[start]) || start == 0 {
            if !out.push(&text[start..end]) {
                return false;
            }
            end = start;
        }
    }
    true
}

pub(super) fn pad(text: &[u8], count: u64, fill: u32, at_start: bool, out: &mut Text) -> bool {
    let mut encoded = [0; 4];
    // The cell of an absent character is zero.
    let fill = char::from_u32(fill).unwrap_or_default().encode_utf8(&mut encoded).as_bytes();
    let present = text.iter().filter(|byte| begins_character(**byte)).count() as u64;
    let missing = count.saturating_sub(present);
    match at_start {
        true => out.push_times(fill, missing) && out.push(text),
        false => out.push(text) && out.push_times(fill, missing),
    }
}
