//! What a subquery asks of the row alone is asked of the row, and not of each of its pairs.
//!
//! ```text
//! before                                                after
//! filter [any Invoice]                                  filter country = "FR" & [any Line] & [any Invoice]
//!   subquery any Invoice                                  subquery any Invoice
//!     pairs: filter country = "FR" & [any Line]             pairs: filter Invoice.total > spent
//!               & Invoice.total > spent                       pairs
//!       subquery any Line                                   subquery any Line
//!         pairs: filter Line.product = favourite              pairs: filter Line.product = favourite
//!           pairs                                               pairs
//!         pairs                                             scan Customer
//!     scan Customer
//! ```
//!
//! A nested subquery that reads the row alone is the same for all pairs of the row: it moves in front of them, whatever is asked, where
//! that asks it less often.
//! A condition on the row that one *any* asks holds for all its pairs or for none, so that who reads its answer reads *the condition and
//! the answer* instead. Filters then ask the condition as they ask any other of the row, through an index perhaps, and
//! [`decorrelate`](super::decorrelate) finds a nested subquery that is about the inner record alone once the condition has left it.
//!
//! A condition that has no result stays what it was: with no pair it does not matter, with one that else counts it is that of the
//! answer. What a left join may not find is a value of common rows, whose answer and condition are absent together.
//!
//! Must not fire
//!
//! - on conditions of what counts or adds up pairs: there the answer without any is another value than `false`;
//! - on a nested subquery that takes more than to look up its records, where links or other conditions on pairs leave few of them, of
//!   most rows perhaps none.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::became::Became;
use super::decorrelate::becomes_link;
use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Asked, Computed, Expr, Filter, Inner, LogicalPlan, Node, Subquery};
use crate::engine::planted::{self, Bug};
use crate::expr::BinaryOp;
use crate::value::Type;

pub(super) const RULE: Rule =
    Rule { name: "lift_conditions", of: Kinds::SUBQUERY, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    let mut became = Became::default();
    plan.root = plan.root.map(&mut |mut node| {
        became.put_into(&mut node);
        match node {
            Node::Filter(filter) => filtered(filter),
            Node::Subquery(mut subquery) => {
                lift(&mut subquery, &mut became);
                Node::Subquery(subquery)
            }
            other => other,
        }
    });
    plan
}

/// A filter that asks conjuncts.
fn filtered(filter: Filter) -> Node {
    let Filter { input, predicates } = filter;
    let mut conjuncts = Vec::new();
    predicates.into_iter().for_each(|predicate| predicate.split_conjuncts(&mut conjuncts));
    Node::Filter(Filter { input, predicates: conjuncts })
}

fn lift(subquery: &mut Subquery, became: &mut Became) {
    let inner = Inner::of(&subquery.inner);
    let may_lift = subquery.asked == Asked::Any;
    let mut conditions = Vec::new();

    // From the pairs upwards, as what is made by one stage is read by those above.
    let (mut pairs, chain) = core::mem::replace(&mut *subquery.pairs, Node::Pairs).unstacked();
    let tests = tests_of_pairs(&subquery.inner, &chain);
    let is_worth_it = |nested: &Subquery| {
        let is_behind = |test: &Vec<Computed>| test.contains(&nested.output);
        looks_up(nested) || subquery.links.is_empty() && tests.iter().all(is_behind)
    };
    let mut input = core::mem::replace(&mut *subquery.input, Node::Pairs);
    for node in chain {
        let made = Inner::of(&pairs);
        match node {
            Node::Subquery(nested) if is_free_of(&nested, &inner, &made) && is_worth_it(&nested) => {
                input = Node::Subquery(Subquery { input: Box::new(input), ..nested });
            }
            Node::Filter(filter) if may_lift => {
                let is_of_row = |expr: &Expr| {
                    inner.has_none_of(expr)
                        && made.has_none_of(expr)
                        && (!expr.slots().is_empty() || !expr.computed_values().is_empty())
                };
                let (own, rest): (Vec<_>, Vec<_>) = filter.predicates.into_iter().partition(is_of_row);
                conditions.extend(own);
                pairs = pairs.filtered(rest);
            }
            mut other => {
                **other.input_mut().expect("a node of a chain has an input") = pairs;
                pairs = other;
            }
        }
    }
    *subquery.input = input;
    *subquery.pairs = pairs;
    if planted::is(Bug::ConditionOfRowLost) {
        conditions.pop();
    }
    let Some(first) = conditions.first().cloned() else { return };
    let and = |left, right| Expr::binary_test(BinaryOp::And, left, right);
    let all = conditions.into_iter().skip(1).fold(first, and);
    let answer = Expr::computed(subquery.output, Type::Bool, false);
    became.put(subquery.output, and(all, answer));
}

