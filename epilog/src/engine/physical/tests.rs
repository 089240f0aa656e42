//! Plans of drafts over made-up statistics, compared as text.

#[cfg(not(feature = "small"))]
mod choices;
mod paths;

use alloc::format;
use alloc::string::ToString;

use super::*;
use crate::engine::explain::Plan;
use crate::engine::fixture::{
    self as f, DraftBuilder, Made, draft, exists, field, id, inner, int, null, reverse, text, through,
};
use crate::engine::logical::{Purpose, lower};
use crate::engine::optimizer::{RuleSet, optimize};
use crate::expr::BinaryOp::{Add, And, Eq, Ge, Gt, Like, Lt, Or, StartsWith};
use crate::expr::{AggregateFunction, AggregateItem, Keyset, Postfix, Quantifier, Side, UnaryOp};
#[cfg(not(feature = "small"))]
use crate::expr::{Clause, OrderTerm, Subquery};
use crate::schema::Catalog;
use crate::value::{Scalar, Type};

fn explain(draft: DraftBuilder, purpose: Purpose) -> alloc::string::String {
    explain_in(&f::catalog(), draft, purpose)
}

fn explain_in(catalog: &Catalog, draft: DraftBuilder, purpose: Purpose) -> alloc::string::String {
    let logical = lower(catalog, &draft.build(), purpose).expect("a draft that can be planned");
    Plan::of(&plan(&optimize(logical, RuleSet::ALL, &Made), &Made)).to_string()
}

#[track_caller]
fn check(draft: DraftBuilder, expected: &str) {
    assert_eq!(explain(draft, Purpose::Rows), expected);
}

fn tracks(predicate: Postfix) -> DraftBuilder {
    draft(f::Track).filter(predicate)
}

#[test]
fn keys_are_looked_up() {
    check(tracks(field(f::track::ID).binary(Eq, id(7))), "key lookup Track by id = 7");
    check(tracks(field(f::track::ID).is_in([id(7), id(3)])), "key lookup Track by id in (3, 7)");
    let either = field(f::track::ID).binary(Eq, id(7)).binary(Or, field(f::track::ID).binary(Eq, id(9)));
    check(tracks(either), "key lookup Track by id in (7, 9)");
    check(tracks(field(f::track::ID).binary(Gt, id(7))), "key range Track by id > 7");
    let between = field(f::track::ID).between(id(10), id(20)).binary(And, field(f::track::ACTIVE));
    check(tracks(between), "filter active\n  key range Track by id between 10 and 20");
}

#[test]
fn indexes_are_searched() {
    check(
        draft(f::Artist).filter(field(f::artist::NAME).binary(Eq, text("x"))),
        "index lookup Artist by name = \"x\"",
    );
    check(tracks(field(f::track::ALBUM).binary(Eq, id(7))), "index lookup Track by album = 7");
    check(tracks(field(f::track::ALBUM).is_in([id(1), id(2)])), "index lookup Track by album in (1, 2)");
    check(
        draft(f::Album).filter(field(f::album::TITLE).binary(StartsWith, text("Live"))),
        "index range Album by title starts_with \"Live\"",
    );
    check(
        draft(f::Country).filter(field(f::country::CODE).binary(Eq, text("NZ"))),
        "index lookup Country by code = \"NZ\"",
    );
    check(
        tracks(field(f::track::EDITOR).binary(Eq, null(Type::Id))),
        "index lookup Track by is_none(editor)",
    );
}

#[test]
fn a_compound_index_takes_equalities_and_one_range() {
    let artist = || field(f::album::ARTIST).binary(Eq, id(7));
    let date = Postfix::literal(crate::value::Scalar::Int(730_120), Type::Date);
    let after = field(f::album::RELEASED).binary(Ge, date);
    check(
        draft(f::Album).filter(artist().binary(And, after)).limit(3),
        "limit 3\n  index range Album by artist = 7 & released >= 2000-01-01",
    );
    check(
        draft(f::Album).filter(artist()).order_by(field(f::album::RELEASED), true),
        "index lookup Album by artist = 7 backwards",
    );
}

