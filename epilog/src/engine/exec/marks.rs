//! [`Marks`]: a set of ranks, as bits where they lie close together.
//!
//! Keys that the database gives out ascend by one, so that a bit for each rank between the least and the greatest takes less
//! than a hash table, and is found without one. Ranks that are far apart lie in a table with open addressing.

use alloc::vec::Vec;

/// Ranks are marked by bits if there are no more than so many bits for each, or [`BITS_MIN`].
const BITS_PER_RANK: u128 = 128;
const BITS_MIN: u128 = 1 << 16;

/// A set of ranks.
pub(super) struct Marks {
    /// The least rank.
    low: u128,
    /// How far the greatest is beyond it.
    span: u128,
    kept: Kept,
}

enum Kept {
    /// A bit for each from the least on.
    Bits(Vec<u64>),
    /// A table of a power of two places, at most half taken.
    Table(Vec<Option<u128>>),
}

impl Marks {
    pub(super) fn of(ranks: &[u128]) -> Marks {
        let (Some(low), Some(high)) = (ranks.iter().min(), ranks.iter().max()) else {
            return Marks { low: 0, span: 0, kept: Kept::Bits(vec![0]) };
        };
        let span = high - low;
        let kept = if span < (ranks.len() as u128 * BITS_PER_RANK).max(BITS_MIN) {
            let mut bits = vec![0_u64; span as usize / 64 + 1];
            for rank in ranks {
                let at = (rank - low) as usize;
                bits[at / 64] |= 1 << (at % 64);
            }
            Kept::Bits(bits)
        } else {
            let mut places = vec![None; (ranks.len() * 2).next_power_of_two()];
            for rank in ranks {
                let place = place_of(&places, *rank);
                places[place] = Some(*rank);
            }
            Kept::Table(places)
        };
        Marks { low: *low, span, kept }
    }

    /// Whether a rank is marked.
    #[inline]
    pub(super) fn contains(&self, rank: u128) -> bool {
        let at = rank.wrapping_sub(self.low);
        if at > self.span {
            return false;
        }
        match &self.kept {
            Kept::Bits(bits) => bits[at as usize / 64] & (1 << (at as usize % 64)) != 0,
            Kept::Table(places) => places[place_of(places, rank)].is_some(),
        }
    }

    /// The bits of the ranks from the first value on, if all that are marked are narrower than 64 bits.
    pub(super) fn bits(&self) -> Option<(u64, &[u64])> {
        match &self.kept {
            Kept::Bits(bits) => Some((self.low.try_into().ok()?, bits)),
            Kept::Table(_) => None,
        }
    }

    /// The bytes that it takes in memory.
    pub(super) fn size(&self) -> usize {
        match &self.kept {
            Kept::Bits(bits) => size_of_val(bits.as_slice()),
            Kept::Table(places) => size_of_val(places.as_slice()),
        }
    }
}

/// Where a rank is in a table, or the empty place where it goes.
fn place_of(places: &[Option<u128>], rank: u128) -> usize {
    let mask = places.len() - 1;
    let mut place = super::table::mix_word((rank >> 64) as u64 ^ rank as u64) as usize & mask;
    while places[place].is_some_and(|taken| taken != rank) {
        place = (place + 1) & mask;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_there_and_nothing_else() {
        let sets: [&[u128]; 6] = [
            &[],
            &[7],
            &[5, 3, 4, 5, 900],
            &[0, u128::MAX],
            &[1 << 70, (1 << 70) + 64],
            &[1, 1 << 40, 1 << 41, u128::from(u64::MAX)],
        ];
        for ranks in sets {
            let marks = Marks::of(ranks);
            for rank in ranks.iter().flat_map(|rank| [*rank, rank.wrapping_add(1), rank.wrapping_sub(1)]) {
                assert_eq!(marks.contains(rank), ranks.contains(&rank), "{rank} of {ranks:?}");
            }
            assert!(!marks.contains(1 << 90));
        }
    }
}
