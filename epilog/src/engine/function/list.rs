//! Functions of lists, over the keys of their elements: see `value::list`.

use alloc::vec::Vec;

use super::cell::{Argument, perhaps};
use super::text::{self, Text};
use super::{Made, Values};
use crate::value::{Type, list};

/// The element at a place.
pub(super) fn element(of: Argument<'_>, number: Argument<'_>, len: usize) -> Made {
    let element = element_of(of);
    elements(of, len, |row| {
        let place = usize::try_from(number.cell::<u64>(row)).unwrap_or(usize::MAX);
        list::elements(element, of.bytes(row)).nth(place)
    })
}

/// Elements of lists, by their keys; absent where there is none.
fn elements<'a>(of: Argument<'a>, len: usize, key: impl Fn(usize) -> Option<&'a [u8]>) -> Made {
    let element = element_of(of);
    let (mut bytes, mut ends, mut absent) = (Vec::new(), Vec::with_capacity(len), vec![false; len]);
    for (row, absent) in absent.iter_mut().enumerate() {
        let start = bytes.len();
        // What is absent already may be of any bytes.
        if key(row).and_then(|key| list::append_cell(&mut bytes, element, key)).is_none() {
            *absent = true;
            bytes.truncate(start);
            bytes.resize(start + element.width().unwrap_or(0), 0);
        }
        ends.push(bytes.len() as u32);
    }
    let values = if element.width().is_some() { Values::Fixed(bytes) } else { Values::Texts { bytes, ends } };
    Made { values, absent: absent.contains(&true).then_some(absent), faults: Vec::new() }
}

/// The last element.
pub(super) fn last(of: Argument<'_>, len: usize) -> Made {
    let element = element_of(of);
    elements(of, len, |row| list::elements(element, of.bytes(row)).last())
}

/// The texts between separators.
pub(super) fn split(of: Argument<'_>, separator: Argument<'_>, len: usize) -> Made {
    text::made(len, |row, out| {
        let (mut rest, separator) = (of.bytes(row), separator.bytes(row));
        let mut key = Vec::new();
        let mut push = |out: &mut Text, part: &[u8]| {
            key.clear();
            list::push(&mut key, Type::String, part);
            out.push(&key)
        };
        let mut fits = out.push(&list::empty());
        while let Some(at) = text::find(rest, separator).filter(|_| fits && !separator.is_empty()) {
            fits = push(out, &rest[..at]);
            rest = &rest[at + separator.len()..];
        }
        fits && push(out, rest)
    })
}

/// The texts of a list, with something between them.
pub(super) fn join(of: Argument<'_>, separator: Argument<'_>, len: usize) -> Made {
    let mut part = Vec::new();
    text::made(len, |row, out| {
        list::elements(Type::String, of.bytes(row)).enumerate().all(|(at, key)| {
            part.clear();
            // What is absent already may be of any bytes.
            let _ = list::append_cell(&mut part, Type::String, key);
            (at == 0 || out.push(separator.bytes(row))) && out.push(&part)
        })
    })
}

/// Where the first element is that equals another.
pub(super) fn place_of(of: Argument<'_>, element: Argument<'_>, len: usize) -> Made {
    let ty = element_of(of);
    perhaps(len, |row| {
        let key = key_of(element, row);
        list::elements(ty, of.bytes(row)).position(|own| own == key).map(|place| place as u64)
    })
}

/// With an element at the end.
pub(super) fn append(of: Argument<'_>, element: Argument<'_>, len: usize) -> Made {
    text::made(len, |row, out| push_list(out, of.bytes(row)) && out.push(&key_of(element, row)))
}

/// One after the other.
pub(super) fn chain(first: Argument<'_>, second: Argument<'_>, len: usize) -> Made {
    text::made(len, |row, out| {
        push_list(out, first.bytes(row)) && out.push(second.bytes(row).get(1..).unwrap_or_default())
    })
}

/// Without the elements that equal one.
pub(super) fn without(of: Argument<'_>, element: Argument<'_>, len: usize) -> Made {
    let ty = element_of(of);
    text::made(len, |row, out| {
        let key = key_of(element, row);
        let mut stay = list::elements(ty, of.bytes(row)).filter(|own| *own != key);
        out.push(&list::empty()) && stay.all(|own| out.push(own))
    })
}

fn element_of(of: Argument<'_>) -> Type {
    of.ty.element().expect("a checked plan calls it with lists")
}

/// Appends a list. One that is absent has no bytes.
fn push_list(out: &mut Text, list: &[u8]) -> bool {
    if list.is_empty() { out.push(&list::empty()) } else { out.push(list) }
}

/// The key of an element.
fn key_of(element: Argument<'_>, row: usize) -> Vec<u8> {
    let bytes = element.bytes(row);
    let mut key = Vec::new();
    list::push(&mut key, element.ty, &bytes[..element.ty.width().unwrap_or(bytes.len())]);
    key
}

#[cfg(all(test, not(feature = "small")))]
mod tests {
    use super::*;
    use crate::value::Scalar;

    fn list(of: &[&str]) -> Vec<u8> {
        let texts: Vec<Scalar> = of.iter().map(|text| Scalar::String((*text).into())).collect();
        let Some(Scalar::Bytes(list)) = Scalar::list(Type::String, &texts) else { panic!("a list of texts") };
        list
    }

    fn only(made: Made) -> Option<Vec<u8>> {
        let Values::Texts { bytes, .. } = made.values else { panic!("texts") };
        made.absent.is_none().then_some(bytes)
    }

    #[test]
    fn texts_are_split_and_joined_and_the_last_is_found() {
        let of_lists = Type::String.list().unwrap();
        let cases: [(&str, &str, &[&str]); 8] = [
            ("a,b", ",", &["a", "b"]),
            (",a,", ",", &["", "a", ""]),
            ("", ",", &[""]),
            ("a,b", "", &["a,b"]),
            ("aaa", "aa", &["", "a"]),
            ("日本, 語", ", ", &["日本", "語"]),
            ("a\0b\0", "\0", &["a", "b", ""]),
            ("a", "ab", &["a"]),
        ];
        for (text, separator, parts) in cases {
            let separator = Argument::constant(Type::String, separator.as_bytes());
            let made = only(split(Argument::constant(Type::String, text.as_bytes()), separator, 1));
            assert_eq!(made, Some(list(parts)), "{text:?}");
            let of = list(parts);
            let of = Argument::constant(of_lists, &of);
            assert_eq!(only(join(of, separator, 1)).as_deref(), Some(text.as_bytes()));
            assert_eq!(only(last(of, 1)).as_deref(), parts.last().map(|part| part.as_bytes()), "{text:?}");
        }
        let none = list(&[]);
        let none = Argument::constant(of_lists, &none);
        assert_eq!(only(last(none, 1)), None);
        assert_eq!(only(join(none, Argument::constant(Type::String, b", "), 1)), Some(Vec::new()));
    }
}
