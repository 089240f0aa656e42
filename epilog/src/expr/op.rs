//! [`Postfix`]: an expression as a sequence of operations.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::{AggregateItem, Draft, FieldPath, Function, RowPath};
use crate::parts::{self, InWhole, Whole};
use crate::schema::CollectionSchema;
use crate::value::{Scalar, Type};

/// An erased expression, as it is planned. Well-formed by construction: evaluating it leaves one value on the stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Postfix {
    /// The operations, operands first.
    pub ops: Vec<Op>,
}

/// One operation. The comment gives what it takes from the stack.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Nothing; a field's value.
    Field(FieldPath),
    /// Nothing; a literal of the type.
    Literal(Scalar, Type),
    /// One value.
    Unary(UnaryOp),
    /// Two values, the right one on top.
    Binary(BinaryOp),
    /// Value, low, high (both inclusive).
    Between,
    /// A value and then this many candidates.
    In(u32),
    /// Nothing; something about the records of another collection, seen from a row.
    Subquery(Box<Subquery>),
    /// Nothing; of a group: the value of the key with this number.
    Key(u16),
    /// Nothing; of a group: an aggregate over its rows.
    Aggregate(Box<AggregateItem>),
    /// A condition, the value where it holds, and the value where it does not.
    If,
    /// Nothing; the only value of the only row of another query, absent where it has no row.
    Scalar(InWhole<Box<Draft>>, Whole),
    /// One value; whether it is the only value of one of the rows of another query.
    InQuery(InWhole<Box<Draft>>, Whole),
    /// What stands for something that the cargo feature `small` leaves out; it cannot be planned.
    LeftOut(&'static str),
    /// This many arguments of a function.
    Call(Function, u8),
    /// Nothing; the value of a parameter of a compiled query: whose, which, and of which type. See
    /// [`Arguments`](super::Arguments).
    #[cfg(not(feature = "small"))]
    Parameter(usize, u8, Type),
    /// A list; whether a test holds for one of its elements, or for all. False of a list that is absent. The test is of
    /// [the element](RowPath::ELEMENT), and nothing in it of the row that has the list.
    #[cfg(not(feature = "small"))]
    Each(Each, Box<Postfix>),
}

/// How many elements of a list a test is to hold for.
#[cfg(not(feature = "small"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Each {
    /// One at least.
    Any,
    /// All, if there are any.
    All,
}

/// Operations on one value. On `None` all but the tests for it give `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// Boolean negation.
    Not,
    /// Arithmetic negation.
    Negate,
    /// Whether the value is absent.
    IsNone,
    /// Whether the value is present.
    IsSome,
    /// Characters of a string, bytes of bytes, as `u64`.
    Length,
    /// A string in lower case (Unicode).
    Lower,
    /// A string in upper case (Unicode).
    Upper,
    /// The year of a date, date and time or timestamp, as `i32`.
    Year,
    /// The month, 1..=12, as `u32`.
    Month,
    /// The day of the month, 1..=31, as `u32`.
    Day,
}

/// Operations on two values. Comparisons are two-valued: `None` equals `None`, orders against nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum BinaryOp {
    And,
    Or,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    /// The string on the left starts with that on the right.
    StartsWith,
    /// The string on the left ends with that on the right.
    EndsWith,
    /// The string on the left contains that on the right.
    Contains,
    /// SQL's `LIKE`: `%` any run, `_` one character, `\` makes the next one literal; case counts.
    Like,
    /// A glob: `*` any run, `?` one character, `[a-z]` one of a set, `[!a-z]` one not of it; case counts.
    Matches,
    /// The left value, or the right one where it is absent.
    OrElse,
    /// The list on the left has the element on the right. Like tests of text, those of lists are false of what is absent.
    Has,
    /// The list on the left has an element of that on the right.
    HasAny,
    /// The list on the left has all elements of that on the right.
    HasAll,
}

impl UnaryOp {
    /// Whether this build refuses it.
    #[inline]
    pub(crate) fn is_left_out(self) -> bool {
        !parts::CALCULATION && !matches!(self, UnaryOp::Not | UnaryOp::IsNone | UnaryOp::IsSome)
    }
}

