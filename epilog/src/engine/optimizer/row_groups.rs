//! Groups that are each a row with what is joined to it are that row, joined to groups of the others.
//!
//! ```text
//! before                                           after
//! aggregate count(Track.id), min(title) by id      left join Track on [Track.album] = id
//!   left join Track on Track.album = id              inner: aggregate count(Track.id) by Track.album
//!     scan Album                                       scan Track
//!                                                    scan Album
//! ```
//!
//! Where groups are made by the key of the rows, be it with more about them, each row is a group. What is made of those that belong
//! to it is made of them alone, by what links them, before they are joined: no pair is made, the table of the join has a row
//! for each that others belong to, and what is read of the row is read once. Of rows to which none belong there are as many
//! groups: a left join finds nothing for them, and a count of nothing, or a sum, is zero; a count of rows is one.
//!
//! Must not fire
//!
//! - unless the rows are each one record, and its key is one of the keys; nor where something else than the row is a key;
//! - where an aggregate reads both sides, or is made of an inner side's value that may be there where the record is not, in a left
//!   join; nor where rows are counted by what may hold without a record;
//! - where pairs are asked something, or something below may have no result;
//! - where groups come in the order of rows that were sorted, or collect values in an order;
//! - unless that is expected to cost clearly less: where few of the rows are left, most of the others belong to none of them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::became::Became;
use super::drop_distinct::{is_key, only_source};
use super::join_order::{Measure, is_free_below};
use super::push_window_filters::is_sure_below;
use super::strengthen_joins::rejects_absent;
use super::{Apply, Kinds, Rule};
use crate::engine::estimate::Statistics;
use crate::engine::logical::{
    Aggregate, AggregateTerm, Computed, ComputedDef, Expr, ExprKind, Inner, Join, KeyTerm, LogicalPlan,
    Lookup, Names, Node, SlotDef,
};
use crate::engine::planted::{self, Bug};
use crate::expr::{AggregateFunction, BinaryOp, JoinKind};
use crate::parts::Whole;
use crate::value::decimal::DecimalParts;
use crate::value::{Scalar, Type};

pub(super) const RULE: Rule = Rule { name: "row_groups", of: Kinds::AGGREGATE, apply: Apply::Knowing(apply) };

fn apply(mut plan: LogicalPlan, statistics: &dyn Statistics) -> LogicalPlan {
    let Some(whole) = Whole::build() else { return plan };
    let slots = core::mem::take(&mut plan.slots);
    let mut rewrite = Rewrite {
        slots: &slots,
        computed: core::mem::take(&mut plan.computed),
        measure: Measure::new(&slots, statistics),
        values: Became::default(),
        whole,
    };
    plan.root = plan.root.map(&mut |node| rewrite.node(node));
    plan.computed = rewrite.computed;
    plan.slots = slots;
    plan
}

struct Rewrite<'p> {
    slots: &'p [SlotDef],
    computed: Vec<ComputedDef>,
    measure: Measure<'p>,
    /// What was a value of a group, as it is of the row.
    values: Became,
    whole: Whole,
}

/// What an aggregate over pairs comes to.
enum Split {
    /// A value of the row.
    OfRow(Expr),
    /// The same, over those that belong to it; where there are none, this.
    OfOthers(Option<Scalar>),
}

