//! The list of access paths: a small case of each, as `explain` tells it.

use super::*;
use crate::expr::AggregateFunction::{Max, Min, Sum};
#[cfg(not(feature = "small"))]
use crate::expr::BinaryOp::{Has, Ne};

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

/// Two ranges, each of which gives too much by itself: their ranks are compared before a record is read.
#[test]
#[cfg(not(feature = "small"))]
fn two_indexes_for_two_fields() {
    let long = || field(f::track::MILLISECONDS).binary(Gt, int(300_000));
    let edited = || field(f::track::EDITOR).binary(Gt, id(7));
    check(
        tracks(long().binary(And, edited())),
        "index intersection Track by milliseconds > 300000 & editor > 7",
    );
    // By one of them alone too many records are fetched.
    check(tracks(long()), "filter milliseconds > 300000\n  scan Track");
    check(tracks(edited()), "filter editor > 7\n  scan Track");
    // What one finds few by is not intersected with anything.
    let few = field(f::track::ALBUM).binary(Eq, id(1));
    check(tracks(long().binary(And, few)), "filter milliseconds > 300000\n  index lookup Track by album = 1");
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

/// The catalog whose index of albums by artist includes their titles.
#[cfg(not(feature = "small"))]
fn with_titles() -> Catalog {
    let mut catalog = f::catalog();
    let albums = catalog.collections.iter_mut().find(|of| of.name == "Album").expect("a collection");
    let albums = alloc::sync::Arc::get_mut(albums).expect("nobody else has it");
    let index = albums.indexes.iter_mut().find(|of| of.name == "artist_released").expect("an index");
    index.included = alloc::vec::Vec::from([f::album::TITLE]);
    catalog
}

#[test]
#[cfg(not(feature = "small"))]
fn included_values_are_read_and_asked_of_entries() {
    let check = |draft: DraftBuilder, expected: &str| {
        assert_eq!(explain_in(&with_titles(), draft, Purpose::Rows), expected);
    };
    let live = || of_artist().filter(field(f::album::TITLE).binary(Like, text("%Live%")));
    check(
        of_artist().select([field(f::album::TITLE), field(f::album::RELEASED)]),
        "project [title], [released]\n  index lookup Album by artist = 7, entries only",
    );
    check(
        live().select([field(f::album::RELEASED)]),
        "project [released]\n  \
         index lookup Album by artist = 7, entries with title like \"%Live%\", entries only",
    );
    // A record is more, and is fetched where the title lets it through.
    check(live(), "index lookup Album by artist = 7, entries with title like \"%Live%\"");
    // Nothing is searched for by what is included, nor does it come in any order.
    check(
        draft(f::Album).filter(field(f::album::TITLE).binary(Eq, text("x"))),
        "index lookup Album by title = \"x\"",
    );
    check(
        of_artist().order_by(field(f::album::TITLE), false).select([field(f::album::TITLE)]),
        "project [title]\n  sort [title]\n    index lookup Album by artist = 7, entries only",
    );
}

/// An index of some records serves who asks for no others, whatever is asked beside that.
#[test]
#[cfg(not(feature = "small"))]
fn indexes_of_some_records() {
    let of_value = |op, value| field(f::reading::VALUE).binary(op, int(value));
    let code = || field(f::reading::CODE);
    let readings = |predicate: Postfix| draft(f::Reading).filter(predicate);
    check(
        readings(of_value(Eq, 3).binary(And, code().unary(UnaryOp::IsNone))),
        "index lookup Reading by value = 3 where code.is_none()",
    );
    // The condition is implied by what is less, and not by what is more.
    let code_is = |value| code().binary(Eq, Postfix::literal(Scalar::Int(value), Type::U8));
    check(
        readings(code_is(2).binary(And, of_value(Lt, 1))),
        "filter value < 1\n  index lookup Reading by code = 2 where value <= 1",
    );
    check(readings(code_is(2).binary(And, of_value(Lt, 3))), "index range Reading by code = 2 & value < 3");
    // Its order is one of those that are asked for.
    let named = |name| draft(f::Country).filter(field(f::country::NAME).binary(Ge, text(name)));
    let by_population = |of: DraftBuilder| of.order_by(field(f::country::POPULATION), false).limit(3);
    check(
        by_population(named("b")),
        "top 3 by population; they come by population\n  \
         index scan Country by population, name where name >= \"a\", entries with name >= \"b\"",
    );
    check(by_population(named("A")), "top 3 by population\n  filter name >= \"A\"\n    scan Country");
}

/// An index of lists has each record once for each element of its list.
#[test]
#[cfg(not(feature = "small"))]
fn elements_of_lists() {
    let tagged = |tag| field(f::note::TAGS).binary(Has, text(tag));
    let notes = |predicate: Postfix| draft(f::Note).filter(predicate);
    check(notes(tagged("a")), "index lookup Note by tags has \"a\"");
    check(notes(tagged("a").binary(Or, tagged("b"))), "index union Note by tags has \"a\" | tags has \"b\"");
    check(
        notes(tagged("a").binary(And, tagged("b"))),
        "filter tags has \"b\"\n  index lookup Note by tags has \"a\"",
    );
    check(notes(field(f::note::MARKS).binary(Has, int(3))), "index lookup Note by marks has 3");
    // Entries are of elements: no list is made of them, and they tell no order of lists.
    check(
        notes(tagged("a")).select([field(f::note::TAGS)]),
        "project tags\n  index lookup Note by tags has \"a\"",
    );
    check(draft(f::Note).order_by(field(f::note::TAGS), false).limit(3), "top 3 by tags\n  scan Note");
    check(notes(field(f::note::PLAIN).binary(Has, int(3))), "filter plain has 3\n  scan Note");
}

/// What no index has is put in a table once, for whoever looks for it.
#[test]
#[cfg(not(feature = "small"))]
fn tables_in_place_of_an_index() {
    use crate::expr::JoinKind;
    let named = || inner(1, f::track::NAME).binary(Eq, field(f::album::TITLE));
    check(
        f::join(draft(f::Album), f::Track, named(), JoinKind::Inner),
        "project Album, Track\n  join through hash table, title = Track.name\n    scan Track\n    \
         scan Album",
    );
    check(
        f::join(draft(f::Album), f::Track, named(), JoinKind::Left),
        "project Album, Track\n  left join through hash table, Track.name = title\n    scan Album\n    \
         scan Track",
    );
    check(
        draft(f::Album).filter(exists(f::Track, 1, named())),
        "semi join Track through hash table, Track.name = title\n  scan Album\n  scan Track",
    );
    // Of few rows each is looked for in an index, of many in a table.
    let pointing = || inner(1, f::track::ALBUM).binary(Eq, field(f::album::ID));
    check(
        f::join(of_artist(), f::Track, pointing(), JoinKind::Inner),
        "project Album, Track\n  join Track through index, Track.album = id\n    \
         index lookup Album by artist = 7",
    );
    check(
        f::join(draft(f::Album), f::Track, pointing(), JoinKind::Inner),
        "project Album, Track\n  join through hash table, id = Track.album\n    scan Track\n    \
         scan Album",
    );
}

/// A look at a bit for each row, in place of one at the record that it points at.
#[test]
#[cfg(not(feature = "small"))]
fn marks() {
    let live =
        || through(&[f::track::ALBUM], f::album::TITLE).binary(Like, text("%Live%")).unary(UnaryOp::Not);
    check(
        tracks(live()),
        "among Album by album\n  scan Track\n  filter !(album.title like \"%Live%\")\n    scan Album",
    );
    let count = tracks(live()).aggregate([(crate::expr::AggregateFunction::Count, None)]);
    check(
        count,
        "project [count]\n  aggregate count\n    among Album by album\n      scan Track\n      \
         filter !(album.title like \"%Live%\")\n        scan Album",
    );
}

/// What is passed over is counted in the index, if all that is asked is in it.
#[test]
#[cfg(not(feature = "small"))]
fn offsets_on_an_index() {
    let after = |of: DraftBuilder| of.order_by(field(f::track::MILLISECONDS), false).offset(1_000).limit(10);
    check(after(draft(f::Track)), "limit 10 offset 1000\n  index scan Track by milliseconds");
    check(
        after(tracks(field(f::track::MILLISECONDS).binary(Gt, int(300_000)))),
        "limit 10 offset 1000\n  index range Track by milliseconds > 300000",
    );
    let released = of_artist().order_by(field(f::album::RELEASED), true).offset(2).limit(3);
    check(released, "limit 3 offset 2\n  index lookup Album by artist = 7 backwards");
}

/// The last ones of an index, of a range of it, by key of what is in it, and of a range of keys.
#[test]
fn backwards() {
    let editor = |of: DraftBuilder| of.order_by(field(f::track::EDITOR), true).limit(3);
    check(editor(draft(f::Track)), "limit 3\n  index scan Track by editor backwards");
    let after = || of_artist().filter(field(f::album::RELEASED).binary(Gt, date(730_120)));
    check(
        after().order_by(field(f::album::RELEASED), true).limit(3),
        "limit 3\n  index range Album by artist = 7 & released > 2000-01-01 backwards",
    );
    check(
        after().order_by(field(f::album::ID), true).limit(3),
        "limit 3\n  index range Album by artist = 7 & released > 2000-01-01, sorted by key backwards",
    );
    check(
        tracks(field(f::track::ID).between(id(3), id(70_000))).order_by(field(f::track::ID), true).limit(3),
        "limit 3\n  key range Track by id between 3 and 70000 backwards",
    );
}

/// Few rows have each its own range of an index, or of keys.
#[test]
#[cfg(not(feature = "small"))]
fn ranges_for_each_row() {
    use crate::expr::JoinKind;
    let one = || tracks(field(f::track::ID).binary(Eq, id(7)));
    let longer = || inner(1, f::track::MILLISECONDS).binary(Gt, field(f::track::MILLISECONDS));
    check(
        one().filter(exists(f::Track, 1, longer())),
        "semi join Track through index, Track 2.milliseconds > milliseconds\n  \
         key lookup Track by id = 7",
    );
    let later = || inner(1, f::track::ID).binary(Gt, field(f::track::ID));
    check(
        one().filter(exists(f::Track, 1, later())),
        "semi join Track through index, Track 2.id > id\n  key lookup Track by id = 7",
    );
    let of_artist = inner(1, f::album::ARTIST).binary(Eq, field(f::album::ARTIST));
    let since = inner(1, f::album::RELEASED).binary(Ge, field(f::album::RELEASED));
    let album = draft(f::Album).filter(field(f::album::ID).binary(Eq, id(7)));
    check(
        album.filter(exists(f::Album, 1, of_artist.binary(And, since))),
        "semi join Album through index, Album 2.artist = artist & Album 2.released >= released\n  \
         key lookup Album by id = 7",
    );
    // Joins that are put in order have such ranges as well, and what else is asked of pairs.
    let of_artist = inner(1, f::album::ARTIST).binary(Eq, field(f::album::ARTIST));
    let since = inner(1, f::album::RELEASED).binary(Ge, field(f::album::RELEASED));
    let after = inner(1, f::album::TITLE).binary(Gt, field(f::album::TITLE));
    let on = || of_artist.clone().binary(And, since.clone()).binary(And, after.clone());
    let album = draft(f::Album).filter(field(f::album::ID).binary(Eq, id(7)));
    check(
        f::join(album, f::Album, on(), JoinKind::Inner),
        "project Album, Album\n  \
         join Album through index, Album 2.artist = artist & Album 2.released >= released\n    \
         key lookup Album by id = 7\n    filter Album 2.title > title",
    );
    // Of all rows a table is made, and all that is asked of both sides is asked of what is linked.
    check(
        f::join(draft(f::Album), f::Album, on(), JoinKind::Inner),
        "project Album, Album\n  filter Album 2.released >= released & Album 2.title > title\n    \
         join through hash table, Album 2.artist = artist\n      scan Album\n      scan Album",
    );
    check(
        f::join(one(), f::Track, longer(), JoinKind::Left),
        "project Track, Track\n  \
         left join Track through index, Track 2.milliseconds > milliseconds\n    \
         key lookup Track by id = 7",
    );
    // Whether there is one is told by the first entry, for many rows as well; of all in their ranges there is a sorted list.
    check(
        draft(f::Track).filter(exists(f::Track, 1, longer())),
        "semi join Track through index, Track 2.milliseconds > milliseconds\n  scan Track",
    );
    check(
        f::join(draft(f::Track), f::Track, longer(), JoinKind::Left),
        "project Track, Track\n  left join pairs by ranges of Track 2.milliseconds\n    \
         scan Track\n    scan Track\n    filter Track 2.milliseconds > milliseconds",
    );
}

/// As many rows are read in their order as it takes to make the first pairs of it.
#[test]
#[cfg(not(feature = "small"))]
fn the_first_of_an_order_through_a_join() {
    use crate::expr::JoinKind;
    let on = || inner(1, f::album::ID).binary(Eq, field(f::track::ALBUM));
    let joined = |kind| f::join(draft(f::Track), f::Album, on(), kind);
    let first = |kind| joined(kind).order_by(field(f::track::MILLISECONDS), false).limit(5);
    check(
        first(JoinKind::Inner),
        "project Track, Album\n  top 5 by milliseconds; they come by milliseconds\n    \
         join Album through index, Album.id = album\n      index scan Track by milliseconds",
    );
    check(
        first(JoinKind::Left),
        "project Track, Album\n  top 5 by milliseconds; they come by milliseconds\n    \
         left join Album through index, Album.id = album\n      index scan Track by milliseconds",
    );
    check(
        joined(JoinKind::Inner).order_by(field(f::track::ID), true).limit(5),
        "project Track, Album\n  top 5 by id desc; they come by id desc\n    \
         join Album through index, Album.id = album\n      scan Track backwards",
    );
    // Pairs by what the other side tells, and all of those that an index would have to find one by one, are sorted.
    check(
        joined(JoinKind::Inner).order_by(field(f::track::MILLISECONDS), false),
        "project Track, Album\n  sort milliseconds\n    join through hash table, Album.id = album\n      \
         scan Track\n      scan Album",
    );
    check(
        joined(JoinKind::Inner).order_by(inner(1, f::album::RELEASED), false).limit(5),
        "project Track, Album\n  top 5 by Album.released\n    \
         join through hash table, Album.id = album\n      scan Track\n      scan Album",
    );
}

#[test]
#[cfg(not(feature = "small"))]
fn all_of_an_order_through_a_join() {
    use crate::expr::JoinKind;
    let on = || inner(1, f::track::ALBUM).binary(Eq, field(f::album::ID));
    let joined = |kind| f::join(draft(f::Album), f::Track, on(), kind);
    let by = |terms: Vec<(Postfix, bool)>| {
        let term = |(expression, descending)| OrderTerm { expression, descending, nulls_first: None };
        Clause::Order(terms.into_iter().map(term).collect())
    };
    let by_album = || by(Vec::from([(field(f::album::ID), true), (inner(1, f::track::NAME), false)]));
    for (kind, word) in [(JoinKind::Inner, ""), (JoinKind::Left, "left ")] {
        check(
            joined(kind).clause(by_album()),
            &format!(
                "project Album, Track\n  sort id desc, Track.name; they come by id desc\n    \
                 {word}join through hash table, Track.album = id\n      scan Album backwards\n      scan Track"
            ),
        );
    }
    // What is equal to a key comes in its order. Of an inner join either side may be what rows begin at.
    check(
        joined(JoinKind::Inner).clause(by(Vec::from([(inner(1, f::track::ALBUM), false)]))),
        "project Album, Track\n  sort Track.album; they come so\n    \
         join through hash table, Track.album = id\n      scan Album\n      scan Track",
    );
    check(
        joined(JoinKind::Inner).clause(by(Vec::from([(inner(1, f::track::ID), false)]))),
        "project Album, Track\n  sort Track.id; they come by Track.id\n    \
         join through hash table, id = Track.album\n      scan Track\n      scan Album",
    );
    // Nothing comes in the order of names, and what a left join finds in none.
    for (ordinal, name) in [(f::track::NAME, "name"), (f::track::ID, "id")] {
        check(
            joined(JoinKind::Left).clause(by(Vec::from([(inner(1, ordinal), false)]))),
            &format!(
                "project Album, Track\n  sort Track.{name}\n    left join through hash table, Track.album = id\n      \
                 scan Album\n      scan Track"
            ),
        );
    }
}

#[test]
#[cfg(not(feature = "small"))]
fn the_first_groups_of_pairs() {
    use crate::expr::JoinKind;
    let count = || f::aggregate(AggregateFunction::Count, None);
    let others = inner(1, f::track::NAME).binary(Ne, field(f::album::TITLE));
    let on = inner(1, f::track::ALBUM).binary(Eq, field(f::album::ID)).binary(And, others);
    let groups = |by: Postfix, limit| {
        let groups = f::join(draft(f::Album), f::Track, on.clone(), JoinKind::Inner).group_by([by]);
        let key = OrderTerm { expression: Postfix::key(0), descending: false, nulls_first: None };
        groups.clause(Clause::Order(Vec::from([key]))).limit(limit).select([Postfix::key(0), count()])
    };
    let first = |by: &str, key: &str| {
        format!(
            "project [{by}], [count]\n  top 10 by [{by}]; they come by [{by}]\n    aggregate count by {key}, one after the other\n      \
             filter Track.name != title\n        join Track through index, Track.album = id\n          scan Album"
        )
    };
    check(groups(field(f::album::ID), 10), &first("id", "id"));
    // What is equal to the key that rows begin at.
    check(groups(inner(1, f::track::ALBUM), 10), &first("Track.album", "Track.album"));
    // Most of them, and groups that nothing has in order, are made of all pairs.
    for (by, limit, key) in [(field(f::album::ID), 2_900, "id"), (inner(1, f::track::NAME), 10, "Track.name")]
    {
        check(
            groups(by, limit),
            &format!(
                "project [{key}], [count]\n  top {limit} by [{key}]\n    aggregate count by {key}\n      \
                 filter Track.name != title\n        join through hash table, id = Track.album\n          \
                 scan Track\n          scan Album"
            ),
        );
    }
}

/// In the order of the index either way, in none, and where what is asked of groups is asked of them as they come.
#[test]
#[cfg(not(feature = "small"))]
fn groups_in_the_order_of_an_index() {
    let count = || f::aggregate(AggregateFunction::Count, None);
    let by_length = || draft(f::Track).group_by([field(f::track::MILLISECONDS)]);
    let groups = "aggregate count by [milliseconds], one after the other";
    check(
        by_length().limit(10).select([Postfix::key(0), count()]),
        &format!(
            "project [milliseconds], [count]\n  limit 10\n    {groups}\n      \
             index scan Track by milliseconds, entries only"
        ),
    );
    let last = Clause::Order(Vec::from([OrderTerm {
        expression: Postfix::key(0),
        descending: true,
        nulls_first: None,
    }]));
    let many = Postfix::literal(Scalar::Int(1), Type::U64);
    check(
        by_length().filter(count().binary(Gt, many)).clause(last).limit(10).select([Postfix::key(0)]),
        &format!(
            "project [milliseconds]\n  limit 10\n    filter [count] > 1\n      {groups}\n        \
             index scan Track by milliseconds backwards, entries only"
        ),
    );
    // All of them: records that follow each other are cheaper to read than entries.
    check(
        by_length().select([Postfix::key(0)]),
        "project [milliseconds]\n  aggregate by milliseconds\n    scan Track",
    );
}