#[test]
fn a_wide_range_is_scanned_and_a_narrow_choice_is_not() {
    let long = || field(f::track::MILLISECONDS).binary(Gt, int(300_000));
    check(tracks(long()), "filter milliseconds > 300000\n  scan Track");
    check(tracks(long()).limit(5), "limit 5\n  filter milliseconds > 300000\n    scan Track");
    check(
        tracks(long().binary(And, field(f::track::ALBUM).binary(Eq, id(1)))),
        "filter milliseconds > 300000\n  index lookup Track by album = 1",
    );
}

#[test]
fn an_index_saves_the_sort_of_a_few() {
    let by_length = || draft(f::Track).order_by(field(f::track::MILLISECONDS), true);
    check(by_length().limit(10), "limit 10\n  index scan Track by milliseconds backwards");
    check(by_length(), "sort milliseconds desc\n  scan Track");
    check(draft(f::Track).order_by(field(f::track::ID), true), "scan Track backwards");
    check(
        draft(f::Track).order_by(field(f::track::NAME), false).limit(10).offset(0),
        "top 10 by name\n  scan Track",
    );
    check(
        tracks(field(f::track::ALBUM).binary(Eq, id(1))).order_by(field(f::track::ID), true).limit(2),
        "limit 2\n  index lookup Track by album = 1 backwards",
    );
}

/// What an offset passes over is not fetched, so that a walk along an index is worth it for longer.
#[test]
#[cfg(not(feature = "small"))]
fn records_that_are_passed_over_are_not_fetched() {
    let after =
        |of: DraftBuilder, offset| of.order_by(field(f::track::MILLISECONDS), false).offset(offset).limit(10);
    check(after(draft(f::Track), 20_000), "limit 10 offset 20000\n  index scan Track by milliseconds");
    // Whether they are active is seen in the records only.
    check(
        after(tracks(field(f::track::ACTIVE)), 20_000),
        "top 10 offset 20000 by milliseconds\n  filter active\n    scan Track",
    );
}

/// The first few by several terms, of which an index has the first: once there are as many as are wanted, and longer ones
/// follow, no more are read.
#[test]
#[cfg(not(feature = "small"))]
fn an_index_with_the_first_of_several_terms_saves_reading_the_rest() {
    let by = |terms: [(u16, bool); 2]| {
        let term = |(of, descending)| OrderTerm { expression: field(of), descending, nulls_first: None };
        draft(f::Track).clause(Clause::Order(terms.map(term).into()))
    };
    let by_length = |descending| by([(f::track::MILLISECONDS, descending), (f::track::NAME, false)]);
    check(
        by_length(false).limit(10),
        "top 10 by milliseconds, name; they come by milliseconds\n  index scan Track by milliseconds",
    );
    check(
        by_length(true).limit(10),
        "top 10 by milliseconds desc, name; they come by milliseconds desc\n  \
         index scan Track by milliseconds backwards",
    );
    // The key, of which no two are equal, is not followed by anything.
    let by_key = by([(f::track::ID, true), (f::track::NAME, false)]);
    check(by_key.limit(10), "limit 10\n  scan Track backwards");
    // Nothing is saved where all are wanted, or nearly all.
    check(by_length(false), "sort milliseconds, name\n  scan Track");
    check(by_length(false).limit(40_000), "top 40000 by milliseconds, name\n  scan Track");
    let by_name = by([(f::track::NAME, false), (f::track::MILLISECONDS, false)]);
    check(by_name.limit(10), "top 10 by name, milliseconds\n  scan Track");
}

