//! [`Told`]: what a query is told by from others when its plan is looked for, and its values.
//!
//! A small query is told by the words that it was [built](crate::expr::expression) as, any other by its
//! [shape](crate::expr::shape). One is never found for the other: which of them a query has is decided by how it was built.

use alloc::boxed::Box;

use crate::expr::shape::{Given, Shape};
use crate::expr::{Brief, Draft, Tail};
use crate::value::Scalar;

/// All of a query but its values, and these.
pub(super) struct Told<'t> {
    hash: u64,
    /// What is planned for.
    wanted: u64,
    /// Where its root collection is, if it is told by words: of a shape it is a part.
    root: usize,
    words: Words<&'t [u32], &'t [u64]>,
    values: Values<'t>,
    tail: Tail,
}

/// The same without values, as it is kept.
#[derive(PartialEq)]
pub(super) struct KeptTold {
    hash: u64,
    wanted: u64,
    root: usize,
    words: Words<Box<[u32]>, Box<[u64]>>,
    /// What ends are alike.
    tail: u64,
}

#[derive(PartialEq)]
enum Words<B, S> {
    Brief(B),
    Shape(S),
}

/// The values of a query, in the order written.
#[derive(Clone, Copy)]
pub enum Values<'v> {
    /// Alone.
    Alone(&'v [Scalar]),
    /// With where they stand.
    Given(&'v [Given<'v>]),
}

impl<'v> Values<'v> {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Values::Alone(values) => values.len(),
            Values::Given(values) => values.len(),
        }
    }

    /// That with this number.
    #[inline]
    pub fn get(&self, number: usize) -> &'v Scalar {
        match self {
            Values::Alone(values) => &values[number],
            Values::Given(values) => values[number].value,
        }
    }

    /// Whether something is so of any.
    pub fn any(&self, is_so: impl Fn(&Scalar) -> bool) -> bool {
        match self {
            Values::Alone(values) => values.iter().any(is_so),
            Values::Given(values) => values.iter().any(|given| is_so(given.value)),
        }
    }
}

#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    // The multiplier is that of P. L'Ecuyer, "Tables of linear congruential generators" (1999), for 64 bits.
    (hash ^ word).wrapping_mul(0xF135_7AEA_2E62_A9C5).rotate_left(26)
}

impl KeptTold {
    /// As [`Told::hash`].
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }
}

impl<'t> Told<'t> {
    /// Of a small query.
    #[inline]
    pub(super) fn brief(draft: &Draft, brief: &'t Brief, wanted: u64) -> Told<'t> {
        // A declared collection is a static: it is known by where it is.
        let root = core::ptr::from_ref((draft.root)()) as usize;
        let (words, tail) = brief.words_and_tail();
        let (pairs, last) = words.as_chunks::<2>();
        let pair = |hash, pair: &[u32; 2]| mix(hash, u64::from(pair[0]) | u64::from(pair[1]) << 32);
        let hash = pairs.iter().fold(mix(wanted ^ tail.alike() << 32, root as u64), pair);
        let hash = last.iter().fold(hash, |hash, word| mix(hash, u64::from(*word)));
        Told { hash, wanted, root, words: Words::Brief(words), values: Values::Alone(brief.values()), tail }
    }

    /// Of any other, by its shape.
    pub(super) fn shape(shape: &'t Shape<'_>, wanted: u64) -> Told<'t> {
        let words = shape.words();
        let (tail, values) = (shape.tail(), Values::Given(shape.values()));
        let hash = words.iter().fold(tail.alike(), |hash, word| mix(hash, *word));
        Told { hash, wanted, root: 0, words: Words::Shape(words), values, tail }
    }

    /// A number for it: others have another one, mostly.
    #[inline]
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// How it ends.
    #[inline]
    pub(super) fn tail(&self) -> Tail {
        self.tail
    }

    /// Its values.
    #[inline]
    pub(super) fn values(&self) -> Values<'t> {
        self.values
    }

    /// Whether it is what is kept, but for its values.
    #[inline]
    pub(super) fn is(&self, kept: &KeptTold) -> bool {
        let is_about_the_same = self.wanted == kept.wanted && self.tail.alike() == kept.tail;
        if self.hash != kept.hash || self.root != kept.root || !is_about_the_same {
            return false;
        }
        match (&self.words, &kept.words) {
            (Words::Brief(words), Words::Brief(others)) => **words == **others,
            (Words::Shape(words), Words::Shape(others)) => **words == **others,
            _ => false,
        }
    }

    /// It, to be kept.
    pub(super) fn kept(&self) -> KeptTold {
        let Told { hash, wanted, root, .. } = *self;
        let words = match self.words {
            Words::Brief(words) => Words::Brief(words.into()),
            Words::Shape(words) => Words::Shape(words.into()),
        };
        KeptTold { hash, wanted, root, words, tail: self.tail.alike() }
    }
}
