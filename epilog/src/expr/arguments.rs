//! [`Arguments`]: the values of a draft that was made without them, which is [`Prepared`]; and [`Clauses`], which are brief, or
//! shared by such drafts.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};

use super::brief::{Brief, Template};
use super::{Clause, Draft, Expression, Term, Terms};
use crate::value::Scalar;

/// A compiled query has so many parameters at most.
const PARAMETERS_MAX: usize = 8;

/// The values that stand for the [parameters](super::Op::Parameter) of a draft, and of those inside of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments {
    /// Whose parameters they are: a number that no other has.
    of: usize,
    values: [Scalar; PARAMETERS_MAX],
    count: usize,
}

impl Arguments {
    /// None yet of the parameters that have this number.
    pub const fn of(of: usize) -> Arguments {
        Arguments { of, values: [const { Scalar::Null }; PARAMETERS_MAX], count: 0 }
    }

    /// Adds the next one.
    ///
    /// # Panics
    ///
    /// When there are eight.
    #[inline]
    pub fn push(&mut self, value: Scalar) {
        // What stands there holds nothing.
        core::mem::forget(core::mem::replace(&mut self.values[self.count], value));
        self.count += 1;
    }

    /// The value of a parameter, if it is one of these.
    pub fn get(&self, of: usize, number: u8) -> Option<&Scalar> {
        self.number(number).filter(|_| self.of == of)
    }

    /// That of the parameter with this number.
    pub(super) fn number(&self, number: u8) -> Option<&Scalar> {
        self.values.get(..self.count)?.get(usize::from(number))
    }

    /// The same, which is there, to be had: as a copy, unless it is the last time.
    #[inline]
    pub(super) fn take(&mut self, number: u8, is_last: bool) -> Scalar {
        let value = &mut self.values[usize::from(number)];
        if is_last { core::mem::replace(value, Scalar::Null) } else { value.clone() }
    }

    /// Ends it, most of which holds nothing: to look whether all of it does would take longer than the rest.
    #[inline]
    fn end(mut self) {
        self.values[..self.count].iter_mut().for_each(|value| *value = Scalar::Null);
        core::mem::forget(self);
    }
}

/// A draft with parameters, which is given values again and again.
#[derive(Debug)]
pub struct Prepared {
    draft: Draft,
    template: Option<Template>,
    /// Whose parameters they are.
    of: usize,
}

impl Prepared {
    /// Of a draft whose parameters have this number.
    pub fn new(mut draft: Draft, of: usize) -> Prepared {
        let template = match &draft.clauses {
            Clauses::Brief(brief) => Template::of(brief, of),
            _ => None,
        };
        draft.clauses.share();
        Prepared { draft, template, of }
    }

    /// The number of its parameters.
    pub fn of(&self) -> usize {
        self.of
    }

    /// The draft with values: of a small one the same that is built with them.
    pub fn with(&self, mut arguments: Arguments) -> Draft {
        if let Some(template) = &self.template
            && let Some(brief) = template.with(&mut arguments)
        {
            arguments.end();
            return Draft { root: self.draft.root, clauses: Clauses::Brief(brief), arguments: None };
        }
        Draft { arguments: Some(Box::new(arguments)), ..self.draft.clone() }
    }
}

/// The clauses of a draft, in the order written. Those of a query that was compiled are shared by all that it is run with.
#[derive(Clone)]
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
    pub const NONE: Clauses = Clauses::Brief(Brief::NONE);

    /// Adds a clause.
    pub fn push(&mut self, clause: Clause) {
        if !matches!(self, Clauses::Brief(_)) {
            return self.as_mut_vec().push(clause);
        }
        match clause {
            Clause::Limit(count) => self.push_limit(count),
            Clause::Offset(count) => self.push_offset(count),
            Clause::Filter(predicate) => self.push_filter(Expression::packing(predicate)),
            Clause::Order(order) => {
                let mut terms = Terms::default();
                order.into_iter().for_each(|term| terms.push(Term::packing(term)));
                self.push_order(&mut terms);
            }
            other => self.as_mut_vec().push(other),
        }
    }

    /// Adds a limit.
    #[inline]
    pub(super) fn push_limit(&mut self, count: u64) {
        if let Clauses::Brief(brief) = self
            && brief.push_limit(count)
        {
            return;
        }
        self.push_whole(Clause::Limit(count));
    }

    /// Adds an offset.
    #[inline]
    pub(super) fn push_offset(&mut self, count: u64) {
        if let Clauses::Brief(brief) = self
            && brief.push_offset(count)
        {
            return;
        }
        self.push_whole(Clause::Offset(count));
    }

    #[cold]
    #[inline(never)]
    fn push_whole(&mut self, clause: Clause) {
        self.as_mut_vec().push(clause);
    }

    /// Adds a condition.
    #[inline]
    pub(super) fn push_filter(&mut self, mut condition: Expression) {
        if let Clauses::Brief(brief) = self
            && brief.push_filter(&mut condition)
        {
            return;
        }
        self.push_whole_filter(condition);
    }

    #[cold]
    #[inline(never)]
    fn push_whole_filter(&mut self, condition: Expression) {
        self.as_mut_vec().push(Clause::Filter(condition.whole()));
    }

    /// Adds an ordering, whose terms it takes.
    #[inline]
    pub(super) fn push_order(&mut self, terms: &mut Terms) {
        if let (Clauses::Brief(brief), Some(term)) = (&mut *self, terms.only())
            && brief.push_order(term)
        {
            return terms.end();
        }
        self.push_whole_order(core::mem::take(terms));
    }

    #[cold]
    #[inline(never)]
    fn push_whole_order(&mut self, terms: Terms) {
        self.as_mut_vec().push(Clause::Order(terms.into_vec()));
    }

    /// Makes clones cheap.
    fn share(&mut self) {
        *self = match core::mem::replace(self, Clauses::NONE) {
            Clauses::Brief(brief) => Clauses::Shared(Arc::clone(brief.whole())),
            Clauses::Own(clauses) => Clauses::Shared(Arc::new(clauses)),
            Clauses::Shared(clauses) => Clauses::Shared(clauses),
        };
    }

    /// Has them for itself: what is shared stands in one place of memory, and by this the values in it are told.
    pub(super) fn own(&mut self) {
        if let Clauses::Shared(clauses) = self {
            *self = Clauses::Own(Arc::unwrap_or_clone(core::mem::take(clauses)));
        }
    }

    /// They, if they are brief, and all values are there.
    #[inline]
    pub(crate) fn brief(&self) -> Option<&Brief> {
        match self {
            Clauses::Brief(brief) if !brief.has_parameters() => Some(brief),
            _ => None,
        }
    }

    /// All of them, to be changed.
    #[cold]
    pub(crate) fn as_mut_vec(&mut self) -> &mut Vec<Clause> {
        if let Clauses::Brief(brief) = self {
            *self = Clauses::Own(Vec::clone(brief.whole()));
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
