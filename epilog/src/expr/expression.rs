//! [`Expression`]: an expression while it is built.
//!
//! Builders hand expressions on by value, each part of one becoming a part of another, and most are small. So they are kept as
//! the words that the shape of a query is told by, with their values beside them: nothing is allocated, little is
//! copied, and nothing has to be translated when a plan is looked for. What has no words, or too many, is kept [whole](Postfix).

use alloc::vec::Vec;
use core::fmt;

use super::op::Each;
#[cfg(feature = "std")]
use super::pooled::Places;
use super::pooled::{Pooled, Reused};
use super::word::{self, Part, Parts, WORDS_OF_PART, op_of};
use super::{AggregateItem, BinaryOp, Draft, FieldPath, Function, Op, Postfix, Subquery, UnaryOp};
#[cfg(feature = "std")]
use crate::sync::LocalKey;
use crate::value::{Scalar, Type, buffers, is_of};

/// So many words, and so many values, at most: two comparisons of fields that are near, and what joins them.
pub(super) const WORDS: usize = 10;
const VALUES: usize = 2;

/// An expression that is being built.
pub struct Expression(Pooled<Built>);

struct Built {
    /// Nothing, where it is whole.
    packed: Packed,
    whole: Option<Postfix>,
}

impl Reused for Built {
    const EMPTY: Built = Built { packed: Packed::NONE, whole: None };

    #[inline]
    fn clear(&mut self) {
        self.packed.clear();
        if self.whole.is_some() {
            self.whole = None;
        }
    }

    #[cfg(feature = "std")]
    #[inline]
    fn places() -> &'static LocalKey<Places<Built>> {
        crate::sync::of_each_thread! {
            static PLACES: Places<Built> = const { Places::NONE };
        }
        &PLACES
    }
}

/// The words of a small expression.
#[derive(Clone)]
pub(super) struct Packed {
    values: [Scalar; VALUES],
    words: [u32; WORDS],
    words_count: u8,
    values_count: u8,
    has_parameters: bool,
}

impl Packed {
    const NONE: Packed = Packed {
        values: [const { Scalar::Null }; VALUES],
        words: [0; WORDS],
        words_count: 0,
        values_count: 0,
        has_parameters: false,
    };

    /// Its words.
    #[inline]
    pub(super) fn words(&self) -> &[u32] {
        self.words.get(..usize::from(self.words_count)).unwrap_or_default()
    }

    /// How many values it has.
    #[inline]
    pub(super) fn values_count(&self) -> usize {
        usize::from(self.values_count)
    }

    /// Whether there are parameters in it.
    #[inline]
    pub(super) fn has_parameters(&self) -> bool {
        self.has_parameters
    }

    /// Moves its values to where there are none.
    #[inline]
    pub(super) fn move_values(&mut self, to: &mut [Scalar]) {
        let values = self.values.get_mut(..usize::from(self.values_count)).unwrap_or_default();
        for (value, place) in values.iter_mut().zip(to) {
            put(place, core::mem::replace(value, Scalar::Null));
        }
        self.values_count = 0;
    }

    #[inline]
    fn clear(&mut self) {
        for value in self.values.get_mut(..usize::from(self.values_count)).unwrap_or_default() {
            buffers::end(value);
        }
        (self.words_count, self.values_count, self.has_parameters) = (0, 0, false);
    }

    /// Adds a word; false, and nothing is added, if there is no room.
    #[inline]
    fn push(&mut self, word: u32) -> bool {
        let Some(place) = self.words.get_mut(usize::from(self.words_count)) else { return false };
        *place = word;
        self.words_count += 1;
        true
    }

    /// Adds the words and values of another, of which then only its end is left; false, and nothing is added, if there is no room
    /// for these and a word more.
    fn extend(&mut self, other: &mut Packed) -> bool {
        let (at, count) = (usize::from(self.words_count), usize::from(other.words_count));
        let values_at = usize::from(self.values_count);
        let values = self.values.get_mut(values_at..values_at + usize::from(other.values_count));
        let (Some(values), true) = (values, at + count < WORDS) else { return false };
        let values_count = other.values_count;
        other.move_values(values);
        // A loop over so few takes less than a call that copies.
        for (place, word) in self.words[at..].iter_mut().zip(other.words()) {
            *place = *word;
        }
        self.words_count += other.words_count;
        self.values_count += values_count;
        self.has_parameters |= other.has_parameters;
        true
    }

