//! [`Inner`]: what the rows of a node have.

use alloc::vec::Vec;

use super::{AggregateTerm, Computed, Expr, Node, Slot};
use crate::expr::{AggregateFunction, SetKind};

/// What one side of a join or a subquery has.
pub struct Inner {
    /// Its slots.
    pub slots: Vec<Slot>,
    /// Its values.
    pub computed: Vec<Computed>,
    /// Of the values, those that are none of arithmetic that may have no result: the keys of groups, which are none without,
    /// what is least, greatest or counted of such, and what is passed on.
    pub sure: Vec<Computed>,
}

impl Inner {
    /// What the rows of `node` have.
    pub fn of(node: &Node) -> Inner {
        let mut inner = Inner { slots: Vec::new(), computed: Vec::new(), sure: Vec::new() };
        node.slots(&mut inner.slots);
        node.computed(&mut inner.computed);
        let mut of_others: Vec<&Node> = Vec::new();
        node.visit(&mut |node| match node {
            Node::Aggregate(aggregate) => {
                inner.sure.extend(aggregate.keys().iter().map(|key| key.output));
                of_others.push(node);
            }
            Node::Set(set) if set.kind != SetKind::UnionAll => {
                inner.sure.extend(set.columns.iter().map(|column| column.output));
            }
            // What tells their rows apart has a value, or none.
            Node::Recursive(recursive) => {
                inner.sure.extend(recursive.columns.iter().map(|column| column.output));
            }
            Node::Previous(previous) => inner.sure.extend(previous.columns.iter().copied()),
            Node::Shared(_) | Node::Set(_) => of_others.push(node),
            _ => {}
        });
        // Those beneath come first.
        for node in of_others.into_iter().rev() {
            let sure: Vec<Computed> = match node {
                Node::Aggregate(aggregate) => {
                    let items = aggregate.items.iter().filter(|item| inner.is_sure_of(item));
                    items.map(|item| item.output).collect()
                }
                Node::Shared(shared) => {
                    let columns = shared.columns.iter().filter(|column| inner.is_sure(&column.expr));
                    columns.map(|column| column.output).collect()
                }
                Node::Set(set) => {
                    let columns = set.columns.iter();
                    let columns =
                        columns.filter(|column| inner.is_sure(&column.left) && inner.is_sure(&column.right));
                    columns.map(|column| column.output).collect()
                }
                _ => continue,
            };
            inner.sure.extend(sure);
        }
        inner
    }

    /// Whether an expression has a value, or none, for every row.
    pub fn is_sure(&self, expr: &Expr) -> bool {
        !expr.may_fault() && expr.computed_values().iter().all(|value| self.sure.contains(value))
    }

    /// Whether an aggregate has a value, or none, for every group: one that calculates nothing, of what is sure.
    fn is_sure_of(&self, item: &AggregateTerm) -> bool {
        use AggregateFunction::{Count, Max, Min};
        matches!(item.function, Min | Max | Count)
            && item.argument.iter().chain(&item.filter).all(|expr| self.is_sure(expr))
    }

    /// Whether an expression reads nothing else.
    pub fn has_all_of(&self, expr: &Expr) -> bool {
        expr.slots().iter().all(|slot| self.slots.contains(slot))
            && expr.computed_values().iter().all(|value| self.computed.contains(value))
    }

    /// Whether an expression reads nothing of it.
    pub fn has_none_of(&self, expr: &Expr) -> bool {
        !expr.slots().iter().any(|slot| self.slots.contains(slot))
            && !expr.computed_values().iter().any(|value| self.computed.contains(value))
    }
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;

    use super::*;
    use crate::engine::logical::{Aggregate, ExprKind, Scan};
    use crate::expr::BinaryOp;
    use crate::value::Type;

    #[test]
    fn the_least_of_what_has_a_value_has_one() {
        use AggregateFunction::{Count, Max, Min, Sum};
        let field = || Expr::field(Slot(0), 0, Type::I64, false);
        let added = || {
            let kind = ExprKind::Binary(BinaryOp::Add, Box::new(field()), Box::new(field()));
            Expr { kind, ty: Type::I64, nullable: false }
        };
        let made = |number| Expr::computed(Computed(number), Type::I64, true);
        let asked = Expr::binary_test(BinaryOp::Eq, added(), field());
        let aggregate = |input, from: u16, items: Vec<(AggregateFunction, Option<Expr>, Option<Expr>)>| {
            let items = items.into_iter().zip(from..).map(|((function, argument, filter), number)| {
                AggregateTerm { function, argument, filter, output: Computed(number) }
            });
            let items = items.collect();
            Node::Aggregate(Aggregate { input: Box::new(input), keys: Vec::new(), items })
        };
        let first = Vec::from([
            (Min, Some(field()), None),
            (Max, Some(added()), None),
            (Count, None, Some(asked)),
            (Sum, Some(field()), None),
            (Count, None, None),
        ]);
        let below = aggregate(Node::Scan(Scan { slot: Slot(0) }), 0, first);
        let second = (0..5).map(|number| (Max, Some(made(number)), None)).collect();
        let inner = Inner::of(&aggregate(below, 5, second));
        let sure: Vec<u16> = (0..10).filter(|number| inner.is_sure(&made(*number))).collect();
        assert_eq!(sure, [0, 4, 5, 9]);
    }
}
