//! Functions of lists, over the keys of their elements: see `value::list`.

use alloc::vec::Vec;

use super::cell::{Argument, perhaps};
use super::text::{self, Text};
use super::{Made, Values};
use crate::value::{Type, list};

/// The element at a place.
pub(super) fn element(of: Argument<'_>, number: Argument<'_>, len: usize) -> Made {
    let element = element_of(of);
    let (mut bytes, mut ends, mut absent) = (Vec::new(), Vec::with_capacity(len), vec![false; len]);
    for (row, absent) in absent.iter_mut().enumerate() {
        let start = bytes.len();
        let place = usize::try_from(number.cell::<u64>(row)).unwrap_or(usize::MAX);
        let key = list::elements(element, of.bytes(row)).nth(place);
        // What is absent already may be of any bytes.
        if key.and_then(|key| list::append_cell(&mut bytes, element, key)).is_none() {
            *absent = true;
            bytes.truncate(start);
            bytes.resize(start + element.width().unwrap_or(0), 0);
        }
        ends.push(bytes.len() as u32);
    }
    let values = if element.width().is_some() { Values::Fixed(bytes) } else { Values::Texts { bytes, ends } };
    Made { values, absent: absent.contains(&true).then_some(absent), faults: Vec::new() }
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
