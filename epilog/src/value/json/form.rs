//! The one form that a value has as text, and what is found in it without making a tree of it.
//!
//! - no white space outside of strings;
//! - the members of an object in the ascending order of their names' bytes, as written, each name once;
//! - in strings, `"` and `\` behind a `\`, the control characters below 0x20 as `\b \t \n \f \r` or as `\u00` and two digits
//!   in lower case, and everything else as it is;
//! - numbers as they came, not made alike: `1` and `1.0` differ;
//! - at most [`DEPTH_MAX`] arrays and objects inside each other.
//!
//! [`is_valid`] says whether bytes are such a text. The functions that look into one take it for granted; of other bytes they find
//! something or nothing, and never panic.

use alloc::string::String;
use alloc::vec::Vec;

/// The most arrays and objects inside each other.
pub const DEPTH_MAX: usize = 127;

/// Whether the bytes are the text of one value, in its one form.
pub fn is_valid(text: &[u8]) -> bool {
    core::str::from_utf8(text).is_ok() && skip_checked(text, DEPTH_MAX).is_some_and(<[u8]>::is_empty)
}

/// What follows the value at the start; `None` when there is none, in this form and no deeper than that.
fn skip_checked(text: &[u8], depth: usize) -> Option<&[u8]> {
    match text.first()? {
        b'{' => {
            let depth = depth.checked_sub(1)?;
            let mut rest = &text[1..];
            let mut last: Option<&[u8]> = None;
            if let Some(end) = rest.strip_prefix(b"}") {
                return Some(end);
            }
            loop {
                let after = skip_string_checked(rest)?;
                let name = &rest[..rest.len() - after.len()];
                if last.is_some_and(|last| last >= name) {
                    return None;
                }
                last = Some(name);
                rest = skip_checked(after.strip_prefix(b":")?, depth)?;
                match rest.split_first()? {
                    (b',', more) => rest = more,
                    (b'}', end) => return Some(end),
                    _ => return None,
                }
            }
        }
        b'[' => {
            let depth = depth.checked_sub(1)?;
            let mut rest = &text[1..];
            if let Some(end) = rest.strip_prefix(b"]") {
                return Some(end);
            }
            loop {
                rest = skip_checked(rest, depth)?;
                match rest.split_first()? {
                    (b',', more) => rest = more,
                    (b']', end) => return Some(end),
                    _ => return None,
                }
            }
        }
        b'"' => skip_string_checked(text),
        b'-' | b'0'..=b'9' => text.get(number_len(text)?..),
        _ => [&b"null"[..], b"true", b"false"].iter().find_map(|word| text.strip_prefix(*word)),
    }
}

fn skip_string_checked(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        match rest.split_first()? {
            (b'"', end) => return Some(end),
            (b'\\', [b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r', more @ ..]) => rest = more,
            (
                b'\\',
                [b'u', b'0', b'0', high @ (b'0' | b'1'), low @ (b'0'..=b'9' | b'a'..=b'f'), more @ ..],
            ) => {
                // Those that have a letter are written with it.
                if *high == b'0' && matches!(low, b'8' | b'9' | b'a' | b'c' | b'd') {
                    return None;
                }
                rest = more;
            }
            (0..0x20 | b'\\', _) => return None,
            (_, more) => rest = more,
        }
    }
}

/// The length of the number at the start; `None` when there is none.
pub(super) fn number_len(text: &[u8]) -> Option<usize> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return None;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return None;
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', exponent @ ..] => exponent,
            _ => exponent,
        };
        let count = digits(exponent);
        if count == 0 {
            return None;
        }
        rest = &exponent[count..];
    }
    Some(text.len() - rest.len())
}

/// What the value is, as JSON calls it.
pub fn kind(text: &[u8]) -> &'static str {
    match text.first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "boolean",
        Some(b'-' | b'0'..=b'9') => "number",
        _ => "null",
    }
}