/// The first few by key of what an index range holds: many are soon met on a walk along the keys, of few the ranks are
/// sorted, and only those wanted are fetched.
#[test]
fn the_first_by_key_of_a_range_are_walked_to_or_their_ranks_sorted() {
    let long = || tracks(field(f::track::MILLISECONDS).binary(Gt, int(300_000)));
    let first = |descending| long().order_by(field(f::track::ID), descending).limit(100);
    check(first(false), "limit 100\n  filter milliseconds > 300000\n    scan Track");
    check(first(true), "limit 100\n  filter milliseconds > 300000\n    scan Track backwards");
    let date = || Postfix::literal(crate::value::Scalar::Int(730_120), Type::Date);
    let few = || {
        let artist = field(f::album::ARTIST).binary(Eq, id(7));
        draft(f::Album).filter(artist.binary(And, field(f::album::RELEASED).binary(Ge, date())))
    };
    let found = "index range Album by artist = 7 & released >= 2000-01-01";
    check(few().order_by(field(f::album::ID), false).limit(3), &format!("limit 3\n  {found}, sorted by key"));
    check(few().order_by(field(f::album::ID), true), &format!("{found}, sorted by key backwards"));
    // Ranks say nothing of another order, and an index of one given value is in theirs already.
    check(few().order_by(field(f::album::TITLE), false).limit(3), &format!("top 3 by title\n  {found}"));
    check(
        tracks(field(f::track::ALBUM).binary(Eq, id(1))).order_by(field(f::track::ID), false).limit(3),
        "limit 3\n  index lookup Track by album = 1",
    );
}

#[test]
fn prefixes_of_patterns_are_ranges_and_patterns_remain() {
    check(
        draft(f::Album)
            .filter(field(f::album::TITLE).binary(Like, text("Li%e")))
            .order_by(field(f::album::TITLE), false)
            .limit(1),
        "limit 1\n  index range Album by title like \"Li%e\", entries with title like \"Li%e\"",
    );
}

#[test]
fn what_cannot_be_is_not_looked_for() {
    check(tracks(field(f::track::ID).is_in([])), "nothing Track");
    let both = field(f::track::MILLISECONDS).binary(Gt, int(5));
    let both = both.binary(And, field(f::track::MILLISECONDS).binary(Lt, int(3)));
    check(tracks(both), "nothing Track");
    let both = field(f::track::ID).binary(Gt, id(u64::MAX));
    check(tracks(both), "nothing Track");
}

#[test]
fn relations_are_followed_from_the_searched_end() {
    let by_artist =
        through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME).binary(Eq, text("Iron Maiden"));
    check(
        tracks(by_artist.clone()),
        "index lookup Track by album\n  index lookup Album by artist, keys only\n    \
         index lookup Artist by album.artist.name = \"Iron Maiden\", keys only",
    );
    check(
        tracks(by_artist).select([field(f::track::NAME), through(&[f::track::ALBUM], f::album::TITLE)]),
        "project name, album.title\n  lookup Album by album\n    index lookup Track by album\n      \
         index lookup Album by artist, keys only\n        index lookup Artist by album.artist.name = \"Iron Maiden\", keys only",
    );
    let editor = through(&[f::track::EDITOR], f::artist::NAME);
    check(
        tracks(editor.clone().binary(Eq, text("x"))),
        "index lookup Track by editor\n  index lookup Artist by editor.name = \"x\", keys only",
    );
    check(
        tracks(editor.binary(Eq, null(Type::String))),
        "filter is_none(editor.name)\n  lookup Artist by editor\n    scan Track",
    );
}

