//! [`Expr`]: a typed, checked expression over the slots of a plan.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Literal;
#[cfg(not(feature = "small"))]
use crate::expr::op::Each;
use crate::expr::{BinaryOp, Function, UnaryOp};
use crate::parts::Whole;
use crate::value::{Scalar, Type};

/// A place for a record in the rows of a plan: its number in [`LogicalPlan::slots`](super::LogicalPlan::slots).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slot(pub u16);

/// A value that an operator adds to the rows of a plan: its number in
/// [`LogicalPlan::computed`](super::LogicalPlan::computed).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Computed(pub u16);

/// A typed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it does.
    pub kind: ExprKind,
    /// The type of its values.
    pub ty: Type,
    /// Whether a value may be absent.
    pub nullable: bool,
}

/// What an expression does.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A field of the record in a slot, by position in its catalog entry.
    Field(Slot, u16),
    /// A value that an operator below has made.
    Computed(Computed),
    /// The same value for every row.
    Literal(Literal),
    /// An operation on one value.
    Unary(UnaryOp, Box<Expr>),
    /// An operation on two values.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// Whether the first lies between the other two, both included.
    Between(Box<[Expr; 3]>),
    /// Whether a value is one of several.
    In(Box<Expr>, Vec<Expr>),
    /// A condition, the value where it holds, and the value where it does not, or is absent.
    If(Box<[Expr; 3]>, Whole),
    /// A function of these arguments, of which there is one at least.
    Call(Function, Vec<Expr>, Whole),
    /// Whether the second holds for one element of the list that is the first, or for all.
    #[cfg(not(feature = "small"))]
    Each(Each, Box<[Expr; 2]>),
    /// The element that the test of an [`Each`](ExprKind::Each) is of.
    #[cfg(not(feature = "small"))]
    Element,
}

impl Expr {
    /// A field.
    pub fn field(slot: Slot, position: u16, ty: Type, nullable: bool) -> Expr {
        Expr { kind: ExprKind::Field(slot, position), ty, nullable }
    }

    /// A computed value.
    pub fn computed(computed: Computed, ty: Type, nullable: bool) -> Expr {
        Expr { kind: ExprKind::Computed(computed), ty, nullable }
    }

    /// A literal.
    pub fn literal(value: Scalar, ty: Type) -> Expr {
        let nullable = value.is_null();
        Expr { kind: ExprKind::Literal(Literal::constant(value)), ty, nullable }
    }

    /// `true` or `false`.
    pub fn bool(value: bool) -> Expr {
        Expr::literal(Scalar::Bool(value), Type::Bool)
    }

    /// A required boolean.
    pub fn test(kind: ExprKind) -> Expr {
        Expr { kind, ty: Type::Bool, nullable: false }
    }

    /// A comparison, or another operation on two values that makes a required boolean.
    pub fn binary_test(op: BinaryOp, left: Expr, right: Expr) -> Expr {
        Expr::test(ExprKind::Binary(op, Box::new(left), Box::new(right)))
    }

    /// The negation of a boolean.
    #[must_use]
    pub fn negated(self) -> Expr {
        let nullable = self.nullable;
        Expr { kind: ExprKind::Unary(UnaryOp::Not, Box::new(self)), ty: Type::Bool, nullable }
    }

    /// The value of the literal this is. The plan that is being made is for this value from here on: see [`Literal`].
    pub fn as_literal(&self) -> Option<&Scalar> {
        self.literal_itself().map(Literal::value)
    }

    /// As [`as_literal`](Expr::as_literal), for who would make as right a plan of any other value: see [`Literal::peek`].
    pub fn peek_literal(&self) -> Option<&Scalar> {
        self.literal_itself().map(Literal::peek)
    }

    /// Whether this is a literal, whatever its value.
    pub fn is_literal(&self) -> bool {
        matches!(self.kind, ExprKind::Literal(_))
    }

    /// Whether this is the absent value.
    pub fn is_null(&self) -> bool {
        self.literal_itself().is_some_and(Literal::is_null)
    }

    /// The literal this is.
    pub fn literal_itself(&self) -> Option<&Literal> {
        match &self.kind {
            ExprKind::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// The field this is.
    pub fn as_field(&self) -> Option<(Slot, u16)> {
        match self.kind {
            ExprKind::Field(slot, position) => Some((slot, position)),
            _ => None,
        }
    }

    /// The parts of an expression.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Field(..) | ExprKind::Computed(_) | ExprKind::Literal(_) => Vec::new(),
            ExprKind::Unary(_, operand) => Vec::from([&**operand]),
            ExprKind::Binary(_, left, right) => Vec::from([&**left, &**right]),
            ExprKind::Between(parts) | ExprKind::If(parts, _) => parts.iter().collect(),
            ExprKind::In(value, candidates) => core::iter::once(&**value).chain(candidates).collect(),
            ExprKind::Call(_, arguments, _) => arguments.iter().collect(),
            #[cfg(not(feature = "small"))]
            ExprKind::Each(_, parts) => parts.iter().collect(),
            #[cfg(not(feature = "small"))]
            ExprKind::Element => Vec::new(),
        }
    }

    /// Calls `each` for this expression and all its parts.
    pub fn visit<'e>(&'e self, each: &mut dyn FnMut(&'e Expr)) {
        each(self);
        match &self.kind {
            ExprKind::Field(..) | ExprKind::Computed(_) | ExprKind::Literal(_) => {}
            ExprKind::Unary(_, operand) => operand.visit(each),
            ExprKind::Binary(_, left, right) => {
                left.visit(each);
                right.visit(each);
            }
            ExprKind::Between(parts) | ExprKind::If(parts, _) => {
                parts.iter().for_each(|part| part.visit(each));
            }
            ExprKind::In(value, candidates) => {
                value.visit(each);
                candidates.iter().for_each(|candidate| candidate.visit(each));
            }
            ExprKind::Call(_, arguments, _) => arguments.iter().for_each(|argument| argument.visit(each)),
            #[cfg(not(feature = "small"))]
            ExprKind::Each(_, parts) => parts.iter().for_each(|part| part.visit(each)),
            #[cfg(not(feature = "small"))]
            ExprKind::Element => {}
        }
    }

