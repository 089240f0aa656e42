//! What becomes of subqueries within subqueries, and what does not.

use alloc::string::String;
use alloc::vec::Vec;

use crate::engine::fixture::{self as f, DraftBuilder, draft, exists, field, inner, int};
use crate::engine::optimizer::tests::before_and_after;
use crate::expr::BinaryOp::{self, And, Divide, Eq, Gt, Lt, Or};
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

fn number(value: i128) -> Postfix {
    Postfix::literal(Scalar::Int(value), Type::U64)
}

/// What is asked of the tracks for which something holds, of an artist and an album.
fn nested_of(quantifier: Quantifier, predicate: Postfix) -> Postfix {
    let link = Link::Correlated { position: 2 };
    let predicate = Some(predicate);
    Postfix::subquery(Subquery { collection: f::Track, link, quantifier, predicate, equal: None })
}

fn counted(predicate: Postfix) -> Postfix {
    nested_of(Quantifier::Count, predicate)
}

fn summed(argument: Postfix, predicate: Postfix) -> Postfix {
    let item = AggregateItem { function: AggregateFunction::Sum, argument: Some(argument), filter: None };
    nested_of(Quantifier::aggregate(item).expect("a whole build"), predicate)
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
fn what_holds_of_no_record_is_what_others_leave_of_all() {
    let none = || exists(f::Track, 2, titled()).unary(UnaryOp::Not);
    let (_, after) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, none())));
    let counted = |answer: &str| {
        format!(
            "project {answer}    subquery count Album on [Track.name] = name\n      inner: join Track on [Track.album] = Album.id\n        \
             inner: aggregate by Track.album, Track.name\n          scan Track\n        scan Album\n      \
             subquery count Album\n        scan Artist"
        )
    };
    assert_eq!(after, counted("Artist\n  filter [count Album] > [count other Album]\n"));
    // Not any has none, and so many have none: a negation is the other way round.
    let (_, all) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, none()).unary(UnaryOp::Not)));
    assert_eq!(
        all,
        counted("Artist\n  filter [count Album] <= [count other Album]\n").replace("<=", ">").replace(
            "filter [count Album] > [count other Album]",
            "filter !([count Album] > [count other Album])"
        )
    );
    let (_, count) = rewritten(draft(f::Artist).select([asked(Quantifier::Count, none())]));
    assert_eq!(
        count,
        counted("[count Album] - [count other Album]\n")
            .replace("\n    ", "\n  ")
            .replace("    subquery count Album on", "  subquery count Album on")
    );
    // What is asked beside it is asked of all, and of the others.
    let later = inner(1, f::album::TITLE).binary(Gt, field(f::artist::NAME));
    let (_, after) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, later.binary(And, none()))));
    let times = after.matches("pairs: filter Album.title > name\n").count();
    assert_eq!(times, 2, "{after}");
}

#[test]
fn what_is_counted_or_added_up_is_that_of_groups() {
    let many = || counted(titled()).binary(Gt, number(3));
    let (_, after) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, many())));
    assert_eq!(
        after,
        "project Artist\n  filter [any Album]\n    subquery any Album on [Track.name] = name\n      \
         inner: join Track on [Track.album] = Album.id\n        inner: filter [count Track] > 3\n          \
         aggregate count by Track.album, Track.name\n            scan Track\n        scan Album\n      scan Artist"
    );
    // Few are as many as none.
    let few = counted(titled()).binary(Lt, number(3));
    let (_, after) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, few)));
    assert!(
        after.contains("filter !([count Track] < 3)") && after.contains("subquery count Album\n"),
        "{after}"
    );
    // Less than nothing is not less than something.
    let least = AggregateItem {
        function: AggregateFunction::Min,
        argument: Some(inner(2, f::track::MILLISECONDS)),
        filter: None,
    };
    let least = nested_of(Quantifier::aggregate(least).expect("a whole build"), titled());
    let short = least.binary(Lt, int(5));
    let (_, after) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, short)));
    assert!(after.contains("filter [min(Track.milliseconds)] < 5\n          aggregate"), "{after}");
    // What is added up is that of all who have some.
    let sum =
        AggregateItem { function: AggregateFunction::Sum, argument: Some(counted(titled())), filter: None };
    let quantifier = Quantifier::aggregate(sum).expect("a whole build");
    let link = Link::Correlated { position: 1 };
    let sum = Subquery { collection: f::Album, link, quantifier, predicate: None, equal: None };
    let sum = Postfix::subquery(sum);
    let (_, after) = rewritten(draft(f::Artist).select([sum]));
    assert!(after.contains("aggregate count by Track.album, Track.name\n"), "{after}");
}

