//! What comparisons mean, in plain Rust: two-valued, `None` first, `NaN` equal to itself and last.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use epilog::Id;
use epilog::collection::{Expr, Field};
use epilog::value::Value;
use rust_decimal::Decimal;
use uuid::Uuid;

/// A storable type with its order.
pub trait Ordered: Value {
    /// The order in which values are sorted; equal is what `eq` says.
    fn order(&self, other: &Self) -> Ordering;

    /// Whether this is `None`.
    fn is_absent(&self) -> bool {
        false
    }
}

macro_rules! ordered_as_in_rust {
    ($($ty:ty),*) => {$(
        impl Ordered for $ty {
            fn order(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
        }
    )*};
}

ordered_as_in_rust!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128, bool, char, String, Vec<u8>);
ordered_as_in_rust!(Uuid, Decimal, NaiveDate, NaiveTime, NaiveDateTime, DateTime<Utc>);

macro_rules! floats {
    ($($ty:ty),*) => {$(
        impl Ordered for $ty {
            fn order(&self, other: &Self) -> Ordering {
                match (self.is_nan(), other.is_nan()) {
                    (false, false) => self.partial_cmp(other).expect("two numbers"),
                    (left, right) => left.cmp(&right),
                }
            }
        }
    )*};
}

floats!(f32, f64);

impl<C: 'static> Ordered for Id<C> {
    fn order(&self, other: &Self) -> Ordering {
        self.get().cmp(&other.get())
    }
}

impl<T: Ordered + Value<Required = T, Optional = Option<T>>> Ordered for Option<T> {
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Some(left), Some(right)) => left.order(right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// A comparison of a value with others.
#[derive(Clone, Debug)]
pub enum Test<T> {
    Eq(T),
    Ne(T),
    Lt(T),
    Le(T),
    Gt(T),
    Ge(T),
    Between(T, T),
    In(Vec<T>),
}

impl<T: Ordered> Test<T> {
    /// Whether it holds of `value`.
    pub fn holds(&self, value: &T) -> bool {
        let ordered = |other: &T, expected: &[Ordering]| {
            !value.is_absent() && !other.is_absent() && expected.contains(&value.order(other))
        };
        let (less, equal, greater) = (Ordering::Less, Ordering::Equal, Ordering::Greater);
        match self {
            Test::Eq(other) => value.order(other) == equal,
            Test::Ne(other) => value.order(other) != equal,
            Test::Lt(other) => ordered(other, &[less]),
            Test::Le(other) => ordered(other, &[less, equal]),
            Test::Gt(other) => ordered(other, &[greater]),
            Test::Ge(other) => ordered(other, &[greater, equal]),
            Test::Between(low, high) => ordered(low, &[greater, equal]) && ordered(high, &[less, equal]),
            Test::In(candidates) => candidates.iter().any(|other| value.order(other) == equal),
        }
    }
}

impl<T> Test<T> {
    /// The same comparison with other values.
    pub fn map<U>(&self, of: impl Fn(&T) -> U) -> Test<U> {
        match self {
            Test::Eq(other) => Test::Eq(of(other)),
            Test::Ne(other) => Test::Ne(of(other)),
            Test::Lt(other) => Test::Lt(of(other)),
            Test::Le(other) => Test::Le(of(other)),
            Test::Gt(other) => Test::Gt(of(other)),
            Test::Ge(other) => Test::Ge(of(other)),
            Test::Between(low, high) => Test::Between(of(low), of(high)),
            Test::In(candidates) => Test::In(candidates.iter().map(of).collect()),
        }
    }
}

macro_rules! lowered {
    ($field:ident, $test:ident) => {
        match $test {
            Test::Eq(other) => $field.eq(other),
            Test::Ne(other) => $field.ne(other),
            Test::Lt(other) => $field.lt(other),
            Test::Le(other) => $field.le(other),
            Test::Gt(other) => $field.gt(other),
            Test::Ge(other) => $field.ge(other),
            Test::Between(low, high) => $field.between(low, high),
            Test::In(candidates) => $field.in_(candidates),
        }
    };
}

/// The comparison, asked of a field.
pub fn tested<S, T: Value>(field: Field<S, T>, test: &Test<T>) -> Expr<S, bool> {
    lowered!(field, test)
}

/// The comparison, asked of an expression.
pub fn tested_expr<S, T: Value>(expr: Expr<S, T>, test: &Test<T>) -> Expr<S, bool> {
    lowered!(expr, test)
}

/// Whether `text` matches a pattern of `LIKE`; the definition, by recursion.
pub fn is_like(text: &str, pattern: &str) -> bool {
    fn matches(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|skipped| matches(&text[skipped..], rest)),
            ['_', rest @ ..] => !text.is_empty() && matches(&text[1..], rest),
            ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
                text.first() == Some(literal) && matches(&text[1..], rest)
            }
        }
    }
    matches(&Vec::from_iter(text.chars()), &Vec::from_iter(pattern.chars()))
}

/// Whether `text` matches a glob; the definition, by recursion. Sets are `[a-z]`, `[abc]`, `[!a-z]`.
pub fn is_glob(text: &str, glob: &str) -> bool {
    fn matches(text: &[char], glob: &[char]) -> bool {
        match glob {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|skipped| matches(&text[skipped..], rest)),
            ['?', rest @ ..] => !text.is_empty() && matches(&text[1..], rest),
            ['[', set @ ..] if set.contains(&']') => {
                let end = set.iter().position(|char| *char == ']').expect("just found");
                let (set, rest) = (&set[..end], &set[end + 1..]);
                let (negated, set) = match set {
                    ['!', set @ ..] => (true, set),
                    set => (false, set),
                };
                let within = |char: char| match set {
                    [low, '-', high] => (*low..=*high).contains(&char),
                    set => set.contains(&char),
                };
                text.first().is_some_and(|char| within(*char) != negated) && matches(&text[1..], rest)
            }
            [literal, rest @ ..] => text.first() == Some(literal) && matches(&text[1..], rest),
        }
    }
    matches(&Vec::from_iter(text.chars()), &Vec::from_iter(glob.chars()))
}
