//! What is asked of few rows, whether one of them belongs to each of many, is a join of these with those, which can begin at the few.
//!
//! ```text
//! before                                                after
//! aggregate count                                       aggregate count
//!   filter [album in query]                               join Track on [Track 2.album] = album
//!     subquery any Track on [Track 2.album] = album         inner: filter [count] > 90
//!       inner: filter [count] > 90                            aggregate count by Track 2.album
//!         aggregate count by Track 2.album                      scan Track
//!           scan Track                                      scan Track
//!       scan Track
//! ```
//!
//! As a subquery it is asked for each of the rows, all of which are read; in a join, which [`join_order`](super::join_order) puts in its
//! place, the few can be where rows come from, and the others be found by an index.
//!
//! No two of the few may have the same of what links them, or a row would be there twice: they are groups by just that, or
//! records of which that is the key. Must not fire
//!
//! - on others, nor where something is asked of the pairs;
//! - where the answer is asked for by anything else than the filter, as the value of a row;
//! - where rows have an order that somebody sees: the pairs of a join have none;
//! - on what is more than memory holds: a join keeps what it reads;
//! - unless the few are expected to be less than a sixteenth of the many: a table of keys is looked at quicker than pairs are made.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::drop_distinct::{is_key, only_source};
use super::join_order::{Measure, is_free_below};
use super::{Apply, Kinds, Rule};
use crate::engine::estimate::Statistics;
use crate::engine::logical::{
    Asked, Computed, Expr, ExprKind, Filter, Inner, Join, Link, LogicalPlan, Node, SlotDef, Subquery, replace,
};
use crate::engine::planted::{self, Bug};
use crate::expr::JoinKind;
use crate::parts::{Amount, Whole};

/// So many times as many rows are many.
const MANY: Amount = 16.0;

pub(super) const RULE: Rule =
    Rule { name: "join_distinct", of: Kinds::SUBQUERY, apply: Apply::Knowing(apply) };

fn apply(mut plan: LogicalPlan, statistics: &dyn Statistics) -> LogicalPlan {
    let Some(whole) = Whole::build() else { return plan };
    let read = plan.root.values_read();
    let slots = core::mem::take(&mut plan.slots);
    let walk = Walk { slots: &slots, measure: Measure::new(&slots, statistics), read, whole };
    plan.root = walk.node(plan.root, false);
    plan.slots = slots;
    plan
}

/// The way down a plan.
struct Walk<'p> {
    slots: &'p [SlotDef],
    measure: Measure<'p>,
    /// The values that anything reads, as often as it does.
    read: Vec<Computed>,
    whole: Whole,
}