/// The length of the value at the start.
fn value_len(text: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                at += string_len(&text[at..]);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The length of the string at the start, with its quotes.
fn string_len(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// The members of an object: of each the name as it is written, and the range of the value. There are none of anything else.
pub fn members(text: &[u8]) -> impl Iterator<Item = (&[u8], (usize, usize))> {
    let mut at = if text.first() == Some(&b'{') { 1 } else { text.len() };
    core::iter::from_fn(move || {
        if text.get(at) != Some(&b'"') {
            return None;
        }
        let start = at + string_len(&text[at..]) + 1;
        let value = text.get(start..)?;
        let (name, end) = (&text[at..start - 1], start + value_len(value));
        at = end + 1;
        Some((name, (start, end)))
    })
}

/// The ranges of an array's items. There are none of anything else.
pub fn items(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = if text.first() == Some(&b'[') && text.get(1) != Some(&b']') { 1 } else { text.len() };
    core::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let (start, end) = (at, at + value_len(rest));
        // Behind the value lies a comma or the end.
        at = if text.get(end) == Some(&b',') { end + 1 } else { text.len() };
        (end > start).then_some((start, end))
    })
}

/// Where an object's member of this name is.
pub fn member(text: &[u8], name: &str) -> Option<(usize, usize)> {
    let mut written = Vec::with_capacity(name.len() + 2);
    append_string(&mut written, name);
    members(text).find(|(own, _)| *own == written).map(|(_, place)| place)
}

/// Where an array's item with this number is, counted from 0.
pub fn item(text: &[u8], number: u64) -> Option<(usize, usize)> {
    items(text).nth(usize::try_from(number).ok()?)
}

/// How many members an object, or items an array, has.
pub fn len(text: &[u8]) -> Option<u64> {
    match text.first() {
        Some(b'{') => Some(members(text).count() as u64),
        Some(b'[') => Some(items(text).count() as u64),
        _ => None,
    }
}

/// Whether an array has an item of this form.
pub fn contains(text: &[u8], value: &[u8]) -> bool {
    items(text).any(|(start, end)| &text[start..end] == value)
}

/// The text that a string is.
pub fn as_text(text: &[u8]) -> Option<String> {
    let inner = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        out.push(match bytes.next()? {
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'f' => 12,
            b'r' => b'\r',
            b'u' => {
                let digits: [u8; 4] = bytes.as_slice().get(..4)?.try_into().ok()?;
                bytes.nth(3);
                u8::from_str_radix(core::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(out).ok()
}

/// The text of a number.
fn number(text: &[u8]) -> Option<&str> {
    core::str::from_utf8(text)
        .ok()
        .filter(|text| text.starts_with(|first: char| first == '-' || first.is_ascii_digit()))
}

/// The integer that a number is, if it has neither point nor exponent, and not more than 64 bits.
pub fn as_i64(text: &[u8]) -> Option<i64> {
    number(text)?.parse().ok()
}

/// The float nearest to a number, if there is one: nothing lies beyond the greatest.
pub fn as_f64(text: &[u8]) -> Option<f64> {
    number(text)?.parse().ok().filter(|float: &f64| float.is_finite())
}

/// Whether it is `true` or `false`.
pub fn as_bool(text: &[u8]) -> Option<bool> {
    match text {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

/// Appends a text as a string.
pub(super) fn append_string(out: &mut Vec<u8>, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            8 => out.extend(b"\\b"),
            b'\t' => out.extend(b"\\t"),
            b'\n' => out.extend(b"\\n"),
            12 => out.extend(b"\\f"),
            b'\r' => out.extend(b"\\r"),
            0..0x20 => {
                let digits = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
                out.extend(b"\\u00");
                out.extend(digits);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Brings the members of the object that `out` ends with, from `start` on, into order: each has the range of its name, and the
/// end of its value. `Err` has the place in `members` of one whose name was there already.
pub(super) fn order_members(
    out: &mut Vec<u8>,
    start: usize,
    members: &[(usize, usize, usize)],
) -> Result<(), usize> {
    let name = |at: usize| &out[members[at].0..members[at].1];
    if members.is_empty() || (1..members.len()).all(|at| name(at - 1) < name(at)) {
        return Ok(());
    }
    let mut order: Vec<usize> = (0..members.len()).collect();
    // Stable, so that of equal names the later one is told.
    order.sort_by(|a, b| name(*a).cmp(name(*b)));
    if let Some(pair) = order.windows(2).find(|pair| name(pair[0]) == name(pair[1])) {
        return Err(pair[1]);
    }
    let mut ordered = Vec::with_capacity(out.len() - start);
    for (place, at) in order.iter().enumerate() {
        if place > 0 {
            ordered.push(b',');
        }
        ordered.extend_from_slice(&out[members[*at].0..members[*at].2]);
    }
    out.truncate(start);
    out.extend_from_slice(&ordered);
    Ok(())
}
