//! What is said by names, beside what typed queries say: the same drafts, the same rows; and every wrong name, type and place, which is
//! an error.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;
use crate::prelude::*;
use crate::value::Scalar;
use crate::{Database, Query};

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(albums: Album::artist)]
struct Artist {
    id: Id<Artist>,
    #[unique]
    name: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(tracks: Track::album)]
struct Album {
    id: Id<Album>,
    title: String,
    #[on_delete(cascade)]
    artist: Id<Artist>,
    year: Option<i32>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Track {
    id: Id<Track>,
    name: String,
    #[on_delete(cascade)]
    album: Id<Album>,
    seconds: i64,
    price: f32,
    side: char,
    tags: Vec<String>,
    before: Option<Id<Track>>,
}

crate::schema!(Music { Artist, Album, Track });

fn music() -> Database<Music> {
    let db = Music::in_memory().unwrap();
    db.write(|tx| {
        for name in ["Iron Maiden", "Saxon", "Zappa"] {
            tx.insert(&Artist { id: Id::auto(), name: name.into() })?;
        }
        let albums = [("Killers", 1, Some(1981)), ("Powerslave", 1, Some(1984)), ("Demos", 2, None)];
        for (title, artist, year) in albums {
            tx.insert(&Album { id: Id::auto(), title: title.into(), artist: Id::new(artist), year })?;
        }
        let tracks = [("Wrathchild", 1, 174), ("Aces High", 2, 271), ("Flash", 2, 245), ("Crusader", 3, 395)];
        for (number, (name, album, seconds)) in tracks.into_iter().enumerate() {
            let (side, before) = (if number % 2 == 0 { 'A' } else { 'B' }, number as u64);
            tx.insert(&Track {
                id: Id::auto(),
                name: name.into(),
                album: Id::new(album),
                seconds,
                price: 0.5,
                side,
                tags: vec!["rock".into(), name.to_lowercase()],
                before: (before > 0).then(|| Id::new(before)),
            })?;
        }
        Ok(())
    })
    .unwrap();
    db
}

fn query(collection: &str) -> DynamicQuery {
    Collections::of::<Music>().query(collection)
}

/// Checks that both are the same draft, and have rows.
fn check<S, O>(said: DynamicQuery, typed: &Query<S, O>) {
    assert_eq!(said.draft().expect("a sound query"), typed.draft());
    said.all(&music()).expect("rows");
}

#[test]
fn what_is_said_by_names_is_what_typed_queries_say() {
    check(query("Track"), &Track::query());
    check(
        query("Track").filter(field("seconds").gt(240) & field("album.artist.name").eq("Iron Maiden")),
        &Track::query().filter(|t| t.seconds.gt(240) & t.album().artist().name.eq("Iron Maiden")),
    );
    check(
        query("Album")
            .filter(!field("year").is_none() | field("title").starts_with("K"))
            .order_by([field("year").desc(), field("id").asc()])
            .offset(1)
            .limit(2)
            .select([field("title"), field("year") + 1]),
        &Album::query()
            .filter(|al| !al.year.is_none() | al.title.starts_with("K"))
            .order_by(|al| (al.year.desc(), al.id.asc()))
            .offset(1)
            .limit(2)
            .select(|al| (al.title, al.year + 1)),
    );
    check(
        query("Album").filter(field("year").between(1980, 1983) & field("id").in_([1, 2])),
        &Album::query().filter(|al| al.year.between(1980, 1983) & al.id.in_([Id::new(1), Id::new(2)])),
    );
    check(
        query("Track")
            .join("Album", "al", of("al").field("id").eq(of("Track").field("album")))
            .filter(field("al.year").gt(1980))
            .select([field("name"), field("al.title")]),
        &Track::query()
            .join::<Album>(|(t, al)| al.id.eq(t.album))
            .filter(|(_, al)| al.year.gt(1980))
            .select(|(t, al)| (t.name, al.title)),
    );
    check(
        query("Artist").left_join("Album", "al", field("al.artist").eq(field("Artist.id"))),
        &Artist::query().left_join::<Album>(|(a, al)| al.artist.eq(a.id)),
    );
}

#[test]
fn groups_and_windows_are_those_of_typed_queries() {
    check(
        query("Track")
            .group_by([field("album.title").named("album")])
            .having(count().gt(0))
            .order_by([field("album").asc()])
            .select([field("album"), count(), sum(field("seconds")).only(field("side").eq("A"))]),
        &Track::query()
            .group_by(|t| t.album().title)
            .having(|g| g.count().gt(0))
            .order_by(|g| g.key().asc())
            .select(|g| (g.key(), g.count(), g.filter(|t| t.side.eq('A')).sum(|t| t.seconds))),
    );
    check(
        query("Album").aggregate([count(), min("year"), avg(field("year"))]),
        &Album::query().aggregate(|g| (g.count(), g.min(|al| al.year), g.avg(|al| al.year))),
    );
    check(
        query("Album")
            .group_by([field("artist")])
            .group_by([count().named("n")])
            .select([field("n"), count()]),
        &Album::query().group_by(|al| al.artist).group_by(|g| g.count()).select(|g| (g.key(), g.count())),
    );
    let by_length = DynamicWindow::new().partition_by(["album"]).order_by([field("seconds").desc()]);
    check(
        query("Track")
            .window([by_length.row_number().named("place"), by_length.lag("seconds", 1)])
            .filter(field("place").eq(1)),
        &Track::query()
            .window(|t, w| {
                let by_length = w.partition_by(t.album).order_by(t.seconds.desc());
                (by_length.row_number(), by_length.lag(t.seconds, 1))
            })
            .filter(|(_, (place, _))| place.eq(1)),
    );
    check(
        query("Track").window([DynamicWindow::new()
            .order_by([field("seconds").asc()])
            .range(Some(-10), Some(10))
            .aggregate(count().only(field("side").eq("A")))]),
        &Track::query().window(|t, w| w.range_by(t.seconds, -10..=10).filter(t.side.eq('A')).count()),
    );
    check(
        query("Track").order_by(["seconds"]).limit_per(["album"], 2).distinct_by([field("side")]),
        &Track::query().order_by(|t| t.seconds).limit_per(|t| t.album, 2).distinct_by(|t| t.side),
    );
}

#[test]
fn queries_in_queries_are_those_of_typed_ones() {
    check(
        query("Artist").filter(pointing("Album", "artist").any(field("year").is_none())),
        &Artist::query().filter(|a| a.albums().any(|al| al.year.is_none())),
    );
    let of_1984 = || pointing("Album", "artist").filter(field("year").eq(1984));
    check(
        query("Artist").filter(of_1984().all(field("title").ne("x"))).select([of_1984().count()]),
        &Artist::query()
            .filter(|a| a.albums().filter(|al| al.year.eq(1984)).all(|al| al.title.ne("x")))
            .select(|a| a.albums().filter(|al| al.year.eq(1984)).count()),
    );
    check(
        query("Album").select([
            pointing("Track", "album").aggregate(sum(field("seconds"))),
            pointing("Album", "artist").at("artist").count(),
        ]),
        &Album::query().select(|al| (al.tracks().sum(|t| t.seconds), al.artist().albums().count())),
    );
    check(
        query("Album").filter(from("Track", "t").any(field("t.name").eq(field("title")))),
        &Album::query().filter(|al| al.exists::<Track>(|(al, t)| t.name.eq(al.title))),
    );
    check(
        query("Album").filter(from("Track", "t").has(field("t.name"), of("Album").field("title"))),
        &Album::query().filter(|al| al.title.in_query(al.from::<Track>().select(|(_, t)| t.name))),
    );
    check(
        query("Album").filter(field("artist").in_query(query("Artist").select(["id"]))),
        &Album::query().filter(|al| al.artist.in_query(Artist::query().select(|a| a.id))),
    );
    let years = || query("Album").select(["year"]);
    let typed_years = || Album::query().select(|al| al.year);
    check(years().distinct().union_all(years()), &typed_years().distinct().union_all(typed_years()));
    check(
        years().intersect(years()).except(years()),
        &typed_years().intersect(typed_years()).except(typed_years()),
    );
    check(
        query("Track").left_join_query(
            query("Album").select(["id", "year"]).common(),
            "al",
            field("al.id").eq(field("album")),
        ),
        &Track::query()
            .left_join_query(Album::query().select(|al| (al.id, al.year)).common(), |(t, (id, _))| {
                id.eq(t.album)
            }),
    );
    // Of each track those that came before it.
    let before = query("Track").filter(field("id").eq(4)).select(["id"]).recursive_with(|found| {
        query("Track")
            .join_query(
                found,
                "found",
                field("before").is_some() & field("found.id").eq(of("Track").field("id")),
            )
            .select([field("before").or_else(0)])
    });
    assert_eq!(before.count(&music()).unwrap(), 4);
    let limited = query("Track").filter(field("id").eq(4)).select(["id"]).recursive_within(1, |found| {
        query("Track")
            .join_query(found, "found", field("found.id").eq(of("Track").field("id")))
            .select([field("before").or_else(0)])
    });
    assert_eq!(limited.count(&music()).unwrap(), 2);
    check(query("Track").sample_seeded(2, 7), &Track::query().sample_seeded(2, 7));
}

#[test]
fn methods_that_are_made_of_others_are_called_by_their_names() {
    #[derive(Collection, Debug)]
    struct Event {
        id: Id<Event>,
        data: Json,
        extra: Option<Json>,
        marks: Option<Vec<i32>>,
        name: Option<String>,
    }
    crate::schema!(Log { Event });
    let nothing = || Vec::<DynamicExpression>::new();
    let of = |field_name: &str, function: &str| field(field_name).call(function, nothing());
    let said = || Collections::of::<Log>().query("Event");
    let filter = of("marks", "is_empty") | of("name", "is_empty") | of("extra", "is_null");
    let typed = Event::query().filter(|e| e.marks.is_empty() | e.name.is_empty() | e.extra.is_null());
    assert_eq!(said().filter(filter).draft().unwrap(), typed.draft());
    let path = field("data").call("get", ["tags[0].name"]).call("as_str", nothing());
    let typed = Event::query().select(|e| (e.marks.first(), e.data.get("tags[0].name").as_str()));
    assert_eq!(said().select([of("marks", "first"), path]).draft().unwrap(), typed.draft());

    let db = Log::in_memory().unwrap();
    db.write(|tx| {
        let data = Json::parse(r#"{"tags":[{"name":"new"}]}"#)?;
        let marks = Some(Vec::from([7]));
        tx.insert(&Event { id: Id::auto(), data, extra: Some(Json::parse("null")?), marks, name: None })
    })
    .unwrap();
    let path = field("data").call("get", ["tags[0].name"]).call("as_str", nothing());
    let row = said().filter(of("extra", "is_null")).select([of("marks", "first"), path]).one(&db).unwrap();
    let values = (row.at::<Option<i32>>(0).unwrap(), row.at::<Option<String>>(1).unwrap());
    assert_eq!(values, (Some(7), Some("new".into())));

    let told = |said: DynamicQuery| said.check().expect_err("nothing is wrong").to_string();
    let malformed = said().select([field("data").call("get", ["tags[x]"])]);
    assert!(told(malformed).contains("`tags[x]` is no path of JSON"));
    assert!(told(said().select([of("name", "first")])).contains("`first` does not take (String)"));
    assert!(told(said().filter(of("data", "is_empty"))).contains("`is_empty` does not take (Json)"));
    assert!(told(said().filter(of("name", "is_null"))).contains("`is_null` does not take (String)"));
    assert!(told(said().filter(of("name", "is_emty"))).contains("is it `is_empty`?"));
}

#[test]
fn literals_take_the_type_of_what_they_stand_beside() {
    let typed = Track::query().filter(|t| t.price.gt(1.0) & t.side.eq('B'));
    check(query("Track").filter(field("price").gt(1) & field("side").eq("B")), &typed);
    let mirrored = query("Track").filter(
        DynamicExpression::from("B").eq(field("side")) & DynamicExpression::from(1).gt(field("price")),
    );
    assert_eq!(mirrored.count(&music()).unwrap(), 2);
    check(query("Album").filter(field("year").eq(none())), &Album::query().filter(|al| al.year.eq(None)));
    check(query("Album").filter(field("year").eq(1984u64)), &Album::query().filter(|al| al.year.eq(1984)));
    // What literals make together is as open as they are.
    let number = |value: i64| DynamicExpression::from(value);
    let half = DynamicExpression::from(0.5) + 100;
    let both = (number(100) + 100).lt(field("seconds")) & field("price").lt(half);
    let typed = Track::query().filter(|t| t.seconds.gt(200) & t.price.lt(100.5));
    assert_eq!(query("Track").filter(both).count(&music()).unwrap(), typed.count(&music()).unwrap());
    let mut sum = number(1);
    for _ in 0..100 {
        sum = sum + 1;
    }
    assert_eq!(query("Track").filter(field("seconds").gt(sum)).count(&music()).unwrap(), 4);
    check(
        query("Track").filter(field("name").call("left", [3]).eq("Ace")),
        &Track::query().filter(|t| t.name.left(3).eq("Ace")),
    );
    check(
        query("Track").select([field("seconds").call("pow", [2]), field("seconds").call("min_of", [9])]),
        &Track::query().select(|t| (t.seconds.pow(2), t.seconds.min_of(9))),
    );
    check(
        query("Track").filter(field("tags").contains("rock")),
        &Track::query().filter(|t| t.tags.contains("rock")),
    );
    check(
        query("Track").filter(field("tags").any_element(element().starts_with("r"))),
        &Track::query().filter(|t| t.tags.any(|tag| tag.starts_with("r"))),
    );
    check(
        query("Track").select([field("seconds").gt(200).then(1, 0).named("is_long")]).order_by([field(
            "seconds",
        )
        .cast(crate::value::Type::I128)
        .desc()]),
        &Track::query()
            .select(|t| t.seconds.gt(200).then(1i32).otherwise(0))
            .order_by(|t| t.seconds.cast::<i128>().desc()),
    );
}

/// Checks that a query is refused, with these words.
#[track_caller]
fn refused(said: DynamicQuery, words: &str) {
    let error = said.check().expect_err("nothing is wrong");
    assert_eq!(error.kind(), ErrorKind::Plan);
    let text = error.to_string();
    assert!(text.contains(words), "{text}");
    let again = said.limit(1).select(["id"]).all(&music()).expect_err("it stays so");
    assert_eq!(again.to_string(), text);
}

#[test]
fn names_that_are_not_there_are_told_with_those_that_are() {
    refused(
        query("Trak"),
        "there is no collection `Trak`: is it `Track`? there is `Artist`, `Album`, `Track`",
    );
    refused(
        query("Album").filter(field("titel").eq("x")),
        "`filter`, clause 1 of the query over `Album`: `Album` has no field `titel`: is it `title`? there is `id`, `title`",
    );
    refused(query("Album").filter(field("artist.nam").eq("x")), "`Artist` has no field `nam`: is it `name`?");
    refused(query("Album").filter(field("title.name").eq("x")), "field `title` of `Album` is no relation");
    refused(query("Album").filter(of("b").field("title").eq("x")), "there is no source `b`: ");
    let joined = || query("Album").join("Track", "t", field("t.album").eq(field("Album.id")));
    refused(joined().filter(field("id").eq(1)), "`id` is several things here");
    refused(joined().filter(field("nothing").eq(1)), "rows have nothing called `nothing` here: ");
    refused(joined().join("Track", "t", field("t.id").eq(1)), "`t` is there already");
    refused(joined().named("t"), "`named`, clause 2 of the query over `Album`: `t` is there already");
    refused(query("Album").group_by(["artist"]).named("al"), "say `named` first");
    refused(
        query("Album").filter(from("Track", "t").at("t").exists()),
        "`at` is of the records that point at a row",
    );
    let long = "x".repeat(10_000);
    refused(query("Album").filter(field("year").eq(long.as_str())), &format!("\"{}…`", &long[..79]));
    refused(
        query("Album").filter(call("uper", [field("title")]).eq("X")),
        "there is no function `uper`: is it `upper`?",
    );
    refused(
        query("Album").filter(pointing("Track", "before").exists()),
        "field `before` of `Track` does not point at a record of `Album`",
    );
    refused(query("Album").filter(pointing("Track", "nothing").exists()), "`Track` has no field `nothing`");
    refused(
        query("Album").filter(from("Tracks", "t").exists()),
        "there is no collection `Tracks`: is it `Track`?",
    );
    refused(query("Album").filter(from("Track", "Album").exists()), "`Album` is there already");
    refused(query("Album").select([record("nothing")]), "there is no source `nothing`");
    let far = "before.before.before.before.before.before.before.name";
    refused(query("Track").filter(field(far).eq("x")), "follows more than 6 relations");
    for odd in ["", ".", "album.", ".album", "album..name", "🎸.x", "Track.", "album.artist"] {
        let _ = query("Track").filter(field(odd).eq("x")).select([record(odd)]).check();
        let _ = query("Track").filter(of(odd).field(odd).eq("x")).check();
    }
}

#[test]
fn types_that_do_not_fit_are_told_with_the_clause() {
    refused(
        query("Album").filter(field("year").eq("1984")),
        "clause 1 of the query over `Album`: `=` takes two values of one type, not i32 and String",
    );
    refused(
        query("Album").filter(field("year").eq(3_000_000_000i64)),
        "3000000000 is no value of type `i32`",
    );
    refused(query("Album").filter(field("year").eq(1.5)), "1.5 is no value of type `i32`");
    refused(
        query("Track").select([field("seconds").cast(Type::I8)]),
        "not every `i64` is a `i8`: `try_cast` gives `None` where it does not fit",
    );
    refused(query("Track").select([field("name").cast(Type::I8)]), "`cast` is not defined for String");
    let choice = field("year").is_some().then(1, "one");
    refused(query("Album").select([choice]), "`then` takes two values of one type, not i32 and String");
    refused(
        query("Track").filter(field("album").in_query(query("Album"))),
        "`in_query` is about values, and the query gives records",
    );
    refused(
        query("Track").filter(field("album").eq(scalar(query("Album")))),
        "`scalar` is about values, and the query gives records",
    );
    refused(
        query("Track").recursive_with(|last| last),
        "`recursive_with`, clause 1 of the query over `Track`: `recursive_with` is about values",
    );
    refused(
        query("Album").limit(3).filter(field("title")),
        "`filter`, clause 2 of the query over `Album`: a condition is a `bool`, and this is a `String`",
    );
    refused(query("Album").filter(field("title") & true), "a condition is a `bool`");
    refused(query("Album").select([field("title") + "x"]), "`+`");
    refused(query("Album").select([none()]), "it is not known of which type `None` is");
    refused(query("Album").select([call("upper", [field("year")])]), "`upper` does not take (i32)");
    let nothing: [DynamicExpression; 0] = [];
    refused(query("Album").select([call("upper", nothing)]), "`upper` does not take ()");
    refused(query("Album").select([field("year").cast(crate::value::Type::Bool)]), "`cast`");
    refused(query("Album").filter(field("year").any_element(element().eq(1))), "`any_element`");
    refused(
        query("Track").filter(field("tags").any_element(field("name").eq("x"))),
        "a test of elements speaks of `element()`",
    );
    refused(
        query("Track").filter(field("tags").any_element(pointing("Track", "before").exists())),
        "a test of elements",
    );
    refused(query("Track").filter(element().eq("x")), "`element()` is the element of a list");
    refused(
        query("Track").window([DynamicWindow::new().range(Some(1), None).aggregate(count())]),
        "a frame told by distances is of rows ordered by one value",
    );
    let ordered = || DynamicWindow::new().order_by([field("seconds").asc()]);
    refused(
        query("Track").window([ordered().range(Some(1.5), None).aggregate(count())]),
        "the distances of a range over `i64` are told by whole numbers",
    );
    refused(query("Track").window([ordered().aggregate(field("seconds"))]), "`aggregate` takes an aggregate");
    refused(query("Track").select([field("seconds").only(true.into())]), "`only` takes an aggregate");
    refused(
        query("Track").select([field("seconds").eq(literal(Scalar::Bool(true), crate::value::Type::I64))]),
        "true is no value of type `i64`",
    );
}

#[test]
fn clauses_out_of_place_are_told() {
    refused(query("Track").select([sum(field("seconds"))]), "`sum` is over the rows of a group");
    refused(query("Track").filter(count().gt(1)), "`count` is over the rows of a group");
    let grouped = || query("Track").group_by(["album"]);
    refused(
        grouped().filter(field("name").eq("x")),
        "rows have nothing called `name` here: there is `album`",
    );
    refused(
        grouped().having(count().gt(1)).join("Album", "al", field("al.id").eq(field("album"))),
        "`join` cannot follow",
    );
    refused(
        grouped().join("Album", "al", field("al.id").eq(field("album"))).filter(count().gt(1)),
        "`count` is over the rows of a group",
    );
    refused(query("Track").distinct(), "`distinct` is about values");
    refused(
        query("Track").select(["name"]).union(query("Album").select(["year"])),
        "`union` takes two values of one type, not String and i32",
    );
    refused(
        query("Track").select(["name"]).union(query("Album").select(["title", "year"])),
        "as many values on both sides, not 1 and 2",
    );
    refused(query("Track").select(["name"]).union(query("Nothing")), "there is no collection `Nothing`");
    refused(
        query("Track").filter(field("id").in_query(query("Album").select(["id", "year"]))),
        "a query of one value is needed, and this gives 2",
    );
    refused(
        query("Track").filter(field("id").in_query(query("Album"))),
        "name their fields with `select` first",
    );
    refused(query("Track").filter(field("seconds").eq(scalar(query("Album").select(["title"])))), "`=`");
    refused(query("Track").group_by([field("name"), field("name")]), "`name` is there already");
    refused(query("Track").group_by([record("Track")]), "name their fields with `select` first");
    refused(query("Track").select([field("name"), field("name")]).distinct(), "`name` is there already");
}

#[test]
fn what_is_too_deep_or_too_much_is_refused() {
    let mut deep = field("seconds");
    for _ in 0..100_000 {
        deep = deep + 1;
    }
    refused(query("Track").filter(deep.gt(1)), "operations within each other");
    let mut tests = field("seconds").gt(0);
    for number in 1..20_000 {
        tests = tests | field("seconds").eq(number);
    }
    assert_eq!(query("Track").filter(tests).count(&music()).unwrap(), 4);
    let mut within = query("Track").select(["id"]);
    for _ in 0..2_000 {
        within = query("Track").filter(field("id").in_query(within)).select(["id"]);
    }
    refused(within, "queries within each other");
    // Each looks at the records that point at its own.
    let chained = |deep: usize| {
        let first = pointing("Track", "before").exists();
        (1..deep).fold(first, |within, _| pointing("Track", "before").any(within))
    };
    assert_eq!(query("Track").filter(chained(3)).count(&music()).unwrap(), 1);
    query("Track").filter(chained(16)).count(&music()).unwrap();
    refused(query("Track").filter(chained(17)), "queries within each other");
    refused(query("Track").filter(chained(127)), "queries within each other");
    let last = query("Track").filter(chained(8)).select(["id"]);
    let mixed = (1..9).fold(field("id").in_query(last), |within, _| pointing("Track", "before").any(within));
    refused(query("Track").filter(mixed), "queries within each other");
    let tested = |deep: usize| {
        let list = || DynamicExpression::from(Vec::from([1i64, 2]));
        (0..deep).fold(element().gt(1), |within, _| list().any_element(within))
    };
    assert_eq!(query("Track").filter(tested(16)).count(&music()).unwrap(), 4);
    refused(query("Track").filter(tested(17)), "tests of elements within each other");
    refused(query("Track").filter(tested(126)), "tests of elements within each other");
    let clauses =
        |count: u64| (0..count).fold(query("Track"), |all, limit| all.filter(field("id").ne(limit)));
    clauses(1_024).check().unwrap();
    refused(clauses(1_025), "clauses");
    // Each of these could be of several types.
    let mut choices: DynamicExpression = 1.into();
    for _ in 0..30 {
        choices = field("seconds").call("min_of", [1]).gt(1).then(1, choices);
    }
    query("Track").select([choices]).check().unwrap();
    let many = (0..2_000).map(|_| field("seconds"));
    refused(query("Track").select(many), "items of a clause");
}

#[test]
fn rows_have_values_and_records_by_name_and_place() {
    let db = music();
    let row = query("Album").filter(field("id").eq(3)).one(&db).unwrap();
    assert_eq!(row.get::<String>("title").unwrap(), "Demos");
    assert_eq!(row.get::<Option<i32>>("year").unwrap(), None);
    assert_eq!(row.get::<Id<Artist>>("artist").unwrap(), Id::new(2));
    let whole = row.record(0).expect("a record");
    assert_eq!(whole.collection(), "Album");
    assert_eq!(whole.fields().map(|(name, ..)| name).collect::<Vec<_>>(), ["id", "title", "artist", "year"]);
    let told = |error: crate::Error| error.to_string();
    assert_eq!(
        told(row.get::<i32>("year").unwrap_err()),
        "`year` is absent in this row: ask for an `Option`"
    );
    assert_eq!(
        told(row.get::<i64>("title").unwrap_err()),
        "`title` is a `String`, and was asked for as a `i64`"
    );
    assert!(told(row.get::<i64>("nothing").unwrap_err()).contains("`Album` has no field `nothing`"));

    let both = query("Artist").left_join("Album", "al", field("al.artist").eq(field("Artist.id")));
    let both =
        both.order_by([field("Artist.id"), field("al.id")].map(DynamicExpression::asc)).all(&db).unwrap();
    assert_eq!(both.len(), 4);
    assert_eq!(both[0].names().collect::<Vec<_>>(), [Some("Artist"), Some("al")]);
    assert!(both[3].record(0).is_some() && both[3].record(1).is_none());

    let values = query("Track").order_by(["id"]).select([
        field("name").into(),
        field("seconds").gt(200).into(),
        record("album").named("of"),
    ]);
    let rows: Vec<Row> = values.stream(&db.read().unwrap()).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows, values.all(&db).unwrap());
    assert_eq!(
        (rows[0].at::<String>(0).unwrap(), rows[0].at::<bool>(1).unwrap()),
        ("Wrathchild".into(), false)
    );
    assert_eq!(rows[0].record(2).unwrap().get::<String>("title").unwrap(), "Killers");
    assert!(
        rows[0].at::<bool>(2).is_err() && rows[0].at::<bool>(9).is_err() && rows[0].get::<bool>("x").is_err()
    );
    assert_eq!(
        told(rows[0].at::<bool>(2).unwrap_err()),
        "`2` is a whole record: `Row::record` gives it, and that its fields"
    );
    assert_eq!(
        told(rows[0].get::<bool>("of").unwrap_err()),
        "`of` is a whole record: `Row::record` gives it, and that its fields"
    );
    assert_eq!(
        told(rows[0].at::<bool>(9).unwrap_err()),
        "there is nothing at place 9 of rows of 3: places are counted from 0"
    );
    assert_eq!(values.first(&db).unwrap().as_ref(), rows.first());
    assert!(values.exists(&db).unwrap());
    assert_eq!(values.one(&db).unwrap_err().kind(), ErrorKind::NotUnique);
    assert_eq!(query("Track").filter(false).one(&db).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(values.explain_analyze(&db).unwrap().root.actual.is_some());
    let plan = query("Artist").filter(field("name").eq("Saxon")).explain(&db).unwrap();
    assert_eq!(plan.to_string(), r#"index lookup Artist by name = "Saxon""#);
    assert_eq!(query("Track").require_index().all(&db).unwrap_err().kind(), ErrorKind::Plan);
}

#[test]
fn a_database_without_the_collections_refuses_the_query() {
    crate::schema!(Other { Artist });
    let other = Other::in_memory().unwrap();
    assert_eq!(query("Track").all(&other).unwrap_err().kind(), ErrorKind::Plan);
}
