//! [`KeyTable`]: a hash table from byte keys to dense numbers.
//!
//! Open addressing with linear probing over 32-bit numbers; hashes are kept beside the keys, so that neither growing nor
//! a probe that misses reads a key.

use alloc::vec::Vec;

use crate::parts;
use crate::value::Type;

/// Byte keys, numbered in the order they came.
#[derive(Default)]
pub(super) struct KeyTable {
    /// 0 where empty, else a key's number and 1. A power of two of them, at most half taken.
    places: Vec<u32>,
    hashes: Vec<u64>,
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl KeyTable {
    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes that it takes in memory.
    #[cfg(not(feature = "small"))]
    pub(super) fn size(&self) -> usize {
        self.places.capacity() * size_of::<u32>()
            + self.hashes.capacity() * size_of::<u64>()
            + self.ends.capacity() * size_of::<u32>()
            + self.bytes.capacity()
    }

    /// The number of `key`, if it is there.
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        if self.places.is_empty() { None } else { self.locate(key, hash(key)).ok() }
    }

    /// The number of `key`, which is put in if it is not there.
    pub(super) fn intern(&mut self, key: &[u8]) -> usize {
        if (self.len() + 1) * 2 > self.places.len() {
            self.grow();
        }
        let hash = hash(key);
        match self.locate(key, hash) {
            Ok(number) => number,
            Err(place) => {
                let number = self.len();
                self.bytes.extend_from_slice(key);
                self.ends
                    .push(u32::try_from(self.bytes.len()).expect("a hash table holds at most 4 GiB of keys"));
                self.hashes.push(hash);
                self.places[place] = number as u32 + 1;
                number
            }
        }
    }

    /// The key with this number.
    pub(super) fn key(&self, number: usize) -> &[u8] {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start as usize..self.ends[number] as usize]
    }

    /// The number of `key`, or the empty place where its number would go.
    fn locate(&self, key: &[u8], hash: u64) -> Result<usize, usize> {
        let mask = self.places.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            match self.places[place] {
                0 => return Err(place),
                taken => {
                    let number = taken as usize - 1;
                    if self.hashes[number] == hash && self.key(number) == key {
                        return Ok(number);
                    }
                }
            }
            place = (place + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = (self.places.len() * 2).max(64);
        self.places.clear();
        self.places.resize(size, 0);
        for (number, hash) in self.hashes.iter().enumerate() {
            let mut place = *hash as usize & (size - 1);
            while self.places[place] != 0 {
                place = (place + 1) & (size - 1);
            }
            self.places[place] = number as u32 + 1;
        }
    }
}

/// Words, each with a number that its finder gives it.
///
/// Words that lie close together, as keys do that the database gives out, have their numbers in an array. Others lie in a
/// table with open addressing and linear probing, as in [`KeyTable`], each beside its number, so that a probe reads one place.
#[derive(Default)]
pub(super) struct WordTable {
    /// The numbers, and 1, of the words from `least` on: 0 where there is none. Empty when words lie in `places`.
    array: Vec<u32>,
    /// A word and its number, and 1: 0 where empty. A power of two of them, at most half taken.
    places: Vec<(u64, u32)>,
    /// The least word in the table, or that of the array's first place.
    least: u64,
    /// The greatest word.
    greatest: u64,
    taken: usize,
}

/// An array has no more places than so many for each word, or [`ARRAY_MIN`]: it takes no more memory then than a table.
const ARRAY_PLACES: u64 = 8;
const ARRAY_MIN: u64 = 1024;

impl WordTable {
    /// The bytes that it takes in memory.
    #[cfg(not(feature = "small"))]
    pub(super) fn size(&self) -> usize {
        self.places.capacity() * size_of::<(u64, u32)>() + self.array.capacity() * size_of::<u32>()
    }

    /// The number of `word`; what `number` gives when it is not there yet.
    #[inline]
    pub(super) fn find_or_insert(&mut self, word: u64, number: impl FnOnce() -> u32) -> u32 {
        if parts::LOOPS {
            if word.wrapping_sub(self.least) >= self.array.len() as u64 && self.places.is_empty() {
                self.widen(word);
            }
            let at = word.wrapping_sub(self.least);
            if at < self.array.len() as u64 {
                let place = &mut self.array[at as usize];
                if *place == 0 {
                    *place = number() + 1;
                    self.taken += 1;
                    self.greatest = self.greatest.max(word);
                }
                return *place - 1;
            }
        }
        if (self.taken + 1) * 2 > self.places.len() {
            self.grow();
            if parts::LOOPS && !self.array.is_empty() {
                return self.find_or_insert(word, number);
            }
        }
        let place = self.locate(word);
        if self.places[place].1 == 0 {
            self.places[place] = (word, number() + 1);
            self.taken += 1;
            if parts::LOOPS {
                self.least = self.least.min(word);
                self.greatest = self.greatest.max(word);
            }
        }
        self.places[place].1 - 1
    }

