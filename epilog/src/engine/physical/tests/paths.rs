//! The list of access paths: a small case of each, as `explain` tells it.

use super::*;
use crate::expr::AggregateFunction::{Max, Min, Sum};

fn date(days: i128) -> Postfix {
    Postfix::literal(crate::value::Scalar::Int(days), Type::Date)
}

fn of_artist() -> DraftBuilder {
    draft(f::Album).filter(field(f::album::ARTIST).binary(Eq, id(7)))
}

#[test]
fn keys() {
    check(tracks(field(f::track::ID).binary(Eq, id(7))), "key lookup Track by id = 7");
    check(tracks(field(f::track::ID).is_in([id(7), id(3)])), "key lookup Track by id in (3, 7)");
    check(tracks(field(f::track::ID).between(id(3), id(7))), "key range Track by id between 3 and 7");
    check(draft(f::Track).order_by(field(f::track::ID), true).limit(2), "limit 2\n  scan Track backwards");
}

#[test]
fn equality_and_range() {
    check(
        of_artist().filter(field(f::album::RELEASED).binary(Gt, date(730_120))),
        "index range Album by artist = 7 & released > 2000-01-01",
    );
    check(
        draft(f::Artist).filter(field(f::artist::NAME).binary(Eq, text("x"))),
        "index lookup Artist by name = \"x\"",
    );
    check(tracks(field(f::track::EDITOR).is_in([id(1), id(2)])), "index lookup Track by editor in (1, 2)");
}

#[test]
fn order_both_ways() {
    let by = |descending| draft(f::Track).order_by(field(f::track::MILLISECONDS), descending).limit(3);
    check(by(false), "limit 3\n  index scan Track by milliseconds");
    check(by(true), "limit 3\n  index scan Track by milliseconds backwards");
    let released = |descending| of_artist().order_by(field(f::album::RELEASED), descending);
    check(released(false), "index lookup Album by artist = 7");
    check(released(true), "index lookup Album by artist = 7 backwards");
}

#[test]
fn several_indexes() {
    let long = || field(f::track::MILLISECONDS).binary(Eq, int(5));
    let edited = || field(f::track::EDITOR).binary(Eq, id(2));
    check(tracks(long().binary(Or, edited())), "index union Track by milliseconds = 5 | editor = 2");
}

#[test]
fn the_ends_of_an_index() {
    let long = |function| draft(f::Track).aggregate([(function, Some(field(f::track::MILLISECONDS)))]);
    check(
        long(Min),
        "project [min(milliseconds)]\n  aggregate min([milliseconds])\n    limit 1\n      \
         index scan Track by milliseconds, entries only",
    );
    check(
        long(Max),
        "project [max(milliseconds)]\n  aggregate max(milliseconds)\n    limit 1\n      \
         index scan Track by milliseconds backwards",
    );
    check(
        of_artist().aggregate([(Min, Some(field(f::album::RELEASED)))]),
        "project [min(released)]\n  aggregate min([released])\n    limit 1\n      \
         index range Album by artist = 7 & is_some(released), entries only",
    );
    check(
        draft(f::Track).aggregate([(Max, Some(field(f::track::ID)))]),
        "project [max(id)]\n  aggregate max(id)\n    limit 1\n      scan Track backwards",
    );
}

#[test]
fn entries_alone() {
    let after = || of_artist().filter(field(f::album::RELEASED).binary(Gt, date(730_120)));
    let path = "index range Album by artist = 7 & released > 2000-01-01";
    check(
        after().select([field(f::album::RELEASED), field(f::album::ID)]),
        &format!("project [released], id\n  {path}, entries only"),
    );
    check(
        after().order_by(field(f::album::RELEASED), false).select([field(f::album::ARTIST)]),
        &format!("project [artist]\n  {path}, entries only"),
    );
    // Nothing but what was searched for.
    check(after().select([field(f::album::ID)]), &format!("project id\n  {path}, keys only"));
    check(
        tracks(field(f::track::MILLISECONDS).is_in([int(1), int(2)]))
            .aggregate([(Sum, Some(field(f::track::MILLISECONDS)))]),
        "project [sum(milliseconds)]\n  aggregate sum([milliseconds])\n    \
         index lookup Track by milliseconds in (1, 2), entries only",
    );
    // A record is more than its entry, and so is the title.
    check(after(), path);
    check(after().select([field(f::album::TITLE)]), &format!("project title\n  {path}"));
}

#[test]
fn entries_alone_that_point_and_are_pointed_at() {
    let called = || {
        let name = through(&[f::album::ARTIST], f::artist::NAME);
        draft(f::Album).filter(name.binary(Eq, text("x")))
    };
    let source = "index lookup Artist by artist.name = \"x\", keys only";
    check(
        called().order_by(field(f::album::RELEASED), false).select([field(f::album::RELEASED)]),
        &format!(
            "project [released]\n  sort [released]\n    index lookup Album by artist, entries only\n      {source}"
        ),
    );
    // In the order of keys records are fetched as well.
    check(
        called().select([field(f::album::RELEASED)]),
        &format!("project released\n  index lookup Album by artist\n    {source}"),
    );
    // What a lookup needs is in the entry, but not a title.
    let after = || of_artist().filter(field(f::album::RELEASED).binary(Gt, date(730_120)));
    let path = "index range Album by artist = 7 & released > 2000-01-01";
    let name = || through(&[f::album::ARTIST], f::artist::NAME);
    check(
        after().select([name()]),
        &format!("project artist.name\n  lookup Artist by artist\n    {path}, entries only"),
    );
    check(
        after().select([name(), field(f::album::TITLE)]),
        &format!("project artist.name, title\n  lookup Artist by artist\n    {path}"),
    );
}

#[test]
fn entries_asked_before_a_record_is_fetched() {
    let year = field(f::album::RELEASED).binary(crate::expr::BinaryOp::Ne, date(730_120));
    check(of_artist().filter(year), "index lookup Album by artist = 7, entries with released != 2000-01-01");
}

#[test]
fn skips() {
    let readings = |op| draft(f::Reading).filter(field(f::reading::VALUE).binary(op, int(3)));
    check(readings(Eq), "skip scan Reading by value = 3 behind each code");
    check(
        readings(Ge).order_by(field(f::reading::AT), false),
        "skip scan Reading by value >= 3 behind each code",
    );
}
