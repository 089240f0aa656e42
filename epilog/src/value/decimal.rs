//! Decimals as 16-byte cells, and their order, without a decimal library: a file that holds them is readable by a
//! program built without the `decimal` feature.
//!
//! Cell layout, little-endian (the same as `rust_decimal::Decimal::serialize`):
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | flags: bits 16..=23 the scale (0..=28), bit 31 the sign, the rest zero |
//! | 4 | 12 | the mantissa, 96 bits, unsigned |

use core::cmp::Ordering;

use crate::parts;

/// The largest number of digits after the point.
pub const SCALE_MAX: u32 = 28;

/// A decimal number: `mantissa / 10^scale`.
///
/// `Eq` is by representation; [`compare`](DecimalParts::compare) is by value (1.0 and 1.00 are equal there).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
// A [`Scalar`](super::Scalar) would be larger by half for a number of 16 bytes at a place that 16 divides.
#[repr(Rust, packed(8))]
pub struct DecimalParts {
    /// The digits with their sign, in -(2^96 - 1) ..= 2^96 - 1.
    pub mantissa: i128,
    /// Digits after the point, 0..=28.
    pub scale: u32,
}

impl DecimalParts {
    /// Reads a cell; `None` when the bytes are not a decimal.
    pub fn from_cell(cell: &[u8]) -> Option<DecimalParts> {
        let bytes: [u8; 16] = cell.try_into().ok()?;
        let whole = u128::from_le_bytes(bytes);
        let flags = whole as u32;
        let scale = (flags >> 16) & 0xFF;
        if flags & 0x7F00_FFFF != 0 || scale > SCALE_MAX {
            return None;
        }
        let magnitude = (whole >> 32) as i128;
        Some(DecimalParts { mantissa: if flags >> 31 == 1 { -magnitude } else { magnitude }, scale })
    }

    /// The cell of this number.
    ///
    /// # Panics
    ///
    /// When the mantissa has more than 96 bits or the scale is over 28: such a value is never made here.
    pub fn to_cell(self) -> [u8; 16] {
        let magnitude = self.mantissa.unsigned_abs();
        assert!(magnitude >> 96 == 0 && self.scale <= SCALE_MAX, "decimal out of range");
        let sign = u32::from(self.mantissa < 0) << 31;
        ((magnitude << 32) | u128::from(self.scale << 16 | sign)).to_le_bytes()
    }

    /// Compares by value.
    pub fn compare(self, other: DecimalParts) -> Ordering {
        // A mantissa has 96 bits and nine digits have 30, so that it can be scaled to the other's within 128.
        const DIGITS_MAX: u32 = 9;
        let digits = self.scale.abs_diff(other.scale);
        if !parts::QUICK_TESTS || digits > DIGITS_MAX {
            return self.scaled_key().cmp(&other.scaled_key());
        }
        let factor = i128::from(10u32.pow(digits));
        let (mine, others) = (self.mantissa, other.mantissa);
        let (scale, other_scale) = (self.scale, other.scale);
        match scale.cmp(&other_scale) {
            Ordering::Less => (mine * factor).cmp(&others),
            Ordering::Equal => mine.cmp(&others),
            Ordering::Greater => mine.cmp(&(others * factor)),
        }
    }

    /// The number scaled to 28 digits as a signed 192-bit integer, big-endian, its sign bit flipped: the bytes order
    /// as the numbers do, and equal numbers have equal bytes.
    pub fn scaled_key(self) -> [u8; 24] {
        // magnitude * 10^(28 - scale) has at most 96 + 94 bits.
        let magnitude = self.mantissa.unsigned_abs();
        let factor = 10u128.pow(SCALE_MAX - self.scale);
        let (high, low) = multiply_wide(magnitude, factor);
        let mut limbs = [low as u64, (low >> 64) as u64, high as u64];
        if self.mantissa < 0 {
            let mut carry = true;
            for limb in &mut limbs {
                let (sum, overflow) = (!*limb).overflowing_add(u64::from(carry));
                *limb = sum;
                carry = overflow;
            }
        }
        limbs[2] ^= 1 << 63;
        let mut out = [0; 24];
        for (chunk, limb) in out.chunks_exact_mut(8).zip(limbs.iter().rev()) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
        out
    }