impl Rewrite<'_> {
    /// A node whose inputs have been rewritten.
    fn node(&mut self, mut node: Node) -> Node {
        self.values.put_into(&mut node);
        if !is_free_below(&node, false) {
            return node;
        }
        match node {
            Node::Aggregate(aggregate) => match self.split(&aggregate) {
                Some(splits) => self.join(aggregate, splits),
                None => Node::Aggregate(aggregate),
            },
            other => other,
        }
    }

    /// What the aggregates come to, if they can be made of the inner side of a join and that is worth it.
    fn split(&self, aggregate: &Aggregate) -> Option<Vec<Split>> {
        let (lookups, join) = join_below(&aggregate.input)?;
        let slot = only_source(&join.input)?;
        let inner = Inner::of(&join.inner);
        let is_of_row = |expr: &Expr| inner.has_none_of(expr) && expr.is_sure();
        let is_plain = *join.pairs == Node::Pairs
            && !join.links.is_empty()
            && lookups.iter().all(|lookup| !inner.slots.contains(&lookup.from))
            && aggregate.keys().iter().all(|key| is_of_row(&key.expr))
            && aggregate.keys().iter().any(|key| is_key(&key.expr, slot, self.slots))
            && is_sure_below(&aggregate.input);
        if !is_plain {
            return None;
        }
        let splits: Option<Vec<Split>> =
            aggregate.items.iter().map(|item| self.split_item(item, join, &inner)).collect();
        let splits = splits?;
        let makes = splits.iter().any(|split| matches!(split, Split::OfOthers(_)));
        (makes && self.measure.is_quicker_by_rows(join, slot)).then_some(splits)
    }

    fn split_item(&self, item: &AggregateTerm, join: &Join, inner: &Inner) -> Option<Split> {
        use AggregateFunction::{Count, CountDistinct, Max, Min, Sum};
        let is_left = join.kind == JoinKind::Left;
        let Some(argument) = &item.argument else {
            // The row itself counts where it is alone, unless what is asked of it needs a record.
            let is_one = item.filter.is_none();
            let of_none = is_left.then_some(Scalar::Int(i128::from(is_one)));
            let counts = item.filter.as_ref().is_none_or(|filter| {
                inner.has_all_of(filter) && (!is_left || rejects_absent(filter, join.slot))
            });
            return (matches!(item.function, Count) && counts).then_some(Split::OfOthers(of_none));
        };
        if inner.has_none_of(argument) {
            let is_extreme =
                matches!(item.function, Min | Max) && item.filter.is_none() && argument.is_sure();
            return is_extreme.then(|| Split::OfRow(argument.clone()));
        }
        let is_of_others = inner.has_all_of(argument)
            && item.filter.as_ref().is_none_or(|filter| inner.has_all_of(filter))
            && (!is_left || is_absent_without(argument));
        let ty = self.computed[usize::from(item.output.0)].ty;
        let of_none = match item.function {
            _ if !is_left => None,
            Count | CountDistinct => Some(Scalar::Int(0)),
            Sum => Some(zero(ty)?),
            _ => None,
        };
        is_of_others.then_some(Split::OfOthers(of_none))
    }

    /// The rows, joined to groups of what belongs to them.
    fn join(&mut self, aggregate: Aggregate, splits: Vec<Split>) -> Node {
        let Aggregate { input, keys, items } = aggregate;
        keys.into_iter().for_each(|key| self.values.put(key.output, key.expr));
        let mut lookups = Vec::new();
        let mut node = *input;
        let mut join = loop {
            match node {
                Node::Lookup(Lookup { input, from, position, into }) => {
                    lookups.push((from, position, into));
                    node = *input;
                }
                Node::Join(join) => break join,
                _ => unreachable!("there are lookups above a join"),
            }
        };
        let is_left = join.kind == JoinKind::Left;
        let mut others = Aggregate { input: join.inner, keys: Vec::new(), items: Vec::new() };
        for link in &mut join.links {
            link.inner = self.key(&mut others, link.inner.clone());
        }
        for (item, split) in items.into_iter().zip(splits) {
            match split {
                Split::OfRow(expr) => self.values.put(item.output, expr),
                Split::OfOthers(of_none) => {
                    let def = &mut self.computed[usize::from(item.output.0)];
                    let (ty, was_nullable) = (def.ty, def.nullable);
                    def.nullable |= is_left;
                    let value = Expr::computed(item.output, ty, def.nullable);
                    if let Some(of_none) = of_none.filter(|_| !planted::is(Bug::CountOfNoneAbsent)) {
                        let operands = (Box::new(value), Box::new(Expr::literal(of_none, ty)));
                        let kind = ExprKind::Binary(BinaryOp::OrElse, operands.0, operands.1);
                        self.values.put(item.output, Expr { kind, ty, nullable: was_nullable });
                    }
                    others.items.push(item);
                }
            }
        }
        let node = Node::Join(Join { inner: Box::new(Node::Aggregate(others)), ..join });
        lookups.into_iter().rev().fold(node, |below, (from, position, into)| {
            Node::Lookup(Lookup { input: Box::new(below), from, position, into })
        })
    }

    /// The value that groups have which are made by this.
    fn key(&mut self, groups: &mut Aggregate, expr: Expr) -> Expr {
        let (ty, nullable) = (expr.ty, expr.nullable);
        let name = Names { slots: self.slots, computed: &self.computed }.expr(&expr);
        let number = u16::try_from(self.computed.len()).expect("a query has at most 65535 computed values");
        self.computed.push(ComputedDef { ty, nullable, name });
        groups.keys.push(KeyTerm { expr, output: Computed(number), whole: self.whole });
        Expr::computed(Computed(number), ty, nullable)
    }
}

