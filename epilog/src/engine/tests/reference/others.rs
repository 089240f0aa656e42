//! Makes drafts of the same shape with other values: what a plan that is kept is run with.

use alloc::string::ToString;

use super::maker::{Maker, Random, list};
use crate::expr::{AggregateItem, Clause, Draft, Expression, Op, Quantifier, SelectItem};
use crate::value::{Scalar, Type};

impl Maker<'_> {
    /// A draft of the shape of another, of whose values most are others.
    pub(super) fn with_other_values(&mut self, draft: &Draft) -> Draft {
        let mut other = draft.clone();
        change_draft(&mut other, &mut |value, ty| change(&mut self.random, value, ty));
        other
    }
}

type Change<'c> = &'c mut dyn FnMut(&mut Scalar, Type);

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
        Type::I64 | Type::I32 => Scalar::Int(random.below(11) as i128 - 5),
        // The only ones that the reference rounds to, and pads with.
        Type::U32 if *value == Scalar::Int(0) => return,
        Type::Char => return,
        Type::U64 | Type::U32 => Scalar::Int(random.below(4) as i128),
        _ => Scalar::Int(random.below(12) as i128),
    };
}

fn change_draft(draft: &mut Draft, change: Change<'_>) {
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
            Clause::Set(other, ..) => change_draft(other, change),
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

fn change_expression(expression: &mut Expression, change: Change<'_>) {
    for op in &mut expression.ops {
        match op {
            Op::Literal(value, ty) => change(value, *ty),
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
            Op::Scalar(draft, _) | Op::InQuery(draft, _) => change_draft(draft, change),
            _ => {}
        }
    }
}
