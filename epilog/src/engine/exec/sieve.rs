//! [`KeySet`]: about which keys a side of a join has, in a few bits for each; and [`Sieves`], by which the other side knows it.
//!
//! Keys are numbers of 64 bits: what is none has one that those have too that are equal to it, whatever their bytes are, and several
//! values have one together. Where they lie close together there is a bit for each number between the least and the greatest,
//! and then a set is exact. Otherwise a key has four bits of one word, which its hash chooses, so that looking for it reads one word
//! (B. H. Bloom, *Space/time trade-offs in hash coding with allowable errors*, 1970; F. Putze, P. Sanders, J. Singler, *Cache-, Hash-
//! and Space-Efficient Bloom Filters*, 2007, with words for their blocks): of keys that are not there about one in sixty passes.

use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, OnceCell, RefCell};

use super::table::{hash, mix_word, mix_words};
use super::vector::Vector;
use crate::engine::physical::{Operator, PhysicalNode, Sifted, has_words};
use crate::engine::planted::{self, Bug};
use crate::value::decimal::DecimalParts;
use crate::value::{Type, key};

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

/// The numbers of rows that an absent value is one of.
const ABSENT: u64 = 0xA5A5_5A5A_C3C3_3C3C;

/// Appends a number for each value: equal values have the same. It means nothing where there is none.
pub(super) fn numbers(values: &Vector<'_>, out: &mut Vec<u64>) {
    let (rows, ty) = (values.len(), values.ty());
    out.reserve(rows);
    let of_bytes = |number: &dyn Fn(&[u8]) -> u64, out: &mut Vec<u64>| {
        let number = |row| if values.is_null(row) { 0 } else { number(values.bytes(row)) };
        out.extend((0..rows).map(number));
    };
    match ty {
        _ if has_words(ty) => {
            let (cells, wide) = (values.strided(), ty.width() == Some(8));
            out.extend((0..rows).map(|row| cells.word(row, wide)));
        }
        // A zero has two signs, and what is no number many forms.
        Type::F64 => of_bytes(
            &|bytes| {
                let value = f64::from_le_bytes(bytes.try_into().expect("8 bytes"));
                if planted::is(Bug::ZerosSieved) { value.to_bits() } else { key::float64_order(value) }
            },
            out,
        ),
        Type::F32 => of_bytes(
            &|bytes| {
                let value = f32::from_le_bytes(bytes.try_into().expect("4 bytes"));
                key::float64_order(f64::from(value))
            },
            out,
        ),
        // One number has many scales.
        Type::Decimal => of_bytes(
            &|bytes| {
                let parts = DecimalParts::from_cell(bytes).unwrap_or_default();
                hash(&parts.scaled_key())
            },
            out,
        ),
        _ => match &values.nulls {
            None => out.extend((0..rows).map(|row| hash(values.bytes(row)))),
            Some(_) => of_bytes(&hash, out),
        },
    }
}

