//! Where a subquery within a subquery reads the row two levels outside, the inner records are joined with those of the nested one, so
//! that what these have in common with the row finds them.
//!
//! ```text
//! before                                                after
//! subquery any Invoice                                  subquery any Invoice on Line.product = favourite
//!   pairs: filter [any Line]                              inner: join Line on Line.invoice = Invoice.id
//!     subquery any Line on Line.invoice = Invoice.id          scan Invoice
//!                      & Line.product = favourite         scan Customer
//!       pairs
//!   scan Customer
//! ```
//!
//! As they are, each row is paired with each inner record, and the nested subquery is asked of each pair. *There is one with one that* is
//! the same as *there are two that*, as often as there are any: so *any* asks of the pairs of a join. What counts inner records, or adds
//! them up, must have each once for a row. So nested records are first made groups by all that links them: of these no two have the same
//! of an inner record and of a row.
//!
//! Must not fire
//!
//! - where something else links the row and the inner records already, so that not every pair is tried;
//! - on a nested subquery that asks otherwise than *any*, is asked for by anything but one conjunct, or has nothing that is equal both to
//!   something of the inner records and to something of the row;
//! - on one that asks more than equalities of its pairs, when pairs are counted: groups do not have it;
//! - where a value that links, or something beneath, may have no result: it would be one of records that no row is paired with;
//! - where an aggregate sees the order of inner records: a join has none;
//! - on what is more than memory holds, as a join keeps what it reads, where it makes many more pairs than that, which are kept too, or
//!   so many that each row may as well be asked.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::join_order::Measure;
use super::push_window_filters::is_sure_below;
use super::{Apply, Rule};
use crate::engine::estimate::Statistics;
use crate::engine::logical::{
    Aggregate, Asked, Computed, ComputedDef, Expr, ExprKind, Inner, Join, KeyTerm, Link, LogicalPlan, Names,
    Node, SlotDef, Subquery,
};
use crate::engine::planted::{self, Bug};
use crate::expr::{BinaryOp, JoinKind, UnaryOp};
use crate::parts::{Amount, Whole};

/// So many times as dear as a pair that is tried is a record that is read and joined.
const READ: Amount = 2.0;
/// So many pairs of a join at most are kept for each record that it reads.
const KEPT: Amount = 4.0;

pub(super) const RULE: Rule = Rule { name: "join_nested", apply: Apply::Knowing(apply) };

fn apply(mut plan: LogicalPlan, statistics: &dyn Statistics) -> LogicalPlan {
    let Some(whole) = Whole::build() else { return plan };
    let read = plan.root.values_read();
    let slots = core::mem::take(&mut plan.slots);
    let mut walk = Walk {
        slots: &slots,
        computed: core::mem::take(&mut plan.computed),
        measure: Measure::new(&slots, statistics),
        read,
        whole,
    };
    plan.root = plan.root.map(&mut |node| match node {
        Node::Subquery(subquery) => Node::Subquery(walk.subquery(subquery)),
        other => other,
    });
    plan.computed = walk.computed;
    plan.slots = slots;
    plan
}

struct Walk<'p> {
    slots: &'p [SlotDef],
    computed: Vec<ComputedDef>,
    measure: Measure<'p>,
    /// The values that anything reads, as often as it does.
    read: Vec<Computed>,
    whole: Whole,
}

/// The links of a nested subquery by what their outer sides read.
struct Split {
    /// Of the inner records.
    inner: Vec<Link>,
    /// Of the row.
    row: Vec<Link>,
    /// Of both.
    both: Vec<Link>,
}