/// The join below lookups.
fn join_below(mut node: &Node) -> Option<(Vec<&Lookup>, &Join)> {
    let mut lookups = Vec::new();
    loop {
        match node {
            Node::Lookup(lookup) => {
                lookups.push(lookup);
                node = &lookup.input;
            }
            Node::Join(join) => return Some((lookups, join)),
            _ => return None,
        }
    }
}

/// Whether something of an inner side is absent where there is no record.
fn is_absent_without(expr: &Expr) -> bool {
    use BinaryOp::{Add, Divide, Multiply, Subtract};
    match &expr.kind {
        ExprKind::Field(..) | ExprKind::Computed(_) => true,
        ExprKind::Binary(Add | Subtract | Multiply | Divide, left, right) => {
            is_absent_without(left) || is_absent_without(right)
        }
        _ => false,
    }
}

/// The sum of nothing.
fn zero(ty: Type) -> Option<Scalar> {
    Some(match ty {
        Type::I64 | Type::U64 | Type::I128 => Scalar::Int(0),
        Type::U128 => Scalar::Uint(0),
        Type::F64 => Scalar::Float(0.0),
        Type::Decimal => Scalar::Decimal(DecimalParts::default()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::engine::fixture::{self as f, DraftBuilder, aggregate, draft, field, id, inner, through};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::AggregateFunction::{Count, Max, Min, Sum};
    use crate::expr::BinaryOp::{And, Eq, Gt};
    use crate::expr::{AggregateItem, Clause, Draft, Postfix, UnaryOp};

    const BEFORE: &[&str] = &[
        "split_conjuncts",
        "key_through_relation",
        "join_filters",
        "decorrelate",
        "push_filters",
        "reduce_group_keys",
    ];

    fn rewritten(draft: Draft) -> (String, String) {
        before_and_after(&draft, "row_groups", BEFORE)
    }

    fn stays(draft: Draft) {
        let (before, after) = rewritten(draft);
        assert_eq!(before, after);
    }

    /// Albums and their tracks.
    fn tracks(kind: JoinKind) -> DraftBuilder {
        let on = inner(1, f::track::ALBUM).binary(Eq, field(f::album::ID));
        draft(f::Album).clause(Clause::Join { collection: f::Track, on, kind })
    }

    fn length() -> Postfix {
        aggregate(Sum, Some(inner(1, f::track::MILLISECONDS)))
    }

    #[test]
    fn rows_are_joined_to_groups_of_what_belongs_to_them() {
        let keys = [field(f::album::ID), field(f::album::TITLE)];
        let count = aggregate(Count, Some(inner(1, f::track::ID)));
        let groups = tracks(JoinKind::Left).group_by(keys).select([Postfix::key(1), count, length()]);
        let (before, after) = rewritten(groups.build());
        assert_eq!(
            before,
            "project [title], [count(Track.id)], [sum(Track.milliseconds)]\n  \
             aggregate count(Track.id), sum(Track.milliseconds), min(title) by id\n    \
             left join Track on Track.album = id\n      scan Album"
        );
        assert_eq!(
            after,
            "project title, [count(Track.id)] or_else 0, [sum(Track.milliseconds)] or_else 0\n  \
             left join Track on [Track.album] = id\n    \
             inner: aggregate count(Track.id), sum(Track.milliseconds) by Track.album\n      scan Track\n    scan Album"
        );
    }

    #[test]
    fn a_row_without_others_counts_as_one_row() {
        let by_id = |kind| tracks(kind).group_by([field(f::album::ID)]);
        let (_, after) = rewritten(by_id(JoinKind::Left).select([aggregate(Count, None)]).build());
        assert!(after.starts_with("project [count] or_else 1\n"), "{after}");
        let (_, after) = rewritten(by_id(JoinKind::Inner).select([aggregate(Count, None)]).build());
        assert!(after.starts_with("project [count]\n  join Track on [Track.album] = id\n"), "{after}");
        let least = aggregate(Min, Some(inner(1, f::track::NAME)));
        let (_, after) = rewritten(by_id(JoinKind::Left).select([least]).build());
        assert!(after.starts_with("project [min(Track.name)]\n"), "{after}");
    }

    #[test]
    fn what_rows_look_up_is_looked_up_for_them() {
        let keys = [field(f::album::ID), through(&[f::album::ARTIST], f::artist::NAME)];
        let groups = tracks(JoinKind::Left).group_by(keys).select([Postfix::key(1), length()]);
        let (_, after) = rewritten(groups.build());
        assert!(
            after.starts_with(
                "project artist.name, [sum(Track.milliseconds)] or_else 0\n  lookup Artist by artist\n    left join"
            ),
            "{after}"
        );
    }

    #[test]
    fn what_is_of_both_sides_or_of_none_is_made_of_pairs() {
        let by_id = |kind| tracks(kind).group_by([field(f::album::ID)]);
        stays(by_id(JoinKind::Inner).select([aggregate(Count, Some(field(f::album::RELEASED)))]).build());
        // It has a value where there is no track.
        let present = |test| inner(1, f::track::NAME).unary(test);
        stays(by_id(JoinKind::Left).select([aggregate(Max, Some(present(UnaryOp::IsSome)))]).build());
        let counted = |test| {
            let item = AggregateItem { function: Count, argument: None, filter: Some(present(test)) };
            by_id(JoinKind::Left).select([Postfix::aggregate(item)]).build()
        };
        stays(counted(UnaryOp::IsNone));
        assert!(
            rewritten(counted(UnaryOp::IsSome)).1.contains("] or_else 0\n  left join Track on [Track.album]")
        );
        let pairs = inner(1, f::track::NAME).binary(Gt, field(f::album::TITLE));
        let on = inner(1, f::track::ALBUM).binary(Eq, field(f::album::ID)).binary(And, pairs);
        let asked = draft(f::Album).clause(Clause::Join { collection: f::Track, on, kind: JoinKind::Left });
        stays(asked.group_by([field(f::album::ID)]).select([length()]).build());
    }

    #[test]
    fn rows_that_share_a_group_stay_together() {
        stays(tracks(JoinKind::Left).group_by([field(f::album::TITLE)]).select([length()]).build());
        let keys = [field(f::album::ID), inner(1, f::track::EDITOR)];
        stays(tracks(JoinKind::Left).group_by(keys).select([length()]).build());
    }

    #[test]
    fn few_rows_find_their_own() {
        let few = draft(f::Album).filter(field(f::album::ID).binary(Eq, id(7)));
        let on = inner(1, f::track::ALBUM).binary(Eq, field(f::album::ID));
        let few = few.clause(Clause::Join { collection: f::Track, on, kind: JoinKind::Left });
        stays(few.group_by([field(f::album::ID)]).select([length()]).build());
    }
}
