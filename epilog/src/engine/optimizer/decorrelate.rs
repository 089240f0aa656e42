//! What a subquery or a join asks of its records alone is asked before they are paired with rows; equalities between a record
//! and a row become links.
//!
//! ```text
//! before                                                after
//! subquery any Invoice                                  subquery any Invoice on Invoice.customer = id
//!   pairs: filter Invoice.customer = id                   inner: filter Invoice.total > 5
//!               & Invoice.total > 5                         scan Invoice
//!     pairs                                               scan Customer
//!   scan Customer
//! ```
//!
//! Links let the physical plan find the records of a row through an index or a hash table instead of trying every pair.
//! Must not fire on a predicate that reads both sides other than by `=`, nor move a subquery that reads the row.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Expr, ExprKind, Inner, Link, LogicalPlan, Lookup, Node, Slot, Subquery};
use crate::engine::planted::{self, Bug};
use crate::expr::BinaryOp;
use crate::parts;

pub(super) const RULE: Rule =
    Rule { name: "decorrelate", of: Kinds::SUBQUERY.or(Kinds::JOIN), apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = plan.root.map(&mut |node| match node {
        Node::Subquery(mut subquery) => {
            let inner = decorrelate(&mut subquery.inner, &mut subquery.links, &mut subquery.pairs);
            link_unsure(&mut subquery, &inner);
            if parts::CALCULATION {
                keep_sure(&mut subquery.links, &mut subquery.pairs, &Inner::of(&subquery.input));
            }
            Node::Subquery(subquery)
        }
        Node::Join(mut join) => {
            decorrelate(&mut join.inner, &mut join.links, &mut join.pairs);
            if parts::CALCULATION {
                keep_sure(&mut join.links, &mut join.pairs, &Inner::of(&join.input));
            }
            Node::Join(join)
        }
        other => other,
    });
    plan
}

fn decorrelate(inner_side: &mut Node, links: &mut Vec<Link>, pair_side: &mut Node) -> Inner {
    let mut inner = Inner::of(inner_side);
    // The values that nodes of the pairs make are not the row's, and a link's sides are calculated before any pair is.
    let made_by_pairs = Inner::of(pair_side);

    // From the pairs upwards, nodes that are about the inner side alone change sides.
    let (mut pairs, chain) = core::mem::replace(pair_side, Node::Pairs).unstacked();
    let mut side = core::mem::replace(inner_side, Node::Pairs);
    for node in chain {
        match node {
            Node::Lookup(lookup) if inner.slots.contains(&lookup.from) => {
                inner.slots.push(lookup.into);
                side = Node::Lookup(Lookup { input: Box::new(side), ..lookup });
            }
            Node::Subquery(nested) if is_about(&nested, &inner) => {
                inner.computed.push(nested.output);
                side = Node::Subquery(Subquery { input: Box::new(side), ..nested });
            }
            Node::Filter(filter) => {
                let (mut own, mut rest) = (Vec::new(), Vec::new());
                for predicate in filter.predicates {
                    if inner.has_all_of(&predicate) {
                        own.push(predicate);
                        continue;
                    }
                    match as_link(predicate, &inner, &made_by_pairs, true) {
                        Ok(link) => links.push(link),
                        Err(predicate) => rest.push(predicate),
                    }
                }
                side = side.filtered(own);
                pairs = pairs.filtered(rest);
            }
            mut other => {
                **other.input_mut().expect("a node of a chain has an input") = pairs;
                pairs = other;
            }
        }
    }
    *inner_side = side;
    *pair_side = pairs;
    inner
}

