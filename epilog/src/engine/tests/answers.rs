//! Queries whose answers are written out.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::fixture::{self as f, draft, exists, field, id, inner, int, null, reverse, text, through};
use super::*;
use crate::engine::fixture::DraftBuilder;
use crate::expr::BinaryOp::{
    Add, And, Divide, Eq, Ge, Gt, Le, Lt, Multiply, Ne, Or, OrElse, Remainder, StartsWith,
};
use crate::expr::{AggregateFunction, Clause, JoinKind, Postfix, Quantifier, UnaryOp};
use crate::value::Type;

fn number(value: i128) -> Scalar {
    Scalar::Int(value)
}

fn string(value: &str) -> Scalar {
    Scalar::String(value.to_string())
}

/// Three artists, the third without albums; five albums; a thousand tracks, `n` being of album `1 + n % 5`, `n`
/// milliseconds long, edited by artist 1 when `n` is divisible by 10.
fn music() -> Store {
    let artists = ["Iron Maiden", "Saxon", "Zappa"].iter().zip(1..);
    let albums = [("Powerslave", 1), ("Killers", 1), ("Live After Death", 1), ("Crusader", 2), ("Denim", 2)];
    let released = |n: i128| if n == 2 { Scalar::Null } else { number(730_000 + n) };
    let tracks = (1..=1000i128).map(|n| {
        Vec::from([
            number(n),
            string(&format!("track {n}")),
            number(1 + n % 5),
            number(n),
            Scalar::Float(n as f64 / 2.0),
            Scalar::Bool(n % 2 == 0),
            if n % 10 == 0 { number(1) } else { Scalar::Null },
        ])
    });
    store(&[
        (f::Artist, artists.map(|(name, id)| Vec::from([number(id), string(name)])).collect()),
        (
            f::Album,
            albums
                .iter()
                .zip(1..)
                .map(|((title, artist), id)| {
                    Vec::from([number(id), string(title), number(*artist), released(id)])
                })
                .collect(),
        ),
        (f::Track, tracks.collect()),
        (
            f::Reading,
            (-300..300i128)
                .map(|at| {
                    Vec::from([
                        number(at),
                        if at % 3 == 0 { Scalar::Null } else { number(at.abs() % 7) },
                        number(at * at),
                    ])
                })
                .collect(),
        ),
        (
            f::Country,
            ["NZ", "AT", "", "CH"]
                .iter()
                .zip(1..)
                .map(|(code, n)| {
                    Vec::from([
                        string(code),
                        if n == 2 { Scalar::Null } else { string(&code.to_lowercase()) },
                        number(n),
                    ])
                })
                .collect(),
        ),
    ])
}

/// The first column, as numbers.
#[track_caller]
fn numbers(store: &Store, draft: DraftBuilder) -> Vec<i128> {
    let snapshot = store.snapshot();
    let draft = draft.build();
    let rows_of = |rules| rows(snapshot.operation().view(), &draft, rules).expect("a query that succeeds");
    let all = rows_of(RuleSet::ALL);
    let mut plain = rows_of(RuleSet::NONE);
    let mut sorted = all.clone();
    let key = |row: &Vec<Scalar>| format!("{row:?}");
    sorted.sort_by_key(key);
    plain.sort_by_key(key);
    assert_eq!(sorted, plain, "without the optimizer");
    let direct = run(snapshot.operation().view(), &draft).and_then(scalars).expect("a query that succeeds");
    assert_eq!(direct, all, "as `run` carries it out");
    assert_eq!(streamed(&snapshot, &draft).expect("a query that succeeds"), all, "in several operations");
    let first =
        run_first(snapshot.operation().view(), &draft, 1).and_then(scalars).expect("a query that succeeds");
    assert_eq!(first, all[..all.len().min(1)], "the first");
    assert_eq!(count(&snapshot, &draft).expect("a count"), all.len() as u64);
    assert_eq!(super::exists(snapshot.operation().view(), &draft).expect("an answer"), !all.is_empty());
    let number = |row: &Vec<Scalar>| match row[0] {
        Scalar::Int(value) => value,
        Scalar::Bool(value) => value.into(),
        ref other => panic!("{other:?} is not a number"),
    };
    all.iter().map(number).collect()
}

fn tracks(predicate: Postfix) -> DraftBuilder {
    draft(f::Track).filter(predicate)
}

#[test]
fn keys_ranges_and_indexes_find_their_records() {
    let db = music();
    let key = || field(f::track::ID);
    assert_eq!(numbers(&db, tracks(key().binary(Eq, id(7)))), [7]);
    assert_eq!(numbers(&db, tracks(key().binary(Eq, id(7000)))), []);
    assert_eq!(numbers(&db, tracks(key().is_in([id(9), id(3), id(2000), id(9)]))), [3, 9]);
    assert_eq!(numbers(&db, tracks(key().between(id(998), id(5000)))), [998, 999, 1000]);
    assert_eq!(numbers(&db, tracks(key().binary(Le, id(2)))), [1, 2]);
    let length = || field(f::track::MILLISECONDS);
    assert_eq!(numbers(&db, tracks(length().binary(Eq, int(500)))), [500]);
    assert_eq!(numbers(&db, tracks(length().binary(Gt, int(998)))), [999, 1000]);
    assert_eq!(numbers(&db, tracks(length().binary(Lt, int(i64::MIN)))), []);
    assert_eq!(numbers(&db, tracks(field(f::track::ALBUM).binary(Eq, id(3)))).len(), 200);
    let title = field(f::album::TITLE).binary(StartsWith, text("Live"));
    assert_eq!(numbers(&db, draft(f::Album).filter(title)), [3]);
    let name = field(f::artist::NAME).is_in([text("Zappa"), text("Saxon"), text("Nobody")]);
    assert_eq!(numbers(&db, draft(f::Artist).filter(name)), [2, 3]);
}

