//! [`Ops`]: the operations of an expression, a few of them without an allocation.

use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

use super::Op;

/// So many are kept in place: two comparisons and what joins them.
const FEW: usize = 7;

/// The operations of an expression, operands first.
#[derive(Clone, Debug)]
pub struct Ops(Place);

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "most are few, and then nothing is allocated")]
enum Place {
    /// The first so many; what follows them means nothing.
    Here([Op; FEW], u8),
    Heap(Vec<Op>),
}

/// What stands in an unused place.
const NONE: Op = Op::Between;

impl Ops {
    /// One operation.
    #[inline]
    pub fn one(op: Op) -> Ops {
        Ops(Place::Here([op, NONE, NONE, NONE, NONE, NONE, NONE], 1))
    }

    /// Adds an operation.
    #[inline]
    pub fn push(&mut self, op: Op) {
        match &mut self.0 {
            Place::Here(few, count) if usize::from(*count) < FEW => {
                // What stands there holds nothing: to look whether it does would take longer than the rest.
                core::mem::forget(core::mem::replace(&mut few[usize::from(*count)], op));
                *count += 1;
            }
            _ => self.heap().push(op),
        }
    }

    /// Adds those of another expression.
    #[inline]
    pub fn extend(&mut self, mut other: Ops) {
        match &mut other.0 {
            Place::Here(few, count) => {
                let ops = few.iter_mut().take(usize::from(*count));
                ops.for_each(|op| self.push(core::mem::replace(op, NONE)));
            }
            Place::Heap(ops) => self.heap().append(ops),
        }
        other.end();
    }

    /// Ends operations that hold nothing any more, or are there no more. What else they held would never be freed.
    #[inline]
    pub(super) fn end(mut self) {
        if let Place::Heap(ops) = &mut self.0 {
            drop(core::mem::take(ops));
        }
        core::mem::forget(self);
    }

    /// Takes the last operation away.
    pub fn pop(&mut self) -> Option<Op> {
        self.heap().pop()
    }

    /// All of them.
    #[inline]
    pub fn as_slice(&self) -> &[Op] {
        match &self.0 {
            Place::Here(few, count) => few.get(..usize::from(*count)).unwrap_or_default(),
            Place::Heap(ops) => ops,
        }
    }

    /// Puts them where there is room for more.
    #[cold]
    fn heap(&mut self) -> &mut Vec<Op> {
        if let Place::Here(few, count) = &mut self.0 {
            let mut ops = Vec::with_capacity(2 * FEW);
            ops.extend(few[..usize::from(*count)].iter_mut().map(|op| core::mem::replace(op, NONE)));
            self.0 = Place::Heap(ops);
        }
        match &mut self.0 {
            Place::Heap(ops) => ops,
            Place::Here(..) => unreachable!("they were moved above"),
        }
    }
}

impl Deref for Ops {
    type Target = [Op];

    #[inline]
    fn deref(&self) -> &[Op] {
        self.as_slice()
    }
}

impl DerefMut for Ops {
    fn deref_mut(&mut self) -> &mut [Op] {
        match &mut self.0 {
            Place::Here(few, count) => &mut few[..usize::from(*count)],
            Place::Heap(ops) => ops,
        }
    }
}

impl PartialEq for Ops {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl From<Vec<Op>> for Ops {
    fn from(ops: Vec<Op>) -> Ops {
        Ops(Place::Heap(ops))
    }
}

impl<'o> IntoIterator for &'o Ops {
    type Item = &'o Op;
    type IntoIter = core::slice::Iter<'o, Op>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'o> IntoIterator for &'o mut Ops {
    type Item = &'o mut Op;
    type IntoIter = core::slice::IterMut<'o, Op>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Scalar, Type};

    fn literal(value: usize) -> Op {
        Op::Literal(Scalar::Int(value as i128), Type::I64)
    }

    #[test]
    fn few_and_many_are_the_same_operations() {
        for count in 1..2 * FEW {
            for split in 1..count {
                let of = |numbers: core::ops::Range<usize>| {
                    let mut ops = Ops::one(literal(numbers.start));
                    numbers.skip(1).for_each(|number| ops.push(literal(number)));
                    ops
                };
                let mut ops = of(0..split);
                ops.extend(of(split..count));
                let expected: Vec<Op> = (0..count).map(literal).collect();
                assert_eq!(*ops, *expected);
                assert_eq!(ops, Ops::from(expected));
                assert_eq!(ops.clone().pop(), Some(literal(count - 1)));
                ops[0] = Op::Between;
                assert_eq!(ops.iter().filter(|op| **op == Op::Between).count(), 1);
            }
        }
    }

    /// What is copied each time that a part of an expression becomes a part of another.
    #[test]
    fn an_expression_is_small() {
        assert!(size_of::<Scalar>() <= 32, "{}", size_of::<Scalar>());
        assert!(size_of::<Op>() <= 48, "{}", size_of::<Op>());
        assert!(size_of::<Ops>() <= FEW * 48 + 16, "{}", size_of::<Ops>());
    }
}
