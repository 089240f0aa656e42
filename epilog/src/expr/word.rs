//! [`Part`]: what a small expression, and the clauses of a small query, are written down as: words of 32 bits.
//!
//! | word | its other bits | further words |
//! |---|---|---|
//! | filter | how many words follow for its condition | |
//! | order | how many words follow for its one term, how it is ordered | |
//! | limit, offset | how many rows | |
//! | field | source, ordinal, how many relations away | the relations' ordinals |
//! | value | type, whether it is absent | |
//! | parameter | type, which, whose | |
//! | operation | which, or of how many | |
//!
//! A word says how many belong to it, so that no sequence of words means two things: two small queries have the same words if, and
//! only if, they differ in nothing but present values, which stand elsewhere.

use super::{BinaryOp, FieldPath, Op, RowPath, UnaryOp};
use crate::value::{Scalar, Type};

/// What a word, and those that belong to it, stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    /// A condition of so many words.
    Filter(u8),
    /// An order by one term, of so many words.
    Order { words: u8, descending: bool, nulls_first: Option<bool> },
    /// The first so many rows.
    Limit(u32),
    /// All but the first so many.
    Offset(u32),
    /// A field.
    Field(FieldPath),
    /// The next of the values, and whether it is absent.
    Value(Type, bool),
    /// The value of a parameter: whose, and which.
    Parameter { of: u16, number: u8, ty: Type },
    /// As in expressions.
    Unary(UnaryOp),
    /// As in expressions.
    Binary(BinaryOp),
    /// As in expressions.
    Between,
    /// As in expressions.
    In(u32),
    /// As in expressions.
    Key(u16),
    /// As in expressions.
    If,
}

/// So many relations away a field may be.
const HOPS: usize = 2;

/// A part is of so many words at most.
pub(super) const WORDS_OF_PART: usize = 2;

/// The largest number that a word has beside its kind.
pub(super) const NUMBER_MAX: u32 = (1 << 24) - 1;

const FILTER: u8 = 1;
const ORDER: u8 = 2;
const LIMIT: u8 = 3;
const OFFSET: u8 = 4;
const FIELD: u8 = 5;
const FIELD_NEAR: u8 = 6;
const FIELD_FAR: u8 = 7;
const VALUE: u8 = 8;
const PARAMETER: u8 = 9;
const UNARY: u8 = 10;
const BINARY: u8 = 11;
const BETWEEN: u8 = 12;
const IN: u8 = 13;
const KEY: u8 = 14;
const IF: u8 = 15;

/// What says that a value is absent.
pub(super) const ABSENT: u32 = 1 << 16;

const fn word(kind: u8, number: u32) -> u32 {
    kind as u32 | number << 8
}

/// The word of a field of a source itself.
#[inline]
pub(super) fn own_field(path: &FieldPath) -> u32 {
    word(FIELD, u32::from(path.row.position()) | u32::from(path.ordinal) << 8)
}

/// How many rows a word limits a query to, if it does.
#[inline]
pub(super) fn limited(word: u32) -> Option<u64> {
    (word as u8 == LIMIT).then_some(u64::from(word >> 8))
}

/// How many rows a word skips, if it does.
#[inline]
pub(super) fn skipped(word: u32) -> Option<u64> {
    (word as u8 == OFFSET).then_some(u64::from(word >> 8))
}

/// Whether a field is near enough to be written down.
#[inline]
pub(super) fn is_near(path: &FieldPath) -> bool {
    path.row.hops_count() <= HOPS
}

/// The words of a field that is near enough, and how many there are.
pub(super) fn field(path: &FieldPath) -> ([u32; WORDS_OF_PART], usize) {
    let number = u32::from(path.row.position()) | u32::from(path.ordinal) << 8;
    let mut hops = path.row.hops().map(u32::from);
    match (hops.next(), hops.next()) {
        (None, _) => ([own_field(path), 0], 1),
        (Some(one), None) => ([word(FIELD_NEAR, number), one], 2),
        (Some(one), Some(two)) => ([word(FIELD_FAR, number), one | two << 16], 2),
    }
}