#[test]
fn signed_keys_and_hidden_numbers_are_in_order() {
    let db = music();
    let at = || field(f::reading::AT);
    let lit = |value: i128| Postfix::literal(number(value), Type::I32);
    assert_eq!(numbers(&db, draft(f::Reading).limit(2)), [-300, -299]);
    assert_eq!(numbers(&db, draft(f::Reading).order_by(at(), true).limit(2)), [299, 298]);
    assert_eq!(numbers(&db, draft(f::Reading).filter(at().between(lit(-2), lit(1)))), [-2, -1, 0, 1]);
    assert_eq!(numbers(&db, draft(f::Reading).filter(at().is_in([lit(5), lit(-5)]))), [-5, 5]);
    let small = at().binary(Multiply, lit(1)).binary(Lt, lit(-298));
    assert_eq!(numbers(&db, draft(f::Reading).filter(small)), [-300, -299]);
    let population = |draft: DraftBuilder| draft.select([field(f::country::POPULATION)]);
    let code = field(f::country::CODE).binary(Eq, text("CH"));
    assert_eq!(numbers(&db, population(draft(f::Country).filter(code))), [4]);
    let absent = field(f::country::NAME).binary(Eq, null(Type::String));
    assert_eq!(numbers(&db, population(draft(f::Country).filter(absent))), [2]);
    let named = field(f::country::NAME).binary(Ne, text("nz"));
    assert_eq!(numbers(&db, population(draft(f::Country).filter(named))), [2, 3, 4]);
    let fallback = field(f::country::NAME).binary(OrElse, text("nz")).binary(Eq, text("nz"));
    assert_eq!(numbers(&db, population(draft(f::Country).filter(fallback))), [1, 2]);
}

#[test]
fn orders_and_limits() {
    let db = music();
    let length = || field(f::track::MILLISECONDS);
    assert_eq!(numbers(&db, draft(f::Track).order_by(length(), true).limit(3)), [1000, 999, 998]);
    assert_eq!(
        numbers(&db, draft(f::Track).order_by(field(f::track::PRICE), true).offset(2).limit(2)),
        [998, 997]
    );
    assert_eq!(numbers(&db, draft(f::Track).order_by(field(f::track::PRICE), false).limit(2).offset(1)), [2]);
    let names = draft(f::Track).order_by(field(f::track::NAME), false).limit(3);
    assert_eq!(numbers(&db, names), [1, 10, 100]);
    let all = numbers(&db, draft(f::Track).order_by(field(f::track::PRICE), true));
    assert_eq!(all, (1..=1000).rev().collect::<Vec<i128>>());
    assert_eq!(numbers(&db, draft(f::Track).limit(5).filter(field(f::track::ACTIVE))), [2, 4]);
    assert_eq!(numbers(&db, draft(f::Track).limit(0)), []);
    assert_eq!(numbers(&db, draft(f::Track).offset(998)), [999, 1000]);
    let twice = draft(f::Track).order_by(length(), true).limit(4).order_by(length(), false);
    assert_eq!(numbers(&db, twice), [997, 998, 999, 1000]);
    let released = |descending| draft(f::Album).order_by(field(f::album::RELEASED), descending);
    assert_eq!(numbers(&db, released(false)), [2, 1, 3, 4, 5]);
    assert_eq!(numbers(&db, released(true)), [5, 4, 3, 1, 2]);
}

#[test]
fn relations_are_followed() {
    let db = music();
    let artist = || through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME);
    assert_eq!(numbers(&db, tracks(artist().binary(Eq, text("Saxon"))).limit(4)), [3, 4, 8, 9]);
    assert_eq!(numbers(&db, tracks(artist().binary(Eq, text("Zappa")))), []);
    let editor = || through(&[f::track::EDITOR], f::artist::NAME);
    assert_eq!(numbers(&db, tracks(editor().binary(Eq, text("Iron Maiden")))).len(), 100);
    assert_eq!(numbers(&db, tracks(editor().binary(Eq, null(Type::String)))).len(), 900);
    assert_eq!(numbers(&db, tracks(editor().binary(Lt, text("z")).unary(UnaryOp::Not))).len(), 900);
    let snapshot = db.snapshot();
    let selected = tracks(field(f::track::ID).is_in([id(9), id(10)])).select([
        field(f::track::ID),
        through(&[f::track::ALBUM], f::album::TITLE),
        artist(),
        editor(),
    ]);
    let expected = [
        Vec::from([number(9), string("Denim"), string("Saxon"), Scalar::Null]),
        Vec::from([number(10), string("Powerslave"), string("Iron Maiden"), string("Iron Maiden")]),
    ];
    assert_eq!(rows(snapshot.operation().view(), &selected.build(), RuleSet::ALL).expect("rows"), expected);
}

