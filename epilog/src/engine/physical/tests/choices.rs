//! What planning chooses, and the same plans without it.

use super::*;
use crate::expr::BinaryOp::{Eq, Ne};
use crate::expr::JoinKind;

/// The plan with all choices, and without one; by all rules but one.
fn both(draft: DraftBuilder, choice: Choice, rule: &str) -> [PhysicalPlan; 2] {
    let logical = lower(&f::catalog(), &draft.build(), Purpose::Rows).expect("a draft that can be planned");
    let logical = optimize(logical, RuleSet::ALL.without(rule), &Made);
    [Choices::ALL, Choices::ALL.without(choice)]
        .map(|choices| plan_as(&logical, &Made, Wishes { choices, ..Wishes::default() }))
}

/// Of a draft for which something is chosen the plan has these words with the choice, and others without it.
#[track_caller]
fn check_with(draft: DraftBuilder, choice: Choice, with: &str, without: &str) {
    let [all, less] = both(draft, choice, "join_order").map(|plan| Plan::of(&plan).to_string());
    assert!(all.contains(with) && !less.contains(with), "{with}:\n{all}\n{less}");
    assert!(less.contains(without) && !all.contains(without), "{without}:\n{all}\n{less}");
}

/// Where it must not be chosen the plan is the same with it and without it.
#[track_caller]
fn check_same(draft: DraftBuilder, choice: Choice) {
    let [all, less] = both(draft, choice, "join_order").map(|plan| Plan::of(&plan).to_string());
    assert_eq!(all, less);
}

fn price(op: crate::expr::BinaryOp, than: f64) -> Postfix {
    field(f::track::PRICE).binary(op, Postfix::literal(Scalar::Float(than), Type::F64))
}

#[test]
fn contradictions() {
    let choice = Choice::Contradictions;
    let id_of = |op, value| field(f::track::ID).binary(op, id(value));
    let long = |op, than| field(f::track::MILLISECONDS).binary(op, int(than));
    let none: [Postfix; 0] = [];
    for never in [
        price(Gt, 5.0).binary(And, price(Lt, 3.0)),
        id_of(Gt, 5).binary(And, id_of(Lt, 3)),
        long(Gt, 5).binary(And, long(Lt, 3)),
        price(Eq, 5.0).binary(And, price(Ne, 5.0)),
        field(f::track::ID).is_in(none),
        Postfix::literal(Scalar::Bool(false), Type::Bool),
    ] {
        check_with(tracks(never), choice, "nothing Track", "filter ");
    }
    check_same(tracks(price(Gt, 3.0).binary(And, price(Lt, 5.0))), choice);
    check_same(tracks(price(Gt, 5.0).binary(And, long(Lt, 3))), choice);
}

#[test]
fn lists_and_beginnings_of_texts() {
    let choice = Choice::Lists;
    let titled = |op, text_of| draft(f::Album).filter(field(f::album::TITLE).binary(op, text(text_of)));
    let of_albums = |ids: &[u64]| tracks(field(f::track::ALBUM).is_in(ids.iter().map(|of| id(*of))));
    check_with(of_albums(&[1, 2]), choice, "index lookup Track by album in (1, 2)", "scan Track");
    check_with(tracks(field(f::track::ID).is_in([id(7), id(3)])), choice, "key lookup", "scan Track");
    check_with(titled(StartsWith, "Live"), choice, "index range Album", "scan Album");
    check_with(titled(Like, "Live%!"), choice, "index range Album", "scan Album");
    check_same(titled(Like, "%Live"), choice);
    check_same(of_albums(&[1]), choice);
    check_same(tracks(field(f::track::ID).between(id(3), id(7))), choice);
    // Beside a list an index is searched for what else is asked.
    let both = of_albums(&[1]).filter(field(f::track::ID).is_in([id(3), id(7), id(11)]));
    check_with(both, choice, "key lookup", "index lookup Track by album = 1");
}

