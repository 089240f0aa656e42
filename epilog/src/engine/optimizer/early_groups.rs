//! Groups are made before the lookups and joins that they need not wait for: what finds one record at most, by what rows are grouped by.
//!
//! ```text
//! before                                                    after
//! aggregate sum(price), min(album.title) by album           join Album on album.id = [album]
//!   lookup Album by album                                     aggregate sum(price) by album
//!     scan Track                                                scan Track
//! ```
//!
//! Rows of one group have the same of what a join finds its record by, so that they have the same record, or none: the join is as
//! well made of the group, and its records' fields are read there, instead of being keys of the groups, or the least of
//! equal values. A join that drops rows drops whole groups. The groups are those that there were, of the same rows, so
//! that nothing has to be put together, and sums are the same. Where groups were made by the key of the records found, they
//! are made by what is equal to it.
//!
//! Where what groups are made by does not decide the record, but is of it, smaller groups are made by what does, and put together when
//! they have their records: sums of sums, where there are many rows to each.
//!
//! ```text
//! before                                          after
//! aggregate count by album.artist                 aggregate sum([count]) by album.artist
//!   lookup Album by album                           join Album on album.id = [album]
//!     scan Track                                      aggregate count by album
//!                                                       scan Track
//! ```
//!
//! What is asked of groups alone is asked before the joins are made. Threads, which make parts of what is beneath an aggregate,
//! have less to do for it.
//!
//! Must not fire
//!
//! - on what may find several records, nor where pairs are asked something;
//! - where anything else about the rows reads the records, be it that they are filtered by them or added up: but for keys
//!   that read them alone, and the least and the greatest of what they have;
//! - on a left join of which the groups are made by its records' key alone: all rows without a record are one group;
//! - where something below may have no result: which rows are left must not decide whether that is an error;
//! - where groups come in the order of rows that were sorted, or collect values in an order;
//! - to put groups together: by floats or decimals, of which equal ones may differ in sign or digits; where that would be one of these, a mean, or a sum of integers of more than 32 bits, whose parts may overflow where
//!   the whole does not;
//! - on what is more than memory holds: a join keeps what it reads;
//! - unless that is expected to cost clearly less: where the join drops most rows, or there are as many groups as rows and little
//!   is read of the records, they are better joined first.
//!
//! It is the "eager group-by" of W. Yan and P. Larson, "Eager Aggregation and Lazy Aggregation" (VLDB 1995). We differ in that groups are made early
//! on one side alone, and only below what finds one record for each.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::became::Became;
use super::drop_distinct::only_source;
use super::drop_joins::finds_one;
use super::join_order::{Measure, is_free_below};
use super::push_group_filters::is_sure;
use super::{Apply, Kinds, Rule};
use crate::engine::estimate::Statistics;
use crate::engine::logical::{
    Aggregate, AggregateTerm, Computed, ComputedDef, Expr, ExprKind, Filter, Join, KeyTerm, Link,
    LogicalPlan, Lookup, Names, Node, Scan, Slot, SlotDef,
};
use crate::engine::planted::{self, Bug};
use crate::expr::{AggregateFunction, JoinKind};
use crate::parts::Whole;
use crate::value::Type;

pub(super) const RULE: Rule =
    Rule { name: "early_groups", of: Kinds::AGGREGATE, apply: Apply::Knowing(apply) };

