//! Tests on strings and bytes, in place.

use alloc::vec::Vec;

use crate::engine::function::text::find;
use crate::engine::planted::{self, Bug};
use crate::expr::BinaryOp;
use crate::parts;

/// A test on the bytes of a string, its right side prepared.
#[derive(Clone, Debug)]
pub(super) enum TextTest {
    /// Is this.
    Equals(Needle),
    /// Starts with this.
    StartsWith(Needle),
    /// Ends with this.
    EndsWith(Needle),
    /// Contains this.
    Contains(Vec<u8>),
    /// Matches this pattern.
    Pattern(Pattern),
}

impl TextTest {
    /// The test that `op` with `right` is; `None` when it is no test on text, or one of order.
    pub(super) fn new(op: BinaryOp, right: &[u8]) -> Option<TextTest> {
        Some(match op {
            _ if op.is_left_out() => return None,
            BinaryOp::Eq => TextTest::Equals(Needle::new(right)),
            BinaryOp::StartsWith => TextTest::StartsWith(Needle::new(right)),
            BinaryOp::EndsWith => TextTest::EndsWith(Needle::new(right)),
            BinaryOp::Contains => TextTest::Contains(right.to_vec()),
            BinaryOp::Like => Pattern::like(right).simplified(),
            BinaryOp::Matches => Pattern::glob(right).simplified(),
            _ => return None,
        })
    }

    /// Whether only a part of a text is looked at, at a place that is known.
    pub(super) fn is_at_a_place(&self) -> bool {
        !matches!(self, TextTest::Contains(_) | TextTest::Pattern(_))
    }

    /// Whether `text` passes.
    #[inline]
    pub(super) fn passes(&self, text: &[u8]) -> bool {
        match self {
            TextTest::Equals(other) => text.len() == other.bytes.len() && other.begins(text),
            TextTest::StartsWith(prefix) => prefix.begins(text),
            TextTest::EndsWith(suffix) => suffix.ends(text),
            TextTest::Contains(part) => find(text, part).is_some(),
            TextTest::Pattern(_) if !parts::PATTERNS => unreachable!("a plan with it was refused"),
            TextTest::Pattern(pattern) => pattern.matches(text),
        }
    }
}

/// Bytes that are looked for at the start or the end of a text. Up to sixteen are compared as a number, where the text is
/// long enough for one to be read of it.
#[derive(Clone, Debug)]
pub(super) struct Needle {
    bytes: Vec<u8>,
    /// The first of them as a number.
    #[cfg(not(feature = "small"))]
    number: u128,
}

impl Needle {
    fn new(bytes: &[u8]) -> Needle {
        #[cfg(not(feature = "small"))]
        let number = {
            let mut number = [0; 16];
            let len = bytes.len().min(16);
            number[..len].copy_from_slice(&bytes[..len]);
            u128::from_le_bytes(number)
        };
        Needle {
            bytes: bytes.to_vec(),
            #[cfg(not(feature = "small"))]
            number,
        }
    }

    /// Whether `text` begins with it.
    #[inline(always)]
    fn begins(&self, text: &[u8]) -> bool {
        #[cfg(not(feature = "small"))]
        {
            // The bits that are not looked at are shifted out.
            let len = self.bytes.len();
            if let (1..=8, Some(start)) = (len, text.first_chunk::<8>()) {
                return (u64::from_le_bytes(*start) ^ self.number as u64) << (64 - 8 * len) == 0;
            }
            if let (9..=16, Some(start)) = (len, text.first_chunk::<16>()) {
                return (u128::from_le_bytes(*start) ^ self.number) << (128 - 8 * len) == 0;
            }
        }
        text.starts_with(&self.bytes)
    }

    /// Whether `text` ends with it.
    #[inline(always)]
    fn ends(&self, text: &[u8]) -> bool {
        #[cfg(not(feature = "small"))]
        {
            let len = self.bytes.len();
            if let (1..=8, Some(end)) = (len, text.last_chunk::<8>()) {
                return u64::from_le_bytes(*end) >> (64 - 8 * len) == self.number as u64;
            }
            if let (9..=16, Some(end)) = (len, text.last_chunk::<16>()) {
                return u128::from_le_bytes(*end) >> (128 - 8 * len) == self.number;
            }
        }
        text.ends_with(&self.bytes)
    }
}