/// Makes a link of an equality that has no result for some records, if there is no other link: of several a sure one that differs
/// decides, whatever another runs into. A record without a result is then paired with every row.
fn link_unsure(subquery: &mut Subquery, inner: &Inner) {
    if !subquery.links.is_empty() {
        return;
    }
    let Node::Filter(filter) = &mut *subquery.pairs else { return };
    let made_by_pairs = Inner::of(&filter.input);
    let is_link = |predicate: &Expr| as_link(predicate.clone(), inner, &made_by_pairs, false).is_ok();
    let Some(place) = filter.predicates.iter().position(is_link) else { return };
    let predicate = filter.predicates.remove(place);
    subquery.links.extend(as_link(predicate, inner, &made_by_pairs, false));
    if filter.predicates.is_empty() {
        let below = core::mem::replace(&mut *filter.input, Node::Pairs);
        *subquery.pairs = below;
    }
}

/// Makes predicates of links that may have no value for a row, but for one when there is no other: of several links one that
/// differs decides, whatever another one runs into.
fn keep_sure(links: &mut Vec<Link>, pairs: &mut Node, outer: &Inner) {
    let sure = links.iter().filter(|link| outer.is_sure(&link.outer)).count();
    if sure == links.len() {
        return;
    }
    let mut kept = sure.max(1);
    let mut rest = Vec::new();
    for link in core::mem::take(links) {
        if kept > 0 && (sure == 0 || outer.is_sure(&link.outer)) {
            kept -= 1;
            links.push(link);
        } else {
            rest.push(Expr::binary_test(BinaryOp::Eq, link.inner, link.outer));
        }
    }
    let below = core::mem::replace(pairs, Node::Pairs);
    *pairs = below.filtered(rest);
}

/// Whether a nested subquery reads, of the slots and values around it, the inner side's only.
fn is_about(nested: &Subquery, inner: &Inner) -> bool {
    let mut own = Inner { slots: Vec::new(), computed: Vec::new(), sure: Vec::new() };
    for side in [&nested.inner, &nested.pairs] {
        side.visit(&mut |node| match node {
            Node::Scan(scan) => own.slots.push(scan.slot),
            Node::Lookup(lookup) => own.slots.push(lookup.into),
            Node::Subquery(deeper) => {
                own.slots.push(deeper.slot);
                own.computed.push(deeper.output);
            }
            Node::Aggregate(aggregate) => own.computed.extend(aggregate.outputs()),
            Node::Set(set) => own.computed.extend(set.columns.iter().map(|column| column.output)),
            Node::Window(window) => own.computed.extend(window.items.iter().map(|item| item.output)),
            _ => {}
        });
    }
    let known_slot = |slot: &Slot| inner.slots.contains(slot) || own.slots.contains(slot);
    let known = |expr: &Expr| {
        expr.slots().iter().all(known_slot)
            && expr
                .computed_values()
                .iter()
                .all(|value| inner.computed.contains(value) || own.computed.contains(value))
    };
    let mut about = nested.links.iter().all(|link| known(&link.outer) && known(&link.inner));
    about &= nested.asked.expressions().all(known);
    for side in [&nested.inner, &nested.pairs] {
        side.visit(&mut |node| {
            about &= node.expressions().into_iter().all(known);
            if let Node::Lookup(lookup) = node {
                about &= known_slot(&lookup.from);
            }
        });
    }
    about
}

/// Whether this rule makes a predicate a link that is asked of bare pairs.
#[cfg(not(feature = "small"))]
pub(super) fn becomes_link(predicate: &Expr, inner: &Inner) -> bool {
    let made_by_pairs = Inner { slots: Vec::new(), computed: Vec::new(), sure: Vec::new() };
    as_link(predicate.clone(), inner, &made_by_pairs, true).is_ok()
}