    /// How many words there are.
    #[cfg(not(feature = "small"))]
    pub(super) fn len(&self) -> usize {
        self.taken
    }

    /// The words, in any order, and their numbers.
    #[cfg(not(feature = "small"))]
    pub(super) fn words(&self) -> impl Iterator<Item = (u64, u32)> {
        let word = |at: usize| self.least.wrapping_add(at as u64);
        let of_array = self.array.iter().enumerate().map(move |(at, number)| (word(at), *number));
        let all = of_array.chain(self.places.iter().copied());
        all.filter_map(|(word, number)| Some((word, number.checked_sub(1)?)))
    }

    /// The word of the first place, and the numbers, and 1, of all words from there on: 0 where there is none.
    pub(super) fn array(&self) -> Option<(u64, &[u32])> {
        (parts::LOOPS && !self.array.is_empty()).then_some((self.least, &*self.array))
    }

    /// The number of `word`, if it is there.
    #[inline]
    pub(super) fn find(&self, word: u64) -> Option<u32> {
        let at = word.wrapping_sub(self.least);
        if parts::LOOPS && at < self.array.len() as u64 {
            return self.array[at as usize].checked_sub(1);
        }
        if self.places.is_empty() {
            return None;
        }
        self.places[self.locate(word)].1.checked_sub(1)
    }

    /// The place of `word`, or the empty one where it goes.
    #[inline]
    fn locate(&self, word: u64) -> usize {
        let mask = self.places.len() - 1;
        let mut place = mix(FACTOR, word) as usize & mask;
        while self.places[place].1 != 0 && self.places[place].0 != word {
            place = (place + 1) & mask;
        }
        place
    }

    /// Makes room for `word`, which the array does not reach to: in the array, or in a table of all words.
    #[cold]
    fn widen(&mut self, word: u64) {
        let (least, greatest) = match self.taken {
            0 => (word, word),
            _ => (self.least.min(word), self.greatest.max(word)),
        };
        let span = greatest - least;
        if span >= (self.taken as u64 * ARRAY_PLACES).max(ARRAY_MIN) {
            let (array, first) = (core::mem::take(&mut self.array), self.least);
            self.places = vec![(0, 0); ((self.taken + 1) * 2).next_power_of_two().max(64)];
            for (at, number) in array.into_iter().enumerate() {
                if number != 0 {
                    let place = self.locate(first + at as u64);
                    self.places[place] = (first + at as u64, number);
                }
            }
            // The words between the array's first place and the least are none.
            (self.least, self.greatest) = (least, greatest);
            return;
        }
        // Twice as much as there was, so that a word is moved so many times only.
        let len = (span + 1).max(self.array.len() as u64 * 2).max(64);
        if word < self.least && self.taken > 0 {
            let first = self.least - (self.least - least).max(self.array.len() as u64).min(self.least);
            let moved = (self.least - first) as usize;
            let mut array = vec![0; moved + self.array.len()];
            array[moved..].copy_from_slice(&self.array);
            (self.array, self.least) = (array, first);
        } else {
            if self.taken == 0 {
                (self.least, self.greatest) = (word, word);
            }
            // No place is beyond the greatest word there can be.
            let len = len.max(word - self.least + 1).min((u64::MAX - self.least).saturating_add(1));
            self.array.resize(len as usize, 0);
        }
    }

    #[cold]
    fn grow(&mut self) {
        let span = self.greatest.wrapping_sub(self.least);
        if parts::LOOPS && self.taken > 0 && span < (self.taken as u64 * ARRAY_PLACES).max(ARRAY_MIN) {
            self.array = vec![0; span as usize + 1];
            for (word, number) in core::mem::take(&mut self.places) {
                if number != 0 {
                    self.array[(word - self.least) as usize] = number;
                }
            }
            return;
        }
        let size = (self.places.len() * 2).max(64);
        for (word, number) in core::mem::replace(&mut self.places, vec![(0, 0); size]) {
            if number != 0 {
                let place = self.locate(word);
                self.places[place] = (word, number);
            }
        }
    }
}

