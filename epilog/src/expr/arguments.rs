//! [`Arguments`]: the values of a draft that was made without them; and [`Clauses`], which such drafts share.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

use super::Clause;
use crate::value::Scalar;

/// So many are kept without an allocation.
const FEW: usize = 4;

/// The values that stand for the [parameters](super::Op::Parameter) of a draft, and of those inside of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments {
    /// Whose parameters they are: a number that no other has; 0 when there are none.
    of: usize,
    few: [Scalar; FEW],
    more: Vec<Scalar>,
    count: usize,
}

impl Arguments {
    /// None at all.
    pub const NONE: Arguments = Arguments::of(0);

    /// None yet of the parameters that have this number.
    pub const fn of(of: usize) -> Arguments {
        Arguments { of, few: [const { Scalar::Null }; FEW], more: Vec::new(), count: 0 }
    }

    /// Adds the next one.
    pub fn push(&mut self, value: Scalar) {
        match self.few.get_mut(self.count) {
            Some(place) => *place = value,
            None => self.more.push(value),
        }
        self.count += 1;
    }

    /// The value of a parameter, if it is one of these.
    pub fn get(&self, of: usize, number: u8) -> Option<&Scalar> {
        let number = usize::from(number);
        if self.of != of || number >= self.count {
            return None;
        }
        self.few.get(number).or_else(|| self.more.get(number - FEW))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// The clauses of a draft, in the order written. Those of a query that was compiled are shared by all that it is run with.
#[derive(Clone, Debug)]
pub enum Clauses {
    /// Nobody else has them.
    Own(Vec<Clause>),
    /// Others may have them; they are copied before they are changed.
    Shared(Arc<Vec<Clause>>),
}

impl Clauses {
    /// Makes clones cheap.
    pub fn share(&mut self) {
        if let Clauses::Own(clauses) = self {
            *self = Clauses::Shared(Arc::new(core::mem::take(clauses)));
        }
    }
}

impl From<Vec<Clause>> for Clauses {
    fn from(clauses: Vec<Clause>) -> Clauses {
        Clauses::Own(clauses)
    }
}

impl Deref for Clauses {
    type Target = Vec<Clause>;

    #[inline]
    fn deref(&self) -> &Vec<Clause> {
        match self {
            Clauses::Own(clauses) => clauses,
            Clauses::Shared(clauses) => clauses,
        }
    }
}

impl DerefMut for Clauses {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<Clause> {
        match self {
            Clauses::Own(clauses) => clauses,
            Clauses::Shared(clauses) => Arc::make_mut(clauses),
        }
    }
}

impl PartialEq for Clauses {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<const N: usize> PartialEq<[Clause; N]> for Clauses {
    fn eq(&self, other: &[Clause; N]) -> bool {
        **self == *other
    }
}

impl<'c> IntoIterator for &'c Clauses {
    type Item = &'c Clause;
    type IntoIter = core::slice::Iter<'c, Clause>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'c> IntoIterator for &'c mut Clauses {
    type Item = &'c mut Clause;
    type IntoIter = core::slice::IterMut<'c, Clause>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}