fn apply(mut plan: LogicalPlan, statistics: &dyn Statistics) -> LogicalPlan {
    let Some(whole) = Whole::build() else { return plan };
    let slots = core::mem::take(&mut plan.slots);
    let mut rewrite = Rewrite {
        slots: &slots,
        computed: core::mem::take(&mut plan.computed),
        measure: Measure::new(&slots, statistics),
        values: Became::default(),
        steps: 0,
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
    /// What was a value of a group, as it is of the record that the group has now.
    values: Became,
    /// How many steps were put above groups by what was looked at last.
    steps: usize,
    whole: Whole,
}

impl Rewrite<'_> {
    /// A node whose inputs have been rewritten.
    fn node(&mut self, mut node: Node) -> Node {
        let steps = core::mem::take(&mut self.steps);
        self.values.put_into(&mut node);
        match node {
            Node::Filter(Filter { input, predicates }) if steps > 0 => sink(*input, predicates, steps),
            Node::Aggregate(aggregate) => self.aggregate(aggregate),
            other => other,
        }
    }

    fn aggregate(&mut self, aggregate: Aggregate) -> Node {
        let node = Node::Aggregate(aggregate);
        let free = is_free_below(&node, false);
        let Node::Aggregate(aggregate) = node else { unreachable!("made above") };
        if !free || !is_sure(&aggregate) {
            return Node::Aggregate(aggregate);
        }
        let late = self.late(&aggregate);
        if late.contains(&true) && self.is_worth_it(&aggregate, &late) {
            return self.put_above(aggregate, &late);
        }
        match self.merging(&aggregate) {
            Some(late) => self.merge_above(aggregate, &late),
            None => Node::Aggregate(aggregate),
        }
    }

    /// Which of the steps below an aggregate are made of smaller groups, by what these find their records by, which are then put together: the
    /// topmost, as long as each finds one record. `None` where that cannot be done, or is not expected to cost clearly less.
    fn merging(&self, aggregate: &Aggregate) -> Option<Vec<bool>> {
        let steps: Vec<&Node> = steps(&aggregate.input).collect();
        let count = steps.iter().take_while(|step| self.finds_one(step)).count();
        let late: Vec<bool> = (0..steps.len()).map(|step| step < count).collect();
        let made = Made::of(&steps, &late);
        let is_apart = |expr: &Expr| !made.has_any_of(&Reads::of(expr));
        let is_whole = |expr: &Expr| is_apart(expr) || made.has_all_of(&Reads::of(expr));
        let is_mergeable = |item: &AggregateTerm| {
            let mut exprs = item.argument.iter().chain(&item.filter);
            merges(item) && exprs.all(|expr| expr.is_sure() && is_apart(expr))
        };
        let can = count > 0
            && !matches!(bottom(&aggregate.input, steps.len()), Node::Aggregate(_))
            && aggregate.keys().iter().all(|key| is_whole(&key.expr) && is_itself(&key.expr))
            && aggregate.keys().iter().any(|key| !is_apart(&key.expr))
            && aggregate.items.iter().all(is_mergeable)
            && steps[..count].iter().flat_map(|step| self.found_by(step)).all(|expr| {
                is_whole(&expr) && matches!(expr.kind, ExprKind::Field(..) | ExprKind::Computed(_))
            });
        if !can {
            return None;
        }
        let mut slots = Vec::new();
        aggregate.input.slots(&mut slots);
        let found_by = steps[..count].iter().flat_map(|step| self.found_by(step)).filter(is_apart);
        let own = aggregate.keys().iter().map(|key| key.expr.clone()).filter(is_apart);
        let (found_by, own): (Vec<Expr>, Vec<Expr>) = (found_by.collect(), own.collect());
        let below = bottom(&aggregate.input, count);
        let is_worth_it = self.measure.fits(&slots)
            && self.measure.is_quicker_merged(below, (&found_by, &own), steps[..count].iter().copied());
        is_worth_it.then_some(late)
    }

    /// Smaller groups below the steps that are late, and above these what they are together.
    fn merge_above(&mut self, aggregate: Aggregate, late: &[bool]) -> Node {
        let steps: Vec<&Node> = steps(&aggregate.input).collect();
        let made = Made::of(&steps, late);
        let Aggregate { input, keys, items } = aggregate;
        let mut groups = Aggregate { input, keys: Vec::new(), items: Vec::new() };
        let mut together = Aggregate { input: Box::new(Node::Pairs), keys: Vec::new(), items: Vec::new() };
        for key in keys {
            let expr = match made.has_any_of(&Reads::of(&key.expr)) {
                true => key.expr,
                false => self.key(&mut groups, key.expr),
            };
            together.keys.push(KeyTerm { expr, ..key });
        }
        for item in items {
            let ComputedDef { ty, nullable, name } = self.computed[usize::from(item.output.0)].clone();
            let part = self.new_computed(ty, nullable, name);
            let function = match item.function {
                AggregateFunction::Count if !planted::is(Bug::CountsCounted) => AggregateFunction::Sum,
                ref other => other.clone(),
            };
            let argument = Some(Expr::computed(part, ty, nullable));
            let AggregateTerm { output, .. } = item;
            groups.items.push(AggregateTerm { output: part, ..item });
            together.items.push(AggregateTerm { function, argument, filter: None, output });
        }
        together.input = Box::new(self.put_above(groups, late));
        // What is asked of all is asked where they are together.
        self.steps = 0;
        Node::Aggregate(together)
    }

    fn new_computed(&mut self, ty: Type, nullable: bool, name: String) -> Computed {
        let number = u16::try_from(self.computed.len()).expect("a query has at most 65535 computed values");
        self.computed.push(ComputedDef { ty, nullable, name });
        Computed(number)
    }

    /// Which of the steps below an aggregate, from the top, may be made of its groups.
    fn late(&self, aggregate: &Aggregate) -> Vec<bool> {
        let steps: Vec<&Node> = steps(&aggregate.input).collect();
        let mut late: Vec<bool> = steps.iter().map(|step| self.finds_one(step)).collect();
        loop {
            let made = Made::of(&steps, &late);
            // What reads them, and what reads of them stays among the rows.
            let (mut above, mut stays) = (Vec::new(), Vec::new());
            for (step, is_late) in steps.iter().zip(&late) {
                match is_late {
                    true => above.extend(self.found_by(step).iter().map(Reads::of)),
                    false => stays.push(Reads::of_step(step)),
                }
            }
            for key in aggregate.keys() {
                let is_late = made.has_all_of(&Reads::of(&key.expr)) && key.expr.is_sure();
                if is_late { &mut above } else { &mut stays }.push(Reads::of(&key.expr));
            }
            for item in &aggregate.items {
                let is_late = is_of_one_record(item, &made);
                if is_late { &mut above } else { &mut stays }.push(Reads::of_item(item));
            }
            let before = late.clone();
            for (step, is_late) in steps.iter().zip(&mut late).filter(|(_, late)| **late) {
                let made_here = Made::of(&[step], &[true]);
                let is_read = |reads: &[Reads]| reads.iter().any(|reads| made_here.has_any_of(reads));
                *is_late = (matches!(step, Node::Join(_)) || is_read(&above))
                    && !is_read(&stays)
                    && self.is_decided(step, aggregate, &made);
            }
            if late == before {
                return late;
            }
        }
    }

    /// Whether a step gives each row one record at most, or drops it.
    fn finds_one(&self, step: &Node) -> bool {
        match step {
            Node::Lookup(lookup) => self.collection_key(lookup.into).is_some(),
            Node::Join(join) => {
                *join.pairs == Node::Pairs
                    && only_source(&join.inner) == Some(join.slot)
                    && finds_one(join, self.slots)
            }
            _ => false,
        }
    }

    fn collection_key(&self, slot: Slot) -> Option<u16> {
        self.slots[usize::from(slot.0)].collection.clustered
    }

    /// The field that a lookup begins at.
    fn pointer(&self, lookup: &Lookup) -> Expr {
        let from = &self.slots[usize::from(lookup.from.0)];
        let field = &from.collection.fields[usize::from(lookup.position)];
        Expr::field(lookup.from, lookup.position, field.ty, from.optional || field.optional)
    }

    /// What a step finds its record by.
    fn found_by(&self, step: &Node) -> Vec<Expr> {
        match step {
            Node::Lookup(lookup) => Vec::from([self.pointer(lookup)]),
            Node::Join(join) => join.links.iter().map(|link| link.outer.clone()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the rows of a group have all the same of what a step finds its record by, where the records of late steps are
    /// decided.
    fn is_decided(&self, step: &Node, aggregate: &Aggregate, made: &Made) -> bool {
        // Literals may be equal this once.
        let is_plain = |expr: &Expr| matches!(expr.kind, ExprKind::Field(..) | ExprKind::Computed(_));
        let is_key =
            |expr: &Expr| is_plain(expr) && aggregate.keys().iter().any(|key| key.expr.kind == expr.kind);
        let is_decided = |expr: &Expr| made.has_all_of(&Reads::of(expr)) || is_key(expr);
        match step {
            Node::Lookup(lookup) => is_decided(&self.pointer(lookup)),
            Node::Join(join) => join.links.iter().all(|link| {
                let is_equal_to_key = join.kind == JoinKind::Inner || planted::is(Bug::EarlyGroupsOfLeftJoin);
                is_decided(&link.outer)
                    || (is_equal_to_key
                        && is_plain(&link.outer)
                        && !made.has_any_of(&Reads::of(&link.outer))
                        && is_key(&link.inner))
            }),
            _ => false,
        }
    }

    /// Whether groups first are expected to cost clearly less.
    fn is_worth_it(&self, aggregate: &Aggregate, late: &[bool]) -> bool {
        let mut slots = Vec::new();
        aggregate.input.slots(&mut slots);
        if !self.measure.fits(&slots) {
            return false;
        }
        let steps: Vec<&Node> = steps(&aggregate.input).collect();
        let made = Made::of(&steps, late);
        let mut early = bottom(&aggregate.input, steps.len()).clone();
        for (step, _) in steps.iter().zip(late).rev().filter(|(_, late)| !**late) {
            let mut step = (*step).clone();
            **step.input_mut().expect("a step has an input") = early;
            early = step;
        }
        let is_early = |key: &&KeyTerm| !made.has_any_of(&Reads::of(&key.expr));
        let keys = aggregate.keys().iter().filter(is_early).cloned().collect();
        let early = Aggregate { input: Box::new(early), keys, items: Vec::new() };
        let read = aggregate.items.iter().filter_map(|item| item.argument.as_ref());
        let read = read.chain(aggregate.keys().iter().map(|key| &key.expr));
        let read = read.filter(|expr| made.has_any_of(&Reads::of(expr)));
        let taken = steps.iter().zip(late).filter(|(_, late)| **late).map(|(step, _)| *step);
        self.measure.is_quicker_early(early, taken, read)
    }

    /// An aggregate, and above it the steps that were below.
    fn put_above(&mut self, aggregate: Aggregate, late: &[bool]) -> Node {
        let Aggregate { input, keys, items } = aggregate;
        let (mut early, mut above) = (Vec::new(), Vec::new());
        let mut node = *input;
        for is_late in late {
            let below =
                core::mem::replace(&mut **node.input_mut().expect("a step has an input"), Node::Pairs);
            if *is_late {
                above.push(node)
            } else {
                early.push(node)
            }
            node = below;
        }
        let steps: Vec<&Node> = above.iter().collect();
        let made = Made::of(&steps, &vec![true; steps.len()]);
        for mut step in early.into_iter().rev() {
            **step.input_mut().expect("a step has an input") = node;
            node = step;
        }
        let mut groups = Aggregate { input: Box::new(node), keys: Vec::new(), items: Vec::new() };
        for key in keys {
            if made.has_any_of(&Reads::of(&key.expr)) {
                self.values.put(key.output, key.expr);
            } else {
                groups.keys.push(key);
            }
        }
        for item in items {
            match item.argument {
                Some(argument) if made.has_any_of(&Reads::of(&argument)) => {
                    self.values.put(item.output, argument);
                }
                _ => groups.items.push(item),
            }
        }
        let mut joins = Vec::new();
        for step in above.into_iter().rev() {
            joins.push(match step {
                Node::Join(mut join) => {
                    for link in join.links.iter_mut().filter(|link| !made.has_any_of(&Reads::of(&link.outer)))
                    {
                        link.outer = self.key(&mut groups, link.outer.clone());
                    }
                    Node::Join(join)
                }
                Node::Lookup(lookup) if !made.slots.contains(&lookup.from) => {
                    Node::Join(self.as_join(&lookup, &mut groups))
                }
                other => other,
            });
        }
        if planted::is(Bug::EarlyGroupsForgetKey) && groups.keys.len() > 1 {
            let key = groups.keys.remove(0);
            let KeyTerm { expr, output, .. } = key;
            let function = AggregateFunction::Min;
            groups.items.push(AggregateTerm { function, argument: Some(expr), filter: None, output });
        }
        self.steps = joins.len();
        joins.into_iter().fold(Node::Aggregate(groups), |below, mut step| {
            **step.input_mut().expect("a step has an input") = below;
            step
        })
    }

    /// What a group has that is `expr` of its rows: a key, which is made where there is none.
    fn key(&mut self, groups: &mut Aggregate, expr: Expr) -> Expr {
        let (ty, nullable) = (expr.ty, expr.nullable);
        let known = groups.keys.iter().find(|key| key.expr.kind == expr.kind).map(|key| key.output);
        let output = known.unwrap_or_else(|| {
            let name = Names { slots: self.slots, computed: &self.computed }.expr(&expr);
            let output = self.new_computed(ty, nullable, name);
            groups.keys.push(KeyTerm { expr, output, whole: self.whole });
            output
        });
        Expr::computed(output, ty, nullable)
    }

    /// A lookup for each group.
    fn as_join(&mut self, lookup: &Lookup, groups: &mut Aggregate) -> Join {
        let key = self.collection_key(lookup.into).expect("what is late has a key");
        let pointer = self.pointer(lookup);
        let is_inner = !pointer.nullable || planted::is(Bug::LateLookupDropsGroups);
        let ty = pointer.ty;
        let outer = self.key(groups, pointer);
        let inner = Expr::field(lookup.into, key, ty, false);
        Join {
            input: Box::new(Node::Pairs),
            slot: lookup.into,
            inner: Box::new(Node::Scan(Scan { slot: lookup.into })),
            links: Vec::from([Link { inner, outer, absent_matches: false }]),
            pairs: Box::new(Node::Pairs),
            kind: if is_inner { JoinKind::Inner } else { JoinKind::Left },
            whole: self.whole,
        }
    }
}

/// The steps from a node downwards.
fn steps(node: &Node) -> impl Iterator<Item = &Node> {
    let is_step =
        |node: &&Node| matches!(node, Node::Filter(_) | Node::Lookup(_) | Node::Subquery(_) | Node::Join(_));
    core::iter::successors(Some(node), |node| node.input()).take_while(is_step)
}

/// What is below so many steps.
fn bottom(node: &Node, steps: usize) -> &Node {
    (0..steps).fold(node, |node, _| node.input().expect("a step has an input"))
}

/// `node` with `predicates` to get through, those about the groups below its first `steps` steps asked there.
fn sink(mut node: Node, predicates: Vec<Expr>, steps: usize) -> Node {
    if steps == 0 {
        return node.filtered(predicates);
    }
    let made = Made::of(&[&node], &[true]);
    let (here, below): (Vec<Expr>, Vec<Expr>) =
        predicates.into_iter().partition(|predicate| made.has_any_of(&Reads::of(predicate)));
    let input = node.input_mut().expect("a step has an input");
    let taken = core::mem::replace(&mut **input, Node::Pairs);
    **input = sink(taken, below, steps - 1);
    node.filtered(here)
}

/// Whether what equals a value of this is the same value, so that it does not matter which of them comes first.
fn is_itself(expr: &Expr) -> bool {
    !matches!(expr.ty, Type::F32 | Type::F64 | Type::Decimal)
}

/// Whether an aggregate of groups is made of the same of parts of them, with the same errors: sums of floats would be rounded otherwise, and
/// those of wide numbers may overflow in a part alone.
fn merges(item: &AggregateTerm) -> bool {
    match item.function {
        AggregateFunction::Count => true,
        AggregateFunction::Min | AggregateFunction::Max => item.argument.as_ref().is_some_and(is_itself),
        AggregateFunction::Sum => item.argument.as_ref().is_some_and(|of| {
            let is_integer = of.ty.is_signed_integer() || of.ty.is_unsigned_integer();
            is_integer && of.ty.width().is_some_and(|width| width <= 4)
        }),
        _ => false,
    }
}

/// Whether an aggregate is that of the one record that the rows of a group have.
fn is_of_one_record(item: &AggregateTerm, made: &Made) -> bool {
    matches!(item.function, AggregateFunction::Min | AggregateFunction::Max)
        && item.filter.is_none()
        && item.argument.as_ref().is_some_and(|of| of.is_sure() && made.has_all_of(&Reads::of(of)))
}

/// What something reads.
#[derive(Default)]
struct Reads {
    slots: Vec<Slot>,
    computed: Vec<Computed>,
}

impl Reads {
    fn of(expr: &Expr) -> Reads {
        Reads { slots: expr.slots(), computed: expr.computed_values() }
    }

    fn of_item(item: &AggregateTerm) -> Reads {
        let mut reads = Reads::default();
        item.argument.iter().chain(&item.filter).for_each(|expr| reads.add(expr));
        reads
    }

    /// What a step reads of its rows, and of all that it has itself.
    fn of_step(step: &Node) -> Reads {
        let mut reads = Reads::default();
        step.expressions().into_iter().for_each(|expr| reads.add(expr));
        match step {
            Node::Lookup(lookup) => reads.slots.push(lookup.from),
            Node::Subquery(of) => [&of.inner, &of.pairs].into_iter().for_each(|side| reads.add_node(side)),
            Node::Join(of) => [&of.inner, &of.pairs].into_iter().for_each(|side| reads.add_node(side)),
            _ => {}
        }
        reads
    }

    fn add(&mut self, expr: &Expr) {
        self.slots.extend(expr.slots());
        self.computed.extend(expr.computed_values());
    }

    fn add_node(&mut self, node: &Node) {
        node.visit(&mut |node| {
            node.expressions().into_iter().for_each(|expr| self.add(expr));
            if let Node::Lookup(lookup) = node {
                self.slots.push(lookup.from);
            }
        });
    }
}

/// What steps add to rows.
struct Made {
    slots: Vec<Slot>,
    computed: Vec<Computed>,
}

impl Made {
    /// What those of the steps add that are taken.
    fn of(steps: &[&Node], taken: &[bool]) -> Made {
        let mut made = Made { slots: Vec::new(), computed: Vec::new() };
        for (step, _) in steps.iter().zip(taken).filter(|(_, taken)| **taken) {
            match step {
                Node::Lookup(lookup) => made.slots.push(lookup.into),
                Node::Join(join) => {
                    join.inner.slots(&mut made.slots);
                    join.inner.computed(&mut made.computed);
                }
                _ => {}
            }
        }
        made
    }

    fn has_any_of(&self, reads: &Reads) -> bool {
        reads.slots.iter().any(|slot| self.slots.contains(slot))
            || reads.computed.iter().any(|value| self.computed.contains(value))
    }

    /// Whether something is read, and all of it is of these.
    fn has_all_of(&self, reads: &Reads) -> bool {
        self.has_any_of(reads)
            && reads.slots.iter().all(|slot| self.slots.contains(slot))
            && reads.computed.iter().all(|value| self.computed.contains(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fixture::{
        self as f, DraftBuilder, aggregate, draft, field, inner, int, text, through,
    };
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::AggregateFunction::{Avg, Count, CountDistinct, Max, Min, StringAgg, Sum};
    use crate::expr::BinaryOp::{And, Divide, Eq, Gt};
    use crate::expr::{Clause, Draft, Postfix};

    const BEFORE: &[&str] = &[
        "split_conjuncts",
        "key_through_relation",
        "join_filters",
        "decorrelate",
        "push_filters",
        "reduce_group_keys",
    ];

    fn rewritten(draft: Draft) -> (String, String) {
        before_and_after(&draft, "early_groups", BEFORE)
    }

    fn stays(draft: Draft) {
        let (before, after) = rewritten(draft);
        assert_eq!(before, after);
    }

    fn longest() -> Postfix {
        aggregate(Sum, Some(field(f::track::MILLISECONDS)))
    }

    fn of_album(ordinal: u16) -> Postfix {
        through(&[f::track::ALBUM], ordinal)
    }

    /// The tracks of each album, with this about them.
    fn by_album(items: impl IntoIterator<Item = Postfix>) -> Draft {
        draft(f::Track).group_by([field(f::track::ALBUM)]).select(items).build()
    }

    fn joined(kind: JoinKind) -> DraftBuilder {
        let on = inner(1, f::artist::ID).binary(Eq, field(f::track::EDITOR));
        draft(f::Track).clause(Clause::Join { collection: f::Artist, on, kind })
    }

    #[test]
    fn what_is_looked_up_by_a_key_is_found_for_groups() {
        let keys = [field(f::track::ALBUM), of_album(f::album::TITLE)];
        let groups = draft(f::Track).group_by(keys).select([Postfix::key(1), longest()]).build();
        let (before, after) = rewritten(groups);
        assert_eq!(
            before,
            "project [album.title], [sum(milliseconds)]\n  \
             aggregate sum(milliseconds), min(album.title) by album\n    lookup Album by album\n      scan Track"
        );
        assert_eq!(
            after,
            "project album.title, [sum(milliseconds)]\n  join Album on album.id = [album]\n    \
    aggregate sum(milliseconds) by album\n      scan Track"
        );
    }

    /// Tracks by the name of their editors, of whom there are few.
    fn by_editor(items: impl IntoIterator<Item = Postfix>) -> Draft {
        let name = through(&[f::track::EDITOR], f::artist::NAME);
        draft(f::Track).group_by([name]).select(items).build()
    }

    #[test]
    fn groups_of_few_records_are_put_together() {
        let most = aggregate(Max, Some(field(f::track::MILLISECONDS)));
        let (before, after) = rewritten(by_editor([Postfix::key(0), aggregate(Count, None), most.clone()]));
        assert_eq!(
            before,
            "project [editor.name], [count], [max(milliseconds)]\n  \
             aggregate count, max(milliseconds) by editor.name\n    lookup Artist by editor\n      scan Track"
        );
        assert_eq!(
            after,
            "project [editor.name], [count], [max(milliseconds)]\n  \
             aggregate sum([count]), max([max(milliseconds)]) by editor.name\n    \
             left join Artist on editor.id = [editor]\n      \
             aggregate count, max(milliseconds) by editor\n        scan Track"
        );
        // By a join, which drops those without; not where another key makes more groups of each than are known to be few.
        let by = |keys: &[Postfix]| {
            let groups = joined(JoinKind::Inner).group_by(keys.to_vec());
            groups.select([aggregate(Count, None)]).build()
        };
        let (_, after) = rewritten(by(&[inner(1, f::artist::NAME)]));
        assert!(
            after.ends_with(
                "aggregate sum([count]) by Artist.name\n    join Artist on Artist.id = [editor]\n      \
                 aggregate count by editor\n        scan Track"
            ),
            "{after}"
        );
        stays(by(&[inner(1, f::artist::NAME), field(f::track::NAME)]));
        // Wide sums may overflow in a part, others are rounded, and means are no means of means.
        let prices = |function| aggregate(function, Some(field(f::track::PRICE)));
        for item in [longest(), prices(Sum), prices(Avg), prices(Min), prices(CountDistinct)] {
            stays(by_editor([item, most.clone()]));
        }
        // What reads the record, and more records than are worth it.
        stays(by_editor([aggregate(Count, Some(through(&[f::track::EDITOR], f::artist::NAME)))]));
        stays(draft(f::Track).group_by([of_album(f::album::TITLE)]).select([aggregate(Count, None)]).build());
    }

    #[test]
    fn what_that_leads_to_is_looked_up_behind_it() {
        let name = through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME);
        let (_, after) = rewritten(by_album([aggregate(Max, Some(name)), aggregate(Count, None)]));
        assert_eq!(
            after,
            "project album.artist.name, [count]\n  lookup Artist by album.artist\n    \
             join Album on album.id = [album]\n      aggregate count by album\n        scan Track"
        );
    }

    #[test]
    fn groups_without_a_record_stay() {
        let keys = [field(f::track::EDITOR), through(&[f::track::EDITOR], f::artist::NAME)];
        let groups = draft(f::Track).group_by(keys).select([Postfix::key(1), longest()]).build();
        let (_, after) = rewritten(groups);
        assert!(after.contains("  left join Artist on editor.id = [editor]\n"), "{after}");
    }

    #[test]
    fn joins_are_made_of_groups_by_either_key() {
        for key in [field(f::track::EDITOR), inner(1, f::artist::ID)] {
            let keys = [key, inner(1, f::artist::NAME)];
            let groups = joined(JoinKind::Inner).group_by(keys).select([Postfix::key(0), Postfix::key(1)]);
            let (_, after) = rewritten(groups.build());
            let joined = "  join Artist on Artist.id = [editor]\n    aggregate by editor\n      scan Track";
            assert!(after.ends_with(joined), "{after}");
        }
        // Rows without an artist are one group, whatever they point at.
        let keys = [inner(1, f::artist::ID), inner(1, f::artist::NAME)];
        stays(joined(JoinKind::Left).group_by(keys).select([Postfix::key(1), longest()]).build());
        let keys = [field(f::track::EDITOR), inner(1, f::artist::NAME)];
        let groups = joined(JoinKind::Left).group_by(keys).select([Postfix::key(1), longest()]);
        assert!(rewritten(groups.build()).1.contains("left join Artist on Artist.id = [editor]"));
    }

    #[test]
    fn what_is_asked_of_groups_goes_before_joins() {
        let keys = [field(f::track::ALBUM), of_album(f::album::TITLE)];
        let asked = longest().binary(Gt, int(9)).binary(And, Postfix::key(1).binary(Gt, text("x")));
        let groups = draft(f::Track).group_by(keys).filter(asked).select([Postfix::key(1)]).build();
        let (_, after) = rewritten(groups);
        assert_eq!(
            after,
            "project album.title\n  filter album.title > \"x\"\n    join Album on album.id = [album]\n      \
             filter [sum(milliseconds)] > 9\n        \
             aggregate sum(milliseconds) by album\n          scan Track"
        );
    }

    #[test]
    fn what_rows_are_made_of_stays_below() {
        // It is added up, filtered by, or what groups are made by.
        stays(by_album([aggregate(Count, Some(of_album(f::album::RELEASED)))]));
        let titled = of_album(f::album::TITLE).binary(Eq, text("x"));
        let filtered = draft(f::Track).filter(titled).group_by([field(f::track::ALBUM)]);
        stays(filtered.select([aggregate(Min, Some(of_album(f::album::TITLE)))]).build());
        let by_title = draft(f::Track).group_by([of_album(f::album::TITLE)]);
        stays(by_title.select([Postfix::key(0), longest()]).build());
        // One filter that stays does not hold up another record.
        let long = field(f::track::MILLISECONDS).binary(Gt, int(7));
        let filtered = draft(f::Track).filter(long).group_by([field(f::track::ALBUM)]);
        let (_, after) =
            rewritten(filtered.select([aggregate(Min, Some(of_album(f::album::TITLE)))]).build());
        assert!(
            after.ends_with("aggregate by album\n      filter milliseconds > 7\n        scan Track"),
            "{after}"
        );
    }

    #[test]
    fn several_records_are_joined_first() {
        let on = inner(1, f::album::ARTIST).binary(Eq, field(f::track::EDITOR));
        let both = draft(f::Track).clause(Clause::Join { collection: f::Album, on, kind: JoinKind::Inner });
        let keys = [field(f::track::EDITOR)];
        stays(both.group_by(keys).select([aggregate(Min, Some(inner(1, f::album::TITLE)))]).build());
    }

    #[test]
    fn faults_and_orders_stay_as_they_are() {
        let inverse = int(9).binary(Divide, field(f::track::MILLISECONDS)).binary(Gt, int(1));
        let groups = || draft(f::Track).group_by([field(f::track::ALBUM)]);
        let title = || aggregate(Min, Some(of_album(f::album::TITLE)));
        let faulty = draft(f::Track).filter(inverse).group_by([field(f::track::ALBUM)]);
        stays(faulty.select([title()]).build());
        let names = StringAgg { separator: String::from(",") };
        stays(groups().select([title(), aggregate(names, Some(field(f::track::NAME)))]).build());
        let sorted = draft(f::Track).order_by(field(f::track::NAME), true);
        let values = [field(f::track::ALBUM), of_album(f::album::TITLE)];
        let (before, after) = rewritten(sorted.select(values).clause(Clause::Distinct).build());
        assert!(before.contains("aggregate min(album.title) by album") && before == after, "{after}");
    }

    #[test]
    fn a_join_that_drops_most_rows_is_made_first() {
        let on = inner(1, f::artist::ID).binary(Eq, field(f::track::EDITOR));
        let on = on.binary(And, inner(1, f::artist::NAME).binary(Eq, text("Saxon")));
        let of_one =
            draft(f::Track).clause(Clause::Join { collection: f::Artist, on, kind: JoinKind::Inner });
        stays(of_one.group_by([field(f::track::EDITOR)]).select([longest()]).build());
    }
}