/// Appends a number for what each row has of several values, of which some may be absent.
pub(super) fn numbers_of_all(all: &[&Vector<'_>], out: &mut Vec<u64>) {
    let mut of = Vec::new();
    for (at, values) in all.iter().enumerate() {
        of.clear();
        numbers(values, &mut of);
        if let Some(nulls) = &values.nulls {
            let absent = of.iter_mut().zip(nulls).filter(|(_, is_null)| **is_null);
            absent.for_each(|(number, _)| *number = ABSENT);
        }
        match at {
            0 => out.extend(of.iter().map(|number| mix_word(*number))),
            _ => out.iter_mut().zip(&of).for_each(|(before, number)| *before = mix_words(*before, *number)),
        }
    }
}

/// The keys of links of a table that is being made.
#[derive(Default)]
pub(super) struct Gathering {
    keys: Vec<u64>,
    /// Those of some rows, on their way.
    of_rows: Vec<u64>,
    has_absent: bool,
    /// Whether there was a row that may be linked to all.
    is_given_up: bool,
}

impl Gathering {
    /// Takes those of more rows, which have these values.
    pub(super) fn take(&mut self, all: &[&Vector<'_>]) {
        self.is_given_up |= all.iter().any(|values| !values.faults().is_empty());
        let first = self.keys.len();
        match all {
            [values] => {
                numbers(values, &mut self.keys);
                if let Some(nulls) = &values.nulls
                    && nulls.contains(&true)
                {
                    self.has_absent = true;
                    let mut kept = first;
                    for (row, is_null) in nulls.iter().enumerate() {
                        self.keys[kept] = self.keys[first + row];
                        kept += usize::from(!is_null);
                    }
                    self.keys.truncate(kept);
                }
            }
            _ => {
                self.of_rows.clear();
                numbers_of_all(all, &mut self.of_rows);
                if planted::is(Bug::AbsentOfSeveralSieved) {
                    let is_absent = |row| all.iter().any(|values| values.is_null(row));
                    self.of_rows = (0..)
                        .zip(&self.of_rows)
                        .filter(|(row, _)| !is_absent(*row))
                        .map(|(_, of)| *of)
                        .collect();
                }
                self.keys.extend_from_slice(&self.of_rows);
            }
        }
        // The last of many: a table has some, of which one more or less would not be noticed.
        if planted::is(Bug::SieveForgetsKey) && self.keys.len() > first {
            self.keys.pop();
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

/// What a sieve lets through: everything, until the table above is made. And how many rows it has dropped.
#[derive(Default)]
pub(super) struct Told {
    keys: OnceCell<Arc<KeySet>>,
    dropped: Cell<usize>,
}

pub(super) type Known = Rc<Told>;

impl Told {
    pub(super) fn get(&self) -> Option<&Arc<KeySet>> {
        self.keys.get()
    }

    /// Tells the keys there are; they stay.
    pub(super) fn set(&self, keys: Arc<KeySet>) {
        let _ = self.keys.set(keys);
    }

    pub(super) fn note_dropped(&self, rows: usize) {
        self.dropped.set(self.dropped.get() + rows);
    }

    /// How many rows were dropped since this was asked last.
    pub(super) fn take_dropped(&self) -> usize {
        self.dropped.take()
    }
}

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
                of.set(Arc::clone(known));
            }
            of
        });
        Sieves(RefCell::new(known.collect()))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "decimal")]
    use proptest::prelude::*;

    use super::*;
    #[cfg(feature = "decimal")]
    use crate::engine::exec::columns::{NUMBERS, OTHERS, ROWS, column};
    use crate::value::Scalar;

    #[test]
    fn equal_values_have_one_number_and_others_have_others() {
        let decimal = |mantissa, scale| Scalar::Decimal(DecimalParts { mantissa, scale });
        let text = |text: &str| Scalar::String(text.into());
        let values: [(Type, Vec<Scalar>); 8] = [
            (Type::F64, [0.0, -0.0, f64::NAN, -f64::NAN, 1.5, -1.5].map(Scalar::Float).to_vec()),
            (Type::F32, [0.0, -0.0, f64::NAN, -f64::NAN, 1.5, -1.5].map(Scalar::Float).to_vec()),
            (
                Type::Decimal,
                [(0, 0), (0, 2), (15, 1), (150, 2), (-15, 1), (2, 0), (200, 2)]
                    .map(|(m, s)| decimal(m, s))
                    .to_vec(),
            ),
            (Type::String, ["", "\0", "a", "a\0", "c"].map(text).to_vec()),
            (Type::Uuid, [[0; 16], [1; 16], [0; 16]].map(Scalar::Uuid).to_vec()),
            (Type::Timestamp, [0, 1, 1 << 32, 0].map(Scalar::Int).to_vec()),
            (Type::Bool, [false, true, false].map(Scalar::Bool).to_vec()),
            (Type::I16, [-1, 0, 255, -1].map(Scalar::Int).to_vec()),
        ];
        for (ty, values) in values {
            let vectors: Vec<Vector<'_>> =
                values.iter().map(|value| Vector::constant(ty, value, 1)).collect();
            let joined = Vector::collect(vectors.iter().map(|vector| (vector, 0)));
            let (mut of, mut of_two) = (Vec::new(), Vec::new());
            numbers(&joined, &mut of);
            numbers_of_all(&[&joined, &joined], &mut of_two);
            let key = |row| {
                let mut key = Vec::new();
                joined.append_key(row, &mut key);
                key
            };
            for (one, other) in (0..of.len()).flat_map(|one| (0..of.len()).map(move |other| (one, other))) {
                assert_eq!(
                    of[one] == of[other],
                    key(one) == key(other),
                    "{ty}: {:?}, {:?}",
                    values[one],
                    values[other]
                );
                assert_eq!(of_two[one] == of_two[other], key(one) == key(other));
            }
        }
        // In their order, and what is absent is equal to itself alone.
        let ints = |values: &[Option<i128>]| {
            let scalar = |value: &Option<i128>| value.map_or(Scalar::Null, Scalar::Int);
            let of: Vec<Vector<'_>> =
                values.iter().map(|value| Vector::constant(Type::I64, &scalar(value), 1)).collect();
            Vector::collect(of.iter().map(|vector| (vector, 0)))
        };
        let (a, b) = (
            ints(&[Some(1), Some(2), None, Some(0), None]),
            ints(&[Some(2), Some(1), Some(1), Some(1), Some(1)]),
        );
        let mut of = Vec::new();
        numbers_of_all(&[&a, &b], &mut of);
        assert!(of[0] != of[1] && of[2] != of[3] && of[2] == of[4], "{of:?}");
    }

    #[cfg(feature = "decimal")]
    proptest! {
        /// The numbers of values, and of pairs of them, in every form that vectors have, some absent.
        #[test]
        fn numbers_are_equal_where_values_are(
            (left, right, other) in any_type().prop_flat_map(|ty| (column(ty), column(ty), column(Type::I64)))
        ) {
            let (mut of_left, mut of_right) = (Vec::new(), Vec::new());
            numbers(&left.vector(), &mut of_left);
            numbers(&right.vector(), &mut of_right);
            prop_assert_eq!((of_left.len(), of_right.len()), (ROWS, ROWS));
            for (a, b) in left.present().flat_map(|a| right.present().map(move |b| (a, b))) {
                let (one, two) = (left.at(a).expect("present"), right.at(b).expect("present"));
                let are_equal = one.compare(two).is_eq();
                prop_assert!(!are_equal || of_left[a] == of_right[b], "{:?}, {:?}", one, two);
                // Few bytes and one more that is their number have one hash, which is of no matter.
                prop_assert!(are_equal || of_left[a] != of_right[b] || left.ty == Type::Bytes, "{:?}, {:?}", one, two);
            }
            let (mut pairs, mut others) = (Vec::new(), Vec::new());
            numbers_of_all(&[&left.vector(), &other.vector()], &mut pairs);
            numbers_of_all(&[&right.vector(), &other.vector()], &mut others);
            for (a, b) in (0..ROWS).flat_map(|a| (0..ROWS).map(move |b| (a, b))) {
                let (Ok(one), Ok(two), Ok(third), Ok(fourth)) = (left.at(a), right.at(b), other.at(a), other.at(b)) else {
                    continue;
                };
                let are_equal = one.compare(two).is_eq() && third.compare(fourth).is_eq();
                prop_assert!(!are_equal || pairs[a] == others[b], "{:?}", (one, third, two, fourth));
                prop_assert!(
                    are_equal || pairs[a] != others[b] || left.ty == Type::Bytes,
                    "{:?}",
                    (one, third, two, fourth)
                );
            }
        }

        /// What is gathered of several vectors is in the set, and what is not is not where each number has a bit.
        #[test]
        fn what_was_gathered_is_found(
            columns in any_type().prop_flat_map(|ty| prop::collection::vec(column(ty), 0..4)),
        ) {
            let mut gathering = Gathering::default();
            columns.iter().for_each(|column| gathering.take(&[&column.vector()]));
            let rows = || columns.iter().flat_map(|column| (0..ROWS).map(|row| column.at(row)));
            let Some(set) = gathering.finish() else {
                prop_assert!(rows().any(|value| value.is_err()), "it was given up for nothing");
                return Ok(());
            };
            prop_assert!(rows().all(|value| value.is_ok()), "any row may have that as its partner");
            prop_assert_eq!(set.has_absent(), rows().any(|value| value.is_ok_and(Scalar::is_null)));
            let mut keys = Vec::new();
            for column in &columns {
                let mut of = Vec::new();
                numbers(&column.vector(), &mut of);
                keys.extend(column.present().map(|row| of[row]));
            }
            prop_assert!(keys.iter().all(|key| set.may_have(*key)));
            for other in keys.iter().flat_map(|key| [key.wrapping_sub(1), key.wrapping_add(1), key ^ 1 << 40]) {
                prop_assert!(!set.is_exact || set.may_have(other) == keys.contains(&other));
            }
        }
    }

    #[cfg(feature = "decimal")]
    fn any_type() -> impl Strategy<Value = Type> {
        prop::sample::select([&NUMBERS[..], &OTHERS].concat())
    }

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