/// Whether a nested subquery reads neither what `inner` has nor what `made` has.
fn is_free_of(nested: &Subquery, inner: &Inner, made: &Inner) -> bool {
    let is_free = |expr: &Expr| inner.has_none_of(expr) && made.has_none_of(expr);
    let mut free = nested.links.iter().all(|link| is_free(&link.outer));
    free &= nested.asked.expressions().all(is_free);
    nested.pairs.visit(&mut |node| {
        free &= node.expressions().into_iter().all(is_free);
        if let Node::Lookup(lookup) = node {
            free &= !inner.slots.contains(&lookup.from) && !made.slots.contains(&lookup.from);
        }
    });
    free
}

/// Of each predicate that reads both the row and the inner record, the values that it reads: they are made of every pair, others of those
/// that it leaves.
fn tests_of_pairs(inner: &Node, chain: &[Node]) -> Vec<Vec<Computed>> {
    let mut inner = Inner::of(inner);
    let mut tests = Vec::new();
    for node in chain {
        match node {
            Node::Lookup(lookup) if inner.slots.contains(&lookup.from) => inner.slots.push(lookup.into),
            Node::Filter(filter) => {
                let of_both = filter
                    .predicates
                    .iter()
                    .filter(|expr| !inner.has_all_of(expr) && !inner.has_none_of(expr));
                tests.extend(of_both.map(Expr::computed_values));
            }
            _ => {}
        }
    }
    tests
}