impl BinaryOp {
    /// Whether this build refuses it.
    #[inline]
    pub(crate) fn is_left_out(self) -> bool {
        use BinaryOp as B;
        match self {
            B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder | B::OrElse => !parts::CALCULATION,
            B::Like | B::Matches => !parts::PATTERNS,
            B::Has | B::HasAny | B::HasAll => !parts::LISTS,
            _ => false,
        }
    }

    /// The comparison that says the same with its sides exchanged; `None` of what compares nothing.
    pub(crate) fn mirrored(self) -> Option<BinaryOp> {
        Some(match self {
            BinaryOp::Eq => BinaryOp::Eq,
            BinaryOp::Ne => BinaryOp::Ne,
            BinaryOp::Lt => BinaryOp::Gt,
            BinaryOp::Le => BinaryOp::Ge,
            BinaryOp::Gt => BinaryOp::Lt,
            BinaryOp::Ge => BinaryOp::Le,
            _ => return None,
        })
    }
}

/// Something about the records of `collection` that belong to a row.
#[derive(Clone)]
pub struct Subquery {
    /// The collection looked into.
    pub collection: fn() -> &'static CollectionSchema,
    /// How its records belong to the row.
    pub link: Link,
    /// What is asked.
    pub quantifier: Quantifier,
    /// Which of the records count; all of them when `None`.
    ///
    /// Over a relation the scope is the inner record alone, source 0. In a correlated subquery the sources of the
    /// enclosing scope keep their positions and the inner record comes after them, as the last.
    pub predicate: Option<Postfix>,
    /// A value of the record, in the scope of the predicate, and one of the row, in that of the subquery: only records whose
    /// value equals the row's count.
    pub equal: Option<InWhole<(Postfix, Postfix)>>,
}

/// How the records of a subquery belong to the row it is seen from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Link {
    /// Over the reverse side of a relation: records whose field with this ordinal points at the row.
    Reverse {
        /// The row pointed at.
        row: RowPath,
        /// The ordinal, in the inner collection, of the field that points.
        ordinal: u16,
    },
    /// All records; the predicate names outer fields. `position` is the inner record's source position.
    Correlated {
        /// The position of the inner record among the sources.
        position: u8,
    },
}

/// What is asked of a subquery's records.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantifier {
    /// Whether one of them satisfies the predicate.
    Any,
    /// Whether all of them do (true when there are none).
    All,
    /// How many of them do, as `u64`.
    Count,
    /// An aggregate over those that do. What it is of is in the scope of the predicate.
    Aggregate(InWhole<Box<AggregateItem>>, Whole),
}

impl Postfix {
    /// Whether evaluating it reads records other than the one it is evaluated on.
    pub fn reads_other_records(&self) -> bool {
        self.ops.iter().any(|op| match op {
            Op::Field(path) => path.row.hops_count() > 0,
            Op::Subquery(_) | Op::Scalar(..) | Op::InQuery(..) => true,
            _ => false,
        })
    }

    /// A field.
    pub fn field(path: FieldPath) -> Postfix {
        one(Op::Field(path))
    }

    /// A literal.
    pub fn literal(value: Scalar, ty: Type) -> Postfix {
        one(Op::Literal(value, ty))
    }

    /// All of it: in builds where expressions are packed while they are built, this makes one whole.
    #[cfg(feature = "small")]
    pub(crate) fn whole(self) -> Postfix {
        self
    }

    /// An operation on one expression.
    #[must_use]
    pub fn unary(mut self, op: UnaryOp) -> Postfix {
        self.ops.push(Op::Unary(op));
        self
    }

    /// An operation on two expressions.
    #[must_use]
    pub fn binary(mut self, op: BinaryOp, right: Postfix) -> Postfix {
        self.ops.extend(right.ops);
        self.ops.push(Op::Binary(op));
        self
    }

