//! Which order joins and lookups are put in, and how many pairs of sets are looked at for it.

use alloc::string::String;

use crate::engine::fixture::{self as f, DraftBuilder, draft, field, inner, int, text, through};
use crate::engine::optimizer::tests::before_and_after;
use crate::expr::BinaryOp::{And, Eq, Gt};
use crate::expr::{AggregateFunction, Clause, Expression, JoinKind};

const BEFORE: &[&str] =
    &["split_conjuncts", "key_through_relation", "join_filters", "decorrelate", "push_filters"];

fn ordered(draft: DraftBuilder) -> (String, String) {
    before_and_after(&draft.build(), "join_order", BEFORE)
}

fn counted(draft: DraftBuilder) -> DraftBuilder {
    draft.aggregate([(AggregateFunction::Count, None)])
}

fn join(
    draft: DraftBuilder,
    collection: fn() -> &'static crate::schema::CollectionSchema,
    on: Expression,
) -> DraftBuilder {
    draft.clause(Clause::Join { collection, on, kind: JoinKind::Inner })
}

#[test]
fn what_is_looked_up_and_searched_for_comes_first() {
    let saxon = through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME).binary(Eq, text("Saxon"));
    let (before, after) = ordered(counted(draft(f::Track).filter(saxon)));
    assert_eq!(
        before,
        "project [count]\n  aggregate count\n    filter album.artist.name = \"Saxon\"\n      lookup Artist by album.artist\n        \
         lookup Album by album\n          scan Track"
    );
    assert_eq!(
        after,
        "project [count]\n  aggregate count\n    join Track on album = album.id\n      join Album on album.artist = album.artist.id\n        \
         filter album.artist.name = \"Saxon\"\n          scan Artist"
    );
}

#[test]
fn an_order_that_somebody_sees_is_kept() {
    let saxon = || through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME).binary(Eq, text("Saxon"));
    let (before, after) = ordered(draft(f::Track).filter(saxon()));
    assert_eq!(before, after);
    let (before, after) = ordered(counted(draft(f::Track).filter(saxon()).limit(5)));
    assert_eq!(before, after);
}

/// Artists, beside their albums, beside the tracks of these.
fn of_artists() -> DraftBuilder {
    let of_artist = inner(1, f::album::ARTIST).binary(Eq, field(f::artist::ID));
    let of_album = inner(2, f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
    join(join(draft(f::Artist), f::Album, of_artist), f::Track, of_album)
}

#[test]
fn joins_begin_where_the_fewest_rows_are() {
    let (_, after) = ordered(of_artists().filter(inner(2, f::track::ID).binary(Eq, f::id(7))));
    assert_eq!(
        after,
        "project Artist, Album, Track\n  join Artist on id = Album.artist\n    join Album on Album.id = Track.album\n      \
         filter Track.id = 7\n        scan Track"
    );
}

#[test]
fn a_left_join_is_one_relation_and_stays_above_what_it_is_of() {
    let of_artist = inner(1, f::album::ARTIST).binary(Eq, field(f::artist::ID));
    let of_album = inner(2, f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
    let albums = join(draft(f::Artist), f::Album, of_artist);
    let left = Clause::Join { collection: f::Track, on: of_album, kind: JoinKind::Left };
    let (_, after) = ordered(albums.clause(left).filter(field(f::artist::ID).binary(Eq, f::id(7))));
    assert_eq!(
        after,
        "project Artist, Album, Track\n  left join Track on Track.album = Album.id\n    join Album on Album.artist = id\n      \
         filter id = 7\n        scan Artist"
    );
}

#[test]
fn what_may_have_no_result_is_asked_of_what_everything_else_leaves() {
    let inverse = int(1).binary(crate::expr::BinaryOp::Divide, inner(2, f::track::MILLISECONDS));
    let both = inverse.binary(Gt, int(0)).binary(And, field(f::artist::ID).binary(Eq, f::id(7)));
    let (_, after) = ordered(of_artists().filter(both));
    assert!(
        after.starts_with("project Artist, Album, Track\n  filter (1 / Track.milliseconds) > 0\n    join"),
        "{after}"
    );
}

#[test]
fn what_is_equal_through_another_value_can_be_joined_first() {
    let named = inner(1, f::track::NAME).binary(Eq, field(f::album::TITLE));
    let of_track = inner(2, f::country::NAME).binary(Eq, inner(1, f::track::NAME));
    let draft = join(join(draft(f::Album), f::Track, named), f::Country, of_track);
    let one = inner(2, f::country::CODE).binary(Eq, text("x"));
    let (before, after) = ordered(draft.filter(field(f::album::ID).binary(Eq, f::id(7)).binary(And, one)));
    assert!(before.contains("join Country on Country.name = Track.name"), "{before}");
    assert!(after.contains("join Country on Country.name = title"), "{after}");
}
