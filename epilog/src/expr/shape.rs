//! [`Shape`]: all of a draft but its values.
//!
//! Two drafts of one shape are the same query asked of other values: a plan for the one serves the other. A shape is a
//! sequence of words; drafts have the same words if, and only if, they differ in nothing but present literals. Whether a
//! literal is absent, its type, how many candidates a list has, limits but for the [last](Tail), and what functions are told
//! belong to the shape.
//!
//! Each operation begins with a word that says what it is and how many words follow, so that no shape is the beginning of
//! another. What is not known here has no shape, and is planned each time that it is asked.

use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use super::op::Link;
use super::{
    AggregateItem, Arguments, Clause, Draft, Frame, Op, OrderTerm, Postfix, Quantifier, Recursion, RowPath,
    SelectItem, Subquery, Tail, WindowItem,
};
use crate::schema::CollectionSchema;
use crate::value::{Scalar, Type};

/// So many words, and so many values, are kept without an allocation.
const WORDS_INLINE: usize = 40;
const VALUES_INLINE: usize = 8;

/// Drafts nest less deeply than this where they can be planned.
const NESTING_MAX: usize = 16;

/// All of a draft but its values, and these.
pub struct Shape<'d> {
    words: Inline<u64, WORDS_INLINE>,
    values: Inline<Given<'d>, VALUES_INLINE>,
    /// The arguments of the drafts around, the innermost last.
    arguments: [Option<&'d Arguments>; NESTING_MAX],
    nesting: usize,
    /// How it ends.
    tail: Tail,
    /// Whether it is of a part of a draft, whose arguments are not known.
    is_part: bool,
    /// Whether there is something that a shape cannot say.
    unknown: bool,
}

/// A value of a draft.
#[derive(Clone, Copy, Debug)]
pub struct Given<'d> {
    /// The value.
    pub value: &'d Scalar,
    /// The type that it is said to be of.
    pub ty: Type,
    /// Where it stands.
    pub op: &'d Op,
}

static NULL: Scalar = Scalar::Null;
static NO_OP: Op = Op::Between;

