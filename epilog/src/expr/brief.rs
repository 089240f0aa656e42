//! [`Brief`]: the clauses of a small query, without an allocation.
//!
//! ```text
//! filter(score >= 0.5 & active).order_by(score desc).limit(10)
//!
//! words     filter 5 | field score | value F64 | >= | field active | & | order 1 desc | field score | limit 10
//! values    0.5
//! ```
//!
//! These [words](super::word) are those that the expressions were built as. They are what the query is told by when its plan is
//! looked for. Who makes a plan, or changes what was asked, takes the clauses as they are everywhere else, which are made of these
//! then.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::draft::Equality;
use super::expression::put;
#[cfg(feature = "std")]
use super::pooled::Places;
use super::pooled::{Pooled, Reused};
use super::word::{self, NUMBER_MAX, Part, Parts, op_of};
use super::{Arguments, BinaryOp, Clause, Expression, OrderTerm, Postfix, Tail, Term};
#[cfg(feature = "std")]
use crate::sync::LocalKey;
use crate::sync::OnceCell;
use crate::value::{Scalar, Type, buffers, is_of};

/// So many words and values at most.
const WORDS: usize = 18;
const VALUES: usize = 4;

/// Filters, orders and limits, as long as they are small.
pub struct Brief(Pooled<Written>);

struct Written {
    values: [Scalar; VALUES],
    words: [u32; WORDS],
    words_count: u8,
    values_count: u8,
    clauses: u8,
    /// How many clauses at the end are limits and offsets.
    counts: u8,
    has_parameters: bool,
    /// The same as clauses, once that was asked for.
    whole: OnceCell<Arc<Vec<Clause>>>,
}

/// What no clauses are.
static NOTHING: Written = Written::EMPTY;

impl Reused for Written {
    const EMPTY: Written = Written {
        values: [const { Scalar::Null }; VALUES],
        words: [0; WORDS],
        words_count: 0,
        values_count: 0,
        clauses: 0,
        counts: 0,
        has_parameters: false,
        whole: OnceCell::new(),
    };

    #[inline]
    fn clear(&mut self) {
        for value in self.values.get_mut(..usize::from(self.values_count)).unwrap_or_default() {
            buffers::end(value);
        }
        (self.words_count, self.values_count, self.clauses, self.counts) = (0, 0, 0, 0);
        self.has_parameters = false;
        self.changed();
    }

    #[cfg(feature = "std")]
    #[inline]
    fn places() -> &'static LocalKey<Places<Written>> {
        crate::sync::of_each_thread! {
            static PLACES: Places<Written> = const { Places::NONE };
        }
        &PLACES
    }
}

impl Brief {
    /// No clauses.
    pub const NONE: Brief = Brief(Pooled::NONE);

    #[inline]
    fn written(&self) -> &Written {
        self.0.get().unwrap_or(&NOTHING)
    }

    /// Adds a condition, of which then only its end is left; false, and it is as it was, if it is not packed, or too much.
    #[inline]
    pub(super) fn push_filter(&mut self, condition: &mut Expression) -> bool {
        self.push(condition, word::filter)
    }

    /// Adds an order by one term, as [`push_filter`](Brief::push_filter) does.
    #[inline]
    pub(super) fn push_order(&mut self, term: &mut Term) -> bool {
        let (descending, nulls_first) = (term.descending(), term.nulls_first());
        self.push(&mut term.expression, |words| word::order(words, descending, nulls_first))
    }

    /// Adds a limit; false if it is not a small one, or there is no room.
    #[inline]
    pub(super) fn push_limit(&mut self, count: u64) -> bool {
        self.push_count(count, word::limit)
    }

    /// Adds an offset, as [`push_limit`](Brief::push_limit) does.
    #[inline]
    pub(super) fn push_offset(&mut self, count: u64) -> bool {
        self.push_count(count, word::offset)
    }

    #[inline]
    fn push_count(&mut self, count: u64, word: fn(u32) -> u32) -> bool {
        let written = self.0.get_or_new();
        let place = written.words.get_mut(usize::from(written.words_count));
        let (Some(place), true) = (place, count <= u64::from(NUMBER_MAX)) else { return false };
        *place = word(count as u32);
        written.words_count += 1;
        written.clauses += 1;
        written.counts += 1;
        written.changed();
        true
    }

