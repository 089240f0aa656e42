//! Subqueries within subqueries that read the row two levels outside, or three: how much is done for them grows as the records do, and
//! not as their pairs.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::fixture::{self as f, draft, field, id, inner, int};
use super::*;
use crate::expr::BinaryOp::{self, And, Eq, Gt, Lt, Ne};
use crate::expr::op::Link;
use crate::expr::{AggregateFunction, AggregateItem, Postfix, Quantifier, Subquery, UnaryOp};
use crate::value::Type;

/// So many artists, as many albums, and as many tracks.
const RECORDS: i128 = 200;

/// Two tracks of an album are called as an artist, as a rule, one as another, and many artists have none called so.
fn linked() -> Store {
    let string = |text: String| Scalar::String(text);
    let artists = (1..=RECORDS).map(|n| Vec::from([Scalar::Int(n), string(format!("{n:04}"))]));
    let albums = (1..=RECORDS).map(|n| {
        let released = if n % 3 == 0 { Scalar::Null } else { Scalar::Int(n) };
        Vec::from([Scalar::Int(n), string(format!("{:04}", n * 7 % RECORDS)), Scalar::Int(n), released])
    });
    let tracks = (1..=RECORDS).map(|n| {
        Vec::from([
            Scalar::Int(n),
            string(format!("{:04}", if n % 7 == 0 { n % 30 } else { n / 2 % 60 })),
            Scalar::Int(1 + n / 4),
            Scalar::Int(n * 31 % 97),
            Scalar::Float(0.0),
            Scalar::Bool(n % 2 == 0),
            if n % 6 == 0 { Scalar::Null } else { Scalar::Int(1 + n % 5) },
        ])
    });
    store(&[
        (f::Artist as fn() -> _, artists.collect()),
        (f::Album, albums.collect()),
        (f::Track, tracks.collect()),
    ])
}

fn asked(
    of: fn() -> &'static CollectionSchema,
    position: u8,
    quantifier: Quantifier,
    on: Postfix,
) -> Postfix {
    let link = Link::Correlated { position };
    Postfix::subquery(Subquery { collection: of, link, quantifier, predicate: Some(on), equal: None })
}

fn of(function: AggregateFunction, argument: Postfix) -> Quantifier {
    Quantifier::aggregate(AggregateItem { function, argument: Some(argument), filter: None })
        .expect("a whole build")
}

fn albums(quantifier: Quantifier, on: Postfix) -> Postfix {
    asked(f::Album, 1, quantifier, on)
}

