//! [`Brief`]: the clauses of a small query, without an allocation.
//!
//! ```text
//! filter(score >= 0.5 & active).order_by(score desc).limit(10)
//!
//! parts     filter 5 | field score | value F64 | >= | field active | & | order 1 | term desc 1 | field score | limit 10
//! values    0.5
//! ```
//!
//! That is enough to tell its [shape](super::shape), and to look for its plan. Who makes a plan, or changes what was asked, takes
//! the clauses as they are everywhere else, which are made of these then.

use alloc::vec::Vec;

use super::draft::Equality;
use super::{Arguments, BinaryOp, Clause, Expression, FieldPath, Op, OrderTerm, RowPath, UnaryOp};
use crate::sync::OnceCell;
use crate::value::{Scalar, Type};

/// So many parts and values at most.
const PARTS: usize = 16;
const VALUES: usize = 4;

/// Filters, orders and limits, as long as they are small.
#[derive(Debug)]
pub struct Brief {
    parts: [Part; PARTS],
    count: u8,
    values: [Scalar; VALUES],
    values_count: u8,
    clauses: u8,
    /// The same as clauses, once that was asked for.
    whole: OnceCell<Vec<Clause>>,
}

/// What clauses are written down as: a clause, then what it is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// A condition of so many operations.
    Filter(u8),
    /// An order of so many terms.
    Order(u8),
    /// A term, of so many operations.
    Term { operations: u8, descending: bool, nulls_first: Option<bool> },
    /// The first so many rows.
    Limit(u32),
    /// All but the first so many.
    Offset(u32),
    /// A field of a source, or of what a relation leads to from there.
    Field { source: u8, ordinal: u16, hop: Option<u16> },
    /// The next of the values.
    Value(Type),
    /// The value of a parameter: whose, and which.
    Parameter { of: u32, number: u8, ty: Type },
    /// As in expressions.
    Unary(UnaryOp),
    /// As in expressions.
    Binary(BinaryOp),
    /// As in expressions.
    Between,
    /// As in expressions.
    In(u8),
}

impl Brief {
    /// No clauses.
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is to be one of its own")]
    pub const NONE: Brief = Brief {
        parts: [Part::Between; PARTS],
        count: 0,
        values: [const { Scalar::Null }; VALUES],
        values_count: 0,
        clauses: 0,
        whole: OnceCell::new(),
    };

    /// Adds a clause, of which it takes what its operations hold; false, and the clause is as it was, if it is not of this kind, or
    /// too much.
    pub(super) fn push(&mut self, clause: &mut Clause) -> bool {
        match clause {
            Clause::Filter(predicate) if self.has_room(1, predicate) => {
                self.part(Part::Filter(predicate.ops.len() as u8));
                self.operations(predicate);
            }
            Clause::Limit(count) if self.left() > 0 && u32::try_from(*count).is_ok() => {
                self.part(Part::Limit(*count as u32));
            }
            Clause::Offset(count) if self.left() > 0 && u32::try_from(*count).is_ok() => {
                self.part(Part::Offset(*count as u32));
            }
            _ => return false,
        }
        self.grown();
        true
    }

    /// Adds an order by one term, as [`push`](Brief::push) does.
    pub(super) fn push_order(&mut self, term: &mut OrderTerm) -> bool {
        let OrderTerm { expression, descending, nulls_first } = term;
        if !self.has_room(2, expression) {
            return false;
        }
        let operations = expression.ops.len() as u8;
        self.part(Part::Order(1));
        self.part(Part::Term { operations, descending: *descending, nulls_first: *nulls_first });
        self.operations(expression);
        self.grown();
        true
    }

    fn grown(&mut self) {
        self.clauses += 1;
        if self.whole.get().is_some() {
            self.whole = OnceCell::new();
        }
    }

    fn left(&self) -> usize {
        PARTS - usize::from(self.count)
    }

    /// Whether an expression can be said in parts, and there is room for it and `more`.
    fn has_room(&self, more: usize, expression: &Expression) -> bool {
        let mut values = usize::from(self.values_count);
        let is_known = |op: &Op| match op {
            Op::Field(FieldPath { row, .. }) => row.hops().len() <= 1,
            Op::Literal(..) => {
                values += 1;
                values <= VALUES
            }
            Op::Parameter(of, ..) => u32::try_from(*of).is_ok(),
            Op::Unary(_) | Op::Binary(_) | Op::Between => true,
            Op::In(count) => *count <= VALUES as u32,
            _ => false,
        };
        expression.ops.len() + more <= self.left() && expression.ops.iter().all(is_known)
    }

    fn part(&mut self, part: Part) {
        self.parts[usize::from(self.count)] = part;
        self.count += 1;
    }

    /// Adds the operations of an expression for which there is room.
    fn operations(&mut self, expression: &mut Expression) {
        for op in expression.ops.iter_mut() {
            let part = match op {
                Op::Field(FieldPath { row, ordinal }) => {
                    Part::Field { source: row.source, ordinal: *ordinal, hop: row.hops().first().copied() }
                }
                Op::Literal(value, ty) => {
                    self.values[usize::from(self.values_count)] = core::mem::replace(value, Scalar::Null);
                    self.values_count += 1;
                    Part::Value(*ty)
                }
                Op::Parameter(of, number, ty) => Part::Parameter { of: *of as u32, number: *number, ty: *ty },
                Op::Unary(op) => Part::Unary(*op),
                Op::Binary(op) => Part::Binary(*op),
                Op::Between => Part::Between,
                Op::In(count) => Part::In(*count as u8),
                _ => unreachable!("there is room for what is known only"),
            };
            self.part(part);
        }
    }