    /// The number with this [`scaled_key`](DecimalParts::scaled_key), with as few digits after the point as it has; `None` when
    /// it is of no number.
    pub fn from_scaled_key(key: &[u8]) -> Option<DecimalParts> {
        let key: &[u8; 24] = key.try_into().ok()?;
        let mut limbs = [0u64; 3];
        for (limb, chunk) in limbs.iter_mut().zip(key.rchunks_exact(8)) {
            *limb = u64::from_be_bytes(chunk.try_into().ok()?);
        }
        limbs[2] ^= 1 << 63;
        let is_negative = limbs[2] >> 63 == 1;
        if is_negative {
            let mut carry = true;
            for limb in &mut limbs {
                (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
            }
        }
        let mut scale = SCALE_MAX;
        while scale > 0 {
            let mut tenth = limbs;
            let mut rest = 0;
            for limb in tenth.iter_mut().rev() {
                let whole = u128::from(rest) << 64 | u128::from(*limb);
                (*limb, rest) = ((whole / 10) as u64, (whole % 10) as u64);
            }
            if rest != 0 {
                break;
            }
            (limbs, scale) = (tenth, scale - 1);
        }
        let magnitude = u128::from(limbs[1]) << 64 | u128::from(limbs[0]);
        if limbs[2] != 0 || magnitude >> 96 != 0 {
            return None;
        }
        Some(DecimalParts {
            mantissa: if is_negative { -(magnitude as i128) } else { magnitude as i128 },
            scale,
        })
    }

    /// The nearest `f64`.
    pub fn to_f64(self) -> f64 {
        // Both operands are exact or correctly rounded; one division rounds once more.
        self.mantissa as f64 / 10u128.pow(self.scale) as f64
    }
}

/// `a * b` as (high, low) halves of 128 bits.
fn multiply_wide(a: u128, b: u128) -> (u128, u128) {
    const MASK: u128 = u64::MAX as u128;
    let (a1, a0, b1, b0) = (a >> 64, a & MASK, b >> 64, b & MASK);
    let low = a0 * b0;
    let middle = a1 * b0 + (low >> 64);
    let (middle_high, middle_low) = (middle >> 64, middle & MASK);
    let other = a0 * b1 + middle_low;
    (a1 * b1 + middle_high + (other >> 64), (other << 64) | (low & MASK))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(mantissa: i128, scale: u32) -> DecimalParts {
        DecimalParts { mantissa, scale }
    }

    #[test]
    fn cells_round_trip_and_bad_cells_are_refused() {
        for number in [parts(0, 0), parts(-1, 28), parts((1 << 96) - 1, 3), parts(-12345, 2)] {
            assert_eq!(DecimalParts::from_cell(&number.to_cell()), Some(number));
        }
        assert_eq!(DecimalParts::from_cell(&[0xFF; 16]), None);
        assert_eq!(DecimalParts::from_cell(&[0; 15]), None);
    }

    #[test]
    fn keys_of_no_number_are_refused() {
        for key in [[0; 24], [0xFF; 24]] {
            assert_eq!(DecimalParts::from_scaled_key(&key), None);
        }
        assert_eq!(DecimalParts::from_scaled_key(&[0; 23]), None);
    }

    #[test]
    fn order_is_by_value() {
        let ascending = [
            parts(-((1 << 96) - 1), 0),
            parts(-15, 1),
            parts(-1, 0),
            parts(-1, 28),
            parts(0, 5),
            parts(1, 28),
            parts(999, 3),
            parts(1, 0),
            parts(15, 1),
            parts((1 << 96) - 1, 0),
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(a.compare(*b), i.cmp(&j), "{a:?} {b:?}");
            }
        }
        assert_eq!(parts(10, 1).compare(parts(100, 2)), Ordering::Equal);
        assert_eq!(parts(0, 0).compare(parts(-0, 9)), Ordering::Equal);
    }

    #[test]
    fn order_is_that_of_keys_whatever_the_scales() {
        const LARGEST: i128 = (1 << 96) - 1;
        let mantissas =
            [-LARGEST, -LARGEST + 1, -1_000_000_000, -1, 0, 1, 999_999_999, LARGEST / 1_000_000_000, LARGEST];
        for (a, a_scale) in mantissas.into_iter().flat_map(|a| (0..=SCALE_MAX).map(move |scale| (a, scale))) {
            for (b, b_scale) in
                mantissas.into_iter().flat_map(|b| (0..=SCALE_MAX).map(move |scale| (b, scale)))
            {
                let (a, b) = (parts(a, a_scale), parts(b, b_scale));
                assert_eq!(a.compare(b), a.scaled_key().cmp(&b.scaled_key()), "{a:?} {b:?}");
            }
            let back = DecimalParts::from_scaled_key(&parts(a, a_scale).scaled_key()).unwrap();
            assert!(back.compare(parts(a, a_scale)).is_eq() && back.scale <= a_scale, "{back:?}");
        }
    }
}