    /// Takes one word, if that is all there is, and puts it before those of another, with its value.
    #[inline]
    fn put_before(&self, other: &mut Packed) -> bool {
        if self.words_count != 1 || self.values_count != 0 || other.words_count != 1 {
            return false;
        }
        [other.words[0], other.words[1]] = [self.words[0], other.words[0]];
        other.words_count = 2;
        other.has_parameters |= self.has_parameters;
        true
    }

    /// As [`extend`](Packed::extend), by one word and its value if it has one: most of what stands on the right is a literal or a field.
    #[inline]
    fn extend_by_one(&mut self, other: &mut Packed) -> bool {
        let (at, values_at) = (usize::from(self.words_count), usize::from(self.values_count));
        if other.words_count != 1 || at + 1 >= WORDS || values_at >= VALUES {
            return false;
        }
        self.words[at] = other.words[0];
        self.words_count += 1;
        if other.values_count == 1 {
            put(&mut self.values[values_at], core::mem::replace(&mut other.values[0], Scalar::Null));
            self.values_count += 1;
            other.values_count = 0;
        }
        self.has_parameters |= other.has_parameters;
        true
    }

    /// The same as what is whole, of which then only its end is left; `None`, and it is as it was, if it has no words, or too many.
    fn of(whole: &mut Postfix) -> Option<Packed> {
        let mut packed = Packed::NONE;
        for op in &whole.ops {
            let single = match op {
                Op::Field(path) if word::is_near(path) => {
                    let (words, count) = word::field(path);
                    words[..count].iter().all(|word| packed.push(*word)).then_some(None)?
                }
                Op::Literal(value, ty) if is_of(value, *ty) => {
                    packed.values_count += 1;
                    Some(word::value(*ty, value.is_null()))
                }
                Op::Parameter(of, number, ty) => {
                    packed.has_parameters = true;
                    Some(word::parameter(*of, *number, *ty)?)
                }
                Op::Unary(op) => Some(word::unary(*op)),
                Op::Binary(op) => Some(word::binary(*op)),
                Op::Between => Some(word::between()),
                Op::In(count) if *count <= VALUES as u32 => Some(word::is_in(*count)),
                Op::Key(number) => Some(word::key(*number)),
                Op::If => Some(word::choose()),
                _ => return None,
            };
            if usize::from(packed.values_count) > VALUES || !single.is_none_or(|word| packed.push(word)) {
                return None;
            }
        }
        let values = whole.ops.iter_mut().filter_map(|op| match op {
            Op::Literal(value, _) => Some(core::mem::replace(value, Scalar::Null)),
            _ => None,
        });
        packed.values.iter_mut().zip(values).for_each(|(place, value)| *place = value);
        Some(packed)
    }

    #[cold]
    fn whole(&mut self) -> Postfix {
        let mut values = self.values.iter_mut().map(|value| core::mem::replace(value, Scalar::Null));
        let parts = Parts::of(self.words.get(..usize::from(self.words_count)).unwrap_or_default());
        let mut ops = Vec::with_capacity(usize::from(self.words_count) + WORDS);
        ops.extend(parts.map(|part| op_of(part, &mut values)));
        Postfix { ops }
    }
}

// What is built whole is not built where it is asked for.

#[cold]
#[inline(never)]
fn whole_literal(value: Scalar, ty: Type) -> Expression {
    Postfix::literal(value, ty).into()
}

#[cold]
#[inline(never)]
fn whole_then(expression: Expression, op: Op) -> Expression {
    let mut whole = expression.whole();
    whole.ops.push(op);
    whole.into()
}

#[cold]
#[inline(never)]
fn whole_binary(left: Expression, op: BinaryOp, right: Expression) -> Expression {
    left.whole().binary(op, right.whole()).into()
}

/// Puts a value where there is none.
#[inline]
pub(super) fn put(place: &mut Scalar, value: Scalar) {
    // What stands there holds nothing: to look whether it does would take longer than the rest.
    core::mem::forget(core::mem::replace(place, value));
}