/// A pattern of `LIKE` or of a glob.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// These bytes.
    Literal(Vec<u8>),
    /// Any one character.
    One,
    /// Any run of characters, the empty one too.
    Run,
    /// A character within one of these ranges; or, negated, in none of them.
    Set { ranges: Vec<(char, char)>, negated: bool },
}

impl Pattern {
    /// `%` any run, `_` one character, `\` makes the next one literal.
    fn like(pattern: &[u8]) -> Pattern {
        let text = alloc::string::String::from_utf8_lossy(pattern);
        let mut parts = Pattern(Vec::new());
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match char {
                '%' => parts.push_run(),
                '_' => parts.0.push(Part::One),
                // One at the very end stands for itself.
                '\\' => parts.push_literal(chars.next().unwrap_or('\\')),
                _ => parts.push_literal(char),
            }
        }
        parts
    }

    /// `*` any run, `?` one character, `[a-z]` one of a set, `[!a-z]` one not of it. A `[` without its `]` stands for
    /// itself.
    fn glob(pattern: &[u8]) -> Pattern {
        let text = alloc::string::String::from_utf8_lossy(pattern);
        let chars: Vec<char> = text.chars().collect();
        let mut parts = Pattern(Vec::new());
        let mut at = 0;
        while at < chars.len() {
            match chars[at] {
                '*' => parts.push_run(),
                '?' => parts.0.push(Part::One),
                '[' => {
                    if let Some((set, next)) = read_set(&chars, at) {
                        parts.0.push(set);
                        at = next;
                        continue;
                    }
                    parts.push_literal('[');
                }
                char => parts.push_literal(char),
            }
            at += 1;
        }
        parts
    }

    fn push_run(&mut self) {
        if self.0.last() != Some(&Part::Run) {
            self.0.push(Part::Run);
        }
    }

    fn push_literal(&mut self, char: char) {
        let mut utf8 = [0; 4];
        let bytes = char.encode_utf8(&mut utf8).as_bytes();
        match self.0.last_mut() {
            Some(Part::Literal(literal)) => literal.extend_from_slice(bytes),
            _ => self.0.push(Part::Literal(bytes.to_vec())),
        }
    }

    /// A plainer test that says the same, if there is one.
    fn simplified(self) -> TextTest {
        match self.0.as_slice() {
            [] => TextTest::Equals(Needle::new(&[])),
            [Part::Run] => TextTest::StartsWith(Needle::new(&[])),
            [Part::Literal(text)] => TextTest::Equals(Needle::new(text)),
            [Part::Literal(text), Part::Run] => TextTest::StartsWith(Needle::new(text)),
            [Part::Run, Part::Literal(text)] => TextTest::EndsWith(Needle::new(text)),
            [Part::Run, Part::Literal(text), Part::Run] => TextTest::Contains(text.clone()),
            _ => TextTest::Pattern(self),
        }
    }

    /// How much of `text` comes before the first place where `part`, which follows a run, may be; `None` where it is in none.
    fn skipped(&self, part: usize, text: &[u8]) -> Option<usize> {
        match self.0.get(part) {
            // Whole characters are found where characters begin.
            Some(Part::Literal(literal)) => find(text, literal),
            _ => Some(0),
        }
    }

    /// Whether the whole of `text` matches. Time is at worst the product of the two lengths: after a run only the last
    /// one is ever tried again.
    fn matches(&self, text: &[u8]) -> bool {
        let parts = &self.0;
        let (mut part, mut at) = (0, 0);
        // The part after the last run, and where in the text it is tried next.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let advanced = match parts.get(part) {
                None if at == text.len() => return true,
                None => None,
                Some(Part::Run) => {
                    part += 1;
                    if planted::is(Bug::RunOfNoneForgotten) {
                        let Some((_, len)) = first_char(&text[at..]) else { return false };
                        at += len;
                    }
                    let Some(skipped) = self.skipped(part, &text[at..]) else { return false };
                    at += skipped;
                    retry = Some((part, at));
                    continue;
                }
                Some(Part::Literal(literal)) => text[at..].starts_with(literal).then_some(literal.len()),
                Some(Part::One) => first_char(&text[at..]).map(|(_, len)| len),
                Some(Part::Set { ranges, negated }) => first_char(&text[at..]).and_then(|(char, len)| {
                    let inside = ranges.iter().any(|(low, high)| (*low..=*high).contains(&char));
                    (inside != *negated).then_some(len)
                }),
            };
            match advanced {
                Some(len) => {
                    part += 1;
                    at += len;
                }
                None => {
                    let Some((from, start)) = retry else { return false };
                    let Some((_, len)) = first_char(&text[start..]) else { return false };
                    let Some(skipped) = self.skipped(from, &text[start + len..]) else { return false };
                    let next = start + len + skipped;
                    retry = Some((from, next));
                    (part, at) = (from, next);
                }
            }
        }
    }
}

