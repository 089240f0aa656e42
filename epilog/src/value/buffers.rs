//! Buffers for short texts and keys that a query is built with, and that are gone when it was carried out.
//!
//! Each thread keeps a few for the next query, so that none has to be allocated: a text is copied into one when it becomes a
//! literal, and given back with the clauses that it was part of; the key that it is looked for by takes another. What is
//! longer than [`KEPT_MIN`] bytes is allocated as anything else.

use alloc::string::String;
use alloc::vec::Vec;
#[cfg(all(feature = "std", not(feature = "small")))]
use core::cell::Cell;

use super::{Scalar, Value};
#[cfg(all(feature = "std", not(feature = "small")))]
use super::{Type, utf8};

/// A thread keeps so many at most.
#[cfg(all(feature = "std", not(feature = "small")))]
const KEPT: usize = 4;

/// None of them has room for fewer bytes, and none is kept that has room for more.
#[cfg(all(feature = "std", not(feature = "small")))]
const KEPT_MIN: usize = 64;
#[cfg(all(feature = "std", not(feature = "small")))]
const KEPT_MAX: usize = 256;

#[cfg(all(feature = "std", not(feature = "small")))]
struct Free {
    count: Cell<usize>,
    buffers: [Cell<Vec<u8>>; KEPT],
}

#[cfg(all(feature = "std", not(feature = "small")))]
crate::sync::of_each_thread! {
    static FREE: Free = const { Free { count: Cell::new(0), buffers: [const { Cell::new(Vec::new()) }; KEPT] } };
}

/// An empty buffer with room for `len` bytes.
#[cfg(all(feature = "std", not(feature = "small")))]
#[inline]
pub(crate) fn take(len: usize) -> Vec<u8> {
    if len <= KEPT_MIN
        && let Ok(Some(kept)) = FREE.try_with(|free| {
            let at = free.count.get().checked_sub(1)?;
            free.count.set(at);
            Some(free.buffers.get(at)?.take())
        })
    {
        return kept;
    }
    allocated(len)
}

#[cfg(all(feature = "std", not(feature = "small")))]
#[cold]
#[inline(never)]
fn allocated(len: usize) -> Vec<u8> {
    Vec::with_capacity(len.max(KEPT_MIN))
}

/// An empty buffer with room for `len` bytes.
#[cfg(not(all(feature = "std", not(feature = "small"))))]
pub(crate) fn take(len: usize) -> Vec<u8> {
    Vec::with_capacity(len)
}

/// Gives a buffer back.
#[cfg(all(feature = "std", not(feature = "small")))]
#[inline]
pub(crate) fn give_back(mut buffer: Vec<u8>) {
    if !(KEPT_MIN..=KEPT_MAX).contains(&buffer.capacity()) {
        return;
    }
    buffer.clear();
    // Freed where there are enough, or the thread ends.
    let _ = FREE.try_with(|free| {
        let at = free.count.get();
        let Some(place) = free.buffers.get(at) else { return };
        free.count.set(at + 1);
        // There is none to be dropped.
        core::mem::forget(place.replace(buffer));
    });
}

/// Gives a buffer back.
#[cfg(not(all(feature = "std", not(feature = "small"))))]
pub(crate) fn give_back(buffer: Vec<u8>) {
    drop(buffer);
}

/// As [`Value::to_scalar`], with a text in one of the buffers.
#[inline]
pub(crate) fn scalar<T: Value>(value: &T) -> Scalar {
    #[cfg(all(feature = "std", not(feature = "small")))]
    if T::TYPE == Type::String {
        return value.with_cell(|cell| match cell {
            Some(bytes) => Scalar::String(text(utf8::text(bytes).expect("a value's own cell is valid"))),
            None => Scalar::Null,
        });
    }
    value.to_scalar()
}

/// A copy of a text, in one of the buffers.
#[cfg(all(feature = "std", not(feature = "small")))]
#[inline]
pub(crate) fn text(of: &str) -> String {
    // Nothing is there to be checked.
    let mut text = String::from_utf8(take(of.len())).unwrap_or_default();
    text.push_str(of);
    text
}

/// A copy of a text.
#[cfg(not(all(feature = "std", not(feature = "small"))))]
pub(crate) fn text(of: &str) -> String {
    String::from(of)
}

/// Makes a scalar nothing, and gives back what it was in.
#[cfg(not(feature = "small"))]
#[inline]
pub(crate) fn end(value: &mut Scalar) {
    #[cfg(feature = "std")]
    if let Scalar::String(text) = value {
        give_back(core::mem::take(text).into_bytes());
    }
    *value = Scalar::Null;
}

/// Has a text that is not given back take no more than it needs.
#[cfg(not(feature = "small"))]
#[inline]
pub(crate) fn fit(value: &mut Scalar) {
    if let Scalar::String(text) = value {
        text.shrink_to_fit();
    }
}

#[cfg(all(test, feature = "std", not(feature = "small")))]
mod tests {
    use super::*;

    fn kept() -> usize {
        FREE.with(|free| free.count.get())
    }

    #[test]
    fn the_next_text_is_where_the_last_one_was() {
        let mut last = Scalar::String(text("the last one"));
        let at = |of: &Scalar| match of {
            Scalar::String(text) => text.as_ptr(),
            other => panic!("{other:?}"),
        };
        let place = at(&last);
        end(&mut last);
        assert_eq!((last, kept()), (Scalar::Null, 1));
        let next = scalar(&String::from("the next"));
        assert_eq!((at(&next), kept()), (place, 0));
        assert_eq!(next, Scalar::String("the next".into()));
        assert_eq!(scalar(&None::<String>), Scalar::Null);
        assert_eq!(scalar(&7u8), Scalar::Int(7));
    }

    #[test]
    fn neither_long_ones_nor_many_are_kept() {
        let long = "x".repeat(KEPT_MAX + 1);
        let mut of = Scalar::String(text(&long));
        assert_eq!(of, Scalar::String(long));
        end(&mut of);
        assert_eq!(kept(), 0);
        // What was allocated elsewhere may be short.
        end(&mut Scalar::String("short".into()));
        assert_eq!(kept(), 0);
        let many: Vec<Vec<u8>> = (0..2 * KEPT).map(take).collect();
        many.into_iter().for_each(give_back);
        assert_eq!(kept(), KEPT);
        // Longer than one that is kept surely has room for.
        assert!(take(KEPT_MIN + 1).capacity() > KEPT_MIN && kept() == KEPT);
        assert!((0..KEPT).all(|_| take(1).is_empty()) && kept() == 0);
    }
}