impl<'d> Shape<'d> {
    /// The shape of a draft that is planned for something, which `wanted` tells from other things; `None` if it has none.
    pub fn of(draft: &'d Draft, wanted: u64) -> Option<Shape<'d>> {
        let mut shape = Shape::empty();
        shape.tell(draft, wanted).then_some(shape)
    }

    /// Makes this, which is [`empty`](Shape::empty), the shape of a draft; false if it has none.
    pub fn tell(&mut self, draft: &'d Draft, wanted: u64) -> bool {
        self.words.push(wanted);
        self.draft(draft);
        !self.unknown
    }

    /// The values of a draft, whether or not it has a shape.
    pub fn values_of(draft: &'d Draft) -> Vec<Given<'d>> {
        let mut shape = Shape::empty();
        shape.draft(draft);
        // What has no value is found out by who looks for it.
        let has_value = |given: &&Given<'_>| !core::ptr::eq(given.value, &raw const NULL);
        shape.values().iter().filter(has_value).copied().collect()
    }

    /// The operations of a draft that are values, in the order written, also such as drafts around it have the values of.
    pub fn ops_of(draft: &'d Draft) -> Vec<&'d Op> {
        let mut shape = Shape::empty();
        shape.draft(draft);
        shape.values().iter().map(|given| given.op).collect()
    }

    /// The shape of an aggregate, to be compared with that of another of the same draft; `None` if it has none. Arguments are
    /// not known of it.
    pub fn of_item(item: &'d AggregateItem) -> Option<Shape<'d>> {
        let mut shape = Shape { is_part: true, ..Shape::empty() };
        shape.item(item);
        (!shape.unknown).then_some(shape)
    }

    /// Of nothing yet. It is large, and not to be moved about.
    #[inline]
    pub fn empty() -> Shape<'d> {
        Shape {
            words: Inline::new(0),
            values: Inline::new(Given { value: &NULL, ty: Type::Bool, op: &NO_OP }),
            arguments: [None; NESTING_MAX],
            nesting: 0,
            tail: Tail::default(),
            is_part: false,
            unknown: false,
        }
    }

    /// The words.
    pub fn words(&self) -> &[u64] {
        self.words.as_slice()
    }

    /// How it ends, which the words do not say.
    pub fn tail(&self) -> Tail {
        self.tail
    }

    /// The values, in the order written.
    pub fn values(&self) -> &[Given<'d>] {
        self.values.as_slice()
    }

    /// A number for the words: others have another one, mostly.
    pub fn hash(&self) -> u64 {
        // The multiplier is that of P. L'Ecuyer, "Tables of linear congruential generators" (1999), for 64 bits.
        let mix = |hash: u64, word: &u64| (hash ^ word).wrapping_mul(0xF135_7AEA_2E62_A9C5).rotate_left(26);
        self.words().iter().fold(0, mix)
    }

    fn draft(&mut self, draft: &'d Draft) {
        let Draft { root, clauses, arguments } = draft;
        if self.nesting == NESTING_MAX {
            self.unknown = true;
            return;
        }
        self.arguments[self.nesting] = arguments.as_deref();
        self.nesting += 1;
        self.collection(*root);
        let (tail, count) = if self.nesting == 1 { Tail::of(clauses) } else { (Tail::default(), 0) };
        let before = &clauses[..clauses.len() - count];
        self.words.push(before.len() as u64);
        before.iter().for_each(|clause| self.clause(clause));
        self.nesting -= 1;
        if self.nesting == 0 {
            self.tail = tail;
        }
    }

    fn clause(&mut self, clause: &'d Clause) {
        match clause {
            Clause::Join { collection, on, kind } => {
                self.tag(1, *kind as u64);
                self.collection(*collection);
                self.expression(on);
            }
            Clause::Filter(predicate) => {
                self.tag(2, 0);
                self.expression(predicate);
            }
            Clause::Order(terms) => {
                self.tag(3, terms.len() as u64);
                self.terms(terms);
            }
            Clause::Limit(count) => self.limit(*count),
            Clause::Offset(count) => self.offset(*count),
            Clause::Select(items) => {
                self.tag(6, items.len() as u64);
                for item in items {
                    match item {
                        SelectItem::Value(value) => {
                            self.tag(7, 0);
                            self.expression(value);
                        }
                        SelectItem::Record(path) => self.row(8, *path, 0),
                    }
                }
            }
            Clause::Grouping(keys) => self.expressions(9, keys),
            Clause::Distinct => self.tag(10, 0),
            Clause::Set(other, kind, _) => {
                self.tag(11, *kind as u64);
                self.draft(other);
            }
            Clause::Window(items, _) => {
                self.tag(12, items.len() as u64);
                items.iter().for_each(|item| self.window(item));
            }
            Clause::LimitPer(keys, count, _) => {
                self.expressions(13, keys);
                self.words.push(*count);
            }
            Clause::JoinQuery(joined, kind, _) => {
                self.tag(18, *kind as u64);
                self.draft(&joined.0);
                self.expression(&joined.1);
            }
            Clause::Recursive(recursion, _) => {
                let Recursion { step, identity, rounds } = &***recursion;
                self.tag(19, identity.map_or(0, |identity| 1 + u64::from(identity)));
                self.words.push(rounds.map_or(0, |_| 1));
                self.words.push(rounds.unwrap_or_default());
                self.draft(step);
            }
            Clause::Previous(_) => self.tag(20, 0),
            Clause::Common(_) => self.tag(21, 0),
            // A sample is drawn by other lots each time, and two programs' tests are never the same.
            Clause::Sample(..) | Clause::Native(..) | Clause::LeftOut(_) => self.unknown = true,
        }
    }

    fn window(&mut self, item: &'d WindowItem) {
        let WindowItem { function, argument, partition, order, frame } = item;
        function.hash(&mut self.words);
        self.optional(argument.as_ref());
        self.expressions(14, partition);
        self.tag(15, order.len() as u64);
        self.terms(order);
        let Frame { unit, start, end } = frame;
        (*unit as u64, start, end).hash(&mut self.words);
    }

    fn terms(&mut self, terms: &'d [OrderTerm]) {
        for OrderTerm { expression, descending, nulls_first } in terms {
            self.term(*descending, *nulls_first);
            self.expression(expression);
        }
    }

    fn term(&mut self, descending: bool, nulls_first: Option<bool>) {
        self.tag(16, u64::from(descending) | nulls_first.map_or(0, |first| 2 + 2 * u64::from(first)));
    }

    fn limit(&mut self, count: u64) {
        self.tag(4, 0);
        self.words.push(count);
    }

    fn offset(&mut self, count: u64) {
        self.tag(5, 0);
        self.words.push(count);
    }

    fn expressions(&mut self, tag: u8, expressions: &'d [Postfix]) {
        self.tag(tag, expressions.len() as u64);
        expressions.iter().for_each(|expression| self.expression(expression));
    }

    fn optional(&mut self, expression: Option<&'d Postfix>) {
        self.tag(17, u64::from(expression.is_some()));
        if let Some(expression) = expression {
            self.expression(expression);
        }
    }

    fn expression(&mut self, expression: &'d Postfix) {
        let Postfix { ops } = expression;
        self.words.push(ops.len() as u64);
        ops.iter().for_each(|op| self.op(op));
    }

    fn op(&mut self, op: &'d Op) {
        match op {
            Op::Field(path) => self.row(32, path.row, path.ordinal),
            Op::Literal(value, ty) => self.value(value, *ty, op),
            Op::Parameter(of, number, ty) => self.parameter(*of, *number, *ty, op),
            Op::Unary(op) => self.tag(34, *op as u64),
            Op::Binary(op) => self.tag(35, *op as u64),
            Op::Between => self.tag(36, 0),
            Op::In(count) => self.tag(37, u64::from(*count)),
            Op::Subquery(subquery) => self.subquery(subquery),
            Op::Key(number) => self.tag(38, u64::from(*number)),
            Op::Aggregate(item) => self.item(item),
            Op::If => self.tag(40, 0),
            Op::Scalar(draft, _) => {
                self.tag(41, 0);
                self.draft(draft);
            }
            Op::InQuery(draft, _) => {
                self.tag(42, 0);
                self.draft(draft);
            }
            Op::Call(function, count) => {
                self.tag(43, u64::from(*count));
                function.hash(&mut self.words);
            }
            Op::Each(each, test) => {
                self.tag(50, *each as u64);
                self.expression(test);
            }
            _ => self.unknown = true,
        }
    }

    fn value(&mut self, value: &'d Scalar, ty: Type, op: &'d Op) {
        self.tag(33, ty as u64 | u64::from(value.is_null()) << 8);
        self.values.push(Given { value, ty, op });
    }

    fn parameter(&mut self, of: usize, number: u8, ty: Type, op: &'d Op) {
        let mut around = self.arguments[..self.nesting].iter().rev().flatten();
        let value = match around.find_map(|arguments| arguments.get(of, number)) {
            Some(value) => value,
            None => {
                self.unknown |= !self.is_part;
                &NULL
            }
        };
        // One may stand in several places, which is not so of literals.
        self.tag(49, ty as u64 | u64::from(value.is_null()) << 8 | u64::from(number) << 16);
        self.words.push(of as u64);
        self.values.push(Given { value, ty, op });
    }

    fn item(&mut self, item: &'d AggregateItem) {
        let AggregateItem { function, argument, filter } = item;
        self.tag(39, 0);
        function.hash(&mut self.words);
        self.optional(argument.as_ref());
        self.optional(filter.as_ref());
    }

    fn subquery(&mut self, subquery: &'d Subquery) {
        let Subquery { collection, link, quantifier, predicate, equal } = subquery;
        match link {
            Link::Reverse { row, ordinal } => self.row(44, *row, *ordinal),
            Link::Correlated { position } => self.tag(45, u64::from(*position)),
        }
        self.collection(*collection);
        match quantifier {
            Quantifier::Any => self.tag(46, 0),
            Quantifier::All => self.tag(47, 0),
            Quantifier::Count => self.tag(48, 0),
            Quantifier::Aggregate(item, _) => self.item(item),
        }
        self.optional(predicate.as_ref());
        let sides = equal.as_ref().map(|equal| &**equal);
        self.optional(sides.map(|(inner, _)| inner));
        self.optional(sides.map(|(_, outer)| outer));
    }

    /// A declared collection is a static: it is known by where it is.
    fn collection(&mut self, collection: fn() -> &'static CollectionSchema) {
        self.words.push(core::ptr::from_ref(collection()) as usize as u64);
    }

    fn row(&mut self, tag: u8, path: RowPath, ordinal: u16) {
        let (mut hops, count) = (path.hops(), path.hops_count());
        let first = hops.next().unwrap_or_default();
        let packed = u64::from(path.position()) | (count as u64) << 8 | u64::from(ordinal) << 16;
        self.tag(tag, packed | u64::from(first) << 32);
        while let Some(hop) = hops.next() {
            let further = hops.by_ref().take(3);
            self.words.push(further.fold(u64::from(hop), |packed, hop| packed << 16 | u64::from(hop)));
        }
    }

    #[inline]
    fn tag(&mut self, tag: u8, rest: u64) {
        debug_assert!(rest < 1 << 56);
        self.words.push(u64::from(tag) | rest << 8);
    }
}

/// Values, few of them without an allocation.
struct Inline<T, const N: usize> {
    few: [T; N],
    count: usize,
    /// All of them, once they are more.
    many: Vec<T>,
}

impl<T: Copy, const N: usize> Inline<T, N> {
    fn new(empty: T) -> Inline<T, N> {
        Inline { few: [empty; N], count: 0, many: Vec::new() }
    }

    #[inline]
    fn push(&mut self, value: T) {
        match self.few.get_mut(self.count) {
            Some(place) => *place = value,
            None => {
                if self.count == N {
                    self.many.extend_from_slice(&self.few);
                }
                self.many.push(value);
            }
        }
        self.count += 1;
    }

    #[inline]
    fn as_slice(&self) -> &[T] {
        if self.count <= N { &self.few[..self.count] } else { &self.many }
    }
}

/// What a value is told from others by, as words: derived hashes write all of a value, and how long each part is.
impl Hasher for Inline<u64, WORDS_INLINE> {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.push(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.push(u64::from_le_bytes(word));
        }
    }
}