#[test]
fn subqueries_ask_about_the_records_of_each_row() {
    let db = music();
    let albums = |quantifier, predicate| reverse(f::Album, f::album::ARTIST, quantifier, predicate);
    let live = || field(f::album::TITLE).binary(StartsWith, text("Live"));
    assert_eq!(numbers(&db, draft(f::Artist).filter(albums(Quantifier::Any, None))), [1, 2]);
    assert_eq!(numbers(&db, draft(f::Artist).filter(albums(Quantifier::Any, None).unary(UnaryOp::Not))), [3]);
    assert_eq!(numbers(&db, draft(f::Artist).filter(albums(Quantifier::Any, Some(live())))), [1]);
    assert_eq!(numbers(&db, draft(f::Artist).filter(albums(Quantifier::All, Some(live())))), [3]);
    let recent = field(f::album::RELEASED).binary(Gt, null(Type::Date)).unary(UnaryOp::Not);
    assert_eq!(numbers(&db, draft(f::Artist).filter(albums(Quantifier::All, Some(recent)))), [1, 2, 3]);
    assert_eq!(numbers(&db, draft(f::Artist).select([albums(Quantifier::Count, None)])), [3, 2, 0]);
    let either = albums(Quantifier::Any, Some(live())).binary(Or, field(f::artist::ID).binary(Eq, id(3)));
    assert_eq!(numbers(&db, draft(f::Artist).filter(either)), [1, 3]);
    let long = reverse(
        f::Track,
        f::track::ALBUM,
        Quantifier::Any,
        Some(field(f::track::MILLISECONDS).binary(Eq, int(999))),
    );
    assert_eq!(numbers(&db, draft(f::Artist).filter(albums(Quantifier::Any, Some(long)))), [2]);

    // Of the artists, those of whom an album has the title of ... nothing; then by a comparison of both sides.
    let own = || inner(1, f::album::ARTIST).binary(Eq, field(f::artist::ID));
    let later = inner(1, f::album::TITLE).binary(Gt, field(f::artist::NAME));
    assert_eq!(
        numbers(&db, draft(f::Artist).filter(exists(f::Album, 1, own().binary(And, later.clone())))),
        [1]
    );
    assert_eq!(numbers(&db, draft(f::Artist).filter(exists(f::Album, 1, later))), [1]);
    let nested = exists(f::Track, 2, {
        let of_album = inner(2, f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
        of_album.binary(And, inner(2, f::track::EDITOR).binary(Eq, field(f::artist::ID)))
    });
    assert_eq!(numbers(&db, draft(f::Artist).filter(exists(f::Album, 1, own().binary(And, nested)))), [1]);
}

#[test]
fn aggregates_of_all_rows() {
    use AggregateFunction::{Avg, Count, Max, Min, Sum};
    let db = music();
    let snapshot = db.snapshot();
    let all = draft(f::Track).aggregate([
        (Count, None),
        (Count, Some(field(f::track::EDITOR))),
        (Sum, Some(field(f::track::MILLISECONDS))),
        (Avg, Some(field(f::track::PRICE))),
        (Min, Some(field(f::track::NAME))),
        (Max, Some(field(f::track::NAME))),
        (Max, Some(field(f::track::ACTIVE))),
    ]);
    let expected = Vec::from([
        number(1000),
        number(100),
        number(500_500),
        Scalar::Float(250.25),
        string("track 1"),
        string("track 999"),
        Scalar::Bool(true),
    ]);
    assert_eq!(rows(snapshot.operation().view(), &all.build(), RuleSet::ALL).expect("a row"), [expected]);
    let none = tracks(field(f::track::ID).binary(Gt, id(1000))).aggregate([
        (Count, None),
        (Sum, Some(field(f::track::MILLISECONDS))),
        (Avg, Some(field(f::track::MILLISECONDS))),
        (Min, Some(field(f::track::NAME))),
    ]);
    let expected = Vec::from([number(0), number(0), Scalar::Null, Scalar::Null]);
    assert_eq!(rows(snapshot.operation().view(), &none.build(), RuleSet::ALL).expect("a row"), [expected]);
}

/// What groups of tracks have, each group's rows found by their numbers.
fn tracks_where(holds: impl Fn(i128) -> bool) -> Vec<i128> {
    (1..=1000).filter(|n| holds(*n)).collect()
}

/// The rows of a query whose groups come in any order, by their first columns.
fn groups(db: &Store, draft: &DraftBuilder) -> Vec<Vec<Scalar>> {
    let snapshot = db.snapshot();
    let draft = draft.clone().build();
    let mut all = rows(snapshot.operation().view(), &draft, RuleSet::ALL).expect("groups");
    let mut plain = rows(snapshot.operation().view(), &draft, RuleSet::NONE).expect("groups");
    let order = |a: &Vec<Scalar>, b: &Vec<Scalar>| {
        let pairs = a.iter().zip(b).map(|(a, b)| a.compare(b));
        pairs.fold(core::cmp::Ordering::Equal, core::cmp::Ordering::then)
    };
    all.sort_by(order);
    plain.sort_by(order);
    assert_eq!(all, plain, "with rules and without");
    all
}

#[test]
fn groups_by_keys_of_every_width() {
    use AggregateFunction::{Count, Max, Sum};
    let db = music();
    let items = || [f::aggregate(Count, None), f::aggregate(Sum, Some(field(f::track::MILLISECONDS)))];
    let expected = |key: Scalar, members: Vec<i128>| {
        Vec::from([key, number(members.len() as i128), number(members.iter().sum())])
    };
    let grouped = |key: Postfix| {
        groups(&db, &draft(f::Track).group_by([key]).select([Postfix::key(0)].into_iter().chain(items())))
    };
    // A byte; a word; a word that may be absent; text; a float; what is calculated.
    let by_parity =
        [false, true].map(|even| expected(Scalar::Bool(even), tracks_where(|n| (n % 2 == 0) == even)));
    assert_eq!(grouped(field(f::track::ACTIVE)), by_parity);
    let by_album = (1..=5i128).map(|album| expected(number(album), tracks_where(|n| 1 + n % 5 == album)));
    assert_eq!(grouped(field(f::track::ALBUM)), by_album.collect::<Vec<_>>());
    let by_editor = [
        expected(Scalar::Null, tracks_where(|n| n % 10 != 0)),
        expected(number(1), tracks_where(|n| n % 10 == 0)),
    ];
    assert_eq!(grouped(field(f::track::EDITOR)), by_editor);
    let titles = [(4, "Crusader"), (5, "Denim"), (2, "Killers"), (3, "Live After Death"), (1, "Powerslave")];
    let by_title = titles.map(|(album, title)| expected(string(title), tracks_where(|n| 1 + n % 5 == album)));
    assert_eq!(grouped(through(&[f::track::ALBUM], f::album::TITLE)), by_title);
    let by_price = grouped(field(f::track::PRICE));
    assert_eq!(by_price.len(), 1000);
    assert_eq!(by_price[6], expected(Scalar::Float(3.5), Vec::from([7])));
    let many = grouped(field(f::track::MILLISECONDS).binary(Divide, int(2)));
    assert_eq!(many.len(), 501);
    assert_eq!(many[7], expected(number(7), Vec::from([14, 15])));
    // Readings' codes: a byte that may be absent.
    let codes = draft(f::Reading)
        .group_by([field(f::reading::CODE)])
        .select([Postfix::key(0), f::aggregate(Max, Some(field(f::reading::AT)))]);
    let codes = groups(&db, &codes);
    assert_eq!(codes.len(), 8);
    assert_eq!(codes[0], [Scalar::Null, number(297)]);
    assert_eq!(codes[1], [number(0), number(287)]);
    // Several keys.
    let both = draft(f::Track)
        .group_by([field(f::track::ACTIVE), through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME)])
        .select([Postfix::key(1), Postfix::key(0), f::aggregate(Count, None)]);
    let row = |name: &str, even, count| Vec::from([string(name), Scalar::Bool(even), number(count)]);
    let expected = [
        row("Iron Maiden", false, 300),
        row("Iron Maiden", true, 300),
        row("Saxon", false, 200),
        row("Saxon", true, 200),
    ];
    assert_eq!(groups(&db, &both), expected);
    // Without rows there are no groups; without keys there is one.
    let none = || draft(f::Track).filter(field(f::track::ID).binary(Gt, id(1000)));
    assert_eq!(groups(&db, &none().group_by([field(f::track::ACTIVE)])), Vec::<Vec<Scalar>>::new());
    assert_eq!(groups(&db, &none().aggregate([(Count, None)])), [[number(0)]]);
}

