//! [`KeySet`]: about which keys a side of a join has, in a few bits for each; and [`Sieves`], by which the other side knows it.
//!
//! Keys are numbers of 64 bits. Where they lie close together there is a bit for each number between the least and the greatest,
//! and then a set is exact. Otherwise a key has four bits of one word, which its hash chooses, so that looking for it reads one word
//! (B. H. Bloom, *Space/time trade-offs in hash coding with allowable errors*, 1970; F. Putze, P. Sanders, J. Singler, *Cache-, Hash-
//! and Space-Efficient Bloom Filters*, 2007, with words for their blocks): of keys that are not there about one in sixty passes.

use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{OnceCell, RefCell};

use super::table::mix_word;
use super::vector::{Strided, Vector};
use crate::engine::physical::{Operator, PhysicalNode, Sifted};
use crate::engine::planted::{self, Bug};

/// There are no more bits than so many for each key, or [`BITS_MIN`], where each number has its own.
const BITS_PER_KEY: u64 = 64;
const BITS_MIN: u64 = 1 << 13;

/// The bits of each key otherwise, at least.
const BITS_HASHED: usize = 12;

/// A set of keys, and perhaps of some that are none.
pub(super) struct KeySet {
    low: u64,
    /// How far the greatest key is beyond the least.
    span: u64,
    words: Vec<u64>,
    /// Whether each number from the least on has a bit.
    is_exact: bool,
    /// Whether an absent value is one of them.
    has_absent: bool,
    is_empty: bool,
}

impl KeySet {
    pub(super) fn of(keys: &[u64], has_absent: bool) -> KeySet {
        let low = keys.iter().copied().min().unwrap_or_default();
        let high = keys.iter().copied().max().unwrap_or_default();
        let (span, is_empty) = (high - low, keys.is_empty());
        let is_exact = span < (keys.len() as u64).saturating_mul(BITS_PER_KEY).max(BITS_MIN);
        let len = match is_exact {
            true => span as usize / 64 + 1,
            false => (keys.len() * BITS_HASHED / 64 + 1).next_power_of_two(),
        };
        let mut set = KeySet { low, span, words: vec![0; len], is_exact, has_absent, is_empty };
        for key in keys {
            let (at, bits) = set.place(*key);
            set.words[at] |= bits;
        }
        set
    }

    #[inline(always)]
    fn place(&self, key: u64) -> (usize, u64) {
        if self.is_exact {
            let at = key - self.low;
            return (at as usize / 64, 1 << (at % 64));
        }
        let hash = mix_word(key);
        let bit = |shift: u32| 1_u64 << ((hash >> shift) % 64);
        ((hash >> 32) as usize & (self.words.len() - 1), bit(0) | bit(6) | bit(12) | bit(18))
    }

    /// Whether `key` is there; it may be so that it is not, where this is not exact.
    #[inline(always)]
    pub(super) fn may_have(&self, key: u64) -> bool {
        if self.is_empty || key.wrapping_sub(self.low) > self.span {
            return false;
        }
        let (at, bits) = self.place(key);
        self.words[at] & bits == bits
    }

    /// Whether an absent value is there.
    pub(super) fn has_absent(&self) -> bool {
        self.has_absent
    }

    /// The bytes that it takes in memory.
    pub(super) fn size(&self) -> usize {
        size_of_val(self.words.as_slice())
    }
}

/// The keys of a link of a table that is being made.
#[derive(Default)]
pub(super) struct Gathering {
    keys: Vec<u64>,
    has_absent: bool,
    /// Whether there was a row that may be linked to all.
    is_given_up: bool,
}