    /// Adds a word that tells how many follow, and these.
    #[inline]
    fn push(&mut self, expression: &mut Expression, first: impl FnOnce(u8) -> u32) -> bool {
        let Some(packed) = expression.packed() else { return false };
        let written = self.0.get_or_new();
        let (count, at) = (packed.words().len(), usize::from(written.words_count));
        let (values_count, values_at) = (packed.values_count(), usize::from(written.values_count));
        let values = written.values.get_mut(values_at..values_at + values_count);
        let (Some(values), Some((place, words))) = (values, written.words[at..].split_first_mut()) else {
            return false;
        };
        let Some(words) = words.get_mut(..count) else { return false };
        words.copy_from_slice(packed.words());
        *place = first(count as u8);
        packed.move_values(values);
        written.words_count += 1 + count as u8;
        written.values_count += values_count as u8;
        written.has_parameters |= packed.has_parameters();
        written.clauses += 1;
        written.counts = 0;
        written.changed();
        true
    }

    /// Whether there are parameters in it, which have no values here.
    #[inline]
    pub(super) fn has_parameters(&self) -> bool {
        self.written().has_parameters
    }

    /// How many clauses there are.
    pub(super) fn clauses_count(&self) -> usize {
        usize::from(self.written().clauses)
    }

    /// What the query is told by, with all of its limits.
    #[inline]
    pub(crate) fn words(&self) -> &[u32] {
        self.written().words()
    }

    /// What the query is told by but for how it ends, and that.
    #[inline]
    pub(crate) fn words_and_tail(&self) -> (&[u32], Tail) {
        let written = self.written();
        let (mut words, mut tail) = (written.words(), Tail::default());
        if written.counts == 0 {
            return (words, tail);
        }
        if let [before @ .., last] = words
            && let Some(limit) = word::limited(*last)
        {
            (words, tail.limit) = (before, Some(limit));
            if written.counts == 1 {
                return (words, tail);
            }
        }
        if let [before @ .., last] = words
            && let Some(offset) = word::skipped(*last)
        {
            (words, tail.offset) = (before, Some(offset));
        }
        (words, tail)
    }

    /// The values, in the order written, each of the type that its word says.
    #[inline]
    pub(crate) fn values(&self) -> &[Scalar] {
        self.written().values()
    }

    /// As [`Draft::equality`](super::Draft::equality).
    pub(super) fn equality(&self) -> Option<Equality<'_>> {
        let mut parts = Parts::of(self.words());
        let (Part::Filter(words), Part::Field(path), Part::Value(ty, _), Part::Binary(BinaryOp::Eq)) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?)
        else {
            return None;
        };
        if usize::from(words) + 1 + parts.left() != self.words().len() {
            return None;
        }
        let mut rows_max = u64::MAX;
        for part in parts {
            let Part::Limit(count) = part else { return None };
            rows_max = rows_max.min(u64::from(count));
        }
        Some(Equality { path, value: self.values().first()?, ty, rows_max })
    }

    /// The same as clauses.
    pub(super) fn whole(&self) -> &Arc<Vec<Clause>> {
        self.written().whole.get_or_init(|| Arc::new(self.make_whole()))
    }

    #[cold]
    fn make_whole(&self) -> Vec<Clause> {
        let (mut parts, mut values) = (Parts::of(self.words()), self.values().iter().cloned());
        let mut expression = |parts: &mut Parts<'_>, words: u8| Postfix {
            ops: parts.within(words).map(|part| op_of(part, &mut values)).collect(),
        };
        let mut clauses = Vec::with_capacity(self.clauses_count() + 1);
        while let Some(part) = parts.next() {
            clauses.push(match part {
                Part::Filter(words) => Clause::Filter(expression(&mut parts, words)),
                Part::Limit(count) => Clause::Limit(u64::from(count)),
                Part::Offset(count) => Clause::Offset(u64::from(count)),
                Part::Order { words, descending, nulls_first } => {
                    let expression = expression(&mut parts, words);
                    Clause::Order(Vec::from([OrderTerm { expression, descending, nulls_first }]))
                }
                _ => unreachable!("what is about a clause follows it"),
            });
        }
        clauses
    }
}

impl Written {
    #[inline]
    fn words(&self) -> &[u32] {
        self.words.get(..usize::from(self.words_count)).unwrap_or_default()
    }

    #[inline]
    fn values(&self) -> &[Scalar] {
        self.values.get(..usize::from(self.values_count)).unwrap_or_default()
    }

    /// What it was as clauses is forgotten.
    #[inline]
    fn changed(&mut self) {
        if self.whole.get().is_some() {
            self.whole = OnceCell::new();
        }
    }