/// The word of the next value.
#[inline]
pub(super) fn value(ty: Type, is_absent: bool) -> u32 {
    word(VALUE, ty as u32) | if is_absent { ABSENT } else { 0 }
}

/// The word of a parameter; `None` if its numbers are too large.
pub(super) fn parameter(of: usize, number: u8, ty: Type) -> Option<u32> {
    let of = u32::try_from(of).ok().filter(|of| *of < 1 << 13)?;
    (number < 8).then(|| word(PARAMETER, ty as u32 | u32::from(number) << 8 | of << 11))
}

#[inline]
pub(super) fn unary(op: UnaryOp) -> u32 {
    word(UNARY, op as u32)
}

#[inline]
pub(super) fn binary(op: BinaryOp) -> u32 {
    word(BINARY, op as u32)
}

#[inline]
pub(super) fn between() -> u32 {
    word(BETWEEN, 0)
}

#[inline]
pub(super) fn is_in(count: u32) -> u32 {
    word(IN, count)
}

#[inline]
pub(super) fn key(number: u16) -> u32 {
    word(KEY, u32::from(number))
}

#[inline]
pub(super) fn choose() -> u32 {
    word(IF, 0)
}

#[inline]
pub(super) fn filter(words: u8) -> u32 {
    word(FILTER, u32::from(words))
}

#[inline]
pub(super) fn order(words: u8, descending: bool, nulls_first: Option<bool>) -> u32 {
    let nulls = nulls_first.map_or(0, |first| 2 + u32::from(first));
    word(ORDER, u32::from(words) | u32::from(descending) << 8 | nulls << 9)
}

#[inline]
pub(super) fn limit(count: u32) -> u32 {
    word(LIMIT, count)
}

#[inline]
pub(super) fn offset(count: u32) -> u32 {
    word(OFFSET, count)
}

/// What words stand for, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Parts<'w> {
    words: &'w [u32],
}

impl<'w> Parts<'w> {
    pub(super) fn of(words: &'w [u32]) -> Parts<'w> {
        Parts { words }
    }

    fn word(&mut self) -> Option<u32> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(*first)
    }

    /// Those of so many words.
    pub(super) fn within(&mut self, words: u8) -> Parts<'w> {
        let (these, rest) = self.words.split_at(usize::from(words));
        self.words = rest;
        Parts { words: these }
    }

    /// How many words are left.
    pub(super) fn left(&self) -> usize {
        self.words.len()
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let first = self.word()?;
        let (kind, number) = (first as u8, first >> 8);
        let low = number as u8;
        Some(match kind {
            FILTER => Part::Filter(low),
            ORDER => {
                let nulls = number >> 9 & 3;
                let nulls_first = (nulls >= 2).then_some(nulls == 3);
                Part::Order { words: low, descending: number >> 8 & 1 == 1, nulls_first }
            }
            LIMIT => Part::Limit(number),
            OFFSET => Part::Offset(number),
            FIELD | FIELD_NEAR | FIELD_FAR => {
                let mut row = RowPath::source(low);
                if kind != FIELD {
                    let hops = self.word()?;
                    row = row.hop(hops as u16);
                    if kind == FIELD_FAR {
                        row = row.hop((hops >> 16) as u16);
                    }
                }
                Part::Field(FieldPath { row, ordinal: (number >> 8) as u16 })
            }
            VALUE => Part::Value(Type::from_u8(low)?, first & ABSENT != 0),
            PARAMETER => {
                let of = (number >> 11) as u16;
                Part::Parameter { of, number: (number >> 8 & 7) as u8, ty: Type::from_u8(low)? }
            }
            UNARY => Part::Unary(*UnaryOp::ALL.get(usize::from(low))?),
            BINARY => Part::Binary(*BinaryOp::ALL.get(usize::from(low))?),
            BETWEEN => Part::Between,
            IN => Part::In(number),
            KEY => Part::Key(number as u16),
            IF => Part::If,
            _ => return None,
        })
    }
}