#[test]
fn each_kind_comes_where_the_first_of_its_rows_stood() {
    let db = music();
    let distinct = |of: DraftBuilder, values: &[Postfix]| {
        of.select(values.iter().cloned()).clause(crate::expr::Clause::Distinct)
    };
    let album = || field(f::track::ALBUM);
    let latest = || draft(f::Track).order_by(field(f::track::MILLISECONDS), true);
    assert_eq!(numbers(&db, distinct(latest(), &[album()])), [1, 5, 4, 3, 2]);
    assert_eq!(numbers(&db, distinct(latest(), &[album()]).limit(3)), [1, 5, 4]);
    assert_eq!(numbers(&db, distinct(latest(), &[album()]).offset(1).limit(2)), [5, 4]);
    let by_album = draft(f::Track).order_by(album(), true);
    assert_eq!(numbers(&db, distinct(by_album, &[album()]).limit(3)), [5, 4, 3]);
    // A title that the album decides is no key.
    let titled = [album(), through(&[f::track::ALBUM], f::album::TITLE)];
    assert_eq!(numbers(&db, distinct(latest(), &titled)), [1, 5, 4, 3, 2]);
    assert_eq!(numbers(&db, distinct(latest(), &titled).limit(3)), [1, 5, 4]);
    let by_title = draft(f::Track).order_by(through(&[f::track::ALBUM], f::album::TITLE), true);
    assert_eq!(numbers(&db, distinct(by_title, &titled).limit(3)), [1, 3, 2]);
}