    /// Calls `each` for the literals among its parts.
    #[cfg(not(feature = "small"))]
    #[inline]
    pub fn visit_literals(&mut self, each: &mut dyn FnMut(&mut Literal)) {
        match &mut self.kind {
            ExprKind::Field(..) | ExprKind::Computed(_) | ExprKind::Element => {}
            ExprKind::Literal(literal) => each(literal),
            _ => self.visit_literals_within(each),
        }
    }

    #[cfg(not(feature = "small"))]
    fn visit_literals_within(&mut self, each: &mut dyn FnMut(&mut Literal)) {
        match &mut self.kind {
            ExprKind::Field(..) | ExprKind::Computed(_) | ExprKind::Element | ExprKind::Literal(_) => {}
            ExprKind::Each(_, parts) => parts.iter_mut().for_each(|part| part.visit_literals(each)),
            ExprKind::Unary(_, operand) => operand.visit_literals(each),
            ExprKind::Binary(_, left, right) => {
                left.visit_literals(each);
                right.visit_literals(each);
            }
            ExprKind::Between(parts) | ExprKind::If(parts, _) => {
                parts.iter_mut().for_each(|part| part.visit_literals(each));
            }
            ExprKind::In(value, candidates) => {
                value.visit_literals(each);
                candidates.iter_mut().for_each(|candidate| candidate.visit_literals(each));
            }
            ExprKind::Call(_, arguments, _) => {
                arguments.iter_mut().for_each(|argument| argument.visit_literals(each));
            }
        }
    }

    /// Replaces every part, innermost first, and then the whole, by what `each` makes of it.
    #[must_use]
    pub fn map(mut self, each: &mut dyn FnMut(Expr) -> Expr) -> Expr {
        self.kind = match self.kind {
            kind @ (ExprKind::Field(..) | ExprKind::Computed(_) | ExprKind::Literal(_)) => kind,
            ExprKind::Unary(op, operand) => ExprKind::Unary(op, Box::new(operand.map(each))),
            ExprKind::Binary(op, left, right) => {
                ExprKind::Binary(op, Box::new(left.map(each)), Box::new(right.map(each)))
            }
            ExprKind::Between(parts) => ExprKind::Between(Box::new(parts.map(|part| part.map(each)))),
            ExprKind::If(parts, whole) => ExprKind::If(Box::new(parts.map(|part| part.map(each))), whole),
            ExprKind::In(value, candidates) => {
                let value = Box::new(value.map(each));
                ExprKind::In(value, candidates.into_iter().map(|candidate| candidate.map(each)).collect())
            }
            ExprKind::Call(function, arguments, whole) => {
                let arguments = arguments.into_iter().map(|argument| argument.map(each));
                ExprKind::Call(function, arguments.collect(), whole)
            }
            #[cfg(not(feature = "small"))]
            ExprKind::Each(quantifier, parts) => {
                ExprKind::Each(quantifier, Box::new(parts.map(|part| part.map(each))))
            }
            #[cfg(not(feature = "small"))]
            ExprKind::Element => ExprKind::Element,
        };
        each(self)
    }

    /// The slots it reads, each once.
    pub fn slots(&self) -> Vec<Slot> {
        let mut slots = Vec::new();
        self.visit(&mut |expr| {
            if let ExprKind::Field(slot, _) = expr.kind
                && !slots.contains(&slot)
            {
                slots.push(slot);
            }
        });
        slots
    }

    /// The computed values it reads, each once.
    pub fn computed_values(&self) -> Vec<Computed> {
        let mut values = Vec::new();
        self.visit(&mut |expr| {
            if let ExprKind::Computed(computed) = expr.kind
                && !values.contains(&computed)
            {
                values.push(computed);
            }
        });
        values
    }

    /// Whether there are values that it has no result for.
    pub fn may_fault(&self) -> bool {
        let mut faulty = false;
        self.visit(&mut |part| {
            let calculates = match &part.kind {
                ExprKind::Unary(op, _) => *op == UnaryOp::Negate,
                ExprKind::Call(function, arguments, _) => {
                    faulty |= function.signature(&types(arguments)).is_none_or(|signature| signature.faulty);
                    false
                }
                ExprKind::Binary(op, ..) => matches!(
                    op,
                    BinaryOp::Add
                        | BinaryOp::Subtract
                        | BinaryOp::Multiply
                        | BinaryOp::Divide
                        | BinaryOp::Remainder
                ),
                _ => false,
            };
            faulty |= calculates && !matches!(part.ty, Type::F32 | Type::F64);
        });
        faulty
    }

    /// Whether it has a value, or none, for every row: neither it nor a value that it reads, which an operator below has made,
    /// may be a fault.
    pub fn is_sure(&self) -> bool {
        !self.may_fault() && self.computed_values().is_empty()
    }

    /// Appends the conjuncts of a boolean: the operands of its `And`s.
    pub fn split_conjuncts(self, out: &mut Vec<Expr>) {
        match self.kind {
            ExprKind::Binary(BinaryOp::And, left, right) => {
                left.split_conjuncts(out);
                right.split_conjuncts(out);
            }
            _ => out.push(self),
        }
    }
}

/// The types of expressions.
pub(super) fn types(exprs: &[Expr]) -> Vec<Type> {
    exprs.iter().map(|expr| expr.ty).collect()
}
