//! What compares a value of nested records with another is asked of the least or the greatest of them.
//!
//! ```text
//! before                                                after
//! subquery any Invoice                                  subquery any Invoice
//!   pairs: filter [any Line]                              pairs: filter [min(Line.price)] < least
//!     subquery any Line on Line.invoice = Invoice.id        subquery aggregate min(Line.price) on Line.invoice = Invoice.id
//!       pairs: filter Line.price < least                      pairs
//!       pairs                                               pairs
//!   scan Customer                                         scan Customer
//! ```
//!
//! *One of them is less* is *the least of them is less*: values are in one order, a `NaN` too, what is absent compares with nothing and is
//! never the least, and of no records there is none. So the nested subquery asks nothing of the row, and can be joined. This is not kept
//! where it is not: a single record is enough for *any*.
//!
//! Must not be made of more than one comparison (the least may fail one and another record none), nor of what links the two otherwise than by
//! a value of either.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::engine::logical::{AggregateTerm, Asked, Computed, Expr, ExprKind, Inner, Node, Subquery};
use crate::engine::planted::{self, Bug};
use crate::expr::{AggregateFunction, BinaryOp};
use crate::parts::Whole;

/// What a nested subquery compares.
pub(super) struct Compared<'n> {
    /// `Min` or `Max`.
    pub(super) end: AggregateFunction,
    /// The value of its records.
    pub(super) value: &'n Expr,
    op: BinaryOp,
    /// What it is compared with.
    pub(super) with: &'n Expr,
}

impl<'n> Compared<'n> {
    /// The comparison that is all that a nested subquery asks of its pairs, where the answer is read by filters alone.
    pub(super) fn of(subquery: &Subquery, nested: &'n Subquery) -> Option<Compared<'n>> {
        let Node::Filter(filter) = &*nested.pairs else { return None };
        let [predicate] = filter.predicates.as_slice() else { return None };
        let reads_answer = |expr: &Expr| expr.computed_values().contains(&nested.output);
        if nested.asked != Asked::Any
            || *filter.input != Node::Pairs
            || subquery.asked.expressions().any(reads_answer)
        {
            return None;
        }
        let ExprKind::Binary(op, left, right) = &predicate.kind else { return None };
        let own = Inner::of(&nested.inner);
        let is_own = |expr: &Expr| !expr.slots().is_empty() && own.has_all_of(expr);
        let (value, with, op) = match (is_own(left), is_own(right)) {
            (true, false) => (left, right, *op),
            (false, true) => (right, left, op.mirrored()?),
            _ => return None,
        };
        let end = match op {
            BinaryOp::Lt | BinaryOp::Le if !planted::is(Bug::OtherEndCompared) => AggregateFunction::Min,
            BinaryOp::Lt | BinaryOp::Le => AggregateFunction::Max,
            BinaryOp::Gt | BinaryOp::Ge => AggregateFunction::Max,
            _ => return None,
        };
        own.has_none_of(with).then_some(Compared { end, value, op, with })
    }

    /// What that end of values called so is called.
    pub(super) fn named(&self, value: &str) -> String {
        let end = if self.end == AggregateFunction::Min { "min" } else { "max" };
        format!("{end}({value})")
    }

    /// The stages of pairs with that end of the nested records, which is called `output`, in place of the nested subquery at place `at`.
    pub(super) fn asked_of_end(
        &self,
        chain: &[Node],
        at: usize,
        output: Computed,
        whole: Whole,
    ) -> Vec<Node> {
        let mut chain = chain.to_vec();
        let Node::Subquery(nested) = &mut chain[at] else { unreachable!("a subquery is there") };
        let answer = core::mem::replace(&mut nested.output, output);
        *nested.pairs = Node::Pairs;
        let (function, argument) = (self.end.clone(), Some(self.value.clone()));
        let term = AggregateTerm { function, argument, filter: None, output };
        nested.asked = Asked::Aggregate(Box::new(term), whole);
        let end = Expr::computed(output, self.value.ty, true);
        let test = Expr::binary_test(self.op, end, self.with.clone());
        for node in &mut chain {
            node.map_expressions(&mut |expr| {
                expr.map(&mut |part| {
                    if part.kind == ExprKind::Computed(answer) { test.clone() } else { part }
                })
            });
        }
        chain
    }
}
