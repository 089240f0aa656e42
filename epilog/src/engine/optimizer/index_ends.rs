//! The least and the greatest value of a field are those of the first and the last record in its order, of which an index
//! finds either at once.
//!
//! ```text
//! before                                    after
//! aggregate min released, max released      aggregate min released, max released
//!   filter artist = 7                         union all
//!     scan Album                                top 1 by released
//!                                                 filter artist = 7 & is_some(released)
//!                                                   scan Album
//!                                                 top 1 by released desc
//!                                                   filter artist = 7
//!                                                     scan Album
//! ```
//!
//! One aggregate alone needs no union. The rows that are left are some of those there were, with the least of them and the
//! greatest, so that whatever is aggregated of them is the same. An absent value comes last where the greatest comes first, and
//! is left out where the least does.
//!
//! Must not fire where an index does not give that record at once: when a predicate is left that is neither an equality of one
//! of the fields before the aggregate's in the index, nor about that field itself. Nor when anything but extremes of
//! fields is asked of all rows together: then these are read anyway.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{
    Aggregate, AggregateTerm, Computed, ComputedDef, Expr, ExprKind, LogicalPlan, Names, Node, Scan, Set,
    SetColumn, Slot, SlotDef, Sort, SortTerm, Window,
};
use crate::engine::planted::{self, Bug};
use crate::expr::{AggregateFunction, BinaryOp, SetKind, UnaryOp};
use crate::parts::{InWhole, Whole};
use crate::schema::CollectionDef;
#[cfg(not(feature = "small"))]
use crate::schema::condition::{Condition, ConditionTest};
#[cfg(not(feature = "small"))]
use crate::value::Scalar;

pub(super) const RULE: Rule = Rule { name: "index_ends", of: Kinds::AGGREGATE, apply: Apply::Alone(apply) };

/// The ends of more fields than these are not looked for one by one.
const ENDS_MAX: usize = 8;

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    let Some(whole) = Whole::build() else { return plan };
    let LogicalPlan { slots, computed, root } = &mut plan;
    let taken = core::mem::replace(root, Node::Pairs);
    *root = taken.map(&mut |node| match node {
        Node::Aggregate(aggregate) => match Ends::of(&aggregate, slots) {
            Some(ends) => Node::Aggregate(ends.read(aggregate, slots, computed, whole)),
            None => Node::Aggregate(aggregate),
        },
        other => other,
    });
    plan
}

/// What is read instead of all rows.
struct Ends {
    slot: Slot,
    predicates: Vec<Expr>,
}

impl Ends {
    fn of(aggregate: &Aggregate, slots: &[SlotDef]) -> Option<Ends> {
        if !aggregate.keys().is_empty() || aggregate.items.is_empty() || aggregate.items.len() > ENDS_MAX {
            return None;
        }
        let (mut node, mut predicates) = (&*aggregate.input, Vec::new());
        while let Node::Filter(filter) = node {
            predicates.extend(filter.predicates.iter());
            node = &filter.input;
        }
        let Node::Scan(Scan { slot }) = node else { return None };
        let collection = &*slots[usize::from(slot.0)].collection;
        let at_an_end = |item: &AggregateTerm| {
            let position = extreme_of(item, *slot)?;
            leads_to(collection, position, &predicates, *slot).then_some(())
        };
        aggregate.items.iter().try_for_each(at_an_end)?;
        Some(Ends { slot: *slot, predicates: predicates.into_iter().cloned().collect() })
    }

    /// The aggregate over the first rows in the orders of its fields.
    fn read(
        self,
        mut aggregate: Aggregate,
        slots: &mut Vec<SlotDef>,
        computed: &mut Vec<ComputedDef>,
        whole: Whole,
    ) -> Aggregate {
        // The same end once.
        let mut ends: Vec<(Expr, bool)> = Vec::new();
        for item in &aggregate.items {
            let end = (argument(item).clone(), matches!(item.function, AggregateFunction::Max));
            if !ends.contains(&end) {
                ends.push(end);
            }
        }
        let fields: Vec<Expr> = aggregate.items.iter().map(|item| argument(item).clone()).collect();
        let mut ends = ends.into_iter();
        let (field, last) = ends.next().expect("there is an aggregate");
        let mut rows = self.first(self.slot, field, last);
        let mut columns = fields.clone();
        for (field, last) in ends {
            let slot = Slot(slots.len() as u16);
            slots.push(slots[usize::from(self.slot.0)].clone());
            let right = self.first(slot, field, last);
            let sets = columns.iter().zip(&fields).map(|(left, field)| {
                let output = Computed(computed.len() as u16);
                let name = Names { slots, computed }.expr(left);
                computed.push(ComputedDef { ty: field.ty, nullable: field.nullable, name });
                SetColumn { left: left.clone(), right: in_slot(field.clone(), slot), output }
            });
            let sets: Vec<SetColumn> = sets.collect();
            columns =
                sets.iter().map(|set| Expr::computed(set.output, set.left.ty, set.left.nullable)).collect();
            rows = Node::Set(Set {
                input: Box::new(rows),
                right: Box::new(right),
                kind: SetKind::UnionAll,
                columns: InWhole::new(sets, whole),
                whole,
            });
        }
        for (item, column) in aggregate.items.iter_mut().zip(columns) {
            item.argument = Some(column);
        }
        Aggregate { input: Box::new(rows), ..aggregate }
    }