    /// Takes over all but the values.
    #[inline]
    fn copy_words(&mut self, other: &Written) {
        self.words = other.words;
        self.words_count = other.words_count;
        self.clauses = other.clauses;
        self.counts = other.counts;
        self.has_parameters = other.has_parameters;
    }
}

impl Clone for Brief {
    fn clone(&self) -> Brief {
        let Some(written) = self.0.get() else { return Brief::NONE };
        let mut copy = Pooled::<Written>::new();
        copy.copy_words(written);
        for (place, value) in copy.values.iter_mut().zip(written.values()) {
            put(place, value.clone());
        }
        copy.values_count = written.values_count;
        Brief(copy)
    }
}

impl fmt::Debug for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole().fmt(f)
    }
}

/// A brief query with parameters, as a compiled one is: where its values go.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// With a value in place of each parameter.
    brief: Brief,
    /// Of each value that is an argument its word, the argument, its type, and whether the argument stands nowhere behind it.
    places: [Option<(u8, u8, Type, bool)>; VALUES],
}

impl Template {
    /// Of a brief query, if it has room for its arguments, and all parameters in it are of this number.
    pub(super) fn of(brief: &Brief, of: usize) -> Option<Template> {
        let mut template = Template { brief: Brief(Pooled::new()), places: [None; VALUES] };
        let made = &mut *template.brief.0;
        made.copy_words(brief.written());
        made.has_parameters = false;
        let (mut literals, mut count) = (brief.values().iter(), 0);
        let mut parts = Parts::of(brief.words());
        loop {
            let at = brief.words().len() - parts.left();
            let Some(part) = parts.next() else { break };
            match part {
                Part::Parameter { of: whose, number, ty } if usize::from(whose) == of => {
                    for (_, known, _, is_last) in template.places.iter_mut().flatten() {
                        *is_last &= *known != number;
                    }
                    *template.places.get_mut(count)? = Some((at as u8, number, ty, true));
                    made.words[at] = word::value(ty, false);
                }
                Part::Parameter { .. } => return None,
                Part::Value(..) => *made.values.get_mut(count)? = literals.next()?.clone(),
                _ => continue,
            }
            count += 1;
            made.values_count = count as u8;
        }
        Some(template)
    }