#[test]
fn groups_are_rows_like_others() {
    use AggregateFunction::{Avg, Count, Max, Sum};
    let db = music();
    let snapshot = db.snapshot();
    let run = |draft: DraftBuilder| {
        let rules = [RuleSet::ALL, RuleSet::NONE];
        let [with, without] = rules
            .map(|rules| rows(snapshot.operation().view(), &draft.clone().build(), rules).expect("rows"));
        assert_eq!(with, without);
        with
    };
    let count = || f::aggregate(Count, None);
    let album = || draft(f::Track).group_by([field(f::track::ALBUM)]);
    // Filtered by a key and by an aggregate, ordered by one, and cut off.
    let longest = || f::aggregate(Max, Some(field(f::track::MILLISECONDS)));
    let some = album()
        .filter(Postfix::key(0).binary(Gt, id(1)).binary(And, longest().binary(Lt, int(999))))
        .order_by(longest(), true)
        .limit(2)
        .select([Postfix::key(0), longest()]);
    assert_eq!(run(some), [[number(4), number(998)], [number(3), number(997)]]);
    // Groups of groups: albums by how many of their tracks are edited.
    let edited = f::aggregate(Count, Some(field(f::track::EDITOR)));
    let again = album().group_by([edited]).order_by(Postfix::key(0), false).select([
        Postfix::key(0),
        count(),
        f::aggregate(Sum, Some(f::aggregate(Avg, Some(field(f::track::PRICE))))),
    ]);
    let mean = |album: i128| {
        let prices = tracks_where(|n| 1 + n % 5 == album).into_iter().map(|n| n as f64 / 2.0);
        prices.sum::<f64>() / 200.0
    };
    assert_eq!(
        run(again),
        [
            [number(0), number(4), Scalar::Float((2..=5).map(mean).sum())],
            [number(100), number(1), Scalar::Float(mean(1))],
        ]
    );
    // How many groups there are.
    let draft = album().build();
    assert_eq!(count_of(&db, &draft), 5);
    assert!(exists_of(&db, &draft));
}

fn count_of(db: &Store, draft: &Draft) -> u64 {
    super::count(&db.snapshot(), draft).expect("a count")
}

fn exists_of(db: &Store, draft: &Draft) -> bool {
    super::exists(db.snapshot().operation().view(), draft).expect("an answer")
}

#[test]
fn aggregates_beyond_the_five() {
    use AggregateFunction::{Count, CountDistinct, Max, Median, Min, StdDev, StringAgg, Sum, Variance};
    let db = music();
    let item = |function, argument, filter| {
        Postfix::aggregate(crate::expr::AggregateItem { function, argument: Some(argument), filter })
    };
    let length = || field(f::track::MILLISECONDS);
    let short = || Some(length().binary(Le, int(4)));
    let separator = || StringAgg { separator: ", ".to_string() };
    let items = || {
        [
            item(CountDistinct, field(f::track::ALBUM), None),
            item(CountDistinct, field(f::track::EDITOR), None),
            item(Median, length(), short()),
            item(Variance, length(), short()),
            item(StdDev, field(f::track::PRICE), short()),
            item(separator(), field(f::track::NAME), short()),
            item(Sum, length(), short()),
            item(Min, field(f::track::NAME), Some(length().binary(Gt, int(1000)))),
            item(Max, field(f::track::NAME), short()),
            item(Count, field(f::track::EDITOR), short()),
        ]
    };
    let variance = 5.0 / 3.0; // of 1, 2, 3, 4
    let all = Vec::from([
        number(5),
        number(1),
        Scalar::Float(2.5),
        Scalar::Float(variance),
        Scalar::Float(f64::sqrt(1.25 / 3.0)),
        string("track 1, track 2, track 3, track 4"),
        number(10),
        Scalar::Null,
        string("track 4"),
        number(0),
    ]);
    let found = groups(&db, &draft(f::Track).group_by([]).select(items()));
    assert_eq!(found, [all]);
    // The same for each of two groups: 1 and 3, 2 and 4.
    let found = groups(&db, &draft(f::Track).group_by([field(f::track::ACTIVE)]).select(items()));
    let of = |distinct: i128, editors: i128, middle: f64, names: &str, sum: i128, last: &str| {
        Vec::from([
            number(distinct),
            number(editors),
            Scalar::Float(middle),
            Scalar::Float(2.0),
            Scalar::Float(f64::sqrt(0.5)),
            string(names),
            number(sum),
            Scalar::Null,
            string(last),
            number(0),
        ])
    };
    let expected =
        [of(5, 0, 2.0, "track 1, track 3", 4, "track 3"), of(5, 1, 3.0, "track 2, track 4", 6, "track 4")];
    assert_eq!(found, expected);
    // Of one value there is no variance, of none no median.
    let few = draft(f::Track).filter(length().binary(Eq, int(7))).group_by([]).select([
        item(Variance, length(), None),
        item(Median, field(f::track::EDITOR).unary(UnaryOp::IsSome).choose(length(), null(Type::I64)), None),
    ]);
    assert_eq!(groups(&db, &few), [[Scalar::Null, Scalar::Null]]);
}

