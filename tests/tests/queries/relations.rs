//! Relations in queries: paths to one record, the other side, other collections.

use epilog::prelude::*;
use pretty_assertions::assert_eq;

use crate::music::{Album, Artist, Music, Sale, Track, album, artist, music};

type Filter<C> = epilog::collection::Expr<C, bool>;

#[track_caller]
fn artists(
    db: &Database<Music>,
    filter: impl FnOnce(crate::music::ArtistFields<Artist>) -> Filter<Artist>,
) -> Vec<u64> {
    let found = Artist::query().filter(filter).order_by(|a| a.id).select(|a| a.id).all(db).expect("rows");
    found.into_iter().map(Id::get).collect()
}

#[track_caller]
fn albums(
    db: &Database<Music>,
    filter: impl FnOnce(crate::music::AlbumFields<Album>) -> Filter<Album>,
) -> Vec<u64> {
    let found = Album::query().filter(filter).order_by(|a| a.id).select(|a| a.id).all(db).expect("rows");
    found.into_iter().map(Id::get).collect()
}

#[test]
fn a_path_leads_over_two_relations() {
    let db = music();
    let names = Track::query()
        .filter(|t| t.album().artist().name.eq("Iron Maiden") & t.seconds.gt(150))
        .order_by(|t| t.seconds.desc())
        .select(|t| (t.name, t.album().title))
        .limit(2)
        .all(&db)
        .expect("rows");
    let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
    assert_eq!(
        names,
        [pair("Rime of the Ancient Mariner", "Powerslave"), pair("2 Minutes to Midnight", "Powerslave")]
    );
}

#[test]
fn behind_an_optional_relation_all_is_optional() {
    let db = music();
    assert_eq!(albums(&db, |a| a.producer().name.eq("Martin Birch")), [1, 2]);
    // Absent: not equal, equal to `None`, in no order, neither is its negation.
    assert_eq!(albums(&db, |a| a.producer().name.ne("Martin Birch")), [3, 4, 5]);
    assert_eq!(albums(&db, |a| a.producer().name.is_none()), [3, 5]);
    assert_eq!(albums(&db, |a| a.producer().name.eq(None)), [3, 5]);
    assert_eq!(albums(&db, |a| a.producer().name.lt("Z")), [1, 2, 4]);
    assert_eq!(albums(&db, |a| !a.producer().name.lt("Z")), [3, 5]);
    assert_eq!(albums(&db, |a| a.producer().name.ge("")), [1, 2, 4]);
    // Over two: the producer's teacher.
    assert_eq!(albums(&db, |a| a.producer().teacher().name.eq("Deep Purple")), [1, 2, 4]);
    assert_eq!(albums(&db, |a| a.artist().teacher().id.is_none()), [1, 2]);
    assert_eq!(albums(&db, |a| a.producer().teacher().teacher().teacher().name.eq("Deep Purple")), [1, 2, 4]);
}

#[test]
fn whole_records_come_along_with_a_path() {
    let db = music();
    let rows = Album::query()
        .filter(|a| a.id.in_([Id::new(4), Id::new(5)]))
        .order_by(|a| a.id.desc())
        .select(|a| (a, a.artist(), a.producer(), a.producer().teacher()))
        .all(&db)
        .expect("rows");
    let purple = || artist(4, "Deep Purple", Some(4));
    assert_eq!(
        rows,
        [
            (album(5, "Live", 4, None, None), purple(), None, None),
            (album(4, "In Rock", 4, Some(4), Some(1970)), purple(), Some(purple()), Some(purple())),
        ]
    );
}

#[test]
fn the_other_side_is_asked_for_any_all_none_and_how_many() {
    let db = music();
    assert_eq!(artists(&db, |a| a.albums().any(|al| al.year.gt(1982))), [1]);
    assert_eq!(artists(&db, |a| !a.albums().any(|al| al.year.gt(1982))), [2, 3, 4]);
    // True of all of none.
    assert_eq!(artists(&db, |a| a.albums().all(|al| al.year.gt(1975))), [1, 2, 3]);
    assert_eq!(artists(&db, |a| a.albums().none(|al| al.year.gt(1975))), [2, 4]);
    assert_eq!(artists(&db, |a| a.albums().is_empty()), [2]);
    assert_eq!(artists(&db, |a| a.albums().count().eq(2)), [1, 4]);
    assert_eq!(artists(&db, |a| a.albums().count().eq(0)), [2]);
    assert_eq!(artists(&db, |a| a.produced().count().ge(1)), [2, 4]);
    assert_eq!(artists(&db, |a| a.albums().filter(|al| al.year.is_some()).count().eq(1)), [3, 4]);
    // All of those filtered: the ones without a year are not asked.
    assert_eq!(
        artists(&db, |a| a.albums().filter(|al| al.year.is_some()).all(|al| al.year.lt(1981))),
        [2, 3, 4]
    );
    assert_eq!(artists(&db, |a| a.albums().any(|_| true)), [1, 3, 4]);
    assert_eq!(artists(&db, |a| a.albums().all(|_| false)), [2]);
}