#[test]
fn three_levels_are_two_joins() {
    // An album with a track that is edited by someone who is called as the artist.
    let called = inner(3, f::artist::NAME).binary(Eq, field(f::artist::NAME));
    let called = called.binary(And, inner(3, f::artist::ID).binary(Eq, inner(2, f::track::EDITOR)));
    let of_album = inner(2, f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
    let on = exists(f::Track, 2, of_album.binary(And, exists(f::Artist, 3, called)));
    let (_, after) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, on)));
    assert!(!after.contains("pairs:"), "{after}");
    assert_eq!(after.matches("join ").count(), 2, "{after}");
}

#[test]
fn inner_records_that_make_many_pairs_are_groups() {
    let of_artist = || {
        let alike = inner(2, f::track::EDITOR).binary(Eq, inner(1, f::album::ARTIST));
        alike.binary(And, inner(2, f::track::NAME).binary(Eq, field(f::artist::NAME)))
    };
    let (_, after) =
        rewritten(draft(f::Artist).filter(exists(f::Album, 1, exists(f::Track, 2, of_artist()))));
    assert!(after.contains("\n        aggregate by Album.artist\n          scan Album"), "{after}");
    let (_, after) =
        rewritten(draft(f::Artist).select([asked(Quantifier::Count, exists(f::Track, 2, of_artist()))]));
    assert!(after.contains("aggregate count by Album.artist\n        scan Album"), "{after}");
}

#[test]
fn what_a_join_would_make_otherwise_is_asked_of_each_pair() {
    let nested = || exists(f::Track, 2, titled());
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
    let less = inner(2, f::track::MILLISECONDS).binary(Lt, int(5));
    let either = exists(f::Track, 2, titled().binary(And, later.binary(Or, less)));
    stays(draft(f::Artist).select([asked(Quantifier::Count, either)]));
    // Nothing is equal to both.
    let of_row = inner(2, f::track::NAME).binary(Eq, field(f::artist::NAME));
    stays(draft(f::Artist).filter(exists(f::Album, 1, exists(f::Track, 2, of_row.clone()))));
    // One artist is not worth it, whether asked before or beside.
    let first = || field(f::artist::ID).binary(Eq, f::id(1));
    stays(draft(f::Artist).filter(first()).limit(1).filter(exists(f::Album, 1, nested())));
    let beside = first().binary(And, exists(f::Album, 1, nested()));
    stays(draft(f::Artist).filter(beside));
    // Nor are many more pairs than there are records, where more is read of these than what they are linked by.
    let of_artist = || {
        let alike = inner(2, f::track::EDITOR).binary(Eq, inner(1, f::album::ARTIST));
        alike.binary(And, inner(2, f::track::NAME).binary(Eq, field(f::artist::NAME)))
    };
    let later = || inner(1, f::album::TITLE).binary(Gt, field(f::artist::NAME));
    stays(draft(f::Artist).filter(exists(
        f::Album,
        1,
        later().binary(And, exists(f::Track, 2, of_artist())),
    )));
    let count = asked(Quantifier::Count, later().binary(And, exists(f::Track, 2, of_artist())));
    stays(draft(f::Artist).select([count]));
    // What holds of no record is not known of what is compared with another value, nor of one of several conditions.
    let count = || counted(titled());
    let as_many = count().binary(Eq, inner(1, f::album::TITLE).unary(UnaryOp::Length));
    stays(draft(f::Artist).filter(exists(f::Album, 1, as_many)));
    let own = inner(1, f::album::TITLE).binary(Eq, field(f::artist::NAME));
    stays(draft(f::Artist).filter(exists(f::Album, 1, own.binary(Or, nested()))));
    // The least of those that have none is not what it is of all without that of the others.
    let least = AggregateItem {
        function: AggregateFunction::Min,
        argument: Some(inner(1, f::album::ID)),
        filter: None,
    };
    let least = Quantifier::aggregate(least).expect("a whole build");
    stays(draft(f::Artist).select([asked(least, nested().unary(UnaryOp::Not))]));
    // A sum may have no room, of records that no artist asks for too.
    let sum = summed(inner(2, f::track::MILLISECONDS), titled());
    stays(draft(f::Artist).filter(exists(f::Album, 1, sum.binary(Gt, int(5)))));
    // What is divided by what albums have may have none, if all are counted.
    let none = || nested().unary(UnaryOp::Not);
    let faulty = number(6).binary(Divide, inner(1, f::album::TITLE).unary(UnaryOp::Length));
    let faulty = faulty.binary(Gt, field(f::artist::NAME).unary(UnaryOp::Length));
    stays(draft(f::Artist).filter(exists(f::Album, 1, faulty.binary(And, none()))));
    // The sum of what may have none has none for every row.
    let length = inner(1, f::album::TITLE).unary(UnaryOp::Length);
    let faulty = number(6).binary(Divide, length).binary(Eq, number(3));
    let on: Vec<Postfix> = Vec::from([faulty, nested()]);
    let on = on.into_iter().reduce(|a, b| a.binary(And, b)).expect("two");
    stays(draft(f::Artist).filter(exists(f::Album, 1, on)));
}

