//! What can be asked of the reverse side of a relation: `any`, `all`, `none`, `count`.

use super::{Condition, Inner, Predicate, Scope};
use crate::collection::{Collection, Expr, Many};
use crate::expr::{BinaryOp, Expression as Node, Quantifier, UnaryOp};

impl<S, C: Collection> Many<S, C> {
    /// Only those of the records that the predicate is true of.
    pub fn filter(mut self, predicate: impl Condition<Inner<S, C>>) -> Many<S, C> {
        self.restrict(predicate(Inner::<S, C>::rows()).into_expression());
        self
    }

    /// Whether the predicate is true of at least one of the records.
    pub fn any(self, predicate: impl Condition<Inner<S, C>>) -> Expr<S, bool> {
        Expr::new(self.filter(predicate).ask(Quantifier::Any))
    }

    /// Whether the predicate is true of each of the records; so it is when there are none.
    pub fn all(mut self, predicate: impl Condition<Inner<S, C>>) -> Expr<S, bool> {
        let predicate = predicate(Inner::<S, C>::rows()).into_expression();
        // Over the filtered records: each either fails the filter or satisfies the predicate.
        let predicate = match self.take_filter() {
            Some(filter) => filter.unary(UnaryOp::Not).binary(BinaryOp::Or, predicate),
            None => predicate,
        };
        self.restrict(predicate);
        Expr::new(self.ask(Quantifier::All))
    }

    /// Whether the predicate is true of none of the records.
    pub fn none(self, predicate: impl Condition<Inner<S, C>>) -> Expr<S, bool> {
        Expr::new(self.filter(predicate).ask(Quantifier::Any).unary(UnaryOp::Not))
    }

    /// How many records there are.
    pub fn count(self) -> Expr<S, u64> {
        Expr::new(self.ask(Quantifier::Count))
    }

    /// Whether there are no records.
    pub fn is_empty(self) -> Expr<S, bool> {
        Expr::new(self.ask(Quantifier::Any).unary(UnaryOp::Not))
    }

    fn ask(self, quantifier: Quantifier) -> Node {
        Node::subquery(self.into_subquery(C::schema, quantifier))
    }
}