/// Tracks of an album for which something holds.
fn tracks(quantifier: Quantifier, on: Postfix) -> Postfix {
    let of_album = inner(2, f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
    asked(f::Track, 2, quantifier, of_album.binary(And, on))
}

/// A track is called as the artist, or comes before or behind.
fn called(op: BinaryOp) -> Postfix {
    inner(2, f::track::NAME).binary(op, field(f::artist::NAME))
}

fn number(value: i128) -> Postfix {
    Postfix::literal(Scalar::Int(value), Type::U64)
}

/// How many rows all operators of a plan gave.
fn rows_given(reading: &dyn Reading, draft: &Draft) -> u64 {
    let plan = analyze(reading, draft, &Control::default()).expect("a plan that runs");
    plan.operators().iter().filter_map(|node| node.actual).map(|actual| actual.rows).sum()
}

/// Rows are those that they are without the rules of nested subqueries, and little is done for them, where that is to be so.
fn check(what: &str, answer: Postfix, is_linear: bool) {
    let store = linked();
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let draft = draft(f::Artist).select([field(f::artist::ID), answer]).build();
    let found = rows(operation.view(), &draft, RuleSet::ALL).expect("rows");
    let rules = RuleSet::ALL.without("join_nested");
    assert!(found == rows(operation.view(), &draft, rules).expect("rows"), "{what}");
    assert!(found.iter().any(|row| row[1] != found[0][1]), "{what}: {found:?}");
    let given = rows_given(&snapshot, &draft);
    let plan = explain(operation.view(), &draft).expect("a plan").to_string();
    std::println!("{what}: {given} rows");
    assert_eq!(given < 20 * RECORDS as u64, is_linear, "{what}: {given} rows\n{plan}");
}

#[test]
fn what_is_equal_two_levels_outside_is_found_without_trying_pairs() {
    use AggregateFunction::{Max, Min, Sum};
    let any = || tracks(Quantifier::Any, called(Eq));
    let none = || any().unary(UnaryOp::Not);
    let count = || tracks(Quantifier::Count, called(Eq));
    let shortest = || tracks(of(Min, inner(2, f::track::MILLISECONDS)), called(Eq));
    let number_of = |test: Postfix| albums(Quantifier::Count, test);
    let cases: [(&str, Postfix); 14] = [
        ("any of any", albums(Quantifier::Any, any())),
        ("count of any", number_of(any())),
        ("any of none", albums(Quantifier::Any, none()).binary(And, number_of(any()).binary(Gt, number(0)))),
        ("count of none", number_of(none())),
        (
            "none of none",
            albums(Quantifier::Any, none())
                .unary(UnaryOp::Not)
                .binary(BinaryOp::Or, albums(Quantifier::Any, any())),
        ),
        ("count of few", number_of(count().binary(Lt, number(2)))),
        ("count of many", number_of(count().binary(Gt, number(1)))),
        ("count of so many", number_of(count().binary(Eq, number(1)))),
        ("count of others", number_of(count().binary(Ne, number(1)))),
        ("count of least", number_of(shortest().binary(Lt, int(20)))),
        ("count of none with less", number_of(shortest().binary(Lt, int(20)).unary(UnaryOp::Not))),
        ("count of absent", number_of(shortest().unary(UnaryOp::IsNone))),
        ("greatest of least", albums(of(Max, shortest()), shortest().binary(Gt, int(20)))),
        ("sum of counts", albums(of(Sum, count()), inner(1, f::album::ID).binary(Gt, id(10)))),
    ];
    for (what, answer) in cases {
        check(what, answer, true);
    }
}

/// What compares with the row two levels outside, or with inner records, is asked of the least or the greatest: pairs are made, but
/// nothing nested is asked of each.
#[test]
fn what_compares_two_levels_outside_is_asked_of_ends() {
    let any = |op: BinaryOp| tracks(Quantifier::Any, called(op));
    let none = |op: BinaryOp| any(op).unary(UnaryOp::Not);
    let of_row = inner(2, f::track::EDITOR).binary(Eq, field(f::artist::ID));
    let before = inner(2, f::track::NAME).binary(Lt, inner(1, f::album::TITLE));
    let edited = asked(f::Track, 2, Quantifier::Any, of_row.binary(And, before));
    let early = || inner(1, f::album::ID).binary(Lt, id(50));
    let cases = [
        ("any of any", albums(Quantifier::Any, any(Gt)), "max"),
        ("any of none", albums(Quantifier::Any, none(Lt).binary(And, early())), "min"),
        ("count of any", albums(Quantifier::Count, any(Gt)), "max"),
        ("count of none", albums(Quantifier::Count, none(BinaryOp::Ge)), "max"),
        ("of the row", albums(Quantifier::Count, edited), "min"),
    ];
    let store = linked();
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    for (what, answer, end) in cases {
        let draft = draft(f::Artist).select([field(f::artist::ID), answer]).build();
        let found = rows(operation.view(), &draft, RuleSet::ALL).expect("rows");
        let rules = RuleSet::ALL.without("join_nested");
        assert!(found == rows(operation.view(), &draft, rules).expect("rows"), "{what}");
        assert!(found.iter().any(|row| row[1] != found[0][1]), "{what}: {found:?}");
        let plan = explain(operation.view(), &draft).expect("a plan").to_string();
        assert!(plan.contains(&format!("{end}(Track.name)")), "{what}: {plan}");
        // No nested subquery is asked of pairs.
        let given = rows_given(&snapshot, &draft);
        std::println!("{what}: {given} rows");
        assert!(given < (RECORDS * RECORDS) as u64, "{what}: {given} rows\n{plan}");
    }
}

/// What nested records are compared with may have no result: that is an error of the rows that have such records, and of no others.
#[test]
fn what_ends_are_compared_with_is_no_error_where_there_are_no_records() {
    let of_row = inner(2, f::track::EDITOR).binary(Eq, field(f::artist::ID));
    // All titles have four letters.
    let none = inner(1, f::album::TITLE).unary(UnaryOp::Length).binary(BinaryOp::Subtract, number(4));
    let length = inner(2, f::track::NAME).unary(UnaryOp::Length);
    let longer = length.binary(Gt, number(1).binary(BinaryOp::Divide, none));
    let edited = asked(f::Track, 2, Quantifier::Any, of_row.binary(And, longer));
    let store = linked();
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    // Only the first few artists are editors.
    for (after, fails) in [(100, false), (0, true)] {
        let some = field(f::artist::ID).binary(Gt, id(after));
        let draft = draft(f::Artist).filter(some);
        let draft = draft.select([field(f::artist::ID), albums(Quantifier::Count, edited.clone())]).build();
        let rules = RuleSet::ALL.without("join_nested");
        let (one, other) =
            (rows(operation.view(), &draft, RuleSet::ALL), rows(operation.view(), &draft, rules));
        assert_eq!((one.is_err(), other.is_err()), (fails, fails), "behind {after}");
    }
}