/// Of an artist and an album: whether the album has a track that comes before the artist.
fn before() -> Postfix {
    let of_album = inner(2, f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
    of_album.binary(And, inner(2, f::track::NAME).binary(Lt, field(f::artist::NAME)))
}

#[test]
fn what_compares_is_asked_of_the_least_or_the_greatest() {
    let any = || exists(f::Track, 2, before());
    let (_, after) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, any())));
    assert_eq!(
        after,
        "project Artist\n  filter [any Album]\n    subquery any Album\n      inner: join Track on [Track.album] = Album.id\n        \
         inner: aggregate min(Track.name) by Track.album\n          scan Track\n        scan Album\n      \
         pairs: filter [min(Track.name)] < name\n        pairs\n      scan Artist"
    );
    // Not any of them is as of those that others leave.
    let none = asked(Quantifier::Count, any().unary(UnaryOp::Not));
    let (_, after) = rewritten(draft(f::Artist).select([none]));
    assert!(after.starts_with("project [count Album] - [count other Album]"), "{after}");
    // Beside what is equal to the row, and either way round.
    let greater = field(f::artist::NAME).binary(Lt, inner(2, f::track::NAME));
    let equal = inner(2, f::track::EDITOR).binary(Eq, field(f::artist::ID));
    let of_album = inner(2, f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
    let on = exists(f::Track, 2, of_album.binary(And, equal).binary(And, greater));
    let (_, after) = rewritten(draft(f::Artist).select([asked(Quantifier::Count, on)]));
    assert!(after.contains("aggregate max(Track.name) by Track.album, Track.editor"), "{after}");
    assert!(after.contains("pairs: filter [max(Track.name)] > name"), "{after}");
}

#[test]
fn what_compares_inner_records_with_what_belongs_to_the_row_is_asked_of_the_row() {
    let equal = inner(2, f::track::EDITOR).binary(Eq, field(f::artist::ID));
    let later = inner(2, f::track::NAME).binary(Gt, inner(1, f::album::TITLE));
    let on = exists(f::Track, 2, equal.binary(And, later));
    let (_, after) = rewritten(draft(f::Artist).filter(exists(f::Album, 1, on)));
    assert_eq!(
        after,
        "project Artist\n  filter [any Album]\n    subquery any Album\n      pairs: filter [max(Track.name)] > Album.title\n        \
         pairs\n      subquery aggregate Track on Track.editor = id\n        scan Artist"
    );
}

#[test]
fn many_records_of_a_row_are_not_all_read_for_few_pairs() {
    // An artist has some albums, and has edited more tracks.
    let equal = inner(2, f::track::EDITOR).binary(Eq, field(f::artist::ID));
    let later = inner(2, f::track::NAME).binary(Gt, inner(1, f::album::TITLE));
    let own = inner(1, f::album::ARTIST).binary(Eq, field(f::artist::ID));
    let on = own.binary(And, exists(f::Track, 2, equal.binary(And, later)));
    stays(draft(f::Artist).filter(exists(f::Album, 1, on)));
}

#[test]
fn what_is_compared_with_what_may_have_no_result_is_asked_of_each_pair() {
    let equal = inner(2, f::track::EDITOR).binary(Eq, field(f::artist::ID));
    let inverse = number(1).binary(Divide, inner(1, f::album::TITLE).unary(UnaryOp::Length));
    let longer = inner(2, f::track::NAME).unary(UnaryOp::Length).binary(Gt, inverse);
    stays(draft(f::Artist).filter(exists(f::Album, 1, exists(f::Track, 2, equal.binary(And, longer)))));
}

#[test]
fn what_compares_twice_or_is_counted_is_asked_of_each_pair() {
    let of_album = || inner(2, f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
    // The least may be another one than the greatest.
    let less = || inner(2, f::track::NAME).binary(Lt, field(f::artist::NAME));
    let more = inner(2, f::track::NAME)
        .unary(UnaryOp::Length)
        .binary(Gt, field(f::artist::NAME).unary(UnaryOp::Length));
    let twice = of_album().binary(And, less()).binary(And, more);
    stays(draft(f::Artist).filter(exists(f::Album, 1, exists(f::Track, 2, twice))));
    // So many are more than one.
    let many = counted(of_album().binary(And, less())).binary(Gt, number(1));
    stays(draft(f::Artist).filter(exists(f::Album, 1, many)));
    // Others may be either less or more.
    let other = of_album().binary(And, inner(2, f::track::NAME).binary(BinaryOp::Ne, field(f::artist::NAME)));
    stays(draft(f::Artist).filter(exists(f::Album, 1, exists(f::Track, 2, other))));
}