/// The operation that a part of an expression is, which takes its value from `values` if it is one.
pub(super) fn op_of(part: Part, values: &mut impl Iterator<Item = Scalar>) -> Op {
    match part {
        Part::Field(path) => Op::Field(path),
        Part::Value(ty, _) => Op::Literal(values.next().expect("there is one for each"), ty),
        Part::Parameter { of, number, ty } => Op::Parameter(usize::from(of), number, ty),
        Part::Unary(op) => Op::Unary(op),
        Part::Binary(op) => Op::Binary(op),
        Part::Between => Op::Between,
        Part::In(count) => Op::In(count),
        Part::Key(number) => Op::Key(number),
        Part::If => Op::If,
        Part::Filter(_) | Part::Order { .. } | Part::Limit(_) | Part::Offset(_) => {
            unreachable!("a clause ends before the next begins")
        }
    }
}

impl UnaryOp {
    /// All, each at its own number.
    const ALL: [UnaryOp; 10] = {
        use UnaryOp as U;
        [U::Not, U::Negate, U::IsNone, U::IsSome, U::Length, U::Lower, U::Upper, U::Year, U::Month, U::Day]
    };
}

impl BinaryOp {
    /// All, each at its own number.
    const ALL: [BinaryOp; 22] = {
        use BinaryOp as B;
        [
            B::And,
            B::Or,
            B::Eq,
            B::Ne,
            B::Lt,
            B::Le,
            B::Gt,
            B::Ge,
            B::Add,
            B::Subtract,
            B::Multiply,
            B::Divide,
            B::Remainder,
            B::StartsWith,
            B::EndsWith,
            B::Contains,
            B::Like,
            B::Matches,
            B::OrElse,
            B::Has,
            B::HasAny,
            B::HasAll,
        ]
    };
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn words_say_what_was_written() {
        let mut written: Vec<(Part, Vec<u32>)> = Vec::new();
        for op in UnaryOp::ALL {
            written.push((Part::Unary(op), Vec::from([unary(op)])));
        }
        for op in BinaryOp::ALL {
            written.push((Part::Binary(op), Vec::from([binary(op)])));
        }
        let ends = RowPath::source(u8::MAX);
        for row in [RowPath::source(0), ends, ends.hop(7), ends.hop(u16::MAX).hop(8)] {
            for ordinal in [0, 1, u16::MAX] {
                let path = FieldPath { row, ordinal };
                let (words, count) = field(&path);
                written.push((Part::Field(path), words[..count].to_vec()));
            }
        }
        assert!(!is_near(&FieldPath { row: ends.hop(1).hop(1).hop(1), ordinal: 0 }));
        for ty in (0..=u8::MAX).filter_map(Type::from_u8) {
            written.push((Part::Value(ty, true), Vec::from([value(ty, true)])));
            written.push((Part::Value(ty, false), Vec::from([value(ty, false)])));
            let part = Part::Parameter { of: 8191, number: 7, ty };
            written.push((part, parameter(8191, 7, ty).into_iter().collect()));
            assert_eq!((parameter(8192, 7, ty), parameter(8191, 8, ty)), (None, None));
        }
        for nulls_first in [None, Some(false), Some(true)] {
            for descending in [false, true] {
                let part = Part::Order { words: u8::MAX, descending, nulls_first };
                written.push((part, Vec::from([order(u8::MAX, descending, nulls_first)])));
            }
        }
        for count in [0, 1, NUMBER_MAX] {
            written.push((Part::Limit(count), Vec::from([limit(count)])));
            written.push((Part::Offset(count), Vec::from([offset(count)])));
            written.push((Part::In(count), Vec::from([is_in(count)])));
        }
        written.push((Part::Between, Vec::from([between()])));
        written.push((Part::If, Vec::from([choose()])));
        written.push((Part::Key(u16::MAX), Vec::from([key(u16::MAX)])));
        written.push((Part::Filter(9), Vec::from([filter(9)])));
        let all: Vec<u32> = written.iter().flat_map(|(_, words)| words.clone()).collect();
        let expected: Vec<Part> = written.iter().map(|(part, _)| *part).collect();
        assert_eq!(Parts::of(&all).collect::<Vec<_>>(), expected);
        // No two are written alike.
        for (at, (_, words)) in written.iter().enumerate() {
            assert!(written[..at].iter().all(|(_, others)| others != words));
        }
    }
}