impl Expression {
    /// A field.
    #[inline]
    pub fn field(path: FieldPath) -> Expression {
        match path.row.is_source() {
            true => Expression::one(word::own_field(&path)),
            false => Expression::related_field(path),
        }
    }

    /// An expression of one word.
    #[inline]
    fn one(word: u32) -> Expression {
        let mut built = Pooled::<Built>::new();
        built.packed.words[0] = word;
        built.packed.words_count = 1;
        Expression(built)
    }

    /// A field of what is reached along relations.
    fn related_field(path: FieldPath) -> Expression {
        if !word::is_near(&path) {
            return Postfix::field(path).into();
        }
        let (words, count) = word::field(&path);
        let mut built = Pooled::<Built>::new();
        built.packed.words[..WORDS_OF_PART].copy_from_slice(&words);
        built.packed.words_count = count as u8;
        Expression(built)
    }

    /// A literal.
    #[inline]
    pub fn literal(value: Scalar, ty: Type) -> Expression {
        // What is not of its type is refused when it is planned, and has no shape.
        if !is_of(&value, ty) {
            return whole_literal(value, ty);
        }
        let mut literal = Expression::one(word::value(ty, value.is_null()));
        put(&mut literal.0.packed.values[0], value);
        literal.0.packed.values_count = 1;
        literal
    }

    /// A parameter of a compiled query.
    pub fn parameter(of: usize, number: u8, ty: Type) -> Expression {
        let Some(word) = word::parameter(of, number, ty) else {
            return Postfix::parameter(of, number, ty).into();
        };
        let mut parameter = Expression::one(word);
        parameter.0.packed.has_parameters = true;
        parameter
    }

    /// A key of a group.
    pub fn key(number: u16) -> Expression {
        Expression::one(word::key(number))
    }

    /// An operation on one expression.
    #[inline]
    #[must_use]
    pub fn unary(self, op: UnaryOp) -> Expression {
        self.then(word::unary(op), Op::Unary(op))
    }

    /// An operation on two expressions.
    #[inline]
    #[must_use]
    pub fn binary(mut self, op: BinaryOp, mut right: Expression) -> Expression {
        if let (Some(left), Some(packed)) = (self.packed(), right.packed()) {
            // What most comparisons are, a field and a value, which stays where it is.
            if left.put_before(packed) {
                packed.push(word::binary(op));
                return right;
            }
            if left.extend_by_one(packed) || left.extend(packed) {
                left.push(word::binary(op));
                return self;
            }
        }
        whole_binary(self, op, right)
    }

    /// Whether the value lies between two others, both included.
    #[must_use]
    pub fn between(self, low: Expression, high: Expression) -> Expression {
        self.with([low, high], word::between(), Op::Between)
    }

    /// One of two values, by a condition.
    #[must_use]
    pub fn choose(self, then: Expression, otherwise: Expression) -> Expression {
        self.with([then, otherwise], word::choose(), Op::If)
    }

    /// Whether the value is one of the candidates.
    #[must_use]
    pub fn is_in(mut self, candidates: impl IntoIterator<Item = Expression>) -> Expression {
        let mut count = 0;
        for mut candidate in candidates {
            count += 1;
            if let (Some(packed), Some(other)) = (self.packed(), candidate.packed())
                && packed.extend(other)
            {
                continue;
            }
            let (mut whole, mut other) = (self.whole(), candidate.whole());
            // There may be many, and no buffer of theirs is given back.
            for op in &mut other.ops {
                if let Op::Literal(value, _) = op {
                    buffers::fit(value);
                }
            }
            whole.ops.append(&mut other.ops);
            self = whole.into();
        }
        self.then(word::is_in(count), Op::In(count))
    }

    /// Whether a test holds for one element of the list, or for all.
    #[must_use]
    pub fn each(self, each: Each, test: Expression) -> Expression {
        self.whole().each(each, test.whole()).into()
    }

    /// What the cargo feature `small` leaves out.
    pub(crate) fn left_out(what: &'static str) -> Expression {
        Postfix::left_out(what).into()
    }

    /// The only value of the only row of another query.
    pub fn scalar(draft: Draft) -> Expression {
        Postfix::scalar(draft).into()
    }

    /// Whether the value is the only one of one of the rows of another query.
    #[must_use]
    pub fn is_in_query(self, draft: Draft) -> Expression {
        self.whole().is_in_query(draft).into()
    }