#[test]
fn what_rows_may_point_at_is_found_out_first() {
    let live = through(&[f::track::ALBUM], f::album::TITLE).binary(Like, text("%Live%")).unary(UnaryOp::Not);
    check(
        tracks(live.clone().binary(And, field(f::track::ACTIVE))),
        "among Album by album\n  filter active\n    scan Track\n  filter !(album.title like \"%Live%\")\n    scan Album",
    );
    // Also where an index leads back from those: they are too many to be fetched one by one, and too few to be looked up for each row.
    let named = through(&[f::track::ALBUM], f::album::TITLE).binary(Like, text("%Live%"));
    check(
        tracks(named).select([field(f::track::NAME), through(&[f::track::ALBUM], f::album::TITLE)]),
        "project name, album.title\n  lookup Album by album\n    among Album by album\n      scan Track\n      \
         filter album.title like \"%Live%\"\n        scan Album",
    );
    // What is beyond is asked there, and what the rows that are left are shown with is looked up for them.
    let by = through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME);
    check(
        tracks(by.clone().binary(Like, text("%x%")).unary(UnaryOp::Not)).select([field(f::track::NAME), by]),
        "project name, album.artist.name\n  lookup Artist by album.artist\n    lookup Album by album\n      \
         among Album by album\n        scan Track\n        among Artist by album.artist\n          scan Album\n          \
         filter !(album.artist.name like \"%x%\")\n            scan Artist",
    );
    // An optional relation that leads nowhere fails what an absent value fails, and not what it does not.
    let editor = through(&[f::track::EDITOR], f::artist::NAME);
    check(
        tracks(editor.clone().binary(StartsWith, text("x"))),
        "index lookup Track by editor\n  index range Artist by editor.name starts_with \"x\", keys only",
    );
    check(
        tracks(editor.binary(Like, text("%x%")).unary(UnaryOp::Not)),
        "filter !(editor.name like \"%x%\")\n  lookup Artist by editor\n    scan Track",
    );
    // Of a few rows all are looked up.
    check(
        tracks(field(f::track::ID).is_in([id(1), id(2)]).binary(And, live)),
        "filter !(album.title like \"%Live%\")\n  lookup Album by album\n    key lookup Track by id in (1, 2)",
    );
    // What may have no result is asked of each row: another predicate may drop it.
    let length = through(&[f::track::ALBUM], f::album::TITLE).unary(UnaryOp::Length);
    check(
        tracks(length.clone().binary(Add, length.clone()).binary(Gt, length)),
        "filter (len(album.title) + len(album.title)) > len(album.title)\n  lookup Album by album\n    scan Track",
    );
}

#[test]
fn subqueries_become_joins() {
    let live = field(f::album::TITLE).binary(Like, text("%Live%"));
    check(
        draft(f::Artist).filter(reverse(f::Album, f::album::ARTIST, Quantifier::Any, Some(live.clone()))),
        "semi join Album through hash table, Album.artist = id\n  sieve by id\n    scan Artist\n  \
         filter Album.title like \"%Live%\"\n    scan Album",
    );
    check(
        draft(f::Artist)
            .filter(reverse(f::Album, f::album::ARTIST, Quantifier::Any, Some(live)).unary(UnaryOp::Not)),
        "anti join Album through hash table, Album.artist = id\n  scan Artist\n  \
         filter Album.title like \"%Live%\"\n    scan Album",
    );
    let titled = field(f::album::TITLE).binary(Eq, text("Powerslave"));
    check(
        draft(f::Artist).filter(reverse(f::Album, f::album::ARTIST, Quantifier::Any, Some(titled))),
        "key lookup Artist by Album.artist\n  index lookup Album by Album.title = \"Powerslave\"",
    );
    let count = reverse(f::Album, f::album::ARTIST, Quantifier::Count, None);
    check(
        draft(f::Artist).filter(field(f::artist::ID).binary(Eq, id(1))).select([count]),
        "project [count Album]\n  count Album through index, Album.artist = id\n    key lookup Artist by id = 1",
    );
}