#[test]
fn faults_of_rows_that_an_aggregate_leaves_out_do_not_count() {
    use AggregateFunction::Sum;
    let db = music();
    let snapshot = db.snapshot();
    let inverse = || int(1000).binary(Divide, field(f::track::MILLISECONDS).binary(Add, int(-5)));
    let sum = |filter: Option<Postfix>| {
        let item = crate::expr::AggregateItem { function: Sum, argument: Some(inverse()), filter };
        let draft = draft(f::Track).filter(field(f::track::MILLISECONDS).binary(Le, int(6)));
        let draft = draft.group_by([field(f::track::ACTIVE)]).select([Postfix::aggregate(item)]);
        rows(snapshot.operation().view(), &draft.build(), RuleSet::ALL)
    };
    assert!(sum(None).is_err());
    let absent = null(Type::I64).binary(Add, inverse());
    let item = crate::expr::AggregateItem { function: Sum, argument: Some(absent), filter: None };
    let absent = draft(f::Track).group_by([]).select([Postfix::aggregate(item)]).build();
    assert!(rows(snapshot.operation().view(), &absent, RuleSet::ALL).is_err());
    let others = sum(Some(field(f::track::MILLISECONDS).binary(Ne, int(5)))).expect("sums");
    assert_eq!(others, [[number(-250 - 500)], [number(-333 - 1000 + 1000)]]);
}

#[test]
fn a_mean_has_a_result_where_the_sum_of_the_same_overflows() {
    use AggregateFunction::{Avg, Count, Sum};
    let db = music();
    let snapshot = db.snapshot();
    let large = || Some(field(f::track::MILLISECONDS).binary(Multiply, int(1 << 50)));
    let run = |draft: DraftBuilder| rows(snapshot.operation().view(), &draft.build(), RuleSet::ALL);
    let groups = |key: Vec<Postfix>| {
        let is_large = f::aggregate(Sum, large()).binary(Gt, int(5));
        let some = f::aggregate(Count, None).binary(Gt, Postfix::literal(Scalar::Int(0), Type::U64));
        draft(f::Track).group_by(key).filter(is_large.binary(Or, some))
    };
    let mean = |of: f64| [Scalar::Float(of * (1u64 << 50) as f64)];
    let means = || [f::aggregate(Avg, large())];
    assert_eq!(run(groups(Vec::new()).select(means())).expect("a mean"), [mean(500.5)]);
    let by_activity = run(groups(Vec::from([field(f::track::ACTIVE)])).select(means())).expect("means");
    assert_eq!(by_activity, [mean(500.0), mean(501.0)]);
    let both = [f::aggregate(Avg, large()), f::aggregate(Sum, large())];
    assert!(run(groups(Vec::new()).select(both)).is_err());
}

#[test]
fn one_of_two_values_by_a_condition() {
    let db = music();
    let snapshot = db.snapshot();
    let length = || field(f::track::MILLISECONDS);
    let word = length().binary(Lt, int(3)).choose(text("short"), field(f::track::NAME));
    let inverse =
        length().binary(Eq, int(2)).choose(int(0), int(12).binary(Divide, length().binary(Add, int(-2))));
    let editor = field(f::track::EDITOR).binary(Eq, id(1)).choose(length(), null(Type::I64));
    let first = draft(f::Track).filter(length().binary(Le, int(4))).select([word, inverse, editor]);
    let found = rows(snapshot.operation().view(), &first.build(), RuleSet::ALL).expect("rows");
    let row = |word: &str, inverse| Vec::from([string(word), number(inverse), Scalar::Null]);
    assert_eq!(found, [row("short", -12), row("short", 0), row("track 3", 12), row("track 4", 6)]);
    // The division by zero of the second row is not chosen; where it is, it counts.
    let chosen =
        length().binary(Eq, int(9)).choose(int(0), int(12).binary(Divide, length().binary(Add, int(-2))));
    let draft = draft(f::Track).select([chosen]).build();
    assert!(rows(snapshot.operation().view(), &draft, RuleSet::ALL).is_err());
}

#[test]
fn faults_count_only_on_rows_that_come_out() {
    let db = music();
    let snapshot = db.snapshot();
    let length = || field(f::track::MILLISECONDS);
    let inverse = || int(1000).binary(Divide, length().binary(Add, int(-5)));
    let run = |draft: DraftBuilder| rows(snapshot.operation().view(), &draft.build(), RuleSet::ALL);
    let faulty = |result: Result<Vec<Vec<Scalar>>, EngineError>| match result {
        Err(EngineError::Exec(ExecError::Arithmetic(fault))) => fault.to_string(),
        other => panic!("{other:?}"),
    };
    let big = || inverse().binary(Gt, int(400));
    assert_eq!(faulty(run(tracks(big()))), "division of 1000 and 0 (i64) divides by zero");
    // The row with the fault is dropped by another predicate, whichever is tried first.
    let other = || length().binary(Ne, int(5));
    assert_eq!(numbers(&db, tracks(big().binary(And, other()))), [6, 7]);
    assert_eq!(numbers(&db, tracks(big()).filter(field(f::track::ID).binary(Gt, id(6)))), [7]);
    assert_eq!(numbers(&db, tracks(length().binary(Eq, int(5)).binary(Or, big()))), [5, 6, 7]);
    // It lies behind the limit.
    let before = tracks(inverse().binary(Lt, int(0))).limit(3);
    assert_eq!(run(before).expect("rows").len(), 3);
    assert!(run(tracks(inverse().binary(Lt, int(0))).limit(5)).is_err());
    let overflow =
        draft(f::Track).filter(length().binary(Eq, int(7))).select([length().binary(Add, int(i64::MAX))]);
    assert_eq!(faulty(run(overflow)), "addition of 7 and 9223372036854775807 (i64) overflows");
    let total =
        draft(f::Track).aggregate([(AggregateFunction::Sum, Some(length().binary(Multiply, int(1 << 50))))]);
    assert_eq!(faulty(run(total)), "sum of the values (i64) overflows");
    let any = reverse(f::Track, f::track::ALBUM, Quantifier::Any, Some(big()));
    // Album 1 has track 5, and 6 and 7 are of others: for it alone the answer is unknown.
    assert!(run(draft(f::Album).filter(any.clone())).is_err());
    assert_eq!(
        numbers(&db, draft(f::Album).filter(any).filter(field(f::album::ID).binary(Gt, id(1)))),
        [2, 3]
    );
}

