//! Reads JSON as RFC 8259 has it, and writes its one form along the way.
//!
//! Nothing is accepted that the RFC leaves to the reader: a name twice in an object, half of a surrogate pair, arrays and objects
//! inside each other beyond [`DEPTH_MAX`]. So no input makes it recurse further, and no value is read as another.

use alloc::vec::Vec;
use core::fmt;

use super::form::{DEPTH_MAX, append_string, number_len, order_members};

/// A text is no JSON, or a value has no form as JSON.
///
/// # Examples
///
/// ```
/// use epilog::Json;
///
/// let error = Json::parse("{\n  \"a\": 1,\n  \"a\": 2\n}").unwrap_err();
/// assert_eq!(error.to_string(), "no JSON in line 3, column 3: a member of this name is there already");
/// assert_eq!(error.offset(), Some(14));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    pub(super) place: Option<Place>,
    pub(super) problem: JsonProblem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    offset: usize,
    line: usize,
    column: usize,
}

/// Why a text is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonProblem {
    /// It ends where a value, or more of one, should be.
    End,
    /// Something else stands where a value should be.
    Value,
    /// Something else stands where a member's name should be.
    Name,
    /// No colon stands behind a member's name.
    Colon,
    /// Neither a comma nor the end stands behind an item or a member.
    Comma,
    /// More follows the value.
    More,
    /// A number is not written as numbers are.
    Number,
    /// A `\` and what follows is none of the escapes that there are.
    Escape,
    /// Half of a surrogate pair stands without the other half.
    Surrogate,
    /// A control character stands in a string as it is.
    Control,
    /// The bytes are not UTF-8.
    Unicode,
    /// A member's name is there twice.
    Twice,
    /// Too many arrays and objects are inside each other.
    Deep,
    /// A number is not finite.
    Infinite,
}

impl JsonError {
    /// Why it is no JSON.
    pub fn problem(&self) -> JsonProblem {
        self.problem
    }

    /// At which byte of the text, counted from 0; `None` where no text was read.
    pub fn offset(&self) -> Option<usize> {
        self.place.map(|place| place.offset)
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "no JSON in line {}, column {}: ", place.line, place.column)?,
            None => f.write_str("no JSON: ")?,
        }
        f.write_str(match self.problem {
            JsonProblem::End => "the text ends where more should follow",
            JsonProblem::Value => "a value should begin here",
            JsonProblem::Name => "a name in quotation marks should begin here",
            JsonProblem::Colon => "a colon should be here, between a name and its value",
            JsonProblem::Comma => "a comma, or the end of the array or object, should be here",
            JsonProblem::More => "something follows the value",
            JsonProblem::Number => "no number is written like this",
            JsonProblem::Escape => "no character is escaped like this",
            JsonProblem::Surrogate => "half of a surrogate pair is no character",
            JsonProblem::Control => "a control character in a string is to be escaped",
            JsonProblem::Unicode => "the bytes are not UTF-8",
            JsonProblem::Twice => "a member of this name is there already",
            JsonProblem::Deep => {
                return write!(f, "more than {DEPTH_MAX} arrays and objects are inside each other");
            }
            JsonProblem::Infinite => "a number is infinite, or none",
        })
    }
}

impl core::error::Error for JsonError {}

/// The one form of the value that a text says.
pub(super) fn parse(text: &[u8]) -> Result<Vec<u8>, JsonError> {
    let valid = match core::str::from_utf8(text) {
        Ok(valid) => valid,
        Err(error) => return Err(error_at(text, error.valid_up_to(), JsonProblem::Unicode)),
    };
    let mut parser = Parser { text: valid, at: 0, out: Vec::with_capacity(text.len()) };
    let parsed = parser.value(DEPTH_MAX).and_then(|()| {
        parser.skip_space();
        if parser.at < text.len() { Err(JsonProblem::More) } else { Ok(()) }
    });
    match parsed {
        Ok(()) => Ok(parser.out),
        Err(problem) => Err(error_at(text, parser.at, problem)),
    }
}

fn error_at(text: &[u8], offset: usize, problem: JsonProblem) -> JsonError {
    let before = &text[..offset];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let characters = before[line_start..].iter().filter(|byte| *byte & 0xC0 != 0x80).count();
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    JsonError { place: Some(Place { offset, line, column: characters + 1 }), problem }
}

/// Where reading is; when it ends with a problem, that is where.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    out: Vec<u8>,
}