    /// The record of `slot` that comes first by `field`, the last one if `last`.
    fn first(&self, slot: Slot, field: Expr, last: bool) -> Node {
        let mut predicates = self.predicates.clone();
        if field.nullable && !last && !planted::is(Bug::AbsentIsLeast) {
            predicates.push(Expr::test(ExprKind::Unary(UnaryOp::IsSome, Box::new(field.clone()))));
        }
        let predicates = predicates.into_iter().map(|expr| in_slot(expr, slot)).collect();
        let term = SortTerm { expr: in_slot(field, slot), descending: last, nulls_first: !last };
        Node::Sort(Sort {
            input: Box::new(Node::Scan(Scan { slot }).filtered(predicates)),
            terms: Vec::from([term]),
            window: Some(Window::first(1)),
        })
    }
}

fn argument(item: &AggregateTerm) -> &Expr {
    item.argument.as_ref().expect("an extreme is of something")
}

/// The same expression about the record in another slot.
fn in_slot(expr: Expr, slot: Slot) -> Expr {
    expr.map(&mut |mut part| {
        if let ExprKind::Field(of, _) = &mut part.kind {
            *of = slot;
        }
        part
    })
}

/// The field of the record in `slot` of which `item` is the least or the greatest value.
fn extreme_of(item: &AggregateTerm, slot: Slot) -> Option<u16> {
    let is_extreme = matches!(item.function, AggregateFunction::Min | AggregateFunction::Max);
    let (of, position) = item.argument.as_ref()?.as_field()?;
    (is_extreme && item.filter.is_none() && of == slot).then_some(position)
}

/// Whether the records for which the predicates hold lie together in the order of the field at `position`, in an index or in
/// the order of the keys.
fn leads_to(collection: &CollectionDef, position: u16, predicates: &[&Expr], slot: Slot) -> bool {
    let is_about = |expr: &&&Expr| bounded(expr, slot) == Some(position);
    let others: Vec<&Expr> = predicates.iter().filter(|expr| !is_about(expr)).copied().collect();
    if collection.clustered == Some(position) {
        return others.is_empty();
    }
    let leads = |fields: &[u16], others: &[&Expr]| {
        let Some(at) = fields.iter().position(|field| *field == position) else { return false };
        let before = &fields[..at];
        let mut given: Vec<u16> = Vec::new();
        for expr in others {
            match equal(expr, slot) {
                Some(field) if before.contains(&field) => given.push(field),
                _ => return false,
            }
        }
        before.iter().all(|field| given.contains(field))
    };
    collection.indexes.iter().filter(|index| collection.listed(index).is_none()).any(|index| {
        #[cfg(not(feature = "small"))]
        if index.is_partial() {
            // All that the condition says is asked in so many words, and no more than that but what the index tells.
            let says = |expr: &Expr, condition: &Condition| says(expr, condition, slot);
            let asks = |condition: &Condition| predicates.iter().any(|expr| says(expr, condition));
            let is_said = |expr: &Expr| index.condition.iter().any(|condition| says(expr, condition));
            let others: Vec<&Expr> = others.iter().filter(|expr| !is_said(expr)).copied().collect();
            return index.condition.iter().all(asks) && leads(&index.fields, &others);
        }
        leads(&index.fields, &others)
    })
}

/// Whether a predicate says what a condition of an index does.
#[cfg(not(feature = "small"))]
fn says(expr: &Expr, condition: &Condition, slot: Slot) -> bool {
    use crate::schema::condition::Comparison as C;
    let is_field = |expr: &Expr| expr.as_field() == Some((slot, condition.position));
    match (&condition.test, &expr.kind) {
        (ConditionTest::Absent, ExprKind::Unary(UnaryOp::IsNone, operand))
        | (ConditionTest::Present, ExprKind::Unary(UnaryOp::IsSome, operand)) => is_field(operand),
        (ConditionTest::Compared(C::Eq, Scalar::Bool(true)), ExprKind::Field(..)) => is_field(expr),
        (ConditionTest::Compared(C::Eq, Scalar::Bool(false)), ExprKind::Unary(UnaryOp::Not, operand)) => {
            !operand.nullable && is_field(operand)
        }
        (ConditionTest::Compared(comparison, value), ExprKind::Binary(op, left, right)) => {
            let is_same = matches!(
                (comparison, op),
                (C::Eq, BinaryOp::Eq)
                    | (C::Lt, BinaryOp::Lt)
                    | (C::Le, BinaryOp::Le)
                    | (C::Gt, BinaryOp::Gt)
                    | (C::Ge, BinaryOp::Ge)
            );
            // The plan is one for this value.
            is_same
                && is_field(left)
                && right.as_literal().is_some_and(|of| !of.is_null() && of.compare(value).is_eq())
        }
        _ => false,
    }
}