#[test]
fn assignments_see_the_old_values() {
    let db = music();
    let snapshot = db.snapshot();
    let operation = snapshot.operation();
    let view = operation.view();
    let collection = view.catalog().bound(f::Track()).expect("a collection");
    let record = view.get(collection, 7).expect("a readable page").expect("a record");
    let set = |ordinal, expression| Assignment { ordinal, expression };
    let assignments = [
        set(f::track::MILLISECONDS, field(f::track::MILLISECONDS).binary(Multiply, int(2))),
        set(f::track::NAME, through(&[f::track::ALBUM], f::album::TITLE)),
        set(f::track::EDITOR, null(Type::Id)),
        set(f::track::ACTIVE, field(f::track::MILLISECONDS).binary(Eq, int(7))),
    ];
    let mut out = RecordDraft::default();
    assign(view, f::Track, record, &assignments, &mut out).expect("an update");
    let value = |ordinal: u16| {
        let place = &collection.places[usize::from(ordinal)];
        Scalar::from_cell(place.ty, out.field(place).as_cell()).expect("a sound cell")
    };
    assert_eq!(value(f::track::MILLISECONDS), number(14));
    assert_eq!(value(f::track::NAME), string("Live After Death"));
    assert_eq!(value(f::track::EDITOR), Scalar::Null);
    assert_eq!(value(f::track::ACTIVE), Scalar::Bool(true));
    assert_eq!(value(f::track::ID), number(7));
    let wrong = [set(f::track::ALBUM, field(f::track::EDITOR))];
    let error =
        assign(view, f::Track, record, &wrong, &mut out).expect_err("an absent value for a required field");
    assert!(matches!(error, EngineError::Plan(PlanError::MayBeAbsent { .. })), "{error}");
}

#[test]
fn keys_are_those_of_the_rows() {
    let db = music();
    let snapshot = db.snapshot();
    let last = || tracks(field(f::track::MILLISECONDS).binary(Gt, int(997)));
    let mut ranks = keys(snapshot.operation().view(), &last().build(), false).expect("keys");
    ranks.sort_unstable();
    assert_eq!(ranks, [998, 999, 1000]);
    let ordered = last().order_by(field(f::track::MILLISECONDS), true);
    let ranks = keys(snapshot.operation().view(), &ordered.build(), true).expect("keys");
    assert_eq!(ranks, [1000, 999, 998]);
}

#[test]
fn what_cannot_be_planned_says_why() {
    let db = music();
    let snapshot = db.snapshot();
    let message = |draft: DraftBuilder| match explain(snapshot.operation().view(), &draft.build()) {
        Err(error) => error.to_string(),
        Ok(plan) => panic!("planned: {plan}"),
    };
    assert_eq!(
        message(tracks(field(f::track::NAME).binary(Eq, int(5)))),
        "`=` takes two values of one type, not String and i64"
    );
    assert_eq!(message(tracks(field(f::track::NAME))), "a predicate is a bool, not String");
    assert_eq!(
        message(tracks(through(&[f::track::NAME], 0).binary(Eq, int(5)))),
        "field `name` of collection `Track` is not a relation"
    );
    static ELSEWHERE: CollectionSchema = CollectionSchema {
        name: "Elsewhere",
        fields: &[],
        key: crate::schema::KeySchema::Natural(&[]),
        indexes: &[],
        page_size: None,
    };
    assert_eq!(
        message(tracks(exists(|| &ELSEWHERE, 1, Postfix::literal(Scalar::Bool(true), Type::Bool)))),
        "collection `Elsewhere` is not in this database's schema: add it to `epilog::schema!`"
    );
}

#[test]
fn little_is_read_when_little_is_wanted() {
    let db = music();
    let snapshot = db.snapshot();
    // Every row from the sixth on has a fault: reading on would be an error.
    let fault = int(1).binary(Divide, field(f::track::MILLISECONDS).binary(Add, int(-6))).binary(Lt, int(5));
    let draft = tracks(fault).build();
    assert!(super::exists(snapshot.operation().view(), &draft).expect("the first row decides"));
    assert!(count(&snapshot, &draft).is_err());
}

