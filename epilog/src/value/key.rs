//! Keys: bytes whose `memcmp` order is the order of the values.
//!
//! | type | bytes |
//! |---|---|
//! | unsigned integers, `bool`, `char`, `Id`, `Time` | big-endian |
//! | signed integers, `Date` | big-endian, sign bit flipped |
//! | `DateTime`, `Timestamp` | the 96-bit cell, big-endian, sign bit flipped: `i64` seconds, `u32` nanoseconds |
//! | floats | -0 becomes +0, every `NaN` one canonical, which sorts last; then `bits ^ sign`, or `!bits` when negative; big-endian |
//! | `String`, `Bytes`, JSON, lists | the cell with 00 as 00 FF, then 00 00 |
//! | `Decimal` | [`scaled_key`](super::decimal::DecimalParts::scaled_key), 24 bytes |
//! | `Uuid` | as is |
//! | `Blob` | number and length, big-endian: for sorting only, no index holds it |
//! | optional | 00 for the absent value, 01 and the value otherwise |
//! | several | their concatenation |
//!
//! The encoding is part of the file format: changing it means a new key extraction version in the header.

use alloc::vec::Vec;

use super::decimal::DecimalParts;
use super::scalar::{integer, is_signed_cell};
use super::{Cell, Scalar, Type};

/// The limit on an encoded key, in bytes: four of them fit an index page of 4 KiB.
pub const KEY_BYTES_MAX: usize = 960;

/// Appends the key of `cell`. `optional` says whether the field is optional, not whether this value is absent.
///
/// # Panics
///
/// When a required field's cell is absent or the bytes are not of the type: cells are checked when written and when a
/// page is read, so this is a bug of ours.
pub fn append(out: &mut Vec<u8>, ty: Type, optional: bool, cell: Cell<'_>) {
    let bytes = match (optional, cell) {
        (true, None) => return out.push(0),
        (true, Some(bytes)) => {
            out.push(1);
            bytes
        }
        (false, Some(bytes)) => bytes,
        (false, None) => panic!("a required field of type {ty} has no value"),
    };
    match ty {
        Type::String | Type::Bytes => append_escaped(out, bytes),
        _ if ty.is_list() || ty.is_json() => append_escaped(out, bytes),
        Type::Uuid => out.extend_from_slice(bytes),
        Type::Decimal => {
            // What is none, in a damaged record, is a zero here, and an error for who reads it.
            let parts = DecimalParts::from_cell(bytes).unwrap_or_default();
            out.extend_from_slice(&parts.scaled_key());
        }
        Type::F32 => {
            let bits = float32_order(f32::from_le_bytes(bytes.try_into().expect("4 bytes")));
            out.extend_from_slice(&bits.to_be_bytes());
        }
        Type::F64 => {
            let bits = float64_order(f64::from_le_bytes(bytes.try_into().expect("8 bytes")));
            out.extend_from_slice(&bits.to_be_bytes());
        }
        _ => {
            let start = out.len();
            out.extend(bytes.iter().rev());
            if is_signed_cell(ty) {
                out[start] ^= 0x80;
            }
        }
    }
}

/// Appends the key of a scalar; as [`append`].
pub fn append_scalar(out: &mut Vec<u8>, ty: Type, optional: bool, scalar: &Scalar) {
    scalar.with_cell(ty, |cell| append(out, ty, optional, cell));
}

/// Appends `bytes` with 00 as 00 FF and no terminator: the start of every key whose string starts with `bytes`.
pub fn append_escaped_prefix(out: &mut Vec<u8>, bytes: &[u8]) {
    // As a rule there is nothing to escape.
    if !bytes.contains(&0) {
        return out.extend_from_slice(bytes);
    }
    for &byte in bytes {
        out.push(byte);
        if byte == 0 {
            out.push(0xFF);
        }
    }
}

fn append_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    append_escaped_prefix(out, bytes);
    out.extend_from_slice(&[0, 0]);
}

/// Whether a value can be made again from its key, bit for bit: not one of which several forms are equal.
pub fn is_exact(ty: Type) -> bool {
    !ty.is_list() && !ty.is_json() && !matches!(ty, Type::F32 | Type::F64 | Type::Decimal | Type::Blob)
}

/// Splits the key of several fields behind the first: its encoded value, `None` for an absent one, and those that follow.
/// `None` when the bytes are no such key.
pub fn split_first(ty: Type, optional: bool, key: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let key = match (optional, key.split_first()) {
        (true, Some((0, rest))) => return Some((None, rest)),
        (true, Some((1, rest))) => rest,
        (true, _) => return None,
        (false, _) => key,
    };
    let len = match ty {
        Type::Decimal => 24,
        Type::String | Type::Bytes => {
            let mut at = 0;
            loop {
                at += key.get(at..)?.iter().position(|byte| *byte == 0)?;
                match key.get(at + 1)? {
                    0 => break,
                    _ => at += 2,
                }
            }
            return Some((Some(&key[..at]), &key[at + 2..]));
        }
        _ => ty.width()?,
    };
    let (value, rest) = key.split_at_checked(len)?;
    Some((Some(value), rest))
}

