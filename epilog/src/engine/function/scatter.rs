//! Numbers that a value decides as if by lot: the finalizer of SplitMix64 (Steele, Lea and Flood, "Fast splittable
//! pseudorandom number generators", OOPSLA 2014), over the value's bytes eight by eight.

use alloc::vec::Vec;

use super::cell::each;
use super::{Argument, Made};

/// For every row a number that the one before and a value decide.
pub(super) fn scatter(before: Argument<'_>, of: Argument<'_>, len: usize) -> Made {
    let width = of.ty.width();
    let numbers = (0..len).map(|row| {
        let bytes = of.bytes(row);
        let bytes = width.map_or(bytes, |width| &bytes[..width]);
        let words = bytes.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        // The length ends it: a zero at the end is another text than none.
        words.chain([bytes.len() as u64]).fold(before.cell::<u64>(row), |state, word| mixed(state ^ word))
    });
    each(numbers.collect::<Vec<u64>>().into_iter())
}

fn mixed(state: u64) -> u64 {
    let mut bits = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        // Its first outputs from state 0.
        let outputs = [0u64, 1, 2].map(|n| mixed(0x9E37_79B9_7F4A_7C15u64.wrapping_mul(n)));
        assert_eq!(outputs, [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F]);
    }
}