/// An equality of the two sides as a link; one whose inner side has a value, or none, for every record if `is_sure`.
fn as_link(predicate: Expr, inner: &Inner, made_by_pairs: &Inner, is_sure: bool) -> Result<Link, Expr> {
    let Expr { kind: ExprKind::Binary(BinaryOp::Eq, left, right), ty, nullable } = predicate else {
        return Err(predicate);
    };
    let absent_matches = !planted::is(Bug::AbsentLinkUnmatched);
    let is_inner = |expr: &Expr| inner.has_all_of(expr) && !inner.has_none_of(expr);
    let is_outer = |expr: &Expr| inner.has_none_of(expr) && made_by_pairs.has_none_of(expr);
    // A fault of a record is one of the pairs it is in.
    if is_inner(&left) && is_outer(&right) && (!is_sure || inner.is_sure(&left)) {
        Ok(Link { inner: *left, outer: *right, absent_matches })
    } else if is_inner(&right) && is_outer(&left) && (!is_sure || inner.is_sure(&right)) {
        Ok(Link { inner: *right, outer: *left, absent_matches })
    } else {
        Err(Expr { kind: ExprKind::Binary(BinaryOp::Eq, left, right), ty, nullable })
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, exists, field, inner, int, reverse};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Eq, Gt, Lt};
    use crate::expr::Quantifier;

    #[test]
    fn equalities_become_links_and_the_rest_is_sorted_by_side() {
        let on = inner(1, f::track::ALBUM).binary(Eq, field(f::album::ID));
        let long = inner(1, f::track::MILLISECONDS).binary(Gt, int(5));
        let both = inner(1, f::track::NAME).binary(Lt, field(f::album::TITLE));
        let draft =
            draft(f::Album).filter(exists(f::Track, 1, on.binary(And, long).binary(And, both))).build();
        let (before, after) = before_and_after(&draft, "decorrelate", &["split_conjuncts"]);
        assert_eq!(
            before,
            "project Album\n  filter [any Track]\n    subquery any Track\n      \
             pairs: filter Track.album = id & Track.milliseconds > 5 & Track.name < title\n        pairs\n      scan Album"
        );
        assert_eq!(
            after,
            "project Album\n  filter [any Track]\n    subquery any Track on Track.album = id\n      \
             inner: filter Track.milliseconds > 5\n        scan Track\n      \
             pairs: filter Track.name < title\n        pairs\n      scan Album"
        );
    }

    #[test]
    fn a_nested_subquery_about_the_inner_record_moves_and_one_about_both_stays() {
        let long = field(f::track::MILLISECONDS).binary(Gt, int(5));
        let albums_with_long = reverse(f::Track, f::track::ALBUM, Quantifier::Any, Some(long));
        let draft = draft(f::Artist)
            .filter(reverse(f::Album, f::album::ARTIST, Quantifier::Any, Some(albums_with_long)))
            .build();
        let (_, after) = before_and_after(&draft, "decorrelate", &["split_conjuncts"]);
        assert_eq!(
            after,
            "project Artist\n  filter [any Album]\n    subquery any Album on Album.artist = id\n      \
             inner: filter [any Track]\n        subquery any Track on Track.album = Album.id\n          \
             inner: filter Track.milliseconds > 5\n            scan Track\n          scan Album\n      scan Artist"
        );

        let on = inner(2, f::track::NAME).binary(Eq, field(f::artist::NAME));
        let on = on.binary(And, inner(2, f::track::ALBUM).binary(Eq, inner(1, f::album::ID)));
        let own = inner(1, f::album::ARTIST).binary(Eq, field(f::artist::ID));
        let nested = exists(f::Track, 2, on);
        let draft = draft_of_artists(exists(f::Album, 1, own.binary(And, nested)));
        let (_, after) = before_and_after(&draft, "decorrelate", &["split_conjuncts"]);
        assert_eq!(
            after,
            "project Artist\n  filter [any Album]\n    subquery any Album on Album.artist = id\n      \
             pairs: filter [any Track]\n        subquery any Track on Track.name = name & Track.album = Album.id\n          \
             pairs\n      scan Artist"
        );
    }

    fn draft_of_artists(predicate: crate::expr::Postfix) -> crate::expr::Draft {
        draft(f::Artist).filter(predicate).build()
    }
}
