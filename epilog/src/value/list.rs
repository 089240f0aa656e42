//! Lists: the cells of `Vec<T>`.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the version of this form, 1 |
//! | the rest | the [key] of each element, as that of a required field |
//!
//! A key says where it ends: those of a fixed-width type by its width, those of strings and bytes by a terminator that no key
//! has within. So lists compare as their bytes do, element by element and then by length; equal lists have equal bytes; and
//! what an index holds for an element is a part of the cell. What keys do not tell apart, a list does not either: -0.0 and 0.0,
//! the `NaN`s, decimals that differ by zeros at the end of the fraction.

use alloc::vec::Vec;

use super::decimal::DecimalParts;
use super::scalar::is_signed_cell;
use super::{Type, key};

/// The version of the form.
const VERSION: u8 = 1;

/// The list without elements.
pub fn empty() -> Vec<u8> {
    Vec::from([VERSION])
}

/// Appends an element, given its cell.
///
/// # Panics
///
/// When the cell is not one of the type, as [`key::append`].
pub fn push(list: &mut Vec<u8>, element: Type, cell: &[u8]) {
    key::append(list, element, false, Some(cell));
}

/// Appends the elements of another list of the same type.
#[cfg(all(feature = "std", not(feature = "small")))]
pub fn append(list: &mut Vec<u8>, other: &[u8]) {
    list.extend_from_slice(other.get(1..).unwrap_or_default());
}

/// The keys of the elements, in their order. Of bytes that are no list, as many as there are.
pub fn elements(element: Type, list: &[u8]) -> Elements<'_> {
    Elements { width: key_width(element), rest: list.get(1..).unwrap_or_default() }
}

/// How many elements there are.
pub fn len(element: Type, list: &[u8]) -> usize {
    match key_width(element) {
        Some(width) => list.len().saturating_sub(1) / width,
        None => elements(element, list).count(),
    }
}

/// Whether one of the elements has this key.
pub fn contains(element: Type, list: &[u8], key: &[u8]) -> bool {
    elements(element, list).any(|own| own == key)
}

/// Appends the cell of the element with this key; `None` when no element has it.
pub fn append_cell(out: &mut Vec<u8>, element: Type, key: &[u8]) -> Option<()> {
    match element {
        Type::String | Type::Bytes => {
            let mut rest = key.strip_suffix(&[0, 0])?;
            while let Some(at) = rest.iter().position(|byte| *byte == 0) {
                out.extend_from_slice(&rest[..=at]);
                rest = rest[at + 1..].strip_prefix(&[0xFF])?;
            }
            out.extend_from_slice(rest);
        }
        Type::Uuid => out.extend_from_slice(key),
        Type::Decimal => out.extend_from_slice(&DecimalParts::from_scaled_key(key)?.to_cell()),
        _ => {
            let start = out.len();
            out.extend(key.iter().rev());
            let last = out.last_mut().filter(|_| key.len() == key_width(element).unwrap_or(0))?;
            if matches!(element, Type::F32 | Type::F64) {
                // The bits of a positive number have their sign flipped, those of a negative one are all flipped.
                if *last & 0x80 != 0 {
                    *last ^= 0x80;
                } else {
                    out[start..].iter_mut().for_each(|byte| *byte = !*byte);
                }
            } else if is_signed_cell(element) {
                *last ^= 0x80;
            }
        }
    }
    Some(())
}

/// Whether the bytes have the form of a list, whatever the elements are.
pub fn is_whole(element: Type, list: &[u8]) -> bool {
    let mut elements = elements(element, list);
    elements.by_ref().for_each(drop);
    list.first() == Some(&VERSION) && elements.rest.is_empty()
}

/// Whether the bytes are a list of type `ty`. `is_element` is asked of each element's cell.
pub fn is_valid(ty: Type, list: &[u8], is_element: impl Fn(Type, &[u8]) -> bool) -> bool {
    let Some(element) = ty.element() else { return false };
    let (mut cell, mut again) = (Vec::new(), Vec::new());
    is_whole(element, list)
        && elements(element, list).all(|key| {
            cell.clear();
            again.clear();
            if append_cell(&mut cell, element, key).is_none() || !is_element(element, &cell) {
                return false;
            }
            // Two keys can be of one value only where one of them is not what that value makes: a `NaN`, a -0.0.
            push(&mut again, element, &cell);
            again == key
        })
}

/// The bytes of a key, or `None` when they vary.
fn key_width(element: Type) -> Option<usize> {
    if element == Type::Decimal { Some(24) } else { element.width() }
}

/// The keys of a list's elements.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    width: Option<usize>,
    rest: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let len = match self.width {
            Some(width) => width,
            None => text_len(self.rest)?,
        };
        let (key, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(key)
    }
}

/// The length of the text's key at the start of `bytes`, its terminator included; `None` when none ends there.
fn text_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0)?;
        match bytes.get(at + 1)? {
            0 => return Some(at + 2),
            0xFF => at += 2,
            _ => return None,
        }
    }
}