impl Walk<'_> {
    fn subquery(&mut self, mut subquery: Subquery) -> Subquery {
        let sees_order = match &subquery.asked {
            Asked::Any | Asked::Count => false,
            Asked::Aggregate(term, _) => term.sees_order(),
        };
        if !subquery.links.is_empty() || sees_order || !is_sure_below(&subquery.inner) {
            return subquery;
        }
        // From the pairs upwards.
        let (_, mut chain) = core::mem::replace(&mut *subquery.pairs, Node::Pairs).unstacked();
        let found = (0..chain.len()).find_map(|at| self.joined(&subquery, &chain, at));
        let rest = match found {
            Some((at, Found { join, links, rest, answer })) => {
                chain.remove(at);
                for node in &mut chain {
                    if let Node::Filter(filter) = node {
                        filter.predicates.retain(|asked| asked.kind != ExprKind::Computed(answer));
                    }
                }
                *subquery.inner = Node::Join(join);
                subquery.links = links;
                rest
            }
            None => Vec::new(),
        };
        let pairs = chain.into_iter().fold(Node::Pairs, |below, mut node| match node {
            Node::Filter(filter) => below.filtered(filter.predicates),
            _ => {
                **node.input_mut().expect("a node of a chain has an input") = below;
                node
            }
        });
        *subquery.pairs = pairs.filtered(rest);
        subquery
    }

    /// What becomes of the subquery around the one at place `at` of its pairs' stages.
    fn joined(&mut self, subquery: &Subquery, chain: &[Node], at: usize) -> Option<(usize, Found)> {
        let Node::Subquery(nested) = &chain[at] else { return None };
        let is_asked = |expr: &Expr| expr.kind == ExprKind::Computed(nested.output);
        let is_conjunct = chain
            .iter()
            .any(|node| matches!(node, Node::Filter(filter) if filter.predicates.iter().any(is_asked)));
        let is_read_once = self.read.iter().filter(|read| **read == nested.output).count() == 1;
        let is_any = nested.asked == Asked::Any && is_conjunct && is_read_once;
        if !is_any || !is_sure_below(&nested.inner) {
            return None;
        }
        let more = match &*nested.pairs {
            Node::Pairs => Vec::new(),
            Node::Filter(filter) if subquery.asked == Asked::Any && *filter.input == Node::Pairs => {
                filter.predicates.clone()
            }
            _ => return None,
        };
        let split = split(subquery, nested, chain)?;
        let is_once = subquery.asked == Asked::Any || planted::is(Bug::NestedCountsTwice);
        let known = self.computed.len();
        let links = split.inner.clone();
        let found = self.join(subquery, nested, split, is_once, more);
        let quicker = self.is_quicker(subquery, nested, &links, &found.join);
        if !quicker {
            self.computed.truncate(known);
        }
        quicker.then_some((at, found))
    }

    /// The inner records joined with the nested ones, or with groups of them if each pair must be there once.
    fn join(
        &mut self,
        subquery: &Subquery,
        nested: &Subquery,
        mut split: Split,
        is_once: bool,
        more: Vec<Expr>,
    ) -> Found {
        let mut inner = (*nested.inner).clone();
        if !is_once {
            let mut keys: Vec<KeyTerm> = Vec::new();
            for link in split.inner.iter_mut().chain(&mut split.row).chain(&mut split.both) {
                let known = keys.iter().find(|key| key.expr == link.inner);
                let output = known.map_or_else(|| self.value_of(&link.inner), |key| key.output);
                let value = Expr::computed(output, link.inner.ty, link.inner.nullable);
                let expr = core::mem::replace(&mut link.inner, value);
                if keys.iter().all(|key| key.output != output) {
                    keys.push(KeyTerm { expr, output, whole: self.whole });
                }
            }
            inner = Node::Aggregate(Aggregate { input: Box::new(inner), keys, items: Vec::new() });
        }
        let join = Join {
            input: subquery.inner.clone(),
            slot: nested.slot,
            inner: Box::new(inner),
            links: split.inner,
            pairs: Box::new(Node::Pairs),
            kind: JoinKind::Inner,
            whole: self.whole,
        };
        let rest = split.both.into_iter().flat_map(as_predicates).chain(more).collect();
        Found { join, links: split.row, rest, answer: nested.output }
    }

    /// A new value, which is that of an expression.
    fn value_of(&mut self, expr: &Expr) -> Computed {
        let name = Names { slots: self.slots, computed: &self.computed }.expr(expr);
        self.computed.push(ComputedDef { ty: expr.ty, nullable: expr.nullable, name });
        Computed(self.computed.len() as u16 - 1)
    }

    /// Whether memory holds the join in which the links by what inner records have lie, and each row is rather asked of it.
    fn is_quicker(&self, subquery: &Subquery, nested: &Subquery, links: &[Link], join: &Join) -> bool {
        let mut slots = Vec::new();
        subquery.inner.slots(&mut slots);
        nested.inner.slots(&mut slots);
        let inner = self.measure.rows_of(&subquery.inner);
        let tried = self.measure.rows_of(&subquery.input) * inner;
        let read = inner + self.measure.rows_of(&nested.inner);
        // How many values groups are linked by is known of what they are made of.
        let of_records = Join { inner: nested.inner.clone(), links: links.to_vec(), ..join.clone() };
        let pairs = self.measure.rows_of(&Node::Join(of_records));
        let pairs = pairs.min(inner * self.measure.rows_of(&join.inner));
        self.measure.fits(&slots) && pairs <= read * KEPT && (read + pairs) * READ < tried
    }
}