#[test]
#[cfg(not(feature = "small"))]
fn an_index_of_some_records_is_looked_into_for_rows_that_ask_for_no_others() {
    let asked = |of_code: Postfix| {
        let on = inner(1, f::reading::VALUE).binary(Eq, field(f::track::MILLISECONDS)).binary(And, of_code);
        explain(
            tracks(field(f::track::ID).binary(Eq, id(7))).filter(exists(f::Reading, 1, on)),
            Purpose::Rows,
        )
    };
    let code = || inner(1, f::reading::CODE);
    assert_eq!(
        asked(code().unary(UnaryOp::IsNone)),
        "semi join Reading through index, Reading.value = milliseconds\n  key lookup Track by id = 7\n  \
         filter is_none(Reading.code)"
    );
    let positive = inner(1, f::reading::VALUE).binary(Gt, int(0));
    let both = asked(code().unary(UnaryOp::IsSome).binary(And, positive));
    let by_entries = "semi join Reading through index, Reading.value = milliseconds, entries only\n";
    assert!(both.starts_with(by_entries), "{both}");
    // It has not all of these.
    let others = asked(code().unary(UnaryOp::IsSome));
    assert!(others.contains("through hash table"), "{others}");
}

#[test]
fn aggregates_of_subqueries_are_calculated_once_for_each_key() {
    let item = AggregateItem {
        function: AggregateFunction::Sum,
        argument: Some(field(f::track::MILLISECONDS)),
        filter: None,
    };
    let sum = || {
        let asked = Quantifier::aggregate(item.clone()).expect("tests have all parts");
        reverse(f::Track, f::track::ALBUM, asked, None)
    };
    check(
        draft(f::Album).select([sum()]),
        "project [sum(Track.milliseconds)]\n  aggregate of Track through hash table, Track.album = id: \
         sum(Track.milliseconds)\n    scan Album\n    scan Track",
    );
    check(
        draft(f::Album).filter(field(f::album::ID).binary(Eq, id(1))).select([sum()]),
        "project [sum(Track.milliseconds)]\n  aggregate of Track through index, Track.album = id: \
         sum(Track.milliseconds)\n    key lookup Album by id = 1",
    );
}

#[test]
fn rows_of_another_query_are_looked_up_by_their_value() {
    let few = draft(f::Track).group_by([field(f::track::ALBUM)]).build();
    check(
        draft(f::Album).filter(field(f::album::ID).is_in_query(few)),
        "semi join Track through hash table, [Track.album] = id\n  scan Album\n  aggregate by Track.album\n    scan Track",
    );
}

#[test]
fn values_that_may_have_no_result_are_looked_up_as_well() {
    let longest = f::aggregate(AggregateFunction::Max, Some(field(f::track::MILLISECONDS)));
    let longest = draft(f::Track).group_by([field(f::track::ALBUM)]).select([longest]).build();
    check(
        tracks(field(f::track::MILLISECONDS).is_in_query(longest)),
        "semi join Track through hash table, [max(Track 2.milliseconds)] = milliseconds\n  scan Track\n  \
         aggregate max(Track 2.milliseconds) by Track 2.album\n    scan Track",
    );
}

#[test]
fn indexes_are_combined() {
    let of_album = field(f::track::ALBUM).binary(Eq, id(1));
    let by_key = field(f::track::ID).binary(Eq, id(5));
    check(tracks(of_album.clone().binary(Or, by_key)), "index union Track by album = 1 | id = 5");
    // What is asked beside an alternative is asked of the records; what cannot be searched for keeps all of it from it.
    let long = field(f::track::MILLISECONDS).binary(Gt, int(5));
    let edited = field(f::track::EDITOR).binary(Eq, id(2));
    check(
        tracks(of_album.clone().binary(And, long.clone()).binary(Or, edited.clone())),
        "filter (album = 1 & milliseconds > 5) | editor = 2\n  \
         index union Track by (album = 1 & milliseconds > 5) | editor = 2",
    );
    check(tracks(of_album.binary(Or, long.clone())), "filter album = 1 | milliseconds > 5\n  scan Track");
}

#[test]
fn pairs_without_an_equality_are_ranges_or_all_tried() {
    let compared = |op| exists(f::Track, 1, inner(1, f::track::NAME).binary(op, field(f::album::TITLE)));
    check(
        draft(f::Album).filter(compared(Lt)),
        "semi join Track, pairs by ranges of Track.name, once for each title\n  scan Album\n  scan Track\n  filter Track.name < title",
    );
    check(
        draft(f::Album).filter(compared(crate::expr::BinaryOp::Ne)),
        "semi join Track, every pair, once for each title\n  scan Album\n  scan Track\n  filter Track.name != title",
    );
}