#[test]
fn counts_can_be_selected_ordered_by_and_calculated_with() {
    let db = music();
    let rows = Artist::query()
        .order_by(|a| (a.albums().count().desc(), a.name))
        .select(|a| (a.name, a.albums().count(), a.albums().count() + a.produced().count() * 10))
        .all(&db)
        .expect("rows");
    let row = |name: &str, count, sum| (name.to_string(), count, sum);
    assert_eq!(
        rows,
        [row("Deep Purple", 2, 12), row("Iron Maiden", 2, 2), row("Saxon", 1, 1), row("Martin Birch", 0, 20)]
    );
}

#[test]
fn the_other_side_nests() {
    let db = music();
    assert_eq!(artists(&db, |a| a.albums().any(|al| al.tracks().any(|t| t.seconds.gt(600)))), [1, 4]);
    assert_eq!(artists(&db, |a| a.albums().any(|al| al.tracks().is_empty())), [4]);
    assert_eq!(artists(&db, |a| a.albums().all(|al| al.tracks().all(|t| t.seconds.lt(700)))), [2, 3, 4]);
    assert_eq!(artists(&db, |a| a.albums().any(|al| al.tracks().count().ge(3) & al.year.eq(1984))), [1]);
    // A path within: albums of mine that somebody else has produced.
    assert_eq!(
        artists(&db, |a| a
            .albums()
            .any(|al| al.producer().name.ne(al.artist().name) & al.producer.is_some())),
        [1]
    );
    // The other side of what a path leads to.
    let ids = Track::query().filter(|t| t.album().artist().albums().count().gt(1)).count(&db);
    assert_eq!(ids.expect("a count"), 7);
    assert_eq!(albums(&db, |a| a.producer().albums().any(|al| al.year.eq(1970))), [4]);
    assert_eq!(albums(&db, |a| a.producer().albums().is_empty()), [1, 2, 3, 5]);
}

#[test]
fn a_relation_to_its_own_collection_keeps_the_rows_apart() {
    let db = music();
    assert_eq!(artists(&db, |a| a.pupils().any(|p| p.name.eq("Saxon"))), [1]);
    assert_eq!(
        artists(&db, |a| a.pupils().any(|p| p.teacher().name.eq("Deep Purple") & p.name.lt("J"))),
        [4]
    );
    assert_eq!(artists(&db, |a| a.pupils().count().eq(2)), [4]);
    assert_eq!(artists(&db, |a| a.exists::<Artist>(|(a, b)| b.teacher.eq(a.id) & b.id.ne(a.id))), [1, 4]);
}

#[test]
fn correlated_subqueries_see_the_row_outside() {
    let db = music();
    // Artists named like one of their tracks' albums' producers: nobody but the one who produces himself.
    assert_eq!(artists(&db, |a| a.exists::<Album>(|(a, al)| al.artist.eq(a.id) & al.producer.eq(a.id))), [4]);
    assert_eq!(
        artists(&db, |a| !a.exists::<Album>(|(a, al)| al.artist.eq(a.id) & al.year.gt(1980))),
        [2, 3, 4]
    );
    // Without any equality.
    assert_eq!(artists(&db, |a| a.exists::<Track>(|(a, t)| t.name.lt(a.name) & t.name.gt("Deep"))), [3]);
    // Nested: the innermost sees both outside.
    let nested = artists(&db, |a| {
        a.exists::<Album>(|(a, al)| {
            al.artist.eq(a.id)
                & al.exists::<Track>(|(a, al, t)| t.album.eq(al.id) & t.name.lt(al.title) & t.name.lt(a.name))
        })
    });
    assert_eq!(nested, [1, 3, 4]);
    // Nothing to do with the row: true of all or of none.
    assert_eq!(artists(&db, |a| a.exists::<Sale>(|(_, s)| s.amount.gt(2))), [1, 2, 3, 4]);
    assert_eq!(artists(&db, |a| a.exists::<Sale>(|(_, s)| s.amount.gt(3))), []);
    // Inside of the other side, and a side inside of it.
    assert_eq!(albums(&db, |a| a.tracks().any(|t| t.exists::<Sale>(|(t, s)| s.track.eq(t.id)))), [2, 4]);
    assert_eq!(
        albums(&db, |a| a.exists::<Artist>(|(a, b)| b.id.eq(a.artist) & b.albums().count().eq(1))),
        [3]
    );
}

#[test]
fn subqueries_of_one_query_do_not_disturb_each_other() {
    let db = music();
    let either = artists(&db, |a| {
        (a.albums().any(|al| al.year.eq(1980)) | a.produced().any(|al| al.year.eq(1984)))
            & (a.albums().count().lt(2) | a.pupils().is_empty())
            & !a.albums().all(|al| al.title.contains("i"))
    });
    // Birch has no album, so that all of them have an "i".
    assert_eq!(either, [3]);
}