/// What becomes of a subquery.
struct Found {
    /// Its inner side.
    join: Join,
    links: Vec<Link>,
    /// What else is asked of its pairs.
    rest: Vec<Expr>,
    /// The answer that nothing asks for any more.
    answer: Computed,
}

/// The links of a nested subquery, if there are some of either kind, and all have a value, or none, for every row.
fn split(subquery: &Subquery, nested: &Subquery, chain: &[Node]) -> Option<Split> {
    let row = Inner::of(&subquery.input);
    let inner = Inner::of(&subquery.inner);
    let own = Inner::of(&nested.inner);
    // What stages over pairs make is there when pairs are made, and not before.
    let (mut slots, mut computed) = (Vec::new(), Vec::new());
    for node in chain {
        match node {
            Node::Lookup(lookup) => slots.push(lookup.into),
            Node::Subquery(other) => computed.push(other.output),
            _ => {}
        }
    }
    let made = Inner { slots, computed, sure: Vec::new() };
    let mut split = Split { inner: Vec::new(), row: Vec::new(), both: Vec::new() };
    for link in nested.links.iter().cloned() {
        let values = link.outer.computed_values();
        let sure = !link.outer.may_fault()
            && values.iter().all(|value| inner.sure.contains(value) || row.sure.contains(value));
        if !sure || !own.is_sure(&link.inner) || !made.has_none_of(&link.outer) {
            return None;
        }
        match (inner.has_all_of(&link.outer), inner.has_none_of(&link.outer)) {
            (true, false) => split.inner.push(link),
            (false, true) => split.row.push(link),
            _ => split.both.push(link),
        }
    }
    (!split.inner.is_empty() && !split.row.is_empty()).then_some(split)
}