/// The width of the cells of a type, if two values of it are equal when their cells are.
pub(super) fn width_of_equal_cells(ty: Type) -> Option<usize> {
    // A zero has two signs, a decimal many scales.
    ty.width().filter(|_| !matches!(ty, Type::F32 | Type::F64 | Type::Decimal))
}

const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// A word in another order of bits that depends on all of its bits.
fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * u128::from(FACTOR);
    (product as u64) ^ (product >> 64) as u64
}

/// As `mix`, of a word alone.
#[cfg(not(feature = "small"))]
pub(super) fn mix_word(word: u64) -> u64 {
    mix(FACTOR, word)
}

/// As `mix`, of a number and one that came before.
#[cfg(not(feature = "small"))]
pub(super) fn mix_words(before: u64, word: u64) -> u64 {
    mix(before.rotate_left(23) ^ FACTOR, word)
}

/// A number of a key that has nothing to do with its place in a table, and another at each `level`.
#[cfg(not(feature = "small"))]
pub(super) fn lot(key: &[u8], level: u32) -> u64 {
    mix_word(hash(key).rotate_left(32) ^ u64::from(level).wrapping_mul(FACTOR))
}

/// Multiplies and folds eight bytes at a time. Keys come from the user's own data: there is no one to defend against.
pub(super) fn hash(key: &[u8]) -> u64 {
    let (words, rest) = key.as_chunks::<8>();
    let hash =
        words.iter().fold(key.len() as u64 ^ FACTOR, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(mix(hash, u64::from_le_bytes(last)), FACTOR)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;

    #[test]
    fn words_are_numbered_as_a_map_would() {
        let (mut table, mut model) = (WordTable::default(), BTreeMap::new());
        for n in 0..20_000u64 {
            let word = n * n % 7919;
            let next = model.len() as u32;
            assert_eq!(table.find(word), model.get(&word).copied());
            assert_eq!(table.find_or_insert(word, || next), *model.entry(word).or_insert(next));
        }
    }

    #[test]
    fn words_that_come_close_together_late_or_far_apart_late_are_numbered_as_well() {
        // Ascending, descending, from the middle, shuffled, and with one far away at last, at both ends of what a word can be.
        let ascending = |n: u64| 5_000_000_000 + n;
        let descending = |n: u64| 5_000_000_000 - n * 3;
        let to_zero = |n: u64| 9_999_u64.saturating_sub(n);
        let from_the_middle = |n: u64| if n.is_multiple_of(2) { 1 << 40 | n } else { (1 << 40) - n };
        let shuffled = |n: u64| n * 7_919 % 10_007 * 5;
        let far = |n: u64| if n == 6_000 { u64::MAX } else { n % 4_000 };
        let far_below = |n: u64| if n == 6_000 { 0 } else { u64::MAX - n % 4_000 };
        let sequences: [&dyn Fn(u64) -> u64; 7] =
            [&ascending, &descending, &to_zero, &from_the_middle, &shuffled, &far, &far_below];
        for (sequence, word) in sequences.into_iter().enumerate() {
            let (mut table, mut model) = (WordTable::default(), BTreeMap::new());
            for n in 0..10_000 {
                let (word, next) = (word(n), model.len() as u32);
                assert_eq!(table.find(word), model.get(&word).copied(), "{word} of sequence {sequence}");
                assert_eq!(table.find_or_insert(word, || next), *model.entry(word).or_insert(next));
            }
            for (word, number) in &model {
                assert_eq!(table.find(*word), Some(*number), "{word} of sequence {sequence}");
            }
            for word in [1 << 63, 4_999_999, 77_777_777] {
                assert_eq!(table.find(word), model.get(&word).copied());
            }
        }
    }

    #[test]
    fn keys_are_numbered_as_a_map_would() {
        let (mut table, mut model) = (KeyTable::default(), BTreeMap::new());
        assert_eq!(table.find(b"x"), None);
        for n in 0..20_000u64 {
            let key = format!("{}", n * n % 7919);
            let number = table.intern(key.as_bytes());
            let next = model.len();
            assert_eq!(number, *model.entry(key).or_insert(next));
        }
        assert_eq!(table.len(), model.len());
        for (key, number) in &model {
            assert_eq!(table.find(key.as_bytes()), Some(*number));
            assert_eq!(table.key(*number), key.as_bytes());
        }
        assert_eq!(table.find(b"7919"), None);
    }
}