/// The set that begins at `chars[at]`, and what follows it.
fn read_set(chars: &[char], at: usize) -> Option<(Part, usize)> {
    let mut next = at + 1;
    let negated = chars.get(next) == Some(&'!');
    next += usize::from(negated);
    let first = next;
    let mut ranges = Vec::new();
    loop {
        let char = *chars.get(next)?;
        // A `]` right at the start is a member.
        if char == ']' && next > first {
            return Some((Part::Set { ranges, negated }, next + 1));
        }
        match (chars.get(next + 1), chars.get(next + 2)) {
            (Some('-'), Some(high)) if *high != ']' => {
                ranges.push((char, *high));
                next += 3;
            }
            _ => {
                ranges.push((char, char));
                next += 1;
            }
        }
    }
}

/// The first character and its length. Strings are checked when they are written; a byte that begins no character counts
/// as one.
fn first_char(text: &[u8]) -> Option<(char, usize)> {
    let first = *text.first()?;
    let len = match first {
        0..=0x7F => return Some((char::from(first), 1)),
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    };
    let decoded = text.get(..len).and_then(|bytes| core::str::from_utf8(bytes).ok());
    Some(match decoded.and_then(|text| text.chars().next()) {
        Some(char) => (char, len),
        None => (char::REPLACEMENT_CHARACTER, 1),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn like(text: &str, pattern: &str) -> bool {
        TextTest::new(BinaryOp::Like, pattern.as_bytes()).unwrap().passes(text.as_bytes())
    }

    fn glob(text: &str, pattern: &str) -> bool {
        TextTest::new(BinaryOp::Matches, pattern.as_bytes()).unwrap().passes(text.as_bytes())
    }

    #[test]
    fn patterns_match_whole_strings() {
        assert!(
            like("Iron Maiden", "Iron%") && like("Iron Maiden", "%M_iden") && like("", "%") && like("", "")
        );
        assert!(!like("Iron Maiden", "iron%") && !like("Iron", "Iro") && !like("", "_"));
        assert!(like("50% off", "50\\% %") && !like("50 off", "50\\% %"));
        assert!(like("naïve", "na_ve") && like("日本", "__") && !like("日本", "_"));
        assert!(like("abcabd", "%ab_") && like("aXbXc", "a%b%c") && !like("aXbX", "a%b%c"));
        assert!(glob("track-07.mp3", "track-[0-9][0-9].*") && !glob("track-x7.mp3", "track-[0-9]*"));
        assert!(
            glob("b", "[!a]")
                && !glob("a", "[!a]")
                && glob("]", "[]]")
                && glob("[x", "[x")
                && glob("ß", "[à-ÿß]")
        );
    }

    /// What `like` means, by recursion.
    pub(in crate::engine::exec) fn likes(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|skipped| likes(&text[skipped..], rest)),
            ['_', rest @ ..] => !text.is_empty() && likes(&text[1..], rest),
            ['\\', char, rest @ ..] | [char, rest @ ..] => {
                text.first() == Some(char) && likes(&text[1..], rest)
            }
        }
    }

    /// What `matches` means, by recursion.
    pub(in crate::engine::exec) fn globs(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|skipped| globs(&text[skipped..], rest)),
            ['?', rest @ ..] => !text.is_empty() && globs(&text[1..], rest),
            ['[', rest @ ..] => match set(rest) {
                Some((is_member, rest)) => {
                    text.first().is_some_and(|char| is_member(*char)) && globs(&text[1..], rest)
                }
                None => text.first() == Some(&'[') && globs(&text[1..], rest),
            },
            [char, rest @ ..] => text.first() == Some(char) && globs(&text[1..], rest),
        }
    }

    /// The set that a pattern is behind its `[`, and what comes behind its `]`.
    fn set(pattern: &[char]) -> Option<(impl Fn(char) -> bool, &[char])> {
        let negated = pattern.first() == Some(&'!');
        let members = if negated { &pattern[1..] } else { pattern };
        // The first may be a `]` itself.
        let end = 1 + members.iter().skip(1).position(|char| *char == ']')?;
        let (members, rest) = (members[..end].to_vec(), &members[end + 1..]);
        let is_member = move |char: char| {
            let (mut members, mut found) = (members.as_slice(), false);
            while let [first, behind @ ..] = members {
                (found, members) = match behind {
                    ['-', last, behind @ ..] => (found || (*first <= char && char <= *last), behind),
                    _ => (found || *first == char, behind),
                };
            }
            found != negated
        };
        Some((is_member, rest))
    }

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    proptest! {
        #[test]
        fn like_agrees_with_its_definition(text in "[ab%\\\\é𝄞]{0,8}", pattern in "[ab%_\\\\é𝄞]{0,7}|%?[ab]{0,3}%?") {
            prop_assert_eq!(like(&text, &pattern), likes(&chars(&text), &chars(&pattern)));
        }

        #[test]
        fn matches_agrees_with_its_definition(
            text in "[ab\\[\\]!é𝄞-]{0,8}|[abcé]{0,3}",
            pattern in "[ab*?\\[\\]!é𝄞-]{0,9}|(a|\\*|\\?|\\[!?[a-cé]{1,2}(-[b-eé])?\\]){0,4}|\\*?[ab]{0,3}\\*?",
        ) {
            prop_assert_eq!(glob(&text, &pattern), globs(&chars(&text), &chars(&pattern)));
        }

        #[test]
        fn needles_are_found_whatever_their_length(text in "[ab]{0,20}", part in "[ab]{0,18}", cut in 0usize..20) {
            let (text, part) = (text.as_bytes(), part.as_bytes());
            let cut = cut.min(text.len());
            for part in [part, &text[..cut], &text[cut..]] {
                for (op, want) in [
                    (BinaryOp::Eq, text == part),
                    (BinaryOp::StartsWith, text.starts_with(part)),
                    (BinaryOp::EndsWith, text.ends_with(part)),
                ] {
                    prop_assert_eq!(TextTest::new(op, part).unwrap().passes(text), want);
                }
            }
        }

        #[test]
        fn find_agrees_with_std(text in "[ab]{0,12}|[abcd]{0,200}", part in "[ab]{0,4}|[abcd]{0,40}", cut in 0usize..200) {
            prop_assert_eq!(find(text.as_bytes(), part.as_bytes()), text.find(&part));
            let part = &text[cut.min(text.len())..];
            prop_assert_eq!(find(text.as_bytes(), part.as_bytes()), text.find(part));
        }

        #[test]
        fn long_texts_are_matched_as_short_ones(text in "[abé]{0,90}", first in "[abé]{0,3}", second in "[abé]{0,4}") {
            let found = text.find(&first).is_some_and(|at| text[at + first.len()..].contains(&second));
            prop_assert_eq!(like(&text, &format!("%{first}%{second}%")), found);
        }
    }
}
