//! Search among ascending ranks: interpolation while it pays, then halving.
//!
//! Assigned keys and times are nearly linear, so one probe usually hits; each probe may be a miss of the processor's caches.
//! No rank lies further behind the first than it is greater, which where keys were assigned without gaps is the first probe,
//! and right. Skewed keys would make interpolation creep; after [`STEPS_MAX`] probes the rest is halved, and so is a short
//! range from the start.

use crate::parts;

/// How often to interpolate.
const STEPS_MAX: usize = 8;

/// A range of no more than this many ranks is halved.
const SHORT: usize = 8;

/// An unsigned integer of a page.
pub(super) trait RankKey: Copy + Ord {
    /// Where `self` lies between `low` and `high`, 0 to 1. `low < self <= high`.
    fn share(self, low: Self, high: Self) -> f64;

    /// By how much `self` is greater than `low`, or the most that can be said.
    fn above(self, low: Self) -> usize;
}

impl RankKey for u64 {
    #[inline]
    fn share(self, low: u64, high: u64) -> f64 {
        (self - low) as f64 / (high - low) as f64
    }

    #[inline]
    fn above(self, low: u64) -> usize {
        usize::try_from(self - low).unwrap_or(usize::MAX)
    }
}

impl RankKey for u128 {
    #[inline]
    fn share(self, low: u128, high: u128) -> f64 {
        (self - low) as f64 / (high - low) as f64
    }

    #[inline]
    fn above(self, low: u128) -> usize {
        usize::try_from(self - low).unwrap_or(usize::MAX)
    }
}

/// The first of `count` positions whose rank is not below `key`; `count` if there is none. No rank is there twice.
///
/// Ends, and stays within `0..=count`, whatever `at` answers.
#[inline]
pub(super) fn lower_bound<K: RankKey>(count: usize, at: impl Fn(usize) -> K, key: K) -> usize {
    if count == 0 {
        return 0;
    }
    let mut low_rank = at(0);
    if key <= low_rank {
        return 0;
    }
    let (mut low, mut high) = (0, key.above(low_rank).min(count - 1));
    let mut high_rank = at(high);
    if key > high_rank {
        return count;
    }
    if key == high_rank {
        return high;
    }
    // at(low) < key < at(high), now and after every step.
    for _ in 0..STEPS_MAX {
        if !parts::INTERPOLATION || high - low <= SHORT {
            break;
        }
        let guess = low + (key.share(low_rank, high_rank) * (high - low) as f64) as usize;
        let guess = guess.clamp(low + 1, high - 1);
        let rank = at(guess);
        if rank == key {
            return guess;
        }
        if rank < key {
            (low, low_rank) = (guess, rank);
        } else {
            (high, high_rank) = (guess, rank);
        }
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if at(middle) < key { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// Linear, skewed and nearly constant ranks, each searched for every rank and its neighbours, against a linear search.
    #[test]
    fn finds_what_a_linear_search_finds() {
        let linear = Vec::from_iter((0..300u64).map(|rank| rank * 7 + 3));
        let skewed = Vec::from_iter((0..63u32).map(|bit| 1u64 << bit));
        let far = Vec::from_iter((0..100u64).chain([u64::MAX - 1, u64::MAX]));
        for ranks in [linear, skewed, far, Vec::from([5]), Vec::new()] {
            for key in ranks.iter().flat_map(|&rank| [rank.saturating_sub(1), rank, rank.saturating_add(1)]) {
                let expected = ranks.iter().position(|&rank| rank >= key).unwrap_or(ranks.len());
                assert_eq!(lower_bound(ranks.len(), |position| ranks[position], key), expected);
                let wide = |position: usize| u128::from(ranks[position]) << 64;
                assert_eq!(lower_bound(ranks.len(), wide, u128::from(key) << 64), expected);
            }
        }
    }

    #[test]
    fn unordered_ranks_end_within_bounds() {
        let ranks = Vec::from_iter((0..200u64).map(|rank| rank.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        for key in 0..500u64 {
            let key = key.wrapping_mul(0xD134_2543_DE82_EF95);
            assert!(lower_bound(ranks.len(), |position| ranks[position], key) <= ranks.len());
        }
    }
}