    /// How many clauses there are.
    pub(super) fn clauses_count(&self) -> usize {
        usize::from(self.clauses)
    }

    /// What they are written down as.
    pub(super) fn parts(&self) -> &[Part] {
        self.parts.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// The values, in the order written.
    pub(super) fn values(&self) -> &[Scalar] {
        self.values.get(..usize::from(self.values_count)).unwrap_or_default()
    }

    /// As [`Draft::equality`](super::Draft::equality), with the values of its parameters.
    pub(super) fn equality<'d>(&'d self, arguments: &'d Arguments) -> Option<Equality<'d>> {
        let [
            Part::Filter(_),
            Part::Field { source, ordinal, hop },
            of,
            Part::Binary(BinaryOp::Eq),
            limits @ ..,
        ] = self.parts()
        else {
            return None;
        };
        let (value, ty) = match of {
            Part::Value(ty) => (self.values().first()?, *ty),
            Part::Parameter { of, number, ty } => (arguments.get(*of as usize, *number)?, *ty),
            _ => return None,
        };
        let mut rows_max = u64::MAX;
        for part in limits {
            let Part::Limit(count) = part else { return None };
            rows_max = rows_max.min(u64::from(*count));
        }
        Some(Equality { path: path_of(*source, *ordinal, *hop), value, ty, rows_max })
    }

    /// The same as clauses.
    pub(super) fn whole(&self) -> &Vec<Clause> {
        self.whole.get_or_init(|| self.make_whole())
    }

    fn make_whole(&self) -> Vec<Clause> {
        let (mut parts, mut values) = (self.parts().iter(), self.values().iter());
        let mut expression = |parts: &mut core::slice::Iter<'_, Part>, count: u8| {
            let ops = parts.by_ref().take(usize::from(count)).map(|part| match part {
                Part::Field { source, ordinal, hop } => Op::Field(path_of(*source, *ordinal, *hop)),
                Part::Value(ty) => Op::Literal(values.next().expect("one for each").clone(), *ty),
                Part::Parameter { of, number, ty } => Op::Parameter(*of as usize, *number, *ty),
                Part::Unary(op) => Op::Unary(*op),
                Part::Binary(op) => Op::Binary(*op),
                Part::Between => Op::Between,
                Part::In(count) => Op::In(u32::from(*count)),
                _ => unreachable!("a clause ends before the next begins"),
            });
            Expression { ops: ops.collect::<Vec<Op>>().into() }
        };
        let mut clauses = Vec::with_capacity(self.clauses_count() + 1);
        while let Some(part) = parts.next() {
            clauses.push(match part {
                Part::Filter(count) => Clause::Filter(expression(&mut parts, *count)),
                Part::Limit(count) => Clause::Limit(u64::from(*count)),
                Part::Offset(count) => Clause::Offset(u64::from(*count)),
                Part::Order(_) => {
                    let Some(Part::Term { operations, descending, nulls_first }) = parts.next() else {
                        unreachable!("an order has a term")
                    };
                    let expression = expression(&mut parts, *operations);
                    let term = OrderTerm { expression, descending: *descending, nulls_first: *nulls_first };
                    Clause::Order(Vec::from([term]))
                }
                _ => unreachable!("what is about a clause follows it"),
            });
        }
        clauses
    }
}

/// A field of a source, or of what a relation leads to from there.
fn path_of(source: u8, ordinal: u16, hop: Option<u16>) -> FieldPath {
    let source = RowPath::source(source);
    FieldPath { row: hop.map_or(source, |hop| source.hop(hop)), ordinal }
}

impl Clone for Brief {
    fn clone(&self) -> Brief {
        Brief { values: self.values.clone(), whole: OnceCell::new(), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{Clauses, Terms};

    fn field(ordinal: u16) -> Expression {
        Expression::field(FieldPath { row: RowPath::source(0), ordinal })
    }

    fn number(value: i128) -> Expression {
        Expression::literal(Scalar::Int(value), Type::I64)
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
            Clause::Filter(Expression::field(near).unary(UnaryOp::IsNone)),
            Clause::Filter(Expression::field(far).unary(UnaryOp::IsNone)),
            Clause::Filter(Expression::parameter(3, 0, Type::I64).binary(BinaryOp::Eq, field(1))),
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
                    terms.push(term(4));
                    clauses.push_order(terms);
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

    #[test]
    fn orders_by_several_terms_are_whole() {
        let term = |ordinal| OrderTerm { expression: field(ordinal), descending: false, nulls_first: None };
        let mut clauses = Clauses::NONE;
        let mut terms = Terms::default();
        terms.push(term(1));
        terms.push(term(2));
        clauses.push_order(terms);
        assert_eq!(clauses, [Clause::Order(Vec::from([term(1), term(2)]))]);
        assert!(clauses.brief().is_none());
    }
}