    /// A function of this and further arguments.
    #[must_use]
    pub fn call<const N: usize>(self, function: Function, others: [Expression; N]) -> Expression {
        let others = others.map(Expression::whole);
        self.whole().call(function, others).into()
    }

    /// An aggregate over the rows of a group.
    pub fn aggregate(item: AggregateItem) -> Expression {
        Postfix::aggregate(item).into()
    }

    /// A subquery.
    pub fn subquery(subquery: Subquery) -> Expression {
        Postfix::subquery(subquery).into()
    }

    /// What is whole, packed if it can be.
    pub(super) fn packing(mut whole: Postfix) -> Expression {
        match Packed::of(&mut whole) {
            Some(packed) => {
                let mut built = Pooled::<Built>::new();
                built.packed = packed;
                Expression(built)
            }
            None => whole.into(),
        }
    }

    /// The value, and its type, if it is a literal.
    pub(crate) fn as_literal(&self) -> Option<(&Scalar, Type)> {
        let Built { packed, whole } = &*self.0;
        match whole {
            None => match Parts::of(packed.words()).next()? {
                Part::Value(ty, _) if packed.words_count == 1 => Some((&packed.values[0], ty)),
                _ => None,
            },
            Some(whole) => match whole.ops.as_slice() {
                [Op::Literal(value, ty)] => Some((value, *ty)),
                _ => None,
            },
        }
    }

    /// All of it, as it is planned.
    pub fn whole(mut self) -> Postfix {
        let Built { packed, whole } = &mut *self.0;
        whole.take().unwrap_or_else(|| packed.whole())
    }

    /// Its words, if that is what it is kept as.
    #[inline]
    pub(super) fn packed(&mut self) -> Option<&mut Packed> {
        let Built { packed, whole } = &mut *self.0;
        whole.is_none().then_some(packed)
    }

    /// Adds an operation on what there is.
    #[inline]
    fn then(mut self, word: u32, op: Op) -> Expression {
        if let Some(packed) = self.packed()
            && packed.push(word)
        {
            return self;
        }
        whole_then(self, op)
    }

    /// Adds two further operands, and an operation on all three.
    fn with(mut self, others: [Expression; 2], word: u32, op: Op) -> Expression {
        let [mut second, mut third] = others;
        if let (Some(first), Some(two), Some(three)) = (self.packed(), second.packed(), third.packed())
            && first.has_room_for(two, three)
        {
            first.extend(two);
            first.extend(three);
            first.push(word);
            return self;
        }
        let mut whole = self.whole();
        whole.ops.append(&mut second.whole().ops);
        whole.ops.append(&mut third.whole().ops);
        whole.ops.push(op);
        whole.into()
    }
}

impl Packed {
    /// Whether there is room for two others, and a word.
    fn has_room_for(&self, one: &Packed, other: &Packed) -> bool {
        let words = [self, one, other].map(|packed| usize::from(packed.words_count));
        let values = [self, one, other].map(|packed| usize::from(packed.values_count));
        words.iter().sum::<usize>() < WORDS && values.iter().sum::<usize>() <= VALUES
    }
}

impl From<Postfix> for Expression {
    #[inline]
    fn from(whole: Postfix) -> Expression {
        let mut built = Pooled::<Built>::new();
        built.whole = Some(whole);
        Expression(built)
    }
}

