//! Functions of JSON, over the texts that its cells are: see `value::json`.

use alloc::string::String;
use alloc::vec::Vec;

use super::cell::{Argument, attempts, each, perhaps};
use super::{Made, Problem, Values, text};
use crate::value::json::form;
use crate::value::{Type, list};

/// A member of an object, by its name.
pub(super) fn member(of: Argument<'_>, name: Argument<'_>, len: usize) -> Made {
    places(len, |row| form::member(of.bytes(row), core::str::from_utf8(name.bytes(row)).ok()?))
}

/// An item of an array, by its number.
pub(super) fn item(of: Argument<'_>, number: Argument<'_>, len: usize) -> Made {
    places(len, |row| form::item(of.bytes(row), number.cell(row)))
}

/// The values at these places, which are parts of the first argument.
fn places(len: usize, place: impl Fn(usize) -> Option<(usize, usize)>) -> Made {
    let mut absent = vec![false; len];
    let part = |(row, absent): (usize, &mut bool)| {
        let found = place(row);
        *absent = found.is_none();
        // No text has 4 GiB.
        found.map_or((0, 0), |(start, end)| (start as u32, end as u32))
    };
    let parts = absent.iter_mut().enumerate().map(part).collect();
    Made { values: Values::Parts(parts), absent: some_of(absent), faults: Vec::new() }
}

/// The list, if a row is in it.
fn some_of(absent: Vec<bool>) -> Option<Vec<bool>> {
    absent.contains(&true).then_some(absent)
}

/// The value as one of another type, if it is one.
pub(super) fn perhaps_as(of: Argument<'_>, ty: Type, len: usize) -> Made {
    match ty {
        Type::Bool => perhaps(len, |row| form::as_bool(of.bytes(row)).map(u8::from)),
        Type::I64 => perhaps(len, |row| form::as_i64(of.bytes(row))),
        Type::F64 => perhaps(len, |row| form::as_f64(of.bytes(row))),
        _ => {
            let (mut made, missing) = strings(of, len);
            let mut absent = vec![false; len];
            missing.iter().for_each(|row| absent[*row as usize] = true);
            made.absent = some_of(absent);
            made
        }
    }
}

/// The value as one of another type, or a fault.
pub(super) fn surely_as(of: Argument<'_>, ty: Type, len: usize) -> Made {
    const NO_BOOL: Problem = "is neither true nor false";
    const NO_INTEGER: Problem = "is no integer of 64 bits";
    const NO_FLOAT: Problem = "is no number that is a float";
    const NO_STRING: Problem = "is no string";
    let rows = 0..len;
    match ty {
        Type::Bool => attempts(rows.map(|row| form::as_bool(of.bytes(row)).map(u8::from).ok_or(NO_BOOL))),
        Type::I64 => attempts(rows.map(|row| form::as_i64(of.bytes(row)).ok_or(NO_INTEGER))),
        Type::F64 => attempts(rows.map(|row| form::as_f64(of.bytes(row)).ok_or(NO_FLOAT))),
        _ => {
            let (mut made, missing) = strings(of, len);
            made.faults = missing.into_iter().map(|row| (row, NO_STRING)).collect();
            made
        }
    }
}

/// The texts that strings are, which are no longer than those, and the rows without any.
fn strings(of: Argument<'_>, len: usize) -> (Made, Vec<u32>) {
    let mut missing = Vec::new();
    let made = text::made(len, |row, out| match form::as_text(of.bytes(row)) {
        Some(text) => out.push(text.as_bytes()),
        None => {
            missing.push(row as u32);
            true
        }
    });
    (made, missing)
}

/// How many items or members there are.
pub(super) fn count(of: Argument<'_>, len: usize) -> Made {
    perhaps(len, |row| form::len(of.bytes(row)))
}

/// What the value is.
pub(super) fn kind(of: Argument<'_>, len: usize) -> Made {
    text::made(len, |row, out| out.push(form::kind(of.bytes(row)).as_bytes()))
}

/// The names of an object's members, as a list.
pub(super) fn keys(of: Argument<'_>, len: usize) -> Made {
    let mut absent = vec![false; len];
    let mut made = text::made(len, |row, out| {
        let object = of.bytes(row);
        absent[row] = object.first() != Some(&b'{');
        let mut keys = list::empty();
        for (name, _) in form::members(object) {
            let name: String = form::as_text(name).unwrap_or_default();
            list::push(&mut keys, Type::String, name.as_bytes());
        }
        out.push(&keys)
    });
    made.absent = some_of(absent);
    made
}

/// Whether an object has a member of this name.
pub(super) fn has_key(of: Argument<'_>, name: Argument<'_>, len: usize) -> Made {
    each((0..len).map(|row| {
        let name = core::str::from_utf8(name.bytes(row));
        u8::from(name.is_ok_and(|name| form::member(of.bytes(row), name).is_some()))
    }))
}

/// Whether an array has an item that equals the other value.
pub(super) fn contains(of: Argument<'_>, item: Argument<'_>, len: usize) -> Made {
    each((0..len).map(|row| u8::from(form::contains(of.bytes(row), item.bytes(row)))))
}
