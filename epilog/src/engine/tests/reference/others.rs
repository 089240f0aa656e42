//! Makes drafts of the same shape with other values: what a plan that is kept is run with.

use alloc::string::ToString;

use super::maker::{Maker, Random, list};
use super::schemas::value_of;
use crate::expr::{
    AggregateItem, Arguments, Clause, Draft, Op, Postfix, Prepared, Quantifier, SelectItem, Tail,
};
use crate::value::{Scalar, Type};

impl Maker<'_> {
    /// A draft of the shape of another, of whose values most are others.
    pub(super) fn with_other_values(&mut self, draft: &Draft) -> Draft {
        let mut other = draft.clone();
        change_ops(&mut other, &mut |op| {
            if let Op::Literal(value, ty) = op {
                change(&mut self.random, value, *ty);
            }
        });
        let (_, tail) = Tail::of(&other.clauses);
        let end = other.clauses.len() - tail;
        for clause in &mut other.clauses[end..] {
            if let Clause::Limit(count @ 2..=8) | Clause::Offset(count @ 2..=8) = clause {
                *count = 2 + self.random.below(7) as u64;
            }
        }
        other
    }
}

/// The same query with arguments instead of its first values, as a compiled one has them.
pub(super) fn compiled(draft: &Draft) -> Draft {
    const OF: usize = 7;
    let mut compiled = draft.clone();
    let mut arguments = Arguments::of(OF);
    let mut count = 0;
    change_ops(&mut compiled, &mut |op| {
        if let Op::Literal(value, ty) = op
            && count < 8
        {
            arguments.push(value.clone());
            *op = Op::Parameter(OF, count, *ty);
            count += 1;
        }
    });
    // What is small comes out as the query that is built with its values.
    Prepared::new(compiled, OF).with(arguments)
}

type Change<'c> = &'c mut dyn FnMut(&mut Op);

fn change(random: &mut Random, value: &mut Scalar, ty: Type) {
    if value.is_null() || random.below(3) == 0 {
        return;
    }
    *value = match ty {
        Type::String => Scalar::String(
            random.pick(&["", "a", "ab", "b", "Ä", "b4", "Ä6", "zz", "%", "a%", "*b"]).to_string(),
        ),
        Type::Bool => Scalar::Bool(random.below(2) == 0),
        Type::F64 => Scalar::Float(*random.pick(&[-1.5, -0.0, 0.0, 2.0, f64::NAN])),
        _ if ty.is_list() => list(random, ty),
        _ if ty.is_json() => Scalar::String(random.pick(&super::json::VALUES).to_string()),
        Type::I64 | Type::I32 => Scalar::Int(random.below(11) as i128 - 5),
        // The only ones that the reference rounds to, and pads with.
        Type::U32 if *value == Scalar::Int(0) => return,
        Type::Char => return,
        Type::U64 | Type::U32 => Scalar::Int(random.below(4) as i128),
        Type::Id => Scalar::Int(random.below(12) as i128),
        _ => value_of(random, ty),
    };
}

fn change_ops(draft: &mut Draft, change: Change<'_>) {
    for clause in &mut draft.clauses {
        match clause {
            Clause::Join { on: expression, .. } | Clause::Filter(expression) => {
                change_expression(expression, change);
            }
            Clause::Order(terms) => {
                terms.iter_mut().for_each(|term| change_expression(&mut term.expression, change));
            }
            Clause::Select(items) => {
                for item in items {
                    if let SelectItem::Value(value) = item {
                        change_expression(value, change);
                    }
                }
            }
            Clause::Grouping(keys) => keys.iter_mut().for_each(|key| change_expression(key, change)),
            Clause::LimitPer(keys, ..) => keys.iter_mut().for_each(|key| change_expression(key, change)),
            Clause::Set(other, ..) => change_ops(other, change),
            Clause::JoinQuery(joined, ..) => {
                change_ops(&mut joined.0, change);
                change_expression(&mut joined.1, change);
            }
            Clause::Recursive(recursion, _) => change_ops(&mut recursion.step, change),
            Clause::Window(items, _) => {
                for item in items.iter_mut() {
                    let order = item.order.iter_mut().map(|term| &mut term.expression);
                    let parts = item.argument.iter_mut().chain(&mut item.partition).chain(order);
                    parts.for_each(|part| change_expression(part, change));
                }
            }
            _ => {}
        }
    }
}

fn change_item(item: &mut AggregateItem, change: Change<'_>) {
    item.argument.iter_mut().chain(&mut item.filter).for_each(|part| change_expression(part, change));
}

fn change_expression(expression: &mut Postfix, change: Change<'_>) {
    for op in &mut expression.ops {
        match op {
            Op::Literal(..) => change(op),
            Op::Subquery(subquery) => {
                if let Quantifier::Aggregate(item, _) = &mut subquery.quantifier {
                    change_item(item, change);
                }
                subquery.predicate.iter_mut().for_each(|part| change_expression(part, change));
                if let Some(equal) = &mut subquery.equal {
                    change_expression(&mut equal.0, change);
                    change_expression(&mut equal.1, change);
                }
            }
            Op::Aggregate(item) => change_item(item, change),
            #[cfg(not(feature = "small"))]
            Op::Each(_, test) => change_expression(test, change),
            Op::Scalar(draft, _) | Op::InQuery(draft, _) => change_ops(draft, change),
            _ => {}
        }
    }
}