#[test]
#[cfg(not(feature = "small"))]
fn aggregates_of_ranges_take_what_they_are_made_of() {
    let asked = |function, of: u16, on: Postfix| {
        let item = AggregateItem { function, argument: Some(inner(1, of)), filter: None };
        draft(f::Album).select([Postfix::subquery(Subquery {
            collection: f::Track,
            link: crate::expr::op::Link::Correlated { position: 1 },
            quantifier: Quantifier::aggregate(item).expect("tests have all parts"),
            predicate: Some(on),
            equal: None,
        })])
    };
    let how = |draft: DraftBuilder| {
        let plan = explain(draft, Purpose::Rows);
        let line = plan.lines().nth(1).expect("a subquery").trim().to_string();
        line.split(": ").next().expect("its method").to_string()
    };
    let later = || inner(1, f::track::NAME).binary(Gt, field(f::album::TITLE));
    let (min, max) = (AggregateFunction::Min, AggregateFunction::Max);
    let name = f::track::NAME;
    let least = "aggregate of Track, pairs by the least of ranges of Track.name";
    assert_eq!(how(asked(min.clone(), name, later())), least);
    assert_eq!(how(asked(max.clone(), name, later())), least.replace("least", "greatest"));
    let between = inner(1, name).between(field(f::album::TITLE), field(f::album::TITLE));
    assert_eq!(how(asked(min.clone(), name, between)), least);
    // Of another value, or where more is asked, all of a range is looked at.
    let whole = "aggregate of Track, pairs by ranges of Track.name";
    assert_eq!(how(asked(min.clone(), f::track::PRICE, later())), whole);
    let other = inner(1, f::track::ID).binary(Gt, field(f::album::ID));
    assert_eq!(how(asked(min, name, later().binary(And, other.binary(Or, later())))), whole);
    assert_eq!(how(asked(AggregateFunction::ArrayAgg, name, later())), whole);
}

#[test]
fn counts_read_as_little_as_they_can() {
    assert_eq!(explain(draft(f::Track), Purpose::Count), "project [count]\n  count records Track");
    assert_eq!(
        explain(tracks(field(f::track::ALBUM).binary(Eq, id(1))), Purpose::Count),
        "project [count]\n  aggregate count\n    index lookup Track by album = 1, keys only",
    );
    assert_eq!(
        explain(draft(f::Track).order_by(field(f::track::NAME), false), Purpose::Exists),
        "limit 1\n  scan Track"
    );
    check(
        draft(f::Track).aggregate([(AggregateFunction::Sum, Some(field(f::track::MILLISECONDS)))]),
        "project [sum(milliseconds)]\n  aggregate sum(milliseconds)\n    scan Track",
    );
}

#[test]
fn a_page_is_sought_where_an_index_or_the_key_has_the_order() {
    let check_page = |draft: DraftBuilder, place: &[(Scalar, Type)], expected: &str| {
        let keyset = Keyset::of(&draft.build()).expect("records have keys");
        let catalog = f::catalog();
        let draft = keyset.page(place, Side::After, 11);
        let logical = lower(&catalog, &draft, Purpose::Rows).expect("a draft that can be planned");
        let plan = Plan::of(&plan(&optimize(logical, RuleSet::ALL, &Made), &Made)).to_string();
        assert_eq!(plan, expected);
    };
    let int = |number| Scalar::Int(number);
    check_page(
        draft(f::Track),
        &[(int(9), Type::Id)],
        "project Track, id\n  limit 11\n    key range Track by id > 9",
    );
    check_page(
        draft(f::Track).order_by(field(f::track::MILLISECONDS), true),
        &[(int(5), Type::I64), (int(9), Type::Id)],
        "project Track, milliseconds, id\n  limit 11\n    filter milliseconds < 5 | id > 9\n      index range Track by milliseconds <= 5 backwards",
    );
    // What an index has of one value of its first field goes on in the order of its next one.
    check_page(
        draft(f::Album)
            .filter(field(f::album::ARTIST).binary(Eq, id(3)))
            .order_by(field(f::album::RELEASED), false),
        &[(int(700), Type::Date), (int(9), Type::Id)],
        "project Album, released, id\n  limit 11\n    index range Album by artist = 3 & released >= 0002-12-01, entries with released > 0002-12-01 | id > 9",
    );
}