impl Clone for Expression {
    fn clone(&self) -> Expression {
        let Built { packed, whole } = &*self.0;
        let mut built = Pooled::<Built>::new();
        built.packed.clone_from(packed);
        built.whole.clone_from(whole);
        Expression(built)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.clone().whole() == other.clone().whole()
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.clone().whole().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::RowPath;

    fn path(hops: &[u16]) -> FieldPath {
        FieldPath { row: hops.iter().fold(RowPath::source(1), |row, hop| row.hop(*hop)), ordinal: 3 }
    }

    fn int(value: i128) -> (Expression, Postfix) {
        (Expression::literal(Scalar::Int(value), Type::I64), Postfix::literal(Scalar::Int(value), Type::I64))
    }

    /// Expressions of a few kinds, each built in both ways.
    fn leaves() -> Vec<(Expression, Postfix)> {
        let field = |hops: &[u16]| (Expression::field(path(hops)), Postfix::field(path(hops)));
        let text = || Scalar::String("text".into());
        Vec::from([
            field(&[]),
            field(&[4]),
            field(&[4, 5]),
            field(&[4, 5, 6]),
            int(7),
            (Expression::literal(text(), Type::String), Postfix::literal(text(), Type::String)),
            (Expression::literal(text(), Type::I8), Postfix::literal(text(), Type::I8)),
            (Expression::literal(Scalar::Null, Type::I8), Postfix::literal(Scalar::Null, Type::I8)),
            (Expression::key(2), Postfix::key(2)),
            (Expression::parameter(1, 2, Type::U8), Postfix::parameter(1, 2, Type::U8)),
            (Expression::parameter(usize::MAX, 2, Type::U8), Postfix::parameter(usize::MAX, 2, Type::U8)),
            (Expression::left_out("this"), Postfix::left_out("this")),
        ])
    }

    /// A list may be of any length, and what it is built of stays until the query has been carried out.
    #[cfg(all(feature = "std", not(feature = "small")))]
    #[test]
    fn the_texts_of_a_list_take_what_they_need() {
        let text = |number| Scalar::String(buffers::text(&alloc::format!("name {number}")));
        let texts = (0..1000).map(|number| Expression::literal(text(number), Type::String));
        let list = Expression::field(path(&[])).is_in(texts).whole();
        let room = list.ops.iter().filter_map(|op| match op {
            Op::Literal(Scalar::String(text), _) => Some((text.len(), text.capacity())),
            _ => None,
        });
        let (count, len, room) =
            room.fold((0, 0, 0), |(count, all, most), (len, room)| (count + 1, all + len, most + room));
        assert!(count == 1000 && room < len + 1000, "{count} texts of {len} bytes have room for {room}");
    }

    #[test]
    fn what_is_packed_is_what_was_built() {
        let check = |(packed, whole): &(Expression, Postfix)| {
            assert_eq!(packed.clone().whole(), *whole);
            assert_eq!(Expression::packing(whole.clone()).whole(), *whole);
            let literal = match whole.ops.as_slice() {
                [Op::Literal(value, ty)] => Some((value, *ty)),
                _ => None,
            };
            assert_eq!(packed.as_literal(), literal);
        };
        let both = |a: &(Expression, Postfix), b: &(Expression, Postfix), op: BinaryOp| {
            (a.0.clone().binary(op, b.0.clone()), a.1.clone().binary(op, b.1.clone()))
        };
        for a in leaves() {
            check(&a);
            check(&(a.0.clone().unary(UnaryOp::Not), a.1.clone().unary(UnaryOp::Not)));
            for b in leaves() {
                let test = both(&a, &b, BinaryOp::Lt);
                check(&test);
                for c in leaves() {
                    check(&(
                        a.0.clone().between(b.0.clone(), c.0.clone()),
                        a.1.clone().between(b.1.clone(), c.1.clone()),
                    ));
                    check(&(
                        a.0.clone().choose(b.0.clone(), c.0.clone()),
                        a.1.clone().choose(b.1.clone(), c.1.clone()),
                    ));
                    check(&(
                        a.0.clone().is_in([b.0.clone(), c.0.clone()]),
                        a.1.clone().is_in([b.1.clone(), c.1.clone()]),
                    ));
                    check(&both(&test, &both(&b, &c, BinaryOp::Ge), BinaryOp::And));
                }
            }
        }
    }

    #[test]
    fn two_comparisons_are_packed_and_more_are_not() {
        let test = |value| Expression::field(path(&[4, 5])).binary(BinaryOp::Eq, int(value).0);
        let mut two = test(1).binary(BinaryOp::And, test(2));
        assert!(two.packed().is_some());
        let mut three = two.clone().binary(BinaryOp::And, test(3));
        assert!(three.packed().is_none());
        assert_eq!(three.whole().ops.len(), 11);
    }

    /// What is copied each time that a part of an expression becomes a part of another.
    #[test]
    fn an_expression_is_small() {
        assert!(size_of::<Scalar>() <= 32, "{}", size_of::<Scalar>());
        assert!(size_of::<Expression>() <= size_of::<usize>(), "{}", size_of::<Expression>());
    }
}