/// Appends the cell of an encoded value that [`split_first`] gave, of a type that [is exact](is_exact).
pub fn append_cell(out: &mut Vec<u8>, ty: Type, value: &[u8]) {
    match ty {
        Type::Uuid => out.extend_from_slice(value),
        Type::String | Type::Bytes if !value.contains(&0) => out.extend_from_slice(value),
        Type::String | Type::Bytes => {
            let mut bytes = value.iter();
            while let Some(byte) = bytes.next() {
                out.push(*byte);
                if *byte == 0 {
                    bytes.next();
                }
            }
        }
        _ => {
            out.extend(value.iter().rev());
            if let (true, Some(last)) = (is_signed_cell(ty), out.last_mut()) {
                *last ^= 0x80;
            }
        }
    }
}

/// The float of an encoded value that [`split_first`] gave: of several that are equal the one that keys are made of.
///
/// # Panics
///
/// When the type is no float, or the bytes are not of it.
pub fn float(ty: Type, value: &[u8]) -> f64 {
    match ty {
        Type::F32 => {
            let bits = u32::from_be_bytes(value.try_into().expect("4 bytes"));
            f64::from(f32::from_bits(if bits >> 31 == 1 { bits ^ (1 << 31) } else { !bits }))
        }
        Type::F64 => {
            let bits = u64::from_be_bytes(value.try_into().expect("8 bytes"));
            f64::from_bits(if bits >> 63 == 1 { bits ^ (1 << 63) } else { !bits })
        }
        _ => panic!("{ty} is no float"),
    }
}

/// The smallest byte string greater than every one that starts with `prefix`; `false` (and `prefix` emptied) when
/// there is none.
pub fn increment_prefix(prefix: &mut Vec<u8>) -> bool {
    while let Some(last) = prefix.pop() {
        if last != 0xFF {
            prefix.push(last + 1);
            return true;
        }
    }
    false
}

fn float32_order(value: f32) -> u32 {
    let bits = if value.is_nan() {
        f32::NAN.to_bits() & !(1 << 31)
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    };
    if bits >> 31 == 1 { !bits } else { bits ^ (1 << 31) }
}

/// Maps a float to an integer with the order of floats: -0 as +0, every `NaN` equal and last.
pub fn float64_order(value: f64) -> u64 {
    let bits = if value.is_nan() {
        f64::NAN.to_bits() & !(1 << 63)
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    };
    if bits >> 63 == 1 { !bits } else { bits ^ (1 << 63) }
}

/// The rank of a clustering key: an unsigned integer with the order of the type, of [`Type::rank_width`] bytes.
///
/// # Panics
///
/// When the type has no rank.
pub fn rank(ty: Type, bytes: &[u8]) -> u128 {
    match ty {
        Type::Uuid => u128::from_be_bytes(bytes.try_into().expect("16 bytes")),
        Type::U128 => u128::from_le_bytes(bytes.try_into().expect("16 bytes")),
        _ => {
            let value = integer(ty, bytes);
            let width = ty.rank_width().expect("a clustering type");
            if !is_signed_cell(ty) {
                value as u128
            } else if width == 8 {
                u128::from((value as i64 as u64) ^ (1 << 63))
            } else {
                (value as u128) ^ (1 << 127)
            }
        }
    }
}

