//! Cells, scalars and keys: what can be read can be written, and keys order as values do.

use std::cmp::Ordering;

use epilog::storage::records::keys;
use epilog::value::{Scalar, Type, key};

use super::Input;

/// Runs one input.
pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let Some(ty) = Type::from_u8(1 + input.u8() % 23) else { return };
    let optional = input.flag();
    let [a, b] = [(); 2].map(|()| {
        if optional && input.u8() == 0 {
            return Some(Scalar::Null);
        }
        let len = ty.width().unwrap_or(usize::from(input.u8()));
        let cell = input.take(len);
        let scalar = Scalar::from_cell(ty, Some(cell));
        if let Some(scalar) = &scalar {
            // What was read is written the same; floats and decimals may have more than one zero or `NaN`.
            let again = scalar.with_cell(ty, |cell| Scalar::from_cell(ty, cell));
            let again = again.expect("what was written can be read");
            assert_eq!(again.compare(scalar), Ordering::Equal, "{ty}");
            let _ = scalar.text(ty);
        }
        scalar
    });
    let (Some(a), Some(b)) = (a, b) else { return };
    let encoded = |scalar: &Scalar| {
        let mut out = Vec::new();
        key::append_scalar(&mut out, ty, optional, scalar);
        out
    };
    let (key_a, key_b) = (encoded(&a), encoded(&b));
    assert_eq!(key_a.cmp(&key_b), a.compare(&b), "{ty}: {a:?} and {b:?}");
    // No key begins another, so that what follows in a compound key does not count before it.
    assert!(key_a == key_b || !key_b.starts_with(&key_a), "{ty}: {a:?} begins {b:?}");
    if let Some(width) = ty.rank_width() {
        if a.is_null() || b.is_null() {
            return;
        }
        let rank = |scalar: &Scalar| scalar.with_cell(ty, |cell| key::rank(ty, cell.expect("a value")));
        assert_eq!(rank(&a).cmp(&rank(&b)), a.compare(&b), "{ty}");
        let cell = key::from_rank(ty, rank(&a));
        let back = ty.width().and_then(|width| Scalar::from_cell(ty, Some(&cell[..width])));
        assert_eq!(back.as_ref(), Some(&a), "{ty}");
        let mut entry = key_b.clone();
        keys::append_rank(&mut entry, width as u8, rank(&a));
        assert_eq!(keys::split_entry(&entry, width as u8), Some((&key_b[..], rank(&a))));
    }
    let mut prefix = key_a.clone();
    if key::increment_prefix(&mut prefix) {
        assert!(prefix > key_a && !prefix.starts_with(&key_a));
    }
    for width in [8, 16] {
        let _ = keys::split_entry(bytes, width);
    }
}