impl Parser<'_> {
    fn rest(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    /// The next byte that is no space.
    fn next(&mut self) -> Result<u8, JsonProblem> {
        self.skip_space();
        self.rest().first().copied().ok_or(JsonProblem::End)
    }

    fn value(&mut self, depth: usize) -> Result<(), JsonProblem> {
        match self.next()? {
            b'{' => self.object(depth.checked_sub(1).ok_or(JsonProblem::Deep)?),
            b'[' => self.array(depth.checked_sub(1).ok_or(JsonProblem::Deep)?),
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => {
                let len = number_len(self.rest()).ok_or(JsonProblem::Number)?;
                self.out.extend_from_slice(&self.text.as_bytes()[self.at..self.at + len]);
                self.at += len;
                // A digit, as in 01, or a point, as in 1.5.2.
                match self.rest().first() {
                    Some(b'0'..=b'9' | b'.' | b'+' | b'-' | b'a'..=b'z' | b'A'..=b'Z') => {
                        Err(JsonProblem::Number)
                    }
                    _ => Ok(()),
                }
            }
            _ => {
                let word =
                    [&b"null"[..], b"true", b"false"].into_iter().find(|word| self.rest().starts_with(word));
                let word = word.ok_or(JsonProblem::Value)?;
                self.out.extend_from_slice(word);
                self.at += word.len();
                Ok(())
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), JsonProblem> {
        self.at += 1;
        self.out.push(b'[');
        if self.next()? == b']' {
            self.at += 1;
            self.out.push(b']');
            return Ok(());
        }
        loop {
            self.value(depth)?;
            match self.next()? {
                byte @ (b',' | b']') => {
                    self.at += 1;
                    self.out.push(byte);
                    if byte == b']' {
                        return Ok(());
                    }
                }
                _ => return Err(JsonProblem::Comma),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), JsonProblem> {
        self.at += 1;
        self.out.push(b'{');
        let start = self.out.len();
        // In what is written: name and value of each; and in the text, where each begins.
        let (mut members, mut places) = (Vec::new(), Vec::new());
        let mut first = self.next()? != b'}';
        while first || self.rest().first() != Some(&b'}') {
            first = false;
            if self.next()? != b'"' {
                return Err(JsonProblem::Name);
            }
            places.push(self.at);
            let name = self.out.len();
            self.string()?;
            let name_end = self.out.len();
            if self.next()? != b':' {
                return Err(JsonProblem::Colon);
            }
            self.at += 1;
            self.out.push(b':');
            self.value(depth)?;
            members.push((name, name_end, self.out.len()));
            match self.next()? {
                b',' => {
                    self.at += 1;
                    self.out.push(b',');
                    // A name follows, not the end.
                    first = true;
                }
                b'}' => {}
                _ => return Err(JsonProblem::Comma),
            }
        }
        self.at += 1;
        order_members(&mut self.out, start, &members).map_err(|twice| {
            self.at = places[twice];
            JsonProblem::Twice
        })?;
        self.out.push(b'}');
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonProblem> {
        self.at += 1;
        // Between quotation marks anything but a mark or an escape goes on as it is.
        let mut plain = alloc::string::String::new();
        loop {
            let rest = &self.text[self.at..];
            let len = rest.bytes().take_while(|byte| *byte >= 0x20 && !matches!(byte, b'"' | b'\\')).count();
            plain.push_str(&rest[..len]);
            self.at += len;
            match self.rest().first() {
                None => return Err(JsonProblem::End),
                Some(b'"') => {
                    self.at += 1;
                    append_string(&mut self.out, &plain);
                    return Ok(());
                }
                Some(b'\\') => plain.push(self.escape()?),
                Some(_) => return Err(JsonProblem::Control),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonProblem> {
        let char = match self.rest().get(1).ok_or(JsonProblem::End)? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b't' => '\t',
            b'n' => '\n',
            b'f' => '\u{c}',
            b'r' => '\r',
            b'u' => {
                let unit = self.unit(0)?;
                let (code, len) = match unit {
                    0xD800..0xDC00 => match self.rest().get(6..8) {
                        Some(b"\\u") => match self.unit(6)? {
                            low @ 0xDC00..0xE000 => (0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), 12),
                            _ => return Err(JsonProblem::Surrogate),
                        },
                        _ => return Err(JsonProblem::Surrogate),
                    },
                    _ => (unit, 6),
                };
                let char = char::from_u32(code).ok_or(JsonProblem::Surrogate)?;
                self.at += len;
                return Ok(char);
            }
            _ => return Err(JsonProblem::Escape),
        };
        self.at += 2;
        Ok(char)
    }

    /// The number that is written behind `\u`, `from` bytes further on.
    fn unit(&self, from: usize) -> Result<u32, JsonProblem> {
        let digits = self.rest().get(from + 2..from + 6).ok_or(JsonProblem::Escape)?;
        digits.iter().try_fold(0, |unit, digit| {
            let digit = char::from(*digit).to_digit(16).ok_or(JsonProblem::Escape)?;
            Ok(unit * 16 + digit)
        })
    }
}