/// A link as predicates.
fn as_predicates(link: Link) -> impl Iterator<Item = Expr> {
    let needs_value = !link.absent_matches && link.inner.nullable && link.outer.nullable;
    let present = || Expr::test(ExprKind::Unary(UnaryOp::IsSome, Box::new(link.inner.clone())));
    let present = needs_value.then(present);
    present.into_iter().chain([Expr::binary_test(BinaryOp::Eq, link.inner, link.outer)])
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use crate::engine::fixture::{self as f, DraftBuilder, draft, exists, field, inner};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Divide, Eq, Gt};
    use crate::expr::op::Link;
    use crate::expr::{AggregateFunction, AggregateItem, Postfix, Quantifier, Subquery, UnaryOp};
    use crate::value::{Scalar, Type};

    fn rewritten(draft: DraftBuilder) -> (String, String) {
        let before = ["split_conjuncts", "lift_conditions", "decorrelate", "push_filters"];
        before_and_after(&draft.build(), "join_nested", &before)
    }

    /// Of an artist and an album: whether the album has a track that is called as the artist.
    fn titled() -> Postfix {
        let of_album = inner(2, f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
        of_album.binary(And, inner(2, f::track::NAME).binary(Eq, field(f::artist::NAME)))
    }

    fn asked(quantifier: Quantifier, predicate: Postfix) -> Postfix {
        let link = Link::Correlated { position: 1 };
        let predicate = Some(predicate);
        Postfix::subquery(Subquery { collection: f::Album, link, quantifier, predicate, equal: None })
    }

    fn stays(draft: DraftBuilder) {
        let (before, after) = rewritten(draft);
        assert_eq!(before, after);
    }

    #[test]
    fn what_the_row_two_levels_outside_is_equal_to_finds_pairs() {
        let on = exists(f::Track, 2, titled());
        let (before, after) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, on)));
        assert_eq!(
            before,
            "project Artist\n  filter [any Album]\n    subquery any Album\n      pairs: filter [any Track]\n        \
             subquery any Track on Track.album = Album.id & Track.name = name\n          pairs\n      scan Artist"
        );
        assert_eq!(
            after,
            "project Artist\n  filter [any Album]\n    subquery any Album on Track.name = name\n      \
             inner: join Track on Track.album = Album.id\n        scan Album\n      scan Artist"
        );
        // What else is asked of the nested pairs is asked of those of both.
        let later = inner(2, f::track::NAME).binary(Gt, inner(1, f::album::TITLE));
        let on = exists(f::Track, 2, titled().binary(And, later));
        let (_, after) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, on)));
        assert!(after.contains("pairs: filter Track.name > Album.title\n        pairs"), "{after}");
    }

    #[test]
    fn what_is_counted_is_joined_with_groups() {
        let count = asked(Quantifier::Count, exists(f::Track, 2, titled()));
        let (_, after) = rewritten(draft(f::Artist).select([count]));
        assert_eq!(
            after,
            "project [count Album]\n  subquery count Album on [Track.name] = name\n    \
             inner: join Track on [Track.album] = Album.id\n      inner: aggregate by Track.album, Track.name\n        \
             scan Track\n      scan Album\n    scan Artist"
        );
    }

    #[test]
    fn what_a_join_would_make_otherwise_is_asked_of_each_pair() {
        let nested = || exists(f::Track, 2, titled());
        // None is not any.
        stays(draft(f::Artist).filter(exists(f::Album, 1, nested().unary(UnaryOp::Not))));
        // Something else is equal.
        let own = inner(1, f::album::ARTIST).binary(Eq, field(f::artist::ID));
        stays(draft(f::Artist).filter(exists(f::Album, 1, own.binary(And, nested()))));
        // Lists are in order.
        let function = AggregateFunction::ArrayAgg;
        let list = AggregateItem { function, argument: Some(inner(1, f::album::ID)), filter: None };
        let list = Quantifier::aggregate(list).expect("a whole build");
        stays(draft(f::Artist).select([asked(list, nested())]));
        // Groups do not have what more is asked of pairs.
        let later = inner(2, f::track::NAME).binary(Gt, inner(1, f::album::TITLE));
        let on = exists(f::Track, 2, titled().binary(And, later));
        stays(draft(f::Artist).select([asked(Quantifier::Count, on)]));
        // Nothing is equal to both.
        let of_row = inner(2, f::track::NAME).binary(Eq, field(f::artist::NAME));
        stays(draft(f::Artist).filter(exists(f::Album, 1, exists(f::Track, 2, of_row.clone()))));
        // One artist is not worth it, whether asked before or beside.
        let first = || field(f::artist::ID).binary(Eq, f::id(1));
        stays(draft(f::Artist).filter(first()).limit(1).filter(exists(f::Album, 1, nested())));
        let beside = first().binary(And, exists(f::Album, 1, nested()));
        stays(draft(f::Artist).filter(beside));
        // Nor are many more pairs than there are records, of groups or of those.
        let of_artist = || {
            let alike = inner(2, f::track::EDITOR).binary(Eq, inner(1, f::album::ARTIST));
            alike.binary(And, inner(2, f::track::NAME).binary(Eq, field(f::artist::NAME)))
        };
        stays(draft(f::Artist).filter(exists(f::Album, 1, exists(f::Track, 2, of_artist()))));
        stays(draft(f::Artist).select([asked(Quantifier::Count, exists(f::Track, 2, of_artist()))]));
        // The sum of what may have none has none for every row.
        let number = |value| Postfix::literal(Scalar::Int(value), Type::U64);
        let length = inner(1, f::album::TITLE).unary(UnaryOp::Length);
        let faulty = number(6).binary(Divide, length).binary(Eq, number(3));
        let on: Vec<Postfix> = Vec::from([faulty, nested()]);
        let on = on.into_iter().reduce(|a, b| a.binary(And, b)).expect("two");
        stays(draft(f::Artist).filter(exists(f::Album, 1, on)));
    }
}