/// Whether links are all that a nested subquery asks of its pairs, or will be: an index or a table answers it.
fn looks_up(nested: &Subquery) -> bool {
    let inner = Inner::of(&nested.inner);
    match &*nested.pairs {
        Node::Pairs => !nested.links.is_empty(),
        Node::Filter(filter) if *filter.input == Node::Pairs => {
            let is_link = |expr: &Expr| becomes_link(expr, &inner);
            let predicates = &filter.predicates;
            predicates.iter().all(|expr| inner.has_all_of(expr) || is_link(expr))
                && (!nested.links.is_empty() || predicates.iter().any(is_link))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use crate::engine::fixture::{self as f, DraftBuilder, draft, exists, field, inner, int, text};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Eq, Gt, Lt};
    use crate::expr::op::Link;
    use crate::expr::{JoinKind, Postfix, Quantifier, Subquery, UnaryOp};
    use crate::value::{Scalar, Type};

    fn rewritten(draft: DraftBuilder) -> (String, String) {
        before_and_after(&draft.build(), "lift_conditions", &["push_negations", "split_conjuncts"])
    }

    /// Whether an album has a name behind that of an artist.
    fn later() -> Postfix {
        inner(1, f::album::TITLE).binary(Gt, field(f::artist::NAME))
    }

    fn named() -> Postfix {
        field(f::artist::NAME).binary(Lt, text("M"))
    }

    /// How many tracks have a name behind that of the artist.
    fn tracks() -> Postfix {
        let on = inner(2, f::track::NAME).binary(Gt, field(f::artist::NAME));
        Postfix::subquery(Subquery {
            collection: f::Track,
            link: Link::Correlated { position: 2 },
            quantifier: Quantifier::Count,
            predicate: Some(on),
            equal: None,
        })
    }

    /// Whether a track is called as the artist.
    fn titled() -> Postfix {
        exists(f::Track, 2, inner(2, f::track::NAME).binary(Eq, field(f::artist::NAME)))
    }

    #[test]
    fn conditions_and_subqueries_about_the_row_leave_the_pairs() {
        let on = named().binary(And, later()).binary(And, titled());
        let (before, after) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, on)));
        assert_eq!(
            before,
            "project Artist\n  filter [any Album]\n    subquery any Album\n      \
             pairs: filter name < \"M\" & Album.title > name & [any Track]\n        \
             subquery any Track\n          pairs: filter Track.name = name\n            pairs\n          pairs\n      \
             scan Artist"
        );
        assert_eq!(
            after,
            "project Artist\n  filter name < \"M\" & [any Track] & [any Album]\n    subquery any Album\n      \
             pairs: filter Album.title > name\n        pairs\n      subquery any Track\n        \
             pairs: filter Track.name = name\n          pairs\n        scan Artist"
        );
        // One that all are asked is one that none may fail.
        let all = Postfix::subquery(Subquery {
            collection: f::Album,
            link: Link::Correlated { position: 1 },
            quantifier: Quantifier::All,
            predicate: Some(named().binary(crate::expr::BinaryOp::Or, later())),
            equal: None,
        });
        let (_, after) = rewritten(draft(f::Artist).filter(all));
        assert!(after.contains("filter !(name >= \"M\" & [any Album])"), "{after}");
        assert!(after.contains("pairs: filter Album.title <= name\n"), "{after}");
    }

    #[test]
    fn a_subquery_that_takes_long_stays_behind_what_leaves_few_pairs() {
        let many = || tracks().binary(Gt, Postfix::literal(Scalar::Int(5), Type::U64));
        let is_lifted = |on: Postfix| {
            let (_, after) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, on)));
            after.contains("\n      subquery count Track")
        };
        // What is asked of the album alone leaves as many for each row.
        let own = inner(1, f::album::TITLE).binary(Lt, text("M"));
        assert!(is_lifted(many().binary(And, own)));
        // A link, and another condition.
        let link = inner(1, f::album::ARTIST).binary(Eq, field(f::artist::ID));
        assert!(!is_lifted(many().binary(And, link)));
        assert!(!is_lifted(many().binary(And, later())));
        // What is asked of the answer itself leaves none without it.
        let length = inner(1, f::album::TITLE).unary(UnaryOp::Length);
        assert!(is_lifted(length.binary(Lt, tracks())));
    }

    #[test]
    fn what_counts_keeps_its_conditions() {
        let on = named().binary(And, later()).binary(And, titled());
        let count = Postfix::subquery(Subquery {
            collection: f::Album,
            link: Link::Correlated { position: 1 },
            quantifier: Quantifier::Count,
            predicate: Some(on),
            equal: None,
        });
        let (_, after) = rewritten(draft(f::Artist).select([count]));
        // The nested subquery is a value of the row, and is asked of the pairs as such.
        assert!(
            after.contains(
                "pairs: filter name < \"M\" & Album.title > name & [any Track]\n      pairs\n    subquery"
            ),
            "{after}"
        );
    }

    #[test]
    fn conditions_of_common_rows_are_asked_within() {
        let unknown = field(f::album::TITLE).unary(UnaryOp::IsNone);
        let short = inner(1, f::track::MILLISECONDS).binary(Lt, int(5));
        let asked = exists(f::Track, 1, unknown.binary(And, short));
        let other = draft(f::Album).select([field(f::album::ID), asked]).build();
        let on = f::window(0).binary(Eq, field(f::artist::ID));
        let joined = draft(f::Artist).clause(crate::expr::Clause::join_query(other, on, JoinKind::Left));
        let (_, after) = rewritten(joined.select([field(f::artist::ID), f::window(1)]));
        assert!(
            after.contains(
                "inner: shared 0: Album.id, is_none(Album.title) & [any Track]\n      subquery any Track\n        \
                 pairs: filter Track.milliseconds < 5\n"
            ),
            "{after}"
        );
    }
}