    /// The query with these arguments, which it takes; `None`, and none is taken, if one of them is missing, or not of its type.
    pub(super) fn with(&self, arguments: &mut Arguments) -> Option<Brief> {
        let Template { brief, places } = self;
        let places = &places[..brief.values().len()];
        for (_, number, ty, _) in places.iter().flatten() {
            arguments.number(*number).filter(|value| is_of(value, *ty))?;
        }
        let mut made = Pooled::<Written>::new();
        made.copy_words(brief.written());
        let Written { values, words, values_count, .. } = &mut *made;
        let values = values.iter_mut().zip(brief.values());
        for ((value, own), place) in values.zip(places) {
            let given = match place {
                None => own.clone(),
                Some((at, number, ty, is_last)) => {
                    let given = arguments.take(*number, *is_last);
                    words[usize::from(*at)] = word::value(*ty, given.is_null());
                    given
                }
            };
            put(value, given);
        }
        *values_count = places.len() as u8;
        Some(Brief(made))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{Clauses, FieldPath, RowPath, Terms, UnaryOp};

    fn field(ordinal: u16) -> Postfix {
        Postfix::field(FieldPath { row: RowPath::source(0), ordinal })
    }

    fn number(value: i128) -> Postfix {
        Postfix::literal(Scalar::Int(value), Type::I64)
    }

    /// Some clauses of each kind, and such as are too much.
    fn clauses() -> Vec<Clause> {
        let test = |ordinal, op, value| field(ordinal).binary(op, number(value));
        let far = FieldPath { row: RowPath::source(0).hop(3).hop(4), ordinal: 1 };
        let near = FieldPath { row: RowPath::source(1).hop(3), ordinal: 1 };
        Vec::from([
            Clause::Filter(test(1, BinaryOp::Eq, 7)),
            Clause::Filter(test(1, BinaryOp::Ge, 7).binary(BinaryOp::And, field(2).unary(UnaryOp::Not))),
            Clause::Filter(field(1).between(number(1), number(2))),
            Clause::Filter(field(1).is_in([number(1), number(2), number(3)])),
            Clause::Filter(Postfix::field(near).unary(UnaryOp::IsNone)),
            Clause::Filter(Postfix::field(far).unary(UnaryOp::IsNone)),
            Clause::Filter(Postfix::parameter(3, 0, Type::I64).binary(BinaryOp::Eq, field(1))),
            Clause::Limit(10),
            Clause::Limit(u64::MAX),
            Clause::Offset(3),
            Clause::Distinct,
        ])
    }

    #[test]
    fn what_is_written_down_is_what_was_asked() {
        let all = clauses();
        let term =
            |ordinal| OrderTerm { expression: field(ordinal), descending: true, nulls_first: Some(false) };
        for first in &all {
            for second in &all {
                for third in &all {
                    let mut clauses = Clauses::NONE;
                    clauses.push(first.clone());
                    assert_eq!(*clauses, core::slice::from_ref(first));
                    let mut terms = Terms::default();
                    terms.push(Term::packing(term(4)));
                    clauses.push_order(&mut terms);
                    clauses.push(second.clone());
                    let copy = clauses.clone();
                    clauses.push(third.clone());
                    let order = Clause::Order(Vec::from([term(4)]));
                    let expected = [first.clone(), order, second.clone(), third.clone()];
                    assert_eq!(*clauses, expected);
                    assert_eq!(*copy, expected[..3]);
                    clauses[0] = Clause::Distinct;
                    assert_eq!(clauses[1..], expected[1..]);
                }
            }
        }
    }

    /// A template with arguments is the query that is built with them.
    #[test]
    fn arguments_take_the_places_of_parameters() {
        const OF: usize = 5;
        let parameter = |number| Postfix::parameter(OF, number, Type::I64);
        let value = |value: &Scalar| Postfix::literal(value.clone(), Type::I64);
        let made = |clauses: [Clause; 3]| {
            let mut made = Clauses::NONE;
            clauses.into_iter().for_each(|clause| made.push(clause));
            let Clauses::Brief(brief) = made else { panic!("small clauses") };
            brief
        };
        let query = |first: Postfix, second: Postfix| {
            made([
                Clause::Filter(field(1).between(first.clone(), number(-3))),
                Clause::Filter(
                    field(2)
                        .binary(BinaryOp::Lt, second)
                        .binary(BinaryOp::Or, field(3).binary(BinaryOp::Eq, first).unary(UnaryOp::Not)),
                ),
                Clause::Limit(3),
            ])
        };
        let written = query(parameter(1), parameter(0));
        assert!(written.has_parameters());
        assert!(Template::of(&written, OF + 1).is_none());
        let template = Template::of(&written, OF).expect("four values");
        for (first, second) in [(Scalar::Int(7), Scalar::Int(8)), (Scalar::Null, Scalar::Int(1))] {
            let mut arguments = Arguments::of(OF);
            arguments.push(second.clone());
            assert!(template.with(&mut arguments).is_none(), "one is missing");
            arguments.push(first.clone());
            let (given, built) =
                (template.with(&mut arguments).expect("all are there"), query(value(&first), value(&second)));
            assert_eq!((given.words(), given.values()), (built.words(), built.values()));
            assert_eq!(given.whole(), built.whole());
            assert!(!given.has_parameters());
        }
        let mut wrong = Arguments::of(OF);
        wrong.push(Scalar::Int(1));
        wrong.push(Scalar::Bool(true));
        assert!(template.with(&mut wrong).is_none(), "no number");
        // More values than there is room for.
        let many = made([
            Clause::Filter(field(1).between(number(1), number(2))),
            Clause::Filter(field(1).between(number(1), number(2))),
            Clause::Filter(field(1).binary(BinaryOp::Eq, parameter(0))),
        ]);
        assert!(Template::of(&many, OF).is_none());
    }

    /// What is copied for each clause, beside how rows are decoded and what may end the query.
    #[test]
    fn a_draft_is_small() {
        let size = size_of::<crate::expr::Draft>();
        assert!(size <= 256 - 2 * size_of::<usize>(), "{size}");
    }

    #[test]
    fn orders_by_several_terms_are_whole() {
        let term = |ordinal| OrderTerm { expression: field(ordinal), descending: false, nulls_first: None };
        let mut clauses = Clauses::NONE;
        let mut terms = Terms::default();
        terms.push(Term::packing(term(1)));
        terms.push(Term::packing(term(2)));
        clauses.push_order(&mut terms);
        assert_eq!(clauses, [Clause::Order(Vec::from([term(1), term(2)]))]);
        assert!(clauses.brief().is_none());
    }
}
