//! [`Question`]: what a subquery asks of the answer of one within it.

use alloc::vec::Vec;

use super::super::fold_constants::folded_with;
use super::Nesting;
use crate::engine::logical::{AggregateTerm, Asked, Computed, Expr, ExprKind, Inner, Node, Subquery};
use crate::engine::planted::{self, Bug};
use crate::expr::{AggregateFunction, BinaryOp, UnaryOp};
use crate::value::{Scalar, Type};

/// What is asked of the answer of a nested subquery.
pub(super) struct Question {
    pub(super) answer: Computed,
    /// What must hold of the answer of the records that are joined; nothing where there must be some.
    pub(super) test: Option<Expr>,
    /// Whether what is asked holds where there are no records: `test` is then what must not hold.
    pub(super) of_none: bool,
}

impl Question {
    /// What is asked of the nested subquery in the stages of pairs of the other; `None` where it is asked elsewhere, where what its
    /// records make of groups may be another value or none, and where it is not known what it means that there are none.
    pub(super) fn of(nesting: &Nesting<'_>) -> Option<Question> {
        let Nesting { subquery, nested, chain, read, .. } = *nesting;
        let answer = nested.output;
        let none = of_no_records(nested, nesting.compared.is_some())?;
        let reads = |expr: &&Expr| expr.computed_values().contains(&answer);
        let filters = chain.iter().filter_map(|node| match node {
            Node::Filter(filter) => Some(&filter.predicates),
            _ => None,
        });
        let tests: Vec<&Expr> = filters.flatten().filter(reads).collect();
        let values: Vec<&Expr> = subquery.asked.expressions().filter(reads).collect();
        if tests.len() + values.len() != read.iter().filter(|read| **read == answer).count() {
            return None;
        }
        let and = |left, right| Expr::binary_test(BinaryOp::And, left, right);
        let Some(test) = tests.into_iter().cloned().reduce(and) else {
            // Nothing is added to a sum by what has no records.
            let is_added = match &subquery.asked {
                Asked::Aggregate(term, _) => {
                    let argument = term.argument.as_ref().map(|expr| &expr.kind);
                    term.function == AggregateFunction::Sum
                        && argument == Some(&ExprKind::Computed(answer))
                        && term.filter.is_none()
                }
                _ => false,
            };
            // What is asked of pairs beside may have no result, of a sum then.
            let has_others = chain.len() > 1;
            return (is_added && none == Scalar::Int(0) && !has_others).then_some(Question {
                answer,
                test: None,
                of_none: false,
            });
        };
        let (row, inner) = (Inner::of(&subquery.input), Inner::of(&subquery.inner));
        let is_known =
            |value: &Computed| *value == answer || row.sure.contains(value) || inner.sure.contains(value);
        if test.may_fault() || !test.computed_values().iter().all(is_known) {
            return None;
        }
        let folded = folded_with(&test, answer, &none);
        let of_none = match folded.as_literal()? {
            Scalar::Bool(holds) => *holds && !planted::is(Bug::HoldsOfNoneForgotten),
            _ => false,
        };
        if of_none && (!values.is_empty() || matches!(subquery.asked, Asked::Aggregate(..))) {
            return None;
        }
        let test = if of_none { negated(test) } else { test };
        match &nested.asked {
            // There are some.
            Asked::Any if test.kind == ExprKind::Computed(answer) && values.is_empty() => {
                Some(Question { answer, test: None, of_none })
            }
            Asked::Any => None,
            _ => Some(Question { answer, test: Some(test), of_none }),
        }
    }

    /// Whether an expression reads the answer.
    pub(super) fn is_about(&self, expr: &Expr) -> bool {
        expr.computed_values().contains(&self.answer)
    }
}

fn negated(test: Expr) -> Expr {
    match test.kind {
        ExprKind::Unary(UnaryOp::Not, operand) if !operand.nullable => *operand,
        _ => test.negated(),
    }
}

/// What a subquery answers where there are no records, if what it makes of records is that of them as a group. Which of equal values
/// it is does not matter to one that is compared.
fn of_no_records(nested: &Subquery, is_compared: bool) -> Option<Scalar> {
    use AggregateFunction::{Avg, Count, CountDistinct, Max, Min, Sum};
    let term = match &nested.asked {
        Asked::Any => return Some(Scalar::Bool(false)),
        Asked::Count => return Some(Scalar::Int(0)),
        Asked::Aggregate(term, _) => &**term,
    };
    let own = Inner::of(&nested.inner);
    let is_own = |expr: &Expr| own.has_all_of(expr) && own.is_sure(expr);
    if term.sees_order() && !is_compared || !term.argument.iter().chain(&term.filter).all(is_own) {
        return None;
    }
    match term.function {
        Count | CountDistinct => Some(Scalar::Int(0)),
        Sum if is_narrow(term) => Some(Scalar::Int(0)),
        Avg if is_narrow(term) => Some(Scalar::Null),
        Min | Max => Some(Scalar::Null),
        _ => None,
    }
}

/// Whether there is room for sums of as many values as there may be records: a group that no row asks for has one too.
fn is_narrow(term: &AggregateTerm) -> bool {
    let ty = term.argument.as_ref().map(|argument| argument.ty);
    matches!(ty, Some(Type::I8 | Type::I16 | Type::I32 | Type::U8 | Type::U16 | Type::U32))
}