/// The field that a predicate gives one value.
fn equal(expr: &Expr, slot: Slot) -> Option<u16> {
    let (of, position) = match &expr.kind {
        ExprKind::Field(..) => expr.as_field()?,
        ExprKind::Unary(UnaryOp::IsNone, operand) => operand.as_field()?,
        ExprKind::Unary(UnaryOp::Not, operand) if !operand.nullable => operand.as_field()?,
        ExprKind::Binary(BinaryOp::Eq, left, right) => {
            right.literal_itself()?;
            left.as_field()?
        }
        _ => return None,
    };
    (of == slot).then_some(position)
}

/// The field of which a predicate asks a range.
fn bounded(expr: &Expr, slot: Slot) -> Option<u16> {
    use BinaryOp::{Ge, Gt, Le, Lt};
    let (of, position) = match &expr.kind {
        ExprKind::Unary(UnaryOp::IsSome, operand) => operand.as_field()?,
        ExprKind::Binary(Lt | Le | Gt | Ge, left, right) => {
            right.literal_itself().filter(|value| !value.is_null())?;
            left.as_field()?
        }
        ExprKind::Between(parts) => {
            let [value, low, high] = &**parts;
            for bound in [low, high] {
                bound.literal_itself().filter(|value| !value.is_null())?;
            }
            value.as_field()?
        }
        _ => return None,
    };
    (of == slot).then_some(position)
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, DraftBuilder, draft, field, id, int};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::AggregateFunction::{Count, Max, Min};
    use crate::expr::BinaryOp::{Eq, Gt};
    use crate::expr::{Postfix, UnaryOp};
    use crate::value::{Scalar, Type};

    fn after(draft: DraftBuilder) -> alloc::string::String {
        before_and_after(&draft.build(), "index_ends", &[]).1
    }

    fn stays(draft: DraftBuilder) {
        let (before, after) = before_and_after(&draft.build(), "index_ends", &[]);
        assert_eq!(before, after);
    }

    #[test]
    fn extremes_are_read_at_the_ends() {
        let long = || draft(f::Track).filter(field(f::track::MILLISECONDS).binary(Gt, int(5)));
        let milliseconds = || Some(field(f::track::MILLISECONDS));
        assert_eq!(
            after(long().aggregate([(Min, milliseconds())])),
            "project [min(milliseconds)]\n  aggregate min(milliseconds)\n    top 1 by milliseconds\n      \
             filter milliseconds > 5\n        scan Track"
        );
        let artist = draft(f::Album).filter(field(f::album::ARTIST).binary(Eq, id(7)));
        let released = || Some(field(f::album::RELEASED));
        assert_eq!(
            after(artist.aggregate([(Max, released()), (Min, released())])),
            "project [max(released)], [min(released)]\n  aggregate max([released]), min([released])\n    \
             union all released, released\n      right: top 1 by released\n        \
             filter artist = 7 & is_some(released)\n          scan Album\n      top 1 by released desc\n        \
             filter artist = 7\n          scan Album"
        );
    }

    #[test]
    fn an_index_of_some_records_has_their_ends() {
        let readings = || draft(f::Reading);
        let (code, value) = (|| field(f::reading::CODE), || field(f::reading::VALUE));
        let least = |of: DraftBuilder| after(of.aggregate([(Min, Some(value()))]));
        let top = "project [min(value)]\n  aggregate min(value)\n    top 1 by value\n";
        assert!(least(readings().filter(code().unary(UnaryOp::IsNone))).starts_with(top));
        let both =
            |bound| readings().filter(code().unary(UnaryOp::IsSome)).filter(value().binary(Gt, int(bound)));
        assert!(least(both(0)).starts_with(top));
        let three = || Postfix::literal(Scalar::Int(3), Type::U8);
        // Of others it has not all, and of those it has some are not asked for.
        for of in [
            both(-1),
            readings().filter(code().unary(UnaryOp::IsSome)),
            both(0).filter(code().binary(Gt, three())),
        ] {
            stays(of.aggregate([(Min, Some(value()))]));
        }
    }

    #[test]
    fn all_rows_are_read_where_an_end_is_not_enough() {
        // No index has it first; another predicate may drop the record at the end; a count needs all.
        stays(draft(f::Track).aggregate([(Min, Some(field(f::track::PRICE)))]));
        stays(draft(f::Album).aggregate([(Min, Some(field(f::album::RELEASED)))]));
        let milliseconds = || Some(field(f::track::MILLISECONDS));
        stays(draft(f::Track).filter(field(f::track::ACTIVE)).aggregate([(Max, milliseconds())]));
        stays(draft(f::Track).aggregate([(Max, milliseconds()), (Count, None)]));
        let by_album = draft(f::Track).group_by([field(f::track::ALBUM)]);
        stays(by_album.select([f::aggregate(Max, milliseconds())]));
    }
}