#[test]
fn records_fetched_late() {
    let choice = Choice::Late;
    let of_album = || field(f::track::ALBUM).binary(Eq, id(7));
    let ids = || tracks(of_album()).select([field(f::track::ID), field(f::track::ALBUM)]);
    check_with(ids(), choice, "album = 7, entries only", "project id, album\n");
    // A lookup that a path has seen to, of which nothing is read.
    let titled = || tracks(through(&[f::track::ALBUM], f::album::TITLE).binary(Eq, text("x")));
    let [all, less] = both(titled(), choice, "join_order").map(|plan| Plan::of(&plan).to_string());
    assert!(!all.starts_with("lookup Album") && less.starts_with("lookup Album by album"), "{all}\n{less}");
    assert!(all.contains("keys only") && !less.contains("keys only"), "{all}\n{less}");
    let fetches = |draft: DraftBuilder| {
        both(draft, choice, "join_order").map(|plan| {
            let mut scan = &plan.root;
            while let Some(child) = scan.children().first() {
                scan = child;
            }
            matches!(&scan.operator, Operator::Scan(Scan { fetch: true, .. }))
        })
    };
    assert_eq!(fetches(titled().select([field(f::track::NAME)])), [false, true], "of albums");
    // What is read is fetched, and so is what a path has at hand.
    assert_eq!(fetches(tracks(of_album())), [true; 2]);
    assert_eq!(fetches(draft(f::Track).select([field(f::track::ID)])), [true; 2]);
}

#[test]
fn semi_joins() {
    let choice = Choice::SemiJoins;
    let has = || {
        let same = inner(1, f::track::NAME).binary(Eq, field(f::album::TITLE));
        exists(f::Track, 1, same)
    };
    check_with(draft(f::Album).filter(has()), choice, "semi join Track", "any Track");
    check_with(draft(f::Album).filter(has().unary(UnaryOp::Not)), choice, "anti join Track", "any Track");
    check_same(draft(f::Album).select([field(f::album::ID), has()]), choice);
    let artist = field(f::album::ARTIST).binary(Eq, id(7));
    check_same(draft(f::Album).filter(has().binary(Or, artist)), choice);
}

#[test]
fn sides_of_joins() {
    let choice = Choice::Sides;
    let on = || inner(1, f::track::NAME).binary(Eq, field(f::album::TITLE));
    let of = |kind, on| {
        let few = draft(f::Album).filter(field(f::album::ARTIST).binary(Eq, id(7)));
        f::join(few, f::Track, on, kind).select([field(f::album::ID), inner(1, f::track::ID)])
    };
    check_with(of(JoinKind::Inner, on()), choice, "title = Track.name", "Track.name = title");
    check_same(of(JoinKind::Left, on()), choice);
    let beside = inner(1, f::track::NAME).binary(Gt, field(f::album::TITLE));
    check_same(of(JoinKind::Left, beside), choice);
}

#[test]
fn bars_of_the_first_few() {
    let bars = |draft: DraftBuilder| {
        both(draft, Choice::Bars, "prune_unused").map(|plan| match plan.root.operator {
            Operator::Sort { bars, .. } => Some(bars),
            _ => None,
        })
    };
    let by_price = |of: DraftBuilder| of.order_by(field(f::track::PRICE), true);
    assert_eq!(bars(by_price(draft(f::Track)).limit(3)), [Some(true), Some(false)]);
    // Not where all are wanted.
    assert_eq!(bars(by_price(draft(f::Track))), [Some(false); 2]);
}

#[test]
fn sieves() {
    let choice = Choice::Sieves;
    let on = || {
        let same = inner(1, f::album::ID).binary(Eq, field(f::track::ALBUM));
        same.binary(And, inner(1, f::album::TITLE).binary(Gt, text("x")))
    };
    let of =
        |kind| f::join(draft(f::Track), f::Album, on(), kind).select([field(f::track::NAME), inner(1, 0)]);
    let [all, less] = both(of(JoinKind::Inner), choice, "join_order").map(|plan| Plan::of(&plan).to_string());
    assert!(all.contains("sieve by album") && !less.contains("sieve"), "{all}\n{less}");
    check_same(of(JoinKind::Left), choice);
}