impl Gathering {
    /// Takes those of more rows.
    pub(super) fn take(&mut self, values: &Vector<'_>) {
        self.is_given_up |= !values.faults().is_empty();
        let (cells, wide, rows): (Strided<'_>, bool, usize) =
            (values.strided(), values.ty().width() == Some(8), values.len());
        // The last of many: a table has some, of which one more or less would not be noticed.
        let rows = if planted::is(Bug::SieveForgetsKey) { rows.saturating_sub(1) } else { rows };
        match &values.nulls {
            None => self.keys.extend((0..rows).map(|row| cells.word(row, wide))),
            Some(nulls) => {
                self.has_absent |= nulls.contains(&true);
                self.keys.extend((0..rows).filter(|row| !nulls[*row]).map(|row| cells.word(row, wide)));
            }
        }
    }

    pub(super) fn size(&self) -> usize {
        self.keys.capacity() * size_of::<u64>()
    }

    /// The set of all; `None` where any row may have a partner.
    pub(super) fn finish(self) -> Option<Arc<KeySet>> {
        (!self.is_given_up).then(|| Arc::new(KeySet::of(&self.keys, self.has_absent)))
    }
}

/// What a sieve lets through: everything, until the table above is made.
pub(super) type Known = Rc<OnceCell<Arc<KeySet>>>;

/// The sieves of a plan by their numbers, as they were built last.
#[derive(Default)]
pub(super) struct Sieves(RefCell<Vec<Known>>);

impl Sieves {
    /// A new one under each number, for a join that is built.
    pub(super) fn open(&self, sieves: &[Sifted]) -> Vec<Known> {
        sieves.iter().map(|of| self.put(of.number, Known::default())).collect()
    }

    /// A new one for those beneath a table that is made when the rows of `input` have been read ahead, if they are.
    pub(super) fn open_ahead(&self, input: &PhysicalNode) {
        match &input.operator {
            Operator::Metered(metered) => self.open_ahead(&metered.input),
            Operator::Ahead(ahead) => drop(self.put(ahead.number, Known::default())),
            _ => {}
        }
    }

    fn put(&self, number: u16, known: Known) -> Known {
        let mut all = self.0.borrow_mut();
        let at = usize::from(number);
        if all.len() <= at {
            all.resize_with(at + 1, Known::default);
        }
        all[at] = Rc::clone(&known);
        known
    }

    /// The one that was opened last.
    pub(super) fn get(&self, number: u16) -> Known {
        let known = self.0.borrow().get(usize::from(number)).cloned();
        known.unwrap_or_else(|| self.put(number, Known::default()))
    }

    /// What is known so far, for other threads.
    #[cfg(feature = "std")]
    pub(super) fn known(&self) -> Vec<Option<Arc<KeySet>>> {
        self.0.borrow().iter().map(|known| known.get().cloned()).collect()
    }

    /// The same of what another thread knew.
    #[cfg(feature = "std")]
    pub(super) fn of(known: &[Option<Arc<KeySet>>]) -> Sieves {
        let known = known.iter().map(|known| {
            let of = Known::default();
            if let Some(known) = known {
                let _ = of.set(Arc::clone(known));
            }
            of
        });
        Sieves(RefCell::new(known.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_set_is_found_and_most_else_is_not() {
        let dense: Vec<u64> = (100..4000).step_by(3).collect();
        let apart: Vec<u64> = (1..4000).map(|number| number * 0x0123_4567_89AB).collect();
        let ends = [0, u64::MAX];
        for (keys, is_exact) in
            [(&dense[..], true), (&apart, false), (&ends, false), (&[7], true), (&[], true)]
        {
            let set = KeySet::of(keys, false);
            assert_eq!(set.is_exact, is_exact, "{} keys", keys.len());
            assert!(keys.iter().all(|key| set.may_have(*key)));
            let others = (0..20_000).map(|number: u64| number * 0x0123_4567_89AB / 7 + 1);
            let others: Vec<u64> = others.filter(|key| !keys.contains(key)).collect();
            let passed = others.iter().filter(|key| set.may_have(**key)).count();
            assert!(passed * 20 <= others.len() * usize::from(!is_exact), "{passed} of {}", others.len());
        }
    }
}