    /// Whether the value lies between two others, both included.
    #[must_use]
    pub fn between(mut self, low: Postfix, high: Postfix) -> Postfix {
        self.ops.extend(low.ops);
        self.ops.extend(high.ops);
        self.ops.push(Op::Between);
        self
    }

    /// Whether the value is one of the candidates.
    #[must_use]
    pub fn is_in(mut self, candidates: impl IntoIterator<Item = Postfix>) -> Postfix {
        let mut count = 0;
        for candidate in candidates {
            self.ops.extend(candidate.ops);
            count += 1;
        }
        self.ops.push(Op::In(count));
        self
    }

    /// One of two values, by a condition.
    #[must_use]
    pub fn choose(mut self, then: Postfix, otherwise: Postfix) -> Postfix {
        self.ops.extend(then.ops);
        self.ops.extend(otherwise.ops);
        self.ops.push(Op::If);
        self
    }

    /// A parameter of a compiled query.
    #[cfg(not(feature = "small"))]
    pub fn parameter(of: usize, number: u8, ty: Type) -> Postfix {
        one(Op::Parameter(of, number, ty))
    }

    /// Whether a test holds for one element of the list, or for all.
    #[cfg(not(feature = "small"))]
    #[must_use]
    pub fn each(mut self, each: Each, test: Postfix) -> Postfix {
        self.ops.push(Op::Each(each, Box::new(test)));
        self
    }

    /// What the cargo feature `small` leaves out.
    pub(crate) fn left_out(what: &'static str) -> Postfix {
        one(Op::LeftOut(what))
    }

    /// The only value of the only row of another query.
    pub fn scalar(draft: Draft) -> Postfix {
        let op = match Whole::build() {
            Some(whole) => Op::Scalar(InWhole::new(Box::new(draft.within()), whole), whole),
            None => Op::LeftOut("scalar"),
        };
        one(op)
    }

    /// Whether the value is the only one of one of the rows of another query.
    #[must_use]
    pub fn is_in_query(mut self, draft: Draft) -> Postfix {
        self.ops.push(match Whole::build() {
            Some(whole) => Op::InQuery(InWhole::new(Box::new(draft.within()), whole), whole),
            None => Op::LeftOut("in_query"),
        });
        self
    }

    /// A function of this and further arguments.
    #[must_use]
    pub fn call<const N: usize>(mut self, function: Function, others: [Postfix; N]) -> Postfix {
        for other in others {
            self.ops.extend(other.ops);
        }
        self.ops.push(Op::Call(function, N as u8 + 1));
        self
    }

    /// A key of a group.
    pub fn key(number: u16) -> Postfix {
        one(Op::Key(number))
    }

    /// An aggregate over the rows of a group.
    pub fn aggregate(item: AggregateItem) -> Postfix {
        one(Op::Aggregate(Box::new(item)))
    }

    /// A subquery.
    pub fn subquery(subquery: Subquery) -> Postfix {
        one(Op::Subquery(Box::new(subquery)))
    }
}

/// An expression of one operation.
fn one(op: Op) -> Postfix {
    // Room for what it is compared with: most expressions are one comparison.
    let mut ops = Vec::with_capacity(3);
    ops.push(op);
    Postfix { ops }
}

impl Quantifier {
    /// An aggregate over the records, unless the cargo feature `small` leaves it out.
    pub(crate) fn aggregate(item: AggregateItem) -> Option<Quantifier> {
        let whole = Whole::build()?;
        Some(Quantifier::Aggregate(InWhole::new(Box::new(item), whole), whole))
    }
}

impl PartialEq for Subquery {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq((self.collection)(), (other.collection)())
            && self.link == other.link
            && self.quantifier == other.quantifier
            && (&self.predicate, &self.equal) == (&other.predicate, &other.equal)
    }
}

impl fmt::Debug for Subquery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subquery")
            .field("collection", &(self.collection)().name)
            .field("link", &self.link)
            .field("quantifier", &self.quantifier)
            .field("predicate", &self.predicate)
            .field("equal", &self.equal)
            .finish()
    }
}