#[test]
fn what_a_link_runs_into_counts_for_the_pairs_that_are_left() {
    // Of track 5 it is not known which readings it is linked with: that is a fault of each pair, so of none where there are none,
    // and of none that something else drops.
    let db = music();
    let snapshot = db.snapshot();
    let inverse = || int(10).binary(Divide, field(f::track::MILLISECONDS).binary(Add, int(-5)));
    let value = || inner(1, f::reading::VALUE);
    let linked = || value().binary(Eq, inverse());
    let run = |predicate: Postfix, rules| {
        let few = field(f::track::ID).binary(Lt, id(8));
        let draft = draft(f::Track).filter(few).filter(exists(f::Reading, 1, predicate)).build();
        rows(snapshot.operation().view(), &draft, rules).ok().map(|rows| rows.len())
    };
    let check = |other: Option<Postfix>, expected: Option<usize>| {
        let predicate = || match &other {
            Some(other) => linked().binary(And, other.clone()),
            None => linked(),
        };
        assert_eq!(run(predicate(), RuleSet::ALL), expected, "{other:?}");
        assert_eq!(run(predicate(), RuleSet::NONE), expected, "{other:?}");
    };
    let length = |more| field(f::track::MILLISECONDS).binary(Add, int(more));
    check(None, None);
    // About the record alone.
    check(Some(value().binary(Gt, int(100_000))), Some(0));
    check(Some(value().binary(Gt, int(1_000))), None);
    // About both: another link, and a test of pairs.
    check(Some(value().binary(Eq, length(100))), Some(0));
    check(Some(value().binary(Eq, length(95))), None);
    check(Some(value().binary(Lt, length(-1_000))), Some(0));
    check(Some(value().binary(Lt, length(1_000))), None);
}

#[test]
fn rows_with_one_partner_each_have_its_fields() {
    // Each millisecond is that of one track. Tracks are joined with others twice as long, of which the longer half has none, so
    // that partners are found by number, absent ones among them: texts, values that may be absent, and keys.
    let db = music();
    let snapshot = db.snapshot();
    let on = inner(1, f::track::MILLISECONDS)
        .binary(Eq, field(f::track::MILLISECONDS).binary(Add, field(f::track::MILLISECONDS)));
    let select =
        [f::track::ID, f::track::NAME, f::track::MILLISECONDS, f::track::EDITOR].map(|of| inner(1, of));
    let run = |kind, keep: Postfix| {
        let draft = draft(f::Track)
            .filter(keep)
            .clause(Clause::Join { collection: f::Track, on: on.clone(), kind })
            .select([field(f::track::ID)].into_iter().chain(select.clone()))
            .build();
        let plan = explain(snapshot.operation().view(), &draft).expect("a plan").to_string();
        assert!(plan.contains("through hash table"), "{plan}");
        let mut found = rows(snapshot.operation().view(), &draft, RuleSet::ALL).expect("rows");
        found.sort_by_key(|row| if let Scalar::Int(id) = row[0] { id } else { 0 });
        found
    };
    let row = |id: i128| {
        let of = 2 * id;
        let partner = [
            number(of),
            string(&format!("track {of}")),
            number(of),
            if of % 10 == 0 { number(1) } else { Scalar::Null },
        ];
        let partner = if of <= 1000 { partner } else { [const { Scalar::Null }; 4] };
        [number(id)].into_iter().chain(partner).collect::<Vec<Scalar>>()
    };
    let all = || Postfix::literal(Scalar::Bool(true), Type::Bool);
    assert_eq!(run(JoinKind::Inner, all()), (1..=500).map(row).collect::<Vec<_>>());
    assert_eq!(run(JoinKind::Left, all()), (1..=1000).map(row).collect::<Vec<_>>());
    // Of few rows of a leaf, and of most.
    for (least, kept) in [(0, 0..1), (1, 1..7)] {
        let seventh = field(f::track::MILLISECONDS).binary(Remainder, int(7));
        let keep = if least == 0 { seventh.binary(Eq, int(0)) } else { seventh.binary(Ge, int(least)) };
        let kept = (1..=1000).filter(|id| kept.contains(&(id % 7)));
        assert_eq!(run(JoinKind::Left, keep), kept.map(row).collect::<Vec<_>>());
    }
}

#[cfg(not(feature = "small"))]
#[test]
fn what_is_absent_is_among_what_another_query_has_not() {
    let store = store(&with_tracks(40));
    let snapshot = store.snapshot();
    let asked = |ordinal: u16| {
        let other = draft(f::Track).limit(9).select([through(&[f::track::EDITOR], ordinal)]).build();
        let asked = through(&[f::track::EDITOR], ordinal).is_in_query(other);
        draft(f::Track).filter(asked).select([field(f::track::ID)]).build()
    };
    for draft in [asked(f::artist::ID), asked(f::artist::NAME)] {
        for rules in [RuleSet::ALL, RuleSet::NONE, RuleSet::ALL.without("key_through_relation")] {
            let found = rows(snapshot.operation().view(), &draft, rules).expect("rows");
            assert_eq!(found.len(), 40, "each sixth has no editor");
        }
    }
}