/// The cell of the value with this rank, in the first [`Type::width`] bytes: the inverse of [`rank`].
pub fn from_rank(ty: Type, rank: u128) -> [u8; 16] {
    match ty {
        Type::Uuid => rank.to_be_bytes(),
        _ if !is_signed_cell(ty) => rank.to_le_bytes(),
        _ if ty.rank_width() == Some(8) => (rank ^ (1 << 63)).to_le_bytes(),
        _ => (rank ^ (1 << 127)).to_le_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    fn encoded(ty: Type, optional: bool, scalar: &Scalar) -> Vec<u8> {
        let mut out = Vec::new();
        append_scalar(&mut out, ty, optional, scalar);
        out
    }

    #[test]
    fn what_is_no_decimal_has_the_key_of_zero() {
        let mut key = Vec::new();
        append(&mut key, Type::Decimal, false, Some(&[0xFF; 16]));
        assert_eq!(key, encoded(Type::Decimal, false, &Scalar::Decimal(DecimalParts::default())));
    }

    fn check_order(ty: Type, ascending: &[Scalar]) {
        for pair in ascending.windows(2) {
            for optional in [false, true] {
                let (a, b) = (encoded(ty, optional, &pair[0]), encoded(ty, optional, &pair[1]));
                assert!(a < b, "{ty}: {pair:?}");
                assert!(pair[0].compare(&pair[1]).is_lt());
            }
            if ty.rank_width().is_some() {
                let rank = |scalar: &Scalar| scalar.with_cell(ty, |cell| rank(ty, cell.unwrap()));
                assert!(rank(&pair[0]) < rank(&pair[1]), "{ty}: {pair:?}");
                let width = ty.width().unwrap();
                let back = from_rank(ty, rank(&pair[0]));
                assert_eq!(Scalar::from_cell(ty, Some(&back[..width])), Some(pair[0].clone()));
            }
        }
    }

    #[test]
    fn encoded_order_is_the_order_of_values() {
        let int = |values: &[i128]| values.iter().map(|v| Scalar::Int(*v)).collect::<Vec<_>>();
        check_order(Type::I8, &int(&[-128, -1, 0, 1, 127]));
        check_order(Type::I64, &int(&[i64::MIN.into(), -256, -1, 0, 255, 256, i64::MAX.into()]));
        check_order(Type::I128, &int(&[i128::MIN, -1, 0, i128::MAX]));
        check_order(Type::U16, &int(&[0, 255, 256, 65535]));
        check_order(Type::Date, &int(&[-800_000, -1, 0, 738_000]));
        check_order(Type::DateTime, &int(&[-(1 << 80), -1, 0, 1 << 33, 1 << 94]));
        check_order(Type::U128, &[Scalar::Uint(0), Scalar::Uint(1 << 100), Scalar::Uint(u128::MAX)]);
        let floats = [f64::NEG_INFINITY, -1.5, -1e-300, 0.0, 1e-300, 2.0, f64::INFINITY, f64::NAN];
        check_order(Type::F64, &floats.map(Scalar::Float));
        check_order(Type::F32, &[f64::NEG_INFINITY, -1.5, 0.0, 0.25, f64::NAN].map(Scalar::Float));
        check_order(
            Type::String,
            &["", "\0", "\0a", "a", "a\0", "a\0b", "aa", "b"].map(|s| Scalar::String(s.into())),
        );
        check_order(Type::Uuid, &[Scalar::Uuid([0; 16]), Scalar::Uuid([1; 16]), Scalar::Uuid([255; 16])]);
    }

    #[test]
    fn exact_values_are_made_again_from_their_keys() {
        let values = [
            (Type::Bool, Scalar::Bool(true)),
            (Type::I8, Scalar::Int(-7)),
            (Type::I64, Scalar::Int(i64::MIN.into())),
            (Type::U128, Scalar::Uint(u128::MAX - 1)),
            (Type::DateTime, Scalar::Int(-(1 << 80))),
            (Type::Date, Scalar::Int(-800_000)),
            (Type::Uuid, Scalar::Uuid(*b"0123456789abcdef")),
            (Type::String, Scalar::String("\0a\0\0é\0".into())),
            (Type::String, Scalar::String(String::new())),
            (Type::Bytes, Scalar::Bytes([0, 255, 0, 0, 1].to_vec())),
        ];
        for (ty, value) in &values {
            for optional in [false, true] {
                assert!(is_exact(*ty));
                let mut bytes = encoded(*ty, optional, value);
                bytes.extend_from_slice(b"\0rest");
                let (split, rest) = split_first(*ty, optional, &bytes).expect("a key");
                assert_eq!(rest, b"\0rest", "{ty}");
                let mut cell = Vec::new();
                append_cell(&mut cell, *ty, split.expect("a value"));
                assert_eq!(Scalar::from_cell(*ty, Some(&cell)).as_ref(), Some(value));
            }
            assert_eq!(split_first(*ty, true, &[0, 9]), Some((None, &[9][..])));
            assert_eq!(split_first(*ty, true, &[2, 9]), None);
            assert_eq!(split_first(*ty, false, &[]), None);
        }
        assert!(!is_exact(Type::F64) && !is_exact(Type::Decimal));
    }

    #[test]
    fn absent_comes_first_and_zeros_are_equal() {
        assert!(encoded(Type::I32, true, &Scalar::Null) < encoded(Type::I32, true, &Scalar::Int(-5)));
        assert_eq!(
            encoded(Type::F64, false, &Scalar::Float(-0.0)),
            encoded(Type::F64, false, &Scalar::Float(0.0))
        );
    }

    #[test]
    fn a_prefix_has_a_least_upper_bound() {
        let mut prefix = b"ab\xFF".to_vec();
        assert!(increment_prefix(&mut prefix));
        assert_eq!(prefix, b"ac");
        assert!(!increment_prefix(&mut vec![0xFF, 0xFF]));
    }
}