impl Walk<'_> {
    /// `node` with joins in it; `free` is whether its rows may come in any order.
    fn node(&self, mut node: Node, free: bool) -> Node {
        let below = is_free_below(&node, free);
        match &mut node {
            Node::Set(set) => replace(&mut set.right, |right| self.node(right, true)),
            Node::Recursive(recursive) => replace(&mut recursive.step, |step| self.node(step, true)),
            Node::Join(join) => replace(&mut join.inner, |inner| self.node(inner, false)),
            _ => {}
        }
        if let Some(input) = node.input_mut() {
            replace(input, |input| self.node(input, below));
        }
        match node {
            Node::Filter(filter) if free => self.filter(filter),
            other => other,
        }
    }

    /// A filter, or a join and what else it asks.
    fn filter(&self, filter: Filter) -> Node {
        let Filter { input, mut predicates } = filter;
        let subquery = match *input {
            Node::Subquery(subquery) => subquery,
            other => return other.filtered(predicates),
        };
        let asks = |predicate: &Expr| predicate.kind == ExprKind::Computed(subquery.output);
        match predicates.iter().position(asks) {
            Some(at) if self.may_join(&subquery) => {
                predicates.remove(at);
                let Subquery { input, slot, inner, links, pairs, .. } = subquery;
                let kind = JoinKind::Inner;
                let join = Join { input, slot, inner, links, pairs, kind, whole: self.whole };
                if planted::is(Bug::AskedBesideFewLost) {
                    predicates.clear();
                }
                Node::Join(join).filtered(predicates)
            }
            _ => Node::Filter(Filter { input: Box::new(Node::Subquery(subquery)), predicates }),
        }
    }

    fn may_join(&self, subquery: &Subquery) -> bool {
        let Subquery { input, inner, links, pairs, asked, output, .. } = subquery;
        let mut slots = Vec::new();
        input.slots(&mut slots);
        let rows = Inner::of(input);
        *asked == Asked::Any
            && **pairs == Node::Pairs
            && self.read.iter().filter(|read| **read == *output).count() == 1
            && links.iter().all(|link| rows.is_sure(&link.outer))
            && self.is_distinct(inner, links)
            && self.measure.fits(&slots)
            && self.measure.rows_of(inner) * MANY <= self.measure.rows_of(input)
    }

    /// Whether no two rows have the same of all that `links` compare.
    fn is_distinct(&self, inner: &Node, links: &[Link]) -> bool {
        if planted::is(Bug::FewBelongTwice) {
            return true;
        }
        let is_linked =
            |computed: Computed| links.iter().any(|link| link.inner.kind == ExprKind::Computed(computed));
        if let Some(slot) = only_source(inner) {
            return links.iter().any(|link| is_key(&link.inner, slot, self.slots));
        }
        let mut node = inner;
        while let Node::Filter(_) | Node::Lookup(_) | Node::Subquery(_) = node {
            let Some(input) = node.input() else { return false };
            node = input;
        }
        let Node::Aggregate(aggregate) = node else { return false };
        aggregate.keys().iter().all(|key| is_linked(key.output))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use crate::engine::fixture::{self as f, DraftBuilder, aggregate, draft, field, int, text};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{Eq, Gt};
    use crate::expr::{AggregateFunction, Draft, Postfix};

    const BEFORE: &[&str] = &["split_conjuncts", "decorrelate", "push_filters"];

    fn rewritten(draft: DraftBuilder) -> (String, String) {
        before_and_after(&draft.build(), "join_distinct", BEFORE)
    }

    fn counted(draft: DraftBuilder) -> DraftBuilder {
        draft.aggregate([(AggregateFunction::Count, None)])
    }

    /// The albums of long tracks.
    fn long() -> Draft {
        let length = aggregate(AggregateFunction::Sum, Some(field(f::track::MILLISECONDS)));
        let groups = draft(f::Track).group_by([field(f::track::ALBUM)]).filter(length.binary(Gt, int(9)));
        groups.select([Postfix::key(0)]).build()
    }

    fn of_long() -> DraftBuilder {
        draft(f::Track).filter(field(f::track::ALBUM).is_in_query(long()))
    }

    #[test]
    fn groups_and_records_by_their_key_are_joined() {
        let (before, after) = rewritten(counted(of_long()));
        assert_eq!(
            before,
            "project [count]\n  aggregate count\n    filter [album in query]\n      \
             subquery any Track on [Track 2.album] = album\n        \
             inner: filter [sum(Track 2.milliseconds)] > 9\n          \
             aggregate sum(Track 2.milliseconds) by Track 2.album\n            scan Track\n        scan Track"
        );
        assert_eq!(
            after,
            "project [count]\n  aggregate count\n    join Track on [Track 2.album] = album\n      \
             inner: filter [sum(Track 2.milliseconds)] > 9\n        \
             aggregate sum(Track 2.milliseconds) by Track 2.album\n          scan Track\n      scan Track"
        );
        let titled = draft(f::Album).filter(field(f::album::TITLE).binary(Eq, text("Crusader")));
        let titled = titled.select([field(f::album::ID)]).build();
        let (before, after) =
            rewritten(counted(draft(f::Track).filter(field(f::track::ALBUM).is_in_query(titled))));
        assert!(
            before.contains("subquery any Album") && after.contains("join Album on Album.id = album"),
            "{after}"
        );
    }

    #[test]
    fn others_are_asked_for_each_row() {
        let same = |draft: DraftBuilder| {
            let (before, after) = rewritten(draft);
            assert!(before.contains("subquery any"), "{before}");
            assert_eq!(before, after);
        };
        // Their order is seen.
        same(of_long());
        same(counted(of_long().limit(5)));
        // An album with two such tracks would make two of each of its own.
        let loud = draft(f::Track).filter(field(f::track::NAME).binary(Eq, text("Loud")));
        let loud = loud.select([field(f::track::ALBUM)]).build();
        same(counted(draft(f::Track).filter(field(f::track::ALBUM).is_in_query(loud))));
        // Of three thousand albums, three hundred artists are not few.
        let artists = draft(f::Artist).select([field(f::artist::ID)]).build();
        same(counted(draft(f::Album).filter(field(f::album::ARTIST).is_in_query(artists))));
        // Those that do not belong are asked for.
        let others = field(f::track::ALBUM).is_in_query(long()).unary(crate::expr::UnaryOp::Not);
        same(counted(draft(f::Track).filter(others)));
    }
}