#[test]
fn each_round_of_a_recursion_finds_its_records_through_an_index() {
    use crate::expr::{Clause, Draft, JoinKind, Recursion, SelectItem};
    let on = field(f::track::ALBUM).binary(Eq, Postfix::key(0));
    let further = [field(f::track::ID), Postfix::key(1).binary(Add, int(1))];
    let step = Draft::new(
        f::Track,
        alloc::vec::Vec::from([
            Clause::previous(),
            Clause::Join { collection: f::Track, on, kind: JoinKind::Inner },
            Clause::Select(further.map(SelectItem::Value).into()),
        ]),
    );
    let begin = draft(f::Track).filter(field(f::track::ID).binary(Eq, id(7)));
    let begin = begin.select([field(f::track::ID), int(0)]);
    let found = begin.clause(Clause::recursive(Recursion { step, identity: Some(1), rounds: None }));
    let plan = explain(found, Purpose::Rows);
    assert!(
        plan.contains("join Track through index, Track 3.album = [previous 0]\n      previous rows"),
        "{plan}"
    );
}

#[test]
fn of_conditions_that_contradict_each_other_nothing_is_read() {
    let length = |op, than| field(f::track::MILLISECONDS).binary(op, int(than));
    let price =
        |op, than: f64| field(f::track::PRICE).binary(op, Postfix::literal(Scalar::Float(than), Type::F64));
    let editor = || field(f::track::EDITOR);
    for predicate in [
        price(Gt, 5.0).binary(And, price(Lt, 3.0)),
        price(Eq, 5.0).binary(And, price(Eq, 3.0)),
        price(Eq, 5.0).binary(And, price(crate::expr::BinaryOp::Ne, 5.0)),
        length(Eq, 1).binary(And, length(Eq, 2)),
        length(Gt, 1).binary(And, length(Lt, 2)),
        editor().unary(UnaryOp::IsNone).binary(And, editor().binary(Eq, id(1))),
        field(f::track::ID).is_in([id(1), id(2)]).binary(And, field(f::track::ID).binary(Gt, id(2))),
        field(f::track::NAME)
            .binary(StartsWith, text("a"))
            .binary(And, field(f::track::NAME).binary(Eq, text("b"))),
    ] {
        let plan = explain(tracks(predicate), Purpose::Rows);
        assert!(plan.ends_with("nothing Track"), "{plan}");
    }
    let plan = explain(tracks(price(Gt, 3.0).binary(And, price(Lt, 5.0))), Purpose::Rows);
    assert!(plan.ends_with("scan Track"), "{plan}");
}

#[test]
fn rows_between_two_bounds_are_a_range_of_sorted_ones() {
    use crate::expr::BinaryOp::Le;
    use crate::expr::{Clause, JoinKind};
    let from = inner(1, f::reading::VALUE).binary(Le, field(f::track::MILLISECONDS));
    let to = inner(1, f::reading::VALUE).binary(Gt, field(f::track::MILLISECONDS));
    let join = |on| Clause::Join { collection: f::Reading, on, kind: JoinKind::Inner };
    check(
        draft(f::Track).clause(join(from.binary(And, to))),
        "project Track, Reading\n  join pairs by ranges of Reading.value\n    scan Track\n    scan Reading\n    \
         filter Reading.value <= milliseconds & Reading.value > milliseconds",
    );
}