#[cfg(all(test, not(feature = "small")))]
mod tests {
    use alloc::string::String;
    use core::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;
    use crate::value::{Scalar, Value};

    fn cell<T: Value>(value: T) -> Vec<u8> {
        value.with_cell(|cell| cell.unwrap().to_vec())
    }

    fn is_list(ty: Type, bytes: &[u8]) -> bool {
        Scalar::from_cell(ty, Some(bytes)).is_some()
    }

    #[test]
    fn the_form_is_that_of_the_file_format() {
        assert_eq!(cell(vec![-1i16, 258]), [1, 0x7F, 0xFF, 0x81, 0x02]);
        assert_eq!(cell(vec![String::from("a\0"), String::new()]), [1, b'a', 0, 0xFF, 0, 0, 0, 0]);
        assert_eq!(cell(Vec::<i64>::new()), [1]);
    }

    #[test]
    fn other_bytes_are_refused() {
        for (ty, bytes) in [
            (Type::I16List, &[][..]),
            (Type::I16List, &[0]),
            (Type::I16List, &[2, 0, 0]),
            (Type::I16List, &[1, 0]),
            (Type::BoolList, &[1, 2]),
            (Type::CharList, &[1, 0, 0, 0xD8, 0]),
            (Type::StringList, &[1, b'a', 0]),
            (Type::StringList, &[1, b'a', 0, 1, 0, 0]),
            (Type::StringList, &[1, 0xFF, 0, 0]),
            // The keys of -0.0 and of a `NaN` that is not the one.
            (Type::F32List, &[1, 0x7F, 0xFF, 0xFF, 0xFF]),
            (Type::F32List, &[1, 0xFF, 0xFF, 0xFF, 0xFF]),
            (Type::DecimalList, &[1; 25]),
        ] {
            assert!(!is_list(ty, bytes), "{ty} {bytes:?}");
        }
        assert!(is_list(Type::BytesList, &[1, 0xFF, 0, 0]));
        let damaged = Vec::<String>::read(Some(&[1, 0xFF, 0, 0]));
        assert_eq!(damaged.map_err(|error| error.ty), Err(Type::StringList));
    }

    #[test]
    fn values_that_are_equal_are_one() {
        assert_eq!(cell(vec![-0.0f64]), cell(vec![0.0f64]));
        let nan = cell(vec![f64::NAN]);
        assert_eq!(cell(vec![-f64::NAN]), nan);
        assert!(Vec::<f64>::read(Some(&nan)).unwrap()[0].is_nan());
    }

    fn check<T: Value + Clone + core::fmt::Debug>(a: Vec<T>, b: Vec<T>, order: Ordering)
    where
        Vec<T>: Value,
    {
        let ty = <Vec<T> as Value>::TYPE;
        let (left, right) = (cell(a.clone()), cell(b.clone()));
        assert_eq!(left.cmp(&right), order, "{a:?} {b:?}");
        assert!(is_list(ty, &left) && is_list(ty, &right));
        assert_eq!(len(T::TYPE, &left), a.len());
        let keys: Vec<&[u8]> = elements(T::TYPE, &left).collect();
        assert!(keys.iter().all(|key| contains(T::TYPE, &left, key)));
        assert_eq!(keys.len(), a.len());
        let scalar = a.to_scalar();
        let again = scalar.elements(ty).and_then(|values| Scalar::list(T::TYPE, &values));
        assert_eq!(again, Some(scalar));
    }

    proptest! {
        #[test]
        fn bytes_have_the_order_of_lists(
            a in prop::collection::vec(any::<i32>(), 0..4), b in prop::collection::vec(-2..2i32, 0..4),
            s in prop::collection::vec("[\0a\u{1}]{0,3}", 0..4), t in prop::collection::vec("[\0a\u{1}]{0,3}", 0..4),
            f in prop::collection::vec(-1.0..1.0f64, 0..3), g in prop::collection::vec(-1.0..1.0f64, 0..3),
        ) {
            check(a.clone(), b.clone(), a.cmp(&b));
            check(b.clone(), b, Ordering::Equal);
            check(s.clone(), t.clone(), s.cmp(&t));
            check(f.clone(), g.clone(), f.partial_cmp(&g).unwrap());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), ty in 0..64u8) {
            if let Some(ty) = Type::from_u8(64 + ty) {
                let element = ty.element().unwrap();
                let mut out = Vec::new();
                for key in elements(element, &bytes) {
                    let _ = append_cell(&mut out, element, key);
                }
                let _ = append_cell(&mut out, element, &bytes);
                prop_assert!(len(element, &bytes) <= bytes.len());
                if let Some(list) = Scalar::from_cell(ty, Some(&bytes)) {
                    let elements = list.elements(ty).unwrap();
                    prop_assert_eq!(Scalar::list(element, &elements), Some(list));
                }
            }
        }
    }
}
