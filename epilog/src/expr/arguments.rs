//! [`Arguments`]: the values of a draft that was made without them; and [`Clauses`], which are brief, or shared by such drafts.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};

use super::brief::Brief;
use super::{Clause, Terms};
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
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "most are brief, and then nothing is allocated")]
pub enum Clauses {
    /// Few and simple ones.
    Brief(Brief),
    /// Nobody else has them.
    Own(Vec<Clause>),
    /// Others may have them; they are copied before they are changed.
    Shared(Arc<Vec<Clause>>),
}

impl Clauses {
    /// None.
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is to be one of its own")]
    pub const NONE: Clauses = Clauses::Brief(Brief::NONE);

    /// Adds a clause.
    pub fn push(&mut self, mut clause: Clause) {
        if let Clauses::Brief(brief) = self
            && brief.push(&mut clause)
        {
            if let Clause::Filter(predicate) = clause {
                predicate.ops.end();
            }
            return;
        }
        self.as_mut_vec().push(clause);
    }

    /// Adds an ordering.
    pub(super) fn push_order(&mut self, mut terms: Terms) {
        if let (Clauses::Brief(brief), Some(term)) = (&mut *self, terms.only())
            && brief.push_order(term)
        {
            return;
        }
        self.as_mut_vec().push(Clause::Order(terms.into_vec()));
    }

    /// Makes clones cheap.
    pub fn share(&mut self) {
        if let Clauses::Own(clauses) = self {
            *self = Clauses::Shared(Arc::new(core::mem::take(clauses)));
        }
    }

    /// They, if they are brief.
    pub(super) fn brief(&self) -> Option<&Brief> {
        match self {
            Clauses::Brief(brief) => Some(brief),
            _ => None,
        }
    }

    /// All of them, to be changed.
    fn as_mut_vec(&mut self) -> &mut Vec<Clause> {
        if let Clauses::Brief(brief) = self {
            *self = Clauses::Own(brief.whole().clone());
        }
        match self {
            Clauses::Brief(_) => unreachable!("they were made whole above"),
            Clauses::Own(clauses) => clauses,
            Clauses::Shared(clauses) => Arc::make_mut(clauses),
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
            Clauses::Brief(brief) => brief.whole(),
            Clauses::Own(clauses) => clauses,
            Clauses::Shared(clauses) => clauses,
        }
    }
}

impl DerefMut for Clauses {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<Clause> {
        self.as_mut_vec()
    }
}

impl fmt::Debug for Clauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
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
