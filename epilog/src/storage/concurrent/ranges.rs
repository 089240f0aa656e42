//! [`RankRanges`] and [`KeyRanges`]: sets of ranges, which say what was read.
//!
//! Ranges that overlap or touch are one. A set never has more than [`RANGES_MAX`]: then neighbours become one with what
//! lies between them. What is in the set afterwards is more than was put in, never less.

use alloc::vec::Vec;
use core::ops::Bound;

use crate::ordered::BTreeMap;

/// More ranges than this are halved.
const RANGES_MAX: usize = 4096;

/// A set of ranks: from each first one to the last one, both included.
#[derive(Debug, Default)]
pub(super) struct RankRanges(BTreeMap<u128, u128>);

impl RankRanges {
    /// Puts the ranks from `low` to `high` in, both included.
    pub(super) fn insert(&mut self, low: u128, high: u128) {
        if low > high {
            return;
        }
        let (mut first, mut last) = (low, high);
        // One that begins before and reaches to the rank before `low` at least goes on.
        if let Some((&start, &end)) = self.0.range(..=low).next_back()
            && end >= low.saturating_sub(1)
        {
            if end >= high {
                return;
            }
            first = start;
        }
        let above = |last: u128| (Bound::Excluded(first), Bound::Included(last.saturating_add(1)));
        while let Some((&start, &end)) = self.0.range(above(last)).next() {
            self.0.remove(&start);
            last = last.max(end);
        }
        self.0.insert(first, last);
        if self.0.len() > RANGES_MAX {
            self.halve();
        }
    }

    /// Whether `rank` is in the set.
    pub(super) fn contains(&self, rank: u128) -> bool {
        self.0.range(..=rank).next_back().is_some_and(|(_, &end)| rank <= end)
    }

    fn halve(&mut self) {
        let mut ranges = core::mem::take(&mut self.0).into_iter();
        while let Some((low, high)) = ranges.next() {
            let high = ranges.next().map_or(high, |(_, high)| high);
            self.0.insert(low, high);
        }
    }
}

/// A set of byte strings: from each first one, included, up to the end, excluded; without one there is no end.
#[derive(Debug, Default)]
pub(super) struct KeyRanges(BTreeMap<Vec<u8>, Option<Vec<u8>>>);

impl KeyRanges {
    /// Puts what is not less than `low` and less than `high` in.
    pub(super) fn insert(&mut self, low: &[u8], high: Option<&[u8]>) {
        if high.is_some_and(|high| high <= low) {
            return;
        }
        let up_to: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Unbounded, Bound::Included(low));
        let mut last = high.map(<[u8]>::to_vec);
        let mut first = None;
        if let Some((start, end)) = self.0.range::<[u8], _>(up_to).next_back()
            && end.as_deref().is_none_or(|end| end >= low)
        {
            if !ends_before(end.as_deref(), high) {
                return;
            }
            first = Some(start.clone());
        }
        let first = first.unwrap_or_else(|| low.to_vec());
        loop {
            let above = match &last {
                Some(last) => Bound::Included(last.as_slice()),
                None => Bound::Unbounded,
            };
            let above: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Excluded(&first), above);
            let Some(start) = self.0.range::<[u8], _>(above).next().map(|(start, _)| start.clone()) else {
                break;
            };
            let end = self.0.remove(&start).expect("found above");
            if ends_before(last.as_deref(), end.as_deref()) {
                last = end;
            }
        }
        self.0.insert(first, last);
        if self.0.len() > RANGES_MAX {
            self.halve();
        }
    }

    /// Whether `key` is in the set.
    pub(super) fn contains(&self, key: &[u8]) -> bool {
        let up_to: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Unbounded, Bound::Included(key));
        let found = self.0.range::<[u8], _>(up_to).next_back();
        found.is_some_and(|(_, end)| end.as_deref().is_none_or(|end| key < end))
    }

    fn halve(&mut self) {
        let mut ranges = core::mem::take(&mut self.0).into_iter();
        while let Some((low, high)) = ranges.next() {
            let high = ranges.next().map_or(high, |(_, high)| high);
            self.0.insert(low, high);
        }
    }
}

/// Whether a range that ends at `a` ends before one that ends at `b`.
fn ends_before(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(a), Some(b)) => a < b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    /// Numbers that look random, the same in every run.
    fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed;
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        }
    }

    #[test]
    fn ranks_are_in_the_set_exactly_when_they_were_put_in() {
        for seed in 0..200 {
            let mut random = numbers(seed);
            let mut set = RankRanges::default();
            let mut model = BTreeSet::new();
            for _ in 0..random(30) {
                let low = random(60);
                let high = low + random(6);
                set.insert(low.into(), high.into());
                model.extend(low..=high);
            }
            for rank in 0..70 {
                assert_eq!(
                    set.contains(rank.into()),
                    model.contains(&rank),
                    "seed {seed}, rank {rank}: {set:?}"
                );
            }
            let touching =
                set.0.iter().zip(set.0.iter().skip(1)).any(|((_, end), (start, _))| end + 1 >= *start);
            assert!(!touching, "seed {seed}: {set:?}");
        }
    }

    #[test]
    fn the_first_and_the_last_rank_there_are_can_be_in() {
        let mut set = RankRanges::default();
        set.insert(u128::MAX, u128::MAX);
        set.insert(0, 0);
        assert!(
            set.contains(0) && !set.contains(1) && !set.contains(u128::MAX - 1) && set.contains(u128::MAX)
        );
        set.insert(1, u128::MAX - 1);
        assert_eq!(set.0.len(), 1);
        set.insert(0, u128::MAX);
        assert_eq!(set.0.len(), 1);
    }

    #[test]
    fn keys_are_in_the_set_exactly_when_they_were_put_in() {
        // Byte strings of up to two letters, and all between them that matter.
        let key = |number: u64| -> Vec<u8> {
            let mut key = Vec::from([b'a' + (number / 5) as u8]);
            let second = number % 5;
            key.extend((second != 0).then_some(b'a' + second as u8));
            key
        };
        for seed in 0..300 {
            let mut random = numbers(seed);
            let mut set = KeyRanges::default();
            let mut model = BTreeSet::new();
            for _ in 0..random(20) {
                let low = random(60);
                let high = if random(12) == 0 { 60 } else { low + random(8) };
                let end = key(high);
                set.insert(&key(low), (high < 60).then_some(&end));
                model.extend(low..high);
            }
            for number in 0..60 {
                let inside = model.contains(&number);
                assert_eq!(set.contains(&key(number)), inside, "seed {seed}, {number}: {set:?}");
                let mut after = key(number);
                after.push(0);
                assert_eq!(set.contains(&after), inside, "seed {seed}, after {number}: {set:?}");
            }
        }
    }

    #[test]
    fn too_many_ranges_become_fewer_and_wider() {
        let (mut ranks, mut keys) = (RankRanges::default(), KeyRanges::default());
        for number in 0..20_000u32 {
            ranks.insert(u128::from(number) * 3, u128::from(number) * 3);
            keys.insert(&(number * 3).to_be_bytes(), Some(&(number * 3 + 1).to_be_bytes()));
        }
        assert!(ranks.0.len() <= RANGES_MAX && keys.0.len() <= RANGES_MAX);
        for number in 0..20_000u32 {
            assert!(ranks.contains(u128::from(number) * 3));
            assert!(keys.contains(&(number * 3).to_be_bytes()));
        }
        assert!(!ranks.contains(60_000) && !keys.contains(&60_000u32.to_be_bytes()));
    }
}
